#include "engine/kern/kern.h"

#include <string.h>

#define ISA_scalar ENG_ISA_SCALAR
#define ISA_avx2   ENG_ISA_AVX2
#define ISA_avx512 ENG_ISA_AVX512

typedef void any_fn(void);

// A row of kern.def, and where its family stands in a set.
static const struct row {
    enum eng_isa isa;
    size_t fn_at, about_at;
    any_fn *fn;
    struct kern_about about;
} rows[] = {
#define KERN(family, rows, cols, isa)                                                    \
    {ISA_##isa,                                                                          \
     offsetof(struct kern_set, family),                                                  \
     offsetof(struct kern_set, about.family),                                            \
     (any_fn *)kern_##family##_##rows##x##cols##_##isa,                                  \
     {#family "_" #rows "x" #cols "_" #isa, rows, cols}},
#include "engine/kern/kern.def"
#undef KERN
};

void kern_select(enum eng_isa isa, struct kern_set *set)
{
    *set = (struct kern_set){0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].isa > isa)
            continue;
        memcpy((char *)set + rows[i].fn_at, &rows[i].fn, sizeof rows[i].fn);
        memcpy((char *)set + rows[i].about_at, &rows[i].about, sizeof rows[i].about);
    }
}
