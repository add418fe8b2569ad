#include "engine/weights/pickle/pickle.h"

#include <stdlib.h>
#include <string.h>

void pickle_release(struct pickle *pickle)
{
    for (size_t i = 0; i < pickle->count; i++)
        free(pickle->values[i].items);
    for (size_t i = 0; i < pickle->name_count; i++)
        free(pickle->names[i]);
    free(pickle->values);
    free(pickle->names);
    *pickle = (struct pickle){0};
}

const struct pickle_value *pickle_item(const struct pickle *pickle,
                                       const struct pickle_value *v, size_t k)
{
    return &pickle->values[k < v->count ? v->items[k] : 0];
}

const struct pickle_value *pickle_get(const struct pickle *pickle,
                                      const struct pickle_value *dict, const char *key)
{
    if (dict->kind != PICKLE_DICT)
        return NULL;
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        if (pickle_is(pickle_item(pickle, dict, i), key))
            return pickle_item(pickle, dict, i + 1);
    return NULL;
}

bool pickle_is(const struct pickle_value *v, const char *text)
{
    bool named =
        v->kind == PICKLE_TEXT || v->kind == PICKLE_BYTES || v->kind == PICKLE_NAME;
    return named && v->len == strlen(text) && memcmp(v->text, text, v->len) == 0;
}

bool pickle_calls(const struct pickle *pickle, const struct pickle_value *v,
                  const char *callee, size_t args)
{
    return v->kind == PICKLE_CALL && pickle_is(pickle_item(pickle, v, 0), callee) &&
           pickle_item(pickle, v, 1)->count >= args;
}

const struct pickle_value *pickle_arg(const struct pickle *pickle,
                                      const struct pickle_value *call, size_t k)
{
    return pickle_item(pickle, pickle_item(pickle, call, 1), k);
}

int pickle_sizes(const struct pickle *pickle, const struct pickle_value *v, int max,
                 size_t *out)
{
    if ((v->kind != PICKLE_TUPLE && v->kind != PICKLE_LIST) || v->count > (size_t)max)
        return -1;
    for (size_t i = 0; i < v->count; i++) {
        const struct pickle_value *n = pickle_item(pickle, v, i);
        if (n->kind != PICKLE_INT || n->integer < 0)
            return -1;
        out[i] = (size_t)n->integer;
    }
    return (int)v->count;
}
