/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `otlpipe send`. What only HTTP needs is http_options.h's. */
#ifndef OTLPIPE_CLI_SEND_OPTIONS_H
#define OTLPIPE_CLI_SEND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

#define SEND_CONCURRENCY_MAX 64u
#define SEND_HEADERS_MAX     64u
#define SEND_KAFKA_MAX	     64u

/* A Collector takes 20 MiB decompressed; what stands around a body is never counted in it. */
#define SEND_REQUEST_BYTES_MAX (((size_t)20 << 20) - ((size_t)64 << 10))
#define SEND_REQUEST_BYTES_MIN ((size_t)1 << 10)

enum send_compression { SEND_PLAIN, SEND_GZIP, SEND_ZSTD, SEND_COMPRESSION_UNSET };

struct send_options {
	const char *path;	 /* the output directory */
	const char *to;		 /* NULL: by the environment */
	enum otlp_signal signal; /* SIGNAL_NONE: all */
	bool follow;
	const char *name;
	const char *cursor;  /* its path; NULL: in the output directory, by the name */
	const char *refused; /* the directory of what is set aside; NULL: the output directory */
	size_t request_bytes;
	unsigned concurrency;
	int64_t max_age_ns;	  /* 0: however old */
	int64_t give_up_after_ns; /* without a success; 0: never */
	int64_t grace_ns;
	int64_t backoff_max_ns;
	const char *metrics; /* a path, or "-"; NULL: none */
	/* Of HTTP. */
	enum send_compression compression;
	const char *headers[SEND_HEADERS_MAX]; /* "name=value" */
	unsigned header_count;
	int64_t timeout_ns; /* 0: by the environment */
	const char *ca, *certificate, *key;
	bool is_insecure; /* the receiver's certificate is not checked */
	/* Of Kafka. */
	const char *topics[SIGNAL_COUNT];  /* NULL: by the prefix in --to */
	const char *kafka[SEND_KAFKA_MAX]; /* "key=value", of librdkafka */
	unsigned kafka_count;
};

/**
 * Read the command line.
 *
 * @return 0: go on; else there is no more to do, and this is the exit status + 1
 */
int send_options_parse(struct send_options *ret, int argc, char **argv);

#endif
