#ifndef BASE_MEM_H
#define BASE_MEM_H

// Two kinds of allocation. Small objects of fixed size: mem_new/mem_dup abort the program
// when memory is out, so no caller checks them. Sizes that come from a file or a user:
// mem_array/mem_grow/mem_aligned refuse overflow and return NULL, and the caller raises
// ERR_NOMEM. Everything is released by free().

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

// Zeroed memory of `size` bytes; never NULL.
void *mem_new(size_t size) MUST_CHECK;

// Copies of a string, or of its first n bytes plus a terminator; never NULL.
char *mem_dup(const char *s) MUST_CHECK;
char *mem_dup_n(const char *s, size_t n) MUST_CHECK;

// "printf" into fresh memory; never NULL.
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

// Zeroed array of n elements; NULL when n * size overflows or memory is out.
// n == 0 gives a valid, empty allocation.
void *mem_array(size_t n, size_t size) MUST_CHECK;

// Makes room for at least `need` elements in *array (doubling); *cap is in elements.
// False leaves the array as it was.
bool mem_grow(void *array_pointer, size_t *cap, size_t need, size_t size) MUST_CHECK;

// Uninitialised memory aligned to `align` (a power of two); NULL when out of memory.
void *mem_aligned(size_t align, size_t size) MUST_CHECK;

// a * b into *out; false on overflow.
bool mem_mul(size_t a, size_t b, size_t *out) MUST_CHECK;

#endif
