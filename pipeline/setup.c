#include "pipeline/pipeline.h"

#include "base/mem.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static enum err_code choose_prep(const struct pipe_setup_opts *opts,
                                 const struct eng_info *info, struct ds_prep *prep,
                                 struct err *e)
{
    struct err why = {0};
    *prep = (struct ds_prep){
        .height = info->height, .width = info->width, .crop_pct = info->crop_pct};
    if (opts->height > 0) {
        prep->height = opts->height;
        prep->width = opts->width;
    }
    const char *text = opts->preprocess ? opts->preprocess : info->preset;
    if (ds_prep_parse(text, prep, &why) == ERR_OK)
        return ERR_OK;
    if (opts->preprocess)
        return err_set(e, ERR_USAGE, "--preprocess %s", why.msg);
    return err_set(e, ERR_FORMAT, "%s: names the preprocessing %s", info->path, why.msg);
}

// The metadata's JSON array of names; NULL unless it has one name a class.
static struct labels *metadata_labels(const struct eng_info *info)
{
    cJSON *array = cJSON_Parse(info->labels);
    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != info->classes) {
        cJSON_Delete(array);
        return NULL;
    }
    const char **names = mem_new((size_t)info->classes * sizeof *names);
    int n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array) if (cJSON_IsString(item)) names[n++] =
        item->valuestring;
    struct labels *labels = n == info->classes ? labels_new(names, NULL, n) : NULL;
    free(names);
    cJSON_Delete(array);
    return labels;
}

// ImageNet's classes behind one that TensorFlow's first models had for what is none.
static struct labels *background_labels(void)
{
    const struct labels *imagenet = labels_imagenet();
    int n = labels_count(imagenet) + 1;
    const char **names = mem_new((size_t)n * sizeof *names);
    const char **wnids = mem_new((size_t)n * sizeof *wnids);
    names[0] = "background";
    for (int i = 1; i < n; i++) {
        names[i] = labels_words(imagenet, i - 1);
        wnids[i] = labels_wnid(imagenet, i - 1);
    }
    struct labels *labels = labels_new(names, wnids, n);
    free(names);
    free(wnids);
    return labels;
}

// What differs by one is a class in front that the names do not have, or should not.
static enum err_code wrong_count(const char *path, const struct labels *labels,
                                 const struct eng_info *info, struct err *e)
{
    int names = labels_count(labels), imagenet = labels_count(labels_imagenet());
    const char *why = "";
    if (info->classes == imagenet + 1 && names == imagenet)
        why = ": the model has a background class in front, name it in the first line";
    else if (info->classes == imagenet && names == imagenet + 1)
        why = ": the model has no background class, leave out the first line";
    return err_set(e, ERR_FORMAT, "%s: %d class names, expected the %d of %s%s", path,
                   names, info->classes, info->path, why);
}

static enum err_code choose_labels(const struct pipe_setup_opts *opts,
                                   const struct eng_info *info, struct pipe_setup *out,
                                   struct err *e)
{
    if (opts->label) {
        enum err_code rc = labels_open(opts->label, &out->owned_labels, e);
        if (rc != ERR_OK)
            return rc;
        out->labels = out->owned_labels;
        return labels_count(out->labels) == info->classes
                   ? ERR_OK
                   : wrong_count(opts->label, out->labels, info, e);
    }
    bool named = info->labels && info->labels[0] == '[';
    int beyond = info->classes - labels_count(labels_imagenet());
    if (beyond == 0 && !named) {
        out->labels = labels_imagenet();
        return ERR_OK;
    }
    out->background = beyond == 1 && !named;
    if (out->background)
        out->owned_labels = background_labels();
    else if (info->labels)
        out->owned_labels = metadata_labels(info);
    if (!out->owned_labels)
        out->owned_labels = labels_new(NULL, NULL, info->classes);
    out->labels = out->owned_labels;
    return ERR_OK;
}

enum err_code pipe_setup_open(const struct pipe_setup_opts *opts, struct pipe_setup *out,
                              struct err *e)
{
    enum err_code rc;
    *out = (struct pipe_setup){0};
    TRY(eng_model_open(opts->model, &opts->engine, &out->model, e));
    const struct eng_info *info = eng_model_info(out->model);
    TRY(choose_prep(opts, info, &out->prep, e));
    TRY(choose_labels(opts, info, out, e));
out:
    if (rc != ERR_OK)
        pipe_setup_release(out);
    return rc;
}

void pipe_setup_release(struct pipe_setup *setup)
{
    labels_close(setup->owned_labels);
    eng_model_close(setup->model);
    *setup = (struct pipe_setup){0};
}
