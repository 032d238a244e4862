/* peak_amx.c: AMX's unit, by products of tiles of bf16. */
#include "vit/kernels/peak.h"
#include "vit/kernels/tiles.h"

/* Four sums in turn hide what one waits for. */
static void turn(int64_t n_turns)
{
    tiles_begin();
    for (int64_t n = 0; n < n_turns; n++) {
        tile_bf16(0, 4, 6);
        tile_bf16(1, 4, 7);
        tile_bf16(2, 5, 6);
        tile_bf16(3, 5, 7);
    }
    tiles_end();
}

const struct vit_unit vit_unit_amx = {"AMX tiles", 4 * 2.0 * TILE_SIDE *TILE_SIDE *(TILE_LINE / 2), turn};
