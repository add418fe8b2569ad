#include "report/export/html.h"

#include "report/text.h"

#include <math.h>
#include <string.h>

// The code point at *at, which moves behind it; U+FFFD for a byte that is no UTF-8.
static uint32_t next_char(const unsigned char **at)
{
    const unsigned char *s = *at;
    int len = rep_utf8_len(s);
    *at += len ? len : 1;
    if (len == 0)
        return 0xfffd;
    if (len == 1)
        return s[0];
    uint32_t code = s[0] & (0xffU >> (len + 1));
    for (int i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3f);
    return code;
}

// Left-to-right marks, embeddings, overrides, isolates; line and paragraph separators.
static bool is_unseen(uint32_t code)
{
    return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || (code >= 0x80 && code < 0xa0) ||
           code == 0x61c || code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb);
}

void html_text(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        const unsigned char *from = at;
        uint32_t code = next_char(&at);
        if (code < 0x20 || code == 0x7f)
            (void)fprintf(out, "&#%u;", code == 0x7f ? 0x2421 : 0x2400 + code);
        else if (code == '&' || code == '<' || code == '>' || code == '"' || code == '\'')
            (void)fprintf(out, "&#%u;", code);
        else if (is_unseen(code))
            (void)fprintf(out, "[U+%04X]", code);
        else if (code == 0xfffd)
            (void)fputs("&#65533;", out);
        else
            (void)fwrite(from, 1, (size_t)(at - from), out);
    }
}

void html_number(FILE *out, double value, int decimals)
{
    char buf[REP_NUMBER_MAX];
    (void)fputs(isfinite(value) ? rep_number_text(buf, value, decimals) : "–", out);
}

void html_count(FILE *out, size_t count)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%zu", count);
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            (void)putc(',', out);
        (void)putc(digits[i], out);
    }
}

void html_base64(FILE *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16;
        bits |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
        bits |= i + 2 < len ? bytes[i + 2] : 0;
        (void)putc(digits[bits >> 18], out);
        (void)putc(digits[bits >> 12 & 63], out);
        (void)putc(i + 1 < len ? digits[bits >> 6 & 63] : '=', out);
        (void)putc(i + 2 < len ? digits[bits & 63] : '=', out);
    }
}

void html_class(const struct html *h, int index)
{
    char name[128];
    const struct labels *labels = h->page->table->labels;
    const char *wnid = labels_wnid(labels, index);
    (void)fputs("<bdi title=\"", h->out);
    html_text(h->out, labels_words(labels, index));
    (void)fprintf(h->out, "%s", wnid ? " · " : "");
    html_text(h->out, wnid ? wnid : "");
    (void)fputs("\">", h->out);
    html_text(h->out, labels_short(labels, index, name, sizeof name));
    (void)fputs("</bdi>", h->out);
}
