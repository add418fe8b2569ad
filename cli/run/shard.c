#include "cli/run/shard.h"

#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 1000000 };

static bool whole(const char *text, long *out)
{
    return text && isdigit((unsigned char)*text) && str_to_long(text, out);
}

static enum err_code check(const char *text, long index, long count, struct shard *out,
                           struct err *e)
{
    if (count < 1 || count > MAX_SHARDS || index < 0 || index > count)
        return err_set(e, ERR_USAGE,
                       "eval: --shard %s: part %ld of %ld, expected I from 1 to N", text,
                       index, count);
    *out = (struct shard){(int)(index % count), (int)count};
    return ERR_OK;
}

// Slurm's array may begin anywhere and take steps; Kubernetes says the index only.
static enum err_code from_scheduler(const char *text, long count, struct shard *out,
                                    struct err *e)
{
    long id, first = 0, step = 1, n = count;
    if (whole(getenv("SLURM_ARRAY_TASK_ID"), &id)) {
        (void)(whole(getenv("SLURM_ARRAY_TASK_MIN"), &first));
        (void)(whole(getenv("SLURM_ARRAY_TASK_STEP"), &step));
        if (!n)
            (void)(whole(getenv("SLURM_ARRAY_TASK_COUNT"), &n));
        if (n && step > 0 && id >= first)
            return check(text, (id - first) / step, n, out, e);
    } else if (whole(getenv("JOB_COMPLETION_INDEX"), &id) && n) {
        return check(text, id, n, out, e);
    }
    return err_set(e, ERR_USAGE,
                   "eval: --shard %s: expected SLURM_ARRAY_TASK_ID and "
                   "SLURM_ARRAY_TASK_COUNT in the environment, or "
                   "JOB_COMPLETION_INDEX with --shard auto/N",
                   text);
}

enum err_code shard_parse(const char *text, struct shard *out, struct err *e)
{
    long index, count = 0;
    if (strcmp(text, "auto") == 0)
        return from_scheduler(text, 0, out, e);
    if (str_starts_with(text, "auto/") && whole(text + 5, &count))
        return from_scheduler(text, count, out, e);
    char left[16];
    size_t n = strcspn(text, "/");
    if (n < sizeof left && text[n] == '/') {
        memcpy(left, text, n);
        left[n] = '\0';
        if (whole(left, &index) && whole(text + n + 1, &count))
            return check(text, index, count, out, e);
    }
    return err_set(e, ERR_USAGE, "eval: --shard %s: expected I/N, auto or auto/N", text);
}
