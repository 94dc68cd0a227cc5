/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of the writer's options. A row is a flag (--batch-bytes), a variable
 * ($OTLPIPE_BATCH_BYTES) and a key of the configuration file (batch-bytes), which all take the same
 * words.
 */
#ifndef OTLPIPE_WRITER_OPTION_TABLE_H
#define OTLPIPE_WRITER_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "writer/option_data.h"

struct option_row {
	const char *name;
	char letter;	   /* of the short flag; 0: none */
	const char *value; /* what the help calls it; NULL: the flag takes no value */
	bool value_is_optional;
	bool is_list;	       /* several flags add up, with commas between */
	bool is_rare;	       /* --help-all shows it, --help does not: that has to fit a screen */
	bool is_reloaded;      /* SIGHUP changes it; the others need a restart */
	const char *otherwise; /* the default, as text; NULL: it is not set */
	const char *takes;     /* for messages */
	const char *help;
	/** @param text  NULL: a flag without a value. @return 0, -EINVAL or -ERANGE */
	int (*set)(struct options *options, const char *text);
};

extern const struct option_row option_rows[OPTION_COUNT];

/** $OTLPIPE_BATCH_BYTES, without the dollar. */
void option_variable(const struct option_row *row, char ret[OPTION_VARIABLE_BYTES]);

#endif
