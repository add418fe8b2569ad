#ifndef CHECKKERN_DATA_H
#define CHECKKERN_DATA_H

// What the cases share: random input, sums in double precision with a bound for their
// error, and output areas between guard zones.

#include "engine/kern/kern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD = 32, AREA = 4096, PIXELS_MAX = 8, TAPS_MAX = 36 };

void data_seed(uint32_t seed);
uint32_t data_next(void);

// Values in [-1, 1), or zeros, ones, denormals and large numbers of both signs.
void data_fill(float *x, size_t n, bool extreme);

// Pointers to pixels of so many blocks at random places, for window kernels; refilled by
// each call.
const float *const *data_window(int pointers, int blocks, bool extreme);

float data_relu_if(bool relu, float x);

struct sum {
    double value, size;
    int terms;
};

void sum_add(struct sum *s, double x);

// Whether a float sum of these terms can be `got`; says what differs.
bool sum_near(float got, struct sum want, bool relu);
bool data_same(float got, float want);

struct area {
    float x[GUARD + AREA + GUARD];
    bool seen[(GUARD + AREA + GUARD) * sizeof(float)]; // by bytes
};

// Guard values everywhere; gives the start of the output, misaligned by up to 3 floats.
float *area_clear(struct area *a);

// A value of the output, which the kernel was to write.
float area_take(struct area *a, const float *p);

// KERN_U8 and KERN_U12, which are clamped.
bool is_whole(enum kern_element element);

// The same of element `at` from dst on: whether it can be this sum as an element, rounded
// to even.
bool element_near(struct area *a, const void *dst, ptrdiff_t at,
                  enum kern_element element, struct sum want, bool relu);

// The same of a byte.
uint8_t area_take_byte(struct area *a, const uint8_t *p);

// Whether all that nobody took is as area_clear left it.
bool area_intact(const struct area *a);

#endif
