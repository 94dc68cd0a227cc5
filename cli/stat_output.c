/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at the writer's output directory: what is left of its disk, its files, and the senders
 * whose cursors stand there.
 */
#include "cli/stat_look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/lock.h"
#include "writer/file/datadir.h"

#define CURSOR_PREFIX	 "otlpipe-send."
#define CURSOR_SUFFIX	 ".cursor"
#define STAT_SENDERS_MAX 64u

/* ---- files ---- */

/* @param ret_names  those of the signal's files, for free() */
static int look_files(struct stat_output *output, int dirfd, enum otlp_signal signal,
		      struct data_name **ret_names, size_t *ret_count)
{
	struct data_dir dir = {.fd = openat(dirfd, signal_name(signal),
					    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
	int rc;

	*ret_names = NULL;
	*ret_count = 0;
	if (dir.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	snprintf(dir.signal, sizeof(dir.signal), "%s", signal_name(signal));
	rc = data_dir_list(&dir, DATA_ALL_KINDS, ret_names, ret_count);
	close(dir.fd);
	for (size_t i = 0; rc == 0 && i < *ret_count; i++) {
		output->signals[signal].files++;
		output->signals[signal].open_files += (*ret_names)[i].kind == DATA_OPEN;
		output->signals[signal].bad_files += (*ret_names)[i].kind == DATA_BAD;
		output->signals[signal].bytes += (*ret_names)[i].bytes;
	}
	return rc;
}

/* ---- senders ---- */

/* "otlpipe-send.NAME.cursor" */
static bool sender_name(const char *file, char ret[CURSOR_NAME_BYTES_MAX + 1])
{
	const size_t prefix = sizeof(CURSOR_PREFIX) - 1, suffix = sizeof(CURSOR_SUFFIX) - 1;
	const size_t len = strlen(file);

	if (len <= prefix + suffix || len - prefix - suffix > CURSOR_NAME_BYTES_MAX ||
	    memcmp(file, CURSOR_PREFIX, prefix) != 0 ||
	    memcmp(file + len - suffix, CURSOR_SUFFIX, suffix) != 0)
		return false;
	snprintf(ret, CURSOR_NAME_BYTES_MAX + 1, "%.*s", (int)(len - prefix - suffix),
		 file + prefix);
	return cursor_name_is_good(ret);
}

static void look_sender(struct stat_sender *sender, int dirfd, const char *file,
			const struct status_page *page)
{
	char lock[NAME_MAX + sizeof("..lock")];
	struct cursor cursor = {0};
	struct stat st;

	/* As cursor_store_open() of a sender names it. */
	snprintf(lock, sizeof(lock), ".%s.lock", file);
	sender->is_running = lock_is_held(dirfd, lock) > 0;
	if (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		sender->moved_unix_s = st.st_mtim.tv_sec;
	sender->error = -cursor_load(&cursor, dirfd, file);
	for (unsigned s = 0; sender->error == 0 && s < SIGNAL_COUNT; s++) {
		const struct cursor_position *next = &cursor.signals[s].next;
		struct stat_sender_signal *signal = &sender->signals[s];
		const uint64_t batches = page->signals[s].batches;

		signal->is_sent = cursor.signals[s].is_sent;
		/* A writer numbers its batches from 0. */
		signal->is_known = next->epoch == page->epoch || batches == 0;
		if (next->epoch == page->epoch && batches > next->sequence)
			signal->unsent_batches = batches - next->sequence;
		/* Until its files are counted: the number of the one that it is in. */
		signal->unsent_files = next->file;
	}
	cursor_free(&cursor);
}

static int sender_compare(const void *a, const void *b)
{
	return strcmp(((const struct stat_sender *)a)->name, ((const struct stat_sender *)b)->name);
}

static int look_senders(struct stat_output *output, int dirfd, const struct status_page *page)
{
	struct stat_sender senders[STAT_SENDERS_MAX];
	char name[CURSOR_NAME_BYTES_MAX + 1];
	struct dirent *entry;
	size_t count = 0;
	DIR *stream;
	int rc = descriptor_opendir(dirfd, &stream);

	if (rc < 0)
		return rc;
	while (count < STAT_SENDERS_MAX && (entry = readdir(stream)) != NULL) {
		if (!sender_name(entry->d_name, name))
			continue;
		memset(&senders[count], 0, sizeof(senders[count]));
		memcpy(senders[count].name, name, sizeof(name));
		look_sender(&senders[count++], dirfd, entry->d_name, page);
	}
	closedir(stream);
	if (count == 0)
		return 0;
	output->senders = malloc(count * sizeof(senders[0]));
	if (output->senders == NULL)
		return -ENOMEM;
	memcpy(output->senders, senders, count * sizeof(senders[0]));
	output->sender_count = count;
	qsort(output->senders, count, sizeof(senders[0]), sender_compare);
	return 0;
}

static void count_unsent_files(struct stat_output *output, enum otlp_signal signal,
			       const struct data_name *names, size_t count)
{
	for (size_t i = 0; i < output->sender_count; i++) {
		struct stat_sender_signal *sender = &output->senders[i].signals[signal];
		const uint64_t in = sender->unsent_files;

		sender->unsent_files = 0;
		for (size_t n = count; sender->is_sent && n > 0 && names[n - 1].sequence > in; n--)
			sender->unsent_files++;
	}
}

/* ---- all of it ---- */

int stat_look_output(struct stat_output *ret, const struct status_page *page)
{
	struct statvfs fs;
	int fd, rc;

	memset(ret, 0, sizeof(*ret));
	if (page->output[0] == '\0')
		return 0;
	fd = open(page->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		ret->error = errno;
		return 0;
	}
	if (fstatvfs(fd, &fs) == 0) {
		ret->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		ret->total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	}
	rc = look_senders(ret, fd, page);
	for (enum otlp_signal signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		struct data_name *names;
		size_t count;

		rc = look_files(ret, fd, signal, &names, &count);
		count_unsent_files(ret, signal, names, count);
		free(names);
	}
	close(fd);
	ret->is_there = rc == 0;
	ret->error = -rc;
	return rc == -ENOMEM ? rc : 0;
}

void stat_forget_output(struct stat_output *output)
{
	free(output->senders);
	memset(output, 0, sizeof(*output));
}

void stat_forget(struct stat_view *view)
{
	free(view->regions);
	stat_forget_output(&view->output);
	memset(view, 0, sizeof(*view));
}
