/* model.c: opens a checkpoint, or makes one up, and gives every tensor its role. */
#include "vit/network/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/network/pos_resize.h"
#include "vit/network/words.h"

/* ---- Tensors by name ---- */

static int find(const struct vit_model *model, const char *prefix, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return vit_layout_find(&model->weights->layout, full);
}

static struct vit_norm norm(const struct vit_model *model, const char *prefix, const char *name, int width)
{
    struct vit_norm n = {.width = width};
    snprintf(n.name, sizeof n.name, "%s%s", prefix, name);
    n.weight = find(model, n.name, ".weight");
    n.bias = find(model, n.name, ".bias");
    return n;
}

static struct vit_linear linear(const struct vit_model *model, const char *prefix, const char *name, int out, int in)
{
    struct vit_linear l = {.in = in, .out = out, .gamma = -1};
    snprintf(l.name, sizeof l.name, "%s%s", prefix, name);
    l.weight = find(model, l.name, ".weight");
    l.bias = find(model, l.name, ".bias");
    return l;
}

static struct vit_block block(const struct vit_model *model, int i)
{
    const struct vit_config *c = &model->weights->config;
    int D = c->width, F = c->mlp, HD = D / c->heads;
    char p[32];
    snprintf(p, sizeof p, "blocks.%d.", i);
    struct vit_block b = {
        .norm1 = norm(model, p, "norm1", D),
        .qkv = linear(model, p, "attn.qkv", 3 * D, D),
        .q_norm = norm(model, p, "attn.q_norm", HD),
        .k_norm = norm(model, p, "attn.k_norm", HD),
        .proj = linear(model, p, "attn.proj", D, D),
        .norm2 = norm(model, p, "norm2", D),
        .fc1 = linear(model, p, "mlp.fc1", c->swiglu ? 2 * F : F, D),
        .fc2 = linear(model, p, "mlp.fc2", D, F),
    };
    snprintf(b.name, sizeof b.name, "blocks.%d", i);
    b.q = b.kv = b.qkv;
    snprintf(b.q.name, sizeof b.q.name, "%sattn.q", p);
    snprintf(b.kv.name, sizeof b.kv.name, "%sattn.kv", p);
    b.q.out = D;
    b.kv.out = 2 * D;
    b.kv.first = D;
    b.proj.gamma = find(model, p, "ls1.gamma");
    b.fc2.gamma = find(model, p, "ls2.gamma");
    return b;
}

static struct vit_attn_pool attn_pool(const struct vit_model *model)
{
    int D = model->weights->config.width, F = model->weights->config.mlp;
    const char *p = "attn_pool.";
    return (struct vit_attn_pool){
        .latent = find(model, p, "latent"),
        .q = linear(model, p, "q", D, D),
        .kv = linear(model, p, "kv", 2 * D, D),
        .proj = linear(model, p, "proj", D, D),
        .norm = norm(model, p, "norm", D),
        .fc1 = linear(model, p, "mlp.fc1", F, D),
        .fc2 = linear(model, p, "mlp.fc2", D, F),
    };
}

static vit_status name_tensors(struct vit_model *model, struct vit_error *err)
{
    const struct vit_config *c = &model->weights->config;
    model->blocks = calloc((size_t)c->depth + 1, sizeof *model->blocks);
    if (!model->blocks)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    model->patch = linear(model, "", "patch_embed.proj", c->width, 3 * c->patch * c->patch);
    model->norm_pre = norm(model, "", "norm_pre", c->width);
    for (int i = 0; i < c->depth; i++)
        model->blocks[i] = block(model, i);
    model->norm = norm(model, "", c->norm_place == VIT_NORM_BEFORE ? "norm" : "fc_norm", c->width);
    model->attn_pool = attn_pool(model);
    model->proj = linear(model, "", "proj", c->embedding, vit_config_pooled_width(c));
    model->head = linear(model, "", "head", c->classes, vit_config_head_width(c));
    model->head_dist = linear(model, "", "head_dist", c->classes, c->width);
    return VIT_OK;
}

/* ---- Positions ---- */

/* Adds a token's own row, or rows, to *at and moves on. */
static vit_status read_token(const struct vit_model *model, const char *name, int rows, float **at,
                             struct vit_error *err)
{
    if (rows == 0)
        return VIT_OK;
    VIT_TRY(vit_weights_read_f32(model->weights, find(model, "", name), *at, err));
    *at += (size_t)rows * (size_t)model->weights->config.width;
    return VIT_OK;
}

/* The learned prefix tokens, in their order. */
static vit_status read_prefix(const struct vit_model *model, struct vit_error *err)
{
    const struct vit_config *c = &model->weights->config;
    float *at = model->prefix;
    VIT_TRY(read_token(model, "cls_token", c->cls, &at, err));
    VIT_TRY(read_token(model, "dist_token", c->dist, &at, err));
    return read_token(model, "reg_token", c->n_reg, &at, err);
}

/* Adds the rows of table, pos_embed as stored, that cover prefix tokens (the front ones) to these; the others become
 * the rows of the patches. */
static vit_status place_positions(struct vit_model *model, const float *table, struct vit_error *err)
{
    const struct vit_config *c = &model->weights->config;
    int side = c->image_size / c->patch, grid[2] = {side, side};
    size_t covered = (size_t)(vit_config_pos_rows(c) - c->pos_grid[0] * c->pos_grid[1]) * (size_t)c->width;
    for (size_t i = 0; i < covered; i++)
        model->prefix[i] += table[i];
    return vit_pos_resize(model->pos, grid, table + covered, c->pos_grid, c->width, c->pos_resize, err);
}

static vit_status read_text_positions(struct vit_model *model, struct vit_error *err)
{
    const struct vit_config *c = &model->weights->config;
    model->pos = malloc((size_t)c->context * (size_t)c->width * sizeof *model->pos);
    if (!model->pos)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for position embeddings");
    return vit_weights_read_f32(model->weights, find(model, "", "pos_embed"), model->pos, err);
}

static vit_status read_positions(struct vit_model *model, struct vit_error *err)
{
    const struct vit_config *c = &model->weights->config;
    if (c->context)
        return read_text_positions(model, err);
    size_t D = (size_t)c->width, n_prefix = (size_t)vit_config_prefix(c), n_patches = (size_t)vit_config_patches(c);
    float *table = malloc((size_t)vit_config_pos_rows(c) * D * sizeof *table);
    model->prefix = calloc(n_prefix * D + 1, sizeof *model->prefix);
    model->pos = malloc(n_patches * D * sizeof *model->pos);
    vit_status status = VIT_OK;
    if (!table || !model->prefix || !model->pos)
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory for position embeddings");
    if (status == VIT_OK)
        status = read_prefix(model, err);
    if (status == VIT_OK)
        status = vit_weights_read_f32(model->weights, find(model, "", "pos_embed"), table, err);
    if (status == VIT_OK)
        status = place_positions(model, table, err);
    free(table);
    return status;
}

/* ---- Opening ---- */

static vit_status read_param(void *weights, int i, float *dst, struct vit_error *err)
{
    return vit_weights_read_f32(weights, i, dst, err);
}

static int64_t count_param(void *weights, int i)
{
    return vit_tensor_count(&((const struct vit_weights *)weights)->layout.tensors[i]);
}

static vit_status create_params(struct vit_model *model, struct vit_error *err)
{
    return vit_params_create(&model->params, (struct vit_param_reader){read_param, count_param, model->weights}, err);
}

static vit_status spell_indices(struct vit_model *model, struct vit_error *err)
{
    int K = model->weights->config.classes;
    model->indices = calloc((size_t)K + 1, sizeof *model->indices);
    if (!model->indices)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %d labels", K);
    for (int i = 0; i < K; i++)
        snprintf(model->indices[i], sizeof model->indices[i], "%d", i);
    return VIT_OK;
}

/* Gives the tensors of model->weights, which are open, their roles. */
static vit_status set_up(struct vit_model *model, struct vit_error *err)
{
    VIT_TRY(create_params(model, err));
    VIT_TRY(vit_choices_create(&model->choices, err));
    VIT_TRY(name_tensors(model, err));
    VIT_TRY(read_positions(model, err));
    return spell_indices(model, err);
}

/* All of a model but its weights. */
static void free_parts(struct vit_model *model)
{
    if (!model)
        return;
    free_parts(model->text); /* whose weights belong to those of the model */
    vit_params_free(model->params);
    vit_choices_free(model->choices);
    free(model->indices);
    free(model->prefix);
    free(model->pos);
    free(model->blocks);
    free(model);
}

/* Makes a model of weights, which stay the caller's. */
static vit_status create(struct vit_model **model, struct vit_weights *weights, struct vit_error *err)
{
    *model = calloc(1, sizeof **model);
    if (!*model)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    (*model)->weights = weights;
    vit_status status = set_up(*model, err);
    if (status != VIT_OK) {
        free_parts(*model);
        *model = NULL;
    }
    return status;
}

/* The tower has done its work once the classes are made: its packed weights would take half the model's memory. */
static vit_status make_classes(struct vit_weights *weights, struct vit_model *tower,
                               const struct vit_model_options *options, int *n_cut, struct vit_error *err)
{
    VIT_TRY(vit_words_classify(weights, tower, options, n_cut, err));
    if (!tower)
        return VIT_OK;
    vit_params_free(tower->params);
    tower->params = NULL;
    return create_params(tower, err);
}

/* Takes weights over, also when it fails. */
static vit_status create_from(struct vit_model **model, struct vit_weights *weights,
                              const struct vit_model_options *options, struct vit_error *err)
{
    struct vit_model *tower = NULL;
    vit_status status = VIT_OK;
    int n_cut = 0;
    if (weights->text && weights->text->weights)
        status = create(&tower, weights->text->weights, err);
    if (status == VIT_OK && options && vit_words_given(weights, options))
        status = make_classes(weights, tower, options, &n_cut, err);
    if (status == VIT_OK)
        status = create(model, weights, err);
    if (status != VIT_OK) {
        free_parts(tower);
        vit_weights_close(weights);
        return status;
    }
    (*model)->text = tower;
    (*model)->n_cut = n_cut;
    return VIT_OK;
}

vit_status vit_model_open(struct vit_model **model, const char *path, const struct vit_model_options *options,
                          struct vit_error *err)
{
    struct vit_weights *weights;
    *model = NULL;
    VIT_TRY(vit_weights_open(&weights, path, options, err));
    vit_status status = create_from(model, weights, options, err);
    return status == VIT_OK ? VIT_OK : vit_context(err, status, "load %s", path);
}

vit_status vit_model_random(struct vit_model **model, const char *arch, struct vit_error *err)
{
    struct vit_weights *weights;
    struct vit_config config;
    *model = NULL;
    if (!vit_arch_find(&config, arch))
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "unknown architecture %.64s", arch);
    VIT_TRY(vit_weights_random(&weights, &config, err));
    return create_from(model, weights, NULL, err);
}

void vit_model_free(struct vit_model *model)
{
    if (!model)
        return;
    struct vit_weights *weights = model->weights;
    free_parts(model);
    vit_weights_close(weights);
}

vit_status vit_model_save(const struct vit_model *model, const char *out, const struct vit_save_options *options,
                          struct vit_error *err)
{
    return vit_weights_save(model->weights, out, options, err);
}

/* ---- What it is ---- */

const struct vit_config *vit_model_config(const struct vit_model *model)
{
    return &model->weights->config;
}

const struct vit_preprocess *vit_model_preprocess(const struct vit_model *model)
{
    return &model->weights->preprocess;
}

const char *vit_model_label_id(const struct vit_model *model, int index)
{
    return model->weights->labels.n ? model->weights->labels.ids[index] : model->indices[index];
}

const char *vit_model_label(const struct vit_model *model, int index)
{
    return model->weights->labels.n ? model->weights->labels.names[index] : model->indices[index];
}

const char *vit_model_source(const struct vit_model *model)
{
    return model->weights->origin;
}

int vit_model_n_settings(const struct vit_model *model)
{
    return model->weights->report.n_settings;
}

const struct vit_setting *vit_model_setting(const struct vit_model *model, int i)
{
    return &model->weights->report.settings[i];
}

int vit_model_n_ignored(const struct vit_model *model)
{
    return model->weights->report.n_ignored;
}

const char *vit_model_ignored(const struct vit_model *model, int i)
{
    return model->weights->report.ignored[i];
}

int vit_model_n_tensors(const struct vit_model *model)
{
    return model->weights->layout.n_tensors;
}

const struct vit_tensor *vit_model_tensor(const struct vit_model *model, int i)
{
    return &model->weights->layout.tensors[i];
}

size_t vit_model_pixels_size(const struct vit_model *model)
{
    size_t S = (size_t)model->weights->preprocess.size;
    return S * S * 3;
}

int vit_model_n_cut(const struct vit_model *model)
{
    return model->n_cut;
}

size_t vit_model_input_size(const struct vit_model *model, int length)
{
    return length ? (size_t)length * (size_t)model->weights->config.width * sizeof(float)
                  : vit_model_pixels_size(model);
}
