#include "cli/version.h"

#include "cli/out/json.h"

#include <stdio.h>

// XLENS_VERSION, XLENS_COMMIT, XLENS_BUILD and XLENS_LIBRARIES come from the build.
enum err_code version_print(const struct cli *cli, struct err *e)
{
    if (!cli->json) {
        (void)puts("xlens " XLENS_VERSION);
        if (cli->verbose)
            (void)printf("commit     " XLENS_COMMIT "\n"
                         "build      " XLENS_BUILD ", %s\n"
                         "isa        %s\n"
                         "threads    %d\n"
                         "libraries  " XLENS_LIBRARIES "\n",
                         __VERSION__, eng_isa_name(cli->isa), cli->threads);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_text(document, "version", XLENS_VERSION);
    json_text(document, "commit", XLENS_COMMIT);
    json_text(document, "build", XLENS_BUILD);
    json_text(document, "compiler", __VERSION__);
    json_text(document, "isa", eng_isa_name(cli->isa));
    json_text(document, "libraries", XLENS_LIBRARIES);
    return json_print(document, e);
}
