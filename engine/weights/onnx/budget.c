#include "engine/weights/onnx/budget.h"

#include <stdlib.h>

static void *take(void *data, size_t size)
{
    struct budget *budget = data;
    if (size > budget->left)
        return NULL;
    budget->left -= size;
    return malloc(size);
}

static void give_back(void *data, void *pointer)
{
    (void)data;
    free(pointer);
}

void budget_init(struct budget *budget, size_t file_len)
{
    // Weights are copied once; the rest is small.
    budget->left = 4 * file_len + (1 << 20);
    budget->allocator = (ProtobufCAllocator){take, give_back, budget};
}
