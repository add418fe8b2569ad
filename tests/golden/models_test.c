// models_test MODEL: a full-size model on synthetic weights as a file of its publisher's
// format, opened like any other: the publisher's logits on every instruction set, again
// from the native file that it converts to, and the same native bytes each time.

#include "engine/engine.h"

#include "tests/support/h5_write.h"
#include "tests/support/reference.h"
#include "tests/support/synth.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

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
#include <unistd.h>

enum { CLASSES = 1000, HEIGHT = 203, WIDTH = 331 };
#define INPUT "A_203x331"

static const char *model_name;
static char *source, *native, *again; // files

static char *path_of(const char *what)
{
    return mem_printf("golden_%s.%s", model_name, what);
}

static size_t layer_len(const char *tensor)
{
    return (size_t)(strrchr(tensor, '/') - tensor);
}

// Weights as Keras 2 wrote them: a group a layer, and lists of names.
static void write_keras(const struct bag *bag, const char *path)
{
    struct h5_out *out = h5_out_open(path);
    char **layers = mem_new(bag->count * sizeof *layers);
    size_t layer_count = 0;
    for (size_t i = 0, n; i < bag->count; i += n) {
        const struct bag_tensor *t = &bag->tensors[i];
        size_t len = layer_len(t->name);
        char *layer = mem_dup_n(t->name, len), *names[4];
        for (n = 0; i + n < bag->count && n < 4 && layer_len(t[n].name) == len &&
                    memcmp(t[n].name, layer, len) == 0;
             n++) {
            names[n] = mem_printf("%s:0", t[n].name);
            char *place = mem_printf("%s/%s", layer, names[n]);
            h5_out_floats(out, place, t[n].ndim, t[n].shape, t[n].data);
            free(place);
        }
        h5_out_texts(out, layer, "weight_names", (const char *const *)names, n, true);
        for (size_t k = 0; k < n; k++)
            free(names[k]);
        layers[layer_count++] = layer;
    }
    h5_out_texts(out, "", "layer_names", (const char *const *)layers, layer_count, false);
    for (size_t i = 0; i < layer_count; i++)
        free(layers[i]);
    free(layers);
    h5_out_close(out);
}

static void write_safetensors(const struct bag *bag, const char *path)
{
    struct str header = {0};
    size_t at = 0;
    for (size_t i = 0; i < bag->count; i++) {
        const struct bag_tensor *t = &bag->tensors[i];
        str_addf(&header, "%c\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? ',' : '{',
                 t->name);
        for (int k = 0; k < t->ndim; k++)
            str_addf(&header, k ? ",%zu" : "%zu", t->shape[k]);
        str_addf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + t->bytes);
        at += t->bytes;
    }
    str_add(&header, "}");
    uint64_t n = header.len;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(&n, 1, 8, f), 8);
    assert_int_equal(fwrite(header.data, 1, header.len, f), header.len);
    for (size_t i = 0; i < bag->count; i++)
        assert_int_equal(fwrite(bag->tensors[i].data, 1, bag->tensors[i].bytes, f),
                         bag->tensors[i].bytes);
    assert_int_equal(fclose(f), 0);
    str_release(&header);
}

static int make_source(void **state)
{
    (void)state;
    struct bag bag = {0};
    struct err e = {0};
    bool keras = str_starts_with(model_name, "keras");
    source = path_of(keras ? "h5" : "safetensors");
    native = path_of("native");
    again = path_of("again");
    if (!reference_present())
        return 0;
    if (synth_bag(model_name, &bag, &e) != ERR_OK) {
        print_error("%s\n", e.msg);
        return -1;
    }
    if (keras)
        write_keras(&bag, source);
    else
        write_safetensors(&bag, source);
    bag_release(&bag);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    char *const files[] = {source, native, again};
    for (size_t i = 0; i < 3; i++) {
        (void)unlink(files[i]);
        free(files[i]);
    }
    return 0;
}

static void run(const char *path, enum eng_isa isa, float logits[CLASSES])
{
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct err e = {0};
    float *pixels = mem_new(3UL * HEIGHT * WIDTH * sizeof *pixels);
    if (eng_model_open(path, &(struct eng_opts){.isa = isa}, &model, &e) ||
        eng_session_open(model, HEIGHT, WIDTH, 1, 2, &session, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(eng_model_info(model)->arch, model_name);
    assert_int_equal(eng_model_info(model)->classes, CLASSES);
    synth_image("A", HEIGHT, WIDTH, pixels);
    eng_session_run(session, pixels, 1, &(struct eng_output){.logits = logits});
    eng_session_close(session);
    eng_model_close(model);
    free(pixels);
}

static void check(const char *path, enum eng_isa isa)
{
    struct reference *reference;
    struct err e = {0};
    float got[CLASSES], want[CLASSES], low, high, worst = 0;
    run(path, isa, got);
    assert_int_equal(reference_open(model_name, &reference, &e), ERR_OK);
    assert_int_equal(reference_logits(reference, INPUT, want, CLASSES), CLASSES);
    reference_close(reference);
    low = high = want[0];
    for (int i = 0; i < CLASSES; i++) {
        assert_true(isfinite(got[i])); // a NaN must not pass as a small difference
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
        worst = fmaxf(worst, fabsf(got[i] - want[i]));
    }
    print_message("%s, %s: worst difference %.2g of the range\n", path, eng_isa_name(isa),
                  (double)(worst / (high - low)));
    assert_true(worst <= 1e-4F * (high - low));
}

static void a_file_gives_the_publishers_logits(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    enum eng_isa best;
    assert_int_equal(eng_isa_choose(NULL, &best, NULL), ERR_OK);
    check(source, best);
    check(source, ENG_ISA_SCALAR);
}

static void so_does_what_it_converts_to(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    const struct eng_opts opts = {0};
    struct err e = {0};
    struct file_bytes a, b;
    enum eng_isa best;
    assert_int_equal(eng_isa_choose(NULL, &best, NULL), ERR_OK);
    if (eng_convert(source, &opts, native, true, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    check(native, best);
    assert_int_equal(eng_convert(source, &opts, again, true, &e), ERR_OK);
    assert_int_equal(file_map(native, &a, &e), ERR_OK);
    assert_int_equal(file_map(again, &b, &e), ERR_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    file_bytes_release(&a);
    file_bytes_release(&b);
    assert_int_equal(eng_convert(source, &opts, again, false, &e), ERR_EXISTS);
}

int main(int argc, char **argv)
{
    model_name = argc > 1 ? argv[1] : "keras_xception";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gives_the_publishers_logits),
        cmocka_unit_test(so_does_what_it_converts_to),
    };
    return cmocka_run_group_tests(tests, make_source, remove_files);
}
