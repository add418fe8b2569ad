#include "engine/weights/pickle/pickle_vm.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pickle_vm_init(struct pickle_vm *vm)
{
    if (!mem_grow(&vm->stack, &vm->stack_cap, 1, sizeof *vm->stack))
        pickle_fail(vm, ERR_NOMEM, "out of memory");
    (void)pickle_add(vm, PICKLE_NONE);
}

void pickle_fail(struct pickle_vm *vm, enum err_code code, const char *fmt, ...)
{
    char what[400];
    if (vm->rc)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    vm->rc = err_set(vm->e, code, "%s: pickle, byte %zu: %s", vm->path, vm->pos, what);
}

const uint8_t *pickle_take(struct pickle_vm *vm, uint64_t n)
{
    if (n > vm->len - vm->pos) {
        pickle_fail(vm, ERR_FORMAT, "%llu bytes announced, %zu are left",
                    (unsigned long long)n, vm->len - vm->pos);
        return NULL;
    }
    const uint8_t *at = vm->data + vm->pos;
    vm->pos += (size_t)n;
    return at;
}

uint64_t pickle_take_number(struct pickle_vm *vm, size_t bytes)
{
    const uint8_t *at = pickle_take(vm, bytes);
    uint64_t value = 0;
    for (size_t i = bytes; at && i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

struct pickle_value *pickle_value_of(const struct pickle_vm *vm, uint32_t i)
{
    return &vm->pickle->values[i];
}

uint32_t pickle_add(struct pickle_vm *vm, enum pickle_kind kind)
{
    struct pickle *p = vm->pickle;
    if (vm->rc)
        return 0;
    if (p->count >= PICKLE_MAX_VALUES) {
        pickle_fail(vm, ERR_LIMIT, "more than %d values", (int)PICKLE_MAX_VALUES);
        return 0;
    }
    if (!mem_grow(&p->values, &p->cap, p->count + 1, sizeof *p->values)) {
        pickle_fail(vm, ERR_NOMEM, "out of memory");
        return 0;
    }
    p->values[p->count] = (struct pickle_value){.kind = kind};
    return (uint32_t)p->count++;
}

void pickle_push(struct pickle_vm *vm, uint32_t value)
{
    if (vm->rc)
        return;
    if (vm->depth >= PICKLE_MAX_VALUES)
        pickle_fail(vm, ERR_LIMIT, "stack deeper than %d", (int)PICKLE_MAX_VALUES);
    else if (!mem_grow(&vm->stack, &vm->stack_cap, vm->depth + 1, sizeof *vm->stack))
        pickle_fail(vm, ERR_NOMEM, "out of memory");
    else
        vm->stack[vm->depth++] = value;
}

static size_t floor_of(const struct pickle_vm *vm)
{
    return vm->mark_count ? vm->marks[vm->mark_count - 1] : 0;
}

uint32_t pickle_pop(struct pickle_vm *vm)
{
    if (vm->depth <= floor_of(vm)) {
        pickle_fail(vm, ERR_FORMAT, "the stack is empty");
        return 0;
    }
    return vm->stack[--vm->depth];
}

uint32_t pickle_top(struct pickle_vm *vm, enum pickle_kind kind, const char *what)
{
    if (vm->depth <= floor_of(vm) ||
        pickle_value_of(vm, vm->stack[vm->depth - 1])->kind != kind) {
        pickle_fail(vm, ERR_FORMAT, "no %s to add to", what);
        return 0;
    }
    return vm->stack[vm->depth - 1];
}

void pickle_add_items(struct pickle_vm *vm, uint32_t to, const uint32_t *items, size_t n)
{
    if (vm->rc)
        return;
    struct pickle_value *v = pickle_value_of(vm, to);
    if (v->count + n > PICKLE_MAX_VALUES)
        pickle_fail(vm, ERR_LIMIT, "more than %d items", (int)PICKLE_MAX_VALUES);
    else if (!mem_grow(&v->items, &v->cap, v->count + n, sizeof *v->items))
        pickle_fail(vm, ERR_NOMEM, "out of memory");
    else if (n) {
        memcpy(v->items + v->count, items, n * sizeof *items);
        v->count += n;
    }
}

size_t pickle_pop_to_mark(struct pickle_vm *vm)
{
    if (vm->mark_count == 0) {
        pickle_fail(vm, ERR_FORMAT, "no mark on the stack");
        return 0;
    }
    size_t from = vm->marks[--vm->mark_count], n = vm->depth - from;
    vm->depth = from;
    return n;
}

void pickle_push_of(struct pickle_vm *vm, enum pickle_kind kind, size_t n)
{
    if (!vm->rc && vm->depth - floor_of(vm) < n)
        pickle_fail(vm, ERR_FORMAT, "the stack is empty");
    uint32_t v = pickle_add(vm, kind);
    if (vm->rc)
        return;
    vm->depth -= n;
    pickle_add_items(vm, v, vm->stack + vm->depth, n);
    pickle_push(vm, v);
}

void pickle_push_marked(struct pickle_vm *vm, enum pickle_kind kind)
{
    size_t n = pickle_pop_to_mark(vm);
    uint32_t v = pickle_add(vm, kind);
    if (vm->rc)
        return;
    pickle_add_items(vm, v, vm->stack + vm->depth, n);
    pickle_push(vm, v);
}

void pickle_mark(struct pickle_vm *vm)
{
    if (vm->mark_count >= PICKLE_MAX_VALUES)
        pickle_fail(vm, ERR_LIMIT, "more than %d marks", (int)PICKLE_MAX_VALUES);
    else if (!mem_grow(&vm->marks, &vm->mark_cap, vm->mark_count + 1, sizeof *vm->marks))
        pickle_fail(vm, ERR_NOMEM, "out of memory");
    else
        vm->marks[vm->mark_count++] = vm->depth;
}

void pickle_put(struct pickle_vm *vm, uint64_t slot)
{
    size_t had = vm->memo_cap;
    if (vm->depth <= floor_of(vm)) {
        pickle_fail(vm, ERR_FORMAT, "nothing to memoize");
    } else if (slot >= PICKLE_MAX_VALUES) {
        pickle_fail(vm, ERR_LIMIT, "memo %llu, at most %d", (unsigned long long)slot,
                    (int)PICKLE_MAX_VALUES);
    } else if (!mem_grow(&vm->memo, &vm->memo_cap, (size_t)slot + 1, sizeof *vm->memo)) {
        pickle_fail(vm, ERR_NOMEM, "out of memory");
    } else {
        memset(vm->memo + had, 0, (vm->memo_cap - had) * sizeof *vm->memo);
        vm->memo[slot] = vm->stack[vm->depth - 1];
        vm->memo_count++;
    }
}

void pickle_get_memo(struct pickle_vm *vm, uint64_t slot)
{
    if (slot >= vm->memo_cap || (vm->memo[slot] == 0))
        pickle_fail(vm, ERR_FORMAT, "memo %llu was never set", (unsigned long long)slot);
    else
        pickle_push(vm, vm->memo[slot]);
}

void pickle_memoize(struct pickle_vm *vm)
{
    pickle_put(vm, vm->memo_count);
}

void pickle_vm_release(struct pickle_vm *vm)
{
    free(vm->stack);
    free(vm->marks);
    free(vm->memo);
}
