#include "base/topk.h"

#include <math.h>

// Insertion into a short sorted list; the equal logit that came first stays first.
static int insert(struct topk *best, int used, int k, int index, float logit)
{
    int at = used;
    while (at > 0 && logit > best[at - 1].prob)
        at--;
    if (at == k)
        return used;
    int last = used < k ? used : k - 1;
    for (int i = last; i > at; i--)
        best[i] = best[i - 1];
    best[at] = (struct topk){index, logit};
    return used < k ? used + 1 : k;
}

int topk_softmax(const float *logits, int n, int k, struct topk *out)
{
    int used = 0;
    for (int i = 0; i < n; i++)
        used = insert(out, used, k, i, logits[i]);
    if (used == 0)
        return 0;
    double max = (double)out[0].prob, sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp((double)logits[i] - max);
    for (int i = 0; i < used; i++)
        out[i].prob = (float)(exp((double)out[i].prob - max) / sum);
    return used;
}
