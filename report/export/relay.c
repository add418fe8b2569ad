#include "report/export.h"

#include "report/text.h"

void rep_relay_write(FILE *out, const char *path, const struct row *row,
                     const struct labels *labels)
{
    char number[REP_NUMBER_MAX];
    for (int k = 0; k < row->count; k++)
        (void)fprintf(out, "%s: Relay top-%d id: %d, prob: %s, class name: %s\n", path, k,
                      row->top[k], rep_number_text(number, (double)row->prob[k], 8),
                      labels_words(labels, row->top[k]));
}
