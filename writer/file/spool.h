/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool of a flight recorder: the files that its writer holds in the runtime directory, what
 * it lets go of them, and how a snapshot moves them into the output directory.
 *
 * The spool is an output directory like any other, and its writer recovers it like any other. What
 * is different is its end. A held file is either let go of: its ledger is added to the account of
 * its signal (letgo.h), and it is removed. Or it is moved: copied into the output directory, as a
 * file that is made, synced, sealed and entered in the manifest there, and only then removed here.
 * In between it is in both. So before each copy the signal is marked as moving, and who finds the
 * mark after a kill compares: a file whose copy is sealed is removed here, and a copy that is not
 * sealed is removed there. Nothing is on the disk twice, and nothing that is held is lost.
 *
 * One thread at a time; the writer makes and seals held files meanwhile.
 */
#ifndef OTLPIPE_WRITER_FILE_SPOOL_H
#define OTLPIPE_WRITER_FILE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/file/datadir.h"
#include "writer/file/letgo.h"

/* Of the spool, in the runtime directory. Not readable for anybody else. */
#define SPOOL_NAME "flight"

struct spool_counts {
	uint64_t files;
	uint64_t bytes;
	uint64_t items[SIGNAL_COUNT];
	uint64_t let_go_items[SIGNAL_COUNT];
	uint64_t begin_unix_ns; /* when the first batch was closed, and the last one; 0: none was */
	uint64_t end_unix_ns;
};

struct spool_signal {
	enum otlp_signal signal;
	struct data_dir held;
	struct data_dir disk;
	struct letgo letgo;
	bool has_moved_account; /* its file could not be removed yet */
	uint64_t done_to;	/* held files up to this number are moved, or in an account */
};

struct spool {
	struct spool_signal signals[SIGNAL_COUNT];
	unsigned count; /* that are open */
};

/**
 * Open it. Whatever a writer that was killed was moving is settled: before any recovery looks into
 * the open files of the output directory, and after that of the spool.
 *
 * @return 0, or negative and a line was said
 */
int spool_open(struct spool *ret, int held_dirfd, struct manifest *held_manifest, int disk_dirfd,
	       struct manifest *disk_manifest);
void spool_close(struct spool *spool);

/** Held files that are sealed, the oldest first; to be freed. @return 0 or an errno */
int spool_list(const struct spool *spool, enum otlp_signal signal, struct data_name **ret,
	       size_t *ret_count);

/**
 * Look for held files that somebody else has removed, and say each of them once: its records are
 * lost, and without its ledger nobody knows how many they were.
 *
 * @param ret_files  so many were not said before
 * @return 0 or an errno
 */
int spool_miss(struct spool *spool, enum otlp_signal signal, uint64_t *ret_files);

/** What a held file has, without reading more than its ledgers. @return 0 or an errno */
int spool_count(const struct spool *spool, enum otlp_signal signal, const struct data_name *name,
		struct spool_counts *ret);

/**
 * Let go of the oldest held file of a signal.
 *
 * @param ret  what it had is added, as let go
 * @return 0, or an errno: it is held on
 */
int spool_let_go(struct spool *spool, enum otlp_signal signal, const struct data_name *name,
		 struct spool_counts *ret);

/**
 * Move the account of what was let go into the output directory, if there is any.
 *
 * @param ret  what was moved is added
 */
int spool_move_account(struct spool *spool, enum otlp_signal signal, struct spool_counts *ret);

/**
 * Move the oldest held file of a signal, behind the account. Durable when it returns.
 *
 * @param ret  what it had is added
 * @return 0, or an errno: it is held on
 */
int spool_move(struct spool *spool, enum otlp_signal signal, const struct data_name *name,
	       struct spool_counts *ret);

/** Remove a signal's directory of a spool that is closed, and of which all is moved. */
void spool_remove_signal(int held_dirfd, enum otlp_signal signal);

/** Move all that is held, and everything else that the spool knows. @return as spool_move() */
int spool_move_all(struct spool *spool, struct spool_counts *ret);

#endif
