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

/**
 * A runtime directory that is open: its writer, its regions, what no ring counts.
 *
 * @param ret_what  what cannot be looked at, where it fails
 * @return 0 or the errno of what failed
 */
int stat_look_dir(struct stat_view *view, const struct runtime_dir *dir, const char **ret_what);

/** What the writer does: a word of docs/stat.schema.json. */
const char *stat_state_name(const struct stat_view *view);

/**
 * Everything that is there, but for the output directory. Nothing there is a success.
 *
 * @param view  zeroed, and then for stat_forget()
 * @param path  of the runtime directory; NULL: by the environment
 * @return enum tool_exit; what went wrong was said
 */
int stat_look(struct stat_view *view, const char *path);

/**
 * The output directory that the page names. It reads the names of all files there.
 *
 * @param ret  for stat_forget_output()
 * @return 0, or -ENOMEM. What else goes wrong is in ret
 */
int stat_look_output(struct stat_output *ret, const struct status_page *page);
void stat_forget_output(struct stat_output *output);

/** Free what was looked at. All of it is zero then. */
void stat_forget(struct stat_view *view);

#endif
