/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/pipeline/model_fixture.h"

#include "tests/unit/remove_tree.h"

char model_output[64];
pid_t model_writer;
struct model_preload *model_preload;

static pid_t model_owner;

void model_end_writer(void)
{
	if (model_writer <= 0 || model_owner != getpid())
		return;
	kill(model_writer, SIGKILL);
	waitpid(model_writer, NULL, 0);
	model_writer = 0;
}

static void model_remove(void)
{
	model_end_writer();
	if (model_owner != getpid() || model_output[0] == '\0')
		return;
	(void)remove_tree(model_output);
	model_output[0] = '\0';
}

int model_setup(void **state)
{
	static bool registered;
	char path[96];
	int fd;

	shm_fixture_setup(state);
	model_owner = getpid();
	if (!registered)
		atexit(model_remove);
	registered = true;
	strcpy(model_output, "model-out-XXXXXX");
	assert_non_null(mkdtemp(model_output));
	snprintf(path, sizeof(path), "%s/preload", shm_fixture_path);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, sizeof(*model_preload)), 0);
	model_preload =
		mmap(NULL, sizeof(*model_preload), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(model_preload != MAP_FAILED);
	close(fd);
	return 0;
}

int model_teardown(void **state)
{
	model_remove();
	munmap(model_preload, sizeof(*model_preload));
	return shm_fixture_teardown(state);
}

static void model_exec(const char *socket_name, bool preload, const char *const *options)
{
	const char *arguments[32] = {getenv("OTLPIPE_WRITER"), "--dir", shm_fixture_path,
				     "--output", model_output};
	unsigned count = 5;
	char path[96];

	while (*options != NULL && count < COUNT_OF(arguments) - 1)
		arguments[count++] = *options++;
	setenv("NOTIFY_SOCKET", socket_name, 1);
	if (preload) {
		snprintf(path, sizeof(path), "%s/preload", shm_fixture_path);
		setenv(MODEL_PRELOAD_FILE, path, 1);
		setenv("LD_PRELOAD", getenv("OTLPIPE_MODEL_PRELOAD"), 1);
		/* It comes before the sanitizer's own library, and means to. */
		setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	}
	if (arguments[0] != NULL)
		execv(arguments[0], (char *const *)(uintptr_t)arguments);
	_exit(127);
}

void model_start(bool preload, const char *const *options)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[64], text[256];
	struct timeval look = {.tv_usec = 100000};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t len = (size_t)snprintf(name, sizeof(name), "@%s", shm_fixture_path);
	ssize_t n = -1;
	unsigned i;

	assert_non_null(getenv("OTLPIPE_WRITER"));
	assert_non_null(getenv("OTLPIPE_MODEL_PRELOAD"));
	assert_true(fd >= 0);
	memcpy(address.sun_path + 1, name + 1, len - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
			 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look));
	model_writer = fork_child();
	if (model_writer == 0)
		model_exec(name, preload, options);
	for (i = 0; n < 0 && i < WAIT_NS / 100000000; i++) {
		siginfo_t ended = {0};

		n = recv(fd, text, sizeof(text) - 1, 0);
		waitid(P_PID, (id_t)model_writer, &ended, WEXITED | WNOHANG | WNOWAIT);
		if (n < 0 && ended.si_pid != 0) /* perhaps it was ready, and is done */
			n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
		if (n < 0 && ended.si_pid != 0)
			break;
	}
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "READY=1"));
}

void model_stop(void)
{
	pid_t pid = model_writer;
	int status;

	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wait_child(pid);
	model_writer = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

bool text_is(ProtobufCBinaryData text, const char *expected)
{
	return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

static void *found_grow(void *array, size_t count, size_t bytes)
{
	void *grown = realloc(array, (count + 1) * bytes);

	assert_non_null(grown);
	return grown;
}

static void found_add_traces(struct found *found, PB_TRACE(TracesData) * data)
{
	for (size_t r = 0; r < data->n_resource_spans; r++) {
		const PB_TRACE(ResourceSpans) *resource = data->resource_spans[r];

		for (size_t s = 0; s < resource->n_scope_spans; s++) {
			const PB_TRACE(ScopeSpans) *scope = resource->scope_spans[s];

			for (size_t i = 0; i < scope->n_spans; i++) {
				found->spans = found_grow(found->spans, found->span_count,
							  sizeof(*found->spans));
				found->spans[found->span_count++] =
					(struct found_span){resource, scope, scope->spans[i]};
			}
		}
	}
}

static void found_add_metrics(struct found *found, PB_METRICS(MetricsData) * data)
{
	for (size_t r = 0; r < data->n_resource_metrics; r++) {
		const PB_METRICS(ResourceMetrics) *resource = data->resource_metrics[r];

		for (size_t s = 0; s < resource->n_scope_metrics; s++) {
			const PB_METRICS(ScopeMetrics) *scope = resource->scope_metrics[s];

			for (size_t i = 0; i < scope->n_metrics; i++) {
				found->metrics = found_grow(found->metrics, found->metric_count,
							    sizeof(*found->metrics));
				found->metrics[found->metric_count++] =
					(struct found_metric){resource, scope, scope->metrics[i]};
			}
		}
	}
}

static void found_add_logs(struct found *found, PB_LOGS(LogsData) * data)
{
	for (size_t r = 0; r < data->n_resource_logs; r++) {
		const PB_LOGS(ResourceLogs) *resource = data->resource_logs[r];

		for (size_t s = 0; s < resource->n_scope_logs; s++) {
			const PB_LOGS(ScopeLogs) *scope = resource->scope_logs[s];

			for (size_t i = 0; i < scope->n_log_records; i++) {
				found->logs = found_grow(found->logs, found->log_count,
							 sizeof(*found->logs));
				found->logs[found->log_count++] =
					(struct found_log){resource, scope, scope->log_records[i]};
			}
		}
	}
}

/* Decode a batch's data, and add what is in it. */
static void *found_add_data(struct found *found, uint32_t signal, const uint8_t *bytes, size_t len)
{
	void *data;

	switch (signal) {
	case OTLP_SIGNAL_TRACES:
		data = opentelemetry__proto__trace__v1__traces_data__unpack(NULL, len, bytes);
		assert_non_null(data);
		found_add_traces(found, data);
		return data;
	case OTLP_SIGNAL_METRICS:
		data = opentelemetry__proto__metrics__v1__metrics_data__unpack(NULL, len, bytes);
		assert_non_null(data);
		found_add_metrics(found, data);
		return data;
	default:
		assert_int_equal(signal, OTLP_SIGNAL_LOGS);
		data = opentelemetry__proto__logs__v1__logs_data__unpack(NULL, len, bytes);
		assert_non_null(data);
		found_add_logs(found, data);
		return data;
	}
}

static void found_add_batch(struct found *found, const struct batch_head *head,
			    const uint8_t *bytes)
{
	const struct batch_entry *entries = batch_entries(bytes);
	void *data;

	for (uint32_t i = 0; i < head->entry_count; i++) {
		found->written_items += entries[i].written_items;
		found->invalid_items += entries[i].invalid_items;
		found->lost_items += entries[i].lost_items;
		found->torn_bytes += entries[i].torn_bytes;
	}
	data = found_add_data(found, head->signal, bytes, head->batch_bytes);
	found->messages = found_grow(found->messages, found->message_count, sizeof(void *));
	found->messages[found->message_count++] = data;
}

/* @return false: the file is gone, or has another name by now */
static bool found_add_file(struct found *found, int folder, const struct data_name *name)
{
	int fd = openat(folder, name->name, O_RDONLY | O_CLOEXEC), r;
	struct batch_scan scan;
	struct batch_head head;

	if (fd < 0)
		return false;
	batch_scan_open(&scan, fd, name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX);
	while ((r = batch_scan_next(&scan, &head)) == 0)
		found_add_batch(found, &head, scan.bytes);
	/* Only a file that is being written may end in something else than a batch. */
	if (name->kind != DATA_OPEN)
		assert_int_equal(r, -ENODATA);
	batch_scan_close(&scan);
	close(fd);
	found->file_count++;
	return true;
}

static bool found_add_folder(struct found *found, const char *signal)
{
	static struct data_name names[FOUND_FILES_MAX];
	struct dirent *entry;
	size_t count = 0, i;
	bool whole = true;
	char path[96];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", model_output, signal);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL && count < FOUND_FILES_MAX)
		if (data_name_parse(signal, entry->d_name, &names[count]) == 0)
			count++;
	assert_true(count < FOUND_FILES_MAX);
	qsort(names, count, sizeof(names[0]), data_name_compare);
	for (i = 0; i < count && whole; i++)
		whole = found_add_file(found, dirfd(dir), &names[i]);
	if (dir != NULL)
		closedir(dir);
	return whole;
}

void found_free(struct found *found)
{
	for (size_t i = 0; i < found->message_count; i++)
		protobuf_c_message_free_unpacked(found->messages[i], NULL);
	free(found->messages);
	free(found->spans);
	free(found->metrics);
	free(found->logs);
	memset(found, 0, sizeof(*found));
}

void found_read(struct found *found)
{
	memset(found, 0, sizeof(*found));
	while (!found_add_folder(found, "traces") || !found_add_folder(found, "metrics") ||
	       !found_add_folder(found, "logs"))
		found_free(found);
}

void found_wait(struct found *found, size_t spans)
{
	unsigned i;

	for (i = 0; i < WAIT_NS / 10000000; i++) {
		found_read(found);
		if (found->span_count >= spans)
			return;
		found_free(found);
		usleep(10000);
	}
	fail_msg("fewer than %zu spans are written", spans);
}

size_t found_count(const struct found *found, uint64_t number)
{
	size_t count = 0, i;

	for (i = 0; i < found->span_count; i++)
		count += found->spans[i].span->start_time_unix_nano == number;
	return count;
}

void expect_numbers(const struct found *found, const uint64_t *numbers, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (found_count(found, numbers[i]) != 1)
			fail_msg("span %" PRIu64 " is written %zu times", numbers[i],
				 found_count(found, numbers[i]));
	assert_int_equal(found->span_count, count);
	assert_int_equal(found->lost_items, 0);
}

void push_number(struct otlp_library *library, uint64_t number)
{
	struct otlp_span span = fixture_span(number);

	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
}

void model_clean_environment(void)
{
	unsetenv("OTLPIPE_DIR");
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	unsetenv("OTEL_SERVICE_NAME");
	unsetenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
}
