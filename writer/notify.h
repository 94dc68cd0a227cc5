/* SPDX-License-Identifier: Apache-2.0 */
/* Readiness for service managers: the datagram of sd_notify(3). */
#ifndef OTLPIPE_WRITER_NOTIFY_H
#define OTLPIPE_WRITER_NOTIFY_H

/**
 * Send a state ("READY=1") to $NOTIFY_SOCKET, if that is set.
 *
 * @return 0, also where there is nobody to tell, or a negative errno
 */
int notify_send(const char *state);

#endif
