#include "engine/weights/hdf5.h"

#include "base/mem.h"
#include "base/str.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 1 << 16, MAX_TEXT_BYTES = 1 << 26, MAX_CHILDREN = 1 << 16 };

// Deflate's limit, and far more numbers than any layer has.
enum { MAX_EXPANSION = 1032, MAX_NUMBERS = 1 << 26 };

struct h5_file {
    hid_t id;
    char *path;
    struct file_bytes image;
};

static const char signature[] = "\x89HDF\r\n\x1a\n";

bool h5_is(const struct file_bytes *image)
{
    return image->len > sizeof signature &&
           memcmp(image->data, signature, sizeof signature - 1) == 0;
}

// The library's "core" driver keeps a file in memory and would copy the image on every
// step of opening. These callbacks hand it our bytes each time instead; opened read-only,
// it writes nothing there.
static void *image_alloc(size_t size, H5FD_file_image_op_t op, void *image)
{
    const struct file_bytes *bytes = image;
    (void)op;
    return size == bytes->len ? (void *)(uintptr_t)bytes->data : NULL;
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t op,
                        void *image)
{
    (void)size, (void)op, (void)image;
    return to == from ? to : NULL;
}

static void *image_resize(void *from, size_t size, H5FD_file_image_op_t op, void *image)
{
    (void)from, (void)size, (void)op, (void)image;
    return NULL;
}

static herr_t image_free(void *from, H5FD_file_image_op_t op, void *image)
{
    (void)from, (void)op, (void)image;
    return 0;
}

static void *same_image(void *image)
{
    return image;
}

static herr_t keep_image(void *image)
{
    (void)image;
    return 0;
}

static hid_t open_image(struct file_bytes *image)
{
    // The driver insists on a name that no file has.
    static const char name[] = "/dev/null/image";
    H5FD_file_image_callbacks_t calls = {
        image_alloc, image_copy, image_resize, image_free, same_image, keep_image, image};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), id = -1;
    if (access < 0)
        return -1;
    if (H5Pset_fapl_core(access, 1 << 16, 0) >= 0 &&
        H5Pset_file_image_callbacks(access, &calls) >= 0 &&
        H5Pset_file_image(access, (void *)(uintptr_t)image->data, image->len) >= 0)
        id = H5Fopen(name, H5F_ACC_RDONLY, access);
    (void)H5Pclose(access);
    return id;
}

enum err_code h5_open(const struct file_bytes *image, const char *path,
                      struct h5_file **out, struct err *e)
{
    struct h5_file *file = mem_new(sizeof *file);
    file->image = *image;
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    file->id = open_image(&file->image);
    if (file->id < 0) {
        free(file);
        return err_set(e, ERR_FORMAT, "%s: damaged HDF5 file of %zu bytes, or cut short",
                       path, image->len);
    }
    file->path = mem_dup(path);
    *out = file;
    return ERR_OK;
}

void h5_close(struct h5_file *file)
{
    if (!file)
        return;
    (void)H5Fclose(file->id);
    free(file->path);
    free(file);
}

bool h5_has(const struct h5_file *file, const char *object)
{
    struct str head = {0};
    bool found = true;
    for (const char *p = object; found && *p;) {
        size_t n = strcspn(p, "/");
        str_add_n(&head, p, n);
        H5L_info_t info;
        found = H5Lexists(file->id, str_get(&head), H5P_DEFAULT) > 0 &&
                H5Lget_info(file->id, str_get(&head), &info, H5P_DEFAULT) >= 0 &&
                info.type == H5L_TYPE_HARD;
        str_add_char(&head, '/');
        p += n + (p[n] == '/');
    }
    str_release(&head);
    return found;
}

static const char *root_or(const char *object)
{
    return object[0] ? object : "/";
}

bool h5_has_attr(const struct h5_file *file, const char *object, const char *attr)
{
    return h5_has(file, object) &&
           H5Aexists_by_name(file->id, root_or(object), attr, H5P_DEFAULT) > 0;
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

static bool read_variable(hid_t attr, hid_t type, hid_t space, size_t n,
                          struct h5_texts *out)
{
    char **texts = mem_array(n, sizeof *texts);
    bool good = texts && make_room(out, n) && H5Aread(attr, type, texts) >= 0;
    for (size_t i = 0; good && i < n; i++)
        out->text[out->count++] = mem_dup(texts[i] ? texts[i] : "");
    if (good)
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    free(texts);
    return good;
}

static bool read_fixed(hid_t attr, hid_t type, size_t size, size_t n,
                       struct h5_texts *out)
{
    size_t bytes;
    if (!mem_mul(n, size, &bytes) || bytes > MAX_TEXT_BYTES)
        return false;
    char *texts = mem_array(bytes, 1);
    bool good = texts && make_room(out, n) && H5Aread(attr, type, texts) >= 0;
    for (size_t i = 0; good && i < n; i++)
        out->text[out->count++] =
            mem_dup_n(texts + i * size, strnlen(texts + i * size, size));
    free(texts);
    return good;
}

static bool read_attr(const struct h5_file *file, const char *object, const char *name,
                      struct h5_texts *out)
{
    hid_t attr =
        H5Aopen_by_name(file->id, root_or(object), name, H5P_DEFAULT, H5P_DEFAULT);
    if (attr < 0)
        return false;
    hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool good = type >= 0 && n >= 0 && n <= MAX_TEXTS;
    // Keras' empty lists are of numbers, for NumPy knows no better.
    if (good && n > 0)
        good = H5Tget_class(type) != H5T_STRING ? false
               : H5Tis_variable_str(type) > 0
                   ? read_variable(attr, type, space, (size_t)n, out)
                   : read_fixed(attr, type, H5Tget_size(type), (size_t)n, out);
    if (space >= 0)
        (void)H5Sclose(space);
    if (type >= 0)
        (void)H5Tclose(type);
    (void)H5Aclose(attr);
    return good;
}

enum err_code h5_attr_texts(const struct h5_file *file, const char *object,
                            const char *attr, struct h5_texts *out, struct err *e)
{
    *out = (struct h5_texts){0};
    bool good = true;
    if (h5_has_attr(file, object, attr)) {
        good = read_attr(file, object, attr, out);
    } else {
        char part[64];
        for (int i = 0; good; i++) {
            (void)snprintf(part, sizeof part, "%s%d", attr, i);
            if (!h5_has_attr(file, object, part)) {
                good = i > 0;
                break;
            }
            good = out->count <= MAX_TEXTS && read_attr(file, object, part, out);
        }
    }
    if (good)
        return ERR_OK;
    h5_texts_release(out);
    return err_set(e, ERR_FORMAT, "%s: group %s has no readable text attribute %s",
                   file->path, root_or(object), attr);
}

enum err_code h5_children(const struct h5_file *file, const char *group,
                          struct h5_texts *out, struct err *e)
{
    *out = (struct h5_texts){0};
    H5G_info_t info;
    if (!h5_has(file, group) ||
        H5Gget_info_by_name(file->id, root_or(group), &info, H5P_DEFAULT) < 0)
        return err_set(e, ERR_FORMAT, "%s: no group %s", file->path, root_or(group));
    if (info.nlinks > MAX_CHILDREN || !make_room(out, (size_t)info.nlinks))
        return err_set(e, ERR_LIMIT, "%s: group %s has %llu members, expected at most %d",
                       file->path, root_or(group), (unsigned long long)info.nlinks,
                       MAX_CHILDREN);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[256];
        ssize_t n = H5Lget_name_by_idx(file->id, root_or(group), H5_INDEX_NAME,
                                       H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        if (n > 0 && (size_t)n < sizeof name)
            out->text[out->count++] = mem_dup(name);
    }
    return ERR_OK;
}

// Storage that lies in this file, so that its size is bounded by the file's.
static bool is_stored_here(hid_t set)
{
    hid_t plist = H5Dget_create_plist(set);
    if (plist < 0)
        return false;
    H5D_layout_t layout = H5Pget_layout(plist);
    bool here =
        (layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED) &&
        H5Pget_external_count(plist) == 0;
    (void)H5Pclose(plist);
    return here;
}

struct array {
    hid_t set, type, space;
    int ndim;
    size_t count;
};

static void array_release(struct array *a)
{
    if (a->space >= 0)
        (void)H5Sclose(a->space);
    if (a->type >= 0)
        (void)H5Tclose(a->type);
    if (a->set >= 0)
        (void)H5Dclose(a->set);
}

static enum err_code array_open(const struct h5_file *file, const char *name,
                                size_t shape[H5_MAX_DIMS], struct array *a, struct err *e)
{
    hsize_t dims[H5S_MAX_RANK];
    *a = (struct array){-1, -1, -1, 0, 1};
    a->set = h5_has(file, name) ? H5Dopen2(file->id, name, H5P_DEFAULT) : -1;
    if (a->set < 0)
        return err_set(e, ERR_FORMAT, "%s: no array %s", file->path, name);
    a->type = H5Dget_type(a->set);
    a->space = H5Dget_space(a->set);
    if (a->type < 0 || H5Tget_class(a->type) != H5T_FLOAT || H5Tget_size(a->type) < 2 ||
        H5Tget_size(a->type) > 8)
        return err_set(e, ERR_FORMAT, "%s: array %s does not hold floats", file->path,
                       name);
    a->ndim = a->space >= 0 ? H5Sget_simple_extent_dims(a->space, dims, NULL) : -1;
    if (a->ndim < 0 || a->ndim > H5_MAX_DIMS || !is_stored_here(a->set))
        return err_set(e, ERR_FORMAT,
                       "%s: array %s is not a plain one of up to %d dimensions",
                       file->path, name, H5_MAX_DIMS);
    for (int i = 0; i < a->ndim; i++) {
        shape[i] = (size_t)dims[i];
        if (!mem_mul(a->count, shape[i], &a->count) || a->count > MAX_NUMBERS)
            return err_set(e, ERR_LIMIT, "%s: array %s has more than %d numbers",
                           file->path, name, MAX_NUMBERS);
    }
    hsize_t stored = H5Dget_storage_size(a->set);
    if (stored > file->image.len ||
        a->count / MAX_EXPANSION > stored / H5Tget_size(a->type))
        return err_set(e, ERR_FORMAT,
                       "%s: array %s claims %zu numbers in %llu bytes of a file of %zu",
                       file->path, name, a->count, (unsigned long long)stored,
                       file->image.len);
    return ERR_OK;
}

enum err_code h5_floats(const struct h5_file *file, const char *dataset, int *ndim,
                        size_t shape[H5_MAX_DIMS], float **out, struct err *e)
{
    struct array a;
    float *data = NULL;
    enum err_code rc = array_open(file, dataset, shape, &a, e);
    if (rc == ERR_OK && !(data = mem_array(a.count, sizeof *data)))
        rc = err_set(e, ERR_NOMEM, "%s: no memory for %zu numbers of %s", file->path,
                     a.count, dataset);
    if (rc == ERR_OK && a.count &&
        H5Dread(a.set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        rc = err_set(e, ERR_FORMAT, "%s: array %s cannot be read: damaged or cut short",
                     file->path, dataset);
    array_release(&a);
    if (rc != ERR_OK) {
        free(data);
        return rc;
    }
    *ndim = a.ndim;
    *out = data;
    return ERR_OK;
}
