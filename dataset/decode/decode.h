#ifndef DATASET_DECODE_H
#define DATASET_DECODE_H

// The inside of decoding: one picture on its way from bytes to pixels, and what was seen
// on the way. Only this folder includes the codecs' headers.

#include "dataset/image.h"

enum { PICTURE_MAX_BYTES = 1 << 29 }; // of a file

enum content { CONTENT_JPEG, CONTENT_PNG, CONTENT_OTHER };

struct picture {
    // wanted
    const uint8_t *data;
    size_t len;
    const char *name; // for messages
    enum ds_decoder as;
    bool preview; // scaled, lenient
    int min_width, min_height;

    // got
    struct ds_image image;
    int width, height; // as stored, known even when decoding failed later; else 0
    int orientation;   // EXIF, 1 … 8
    bool cmyk, stored_rgb, arithmetic, alpha, deep, several;
    char warning[200]; // first complaint of the codec about data that it could decode
};

// Told from the first bytes; `kind` names it ("GIF", "text", …).
enum content decode_content(const uint8_t *data, size_t len, const char **kind);

// Decodes as picture->as wants it, orientation not applied.
enum err_code decode_picture(struct picture *picture, struct err *e) MUST_CHECK;
enum err_code decode_jpeg(struct picture *picture, struct err *e) MUST_CHECK;
enum err_code decode_png(struct picture *picture, struct err *e) MUST_CHECK;

// Fills in image.rgb for a picture of stored size width × height, all grey; ERR_IMAGE
// when it has too many pixels.
enum err_code decode_allocate(struct picture *picture, int width, int height,
                              struct err *e) MUST_CHECK;

// Turns the image as its orientation says.
enum err_code decode_orient(struct picture *picture, struct err *e) MUST_CHECK;

// Orientation in a TIFF structure (what follows "Exif\0\0"), 1 when there is none.
int decode_exif_orientation(const uint8_t *tiff, size_t len);

// What the markers of a JPEG say before it is decoded.
struct jpeg_markers {
    int scans; // in the first picture of the file
    int orientation;
    bool short_jfif; // a JFIF segment without its version
    bool several;    // multi-picture file
};
void decode_markers(const uint8_t *data, size_t len, struct jpeg_markers *out);

#endif
