/* SPDX-License-Identifier: Apache-2.0 */
/* Flags by argp. */
#include "cli/send/options.h"

#include <errno.h>
#include <string.h>

#include "base/arguments.h"
#include "base/units.h"
#include "cli/tool.h"
#include "writer/file/cursor.h"

#define SECOND_NS INT64_C(1000000000)
#define YEAR_NS	  (366 * 24 * 3600 * SECOND_NS)

enum option_key {
	OPTION_TO = 't',
	OPTION_FOLLOW = 'f',
	OPTION_SIGNAL = 's',
	OPTION_NAME = 'n',
	OPTION_CONCURRENCY = 'c',
	OPTION_HEADER = 'H',
	OPTION_CURSOR = 256,
	OPTION_REFUSED,
	OPTION_REQUEST_BYTES,
	OPTION_MAX_AGE,
	OPTION_GIVE_UP,
	OPTION_GRACE,
	OPTION_BACKOFF,
	OPTION_METRICS,
	OPTION_COMPRESSION,
	OPTION_TIMEOUT,
	OPTION_CA,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_INSECURE,
	OPTION_KAFKA,
	OPTION_TOPIC,
};

static const struct argp_option options_table[] = {
	{"to", OPTION_TO, "URL", 0, "http://host:4318, https://…, kafka://host:9092", 0},
	{"follow", OPTION_FOLLOW, NULL, 0, "go on with what is written, until a signal comes", 0},
	{"signal", OPTION_SIGNAL, "SIGNAL", 0, "traces, metrics or logs alone (all)", 0},
	{"name", OPTION_NAME, "NAME", 0, "of this sender, for --retain-for (default)", 0},
	{"cursor", OPTION_CURSOR, "FILE", 0, "(DIR/otlpipe-send.NAME.cursor)", 0},
	{"refused", OPTION_REFUSED, "DIR", ARGUMENTS_RARE,
	 "where refused records are set aside (DIR)", 0},
	{"request-bytes", OPTION_REQUEST_BYTES, "SIZE", ARGUMENTS_RARE,
	 "of a request, decompressed, 1KiB to 19.9MiB (4MiB)", 0},
	{"concurrency", OPTION_CONCURRENCY, "N", ARGUMENTS_RARE, "requests at a time, 1 to 64 (4)",
	 0},
	{"max-age", OPTION_MAX_AGE, "TIME", ARGUMENTS_RARE, "what is older is passed over (never)",
	 0},
	{"give-up-after", OPTION_GIVE_UP, "TIME", ARGUMENTS_RARE,
	 "end when nothing was taken for so long", 0},
	{"grace", OPTION_GRACE, "TIME", ARGUMENTS_RARE, "for answers, when told to stop (10s)", 0},
	{"backoff-max", OPTION_BACKOFF, "TIME", ARGUMENTS_RARE, "between two tries, at most (30s)",
	 0},
	{"metrics", OPTION_METRICS, "FILE|-", ARGUMENTS_RARE,
	 "its own counters, as Prometheus text", 0},
	{"compression", OPTION_COMPRESSION, "HOW", 0, "gzip, zstd or none (none)", 0},
	{"header", OPTION_HEADER, "NAME=VALUE", 0, "one more; may be given several times", 0},
	{"timeout", OPTION_TIMEOUT, "TIME", ARGUMENTS_RARE, "for the answer to a request (10s)", 0},
	{"ca", OPTION_CA, "FILE", 0, "to check the receiver by (the system's)", 0},
	{"certificate", OPTION_CERTIFICATE, "FILE", 0, "of this client", 0},
	{"key", OPTION_KEY, "FILE", 0, "of that certificate", 0},
	{"insecure", OPTION_INSECURE, NULL, 0, "do not check the receiver's certificate", 0},
	{"kafka", OPTION_KAFKA, "KEY=VALUE", 0, "a setting of librdkafka; several times", 0},
	{"topic", OPTION_TOPIC, "SIGNAL=NAME", 0, "of Kafka (PREFIX, otlp_spans, _metrics, _logs)",
	 0},
	{0},
};

static error_t take_time(const struct argp_state *state, const char *name, const char *text,
			 int64_t min_ns, int64_t *ret)
{
	int64_t ns;

	if (units_parse_duration(text, &ns) < 0 || ns < min_ns || ns > 100 * YEAR_NS)
		return arguments_refuse(state, "--%s takes a time such as 30s, not \"%s\"", name,
					text);
	*ret = ns;
	return 0;
}

static error_t take_compression(const struct argp_state *state, const char *text,
				enum send_compression *ret)
{
	static const char *const names[] = {
		[SEND_PLAIN] = "none", [SEND_GZIP] = "gzip", [SEND_ZSTD] = "zstd"};

	for (unsigned i = 0; i <= SEND_ZSTD; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum send_compression)i;
			return 0;
		}
	}
	return arguments_refuse(state, "--compression takes gzip, zstd or none, not \"%s\"", text);
}

static error_t take_request_bytes(const struct argp_state *state, const char *text, size_t *ret)
{
	uint64_t bytes;

	if (units_parse_size(text, &bytes) < 0 || bytes < SEND_REQUEST_BYTES_MIN ||
	    bytes > SEND_REQUEST_BYTES_MAX)
		return arguments_refuse(state,
					"--request-bytes takes a size from 1KiB to 20416KiB (a "
					"Collector takes 20MiB), not \"%s\"",
					text);
	*ret = (size_t)bytes;
	return 0;
}

static error_t take_header(const struct argp_state *state, struct send_options *options,
			   const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || equals == text || strpbrk(text, "\r\n") != NULL)
		return arguments_refuse(state, "--header takes NAME=VALUE");
	if (options->header_count == SEND_HEADERS_MAX)
		return arguments_refuse(state, "more than %u headers", SEND_HEADERS_MAX);
	options->headers[options->header_count++] = text;
	return 0;
}

static error_t take_kafka(const struct argp_state *state, struct send_options *options,
			  const char *text)
{
	if (options->kafka_count == SEND_KAFKA_MAX)
		return arguments_refuse(state, "more than %u times --kafka", SEND_KAFKA_MAX);
	options->kafka[options->kafka_count++] = text;
	return 0;
}

static error_t take_topic(const struct argp_state *state, struct send_options *options, char *text)
{
	char *equals = strchr(text, '=');
	enum otlp_signal signal = SIGNAL_NONE;

	if (equals != NULL) {
		*equals = '\0';
		signal = signal_by_name(text);
		*equals = '=';
	}
	if (signal == SIGNAL_NONE)
		return arguments_refuse(state,
					"--topic takes traces=NAME, metrics=NAME or logs=NAME, "
					"not \"%s\"",
					text);
	options->topics[signal] = equals + 1;
	return 0;
}

/* What only one kind of destination needs. */
static error_t take_of_destination(int key, char *text, struct argp_state *state)
{
	struct send_options *options = state->input;

	switch (key) {
	case OPTION_COMPRESSION:
		return take_compression(state, text, &options->compression);
	case OPTION_HEADER:
		return take_header(state, options, text);
	case OPTION_TIMEOUT:
		return take_time(state, "timeout", text, 1000000, &options->timeout_ns);
	case OPTION_CA:
		options->ca = text;
		return 0;
	case OPTION_CERTIFICATE:
		options->certificate = text;
		return 0;
	case OPTION_KEY:
		options->key = text;
		return 0;
	case OPTION_INSECURE:
		options->is_insecure = true;
		return 0;
	case OPTION_KAFKA:
		return take_kafka(state, options, text);
	case OPTION_TOPIC:
		return take_topic(state, options, text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct send_options *options = state->input;
	uint64_t number;

	switch (key) {
	case OPTION_TO:
		options->to = text;
		return 0;
	case OPTION_FOLLOW:
		options->follow = true;
		return 0;
	case OPTION_SIGNAL:
		options->signal = signal_by_name(text);
		if (options->signal == SIGNAL_NONE)
			return arguments_refuse(
				state, "--signal takes traces, metrics or logs, not '%s'", text);
		return 0;
	case OPTION_NAME:
		options->name = text;
		if (!cursor_name_is_good(text))
			return arguments_refuse(state,
						"--name takes up to %u of a-z, 0-9, - and _, not "
						"\"%s\"",
						CURSOR_NAME_BYTES_MAX, text);
		return 0;
	case OPTION_CURSOR:
		options->cursor = text;
		return 0;
	case OPTION_REFUSED:
		options->refused = text;
		return 0;
	case OPTION_REQUEST_BYTES:
		return take_request_bytes(state, text, &options->request_bytes);
	case OPTION_CONCURRENCY:
		if (units_parse_count(text, 1, SEND_CONCURRENCY_MAX, &number) < 0)
			return arguments_refuse(state,
						"--concurrency takes a number from 1 to %u, not "
						"\"%s\"",
						SEND_CONCURRENCY_MAX, text);
		options->concurrency = (unsigned)number;
		return 0;
	case OPTION_MAX_AGE:
		return take_time(state, "max-age", text, 0, &options->max_age_ns);
	case OPTION_GIVE_UP:
		return take_time(state, "give-up-after", text, 0, &options->give_up_after_ns);
	case OPTION_GRACE:
		return take_time(state, "grace", text, 0, &options->grace_ns);
	case OPTION_BACKOFF:
		return take_time(state, "backoff-max", text, 1000000, &options->backoff_max_ns);
	case OPTION_METRICS:
		options->metrics = text;
		return 0;
	case ARGP_KEY_ARG:
		if (options->path != NULL)
			return arguments_refuse(state, "one directory, and not also \"%s\"", text);
		options->path = text;
		return 0;
	case ARGP_KEY_END:
		if (options->path == NULL)
			return arguments_refuse(state, "no directory given: the writer's --output");
		return 0;
	default:
		return take_of_destination(key, text, state);
	}
}

int send_options_parse(struct send_options *ret, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.args_doc = "DIR",
		.doc = "Send what the writer has in DIR to an OTLP receiver, each record once.\v"
		       "Without --to, $OTEL_EXPORTER_OTLP_ENDPOINT says where to.\n"
		       "Exit status: 1 if something was refused, missing or not sent; else 0.",
	};

	*ret = (struct send_options){
		.signal = SIGNAL_NONE,
		.name = "default",
		.request_bytes = (size_t)4 << 20,
		.concurrency = 4,
		.grace_ns = 10 * SECOND_NS,
		.backoff_max_ns = 30 * SECOND_NS,
		.compression = SEND_COMPRESSION_UNSET,
	};
	return tool_parse(&argp, argc, argv, ret);
}
