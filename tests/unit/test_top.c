/* SPDX-License-Identifier: Apache-2.0 */
/* What `otlpipe top` shows, without a terminal: numbers, levels, rates, order, and what has room
 * where. */
#include "cli/top/page.h"

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/top/text.h"

#define SECOND_NS INT64_C(1000000000)
#define NOW_NS	  (UINT64_C(1700000000) * 1000000000)

static void numbers_have_five_columns_at_most(void **state)
{
	static const struct {
		uint64_t number;
		const char *count, *size;
	} cases[] = {
		{0, "0", "0"},
		{999, "999", "999"},
		{1000, "1.0k", "1000"},
		{1023, "1.0k", "1023"},
		{1024, "1.0k", "1.0K"},
		{9949, "9.9k", "9.7K"},
		{9950, "10k", "9.7K"},
		{123456, "123k", "121K"},
		{999499, "999k", "976K"},
		{999500, "1.0M", "976K"},
		{UINT64_MAX, "18E", "16E"},
	};
	char text[TOP_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(top_count(cases[i].number, text), cases[i].count);
		assert_string_equal(top_size(cases[i].number, text), cases[i].size);
	}
	for (uint64_t number = 1; number != 0 && number < UINT64_C(1) << 63;
	     number = number * 3 + 1) {
		assert_true(strlen(top_count(number, text)) <= 4);
		assert_true(strlen(top_size(number, text)) <= 4);
		assert_true(strlen(top_took(number % (UINT64_C(999) * SECOND_NS), text)) <= 5);
		assert_true(strlen(top_age(number, text)) <= 6);
	}
	assert_string_equal(top_rate(0, text), "0");
	assert_string_equal(top_rate(0.25, text), "0.2");
	assert_string_equal(top_rate(9.94, text), "9.9");
	assert_string_equal(top_rate(12.4, text), "12");
	assert_string_equal(top_rate(-3, text), "0");
	assert_string_equal(top_age(59, text), "59s");
	assert_string_equal(top_age(200, text), "3m20");
	assert_string_equal(top_age(3720, text), "1h02");
	assert_string_equal(top_age(3 * 86400 + 4 * 3600, text), "3d04");
	assert_string_equal(top_age(412 * 86400, text), "412d");
	assert_string_equal(top_took(850, text), "850ns");
	assert_string_equal(top_took(12300, text), "12us");
	assert_string_equal(top_took(1230000, text), "1.2ms");
	assert_string_equal(top_took(999600000, text), "1.0s");
}

static void a_level_is_a_block_or_ascii(void **state)
{
	static const wchar_t blocks[] = L"▁▂▃▄▅▆▇█";

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(top_level(i / 8.0, true), blocks[i]);
		assert_int_equal(top_level((i + 0.99) / 8.0, true), blocks[i]);
		assert_true(top_level(i / 8.0, false) < 0x7f);
		for (unsigned j = 0; j < i; j++)
			assert_true(top_level(i / 8.0, false) != top_level(j / 8.0, false));
	}
	assert_int_equal(top_level(1, true), L'█');
	assert_int_equal(top_level(7, true), L'█');
	assert_int_equal(top_level(-1, true), L'▁');
}

static void foreign_text_cannot_move_the_cursor(void **state)
{
	struct top_canvas canvas = {.is_unicode = true};
	struct grow grow = {0};

	(void)state;
	assert_int_equal(top_canvas_clear(&canvas, 3, 12), 0);
	assert_int_equal(
		top_canvas_put(&canvas, 0, 0, 12, TOP_PLAIN, "a\x1b[2J\n\xff\xc3\xa9\u202eb"), 10);
	top_canvas_row(&canvas, 0, &grow);
	grow_char(&grow, '\0');
	assert_string_equal(grow.data, "a?[2J?\ufffd\u00e9?b");
	grow_free(&grow);
	/* Without UTF-8 nothing but ASCII comes out. */
	canvas.is_unicode = false;
	top_canvas_put(&canvas, 1, 0, 12, TOP_PLAIN, "caf\u00e9 is too long");
	top_canvas_row(&canvas, 1, &grow);
	grow_char(&grow, '\0');
	assert_string_equal(grow.data, "caf? is too~");
	grow_free(&grow);
	top_canvas_free(&canvas);
}

static void what_does_not_fit_is_cut_where_a_character_ends(void **state)
{
	struct top_canvas canvas = {.is_unicode = true};
	struct grow grow = {0};

	(void)state;
	assert_int_equal(top_canvas_clear(&canvas, 1, 6), 0);
	/* Each of these takes two columns. */
	assert_int_equal(top_canvas_put(&canvas, 0, 0, 6, TOP_PLAIN, "日本語日本"), 5);
	top_canvas_row(&canvas, 0, &grow);
	grow_char(&grow, '\0');
	assert_string_equal(grow.data, "日本…");
	grow_free(&grow);
	assert_int_equal(top_canvas_put(&canvas, 0, 6, 6, TOP_PLAIN, "no room"), 6);
	assert_int_equal(top_canvas_put(&canvas, 1, 0, 6, TOP_PLAIN, "no row"), 0);
	top_canvas_put_one(&canvas, 7, 7, TOP_PLAIN, L'x');
	top_canvas_free(&canvas);
}

/* ---- the model ---- */

static struct stat_view view_of(unsigned count, uint64_t accepted, uint64_t full)
{
	struct stat_view view = {.region_count = count};

	view.regions = calloc(count + 1, sizeof(view.regions[0]));
	assert_non_null(view.regions);
	for (unsigned i = 0; i < count; i++) {
		struct stat_region *region = &view.regions[i];

		region->id = 100 + i;
		region->pid = 1000 + i;
		region->is_alive = true;
		region->start_unix_ns = NOW_NS - 60 * (uint64_t)SECOND_NS;
		snprintf(region->program, sizeof(region->program), "program-%u", i % 7);
		snprintf(region->service, sizeof(region->service), "service-%u", i % 5);
		region->rings[OTLP_SIGNAL_TRACES] = (struct stat_ring){
			.is_present = true,
			.is_sound = true,
			.size_bytes = 1000,
			.used_bytes = 10 * (i % 101),
			.accepted_items = accepted * (i + 1),
			.dropped_full_items = full * i,
		};
	}
	return view;
}

static void take(struct top_model *model, struct stat_view view, int64_t now_ns)
{
	assert_int_equal(top_model_take(model, &view, now_ns, NOW_NS + (uint64_t)now_ns), 0);
	assert_null(view.regions);
}

static void rates_are_what_was_added_between_two_looks(void **state)
{
	struct top_model model = {0};

	(void)state;
	take(&model, view_of(3, 100, 10), 0);
	/* What came before the first look says nothing of how fast it came. */
	assert_true(model.signals[OTLP_SIGNAL_TRACES].accepted_rate == 0);
	assert_true(model.dropped_rates[TOP_DROP_FULL] == 0);
	assert_int_equal(model.dropped[TOP_DROP_FULL], 30);
	take(&model, view_of(3, 300, 30), 2 * SECOND_NS);
	assert_true(model.signals[OTLP_SIGNAL_TRACES].accepted_rate == 600);
	assert_true(model.rows[2]->accepted_rate == 300);
	assert_true(model.dropped_rates[TOP_DROP_FULL] == 30);
	assert_true(model.rows[2]->dropped_rate == 20);
	/* Counts that went back are no rate. */
	take(&model, view_of(3, 200, 0), 3 * SECOND_NS);
	assert_true(model.signals[OTLP_SIGNAL_TRACES].accepted_rate == 0);
	top_model_free(&model);
}

static void a_producer_that_comes_counts_from_its_start_and_one_that_goes_is_forgotten(void **state)
{
	struct top_model model = {0};
	struct stat_view view = view_of(3, 100, 0);

	(void)state;
	take(&model, view_of(1, 100, 0), 0);
	view.regions[1].start_unix_ns = NOW_NS + (uint64_t)SECOND_NS / 2;
	take(&model, view, SECOND_NS);
	assert_int_equal(model.row_count, 3);
	assert_true(model.rows[1]->accepted_rate == 200);
	/* The third is a minute old: when it counted so much is not known. */
	assert_true(model.rows[2]->accepted_rate == 0);
	take(&model, view_of(1, 100, 0), 2 * SECOND_NS);
	assert_int_equal(model.row_count, 1);
	assert_int_equal(HASH_COUNT(model.by_id), 1);
	/* A file that was copied has the id of another one. */
	view = view_of(2, 100, 0);
	view.regions[1].id = view.regions[0].id;
	take(&model, view, 3 * SECOND_NS);
	assert_int_equal(model.row_count, 1);
	top_model_free(&model);
}

static void another_writer_counts_from_zero(void **state)
{
	struct top_model model = {0};
	struct stat_view view = {.has_page = true};

	(void)state;
	view.page.pid = 7;
	view.page.epoch = 1;
	view.page.signals[0].written_items = 5000;
	take(&model, view, 0);
	view.page.signals[0].written_items = 5500;
	take(&model, view, SECOND_NS);
	assert_true(model.signals[0].written_rate == 500);
	view.page.epoch = 2;
	view.page.signals[0].written_items = 40;
	take(&model, view, 2 * SECOND_NS);
	assert_true(model.signals[0].written_rate == 40);
	top_model_free(&model);
}

static void a_history_has_the_last_values_and_forgets_the_others(void **state)
{
	struct top_history history = {.count = 0};
	double value;

	(void)state;
	assert_false(top_history_get(&history, 0, &value));
	for (unsigned i = 0; i < 3 * TOP_HISTORY_COUNT; i++)
		top_history_add(&history, i);
	for (unsigned ago = 0; ago < TOP_HISTORY_COUNT; ago++) {
		assert_true(top_history_get(&history, ago, &value));
		assert_true(value == 3 * TOP_HISTORY_COUNT - 1 - ago);
	}
	assert_false(top_history_get(&history, TOP_HISTORY_COUNT, &value));
}

/* ---- order ---- */

static void each_order_is_total_and_can_be_turned_round(void **state)
{
	struct top_model model = {0};
	struct top_order order = {0};

	(void)state;
	take(&model, view_of(50, 100, 1), 0);
	take(&model, view_of(50, 200, 2), SECOND_NS);
	for (unsigned sort = 0; sort < TOP_SORTS; sort++) {
		uint64_t first[50];
		enum top_sort found;

		assert_true(top_sort_find(top_sort_names[sort], &found));
		assert_int_equal(found, sort);
		order.sort = (enum top_sort)sort;
		assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 50);
		for (unsigned i = 0; i < 50; i++)
			first[i] = model.rows[i]->id;
		/* Rows that come in another order stand where they stood. */
		for (unsigned i = 0; i < 25; i++) {
			struct top_producer *row = model.rows[i];

			model.rows[i] = model.rows[49 - i];
			model.rows[49 - i] = row;
		}
		top_order_rows(&order, model.rows, model.row_count);
		for (unsigned i = 0; i < 50; i++)
			assert_int_equal(model.rows[i]->id, first[i]);
	}
	assert_false(top_sort_find("colour", &(enum top_sort){0}));
	order = (struct top_order){.sort = TOP_SORT_DROPS};
	top_order_rows(&order, model.rows, model.row_count);
	assert_int_equal(model.rows[0]->id, 149);
	order.is_reversed = true;
	top_order_rows(&order, model.rows, model.row_count);
	assert_int_equal(model.rows[0]->id, 100);
	top_model_free(&model);
}

static void a_filter_looks_at_program_service_and_pid(void **state)
{
	struct top_model model = {0};
	struct top_order order = {.filter = "PROGRAM-3"};

	(void)state;
	take(&model, view_of(49, 100, 1), 0);
	assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 7);
	strcpy(order.filter, "service-4");
	assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 9);
	strcpy(order.filter, "1048");
	assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 1);
	assert_int_equal(model.rows[0]->region->pid, 1048);
	strcpy(order.filter, "nobody");
	assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 0);
	order.filter[0] = '\0';
	order.only_dropped = true; /* all but the first */
	assert_int_equal(top_order_rows(&order, model.rows, model.row_count), 48);
	top_model_free(&model);
}

static void notes_say_what_was_dropped_and_why(void **state)
{
	struct stat_region region = {.is_alive = true};
	struct top_producer producer = {.region = &region};
	char notes[64];

	(void)state;
	assert_int_equal(top_page_notes(&producer, true, notes, sizeof(notes)), TOP_PLAIN);
	assert_string_equal(notes, "");
	region.is_alive = false;
	assert_int_equal(top_page_notes(&producer, true, notes, sizeof(notes)), TOP_WARN);
	assert_string_equal(notes, "dead");
	producer.dropped[TOP_DROP_FULL] = 1200;
	producer.dropped[TOP_DROP_TOO_LARGE] = 3;
	assert_int_equal(top_page_notes(&producer, true, notes, sizeof(notes)), TOP_BAD);
	assert_string_equal(notes, "dead 1.2k full 3 large");
	assert_int_equal(top_page_notes(&producer, false, notes, sizeof(notes)), TOP_BAD);
	assert_string_equal(notes, "1.2k full 3 large");
	region.is_alive = true;
	producer.is_blocked = true;
	top_page_notes(&producer, true, notes, 8);
	assert_string_equal(notes, "stuck 1");
	producer.is_unsound = true;
	top_page_notes(&producer, true, notes, sizeof(notes));
	assert_string_equal(notes, "broken 1.2k full 3 large");
}

/* ---- the page ---- */

static void columns_fit_on_every_width(void **state)
{
	(void)state;
	for (unsigned columns = 1; columns < 400; columns++) {
		unsigned widths[TOP_COLUMNS], sum = 0;

		top_page_columns(columns, widths);
		for (unsigned i = 0; i < TOP_COLUMNS; i++)
			sum += widths[i];
		assert_true(sum <= columns + 1);
		/* What matters most is there as soon as there is room. */
		assert_true(widths[TOP_PID] > 0 || columns < 7);
		assert_true(widths[TOP_NOTES] > 0 || columns < 7 + 9 + 11);
		if (columns >= 80)
			for (enum top_column c = TOP_PID; c <= TOP_SPANS; c++)
				assert_true(widths[c] > 0);
	}
}

static bool page_has(const struct top_canvas *canvas, const char *text)
{
	struct grow grow = {0};
	bool has = false;

	for (unsigned row = 0; row < canvas->rows; row++) {
		top_canvas_row(canvas, row, &grow);
		grow_char(&grow, '\n');
	}
	grow_char(&grow, '\0');
	assert_false(grow.is_failed);
	has = strstr(grow.data, text) != NULL;
	if (!has)
		print_message("%s is not on this page:\n%s", text, grow.data);
	grow_free(&grow);
	return has;
}

static void a_page_of_any_size_is_drawn(void **state)
{
	struct top_model model = {0};
	struct top_page page = {.interval_ns = SECOND_NS, .has_keys = true};
	struct top_canvas canvas = {.is_unicode = true};
	struct stat_view view = view_of(300, 100, 1);

	(void)state;
	view.has_page = view.is_running = true;
	strcpy(view.page.output, "/somewhere");
	strcpy(view.page.problems[0], "no disk");
	strcpy(view.page.retention.problem, "no right");
	view.output = (struct stat_output){.is_there = true, .sender_count = 3};
	view.output.senders = calloc(3, sizeof(view.output.senders[0]));
	assert_non_null(view.output.senders);
	view.output.senders[1].error = ENOENT;
	view.output.senders[2].signals[0].is_sent = true;
	take(&model, view, 0);
	for (unsigned rows = 0; rows < 60; rows++) {
		for (unsigned columns = 0; columns < 170; columns += 7) {
			assert_int_equal(top_canvas_clear(&canvas, rows, columns), 0);
			page.first = 1000;
			page.is_typing = columns % 2 == 0;
			top_page_draw(&page, &canvas, &model);
			if (rows < TOP_ROWS_MIN || columns < TOP_COLUMNS_MIN) {
				assert_true(rows == 0 || columns < 9 ||
					    page_has(&canvas, "too small"));
				continue;
			}
			/* It scrolled back to the last producers, and there is a row for them. */
			assert_true(page.visible >= 2);
			assert_int_equal(page.first + page.visible, 300);
			page.has_help = true;
			top_page_draw(&page, &canvas, &model);
			page.has_help = false;
		}
	}
	top_canvas_free(&canvas);
	top_model_free(&model);
}

static void what_matters_most_stays_on_a_small_page(void **state)
{
	struct top_model model = {0};
	struct top_page page = {.interval_ns = SECOND_NS, .has_keys = true};
	struct top_canvas canvas = {.is_unicode = false};
	struct stat_view view = view_of(2, 100, 5);

	(void)state;
	view.has_page = true;
	view.page.pid = 4711;
	take(&model, view, 0);
	assert_int_equal(top_canvas_clear(&canvas, 6, 40), 0);
	top_page_draw(&page, &canvas, &model);
	assert_true(page_has(&canvas, "DOWN: pid 4711 was killed"));
	assert_true(page_has(&canvas, "dropped  full 5"));
	assert_true(page_has(&canvas, "1001 program-1"));
	assert_true(page_has(&canvas, "5 full"));
	assert_int_equal(top_canvas_clear(&canvas, 24, 80), 0);
	page.is_paused = true;
	top_page_draw(&page, &canvas, &model);
	assert_true(page_has(&canvas, "PAUSED"));
	assert_true(page_has(&canvas, "1-2 of 2"));
	top_canvas_free(&canvas);
	top_model_free(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_five_columns_at_most),
		cmocka_unit_test(a_level_is_a_block_or_ascii),
		cmocka_unit_test(foreign_text_cannot_move_the_cursor),
		cmocka_unit_test(what_does_not_fit_is_cut_where_a_character_ends),
		cmocka_unit_test(rates_are_what_was_added_between_two_looks),
		cmocka_unit_test(
			a_producer_that_comes_counts_from_its_start_and_one_that_goes_is_forgotten),
		cmocka_unit_test(another_writer_counts_from_zero),
		cmocka_unit_test(a_history_has_the_last_values_and_forgets_the_others),
		cmocka_unit_test(each_order_is_total_and_can_be_turned_round),
		cmocka_unit_test(a_filter_looks_at_program_service_and_pid),
		cmocka_unit_test(notes_say_what_was_dropped_and_why),
		cmocka_unit_test(columns_fit_on_every_width),
		cmocka_unit_test(a_page_of_any_size_is_drawn),
		cmocka_unit_test(what_matters_most_stays_on_a_small_page),
	};

	/* For the width of characters. */
	assert(setlocale(LC_CTYPE, "C.UTF-8") != NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
