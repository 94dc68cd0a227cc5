/* SPDX-License-Identifier: Apache-2.0 */
/* The list of sources, kept equal to what is in the runtime directory. */
#include "writer/regions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer/log.h"

/* Files have the time of the kernel's last tick: 10 ms with the slowest clock, and to spare. */
#define REGIONS_TICK_NS INT64_C(20000000)

void regions_open(struct regions *regions, const struct runtime_dir *dir)
{
	memset(regions, 0, sizeof *regions);
	regions->dir = dir;
}

void regions_close(struct regions *regions)
{
	while (regions->sources != NULL) {
		struct source *next = regions->sources->next;

		source_close(regions->sources);
		regions->sources = next;
	}
}

struct source *regions_at(const struct regions *regions, size_t index)
{
	struct source *source = regions->sources;

	for (index = regions->count > 0 ? index % regions->count : 0; index > 0; index--)
		source = source->next;
	return source;
}

bool regions_have_changed(const struct regions *regions)
{
	struct stat st;

	if (fstat(regions->dir->fd, &st) < 0)
		return true;
	return st.st_mtim.tv_sec != regions->seen_mtime.tv_sec ||
	       st.st_mtim.tv_nsec != regions->seen_mtime.tv_nsec;
}

static bool regions_know(const struct regions *regions, uint64_t id)
{
	const struct source *source;
	size_t i;

	for (source = regions->sources; source != NULL; source = source->next)
		if (source->view.region_id == id)
			return true;
	for (i = 0; i < regions->refused_count; i++)
		if (regions->refused[i] == id)
			return true;
	return false;
}

/* Errors that are ours and pass, not the region's. */
static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

static int regions_attach(struct regions *regions, const char *name, uint64_t id)
{
	struct source *source, **end;
	int r;

	if (regions->count == REGIONS_MAX)
		return -EMFILE;
	r = source_open(&source, regions->dir, name);
	if (r == 0) {
		for (end = &regions->sources; *end != NULL; end = &(*end)->next)
			;
		*end = source;
		regions->count++;
		return 0;
	}
	if (is_shortage(r))
		return r;
	if (r == -EAGAIN || r == -ENOENT)
		return 0; /* not ready, or gone again */
	log_line("%s is left aside: %s", name,
		 r == -EPROTO	 ? "its layout is of another version"
		 : r == -EBADMSG ? "it is no valid region"
				 : strerror(-r));
	regions->broken_count++;
	if (regions->refused_count < REGIONS_REFUSED_MAX)
		regions->refused[regions->refused_count++] = id;
	return 0;
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Is the directory's time so young that what changes now may leave it as it is? */
static bool regions_may_change_unseen(const struct timespec *mtime)
{
	struct timespec now;
	int64_t age_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	if (mtime->tv_sec < now.tv_sec - 1 || mtime->tv_sec > now.tv_sec)
		return false;
	age_ns = (int64_t)(now.tv_sec - mtime->tv_sec) * 1000000000 + now.tv_nsec - mtime->tv_nsec;
	return age_ns < REGIONS_TICK_NS;
}

int regions_discover(struct regions *regions)
{
	struct dirent *entry;
	struct stat st;
	DIR *stream;
	int fd, r = 0;

	/* Before it is read: what comes in meanwhile changes it again, if not in the same tick. */
	regions->look_ns = INT64_MAX;
	if (fstat(regions->dir->fd, &st) == 0) {
		regions->seen_mtime = st.st_mtim;
		if (regions_may_change_unseen(&st.st_mtim))
			regions->look_ns = monotonic_ns() + REGIONS_TICK_NS;
	}
	fd = openat(regions->dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (stream == NULL) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0) {
		uint32_t pid;
		uint64_t id;

		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			r = -errno;
			break;
		}
		if (region_parse_name(entry->d_name, &pid, &id) && !regions_know(regions, id))
			r = regions_attach(regions, entry->d_name, id);
	}
	closedir(stream);
	return r;
}

void regions_break(struct regions *regions, struct source *source, const char *why)
{
	char broken[REGION_NAME_BYTES_MAX + 8];

	if (source->is_broken)
		return;
	source_break(source);
	regions->broken_count++;
	snprintf(broken, sizeof broken, "%s.broken", source->name);
	/* The name is gone already where somebody removed it. */
	if (renameat(regions->dir->fd, source->name, regions->dir->fd, broken) < 0)
		broken[0] = '\0';
	log_line("%s (pid %u, %s) is broken, %s: it is drained no further%s%s", source->name,
		 source->view.pid, source->view.program, why,
		 broken[0] != '\0' ? ", and kept as " : "", broken);
}

void regions_reap(struct regions *regions)
{
	struct source **at = &regions->sources;

	while (*at != NULL) {
		struct source *source = *at;

		if (!source_is_finished(source)) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		regions->count--;
		if (!source->is_broken && unlinkat(regions->dir->fd, source->name, 0) < 0 &&
		    errno != ENOENT)
			log_line("%s cannot be removed: %s", source->name, strerror(errno));
		source_close(source);
	}
}
