/* SPDX-License-Identifier: Apache-2.0 */
/* Options that choose records, and the look at each record, in the bytes where it lies. */
#include "cli/filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "cli/input_state.h"
#include "cli/log_fields.h"
#include "cli/otlp_pick.h"

#define NS_PER_S UINT64_C(1000000000)
/* A plain number is a duration in seconds; from here on, as three years are none, a time. */
#define UNIX_TIME_MIN_S 100000000.0

#define TRACE_ID_DIGITS 32u

/* ---- one record ---- */

static bool equals_value(const struct filter_where *where, const struct view_value *value)
{
	switch (value->kind) {
	case VIEW_STRING:
		return view_equal(where->text, value->bytes);
	case VIEW_BOOL:
		return view_equal(where->text,
				  value->number != 0 ? VIEW_BYTES("true") : VIEW_BYTES("false"));
	case VIEW_INT:
		return where->is_int && where->integer == value->number;
	case VIEW_DOUBLE:
		return where->is_real && where->real == value->real;
	default: /* lists and bytes have no text to compare with */
		return false;
	}
}

static uint32_t attributes_of(const struct pick_record *record)
{
	if (record->signal == OTLP_SIGNAL_TRACES)
		return VIEW_SPAN_ATTRIBUTES;
	if (record->signal == OTLP_SIGNAL_LOGS)
		return VIEW_LOG_ATTRIBUTES;
	switch (record->kind) {
	case PICK_HISTOGRAM:
		return 9;
	case PICK_EXP_HISTOGRAM:
		return 1;
	default:
		return 7;
	}
}

/* The resource that the records are in. */
struct look {
	struct filter *filter;
	struct view_bytes resource;
};

/* The record's own attribute, else the resource's. */
static int fits_wheres(const struct look *look, const struct pick_record *record)
{
	const struct filter *filter = look->filter;

	for (unsigned i = 0; i < filter->where_count; i++) {
		const struct filter_where *where = &filter->wheres[i];
		struct view_value value;
		int rc = view_attribute(record->bytes, attributes_of(record), where->key, &value);

		if (rc == 0)
			rc = view_attribute(look->resource, VIEW_RESOURCE_ATTRIBUTES, where->key,
					    &value);
		if (rc <= 0)
			return rc;
		if (!equals_value(where, &value))
			return 0;
	}
	return 1;
}

/* What is asked of a record, whatever its kind is. */
struct facts {
	struct view_bytes name, trace_id;
	uint64_t time_ns; /* 0: it has none */
};

#define METRIC_NAME 1u
#define POINT_TIME  3u

static int point_facts(const struct pick_record *record, struct facts *ret)
{
	struct view_bytes metric = record->metric, rest = record->bytes;
	struct view_field field;
	int rc = view_find(&metric, METRIC_NAME, &ret->name);

	while (rc >= 0 && (rc = view_next(&rest, &field)) == 1)
		if (field.number == POINT_TIME && field.type == WIRE_FIXED64)
			ret->time_ns = field.value;
	return rc;
}

static int facts_of(const struct pick_record *record, struct facts *ret)
{
	struct view_span span;
	struct view_log log;
	int rc;

	*ret = (struct facts){0};
	switch (record->signal) {
	case OTLP_SIGNAL_TRACES:
		rc = view_span(record->bytes, &span);
		if (rc == 0)
			*ret = (struct facts){span.name, span.trace_id, span.start_ns};
		return rc;
	case OTLP_SIGNAL_LOGS:
		rc = view_log(record->bytes, &log);
		if (rc == 0)
			*ret = (struct facts){log.event_name, log.trace_id,
					      log.time_ns != 0 ? log.time_ns : log.observed_ns};
		return rc;
	default:
		return point_facts(record, ret);
	}
}

static bool fits_facts(const struct filter *filter, const struct facts *facts)
{
	const struct view_bytes trace = {filter->trace, sizeof(filter->trace)};

	if (filter->name.data != NULL && !view_equal(filter->name, facts->name))
		return false;
	if (filter->has_trace && !view_equal(trace, facts->trace_id))
		return false;
	if ((filter->has_since || filter->has_until) && facts->time_ns == 0)
		return false;
	return (!filter->has_since || facts->time_ns >= filter->since_ns) &&
	       (!filter->has_until || facts->time_ns < filter->until_ns);
}

static int is_wanted(void *context, const struct pick_record *record)
{
	struct look *look = context;
	struct filter *filter = look->filter;
	struct facts facts;
	int rc;

	if (filter_is_over(filter))
		return 0;
	rc = facts_of(record, &facts);
	if (rc < 0)
		return rc;
	if (!fits_facts(filter, &facts))
		return 0;
	rc = fits_wheres(look, record);
	if (rc == 1)
		filter->taken++;
	return rc;
}

/* ---- an item ---- */

bool filter_is_any(const struct filter *filter)
{
	return filter->service.data != NULL || filter->name.data != NULL || filter->has_trace ||
	       filter->has_since || filter->has_until || filter->where_count > 0 ||
	       filter->has_limit;
}

bool filter_is_over(const struct filter *filter)
{
	return filter->has_limit && filter->taken >= filter->limit;
}

void filter_free(struct filter *filter)
{
	wire_out_free(&filter->made);
}

/* 1: it is of the service that is asked for, 0, or -EBADMSG. */
static int fits_service(const struct filter *filter, struct view_bytes resource)
{
	struct view_value value;
	int rc;

	if (filter->service.data == NULL)
		return 1;
	rc = view_attribute(resource, VIEW_RESOURCE_ATTRIBUTES, VIEW_BYTES("service.name"), &value);
	if (rc <= 0)
		return rc;
	return value.kind == VIEW_STRING && view_equal(value.bytes, filter->service);
}

#define FIELD_RESOURCE 1u

int filter_apply(struct filter *filter, const struct read_item *item, struct read_item *ret)
{
	const struct view_bytes data = {item->data, item->bytes};
	struct look look = {.filter = filter};
	struct view_bytes rest = data;
	uint64_t count;
	size_t bytes;
	int rc;

	*ret = *item;
	if (!filter_is_any(filter))
		return 1;
	if (filter_is_over(filter))
		return 0;
	rc = view_find(&rest, FIELD_RESOURCE, &look.resource);
	if (rc >= 0)
		rc = fits_service(filter, look.resource);
	if (rc <= 0)
		return rc;
	filter->made.count = 0;
	rc = wire_put_tag(&filter->made, INPUT_FIELD_DATA, WIRE_BYTES);
	if (rc == 0)
		rc = otlp_pick(item->signal, data, is_wanted, &look, &filter->made, &count);
	if (rc < 0 || count == 0)
		return rc;
	bytes = filter->made.count - 1;
	rc = wire_close(&filter->made, 1);
	if (rc < 0)
		return rc;
	ret->field = filter->made.data;
	ret->field_bytes = filter->made.count;
	ret->bytes = bytes;
	ret->data = ret->field + ret->field_bytes - bytes;
	return 1;
}

/* ---- options ---- */

enum { KEY_SERVICE = 0x4700, KEY_NAME, KEY_TRACE, KEY_SINCE, KEY_UNTIL, KEY_WHERE, KEY_LIMIT };

static const struct argp_option options[] = {
	{"service", KEY_SERVICE, "NAME", 0, "of this service.name", 0},
	{"name", KEY_NAME, "NAME", 0, "spans, metrics, events of this name", 0},
	{"trace", KEY_TRACE, "ID", 0, "spans and log records of this trace", 0},
	{"since", KEY_SINCE, "TIME", 0, "from then on: 5m (ago), RFC 3339, unix time", 0},
	{"until", KEY_UNTIL, "TIME", 0, "before then", 0},
	{"where", KEY_WHERE, "KEY=VALUE", 0, "with this attribute; may be repeated", 0},
	{"limit", KEY_LIMIT, "N", 0, "so many records, and no more", 0},
	{0},
};

static struct view_bytes bytes_of(const char *text)
{
	return (struct view_bytes){(const uint8_t *)text, strlen(text)};
}

/* A time in RFC 3339, seconds since 1970, or how long ago. */
static bool time_of(const char *text, uint64_t *ret)
{
	int64_t ago_ns;
	uint64_t now;

	if (log_time_of_text(text, ret))
		return true;
	if (text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0' &&
	    strtod(text, NULL) >= UNIX_TIME_MIN_S) {
		char *end;
		const uint64_t seconds = strtoull(text, &end, 10);
		const double fraction = *end == '.' ? strtod(end, NULL) : 0;

		if (seconds > UINT64_MAX / NS_PER_S - 1 || strchr(end + (*end == '.'), '.') != NULL)
			return false;
		*ret = seconds * NS_PER_S + (uint64_t)(fraction * (double)NS_PER_S);
		return true;
	}
	if (units_parse_duration(text, &ago_ns) < 0)
		return false;
	now = (uint64_t)clock_now_ns(CLOCK_REALTIME);
	*ret = now > (uint64_t)ago_ns ? now - (uint64_t)ago_ns : 0;
	return true;
}

static error_t take_where(struct filter *filter, const struct argp_state *state, const char *text)
{
	const char *equal = strchr(text, '=');
	struct filter_where *where = &filter->wheres[filter->where_count];
	char *end;

	if (equal == NULL || equal == text)
		return arguments_refuse(state, "--where takes KEY=VALUE, not '%s'", text);
	if (filter->where_count == FILTER_WHERES_MAX)
		return arguments_refuse(state, "--where may be given %u times", FILTER_WHERES_MAX);
	*where = (struct filter_where){.key = {(const uint8_t *)text, (size_t)(equal - text)},
				       .text = bytes_of(equal + 1)};
	if (where->text.len > 0 && strchr(" \t\n\v\f\r", equal[1]) == NULL) {
		errno = 0;
		where->integer = strtoll(equal + 1, &end, 10);
		where->is_int = errno == 0 && *end == '\0';
		where->real = strtod(equal + 1, &end);
		where->is_real = *end == '\0';
	}
	filter->where_count++;
	return 0;
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct filter *filter = state->input;

	switch (key) {
	case KEY_SERVICE:
		filter->service = bytes_of(text);
		return 0;
	case KEY_NAME:
		filter->name = bytes_of(text);
		return 0;
	case KEY_TRACE:
		filter->has_trace = true;
		if (strlen(text) == TRACE_ID_DIGITS &&
		    log_id_of_text(text, TRACE_ID_DIGITS, filter->trace, sizeof(filter->trace)))
			return 0;
		return arguments_refuse(state,
					"--trace takes a trace id of %u hex digits, not '%s'",
					TRACE_ID_DIGITS, text);
	case KEY_SINCE:
		filter->has_since = true;
		if (time_of(text, &filter->since_ns))
			return 0;
		break;
	case KEY_UNTIL:
		filter->has_until = true;
		if (time_of(text, &filter->until_ns))
			return 0;
		break;
	case KEY_WHERE:
		return take_where(filter, state, text);
	case KEY_LIMIT:
		filter->has_limit = true;
		if (units_parse_count(text, 1, UINT64_MAX, &filter->limit) == 0)
			return 0;
		return arguments_refuse(
			state, "--limit takes a number of records from 1 on, not '%s'", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return arguments_refuse(
		state,
		"--%s takes how long ago (5m), a time such as 2026-11-28T09:15:00Z, "
		"or seconds since 1970, not '%s'",
		key == KEY_SINCE ? "since" : "until", text);
}

const struct argp filter_argp = {.options = options, .parser = take_option};
