#include "tests/support/reference.h"

#include "base/file.h"
#include "base/mem.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct reference {
    cJSON *json;
};

enum { MAX_JSON = 1 << 20 };

bool reference_present(void)
{
    if (file_is_dir(XLENS_REFERENCE_DIR "/models/reference"))
        return true;
    (void)fprintf(stderr,
                  "SKIPPED: no reference models at %s/models/reference "
                  "(cmake -DXLENS_REFERENCE_DIR=…)\n",
                  XLENS_REFERENCE_DIR);
    return false;
}

char *reference_path(const char *fmt, ...)
{
    char name[160];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return mem_printf("%s/models/reference/%s", XLENS_REFERENCE_DIR, name);
}

static enum err_code open_json(const char *path, struct reference **out, struct err *e)
{
    struct file_bytes bytes = {0};
    enum err_code rc;
    TRY(file_read(path, MAX_JSON, &bytes, e));
    cJSON *json = cJSON_ParseWithLength((const char *)bytes.data, bytes.len);
    if (!json) {
        rc = err_set(e, ERR_FORMAT, "%s: not JSON", path);
        goto out;
    }
    *out = mem_new(sizeof **out);
    (*out)->json = json;
out:
    file_bytes_release(&bytes);
    return rc;
}

enum err_code reference_open(const char *model, struct reference **out, struct err *e)
{
    char *path = reference_path("%s.json", model);
    enum err_code rc = open_json(path, out, e);
    free(path);
    return rc;
}

void reference_close(struct reference *reference)
{
    if (reference)
        cJSON_Delete(reference->json);
    free(reference);
}

double reference_fc_v(const struct reference *reference)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItem(reference->json, "fc_v"));
}

static const cJSON *input_of(const struct reference *reference, const char *input)
{
    return cJSON_GetObjectItem(cJSON_GetObjectItem(reference->json, "inputs"), input);
}

static int read_floats(const cJSON *array, float *out, int max)
{
    int n = 0;
    const cJSON *value;
    cJSON_ArrayForEach(value, array)
    {
        if (n < max)
            out[n] = (float)value->valuedouble;
        n++;
    }
    return n;
}

int reference_logits(const struct reference *reference, const char *input, float *out,
                     int max)
{
    return read_floats(cJSON_GetObjectItem(input_of(reference, input), "logits"), out,
                       max);
}

char *reference_tiny_path(const char *file)
{
    return mem_printf("%s/models/tiny/%s", XLENS_REFERENCE_DIR, file);
}

int reference_tiny(const char *group, float *out, int max, bool *softmax)
{
    struct reference *all = NULL;
    char *path = reference_tiny_path("expected.json");
    int n = 0;
    if (open_json(path, &all, NULL) == ERR_OK && all) {
        const cJSON *entry = cJSON_GetObjectItem(all->json, group);
        const cJSON *logits = cJSON_GetObjectItem(entry, "logits");
        *softmax = !logits;
        n = read_floats(logits ? logits : cJSON_GetObjectItem(entry, "softmax"), out,
                        max);
    }
    reference_close(all);
    free(path);
    return n;
}

bool reference_stage(const struct reference *reference, const char *input,
                     const char *stage, double *mean, double *deviation)
{
    const cJSON *s = cJSON_GetObjectItem(
        cJSON_GetObjectItem(input_of(reference, input), "stages"), stage);
    if (!s)
        return false;
    *mean = cJSON_GetNumberValue(cJSON_GetObjectItem(s, "mean"));
    *deviation = cJSON_GetNumberValue(cJSON_GetObjectItem(s, "std"));
    return true;
}
