/* test_text_towers.c: text towers beside image towers (tests/make_words.py), as checkpoints hold them: which there are, the
 * tensors in canonical form, what refuses a text tower alone, classes in words, and what is kept of them in a file. What
 * the towers compute is compared in test_words.c. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/damaged.h"
#include "tests/edited.h"
#include "tests/npy.h"
#include "tests/program.h"
#include "vit/base/half.h"
#include "weights/containers/container.h"
#include "weights/weights.h"

#define WORDS "tests/words/"
#define FAMILIES "tests/families/"

static struct vit_error err;

static struct vit_weights *open_weights(const char *path, const struct vit_model_options *options)
{
    struct vit_weights *weights;
    cr_assert_eq(vit_weights_open(&weights, path, options, &err), VIT_OK, "%s", err.message);
    return weights;
}

static const struct vit_weights *text_of(const struct vit_weights *weights)
{
    cr_assert(weights->text, "no text tower");
    cr_assert(weights->text->weights, "%s", weights->text->why.message);
    return weights->text->weights;
}

static void expect_word(const char *message, const char *word)
{
    cr_expect(strstr(message, word), "\"%s\" lacks \"%s\"", message, word);
}

/* ---- Configurations ---- */

Test(text_towers, are_told_from_tensors_and_files)
{
    static const struct {
        const char *folder;
        int embedding, projection, heads; /* of texts; of pictures, 0: none; of the text tower */
        bool causal, sigmoid;
        enum vit_act act;
        double eps;
        enum vit_cleaning cleaning;
    } towers[] = {
        {"hf_clip", 20, 20, 2, true, false, VIT_ACT_QUICK_GELU, 1e-5, VIT_CLEANED_AS_HF},
        {"hf_clip_gelu", 16, 16, 2, true, false, VIT_ACT_GELU_ERF, 1e-5, VIT_CLEANED_AS_HF},
        {"hf_siglip", 24, 0, 2, false, true, VIT_ACT_GELU_TANH, 1e-6, VIT_CLEANED_AS_HF},
        {"hf_siglip2", 24, 0, 2, false, true, VIT_ACT_GELU_TANH, 1e-6, VIT_CLEANED_AS_HF},
        {"open_clip", 16, 16, 2, true, false, VIT_ACT_GELU_ERF, 1e-5, VIT_CLEANED_AS_OPEN_CLIP},
        {"open_clip_custom", 12, 12, 4, true, false, VIT_ACT_QUICK_GELU, 1e-5, VIT_CLEANED_AS_OPEN_CLIP},
        {"open_clip_timm_linear", 20, 20, 2, true, false, VIT_ACT_GELU_ERF, 1e-5, VIT_CLEANED_AS_OPEN_CLIP},
        {"open_clip_timm_null", 12, 12, 2, true, false, VIT_ACT_QUICK_GELU, 1e-5, VIT_CLEANED_AS_OPEN_CLIP},
        {"open_clip_siglip", 64, 0, 2, false, true, VIT_ACT_GELU_TANH, 1e-6, VIT_CLEANED_AS_OPEN_CLIP},
    };
    for (size_t i = 0; i < sizeof towers / sizeof *towers; i++) {
        char path[128], message[NPY_MESSAGE_MAX];
        struct npy scale;
        snprintf(path, sizeof path, WORDS "%s", towers[i].folder);
        struct vit_weights *weights = open_weights(path, NULL);
        const struct vit_config *c = &weights->config, *t = &text_of(weights)->config;
        cr_expect(c->classes == 0 && c->embedding == towers[i].projection && c->normalize, "%s", path);
        cr_expect_eq(c->sigmoid, towers[i].sigmoid, "%s", path);
        cr_expect(t->context == 16 && t->depth == 2 && t->width == 16 && t->mlp == 24 && t->qkv_bias, "%s", path);
        cr_expect(t->embedding == towers[i].embedding && t->heads == towers[i].heads && t->normalize, "%s", path);
        cr_expect(t->causal == towers[i].causal && t->act == towers[i].act && t->eps == towers[i].eps, "%s", path);
        cr_expect(t->pool == VIT_POOL_LAST && t->norm_place == VIT_NORM_BEFORE && t->classes == 0, "%s", path);
        cr_expect(weights->text->cleaning == towers[i].cleaning, "%s", path);
        cr_expect_str_eq(weights->text->folder, path);
        snprintf(path, sizeof path, WORDS "%s/scale.npy", towers[i].folder);
        cr_assert(npy_read(&scale, path, message), "%s", message);
        const float *want = scale.data;
        cr_expect(fabs(weights->logit_scale - want[0]) < 1e-6 * want[0] && weights->logit_bias == want[1], "%s: %g, %g", path,
                  weights->logit_scale, weights->logit_bias);
        npy_free(&scale);
        vit_weights_close(weights);
    }
}

/* ---- Tensors ---- */

/* Adds a tensor of a source to what is in dst, n numbers so far. */
static size_t append(float *dst, size_t n, const struct vit_source *source, const char *name)
{
    int i = vit_source_find(source, name);
    cr_assert_geq(i, 0, "%s", name);
    const struct vit_tensor *t = vit_source_tensor(source, i);
    int64_t count = vit_tensor_count(t);
    char *raw = malloc((size_t)count * vit_dtype_size(t->dtype));
    cr_assert_not_null(raw);
    cr_assert_eq(vit_source_read(source, i, raw, &err), VIT_OK, "%s", err.message);
    vit_widen(dst + n, raw, t->dtype, count);
    free(raw);
    return n + (size_t)count;
}

enum { NUMBERS = 1 << 14 };

/* The text tower's tensors, or with `image:` before the name the image tower's, hold just what the checkpoint's do. */
Test(text_towers, tensors_are_those_of_the_checkpoint)
{
#define LAYER "text_model.encoder.layers.1.self_attn."
    static const struct {
        const char *folder, *file, *canonical, *from[3]; /* none: zeros */
        bool transposed;
    } tensors[] = {
        {"hf_clip", "model.safetensors", "token_embed.weight", {"text_model.embeddings.token_embedding.weight"}, false},
        {"hf_clip", "model.safetensors", "blocks.1.attn.qkv.weight",
         {LAYER "q_proj.weight", LAYER "k_proj.weight", LAYER "v_proj.weight"}, false},
        {"hf_clip", "model.safetensors", "proj.weight", {"text_projection.weight"}, false},
        {"hf_clip", "model.safetensors", "proj.bias", {NULL}, false},
        {"hf_clip", "model.safetensors", "image:proj.weight", {"visual_projection.weight"}, false},
        {"hf_clip", "model.safetensors", "image:proj.bias", {NULL}, false},
        {"hf_siglip", "model.safetensors", "proj.weight", {"text_model.head.weight"}, false},
        {"hf_siglip", "model.safetensors", "proj.bias", {"text_model.head.bias"}, false},
        {"open_clip", "open_clip_model.safetensors", "pos_embed", {"positional_embedding"}, false},
        {"open_clip", "open_clip_model.safetensors", "proj.weight", {"text_projection"}, true},
        {"open_clip", "open_clip_model.safetensors", "image:proj.weight", {"visual.proj"}, true},
        {"open_clip_custom", "open_clip_pytorch_model.bin", "proj.weight", {"text.text_projection.weight"}, false},
        {"open_clip_custom", "open_clip_pytorch_model.bin", "proj.bias", {"text.text_projection.bias"}, false},
        {"open_clip_custom", "open_clip_pytorch_model.bin", "blocks.0.ls2.gamma",
         {"text.transformer.resblocks.0.ls_2.gamma"}, false},
        {"open_clip_timm_linear", "open_clip_model.safetensors", "image:proj.weight", {"visual.head.proj.weight"}, false},
        {"open_clip_timm_linear", "open_clip_model.safetensors", "image:proj.bias", {NULL}, false},
        {"open_clip_timm_null", "open_clip_model.safetensors", "image:proj.bias", {"visual.trunk.head.bias"}, false},
        {"open_clip_timm_null", "open_clip_model.safetensors", "norm.bias", {"text.ln_final.bias"}, false},
    };
    static float got[NUMBERS], want[NUMBERS];
    for (size_t k = 0; k < sizeof tensors / sizeof *tensors; k++) {
        char folder[128], path[256];
        bool image = strncmp(tensors[k].canonical, "image:", 6) == 0;
        snprintf(folder, sizeof folder, WORDS "%s", tensors[k].folder);
        snprintf(path, sizeof path, "%s/%s", folder, tensors[k].file);
        struct vit_source *source;
        struct vit_weights *weights = open_weights(folder, NULL);
        const struct vit_weights *tower = image ? weights : text_of(weights);
        int i = vit_layout_find(&tower->layout, tensors[k].canonical + (image ? 6 : 0));
        cr_assert_geq(i, 0, "%s", tensors[k].canonical);
        const struct vit_tensor *t = &tower->layout.tensors[i];
        size_t count = (size_t)vit_tensor_count(t), n = 0;
        cr_assert_leq(count, NUMBERS);
        cr_assert_eq(vit_weights_read_f32(tower, i, got, &err), VIT_OK, "%s", err.message);
        memset(want, 0, sizeof want);
        cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
        for (int part = 0; part < 3 && tensors[k].from[part]; part++)
            n = append(want, n, source, tensors[k].from[part]);
        cr_assert(n == count || n == 0, "%s: %zu numbers of %zu", tensors[k].canonical, n, count);
        size_t rows = (size_t)t->shape[0], columns = count / rows, differ = 0;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                differ += got[r * columns + c] != (tensors[k].transposed ? want[c * rows + r] : want[r * columns + c]);
        cr_expect_eq(differ, 0, "%s %s: %zu numbers differ", folder, tensors[k].canonical, differ);
        vit_source_close(source);
        vit_weights_close(weights);
    }
}

Test(text_towers, rows_of_a_tensor_are_those_of_the_whole)
{
    static const char *const folders[] = {"hf_clip", "hf_clip_gelu", "open_clip_custom"};
    static const int rows[] = {663, 0, 17, 17, 320};
    enum { N = sizeof rows / sizeof *rows, D = 16, V = 664 };
    static float whole[V * D], some[N * D];
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
        char path[128];
        snprintf(path, sizeof path, WORDS "%s", folders[k]);
        struct vit_weights *weights = open_weights(path, NULL);
        const struct vit_weights *text = text_of(weights);
        int i = vit_layout_find(&text->layout, "token_embed.weight");
        cr_assert_eq(vit_weights_read_f32(text, i, whole, &err), VIT_OK, "%s", err.message);
        cr_assert_eq(vit_weights_read_rows(text, i, rows, N, some, &err), VIT_OK, "%s", err.message);
        for (int r = 0; r < N; r++)
            cr_expect_eq(memcmp(some + r * D, whole + rows[r] * D, D * sizeof *whole), 0, "%s: row %d", path, rows[r]);
        i = vit_layout_find(&text->layout, "proj.weight"); /* transposed, or not */
        cr_assert_eq(vit_weights_read_f32(text, i, whole, &err), VIT_OK, "%s", err.message);
        cr_assert_eq(vit_weights_read_rows(text, i, (int[]){5}, 1, some, &err), VIT_OK, "%s", err.message);
        cr_expect_eq(memcmp(some, whole + 5 * D, D * sizeof *whole), 0, "%s: row 5 of the projection", path);
        cr_expect_eq(vit_weights_read_rows(text, i, (int[]){V}, 1, some, &err), VIT_ERR_DECODE);
        expect_word(err.message, "proj.weight: row 664, of ");
        cr_expect_eq(vit_weights_read_rows(text, i, (int[]){-1}, 1, some, &err), VIT_ERR_DECODE);
        vit_weights_close(weights);
    }
}

Test(text_towers, rows_are_read_from_every_container)
{
    static const char *const files[] = {"whole.safetensors", "model.safetensors.index.json", "pytorch_model.bin.index.json",
                                        "state.pt",          "legacy.pt",                    "deflated.npz"};
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
        char path[128], whole[4096], some[4096];
        struct vit_source *source;
        int n_read = 0;
        snprintf(path, sizeof path, "tests/containers/%s", files[k]);
        cr_assert_eq(vit_source_open(&source, path, &err), VIT_OK, "%s", err.message);
        for (int i = 0; i < vit_source_n_tensors(source); i++) {
            const struct vit_tensor *t = vit_source_tensor(source, i);
            size_t bytes = (size_t)vit_tensor_count(t) * vit_dtype_size(t->dtype);
            if (t->n_dims == 0 || t->shape[0] < 2 || bytes == 0 || bytes > sizeof whole)
                continue;
            size_t row = bytes / (size_t)t->shape[0];
            const int rows[] = {(int)t->shape[0] - 1, 0};
            cr_assert_eq(vit_source_read(source, i, whole, &err), VIT_OK, "%s", err.message);
            cr_assert_eq(vit_source_read_rows(source, i, rows, 2, some, &err), VIT_OK, "%s", err.message);
            cr_expect(memcmp(some, whole + bytes - row, row) == 0 && memcmp(some + row, whole, row) == 0, "%s: %s", path,
                      t->name);
            n_read++;
        }
        cr_expect_gt(n_read, 1, "%s", path);
        vit_source_close(source);
    }
}

/* ---- What refuses a text tower, and not the image tower ---- */

#define HF "hf_clip", "model.safetensors", "config.json"
#define SIGLIP "hf_siglip", "model.safetensors", "config.json"
#define CLIP "open_clip", "open_clip_model.safetensors", "open_clip_config.json"
#define TEXT "model_cfg.text_cfg."

static void expect_image_alone(const char *folder, const char *word)
{
    struct vit_weights *weights = open_weights(folder, NULL);
    cr_assert(weights->text && !weights->text->weights, "no refusal of \"%s\"", word);
    expect_word(weights->text->why.message, word);
    cr_expect_neq(weights->logit_scale > 0, strstr(word, "logit_scale") != NULL); /* for embeddings made elsewhere */
    cr_expect(weights->config.normalize && weights->layout.n_tensors > 0);
    vit_weights_close(weights);
}

Test(text_towers, what_is_not_understood_refuses_the_text_tower_alone)
{
    static const struct {
        const char *folder, *weights, *file, *path, *value, *word;
    } edits[] = {
        {HF, "model_type", "\"metaclip_2\"", "model_type \"metaclip_2\": its text tower is not supported"},
        {HF, "text_config.model_type", "\"xlm-roberta\"", "text_config.model_type \"xlm-roberta\""},
        {HF, "text_config.hidden_act", "\"relu\"", "text_config.hidden_act \"relu\": not supported"},
        {HF, "text_config.rope_theta", "100", "text_config.rope_theta 100: not understood"},
        {HF, "text_config.num_attention_heads", "3", "width 16 is not a multiple of heads 3"},
        {HF, "text_config.num_attention_heads", "\"2\"", "num_attention_heads \"2\": not a whole number of 1..16"},
        {HF, "text_config.vocab_size", "49408", "vocab_size 49408: the tensors say 664"},
        {HF, "text_config.max_position_embeddings", "77", "max_position_embeddings 77: the tensors say 16"},
        {HF, "text_config.hidden_size", "512", "hidden_size 512: the tensors say 16"},
        {HF, "text_config.layer_norm_eps", "2", "eps 2 is outside 0..1"},
        {SIGLIP, "text_config.projection_size", "16", "projection_size 16: the tensors say 24"},
        {CLIP, TEXT "hf_model_name", "\"bert-base\"", "hf_model_name \"bert-base\": a text tower of another kind"},
        {CLIP, TEXT "embed_cls", "true", "text_cfg.embed_cls true: only false"},
        {CLIP, TEXT "pool_type", "\"first\"", "pool_type \"first\": only"},
        {CLIP, TEXT "pool_type", "\"eos\"", "pool_type \"eos\": only"},
        {CLIP, TEXT "pool_type", "\"last\"", "pool_type \"last\" is supported without a mask alone"},
        {CLIP, TEXT "no_causal_mask", "true", "no_causal_mask true: supported with pool_type \"last\" alone"},
        {CLIP, TEXT "proj_type", "\"none\"", "proj_type \"none\""},
        {CLIP, TEXT "hf_tokenizer_name", "\"bert-base-uncased\"", "hf_tokenizer_name \"bert-base-uncased\""},
        {CLIP, TEXT "tokenizer_mode", "\"clips\"", "tokenizer_mode \"clips\""},
        {CLIP, TEXT "tokenizer_kwargs.clean", "\"canonicalize\"", "tokenizer_kwargs.clean \"canonicalize\""},
        {CLIP, TEXT "tokenizer_kwargs.strip_sep_token", "true", "strip_sep_token true: not understood"},
        {CLIP, TEXT "act_kwargs.approximate", "\"sigmoid\"", "act_kwargs"},
        {CLIP, TEXT "norm_kwargs.bias", "false", "norm_kwargs.bias false: not understood"},
        {CLIP, TEXT "qk_norm", "true", "text_cfg.qk_norm true"},
        {CLIP, TEXT "width", "512", "text_cfg.width 512: the tensors say 16"},
        {CLIP, TEXT "context_length", "77", "text_cfg.context_length 77: the tensors say 16"},
        {CLIP, TEXT "tied", "true", "text_cfg.tied true: not understood"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char *folder = folder_make();
        copy_model(folder, WORDS, edits[i].folder, edits[i].weights);
        change(folder, edits[i].file, edits[i].path, edits[i].value);
        expect_image_alone(folder, edits[i].word);
        folder_remove(folder);
    }
}

Test(text_towers, tensors_that_do_not_fit_refuse_the_text_tower_alone)
{
    static const struct {
        const char *folder, *file, *tensor;
        enum damage damage;
        const char *word;
    } cases[] = {
        {"hf_clip", "model.safetensors", "logit_scale", MISSING, "logit_scale: missing"},
        {"hf_clip", "model.safetensors", "text_projection.weight", MISSING, "a text tower of another kind"},
        {"hf_clip", "model.safetensors", "text_model.final_layer_norm.bias", MISSING, "final_layer_norm.bias: missing, expected"},
        {"hf_clip", "model.safetensors", "text_model.encoder.layers.1.mlp.fc1.weight", WRONG_SHAPE, ", expected [24, 16]"},
        {"hf_clip", "model.safetensors", "text_model.encoder.layers.1.mlp.fc2.bias", WRONG_TYPE, "a floating-point type"},
        {"hf_clip", "model.safetensors", "text_model.adapter.weight", ADDED, "text_model.adapter.weight: shape [3], a tensor that"},
        {"hf_siglip", "model.safetensors", "text_model.head.bias", MISSING, "text_model.head.bias: missing"},
        {"open_clip", "open_clip_model.safetensors", "token_embedding.weight", MISSING, "a text tower of another kind"},
        {"open_clip", "open_clip_model.safetensors", "transformer.adapter", ADDED, "transformer.adapter: shape [3]"},
        {"open_clip_siglip", "open_clip_model.safetensors", "text.text_projection.bias", MISSING, "text_projection.bias: missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = folder_make(), path[512], original[256];
        copy_model(folder, WORDS, cases[i].folder, cases[i].file);
        snprintf(path, sizeof path, "%s/%s", folder, cases[i].file);
        snprintf(original, sizeof original, WORDS "%s/%s", cases[i].folder, cases[i].file);
        write_damaged(path, original, cases[i].tensor, cases[i].damage);
        expect_image_alone(folder, cases[i].word);
        folder_remove(folder);
    }
}

/* ---- Files beside the checkpoint ---- */

Test(text_towers, an_older_object_of_settings_and_the_defaults_of_classes)
{
    char *folder = folder_make();
    copy_model(folder, WORDS, "hf_clip", "model.safetensors");
    change(folder, "config.json", "text_config_dict", "{\"hidden_act\":\"gelu\",\"num_attention_heads\":4}");
    struct vit_weights *weights = open_weights(folder, NULL);
    cr_expect(text_of(weights)->config.act == VIT_ACT_GELU_ERF && text_of(weights)->config.heads == 4);
    vit_weights_close(weights);
    change(folder, "config.json", "text_config_dict", NULL);
    change(folder, "config.json", "text_config", NULL);
    weights = open_weights(folder, NULL);
    cr_expect(text_of(weights)->config.act == VIT_ACT_QUICK_GELU && text_of(weights)->config.heads == 8);
    vit_weights_close(weights);
    folder_remove(folder);
}

/* timm's releases of CLIP hold the image tower as timm has it, and OpenCLIP's whole model. */
Test(text_towers, a_folder_with_two_checkpoints_is_opened_by_the_one_with_texts)
{
    char *folder = folder_make();
    copy_model(folder, WORDS, "open_clip", "open_clip_model.safetensors");
    free(folder_copy(folder, "model.safetensors", FAMILIES "timm_vit/model.safetensors", -1));
    free(folder_copy(folder, "config.json", FAMILIES "timm_vit/config.json", -1));
    struct vit_weights *weights = open_weights(folder, NULL);
    text_of(weights);
    vit_weights_close(weights);
    free(folder_copy(folder, "config.json", WORDS "hf_clip/config.json", -1)); /* transformers' has texts, too */
    free(folder_copy(folder, "model.safetensors", WORDS "hf_clip/model.safetensors", -1));
    weights = open_weights(folder, NULL);
    cr_expect_eq(text_of(weights)->config.embedding, 20);
    vit_weights_close(weights);
    folder_remove(folder);
}

/* ---- A classifier in place of the embedding ---- */

static vit_status write_ones(void *context, int i, void *dst, struct vit_error *error)
{
    (void)error;
    for (size_t k = 0; k < ((const size_t *)context)[i]; k++)
        ((float *)dst)[k] = 1;
    return VIT_OK;
}

Test(text_towers, a_classifier_takes_the_place_of_the_embedding)
{
    static const struct {
        const char *folder;
        int width;
    } models[] = {{"hf_clip", 24}, {"open_clip", 16}, {"open_clip_timm_linear", 64}, {"open_clip_timm_null", 64},
                  {"hf_siglip", 24}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char *folder = folder_make(), path[128], head[512];
        struct vit_tensor tensors[] = {{.name = "weight", .n_dims = 2, .shape = {3, models[i].width}},
                                       {.name = "bias", .n_dims = 1, .shape = {3}}};
        struct vit_safetensors_content content = {.n_tensors = 2, .tensors = tensors, .read = write_ones,
                                                  .context = (size_t[]){3 * (size_t)models[i].width, 3}};
        snprintf(head, sizeof head, "%s/head.safetensors", folder);
        snprintf(path, sizeof path, WORDS "%s", models[i].folder);
        cr_assert_eq(vit_safetensors_write(head, true, &content, &err), VIT_OK, "%s", err.message);
        struct vit_weights *weights = open_weights(path, &(struct vit_model_options){.head = head});
        const struct vit_config *c = &weights->config;
        cr_expect(c->classes == 3 && c->embedding == 0 && !c->normalize && !c->sigmoid && !weights->text, "%s", path);
        vit_weights_close(weights);
        folder_remove(folder);
    }
}

/* Gives weights a head of three classes: a is 0, 1, 2, ... and bias -1, -2, -3. */
static vit_status set_head(struct vit_weights *weights)
{
    size_t width = (size_t)vit_config_head_width(&weights->config);
    float *weight = malloc(3 * width * sizeof *weight), *bias = malloc(3 * sizeof *bias);
    struct vit_labels labels = {0};
    json_t *words = json_pack("{s:[s]}", "templates", "a {}.");
    cr_assert(weight && bias && words);
    for (size_t i = 0; i < 3 * width; i++)
        weight[i] = (float)i;
    for (int i = 0; i < 3; i++)
        bias[i] = (float)-i - 1;
    cr_assert_eq(vit_labels_split(&labels, "cat, dog ,red bus", &err), VIT_OK, "%s", err.message);
    vit_status status = vit_weights_set_head(weights, &labels, weight, bias, words, &err);
    cr_expect_eq(labels.n, 0);
    json_decref(words);
    return status;
}

/* What is saved is an ordinary classifier, as the model in memory is. */
Test(text_towers, classes_in_words_are_saved_as_a_classifier)
{
    static const char *const folders[] = {"hf_clip", "hf_siglip", "open_clip_timm_null"};
    static float a[NUMBERS], b[NUMBERS];
    for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
        char path[128], *folder = folder_make(), out[512];
        snprintf(path, sizeof path, WORDS "%s", folders[k]);
        snprintf(out, sizeof out, "%s/words.safetensors", folder);
        struct vit_weights *weights = open_weights(path, NULL);
        cr_assert_eq(set_head(weights), VIT_OK, "%s", err.message);
        cr_assert_eq(vit_weights_save(weights, out, NULL, &err), VIT_OK, "%s", err.message);
        struct vit_weights *saved = open_weights(out, NULL);
        cr_expect_eq(memcmp(&saved->config, &weights->config, sizeof saved->config), 0);
        cr_expect(saved->config.classes == 3 && saved->config.normalize && !saved->text && saved->labels.n == 3);
        cr_expect_str_eq(saved->labels.names[2], "red bus");
        expect_word(saved->origin, "\"words\":{\"templates\":[\"a {}.\"]");
        cr_assert_eq(saved->layout.n_tensors, weights->layout.n_tensors);
        for (int i = 0; i < saved->layout.n_tensors; i++) {
            size_t count = (size_t)vit_tensor_count(&saved->layout.tensors[i]);
            cr_assert_leq(count, NUMBERS);
            cr_expect_str_eq(saved->layout.tensors[i].name, weights->layout.tensors[i].name);
            cr_assert_eq(vit_weights_read_f32(weights, i, a, &err), VIT_OK, "%s", err.message);
            cr_assert_eq(vit_weights_read_f32(saved, i, b, &err), VIT_OK, "%s", err.message);
            cr_expect_eq(memcmp(a, b, count * sizeof *a), 0, "%s", saved->layout.tensors[i].name);
        }
        int bias = vit_layout_find(&saved->layout, "head.bias");
        cr_assert_eq(vit_weights_read_f32(saved, bias, a, &err), VIT_OK, "%s", err.message);
        cr_expect(a[0] == -1 && a[2] == -3);
        cr_expect_eq(set_head(saved), VIT_ERR_UNSUPPORTED); /* it has one */
        expect_word(err.message, "has a classifier of 3 classes");
        vit_weights_close(saved);
        vit_weights_close(weights);
        folder_remove(folder);
    }
}

/* ---- Files of earlier versions ---- */

static void replace(char *text, size_t n, const char *what, const char *by)
{
    char *at = strstr(text, what), rest[1024];
    cr_assert_not_null(at, "%s", what);
    snprintf(rest, sizeof rest, "%s", at + strlen(what));
    snprintf(at, n - (size_t)(at - text), "%s%s", by, rest);
}

/* Writes a file of vit's own with another text for one thing in its configuration. */
static void rewrite_config(const char *path, const char *of, const char *what, const char *by)
{
    struct copying copying;
    cr_assert_eq(vit_source_open(&copying.source, of, &err), VIT_OK, "%s", err.message);
    int n = vit_source_n_tensors(copying.source), from[256];
    cr_assert_leq(n, 256);
    for (int i = 0; i < n; i++)
        from[i] = i;
    copying.from = from;
    char config[2048];
    struct vit_metadata metadata[16];
    int n_metadata = copying.source->n_metadata;
    for (int i = 0; i < n_metadata; i++) {
        metadata[i] = copying.source->metadata[i];
        if (strcmp(metadata[i].key, "vit.config") != 0)
            continue;
        snprintf(config, sizeof config, "%s", metadata[i].value);
        replace(config, sizeof config, what, by);
        metadata[i].value = config;
    }
    struct vit_safetensors_content content = {.n_tensors = n, .tensors = copying.source->tensors, .n_metadata = n_metadata,
                                              .metadata = metadata, .read = copy_tensor, .context = &copying};
    cr_assert_eq(vit_safetensors_write(path, true, &content, &err), VIT_OK, "%s", err.message);
    vit_source_close(copying.source);
}

Test(text_towers, files_of_earlier_versions)
{
    static const struct {
        const char *what, *by, *word; /* word NULL: it opens */
    } cases[] = {
        {"\"eps\"", "\"projection\":false,\"eps\"", NULL},
        {"\"eps\"", "\"projection\":true,\"eps\"", "convert the original again"},
        {"\"eps\"", "\"projection\":1,\"eps\"", "projection 1: not understood"},
        {"\"pool\":\"token\"", "\"pool\":\"last\"", "pool last is for texts alone"},
        {"\"embedding\":20", "\"embedding\":-1", "embedding -1"},
        {"\"embedding\":20", "\"embedding\":21", "proj.weight: shape [20, 24], expected [21, 24]"},
        {"\"normalize\":true", "\"normalize\":7", "normalize 7: neither true nor false"},
    };
    char *folder = folder_make(), own[256], other[256];
    snprintf(own, sizeof own, "%s/own", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    struct vit_weights *weights = open_weights(WORDS "hf_clip", NULL);
    cr_assert_eq(vit_weights_save(weights, own, NULL, &err), VIT_OK, "%s", err.message);
    vit_weights_close(weights);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rewrite_config(other, own, cases[i].what, cases[i].by);
        vit_status status = vit_weights_open(&weights, other, NULL, &err);
        cr_expect_eq(status == VIT_OK, !cases[i].word, "%s: %s", cases[i].by, status ? err.message : "opened");
        if (status != VIT_OK && cases[i].word)
            expect_word(err.message, cases[i].word);
        vit_weights_close(weights);
    }
    folder_remove(folder);
}

/* ---- Names of classes ---- */

Test(text_towers, names_of_classes_are_parted_by_commas)
{
    struct vit_labels labels = {0};
    cr_assert_eq(vit_labels_split(&labels, " a cat ,dog,\tCaf\xc3\xa9 au lait", &err), VIT_OK, "%s", err.message);
    cr_assert_eq(labels.n, 3);
    cr_expect_str_eq(labels.names[0], "a cat");
    cr_expect_str_eq(labels.names[1], "dog");
    cr_expect_str_eq(labels.names[2], "Caf\xc3\xa9 au lait");
    vit_labels_free(&labels);
    static const struct {
        const char *names, *word;
    } wrong[] = {
        {"", "classes \"\": it has no names"},      {" \n", "it has no names"},
        {"a,,b", "classes \"a,,b\": name 2 is empty"}, {"a,b, ", "name 3 is empty"},
        {",", "name 1 is empty"},                   {"cat,dog, cat", "names 1 and 3 are the same: cat"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(vit_labels_split(&labels, wrong[i].names, &err), VIT_ERR_DECODE, "\"%s\"", wrong[i].names);
        expect_word(err.message, wrong[i].word);
        vit_labels_free(&labels);
    }
}

Test(text_towers, names_of_classes_come_from_a_file)
{
    static const struct {
        const char *text, *word; /* word NULL: three names */
    } files[] = {
        {"cat\ndog, big\r\nbus\n", NULL},
        {"\xef\xbb\xbf" "cat\ndog, big\nbus", NULL},
        {"[\"cat\",\"dog, big\",\"bus\"]", NULL},
        {"{\"0\":\"cat\",\"1\":\"dog, big\",\"2\":\"bus\"}", NULL},
        {"[{\"id\":\"c1\",\"name\":\"cat\"},{\"id\":\"c2\",\"name\":\"dog, big\"},{\"id\":\"c3\",\"name\":\"cat\"}]", NULL},
        {"cat\n\ndog\n", "line 2 is empty"},
        {"cat\n \t\ndog\n", "name 2 is empty"},
        {"cat\ndog\nbus\ndog\n", "names 2 and 4 are the same: dog"},
        {"[]", "it has no names"},
        {"{}", "it has no names"},
        {"\n", "line 1 is empty"},
        {"[\"cat\",\"\"]", "name 2 is empty"},
        {"[{\"id\":\"c\",\"name\":\"cat\"},{\"id\":\"c\",\"name\":\"dog\"}]", "names 1 and 2 are the same: c"},
        {"[7]", "label 0 is neither"},
    };
    char *folder = folder_make();
    struct vit_labels labels = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = folder_write(folder, "names", files[i].text);
        vit_status status = vit_labels_load(&labels, path, &err);
        cr_assert_eq(status == VIT_OK, !files[i].word, "%s: %s", files[i].text, status ? err.message : "read");
        if (files[i].word)
            expect_word(err.message, files[i].word), expect_word(err.message, path);
        else
            cr_expect(labels.n == 3 && strcmp(labels.names[1], "dog, big") == 0, "%s", files[i].text);
        vit_labels_free(&labels);
        free(path);
    }
    cr_assert_eq(vit_labels_load(&labels, "imagenet-1k", &err), VIT_OK, "%s", err.message);
    cr_expect_eq(labels.n, 1000);
    vit_labels_free(&labels);
    folder_remove(folder);
}
