/* parts.h: a row of a panel (format.h) from f32: two vectors, columns 0-15 and 16-31. In terms of vec.h's words and
 * these, for vectors of 16 lanes:
 *     v_narrow_pair  stores two vectors as 32 bf16, rounded to nearest even; denormal numbers become zero
 *     v_store_words  stores words, of which each has the upper half of low's element in its lower half, and that of
 *                    high's in its upper one
 *     v_load_low     the vectors in such words
 *     v_load_high
 *     v_nearest      a number whose upper half is the bf16 nearest to x; but of a NaN it may make a number
 *     v_upper        x without its lower half
 *     v_same_nan     x, with the NaN for NaN of which v_nearest makes one again
 * A panel's parts lie step bytes apart. */
#ifndef VIT_PARTS_H
#define VIT_PARTS_H

/* The parts of two vectors, alternating in one row of each part; a NaN must have zeros below its first part. Each part
 * but the third is rounded by adding half, which takes few operations; what the third drops was never there but for
 * numbers near the denormal ones, and is dropped all the same, as it would spill into the neighbour. An infinite number
 * has parts that make a NaN.
 *
 * With cut the first part is cut off instead of rounded, so that it is finite where the number is. */
INLINE void alternate(void *line, int64_t step, const int parts, vec low, vec high, const bool cut)
{
#pragma GCC unroll 3
    for (int q = 0; q < parts; q++) {
        bool rounded = q < 2 && !(cut && q == 0);
        vec a = rounded ? v_nearest(low) : low, b = rounded ? v_nearest(high) : high;
        v_store_words((void *)((char *)line + q * step), a, b);
        low = v_sub(low, v_upper(a));
        high = v_sub(high, v_upper(b));
    }
}

/* A row of a panel: of one part in the order of columns, rounded to nearest even; of several alternating. cut as
 * above. */
INLINE void split(void *line, int64_t step, const int parts, vec low, vec high, const bool cut)
{
    if (parts == 2 || cut)
        low = v_same_nan(low), high = v_same_nan(high);
    if (parts == 1)
        v_narrow_pair(line, cut ? v_upper(low) : low, cut ? v_upper(high) : high);
    else
        alternate(line, step, parts, low, high, cut);
}

INLINE void store_parts(void *line, int64_t step, const int parts, vec low, vec high)
{
    split(line, step, parts, low, high, false);
}

#endif
