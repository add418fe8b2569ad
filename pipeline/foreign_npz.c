#include "pipeline/foreign_read.h"

#include "archive/archive.h"

#include "base/mem.h"
#include "base/topk.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_BYTES = 64 << 20 };

static float half(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = (double)(bits & 1023);
    double value = exponent == 0    ? ldexp(fraction, -24)
                   : exponent == 31 ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                                    : ldexp(1024 + fraction, exponent - 25);
    return (float)(bits & 0x8000 ? -value : value);
}

static bool to_floats(const struct arc_array *a, float *out, size_t n)
{
    const float *f4 = a->data;
    const double *f8 = a->data;
    const uint16_t *f2 = a->data;
    if (a->dtype != ARC_F4 && a->dtype != ARC_F8 && a->dtype != ARC_F2)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = a->dtype == ARC_F4   ? f4[i]
                 : a->dtype == ARC_F8 ? (float)f8[i]
                                      : half(f2[i]);
    return true;
}

static bool is_distribution(const float *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 0)
            return false;
        sum += (double)values[i];
    }
    return fabs(sum - 1) < 0.02;
}

void foreign_best(const float *values, int n, struct row *row)
{
    struct topk best[ROW_TOPK];
    row->count = topk_softmax(values, n, ROW_TOPK, best);
    bool given = is_distribution(values, (size_t)n);
    for (int k = 0; k < row->count; k++) {
        row->top[k] = best[k].index;
        row->prob[k] = given ? values[best[k].index] : best[k].prob;
    }
}

static enum err_code take_array(const char *path, const struct arc_array *a,
                                struct row *row, int *classes, struct err *e)
{
    size_t n = a->ndim > 0 ? a->shape[a->ndim - 1] : 0;
    float *values = mem_array(n, sizeof *values);
    enum err_code rc = ERR_OK;
    if (!values)
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu classes", path, n);
    if (n == 0 || a->bytes != n * arc_dtype_size(a->dtype) || !to_floats(a, values, n))
        TRY(err_set(e, ERR_FORMAT, "%s: output_0 is no [1,C] array of float numbers",
                    path));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            TRY(err_set(e, ERR_FORMAT, "%s: output_0 holds %g for class %zu", path,
                        (double)values[i], i));
    foreign_best(values, (int)n, row);
    *classes = (int)n;
out:
    free(values);
    return rc;
}

enum err_code foreign_npz(const char *path, struct row *row, int *classes, struct err *e)
{
    struct arc_array a = {0};
    enum err_code rc = arc_npz_read(path, "output_0", MAX_BYTES, &a, e);
    if (rc == ERR_OK)
        rc = take_array(path, &a, row, classes, e);
    arc_array_release(&a);
    return rc;
}
