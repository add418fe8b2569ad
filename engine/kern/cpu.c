#include "engine/kern/kern.h"

#include <cpuid.h>
#include <stdint.h>

struct leaf {
    uint32_t eax, ebx, ecx, edx;
};

static struct leaf cpuid(uint32_t leaf, uint32_t sub)
{
    struct leaf r = {0};
    if (!__get_cpuid_count(leaf, sub, &r.eax, &r.ebx, &r.ecx, &r.edx))
        return (struct leaf){0};
    return r;
}

// Which register files the operating system saves (XCR0); 0 without XSAVE.
static uint32_t os_state(void)
{
    if (!(cpuid(1, 0).ecx & bit_OSXSAVE))
        return 0;
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static bool has_all(uint32_t have, uint32_t want)
{
    return (have & want) == want;
}

bool kern_cpu_has(enum eng_isa isa)
{
    enum { YMM = 0x6, ZMM = 0xe6 };
    struct leaf l1 = cpuid(1, 0), l7 = cpuid(7, 0), l71 = cpuid(7, 1);
    uint32_t os = os_state();
    bool avx2 = has_all(os, YMM) && has_all(l1.ecx, bit_AVX | bit_FMA | bit_F16C) &&
                has_all(l7.ebx, bit_AVX2);
    bool avx512 =
        avx2 && has_all(os, ZMM) &&
        has_all(l7.ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ);
    switch (isa) {
    case ENG_ISA_SCALAR:
        return true;
    case ENG_ISA_AVX2:
        return avx2;
    case ENG_ISA_AVXVNNI:
        return avx2 && has_all(l71.eax, bit_AVXVNNI);
    case ENG_ISA_AVX512:
        return avx512;
    case ENG_ISA_AVX512VNNI:
        return avx512 && has_all(l7.ecx, bit_AVX512VNNI);
    case ENG_ISA_AVX512BF16:
        return avx512 && has_all(l7.ecx, bit_AVX512VNNI) &&
               has_all(l71.eax, bit_AVX512BF16);
    case ENG_ISA_COUNT:
        break;
    }
    return false;
}
