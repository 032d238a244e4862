/* choices.c: a model's choices, and the file, lines of text, the oldest first:
 *
 *     vit choices 3
 *     MACHINE <tab> PROBLEM <tab> IMPLEMENTATION <tab> SECONDS
 *
 * A line that cannot be read is dropped. */
#include "vit/choice/choices.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/base/machine.h"

static const char header[] = "vit choices 3\n", older[] = "vit tuning cache ";

enum { MAX_LINES = 4096, MAX_LINE = 1024 };

struct line {
    char machine[VIT_CHOICE_TEXT_MAX], key[VIT_CHOICE_TEXT_MAX], name[VIT_CHOICE_TEXT_MAX];
    double seconds;
    bool from_file, fresh; /* fresh: measured, and not in the file yet */
};

struct lines {
    int n, capacity;
    struct line *line;
};

struct vit_choices {
    pthread_mutex_t taken;
    struct lines known; /* of this machine */

    /* From begin to end. */
    struct vit_choices_options options;
    double started, pass_seconds; /* of one forward pass; 0: not known yet */
    char *noise;
    size_t noise_size;
};

/* ---- Lines ---- */

static struct line *find(const struct lines *lines, const char *machine, const char *key)
{
    for (int i = lines->n - 1; i >= 0; i--)
        if (strcmp(lines->line[i].key, key) == 0 && strcmp(lines->line[i].machine, machine) == 0)
            return &lines->line[i];
    return NULL;
}

static void append(struct lines *lines, const struct line *line)
{
    if (lines->n == lines->capacity) {
        int capacity = lines->capacity ? 2 * lines->capacity : 64;
        struct line *grown = realloc(lines->line, (size_t)capacity * sizeof *grown);
        if (!grown)
            return;
        lines->line = grown;
        lines->capacity = capacity;
    }
    lines->line[lines->n++] = *line;
}

/* ---- The file ---- */

static bool parse_line(struct line *line, const char *text)
{
    char end;
    *line = (struct line){.from_file = true};
    return sscanf(text, "%255[^\t\n]\t%255[^\t\n]\t%255[^\t\n]\t%lf%c", line->machine, line->key, line->name,
                  &line->seconds, &end) == 5 &&
           end == '\n' && line->seconds > 0;
}

/* The lines of machine, or with NULL all of them but those that `newer` has. False: there is a file that is not to be
 * written to: of a newer format or no cache at all. Never waits, as opening a pipe would. */
static bool read_file(struct lines *lines, const char *path, const char *machine, const struct lines *newer)
{
    char text[MAX_LINE];
    struct line line;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT;
    FILE *file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? fdopen(fd, "r") : NULL;
    if (!file) {
        close(fd);
        return false;
    }
    bool any = fgets(text, sizeof text, file), ours = any && strcmp(text, header) == 0;
    for (int n = 0; ours && n < MAX_LINES && fgets(text, sizeof text, file); n++)
        if (parse_line(&line, text) &&
            (machine ? strcmp(line.machine, machine) == 0 : !find(newer, line.machine, line.key)))
            append(lines, &line);
    fclose(file);
    return ours || !any || strncmp(text, older, strlen(older)) == 0;
}

static void create_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool there = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!there)
            return;
    }
}

static bool write_lines(FILE *file, const struct lines *lines, int first)
{
    fputs(header, file);
    for (int i = first; i < lines->n; i++)
        fprintf(file, "%s\t%s\t%s\t%.9g\n", lines->line[i].machine, lines->line[i].key, lines->line[i].name,
                lines->line[i].seconds);
    return fflush(file) == 0 && !ferror(file);
}

/* A new file in place of path. The oldest lines give way. */
static void replace(const char *path, const struct lines *lines)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return;
    int fd = mkostemp(temporary, O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool written = file && write_lines(file, lines, lines->n > MAX_LINES ? lines->n - MAX_LINES : 0);
    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
    if (fd >= 0 && (!written || rename(temporary, path) != 0))
        unlink(temporary);
    free(temporary);
}

/* The folder is locked meanwhile, so that processes that save together lose nothing of each other. */
static void save(const char *path, const struct lines *fresh)
{
    struct lines all = {0};
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash) {
        create_folders(folder);
        slash[1] = '\0';
    }
    int lock = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (lock >= 0 && flock(lock, LOCK_EX) == 0 && read_file(&all, path, NULL, fresh)) {
        for (int i = 0; i < fresh->n; i++)
            append(&all, &fresh->line[i]);
        replace(path, &all);
    }
    if (lock >= 0)
        close(lock);
    free(all.line);
    free(folder);
}

/* ---- Public ---- */

vit_status vit_choices_create(struct vit_choices **choices, struct vit_error *err)
{
    *choices = calloc(1, sizeof **choices);
    if (!*choices)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    pthread_mutex_init(&(*choices)->taken, NULL);
    return VIT_OK;
}

void vit_choices_free(struct vit_choices *choices)
{
    if (!choices)
        return;
    pthread_mutex_destroy(&choices->taken);
    free(choices->known.line);
    free(choices);
}

void vit_choices_begin(struct vit_choices *choices, const struct vit_choices_options *options)
{
    struct lines lines = {0};
    pthread_mutex_lock(&choices->taken);
    choices->options = *options;
    choices->started = vit_now();
    choices->pass_seconds = 0;
    if (options->measure && options->cache)
        read_file(&lines, options->cache, options->machine, NULL);
    for (int i = 0; i < lines.n; i++)
        if (!find(&choices->known, options->machine, lines.line[i].key))
            append(&choices->known, &lines.line[i]);
    free(lines.line);
}

void vit_choices_end(struct vit_choices *choices)
{
    struct lines fresh = {0};
    for (int i = 0; i < choices->known.n; i++)
        if (choices->known.line[i].fresh) {
            append(&fresh, &choices->known.line[i]);
            choices->known.line[i].fresh = false;
        }
    if (fresh.n > 0 && choices->options.cache)
        save(choices->options.cache, &fresh);
    free(fresh.line);
    free(choices->noise);
    choices->noise = NULL;
    choices->noise_size = 0;
    pthread_mutex_unlock(&choices->taken);
}

const char *vit_choices_find(const struct vit_choices *choices, const char *key)
{
    const struct line *line = find(&choices->known, choices->options.machine, key);
    return line && !(line->from_file && choices->options.force) ? line->name : NULL;
}

bool vit_choices_measures(const struct vit_choices *choices)
{
    return choices->options.measure;
}

bool vit_choices_has_time(const struct vit_choices *choices)
{
    double limit = 10 * choices->pass_seconds > 1 ? 10 * choices->pass_seconds : 1;
    return choices->options.measure && vit_now() - choices->started < limit;
}

void vit_choices_put(struct vit_choices *choices, const char *key, const char *name, double flops, double seconds)
{
    struct line line = {.seconds = seconds, .fresh = seconds > 0}, *known;
    snprintf(line.machine, sizeof line.machine, "%s", choices->options.machine);
    snprintf(line.key, sizeof line.key, "%s", key);
    snprintf(line.name, sizeof line.name, "%s", name);
    if ((known = find(&choices->known, line.machine, key)))
        *known = line;
    else
        append(&choices->known, &line);
    double pass = flops > 0 ? choices->options.pass_flops / flops * seconds : 0;
    if (pass > 0 && (choices->pass_seconds == 0 || pass < choices->pass_seconds))
        choices->pass_seconds = pass; /* layers of a few rows are slow for their flops and say little of a pass */
}

const char *vit_choices_noise(struct vit_choices *choices, size_t size)
{
    if (size <= choices->noise_size)
        return choices->noise;
    free(choices->noise);
    size = (size + 63) / 64 * 64;
    choices->noise = aligned_alloc(64, size);
    choices->noise_size = choices->noise ? size : 0;
    uint32_t state = 1;
    for (size_t i = 0; i < choices->noise_size; i += sizeof state) {
        state = state * 1664525u + 1013904223u;
        /* Both halves: sign and mantissa by chance, and an exponent of -7 to -4. */
        uint32_t bits = 0x3c003c00u | ((state ^ state >> 15) & 0x81ff81ffu);
        memcpy(choices->noise + i, &bits, sizeof bits);
    }
    return choices->noise;
}
