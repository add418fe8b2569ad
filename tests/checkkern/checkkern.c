// Every kernel of kern.def against a reference:
//     checkkern [--isa NAME] [--kernel TEXT] [--seed N]
// A kernel that this CPU lacks is reported as skipped, never passed over in silence; a
// crash is attributed to the kernel that was running.

#include "tests/checkkern/cases.h"
#include "tests/checkkern/data.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ISA_scalar     ENG_ISA_SCALAR
#define ISA_fused      ENG_ISA_SCALAR
#define ISA_avx2       ENG_ISA_AVX2
#define ISA_avxvnni    ENG_ISA_AVXVNNI
#define ISA_avx512     ENG_ISA_AVX512
#define ISA_avx512vnni ENG_ISA_AVX512VNNI
#define ISA_avx512bf16 ENG_ISA_AVX512BF16

#define KERN(family, rows, cols, isa)                                                    \
    static bool run_##family##_##isa(void)                                               \
    {                                                                                    \
        return case_##family(kern_##family##_##rows##x##cols##_##isa);                   \
    }
#include "engine/kern/kern.def"
#undef KERN

static const struct {
    struct kern_about about;
    enum eng_isa isa;
    bool (*run)(void);
} kernels[] = {
#define KERN(family, rows, cols, isa)                                                    \
    {{#family "_" #rows "x" #cols "_" #isa, rows, cols}, ISA_##isa, run_##family##_##isa},
#include "engine/kern/kern.def"
#undef KERN
};

struct kern_about case_kernel;
static const char *volatile running = "";

static void on_crash(int number)
{
    static const char text[] = "CRASH in ";
    (void)!write(STDOUT_FILENO, text, sizeof text - 1);
    (void)!write(STDOUT_FILENO, running, strlen(running));
    (void)!write(STDOUT_FILENO, "\n", 1);
    _exit(128 + number);
}

struct options {
    const char *isa, *kernel;
    uint32_t seed;
};

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--isa") == 0)
            o->isa = argv[i + 1];
        else if (strcmp(argv[i], "--kernel") == 0)
            o->kernel = argv[i + 1];
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else
            return false;
    }
    return argc % 2 == 1;
}

int main(int argc, char **argv)
{
    struct options o = {.kernel = "", .seed = 1};
    if (!parse(argc, argv, &o)) {
        (void)fputs("usage: checkkern [--isa NAME] [--kernel TEXT] [--seed N]\n", stderr);
        return 2;
    }
    int passed = 0, failed = 0, skipped = 0;
    (void)signal(SIGSEGV, on_crash);
    (void)signal(SIGILL, on_crash);
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++) {
        case_kernel = kernels[i].about;
        running = case_kernel.name;
        if (!strstr(running, o.kernel) ||
            (o.isa && strcmp(eng_isa_name(kernels[i].isa), o.isa) != 0))
            continue;
        if (!kern_cpu_has(kernels[i].isa)) {
            printf("SKIP %s (this CPU lacks it)\n", running);
            skipped++;
            continue;
        }
        data_seed(o.seed);
        bool good = kernels[i].run();
        printf("%s %s\n", good ? "ok  " : "FAIL", running);
        good ? passed++ : failed++;
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0 || passed == 0;
}
