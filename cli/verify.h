/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe verify`: is everything that was committed in the files, once?
 *
 * How it stays right beside a writer that is at work: the rings are looked at first, the files
 * after that, and positions only grow. So what a ring called done when it was looked at is in a
 * file that is listed later; what the files hold beyond that was in the ring then, and is not
 * counted a second time, because each entry of the ring was noted with its position. Which files
 * there must be is told by the manifest, which is read before and after them (verify_expect.h).
 */
#ifndef OTLPIPE_CLI_VERIFY_H
#define OTLPIPE_CLI_VERIFY_H

#include "cli/verify_account.h"

/** What is looked at. It stays the caller's, and there, until the result is freed. */
struct verify_input {
	const char *const *paths; /* of output directories */
	const int *fds;
	size_t dir_count;
	const struct runtime_dir *runtimes; /* there may be none */
	size_t runtime_count;
};

/**
 * One look at everything. Findings are in *verify, which is to be zeroed before and freed after.
 *
 * @return 0, -ESTALE: files were renamed or removed meanwhile, look again; or the errno of what
 *         cannot be read or has no memory
 */
int verify_run(struct verify *verify, const struct verify_input *input);

#endif
