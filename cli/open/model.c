#include "cli/open/model.h"

#include "cli/out/say.h"

struct pipe_setup_opts model_setup_opts(const struct cli *cli,
                                        const struct model_args *args)
{
    return (struct pipe_setup_opts){
        .model = args->model,
        .engine = {.arch = args->arch,
                   .head = args->head,
                   .precision = model_precision(args),
                   .isa = cli->isa},
        .preprocess = args->preprocess,
        .height = args->shape.height,
        .width = args->shape.width,
        .label = args->label,
    };
}

enum eng_precision model_precision(const struct model_args *args)
{
    return args->precision ? (enum eng_precision)(args->precision - 1) : ENG_AS_STORED;
}

enum err_code model_setup_open(const struct cli *cli, const struct model_args *args,
                               struct pipe_setup *out, struct err *e)
{
    const struct pipe_setup_opts opts = model_setup_opts(cli, args);
    enum err_code rc = pipe_setup_open(&opts, out, e);
    if (rc != ERR_OK)
        return rc;
    const struct eng_info *info = eng_model_info(out->model);
    if (out->background)
        say_note(cli,
                 "%s: 1001 classes, taken for a background class (0) and ImageNet's 1000 "
                 "from 1 on; --label names others",
                 info->path);
    char text[DS_PREP_TEXT_MAX];
    ds_prep_text(&out->prep, text);
    say_detail(cli, "%s: %s, %d classes, %s, %s, preset %s at %dx%d, %d threads",
               info->path, info->arch, info->classes, eng_precision_name(info->precision),
               eng_isa_name(info->isa), text, out->prep.width, out->prep.height,
               cli->threads);
    return ERR_OK;
}
