/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's place: the runtime directory, its lock and its control page there. Others can take
 * all of them away while the writer runs: a session manager that removes a user's files at logout,
 * a cleaner of temporary files, an administrator who moves the directory. What is open and mapped
 * stays, and nobody would be told: programs that start later would find no writer, and a second
 * writer could start.
 *
 * So each look for regions begins with a look at the names. What is gone is made again; what is
 * mapped is drained on to its end; and where another writer has taken the place, this one leaves.
 */
#ifndef OTLPIPE_WRITER_PLACE_H
#define OTLPIPE_WRITER_PLACE_H

#include "writer/parts.h"

/** Before a look for regions: is everything still where others look for it? */
void place_look(struct writer *writer, int64_t now_ns);

/**
 * Another writer has taken the place. In each round after the queues have had their turn: let go of
 * what that one can go on with. Regions whose names are gone are drained for as long as their
 * programs live.
 */
void place_leave(struct writer *writer, int64_t now_ns);

/** Does its path still lead to the runtime directory that is open? */
bool place_is_kept(const struct writer *writer);

/** Is it time for a writer that leaves to end? */
bool place_is_left(const struct writer *writer);

/** At the end: tell the programs whose regions nobody can find, and say how many they are. */
void place_give_up_nameless(struct writer *writer);

void place_close(struct writer *writer);

#endif
