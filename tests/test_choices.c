/* test_choices.c: choices of implementations: what the cache file keeps, what it survives, and that a choice changes no
 * answer beyond rounding. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/check.h"
#include "tests/program.h"
#include "vit/choice/choices.h"
#include "vit/vit.h"

static const char fast[] = "matmul brg:avx512_core", other[] = "convolution jit_1x1:avx2";

/* A model's choices, taken for a session on machine. */
static struct vit_choices *open_choices(const char *cache, const char *machine, bool force)
{
    struct vit_choices *choices;
    cr_assert_eq(vit_choices_create(&choices, NULL), VIT_OK);
    vit_choices_begin(choices, &(struct vit_choices_options){true, force, cache, machine, 1e9});
    return choices;
}

static void close_choices(struct vit_choices *choices)
{
    vit_choices_end(choices);
    vit_choices_free(choices);
}

static void remember(const char *cache, const char *machine, const char *key, const char *name)
{
    struct vit_choices *choices = open_choices(cache, machine, false);
    vit_choices_put(choices, key, name, 1e9, 0.001);
    close_choices(choices);
}

static void expect(const char *cache, const char *machine, const char *key, const char *want)
{
    struct vit_choices *choices = open_choices(cache, machine, false);
    const char *got = vit_choices_find(choices, key);
    cr_assert_eq(got != NULL, want != NULL, "%s on %s", key, machine);
    if (want)
        cr_assert_str_eq(got, want);
    close_choices(choices);
}

Test(choices, keeps_choices_of_every_machine_apart)
{
    char *folder = folder_make(), *cache;
    cr_assert_geq(asprintf(&cache, "%s/not/yet/there/tune", folder), 0);
    remember(cache, "machine A", "linear 1", fast);
    remember(cache, "machine B", "linear 1", other);
    remember(cache, "machine A", "linear 2", other);
    expect(cache, "machine A", "linear 1", fast);
    expect(cache, "machine A", "linear 2", other);
    expect(cache, "machine B", "linear 1", other);
    expect(cache, "machine B", "linear 2", NULL);
    expect(NULL, "machine A", "linear 1", NULL);
    free(cache);
    folder_remove(folder);
}

Test(choices, force_measures_anew)
{
    char *folder = folder_make(), *cache = folder_write(folder, "tune", "");
    remember(cache, "m", "k", fast);
    struct vit_choices *choices = open_choices(cache, "m", true);
    cr_assert_null(vit_choices_find(choices, "k"));
    vit_choices_put(choices, "k", other, 1e9, 1);
    cr_assert_str_eq(vit_choices_find(choices, "k"), other);
    close_choices(choices);
    expect(cache, "m", "k", other);
    free(cache);
    folder_remove(folder);
}

/* Of several sessions of a model, all have what the first one chose: without a file, and when there was no time to
 * measure. */
Test(choices, sessions_of_a_model_share_them)
{
    struct vit_choices *choices = open_choices(NULL, "m", true);
    vit_choices_put(choices, "k", fast, 1e9, 0);
    vit_choices_end(choices);
    vit_choices_begin(choices, &(struct vit_choices_options){true, true, NULL, "m", 1e9});
    cr_assert_str_eq(vit_choices_find(choices, "k"), fast);
    close_choices(choices);
}

Test(choices, lines_that_cannot_be_read_are_dropped)
{
    static const char *const texts[] = {
        "",
        "vit choices 3\nm\tk\tbrg\n",
        "vit choices 3\nm\tk\tbrg\t-1\n",
        "vit choices 3\nm\tk\tbrg\tnan\n",
        "vit choices 3\nm\tk\tbrg\t1",
        "vit choices 3\n\t\t\t\t\n",
        "vit tuning cache 2\nm\tk\tmatmul\tbrg\t1\n",
    };
    char *folder = folder_make();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *cache = folder_write(folder, "tune", texts[i]);
        expect(cache, "m", "k", NULL);
        remember(cache, "m", "k", fast);
        expect(cache, "m", "k", fast);
        free(cache);
    }
    folder_remove(folder);
}

/* A newer format, what is no cache at all, a folder and a pipe stay as they are, and nobody waits for them. */
Test(choices, files_of_others_are_left_alone, .timeout = 60)
{
    static const char *const texts[] = {"vit choices 4\nm\tk\tbrg\t1\n", "\xff\xfe", "\n", "my diary\n"};
    char *folder = folder_make(), *pipe, line[32] = "";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *file = folder_write(folder, "tune", texts[i]);
        remember(file, "m", "k", fast);
        expect(file, "m", "k", NULL);
        FILE *stream = fopen(file, "r");
        cr_assert(stream && fread(line, 1, sizeof line, stream) == strlen(texts[i]) &&
                  memcmp(line, texts[i], strlen(texts[i])) == 0);
        fclose(stream);
        free(file);
    }
    cr_assert_geq(asprintf(&pipe, "%s/pipe", folder), 0);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    remember(folder, "m", "k", fast), remember(pipe, "m", "k", fast);
    expect(folder, "m", "k", NULL), expect(pipe, "m", "k", NULL);
    struct stat info;
    cr_assert(stat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));
    free(pipe);
    folder_remove(folder);
}

/* Line i of a machine's keys. */
static const char *key_of(char key[32], int i)
{
    snprintf(key, 32, "k%d", i);
    return key;
}

Test(choices, the_oldest_give_way)
{
    char *folder = folder_make(), *cache, key[32];
    cr_assert_geq(asprintf(&cache, "%s/tune", folder), 0);
    struct vit_choices *choices = open_choices(cache, "m", false);
    for (int i = 0; i < 4200; i++)
        vit_choices_put(choices, key_of(key, i), fast, 1e9, 0.001);
    close_choices(choices);
    expect(cache, "m", "k0", NULL);
    expect(cache, "m", "k4199", fast);
    remember(cache, "m", "new", other);
    expect(cache, "m", "new", other);
    free(cache);
    folder_remove(folder);
}

Test(choices, processes_that_save_together_lose_nothing)
{
    enum { N = 16 };
    char *folder = folder_make(), *cache, key[32];
    pid_t children[N];
    cr_assert_geq(asprintf(&cache, "%s/tune", folder), 0);
    for (int i = 0; i < N; i++)
        if ((children[i] = fork()) == 0) {
            for (int j = 0; j < 10; j++)
                remember(cache, "m", key_of(key, 10 * i + j), fast);
            _exit(0);
        }
    for (int i = 0; i < N; i++)
        cr_assert_eq(waitpid(children[i], NULL, 0), children[i]);
    for (int i = 0; i < 10 * N; i++)
        expect(cache, "m", key_of(key, i), fast);
    free(cache);
    folder_remove(folder);
}

/* ---- Sessions ---- */

static off_t file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : 0;
}

static void classify(const struct vit_model *model, enum vit_tune tune, const char *cache, const uint8_t *pixels,
                     float *logits)
{
    struct vit_error err = {0};
    struct vit_session *session;
    struct vit_session_options options = vit_session_options_default();
    options.threads = 1;
    options.tune = tune;
    options.tune_cache = cache;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_classify(session, pixels, 1, logits, &err), VIT_OK, "%s", err.message);
    vit_session_free(session);
}

static struct vit_model *open_tiny(void)
{
    struct vit_error err = {0};
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, "tests/goldens/tiny", NULL, &err), VIT_OK, "%s", err.message);
    cr_assert_leq(vit_model_config(model)->classes, 64);
    return model;
}

Test(choices, change_an_answer_by_rounding_alone)
{
    char *folder = folder_make(), *cache, message[CHECK_MESSAGE_MAX];
    cr_assert_geq(asprintf(&cache, "%s/tune", folder), 0);
    struct vit_model *model = open_tiny();
    size_t K = (size_t)vit_model_config(model)->classes;
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    float off[64], tuned[64], again[64];
    cr_assert(pixels);
    for (size_t i = 0; i < vit_model_pixels_size(model); i++)
        pixels[i] = (uint8_t)(37 * i);

    classify(model, VIT_TUNE_OFF, cache, pixels, off);
    cr_assert_eq(file_size(cache), 0, "tune off wrote a cache");
    /* On a busy machine the time for tuning ends before all is chosen; the next process goes on. */
    off_t before, size = -1;
    do {
        before = size;
        vit_model_free(model);
        model = open_tiny();
        classify(model, VIT_TUNE_ON, cache, pixels, tuned);
        size = file_size(cache);
    } while (size != before);
    cr_assert_gt(size, 0, "tune on wrote no cache");
    classify(model, VIT_TUNE_ON, cache, pixels, again);
    cr_assert(check_f32(message, "tuned", tuned, off, K, 1e-5), "%s", message);
    cr_assert_eq(memcmp(tuned, again, K * sizeof *tuned), 0, "the same choices gave other bytes");
    free(pixels);
    free(cache);
    vit_model_free(model);
    folder_remove(folder);
}
