#include "dataset/vdsp.h"

#include "dataset/prep/resample.h"

#include "base/file.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include <cjson/cJSON.h>

enum { FILE_MAX_BYTES = 1 << 20, MAX_SIDE = 1 << 14 };

enum kind {
    KIND_SIDE,   // int, at least 1
    KIND_PLACE,  // int, at least 0
    KIND_SOURCE, // of the picture itself, on which nothing here depends: 0 is no pitch
    KIND_THREE,  // float[3]
    KIND_CHOICE, // bool: whether it is the second of its values
};

// The fields of OpConfig.
static const struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *values[3]; // of KIND_CHOICE; the third means the same as the second
} fields[] = {
    {"IimageFormat", KIND_CHOICE, 0, {"RGB_PLANAR"}},
    // The pictures themselves say how large they are.
    {"IimageWidth", KIND_SOURCE, 0, {0}},
    {"IimageHeight", KIND_SOURCE, 0, {0}},
    {"IimageWidthPitch", KIND_SOURCE, 0, {0}},
    {"IimageHeightPitch", KIND_SOURCE, 0, {0}},
    {"OimageWidth", KIND_SIDE, offsetof(struct ds_vdsp, width), {0}},
    {"OimageHeight", KIND_SIDE, offsetof(struct ds_vdsp, height), {0}},
    {"CropX", KIND_PLACE, offsetof(struct ds_vdsp, crop_x), {0}},
    {"CropY", KIND_PLACE, offsetof(struct ds_vdsp, crop_y), {0}},
    {"ResizeWidth", KIND_SIDE, offsetof(struct ds_vdsp, resize_width), {0}},
    {"ResizeHeight", KIND_SIDE, offsetof(struct ds_vdsp, resize_height), {0}},
    {"Mean", KIND_THREE, offsetof(struct ds_vdsp, mean), {0}},
    {"Std", KIND_THREE, offsetof(struct ds_vdsp, deviation), {0}},
    {"NormaType",
     KIND_CHOICE,
     offsetof(struct ds_vdsp, by_255),
     {"MINUSMEAN_DIVSTD", "DIV255_MINUSMEAN_DIVSTD"}},
    {"ColorCvtCode",
     KIND_CHOICE,
     offsetof(struct ds_vdsp, swap),
     {"NO_CHANGE", "RGB2BGR", "BGR2RGB"}},
    {"ResizeType",
     KIND_CHOICE,
     offsetof(struct ds_vdsp, pillow),
     {"BILINEAR_CV", "BILINEAR_PILLOW"}},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static enum err_code wrong(const char *path, const struct field *field, struct err *e)
{
    const char *const *v = field->values;
    if (field->kind == KIND_CHOICE)
        return err_set(e, ERR_FORMAT, "%s: %s is unknown or missing, expected %s%s%s%s%s",
                       path, field->name, v[0], v[1] ? ", " : "", v[1] ? v[1] : "",
                       v[2] ? ", " : "", v[2] ? v[2] : "");
    if (field->kind == KIND_THREE)
        return err_set(e, ERR_FORMAT, "%s: %s: expected three numbers", path,
                       field->name);
    return err_set(e, ERR_FORMAT, "%s: %s: expected a whole number from %d to %d", path,
                   field->name, field->kind != KIND_PLACE, MAX_SIDE);
}

static bool read_three(const cJSON *array, float out[3])
{
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(array, i);
        if (!cJSON_IsNumber(item) || !isfinite((float)item->valuedouble))
            return false;
        out[i] = (float)item->valuedouble;
    }
    return true;
}

static bool read_field(const struct field *field, const cJSON *item, struct ds_vdsp *out)
{
    void *to = (char *)out + field->offset;
    if (!item)
        return false;
    if (field->kind == KIND_THREE)
        return read_three(item, to);
    if (field->kind == KIND_CHOICE) {
        for (int i = 0; i < 3 && field->values[i] && cJSON_IsString(item); i++) {
            if (strcmp(item->valuestring, field->values[i]) != 0)
                continue;
            if (i > 0)
                *(bool *)to = true;
            return true;
        }
        return false;
    }
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (value != floor(value) || value < (field->kind == KIND_SIDE) || value > MAX_SIDE)
        return false;
    if (field->kind != KIND_SOURCE)
        *(int *)to = (int)value;
    return true;
}

static const struct field *find_field(const char *name)
{
    for (int i = 0; i < FIELDS; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static enum err_code read_config(const char *path, const cJSON *config,
                                 struct ds_vdsp *out, struct err *e)
{
    for (const cJSON *item = config ? config->child : NULL; item; item = item->next)
        if (!item->string || !find_field(item->string))
            return err_set(e, ERR_FORMAT, "%s: OpConfig has the unknown field %.100s",
                           path, item->string ? item->string : "");
    for (int i = 0; i < FIELDS; i++) {
        const struct field *field = &fields[i];
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(config, field->name);
        if (!item && field->kind == KIND_SOURCE)
            continue;
        if (!read_field(field, item, out))
            return wrong(path, field, e);
    }
    if (out->crop_x + out->width > out->resize_width ||
        out->crop_y + out->height > out->resize_height)
        return err_set(e, ERR_FORMAT,
                       "%s: a crop of %dx%d at %d,%d, expected it inside the resized "
                       "%dx%d",
                       path, out->width, out->height, out->crop_x, out->crop_y,
                       out->resize_width, out->resize_height);
    for (int i = 0; i < 3; i++)
        if (out->deviation[i] == 0)
            return err_set(e, ERR_FORMAT, "%s: Std[%d] is 0", path, i);
    return ERR_OK;
}

static enum err_code read_document(const char *path, const cJSON *document,
                                   struct ds_vdsp *out, struct err *e)
{
    static const char *const type = "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR";
    if (!cJSON_IsObject(document))
        return err_set(e, ERR_FORMAT, "%s: no JSON object, expected OpType and OpConfig",
                       path);
    for (const cJSON *item = document->child; item; item = item->next)
        if (strcmp(item->string, "OpType") != 0 && strcmp(item->string, "OpConfig") != 0)
            return err_set(e, ERR_FORMAT, "%s: has the unknown field %.100s", path,
                           item->string);
    const char *op =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "OpType"));
    if (!op || strcmp(op, type) != 0)
        return err_set(e, ERR_FORMAT, "%s: OpType %.100s, expected %s", path,
                       op ? op : "missing", type);
    return read_config(path, cJSON_GetObjectItemCaseSensitive(document, "OpConfig"), out,
                       e);
}

enum err_code ds_vdsp_open(const char *path, struct ds_vdsp *out, struct err *e)
{
    struct file_bytes bytes;
    *out = (struct ds_vdsp){0};
    enum err_code rc = file_read(path, FILE_MAX_BYTES, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    cJSON *document = cJSON_ParseWithLength((const char *)bytes.data, bytes.len);
    rc = read_document(path, document, out, e);
    cJSON_Delete(document);
    file_bytes_release(&bytes);
    return rc;
}

enum err_code ds_vdsp_apply(const struct ds_vdsp *vdsp, const struct ds_image *image,
                            uint8_t *hwc, float *chw, struct err *e)
{
    const struct window window = {vdsp->resize_width, vdsp->resize_height, vdsp->crop_x,
                                  vdsp->crop_y,       vdsp->width,         vdsp->height};
    enum err_code rc = vdsp->pillow ? resample_pillow(image, DS_BILINEAR, &window, hwc, e)
                                    : resample_opencv(image, &window, hwc, e);
    size_t pixels = (size_t)vdsp->width * (size_t)vdsp->height;
    for (size_t c = 0; rc == ERR_OK && c < 3; c++) {
        size_t from = vdsp->swap ? 2 - c : c;
        float scale = vdsp->by_255 ? 255.0F : 1.0F;
        for (size_t i = 0; i < pixels; i++)
            chw[c * pixels + i] =
                ((float)hwc[3 * i + from] / scale - vdsp->mean[c]) / vdsp->deviation[c];
    }
    return rc;
}
