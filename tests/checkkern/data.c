#include "tests/checkkern/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const float guard_value = -12345.5F;
static uint32_t state;

void data_seed(uint32_t seed)
{
    state = seed * 2654435761U + 1;
}

uint32_t data_next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void data_fill(float *x, size_t n, bool extreme)
{
    static const float edge[] = {0, -0.0F, 1, -1, 1e-40F, -1e-40F, 1e15F, -1e15F};
    for (size_t i = 0; i < n; i++)
        x[i] = extreme ? edge[data_next() & 7] : (float)(int32_t)data_next() * 0x1p-31F;
}

static float pixel_pool[4096];

const float *const *data_window(int pointers, int blocks, bool extreme)
{
    static const float *window[(PIXELS_MAX + 2) * TAPS_MAX];
    size_t last = sizeof pixel_pool / sizeof *pixel_pool - (size_t)blocks * 8;
    data_fill(pixel_pool, sizeof pixel_pool / sizeof *pixel_pool, extreme);
    for (int i = 0; i < pointers; i++)
        window[i] = pixel_pool + data_next() % last;
    return window;
}

float data_relu_if(bool relu, float x)
{
    return relu && !(x > 0) ? 0 : x;
}

void sum_add(struct sum *s, double x)
{
    s->value += x;
    s->size += fabs(x);
    s->terms++;
}

// Each term rounds once or twice; results below the normal range lose all bits.
static double sum_bound(struct sum s)
{
    return 0x1p-23 * (s.terms + 2) * s.size + 1e-37;
}

bool sum_near(float got, struct sum want, bool relu)
{
    double value = relu && want.value < 0 ? 0 : want.value, bound = sum_bound(want);
    if (fabs((double)got - value) <= bound)
        return true;
    printf("  got %.9g, want %.9g ± %.2g\n", (double)got, value, bound);
    return false;
}

bool data_same(float got, float want)
{
    if (got == want)
        return true;
    printf("  got %.9g, want %.9g\n", (double)got, (double)want);
    return false;
}

float *area_clear(struct area *a)
{
    for (size_t i = 0; i < sizeof a->x / sizeof a->x[0]; i++)
        a->x[i] = guard_value;
    memset(a->seen, 0, sizeof a->seen);
    return a->x + GUARD + (data_next() & 3);
}

static void see(struct area *a, const void *p, size_t bytes)
{
    memset(a->seen + ((const char *)p - (const char *)a->x), 1, bytes);
}

float area_take(struct area *a, const float *p)
{
    see(a, p, sizeof *p);
    return *p;
}

uint8_t area_take_byte(struct area *a, const uint8_t *p)
{
    see(a, p, sizeof *p);
    return *p;
}

bool is_whole(enum kern_element element)
{
    return element == KERN_U8 || element == KERN_U12;
}

// How far an element may lie from the value it stands for.
static double step_of(enum kern_element element, double value)
{
    return is_whole(element) ? 0.5 : element == KERN_BF16 ? 0x1p-8 * fabs(value) : 0;
}

bool element_near(struct area *a, const void *dst, ptrdiff_t at,
                  enum kern_element element, struct sum want, bool relu)
{
    const char *p = (const char *)dst + (size_t)at * kern_element_size(element);
    double value = relu && want.value < 0 ? 0 : want.value, got;
    uint16_t half;
    uint32_t bits;
    float x;
    if (element == KERN_F32)
        return sum_near(area_take(a, (const float *)(const void *)p), want, relu);
    see(a, p, kern_element_size(element));
    memcpy(&half, p, sizeof half);
    bits = (uint32_t)half << 16;
    memcpy(&x, &bits, sizeof x);
    got = element == KERN_BF16  ? (double)x
          : element == KERN_U12 ? (double)half
                                : (double)*(const uint8_t *)p;
    const double most = element == KERN_U12 ? KERN_U12_MOST : KERN_U8_MOST;
    if (is_whole(element))
        value = value < 0 ? 0 : value > most ? most : value;
    double bound = sum_bound(want) + step_of(element, value) * (1 + 0x1p-20) + 0x1p-126;
    if (fabs(got - value) <= bound)
        return true;
    printf("  got %.9g, want %.9g ± %.2g\n", got, value, bound);
    return false;
}

bool area_intact(const struct area *a)
{
    const char *bytes = (const char *)a->x;
    for (size_t i = 0; i < sizeof a->x; i++)
        if (!a->seen[i] &&
            bytes[i] != ((const char *)&guard_value)[i % sizeof guard_value]) {
            printf("  writes outside of its output\n");
            return false;
        }
    return true;
}
