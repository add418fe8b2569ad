#include "engine/weights/pickle/torch.h"

#include "engine/weights/pickle/torch_dict.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PICKLE = 64 << 20, MAX_MARKER = 16 };

// The member that holds the object, "<stem>/data.pkl", or -1.
static ptrdiff_t find_pickle(const struct zip_reader *zip)
{
    for (size_t i = 0; i < arc_zip_count(zip); i++) {
        const char *name = arc_zip_name(zip, i), *slash = strchr(name, '/');
        if (slash && strcmp(slash, "/data.pkl") == 0)
            return (ptrdiff_t)i;
    }
    return -1;
}

bool torch_zip_is(const struct zip_reader *zip)
{
    return find_pickle(zip) >= 0;
}

bool torch_zip_is_script(const struct zip_reader *zip)
{
    for (size_t i = 0; i < arc_zip_count(zip); i++)
        if (str_ends_with(arc_zip_name(zip, i), "/constants.pkl"))
            return true;
    return false;
}

// <stem>/byteorder is absent in older files, which are all little-endian.
static enum err_code check_byteorder(struct zip_reader *zip, const char *stem,
                                     const char *path, struct err *e)
{
    char *name = mem_printf("%sbyteorder", stem);
    ptrdiff_t member = arc_zip_find(zip, name);
    uint8_t *text = NULL;
    size_t len;
    enum err_code rc = ERR_OK;
    if (member >= 0)
        rc = arc_zip_read(zip, (size_t)member, MAX_MARKER, &text, &len, e);
    if (!rc && text && strcmp((const char *)text, "little") != 0)
        rc =
            err_set(e, ERR_UNSUPPORTED, "%s: byte order %s, expected little", path, text);
    free(text);
    free(name);
    return rc;
}

static enum err_code read_storage(struct zip_reader *zip, const char *stem,
                                  struct torch_storage *storage, struct bag *bag,
                                  struct err *e)
{
    char *name = mem_printf("%sdata/%.*s", stem, (int)storage->key_len, storage->key);
    ptrdiff_t member = arc_zip_find(zip, name);
    uint8_t *data = NULL;
    size_t len = 0;
    enum err_code rc;
    if (member < 0)
        rc = err_set(e, ERR_FORMAT, "%s: member %.200s is missing", bag->path, name);
    else
        rc = arc_zip_read(zip, (size_t)member, storage->bytes, &data, &len, e);
    if (!rc && len != storage->bytes)
        rc = err_set(e, ERR_FORMAT, "%s: member %.200s has %zu bytes, expected %zu",
                     bag->path, name, len, storage->bytes);
    free(name);
    if (data)
        bag_take_block(bag, data);
    storage->data = data;
    return rc;
}

// Members are stored, not packed: more bytes than the file has cannot be true.
static enum err_code check_total(const struct bag *bag, size_t bytes, struct err *e)
{
    struct stat st;
    if (stat(bag->path, &st) != 0)
        return err_set_errno(e, errno, bag->path, "cannot open");
    if (bytes > (size_t)st.st_size)
        return err_set(e, ERR_FORMAT, "%s: claims %zu bytes of tensors in a file of %lld",
                       bag->path, bytes, (long long)st.st_size);
    return ERR_OK;
}

enum err_code torch_zip_read(struct zip_reader *zip, const char *path, struct bag *out,
                             struct err *e)
{
    ptrdiff_t member = find_pickle(zip);
    if (member < 0)
        return err_set(e, ERR_FORMAT, "%s: no data.pkl inside", path);
    out->path = mem_dup(path);
    const char *name = arc_zip_name(zip, (size_t)member);
    char *stem = mem_dup_n(name, strlen(name) - strlen("data.pkl"));
    struct pickle p = {0};
    struct torch_storages storages = {0};
    uint8_t *data = NULL;
    size_t len = 0;
    enum err_code rc;
    TRY(check_byteorder(zip, stem, path, e));
    TRY(arc_zip_read(zip, (size_t)member, MAX_PICKLE, &data, &len, e));
    TRY(pickle_read(&p, data, len, torch_allows, path, e));
    TRY(torch_storages_list(&p, path, &storages, e));
    TRY(check_total(out, storages.bytes, e));
    for (size_t i = 0; i < storages.count; i++)
        TRY(read_storage(zip, stem, &storages.all[i], out, e));
    rc = torch_dict_add(&p, &storages, out, e);
out:
    torch_storages_release(&storages);
    pickle_release(&p);
    free(data);
    free(stem);
    return rc;
}

// A pickled integer, 0x1950a86a20f9469cfc6c, in protocol 2.
static const uint8_t legacy_magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                       0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

bool torch_legacy_is(const uint8_t *data, size_t len)
{
    return len >= sizeof legacy_magic &&
           memcmp(data, legacy_magic, sizeof legacy_magic) == 0;
}

// Reads the pickle at *at and moves behind it.
static enum err_code next_pickle(const struct bag *bag, size_t *at, struct pickle *p,
                                 struct err *e)
{
    enum err_code rc = pickle_read(p, bag->file.data + *at, bag->file.len - *at,
                                   torch_allows, bag->path, e);
    *at += rc ? 0 : p->end;
    return rc;
}

static enum err_code check_system(const struct pickle *p, const char *path, struct err *e)
{
    const struct pickle_value *little =
        pickle_get(p, &p->values[p->root], "little_endian");
    if (!little || little->kind != PICKLE_BOOL || !little->integer)
        return err_set(e, ERR_UNSUPPORTED, "%s: not little-endian", path);
    return ERR_OK;
}

// The storages lie behind the pickles in the order of the key list, each behind the
// number of its elements.
static enum err_code place_storages(const struct bag *bag, size_t at,
                                    const struct pickle *keys,
                                    struct torch_storages *storages, struct err *e)
{
    const struct pickle_value *list = &keys->values[keys->root];
    for (size_t i = 0; i < list->count; i++) {
        const struct pickle_value *key = pickle_item(keys, list, i);
        struct torch_storage *s = key->kind == PICKLE_TEXT
                                      ? torch_storages_find(storages, key->text, key->len)
                                      : NULL;
        if (!s)
            return err_set(e, ERR_FORMAT, "%s: storage %zu is listed but unknown",
                           bag->path, i);
        size_t room = bag->file.len - at;
        if (room < sizeof(uint64_t) || s->bytes > room - sizeof(uint64_t))
            return err_set(
                e, ERR_FORMAT,
                "%s: truncated at byte %zu, a storage of %zu bytes goes beyond",
                bag->path, at, s->bytes);
        uint64_t elements;
        memcpy(&elements, bag->file.data + at, sizeof elements);
        if (elements != s->elements)
            return err_set(e, ERR_FORMAT,
                           "%s: byte %zu: a storage of %llu elements, expected %zu",
                           bag->path, at, (unsigned long long)elements, s->elements);
        s->data = bag->file.data + at + sizeof(uint64_t);
        at += sizeof(uint64_t) + s->bytes;
    }
    for (size_t i = 0; i < storages->count; i++)
        if (!storages->all[i].data)
            return err_set(e, ERR_FORMAT, "%s: storage %.*s is missing", bag->path,
                           (int)storages->all[i].key_len, storages->all[i].key);
    return ERR_OK;
}

enum err_code torch_legacy_read(struct file_bytes *bytes, const char *path,
                                struct bag *out, struct err *e)
{
    struct pickle part = {0}, object = {0}, keys = {0};
    struct torch_storages storages = {0};
    size_t at = sizeof legacy_magic;
    enum err_code rc;
    out->path = mem_dup(path);
    out->file = *bytes;
    *bytes = (struct file_bytes){0};
    TRY(next_pickle(out, &at, &part, e)); // protocol, 1001 for as long as it exists
    pickle_release(&part);
    TRY(next_pickle(out, &at, &part, e));
    TRY(check_system(&part, path, e));
    TRY(next_pickle(out, &at, &object, e));
    TRY(next_pickle(out, &at, &keys, e));
    TRY(torch_storages_list(&object, path, &storages, e));
    TRY(place_storages(out, at, &keys, &storages, e));
    rc = torch_dict_add(&object, &storages, out, e);
out:
    torch_storages_release(&storages);
    pickle_release(&part);
    pickle_release(&object);
    pickle_release(&keys);
    return rc;
}
