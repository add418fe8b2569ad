#include "engine/weights/keras/hdf5_read.h"

#include "base/mem.h"
#include "base/str.h"

#include <hdf5.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_TEXTS = 1 << 16, MAX_TEXT_BYTES = 1 << 26, MAX_ITEMS = 1 << 16 };

// Deflate's limit, and far more numbers than any layer has.
enum { MAX_EXPANSION = 1032, MAX_NUMBERS = 1 << 26 };

enum { ALIGN = 8, HEADER_AT = 8 };

enum kind { GROUP, TEXTS, PLACE, FLOATS, FAULT };

struct item {
    char *name;
    enum kind kind;
    int ndim;
    size_t shape[H5_MAX_DIMS];
    struct str text;
    enum h5_fault fault;
    int64_t place[1 + H5_MAX_DIMS]; // PLACE: what the block says of it
    size_t at, bytes;               // in the block's data
};

struct reader {
    const struct file_bytes *image;
    hid_t file;
    struct item *items;
    size_t count, cap;
    size_t group; // the item whose members are being listed
    size_t size, max;
};

// ---- the image as a file of libhdf5's ----

// The library's "core" driver keeps a file in memory and would copy the image on every
// step of opening. These callbacks hand it our bytes each time instead; opened read-only,
// it writes nothing there.
static void *image_alloc(size_t size, H5FD_file_image_op_t op, void *image)
{
    const struct file_bytes *bytes = image;
    (void)op;
    return size == bytes->len ? (void *)(uintptr_t)bytes->data : NULL;
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t op,
                        void *image)
{
    (void)size, (void)op, (void)image;
    return to == from ? to : NULL;
}

static void *image_resize(void *from, size_t size, H5FD_file_image_op_t op, void *image)
{
    (void)from, (void)size, (void)op, (void)image;
    return NULL;
}

static herr_t image_free(void *from, H5FD_file_image_op_t op, void *image)
{
    (void)from, (void)op, (void)image;
    return 0;
}

static void *same_image(void *image)
{
    return image;
}

static herr_t keep_image(void *image)
{
    (void)image;
    return 0;
}

static hid_t open_image(const struct file_bytes *image)
{
    // The driver insists on a name that no file has.
    static const char name[] = "/dev/null/image";
    H5FD_file_image_callbacks_t calls = {image_alloc,
                                         image_copy,
                                         image_resize,
                                         image_free,
                                         same_image,
                                         keep_image,
                                         (void *)(uintptr_t)image};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), id = -1;
    if (access < 0)
        return -1;
    if (H5Pset_fapl_core(access, 1 << 16, 0) >= 0 &&
        H5Pset_file_image_callbacks(access, &calls) >= 0 &&
        H5Pset_file_image(access, (void *)(uintptr_t)image->data, image->len) >= 0)
        id = H5Fopen(name, H5F_ACC_RDONLY, access);
    (void)H5Pclose(access);
    return id;
}

// ---- what there is ----

// NULL when there are too many. Takes the name.
static struct item *add_item(struct reader *r, char *name, enum kind kind)
{
    if (r->count == MAX_ITEMS ||
        !mem_grow(&r->items, &r->cap, r->count + 1, sizeof *r->items)) {
        free(name);
        return NULL;
    }
    r->items[r->count] = (struct item){.name = name, .kind = kind};
    return &r->items[r->count++];
}

static bool read_variable(hid_t attr, hid_t type, hid_t space, size_t n, struct str *out)
{
    char **texts = mem_array(n, sizeof *texts);
    bool good = texts && H5Aread(attr, type, texts) >= 0;
    for (size_t i = 0; good && i < n; i++) {
        const char *text = texts[i] ? texts[i] : "";
        str_add_n(out, text, strlen(text) + 1);
    }
    if (good)
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    free(texts);
    return good;
}

static bool read_fixed(hid_t attr, hid_t type, size_t n, struct str *out)
{
    size_t size = H5Tget_size(type), bytes;
    if (!mem_mul(n, size, &bytes) || bytes > MAX_TEXT_BYTES)
        return false;
    char *texts = mem_array(bytes, 1);
    bool good = texts && H5Aread(attr, type, texts) >= 0;
    for (size_t i = 0; good && i < n; i++) {
        str_add_n(out, texts + i * size, strnlen(texts + i * size, size));
        str_add_char(out, '\0');
    }
    free(texts);
    return good;
}

// Keras' empty lists are of numbers, for NumPy knows no better.
static bool read_texts(hid_t attr, struct str *out)
{
    hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool good = type >= 0 && n >= 0 && n <= MAX_TEXTS;
    if (good && n > 0)
        good = H5Tget_class(type) != H5T_STRING ? false
               : H5Tis_variable_str(type) > 0
                   ? read_variable(attr, type, space, (size_t)n, out)
                   : read_fixed(attr, type, (size_t)n, out);
    if (space >= 0)
        (void)H5Sclose(space);
    if (type >= 0)
        (void)H5Tclose(type);
    return good;
}

// Only the attributes that Keras' readers know: other ones may be anything.
static bool is_known(const char *attr)
{
    static const char *const known[] = {"model_config", "layer_names", "weight_names"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_starts_with(attr, known[i]))
            return true;
    return false;
}

static herr_t see_attr(hid_t object, const char *name, const H5A_info_t *info, void *data)
{
    struct reader *r = data;
    (void)info;
    if (!is_known(name))
        return 0;
    struct item *item =
        add_item(r, mem_printf("%s/%s", r->items[r->group].name, name), TEXTS);
    if (!item)
        return -1;
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    if (attr < 0 || !read_texts(attr, &item->text)) {
        str_clear(&item->text);
        str_add(&item->text, "?");
    }
    if (attr >= 0)
        (void)H5Aclose(attr);
    return 0;
}

// How an array is stored in this file, so that its size is bounded by the file's.
// H5D_LAYOUT_ERROR when it is elsewhere.
static H5D_layout_t layout_here(hid_t set)
{
    hid_t plist = H5Dget_create_plist(set);
    if (plist < 0)
        return H5D_LAYOUT_ERROR;
    H5D_layout_t layout = H5Pget_layout(plist);
    if ((layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) ||
        H5Pget_external_count(plist) != 0)
        layout = H5D_LAYOUT_ERROR;
    (void)H5Pclose(plist);
    return layout;
}

// Whether it is of floats, how large they are and whether they are those of a net.
static bool is_float(hid_t set, size_t *size, bool *plain)
{
    hid_t type = H5Dget_type(set);
    *size = type < 0 ? 0 : H5Tget_size(type);
    *plain = type >= 0 && H5Tequal(type, H5T_IEEE_F32LE) > 0;
    bool is = type >= 0 && H5Tget_class(type) == H5T_FLOAT && *size >= 2 && *size <= 8;
    if (type >= 0)
        (void)H5Tclose(type);
    return is;
}

static int get_shape(hid_t set, size_t shape[H5_MAX_DIMS])
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t space = H5Dget_space(set);
    int ndim = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    for (int i = 0; i < ndim && i < H5_MAX_DIMS; i++)
        shape[i] = (size_t)dims[i];
    if (space >= 0)
        (void)H5Sclose(space);
    return ndim;
}

// Turns an array that need not be copied into its place; a file without one for it, as
// one that was never written to, has it copied.
static void take_place(hid_t set, struct item *item)
{
    haddr_t at = H5Dget_offset(set);
    if (at == HADDR_UNDEF || at > INT64_MAX)
        return;
    item->kind = PLACE;
    item->place[0] = (int64_t)at;
    for (int i = 0; i < item->ndim; i++)
        item->place[1 + i] = (int64_t)item->shape[i];
    item->shape[0] = 1 + (size_t)item->ndim;
    item->ndim = 1;
    item->bytes = item->shape[0] * sizeof item->place[0];
}

static void see_array(const struct reader *r, hid_t set, struct item *item)
{
    size_t size, count = 1;
    bool plain;
    item->kind = FAULT;
    item->fault = H5_NOT_FLOATS;
    if (!is_float(set, &size, &plain))
        return;
    item->fault = H5_NOT_PLAIN;
    item->ndim = get_shape(set, item->shape);
    H5D_layout_t layout = layout_here(set);
    if (item->ndim < 0 || item->ndim > H5_MAX_DIMS || layout == H5D_LAYOUT_ERROR)
        return;
    item->fault = H5_TOO_MANY_NUMBERS;
    for (int i = 0; i < item->ndim; i++)
        if (!mem_mul(count, item->shape[i], &count) || count > MAX_NUMBERS)
            return;
    hsize_t stored = H5Dget_storage_size(set);
    item->fault = H5_CLAIMS_TOO_MUCH;
    if (stored > r->image->len || count / MAX_EXPANSION > stored / size)
        return;
    item->kind = FLOATS;
    item->bytes = count * sizeof(float);
    if (plain && layout == H5D_CONTIGUOUS && stored == item->bytes)
        take_place(set, item);
}

// State of optimizers is as large as the model twice over, and nobody asks for it.
static bool is_wanted(const char *name)
{
    return strcmp(name, "optimizer_weights") != 0 && strcmp(name, "optimizer") != 0;
}

static herr_t see_link(hid_t group, const char *name, const H5L_info_t *link, void *data)
{
    struct reader *r = data;
    if (link->type != H5L_TYPE_HARD || (r->group == 0 && !is_wanted(name)))
        return 0;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    H5I_type_t type = object < 0 ? H5I_BADID : H5Iget_type(object);
    bool is_group = type == H5I_GROUP;
    const char *above = r->group == 0 ? "" : r->items[r->group].name;
    const struct item *item = NULL;
    if (is_group) {
        item = add_item(r, mem_printf("%s%s/", above, name), GROUP);
    } else if (type == H5I_DATASET) {
        struct item *array = add_item(r, mem_printf("%s%s", above, name), FLOATS);
        if (array)
            see_array(r, object, array);
        item = array;
    }
    if (object >= 0)
        (void)H5Oclose(object);
    return item || (!is_group && type != H5I_DATASET) ? 0 : -1;
}

// Lists group after group, nearest to the root first. A group that links to one above it
// goes on until there are too many.
static enum h5_exit list_all(struct reader *r)
{
    if (!add_item(r, mem_dup("/"), GROUP))
        return H5_NO_MEMORY;
    for (r->group = 0; r->group < r->count; r->group++) {
        if (r->items[r->group].kind != GROUP)
            continue;
        hid_t id = H5Gopen2(r->file, r->items[r->group].name, H5P_DEFAULT);
        if (id < 0)
            continue;
        (void)H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, NULL, see_attr, r);
        (void)H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, NULL, see_link, r);
        (void)H5Gclose(id);
        if (r->count == MAX_ITEMS)
            return H5_TOO_LARGE;
    }
    return H5_READ;
}

// ---- the block ----

static bool place_all(struct reader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct item *item = &r->items[i];
        if (item->kind == TEXTS)
            item->bytes = item->text.len;
        else if (item->kind == FAULT)
            item->bytes = 1;
        item->at = r->size;
        r->size += (item->bytes + ALIGN - 1) / ALIGN * ALIGN;
        if (r->size > r->max)
            return false;
    }
    return true;
}

static void add_quoted(struct str *s, const char *name)
{
    str_add_char(s, '"');
    for (; *name; name++) {
        if ((unsigned char)*name < ' ' || *name == '"' || *name == '\\')
            str_addf(s, "\\u%04x", (unsigned)*name);
        else
            str_add_char(s, *name);
    }
    str_add_char(s, '"');
}

// With blanks behind it, as the format has it.
static void make_header(const struct reader *r, struct str *s, size_t len)
{
    str_clear(s);
    for (size_t i = 0; i < r->count; i++) {
        const struct item *item = &r->items[i];
        str_add_char(s, i ? ',' : '{');
        add_quoted(s, item->name);
        bool array = item->kind == FLOATS || item->kind == PLACE;
        str_addf(s, ":{\"dtype\":\"%s\",\"shape\":[",
                 item->kind == FLOATS  ? "F32"
                 : item->kind == PLACE ? "I64"
                                       : "U8");
        for (int k = 0; array && k < item->ndim; k++)
            str_addf(s, k ? ",%zu" : "%zu", item->shape[k]);
        str_addf(s, "],\"data_offsets\":[%zu,%zu]}", item->at, item->at + item->bytes);
    }
    str_add_char(s, '}');
    while (s->len % ALIGN || s->len < len)
        str_add_char(s, ' ');
}

static bool read_array(const struct reader *r, const struct item *item, void *out)
{
    hid_t set = H5Dopen2(r->file, item->name, H5P_DEFAULT);
    bool good = set >= 0 && (item->bytes == 0 || H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL,
                                                         H5S_ALL, H5P_DEFAULT, out) >= 0);
    if (set >= 0)
        (void)H5Dclose(set);
    return good;
}

static void fill(const struct reader *r, uint8_t *data)
{
    for (size_t i = 0; i < r->count; i++) {
        struct item *item = &r->items[i];
        if (item->kind == FLOATS && !read_array(r, item, data + item->at)) {
            item->kind = FAULT;
            item->fault = H5_UNREADABLE;
            item->bytes = item->bytes ? 1 : 0;
        }
        if (item->kind == FAULT && item->bytes)
            data[item->at] = (uint8_t)item->fault;
        else if (item->kind == TEXTS && item->bytes)
            memcpy(data + item->at, item->text.data, item->bytes);
        else if (item->kind == PLACE)
            memcpy(data + item->at, item->place, item->bytes);
    }
}

static enum h5_exit write_block(const struct reader *r, int fd)
{
    struct str header = {0};
    make_header(r, &header, 0);
    size_t len = header.len, total = HEADER_AT + len + r->size;
    if (ftruncate(fd, (off_t)total) != 0)
        return H5_NO_MEMORY;
    uint8_t *block =
        mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (block == MAP_FAILED)
        return H5_NO_MEMORY;
    fill(r, block + HEADER_AT + len);
    // Arrays that could not be read after all make it no longer.
    make_header(r, &header, len);
    memcpy(block + HEADER_AT, header.data, len);
    for (int i = 0; i < HEADER_AT; i++)
        block[i] = (uint8_t)((uint64_t)len >> (8 * i));
    return H5_READ;
}

enum h5_exit h5_read_all(const struct file_bytes *image, int fd, size_t max)
{
    struct reader r = {.image = image, .max = max};
    (void)H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    (void)H5PLset_loading_state(0); // filters of files are not code to be loaded
    r.file = open_image(image);
    if (r.file < 0)
        return H5_NOT_OPENED;
    enum h5_exit status = list_all(&r);
    if (status == H5_READ)
        status = place_all(&r) ? write_block(&r, fd) : H5_TOO_LARGE;
    return status;
}
