// Predictions that others wrote, in all the forms of text: whatever the bytes are, each
// picture that is handed over is sound.

#include "pipeline/foreign.h"

#include "tests/fuzz/fuzz.h"

#include <math.h>
#include <stdlib.h>

static enum err_code check(void *ctx, const struct foreign_found *found, struct err *e)
{
    const struct row *row = &found->row;
    (void)ctx;
    (void)e;
    if (!row->file || !row->file[0] || row->count < 0 || row->count > ROW_TOPK ||
        row->label < -1 || found->line < 1 || (row->count && row->error))
        abort();
    for (int k = 0; k < row->count; k++)
        if (row->top[k] < 0 || !isfinite(row->prob[k]))
            abort();
    return ERR_OK;
}

static void read_text(const char *path)
{
    struct err e = {0};
    if (foreign_each(path, NULL, check, NULL, &e) != ERR_OK && !e.msg[0])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_with_file(data, size, ".txt", read_text);
    return 0;
}
