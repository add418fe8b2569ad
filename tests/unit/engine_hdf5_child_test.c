// The process that reads HDF5: what becomes of it when its reader goes wrong, and what of
// the ways to store an array it copies.

#include "engine/weights/keras/hdf5.h"
#include "engine/weights/keras/hdf5_child.h"

#include "tests/support/h5_write.h"
#include "tests/support/says.h"
#include "tests/support/tempdir.h"

#include <signal.h>
#include <sys/mman.h>

enum { TWO_MB = 2 << 20 };

static const struct file_bytes image = {(const uint8_t *)"image", 5, false};

// ---- readers that go wrong ----

static enum h5_exit leaves_text(const struct file_bytes *bytes, int fd, size_t max)
{
    assert_true(max >= bytes->len);
    return write(fd, bytes->data, bytes->len) == (ssize_t)bytes->len ? H5_READ
                                                                     : H5_NO_MEMORY;
}

static enum h5_exit leaves_nothing(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd, (void)max;
    return H5_READ;
}

static enum h5_exit crashes(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd, (void)max;
    volatile char *page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page[0] ? H5_TOO_LARGE : H5_READ;
}

static enum h5_exit never_ends(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd, (void)max;
    for (volatile unsigned turns = 1; turns; turns |= 1)
        ;
    return H5_READ;
}

static enum h5_exit sleeps(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd, (void)max;
    (void)pause();
    return H5_READ;
}

#ifndef __SANITIZE_ADDRESS__ // whose own tables hang on a limit of address space
static enum h5_exit takes_all_memory(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd;
    // The process ends with what it took.
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
    for (size_t taken = 0; taken < max; taken += TWO_MB) {
        char *volatile p = malloc(TWO_MB); // or a compiler sees that nobody reads it
        if (!p)
            return H5_NO_MEMORY;
        memset(p, 1, TWO_MB);
    }
    return H5_READ;
}
#endif

static enum h5_exit finds_too_much(const struct file_bytes *bytes, int fd, size_t max)
{
    (void)bytes, (void)fd, (void)max;
    return H5_TOO_LARGE;
}

static enum h5_exit dies_in_the_library(const struct file_bytes *bytes, int fd,
                                        size_t max)
{
    (void)bytes, (void)fd, (void)max;
    _exit(3);
}

static void what_goes_wrong_is_said(void **state)
{
    (void)state;
    static const struct {
        h5_read_fn *read;
        enum err_code code;
        const char *says;
        unsigned wall;
    } cases[] = {
        {leaves_nothing, ERR_FORMAT, "f.h5: damaged HDF5 file (the reader left nothing)",
         0},
        {crashes, ERR_FORMAT,
         "f.h5: damaged HDF5 file (the reader stopped with signal 11)", 0},
        // SIGXCPU, whoever shares the core; SIGALRM.
        {never_ends, ERR_FORMAT, "the reader stopped with signal 24)", 0},
        {sleeps, ERR_FORMAT, "the reader stopped with signal 14)", 1},
#ifndef __SANITIZE_ADDRESS__
        {takes_all_memory, ERR_NOMEM, "f.h5: no memory for its arrays", 0},
#endif
        {finds_too_much, ERR_LIMIT, "or more than 1073741824 bytes of arrays", 0},
        {dies_in_the_library, ERR_FORMAT, "the reader stopped with status 3)", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file_bytes block;
        struct err e = {0};
        const struct h5_limits limits = {.block = 1 << 30,
                                         .memory = 64 << 20,
                                         .cpu_seconds = 1,
                                         .wall_seconds = cases[i].wall};
        assert_int_equal(
            h5_child_read(cases[i].read, &image, &limits, "f.h5", &block, &e),
            cases[i].code);
        assert_says(&e, cases[i].says);
    }
}

static void what_it_leaves_cannot_be_changed(void **state)
{
    (void)state;
    const struct h5_limits limits = h5_limits_for(image.len);
    struct file_bytes block;
    struct err e = {0};
    if (h5_child_read(leaves_text, &image, &limits, "f.h5", &block, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(block.len, image.len);
    assert_memory_equal(block.data, image.data, image.len);
    file_bytes_release(&block);
}

// Where nobody waits for children their status is lost; the block still counts.
static void children_need_not_be_waited_for(void **state)
{
    (void)state;
    const struct h5_limits limits = h5_limits_for(image.len);
    struct file_bytes block;
    struct err e = {0};
    (void)signal(SIGCHLD, SIG_IGN);
    assert_int_equal(h5_child_read(leaves_text, &image, &limits, "f.h5", &block, &e),
                     ERR_OK);
    file_bytes_release(&block);
    assert_int_equal(h5_child_read(crashes, &image, &limits, "f.h5", &block, &e),
                     ERR_FORMAT);
    assert_says(&e, "the reader left nothing");
    (void)signal(SIGCHLD, SIG_DFL);
}

static void limits_grow_with_the_file(void **state)
{
    (void)state;
    struct h5_limits none = h5_limits_for(0), some = h5_limits_for(92 << 20),
                     all = h5_limits_for(SIZE_MAX / 2);
    assert_true(none.block >= 64 << 20 && none.cpu_seconds >= 5);
    assert_true(some.block > 92 << 20 && some.cpu_seconds > none.cpu_seconds);
    assert_true(all.block <= (size_t)1 << 31 && all.memory > all.block);
}

// ---- arrays ----

static void arrays_are_the_same_however_stored(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "chunked", "packed",  "big",
                                        "wide",  "half",    "compact", "unset"};
    static const enum h5_out_kind kinds[] = {
        H5_OUT_PLAIN,  H5_OUT_CHUNKED, H5_OUT_DEFLATED, H5_OUT_BIG_ENDIAN,
        H5_OUT_DOUBLE, H5_OUT_HALF,    H5_OUT_COMPACT,  H5_OUT_UNSET};
    enum { KINDS = sizeof kinds / sizeof kinds[0], ROWS = 6, COLS = 4 };
    struct tempdir dir = tempdir_make();
    const char *path = tempdir_path(&dir, "m.h5");
    const size_t shape[] = {ROWS, COLS};
    float data[ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++)
        data[i] = (float)(i - 7) * 0.125F; // exact in half precision too
    struct h5_out *out = h5_out_open(path);
    for (int i = 0; i < KINDS; i++)
        h5_out_stored(out, names[i], kinds[i], 2, shape, data);
    h5_out_close(out);
    struct file_bytes bytes;
    struct h5_file *h5;
    struct err e = {0};
    if (file_map(path, &bytes, &e) != ERR_OK ||
        h5_open(&bytes, "m.h5", &h5, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    for (int i = 0; i < KINDS; i++) {
        size_t got_shape[H5_MAX_DIMS];
        int ndim;
        float *got;
        if (h5_floats(h5, names[i], &ndim, got_shape, &got, &e) != ERR_OK)
            fail_msg("%s", e.msg);
        assert_int_equal(ndim, 2);
        assert_true(got_shape[0] == ROWS && got_shape[1] == COLS);
        for (int k = 0; k < ROWS * COLS; k++)
            if (got[k] != (kinds[i] == H5_OUT_UNSET ? 0 : data[k]))
                fail_msg("%s[%d] is %g", names[i], k, (double)got[k]);
        free(got);
    }
    h5_close(h5);
    file_bytes_release(&bytes);
    tempdir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_wrong_is_said),
        cmocka_unit_test(what_it_leaves_cannot_be_changed),
        cmocka_unit_test(children_need_not_be_waited_for),
        cmocka_unit_test(limits_grow_with_the_file),
        cmocka_unit_test(arrays_are_the_same_however_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
