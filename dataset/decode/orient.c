#include "dataset/decode/decode.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_ORIENTATION = 0x0112, ENTRY_BYTES = 12 };

static unsigned read16(const uint8_t *p, bool big)
{
    return big ? (unsigned)p[0] << 8 | p[1] : (unsigned)p[1] << 8 | p[0];
}

static size_t read32(const uint8_t *p, bool big)
{
    size_t low = read16(p + (big ? 2 : 0), big), high = read16(p + (big ? 0 : 2), big);
    return high << 16 | low;
}

int decode_exif_orientation(const uint8_t *tiff, size_t len)
{
    if (len < 8 || (memcmp(tiff, "II*", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    bool big = tiff[0] == 'M';
    size_t at = read32(tiff + 4, big);
    if (at > len || len - at < 2)
        return 1;
    size_t entries = read16(tiff + at, big);
    for (at += 2; entries-- && len - at >= ENTRY_BYTES; at += ENTRY_BYTES) {
        if (read16(tiff + at, big) != TAG_ORIENTATION)
            continue;
        unsigned value = read16(tiff + at + 8, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

// Where the pixel at row y, column x of the upright picture lies in the stored one: start
// and two steps, in pixels.
struct turn {
    ptrdiff_t start, step_x, step_y;
};

static struct turn turn_of(int orientation, ptrdiff_t width, ptrdiff_t height)
{
    ptrdiff_t last_x = width - 1, last_y = (height - 1) * width;
    switch (orientation) {
    case 2:
        return (struct turn){last_x, -1, width};
    case 3:
        return (struct turn){last_y + last_x, -1, -width};
    case 4:
        return (struct turn){last_y, 1, -width};
    case 5:
        return (struct turn){0, width, 1};
    case 6:
        return (struct turn){last_y, -width, 1};
    case 7:
        return (struct turn){last_y + last_x, -width, -1};
    case 8:
        return (struct turn){last_x, width, -1};
    default:
        return (struct turn){0, 1, width};
    }
}

enum err_code decode_orient(struct picture *picture, struct err *e)
{
    struct ds_image *image = &picture->image;
    if (picture->orientation <= 1)
        return ERR_OK;
    struct turn turn = turn_of(picture->orientation, image->width, image->height);
    bool swapped = picture->orientation >= 5;
    int width = swapped ? image->height : image->width;
    int height = swapped ? image->width : image->height;
    uint8_t *turned = malloc((size_t)width * (size_t)height * 3), *to = turned;
    if (!turned)
        return err_set(e, ERR_NOMEM, "%s: no memory to turn it", picture->name);
    for (ptrdiff_t y = 0; y < height; y++)
        for (ptrdiff_t x = 0; x < width; x++, to += 3)
            memcpy(to, image->rgb + 3 * (turn.start + y * turn.step_y + x * turn.step_x),
                   3);
    free(image->rgb);
    *image = (struct ds_image){turned, width, height};
    return ERR_OK;
}
