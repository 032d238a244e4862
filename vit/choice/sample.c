/* sample.c: checks an implementation on the very problem that it is to solve. */
#include "vit/choice/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/choice/implementations.h"
#include "vit/operators/plain.h"

enum { PERIOD = 8209 }; /* of the noise; a prime, so that no two rows of a matrix are alike */

struct vit_sample {
    struct vit_problem problem;
    float noise[PERIOD];
    struct vit_buffers buffers; /* dst and activations: the caller's; the rest: ours */
    float *weight, *vectors;    /* (out, in); bias, gains and shifts */
    uint8_t *pixels;            /* of patches */
    /* dst: rows of so many images, an image's rows image_rows apart. */
    enum vit_format format;
    int64_t step, images, rows, image_rows;
    int width, column;
    double *want; /* what the plain loops make of the picked elements of the first image */
    double top;   /* the largest of them */
    int64_t n_picked;
    struct place {
        int64_t row;
        int column;
    } * picked;
    float *line;  /* a row of dst */
    char *packed; /* room for a weight */
    size_t packed_size;
};

/* How far from the plain loops a value may be, relative to the largest one: rounding, some bits of it. What is wrong is
 * wrong by its whole size. */
static double tolerance(enum vit_format format)
{
    return vit_format_is_bf16(format) ? 1e-2 : format == VIT_PANELS_BF16X2 ? 1e-4 : 2e-5;
}

/* ---- What is done row by row ---- */

/* Of an operator whose rows do not depend on each other: what it writes, and of a row how many f32 it reads (0: none,
 * or they are in dst); then its parameters, from an input on. */
struct shape {
    enum vit_format format;
    int64_t rows, step;
    int width, src_width;
    int vectors, vector, first_vector; /* number, width */
};

static struct shape shape_of(const struct vit_problem *problem)
{
    const struct vit_patchify_problem *p = &problem->patchify;
    const struct vit_norm_problem *n = &problem->norm;
    const struct vit_convert_problem *c = &problem->convert;
    const struct vit_gate_problem *g = &problem->gate;
    const struct vit_qk_norm_problem *q = &problem->qk_norm;
    int patch = 3 * p->patch * p->patch, qkv = 3 * q->heads * q->head_dim;
    switch (problem->op) {
    case VIT_PATCHIFY: return (struct shape){p->dst, p->rows, p->dst_step, patch, 0, 0, 0, 0};
    case VIT_NORM: return (struct shape){n->dst, n->rows, n->dst_step, n->width, n->width, 2, n->width, VIT_GAIN};
    case VIT_CONVERT: return (struct shape){c->dst, c->rows, c->dst_step, c->width, c->width, 0, 0, 0};
    case VIT_GATE: return (struct shape){VIT_ROWS_F32, g->rows, g->width, g->width, 2 * g->width, 0, 0, 0};
    default: return (struct shape){VIT_ROWS_F32, q->rows, qkv, qkv, 0, 4, q->head_dim, 0};
    }
}

/* The first row of problem alone, as f32. */
static struct vit_problem first_row(const struct vit_problem *problem)
{
    struct vit_problem one = *problem;
    int width = shape_of(problem).width;
    switch (problem->op) {
    case VIT_PATCHIFY: one.patchify.dst = VIT_ROWS_F32, one.patchify.rows = 1, one.patchify.dst_step = width; break;
    case VIT_NORM: one.norm.dst = VIT_ROWS_F32, one.norm.rows = 1, one.norm.dst_step = width; break;
    case VIT_CONVERT: one.convert.dst = VIT_ROWS_F32, one.convert.rows = 1, one.convert.dst_step = width; break;
    case VIT_GATE: one.gate.rows = 1; break;
    default: one.qk_norm.rows = 1;
    }
    return one;
}

static bool is_in_place(const struct vit_sample *s)
{
    return s->problem.op == VIT_QK_NORM || s->buffers.dst == s->buffers.in[VIT_SRC];
}

/* ---- Data ---- */

/* From -1 to 1, with full mantissas, so that the order of a sum shows in its last bits. */
static void make_noise(struct vit_sample *s)
{
    uint32_t state = 1;
    for (int i = 0; i < PERIOD; i++) {
        state = state * 1664525u + 1013904223u;
        s->noise[i] = (float)(state >> 8) / (float)(1 << 23) - 1;
    }
}

/* The noise from element seed + first on; of an array's row, up to the end of its last panel. */
static void fill_row(const struct vit_sample *s, enum vit_format format, void *dst, int64_t step, int64_t row,
                     int column, int width, int64_t seed, int64_t first)
{
    int64_t at = (seed * 1009 + first) % PERIOD;
    for (int i = 0, some; i < width; i += some, at = 0) {
        some = width - i < PERIOD - at ? width - i : (int)(PERIOD - at);
        vit_format_write(format, dst, step, row, column + i, s->noise + at, some);
    }
    vit_format_fill(format, dst, step, row, column + width);
}

/* The same rows for every image, image_rows apart. */
static void fill(const struct vit_sample *s, enum vit_format format, const void *data, int64_t step, int64_t images,
                 int64_t rows, int64_t image_rows, int column, int width, int64_t seed)
{
    for (int64_t i = 0; i < images * rows; i++)
        fill_row(s, format, (void *)(uintptr_t)data, step, i / rows * image_rows + i % rows, column, width, seed,
                 i % rows * width);
}

/* What is not written to stays NaN. */
static void spoil(const struct vit_sample *s)
{
    float nan[VIT_PANEL];
    memset(nan, 0xff, sizeof nan);
    for (int64_t i = 0; i < s->images * s->rows; i++)
        for (int c = 0; c < s->width; c += VIT_PANEL)
            vit_format_write(s->format, s->buffers.dst, s->step, i / s->rows * s->image_rows + i % s->rows,
                             s->column + c, nan, s->width - c < VIT_PANEL ? s->width - c : VIT_PANEL);
}

/* The same patch everywhere. */
static vit_status make_pixels(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_patchify_problem *p = &s->problem.patchify;
    int64_t side = p->preprocess.size, grid = side / p->patch, rows = p->first + p->rows,
            lines = (rows + grid * grid - 1) / (grid * grid) * side;
    s->buffers.in[VIT_SRC] = s->pixels = malloc((size_t)(lines * side * 3));
    if (!s->pixels)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < lines * side; i++) {
        int64_t y = i / side % side % p->patch, x = i % side % p->patch;
        for (int c = 0; c < 3; c++)
            s->pixels[3 * i + c] = (uint8_t)(255 * fabsf(s->noise[(3 * (y * p->patch + x) + c) % PERIOD]));
    }
    return VIT_OK;
}

/* Before every run: a kernel may write over its input. */
static void fill_buffers(const struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    const void *const *in = s->buffers.in;
    if (!is_in_place(s))
        spoil(s);
    if (s->problem.op == VIT_LINEAR) {
        fill(s, l->src, in[VIT_SRC], l->src_step, s->images, s->rows, s->rows, 0, l->in, 1);
        if (l->add)
            fill(s, l->dst, s->buffers.dst, l->dst_step, s->images, s->rows, s->rows, 0, l->out, 2);
    } else if (s->problem.op == VIT_ATTENTION) {
        int D = a->heads * a->head_dim;
        fill(s, a->format, in[VIT_Q], a->q_step, a->batch, a->queries, a->q_rows, a->q_column, D, 1);
        fill(s, a->format, in[VIT_KV], a->kv_step, a->batch, a->tokens, a->kv_rows, a->k_column, D, 2);
        fill(s, a->format, in[VIT_KV], a->kv_step, a->batch, a->tokens, a->kv_rows, a->v_column, D, 3);
    } else if (s->problem.op != VIT_PATCHIFY) {
        const struct shape shape = shape_of(&s->problem);
        int width = shape.src_width > 0 ? shape.src_width : shape.width;
        fill(s, VIT_ROWS_F32, is_in_place(s) ? s->buffers.dst : in[VIT_SRC], width, s->images, 1, 1, 0, width, 1);
    }
}

/* ---- The plain loops' part ---- */

/* Whether i of n is one of about most that are spread evenly from the first to the last. */
static bool is_picked(int64_t i, int64_t n, int64_t most)
{
    return n <= most || i * (most - 1) % (n - 1) < most - 1;
}

static void pick(struct vit_sample *s, int64_t row, int column, double want)
{
    s->picked[s->n_picked] = (struct place){row, column};
    s->want[s->n_picked++] = want;
    s->top = fmax(s->top, fabs(want));
}

/* wide: scratch for the rows of src (rows, in), so that each is read once and not for every output. */
static void pick_linear(struct vit_sample *s, float *wide)
{
    struct vit_linear_problem p = s->problem.linear;
    struct vit_buffers plain = s->buffers;
    for (int64_t r = 0; r < s->rows; r++)
        vit_format_read(wide + r * p.in, p.src, plain.in[VIT_SRC], p.src_step, r, 0, p.in);
    p.src = VIT_ROWS_F32;
    p.src_step = p.in;
    plain.in[VIT_SRC] = wide;
    plain.in[VIT_WEIGHT] = s->weight;
    for (int64_t r = 0; r < s->rows; r++)
        for (int o = 0; o < p.out; o++)
            if (is_picked(r, s->rows, 6) || is_picked(o, p.out, 8))
                pick(s, r, o, vit_plain_linear_at(&p, &plain, r, o));
}

/* values: scratch for tokens and head_dim doubles. */
static void pick_attention(struct vit_sample *s, double *values)
{
    const struct vit_attention_problem *p = &s->problem.attention;
    for (int q = 0; q < p->queries; q++)
        for (int h = 0; h < p->heads && is_picked(q, p->queries, 6); h++) {
            vit_plain_attend(values, p, &s->buffers, 0, h, q, values + p->head_dim);
            for (int i = 0; i < p->head_dim; i++)
                pick(s, q, p->dst_column + h * p->head_dim + i, values[i]);
        }
}

/* The first row whole, which all others must equal. */
static vit_status pick_row(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_problem one = first_row(&s->problem);
    const struct vit_implementation *plain = vit_plain_implementation(&one);
    struct vit_buffers buffers = s->buffers;
    struct vit_kernel *kernel;
    VIT_TRY(plain->create(&kernel, plain, &one, err));
    void *scratch = aligned_alloc(64, (kernel->scratch_size + 64) / 64 * 64);
    vit_status status = scratch ? VIT_OK : vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    if (is_in_place(s))
        fill_row(s, VIT_ROWS_F32, s->line, s->width, 0, 0, s->width, 1, 0);
    buffers.dst = s->line;
    if (status == VIT_OK)
        status = kernel->run(kernel, &buffers, scratch, err);
    for (int i = 0; i < s->width && status == VIT_OK; i++)
        pick(s, 0, i, s->line[i]);
    free(scratch);
    vit_kernel_free(kernel);
    return status;
}

/* How many elements of an image will be picked, at most. */
static int64_t most_picked(const struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    switch (s->problem.op) {
    case VIT_LINEAR: return 12 * (int64_t)l->out + 16 * s->rows;
    case VIT_ATTENTION: return 12 * (int64_t)a->heads * a->head_dim;
    default: return s->width;
    }
}

static vit_status pick_all(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    bool linear = s->problem.op == VIT_LINEAR, attention = s->problem.op == VIT_ATTENTION;
    size_t most = (size_t)most_picked(s), rows = linear ? (size_t)s->rows * (size_t)l->in * sizeof(float) : 0,
           values = attention ? (size_t)(a->tokens + a->head_dim) * sizeof(double) : 0;
    s->want = malloc(most * sizeof *s->want);
    s->picked = malloc(most * sizeof *s->picked);
    void *scratch = malloc(rows + values + 1);
    vit_status status = VIT_OK;
    if (!s->want || !s->picked || !scratch)
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    else if (linear)
        pick_linear(s, scratch);
    else if (attention)
        pick_attention(s, scratch);
    else
        status = pick_row(s, err);
    free(scratch);
    return status;
}

/* ---- Public ---- */

static void measure_up(struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    if (s->problem.op == VIT_LINEAR) {
        s->format = l->dst, s->step = l->dst_step, s->width = l->out;
        s->images = l->images, s->rows = s->image_rows = l->rows / l->images;
    } else if (s->problem.op == VIT_ATTENTION) {
        s->format = a->format, s->step = a->dst_step, s->width = a->heads * a->head_dim, s->column = a->dst_column;
        s->images = a->batch, s->rows = a->queries, s->image_rows = a->q_rows;
    } else {
        const struct shape shape = shape_of(&s->problem);
        s->format = shape.format, s->step = shape.step, s->width = shape.width;
        s->images = shape.rows, s->rows = s->image_rows = 1;
    }
}

static vit_status make_parameters(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_problem *p = &s->problem;
    bool linear = p->op == VIT_LINEAR;
    const struct shape shape = linear || p->op == VIT_ATTENTION ? (struct shape){0} : shape_of(p);
    size_t n = linear ? (size_t)p->linear.out : (size_t)shape.vectors * (size_t)shape.vector;
    size_t n_weight = linear ? (size_t)p->linear.in * (size_t)p->linear.out : 0;
    s->vectors = malloc((n + 1) * sizeof *s->vectors);
    s->weight = malloc((n_weight + 1) * sizeof *s->weight);
    s->line = malloc((size_t)s->width * sizeof *s->line);
    if (!s->vectors || !s->weight || !s->line)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    fill_row(s, VIT_ROWS_F32, s->vectors, 0, 0, 0, (int)n, 4, 0);
    for (int o = 0; linear && o < p->linear.out; o++)
        fill_row(s, VIT_ROWS_F32, s->weight, p->linear.in, o, 0, p->linear.in, 5, (int64_t)o * p->linear.in);
    if (linear && vit_format_is_bf16(p->linear.src))
        vit_round_to(s->weight, VIT_BF16, (int64_t)n_weight);
    if (linear)
        s->buffers.in[VIT_BIAS] = s->vectors;
    for (int i = 0; i < shape.vectors; i++)
        s->buffers.in[shape.first_vector + i] = s->vectors + i * shape.vector;
    return p->op == VIT_PATCHIFY ? make_pixels(s, err) : VIT_OK;
}

vit_status vit_sample_create(struct vit_sample **sample, const struct vit_problem *problem,
                             const struct vit_buffers *memory, struct vit_error *err)
{
    struct vit_sample *s = calloc(1, sizeof *s);
    if (!s)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    s->problem = *problem;
    s->buffers = *memory;
    make_noise(s);
    measure_up(s);
    vit_status status = make_parameters(s, err);
    if (status == VIT_OK) {
        fill_buffers(s);
        status = pick_all(s, err);
    }
    *sample = s;
    if (status != VIT_OK) {
        vit_sample_free(s);
        *sample = NULL;
    }
    return status;
}

void vit_sample_free(struct vit_sample *s)
{
    if (!s)
        return;
    free(s->weight), free(s->vectors), free(s->line), free(s->want), free(s->picked), free(s->packed);
    free(s->pixels);
    free(s);
}

/* Whether row r of every image is that of the first one. */
static bool are_alike(const struct vit_sample *s, int64_t r)
{
    for (int64_t b = 1; b < s->images; b++)
        if (!vit_format_same(s->format, s->buffers.dst, s->step, r, b * s->image_rows + r, s->column, s->width))
            return false;
    return true;
}

static bool conforms_to(const struct vit_sample *s)
{
    enum vit_format src = s->problem.op == VIT_LINEAR ? s->problem.linear.src : s->format;
    double allowed = fmax(tolerance(src), tolerance(s->format)) * s->top;
    for (int64_t r = 0; r < s->rows; r++)
        if (!are_alike(s, r))
            return false;
    for (int64_t i = 0; i < s->n_picked; i++) {
        float got;
        vit_format_read(&got, s->format, s->buffers.dst, s->step, s->picked[i].row, s->picked[i].column, 1);
        if (!(fabs(got - s->want[i]) <= allowed))
            return false;
    }
    return true;
}

/* Into s->packed, which grows: fresh memory for each implementation would cost more than packing. */
static vit_status pack(struct vit_sample *s, struct vit_crew *crew, struct vit_error *err)
{
    if (s->packed_size < crew->packing_size) {
        free(s->packed);
        s->packed_size = crew->packing_size;
        s->packed = aligned_alloc(64, s->packed_size);
    }
    if (!s->packed) {
        s->packed_size = 0;
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    return vit_crew_pack(crew, s->packed, s->weight, err);
}

vit_status vit_sample_run(bool *conforms, double *seconds, struct vit_sample *sample, struct vit_crew *crew,
                          struct vit_error *err)
{
    *conforms = false;
    if (crew->packing_size > 0)
        VIT_TRY(pack(sample, crew, err));
    fill_buffers(sample);
    VIT_TRY(vit_crew_run(crew, seconds, err));
    *conforms = conforms_to(sample);
    return VIT_OK;
}

struct vit_buffers vit_sample_buffers(const struct vit_sample *sample)
{
    return sample->buffers;
}
