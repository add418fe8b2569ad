// any_tile() runs tile_of() with a constant for the height of the tile, one of EACH_ROW,
// so that accumulators are registers.

static ALWAYS_INLINE void any_tile(const struct kern_gemm *k)
{
#define HEIGHT(r)                                                                        \
    case (r) + 1:                                                                        \
        tile_of(k, (r) + 1);                                                             \
        break;
    switch (k->rows) {
        EACH_ROW(HEIGHT)
    default:
        break;
    }
#undef HEIGHT
}
