#include "engine/weights/weights.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

// In pieces: mapped, all of it would be in memory beside the weights.
static enum err_code add_file(XXH3_state_t *state, const char *path, struct err *e)
{
    enum { PIECE = 1 << 18 };
    FILE *f = fopen(path, "rb");
    if (!f)
        return err_set_errno(e, errno, path, "cannot open");
    uint8_t *piece = mem_new(PIECE);
    (void)setvbuf(f, NULL, _IONBF, 0);
    for (size_t n; (n = fread(piece, 1, PIECE, f)) > 0;)
        (void)XXH3_128bits_update(state, piece, n);
    enum err_code rc = ferror(f) ? err_set_errno(e, errno, path, "cannot read") : ERR_OK;
    free(piece);
    (void)fclose(f);
    return rc;
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
