#ifndef CLI_SHARD_H
#define CLI_SHARD_H

// Which part of a dataset this process takes, among several that share the work.

#include "base/err.h"

struct shard {
    int index; // 0 … count-1: pictures index, index + count, …
    int count;
};

// "I/N" (both ways of counting are parts of one whole: N/N is 0/N), "auto" or "auto/N".
enum err_code shard_parse(const char *text, struct shard *out, struct err *e) MUST_CHECK;

#endif
