/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fastest receiver of OTLP/HTTP: it reads each request, throws it away and says 200. What
 * `otlpipe send` comes to with it is its own limit, and not the receiver's.
 *
 * usage: send_sink
 * Prints its port, and then runs until it gets a signal.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_BYTES_MAX 8192u
#define ROOM_BYTES     (1u << 20)

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
			     "Content-Length: 0\r\n\r\n";

/* The length of the body whose head this is; -1: the head is not whole. */
static long head_length(const char *head, size_t bytes, size_t *ret_head_bytes)
{
	const char *end = memmem(head, bytes, "\r\n\r\n", 4);

	if (end == NULL)
		return -1;
	*ret_head_bytes = (size_t)(end - head) + 4;
	for (const char *line = head; line < end; line++) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			return strtol(line + 15, NULL, 10);
		line = memchr(line, '\n', (size_t)(end - line));
		if (line == NULL)
			break;
	}
	return 0;
}

static int serve_one(int fd, char *room)
{
	size_t bytes = 0, head_bytes = 0;
	long left;

	while ((left = head_length(room, bytes, &head_bytes)) < 0) {
		const ssize_t n = recv(fd, room + bytes, HEAD_BYTES_MAX - bytes, 0);

		if (n <= 0)
			return -1;
		bytes += (size_t)n;
	}
	left -= (long)(bytes - head_bytes);
	while (left > 0) {
		const ssize_t n =
			recv(fd, room, left < (long)ROOM_BYTES ? (size_t)left : ROOM_BYTES, 0);

		if (n <= 0)
			return -1;
		left -= n;
	}
	return send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void *serve(void *context)
{
	const int fd = (int)(intptr_t)context;
	char *room = malloc(ROOM_BYTES);

	while (room != NULL && serve_one(fd, room) == 0)
		;
	free(room);
	close(fd);
	return NULL;
}

int main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
		perror("send_sink");
		return 1;
	}
	printf("%u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		pthread_t thread;

		if (fd < 0)
			continue;
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
			close(fd);
		else
			pthread_detach(thread);
	}
}
