/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe top`: what `otlpipe stat` shows, live. It looks as stat does, and stores nothing in
 * shared memory.
 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/arguments.h"
#include "base/clock.h"
#include "base/units.h"
#include "cli/stat_keep.h"
#include "cli/stat_look.h"
#include "cli/tool.h"
#include "cli/top/page.h"
#include "cli/top/screen.h"
#include "cli/top/terminal.h"

#define INTERVAL_NS_MIN	  INT64_C(100000000)
#define INTERVAL_NS_MAX	  INT64_C(86400000000000)
#define BATCH_COLUMNS	  132u
#define BATCH_COLUMNS_MAX 1000u
#define BATCH_HEAD_ROWS	  40u
/* A look at very many files costs more than all else: it takes this part of the time at most. */
#define OUTPUT_SHARE 50
/* What is looked at more seldom is not kept open meanwhile: it could be gone, and its memory with
 * it. */
#define KEEP_NS_MAX INT64_C(5000000000)

struct top_options {
	const char *dir;
	bool is_batch;
	bool no_colour;
	uint64_t page_count; /* 0: no limit */
	uint64_t columns;
	int64_t interval_ns;
	enum top_sort sort;
	const char *filter;
};

struct top {
	const struct top_options *options;
	struct top_model model;
	struct top_page page;
	struct top_canvas canvas;
	struct stat_keep keep;
	int64_t output_at_ns; /* look at the output directory again */
	int64_t look_at_ns;   /* look at the rings again */
};

/* ---- looking ---- */

/* What the model has of the output directory counts until it is looked at again. */
static void keep_output(struct top *top, struct stat_view *view)
{
	view->output = top->model.view.output;
	memset(&top->model.view.output, 0, sizeof(top->model.view.output));
}

static int look_output(struct top *top, struct stat_view *view)
{
	const int64_t before_ns = clock_monotonic_ns();
	int rc;

	if (before_ns < top->output_at_ns &&
	    strcmp(view->page.output, top->model.view.page.output) == 0) {
		keep_output(top, view);
		return 0;
	}
	rc = stat_look_output(&view->output, &view->page);
	top->output_at_ns = before_ns + (clock_monotonic_ns() - before_ns) * OUTPUT_SHARE;
	return rc;
}

/* @return enum tool_exit; what went wrong is said only while nothing is drawn */
static int top_look(struct top *top)
{
	struct stat_view *view = calloc(1, sizeof(*view));
	int status = TOOL_FAILED;

	if (view == NULL) {
		tool_error("there is no memory for what it looks at");
		return TOOL_FAILED;
	}
	if (top->page.interval_ns <= KEEP_NS_MAX)
		view->keep = &top->keep;
	else
		stat_keep_forget(&top->keep);
	status = stat_look(view, top->options->dir);
	if (status == TOOL_OK && (look_output(top, view) < 0 ||
				  top_model_take(&top->model, view, clock_monotonic_ns(),
						 (uint64_t)clock_now_ns(CLOCK_REALTIME)) < 0)) {
		tool_error("there is no memory for what it looks at");
		status = TOOL_FAILED;
	}
	stat_forget(view);
	free(view);
	return status;
}

static int top_draw(struct top *top, unsigned rows, unsigned columns)
{
	const time_t now = (time_t)(top->model.now_unix_ns / 1000000000);
	struct tm tm;

	if (localtime_r(&now, &tm) != NULL)
		strftime(top->page.clock, sizeof(top->page.clock), "%H:%M:%S", &tm);
	if (top_canvas_clear(&top->canvas, rows, columns) < 0)
		return -ENOMEM;
	top_page_draw(&top->page, &top->canvas, &top->model);
	return 0;
}

/* ---- pages for a file or a pipe ---- */

static int write_page(struct top *top)
{
	const unsigned rows = (unsigned)top->model.row_count + BATCH_HEAD_ROWS;
	struct grow grow = {0};
	unsigned last = rows;
	int rc = top_draw(top, rows, (unsigned)top->options->columns);

	for (unsigned row = 0; rc == 0 && row < rows; row++) {
		top_canvas_row(&top->canvas, row, &grow);
		grow_char(&grow, '\n');
	}
	/* One empty line behind each page, whatever room was left. */
	for (last = (unsigned)grow.len; last > 1 && grow.data[last - 2] == '\n'; last--)
		;
	if (rc < 0 || grow.is_failed)
		tool_error("there is no memory for a page of %u lines", rows);
	else
		rc = tool_write(grow.data, last) < 0 || tool_write("\n", 1) < 0 ? -EPIPE : 0;
	if (grow.is_failed)
		rc = -ENOMEM;
	grow_free(&grow);
	return rc;
}

/* The first look shows no rates: it is not printed. */
static int top_batch(struct top *top)
{
	uint64_t pages = 0;
	int status = top_look(top), rc;

	tool_catch_signals();
	while (status == TOOL_OK && tool_rest(top->page.interval_ns)) {
		status = top_look(top);
		rc = status == TOOL_OK ? write_page(top) : 0;
		if (rc == -ENOMEM)
			status = TOOL_FAILED;
		if (rc < 0 || tool_flush() < 0 || ++pages == top->options->page_count)
			break;
	}
	return status;
}

/* ---- keys ---- */

static void scroll(struct top_page *page, int64_t rows)
{
	const size_t last = page->shown > page->visible ? page->shown - page->visible : 0;

	if (rows < 0)
		page->first -= (size_t)-rows < page->first ? (size_t)-rows : page->first;
	else
		page->first = page->first + (size_t)rows < last ? page->first + (size_t)rows : last;
}

static bool key_scrolls(struct top_page *page, int key)
{
	switch (key) {
	case SCREEN_UP:
	case 'k':
		scroll(page, -1);
		return true;
	case SCREEN_DOWN:
	case 'j':
		scroll(page, 1);
		return true;
	case SCREEN_PAGE_UP:
		scroll(page, -(int64_t)page->visible);
		return true;
	case SCREEN_PAGE_DOWN:
		scroll(page, page->visible);
		return true;
	case SCREEN_HOME:
	case 'g':
		page->first = 0;
		return true;
	case SCREEN_END:
	case 'G':
		scroll(page, INT32_MAX);
		return true;
	default:
		return false;
	}
}

/* Bytes of a character come one by one, as keys below 0x100. */
static void key_types(struct top_page *page, int key)
{
	char *filter = page->order.filter;
	size_t len = strlen(filter);

	if (key == SCREEN_ENTER) {
		page->is_typing = false;
	} else if (key == SCREEN_ESCAPE) {
		page->is_typing = false;
		filter[0] = '\0';
	} else if (key == SCREEN_BACKSPACE && len > 0) {
		do
			len--;
		while (len > 0 && ((unsigned char)filter[len] & 0xc0) == 0x80);
		filter[len] = '\0';
	} else if (key >= ' ' && key < 0x100 && len + 1 < sizeof(page->order.filter)) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
	page->first = 0;
}

static void change_interval(struct top *top, bool is_longer)
{
	int64_t *interval_ns = &top->page.interval_ns;

	*interval_ns = is_longer ? *interval_ns * 2 : *interval_ns / 2;
	if (*interval_ns < INTERVAL_NS_MIN)
		*interval_ns = INTERVAL_NS_MIN;
	if (*interval_ns > INTERVAL_NS_MAX)
		*interval_ns = INTERVAL_NS_MAX;
	top->look_at_ns = clock_monotonic_ns() + *interval_ns;
}

/* @return false: the user wants to leave */
static bool key_does(struct top *top, int key)
{
	struct top_page *page = &top->page;
	struct top_order *order = &page->order;

	if (key == SCREEN_RESIZE || key == SCREEN_NONE)
		return true;
	if (page->has_help && key != 'q') {
		page->has_help = false;
		return true;
	}
	if (page->is_typing) {
		key_types(page, key);
		return true;
	}
	if (key_scrolls(page, key))
		return true;
	switch (key) {
	case 'q':
	case 'Q':
	case SCREEN_GONE:
		return false;
	case 'h':
	case '?':
		page->has_help = true;
		break;
	case ' ':
	case 'p':
		page->is_paused = !page->is_paused;
		stat_keep_forget(&top->keep);
		break;
	case 's':
		order->sort = (order->sort + 1) % TOP_SORTS;
		break;
	case 'S':
		order->sort = (order->sort + TOP_SORTS - 1) % TOP_SORTS;
		break;
	case 'r':
		order->is_reversed = !order->is_reversed;
		break;
	case 'd':
		order->only_dropped = !order->only_dropped;
		break;
	case '/':
		page->is_typing = true;
		break;
	case SCREEN_ESCAPE:
		order->filter[0] = '\0';
		order->only_dropped = false;
		break;
	case '+':
		change_interval(top, true);
		break;
	case '-':
		change_interval(top, false);
		break;
	default:
		break;
	}
	return true;
}

/* ---- the screen ---- */

static int draw_screen(struct top *top)
{
	unsigned rows, columns;

	screen_size(&rows, &columns);
	if (top_draw(top, rows, columns) < 0)
		return TOOL_FAILED;
	screen_draw(&top->canvas);
	return TOOL_OK;
}

static int look_again(struct top *top)
{
	int status = TOOL_OK;

	if (!top->page.is_paused)
		status = top_look(top);
	top->look_at_ns = clock_monotonic_ns() + top->page.interval_ns;
	return status;
}

static int top_live(struct top *top)
{
	bool goes_on = true;
	int status = top_look(top), rc;

	if (status != TOOL_OK)
		return status;
	rc = screen_begin(!top->options->no_colour && tool_output_is_coloured());
	if (rc < 0) {
		tool_error("the terminal cannot be used: %s (otlpipe stat --watch needs none)",
			   strerror(-rc));
		return TOOL_FAILED;
	}
	/* On the screen is no place for a line: what fails is tried, and told, once more at the
	 * end. */
	tool_hush(true);
	top->look_at_ns = clock_monotonic_ns() + top->page.interval_ns;
	while (status == TOOL_OK && goes_on && !terminal_is_told_to_end()) {
		status = draw_screen(top);
		goes_on = key_does(top, screen_key(top->look_at_ns - clock_monotonic_ns()));
		if (status == TOOL_OK && clock_monotonic_ns() >= top->look_at_ns)
			status = look_again(top);
	}
	screen_end();
	tool_hush(false);
	if (status != TOOL_OK)
		(void)top_look(top);
	return status;
}

/* ---- the command ---- */

enum { OPTION_NO_COLOR = 1000, OPTION_FILTER, OPTION_WIDTH };

static const struct argp_option options_table[] = {
	{"dir", 'd', "DIR", 0, "runtime directory ($OTLPIPE_DIR, else /dev/shm/otlpipe-UID)", 0},
	{"interval", 'i', "TIME", 0, "look so often (1s)", 0},
	{"sort", 's', "BY", 0, "rate, drops, fill, age, pid, program or service", 0},
	{"filter", OPTION_FILTER, "TEXT", 0, "producers with this in program, service or pid", 0},
	{"batch", 'b', NULL, 0, "print pages to a file or a pipe, without keys", 0},
	{"count", 'n', "N", 0, "with --batch: so many pages, then end", 0},
	{"width", OPTION_WIDTH, "COLUMNS", 0, "with --batch: of a page (the terminal's, else 132)",
	 0},
	{"no-color", OPTION_NO_COLOR, NULL, 0, "no colours ($NO_COLOR, TERM=dumb)", 0},
	{0},
};

static error_t take_numbers(struct top_options *options, int key, char *text,
			    struct argp_state *state)
{
	switch (key) {
	case 'i':
		if (units_parse_duration(text, &options->interval_ns) < 0 ||
		    options->interval_ns < INTERVAL_NS_MIN ||
		    options->interval_ns > INTERVAL_NS_MAX)
			return arguments_refuse(state, "--interval takes 100ms to 1d, not '%s'",
						text);
		return 0;
	case 'n':
		if (units_parse_count(text, 1, UINT32_MAX, &options->page_count) < 0)
			return arguments_refuse(state, "--count takes 1 to %u pages, not '%s'",
						UINT32_MAX, text);
		return 0;
	case OPTION_WIDTH:
		if (units_parse_count(text, TOP_COLUMNS_MIN, BATCH_COLUMNS_MAX, &options->columns) <
		    0)
			return arguments_refuse(state, "--width takes %u to %u columns, not '%s'",
						TOP_COLUMNS_MIN, BATCH_COLUMNS_MAX, text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t take_option(int key, char *text, struct argp_state *state)
{
	struct top_options *options = state->input;

	switch (key) {
	case 'd':
		options->dir = text;
		return 0;
	case 's':
		if (!top_sort_find(text, &options->sort))
			return arguments_refuse(
				state,
				"--sort takes rate, drops, fill, age, pid, program or "
				"service, not '%s'",
				text);
		return 0;
	case 'b':
		options->is_batch = true;
		return 0;
	case OPTION_FILTER:
		if (strlen(text) >= TOP_FILTER_BYTES)
			return arguments_refuse(state, "--filter takes at most %u bytes",
						TOP_FILTER_BYTES - 1);
		options->filter = text;
		return 0;
	case OPTION_NO_COLOR:
		options->no_colour = true;
		return 0;
	case ARGP_KEY_ARG:
		return arguments_refuse(state, "it takes no argument, and not '%s'", text);
	case ARGP_KEY_END:
		if (!options->is_batch && (options->page_count > 0 || options->columns > 0))
			return arguments_refuse(state, "--count and --width are for --batch");
		return 0;
	default:
		return take_numbers(options, key, text, state);
	}
}

/* Of a terminal that gets pages it is its own. */
static unsigned default_columns(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 ||
	    size.ws_col == 0)
		return BATCH_COLUMNS;
	return size.ws_col < BATCH_COLUMNS_MAX ? size.ws_col : BATCH_COLUMNS_MAX;
}

static int top_run(struct top *top)
{
	if (top->options->is_batch)
		return top_batch(top);
	switch (terminal_look()) {
	case TERMINAL_NONE:
		tool_error("standard input and output have to be a terminal: --batch prints pages, "
			   "and `otlpipe stat --json` is for programs");
		return TOOL_FAILED;
	case TERMINAL_UNKNOWN:
		tool_error(
			"the terminal '%s' ($TERM) is not in the list of terminals: set TERM (try "
			"TERM=xterm), or take --batch",
			getenv("TERM") != NULL ? getenv("TERM") : "");
		return TOOL_FAILED;
	case TERMINAL_DUMB:
		return top_batch(top);
	case TERMINAL_SCREEN:
		break;
	}
	top->page.has_keys = true;
	return top_live(top);
}

int top_main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options_table,
		.parser = take_option,
		.doc = "Show producers, rings, drops and the writer, live.\vKeys: h shows them, q "
		       "quits. "
		       "Only SIGKILL leaves the terminal as it is then: `reset` mends it.",
	};
	struct top_options options = {.interval_ns = 1000000000};
	struct top top = {.options = &options};
	int rc = tool_parse(&argp, argc, argv, &options);

	if (rc != 0)
		return rc - 1;
	if (tool_guard() != TOOL_OK)
		return tool_finish(TOOL_FAILED);
	(void)setlocale(LC_CTYPE, "");
	top.canvas.is_unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	top.page.interval_ns = options.interval_ns;
	top.page.order.sort = options.sort;
	if (options.filter != NULL)
		strcpy(top.page.order.filter, options.filter);
	if (options.columns == 0)
		options.columns = default_columns();
	rc = top_run(&top);
	stat_keep_forget(&top.keep);
	top_model_free(&top.model);
	top_canvas_free(&top.canvas);
	return tool_finish(rc);
}
