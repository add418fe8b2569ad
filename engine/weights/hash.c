#include "engine/weights/weights.h"

#include "base/file.h"

#include <stdio.h>
#include <xxhash.h>

enum err_code weights_hash(const char *path, const char *head, char hash[33],
                           struct err *e)
{
    const char *const paths[] = {path, head};
    XXH3_state_t *state = XXH3_createState();
    if (!state || XXH3_128bits_reset(state) != XXH_OK) {
        XXH3_freeState(state);
        return err_set(e, ERR_NOMEM, "%s: no memory to hash it", path);
    }
    enum err_code rc = ERR_OK;
    for (int i = 0; i < 2 && paths[i]; i++) {
        struct file_bytes bytes;
        TRY(file_map(paths[i], &bytes, e));
        (void)XXH3_128bits_update(state, bytes.data, bytes.len);
        file_bytes_release(&bytes);
    }
    XXH128_hash_t h = XXH3_128bits_digest(state);
    (void)snprintf(hash, 33, "%016llx%016llx", (unsigned long long)h.high64,
                   (unsigned long long)h.low64);
out:
    XXH3_freeState(state);
    return rc;
}
