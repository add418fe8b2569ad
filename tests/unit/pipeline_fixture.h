#ifndef TESTS_PIPELINE_FIXTURE_H
#define TESTS_PIPELINE_FIXTURE_H

// A folder of small pictures in two classes, one of them damaged, and the tiny model.

#include "tests/support/tempdir.h"

#include "pipeline/pipeline.h"

#include "base/file.h"
#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIXTURE_GOOD = 12, FIXTURE_ALL = 13 };

struct fixture {
    struct tempdir dir;
    const char *root; // its path
    char *db;
    struct pipe_setup setup;
    struct ds *ds;
};

// The first bytes (at most `most`) of a picture, as `name` of the set.
static inline void fixture_add(const struct fixture *f, const char *source,
                               const char *name, size_t most)
{
    struct file_bytes bytes;
    char *from = mem_printf("%s/pictures/%s", XLENS_TEST_DATA, source);
    char *to = mem_printf("set/%s", name);
    assert_int_equal(file_read(from, 1 << 24, &bytes, NULL), ERR_OK);
    (void)tempdir_write_n(&f->dir, to, bytes.data, bytes.len < most ? bytes.len : most);
    file_bytes_release(&bytes);
    free(from);
    free(to);
}

static inline void fixture_setup_open(struct fixture *f, struct pipe_setup_opts opts)
{
    struct err e = {0};
    char *model = mem_printf("%s/tiny/keras3_model.keras", XLENS_TEST_DATA);
    opts.model = model;
    assert_int_equal(eng_isa_choose(NULL, &opts.engine.isa, &e), ERR_OK);
    assert_int_equal(pipe_setup_open(&opts, &f->setup, &e), ERR_OK);
    free(model);
}

static inline int fixture_open(void **state)
{
    static const char *const sources[FIXTURE_GOOD] = {
        "rgb.jpg",   "grey.jpg", "cmyk.jpg",    "progressive.jpg",
        "rgb.png",   "grey.png", "palette.png", "turn1.jpg",
        "turn3.jpg", "vga.jpg",  "rgba.png",    "one_bit.png"};
    struct fixture *f = mem_new(sizeof *f);
    f->dir = tempdir_make();
    f->root = f->dir.path;
    for (int i = 0; i < FIXTURE_GOOD; i++) {
        char *name =
            mem_printf("%s/%02d%s", i % 2 ? "dog" : "cat", i, strrchr(sources[i], '.'));
        fixture_add(f, sources[i], name, SIZE_MAX);
        free(name);
    }
    fixture_add(f, "rgb.jpg", "cat/broken.jpg", 400);
    char *set = mem_printf("%s/set", f->root);
    struct err e = {0};
    assert_int_equal(ds_open(set, &(struct ds_opts){0}, &f->ds, &e), ERR_OK);
    assert_int_equal(ds_count(f->ds), FIXTURE_ALL);
    free(set);
    f->db = mem_printf("%s/x.db", f->root);
    fixture_setup_open(f, (struct pipe_setup_opts){0});
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    pipe_setup_release(&f->setup);
    ds_close(f->ds);
    free(f->db);
    tempdir_remove(&f->dir);
    free(f);
    return 0;
}

#endif
