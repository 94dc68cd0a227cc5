/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a flight recorder has let go of one signal, ring by ring, since the last snapshot: ranges
 * that were in batches, and that no file will ever have. A snapshot writes this account in front
 * of the batches that it has, so that the ledger of each ring goes on without a gap.
 *
 * Until then the account lies beside the held files, in a file named "let-go" of batches that have
 * a ledger alone. It is replaced whole, and gone when it is empty.
 */
#ifndef OTLPIPE_WRITER_FILE_LETGO_H
#define OTLPIPE_WRITER_FILE_LETGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/batch.h"

#define LETGO_NAME	"let-go"
#define LETGO_TEMPORARY LETGO_NAME ".tmp" /* while it is being replaced; rubbish behind a kill */

/* More rings than these are added up, as far as they have ended and no file has any of them. */
#define LETGO_ENTRIES_MAX 16384u

struct letgo {
	enum otlp_signal signal;
	uint64_t epoch; /* random, and the same until a snapshot has the account; 0: it is empty */
	uint64_t up_to; /* the number of the last held file that is in it */
	struct batch_entry *entries; /* in the order of their regions, rings and positions */
	size_t count;
	size_t capacity;
};

/** An empty one. */
void letgo_open(struct letgo *ret, enum otlp_signal signal);
void letgo_close(struct letgo *letgo);

/**
 * Read the account that lies in a directory.
 *
 * @return 0, also where there is none; -EBADMSG: it is damaged; or another errno
 */
int letgo_load(struct letgo *ret, enum otlp_signal signal, int dirfd);

/**
 * Add a batch's entries. letgo_settle() has to follow.
 *
 * @return 0 or -ENOMEM, and then nothing was added
 */
int letgo_add(struct letgo *letgo, const struct batch_entry *entries, size_t count);

/**
 * All of a held file was added: join the ranges that adjoin.
 *
 * @param entries_max  more are added up as far as possible: LETGO_ENTRIES_MAX
 * @return 0, or -EIO: the system gives no random number
 */
int letgo_settle(struct letgo *letgo, uint64_t sequence, size_t entries_max);

/** Forget the last ones that were added, since letgo_settle() did not follow. */
void letgo_forget_added(struct letgo *letgo, size_t count);

/** Replace the file in this directory by the account as it is now. @return 0 or an errno */
int letgo_save(const struct letgo *letgo, int dirfd);

/** Empty the account, which is elsewhere by now, and remove its file. @return 0 or an errno */
int letgo_clear(struct letgo *letgo, int dirfd);

/** The valid items in it. */
uint64_t letgo_items(const struct letgo *letgo);

/**
 * Write it as batches of their own run: the account's epoch, numbers from 0 on.
 *
 * @return their bytes, or a negative errno
 */
int64_t letgo_write(const struct letgo *letgo, int fd);

#endif
