/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library handle and the exporters, without a writer: options, references,
 * NULL arguments, temporality, counters. What arrives on the disk is tested in
 * tests/pipeline/test_model.c, forks in test_producer.c.
 */
#include "core/library.h"
#include "core/record/signal.h"
#include "tests/unit/library_fixture.h"

#define TEMPORALITY "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"

struct told {
	unsigned count;
	int error;
	char text[8192];
};

static void tell(void *context, int error, const char *text)
{
	struct told *told = context;

	told->count++;
	told->error = error;
	snprintf(told->text, sizeof(told->text), "%s", text);
}

/* Open with these options, expect an error that is told, and kept, with this in its text. */
static void expect_refused(struct otlp_options *options, int error, const char *text)
{
	struct otlp_library *library = (struct otlp_library *)1;
	char kept[1024];
	struct told told = {0};

	options->diagnostic = tell;
	options->diagnostic_context = &told;
	assert_int_equal(otlp_library_open(&library, options), error);
	assert_ptr_equal(library, (struct otlp_library *)1); /* set on success only */
	assert_true(otlp_library_last_error(NULL, kept, sizeof(kept)) > 0);
	if (strstr(kept, text) == NULL)
		fail_msg("%s: not in it: %s", kept, text);
	/* Where the struct is of another version, its function is none to call. */
	assert_int_equal(told.count, error == OTLP_ERR_ABI && told.text[0] == '\0' ? 0 : 1);
	if (told.count > 0) {
		assert_int_equal(told.error, error);
		assert_string_equal(told.text, kept);
	}
}

static void expect_opens(const struct otlp_options *options)
{
	struct otlp_library *library = NULL;

	assert_int_equal(otlp_library_open(&library, options), OTLP_OK);
	otlp_library_unref(library);
}

static void options_of_a_program_built_for_0_1_are_refused_as_such(void **state)
{
	struct otlp_options options;
	const size_t bytes_of_0_1 = 112;

	(void)state;
	memset(&options, 0xee, sizeof(options));
	otlp_options_init(&options, bytes_of_0_1);
	assert_int_equal(options.struct_bytes, bytes_of_0_1);
	/* What that program's struct does not have is not ours to touch. */
	assert_int_equal(((uint8_t *)&options)[bytes_of_0_1], 0xee);
	expect_refused(&options, OTLP_ERR_ABI, "of another version");
	options.struct_bytes = sizeof(options) - 1;
	expect_refused(&options, OTLP_ERR_ABI, "of another version");
	memset(&options, 0, sizeof(options)); /* otlp_options_init() was forgotten */
	expect_refused(&options, OTLP_ERR_ABI, "of another version");
}

static void options_of_a_newer_program_are_taken_while_the_rest_is_zero(void **state)
{
	struct {
		struct otlp_options options;
		uint8_t newer[32];
	} options;

	(void)state;
	memset(&options, 0xee, sizeof(options));
	otlp_options_init(&options.options, sizeof(options));
	assert_int_equal(options.newer[0], 0);
	assert_int_equal(options.newer[31], 0);
	options.options.runtime_dir = shm_fixture_path;
	expect_opens(&options.options);
	options.newer[31] = 1;
	expect_refused(&options.options, OTLP_ERR_INVALID, "fields that this version");
}

static void reserved_bytes_must_be_zero(void **state)
{
	struct otlp_options options = fixture_options();

	(void)state;
	options.reserved[COUNT_OF(options.reserved) - 1] = &options;
	expect_refused(&options, OTLP_ERR_INVALID, "fields that this version");
	options.reserved[COUNT_OF(options.reserved) - 1] = NULL;
	options.reserved[0] = &options;
	expect_refused(&options, OTLP_ERR_INVALID, "fields that this version");
}

static void reserved_fields_of_what_is_kept_must_be_zero(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_options options = fixture_options();
	struct otlp_span span = fixture_span(1);
	struct otlp_span_exporter *exporter;
	struct otlp_resource resource = {0};
	struct otlp_shape *shape = NULL;
	struct otlp_scope scope = {0};

	(void)state;
	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	options.resource = &resource;
	expect_opens(&options);
	resource.reserved[3] = &options;
	expect_refused(&options, OTLP_ERR_INVALID, "the resource is invalid");
	assert_int_equal(otlp_span_exporter_set_resource(exporter, &resource).cause,
			 OTLP_ERR_INVALID);
	span.scope = &scope;
	scope.reserved[1] = &options;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	scope.reserved[1] = NULL;
	span.reserved[0] = &options;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	span.reserved[0] = NULL;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	otlp_shape_unref(shape);
	otlp_span_exporter_unref(exporter);
	otlp_library_unref(library);
}

static void a_temporality_that_is_none_is_refused(void **state)
{
	struct otlp_options options = fixture_options();

	(void)state;
	options.temporality = (enum otlp_temporality_preference)3;
	expect_refused(&options, OTLP_ERR_INVALID, "temporality");
}

static void ring_sizes_are_rounded_up_to_powers_of_two(void **state)
{
	static const struct {
		uint32_t option;
		uint64_t spans, metrics;
	} cases[] = {
		{0, OTLP_SPAN_RING_BYTES_DEFAULT, OTLP_METRIC_RING_BYTES_DEFAULT},
		{1, 4096, 4096},
		{4096, 4096, 4096},
		{4097, 8192, 8192},
		{(1 << 20) - 1, 1 << 20, 1 << 20},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		struct otlp_library *library = fixture_open_rings(cases[i].option, cases[i].option);
		char name[REGION_NAME_BYTES_MAX];
		struct region_view view;

		find_region(name);
		assert_int_equal(region_attach(&view, &shm_fixture_dir, name, false), 0);
		assert_int_equal(view.rings[OTLP_SIGNAL_TRACES].bytes, cases[i].spans);
		assert_int_equal(view.rings[OTLP_SIGNAL_METRICS].bytes, cases[i].metrics);
		region_detach(&view);
		otlp_library_unref(library);
	}
}

static uint64_t ring_bytes_of(const struct otlp_options *options, enum otlp_signal signal)
{
	struct otlp_library *library = NULL;
	uint64_t bytes = 0;
	unsigned lane;

	assert_int_equal(otlp_library_open(&library, options), OTLP_OK);
	for (lane = 0; lane < OTLP_LANES_MAX; lane++)
		bytes += library->producer.regions[0].rings[ring_number(signal, lane)].bytes;
	otlp_library_unref(library);
	return bytes;
}

static void ring_sizes_of_the_environment_stand_in_for_the_defaults(void **state)
{
	struct otlp_options options = fixture_options();
	struct told told = {0};

	(void)state;
	options.diagnostic = tell;
	options.diagnostic_context = &told;
	setenv("OTLPIPE_SPAN_RING_BYTES", " 64KiB\n", 1);
	setenv("OTLPIPE_METRIC_RING_BYTES", "0.25M", 1);
	setenv("OTLPIPE_LOG_RING_BYTES", "8KiB", 1);
	assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_TRACES), 64 << 10);
	assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_METRICS), 256 << 10);
	assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_LOGS), 8 << 10);
	options.ring_bytes[OTLP_SIGNAL_TRACES] = 4096; /* what the program says goes before */
	assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_TRACES), 4096);
	unsetenv("OTLPIPE_SPAN_RING_BYTES");
	unsetenv("OTLPIPE_METRIC_RING_BYTES");
	unsetenv("OTLPIPE_LOG_RING_BYTES");
	assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_LOGS), OTLP_LOG_RING_BYTES_DEFAULT);
	assert_int_equal(told.count, 0);
}

static void a_ring_size_of_the_environment_that_is_none_is_told(void **state)
{
	static const char *const values[] = {
		"large", "8 MiB", "-1",	   "2GiB",
		"0",	 "1e6",	  "8MiBx", "99999999999999999999999999999999999999"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(values); i++) {
		struct otlp_options options = fixture_options();
		struct told told = {0};
		char quoted[64];

		options.diagnostic = tell;
		options.diagnostic_context = &told;
		setenv("OTLPIPE_SPAN_RING_BYTES", values[i], 1);
		assert_int_equal(ring_bytes_of(&options, OTLP_SIGNAL_TRACES),
				 OTLP_SPAN_RING_BYTES_DEFAULT);
		assert_int_equal(told.count, 1);
		assert_int_equal(told.error, OTLP_ERR_INVALID);
		snprintf(quoted, sizeof(quoted), "\"%s\"", values[i]);
		assert_non_null(strstr(told.text, "OTLPIPE_SPAN_RING_BYTES"));
		assert_non_null(strstr(told.text, quoted));
	}
	unsetenv("OTLPIPE_SPAN_RING_BYTES");
}

/* The first failure is findable too where nobody registered a function for it. */
static void what_an_open_went_on_without_is_kept(void **state)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;
	char text[1024];

	(void)state;
	setenv("OTLPIPE_SPAN_RING_BYTES", "large", 1);
	setenv("OTEL_RESOURCE_ATTRIBUTES", "team", 1);
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	unsetenv("OTLPIPE_SPAN_RING_BYTES");
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	assert_true(otlp_library_last_error(library, text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "OTLPIPE_SPAN_RING_BYTES"));
	assert_non_null(strstr(text, "; OTEL_RESOURCE_ATTRIBUTES is left aside: its pair 1"));
	otlp_library_unref(library);
}

static void a_record_that_is_too_large_is_the_last_error(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_number_point point = fixture_point(1);
	struct otlp_span span = fixture_span(1);
	struct fixture_gauge gauge;
	char large[2000], text[1024], begin[16];
	size_t len;

	(void)state;
	memset(large, 'a', sizeof(large));
	assert_int_equal(otlp_library_last_error(library, text, sizeof(text)), 0);
	span.name = (struct otlp_str){large, sizeof(large)};
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_TOO_LARGE);
	len = otlp_library_last_error(library, text, sizeof(text));
	assert_int_equal(len, strlen(text));
	assert_non_null(strstr(text, "the ring of spans takes 2"));
	assert_non_null(strstr(text, "the ring carries 1016"));
	assert_non_null(strstr(text, "OTLPIPE_SPAN_RING_BYTES"));
	assert_int_equal(otlp_library_last_error(library, begin, sizeof(begin)), len);
	assert_memory_equal(begin, text, sizeof(begin) - 1);
	assert_int_equal(begin[sizeof(begin) - 1], '\0');
	fixture_gauge_init(&gauge, &point, 1);
	gauge.metric.name = span.name;
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_TOO_LARGE);
	otlp_library_last_error(library, text, sizeof(text));
	assert_non_null(strstr(text, "OTLPIPE_METRIC_RING_BYTES"));
	otlp_library_unref(library);
}

static void a_ring_that_is_too_large_is_refused(void **state)
{
	struct otlp_options options = fixture_options();

	(void)state;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = OTLP_RING_BYTES_MAX + 1;
	expect_refused(&options, OTLP_ERR_INVALID, "ring_bytes");
	options.ring_bytes[OTLP_SIGNAL_TRACES] = 0;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = UINT32_MAX;
	expect_refused(&options, OTLP_ERR_INVALID, "ring_bytes");
	assert_int_equal(count_regions(), 0);
}

static void a_ring_of_a_signal_that_is_not_known_is_refused(void **state)
{
	struct otlp_options options = fixture_options();

	(void)state;
	options.ring_bytes[OTLP_SIGNAL_MAX - 1] = OTLP_RING_BYTES_MIN;
	expect_refused(&options, OTLP_ERR_INVALID, "ring_bytes");
	assert_int_equal(count_regions(), 0);
}

static void no_options_are_the_defaults_in_the_directory_of_the_environment(void **state)
{
	struct otlp_library *library = NULL;

	(void)state;
	setenv("OTLPIPE_DIR", shm_fixture_path, 1);
	assert_int_equal(otlp_library_open(&library, NULL), OTLP_OK);
	assert_int_equal(count_regions(), 1);
	otlp_library_unref(library);
	unsetenv("OTLPIPE_DIR");
}

static void the_option_wins_over_the_environment_for_the_directory(void **state)
{
	struct otlp_options options = fixture_options();

	(void)state;
	setenv("OTLPIPE_DIR", "/nonexistent/otlpipe", 1);
	expect_opens(&options);
	options.runtime_dir = NULL;
	expect_refused(&options, OTLP_ERR_ACCESS, "/nonexistent/otlpipe");
	options.runtime_dir = ""; /* as good as none */
	expect_refused(&options, OTLP_ERR_ACCESS, "/nonexistent/otlpipe");
	unsetenv("OTLPIPE_DIR");
}

static void a_directory_that_is_missing_is_made_for_its_owner_alone(void **state)
{
	struct otlp_options options = fixture_options();
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", shm_fixture_path);
	options.runtime_dir = path;
	expect_opens(&options);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	strcat(path, "/control");
	assert_int_equal(unlink(path), 0);
}

static void a_relative_directory_stays_where_it_was_at_open(void **state)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;
	char before[4096];
	struct otlp_span span = fixture_span(1);
	pid_t pid;

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir("/dev/shm"), 0);
	options.runtime_dir = shm_fixture_path + strlen("/dev/shm/");
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(count_regions(), 1);
	pid = fork_child();
	if (pid == 0) /* makes its region by the same path, from another directory */
		_exit(otlp_library_export_traces(library, &span, 1) == OTLP_OK ? 0 : 1);
	expect_child_succeeds(pid);
	assert_int_equal(count_regions(), 2);
	otlp_library_unref(library);
	assert_int_equal(count_regions(), 1); /* the child's, with its span */
}

static void a_directory_that_cannot_be_used_is_an_error_that_names_it(void **state)
{
	struct otlp_options options = fixture_options();
	char path[RUNTIME_PATH_BYTES_MAX + 16];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	options.runtime_dir = path;
	expect_refused(&options, OTLP_ERR_ACCESS, "the runtime directory");
	options.runtime_dir = "/nonexistent/otlpipe";
	expect_refused(&options, OTLP_ERR_ACCESS, "/nonexistent/otlpipe: No such file");
	options.runtime_dir = "/dev/null";
	expect_refused(&options, OTLP_ERR_ACCESS, "/dev/null: Not a directory");
	options.runtime_dir = "/dev/fd";
	expect_refused(&options, OTLP_ERR_ACCESS, "/dev/fd is a symbolic link");
	assert_int_equal(chmod(shm_fixture_path, 0755), 0);
	options.runtime_dir = shm_fixture_path;
	expect_refused(&options, OTLP_ERR_ACCESS, shm_fixture_path);
	assert_int_equal(chmod(shm_fixture_path, 0777), 0);
	expect_refused(&options, OTLP_ERR_ACCESS, "and has mode 0777; it must be yours");
	assert_int_equal(chmod(shm_fixture_path, 0700), 0);
	expect_opens(&options);
}

static void a_control_page_of_another_version_is_an_error_of_its_own(void **state)
{
	struct otlp_options options = fixture_options();
	int fd = openat(shm_fixture_dir.fd, RUNTIME_CONTROL, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, LAYOUT_PAGE_BYTES), 0);
	close(fd);
	expect_refused(&options, OTLP_ERR_ABI, shm_fixture_path);
}

static void a_resource_that_is_not_valid_is_refused_at_open(void **state)
{
	struct otlp_options options = fixture_options();
	struct otlp_attribute bad = otlp_attr_str(OTLP_STR("k"), OTLP_STR("\xff"));
	struct otlp_resource resource = {.attributes = {.items = &bad, .count = 1}};
	size_t bytes = OTLP_RECORD_BYTES_MAX + 1;
	char *large;

	(void)state;
	options.resource = &resource;
	expect_refused(&options, OTLP_ERR_INVALID, "the resource is invalid");
	large = malloc(bytes);
	assert_non_null(large);
	memset(large, 'a', bytes);
	bad = otlp_attr_str(OTLP_STR("k"), (struct otlp_str){large, bytes});
	expect_refused(&options, OTLP_ERR_TOO_LARGE, "the resource is too large");
	free(large);
	assert_int_equal(count_regions(), 0);
}

static void an_environment_that_is_left_aside_is_told(void **state)
{
	struct otlp_options options = fixture_options();
	struct told told = {0};

	(void)state;
	options.diagnostic = tell;
	options.diagnostic_context = &told;
	setenv("OTEL_RESOURCE_ATTRIBUTES", "a", 1);
	expect_opens(&options);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.error, OTLP_ERR_INVALID);
	assert_non_null(strstr(told.text, "OTEL_RESOURCE_ATTRIBUTES"));
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	setenv("OTEL_SERVICE_NAME", "\xff", 1);
	expect_opens(&options);
	assert_int_equal(told.count, 2);
	assert_non_null(strstr(told.text, "OTEL_SERVICE_NAME"));
	unsetenv("OTEL_SERVICE_NAME");
	setenv(TEMPORALITY, "sometimes", 1);
	expect_opens(&options);
	assert_int_equal(told.count, 3);
	assert_non_null(strstr(told.text, TEMPORALITY));
	setenv(TEMPORALITY, "", 1);
	expect_opens(&options);
	assert_int_equal(told.count, 3);
	unsetenv(TEMPORALITY);
	options.diagnostic = NULL; /* nobody is told, and nothing else changes */
	setenv("OTEL_RESOURCE_ATTRIBUTES", "a", 1);
	expect_opens(&options);
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
}

#define D OTLP_TEMPORALITY_DELTA
#define C OTLP_TEMPORALITY_CUMULATIVE

/* metrics/sdk_exporters/otlp.md, "Additional configuration". */
static const struct {
	enum otlp_temporality_preference preference;
	const char *texts[3];
	enum otlp_temporality by_kind[7]; /* in the order of enum otlp_instrument_kind */
} temporalities[] = {
	/*                                                        cnt udc his gau ocn oud oga */
	{OTLP_PREFER_CUMULATIVE, {"cumulative", "CUMULATIVE", ""}, {C, C, C, C, C, C, C}},
	{OTLP_PREFER_DELTA, {"delta", "DELTA", "Delta"}, {D, C, D, C, D, C, C}},
	{OTLP_PREFER_LOW_MEMORY, {"lowmemory", "LOWMEMORY", "LowMemory"}, {D, C, D, C, C, C, C}},
};

static void expect_temporality(struct otlp_options *options, const enum otlp_temporality *by_kind)
{
	struct otlp_metric_exporter *exporter = NULL;
	struct otlp_library *library = NULL;
	int kind;

	assert_int_equal(otlp_library_open(&library, options), OTLP_OK);
	assert_int_equal(otlp_library_metric_exporter(library, &exporter), OTLP_OK);
	for (kind = OTLP_COUNTER; kind <= OTLP_OBSERVABLE_GAUGE; kind++)
		assert_int_equal(
			otlp_metric_exporter_temporality(exporter, (enum otlp_instrument_kind)kind),
			by_kind[kind]);
	assert_int_equal(otlp_metric_exporter_temporality(exporter, (enum otlp_instrument_kind)7),
			 OTLP_TEMPORALITY_UNSPECIFIED);
	assert_int_equal(otlp_metric_exporter_temporality_preference(exporter),
			 options->temporality);
	otlp_metric_exporter_unref(exporter);
	otlp_library_unref(library);
}

static void temporality_follows_the_preference_for_each_kind(void **state)
{
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(temporalities); i++) {
		struct otlp_options options = fixture_options();

		options.temporality = temporalities[i].preference;
		expect_temporality(&options, temporalities[i].by_kind);
		for (n = 0; n < COUNT_OF(temporalities[i].texts); n++) {
			setenv(TEMPORALITY, temporalities[i].texts[n], 1);
			options = fixture_options();
			assert_int_equal(options.temporality, temporalities[i].preference);
			expect_temporality(&options, temporalities[i].by_kind);
		}
		unsetenv(TEMPORALITY);
	}
	setenv(TEMPORALITY, "sometimes", 1);
	assert_int_equal(fixture_options().temporality, OTLP_PREFER_CUMULATIVE);
	unsetenv(TEMPORALITY);
	assert_int_equal(fixture_options().temporality, OTLP_PREFER_CUMULATIVE);
}

static void every_error_has_a_text_of_its_own(void **state)
{
	const char *texts[16];
	size_t count = 0, n;
	int code;

	(void)state;
	/* That no code is without a text is seen by the compiler: a switch without a default. */
	for (code = 0; code > -200; code--) {
		const char *text = otlp_strerror(code);

		if (strcmp(text, "unknown error") == 0)
			continue;
		for (n = 0; n < count; n++)
			assert_string_not_equal(text, texts[n]);
		assert_true(count < COUNT_OF(texts));
		texts[count++] = text;
	}
	assert_int_equal(count, 12);
	assert_string_equal(otlp_strerror(OTLP_OK), "success");
	assert_string_equal(otlp_strerror(OTLP_ERR_SHUTDOWN), "the library was shut down");
	assert_string_equal(otlp_strerror(1), "unknown error");
	assert_string_equal(otlp_strerror(-12345), "unknown error");
}

static void the_version_is_that_of_the_header(void **state)
{
	char text[32];

	(void)state;
	snprintf(text, sizeof(text), "%d.%d.%d", OTLP_VERSION_MAJOR, OTLP_VERSION_MINOR,
		 OTLP_VERSION_PATCH);
	assert_string_equal(otlp_version(), text);
}

static void timeouts_below_for_ever_are_refused_and_change_nothing(void **state)
{
	static const int64_t timeouts[] = {-2, -1000000000, INT64_MIN};
	struct otlp_library *library = fixture_open();
	struct otlp_metric_exporter *metrics = NULL;
	struct otlp_span_exporter *spans = NULL;
	struct otlp_span span = fixture_span(1);
	size_t i;

	(void)state;
	assert_int_equal(otlp_library_metric_exporter(library, &metrics), OTLP_OK);
	assert_int_equal(otlp_library_span_exporter(library, &spans), OTLP_OK);
	for (i = 0; i < COUNT_OF(timeouts); i++) {
		const int64_t t = timeouts[i];

		assert_int_equal(otlp_library_flush(library, t), OTLP_ERR_INVALID);
		assert_int_equal(otlp_library_shutdown(library, t), OTLP_ERR_INVALID);
		assert_int_equal(otlp_metric_exporter_force_flush(metrics, t).cause,
				 OTLP_ERR_INVALID);
		assert_int_equal(otlp_metric_exporter_shutdown(metrics, t).cause, OTLP_ERR_INVALID);
		assert_int_equal(otlp_span_exporter_force_flush(spans, t).cause, OTLP_ERR_INVALID);
		assert_int_equal(otlp_span_exporter_shutdown(spans, t).cause, OTLP_ERR_INVALID);
	}
	assert_int_equal(otlp_span_exporter_export(spans, &span, 1).cause, OTLP_OK);
	otlp_metric_exporter_unref(metrics);
	otlp_span_exporter_unref(spans);
	otlp_library_unref(library);
}

static void null_data_are_errors_and_never_crashes(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_resource_metrics nowhere = {.scope_metrics_count = 2};
	struct otlp_scope_metrics empty = {.metric_count = 3};
	struct otlp_resource_metrics half = {.scope_metrics = &empty, .scope_metrics_count = 1};
	struct otlp_span_exporter *exporter;

	(void)state;
	assert_int_equal(otlp_library_export_traces(library, NULL, 2), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_metrics_ref(library, NULL), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_metrics_ref(library, &nowhere), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_metrics_ref(library, &half), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_metric_exporter(library, NULL), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_span_exporter(library, NULL), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	assert_int_equal(otlp_span_exporter_set_resource(exporter, NULL).cause, OTLP_ERR_INVALID);
	otlp_span_exporter_unref(exporter);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_invalid, 2);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted, 0);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_METRICS].accepted, 0);
	otlp_library_unref(library);
}

/* The handles in each order of giving back: the region goes with the last, and not before. */
static void handles_may_be_given_back_in_any_order(void **state)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {0, 2, 3, 1}, {1, 0, 3, 2}, {1, 2, 0, 3},
					{2, 3, 0, 1}, {2, 1, 3, 0}, {3, 0, 1, 2}, {3, 2, 1, 0}};
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(orders); i++) {
		struct otlp_library *library = fixture_open();
		struct otlp_metric_exporter *metrics = NULL;
		struct otlp_span_exporter *spans = NULL;
		struct otlp_log_exporter *logs = NULL;

		assert_int_equal(otlp_library_metric_exporter(library, &metrics), OTLP_OK);
		assert_int_equal(otlp_library_span_exporter(library, &spans), OTLP_OK);
		assert_int_equal(otlp_library_log_exporter(library, &logs), OTLP_OK);
		for (n = 0; n < 4; n++) {
			assert_int_equal(count_regions(), 1);
			if (orders[i][n] == 0)
				otlp_library_unref(library);
			else if (orders[i][n] == 1)
				otlp_metric_exporter_unref(metrics);
			else if (orders[i][n] == 2)
				otlp_log_exporter_unref(logs);
			else
				otlp_span_exporter_unref(spans);
		}
		assert_int_equal(count_regions(), 0);
	}
}

static void each_reference_counts_once(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span_exporter *spans = NULL;
	struct otlp_metric_exporter *metrics = NULL;
	struct otlp_log_exporter *logs = NULL;

	(void)state;
	assert_ptr_equal(otlp_library_ref(library), library);
	otlp_library_unref(library);
	assert_int_equal(otlp_library_span_exporter(library, &spans), OTLP_OK);
	assert_int_equal(otlp_library_metric_exporter(library, &metrics), OTLP_OK);
	assert_int_equal(otlp_library_log_exporter(library, &logs), OTLP_OK);
	otlp_library_unref(library);
	assert_ptr_equal(otlp_log_exporter_ref(logs), logs);
	assert_null(otlp_log_exporter_ref(NULL));
	otlp_log_exporter_unref(logs);
	assert_int_equal(otlp_log_exporter_export(logs, NULL, 0).status, OTLP_SDK_SUCCESS);
	otlp_log_exporter_unref(logs);
	assert_ptr_equal(otlp_span_exporter_ref(spans), spans);
	assert_ptr_equal(otlp_metric_exporter_ref(metrics), metrics);
	otlp_span_exporter_unref(spans);
	otlp_metric_exporter_unref(metrics);
	assert_int_equal(otlp_span_exporter_export(spans, NULL, 0).status, OTLP_SDK_SUCCESS);
	otlp_span_exporter_unref(spans);
	assert_int_equal(count_regions(), 1);
	otlp_metric_exporter_unref(metrics);
	assert_int_equal(count_regions(), 0);
}

static void handles_leave_no_descriptor_and_no_mapping_behind(void **state)
{
	unsigned before = count_descriptors();
	struct otlp_library *library = fixture_open();

	(void)state;
	assert_int_equal(count_descriptors(), before); /* none while it is open either */
	assert_int_equal(otlp_library_flush(library, 0), OTLP_OK);
	otlp_library_unref(library);
	assert_int_equal(count_descriptors(), before);
}

/* What a span of fixture_span() takes in the ring. */
static uint64_t span_entry_bytes(void)
{
	struct otlp_span span = fixture_span(1);
	size_t bytes = 0;

	assert_int_equal(record_measure_span(&span, NULL, &bytes), 0);
	return entry_bytes(bytes);
}

static void a_full_ring_drops_and_counts_each_span(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	uint64_t entry = span_entry_bytes(), fits = 4096 / entry, i;
	struct otlp_stats stats;

	(void)state;
	for (i = 0; i < fits + 7; i++) {
		struct otlp_span span = fixture_span(i);

		assert_int_equal(otlp_library_export_traces(library, &span, 1),
				 i < fits ? OTLP_OK : OTLP_ERR_FULL);
		stats = fixture_stats(library);
		assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted,
				 i < fits ? i + 1 : fits);
		assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted_bytes,
				 stats.signals[OTLP_SIGNAL_TRACES].accepted * entry);
		assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full,
				 i < fits ? 0 : i + 1 - fits);
	}
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_full, 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid, 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_too_large, 0);
	otlp_library_unref(library);
}

static void a_flood_of_spans_drops_no_metric(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_number_point point = fixture_point(1);
	struct fixture_gauge gauge;
	unsigned i;

	(void)state;
	fixture_gauge_init(&gauge, &point, 1);
	for (i = 0; i < 100; i++) {
		struct otlp_span span = fixture_span(i);

		(void)otlp_library_export_traces(library, &span, 1);
	}
	assert_true(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_full > 0);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_OK);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_METRICS].accepted, 1);
	otlp_library_unref(library);
}

static void neighbours_of_a_refused_span_are_taken_and_the_first_refusal_is_told(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	static char large[2000];
	struct otlp_span spans[6];
	struct otlp_stats stats;
	size_t i;

	(void)state;
	memset(large, 'a', sizeof(large));
	for (i = 0; i < COUNT_OF(spans); i++)
		spans[i] = fixture_span(i);
	spans[1].name = (struct otlp_str){large, sizeof(large)};
	memset(spans[2].span_id, 0, sizeof(spans[2].span_id));
	spans[4].name = OTLP_STR("\xc0\x80");
	assert_int_equal(otlp_library_export_traces(library, spans, COUNT_OF(spans)),
			 OTLP_ERR_TOO_LARGE);
	assert_int_equal(otlp_library_export_traces(library, spans + 2, 4), OTLP_ERR_INVALID);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, 3 + 2);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_too_large, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid, 4);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full, 0);
	otlp_library_unref(library);
}

/* Thousands of points with a large one among them, in a ring that is drained meanwhile. */
static void a_metric_is_split_at_its_points(void **state)
{
	enum { COUNT = 5000, LARGE = 1234 };
	struct otlp_library *library = fixture_open_rings(4096, 1 << 20);
	struct otlp_number_point *points = calloc(COUNT, sizeof(*points));
	size_t large_bytes = 512 << 10, i;
	struct otlp_attribute attribute;
	struct fixture_gauge gauge;
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_stats stats;
	char *large = malloc(large_bytes);

	(void)state;
	assert_non_null(points);
	assert_non_null(large);
	memset(large, 'a', large_bytes);
	for (i = 0; i < COUNT; i++)
		points[i] = fixture_point((int64_t)i);
	fixture_gauge_init(&gauge, points, COUNT);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_OK);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_METRICS].accepted, COUNT);
	attribute = otlp_attr_str(OTLP_STR("k"), (struct otlp_str){large, large_bytes});
	points[LARGE].point.attributes.items = &attribute;
	points[LARGE].point.attributes.count = 1;
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_TOO_LARGE);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 2 * COUNT - 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_too_large, 1);
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_METRICS), 2 * COUNT - 1);
	otlp_library_unref(library);
	free(points);
	free(large);
}

/* Larger than any record may be: what measured it could not say how large. */
static void a_point_larger_than_any_record_is_refused_alone(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 64 << 10);
	size_t large_bytes = OTLP_RECORD_BYTES_MAX + 1;
	char *large = malloc(large_bytes), name[REGION_NAME_BYTES_MAX];
	struct otlp_number_point points[3];
	struct otlp_attribute attribute;
	struct fixture_gauge gauge;
	struct otlp_stats stats;

	(void)state;
	assert_non_null(large);
	memset(large, 'a', large_bytes);
	attribute = otlp_attr_str(OTLP_STR("k"), (struct otlp_str){large, large_bytes});
	points[0] = fixture_point(0);
	points[1] = fixture_point(1);
	points[2] = fixture_point(2);
	points[1].point.attributes.items = &attribute;
	points[1].point.attributes.count = 1;
	fixture_gauge_init(&gauge, points, COUNT_OF(points));
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_TOO_LARGE);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 2);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_too_large, 1);
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_METRICS), 2);
	otlp_library_unref(library);
	free(large);
}

/* The faults behind the text that was too large were never looked for: they must not be met. */
static void nothing_is_read_behind_what_is_too_large(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 64 << 10);
	size_t large_bytes = OTLP_RECORD_BYTES_MAX + 1;
	char *large = malloc(large_bytes);
	struct otlp_number_point points[2] = {fixture_point(0), fixture_point(1)};
	struct otlp_attribute attributes[2];
	struct fixture_gauge gauge;
	struct otlp_stats stats;

	(void)state;
	assert_non_null(large);
	memset(large, 'a', large_bytes);
	attributes[0] = otlp_attr_str(OTLP_STR("k"), (struct otlp_str){large, large_bytes});
	attributes[1] = otlp_attr_str(OTLP_STR("k"), (struct otlp_str){NULL, 40});
	points[0].point.attributes.items = attributes;
	points[0].point.attributes.count = 2;
	fixture_gauge_init(&gauge, points, COUNT_OF(points));
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_TOO_LARGE);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_too_large, 1);
	otlp_library_unref(library);
	free(large);
}

static void an_invalid_metric_is_refused_whole_and_its_neighbours_are_taken(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_number_point points[3] = {fixture_point(0), fixture_point(1), fixture_point(2)};
	struct otlp_number_point bad[2] = {fixture_point(0), fixture_point(1)};
	struct otlp_resource_metrics metrics = {0};
	struct otlp_scope_metrics scope = {0};
	struct otlp_metric three[3];
	struct fixture_gauge gauge;
	struct otlp_stats stats;

	(void)state;
	bad[1].value.type = (enum otlp_number_type)9;
	fixture_gauge_init(&gauge, points, 3);
	three[0] = three[1] = three[2] = gauge.metric;
	three[1].points.number = bad;
	three[1].point_count = 2;
	scope.metrics = three;
	scope.metric_count = 3;
	metrics.scope_metrics = &scope;
	metrics.scope_metrics_count = 1;
	assert_int_equal(otlp_library_export_metrics_ref(library, &metrics), OTLP_ERR_INVALID);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 6);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid, 2);
	three[0].name = OTLP_STR("\xff");
	assert_int_equal(otlp_library_export_metrics_ref(library, &metrics), OTLP_ERR_INVALID);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 9);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid, 7);
	otlp_library_unref(library);
}

static void points_that_find_no_room_are_counted_one_by_one(void **state)
{
	enum { COUNT = 1000 };
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	static struct otlp_number_point points[COUNT];
	char name[REGION_NAME_BYTES_MAX];
	struct fixture_gauge gauge;
	struct otlp_stats stats;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT; i++)
		points[i] = fixture_point((int64_t)i);
	fixture_gauge_init(&gauge, points, COUNT);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_ERR_FULL);
	stats = fixture_stats(library);
	assert_true(stats.signals[OTLP_SIGNAL_METRICS].accepted > 0);
	assert_true(stats.signals[OTLP_SIGNAL_METRICS].dropped_full > 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted +
				 stats.signals[OTLP_SIGNAL_METRICS].dropped_full,
			 COUNT);
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_METRICS),
			 stats.signals[OTLP_SIGNAL_METRICS].accepted);
	otlp_library_unref(library);
}

static void a_metric_whose_head_fits_no_record_is_too_large_with_all_its_points(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_number_point points[2] = {fixture_point(0), fixture_point(1)};
	static char large[1100];
	struct fixture_gauge gauge;

	(void)state;
	memset(large, 'a', sizeof(large));
	fixture_gauge_init(&gauge, points, 2);
	gauge.metric.description = (struct otlp_str){large, sizeof(large)};
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_TOO_LARGE);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_METRICS].dropped_too_large, 2);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_METRICS].accepted, 0);
	otlp_library_unref(library);
}

static void exports_after_the_shutdown_are_counted_as_calls(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_number_point point = fixture_point(1);
	struct otlp_span spans[2] = {fixture_span(1), fixture_span(2)};
	struct fixture_gauge gauge;
	struct otlp_stats stats;

	(void)state;
	fixture_gauge_init(&gauge, &point, 1);
	assert_int_equal(otlp_library_shutdown(library, 0), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, spans, 2), OTLP_ERR_SHUTDOWN);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_SHUTDOWN);
	stats = fixture_stats(library);
	assert_int_equal(stats.rejected_after_shutdown, 2);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted +
				 stats.signals[OTLP_SIGNAL_METRICS].accepted,
			 0);
	otlp_library_unref(library);
}

static void stats_fit_the_callers_version_of_the_struct(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span span = fixture_span(1);
	struct {
		struct otlp_stats stats;
		uint64_t newer;
	} stats;

	(void)state;
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	memset(&stats, 0xee, sizeof(stats));
	otlp_library_get_stats(library, &stats.stats, sizeof(stats));
	assert_int_equal(stats.stats.signals[OTLP_SIGNAL_TRACES].accepted, 1);
	assert_int_equal(stats.newer, 0);
	memset(&stats, 0xee, sizeof(stats));
	otlp_library_get_stats(library, &stats.stats, sizeof(struct otlp_signal_stats));
	assert_int_equal(stats.stats.signals[OTLP_SIGNAL_TRACES].accepted, 1);
	assert_true(stats.stats.signals[OTLP_SIGNAL_METRICS].accepted ==
		    UINT64_C(0xeeeeeeeeeeeeeeee));
	otlp_library_unref(library);
}

static void flush_without_a_writer_says_so_at_once(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span span = fixture_span(1);

	(void)state;
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_OK); /* nothing to do */
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_flush(library, 0), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_shutdown(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_shutdown(library, OTLP_FOREVER), OTLP_OK);
	otlp_library_unref(library);
	assert_int_equal(count_regions(), 1); /* with what waits in it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(options_of_a_program_built_for_0_1_are_refused_as_such),
		TEST(options_of_a_newer_program_are_taken_while_the_rest_is_zero),
		TEST(reserved_bytes_must_be_zero),
		TEST(reserved_fields_of_what_is_kept_must_be_zero),
		TEST(a_temporality_that_is_none_is_refused),
		TEST(ring_sizes_are_rounded_up_to_powers_of_two),
		TEST(ring_sizes_of_the_environment_stand_in_for_the_defaults),
		TEST(a_ring_size_of_the_environment_that_is_none_is_told),
		TEST(what_an_open_went_on_without_is_kept),
		TEST(a_record_that_is_too_large_is_the_last_error),
		TEST(a_ring_that_is_too_large_is_refused),
		TEST(a_ring_of_a_signal_that_is_not_known_is_refused),
		TEST(no_options_are_the_defaults_in_the_directory_of_the_environment),
		TEST(the_option_wins_over_the_environment_for_the_directory),
		TEST(a_directory_that_is_missing_is_made_for_its_owner_alone),
		TEST(a_relative_directory_stays_where_it_was_at_open),
		TEST(a_directory_that_cannot_be_used_is_an_error_that_names_it),
		TEST(a_control_page_of_another_version_is_an_error_of_its_own),
		TEST(a_resource_that_is_not_valid_is_refused_at_open),
		TEST(an_environment_that_is_left_aside_is_told),
		TEST(temporality_follows_the_preference_for_each_kind),
		TEST(every_error_has_a_text_of_its_own),
		TEST(the_version_is_that_of_the_header),
		TEST(timeouts_below_for_ever_are_refused_and_change_nothing),
		TEST(null_data_are_errors_and_never_crashes),
		TEST(handles_may_be_given_back_in_any_order),
		TEST(each_reference_counts_once),
		TEST(handles_leave_no_descriptor_and_no_mapping_behind),
		TEST(a_full_ring_drops_and_counts_each_span),
		TEST(a_flood_of_spans_drops_no_metric),
		TEST(neighbours_of_a_refused_span_are_taken_and_the_first_refusal_is_told),
		TEST(a_metric_is_split_at_its_points),
		TEST(a_point_larger_than_any_record_is_refused_alone),
		TEST(nothing_is_read_behind_what_is_too_large),
		TEST(an_invalid_metric_is_refused_whole_and_its_neighbours_are_taken),
		TEST(points_that_find_no_room_are_counted_one_by_one),
		TEST(a_metric_whose_head_fits_no_record_is_too_large_with_all_its_points),
		TEST(exports_after_the_shutdown_are_counted_as_calls),
		TEST(stats_fit_the_callers_version_of_the_struct),
		TEST(flush_without_a_writer_says_so_at_once),
	};

	/* The host's own settings are not part of these tests. */
	unsetenv("OTLPIPE_DIR");
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	unsetenv("OTEL_SERVICE_NAME");
	unsetenv(TEMPORALITY);
	return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
