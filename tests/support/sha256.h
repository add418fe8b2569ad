#ifndef TESTS_SUPPORT_SHA256_H
#define TESTS_SUPPORT_SHA256_H

// SHA-256 (FIPS 180-4) of bytes in memory, for tests that compare digests.

#include <stddef.h>
#include <stdint.h>

enum { SHA256_HEX = 65 };

// 64 lower-case hexadecimal digits and a terminator.
void sha256_hex(const uint8_t *data, size_t len, char hex[SHA256_HEX]);

#endif
