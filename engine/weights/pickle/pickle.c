#include "engine/weights/pickle/pickle.h"

#include "engine/weights/pickle/pickle_vm.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256 };

static void push_span(struct pickle_vm *vm, enum pickle_kind kind, uint64_t len)
{
    const uint8_t *at = pickle_take(vm, len);
    uint32_t v = pickle_add(vm, kind);
    if (vm->rc)
        return;
    pickle_value_of(vm, v)->text = (const char *)at;
    pickle_value_of(vm, v)->len = (size_t)len;
    pickle_push(vm, v);
}

static void push_int(struct pickle_vm *vm, enum pickle_kind kind, int64_t number)
{
    uint32_t v = pickle_add(vm, kind);
    pickle_value_of(vm, v)->integer = number;
    pickle_push(vm, v);
}

static void op_proto(struct pickle_vm *vm)
{
    unsigned version = (unsigned)pickle_take_number(vm, 1);
    if (version < 2 || version > 5)
        pickle_fail(vm, ERR_UNSUPPORTED, "protocol %u, expected 2 to 5", version);
}

// Frames only help a reader that reads ahead.
static void op_frame(struct pickle_vm *vm)
{
    (void)pickle_take_number(vm, 8);
}

static void op_stop(struct pickle_vm *vm)
{
    vm->pickle->root = pickle_pop(vm);
    vm->stopped = true;
}

static void op_pop(struct pickle_vm *vm)
{
    (void)pickle_pop(vm);
}

static void op_pop_mark(struct pickle_vm *vm)
{
    (void)pickle_pop_to_mark(vm);
}

static void op_none(struct pickle_vm *vm)
{
    pickle_push(vm, 0);
}

static void op_true(struct pickle_vm *vm)
{
    push_int(vm, PICKLE_BOOL, 1);
}

static void op_false(struct pickle_vm *vm)
{
    push_int(vm, PICKLE_BOOL, 0);
}

static void op_int1(struct pickle_vm *vm)
{
    push_int(vm, PICKLE_INT, (int64_t)pickle_take_number(vm, 1));
}

static void op_int2(struct pickle_vm *vm)
{
    push_int(vm, PICKLE_INT, (int64_t)pickle_take_number(vm, 2));
}

static void op_int4(struct pickle_vm *vm)
{
    push_int(vm, PICKLE_INT, (int32_t)(uint32_t)pickle_take_number(vm, 4));
}

static void push_long(struct pickle_vm *vm, uint64_t len)
{
    if (len > sizeof(int64_t)) {
        push_span(vm, PICKLE_BIG, len);
        return;
    }
    uint64_t bits = pickle_take_number(vm, (size_t)len);
    unsigned shift = 64 - 8 * (unsigned)len;
    // The number is as short as its sign allows: extend it.
    push_int(vm, PICKLE_INT, len ? (int64_t)(bits << shift) >> shift : 0);
}

static void op_long1(struct pickle_vm *vm)
{
    push_long(vm, pickle_take_number(vm, 1));
}

static void op_long4(struct pickle_vm *vm)
{
    push_long(vm, pickle_take_number(vm, 4));
}

static void op_float(struct pickle_vm *vm)
{
    uint64_t bits =
        __builtin_bswap64(pickle_take_number(vm, 8)); // alone in being big-endian
    uint32_t v = pickle_add(vm, PICKLE_FLOAT);
    memcpy(&pickle_value_of(vm, v)->real, &bits, sizeof bits);
    pickle_push(vm, v);
}

static void op_text1(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_TEXT, pickle_take_number(vm, 1));
}

static void op_text4(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_TEXT, pickle_take_number(vm, 4));
}

static void op_text8(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_TEXT, pickle_take_number(vm, 8));
}

static void op_bytes1(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_BYTES, pickle_take_number(vm, 1));
}

static void op_bytes4(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_BYTES, pickle_take_number(vm, 4));
}

static void op_bytes8(struct pickle_vm *vm)
{
    push_span(vm, PICKLE_BYTES, pickle_take_number(vm, 8));
}

static void op_empty_tuple(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_TUPLE, 0);
}

static void op_tuple1(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_TUPLE, 1);
}

static void op_tuple2(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_TUPLE, 2);
}

static void op_tuple3(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_TUPLE, 3);
}

static void op_tuple(struct pickle_vm *vm)
{
    pickle_push_marked(vm, PICKLE_TUPLE);
}

static void op_empty_list(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_LIST, 0);
}

static void op_list(struct pickle_vm *vm)
{
    pickle_push_marked(vm, PICKLE_LIST);
}

static void op_append(struct pickle_vm *vm)
{
    uint32_t item = pickle_pop(vm);
    pickle_add_items(vm, pickle_top(vm, PICKLE_LIST, "list"), &item, 1);
}

static void op_appends(struct pickle_vm *vm)
{
    size_t n = pickle_pop_to_mark(vm);
    pickle_add_items(vm, pickle_top(vm, PICKLE_LIST, "list"), vm->stack + vm->depth, n);
}

static void op_empty_dict(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_DICT, 0);
}

static void op_dict(struct pickle_vm *vm)
{
    pickle_push_marked(vm, PICKLE_DICT);
}

static void op_setitem(struct pickle_vm *vm)
{
    uint32_t pair[2];
    pair[1] = pickle_pop(vm);
    pair[0] = pickle_pop(vm);
    pickle_add_items(vm, pickle_top(vm, PICKLE_DICT, "dict"), pair, 2);
}

static void op_setitems(struct pickle_vm *vm)
{
    size_t n = pickle_pop_to_mark(vm);
    if (n % 2)
        pickle_fail(vm, ERR_FORMAT, "a key without a value");
    pickle_add_items(vm, pickle_top(vm, PICKLE_DICT, "dict"), vm->stack + vm->depth, n);
}

// `name` becomes owned.
static void push_name(struct pickle_vm *vm, char *name)
{
    struct pickle *p = vm->pickle;
    if (!mem_grow(&p->names, &p->name_cap, p->name_count + 1, sizeof *p->names)) {
        free(name);
        pickle_fail(vm, ERR_NOMEM, "out of memory");
        return;
    }
    p->names[p->name_count++] = name;
    if (!vm->allow(name))
        pickle_fail(
            vm, ERR_UNSUPPORTED,
            "asks for %s, which is refused: only tensors, dicts, lists, numbers and "
            "text are read",
            name);
    uint32_t v = pickle_add(vm, PICKLE_NAME);
    pickle_value_of(vm, v)->text = name;
    pickle_value_of(vm, v)->len = strlen(name);
    pickle_push(vm, v);
}

static void push_joined(struct pickle_vm *vm, const char *module, size_t module_len,
                        const char *attribute, size_t attribute_len)
{
    if (module_len > MAX_NAME || attribute_len > MAX_NAME)
        pickle_fail(vm, ERR_FORMAT, "a name longer than %d bytes", (int)MAX_NAME);
    if (!vm->rc)
        push_name(vm, mem_printf("%.*s.%.*s", (int)module_len, module, (int)attribute_len,
                                 attribute));
}

static size_t take_line(struct pickle_vm *vm, const char **out)
{
    *out = (const char *)vm->data + vm->pos;
    const char *end = memchr(*out, '\n', vm->len - vm->pos);
    if (!end) {
        pickle_fail(vm, ERR_FORMAT, "a line without end");
        return 0;
    }
    size_t n = (size_t)(end - *out);
    vm->pos += n + 1;
    return n;
}

static void op_global(struct pickle_vm *vm)
{
    const char *module, *attribute;
    size_t module_len = take_line(vm, &module), attribute_len = take_line(vm, &attribute);
    push_joined(vm, module, module_len, attribute, attribute_len);
}

static void op_stack_global(struct pickle_vm *vm)
{
    const struct pickle_value *attribute = pickle_value_of(vm, pickle_pop(vm));
    const struct pickle_value *module = pickle_value_of(vm, pickle_pop(vm));
    if (attribute->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        pickle_fail(vm, ERR_FORMAT, "a global whose name is not text");
    push_joined(vm, module->text, module->len, attribute->text, attribute->len);
}

// An ordered dict is a dict here. Everything else that is called stays a call.
static void op_call(struct pickle_vm *vm)
{
    uint32_t items[3] = {0};
    items[1] = pickle_pop(vm);
    items[0] = pickle_pop(vm);
    const struct pickle_value *callee = pickle_value_of(vm, items[0]);
    const struct pickle_value *args = pickle_value_of(vm, items[1]);
    if (callee->kind != PICKLE_NAME || args->kind != PICKLE_TUPLE)
        pickle_fail(vm, ERR_FORMAT, "a call of what is no name");
    bool dict = pickle_is(callee, "collections.OrderedDict") && args->count == 0;
    uint32_t v = pickle_add(vm, dict ? PICKLE_DICT : PICKLE_CALL);
    if (!dict)
        pickle_add_items(vm, v, items, 3);
    pickle_push(vm, v);
}

// A dict's attributes (torch's _metadata) are of no interest.
static void op_build(struct pickle_vm *vm)
{
    uint32_t state = pickle_pop(vm), object = pickle_pop(vm);
    struct pickle_value *v = pickle_value_of(vm, object);
    if (v->kind == PICKLE_CALL)
        v->items[2] = state;
    else if (v->kind != PICKLE_DICT)
        pickle_fail(vm, ERR_FORMAT, "a state for what is no object");
    pickle_push(vm, object);
}

static void op_persistent(struct pickle_vm *vm)
{
    pickle_push_of(vm, PICKLE_PERSISTENT, 1);
}

static void op_put1(struct pickle_vm *vm)
{
    pickle_put(vm, pickle_take_number(vm, 1));
}

static void op_put4(struct pickle_vm *vm)
{
    pickle_put(vm, pickle_take_number(vm, 4));
}

static void op_get1(struct pickle_vm *vm)
{
    pickle_get_memo(vm, pickle_take_number(vm, 1));
}

static void op_get4(struct pickle_vm *vm)
{
    pickle_get_memo(vm, pickle_take_number(vm, 4));
}

static const struct {
    const char *name; // NULL: no opcode at all
    void (*run)(struct pickle_vm *vm);
} ops[256] = {
#define OP(code, name, handler) [code] = {#name, handler},
#include "engine/weights/pickle/pickle.def"
#undef OP
};

enum err_code pickle_read(struct pickle *out, const uint8_t *data, size_t len,
                          pickle_allow_fn *allow, const char *path, struct err *e)
{
    struct pickle_vm vm = {
        .pickle = out, .data = data, .len = len, .allow = allow, .path = path, .e = e};
    *out = (struct pickle){0};
    pickle_vm_init(&vm);
    while (!vm.rc && !vm.stopped) {
        const uint8_t *op = pickle_take(&vm, 1);
        if (op && ops[*op].run)
            ops[*op].run(&vm);
        else if (op && ops[*op].name)
            pickle_fail(&vm, ERR_UNSUPPORTED, "opcode %s is refused", ops[*op].name);
        else if (op)
            pickle_fail(&vm, ERR_FORMAT, "0x%02x is no opcode", *op);
    }
    out->end = vm.pos;
    pickle_vm_release(&vm);
    if (vm.rc)
        pickle_release(out);
    return vm.rc;
}
