#include "archive/archive.h"

#include <stdlib.h>

size_t arc_dtype_size(enum arc_dtype dtype)
{
    static const size_t sizes[ARC_DTYPE_COUNT] = {
        [ARC_U1] = 1, [ARC_I4] = 4, [ARC_I8] = 8,
        [ARC_F2] = 2, [ARC_F4] = 4, [ARC_F8] = 8,
    };
    return sizes[dtype];
}

void arc_array_release(struct arc_array *array)
{
    free(array->data);
    *array = (struct arc_array){0};
}
