#include "engine/exec/exec.h"
#include "engine/exec/model.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

struct eng_session {
    const struct eng_model *model;
    struct layout layout;
    struct memory memory;
    struct exec exec;
    struct pool *pool;
    const float **taps;
    struct layout_step *steps; // [threads][plan.count]
    double *seconds;           // [plan.count] of the last run
    int group;                 // pictures that go through the network together
};

// Pictures together keep a larger team busy; one at a time stays in the caches.
static int group_size(int batch, int threads)
{
    int group = threads / 2;
    return group < 1 ? 1 : group > batch ? batch : group;
}

static enum err_code check_size(const struct eng_session *s, int height, int width,
                                struct err *e)
{
    enum { PIXELS_MAX = 1 << 28 };
    if ((long)height * width * s->group > PIXELS_MAX)
        return err_set(e, ERR_LIMIT,
                       "%s: %d pictures of %dx%d at once, at most %d pixels",
                       s->model->path, s->group, height, width, PIXELS_MAX);
    return ERR_OK;
}

static enum err_code give_memory(struct eng_session *s, int threads, struct err *e)
{
    const struct layout *l = &s->layout;
    size_t widest = memory_round((size_t)l->widest), panel = memory_round(l->scratch);
    size_t slabs = panel + memory_round(l->codes);
    size_t scratch = slabs + memory_round(l->slabs), members = (size_t)threads;
    size_t steps = (size_t)s->model->plan.count;
    s->taps = mem_array(members, l->taps * sizeof(float *));
    s->steps = mem_array(members * steps, sizeof *s->steps);
    s->exec.member = mem_array(members, sizeof *s->exec.member);
    if (!s->taps || !s->steps || !s->exec.member ||
        !memory_open(&s->memory, l->floats + 2 * widest + members * scratch))
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu MiB of activations",
                       s->model->path, l->floats * sizeof(float) >> 20);
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
    s->exec.values = at; // at the end, where most of it may stay untouched
    return ERR_OK;
}

enum err_code eng_session_open(const struct eng_model *model, int height, int width,
                               int batch, int threads, struct eng_session **out,
                               struct err *e)
{
    enum err_code rc;
    struct eng_session *s = mem_new(sizeof *s);
    s->model = model;
    s->group = group_size(batch, threads);
    s->seconds = mem_new((size_t)model->plan.count * sizeof *s->seconds);
    TRY(layout_open(&model->plan, height, width, s->group, threads, &s->layout, e));
    TRY(check_size(s, height, width, e));
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
    free(session);
}

void exec_observe(struct eng_session *session, const struct exec_observer *observer)
{
    session->exec.observer = observer;
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

// Pixels of a value, without the padding of its channels.
static void copy_out(const struct eng_session *s, int node, float *to)
{
    const struct net_shape *shape = &s->layout.shapes[node];
    size_t channels = (size_t)s->model->plan.net.nodes[node].channels;
    size_t padded = (size_t)plan_blocks((int)channels) * KERN_BLOCK;
    size_t pixels = (size_t)shape->h * (size_t)shape->w * (size_t)s->exec.pictures;
    const float *from = s->exec.values + s->layout.value[node];
    for (size_t p = 0; p < pixels; p++)
        memcpy(to + p * channels, from + p * padded, channels * sizeof *to);
}

void eng_session_run(struct eng_session *session, const float *input, int n,
                     const struct eng_output *out)
{
    const struct eng_info *info = &session->model->info;
    const struct net_shape *shapes = session->layout.shapes;
    size_t picture = 3 * (size_t)shapes[0].h * (size_t)shapes[0].w;
    const struct net_shape *map = &shapes[session->layout.map];
    size_t map_floats = (size_t)map->h * (size_t)map->w * (size_t)info->features;
    memset(session->seconds, 0, (size_t)session->model->plan.count * sizeof(double));
    for (int i = 0; i < n; i += session->group) {
        size_t at = (size_t)i;
        session->exec.input = input + at * picture;
        session->exec.pictures = n - i < session->group ? n - i : session->group;
        pool_run(session->pool, run_steps, session);
        if (out->logits)
            copy_out(session, session->model->plan.net.count - 1,
                     out->logits + at * (size_t)info->classes);
        if (out->features)
            copy_out(session, session->layout.features,
                     out->features + at * (size_t)info->features);
        if (out->map)
            copy_out(session, session->layout.map, out->map + at * map_floats);
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
