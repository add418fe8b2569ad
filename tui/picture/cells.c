#include "tui/picture/cells.h"

#include "base/mem.h"

#include <chafa.h>
#include <stdlib.h>

void pic_fit(int image_w, int image_h, int box_w, int box_h, double aspect, int *w, int *h)
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
        [COLOR_MODE_MONO] = CHAFA_CANVAS_MODE_FGBG,
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
    if (mode->color != COLOR_MODE_256)
        chafa_canvas_config_set_dither_mode(config, CHAFA_DITHER_MODE_ORDERED);
    ChafaCanvas *canvas = chafa_canvas_new(config);
    chafa_canvas_config_unref(config);
    chafa_symbol_map_unref(symbols);
    return canvas;
}

static void draw_symbols(const struct ds_image *image, const struct pic_mode *mode,
                         struct pic *out)
{
    ChafaCanvas *canvas = canvas_new(mode, out->w, out->h);
    chafa_canvas_draw_all_pixels(canvas, CHAFA_PIXEL_RGB8, image->rgb, image->width,
                                 image->height, image->width * 3);
    bool color = mode->color != COLOR_MODE_MONO;
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++) {
            struct draw_cell *cell = &out->cells[y * out->w + x];
            gint ink = -1, ground = -1;
            if (color)
                chafa_canvas_get_raw_colors_at(canvas, x, y, &ink, &ground);
            *cell = (struct draw_cell){chafa_canvas_get_char_at(canvas, x, y), (short)ink,
                                       (short)ground};
        }
    chafa_canvas_unref(canvas);
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
    if (mode->utf8)
        draw_symbols(image, mode, out);
    else
        pic_density(image, mode, out);
    return ERR_OK;
}

void pic_release(struct pic *pic)
{
    free(pic->cells);
    *pic = (struct pic){0};
}
