/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the sealed files of output directories and looks at the sequence
 * numbers that `otlpipe load` gives its records: is each there once, and are
 * those of a thread in the order in which it pushed them? It decodes with
 * protobuf-c and shares no code with the writer or the tool. Fast enough for
 * millions of records; what the records say besides is the decoders' affair.
 *
 * usage: load_scan OUTPUT_DIR…
 * One line: {"spans":N,"points":N,"logs":N,"duplicates":N,"disorder":N,"strange":N,"files":N,
 *            "services":{"NAME":{"spans":N,"points":N,"logs":N},…}}; without "logs" where there are
 * none `disorder` is counted within each directory, `duplicates` across all. `strange`: records
 * without the two attributes.
 */
#include "tests/oracle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SERVICES_MAX  1024u
#define PRODUCERS_MAX 64u
#define FIELD_DATA    1u
#define WIRE_LEN      2u

enum { SPANS, POINTS, LOGS, SIGNALS };

/* One thread's records of one signal. */
struct lane {
	uint8_t *seen; /* a bit for each sequence number */
	size_t seen_bytes;
	int64_t last;
};

struct service {
	char name[64];
	uint64_t counts[SIGNALS];
	struct lane lanes[SIGNALS][PRODUCERS_MAX];
};

static struct service services[SERVICES_MAX];
static size_t service_count;
static uint64_t duplicates, disorder, strange, files;

static void die(const char *what, const char *name)
{
	fprintf(stderr, "load_scan: %s: %s\n", name, what);
	exit(1);
}

static bool is_text(ProtobufCBinaryData data, const char *text)
{
	return data.len == strlen(text) && memcmp(data.data, text, data.len) == 0;
}

static struct service *service_of(const PB_RESOURCE(Resource) * resource)
{
	char name[sizeof(services[0].name)] = "";
	size_t i;

	for (i = 0; resource && i < resource->n_attributes; i++) {
		const PB_COMMON(KeyValue) *attribute = resource->attributes[i];

		if (is_text(attribute->key, "service.name") && attribute->value)
			snprintf(name, sizeof(name), "%.*s",
				 (int)attribute->value->string_value.len,
				 (const char *)attribute->value->string_value.data);
	}
	for (i = 0; i < service_count; i++)
		if (strcmp(services[i].name, name) == 0)
			return &services[i];
	if (service_count == SERVICES_MAX)
		die("too many services", name);
	strcpy(services[service_count].name, name);
	return &services[service_count++];
}

static void take(struct service *service, int signal, int64_t producer, int64_t seq)
{
	struct lane *lane = &service->lanes[signal][producer];
	size_t at = (size_t)seq / 8;
	uint8_t bit = (uint8_t)(1u << (seq % 8));

	if (at >= lane->seen_bytes) {
		size_t bytes = (at + 1) * 2;

		lane->seen = realloc(lane->seen, bytes);
		if (!lane->seen)
			die("no memory", service->name);
		memset(lane->seen + lane->seen_bytes, 0, bytes - lane->seen_bytes);
		lane->seen_bytes = bytes;
	}
	service->counts[signal]++;
	if (lane->seen[at] & bit)
		duplicates++;
	lane->seen[at] |= bit;
	/* The lanes count from 1, so that 0 is "none yet". */
	if (seq + 1 <= lane->last)
		disorder++;
	lane->last = seq + 1;
}

static void record(struct service *service, int signal, size_t count,
		   PB_COMMON(KeyValue) *const *attributes)
{
	int64_t producer = -1, seq = -1;

	for (size_t i = 0; i < count; i++) {
		if (is_text(attributes[i]->key, "otlpipe.load.producer"))
			producer = attributes[i]->value->int_value;
		else if (is_text(attributes[i]->key, "otlpipe.load.seq"))
			seq = attributes[i]->value->int_value;
	}
	if (producer < 0 || producer >= PRODUCERS_MAX || seq < 0 || seq > INT32_MAX)
		strange++;
	else
		take(service, signal, producer, seq);
}

static void spans(const void *message)
{
	const PB_TRACE(ResourceSpans) *all = message;
	struct service *service = service_of(all->resource);

	for (size_t i = 0; i < all->n_scope_spans; i++)
		for (size_t j = 0; j < all->scope_spans[i]->n_spans; j++)
			record(service, SPANS, all->scope_spans[i]->spans[j]->n_attributes,
			       all->scope_spans[i]->spans[j]->attributes);
}

#define EACH_POINT(data)                                              \
	for (size_t i = 0; i < (data)->n_data_points; i++)            \
	record(service, POINTS, (data)->data_points[i]->n_attributes, \
	       (data)->data_points[i]->attributes)

static void metric_points(struct service *service, const PB_METRICS(Metric) * metric)
{
	switch (metric->data_case) {
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE:
		EACH_POINT(metric->gauge);
		break;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM:
		EACH_POINT(metric->sum);
		break;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM:
		EACH_POINT(metric->histogram);
		break;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
		EACH_POINT(metric->exponential_histogram);
		break;
	case OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUMMARY:
		EACH_POINT(metric->summary);
		break;
	default:
		strange++;
	}
}

static void points(const void *message)
{
	const PB_METRICS(ResourceMetrics) *all = message;
	struct service *service = service_of(all->resource);

	for (size_t i = 0; i < all->n_scope_metrics; i++)
		for (size_t j = 0; j < all->scope_metrics[i]->n_metrics; j++)
			metric_points(service, all->scope_metrics[i]->metrics[j]);
}

static void logs(const void *message)
{
	const PB_LOGS(ResourceLogs) *all = message;
	struct service *service = service_of(all->resource);

	for (size_t i = 0; i < all->n_scope_logs; i++)
		for (size_t j = 0; j < all->scope_logs[i]->n_log_records; j++)
			record(service, LOGS, all->scope_logs[i]->log_records[j]->n_attributes,
			       all->scope_logs[i]->log_records[j]->attributes);
}

static const struct {
	const char *folder;
	const ProtobufCMessageDescriptor *type;
	void (*take)(const void *message);
} rows[SIGNALS] = {
	[SPANS] = {"traces", &opentelemetry__proto__trace__v1__resource_spans__descriptor, spans},
	[POINTS] = {"metrics", &opentelemetry__proto__metrics__v1__resource_metrics__descriptor,
		    points},
	[LOGS] = {"logs", &opentelemetry__proto__logs__v1__resource_logs__descriptor, logs},
};

static uint64_t varint(const uint8_t *data, size_t len, size_t *at, const char *name)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (*at == len)
			die("it ends within a varint", name);
		value |= (uint64_t)(data[*at] & 127) << shift;
		if (!(data[(*at)++] & 128))
			return value;
	}
	die("a varint is too long", name);
	return 0;
}

/* One message at a time, so that a file of any size needs little memory. */
static void scan_bytes(int signal, const uint8_t *data, size_t len, const char *name)
{
	for (size_t at = 0; at < len;) {
		uint64_t tag = varint(data, len, &at, name);
		uint64_t bytes = varint(data, len, &at, name);
		ProtobufCMessage *message;

		if ((tag & 7) != WIRE_LEN || bytes > len - at)
			die("it is no run of messages", name);
		if (tag >> 3 == FIELD_DATA) {
			message = protobuf_c_message_unpack(rows[signal].type, NULL, bytes,
							    data + at);
			if (!message)
				die("a message cannot be decoded", name);
			rows[signal].take(message);
			protobuf_c_message_free_unpacked(message, NULL);
		}
		at += bytes;
	}
}

static void scan_file(int signal, int dirfd, const char *name)
{
	struct stat st;
	void *data;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		die("it cannot be opened", name);
	files++;
	if (st.st_size > 0) {
		data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data == MAP_FAILED)
			die("it cannot be mapped", name);
		scan_bytes(signal, data, (size_t)st.st_size, name);
		munmap(data, (size_t)st.st_size);
	}
	close(fd);
}

/* The sequence in the name, traces-<time>-<sequence>.binpb, is the order of writing. */
static int by_sequence(const struct dirent **a, const struct dirent **b)
{
	return strcmp(strrchr((*a)->d_name, '-'), strrchr((*b)->d_name, '-'));
}

static int is_sealed(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return strchr(entry->d_name, '-') && end && strcmp(end, ".binpb") == 0;
}

static void scan_dir(const char *output, int signal)
{
	struct dirent **entries;
	char path[4096];
	int count, fd;

	snprintf(path, sizeof(path), "%s/%s", output, rows[signal].folder);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && signal == LOGS)
		return; /* what a test has put together of files of the others */
	count = fd < 0 ? -1 : scandirat(fd, ".", &entries, is_sealed, by_sequence);
	if (count < 0)
		die("it cannot be listed", path);
	for (size_t s = 0; s < service_count; s++)
		for (size_t p = 0; p < PRODUCERS_MAX; p++)
			services[s].lanes[signal][p].last = 0;
	for (int i = 0; i < count; i++) {
		scan_file(signal, fd, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	close(fd);
}

static void print_service(const struct service *service, bool is_first)
{
	printf("%s\"%s\":{\"spans\":%ju,\"points\":%ju", is_first ? "" : ",", service->name,
	       (uintmax_t)service->counts[SPANS], (uintmax_t)service->counts[POINTS]);
	if (service->counts[LOGS] > 0)
		printf(",\"logs\":%ju", (uintmax_t)service->counts[LOGS]);
	putchar('}');
}

int main(int argc, char **argv)
{
	uint64_t counts[SIGNALS] = {0};

	if (argc < 2)
		die("usage: load_scan OUTPUT_DIR…", "no directory");
	for (int i = 1; i < argc; i++)
		for (int signal = SPANS; signal < SIGNALS; signal++)
			scan_dir(argv[i], signal);
	for (size_t s = 0; s < service_count; s++)
		for (int signal = SPANS; signal < SIGNALS; signal++)
			counts[signal] += services[s].counts[signal];
	printf("{\"spans\":%ju,\"points\":%ju,\"logs\":%ju,\"duplicates\":%ju,\"disorder\":%ju,"
	       "\"strange\":%ju,"
	       "\"files\":%ju,\"services\":{",
	       (uintmax_t)counts[SPANS], (uintmax_t)counts[POINTS], (uintmax_t)counts[LOGS],
	       (uintmax_t)duplicates, (uintmax_t)disorder, (uintmax_t)strange, (uintmax_t)files);
	for (size_t s = 0; s < service_count; s++)
		print_service(&services[s], s == 0);
	puts("}}");
	for (size_t s = 0; s < service_count; s++)
		for (int signal = SPANS; signal < SIGNALS; signal++)
			for (size_t p = 0; p < PRODUCERS_MAX; p++)
				free(services[s].lanes[signal][p].seen);
	return 0;
}
