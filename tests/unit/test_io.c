/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk interface, over the real backends (each test once with io_uring, once with pwrite) and
 * over one that answers from a script.
 */
#include "writer/io/io.h"

#include <sys/stat.h>
#include <sys/time.h>

#include "tests/unit/io_testing.h"
#include "writer/io/io_backend.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FOREVER_NS INT64_MAX
#define MIB	   ((size_t)1 << 20)

/* ---- a pool, a file and an io of the mode that the test was registered with ---- */

struct fixture {
	struct scratch scratch;
	struct iobuf_pool *pool;
	struct io *io;
	int fd;
	unsigned slot;
	unsigned descriptors;
};

static int open_file(int dirfd, const char *name, bool direct, size_t bytes)
{
	int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	if (bytes > 0 && fallocate(fd, 0, 0, (off_t)bytes) < 0 && ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	if (direct) /* if refused: buffered, the results are the same */
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT);
	return fd;
}

static struct fixture *fixture_open(void **state)
{
	static struct fixture f;
	int rc;

	f = (struct fixture){.descriptors = count_descriptors()};
	assert_int_equal(iobuf_pool_open(&f.pool, IOBUF_COUNT, IOBUF_BYTES), 0);
	rc = io_open(&f.io, *(const enum io_mode *)*state, f.pool);
	if (rc < 0) {
		print_message("io_uring refused here (%s), nothing to test\n", strerror(-rc));
		iobuf_pool_close(f.pool);
		skip();
	}
	assert_int_equal(scratch_open(&f.scratch), 0);
	f.fd = open_file(f.scratch.fd, "file", true, 8 * MIB);
	assert_true(f.fd >= 0);
	assert_int_equal(io_file_add(f.io, f.fd, &f.slot), 0);
	return &f;
}

static void fixture_close(struct fixture *f)
{
	assert_int_equal(io_file_remove(f->io, f->slot), 0);
	io_close(f->io);
	iobuf_pool_close(f->pool);
	close(f->fd);
	assert_int_equal(scratch_close(&f->scratch), 0);
	assert_int_equal(count_descriptors(), f->descriptors);
}

static void fill(struct iobuf *buf, size_t bytes, uint32_t seed)
{
	for (size_t i = 0; i < bytes; i += 4) {
		uint32_t value = seed * 2654435761u + (uint32_t)i;

		memcpy(buf->data + i, &value, 4);
	}
}

/* Compares with what fill() of that seed makes. */
static bool has_pattern(int dirfd, const char *name, uint64_t offset, size_t bytes, uint32_t seed)
{
	uint8_t *read_back = malloc(bytes);
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	bool equal = read_back && fd >= 0 &&
		     pread(fd, read_back, bytes, (off_t)offset) == (ssize_t)bytes;

	for (size_t i = 0; equal && i < bytes; i += 4) {
		uint32_t value = seed * 2654435761u + (uint32_t)i;

		equal = memcmp(read_back + i, &value, 4) == 0;
	}
	if (fd >= 0)
		close(fd);
	free(read_back);
	return equal;
}

/* ---- real backends ---- */

static void what_is_written_reads_back_equal(void **state)
{
	struct fixture *f = fixture_open(state);
	const size_t sizes[] = {MIB, MIB, 4096, 2 * MIB + 4096};
	struct iobuf *bufs[4];
	uint64_t offset = 0;
	unsigned seen = 0;

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(iobuf_get(f->pool, sizes[i], &bufs[i]), 0);
		fill(bufs[i], sizes[i], i);
		assert_int_equal(io_write(f->io, f->slot, bufs[i], sizes[i], offset, i), 0);
		offset += sizes[i];
	}
	assert_int_equal(io_in_flight(f->io), 4);

	while (io_in_flight(f->io) > 0) {
		struct io_result result;

		assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
		assert_true(result.user < 4);
		assert_int_equal(result.result, (int)sizes[result.user]);
		assert_int_equal(seen & 1u << result.user, 0);
		seen |= 1u << result.user;
	}
	assert_int_equal(seen, 15);

	offset = 0;
	for (unsigned i = 0; i < 4; i++) {
		assert_true(has_pattern(f->scratch.fd, "file", offset, sizes[i], i));
		offset += sizes[i];
		iobuf_put(f->pool, bufs[i]);
	}
	fixture_close(f);
}

static void a_sync_is_reported_with_its_own_number(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;

	assert_int_equal(io_fsync(f->io, f->slot, UINT64_MAX), 0);
	assert_int_equal(io_fsync(f->io, f->slot, 1), -EAGAIN);
	assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
	assert_true(result.user == UINT64_MAX);
	assert_int_equal(result.result, 0);
	fixture_close(f);
}

/* A pipe cannot be synced, and says so: who hears of it has asked the right file. */
static void a_sync_reaches_the_file_that_it_is_for(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;
	unsigned slot;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(io_file_add(f->io, pipes[1], &slot), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(io_fsync(f->io, i % 2 == 0 ? f->slot : slot, i), 0);
		assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
		assert_int_equal(result.user, i);
		assert_int_equal(result.result, i % 2 == 0 ? 0 : -EINVAL);
	}
	assert_int_equal(io_file_remove(f->io, slot), 0);
	close(pipes[0]);
	close(pipes[1]);
	fixture_close(f);
}

/* So many of liburing's submissions are put off, as by a kernel that is short of memory. */
static unsigned put_off;

struct io_uring;
int __real_io_uring_submit(struct io_uring *ring);
int __wrap_io_uring_submit(struct io_uring *ring);

int __wrap_io_uring_submit(struct io_uring *ring)
{
	if (put_off == 0)
		return __real_io_uring_submit(ring);
	put_off--;
	return -EAGAIN;
}

static void what_was_put_off_is_submitted_by_a_look_without_waiting(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;
	unsigned looks = 0;

	put_off = 1;
	assert_int_equal(io_fsync(f->io, f->slot, 7), 0);
	put_off = 0;
	while (io_reap(f->io, &result, 1, 0) == 0) {
		assert_true(++looks < 20000);
		usleep(1000);
	}
	assert_int_equal(result.user, 7);
	assert_int_equal(result.result, 0);
	fixture_close(f);
}

static void reaping_nothing_returns_at_once(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;

	assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 0);
	assert_int_equal(io_reap(f->io, &result, 1, 0), 0);
	fixture_close(f);
}

static void a_look_without_waiting_finds_the_result_in_the_end(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;
	struct iobuf *buf;
	unsigned n = 0;

	assert_int_equal(iobuf_get(f->pool, MIB, &buf), 0);
	fill(buf, MIB, 5);
	assert_int_equal(io_write(f->io, f->slot, buf, MIB, MIB, 7), 0);
	while (n == 0)
		n = io_reap(f->io, &result, 1, 0);
	assert_int_equal(result.user, 7);
	assert_int_equal(result.result, (int)MIB);
	iobuf_put(f->pool, buf);
	fixture_close(f);
}

static void a_misaligned_direct_write_is_an_error_result(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;
	struct iobuf *buf;

	if (!(fcntl(f->fd, F_GETFL) & O_DIRECT)) {
		fixture_close(f);
		print_message("no O_DIRECT here\n");
		skip();
	}
	assert_int_equal(iobuf_get(f->pool, 4096, &buf), 0);
	assert_int_equal(io_write(f->io, f->slot, buf, 100, 0, 1), 0);
	assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
	assert_int_equal(result.result, -EINVAL);
	iobuf_put(f->pool, buf);
	fixture_close(f);
}

static void a_reused_slot_leads_to_the_new_file(void **state)
{
	struct fixture *f = fixture_open(state);
	struct io_result result;
	struct iobuf *buf;
	int next = open_file(f->scratch.fd, "next", true, MIB);

	assert_true(next >= 0);
	assert_int_equal(iobuf_get(f->pool, MIB, &buf), 0);
	fill(buf, MIB, 1);
	assert_int_equal(io_write(f->io, f->slot, buf, MIB, 0, 1), 0);
	assert_int_equal(io_file_remove(f->io, f->slot), -EBUSY);
	assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
	assert_int_equal(io_file_remove(f->io, f->slot), 0);

	assert_int_equal(io_file_add(f->io, next, &f->slot), 0);
	fill(buf, MIB, 2);
	assert_int_equal(io_write(f->io, f->slot, buf, MIB, 0, 2), 0);
	assert_int_equal(io_reap(f->io, &result, 1, FOREVER_NS), 1);
	assert_int_equal(result.result, (int)MIB);
	assert_true(has_pattern(f->scratch.fd, "file", 0, MIB, 1));
	assert_true(has_pattern(f->scratch.fd, "next", 0, MIB, 2));
	iobuf_put(f->pool, buf);
	close(f->fd);
	f->fd = next;
	fixture_close(f);
}

static void the_table_of_files_has_an_end(void **state)
{
	struct fixture *f = fixture_open(state);
	unsigned slots[IO_FILE_SLOTS], one_more;

	for (unsigned i = 1; i < IO_FILE_SLOTS; i++)
		assert_int_equal(io_file_add(f->io, f->fd, &slots[i]), 0);
	assert_int_equal(io_file_add(f->io, f->fd, &one_more), -EMFILE);
	assert_int_equal(io_file_remove(f->io, slots[3]), 0);
	assert_int_equal(io_file_add(f->io, f->fd, &one_more), 0);
	assert_int_equal(one_more, slots[3]);
	for (unsigned i = 1; i < IO_FILE_SLOTS; i++)
		assert_int_equal(io_file_remove(f->io, slots[i]), 0);
	fixture_close(f);
}

static void closing_waits_for_what_is_in_flight(void **state)
{
	struct fixture *f = fixture_open(state);
	struct iobuf *bufs[4];

	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(iobuf_get(f->pool, MIB, &bufs[i]), 0);
		fill(bufs[i], MIB, i);
		assert_int_equal(io_write(f->io, f->slot, bufs[i], MIB, i * MIB, i), 0);
	}
	assert_int_equal(io_fsync(f->io, f->slot, 4), 0);
	io_close(f->io);

	for (unsigned i = 0; i < 4; i++) {
		assert_true(has_pattern(f->scratch.fd, "file", i * MIB, MIB, i));
		iobuf_put(f->pool, bufs[i]);
	}
	assert_int_equal(io_open(&f->io, IO_PWRITE, NULL), 0);
	assert_int_equal(io_file_add(f->io, f->fd, &f->slot), 0);
	fixture_close(f);
}

/* ---- in a child: limits, signals, refused system calls ---- */

struct child_case {
	enum io_mode mode;
	const char *scratch;
	int dirfd;
	rlim_t limit;
	int expected;
	long number; /* of a system call */
	int argument;
	uint32_t value;
	int error;
	const char *says;
};

/* Writes 1 MiB to a new buffered file and returns its final result. */
static int write_one(struct io *io, struct iobuf_pool *pool, int dirfd, const char *name,
		     bool direct)
{
	struct io_result result = {.result = -EPROTO};
	struct iobuf *buf;
	unsigned slot, n = 0;
	int fd = open_file(dirfd, name, direct, direct ? MIB : 0);

	if (fd < 0 || io_file_add(io, fd, &slot) < 0 || iobuf_get(pool, MIB, &buf) < 0)
		return -EPROTO;
	fill(buf, MIB, 9);
	if (io_write(io, slot, buf, MIB, 0, 1) < 0)
		return -EPROTO;
	while (n == 0)
		n = io_reap(io, &result, 1, FOREVER_NS);
	iobuf_put(pool, buf);
	if (io_in_flight(io) != 0 || io_file_remove(io, slot) < 0)
		return -EPROTO;
	close(fd);
	return result.result;
}

static int write_below_a_size_limit(void *context)
{
	const struct child_case *c = context;
	struct rlimit limit = {.rlim_cur = c->limit, .rlim_max = RLIM_INFINITY};
	struct iobuf_pool *pool;
	struct io *io;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	CHECK(iobuf_pool_open(&pool, 1, MIB) == 0);
	if (io_open(&io, c->mode, pool) < 0)
		return CHILD_SKIP;
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	limit.rlim_cur = c->limit;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	rc = write_one(io, pool, c->dirfd, "file", false);
	CHECK(rc == c->expected);
	io_close(io);
	iobuf_pool_close(pool);
	return 0;
}

static void short_write_below_limit(enum io_mode mode, rlim_t limit, int expected)
{
	struct child_case c = {.mode = mode, .limit = limit, .expected = expected};
	struct scratch scratch;
	struct stat st;
	int rc;

	assert_int_equal(scratch_open(&scratch), 0);
	c.dirfd = scratch.fd;
	rc = run_in_child(write_below_a_size_limit, &c);
	if (rc == CHILD_SKIP) {
		assert_int_equal(scratch_close(&scratch), 0);
		skip();
	}
	assert_int_equal(rc, 0);
	assert_int_equal(fstatat(scratch.fd, "file", &st, 0), 0);
	assert_int_equal(st.st_size, (off_t)limit);
	assert_true(has_pattern(scratch.fd, "file", 0, limit / 4 * 4, 9));
	assert_int_equal(scratch_close(&scratch), 0);
}

static void a_short_write_goes_on_and_meets_the_limit(void **state)
{
	short_write_below_limit(*(const enum io_mode *)*state, 65536, -EFBIG);
}

static void a_write_that_stops_inside_a_block_ends_as_a_full_disk(void **state)
{
	short_write_below_limit(*(const enum io_mode *)*state, 65536 + 100, -ENOSPC);
}

static volatile sig_atomic_t alarms_left = 1000;

/* So many and no more: below valgrind they come faster than they are handled. */
static void on_alarm(int signal)
{
	(void)signal;
	if (alarms_left-- > 0)
		setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 300}, NULL);
}

static int write_in_a_storm_of_signals(void *context)
{
	const struct child_case *c = context;
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
	struct iobuf_pool *pool;
	struct io *io;
	char name[16];

	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(iobuf_pool_open(&pool, 2, MIB) == 0);
	if (io_open(&io, c->mode, pool) < 0)
		return CHILD_SKIP;
	on_alarm(SIGALRM);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "file-%u", i);
		CHECK(write_one(io, pool, c->dirfd, name, i % 2 == 0) == (int)MIB);
	}
	signal(SIGALRM, SIG_IGN);
	io_close(io);
	iobuf_pool_close(pool);
	return 0;
}

static void signals_do_not_fail_writes(void **state)
{
	struct child_case c = {.mode = *(const enum io_mode *)*state};
	struct scratch scratch;
	int rc;

	assert_int_equal(scratch_open(&scratch), 0);
	c.dirfd = scratch.fd;
	rc = run_in_child(write_in_a_storm_of_signals, &c);
	if (rc == 0)
		assert_true(has_pattern(scratch.fd, "file-19", 0, MIB, 9));
	assert_int_equal(scratch_close(&scratch), 0);
	if (rc == CHILD_SKIP)
		skip();
	assert_int_equal(rc, 0);
}

static int open_with_a_refused_call(void *context)
{
	const struct child_case *c = context;
	struct iobuf_pool *pool;
	struct io *io;
	unsigned descriptors = count_descriptors();
	int rc;

	CHECK(iobuf_pool_open(&pool, IOBUF_COUNT, MIB) == 0);
	if (io_open(&io, IO_URING, pool) < 0)
		return CHILD_SKIP;
	io_close(io);
	if (refuse(c->number, c->argument, c->value, c->error) < 0)
		return CHILD_SKIP;

	rc = io_open(&io, IO_URING, pool);
	/* A closed ring gives its share of RLIMIT_MEMLOCK back only after a while. */
	if (rc == -ENOMEM && c->expected != -ENOMEM)
		return CHILD_SKIP;
	CHECK(rc == c->expected);
	if (rc == 0)
		io_close(io);
	CHECK(io_open(&io, IO_AUTO, pool) == 0);
	if (c->expected == 0 && strncmp(io_describe(io), "pwrite", 6) == 0)
		return CHILD_SKIP;
	CHECK(strstr(io_describe(io), c->says));
	CHECK(strncmp(io_describe(io), c->expected < 0 ? "pwrite" : "io_uring", 6) == 0);
	CHECK(write_one(io, pool, c->dirfd, "file", true) == (int)MIB);
	io_close(io);
	iobuf_pool_close(pool);
	CHECK(count_descriptors() == descriptors);
	return 0;
}

static void open_refused(struct child_case *c)
{
	struct scratch scratch;
	int rc;

	assert_int_equal(scratch_open(&scratch), 0);
	c->dirfd = scratch.fd;
	rc = run_in_child(open_with_a_refused_call, c);
	if (rc == 0)
		assert_true(has_pattern(scratch.fd, "file", 0, MIB, 9));
	assert_int_equal(scratch_close(&scratch), 0);
	if (rc == CHILD_SKIP) {
		print_message("io_uring or seccomp refused here, nothing to test\n");
		skip();
	}
	assert_int_equal(rc, 0);
}

static void where_the_ring_is_refused_pwrite_does_the_work(void **state)
{
	const int errors[] = {EPERM, ENOSYS, EINVAL, ENOMEM};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		open_refused(&(struct child_case){
			.number = SYS_io_uring_setup,
			.argument = ANY_ARGUMENT,
			.error = errors[i],
			.expected = -errors[i],
			.says = strerror(errors[i]),
		});
}

static void where_the_ring_may_be_made_and_not_used_pwrite_does_the_work(void **state)
{
	(void)state;
	open_refused(&(struct child_case){
		.number = SYS_io_uring_enter,
		.argument = ANY_ARGUMENT,
		.error = EPERM,
		.expected = -EPERM,
		.says = strerror(EPERM),
	});
}

static void where_the_probe_is_refused_pwrite_does_the_work(void **state)
{
	(void)state;
	open_refused(&(struct child_case){
		.number = SYS_io_uring_register,
		.argument = 1,
		.value = 8, /* IORING_REGISTER_PROBE */
		.error = EINVAL,
		.expected = -ENOSYS,
		.says = "pwrite (io_uring refused",
	});
}

static void buffers_that_cannot_be_registered_are_written_plainly(void **state)
{
	(void)state;
	open_refused(&(struct child_case){
		.number = SYS_io_uring_register,
		.argument = 1,
		.value = 0, /* IORING_REGISTER_BUFFERS */
		.error = ENOMEM,
		.says = "buffers: not registered (Cannot allocate memory)",
	});
}

static void files_that_cannot_be_registered_are_written_plainly(void **state)
{
	(void)state;
	open_refused(&(struct child_case){
		.number = SYS_io_uring_register,
		.argument = 1,
		.value = 13, /* IORING_REGISTER_FILES2 */
		.error = EINVAL,
		.says = "files: plain",
	});
}

static int find_ring(void)
{
	char path[32], target[64];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			if (strstr(target, "io_uring"))
				return fd;
		}
	}
	return -1;
}

static int lose_the_ring(void *context)
{
	const struct child_case *c = context;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ring;
	struct io_result results[2];
	struct iobuf_pool *pool;
	struct iobuf *buf;
	unsigned slot, n;
	struct io *io;
	int fd;

	CHECK(iobuf_pool_open(&pool, 2, MIB) == 0);
	if (io_open(&io, IO_URING, pool) < 0)
		return CHILD_SKIP;
	fd = open_file(c->dirfd, "lost", true, MIB);
	CHECK(fd >= 0 && io_file_add(io, fd, &slot) == 0 && iobuf_get(pool, MIB, &buf) == 0);
	ring = find_ring();
	CHECK(ring >= 0 && dup3(null, ring, O_CLOEXEC) == ring);

	CHECK(io_write(io, slot, buf, MIB, 0, 1) == 0);
	CHECK(io_fsync(io, slot, 2) == 0);
	for (n = 0; n < 2;)
		n += io_reap(io, results + n, 2 - n, FOREVER_NS);
	CHECK(results[0].user == 1 && results[0].result == -EIO);
	CHECK(results[1].user == 2 && results[1].result == 0); /* by the successor */
	CHECK(strstr(io_describe(io), "pwrite (the ring failed"));
	iobuf_put(pool, buf);
	CHECK(write_one(io, pool, c->dirfd, "file", true) == (int)MIB);
	io_close(io);
	iobuf_pool_close(pool);
	close(null);
	return 0;
}

static void a_ring_lost_in_the_middle_is_reported_and_replaced(void **state)
{
	struct child_case c = {0};
	struct scratch scratch;
	int rc;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	c.dirfd = scratch.fd;
	rc = run_in_child(lose_the_ring, &c);
	if (rc == 0)
		assert_true(has_pattern(scratch.fd, "file", 0, MIB, 9));
	assert_int_equal(scratch_close(&scratch), 0);
	if (rc == CHILD_SKIP)
		skip();
	assert_int_equal(rc, 0);
}

/* ---- a backend that answers from a script ---- */

#define SCRIPT_MAX 256
#define WHOLE	   INT32_MAX /* as many bytes as were asked for */

struct script {
	struct io_backend backend;
	int answers[SCRIPT_MAX]; /* to the requests in their order */
	unsigned answer_count;
	struct io_request requests[SCRIPT_MAX];
	unsigned request_count;
	unsigned reaped_count;
	bool backwards; /* reap the newest first */
	bool is_reaped[SCRIPT_MAX];
	int submit_error;
	int reap_error;
	unsigned closed_count;
};

static void script_file_add(struct io_backend *backend, unsigned slot, int fd)
{
	(void)backend;
	(void)slot;
	(void)fd;
}

static void script_file_remove(struct io_backend *backend, unsigned slot)
{
	(void)backend;
	(void)slot;
}

static int script_submit(struct io_backend *backend, const struct io_request *request)
{
	struct script *script = (struct script *)backend;

	if (script->submit_error)
		return script->submit_error;
	assert_true(script->request_count < SCRIPT_MAX);
	script->requests[script->request_count++] = *request;
	return 0;
}

static int script_reap(struct io_backend *backend, struct io_raw_result *ret, unsigned max,
		       int64_t timeout_ns)
{
	struct script *script = (struct script *)backend;
	unsigned n = 0;

	(void)timeout_ns;
	if (script->reap_error)
		return script->reap_error;
	for (unsigned i = 0; i < script->request_count && n < max; i++) {
		unsigned at = script->backwards ? script->request_count - 1 - i : i;
		int answer;

		if (script->is_reaped[at])
			continue;
		script->is_reaped[at] = true;
		answer = at < script->answer_count ? script->answers[at] : WHOLE;
		if (answer == WHOLE)
			answer = (int)script->requests[at].bytes;
		ret[n++] =
			(struct io_raw_result){.tag = script->requests[at].tag, .result = answer};
	}
	return (int)n;
}

static void script_close(struct io_backend *backend)
{
	((struct script *)backend)->closed_count++;
}

static const struct io_backend_ops script_ops = {
	.file_add = script_file_add,
	.file_remove = script_file_remove,
	.submit = script_submit,
	.reap = script_reap,
	.close = script_close,
};

struct scripted {
	struct script script;
	struct iobuf_pool *pool;
	struct iobuf *buf;
	struct io *io;
	unsigned slot;
};

static void scripted_open(struct scripted *s)
{
	*s = (struct scripted){.script.backend = {.ops = &script_ops, .description = "script"}};
	assert_int_equal(iobuf_pool_open(&s->pool, 1, 65536), 0);
	assert_int_equal(iobuf_get(s->pool, 65536, &s->buf), 0);
	assert_int_equal(io_open_backend(&s->io, &s->script.backend), 0);
	assert_int_equal(io_file_add(s->io, STDERR_FILENO, &s->slot), 0);
}

static void scripted_close(struct scripted *s)
{
	io_close(s->io);
	iobuf_put(s->pool, s->buf);
	iobuf_pool_close(s->pool);
	assert_int_equal(s->script.closed_count, 1);
}

/* Writes 64 KiB at 1 MiB with these raw answers; returns the one result. */
static int scripted_write(struct scripted *s, const int *answers, unsigned count)
{
	struct io_result results[4];

	memcpy(s->script.answers, answers, count * sizeof(*answers));
	s->script.answer_count = count;
	assert_int_equal(io_write(s->io, s->slot, s->buf, 65536, MIB, 42), 0);
	assert_int_equal(io_reap(s->io, results, 4, FOREVER_NS), 1);
	assert_int_equal(results[0].user, 42);
	assert_int_equal(io_in_flight(s->io), 0);
	assert_int_equal(io_reap(s->io, results, 4, FOREVER_NS), 0);
	return results[0].result;
}

static void the_rest_of_a_short_write_starts_at_an_aligned_byte(void **state)
{
	struct scripted s;

	(void)state;
	scripted_open(&s);
	assert_int_equal(scripted_write(&s, (int[]){8192, 5000, WHOLE}, 3), 65536);
	assert_int_equal(s.script.request_count, 3);
	assert_int_equal(s.script.requests[1].offset, MIB + 8192);
	assert_int_equal(s.script.requests[1].bytes, 65536 - 8192);
	assert_ptr_equal(s.script.requests[1].data, s.buf->data + 8192);
	assert_int_equal(s.script.requests[2].offset, MIB + 8192 + 4096);
	assert_int_equal(s.script.requests[2].bytes, 65536 - 8192 - 4096);
	assert_ptr_equal(s.script.requests[2].data, s.buf->data + 8192 + 4096);
	scripted_close(&s);
}

static void two_empty_writes_in_a_row_are_a_full_disk(void **state)
{
	struct scripted s;

	(void)state;
	scripted_open(&s);
	assert_int_equal(scripted_write(&s, (int[]){4096, 0, 0}, 3), -ENOSPC);
	assert_int_equal(s.script.request_count, 3);
	scripted_close(&s);
}

static void an_empty_write_between_others_is_not_a_full_disk(void **state)
{
	struct scripted s;

	(void)state;
	scripted_open(&s);
	assert_int_equal(scripted_write(&s, (int[]){0, 4096, 0, WHOLE}, 4), 65536);
	assert_int_equal(s.script.request_count, 4);
	scripted_close(&s);
}

static void a_passing_error_is_tried_again(void **state)
{
	struct scripted s;

	(void)state;
	scripted_open(&s);
	assert_int_equal(scripted_write(&s, (int[]){-EINTR, -EAGAIN, -EBUSY, -ECANCELED, WHOLE}, 5),
			 65536);
	assert_int_equal(s.script.request_count, 5);
	scripted_close(&s);
}

static void a_passing_error_that_stays_is_an_io_error(void **state)
{
	struct scripted s;
	int answers[SCRIPT_MAX];

	(void)state;
	for (unsigned i = 0; i < SCRIPT_MAX; i++)
		answers[i] = -EAGAIN;
	scripted_open(&s);
	assert_int_equal(scripted_write(&s, answers, SCRIPT_MAX), -EIO);
	assert_true(s.script.request_count > 10 && s.script.request_count < SCRIPT_MAX);
	scripted_close(&s);
}

static void a_real_error_is_reported_once_and_not_tried_again(void **state)
{
	const int errors[] = {-EIO, -ENOSPC, -EDQUOT, -EFBIG, -EROFS, -EINVAL, -EBADF};

	(void)state;
	for (unsigned i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct scripted s;

		scripted_open(&s);
		assert_int_equal(scripted_write(&s, (int[]){4096, errors[i]}, 2), errors[i]);
		assert_int_equal(s.script.request_count, 2);
		scripted_close(&s);
	}
}

static void a_failed_sync_is_never_tried_again(void **state)
{
	struct io_result result;
	struct scripted s;

	(void)state;
	scripted_open(&s);
	s.script.answers[0] = -EIO;
	s.script.answer_count = 1;
	assert_int_equal(io_fsync(s.io, s.slot, 3), 0);
	assert_int_equal(io_reap(s.io, &result, 1, FOREVER_NS), 1);
	assert_int_equal(result.result, -EIO);
	assert_int_equal(s.script.request_count, 1);
	scripted_close(&s);
}

static void completions_may_come_in_any_order(void **state)
{
	struct io_result results[4];
	struct scripted s;

	(void)state;
	scripted_open(&s);
	s.script.backwards = true;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(io_write(s.io, s.slot, s.buf, 4096 * (i + 1), 0, 100 + i), 0);
	assert_int_equal(io_reap(s.io, results, 2, FOREVER_NS), 2);
	assert_int_equal(io_reap(s.io, results + 2, 2, FOREVER_NS), 2);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(results[i].user, 103 - i);
		assert_int_equal(results[i].result, 4096 * (4 - (int)i));
	}
	scripted_close(&s);
}

static void the_queue_has_an_end_until_results_are_reaped(void **state)
{
	struct io_result results[8];
	struct scripted s;

	(void)state;
	scripted_open(&s);
	for (unsigned i = 0; i < IO_FILE_WRITES_MAX; i++)
		assert_int_equal(io_write(s.io, s.slot, s.buf, 4096, 0, i), 0);
	assert_int_equal(io_write(s.io, s.slot, s.buf, 4096, 0, 9), -EAGAIN);
	assert_int_equal(io_fsync(s.io, s.slot, 10), 0);
	assert_int_equal(io_fsync(s.io, s.slot, 11), -EAGAIN);
	assert_int_equal(io_file_in_flight(s.io, s.slot), 5);
	assert_int_equal(io_file_remove(s.io, s.slot), -EBUSY);
	assert_int_equal(io_reap(s.io, results, 8, 0), 5);
	assert_int_equal(io_write(s.io, s.slot, s.buf, 4096, 0, 9), 0);
	scripted_close(&s);
}

static void the_queue_of_all_files_has_an_end(void **state)
{
	unsigned slots[IO_FILE_SLOTS], started = 0;
	struct io_result results[IO_OPS_MAX];
	struct scripted s;

	(void)state;
	scripted_open(&s);
	slots[0] = s.slot;
	for (unsigned i = 1; i < IO_FILE_SLOTS; i++)
		assert_int_equal(io_file_add(s.io, STDERR_FILENO, &slots[i]), 0);
	for (unsigned i = 0; i < IO_FILE_SLOTS; i++)
		for (unsigned k = 0; k < IO_FILE_WRITES_MAX; k++)
			started += io_write(s.io, slots[i], s.buf, 4096, 0, k) == 0;
	assert_int_equal(started, IO_OPS_MAX);
	assert_int_equal(io_fsync(s.io, slots[0], 1), -EAGAIN);
	assert_int_equal(io_reap(s.io, results, IO_OPS_MAX, FOREVER_NS), IO_OPS_MAX);
	assert_int_equal(io_fsync(s.io, slots[0], 1), 0);
	scripted_close(&s);
}

static void a_backend_that_fails_is_closed_and_all_it_held_reported(void **state)
{
	struct io_result results[4];
	struct scratch scratch;
	struct scripted s;
	unsigned slot;
	int fd;

	(void)state;
	scripted_open(&s);
	assert_int_equal(scratch_open(&scratch), 0);
	fd = open_file(scratch.fd, "file", false, 0);
	assert_true(fd >= 0);
	assert_int_equal(io_file_add(s.io, fd, &slot), 0);
	assert_int_equal(io_write(s.io, slot, s.buf, 4096, 0, 1), 0);
	assert_int_equal(io_fsync(s.io, slot, 2), 0);
	s.script.reap_error = -ENXIO;
	assert_int_equal(io_reap(s.io, results, 4, FOREVER_NS), 2);
	assert_int_equal(results[0].result, -EIO);
	assert_int_equal(results[1].result, -EIO);
	assert_int_equal(s.script.closed_count, 1);

	fill(s.buf, 65536, 3);
	assert_int_equal(io_write(s.io, slot, s.buf, 65536, 0, 3), 0);
	assert_int_equal(io_reap(s.io, results, 4, FOREVER_NS), 1);
	assert_int_equal(results[0].result, 65536);
	assert_true(has_pattern(scratch.fd, "file", 0, 65536, 3));
	assert_int_equal(io_file_remove(s.io, slot), 0);
	close(fd);
	assert_int_equal(scratch_close(&scratch), 0);
	scripted_close(&s);
}

static void a_backend_that_fails_on_a_retry_reports_the_rest_as_well(void **state)
{
	struct io_result results[4];
	struct scripted s;

	(void)state;
	scripted_open(&s);
	s.script.answers[0] = 4096; /* goes on, into a failing submit */
	s.script.answer_count = 1;
	assert_int_equal(io_write(s.io, s.slot, s.buf, 8192, 0, 1), 0);
	assert_int_equal(io_write(s.io, s.slot, s.buf, 8192, 0, 2), 0);
	s.script.submit_error = -EBADF;
	assert_int_equal(io_reap(s.io, results, 4, FOREVER_NS), 2);
	assert_int_equal(results[0].result, -EIO);
	assert_int_equal(results[1].result, -EIO);
	scripted_close(&s);
}

/* ---- buffers ---- */

static void a_pool_lends_what_it_has_and_then_says_so(void **state)
{
	struct iobuf *bufs[4], *one_more, *large;
	struct iobuf_pool *pool;

	(void)state;
	assert_int_equal(iobuf_pool_open(&pool, 4, MIB), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(iobuf_get(pool, i == 0 ? 1 : MIB, &bufs[i]), 0);
		assert_int_equal(bufs[i]->index, (int)i);
		assert_int_equal(bufs[i]->capacity_bytes, MIB);
		assert_int_equal((uintptr_t)bufs[i]->data % IOBUF_ALIGN_BYTES, 0);
		memset(bufs[i]->data, (int)i, MIB);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bufs[i]->data[MIB - 1], i);
	assert_int_equal(iobuf_get(pool, MIB, &one_more), -EAGAIN);

	assert_int_equal(iobuf_get(pool, MIB + 1, &large), 0);
	assert_int_equal(large->index, -1);
	assert_int_equal(large->capacity_bytes, MIB + IOBUF_ALIGN_BYTES);
	large->data[MIB] = 1;
	iobuf_put(pool, large);

	iobuf_put(pool, bufs[2]);
	assert_int_equal(iobuf_get(pool, MIB, &one_more), 0);
	assert_ptr_equal(one_more, bufs[2]);
	for (unsigned i = 0; i < 4; i++)
		iobuf_put(pool, bufs[i]);
	iobuf_pool_close(pool);
}

static void a_pool_refuses_what_it_cannot_hold(void **state)
{
	struct iobuf_pool *pool;
	struct iobuf *buf;

	(void)state;
	assert_int_equal(iobuf_pool_open(&pool, 0, MIB), -EINVAL);
	assert_int_equal(iobuf_pool_open(&pool, IOBUF_COUNT_MAX + 1, MIB), -EINVAL);
	assert_int_equal(iobuf_pool_open(&pool, 1, 4095), -EINVAL);
	assert_int_equal(iobuf_pool_open(&pool, 1, 4096), 0);
	assert_int_equal(iobuf_get(pool, IOBUF_BYTES_MAX + 1, &buf), -EMSGSIZE);
	iobuf_pool_close(pool);
}

#define BOTH_MODES(test)                                                                        \
	{.name = #test " (io_uring)", .test_func = test, .initial_state = (void *)&mode_uring}, \
	{                                                                                       \
		.name = #test " (pwrite)", .test_func = test,                                   \
		.initial_state = (void *)&mode_pwrite                                           \
	}

int main(void)
{
	static const enum io_mode mode_uring = IO_URING, mode_pwrite = IO_PWRITE;
	const struct CMUnitTest tests[] = {
		BOTH_MODES(what_is_written_reads_back_equal),
		BOTH_MODES(a_sync_is_reported_with_its_own_number),
		BOTH_MODES(a_sync_reaches_the_file_that_it_is_for),
		BOTH_MODES(what_was_put_off_is_submitted_by_a_look_without_waiting),
		BOTH_MODES(reaping_nothing_returns_at_once),
		BOTH_MODES(a_look_without_waiting_finds_the_result_in_the_end),
		BOTH_MODES(a_misaligned_direct_write_is_an_error_result),
		BOTH_MODES(a_reused_slot_leads_to_the_new_file),
		BOTH_MODES(the_table_of_files_has_an_end),
		BOTH_MODES(closing_waits_for_what_is_in_flight),
		BOTH_MODES(a_short_write_goes_on_and_meets_the_limit),
		BOTH_MODES(a_write_that_stops_inside_a_block_ends_as_a_full_disk),
		BOTH_MODES(signals_do_not_fail_writes),
		cmocka_unit_test(where_the_ring_is_refused_pwrite_does_the_work),
		cmocka_unit_test(where_the_ring_may_be_made_and_not_used_pwrite_does_the_work),
		cmocka_unit_test(where_the_probe_is_refused_pwrite_does_the_work),
		cmocka_unit_test(buffers_that_cannot_be_registered_are_written_plainly),
		cmocka_unit_test(files_that_cannot_be_registered_are_written_plainly),
		cmocka_unit_test(a_ring_lost_in_the_middle_is_reported_and_replaced),
		cmocka_unit_test(the_rest_of_a_short_write_starts_at_an_aligned_byte),
		cmocka_unit_test(two_empty_writes_in_a_row_are_a_full_disk),
		cmocka_unit_test(an_empty_write_between_others_is_not_a_full_disk),
		cmocka_unit_test(a_passing_error_is_tried_again),
		cmocka_unit_test(a_passing_error_that_stays_is_an_io_error),
		cmocka_unit_test(a_real_error_is_reported_once_and_not_tried_again),
		cmocka_unit_test(a_failed_sync_is_never_tried_again),
		cmocka_unit_test(completions_may_come_in_any_order),
		cmocka_unit_test(the_queue_has_an_end_until_results_are_reaped),
		cmocka_unit_test(the_queue_of_all_files_has_an_end),
		cmocka_unit_test(a_backend_that_fails_is_closed_and_all_it_held_reported),
		cmocka_unit_test(a_backend_that_fails_on_a_retry_reports_the_rest_as_well),
		cmocka_unit_test(a_pool_lends_what_it_has_and_then_says_so),
		cmocka_unit_test(a_pool_refuses_what_it_cannot_hold),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
