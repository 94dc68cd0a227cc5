/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes in a region's table: found by what they are, wherever the program keeps them. Each record
 * is read back, and its scope with it, from the record or from the table that it refers to.
 */
#include "tests/unit/library_fixture.h"

#include <pthread.h>

#include "core/scope.h"

#define RING_BYTES   (1u << 20)
#define NAME_BYTES   (SCOPE_BYTES_MAX - sizeof(struct record_scope_head))
#define THREADS	     3u
#define THREAD_SPANS 2000u
#define THREAD_KINDS 24u

/* What the records of one region hold. */
struct look {
	struct region_view view;
	struct ring_reader reader;
	uint8_t record[OTLP_RECORD_BYTES_MAX / 16 + RECORD_SLACK_BYTES];
	struct record_view last;
	const uint8_t *scope; /* of the last one; NULL: none */
	uint32_t scope_bytes;
};

static struct look look;

static void look_open(const char *region, enum otlp_signal signal)
{
	memset(&look, 0, sizeof(look));
	assert_int_equal(region_attach(&look.view, &shm_fixture_dir, region, false), 0);
	assert_int_equal(ring_reader_init(&look.reader, look.view.rings[signal].shared,
					  look.view.rings[signal].data,
					  look.view.rings[signal].bytes, false),
			 0);
}

static void look_at(enum otlp_signal signal)
{
	char name[REGION_NAME_BYTES_MAX];

	find_region(name);
	look_open(name, signal);
}

static bool look_next(void)
{
	struct ring_entry entry;

	if (!fixture_next_record(&look.reader, &entry))
		return false;
	assert_true(entry.payload_bytes + RECORD_SLACK_BYTES <= sizeof(look.record));
	memcpy(look.record, entry.payload, entry.payload_bytes);
	assert_int_equal(record_parse(look.record, entry.payload_bytes,
				      entry.payload_bytes + RECORD_SLACK_BYTES, &look.last),
			 0);
	look.scope = look.last.scope;
	look.scope_bytes = (uint32_t)look.last.scope_bytes;
	if (look.last.scope_ref != 0) {
		assert_null(look.last.scope);
		assert_int_equal(region_table_get(&look.view, look.last.scope_ref, &look.scope,
						  &look.scope_bytes),
				 0);
		assert_int_equal(record_parse_scope(look.scope, look.scope_bytes), 0);
	}
	return true;
}

static void expect_scope(const struct otlp_scope *scope)
{
	uint8_t bytes[sizeof(look.record)];
	size_t count;

	assert_int_equal(record_size_scope(scope, &count), 0);
	assert_true(count <= sizeof(bytes));
	assert_true(record_write_scope(bytes, scope, count));
	assert_non_null(look.scope);
	assert_int_equal(look.scope_bytes, count);
	assert_memory_equal(look.scope, bytes, count);
}

static uint32_t table_tail(void)
{
	return look.view.header->table_tail;
}

static int push(struct otlp_library *library, const struct otlp_scope *scope)
{
	struct otlp_span span = fixture_span(1);

	span.scope = scope;
	return otlp_library_export_traces(library, &span, 1);
}

static struct otlp_scope named(const char *name, const char *version)
{
	return (struct otlp_scope){.name = {name, strlen(name)},
				   .version = {version, strlen(version)}};
}

static void equal_scopes_are_one_entry_wherever_they_are(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	char texts[20][64];
	struct otlp_scope scopes[20];
	uint32_t first = 0, tail = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(scopes); i++) {
		strcpy(texts[i], "io.opentelemetry.contrib.http");
		scopes[i] = named(texts[i], "1.2.3");
		assert_int_equal(push(library, &scopes[i]), OTLP_OK);
		if (i == 0) {
			look_at(OTLP_SIGNAL_TRACES);
			tail = table_tail();
		}
	}
	assert_int_equal(table_tail(), tail);
	for (unsigned i = 0; i < COUNT_OF(scopes); i++) {
		assert_true(look_next());
		expect_scope(&scopes[i]);
		assert_int_not_equal(look.last.scope_ref, 0);
		if (i == 0)
			first = look.last.scope_ref;
		assert_int_equal(look.last.scope_ref, first);
	}
	region_detach(&look.view);
	otlp_library_unref(library);
}

/* Each of them at the same place, the lengths of most the same too. */
static void memory_that_holds_another_scope_gives_the_other_one(void **state)
{
	static const char *const texts[][3] = {
		{"scope.a", "1", ""},
		{"scope.b", "1", ""},
		{"scope.b", "2", ""},
		{"scope.", "b2", ""},
		{"scope.b2", "", ""},
		{"", "scope.b2", ""},
		{"scope.b", "2", "u"},
		{"a.name.of.17.chrs", "", ""},
		{"a.name.of.17.chRs", "", ""},
		{"A.name.of.17.chrs", "", ""},
		{"abc", "", ""},
		{"abd", "", ""},
		{"acc", "", ""},
		{"bbc", "", ""},
		{"eight888", "12345678", ""},
		{"eight888", "1234567", "8"},
		{"", "", ""},
		{"scope.a", "1", ""},
	};
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	char name[64], version[64], url[64];
	struct otlp_scope scope, expected;

	(void)state;
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < COUNT_OF(texts); i++) {
			strcpy(name, texts[i][0]);
			strcpy(version, texts[i][1]);
			strcpy(url, texts[i][2]);
			scope = named(name, version);
			scope.schema_url = (struct otlp_str){url, strlen(url)};
			scope.attributes.dropped = turn;
			assert_int_equal(push(library, &scope), OTLP_OK);
		}
	look_at(OTLP_SIGNAL_TRACES);
	for (unsigned turn = 0; turn < 3; turn++)
		for (unsigned i = 0; i < COUNT_OF(texts); i++) {
			expected = named(texts[i][0], texts[i][1]);
			expected.schema_url = (struct otlp_str){texts[i][2], strlen(texts[i][2])};
			expected.attributes.dropped = turn;
			assert_true(look_next());
			expect_scope(&expected);
			assert_int_not_equal(look.last.scope_ref, 0);
		}
	region_detach(&look.view);
	otlp_library_unref(library);
}

/* The scope of this turn, of a kind that is compared in one piece; 0 is what all others differ
 * from.
 * @return false: there is no such turn */
static bool change_usual(struct otlp_scope *scope, char *name, char *version, unsigned turn)
{
	static const struct otlp_attribute item = {OTLP_STR_INIT("k"), {.type = OTLP_VALUE_EMPTY}};
	const unsigned texts = (unsigned)(scope->name.len + scope->version.len);

	memcpy(name, "io.opentelemetry.contrib.http-012", 33);
	memcpy(version, "12.34.56", 8);
	if (turn == 0)
		return true;
	turn--;
	if (turn < scope->name.len)
		name[turn] ^= 1;
	else if (turn < texts)
		version[turn - scope->name.len] ^= 1;
	else if (turn == texts)
		scope->attributes.dropped = 1;
	else if (turn == texts + 1)
		scope->schema_url = OTLP_STR("u");
	else if (turn == texts + 2)
		scope->attributes = (struct otlp_attributes){&item, 1, 0};
	else if (turn == texts + 3)
		scope->name.len--;
	else if (turn == texts + 4)
		scope->version.len--;
	else
		return false;
	return true;
}

/* Each byte and each length, at the same place, and back again after each. */
static void one_byte_more_or_less_or_another_is_another_scope(void **state)
{
	static const struct {
		size_t name, version;
	} lengths[] = {{32, 8}, {31, 4}, {17, 5}, {16, 8}, {15, 4},
		       {9, 8},	{8, 5},	 {33, 4}, {8, 3}};
	char name[33], version[8];

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(lengths); i++) {
		const struct otlp_scope usual = {.name = {name, lengths[i].name},
						 .version = {version, lengths[i].version}};
		struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
		struct otlp_scope scope = usual;

		for (unsigned turn = 0; change_usual(&scope, name, version, turn);
		     turn++, scope = usual) {
			assert_int_equal(push(library, &scope), OTLP_OK);
			scope = usual;
			change_usual(&scope, name, version, 0);
			assert_int_equal(push(library, &scope), OTLP_OK);
		}
		look_at(OTLP_SIGNAL_TRACES);
		scope = usual;
		for (unsigned turn = 0; change_usual(&scope, name, version, turn);
		     turn++, scope = usual) {
			assert_true(look_next());
			expect_scope(&scope);
			scope = usual;
			change_usual(&scope, name, version, 0);
			assert_true(look_next());
			expect_scope(&scope);
			assert_int_not_equal(look.last.scope_ref, 0);
		}
		assert_false(look_next());
		region_detach(&look.view);
		otlp_library_unref(library);
		shm_fixture_teardown(state);
		assert_int_equal(shm_fixture_setup(state), 0);
	}
}

static void attributes_belong_to_what_a_scope_is(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	struct otlp_attribute items[2] = {otlp_attr_int(OTLP_STR("a"), 1),
					  otlp_attr_str(OTLP_STR("b"), OTLP_STR("x"))};
	struct otlp_scope scope = named("scope", "1");
	uint32_t references[8];

	(void)state;
	scope.attributes.items = items;
	for (unsigned i = 0; i < COUNT_OF(references); i++) {
		scope.attributes.count = i % 4 == 3 ? 1 : 2;
		items[0].value.as.integer = i % 4 == 2;
		assert_int_equal(push(library, &scope), OTLP_OK);
	}
	look_at(OTLP_SIGNAL_TRACES);
	for (unsigned i = 0; i < COUNT_OF(references); i++) {
		scope.attributes.count = i % 4 == 3 ? 1 : 2;
		items[0].value.as.integer = i % 4 == 2;
		assert_true(look_next());
		expect_scope(&scope);
		references[i] = look.last.scope_ref;
		assert_int_not_equal(references[i], 0);
	}
	assert_int_equal(references[0], references[1]);
	assert_int_not_equal(references[1], references[2]);
	assert_int_not_equal(references[1], references[3]);
	assert_memory_equal(references, references + 4, 4 * sizeof(references[0]));
	region_detach(&look.view);
	otlp_library_unref(library);
}

static void spans_logs_and_metrics_share_the_entry(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	const struct otlp_scope scope = named("the.scope", "9");
	struct otlp_number_point point = fixture_point(1);
	struct otlp_log_record log = {.scope = &scope};
	struct fixture_gauge gauge;
	uint32_t reference;

	(void)state;
	fixture_gauge_init(&gauge, &point, 1);
	gauge.scope.scope = scope;
	assert_int_equal(push(library, &scope), OTLP_OK);
	assert_int_equal(otlp_library_export_logs(library, &log, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_OK);
	look_at(OTLP_SIGNAL_TRACES);
	assert_true(look_next());
	expect_scope(&scope);
	reference = look.last.scope_ref;
	assert_int_not_equal(reference, 0);
	region_detach(&look.view);
	look_at(OTLP_SIGNAL_LOGS);
	assert_true(look_next());
	expect_scope(&scope);
	assert_int_equal(look.last.scope_ref, reference);
	region_detach(&look.view);
	look_at(OTLP_SIGNAL_METRICS);
	assert_true(look_next());
	expect_scope(&scope);
	assert_int_equal(look.last.scope_ref, reference);
	region_detach(&look.view);
	otlp_library_unref(library);
}

/* Not one of them is lost: what has no place in the table is in its record. */
static void scopes_without_end_fill_their_part_of_the_table_and_no_more(void **state)
{
	enum { SCOPES = 2000 };
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	unsigned by_reference = 0;
	struct otlp_scope scope;
	char text[64];

	(void)state;
	for (unsigned i = 0; i < SCOPES; i++) {
		snprintf(text, sizeof(text), "a scope with the number %u of very many", i);
		scope = named(text, "1");
		assert_int_equal(push(library, &scope), OTLP_OK);
	}
	look_at(OTLP_SIGNAL_TRACES);
	assert_in_range(table_tail(), 100 * 48, SCOPE_TABLE_BYTES_MAX);
	for (unsigned i = 0; i < SCOPES; i++) {
		snprintf(text, sizeof(text), "a scope with the number %u of very many", i);
		scope = named(text, "1");
		assert_true(look_next());
		expect_scope(&scope);
		by_reference += look.last.scope_ref != 0;
	}
	assert_in_range(by_reference, 100, SCOPES / 2);
	region_detach(&look.view);
	otlp_library_unref(library);
}

static void a_scope_up_to_the_limit_is_referred_to_and_a_larger_one_is_inline(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	static char text[NAME_BYTES + 1];
	struct otlp_scope scope = {.name = {text, NAME_BYTES}};

	(void)state;
	memset(text, 'n', sizeof(text));
	assert_int_equal(push(library, &scope), OTLP_OK);
	scope.name.len++;
	assert_int_equal(push(library, &scope), OTLP_OK);
	look_at(OTLP_SIGNAL_TRACES);
	assert_true(look_next());
	assert_int_not_equal(look.last.scope_ref, 0);
	scope.name.len--;
	expect_scope(&scope);
	assert_true(look_next());
	assert_int_equal(look.last.scope_ref, 0);
	scope.name.len++;
	expect_scope(&scope);
	region_detach(&look.view);
	otlp_library_unref(library);
}

/* Also where a good one of these lengths is known, and the hint leads to it. */
static void a_scope_that_is_not_valid_is_refused_as_ever(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	char text[] = "scope.name";
	struct otlp_scope scope = named(text, "1");
	uint32_t tail;

	(void)state;
	assert_int_equal(push(library, &scope), OTLP_OK);
	look_at(OTLP_SIGNAL_TRACES);
	tail = table_tail();
	text[3] = (char)0xff;
	assert_int_equal(push(library, &scope), OTLP_ERR_INVALID);
	text[3] = 'p';
	scope.name.ptr = NULL;
	assert_int_equal(push(library, &scope), OTLP_ERR_INVALID);
	scope.name.ptr = text;
	scope.version.ptr = NULL;
	assert_int_equal(push(library, &scope), OTLP_ERR_INVALID);
	scope.version.ptr = "1";
	scope.name.len = SIZE_MAX - 3;
	assert_int_equal(push(library, &scope), OTLP_ERR_TOO_LARGE);
	scope.name.len = strlen(text);
	scope.attributes.count = 1;
	assert_int_equal(push(library, &scope), OTLP_ERR_INVALID);
	scope.attributes.count = 0;
	assert_int_equal(push(library, &scope), OTLP_OK);
	assert_int_equal(table_tail(), tail);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, 2);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_invalid, 4);
	region_detach(&look.view);
	otlp_library_unref(library);
}

/* The child's region is another one: nothing that its parent knew leads anywhere there. */
static void a_child_has_its_scopes_in_its_own_region(void **state)
{
	struct otlp_library *library = fixture_open_rings(RING_BYTES, RING_BYTES);
	const struct otlp_scope other = named("other", "1"), scope = named("scope", "1");
	char name[REGION_NAME_BYTES_MAX];
	int go[2];
	char byte = 0;
	pid_t child;

	(void)state;
	assert_int_equal(push(library, &other), OTLP_OK);
	assert_int_equal(push(library, &scope), OTLP_OK);
	assert_int_equal(pipe(go), 0);
	child = fork_child();
	if (child == 0) {
		/* In the other order, so that equal references would be the wrong ones. */
		const bool ok = push(library, &scope) == OTLP_OK &&
				push(library, &other) == OTLP_OK &&
				push(library, &scope) == OTLP_OK && write(go[1], "", 1) == 1;

		pause();
		_exit(!ok);
	}
	close(go[1]);
	assert_int_equal(read(go[0], &byte, 1), 1);
	assert_true(find_region_of(child, name));
	look_open(name, OTLP_SIGNAL_TRACES);
	assert_true(look_next());
	expect_scope(&scope);
	assert_true(look_next());
	expect_scope(&other);
	assert_true(look_next());
	expect_scope(&scope);
	assert_int_not_equal(look.last.scope_ref, 0);
	region_detach(&look.view);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(go[0]);
	otlp_library_unref(library);
}

static struct otlp_library *shared;

/* The span's times tell its scope; the scope is built anew for each, at one place of the stack. */
static void *push_kinds(void *context)
{
	const uintptr_t number = (uintptr_t)context;
	uint64_t *wrong = malloc(sizeof(*wrong));
	char text[64];

	*wrong = 0;
	for (uint64_t i = 0; i < THREAD_SPANS; i++) {
		const uint64_t kind = (i * 7 + number * 3) % THREAD_KINDS;
		struct otlp_span span = fixture_span(kind + 1);
		struct otlp_scope scope;

		snprintf(text, sizeof(text), "the scope number %02u", (unsigned)kind);
		scope = named(text, "1");
		span.scope = &scope;
		*wrong += otlp_library_export_traces(shared, &span, 1) != OTLP_OK;
	}
	return wrong;
}

static void threads_that_meet_at_a_scope_give_each_record_its_own(void **state)
{
	pthread_t threads[THREADS];
	unsigned count = 0;
	char text[64];

	(void)state;
	shared = fixture_open_rings(RING_BYTES, RING_BYTES);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, push_kinds, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		uint64_t *wrong;

		assert_int_equal(pthread_join(threads[i], (void **)&wrong), 0);
		assert_int_equal(*wrong, 0);
		free(wrong);
	}
	look_at(OTLP_SIGNAL_TRACES);
	/* Each once by each thread at most. */
	assert_true(table_tail() < (THREADS * THREAD_KINDS + 4) * 64);
	for (; look_next(); count++) {
		struct otlp_scope scope;

		snprintf(text, sizeof(text), "the scope number %02u",
			 (unsigned)look.last.head.span.start_time_unix_ns - 1);
		scope = named(text, "1");
		expect_scope(&scope);
	}
	assert_int_equal(count, THREADS * THREAD_SPANS);
	region_detach(&look.view);
	otlp_library_unref(shared);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(equal_scopes_are_one_entry_wherever_they_are),
		IN_A_DIRECTORY(memory_that_holds_another_scope_gives_the_other_one),
		IN_A_DIRECTORY(one_byte_more_or_less_or_another_is_another_scope),
		IN_A_DIRECTORY(attributes_belong_to_what_a_scope_is),
		IN_A_DIRECTORY(spans_logs_and_metrics_share_the_entry),
		IN_A_DIRECTORY(scopes_without_end_fill_their_part_of_the_table_and_no_more),
		IN_A_DIRECTORY(a_scope_up_to_the_limit_is_referred_to_and_a_larger_one_is_inline),
		IN_A_DIRECTORY(a_scope_that_is_not_valid_is_refused_as_ever),
		IN_A_DIRECTORY(a_child_has_its_scopes_in_its_own_region),
		IN_A_DIRECTORY(threads_that_meet_at_a_scope_give_each_record_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
