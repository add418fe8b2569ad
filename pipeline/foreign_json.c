#include "pipeline/foreign_read.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static const cJSON *item_of(const cJSON *object, const char *const *names)
{
    const cJSON *item = NULL;
    for (; *names && !item; names++)
        item = cJSON_GetObjectItemCaseSensitive(object, *names);
    return item;
}

#define ITEM(object, ...) item_of((object), (const char *const[]){__VA_ARGS__, NULL})

static enum err_code add_vector(struct foreign_reader *r, const cJSON *array,
                                struct err *e)
{
    int n = cJSON_GetArraySize(array), i = 0;
    float *values = mem_array((size_t)n, sizeof *values);
    enum err_code rc = ERR_OK;
    if (!values)
        return err_set(e, ERR_NOMEM, "%s: no memory for %d classes", r->text.path, n);
    for (const cJSON *item = array->child; item; item = item->next)
        values[i++] = cJSON_IsNumber(item) ? (float)item->valuedouble : NAN;
    if (n == 0)
        rc = foreign_wrong(r, "expected numbers for all classes", e);
    else
        rc = foreign_add_all(r, values, n, e);
    free(values);
    return rc;
}

// A number or a text.
static enum err_code class_of(struct foreign_reader *r, const cJSON *item, int *index,
                              struct err *e)
{
    if (cJSON_IsString(item))
        return foreign_class(r, item->valuestring, index, e);
    double number = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    if (!(number >= 0 && number < FOREIGN_CLASS_MAX && number == floor(number)))
        return foreign_wrong(r, "expected a class index from 0, a WordNet id or a name",
                             e);
    *index = (int)number;
    return ERR_OK;
}

static enum err_code add_pair(struct foreign_reader *r, const cJSON *object,
                              struct err *e)
{
    const cJSON *prob = ITEM(object, "prob", "probability", "score", "confidence");
    int index = -1;
    enum err_code rc = class_of(r, ITEM(object, "index", "class", "wnid"), &index, e);
    if (rc != ERR_OK)
        return rc;
    return foreign_add(r, index, cJSON_IsNumber(prob) ? prob->valuedouble : (double)NAN,
                       e);
}

static enum err_code add_predictions(struct foreign_reader *r, const cJSON *object,
                                     struct err *e)
{
    const cJSON *error = ITEM(object, "error");
    const cJSON *topk = ITEM(object, "topk");
    const cJSON *vector = ITEM(object, "logits", "probs", "probabilities");
    enum err_code rc = ERR_OK;
    if (cJSON_IsString(error))
        foreign_fail(r, error->valuestring);
    else if (cJSON_IsArray(vector))
        rc = add_vector(r, vector, e);
    else if (!cJSON_IsArray(topk))
        rc = add_pair(r, object, e);
    else
        for (const cJSON *item = topk->child; item && rc == ERR_OK; item = item->next)
            rc = add_pair(r, item, e);
    return rc;
}

static enum err_code json_object(struct foreign_reader *r, const cJSON *object,
                                 struct err *e)
{
    const char *file =
        cJSON_GetStringValue(ITEM(object, "file", "path", "filename", "image"));
    const cJSON *label = ITEM(object, "label", "truth", "target");
    bool alone = ITEM(object, "topk", "logits", "probs", "probabilities") != NULL;
    enum err_code rc = ERR_OK;
    if (!file)
        return foreign_wrong(r, "expected an object with file", e);
    if (alone || !foreign_same(r, file))
        TRY(foreign_begin(r, file, e));
    if (label && !cJSON_IsNull(label))
        TRY(class_of(r, label, &r->now.row.label, e));
    TRY(add_predictions(r, object, e));
out:
    return rc;
}

// The four hexadecimal digits of \uXXXX at `at`; -1 when none are there.
static int unit_at(const char *at)
{
    int value = 0;
    if (at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = at[i] ? strchr(digits, at[i] | 0x20) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

// Bytes of a name that are no UTF-8, as exports and Python's surrogateescape write them:
// \udc80 to \udcff without the other half of a pair. cJSON takes the bytes, not these.
static void restore_bytes(char *line)
{
    char *to = line;
    if (!strstr(line, "\\u"))
        return;
    for (const char *from = line; *from;) {
        int unit = unit_at(from);
        size_t n = unit >= 0xd800 && unit < 0xdc00 && unit_at(from + 6) >= 0 ? 12
                   : unit >= 0                                               ? 6
                   : from[0] == '\\' && from[1]                              ? 2
                                                                             : 1;
        if (unit >= 0xdc80 && unit <= 0xdcff)
            *to++ = (char)(unit & 0xff);
        else
            to = (char *)memmove(to, from, n) + n;
        from += n;
    }
    *to = '\0';
}

enum err_code foreign_read_jsonl(struct foreign_reader *r, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (char *line; rc == ERR_OK;) {
        TRY(text_fill(&r->text, e));
        if (!(line = text_line(&r->text)))
            break;
        if (*text_trim(line) == '\0')
            continue;
        restore_bytes(line);
        cJSON *object = cJSON_Parse(line);
        rc = cJSON_IsObject(object) ? json_object(r, object, e)
                                    : foreign_wrong(r, "no JSON object", e);
        cJSON_Delete(object);
    }
out:
    return rc;
}
