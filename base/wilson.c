#include "base/wilson.h"

#include <math.h>

// E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
// JASA 22 (1927); z is the 97.5 % point of the normal distribution.
void wilson_95(size_t hits, size_t n, double *centre, double *half)
{
    static const double z = 1.959963984540054;
    *centre = *half = 0.5;
    if (n == 0)
        return;
    double count = (double)n, p = (double)hits / count, z2 = z * z;
    double scale = 1.0 / (1.0 + z2 / count);
    *centre = scale * (p + z2 / (2.0 * count));
    *half = scale * z * sqrt((p * (1.0 - p) + z2 / (4.0 * count)) / count);
}
