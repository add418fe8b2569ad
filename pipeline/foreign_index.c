#include "pipeline/foreign.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

// A name's parts; the folder is the last one only.
struct parts {
    const char *stem, *folder;
    size_t stem_len, folder_len;
};

struct entry {
    struct parts parts;
    size_t place;
};

struct foreign_index {
    const struct ds *ds;
    struct entry *entries; // by stem, then place
};

static struct parts parts_of(const char *name)
{
    const char *base = str_basename(name);
    struct parts p = {.stem = base, .folder = base, .stem_len = str_stem_len(base)};
    if (base > name) {
        p.folder = base - 1;
        while (p.folder > name && p.folder[-1] != '/')
            p.folder--;
        p.folder_len = (size_t)(base - 1 - p.folder);
    }
    return p;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_stems(const struct parts *a, const struct parts *b)
{
    return compare(a->stem, a->stem_len, b->stem, b->stem_len);
}

static int by_stem(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_stems(&x->parts, &y->parts);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

struct foreign_index *foreign_index_new(const struct ds *ds)
{
    size_t n = ds_count(ds);
    struct foreign_index *index = mem_new(sizeof *index);
    index->ds = ds;
    index->entries = mem_new((n + 1) * sizeof *index->entries);
    for (size_t i = 0; i < n; i++)
        index->entries[i] = (struct entry){parts_of(ds_item(ds, i)->name), i};
    qsort(index->entries, n, sizeof *index->entries, by_stem);
    return index;
}

void foreign_index_free(struct foreign_index *index)
{
    if (index)
        free(index->entries);
    free(index);
}

static size_t first_with(const struct foreign_index *index, const struct parts *parts)
{
    size_t low = 0, high = ds_count(index->ds);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_stems(&index->entries[middle].parts, parts) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static ptrdiff_t find_parts(const struct foreign_index *index, const struct parts *parts)
{
    size_t n = ds_count(index->ds), same = 0, in_folder = 0, hit = 0;
    for (size_t i = first_with(index, parts); i < n; i++) {
        const struct entry *entry = &index->entries[i];
        if (compare_stems(&entry->parts, parts) != 0)
            break;
        bool folder = compare(entry->parts.folder, entry->parts.folder_len, parts->folder,
                              parts->folder_len) == 0;
        if (folder || in_folder == 0)
            hit = entry->place;
        in_folder += folder;
        same++;
    }
    if (same == 0)
        return FOREIGN_NONE;
    return same == 1 || in_folder == 1 ? (ptrdiff_t)hit : FOREIGN_SEVERAL;
}

ptrdiff_t foreign_index_find(const struct foreign_index *index, const char *name)
{
    struct parts parts = parts_of(name), rest = parts;
    size_t digits = strspn(parts.stem, "0123456789");
    bool numbered = digits >= 8 && digits <= 18 && parts.stem[digits] == '_';
    if (numbered) {
        rest.stem += digits + 1;
        rest.stem_len -= digits + 1;
        size_t place = strtoull(parts.stem, NULL, 10);
        if (place < ds_count(index->ds)) {
            struct parts there = parts_of(ds_item(index->ds, place)->name);
            if (compare_stems(&there, &rest) == 0)
                return (ptrdiff_t)place;
        }
    }
    ptrdiff_t found = find_parts(index, &parts);
    return found == FOREIGN_NONE && numbered ? find_parts(index, &rest) : found;
}

int foreign_folder_class(const struct labels *labels, const char *path)
{
    const char *base = str_basename(path), *from;
    if (base == path)
        return -1;
    for (from = base - 1; from > path && from[-1] != '/';)
        from--;
    char *folder = mem_dup_n(from, (size_t)(base - 1 - from));
    int index = labels_find_wnid(labels, folder);
    if (index < 0 && labels_count(labels) == labels_count(labels_imagenet()))
        index = labels_find_wnid(labels_imagenet(), folder);
    if (index < 0)
        index = labels_find_name(labels, folder);
    free(folder);
    return index >= 0 ? index : -1;
}
