/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the bytes: what lies around records is copied, and taken back where none came. */
#include "cli/otlp_pick.h"

#include <errno.h>

/* In all signals the field of the scopes in a resource, and of the records in a scope. */
#define FIELD_LIST   2u
#define FIELD_POINTS 1u

enum level { LEVEL_RESOURCE, LEVEL_SCOPE, LEVEL_METRIC, LEVEL_DATA };

struct pick {
	pick_fn wanted;
	void *context;
	struct wire_out *out;
	size_t begin; /* of the result in out */
	uint64_t count;
	struct pick_record record;
};

static bool is_child(enum level level, uint32_t number)
{
	switch (level) {
	case LEVEL_RESOURCE:
	case LEVEL_SCOPE:
		return number == FIELD_LIST;
	case LEVEL_METRIC:
		return number == PICK_GAUGE || number == PICK_SUM || number == PICK_HISTOGRAM ||
		       number == PICK_EXP_HISTOGRAM || number == PICK_SUMMARY;
	default:
		return number == FIELD_POINTS;
	}
}

static bool has_records(const struct pick *pick, enum level level)
{
	return level == LEVEL_DATA ||
	       (level == LEVEL_SCOPE && pick->record.signal != OTLP_SIGNAL_METRICS);
}

/* A field that is a record, with its head. */
static int take_record(struct pick *pick, struct view_bytes field, struct view_bytes bytes)
{
	int rc;

	pick->record.bytes = bytes;
	pick->record.made_bytes = pick->out->count - pick->begin;
	rc = pick->wanted(pick->context, &pick->record);
	if (rc <= 0)
		return rc;
	pick->count++;
	return wire_put(pick->out, field.data, field.len);
}

static int take_message(struct pick *pick, struct view_bytes message, enum level level);

/* A field that holds records further down. */
static int take_child(struct pick *pick, const struct view_field *field, enum level level)
{
	const size_t before = pick->out->count;
	const uint64_t count = pick->count;
	size_t from;
	int rc = wire_put_tag(pick->out, field->number, WIRE_BYTES);

	if (level == LEVEL_SCOPE)
		pick->record.metric = field->bytes;
	if (level == LEVEL_METRIC)
		pick->record.kind = (enum pick_kind)field->number;
	from = pick->out->count;
	if (rc == 0)
		rc = take_message(pick, field->bytes, level + 1);
	if (rc < 0)
		return rc;
	if (pick->count > count)
		return wire_close(pick->out, from);
	pick->out->count = before;
	return 0;
}

static int take_message(struct pick *pick, struct view_bytes message, enum level level)
{
	struct view_bytes rest = message;
	struct view_field field;
	int rc;

	for (;;) {
		struct view_bytes whole = {.data = rest.data};

		rc = view_next(&rest, &field);
		if (rc <= 0)
			return rc;
		whole.len = (size_t)(rest.data - whole.data);
		if (field.type != WIRE_BYTES || !is_child(level, field.number))
			rc = wire_put(pick->out, whole.data, whole.len);
		else if (has_records(pick, level))
			rc = take_record(pick, whole, field.bytes);
		else
			rc = take_child(pick, &field, level);
		if (rc < 0)
			return rc;
	}
}

int otlp_pick(enum otlp_signal signal, struct view_bytes resource_data, pick_fn wanted,
	      void *context, struct wire_out *out, uint64_t *ret_count)
{
	struct pick pick = {.wanted = wanted,
			    .context = context,
			    .out = out,
			    .begin = out->count,
			    .record.signal = signal};
	int rc = take_message(&pick, resource_data, LEVEL_RESOURCE);

	if (rc < 0 || pick.count == 0)
		out->count = pick.begin;
	*ret_count = rc < 0 ? 0 : pick.count;
	return rc < 0 ? rc : 0;
}
