// Each entry of `indices` becomes (sort key << 32 | index) for the time of the sort, so
// that a million rows are ordered by comparing plain numbers, in place, and ties fall to
// the lower index by themselves.

#include "report/matrix.h"

#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(size_t) == 8, "indices hold a key and an index");

static const uint32_t LAST = UINT32_MAX;

const char *rep_sort_name(enum rep_sort sort)
{
    static const char *const names[REP_SORT_COUNT] = {"file", "confidence", "label",
                                                      "predicted", "margin"};
    return names[sort];
}

// Bits of a float that is not negative order as the float does.
static uint32_t float_key(float value)
{
    uint32_t bits;
    float positive = value > 0.0f ? value : 0.0f;
    memcpy(&bits, &positive, sizeof bits);
    return bits;
}

static uint32_t key_of(const struct row *row, enum rep_sort sort)
{
    if (sort == REP_SORT_LABEL)
        return row->label >= 0 ? (uint32_t)row->label : LAST;
    if (!row_done(row))
        return LAST;
    if (sort == REP_SORT_PREDICTED)
        return (uint32_t)row->top[0];
    if (sort == REP_SORT_CONFIDENCE)
        return LAST - 1 - float_key(row->prob[0]);
    return float_key(row->count > 1 ? row->prob[0] - row->prob[1] : row->prob[0]);
}

bool rep_sort_before(const struct row *a, const struct row *b, enum rep_sort sort)
{
    return key_of(a, sort) < key_of(b, sort);
}

static int by_number(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

enum { DIGIT_BITS = 11, DIGITS = 3, DIGIT_VALUES = 1 << DIGIT_BITS };

static size_t digit_of(size_t number, int digit)
{
    return number >> (32 + digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

// By the upper half, from its lowest digit on; each pass keeps the order of equals. A
// digit that all share is left out.
static void radix_sort(size_t *numbers, size_t *spare, size_t n)
{
    size_t *from = numbers, *to = spare;
    for (int digit = 0; digit < DIGITS; digit++) {
        size_t starts[DIGIT_VALUES] = {0}, at = 0;
        for (size_t i = 0; i < n; i++)
            starts[digit_of(from[i], digit)]++;
        if (starts[digit_of(from[0], digit)] == n)
            continue;
        for (int value = 0; value < DIGIT_VALUES; value++) {
            size_t count = starts[value];
            starts[value] = at;
            at += count;
        }
        for (size_t i = 0; i < n; i++)
            to[starts[digit_of(from[i], digit)]++] = from[i];
        size_t *last = from;
        from = to;
        to = last;
    }
    if (from != numbers)
        memcpy(numbers, from, n * sizeof *numbers);
}

// ascending: their lower halves, as they come.
static void sort_numbers(size_t *numbers, size_t n, bool ascending)
{
    enum { FEW = 4096 }; // where counting digits is not worth it
    size_t *spare = n > FEW && ascending ? mem_array(n, sizeof *spare) : NULL;
    if (spare)
        radix_sort(numbers, spare, n);
    else
        qsort(numbers, n, sizeof *numbers, by_number);
    free(spare);
}

// ---- by file name ----

struct names {
    const struct row *rows;
    size_t skip; // bytes that all names share
    bool reverse;
};

static const char *name_of(const struct row *row)
{
    return row->file ? row->file : "";
}

static int by_name(const void *a, const void *b, void *ctx)
{
    const struct names *names = ctx;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    uint32_t key_x = (uint32_t)(x >> 32), key_y = (uint32_t)(y >> 32);
    if (key_x != key_y)
        return key_x < key_y ? -1 : 1;
    int order = strcmp(name_of(&names->rows[x & UINT32_MAX]) + names->skip,
                       name_of(&names->rows[y & UINT32_MAX]) + names->skip);
    if (order != 0)
        return names->reverse ? -order : order;
    return (x > y) - (x < y);
}

static size_t shared_prefix(const struct row *rows, const size_t *indices, size_t n)
{
    const char *first = name_of(&rows[indices[0]]);
    size_t shared = strlen(first);
    for (size_t i = 1; i < n && shared > 0; i++) {
        const char *name = name_of(&rows[indices[i]]);
        size_t same = 0;
        while (same < shared && name[same] == first[same])
            same++;
        shared = same;
    }
    return shared;
}

// The four bytes behind the shared ones, big-endian; a short name is padded with zeros.
static uint32_t name_key(const char *rest)
{
    uint32_t key = 0;
    for (int i = 0; i < 4; i++) {
        key = key << 8 | (unsigned char)*rest;
        rest += *rest != '\0';
    }
    return key;
}

static size_t key_names(const struct row *rows, size_t *indices, size_t n, bool reverse)
{
    size_t skip = shared_prefix(rows, indices, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t key = name_key(name_of(&rows[indices[i]]) + skip);
        indices[i] |= (size_t)(reverse ? ~key : key) << 32;
    }
    return skip;
}

// As those of a folder do.
static bool names_ascend(const struct row *rows, const size_t *indices, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(name_of(&rows[indices[i - 1]]), name_of(&rows[indices[i]])) >= 0)
            return false;
    return true;
}

// First by four bytes of the name as numbers, which mostly tells the folders apart; then
// each stretch of equals by four more and the rest. Names are then read in the order of
// memory, and not with a cache miss a comparison.
static void sort_names(const struct row *rows, size_t *indices, size_t n, bool reverse)
{
    if (names_ascend(rows, indices, n)) {
        for (size_t i = 0, j = n - 1; reverse && i < j; i++, j--) {
            size_t index = indices[i];
            indices[i] = indices[j];
            indices[j] = index;
        }
        return;
    }
    key_names(rows, indices, n, reverse);
    qsort(indices, n, sizeof *indices, by_number);
    for (size_t from = 0, to; from < n; from = to) {
        size_t key = indices[from] >> 32;
        for (to = from; to < n && indices[to] >> 32 == key; to++)
            indices[to] &= UINT32_MAX;
        struct names names = {rows, 0, reverse};
        names.skip = key_names(rows, indices + from, to - from, reverse);
        qsort_r(indices + from, to - from, sizeof *indices, by_name, &names);
        for (size_t i = from; i < to; i++)
            indices[i] &= UINT32_MAX;
    }
}

void rep_sort(const struct row *rows, size_t *indices, size_t n, enum rep_sort sort,
              bool reverse)
{
    if (n == 0)
        return;
    if (sort == REP_SORT_FILE) {
        sort_names(rows, indices, n, reverse);
        return;
    }
    bool ascending = true;
    for (size_t i = 0; i < n; i++) {
        assert(indices[i] <= UINT32_MAX);
        ascending &= i == 0 || indices[i] > (indices[i - 1] & UINT32_MAX);
        uint32_t key = key_of(&rows[indices[i]], sort);
        if (reverse && key != LAST)
            key = LAST - 1 - key;
        indices[i] |= (size_t)key << 32;
    }
    sort_numbers(indices, n, ascending);
    for (size_t i = 0; i < n; i++)
        indices[i] &= UINT32_MAX;
}
