/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests on their way by libcurl's multi interface. What an answer means is answer.c's, and where
 * to send is http_options.c's.
 */
#include "cli/send/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>
#include <otlpipe/otlpipe.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/send/answer.h"
#include "cli/send/compress.h"
#include "cli/send/http_options.h"

/* An answer that is longer is given up: no receiver of OTLP says so much. */
#define ANSWER_BYTES_MAX ((uint64_t)4 << 20)
#define WAIT_MS_MAX	 1000
#define HEADER_BYTES_MAX 256u

/* A request on its way, and the easy handle that carries one after the other. */
struct slot {
	CURL *easy;
	struct send_request *request; /* NULL: it is free */
	uint8_t *packed;	      /* the body as it goes out, where it is compressed */
	const uint8_t *out;	      /* what is left of it to go out */
	size_t out_bytes;
	bool is_begun; /* some of it went out */
	uint64_t received_bytes;
	uint8_t *body;
	size_t body_bytes;
	char retry_after[HEADER_BYTES_MAX];
	char location[HEADER_BYTES_MAX];
	char error[CURL_ERROR_SIZE];
};

struct http {
	struct send_destination destination; /* the first member */
	struct http_target targets[SIGNAL_COUNT];
	struct curl_slist *headers[SIGNAL_COUNT];
	char agent[64];
	CURLM *multi;
	struct slot *slots;
	unsigned slot_count;
	unsigned busy_count;
};

/* ---- what libcurl hands over ---- */

/*
 * Read by a function, and not from memory, since libcurl cannot begin anew then. It would do so by
 * itself on a kept connection that breaks, and the records would be there twice without a word.
 */
static size_t give_body(char *to, size_t size, size_t count, void *context)
{
	struct slot *slot = context;
	size_t bytes = size * count;

	bytes = bytes < slot->out_bytes ? bytes : slot->out_bytes;
	memcpy(to, slot->out, bytes);
	slot->out += bytes;
	slot->out_bytes -= bytes;
	slot->is_begun = true;
	return bytes;
}

/*
 * libcurl 8.14 asks for it before a request on a handle whose last body was not wanted to its end:
 * the new body stands at its beginning. Not in the middle of one, see above.
 */
static int begin_anew(void *context, curl_off_t offset, int origin)
{
	const struct slot *slot = context;

	return offset == 0 && origin == SEEK_SET && !slot->is_begun ? CURL_SEEKFUNC_OK
								    : CURL_SEEKFUNC_FAIL;
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct slot *slot = context;
	const size_t bytes = size * count;
	size_t room = ANSWER_BODY_BYTES_MAX - slot->body_bytes;

	slot->received_bytes += bytes;
	if (slot->received_bytes > ANSWER_BYTES_MAX)
		return 0; /* ends the transfer */
	room = room < bytes ? room : bytes;
	memcpy(slot->body + slot->body_bytes, data, room);
	slot->body_bytes += room;
	return bytes;
}

static void take_value(char ret[HEADER_BYTES_MAX], const char *value, size_t length)
{
	while (length > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		length--;
	}
	while (length > 0 && strchr("\r\n \t", value[length - 1]) != NULL)
		length--;
	if (length < HEADER_BYTES_MAX)
		snprintf(ret, HEADER_BYTES_MAX, "%.*s", (int)length, value);
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
	static const char retry[] = "retry-after:", location[] = "location:";
	struct slot *slot = context;
	const size_t bytes = size * count;

	if (bytes > sizeof(retry) - 1 && strncasecmp(data, retry, sizeof(retry) - 1) == 0)
		take_value(slot->retry_after, data + sizeof(retry) - 1,
			   bytes - (sizeof(retry) - 1));
	if (bytes > sizeof(location) - 1 && strncasecmp(data, location, sizeof(location) - 1) == 0)
		take_value(slot->location, data + sizeof(location) - 1,
			   bytes - (sizeof(location) - 1));
	return bytes;
}

/* ---- requests ---- */

static void slot_clear(struct slot *slot)
{
	free(slot->packed);
	slot->packed = NULL;
	slot->request = NULL;
	slot->received_bytes = slot->body_bytes = 0;
	slot->retry_after[0] = slot->location[0] = slot->error[0] = '\0';
}

static void set_target(CURL *easy, const struct http_target *target)
{
	const long timeout_ms = (long)(target->timeout_ns / 1000000);

	curl_easy_setopt(easy, CURLOPT_URL, target->url);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, target->is_insecure ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, target->is_insecure ? 0L : 2L);
	if (target->ca != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, target->ca);
	if (target->certificate != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, target->certificate);
	if (target->key != NULL)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, target->key);
}

static void set_slot(struct slot *slot)
{
	CURL *easy = slot->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->error);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, slot);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, begin_anew);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, slot);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, slot);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 512L << 10);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
}

/* The body as it goes out. 0 or -ENOMEM. */
static int pack(struct slot *slot, enum send_compression how, const uint8_t **ret,
		size_t *ret_bytes)
{
	const struct send_request *request = slot->request;
	int rc;

	*ret = request->body;
	*ret_bytes = request->body_bytes;
	if (how == SEND_PLAIN)
		return 0;
	rc = compress_body(how, request->body, request->body_bytes, &slot->packed, ret_bytes);
	*ret = slot->packed;
	return rc;
}

static int http_begin(struct send_destination *destination, struct send_request *request)
{
	struct http *http = (struct http *)destination;
	const struct http_target *target = &http->targets[request->signal];
	struct slot *slot = http->slots;
	const uint8_t *body;
	size_t bytes;
	int rc;

	while (slot < http->slots + http->slot_count && slot->request != NULL)
		slot++;
	if (slot == http->slots + http->slot_count)
		return -EAGAIN;
	slot->request = request;
	rc = pack(slot, target->compression, &body, &bytes);
	if (rc == 0) {
		curl_easy_reset(slot->easy);
		set_slot(slot);
		set_target(slot->easy, target);
		curl_easy_setopt(slot->easy, CURLOPT_USERAGENT, http->agent);
		curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, http->headers[request->signal]);
		slot->out = body;
		slot->out_bytes = bytes;
		slot->is_begun = false;
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
		if (curl_multi_add_handle(http->multi, slot->easy) != CURLM_OK)
			rc = -ENOMEM;
	}
	if (rc < 0) {
		slot_clear(slot);
		return rc;
	}
	request->slot = slot;
	destination->wire_bytes += bytes;
	http->busy_count++;
	return 0;
}

/* Nothing came that could be judged. */
static void judge_failure(const struct slot *slot, CURLcode code, struct send_answer *ret)
{
	curl_off_t sent = 0;
	struct text text;

	*ret = (struct send_answer){.verdict = SEND_AGAIN, .retry_after_ns = -1};
	(void)curl_easy_getinfo(slot->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	/* Where nothing of it went out, nothing of it can have been taken. */
	ret->is_doubtful = sent > 0;
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		ret->verdict = SEND_STOP;
		break;
	default:
		break;
	}
	text_begin(&text, ret->text, sizeof(ret->text));
	if (code == CURLE_WRITE_ERROR)
		text_add(&text, "it answers without end: is it an OTLP receiver?");
	else if (slot->error[0] != '\0')
		text_add_quoted(&text, slot->error, strlen(slot->error), 200);
	else
		text_add(&text, curl_easy_strerror(code));
}

static void judge(const struct slot *slot, CURLcode code, struct send_answer *ret)
{
	struct http_answer answer = {
		.retry_after = slot->retry_after,
		.location = slot->location,
		.body = slot->body,
		.body_bytes = slot->body_bytes,
	};
	char *type = NULL;

	(void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &answer.status);
	(void)curl_easy_getinfo(slot->easy, CURLINFO_CONTENT_TYPE, &type);
	answer.content_type = type != NULL ? type : "";
	/* An answer that was cut in the middle is none, whatever its status was. */
	if (code != CURLE_OK || answer.status == 0)
		judge_failure(slot, code, ret);
	else
		answer_judge(&answer, time(NULL), ret);
}

/* An answer that is there. 1 or 0. */
static int reap(struct http *http, struct send_request **ret_request,
		struct send_answer *ret_answer)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		const CURLcode code = message->data.result;
		struct slot *slot = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &slot);
		judge(slot, code, ret_answer);
		*ret_request = slot->request;
		slot->request->slot = NULL;
		curl_multi_remove_handle(http->multi, slot->easy);
		slot_clear(slot);
		http->busy_count--;
		return 1;
	}
	return 0;
}

static int http_wait(struct send_destination *destination, int64_t timeout_ns,
		     struct send_request **ret_request, struct send_answer *ret_answer)
{
	struct http *http = (struct http *)destination;
	const int64_t until_ns = clock_monotonic_ns() + timeout_ns;

	for (;;) {
		int running, left_ms;
		int64_t left_ns;

		if (curl_multi_perform(http->multi, &running) != CURLM_OK)
			return -EIO;
		if (reap(http, ret_request, ret_answer) == 1)
			return 1;
		left_ns = until_ns - clock_monotonic_ns();
		if (left_ns <= 0)
			return 0;
		left_ms = left_ns > WAIT_MS_MAX * INT64_C(1000000)
				  ? WAIT_MS_MAX
				  : (int)((left_ns + 999999) / 1000000);
		if (curl_multi_poll(http->multi, NULL, 0, left_ms, NULL) != CURLM_OK)
			return -EIO;
	}
}

/* ---- open, close ---- */

static void http_close(struct send_destination *destination)
{
	struct http *http = (struct http *)destination;

	for (unsigned i = 0; i < http->slot_count; i++) {
		struct slot *slot = &http->slots[i];

		if (slot->request != NULL)
			curl_multi_remove_handle(http->multi, slot->easy);
		slot_clear(slot);
		if (slot->easy != NULL)
			curl_easy_cleanup(slot->easy);
		free(slot->body);
	}
	free(http->slots);
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++) {
		http_target_free(&http->targets[s]);
		curl_slist_free_all(http->headers[s]);
	}
	free((char *)(uintptr_t)http->destination.shown);
	free(http);
	curl_global_cleanup();
}

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *grown = curl_slist_append(*list, line);

	if (grown == NULL)
		return -ENOMEM;
	*list = grown;
	return 0;
}

static int make_headers(struct http *http, enum otlp_signal signal)
{
	static const char *const encodings[] = {
		[SEND_GZIP] = "Content-Encoding: gzip", [SEND_ZSTD] = "Content-Encoding: zstd"};
	const struct http_target *target = &http->targets[signal];
	struct curl_slist **list = &http->headers[signal];
	int rc = append(list, "Content-Type: application/x-protobuf");

	/* Without it libcurl waits for a second before it sends a larger body. */
	if (rc == 0)
		rc = append(list, "Expect:");
	if (rc == 0 && target->compression != SEND_PLAIN)
		rc = append(list, encodings[target->compression]);
	for (const struct curl_slist *h = target->headers; rc == 0 && h != NULL; h = h->next)
		rc = append(list, h->data);
	return rc;
}

/* The address of the first signal without its path, and without a user's password. */
static char *make_shown(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	const size_t length = strcspn(host, "/");
	const char *at = memrchr(host, '@', length);
	char *shown;

	if (at != NULL)
		return asprintf(&shown, "%.*s%.*s", (int)(host - url), url,
				(int)(host + length - at - 1), at + 1) < 0
			       ? NULL
			       : shown;
	return strndup(url, (size_t)(host + length - url));
}

static int make_slots(struct http *http, unsigned count)
{
	http->multi = curl_multi_init();
	http->slots = calloc(count, sizeof(*http->slots));
	if (http->multi == NULL || http->slots == NULL)
		return -ENOMEM;
	http->slot_count = count;
	for (unsigned i = 0; i < count; i++) {
		http->slots[i].easy = curl_easy_init();
		http->slots[i].body = malloc(ANSWER_BODY_BYTES_MAX);
		if (http->slots[i].easy == NULL || http->slots[i].body == NULL)
			return -ENOMEM;
	}
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)count);
	return 0;
}

int http_open(struct send_destination **ret, const struct send_options *options)
{
	static const struct send_destination_ops ops = {
		.begin = http_begin,
		.wait = http_wait,
		.close = http_close,
	};
	struct http *http;
	int rc = 0;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	http = calloc(1, sizeof(*http));
	if (http == NULL) {
		curl_global_cleanup();
		return -ENOMEM;
	}
	http->destination.ops = &ops;
	snprintf(http->agent, sizeof(http->agent), "OTel-OTLP-Exporter-otlpipe/%s", otlp_version());
	http->destination.request_bytes = SEND_REQUEST_BYTES_MAX;
	for (enum otlp_signal s = 0; rc == 0 && s < SIGNAL_COUNT; s++) {
		rc = http_target_resolve(&http->targets[s], options, s);
		if (rc == 0)
			rc = make_headers(http, s);
	}
	if (rc == 0)
		rc = make_slots(http, options->concurrency);
	if (rc == 0) {
		const enum otlp_signal first =
			options->signal != SIGNAL_NONE ? options->signal : OTLP_SIGNAL_TRACES;

		http->destination.shown = make_shown(http->targets[first].url);
		rc = http->destination.shown != NULL ? 0 : -ENOMEM;
	}
	if (rc < 0) {
		http_close(&http->destination);
		return rc;
	}
	*ret = &http->destination;
	return 0;
}
