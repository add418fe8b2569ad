#include "dataset/decode/decode.h"

#include <string.h>

enum {
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    APP0 = 0xE0,
    APP1 = 0xE1,
    APP2 = 0xE2,
    TEM = 0x01,
    RST0 = 0xD0,
    JFIF_MIN = 7, // "JFIF", 0 and two bytes of version
};

// Offset of the next marker's code at or behind `at`, len when there is none. Stuffed
// zeroes, fill bytes and, inside a scan, restart markers are passed over.
static size_t next_marker(const uint8_t *data, size_t len, size_t at)
{
    while (at < len) {
        const uint8_t *ff = memchr(data + at, 0xFF, len - at);
        if (!ff)
            break;
        at = (size_t)(ff - data) + 1;
        while (at < len && data[at] == 0xFF)
            at++;
        if (at < len && data[at] != 0 && (data[at] & ~7) != RST0)
            return at;
    }
    return len;
}

static void read_segment(int marker, const uint8_t *body, size_t len,
                         struct jpeg_markers *out)
{
    if (marker == APP0 && len >= 4 && memcmp(body, "JFIF", 4) == 0)
        out->short_jfif |= len < JFIF_MIN;
    else if (marker == APP1 && len >= 6 && memcmp(body, "Exif\0", 6) == 0 &&
             out->orientation == 0)
        out->orientation = decode_exif_orientation(body + 6, len - 6);
    else if (marker == APP2 && len >= 4 && memcmp(body, "MPF", 4) == 0)
        out->several = true;
}

void decode_markers(const uint8_t *data, size_t len, struct jpeg_markers *out)
{
    *out = (struct jpeg_markers){0};
    for (size_t at = 0; (at = next_marker(data, len, at)) < len;) {
        int marker = data[at++];
        if (marker == EOI)
            break;
        if (marker == SOI || marker == TEM)
            continue;
        if (len - at < 2)
            break;
        size_t size = (size_t)data[at] << 8 | data[at + 1];
        if (size < 2 || size > len - at)
            break;
        out->scans += marker == SOS;
        read_segment(marker, data + at + 2, size - 2, out);
        at += size;
    }
    if (out->orientation == 0)
        out->orientation = 1;
}
