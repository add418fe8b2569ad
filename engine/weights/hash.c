#include "engine/weights/weights.h"

#include "base/file.h"

#include <stdio.h>
#include <xxhash.h>

static enum err_code add_file(XXH3_state_t *state, const char *path, struct err *e)
{
    struct file_bytes bytes;
    enum err_code rc = file_map(path, &bytes, e);
    if (rc)
        return rc;
    (void)XXH3_128bits_update(state, bytes.data, bytes.len);
    file_bytes_release(&bytes);
    return ERR_OK;
}

enum err_code weights_hash(const char *path, const struct net *net, const char *head,
                           char hash[33], struct err *e)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_128bits_reset(state) != XXH_OK) {
        XXH3_freeState(state);
        return err_set(e, ERR_NOMEM, "%s: no memory to hash it", path);
    }
    enum err_code rc;
    TRY(add_file(state, path, e));
    for (size_t i = 0; i < net->file_count; i++)
        TRY(add_file(state, net->files[i], e));
    if (head)
        TRY(add_file(state, head, e));
    XXH128_hash_t h = XXH3_128bits_digest(state);
    (void)snprintf(hash, 33, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
out:
    XXH3_freeState(state);
    return rc;
}
