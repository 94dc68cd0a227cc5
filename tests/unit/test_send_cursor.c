/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor: its text, torn and changed; its file, where each system call fails in turn. */
#include "cli/send/cursor_store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/remove_tree.h"
#include "writer/file/manifest_line.h"

static char folder[] = "/tmp/otlpipe-cursor-XXXXXX";
static char path[64];

/* ---- calls that fail ---- */

static unsigned calls, fails_at; /* counted while fails_at is not 0 */
static bool is_dead;		 /* all calls fail from then on: as after a kill */

static bool fails(void)
{
	if (fails_at == 0)
		return false;
	if (++calls < fails_at || (calls > fails_at && !is_dead))
		return false;
	errno = ENOSPC;
	return true;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
	if (!fails())
		return __real_write(fd, data, bytes);
	/* A full disk takes a part. */
	(void)!__real_write(fd, data, bytes / 2);
	errno = ENOSPC;
	return -1;
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails() ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __real_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags);
int __wrap_unlinkat(int dirfd, const char *name, int flags)
{
	return fails() ? -1 : __real_unlinkat(dirfd, name, flags);
}

/* ---- cursors ---- */

/* One with everything in it, that differs with the number. */
static void make(struct cursor *ret, uint64_t number)
{
	memset(ret, 0, sizeof(*ret));
	ret->directory_id = UINT64_C(0x1234567890abcdef);
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		struct cursor_signal *signal = &ret->signals[s];

		if (s == OTLP_SIGNAL_LOGS)
			continue;
		signal->is_sent = true;
		signal->next = (struct cursor_position){7, UINT64_MAX - s, number, 120};
		signal->begun = (struct cursor_position){8, UINT64_MAX - s, number + 9, 0};
		signal->done_count = 2;
		signal->done = calloc(2, sizeof(*signal->done));
		assert_non_null(signal->done);
		signal->done[0] =
			(struct cursor_range){UINT64_MAX - s, number + 1, 0, number + 1, 5};
		signal->done[1] =
			(struct cursor_range){UINT64_MAX - s, number + 2, 3, number + 4, 0};
	}
}

static void assert_same(const struct cursor *a, const struct cursor *b)
{
	assert_int_equal(a->directory_id, b->directory_id);
	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const struct cursor_signal *x = &a->signals[s], *y = &b->signals[s];

		assert_int_equal(x->is_sent, y->is_sent);
		assert_memory_equal(&x->next, &y->next, sizeof(x->next));
		assert_memory_equal(&x->begun, &y->begun, sizeof(x->begun));
		assert_int_equal(x->done_count, y->done_count);
		if (x->done_count > 0)
			assert_memory_equal(x->done, y->done, x->done_count * sizeof(*x->done));
	}
}

static void what_is_written_is_read_back(void **state)
{
	struct cursor made, read = {0};
	size_t bytes;
	char *text;

	(void)state;
	make(&made, UINT64_MAX - 20);
	assert_int_equal(cursor_format(&made, &text, &bytes), 0);
	assert_int_equal(cursor_parse(&read, text, bytes), 0);
	assert_same(&made, &read);
	free(text);
	cursor_free(&read);
	cursor_free(&made);
}

static void a_torn_or_changed_cursor_is_refused(void **state)
{
	struct cursor made, read = {0};
	size_t bytes;
	char *text;

	(void)state;
	make(&made, 41);
	assert_int_equal(cursor_format(&made, &text, &bytes), 0);
	for (size_t length = 0; length < bytes; length++) {
		assert_int_equal(cursor_parse(&read, text, length), -EBADMSG);
		cursor_free(&read);
	}
	for (size_t at = 0; at < bytes; at++) {
		text[at] ^= 1;
		assert_true(cursor_parse(&read, text, bytes) < 0);
		cursor_free(&read);
		text[at] ^= 1;
	}
	free(text);
	cursor_free(&made);
}

static void another_version_is_told_from_damage(void **state)
{
	/* Its checksum is right. */
	char text[MANIFEST_LINE_BYTES_MAX];
	struct cursor read = {0};
	size_t bytes;

	(void)state;
	bytes = manifest_line_make(text, 0, "otlpipe-cursor 2 something new");
	assert_int_equal(cursor_parse(&read, text, bytes), -EPROTO);
	cursor_free(&read);
}

static void ranges_have_their_records_and_no_others(void **state)
{
	const struct cursor_range range = {9, 2, 3, 4, 1};

	(void)state;
	assert_false(cursor_range_has(&range, 9, 2, 2));
	assert_true(cursor_range_has(&range, 9, 2, 3));
	assert_true(cursor_range_has(&range, 9, 3, 1000000));
	assert_true(cursor_range_has(&range, 9, 4, 0));
	assert_false(cursor_range_has(&range, 9, 4, 1));
	assert_false(cursor_range_has(&range, 8, 3, 0));
}

static void names_of_senders_are_words(void **state)
{
	(void)state;
	assert_true(cursor_name_is_good("a-b_9"));
	assert_false(cursor_name_is_good(""));
	assert_false(cursor_name_is_good("A"));
	assert_false(cursor_name_is_good("../x"));
	assert_false(cursor_name_is_good(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* ---- the file ---- */

static void one_sender_at_a_time_has_it(void **state)
{
	struct cursor_store store, second;
	struct cursor cursor = {0};

	(void)state;
	assert_int_equal(cursor_store_open(&store, path, &cursor), 0);
	assert_int_equal(cursor_store_open(&second, path, &cursor), -EBUSY);
	cursor_store_close(&store);
	assert_int_equal(cursor_store_open(&second, path, &cursor), 0);
	cursor_store_close(&second);
}

static void save_one(struct cursor_store *store, uint64_t number, int expected)
{
	struct cursor cursor;

	make(&cursor, number);
	assert_int_equal(cursor_store_save(store, &cursor), expected);
	cursor_free(&cursor);
}

/* The file holds the cursor with this number, or the other one. Returns which. */
static uint64_t assert_whole(uint64_t number, uint64_t other)
{
	struct cursor read = {0}, made;
	uint64_t found;

	assert_int_equal(cursor_load(&read, AT_FDCWD, path), 0);
	found = read.signals[0].next.sequence;
	assert_true(found == number || found == other);
	make(&made, found);
	assert_same(&made, &read);
	cursor_free(&made);
	cursor_free(&read);
	return found;
}

/* With and without a kill behind it: the file is whole, and the next save is not left out. */
static void a_save_that_fails_at_any_call_leaves_the_old_or_the_new_one(void **state)
{
	struct cursor_store store;
	struct cursor cursor = {0};
	uint64_t number = 1;

	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		unsigned failures = 0;

		is_dead = kind == 1;
		for (fails_at = 0;; fails_at++) {
			struct cursor next;
			int rc;

			assert_int_equal(cursor_store_open(&store, path, &cursor), 0);
			cursor_free(&cursor);
			const unsigned nth = fails_at;

			fails_at = 0;
			save_one(&store, number, 0);
			fails_at = nth + 1;
			calls = 0;
			make(&next, number + 1);
			rc = cursor_store_save(&store, &next);
			cursor_free(&next);
			fails_at = 0;
			if (rc == 0) {
				assert_int_equal(assert_whole(number + 1, number + 1), number + 1);
				cursor_store_close(&store);
				number += 2;
				fails_at = nth;
				break;
			}
			failures++;
			assert_int_equal(rc, -ENOSPC);
			assert_whole(number, number + 1);
			if (!is_dead)
				save_one(&store, number + 1, 0);
			cursor_store_close(&store);
			number += 2;
			fails_at = nth;
		}
		/* write, fsync, rename, fsync of the directory */
		assert_int_equal(failures, 4);
		fails_at = 0;
	}
}

static int setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/cursor", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fails_at = 0;
	remove_tree(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(a_torn_or_changed_cursor_is_refused),
		cmocka_unit_test(another_version_is_told_from_damage),
		cmocka_unit_test(ranges_have_their_records_and_no_others),
		cmocka_unit_test(names_of_senders_are_words),
		cmocka_unit_test(one_sender_at_a_time_has_it),
		cmocka_unit_test(a_save_that_fails_at_any_call_leaves_the_old_or_the_new_one),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
