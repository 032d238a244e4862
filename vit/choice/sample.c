/* sample.c: checks an implementation on the very problem that it is to solve. */
#include "vit/choice/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/half.h"
#include "vit/base/machine.h"
#include "vit/operators/plain.h"

enum { PERIOD = 8209 }; /* of the noise; a prime, so that no two rows of a matrix are alike */

struct vit_sample {
    struct vit_problem problem;
    float noise[PERIOD];
    struct vit_buffers buffers; /* dst and activations: the caller's; the rest: ours */
    float *weight, *vectors;    /* (out, in); bias, or gain and shift */
    int64_t images, count;      /* of dst: images of count elements each */
    enum vit_dtype type;        /* of dst */
    double *want;               /* what the plain loops make of the picked elements of the first image */
    double top;                 /* the largest of them */
    int64_t n_picked;
    int64_t *picked;
    void *packed; /* room for a weight */
    size_t packed_size;
};

/* How far from the plain loops a value may be, relative to the largest one: rounding, some bits of it. What is wrong is
 * wrong by its whole size. */
static double tolerance(enum vit_dtype type)
{
    return type == VIT_F32 ? 2e-5 : 1e-2;
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

/* The noise from element seed + first on. */
static void fill_row(const struct vit_sample *s, void *dst, enum vit_dtype type, int64_t seed, int64_t first, int64_t n)
{
    for (int64_t i = 0, at = (seed * 1009 + first) % PERIOD, some; i < n; i += some, at = 0) {
        some = n - i < PERIOD - at ? n - i : PERIOD - at;
        if (type == VIT_F32)
            memcpy((float *)dst + i, s->noise + at, (size_t)some * sizeof *s->noise);
        else
            vit_narrow((uint16_t *)dst + i, s->noise + at, type, some);
    }
}

/* The same rows of width elements, step elements apart, for every image. */
static void fill(const struct vit_sample *s, const void *data, enum vit_dtype type, int64_t seed, int64_t images,
                 int64_t rows, int64_t step, int64_t width)
{
    char *at = (char *)(uintptr_t)data;
    for (int64_t i = 0; i < images * rows; i++)
        fill_row(s, at + (size_t)(i * step) * vit_dtype_size(type), type, seed, i % rows * width, width);
}

/* Before every run: a kernel may write over its input. */
static void fill_buffers(const struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    bool in_place = s->buffers.dst == s->buffers.in[VIT_SRC];
    if (!in_place) /* what is not written to stays NaN */
        memset(s->buffers.dst, 0xff, (size_t)(s->images * s->count) * vit_dtype_size(s->type));
    if (s->problem.op == VIT_NORM) {
        fill(s, s->buffers.in[VIT_SRC], VIT_F32, 1, s->images, 1, s->count, s->count);
    } else if (s->problem.op == VIT_LINEAR) {
        int64_t rows = l->rows / l->images;
        fill(s, s->buffers.in[VIT_SRC], l->src, 1, l->images, rows, l->in, l->in);
        if (l->add)
            fill(s, s->buffers.dst, l->dst, 2, l->images, rows, l->out, l->out);
    } else {
        int64_t D = (int64_t)a->heads * a->head_dim;
        fill(s, s->buffers.in[VIT_Q], a->type, 1, a->batch, a->queries, a->q_step, D);
        fill(s, s->buffers.in[VIT_K], a->type, 2, a->batch, a->tokens, a->kv_step, D);
        fill(s, s->buffers.in[VIT_V], a->type, 3, a->batch, a->tokens, a->kv_step, D);
    }
}

/* ---- The plain loops' part ---- */

/* Whether i of n is one of about most that are spread evenly from the first to the last. */
static bool is_picked(int64_t i, int64_t n, int64_t most)
{
    return n <= most || i * (most - 1) % (n - 1) < most - 1;
}

static void pick(struct vit_sample *s, int64_t element, double want)
{
    s->picked[s->n_picked] = element;
    s->want[s->n_picked++] = want;
    s->top = fmax(s->top, fabs(want));
}

static void pick_linear(struct vit_sample *s)
{
    const struct vit_linear_problem *p = &s->problem.linear;
    struct vit_buffers plain = s->buffers;
    plain.in[VIT_WEIGHT] = s->weight;
    int64_t rows = p->rows / p->images;
    for (int64_t r = 0; r < rows; r++)
        for (int o = 0; o < p->out; o++)
            if (is_picked(r, rows, 6) || is_picked(o, p->out, 8))
                pick(s, r * p->out + o, vit_plain_linear_at(p, &plain, r, o));
}

/* values: scratch for tokens and head_dim doubles. */
static void pick_attention(struct vit_sample *s, double *values)
{
    const struct vit_attention_problem *p = &s->problem.attention;
    for (int q = 0; q < p->queries; q++)
        for (int h = 0; h < p->heads && is_picked(q, p->queries, 6); h++) {
            vit_plain_attend(values, p, &s->buffers, 0, h, q, values + p->head_dim);
            for (int i = 0; i < p->head_dim; i++)
                pick(s, ((int64_t)q * p->heads + h) * p->head_dim + i, values[i]);
        }
}

/* How many elements of an image will be picked, at most. */
static int64_t most_picked(const struct vit_sample *s)
{
    const struct vit_linear_problem *l = &s->problem.linear;
    const struct vit_attention_problem *a = &s->problem.attention;
    switch (s->problem.op) {
    case VIT_LINEAR: return 12 * (int64_t)l->out + 16 * (l->rows / l->images);
    case VIT_ATTENTION: return 12 * (int64_t)a->heads * a->head_dim;
    default: return s->count;
    }
}

static vit_status pick_all(struct vit_sample *s, struct vit_error *err)
{
    const struct vit_attention_problem *a = &s->problem.attention;
    size_t most = (size_t)most_picked(s),
           room = s->problem.op == VIT_ATTENTION ? (size_t)(a->tokens + a->head_dim) : (size_t)s->count;
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
        for (int64_t i = 0; i < s->count; i++)
            pick(s, i, values[i]);
    }
    free(values);
    return status;
}

/* ---- Public ---- */

static void measure_up(struct vit_sample *s)
{
    const struct vit_problem *p = &s->problem;
    switch (p->op) {
    case VIT_LINEAR:
        s->images = p->linear.images, s->count = p->linear.rows / p->linear.images * p->linear.out,
        s->type = p->linear.dst;
        break;
    case VIT_ATTENTION:
        s->images = p->attention.batch, s->type = p->attention.type;
        s->count = (int64_t)p->attention.queries * p->attention.heads * p->attention.head_dim;
        break;
    default: s->images = p->norm.rows, s->count = p->norm.width, s->type = p->norm.dst; break;
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
    if (!s->vectors || !s->weight)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    fill_row(s, s->vectors, VIT_F32, 4, 0, (int64_t)n);
    fill_row(s, s->weight, VIT_F32, 5, 0, (int64_t)n_weight);
    if (linear && p->linear.weight == VIT_BF16)
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
    free(s->weight), free(s->vectors), free(s->want), free(s->picked), free(s->packed);
    free(s);
}

static bool conforms_to(const struct vit_sample *s)
{
    size_t element = vit_dtype_size(s->type), image = (size_t)s->count * element;
    enum vit_dtype type = s->problem.op == VIT_LINEAR ? s->problem.linear.weight : s->type;
    double allowed = fmax(tolerance(type), tolerance(s->type)) * s->top;
    for (int64_t b = 1; b < s->images; b++)
        if (memcmp((const char *)s->buffers.dst + (size_t)b * image, s->buffers.dst, image) != 0)
            return false;
    for (int64_t i = 0; i < s->n_picked; i++) {
        float got;
        vit_widen(&got, (const char *)s->buffers.dst + (size_t)s->picked[i] * element, s->type, 1);
        if (!(fabs(got - s->want[i]) <= allowed))
            return false;
    }
    return true;
}

/* Into s->packed, which grows: fresh memory for each kernel would cost more than packing. */
static vit_status pack(struct vit_sample *s, struct vit_kernel *kernel, struct vit_error *err)
{
    if (s->packed_size < kernel->packing.size) {
        free(s->packed);
        s->packed_size = (kernel->packing.size + 63) / 64 * 64;
        s->packed = aligned_alloc(64, s->packed_size);
    }
    if (!s->packed) {
        s->packed_size = 0;
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    }
    return kernel->pack(kernel, s->packed, s->weight, err);
}

vit_status vit_sample_run(bool *conforms, double *seconds, struct vit_sample *sample, struct vit_kernel *kernel,
                          void *scratch, struct vit_error *err)
{
    struct vit_buffers buffers = sample->buffers;
    *conforms = false;
    if (kernel->packing.size > 0) {
        VIT_TRY(pack(sample, kernel, err));
        buffers.in[VIT_WEIGHT] = sample->packed;
    }
    fill_buffers(sample);
    double start = vit_now();
    VIT_TRY(kernel->run(kernel, &buffers, scratch, err));
    *seconds = vit_now() - start;
    *conforms = conforms_to(sample);
    return VIT_OK;
}

struct vit_buffers vit_sample_buffers(const struct vit_sample *sample)
{
    return sample->buffers;
}
