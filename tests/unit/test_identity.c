/* SPDX-License-Identifier: Apache-2.0 */
/* A region's id belongs to its file, and one writer at a time drains it. */
#include "shm/identity.h"
#include "shm/region_lock.h"
#include "shm/region_view.h"

#include "tests/unit/shm_fixture.h"

static const struct region_options small = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
					    .program = "test"};

static int nameless(const struct runtime_dir *dir)
{
	int fd = openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static void an_id_belongs_to_its_file_and_to_no_other(void **state)
{
	enum { COUNT = 200 };
	int fds[COUNT];
	uint64_t ids[COUNT];
	uint32_t flags[COUNT] = {0};
	unsigned a, b;

	for (a = 0; a < COUNT; a++) {
		fds[a] = nameless(*state);
		assert_int_equal(identity_make(fds[a], &flags[a], &ids[a]), 0);
		assert_true(ids[a] != 0);
	}
	for (a = 0; a < COUNT; a++)
		for (b = 0; b < COUNT; b++)
			assert_int_equal(identity_check(fds[a], flags[b], ids[b]),
					 a == b ? 0 : -ENOTUNIQ);
	for (a = 0; a < COUNT; a++)
		close(fds[a]);
}

/* Also as it is made where the file system keeps no time of birth. */
static void each_form_is_bound(void **state)
{
	uint64_t id;
	uint32_t flags = 0;
	int fd = nameless(*state), other = nameless(*state), shift;

	assert_int_equal(identity_make(fd, &flags, &id), 0);
	/* The one form's id does not pass as the other's. */
	assert_int_equal(identity_check(fd, flags ^ REGION_FLAG_BIRTH, id), -ENOTUNIQ);
	assert_int_equal(identity_check(other, flags ^ REGION_FLAG_BIRTH, id), -ENOTUNIQ);
	/* Other flags are no matter of the id. */
	assert_int_equal(identity_check(fd, flags | REGION_FLAG_NOT_REACHED, id), 0);
	/* The random part may be anything, each other bit counts. */
	assert_int_equal(identity_check(fd, flags, id ^ 1), 0);
	for (shift = 32; shift < 64; shift++)
		assert_int_equal(identity_check(fd, flags, id ^ UINT64_C(1) << shift), -ENOTUNIQ);
	close(fd);
	close(other);
}

static void a_file_keeps_its_id_whatever_its_name_and_contents_are(void **state)
{
	const struct runtime_dir *dir = *state;
	uint64_t id;
	uint32_t flags = 0;
	int fd = nameless(dir);

	assert_int_equal(identity_make(fd, &flags, &id), 0);
	assert_int_equal(runtime_link(dir, fd, "first"), 0);
	assert_int_equal(renameat(dir->fd, "first", dir->fd, "second"), 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	close(fd);
	fd = openat(dir->fd, "second", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(identity_check(fd, flags, id), 0);
	close(fd);
}

static void find_name(const struct region *region, char ret[REGION_NAME_BYTES_MAX])
{
	region_format_name(ret, region->header->pid, region->header->region_id);
}

/* A copy of everything: the header, the name but for the pid. */
static void a_copy_is_no_region_where_others_can_make_files(void **state)
{
	struct runtime_dir group = *(struct runtime_dir *)*state;
	char name[REGION_NAME_BYTES_MAX];
	struct region_header header;
	struct region_view view;
	struct region region;
	int fd;

	assert_int_equal(region_create(&region, *state, &small), 0);
	header = *region.header;
	header.pid++;
	region_format_name(name, header.pid, header.region_id);
	fd = openat(group.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, region.header, region.bytes), region.bytes);
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
	group.group = true;
	assert_int_equal(region_attach(&view, &group, name, true), -ENOTUNIQ);
	assert_int_equal(region_attach(&view, &group, name, false), -ENOTUNIQ);
	/* In a directory of one's own one may copy. */
	assert_int_equal(region_attach(&view, *state, name, true), 0);
	region_detach(&view);
	find_name(&region, name);
	assert_int_equal(region_attach(&view, &group, name, true), 0);
	region_detach(&view);
	region_close(&region);
}

static void one_writer_at_a_time_drains_a_region(void **state)
{
	struct region_view first, second, monitor;
	char name[REGION_NAME_BYTES_MAX];
	struct region region;

	assert_int_equal(region_create(&region, *state, &small), 0);
	find_name(&region, name);
	assert_int_equal(region_attach(&first, *state, name, true), 0);
	assert_int_equal(region_attach(&second, *state, name, true), 0);
	assert_int_equal(region_attach(&monitor, *state, name, false), 0);
	assert_int_equal(region_is_locked(monitor.fd, REGION_LOCK_WRITER), 0);
	assert_int_equal(region_take(&first, 7), 0);
	assert_int_equal(region.header->writer_epoch, 7);
	assert_int_equal(region_take(&second, 8), -EBUSY);
	assert_int_equal(region.header->writer_epoch, 7);
	assert_int_equal(region_is_locked(monitor.fd, REGION_LOCK_WRITER), 1);
	/* Neither lock is taken for the other. */
	assert_int_equal(region_is_alive(&monitor), 1);
	region_close(&region);
	assert_int_equal(region_is_alive(&monitor), 0);
	assert_int_equal(region_is_alive(&first), 0);
	region_detach(&first);
	assert_int_equal(region_is_locked(monitor.fd, REGION_LOCK_WRITER), 0);
	assert_int_equal(region_take(&second, 8), 0);
	assert_true(region_has_name(&second));
	region_detach(&second);
	/* Its last writer was done with it between our look at it and our lock. */
	assert_int_equal(region_attach(&second, *state, name, true), 0);
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	assert_int_equal(region_take(&second, 9), -ENOENT);
	assert_false(region_has_name(&second));
	region_detach(&second);
	region_detach(&monitor);
}

#define IN_A_DIRECTORY(test) \
	cmocka_unit_test_setup_teardown(test, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(an_id_belongs_to_its_file_and_to_no_other),
		IN_A_DIRECTORY(each_form_is_bound),
		IN_A_DIRECTORY(a_file_keeps_its_id_whatever_its_name_and_contents_are),
		IN_A_DIRECTORY(a_copy_is_no_region_where_others_can_make_files),
		IN_A_DIRECTORY(one_writer_at_a_time_drains_a_region),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
