#include "cli/cmd.h"
#include "cli/open/model.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include <stdio.h>
#include <sys/stat.h>

struct convert_args {
    struct model_args model;
    const char *out;
    bool force;
};

static const struct opt convert_opts[] = {
    MODEL_FILE_OPT(offsetof(struct convert_args, model), true),
    {.letter = 'o',
     .name = "output",
     .value = "OUT.safetensors",
     .help = "the native file",
     .kind = OPT_TEXT,
     .offset = offsetof(struct convert_args, out),
     .required = true},
    MODEL_PARTS_OPTS(offsetof(struct convert_args, model)),
    MODEL_PRECISION_OPT(offsetof(struct convert_args, model)),
    {.name = "force",
     .help = "overwrite a file that is there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct convert_args, force)},
    {0},
};

static enum err_code print_result(const struct cli *cli, const struct convert_args *args,
                                  struct err *e)
{
    struct stat st = {0};
    if (stat(args->out, &st) != 0)
        return err_set(e, ERR_MISSING, "%s: is gone again", args->out);
    if (!cli->json) {
        (void)printf("%s: %lld bytes\n", args->out, (long long)st.st_size);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_text(document, "model", args->model.model);
    json_text(document, "output", args->out);
    json_number(document, "bytes", (double)st.st_size);
    return json_print(document, e);
}

static enum err_code run_convert(struct cli *cli, void *fields, struct err *e)
{
    const struct convert_args *args = fields;
    const struct eng_opts opts = {
        .arch = args->model.arch,
        .head = args->model.head,
        .precision = model_precision(&args->model),
        .isa = cli->isa,
    };
    enum err_code rc = eng_convert(args->model.model, &opts, args->out, args->force, e);
    return rc == ERR_OK ? print_result(cli, args, e) : rc;
}

const struct cmd cmd_convert = {
    .name = "convert",
    .operands = "",
    .about = "Writes a model in the native format: safetensors with the batch norms "
             "folded, and architecture, preset, size and labels in the metadata.",
    .opts = convert_opts,
    .size = sizeof(struct convert_args),
    .run = run_convert,
};
