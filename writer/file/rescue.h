/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches on their way from a file that was given up into the next one, kept beside the regions
 * until a sync covers them there. The rings were released for them, so without this file a writer
 * that is killed on the way would take the last copy with it, or what is known of a lost one.
 *
 * One file for each signal in the runtime directory, of whole batches in their order. It is
 * replaced whole, and gone when it is of no more use.
 */
#ifndef OTLPIPE_WRITER_FILE_RESCUE_H
#define OTLPIPE_WRITER_FILE_RESCUE_H

#include "shm/runtime.h"
#include "writer/file/batch.h"

/** Begin a new one, which has no name yet. @return a descriptor or a negative errno */
int rescue_begin(const struct runtime_dir *dir);
int rescue_add(int fd, const uint8_t *batch, uint64_t bytes);

/**
 * In place of the one that there may be. It is locked: as long as its writer lives, it is no other
 * writer's to recover.
 *
 * @param fd  is closed where this fails
 * @param rc  what has failed before, or 0
 * @return the descriptor, for rescue_drop(), or a negative errno
 */
int rescue_end(const struct runtime_dir *dir, enum otlp_signal signal, int fd, int rc);

/** Nobody needs it any more. Another one that has its name stays. Closes fd. */
void rescue_drop(const struct runtime_dir *dir, enum otlp_signal signal, int fd);

/** It is damaged: keep it under another name, where no writer looks for it, and say so. */
int rescue_put_aside(const struct runtime_dir *dir, enum otlp_signal signal);

/**
 * What the last writer left.
 *
 * @return a descriptor; -ENOENT; -EPERM: it is not a writer's; -EBUSY: its writer lives; or another
 *         errno
 */
int rescue_find(const struct runtime_dir *dir, enum otlp_signal signal);

#endif
