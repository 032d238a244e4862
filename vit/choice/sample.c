/* sample.c: checks an implementation on the very problem that it is to solve. */
#include "vit/choice/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/operators/plain.h"

enum { PERIOD = 8209 }; /* of the noise; a prime, so that no two rows of a matrix are alike */

struct vit_sample {
    struct vit_problem problem;
    float noise[PERIOD];
    struct vit_buffers buffers; /* dst and activations: the caller's; the rest: ours */
    float *weight, *vectors;    /* (out, in); bias, or gain and shift */
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
    float *lines; /* two rows of dst */
    char *packed; /* room for a weight */
    size_t packed_size;
};

/* How far from the plain loops a value may be, relative to the largest one: rounding, some bits of it. What is wrong is
 * wrong by its whole size. */
static double tolerance(enum vit_format format)
{
    return vit_format_is_bf16(format) ? 1e-2 : format == VIT_PANELS_BF16X2 ? 1e-4 : 2e-5;
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

/* Before every run: a kernel may write over its input. */
static void fill_buffers(const struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    const void *const *in = s->buffers.in;
    if (s->buffers.dst != in[VIT_SRC])
        spoil(s);
    if (s->problem.op == VIT_NORM) {
        fill(s, VIT_ROWS_F32, in[VIT_SRC], s->width, s->images, 1, 1, 0, s->width, 1);
    } else if (s->problem.op == VIT_LINEAR) {
        fill(s, l->src, in[VIT_SRC], l->src_step, s->images, s->rows, s->rows, 0, l->in, 1);
        if (l->add)
            fill(s, l->dst, s->buffers.dst, l->dst_step, s->images, s->rows, s->rows, 0, l->out, 2);
    } else {
        int D = a->heads * a->head_dim;
        fill(s, a->format, in[VIT_Q], a->q_step, a->batch, a->queries, a->q_rows, a->q_column, D, 1);
        fill(s, a->format, in[VIT_KV], a->kv_step, a->batch, a->tokens, a->kv_rows, a->k_column, D, 2);
        fill(s, a->format, in[VIT_KV], a->kv_step, a->batch, a->tokens, a->kv_rows, a->v_column, D, 3);
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

static void pick_linear(struct vit_sample *s)
{
    const struct vit_linear_problem *p = &s->problem.linear;
    struct vit_buffers plain = s->buffers;
    plain.in[VIT_WEIGHT] = s->weight;
    for (int64_t r = 0; r < s->rows; r++)
        for (int o = 0; o < p->out; o++)
            if (is_picked(r, s->rows, 6) || is_picked(o, p->out, 8))
                pick(s, r, o, vit_plain_linear_at(p, &plain, r, o));
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
    const struct vit_attention_problem *a = &s->problem.attention;
    size_t most = (size_t)most_picked(s),
           room = s->problem.op == VIT_ATTENTION ? (size_t)(a->tokens + a->head_dim) : (size_t)s->width;
    s->want = malloc(most * sizeof *s->want);
    s->picked = malloc(most * sizeof *s->picked);
    double *values = s->problem.op == VIT_LINEAR ? NULL : malloc(room * sizeof *values);
    vit_status status = VIT_OK;
    if (!s->want || !s->picked || (!values && s->problem.op != VIT_LINEAR)) {
        status = vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    } else if (s->problem.op == VIT_LINEAR) {
        pick_linear(s);
    } else if (s->problem.op == VIT_ATTENTION) {
        pick_attention(s, values);
    } else {
        vit_plain_norm_row(values, &s->problem.norm, &s->buffers, 0);
        for (int i = 0; i < s->width; i++)
            pick(s, 0, i, values[i]);
    }
    free(values);
    return status;
}

/* ---- Public ---- */

static void measure_up(struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    const struct vit_norm_problem *n = &s->problem.norm;
    if (s->problem.op == VIT_LINEAR) {
        s->format = l->dst, s->step = l->dst_step, s->width = l->out;
        s->images = l->images, s->rows = s->image_rows = l->rows / l->images;
    } else if (s->problem.op == VIT_ATTENTION) {
        s->format = a->format, s->step = a->dst_step, s->width = a->heads * a->head_dim, s->column = a->dst_column;
        s->images = a->batch, s->rows = a->queries, s->image_rows = a->q_rows;
    } else {
        s->format = n->dst, s->step = n->dst_step, s->width = n->width;
        s->images = n->rows, s->rows = s->image_rows = 1;
    }
}

static vit_status make_parameters(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_problem *p = &s->problem;
    bool linear = p->op == VIT_LINEAR;
    size_t n = linear ? (size_t)p->linear.out : p->op == VIT_NORM ? 2 * (size_t)p->norm.width : 0;
    size_t n_weight = linear ? (size_t)p->linear.in * (size_t)p->linear.out : 0;
    s->vectors = malloc((n + 1) * sizeof *s->vectors);
    s->weight = malloc((n_weight + 1) * sizeof *s->weight);
    s->lines = malloc(2 * (size_t)s->width * sizeof *s->lines);
    if (!s->vectors || !s->weight || !s->lines)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    fill_row(s, VIT_ROWS_F32, s->vectors, 0, 0, 0, (int)n, 4, 0);
    for (int o = 0; linear && o < p->linear.out; o++)
        fill_row(s, VIT_ROWS_F32, s->weight, p->linear.in, o, 0, p->linear.in, 5, (int64_t)o * p->linear.in);
    if (linear && vit_format_is_bf16(p->linear.src))
        vit_round_to(s->weight, VIT_BF16, (int64_t)n_weight);
    if (linear)
        s->buffers.in[VIT_BIAS] = s->vectors;
    else if (p->op == VIT_NORM)
        s->buffers.in[VIT_GAIN] = s->vectors, s->buffers.in[VIT_SHIFT] = s->vectors + p->norm.width;
    return VIT_OK;
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
    free(s->weight), free(s->vectors), free(s->lines), free(s->want), free(s->picked), free(s->packed);
    free(s);
}

/* Whether row r of image b is that of the first image. */
static bool is_alike(const struct vit_sample *s, int64_t b, int64_t r)
{
    float *first = s->lines, *other = first + s->width;
    vit_format_read(first, s->format, s->buffers.dst, s->step, r, s->column, s->width);
    vit_format_read(other, s->format, s->buffers.dst, s->step, b * s->image_rows + r, s->column, s->width);
    return memcmp(first, other, (size_t)s->width * sizeof *first) == 0;
}

static bool conforms_to(const struct vit_sample *s)
{
    enum vit_format src = s->problem.op == VIT_LINEAR ? s->problem.linear.src : s->format;
    double allowed = fmax(tolerance(src), tolerance(s->format)) * s->top;
    for (int64_t b = 1; b < s->images; b++)
        for (int64_t r = 0; r < s->rows; r++)
            if (!is_alike(s, b, r))
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
