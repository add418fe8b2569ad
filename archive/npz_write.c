#include "archive/npy.h"

#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

// A zip writer of its own, because libzip keeps every member in memory until it closes.
// Members are stored; sizes are known in front, so several may be written at a time, each
// in its place; checksums are patched in behind. Zip64 fields appear only where a number
// needs them. All times are zero: equal arrays give equal files.

enum {
    LOCAL_MAGIC = 0x04034b50,
    CENTRAL_MAGIC = 0x02014b50,
    END_MAGIC = 0x06054b50,
    END64_MAGIC = 0x06064b50,
    LOCATOR64_MAGIC = 0x07064b50,
    CRC_AT = 14, // in a local header
    DATE_1980 = 0x21,
    UTF8_FLAG = 1 << 11,
    WAITING_MAX = 1 << 16, // bytes of a member gathered before they are written
};
#define LIMIT32 0xffffffffU

struct member {
    char *name;
    uint64_t size, offset; // of the data; of the local header
    uint64_t next, end;    // where in the file its data goes on, and ends
    struct str waiting;    // what goes there and is not written yet
    size_t width;          // characters of a string
    uint32_t crc;
    bool closed;
};

struct npz_writer {
    struct file_out out;
    char *path;
    struct member *members;
    size_t count, cap;
    uint64_t at;  // where what comes next begins
    uint64_t pos; // of the stream
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

static enum err_code write_bytes(struct npz_writer *npz, uint64_t where,
                                 const void *bytes, size_t n, struct err *e)
{
    FILE *f = npz->out.stream;
    if ((npz->pos != where && fseeko(f, (off_t)where, SEEK_SET) != 0) ||
        (n && fwrite(bytes, 1, n, f) != n))
        return err_set_errno(e, errno, npz->path, "cannot write");
    npz->pos = where + n;
    return ERR_OK;
}

static enum err_code write_str(struct npz_writer *npz, struct str *s, struct err *e)
{
    enum err_code rc = write_bytes(npz, npz->at, str_get(s), s->len, e);
    npz->at += s->len;
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
    *m = (struct member){
        .name = mem_printf("%s.npy", key), .size = size, .offset = npz->at, .crc = crc};
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
    m->next = npz->at;
    m->end = npz->at += size;
    return rc;
}

static uint32_t crc_on(uint32_t crc, const void *bytes, size_t n)
{
    // libdeflate takes a NULL buffer for a request to start anew.
    return n ? libdeflate_crc32(crc, bytes, n) : crc;
}

static enum err_code member_put(struct npz_writer *npz, struct member *m,
                                const void *bytes, size_t n, struct err *e)
{
    m->crc = crc_on(m->crc, bytes, n);
    enum err_code rc = write_bytes(npz, m->next, bytes, n, e);
    m->next += n;
    return rc;
}

static enum err_code member_flush(struct npz_writer *npz, struct member *m, struct err *e)
{
    if (m->waiting.len == 0)
        return ERR_OK;
    enum err_code rc = member_put(npz, m, m->waiting.data, m->waiting.len, e);
    str_clear(&m->waiting);
    return rc;
}

static enum err_code member_close(struct npz_writer *npz, struct member *m, struct err *e)
{
    enum err_code rc;
    if (m->closed)
        return ERR_OK;
    TRY(member_flush(npz, m, e));
    str_release(&m->waiting);
    if (m->next != m->end)
        return err_set(e, ERR_FORMAT, "%s: %s: %" PRIu64 " bytes are missing", npz->path,
                       m->name, m->end - m->next);
    uint8_t crc[4] = {(uint8_t)m->crc, (uint8_t)(m->crc >> 8), (uint8_t)(m->crc >> 16),
                      (uint8_t)(m->crc >> 24)};
    m->closed = true;
    rc = write_bytes(npz, m->offset + CRC_AT, crc, 4, e);
out:
    return rc;
}

// ---- arrays ----

// Makes sure that so many bytes more fit, and that those waiting with them are not many.
static enum err_code make_room(struct npz_writer *npz, struct member *m, size_t bytes,
                               struct err *e)
{
    if (bytes > m->end - m->next - m->waiting.len)
        return err_set(e, ERR_FORMAT, "%s: %s: more than the %" PRIu64 " bytes expected",
                       npz->path, m->name, m->size);
    return m->waiting.len + bytes > WAITING_MAX ? member_flush(npz, m, e) : ERR_OK;
}

enum err_code arc_npz_add(struct npz_writer *npz, struct npz_member member,
                          const void *data, size_t bytes, struct err *e)
{
    struct member *m = &npz->members[member.index];
    enum err_code rc = make_room(npz, m, bytes, e);
    if (rc == ERR_OK && bytes > WAITING_MAX)
        return member_put(npz, m, data, bytes, e);
    if (rc == ERR_OK && bytes)
        str_add_n(&m->waiting, data, bytes);
    return rc;
}

struct element {
    const char *descr; // as npy has it
    size_t bytes;
};

static enum err_code begin(struct npz_writer *npz, const char *key,
                           struct element element, int ndim, const size_t *shape,
                           struct npz_member *out, struct err *e)
{
    struct str header = {0};
    size_t bytes = element.bytes;
    enum err_code rc;
    out->index = npz->count;
    for (int i = 0; i < ndim; i++)
        if (!mem_mul(bytes, shape[i], &bytes))
            return err_set(e, ERR_LIMIT, "%s: %s: %s of too many elements", npz->path,
                           key, element.descr);
    npy_format(&header, element.descr, ndim, shape);
    TRY(member_open(npz, key, header.len + (uint64_t)bytes, 0, e));
    rc = arc_npz_add(npz, *out, header.data, header.len, e);
out:
    str_release(&header);
    return rc;
}

enum err_code arc_npz_begin(struct npz_writer *npz, const char *key, enum arc_dtype dtype,
                            int ndim, const size_t *shape, struct npz_member *out,
                            struct err *e)
{
    const struct element element = {npy_descr(dtype), arc_dtype_size(dtype)};
    return begin(npz, key, element, ndim, shape, out, e);
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
    struct member *m = &npz->members[npz->count - 1];
    m->closed = true;
    TRY(write_bytes(npz, m->next, header.data, header.len, e));
    rc = write_bytes(npz, m->next + header.len, array->data, array->bytes, e);
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

size_t arc_npz_width(const char *text)
{
    size_t n = 0;
    while (*text) {
        (void)next_rune(&text);
        n++;
    }
    return n;
}

enum err_code arc_npz_begin_strings(struct npz_writer *npz, const char *key, size_t n,
                                    size_t width, struct npz_member *out, struct err *e)
{
    char descr[24];
    size_t bytes;
    width = width > 0 ? width : 1;
    (void)snprintf(descr, sizeof descr, "<U%zu", width);
    if (!mem_mul(width, 4, &bytes))
        return err_set(e, ERR_LIMIT, "%s: strings of %zu x %zu", npz->path, n, width);
    enum err_code rc = begin(npz, key, (struct element){descr, bytes}, 1, &n, out, e);
    if (rc == ERR_OK)
        npz->members[out->index].width = width;
    return rc;
}

enum err_code arc_npz_add_string(struct npz_writer *npz, struct npz_member member,
                                 const char *text, struct err *e)
{
    struct member *m = &npz->members[member.index];
    size_t width = arc_npz_width(text);
    if (width > m->width)
        return err_set(e, ERR_LIMIT,
                       "%s: a string of %zu characters, expected at most %zu", npz->path,
                       width, m->width);
    enum err_code rc = make_room(npz, m, 4 * m->width, e);
    if (rc != ERR_OK)
        return rc;
    for (const char *p = text; *p;)
        add_u32(&m->waiting, next_rune(&p));
    for (; width < m->width; width++)
        add_u32(&m->waiting, 0);
    return ERR_OK;
}

enum err_code arc_npz_put_strings(struct npz_writer *npz, const char *key,
                                  const char *const *text, size_t n, struct err *e)
{
    struct npz_member member = {0};
    size_t width = 0;
    enum err_code rc;
    for (size_t i = 0; i < n; i++) {
        size_t len = arc_npz_width(text[i]);
        width = len > width ? len : width;
    }
    TRY(arc_npz_begin_strings(npz, key, n, width, &member, e));
    for (size_t i = 0; i < n; i++)
        TRY(arc_npz_add_string(npz, member, text[i], e));
out:
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
    for (size_t i = 0; i < npz->count; i++)
        TRY(member_close(npz, &npz->members[i], e));
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
    for (size_t i = 0; i < npz->count; i++) {
        free(npz->members[i].name);
        str_release(&npz->members[i].waiting);
    }
    free(npz->members);
    free(npz->path);
    free(npz);
}
