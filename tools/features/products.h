/* products.h: the loops under every comparison of rows. */
#ifndef VIT_TOOLS_PRODUCTS_H
#define VIT_TOOLS_PRODUCTS_H

#include <stddef.h>

/* The cosine of a and b is a.b / sqrt(a.a b.b). In f64, where neither the products nor the sums of f32 numbers
 * overflow; the order of the sums is the same on every machine. */
void vit_products(const float *a, const float *b, size_t n, double *ab, double *bb);

double vit_square(const float *a, size_t n); /* a.a */

/* 1 of equal rows, to the last bit. NaN: one of them has no direction, being zero or not finite. */
double vit_cosine(const float *a, const float *b, size_t n);

/* A tile is 4 rows by 2, each in vit_products_stride(n) numbers, of which those behind the n are 0. */
enum { VIT_TILE_A = 4, VIT_TILE_B = 2 };
size_t vit_products_stride(size_t n);

/* dst[i][j] = a_i.b_j in f32. Where the lengths of both are 1, it is off by at most vit_products_error. */
void vit_products_tile(const float *a, const float *b, size_t stride, float dst[VIT_TILE_A][VIT_TILE_B]);
double vit_products_error(size_t n);

#endif
