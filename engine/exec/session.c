#include "engine/exec/exec.h"
#include "engine/exec/model.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"

#include <float.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS_MAX = 1 << 28 }; // of all pictures that are on their way at once

struct eng_session {
    const struct eng_model *model;
    struct layout layout;
    struct memory memory;
    struct exec exec;
    struct pool *pool;
    const float **taps;
    struct layout_step *steps; // [threads][plan.count]
    double *seconds;           // [plan.count] of the last run
    double *spent; // [alone][plan.count] by members with pictures of their own
    int alone;     // members that each take pictures of their own, or 1
    int group;     // pictures that go through the network together otherwise
};

// With a picture for each, members need not wait for one another after each layer: at
// batch 8 two threads take 0.95 of the time in int8 (Zen 3, 28 November 2026). Of fewer,
// some together keep a larger team busy; one at a time stays in the caches.
static void divide_batch(struct eng_session *s, long pixels, int batch, int threads)
{
    const long most = PIXELS_MAX / (pixels > 0 ? pixels : 1); // layout_open refuses none
    const int half = threads > 1 ? threads / 2 : 1;
    s->alone = batch >= threads && threads <= most ? threads : 1;
    s->group = s->alone > 1 ? 1 : half < batch ? half : batch;
    s->group = s->group < most ? s->group : (int)most;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static enum err_code give_memory(struct eng_session *s, int threads, struct err *e)
{
    const struct layout *l = &s->layout;
    size_t widest = memory_round((size_t)l->widest), panel = memory_round(l->panel);
    size_t slabs = panel + memory_round(l->codes), members = (size_t)threads;
    size_t scratch = larger(slabs + memory_round(l->slabs), memory_round(l->strassen));
    size_t busy = 2 * widest + members * scratch, lone = l->outer * (size_t)s->alone;
    size_t steps = (size_t)s->model->plan.count, values = larger(l->floats, lone);
    s->taps = mem_array(members, l->taps * sizeof(float *));
    s->steps = mem_array(members * steps, sizeof *s->steps);
    s->exec.member = mem_array(members, sizeof *s->exec.member);
    if (!s->taps || !s->steps || !s->exec.member ||
        !memory_open(&s->memory, busy + values, busy + lone))
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu MiB of activations",
                       s->model->path, values * sizeof(float) >> 20);
    float *at = s->memory.start;
    s->exec.zeros = at;
    float *lowest = at += widest;
    for (size_t i = 0; i < widest; i++)
        lowest[i] = -FLT_MAX;
    s->exec.lowest = lowest;
    at += widest;
    for (size_t i = 0; i < members; i++, at += scratch) {
        s->exec.member[i] = (struct exec_member){.panel = at,
                                                 .codes = (void *)(at + panel),
                                                 .taps = s->taps + i * l->taps,
                                                 .slabs = at + slabs,
                                                 .steps = s->steps + i * steps};
        memcpy(s->exec.member[i].steps, l->steps, steps * sizeof *l->steps);
    }
    s->exec.values = at;
    return ERR_OK;
}

enum err_code eng_session_open(const struct eng_model *model, int height, int width,
                               int batch, int threads, struct eng_session **out,
                               struct err *e)
{
    enum err_code rc;
    struct eng_session *s = mem_new(sizeof *s);
    s->model = model;
    const long pixels = (long)height * width;
    if (pixels > PIXELS_MAX)
        TRY(err_set(e, ERR_LIMIT, "%s: an input of %dx%d, expected at most %d pixels",
                    model->path, height, width, PIXELS_MAX));
    divide_batch(s, pixels, batch, threads);
    s->seconds = mem_new((size_t)model->plan.count * sizeof *s->seconds);
    s->spent = mem_new((size_t)s->alone * (size_t)model->plan.count * sizeof *s->spent);
    const int team = threads / s->alone;
    TRY(layout_open(&model->plan, height, width, s->group, team, &s->layout, e));
    TRY(give_memory(s, threads, e));
    TRY(pool_open(threads, &s->pool, e));
    s->exec.plan = &model->plan;
    s->exec.layout = &s->layout;
    *out = s;
    s = NULL;
out:
    eng_session_close(s);
    return rc;
}

void eng_session_close(struct eng_session *session)
{
    if (!session)
        return;
    pool_close(session->pool);
    layout_release(&session->layout);
    memory_release(&session->memory);
    free(session->taps);
    free(session->steps);
    free(session->exec.member);
    free(session->seconds);
    free(session->spent);
    free(session);
}

void exec_observe(struct eng_session *session, const struct exec_observer *observer)
{
    session->exec.observer = observer;
}

// Pixels of a value, without the padding of its channels.
static void copy_out(const struct eng_session *s, const struct exec *x, int node,
                     float *to)
{
    const struct net_shape *shape = &s->layout.shapes[node];
    size_t channels = (size_t)s->model->plan.net.nodes[node].channels;
    size_t padded = (size_t)plan_blocks((int)channels) * KERN_BLOCK;
    size_t pixels = (size_t)shape->h * (size_t)shape->w * (size_t)x->pictures;
    const float *from = x->values + s->layout.value[node];
    for (size_t p = 0; p < pixels; p++)
        memcpy(to + p * channels, from + p * padded, channels * sizeof *to);
}

// A batch on its way.
struct run {
    struct eng_session *s;
    const float *input;
    const struct eng_output *out;
    atomic_int next; // picture for who has no other
    int alone;       // pictures that a member takes by itself
};

// Pictures `first` … of the batch are next.
static void take(const struct run *r, struct exec *x, int first, int pictures)
{
    const struct net_shape *shape = &r->s->layout.shapes[0];
    x->input = r->input + 3 * (size_t)first * (size_t)shape->h * (size_t)shape->w;
    x->pictures = pictures;
}

static void hand_out(const struct run *r, const struct exec *x, int first)
{
    const struct eng_info *info = &r->s->model->info;
    const struct layout *l = &r->s->layout;
    const struct net_shape *map = &l->shapes[l->map];
    const size_t at = (size_t)first, features = (size_t)info->features;
    if (r->out->logits)
        copy_out(r->s, x, r->s->model->plan.net.count - 1,
                 r->out->logits + at * (size_t)info->classes);
    if (r->out->features)
        copy_out(r->s, x, l->features, r->out->features + at * features);
    if (r->out->map)
        copy_out(r->s, x, l->map,
                 r->out->map + at * features * (size_t)map->h * (size_t)map->w);
}

static void run_steps(void *ctx, int member, int members)
{
    struct eng_session *s = ctx;
    struct exec_clock clock = {s->seconds, clock_now()};
    struct exec_clock *mine = member == 0 ? &clock : NULL;
    for (int i = 0; i < s->model->plan.count;) {
        i += exec_steps(&s->exec, i, member, members, mine);
        pool_barrier(s->pool);
        if (mine)
            exec_lap(mine, i - 1);
    }
}

// Pictures one after the other, as a team of one.
static void run_alone(void *ctx, int member, int members)
{
    (void)members;
    struct run *r = ctx;
    const struct eng_session *s = r->s;
    struct exec x = s->exec;
    struct exec_clock clock = {s->spent + (ptrdiff_t)member * s->model->plan.count,
                               clock_now()};
    x.member += member;
    // Nothing is written behind outer: a team of one has all of its bands.
    x.values += (size_t)member * s->layout.outer;
    for (int at; (at = atomic_fetch_add(&r->next, 1)) < r->alone;) {
        take(r, &x, at, 1);
        for (int i = 0; i < s->model->plan.count;) {
            i += exec_steps(&x, i, 0, 1, &clock);
            exec_lap(&clock, i - 1);
        }
        hand_out(r, &x, at);
    }
}

// Runs as many pictures as make whole rounds of members; steps share the time that passes
// as members spent theirs. How many those are.
static int run_rounds(struct run *r, int n)
{
    struct eng_session *s = r->s;
    const int steps = s->model->plan.count, all = s->alone * steps;
    r->alone = n - n % s->alone;
    if (r->alone == 0)
        return 0;
    memset(s->spent, 0, (size_t)all * sizeof *s->spent);
    const double start = clock_now();
    pool_run(s->pool, run_alone, r);
    const double passed = clock_now() - start;
    double total = 0;
    for (int i = 0; i < all; i++)
        total += s->spent[i];
    for (int i = 0; i < all && total > 0; i++)
        s->seconds[i % steps] += s->spent[i] * passed / total;
    return r->alone;
}

void eng_session_run(struct eng_session *session, const float *input, int n,
                     const struct eng_output *out)
{
    struct run run = {.s = session, .input = input, .out = out};
    int i = 0;
    memset(session->seconds, 0, (size_t)session->model->plan.count * sizeof(double));
    if (session->alone > 1 && !session->exec.observer)
        i = run_rounds(&run, n);
    for (; i < n; i += session->group) {
        take(&run, &session->exec, i, n - i < session->group ? n - i : session->group);
        pool_run(session->pool, run_steps, session);
        hand_out(&run, &session->exec, i);
    }
}

void eng_session_map_size(const struct eng_session *session, int *h, int *w)
{
    const struct net_shape *map = &session->layout.shapes[session->layout.map];
    *h = map->h;
    *w = map->w;
}

void eng_session_layer_seconds(const struct eng_session *session, double *seconds)
{
    const struct plan *plan = &session->model->plan;
    memset(seconds, 0, (size_t)session->model->info.layer_count * sizeof *seconds);
    for (int i = 0; i < plan->count; i++)
        if (plan->steps[i].main > 0)
            seconds[plan->steps[i].main - 1] = session->seconds[i];
}

void eng_session_layer_macs(const struct eng_session *session, uint64_t *macs)
{
    for (int i = 0; i < session->model->info.layer_count; i++)
        macs[i] = net_macs(&session->model->plan.net, i + 1, session->layout.shapes);
}
