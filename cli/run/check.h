#ifndef CLI_CHECK_H
#define CLI_CHECK_H

// Every picture of a dataset decoded, on all threads.

#include "cli/cmd.h"

#include "dataset/dataset.h"

// checks has room for ds_count(ds).
enum err_code check_all(const struct cli *cli, const struct ds *ds,
                        struct ds_check *checks, struct err *e) MUST_CHECK;

#endif
