#ifndef CLI_MODEL_H
#define CLI_MODEL_H

// The options of every command that runs a network, and what they open.

#include "cli/cmd.h"

#include "pipeline/pipeline.h"

struct model_args {
    const char *model, *arch, *head, *preprocess, *label;
    int precision; // place in MODEL_PRECISIONS
    struct opt_chw shape;
};

#define MODEL_PRECISIONS "stored float32 bf16 int8"
enum { MODEL_MAX_EXTENT = 16384 };

// Rows for the struct model_args that lies `base` bytes into the command's own struct.
#define MODEL_FILE_OPT(base, needed)                                                     \
    {                                                                                    \
        .letter = 'm', .name = "model", .value = "MODEL", .help = "model file",          \
        .kind = OPT_TEXT, .required = (needed),                                          \
        .offset = (base) + offsetof(struct model_args, model)                            \
    }
#define MODEL_PARTS_OPTS(base)                                                           \
    {.name = "arch",                                                                     \
     .value = "NAME",                                                                    \
     .help = "architecture, where the tensors do not tell it",                           \
     .kind = OPT_TEXT,                                                                   \
     .offset = (base) + offsetof(struct model_args, arch)},                              \
    {                                                                                    \
        .name = "head", .value = "FILE",                                                 \
        .help = "safetensors with fc.weight and fc.bias in place of the model's head",   \
        .kind = OPT_TEXT, .offset = (base) + offsetof(struct model_args, head)           \
    }
#define MODEL_PRECISION_OPT(base)                                                        \
    {                                                                                    \
        .name = "precision", .value = "NAME",                                            \
        .help = "of the arithmetic; default: the one that the file was written for",     \
        .kind = OPT_CHOICE, .choices = MODEL_PRECISIONS,                                 \
        .offset = (base) + offsetof(struct model_args, precision)                        \
    }
#define MODEL_INPUT_OPTS(base)                                                           \
    {.name = "preprocess",                                                               \
     .value = "NAME",                                                                    \
     .help = "xception, timm, ppcls, ppcls-cv2 or keras, with changes as in "            \
             "xception,bicubic,bgr; default: the model's own",                           \
     .kind = OPT_TEXT,                                                                   \
     .offset = (base) + offsetof(struct model_args, preprocess)},                        \
    {                                                                                    \
        .letter = 's', .name = "shape", .value = "[3,H,W]",                              \
        .help = "input size; default: the model's own", .kind = OPT_CHW,                 \
        .max = MODEL_MAX_EXTENT, .offset = (base) + offsetof(struct model_args, shape)   \
    }
// All of them, for a command that runs a network.
#define MODEL_OPTS(base, needed)                                                         \
    MODEL_FILE_OPT(base, needed), MODEL_PARTS_OPTS(base), MODEL_PRECISION_OPT(base),     \
        MODEL_INPUT_OPTS(base),                                                          \
    {                                                                                    \
        .name = "label", .value = "FILE",                                                \
        .help = "class names: a name a line, imagenet_class_index.json or csv",          \
        .kind = OPT_TEXT, .offset = (base) + offsetof(struct model_args, label)          \
    }

// What they ask for; borrows from both.
struct pipe_setup_opts model_setup_opts(const struct cli *cli,
                                        const struct model_args *args);

// What --precision asks for.
enum eng_precision model_precision(const struct model_args *args);

enum err_code model_setup_open(const struct cli *cli, const struct model_args *args,
                               struct pipe_setup *out, struct err *e) MUST_CHECK;

#endif
