#include "engine/model/half.h"
#include "engine/plan/strassen.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// A place in the packed weights: counts on the first pass, when start is NULL, and hands
// out on the second.
struct cursor {
    float *start;
    size_t used; // floats
};

static void *reserve_bytes(struct cursor *c, size_t bytes)
{
    float *at = c->start ? c->start + c->used : NULL;
    c->used += memory_round((bytes + sizeof(float) - 1) / sizeof(float));
    return at;
}

static float *reserve(struct cursor *c, size_t floats)
{
    return reserve_bytes(c, floats * sizeof(float));
}

static size_t window_taps(const struct net_node *n)
{
    return n->op == NET_FC ? 1 : (size_t)(n->kernel_h * n->kernel_w);
}

static float *pack_bias(struct cursor *c, const struct net_node *n)
{
    float *to = reserve(c, (size_t)plan_blocks(n->channels) * KERN_BLOCK);
    if (to && n->bias)
        memcpy(to, n->bias, (size_t)n->channels * sizeof *to);
    return to;
}

// [taps][channels] to [blocks][taps][8].
static float *pack_depthwise(struct cursor *c, const struct net_node *n)
{
    size_t taps = window_taps(n), channels = (size_t)n->channels;
    size_t blocks = (size_t)plan_blocks(n->channels);
    float *to = reserve(c, blocks * taps * KERN_BLOCK);
    for (size_t t = 0; to && t < taps; t++)
        for (size_t k = 0; k < channels; k++)
            to[(k / KERN_BLOCK * taps + t) * KERN_BLOCK + k % KERN_BLOCK] =
                n->weight[t * channels + k];
    return to;
}

// The right side of a GEMM: where row k and column j of a panel of `cols` go, `unit` rows
// side by side (kern.h: the k of a step).
struct right {
    char *panel;
    size_t cols, unit;
};

// `count` columns of a row, from the panel's first one.
static void put_row(const struct right *r, enum kern_element element, size_t k,
                    const struct net_node *n, size_t source, size_t count)
{
    const size_t unit = r->unit, at = k / unit * r->cols * unit + k % unit;
    if (element == KERN_U8) {
        int8_t *to = (int8_t *)r->panel + at;
        for (size_t j = 0; j < count; j++)
            to[j * unit] = n->quant->weight[source + j];
    } else if (element == KERN_BF16) {
        uint16_t *to = (uint16_t *)(void *)r->panel + at;
        for (size_t j = 0; j < count; j++)
            to[j * unit] = bf16_from_float(n->weight[source + j]);
    } else {
        memcpy((float *)(void *)r->panel + at, n->weight + source, count * sizeof(float));
    }
}

// Where the window of a tap over the picture has channel `colour`: close together, and by
// rows of a plane, which can be copied so.
static size_t picture_row(const struct net_node *n, size_t tap, size_t colour)
{
    const size_t w = (size_t)n->kernel_w;
    return (tap / w * 3 + colour) * w + tap % w;
}

// Rows k of [taps][in][out]; each tap is padded to whole blocks, except over the picture.
static const void *pack_gemm(struct cursor *c, const struct plan_step *s,
                             const struct net_node *n, size_t in)
{
    const size_t out = (size_t)n->channels, k_rows = (size_t)s->k_blocks * KERN_BLOCK;
    const size_t tap_rows = (size_t)s->in_blocks * KERN_BLOCK;
    const size_t taps = window_taps(n), wide = (size_t)s->tile->cols;
    const size_t room = (size_t)s->out_blocks * KERN_BLOCK;
    const size_t size = kern_element_size(s->element);
    char *to = reserve_bytes(c, k_rows * room * size);
    for (size_t first = 0; to && first < out; first += wide) {
        size_t cols = room - first < wide ? room - first : wide;
        size_t real = out - first < cols ? out - first : cols;
        struct right r = {to + first * k_rows * size, cols, sizeof(float) / size};
        for (size_t t = 0; t < taps; t++)
            for (size_t k = 0; k < in; k++)
                put_row(&r, s->element,
                        s->feed == FEED_PICTURE ? picture_row(n, t, k) : t * tap_rows + k,
                        n, (t * in + k) * out + first, real);
    }
    return to;
}

// One filter's 36 places: G g Gᵀ in double precision.
static void transform_filter(const double g[9], double out[KERN_WINO_PLACES])
{
    static const double G[6][3] = {{1.0 / 4, 0, 0},
                                   {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                   {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                   {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                   {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                   {0, 0, 1}};
    for (int p = 0; p < KERN_WINO_PLACES; p++) {
        out[p] = 0;
        for (int t = 0; t < 9; t++)
            out[p] += G[p / 6][t / 3] * g[t] * G[p % 6][t % 3];
    }
}

// [3][3][in][out] to [column panels][36][k][tile].
static const float *pack_winograd(struct cursor *c, const struct plan_step *s,
                                  const struct net_node *n, size_t in)
{
    size_t out = (size_t)n->channels, k_rows = (size_t)s->k_blocks * KERN_BLOCK;
    size_t room = (size_t)s->out_blocks * KERN_BLOCK, wide = (size_t)s->tile->cols;
    float *to = reserve(c, KERN_WINO_PLACES * k_rows * room);
    for (size_t i = 0; to && i < in * out; i++) {
        size_t k = i / out, j = i % out, first = j / wide * wide;
        size_t cols = room - first < wide ? room - first : wide;
        double taps[9], places[KERN_WINO_PLACES];
        for (size_t t = 0; t < 9; t++)
            taps[t] = (double)n->weight[t * in * out + i];
        transform_filter(taps, places);
        float *at = to + first * KERN_WINO_PLACES * k_rows + k * cols + (j - first);
        for (size_t p = 0; p < KERN_WINO_PLACES; p++)
            at[p * k_rows * cols] = (float)places[p];
    }
    return to;
}

// In blocks that compilers make vectors of: a third of the time.
static void add_row(float *restrict to, const float *restrict from, float by, size_t n)
{
    size_t j = 0;
    for (; j + KERN_BLOCK <= n; j += KERN_BLOCK)
        for (size_t i = j; i < j + KERN_BLOCK; i++)
            to[i] += by * from[i];
    for (; j < n; j++)
        to[j] += by * from[j];
}

// How many of `cols` columns from `col` on a convolution has.
static size_t real_columns(const struct net_node *n, size_t col, size_t cols)
{
    size_t out = (size_t)n->channels;
    return col >= out ? 0 : out - col < cols ? out - col : cols;
}

// Sums of the weights' quarters, then rows of their rest.
static void pack_run(const struct strassen *e, const struct strassen_run *run,
                     const struct net_node *n, size_t in, size_t first, size_t cols,
                     float *to)
{
    const size_t out = (size_t)n->channels, half = (size_t)e->half * KERN_BLOCK;
    const size_t right = first + (size_t)e->left * KERN_BLOCK;
    for (size_t k = 0; run->half && k < half; k++, to += cols)
        for (int q = 0; q < 4; q++) {
            size_t col = q % 2 ? right : first, row = k + (q / 2 ? half : 0);
            if (run->b[q])
                add_row(to, n->weight + row * out + col, run->b[q],
                        real_columns(n, col, cols));
        }
    const size_t col = run->right ? right : first;
    for (size_t k = 2 * half; run->rest && k < in; k++, to += cols)
        add_row(to, n->weight + k * out + col, 1, real_columns(n, col, cols));
}

static const void *pack_strassen(struct cursor *c, const struct plan_step *s,
                                 const struct net_node *n, size_t in)
{
    const struct strassen e = strassen_of(s);
    float *to =
        reserve(c, strassen_weight_floats(&e, e.left * KERN_BLOCK, e.right * KERN_BLOCK));
    const float *start = to;
    for (int j = 0; to && j < e.panels; j++)
        for (int r = 0; r < STRASSEN_RUNS; r++) {
            const struct strassen_run *run = &strassen_runs[r];
            const int cols = strassen_cols(&e, run->right, j, s->tile->cols);
            if (!strassen_is_packed(run) || !cols)
                continue;
            pack_run(&e, run, n, in, (size_t)(j * s->tile->cols), (size_t)cols, to);
            to += strassen_run_blocks(&e, run) * KERN_BLOCK * cols;
        }
    return start;
}

// The bias, and behind it what that of the right half's columns is above the left half's.
static float *pack_strassen_bias(struct cursor *c, const struct plan_step *s,
                                 const struct net_node *n)
{
    const size_t left = (size_t)strassen_of(s).left * KERN_BLOCK;
    const size_t room = (size_t)s->out_blocks * KERN_BLOCK;
    float *to = reserve(c, room + left);
    if (to && n->bias)
        memcpy(to, n->bias, (size_t)n->channels * sizeof *to);
    for (size_t j = 0; to && j < left; j++)
        to[room + j] = (left + j < room ? to[left + j] : 0) - to[j];
    return to;
}

static void pack_affine(struct cursor *c, const struct net_node *n, struct plan_step *s)
{
    size_t channels = (size_t)n->channels, room = (size_t)s->out_blocks * KERN_BLOCK;
    float *weight = reserve(c, room);
    s->weight = weight;
    s->bias = pack_bias(c, n);
    for (size_t k = 0; weight && k < channels; k++)
        weight[k] = n->op == NET_SCALE ? n->scale : n->weight[k];
}

// The depthwise convolution that fills the panel. For KERN_U8 it, or else the gathering,
// also takes values to whole numbers.
static void pack_feed(struct cursor *c, const struct plan *plan, struct plan_step *s)
{
    const struct net_node *window = &plan->net.nodes[s->window];
    const bool depthwise = s->feed == FEED_DEPTHWISE, whole = s->element == KERN_U8;
    if (!depthwise && !whole)
        return;
    const size_t taps = depthwise ? window_taps(window) : 1;
    float *weight = depthwise ? pack_depthwise(c, window)
                              : reserve(c, (size_t)s->in_blocks * KERN_BLOCK);
    float *bias =
        depthwise ? pack_bias(c, window) : reserve(c, (size_t)s->in_blocks * KERN_BLOCK);
    s->feed_weight = weight;
    s->feed_bias = bias;
    if (!whole || !weight)
        return;
    const struct net_quant *q = plan->net.nodes[s->main].quant;
    const size_t in = (size_t)plan->net.nodes[plan->net.nodes[s->main].in[0]].channels;
    for (size_t k = 0; k < in; k++) {
        float *w = weight + k / KERN_BLOCK * taps * KERN_BLOCK + k % KERN_BLOCK;
        for (size_t t = 0; t < taps; t++, w += KERN_BLOCK)
            *w = depthwise ? *w * q->in_scale[k] : q->in_scale[k];
        bias[k] = bias[k] * q->in_scale[k] + q->in_zero[k];
    }
}

// What makes values of exact sums: the scale, and a bias without the inputs' zeros.
static const float *pack_scale(struct cursor *c, const struct net_node *n,
                               const struct net_row *rows, size_t count, float *bias)
{
    const struct net_quant *q = n->quant;
    const size_t out = (size_t)n->channels;
    float *scale = reserve(c, (size_t)plan_blocks(n->channels) * KERN_BLOCK);
    for (size_t j = 0; scale && j < out; j++) {
        double zeros = 0;
        for (size_t r = 0; r < count; r++)
            zeros += (double)net_row_part(rows[r], q->in_zero[rows[r].channel]) *
                     q->weight[r * out + j];
        scale[j] = q->out_scale[j];
        bias[j] = (float)((double)bias[j] - (double)scale[j] * zeros);
    }
    return scale;
}

static const struct kern_row *pack_more(struct cursor *c, const struct net_row *rows,
                                        int count)
{
    struct kern_row *to = reserve_bytes(c, (size_t)count * sizeof *to);
    for (int i = 0; to && i < count; i++)
        to[i] = (struct kern_row){(uint16_t)rows[i].channel, (uint16_t)rows[i].from};
    return to;
}

static void pack_whole(struct cursor *c, const struct net *net, struct plan_step *s)
{
    const struct net_node *n = &net->nodes[s->main];
    const size_t inputs = (size_t)net_quant_inputs(net, s->main);
    const size_t count = (size_t)net_quant_row_count(net, s->main);
    struct net_row *rows = mem_new(count * sizeof *rows);
    net_quant_rows(n->quant, net_in_channels(net, s->main), (int)inputs, rows);
    s->weight = pack_gemm(c, s, n, count / window_taps(n));
    float *bias = pack_bias(c, n);
    s->bias = bias;
    s->scale = pack_scale(c, n, rows, count, bias);
    if (n->quant->more)
        s->more = pack_more(c, rows + inputs, n->quant->more);
    free(rows);
}

static void pack_step(struct cursor *c, const struct plan *plan, struct plan_step *s)
{
    const struct net_node *main = &plan->net.nodes[s->main];
    const size_t in = (size_t)plan->net.nodes[s->main ? main->in[0] : 0].channels;
    if (s->kind == STEP_GEMM) {
        pack_feed(c, plan, s);
        if (s->element == KERN_U8) {
            pack_whole(c, &plan->net, s);
        } else if (s->strassen) {
            s->weight = pack_strassen(c, s, main, in);
            s->bias = pack_strassen_bias(c, s, main);
        } else {
            s->weight = pack_gemm(c, s, main, in);
            s->bias = pack_bias(c, main);
        }
    } else if (s->kind == STEP_WINOGRAD) {
        s->weight = pack_winograd(c, s, main, in);
        s->bias = pack_bias(c, main);
    } else if (s->kind == STEP_DEPTHWISE) {
        s->weight = pack_depthwise(c, main);
        s->bias = pack_bias(c, main);
    } else if (main->op == NET_AFFINE || main->op == NET_SCALE) {
        pack_affine(c, main, s);
    }
}

static void free_weights(struct net *net, int i)
{
    struct net_node *n = &net->nodes[i];
    if (n->quant)
        net_give_back(net, n->quant->weight,
                      (size_t)net_quant_row_count(net, i) * (size_t)n->channels);
    else if (n->borrowed && n->weight)
        net_give_back(net, n->weight, net_weight_count(net, i) * sizeof *n->weight);
    if (!n->borrowed) {
        free(n->weight);
        free(n->bias);
    }
    net_quant_free(n->quant);
    n->quant = NULL;
    n->weight = n->bias = NULL;
}

enum err_code plan_pack(struct plan *plan, struct err *e)
{
    struct cursor c = {0};
    for (int i = 0; i < plan->count; i++)
        pack_step(&c, plan, &plan->steps[i]);
    if (!memory_open(&plan->weights, c.used, c.used))
        return err_set(e, ERR_NOMEM, "no memory for %zu MiB of weights",
                       c.used * sizeof(float) >> 20);
    c = (struct cursor){.start = plan->weights.start};
    for (int i = 0; i < plan->count; i++) {
        struct plan_step *s = &plan->steps[i];
        pack_step(&c, plan, s);
        free_weights(&plan->net, s->main);
        free_weights(&plan->net, s->window);
    }
    if (plan->net.mapping.data)
        file_bytes_release(&plan->net.mapping);
    return ERR_OK;
}
