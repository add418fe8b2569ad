// For engines without a switch that keeps them below an instruction set: preloaded, with
// CPUID_MASK=avx2 or avx512, it lets their libraries see a smaller CPU. In the copies
// that tests/bench/peers/limit.py made of them each cpuid is a ud1; its trap is answered
// here, with what the CPU says but for what lies above the set. It is ud1 because
// compilers end with ud2 what must never be reached: that ends the process, like any
// other SIGILL.

#include <cpuid.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { LENGTH = 2 }; // of cpuid and of what stands for it
static const uint8_t ud1[LENGTH] = {0x0f, 0xb9};

static bool keep_core; // AVX512F, CD, DQ, BW and VL, all that xlens means by avx512

struct leaf {
    uint32_t a, b, c, d;
};

// Leaf 7 without what lies above; only its subleaf 0 has more to tell.
static struct leaf features(struct leaf l, uint32_t sub)
{
    const uint32_t core =
        bit_AVX512F | bit_AVX512CD | bit_AVX512DQ | bit_AVX512BW | (uint32_t)bit_AVX512VL;
    const uint32_t fsrm = 1 << 4, hybrid = 1 << 15;
    if (sub != 0)
        return (struct leaf){0};
    l.a = 0;
    l.b &= ~(bit_AVX512IFMA | bit_AVX512PF | bit_AVX512ER | (keep_core ? 0 : core));
    l.c &= ~(uint32_t)(bit_AVX512VBMI | bit_AVX512VBMI2 | bit_AVX512VNNI |
                       bit_AVX512BITALG | bit_AVX512VPOPCNTDQ);
    l.d &= fsrm | hybrid; // not AMX, FP16, 4VNNIW, 4FMAPS, VP2INTERSECT
    return l;
}

static void answer(int signal_number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    greg_t *reg = at->uc_mcontext.gregs;
    (void)info;
    if (memcmp((const void *)reg[REG_RIP], ud1, LENGTH) != 0) {
        (void)signal(signal_number, SIG_DFL); // which meets the instruction once more
        return;
    }
    uint32_t number = (uint32_t)reg[REG_RAX], sub = (uint32_t)reg[REG_RCX];
    struct leaf l;
    __cpuid_count(number, sub, l.a, l.b, l.c, l.d);
    if (number == 7)
        l = features(l, sub);
    reg[REG_RAX] = l.a, reg[REG_RBX] = l.b, reg[REG_RCX] = l.c, reg[REG_RDX] = l.d;
    reg[REG_RIP] += LENGTH;
}

__attribute__((constructor)) static void mask_start(void)
{
    const char *isa = getenv("CPUID_MASK");
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
    keep_core = isa && strcmp(isa, "avx512") == 0;
    (void)sigaction(SIGILL, &action, NULL);
}
