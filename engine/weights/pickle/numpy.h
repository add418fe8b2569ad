#ifndef ENG_WEIGHTS_PICKLE_NUMPY_H
#define ENG_WEIGHTS_PICKLE_NUMPY_H

// Numpy arrays as they are pickled.

#include "engine/weights/bag.h"
#include "engine/weights/pickle/pickle.h"

#include "base/err.h"

// The names that pickled arrays ask for.
bool numpy_allows(const char *name);

// Whether v is an array.
bool numpy_is_array(const struct pickle *p, const struct pickle_value *v);

// Adds an array to the bag. Its bytes stay where the pickle lies, or become a block of
// the bag.
enum err_code numpy_add(const struct pickle *p, const struct pickle_value *array,
                        const char *name, struct bag *bag, struct err *e) MUST_CHECK;

#endif
