#include "tests/checkkern/data.h"

#include <math.h>
#include <stdio.h>

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

bool sum_near(float got, struct sum want, bool relu)
{
    double value = relu && want.value < 0 ? 0 : want.value;
    // Each term rounds once or twice; results below the normal range lose all bits.
    double bound = 0x1p-23 * (want.terms + 2) * want.size + 1e-37;
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
    for (size_t i = 0; i < sizeof a->x / sizeof a->x[0]; i++) {
        a->x[i] = guard_value;
        a->seen[i] = false;
    }
    return a->x + GUARD + (data_next() & 3);
}

float area_take(struct area *a, const float *p)
{
    a->seen[p - a->x] = true;
    return *p;
}

bool area_intact(const struct area *a)
{
    for (size_t i = 0; i < sizeof a->x / sizeof a->x[0]; i++)
        if (!a->seen[i] && a->x[i] != guard_value) {
            printf("  writes outside of its output\n");
            return false;
        }
    return true;
}
