#ifndef TUI_TASK_THREAD_H
#define TUI_TASK_THREAD_H

// Threads beside the one of the screen.

#include <pthread.h>

// Deaf to signals, which are for the thread that owns the screen; so are the threads that
// it starts. Returns an errno, 0 when it runs.
int thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
