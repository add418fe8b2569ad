#include "dataset/labels.h"

#include "dataset/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UPS = 3, NONE = -1 };

// A row of wordnet.def; hypernyms that it does not have are 0, which is the root and
// never a second one.
static const struct synset {
    const char *wnid, *words;
    short ups[UPS];
} synsets[] = {
#define SYNSET(wnid, words, ...) {wnid, words, {__VA_ARGS__}},
#include "dataset/wordnet.def"
#undef SYNSET
};
enum { SYNSETS = sizeof synsets / sizeof *synsets };

// ---- finding synsets ----

static int by_wnid(const void *key, const void *element)
{
    return strcmp(key, ((const struct synset *)element)->wnid);
}

static int find_wnid(const char *wnid)
{
    const struct synset *found =
        wnid ? bsearch(wnid, synsets, SYNSETS, sizeof *synsets, by_wnid) : NULL;
    return found ? (int)(found - synsets) : NONE;
}

static bool same_word(const char *word, size_t len, const char *name)
{
    if (strlen(name) != len)
        return false;
    char *plain = mem_dup_n(word, len);
    for (char *c = plain; (c = strchr(c, '_'));)
        *c = ' ';
    bool same = strncasecmp(plain, name, len) == 0;
    free(plain);
    return same;
}

// Place of `name` among the words of a synset, NONE when it is not there.
static int word_place(const char *words, const char *name)
{
    for (int place = 0; *words; place++) {
        size_t len = strcspn(words, ",");
        if (same_word(words, len, name))
            return place;
        words += len + strspn(words + len, ", ");
    }
    return NONE;
}

// "cat" is the first word of one synset and the second of "big cat": the first counts.
static enum err_code find_synset(char *name, int *out, struct err *e)
{
    int found[2][2] = {{NONE, NONE}, {NONE, NONE}}; // by a first word, by a later one
    for (char *c = name; (c = strchr(c, '_'));)
        *c = ' ';
    for (int i = 0; i < SYNSETS; i++) {
        int place = word_place(synsets[i].words, name);
        int *pair = found[place > 0];
        if (place >= 0)
            pair[pair[0] != NONE] = i;
    }
    const int *pair = found[0][0] == NONE ? found[1] : found[0];
    *out = text_is_wnid(name) && name[9] == '\0' ? find_wnid(name) : pair[0];
    if (pair[1] != NONE)
        return err_set(e, ERR_USAGE,
                       "--fold %s: several synsets bear the name, %s and %s among them, "
                       "expected a WordNet id",
                       name, synsets[pair[0]].wnid, synsets[pair[1]].wnid);
    if (*out == NONE || !synsets[*out].words[0])
        return err_set(e, ERR_USAGE,
                       "--fold %s: no such synset above the ImageNet classes, expected a "
                       "level, names or WordNet ids",
                       name);
    return ERR_OK;
}

// ---- going up ----

static int up_to_level(int at, long level)
{
    int depth = 0;
    for (int up = at; up > 0; up = synsets[up].ups[0])
        depth++;
    for (; depth > level; depth--)
        at = synsets[at].ups[0];
    return at;
}

// The nearest marked synset above `from` by any hypernym, or NONE: breadth first.
static int up_to_marked(int from, const bool marked[SYNSETS])
{
    int queue[SYNSETS];
    bool seen[SYNSETS] = {false};
    int head = 0, tail = 0;
    queue[tail++] = from;
    seen[from] = true;
    while (head < tail) {
        int at = queue[head++];
        if (marked[at])
            return at;
        for (int k = 0; k < UPS; k++) {
            int up = synsets[at].ups[k];
            if ((up > 0 || (up == 0 && k == 0)) && !seen[up]) {
                seen[up] = true;
                queue[tail++] = up;
            }
        }
    }
    return NONE;
}

static enum err_code mark(const char *spec, bool marked[SYNSETS], struct err *e)
{
    char *copy = mem_dup(spec), *rest = copy;
    enum err_code rc = ERR_OK;
    for (char *name; rc == ERR_OK && (name = strsep(&rest, ","));) {
        int found;
        rc = find_synset(text_trim(name), &found, e);
        if (rc == ERR_OK)
            marked[found] = true;
    }
    free(copy);
    return rc;
}

// ---- groups ----

// Where the classes stand in the table; labels without ids for the same thousand classes
// are in the same order.
static int *places_of(const struct labels *labels, bool *any)
{
    int n = labels_count(labels);
    int *places = mem_new((size_t)n * sizeof *places);
    bool built_in = n == labels_count(labels_imagenet()) && !labels_wnid(labels, 0);
    *any = false;
    for (int i = 0; i < n; i++) {
        places[i] = find_wnid(labels_wnid(built_in ? labels_imagenet() : labels, i));
        *any |= places[i] != NONE;
    }
    return places;
}

static struct labels *name_groups(const struct labels *labels, const int *target,
                                  int *group_of)
{
    int n = labels_count(labels), count = 0;
    int group_at[SYNSETS];
    const char **texts = mem_new(2 * (size_t)n * sizeof *texts), **wnids = texts + n;
    for (int i = 0; i < SYNSETS; i++)
        group_at[i] = NONE;
    for (int i = 0; i < n; i++) {
        int at = target[i];
        if (at != NONE && group_at[at] != NONE) {
            group_of[i] = group_at[at];
            continue;
        }
        if (at != NONE)
            group_at[at] = count;
        texts[count] = at != NONE ? synsets[at].words : labels_words(labels, i);
        wnids[count] = at != NONE ? synsets[at].wnid : labels_wnid(labels, i);
        group_of[i] = count++;
    }
    struct labels *folded = labels_new(texts, wnids, count);
    free(texts);
    return folded;
}

enum err_code labels_fold(const struct labels *labels, const char *spec, int **group_of,
                          struct labels **folded, struct err *e)
{
    bool marked[SYNSETS] = {false}, any;
    long level = -1;
    enum err_code rc = ERR_OK;
    int *target = places_of(labels, &any);
    if (!any)
        TRY(err_set(e, ERR_FORMAT,
                    "--fold: none of the %d classes has the WordNet id of an ImageNet "
                    "class",
                    labels_count(labels)));
    bool by_level = text_is_number(spec) && str_to_long(spec, &level);
    if (!by_level)
        TRY(mark(spec, marked, e));
    for (int i = 0; i < labels_count(labels); i++) {
        int at = target[i];
        if (at != NONE)
            target[i] = by_level ? up_to_level(at, level) : up_to_marked(at, marked);
        if (target[i] == at && at != NONE)
            target[i] = NONE; // stays itself, under its own words
    }
    *group_of = mem_new((size_t)labels_count(labels) * sizeof **group_of);
    *folded = name_groups(labels, target, *group_of);
out:
    free(target);
    return rc;
}
