#include "tui/picture/cells.h"

#include "base/mem.h"

#include <chafa.h>
#include <stdlib.h>
#include <string.h>

void pic_fit(int image_w, int image_h, int box_w, int box_h, double aspect, int *w,
             int *h)
{
    // Width of the picture in cells when it takes the whole height.
    double wide = (double)box_h * aspect * image_w / image_h;
    if (wide <= box_w) {
        *w = (int)(wide + 0.5);
        *h = box_h;
    } else {
        *w = box_w;
        *h = (int)((double)box_w / aspect * image_h / image_w + 0.5);
    }
    *w = *w < 1 ? 1 : *w > box_w ? box_w : *w;
    *h = *h < 1 ? 1 : *h > box_h ? box_h : *h;
}

static ChafaCanvas *canvas_new(const struct pic_mode *mode, int w, int h)
{
    static const ChafaCanvasMode modes[] = {
        [COLOR_MODE_8] = CHAFA_CANVAS_MODE_INDEXED_8,
        [COLOR_MODE_16] = CHAFA_CANVAS_MODE_INDEXED_16,
        // The first 16 colours belong to the user's theme.
        [COLOR_MODE_256] = CHAFA_CANVAS_MODE_INDEXED_240,
    };
    ChafaSymbolMap *symbols = chafa_symbol_map_new();
    ChafaSymbolTags tags = CHAFA_SYMBOL_TAG_SPACE | CHAFA_SYMBOL_TAG_BLOCK;
    if (mode->color == COLOR_MODE_256)
        tags |= CHAFA_SYMBOL_TAG_BORDER;
    chafa_symbol_map_add_by_tags(symbols, tags);
    ChafaCanvasConfig *config = chafa_canvas_config_new();
    chafa_canvas_config_set_geometry(config, w, h);
    chafa_canvas_config_set_canvas_mode(config, modes[mode->color]);
    chafa_canvas_config_set_symbol_map(config, symbols);
    chafa_canvas_config_set_work_factor(config, 0.5F);
    chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
    chafa_canvas_config_set_dither_grain_size(config, 4, 4);
    chafa_canvas_config_set_dither_intensity(
        config, mode->color == COLOR_MODE_256 ? 0.25F : 1.0F);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_canvas_config_unref(config);
    chafa_symbol_map_unref(symbols);
    return canvas;
}

// chafa 1.12 counts rows in words of four bytes: RGB rows of other lengths are read
// askew, which mixes the channels to grey.
static uint8_t *pad_pixels(const struct ds_image *image)
{
    size_t n = (size_t)image->width * (size_t)image->height;
    uint8_t *rgba = mem_array(n, 4);
    for (size_t i = 0; rgba && i < n; i++) {
        memcpy(rgba + 4 * i, image->rgb + 3 * i, 3);
        rgba[4 * i + 3] = 255;
    }
    return rgba;
}

static bool draw_symbols(const struct ds_image *image, const struct pic_mode *mode,
                         struct pic *out)
{
    uint8_t *rgba = pad_pixels(image);
    if (!rgba)
        return false;
    ChafaCanvas *canvas = canvas_new(mode, out->w, out->h);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED, rgba,
                                 image->width, image->height, image->width * 4);
    free(rgba);
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++) {
            struct draw_cell *cell = &out->cells[y * out->w + x];
            gint ink = -1, ground = -1;
            chafa_canvas_get_raw_colors_at(canvas, x, y, &ink, &ground);
            *cell = (struct draw_cell){chafa_canvas_get_char_at(canvas, x, y), (short)ink,
                                       (short)ground};
        }
    chafa_canvas_unref(canvas);
    return true;
}

enum err_code pic_render(const struct ds_image *image, int box_w, int box_h,
                         const struct pic_mode *mode, struct pic *out, struct err *e)
{
    *out = (struct pic){0};
    pic_fit(image->width, image->height, box_w, box_h, mode->aspect, &out->w, &out->h);
    size_t n;
    if (!mem_mul((size_t)out->w, (size_t)out->h, &n) ||
        !(out->cells = mem_array(n, sizeof out->cells[0])))
        return err_set(e, ERR_NOMEM, "no memory for a picture of %d x %d cells", out->w,
                       out->h);
    if (!mode->utf8 || mode->color == COLOR_MODE_MONO)
        pic_density(image, mode, out);
    else if (!draw_symbols(image, mode, out))
        return err_set(e, ERR_NOMEM, "no memory for %d x %d pixels", image->width,
                       image->height);
    return ERR_OK;
}

void pic_release(struct pic *pic)
{
    free(pic->cells);
    *pic = (struct pic){0};
}
