#include "engine/plan/strassen.h"

#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

struct builder {
    struct plan *plan;
    const struct net *net;
    enum eng_precision precision;
    int *readers; // how many nodes read a node
    int *only;    // the reader, when it is one
    bool *taken;  // part of a step written before its turn
    bool *ready;  // its value is written by a step so far
};

int plan_blocks(int channels)
{
    return (channels + KERN_BLOCK - 1) / KERN_BLOCK;
}

static void count_readers(struct builder *b)
{
    for (int i = 0; i < b->net->count; i++) {
        b->only[i] = -1;
        for (int k = 0; k < 2; k++) {
            int in = b->net->nodes[i].in[k];
            if (in < 0)
                continue;
            b->only[in] = b->readers[in]++ == 0 ? i : -1;
        }
    }
}

static enum net_op op_of(const struct builder *b, int i)
{
    return i < 0 ? NET_OP_COUNT : b->net->nodes[i].op;
}

static bool is_gemm(enum net_op op)
{
    return op == NET_CONV || op == NET_FC;
}

// Every pixel of the input is one row of the GEMM's left side.
static bool is_plain_pointwise(const struct net_node *n)
{
    return n->op == NET_CONV && n->kernel_h == 1 && n->kernel_w == 1 && n->stride == 1 &&
           !(n->pad_top | n->pad_left | n->pad_bottom | n->pad_right);
}

// The pointwise convolution whose panel this depthwise convolution can fill, or -1;
// *relu is the ReLU between them, or -1.
static int fed_by(const struct builder *b, int dw, int *relu)
{
    int next = b->only[dw];
    *relu = -1;
    if (op_of(b, next) == NET_RELU) {
        *relu = next;
        next = b->only[next];
    }
    return next >= 0 && is_plain_pointwise(&b->net->nodes[next]) ? next : -1;
}

// A ReLU whose readers can all apply it to what they read.
static bool is_lazy_relu(const struct builder *b, int relu)
{
    for (int i = relu + 1; i < b->net->count; i++) {
        const struct net_node *n = &b->net->nodes[i];
        bool reads = n->in[0] == relu || n->in[1] == relu;
        if (reads && !is_gemm(n->op) && n->op != NET_DEPTHWISE)
            return false;
    }
    return op_of(b, b->net->nodes[relu].in[0]) != NET_INPUT;
}

static struct plan_step *step_add(struct builder *b, enum step_kind kind, int main)
{
    struct plan_step *s = &b->plan->steps[b->plan->count++];
    const struct net_node *n = &b->net->nodes[main];
    int in = n->in[0] < 0 ? main : n->in[0];
    *s = (struct plan_step){.kind = kind,
                            .node = main,
                            .main = main,
                            .window = main,
                            .src = in,
                            .add = -1,
                            .out_blocks = plan_blocks(n->channels)};
    return s;
}

// Reads through a ReLU that nobody wrote.
static void read_source(const struct builder *b, struct plan_step *s)
{
    if (op_of(b, s->src) == NET_RELU && !b->ready[s->src]) {
        s->relu_in = true;
        s->src = b->net->nodes[s->src].in[0];
    }
    s->in_blocks = plan_blocks(b->net->nodes[s->src].channels);
}

// Takes in the residual add and the ReLU that alone read this step's value.
static void take_followers(struct builder *b, struct plan_step *s)
{
    if (s->kind == STEP_PICTURE || s->kind == STEP_MEAN)
        return;
    int next = b->only[s->node];
    if (s->kind != STEP_DEPTHWISE && s->kind != STEP_WINOGRAD && !s->relu && s->add < 0 &&
        op_of(b, next) == NET_ADD) {
        const int *in = b->net->nodes[next].in;
        int other = in[0] == s->node ? in[1] : in[0];
        if (b->ready[other]) {
            s->add = other;
            s->node = next;
            b->taken[next] = true;
            next = b->only[next];
        }
    }
    if (op_of(b, next) == NET_RELU) {
        s->relu = true;
        s->node = next;
        b->taken[next] = true;
    }
}

static void step_end(struct builder *b, struct plan_step *s, const char *kernel)
{
    take_followers(b, s);
    b->ready[s->node] = true;
    b->plan->kernels[s->main] = kernel;
}

// With fewer channels the transforms cost what the multiplications save.
static bool suits_winograd(const struct net_node *n, int in_blocks)
{
    return n->op == NET_CONV && n->kernel_h == 3 && n->kernel_w == 3 && n->stride == 1 &&
           n->dilation == 1 && in_blocks >= 2;
}

// The stem, three channels deep, stays in float32, as does what has no int8 weights.
static bool is_whole(const struct builder *b, const struct net_node *n)
{
    return b->precision == ENG_INT8 && n->quant;
}

static enum kern_element element_of(const struct builder *b, const struct plan_step *s,
                                    const struct net_node *n)
{
    if (s->kind == STEP_WINOGRAD || s->feed == FEED_PICTURE)
        return KERN_F32;
    if (is_whole(b, n))
        return KERN_U8;
    return b->precision == ENG_BF16 ? KERN_BF16 : KERN_F32;
}

static void add_gemm(struct builder *b, int i)
{
    const struct kern_set *kern = &b->plan->kern;
    struct plan_step *s = step_add(b, STEP_GEMM, i);
    int front = s->src;
    if (op_of(b, front) == NET_RELU && b->taken[front])
        front = b->net->nodes[front].in[0];
    int relu;
    if (op_of(b, front) == NET_DEPTHWISE && fed_by(b, front, &relu) == i) {
        const struct net_node *dw = &b->net->nodes[front];
        bool slides = dw->kernel_h == 3 && dw->kernel_w == 3 && dw->stride == 1 &&
                      dw->dilation == 1;
        s->feed = FEED_DEPTHWISE;
        s->window = front;
        s->relu_mid = relu >= 0;
        s->src = dw->in[0];
        b->plan->kernels[front] =
            slides ? kern->about.dw3x3_f32.name : kern->about.dw_f32.name;
    } else if (front == 0 && !b->ready[0]) {
        s->feed = FEED_PICTURE;
    }
    read_source(b, s);
    const struct net_node *n = &b->net->nodes[i];
    int taps = n->op == NET_FC ? 1 : n->kernel_h * n->kernel_w;
    s->k_blocks = s->feed == FEED_PICTURE ? plan_blocks(3 * taps) : taps * s->in_blocks;
    if (s->feed == FEED_GATHER && !is_whole(b, n) && suits_winograd(n, s->in_blocks)) {
        s->kind = STEP_WINOGRAD;
        s->k_blocks = s->in_blocks;
    }
    s->element = element_of(b, s, n);
    if (n->quant && s->element == KERN_U8) {
        s->coded = taps > 1;
        s->k_blocks += plan_blocks(n->quant->more);
    }
    struct kern_gemm_choice gemm = kern_gemm_for(kern, s->element);
    s->gemm = gemm.fn;
    s->tile = gemm.about;
    // Not beside int8, whose numbers are the same on every instruction set.
    s->strassen =
        b->precision == ENG_FLOAT32 && is_plain_pointwise(n) && strassen_suits(s);
    step_end(b, s,
             s->kind == STEP_GEMM ? gemm.about->name : kern->about.wino_in_f32.name);
}

static void add_depthwise(struct builder *b, int i)
{
    int relu;
    if (fed_by(b, i, &relu) >= 0) {
        if (relu >= 0)
            b->taken[relu] = true;
        return;
    }
    struct plan_step *s = step_add(b, STEP_DEPTHWISE, i);
    read_source(b, s);
    step_end(b, s, b->plan->kern.about.dw_f32.name);
}

static void add_plain(struct builder *b, enum step_kind kind, int i, const char *kernel)
{
    struct plan_step *s = step_add(b, kind, i);
    s->in_blocks = plan_blocks(b->net->nodes[s->src].channels);
    if (op_of(b, i) == NET_ADD)
        s->add = b->net->nodes[i].in[1];
    if (op_of(b, i) == NET_RELU)
        s->relu = true;
    step_end(b, s, kernel);
}

static void add_node(struct builder *b, int i)
{
    const struct kern_set *kern = &b->plan->kern;
    switch (op_of(b, i)) {
    case NET_CONV:
    case NET_FC:
        add_gemm(b, i);
        break;
    case NET_DEPTHWISE:
        add_depthwise(b, i);
        break;
    case NET_MAXPOOL:
        add_plain(b, STEP_MAXPOOL, i, kern->about.maxpool_f32.name);
        break;
    case NET_RELU:
        if (is_lazy_relu(b, i))
            break;
        add_plain(b, STEP_AFFINE, i, kern->about.affine_f32.name);
        break;
    case NET_AFFINE:
    case NET_ADD:
    case NET_SCALE:
        add_plain(b, STEP_AFFINE, i, kern->about.affine_f32.name);
        break;
    case NET_GAP:
        b->plan->pooled = i;
        add_plain(b, STEP_MEAN, i, kern->about.sum_f32.name);
        break;
    case NET_INPUT:
    case NET_OP_COUNT:
        break;
    }
}

static bool only_convolutions_read_input(const struct builder *b)
{
    for (int i = 1; i < b->net->count; i++)
        if ((b->net->nodes[i].in[0] == 0 || b->net->nodes[i].in[1] == 0) &&
            op_of(b, i) != NET_CONV)
            return false;
    return true;
}

static void build_steps(struct builder *b)
{
    if (!only_convolutions_read_input(b))
        add_plain(b, STEP_PICTURE, 0, "");
    for (int i = 1; i < b->net->count; i++)
        if (!b->taken[i])
            add_node(b, i);
}

// The left panel shares the L2 cache with the panels of weights that pass by. Measured on
// Zen 4 (1 MiB), November 2026: 43 % of it, 30 to 50 alike; the rest on Zen 1 (512 KiB).
// A band may take far more than there is: not all of it is in use at a time, and L3 takes
// what falls out better than a whole plane. Measured on Zen 4, 28 November 2026: all of
// Xception's stem and block 1 in one band, at 300 %: on one thread 1 to 2 % less time
// than at 140, in float32 and bf16; on two within 1 %.
static void share_cache(struct plan *plan)
{
    long cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    const long least = 256L << 10, most = 1L << 20;
    cache = cache < least ? least : cache > most ? most : cache;
    plan->panel_bytes = (int)(cache * 43 / 100);
    plan->band_bytes = (int)(cache * 300 / 100);
    // With fewer, too much is computed by two neighbours, and a row more than the
    // neighbour's is too much to wait for: measured on Zen 4, 24 November 2026, 9 and 10
    // rows of Xception's block 3 lost more than the band gave, 18 and 19 of block 2 did
    // not.
    plan->band_rows = 16;
}

enum err_code plan_open(struct net *net, enum eng_isa isa, enum eng_precision precision,
                        struct plan *plan, struct err *e)
{
    size_t n = (size_t)net->count;
    *plan = (struct plan){.net = *net};
    *net = (struct net){0};
    kern_select(isa, precision == ENG_INT8, &plan->kern);
    share_cache(plan);
    plan->steps = mem_new(n * sizeof *plan->steps);
    plan->kernels = mem_new(n * sizeof *plan->kernels);
    for (size_t i = 0; i < n; i++)
        plan->kernels[i] = "";
    struct builder b = {
        .plan = plan,
        .net = &plan->net,
        .precision = precision,
        .readers = mem_new(n * sizeof *b.readers),
        .only = mem_new(n * sizeof *b.only),
        .taken = mem_new(n * sizeof *b.taken),
        .ready = mem_new(n * sizeof *b.ready),
    };
    count_readers(&b);
    build_steps(&b);
    free(b.readers);
    free(b.only);
    free(b.taken);
    free(b.ready);
    enum err_code rc = plan_pack(plan, e);
    if (rc != ERR_OK)
        plan_release(plan);
    return rc;
}

void plan_release(struct plan *plan)
{
    net_release(&plan->net);
    memory_release(&plan->weights);
    free(plan->steps);
    free(plan->kernels);
    *plan = (struct plan){0};
}
