/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records a command wants: the options --service, --name, --trace, --since, --until, --where
 * and --limit, and what they take from a file. A record is a span, a data point or a log record.
 *
 *   static const struct argp_child children[] = {{&filter_argp, 0, NULL, 0}, {0}};
 *
 *   case ARGP_KEY_INIT:
 *           state->child_inputs[0] = &options->filter;
 */
#ifndef OTLPIPE_CLI_FILTER_H
#define OTLPIPE_CLI_FILTER_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/otlp_view.h"
#include "cli/read_item.h"
#include "cli/wire_out.h"

#define FILTER_WHERES_MAX  32u
#define FILTER_TRACE_BYTES 16u

/* key=value: by the type that the attribute has. */
struct filter_where {
	struct view_bytes key, text;
	bool is_int, is_real; /* the text can be read so */
	int64_t integer;
	double real;
};

/* All zero: everything is wanted. */
struct filter {
	struct view_bytes service, name; /* data NULL: any */
	uint8_t trace[FILTER_TRACE_BYTES];
	bool has_trace, has_since, has_until, has_limit;
	uint64_t since_ns, until_ns; /* since 1970 */
	struct filter_where wheres[FILTER_WHERES_MAX];
	unsigned where_count;
	uint64_t limit;
	uint64_t taken;	      /* records so far */
	struct wire_out made; /* what filter_apply() handed out last */
};

/** The options; their input is a struct filter. They are read and checked by it. */
extern const struct argp filter_argp;

/** Does it take anything away? */
bool filter_is_any(const struct filter *filter);

/**
 * What is wanted of an item, as one of the same kind.
 *
 * @param ret  its bytes are the item's, or good until the next call
 * @return 1; 0: nothing of it; -EBADMSG, -ENOMEM
 */
int filter_apply(struct filter *filter, const struct read_item *item, struct read_item *ret);

/** --limit is reached: nothing more will be taken. */
bool filter_is_over(const struct filter *filter);

void filter_free(struct filter *filter);

#endif
