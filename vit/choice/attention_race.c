/* attention_race.c: attention by the own kernel, or by oneDNN's, whose products may run on AMX? Timing tells. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vit/base/machine.h"
#include "vit/choice/tuner.h"
#include "vit/kernels/attention.h"

enum { N = VIT_ATTENTION_KERNELS, ROUNDS = 9, ENOUGH = 3 };

static const char *const names[N] = {"own", "onednn"};

/* Everything that may change which is faster. */
static void spell_op(char key[VIT_TUNER_KEY_MAX], const struct vit_attention_op *op)
{
    snprintf(key, VIT_TUNER_KEY_MAX, "attention %s %d of %dx%dx%dx%d threads %d", vit_dtype_name(op->type), op->batch,
             op->queries, op->tokens, op->heads, op->head_dim, omp_get_max_threads());
}

/* Runs the kernels in turn, so that a change of the machine's pace hits both. The first round does not count. */
static vit_status measure(double best[N], int *rounds, struct vit_kernel *const kernels[N], void *scratch,
                          const struct vit_tuner *tuner, struct vit_error *err)
{
    for (*rounds = -1; *rounds < ROUNDS && vit_tuner_has_time(tuner); ++*rounds)
        for (int i = 0; i < N; i++) {
            double start = vit_now();
            VIT_TRY(kernels[i]->run(kernels[i], scratch, err));
            double seconds = vit_now() - start;
            best[i] = *rounds <= 0 ? seconds : fmin(best[i], seconds);
        }
    return VIT_OK;
}

vit_status vit_attention_race(int *winner, struct vit_kernel *const kernels[N], struct vit_tuner *tuner,
                              const struct vit_attention_op *op, struct vit_error *err)
{
    char key[VIT_TUNER_KEY_MAX];
    spell_op(key, op);
    double best[N] = {0};
    int rounds;
    size_t size = 64;
    for (int i = 0; i < N; i++)
        size = kernels[i]->scratch_size > size ? kernels[i]->scratch_size : size;
    void *scratch = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!scratch)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory for %zu bytes of scratch", size);
    vit_status status = measure(best, &rounds, kernels, scratch, tuner, err);
    free(scratch);
    *winner = rounds >= ENOUGH && best[1] < best[0];
    struct vit_choice choice = {.seconds = best[*winner]};
    snprintf(choice.primitive, sizeof choice.primitive, "%s", names[*winner]);
    snprintf(choice.implementation, sizeof choice.implementation, "%s", kernels[*winner]->implementation);
    double flops = 4.0 * op->batch * op->queries * op->tokens * op->heads * op->head_dim;
    vit_tuner_put(tuner, key, &choice, rounds >= ENOUGH ? flops : 0);
    return status;
}

int vit_attention_known(struct vit_tuner *tuner, const struct vit_attention_op *op)
{
    if (!tuner)
        return 0;
    char key[VIT_TUNER_KEY_MAX];
    spell_op(key, op);
    const struct vit_choice *known = vit_tuner_find(tuner, key);
    if (known)
        return strcmp(known->primitive, names[1]) == 0;
    return vit_tuner_has_time(tuner) ? -1 : 0;
}
