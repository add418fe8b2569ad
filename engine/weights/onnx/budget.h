#ifndef ENG_WEIGHTS_BUDGET_H
#define ENG_WEIGHTS_BUDGET_H

// Memory for unpacking protobuf messages. Two bytes of a file can claim a whole message,
// so what unpacking takes is counted and ends at a multiple of the file.

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct budget {
    size_t left;
    ProtobufCAllocator allocator;
};

// The allocator is good for unpacking and for freeing, and stays where the budget is.
void budget_init(struct budget *budget, size_t file_len);

#endif
