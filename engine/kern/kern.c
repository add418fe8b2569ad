#include "engine/kern/kern.h"

#include <string.h>

#define ISA_scalar     ENG_ISA_SCALAR
#define ISA_fused      ENG_ISA_COUNT // no instruction set of its own
#define ISA_avx2       ENG_ISA_AVX2
#define ISA_avxvnni    ENG_ISA_AVXVNNI
#define ISA_avx512     ENG_ISA_AVX512
#define ISA_avx512vnni ENG_ISA_AVX512VNNI
#define ISA_avx512bf16 ENG_ISA_AVX512BF16

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

// AVX-512 implies every instruction set below it but this one: on many CPUs it is absent.
static bool is_absent(enum eng_isa row, enum eng_isa isa)
{
    return row > isa ||
           (row == ENG_ISA_AVXVNNI && row != isa && !kern_cpu_has(ENG_ISA_AVXVNNI));
}

void kern_select(enum eng_isa isa, bool exact, struct kern_set *set)
{
    *set = (struct kern_set){0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].isa == ISA_fused ? !exact : is_absent(rows[i].isa, isa))
            continue;
        memcpy((char *)set + rows[i].fn_at, &rows[i].fn, sizeof rows[i].fn);
        memcpy((char *)set + rows[i].about_at, &rows[i].about, sizeof rows[i].about);
    }
}

struct kern_gemm_choice kern_gemm_for(const struct kern_set *set,
                                      enum kern_element element)
{
    switch (element) {
    case KERN_BF16:
        return (struct kern_gemm_choice){set->gemm_bf16, &set->about.gemm_bf16};
    case KERN_U8:
        return (struct kern_gemm_choice){set->gemm_s8, &set->about.gemm_s8};
    case KERN_F32:
    case KERN_U12:
    case KERN_ELEMENT_COUNT:
        break;
    }
    return (struct kern_gemm_choice){set->gemm_f32, &set->about.gemm_f32};
}

size_t kern_element_size(enum kern_element element)
{
    return element == KERN_F32 ? sizeof(float) : element == KERN_U8 ? 1 : 2;
}
