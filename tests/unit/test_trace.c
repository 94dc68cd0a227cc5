/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as a tree: parents that are missing, come twice or go in circles, and what is drawn. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/show_text.h"
#include "cli/trace_print.h"
#include "tests/oracle.h"

#define START UINT64_C(1700000000000000000) /* 2023-11-14T22:13:20Z */
#define MS    UINT64_C(1000000)

static struct otlp_span span_of(uint8_t id, uint8_t parent, uint64_t from_ms, uint64_t to_ms)
{
	return (struct otlp_span){
		.trace_id = {7},
		.span_id = {id},
		.parent_span_id = {parent},
		.name = OTLP_STR("work"),
		.start_time_unix_ns = START + from_ms * MS,
		.end_time_unix_ns = START + to_ms * MS,
	};
}

static void add_of(struct tree *tree, const struct otlp_span *span, const char *service)
{
	PB_TRACE(Span) *message = oracle_span(span);
	const size_t bytes = protobuf_c_message_get_packed_size(&message->base);
	uint8_t *packed = malloc(bytes);

	assert_non_null(packed);
	protobuf_c_message_pack(&message->base, packed);
	assert_int_equal(tree_add(tree, (struct view_bytes){packed, bytes},
				  (struct view_bytes){(const uint8_t *)service, strlen(service)}),
			 0);
	free(packed);
	oracle_free(message);
}

static void add(struct tree *tree, uint8_t id, uint8_t parent, uint64_t from_ms, uint64_t to_ms)
{
	const struct otlp_span span = span_of(id, parent, from_ms, to_ms);

	add_of(tree, &span, "shop");
}

static uint8_t id_at(const struct tree *tree, size_t line)
{
	return tree->spans[tree->lines[line].span].view.span_id.data[0];
}

static unsigned marks_at(const struct tree *tree, size_t line)
{
	return tree->spans[tree->lines[line].span].marks;
}

static void expect_order(const struct tree *tree, const char *ids, const char *depths)
{
	assert_int_equal(tree->count, strlen(ids));
	for (size_t i = 0; i < tree->count; i++) {
		assert_int_equal(id_at(tree, i), ids[i] - '0');
		assert_int_equal(tree->lines[i].depth, depths[i] - '0');
	}
}

static void children_are_below_their_parents_by_start(void **state)
{
	struct tree tree = {0};

	(void)state;
	add(&tree, 4, 2, 20, 30);
	add(&tree, 3, 1, 50, 90);
	add(&tree, 2, 1, 10, 40);
	add(&tree, 1, 0, 0, 100);
	assert_int_equal(tree_build(&tree), 0);
	expect_order(&tree, "1243", "0121");
	assert_false(tree.lines[1].is_last);
	assert_true(tree.lines[2].is_last && tree.lines[3].is_last);
	assert_int_equal(tree.begin_ns, START);
	assert_int_equal(tree.end_ns, START + 100 * MS);
	tree_free(&tree);
}

static void roots_and_orphans_stand_beside_each_other(void **state)
{
	struct tree tree = {0};

	(void)state;
	add(&tree, 1, 0, 0, 10);
	add(&tree, 2, 9, 5, 10);
	add(&tree, 3, 2, 6, 10);
	add(&tree, 4, 0, 7, 10);
	assert_int_equal(tree_build(&tree), 0);
	expect_order(&tree, "1234", "0010");
	assert_int_equal(marks_at(&tree, 1), TREE_ORPHAN);
	assert_int_equal(marks_at(&tree, 0) | marks_at(&tree, 2) | marks_at(&tree, 3), 0);
	tree_free(&tree);
}

static void circles_are_cut_and_each_span_is_shown_once(void **state)
{
	struct tree tree = {0};

	(void)state;
	add(&tree, 1, 1, 0, 10); /* its own parent */
	add(&tree, 2, 3, 1, 10);
	add(&tree, 3, 4, 2, 10);
	add(&tree, 4, 2, 3, 10);
	add(&tree, 5, 4, 0, 10); /* below a circle, and earlier than all of it */
	add(&tree, 6, 0, 9, 10);
	assert_int_equal(tree_build(&tree), 0);
	assert_int_equal(tree.count, 6);
	for (uint8_t id = 1; id <= 6; id++) {
		size_t found = 0;

		for (size_t i = 0; i < tree.count; i++)
			found += id_at(&tree, i) == id;
		assert_int_equal(found, 1);
	}
	expect_order(&tree, "614532", "000112");
	assert_true(marks_at(&tree, 1) & TREE_CIRCLE);
	assert_true(marks_at(&tree, 2) & TREE_CIRCLE);
	assert_false(marks_at(&tree, 4) & TREE_CIRCLE);
	tree_free(&tree);
}

static void what_is_odd_about_a_span_is_marked(void **state)
{
	struct tree tree = {0};

	(void)state;
	add(&tree, 1, 0, 10, 100);
	add(&tree, 2, 1, 5, 20);  /* before its parent */
	add(&tree, 3, 1, 50, 40); /* backwards */
	add(&tree, 3, 1, 60, 70); /* the id a second time */
	add(&tree, 4, 3, 65, 66);
	assert_int_equal(tree_build(&tree), 0);
	expect_order(&tree, "12343", "01121");
	assert_int_equal(marks_at(&tree, 1), TREE_EARLY);
	assert_int_equal(marks_at(&tree, 2), TREE_BACKWARDS);
	assert_int_equal(marks_at(&tree, 4), TREE_TWICE);
	tree_free(&tree);
}

static void a_chain_of_a_hundred_thousand_spans_needs_no_stack(void **state)
{
	struct tree tree = {0};

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		const uint32_t id = i + 1;
		struct otlp_span span = span_of(0, 0, i, 200000);

		memcpy(span.span_id, &id, sizeof(id));
		memcpy(span.parent_span_id, &i, sizeof(i));
		add_of(&tree, &span, "");
	}
	assert_int_equal(tree_build(&tree), 0);
	for (size_t i = 0; i < tree.count; i++)
		assert_int_equal(tree.lines[i].depth, i);
	tree_free(&tree);
}

/* ---- what is drawn ---- */

static void draw(struct tree *tree, size_t columns, bool is_coloured, struct grow *grow)
{
	const struct trace_style style = {
		.columns = columns, .is_coloured = is_coloured, .lines_max = UINT64_MAX};
	struct trace_links links = {0};
	struct trace_index index = {0};
	struct trace_sum *sums = NULL;

	for (size_t i = 0; i < tree->count; i++)
		assert_int_equal(trace_index_add(&index, &tree->spans[i].view), 0);
	assert_int_equal(trace_index_slowest(&index, 10, false, &sums), 1);
	for (size_t i = 0; i < tree->count; i++)
		assert_int_equal(
			trace_links_want(&links, (struct view_bytes){tree->spans[i].bytes,
								     tree->spans[i].bytes_len}),
			0);
	for (size_t i = 0; i < tree->count; i++)
		assert_int_equal(trace_links_see(&links, &tree->spans[i].view, VIEW_BYTES("shop")),
				 0);
	assert_int_equal(tree_build(tree), 0);
	assert_int_equal(trace_print(grow, &style, sums, tree, &links), 0);
	grow_char(grow, '\0');
	assert_false(grow->is_failed);
	free(sums);
	trace_index_free(&index);
	trace_links_free(&links);
	tree_free(tree);
}

static void a_trace_is_drawn_with_bars_events_errors_and_links(void **state)
{
	const struct otlp_attribute text =
		otlp_attr_str(OTLP_STR("exception.message"), OTLP_STR("no answer"));
	const struct otlp_span_event event = {.name = OTLP_STR("exception"),
					      .time_unix_ns = START + 50 * MS,
					      .attributes = {&text, 1, 0}};
	const struct otlp_span_link links[] = {{.trace_id = {7}, .span_id = {1}},
					       {.trace_id = {8}, .span_id = {1}}};
	struct otlp_span span = span_of(2, 1, 50, 100);
	struct tree tree = {0};
	struct grow grow = {0};

	(void)state;
	add(&tree, 1, 0, 0, 100);
	span.status = OTLP_STATUS_ERROR;
	span.status_message = OTLP_STR("failed");
	span.events = &event;
	span.event_count = 1;
	span.links = links;
	span.link_count = 2;
	add_of(&tree, &span, "database");
	draw(&tree, 60, false, &grow);
	assert_string_equal(
		grow.data,
		"trace 07000000000000000000000000000000  2023-11-14T22:13:20.000Z  100 ms\n"
		"2 spans, 2 services, 1 error\n"
		"shop work                      100 ms ██████████████████████\n"
		"└ ✗ database work             50.0 ms            ◆██████████\n"
		"    ✗ failed\n"
		"    ✗ +50.0 ms : no answer\n"
		"    → trace 07000000000000000000000000000000 span 010000000…\n"
		"    → trace 08000000000000000000000000000000 span 010000000…\n");
	grow_free(&grow);
}

static void foreign_text_moves_no_terminal(void **state)
{
	static const char name[] = "a\x1b[2Jb\n\xe2\x80\xae\xff"
				   "c";
	struct otlp_span span = span_of(1, 0, 0, 1);
	struct tree tree = {0};
	struct grow grow = {0};

	(void)state;
	span.name = (struct otlp_str){name, sizeof(name) - 1};
	add_of(&tree, &span, "\x9b");
	draw(&tree, 100, false, &grow);
	assert_non_null(strstr(grow.data, "\\x9b a\\x1b[2Jb\\n\\u202e\\xffc "));
	assert_null(strchr(grow.data, '\x1b'));
	grow_free(&grow);
}

static void times_that_make_no_sense_are_drawn_without_harm(void **state)
{
	struct otlp_span span = span_of(1, 0, 0, 1);
	struct tree tree = {0};
	struct grow grow = {0};

	(void)state;
	span.start_time_unix_ns = 0;
	span.end_time_unix_ns = UINT64_MAX;
	add_of(&tree, &span, "a");
	span.span_id[0] = 2;
	span.start_time_unix_ns = UINT64_MAX;
	span.end_time_unix_ns = 1;
	add_of(&tree, &span, "b");
	draw(&tree, 40, true, &grow);
	assert_non_null(strstr(grow.data, "ends "));
	grow_free(&grow);
	add(&tree, 1, 0, 0, 0);
	draw(&tree, 40, true, &grow);
	grow_free(&grow);
}

static void text_is_cut_at_its_columns(void **state)
{
	static const struct {
		const char *text;
		size_t columns, used;
		const char *shown;
	} rows[] = {
		{"abcdef", 6, 6, "abcdef"},
		{"abcdefg", 6, 6, "abcde…"},
		{"\xe5\xad\x97\xe5\xad\x97", 4, 4, "\xe5\xad\x97\xe5\xad\x97"},
		{"\xe5\xad\x97\xe5\xad\x97", 3, 3, "\xe5\xad\x97…"},
		{"a\x01", 3, 2, "a…"},
		{"abc", 0, 0, ""},
		{"e\xcc\x81", 1, 1, "e\xcc\x81"},
		{"", 5, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct grow grow = {0};
		const struct view_bytes text = {(const uint8_t *)rows[i].text,
						strlen(rows[i].text)};

		assert_int_equal(show_text(&grow, text, rows[i].columns), rows[i].used);
		grow_char(&grow, '\0');
		assert_string_equal(grow.data, rows[i].shown);
		grow_free(&grow);
	}
}

static void the_slowest_traces_come_first_and_errors_can_be_asked_for(void **state)
{
	struct trace_index index = {0};
	struct trace_sum *sums = NULL;

	(void)state;
	for (uint8_t i = 1; i <= 5; i++) {
		const uint8_t id[TRACE_ID_BYTES] = {i};
		const struct view_span span = {
			.trace_id = {id, sizeof(id)},
			.start_ns = START,
			.end_ns = START + i,
			.status = i % 2 == 0 ? VIEW_STATUS_ERROR : 0,
		};

		assert_int_equal(trace_index_add(&index, &span), 0);
	}
	assert_int_equal(trace_index_slowest(&index, 3, false, &sums), 3);
	assert_int_equal(sums[0].id[0], 5);
	assert_int_equal(sums[2].id[0], 3);
	free(sums);
	assert_int_equal(trace_index_slowest(&index, 9, true, &sums), 2);
	assert_int_equal(sums[0].id[0], 4);
	assert_int_equal(sums[1].id[0], 2);
	free(sums);
	trace_index_free(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_are_below_their_parents_by_start),
		cmocka_unit_test(roots_and_orphans_stand_beside_each_other),
		cmocka_unit_test(circles_are_cut_and_each_span_is_shown_once),
		cmocka_unit_test(what_is_odd_about_a_span_is_marked),
		cmocka_unit_test(a_chain_of_a_hundred_thousand_spans_needs_no_stack),
		cmocka_unit_test(a_trace_is_drawn_with_bars_events_errors_and_links),
		cmocka_unit_test(foreign_text_moves_no_terminal),
		cmocka_unit_test(times_that_make_no_sense_are_drawn_without_harm),
		cmocka_unit_test(text_is_cut_at_its_columns),
		cmocka_unit_test(the_slowest_traces_come_first_and_errors_can_be_asked_for),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
