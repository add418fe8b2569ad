#include "report/export.h"

#include "report/text.h"

#include <string.h>

// One line whatever is in the name.
static void put_path(FILE *out, const char *path)
{
    size_t n = strcspn(path, "\r\n");
    for (; path[n]; path += n + 1, n = strcspn(path, "\r\n"))
        (void)fprintf(out, "%.*s?", (int)n, path);
    (void)fputs(path, out);
}

void rep_relay_write(FILE *out, const char *path, const struct row *row,
                     const struct labels *labels)
{
    char number[REP_NUMBER_MAX];
    for (int k = 0; k < row->count; k++) {
        put_path(out, path);
        (void)fprintf(out, ": Relay top-%d id: %d, prob: %s, class name: %s\n", k,
                      row->top[k], rep_number_text(number, (double)row->prob[k], 8),
                      labels_words(labels, row->top[k]));
    }
}
