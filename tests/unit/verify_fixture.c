/* SPDX-License-Identifier: Apache-2.0 */
/* What `otlpipe verify` looks at, made by hand. */
#include "tests/unit/verify_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"

int out_fds[OUT_DIRS];
int out_fd;
struct verify verify;
uint64_t put_epoch = EPOCH;

static char out_paths[OUT_DIRS][64];
static unsigned out_dir;

int verify_fixture_setup(void)
{
	unsigned i;

	for (i = 0; i < OUT_DIRS; i++) {
		strcpy(out_paths[i], "verify-XXXXXX");
		if (mkdtemp(out_paths[i]) == NULL)
			return -1;
		out_fds[i] = open(out_paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (out_fds[i] < 0 || mkdirat(out_fds[i], "traces", 0700) < 0 ||
		    mkdirat(out_fds[i], "metrics", 0700) < 0)
			return -1;
	}
	use_dir(0);
	put_epoch = EPOCH;
	return 0;
}

static void remove_all(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL)
		(void)unlinkat(fd, entry->d_name, 0);
	if (stream != NULL)
		closedir(stream);
}

void verify_fixture_teardown(void)
{
	unsigned i;

	verify_free(&verify);
	for (i = 0; i < OUT_DIRS; i++) {
		remove_all(out_fds[i], "traces");
		remove_all(out_fds[i], "metrics");
		(void)unlinkat(out_fds[i], "traces", AT_REMOVEDIR);
		(void)unlinkat(out_fds[i], "metrics", AT_REMOVEDIR);
		remove_all(out_fds[i], ".");
		close(out_fds[i]);
		(void)rmdir(out_paths[i]);
	}
}

void use_dir(unsigned dir)
{
	out_dir = dir;
	out_fd = out_fds[dir];
}

/* ResourceSpans { scope_spans { spans {} … } } as a field of TracesData. */
size_t body_make(uint8_t *to, unsigned spans)
{
	size_t at = 6;

	assert_true(spans <= 60);
	for (; spans > 0; spans--) {
		to[at++] = 0x12;
		to[at++] = 0;
	}
	to[0] = 0x0a;
	to[1] = (uint8_t)((at - 3) | 0x80);
	to[2] = (uint8_t)((at - 3) >> 7);
	to[3] = 0x12;
	to[4] = (uint8_t)((at - 6) | 0x80);
	to[5] = (uint8_t)((at - 6) >> 7);
	return at;
}

/* One batch with one entry, `spans` spans in it. */
size_t batch_make(uint8_t *to, uint64_t sequence, const struct batch_entry *entry, unsigned spans)
{
	struct batch_head head = {.epoch = put_epoch,
				  .sequence = sequence,
				  .signal = OTLP_SIGNAL_TRACES,
				  .entry_count = 1,
				  .closed_unix_ns = 1000 + sequence};
	size_t body = body_make(to + batch_head_bytes(1), spans);

	return batch_seal(to, head, entry, body);
}

struct batch_entry entry_make(uint64_t from, uint64_t to, uint64_t items, uint64_t before)
{
	return (struct batch_entry){
		.region_id = ID,
		.pid = 42,
		.from = from,
		.to = to,
		.written_items = items,
		.items_before = before,
		.accepted_items = before + items,
		.start_unix_ns = 500,
	};
}

void file_write(const char *name, const void *bytes, size_t count)
{
	int fd = openat(out_fd, name, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	close(fd);
}

void name_make(char ret[96], unsigned sequence, const char *suffix)
{
	snprintf(ret, 96, "traces/traces-20260101T000000Z-%08u.binpb%s", sequence, suffix);
}

/* Append a batch to the file with this number. */
void batch_put(unsigned file, uint64_t sequence, struct batch_entry entry)
{
	uint8_t batch[BATCH_BUFFER] = {0};
	char name[96];

	name_make(name, file, "");
	file_write(name, batch, batch_make(batch, sequence, &entry, (unsigned)entry.written_items));
}

void look_at(size_t dir_count, const struct runtime_dir *runtime)
{
	static const char *const paths[OUT_DIRS] = {"first", "second"};
	const struct verify_input input = {.paths = dir_count == 1 ? &paths[out_dir] : paths,
					   .fds = dir_count == 1 ? &out_fds[out_dir] : out_fds,
					   .dir_count = dir_count,
					   .runtimes = runtime,
					   .runtime_count = runtime != NULL};

	verify_free(&verify);
	assert_int_equal(verify_run(&verify, &input), 0);
}

void look(const struct runtime_dir *runtime)
{
	look_at(1, runtime);
}

bool is_found(const struct verify_findings *findings, const char *text)
{
	size_t i;

	for (i = 0; i < findings->count && i < VERIFY_FINDINGS_MAX; i++)
		if (strstr(findings->texts[i], text) != NULL)
			return true;
	return false;
}

void assert_ok(void)
{
	if (verify.problems.count != 0)
		print_error("%s\n", verify.problems.texts[0]);
	assert_true(verify_is_ok(&verify));
}

/* A problem that says this, and where: after the file's number the offset. */
void assert_problem(const char *text, const char *place)
{
	if (!is_found(&verify.problems, text) && verify.problems.count > 0)
		print_error("%s\n", verify.problems.texts[0]);
	assert_true(is_found(&verify.problems, text));
	assert_true(place == NULL || is_found(&verify.problems, place));
	assert_false(verify_is_ok(&verify));
}
