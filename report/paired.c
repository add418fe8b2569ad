#include "report/report.h"

#include <math.h>

// Twice the lower tail of the binomial distribution at 1/2, from its largest term down.
double rep_sign_test(size_t better, size_t worse)
{
    size_t n = better + worse, k = better < worse ? better : worse;
    double count = (double)n, at = (double)k, sum = 0;
    if (better == worse)
        return 1.0;
    double term =
        exp(lgamma(count + 1) - lgamma(at + 1) - lgamma(count - at + 1) - count * log(2));
    while (term > 0) { // it becomes 0 behind the first one
        sum += term;
        term *= at / (count - at + 1);
        at -= 1;
    }
    return fmin(1.0, 2 * sum);
}
