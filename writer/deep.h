/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deep sleep: a writer with nothing to do makes no system calls, until somebody wakes it or
 * something is to be done by the clock.
 *
 * Three things end it: a push, a flush, a change of the runtime directory. The directory is watched
 * by inotify. A push finds the number of the sleep in its ring (ring_shared.deep_sleep), and wakes
 * who sleeps at the control page. That is a thread of its own, the sleeper: where it sleeps before
 * the rings are told, no wake-up can come too early for it, and so none has to be taken note of in
 * the page. In a group directory nobody but the writer may write there.
 *
 * A member of the group can lead the sleeper away from the page (FUTEX_REQUEUE). Who pushes then
 * wakes nobody there, and sets the directory's time instead, which inotify tells.
 */
#ifndef OTLPIPE_WRITER_DEEP_H
#define OTLPIPE_WRITER_DEEP_H

#include <stdbool.h>
#include <stdint.h>

struct writer;
struct deep;

/**
 * To be called before a writer that has nothing to do would sleep for a short time. It sleeps here
 * if nothing was to do for some time, nothing is under way, and all can be woken from.
 *
 * @param clock_ns  monotonic: when something is to be done that only the clock tells; INT64_MAX:
 *                  nothing is
 * @return whether it has slept; something may have changed
 */
bool deep_enter(struct writer *writer, int64_t now_ns, int64_t clock_ns);

/** From a signal handler: the sleep that has begun, or is about to, ends. */
void deep_cancel(void);

/** What it takes is made when it is needed first. @return 0 or -ENOMEM */
int deep_start(struct writer *writer);
void deep_end(struct writer *writer);

#endif
