/* dnnl_peak.c: what this machine reaches in plain matrix products: the yardstick of the benchmark.
 *
 * Each size is tried with every implementation that oneDNN offers, weights in the layout that it asks for: its first
 * choice is not always the fastest, and a slow yardstick would flatter. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "vit/onednn/kernel.h"
#include "vit/vit.h"

enum { WARM_UP = 2, MIN_RUNS = 5, MAX_RUNS = 100 };

static const double SECONDS = 0.15; /* for one size and implementation, unless MIN_RUNS take longer */
static const double HOPELESS = 1.5; /* times the best median: an implementation slower than that is not timed */

/* A square product: dst = src weights, all (n, n). */
struct product {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_memory_desc_t plain, any;
    dnnl_primitive_attr_t attr;
    void *buffers[4]; /* src, weights, dst, scratchpad */
    double best;      /* seconds of the fastest implementation so far */
};

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static vit_status run_once(const struct product *p, dnnl_primitive_t primitive, const dnnl_exec_arg_t *args,
                           double *seconds, struct vit_error *err)
{
    double start = vit_now();
    VIT_DNNL(dnnl_primitive_execute(primitive, p->stream, 4, args), "matmul");
    VIT_DNNL(dnnl_stream_wait(p->stream), "matmul");
    *seconds = vit_now() - start;
    return VIT_OK;
}

static vit_status time_runs(struct product *p, dnnl_primitive_t primitive, const dnnl_exec_arg_t *args,
                            struct vit_error *err)
{
    double seconds[MAX_RUNS], warm = INFINITY, total = 0;
    for (int i = 0; i < WARM_UP; i++) {
        VIT_TRY(run_once(p, primitive, args, &seconds[0], err));
        warm = fmin(warm, seconds[0]);
    }
    if (warm > HOPELESS * p->best)
        return VIT_OK;
    int n = 0;
    for (; n < MAX_RUNS && (n < MIN_RUNS || total < SECONDS); n++) {
        VIT_TRY(run_once(p, primitive, args, &seconds[n], err));
        total += seconds[n];
    }
    qsort(seconds, (size_t)n, sizeof *seconds, by_size);
    p->best = fmin(p->best, seconds[n / 2]);
    return VIT_OK;
}

/* The buffers are as large as the largest layout needs; what lies in them matters to no implementation, but denormal
 * numbers would: bytes of 0x3c are small ordinary numbers in f32 and bf16 alike. */
static vit_status grow(struct product *p, int i, size_t size, struct vit_error *err)
{
    free(p->buffers[i]);
    size = (size + 63) / 64 * 64 + 64;
    p->buffers[i] = aligned_alloc(64, size);
    if (!p->buffers[i])
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for a matrix of %zu bytes", size);
    memset(p->buffers[i], 0x3c, size);
    return VIT_OK;
}

static vit_status bind(struct product *p, dnnl_exec_arg_t args[4], const_dnnl_primitive_desc_t pd,
                       struct vit_error *err)
{
    static const int names[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD};
    static const dnnl_query_t queries[] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md,
                                           dnnl_query_scratchpad_md};
    for (int i = 0; i < 4; i++) {
        const_dnnl_memory_desc_t md = dnnl_primitive_desc_query_md(pd, queries[i], 0);
        VIT_TRY(grow(p, i, dnnl_memory_desc_get_size(md), err));
        args[i].arg = names[i];
        VIT_DNNL(dnnl_memory_create(&args[i].memory, md, p->engine, p->buffers[i]), "memory");
    }
    return VIT_OK;
}

static vit_status time_implementation(struct product *p, const_dnnl_primitive_desc_t pd, struct vit_error *err)
{
    dnnl_exec_arg_t args[4] = {{0}};
    dnnl_primitive_t primitive = NULL;
    vit_status status = vit_dnnl_check(dnnl_primitive_create(&primitive, pd), "matmul", err);
    if (status == VIT_OK)
        status = bind(p, args, pd, err);
    if (status == VIT_OK)
        status = time_runs(p, primitive, args, err);
    for (int i = 0; i < 4; i++)
        if (args[i].memory)
            dnnl_memory_destroy(args[i].memory);
    if (primitive)
        dnnl_primitive_destroy(primitive);
    return status;
}

/* All implementations in front of the first reference one, which is hundreds of times slower. */
static vit_status time_implementations(struct product *p, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_matmul_primitive_desc_create(&pd, p->engine, p->plain, p->any, NULL, p->plain, p->attr), "matmul");
    vit_status status = VIT_OK;
    do {
        const char *name = "ref";
        dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
        if (strncmp(name, "ref", 3) == 0 && p->best < INFINITY)
            break;
        status = time_implementation(p, pd, err);
    } while (status == VIT_OK && dnnl_primitive_desc_next_impl(pd) == dnnl_success);
    dnnl_primitive_desc_destroy(pd);
    return status;
}

static vit_status time_size(double *seconds, const struct product *shared, dnnl_dim_t n, dnnl_data_type_t type,
                            struct vit_error *err)
{
    struct product p = *shared;
    p.best = INFINITY;
    vit_status status =
        vit_dnnl_check(dnnl_memory_desc_create_with_tag(&p.plain, 2, (dnnl_dims_t){n, n}, type, dnnl_ab), "sizes", err);
    if (status == VIT_OK)
        status = vit_dnnl_check(
            dnnl_memory_desc_create_with_tag(&p.any, 2, (dnnl_dims_t){n, n}, type, dnnl_format_tag_any), "sizes", err);
    if (status == VIT_OK)
        status = time_implementations(&p, err);
    *seconds = p.best;
    for (int i = 0; i < 4; i++)
        free(p.buffers[i]);
    if (p.plain)
        dnnl_memory_desc_destroy(p.plain);
    if (p.any)
        dnnl_memory_desc_destroy(p.any);
    return status;
}

static vit_status check_arguments(int threads, enum vit_precision precision, struct vit_error *err)
{
    if (threads < 1 || precision == VIT_PRECISION_AUTO)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "%d threads, precision %d: expected at least 1, and f32 or bf16",
                        threads, (int)precision);
    bool has_bf16 = (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    if (precision == VIT_PRECISION_BF16 && !has_bf16)
        return vit_fail(err, VIT_ERR_UNSUPPORTED, "this CPU has no bf16 instructions (%s)", vit_isa());
    return VIT_OK;
}

vit_status vit_gemm_peak(double *flops_per_second, int threads, enum vit_precision precision, struct vit_error *err)
{
    static const dnnl_dim_t sizes[] = {512, 1024, 2048};
    void *context = NULL;
    struct product shared = {0};
    VIT_TRY(check_arguments(threads, precision, err));
    VIT_TRY(vit_ops_dnnl.open(&context, NULL, err));
    shared.engine = ((struct vit_dnnl *)context)->engine;
    shared.stream = ((struct vit_dnnl *)context)->stream;
    vit_status status = vit_dnnl_attr_create(&shared.attr, err);
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    *flops_per_second = 0;
    for (int i = 0; i < 3 && status == VIT_OK; i++) {
        double n = (double)sizes[i], seconds;
        status = time_size(&seconds, &shared, sizes[i], precision == VIT_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32, err);
        if (status == VIT_OK)
            *flops_per_second = fmax(*flops_per_second, 2 * n * n * n / seconds);
    }
    omp_set_num_threads(before);
    if (shared.attr)
        dnnl_primitive_attr_destroy(shared.attr);
    vit_ops_dnnl.close(context);
    return status;
}
