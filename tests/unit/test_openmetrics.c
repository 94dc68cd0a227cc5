/* SPDX-License-Identifier: Apache-2.0 */
/* The text for Prometheus: what it must not do whatever producers and users have chosen. */
#include "cli/openmetrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define REGIONS 150u

static char *text_of(const struct stat_view *view)
{
	size_t bytes;
	char *text;

	assert_int_equal(openmetrics_write(view, &text, &bytes), 0);
	assert_int_equal(strlen(text), bytes);
	assert_true(utf8_is_valid(text, bytes));
	assert_true(bytes > 6 && strcmp(text + bytes - 6, "# EOF\n") == 0);
	return text;
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		count++;
	return count;
}

static struct stat_view *make_view(unsigned regions)
{
	struct stat_view *view = calloc(1, sizeof(*view));
	unsigned i;

	assert_non_null(view);
	view->memory.budget_bytes = UINT64_MAX;
	view->regions = calloc(regions + 1, sizeof(*view->regions));
	assert_non_null(view->regions);
	view->region_count = regions;
	for (i = 0; i < regions; i++) {
		view->regions[i].id = i + 1;
		view->regions[i].pid = i + 1;
		/* Every second one has ended. */
		view->regions[i].is_alive = i % 2 != 0;
		view->regions[i].rings[0].is_present = true;
		view->regions[i].rings[0].accepted_items = 7;
	}
	return view;
}

static void free_view(struct stat_view *view)
{
	free(view->regions);
	free(view);
}

static void nothing_there_is_a_text_too(void **state)
{
	struct stat_view *view = make_view(0);
	char *text = text_of(view);

	(void)state;
	assert_non_null(strstr(text, "\notlpipe_writer_up 0\n"));
	assert_non_null(strstr(text, "{otlpipe_writer_state=\"none\"} 1\n"));
	assert_null(strstr(text, "budget_bytes"));
	assert_null(strstr(text, "disk_free_bytes"));
	free(text);
	free_view(view);
}

static void labels_end_where_they_should(void **state)
{
	struct stat_view *view = make_view(1);
	char *text;

	(void)state;
	strcpy(view->regions[0].program, "a\"} 1\\");
	strcpy(view->regions[0].service, "b\nc");
	strcpy(view->page.output, "/d\xff\"");
	text = text_of(view);
	assert_non_null(strstr(text, "program=\"a\\\"} 1\\\\\",service=\"b\\nc\","));
	assert_non_null(strstr(text, "output=\"/d?\\\"\","));
	free(text);
	strcpy(view->page.output, "/d\xc3\xa9");
	text = text_of(view);
	assert_non_null(strstr(text, "output=\"/d\xc3\xa9\","));
	free(text);
	/* As long as there is room for on the page, all of it to be escaped. */
	memset(view->page.output, '"', sizeof(view->page.output) - 1);
	view->region_count = 0;
	text = text_of(view);
	assert_int_equal(count_of(text, "\\\""), sizeof(view->page.output) - 1);
	free(text);
	free_view(view);
}

static void so_many_producers_have_rows_and_the_living_come_first(void **state)
{
	struct stat_view *view = make_view(REGIONS);
	char *text, label[64];
	unsigned i, rows;

	(void)state;
	view->unlisted_count = 5;
	text = text_of(view);
	assert_int_equal(count_of(text, "otlpipe_ring_accepted_items_total{"),
			 OPENMETRICS_REGIONS_MAX);
	for (i = 0, rows = 0; i < REGIONS; i++) {
		snprintf(label, sizeof(label), "items_total{region=\"%016x\",pid=\"%u\"", i + 1,
			 i + 1);
		/* All living ones, and the oldest of the others. */
		assert_int_equal(strstr(text, label) != NULL,
				 view->regions[i].is_alive ||
					 i / 2 < OPENMETRICS_REGIONS_MAX - REGIONS / 2);
		rows += strstr(text, label) != NULL;
	}
	assert_int_equal(rows, OPENMETRICS_REGIONS_MAX);
	snprintf(label, sizeof(label), "\notlpipe_unlisted_regions %u\n",
		 REGIONS - OPENMETRICS_REGIONS_MAX + 5);
	assert_non_null(strstr(text, label));
	free(text);
	free_view(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_there_is_a_text_too),
		cmocka_unit_test(labels_end_where_they_should),
		cmocka_unit_test(so_many_producers_have_rows_and_the_living_come_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
