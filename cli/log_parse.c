/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line as a record. The room for its attributes is counted first and taken at once, so that what
 * was handed out stays where it is.
 */
#include "cli/log_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"
#include "cli/log_fields.h"

/* More than a value may nest: what is deeper is refused by the push, and is text then. */
#define JSON_DEPTH_MAX 32

int log_parser_init(struct log_parser *parser, size_t line_bytes_max)
{
	memset(parser, 0, sizeof(*parser));
	parser->text = malloc(3 * line_bytes_max + 1);
	parser->attribute_room = LOG_PARSE_EXTRA_MAX;
	parser->attributes = calloc(parser->attribute_room, sizeof(parser->attributes[0]));
	if (parser->text != NULL && parser->attributes != NULL &&
	    json_strict_init(&parser->strict, JSON_DEPTH_MAX, 0, json_strict_must_mask()) == 0)
		return 0;
	log_parser_free(parser);
	return -ENOMEM;
}

void log_parser_free(struct log_parser *parser)
{
	free(parser->text);
	json_strict_free(&parser->strict);
	json_object_put(parser->json);
	free(parser->attributes);
	free(parser->values);
	memset(parser, 0, sizeof(*parser));
}

void log_parse_add(struct log_parser *parser, struct otlp_log_record *record,
		   struct otlp_attribute attribute)
{
	struct otlp_attribute *first = parser->attributes;

	first[record->attributes.count++] = attribute;
	record->attributes.items = first;
}

/* ---- JSON ---- */

static struct otlp_str json_text(json_object *json)
{
	struct otlp_str text = {json_object_get_string(json),
				(size_t)json_object_get_string_len(json)};

	return text;
}

/* How many attributes and items of arrays are below it. */
static void count_below(json_object *json, size_t *attributes, size_t *values)
{
	if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach(json, key, child)
		{
			(void)key;
			++*attributes;
			count_below(child, attributes, values);
		}
	} else if (json_object_is_type(json, json_type_array)) {
		const size_t count = json_object_array_length(json);

		*values += count;
		for (size_t i = 0; i < count; i++)
			count_below(json_object_array_get_idx(json, i), attributes, values);
	}
}

static bool make_room(struct log_parser *parser, json_object *json)
{
	size_t attributes = LOG_PARSE_EXTRA_MAX, values = 0;

	count_below(json, &attributes, &values);
	if (attributes > parser->attribute_room) {
		void *room =
			realloc(parser->attributes, attributes * sizeof(parser->attributes[0]));

		if (room == NULL)
			return false;
		parser->attributes = room;
		parser->attribute_room = attributes;
	}
	if (values > parser->value_room) {
		void *room = realloc(parser->values, values * sizeof(parser->values[0]));

		if (room == NULL)
			return false;
		parser->values = room;
		parser->value_room = values;
	}
	return true;
}

static struct otlp_value value_of(struct log_parser *parser, json_object *json);

static struct otlp_value array_of(struct log_parser *parser, json_object *json)
{
	const size_t count = json_object_array_length(json);
	struct otlp_value *items = parser->values + parser->value_count;

	parser->value_count += count;
	for (size_t i = 0; i < count; i++)
		items[i] = value_of(parser, json_object_array_get_idx(json, i));
	return otlp_value_array(items, count);
}

static struct otlp_value kvlist_of(struct log_parser *parser, json_object *json)
{
	const size_t count = (size_t)json_object_object_length(json);
	struct otlp_attribute *items = parser->attributes + parser->attribute_count, *at = items;

	parser->attribute_count += count;
	json_object_object_foreach(json, key, child)
	{
		at->key = otlp_str_from(key);
		at->value = value_of(parser, child);
		at++;
	}
	return otlp_value_kvlist(items, count);
}

static struct otlp_value value_of(struct log_parser *parser, json_object *json)
{
	const struct otlp_value empty = {.type = OTLP_VALUE_EMPTY};

	switch (json_object_get_type(json)) {
	case json_type_boolean:
		return otlp_value_bool(json_object_get_boolean(json));
	case json_type_double:
		return otlp_value_double(json_object_get_double(json));
	case json_type_int:
		/* OTLP's integers have a sign: what is larger keeps its digits as text. */
		if (json_object_get_uint64(json) > INT64_MAX && json_object_get_int64(json) > 0)
			return otlp_value_str(otlp_str_from(json_object_to_json_string(json)));
		return otlp_value_int(json_object_get_int64(json));
	case json_type_string:
		return otlp_value_str(json_text(json));
	case json_type_array:
		return array_of(parser, json);
	case json_type_object:
		return kvlist_of(parser, json);
	case json_type_null:
		break;
	}
	return empty;
}

/* ---- the usual keys ---- */

static bool take_time(struct otlp_log_record *record, json_object *json)
{
	if (record->time_unix_ns != 0)
		return false;
	if (json_object_is_type(json, json_type_string))
		return log_time_of_text(json_object_get_string(json), &record->time_unix_ns);
	if (json_object_is_type(json, json_type_int))
		return log_time_of_number(json_object_get_double(json), json_object_get_int64(json),
					  true, &record->time_unix_ns);
	return json_object_is_type(json, json_type_double) &&
	       log_time_of_number(json_object_get_double(json), 0, false, &record->time_unix_ns);
}

static bool take_level(struct otlp_log_record *record, json_object *json)
{
	enum otlp_severity_number number;

	if (json_object_is_type(json, json_type_int)) {
		if (!log_severity_of_level(json_object_get_int64(json), &number))
			return false;
		record->severity_number = number;
		record->severity_text.len = 0;
		return true;
	}
	if (!json_object_is_type(json, json_type_string))
		return false;
	number = log_severity_of_word(json_object_get_string(json));
	if (number != OTLP_SEVERITY_UNSPECIFIED)
		record->severity_number = number;
	record->severity_text = json_text(json);
	return true;
}

static bool take_severity_number(struct otlp_log_record *record, json_object *json)
{
	const int64_t number = json_object_get_int64(json);

	if (!json_object_is_type(json, json_type_int) || number < OTLP_SEVERITY_TRACE ||
	    number > OTLP_SEVERITY_FATAL4)
		return false;
	record->severity_number = (enum otlp_severity_number)number;
	return true;
}

static bool take_id(json_object *json, uint8_t *ret, size_t bytes)
{
	uint8_t id[16];

	if (!json_object_is_type(json, json_type_string) ||
	    !log_id_of_text(json_object_get_string(json), (size_t)json_object_get_string_len(json),
			    id, bytes))
		return false;
	memcpy(ret, id, bytes);
	return true;
}

static bool take_trace_id(struct otlp_log_record *record, json_object *json)
{
	return take_id(json, record->trace_id, sizeof(record->trace_id));
}

static bool take_span_id(struct otlp_log_record *record, json_object *json)
{
	return take_id(json, record->span_id, sizeof(record->span_id));
}

static const struct usual_key {
	const char *key;
	unsigned what; /* keys that mean the same: the first of a line counts */
	bool (*take)(struct otlp_log_record *record, json_object *json);
} usual_keys[] = {
	{"time", 1, take_time},
	{"timestamp", 1, take_time},
	{"@timestamp", 1, take_time},
	{"ts", 1, take_time},
	{"level", 2, take_level},
	{"severity", 2, take_level},
	{"lvl", 2, take_level},
	{"levelname", 2, take_level},
	{"log.level", 2, take_level},
	{"severity_text", 2, take_level},
	{"severity_number", 3, take_severity_number},
	{"trace_id", 4, take_trace_id},
	{"traceId", 4, take_trace_id},
	{"trace.id", 4, take_trace_id},
	{"span_id", 5, take_span_id},
	{"spanId", 5, take_span_id},
	{"span.id", 5, take_span_id},
	{"msg", 6, NULL},
	{"message", 6, NULL},
	{"body", 6, NULL},
};

/* @return is the key no attribute, as the record has a field for it? */
static bool take_usual(struct log_parser *parser, struct otlp_log_record *record, const char *key,
		       json_object *json, unsigned *taken)
{
	for (size_t i = 0; i < COUNT_OF(usual_keys); i++) {
		const struct usual_key *usual = &usual_keys[i];

		if (strcmp(usual->key, key) != 0)
			continue;
		if ((*taken & 1u << usual->what) != 0)
			return false;
		if (usual->take == NULL)
			record->body = value_of(parser, json);
		else if (!usual->take(record, json))
			return false;
		*taken |= 1u << usual->what;
		return true;
	}
	return false;
}

static bool is_json(struct log_parser *parser, const char *text, size_t bytes)
{
	static const char blanks[] = " \t\r";

	while (bytes > 0 && strchr(blanks, text[bytes - 1]) != NULL && text[bytes - 1] != '\0')
		bytes--;
	while (bytes > 0 && (*text == ' ' || *text == '\t')) {
		text++;
		bytes--;
	}
	if (bytes < 2 || text[0] != '{' || text[bytes - 1] != '}')
		return false;
	json_strict_reset(&parser->strict);
	parser->json = json_strict_parse(&parser->strict, text, bytes);
	if (parser->json == NULL)
		return false;
	if (parser->strict.end == bytes && json_object_is_type(parser->json, json_type_object))
		return true;
	json_object_put(parser->json);
	parser->json = NULL;
	return false;
}

static bool parse_json(struct log_parser *parser, const char *text, size_t bytes,
		       struct otlp_log_record *record)
{
	size_t top;
	unsigned taken = 0;

	if (!is_json(parser, text, bytes) || !make_room(parser, parser->json))
		return false;
	record->attributes.items = parser->attributes; /* they may have moved */
	/* The record's own attributes stand first, then those of lists in values. */
	top = (size_t)json_object_object_length(parser->json) + LOG_PARSE_EXTRA_MAX;
	parser->attribute_count = top;
	parser->value_count = 0;
	json_object_object_foreach(parser->json, key, child)
	{
		struct otlp_attribute attribute = {.key = otlp_str_from(key)};

		if (take_usual(parser, record, key, child, &taken))
			continue;
		attribute.value = value_of(parser, child);
		log_parse_add(parser, record, attribute);
	}
	return true;
}

/* ---- the line ---- */

/* "<14>": cuts it off, and returns its number; else -1. */
static int take_priority(const char **text, size_t *bytes)
{
	const char *at = *text;
	size_t i;
	int number = 0;

	if (*bytes < 3 || at[0] != '<')
		return -1;
	for (i = 1; i < *bytes && i < 4 && at[i] >= '0' && at[i] <= '9'; i++)
		number = number * 10 + (at[i] - '0');
	if (i == 1 || i == *bytes || at[i] != '>' || number > 191 || (i > 2 && at[1] == '0'))
		return -1;
	*text += i + 1;
	*bytes -= i + 1;
	return number;
}

bool log_parse(struct log_parser *parser, const char *line, size_t bytes, enum log_parse_as as,
	       struct otlp_log_record *ret)
{
	int priority = -1;

	json_object_put(parser->json);
	parser->json = NULL;
	memset(ret, 0, sizeof(*ret));
	if (!utf8_is_valid(line, bytes)) {
		bytes = utf8_repair(parser->text, line, bytes);
		line = parser->text;
	}
	if (as != LOG_PARSE_PIECE)
		priority = take_priority(&line, &bytes);
	if (priority >= 0) {
		ret->severity_number =
			log_severity_of_priority((unsigned)priority % 8, &ret->severity_text);
		if (priority >= 8)
			log_parse_add(parser, ret,
				      otlp_attr_int(OTLP_STR("syslog.facility"), priority / 8));
	}
	if (as == LOG_PARSE_LINE && parse_json(parser, line, bytes, ret))
		return true;
	ret->body = otlp_value_str((struct otlp_str){line, bytes});
	return false;
}
