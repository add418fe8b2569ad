#include "tui/widget/layout.h"

enum {
    DETAIL_ROWS = 8, // name, file, five bars, truth
    TILE_W = 20,
    TILE_H = 10,
};

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

static int at_least(int value, int limit)
{
    return value > limit ? value : limit;
}

void layout_solve(int w, int h, struct layout *out)
{
    *out = (struct layout){.too_small = w < LAYOUT_MIN_W || h < LAYOUT_MIN_H};
    if (out->too_small)
        return;
    out->title = (struct rect){0, 0, 1, w};
    out->head = (struct rect){1, 0, 1, w};
    out->body = (struct rect){2, 0, h - 4, w};
    out->info = (struct rect){h - 2, 0, 1, w};
    out->line = (struct rect){h - 1, 0, 1, w};
}

// Picture above, details below, in a column that is as wide as `area`.
static void split_column(struct rect area, struct layout_panes *out)
{
    int details = at_most(DETAIL_ROWS, area.h / 2);
    out->picture = (struct rect){area.y, area.x, area.h - details, area.w};
    out->details = (struct rect){area.y + area.h - details, area.x, details, area.w};
}

void layout_list(struct rect body, struct layout_panes *out)
{
    *out = (struct layout_panes){.list = body};
    if (body.w >= LAYOUT_BESIDE_W) {
        out->beside = true;
        out->list.w = at_least(body.w / 2, 58);
        out->divider = (struct rect){body.y, body.x + out->list.w, body.h, 1};
        int x = out->list.w + 2;
        split_column((struct rect){body.y, body.x + x, body.h, body.w - x - 1}, out);
    } else if (body.w >= LAYOUT_STACKED_W && body.h >= LAYOUT_STACKED_H - 4) {
        int preview = at_least(9, body.h * 9 / 20);
        out->list.h = body.h - preview - 1;
        out->divider = (struct rect){body.y + out->list.h, body.x, 1, body.w};
        int y = out->divider.y + 1;
        int picture = at_most(preview * 3, body.w / 2);
        out->picture = (struct rect){y, body.x + 1, preview, picture};
        out->details =
            (struct rect){y, body.x + picture + 3, preview, body.w - picture - 4};
    }
}

void layout_picture(struct rect body, struct layout_panes *out)
{
    *out = (struct layout_panes){0};
    if (body.w < LAYOUT_BESIDE_W || body.w < body.h * 3) {
        split_column(body, out);
        return;
    }
    int details = at_least(body.w * 3 / 10, 40);
    out->beside = true;
    out->picture = (struct rect){body.y, body.x, body.h, body.w - details - 3};
    out->divider = (struct rect){body.y, body.x + out->picture.w + 1, body.h, 1};
    out->details = (struct rect){body.y, out->divider.x + 2, body.h, details - 1};
}

void layout_grid(struct rect body, struct layout_grid *out)
{
    // Wide screens get larger tiles, so that a page stays a page of pictures.
    int tile_w = body.w >= 160 ? TILE_W + 6 : TILE_W;
    int tile_h = body.h >= 45 ? TILE_H + 3 : TILE_H;
    out->columns = at_least(body.w / tile_w, 1);
    out->rows = at_least(body.h / tile_h, 1);
    out->tile_w = body.w / out->columns;
    out->tile_h = body.h / out->rows;
}
