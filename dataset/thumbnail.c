#include "dataset/prep.h"

#include "base/mem.h"

enum { QUALITY = 82 };

// The size within side × side, never larger than the picture.
static void fit(const struct ds_image *image, int side, int *width, int *height)
{
    int longest = image->width > image->height ? image->width : image->height;
    double scale = longest > side ? (double)side / longest : 1.0;
    *width = (int)(image->width * scale + 0.5);
    *height = (int)(image->height * scale + 0.5);
    *width += *width < 1;
    *height += *height < 1;
}

enum err_code ds_thumbnail(const char *path, int side, uint8_t **jpeg, size_t *len,
                           struct err *e)
{
    struct ds_image image = {0}, small = {0};
    enum err_code rc;
    TRY(ds_image_preview(path, side, side, &image, e));
    fit(&image, side, &small.width, &small.height);
    small.rgb = mem_array((size_t)small.width * (size_t)small.height, 3);
    if (!small.rgb)
        TRY(err_set(e, ERR_NOMEM, "%s: no memory for a thumbnail", path));
    TRY(ds_resize(&image, DS_BILINEAR, small.width, small.height, small.rgb, e));
    rc = ds_image_encode(&small, QUALITY, jpeg, len, e);
out:
    ds_image_release(&small);
    ds_image_release(&image);
    return rc;
}
