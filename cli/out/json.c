#include "cli/out/json.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Length of the well-formed UTF-8 sequence at s, 0 when there is none (RFC 3629).
static size_t sequence(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : n;
}

void json_text(cJSON *object, const char *key, const char *text)
{
    if (!text) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    struct str clean = {0};
    while (*text) {
        size_t n = sequence((const unsigned char *)text);
        if (n)
            str_add_n(&clean, text, n);
        else
            str_add(&clean, "\xef\xbf\xbd");
        text += n ? n : 1;
    }
    cJSON_AddStringToObject(object, key, str_get(&clean));
    str_release(&clean);
}

void json_number(cJSON *object, const char *key, double value)
{
    if (isfinite(value))
        cJSON_AddNumberToObject(object, key, value);
    else
        cJSON_AddNullToObject(object, key);
}

void json_float(cJSON *object, const char *key, float value)
{
    char text[32];
    if (!isfinite(value)) {
        cJSON_AddNullToObject(object, key);
        return;
    }
    (void)snprintf(text, sizeof text, "%.9g", (double)value);
    cJSON_AddRawToObject(object, key, text);
}

enum err_code json_print(cJSON *document, struct err *e)
{
    char *text = cJSON_Print(document);
    cJSON_Delete(document);
    if (!text)
        return err_set(e, ERR_NOMEM, "no memory for the JSON document");
    (void)puts(text);
    free(text);
    return ERR_OK;
}
