/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed data that change between being sized and being written: nothing is stored outside the
 * bytes that were sized, which end at a page that nobody may touch. Each length and count of a
 * record changes in turn, to each of some values; and a thread changes them all the time.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "core/resource.h"
#include "core/shape.h"
#include "tests/unit/library_fixture.h"

#define PAGE_BYTES  ((size_t)4096)
#define WRITE_BYTES (4 * PAGE_BYTES)
#define SPARE	    1000 /* items behind those that are counted: who reads on finds more of them */
#define TEXT_BYTES  8192

/* What is lent, all of it ours to change. */
static struct {
	char text[TEXT_BYTES];
	uint64_t words[SPARE];
	double bounds[SPARE];
	struct otlp_quantile quantiles[SPARE];
	struct otlp_value values[SPARE];
	struct otlp_attribute nested[SPARE];
	struct otlp_attribute attributes[SPARE];
	struct otlp_span_event events[SPARE];
	struct otlp_span_link links[SPARE];
	struct otlp_exemplar exemplars[SPARE];
	struct otlp_number_point numbers[2];
	struct otlp_histogram_point histograms[2];
	struct otlp_exp_histogram_point exp_histograms[2];
	struct otlp_summary_point summaries[2];
	struct otlp_resource resource;
	struct otlp_scope scope;
	struct otlp_span span;
	struct otlp_log_record log;
	struct otlp_metric metric;
} lent;

/* What grows when the library has looked at it; NULL: nothing. */
static size_t *grows;

/* The lengths and counts that change, and what they are set to. */
static size_t *lengths[128];
static size_t length_count;

static const size_t changes[] = {
	0,
	1,
	7,
	8,
	9,
	24,
	25,
	40,
	300,
	4095,
	4096,
	8192,
	65535,
	65536,
	1 << 22,
	1u << 31,
	UINT32_MAX,
	(size_t)1 << 32,
	((size_t)1 << 32) + 9,
	(size_t)1 << 63,
	SIZE_MAX - 8,
	SIZE_MAX,
};

static void may_change(size_t *length)
{
	assert_true(length_count < COUNT_OF(lengths));
	lengths[length_count++] = length;
}

static struct otlp_str text_of(size_t len)
{
	return (struct otlp_str){lent.text, len};
}

static void fill_attributes(void)
{
	const struct otlp_bytes bytes = {(const uint8_t *)lent.text, 8};
	size_t i;

	for (i = 0; i < SPARE; i++) {
		lent.values[i] = otlp_value_str(text_of(5));
		lent.nested[i] = otlp_attr_int(text_of(3), 7);
		lent.attributes[i] = otlp_attr_str(text_of(9), text_of(20));
	}
	lent.attributes[1] = otlp_attr_int(text_of(4), -1);
	lent.attributes[2] = otlp_attr_bool(text_of(12), true);
	lent.attributes[3] = otlp_attr_bytes(text_of(2), bytes);
	lent.attributes[4] = otlp_attr_double(text_of(1), 0.5);
	lent.attributes[5] = otlp_attr_array(text_of(6), lent.values, 3);
	lent.attributes[6] = otlp_attr_kvlist(text_of(7), lent.nested, 2);
	lent.attributes[7] = otlp_attr_str(text_of(5000), text_of(1)); /* a long head */
	for (i = 0; i < 7; i++)
		may_change(&lent.attributes[i].key.len);
	may_change(&lent.attributes[0].value.as.string.len);
	may_change(&lent.attributes[3].value.as.bytes.len);
	may_change(&lent.attributes[5].value.as.array.count);
	may_change(&lent.attributes[6].value.as.kvlist.count);
	may_change(&lent.attributes[7].key.len);
	may_change(&lent.values[1].as.string.len);
	may_change(&lent.nested[0].key.len);
}

static struct otlp_attributes some(size_t count)
{
	return (struct otlp_attributes){.items = lent.attributes, .count = count};
}

static void fill_span(void)
{
	size_t i;

	for (i = 0; i < SPARE; i++) {
		lent.events[i] = (struct otlp_span_event){
			.name = text_of(11), .attributes = some(2), .time_unix_ns = i};
		lent.links[i] = (struct otlp_span_link){.trace_id = {1},
							.span_id = {1},
							.trace_state = text_of(3),
							.attributes = some(1)};
	}
	lent.span = (struct otlp_span){
		.trace_id = {1},
		.span_id = {1},
		.scope = &lent.scope,
		.trace_state = text_of(10),
		.name = text_of(18),
		.attributes = some(8),
		.events = lent.events,
		.event_count = 2,
		.links = lent.links,
		.link_count = 2,
		.status_message = text_of(30),
	};
	may_change(&lent.span.trace_state.len);
	may_change(&lent.span.name.len);
	may_change(&lent.span.status_message.len);
	may_change(&lent.span.attributes.count);
	may_change(&lent.span.event_count);
	may_change(&lent.span.link_count);
	may_change(&lent.events[1].name.len);
	may_change(&lent.events[1].attributes.count);
	may_change(&lent.links[0].trace_state.len);
	may_change(&lent.links[0].attributes.count);
}

static void fill_log(void)
{
	lent.log = (struct otlp_log_record){
		.scope = &lent.scope,
		.severity_text = text_of(4),
		.body = otlp_value_array(lent.values, 4),
		.attributes = some(8),
		.event_name = text_of(14),
	};
	may_change(&lent.log.severity_text.len);
	may_change(&lent.log.body.as.array.count);
	may_change(&lent.log.attributes.count);
	may_change(&lent.log.event_name.len);
}

static void fill_points(void)
{
	struct otlp_point *points[4];
	size_t i;

	for (i = 0; i < SPARE; i++) {
		lent.exemplars[i] = (struct otlp_exemplar){.value = {OTLP_NUMBER_INT, {1}},
							   .filtered_attributes = some(1)};
		lent.bounds[i] = (double)i;
		lent.quantiles[i] = (struct otlp_quantile){0.5, 1};
	}
	lent.numbers[1].value.type = OTLP_NUMBER_INT;
	lent.histograms[1].bounds = lent.bounds;
	lent.histograms[1].bound_count = 4;
	lent.histograms[1].bucket_counts = lent.words;
	lent.histograms[1].bucket_count = 5;
	lent.exp_histograms[1].positive = (struct otlp_exp_buckets){0, lent.words, 3};
	lent.exp_histograms[1].negative = (struct otlp_exp_buckets){0, lent.words, 2};
	lent.summaries[1].quantiles = lent.quantiles;
	lent.summaries[1].quantile_count = 3;
	points[0] = &lent.numbers[1].point;
	points[1] = &lent.histograms[1].point;
	points[2] = &lent.exp_histograms[1].point;
	points[3] = &lent.summaries[1].point;
	for (i = 0; i < COUNT_OF(points); i++) {
		points[i]->attributes = some(3);
		points[i]->exemplars = lent.exemplars;
		points[i]->exemplar_count = 2;
		may_change(&points[i]->attributes.count);
		may_change(&points[i]->exemplar_count);
	}
	may_change(&lent.histograms[1].bound_count);
	may_change(&lent.histograms[1].bucket_count);
	may_change(&lent.exp_histograms[1].positive.count);
	may_change(&lent.exp_histograms[1].negative.count);
	may_change(&lent.summaries[1].quantile_count);
	may_change(&lent.exemplars[1].filtered_attributes.count);
	/* The first point of each is like the second; metrics have the type that they are tried
	 * with. */
	lent.numbers[0] = lent.numbers[1];
	lent.histograms[0] = lent.histograms[1];
	lent.exp_histograms[0] = lent.exp_histograms[1];
	lent.summaries[0] = lent.summaries[1];
	lent.metric = (struct otlp_metric){.name = text_of(9),
					   .description = text_of(26),
					   .unit = text_of(2),
					   .metadata = some(1),
					   .temporality = OTLP_TEMPORALITY_DELTA,
					   .point_count = 2};
	may_change(&lent.metric.name.len);
	may_change(&lent.metric.description.len);
	may_change(&lent.metric.unit.len);
	may_change(&lent.metric.metadata.count);
}

static int fill(void **state)
{
	(void)state;
	grows = NULL;
	memset(&lent, 0, sizeof(lent));
	memset(lent.text, 'a', sizeof(lent.text));
	length_count = 0;
	fill_attributes();
	lent.scope = (struct otlp_scope){.name = text_of(13),
					 .version = text_of(5),
					 .schema_url = text_of(31),
					 .attributes = some(2)};
	may_change(&lent.scope.name.len);
	may_change(&lent.scope.version.len);
	may_change(&lent.scope.schema_url.len);
	may_change(&lent.scope.attributes.count);
	lent.resource = (struct otlp_resource){.attributes = some(8), .schema_url = text_of(17)};
	may_change(&lent.resource.attributes.count);
	may_change(&lent.resource.schema_url.len);
	fill_span();
	fill_log();
	fill_points();
	return 0;
}

/* So many bytes whose last is the last that may be touched. */
static uint8_t *guarded(size_t bytes)
{
	static uint8_t *pages;

	if (pages == NULL) {
		pages = mmap(NULL, WRITE_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(pages != MAP_FAILED);
		assert_int_equal(mprotect(pages + WRITE_BYTES, PAGE_BYTES, PROT_NONE), 0);
	}
	assert_true(bytes <= WRITE_BYTES);
	return pages + WRITE_BYTES - bytes;
}

/* One way to write: sized with the data as they are, written with what they became. */
struct writing {
	size_t (*size)(const struct writing *writing);
	bool (*write)(const struct writing *writing, uint8_t *to,
		      size_t bytes); /* as it was sized? */
	enum otlp_metric_type type;
	const void *points;
};

static struct otlp_shape *shape;
static struct otlp_log_shape *log_shape;

static size_t size_span(const struct writing *writing)
{
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_measure_span(&lent.span, &lent.resource, &bytes), 0);
	return bytes;
}

static bool write_span(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_span(to, &lent.span, &lent.resource, 0, bytes) != RECORD_CHANGED;
}

static size_t size_log(const struct writing *writing)
{
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_measure_log(&lent.log, &lent.resource, &bytes), 0);
	return bytes;
}

static bool write_log(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_log(to, &lent.log, &lent.resource, 0, bytes) != RECORD_CHANGED;
}

static size_t size_shaped(const struct writing *writing)
{
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_size_shaped(&lent.span, &shape->record, &lent.resource, &bytes), 0);
	return bytes;
}

static bool write_shaped(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_shaped(to, &lent.span, &lent.resource, 0, 9, bytes) != RECORD_CHANGED;
}

static size_t size_shape(const struct writing *writing)
{
	uint16_t texts[OTLP_SHAPE_ATTRIBUTES_MAX];
	uint8_t types[OTLP_SHAPE_ATTRIBUTES_MAX];
	struct record_shape record = {.types = types, .texts = texts};
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_measure_shape(&lent.span, &record, &bytes), 0);
	return bytes;
}

static bool write_shape(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_shape(to, &lent.span, bytes);
}

static size_t size_shaped_log(const struct writing *writing)
{
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(
		record_size_shaped_log(&lent.log, &log_shape->shape.record, &lent.resource, &bytes),
		0);
	return bytes;
}

static bool write_shaped_log(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_shaped_log(to, &lent.log, &lent.resource, 0, 9, bytes) !=
	       RECORD_CHANGED;
}

static size_t size_log_shape(const struct writing *writing)
{
	uint16_t texts[OTLP_SHAPE_ATTRIBUTES_MAX];
	uint8_t types[OTLP_SHAPE_ATTRIBUTES_MAX];
	struct record_shape record = {.types = types, .texts = texts};
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_measure_log_shape(&lent.log, &record, &bytes), 0);
	return bytes;
}

static bool write_log_shape(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_log_shape(to, &lent.log, bytes);
}

static size_t size_resource(const struct writing *writing)
{
	size_t bytes = 0;

	(void)writing;
	assert_int_equal(record_measure_resource(&lent.resource, &bytes), 0);
	return bytes;
}

static bool write_resource(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_resource(to, &lent.resource, bytes);
}

static size_t size_metric(const struct writing *writing)
{
	size_t bytes = 0, point_bytes, i;

	lent.metric.type = writing->type;
	lent.metric.points.number = writing->points;
	assert_int_equal(record_measure_metric(&lent.metric, &lent.scope, &lent.resource, &bytes),
			 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(record_measure_point(&lent.metric, i, &point_bytes), 0);
		bytes += point_bytes;
	}
	return bytes;
}

static bool write_metric(const struct writing *writing, uint8_t *to, size_t bytes)
{
	(void)writing;
	return record_write_metric(to, &lent.metric, &lent.scope, &lent.resource, 0, 0, 2, bytes) !=
	       RECORD_CHANGED;
}

/* Of a length, the low half is what counts: with that as it was, nothing else may change. */
static void try_changes(const struct writing *writing, size_t *length)
{
	const size_t was = *length, bytes = writing->size(writing);
	size_t i;

	for (i = 0; i < COUNT_OF(changes); i++) {
		*length = changes[i];
		(void)writing->write(writing, guarded(bytes), bytes);
	}
	*length = was + 1;
	(void)writing->write(writing, guarded(bytes), bytes);
	*length = was;
	assert_true(writing->write(writing, guarded(bytes), bytes));
}

static void try_all(const struct writing *writing)
{
	size_t i;

	for (i = 0; i < length_count; i++)
		try_changes(writing, lengths[i]);
}

static void a_span_that_changes_stays_within_what_was_sized(void **state)
{
	const struct writing writing = {.size = size_span, .write = write_span};

	(void)state;
	try_all(&writing);
}

static void a_log_record_that_changes_stays_within_what_was_sized(void **state)
{
	const struct writing writing = {.size = size_log, .write = write_log};

	(void)state;
	try_all(&writing);
	lent.log.body = otlp_value_str(text_of(20));
	may_change(&lent.log.body.as.string.len);
	try_all(&writing);
}

static void a_shape_and_its_spans_that_change_stay_within_what_was_sized(void **state)
{
	const struct writing of_shape = {.size = size_shape, .write = write_shape};
	const struct writing of_span = {.size = size_shaped, .write = write_shaped};

	(void)state;
	lent.span.attributes.count = 5; /* what a shape can have */
	assert_int_equal(otlp_shape_register(&lent.span, &shape), OTLP_OK);
	try_all(&of_shape);
	try_all(&of_span);
	otlp_shape_unref(shape);
}

static void a_log_shape_and_its_logs_that_change_stay_within_what_was_sized(void **state)
{
	const struct writing of_shape = {.size = size_log_shape, .write = write_log_shape};
	const struct writing of_log = {.size = size_shaped_log, .write = write_shaped_log};

	(void)state;
	lent.log.attributes.count = 5; /* what a shape can have */
	assert_int_equal(otlp_log_shape_register(&lent.log, &log_shape), OTLP_OK);
	try_all(&of_shape);
	try_all(&of_log);
	lent.log.body = otlp_value_str(text_of(20));
	may_change(&lent.log.body.as.string.len);
	try_all(&of_log);
	otlp_log_shape_unref(log_shape);
}

static void a_resource_that_changes_stays_within_what_was_sized(void **state)
{
	const struct writing writing = {.size = size_resource, .write = write_resource};

	(void)state;
	try_all(&writing);
}

static void each_kind_of_metric_that_changes_stays_within_what_was_sized(void **state)
{
	const struct writing writings[] = {
		{size_metric, write_metric, OTLP_METRIC_GAUGE, lent.numbers},
		{size_metric, write_metric, OTLP_METRIC_SUM, lent.numbers},
		{size_metric, write_metric, OTLP_METRIC_HISTOGRAM, lent.histograms},
		{size_metric, write_metric, OTLP_METRIC_EXP_HISTOGRAM, lent.exp_histograms},
		{size_metric, write_metric, OTLP_METRIC_SUMMARY, lent.summaries},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(writings); i++)
		try_all(&writings[i]);
}

/* A value that turns into one that holds itself nests for ever. */
static void values_that_turn_into_a_circle_end(void **state)
{
	const struct writing writing = {.size = size_span, .write = write_span};
	const size_t bytes = writing.size(&writing);
	struct otlp_attribute *const list = &lent.attributes[6];

	(void)state;
	list->value.as.kvlist.items = list;
	list->value.as.kvlist.count = 1;
	assert_false(writing.write(&writing, guarded(bytes), bytes));
	assert_false(record_text_span(&lent.span, &lent.resource));
	list->value.type = OTLP_VALUE_ARRAY;
	list->value.as.array.items = &list->value;
	assert_false(writing.write(&writing, guarded(bytes), bytes));
	assert_false(record_text_span(&lent.span, &lent.resource));
}

/* A thread changes the data at any moment, over and over, while they are sized and written. */
#define WRITES 10000
#define FLIPS  500
#define GENTLE 9 /* of changes[]: counts that stay below SPARE */

static uint32_t is_over;

static void *change(void *context)
{
	uint64_t i;

	(void)context;
	for (i = 0; atomic_load_relaxed_u32(&is_over) == 0; i++) {
		size_t *const length = lengths[i / FLIPS % length_count];
		const size_t was = *length;

		atomic_store_relaxed_u64((uint64_t *)length, changes[i % GENTLE]);
		atomic_store_relaxed_u64((uint64_t *)length, was);
	}
	return NULL;
}

static void data_that_a_thread_changes_all_the_time_stay_within_what_was_sized(void **state)
{
	unsigned i, whole = 0, changed = 0;
	pthread_t changer;

	(void)state;
	lent.span.attributes.count = 7; /* without the long one: sooner done */
	is_over = 0;
	assert_int_equal(pthread_create(&changer, NULL, change, NULL), 0);
	/* Until it was seen to change; where threads hardly take turns (valgrind) it is not. */
	for (i = 0; i < WRITES || (changed == 0 && i < 3 * WRITES); i++) {
		size_t bytes;

		if (record_size_span(&lent.span, &lent.resource, lent.span.scope, &bytes) < 0 ||
		    bytes > WRITE_BYTES)
			continue;
		if (record_write_span(guarded(bytes), &lent.span, &lent.resource, 0, bytes) ==
		    RECORD_CHANGED)
			changed++;
		else
			whole++;
	}
	atomic_store_relaxed_u32(&is_over, 1);
	pthread_join(changer, NULL);
	print_message("%u written whole, %u changed\n", whole, changed);
	assert_true(whole > 0);
}

/* Another thread changes what is to be kept behind the library's first look at it. */
int __real_record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes);
int __wrap_record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes);
int __real_record_measure_shape(const struct otlp_span *span, struct record_shape *ret,
				size_t *ret_bytes);
int __wrap_record_measure_shape(const struct otlp_span *span, struct record_shape *ret,
				size_t *ret_bytes);

int __wrap_record_measure_resource(const struct otlp_resource *resource, size_t *ret_bytes)
{
	const int rc = __real_record_measure_resource(resource, ret_bytes);

	if (grows != NULL)
		*grows += 1;
	return rc;
}

int __wrap_record_measure_shape(const struct otlp_span *span, struct record_shape *ret,
				size_t *ret_bytes)
{
	const int rc = __real_record_measure_shape(span, ret, ret_bytes);

	if (grows != NULL)
		*grows += 100;
	return rc;
}

static void what_is_kept_is_a_whole_copy_or_refused(void **state)
{
	size_t *const parts[] = {
		&lent.attributes[0].key.len,
		&lent.values[1].as.string.len,
		&lent.attributes[5].value.as.array.count,
		&lent.nested[0].key.len,
		&lent.attributes[6].value.as.kvlist.count,
		&lent.attributes[3].value.as.bytes.len,
		&lent.attributes[0].value.as.string.len,
	};
	struct resource *resource;
	struct otlp_shape *made;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(parts); i++) {
		grows = parts[i];
		resource = NULL;
		if (resource_new(&resource, &lent.resource) == 0) {
			/* It was read behind the change, all of it. */
			size_t bytes;

			grows = NULL;
			assert_int_equal(record_measure_resource(&resource->value, &bytes), 0);
			assert_int_equal(resource->entry.bytes_count, bytes);
			assert_int_equal(record_parse_resource(resource->entry.bytes, bytes), 0);
		} else {
			assert_null(resource);
		}
		resource_free(resource);
	}
	lent.span.attributes.count = 5;
	grows = &lent.span.attributes.count; /* read once: the shape does not see it */
	assert_int_equal(otlp_shape_register(&lent.span, &made), OTLP_OK);
	assert_int_equal(made->record.count, 5);
	otlp_shape_unref(made);
	lent.span.attributes.count = 5;
	grows = &lent.attributes[0].key.len;
	assert_int_equal(otlp_shape_register(&lent.span, &made), OTLP_ERR_INVALID);
	grows = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_span_that_changes_stays_within_what_was_sized, fill),
		cmocka_unit_test_setup(a_log_record_that_changes_stays_within_what_was_sized, fill),
		cmocka_unit_test_setup(a_shape_and_its_spans_that_change_stay_within_what_was_sized,
				       fill),
		cmocka_unit_test_setup(
			a_log_shape_and_its_logs_that_change_stay_within_what_was_sized, fill),
		cmocka_unit_test_setup(a_resource_that_changes_stays_within_what_was_sized, fill),
		cmocka_unit_test_setup(each_kind_of_metric_that_changes_stays_within_what_was_sized,
				       fill),
		cmocka_unit_test_setup(values_that_turn_into_a_circle_end, fill),
		cmocka_unit_test_setup(
			data_that_a_thread_changes_all_the_time_stay_within_what_was_sized, fill),
		cmocka_unit_test_setup(what_is_kept_is_a_whole_copy_or_refused, fill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
