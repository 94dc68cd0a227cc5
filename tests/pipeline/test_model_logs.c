/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the exporter model (docs/model.md) for the log exporter. This process is the
 * producer, the writer is another.
 */
#include "tests/pipeline/model_fixture.h"

#include <pthread.h>

#include "tests/gen.h"

/* A log record whose number can be read back from its time. */
static struct otlp_log_record numbered(uint64_t number)
{
	return (struct otlp_log_record){.time_unix_ns = number,
					.severity_number = OTLP_SEVERITY_INFO,
					.body = otlp_value_str(OTLP_STR("it happened"))};
}

static struct otlp_library *open_library(void)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;

	options.ring_bytes[OTLP_SIGNAL_LOGS] = 4 << 20;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = OTLP_RING_BYTES_MIN;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = OTLP_RING_BYTES_MIN;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	return library;
}

static struct otlp_log_exporter *log_exporter(struct otlp_library *library)
{
	struct otlp_log_exporter *exporter = NULL;

	assert_int_equal(otlp_library_log_exporter(library, &exporter), OTLP_OK);
	assert_non_null(exporter);
	return exporter;
}

static void export_number(struct otlp_log_exporter *exporter, uint64_t number)
{
	const struct otlp_log_record log = numbered(number);
	struct otlp_sdk_result result = otlp_log_exporter_export(exporter, &log, 1);

	assert_int_equal(result.status, OTLP_SDK_SUCCESS);
	assert_int_equal(result.cause, OTLP_OK);
}

static struct otlp_signal_stats log_stats(struct otlp_library *library)
{
	return fixture_stats(library).signals[OTLP_SIGNAL_LOGS];
}

static const struct found_log *find_log(const struct found *found, uint64_t number)
{
	const struct found_log *have = NULL;
	size_t i;

	for (i = 0; i < found->log_count; i++) {
		if (found->logs[i].log->time_unix_nano != number)
			continue;
		assert_null(have); /* once */
		have = &found->logs[i];
	}
	if (have == NULL)
		fail_msg("log record %" PRIu64 " is not written", number);
	return have;
}

static bool has_service(const struct found_log *have, const char *name)
{
	const PB_RESOURCE(Resource) *resource = have->resource->resource;

	return resource->n_attributes == 1 &&
	       text_is(resource->attributes[0]->key, "service.name") &&
	       text_is(resource->attributes[0]->value->string_value, name);
}

/* Rules 1, 3 and 4. */
static void a_log_exporter_lives_and_ends_as_its_library_does(void **state)
{
	const struct otlp_log_record log = numbered(3);
	struct otlp_log_exporter *first, *second, *none = NULL;
	struct otlp_library *library;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = open_library();
	first = log_exporter(library);
	second = log_exporter(library);
	export_number(first, 0);
	assert_int_equal(otlp_log_exporter_shutdown(first, WAIT_NS).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_log_exporter_shutdown(first, 0).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_log_exporter_shutdown(first, -2).cause, OTLP_ERR_INVALID);
	export_number(first, 1); /* it changed nothing: neither for itself nor for others */
	export_number(second, 2);
	assert_int_equal(otlp_log_exporter_force_flush(first, WAIT_NS).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	assert_int_equal(otlp_log_exporter_export(first, &log, 1).status,
			 OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(otlp_log_exporter_export(second, &log, 1).cause, OTLP_ERR_SHUTDOWN);
	assert_int_equal(otlp_library_export_logs(library, &log, 1), OTLP_ERR_SHUTDOWN);
	assert_int_equal(fixture_stats(library).rejected_after_shutdown, 3);
	assert_int_equal(log_stats(library).accepted, 3);
	assert_int_equal(otlp_library_log_exporter(library, &none), OTLP_ERR_SHUTDOWN);
	assert_null(none);
	otlp_log_exporter_unref(first);
	otlp_library_unref(library);
	otlp_log_exporter_unref(second); /* the last reference to all of it */
	model_stop();
	found_read(&found);
	assert_int_equal(found.log_count, 3);
	for (uint64_t i = 0; i < 3; i++)
		find_log(&found, i);
	found_free(&found);
}

/* Rule 2. */
static void each_log_record_has_the_nearest_resource(void **state)
{
	struct otlp_attribute names[2] = {
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("exporter's")),
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("record's")),
	};
	struct otlp_resource resources[2] = {{.attributes = {.items = &names[0], .count = 1}},
					     {.attributes = {.items = &names[1], .count = 1}}};
	struct otlp_log_record log = numbered(2);
	struct otlp_log_exporter *exporter;
	struct otlp_library *library;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	setenv("OTEL_SERVICE_NAME", "library's", 1);
	library = open_library();
	unsetenv("OTEL_SERVICE_NAME");
	exporter = log_exporter(library);
	export_number(exporter, 0);
	assert_int_equal(otlp_log_exporter_set_resource(exporter, &resources[0]).cause, OTLP_OK);
	assert_int_equal(otlp_log_exporter_set_resource(exporter, NULL).cause, OTLP_ERR_INVALID);
	assert_int_equal(otlp_log_exporter_set_resource(NULL, &resources[0]).cause,
			 OTLP_ERR_INVALID);
	export_number(exporter, 1);
	log.resource = &resources[1];
	assert_int_equal(otlp_log_exporter_export(exporter, &log, 1).cause, OTLP_OK);
	otlp_library_unref(library);
	assert_int_equal(otlp_log_exporter_force_flush(exporter, WAIT_NS).cause, OTLP_OK);
	otlp_log_exporter_unref(exporter);
	model_stop();
	found_read(&found);
	assert_int_equal(found.log_count, 3);
	assert_true(has_service(find_log(&found, 0), "library's"));
	assert_true(has_service(find_log(&found, 1), "exporter's"));
	assert_true(has_service(find_log(&found, 2), "record's"));
	found_free(&found);
}

/* Each of these makes a valid record bad. */
static size_t make_bad_logs(struct otlp_log_record *bad)
{
	static const struct otlp_attribute no_text = {{NULL, 1}, {OTLP_VALUE_INT, {{0, 0}}}};
	static const struct otlp_attribute bad_text = {
		OTLP_STR_INIT("k"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("\xed\xa0\x80")}}};
	size_t count = 11, i;

	for (i = 0; i < count; i++)
		bad[i] = numbered(1000 + i);
	bad[0].severity_number = (enum otlp_severity_number)25;
	bad[1].severity_number = (enum otlp_severity_number) - 1;
	bad[2].severity_text = (struct otlp_str){NULL, 4};
	bad[3].severity_text = OTLP_STR("\xff");
	bad[4].event_name = OTLP_STR("\xc3");
	bad[5].body = otlp_value_str(OTLP_STR("caf\xe9"));
	bad[6].body = (struct otlp_value){(enum otlp_value_type)8, {{NULL, 0}}};
	bad[7].attributes.count = 1;
	bad[8].attributes = (struct otlp_attributes){.items = &no_text, .count = 1};
	bad[9].attributes = (struct otlp_attributes){.items = &bad_text, .count = 1};
	bad[10].reserved[1] = "later";
	return count;
}

/* Rules 5, 6 and 7. */
static void bad_log_records_are_refused_whole_and_their_neighbours_are_taken(void **state)
{
	static char large[2 << 20];
	struct otlp_log_record bad[16], logs[3];
	struct otlp_log_exporter *exporter;
	struct otlp_library *library;
	struct otlp_sdk_result result;
	struct found found;
	char text[1024];
	size_t count, i;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = open_library();
	exporter = log_exporter(library);
	assert_int_equal(otlp_log_exporter_export(exporter, NULL, 0).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_library_export_logs(library, NULL, 0), OTLP_OK);
	assert_int_equal(log_stats(library).accepted_bytes, 0);
	count = make_bad_logs(bad);
	for (i = 0; i < count; i++) {
		logs[0] = numbered(2 * i);
		logs[1] = bad[i];
		logs[2] = numbered(2 * i + 1);
		result = otlp_log_exporter_export(exporter, logs, 3);
		assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
		assert_int_equal(result.cause, OTLP_ERR_INVALID);
		assert_int_equal(log_stats(library).dropped_invalid, i + 1);
		assert_int_equal(log_stats(library).accepted, 2 * (i + 1));
	}
	assert_int_equal(otlp_library_export_logs(library, NULL, 2), OTLP_ERR_INVALID);
	assert_int_equal(log_stats(library).dropped_invalid, count + 2);
	memset(large, 'a', sizeof(large));
	logs[0] = numbered(2000);
	logs[0].body = otlp_value_str((struct otlp_str){large, sizeof(large)});
	assert_int_equal(otlp_library_export_logs(library, logs, 1), OTLP_ERR_TOO_LARGE);
	assert_int_equal(log_stats(library).dropped_too_large, 1);
	assert_true(otlp_library_last_error(library, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "OTLPIPE_LOG_RING_BYTES"));
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_log_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.log_count, 2 * count);
	for (i = 0; i < 2 * count; i++)
		find_log(&found, i);
	assert_int_equal(found.invalid_items, 0); /* the writer had nothing to refuse */
	found_free(&found);
}

#define THREADS 4
#define RECORDS 2000

struct pusher {
	pthread_t thread;
	struct otlp_log_exporter *exporter;
	unsigned number, failed;
};

static void *push_all(void *context)
{
	struct pusher *self = context;
	unsigned i;

	for (i = 0; i < RECORDS; i++) {
		const struct otlp_log_record log = numbered(self->number * RECORDS + i);

		self->failed += otlp_log_exporter_export(self->exporter, &log, 1).cause != OTLP_OK;
	}
	return NULL;
}

/* Rule 8. */
static void threads_share_a_log_exporter_without_a_lock(void **state)
{
	struct pusher threads[THREADS] = {0};
	uint64_t next[THREADS] = {0};
	struct otlp_log_exporter *exporter;
	struct otlp_library *library;
	struct found found;
	size_t i;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = open_library();
	exporter = log_exporter(library);
	for (i = 0; i < THREADS; i++) {
		threads[i].exporter = exporter;
		threads[i].number = (unsigned)i;
		assert_int_equal(pthread_create(&threads[i].thread, NULL, push_all, &threads[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
		assert_int_equal(threads[i].failed, 0);
	}
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_log_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.log_count, THREADS * RECORDS);
	for (i = 0; i < found.log_count; i++) { /* each once, and in its thread's order */
		uint64_t number = found.logs[i].log->time_unix_nano;

		assert_int_equal(number % RECORDS, next[number / RECORDS]++);
	}
	found_free(&found);
}

#define WAYS	 3
#define OF_A_WAY 200

static void expect_same(const void *found, void *expected)
{
	char where[256] = "";

	if (!oracle_equal(found, expected, where, sizeof(where)))
		fail_msg("not what was exported: %s", where);
	oracle_free(expected);
}

static void expect_log(const struct found *found, const struct otlp_log_record *log)
{
	const struct found_log *have = find_log(found, log->time_unix_ns);

	expect_same(have->log, oracle_log(log));
	if (log->resource != NULL)
		expect_same(have->resource->resource, oracle_resource(log->resource));
	if (log->scope != NULL)
		expect_same(have->scope->scope, oracle_scope(log->scope));
	else
		assert_null(have->scope->scope);
}

/* Rule 9: the same records one by one, in a batch, and by way of an exporter. */
static void each_way_of_exporting_logs_gives_the_same_otlp(void **state)
{
	static struct otlp_log_record logs[WAYS][OF_A_WAY];
	struct gen *gen = gen_new(11);
	struct otlp_log_exporter *exporter;
	struct otlp_library *library;
	struct found found;
	size_t i, way;

	(void)state;
	gen_set_size(gen, GEN_TYPICAL);
	MODEL_START("--interval", "10ms");
	library = open_library();
	exporter = log_exporter(library);
	for (i = 0; i < OF_A_WAY; i++) {
		for (way = 0; way < WAYS; way++) {
			logs[way][i] = way == 0 ? *gen_log(gen) : logs[0][i];
			logs[way][i].time_unix_ns = way * OF_A_WAY + i;
		}
		assert_int_equal(otlp_library_export_logs(library, &logs[0][i], 1), OTLP_OK);
	}
	assert_int_equal(otlp_library_export_logs(library, logs[1], OF_A_WAY), OTLP_OK);
	assert_int_equal(otlp_log_exporter_export(exporter, logs[2], OF_A_WAY).cause, OTLP_OK);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_log_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.log_count, WAYS * OF_A_WAY);
	for (way = 0; way < WAYS; way++)
		for (i = 0; i < OF_A_WAY; i++)
			expect_log(&found, &logs[way][i]);
	found_free(&found);
	gen_free(gen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(a_log_exporter_lives_and_ends_as_its_library_does),
		MODEL_TEST(each_log_record_has_the_nearest_resource),
		MODEL_TEST(bad_log_records_are_refused_whole_and_their_neighbours_are_taken),
		MODEL_TEST(threads_share_a_log_exporter_without_a_lock),
		MODEL_TEST(each_way_of_exporting_logs_gives_the_same_otlp),
	};

	model_clean_environment();
	return cmocka_run_group_tests_name("model_logs", tests, NULL, NULL);
}
