/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws a trace. A span is one line: what it is, how long it took, and when, as a bar. Below it
 * come its events, its links, its error, and what is odd about its place.
 */
#include "cli/trace_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "cli/show_text.h"
#include "cli/view_json.h"

#define DURATION_COLUMNS 9u
#define INDENT_COLUMNS	 2u
#define EVENTS_MAX	 16u /* of a span; more are counted */

#define COLOUR_DIM	 "\033[2m"
#define COLOUR_NAME	 "\033[36m"
#define COLOUR_BAR	 "\033[34m"
#define COLOUR_ERROR	 "\033[31m"
#define COLOUR_NONE	 "\033[0m"

struct printer {
	struct grow *grow;
	const struct trace_style *style;
	const struct tree *tree;
	const struct trace_links *links;
	size_t name_columns, bar_columns;
	size_t depth_max; /* deeper ones are not moved further to the right */
	bool *is_last;	  /* for each depth up to depth_max: nothing more comes below its line */
	struct grow scratch;
};

static void colour(const struct printer *p, const char *sequence)
{
	if (p->style->is_coloured)
		grow_word(p->grow, sequence);
}

/* ---- the tree ---- */

/* The lines that lead to a span. @return the columns */
static size_t put_branches(const struct printer *p, const struct tree_line *line)
{
	const size_t depth = line->depth < p->depth_max ? line->depth : p->depth_max;
	size_t columns = depth * INDENT_COLUMNS;
	char text[32];

	if (line->depth > p->depth_max) {
		/* How deep it is, in place of the lines. */
		snprintf(text, sizeof(text), "[%zu]", line->depth);
		grow_word(p->grow, text);
		grow_char(p->grow, ' ');
		return strlen(text) + 1;
	}
	colour(p, COLOUR_DIM);
	for (size_t i = 1; i < depth; i++)
		grow_word(p->grow, p->is_last[i] ? "  " : "│ ");
	if (depth > 0)
		grow_word(p->grow, line->is_last ? "└ " : "├ ");
	colour(p, COLOUR_NONE);
	return columns;
}

/* The same in front of what belongs to the span above. */
static void put_below(const struct printer *p, const struct tree_line *line, bool has_children)
{
	const size_t depth = line->depth < p->depth_max ? line->depth : p->depth_max;

	colour(p, COLOUR_DIM);
	for (size_t i = 1; i <= depth; i++)
		grow_word(p->grow, p->is_last[i] ? "  " : "│ ");
	grow_word(p->grow, has_children && line->depth < p->depth_max ? "│ " : "  ");
	colour(p, COLOUR_NONE);
}

/* ---- bars ---- */

enum cell { CELL_EMPTY, CELL_BAR, CELL_EVENT };

static size_t cell_of(const struct printer *p, uint64_t time_ns)
{
	const uint64_t begin = p->tree->begin_ns, end = p->tree->end_ns;
	double share;

	if (time_ns <= begin || end <= begin)
		return 0;
	share = time_ns >= end ? 1 : (double)(time_ns - begin) / (double)(end - begin);
	return (size_t)(share * (double)(p->bar_columns - 1) + 0.5);
}

static int mark_events(const struct printer *p, const struct tree_span *span, uint8_t *cells)
{
	struct view_bytes rest = {span->bytes, span->bytes_len}, message;
	int rc;

	while ((rc = view_find(&rest, VIEW_SPAN_EVENTS, &message)) == 1) {
		struct view_event event;

		rc = view_event(message, &event);
		if (rc < 0)
			return rc;
		if (event.time_ns >= p->tree->begin_ns && event.time_ns <= p->tree->end_ns)
			cells[cell_of(p, event.time_ns)] = CELL_EVENT;
	}
	return rc;
}

static int put_bar(const struct printer *p, const struct tree_span *span)
{
	const bool is_error = span->view.status == VIEW_STATUS_ERROR;
	uint8_t cells[TRACE_COLUMNS_MAX] = {0};
	size_t end = 0;
	int rc;

	if (span->view.start_ns != 0 && (span->marks & TREE_BACKWARDS) == 0) {
		end = cell_of(p, span->view.end_ns) + 1;
		memset(cells + cell_of(p, span->view.start_ns), CELL_BAR,
		       end - cell_of(p, span->view.start_ns));
	}
	rc = mark_events(p, span, cells);
	if (rc < 0)
		return rc;
	for (end = p->bar_columns; end > 0 && cells[end - 1] == CELL_EMPTY;)
		end--;
	colour(p, is_error ? COLOUR_ERROR : COLOUR_BAR);
	for (size_t i = 0; i < end; i++)
		grow_word(p->grow, cells[i] == CELL_BAR ? "█" : cells[i] == CELL_EVENT ? "◆" : " ");
	colour(p, COLOUR_NONE);
	return 0;
}

/* ---- a span ---- */

static struct view_bytes service_of(const struct tree_span *span)
{
	return (struct view_bytes){(const uint8_t *)span->service, span->service_len};
}

/* The service is said where it is another one than above. */
static bool is_other_service(const struct printer *p, const struct tree_span *span)
{
	return span->service_len > 0 &&
	       (span->parent == TREE_NONE ||
		!view_equal(service_of(span), service_of(&p->tree->spans[span->parent])));
}

static int put_span(const struct printer *p, const struct tree_line *line)
{
	const struct tree_span *const span = &p->tree->spans[line->span];
	const bool is_error = span->view.status == VIEW_STATUS_ERROR;
	char text[SHOW_DURATION_BYTES];
	size_t left = p->name_columns - put_branches(p, line);

	if (is_error) {
		colour(p, COLOUR_ERROR);
		grow_word(p->grow, "✗ ");
		left -= 2;
	}
	if (is_other_service(p, span)) {
		colour(p, COLOUR_NAME);
		left -= show_text(p->grow, service_of(span), left / 2);
		colour(p, COLOUR_NONE);
		grow_char(p->grow, ' ');
		left--;
		colour(p, is_error ? COLOUR_ERROR : "");
	}
	show_padded(p->grow, span->view.name, left);
	colour(p, COLOUR_NONE);
	grow_format(p->grow, " %*s ", (int)DURATION_COLUMNS,
		    span->marks & TREE_BACKWARDS
			    ? "?"
			    : show_duration(view_duration_ns(&span->view), text));
	return put_bar(p, span);
}

/* A line below a span, cut where the columns end. */
struct note {
	const char *mark, *colour;
};

static void put_note(struct printer *p, const struct tree_line *line, bool has_children,
		     struct note note)
{
	const size_t depth = line->depth < p->depth_max ? line->depth : p->depth_max;
	const size_t used = (depth + 1) * INDENT_COLUMNS + 2;
	const struct view_bytes text = {(const uint8_t *)p->scratch.data, p->scratch.len};

	put_below(p, line, has_children);
	colour(p, note.colour);
	grow_word(p->grow, note.mark);
	grow_char(p->grow, ' ');
	show_text(p->grow, text, p->style->columns > used + 8 ? p->style->columns - used : 8);
	colour(p, COLOUR_NONE);
	grow_char(p->grow, '\n');
	p->scratch.len = 0;
}

/* ---- what belongs to a span ---- */

static int put_attributes(struct printer *p, struct view_bytes message, uint32_t number)
{
	size_t count;
	const size_t before = p->scratch.len;
	int rc;

	grow_char(&p->scratch, ' ');
	rc = view_json_attributes(&p->scratch, message, number, &count);
	if (rc == 0 && count == 0 && !p->scratch.is_failed)
		p->scratch.len = before;
	return rc;
}

static int text_attribute(struct printer *p, struct view_bytes message, struct view_bytes key)
{
	struct view_value value;
	int rc = view_attribute(message, VIEW_EVENT_ATTRIBUTES, key, &value);

	if (rc == 1 && value.kind == VIEW_STRING)
		grow_add(&p->scratch, value.bytes.data, value.bytes.len);
	return rc < 0 ? rc : 0;
}

static int put_event(struct printer *p, const struct tree_line *line, bool has_children,
		     struct view_bytes message)
{
	const uint64_t begin = p->tree->begin_ns;
	const bool is_plain = !p->style->with_attributes;
	struct view_event event;
	char text[SHOW_DURATION_BYTES];
	bool is_exception;
	int rc = view_event(message, &event);

	if (rc < 0)
		return rc;
	is_exception = view_equal(event.name, VIEW_BYTES("exception"));
	grow_format(
		&p->scratch, "%s%s ", event.time_ns < begin ? "-" : "+",
		show_duration(event.time_ns < begin ? begin - event.time_ns : event.time_ns - begin,
			      text));
	if (is_exception && is_plain) {
		rc = text_attribute(p, message, VIEW_BYTES("exception.type"));
		grow_word(&p->scratch, ": ");
		if (rc == 0)
			rc = text_attribute(p, message, VIEW_BYTES("exception.message"));
	} else {
		grow_add(&p->scratch, event.name.data, event.name.len);
		rc = put_attributes(p, message, VIEW_EVENT_ATTRIBUTES);
	}
	if (rc == 0)
		put_note(p, line, has_children,
			 (struct note){is_exception ? "✗" : "◆",
				       is_exception ? COLOUR_ERROR : COLOUR_DIM});
	return rc;
}

static int put_link(struct printer *p, const struct tree_line *line, bool has_children,
		    struct view_bytes message)
{
	const struct trace_target *target;
	char text[SHOW_DURATION_BYTES];
	struct view_link link;
	int rc = view_link(message, &link);

	if (rc < 0)
		return rc;
	grow_word(&p->scratch, "trace ");
	grow_hex(&p->scratch, link.trace_id.data, link.trace_id.len);
	grow_word(&p->scratch, " span ");
	grow_hex(&p->scratch, link.span_id.data, link.span_id.len);
	target = trace_links_find(p->links, &link);
	if (target != NULL && target->is_found) {
		grow_word(&p->scratch, ": ");
		grow_add(&p->scratch, target->text, target->service_len);
		grow_char(&p->scratch, ' ');
		grow_add(&p->scratch, target->text + target->service_len, target->name_len);
		grow_char(&p->scratch, ' ');
		grow_word(&p->scratch, show_duration(target->duration_ns, text));
	} else {
		grow_word(&p->scratch, " (not in these files)");
	}
	put_note(p, line, has_children, (struct note){"→", COLOUR_DIM});
	return 0;
}

/* Events or links. */
static int put_all(struct printer *p, const struct tree_line *line, bool has_children,
		   uint32_t number, const char *what)
{
	const struct tree_span *const span = &p->tree->spans[line->span];
	struct view_bytes rest = {span->bytes, span->bytes_len}, message;
	uint64_t count = 0;
	int rc;

	while ((rc = view_find(&rest, number, &message)) == 1) {
		if (++count > EVENTS_MAX)
			continue;
		rc = number == VIEW_SPAN_EVENTS ? put_event(p, line, has_children, message)
						: put_link(p, line, has_children, message);
		if (rc < 0)
			return rc;
	}
	if (count > EVENTS_MAX) {
		grow_format(&p->scratch, "%" PRIu64 " %s more", count - EVENTS_MAX, what);
		put_note(p, line, has_children, (struct note){"…", COLOUR_DIM});
	}
	return rc;
}

static void put_marks(struct printer *p, const struct tree_line *line, bool has_children)
{
	const struct tree_span *const span = &p->tree->spans[line->span];
	char text[SHOW_DURATION_BYTES];

	for (unsigned mark = 1; mark <= TREE_BACKWARDS; mark <<= 1) {
		switch (span->marks & mark) {
		case TREE_ORPHAN:
			grow_word(&p->scratch, "its parent ");
			grow_hex(&p->scratch, span->view.parent_id.data, span->view.parent_id.len);
			grow_word(&p->scratch, " is not in these files");
			break;
		case TREE_CIRCLE:
			grow_word(&p->scratch, "its parents form a circle, which is cut here");
			break;
		case TREE_TWICE:
			grow_word(&p->scratch, "another span has the same id ");
			grow_hex(&p->scratch, span->view.span_id.data, span->view.span_id.len);
			break;
		case TREE_EARLY:
			grow_format(&p->scratch, "it starts %s before its parent: another clock?",
				    show_duration(p->tree->spans[span->parent].view.start_ns -
							  span->view.start_ns,
						  text));
			break;
		case TREE_BACKWARDS:
			grow_format(&p->scratch, "it ends %s before it starts",
				    show_duration(span->view.start_ns - span->view.end_ns, text));
			break;
		default:
			continue;
		}
		put_note(p, line, has_children, (struct note){"!", COLOUR_ERROR});
	}
}

static int put_details(struct printer *p, const struct tree_line *line)
{
	const struct tree_span *const span = &p->tree->spans[line->span];
	const bool has_children = span->first_child != TREE_NONE;
	const struct view_bytes message = {span->bytes, span->bytes_len};
	int rc = 0;

	put_marks(p, line, has_children);
	if (span->view.status == VIEW_STATUS_ERROR && span->view.status_message.len > 0) {
		grow_add(&p->scratch, span->view.status_message.data,
			 span->view.status_message.len);
		put_note(p, line, has_children, (struct note){"✗", COLOUR_ERROR});
	}
	if (p->style->with_attributes) {
		rc = put_attributes(p, message, VIEW_SPAN_ATTRIBUTES);
		if (rc == 0 && p->scratch.len > 0)
			put_note(p, line, has_children, (struct note){"=", COLOUR_DIM});
	}
	if (rc == 0)
		rc = put_all(p, line, has_children, VIEW_SPAN_EVENTS, "events");
	return rc < 0 ? rc : put_all(p, line, has_children, VIEW_SPAN_LINKS, "links");
}

/* ---- a trace ---- */

static uint64_t count_services(const struct tree *tree)
{
	uint64_t count = 0;

	/* Few: those before it are looked through, up to a bound. */
	for (size_t i = 0; i < tree->count; i++) {
		size_t k = 0;

		while (k < i && k < 1000 &&
		       !view_equal(service_of(&tree->spans[k]), service_of(&tree->spans[i])))
			k++;
		count += k == i;
	}
	return count;
}

void trace_print_sum(struct grow *grow, const struct trace_style *style,
		     const struct trace_sum *sum, const struct tree *tree)
{
	char text[SHOW_DURATION_BYTES];

	grow_hex(grow, sum->id, sizeof(sum->id));
	grow_word(grow, "  ");
	show_time(grow, sum->begin_ns);
	grow_format(grow, " %*s %8" PRIu64, (int)DURATION_COLUMNS,
		    show_duration(sum->end_ns - sum->begin_ns, text), sum->spans);
	if (style->is_coloured && sum->errors > 0)
		grow_word(grow, COLOUR_ERROR);
	grow_format(grow, " %6" PRIu64, sum->errors);
	if (style->is_coloured && sum->errors > 0)
		grow_word(grow, COLOUR_NONE);
	if (tree->count > 0) {
		const struct tree_span *const root = &tree->spans[tree->lines[0].span];

		grow_word(grow, "  ");
		show_text(grow, service_of(root), 30);
		grow_char(grow, ' ');
		show_text(grow, root->view.name, 60);
	}
	grow_char(grow, '\n');
}

static void put_head(const struct printer *p, const struct trace_sum *sum)
{
	const uint64_t services = count_services(p->tree);
	char text[SHOW_DURATION_BYTES];

	grow_word(p->grow, "trace ");
	grow_hex(p->grow, sum->id, sizeof(sum->id));
	grow_word(p->grow, "  ");
	show_time(p->grow, sum->begin_ns);
	grow_format(p->grow, "  %s\n", show_duration(sum->end_ns - sum->begin_ns, text));
	grow_format(p->grow, "%" PRIu64 " span%s, %" PRIu64 " service%s, %" PRIu64 " error%s\n",
		    sum->spans, sum->spans == 1 ? "" : "s", services, services == 1 ? "" : "s",
		    sum->errors, sum->errors == 1 ? "" : "s");
}

static int put_lines(struct printer *p)
{
	size_t shown = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->tree->count && shown < p->style->lines_max; i++) {
		const struct tree_line *const line = &p->tree->lines[i];

		if (line->depth <= p->depth_max)
			p->is_last[line->depth] = line->is_last;
		rc = put_span(p, line);
		grow_char(p->grow, '\n');
		if (rc == 0)
			rc = put_details(p, line);
		shown++;
	}
	if (rc == 0 && shown < p->tree->count)
		grow_format(p->grow, "… and %zu more spans (--lines)\n", p->tree->count - shown);
	return rc;
}

int trace_print(struct grow *grow, const struct trace_style *style, const struct trace_sum *sum,
		const struct tree *tree, const struct trace_links *links)
{
	struct printer p = {.grow = grow, .style = style, .tree = tree, .links = links};
	bool is_last[TRACE_COLUMNS_MAX];
	int rc;

	p.name_columns = style->columns * 45 / 100;
	p.bar_columns = style->columns - p.name_columns - DURATION_COLUMNS - 2;
	p.depth_max = p.name_columns / 2 / INDENT_COLUMNS;
	p.is_last = is_last;
	put_head(&p, sum);
	rc = put_lines(&p);
	if (rc == 0 && (grow->is_failed || p.scratch.is_failed))
		rc = -ENOMEM;
	grow_free(&p.scratch);
	return rc;
}
