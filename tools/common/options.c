/* options.c: the table of options, the parser that it drives, and the help that it prints. */
#include "tools/common/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/nearest.h"

enum { HELP_COLUMNS = 80 };

enum kind {
    SET,           /* bool = true; no argument */
    CLEAR,         /* bool = false; no argument */
    TEXT,          /* const char * */
    COUNT,         /* int, 1 .. max */
    COUNT_OR_ALL,  /* the same; "all" is VIT_TOP_ALL */
    DECIMAL_SIZE,  /* int64_t, 1 .. max, with K, M or G for a thousand, a million, a thousand million */
    BINARY_SIZE,   /* int64_t, 1 .. max, with K, M or G for 2^10, 2^20, 2^30 */
    REAL,          /* double */
    CHOICE,        /* int: the place of the word in `argument` */
    COUNTS,        /* struct vit_list of COUNT */
    CHOICES,       /* struct vit_list of CHOICE */
    TRIPLE         /* struct vit_triple */
};

struct option {
    const char *name;
    char letter;          /* or 0 */
    const char *argument; /* as the help shows it; of a CHOICE the words, with | between */
    unsigned commands;
    enum kind kind;
    size_t field; /* in struct vit_options */
    int64_t max;
    const char *help;
};

/* What opens a model that may be an original. */
enum { VIT_FOR_MODEL = VIT_FOR_CLASSIFY | VIT_FOR_CONVERT | VIT_FOR_INFO | VIT_FOR_BENCH };

#define FIELD(name) offsetof(struct vit_options, name)

/* What other programs have, and what to do here. */
static const struct {
    const char *word; /* or letter */
    unsigned commands;
    const char *hint;
} FOREIGN[] = {
    { "i", VIT_FOR_CLASSIFY, "pictures and folders are named without an option" },
    { "input", VIT_FOR_CLASSIFY, "pictures and folders are named without an option" },
    { "image", VIT_FOR_CLASSIFY, "pictures and folders are named without an option" },
    { "recursive", VIT_FOR_CLASSIFY, "a folder stands for its subfolders too" },
    { "device", VIT_FOR_EVERY, "vit computes on the CPU" },
    { "gpu", VIT_FOR_EVERY, "vit computes on the CPU" },
    { "cuda", VIT_FOR_EVERY, "vit computes on the CPU" },
};

static const struct option OPTIONS[] = {
    { "model", 'm', "M", VIT_FOR_CLASSIFY | VIT_FOR_INFO | VIT_FOR_BENCH, TEXT, FIELD(model), 0,
      "model file or folder (default: $VIT_MODEL, else the model that came with vit)" },
    { "arch", 0, "NAME,...", VIT_FOR_BENCH, TEXT, FIELD(archs), 0,
      "architectures with random weights in place of a model, as vit_base_patch16_224" },
    { "arch", 0, "NAME", VIT_FOR_MODEL & ~VIT_FOR_BENCH, TEXT, FIELD(open.arch), 0,
      "architecture of a checkpoint that does not say (vit convert --list-archs)" },
    { "head", 0, "F", VIT_FOR_MODEL, TEXT, FIELD(open.head), 0, "the classifier is in a checkpoint file of its own" },
    { "labels", 0, "F", VIT_FOR_MODEL, TEXT, FIELD(open.labels), 0,
      "names of the classes: a name a line, or JSON; imagenet-1k stands for its own" },
    { "image-size", 0, "N", VIT_FOR_MODEL, COUNT, FIELD(open.image_size), 8192, "run at N x N pixels" },
    { "interpolation", 0, "bicubic|bilinear|lanczos|nearest|box|hamming", VIT_FOR_MODEL, TEXT, FIELD(open.interpolation),
      0, "how pictures are resized" },
    { "crop-pct", 0, "P", VIT_FOR_MODEL, REAL, FIELD(open.crop_pct), 0, "resize to the image size divided by P, then crop" },
    { "crop-mode", 0, "center|squash|border", VIT_FOR_MODEL, TEXT, FIELD(open.crop_mode), 0,
      "resize the shorter side, both sides, or the longer side" },
    { "mean", 0, "R,G,B", VIT_FOR_MODEL, TRIPLE, FIELD(mean), 0, "what is subtracted from pixels in 0..1" },
    { "std", 0, "R,G,B", VIT_FOR_MODEL, TRIPLE, FIELD(std), 0, "what they are divided by" },
    { "top-k", 'k', "N|all", VIT_FOR_CLASSIFY, COUNT_OR_ALL, FIELD(top_k), 1000000, "show the N best classes (5)" },
    { "threshold", 0, "P", VIT_FOR_CLASSIFY, REAL, FIELD(threshold), 0, "leave out classes with a score below P" },
    { "scores", 0, "prob|logit|sigmoid", VIT_FOR_CLASSIFY, CHOICE, FIELD(scores), 0,
      "softmax over the classes, the model's raw numbers, or each class by itself (prob)" },
    { "format", 'f', "text|json|jsonl|csv|tsv", VIT_FOR_CLASSIFY, CHOICE, FIELD(format), 0,
      "form of the output (what -o F ends in, else text)" },
    { "format", 'f', "text|json", VIT_FOR_INFO, CHOICE, FIELD(format), 0,
      "form of the output (what -o F ends in, else text)" },
    { "tensors", 0, NULL, VIT_FOR_INFO, SET, FIELD(tensors), 0, "list every tensor with its type and shape" },
    { "format", 'f', "md|csv|json", VIT_FOR_BENCH, CHOICE, FIELD(format), 0,
      "form of the output (what -o F ends in, else md)" },
    { "output", 'o', "F", VIT_FOR_CLASSIFY | VIT_FOR_INFO | VIT_FOR_BENCH, TEXT, FIELD(output), 0,
      "write to file F, as the results come, in place of stdout" },
    { "output", 'o', "F", VIT_FOR_CONVERT, TEXT, FIELD(output), 0, "the file to make; it appears only when complete" },
    { "dtype", 0, "f32|f16|bf16", VIT_FOR_CONVERT, CHOICE, FIELD(dtype), 0,
      "type of the numbers, rounded to nearest even (as they are)" },
    { "dry-run", 0, NULL, VIT_FOR_CONVERT, SET, FIELD(dry_run), 0, "only report what would be converted, on stdout" },
    { "verify", 0, "F", VIT_FOR_CONVERT, TEXT, FIELD(verify), 0,
      "first compare the logits of --image with the original's, kept in F by numpy.save; exit with 1 if they differ" },
    { "image", 0, "F", VIT_FOR_CONVERT, TEXT, FIELD(image), 0, "the picture for --verify" },
    { "list-archs", 0, NULL, VIT_FOR_CONVERT, SET, FIELD(list_archs), 0, "list the architectures that --arch knows" },
    { "force", 0, NULL, VIT_FOR_CONVERT, SET, FIELD(force), 0, "replace a file that exists" },
    { "threads", 't', "N", VIT_FOR_CLASSIFY, COUNT, FIELD(threads), VIT_MAX_THREADS,
      "threads to compute with (default: $OMP_NUM_THREADS, else physical cores)" },
    { "batch-size", 'b', "N", VIT_FOR_CLASSIFY, COUNT, FIELD(batch), 4096, "pictures computed together (1)" },
    { "streams", 0, "N", VIT_FOR_CLASSIFY, COUNT, FIELD(streams), VIT_MAX_THREADS,
      "batches computed beside each other, each with its share of the threads (1)" },
    { "threads", 't', "N", VIT_FOR_BENCH, COUNTS, FIELD(thread_counts), VIT_MAX_THREADS,
      "threads to compute with, all streams together (default: $OMP_NUM_THREADS, else physical cores)" },
    { "batch-size", 'b', "N", VIT_FOR_BENCH, COUNTS, FIELD(batches), 4096, "pictures computed together (1)" },
    { "streams", 0, "N", VIT_FOR_BENCH, COUNTS, FIELD(stream_counts), VIT_MAX_THREADS,
      "batches computed beside each other, each with its share of the threads (1)" },
    { "precision", 0, "f32|bf16|bf16x2|auto", VIT_FOR_CLASSIFY, CHOICE, FIELD(precision), 0,
      "of weights and activations; auto: bf16 where the CPU has it (f32)" },
    { "precision", 0, "f32|bf16|bf16x2|auto", VIT_FOR_BENCH, CHOICES, FIELD(precisions), 0,
      "of weights and activations; auto: bf16 where the CPU has it (f32)" },
    { "tune", 0, "off|on|force", VIT_FOR_CLASSIFY | VIT_FOR_BENCH, CHOICE, FIELD(tune), 0,
      "choose implementations by timing them, once (on), or anew (force); kept in $XDG_CACHE_HOME/vit (on)" },
    { "warm-up", 0, "N", VIT_FOR_BENCH, COUNT, FIELD(warm_up), 1000000, "runs before those that count (3)" },
    { "repetitions", 'r', "N", VIT_FOR_BENCH, COUNT, FIELD(repetitions), 1000000, "runs that count" },
    { "seconds", 0, "N", VIT_FOR_BENCH, REAL, FIELD(seconds), 0, "in place of -r: run for so long (3)" },
    { "profile", 0, NULL, VIT_FOR_BENCH, SET, FIELD(profile), 0, "show where the time goes, step by step" },
    { "no-peak", 0, NULL, VIT_FOR_BENCH, SET, FIELD(no_peak), 0,
      "leave out what the CPU's units can do and what oneDNN reaches in matrix products, which takes a second or two to "
      "measure" },
    { "end-to-end", 0, "DIR", VIT_FOR_BENCH, TEXT, FIELD(end_to_end), 0,
      "classify the pictures of a folder, from file to answer: pictures per second, and how long decoding, resizing "
      "and inferring take" },
    { "compare", 0, "PROGRAM|F", VIT_FOR_BENCH, TEXT, FIELD(compare), 0,
      "measure in turn with another vit, as before/vit; or compare with the JSON of an earlier run" },
    { "against", 0, "OPTIONS", VIT_FOR_BENCH, TEXT, FIELD(against), 0,
      "measure in turn with other options, as \"--tune off\"; with --compare PROGRAM, options of that program" },
    { "rounds", 0, "N", VIT_FOR_BENCH, COUNT, FIELD(rounds), 100000,
      "turns of each side, of 0.5 s unless -r or --seconds say (20)" },
    { "fail-over", 0, "P", VIT_FOR_BENCH, REAL, FIELD(fail_over), 0,
      "exit with 1 when anything is significantly slower, by more than P per cent" },
    { "plot", 0, "F", VIT_FOR_BENCH, TEXT, FIELD(plot), 0, "draw the latencies into F, an SVG file" },
    { "max-pixels", 0, "N", VIT_FOR_CLASSIFY, DECIMAL_SIZE, FIELD(decode.max_pixels), (int64_t)1 << 40,
      "refuse larger pictures (100M)" },
    { "max-file-size", 0, "N", VIT_FOR_CLASSIFY, BINARY_SIZE, FIELD(decode.max_bytes), (int64_t)1 << 40,
      "refuse larger files (1G)" },
    { "no-autorotate", 0, NULL, VIT_FOR_CLASSIFY, CLEAR, FIELD(decode.autorotate), 0, "ignore the EXIF orientation" },
    { "recursive", 'r', NULL, VIT_FOR_CLASSIFY, SET, FIELD(recursive), 0, "folders stand for their subfolders, too" },
    { "quiet", 'q', NULL, VIT_FOR_CLASSIFY | VIT_FOR_CONVERT | VIT_FOR_BENCH, SET, FIELD(quiet), 0,
      "no progress, warnings or summary" },
    { "verbose", 'v', NULL, VIT_FOR_CLASSIFY, SET, FIELD(verbose), 0, "say more on stderr" },
    { "help", 'h', NULL, VIT_FOR_EVERY, SET, FIELD(help), 0, "this text" },
    { "version", 'V', NULL, VIT_FOR_EVERY, SET, FIELD(version), 0, "version, commit, oneDNN, instruction set" },
};

enum { N_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };

static bool takes_argument(const struct option *option)
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

static bool parse_item(const struct option *option, const char *text, int *value)
{
    if (option->kind == CHOICES)
        return parse_choice(text, option->argument, value);
    int64_t whole = 0;
    bool ok = parse_whole(text, 0, option->max, &whole);
    *value = (int)whole;
    return ok;
}

/* Items with commas between; replaces what the list held. */
static bool parse_list(const struct option *option, const char *text, struct vit_list *list)
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

static vit_status refuse_value(const struct option *option, const char *text, struct vit_error *err)
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

/* Stores the value of one option; text is NULL for those without an argument. */
static vit_status set_value(struct vit_options *options, const struct option *option, const char *text,
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

static const struct option *find_name(unsigned command, const char *name, size_t length)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &OPTIONS[i];
        if ((option->commands & command) && strncmp(option->name, name, length) == 0 && !option->name[length])
            return option;
    }
    return NULL;
}

static const struct option *find_letter(unsigned command, char letter)
{
    for (int i = 0; i < N_OPTIONS; i++) {
        if ((OPTIONS[i].commands & command) && OPTIONS[i].letter == letter)
            return &OPTIONS[i];
    }
    return NULL;
}

static const char *find_foreign(unsigned command, const char *word)
{
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++) {
        if ((FOREIGN[i].commands & command) && strcmp(FOREIGN[i].word, word) == 0)
            return FOREIGN[i].hint;
    }
    return NULL;
}

enum { NAMES_MAX = 512 };

/* The command's options whose names begin with the word, or hold it anywhere; *last is one of them. Returns how many
 * they are. */
static int list_names(unsigned command, const char *word, bool anywhere, char names[NAMES_MAX],
                      const struct option **last)
{
    int n = 0;
    size_t used = 0;
    for (int i = 0; i < N_OPTIONS; i++) {
        const char *found = strstr(OPTIONS[i].name, word);
        if (!(OPTIONS[i].commands & command) || !found || (found > OPTIONS[i].name && !anywhere))
            continue;
        *last = &OPTIONS[i];
        int length = snprintf(names + used, NAMES_MAX - used, "%s--%s", n++ ? ", " : "", OPTIONS[i].name);
        used = used + (size_t)length < NAMES_MAX ? used + (size_t)length : NAMES_MAX - 1;
    }
    return n;
}

static vit_status refuse_name(const struct parser *p, const char *word, struct vit_error *err)
{
    const struct option *format = find_name(p->command, "format", 6), *last;
    char names[NAMES_MAX];
    int value;
    if (format && parse_choice(word, format->argument, &value))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean --format %s?", word, word);
    if (strlen(word) >= 3 && list_names(p->command, word, true, names, &last) > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean %s?", word, names);

    struct vit_nearest nearest = { .word = word };
    for (int i = 0; i < N_OPTIONS; i++) {
        if (OPTIONS[i].commands & p->command)
            vit_nearest_offer(&nearest, OPTIONS[i].name);
    }
    if (nearest.best)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s; did you mean --%s?", word, nearest.best);
    return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown option --%s", word);
}

/* The option of that name, or of that beginning of a name, as getopt_long has it. */
static vit_status find_long(const struct parser *p, const char *name, size_t length, const struct option **option)
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
static vit_status set_from_next(struct parser *p, const struct option *option)
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
    const struct option *option;
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
        const struct option *option = find_letter(p->command, *letters);
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
    const struct option *format = find_name(command, "format", 6);
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
        .threshold = -INFINITY,
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
    return VIT_OK;
}

void vit_options_free(struct vit_options *options)
{
    free(options->args);
    options->args = NULL;
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
    for (int i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &OPTIONS[i];
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
