#ifndef ENG_WEIGHTS_PICKLE_H
#define ENG_WEIGHTS_PICKLE_H

// Pickles as inert data. The reader executes nothing: what a pickle would call becomes a
// PICKLE_CALL that only says so, and a name that the caller does not allow is refused at
// once. Protocols 2 to 5.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_BIG, // integer beyond 64 bits: its little-endian bytes
    PICKLE_FLOAT,
    PICKLE_TEXT,
    PICKLE_BYTES,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_NAME, // "module.attribute", what a call is of
    PICKLE_CALL, // items: callee, arguments, state (a PICKLE_NONE where there is none)
    PICKLE_PERSISTENT, // items: the identifier
    PICKLE_KIND_COUNT
};

struct pickle_value {
    enum pickle_kind kind;
    int64_t integer; // bool too
    double real;
    const char *text; // text, bytes, big, name; not terminated, borrowed from the input
    size_t len;
    uint32_t *items; // numbers of values; a dict has key, value, key, value, …
    size_t count, cap;
};

// All values of one pickle. Lists and dicts may contain themselves: walkers must bound
// themselves.
struct pickle {
    struct pickle_value *values; // values[0] is a PICKLE_NONE
    size_t count, cap;
    char **names; // owned text of PICKLE_NAME
    size_t name_count, name_cap;
    uint32_t root;
    size_t end; // bytes of the input that the pickle took
};

// Whether a global name ("collections.OrderedDict") may appear.
typedef bool pickle_allow_fn(const char *name);

// Reads one pickle from the start of `data`. path and offset (of `data` in the file) are
// for messages. ERR_FORMAT: damaged; ERR_UNSUPPORTED: names the global or the opcode that
// is refused; ERR_LIMIT: too many values.
enum err_code pickle_read(struct pickle *out, const uint8_t *data, size_t len,
                          pickle_allow_fn *allow, const char *path,
                          struct err *e) MUST_CHECK;
void pickle_release(struct pickle *pickle);

// Item k of a value; a PICKLE_NONE where there is none.
const struct pickle_value *pickle_item(const struct pickle *pickle,
                                       const struct pickle_value *v, size_t k);

// Value of a text key in a dict; NULL when absent.
const struct pickle_value *pickle_get(const struct pickle *pickle,
                                      const struct pickle_value *dict, const char *key);

// Whether v is text, bytes or a name that reads so.
bool pickle_is(const struct pickle_value *v, const char *text);

// Whether v is a call of `callee` with at least `args` arguments.
bool pickle_calls(const struct pickle *pickle, const struct pickle_value *v,
                  const char *callee, size_t args);

// Argument k of a call.
const struct pickle_value *pickle_arg(const struct pickle *pickle,
                                      const struct pickle_value *call, size_t k);

// A tuple or list of non-negative integers, at most `max`; the count, or -1.
int pickle_sizes(const struct pickle *pickle, const struct pickle_value *v, int max,
                 size_t *out);

#endif
