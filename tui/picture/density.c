#include "tui/picture/cells.h"

#include "tui/picture/palette.h"

// Mean colour of the pixels that fall into one cell.
static void mean_of(const struct ds_image *image, const struct pic *pic, int x, int y,
                    int rgb[3])
{
    int x0 = (int)((long)x * image->width / pic->w);
    int x1 = (int)((long)(x + 1) * image->width / pic->w);
    int y0 = (int)((long)y * image->height / pic->h);
    int y1 = (int)((long)(y + 1) * image->height / pic->h);
    x1 = x1 > x0 ? x1 : x0 + 1;
    y1 = y1 > y0 ? y1 : y0 + 1;
    long sum[3] = {0};
    for (int py = y0; py < y1; py++) {
        const uint8_t *p =
            image->rgb + ((size_t)py * (size_t)image->width + (size_t)x0) * 3;
        for (int px = x0; px < x1; px++, p += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += p[c];
    }
    long n = (long)(x1 - x0) * (y1 - y0);
    for (int c = 0; c < 3; c++)
        rgb[c] = (int)(sum[c] / n);
}

static int luma(const int rgb[3])
{
    return (rgb[0] * 299 + rgb[1] * 587 + rgb[2] * 114) / 1000;
}

void pic_density(const struct ds_image *image, const struct pic_mode *mode,
                 struct pic *out)
{
    static const char ramp[] = " .,:;-=+*oxXO#%@";
    int low = 255, high = 0;
    for (int i = 0; i < out->w * out->h; i++) {
        int rgb[3];
        mean_of(image, out, i % out->w, i / out->w, rgb);
        int bright = luma(rgb);
        low = bright < low ? bright : low;
        high = bright > high ? bright : high;
        out->cells[i] = (struct draw_cell){
            (unsigned)bright,
            palette_nearest(mode->color, (unsigned)(rgb[0] << 16 | rgb[1] << 8 | rgb[2])),
            -1};
    }
    int range = high > low ? high - low : 1;
    for (int i = 0; i < out->w * out->h; i++) {
        int step = ((int)out->cells[i].ch - low) * (int)(sizeof ramp - 2) / range;
        out->cells[i].ch = (unsigned char)ramp[step];
    }
}
