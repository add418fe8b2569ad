#ifndef DATASET_LABELS_H
#define DATASET_LABELS_H

// Class index ↔ WordNet id ↔ words. Index is the 0-based place in sorted WordNet ids, as
// timm, Keras and Caffe use it; the devkit's 1-based ILSVRC2012 ids are kept apart. Names
// are never keys: "crane" and "maillot" each name two classes. The words come from
// WordNet (Copyright 2006 by Princeton University; its licence is in
// dataset/WORDNET-LICENSE).

#include "base/err.h"

#include <stddef.h>

struct labels;

// The 1000 ImageNet classes, built in. Never closed.
const struct labels *labels_imagenet(void);

// `imagenet.txt` (a name a line), `synset_words.txt` (a WordNet id and its words a line),
// `imagenet_class_index.json`, or csv with columns index, wnid, name (any of the last
// two). Told from the content. A file in the devkit's class order is refused.
enum err_code labels_open(const char *path, struct labels **out,
                          struct err *e) MUST_CHECK;

// From n names (copied); names and wnids may be NULL, or hold NULLs.
struct labels *labels_new(const char *const *names, const char *const *wnids,
                          int n) MUST_CHECK;
void labels_close(struct labels *labels);

int labels_count(const struct labels *labels);

// Full words ("tench, Tinca tinca"); "class N" where the class has none. Borrowed.
const char *labels_words(const struct labels *labels, int index);

// First of the words ("tench") into buf; returns buf.
const char *labels_short(const struct labels *labels, int index, char *buf, int size);

// WordNet id, or NULL.
const char *labels_wnid(const struct labels *labels, int index);

// Index of a WordNet id, or -1.
int labels_find_wnid(const struct labels *labels, const char *wnid);

// Index of a class by whole words or first word, '_' equal to ' ', case ignored; -1 when
// there is none, -2 when several classes bear the name.
int labels_find_name(const struct labels *labels, const char *name);

// Class index of a 1-based ILSVRC2012 id, or -1.
int labels_from_ilsvrc(long id);

// {"names": […], "wnids": […]}, to be kept with predictions; malloc'ed. NULL for the
// built-in classes and for names that nobody gave ("class N").
char *labels_to_json(const struct labels *labels) MUST_CHECK;

// Back from it; NULL when text is NULL or names other than `count` classes.
struct labels *labels_from_json(const char *text, int count) MUST_CHECK;

// ---- the hierarchy above the classes ----

// Coarser classes: `spec` is a level, the steps from WordNet's root ("entity" is 0) along
// each synset's first hypernym, or synsets that stand for all below them, by name or
// WordNet id, with commas ("dog,bird", "n02084071"); the nearest one counts. A class that
// none of this covers stays itself. *group_of (malloc'ed, an entry a class) is each
// class's place in *folded. ERR_USAGE for an unknown or ambiguous name; ERR_FORMAT when
// no class is one of ImageNet's.
enum err_code labels_fold(const struct labels *labels, const char *spec, int **group_of,
                          struct labels **folded, struct err *e) MUST_CHECK;

// ---- reassessed labels ----

// "ReaL" labels (Beyer et al., "Are we done with ImageNet?", 2020): a JSON array with an
// array of class indices for each validation picture, in the order of their numbers; an
// empty one when no class is right.
struct labels_real;

enum err_code labels_real_open(const char *path, struct labels_real **out,
                               struct err *e) MUST_CHECK;
void labels_real_close(struct labels_real *real);

// Classes of picture `number`, from 1, and how many; NULL beyond the last. Borrowed.
const int *labels_real_of(const struct labels_real *real, size_t number, size_t *count);

// The number in ILSVRC2012_val_00000123.JPEG, whatever its folder and suffix; 0 if none.
size_t labels_val_number(const char *name);

#endif
