#include "dataset/decode/decode.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    MAX_MEMORY = 1 << 30, // for the coefficients of a progressive picture
    ROWS_AT_ONCE = 4,     // the most that libjpeg hands out in one call
    CMYK = 4,
};

// Pixels times scans: what a progressive picture may cost.
static const double max_work = 2e9;

struct job {
    struct jpeg_decompress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    jmp_buf jump;
    struct picture *picture;
    uint8_t *cmyk; // rows before conversion
    bool done;     // the step that ran last got all the input that it needed
    bool sound;    // the error that ended it is no damage, only beyond libjpeg
    char message[JMSG_LENGTH_MAX];
};

static struct job *job_of(j_common_ptr cinfo)
{
    return cinfo->client_data;
}

NORETURN static void on_error(j_common_ptr cinfo)
{
    struct job *job = job_of(cinfo);
    int code = cinfo->err->msg_code;
    cinfo->err->format_message(cinfo, job->message);
    job->sound = code == JERR_SOF_UNSUPPORTED || code == JERR_BAD_PRECISION ||
                 code == JERR_IMAGE_TOO_BIG || code == JERR_NO_BACKING_STORE;
    if (code == JERR_NO_BACKING_STORE)
        (void)snprintf(job->message, sizeof job->message,
                       "needs more than %d MiB to decode", MAX_MEMORY >> 20);
    longjmp(job->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    if (level >= 0)
        return;
    struct picture *picture = job_of(cinfo)->picture;
    char text[JMSG_LENGTH_MAX];
    if (cinfo->err->num_warnings++ == 0) {
        cinfo->err->format_message(cinfo, text);
        (void)snprintf(picture->warning, sizeof picture->warning, "%s", text);
    }
}

static void source_nothing(j_decompress_ptr cinfo)
{
    (void)cinfo;
}

// All bytes were there from the start. Asking for more means a truncated file: the exact
// path stops (where libjpeg's own source would make up grey), the preview shows what it
// has.
static boolean source_fill(j_decompress_ptr cinfo)
{
    static const JOCTET end[] = {0xFF, JPEG_EOI};
    if (!job_of((j_common_ptr)cinfo)->picture->preview)
        return FALSE;
    cinfo->src->next_input_byte = end;
    cinfo->src->bytes_in_buffer = sizeof end;
    return TRUE;
}

static void source_skip(j_decompress_ptr cinfo, long count)
{
    struct jpeg_source_mgr *source = cinfo->src;
    size_t n = count > 0 ? (size_t)count : 0;
    if (n > source->bytes_in_buffer)
        n = source->bytes_in_buffer;
    source->next_input_byte += n;
    source->bytes_in_buffer -= n;
}

// The only place that libjpeg's errors jump to; `job` outlives it, so no automatic
// variable is at stake.
static bool guard(struct job *job, void (*step)(struct job *job))
{
    if (setjmp(job->jump))
        return false;
    step(job);
    return true;
}

static void step_header(struct job *job)
{
    jpeg_create_decompress(&job->cinfo);
    job->cinfo.src = &job->source;
    job->cinfo.mem->max_memory_to_use = MAX_MEMORY;
    job->done = jpeg_read_header(&job->cinfo, TRUE) == JPEG_HEADER_OK;
}

static void step_start(struct job *job)
{
    job->done = jpeg_start_decompress(&job->cinfo);
}

// Pillow's CMYK to RGB, of values that Adobe stores inverted.
static void rgb_as_pillow(const uint8_t *cmyk, uint8_t *rgb, int width)
{
    for (int x = 0; x < width; x++, cmyk += CMYK, rgb += 3)
        for (int c = 0; c < 3; c++) {
            int white = cmyk[3], product = (255 - cmyk[c]) * white + 128;
            int value = white - ((product + (product >> 8)) >> 8);
            rgb[c] = (uint8_t)(value < 0 ? 0 : value);
        }
}

static void rgb_as_opencv(const uint8_t *cmyk, uint8_t *rgb, int width)
{
    for (int x = 0; x < width; x++, cmyk += CMYK, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(cmyk[3] - ((255 - cmyk[c]) * cmyk[3] >> 8));
}

static void step_rows(struct job *job)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    const struct picture *picture = job->picture;
    const struct ds_image *image = &picture->image;
    size_t width = (size_t)image->width;
    while (cinfo->output_scanline < cinfo->output_height) {
        JSAMPROW rows[ROWS_AT_ONCE];
        uint8_t *to = image->rgb + cinfo->output_scanline * width * 3;
        unsigned left = cinfo->output_height - cinfo->output_scanline;
        unsigned n = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
        for (unsigned i = 0; i < n; i++)
            rows[i] = job->cmyk ? job->cmyk + i * width * CMYK : to + i * width * 3;
        n = jpeg_read_scanlines(cinfo, rows, n);
        if (n == 0)
            return;
        for (unsigned i = 0; i < n && job->cmyk; i++)
            (picture->as == DS_AS_OPENCV ? rgb_as_opencv : rgb_as_pillow)(
                rows[i], to + i * width * 3, image->width);
    }
    job->done = true;
}

// Reads on to the end of the picture, where a broken marker may still show.
static void step_finish(struct job *job)
{
    job->done = jpeg_finish_decompress(&job->cinfo);
}

static enum err_code run(struct job *job, void (*step)(struct job *job), struct err *e)
{
    const struct picture *picture = job->picture;
    job->done = false;
    if (!guard(job, step))
        return err_set(e, ERR_IMAGE, "%s: %s: %s", picture->name,
                       job->sound ? "not supported" : "damaged", job->message);
    if (!job->done)
        return err_set(e, ERR_IMAGE,
                       "%s: truncated: the file ends after %zu bytes, before its picture",
                       picture->name, picture->len);
    return ERR_OK;
}

static enum err_code check_header(struct job *job, const struct jpeg_markers *markers,
                                  struct err *e)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    struct picture *picture = job->picture;
    picture->width = (int)cinfo->image_width;
    picture->height = (int)cinfo->image_height;
    picture->cmyk = cinfo->num_components == CMYK;
    picture->stored_rgb = cinfo->jpeg_color_space == JCS_RGB;
    picture->arithmetic = cinfo->arith_code;
    if (markers->short_jfif)
        return err_set(e, ERR_IMAGE, "%s: damaged: JFIF segment too short",
                       picture->name);
    if (cinfo->num_components != 1 && cinfo->num_components != 3 && !picture->cmyk)
        return err_set(e, ERR_IMAGE, "%s: %d colour components, expected 1, 3 or 4",
                       picture->name, cinfo->num_components);
    if (markers->scans > DS_MAX_SCANS ||
        (double)picture->width * picture->height * markers->scans > max_work)
        return err_set(e, ERR_IMAGE, "%s: %d scans of %d×%d pixels, expected at most %d",
                       picture->name, markers->scans, picture->width, picture->height,
                       DS_MAX_SCANS);
    return ERR_OK;
}

// The largest reduction that still covers what the preview needs.
static unsigned reduction(const struct picture *picture)
{
    bool turned = picture->orientation >= 5;
    int need_width = turned ? picture->min_height : picture->min_width;
    int need_height = turned ? picture->min_width : picture->min_height;
    unsigned by = 8;
    while (by > 1 && (picture->width / (int)by < need_width ||
                      picture->height / (int)by < need_height))
        by /= 2;
    return by;
}

static enum err_code prepare_output(struct job *job, struct err *e)
{
    struct jpeg_decompress_struct *cinfo = &job->cinfo;
    struct picture *picture = job->picture;
    cinfo->out_color_space = picture->cmyk ? JCS_CMYK : JCS_RGB;
    cinfo->dct_method = JDCT_ISLOW;
    cinfo->do_fancy_upsampling = TRUE;
    cinfo->scale_num = 1;
    cinfo->scale_denom = picture->preview ? reduction(picture) : 1;
    jpeg_calc_output_dimensions(cinfo);
    enum err_code rc =
        decode_allocate(picture, (int)cinfo->output_width, (int)cinfo->output_height, e);
    if (rc == ERR_OK && picture->cmyk &&
        !(job->cmyk = malloc((size_t)cinfo->output_width * CMYK * ROWS_AT_ONCE)))
        rc = err_set(e, ERR_NOMEM, "%s: no memory for its rows", picture->name);
    return rc;
}

static enum err_code decode(struct job *job, struct err *e)
{
    struct picture *picture = job->picture;
    struct jpeg_markers markers;
    enum err_code rc = ERR_OK;
    decode_markers(picture->data, picture->len, &markers);
    picture->orientation = markers.orientation;
    picture->several = markers.several;
    TRY(run(job, step_header, e));
    TRY(check_header(job, &markers, e));
    TRY(prepare_output(job, e));
    TRY(run(job, step_start, e));
    TRY(run(job, step_rows, e));
    TRY(run(job, step_finish, e));
out:
    return rc;
}

enum err_code decode_jpeg(struct picture *picture, struct err *e)
{
    struct job job = {.picture = picture};
    job.source = (struct jpeg_source_mgr){
        .next_input_byte = picture->data,
        .bytes_in_buffer = picture->len,
        .init_source = source_nothing,
        .fill_input_buffer = source_fill,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    job.cinfo.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.cinfo.client_data = &job;
    enum err_code rc = decode(&job, e);
    // A preview shows the rows that there are; libjpeg moved output_scanline past them.
    if (rc == ERR_IMAGE && picture->preview && picture->image.rgb &&
        job.cinfo.output_scanline > 0)
        rc = ERR_OK;
    jpeg_destroy_decompress(&job.cinfo);
    free(job.cmyk);
    return rc;
}
