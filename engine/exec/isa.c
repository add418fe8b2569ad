#include "engine/engine.h"
#include "engine/kern/kern.h"

#include "base/clock.h"
#include "base/pool.h"

#include <stdlib.h>
#include <string.h>

static const char *const isa_names[ENG_ISA_COUNT] = {
    [ENG_ISA_SCALAR] = "scalar",         [ENG_ISA_AVX2] = "avx2",
    [ENG_ISA_AVXVNNI] = "avxvnni",       [ENG_ISA_AVX512] = "avx512",
    [ENG_ISA_AVX512VNNI] = "avx512vnni", [ENG_ISA_AVX512BF16] = "avx512bf16",
};

static const char *const precision_names[ENG_PRECISION_COUNT] = {
    [ENG_FLOAT32] = "float32",
    [ENG_BF16] = "bf16",
    [ENG_INT8] = "int8",
};

static int name_find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *eng_precision_name(enum eng_precision precision)
{
    return precision_names[precision];
}

int eng_precision_find(const char *name)
{
    return name_find(precision_names, ENG_PRECISION_COUNT, name);
}

const char *eng_isa_name(enum eng_isa isa)
{
    return isa_names[isa];
}

enum err_code eng_isa_choose(const char *name, enum eng_isa *out, struct err *e)
{
    const char *source = "--isa";
    if (!name) {
        name = getenv("XLENS_ISA");
        source = "XLENS_ISA";
    }
    if (!name || !*name) {
        *out = ENG_ISA_SCALAR;
        for (int i = 0; i < ENG_ISA_COUNT; i++)
            if (kern_cpu_has((enum eng_isa)i))
                *out = (enum eng_isa)i;
        return ERR_OK;
    }
    int isa = name_find(isa_names, ENG_ISA_COUNT, name);
    if (isa < 0)
        return err_set(e, ERR_USAGE,
                       "%s %s: no such instruction set; there are scalar, avx2, avxvnni, "
                       "avx512, avx512vnni, avx512bf16",
                       source, name);
    if (!kern_cpu_has((enum eng_isa)isa))
        return err_set(e, ERR_USAGE, "%s %s: this CPU lacks it", source, name);
    *out = (enum eng_isa)isa;
    return ERR_OK;
}

struct peak_run {
    kern_peak_f32_fn *fn;
    double until;
    double flops; // of member 0
};

static void run_peak(void *ctx, int member, int members)
{
    enum { ROUNDS = 100000 };
    (void)members;
    struct peak_run *p = ctx;
    float sink = 1;
    double flops = 0;
    while (clock_now() < p->until)
        flops += p->fn(ROUNDS, &sink);
    if (member == 0)
        p->flops = flops;
}

double eng_peak_gflops(enum eng_isa isa, int threads)
{
    struct kern_set kern;
    struct pool *pool = NULL;
    kern_select(isa, false, &kern);
    if (pool_open(threads, &pool, NULL) != ERR_OK)
        return 0;
    double start = clock_now();
    struct peak_run p = {.fn = kern.peak_f32, .until = start + 0.2};
    pool_run(pool, run_peak, &p);
    double seconds = clock_now() - start;
    pool_close(pool);
    return p.flops * threads / seconds * 1e-9;
}
