#include "report/text.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

const char *rep_number_text(char buf[REP_NUMBER_MAX], double value, int decimals)
{
    char local[REP_NUMBER_MAX];
    int n = snprintf(local, sizeof local, "%.*f", decimals, value);
    size_t at = 0;
    // The locale's decimal point, of one byte or several, is all that is not a digit.
    for (int i = 0; i < n && i < REP_NUMBER_MAX - 1; i++) {
        char c = local[i];
        if ((c >= '0' && c <= '9') || c == '-')
            buf[at++] = c;
        else if (at == 0 || buf[at - 1] != '.')
            buf[at++] = '.';
    }
    buf[at] = '\0';
    return buf;
}

double rep_number_parse(const char **at)
{
    const char *p = *at;
    double mantissa = 0.0, scale = 1.0;
    int digits = 0;
    for (int dots = 0; (*p >= '0' && *p <= '9') || (*p == '.' && dots == 0); p++) {
        if (*p == '.') {
            dots = 1;
            continue;
        }
        digits++;
        mantissa = mantissa * 10.0 + (*p - '0');
        if (dots)
            scale *= 10.0;
    }
    if (digits == 0 || digits > 15)
        return (double)NAN;
    *at = p;
    return mantissa / scale;
}

void rep_csv_write(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        (void)fputs(text, out);
        return;
    }
    (void)putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            (void)putc('"', out);
        (void)putc(*text, out);
    }
    (void)putc('"', out);
}

// Unicode 15, table 3-7.
int rep_utf8_len(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    int len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (int i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

void rep_json_write(FILE *out, const char *text)
{
    (void)putc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        int len = rep_utf8_len(s);
        if (len == 0)
            (void)fprintf(out, "\\udc%02x", *s);
        else if (*s == '"' || *s == '\\')
            (void)fprintf(out, "\\%c", *s);
        else if (*s < 0x20)
            (void)fprintf(out, "\\u%04x", *s);
        else
            (void)fwrite(s, 1, (size_t)len, out);
        s += len ? len : 1;
    }
    (void)putc('"', out);
}
