/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control page: how producers wake the writer, and how the writer wakes
 * those that wait in a flush. Wake-ups are hints. One that is lost costs the
 * writer's interval at most; one too many costs a look.
 */
#ifndef SHM_CONTROL_H
#define SHM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/runtime.h"

struct control {
	struct control_page *page;
};

/**
 * Map the page; the first to come makes it.
 *
 * @return 0, -EPROTO (of another version, or no control page), or the errno of
 *         what failed
 */
int control_open(struct control *ret, const struct runtime_dir *dir);
void control_close(struct control *control);

/* Producers. Async-signal-safe; errno is kept. */

/** Wake the writer if it sleeps: one system call then, none otherwise. */
void control_ring(struct control *control);

/** What control_wait_flushed() waits to see changed. */
uint32_t control_flushed(const struct control *control);
void control_wait_flushed(struct control *control, uint32_t seen, int64_t timeout_ns);

/* The writer. */

/** Once, at its start: lets it do without a fence in every push. */
void control_prepare_sleep(void);

/**
 * Say that the writer is about to sleep. Look at all rings once more after
 * this, then control_sleep(), or control_wake() if there was something.
 */
void control_announce_sleep(struct control *control);
void control_sleep(struct control *control, int64_t timeout_ns);
void control_wake(struct control *control);
void control_notify_flushed(struct control *control);

/** Producers, at open: be reached by the writer's barrier. */
void control_register_producer(void);

#endif
