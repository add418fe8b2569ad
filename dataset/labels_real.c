#include "dataset/labels.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

enum { FILE_MAX_BYTES = 64 << 20 };

struct labels_real {
    size_t count;
    size_t *starts; // of each picture's classes, and the end of the last
    int *classes;
    size_t class_count, class_cap;
};

static enum err_code put(struct labels_real *real, const cJSON *item, const char *path,
                         struct err *e)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(value >= 0 && value <= INT32_MAX && value == (double)(int)value))
        return err_set(e, ERR_FORMAT, "%s: picture %zu: expected class indices", path,
                       real->count + 1);
    if (!mem_grow(&real->classes, &real->class_cap, real->class_count + 1,
                  sizeof *real->classes))
        return err_set(e, ERR_NOMEM, "%s: no memory for its classes", path);
    real->classes[real->class_count++] = (int)value;
    return ERR_OK;
}

static enum err_code read_pictures(struct labels_real *real, const cJSON *root,
                                   const char *path, struct err *e)
{
    enum err_code rc = ERR_OK;
    real->starts = mem_array((size_t)cJSON_GetArraySize(root) + 1, sizeof *real->starts);
    if (!real->starts)
        return err_set(e, ERR_NOMEM, "%s: no memory for its pictures", path);
    for (const cJSON *set = root->child; set; set = set->next) {
        if (!cJSON_IsArray(set))
            TRY(err_set(e, ERR_FORMAT, "%s: picture %zu: expected an array of classes",
                        path, real->count + 1));
        for (const cJSON *item = set->child; item; item = item->next)
            TRY(put(real, item, path, e));
        real->starts[++real->count] = real->class_count;
    }
out:
    return rc;
}

enum err_code labels_real_open(const char *path, struct labels_real **out, struct err *e)
{
    struct file_bytes bytes;
    enum err_code rc = file_read(path, FILE_MAX_BYTES, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    struct labels_real *real = mem_new(sizeof *real);
    cJSON *root = cJSON_ParseWithLength((const char *)bytes.data, bytes.len);
    if (!cJSON_IsArray(root) || !root->child)
        rc = err_set(e, ERR_FORMAT,
                     "%s: no JSON array, expected [[class, …], …], an array for each "
                     "validation picture",
                     path);
    else
        rc = read_pictures(real, root, path, e);
    cJSON_Delete(root);
    file_bytes_release(&bytes);
    if (rc == ERR_OK)
        *out = real;
    else
        labels_real_close(real);
    return rc;
}

void labels_real_close(struct labels_real *real)
{
    if (!real)
        return;
    free(real->starts);
    free(real->classes);
    free(real);
}

const int *labels_real_of(const struct labels_real *real, size_t number, size_t *count)
{
    static const int none;
    *count = 0;
    if (number < 1 || number > real->count)
        return NULL;
    size_t start = real->starts[number - 1];
    *count = real->starts[number] - start;
    return *count ? real->classes + start : &none;
}

size_t labels_val_number(const char *name)
{
    static const char prefix[] = "ILSVRC2012_val_";
    const char *base = str_basename(name), *digits = base + sizeof prefix - 1;
    if (!str_starts_with(base, prefix) || strspn(digits, "0123456789") != 8)
        return 0;
    return strtoul(digits, NULL, 10);
}
