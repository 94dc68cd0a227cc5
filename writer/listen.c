/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets to listen at. Names are not looked up: only addresses that are meant are bound. */
#include "writer/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTEN_BACKLOG	 16
#define LISTEN_UNIX_MODE 0600
#define PORT_MAX	 65535
#define UNIX_PREFIX	 "unix:"

static int parse_unix(const char *path, struct listen_at *ret)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&ret->address;

	if (path[0] == '\0' || strlen(path) >= sizeof(address->sun_path))
		return -EINVAL;
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, path);
	ret->bytes = sizeof(*address);
	return 0;
}

int listen_parse(const char *text, struct listen_at *ret)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[INET6_ADDRSTRLEN + 1];
	size_t length;

	memset(ret, 0, sizeof(*ret));
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		return parse_unix(text + strlen(UNIX_PREFIX), ret);
	if (colon == NULL || colon[1] == '\0' || strspn(colon + 1, "0123456789") > 5 ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0' || atoi(colon + 1) > PORT_MAX)
		return -EINVAL;
	length = (size_t)(colon - text);
	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return -EINVAL; /* an IPv6 address has brackets, or its end would be the port */
	}
	if (length == 0 || length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&ret->address, found->ai_addr, found->ai_addrlen);
	ret->bytes = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* ---- a socket in the file system ---- */

/* Who answers there? @return 0: nobody, and the name is free now; or why it is not */
static int replace_dead(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, rc;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	if (rc == 0 || rc == -EAGAIN)
		return -EADDRINUSE;
	if (rc != -ECONNREFUSED)
		return rc == -ENOENT ? 0 : rc;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_unix(struct listener *listener, const struct sockaddr_un *address)
{
	struct stat st;
	int rc = replace_dead(address);

	if (rc < 0)
		return rc;
	/* The file gets the mode of the socket, so there is no moment at which others may connect.
	 */
	if (fchmod(listener->fd, LISTEN_UNIX_MODE) < 0 ||
	    bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	strcpy(listener->path, address->sun_path);
	if (lstat(listener->path, &st) == 0) {
		listener->dev = st.st_dev;
		listener->ino = st.st_ino;
	}
	snprintf(listener->text, sizeof(listener->text), "unix:%s", listener->path);
	return 0;
}

/* ---- an address of the network ---- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int bind_network(struct listener *listener, const struct listen_at *at)
{
	const bool is_v6 = at->address.ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN], port[8];
	struct sockaddr_storage bound;
	socklen_t bytes = sizeof(bound);
	const int on = 1;

	if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(listener->fd, (const struct sockaddr *)&at->address, at->bytes) < 0 ||
	    getsockname(listener->fd, (struct sockaddr *)&bound, &bytes) < 0)
		return -errno;
	if (getnameinfo((const struct sockaddr *)&bound, bytes, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -EINVAL;
	snprintf(listener->text, sizeof(listener->text), "http://%s%s%s:%s", is_v6 ? "[" : "", host,
		 is_v6 ? "]" : "", port);
	listener->is_open_to_others = !is_loopback(&bound);
	return 0;
}

/* ---- both ---- */

int listen_open(struct listener *ret, const struct listen_at *at)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->fd = socket(at->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ret->fd < 0)
		return -errno;
	if (at->address.ss_family == AF_UNIX)
		rc = bind_unix(ret, (const struct sockaddr_un *)&at->address);
	else
		rc = bind_network(ret, at);
	if (rc == 0 && listen(ret->fd, LISTEN_BACKLOG) < 0)
		rc = -errno;
	if (rc < 0)
		listen_close(ret);
	return rc;
}

void listen_close(struct listener *listener)
{
	struct stat st;

	if (listener->ino != 0 && lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		unlink(listener->path);
	listener->ino = 0;
	close(listener->fd);
}
