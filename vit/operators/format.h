/* format.h: how an array (rows, width) of activations lies in memory.
 *
 * Rows: each row's elements follow each other, and the rows begin `step` elements apart.
 *
 * Panels: 32 columns of all rows lie together, 64 bytes a row, so that 16 rows of a panel are one tile of AMX wherever
 * they begin. Every number is the sum of 1 to 3 parts in bf16, each the nearest to what those before leave of it: three
 * hold all 24 bits of an f32. Panel p, part q, row r begin at byte 64 ((p parts + q) step + r), where `step` is the
 * number of rows of the whole array. The 32 columns are in their order in a row of one part; in that of several they
 * alternate: element 2 i is column i and element 2 i + 1 column 16 + i, so that two vectors of f32 are split into words
 * without a shuffle. Columns beyond the width, up to the end of the last panel, are zero: whoever writes to that panel
 * sees to it. A tile may be loaded from the last rows on: so an array has 15 rows of 64 bytes more, of any content. */
#ifndef VIT_FORMAT_H
#define VIT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vit/base/tensor.h"

enum vit_format {
    VIT_ROWS_F32,
    VIT_ROWS_BF16,
    VIT_PANELS_BF16,   /* one part */
    VIT_PANELS_BF16X2, /* two */
    VIT_PANELS_BF16X3
};

enum { VIT_PANEL = 32 }; /* columns */

const char *vit_format_name(enum vit_format format); /* "f32", "bf16", "bf16 panels", ... */

/* Of a panel's numbers; 0: rows. */
int vit_format_parts(enum vit_format format);

/* Whether numbers have 8 bits: one part, or rows of bf16. */
bool vit_format_is_bf16(enum vit_format format);

/* Bytes of an array, a multiple of 64. */
size_t vit_format_size(enum vit_format format, int64_t rows, int64_t width);

/* The step of an array (rows, width) whose rows follow each other. */
int64_t vit_format_step(enum vit_format format, int64_t rows, int64_t width);

/* Where row begins in the array at data: what is there is an array with the same step. */
void *vit_format_row(enum vit_format format, const void *data, int64_t step, int64_t row);

/* Where column begins, of panels a multiple of 32: what is there is an array with the same step. */
void *vit_format_column(enum vit_format format, const void *data, int64_t step, int column);

/* n elements of a row from column on, as f32, and back; to panels, rounded to their parts. For whoever is in no hurry.
 */
void vit_format_read(float *dst, enum vit_format format, const void *data, int64_t step, int64_t row, int column,
                     int n);
void vit_format_write(enum vit_format format, void *data, int64_t step, int64_t row, int column, const float *src,
                      int n);

/* Whether two rows have the same bytes in columns column to column + n - 1. */
bool vit_format_same(enum vit_format format, const void *data, int64_t step, int64_t row, int64_t other, int column,
                     int n);

/* Sets what follows the last column of a row, where it is in the same panel, to zero. */
void vit_format_fill(enum vit_format format, void *data, int64_t step, int64_t row, int width);

#endif
