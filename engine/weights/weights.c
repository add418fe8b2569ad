#include "engine/weights/weights.h"

#include "engine/model/arch.h"
#include "engine/weights/head.h"
#include "engine/weights/keras/hdf5.h"
#include "engine/weights/keras/keras.h"
#include "engine/weights/native.h"
#include "engine/weights/onnx/onnx.h"
#include "engine/weights/paddle/paddle.h"
#include "engine/weights/pickle/paddle_params.h"
#include "engine/weights/pickle/torch.h"
#include "engine/weights/safetensors.h"

#include "archive/archive.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The bytes of a file and what to make of them. A reader may take the bytes (and zero
// them here) when the net keeps pointing into them.
struct input {
    const char *path;
    struct file_bytes bytes;
    const char *arch; // forced, or NULL
};

static bool starts(const struct file_bytes *bytes, const char *magic, size_t n)
{
    return bytes->len >= n && memcmp(bytes->data, magic, n) == 0;
}

static bool zip_has(const char *path, const char *member)
{
    struct zip_reader *zip;
    if (arc_zip_open(path, &zip, NULL) != ERR_OK)
        return false;
    bool has = arc_zip_find(zip, member) >= 0;
    arc_zip_close(zip);
    return has;
}

static bool is_h5(const struct input *in)
{
    return h5_is(&in->bytes);
}

static enum err_code open_h5(struct input *in, struct net *out, struct err *e)
{
    return keras_open_h5(&in->bytes, in->path, out, e);
}

static bool is_keras_zip(const struct input *in)
{
    return starts(&in->bytes, "PK\3\4", 4) &&
           (zip_has(in->path, "config.json") || zip_has(in->path, "model.weights.h5"));
}

static enum err_code open_keras_zip(struct input *in, struct net *out, struct err *e)
{
    return keras_open_zip(in->path, out, e);
}

// Empties a bag into a net.
static enum err_code build(struct bag *bag, const struct input *in, const char *format,
                           struct net *out, struct err *e)
{
    enum err_code rc = arch_build(bag, in->arch, out, e);
    if (rc == ERR_OK)
        (void)snprintf(out->format, sizeof out->format, "%s", format);
    return rc;
}

static bool is_torch_zip(const struct input *in)
{
    struct zip_reader *zip;
    if (!starts(&in->bytes, "PK\3\4", 4) || arc_zip_open(in->path, &zip, NULL) != ERR_OK)
        return false;
    bool is = torch_zip_is(zip);
    arc_zip_close(zip);
    return is;
}

static enum err_code open_torch_zip(struct input *in, struct net *out, struct err *e)
{
    struct bag bag = {0};
    struct zip_reader *zip = NULL;
    enum err_code rc;
    TRY(arc_zip_open(in->path, &zip, e));
    TRY(torch_zip_read(zip, in->path, &bag, e));
    rc =
        build(&bag, in, torch_zip_is_script(zip) ? "torchscript" : "pytorch zip", out, e);
out:
    arc_zip_close(zip);
    bag_release(&bag);
    return rc;
}

static bool is_torch_legacy(const struct input *in)
{
    return torch_legacy_is(in->bytes.data, in->bytes.len);
}

static enum err_code open_torch_legacy(struct input *in, struct net *out, struct err *e)
{
    struct bag bag = {0};
    enum err_code rc = torch_legacy_read(&in->bytes, in->path, &bag, e);
    if (rc == ERR_OK)
        rc = build(&bag, in, "pytorch legacy", out, e);
    bag_release(&bag);
    return rc;
}

static bool is_paddle_params(const struct input *in)
{
    return paddle_params_is(in->bytes.data, in->bytes.len);
}

static enum err_code open_paddle_params(struct input *in, struct net *out, struct err *e)
{
    struct bag bag = {0};
    enum err_code rc = paddle_params_read(&in->bytes, in->path, &bag, e);
    if (rc == ERR_OK)
        rc = build(&bag, in, "pdparams", out, e);
    bag_release(&bag);
    return rc;
}

static bool is_onnx(const struct input *in)
{
    return onnx_is(&in->bytes);
}

static enum err_code open_onnx(struct input *in, struct net *out, struct err *e)
{
    return onnx_open(&in->bytes, in->path, out, e);
}

static bool is_paddle_program(const struct input *in)
{
    return paddle_program_is(&in->bytes);
}

static enum err_code open_paddle_program(struct input *in, struct net *out, struct err *e)
{
    return paddle_program_open(&in->bytes, in->path, out, e);
}

static bool is_paddle_pir(const struct input *in)
{
    return paddle_pir_is(&in->bytes);
}

static enum err_code open_paddle_pir(struct input *in, struct net *out, struct err *e)
{
    return paddle_pir_open(&in->bytes, in->path, out, e);
}

static bool is_safetensors(const struct input *in)
{
    return safetensors_is(&in->bytes);
}

static enum err_code open_safetensors(struct input *in, struct net *out, struct err *e)
{
    struct bag bag = {0};
    enum err_code rc = safetensors_read(&in->bytes, in->path, &bag, e);
    if (rc == ERR_OK && native_is(&bag)) {
        rc = native_build(&bag, out, e);
    } else if (rc == ERR_OK) {
        rc = build(&bag, in, "safetensors", out, e);
    }
    bag_release(&bag);
    return rc;
}

// In the order in which they are asked.
static const struct {
    bool (*is)(const struct input *in);
    enum err_code (*open)(struct input *in, struct net *out, struct err *e);
} readers[] = {
    {is_h5, open_h5},
    {is_keras_zip, open_keras_zip},
    {is_safetensors, open_safetensors},
    {is_onnx, open_onnx},
    {is_paddle_program, open_paddle_program},
    {is_paddle_pir, open_paddle_pir},
    {is_torch_zip, open_torch_zip},
    {is_torch_legacy, open_torch_legacy},
    {is_paddle_params, open_paddle_params}, // any pickle that is not torch's
};

static bool is_text(const struct file_bytes *bytes)
{
    size_t n = bytes->len < 512 ? bytes->len : 512;
    for (size_t i = 0; i < n; i++)
        if (bytes->data[i] == 0 ||
            (bytes->data[i] < 32 && !strchr("\t\n\r\f", bytes->data[i])))
            return false;
    return true;
}

// Whether the list of its members is there, which ends an archive.
static bool is_whole_zip(const struct file_bytes *bytes)
{
    enum { END = 22, COMMENT = 65535 };
    size_t n = bytes->len < END + COMMENT ? bytes->len : END + COMMENT;
    return memmem(bytes->data + bytes->len - n, n, "PK\5\6", 4);
}

static const char *kind_of(const struct file_bytes *bytes)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *kind;
    } kinds[] = {
        {"PK\3\4", 4, "a zip archive that holds no model"},
        {"PK\5\6", 4, "an empty zip archive"},
        {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16,
         "Paddle's weights, whose program (.pdmodel or .json) is the model"},
        {"\xff\xd8\xff", 3, "a JPEG picture"},
        {"\x89PNG", 4, "a PNG picture"},
        {"SQLite format 3", 15, "an SQLite database"},
        {"\x1f\x8b", 2, "a gzip file"},
    };
    if (bytes->len == 0)
        return "an empty file";
    if (starts(bytes, "PK\3\4", 4) && !is_whole_zip(bytes))
        return "a zip archive that is cut short";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (starts(bytes, kinds[i].magic, kinds[i].len))
            return kinds[i].kind;
    return is_text(bytes) ? "a text file" : "a file of unknown kind";
}

static enum err_code read_any(struct input *in, struct net *out, struct err *e)
{
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        if (readers[i].is(in))
            return readers[i].open(in, out, e);
    return err_set(
        e, ERR_FORMAT,
        "%s: %s, expected a model: .safetensors, .pth, .pt, .onnx, .keras, .h5, "
        ".pdparams, .pdmodel or inference.json",
        in->path, kind_of(&in->bytes));
}

static enum err_code settle_head(struct net *net, const char *path, const char *head,
                                 struct err *e)
{
    if (head && net->count > 0)
        return head_apply(head, net, e);
    if (head_is_there(net))
        return ERR_OK;
    return err_set(
        e, ERR_FORMAT,
        "%s: a model without a classifier, expected one or --head FILE with it", path);
}

// The net as a whole, at the size that the file declares.
static enum err_code check_net(const struct net *net, struct err *e)
{
    int height = net->height > 0 ? net->height : 299;
    int width = net->width > 0 ? net->width : 299;
    enum err_code rc = net_check(net, e);
    if (rc != ERR_OK)
        return rc;
    struct net_shape *shapes = mem_array((size_t)net->count, sizeof *shapes);
    rc = shapes ? net_shapes(net, height, width, shapes, e)
                : err_set(e, ERR_NOMEM, "no memory for %d nodes", net->count);
    free(shapes);
    return rc;
}

enum err_code weights_open(const char *path, const struct weights_opts *opts,
                           struct net *out, struct err *e)
{
    struct input in = {.path = path, .arch = opts ? opts->arch : NULL};
    *out = (struct net){0};
    enum err_code rc;
    if (in.arch)
        TRY(arch_check(in.arch, e));
    TRY(file_map(path, &in.bytes, e));
    TRY(read_any(&in, out, e));
    if (in.arch && strcmp(in.arch, out->arch) != 0)
        TRY(err_set(e, ERR_FORMAT, "%s: not a %s, it describes itself as %s", path,
                    in.arch, out->arch));
    TRY(settle_head(out, path, opts ? opts->head : NULL, e));
    rc = check_net(out, e);
    if (rc != ERR_OK)
        err_prefix(e, "%s", path);
out:
    if (in.bytes.data)
        file_bytes_release(&in.bytes);
    if (rc != ERR_OK)
        net_release(out);
    return rc;
}

enum err_code weights_settle_precision(const char *path, enum eng_precision stored,
                                       enum eng_precision *asked, struct err *e)
{
    if (*asked == ENG_AS_STORED)
        *asked = stored;
    if (*asked == stored || (*asked != ENG_INT8 && stored != ENG_INT8))
        return ERR_OK;
    if (*asked == ENG_INT8)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: is a %s model, expected an int8 one: xlens quantize makes it",
                       path, eng_precision_name(stored));
    return err_set(
        e, ERR_UNSUPPORTED,
        "%s: is an int8 model, expected the one it was made from to use it in %s", path,
        eng_precision_name(*asked));
}
