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

static enum err_code choose_labels(const struct pipe_setup_opts *opts,
                                   const struct eng_info *info, struct pipe_setup *out,
                                   struct err *e)
{
    if (opts->label) {
        enum err_code rc = labels_open(opts->label, &out->owned_labels, e);
        if (rc != ERR_OK)
            return rc;
        out->labels = out->owned_labels;
        if (labels_count(out->labels) != info->classes)
            return err_set(e, ERR_FORMAT, "%s: %d class names, expected the %d of %s",
                           opts->label, labels_count(out->labels), info->classes,
                           info->path);
        return ERR_OK;
    }
    bool imagenet = info->classes == labels_count(labels_imagenet());
    if (imagenet && (!info->labels || info->labels[0] != '[')) {
        out->labels = labels_imagenet();
        return ERR_OK;
    }
    if (info->labels)
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
