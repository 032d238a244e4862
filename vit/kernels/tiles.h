/* tiles.h: the eight tiles of AMX, each 16 rows of 64 bytes, and what can be done with them. Kernels are written in these
 * words alone, and so can be compiled with the plain C of tiles_plain.h instead, which gives the same bits anywhere.
 *
 *     tiles_begin()              at the start of a run, on its thread: oneDNN leaves another configuration behind
 *     tiles_end()                at its end
 *     tile_zero(t)               t = 0
 *     tile_load(t, p, step)      row r of t = the 64 bytes at p + r step
 *     tile_stream(t, p, step)    the same, of what shall not stay in the first cache
 *     tile_store(p, step, t)     and back
 *     tile_bf16(c, a, b)         c (16, 16) f32 += a (16, 32) b (32, 16), both bf16: row r of b holds, for each of 16
 *                                columns, elements 2 r and 2 r + 1; exactly as tiles_plain.h says
 *
 * The numbers of tiles are literals from 0 to 7. The compiler knows nothing of tiles; "memory" keeps it from moving a
 * load in front of the stores that fill its source, for which GCC 12's own intrinsics leave it free. */
#ifndef VIT_TILES_H
#define VIT_TILES_H

#include <stdint.h>

enum { TILE_SIDE = 16, TILE_LINE = 64, TILE_BYTES = 1024 }; /* rows; bytes of a row, and of all */

struct tile_configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16]; /* of a row */
    uint8_t rows[16];
};

static inline void tiles_begin(void)
{
    static const struct tile_configuration all = {.palette = 1,
                                                  .bytes = {64, 64, 64, 64, 64, 64, 64, 64},
                                                  .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
    __asm__ volatile("ldtilecfg %0" ::"m"(all));
}

static inline void tiles_end(void)
{
    __asm__ volatile("tilerelease" ::: "memory");
}

#define tile_zero(t) __asm__ volatile("tilezero %%tmm" #t ::)
#define tile_load(t, p, step) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"((const void *)(p)), "r"((int64_t)(step)) : "memory")
#define tile_stream(t, p, step) \
    __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm" #t ::"r"((const void *)(p)), "r"((int64_t)(step)) : "memory")
#define tile_store(p, step, t) \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"((void *)(p)), "r"((int64_t)(step)) : "memory")
#define tile_bf16(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

#endif
