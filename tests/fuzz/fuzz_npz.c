// NumPy arrays: the bytes as an npz, and as the header of an array on its own, because a
// zip's checksums keep mutations from it.

#include "archive/archive.h"
#include "archive/npy.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

enum { MAX = 1 << 20 };

static void read_npz(const char *path)
{
    static const char *const keys[] = {"input_0", "fortran", "u1", "v2", "empty"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct arc_array array = {0};
        struct err e = {0};
        if (arc_npz_read(path, keys[i], MAX, &array, &e) == ERR_OK) {
            if (array.bytes > MAX)
                abort();
            arc_array_release(&array);
        } else if (array.data || e.msg[0] == '\0') {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_with_file(data, size, ".npz", read_npz);
    for (size_t at = 0; at + 6 < size && at < 4096; at++) {
        struct npy_header header;
        struct err e = {0};
        if (data[at] == 0x93 &&
            npy_parse(data + at, size - at, "x", &header, &e) == ERR_OK &&
            (header.offset > size - at || header.array.ndim > ARC_MAX_DIMS))
            abort();
    }
    return 0;
}
