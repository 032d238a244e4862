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

bool vit_format_is_bf16(enum vit_format format)
{
    return format == VIT_ROWS_BF16 || formats[format].parts == 1;
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

void *vit_format_column(enum vit_format format, const void *data, int64_t step, int column)
{
    int parts = formats[format].parts;
    size_t bytes = parts > 0 ? (size_t)(column / VIT_PANEL * parts) * (size_t)step * LINE
                             : (size_t)column * formats[format].element;
    return (char *)(uintptr_t)data + bytes;
}

/* The line of the first part of a row's panel that column is in; those of the next parts lie step lines further on. */
static uint16_t *line_of(enum vit_format format, const void *data, int64_t step, int64_t row, int column)
{
    return (uint16_t *)(uintptr_t)data + (column / VIT_PANEL * formats[format].parts * step + row) * VIT_PANEL;
}

/* The columns of a panel that are meant by n from column on, and where each is in a line. */
static int columns_in_panel(int column, int n)
{
    int left = VIT_PANEL - column % VIT_PANEL;
    return n < left ? n : left;
}

static int place(int column)
{
    return column % (VIT_PANEL / 2) * 2 + column / (VIT_PANEL / 2);
}

/* Columns first to first + n - 1 of one panel. */
static void read_panel(float *dst, int parts, const uint16_t *line, int64_t step, int first, int n)
{
    float part[VIT_PANEL];
    if (parts == 1) {
        vit_widen(dst, line + first, VIT_BF16, n);
        return;
    }
    for (int q = 0; q < parts; q++) {
        vit_widen(part, line + q * step * VIT_PANEL, VIT_BF16, VIT_PANEL);
        for (int i = 0; i < n; i++)
            dst[i] = q == 0 ? part[place(first + i)] : dst[i] + part[place(first + i)];
    }
}

static void write_panel(int parts, uint16_t *line, int64_t step, const float *src, int first, int n)
{
    float left[VIT_PANEL], wide[VIT_PANEL];
    uint16_t part[VIT_PANEL];
    if (parts == 1) {
        vit_narrow(line + first, src, VIT_BF16, n);
        return;
    }
    memcpy(left, src, (size_t)n * sizeof *src);
    for (int q = 0; q < parts; q++) {
        vit_narrow(part, left, VIT_BF16, n);
        vit_widen(wide, part, VIT_BF16, n);
        for (int i = 0; i < n; i++) {
            line[q * step * VIT_PANEL + place(first + i)] = part[i];
            left[i] -= wide[i];
        }
    }
}

void vit_format_read(float *dst, enum vit_format format, const void *data, int64_t step, int64_t row, int column, int n)
{
    if (format == VIT_ROWS_F32) {
        memcpy(dst, (const float *)data + row * step + column, (size_t)n * sizeof *dst);
    } else if (format == VIT_ROWS_BF16) {
        vit_widen(dst, (const uint16_t *)data + row * step + column, VIT_BF16, n);
    } else {
        for (int some; n > 0; n -= some, column += some, dst += some) {
            some = columns_in_panel(column, n);
            read_panel(dst, formats[format].parts, line_of(format, data, step, row, column), step, column % VIT_PANEL,
                       some);
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
        for (int some; n > 0; n -= some, column += some, src += some) {
            some = columns_in_panel(column, n);
            write_panel(formats[format].parts, line_of(format, data, step, row, column), step, src, column % VIT_PANEL,
                        some);
        }
    }
}

/* Columns first to first + n - 1 of one panel, of which the parts of a row lie step lines apart. */
static bool same_in_panel(int parts, const uint16_t *line, const uint16_t *other, int64_t step, int first, int n)
{
    for (int q = 0; q < parts; q++, line += step * VIT_PANEL, other += step * VIT_PANEL) {
        if (n == VIT_PANEL && memcmp(line, other, VIT_PANEL * sizeof *line) != 0)
            return false;
        for (int i = 0; i < n && n < VIT_PANEL; i++) {
            int at = parts == 1 ? first + i : place(first + i);
            if (line[at] != other[at])
                return false;
        }
    }
    return true;
}

bool vit_format_same(enum vit_format format, const void *data, int64_t step, int64_t row, int64_t other, int column,
                     int n)
{
    int parts = formats[format].parts, size = format == VIT_ROWS_F32 ? 4 : 2;
    const char *rows = data;
    if (parts == 0)
        return memcmp(rows + (row * step + column) * size, rows + (other * step + column) * size,
                      (size_t)n * (size_t)size) == 0;
    for (int some; n > 0; n -= some, column += some) {
        some = columns_in_panel(column, n);
        if (!same_in_panel(parts, line_of(format, data, step, row, column), line_of(format, data, step, other, column),
                           step, column % VIT_PANEL, some))
            return false;
    }
    return true;
}

void vit_format_fill(enum vit_format format, void *data, int64_t step, int64_t row, int width)
{
    const float zero[VIT_PANEL] = {0};
    if (formats[format].parts > 0)
        vit_format_write(format, data, step, row, width, zero, (VIT_PANEL - width % VIT_PANEL) % VIT_PANEL);
}
