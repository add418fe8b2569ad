// Feeds files, and a set of mutations of each, to a fuzz entry, so that every build runs
// it without a fuzzing engine: replay FILE|FOLDER…

#include "base/file.h"

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 22 };

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

// One of: a changed byte, a cut, a run of one value, a piece copied elsewhere.
static size_t mutate(uint8_t *data, size_t len, uint32_t *random)
{
    if (len == 0)
        return 0;
    size_t at = next_random(random) % len, from = next_random(random) % len;
    size_t run = next_random(random) % 16 % (len - (at > from ? at : from)) + 1;
    switch (next_random(random) % 5) {
    case 0:
        return at;
    case 1:
        memset(data + at, next_random(random) % 2 ? 0xFF : 0, run);
        return len;
    case 2:
        memmove(data + at, data + from, run);
        return len;
    default:
        data[at] = (uint8_t)next_random(random);
        return len;
    }
}

static int replay(const char *path)
{
    struct file_bytes bytes;
    struct err e = {0};
    uint32_t random = 1;
    if (file_read(path, MAX_BYTES, &bytes, &e) != ERR_OK) {
        printf("%s\n", e.msg);
        return 1;
    }
    (void)LLVMFuzzerTestOneInput(bytes.data, bytes.len);
    // Large files are run as they are: their mutations would take minutes.
    for (int i = 0; i < REPLAY_MUTATIONS && bytes.len <= REPLAY_MUTATE_BYTES; i++) {
        uint8_t *copy = malloc(bytes.len + 1);
        if (!copy)
            break;
        memcpy(copy, bytes.data, bytes.len);
        size_t len = bytes.len;
        for (int k = 0; k <= i % 4; k++)
            len = mutate(copy, len, &random);
        // Of its exact size, so that a sanitizer sees reads behind the end.
        uint8_t *exact = realloc(copy, len ? len : 1);
        (void)LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    file_bytes_release(&bytes);
    return 0;
}

static int replay_folder(const char *folder)
{
    int failed = 0, count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || file_is_dir(path))
            continue;
        failed += replay(path);
        count++;
    }
    if (dir)
        closedir(dir);
    printf("%s: %d files\n", folder, count);
    return failed || count == 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++) {
        if (file_is_dir(argv[i]))
            failed |= replay_folder(argv[i]);
        else if (file_exists(argv[i]))
            failed |= replay(argv[i]);
        else
            printf("SKIPPED: no %s\n", argv[i]);
    }
    return failed;
}
