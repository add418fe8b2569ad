#include "dataset/labels.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct labels {
    int count;
    const char *const *words;
    const char *const *wnids; // NULL, or with NULLs
    bool sorted;              // every class has a WordNet id, in rising order
    char *block;              // everything above, when not built in
};

static const char *const imagenet_words[] = {
#define CLASS(index, wnid, ilsvrc, words) words,
#include "dataset/imagenet.def"
#undef CLASS
};

static const char *const imagenet_wnids[] = {
#define CLASS(index, wnid, ilsvrc, words) wnid,
#include "dataset/imagenet.def"
#undef CLASS
};

static const short index_of_ilsvrc[] = {
#define CLASS(index, wnid, ilsvrc, words) [ilsvrc] = (index),
#include "dataset/imagenet.def"
#undef CLASS
};

enum { IMAGENET_CLASSES = sizeof imagenet_words / sizeof imagenet_words[0] };

const struct labels *labels_imagenet(void)
{
    static const struct labels imagenet = {IMAGENET_CLASSES, imagenet_words,
                                           imagenet_wnids, true, NULL};
    return &imagenet;
}

int labels_from_ilsvrc(long id)
{
    return id >= 1 && id <= IMAGENET_CLASSES ? index_of_ilsvrc[id] : -1;
}

enum { NUMBERED_NAME_MAX = 24 };

static bool wnids_are_sorted(const struct labels *labels)
{
    for (int i = 0; i < labels->count; i++) {
        const char *wnid = labels->wnids[i];
        if (!wnid || (i && strcmp(labels->wnids[i - 1], wnid) >= 0))
            return false;
    }
    return true;
}

// Appends text (or, where there is none, "class N") at *to.
static const char *put_name(char **to, const char *text, int index)
{
    char *name = *to;
    if (text)
        *to = stpcpy(name, text) + 1;
    else
        *to += snprintf(name, NUMBERED_NAME_MAX, "class %d", index) + 1;
    return name;
}

struct labels *labels_new(const char *const *names, const char *const *wnids, int n)
{
    size_t count = n > 0 ? (size_t)n : 0, bytes = 2 * count * sizeof(char *);
    for (size_t i = 0; i < count; i++) {
        bytes += names && names[i] ? strlen(names[i]) + 1 : NUMBERED_NAME_MAX;
        bytes += wnids && wnids[i] ? strlen(wnids[i]) + 1 : 0;
    }
    struct labels *labels = mem_new(sizeof *labels);
    labels->block = mem_new(bytes);
    const char **words_at = (const char **)(void *)labels->block;
    const char **wnids_at = words_at + count;
    char *text = (char *)(wnids_at + count);
    for (size_t i = 0; i < count; i++) {
        words_at[i] = put_name(&text, names ? names[i] : NULL, (int)i);
        if (wnids && wnids[i])
            wnids_at[i] = put_name(&text, wnids[i], (int)i);
    }
    labels->count = (int)count;
    labels->words = words_at;
    labels->wnids = wnids ? wnids_at : NULL;
    labels->sorted = wnids && wnids_are_sorted(labels);
    return labels;
}

void labels_close(struct labels *labels)
{
    if (!labels)
        return;
    free(labels->block);
    free(labels);
}

int labels_count(const struct labels *labels)
{
    return labels->count;
}

static bool in_range(const struct labels *labels, int index)
{
    return index >= 0 && index < labels->count;
}

const char *labels_words(const struct labels *labels, int index)
{
    return in_range(labels, index) ? labels->words[index] : "unknown class";
}

const char *labels_short(const struct labels *labels, int index, char *buf, int size)
{
    const char *words = labels_words(labels, index);
    (void)snprintf(buf, (size_t)size, "%.*s", (int)strcspn(words, ","), words);
    return buf;
}

const char *labels_wnid(const struct labels *labels, int index)
{
    return labels->wnids && in_range(labels, index) ? labels->wnids[index] : NULL;
}

static int compare_wnid(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

int labels_find_wnid(const struct labels *labels, const char *wnid)
{
    if (!labels->wnids)
        return -1;
    if (labels->sorted) {
        const char *const *hit = bsearch(wnid, labels->wnids, (size_t)labels->count,
                                         sizeof *labels->wnids, compare_wnid);
        return hit ? (int)(hit - labels->wnids) : -1;
    }
    for (int i = 0; i < labels->count; i++)
        if (labels->wnids[i] && strcmp(labels->wnids[i], wnid) == 0)
            return i;
    return -1;
}

static int folded(char c)
{
    return c == '_' ? ' ' : tolower((unsigned char)c);
}

// name equals the whole of words, or all of it up to the first comma.
static bool bears_name(const char *words, const char *name)
{
    while (*name && folded(*words) == folded(*name)) {
        words++;
        name++;
    }
    return *name == '\0' && (*words == '\0' || *words == ',');
}

int labels_find_name(const struct labels *labels, const char *name)
{
    int found = -1;
    for (int i = 0; i < labels->count && *name; i++) {
        if (!bears_name(labels->words[i], name))
            continue;
        if (found >= 0)
            return -2;
        found = i;
    }
    return found;
}
