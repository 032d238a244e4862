/* test_words.c: small models with text towers of every layout, as their libraries save them (tests/make_words.py): from
 * texts to features, from names of classes and a picture's file to logits, and the same from a file of vit's own. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check.h"
#include "tests/npy.h"
#include "tests/program.h"
#include "vit/vit.h"

#define WORDS "tests/words/"

enum { MOST = 64 };

static const double TOL = 5e-6; /* of the largest value */

static struct vit_error err;

/* ---- The lists ---- */

struct lines {
    int n;
    char *text[MOST];
};

static struct lines read_lines(const char *name)
{
    struct lines lines = {0};
    char path[256], line[1024];
    snprintf(path, sizeof path, WORDS "%s", name);
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        cr_assert_lt(lines.n, MOST);
        lines.text[lines.n++] = strdup(line);
    }
    fclose(file);
    return lines;
}

static void free_lines(struct lines *lines)
{
    for (int i = 0; i < lines->n; i++)
        free(lines->text[i]);
}

static void check(const char *folder, const char *name, const float *got, size_t n)
{
    char message[CHECK_MESSAGE_MAX], what[128];
    struct npy want = npy_golden("tests/words", folder, name);
    snprintf(what, sizeof what, "%s, %s", folder, name);
    cr_assert_eq(want.count, n, "%s: %zu numbers, expected %zu", what, n, want.count);
    cr_expect(check_f32(message, what, got, want.data, n, TOL), "%s", message);
    npy_free(&want);
}

static struct vit_model *open_folder(const char *folder, const struct vit_model_options *options)
{
    struct vit_model *model;
    char path[256];
    snprintf(path, sizeof path, WORDS "%s", folder);
    cr_assert_eq(vit_model_open(&model, path, options, &err), VIT_OK, "%s", err.message);
    return model;
}

/* (n, width) of the pictures, with a session for such an output. Freed by the caller. */
static float *look_at(const struct vit_model *model, const struct lines *pictures, enum vit_output_kind output,
                      size_t *width)
{
    struct vit_session_options options = vit_session_options_default();
    struct vit_session *session;
    size_t image = vit_model_pixels_size(model);
    options.output = output;
    cr_assert_eq(vit_session_create(&session, model, &options, &err), VIT_OK, "%s", err.message);
    *width = vit_session_width(session);
    uint8_t *pixels = malloc((size_t)pictures->n * image);
    float *found = malloc((size_t)pictures->n * *width * sizeof *found);
    cr_assert(pixels && found);
    for (int i = 0; i < pictures->n; i++)
        cr_assert_eq(vit_load_image(model, &(struct vit_input){.path = pictures->text[i]}, NULL,
                                    pixels + (size_t)i * image, &err),
                     VIT_OK, "%s", err.message);
    vit_status status = output == VIT_OUTPUT_LOGITS ? vit_classify(session, pixels, pictures->n, found, &err)
                                                    : vit_embed(session, pixels, pictures->n, found, &err);
    cr_assert_eq(status, VIT_OK, "%s", err.message);
    vit_session_free(session);
    free(pixels);
    return found;
}

static float *embed(const struct vit_model *model, const struct lines *texts, const struct vit_text_options *options,
                    int *n_cut)
{
    float *features =
        malloc((size_t)texts->n * (size_t)vit_config_head_width(vit_model_config(model)) * sizeof *features);
    cr_assert(features);
    cr_assert_eq(vit_embed_texts(model, (const char *const *)texts->text, texts->n, options, features, n_cut, &err),
                 VIT_OK, "%s", err.message);
    return features;
}

/* ---- What the libraries compute ---- */

static void check_features(const char *folder, const struct lines *texts, const struct lines *pictures)
{
    struct vit_model *model = open_folder(folder, NULL);
    size_t width, E = (size_t)vit_config_head_width(vit_model_config(model));
    int n_cut;
    cr_assert(vit_model_has_text(model), "%s", folder);
    float *features = embed(model, texts, NULL, &n_cut);
    check(folder, "texts", features, (size_t)texts->n * E);
    cr_expect_gt(n_cut, 0, "%s", folder);
    cr_expect_lt(n_cut, texts->n, "%s", folder);
    free(features);
    features = look_at(model, pictures, VIT_OUTPUT_FEATURES, &width);
    check(folder, "images", features, (size_t)pictures->n * width);
    free(features);
    vit_model_free(model);
}

static void check_logits(const char *folder, const char *name, const struct vit_model_options *options,
                         const struct lines *pictures)
{
    struct vit_model *model = open_folder(folder, options);
    size_t width;
    float *logits = look_at(model, pictures, VIT_OUTPUT_LOGITS, &width);
    check(folder, name, logits, (size_t)pictures->n * width);
    cr_expect_eq(vit_model_config(model)->sigmoid, strstr(folder, "siglip") != NULL, "%s", folder);
    cr_expect_str_eq(vit_model_label(model, 0), "tabby cat");
    free(logits);
    vit_model_free(model);
}

Test(words, features_and_logits_equal_the_libraries)
{
    struct lines folders = read_lines("folders.txt"), texts = read_lines("texts.txt"),
                 pictures = read_lines("pictures.txt");
    struct vit_model_options one = {.labels = WORDS "names.txt"}, ensemble = one;
    ensemble.templates = (const char *const[]){WORDS "templates.txt"};
    ensemble.n_templates = 1;
    for (int i = 0; i < folders.n; i++) {
        check_features(folders.text[i], &texts, &pictures);
        check_logits(folders.text[i], "logits", &one, &pictures);
        check_logits(folders.text[i], "ensemble", &ensemble, &pictures);
    }
    free_lines(&folders), free_lines(&texts), free_lines(&pictures);
}

/* ---- The engine's part ---- */

/* Whatever the threads, and whichever texts are computed beside it, a text's features have the same bytes. */
Test(words, neither_threads_nor_other_texts_change_a_text)
{
    struct lines texts = read_lines("texts.txt");
    struct vit_model *model = open_folder("hf_clip", NULL);
    size_t E = (size_t)vit_config_head_width(vit_model_config(model));
    int n_cut;
    float *all = embed(model, &texts, &(struct vit_text_options){.threads = 1}, &n_cut);
    for (int threads = 2; threads <= 5; threads++) {
        float *again = embed(model, &texts, &(struct vit_text_options){.threads = threads}, &n_cut);
        cr_expect_arr_eq(all, again, (size_t)texts.n * E * sizeof *all, "%d threads", threads);
        free(again);
    }
    for (int i = 0; i < texts.n; i++) {
        struct lines one = {.n = 1, .text = {texts.text[i]}};
        float *alone = embed(model, &one, NULL, &n_cut);
        cr_expect_arr_eq(all + (size_t)i * E, alone, E * sizeof *alone, "%s", texts.text[i]);
        free(alone);
    }
    free(all);
    vit_model_free(model);
    free_lines(&texts);
}

Test(words, other_precisions_come_near)
{
    struct lines texts = read_lines("texts.txt");
    struct vit_model *model = open_folder("hf_clip", NULL);
    size_t n = (size_t)texts.n * (size_t)vit_config_head_width(vit_model_config(model));
    char message[CHECK_MESSAGE_MAX];
    int n_cut;
    float *f32 = embed(model, &texts, NULL, &n_cut);
    for (enum vit_precision p = VIT_PRECISION_BF16; p <= VIT_PRECISION_BF16X2; p++) {
        if (vit_precision_bytes(p) == 0)
            continue;
        float *other = embed(model, &texts, &(struct vit_text_options){.precision = p}, &n_cut);
        cr_expect(check_f32(message, vit_precision_name(p), other, f32, n, p == VIT_PRECISION_BF16 ? 0.05 : 1e-4), "%s",
                  message);
        free(other);
    }
    free(f32);
    vit_model_free(model);
    free_lines(&texts);
}

/* The first end counts, as in the libraries: transformers takes the first, OpenCLIP the largest number's first. */
Test(words, a_text_ends_with_its_first_end)
{
    struct lines texts = {.n = 2, .text = {"a photo", "a photo<|endoftext|> of a cat"}};
    struct vit_model *model = open_folder("hf_clip", NULL);
    size_t E = (size_t)vit_config_head_width(vit_model_config(model));
    int n_cut;
    float *features = embed(model, &texts, NULL, &n_cut);
    cr_expect_arr_eq(features, features + E, E * sizeof *features);
    free(features);
    vit_model_free(model);
}

static bool tell(void *context, int64_t done, int64_t total)
{
    int64_t *seen = context;
    cr_expect_gt(done, seen[0]);
    cr_expect_leq(done, total);
    seen[0] = done;
    return done < seen[1];
}

Test(words, who_watches_can_stop)
{
    struct vit_model *model;
    int64_t seen[2] = {0, 1000};
    struct vit_model_options options = {.labels = WORDS "names.txt", .watch = {tell, seen}};
    options.templates = (const char *const[]){"imagenet-80"};
    options.n_templates = 1;
    vit_model_free(open_folder("hf_clip", &options));
    cr_expect_eq(seen[0], 5 * 80);
    seen[0] = 0, seen[1] = 1;
    cr_expect_eq(vit_model_open(&model, WORDS "hf_clip", &options, &err), VIT_ERR_INTERNAL);
    cr_expect(strstr(err.message, "stopped after"), "%s", err.message);
    cr_expect_null(model);
}

/* ---- Baked ---- */

/* A file that convert has made answers as the folder does, bit for bit, and needs nothing beside it. */
Test(words, a_baked_file_answers_as_its_folder)
{
    struct lines folders = read_lines("folders.txt"), pictures = read_lines("pictures.txt");
    struct vit_model_options options = {.labels = WORDS "names.txt"};
    char *scratch = folder_make(), *path;
    cr_assert_geq(asprintf(&path, "%s/zoo.safetensors", scratch), 0);
    for (int i = 0; i < folders.n; i++) {
        size_t width;
        struct vit_model *model = open_folder(folders.text[i], &options), *baked;
        cr_assert_eq(vit_model_save(model, path, &(struct vit_save_options){.force = true}, &err), VIT_OK, "%s",
                     err.message);
        cr_assert_eq(vit_model_open(&baked, path, NULL, &err), VIT_OK, "%s", err.message);
        float *want = look_at(model, &pictures, VIT_OUTPUT_LOGITS, &width);
        float *got = look_at(baked, &pictures, VIT_OUTPUT_LOGITS, &width);
        cr_expect_arr_eq(got, want, (size_t)pictures.n * width * sizeof *got, "%s", folders.text[i]);
        free(want), free(got);
        cr_expect_eq(vit_model_config(baked)->sigmoid, vit_model_config(model)->sigmoid);
        cr_expect_not(vit_model_has_text(baked));
        for (int k = 0; k < 5; k++)
            cr_expect_str_eq(vit_model_label(baked, k), vit_model_label(model, k));
        cr_expect(strstr(vit_model_source(baked), "\"templates\":[\"This is a photo of {}.\"]"), "%s",
                  vit_model_source(baked));
        cr_expect(strstr(vit_model_source(baked), "\"text_tower\":\""), "%s", vit_model_source(baked));
        vit_model_free(model), vit_model_free(baked);
    }
    free(path);
    folder_remove(scratch);
    free_lines(&folders), free_lines(&pictures);
}

/* Bakes a model with names of its own, and copies what the file says of its text tower. */
static void read_fingerprint(char fingerprint[17], const char *path, const char *out, const char *classes)
{
    static const char key[] = "\"text_tower\":\"";
    struct vit_model *model, *baked;
    struct vit_model_options options = {.classes = classes};
    cr_assert_eq(vit_model_open(&model, path, &options, &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_save(model, out, &(struct vit_save_options){.force = true}, &err), VIT_OK, "%s",
                 err.message);
    cr_assert_eq(vit_model_open(&baked, out, NULL, &err), VIT_OK, "%s", err.message);
    const char *at = strstr(vit_model_source(baked), key);
    cr_assert(at, "%s", vit_model_source(baked));
    snprintf(fingerprint, 17, "%s", at + strlen(key));
    vit_model_free(model), vit_model_free(baked);
}

/* The same whatever the names, and another for each tower. */
Test(words, a_baked_file_tells_its_text_tower)
{
    struct lines folders = read_lines("folders.txt");
    char *scratch = folder_make(), *out, path[256], again[17];
    char fingerprints[MOST][17];
    cr_assert_geq(asprintf(&out, "%s/zoo.safetensors", scratch), 0);
    for (int i = 0; i < folders.n; i++) {
        snprintf(path, sizeof path, WORDS "%s", folders.text[i]);
        read_fingerprint(fingerprints[i], path, out, "a cat,a dog");
        read_fingerprint(again, path, out, "a bus");
        cr_expect_str_eq(fingerprints[i], again);
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(fingerprints[i], fingerprints[k], "%s and %s", folders.text[i], folders.text[k]);
    }
    free(out);
    folder_remove(scratch);
    free_lines(&folders);
}

/* (rows, columns) f32, as numpy.save writes it. */
static char *save_npy(const char *folder, const char *name, const float *data, size_t rows, size_t columns)
{
    char *path, header[118];
    cr_assert_geq(asprintf(&path, "%s/%s", folder, name), 0);
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows, columns);
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 10, 1, file);
    fprintf(file, "%-117s\n", header);
    cr_assert_eq(fwrite(data, sizeof *data, rows * columns, file), rows * columns);
    fclose(file);
    return path;
}

/* Embeddings that were made elsewhere, either way round and of any length, give what the text tower gives. */
Test(words, embeddings_from_elsewhere)
{
    struct lines names = read_lines("names.txt"), prompts = {.n = names.n}, pictures = read_lines("pictures.txt");
    struct vit_model *model = open_folder("open_clip", NULL);
    size_t width, K = (size_t)names.n, E = (size_t)vit_config_head_width(vit_model_config(model));
    int n_cut;
    for (int i = 0; i < names.n; i++)
        cr_assert_geq(asprintf(&prompts.text[i], "This is a photo of %s.", names.text[i]), 0);
    float *rows = embed(model, &prompts, NULL, &n_cut), *columns = malloc(K * E * sizeof *columns);
    for (size_t k = 0; k < K; k++)
        for (size_t i = 0; i < E; i++)
            columns[i * K + k] = 3 * rows[k * E + i];
    char *folder = folder_make();
    char *by_rows = save_npy(folder, "rows.npy", rows, K, E),
         *by_columns = save_npy(folder, "columns.npy", columns, E, K);
    struct vit_model_options options = {.labels = WORDS "names.txt", .text_embeddings = by_rows};
    for (int i = 0; i < 2; i++, options.text_embeddings = by_columns) {
        struct vit_model *other = open_folder("open_clip", &options);
        float *logits = look_at(other, &pictures, VIT_OUTPUT_LOGITS, &width);
        check("open_clip", "logits", logits, (size_t)pictures.n * width);
        free(logits);
        vit_model_free(other);
    }
    struct vit_model *none;
    options = (struct vit_model_options){.classes = "one, two", .text_embeddings = by_rows};
    cr_expect_eq(vit_model_open(&none, WORDS "open_clip", &options, &err), VIT_ERR_DECODE);
    cr_expect(strstr(err.message, "for 2 labels"), "%s", err.message);
    free(rows), free(columns), free(by_rows), free(by_columns);
    folder_remove(folder);
    vit_model_free(model);
    free_lines(&names), free_lines(&prompts), free_lines(&pictures);
}

/* ---- Refusals ---- */

static void refuse(const char *path, const struct vit_model_options *options, const char *why)
{
    struct vit_model *model;
    cr_expect_neq(vit_model_open(&model, path, options, &err), VIT_OK, "%s: opened, expected %s", path, why);
    cr_expect(strstr(err.message, why), "%s, expected %s", err.message, why);
    cr_expect_null(model);
}

Test(words, refusals)
{
    static const char *const a_photo[] = {"a photo of {}"};
    refuse(WORDS "hf_clip", &(struct vit_model_options){.classes = ""}, "no name");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.classes = "a cat,,a dog"}, "empty");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.classes = "a cat,a dog, a cat"}, "a cat");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.classes = "a", .labels = WORDS "names.txt"}, "both name");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.templates = a_photo, .n_templates = 1}, "--template without");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.labels = "/nowhere"}, "/nowhere");
    refuse(WORDS "hf_clip", &(struct vit_model_options){.classes = "a", .text_embeddings = "/nowhere"}, "/nowhere");
    refuse("tests/families/timm_vit", &(struct vit_model_options){.classes = "a cat"}, "7 classes already");
    refuse("tests/families/hf_clip_projection", &(struct vit_model_options){.classes = "a cat"}, "no text tower");
}

/* A tower that reads where a text ends needs a tokenizer that ends there. */
Test(words, a_tokenizer_of_another_kind_is_refused)
{
    static const char *const files[] = {"config.json", "preprocessor_config.json", "model.safetensors"};
    char *folder = folder_make(), from[256];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(from, sizeof from, WORDS "hf_clip/%s", files[i]);
        free(folder_link(folder, files[i], from));
    }
    free(folder_link(folder, "spiece.model", WORDS "hf_siglip/spiece.model"));
    refuse(folder, &(struct vit_model_options){.classes = "a cat"}, "a tokenizer that fills up texts");
    folder_remove(folder);
}
