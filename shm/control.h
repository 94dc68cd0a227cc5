/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control page: how producers wake the writer, and how the writer wakes
 * those that wait in a flush. Wake-ups are hints. One that is lost costs the
 * writer's interval at most; one too many costs a look.
 *
 * In a private directory either side makes the page and both write it: of all
 * producers that see the writer asleep one wakes it, and no wake-up is lost. In
 * a group directory only the writer may write it, or any member could cut the file
 * under the others: producers wake without taking note of it, and one wake-up that
 * comes between the writer's last look and its sleep is lost. It sleeps in slices
 * there, short ones first; and so it does while there is a producer that its barrier
 * does not reach.
 */
#ifndef OTLPIPE_SHM_CONTROL_H
#define OTLPIPE_SHM_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/runtime.h"

struct control {
	struct control_page *page; /* NULL: none yet, which all of these take */
	bool is_group;
	bool is_writer;
	int lock_fd;	   /* the writer's, in a group directory: it holds the lock on the page */
	uint64_t file_key; /* which file the page is of */
	const char *late_dir; /* where a producer without a page looks for it again, or NULL */
};

/**
 * Map the page; the first to come makes it. In a group directory a producer makes
 * none: there may be no page yet (set late_dir then), nor is one taken that is not
 * the writer's.
 *
 * @return 0, -EPROTO (of another version, or no control page), or the errno of
 *         what failed
 */
int control_open(struct control *ret, const struct runtime_dir *dir);

/** For the writer, which holds the directory: in a group directory the page is made its own. */
int control_open_writer(struct control *ret, const struct runtime_dir *dir);
void control_close(struct control *control);

/** Is the page of the file that has the name now? */
bool control_has_name(const struct control *control, const struct runtime_dir *dir);

/**
 * Which run of a writer is there? What the page says, by its name.
 *
 * @return 0, or negative: there is no page
 */
int control_read_epoch(const struct runtime_dir *dir, uint64_t *ret);

/* Producers. Async-signal-safe; errno is kept. */

/** Take the page that has the name now, if it is another one. The old one stays mapped. */
void control_refresh(struct control *control, const struct runtime_dir *dir);

/** Wake the writer if it sleeps: one system call then, none otherwise. */
void control_wake_writer(struct control *control);

/**
 * Wake a writer that sleeps until it is woken. Where nobody sleeps at the page, since a member of
 * the group has led its sleeper away or since the page is another one by now, the directory's time
 * is set, which the writer waits for too.
 *
 * @param path        of the runtime directory
 * @param may_set_time  false: this process may have a filter that ends it for such a call
 */
void control_end_deep_sleep(struct control *control, const char *path, bool may_set_time);

/** What control_wait_flushed() waits to see changed. */
uint32_t control_flushed(const struct control *control);
void control_wait_flushed(struct control *control, uint32_t seen, int64_t timeout_ns);

/* The writer. */

/** Say in the page which run of the writer this is. */
void control_set_epoch(struct control *control, uint64_t epoch);

/**
 * Have the page of this directory, which may be another one, at the address of the one that was
 * there. It says the same epoch.
 *
 * @return 0, or the errno of what failed: then the old page is there on
 */
int control_move(struct control *control, const struct runtime_dir *dir);

/**
 * Say that the writer is about to sleep. Look at all rings once more after
 * this, then control_sleep(), or control_cancel_sleep() if there was something.
 */
void control_announce_sleep(struct control *control);
/** @return somebody woke the writer, or might have; false: the time is over */
bool control_sleep(struct control *control, int64_t timeout_ns);

/**
 * How long the first slice of a sleep may be; each further one may be twice as long.
 *
 * @param is_reached  the barrier of control_announce_sleep() reaches every producer
 */
int64_t control_slice_ns(const struct control *control, bool is_reached);

/* The deep sleep: a thread of the writer's sleeps at the page's futex, and tells who looks. */

/** That thread: sleep while the word, which is the writer's own, has this value. */
void control_doze(uint32_t *word, uint32_t value);

/**
 * Put the thread that sleeps at this word to sleep at the page instead. From then on it can be
 * woken there: no wake-up is lost between that and a last look.
 *
 * @param value  of the word: it must differ from what that thread went to sleep with
 * @return false: no thread sleeps at the word (yet)
 */
bool control_move_sleeper(struct control *control, uint32_t *word, uint32_t value);

/** Take the announcement back: there was something to do. Async-signal-safe. */
void control_cancel_sleep(struct control *control);

/** Heads were moved: those who wait in a flush look again. */
void control_notify_flushed(struct control *control);

/**
 * Producers, at open: be reached by the writer's barrier. The system call is not made where
 * a seccomp filter might end the program for it.
 *
 * @return false: this process is not reached
 */
bool control_register_producer(void);

#endif
