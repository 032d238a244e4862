/* peak_loops.h: a loop of multiply-adds, in terms of a vector (vec.h). Included once by each peak_ISA.c. */
#include "vit/kernels/peak.h"

/* Two units of a latency of 4 or 5 cycles are busy with 10 chains; these and two constants are 14 registers of
 * AVX2's 16. */
enum { CHAINS = 12 };

/* Each x = x / 2 + 1, which stays near 2. */
TARGET static void turn(int64_t n_turns)
{
    vec x[CHAINS], half = v_set1(0.5f), one = v_set1(1), sum = v_zero();
    for (int i = 0; i < CHAINS; i++)
        x[i] = v_set1((float)i);
    for (int64_t n = 0; n < n_turns; n++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            x[i] = v_fma(x[i], half, one);
    for (int i = 0; i < CHAINS; i++)
        sum = v_add(sum, x[i]);
    volatile float result = v_sum(sum); /* so that it is computed */
    (void)result;
}
