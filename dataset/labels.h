#ifndef DATASET_LABELS_H
#define DATASET_LABELS_H

// Class index ↔ WordNet id ↔ words. Index is the 0-based place in sorted WordNet ids, as
// timm, Keras and Caffe use it; the devkit's 1-based ILSVRC2012 ids are kept apart. Names
// are never keys: "crane" and "maillot" each name two classes. The words come from
// WordNet (Copyright 2006 by Princeton University; its licence is in
// dataset/WORDNET-LICENSE).

#include "base/err.h"

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

#endif
