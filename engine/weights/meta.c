#include "engine/weights/meta.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EXTENT = 1 << 15 };

// "3,299,299" or "[3, 299, 299]".
static bool parse_input(const char *text, int *height, int *width)
{
    long extent[3];
    text += strspn(text, "[ ");
    for (int i = 0; i < 3; i++) {
        char *end;
        extent[i] = strtol(text, &end, 10);
        if (end == text || extent[i] < 1 || extent[i] > MAX_EXTENT)
            return false;
        text = end + strspn(end, i < 2 ? ", " : "] ");
    }
    *height = (int)extent[1];
    *width = (int)extent[2];
    return extent[0] == 3 && *text == '\0';
}

enum err_code meta_apply(const struct bag *bag, struct net *net, struct err *e)
{
    const char *preset = bag_meta(bag, "xlens.preprocess");
    const char *input = bag_meta(bag, "xlens.input");
    const char *labels = bag_meta(bag, "xlens.labels");
    if (preset && strlen(preset) >= sizeof net->preset)
        return err_set(e, ERR_FORMAT, "%s: xlens.preprocess \"%.60s\" is no preset",
                       bag->path, preset);
    if (preset)
        (void)snprintf(net->preset, sizeof net->preset, "%s", preset);
    if (input && !parse_input(input, &net->height, &net->width))
        return err_set(e, ERR_FORMAT, "%s: xlens.input \"%.60s\", expected 3,H,W",
                       bag->path, input);
    if (labels) {
        free(net->labels);
        net->labels = mem_dup(labels);
    }
    return ERR_OK;
}
