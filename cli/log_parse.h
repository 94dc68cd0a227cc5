/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of a program's output as a log record. Any bytes make one: what is not UTF-8 becomes
 * U+FFFD, and what is not JSON is the body as it is.
 *
 *   <n>text     syslog's priority of 0 to 191 in front, as for sd-daemon(3): the severity
 *   {"a":1,…}   a JSON object: time, level, message and ids by their usual keys, the others are
 *               attributes
 */
#ifndef OTLPIPE_CLI_LOG_PARSE_H
#define OTLPIPE_CLI_LOG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include <otlpipe/otlpipe.h>

#include "cli/json_strict.h"

/* Attributes that a line has beside those of its JSON. */
#define LOG_PARSE_EXTRA_MAX 4u

enum log_parse_as {
	LOG_PARSE_LINE,	 /* all of the above */
	LOG_PARSE_TEXT,	 /* no JSON */
	LOG_PARSE_PIECE, /* of a line that began before: text as it is */
};

struct log_parser {
	char *text; /* the line, repaired */
	struct json_strict strict;
	json_object *json; /* of the last line, whose record points into it */
	struct otlp_attribute *attributes;
	struct otlp_value *values;
	size_t attribute_room, value_room;
	size_t attribute_count, value_count; /* in use by the last record */
};

/**
 * @param line_bytes_max  of a line
 * @return 0, or -ENOMEM
 */
int log_parser_init(struct log_parser *parser, size_t line_bytes_max);
void log_parser_free(struct log_parser *parser);

/**
 * @param ret  points into the parser and the line until the next call; its attributes have
 *             room for LOG_PARSE_EXTRA_MAX in all beside those of JSON
 * @return was it JSON?
 */
bool log_parse(struct log_parser *parser, const char *line, size_t bytes, enum log_parse_as as,
	       struct otlp_log_record *ret);

/** One more attribute for the record of the last line. */
void log_parse_add(struct log_parser *parser, struct otlp_log_record *record,
		   struct otlp_attribute attribute);

#endif
