#include "engine/exec/model.h"

#include "engine/model/arch.h"

#include "base/mem.h"

#include <stdlib.h>

static void describe_layers(struct eng_model *m, const struct net_shape *shapes)
{
    const struct net *net = &m->plan.net;
    m->layers = mem_new((size_t)net->count * sizeof *m->layers);
    for (int i = 1; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        m->layers[i - 1] = (struct eng_layer){.name = n->name,
                                              .op = net_op_name(n),
                                              .kernel = m->plan.kernels[i],
                                              .out_c = n->channels,
                                              .out_h = shapes[i].h,
                                              .out_w = shapes[i].w,
                                              .params = n->params,
                                              .macs = net_macs(net, i, shapes)};
        m->info.params += n->params;
        m->info.params_stats += n->params_stats;
        m->info.macs += m->layers[i - 1].macs;
    }
    struct arch_figures figures;
    if (arch_published(net->arch, m->info.params, m->info.params_stats, &figures)) {
        m->info.published = figures.note;
        m->info.published_params_m = figures.params_m;
        m->info.published_work_g = figures.work_g;
    }
    m->info.layers = m->layers;
    m->info.layer_count = net->count - 1;
}

static enum err_code describe(struct eng_model *m, const struct eng_opts *opts,
                              struct err *e)
{
    const struct net *net = &m->plan.net;
    m->info = (struct eng_info){
        .path = m->path,
        .arch = net->arch,
        .publisher = net->publisher,
        .format = net->format,
        .precision = opts->precision,
        .isa = opts->isa,
        .height = net->height,
        .width = net->width,
        .classes = net->nodes[net->count - 1].channels,
        .features = net->nodes[m->plan.pooled].channels,
        .preset = net->preset,
        .crop_pct = net->crop_pct,
        .labels = net->labels,
    };
    struct net_shape *shapes = mem_new((size_t)net->count * sizeof *shapes);
    enum err_code rc = net_shapes(net, net->height, net->width, shapes, e);
    if (rc == ERR_OK)
        describe_layers(m, shapes);
    free(shapes);
    return rc;
}

enum err_code eng_model_from_net(struct net *net, const char *path,
                                 const struct eng_opts *opts, struct eng_model **out,
                                 struct err *e)
{
    enum err_code rc;
    struct eng_model *m = mem_new(sizeof *m);
    m->path = mem_dup(path);
    TRY(net_fold(net, e));
    TRY(plan_open(net, opts->isa, opts->precision, &m->plan, e));
    TRY(describe(m, opts, e));
    *out = m;
    m = NULL;
out:
    net_release(net);
    eng_model_close(m);
    return rc;
}

void eng_model_close(struct eng_model *model)
{
    if (!model)
        return;
    plan_release(&model->plan);
    free(model->layers);
    free(model->path);
    free(model);
}

const struct eng_info *eng_model_info(const struct eng_model *model)
{
    return &model->info;
}
