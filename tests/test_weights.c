/* test_weights.c: what opening a checkpoint decides and refuses: tensors that are missing, surplus or wrong in each
 * family, preprocessing in all its forms, labels, options, types of numbers. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/damaged.h"
#include "tests/program.h"
#include "vit/base/half.h"
#include "vit/vit.h"
#include "weights/containers/source.h"

#define FAMILIES "tests/families/"

static struct vit_error err;

static void expect_word(const char *what, const char *word)
{
    cr_expect(strstr(err.message, word), "%s: \"%s\" lacks \"%s\"", what, err.message, word);
}

static void expect_refusal(const char *path, const struct vit_model_options *options, vit_status status, const char *word)
{
    struct vit_model *model;
    vit_status got = vit_model_open(&model, path, options, &err);
    cr_assert_eq(got, status, "%s: status %s (%s)", path, vit_status_name(got), got ? err.message : "");
    cr_assert_null(model);
    expect_word(path, word);
}

static struct vit_model *open_model(const char *path, const struct vit_model_options *options)
{
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, path, options, &err), VIT_OK, "%s", err.message);
    return model;
}

/* ---- Tensors that do not fit ---- */

static void link_file(const char *folder, const char *family, const char *name)
{
    char from[256], here[512];
    snprintf(from, sizeof from, FAMILIES "%s/%s", family, name);
    cr_assert_not_null(getcwd(here, sizeof here / 2));
    strcat(here, "/");
    strcat(here, from);
    if (access(from, F_OK) == 0)
        free(folder_link(folder, name, here));
}

static const struct victim {
    const char *family, *file, *arch;
    const char *tensor; /* a matrix or more, of shape that is not square */
} victims[] = {
    {"timm_vit", "model.safetensors", NULL, "blocks.1.mlp.fc1.weight"},
    {"timm_siglip", "model.safetensors", NULL, "attn_pool.kv.weight"},
    {"hf_vit", "model.safetensors", NULL, "vit.encoder.layer.1.intermediate.dense.weight"},
    {"hf_vit_new_names", "pytorch_model.bin", NULL, "vit.layers.1.mlp.fc2.weight"},
    {"hf_deit_teacher", "model.safetensors", NULL, "distillation_classifier.weight"},
    {"hf_dinov2", "model.safetensors", NULL, "dinov2.encoder.layer.1.mlp.fc1.weight"},
    {"hf_dinov2_reg", "model.safetensors", NULL, "dinov2_with_registers.encoder.layer.1.mlp.weights_out.weight"},
    {"hf_siglip", "model.safetensors", NULL, "vision_model.encoder.layers.1.mlp.fc2.weight"},
    {"hf_clip", "model.safetensors", NULL, "vision_model.encoder.layers.1.mlp.fc2.weight"},
    {"torchvision", "vit_b_16-0123abcd.pth", "test_vit", "encoder.layers.encoder_layer_1.self_attention.in_proj_weight"},
    {"facebook_deit3", "deit_3_small_224_1k.pth", "test_vit", "blocks.1.attn.qkv.weight"},
    {"facebook_dinov2_reg", "backbone.pth", "test_vit", "blocks.1.mlp.w3.weight"},
    {"jax_vit", "weights.npz", NULL, "Transformer/encoderblock_1/MlpBlock_3/Dense_1/kernel"},
    {"jax_stacked", "weights.npz", NULL, "params/Transformer/encoderblock/MlpBlock_0/Dense_1/bias"},
    {"open_clip", "open_clip_model.safetensors", NULL, "visual.transformer.resblocks.1.attn.in_proj_weight"},
};

static void check_victim(const struct victim *v, const char *folder, const char *path)
{
    static const struct {
        enum damage damage;
        const char *word;
    } cases[] = {{MISSING, "missing, expected shape ["},
                 {SURPLUS, "extra.gate.weight: shape [3], a tensor that this model has no use for"},
                 {WRONG_SHAPE, ", expected ["},
                 {WRONG_TYPE, ", expected a floating-point type"}};
    const struct vit_model_options options = {.arch = v->arch};
    char original[256];
    snprintf(original, sizeof original, FAMILIES "%s/%s", v->family, v->file);
    write_damaged(path, original, v->tensor, NONE);
    vit_model_free(open_model(folder, &options));
    for (int i = 0; i < 4; i++) {
        write_damaged(path, original, v->tensor, cases[i].damage);
        struct vit_model *model;
        cr_assert_neq(vit_model_open(&model, folder, &options, &err), VIT_OK, "%s, damage %d", v->family, i);
        expect_word(v->family, cases[i].word);
        /* A prefix, the stacked axis or another spelling may be off the name that is missing. */
        if (cases[i].damage > SURPLUS)
            expect_word(v->family, v->tensor);
    }
}

Test(weights, what_does_not_fit_is_named)
{
    for (size_t i = 0; i < sizeof victims / sizeof *victims; i++) {
        char *folder = folder_make(), *path;
        cr_assert(asprintf(&path, "%s/model.safetensors", folder) > 0);
        link_file(folder, victims[i].family, "config.json");
        link_file(folder, victims[i].family, "preprocessor_config.json");
        link_file(folder, victims[i].family, "open_clip_config.json");
        check_victim(&victims[i], folder, path);
        free(path);
        folder_remove(folder);
    }
}

Test(weights, many_missing_tensors_are_counted)
{
    char *folder = folder_make(), *path;
    cr_assert(asprintf(&path, "%s/model.safetensors", folder) > 0);
    free(folder_write(folder, "config.json", "{\"architecture\":\"test_vit\"}"));
    struct vit_tensor few[] = {
        {.name = "patch_embed.proj.weight", .dtype = VIT_F32, .n_dims = 4, .shape = {64, 3, 4, 4}},
        {.name = "pos_embed", .dtype = VIT_F32, .n_dims = 3, .shape = {1, 16, 64}},
        {.name = "blocks.0.norm1.weight", .dtype = VIT_F32, .n_dims = 1, .shape = {64}},
        {.name = "blocks.0.mlp.fc2.weight", .dtype = VIT_F32, .n_dims = 2, .shape = {64, 64}}};
    struct copying zeros = {.from = (int[]){-1, -1, -1, -1}, .sizes = (size_t[]){12288, 4096, 256, 16384}};
    struct vit_safetensors_content content = {.n_tensors = 4, .tensors = few, .read = copy_tensor, .context = &zeros};
    cr_assert_eq(vit_safetensors_write(path, false, &content, &err), VIT_OK, "%s", err.message);
    expect_refusal(folder, NULL, VIT_ERR_DECODE, "10 tensors do not fit");
    expect_word("many", "patch_embed.proj.bias: missing, expected shape [64]");
    free(path);
    folder_remove(folder);
}

/* Models that compute otherwise are known by their tensors. */
Test(weights, foreign_architectures_are_refused_by_name)
{
    static const char *const names[] = {
        "beit.encoder.layer.0.attention.attention.relative_position_bias.relative_position_bias_table",
        "beit.encoder.layer.0.lambda_1", "blocks.0.attn.q_bias", "patch_embed.backbone.stem.conv.weight",
        "blocks.0.attns.0.qkv.weight", "blocks.0.attn.lambda_q1", "blocks.0.mlp.fc1_g.weight", "blocks.0.rope.freqs",
        "fc.weight", "property_head.weight"};
    char *folder = folder_make(), *path;
    cr_assert(asprintf(&path, "%s/model.safetensors", folder) > 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s", names[i]);
        struct vit_tensor one = {.name = name, .dtype = VIT_F32, .n_dims = 1, .shape = {1}};
        struct copying zeros = {.from = (int[]){-1}, .sizes = (size_t[]){4}};
        struct vit_safetensors_content content = {.n_tensors = 1, .tensors = &one, .read = copy_tensor, .context = &zeros};
        cr_assert_eq(vit_safetensors_write(path, true, &content, &err), VIT_OK, "%s", err.message);
        expect_refusal(folder, NULL, VIT_ERR_UNSUPPORTED, names[i]);
        bool of_no_family = strstr(err.message, "are those of no supported family") != NULL;
        cr_expect_eq(of_no_family, strcmp(names[i], "fc.weight") == 0 || strcmp(names[i], "property_head.weight") == 0,
                     "%s", err.message);
    }
    free(path);
    folder_remove(folder);
}

/* DeiT's own files have timm's names: an architecture without timm's tag makes the difference. */
Test(weights, an_original_of_deit_is_evaluated_as_its_authors_do)
{
    char *folder = folder_make(), *canonical, *path;
    cr_assert(asprintf(&canonical, "%s/canonical", folder) > 0 && asprintf(&path, "%s/deit.safetensors", folder) > 0);
    struct vit_model *model;
    cr_assert_eq(vit_model_random(&model, "deit_tiny_distilled_patch16_224", &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_save(model, canonical, NULL, &err), VIT_OK, "%s", err.message);
    vit_model_free(model);
    write_damaged(path, canonical, "", NONE);
    model = open_model(path, &(struct vit_model_options){.arch = "deit_tiny_distilled_patch16_224"});
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 256);
    cr_expect_eq(vit_model_config(model)->pool, VIT_POOL_CLS_DIST_MEAN);
    cr_expect_eq(vit_model_config(model)->pos_resize, VIT_POS_RESIZE_BICUBIC);
    cr_expect_str_eq(vit_model_label_id(model, 0), "n01440764");
    cr_expect_str_eq(vit_model_label(model, 281), "tabby, tabby cat");
    vit_model_free(model);
    model = open_model(path, &(struct vit_model_options){.arch = "deit_tiny_distilled_patch16_224.fb_in1k"});
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 248);
    cr_expect_eq(vit_model_config(model)->pos_resize, VIT_POS_RESIZE_BICUBIC_AA);
    cr_expect_str_eq(vit_model_label(model, 999), "toilet tissue, toilet paper, bathroom tissue");
    vit_model_free(model);
    free(canonical), free(path);
    folder_remove(folder);
}

/* ---- Options ---- */

Test(weights, options_go_before_what_the_files_say)
{
    static const double mean[3] = {0.1, 0.2, 0.3}, std[3] = {0.4, 0.5, 0.6};
    struct vit_model_options options = {.image_size = 48, .interpolation = "lanczos", .crop_pct = 0.8,
                                        .crop_mode = "border", .mean = mean, .std = std};
    struct vit_model *model = open_model(FAMILIES "timm_vit", &options);
    const struct vit_preprocess *p = vit_model_preprocess(model);
    cr_expect(p->size == 48 && p->crop_to == 48 && p->resize_to == 60 && p->filter == VIT_FILTER_LANCZOS &&
              p->resize == VIT_RESIZE_BORDER && p->mean[2] == 0.3 && p->std[0] == 0.4);
    cr_expect_eq(vit_model_config(model)->image_size, 48);
    vit_model_free(model);

    options = (struct vit_model_options){.image_size = 64};
    model = open_model("weights/vit.safetensors", &options);
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 64);
    vit_model_free(model);
    options.image_size = 128; /* of a canonical file, with its proportion of resize and crop */
    model = open_model("weights/vit.safetensors", &options);
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 128);
    vit_model_free(model);
}

Test(weights, wrong_options_are_refused)
{
    const char *path = FAMILIES "timm_vit";
    expect_refusal(path, &(struct vit_model_options){.arch = "vit_enormous"}, VIT_ERR_UNSUPPORTED, "--arch vit_enormous");
    expect_refusal(path, &(struct vit_model_options){.arch = "test_vit"}, VIT_ERR_DECODE, "64 wide, the tensors are 24");
    expect_refusal(path, &(struct vit_model_options){.image_size = 30}, VIT_ERR_DECODE, "not a multiple of patch 8");
    expect_refusal(path, &(struct vit_model_options){.crop_pct = -1}, VIT_ERR_UNSUPPORTED, "crop_pct -1");
    expect_refusal(path, &(struct vit_model_options){.crop_mode = "left"}, VIT_ERR_UNSUPPORTED, "crop_mode \"left\"");
    expect_refusal(path, &(struct vit_model_options){.interpolation = "area"}, VIT_ERR_UNSUPPORTED, "\"area\"");
    expect_refusal(path, &(struct vit_model_options){.std = (double[]){1, 0, 1}}, VIT_ERR_DECODE, "std[1] is 0");
    expect_refusal(path, &(struct vit_model_options){.labels = "imagenet-1k"}, VIT_ERR_DECODE, "1000 labels for 7 classes");
    expect_refusal(path, &(struct vit_model_options){.head = FAMILIES "facebook_dinov2/linear_head.pth"}, VIT_ERR_DECODE,
                   "128 inputs for a model 24 wide");
}

Test(weights, heads_that_nothing_tells_are_asked_for)
{
    struct vit_model *model = open_model(FAMILIES "same/timm", NULL); /* 64 channels: one head is usual */
    cr_expect_eq(vit_model_config(model)->heads, 1);
    vit_model_free(model);
    char *folder = folder_make(), *path;
    cr_assert(asprintf(&path, "%s/model.safetensors", folder) > 0);
    write_damaged(path, FAMILIES "timm_vit/model.safetensors", "", NONE); /* 24 channels, and no config.json */
    expect_refusal(path, NULL, VIT_ERR_UNSUPPORTED, "--arch");
    free(path);
    folder_remove(folder);
}

/* ---- Where the checkpoint is ---- */

Test(weights, a_folder_with_several_checkpoints_is_ambiguous)
{
    char *folder = folder_make();
    expect_refusal(folder, NULL, VIT_ERR_OPEN, "no model.safetensors and no other checkpoint");
    free(folder_copy(folder, "first.pth", FAMILIES "same/timm_zip/model.pth", -1));
    vit_model_free(open_model(folder, NULL));
    free(folder_copy(folder, "second.npz", FAMILIES "jax_vit/weights.npz", -1));
    expect_refusal(folder, NULL, VIT_ERR_OPEN, "several checkpoints");
    folder_remove(folder);
}

/* ---- Labels ---- */

static void expect_label(const char *path, const struct vit_model_options *options, int i, const char *id, const char *name)
{
    struct vit_model *model = open_model(path, options);
    cr_expect_str_eq(vit_model_label_id(model, i), id);
    cr_expect_str_eq(vit_model_label(model, i), name);
    vit_model_free(model);
}

Test(weights, labels_in_every_form)
{
    static const struct {
        const char *text, *id, *name;
    } files[] = {
        {"red\norange\nyellow\ngreen, or so\nblue\nindigo\nviolet\n", "green, or so", "green, or so"},
        {"red\r\norange\r\nyellow\r\ngreen\r\nblue\r\nindigo\r\nviolet", "green", "green"},
        {" [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]", "d", "d"},
        {"{\"6\":\"g\",\"0\":\"a\",\"1\":\"b\",\"2\":\"c\",\"3\":\"d\",\"4\":\"e\",\"5\":\"f\"}", "d", "d"},
        {"[\"a\",\"b\",\"c\",{\"id\":\"n4\",\"name\":\"four\"},\"e\",\"f\",\"g\"]", "n4", "four"},
    };
    expect_label(FAMILIES "hf_vit", NULL, 3, "green", "green");
    expect_label(FAMILIES "timm_vit", NULL, 3, "3", "3");
    char *folder = folder_make();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = folder_write(folder, "labels", files[i].text);
        expect_label(FAMILIES "hf_vit", &(struct vit_model_options){.labels = path}, 3, files[i].id, files[i].name);
        free(path);
    }
    static const struct {
        const char *text, *word;
    } wrong[] = {
        {"one\ntwo\n", "2 labels for 7 classes"},
        {"a\nb\n\nd\ne\nf\ng\n", "line 3 is empty"},
        {"[\"a\",\"b\",\"c\",4,\"e\",\"f\",\"g\"]", "label 3"},
        {"{\"0\":\"a\",\"1\":\"b\",\"2\":\"c\",\"7\":\"d\",\"4\":\"e\",\"5\":\"f\",\"6\":\"g\"}", "class 3 has no label"},
        {"[\"a\",", "JSON"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *path = folder_write(folder, "labels", wrong[i].text);
        expect_refusal(FAMILIES "hf_vit", &(struct vit_model_options){.labels = path}, VIT_ERR_DECODE, wrong[i].word);
        free(path);
    }
    folder_remove(folder);
}

/* ---- Hugging Face's preprocessor_config.json ---- */

static const struct {
    const char *text;
    enum vit_resize_mode resize;
    int resize_to, size;
    enum vit_filter filter;
    double mean;
} processors[] = {
    {"{\"image_processor_type\":\"ViTFeatureExtractor\",\"size\":32}", VIT_RESIZE_SQUASH, 32, 32, VIT_FILTER_BILINEAR, .5},
    {"{\"feature_extractor_type\":\"ViTFeatureExtractor\",\"size\":[32,32],\"resample\":5,\"do_normalize\":false}",
     VIT_RESIZE_SQUASH, 32, 32, VIT_FILTER_HAMMING, 0},
    {"{\"image_processor_type\":\"DeiTImageProcessor\",\"size\":38,\"crop_size\":32,\"image_mean\":[0.1,0.2,0.3]}",
     VIT_RESIZE_SQUASH, 38, 32, VIT_FILTER_BICUBIC, .1},
    {"{\"image_processor_type\":\"DeiTImageProcessor\"}", VIT_RESIZE_SQUASH, 256, 224, VIT_FILTER_BICUBIC, .5},
    {"{\"image_processor_type\":\"BitImageProcessor\",\"size\":40,\"crop_size\":{\"height\":32,\"width\":32}}",
     VIT_RESIZE_SHORTEST, 40, 32, VIT_FILTER_BICUBIC, .48145466},
    {"{\"image_processor_type\":\"CLIPImageProcessorFast\",\"size\":{\"height\":64,\"shortest_edge\":40,\"width\":64},"
     "\"crop_size\":32}", VIT_RESIZE_SHORTEST, 40, 32, VIT_FILTER_BICUBIC, .48145466},
    {"{\"image_processor_type\":\"ViTImageProcessor\",\"size\":{\"height\":32,\"shortest_edge\":24,\"width\":32}}",
     VIT_RESIZE_SQUASH, 32, 32, VIT_FILTER_BILINEAR, .5},
    {"{\"image_processor_type\":\"SiglipImageProcessor\",\"size\":{\"height\":48,\"width\":48},\"resample\":1}",
     VIT_RESIZE_SQUASH, 48, 48, VIT_FILTER_LANCZOS, .5},
};

/* hf_vit with other files beside it. */
static char *make_hf_folder(void)
{
    char *folder = folder_make();
    link_file(folder, "hf_vit", "model.safetensors");
    link_file(folder, "hf_vit", "config.json");
    return folder;
}

static void expect_processor(const char *folder, size_t i)
{
    struct vit_model *model = open_model(folder, NULL);
    const struct vit_preprocess *p = vit_model_preprocess(model);
    cr_expect(p->resize == processors[i].resize && p->resize_to == processors[i].resize_to &&
              p->size == processors[i].size && p->crop_to == p->size && p->filter == processors[i].filter &&
              p->mean[0] == processors[i].mean && p->crop_round == VIT_CROP_FLOOR, "%s: %s to %d, crop %d, %s, mean %g",
              processors[i].text, vit_resize_mode_name(p->resize), p->resize_to, p->size, vit_filter_name(p->filter),
              p->mean[0]);
    vit_model_free(model);
}

Test(weights, hugging_face_preprocessing_in_every_form)
{
    char *folder = make_hf_folder(), *path;
    for (size_t i = 0; i < sizeof processors / sizeof *processors; i++) {
        free(folder_write(folder, "preprocessor_config.json", processors[i].text));
        expect_processor(folder, i);
    }
    cr_assert(asprintf(&path, "%s/preprocessor_config.json", folder) > 0);
    unlink(path);
    free(path);
    expect_processor(folder, 0); /* without a file: the class of the model, at the size of the model */
    char text[512];
    snprintf(text, sizeof text, "{\"image_processor\":%s}", processors[2].text);
    free(folder_write(folder, "processor_config.json", text));
    expect_processor(folder, 2);
    folder_remove(folder);
}

Test(weights, preprocessing_that_cannot_be_done_is_refused)
{
    static const struct {
        const char *text, *word;
    } wrong[] = {
        {"{\"image_processor_type\":\"ConvNextImageProcessor\"}", "ConvNextImageProcessor"},
        {"{\"size\":{\"height\":32,\"width\":40}}", "only squares"},
        {"{\"size\":{\"longest_edge\":32}}", "neither height and width"},
        {"{\"size\":{\"shortest_edge\":32}}", "nothing is cropped"},
        {"{\"do_resize\":false}", "do_resize"},
        {"{\"size\":32,\"rescale_factor\":0.0078431}", "1/255"},
        {"{\"size\":32,\"do_rescale\":false}", "1/255"},
        {"{\"size\":32,\"resample\":9}", "resample 9"},
        {"{\"size\":100000}", "no size of a picture"},
        {"{\"size\":-1}", "no size of a picture"},
    };
    char *folder = make_hf_folder();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        free(folder_write(folder, "preprocessor_config.json", wrong[i].text));
        expect_refusal(folder, NULL, VIT_ERR_UNSUPPORTED, wrong[i].word);
    }
    folder_remove(folder);
}

/* ---- Types of numbers ---- */

Test(weights, narrowing_rounds_to_nearest_even)
{
    static const struct {
        float value;
        uint16_t f16, bf16;
    } cases[] = {
        {1, 0x3c00, 0x3f80},
        {-2.5f, 0xc100, 0xc020},
        {0x1.002p0f, 0x3c00, 0x3f80},    /* halfway: down to even */
        {0x1.006p0f, 0x3c02, 0x3f80},    /* halfway: up to even */
        {0x1.01p0f, 0x3c04, 0x3f80},     /* of bf16 halfway, down */
        {0x1.03p0f, 0x3c0c, 0x3f82},     /* of bf16 halfway, up */
        {0x1p-24f, 0x0001, 0x3380},      /* the least half */
        {0x1p-25f, 0x0000, 0x3300},      /* halfway to it */
        {0x1.000002p-25f, 0x0001, 0x3300},
        {0x1.8p-24f, 0x0002, 0x33c0},
        {0x1.ff8p-15f, 0x03ff, 0x3880}, {0x1.ffcp-15f, 0x0400, 0x3880},
        {65504, 0x7bff, 0x4780},
        {-0.0f, 0x8000, 0x8000},
        {INFINITY, 0x7c00, 0x7f80},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t half;
        cr_expect(vit_narrow(&half, &cases[i].value, VIT_F16, 1));
        cr_expect_eq(half, cases[i].f16, "%a: %04x, expected %04x", (double)cases[i].value, half, cases[i].f16);
        cr_expect(vit_narrow(&half, &cases[i].value, VIT_BF16, 1));
        cr_expect_eq(half, cases[i].bf16, "bf16 of %a: %04x, expected %04x", (double)cases[i].value, half, cases[i].bf16);
    }
    uint16_t half;
    cr_expect_not(vit_narrow(&half, &(float){65520}, VIT_F16, 1));
    cr_expect_not(vit_narrow(&half, &(float){3.4e38f}, VIT_BF16, 1));
    vit_narrow(&half, &(float){NAN}, VIT_F16, 1);
    float back;
    vit_widen(&back, &half, VIT_F16, 1);
    cr_expect(isnan(back));
}

/* Every half is the half of what it widens to. */
Test(weights, narrowing_undoes_widening)
{
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits, back;
        float wide;
        vit_widen(&wide, &half, VIT_F16, 1);
        vit_narrow(&back, &wide, VIT_F16, 1);
        cr_assert(back == half || isnan(wide), "%04x became %04x", half, back);
        vit_widen(&wide, &half, VIT_BF16, 1);
        vit_narrow(&back, &wide, VIT_BF16, 1);
        cr_assert(back == half || isnan(wide), "bf16 %04x became %04x", half, back);
    }
}

Test(weights, saving_in_another_type)
{
    char *folder = folder_make(), *path;
    cr_assert(asprintf(&path, "%s/out.safetensors", folder) > 0);
    static const enum vit_dtype types[] = {VIT_F32, VIT_F32, VIT_F16, VIT_BF16};
    struct vit_model *model = open_model(FAMILIES "hf_vit", NULL), *saved;
    for (int type = VIT_SAVE_F32; type <= VIT_SAVE_BF16; type++) {
        struct vit_save_options options = {.force = true, .type = (enum vit_save_type)type};
        cr_assert_eq(vit_model_save(model, path, &options, &err), VIT_OK, "%s", err.message);
        saved = open_model(path, NULL);
        for (int i = 0; i < vit_model_n_tensors(saved); i++)
            cr_expect_eq(vit_model_tensor(saved, i)->dtype, types[type]);
        vit_model_free(saved);
    }
    vit_model_free(model);
    free(path);
    folder_remove(folder);
}

/* ---- vit convert ---- */

Test(weights, convert_reports_and_verifies)
{
    char *folder = folder_make(), *out;
    cr_assert(asprintf(&out, "%s/out.safetensors", folder) > 0);
    struct program p = RUN("convert", FAMILIES "hf_vit", "--dry-run", "--crop-mode", "border");
    program_expect(&p, 0, NULL);
    cr_expect(strstr(p.out, "hf_vit  (from the names of its tensors)") &&
              strstr(p.out, "eps            1e-12  (from config.json)") &&
              strstr(p.out, "crop_mode      border  (from --crop-mode)"), "%s", p.out);
    program_free(&p);

    p = RUN("convert", FAMILIES "hf_vit", "-o", out, "--verify", FAMILIES "hf_deit/logits.npy", "--image",
            FAMILIES "picture.png");
    program_expect(&p, 1, "nothing is written");
    program_free(&p);
    cr_expect_neq(access(out, F_OK), 0);
    p = RUN("convert", FAMILIES "hf_vit", "-o", out, "--dtype", "f16", "--verify", FAMILIES "hf_vit/logits.npy",
            "--image", FAMILIES "picture.png");
    program_expect(&p, 0, "is allowed");
    program_free(&p);
    p = RUN("info", "-m", out);
    program_expect(&p, 0, NULL);
    cr_expect(strstr(p.out, "F16"), "%s", p.out);
    program_free(&p);

    p = RUN("convert", FAMILIES "hf_vit", "-o", out, "--force", "--verify", FAMILIES "hf_clip_projection/logits.npy",
            "--image", FAMILIES "picture.png");
    program_expect(&p, 2, "10 numbers, the model gives 7");
    program_free(&p);
    p = RUN("convert", FAMILIES "hf_vit", "-o", out, "--verify", FAMILIES "hf_vit/logits.npy");
    program_expect(&p, 2, "go together");
    program_free(&p);
    p = RUN("convert", "--list-archs");
    program_expect(&p, 0, NULL);
    cr_expect(strstr(p.out, "vit_base_patch16_224\n"));
    program_free(&p);
    p = RUN("classify", "-m", FAMILIES "facebook_dinov2/backbone.pth", "--arch", "test_vit", FAMILIES "picture.png");
    program_expect(&p, 2, "--head");
    program_free(&p);
    free(out);
    folder_remove(folder);
}
