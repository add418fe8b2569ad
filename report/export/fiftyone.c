#include "report/export.h"

#include "report/matrix.h"
#include "report/text.h"

#include "base/file.h"
#include "base/lookup.h"
#include "base/mem.h"
#include "base/str.h"

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

// A name without its suffix, numbered where another picture has the same.
static char *key_of(const struct rep_export *what, const char *file, bool absolute,
                    struct lookup *seen)
{
    if (absolute || !is_plain(file))
        return path_of(what, file);
    const char *base = str_basename(file);
    int stem = (int)((size_t)(base - file) + str_stem_len(base));
    char *key = mem_dup_n(file, (size_t)stem);
    for (int n = 2; lookup_find(seen, key) != LOOKUP_NONE; n++) {
        free(key);
        key = mem_printf("%.*s-%d", stem, file, n);
    }
    return key;
}

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

void rep_fiftyone_release(char **keys, size_t count)
{
    for (size_t i = 0; keys && i < count; i++)
        free(keys[i]);
    free(keys);
}

enum err_code rep_fiftyone_keys(const struct rep_export *what, bool absolute, char ***out,
                                struct err *e)
{
    struct lookup seen = {0};
    enum err_code rc = ERR_OK;
    char **keys = mem_array(what->count, sizeof *keys);
    for (size_t i = 0; keys && i < what->count && rc == ERR_OK; i++) {
        keys[i] = key_of(what, rep_export_row(what, i)->file, absolute, &seen);
        if (lookup_find(&seen, keys[i]) == LOOKUP_NONE && !lookup_add(&seen, keys[i]))
            rc = ERR_NOMEM;
    }
    if (!keys || rc != ERR_OK) {
        rep_fiftyone_release(keys, what->count);
        keys = NULL;
        rc =
            err_set(e, ERR_NOMEM, "no memory for the names of %zu pictures", what->count);
    }
    lookup_release(&seen);
    *out = keys;
    return rc;
}

enum err_code rep_fiftyone_write(const struct rep_export *what, char *const *keys,
                                 bool truth, FILE *out, struct err *e)
{
    enum err_code rc = write_classes(what, out, e);
    for (size_t i = 0; i < what->count && rc == ERR_OK; i++) {
        (void)fputs(i ? ",\n" : "\n", out);
        rep_json_write(out, keys[i]);
        (void)fputs(": ", out);
        write_target(rep_export_row(what, i), truth, out);
    }
    (void)fputs("}}\n", out);
    return rc;
}
