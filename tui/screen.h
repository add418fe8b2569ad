#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

// One frame: title, view, status, prompt, question.

#include "tui/app.h"

// Draws everything and shows it; says to the picture thread what is wanted.
void screen_draw(struct app *app, double now);

// The late parts of the frame (app_late) follow piece by piece: whether there are more,
// and the next piece.
bool screen_late(const struct app *app);
void screen_send_late(struct app *app);

// Whether nothing is going on that would change the screen by itself.
bool screen_settled(struct app *app, double now);

// Seconds until the pictures of a selection that moves fast are asked for; 0: now.
double screen_debounce(const struct app *app, double now);

#endif
