/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files there must be, by the manifest of an output directory.
 *
 * How it stays right beside a writer: the manifest is read before the files are listed, and again
 * when they are read. A file that is in both, with the same state, must have been there meanwhile.
 * One that the second does not have was removed, one that only the second has was made; where its
 * state has changed and it was not found, all is looked at again.
 */
#ifndef OTLPIPE_CLI_VERIFY_EXPECT_H
#define OTLPIPE_CLI_VERIFY_EXPECT_H

#include "cli/verify_account.h"

/** Read the manifest of a directory. @return 0, or an errno that says nothing about it */
int verify_expect_begin(struct verify *verify, struct verify_dir *dir);

/**
 * Compare the files of a signal that were listed with those that must be there.
 *
 * @param fd     the signal's directory, or -1: it is not there
 * @param names  in the order of their sequence
 * @return 0, -ESTALE: the listing is old; or -ENOMEM
 */
int verify_expect_listed(struct verify_dir *dir, enum otlp_signal signal, int fd,
			 const struct data_name *names, size_t count);

/**
 * A file was read.
 *
 * @param bytes     its size, as it was before
 * @param used_bytes  of the whole batches in it
 * @param is_at_end  they end at zeros, where the next one would come
 * @return 0 or -ENOMEM
 */
int verify_expect_file(struct verify *verify, struct verify_dir *dir, enum otlp_signal signal,
		       const struct data_name *name, uint64_t bytes, uint64_t used_bytes,
		       bool is_at_end);

/**
 * All files are read: say what is missing.
 *
 * @return 0, -ESTALE: the writer was at work on what seemed to be; or another errno
 */
int verify_expect_end(struct verify *verify, struct verify_dir *dir);

/** Why the start of a ring may be in no file of this directory. */
enum verify_reason {
	REASON_NONE,
	REASON_REMOVED,	 /* retention removed files */
	REASON_UNKNOWN,	 /* nothing is known of older files */
	REASON_ELSEWHERE /* other directories were written to before, or since */
};

/** @param is_start  what is missing is the first of a ring; false: between two runs of a writer */
enum verify_reason verify_reason_before(const struct verify_dir *dir, enum otlp_signal signal,
					bool is_start);

/** Why what is behind the last entry of a ring may be in no file. */
enum verify_reason verify_reason_behind(const struct verify *verify);

#endif
