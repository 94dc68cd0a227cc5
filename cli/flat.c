/* SPDX-License-Identifier: Apache-2.0 */
/* From records to rows. What a row looks like outside is flat_out.c's. */
#include "cli/flat.h"

#include <errno.h>
#include <math.h>

#include "base/utf8.h"
#include "cli/view_json.h"

/* What a record has of its resource and scope, in the order of struct flat's place_cells. */
enum place_column {
	PLACE_SERVICE_NAME,
	PLACE_SERVICE_NAMESPACE,
	PLACE_SERVICE_INSTANCE,
	PLACE_RESOURCE,
	PLACE_SCOPE_NAME,
	PLACE_SCOPE_VERSION,
	PLACE_SCOPE,
	PLACE_COLUMNS
};

/* ---- cells ---- */

/*
 * Text that is made for a row lies in a buffer that may move while the row is not whole: its cells
 * have the offset first, and settle() makes pointers of them.
 */
struct maker {
	struct flat *flat;
	struct flat_row row;
	size_t next;
	bool is_made[FLAT_COLUMNS_MAX];
};

static void put_null(struct maker *maker)
{
	maker->row.cells[maker->next++] = (struct flat_cell){.is_null = true};
}

static void put_bits(struct maker *maker, uint64_t bits)
{
	maker->row.cells[maker->next++] = (struct flat_cell){.bits = bits};
}

static void put_i32(struct maker *maker, int32_t number)
{
	put_bits(maker, (uint64_t)(int64_t)number);
}

/* A time that is 0 is not known; what does not fit a signed number is left out. */
static void put_time(struct maker *maker, uint64_t time_ns)
{
	if (time_ns == 0 || time_ns > INT64_MAX)
		put_null(maker);
	else
		put_bits(maker, time_ns);
}

static void put_double(struct maker *maker, bool has, double value)
{
	uint64_t bits;

	if (!has || !isfinite(value)) {
		put_null(maker);
		return;
	}
	memcpy(&bits, &value, sizeof(bits));
	put_bits(maker, bits);
}

static void put_id(struct maker *maker, struct view_bytes id, size_t len)
{
	if (id.len != len)
		put_null(maker);
	else
		maker->row.cells[maker->next++] = (struct flat_cell){.at = id};
}

/* What was added to the scratch since then. */
static void put_made(struct maker *maker, size_t since)
{
	struct flat_cell *const cell = &maker->row.cells[maker->next];

	cell->is_null = false;
	cell->bits = since;
	cell->at = (struct view_bytes){NULL, maker->flat->scratch.len - since};
	maker->is_made[maker->next++] = true;
}

/* Text of others may be no UTF-8. */
static void put_any_text(struct maker *maker, struct view_bytes text)
{
	const size_t since = maker->flat->scratch.len;

	if (utf8_is_valid(text.data, text.len)) {
		maker->row.cells[maker->next++] = (struct flat_cell){.at = text};
		return;
	}
	view_json_repaired(&maker->flat->scratch, text);
	put_made(maker, since);
}

static void put_text(struct maker *maker, struct view_bytes text)
{
	if (text.len == 0)
		put_null(maker);
	else
		put_any_text(maker, text);
}

static int put_attributes(struct maker *maker, struct view_bytes message, uint32_t number)
{
	struct grow *const scratch = &maker->flat->scratch;
	const size_t since = scratch->len;
	size_t count;
	int rc = view_json_attributes(scratch, message, number, &count);

	if (rc < 0)
		return rc;
	if (count > 0) {
		put_made(maker, since);
		return 0;
	}
	scratch->len = since;
	put_null(maker);
	return 0;
}

/* An array of JSON objects, one for each message in that field. */
static int put_objects(struct maker *maker, struct view_bytes message, uint32_t number,
		       int (*put)(struct grow *grow, struct view_bytes one))
{
	struct grow *const scratch = &maker->flat->scratch;
	const size_t since = scratch->len;
	struct view_bytes one;
	int rc = 0;

	while (number != 0 && (rc = view_find(&message, number, &one)) == 1) {
		grow_char(scratch, scratch->len == since ? '[' : ',');
		rc = put(scratch, one);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		return rc;
	if (scratch->len == since) {
		put_null(maker);
		return 0;
	}
	grow_char(scratch, ']');
	put_made(maker, since);
	return 0;
}

static int add_number(void *context, uint64_t bits)
{
	grow_add(context, &bits, sizeof(bits));
	return 0;
}

static int put_list(struct maker *maker, struct view_bytes message, uint32_t number, bool is_varint)
{
	struct grow *const scratch = &maker->flat->scratch;
	const size_t since = scratch->len;
	int rc = view_numbers(message, number, is_varint, add_number, scratch);

	if (rc == 0)
		put_made(maker, since);
	return rc;
}

static void put_place(struct maker *maker, enum place_column from, enum place_column to)
{
	for (unsigned i = from; i <= to; i++) {
		struct flat_cell cell = maker->flat->place_cells[i];

		if (!cell.is_null)
			cell.at.data = (const uint8_t *)maker->flat->place.data + cell.bits;
		maker->row.cells[maker->next++] = cell;
	}
}

static void begin(struct maker *maker, struct flat *flat)
{
	maker->flat = flat;
	maker->row.table = flat->table;
	maker->next = 0;
	memset(maker->is_made, 0, sizeof(maker->is_made));
	flat->scratch.len = 0;
}

static int settle(struct maker *maker)
{
	struct flat *const flat = maker->flat;

	if (flat->scratch.is_failed || flat->place.is_failed)
		return -ENOMEM;
	for (size_t i = 0; i < maker->next; i++)
		if (maker->is_made[i])
			maker->row.cells[i].at.data =
				(const uint8_t *)flat->scratch.data + maker->row.cells[i].bits;
	return flat->row(flat->context, &maker->row);
}

/* ---- resource and scope ---- */

static void place_text(struct flat *flat, enum place_column column, bool is_there, size_t since)
{
	flat->place_cells[column] = (struct flat_cell){
		.is_null = !is_there, .bits = since, .at = {NULL, flat->place.len - since}};
}

static void place_value(struct flat *flat, enum place_column column, struct view_bytes text)
{
	const size_t since = flat->place.len;

	view_json_repaired(&flat->place, text);
	place_text(flat, column, text.len > 0, since);
}

static int place_resource_text(struct flat *flat, enum place_column column,
			       struct view_bytes resource, struct view_bytes key)
{
	struct view_value value = {0};
	const size_t since = flat->place.len;
	int rc = view_attribute(resource, VIEW_RESOURCE_ATTRIBUTES, key, &value);

	if (rc < 0)
		return rc;
	if (rc == 1 && (value.kind == VIEW_STRING || value.kind == VIEW_BLOB))
		view_json_repaired(&flat->place, value.bytes);
	else if (rc == 1 && value.kind != VIEW_NONE)
		rc = view_json_value(&flat->place, &value);
	if (column == PLACE_SERVICE_NAME && flat->place.len == since)
		grow_word(&flat->place, "unknown");
	place_text(flat, column, flat->place.len > since, since);
	return rc < 0 ? rc : 0;
}

static int place_attributes(struct flat *flat, enum place_column column, struct view_bytes message,
			    uint32_t number)
{
	const size_t since = flat->place.len;
	size_t count;
	int rc = view_json_attributes(&flat->place, message, number, &count);

	place_text(flat, column, count > 0, since);
	return rc;
}

/* Made once for all records that follow each other with the same resource and scope. */
static int take_place(struct flat *flat, const struct view_place *place)
{
	struct view_scope scope;
	int rc;

	if (flat->seen_resource.data == place->resource.data &&
	    flat->seen_scope.data == place->scope.data && flat->place.len > 0)
		return 0;
	flat->place.len = 0;
	rc = place_resource_text(flat, PLACE_SERVICE_NAME, place->resource,
				 VIEW_BYTES("service.name"));
	if (rc == 0)
		rc = place_resource_text(flat, PLACE_SERVICE_NAMESPACE, place->resource,
					 VIEW_BYTES("service.namespace"));
	if (rc == 0)
		rc = place_resource_text(flat, PLACE_SERVICE_INSTANCE, place->resource,
					 VIEW_BYTES("service.instance.id"));
	if (rc == 0)
		rc = place_attributes(flat, PLACE_RESOURCE, place->resource,
				      VIEW_RESOURCE_ATTRIBUTES);
	if (rc == 0)
		rc = view_scope(place->scope, &scope);
	if (rc < 0)
		return rc;
	place_value(flat, PLACE_SCOPE_NAME, scope.name);
	place_value(flat, PLACE_SCOPE_VERSION, scope.version);
	flat->seen_resource = place->resource;
	flat->seen_scope = place->scope;
	return place_attributes(flat, PLACE_SCOPE, place->scope, VIEW_SCOPE_ATTRIBUTES);
}

/* ---- spans ---- */

static int put_attributes_key(struct grow *grow, const char *key, struct view_bytes message,
			      uint32_t number)
{
	size_t count;

	grow_word(grow, key);
	return view_json_attributes(grow, message, number, &count);
}

static void put_hex_key(struct grow *grow, const char *key, struct view_bytes id)
{
	grow_word(grow, key);
	grow_hex(grow, id.data, id.len);
	grow_char(grow, '"');
}

static int put_event(struct grow *grow, struct view_bytes message)
{
	struct view_event event;
	int rc = view_event(message, &event);

	if (rc == 0)
		rc = put_attributes_key(grow, "{\"attributes\":", message, VIEW_EVENT_ATTRIBUTES);
	if (rc < 0)
		return rc;
	grow_word(grow, ",\"name\":");
	view_json_string(grow, event.name);
	grow_word(grow, ",\"time_unix_nano\":");
	grow_u64(grow, event.time_ns);
	grow_char(grow, '}');
	return 0;
}

static int put_link(struct grow *grow, struct view_bytes message)
{
	struct view_link link;
	int rc = view_link(message, &link);

	if (rc == 0)
		rc = put_attributes_key(grow, "{\"attributes\":", message, VIEW_LINK_ATTRIBUTES);
	if (rc < 0)
		return rc;
	put_hex_key(grow, ",\"span_id\":\"", link.span_id);
	put_hex_key(grow, ",\"trace_id\":\"", link.trace_id);
	grow_word(grow, ",\"trace_state\":");
	view_json_string(grow, link.trace_state);
	grow_char(grow, '}');
	return 0;
}

static int take_span(struct flat *flat, struct view_bytes message)
{
	struct maker maker;
	struct view_span span;
	int rc = view_span(message, &span);

	if (rc < 0)
		return rc;
	begin(&maker, flat);
	put_bits(&maker, span.start_ns > INT64_MAX ? INT64_MAX : span.start_ns);
	put_bits(&maker, span.end_ns <= span.start_ns		   ? 0
			 : span.end_ns - span.start_ns > INT64_MAX ? INT64_MAX
								   : span.end_ns - span.start_ns);
	put_id(&maker, span.trace_id, 16);
	put_id(&maker, span.span_id, 8);
	put_id(&maker, span.parent_id, 8);
	put_text(&maker, span.trace_state);
	put_place(&maker, PLACE_SERVICE_NAME, PLACE_SERVICE_INSTANCE);
	put_any_text(&maker, span.name);
	if (span.kind == 0)
		put_null(&maker);
	else
		put_i32(&maker, span.kind);
	if (span.has_status)
		put_i32(&maker, span.status);
	else
		put_null(&maker);
	put_text(&maker, span.status_message);
	put_place(&maker, PLACE_RESOURCE, PLACE_SCOPE);
	rc = put_attributes(&maker, message, VIEW_SPAN_ATTRIBUTES);
	if (rc == 0)
		rc = put_objects(&maker, message, VIEW_SPAN_EVENTS, put_event);
	if (rc == 0)
		rc = put_objects(&maker, message, VIEW_SPAN_LINKS, put_link);
	put_bits(&maker, span.dropped_attributes);
	put_bits(&maker, span.dropped_events);
	put_bits(&maker, span.dropped_links);
	put_bits(&maker, span.flags);
	return rc < 0 ? rc : settle(&maker);
}

/* ---- log records ---- */

static int put_body(struct maker *maker, const struct view_log *log)
{
	struct grow *const scratch = &maker->flat->scratch;
	const size_t since = scratch->len;
	int rc;

	if (log->body.kind == VIEW_STRING || log->body.kind == VIEW_BLOB) {
		put_text(maker, log->body.bytes);
		return 0;
	}
	if (!log->has_body || log->body.kind == VIEW_NONE ||
	    (log->body.kind == VIEW_DOUBLE && !isfinite(log->body.real))) {
		put_null(maker);
		return 0;
	}
	rc = view_json_value(scratch, &log->body);
	if (rc == 0)
		put_made(maker, since);
	return rc;
}

static int take_log(struct flat *flat, struct view_bytes message)
{
	struct maker maker;
	struct view_log log;
	int rc = view_log(message, &log);

	if (rc < 0)
		return rc;
	begin(&maker, flat);
	put_time(&maker, log.time_ns);
	put_time(&maker, log.observed_ns);
	put_id(&maker, log.trace_id, 16);
	put_id(&maker, log.span_id, 8);
	put_place(&maker, PLACE_SERVICE_NAME, PLACE_SERVICE_INSTANCE);
	if (log.severity == 0)
		put_null(&maker);
	else
		put_i32(&maker, log.severity);
	put_text(&maker, log.severity_text);
	put_text(&maker, log.event_name);
	rc = put_body(&maker, &log);
	put_place(&maker, PLACE_RESOURCE, PLACE_SCOPE);
	if (rc == 0)
		rc = put_attributes(&maker, message, VIEW_LOG_ATTRIBUTES);
	put_bits(&maker, log.dropped_attributes);
	put_bits(&maker, log.flags);
	return rc < 0 ? rc : settle(&maker);
}

/* ---- points of metrics ---- */

static int put_exemplar(struct grow *grow, struct view_bytes message)
{
	struct view_exemplar exemplar;
	int rc = view_exemplar(message, &exemplar);

	if (rc == 0)
		rc = put_attributes_key(grow, "{\"filtered_attributes\":", message,
					VIEW_EXEMPLAR_ATTRIBUTES);
	if (rc < 0)
		return rc;
	put_hex_key(grow, ",\"span_id\":\"", exemplar.span_id);
	grow_word(grow, ",\"time_unix_nano\":");
	grow_u64(grow, exemplar.time_ns);
	put_hex_key(grow, ",\"trace_id\":\"", exemplar.trace_id);
	if (exemplar.has_value && isfinite(exemplar.value)) {
		grow_word(grow, ",\"value\":");
		view_json_double(grow, exemplar.value);
	}
	grow_char(grow, '}');
	return 0;
}

static void put_number(struct maker *maker, const struct view_point *point)
{
	if (point->has_int)
		put_bits(maker, (uint64_t)point->as_int);
	else
		put_null(maker);
	put_double(maker, point->has_double, point->as_double);
}

static void put_counts(struct maker *maker, const struct view_point *point)
{
	put_bits(maker, point->count);
	put_double(maker, point->has_sum, point->sum);
	put_double(maker, point->has_min, point->min);
	put_double(maker, point->has_max, point->max);
}

#define BUCKETS_COUNTS	 2u /* the field's number */
#define HISTOGRAM_COUNTS 6u
#define HISTOGRAM_BOUNDS 7u
#define SUMMARY_VALUES	 6u

static int put_exp_buckets(struct maker *maker, const struct view_point *point)
{
	int rc;

	put_i32(maker, point->scale);
	put_bits(maker, point->zero_count);
	put_double(maker, true, point->zero_threshold);
	put_i32(maker, point->positive.offset);
	rc = put_list(maker, point->positive.message, BUCKETS_COUNTS, true);
	put_i32(maker, point->negative.offset);
	return rc < 0 ? rc : put_list(maker, point->negative.message, BUCKETS_COUNTS, true);
}

/* The quantiles of a summary's point, and then their values. */
static int put_quantiles(struct maker *maker, struct view_bytes point)
{
	struct grow *const scratch = &maker->flat->scratch;

	for (uint32_t number = 1; number <= 2; number++) {
		const size_t since = scratch->len;
		struct view_bytes rest = point, one;
		struct view_field f;
		int rc;

		while ((rc = view_find(&rest, SUMMARY_VALUES, &one)) == 1) {
			uint64_t bits = 0;

			while ((rc = view_next(&one, &f)) == 1)
				if (f.number == number && f.type == WIRE_FIXED64)
					bits = f.value;
			if (rc < 0)
				return rc;
			grow_add(scratch, &bits, sizeof(bits));
		}
		if (rc < 0)
			return rc;
		put_made(maker, since);
	}
	return 0;
}

static int put_kind(struct maker *maker, enum view_metric_kind kind, const struct view_point *point)
{
	int rc = 0;

	switch (kind) {
	case VIEW_HISTOGRAM:
		put_counts(maker, point);
		rc = put_list(maker, point->message, HISTOGRAM_COUNTS, false);
		return rc < 0 ? rc : put_list(maker, point->message, HISTOGRAM_BOUNDS, false);
	case VIEW_EXP_HISTOGRAM:
		put_counts(maker, point);
		return put_exp_buckets(maker, point);
	case VIEW_SUMMARY:
		put_bits(maker, point->count);
		put_double(maker, true, point->sum);
		return put_quantiles(maker, point->message);
	default:
		put_number(maker, point);
		return 0;
	}
}

static int take_point(struct flat *flat, const struct view_metric *metric,
		      struct view_bytes message)
{
	const enum view_metric_kind kind = metric->kind;
	struct maker maker;
	struct view_point point;
	int rc = view_point(kind, message, &point);

	/* The crate leaves out what has no number, too. */
	if (rc < 0 || (kind <= VIEW_SUM && !point.has_int && !point.has_double))
		return rc;
	begin(&maker, flat);
	put_bits(&maker, point.time_ns > INT64_MAX ? INT64_MAX : point.time_ns);
	put_time(&maker, point.start_ns);
	put_any_text(&maker, metric->name);
	put_text(&maker, metric->description);
	put_text(&maker, metric->unit);
	rc = put_kind(&maker, kind, &point);
	put_place(&maker, PLACE_SERVICE_NAME, PLACE_SCOPE);
	if (rc == 0)
		rc = put_attributes(&maker, message, view_point_attributes[kind]);
	put_bits(&maker, point.flags);
	if (rc == 0)
		rc = put_objects(&maker, message, view_point_exemplars[kind], put_exemplar);
	if (kind != VIEW_GAUGE && kind != VIEW_SUMMARY)
		put_i32(&maker, metric->temporality);
	if (kind == VIEW_SUM)
		put_bits(&maker, metric->is_monotonic);
	return rc < 0 ? rc : settle(&maker);
}

static int take_metric(struct flat *flat, struct view_bytes message)
{
	struct view_metric metric;
	struct view_bytes rest, point;
	int rc = view_metric(message, &metric);

	if (rc < 0 || !metric.has_data ||
	    flat->table != &flat_tables[FLAT_GAUGE + (unsigned)metric.kind])
		return rc;
	rest = metric.data;
	while ((rc = view_find(&rest, VIEW_POINT_OF_METRIC, &point)) == 1) {
		rc = take_point(flat, &metric, point);
		if (rc < 0)
			break;
	}
	return rc;
}

/* ---- all ---- */

static int take_record(void *context, const struct view_place *place, struct view_bytes message)
{
	struct flat *const flat = context;
	int rc = take_place(flat, place);

	if (rc < 0)
		return rc;
	if (flat->table->signal == OTLP_SIGNAL_TRACES)
		return take_span(flat, message);
	return flat->table->signal == OTLP_SIGNAL_LOGS ? take_log(flat, message)
						       : take_metric(flat, message);
}

int flat_take(struct flat *flat, struct view_bytes resource_data)
{
	/* Other bytes may be at the same address now. */
	flat->place.len = 0;
	return view_records(resource_data, take_record, flat);
}

void flat_free(struct flat *flat)
{
	grow_free(&flat->place);
	grow_free(&flat->scratch);
}
