#ifndef ENG_MODEL_ARCH_H
#define ENG_MODEL_ARCH_H

// The published architectures as tables: from the tensors of a state dict to a net.
// Sources: timm 0.6.5, keras.applications.Xception, PaddleClas; widths, depths and class
// counts come from the tensors, so smaller relatives of a family build as well.

#include "engine/model/net.h"
#include "engine/weights/bag.h"

#include "base/err.h"

// ERR_USAGE, with the names that there are, when no architecture is called so.
enum err_code arch_check(const char *arch, struct err *e) MUST_CHECK;

// Builds the net (not folded). arch NULL: told from the tensor names and shapes. Fills
// arch, publisher, preset, crop_pct, height and width of the net. Keras tensors bear
// their canonical names (block1_conv1/kernel, …; the four shortcut convolutions conv2d …
// conv2d_3 and batch_normalization … batch_normalization_3 in network order).
// Where the classifier's tensors are missing the net ends with the pooling. ERR_FORMAT:
// not an Xception; another missing or a spare tensor; wrong shape.
enum err_code arch_build(struct bag *bag, const char *arch, struct net *out,
                         struct err *e) MUST_CHECK;

// What the publisher says of an architecture's size, and how that is counted. False where
// a model with these parameters and running statistics is another one than was published.
struct arch_figures {
    double params_m, work_g; // millions, billions
    const char *note;
};
bool arch_published(const char *arch, uint64_t params, uint64_t stats,
                    struct arch_figures *out);

// Names a net that came without names: fills arch, publisher and crop_pct, "other" where
// its structure is none of the published ones.
void arch_recognise(struct net *net);

#endif
