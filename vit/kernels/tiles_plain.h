/* tiles_plain.h: the words of tiles.h in plain C, to the last bit: with them a kernel for AMX can be tested on a machine
 * that has none. Included instead of tiles.h. */
#ifndef VIT_TILES_H
#define VIT_TILES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { TILE_SIDE = 16, TILE_LINE = 64, TILE_BYTES = 1024 };

struct tile_plain {
    uint8_t line[TILE_SIDE][TILE_LINE];
};

static _Thread_local struct tile_plain tiles_plain[8];

static inline void tiles_begin(void)
{
    memset(tiles_plain, 0, sizeof tiles_plain);
}

static inline void tiles_end(void)
{
}

static inline void tile_load_plain(struct tile_plain *tile, const void *p, int64_t step)
{
    for (int r = 0; r < TILE_SIDE; r++)
        memcpy(tile->line[r], (const char *)p + r * step, TILE_LINE);
}

static inline void tile_store_plain(void *p, int64_t step, const struct tile_plain *tile)
{
    for (int r = 0; r < TILE_SIDE; r++)
        memcpy((char *)p + r * step, tile->line[r], TILE_LINE);
}

/* Denormal numbers count as zero of their sign. */
static inline float tile_flush(float x)
{
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static inline float tile_number(const struct tile_plain *tile, int row, int element)
{
    uint32_t bits = (uint32_t)tile->line[row][2 * element] << 16 | (uint32_t)tile->line[row][2 * element + 1] << 24;
    float x;
    memcpy(&x, &bits, sizeof x);
    return tile_flush(x);
}

/* Two chains of 16 FMAs, of the even and of the odd elements; they are added, and that to c; each step is rounded to
 * nearest even and flushed. */
static inline void tile_bf16_plain(struct tile_plain *c, const struct tile_plain *a, const struct tile_plain *b)
{
    for (int m = 0; m < TILE_SIDE; m++)
        for (int n = 0; n < TILE_SIDE; n++) {
            float even = 0, odd = 0, sum;
            for (int k = 0; k < TILE_SIDE; k++) {
                even = tile_flush(fmaf(tile_number(a, m, 2 * k), tile_number(b, k, 2 * n), even));
                odd = tile_flush(fmaf(tile_number(a, m, 2 * k + 1), tile_number(b, k, 2 * n + 1), odd));
            }
            memcpy(&sum, &c->line[m][4 * n], sizeof sum);
            sum = tile_flush(tile_flush(sum) + tile_flush(even + odd));
            memcpy(&c->line[m][4 * n], &sum, sizeof sum);
        }
}

#define tile_zero(t) memset(&tiles_plain[t], 0, sizeof tiles_plain[t])
#define tile_load(t, p, step) tile_load_plain(&tiles_plain[t], p, step)
#define tile_stream(t, p, step) tile_load(t, p, step)
#define tile_store(p, step, t) tile_store_plain(p, step, &tiles_plain[t])
#define tile_bf16(c, a, b) tile_bf16_plain(&tiles_plain[c], &tiles_plain[a], &tiles_plain[b])

#endif
