/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others do to a file while the writer has it open: a cleaner or an administrator removes it,
 * an editor or a rotation of logs puts another in its place, moves it away or cuts it. The writer's
 * descriptor works on as if nothing were, and what it writes there nobody would ever find.
 *
 * So it looks before each batch, after each sync and before a seal, and what is no more where
 * readers look counts for nothing.
 */
#ifndef OTLPIPE_WRITER_FILE_DAMAGE_H
#define OTLPIPE_WRITER_FILE_DAMAGE_H

#include "writer/file/datafile.h"

enum damage {
	DAMAGE_NONE,
	DAMAGE_REMOVED, /* it has no name at all: nobody else can open it */
	DAMAGE_MOVED,	/* it has a name elsewhere */
	DAMAGE_CUT,	/* it is smaller than its writer made it */
};

/** What was done to an open file? One that cannot be looked at is taken to be well. */
enum damage damage_look(const struct data_dir *dir, const struct data_file *file);

/** Say it: which file, where, and what to do. */
void damage_say(const struct data_dir *dir, const struct data_file *file, enum damage damage);

/**
 * End with such a file: nothing of it is in flight. What was durable in it is kept, as far as it is
 * there: one that was removed is copied into a new file, one that was moved is left where it is,
 * one that was cut is sealed. The log says what could not be kept.
 *
 * @param bytes  of it were durable
 * @return 0, and it is closed; or a negative errno: to be done again
 */
int damage_settle(struct data_dir *dir, struct data_file *file, enum damage damage, uint64_t bytes);

/** The same, but there is no more time: say what is lost with it, and close it. */
void damage_leave(const struct data_dir *dir, struct data_file *file, uint64_t bytes);

#endif
