/* SPDX-License-Identifier: Apache-2.0 */
/* Where somebody may ask the writer: an address of the network, or a socket in the file system. */
#ifndef OTLPIPE_WRITER_LISTEN_H
#define OTLPIPE_WRITER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define LISTEN_TEXT_BYTES (sizeof(((struct sockaddr_un *)0)->sun_path) + 80)

struct listen_at {
	struct sockaddr_storage address;
	socklen_t bytes;
};

struct listener {
	int fd;
	char text[LISTEN_TEXT_BYTES]; /* for people: what to ask, with the port that was chosen */
	bool is_open_to_others;	      /* beyond this machine */
	/* Of a socket in the file system, so that another's is not removed; ino 0: none. */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev;
	ino_t ino;
};

/**
 * "127.0.0.1:9464", "[::1]:9464", "unix:/run/otlpipe/metrics"; port 0: the system chooses one.
 *
 * @return 0 or -EINVAL
 */
int listen_parse(const char *text, struct listen_at *ret);

/**
 * Bind and listen. A socket in the file system that nobody answers at is a dead writer's, and is
 * replaced; any other file stays.
 *
 * @return 0, -EADDRINUSE, or the errno of what failed
 */
int listen_open(struct listener *ret, const struct listen_at *at);
void listen_close(struct listener *listener);

#endif
