#include "dataset/source/list.h"

#include <ctype.h>
#include <string.h>

// Cuts a last token of digits off a line that holds something before it; NULL when there
// is none.
static char *cut_index(char *line)
{
    size_t at = strlen(line);
    while (at && !isspace((unsigned char)line[at - 1]))
        at--;
    if (at == 0 || !text_is_number(line + at))
        return NULL;
    line[at - 1] = '\0';
    return line + at;
}

static enum err_code datalist_lines(struct list *list, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (char *line; rc == ERR_OK && (line = text_line(&list->text));) {
        int label = -1;
        line = text_trim(line);
        const char *index = cut_index(line);
        if (index)
            rc = list_index(list, index, &label, e);
        line = text_trim(line);
        if (rc == ERR_OK && *line)
            rc = list_add(list, line, label, e);
    }
    return rc;
}

enum err_code set_read_datalist(struct ds *ds, const struct ds_opts *opts, struct err *e)
{
    struct list list;
    enum err_code rc = ERR_OK;
    ds->shape = DS_DATALIST;
    TRY(list_open(&list, ds, opts, e));
    TRY(datalist_lines(&list, e));
    TRY(list_check_unique(&list, e));
out:
    list_close(&list);
    return rc;
}
