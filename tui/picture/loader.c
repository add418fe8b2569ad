#include "tui/picture/loader.h"

#include "tui/task/thread.h"

#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOADER_NICE = 2,
    ENTRIES_MAX = 1024,
    CELLS_MAX = 2000000, // 16 MiB of cells
    CELL_PIXELS = 8,     // chafa looks at 8 × 8 pixels a cell
};

struct entry {
    struct pic_want want;
    struct pic_done done;
    unsigned long used; // frame in which it was last wanted
};

// The thread adds entries, the UI removes them: so what the UI borrows stays.
struct loader {
    const struct ds *ds;
    struct pic_mode mode;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
    struct pic_want wants[LOADER_WANTS];
    size_t want_count;
    struct entry *entries[ENTRIES_MAX];
    size_t entry_count;
    size_t cells;
    unsigned long frame;
};

static bool want_equal(struct pic_want a, struct pic_want b)
{
    return a.item == b.item && a.w == b.w && a.h == b.h;
}

static struct entry *entry_find(const struct loader *loader, struct pic_want want)
{
    for (size_t i = 0; i < loader->entry_count; i++)
        if (want_equal(loader->entries[i]->want, want))
            return loader->entries[i];
    return NULL;
}

static size_t entry_cells(const struct entry *entry)
{
    return (size_t)entry->done.pic.w * (size_t)entry->done.pic.h;
}

static void entry_free(struct entry *entry)
{
    pic_release(&entry->done.pic);
    free(entry->done.error);
    free(entry);
}

static void load_facts(const char *path, struct pic_done *done)
{
    struct stat st;
    done->bytes = stat(path, &st) == 0 ? (long long)st.st_size : -1;
    ds_check_file(path, &done->check);
}

static void load_picture(const struct loader *loader, const char *path,
                         struct pic_want want, struct pic_done *done)
{
    struct ds_image image = {0};
    struct err e = {0};
    if (ds_image_preview(path, want.w * CELL_PIXELS, want.h * CELL_PIXELS, &image, &e) !=
            ERR_OK ||
        pic_render(&image, want.w, want.h, &loader->mode, &done->pic, &e) != ERR_OK)
        done->error = mem_dup(e.msg);
    ds_image_release(&image);
}

static struct entry *load(const struct loader *loader, struct pic_want want)
{
    struct entry *entry = mem_new(sizeof *entry);
    entry->want = want;
    char *path = ds_path(loader->ds, want.item);
    if (want.w == 0)
        load_facts(path, &entry->done);
    else
        load_picture(loader, path, want, &entry->done);
    free(path);
    return entry;
}

static const struct pic_want *next_want(const struct loader *loader)
{
    if (loader->entry_count == ENTRIES_MAX)
        return NULL;
    for (size_t i = 0; i < loader->want_count; i++)
        if (!entry_find(loader, loader->wants[i]))
            return &loader->wants[i];
    return NULL;
}

static void *loader_main(void *arg)
{
    struct loader *loader = arg;
    // Below the thread of the screen, which answers keys.
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), LOADER_NICE);
    pthread_mutex_lock(&loader->lock);
    while (!loader->stop) {
        const struct pic_want *next = next_want(loader);
        if (!next) {
            pthread_cond_wait(&loader->wake, &loader->lock);
            continue;
        }
        struct pic_want want = *next;
        pthread_mutex_unlock(&loader->lock);
        struct entry *entry = load(loader, want);
        pthread_mutex_lock(&loader->lock);
        entry->used = loader->frame;
        loader->entries[loader->entry_count++] = entry;
        loader->cells += entry_cells(entry);
        uint64_t one = 1;
        if (write(loader->fd, &one, sizeof one) < 0 && errno != EAGAIN)
            break;
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

enum err_code loader_open(const struct ds *ds, const struct pic_mode *mode,
                          struct loader **out, struct err *e)
{
    struct loader *loader = mem_new(sizeof *loader);
    loader->ds = ds;
    loader->mode = *mode;
    loader->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->wake, NULL);
    int errnum =
        loader->fd < 0 ? errno : thread_start(&loader->thread, loader_main, loader);
    if (errnum != 0) {
        if (loader->fd >= 0)
            close(loader->fd);
        free(loader);
        return err_set_errno(e, errnum, "picture thread", "cannot start");
    }
    *out = loader;
    return ERR_OK;
}

void loader_close(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_signal(&loader->wake);
    pthread_mutex_unlock(&loader->lock);
    pthread_join(loader->thread, NULL);
    for (size_t i = 0; i < loader->entry_count; i++)
        entry_free(loader->entries[i]);
    pthread_cond_destroy(&loader->wake);
    pthread_mutex_destroy(&loader->lock);
    close(loader->fd);
    free(loader);
}

int loader_fd(const struct loader *loader)
{
    return loader->fd;
}

void loader_ack(struct loader *loader)
{
    uint64_t count;
    if (read(loader->fd, &count, sizeof count) < 0)
        return; // nothing was pending
}

// Drops the longest unwanted pictures until there is room for more.
static void make_room(struct loader *loader)
{
    while (loader->entry_count > ENTRIES_MAX - LOADER_WANTS ||
           loader->cells > CELLS_MAX) {
        size_t oldest = 0;
        for (size_t i = 1; i < loader->entry_count; i++)
            if (loader->entries[i]->used < loader->entries[oldest]->used)
                oldest = i;
        if (loader->entry_count == 0 || loader->entries[oldest]->used == loader->frame)
            return;
        loader->cells -= entry_cells(loader->entries[oldest]);
        entry_free(loader->entries[oldest]);
        loader->entries[oldest] = loader->entries[--loader->entry_count];
    }
}

void loader_want(struct loader *loader, const struct pic_want *wants, size_t count)
{
    pthread_mutex_lock(&loader->lock);
    loader->frame++;
    loader->want_count = count < LOADER_WANTS ? count : LOADER_WANTS;
    memcpy(loader->wants, wants, loader->want_count * sizeof wants[0]);
    bool missing = false;
    for (size_t i = 0; i < loader->want_count; i++) {
        struct entry *entry = entry_find(loader, wants[i]);
        if (entry)
            entry->used = loader->frame;
        else
            missing = true;
    }
    make_room(loader);
    if (missing)
        pthread_cond_signal(&loader->wake);
    pthread_mutex_unlock(&loader->lock);
}

const struct pic_done *loader_find(struct loader *loader, struct pic_want want)
{
    pthread_mutex_lock(&loader->lock);
    struct entry *entry = entry_find(loader, want);
    pthread_mutex_unlock(&loader->lock);
    return entry ? &entry->done : NULL;
}
