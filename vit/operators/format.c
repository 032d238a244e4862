/* format.c: elements of arrays of every format, one by one. */
#include "vit/operators/format.h"

#include <string.h>

#include "vit/base/half.h"

static const struct {
    const char *name;
    int parts;
    size_t element; /* bytes, of rows */
} formats[] = {[VIT_ROWS_F32] = {"f32", 0, 4},
               [VIT_ROWS_BF16] = {"bf16", 0, 2},
               [VIT_PANELS_BF16] = {"bf16 panels", 1, 0},
               [VIT_PANELS_BF16X2] = {"bf16x2 panels", 2, 0},
               [VIT_PANELS_BF16X3] = {"bf16x3 panels", 3, 0}};

enum { LINE = 64 }; /* bytes of a row of a panel */

const char *vit_format_name(enum vit_format format)
{
    return formats[format].name;
}

int vit_format_parts(enum vit_format format)
{
    return formats[format].parts;
}

size_t vit_format_size(enum vit_format format, int64_t rows, int64_t width)
{
    size_t panels = (size_t)(width + VIT_PANEL - 1) / VIT_PANEL * (size_t)formats[format].parts;
    if (panels > 0)
        return (panels * (size_t)rows + 15) * LINE;
    return ((size_t)rows * (size_t)width * formats[format].element + 63) / 64 * 64;
}

int64_t vit_format_step(enum vit_format format, int64_t rows, int64_t width)
{
    return formats[format].parts > 0 ? rows : width;
}

void *vit_format_row(enum vit_format format, const void *data, int64_t step, int64_t row)
{
    size_t bytes = formats[format].parts > 0 ? LINE : (size_t)step * formats[format].element;
    return (char *)(uintptr_t)data + (size_t)row * bytes;
}

/* The first part of the number in row and column; the next ones lie step rows further on. */
static uint16_t *part_of(enum vit_format format, const void *data, int64_t step, int64_t row, int column)
{
    int in = column % VIT_PANEL, half = VIT_PANEL / 2;
    int64_t line = column / VIT_PANEL * formats[format].parts * step + row;
    return (uint16_t *)(uintptr_t)data + line * VIT_PANEL +
           (formats[format].parts == 1 ? in : in % half * 2 + in / half);
}

void vit_format_read(float *dst, enum vit_format format, const void *data, int64_t step, int64_t row, int column, int n)
{
    if (format == VIT_ROWS_F32) {
        memcpy(dst, (const float *)data + row * step + column, (size_t)n * sizeof *dst);
    } else if (format == VIT_ROWS_BF16) {
        vit_widen(dst, (const uint16_t *)data + row * step + column, VIT_BF16, n);
    } else {
        for (int i = 0; i < n; i++) {
            const uint16_t *at = part_of(format, data, step, row, column + i);
            dst[i] = 0;
            for (int q = 0; q < formats[format].parts; q++) {
                float part;
                vit_widen(&part, at + q * step * VIT_PANEL, VIT_BF16, 1);
                dst[i] = q == 0 ? part : dst[i] + part;
            }
        }
    }
}

void vit_format_write(enum vit_format format, void *data, int64_t step, int64_t row, int column, const float *src,
                      int n)
{
    if (format == VIT_ROWS_F32) {
        memcpy((float *)data + row * step + column, src, (size_t)n * sizeof *src);
    } else if (format == VIT_ROWS_BF16) {
        vit_narrow((uint16_t *)data + row * step + column, src, VIT_BF16, n);
    } else {
        for (int i = 0; i < n; i++) {
            uint16_t *at = part_of(format, data, step, row, column + i);
            float left = src[i];
            for (int q = 0; q < formats[format].parts; q++) {
                float part;
                vit_narrow(at + q * step * VIT_PANEL, &left, VIT_BF16, 1);
                vit_widen(&part, at + q * step * VIT_PANEL, VIT_BF16, 1);
                left -= part;
            }
        }
    }
}
