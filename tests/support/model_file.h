#ifndef TESTS_SUPPORT_MODEL_FILE_H
#define TESTS_SUPPORT_MODEL_FILE_H

// Model files that tests write themselves, and the logits that come with the ones of
// tests/data. Stops the program when it cannot.

#include <stddef.h>

// A safetensors file with this header, and `data` zeros behind it.
void model_file_safetensors(const char *path, const char *header, size_t data);

// A line of an expected.txt: a file beside it and what a framework made of it.
enum { MODEL_FILE_LOGITS = 3, MODEL_FILE_ROWS = 16 };
struct model_file_row {
    char file[64];
    float logits[MODEL_FILE_LOGITS];
};

// The rows of FOLDER/expected.txt whose file begins with `prefix`; how many.
int model_file_rows(const char *folder, const char *prefix,
                    struct model_file_row rows[MODEL_FILE_ROWS]);

#endif
