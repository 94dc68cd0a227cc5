/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed files compressed on a real disk: also when the process is killed before or after any step,
 * when any of them fails, and when the plain file goes meanwhile.
 */
#include "writer/file/pack_file.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "writer/file/batch_scan.h"
#include "writer/file/pack.h"

#define BATCHES	    40u
#define BATCH_BYTES (3u * BATCH_BLOCK_BYTES)
#define FILE_BYTES  ((uint64_t)BATCHES * BATCH_BYTES)
#define CALLS_MAX   100u

/* The call with this number is refused, or the process is killed there. */
static struct {
	unsigned number; /* 0: none */
	unsigned calls;
	int error; /* 0: killed before it; -1: killed behind it */
} orders;

static bool is_refused(void)
{
	if (orders.number == 0 || ++orders.calls != orders.number)
		return false;
	if (orders.error == 0)
		_exit(9);
	if (orders.error < 0)
		return false;
	errno = orders.error;
	return true;
}

/* What a call gave: it has happened. */
static long done(long rc)
{
	if (orders.number != 0 && orders.calls == orders.number && orders.error < 0)
		_exit(9);
	return rc;
}

ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags);

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
	if (is_refused())
		return -1;
	return done(__real_pwrite64(fd, bytes, count, offset));
}

int __wrap_fsync(int fd)
{
	return is_refused() ? -1 : (int)done(__real_fsync(fd));
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return is_refused() ? -1 : (int)done(__real_renameat2(from_fd, from, to_fd, to, flags));
}

int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
	return is_refused() ? -1 : (int)done(__real_unlinkat(dirfd, name, flags));
}

/* ---- a directory with a sealed file ---- */

struct fixture {
	struct scratch scratch;
	struct data_dir dir;
	struct data_name plain, packed;
};

static uint8_t content[FILE_BYTES];

static void content_make(void)
{
	for (unsigned i = 0; i < BATCHES; i++) {
		uint8_t *batch = content + i * BATCH_BYTES;
		const struct batch_head head = {.signal = OTLP_SIGNAL_TRACES, .sequence = i};
		const size_t body_bytes = BATCH_BYTES - batch_head_bytes(0) - 4;
		uint8_t *body = batch + batch_head_bytes(0);
		const size_t text_bytes = body_bytes - 8;

		/* ResourceSpans { schema_url } */
		memset(body, 'x', body_bytes);
		memcpy(body, "\x0a\x00\x00", 3);
		body[0] = 0x0a;
		body[1] = (uint8_t)((text_bytes + 4) | 0x80);
		body[2] = (uint8_t)((text_bytes + 4) >> 7 | 0x80);
		body[3] = 0;
		body[4] = 0x1a;
		body[5] = (uint8_t)(text_bytes | 0x80);
		body[6] = (uint8_t)(text_bytes >> 7 | 0x80);
		body[7] = 0;
		assert_int_equal(batch_seal(batch, head, NULL, body_bytes), BATCH_BYTES);
	}
}

static void file_put(const struct fixture *f, const char *name, const void *bytes, size_t count)
{
	int fd = openat(f->dir.fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(__real_pwrite64(fd, bytes, count, 0), count);
	close(fd);
}

static void fixture_open(struct fixture *f)
{
	orders.number = orders.calls = 0;
	assert_int_equal(scratch_open(&f->scratch), 0);
	assert_int_equal(data_dir_open(f->scratch.fd, "traces", &f->dir), 0);
	data_name_make("traces", 1767225600, 7, &f->plain);
	data_name_as(&f->plain, DATA_PACKED, 0, &f->packed);
	data_name_as(&f->plain, DATA_SEALED, 0, &f->plain);
	file_put(f, f->plain.name, content, sizeof(content));
}

static void fixture_close(struct fixture *f)
{
	orders.number = 0;
	data_dir_close(&f->dir);
	assert_int_equal(scratch_close(&f->scratch), 0);
}

static bool exists(const struct fixture *f, const char *name)
{
	return faccessat(f->dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_tmp(const struct fixture *f)
{
	char name[DATA_NAME_BYTES + 8];

	snprintf(name, sizeof(name), "%s.tmp", f->packed.name);
	return exists(f, name);
}

/* The file is there once, under one of its names, and all of it is in it. */
static void assert_whole(const struct fixture *f)
{
	struct data_name *names;
	struct batch_scan scan;
	struct batch_head head;
	size_t count;
	unsigned batches = 0;
	int fd, rc;

	assert_int_equal(data_dir_list(&f->dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(names[0].sequence, 7);
	fd = data_dir_open_file(f->dir.fd, &names[0]);
	assert_true(fd >= 0);
	batch_scan_open(&scan, fd, UINT64_MAX);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		assert_int_equal(head.batch_bytes, BATCH_BYTES);
		assert_memory_equal(scan.bytes, content + batches * BATCH_BYTES, BATCH_BYTES);
		batches++;
	}
	assert_int_equal(rc, -ENODATA);
	assert_int_equal(scan.offset, FILE_BYTES);
	assert_int_equal(batches, BATCHES);
	batch_scan_close(&scan);
	close(fd);
	free(names);
}

static bool never(void *context)
{
	(void)context;
	return false;
}

static int pack_it(const struct fixture *f, uint64_t *ret_bytes)
{
	return pack_file(&f->dir, &f->plain, FILE_BYTES, 3, never, NULL, ret_bytes);
}

/* ---- tests ---- */

static void a_packed_file_has_the_same_in_less(void **state)
{
	struct fixture f;
	uint64_t bytes, plain_bytes;
	struct stat st;

	(void)state;
	fixture_open(&f);
	assert_int_equal(pack_it(&f, &bytes), 0);
	assert_false(exists(&f, f.plain.name));
	assert_false(has_tmp(&f));
	assert_int_equal(fstatat(f.dir.fd, f.packed.name, &st, 0), 0);
	assert_int_equal(st.st_size, bytes);
	assert_true(bytes < FILE_BYTES / 4);
	assert_int_equal(data_dir_packed_bytes(f.dir.fd, f.packed.name, &plain_bytes), 0);
	assert_int_equal(plain_bytes, FILE_BYTES);
	assert_whole(&f);
	fixture_close(&f);
}

static void a_process_killed_before_or_behind_any_step_leaves_the_file_once(void **state)
{
	static const int whens[] = {0, -1};

	(void)state;
	for (unsigned when = 0; when < 2; when++) {
		unsigned steps = 0;
		bool is_killed = true;

		for (unsigned number = 1; is_killed && number < CALLS_MAX; number++) {
			struct fixture f;
			uint64_t bytes;
			int status;
			pid_t pid;

			fixture_open(&f);
			pid = fork();
			assert_true(pid >= 0);
			if (pid == 0) {
				orders.number = number;
				orders.error = whens[when];
				_exit(pack_it(&f, &bytes) == 0 ? 0 : 1);
			}
			assert_int_equal(waitpid(pid, &status, 0), pid);
			assert_true(WIFEXITED(status));
			is_killed = WEXITSTATUS(status) == 9;
			assert_true(is_killed || WEXITSTATUS(status) == 0);
			assert_whole(&f);
			/* The next writer, and then it is compressed after all. */
			assert_int_equal(pack_clean(&f.dir), 0);
			assert_false(has_tmp(&f));
			assert_false(exists(&f, f.plain.name) && exists(&f, f.packed.name));
			assert_whole(&f);
			if (exists(&f, f.plain.name))
				assert_int_equal(pack_it(&f, &bytes), 0);
			assert_whole(&f);
			steps += is_killed;
			fixture_close(&f);
		}
		assert_false(is_killed);
		assert_true(steps >= 6);
	}
}

static void any_step_that_fails_leaves_the_file_as_it_was_or_done(void **state)
{
	static const int errors[] = {ENOSPC, EIO};
	unsigned failed = 0;
	bool is_refused_one = true;

	(void)state;
	for (unsigned number = 1; is_refused_one && number < CALLS_MAX; number++) {
		struct fixture f;
		uint64_t bytes;
		int rc;

		fixture_open(&f);
		orders.number = number;
		orders.error = errors[number % 2];
		rc = pack_it(&f, &bytes);
		is_refused_one = orders.calls >= number;
		orders.number = 0;
		failed += rc < 0;
		assert_true(rc <= 0);
		assert_whole(&f);
		assert_int_equal(pack_clean(&f.dir), 0);
		assert_false(has_tmp(&f));
		assert_whole(&f);
		fixture_close(&f);
	}
	assert_false(is_refused_one);
	assert_true(failed >= 5);
}

static const struct fixture *moment;
static unsigned looks;

/* While it is compressed retention removes it, or somebody puts another in its place. */
static bool removes_it(void *context)
{
	(void)context;
	if (looks++ == 1)
		assert_int_equal(unlinkat(moment->dir.fd, moment->plain.name, 0), 0);
	return false;
}

static bool replaces_it(void *context)
{
	(void)context;
	if (looks++ == 1) {
		assert_int_equal(unlinkat(moment->dir.fd, moment->plain.name, 0), 0);
		file_put(moment, moment->plain.name, content, BATCH_BYTES);
	}
	return false;
}

static bool stops_it(void *context)
{
	(void)context;
	return looks++ == 1;
}

static void a_file_that_was_removed_does_not_come_back_packed(void **state)
{
	struct fixture f;
	uint64_t bytes;

	(void)state;
	fixture_open(&f);
	moment = &f;
	looks = 0;
	assert_int_equal(pack_file(&f.dir, &f.plain, FILE_BYTES, 3, removes_it, NULL, &bytes),
			 PACK_NOT);
	assert_false(exists(&f, f.plain.name));
	assert_false(exists(&f, f.packed.name));
	assert_false(has_tmp(&f));
	assert_int_equal(pack_it(&f, &bytes), PACK_NOT);
	file_put(&f, f.plain.name, content, sizeof(content));
	looks = 0;
	assert_int_equal(pack_file(&f.dir, &f.plain, FILE_BYTES, 3, replaces_it, NULL, &bytes),
			 PACK_NOT);
	assert_true(exists(&f, f.plain.name));
	assert_false(exists(&f, f.packed.name));
	fixture_close(&f);
}

static void told_to_stop_it_leaves_the_file_plain(void **state)
{
	struct fixture f;
	uint64_t bytes;

	(void)state;
	fixture_open(&f);
	looks = 0;
	assert_int_equal(pack_file(&f.dir, &f.plain, FILE_BYTES, 3, stops_it, NULL, &bytes),
			 -ECANCELED);
	assert_false(has_tmp(&f));
	assert_false(exists(&f, f.packed.name));
	assert_whole(&f);
	fixture_close(&f);
}

static void what_does_not_become_smaller_or_was_cut_stays_plain(void **state)
{
	uint8_t noise[BATCH_BLOCK_BYTES];
	struct fixture f;
	uint64_t bytes;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)((i * 2654435761u) >> 13 ^ (i * 40503u) >> 3 ^ i * i);
	assert_int_equal(getentropy(noise, 256), 0);
	for (size_t i = 256; i < sizeof(noise); i += 256)
		assert_int_equal(getentropy(noise + i, 256), 0);
	file_put(&f, f.plain.name, noise, sizeof(noise));
	assert_int_equal(pack_file(&f.dir, &f.plain, sizeof(noise), 3, never, NULL, &bytes),
			 PACK_NOT);
	assert_int_equal(pack_file(&f.dir, &f.plain, FILE_BYTES, 3, never, NULL, &bytes), PACK_NOT);
	assert_true(exists(&f, f.plain.name));
	assert_false(has_tmp(&f));
	assert_false(exists(&f, f.packed.name));
	fixture_close(&f);
}

static void damage_in_a_packed_file_is_found_wherever_it_is(void **state)
{
	struct fixture f;
	uint64_t bytes;
	uint8_t packed[4096];

	(void)state;
	fixture_open(&f);
	assert_int_equal(pack_it(&f, &bytes), 0);
	assert_true(bytes < sizeof(packed));
	for (uint64_t at = 0; at < bytes + 1; at++) {
		int fd = openat(f.dir.fd, f.packed.name, O_RDWR | O_CLOEXEC);
		struct batch_scan scan;
		struct batch_head head;
		int rc;

		assert_true(fd >= 0);
		assert_int_equal(pread(fd, packed, bytes, 0), bytes);
		/* A bit of each byte is changed, and at last the file is cut. In the fifth byte it
		 * is one that zstd has no use for. */
		if (at == 4) {
			close(fd);
			continue;
		}
		if (at < bytes) {
			uint8_t changed = (uint8_t)(packed[at] ^ 0x10);

			assert_int_equal(__real_pwrite64(fd, &changed, 1, (off_t)at), 1);
		} else {
			assert_int_equal(ftruncate(fd, (off_t)bytes - 1), 0);
		}
		batch_scan_open(&scan, fd, UINT64_MAX);
		while ((rc = batch_scan_next(&scan, &head)) == 0)
			;
		assert_true(rc != -ENODATA || scan.offset != FILE_BYTES);
		batch_scan_close(&scan);
		if (at < bytes)
			assert_int_equal(__real_pwrite64(fd, &packed[at], 1, (off_t)at), 1);
		close(fd);
	}
	fixture_close(&f);
}

static void the_thread_packs_what_the_manifest_has_as_sealed(void **state)
{
	static const char *const signals[] = {"traces"};
	const struct pack_options options = {.level = 1};
	struct manifest *manifest;
	struct pack_counts counts;
	struct data_name strange;
	struct fixture f;
	struct pack *pack;

	(void)state;
	fixture_open(&f);
	data_name_make("traces", 1767225600, 9, &strange);
	data_name_as(&strange, DATA_SEALED, 0, &strange);
	assert_int_equal(manifest_open(&manifest, f.scratch.fd), 0);
	assert_int_equal(data_dir_attach(&f.dir, manifest), 0);
	/* Put there later, by somebody else. */
	file_put(&f, strange.name, content, sizeof(content));
	assert_int_equal(pack_open(&pack, f.scratch.fd, manifest, signals, 1, &options), 0);
	do {
		usleep(1000);
		pack_counts(pack, &counts);
	} while (counts.runs == 0);
	assert_int_equal(counts.files, 1);
	assert_int_equal(counts.plain_bytes, FILE_BYTES);
	assert_true(exists(&f, f.packed.name));
	assert_true(exists(&f, strange.name));
	pack_close(pack);
	manifest_close(manifest);
	fixture_close(&f);
}

static int setup(void **state)
{
	(void)state;
	content_make();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_file_has_the_same_in_less),
		cmocka_unit_test(a_process_killed_before_or_behind_any_step_leaves_the_file_once),
		cmocka_unit_test(any_step_that_fails_leaves_the_file_as_it_was_or_done),
		cmocka_unit_test(a_file_that_was_removed_does_not_come_back_packed),
		cmocka_unit_test(told_to_stop_it_leaves_the_file_plain),
		cmocka_unit_test(what_does_not_become_smaller_or_was_cut_stays_plain),
		cmocka_unit_test(damage_in_a_packed_file_is_found_wherever_it_is),
		cmocka_unit_test(the_thread_packs_what_the_manifest_has_as_sealed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
