#include "tests/support/model_file.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void model_file_safetensors(const char *path, const char *header, size_t data)
{
    // Blanks behind the header, as the format has it, so that floats are aligned.
    struct str s = {0};
    str_add(&s, header);
    while (s.len % 8)
        str_add_char(&s, ' ');
    uint8_t *bytes = mem_new(8 + s.len + data);
    bytes[0] = (uint8_t)s.len;
    bytes[1] = (uint8_t)(s.len >> 8);
    memcpy(bytes + 8, s.data, s.len);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, 8 + s.len + data, f) != 8 + s.len + data || fclose(f) != 0)
        abort();
    free(bytes);
    str_release(&s);
}

int model_file_rows(const char *folder, const char *prefix,
                    struct model_file_row rows[MODEL_FILE_ROWS])
{
    char line[256], *path = mem_printf("%s/expected.txt", folder);
    int count = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        abort();
    while (fgets(line, sizeof line, f)) {
        size_t n = strcspn(line, " ");
        if (!str_starts_with(line, prefix))
            continue;
        if (count == MODEL_FILE_ROWS || n >= sizeof rows->file)
            abort();
        struct model_file_row *row = &rows[count++];
        (void)snprintf(row->file, sizeof row->file, "%.*s", (int)n, line);
        char *p = line + n;
        for (int i = 0; i < MODEL_FILE_LOGITS; i++)
            row->logits[i] = strtof(p, &p);
        if (*p != '\n')
            abort();
    }
    (void)fclose(f);
    free(path);
    return count;
}
