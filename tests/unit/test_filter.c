/* SPDX-License-Identifier: Apache-2.0 */
/* Which records the filters take, and that all else of a message stays as it is. */
#include "cli/filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/otlp_json.h"
#include "cli/otlp_parse.h"
#include "cli/otlp_row.h"

#define TRACE "0102030405060708090a0b0c0d0e0f10"

static const char spans[] =
	"{\"resourceSpans\":[{\"resource\":{\"attributes\":["
	"{\"key\":\"service.name\",\"value\":{\"stringValue\":\"shop\"}},"
	"{\"key\":\"zone\",\"value\":{\"intValue\":\"7\"}}]},\"schemaUrl\":\"r\","
	"\"scopeSpans\":[{\"scope\":{\"name\":\"one\"},\"spans\":["
	"{\"traceId\":\"" TRACE "\",\"name\":\"a\",\"startTimeUnixNano\":\"1000000000000000000\","
	"\"attributes\":[{\"key\":\"n\",\"value\":{\"intValue\":\"5\"}},"
	"{\"key\":\"zone\",\"value\":{\"stringValue\":\"own\"}}]},"
	"{\"name\":\"b\",\"startTimeUnixNano\":\"1000000001500000000\","
	"\"attributes\":[{\"key\":\"n\",\"value\":{\"stringValue\":\"5\"}},"
	"{\"key\":\"ok\",\"value\":{\"boolValue\":true}}]}]},"
	"{\"scope\":{\"name\":\"two\"},\"spans\":[{\"name\":\"c\","
	"\"attributes\":[{\"key\":\"n\",\"value\":{\"doubleValue\":5.5}}]}]}]}]}";

static const char metrics[] =
	"{\"resourceMetrics\":[{\"scopeMetrics\":[{\"metrics\":["
	"{\"name\":\"a\",\"unit\":\"s\",\"gauge\":{\"dataPoints\":["
	"{\"timeUnixNano\":\"5\",\"asInt\":\"1\",\"attributes\":"
	"[{\"key\":\"k\",\"value\":{\"stringValue\":\"x\"}}]},"
	"{\"timeUnixNano\":\"9\",\"asInt\":\"2\"}]}},"
	"{\"name\":\"b\",\"histogram\":{\"aggregationTemporality\":2,\"dataPoints\":["
	"{\"timeUnixNano\":\"9\",\"count\":\"3\",\"attributes\":"
	"[{\"key\":\"k\",\"value\":{\"stringValue\":\"x\"}}]}]}},"
	"{\"name\":\"c\",\"exponentialHistogram\":{\"dataPoints\":[{\"attributes\":"
	"[{\"key\":\"k\",\"value\":{\"stringValue\":\"x\"}}]}]}}]}]}]}";

/* The only item of a document, and where its bytes are. */
static struct read_item item_of(const char *text, enum otlp_signal signal, struct wire_out *bytes)
{
	json_object *document = json_tokener_parse(text);
	struct wire_field field;

	assert_non_null(document);
	assert_int_equal(otlp_parse(document, signal, bytes), 0);
	json_object_put(document);
	assert_int_equal(wire_field(bytes->data, bytes->count, &field), 0);
	return (struct read_item){.signal = signal,
				  .field = bytes->data,
				  .field_bytes = bytes->count,
				  .data = bytes->data + field.head_bytes,
				  .bytes = (size_t)field.payload_bytes};
}

static int gather(void *context, const char *line, size_t bytes)
{
	strncat(context, line, bytes);
	return 0;
}

/* What is left of a document: the text as JSON, "" for nothing. */
static const char *left_of(const char *text, enum otlp_signal signal, struct filter *filter)
{
	static char out[4096];
	struct wire_out bytes = {0};
	struct read_item item = item_of(text, signal, &bytes), ret;
	ProtobufCMessage *message;
	int rc = filter_apply(filter, &item, &ret);

	out[0] = '\0';
	assert_true(rc >= 0);
	if (rc == 1) {
		assert_ptr_equal(ret.field + ret.field_bytes, ret.data + ret.bytes);
		assert_int_equal(otlp_decode(otlp_rows[signal].type, ret.data, ret.bytes, &message),
				 0);
		assert_int_equal(otlp_json_lines(message, sizeof(out), gather, out), 0);
		otlp_free(message);
	}
	wire_out_free(&bytes);
	filter_free(filter);
	return out;
}

/* The options as on a command line. 0, or what the parser gave. */
static int filter_of(struct filter *ret, ...)
{
	char *words[16] = {(char *)(uintptr_t) "test"};
	int count = 1;
	va_list list;

	*ret = (struct filter){0};
	va_start(list, ret);
	while ((words[count] = va_arg(list, char *)) != NULL)
		count++;
	va_end(list);
	return argp_parse(&filter_argp, count, words, ARGP_SILENT, NULL, ret);
}

/* The names of the spans that are left, in their order. */
static void assert_spans(const char *option, const char *value, const char *names)
{
	struct filter filter;
	char expected[64], found[64] = {0};
	const char *at;

	assert_int_equal(filter_of(&filter, option, value, NULL), 0);
	at = left_of(spans, OTLP_SIGNAL_TRACES, &filter);
	for (const char *name = "abc"; *name != '\0'; name++) {
		snprintf(expected, sizeof(expected), "\"name\":\"%c\"", *name);
		if (strstr(at, expected) != NULL)
			found[strlen(found)] = *name; /* the rest is zeros */
	}
	assert_string_equal(found, names);
}

static void each_filter_takes_its_spans(void **state)
{
	(void)state;
	assert_spans("--service", "shop", "abc");
	assert_spans("--service", "sho", "");
	assert_spans("--name", "b", "b");
	assert_spans("--trace", TRACE, "a");
	assert_spans("--since", "1000000001", "b");
	assert_spans("--until", "1000000001", "a");
	assert_spans("--since", "1000000001.5", "b");
	assert_spans("--since", "2001-09-09T01:46:41Z", "b");
	assert_spans("--since", "5m", "");
	assert_spans("--limit", "2", "ab");
}

static void an_attribute_is_compared_by_its_type_and_the_records_own_comes_first(void **state)
{
	(void)state;
	assert_spans("--where", "n=5", "ab");
	assert_spans("--where", "n=5.5", "c");
	assert_spans("--where", "n=05", "a");
	assert_spans("--where", "ok=true", "b");
	assert_spans("--where", "ok=1", "");
	assert_spans("--where", "zone=7", "bc");
	assert_spans("--where", "zone=own", "a");
	assert_spans("--where", "absent=", "");
}

static void several_filters_must_all_hold(void **state)
{
	struct filter filter;

	(void)state;
	assert_int_equal(filter_of(&filter, "--where=n=5", "--where=ok=true", "--name=b", NULL), 0);
	assert_non_null(strstr(left_of(spans, OTLP_SIGNAL_TRACES, &filter), "\"name\":\"b\""));
	assert_int_equal(filter.taken, 1);
	assert_int_equal(filter_of(&filter, "--where=n=5", "--where=ok=true", "--name=a", NULL), 0);
	assert_string_equal(left_of(spans, OTLP_SIGNAL_TRACES, &filter), "");
}

static void what_is_around_a_record_stays_and_empty_scopes_go(void **state)
{
	struct filter filter;
	const char *left;

	(void)state;
	assert_int_equal(filter_of(&filter, "--name", "c", NULL), 0);
	left = left_of(spans, OTLP_SIGNAL_TRACES, &filter);
	assert_non_null(strstr(left, "\"shop\""));
	assert_non_null(strstr(left, "\"schemaUrl\":\"r\""));
	assert_non_null(strstr(left, "\"two\""));
	assert_null(strstr(left, "\"one\""));
}

static void points_are_chosen_by_metric_time_and_attributes(void **state)
{
	struct filter filter;
	const char *left;

	(void)state;
	assert_int_equal(filter_of(&filter, "--where", "k=x", NULL), 0);
	left = left_of(metrics, OTLP_SIGNAL_METRICS, &filter);
	assert_int_equal(filter.taken, 3);
	assert_non_null(strstr(left, "\"unit\":\"s\""));
	assert_non_null(strstr(left, "\"asInt\":\"1\""));
	assert_null(strstr(left, "\"asInt\":\"2\""));
	assert_non_null(strstr(left, "\"aggregationTemporality\":2"));
	assert_int_equal(filter_of(&filter, "--name", "b", NULL), 0);
	left = left_of(metrics, OTLP_SIGNAL_METRICS, &filter);
	assert_null(strstr(left, "\"asInt\""));
	assert_non_null(strstr(left, "\"count\":\"3\""));
	/* No metric is of a trace, and a point without a time is of none. */
	assert_int_equal(filter_of(&filter, "--trace", TRACE, NULL), 0);
	assert_string_equal(left_of(metrics, OTLP_SIGNAL_METRICS, &filter), "");
	assert_int_equal(filter_of(&filter, "--until", "1h", NULL), 0);
	(void)left_of(metrics, OTLP_SIGNAL_METRICS, &filter);
	assert_int_equal(filter.taken, 3);
}

static void the_limit_counts_over_all_items(void **state)
{
	struct filter filter;

	(void)state;
	assert_int_equal(filter_of(&filter, "--limit", "4", NULL), 0);
	(void)left_of(spans, OTLP_SIGNAL_TRACES, &filter);
	assert_false(filter_is_over(&filter));
	(void)left_of(spans, OTLP_SIGNAL_TRACES, &filter);
	assert_int_equal(filter.taken, 4);
	assert_true(filter_is_over(&filter));
	assert_string_equal(left_of(spans, OTLP_SIGNAL_TRACES, &filter), "");
}

static void without_a_filter_an_item_is_handed_on_as_it_is(void **state)
{
	struct filter filter = {0};
	struct wire_out bytes = {0};
	struct read_item item = item_of(spans, OTLP_SIGNAL_TRACES, &bytes), ret;

	(void)state;
	assert_false(filter_is_any(&filter));
	assert_int_equal(filter_apply(&filter, &item, &ret), 1);
	assert_ptr_equal(ret.data, item.data);
	wire_out_free(&bytes);
}

static void damaged_bytes_are_refused_and_never_read_beyond(void **state)
{
	struct wire_out bytes = {0};
	struct filter filter;
	struct read_item item, ret;

	(void)state;
	item = item_of(spans, OTLP_SIGNAL_TRACES, &bytes);
	assert_int_equal(filter_of(&filter, "--where", "n=5", "--name", "b", NULL), 0);
	for (size_t cut = 1; cut < item.bytes; cut++) {
		uint8_t *copy = malloc(cut);
		struct read_item part = item;

		assert_non_null(copy);
		memcpy(copy, item.data, cut);
		part.data = part.field = copy;
		part.bytes = part.field_bytes = cut;
		/* Cut between two fields it is a message of its own. */
		const int rc = filter_apply(&filter, &part, &ret);

		assert_true(rc == -EBADMSG || rc >= 0);
		free(copy);
	}
	filter_free(&filter);
	wire_out_free(&bytes);
}

static void words_that_mean_nothing_are_refused(void **state)
{
	static const char *const words[] = {
		"--trace=12",	 "--trace=00000000000000000000000000000000",
		"--since=often", "--since=",
		"--until=-5",	 "--where=key",
		"--where==v",	 "--limit=0",
		"--limit=many",	 "--since=1000000001.5.5",
	};
	struct filter filter;

	(void)state;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(filter_of(&filter, words[i], NULL), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_filter_takes_its_spans),
		cmocka_unit_test(
			an_attribute_is_compared_by_its_type_and_the_records_own_comes_first),
		cmocka_unit_test(several_filters_must_all_hold),
		cmocka_unit_test(what_is_around_a_record_stays_and_empty_scopes_go),
		cmocka_unit_test(points_are_chosen_by_metric_time_and_attributes),
		cmocka_unit_test(the_limit_counts_over_all_items),
		cmocka_unit_test(without_a_filter_an_item_is_handed_on_as_it_is),
		cmocka_unit_test(damaged_bytes_are_refused_and_never_read_beyond),
		cmocka_unit_test(words_that_mean_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
