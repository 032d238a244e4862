/* test_tuner.c: choices of implementations: what the cache file keeps, what it survives, and that a choice changes no
 * answer beyond rounding. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/check.h"
#include "tests/program.h"
#include "vit/choice/tuner.h"
#include "vit/vit.h"

static const struct vit_choice fast = {"matmul", "brg:avx512_core", 0.001};
static const struct vit_choice other = {"convolution", "jit_1x1:avx2", 0.002};

static struct vit_tuner *open_tuner(const char *cache, const char *machine, bool force)
{
    struct vit_tuner *tuner;
    struct vit_tuner_options options = {true, force, cache, machine, 1e9};
    cr_assert_eq(vit_tuner_create(&tuner, &options, NULL), VIT_OK);
    return tuner;
}

static void remember(const char *cache, const char *machine, const char *key, const struct vit_choice *choice)
{
    struct vit_tuner *tuner = open_tuner(cache, machine, false);
    vit_tuner_put(tuner, key, choice, 1e9);
    vit_tuner_save(tuner);
    vit_tuner_free(tuner);
}

static void expect(const char *cache, const char *machine, const char *key, const struct vit_choice *want)
{
    struct vit_tuner *tuner = open_tuner(cache, machine, false);
    const struct vit_choice *got = vit_tuner_find(tuner, key);
    cr_assert_eq(got != NULL, want != NULL, "%s on %s", key, machine);
    if (want) {
        cr_assert_str_eq(got->primitive, want->primitive);
        cr_assert_str_eq(got->implementation, want->implementation);
        cr_assert_eq(got->seconds, want->seconds);
    }
    vit_tuner_free(tuner);
}

Test(tuner, keeps_choices_of_every_machine_apart)
{
    char *folder = folder_make(), *cache;
    cr_assert_geq(asprintf(&cache, "%s/not/yet/there/tune", folder), 0);
    remember(cache, "machine A", "linear 1", &fast);
    remember(cache, "machine B", "linear 1", &other);
    remember(cache, "machine A", "linear 2", &other);
    expect(cache, "machine A", "linear 1", &fast);
    expect(cache, "machine A", "linear 2", &other);
    expect(cache, "machine B", "linear 1", &other);
    expect(cache, "machine B", "linear 2", NULL);
    expect(NULL, "machine A", "linear 1", NULL);
    free(cache);
    folder_remove(folder);
}

Test(tuner, force_measures_anew)
{
    char *folder = folder_make(), *cache = folder_write(folder, "tune", "");
    remember(cache, "m", "k", &fast);
    struct vit_tuner *tuner = open_tuner(cache, "m", true);
    cr_assert_null(vit_tuner_find(tuner, "k"));
    vit_tuner_put(tuner, "k", &other, 1e9);
    cr_assert_str_eq(vit_tuner_find(tuner, "k")->primitive, "convolution");
    vit_tuner_save(tuner);
    vit_tuner_free(tuner);
    expect(cache, "m", "k", &other);
    free(cache);
    folder_remove(folder);
}

Test(tuner, survives_what_is_no_cache)
{
    static const char *const texts[] = {
        "", "\n", "vit tuning cache 9\nm\tk\tmatmul\tbrg\t1\n", "vit tuning cache 2\nm\tk\tmatmul\tbrg\n",
        "vit tuning cache 2\nm\tk\tmatmul\tbrg\t-1\n", "vit tuning cache 2\nm\tk\tmatmul\tbrg\tnan\n",
        "vit tuning cache 2\nm\tk\ta primitive of far too long a name\tbrg\t1\n", "vit tuning cache 2\nm\tk\tmatmul\tbrg\t1",
        "\xff\xfe\x00", "vit tuning cache 2\n\t\t\t\t\n",
    };
    char *folder = folder_make();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *cache = folder_write(folder, "tune", texts[i]);
        expect(cache, "m", "k", NULL);
        remember(cache, "m", "k", &fast);
        expect(cache, "m", "k", &fast);
        free(cache);
    }
    expect(folder, "m", "k", NULL); /* a folder is no file */
    remember(folder, "m", "k", &fast);
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

Test(tuner, choices_change_an_answer_by_rounding_alone)
{
    char *folder = folder_make(), *cache, message[CHECK_MESSAGE_MAX];
    cr_assert_geq(asprintf(&cache, "%s/tune", folder), 0);
    struct vit_error err = {0};
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, "tests/goldens/tiny", NULL, &err), VIT_OK, "%s", err.message);
    size_t K = (size_t)vit_model_config(model)->classes;
    uint8_t *pixels = malloc(vit_model_pixels_size(model));
    float off[64], tuned[64], again[64];
    cr_assert(pixels && K <= 64);
    for (size_t i = 0; i < vit_model_pixels_size(model); i++)
        pixels[i] = (uint8_t)(37 * i);

    classify(model, VIT_TUNE_OFF, cache, pixels, off);
    cr_assert_eq(file_size(cache), 0, "tune off wrote a cache");
    /* On a busy machine the time for tuning ends before all is chosen; the next session goes on. */
    off_t before, size = -1;
    do {
        before = size;
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
