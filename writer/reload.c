/* SPDX-License-Identifier: Apache-2.0 */
/* Compares what is in effect with what the file says now, and hands it to the parts. */
#include "writer/reload.h"

#include <string.h>

#include "base/log.h"
#include "writer/option_table.h"

#define RELOAD_SHOWN 200 /* bytes of a value in a line of the log */

static bool is_same(const struct option_text *a, const struct option_text *b)
{
	return a->text == b->text ||
	       (a->text != NULL && b->text != NULL && strcmp(a->text, b->text) == 0);
}

static const char *shown(const struct option_text *text)
{
	return text->text != NULL ? text->text : "nothing";
}

/* The texts that are in effect from now on; the others stay the fresh ones', to be freed. */
static void take_text(struct option_text *ours, struct option_text *fresh)
{
	const struct option_text before = *ours;

	*ours = *fresh;
	*fresh = before;
}

/* The row of --rotate-bytes is no smaller than the batches that are made now. */
static bool can_take(const struct options *ours, const struct options *fresh,
		     const struct option_row *row)
{
	return row->is_reloaded && (strcmp(row->name, "rotate-bytes") != 0 ||
				    fresh->files.rotate_bytes >= ours->batch_bytes);
}

/* The texts, and what is said of them. @return how many have changed */
static unsigned take_texts(struct options *ours, struct options *fresh)
{
	unsigned count = 0, i;

	for (i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		struct option_text *old = &ours->texts[i], *new = &fresh->texts[i];

		if (is_same(old, new)) {
			old->line = new->line;
			continue;
		}
		count++;
		if (can_take(ours, fresh, row)) {
			log_line("%.300s: %s is %.*s now, and was %.*s", ours->config, row->name,
				 RELOAD_SHOWN, shown(new), RELOAD_SHOWN, shown(old));
			take_text(old, new);
		} else {
			log_line("%.300s: %s stays %.*s: %.*s needs a restart of the writer",
				 ours->config, row->name, RELOAD_SHOWN, shown(old), RELOAD_SHOWN,
				 shown(new));
		}
	}
	return count;
}

/* The values of those rows that is_reloaded is set of. */
static void take_values(struct options *ours, const struct options *fresh)
{
	ours->interval_ns = fresh->interval_ns;
	if (fresh->files.rotate_bytes >= ours->batch_bytes)
		ours->files.rotate_bytes = fresh->files.rotate_bytes;
	ours->files.rotate_age_ns = fresh->files.rotate_age_ns;
	ours->retain = fresh->retain;
	ours->self_metrics_ns = fresh->self_metrics_ns;
	ours->wait_producers_ns = fresh->wait_producers_ns;
}

static void tell_parts(struct writer *writer, int64_t now_ns)
{
	const struct options *options = writer->options;

	/* Those of a flight recorder's spool follow from --keep. */
	if (writer->flight == NULL) {
		writer->file_options.rotate_bytes = options->files.rotate_bytes;
		writer->file_options.rotate_age_ns = options->files.rotate_age_ns;
		writer->file_options.keep_free_bytes = options->retain.free_bytes;
	}
	retain_set_limits(writer->retain, &options->retain);
	pack_set_keep_free(writer->pack, options->retain.free_bytes);
	self_set_interval(&writer->self, options->self_metrics_ns, now_ns);
	writer->wait.for_ns = options->wait_producers_ns;
	/* A longer interval that has begun is cut short; a shorter one ends by itself. */
	if (writer->close_ns > now_ns + options->interval_ns)
		writer->close_ns = now_ns + options->interval_ns;
	if (writer->care_ns > now_ns + options->interval_ns)
		writer->care_ns = now_ns + options->interval_ns;
	retain_request(writer->retain);
}

void reload(struct writer *writer, int64_t now_ns)
{
	struct options *ours = writer->options;
	char problem[OPTION_PROBLEM_BYTES];
	struct options fresh;

	if (ours->config == NULL)
		return;
	if (options_read_again(ours, &fresh, problem) < 0) {
		log_line("the configuration stays as it was: %s", problem);
		return;
	}
	if (take_texts(ours, &fresh) == 0) {
		log_line("%.300s was read again: nothing has changed", ours->config);
	} else {
		take_values(ours, &fresh);
		tell_parts(writer, now_ns);
	}
	options_free_texts(&fresh);
}
