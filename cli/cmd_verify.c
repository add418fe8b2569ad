#include "cli/cmd.h"
#include "cli/out/json.h"
#include "cli/out/say.h"
#include "cli/run/check.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

static const struct opt verify_opts[] = {{0}};

static const char *verdict_name(enum ds_verdict verdict)
{
    static const char *const names[] = {
        [DS_OK] = "ok", [DS_ODD] = "odd", [DS_DAMAGED] = "damaged"};
    return names[verdict];
}

static void add_result(cJSON *results, const char *name, const struct ds_check *check)
{
    cJSON *result = cJSON_CreateObject();
    json_text(result, "file", name);
    json_text(result, "verdict", verdict_name(check->verdict));
    json_text(result, "reason", check->reason[0] ? check->reason : NULL);
    json_number(result, "width", check->width);
    json_number(result, "height", check->height);
    cJSON_AddItemToArray(results, result);
}

static void print_check(const struct cli *cli, const char *name,
                        const struct ds_check *check)
{
    if (check->verdict == DS_OK && !cli->verbose)
        return;
    say_painted(cli, check->verdict == DS_DAMAGED ? SAY_BAD : SAY_PLAIN, "%-8s",
                verdict_name(check->verdict));
    (void)printf("%s%s%s\n", name, check->reason[0] ? ": " : "", check->reason);
}

struct tally {
    size_t images, verdicts[DS_DAMAGED + 1];
};

static enum err_code verify_set(struct cli *cli, const struct ds *ds, cJSON *results,
                                struct tally *tally, struct err *e)
{
    size_t n = ds_count(ds);
    struct ds_check *checks = mem_array(n, sizeof *checks);
    if (!checks)
        return err_set(e, ERR_NOMEM, "no memory for %zu pictures", n);
    enum err_code rc = check_all(cli, ds, checks, e);
    for (size_t i = 0; i < n && rc == ERR_OK; i++) {
        tally->images++;
        tally->verdicts[checks[i].verdict]++;
        if (results)
            add_result(results, ds_item(ds, i)->name, &checks[i]);
        else
            print_check(cli, ds_item(ds, i)->name, &checks[i]);
    }
    free(checks);
    return rc;
}

// A folder, a csv or a list is a dataset; anything else is a picture.
static bool is_dataset(const char *path)
{
    return file_is_dir(path) || str_ends_with_nocase(path, ".csv") ||
           str_ends_with_nocase(path, ".txt");
}

// From operand i on: a dataset, or as many pictures as follow each other; i moves on.
static enum err_code verify_next(struct cli *cli, int *i, cJSON *results,
                                 struct tally *tally, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct ds *ds = NULL;
    char **first = cli->operands + *i;
    if (is_dataset(*first)) {
        const struct ds_opts opts = {0};
        (*i)++;
        TRY(ds_open(*first, &opts, &ds, e));
    } else {
        size_t n = 0;
        for (; *i < cli->operand_count && !is_dataset(cli->operands[*i]); (*i)++)
            n++;
        ds = ds_open_files(first, n);
    }
    TRY(verify_set(cli, ds, results, tally, e));
out:
    ds_close(ds);
    return rc;
}

static enum err_code print_tally(const struct cli *cli, const struct tally *tally,
                                 cJSON *results, struct err *e)
{
    size_t damaged = tally->verdicts[DS_DAMAGED], odd = tally->verdicts[DS_ODD];
    if (!cli->json) {
        say_painted(cli, SAY_BOLD, "%zu pictures, %zu damaged, %zu odd\n", tally->images,
                    damaged, odd);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_number(document, "images", (double)tally->images);
    json_number(document, "damaged", (double)damaged);
    json_number(document, "odd", (double)odd);
    cJSON_AddItemToObject(document, "results", results);
    return json_print(document, e);
}

static enum err_code run_verify(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct tally tally = {0};
    cJSON *results = cli->json ? cJSON_CreateArray() : NULL;
    (void)fields;
    for (int i = 0; i < cli->operand_count;)
        TRY(verify_next(cli, &i, results, &tally, e));
    rc = print_tally(cli, &tally, results, e);
    results = NULL;
    if (rc == ERR_OK && tally.verdicts[DS_DAMAGED])
        rc = ERR_FAILED;
out:
    cJSON_Delete(results);
    return rc;
}

const struct cmd cmd_verify = {
    .name = "verify",
    .operands = "DATASET|FILE…",
    .min_operands = 1,
    .max_operands = -1,
    .about =
        "Decodes every picture and tells which are damaged (cannot be decoded whole) "
        "or odd (decode, but are no plain RGB or grey JPEG). Exit status 1 when any "
        "is damaged.",
    .opts = verify_opts,
    .run = run_verify,
};
