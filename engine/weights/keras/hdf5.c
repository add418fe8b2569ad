#include "engine/weights/keras/hdf5.h"

#include "engine/weights/bag.h"
#include "engine/weights/keras/hdf5_child.h"
#include "engine/weights/safetensors.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 1 << 16 };
_Static_assert((int)H5_MAX_DIMS == (int)BAG_MAX_DIMS,
               "shapes of the block are copied as they are");

struct h5_file {
    const struct file_bytes *image;
    char *path;
    struct bag bag;
};

static const char signature[] = "\x89HDF\r\n\x1a\n";

bool h5_is(const struct file_bytes *image)
{
    return image->len > sizeof signature &&
           memcmp(image->data, signature, sizeof signature - 1) == 0;
}

enum err_code h5_open(const struct file_bytes *image, const char *path,
                      struct h5_file **out, struct err *e)
{
    struct file_bytes block;
    struct h5_limits limits = h5_limits_for(image->len);
    enum err_code rc = h5_child_read(h5_read_all, image, &limits, path, &block, e);
    if (rc != ERR_OK)
        return rc;
    struct h5_file *file = mem_new(sizeof *file);
    file->image = image;
    file->path = mem_dup(path);
    // A block that is not sound comes from a reader that a damaged file has led astray.
    if (safetensors_read(&block, path, &file->bag, NULL) != ERR_OK) {
        h5_close(file);
        return err_set(e, ERR_FORMAT, "%s: damaged HDF5 file (its reader got lost in it)",
                       path);
    }
    *out = file;
    return ERR_OK;
}

void h5_close(struct h5_file *file)
{
    if (!file)
        return;
    bag_release(&file->bag);
    free(file->path);
    free(file);
}

// An entry of the block; the name is released.
static const struct bag_tensor *find(const struct h5_file *file, char *name)
{
    const struct bag_tensor *t = bag_find(&file->bag, name);
    free(name);
    return t;
}

static const struct bag_tensor *find_attr(const struct h5_file *file, const char *object,
                                          const char *attr)
{
    return find(file, mem_printf("%s//%s", object, attr));
}

bool h5_has(const struct h5_file *file, const char *object)
{
    return bag_find(&file->bag, object) || find(file, mem_printf("%s/", object));
}

bool h5_has_attr(const struct h5_file *file, const char *object, const char *attr)
{
    return find_attr(file, object, attr) != NULL;
}

void h5_texts_release(struct h5_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->text[i]);
    free(texts->text);
    *texts = (struct h5_texts){0};
}

static bool make_room(struct h5_texts *texts, size_t more)
{
    char **grown = realloc(texts->text, (texts->count + more + 1) * sizeof *grown);
    if (grown)
        texts->text = grown;
    return grown != NULL;
}

static bool split_texts(const struct bag_tensor *t, struct h5_texts *out)
{
    const char *text = t->data, *end = text + t->bytes;
    size_t n = 0;
    for (const char *p = text; p < end; p++)
        n += *p == '\0';
    if ((t->bytes && end[-1] != '\0') || out->count + n > MAX_TEXTS || !make_room(out, n))
        return false;
    for (; text < end; text += strlen(text) + 1)
        out->text[out->count++] = mem_dup(text);
    return true;
}

static const char *root_or(const char *object)
{
    return object[0] ? object : "/";
}

static bool join_parts(const struct h5_file *file, const char *object, const char *attr,
                       struct h5_texts *out)
{
    for (int i = 0;; i++) {
        char *part = mem_printf("%s%d", attr, i);
        const struct bag_tensor *t = find_attr(file, object, part);
        free(part);
        if (!t)
            return i > 0;
        if (!split_texts(t, out))
            return false;
    }
}

enum err_code h5_attr_texts(const struct h5_file *file, const char *object,
                            const char *attr, struct h5_texts *out, struct err *e)
{
    *out = (struct h5_texts){0};
    const struct bag_tensor *t = find_attr(file, object, attr);
    if (t ? split_texts(t, out) : join_parts(file, object, attr, out))
        return ERR_OK;
    h5_texts_release(out);
    return err_set(e, ERR_FORMAT, "%s: group %s has no readable text attribute %s",
                   file->path, root_or(object), attr);
}

enum err_code h5_children(const struct h5_file *file, const char *group,
                          struct h5_texts *out, struct err *e)
{
    *out = (struct h5_texts){0};
    char *prefix = mem_printf("%s/", group);
    size_t n = strlen(prefix), cap = 0;
    enum err_code rc = ERR_OK;
    if (!bag_find(&file->bag, prefix))
        TRY(err_set(e, ERR_FORMAT, "%s: no group %s", file->path, root_or(group)));
    for (size_t i = 0; i < file->bag.count; i++) {
        const char *name = file->bag.tensors[i].name;
        const char *slash = str_starts_with(name, prefix) ? strchr(name + n, '/') : NULL;
        if (!slash || slash == name + n || slash[1] != '\0')
            continue;
        if (!mem_grow(&out->text, &cap, out->count + 1, sizeof *out->text))
            TRY(err_set(e, ERR_NOMEM, "%s: no memory for its groups", file->path));
        out->text[out->count++] = mem_dup_n(name + n, (size_t)(slash - name) - n);
    }
out:
    free(prefix);
    if (rc != ERR_OK)
        h5_texts_release(out);
    return rc;
}

static enum err_code refuse_array(const struct h5_file *file, const char *name,
                                  const struct bag_tensor *t, struct err *e)
{
    static const char *const faults[H5_FAULT_COUNT] = {
        [H5_NOT_FLOATS] = "holds no floats, expected them of 16, 32 or 64 bits",
        [H5_NOT_PLAIN] = "is not a plain one of up to 8 dimensions",
        [H5_TOO_MANY_NUMBERS] = "has more numbers than any layer",
        [H5_CLAIMS_TOO_MUCH] = "claims more numbers than its bytes can hold",
        [H5_UNREADABLE] = "cannot be read: damaged or cut short",
    };
    size_t fault = t->bytes == 1 ? *(const uint8_t *)t->data : H5_UNREADABLE;
    return err_set(e, ERR_FORMAT, "%s: array %s %s", file->path, name,
                   faults[fault < H5_FAULT_COUNT ? fault : H5_UNREADABLE]);
}

// The array behind a place (hdf5_read.h). False when it does not lie in the file.
static bool find_place(const struct h5_file *file, const struct bag_tensor *place,
                       struct bag_tensor *out)
{
    uint64_t numbers[1 + H5_MAX_DIMS];
    if (place->ndim != 1 || place->bytes < sizeof numbers[0] ||
        place->bytes > sizeof numbers)
        return false;
    memcpy(numbers, place->data, place->bytes);
    *out = (struct bag_tensor){.dtype = BAG_F32,
                               .ndim = (int)(place->bytes / sizeof numbers[0]) - 1,
                               .bytes = sizeof(float)};
    for (int i = 0; i < out->ndim; i++) {
        out->shape[i] = numbers[1 + i];
        if (!mem_mul(out->bytes, out->shape[i], &out->bytes))
            return false;
    }
    if (numbers[0] > file->image->len || out->bytes > file->image->len - numbers[0])
        return false;
    out->data = file->image->data + numbers[0];
    return true;
}

enum err_code h5_floats(const struct h5_file *file, const char *dataset, int *ndim,
                        size_t shape[H5_MAX_DIMS], float **out, struct err *e)
{
    const struct bag_tensor *t = bag_find(&file->bag, dataset);
    struct bag_tensor placed;
    if (!t)
        return err_set(e, ERR_FORMAT, "%s: no array %s", file->path, dataset);
    if (t->dtype == BAG_I64 && find_place(file, t, &placed))
        t = &placed;
    if (t->dtype != BAG_F32)
        return refuse_array(file, dataset, t, e);
    float *data = mem_array(t->bytes / sizeof *data, sizeof *data);
    if (!data)
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu bytes of %s", file->path,
                       t->bytes, dataset);
    if (t->bytes)
        memcpy(data, t->data, t->bytes);
    *ndim = t->ndim;
    for (int i = 0; i < t->ndim; i++)
        shape[i] = t->shape[i];
    *out = data;
    return ERR_OK;
}
