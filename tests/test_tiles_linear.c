/* test_tiles_linear.c: linear layers on tiles: by plain C on any machine, and by AMX where it is, against each other,
 * to the last bit, and against loops in double. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/operators.h"
#include "vit/base/half.h"
#include "vit/kernels/tiles_linear.h"
#include "vit/onednn/isa.h"

extern const struct vit_tiles_linear_isa tiles_linear_plain;

static const struct vit_tiles_linear_isa *const bodies[] = {&tiles_linear_plain, &vit_tiles_linear_amx};

static int n_bodies(void)
{
    return vit_isa_level() >= VIT_ISA_AMX ? 2 : 1;
}

/* src and dst are rows BEFORE to BEFORE + rows - 1 of arrays with a few more, which nobody may touch. */
enum { BEFORE = 3, AFTER = 2, UNTOUCHED = 0x5a };

struct layer {
    struct vit_linear_problem p;
    float *x, *weight, *bias, *old; /* (rows, in), (out, in), (out), (rows, out): what is in dst before */
};

static struct vit_linear_problem problem_of(int parts, int rows, int in, int out, bool panels)
{
    enum vit_format format = (enum vit_format)(VIT_PANELS_BF16 + parts - 1);
    int64_t all = BEFORE + rows + AFTER;
    return (struct vit_linear_problem){.src = format,
                                       .dst = panels ? format : VIT_ROWS_F32,
                                       .rows = rows,
                                       .src_step = all,
                                       .dst_step = panels ? all : out + 1,
                                       .images = 1,
                                       .in = in,
                                       .out = out,
                                       .bias = true};
}

static struct layer make_layer(struct vit_linear_problem p)
{
    struct layer l = {p, operators_noise((size_t)(p.rows * p.in), 1, 1),
                      operators_noise((size_t)(p.in * p.out), 2, 3 / sqrtf((float)p.in)),
                      operators_noise((size_t)p.out, 3, 1), operators_noise((size_t)(p.rows * p.out), 4, 1)};
    if (p.src == VIT_PANELS_BF16) {
        vit_round_to(l.x, VIT_BF16, p.rows * p.in);
        vit_round_to(l.weight, VIT_BF16, (int64_t)p.in * p.out);
    }
    return l;
}

static void free_layer(struct layer *l)
{
    free(l->x), free(l->weight), free(l->bias), free(l->old);
}

static int padded(int columns)
{
    return (columns + VIT_PANEL - 1) / VIT_PANEL * VIT_PANEL;
}

/* An array of which rows BEFORE and on are data (rows, columns), or untouched; with exactly the bytes it has to have.
 */
static void *make_array(enum vit_format format, int64_t step, int64_t rows, const float *data, int columns)
{
    size_t size = vit_format_parts(format) > 0 ? vit_format_size(format, step, columns)
                                               : (size_t)(step * (BEFORE + rows + AFTER)) * sizeof(float);
    char *array = aligned_alloc(64, (size + 63) / 64 * 64);
    float *row = calloc((size_t)padded(columns), sizeof *row);
    cr_assert(array && row);
    memset(array, UNTOUCHED, size);
    for (int64_t r = 0; data && r < rows; r++) {
        memcpy(row, data + r * columns, (size_t)columns * sizeof *row);
        int n = format == VIT_ROWS_F32 ? columns : padded(columns);
        vit_format_write(format, array, step, BEFORE + r, 0, row, n);
    }
    free(row);
    return array;
}

/* Part of a layer: so many rows and outputs, from these on. */
struct share {
    int row, rows, output, outputs;
};

static void run_share(const struct vit_tiles_linear_isa *isa, const struct layer *l, const char *src, char *dst,
                      const char *packed, struct share s)
{
    const struct vit_linear_problem *p = &l->p;
    struct vit_implementation implementation = {"tiles", vit_tiles_linear_create, isa};
    struct vit_problem problem = {VIT_LINEAR, .linear = *p};
    struct vit_kernel *kernel;
    problem.linear.rows = s.rows, problem.linear.out = s.outputs;
    cr_assert_eq(vit_tiles_linear_create(&kernel, &implementation, &problem, NULL), VIT_OK);
    int parts = vit_format_parts(p->src);
    int64_t column = p->dst == VIT_ROWS_F32 ? 4 * s.output : s.output / VIT_PANEL * parts * p->dst_step * 64;
    void *scratch = aligned_alloc(64, kernel->scratch_size + 63 - (kernel->scratch_size + 63) % 64);
    cr_assert(scratch);
    memset(scratch, 0xff, kernel->scratch_size); /* NaN */
    const char *weight = packed + (size_t)(s.output / VIT_PANEL * padded(p->in) * parts) * 64;
    struct vit_buffers buffers = {
        (char *)vit_format_row(p->dst, dst, p->dst_step, BEFORE + s.row) + column,
        {vit_format_row(p->src, src, p->src_step, BEFORE + s.row), weight, l->bias + s.output},
        packed,
        64};
    cr_assert_eq(kernel->run(kernel, &buffers, scratch, NULL), VIT_OK);
    free(scratch);
    vit_kernel_free(kernel);
}

static char *pack(const struct vit_tiles_linear_isa *isa, const struct layer *l)
{
    struct vit_implementation implementation = {"tiles", vit_tiles_linear_create, isa};
    struct vit_problem problem = {VIT_LINEAR, .linear = l->p};
    struct vit_kernel *kernel;
    cr_assert_eq(vit_tiles_linear_create(&kernel, &implementation, &problem, NULL), VIT_OK);
    char *packed = aligned_alloc(64, kernel->packing.size);
    cr_assert(packed);
    cr_assert_eq(kernel->pack(kernel, packed, l->weight, NULL), VIT_OK);
    vit_kernel_free(kernel);
    return packed;
}

/* The whole array that the layer makes, cut into shares of so many rows and outputs; freed by the caller. */
static char *result(const struct vit_tiles_linear_isa *isa, const struct layer *l, int rows, int outputs)
{
    const struct vit_linear_problem *p = &l->p;
    char *packed = pack(isa, l), *src = make_array(p->src, p->src_step, p->rows, l->x, p->in);
    char *dst = make_array(p->dst, p->dst_step, p->rows, p->add ? l->old : NULL, p->out);
    for (int r = 0; r < (int)p->rows; r += rows)
        for (int o = 0; o < p->out; o += outputs)
            run_share(isa, l, src, dst, packed,
                      (struct share){r, (int)p->rows - r < rows ? (int)p->rows - r : rows, o,
                                     p->out - o < outputs ? p->out - o : outputs});
    free(src), free(packed);
    return dst;
}

static size_t result_size(const struct layer *l)
{
    const struct vit_linear_problem *p = &l->p;
    return p->dst == VIT_ROWS_F32 ? (size_t)(p->dst_step * (BEFORE + p->rows + AFTER)) * sizeof(float)
                                  : vit_format_size(p->dst, p->dst_step, p->out);
}

/* ---- Against loops in double ---- */

static double activated(double x, const struct vit_linear_problem *p)
{
    switch (p->activate ? (int)p->act : -1) {
    case VIT_ACT_GELU_ERF: return 0.5 * x * (1 + erf(x * sqrt(0.5)));
    case VIT_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case VIT_ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case VIT_ACT_SILU: return x / (1 + exp(-x));
    }
    return x;
}

static double wanted(const struct layer *l, int64_t row, int output)
{
    const struct vit_linear_problem *p = &l->p;
    double sum = p->bias ? l->bias[output] : 0;
    for (int k = 0; k < p->in; k++)
        sum += (double)l->x[row * p->in + k] * l->weight[(int64_t)output * p->in + k];
    return activated(sum, p) + (p->add ? l->old[row * p->out + output] : 0);
}

/* The largest error, of the larger of the result and 1: as measured, and a quarter more. In one part the inputs are
 * exact; then it is the result's rounding, or GELU's degree. */
static double tolerance(const struct vit_linear_problem *p)
{
    static const double of_parts[] = {1.6e-4, 2.7e-5, 3.7e-6};
    return p->dst == VIT_PANELS_BF16 ? 1.0 / 256 + 1.6e-4 : of_parts[vit_format_parts(p->src) - 1];
}

static void check_untouched(const struct layer *l, const char *dst)
{
    const struct vit_linear_problem *p = &l->p;
    int parts = vit_format_parts(p->dst);
    int64_t lines = parts > 0 ? padded(p->out) / VIT_PANEL * parts : 1, line = parts > 0 ? 64 : p->dst_step * 4;
    int64_t rows = BEFORE + p->rows + AFTER;
    for (int64_t i = 0; i < lines * rows; i++)
        if (i % rows < BEFORE || i % rows >= BEFORE + p->rows)
            for (int64_t b = 0; b < line; b++)
                cr_assert_eq(dst[i * line + b], UNTOUCHED, "row %d", (int)(i % rows) - BEFORE);
        else if (parts == 0)
            cr_assert_eq(dst[(i + 1) * line - 1], UNTOUCHED, "behind row %d", (int)i - BEFORE);
}

static void check_layer(const struct vit_tiles_linear_isa *isa, struct vit_linear_problem p)
{
    char key[VIT_PROBLEM_KEY_MAX];
    vit_problem_key(key, &(struct vit_problem){VIT_LINEAR, .linear = p});
    struct layer l = make_layer(p);
    char *dst = result(isa, &l, (int)p.rows, p.out);
    int columns = p.dst == VIT_ROWS_F32 ? p.out : padded(p.out);
    float *got = malloc((size_t)columns * sizeof *got);
    cr_assert(got);
    for (int64_t r = 0; r < p.rows; r++) {
        vit_format_read(got, p.dst, dst, p.dst_step, BEFORE + r, 0, columns);
        for (int o = 0; o < columns; o++) {
            double want = o < p.out ? wanted(&l, r, o) : 0, error = fabs(got[o] - want);
            cr_assert(o < p.out ? error <= tolerance(&p) * fmax(1, fabs(want)) : got[o] == 0,
                      "%s: row %d, column %d: %.9g, not %.9g", key, (int)r, o, got[o], want);
        }
    }
    check_untouched(&l, dst);
    free(got), free(dst);
    free_layer(&l);
}

/* Every epilogue, each once. */
enum { VARIANTS = 12 };

static struct vit_linear_problem variant(int i, int parts, int rows, int in, int out)
{
    struct vit_linear_problem p = problem_of(parts, rows, in, out, i % 2 == 0);
    p.bias = i < 10;
    p.activate = i >= 2 && i < 10;
    p.act = (enum vit_act)(p.activate ? (i - 2) / 2 : 0);
    p.add = i == 11;
    return p;
}

static void check_variants(const struct vit_tiles_linear_isa *isa, int rows, int in, int out)
{
    for (int parts = 1; parts <= 3; parts++)
        for (int i = 0; i < VARIANTS; i++)
            check_layer(isa, variant(i, parts, rows, in, out));
}

Test(tiles_linear, every_epilogue)
{
    for (int b = 0; b < n_bodies(); b++) {
        check_variants(bodies[b], 1, 1, 1);
        check_variants(bodies[b], 19, 33, 47);
    }
}

/* Around the sizes of tiles, pieces and panels; where K is cut into blocks, and rows into stretches. */
Test(tiles_linear, every_edge)
{
    static const int sizes[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65};
    for (int parts = 1; parts <= 3; parts++)
        for (int rows = 1; rows <= 40; rows++)
            check_layer(bodies[n_bodies() - 1],
                        problem_of(parts, rows, sizes[rows % 11], sizes[rows * 3 % 11], rows % 2));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t o = 0; o < sizeof sizes / sizeof *sizes; o++)
            check_layer(bodies[n_bodies() - 1], problem_of((int)(i + o) % 3 + 1, 5, sizes[i], sizes[o], o % 2));
    if (n_bodies() == 2) {
        static const int deep[][3] = {{1, 800, 70}, {40, 768, 33}, {99, 1000, 32}, {197, 3072, 64}, {500, 1600, 40}};
        for (size_t i = 0; i < sizeof deep / sizeof *deep; i++)
            check_variants(bodies[1], deep[i][0], deep[i][1], deep[i][2]);
    }
}

/* ---- To the last bit ---- */

Test(tiles_linear, plain_c_has_the_bits_of_amx)
{
    static const int shapes[][3] = {{3, 70, 40}, {37, 100, 33}, {70, 800, 32}, {180, 3100, 20}};
    if (n_bodies() < 2)
        return;
    for (int s = 0; s < 4; s++)
        for (int parts = 1; parts <= 3; parts++)
            for (int i = 0; i < (s < 2 ? VARIANTS : 1); i++) {
                struct layer l = make_layer(variant(i, parts, shapes[s][0], shapes[s][1], shapes[s][2]));
                char *plain = result(bodies[0], &l, shapes[s][0], shapes[s][2]);
                char *amx = result(bodies[1], &l, shapes[s][0], shapes[s][2]);
                cr_assert_eq(memcmp(plain, amx, result_size(&l)), 0, "shape %d, parts %d, epilogue %d", s, parts, i);
                free(plain), free(amx);
                free_layer(&l);
            }
}

static void check_cuts(const struct vit_tiles_linear_isa *isa, int parts, bool panels, int rows, int in, int out)
{
    struct layer l = make_layer(problem_of(parts, rows, in, out, panels));
    char *whole = result(isa, &l, rows, out);
    static const int cuts[][2] = {{1, 32}, {7, 64}, {16, 96}, {20, 32}, {33, 1000}};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        char *cut = result(isa, &l, cuts[i][0], cuts[i][1]);
        cr_assert_eq(memcmp(whole, cut, result_size(&l)), 0, "parts %d, cut %zu", parts, i);
        free(cut);
    }
    free(whole);
    free_layer(&l);
}

Test(tiles_linear, no_cut_changes_a_bit)
{
    for (int parts = 1; parts <= 3; parts++)
        for (int panels = 0; panels < 2; panels++) {
            check_cuts(bodies[0], parts, panels, 37, 40, 70);
            if (n_bodies() == 2)
                check_cuts(bodies[1], parts, panels, 400, 1600, 100);
        }
}

/* ---- What is promised beyond ---- */

/* Three parts against a chain of FMAs in f32, as in any other f32 kernel. */
Test(tiles_linear, three_parts_are_no_less_exact_than_f32)
{
    static const int depths[] = {192, 768, 3072};
    for (int d = 0; d < (n_bodies() == 2 ? 3 : 2); d++) {
        struct layer l = make_layer(problem_of(3, 32, depths[d], 32, false));
        char *dst = result(bodies[n_bodies() - 1], &l, 32, 32);
        double most[2] = {0}, squares[2] = {0};
        for (int i = 0; i < 32 * 32; i++) {
            int r = i / 32, o = i % 32;
            float got[2] = {0, 0};
            for (int k = 0; k < l.p.in; k++)
                got[0] = fmaf(l.x[r * l.p.in + k], l.weight[o * l.p.in + k], got[0]);
            got[0] += l.bias[o];
            vit_format_read(&got[1], l.p.dst, dst, l.p.dst_step, BEFORE + r, o, 1);
            for (int j = 0; j < 2; j++) {
                double error = fabs(got[j] - wanted(&l, r, o));
                most[j] = fmax(most[j], error);
                squares[j] += error * error;
            }
        }
        cr_assert(most[1] <= most[0] && squares[1] <= squares[0], "%d inputs: max %.3g, chain %.3g; rms %.3g, %.3g",
                  l.p.in, most[1], most[0], sqrt(squares[1]) / 32, sqrt(squares[0]) / 32);
        free(dst);
        free_layer(&l);
    }
}

/* A layer of one input and one output, both finite or not, with an act or -1. */
static float product(const struct vit_tiles_linear_isa *isa, int parts, float x, float weight, int act, bool panels)
{
    struct layer l = {problem_of(parts, 1, 1, 1, panels), &x, &weight, &(float){0}, &(float){0}};
    l.p.activate = act >= 0;
    l.p.act = (enum vit_act)(act >= 0 ? act : 0);
    char *dst = result(isa, &l, 1, 1);
    float got;
    vit_format_read(&got, l.p.dst, dst, l.p.dst_step, BEFORE, 0, 1);
    free(dst);
    return got;
}

Test(tiles_linear, nan_stays_nan)
{
    static const uint32_t kinds[] = {0x7fc00000, 0x7fffffff, 0xffffffff, 0x7f800001, 0xff80ffff, 0x7fff8000};
    for (int b = 0; b < n_bodies(); b++)
        for (int i = 0; i < 6 * 3 * 5 * 2; i++) {
            int parts = i / 6 % 3 + 1, act = i / 18 % 5 - 1;
            float nan;
            memcpy(&nan, &kinds[i % 6], sizeof nan);
            cr_assert(isnan(product(bodies[b], parts, nan, 1, act, i / 90)), "%d parts, src %x", parts, kinds[i % 6]);
            cr_assert(isnan(product(bodies[b], parts, 1, nan, act, i / 90)), "%d parts, weight %x", parts,
                      kinds[i % 6]);
        }
}

Test(tiles_linear, infinity_does_not_become_a_number)
{
    for (int b = 0; b < n_bodies(); b++)
        for (int parts = 1; parts <= 3; parts++) {
            cr_assert(!isfinite(product(bodies[b], parts, INFINITY, 1, -1, false)));
            cr_assert(!isfinite(product(bodies[b], parts, 1, -INFINITY, -1, true)));
        }
    cr_assert_eq(product(bodies[0], 1, -INFINITY, 2, -1, true), -INFINITY);
}

Test(tiles_linear, the_largest_weights)
{
    static const float weights[] = {FLT_MAX, -FLT_MAX, 3.3961774e38f, 3.3961776e38f, -3.39e38f};
    static const double limits[] = {1.0 / 128, 1e-5, 1e-7};
    for (int b = 0; b < n_bodies(); b++)
        for (int i = 0; i < 5 * 3; i++) {
            double want = 0.0078125 * weights[i / 3],
                   got = product(bodies[b], i % 3 + 1, 0.0078125f, weights[i / 3], -1, false);
            cr_assert(fabs(got - want) <= limits[i % 3] * fabs(want), "%d parts: %g, not %g", i % 3 + 1, got, want);
        }
}

/* As polynomials.h claims, of every number in bf16 up to 16 and of some far out. */
Test(tiles_linear, gelu_of_one_part)
{
    enum { N = 2 * 0x4180 };
    float one = 1, zero = 0, *x = malloc(N * sizeof *x);
    cr_assert(x);
    for (uint32_t i = 0; i < N; i++)
        memcpy(&x[i], &(uint32_t){(i % 2 << 31) | i / 2 << 16}, sizeof *x);
    x[0] = -0x1p20f, x[1] = 0x1p20f;
    struct layer l = {problem_of(1, N, 1, 1, false), x, &one, &zero, &zero};
    l.p.activate = true, l.p.act = VIT_ACT_GELU_ERF;
    char *dst = result(bodies[n_bodies() - 1], &l, N, 1);
    for (int i = 0; i < N; i++) {
        float got;
        vit_format_read(&got, l.p.dst, dst, l.p.dst_step, BEFORE + i, 0, 1);
        double error = fabs(got - wanted(&l, i, 0));
        cr_assert(fabsf(x[i]) > 4 ? got == (x[i] > 0 ? x[i] : 0) : error <= 1.3e-4, "gelu(%g) = %.9g", x[i], got);
    }
    free(dst), free(x);
}

Test(tiles_linear, what_is_not_supported)
{
    struct vit_implementation implementation = {"tiles", vit_tiles_linear_create, bodies[0]};
    struct vit_problem good = {VIT_LINEAR, .linear = problem_of(2, 4, 5, 6, true)}, p[4] = {good, good, good, good};
    struct vit_kernel *kernel;
    p[0].linear.src = VIT_ROWS_BF16;
    p[1].linear.dst = VIT_PANELS_BF16;
    p[2].linear.add = true;
    p[3].linear.dst = VIT_ROWS_F32, p[3].linear.add = p[3].linear.activate = true;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(vit_tiles_linear_create(&kernel, &implementation, &p[i], NULL), VIT_ERR_UNSUPPORTED, "%d", i);
}
