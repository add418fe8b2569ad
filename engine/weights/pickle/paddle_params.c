#include "engine/weights/pickle/paddle_params.h"

#include "engine/weights/pickle/numpy.h"
#include "engine/weights/pickle/pickle.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

bool paddle_params_is(const uint8_t *data, size_t len)
{
    return len > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5;
}

static bool allows(const char *name)
{
    return numpy_allows(name) || strcmp(name, "collections.OrderedDict") == 0;
}

// Entries that are no arrays are left out: StructuredToParameterName@@, a dict, and what
// trainers add.
static enum err_code add_arrays(const struct pickle *p, struct bag *bag, struct err *e)
{
    const struct pickle_value *root = &p->values[p->root];
    if (root->kind != PICKLE_DICT)
        return err_set(e, ERR_FORMAT, "%s: a pickle, but no state dict", bag->path);
    for (size_t i = 0; i < root->count; i += 2) {
        const struct pickle_value *key = pickle_item(p, root, i);
        const struct pickle_value *value = pickle_item(p, root, i + 1);
        if (key->kind != PICKLE_TEXT || !numpy_is_array(p, value))
            continue;
        char *name = mem_dup_n(key->text, key->len);
        enum err_code rc = numpy_add(p, value, name, bag, e);
        free(name);
        if (rc)
            return rc;
    }
    if (bag->count == 0)
        return err_set(e, ERR_FORMAT, "%s: no arrays among the %zu entries of its dict",
                       bag->path, root->count / 2);
    return ERR_OK;
}

enum err_code paddle_params_read(struct file_bytes *bytes, const char *path,
                                 struct bag *out, struct err *e)
{
    struct pickle p = {0};
    out->path = mem_dup(path);
    out->file = *bytes;
    *bytes = (struct file_bytes){0};
    enum err_code rc = pickle_read(&p, out->file.data, out->file.len, allows, path, e);
    if (!rc)
        rc = add_arrays(&p, out, e);
    pickle_release(&p);
    return rc;
}
