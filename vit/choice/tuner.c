/* tuner.c: the choices of implementations, kept as lines of text:
 *
 *     vit tuning cache 2
 *     MACHINE <tab> KEY <tab> PRIMITIVE <tab> IMPLEMENTATION <tab> SECONDS
 *
 * A line that cannot be read is dropped. */
#include "vit/choice/tuner.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vit/base/machine.h"

static const char header[] = "vit tuning cache 2\n";

enum { MAX_ENTRIES = 4096, MAX_LINE = 1024 };

struct entry {
    char machine[VIT_TUNER_KEY_MAX], key[VIT_TUNER_KEY_MAX];
    struct vit_choice choice;
    bool known; /* put by this tuner */
    bool fresh; /* and measured by it */
};

struct table {
    int n, capacity;
    struct entry *entries;
};

struct vit_tuner {
    bool measure, force;
    char *cache;
    char machine[VIT_TUNER_KEY_MAX];
    double started;
    double pass_flops, pass_seconds; /* of one forward pass; 0 seconds: not known yet */
    struct table table;
    float *noise;
    size_t n_noise;
};

/* ---- Table ---- */

static struct entry *find(const struct table *table, const char *machine, const char *key)
{
    for (int i = 0; i < table->n; i++)
        if (strcmp(table->entries[i].machine, machine) == 0 && strcmp(table->entries[i].key, key) == 0)
            return &table->entries[i];
    return NULL;
}

static void put(struct table *table, const struct entry *entry)
{
    struct entry *known = find(table, entry->machine, entry->key);
    if (!known) {
        if (table->n == MAX_ENTRIES)
            return;
        if (table->n == table->capacity) {
            int capacity = table->capacity ? 2 * table->capacity : 64;
            struct entry *grown = realloc(table->entries, (size_t)capacity * sizeof *grown);
            if (!grown)
                return;
            table->entries = grown;
            table->capacity = capacity;
        }
        known = &table->entries[table->n++];
    }
    *known = *entry;
}

/* ---- File ---- */

static bool parse_line(struct entry *entry, const char *line)
{
    *entry = (struct entry){0};
    char end;
    return sscanf(line, "%255[^\t\n]\t%255[^\t\n]\t%15[^\t\n]\t%63[^\t\n]\t%lf%c", entry->machine, entry->key,
                  entry->choice.primitive, entry->choice.implementation, &entry->choice.seconds, &end) == 6 &&
           end == '\n' && entry->choice.seconds > 0;
}

static void read_file(struct table *table, const char *path)
{
    char line[MAX_LINE];
    struct entry entry;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (fgets(line, sizeof line, file) && strcmp(line, header) == 0)
        while (table->n < MAX_ENTRIES && fgets(line, sizeof line, file))
            if (parse_line(&entry, line))
                put(table, &entry);
    fclose(file);
}

static void create_folders(const char *path)
{
    char *folder = strdup(path);
    for (char *slash = folder ? strchr(folder + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            break;
        *slash = '/';
    }
    free(folder);
}

static bool write_table(FILE *file, const struct table *table)
{
    fputs(header, file);
    for (int i = 0; i < table->n; i++) {
        const struct entry *e = &table->entries[i];
        fprintf(file, "%s\t%s\t%s\t%s\t%.9g\n", e->machine, e->key, e->choice.primitive, e->choice.implementation,
                e->choice.seconds);
    }
    return fflush(file) == 0 && !ferror(file);
}

void vit_tuner_save(const struct vit_tuner *tuner)
{
    struct table merged = {0};
    char *temporary = NULL;
    if (!tuner->cache || asprintf(&temporary, "%s.XXXXXX", tuner->cache) < 0)
        return;
    bool any = false;
    for (int i = 0; i < tuner->table.n; i++)
        any |= tuner->table.entries[i].fresh;
    if (any) {
        create_folders(tuner->cache);
        read_file(&merged, tuner->cache);
        for (int i = 0; i < tuner->table.n; i++)
            if (tuner->table.entries[i].fresh)
                put(&merged, &tuner->table.entries[i]);
        int fd = mkstemp(temporary);
        FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
        bool written = file && write_table(file, &merged);
        if (file)
            fclose(file);
        else if (fd >= 0)
            close(fd);
        if (fd >= 0 && (!written || rename(temporary, tuner->cache) != 0))
            unlink(temporary);
    }
    free(merged.entries);
    free(temporary);
}

/* ---- Public ---- */

vit_status vit_tuner_create(struct vit_tuner **tuner, const struct vit_tuner_options *options, struct vit_error *err)
{
    struct vit_tuner *t = calloc(1, sizeof *t);
    const char *cache = options->measure ? options->cache : NULL;
    if (!t || (cache && !(t->cache = strdup(cache)))) {
        free(t);
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    t->measure = options->measure;
    t->force = options->force;
    t->started = vit_now();
    t->pass_flops = options->pass_flops;
    snprintf(t->machine, sizeof t->machine, "%s", options->machine);
    if (t->cache)
        read_file(&t->table, t->cache);
    *tuner = t;
    return VIT_OK;
}

void vit_tuner_free(struct vit_tuner *tuner)
{
    if (!tuner)
        return;
    free(tuner->table.entries);
    free(tuner->noise);
    free(tuner->cache);
    free(tuner);
}

const struct vit_choice *vit_tuner_find(const struct vit_tuner *tuner, const char *key)
{
    const struct entry *entry = find(&tuner->table, tuner->machine, key);
    return entry && (entry->known || !tuner->force) ? &entry->choice : NULL;
}

bool vit_tuner_has_time(const struct vit_tuner *tuner)
{
    double limit = 10 * tuner->pass_seconds > 1 ? 10 * tuner->pass_seconds : 1;
    return tuner->measure && vit_now() - tuner->started < limit;
}

void vit_tuner_put(struct vit_tuner *tuner, const char *key, const struct vit_choice *choice, double flops)
{
    struct entry entry = {.choice = *choice, .known = true, .fresh = flops > 0};
    snprintf(entry.machine, sizeof entry.machine, "%s", tuner->machine);
    snprintf(entry.key, sizeof entry.key, "%s", key);
    put(&tuner->table, &entry);
    if (flops == 0)
        return;
    double pass = tuner->pass_flops / flops * choice->seconds;
    if (tuner->pass_seconds == 0 || pass < tuner->pass_seconds)
        tuner->pass_seconds = pass; /* layers of a few rows are slow for their flops and say little of a pass */
}

const float *vit_tuner_noise(struct vit_tuner *tuner, size_t n)
{
    if (n <= tuner->n_noise)
        return tuner->noise;
    free(tuner->noise);
    tuner->noise = aligned_alloc(64, (n * sizeof *tuner->noise + 63) / 64 * 64);
    tuner->n_noise = tuner->noise ? n : 0;
    uint32_t state = 1;
    for (size_t i = 0; i < tuner->n_noise; i++) {
        state = state * 1664525u + 1013904223u;
        /* Both halves: sign and mantissa by chance, and an exponent of -7 to -4. */
        uint32_t bits = 0x3c003c00u | ((state ^ state >> 15) & 0x81ff81ffu);
        memcpy(&tuner->noise[i], &bits, sizeof bits);
    }
    return tuner->noise;
}
