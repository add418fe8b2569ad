#include "dataset/labels.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static bool is_numbered(const struct labels *labels)
{
    for (int i = 0; i < labels_count(labels); i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "class %d", i);
        if (labels_wnid(labels, i) || strcmp(labels_words(labels, i), name) != 0)
            return false;
    }
    return true;
}

static cJSON *text_or_null(const char *text)
{
    return text ? cJSON_CreateString(text) : cJSON_CreateNull();
}

char *labels_to_json(const struct labels *labels)
{
    if (labels == labels_imagenet() || is_numbered(labels))
        return NULL;
    cJSON *document = cJSON_CreateObject();
    cJSON *names = cJSON_AddArrayToObject(document, "names");
    cJSON *wnids = cJSON_AddArrayToObject(document, "wnids");
    for (int i = 0; i < labels_count(labels); i++) {
        cJSON_AddItemToArray(names, text_or_null(labels_words(labels, i)));
        cJSON_AddItemToArray(wnids, text_or_null(labels_wnid(labels, i)));
    }
    char *text = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    return text;
}

static void fill(const cJSON *array, const char **texts, int count)
{
    const cJSON *item = array->child;
    for (int i = 0; i < count; i++, item = item->next)
        texts[i] = cJSON_GetStringValue(item);
}

struct labels *labels_from_json(const char *text, int count)
{
    struct labels *labels = NULL;
    if (!text || count < 1)
        return NULL;
    cJSON *document = cJSON_Parse(text);
    const cJSON *names = cJSON_GetObjectItem(document, "names");
    const cJSON *wnids = cJSON_GetObjectItem(document, "wnids");
    if (cJSON_IsArray(names) && cJSON_IsArray(wnids) &&
        cJSON_GetArraySize(names) == count && cJSON_GetArraySize(wnids) == count) {
        const char **texts = mem_new(2 * (size_t)count * sizeof(char *));
        fill(names, texts, count);
        fill(wnids, texts + count, count);
        labels = labels_new(texts, texts + count, count);
        free(texts);
    }
    cJSON_Delete(document);
    return labels;
}
