#include "engine/weights/pickle/torch_dict.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

bool torch_allows(const char *name)
{
    static const char *const names[] = {
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.Size",
        // What training scripts put beside the weights.
        "argparse.Namespace",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "_codecs.encode",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return (str_starts_with(name, "torch.") && str_ends_with(name, "Storage")) ||
           str_starts_with(name, "__torch__.") ||
           str_starts_with(name, "torch.jit._pickle.");
}

static bool find_dtype(const struct pickle_value *name, enum bag_dtype *dtype,
                       size_t *size)
{
    static const struct {
        const char *name;
        enum bag_dtype dtype;
        size_t size;
    } types[] = {
        {"torch.FloatStorage", BAG_F32, 4},     {"torch.HalfStorage", BAG_F16, 2},
        {"torch.BFloat16Storage", BAG_BF16, 2}, {"torch.DoubleStorage", BAG_F64, 8},
        {"torch.LongStorage", BAG_I64, 8},      {"torch.CharStorage", BAG_I8, 1},
        {"torch.IntStorage", BAG_OTHER, 4},     {"torch.ShortStorage", BAG_OTHER, 2},
        {"torch.ByteStorage", BAG_OTHER, 1},    {"torch.BoolStorage", BAG_OTHER, 1},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (pickle_is(name, types[i].name)) {
            *dtype = types[i].dtype;
            *size = types[i].size;
            return true;
        }
    return false;
}

// ('storage', type, key, device, elements[, view])
static enum err_code read_storage(const struct pickle *p, const struct pickle_value *id,
                                  const char *path, struct torch_storage *out,
                                  struct err *e)
{
    const struct pickle_value *type = pickle_item(p, id, 1), *key = pickle_item(p, id, 2);
    const struct pickle_value *elements = pickle_item(p, id, 4);
    size_t size;
    if (!pickle_is(pickle_item(p, id, 0), "storage") || key->kind != PICKLE_TEXT ||
        elements->kind != PICKLE_INT || elements->integer < 0 ||
        pickle_item(p, id, 5)->kind != PICKLE_NONE)
        return err_set(e, ERR_FORMAT, "%s: a storage that is not described as torch does",
                       path);
    if (!find_dtype(type, &out->dtype, &size))
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: a storage of type %.*s, expected one of floats or integers",
                       path, (int)type->len, type->text ? type->text : "");
    if (!mem_mul((size_t)elements->integer, size, &out->bytes))
        return err_set(e, ERR_LIMIT, "%s: a storage of %lld elements", path,
                       (long long)elements->integer);
    out->elements = (size_t)elements->integer;
    out->key = key->text;
    out->key_len = key->len;
    return ERR_OK;
}

static int compare_keys(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_storages(const void *a, const void *b)
{
    const struct torch_storage *x = a, *y = b;
    return compare_keys(x->key, x->key_len, y->key, y->key_len);
}

// Sorted by key, and each key once; the widest claim of a key counts.
static bool unite(struct torch_storages *s)
{
    size_t kept = 0;
    qsort(s->all, s->count, sizeof *s->all, compare_storages);
    for (size_t i = 0; i < s->count; i++) {
        struct torch_storage *last = kept ? &s->all[kept - 1] : NULL;
        if (last && compare_storages(last, &s->all[i]) == 0) {
            if (last->dtype != s->all[i].dtype || last->bytes != s->all[i].bytes)
                return false;
            continue;
        }
        s->all[kept++] = s->all[i];
    }
    s->count = kept;
    for (size_t i = 0; i < kept; i++)
        if (__builtin_add_overflow(s->bytes, s->all[i].bytes, &s->bytes))
            return false;
    return true;
}

enum err_code torch_storages_list(const struct pickle *p, const char *path,
                                  struct torch_storages *out, struct err *e)
{
    *out = (struct torch_storages){0};
    for (size_t i = 0; i < p->count; i++) {
        struct torch_storage storage = {0};
        if (p->values[i].kind != PICKLE_PERSISTENT)
            continue;
        enum err_code rc =
            read_storage(p, pickle_item(p, &p->values[i], 0), path, &storage, e);
        if (!rc && !mem_grow(&out->all, &out->cap, out->count + 1, sizeof storage))
            rc = err_set(e, ERR_NOMEM, "%s: out of memory", path);
        if (rc) {
            torch_storages_release(out);
            return rc;
        }
        out->all[out->count++] = storage;
    }
    if (out->count && !unite(out)) {
        torch_storages_release(out);
        return err_set(e, ERR_FORMAT, "%s: two storages of one key contradict each other",
                       path);
    }
    return ERR_OK;
}

struct torch_storage *torch_storages_find(const struct torch_storages *all,
                                          const char *key, size_t key_len)
{
    struct torch_storage want = {.key = key, .key_len = key_len};
    return all->count
               ? bsearch(&want, all->all, all->count, sizeof want, compare_storages)
               : NULL;
}

void torch_storages_release(struct torch_storages *all)
{
    free(all->all);
    *all = (struct torch_storages){0};
}

// The call that rebuilds a tensor, or NULL when v is something else.
static const struct pickle_value *tensor_call(const struct pickle *p,
                                              const struct pickle_value *v)
{
    if (pickle_calls(p, v, "torch._utils._rebuild_parameter", 1))
        v = pickle_arg(p, v, 0);
    return pickle_calls(p, v, "torch._utils._rebuild_tensor_v2", 4) ? v : NULL;
}

// _rebuild_tensor_v2(storage, offset, size, stride, …)
static enum err_code add_tensor(const struct pickle *p, const struct torch_storages *all,
                                const struct pickle_value *call, const char *name,
                                struct bag *bag, struct err *e)
{
    const struct pickle_value *id = pickle_item(p, pickle_arg(p, call, 0), 0);
    const struct pickle_value *key = pickle_item(p, id, 2);
    const struct pickle_value *offset = pickle_arg(p, call, 1);
    const struct torch_storage *storage =
        key->kind == PICKLE_TEXT ? torch_storages_find(all, key->text, key->len) : NULL;
    struct bag_tensor t = {.name = (char *)name};
    size_t strides[BAG_MAX_DIMS], start;
    t.ndim = pickle_sizes(p, pickle_arg(p, call, 2), BAG_MAX_DIMS, t.shape);
    if (!storage || t.ndim < 0 || offset->kind != PICKLE_INT || offset->integer < 0 ||
        pickle_sizes(p, pickle_arg(p, call, 3), BAG_MAX_DIMS, strides) != t.ndim)
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s is not described as torch does",
                       bag->path, name);
    t.dtype = storage->dtype;
    if (!mem_mul((size_t)offset->integer, bag_dtype_size(t.dtype), &start) ||
        start > storage->bytes)
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s starts beyond its storage",
                       bag->path, name);
    t.data = storage->data + start;
    t.bytes = storage->bytes - start;
    return bag_add_strided(bag, &t, strides, e);
}

// ---- from the root to the tensors ----

// What is left to visit: a dict of tensors, or of the parts of a module.
struct visit {
    const struct pickle_value *dict;
    char *prefix;
};

struct walk {
    const struct pickle *p;
    const struct torch_storages *all;
    struct bag *bag;
    struct visit *todo;
    size_t count, cap;
    size_t visited;
    bool script;  // a module of TorchScript
    size_t strip; // bytes at the start of every key that are no part of the name
};

// Modules that contain themselves end at the length of the name, tangled ones at the
// number of visits.
enum { MAX_PREFIX = 200, MAX_VISITS = 1 << 16 };

static enum err_code walk_later(struct walk *w, const struct pickle_value *dict,
                                const char *name, struct err *e)
{
    if (++w->visited > MAX_VISITS || strlen(name) > MAX_PREFIX)
        return err_set(e, ERR_LIMIT, "%s: modules nested too deeply at %.200s",
                       w->bag->path, name);
    if (!mem_grow(&w->todo, &w->cap, w->count + 1, sizeof *w->todo))
        return err_set(e, ERR_NOMEM, "%s: out of memory", w->bag->path);
    w->todo[w->count++] = (struct visit){dict, mem_dup(name)};
    return ERR_OK;
}

static enum err_code walk_dict(struct walk *w, const struct visit *visit, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (size_t i = 0; !rc && i + 1 < visit->dict->count; i += 2) {
        const struct pickle_value *key = pickle_item(w->p, visit->dict, i);
        const struct pickle_value *value = pickle_item(w->p, visit->dict, i + 1);
        const struct pickle_value *tensor = tensor_call(w->p, value);
        const struct pickle_value *state = pickle_item(w->p, value, 2);
        if (key->kind != PICKLE_TEXT)
            continue;
        bool module =
            w->script && value->kind == PICKLE_CALL && state->kind == PICKLE_DICT;
        if (!tensor && !module)
            continue;
        char *name = mem_printf("%s%.*s%s", visit->prefix, (int)(key->len - w->strip),
                                key->text + w->strip, tensor ? "" : ".");
        rc = tensor ? add_tensor(w->p, w->all, tensor, name, w->bag, e)
                    : walk_later(w, state, name, e);
        free(name);
    }
    return rc;
}

// The dict that holds the weights: of a training checkpoint the averaged ones, if any.
static const struct pickle_value *state_dict_of(const struct pickle *p,
                                                const struct pickle_value *root)
{
    static const char *const keys[] = {"state_dict_ema", "model_ema", "state_dict",
                                       "model"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct pickle_value *inner = pickle_get(p, root, keys[i]);
        if (inner && inner->kind == PICKLE_DICT)
            return inner;
    }
    return root;
}

// Length of "module.", which data-parallel training puts in front of every name, or 0.
static size_t common_prefix(const struct pickle *p, const struct pickle_value *dict)
{
    static const char prefix[] = "module.";
    const size_t n = sizeof prefix - 1;
    for (size_t i = 0; i < dict->count; i += 2) {
        const struct pickle_value *key = pickle_item(p, dict, i);
        if (key->kind != PICKLE_TEXT || key->len < n || memcmp(key->text, prefix, n) != 0)
            return 0;
    }
    return n;
}

enum err_code torch_dict_add(const struct pickle *p, const struct torch_storages *all,
                             struct bag *bag, struct err *e)
{
    struct walk w = {.p = p, .all = all, .bag = bag};
    const struct pickle_value *root = &p->values[p->root];
    enum err_code rc;
    if (root->kind == PICKLE_CALL) {
        w.script = true;
        root = pickle_item(p, root, 2);
    } else {
        root = state_dict_of(p, root);
        w.strip = common_prefix(p, root);
    }
    if (root->kind != PICKLE_DICT)
        return err_set(e, ERR_FORMAT, "%s: holds no state dict", bag->path);
    TRY(walk_later(&w, root, "", e));
    while (w.count) {
        struct visit visit = w.todo[--w.count];
        rc = walk_dict(&w, &visit, e);
        free(visit.prefix);
        TRY(rc);
    }
    if (bag->count == 0)
        rc = err_set(e, ERR_FORMAT, "%s: no tensors in its state dict of %zu entries",
                     bag->path, root->count / 2);
out:
    while (w.count)
        free(w.todo[--w.count].prefix);
    free(w.todo);
    return rc;
}
