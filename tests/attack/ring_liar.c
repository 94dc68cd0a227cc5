/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer that changes its own region behind the writer's back.
 *
 *   ring_liar push RUNTIME_DIR SPANS
 *       pushes so many spans, flushes, prints the path of its region and waits for its end
 *   ring_liar die RUNTIME_DIR SPANS RING_BYTES
 *       pushes so many spans, prints the path of its region and kills itself
 *   ring_liar set REGION_FILE SIGNAL FIELD=VALUE…
 *       stores into the control of one ring of a region; done sets both slots. A value with a
 *       sign is added to what stands there.
 *   ring_liar show REGION_FILE SIGNAL
 *       prints what stands there as JSON
 *   ring_liar copy REGION_FILE COUNT TO_DIR LIKE_FILE
 *       makes so many regions there that differ from this one in their ids alone, and in their
 *       names, with the owner and mode of that file; each takes as much space as this one
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <otlpipe/otlpipe.h>

#include "shm/identity.h"
#include "shm/layout.h"
#include "shm/region_name.h"
#include "shm/runtime.h"

#define FLUSH_NS INT64_C(60000000000)

__attribute__((noreturn)) static void fail(const char *what, const char *why)
{
	fprintf(stderr, "ring_liar: %s: %s\n", what, why);
	exit(1);
}

static struct region_header *map_region(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		fail(path, strerror(errno));
	if (st.st_size < LAYOUT_PAGE_BYTES)
		fail(path, "it is too short for a region");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		fail(path, strerror(errno));
	close(fd);
	return map;
}

static struct ring_shared *ring_of(struct region_header *header, const char *text)
{
	const uint32_t signal = (uint32_t)strtoul(text, NULL, 0);
	uint32_t i;

	for (i = 0; i < header->ring_count && i < REGION_RINGS_MAX; i++)
		if (header->rings[i].number == signal)
			return (struct ring_shared *)(void *)((uint8_t *)header +
							      header->rings[i].control_offset);
	fail(text, "there is no such ring");
}

static void print_path(const char *runtime)
{
	const struct dirent *entry;
	char prefix[32];
	DIR *dir = opendir(runtime);

	if (dir == NULL)
		fail(runtime, strerror(errno));
	snprintf(prefix, sizeof(prefix), "%d-", (int)getpid());
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			break;
	if (entry == NULL)
		fail(runtime, "there is no region of this process");
	printf("%s/%s\n", runtime, entry->d_name);
	fflush(stdout);
	closedir(dir);
}

__attribute__((noreturn)) static void push(const char *runtime, const char *spans,
					   const char *ring_bytes, bool dies)
{
	struct otlp_span span = {.trace_id = "ring_liar",
				 .span_id = "liar",
				 .name = OTLP_STR("liar"),
				 .start_time_unix_ns = 1,
				 .end_time_unix_ns = 2};
	unsigned long left = strtoul(spans, NULL, 0);
	struct otlp_library *library;
	struct otlp_options options;
	int rc;

	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = runtime;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = (uint32_t)strtoul(ring_bytes, NULL, 0);
	options.ring_bytes[OTLP_SIGNAL_METRICS] = 4096;
	rc = otlp_library_open(&library, &options);
	for (; rc == 0 && left > 0; left--)
		rc = otlp_library_export_traces(library, &span, 1);
	if (rc == 0 && !dies)
		rc = otlp_library_flush(library, FLUSH_NS);
	if (rc < 0)
		fail("push", otlp_strerror(rc));
	print_path(runtime);
	if (dies)
		(void)kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

static uint64_t changed(uint64_t old, const char *value)
{
	if (value[0] == '+')
		return old + strtoull(value + 1, NULL, 0);
	if (value[0] == '-')
		return old - strtoull(value + 1, NULL, 0);
	return strtoull(value, NULL, 0);
}

static void set_field(struct region_header *header, struct ring_shared *ring, const char *word)
{
	const char *value = strchr(word, '=');
	const struct {
		const char *name;
		uint64_t *at[2];
	} fields[] = {
		{"tail", {&ring->tail, NULL}},
		{"accepted", {&ring->accepted_items, NULL}},
		{"flush", {&ring->flush_to, NULL}},
		{"head", {&ring->head, NULL}},
		{"done", {&ring->done[0].position, &ring->done[1].position}},
		{"written",
		 {&ring->done[0].totals.written_items, &ring->done[1].totals.written_items}},
		{"torn", {&ring->done[0].totals.torn_bytes, &ring->done[1].totals.torn_bytes}},
		{"dropped", {&ring->dropped_full_items, NULL}},
		{"start", {&header->start_unix_ns, NULL}},
	};
	size_t i, n = value == NULL ? 0 : (size_t)(value - word);

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strlen(fields[i].name) != n || strncmp(fields[i].name, word, n) != 0)
			continue;
		*fields[i].at[0] = changed(*fields[i].at[0], value + 1);
		if (fields[i].at[1] != NULL)
			*fields[i].at[1] = changed(*fields[i].at[1], value + 1);
		return;
	}
	fail(word, "there is no such field");
}

static void show(const struct ring_shared *ring)
{
	const struct ring_done *done = &ring->done[ring->done_slot & 1];

	printf("{\"tail\":%" PRIu64 ",\"head\":%" PRIu64 ",\"done\":%" PRIu64
	       ",\"written\":%" PRIu64 ",\"accepted\":%" PRIu64 "}\n",
	       ring->tail, ring->head, done->position, done->totals.written_items,
	       ring->accepted_items);
}

static void copy(const struct region_header *header, uint64_t count, const char *to,
		 const char *like)
{
	const int dirfd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dirfd < 0)
		fail(to, strerror(errno));
	if (stat(like, &st) < 0)
		fail(like, strerror(errno));
	for (; count > 0; count--) {
		const struct runtime_dir dir = {.fd = dirfd};
		struct region_header made = *header;
		char name[REGION_NAME_BYTES_MAX];
		int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

		/* An id belongs to its file. */
		if (fd < 0 || identity_make(fd, &made.flags, &made.region_id) < 0)
			fail(to, strerror(errno));
		region_format_name(name, made.pid, made.region_id);
		if (write(fd, header, header->region_bytes) != (ssize_t)header->region_bytes ||
		    pwrite(fd, &made, sizeof(made), 0) != (ssize_t)sizeof(made) ||
		    fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0 ||
		    runtime_link(&dir, fd, name) < 0)
			fail(name, strerror(errno));
		close(fd);
	}
	close(dirfd);
}

int main(int argc, char **argv)
{
	struct region_header *header;

	if (argc == 4 && strcmp(argv[1], "push") == 0)
		push(argv[2], argv[3], "65536", false);
	if (argc == 5 && strcmp(argv[1], "die") == 0)
		push(argv[2], argv[3], argv[4], true);
	if (argc < 4)
		fail("usage", "see the head of its source");
	header = map_region(argv[2]);
	if (argc == 6 && strcmp(argv[1], "copy") == 0) {
		copy(header, strtoull(argv[3], NULL, 0), argv[4], argv[5]);
	} else if (strcmp(argv[1], "show") == 0) {
		show(ring_of(header, argv[3]));
	} else if (strcmp(argv[1], "set") == 0) {
		for (int i = 4; i < argc; i++)
			set_field(header, ring_of(header, argv[3]), argv[i]);
	} else {
		fail(argv[1], "it is push, die, set, show or copy");
	}
	return 0;
}
