/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer that means harm: it makes regions as everybody does, and then lies in them, cuts them,
 * or puts other things in their place, while a writer drains them. It touches only what is its own
 * or new, and the control page; what is left of it at the end is for the test to remove.
 *
 * usage: hostile_producer MODE RUNTIME_DIR SEED ROUNDS
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "shm/atomic.h"
#include "tests/pipeline/hostile.h"

/* To every size, 0 included, sometimes back again, and holes. */
static void cut(uint64_t rounds)
{
	uint64_t step;

	for (step = 0; step < rounds; step++) {
		struct prey prey;
		uint64_t bytes;

		prey_open(&prey);
		bytes = prey.region.bytes;
		/* Our own mapping goes first: the liar does not die of its lie. */
		munmap(prey.region.header, prey.region.bytes);
		prey.region.header = NULL;
		hostile_pause();
		if (prey.fd >= 0 && step % 3 == 2) {
			(void)fallocate(prey.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)hostile_pick(bytes),
					(off_t)(1 + hostile_pick(bytes)));
		} else if (prey.fd >= 0) {
			if (ftruncate(prey.fd, (off_t)(step * 512 % (bytes + 4096))) < 0)
				hostile_die("ftruncate");
			if (step % 5 == 4 && ftruncate(prey.fd, (off_t)bytes) < 0)
				hostile_die("ftruncate");
		}
		hostile_pause();
		prey_leave(&prey);
	}
}

static void put_socket(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		hostile_die("socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", hostile_dir.fd,
		 name);
	(void)bind(fd, (const struct sockaddr *)&address, sizeof(address));
	close(fd);
}

/* Almost a region's name, or one that a terminal or a format string would stumble over. */
static void put_odd_name(void)
{
	static const char *const odd[] = {
		".region",
		"-1-00000000000000ff.region",
		"1-0000000000000000.region",
		"4294967296-00000000000000ff.region",
		"1-00000000000000FF.region",
		"1-00000000000000ff.region.region",
		"1-00000000000000ff.region\n",
		"null",
		"tty",
		"\033[31m%s%n.region",
		"control.0000000000000001",
		"\xff\xfe.region",
	};
	char longest[NAME_MAX + 1];
	const char *name = odd[hostile_pick(COUNT_OF(odd))];
	int fd;

	memset(longest, '9', NAME_MAX);
	memcpy(longest + NAME_MAX - 7, ".region", 8);
	if (hostile_pick(8) == 0)
		name = longest;
	fd = openat(hostile_dir.fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static void put_other(const char *name)
{
	char to[REGION_NAME_BYTES_MAX + 16];
	int fd;

	switch (hostile_pick(9)) {
	case 0:
		(void)symlinkat("/etc/passwd", hostile_dir.fd, name);
		break;
	case 1:
		(void)mkfifoat(hostile_dir.fd, name, 0600);
		break;
	case 2:
		(void)mkdirat(hostile_dir.fd, name, 0700);
		break;
	case 3:
		snprintf(to, sizeof(to), "%s.broken", name);
		(void)mkdirat(hostile_dir.fd, to, 0700);
		break;
	case 4:
		fd = openat(hostile_dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0) {
			if (ftruncate(fd, (off_t)hostile_pick(REGION_BYTES_MAX * 2)) < 0)
				hostile_die("ftruncate");
			close(fd);
		}
		break;
	case 5:
		put_socket(name);
		break;
	case 6:
		/* Only root can; the name is what a device's driver would hang on. */
		(void)mknodat(hostile_dir.fd, name, S_IFCHR | 0600, makedev(1, 5));
		break;
	case 7:
		put_odd_name();
		break;
	default:
		snprintf(to, sizeof(to), "1-%016llx.region",
			 (unsigned long long)hostile_pick(UINT64_MAX) + 1);
		(void)linkat(hostile_dir.fd, name, hostile_dir.fd, to, 0);
		break;
	}
}

/* Names that come, go, change, and lead to other things than regions. */
static void names(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		char other[REGION_NAME_BYTES_MAX];
		struct prey prey;

		prey_open(&prey);
		snprintf(other, sizeof(other), "%u-%016llx.region", (unsigned)hostile_pick(100000),
			 (unsigned long long)hostile_pick(UINT64_MAX) + 1);
		switch (hostile_pick(4)) {
		case 0:
			(void)unlinkat(hostile_dir.fd, prey.name, 0);
			hostile_pause();
			put_other(prey.name);
			break;
		case 1:
			(void)renameat(hostile_dir.fd, prey.name, hostile_dir.fd, other);
			break;
		case 2:
			put_other(prey.name); /* fails, or is a second link */
			break;
		default:
			put_other(other);
			break;
		}
		hostile_pause();
		prey_leave(&prey);
	}
}

/* Another inode under the name of a region that is in use: garbage, a copy, a region, no file. */
static void replace(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		struct prey prey, other;
		uint8_t page[LAYOUT_PAGE_BYTES];
		int fd;

		prey_open(&prey);
		hostile_pause();
		switch (hostile_pick(4)) {
		case 0:
			prey_open(&other);
			(void)renameat(hostile_dir.fd, other.name, hostile_dir.fd, prey.name);
			hostile_pause();
			prey_push(&other);
			prey_leave(&other);
			break;
		case 1: /* its header, and nothing behind; without a lock */
		case 2:
			memcpy(page, prey.region.header, sizeof(page));
			fd = openat(hostile_dir.fd, "copy", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
				    0600);
			if (fd < 0 || write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) ||
			    (hostile_pick(2) == 0 && ftruncate(fd, (off_t)prey.region.bytes) < 0))
				hostile_die("copy");
			close(fd);
			(void)renameat(hostile_dir.fd, "copy", hostile_dir.fd, prey.name);
			break;
		default:
			put_other("other");
			(void)renameat(hostile_dir.fd, "other", hostile_dir.fd, prey.name);
			break;
		}
		prey_push(&prey);
		hostile_pause();
		prey_leave(&prey);
	}
}

/* A lock that outlives its producer, or is dropped while it pushes on and writes anywhere. */
static void locks(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		struct flock lock = {.l_type = F_WRLCK,
				     .l_whence = SEEK_SET,
				     .l_start = REGION_LOCK_PRODUCER,
				     .l_len = 1};
		struct prey prey;

		prey_open(&prey);
		if (prey.fd < 0) {
			prey_leave(&prey);
			continue;
		}
		if (hostile_pick(2) == 0) {
			/* The same memory through another description: the lock is gone. */
			if (mmap(prey.region.header, prey.region.bytes, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, prey.fd, 0) == MAP_FAILED)
				hostile_die("mmap");
			for (unsigned i = 0; i < 50; i++) {
				uint64_t *word = prey_word(&prey);

				prey_push(&prey);
				if (rounds % 2 == 0)
					atomic_store_relaxed_u64(
						word, hostile_lie(atomic_load_relaxed_u64(word)));
				usleep(100);
			}
		} else {
			munmap(prey.region.header, prey.region.bytes);
			prey.region.header = NULL;
			(void)fcntl(prey.fd, F_OFD_SETLK, &lock);
			hostile_pause();
		}
		prey_leave(&prey);
	}
}

/* So many files that are none of the writer's business, every second with a region's name. */
static void files(uint64_t count)
{
	static const char garbage[LAYOUT_PAGE_BYTES] = "no region";
	uint64_t i;

	for (i = 0; i < count; i++) {
		char name[REGION_NAME_BYTES_MAX];
		int fd;

		snprintf(name, sizeof(name), i % 2 == 0 ? "%llu-%016llx.region" : "%llu-%llx.txt",
			 (unsigned long long)i, (unsigned long long)hostile_pick(UINT64_MAX) + 1);
		fd = openat(hostile_dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			hostile_die(name);
		if (i % 100 == 0 && write(fd, garbage, sizeof(garbage)) < 0)
			hostile_die(name);
		close(fd);
	}
}

/* The directory changes all the time, and nothing in it is worth a look. */
static void churn(uint64_t rounds)
{
	for (; rounds > 0; rounds--) {
		int fd = openat(hostile_dir.fd, "churn", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (fd < 0)
			hostile_die("churn");
		close(fd);
		(void)unlinkat(hostile_dir.fd, "churn", 0);
		usleep(50);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(uint64_t rounds);
	} modes[] = {
		{"scribble", hostile_scribble},
		{"storm", hostile_storm},
		{"positions", hostile_positions},
		{"records", hostile_records},
		{"tables", hostile_tables},
		{"control", hostile_control},
		{"cut", cut},
		{"names", names},
		{"replace", replace},
		{"locks", locks},
		{"files", files},
		{"churn", churn},
	};
	size_t i;
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: hostile_producer MODE RUNTIME_DIR SEED ROUNDS\n");
		return 2;
	}
	hostile_seed(strtoull(argv[3], NULL, 10));
	rc = runtime_open(&hostile_dir, argv[2], false);
	if (rc < 0) {
		errno = -rc;
		hostile_die(argv[2]);
	}
	for (i = 0; i < COUNT_OF(modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(strtoull(argv[4], NULL, 10));
			return 0;
		}
	}
	fprintf(stderr, "hostile_producer: no mode %s\n", argv[1]);
	return 2;
}
