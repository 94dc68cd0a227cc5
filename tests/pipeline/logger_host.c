/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that logs by <otlpipe/logger.h>, for test_log_bridges.py.
 *
 * usage: logger_host SCENARIO     with $OTLPIPE_DIR
 * Exit 0: it went as it must; else a line says what did not.
 */
#include <otlpipe/logger.h>

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define HANDLED 300

#define EXPECT(what)                                                               \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #what); \
			exit(1);                                                   \
		}                                                                  \
	} while (0)

static const struct otlp_scope scope = {.name = OTLP_STR_INIT("the scope")};
static struct otlp_logger logger = {.scope = &scope, .severity_min = OTLP_SEVERITY_DEBUG};

static const struct otlp_log_context outer = {.trace_id = {1}, .span_id = {2}, .flags = 1};
static const struct otlp_log_context inner = {.trace_id = {3}, .span_id = {4}};

static int evaluated(void)
{
	EXPECT(!"the arguments of a statement below the minimum are looked at");
	return 0;
}

static void each_type(void)
{
	static const uint8_t raw[2] = {0, 255};
	const struct otlp_bytes bytes = {raw, sizeof(raw)};
	const bool yes = true;

	OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "each type", OTLP_KV("bool", yes), OTLP_KV("int", -1),
		 OTLP_KV("size", sizeof(raw)), OTLP_KV("max", UINT64_MAX), OTLP_KV("float", 0.5f),
		 OTLP_KV("double", 1.25), OTLP_KV("text", "t\xc3\xa9"),
		 OTLP_KV("null", (const char *)NULL), OTLP_KV("str", OTLP_STR("s")),
		 OTLP_KV("bytes", bytes), OTLP_KV("value", otlp_value_int(7)));
}

static void contexts(void)
{
	const struct otlp_log_context *before;

	OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "no context");
	EXPECT(otlp_log_context_get() == NULL);
	EXPECT(otlp_log_context_set(&outer) == NULL);
	EXPECT(otlp_log_context_get() == &outer);
	OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "outer");
	before = otlp_log_context_set(&inner);
	OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "inner");
	OTLP_LOG_IN(&logger, &outer, OTLP_SEVERITY_INFO, "given");
	EXPECT(otlp_log_context_set(before) == &inner);
	OTLP_LOGF_IN(&logger, NULL, OTLP_SEVERITY_INFO, (OTLP_KV("k", 1), OTLP_KV("l", "x")),
		     "outer %s", "again");
	otlp_log_context_set(NULL);
}

static void texts(void)
{
	char text[3 * OTLP_LOGGER_BODY_BYTES_MAX];
	struct otlp_attribute many[OTLP_LOGGER_ATTRIBUTES_MAX + 1];

	errno = ENOENT;
	OTLP_LOGF(&logger, OTLP_SEVERITY_ERROR, "%s: %m", "file");
	EXPECT(errno == ENOENT);
	memset(text, 'a', sizeof(text));
	text[OTLP_LOGGER_BODY_BYTES_MAX] = '\0';
	OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "%s", text); /* it just fits */
	text[OTLP_LOGGER_BODY_BYTES_MAX] = 'a';
	text[OTLP_LOGGER_BODY_BYTES_MAX + 1] = '\0';
	OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "%s", text);
	/* A character of three bytes, of which two would fit. */
	memcpy(text + OTLP_LOGGER_BODY_BYTES_MAX - 2, "\xe2\x82\xac", 4);
	OTLP_LOGF_IN(&logger, NULL, OTLP_SEVERITY_INFO, (OTLP_KV("k", 1)), "%s", text);
	OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "bad \xff%s", "\xc3");
	OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "wide %ls", L"\x20ac"); /* in the locale "C" */
	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		many[i] = otlp_attr_int(OTLP_STR("n"), (int64_t)i);
	EXPECT(otlp_logger_printf(&logger, NULL, OTLP_SEVERITY_INFO, many,
				  OTLP_LOGGER_ATTRIBUTES_MAX, "many") == OTLP_OK);
	EXPECT(otlp_logger_printf(&logger, NULL, OTLP_SEVERITY_INFO, many,
				  OTLP_LOGGER_ATTRIBUTES_MAX + 1, "%s",
				  "too many") == OTLP_ERR_TOO_LARGE);
}

static void minimum(void)
{
	OTLP_LOG(&logger, OTLP_SEVERITY_TRACE4, "below", OTLP_KV("k", evaluated()));
	OTLP_LOGF(&logger, OTLP_SEVERITY_TRACE, "below %d", evaluated());
	OTLP_LOG(&logger, OTLP_SEVERITY_DEBUG, "at the minimum");
	otlp_logger_set_severity_min(&logger, OTLP_SEVERITY_FATAL);
	OTLP_LOG(&logger, OTLP_SEVERITY_ERROR4, "below", OTLP_KV("k", evaluated()));
	otlp_logger_set_severity_min(&logger, OTLP_SEVERITY_UNSPECIFIED);
	OTLP_LOG(&logger, OTLP_SEVERITY_UNSPECIFIED, "all is logged");
}

static void forms(void)
{
	const struct otlp_logger closed = {.severity_min = OTLP_SEVERITY_INFO};

	OTLP_LOG(&closed, OTLP_SEVERITY_INFO, "a logger without a library logs nothing");
	each_type();
	contexts();
	texts();
	minimum();
}

static volatile sig_atomic_t handled;

static void log_in_handler(int number)
{
	const struct otlp_log_context *before = otlp_log_context_set(&inner);

	errno = EDOM;
	OTLP_LOG(&logger, OTLP_SEVERITY_FATAL, "from a handler", OTLP_KV("signal", number),
		 OTLP_KV("text", "typed"));
	if (errno == EDOM)
		handled++;
	otlp_log_context_set(before);
}

/* Each signal comes when the one before it has been handled, so that all of them are. */
static void *send_signals(void *receiver)
{
	int sent;

	for (sent = 0; sent < HANDLED; sent++) {
		EXPECT(pthread_kill(*(pthread_t *)receiver, SIGUSR1) == 0);
		while (__atomic_load_n(&handled, __ATOMIC_RELAXED) <= sent)
			sched_yield();
	}
	return NULL;
}

/* Statements of one thread, taken out of at any place by a handler that logs too. */
static void handler(void)
{
	const struct sigaction action = {.sa_handler = log_in_handler};
	pthread_t self = pthread_self(), sender;
	struct otlp_stats stats;
	uint64_t statements = 0;

	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	EXPECT(pthread_create(&sender, NULL, send_signals, &self) == 0);
	while (__atomic_load_n(&handled, __ATOMIC_RELAXED) < HANDLED) {
		otlp_log_context_set(&outer);
		OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "interrupted", OTLP_KV("n", statements));
		OTLP_LOGF(&logger, OTLP_SEVERITY_INFO, "interrupted %u", 1u);
		otlp_log_context_set(NULL);
		statements += 2;
		if (statements % 32 == 0)
			sched_yield(); /* to the sender: the test is of signals, not of the ring */
	}
	EXPECT(pthread_join(sender, NULL) == 0);
	EXPECT(otlp_library_get_stats(logger.library, &stats, sizeof(stats)) == OTLP_OK);
	EXPECT(stats.signals[OTLP_SIGNAL_LOGS].accepted +
		       stats.signals[OTLP_SIGNAL_LOGS].dropped_full ==
	       statements + HANDLED);
	EXPECT(stats.signals[OTLP_SIGNAL_LOGS].dropped_invalid == 0);
	printf("%ju\n", (uintmax_t)stats.signals[OTLP_SIGNAL_LOGS].accepted);
}

int main(int argc, char **argv)
{
	const char *scenario = argc == 2 ? argv[1] : "";

	EXPECT(setlocale(LC_ALL, "C") != NULL);
	EXPECT(otlp_library_open(&logger.library, NULL) == OTLP_OK);
	if (strcmp(scenario, "forms") == 0)
		forms();
	else if (strcmp(scenario, "handler") == 0)
		handler();
	else
		return 2;
	otlp_library_unref(logger.library);
	return 0;
}
