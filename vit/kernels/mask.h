/* mask.h: keys that a query does not see. Included after a set of vectors (vec_ISA.h). */
#include <math.h>

/* Scores from `from` to end - 1 become those of keys without any probability. */
INLINE void mask_scores(float *s, int from, int end)
{
    for (int t = from; t < end; t += LANES)
        v_store_some(s + t, v_set1(-INFINITY), end - t < LANES ? end - t : LANES);
}
