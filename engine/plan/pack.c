#include "engine/plan/plan.h"

#include <stdlib.h>
#include <string.h>

// A place in the packed weights: counts on the first pass, when start is NULL, and hands
// out on the second.
struct cursor {
    float *start;
    size_t used;
};

static float *reserve(struct cursor *c, size_t floats)
{
    float *at = c->start ? c->start + c->used : NULL;
    c->used += memory_round(floats);
    return at;
}

static int window_taps(const struct net_node *n)
{
    return n->op == NET_FC ? 1 : n->kernel_h * n->kernel_w;
}

static const float *pack_bias(struct cursor *c, const struct net_node *n)
{
    float *to = reserve(c, (size_t)plan_blocks(n->channels) * KERN_BLOCK);
    if (to && n->bias)
        memcpy(to, n->bias, (size_t)n->channels * sizeof *to);
    return to;
}

// [taps][channels] to [blocks][taps][8].
static const float *pack_depthwise(struct cursor *c, const struct net_node *n)
{
    size_t taps = (size_t)window_taps(n), channels = (size_t)n->channels;
    size_t blocks = (size_t)plan_blocks(n->channels);
    float *to = reserve(c, blocks * taps * KERN_BLOCK);
    for (size_t t = 0; to && t < taps; t++)
        for (size_t k = 0; k < channels; k++)
            to[(k / KERN_BLOCK * taps + t) * KERN_BLOCK + k % KERN_BLOCK] =
                n->weight[t * channels + k];
    return to;
}

// Rows k of [taps][in][out]; each tap is padded to whole blocks, except those of the
// picture, whose three channels stand close.
static const float *pack_gemm(struct cursor *c, const struct plan_step *s,
                              const struct net_node *n, size_t in, size_t tile)
{
    size_t out = (size_t)n->channels, k_rows = (size_t)s->k_blocks * KERN_BLOCK;
    size_t tap_rows = s->feed == FEED_PICTURE ? in : (size_t)s->in_blocks * KERN_BLOCK;
    size_t taps = (size_t)window_taps(n);
    float *to = reserve(c, k_rows * (size_t)s->out_blocks * KERN_BLOCK);
    for (size_t j = 0; to && j < out; j += tile) {
        size_t left = (size_t)s->out_blocks * KERN_BLOCK - j;
        size_t cols = left < tile ? left : tile;
        size_t real = out - j < cols ? out - j : cols;
        float *panel = to + j * k_rows;
        for (size_t t = 0; t < taps; t++)
            for (size_t k = 0; k < in; k++)
                memcpy(panel + (t * tap_rows + k) * cols,
                       n->weight + (t * in + k) * out + j, real * sizeof *to);
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
                                  const struct net_node *n, size_t in, size_t tile)
{
    size_t out = (size_t)n->channels, k_rows = (size_t)s->k_blocks * KERN_BLOCK;
    size_t room = (size_t)s->out_blocks * KERN_BLOCK;
    float *to = reserve(c, KERN_WINO_PLACES * k_rows * room);
    for (size_t i = 0; to && i < in * out; i++) {
        size_t k = i / out, j = i % out, first = j / tile * tile;
        size_t cols = room - first < tile ? room - first : tile;
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

static void pack_affine(struct cursor *c, const struct net_node *n, struct plan_step *s)
{
    size_t channels = (size_t)n->channels, room = (size_t)s->out_blocks * KERN_BLOCK;
    float *weight = reserve(c, room);
    s->weight = weight;
    s->bias = pack_bias(c, n);
    for (size_t k = 0; weight && k < channels; k++)
        weight[k] = n->op == NET_SCALE ? n->scale : n->weight[k];
}

static void pack_step(struct cursor *c, const struct plan *plan, struct plan_step *s)
{
    const struct net_node *main = &plan->net.nodes[s->main];
    const size_t in = (size_t)plan->net.nodes[s->main ? main->in[0] : 0].channels;
    const size_t tile = (size_t)plan->kern.about.gemm_f32.cols;
    if (s->kind == STEP_GEMM) {
        if (s->feed == FEED_DEPTHWISE) {
            s->feed_weight = pack_depthwise(c, &plan->net.nodes[s->window]);
            s->feed_bias = pack_bias(c, &plan->net.nodes[s->window]);
        }
        s->weight = pack_gemm(c, s, main, in, tile);
        s->bias = pack_bias(c, main);
    } else if (s->kind == STEP_WINOGRAD) {
        s->weight = pack_winograd(c, s, main, in, tile);
        s->bias = pack_bias(c, main);
    } else if (s->kind == STEP_DEPTHWISE) {
        s->weight = pack_depthwise(c, main);
        s->bias = pack_bias(c, main);
    } else if (main->op == NET_AFFINE || main->op == NET_SCALE) {
        pack_affine(c, main, s);
    }
}

static void free_weights(struct net_node *n)
{
    if (!n->borrowed) {
        free(n->weight);
        free(n->bias);
    }
    n->weight = n->bias = NULL;
}

enum err_code plan_pack(struct plan *plan, struct err *e)
{
    struct cursor c = {0};
    for (int i = 0; i < plan->count; i++)
        pack_step(&c, plan, &plan->steps[i]);
    if (!memory_open(&plan->weights, c.used))
        return err_set(e, ERR_NOMEM, "no memory for %zu MiB of weights",
                       c.used * sizeof(float) >> 20);
    c = (struct cursor){.start = plan->weights.start};
    for (int i = 0; i < plan->count; i++) {
        struct plan_step *s = &plan->steps[i];
        pack_step(&c, plan, s);
        free_weights(&plan->net.nodes[s->main]);
        free_weights(&plan->net.nodes[s->window]);
    }
    if (plan->net.mapping.data)
        file_bytes_release(&plan->net.mapping);
    return ERR_OK;
}
