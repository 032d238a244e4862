/* test_rows.c: layer norm and rounding, into every format, by every implementation and by the loops for AMX in plain C:
 * against f64, and every row by itself. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "patches/patches.h"
#include "tests/operators.h"
#include "vit/operators/plain.h"

#include "vit/kernels/vec_plain.h"

#include "vit/kernels/rows_loops.h"

static const struct vit_rows_isa plain_c = {norm, convert, NULL, NULL};

enum { ROWS = 2 * TOGETHER + 3, STEP = 3 /* more than there need be */, WIDEST = 1408, UNTOUCHED = 0xa5 };

/* ---- A problem and its memory ---- */

struct job {
    struct vit_problem problem;
    enum vit_format format;
    int64_t step;
    int width;
    size_t size; /* of dst */
    struct vit_buffers buffers;
};

/* Norm or rounding of ROWS rows; both take what they have in the same places. */
static struct job job_of(enum vit_op op, enum vit_format format, int width)
{
    int64_t step = vit_format_step(format, ROWS, width) + STEP;
    struct job job = {.problem = {.op = op}, .format = format, .step = step, .width = width};
    if (op == VIT_NORM)
        job.problem.norm = (struct vit_norm_problem){format, ROWS, step, width, 1e-6f};
    else
        job.problem.convert = (struct vit_convert_problem){format, ROWS, step, width};
    job.size =
        vit_format_parts(format) > 0 ? vit_format_size(format, step, width) : vit_format_size(format, ROWS, step);
    job.buffers.dst = aligned_alloc(64, job.size);
    cr_assert(job.buffers.dst);
    for (uint32_t i = 0; i < 3; i++)
        job.buffers.in[i] = operators_noise(i == VIT_SRC ? (size_t)(ROWS * width) : (size_t)width, i + 1, 3);
    return job;
}

static void free_job(struct job *job)
{
    free(job->buffers.dst);
    for (int i = 0; i < 3; i++)
        free((void *)(uintptr_t)job->buffers.in[i]);
}

static float *src_of(const struct job *job)
{
    return (float *)(uintptr_t)job->buffers.in[VIT_SRC];
}

static int list_for(struct vit_implementation list[OPERATORS_MAX + 1], const struct job *job)
{
    int n = operators_list(list, &job->problem);
    if (vit_format_parts(job->format) > 0)
        list[n++] = (struct vit_implementation){"AMX in plain C", vit_rows_create, &plain_c};
    return n;
}

static void run(const struct job *job, const struct vit_implementation *implementation)
{
    memset(job->buffers.dst, UNTOUCHED, job->size);
    operators_run(implementation, &job->problem, job->buffers, NULL);
}

/* ---- What must come out ---- */

/* Half a unit in the last place, relative to the number. */
static const double rounding[] = {[VIT_ROWS_F32] = 0,
                                  [VIT_ROWS_BF16] = 0x1p-8,
                                  [VIT_PANELS_BF16] = 0x1p-8,
                                  [VIT_PANELS_BF16X2] = 0x1p-16,
                                  [VIT_PANELS_BF16X3] = 0};

static void want_row(double *want, const struct job *job, int row)
{
    if (job->problem.op == VIT_NORM)
        vit_plain_norm_row(want, &job->problem.norm, &job->buffers, row);
    else
        for (int i = 0; i < job->width; i++)
            want[i] = src_of(job)[row * job->width + i];
}

/* error: of the numbers before they are rounded to the format. */
static void check_numbers(const struct job *job, const char *name, double error)
{
    static double want[WIDEST];
    static float got[WIDEST + VIT_PANEL];
    int wide = vit_format_parts(job->format) > 0 ? round_up(job->width, VIT_PANEL) : job->width;
    for (int row = 0; row < ROWS; row++) {
        want_row(want, job, row);
        vit_format_read(got, job->format, job->buffers.dst, job->step, row, 0, wide);
        for (int i = 0; i < wide; i++) {
            double x = i < job->width ? want[i] : 0;
            double most = i < job->width ? rounding[job->format] * fabs(x) + error : 0;
            cr_assert(fabs(got[i] - x) <= most, "%s, %s, width %d: %.9g in row %d, column %d, expected %.9g", name,
                      vit_format_name(job->format), job->width, got[i], row, i, x);
        }
    }
}

/* What lies between the rows and behind the last. */
static void check_untouched(const struct job *job, const char *name)
{
    bool *ours = calloc(job->size, 1);
    const uint8_t *bytes = job->buffers.dst;
    int parts = vit_format_parts(job->format), panels = parts * (round_up(job->width, VIT_PANEL) / VIT_PANEL);
    size_t row_size = parts > 0 ? 64 : vit_format_size(job->format, 64, job->width) / 64;
    for (int row = 0; row < ROWS; row++) {
        size_t at = (size_t)((uint8_t *)vit_format_row(job->format, bytes, job->step, row) - bytes);
        for (int p = 0; p < (parts > 0 ? panels : 1); p++)
            memset(ours + at + (size_t)p * 64 * (size_t)job->step, true, row_size);
    }
    for (size_t i = 0; i < job->size; i++)
        cr_assert(ours[i] || bytes[i] == UNTOUCHED, "%s, %s, width %d: wrote to byte %zu", name,
                  vit_format_name(job->format), job->width, i);
    free(ours);
}

static void check_width(enum vit_op op, enum vit_format format, int width)
{
    struct vit_implementation list[OPERATORS_MAX + 1];
    struct job job = job_of(op, format, width);
    int n = list_for(list, &job);
    for (int i = 0; i < n; i++) {
        run(&job, &list[i]);
        check_numbers(&job, list[i].name, op == VIT_NORM ? 2e-6 : 0);
        check_untouched(&job, list[i].name);
    }
    free_job(&job);
}

static void check_widths(enum vit_op op)
{
    static const int wider[] = {192, 384, 768, WIDEST};
    for (int format = VIT_ROWS_F32; format <= VIT_PANELS_BF16X3; format++) {
        for (int width = 1; width <= 100; width++)
            check_width(op, (enum vit_format)format, width);
        for (size_t i = 0; i < sizeof wider / sizeof *wider; i++)
            check_width(op, (enum vit_format)format, wider[i]);
    }
}

Test(rows, norm)
{
    check_widths(VIT_NORM);
}

Test(rows, convert)
{
    check_widths(VIT_CONVERT);
}

/* Of the second image all patches, and some of those before and after it. */
Test(rows, patchify)
{
    enum { SIDE = 21, P = 3, N = (SIDE / P) * (SIDE / P), WIDTH = 3 * P * P, FIRST = N - 5, COUNT = N + 9 };
    static uint8_t pixels[3 * SIDE * SIDE * 3];
    float want[WIDTH], got[VIT_PANEL];
    struct vit_patchify_problem p = {.first = FIRST, .rows = COUNT, .patch = P, .preprocess = {.size = SIDE}};
    for (int c = 0; c < 3; c++)
        p.preprocess.mean[c] = 0.4 + 0.1 * c, p.preprocess.std[c] = 0.2 + 0.1 * c;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i >> 3);
    for (int format = VIT_ROWS_F32; format <= VIT_PANELS_BF16X3; format++) {
        struct vit_implementation list[OPERATORS_MAX];
        p.dst = (enum vit_format)format;
        p.dst_step = vit_format_step(p.dst, COUNT, WIDTH);
        struct vit_problem problem = {VIT_PATCHIFY, .patchify = p};
        void *dst = aligned_alloc(64, vit_format_size(p.dst, COUNT, WIDTH));
        for (int i = operators_list(list, &problem) - 1; i >= 0; i--) {
            operators_run(&list[i], &problem, (struct vit_buffers){.dst = dst, .in = {pixels}}, NULL);
            for (int r = 0; r < COUNT; r++) {
                int row = FIRST + r;
                vit_patchify(want, pixels + row / N * SIDE * SIDE * 3, P, &p.preprocess, row % N, row % N + 1);
                vit_format_read(got, p.dst, dst, p.dst_step, r, 0, WIDTH);
                for (int c = 0; c < WIDTH; c++)
                    cr_assert(fabsf(got[c] - want[c]) <= rounding[format] * fabsf(want[c]), "%s, %s: row %d, %d",
                              list[i].name, vit_format_name(p.dst), r, c);
            }
        }
        free(dst);
    }
}

/* ---- Each row by itself ---- */

static void run_row(const struct job *job, const struct vit_implementation *implementation, void *dst, int row)
{
    struct job one = *job;
    one.buffers.dst = vit_format_row(job->format, dst, job->step, row);
    one.buffers.in[VIT_SRC] = src_of(job) + row * job->width;
    if (job->problem.op == VIT_NORM)
        one.problem.norm.rows = 1;
    else
        one.problem.convert.rows = 1;
    operators_run(implementation, &one.problem, one.buffers, NULL);
}

/* The rows one by one have the bytes that they have together. So do they beside one that is not finite, which comes by
 * itself once it is. */
static void check_alone(const struct job *job, const struct vit_implementation *implementation)
{
    static const float values[] = {NAN, INFINITY};
    int bad = ROWS / 2;
    float *number = src_of(job) + bad * job->width + job->width / 2, finite = *number;
    struct job other = *job;
    other.buffers.dst = aligned_alloc(64, job->size);
    run(job, implementation);
    memset(other.buffers.dst, UNTOUCHED, job->size);
    for (int row = 0; row < ROWS; row++)
        run_row(job, implementation, other.buffers.dst, row);
    cr_assert_arr_eq(other.buffers.dst, job->buffers.dst, job->size, "%s, %s, width %d", implementation->name,
                     vit_format_name(job->format), job->width);
    for (int i = 0; i < 2; i++) {
        *number = values[i];
        run(&other, implementation);
        *number = finite;
        run_row(job, implementation, other.buffers.dst, bad);
        cr_assert_arr_eq(other.buffers.dst, job->buffers.dst, job->size, "%s, %s, width %d, beside %g",
                         implementation->name, vit_format_name(job->format), job->width, values[i]);
    }
    free(other.buffers.dst);
}

Test(rows, no_row_depends_on_another)
{
    static const int widths[] = {1, 15, 40, 64, 99, 192};
    for (int format = VIT_ROWS_F32; format <= VIT_PANELS_BF16X3; format++)
        for (size_t i = 0; i < 2 * sizeof widths / sizeof *widths; i++) {
            struct vit_implementation list[OPERATORS_MAX + 1];
            struct job job = job_of(i % 2 ? VIT_NORM : VIT_CONVERT, (enum vit_format)format, widths[i / 2]);
            for (int k = list_for(list, &job) - 1; k >= 0; k--)
                if (list[k].create == vit_rows_create) /* oneDNN makes no such promise */
                    check_alone(&job, &list[k]);
            free_job(&job);
        }
}

/* All of a norm's row, one number of what is only rounded; the columns after the last are zero all the same. */
Test(rows, what_is_not_finite_shows)
{
    enum { WIDTH = 40, BAD = 5, COLUMN = 37 };
    static const float values[] = {NAN, INFINITY, -INFINITY};
    for (int format = VIT_ROWS_F32; format <= VIT_PANELS_BF16X3; format++)
        for (int k = 0; k < 6; k++) {
            struct vit_implementation list[OPERATORS_MAX + 1];
            struct job job = job_of(k % 2 ? VIT_NORM : VIT_CONVERT, (enum vit_format)format, WIDTH);
            int n = list_for(list, &job), wide = vit_format_parts(job.format) > 0 ? round_up(WIDTH, VIT_PANEL) : WIDTH;
            float got[2 * VIT_PANEL];
            src_of(&job)[BAD * WIDTH + COLUMN] = values[k / 2];
            for (int i = 0; i < n; i++) {
                run(&job, &list[i]);
                vit_format_read(got, job.format, job.buffers.dst, job.step, BAD, 0, wide);
                for (int c = 0; c < wide; c++)
                    cr_assert(c >= WIDTH                  ? got[c] == 0
                              : k % 2 == 0 && c != COLUMN ? isfinite(got[c])
                                                          : !isfinite(got[c]),
                              "%s, %s: %g of %g in column %d", list[i].name, vit_format_name(job.format), got[c],
                              values[k / 2], c);
            }
            free_job(&job);
        }
}

Test(rows, norm_in_place)
{
    struct vit_implementation list[OPERATORS_MAX];
    for (int width = 31; width <= 33; width++) {
        struct job job = job_of(VIT_NORM, VIT_ROWS_F32, width);
        job.problem.norm.dst_step = width;
        size_t n = (size_t)(ROWS * width);
        float *want = job.buffers.dst, *src = operators_narrowed(src_of(&job), VIT_ROWS_F32, n);
        for (int i = operators_list(list, &job.problem) - 1; i >= 0; i--) {
            operators_run(&list[i], &job.problem, job.buffers, NULL);
            struct vit_buffers b = job.buffers;
            b.dst = src_of(&job);
            operators_run(&list[i], &job.problem, b, NULL);
            cr_assert_arr_eq(b.dst, want, n * sizeof *want, "%s, width %d", list[i].name, width);
            memcpy(b.dst, src, n * sizeof *src);
        }
        free(src);
        free_job(&job);
    }
}

/* ---- The two bodies of the loops for AMX ---- */

Test(rows, plain_c_has_the_bits_of_amx)
{
    for (int format = VIT_PANELS_BF16; format <= VIT_PANELS_BF16X3; format++)
        for (int width = 1; width <= 200; width += 13)
            for (int op = 0; op < 2; op++) {
                struct vit_implementation list[OPERATORS_MAX + 1];
                struct job job = job_of(op ? VIT_NORM : VIT_CONVERT, (enum vit_format)format, width), other = job;
                int n = list_for(list, &job);
                src_of(&job)[width / 2] = 1e-40f; /* denormal */
                if (!op)                          /* arithmetic leaves it open which of two NaN becomes the result */
                    src_of(&job)[width] = NAN;
                other.buffers.dst = aligned_alloc(64, job.size);
                run(&other, &list[n - 1]);
                for (int i = 0; i < n; i++)
                    if (strcmp(list[i].name, "own:amx") == 0) {
                        run(&job, &list[i]);
                        cr_assert_arr_eq(job.buffers.dst, other.buffers.dst, job.size, "%s, width %d",
                                         vit_format_name(job.format), width);
                    }
                free(other.buffers.dst);
                free_job(&job);
            }
}

/* Two rows that differ in one number differ in the columns that have it, and in no others. */
Test(rows, same_bytes_of_two_rows)
{
    enum { COLUMNS = 70, FIRST = 1, SECOND = 4 };
    static const int ranges[][2] = {{0, COLUMNS}, {13, 40}, {32, 32}, {64, 6}, {31, 1}};
    for (enum vit_format format = VIT_ROWS_F32; format <= VIT_PANELS_BF16X3; format++)
        for (int changed = 0; changed < COLUMNS; changed++) {
            int64_t step = vit_format_step(format, SECOND + 1, COLUMNS);
            void *data = calloc(1, vit_format_size(format, SECOND + 1, COLUMNS));
            float *row = operators_noise(COLUMNS, 1, 3);
            cr_assert(data);
            vit_format_write(format, data, step, FIRST, 0, row, COLUMNS);
            row[changed] *= 2;
            vit_format_write(format, data, step, SECOND, 0, row, COLUMNS);
            for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
                int column = ranges[i][0], n = ranges[i][1];
                bool differs = changed >= column && changed < column + n;
                cr_expect_eq(vit_format_same(format, data, step, FIRST, SECOND, column, n), !differs,
                             "%s, column %d changed, columns %d + %d", vit_format_name(format), changed, column, n);
            }
            free(data), free(row);
        }
}
