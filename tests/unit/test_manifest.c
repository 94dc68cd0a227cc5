/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: its lines cut and changed at each byte, its file when a write or a sync fails, when
 * the process is killed at each of its steps, and when somebody else takes it away.
 */
#include "writer/file/manifest.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "tests/unit/io_testing.h"
#include "writer/file/datafile.h"
#include "writer/file/manifest_store.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NEW_YEAR   ((time_t)1767225600) /* 2026-01-01T00:00:00Z */
#define TEXT_BYTES (1u << 20)

/* ---- what fails, and when we are killed ---- */

/* Of the operations that change something, this one fails or is our last; 0: none. */
static struct {
	unsigned fail_at, kill_at, count;
	int64_t wall_step_s;
} orders;

static int operation(void)
{
	orders.count++;
	if (orders.count == orders.kill_at)
		_exit(0);
	if (orders.count != orders.fail_at)
		return 0;
	errno = EIO;
	return -1;
}

ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
	if (operation() < 0) {
		/* Half of it is there. */
		(void)!__real_pwrite64(fd, bytes, count / 2, offset);
		return -1;
	}
	return __real_pwrite64(fd, bytes, count, offset);
}

int __wrap_fdatasync(int fd)
{
	return operation() < 0 ? -1 : __real_fdatasync(fd);
}

int __wrap_fsync(int fd)
{
	return operation() < 0 ? -1 : __real_fsync(fd);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return operation() < 0 ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int rc = __real_clock_gettime(clock, ret);

	if (clock == CLOCK_REALTIME)
		ret->tv_sec += orders.wall_step_s;
	return rc;
}

/* ---- a directory, and a text ---- */

static struct scratch scratch;
static unsigned descriptors;
static char text[TEXT_BYTES];

static int setup(void **state)
{
	(void)state;
	memset(&orders, 0, sizeof(orders));
	descriptors = count_descriptors();
	return scratch_open(&scratch);
}

static int teardown(void **state)
{
	(void)state;
	memset(&orders, 0, sizeof(orders));
	if (scratch_close(&scratch) != 0)
		return -1;
	return count_descriptors() == descriptors ? 0 : -1;
}

static size_t text_read(void)
{
	int fd = openat(scratch.fd, MANIFEST_NAME, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = pread(fd, text, sizeof(text), 0);
	close(fd);
	assert_in_range(n, 1, sizeof(text) - 1);
	return (size_t)n;
}

static void text_write(size_t bytes)
{
	int fd = openat(scratch.fd, MANIFEST_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, bytes), bytes);
	close(fd);
}

static struct data_name name_of(const char *signal, uint64_t sequence)
{
	struct data_name name;

	data_name_make(signal, NEW_YEAR + (time_t)sequence, sequence, &name);
	return name;
}

static struct manifest *opened(void)
{
	struct manifest *manifest;
	uint64_t next;

	assert_int_equal(manifest_open(&manifest, scratch.fd), 0);
	assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 1, &next), 0);
	assert_int_equal(manifest_adopt(manifest, "metrics", NULL, 0, 1, &next), 0);
	return manifest;
}

static int file_open(struct manifest *manifest, const char *signal, uint64_t sequence)
{
	const struct data_name name = name_of(signal, sequence);

	return manifest_enter_open(manifest, signal, &name, 65536);
}

static int file_end(struct manifest *manifest, const char *signal, uint64_t sequence,
		    enum manifest_state state, uint64_t bytes)
{
	const struct data_name name = name_of(signal, sequence);

	return manifest_enter_end(manifest, signal, &name, state, bytes);
}

/* A bit of everything. Errors are the caller's to have. */
static void live(struct manifest *manifest)
{
	(void)file_open(manifest, "traces", 1);
	(void)file_open(manifest, "metrics", 1);
	(void)file_end(manifest, "traces", 1, MANIFEST_SEALED, 8192);
	(void)file_open(manifest, "traces", 2);
	(void)file_end(manifest, "traces", 2, MANIFEST_BAD, 4096);
	(void)file_open(manifest, "traces", 3);
	(void)manifest_enter_dropped(manifest, "traces", 3);
	(void)file_open(manifest, "traces", 4);
	(void)file_end(manifest, "traces", 4, MANIFEST_SEALED, 12288);
	(void)manifest_enter_removed(manifest, "traces", 1, 1, 8192, false);
	manifest_enter_elsewhere(manifest, false, "/some where/else%");
	manifest_enter_elsewhere(manifest, true, "/some where/else%");
	(void)file_open(manifest, "traces", 5);
}

static void assert_entry(const struct manifest_signal *signal, uint64_t sequence,
			 enum manifest_state state, uint64_t bytes)
{
	const struct manifest_entry *entry = manifest_signal_find(signal, sequence);

	assert_non_null(entry);
	assert_int_equal(entry->state, state);
	assert_int_equal(entry->bytes, bytes);
	assert_int_equal(entry->named_s, NEW_YEAR + (time_t)sequence);
	assert_int_equal(entry->ended_s != 0, state != MANIFEST_OPEN);
}

static void assert_lived(const struct manifest_image *image)
{
	const struct manifest_signal *traces = manifest_image_signal(image, "traces");
	const struct manifest_signal *metrics = manifest_image_signal(image, "metrics");

	assert_non_null(traces);
	assert_non_null(metrics);
	assert_int_equal(traces->entry_count, 3);
	assert_entry(traces, 2, MANIFEST_BAD, 4096);
	assert_entry(traces, 4, MANIFEST_SEALED, 12288);
	assert_entry(traces, 5, MANIFEST_OPEN, 65536);
	assert_int_equal(traces->removed_to, 1);
	assert_int_equal(traces->removed_files, 1);
	assert_int_equal(traces->removed_bytes, 8192);
	assert_int_equal(traces->first, 1);
	assert_int_equal(traces->next, 6);
	assert_int_equal(metrics->entry_count, 1);
	assert_entry(metrics, 1, MANIFEST_OPEN, 65536);
	assert_true(image->has_left && image->has_come && !image->is_left);
	assert_string_equal(image->left, "/some%20where/else%25");
}

static void assert_reads_as_lived(void)
{
	struct manifest_image image = {0};

	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	assert_lived(&image);
	manifest_image_free(&image);
}

/* ---- lines ---- */

static void what_was_entered_is_read_back(void **state)
{
	struct manifest *manifest = opened();

	(void)state;
	live(manifest);
	manifest_close(manifest);
	assert_reads_as_lived();
}

static void a_manifest_cut_at_any_byte_has_the_lines_before(void **state)
{
	struct manifest *manifest = opened();
	size_t bytes, ends = 0, first_line;

	(void)state;
	live(manifest);
	manifest_close(manifest);
	bytes = text_read();
	first_line = (size_t)((char *)memchr(text, '\n', bytes) - text) + 1;
	for (size_t cut = 0; cut <= bytes; cut++) {
		struct manifest_image image = {0};
		bool is_end = cut > 0 && text[cut - 1] == '\n';
		int rc = manifest_image_read(&image, text, cut);

		ends += is_end;
		assert_int_equal(image.line_count, ends);
		assert_int_equal(rc, cut < first_line ? -EBADMSG : is_end ? 0 : -EAGAIN);
		manifest_image_free(&image);
	}
}

static void a_byte_that_was_changed_ends_it_there(void **state)
{
	struct manifest *manifest = opened();
	size_t bytes, line = 0;

	(void)state;
	live(manifest);
	manifest_close(manifest);
	bytes = text_read();
	for (size_t at = 0; at < bytes; at++) {
		struct manifest_image image = {0};
		const char before = text[at];

		for (unsigned bit = 0; bit < 8; bit += 3) {
			text[at] = (char)(before ^ (1 << bit));
			assert_true(manifest_image_read(&image, text, bytes) < 0);
			assert_int_equal(image.line_count, line);
			manifest_image_free(&image);
		}
		text[at] = before;
		line += before == '\n';
	}
}

static void a_line_that_was_taken_out_ends_it_there(void **state)
{
	struct manifest *manifest = opened();
	struct manifest_image image = {0};
	char *second, *third;
	size_t bytes;

	(void)state;
	live(manifest);
	manifest_close(manifest);
	bytes = text_read();
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;
	bytes -= (size_t)(third - second);
	memmove(second, third, bytes - (size_t)(second - text));
	assert_int_equal(manifest_image_read(&image, text, bytes), -EAGAIN);
	assert_int_equal(image.line_count, 1);
	manifest_image_free(&image);
}

static void lines_that_make_no_sense_are_refused(void **state)
{
	static const char *const lines[] = {
		"otlpipe-manifest 1 0123456789abcdef",
		"signal Traces 1 1 0 0 0",
		"signal traces 1 1 0 0",
		"signal averyveryverylongsignal 1 1 0 0 0",
		"signal other 1 1 0 0 18446744073709551616",
		"open metrics 1 4096 5",
		"open traces 1 4096",
		"open traces 1 4096 5 6",
		"open traces 1000000000000000 4096 5",
		"open traces x 4096 5",
		"open traces 1 -1 5",
		"open traces 1 9223372036854775808 5",
		"sealed traces 1 4096 5",
		"sealed traces 1 4096 5 9223372036854775808",
		"dropped traces",
		"removed traces 1 1",
		"clock 0123456789abcdef0123456789abcdef0 1 1",
		"left \x1b[31m 5",
		"open  traces 1 4096 5",
		" open traces 1 4096 5",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct manifest_image image = {0};
		char line[MANIFEST_LINE_BYTES_MAX];
		size_t bytes = manifest_line_begin(&image, line, 7);

		assert_int_equal(manifest_image_apply(&image, line, bytes), bytes);
		bytes = manifest_line_make(line, image.sum, "signal traces 1 1 0 0 0");
		assert_int_equal(manifest_image_apply(&image, line, bytes), bytes);
		bytes = manifest_line_make(line, image.sum, "%s", lines[i]);
		if (manifest_image_apply(&image, line, bytes) != -EBADMSG)
			fail_msg("taken: %s", lines[i]);
		assert_int_equal(image.line_count, 2);
		/* A kind that is not known is passed over, and the next line is read. */
		bytes = manifest_line_make(line, image.sum, "news traces 1");
		assert_int_equal(manifest_image_apply(&image, line, bytes), bytes);
		manifest_image_free(&image);
	}
}

static void a_path_is_a_word_there_and_itself_again_for_people(void **state)
{
	static const struct {
		const char *path, *word, *shown;
	} cases[] = {
		{"/a dir/100%", "/a%20dir/100%25", "/a dir/100%"},
		/* What a terminal would obey stays written out. */
		{"/x\033[2J\n", "/x%1b[2J%0a", "/x%1b[2J%0a"},
		{"/\xc3\xbc", "/%c3%bc", "/%c3%bc"},
		{"", "-", "-"},
	};
	char word[MANIFEST_PATH_BYTES_MAX], shown[MANIFEST_PATH_BYTES_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		manifest_word_of_path(cases[i].path, word);
		assert_string_equal(word, cases[i].word);
		manifest_path_of_word(word, shown);
		assert_string_equal(shown, cases[i].shown);
	}
	/* Somebody else's words, which end in the middle. */
	manifest_path_of_word("%", shown);
	assert_string_equal(shown, "%");
	manifest_path_of_word("/%2", shown);
	assert_string_equal(shown, "/%2");
	manifest_path_of_word("/%2x%", shown);
	assert_string_equal(shown, "/%2x%");
}

static void another_version_is_refused(void **state)
{
	struct manifest_image image = {0};
	char line[MANIFEST_LINE_BYTES_MAX];
	size_t bytes = manifest_line_make(line, 0, "otlpipe-manifest 2 what it likes");

	(void)state;
	assert_int_equal(manifest_image_apply(&image, line, bytes), -EPROTO);
	bytes = manifest_line_make(line, 0, "open traces 1 4096 5");
	assert_int_equal(manifest_image_apply(&image, line, bytes), -EBADMSG);
	manifest_image_free(&image);
}

/* ---- the file ---- */

static void a_torn_tail_is_cut_off(void **state)
{
	struct manifest *manifest = opened();
	size_t bytes;

	(void)state;
	live(manifest);
	manifest_close(manifest);
	bytes = text_read();
	memset(text + bytes, 0, 700);
	memcpy(text + bytes, "sealed traces 5 81", 18);
	text_write(bytes + 700);
	manifest = opened();
	manifest_close(manifest);
	assert_reads_as_lived();
	assert_int_equal(faccessat(scratch.fd, MANIFEST_NAME ".damaged", F_OK, 0), -1);
}

static void a_damaged_one_is_set_aside_and_begun_again(void **state)
{
	struct manifest_image image = {0};
	struct manifest *manifest = opened();
	size_t bytes;

	(void)state;
	for (uint64_t i = 1; i < 100; i++) {
		assert_int_equal(file_open(manifest, "traces", i), 0);
		assert_int_equal(file_end(manifest, "traces", i, MANIFEST_SEALED, 4096), 0);
	}
	manifest_close(manifest);
	bytes = text_read();
	text[200] ^= 1;
	text_write(bytes);
	manifest = opened();
	assert_int_equal(file_open(manifest, "traces", 100), 0);
	manifest_close(manifest);
	assert_int_equal(faccessat(scratch.fd, MANIFEST_NAME ".damaged", F_OK, 0), 0);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	assert_int_equal(manifest_image_signal(&image, "traces")->entry_count, 1);
	manifest_image_free(&image);
}

static void what_is_no_file_is_set_aside(void **state)
{
	struct manifest *manifest;

	(void)state;
	assert_int_equal(symlinkat("/etc/passwd", scratch.fd, MANIFEST_NAME), 0);
	manifest = opened();
	live(manifest);
	manifest_close(manifest);
	assert_reads_as_lived();
}

static void one_that_is_taken_away_is_written_anew(void **state)
{
	struct manifest *manifest = opened();

	(void)state;
	assert_int_equal(file_open(manifest, "metrics", 1), 0);
	assert_int_equal(unlinkat(scratch.fd, MANIFEST_NAME, 0), 0);
	assert_int_equal(file_open(manifest, "traces", 1), 0);
	assert_int_equal(file_end(manifest, "traces", 1, MANIFEST_SEALED, 8192), 0);
	memset(text, 'x', 100);
	text_write(100);
	live(manifest);
	manifest_close(manifest);
	assert_reads_as_lived();
}

static void its_length_is_bounded_by_what_is_there(void **state)
{
	struct manifest_image image = {0};
	struct manifest *manifest = opened();
	struct stat st;

	(void)state;
	for (uint64_t i = 1; i <= 600; i++) {
		assert_int_equal(file_open(manifest, "traces", i), 0);
		assert_int_equal(file_end(manifest, "traces", i, MANIFEST_SEALED, 4096), 0);
		if (i > 10)
			assert_int_equal(
				manifest_enter_removed(manifest, "traces", i - 10, 1, 4096, false),
				0);
	}
	manifest_close(manifest);
	assert_int_equal(fstatat(scratch.fd, MANIFEST_NAME, &st, 0), 0);
	assert_in_range(st.st_size, 1, 66000);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	assert_int_equal(manifest_image_signal(&image, "traces")->entry_count, 10);
	assert_int_equal(manifest_image_signal(&image, "traces")->removed_files, 590);
	manifest_image_free(&image);
}

static void the_numbers_go_on_when_all_files_are_gone(void **state)
{
	struct manifest *manifest = opened();
	struct data_file file;
	struct data_dir dir;

	(void)state;
	live(manifest);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(dir.next_sequence, 1);
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	assert_int_equal(dir.next_sequence, 6);
	assert_int_equal(data_file_create(&dir, 4096, NEW_YEAR, &file), 0);
	assert_int_equal(file.name.sequence, 6);
	assert_int_equal(data_file_seal(&dir, &file, 0), 0);
	data_dir_close(&dir);
	manifest_close(manifest);
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(dir.next_sequence, 1);
	manifest = opened();
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	assert_int_equal(dir.next_sequence, 7);
	data_dir_close(&dir);
	manifest_close(manifest);
}

static void files_from_before_the_manifest_are_entered(void **state)
{
	struct manifest_image image = {0};
	const struct manifest_signal *signal;
	struct manifest *manifest;
	struct data_dir dir;
	struct data_file file;

	(void)state;
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	dir.next_sequence = 7;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(data_file_create(&dir, 4096, NEW_YEAR + 7 + (time_t)i, &file), 0);
		assert_int_equal(data_file_seal(&dir, &file, 4096), 0);
	}
	assert_int_equal(data_file_create(&dir, 4096, NEW_YEAR + 10, &file), 0);
	assert_int_equal(data_file_abandon(&dir, &file, 0), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(manifest_open(&manifest, scratch.fd), 0);
		dir.manifest = NULL;
		assert_int_equal(data_dir_attach(&dir, manifest), 0);
		manifest_close(manifest);
	}
	data_dir_close(&dir);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	signal = manifest_image_signal(&image, "traces");
	assert_int_equal(signal->first, 11);
	assert_int_equal(signal->next, 11);
	assert_int_equal(signal->entry_count, 4);
	assert_entry(signal, 8, MANIFEST_SEALED, 4096);
	assert_entry(signal, 10, MANIFEST_BAD, 0);
	manifest_image_free(&image);
}

/* Its file was made and named, and the writer killed before the line: nothing was in it. */
static void a_number_that_a_killed_writer_used_up_leaves_nothing_in_doubt(void **state)
{
	struct manifest_image image = {0};
	const struct manifest_signal *signal;
	struct manifest *manifest = opened();
	struct data_name later = {.sequence = 3, .kind = DATA_SEALED, .bytes = 4096};
	uint64_t next;

	(void)state;
	assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 1, &next), 0);
	assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 2, &next), 0);
	assert_int_equal(next, 2);
	manifest_close(manifest);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	signal = manifest_image_signal(&image, "traces");
	assert_int_equal(signal->first, 1);
	assert_int_equal(signal->next, 2);
	assert_int_equal(signal->entry_count, 0);
	manifest_image_free(&image);

	/* Two numbers, or one with a file, are of a writer that kept no manifest. */
	manifest = opened();
	assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 4, &next), 0);
	assert_int_equal(manifest_adopt(manifest, "metrics", NULL, 0, 3, &next), 0);
	assert_int_equal(manifest_adopt(manifest, "metrics", &later, 1, 4, &next), 0);
	manifest_close(manifest);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	assert_int_equal(manifest_image_signal(&image, "traces")->first, 4);
	assert_int_equal(manifest_image_signal(&image, "metrics")->first, 4);
	manifest_image_free(&image);
}

/* ---- failures and kills ---- */

static unsigned count_operations(void)
{
	struct manifest *manifest;

	memset(&orders, 0, sizeof(orders));
	manifest = opened();
	live(manifest);
	manifest_close(manifest);
	assert_reads_as_lived();
	return orders.count;
}

static void scratch_renew(void)
{
	memset(&orders, 0, sizeof(orders));
	assert_int_equal(scratch_close(&scratch), 0);
	assert_int_equal(scratch_open(&scratch), 0);
}

static void an_operation_that_fails_is_made_good_by_the_next(void **state)
{
	const unsigned count = count_operations();

	(void)state;
	assert_true(count > 10);
	for (unsigned at = 1; at <= count; at++) {
		struct manifest *manifest;

		scratch_renew();
		orders.fail_at = at;
		manifest = opened();
		live(manifest);
		/* Where the making of a file failed, its writer tries again with another one. */
		if (orders.count >= at)
			orders.fail_at = 0;
		(void)file_open(manifest, "metrics", 1);
		(void)file_end(manifest, "traces", 2, MANIFEST_BAD, 4096);
		(void)file_end(manifest, "traces", 4, MANIFEST_SEALED, 12288);
		(void)manifest_enter_removed(manifest, "traces", 1, 0, 0, false);
		(void)file_open(manifest, "traces", 5);
		manifest_close(manifest);
		{
			struct manifest_image image = {0};
			const struct manifest_signal *traces;

			assert_int_equal(manifest_load(&image, scratch.fd), 0);
			traces = manifest_image_signal(&image, "traces");
			assert_int_equal(traces->entry_count, 3);
			assert_entry(traces, 2, MANIFEST_BAD, 4096);
			assert_entry(traces, 4, MANIFEST_SEALED, 12288);
			assert_entry(traces, 5, MANIFEST_OPEN, 65536);
			assert_int_equal(traces->removed_to, 1);
			assert_true(image.has_left && image.has_come);
			manifest_image_free(&image);
		}
	}
}

/* A file is entered before it may be used: what was answered is there after the kill. */
struct answered {
	unsigned made, removed;
};

static int live_and_be_killed(void *context)
{
	struct answered *answered = context;
	struct manifest *manifest = opened();

	for (uint64_t i = 1; i <= 4; i++) {
		if (file_open(manifest, "traces", i) == 0)
			answered->made = (unsigned)i;
		(void)file_end(manifest, "traces", i, MANIFEST_SEALED, 4096 * i);
		if (i > 2 && manifest_enter_removed(manifest, "traces", i - 2, 1, 4096, false) == 0)
			answered->removed = (unsigned)i - 2;
	}
	manifest_close(manifest);
	return 0;
}

static void a_kill_at_any_step_leaves_what_was_answered(void **state)
{
	struct answered *answered = mmap(NULL, sizeof(*answered), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned at;

	(void)state;
	assert_true(answered != MAP_FAILED);
	for (at = 1; at < 200; at++) {
		struct manifest_image image = {0};
		const struct manifest_signal *traces;
		int rc;

		scratch_renew();
		memset(answered, 0, sizeof(*answered));
		orders.kill_at = at;
		assert_int_equal(run_in_child(live_and_be_killed, answered), 0);
		orders.kill_at = 0;
		rc = manifest_load(&image, scratch.fd);
		if (rc == -ENOENT) {
			assert_int_equal(answered->made, 0);
			continue;
		}
		assert_int_equal(rc, 0);
		traces = manifest_image_signal(&image, "traces");
		if (answered->made > 0) {
			assert_non_null(traces);
			assert_true(traces->next > answered->made);
			assert_true(traces->removed_to >= answered->removed);
			/* Nothing is missed that was not said to be removed. */
			for (uint64_t i = traces->removed_to + 1; i <= answered->made; i++)
				assert_non_null(manifest_signal_find(traces, i));
		}
		manifest_image_free(&image);
		if (answered->removed == 2)
			break;
	}
	assert_int_equal(answered->removed, 2);
	munmap(answered, sizeof(*answered));
}

/* ---- what others did to files ---- */

static void a_file_that_was_cut_while_no_writer_was_there_stays_entered_as_cut(void **state)
{
	static const uint64_t left[] = {0, 4096, 8192};
	struct manifest_image image = {0};
	const struct manifest_signal *signal;
	struct manifest *manifest = opened();
	struct data_dir dir;
	struct data_file file;

	(void)state;
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	for (unsigned i = 0; i < COUNT_OF(left); i++) {
		struct data_file again;

		assert_int_equal(data_file_create(&dir, 65536, NEW_YEAR + 1 + (time_t)i, &file), 0);
		assert_int_equal(ftruncate(file.fd, (off_t)left[i]), 0);
		data_file_release(&file);
		assert_int_equal(data_file_open_existing(&dir, &file.name, 0, &again), 0);
		assert_true(again.is_cut);
		/* Of the last one a block is left in which nothing was yet: it lacks nothing. */
		assert_int_equal(data_file_seal(&dir, &again, i == 2 ? 4096 : left[i]), 0);
	}
	data_dir_close(&dir);
	manifest_close(manifest);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	signal = manifest_image_signal(&image, "traces");
	assert_entry(signal, 1, MANIFEST_CUT, 0);
	assert_entry(signal, 2, MANIFEST_CUT, 4096);
	assert_entry(signal, 3, MANIFEST_SEALED, 4096);
	manifest_image_free(&image);
}

/* As a full disk has it: the size is noted, then a step of the seal fails, and nothing is kept. */
static void a_file_whose_seal_failed_and_that_is_given_up_is_not_entered_as_sealed(void **state)
{
	struct manifest_image image = {0};
	struct manifest *manifest = opened();
	unsigned failures = 0, at;
	struct data_file file;
	struct data_dir dir;

	(void)state;
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	for (at = 1; at < 6; at++) {
		orders.fail_at = 0;
		assert_int_equal(data_file_create(&dir, 65536, NEW_YEAR + 1 + (time_t)at, &file),
				 0);
		orders.count = 0;
		orders.fail_at = at;
		if (data_file_seal(&dir, &file, 8192) < 0 && !file.is_sealed) {
			failures++;
			orders.fail_at = 0;
			assert_int_equal(data_file_seal(&dir, &file, 0), 0);
			assert_false(manifest_find(manifest, "traces", file.name.sequence,
						   &(struct manifest_entry){0}));
		}
		orders.fail_at = 0;
		data_file_release(&file);
	}
	assert_true(failures >= 2);
	data_dir_close(&dir);
	manifest_close(manifest);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	assert_int_equal(manifest_image_signal(&image, "traces")->entry_count, 5 - failures);
	manifest_image_free(&image);
}

static void a_seal_that_the_manifest_missed_is_entered_by_the_next_recovery(void **state)
{
	struct manifest_image image = {0};
	const struct manifest_signal *signal;
	struct manifest *manifest = opened();
	struct data_dir dir;
	struct data_file file;

	(void)state;
	assert_int_equal(data_dir_open(scratch.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_attach(&dir, manifest), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(data_file_create(&dir, 65536, NEW_YEAR + 1 + (time_t)i, &file), 0);
		dir.manifest = NULL;
		if (i == 0)
			assert_int_equal(data_file_seal(&dir, &file, 8192), 0);
		if (i == 1)
			assert_int_equal(data_file_abandon(&dir, &file, 4096), 0);
		if (i == 2)
			assert_int_equal(unlinkat(dir.fd, file.name.name, 0), 0);
		data_file_release(&file);
		dir.manifest = manifest;
	}
	assert_int_equal(data_dir_settle(&dir), 0);
	data_dir_close(&dir);
	manifest_close(manifest);
	assert_int_equal(manifest_load(&image, scratch.fd), 0);
	signal = manifest_image_signal(&image, "traces");
	assert_entry(signal, 1, MANIFEST_SEALED, 8192);
	assert_entry(signal, 2, MANIFEST_BAD, 4096);
	assert_entry(signal, 3, MANIFEST_OPEN, 65536); /* gone, and still missed */
	assert_entry(signal, 4, MANIFEST_OPEN, 65536);
	manifest_image_free(&image);
}

/* ---- clocks ---- */

static void a_clock_that_is_set_does_not_make_files_of_this_boot_older(void **state)
{
	struct manifest *manifest = opened();
	struct manifest_entry before, after;

	(void)state;
	assert_int_equal(file_open(manifest, "traces", 1), 0);
	assert_int_equal(file_end(manifest, "traces", 1, MANIFEST_SEALED, 8192), 0);
	assert_true(manifest_find(manifest, "traces", 1, &before));
	assert_int_equal(manifest_look_at_clock(manifest), 0);
	orders.wall_step_s = 86400;
	assert_in_range(manifest_look_at_clock(manifest), 86398, 86402);
	assert_int_equal(manifest_look_at_clock(manifest), 0);
	assert_true(manifest_find(manifest, "traces", 1, &after));
	assert_in_range(after.ended_s - before.ended_s, 86398, 86402);
	manifest_close(manifest);
	/* While no writer was there, too. */
	orders.wall_step_s = -3600;
	manifest = opened();
	assert_true(manifest_find(manifest, "traces", 1, &after));
	assert_in_range(before.ended_s - after.ended_s, 3598, 3602);
	manifest_close(manifest);
}

static void files_of_another_boot_keep_their_times(void **state)
{
	struct manifest_image image = {0};
	struct manifest *manifest;
	struct manifest_entry entry;
	char line[MANIFEST_LINE_BYTES_MAX];
	size_t bytes = 0;
	uint64_t next;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		size_t n = i == 0 ? manifest_line_begin(&image, line, 7)
			   : i == 1
				   ? manifest_line_clock(&image, line,
							 "0123456789abcdef0123456789abcdef", 500, 1)
			   : i == 2 ? manifest_line_make(line, image.sum, "signal traces 1 1 0 0 0")
				    : manifest_line_make(line, image.sum,
							 "sealed traces 1 4096 500 600");

		assert_int_equal(manifest_image_apply(&image, line, n), n);
		memcpy(text + bytes, line, n);
		bytes += n;
	}
	manifest_image_free(&image);
	text_write(bytes);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(manifest_open(&manifest, scratch.fd), 0);
		assert_int_equal(manifest_newest_s(manifest) == 600, i == 0);
		assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 1, &next), 0);
		assert_true(manifest_find(manifest, "traces", 1, &entry));
		assert_int_equal(entry.ended_s, 600);
		assert_false(entry.is_of_this_boot);
		orders.wall_step_s += 1000;
		assert_true(manifest_look_at_clock(manifest) != 0);
		assert_true(manifest_find(manifest, "traces", 1, &entry));
		assert_int_equal(entry.ended_s, 600);
		manifest_close(manifest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_entered_is_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_manifest_cut_at_any_byte_has_the_lines_before,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_byte_that_was_changed_ends_it_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_line_that_was_taken_out_ends_it_there, setup,
						teardown),
		cmocka_unit_test(lines_that_make_no_sense_are_refused),
		cmocka_unit_test(a_path_is_a_word_there_and_itself_again_for_people),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test_setup_teardown(a_torn_tail_is_cut_off, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_one_is_set_aside_and_begun_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_taken_away_is_written_anew, setup,
						teardown),
		cmocka_unit_test_setup_teardown(its_length_is_bounded_by_what_is_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_numbers_go_on_when_all_files_are_gone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_number_that_a_killed_writer_used_up_leaves_nothing_in_doubt, setup,
			teardown),
		cmocka_unit_test_setup_teardown(files_from_before_the_manifest_are_entered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_operation_that_fails_is_made_good_by_the_next,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_kill_at_any_step_leaves_what_was_answered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_was_cut_while_no_writer_was_there_stays_entered_as_cut, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_file_whose_seal_failed_and_that_is_given_up_is_not_entered_as_sealed,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_seal_that_the_manifest_missed_is_entered_by_the_next_recovery, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_clock_that_is_set_does_not_make_files_of_this_boot_older, setup,
			teardown),
		cmocka_unit_test_setup_teardown(files_of_another_boot_keep_their_times, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
