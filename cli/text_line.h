/* SPDX-License-Identifier: Apache-2.0 */
/* A record as one line of text, a piece after the other. What the lines look like: otlp_text.h. */
#ifndef OTLPIPE_CLI_TEXT_LINE_H
#define OTLPIPE_CLI_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include <opentelemetry/proto/common/v1/common.pb-c.h>
#include <opentelemetry/proto/metrics/v1/metrics.pb-c.h>

#define PB_COMMON(name) Opentelemetry__Proto__Common__V1__##name

typedef int (*otlp_text_emit_fn)(void *context, const char *piece, size_t bytes);

struct text_line {
	otlp_text_emit_fn emit;
	void *context;
	bool is_coloured;
	int rc; /* the first error; then nothing more is put */
};
#define COLOUR_DIM  "\033[2m"
#define COLOUR_NAME "\033[36m"
#define COLOUR_NONE "\033[0m"

void text_put(struct text_line *line, const void *bytes, size_t len);
void text_put_word(struct text_line *line, const char *word);
/** An ANSI sequence, where colours are wanted. */
void text_colour(struct text_line *line, const char *sequence);

/** @param is_quoted  it stands between quotes, so that a quote and a backslash are escaped too */
void text_put_text(struct text_line *line, const ProtobufCBinaryData *text, bool is_quoted);
void text_put_quoted(struct text_line *line, const ProtobufCBinaryData *text);
/** One word of the line, in quotes if it is no plain word; "-" for none. */
void text_put_field(struct text_line *line, const ProtobufCBinaryData *text);
void text_put_hex(struct text_line *line, const ProtobufCBinaryData *bytes);
void text_put_double(struct text_line *line, double value);
void text_put_u64(struct text_line *line, uint64_t value);

bool text_is_string(const PB_COMMON(AnyValue) * value);
void text_put_value(struct text_line *line, const PB_COMMON(AnyValue) * value);
void text_put_key(struct text_line *line, const char *key);
void text_put_pair(struct text_line *line, const PB_COMMON(KeyValue) * pair);
/** What is not among the attributes, under the name that the schema has for it. */
void text_put_named(struct text_line *line, const char *name, const ProtobufCBinaryData *value,
		    bool is_hex);

/** UTC in RFC 3339, "-" for none. */
void text_put_time(struct text_line *line, uint64_t time_ns);
/** Service and scope, with a blank around each. */
void text_put_source(struct text_line *line, const ProtobufCBinaryData *service,
		     const ProtobufCBinaryData *scope);
#endif
