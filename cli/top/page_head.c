/* SPDX-License-Identifier: Apache-2.0 */
/* Each line has a weight: where there is not room for all, the lightest are left out. */
#include "cli/top/page_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/units.h"
#include "cli/top/text.h"

#define LINES_MAX   48u
#define SENDERS_MAX 8u

/* What one line is drawn with. */
struct head {
	struct top_canvas *canvas;
	const struct top_page *page;
	const struct top_model *model;
};

struct head_line {
	void (*draw)(const struct head *head, unsigned row, unsigned index);
	unsigned index;
	unsigned weight; /* the heaviest stays */
};

static uint64_t seconds_since(const struct top_model *model, uint64_t unix_ns)
{
	return model->now_unix_ns > unix_ns ? (model->now_unix_ns - unix_ns) / 1000000000 : 0;
}

/* ---- the writer ---- */

static void draw_title(const struct head *head, unsigned row, unsigned index)
{
	char right[64], interval[UNITS_TEXT_BYTES];
	struct top_canvas *canvas = head->canvas;
	unsigned at, width;

	(void)index;
	if (head->page->is_paused)
		snprintf(right, sizeof(right), "PAUSED  %s", head->page->clock);
	else
		snprintf(right, sizeof(right), "every %s  %s",
			 units_format_duration(head->page->interval_ns, interval),
			 head->page->clock);
	width = (unsigned)strlen(right);
	at = top_canvas_put(canvas, row, 0, canvas->columns, TOP_BOLD, "otlpipe top  ");
	if (at + width + 1 < canvas->columns) {
		top_canvas_put(canvas, row, at, canvas->columns - at - width - 1, TOP_PLAIN,
			       head->model->view.path);
		top_canvas_put_right(canvas, row, canvas->columns - width, width,
				     head->page->is_paused ? TOP_WARN : TOP_PLAIN, right);
	} else if (head->page->is_paused) {
		top_canvas_put(canvas, row, at, canvas->columns, TOP_WARN, "PAUSED");
	}
}

static void draw_writer(const struct head *head, unsigned row, unsigned index)
{
	const struct stat_view *view = &head->model->view;
	const struct status_page *page = &view->page;
	struct top_canvas *canvas = head->canvas;
	char age[TOP_TEXT_BYTES];
	unsigned at = top_canvas_put(canvas, row, 0, canvas->columns, TOP_BOLD, "writer   ");

	(void)index;
	if (!view->has_page) {
		top_canvas_put(canvas, row, at, canvas->columns, TOP_BAD, "none");
		return;
	}
	if (!view->is_running) {
		at = top_canvas_put(canvas, row, at, canvas->columns, TOP_BAD, "DOWN");
		top_canvas_format(canvas, row, at, TOP_BAD, ": pid %" PRIu32 " %s", page->pid,
				  page->state == STATUS_STOPPED ? "stopped in order"
								: "was killed");
		return;
	}
	if (page->waits_for_producers > 0)
		at = top_canvas_format(canvas, row, at, TOP_WARN,
				       "told to stop, waits for %" PRIu32 " producers",
				       page->waits_for_producers);
	else if (page->state == STATUS_STALLED)
		at = top_canvas_put(canvas, row, at, canvas->columns, TOP_BAD, "STALLED");
	else
		at = top_canvas_put(canvas, row, at, canvas->columns, TOP_GOOD,
				    view->is_asleep ? "running, asleep" : "running");
	top_canvas_format(canvas, row, at, TOP_PLAIN, ", pid %" PRIu32 ", up %s, %s", page->pid,
			  top_age(seconds_since(head->model, page->start_unix_ns), age), page->io);
}

static void draw_problem(const struct head *head, unsigned row, unsigned index)
{
	const struct status_page *page = &head->model->view.page;

	top_canvas_format(head->canvas, row, 0, TOP_BAD, "problem  %s",
			  index < SIGNAL_COUNT ? page->problems[index] : page->retention.problem);
}

static uint64_t sum_items(const uint64_t *items)
{
	uint64_t sum = 0;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		sum += items[s];
	return sum;
}

static void draw_flight(const struct head *head, unsigned row, unsigned index)
{
	const struct status_flight *flight = &head->model->view.page.flight;
	char held[TOP_TEXT_BYTES], keep[TOP_TEXT_BYTES], age[TOP_TEXT_BYTES];
	struct top_canvas *canvas = head->canvas;
	unsigned at = top_canvas_put(canvas, row, 0, canvas->columns, TOP_BOLD, "recorder ");

	(void)index;
	at = top_canvas_format(canvas, row, at, TOP_PLAIN, "holds %" PRIu64 " records, %s of %s",
			       sum_items(flight->held_items), top_size(flight->held_bytes, held),
			       top_size(flight->keep_bytes, keep));
	if (flight->held_since_unix_ns != 0)
		at = top_canvas_format(
			canvas, row, at, TOP_PLAIN, ", since %s",
			top_age(seconds_since(head->model, flight->held_since_unix_ns), age));
	top_canvas_format(canvas, row, at, TOP_PLAIN,
			  ", let go of %" PRIu64 ", %" PRIu64 " snapshots",
			  sum_items(flight->let_go_items), flight->snapshots_done);
}

static void draw_disk(const struct head *head, unsigned row, unsigned index)
{
	const struct stat_output *output = &head->model->view.output;
	char left[TOP_TEXT_BYTES], total[TOP_TEXT_BYTES], held[TOP_TEXT_BYTES];
	uint64_t files = 0, open = 0, bytes = 0, bad = 0;
	struct top_canvas *canvas = head->canvas;
	const bool is_low = output->free_bytes < output->total_bytes / 20;
	unsigned at = top_canvas_put(canvas, row, 0, canvas->columns, TOP_BOLD, "disk     ");

	(void)index;
	if (!output->is_there) {
		top_canvas_format(canvas, row, at, TOP_BAD, "%s: %s", head->model->view.page.output,
				  strerror(output->error));
		return;
	}
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		files += output->signals[s].files;
		open += output->signals[s].open_files;
		bad += output->signals[s].bad_files;
		bytes += output->signals[s].bytes;
	}
	at = top_canvas_format(canvas, row, at, is_low ? TOP_BAD : TOP_PLAIN, "%s of %s left",
			       top_size(output->free_bytes, left),
			       top_size(output->total_bytes, total));
	at = top_canvas_format(canvas, row, at, TOP_PLAIN,
			       ", %" PRIu64 " files (%" PRIu64 " open), %s", files, open,
			       top_size(bytes, held));
	if (bad > 0)
		at = top_canvas_format(canvas, row, at, TOP_BAD, ", %" PRIu64 " bad", bad);
	top_canvas_format(canvas, row, at, TOP_DIM, "  %s", head->model->view.page.output);
}

/* ---- signals ---- */

static const struct {
	const char *heading;
	unsigned width;
} signal_columns[] = {
	{"", 7},     {"PUSH/S", 7}, {"WRITE/S", 7}, {"HISTORY", 7}, {"BYTES/S", 7}, {"BATCH/S", 7},
	{"SYNC", 5}, {"MAX", 5},    {"INVALID", 7}, {"LOST", 5},    {"ERRORS", 6},
};

static void draw_rates(struct top_canvas *canvas, unsigned row, unsigned column, unsigned width,
		       const struct top_history *history)
{
	double value, largest = 0;

	for (unsigned i = 0; i < width; i++)
		if (top_history_get(history, i, &value) && value > largest)
			largest = value;
	for (unsigned i = 0; i < width; i++)
		if (top_history_get(history, width - 1 - i, &value))
			top_canvas_put_one(
				canvas, row, column + i, TOP_GOOD,
				top_level(largest > 0 ? value / largest : 0, canvas->is_unicode));
}

/* @return the ink; ret has the text, which is empty for what is no text */
static enum top_ink signal_text(const struct top_model *model, unsigned signal, unsigned column,
				char ret[TOP_TEXT_BYTES])
{
	const struct status_signal *status = &model->view.page.signals[signal];
	const struct status_sync *syncs = &model->view.page.syncs[signal];
	const struct top_signal *rates = &model->signals[signal];
	uint64_t bad = 0;

	ret[0] = '\0';
	switch (column) {
	case 0:
		snprintf(ret, TOP_TEXT_BYTES, "%s", signal_name(signal));
		return TOP_BOLD;
	case 1:
		top_rate(rates->accepted_rate, ret);
		return TOP_PLAIN;
	case 2:
		top_rate(rates->written_rate, ret);
		return TOP_PLAIN;
	case 4:
		top_size((uint64_t)rates->bytes_rate, ret);
		return TOP_PLAIN;
	case 5:
		top_rate(rates->batches_rate, ret);
		return TOP_PLAIN;
	case 6:
		if (syncs->count > 0)
			top_took(syncs->last_ns, ret);
		return TOP_PLAIN;
	case 7:
		if (syncs->count > 0)
			top_took(syncs->longest_ns, ret);
		return TOP_PLAIN;
	case 8:
		bad = status->invalid_items;
		break;
	case 9:
		bad = status->lost_items;
		break;
	case 10:
		bad = status->errors;
		break;
	}
	if (column >= 8)
		top_count(bad, ret);
	return bad > 0 ? TOP_BAD : TOP_PLAIN;
}

/* @param index  0: the heading; else a signal's number + 1 */
static void draw_signal(const struct head *head, unsigned row, unsigned index)
{
	char text[TOP_TEXT_BYTES];
	unsigned at = 0;

	for (unsigned i = 0; i < COUNT_OF(signal_columns); i++) {
		const unsigned width = signal_columns[i].width;
		enum top_ink ink = TOP_DIM;

		if (at + width > head->canvas->columns)
			continue;
		if (index > 0 && i == 3)
			draw_rates(head->canvas, row, at, width,
				   &head->model->signals[index - 1].history);
		else if (index > 0)
			ink = signal_text(head->model, index - 1, i, text);
		else
			snprintf(text, sizeof(text), "%s", signal_columns[i].heading);
		if (i == 0 || (i == 3 && index == 0))
			top_canvas_put(head->canvas, row, at, width, ink, text);
		else if (i != 3)
			top_canvas_put_right(head->canvas, row, at, width, ink, text);
		at += width + 1;
	}
}

/* ---- drops, memory, senders ---- */

static void draw_drops(const struct head *head, unsigned row, unsigned index)
{
	static const char *const reasons[TOP_DROPS] = {[TOP_DROP_FULL] = "full",
						       [TOP_DROP_INVALID] = "invalid",
						       [TOP_DROP_TOO_LARGE] = "too large"};
	const struct top_model *model = head->model;
	char count[TOP_TEXT_BYTES], rate[TOP_TEXT_BYTES];
	unsigned at =
		top_canvas_put(head->canvas, row, 0, head->canvas->columns, TOP_BOLD, "dropped ");

	(void)index;
	for (unsigned drop = 0; drop < TOP_DROPS; drop++) {
		const enum top_ink ink = model->dropped[drop] > 0 ? TOP_BAD : TOP_PLAIN;

		at = top_canvas_format(head->canvas, row, at, ink, " %s %s", reasons[drop],
				       top_count(model->dropped[drop], count));
		if (model->dropped_rates[drop] > 0)
			at = top_canvas_format(head->canvas, row, at, TOP_BAD, " (%s/s)",
					       top_rate(model->dropped_rates[drop], rate));
		at = top_canvas_put(head->canvas, row, at, 1, TOP_PLAIN, " ");
	}
	top_canvas_format(head->canvas, row, at,
			  model->dropped_without_ring > 0 ? TOP_BAD : TOP_PLAIN,
			  " without a ring %s", top_count(model->dropped_without_ring, count));
}

static void draw_memory(const struct head *head, unsigned row, unsigned index)
{
	const struct stat_view *view = &head->model->view;
	const struct stat_memory *memory = &view->memory;
	char held[TOP_TEXT_BYTES], budget[TOP_TEXT_BYTES], waiting[TOP_TEXT_BYTES];
	unsigned at =
		top_canvas_put(head->canvas, row, 0, head->canvas->columns, TOP_BOLD, "memory   ");

	(void)index;
	at = top_canvas_format(head->canvas, row, at, TOP_PLAIN, "%s",
			       top_size(memory->held_bytes, held));
	if (memory->budget_bytes != UINT64_MAX)
		at = top_canvas_format(head->canvas, row, at, TOP_PLAIN, " of %s",
				       top_size(memory->budget_bytes, budget));
	at = top_canvas_format(head->canvas, row, at, TOP_PLAIN, " in %" PRIu64 " regions",
			       memory->regions);
	if (memory->ended_regions > 0)
		at = top_canvas_format(head->canvas, row, at, TOP_WARN,
				       ", %" PRIu64 " of programs that have ended: %s wait",
				       memory->ended_regions,
				       top_size(memory->ended_waiting_bytes, waiting));
	if (view->unreadable_count > 0)
		at = top_canvas_format(head->canvas, row, at, TOP_WARN, ", %zu cannot be read",
				       view->unreadable_count);
	if (view->unlisted_count > 0)
		top_canvas_format(head->canvas, row, at, TOP_PLAIN, ", %zu not in the list",
				  view->unlisted_count);
}

static void draw_sender(const struct head *head, unsigned row, unsigned index)
{
	const struct stat_sender *sender = &head->model->view.output.senders[index];
	struct top_canvas *canvas = head->canvas;
	char moved[TOP_TEXT_BYTES], behind[TOP_TEXT_BYTES];
	unsigned at = top_canvas_put(canvas, row, 0, canvas->columns, TOP_BOLD, "sender   ");

	at = top_canvas_format(canvas, row, at, TOP_PLAIN, "%s ", sender->name);
	if (sender->error != 0) {
		top_canvas_format(canvas, row, at, TOP_BAD, "its cursor cannot be read: %s",
				  strerror(sender->error));
		return;
	}
	at = top_canvas_put(canvas, row, at, canvas->columns,
			    sender->is_running ? TOP_GOOD : TOP_WARN,
			    sender->is_running ? "running" : "not running");
	at = top_canvas_format(
		canvas, row, at, TOP_PLAIN, ", moved %s ago; behind by",
		top_age(seconds_since(head->model, (uint64_t)sender->moved_unix_s * 1000000000),
			moved));
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const struct stat_sender_signal *signal = &sender->signals[s];

		if (!signal->is_sent)
			continue;
		if (signal->is_known)
			at = top_canvas_format(canvas, row, at, TOP_PLAIN, " %s %s", signal_name(s),
					       top_count(signal->unsent_batches, behind));
		else
			at = top_canvas_format(canvas, row, at, TOP_PLAIN, " %s %s files+",
					       signal_name(s),
					       top_count(signal->unsent_files, behind));
	}
	top_canvas_put(canvas, row, at, canvas->columns, TOP_DIM, " batches");
}

/* ---- all of it ---- */

static void add(struct head_line *lines, unsigned *count,
		void (*draw)(const struct head *, unsigned, unsigned), unsigned index,
		unsigned weight)
{
	if (*count < LINES_MAX)
		lines[(*count)++] = (struct head_line){draw, index, weight};
}

static unsigned list_lines(const struct top_model *model, struct head_line lines[LINES_MAX])
{
	const struct stat_view *view = &model->view;
	unsigned count = 0;

	add(lines, &count, draw_title, 0, 100);
	add(lines, &count, draw_writer, 0, 90);
	for (unsigned i = 0; view->is_running && i < SIGNAL_COUNT; i++)
		if (view->page.problems[i][0] != '\0')
			add(lines, &count, draw_problem, i, 85);
	if (view->is_running && view->page.retention.problem[0] != '\0')
		add(lines, &count, draw_problem, SIGNAL_COUNT, 85);
	add(lines, &count, draw_drops, 0, 80);
	if (view->is_running && view->page.flight.is_on != 0)
		add(lines, &count, draw_flight, 0, 75);
	if (view->has_page && view->page.output[0] != '\0')
		add(lines, &count, draw_disk, 0, 70);
	add(lines, &count, draw_memory, 0, 30);
	for (unsigned i = 0; i < view->output.sender_count && i < SENDERS_MAX; i++)
		add(lines, &count, draw_sender, i, 40);
	for (unsigned i = 0; i <= SIGNAL_COUNT; i++)
		add(lines, &count, draw_signal, i, 60);
	return count;
}

unsigned top_page_draw_head(struct top_canvas *canvas, unsigned rows_max,
			    const struct top_page *page, const struct top_model *model)
{
	const struct head head = {canvas, page, model};
	struct head_line lines[LINES_MAX];
	unsigned count = list_lines(model, lines), row = 0;

	/* Of equals the last one goes first: it is the one that is not missed in a list. */
	while (count > 1 && count > rows_max) {
		unsigned lightest = 0;

		for (unsigned i = 1; i < count; i++)
			if (lines[i].weight <= lines[lightest].weight)
				lightest = i;
		memmove(&lines[lightest], &lines[lightest + 1],
			(count - lightest - 1) * sizeof(lines[0]));
		count--;
	}
	for (; row < count; row++)
		lines[row].draw(&head, row, lines[row].index);
	return row;
}
