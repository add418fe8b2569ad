#include "engine/exec/model.h"
#include "engine/weights/weights.h"

#include "base/file.h"

#include <stdio.h>

#include <xxhash.h>

// The hash of the file and, with a replaced head, of both files one after the other.
static enum err_code hash_files(const char *const *paths, char hash[33], struct err *e)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return err_set(e, ERR_NOMEM, "%s: out of memory", paths[0]);
    enum err_code rc = ERR_OK;
    XXH3_128bits_reset(state);
    for (int i = 0; i < 2 && paths[i]; i++) {
        struct file_bytes bytes;
        TRY(file_map(paths[i], &bytes, e));
        XXH3_128bits_update(state, bytes.data, bytes.len);
        file_bytes_release(&bytes);
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    (void)snprintf(hash, 33, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
out:
    XXH3_freeState(state);
    return rc;
}

enum err_code eng_model_open(const char *path, const struct eng_opts *opts,
                             struct eng_model **out, struct err *e)
{
    enum err_code rc;
    struct net net = {0};
    struct weights_opts reading = {.arch = opts->arch};
    char hash[33];
    const char *const files[] = {path, opts->head};
    TRY(weights_open(path, &reading, &net, e));
    if (opts->head)
        TRY(weights_head_apply(opts->head, &net, e));
    TRY(hash_files(files, hash, e));
    TRY(eng_model_from_net(&net, path, opts, out, e));
    snprintf((*out)->info.hash, sizeof hash, "%s", hash);
out:
    net_release(&net);
    return rc;
}
