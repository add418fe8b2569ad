#include "dataset/decode/decode.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum {
    MAX_SIDE = 1 << 24,
    MAX_CHUNK_BYTES = 16 << 20,
    MAX_CHUNKS = 1000,
};

struct job {
    png_structp png;
    png_infop info;
    jmp_buf jump;
    struct picture *picture;
    size_t at;       // next byte of the file
    uint8_t **rows;  // of image.rgb, or of `deep`
    uint8_t *deep;   // 16-bit grey, big-endian
    bool any, ended; // rows decoded; the file was shorter than its chunks
    char message[128];
};

NORETURN static void on_error(png_structp png, png_const_charp text)
{
    struct job *job = png_get_error_ptr(png);
    (void)snprintf(job->message, sizeof job->message, "%s", text);
    longjmp(job->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    struct picture *picture = ((struct job *)png_get_error_ptr(png))->picture;
    if (picture->warning[0] == '\0')
        (void)snprintf(picture->warning, sizeof picture->warning, "%s", text);
}

static void read_bytes(png_structp png, png_bytep to, size_t n)
{
    struct job *job = png_get_io_ptr(png);
    size_t left = job->picture->len - job->at;
    job->ended = n > left;
    // libpng reads in large pieces; a preview gets the rows in what there is of the last.
    if (job->ended && (!job->picture->preview || left == 0))
        png_error(png, "unexpected end of file");
    size_t got = job->ended ? left : n;
    memcpy(to, job->picture->data + job->at, got);
    memset(to + got, 0, n - got);
    job->at += got;
}

// The only place that libpng's errors jump to.
static bool guard(struct job *job, void (*step)(struct job *job))
{
    if (setjmp(job->jump))
        return false;
    step(job);
    return true;
}

static void step_header(struct job *job)
{
    // Chunks that would be inflated for nothing.
    static const png_byte unwanted[] = "iCCP\0zTXt\0iTXt\0tEXt\0sPLT";
    png_set_read_fn(job->png, job, read_bytes);
    png_set_user_limits(job->png, MAX_SIDE, MAX_SIDE);
    png_set_chunk_malloc_max(job->png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(job->png, MAX_CHUNKS);
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, unwanted, 5);
    png_read_info(job->png, job->info);
}

// Whatever is stored becomes 8-bit RGB, alpha dropped, as Pillow's convert("RGB") does
// it.
static void step_transform(struct job *job)
{
    png_structp png = job->png;
    if (!job->deep)
        png_set_strip_16(png);
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_palette_to_rgb(png);
    png_set_strip_alpha(png);
    if (!job->deep)
        png_set_gray_to_rgb(png);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
}

static void step_rows(struct job *job)
{
    size_t stride = (size_t)job->picture->width * (job->deep ? 2 : 3);
    if (png_get_rowbytes(job->png, job->info) != stride)
        png_error(job->png, "unexpected row size");
    job->any = true;
    png_read_image(job->png, job->rows);
}

static enum err_code run(struct job *job, void (*step)(struct job *job), struct err *e)
{
    const struct picture *picture = job->picture;
    if (guard(job, step))
        return ERR_OK;
    if (job->ended)
        return err_set(e, ERR_IMAGE,
                       "%s: truncated: the file ends after %zu bytes, before its picture",
                       picture->name, picture->len);
    return err_set(e, ERR_IMAGE, "%s: damaged: %s", picture->name, job->message);
}

static void read_facts(struct job *job)
{
    struct picture *picture = job->picture;
    png_bytep exif = NULL;
    png_uint_32 exif_len = 0;
    picture->width = (int)png_get_image_width(job->png, job->info);
    picture->height = (int)png_get_image_height(job->png, job->info);
    picture->deep = png_get_bit_depth(job->png, job->info) == 16;
    picture->alpha = (png_get_color_type(job->png, job->info) & PNG_COLOR_MASK_ALPHA) ||
                     png_get_valid(job->png, job->info, PNG_INFO_tRNS);
    if (png_get_eXIf_1(job->png, job->info, &exif_len, &exif))
        picture->orientation = decode_exif_orientation(exif, exif_len);
}

static enum err_code allocate(struct job *job, struct err *e)
{
    struct picture *picture = job->picture;
    enum err_code rc = decode_allocate(picture, picture->width, picture->height, e);
    if (rc != ERR_OK)
        return rc;
    size_t width = (size_t)picture->width, height = (size_t)picture->height;
    bool grey = png_get_color_type(job->png, job->info) == PNG_COLOR_TYPE_GRAY;
    bool deep = picture->deep && grey && picture->as == DS_AS_PILLOW;
    if (deep)
        job->deep = mem_array(width * height, 2);
    job->rows = mem_array(height, sizeof *job->rows);
    if (!job->rows || (deep && !job->deep))
        return err_set(e, ERR_NOMEM, "%s: no memory for its rows", picture->name);
    for (size_t y = 0; y < height; y++)
        job->rows[y] =
            deep ? job->deep + y * width * 2 : picture->image.rgb + y * width * 3;
    return ERR_OK;
}

// Pillow clips 16-bit grey at 255 instead of scaling it.
static void clip_deep(const struct job *job)
{
    size_t n = (size_t)job->picture->width * (size_t)job->picture->height;
    for (size_t i = 0; i < n; i++)
        memset(job->picture->image.rgb + 3 * i,
               job->deep[2 * i] ? 255 : job->deep[2 * i + 1], 3);
}

static enum err_code decode(struct job *job, struct err *e)
{
    enum err_code rc = ERR_OK;
    TRY(run(job, step_header, e));
    read_facts(job);
    TRY(allocate(job, e));
    TRY(run(job, step_transform, e));
    TRY(run(job, step_rows, e));
out:
    // A preview shows what there is.
    if (rc == ERR_IMAGE && job->picture->preview && job->any)
        rc = ERR_OK;
    if (rc == ERR_OK && job->deep)
        clip_deep(job);
    return rc;
}

enum err_code decode_png(struct picture *picture, struct err *e)
{
    struct job job = {.picture = picture};
    enum err_code rc;
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (job.info)
        rc = decode(&job, e);
    else
        rc = err_set(e, ERR_NOMEM, "%s: no memory to decode it", picture->name);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.rows);
    free(job.deep);
    return rc;
}
