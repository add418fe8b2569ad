#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

// The entry that libFuzzer and replay.c call; fuzz_*.c hold one each.

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Calls read(path) with the bytes as a file of its own, for readers that take a path.
void fuzz_with_file(const uint8_t *data, size_t size, const char *suffix,
                    void (*read)(const char *path));

#endif
