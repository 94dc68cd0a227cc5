/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where and how each signal is sent by OTLP/HTTP: flags before the signal's own variable before
 * the general one (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT), by the rules
 * of OpenTelemetry.
 */
#ifndef OTLPIPE_CLI_SEND_HTTP_OPTIONS_H
#define OTLPIPE_CLI_SEND_HTTP_OPTIONS_H

#include <curl/curl.h>

#include "cli/send/options.h"

struct http_target {
	char *url;		    /* of one signal, whole */
	struct curl_slist *headers; /* the user's: "name: value" */
	int64_t timeout_ns;
	enum send_compression compression;
	char *ca, *certificate, *key; /* NULL: none */
	bool is_insecure;
};

/**
 * @return 0; -EINVAL: something makes no sense, and stderr says what; or -ENOMEM
 */
int http_target_resolve(struct http_target *ret, const struct send_options *options,
			enum otlp_signal signal);
void http_target_free(struct http_target *target);

#endif
