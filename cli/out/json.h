#ifndef CLI_JSON_H
#define CLI_JSON_H

// Documents for --json: one on stdout and nothing else.

#include "base/err.h"

#include <cjson/cJSON.h>

// NULL becomes null; bytes that are not UTF-8 become U+FFFD.
void json_text(cJSON *object, const char *key, const char *text);

// NaN and infinities become null.
void json_number(cJSON *object, const char *key, double value);

// With as many digits as a float has, so that 0.1f is 0.1.
void json_float(cJSON *object, const char *key, float value);

// Prints and frees the document.
enum err_code json_print(cJSON *document, struct err *e) MUST_CHECK;

#endif
