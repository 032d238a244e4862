/* words.c: from the names of classes to a classifier. With u(x) = x / ||x||, the weight of class k is exp(logit_scale)
 * u of the mean over the templates of u(its text's features), and the picture's features enter as u, too (CLIP,
 * section 3.1.2 and OpenAI's notebook on prompts). */
#include "vit/network/words.h"

#include <stdlib.h>
#include <string.h>

#include "vit/base/limits.h"
#include "vit/network/templates.h"
#include "vit/network/text.h"
#include "vit/operators/plain.h"

/* ---- From the text tower ---- */

struct work {
    const struct vit_text_reader *reader;
    const struct vit_labels *labels;
    const struct vit_templates *templates;
    struct vit_text_options options;
    int E;
};

/* w (n, E): of n classes from first on, the mean over templates. */
static vit_status embed_some(const struct work *work, int first, int n, char **texts, float *features, float *w,
                             int *n_cut, struct vit_error *err)
{
    int M = work->templates->n, E = work->E;
    VIT_TRY(vit_text_embed(work->reader, (const char *const *)texts, n * M, &work->options, (int64_t)first * M,
                           (int64_t)work->labels->n * M, features, n_cut, err));
    for (int k = 0; k < n; k++)
        for (int i = 0; i < E; i++) {
            float sum = 0;
            for (int m = 0; m < M; m++)
                sum += features[((size_t)k * (size_t)M + (size_t)m) * (size_t)E + (size_t)i];
            w[(size_t)k * (size_t)E + (size_t)i] = sum / (float)M;
        }
    return VIT_OK;
}

/* The texts of n classes from first on; false: out of memory. */
static bool fill_texts(const struct work *work, int first, int n, char **texts)
{
    int M = work->templates->n;
    bool filled = true;
    for (int i = 0; i < n * M; i++) {
        texts[i] = vit_templates_fill(work->templates->texts[i % M], work->labels->names[first + i / M]);
        filled = filled && texts[i];
    }
    return filled;
}

/* w (K, E), some classes after the others, so that memory stays bounded. */
static vit_status embed_all(const struct work *work, float *w, int *n_cut, struct vit_error *err)
{
    const int most = 8192; /* texts at once */
    int K = work->labels->n, M = work->templates->n, some = M < most ? most / M : 1;
    char **texts = calloc((size_t)some * (size_t)M, sizeof *texts);
    float *features = malloc((size_t)some * (size_t)M * (size_t)work->E * sizeof *features);
    vit_status status = texts && features ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for texts");
    for (int first = 0; first < K && status == VIT_OK; first += some) {
        int n = K - first < some ? K - first : some;
        status = fill_texts(work, first, n, texts)
                     ? embed_some(work, first, n, texts, features, w + (size_t)first * (size_t)work->E, n_cut, err)
                     : vit_fail(err, VIT_ERR_MEMORY, "out of memory for texts");
        for (int i = 0; i < n * M; i++)
            free(texts[i]);
    }
    free(texts);
    free(features);
    return status;
}

static vit_status embed_words(float *w, const struct vit_weights *weights, const struct vit_model *tower,
                              const struct vit_labels *labels, const struct vit_templates *templates,
                              const struct vit_model_options *options, int *n_cut, struct vit_error *err)
{
    struct vit_text_reader reader;
    struct work work = {.reader = &reader,
                        .labels = labels,
                        .templates = templates,
                        .options = {.threads = options->threads, .normalize = true, .watch = options->watch},
                        .E = vit_config_head_width(&weights->config)};
    vit_status status = vit_text_reader_open(&reader, tower, weights->text, err);
    if (status == VIT_OK)
        status = embed_all(&work, w, n_cut, err);
    vit_text_reader_close(&reader);
    return status;
}

/* ---- From a file ---- */

/* w (K, E) = values, or their transpose where these are (E, K). */
static void place(float *w, const float *values, int K, int E, bool transposed)
{
    for (size_t k = 0; k < (size_t)K; k++)
        for (size_t i = 0; i < (size_t)E; i++)
            w[k * (size_t)E + i] = transposed ? values[i * (size_t)K + k] : values[k * (size_t)E + i];
}

static vit_status load_embeddings(float *w, int K, int E, const char *path, struct vit_error *err)
{
    struct vit_tensor array;
    float *values;
    VIT_TRY(vit_npy_load(&values, &array, (int64_t)VIT_LIMIT_CLASSES * E, path, err));
    vit_status status = VIT_OK;
    bool rows = array.n_dims == 2 && array.shape[0] == K && array.shape[1] == E;
    bool columns = array.n_dims == 2 && array.shape[0] == E && array.shape[1] == K;
    char shape[64];
    if (rows || columns)
        place(w, values, K, E, !rows);
    else
        status = vit_fail(err, VIT_ERR_DECODE, "%s: shape %s, expected [%d, %d] or [%d, %d] for %d labels", path,
                          vit_shape_text(shape, sizeof shape, array.n_dims, array.shape), K, E, E, K, K);
    free(values);
    return status;
}

/* ---- The classifier ---- */

/* What a baked file says of its origin. */
static json_t *describe(const struct vit_templates *templates, const struct vit_model_options *options)
{
    if (options->text_embeddings)
        return json_pack("{s:b}", "text_embeddings", 1);
    json_t *words = json_pack("{s:[]}", "templates"), *list = json_object_get(words, "templates");
    for (int i = 0; list && i < templates->n; i++)
        if (json_array_append_new(list, json_string(templates->texts[i])) != 0) {
            json_decref(words);
            return NULL;
        }
    return words;
}

static vit_status make_weight(float *w, const struct vit_weights *weights, const struct vit_model *tower,
                              const struct vit_labels *labels, const struct vit_templates *templates,
                              const struct vit_model_options *options, int *n_cut, struct vit_error *err)
{
    int K = labels->n, E = vit_config_head_width(&weights->config);
    VIT_TRY(options->text_embeddings ? load_embeddings(w, K, E, options->text_embeddings, err)
                                     : embed_words(w, weights, tower, labels, templates, options, n_cut, err));
    for (int k = 0; k < K; k++) {
        float *row = w + (size_t)k * (size_t)E;
        vit_plain_normalize_row(row, row, E);
        for (int i = 0; i < E; i++)
            row[i] *= (float)weights->logit_scale;
    }
    return VIT_OK;
}

static vit_status set_head(struct vit_weights *weights, struct vit_labels *labels, float *weight, float *bias,
                           const struct vit_templates *templates, const struct vit_model_options *options,
                           struct vit_error *err)
{
    json_t *words = describe(templates, options);
    vit_status status = vit_weights_set_head(weights, labels, weight, bias, words, err);
    json_decref(words);
    return status;
}

static vit_status classify(struct vit_weights *weights, const struct vit_model *tower, struct vit_labels *labels,
                           const struct vit_templates *templates, const struct vit_model_options *options, int *n_cut,
                           struct vit_error *err)
{
    size_t K = (size_t)labels->n, E = (size_t)vit_config_head_width(&weights->config);
    float *weight = malloc(K * E * sizeof *weight), *bias = malloc(K * sizeof *bias);
    vit_status status = weight && bias ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu classes", K);
    if (status == VIT_OK)
        status = make_weight(weight, weights, tower, labels, templates, options, n_cut, err);
    for (size_t k = 0; k < K && status == VIT_OK; k++)
        bias[k] = (float)weights->logit_bias;
    if (status == VIT_OK)
        return set_head(weights, labels, weight, bias, templates, options, err);
    free(weight);
    free(bias);
    return status;
}

/* ---- Called by others ---- */

bool vit_words_given(const struct vit_weights *weights, const struct vit_model_options *options)
{
    return options->classes || options->n_templates || options->text_embeddings ||
           (options->labels && vit_weights_takes_words(weights));
}

static vit_status check(const struct vit_weights *weights, const struct vit_model *tower,
                        const struct vit_model_options *options, struct vit_error *err)
{
    if (weights->config.classes > 0)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "classes in words: this model has %d classes already",
                        weights->config.classes);
    if (!options->classes && !options->labels)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%s without names of classes: --classes or --labels gives them",
                        options->text_embeddings ? "--text-embeddings" : "--template");
    if (options->classes && options->labels)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--classes and --labels: both name the classes");
    if (options->text_embeddings && options->n_templates)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "--template: embeddings made elsewhere take none");
    if (!weights->config.normalize)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "classes in words: this model shares no embedding with texts");
    if (tower || options->text_embeddings)
        return VIT_OK;
    if (weights->text)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "its text tower: %s", weights->text->why.message);
    return vit_fail(err, VIT_ERR_UNSUPPORTED,
                    "classes in words: this checkpoint has no text tower; --text-embeddings "
                    "takes what another program made of the names");
}

vit_status vit_words_classify(struct vit_weights *weights, const struct vit_model *tower,
                              const struct vit_model_options *options, int *n_cut, struct vit_error *err)
{
    struct vit_labels labels = {0};
    struct vit_templates templates = {0};
    *n_cut = 0;
    VIT_TRY(check(weights, tower, options, err));
    vit_status status = options->classes ? vit_labels_split(&labels, options->classes, err)
                                         : vit_labels_load(&labels, options->labels, err);
    if (status == VIT_OK && !options->text_embeddings)
        status = vit_templates_load(&templates, options->templates, options->n_templates, err);
    if (status == VIT_OK)
        status = classify(weights, tower, &labels, &templates, options, n_cut, err);
    vit_labels_free(&labels);
    vit_templates_free(&templates);
    return status;
}
