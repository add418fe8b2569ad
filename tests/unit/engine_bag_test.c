#include "engine/weights/bag.h"

#include "tests/support/says.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err_code add(struct bag *bag, const char *name, enum bag_dtype dtype,
                         size_t n, const void *data, struct err *e)
{
    struct bag_tensor t = {.name = (char *)name,
                           .dtype = dtype,
                           .ndim = 1,
                           .shape = {n},
                           .data = data,
                           .bytes = n * bag_dtype_size(dtype)};
    return bag_add(bag, &t, e);
}

static float *read_one(struct bag *bag, const char *name, size_t n)
{
    float *values = NULL;
    struct err e = {0};
    size_t shape[] = {0};
    assert_int_equal(bag_floats(bag, name, 1, shape, &values, &e), ERR_OK);
    assert_int_equal(shape[0], n);
    return values;
}

static void types_become_float32(void **state)
{
    (void)state;
    static const float f32[] = {1.5F, -2.0F};
    static const double f64[] = {0.1, -3.0};
    static const uint16_t bf16[] = {0x3f80, 0xc040}; // 1, -3
    // 1, the largest, the smallest subnormal, minus zero
    static const uint16_t f16[] = {0x3c00, 0x7bff, 0x0001, 0x8000};
    struct bag bag = {0};
    assert_int_equal(add(&bag, "a", BAG_F32, 2, f32, NULL), ERR_OK);
    assert_int_equal(add(&bag, "b", BAG_F64, 2, f64, NULL), ERR_OK);
    assert_int_equal(add(&bag, "c", BAG_BF16, 2, bf16, NULL), ERR_OK);
    assert_int_equal(add(&bag, "d", BAG_F16, 4, f16, NULL), ERR_OK);
    float *a = read_one(&bag, "a", 2), *b = read_one(&bag, "b", 2);
    float *c = read_one(&bag, "c", 2), *d = read_one(&bag, "d", 4);
    assert_true(a[0] == 1.5F && a[1] == -2.0F);
    assert_true(b[0] == 0.1F && b[1] == -3.0F);
    assert_true(c[0] == 1.0F && c[1] == -3.0F);
    assert_true(d[0] == 1.0F && d[1] == 65504.0F && d[2] == 0x1p-24F);
    assert_true(d[3] == 0 && signbit(d[3]));
    free(a);
    free(b);
    free(c);
    free(d);
    bag_release(&bag);
}

static void many_names_are_found(void **state)
{
    (void)state;
    enum { N = 5000 };
    static const int64_t zero[1];
    struct bag bag = {0};
    char name[32];
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(add(&bag, name, BAG_I64, 1, zero, NULL), ERR_OK);
    }
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_ptr_equal(bag_find(&bag, name), &bag.tensors[i]);
    }
    assert_null(bag_find(&bag, "t5000"));
    assert_true(bag_has_prefix(&bag, "t499"));
    assert_false(bag_has_prefix(&bag, "u"));
    bag_release(&bag);
}

static void damage_is_refused(void **state)
{
    (void)state;
    static const float one[] = {1};
    struct bag bag = {.path = mem_dup("m")};
    struct err e = {0};
    assert_int_equal(add(&bag, "a", BAG_F32, 1, one, &e), ERR_OK);
    assert_int_equal(add(&bag, "a", BAG_F32, 1, one, &e), ERR_FORMAT);
    assert_says(&e, "m: tensor a appears twice");
    struct bag_tensor t = {.name = (char *)"b", .ndim = 2, .shape = {SIZE_MAX, 8}};
    assert_int_equal(bag_add(&bag, &t, &e), ERR_LIMIT);
    t = (struct bag_tensor){.name = (char *)"b", .ndim = 9};
    assert_int_equal(bag_add(&bag, &t, &e), ERR_FORMAT);
    t = (struct bag_tensor){
        .name = (char *)"b", .ndim = 1, .shape = {3}, .data = one, .bytes = 4};
    assert_int_equal(bag_add(&bag, &t, &e), ERR_FORMAT);
    assert_says(&e, "tensor b has 4 bytes, its shape asks for 12");
    assert_int_equal(bag.count, 1);
    bag_release(&bag);
}

static void reading_says_what_is_wrong(void **state)
{
    (void)state;
    static const float values[] = {1, 2, NAN, 4}, infinite[] = {INFINITY};
    static const int64_t integers[2];
    struct bag bag = {.path = mem_dup("m")};
    struct err e = {0};
    float *out = NULL;
    assert_int_equal(add(&bag, "block1.conv.weight", BAG_F32, 4, values, &e), ERR_OK);
    assert_int_equal(add(&bag, "inf", BAG_F32, 1, infinite, &e), ERR_OK);
    assert_int_equal(add(&bag, "whole", BAG_I64, 2, integers, &e), ERR_OK);
    assert_int_equal(bag_floats(&bag, "block2.conv.weight", 1, (size_t[]){0}, &out, &e),
                     ERR_FORMAT);
    assert_says(&e, "m: tensor block2.conv.weight is missing");
    assert_says(&e, "nearest name: block1.conv.weight");
    assert_int_equal(
        bag_floats(&bag, "block1.conv.weight", 2, (size_t[]){0, 3}, &out, &e),
        ERR_FORMAT);
    assert_says(&e, "is 4, expected ?x3");
    assert_int_equal(bag_floats(&bag, "block1.conv.weight", 1, (size_t[]){5}, &out, &e),
                     ERR_FORMAT);
    assert_says(&e, "is 4, expected 5");
    assert_int_equal(bag_floats(&bag, "block1.conv.weight", 1, (size_t[]){0}, &out, &e),
                     ERR_FORMAT);
    assert_says(&e, "holds NaN at element 2 of 4");
    assert_int_equal(bag_floats(&bag, "inf", 1, (size_t[]){1}, &out, &e), ERR_FORMAT);
    assert_says(&e, "infinity at element 0");
    assert_int_equal(bag_floats(&bag, "whole", 1, (size_t[]){2}, &out, &e), ERR_FORMAT);
    assert_says(&e, "int64 type, expected a float");
    assert_null(out);
    bag_release(&bag);
}

static bool is_optimizer(const char *name)
{
    return strncmp(name, "optimizer", 9) == 0;
}

static void spare_tensors_are_named(void **state)
{
    (void)state;
    static const float one[] = {1};
    static const int64_t count[] = {7};
    struct bag bag = {.path = mem_dup("m")};
    struct err e = {0};
    assert_int_equal(add(&bag, "a", BAG_F32, 1, one, &e), ERR_OK);
    assert_int_equal(add(&bag, "num_batches_tracked", BAG_I64, 1, count, &e), ERR_OK);
    assert_int_equal(add(&bag, "optimizer/a", BAG_F32, 1, one, &e), ERR_OK);
    free(read_one(&bag, "a", 1));
    assert_int_equal(bag_all_used(&bag, is_optimizer, &e), ERR_OK);
    assert_int_equal(bag_all_used(&bag, NULL, &e), ERR_FORMAT);
    assert_says(&e, "m: tensor optimizer/a has no place");
    bag_release(&bag);
}

static void metadata_is_kept(void **state)
{
    (void)state;
    struct bag bag = {0};
    assert_null(bag_meta(&bag, "format"));
    bag_add_meta(&bag, "format", "pt");
    assert_string_equal(bag_meta(&bag, "format"), "pt");
    assert_null(bag_meta(&bag, "pt"));
    bag_release(&bag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_become_float32),
        cmocka_unit_test(many_names_are_found),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(reading_says_what_is_wrong),
        cmocka_unit_test(spare_tensors_are_named),
        cmocka_unit_test(metadata_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
