/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's validating reader. Whoever may open a region may have written these bytes, so every
 * length is compared with what is left before it is followed, and everything that the write side
 * would have refused is refused here too. Turning an accepted record into OTLP is the encoder's.
 */
#include "base/utf8.h"
#include "core/record/record.h"
#include <math.h>

/* What is left to read. A sub-part is a cursor of its own, so that it cannot reach beyond it. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	const uint8_t *read_end; /* end or behind it: what can be read, whatever it means */
};

static inline size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* The next bytes, or NULL. */
static inline const uint8_t *take(struct cursor *c, size_t bytes)
{
	const uint8_t *const at = c->at;

	if (bytes > left(c))
		return NULL;
	c->at += bytes;
	return at;
}

static inline bool take_copy(struct cursor *c, void *ret, size_t bytes)
{
	const uint8_t *const from = take(c, bytes);

	if (!from)
		return false;
	memcpy(ret, from, bytes);
	return true;
}

static inline bool take_text(struct cursor *c, uint32_t bytes)
{
	const uint8_t *const text = take(c, bytes);

	return text && utf8_is_valid(text, bytes);
}

/* A part that carries its length. */
static inline bool take_part(struct cursor *c, struct cursor *ret)
{
	uint32_t bytes;

	if (!take_copy(c, &bytes, sizeof(bytes)))
		return false;
	ret->at = take(c, bytes);
	if (!ret->at)
		return false;
	ret->end = ret->at + bytes;
	ret->read_end = c->read_end;
	return true;
}

static bool check_container(const struct record_attribute *attribute, unsigned int depth);

/* Is this what the write side makes of a value? Its bytes are all there. */
static inline bool check_value(const struct record_attribute *attribute, unsigned int depth)
{
	switch (attribute->type) {
	case OTLP_VALUE_STRING:
		return utf8_is_valid(attribute->value, attribute->field);
	case OTLP_VALUE_BYTES:
		return true;
	case OTLP_VALUE_BOOL:
		return attribute->field <= 1;
	case OTLP_VALUE_ARRAY:
	case OTLP_VALUE_KVLIST:
		return check_container(attribute, depth);
	default:
		return attribute->field == 0;
	}
}

/* Equal data must have equal bytes: only one of the two heads is right for an attribute. */
static inline bool head_is_canonical(const uint8_t *at, const struct record_attribute *attribute)
{
	const bool is_container =
		attribute->type == OTLP_VALUE_ARRAY || attribute->type == OTLP_VALUE_KVLIST;
	const bool is_long = is_container || attribute->key_bytes > RECORD_ATTRIBUTE_KEY_MAX ||
			     attribute->field > RECORD_ATTRIBUTE_FIELD_MAX;

	if (attribute->head_bytes == RECORD_ATTRIBUTE_SHORT_BYTES)
		return !is_container;
	return is_long &&
	       (bytes_load32(at) & ~(RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG)) == 0;
}

/*
 * The high bits of text of up to RECORD_SLACK_BYTES, when as many bytes can be read there. All of
 * them are loaded, and those that are not text are masked away: no branch that depends on the
 * length.
 */
typedef uint64_t high_bits __attribute__((vector_size(16)));

static inline void gather_high_bits(high_bits *high, const uint8_t *text, size_t len)
{
	/* Ones for the text, none behind it: read from RECORD_SLACK_BYTES - len on. */
	static const uint8_t masks[2 * RECORD_SLACK_BYTES] = {
		[0 ... RECORD_SLACK_BYTES - 1] = 0x80,
	};
	const uint8_t *const mask = masks + RECORD_SLACK_BYTES - len;

	for (size_t i = 0; i < RECORD_SLACK_BYTES; i += sizeof(*high)) {
		high_bits of_text, of_mask;

		memcpy(&of_text, text + i, sizeof(of_text));
		memcpy(&of_mask, mask + i, sizeof(of_mask));
		*high |= of_text & of_mask;
	}
}

static inline bool has_high_bits(high_bits high)
{
	return (high[0] | high[1]) != 0;
}

/* The bytes of a short attribute with a string or a scalar; 0: another one, or one that is not
 * right. */
static inline size_t usual_attribute_bytes(uint32_t word, size_t *ret_text_bytes)
{
	const uint32_t type = word & (RECORD_ATTRIBUTE_TYPE | RECORD_ATTRIBUTE_LONG);
	const size_t key_bytes = word >> RECORD_ATTRIBUTE_KEY_SHIFT & RECORD_ATTRIBUTE_KEY_MAX;
	const size_t field = word >> RECORD_ATTRIBUTE_FIELD_SHIFT;

	*ret_text_bytes = key_bytes;
	if (type == OTLP_VALUE_STRING) {
		*ret_text_bytes += field;
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + field;
	}
	if ((type == OTLP_VALUE_INT || type == OTLP_VALUE_DOUBLE) && field == 0)
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes + 8;
	if (type == OTLP_VALUE_BOOL && field <= 1)
		return RECORD_ATTRIBUTE_SHORT_BYTES + key_bytes;
	return 0;
}

/*
 * Take items as long as they are the usual ones: short, with a key, a string or a scalar, all of
 * whose text is ASCII. Key and value lie one behind the other, so their text is one piece. Answers
 * how many were taken; the next one is take_attribute()'s, which alone decides what is wrong. Where
 * there is other text than ASCII, none is taken, and *is_ascii becomes false.
 */
static uint32_t take_usual_attributes(struct cursor *c, uint32_t count, bool *is_ascii)
{
	const uint8_t *at = c->at;
	high_bits high = {0, 0};
	uint32_t i;

	for (i = 0; i < count; i++) {
		size_t bytes, text_bytes;

		if (c->read_end - at <
		    (ptrdiff_t)(RECORD_ATTRIBUTE_SHORT_BYTES + RECORD_SLACK_BYTES))
			break;
		bytes = usual_attribute_bytes(bytes_load32(at), &text_bytes);
		if (bytes - 1 >= (size_t)(c->end - at) || text_bytes > RECORD_SLACK_BYTES)
			break;
		gather_high_bits(&high, at + RECORD_ATTRIBUTE_SHORT_BYTES, text_bytes);
		at += bytes;
	}
	if (has_high_bits(high)) {
		*is_ascii = false;
		return 0;
	}
	c->at = at;
	return i;
}

static __attribute__((noinline)) bool take_attribute(struct cursor *c, bool has_keys,
						     unsigned int depth)
{
	const uint8_t *const at = c->at;
	struct record_attribute attribute;

	if (left(c) < RECORD_ATTRIBUTE_SHORT_BYTES ||
	    ((bytes_load32(at) & RECORD_ATTRIBUTE_LONG) && left(c) < RECORD_ATTRIBUTE_LONG_BYTES))
		return false;
	record_attribute_read(at, &attribute);
	if (!take(c, (size_t)attribute.head_bytes + attribute.key_bytes + attribute.value_bytes))
		return false;
	if (!head_is_canonical(at, &attribute) || !check_value(&attribute, depth))
		return false;
	return has_keys ? utf8_is_valid(attribute.key, attribute.key_bytes)
			: attribute.key_bytes == 0;
}

static bool take_attributes(struct cursor *c, uint32_t count, bool has_keys, unsigned int depth)
{
	bool may_be_usual = has_keys;

	if (count != 0 && depth > OTLP_VALUE_DEPTH_MAX)
		return false;
	/* Each turn takes at least four bytes or ends: a count of 2^32 costs nothing. */
	for (uint32_t i = 0; i < count; i++) {
		if (may_be_usual) {
			i += take_usual_attributes(c, count - i, &may_be_usual);
			if (i == count)
				break;
		}
		if (!take_attribute(c, has_keys, depth))
			return false;
	}
	return true;
}

static bool check_container(const struct record_attribute *attribute, unsigned int depth)
{
	const uint8_t *const end = attribute->value + attribute->value_bytes;
	struct cursor c = {attribute->value, end, end};
	uint32_t count;

	return take_copy(&c, &count, sizeof(count)) &&
	       take_attributes(&c, count, attribute->type == OTLP_VALUE_KVLIST, depth + 1) &&
	       left(&c) == 0;
}

/* The end of a part: its attributes, and nothing behind them. */
static bool take_last_items(struct cursor *c, uint32_t count)
{
	return take_attributes(c, count, true, 1) && left(c) == 0;
}

/* Three texts, one behind the other; short ASCII is looked at as one piece. */
static inline bool take_texts(struct cursor *c, uint32_t a, uint32_t b, uint32_t d)
{
	const uint64_t bytes = (uint64_t)a + b + d;

	high_bits high = {0, 0};

	if (bytes <= RECORD_SLACK_BYTES && bytes <= left(c) &&
	    c->read_end - c->at >= (ptrdiff_t)RECORD_SLACK_BYTES) {
		gather_high_bits(&high, c->at, (size_t)bytes);
		if (!has_high_bits(high)) {
			c->at += bytes;
			return true;
		}
	}
	return take_text(c, a) && take_text(c, b) && take_text(c, d);
}

static bool check_resource(struct cursor c)
{
	struct record_resource_head head;

	return take_copy(&c, &head, sizeof(head)) && take_text(&c, head.schema_url_bytes) &&
	       take_last_items(&c, head.attribute_count);
}

static bool check_scope(struct cursor c)
{
	struct record_scope_head head;

	return take_copy(&c, &head, sizeof(head)) && take_text(&c, head.name_bytes) &&
	       take_text(&c, head.version_bytes) && take_text(&c, head.schema_url_bytes) &&
	       take_last_items(&c, head.attribute_count);
}

static bool take_sections(struct cursor *c, uint8_t has, struct record_view *view)
{
	struct cursor section;

	if (!(has & RECORD_HAS_RESOURCE) != (view->resource_ref != 0))
		return false;
	if (has & RECORD_HAS_RESOURCE) {
		if (!take_part(c, &section) || !check_resource(section))
			return false;
		view->resource = section.at;
		view->resource_bytes = left(&section);
	}
	if (has & RECORD_HAS_SCOPE) {
		if (!take_part(c, &section) || !check_scope(section))
			return false;
		view->scope = section.at;
		view->scope_bytes = left(&section);
	}
	return true;
}

static inline bool ids_are_set(const uint8_t trace_id[16], const uint8_t span_id[8])
{
	return (bytes_load64(trace_id) | bytes_load64(trace_id + 8)) != 0 &&
	       bytes_load64(span_id) != 0;
}

static bool take_event(struct cursor *c)
{
	struct record_event_head head;
	struct cursor event;

	return take_part(c, &event) && take_copy(&event, &head, sizeof(head)) &&
	       take_text(&event, head.name_bytes) && take_last_items(&event, head.attribute_count);
}

static bool take_link(struct cursor *c)
{
	struct record_link_head head;
	struct cursor link;

	return take_part(c, &link) && take_copy(&link, &head, sizeof(head)) &&
	       ids_are_set(head.trace_id, head.span_id) && !(head.flags & ~RECORD_SPAN_FLAGS) &&
	       take_text(&link, head.trace_state_bytes) &&
	       take_last_items(&link, head.attribute_count);
}

static bool span_head_is_valid(const struct record_span_head *head)
{
	return !(head->has & ~(RECORD_HAS_RESOURCE | RECORD_HAS_SCOPE | RECORD_HAS_EXTRA)) &&
	       head->span_kind <= OTLP_SPAN_KIND_CONSUMER && head->status <= OTLP_STATUS_ERROR &&
	       !(head->flags & ~RECORD_SPAN_FLAGS) && ids_are_set(head->trace_id, head->span_id);
}

static bool parse_span(struct cursor *c, struct record_view *view)
{
	struct record_span_head *const head = &view->head.span;
	struct record_span_extra *const extra = &view->extra;

	if (!take_copy(c, head, sizeof(*head)) || !span_head_is_valid(head))
		return false;
	if ((head->has & RECORD_HAS_EXTRA) && !take_copy(c, extra, sizeof(*extra)))
		return false;
	view->item_count = 1;
	view->resource_ref = head->resource_ref;
	if (!take_sections(c, head->has, view))
		return false;
	view->body = c->at;
	if (!take_texts(c, extra->trace_state_bytes, head->name_bytes,
			extra->status_message_bytes) ||
	    !take_attributes(c, head->attribute_count, true, 1))
		return false;
	for (uint32_t i = 0; i < head->event_count; i++) {
		if (!take_event(c))
			return false;
	}
	for (uint32_t i = 0; i < extra->link_count; i++) {
		if (!take_link(c))
			return false;
	}
	return left(c) == 0;
}

static bool take_exemplar(struct cursor *c)
{
	struct record_exemplar_head head;
	struct cursor exemplar;

	return take_part(c, &exemplar) && take_copy(&exemplar, &head, sizeof(head)) &&
	       (head.number_type == OTLP_NUMBER_INT || head.number_type == OTLP_NUMBER_DOUBLE) &&
	       take_last_items(&exemplar, head.attribute_count);
}

/* What follows a point's head and arrays. */
static bool take_point_tail(struct cursor *c, const struct record_point_head *point)
{
	for (uint32_t i = 0; i < point->exemplar_count; i++) {
		if (!take_exemplar(c))
			return false;
	}
	return take_last_items(c, point->attribute_count);
}

static bool check_number(struct cursor *c)
{
	struct record_number_head head;

	if (!take_copy(c, &head, sizeof(head)) || head.point.what > OTLP_NUMBER_DOUBLE)
		return false;
	if (head.point.what == OTLP_NUMBER_NONE &&
	    (head.value != 0 || !(head.point.flags & RECORD_POINT_NO_VALUE)))
		return false;
	return take_point_tail(c, &head.point);
}

static bool bounds_ascend(const uint8_t *bounds, uint32_t count)
{
	double last = 0;

	for (uint32_t i = 0; i < count; i++) {
		double bound;

		memcpy(&bound, bounds + i * sizeof(bound), sizeof(bound));
		if (isnan(bound) || (i > 0 && !(last < bound)))
			return false;
		last = bound;
	}
	return true;
}

static inline bool what_is_valid(uint32_t what)
{
	return !(what & ~(RECORD_HAS_SUM | RECORD_HAS_MIN | RECORD_HAS_MAX));
}

static bool check_histogram(struct cursor *c)
{
	struct record_histogram_head head;
	const uint8_t *bounds;

	if (!take_copy(c, &head, sizeof(head)) || !what_is_valid(head.point.what))
		return false;
	if (head.bucket_count != (uint64_t)head.bound_count + 1 &&
	    (head.bucket_count | head.bound_count) != 0)
		return false;
	if (!take(c, (size_t)head.bucket_count * sizeof(uint64_t)))
		return false;
	bounds = take(c, (size_t)head.bound_count * sizeof(double));
	return bounds && bounds_ascend(bounds, head.bound_count) && take_point_tail(c, &head.point);
}

static bool check_exp_histogram(struct cursor *c)
{
	struct record_exp_histogram_head head;

	return take_copy(c, &head, sizeof(head)) && what_is_valid(head.point.what) &&
	       take(c, (size_t)head.positive_count * sizeof(uint64_t)) &&
	       take(c, (size_t)head.negative_count * sizeof(uint64_t)) &&
	       take_point_tail(c, &head.point);
}

static bool check_summary(struct cursor *c)
{
	struct record_summary_head head;

	if (!take_copy(c, &head, sizeof(head)) || head.point.what || head.point.exemplar_count)
		return false;
	for (uint32_t i = 0; i < head.quantile_count; i++) {
		double pair[2];

		if (!take_copy(c, pair, sizeof(pair)) || !(pair[0] >= 0 && pair[0] <= 1))
			return false;
	}
	return take_point_tail(c, &head.point);
}

static bool take_point(struct cursor *c, uint8_t metric_type)
{
	struct cursor point;

	if (!take_part(c, &point))
		return false;
	switch (metric_type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		return check_number(&point);
	case OTLP_METRIC_HISTOGRAM:
		return check_histogram(&point);
	case OTLP_METRIC_EXP_HISTOGRAM:
		return check_exp_histogram(&point);
	default:
		return check_summary(&point);
	}
}

static bool metric_head_is_valid(const struct record_metric_head *head)
{
	const uint8_t sections = RECORD_HAS_RESOURCE | RECORD_HAS_SCOPE;

	if (head->point_count == 0 || head->temporality > OTLP_TEMPORALITY_CUMULATIVE)
		return false;
	switch (head->metric_type) {
	case OTLP_METRIC_SUM:
		return !(head->has & ~(sections | RECORD_IS_MONOTONIC)) && head->temporality;
	case OTLP_METRIC_HISTOGRAM:
	case OTLP_METRIC_EXP_HISTOGRAM:
		return !(head->has & ~sections) && head->temporality;
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUMMARY:
		return !(head->has & ~sections) && !head->temporality;
	default:
		return false;
	}
}

static bool parse_metric(struct cursor *c, struct record_view *view)
{
	struct record_metric_head *const head = &view->head.metric;

	if (!take_copy(c, head, sizeof(*head)) || !metric_head_is_valid(head))
		return false;
	view->item_count = head->point_count;
	view->resource_ref = head->resource_ref;
	if (!take_sections(c, head->has, view))
		return false;
	view->body = c->at;
	if (!take_texts(c, head->name_bytes, head->description_bytes, head->unit_bytes) ||
	    !take_attributes(c, head->metadata_count, true, 1))
		return false;
	for (uint32_t i = 0; i < head->point_count; i++) {
		if (!take_point(c, head->metric_type))
			return false;
	}
	return left(c) == 0;
}

int record_parse(const uint8_t *bytes, size_t len, size_t room, struct record_view *ret)
{
	struct cursor c = {bytes, bytes + len, bytes + room};
	struct record_view view;
	bool ok;

	if (len == 0 || len > OTLP_RECORD_BYTES_MAX)
		return -EBADMSG;
	/* Field by field: the head is large, and is written by the parse function. */
	view.bytes = bytes;
	view.len = len;
	view.read_end = bytes + room;
	view.kind = bytes[0];
	view.resource = NULL;
	view.resource_bytes = 0;
	view.scope = NULL;
	view.scope_bytes = 0;
	memset(&view.extra, 0, sizeof(view.extra));
	switch (view.kind) {
	case RECORD_SPAN:
		view.signal = OTLP_SIGNAL_TRACES;
		ok = parse_span(&c, &view);
		break;
	case RECORD_METRIC:
		view.signal = OTLP_SIGNAL_METRICS;
		ok = parse_metric(&c, &view);
		break;
	default: /* a shaped span too: record_expand() makes it a whole one first */
		return -EBADMSG;
	}
	if (!ok)
		return -EBADMSG;
	*ret = view;
	return 0;
}

int record_parse_resource(const uint8_t *bytes, size_t len)
{
	const struct cursor c = {bytes, bytes + len, bytes + len};

	return len <= OTLP_RECORD_BYTES_MAX && check_resource(c) ? 0 : -EBADMSG;
}
