// Files that are no model, or a damaged or foreign one: each gets one line that begins
// with the file and says what is wrong with it.

#include "engine/weights/weights.h"

#include "tests/support/h5_write.h"
#include "tests/support/model_file.h"

#include "archive/archive.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

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

#define TINY XLENS_TEST_DATA "/tiny/keras3_model.keras"

static char dir[] = "/tmp/xlens-refused-XXXXXX";
static char *target;

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    target = mem_printf("%s/model", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlink(target);
    free(target);
    return rmdir(dir);
}

static void refuse_file(const char *path, const char *says)
{
    struct net net;
    struct err e = {0};
    enum err_code rc = weights_open(path, NULL, &net, &e);
    if (rc == ERR_OK)
        fail_msg("accepted; expected \"%s\"", says);
    assert_int_equal(err_exit_status(rc), 3);
    if (strncmp(e.msg, path, strlen(path)) != 0 || !strstr(e.msg, says) ||
        strchr(e.msg, '\n'))
        fail_msg("\"%s\" is not one line of the file with \"%s\"", e.msg, says);
    assert_int_equal(net.count, 0);
}

static void put_file(const void *bytes, size_t n)
{
    FILE *f = fopen(target, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void what_is_no_model_is_called_by_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *says;
    } files[] = {
        {"", 0, "an empty file"},
        {"hello\n", 6, "a text file"},
        {"\xff\xd8\xff\xe0\0\0\0\0", 8, "a JPEG picture"},
        {"\x89PNG\r\n\x1a\n", 8, "a PNG picture"},
        {"PK\3\4 and then nothing", 20, "a zip archive that is cut short"},
        {"\x89HDF\r\n\x1a\n and then nothing", 24, "damaged HDF5 file of 24 bytes"},
        {"\xff\0\0\0\0\0\0\0{", 9, "a file of unknown kind"},
        {"\xff\0\0\0\0\0\0\0{\"a\":", 14, "cut short"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        put_file(files[i].bytes, files[i].n);
        refuse_file(target, files[i].says);
    }
    refuse_file(dir, "not a regular file");
    refuse_file("/nowhere/model.h5", "No such file");
}

// ---- safetensors ----

static void safetensors_are_checked(void **state)
{
    (void)state;
#define T "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":"
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } files[] = {
        {"{\"a\":{" T "[0,8]}", 8, "header is not JSON"},
        {"{\"a\":{" T "[0,8]}}", 8, "not an Xception"},
        {"{\"a\":{" T "[0,8]}}", 7, "tensor a lies at bytes 0 to 8 of 7"},
        {"{\"a\":{" T "[8,0]}}", 8, "tensor a lies at bytes 8 to 0"},
        {"{\"a\":{" T "[-8,0]}}", 8, "entry a has no sound dtype"},
        {"{\"a\":{" T "[0,1e300]}}", 8, "entry a has no sound dtype"},
        {"{\"a\":{" T "[0,4]}}", 8, "tensor a has 4 bytes, its shape asks for 8"},
        {"{\"a\":{" T "[0,8]},\"a\":{" T "[8,16]}}", 16, "tensor a appears twice"},
        {"{\"a\":{" T "[0,8]},\"b\":{" T "[4,12]}}", 16, "tensors a and b overlap"},
        {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "no sound dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],"
         "\"data_offsets\":[0,8]}}",
         8, "no sound dtype, shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
         "\"data_offsets\":[0,0]}}",
         0, "overflows"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "metadata that is not text"},
    };
#undef T
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        model_file_safetensors(target, files[i].header, files[i].data);
        refuse_file(target, files[i].says);
    }
}

// A native model of one layer, with places to break it.
static char *native_header(const char *graph, const char *format)
{
    return mem_printf(
        "{\"__metadata__\":{\"xlens.format\":\"%s\",\"xlens.graph\":\"%s\"},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}}",
        format, graph);
}

#define IN   "{'name':'in','op':'input','channels':3}"
#define GAP  ",{'name':'gap','op':'globalpool','in':[0],'channels':3}"
#define FC_C ",{'name':'fc','op':'dense','in':[1],'channels':"

static void native_graphs_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *graph, *format, *says;
    } files[] = {
        {"[" IN GAP FC_C "2}]", "2", "native format 2, expected 1"},
        {"{}", "1", "xlens.graph is not a list"},
        {"[" IN GAP FC_C "2}]", "1\",\"xlens.precision\":\"int4",
         "xlens.precision \"int4\", expected float32, bf16 or int8"},
        {"[]", "1", "tensor fc.weight"}, // spare
        {"[" IN GAP FC_C "3}]", "1", "fc.weight has not the shape of its node"},
        {"[" IN GAP FC_C "2,'stride':1.5}]", "1", "node 2 of xlens.graph is damaged"},
        {"[" IN GAP ",{'name':'fc','op':'dense','in':[5],'channels':2}]", "1",
         "reads a later one"},
        {"[" IN GAP ",{'name':'x','op':'dense','in':[1],'channels':2}]", "1",
         "no tensor x.weight"},
        {"[" IN ",{'name':'q','op':'what'}]", "1",
         "node 1 of xlens.graph: the op what is not known"},
        {"[" IN ",{'name':'fc','op':'dense','in':[0],'channels':2}]", "1",
         "fc: dense in front of"},
        {"[" IN ",{'name':'p','op':'maxpool','in':[0],'channels':3,'kernel':[3,3]}" GAP
         ",{'name':'fc','op':'dense','in':[2],'channels':2}]",
         "1", "p: stride 0"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct str graph = {0};
        for (const char *p = files[i].graph; *p; p++)
            str_add(&graph, *p == '\'' ? "\\\"" : (char[]){*p, '\0'});
        char *header = native_header(str_get(&graph), files[i].format);
        model_file_safetensors(target, header, 24);
        refuse_file(target, files[i].says);
        free(header);
        str_release(&graph);
    }
}

// ---- Keras ----

// A little network with everything that the reader takes besides what Xception has.
static const char good[] =
    "{'class_name':'Functional','config':{'name':'toy','layers':["
    "{'class_name':'InputLayer','config':{'batch_input_shape':[null,16,20,3],'name':'in'}"
    ","
    "'name':'in','inbound_nodes':[]},"
    "{'class_name':'Conv2D','config':{'filters':4,'kernel_size':[3,3],'strides':[2,2],"
    "'padding':'valid','activation':'relu','name':'c'},'name':'c',"
    "'inbound_nodes':[[['in',0,0,{}]]]},"
    "{'class_name':'SeparableConv2D','config':{'filters':4,'kernel_size':[3,3],"
    "'strides':[1,1],'padding':'same','use_bias':false,'name':'s'},'name':'s',"
    "'inbound_nodes':[[['c',0,0,{}]]]},"
    "{'class_name':'BatchNormalization','config':{'axis':[3],'epsilon':0.001,'name':'b'},"
    "'name':'b','inbound_nodes':[[['s',0,0,{}]]]},"
    "{'class_name':'Add','config':{'name':'a'},'name':'a',"
    "'inbound_nodes':[[['b',0,0,{}],['c',0,0,{}]]]},"
    "{'class_name':'MaxPooling2D','config':{'pool_size':[3,3],'strides':[2,2],"
    "'padding':'same','name':'p'},'name':'p','inbound_nodes':[[['a',0,0,{}]]]},"
    "{'class_name':'GlobalAveragePooling2D','config':{'name':'g'},'name':'g',"
    "'inbound_nodes':[[['p',0,0,{}]]]},"
    "{'class_name':'Dropout','config':{'rate':0.5,'name':'d'},'name':'d',"
    "'inbound_nodes':[[['g',0,0,{}]]]},"
    "{'class_name':'Dense','config':{'units':2,'activation':'softmax','name':'f'},"
    "'name':'f','inbound_nodes':[[['d',0,0,{}]]]}],"
    "'input_layers':[['in',0,0]],'output_layers':[['f',0,0]]}}";

static const struct weight {
    const char *layer, *name;
    int ndim;
    size_t shape[4];
} weights[] = {
    {"c", "c/kernel:0", 4, {3, 3, 3, 4}},
    {"c", "c/bias:0", 1, {4}},
    {"s", "s/depthwise_kernel:0", 4, {3, 3, 4, 1}},
    {"s", "s/pointwise_kernel:0", 4, {1, 1, 4, 4}},
    {"b", "b/gamma:0", 1, {4}},
    {"b", "b/beta:0", 1, {4}},
    {"b", "b/moving_mean:0", 1, {4}},
    {"b", "b/moving_variance:0", 1, {4}},
    {"f", "f/kernel:0", 2, {4, 2}},
    {"f", "f/bias:0", 1, {2}},
};
enum { WEIGHTS = sizeof weights / sizeof weights[0] };

// The text with one place replaced and ' turned into ".
static char *edited(const char *text, const char *find, const char *replace)
{
    struct str s = {0};
    const char *at = find ? strstr(text, find) : NULL;
    assert_true(!find || at);
    if (at) {
        str_add_n(&s, text, (size_t)(at - text));
        str_add(&s, replace);
        text = at + strlen(find);
    }
    str_add(&s, text);
    for (char *p = s.data; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return str_detach(&s);
}

// Writes the toy; weight `skip` is left out, `odd` has another shape, `nan` a NaN.
static void put_toy(const char *config, int skip, int odd, int nan)
{
    struct h5_out *out = h5_out_open(target);
    if (config)
        h5_out_text(out, "", "model_config", config);
    for (int i = 0; i < WEIGHTS; i++) {
        const struct weight *w = &weights[i];
        float data[256];
        size_t shape[4];
        memcpy(shape, w->shape, sizeof shape);
        shape[0] += i == odd;
        for (int k = 0; k < 256; k++)
            data[k] = i == nan && k == 3 ? NAN : 0.25F;
        char *name = mem_printf("model_weights/%s/%s", w->layer, w->name);
        if (i != skip)
            h5_out_floats(out, name, w->ndim, shape, data);
        free(name);
    }
    for (int i = 0, n = 0; i < WEIGHTS; i += n) {
        const char *names[8];
        for (n = 0; i + n < WEIGHTS && weights[i + n].layer == weights[i].layer; n++)
            names[n] = weights[i + n].name;
        char *group = mem_printf("model_weights/%s", weights[i].layer);
        h5_out_texts(out, group, "weight_names", names, (size_t)n, i > 0);
        free(group);
    }
    h5_out_close(out);
}

static void the_toy_is_read(void **state)
{
    (void)state;
    struct net net;
    struct err e = {0};
    char *config = edited(good, NULL, NULL);
    put_toy(config, -1, -1, -1);
    if (weights_open(target, NULL, &net, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_string_equal(net.arch, "other");
    assert_string_equal(net.publisher, "keras");
    assert_true(net.height == 16 && net.width == 20);
    assert_int_equal(net.nodes[net.count - 1].op, NET_FC);
    assert_true(net.nodes[1].params == 3 * 3 * 3 * 4 + 4);
    net_release(&net);
    free(config);
}

static void foreign_keras_graphs_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *find, *replace, *says;
    } edits[] = {
        {"'Add'", "'Concatenate'", "not an Xception: Functional \"toy\" has 9 layers"},
        {"'SeparableConv2D'", "'Conv2D'", "2 Conv2D, 0 SeparableConv2D and 1 Add"},
        {"'Dropout'", "'LSTM'", "layer d (LSTM): unknown class"},
        {"'Functional'", "'MyModel'", "model of class \"MyModel\""},
        {"'relu'", "'gelu'", "layer c (Conv2D): activation gelu"},
        {"'strides':[2,2]", "'strides':[2,1]", "layer c (Conv2D): strides"},
        {"'valid'", "'causal'", "layer c (Conv2D): padding causal"},
        {"'filters':4", "'filters':-4", "layer c (Conv2D): filters is not a number"},
        {"'filters':4", "'groups':2,'filters':4", "layer c (Conv2D): groups is not 1"},
        {"[3]", "[1]", "layer b (BatchNormalization): axis"},
        {"20,3]", "20,1]", "input in is not a picture"},
        {"'filters':4", "'data_format':'channels_first','filters':4", "channels_first"},
        {"[['c',0,0,{}]]", "[['zz',0,0,{}]]", "layer s (SeparableConv2D): reads zz"},
        {"[['c',0,0,{}]]", "[['s',0,0,{}]]", "layer s (SeparableConv2D): reads s"},
        {"[[['c',0,0,{}]]]", "[]", "layer s (SeparableConv2D): is called 0 times"},
        {"'name':'d',", "'name':'g',", "two layers are named g"},
        {"[['f',0,0]]", "[['f',0,0],['a',0,0]]", "model toy has 2 outputs"},
        {"[['f',0,0]]", "[['zz',0,0]]", "the output of model toy"},
        {"[['f',0,0]]", "[['g',0,0]]", "layers follow its output g"},
        {"'Dropout','config':{'rate':0.5,",
         "'Activation','config':{'activation':'softmax',",
         "layer f (Dense): comes behind the softmax of d"},
        {"'MaxPooling2D'", "'Flatten'", "layer p (Flatten): comes before"},
        {"'units':2", "'units':3",
         "tensor model_weights/f/f/kernel:0 is 4x2, expected 4x3"},
        {"'layers':[", "'layers':'x','y':[", "not an Xception"},
        {"}", "", "its model configuration is not JSON"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char *config = edited(good, edits[i].find, edits[i].replace);
        put_toy(config, -1, -1, -1);
        refuse_file(target, edits[i].says);
        free(config);
    }
}

static void damaged_keras_weights_are_named(void **state)
{
    (void)state;
    char *config = edited(good, NULL, NULL);
    put_toy(config, 3, -1, -1);
    refuse_file(target, "no array model_weights/s/s/pointwise_kernel:0");
    put_toy(config, -1, 8, -1);
    refuse_file(target, "model_weights/f/f/kernel:0 is 5x2, expected 4x2");
    put_toy(config, -1, -1, 2);
    refuse_file(target, "s/depthwise: weight 3 is not a finite number");
    put_toy(config, -1, -1, 7);
    refuse_file(target, "b: weight 3 is not a finite number");
    free(config);
}

static void other_hdf5_files_are_told(void **state)
{
    (void)state;
    put_toy(NULL, -1, -1, -1);
    refuse_file(target, "an HDF5 file that Keras did not write");
    struct h5_out *out = h5_out_open(target);
    static const char *const layers[] = {"conv1"}, *const names[] = {"conv1/kernel:0"};
    h5_out_texts(out, "", "layer_names", layers, 1, true);
    h5_out_floats(out, "conv1/conv1/kernel:0", 4, (size_t[]){1, 1, 1, 1}, (float[]){1});
    h5_out_texts(out, "conv1", "weight_names", names, 1, true);
    h5_out_close(out);
    refuse_file(target, "not a keras_xception: it has no tensor block1_conv1/kernel");
    out = h5_out_open(target);
    h5_out_group(out, "layers/conv2d");
    h5_out_close(out);
    refuse_file(target, "no separable convolutions");
}

static void cut_keras_files_are_errors_at_every_length(void **state)
{
    (void)state;
    struct file_bytes whole;
    char *config = edited(good, NULL, NULL);
    put_toy(config, -1, -1, -1);
    assert_int_equal(file_read(target, 1 << 24, &whole, NULL), ERR_OK);
    for (size_t n = 0; n < whole.len; n += 1 + whole.len / 97) {
        put_file(whole.data, n);
        refuse_file(target, ":");
    }
    file_bytes_release(&whole);
    assert_int_equal(file_read(TINY, 1 << 24, &whole, NULL), ERR_OK);
    for (size_t n = 0; n < whole.len; n += 1 + whole.len / 31) {
        put_file(whole.data, n);
        refuse_file(target, ":");
    }
    file_bytes_release(&whole);
    free(config);
}

static void archives_without_a_model_are_told(void **state)
{
    (void)state;
    struct npz_writer *npz;
    static const char *const text[] = {"x"};
    assert_int_equal(arc_npz_create(target, true, &npz, NULL), ERR_OK);
    assert_int_equal(arc_npz_put_strings(npz, "words", text, 1, NULL), ERR_OK);
    assert_int_equal(arc_npz_commit(npz, NULL), ERR_OK);
    refuse_file(target, "a zip archive that holds no model");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_model_is_called_by_its_kind),
        cmocka_unit_test(safetensors_are_checked),
        cmocka_unit_test(native_graphs_are_checked),
        cmocka_unit_test(the_toy_is_read),
        cmocka_unit_test(foreign_keras_graphs_are_named),
        cmocka_unit_test(damaged_keras_weights_are_named),
        cmocka_unit_test(other_hdf5_files_are_told),
        cmocka_unit_test(cut_keras_files_are_errors_at_every_length),
        cmocka_unit_test(archives_without_a_model_are_told),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
