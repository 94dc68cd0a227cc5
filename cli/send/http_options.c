/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of OTLP exporters, as the specification has them. */
#include "cli/send/http_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"
#include "base/units.h"
#include "cli/tool.h"

#define URL_DEFAULT	   "http://localhost:4318"
#define TIMEOUT_DEFAULT_NS INT64_C(10000000000)
#define MILLISECONDS_MAX   UINT64_C(86400000)

/* A signal's word in the names of variables, and its path. */
static const struct {
	const char *word, *path;
} rows[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] = {"TRACES", "v1/traces"},
	[OTLP_SIGNAL_METRICS] = {"METRICS", "v1/metrics"},
	[OTLP_SIGNAL_LOGS] = {"LOGS", "v1/logs"},
};

/*
 * The signal's own variable, or else the general one.
 *
 * @param ret_name  the name of the one that counts; of 64 bytes
 * @return a copy, the caller's; NULL: neither is set, or there is no memory
 */
static char *variable(enum otlp_signal signal, const char *what, char *ret_name, bool *ret_is_own)
{
	const char *value;
	size_t length;

	*ret_is_own = true;
	snprintf(ret_name, 64, "OTEL_EXPORTER_OTLP_%s_%s", rows[signal].word, what);
	if (environment_get(ret_name, &value, &length))
		return strndup(value, length);
	*ret_is_own = false;
	snprintf(ret_name, 64, "OTEL_EXPORTER_OTLP_%s", what);
	return environment_get(ret_name, &value, &length) ? strndup(value, length) : NULL;
}

static int bad_variable(const char *name, const char *takes, const char *value)
{
	tool_error("$%s takes %s, not \"%.100s\"", name, takes, value);
	return -EINVAL;
}

/* ---- the address ---- */

static bool is_http(const char *url)
{
	const size_t length = strncmp(url, "http://", 7) == 0	 ? 7
			      : strncmp(url, "https://", 8) == 0 ? 8
								 : 0;

	return length > 0 && url[length] != '\0' && url[length] != '/' &&
	       strpbrk(url, " \t\r\n?#") == NULL;
}

/* The signal's path behind a base. */
static int join(char **ret, const char *base, enum otlp_signal signal)
{
	const size_t length = strlen(base);

	return asprintf(ret, "%s%s%s", base, length > 0 && base[length - 1] == '/' ? "" : "/",
			rows[signal].path) < 0
		       ? -ENOMEM
		       : 0;
}

static int resolve_url(struct http_target *ret, const struct send_options *options,
		       enum otlp_signal signal)
{
	char name[64], *value;
	bool is_own;
	int rc = 0;

	if (options->to != NULL) {
		if (is_http(options->to))
			return join(&ret->url, options->to, signal);
		tool_error("--to takes http://HOST:PORT or https://HOST:PORT, not \"%.200s\"",
			   options->to);
		return -EINVAL;
	}
	value = variable(signal, "ENDPOINT", name, &is_own);
	if (value == NULL)
		return join(&ret->url, URL_DEFAULT, signal);
	if (!is_http(value))
		rc = bad_variable(name, "http://HOST:PORT or https://HOST:PORT", value);
	else if (!is_own)
		rc = join(&ret->url, value, signal);
	else {
		/* As it stands; a bare host has the path "/". */
		ret->url = value;
		return 0;
	}
	free(value);
	return rc;
}

/* Other protocols have other ports: to send to them would be to send to nobody. */
static int check_protocol(const struct send_options *options, enum otlp_signal signal)
{
	char name[64], *value;
	bool is_own;
	int rc = 0;

	if (options->to != NULL)
		return 0;
	value = variable(signal, "PROTOCOL", name, &is_own);
	if (value != NULL && strcmp(value, "http/protobuf") != 0)
		rc = bad_variable(name, "http/protobuf alone here (or give --to)", value);
	free(value);
	return rc;
}

/* ---- headers ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %20 is a blank: values stand there as in a URL. In place. */
static void percent_decode(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		const int high = *text == '%' ? hex(text[1]) : -1;
		const int low = high >= 0 ? hex(text[2]) : -1;

		*to++ = low >= 0 ? (char)(high << 4 | low) : *text;
		text += low >= 0 ? 2 : 0;
	}
	*to = '\0';
}

static bool is_token(const char *name, size_t length)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && strchr(others, name[i]) == NULL)
			return false;
	return length > 0;
}

/* "name=value" as a line of HTTP. */
static int add_header(struct http_target *target, const char *pair)
{
	const char *equals = strchr(pair, '=');
	struct curl_slist *grown;
	char *line;

	if (equals == NULL || !is_token(pair, (size_t)(equals - pair)) ||
	    strpbrk(equals, "\r\n") != NULL)
		return -EINVAL;
	/* "name;" is how libcurl wants a header that is empty. */
	if (asprintf(&line, "%.*s%s%s", (int)(equals - pair), pair, equals[1] == '\0' ? ";" : ": ",
		     equals + 1) < 0)
		return -ENOMEM;
	grown = curl_slist_append(target->headers, line);
	free(line);
	if (grown == NULL)
		return -ENOMEM;
	target->headers = grown;
	return 0;
}

static void trim_pair(char *pair)
{
	char *equals = strchr(pair, '='), *end = equals;

	if (equals == NULL)
		return;
	while (end > pair && isspace((unsigned char)end[-1]))
		end--;
	memmove(end, equals, strlen(equals) + 1);
	equals = end;
	end = equals + 1 + strspn(equals + 1, " \t");
	memmove(equals + 1, end, strlen(end) + 1);
	end = equals + strlen(equals);
	while (end > equals + 1 && isspace((unsigned char)end[-1]))
		*--end = '\0';
}

static int resolve_headers(struct http_target *ret, const struct send_options *options,
			   enum otlp_signal signal)
{
	char name[64], *value, *rest, *pair;
	bool is_own;
	int rc = 0;

	value = variable(signal, "HEADERS", name, &is_own);
	rest = value;
	while (rc == 0 && (pair = strsep(&rest, ",")) != NULL) {
		pair += strspn(pair, " \t");
		if (*pair == '\0')
			continue;
		trim_pair(pair);
		percent_decode(pair);
		rc = add_header(ret, pair);
	}
	/* Its values may be secrets, and are not shown. */
	if (rc == -EINVAL)
		tool_error("$%s takes name=value,name=value, with %%xx for what is special", name);
	free(value);
	for (unsigned i = 0; rc == 0 && i < options->header_count; i++) {
		rc = add_header(ret, options->headers[i]);
		if (rc == -EINVAL)
			tool_error("--header takes NAME=VALUE, where NAME is one of HTTP's tokens");
	}
	return rc;
}

/* ---- the rest ---- */

static int resolve_timeout(struct http_target *ret, const struct send_options *options,
			   enum otlp_signal signal)
{
	char name[64], *value;
	uint64_t ms;
	bool is_own;
	int rc = 0;

	ret->timeout_ns = options->timeout_ns > 0 ? options->timeout_ns : TIMEOUT_DEFAULT_NS;
	value = options->timeout_ns > 0 ? NULL : variable(signal, "TIMEOUT", name, &is_own);
	if (value != NULL && units_parse_count(value, 1, MILLISECONDS_MAX, &ms) < 0)
		rc = bad_variable(name, "milliseconds, at least 1", value);
	else if (value != NULL)
		ret->timeout_ns = (int64_t)ms * 1000000;
	free(value);
	return rc;
}

static int resolve_compression(struct http_target *ret, const struct send_options *options,
			       enum otlp_signal signal)
{
	char name[64], *value;
	bool is_own;
	int rc = 0;

	ret->compression = options->compression;
	if (ret->compression != SEND_COMPRESSION_UNSET)
		return 0;
	ret->compression = SEND_PLAIN;
	value = variable(signal, "COMPRESSION", name, &is_own);
	if (value != NULL && strcmp(value, "gzip") == 0)
		ret->compression = SEND_GZIP;
	else if (value != NULL && strcmp(value, "zstd") == 0)
		ret->compression = SEND_ZSTD;
	else if (value != NULL && strcmp(value, "none") != 0)
		rc = bad_variable(name, "gzip, zstd or none", value);
	free(value);
	return rc;
}

static int resolve_file(char **ret, const char *flag, enum otlp_signal signal, const char *what)
{
	char name[64];
	bool is_own;

	if (flag == NULL) {
		*ret = variable(signal, what, name, &is_own);
		return 0;
	}
	*ret = strdup(flag);
	return *ret != NULL ? 0 : -ENOMEM;
}

int http_target_resolve(struct http_target *ret, const struct send_options *options,
			enum otlp_signal signal)
{
	int rc;

	*ret = (struct http_target){.is_insecure = options->is_insecure};
	rc = check_protocol(options, signal);
	if (rc == 0)
		rc = resolve_url(ret, options, signal);
	if (rc == 0)
		rc = resolve_headers(ret, options, signal);
	if (rc == 0)
		rc = resolve_timeout(ret, options, signal);
	if (rc == 0)
		rc = resolve_compression(ret, options, signal);
	if (rc == 0)
		rc = resolve_file(&ret->ca, options->ca, signal, "CERTIFICATE");
	if (rc == 0)
		rc = resolve_file(&ret->certificate, options->certificate, signal,
				  "CLIENT_CERTIFICATE");
	if (rc == 0)
		rc = resolve_file(&ret->key, options->key, signal, "CLIENT_KEY");
	if (rc < 0)
		http_target_free(ret);
	return rc;
}

void http_target_free(struct http_target *target)
{
	free(target->url);
	curl_slist_free_all(target->headers);
	free(target->ca);
	free(target->certificate);
	free(target->key);
	*target = (struct http_target){0};
}
