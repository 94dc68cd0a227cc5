/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of a group directory that makes regions with the ids of others. It sees their names
 * alone: the id is in there. Each is a whole, empty region, open to the writer, and its lock is
 * held, so that its producer seems to live.
 *
 * usage: region_twin DIRECTORY EACH
 *
 * Makes EACH twins of each region of another user, prints how many that are, and waits for the end
 * of its standard input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shm/region.h"
#include "shm/region_name.h"

#define PID_FIRST 4000000u
#define NAMES_MAX 256

static struct runtime_dir dir;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "region_twin: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_twin(uint32_t pid, uint64_t id)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}, .program = "twin"};
	const struct flock lock = {.l_type = F_WRLCK,
				   .l_whence = SEEK_SET,
				   .l_start = REGION_LOCK_PRODUCER,
				   .l_len = 1};
	static struct region made;
	struct region_header header;
	char name[REGION_NAME_BYTES_MAX];
	int fd = openat(dir.fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* What a whole header looks like is seen in one of our own. */
	if (made.header == NULL && (errno = -region_create(&made, &dir, &options)) != 0)
		fail("a region of our own");
	header = *made.header;
	header.pid = pid;
	header.region_id = id;
	region_format_name(name, pid, id);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)header.region_bytes) != 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fcntl(fd, F_OFD_SETLK, &lock) < 0)
		fail(name);
	errno = -runtime_share(&dir, fd);
	if (errno == 0)
		errno = -runtime_link(&dir, fd, name);
	if (errno != 0)
		fail(name);
	/* Not closed: the lock stays. */
}

int main(int argc, char **argv)
{
	unsigned each, made = 0, count = 0, i;
	uint64_t ids[NAMES_MAX];
	struct dirent *entry;
	DIR *stream;
	char byte;

	if (argc != 3)
		return 2;
	each = (unsigned)atoi(argv[2]);
	errno = -runtime_open(&dir, argv[1], false);
	if (errno != 0)
		fail(argv[1]);
	stream = opendir(argv[1]);
	if (stream == NULL)
		fail(argv[1]);
	while ((entry = readdir(stream)) != NULL && count < NAMES_MAX) {
		struct stat st;
		uint32_t pid;

		if (region_parse_name(entry->d_name, &pid, &ids[count]) &&
		    fstatat(dir.fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_uid != geteuid())
			count++;
	}
	closedir(stream);
	for (i = 0; i < count; i++)
		for (unsigned k = 0; k < each; k++)
			make_twin(PID_FIRST + made++, ids[i]);
	printf("%u\n", made);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
