/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify on files that are made by hand, and a manifest that says which there must be: each time
 * one of them is not there, or not as it was, or a ring's records are not all in one directory.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/verify_fixture.h"
#include "writer/file/manifest.h"

#define BLOCK	 BATCH_BLOCK_BYTES
#define NEW_YEAR ((time_t)1767225600) /* as in the fixture's names */

static struct manifest *manifest;

static int setup(void **state)
{
	(void)state;
	return verify_fixture_setup();
}

static int teardown(void **state)
{
	(void)state;
	verify_fixture_teardown();
	return 0;
}

static struct data_name name_of(unsigned file)
{
	struct data_name name;

	data_name_make("traces", NEW_YEAR, file, &name);
	return name;
}

/* ---- what a writer enters ---- */

static void begin(void)
{
	uint64_t next;

	assert_int_equal(manifest_open(&manifest, out_fd), 0);
	assert_int_equal(manifest_adopt(manifest, "traces", NULL, 0, 1, &next), 0);
	assert_int_equal(manifest_adopt(manifest, "metrics", NULL, 0, 1, &next), 0);
}

static void end(void)
{
	manifest_close(manifest);
	manifest = NULL;
}

static void made(unsigned file)
{
	const struct data_name name = name_of(file);

	assert_int_equal(manifest_enter_open(manifest, "traces", &name, 4 * BLOCK), 0);
}

static void ended(unsigned file, enum manifest_state state, uint64_t bytes)
{
	const struct data_name name = name_of(file);

	assert_int_equal(manifest_enter_end(manifest, "traces", &name, state, bytes), 0);
}

static void sealed(unsigned file, uint64_t bytes)
{
	made(file);
	ended(file, MANIFEST_SEALED, bytes);
}

/* Three files of one batch each, sealed and entered. */
static void three_files(void)
{
	unsigned i;

	begin();
	for (i = 0; i < 3; i++) {
		struct batch_entry entry = entry_make(80 * i, 80 * i + 80, 3, 3 * i);

		entry.accepted_items = 9;
		entry.flags = i == 2 ? BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED : 0;
		batch_put(i + 1, i, entry);
		sealed(i + 1, BLOCK);
	}
	end();
}

static void take(unsigned file, const char *suffix)
{
	char name[96];

	name_make(name, file, suffix);
	assert_int_equal(unlinkat(out_fd, name, 0), 0);
}

static void cut(unsigned file, const char *suffix, off_t bytes)
{
	char name[96];
	int fd;

	name_make(name, file, suffix);
	fd = openat(out_fd, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	close(fd);
}

static void change_name(unsigned file, const char *from, const char *to)
{
	char names[2][96];

	name_make(names[0], file, from);
	name_make(names[1], file, to);
	assert_int_equal(renameat(out_fd, names[0], out_fd, names[1]), 0);
}

/* ---- files ---- */

static void what_the_manifest_has_is_ok(void **state)
{
	(void)state;
	three_files();
	look(NULL);
	assert_ok();
	assert_int_equal(verify.notes.count, 0);
	assert_int_equal(verify.manifest.expected_files, 3);
}

static void each_file_that_is_missing_is_named(void **state)
{
	(void)state;
	three_files();
	take(3, "");
	look(NULL);
	assert_problem("00000003.binpb is missing: it was sealed with 4096 bytes", NULL);
	assert_int_equal(verify.manifest.missing_files, 1);
	take(2, "");
	take(1, "");
	look(NULL);
	assert_problem("00000001.binpb is missing", NULL);
	assert_int_equal(verify.manifest.missing_files, 3);
	assert_int_equal(unlinkat(out_fd, "traces", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(out_fd, "metrics", AT_REMOVEDIR), 0);
	look(NULL);
	assert_problem("00000002.binpb is missing", NULL);
}

static void a_file_that_was_cut_on_a_batch_is_found(void **state)
{
	struct batch_entry last = entry_make(80, 160, 3, 3);

	(void)state;
	begin();
	last.flags = BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, last);
	sealed(1, 2 * BLOCK);
	end();
	look(NULL);
	assert_ok();
	cut(1, "", BLOCK);
	look(NULL);
	assert_problem("00000001.binpb has 4096 bytes, and was sealed with 8192", NULL);
	cut(1, "", 0);
	look(NULL);
	assert_problem("00000001.binpb has 0 bytes", NULL);
	assert_int_equal(verify.manifest.cut_files, 1);
}

static void an_open_file_must_be_there_with_its_size(void **state)
{
	(void)state;
	begin();
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	change_name(1, "", ".open");
	cut(1, ".open", 4 * BLOCK);
	made(1);
	end();
	look(NULL);
	assert_ok();
	/* What is gone of it held nothing. */
	cut(1, ".open", 2 * BLOCK);
	look(NULL);
	assert_ok();
	cut(1, ".open", BLOCK);
	look(NULL);
	assert_problem("00000001.binpb.open was cut behind the writer's back: it has 4096 bytes",
		       NULL);
	cut(1, ".open", 0);
	look(NULL);
	assert_problem("was cut behind the writer's back: it has 0 bytes", NULL);
	take(1, ".open");
	look(NULL);
	assert_problem("00000001.binpb.open is missing: a writer made it", NULL);
}

/* The states between two steps of a writer that was killed. */
static void a_step_that_was_not_finished_is_ok(void **state)
{
	(void)state;
	begin();
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	made(1);
	end();
	look(NULL); /* sealed, and not entered as that */
	assert_ok();
	change_name(1, "", ".4096.bad");
	look(NULL); /* given up, and not entered as that */
	assert_ok();
	change_name(1, ".4096.bad", ".open");
	assert_int_equal(manifest_open(&manifest, out_fd), 0);
	ended(1, MANIFEST_SEALED, BLOCK);
	end();
	look(NULL); /* about to be sealed: cut already, or not yet */
	assert_ok();
	cut(1, ".open", 4 * BLOCK);
	look(NULL);
	assert_ok();
	file_write("traces/traces-20260101T000000Z-00000002.binpb.open", "", 0);
	look(NULL); /* made, and not entered */
	assert_ok();
}

static void a_file_that_nobody_entered_is_found(void **state)
{
	struct batch_entry other = entry_make(0, 80, 3, 0);

	(void)state;
	three_files();
	other.region_id++;
	put_epoch++;
	batch_put(9, 0, other);
	look(NULL);
	assert_problem("00000009.binpb is not in the manifest", NULL);
	assert_int_equal(verify.manifest.unknown_files, 1);
}

static void a_recovery_that_found_less_stays_a_problem(void **state)
{
	(void)state;
	begin();
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	made(1);
	ended(1, MANIFEST_CUT, BLOCK);
	made(2);
	ended(2, MANIFEST_CUT, 0);
	end();
	look(NULL);
	assert_problem("00000001.binpb was cut behind its writer's back", NULL);
	assert_problem("00000002.binpb was cut behind its writer's back", NULL);
	assert_int_equal(verify.manifest.missing_files, 0);
}

static void a_manifest_that_was_changed_is_a_problem(void **state)
{
	unsigned i;
	int fd;

	(void)state;
	three_files();
	begin();
	for (i = 4; i < 80; i++) {
		sealed(i, BLOCK);
		assert_int_equal(manifest_enter_dropped(manifest, "traces", i), 0);
	}
	end();
	look(NULL);
	assert_ok();
	fd = openat(out_fd, MANIFEST_NAME, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 100), 1);
	close(fd);
	look(NULL);
	assert_problem("otlpipe.manifest is damaged", NULL);
}

/* ---- retention ---- */

static void what_retention_removed_is_not_missed(void **state)
{
	(void)state;
	three_files();
	begin();
	assert_int_equal(manifest_enter_removed(manifest, "traces", 1, 1, BLOCK, false), 0);
	end();
	look(NULL); /* it is about to be */
	assert_ok();
	take(1, "");
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].removed_items, 3);
	assert_int_equal(verify.manifest.removed_files, 1);
	take(2, "");
	look(NULL);
	assert_problem("00000002.binpb is missing", NULL);
}

/* Without a word about retention a start that is not there is a loss, whatever clocks say. */
static void a_start_that_is_not_there_has_a_reason_or_is_missing(void **state)
{
	struct batch_entry late = entry_make(80, 160, 3, 4);

	(void)state;
	late.start_unix_ns = 500;
	batch_put(1, 0, late);
	look(NULL);
	assert_ok(); /* no manifest: who knows */
	assert_true(is_found(&verify.notes, "has no manifest"));
	begin();
	sealed(1, BLOCK);
	end();
	look(NULL);
	assert_problem("positions 0 to 80 are missing, and retention removed no file of traces",
		       "offset 0");
	begin();
	assert_int_equal(manifest_enter_removed(manifest, "traces", 1, 1, BLOCK, false), 0);
	end();
	late.start_unix_ns = UINT64_MAX; /* the clock was set back since */
	take(1, "");
	batch_put(2, 0, late);
	begin();
	sealed(2, BLOCK);
	end();
	look(NULL);
	assert_ok();
}

/* ---- other directories ---- */

/* Positions 0 to 80 and 160 to 240 in the first one, by two runs; the second has those between. */
static void write_here_there_and_here(void)
{
	struct batch_entry last = entry_make(160, 240, 3, 6);

	last.flags = BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED;
	begin();
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	sealed(1, BLOCK);
	manifest_enter_elsewhere(manifest, false, "second");
	manifest_enter_elsewhere(manifest, true, "second");
	put_epoch++;
	batch_put(2, 0, last);
	sealed(2, BLOCK);
	end();
	use_dir(1);
	put_epoch++;
	begin();
	batch_put(1, 0, entry_make(80, 160, 3, 3));
	sealed(1, BLOCK);
	manifest_enter_elsewhere(manifest, true, "first");
	manifest_enter_elsewhere(manifest, false, "first");
	end();
}

static void what_went_elsewhere_is_said_to_be_there(void **state)
{
	(void)state;
	write_here_there_and_here();
	look(NULL); /* the second alone: its end may be elsewhere, too */
	assert_ok();
	assert_true(is_found(&verify.notes, "written to another output directory"));
	use_dir(0);
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].elsewhere_items, 3);
}

static void both_directories_together_are_whole(void **state)
{
	(void)state;
	write_here_there_and_here();
	look_at(2, NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].elsewhere_items, 0);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].written_items, 9);
	assert_int_equal(verify.final_regions, 1);
	assert_int_equal(verify.notes.count, 0);
}

static void what_is_in_both_is_written_twice(void **state)
{
	(void)state;
	write_here_there_and_here();
	put_epoch++;
	batch_put(2, 0, entry_make(80, 160, 3, 3));
	begin();
	sealed(2, BLOCK);
	end();
	look_at(2, NULL);
	assert_problem("positions 80 to 160 are written twice", "second/traces/");
}

static void numbers_that_do_not_go_together_are_found(void **state)
{
	(void)state;
	write_here_there_and_here();
	take(1, "");
	batch_put(1, 0, entry_make(80, 160, 4, 3));
	look_at(2, NULL);
	assert_problem("do not go with the numbers of items", "second/traces/");
}

/* A gap inside one run has no reason: a run writes to one directory. */
static void a_gap_in_one_run_is_missing_though_others_were_elsewhere(void **state)
{
	struct batch_entry last = entry_make(160, 240, 3, 6);

	(void)state;
	begin();
	manifest_enter_elsewhere(manifest, true, "second");
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, last);
	sealed(1, 2 * BLOCK);
	end();
	look(NULL);
	assert_problem("a gap, positions 80 to 160 are missing", "offset 4096");
}

#define MANIFEST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MANIFEST_TEST(what_the_manifest_has_is_ok),
		MANIFEST_TEST(each_file_that_is_missing_is_named),
		MANIFEST_TEST(a_file_that_was_cut_on_a_batch_is_found),
		MANIFEST_TEST(an_open_file_must_be_there_with_its_size),
		MANIFEST_TEST(a_step_that_was_not_finished_is_ok),
		MANIFEST_TEST(a_file_that_nobody_entered_is_found),
		MANIFEST_TEST(a_recovery_that_found_less_stays_a_problem),
		MANIFEST_TEST(a_manifest_that_was_changed_is_a_problem),
		MANIFEST_TEST(what_retention_removed_is_not_missed),
		MANIFEST_TEST(a_start_that_is_not_there_has_a_reason_or_is_missing),
		MANIFEST_TEST(what_went_elsewhere_is_said_to_be_there),
		MANIFEST_TEST(both_directories_together_are_whole),
		MANIFEST_TEST(what_is_in_both_is_written_twice),
		MANIFEST_TEST(numbers_that_do_not_go_together_are_found),
		MANIFEST_TEST(a_gap_in_one_run_is_missing_though_others_were_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
