#include "dataset/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct encoder {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    jmp_buf jump;
    const struct ds_image *image;
    int quality;
    unsigned char *data;
    unsigned long len;
};

NORETURN static void on_error(j_common_ptr cinfo)
{
    struct encoder *encoder = cinfo->client_data;
    longjmp(encoder->jump, 1);
}

static void on_message(j_common_ptr cinfo, int level)
{
    (void)cinfo;
    (void)level;
}

static void encode(struct encoder *encoder)
{
    struct jpeg_compress_struct *cinfo = &encoder->cinfo;
    const struct ds_image *image = encoder->image;
    jpeg_create_compress(cinfo);
    jpeg_mem_dest(cinfo, &encoder->data, &encoder->len);
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = 3;
    cinfo->in_color_space = JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, encoder->quality, TRUE);
    cinfo->optimize_coding = TRUE;
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row =
            image->rgb + (size_t)cinfo->next_scanline * (size_t)image->width * 3;
        (void)jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

// Nothing but memory can be missing here.
enum err_code ds_image_encode(const struct ds_image *image, int quality, uint8_t **jpeg,
                              size_t *len, struct err *e)
{
    struct encoder encoder = {.image = image, .quality = quality};
    encoder.cinfo.err = jpeg_std_error(&encoder.errors);
    encoder.errors.error_exit = on_error;
    encoder.errors.emit_message = on_message;
    encoder.cinfo.client_data = &encoder;
    bool failed = setjmp(encoder.jump) != 0;
    if (!failed)
        encode(&encoder);
    jpeg_destroy_compress(&encoder.cinfo);
    if (failed) {
        free(encoder.data);
        return err_set(e, ERR_NOMEM, "no memory to encode %dx%d pixels", image->width,
                       image->height);
    }
    *jpeg = encoder.data;
    *len = encoder.len;
    return ERR_OK;
}
