#include "tui/picture/palette.h"

#include <limits.h>

unsigned palette_rgb(int index)
{
    static const unsigned basic[16] = {
        0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
        0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};
    static const unsigned level[6] = {0, 95, 135, 175, 215, 255};
    if (index < 16)
        return basic[index];
    if (index >= 232)
        return 0x010101u * (unsigned)(8 + 10 * (index - 232));
    index -= 16;
    return level[index / 36] << 16 | level[index / 6 % 6] << 8 | level[index % 6];
}

// Brightness and the two colour differences: a lost hue shows more than a shift in
// brightness, and plain RGB distance turns photographs grey.
static long distance(unsigned a, unsigned b)
{
    long r = (long)(a >> 16 & 255) - (long)(b >> 16 & 255);
    long g = (long)(a >> 8 & 255) - (long)(b >> 8 & 255);
    long blue = (long)(a & 255) - (long)(b & 255);
    long y = (299 * r + 587 * g + 114 * blue) / 1000;
    return 2 * y * y + (r - y) * (r - y) + (blue - y) * (blue - y);
}

static short search(unsigned rgb, int from, int to)
{
    long best = LONG_MAX;
    int index = from;
    for (int i = from; i < to; i++) {
        long d = distance(rgb, palette_rgb(i));
        if (d < best) {
            best = d;
            index = i;
        }
    }
    return (short)index;
}

short palette_nearest(enum color_mode mode, unsigned rgb)
{
    static const int from[] = {0, 0, 0, 16};
    static const int to[] = {0, 8, 16, 256};
    return mode == COLOR_MODE_MONO ? -1 : search(rgb, from[mode], to[mode]);
}
