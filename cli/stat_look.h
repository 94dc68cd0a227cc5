/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regions of a runtime directory, one by one and in sum. SIGBUS must be caught
 * (guard_install()): a region may be cut while it is looked at.
 */
#ifndef OTLPIPE_CLI_STAT_LOOK_H
#define OTLPIPE_CLI_STAT_LOOK_H

#include "cli/stat_view.h"

/**
 * Add what is there. Damaged regions are counted and no error.
 *
 * @param view  its regions are for free()
 * @return 0, -ENOMEM, or the errno of reading the directory
 */
int stat_look_regions(struct stat_view *view, const struct runtime_dir *dir);

#endif
