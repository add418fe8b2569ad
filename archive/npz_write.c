#include "archive/npy.h"

#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

// A zip writer of its own, because libzip keeps every member in memory until it closes.
// Members are stored; sizes are known in front, the checksum is patched in behind. Zip64
// fields appear only where a number needs them. All times are zero: equal arrays give
// equal files.

enum {
    LOCAL_MAGIC = 0x04034b50,
    CENTRAL_MAGIC = 0x02014b50,
    END_MAGIC = 0x06054b50,
    END64_MAGIC = 0x06064b50,
    LOCATOR64_MAGIC = 0x07064b50,
    CRC_AT = 14, // in a local header
    DATE_1980 = 0x21,
    UTF8_FLAG = 1 << 11,
};
#define LIMIT32 0xffffffffU

struct member {
    char *name;
    uint64_t size, offset;
    uint32_t crc;
};

struct npz_writer {
    struct file_out out;
    char *path;
    struct member *members;
    size_t count, cap;
    uint64_t at; // bytes written so far
};

static void add_u16(struct str *s, unsigned v)
{
    str_add_char(s, (char)(v & 255));
    str_add_char(s, (char)(v >> 8 & 255));
}

static void add_u32(struct str *s, uint32_t v)
{
    add_u16(s, v & 0xffff);
    add_u16(s, v >> 16);
}

static void add_u64(struct str *s, uint64_t v)
{
    add_u32(s, (uint32_t)v);
    add_u32(s, (uint32_t)(v >> 32));
}

static uint32_t clip32(uint64_t v)
{
    return v >= LIMIT32 ? LIMIT32 : (uint32_t)v;
}

enum err_code arc_npz_create(const char *path, bool force, struct npz_writer **out,
                             struct err *e)
{
    struct npz_writer *npz = mem_new(sizeof *npz);
    enum err_code rc = file_out_open(&npz->out, path, force, e);
    if (rc != ERR_OK) {
        free(npz);
        return rc;
    }
    npz->path = mem_dup(path);
    *out = npz;
    return ERR_OK;
}

static enum err_code write_bytes(struct npz_writer *npz, const void *bytes, size_t n,
                                 struct err *e)
{
    if (n && fwrite(bytes, 1, n, npz->out.stream) != n)
        return err_set_errno(e, errno, npz->path, "cannot write");
    npz->at += n;
    return ERR_OK;
}

static enum err_code write_str(struct npz_writer *npz, struct str *s, struct err *e)
{
    enum err_code rc = write_bytes(npz, str_get(s), s->len, e);
    str_clear(s);
    return rc;
}

// What local and central headers have in common, from "version needed" to the name
// length.
static void add_common(struct str *s, const struct member *m, bool zip64)
{
    add_u16(s, zip64 ? 45 : 20);
    add_u16(s, UTF8_FLAG);
    add_u16(s, 0); // stored
    add_u16(s, 0);
    add_u16(s, DATE_1980);
    add_u32(s, m->crc);
    add_u32(s, clip32(m->size));
    add_u32(s, clip32(m->size));
    add_u16(s, (unsigned)strlen(m->name));
}

// crc: 0 when member_close is to put it in.
static enum err_code member_open(struct npz_writer *npz, const char *key, uint64_t size,
                                 uint32_t crc, struct err *e)
{
    if (strlen(key) > 1000)
        return err_set(e, ERR_LIMIT, "%s: array name of %zu bytes, expected at most 1000",
                       npz->path, strlen(key));
    if (!mem_grow(&npz->members, &npz->cap, npz->count + 1, sizeof *npz->members))
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu members", npz->path,
                       npz->count + 1);
    struct member *m = &npz->members[npz->count++];
    *m = (struct member){mem_printf("%s.npy", key), size, npz->at, crc};
    struct str s = {0};
    bool zip64 = size >= LIMIT32;
    add_u32(&s, LOCAL_MAGIC);
    add_common(&s, m, zip64);
    add_u16(&s, zip64 ? 20 : 0);
    str_add(&s, m->name);
    if (zip64) {
        add_u16(&s, 1);
        add_u16(&s, 16);
        add_u64(&s, size);
        add_u64(&s, size);
    }
    enum err_code rc = write_str(npz, &s, e);
    str_release(&s);
    return rc;
}

static uint32_t crc_on(uint32_t crc, const void *bytes, size_t n)
{
    // libdeflate takes a NULL buffer for a request to start anew.
    return n ? libdeflate_crc32(crc, bytes, n) : crc;
}

static enum err_code member_write(struct npz_writer *npz, const void *bytes, size_t n,
                                  struct err *e)
{
    struct member *m = &npz->members[npz->count - 1];
    m->crc = crc_on(m->crc, bytes, n);
    return write_bytes(npz, bytes, n, e);
}

static enum err_code member_close(struct npz_writer *npz, struct err *e)
{
    const struct member *m = &npz->members[npz->count - 1];
    uint8_t crc[4] = {(uint8_t)m->crc, (uint8_t)(m->crc >> 8), (uint8_t)(m->crc >> 16),
                      (uint8_t)(m->crc >> 24)};
    FILE *f = npz->out.stream;
    if (fseeko(f, (off_t)(m->offset + CRC_AT), SEEK_SET) != 0 ||
        fwrite(crc, 1, 4, f) != 4 || fseeko(f, (off_t)npz->at, SEEK_SET) != 0)
        return err_set_errno(e, errno, npz->path, "cannot write");
    return ERR_OK;
}

enum err_code arc_npz_put(struct npz_writer *npz, const char *key,
                          const struct arc_array *array, struct err *e)
{
    struct str header = {0};
    enum err_code rc;
    npy_format(&header, npy_descr(array->dtype), array->ndim, array->shape);
    // All is there, so the checksum need not be patched in: two writes and seeks fewer.
    uint32_t crc = crc_on(crc_on(0, header.data, header.len), array->data, array->bytes);
    TRY(member_open(npz, key, header.len + (uint64_t)array->bytes, crc, e));
    TRY(write_bytes(npz, header.data, header.len, e));
    rc = write_bytes(npz, array->data, array->bytes, e);
out:
    str_release(&header);
    return rc;
}

// Next code point of UTF-8 text, U+FFFD for each byte that is none.
static uint32_t next_rune(const char **text)
{
    const uint8_t *p = (const uint8_t *)*text;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = p[0] < 0x80       ? 1
            : p[0] >> 5 == 6  ? 2
            : p[0] >> 4 == 14 ? 3
            : p[0] >> 3 == 30 ? 4
                              : 0;
    uint32_t rune = n == 1 ? p[0] : n ? p[0] & (0xffU >> (n + 1)) : 0;
    for (int i = 1; i < n; i++) {
        if (p[i] >> 6 != 2)
            n = 0;
        else
            rune = rune << 6 | (p[i] & 63U);
    }
    if (n == 0 || rune < least[n] || rune > 0x10ffff || rune >> 11 == 27) {
        *text += 1;
        return 0xfffd;
    }
    *text += n;
    return rune;
}

static size_t rune_count(const char *text)
{
    size_t n = 0;
    while (*text) {
        (void)next_rune(&text);
        n++;
    }
    return n;
}

enum err_code arc_npz_put_strings(struct npz_writer *npz, const char *key,
                                  const char *const *text, size_t n, struct err *e)
{
    size_t width = 1, bytes;
    for (size_t i = 0; i < n; i++) {
        size_t len = rune_count(text[i]);
        width = len > width ? len : width;
    }
    if (!mem_mul(n, width * 4, &bytes))
        return err_set(e, ERR_LIMIT, "%s: strings of %zu x %zu", npz->path, n, width);
    struct str header = {0}, row = {0};
    char descr[24];
    (void)snprintf(descr, sizeof descr, "<U%zu", width);
    npy_format(&header, descr, 1, &n);
    enum err_code rc;
    TRY(member_open(npz, key, header.len + (uint64_t)bytes, 0, e));
    TRY(member_write(npz, header.data, header.len, e));
    for (size_t i = 0; i < n; i++) {
        str_clear(&row);
        for (const char *p = text[i]; *p;)
            add_u32(&row, next_rune(&p));
        while (row.len < width * 4)
            add_u32(&row, 0);
        TRY(member_write(npz, row.data, row.len, e));
    }
    rc = member_close(npz, e);
out:
    str_release(&header);
    str_release(&row);
    return rc;
}

static void add_central(struct str *s, const struct member *m)
{
    bool big_size = m->size >= LIMIT32, big_offset = m->offset >= LIMIT32;
    unsigned extra = (big_size ? 16 : 0) + (big_offset ? 8 : 0);
    add_u32(s, CENTRAL_MAGIC);
    add_u16(s, 45);
    add_common(s, m, extra > 0);
    add_u16(s, extra ? extra + 4 : 0);
    add_u16(s, 0);
    add_u16(s, 0);
    add_u16(s, 0);
    add_u32(s, 0);
    add_u32(s, clip32(m->offset));
    str_add(s, m->name);
    if (extra) {
        add_u16(s, 1);
        add_u16(s, extra);
    }
    if (big_size) {
        add_u64(s, m->size);
        add_u64(s, m->size);
    }
    if (big_offset)
        add_u64(s, m->offset);
}

static void add_end(struct str *s, uint64_t count, uint64_t start, uint64_t size)
{
    if (count >= 0xffff || start >= LIMIT32) {
        add_u32(s, END64_MAGIC);
        add_u64(s, 44);
        add_u16(s, 45);
        add_u16(s, 45);
        add_u32(s, 0);
        add_u32(s, 0);
        add_u64(s, count);
        add_u64(s, count);
        add_u64(s, size);
        add_u64(s, start);
        add_u32(s, LOCATOR64_MAGIC);
        add_u32(s, 0);
        add_u64(s, start + size);
        add_u32(s, 1);
    }
    unsigned count16 = count >= 0xffff ? 0xffff : (unsigned)count;
    add_u32(s, END_MAGIC);
    add_u16(s, 0);
    add_u16(s, 0);
    add_u16(s, count16);
    add_u16(s, count16);
    add_u32(s, clip32(size));
    add_u32(s, clip32(start));
    add_u16(s, 0);
}

typedef enum err_code commit_fn(struct file_out *out, struct err *e);

static enum err_code finish(struct npz_writer *npz, commit_fn *commit, struct err *e)
{
    struct str s = {0};
    uint64_t start = npz->at;
    enum err_code rc;
    for (size_t i = 0; i < npz->count; i++) {
        add_central(&s, &npz->members[i]);
        TRY(write_str(npz, &s, e));
    }
    add_end(&s, npz->count, start, npz->at - start);
    TRY(write_str(npz, &s, e));
    rc = commit(&npz->out, e);
out:
    str_release(&s);
    arc_npz_discard(npz);
    return rc;
}

enum err_code arc_npz_commit(struct npz_writer *npz, struct err *e)
{
    return finish(npz, file_out_commit, e);
}

enum err_code arc_npz_write(const char *path, const char *key,
                            const struct arc_array *array, struct err *e)
{
    struct npz_writer *npz;
    enum err_code rc = arc_npz_create(path, true, &npz, e);
    if (rc != ERR_OK)
        return rc;
    rc = arc_npz_put(npz, key, array, e);
    if (rc == ERR_OK)
        return finish(npz, file_out_commit_unsynced, e);
    arc_npz_discard(npz);
    return rc;
}

void arc_npz_discard(struct npz_writer *npz)
{
    if (!npz)
        return;
    file_out_discard(&npz->out);
    for (size_t i = 0; i < npz->count; i++)
        free(npz->members[i].name);
    free(npz->members);
    free(npz->path);
    free(npz);
}
