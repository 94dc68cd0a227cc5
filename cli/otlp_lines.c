/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP JSON lines: json-c makes the parts (otlp_json.c), here they are joined
 * as text, so that each is made once, however the line limit cuts them.
 */
#include "cli/otlp_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* Field numbers: of the list in ResourceSpans, ResourceMetrics, ScopeSpans and ScopeMetrics;
 * of the points in each kind of metric. */
#define FIELD_LIST	  2
#define FIELD_DATA_POINTS 1

struct text {
	char *ptr;
	size_t len;
	size_t capacity;
};

/* Each line is `resource` `scope` item,item… `]}` , `scope` item… `]}` `]}]}`. */
#define SCOPE_CLOSE "]}"
#define LINE_CLOSE  "]}]}\n"

struct lines {
	otlp_json_emit_fn emit;
	void *context;
	size_t bytes_max;
	struct text line;     /* empty, or begun with `resource` */
	struct text resource; /* {"resourceSpans":[{…,"scopeSpans":[ */
	struct text scope;    /* {…,"spans":[ */
	bool scope_is_open;   /* `scope` stands in the line, SCOPE_CLOSE does not */
	bool has_scopes;      /* in the line */
};

static int text_add(struct text *text, const char *ptr, size_t len)
{
	if (len == 0)
		return 0;
	if (text->capacity - text->len < len) {
		size_t capacity = (text->len + len) * 2;
		char *grown = realloc(text->ptr, capacity);

		if (!grown)
			return -ENOMEM;
		text->ptr = grown;
		text->capacity = capacity;
	}
	memcpy(text->ptr + text->len, ptr, len);
	text->len += len;
	return 0;
}

static int line_end(struct lines *lines)
{
	int rc = 0;

	if (lines->line.len == 0)
		return 0;
	if (lines->scope_is_open)
		rc = text_add(&lines->line, SCOPE_CLOSE, sizeof(SCOPE_CLOSE) - 1);
	if (rc == 0)
		rc = text_add(&lines->line, LINE_CLOSE, sizeof(LINE_CLOSE) - 1);
	if (rc == 0)
		rc = lines->emit(lines->context, lines->line.ptr, lines->line.len);
	lines->line.len = 0;
	lines->scope_is_open = false;
	lines->has_scopes = false;
	return rc;
}

/* Put one part into the line: an item of the scope, or a scope without items as it is. */
static int line_add(struct lines *lines, const char *part, size_t bytes, bool is_item)
{
	const size_t close_bytes = sizeof(SCOPE_CLOSE) - 1 + sizeof(LINE_CLOSE) - 1;
	int rc = 0;

	/* The part, a comma, and at worst a scope of its own. */
	if (lines->line.len + lines->scope.len + bytes + 1 + close_bytes > lines->bytes_max)
		rc = line_end(lines);
	if (rc == 0 && lines->line.len == 0)
		rc = text_add(&lines->line, lines->resource.ptr, lines->resource.len);
	if (rc == 0 && (lines->scope_is_open || lines->has_scopes))
		rc = text_add(&lines->line, ",", 1);
	if (rc == 0 && is_item && !lines->scope_is_open)
		rc = text_add(&lines->line, lines->scope.ptr, lines->scope.len);
	if (rc == 0)
		rc = text_add(&lines->line, part, bytes);
	lines->scope_is_open = is_item;
	lines->has_scopes = true;
	return rc;
}

static int scope_end(struct lines *lines)
{
	if (!lines->scope_is_open)
		return 0;
	lines->scope_is_open = false;
	return text_add(&lines->line, SCOPE_CLOSE, sizeof(SCOPE_CLOSE) - 1);
}

/* prefix, and the message as an object whose last member is the list, opened. */
static int opening(struct text *text, const char *prefix, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *list =
		protobuf_c_message_descriptor_get_field(message->descriptor, FIELD_LIST);
	json_object *json;
	char name[OTLP_JSON_NAME_BYTES_MAX];
	char key[OTLP_JSON_NAME_BYTES_MAX + 8];
	size_t bytes;
	int rc;

	rc = otlp_json_message(message, FIELD_LIST, &json);
	if (rc < 0)
		return rc;
	otlp_json_name(list->name, name);
	text->len = 0;
	rc = text_add(text, prefix, strlen(prefix));
	if (rc == 0) {
		const char *object = json_object_to_json_string_length(json, JSON_FLAGS, &bytes);

		rc = object ? text_add(text, object, bytes - 1) : -ENOMEM; /* without its brace */
	}
	if (rc == 0)
		rc = text_add(text, key,
			      (size_t)snprintf(key, sizeof(key), "%s\"%s\":[",
					       json_object_object_length(json) ? "," : "", name));
	json_object_put(json);
	return rc;
}

static ProtobufCMessage *const *list_of(const ProtobufCMessage *message, uint32_t number,
					size_t *ret_count)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(message->descriptor, number);
	const uint8_t *base = (const uint8_t *)message;

	*ret_count = *(const size_t *)(base + field->quantifier_offset);
	return *(ProtobufCMessage *const *const *)(base + field->offset);
}

/* The data of a Metric, which is its one message in a oneof; NULL for a Span. */
static const ProtobufCFieldDescriptor *points_member(const ProtobufCMessage *item)
{
	const ProtobufCMessageDescriptor *type = item->descriptor;

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const uint8_t *base = (const uint8_t *)item;

		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
		    field->type == PROTOBUF_C_TYPE_MESSAGE &&
		    *(const uint32_t *)(base + field->quantifier_offset) == field->id)
			return field;
	}
	return NULL;
}

static int item_lines(struct lines *lines, const ProtobufCMessage *item);

/* A metric that is too long, as two with half of its points each. 0: it has less than two. */
static int halves_lines(struct lines *lines, const ProtobufCMessage *metric)
{
	const ProtobufCFieldDescriptor *member = points_member(metric);
	const ProtobufCFieldDescriptor *points;
	ProtobufCMessage *half;
	ProtobufCMessage *data;
	const ProtobufCMessage *whole;
	size_t count;
	int rc = -ENOMEM;

	if (!member)
		return 0;
	whole = *(ProtobufCMessage *const *)((const uint8_t *)metric + member->offset);
	if (!whole)
		return 0;
	points = protobuf_c_message_descriptor_get_field(whole->descriptor, FIELD_DATA_POINTS);
	ProtobufCMessage *const *items = list_of(whole, FIELD_DATA_POINTS, &count);
	if (count < 2)
		return 0;
	/* Shallow copies, which borrow all but the two members set below. */
	half = malloc(metric->descriptor->sizeof_message);
	data = malloc(whole->descriptor->sizeof_message);
	if (half && data) {
		memcpy(half, metric, metric->descriptor->sizeof_message);
		memcpy(data, whole, whole->descriptor->sizeof_message);
		memcpy((uint8_t *)half + member->offset, &data, sizeof(data));
		rc = 0;
	}
	for (size_t at = 0, n = count / 2; rc >= 0 && at < count; at += n, n = count - n) {
		ProtobufCMessage *const *first = items + at;

		memcpy((uint8_t *)data + points->offset, &first, sizeof(first));
		memcpy((uint8_t *)data + points->quantifier_offset, &n, sizeof(n));
		rc = item_lines(lines, half);
	}
	free(data);
	free(half);
	return rc < 0 ? rc : 1;
}

static int item_lines(struct lines *lines, const ProtobufCMessage *item)
{
	json_object *json;
	const char *text;
	size_t bytes;
	int rc;

	rc = otlp_json_message(item, 0, &json);
	if (rc < 0)
		return rc;
	text = json_object_to_json_string_length(json, JSON_FLAGS, &bytes);
	if (!text) {
		rc = -ENOMEM;
	} else {
		if (lines->resource.len + lines->scope.len + bytes + sizeof(SCOPE_CLOSE) +
			    sizeof(LINE_CLOSE) >
		    lines->bytes_max)
			rc = halves_lines(lines, item);
		if (rc == 0)
			rc = line_add(lines, text, bytes, true);
	}
	json_object_put(json);
	return rc < 0 ? rc : 0;
}

static int scope_lines(struct lines *lines, const ProtobufCMessage *scope)
{
	size_t count;
	ProtobufCMessage *const *items = list_of(scope, FIELD_LIST, &count);
	int rc = 0;

	if (count == 0) {
		json_object *json;
		const char *text;
		size_t bytes;

		lines->scope.len = 0;
		rc = otlp_json_message(scope, 0, &json);
		if (rc < 0)
			return rc;
		text = json_object_to_json_string_length(json, JSON_FLAGS, &bytes);
		rc = text ? line_add(lines, text, bytes, false) : -ENOMEM;
		json_object_put(json);
		return rc;
	}
	rc = opening(&lines->scope, "", scope);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = item_lines(lines, items[i]);
	return rc < 0 ? rc : scope_end(lines);
}

/* A resource without any scope has no parts to cut. */
static int bare_line(struct lines *lines, const char *prefix, const ProtobufCMessage *message)
{
	json_object *json;
	const char *text;
	size_t bytes;
	int rc;

	rc = otlp_json_message(message, 0, &json);
	if (rc < 0)
		return rc;
	text = json_object_to_json_string_length(json, JSON_FLAGS, &bytes);
	rc = text_add(&lines->line, prefix, strlen(prefix));
	if (rc == 0)
		rc = text ? text_add(&lines->line, text, bytes) : -ENOMEM;
	if (rc == 0)
		rc = text_add(&lines->line, "]}\n", 3);
	json_object_put(json);
	return rc < 0 ? rc : lines->emit(lines->context, lines->line.ptr, lines->line.len);
}

int otlp_json_lines(const ProtobufCMessage *resource_data, size_t line_bytes_max,
		    otlp_json_emit_fn emit, void *context)
{
	struct lines lines = {.emit = emit, .context = context, .bytes_max = line_bytes_max};
	size_t count;
	ProtobufCMessage *const *scopes = list_of(resource_data, FIELD_LIST, &count);
	/* ResourceSpans, so the field that holds it is resourceSpans. */
	const char *type_name = resource_data->descriptor->short_name;
	char prefix[OTLP_JSON_NAME_BYTES_MAX];
	int rc;

	snprintf(prefix, sizeof(prefix), "{\"r%s\":[", type_name + 1);
	if (count == 0) {
		rc = bare_line(&lines, prefix, resource_data);
	} else {
		rc = opening(&lines.resource, prefix, resource_data);
		for (size_t i = 0; rc == 0 && i < count; i++)
			rc = scope_lines(&lines, scopes[i]);
		if (rc == 0)
			rc = line_end(&lines);
	}
	free(lines.line.ptr);
	free(lines.resource.ptr);
	free(lines.scope.ptr);
	return rc;
}
