/* transpose.h: transposing f32 by AVX2, which every vector instruction set of the own kernels allows. Included after
 * vec_ISA.h. */
#ifndef VIT_TRANSPOSE_H
#define VIT_TRANSPOSE_H

enum { BLOCK = 8 }; /* both sides of what is transposed at once */

TARGET static inline __m256 join(const float *low, const float *high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

/* The first n_cols rows of dst = the columns of src (BLOCK, BLOCK). Halves are joined as they are loaded: what is left
 * to do stays within them. */
TARGET static inline void transpose(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_cols)
{
    __m256 out[BLOCK];
    for (int half = 0; half < BLOCK; half += 4) {
        const float *low = src + half, *high = low + 4 * src_stride;
        __m256 r0 = join(low, high), r1 = join(low + src_stride, high + src_stride);
        __m256 r2 = join(low + 2 * src_stride, high + 2 * src_stride);
        __m256 r3 = join(low + 3 * src_stride, high + 3 * src_stride);
        __m256 even = _mm256_unpacklo_ps(r0, r1), odd = _mm256_unpacklo_ps(r2, r3);
        out[half] = _mm256_shuffle_ps(even, odd, 0x44);
        out[half + 1] = _mm256_shuffle_ps(even, odd, 0xEE);
        even = _mm256_unpackhi_ps(r0, r1), odd = _mm256_unpackhi_ps(r2, r3);
        out[half + 2] = _mm256_shuffle_ps(even, odd, 0x44);
        out[half + 3] = _mm256_shuffle_ps(even, odd, 0xEE);
    }
#pragma GCC unroll 8
    for (int i = 0; i < BLOCK; i++)
        if (i < n_cols)
            _mm256_storeu_ps(dst + i * dst_stride, out[i]);
}

/* The same for src (n_rows, n_cols) at the edge of its matrix; the rows that are missing count as zero. */
TARGET static inline void transpose_edge(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_rows,
                                         int n_cols)
{
    float whole[BLOCK][BLOCK] = {{0}};
    for (int i = 0; i < n_rows && i < BLOCK; i++)
        memcpy(whole[i], src + i * src_stride, (size_t)n_cols * sizeof *src);
    transpose(dst, dst_stride, whole[0], BLOCK, n_cols);
}

/* dst (width, dst_stride >= BLOCK) = the columns of src (n_rows <= BLOCK, width), zero where rows are missing. */
TARGET static inline void transpose_rows(float *dst, int dst_stride, const float *src, int64_t src_stride, int n_rows,
                                         int width)
{
    for (int d = 0; d < width; d += BLOCK, dst += BLOCK * dst_stride)
        if (n_rows == BLOCK && width - d >= BLOCK)
            transpose(dst, dst_stride, src + d, src_stride, BLOCK);
        else
            transpose_edge(dst, dst_stride, src + d, src_stride, n_rows, width - d < BLOCK ? width - d : BLOCK);
}

#endif
