/* options.c: the parser that the table of options drives, and the help that it prints. */
#include "tools/common/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/nearest.h"
#include "tools/common/option_table.h"

enum { HELP_COLUMNS = 80 };

static bool takes_argument(const struct vit_option *option)
{
    return option->kind != SET && option->kind != CLEAR;
}

/* ---- Values ---- */

/* Strict: digits only, and one of K, M, G when there is a unit. */
static bool parse_whole(const char *text, int64_t unit, int64_t max, int64_t *value)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    int64_t n = strtoll(text, &end, 10);
    if (errno != 0)
        return false;
    const char *letter = unit && *end ? strchr("KMG", toupper((unsigned char)*end)) : NULL;
    if (letter) {
        for (int power = 0; power <= letter - "KMG"; power++) {
            if (n > max / unit)
                return false;
            n *= unit;
        }
        end++;
    }
    *value = n;
    return *end == '\0' && n >= 1 && n <= max;
}

static bool parse_real(const char *text, double *value)
{
    char *end;
    if (text[0] == '\0' || text[strspn(text, "0123456789.eE+-")] != '\0')
        return false; /* strtod would take blanks, hexadecimal, inf and nan */
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value);
}

/* Three numbers with commas between them. */
static bool parse_triple(const char *text, struct vit_triple *triple)
{
    char word[64];
    for (int i = 0; i < 3; i++) {
        size_t n = strcspn(text, ",");
        if (n >= sizeof word || (text[n] == ',') != (i < 2))
            return false;
        memcpy(word, text, n);
        word[n] = '\0';
        if (!parse_real(word, &triple->values[i]))
            return false;
        text += n + 1;
    }
    triple->given = true;
    return true;
}

static bool parse_choice(const char *text, const char *words, int *value)
{
    size_t length = strlen(text);
    for (int i = 0; words; i++) {
        size_t n = strcspn(words, "|");
        if (n == length && memcmp(words, text, n) == 0) {
            *value = i;
            return true;
        }
        words = words[n] ? words + n + 1 : NULL;
    }
    return false;
}

static bool parse_item(const struct vit_option *option, const char *text, int *value)
{
    if (option->kind == CHOICES)
        return parse_choice(text, option->argument, value);
    int64_t whole = 0;
    bool ok = parse_whole(text, 0, option->max, &whole);
    *value = (int)whole;
    return ok;
}

/* Items with commas between; replaces what the list held. */
static bool parse_list(const struct vit_option *option, const char *text, struct vit_list *list)
{
    list->n = 0;
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        char item[64];
        size_t length = strcspn(at, ",");
        if (length >= sizeof item || list->n == VIT_LIST_MAX)
            return false;
        memcpy(item, at, length);
        item[length] = '\0';
        if (!parse_item(option, item, &list->values[list->n++]))
            return false;
    }
    return true;
}

static vit_status refuse_value(const struct vit_option *option, const char *text, struct vit_error *err)
{
    switch (option->kind) {
    case REAL:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--%s %s: expected a number", option->name, text);
    case TRIPLE:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--%s %s: expected three numbers, as 0.5,0.5,0.5", option->name, text);
    case CHOICE:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--%s %s: expected one of %s", option->name, text, option->argument);
    case CHOICES:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--%s %s: expected one or some of %s, with commas between",
                        option->name, text, option->argument);
    default:
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--%s %s: expected a whole number from 1 to %" PRId64 "%s",
                        option->name, text, option->max,
                        option->kind == COUNT_OR_ALL                                    ? ", or all"
                        : option->kind == COUNTS                                      ? ", or some with commas between"
                        : option->kind == DECIMAL_SIZE || option->kind == BINARY_SIZE ? ", or with K, M or G"
                                                                                        : "");
    }
}

static vit_status append_text(struct vit_texts *texts, const char *text, struct vit_error *err)
{
    const char **items = (const char **)reallocarray((void *)texts->items, (size_t)texts->n + 1, sizeof *items);
    if (!items)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    items[texts->n++] = text;
    texts->items = items;
    return VIT_OK;
}

/* Stores the value of one option; text is NULL for those without an argument. */
static vit_status set_value(struct vit_options *options, const struct vit_option *option, const char *text,
                            struct vit_error *err)
{
    void *field = (char *)options + option->field;
    int64_t whole;
    bool ok = true;
    switch (option->kind) {
    case SET:
    case CLEAR:
        *(bool *)field = option->kind == SET;
        break;
    case TEXT:
        *(const char **)field = text;
        break;
    case TEXTS:
        return append_text(field, text, err);
    case REAL:
        ok = parse_real(text, field);
        break;
    case TRIPLE:
        ok = parse_triple(text, field);
        break;
    case CHOICE:
        ok = parse_choice(text, option->argument, field);
        break;
    case COUNT:
    case COUNT_OR_ALL:
        if (option->kind == COUNT_OR_ALL && strcmp(text, "all") == 0)
            *(int *)field = VIT_TOP_ALL;
        else if ((ok = parse_whole(text, 0, option->max, &whole)))
            *(int *)field = (int)whole;
        break;
    case COUNTS:
    case CHOICES:
        ok = parse_list(option, text, field);
        break;
    case DECIMAL_SIZE:
    case BINARY_SIZE:
        ok = parse_whole(text, option->kind == DECIMAL_SIZE ? 1000 : 1024, option->max, field);
        break;
    }
    return ok ? VIT_OK : refuse_value(option, text, err);
}

/* ---- Parsing ---- */

struct parser {
    struct vit_options *options;
    unsigned command;
    int i, n; /* the next argument, and their number */
    char **argv;
    struct vit_error *err;
};

static const struct vit_option *find_name(unsigned command, const char *name, size_t length)
{
    for (int i = 0; i < VIT_N_OPTIONS; i++) {
        const struct vit_option *option = &VIT_OPTIONS[i];
        if ((option->commands & command) && strncmp(option->name, name, length) == 0 && !option->name[length])
            return option;
    }
    return NULL;
}

static const struct vit_option *find_letter(unsigned command, char letter)
{
    for (int i = 0; i < VIT_N_OPTIONS; i++) {
        if ((VIT_OPTIONS[i].commands & command) && VIT_OPTIONS[i].letter == letter)
            return &VIT_OPTIONS[i];
    }
    return NULL;
}

static const char *find_foreign(unsigned command, const char *word)
{
    for (int i = 0; i < VIT_N_FOREIGN; i++) {
        if ((VIT_FOREIGN[i].commands & command) && strcmp(VIT_FOREIGN[i].word, word) == 0)
            return VIT_FOREIGN[i].hint;
    }
    return NULL;
}

enum { NAMES_MAX = 512 };

/* The command's options whose names begin with the word, or hold it anywhere; *last is one of them. Returns how many
 * they are. */
static int list_names(unsigned command, const char *word, bool anywhere, char names[NAMES_MAX],
                      const struct vit_option **last)
{
    int n = 0;
    size_t used = 0;
    for (int i = 0; i < VIT_N_OPTIONS; i++) {
        const char *found = strstr(VIT_OPTIONS[i].name, word);
        if (!(VIT_OPTIONS[i].commands & command) || !found || (found > VIT_OPTIONS[i].name && !anywhere))
            continue;
        *last = &VIT_OPTIONS[i];
        int length = snprintf(names + used, NAMES_MAX - used, "%s--%s", n++ ? ", " : "", VIT_OPTIONS[i].name);
        used = used + (size_t)length < NAMES_MAX ? used + (size_t)length : NAMES_MAX - 1;
    }
    return n;
}

static vit_status refuse_name(const struct parser *p, const char *word, struct vit_error *err)
{
    const struct vit_option *format = find_name(p->command, "format", 6), *last;
    char names[NAMES_MAX];
    int value;
    if (format && parse_choice(word, format->argument, &value))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean --format %s?", word, word);
    if (strlen(word) >= 3 && list_names(p->command, word, true, names, &last) > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean %s?", word, names);

    struct vit_nearest nearest = { .word = word };
    for (int i = 0; i < VIT_N_OPTIONS; i++) {
        if (VIT_OPTIONS[i].commands & p->command)
            vit_nearest_offer(&nearest, VIT_OPTIONS[i].name);
    }
    if (nearest.best)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean --%s?", word, nearest.best);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s", word);
}

/* The option of that name, or of that beginning of a name, as getopt_long has it. */
static vit_status find_long(const struct parser *p, const char *name, size_t length, const struct vit_option **option)
{
    char word[64], names[NAMES_MAX];
    *option = find_name(p->command, name, length);
    if (*option)
        return VIT_OK;
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), name);
    const char *hint = find_foreign(p->command, word);
    if (hint)
        return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "unknown option --%s; %s", word, hint);
    if (find_name(VIT_FOR_EVERY, name, length))
        return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "--%s is not an option of this command", word);
    int n = *word ? list_names(p->command, word, false, names, option) : 0;
    if (n > 1)
        return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "--%s is ambiguous: %s", word, names);
    return n == 1 ? VIT_OK : refuse_name(p, word, p->err);
}

/* The argument of an option that has none attached: the next word, whatever it looks like. */
static vit_status set_from_next(struct parser *p, const struct vit_option *option)
{
    if (!takes_argument(option))
        return set_value(p->options, option, NULL, p->err);
    if (p->i == p->n)
        return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "--%s needs an argument: %s", option->name, option->argument);
    return set_value(p->options, option, p->argv[p->i++], p->err);
}

/* --name, --name value, --name=value */
static vit_status parse_long(struct parser *p, const char *name)
{
    size_t length = strcspn(name, "=");
    const struct vit_option *option;
    VIT_TRY(find_long(p, name, length, &option));
    if (name[length] != '=')
        return set_from_next(p, option);
    if (!takes_argument(option))
        return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "--%s takes no argument", option->name);
    return set_value(p->options, option, name + length + 1, p->err);
}

/* -qv, -k 5, -k5 */
static vit_status parse_short(struct parser *p, const char *letters)
{
    for (; *letters; letters++) {
        const struct vit_option *option = find_letter(p->command, *letters);
        const char *hint = find_foreign(p->command, (char[]){ *letters, '\0' });
        if (!option && hint)
            return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "unknown option -%c; %s", *letters, hint);
        if (!option && find_letter(VIT_FOR_EVERY, *letters))
            return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "-%c is not an option of this command", *letters);
        if (!option)
            return vit_fail(p->err, VIT_ERR_UNSUPPORTED, "unknown option -%s", letters);
        if (takes_argument(option) && letters[1])
            return set_value(p->options, option, letters + 1, p->err);
        VIT_TRY(set_from_next(p, option));
        if (takes_argument(option))
            return VIT_OK;
    }
    return VIT_OK;
}

/* Where --format is not given: `-o results.csv` says it. Else the first one. */
static int format_of_output(unsigned command, const char *output)
{
    const struct vit_option *format = find_name(command, "format", 6);
    const char *dot = output ? strrchr(output, '.') : NULL;
    int value;
    return format && dot && parse_choice(dot + 1, format->argument, &value) ? value : 0;
}

vit_status vit_options_parse(struct vit_options *options, unsigned command, int n, char **argv, struct vit_error *err)
{
    *options = (struct vit_options){
        .format = -1,
        .batch = 1,
        .streams = 1,
        .top_k = 5,
        .scores = -1,
        .threshold = -INFINITY,
        .duplicates = -INFINITY,
        .tune = VIT_TUNE_ON,
        .warm_up = 3,
        .dtype = -1,
        .fail_over = -INFINITY,
        .seconds = -INFINITY,
        .decode = vit_decode_options_default(),
        .args = calloc((size_t)n + 1, sizeof *options->args),
    };
    if (!options->args)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");

    struct parser p = { options, command, 0, n, argv, err };
    bool ended = false; /* by -- */
    while (p.i < n && !options->help && !options->version) {
        char *word = argv[p.i++];
        if (ended || word[0] != '-' || word[1] == '\0')
            options->args[options->n_args++] = word;
        else if (strcmp(word, "--") == 0)
            ended = true;
        else
            VIT_TRY(word[1] == '-' ? parse_long(&p, word + 2) : parse_short(&p, word + 1));
    }
    if (options->format < 0)
        options->format = format_of_output(command, options->output);
    options->open.mean = options->mean.given ? options->mean.values : NULL;
    options->open.std = options->std.given ? options->std.values : NULL;
    options->open.templates = options->templates.items;
    options->open.n_templates = options->templates.n;
    return VIT_OK;
}

void vit_options_free(struct vit_options *options)
{
    free(options->args);
    free((void *)options->templates.items);
    options->args = NULL;
    options->templates = (struct vit_texts){ 0 };
}

/* The text, broken between words, in the columns behind indent. */
static void write_wrapped(FILE *out, const char *text, int indent)
{
    for (int at = indent; *text;) {
        int n = (int)strcspn(text, " ");
        if (at > indent && at + 1 + n > HELP_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        }
        at += fprintf(out, "%s%.*s", at > indent ? " " : "", n, text);
        text += n + (text[n] == ' ');
    }
    putc('\n', out);
}

void vit_options_print(FILE *out, unsigned command)
{
    for (int i = 0; i < VIT_N_OPTIONS; i++) {
        const struct vit_option *option = &VIT_OPTIONS[i];
        if (!(option->commands & command))
            continue;
        bool list = option->kind == COUNTS || option->kind == CHOICES;
        char left[96] = "    ";
        if (option->letter)
            snprintf(left, sizeof left, "-%c, ", option->letter);
        snprintf(left + 4, sizeof left - 4, "--%s%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "", list ? ",..." : "");
        fprintf(out, strlen(left) > 24 ? "  %s\n%28s" : "  %-24s  %s", left, "");
        write_wrapped(out, option->help, 28);
    }
}
