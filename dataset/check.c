#include "dataset/dataset.h"

#include "dataset/decode/decode.h"

#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void add(struct str *reason, const char *text)
{
    if (reason->len)
        str_add(reason, ", ");
    str_add(reason, text);
}

static void add_oddities(const struct picture *picture, const char *path,
                         struct str *reason)
{
    const char *kind;
    bool png = decode_content(picture->data, picture->len, &kind) == CONTENT_PNG;
    if (png != str_ends_with_nocase(path, ".png"))
        add(reason,
            png ? "PNG content under a JPEG name" : "JPEG content under a PNG name");
    if (picture->cmyk)
        add(reason, "CMYK");
    if (picture->stored_rgb)
        add(reason, "RGB stored without colour transform");
    if (picture->arithmetic)
        add(reason, "arithmetic coding");
    if (picture->deep)
        add(reason, "16 bits a sample");
    if (picture->alpha)
        add(reason, "transparency");
    if (picture->orientation > 1) {
        add(reason, "EXIF orientation ");
        str_addf(reason, "%d", picture->orientation);
    }
    if (picture->several)
        add(reason, "several pictures in the file");
    if (picture->warning[0]) {
        add(reason, "decodes with a warning: ");
        str_add(reason, picture->warning);
    }
}

// The message without "PATH: ", which the caller prints itself.
static const char *without_path(const char *message, const char *path)
{
    size_t n = strlen(path);
    return strncmp(message, path, n) == 0 && strncmp(message + n, ": ", 2) == 0
               ? message + n + 2
               : message;
}

void ds_check_file(const char *path, struct ds_check *out)
{
    struct picture picture = {.name = path};
    struct file_bytes bytes = {0};
    struct str reason = {0};
    struct err e = {0};
    *out = (struct ds_check){0};
    if (file_read(path, PICTURE_MAX_BYTES, &bytes, &e) == ERR_OK) {
        picture.data = bytes.data;
        picture.len = bytes.len;
        if (decode_picture(&picture, &e) == ERR_OK)
            add_oddities(&picture, path, &reason);
    }
    if (e.code != ERR_OK)
        add(&reason, without_path(e.msg, path));
    out->verdict = e.code != ERR_OK ? DS_DAMAGED : reason.len ? DS_ODD : DS_OK;
    out->width = picture.width;
    out->height = picture.height;
    (void)snprintf(out->reason, sizeof out->reason, "%s", str_get(&reason));
    str_release(&reason);
    ds_image_release(&picture.image);
    file_bytes_release(&bytes);
}
