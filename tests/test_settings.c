/* test_settings.c: the JSON files that come with models: every kind of value that is not understood is an error that
 * names it, what libraries take is taken as they do, and config.json goes before the names of tensors. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/edited.h"
#include "tests/program.h"
#include "vit/vit.h"
#include "weights/containers/source.h"
#include "weights/families/family.h"

#define FAMILIES "tests/families/"
#define TIMM "timm_vit", "model.safetensors", "config.json"
#define VIT3 "timm_test_vit3", "model.safetensors", "config.json"
#define HF "hf_vit", "model.safetensors", "config.json"
#define PROCESSOR "hf_vit", "model.safetensors", "preprocessor_config.json"
#define CLIP "open_clip", "open_clip_model.safetensors", "open_clip_config.json"

static struct vit_error err;

/* A model with one setting changed. */
struct edit {
    const char *family, *weights, *file; /* in tests/families: folder, checkpoint, the JSON file that is changed */
    const char *path, *value;            /* keys with dots between them, and JSON; NULL: the key is taken out */
    const char *word;                    /* of the refusal */
};

/* A copy of the family's folder, which the caller removes, with the change made. */
static char *make_edited(const struct edit *e)
{
    char *folder = folder_make();
    copy_model(folder, FAMILIES, e->family, e->weights);
    change(folder, e->file, e->path, e->value);
    return folder;
}

static struct vit_model *open_model(const char *path, const struct vit_model_options *options)
{
    struct vit_model *model;
    cr_assert_eq(vit_model_open(&model, path, options, &err), VIT_OK, "%s", err.message);
    return model;
}

static void expect_refusal(const char *path, const struct vit_model_options *options, const char *word)
{
    struct vit_model *model;
    cr_assert_neq(vit_model_open(&model, path, options, &err), VIT_OK, "%s: no \"%s\"", path, word);
    cr_expect(strstr(err.message, word), "\"%s\" lacks \"%s\"", err.message, word);
}

static void expect_refused(const struct edit *edits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *folder = make_edited(&edits[i]);
        expect_refusal(folder, NULL, edits[i].word);
        cr_expect(strstr(err.message, edits[i].file), "\"%s\" lacks %s", err.message, edits[i].file);
        folder_remove(folder);
    }
}

/* ---- Values that are not understood ---- */

Test(settings, values_of_a_wrong_type_are_named)
{
    static const struct edit edits[] = {
        {TIMM, "architecture", "7", "architecture 7: not a string"},
        {TIMM, "model_args", "[1]", "model_args [1]: not an object"},
        {TIMM, "model_args.num_heads", "\"2\"", "model_args.num_heads \"2\": not a whole number of 1..24"},
        {TIMM, "model_args.img_size", "[16,64]", "model_args.img_size [16,64]: only squares"},
        {TIMM, "model_args.img_size", "4294967328", "model_args.img_size 4294967328: no size of a picture"},
        {TIMM, "pretrained_cfg.mean", "[\"0.3\",\"0.3\",\"0.3\"]", "mean [\"0.3\",\"0.3\",\"0.3\"]: neither"},
        {TIMM, "pretrained_cfg.mean", "[null,null,null]", "mean [null,null,null]"},
        {TIMM, "pretrained_cfg.std", "[0.1,0.2]", "std [0.1,0.2]"},
        {TIMM, "pretrained_cfg.crop_pct", "\"0.5\"", "pretrained_cfg.crop_pct \"0.5\": not a finite number"},
        {TIMM, "pretrained_cfg.crop_mode", "true", "crop_mode true: not a string"},
        {HF, "num_attention_heads", "2.0", "num_attention_heads 2.0"},
        {HF, "num_attention_heads", "null", "num_attention_heads null: a value is needed"},
        {HF, "layer_norm_eps", "\"1e-6\"", "layer_norm_eps \"1e-6\": not a finite number"},
        {HF, "hidden_act", "null", "hidden_act null"},
        {HF, "hidden_act", "\"relu\"", "hidden_act \"relu\": not supported"},
        {HF, "hidden_size", "32", "hidden_size 32: the tensors say 24"},
        {PROCESSOR, "image_mean", "[\"0.3\",\"0.3\",\"0.3\"]", "image_mean"},
        {PROCESSOR, "resample", "\"bicubic\"", "resample \"bicubic\": not a whole number of 0..5"},
        {PROCESSOR, "size", "4294967328", "size 4294967328: no size of a picture"},
        {PROCESSOR, "do_resize", "\"false\"", "do_resize \"false\": neither true nor false"},
        {PROCESSOR, "do_normalize", "0", "do_normalize 0"},
        {CLIP, "model_cfg.quick_gelu", "\"true\"", "model_cfg.quick_gelu \"true\""},
        {CLIP, "model_cfg.vision_cfg.head_width", "7", "vision_cfg.head_width 7"},
        {CLIP, "preprocess_cfg.resize_mode", "\"Squash \"", "preprocess_cfg.resize_mode \"Squash \""},
        {CLIP, "preprocess_cfg.mean", "\"0.5\"", "preprocess_cfg.mean \"0.5\""},
    };
    expect_refused(edits, sizeof edits / sizeof *edits);
}

Test(settings, keys_that_are_not_understood_are_named)
{
    static const struct edit edits[] = {
        {TIMM, "model_args.norm_layer", "\"rmsnorm\"", "model_args.norm_layer \"rmsnorm\": not understood"},
        {TIMM, "model_args.pos_embed", "\"none\"", "model_args.pos_embed \"none\""},
        {TIMM, "pretrained_cfg.crop_pkt", "0.5", "pretrained_cfg.crop_pkt 0.5: not understood"},
        {TIMM, "model_arg", "{\"depth\":3}", "model_arg {\"depth\":3}: not understood"},
        {HF, "rope_theta", "100", "rope_theta 100: not understood"},
        {HF, "pruned_heads", "{\"0\":[1]}", "pruned_heads"},
        {PROCESSOR, "rescale_offset", "true", "rescale_offset true"},
        {PROCESSOR, "do_pad", "true", "do_pad true"},
        {PROCESSOR, "size", "{\"height\":32,\"width\":32,\"max_height\":40}", "size.max_height 40"},
        {CLIP, "preprocess_cfg.resize_mode", "\"longest\"", "resize_mode \"longest\""},
        {CLIP, "preprocess_cfg.rezise_mode", "\"squash\"", "rezise_mode \"squash\": not understood"},
        {CLIP, "model_cfg.vision_cfg.pool_type", "\"avg\"", "vision_cfg.pool_type \"avg\""},
        {CLIP, "model_cfg.vision_cfg.final_ln_after_pool", "true", "final_ln_after_pool true"},
        {CLIP, "model_cfg.vision_cfg.norm_kwargs", "{\"elementwise_affine\":false}", "norm_kwargs.elementwise_affine"},
        {CLIP, "model_cfg.vision_cfg.act_kwargs", "{\"approximate\":\"tan\"}", "act_kwargs"},
        {CLIP, "model_cfg.multimodal_cfg", "{\"width\":8}", "multimodal_cfg"},
    };
    expect_refused(edits, sizeof edits / sizeof *edits);
}

/* Whose config.json it is does not matter: what it says counts, or is refused. */
Test(settings, a_config_of_no_known_library_is_not_passed_over)
{
    static const struct {
        const char *file, *text, *word;
    } files[] = {{"config.json", "{\"labels\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]}", NULL},
                 {"config.json", "{\"n_heads\":3}", "config.json: n_heads 3: not understood"},
                 {"config.json", "{\"label_names\":\"a b c\"}", "label_names \"a b c\": not an array"},
                 {"config.json", "{\"id2label\":[\"a\"]}", "id2label [\"a\"]: not an object"},
                 {"config.json", "[]", "config.json: not a JSON object"},
                 {"processor_config.json", "{\"image_processor\":7}", "processor_config.json: image_processor 7"}};
    const struct vit_model_options options = {.arch = "test_vit"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *folder = folder_make();
        free(folder_copy(folder, "deit3.pth", FAMILIES "facebook_deit3/deit_3_small_224_1k.pth", -1));
        free(folder_write(folder, files[i].file, files[i].text));
        if (files[i].word)
            expect_refusal(folder, &options, files[i].word);
        else
            vit_model_free(open_model(folder, &options));
        folder_remove(folder);
    }
}

/* A value of hundreds of bytes is cut in the message. */
Test(settings, long_values_are_shortened)
{
    char value[1000] = "\"";
    memset(value + 1, 'x', sizeof value - 3);
    value[sizeof value - 2] = '"';
    const struct edit edit = {TIMM, "pretrained_cfg.crop_pct", value, "xxx...: not a finite number"};
    expect_refused(&edit, 1);
    cr_expect(strlen(err.message) < 250);
}

/* Standard deviations that single precision has as 0 or infinity would make every score a NaN. */
Test(settings, colours_must_be_numbers_of_single_precision)
{
    static const struct edit edits[] = {{TIMM, "pretrained_cfg.std", "[1e-50,1,1]", ""},
                                        {TIMM, "pretrained_cfg.std", "[1,1e300,1]", ""},
                                        {TIMM, "pretrained_cfg.mean", "[1,1,1e300]", ""}};
    for (size_t i = 0; i < 3; i++) {
        char *folder = make_edited(&edits[i]);
        expect_refusal(folder, NULL, "single precision");
        folder_remove(folder);
    }
}

Test(settings, no_number_of_rows_overflows)
{
    cr_expect_eq(vit_square_side(INT_MAX), 0);
    cr_expect_eq(vit_square_side(46340 * 46340), 46340);
    cr_expect_eq(vit_square_side(46340 * 46340 + 1), 0);
    cr_expect_eq(vit_square_side(-4), 0);
}

/* ---- Values that libraries take ---- */

/* One colour for all three, as transformers (3 floats or 1), timm (arrays of 3 or 1) and OpenCLIP have it. */
Test(settings, one_number_stands_for_three_colours)
{
    static const struct edit edits[] = {{PROCESSOR, "image_mean", "0.3", NULL},
                                        {TIMM, "pretrained_cfg.mean", "[0.3]", NULL},
                                        {CLIP, "preprocess_cfg.mean", "0.3", NULL}};
    for (size_t i = 0; i < 3; i++) {
        char *folder = make_edited(&edits[i]);
        struct vit_model *model = open_model(folder, NULL);
        const double *mean = vit_model_preprocess(model)->mean;
        cr_expect(mean[0] == 0.3 && mean[1] == 0.3 && mean[2] == 0.3, "%s: %g %g %g", edits[i].file, mean[0], mean[1],
                  mean[2]);
        vit_model_free(model);
        folder_remove(folder);
    }
}

/* OpenCLIP's PreprocessCfg: the shorter side, bicubic, OpenAI's colours, whatever else is given. */
Test(settings, open_clip_has_its_own_defaults)
{
    static const char *const given[] = {"{}", "{\"interpolation\":\"random\"}", "{\"mean\":null,\"fill_color\":255}"};
    for (int i = 0; i < 3; i++) {
        const struct edit edit = {CLIP, "preprocess_cfg", given[i], NULL};
        char *folder = make_edited(&edit);
        struct vit_model *model = open_model(folder, NULL);
        const struct vit_preprocess *p = vit_model_preprocess(model);
        cr_expect(p->mean[0] == 0.48145466 && p->std[2] == 0.27577711 && p->resize == VIT_RESIZE_SHORTEST &&
                  p->resize_to == 32 && p->filter == VIT_FILTER_BICUBIC && p->crop_round == VIT_CROP_HALF_EVEN, "%s",
                  given[i]);
        vit_model_free(model);
        folder_remove(folder);
    }
}

Test(settings, open_clip_towers_with_other_norms_gelus_and_sizes)
{
    const struct edit edit = {CLIP, "model_cfg.vision_cfg.norm_kwargs", "{\"eps\":1e-6}", NULL};
    char *folder = make_edited(&edit);
    change(folder, edit.file, "model_cfg.vision_cfg.act_kwargs", "{\"approximate\":\"tanh\"}");
    expect_refusal(folder, NULL, "act_kwargs"); /* of quick GELU, which has no such argument */
    change(folder, edit.file, "model_cfg.quick_gelu", "false");
    change(folder, edit.file, "model_cfg.vision_cfg.image_size", "64");
    struct vit_model *model = open_model(folder, NULL);
    const struct vit_config *c = vit_model_config(model);
    cr_expect(c->eps == 1e-6 && c->act == VIT_ACT_GELU_TANH && c->image_size == 64 && c->pos_grid[0] == 4);
    vit_model_free(model);
    folder_remove(folder);
}

/* In OpenAI's files, an object written for transformers' first versions, by which CLIPConfig updates the other. */
Test(settings, the_older_object_of_clip_goes_first)
{
    const struct edit edit = {"hf_clip", "model.safetensors", "config.json", "vision_config_dict",
                              "{\"num_attention_heads\":4,\"hidden_act\":\"gelu\"}", NULL};
    char *folder = make_edited(&edit);
    struct vit_model *model = open_model(folder, NULL);
    cr_expect(vit_model_config(model)->heads == 4 && vit_model_config(model)->act == VIT_ACT_GELU_ERF);
    vit_model_free(model);
    change(folder, edit.file, "vision_config_dict", "{\"hidden_size\":24}"); /* and the defaults of CLIPVisionConfig */
    model = open_model(folder, NULL);
    cr_expect(vit_model_config(model)->heads == 12 && vit_model_config(model)->act == VIT_ACT_QUICK_GELU);
    vit_model_free(model);
    folder_remove(folder);
}

/* ---- Which tokens are pooled ---- */

Test(settings, pooling_with_prefix_tokens_is_done_right_or_refused)
{
    static const struct edit edits[] = {
        {VIT3, "model_args.pool_include_prefix", "false", "leaves out the 1"},
        {VIT3, "architecture", "\"vit_base_patch16_siglip_224\"", "registers"},
        {"timm_reg_gap", "model.safetensors", "config.json", "model_args.pool_include_prefix", "true", "registers"},
        {"timm_eva_large", "model.safetensors", "config.json", "model_args.pool_include_prefix", "true", "class token"},
        {TIMM, "model_args.global_pool", "\"max\"", "config.json: global_pool \"max\""},
        {TIMM, "model_args.global_pool", "\"\"", "global_pool \"\""},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char *folder = make_edited(&edits[i]);
        expect_refusal(folder, NULL, edits[i].word);
        folder_remove(folder);
    }
    const struct edit token = {TIMM, "model_args.pool_include_prefix", "true", NULL}; /* changes nothing */
    char *folder = make_edited(&token);
    vit_model_free(open_model(folder, NULL));
    folder_remove(folder);
}

/* ---- What config.json calls the model ---- */

/* Their tensors have the names and shapes of models that are read: only the name tells. */
Test(settings, models_are_refused_by_name)
{
    static const char *const architectures[] = {
        "vit_small_patch16_rope_ape_224", "vit_pe_spatial_base_patch16_512", "qwen3_vit_small", "my_vit",
        "vit_base_patch16_dinov3", "vit_relpos_base_patch16_224", "vit_small_patch16_rope_224",
        "naflexvit_base_patch16_gap"};
    static const struct {
        const char *type, *why;
    } types[] = {{"beit", "relative position biases"}, {"dinov3_vit", "rotary positions"}, {"siglip2", "NaFlex"},
                 {"swin", "not supported"}};
    char value[64];
    for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
        snprintf(value, sizeof value, "\"%s\"", architectures[i]);
        const struct edit edit = {TIMM, "architecture", value, architectures[i]};
        expect_refused(&edit, 1);
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        snprintf(value, sizeof value, "\"%s\"", types[i].type);
        const struct edit edit = {HF, "model_type", value, types[i].why};
        expect_refused(&edit, 1);
        cr_expect(strstr(err.message, types[i].type), "%s", err.message);
    }
}

Test(settings, an_unknown_architecture_is_read_as_arch_says)
{
    const struct edit edit = {"timm_mask_token", "model.safetensors", "config.json", "architecture", "\"my_vit\"", ""};
    char *folder = make_edited(&edit);
    expect_refusal(folder, NULL, "--arch");
    struct vit_model *model = open_model(folder, &(struct vit_model_options){.arch = "test_vit"});
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 35); /* 32 / 0.9: config.json's, not test_vit's 0.95 */
    vit_model_free(model);
    folder_remove(folder);
}

/* A family is only a way to name tensors: timm's and transformers' files count beside a checkpoint of any names. */
Test(settings, the_file_beside_a_checkpoint_counts_for_every_family)
{
    const struct edit edit = {TIMM, "pretrained_cfg.crop_pct", "0.5", NULL};
    char *folder = make_edited(&edit), *path;
    cr_assert(asprintf(&path, "%s/weights.npz", folder) > 0);
    free(folder_copy(folder, "weights.npz", FAMILIES "jax_vit/weights.npz", -1));
    struct vit_model *model = open_model(path, NULL);
    cr_expect_eq(vit_model_preprocess(model)->resize_to, 2 * vit_model_config(model)->image_size);
    vit_model_free(model);
    free(path);
    cr_assert(asprintf(&path, "%s/vit.pth", folder) > 0);
    free(folder_copy(folder, "vit.pth", FAMILIES "same/torchvision/vit.pth", -1));
    free(folder_copy(folder, "config.json", FAMILIES "same/hf/config.json", -1));
    change(folder, "config.json", "layer_norm_eps", "0.25");
    model = open_model(path, NULL);
    cr_expect(vit_model_config(model)->heads == 2 && vit_model_config(model)->eps == 0.25);
    vit_model_free(model);
    free(path);
    folder_remove(folder);
}

/* timm's norms have 1e-6 but for its CLIP models, whether there is one before the blocks or not. */
Test(settings, eps_is_of_the_architecture)
{
    struct vit_model *model = open_model(FAMILIES "timm_prenorm", NULL);
    cr_expect(vit_model_config(model)->pre_norm && vit_model_config(model)->eps == 1e-6);
    vit_model_free(model);
    model = open_model(FAMILIES "timm_clip", NULL);
    cr_expect_eq(vit_model_config(model)->eps, 1e-5);
    vit_model_free(model);
}

/* vit's own files say what they are: another architecture for them would be passed over in silence. */
Test(settings, a_file_of_vit_takes_no_arch)
{
    const struct vit_model_options options = {.arch = "vit_small_patch14_dinov2"};
    expect_refusal("weights/vit.safetensors", &options, "--arch vit_small_patch14_dinov2");
    struct program p = RUN("classify", "--arch", "nonsense", "samples/bee.jpg");
    program_expect(&p, 2, "--arch nonsense");
    program_free(&p);
}

/* ---- What is no classifier ---- */

/* Towers whose head projects to the embedding that they share with texts are no classifiers, also once converted. */
Test(settings, an_embedding_is_not_classified)
{
    static const char *const names[] = {FAMILIES "open_clip", FAMILIES "hf_clip_projection"};
    char *folder = folder_make(), *converted;
    cr_assert(asprintf(&converted, "%s/converted.safetensors", folder) > 0);
    for (int i = 0; i < 2; i++) {
        struct program p = RUN("classify", "-m", names[i], FAMILIES "picture.png");
        program_expect(&p, 2, "no classes: ");
        program_expect(&p, 2, "--head FILE brings a classifier");
        cr_expect_str_empty(p.out);
        program_free(&p);
        p = RUN("convert", names[i], "-o", converted, "--force");
        program_expect(&p, 0, NULL);
        program_free(&p);
        p = RUN("classify", "-m", converted, FAMILIES "picture.png");
        program_expect(&p, 2, "no classes");
        program_free(&p);
        p = RUN("info", converted);
        program_expect(&p, 0, NULL);
        cr_expect(strstr(p.out, "numbers, projected, divided by their length") && !strstr(p.out, "classes"), "%s", p.out);
        cr_expect_null(strstr(p.out, "labels"), "%s", p.out);
        program_free(&p);
    }
    free(converted);
    folder_remove(folder);
}

struct renamed {
    struct vit_source *source;
    const int *from; /* its tensor that each one is */
};

static vit_status read_tensor(void *context, int i, void *dst, struct vit_error *error)
{
    const struct renamed *renamed = context;
    return vit_source_read(renamed->source, renamed->from[i], dst, error);
}

/* The tensors of a file of vit's own, as if they were an original's: all, or with a prefix all but the head. */
static void strip_metadata(const char *path, const char *canonical, const char *prefix)
{
    char names[256][64];
    int from[256];
    struct vit_source *source;
    cr_assert_eq(vit_source_open(&source, canonical, &err), VIT_OK, "%s", err.message);
    int n = vit_source_n_tensors(source), count = 0;
    struct vit_tensor tensors[256];
    cr_assert_leq(n, 256);
    for (int i = 0; i < n; i++) {
        if (*prefix && strncmp(vit_source_tensor(source, i)->name, "head.", 5) == 0)
            continue;
        snprintf(names[count], sizeof names[count], "%s%s", prefix, vit_source_tensor(source, i)->name);
        tensors[count] = *vit_source_tensor(source, i);
        tensors[count].name = names[count];
        from[count++] = i;
    }
    struct vit_safetensors_content content = {.n_tensors = count, .tensors = tensors, .read = read_tensor,
                                              .context = &(struct renamed){source, from}};
    cr_assert_eq(vit_safetensors_write(path, true, &content, &err), VIT_OK, "%s", err.message);
    vit_source_close(source);
}

static vit_status write_zeros(void *context, int i, void *dst, struct vit_error *error)
{
    (void)error;
    memset(dst, 0, ((const size_t *)context)[i]);
    return VIT_OK;
}

Test(settings, names_of_classes_are_found_where_timm_has_them)
{
    static const char *const paths[] = {"label_names", "pretrained_cfg.label_names"};
    for (int i = 0; i < 2; i++) {
        const struct edit edit = {TIMM, paths[i], "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\"]", NULL};
        char *folder = make_edited(&edit);
        struct vit_model *model = open_model(folder, NULL);
        cr_expect_str_eq(vit_model_label(model, 3), "d");
        vit_model_free(model);
        folder_remove(folder);
    }
}

/* A thousand classes are ImageNet's only where something says so. */
Test(settings, a_thousand_classes_have_no_names_by_themselves)
{
    const struct edit edit = {"hf_dinov2", "model.safetensors", "config.json", "id2label", NULL, NULL};
    char *folder = make_edited(&edit), *head;
    cr_assert(asprintf(&head, "%s/head", folder) > 0);
    struct vit_tensor tensors[] = {{.name = "weight", .dtype = VIT_F32, .n_dims = 2, .shape = {1000, 48}},
                                   {.name = "bias", .dtype = VIT_F32, .n_dims = 1, .shape = {1000}}};
    struct vit_safetensors_content content = {.n_tensors = 2, .tensors = tensors, .read = write_zeros,
                                              .context = (size_t[]){192000, 4000}};
    cr_assert_eq(vit_safetensors_write(head, true, &content, &err), VIT_OK, "%s", err.message);
    struct vit_model *model = open_model(folder, &(struct vit_model_options){.head = head});
    cr_expect_str_eq(vit_model_label(model, 281), "281");
    vit_model_free(model);
    free(head);
    folder_remove(folder);
}

/* timm has CLIP's projections as heads: told by the name, the width of a joint embedding, and no names of classes. */
Test(settings, a_projection_that_timm_has_as_a_head_is_told_by_its_name)
{
    struct vit_model *model;
    char *folder = folder_make(), *canonical, *path;
    cr_assert(asprintf(&canonical, "%s/canonical", folder) > 0 && asprintf(&path, "%s/model.pth", folder) > 0);
    cr_assert_eq(vit_model_random(&model, "vit_xsmall_patch16_clip_224", &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_save(model, canonical, NULL, &err), VIT_OK, "%s", err.message);
    vit_model_free(model);
    free(folder_write(folder, "config.json", "{\"architecture\":\"vit_xsmall_patch16_clip_224\",\"num_classes\":512}"));
    strip_metadata(path, canonical, "");
    model = open_model(path, NULL);
    cr_expect(vit_model_config(model)->embedding == 512 && vit_model_config(model)->classes == 0);
    vit_model_free(model);
    change(folder, "config.json", "pretrained_cfg.tag", "\"laion2b_ft_in1k\"");
    model = open_model(path, NULL);
    cr_expect(vit_model_config(model)->embedding == 0 && vit_model_config(model)->classes == 512);
    vit_model_free(model);
    free(canonical), free(path);
    folder_remove(folder);
}

/* A tower of timm's in OpenCLIP's file is prepared for as OpenCLIP does, whatever timm's own release has. */
Test(settings, open_clip_prepares_pictures_for_towers_of_timm)
{
    struct vit_model *model;
    char *folder = folder_make(), *canonical, *path;
    cr_assert(asprintf(&canonical, "%s/canonical", folder) > 0 && asprintf(&path, "%s/open_clip.pth", folder) > 0);
    cr_assert_eq(vit_model_random(&model, "vit_xsmall_patch16_clip_224", &err), VIT_OK, "%s", err.message);
    cr_assert_eq(vit_model_save(model, canonical, NULL, &err), VIT_OK, "%s", err.message);
    vit_model_free(model);
    strip_metadata(path, canonical, "visual.trunk.");
    free(folder_write(folder, "config.json", "{\"architecture\":\"of another file\"}"));
    free(folder_write(folder, "open_clip_config.json", "{\"model_cfg\":{\"vision_cfg\":{\"timm_model_name\":"
                      "\"vit_xsmall_patch16_clip_224\",\"timm_pool\":\"token\",\"timm_proj\":\"none\"}},"
                      "\"preprocess_cfg\":{\"resize_mode\":\"squash\",\"std\":[0.5,0.5,0.5]}}"));
    model = open_model(path, NULL);
    const struct vit_preprocess *p = vit_model_preprocess(model);
    cr_expect(p->resize == VIT_RESIZE_SQUASH && p->resize_to == 224 && p->std[0] == 0.5 && p->mean[0] == 0.48145466);
    cr_expect(vit_model_config(model)->heads == 4 && vit_model_config(model)->classes == 0);
    vit_model_free(model);
    change(folder, "open_clip_config.json", "model_cfg.vision_cfg.timm_model_name", "\"vit_pe_core_small\"");
    expect_refusal(path, NULL, "timm_model_name \"vit_pe_core_small\": no architecture that is known");
    free(canonical), free(path);
    folder_remove(folder);
}

/* ---- What people are told ---- */

Test(settings, info_explains_a_name_that_is_not_the_whole_truth)
{
    struct program p = RUN("info");
    program_expect(&p, 0, NULL);
    cr_expect(strstr(p.out, "but 64 x 64 pixels in patches of 8 x 8"), "%s", p.out);
    program_free(&p);
    p = RUN("info", FAMILIES "hf_vit/config.json");
    program_expect(&p, 2, "JSON holds no tensors");
    program_expect(&p, 2, "name the checkpoint or its folder");
    program_free(&p);
}
