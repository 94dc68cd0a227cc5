/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread runs libmicrohttpd itself, so that it can give each connection a deadline: the
 * library's own timeout begins anew with each byte, and a client that sends one now and then would
 * keep its place for days. A request has one answer, and the connection ends.
 */
#include "writer/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/openmetrics.h"
#include "cli/stat_look.h"
#include "writer/listen.h"

#define HTTP_CONNECTIONS_MAX  32u
#define HTTP_CONNECTION_BYTES 16384u /* of a request: its line and its headers */
#define HTTP_DEADLINE_NS      INT64_C(10000000000)
#define HTTP_INACTIVE_SECONDS 5u
#define HTTP_DEADLINE_LOOK_MS 1000
/* An answer is given again for so long, and for so many times as long as it took to make. */
#define HTTP_FRESH_NS	  INT64_C(1000000000)
#define HTTP_FRESH_FACTOR 10
#define HTTP_REASON_BYTES 1024u
#define HTTP_PLAIN	  "text/plain; charset=utf-8"

/* A connection that lives. */
struct client {
	struct MHD_Connection *connection; /* NULL: none */
	int fd;
	int64_t end_ns;
};

struct http {
	struct listener listener;
	const char *runtime;
	const struct health *health;
	struct MHD_Daemon *daemon;
	int stop_fd;
	pthread_t thread;
	/* The thread's own. */
	struct client clients[HTTP_CONNECTIONS_MAX];
	bool has_room_again; /* a connection has ended since the library last ran */
	char *metrics;	     /* the last answer */
	size_t metrics_bytes;
	int64_t fresh_until_ns;
};

/* ---- what is answered ---- */

/* @return 0, or negative with the reason */
static int look(const struct http *http, struct stat_view *view, char reason[HTTP_REASON_BYTES])
{
	const char *what = "";
	struct runtime_dir dir;
	int rc;

	snprintf(view->path, sizeof(view->path), "%s", http->runtime);
	rc = runtime_open(&dir, http->runtime, false);
	if (rc < 0) {
		snprintf(reason, HTTP_REASON_BYTES, "%.600s: %s\n", http->runtime, strerror(-rc));
		return rc;
	}
	rc = stat_look_dir(view, &dir, &what);
	runtime_close(&dir);
	if (rc == 0)
		rc = stat_look_output(&view->output, &view->page);
	if (rc < 0)
		snprintf(reason, HTTP_REASON_BYTES, "%.600s: %s: %s\n", http->runtime, what,
			 strerror(-rc));
	return rc;
}

static int make_metrics(struct http *http, char reason[HTTP_REASON_BYTES])
{
	const int64_t begin_ns = clock_monotonic_ns();
	struct stat_view *view;
	int64_t took_ns;
	int rc;

	if (http->metrics != NULL && begin_ns < http->fresh_until_ns)
		return 0;
	free(http->metrics);
	http->metrics = NULL;
	view = calloc(1, sizeof(*view));
	snprintf(reason, HTTP_REASON_BYTES, "there is no memory for it\n");
	if (view == NULL)
		return -ENOMEM;
	rc = look(http, view, reason);
	if (rc == 0)
		rc = openmetrics_write(view, &http->metrics, &http->metrics_bytes);
	if (rc < 0)
		http->metrics = NULL;
	stat_forget(view);
	free(view);
	took_ns = (clock_monotonic_ns() - begin_ns) * HTTP_FRESH_FACTOR;
	http->fresh_until_ns = begin_ns + (took_ns > HTTP_FRESH_NS ? took_ns : HTTP_FRESH_NS);
	return rc;
}

/* Can files be written where the writer writes? @return 0, or negative with the reason */
static int check_output(const char *output, char reason[HTTP_REASON_BYTES])
{
	struct statvfs vfs;
	int rc = 0;

	if (euidaccess(output, W_OK | X_OK) < 0 || statvfs(output, &vfs) < 0)
		rc = -errno;
	else if (vfs.f_bavail == 0)
		rc = -ENOSPC;
	if (rc < 0)
		snprintf(reason, HTTP_REASON_BYTES, "the output directory, %.600s: %s\n", output,
			 strerror(-rc));
	return rc;
}

/* What the writer says of itself. */
static int check_page(const struct http *http, char reason[HTTP_REASON_BYTES])
{
	struct status_page page;
	struct runtime_dir dir;
	enum otlp_signal signal;
	bool is_running;
	int rc = runtime_open(&dir, http->runtime, false);

	if (rc == 0) {
		rc = status_read(&dir, &page, &is_running);
		runtime_close(&dir);
	}
	if (rc < 0) {
		snprintf(reason, HTTP_REASON_BYTES, "the runtime directory, %.600s: %s\n",
			 http->runtime, strerror(-rc));
		return rc;
	}
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (page.problems[signal][0] != '\0') {
			snprintf(reason, HTTP_REASON_BYTES, "%s\n", page.problems[signal]);
			return -EIO;
		}
	return check_output(page.output, reason);
}

static int check_health(const struct http *http, char reason[HTTP_REASON_BYTES])
{
	const int64_t age_ns = health_turn_age_ns(http->health, clock_monotonic_ns());

	if (health_is_stopping(http->health)) {
		snprintf(reason, HTTP_REASON_BYTES, "the writer was told to stop\n");
		return -ESHUTDOWN;
	}
	if (age_ns > HEALTH_TURN_MAX_NS) {
		snprintf(reason, HTTP_REASON_BYTES,
			 "the writer's loop has hung for %lld s in one turn\n",
			 (long long)(age_ns / 1000000000));
		return -ETIMEDOUT;
	}
	return check_page(http, reason);
}

/* ---- requests ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
			      const char *text, size_t bytes)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		bytes, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result rc;

	if (response == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
				   const char *text)
{
	return answer(connection, status, HTTP_PLAIN, text, strlen(text));
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_bytes, void **state)
{
	struct http *http = context;
	char reason[HTTP_REASON_BYTES];

	(void)version;
	(void)upload;
	(void)upload_bytes;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
	if (strcmp(url, "/metrics") == 0) {
		if (make_metrics(http, reason) < 0)
			return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, reason);
		return answer(connection, MHD_HTTP_OK, OPENMETRICS_TYPE, http->metrics,
			      http->metrics_bytes);
	}
	if (strcmp(url, "/healthz") == 0) {
		if (check_health(http, reason) < 0)
			return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, reason);
		return answer_text(connection, MHD_HTTP_OK, "ok\n");
	}
	return answer_text(connection, MHD_HTTP_NOT_FOUND, "there are /metrics and /healthz\n");
}

/* ---- connections ---- */

static struct client *find_client(struct http *http, const struct MHD_Connection *connection)
{
	unsigned i;

	for (i = 0; i < HTTP_CONNECTIONS_MAX; i++)
		if (http->clients[i].connection == connection)
			return &http->clients[i];
	return NULL;
}

static void note_connection(void *context, struct MHD_Connection *connection, void **state,
			    enum MHD_ConnectionNotificationCode code)
{
	const bool begins = code == MHD_CONNECTION_NOTIFY_STARTED;
	struct http *http = context;
	struct client *client = find_client(http, begins ? NULL : connection);
	const union MHD_ConnectionInfo *info;

	(void)state;
	if (client == NULL)
		return;
	memset(client, 0, sizeof(*client));
	http->has_room_again |= !begins;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!begins || info == NULL)
		return;
	client->connection = connection;
	client->fd = info->connect_fd;
	client->end_ns = clock_monotonic_ns() + HTTP_DEADLINE_NS;
}

/* The library sees the end of those whose time is over, and closes them. @return any is left */
static bool end_late_clients(struct http *http)
{
	const int64_t now_ns = clock_monotonic_ns();
	bool any = false;
	unsigned i;

	for (i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct client *client = &http->clients[i];

		if (client->connection == NULL)
			continue;
		any = true;
		if (now_ns >= client->end_ns)
			(void)shutdown(client->fd, SHUT_RDWR);
	}
	return any;
}

/* Milliseconds for poll(): -1 while there is nobody to wait for. */
static int wait_ms(struct http *http, bool has_clients)
{
	MHD_UNSIGNED_LONG_LONG wanted;
	int limit = has_clients ? HTTP_DEADLINE_LOOK_MS : -1;

	/* At its limit the library listens no more, and begins to again when it runs the next time.
	 */
	if (http->has_room_again)
		return 0;
	if (MHD_get_timeout(http->daemon, &wanted) == MHD_YES &&
	    (limit < 0 || wanted < (MHD_UNSIGNED_LONG_LONG)limit))
		limit = wanted > HTTP_DEADLINE_LOOK_MS ? HTTP_DEADLINE_LOOK_MS : (int)wanted;
	return limit;
}

static void *run_thread(void *argument)
{
	struct http *http = argument;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd polls[] = {{.fd = info->epoll_fd, .events = POLLIN},
				 {.fd = http->stop_fd, .events = POLLIN}};

	(void)pthread_setname_np(pthread_self(), "http");
	while (polls[1].revents == 0) {
		const int limit = wait_ms(http, end_late_clients(http));

		if (poll(polls, 2, limit) < 0 && errno != EINTR)
			break;
		http->has_room_again = false;
		(void)MHD_run(http->daemon);
	}
	return NULL;
}

/* ---- start and end ---- */

static int start_thread(struct http *http)
{
	sigset_t all, before;
	int rc;

	/* Inherited: a signal must reach the main loop, which waits for it. */
	sigfillset(&all);
	/* But for this one: the thread reads memory that others may cut. */
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&http->thread, NULL, run_thread, http);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -rc;
}

/* What clients do wrong is theirs to know. */
static void say_nothing(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static int start_daemon(struct http *http)
{
	http->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (http->stop_fd < 0)
		return -errno;
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, http,
		MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
		http->listener.fd, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, HTTP_INACTIVE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, http, MHD_OPTION_END);
	if (http->daemon == NULL) {
		close(http->stop_fd);
		return -ENOMEM;
	}
	return 0;
}

int http_open(struct http **ret, const char *at, const char *runtime, const struct health *health)
{
	struct http *http = calloc(1, sizeof(*http));
	struct listen_at parsed;
	int rc = http == NULL ? -ENOMEM : listen_parse(at, &parsed);

	if (rc == 0)
		rc = listen_open(&http->listener, &parsed);
	if (rc < 0) {
		log_line("--metrics-listen %.200s: %s", at,
			 rc == -EADDRINUSE ? "somebody listens there already"
			 : rc == -EEXIST   ? "there is a file that is no socket"
					   : strerror(-rc));
		free(http);
		return rc;
	}
	http->runtime = runtime;
	http->health = health;
	rc = start_daemon(http);
	if (rc == 0) {
		rc = start_thread(http);
		if (rc < 0) {
			MHD_stop_daemon(http->daemon);
			http->listener.fd = -1; /* the library has closed it */
			close(http->stop_fd);
		}
	}
	if (rc < 0) {
		log_line("--metrics-listen %.200s cannot be served: %s", at, strerror(-rc));
		listen_close(&http->listener);
		free(http);
		return rc;
	}
	log_line("metrics: %s%s", http->listener.text,
		 http->listener.path[0] != '\0' ? " (/metrics, /healthz)" : "/metrics");
	if (http->listener.is_open_to_others)
		log_line("metrics: whoever reaches this address can read the names of programs and "
			 "what they push: 127.0.0.1 is for this machine alone");
	*ret = http;
	return 0;
}

void http_close(struct http *http)
{
	if (http == NULL)
		return;
	(void)eventfd_write(http->stop_fd, 1);
	pthread_join(http->thread, NULL);
	MHD_stop_daemon(http->daemon);
	http->listener.fd = -1; /* the library has closed it */
	listen_close(&http->listener);
	close(http->stop_fd);
	free(http->metrics);
	free(http);
}
