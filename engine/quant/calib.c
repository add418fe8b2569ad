#include "engine/quant/calib.h"

#include "engine/exec/model.h"
#include "engine/weights/weights.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// Pixels that layers are tried on before their precision is settled.
enum { TRIAL_PICTURES = 64, TRIAL_ROWS = 4 };

// Pixels a picture whose products are summed, at most, and layers that count as last.
enum { PRODUCT_ROWS = 16, LAST_LAYERS = 3 };

// ---- opening ----

static enum err_code add_layer(struct eng_calib *c, int node, struct err *e)
{
    const struct net *net = &c->net;
    struct calib_layer *l = &c->layers[c->count];
    int in = net_in_channels(net, node);
    size_t channels = (size_t)plan_blocks(in) * KERN_BLOCK;
    *l = (struct calib_layer){.node = node,
                              .in = in,
                              .out = net->nodes[node].channels,
                              .inputs = net_quant_inputs(net, node)};
    l->channels = mem_array(channels, sizeof *l->channels);
    if (!l->channels)
        return err_set(e, ERR_NOMEM, "no memory for %zu histograms", channels);
    pthread_mutex_init(&l->lock, NULL);
    c->results[c->count++] = (struct eng_quant_layer){
        .name = net->nodes[node].name, .layer = node - 1, .in = l->in, .out = l->out};
    return ERR_OK;
}

static enum err_code add_layers(struct eng_calib *c, struct err *e)
{
    const struct plan *plan = &c->model->plan;
    c->layers = mem_new((size_t)plan->count * sizeof *c->layers);
    c->results = mem_new((size_t)plan->count * sizeof *c->results);
    for (int i = 0; i < plan->count; i++) {
        int node = sample_node(plan, i);
        enum err_code rc = node < 0 ? ERR_OK : add_layer(c, node, e);
        if (rc != ERR_OK)
            return rc;
    }
    for (int i = c->count - 1, found = 0; i >= 0 && found < LAST_LAYERS; i--)
        if (c->net.nodes[c->layers[i].node].stride == 1) { // no shortcut past a block
            c->layers[i].last = true;
            found++;
        }
    return ERR_OK;
}

enum err_code eng_calib_open(const struct eng_model *model, const struct eng_opts *opts,
                             size_t pictures, struct eng_calib **out, struct err *e)
{
    enum err_code rc;
    const struct weights_opts reading = {.arch = opts->arch, .head = opts->head};
    struct eng_calib *c = mem_new(sizeof *c);
    c->model = model;
    if (model->info.precision != ENG_FLOAT32)
        TRY(err_set(e, ERR_UNSUPPORTED, "%s: is %s, expected a float32 model",
                    model->path, eng_precision_name(model->info.precision)));
    TRY(weights_open(model->path, &reading, &c->net, e));
    TRY(net_fold(&c->net, e));
    TRY(weights_hash(model->path, &c->net, opts->head, c->hash, e));
    TRY(add_layers(c, e));
    c->gram_rows = pictures > GRAM_PIXELS / PRODUCT_ROWS ? (int)(GRAM_PIXELS / pictures)
                                                         : PRODUCT_ROWS;
    pictures = pictures < TRIAL_PICTURES ? pictures : TRIAL_PICTURES;
    TRY(sample_open(&model->plan, false, pictures, TRIAL_ROWS, &c->sample, e));
    *out = c;
    c = NULL;
out:
    eng_calib_close(c);
    return rc;
}

void eng_calib_close(struct eng_calib *calib)
{
    if (!calib)
        return;
    for (int i = 0; i < calib->count; i++) {
        free(calib->layers[i].channels);
        free(calib->layers[i].rows);
        free(calib->layers[i].moments);
        net_quant_free(calib->layers[i].quant);
        gram_release(&calib->layers[i].gram);
        pthread_mutex_destroy(&calib->layers[i].lock);
    }
    sample_release(&calib->sample);
    net_release(&calib->net);
    free(calib->layers);
    free(calib->results);
    free(calib);
}

// ---- watching ----

struct watching {
    struct eng_calib *calib;
    size_t picture;
};

static struct calib_layer *layer_of(struct eng_calib *c, int node)
{
    struct calib_layer *l = c->layers;
    while (l->node != node)
        l++;
    return l;
}

// Those under the middle of a window.
static void count_values(struct calib_layer *l, const struct exec *x,
                         const struct exec_part *part)
{
    struct tile t;
    const int blocks = plan_blocks(l->in), taps = l->inputs / l->in;
    sample_tile_first(x, part, &t);
    do {
        const ptrdiff_t block = (ptrdiff_t)t.rows * KERN_BLOCK;
        const float *middle = t.values + taps / 2 * blocks * block;
        for (int b = 0; b < blocks; b++)
            if (!histogram_add(l->channels + (ptrdiff_t)b * KERN_BLOCK,
                               middle + b * block, t.rows))
                l->odd = true;
    } while (sample_tile_next(x, part, &t));
}

// In half as many steps, of which the gram takes products in 16 bits.
static void read_codes(const struct calib_layer *l, const struct exec *x,
                       const struct exec_part *part, int pixel, float *values,
                       int16_t *codes)
{
    sample_read(x, part, pixel, values, l->inputs);
    for (int r = 0; r < l->row_count; r++) {
        int number, zero;
        layer_code(l, r, values[l->rows[r].input], &number, &zero);
        codes[r] = (int16_t)(number / 2 - zero / 2);
    }
}

// Products of a few of the part's pixels.
static void count_products(struct calib_layer *l, int rows, const struct exec *x,
                           const struct exec_part *part, size_t picture)
{
    const int pixels = x->layout->steps[part->step].pixels;
    const size_t wide = (size_t)l->row_count;
    float *values = mem_new((size_t)l->inputs * sizeof *values);
    int16_t *codes = mem_new((size_t)GRAM_ROWS * wide * sizeof *codes);
    int held = 0;
    rows = rows < pixels ? rows : pixels;
    for (int i = 0; i < rows; i++) {
        int pixel = sample_pixel(pixels, rows, i, picture);
        if (pixel < part->rows.first || pixel >= part->rows.last)
            continue;
        read_codes(l, x, part, pixel, values, codes + (ptrdiff_t)held * l->row_count);
        if (++held == GRAM_ROWS) {
            gram_add(&l->gram, codes, held);
            held = 0;
        }
    }
    if (held) {
        memset(codes + (ptrdiff_t)held * l->row_count, 0,
               (size_t)(GRAM_ROWS - held) * wide * sizeof *codes);
        gram_add(&l->gram, codes, held);
    }
    free(codes);
    free(values);
}

static void see(void *ctx, const struct exec *x, const struct exec_part *part)
{
    const struct watching *w = ctx;
    int node = sample_node(x->plan, part->step);
    if (node < 0 || part->panels.first > 0) // another member tells of these rows
        return;
    struct calib_layer *l = layer_of(w->calib, node);
    pthread_mutex_lock(&l->lock);
    if (w->calib->settled)
        count_products(l, w->calib->gram_rows, x, part, w->picture);
    else
        count_values(l, x, part);
    pthread_mutex_unlock(&l->lock);
    if (!w->calib->settled)
        sample_take(&w->calib->sample, x, part, w->picture);
}

void eng_calib_run(struct eng_calib *calib, struct eng_session *session,
                   const float *input, size_t picture, const struct eng_output *out)
{
    struct watching w = {calib, picture};
    const struct exec_observer observer = {see, &w};
    exec_observe(session, &observer);
    eng_session_run(session, input, 1, out);
    exec_observe(session, NULL);
}

// ---- quantizing ----

// Whether a name stands in a list with commas.
static bool is_listed(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = list; at && *at;) {
        size_t len = strcspn(at, ",");
        if (len == n && memcmp(at, name, n) == 0)
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

static enum err_code check_keep(const struct eng_calib *c, const char *keep,
                                struct err *e)
{
    for (const char *at = keep; at && *at;) {
        size_t len = strcspn(at, ",");
        bool known = false;
        for (int i = 0; i < c->count; i++)
            known |= strlen(c->results[i].name) == len &&
                     memcmp(c->results[i].name, at, len) == 0;
        if (!known)
            return err_set(e, ERR_USAGE,
                           "--keep %.*s: no convolution of %s that can be int8, expected "
                           "names as %s",
                           (int)len, at, c->model->path,
                           c->count ? c->results[0].name : "none has");
        at += len + (at[len] == ',');
    }
    return ERR_OK;
}

static void give_numbers(struct net_node *n, struct net_quant *quant, float *bias)
{
    if (!n->borrowed) {
        free(n->weight);
        free(n->bias);
    }
    n->weight = NULL;
    n->borrowed = false;
    n->bias = bias;
    n->quant = quant;
}

enum err_code eng_calib_settle(struct eng_calib *calib, const struct eng_quant_opts *opts,
                               struct err *e)
{
    enum err_code rc;
    TRY(check_keep(calib, opts->keep, e));
    for (int i = 0; i < calib->count; i++)
        TRY(layer_settle(calib, i, opts, e));
    calib->settled = true;
out:
    return rc;
}

enum err_code eng_calib_quantize(struct eng_calib *calib,
                                 const struct eng_quant_opts *opts, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (int i = 0; i < calib->count; i++) {
        struct eng_quant_layer *r = &calib->results[i];
        struct net_quant *quant;
        float *bias;
        TRY(layer_quantize(calib, i, &quant, &bias, &r->sqnr, e));
        r->kept = is_listed(opts->keep, r->name) || !(r->sqnr >= opts->min_sqnr);
        if (!r->kept) {
            give_numbers(&calib->net.nodes[calib->layers[i].node], quant, bias);
            continue;
        }
        net_quant_free(quant);
        free(bias);
    }
    calib->net.precision = ENG_INT8;
out:
    return rc;
}

const struct eng_quant_layer *eng_calib_layers(const struct eng_calib *calib, int *count)
{
    *count = calib->count;
    return calib->results;
}

enum err_code eng_calib_write(struct eng_calib *calib, const char *calibration,
                              const char *path, bool force, struct err *e)
{
    free(calib->net.calibration);
    calib->net.calibration = mem_dup(calibration);
    return weights_native_write(&calib->net, calib->hash, path, force, e);
}
