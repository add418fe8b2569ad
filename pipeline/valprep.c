#include "pipeline/valprep.h"

#include "pipeline/valprep_link.h"

#include "dataset/dataset.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAT = -1 };

// A picture where it was found: in the flat folder, or in that of a class.
struct found {
    char *name;
    int folder; // class index or FLAT
};

struct prep {
    const struct valprep *spec;
    const char *target;
    valprep_misfit_fn *misfit;
    void *ctx;
    struct valprep_result *result;
    struct found *found; // sorted by name once all are known
    size_t count, cap;
    bool *made; // class folders that are known to be there
};

static const char *wnid_of(int index)
{
    return labels_wnid(labels_imagenet(), index);
}

static void tell(struct prep *p, enum valprep_misfit kind, const char *name)
{
    p->result->misfits[kind]++;
    p->misfit(p->ctx, kind, name);
}

// ---- what is there ----

static enum err_code add(struct prep *p, const char *name, int folder, struct err *e)
{
    if (!mem_grow(&p->found, &p->cap, p->count + 1, sizeof *p->found))
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu pictures", p->spec->folder,
                       p->count + 1);
    p->found[p->count++] = (struct found){mem_dup(name), folder};
    return ERR_OK;
}

static enum err_code list(struct prep *p, const char *path, int folder, struct err *e)
{
    enum err_code rc = ERR_OK;
    DIR *dir = opendir(path);
    if (!dir)
        return err_set_errno(e, errno, path, "cannot list");
    for (struct dirent *entry; (errno = 0, entry = readdir(dir));) {
        struct stat st;
        const char *name = entry->d_name;
        if (name[0] == '.' || !ds_is_picture(name) ||
            fstatat(dirfd(dir), name, &st, 0) != 0 || !S_ISREG(st.st_mode))
            continue;
        TRY(add(p, name, folder, e));
    }
    if (errno != 0)
        rc = err_set_errno(e, errno, path, "cannot list");
out:
    closedir(dir);
    return rc;
}

static enum err_code list_classes(struct prep *p, const char *root, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (int i = 0; i < labels_count(labels_imagenet()) && rc == ERR_OK; i++) {
        char *path = mem_printf("%s/%s", root, wnid_of(i));
        if (file_is_dir(path))
            rc = list(p, path, i, e);
        free(path);
    }
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->folder > y->folder) - (x->folder < y->folder);
}

// Both ends, so that what an earlier run has done is seen: lines without names go by the
// number of pictures.
static enum err_code find_pictures(struct prep *p, struct err *e)
{
    enum err_code rc;
    const char *flat = p->spec->reverse ? p->target : p->spec->folder;
    const char *classes = p->spec->reverse ? p->spec->folder : p->target;
    if (file_is_dir(flat))
        TRY(list(p, flat, FLAT, e));
    TRY(list_classes(p, classes, e));
    if (!p->found) {
        rc =
            err_set(e, ERR_MISSING, "%s: no pictures in it, expected %s", p->spec->folder,
                    p->spec->reverse ? "class folders named by WordNet id with some"
                                     : "files ending in .jpeg, .jpg or .png");
        goto out;
    }
    qsort(p->found, p->count, sizeof *p->found, by_name);
out:
    return rc;
}

// ---- what is to be ----

static enum err_code make_folder(struct prep *p, int label, struct err *e)
{
    const char *flat = p->spec->reverse ? p->target : p->spec->folder;
    const char *classes = p->spec->reverse ? p->spec->folder : p->target;
    struct stat upper, lower;
    enum err_code rc = ERR_OK;
    if (p->made[label])
        return ERR_OK;
    char *path = mem_printf("%s/%s", classes, wnid_of(label));
    if (!p->spec->reverse)
        TRY(file_make_dirs(path, e));
    // Else both names would be one, and the old one must not go.
    if (stat(flat, &upper) == 0 && stat(path, &lower) == 0 &&
        upper.st_dev == lower.st_dev && upper.st_ino == lower.st_ino)
        TRY(err_set(e, ERR_FORMAT, "%s: leads to %s itself, expected a folder of its own",
                    path, flat));
    p->made[label] = true;
out:
    free(path);
    return rc;
}

static enum err_code place(struct prep *p, const char *name, int label, struct err *e)
{
    const struct valprep *spec = p->spec;
    const char *wnid = wnid_of(label);
    enum valprep_outcome outcome = OUTCOME_MISSING;
    char *inner = mem_printf("%s/%s", wnid, name);
    char *from = mem_printf("%s/%s", spec->folder, spec->reverse ? inner : name);
    char *to = mem_printf("%s/%s", p->target, spec->reverse ? name : inner);
    char *relative = spec->target    ? file_absolute(from)
                     : spec->reverse ? mem_dup(inner)
                                     : mem_printf("../%s", name);
    enum err_code rc = make_folder(p, label, e);
    if (rc == ERR_OK)
        rc = valprep_place(spec->link, from, to, relative, &outcome, e);
    if (rc == ERR_OK && outcome == OUTCOME_OTHER)
        tell(p, VALPREP_OTHER_FILE, spec->reverse ? name : inner);
    if (rc == ERR_OK && outcome == OUTCOME_MISSING)
        tell(p, VALPREP_NO_PICTURE, name);
    p->result->placed += rc == ERR_OK && outcome == OUTCOME_PLACED;
    p->result->kept += rc == ERR_OK && outcome == OUTCOME_KEPT;
    free(relative);
    free(to);
    free(from);
    free(inner);
    return rc;
}

// found[from … to-1] are one name's; its label is -1 where the file does not know it.
static enum err_code place_name(struct prep *p, size_t from, size_t to, int label,
                                struct err *e)
{
    const char *name = p->found[from].name;
    bool there = false;
    for (size_t i = from; i < to; i++) {
        int folder = p->found[i].folder;
        there |= folder == FLAT || folder == label;
        if (label < 0 || (folder != FLAT && folder != label)) {
            char *path = folder == FLAT ? mem_dup(name)
                                        : mem_printf("%s/%s", wnid_of(folder), name);
            tell(p, label < 0 ? VALPREP_NO_LABEL : VALPREP_MISPLACED, path);
            free(path);
        }
    }
    return label >= 0 && there ? place(p, name, label, e) : ERR_OK;
}

static void tell_missing(void *ctx, const char *name)
{
    tell(ctx, VALPREP_NO_PICTURE, name);
}

static enum err_code place_all(struct prep *p, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct ds *ds = NULL;
    size_t names = 0;
    char **unique = mem_array(p->count, sizeof *unique);
    if (!unique)
        return err_set(e, ERR_NOMEM, "%s: no memory for its names", p->spec->folder);
    for (size_t i = 0; i < p->count; i++)
        if (i == 0 || strcmp(p->found[i].name, unique[names - 1]) != 0)
            unique[names++] = p->found[i].name;
    ds = ds_open_files(unique, names);
    const struct ds_opts opts = {.ilsvrc_order = p->spec->ilsvrc_order};
    const struct ds_label_watch watch = {tell_missing, p};
    TRY(ds_label_from(ds, p->spec->val_label, &opts, &watch, e));
    for (size_t n = 0, from = 0, to; n < names; n++, from = to) {
        for (to = from; to < p->count && strcmp(p->found[to].name, unique[n]) == 0;)
            to++;
        TRY(place_name(p, from, to, ds_item(ds, n)->label, e));
        progress_tell(&p->spec->progress, n + 1, names);
        if (p->spec->cancel && atomic_load(p->spec->cancel))
            TRY(err_set(e, ERR_INTERRUPTED, "interrupted after %zu of %zu pictures",
                        n + 1, names));
    }
out:
    ds_close(ds);
    free(unique);
    return rc;
}

// Class folders that a move left empty; rmdir leaves the others alone.
static void remove_empty_folders(const struct prep *p)
{
    for (int i = 0; i < labels_count(labels_imagenet()); i++) {
        char *path = mem_printf("%s/%s", p->spec->folder, wnid_of(i));
        (void)rmdir(path);
        free(path);
    }
}

enum err_code pipe_valprep(const struct valprep *spec, valprep_misfit_fn *misfit,
                           void *ctx, struct valprep_result *result, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct prep p = {.spec = spec, .misfit = misfit, .ctx = ctx, .result = result};
    *result = (struct valprep_result){0};
    p.target = spec->target ? spec->target : spec->folder;
    p.made = mem_new((size_t)labels_count(labels_imagenet()) * sizeof *p.made);
    if (!file_is_dir(spec->folder))
        TRY(err_set(e, ERR_MISSING, "%s: no such folder", spec->folder));
    TRY(find_pictures(&p, e));
    if (spec->reverse)
        TRY(file_make_dirs(p.target, e));
    TRY(place_all(&p, e));
    if (spec->reverse && spec->link == VALPREP_MOVE)
        remove_empty_folders(&p);
out:
    for (size_t i = 0; i < p.count; i++)
        free(p.found[i].name);
    free(p.found);
    free(p.made);
    return rc;
}
