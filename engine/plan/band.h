#ifndef ENG_PLAN_BAND_H
#define ENG_PLAN_BAND_H

// Bands: neighbouring steps that a member of the team takes together, some rows of the
// last one's output at a time, so that what lies between them stays in its L2 cache. Each
// value between is a ring of rows in the member's own memory.

#include "engine/plan/layout.h"

enum { BAND_STEPS_MAX = 8 };

struct band_rows {
    int first, last; // first … last - 1 of a picture's output
};

// Who shares a band: the rows of so many pictures are dealt out to the members.
struct band_team {
    int pictures, members;
};

// Finds the bands of a layout whose windows are known; last[node] is the last step that
// reads a value.
void band_find(const struct plan *plan, struct layout *layout, const int *last,
               struct band_team team);

// Whether the last of `count` steps has rows enough for each member.
bool band_serves(const struct plan *plan, const struct layout_step *first, int count,
                 struct band_team team);

// The step of the band that writes a step's source, or what it adds; -1 outside of it.
int band_writer(const struct plan *plan, int first, int step, int node);

// What must lie in each step's ring for need[layout->steps[first].band - 1] of the last,
// when the rows before have[k].last are written already.
void band_needs(const struct plan *plan, const struct layout *layout, int first,
                const struct band_rows *have, struct band_rows *need);

// Those of need[k] that are still to be written.
struct band_rows band_new(struct band_rows have, struct band_rows need);

#endif
