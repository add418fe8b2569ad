#include "engine/kern/kern.h"

#define ISA_scalar ENG_ISA_SCALAR
#define ISA_avx2   ENG_ISA_AVX2

void kern_select(enum eng_isa isa, struct kern_set *set)
{
    *set = (struct kern_set){0};
#define KERN(family, rows, cols, tier)                                                   \
    if (ISA_##tier <= isa) {                                                             \
        set->family = kern_##family##_##rows##x##cols##_##tier;                          \
        set->name.family = #family "_" #rows "x" #cols "_" #tier;                        \
    }
#include "engine/kern/kern.def"
#undef KERN
}
