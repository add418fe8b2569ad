#include "dataset/image.h"

#include "dataset/decode/decode.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum content decode_content(const uint8_t *data, size_t len, const char **kind)
{
    static const struct {
        const char *magic;
        size_t len, at;
        const char *kind;
    } others[] = {
        {"GIF8", 4, 0, "GIF"},
        {"WEBP", 4, 8, "WebP"},
        {"BM", 2, 0, "BMP"},
        {"II*", 4, 0, "TIFF"},
        {"MM\0*", 4, 0, "TIFF"},
        {"ftypavif", 8, 4, "AVIF"},
        {"ftyphei", 7, 4, "HEIC"},
        {"ftyp", 4, 4, "MP4"},
        {"\0\0\0\x0CJXL ", 8, 0, "JPEG XL"},
        {"\xFF\x0A", 2, 0, "JPEG XL"},
        {"\0\0\0\x0CjP  ", 8, 0, "JPEG 2000"},
        {"\xFF\x4F\xFF\x51", 4, 0, "JPEG 2000"},
        {"%PDF", 4, 0, "PDF"},
        {"PK\x03\x04", 4, 0, "zip"},
        {"\x1F\x8B", 2, 0, "gzip"},
        {"<", 1, 0, "HTML or XML"},
    };
    if (len >= 3 && memcmp(data, "\xFF\xD8\xFF", 3) == 0) {
        *kind = "JPEG";
        return CONTENT_JPEG;
    }
    if (len >= 8 && memcmp(data, "\x89PNG\r\n\x1A\n", 8) == 0) {
        *kind = "PNG";
        return CONTENT_PNG;
    }
    *kind = len == 0 ? "empty" : "of an unknown kind";
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (len >= others[i].at + others[i].len &&
            memcmp(data + others[i].at, others[i].magic, others[i].len) == 0) {
            *kind = others[i].kind;
            break;
        }
    return CONTENT_OTHER;
}

enum err_code decode_allocate(struct picture *picture, int width, int height,
                              struct err *e)
{
    size_t pixels = (size_t)picture->width * (size_t)picture->height;
    if (pixels > DS_MAX_PIXELS)
        return err_set(e, ERR_IMAGE, "%s: %d×%d pixels, expected at most %d in total",
                       picture->name, picture->width, picture->height, DS_MAX_PIXELS);
    size_t bytes = (size_t)width * (size_t)height * 3;
    uint8_t *rgb = malloc(bytes ? bytes : 1);
    if (!rgb)
        return err_set(e, ERR_NOMEM, "%s: no memory for %d×%d pixels", picture->name,
                       width, height);
    if (picture->preview)
        memset(rgb, 0x80, bytes);
    picture->image = (struct ds_image){rgb, width, height};
    return ERR_OK;
}

enum err_code decode_picture(struct picture *picture, struct err *e)
{
    const char *kind;
    enum err_code rc;
    picture->orientation = 1;
    switch (decode_content(picture->data, picture->len, &kind)) {
    case CONTENT_JPEG:
        rc = decode_jpeg(picture, e);
        break;
    case CONTENT_PNG:
        rc = decode_png(picture, e);
        break;
    case CONTENT_OTHER:
    default:
        rc = err_set(e, ERR_IMAGE, "%s: content is %s, expected JPEG or PNG",
                     picture->name, kind);
    }
    if (rc != ERR_OK)
        ds_image_release(&picture->image);
    return rc;
}

static enum err_code decode_upright(struct picture *picture, struct ds_image *out,
                                    struct err *e)
{
    enum err_code rc = decode_picture(picture, e);
    if (rc == ERR_OK && (picture->preview || picture->as == DS_AS_OPENCV))
        rc = decode_orient(picture, e);
    if (rc == ERR_OK)
        *out = picture->image;
    else
        ds_image_release(&picture->image);
    return rc;
}

enum err_code ds_image_decode(const uint8_t *data, size_t len, const char *name,
                              enum ds_decoder as, struct ds_image *out, struct err *e)
{
    struct picture picture = {.data = data, .len = len, .name = name, .as = as};
    return decode_upright(&picture, out, e);
}

static enum err_code open_picture(struct picture *picture, struct ds_image *out,
                                  struct err *e)
{
    struct file_bytes bytes;
    enum err_code rc = file_read(picture->name, PICTURE_MAX_BYTES, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    picture->data = bytes.data;
    picture->len = bytes.len;
    rc = decode_upright(picture, out, e);
    file_bytes_release(&bytes);
    return rc;
}

enum err_code ds_image_open(const char *path, enum ds_decoder as, struct ds_image *out,
                            struct err *e)
{
    struct picture picture = {.name = path, .as = as};
    return open_picture(&picture, out, e);
}

enum err_code ds_image_preview(const char *path, int min_width, int min_height,
                               struct ds_image *out, struct err *e)
{
    struct picture picture = {
        .name = path, .preview = true, .min_width = min_width, .min_height = min_height};
    return open_picture(&picture, out, e);
}

void ds_image_release(struct ds_image *image)
{
    free(image->rgb);
    *image = (struct ds_image){0};
}
