#ifndef TUI_PICTURE_LOADER_H
#define TUI_PICTURE_LOADER_H

// A thread that decodes and draws pictures ahead of the screen. The UI says every frame
// what it wants, most urgent first; what is no longer wanted is not begun. Finished
// pictures stay until room is needed.

#include "tui/picture/cells.h"

#include "dataset/dataset.h"

#include <stdbool.h>
#include <stddef.h>

// A picture in a box of w × h cells; a box of 0 × 0 asks for the facts of the file only.
struct pic_want {
    size_t item;
    int w, h;
};

// A finished picture. error is NULL, or why there are no cells.
struct pic_done {
    struct pic pic;
    char *error;
    struct ds_check check; // facts only
    long long bytes;       // size of the file, facts only; -1 unknown
};

struct loader;

enum err_code loader_open(const struct ds *ds, const struct pic_mode *mode,
                          struct loader **out, struct err *e) MUST_CHECK;
void loader_close(struct loader *loader);

// Readable when a picture was finished; loader_ack clears it.
int loader_fd(const struct loader *loader);
void loader_ack(struct loader *loader);

enum { LOADER_WANTS = 256 };

// Replaces what is wanted. May drop old pictures, but none of these.
void loader_want(struct loader *loader, const struct pic_want *wants, size_t count);

// A finished picture, borrowed until the next loader_want; NULL while there is none.
const struct pic_done *loader_find(struct loader *loader, struct pic_want want);

#endif
