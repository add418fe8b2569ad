#include "report/export.h"

#include "report/matrix.h"
#include "report/text.h"

#include "base/file.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// FiftyOne 1.x reads labels.json as {"classes": [name, …], "labels": {key: target, …}},
// target a place in classes or {"label": place, "confidence": p}. A key is the name of a
// picture in data/ without its suffix, or an absolute path.

static bool is_plain(const char *file)
{
    const char *base = str_basename(file);
    return file[0] != '/' && base[0] != '.' && !strstr(file, "./") &&
           !strstr(file, "//") && !strchr(file, '\\'); // which FiftyOne takes for a slash
}

static char *path_of(const struct rep_export *what, const char *file)
{
    char *joined = file[0] == '/' ? mem_dup(file) : mem_printf("%s/%s", what->root, file);
    char *path = file_absolute(joined);
    free(joined);
    return path;
}

// ---- keys ----

// Keys so far that may come again. Rows come in order of their files, so a key, and all
// that are it with "-N" behind, may only come before horizon: their names are it, with
// or without a suffix, and '/' is next to '.'.
struct keys {
    const struct rep_export *what;
    bool absolute;
    struct lookup seen;
    char *horizon;
    rep_keyed_fn *fn;
    void *ctx;
};

// Length of a key without the numbers behind it, "-2" and such.
static size_t unnumbered(const char *key)
{
    size_t len = strlen(key);
    for (size_t n = len; n > 0 && isdigit((unsigned char)key[n - 1]);) {
        n--;
        if (key[n] != '0' && n > 0 && key[n - 1] == '-')
            len = --n;
    }
    return len;
}

static bool remember(struct keys *keys, const char *key)
{
    char *end = mem_printf("%.*s/", (int)unnumbered(key), key);
    if (!keys->horizon || strcmp(end, keys->horizon) > 0) {
        free(keys->horizon);
        keys->horizon = end;
    } else {
        free(end);
    }
    return lookup_add(&keys->seen, key);
}

static void forget(struct keys *keys)
{
    lookup_release(&keys->seen);
    free(keys->horizon);
    keys->seen = (struct lookup){0};
    keys->horizon = NULL;
}

// A name without its suffix, numbered where another picture has the same.
static char *plain_key(struct keys *keys, const char *file)
{
    const char *base = str_basename(file);
    int stem = (int)((size_t)(base - file) + str_stem_len(base));
    char *key = mem_dup_n(file, (size_t)stem);
    if (keys->horizon && strcmp(file, keys->horizon) >= 0)
        forget(keys);
    for (int n = 2; lookup_find(&keys->seen, key) != LOOKUP_NONE; n++) {
        free(key);
        key = mem_printf("%.*s-%d", stem, file, n);
    }
    return key;
}

static enum err_code give_key(void *ctx, const struct row *row, struct err *e)
{
    struct keys *keys = ctx;
    bool plain = !keys->absolute && is_plain(row->file);
    char *key = plain ? plain_key(keys, row->file) : path_of(keys->what, row->file);
    enum err_code rc = plain && !remember(keys, key)
                           ? err_set(e, ERR_NOMEM, "no memory for the pictures' names")
                           : keys->fn(keys->ctx, key, row, e);
    free(key);
    return rc;
}

enum err_code rep_fiftyone_each(const struct rep_export *what, bool absolute,
                                rep_keyed_fn *fn, void *ctx, struct err *e)
{
    struct keys keys = {.what = what, .absolute = absolute, .fn = fn, .ctx = ctx};
    enum err_code rc = rep_export_each(what, give_key, &keys, e);
    forget(&keys);
    return rc;
}

// ---- the file ----

// FiftyOne knows classes by name alone, and two of ImageNet's are called crane.
static enum err_code write_classes(const struct rep_export *what, FILE *out,
                                   struct err *e)
{
    struct lookup seen = {0};
    enum err_code rc = ERR_OK;
    (void)fputs("{\"classes\": [", out);
    for (int i = 0; i < what->classes && rc == ERR_OK; i++) {
        const char *words = labels_words(what->labels, i);
        const char *wnid = labels_wnid(what->labels, i);
        char *name = mem_dup(words);
        if (lookup_find(&seen, name) != LOOKUP_NONE) {
            free(name);
            name = wnid ? mem_printf("%s (%s)", words, wnid)
                        : mem_printf("%s (%d)", words, i);
        }
        if (lookup_find(&seen, name) == LOOKUP_NONE && !lookup_add(&seen, name))
            rc = err_set(e, ERR_NOMEM, "no memory for the class names");
        (void)fputs(i ? ",\n" : "\n", out);
        rep_json_write(out, name);
        free(name);
    }
    (void)fputs("],\n\"labels\": {", out);
    lookup_release(&seen);
    return rc;
}

static void write_target(const struct row *row, bool truth, FILE *out)
{
    char number[REP_NUMBER_MAX];
    if (truth && row->label >= 0)
        (void)fprintf(out, "%d", row->label);
    else if (!truth && row_done(row))
        (void)fprintf(out, "{\"label\": %d, \"confidence\": %s}", row->top[0],
                      rep_number_text(number, (double)row->prob[0], 8));
    else
        (void)fputs("null", out);
}

struct samples {
    FILE *out;
    bool truth, any;
};

static enum err_code write_sample(void *ctx, const char *key, const struct row *row,
                                  struct err *e)
{
    struct samples *samples = ctx;
    (void)e;
    (void)fputs(samples->any ? ",\n" : "\n", samples->out);
    samples->any = true;
    rep_json_write(samples->out, key);
    (void)fputs(": ", samples->out);
    write_target(row, samples->truth, samples->out);
    return ERR_OK;
}

enum err_code rep_fiftyone_write(const struct rep_export *what, bool absolute, bool truth,
                                 FILE *out, struct err *e)
{
    struct samples samples = {.out = out, .truth = truth};
    enum err_code rc = write_classes(what, out, e);
    if (rc == ERR_OK)
        rc = rep_fiftyone_each(what, absolute, write_sample, &samples, e);
    (void)fputs("}}\n", out);
    return rc;
}
