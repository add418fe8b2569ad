#ifndef ENG_WEIGHTS_PICKLE_VM_H
#define ENG_WEIGHTS_PICKLE_VM_H

// The stack machine that pickles are written for, without opcodes. Inside of pickle.c.
//
// The first failure is kept in rc. What comes after it sees value 0 and changes nothing.

#include "engine/weights/pickle/pickle.h"

// A full training checkpoint of the largest model has some 100,000 values.
enum { PICKLE_MAX_VALUES = 1 << 20 };

struct pickle_vm {
    struct pickle *pickle;
    const uint8_t *data;
    size_t len, pos;
    uint32_t *stack;
    size_t depth, stack_cap;
    size_t *marks;
    size_t mark_count, mark_cap;
    uint32_t *memo;
    size_t memo_count, memo_cap;
    pickle_allow_fn *allow;
    const char *path;
    struct err *e;
    enum err_code rc;
    bool stopped;
};

// Makes room for the first value. ERR_NOMEM is left in rc.
void pickle_vm_init(struct pickle_vm *vm);

void pickle_fail(struct pickle_vm *vm, enum err_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

// The next n bytes of the input, or NULL.
const uint8_t *pickle_take(struct pickle_vm *vm, uint64_t n);

// A little-endian number of so many bytes.
uint64_t pickle_take_number(struct pickle_vm *vm, size_t bytes);

struct pickle_value *pickle_value_of(const struct pickle_vm *vm, uint32_t i);
uint32_t pickle_add(struct pickle_vm *vm, enum pickle_kind kind);
void pickle_add_items(struct pickle_vm *vm, uint32_t to, const uint32_t *items, size_t n);

void pickle_push(struct pickle_vm *vm, uint32_t value);
uint32_t pickle_pop(struct pickle_vm *vm);

// The value on top, which stays there, when it is of this kind.
uint32_t pickle_top(struct pickle_vm *vm, enum pickle_kind kind, const char *what);

void pickle_mark(struct pickle_vm *vm);

// Cuts the stack down to the last mark. Gives how many values were above it; they can be
// read from stack + depth until the next push.
size_t pickle_pop_to_mark(struct pickle_vm *vm);

// Pushes a value made of the n topmost ones, or of those above the last mark.
void pickle_push_of(struct pickle_vm *vm, enum pickle_kind kind, size_t n);
void pickle_push_marked(struct pickle_vm *vm, enum pickle_kind kind);

void pickle_put(struct pickle_vm *vm, uint64_t slot);
void pickle_get_memo(struct pickle_vm *vm, uint64_t slot);
void pickle_memoize(struct pickle_vm *vm);

void pickle_vm_release(struct pickle_vm *vm);

#endif
