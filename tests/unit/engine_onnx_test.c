// ONNX beside what the sample files hold: a real model, changed in one place, must say
// what is wrong with it, or give the same logits where the change is another way to write
// the same network.

#include "engine/weights/onnx/onnx.h"

#include "tests/support/interp.h"
#include "tests/support/reference.h"
#include "tests/support/synth.h"

#include "base/clock.h"
#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <onnx.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 75, CLASSES = 10 };
enum { FLOAT = 1, INT64 = 7, FLOAT16 = 10, BFLOAT16 = 16 };

typedef Onnx__Model model;

static void assert_says(const struct err *e, const char *text)
{
    if (!strstr(e->msg, text))
        fail_msg("message \"%s\" does not say \"%s\"", e->msg, text);
}

static model *load(const char *file)
{
    char *path = reference_tiny_path(file);
    struct file_bytes bytes = {0};
    struct err e = {0};
    if (file_read(path, 1 << 20, &bytes, &e))
        fail_msg("%s", e.msg);
    model *m = onnx__model__unpack(NULL, bytes.len, bytes.data);
    assert_non_null(m);
    file_bytes_release(&bytes);
    free(path);
    return m;
}

static struct file_bytes pack(const model *m)
{
    size_t len = onnx__model__get_packed_size(m);
    uint8_t *data = mem_array(len, 1);
    assert_int_equal(onnx__model__pack(m, data), len);
    return (struct file_bytes){.data = data, .len = len};
}

// The model as a file, opened; frees it.
static enum err_code open_take(model *m, const char *path, struct net *net, struct err *e)
{
    struct file_bytes bytes = pack(m);
    onnx__model__free_unpacked(m, NULL);
    assert_true(onnx_is(&bytes));
    enum err_code rc = onnx_open(&bytes, path, net, e);
    file_bytes_release(&bytes);
    return rc;
}

static void check_refused(model *m, const char *says)
{
    struct net net = {0};
    struct err e = {0};
    if (open_take(m, "/nowhere/m.onnx", &net, &e) == ERR_OK)
        fail_msg("opened, expected \"%s\"", says);
    assert_says(&e, says);
    assert_int_equal(net.count, 0);
}

static void check_same_logits(model *m, const char *path, double tolerance)
{
    struct net net = {0};
    struct err e = {0};
    float got[CLASSES] = {0}, want[CLASSES] = {0};
    float *image = mem_new(sizeof *image * 3 * SIZE * SIZE);
    bool softmax;
    synth_image("A", SIZE, SIZE, image);
    if (open_take(m, path, &net, &e) || net_check(&net, &e) ||
        interp_run(&net, SIZE, SIZE, image, got, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(reference_tiny("timm_micro", want, CLASSES, &softmax), CLASSES);
    for (int i = 0; i < CLASSES; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * 5))
            fail_msg("logit %d is %g, expected %g", i, (double)got[i], (double)want[i]);
    net_release(&net);
    free(image);
}

// ---- changing a model ----

static model *micro(void)
{
    return load("timm_micro.op13.bn.onnx");
}

static model *folded(void)
{
    return load("timm_micro.op13.folded.onnx");
}

static void set_text(char **field, const char *text)
{
    free(*field);
    *field = mem_dup(text);
}

static Onnx__Node *find_op(model *m, const char *op)
{
    for (size_t i = 0; i < m->graph->n_node; i++)
        if (strcmp(m->graph->node[i]->op_type, op) == 0)
            return m->graph->node[i];
    fail_msg("no %s in the model", op);
    return NULL;
}

static Onnx__Attribute *find_attribute(Onnx__Node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

static Onnx__Tensor *find_tensor(model *m, const char *name)
{
    for (size_t i = 0; i < m->graph->n_initializer; i++)
        if (strcmp(m->graph->initializer[i]->name, name) == 0)
            return m->graph->initializer[i];
    fail_msg("no initializer %s", name);
    return NULL;
}

// The weights of a Conv.
static Onnx__Tensor *weights_of(model *m)
{
    return find_tensor(m, find_op(m, "Conv")->input[1]);
}

static void *append(void *array, size_t *count, void *item)
{
    void **grown = realloc(array, (*count + 1) * sizeof *grown);
    assert_non_null(grown);
    grown[(*count)++] = item;
    return grown;
}

static Onnx__Tensor *add_tensor(model *m, const char *name, int32_t type, size_t ndim,
                                const int64_t *dims, const void *data, size_t bytes)
{
    Onnx__Tensor *t = mem_new(sizeof *t);
    onnx__tensor__init(t);
    t->name = mem_dup(name);
    t->has_data_type = 1;
    t->data_type = type;
    t->n_dims = ndim;
    t->dims = mem_new(ndim * sizeof *t->dims);
    for (size_t i = 0; i < ndim; i++)
        t->dims[i] = dims[i];
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = mem_new(bytes);
    memcpy(t->raw_data.data, data, bytes);
    m->graph->initializer = append(m->graph->initializer, &m->graph->n_initializer, t);
    return t;
}

static Onnx__Attribute *add_attribute(Onnx__Node *n, const char *name)
{
    Onnx__Attribute *a = mem_new(sizeof *a);
    onnx__attribute__init(a);
    a->name = mem_dup(name);
    n->attribute = append(n->attribute, &n->n_attribute, a);
    return a;
}

static void set_ints(Onnx__Attribute *a, size_t count, const int64_t *values)
{
    free(a->ints);
    a->n_ints = count;
    a->ints = mem_new(count * sizeof *values);
    memcpy(a->ints, values, count * sizeof *values);
}

// A node in place `at` of the graph that reads `a` (and `b`) and makes `output`.
static Onnx__Node *insert(model *m, size_t at, const char *op, const char *a,
                          const char *b, const char *output)
{
    Onnx__Node *n = mem_new(sizeof *n);
    onnx__node__init(n);
    n->op_type = mem_dup(op);
    n->input = append(n->input, &n->n_input, mem_dup(a));
    if (b)
        n->input = append(n->input, &n->n_input, mem_dup(b));
    n->output = append(n->output, &n->n_output, mem_dup(output));
    Onnx__Graph *g = m->graph;
    g->node = append(g->node, &g->n_node, n);
    memmove(&g->node[at + 1], &g->node[at], (g->n_node - 1 - at) * sizeof(void *));
    g->node[at] = n;
    return n;
}

static size_t place_of(const model *m, const Onnx__Node *n)
{
    for (size_t i = 0; i < m->graph->n_node; i++)
        if (m->graph->node[i] == n)
            return i;
    return 0;
}

// ---- damage ----

static void graphs_that_are_refused(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    model *m = micro();
    set_text(&find_op(m, "Relu")->op_type, "LSTM");
    check_refused(m, "(LSTM): the op LSTM is not known");

    m = micro();
    set_text(&find_op(m, "Relu")->domain, "com.microsoft");
    check_refused(m, "the op com.microsoft.Relu is not known");

    m = micro();
    Onnx__Node *last = m->graph->node[m->graph->n_node - 1];
    set_text(&m->graph->node[0]->input[0], last->output[0]);
    check_refused(m, "which no earlier node makes (a cycle?)");

    m = micro();
    set_text(&m->graph->node[3]->output[0], m->graph->node[2]->output[0]);
    check_refused(m, "is made twice");

    m = micro();
    find_attribute(find_op(m, "Conv"), "group")->i = 2;
    check_refused(m, "2 groups of 3 channels, expected 1 or all");

    m = micro();
    set_ints(find_attribute(find_op(m, "Conv"), "strides"), 2, (int64_t[]){2, 1});
    check_refused(m, "strides or dilations that differ by direction");

    m = micro();
    m->opset_import[0]->version = 22;
    check_refused(m, "ONNX opset 22, expected 9 to 21");
    m = micro();
    m->opset_import[0]->version = 8;
    check_refused(m, "ONNX opset 8, expected 9 to 21");

    m = micro();
    m->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = 4;
    check_refused(m, "has 4 channels, expected 3");

    m = micro();
    set_text(&m->graph->output[0]->name, m->graph->node[0]->output[0]);
    check_refused(m, "is not what the last layer gives");

    m = micro();
    m->graph->n_node--;
    onnx__node__free_unpacked(m->graph->node[m->graph->n_node], NULL);
    check_refused(m, "is not what the last layer gives");
}

static void tensors_that_are_refused(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    model *m = micro();
    weights_of(m)->dims[0] = 1 << 30;
    check_refused(m, "has 3456 bytes, its shape asks for 115964116992");

    m = micro();
    weights_of(m)->dims[0] = INT64_MAX;
    check_refused(m, "overflows");

    m = micro();
    weights_of(m)->dims[0] = -1;
    check_refused(m, "has the extent -1");

    m = micro();
    weights_of(m)->dims[1] = 9;
    weights_of(m)->dims[2] = 1;
    check_refused(m, "is 32x9x1x3, expected ?x3x?x?");

    m = micro();
    weights_of(m)->data_type = INT64;
    check_refused(m, "its shape asks for 6912");

    m = micro();
    weights_of(m)->data_type = INT64;
    weights_of(m)->dims[0] = 16;
    check_refused(m, "is of int64 type, expected a float type");

    m = micro();
    memcpy(weights_of(m)->raw_data.data + 40, &(float){NAN}, sizeof(float));
    check_refused(m, "holds NaN at element 10 of 864");

    m = micro();
    weights_of(m)->raw_data.len -= 4;
    check_refused(m, "has 3452 bytes");

    m = micro();
    set_text(&m->graph->initializer[1]->name, m->graph->initializer[0]->name);
    check_refused(m, "appears twice");

    m = micro();
    set_text(&find_op(m, "Conv")->input[1], "input");
    set_text(&find_op(m, "Conv")->input[1], m->graph->input[0]->name);
    check_refused(m, "input 1 is no constant");
}

static void bytes_that_are_no_message(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    model *m = micro();
    struct file_bytes bytes = pack(m);
    onnx__model__free_unpacked(m, NULL);
    for (size_t len = 16; len < bytes.len; len += 4001) {
        struct file_bytes cut = {.data = bytes.data, .len = len};
        struct net net = {0};
        struct err e = {0};
        assert_int_equal(onnx_open(&cut, "m", &net, &e), ERR_FORMAT);
        assert_says(&e, "m: damaged ONNX");
    }
    file_bytes_release(&bytes);
}

// A megabyte of empty nodes claims a hundred; a few bytes claim four gigabytes.
static void claims_cost_nothing(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    uint8_t *bomb = mem_new(LEN);
    bomb[0] = 0x08;
    bomb[1] = 0x07;
    bomb[2] = 0x3a; // graph, of LEN - 7 bytes in four
    for (int i = 0; i < 4; i++)
        bomb[3 + i] = (uint8_t)(((LEN - 7) >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
    for (size_t i = 7; i + 1 < LEN; i += 2)
        bomb[i] = 0x0a; // a node of 0 bytes
    struct file_bytes bytes = {.data = bomb, .len = LEN - 1};
    struct net net = {0};
    struct err e = {0};
    double start = clock_now();
    assert_int_equal(onnx_open(&bytes, "bomb", &net, &e), ERR_FORMAT);
    static const uint8_t claim[] = {0x08, 0x07, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0a};
    bytes = (struct file_bytes){.data = claim, .len = sizeof claim};
    assert_int_equal(onnx_open(&bytes, "claim", &net, &e), ERR_FORMAT);
    assert_true(clock_now() - start < 1);
    free(bomb);
}

// ---- other ways to write the same network ----

static void opsets_that_mean_the_same(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    for (int64_t version = 9; version <= 21; version++) {
        model *m = folded();
        m->opset_import[0]->version = version;
        check_same_logits(m, "m", 1e-5);
    }
}

// The first Conv of the model pads by 1; let something else do it.
static void padding_by_other_means(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    model *m = folded();
    Onnx__Node *conv = find_op(m, "Conv");
    set_ints(find_attribute(conv, "pads"), 4, (int64_t[]){0, 0, 0, 0});
    insert(m, 0, "Pad", conv->input[0], "pads", "padded");
    set_text(&conv->input[0], "padded");
    add_tensor(m, "pads", INT64, 1, (int64_t[]){8}, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1},
               64);
    check_same_logits(m, "m", 1e-5);

    m = folded();
    conv = find_op(m, "Conv");
    insert(m, 0, "Pad", conv->input[0], NULL, "padded");
    set_ints(add_attribute(m->graph->node[0], "pads"), 8,
             (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    set_text(&m->graph->node[1]->input[0], "padded");
    set_ints(find_attribute(m->graph->node[1], "pads"), 4, (int64_t[]){0, 0, 0, 0});
    check_same_logits(m, "m", 1e-5);

    // The second one has stride 1, where SAME means 1 on each side.
    m = folded();
    conv = m->graph->node[2];
    assert_string_equal(conv->op_type, "Conv");
    Onnx__Attribute *same = add_attribute(conv, "auto_pad");
    same->has_s = 1;
    same->s.data = (uint8_t *)mem_dup("SAME_UPPER");
    same->s.len = strlen("SAME_UPPER");
    set_ints(find_attribute(conv, "pads"), 4, (int64_t[]){0, 0, 0, 0});
    check_same_logits(m, "m", 1e-5);

    m = folded();
    insert(m, 1, "Pad", m->graph->node[0]->output[0], "pads", "padded");
    set_text(&m->graph->node[2]->input[0], "padded");
    add_tensor(m, "pads", INT64, 1, (int64_t[]){8}, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1},
               64);
    check_refused(m, "(Relu): reads a padding, expected Conv or MaxPool");
}

static void heads_by_other_means(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    // Mean over axes given as negative numbers, flattened at once.
    model *m = folded();
    Onnx__Node *pool = find_op(m, "GlobalAveragePool");
    set_text(&pool->op_type, "ReduceMean");
    set_ints(add_attribute(pool, "axes"), 2, (int64_t[]){-1, -2});
    Onnx__Attribute *keep = add_attribute(pool, "keepdims");
    keep->has_i = 1;
    set_text(&find_op(m, "Flatten")->op_type, "Identity");
    check_same_logits(m, "m", 1e-5);

    // Channels last in front of it, as TensorFlow has them; axes as an input.
    m = folded();
    m->opset_import[0]->version = 18;
    pool = find_op(m, "GlobalAveragePool");
    set_text(&pool->op_type, "ReduceMean");
    Onnx__Node *turn =
        insert(m, place_of(m, pool), "Transpose", pool->input[0], NULL, "last");
    set_ints(add_attribute(turn, "perm"), 4, (int64_t[]){0, 2, 3, 1});
    set_text(&pool->input[0], "last");
    pool->input = append(pool->input, &pool->n_input, mem_dup("axes"));
    add_tensor(m, "axes", INT64, 1, (int64_t[]){2}, (int64_t[]){1, 2}, 16);
    set_text(&find_op(m, "Flatten")->op_type, "Squeeze");
    check_same_logits(m, "m", 1e-5);

    // Gemm as Transpose, MatMul and Add; probabilities at the end.
    m = folded();
    Onnx__Node *gemm = find_op(m, "Gemm");
    char *features = mem_dup(gemm->input[0]), *weight = mem_dup(gemm->input[1]);
    char *bias = mem_dup(gemm->input[2]), *logits = mem_dup(gemm->output[0]);
    size_t at = place_of(m, gemm);
    set_text(&gemm->op_type, "Identity");
    set_text(&gemm->output[0], "unused");
    gemm->n_input = 1;
    free(gemm->input[1]);
    free(gemm->input[2]);
    insert(m, at, "Transpose", weight, NULL, "turned");
    insert(m, at + 1, "MatMul", features, "turned", "product");
    insert(m, at + 2, "Add", "product", bias, "sum");
    insert(m, at + 3, "Softmax", "sum", NULL, logits);
    free(features);
    free(weight);
    free(bias);
    free(logits);
    check_same_logits(m, "m", 1e-5);

    m = folded();
    gemm = find_op(m, "Gemm");
    insert(m, m->graph->n_node, "Softmax", gemm->output[0], NULL, "p");
    insert(m, m->graph->n_node, "Relu", "p", NULL, "q");
    check_refused(m, "behind the softmax, expected the end");
}

static void reshapes_behind_the_pooling(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const int64_t shapes[][2] = {{0, -1}, {-1, 16}, {1, 16}, {1, 17}};
    for (size_t i = 0; i < 4; i++) {
        model *m = folded();
        Onnx__Node *flatten = find_op(m, "Flatten");
        set_text(&flatten->op_type, "Reshape");
        flatten->input = append(flatten->input, &flatten->n_input, mem_dup("shape"));
        add_tensor(m, "shape", INT64, 1, (int64_t[]){2}, shapes[i], 16);
        if (i < 3)
            check_same_logits(m, "m", 1e-5);
        else
            check_refused(m, "to a shape other than [n, 16]");
    }
}

static void arithmetic_with_constants(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    // x ↦ ((x·2 + 3 − 3) / 2) between the picture and the first layer
    static const float two = 2, three[] = {3, 3, 3};
    static const char *const ops[] = {"Mul", "Add", "Sub", "Div"};
    static const char *const operands[] = {"two", "three", "three", "two"};
    model *m = folded();
    add_tensor(m, "two", FLOAT, 0, NULL, &two, sizeof two);
    add_tensor(m, "three", FLOAT, 4, (int64_t[]){1, 3, 1, 1}, three, sizeof three);
    char *from = mem_dup(m->graph->node[0]->input[0]);
    for (size_t i = 0; i < 4; i++) {
        char *to = mem_printf("arith%zu", i);
        insert(m, i, ops[i], from, operands[i], to);
        free(from);
        from = to;
    }
    set_text(&m->graph->node[4]->input[0], from);
    free(from);
    check_same_logits(m, "m", 1e-5);

    m = folded();
    static const float row[5] = {1, 2, 3, 4, 5};
    add_tensor(m, "row", FLOAT, 1, (int64_t[]){5}, row, sizeof row);
    insert(m, 0, "Mul", m->graph->node[0]->input[0], "row", "odd");
    check_refused(m, "its constant is neither one number nor one a channel");
}

// ---- where numbers can be ----

static void clear_raw(Onnx__Tensor *t)
{
    free(t->raw_data.data);
    t->raw_data.data = NULL;
    t->raw_data.len = 0;
    t->has_raw_data = 0;
}

static void numbers_in_other_places(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    model *m = micro();
    Onnx__Tensor *t = weights_of(m);
    size_t n = t->raw_data.len / sizeof(float);
    t->n_float_data = n;
    t->float_data = mem_new(n * sizeof(float));
    memcpy(t->float_data, t->raw_data.data, n * sizeof(float));
    clear_raw(t);
    check_same_logits(m, "m", 1e-5);

    // bfloat16 in int32_data: the upper half of each float, so 2^-8 is lost at most
    m = micro();
    t = weights_of(m);
    t->data_type = BFLOAT16;
    t->n_int32_data = n;
    t->int32_data = mem_new(n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++) {
        uint16_t upper;
        memcpy(&upper, t->raw_data.data + 4 * i + 2, sizeof upper);
        t->int32_data[i] = upper;
    }
    clear_raw(t);
    check_same_logits(m, "m", 5e-3);

    // float16, raw: ±0.5 everywhere changes the logits, but is read
    m = micro();
    t = weights_of(m);
    t->data_type = FLOAT16;
    t->raw_data.len = 2 * n;
    for (size_t i = 0; i < n; i++)
        memcpy(t->raw_data.data + 2 * i, &(uint16_t){i % 2 ? 0x3800 : 0xb800}, 2);
    struct net net = {0};
    struct err e = {0};
    assert_int_equal(open_take(m, "m", &net, &e), ERR_OK);
    assert_true(fabsf(net.nodes[1].weight[0]) == 0.5F);
    net_release(&net);
}

static void add_external(Onnx__Tensor *t, const char *key, const char *value)
{
    Onnx__StringEntry *entry = mem_new(sizeof *entry);
    onnx__string_entry__init(entry);
    entry->key = mem_dup(key);
    entry->value = mem_dup(value);
    t->external_data = append(t->external_data, &t->n_external_data, entry);
    t->has_data_location = 1;
    t->data_location = 1;
}

static model *with_external(const char *location, const char *offset, const char *length)
{
    model *m = micro();
    Onnx__Tensor *t = weights_of(m);
    clear_raw(t);
    add_external(t, "location", location);
    add_external(t, "offset", offset);
    add_external(t, "length", length);
    return m;
}

static void external_data_stays_inside(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const char *const outside[] = {"../m.data", "/etc/passwd", "a/../../m", "..",
                                          ""};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        check_refused(with_external(outside[i], "0", "3456"), "outside of its folder");
    check_refused(with_external("absent.data", "0", "3456"), "/nowhere/absent.data");
    check_refused(with_external("m.data", "-1", "3456"), "without a place");

    char folder[] = "/tmp/xlens-onnx-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *data = mem_printf("%s/m.data", folder), *path = mem_printf("%s/m.onnx", folder);
    FILE *f = fopen(data, "wb");
    assert_non_null(f);
    model *m = micro();
    const Onnx__Tensor *t = weights_of(m);
    static const uint8_t padding[64];
    assert_int_equal(fwrite(padding, 1, 64, f), 64);
    assert_int_equal(fwrite(t->raw_data.data, 1, t->raw_data.len, f), t->raw_data.len);
    assert_int_equal(fclose(f), 0);
    onnx__model__free_unpacked(m, NULL);
    check_same_logits(with_external("m.data", "64", "3456"), path, 1e-5);
    struct net net = {0};
    struct err e = {0};
    assert_int_equal(open_take(with_external("m.data", "65", "3456"), path, &net, &e),
                     ERR_FORMAT);
    assert_says(&e, "bytes 65 to 3521 of m.data, which has 3520");
    assert_int_equal(unlink(data), 0);
    assert_int_equal(rmdir(folder), 0);
    free(data);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_that_are_refused),
        cmocka_unit_test(tensors_that_are_refused),
        cmocka_unit_test(bytes_that_are_no_message),
        cmocka_unit_test(claims_cost_nothing),
        cmocka_unit_test(opsets_that_mean_the_same),
        cmocka_unit_test(padding_by_other_means),
        cmocka_unit_test(heads_by_other_means),
        cmocka_unit_test(reshapes_behind_the_pooling),
        cmocka_unit_test(arithmetic_with_constants),
        cmocka_unit_test(numbers_in_other_places),
        cmocka_unit_test(external_data_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
