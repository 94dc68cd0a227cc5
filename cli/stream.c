/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches as they become whole, in files that grow, are sealed (renamed) and
 * followed by others. Everything is seen by looking again: a rename, a new file
 * and a growing one are all alike then, on any file system.
 */
#include "cli/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/read.h"
#include "cli/tool.h"
#include "writer/file/manifest_store.h"

#define OPEN_TRIES_MAX 16

static void current_close(struct stream *stream)
{
	if (stream->has_current)
		input_close(&stream->input);
	stream->has_current = false;
	free(stream->name);
	stream->name = NULL;
}

void stream_close(struct stream *stream)
{
	current_close(stream);
	if (stream->is_dir && stream->dir.fd >= 0)
		close(stream->dir.fd);
	free(stream->known);
	missing_free(&stream->missing);
}

static bool ends_with_open(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".open") == 0;
}

/* Takes the descriptor over. 0, or -errno. */
static int current_take(struct stream *stream, int fd, const char *name)
{
	int rc = fstat(fd, &stream->id) < 0 ? -errno : 0;

	stream->name = strdup(name);
	if (rc == 0 && stream->name == NULL)
		rc = -ENOMEM;
	if (rc < 0) {
		close(fd);
		free(stream->name);
		stream->name = NULL;
		return rc;
	}
	input_open(&stream->input, fd, ends_with_open(name), cat_limit_bytes(name, stream->signal));
	stream->has_current = true;
	/* Nobody seals what is not a batch file: as with tail -f, it may grow for ever. */
	stream->is_sealed = stream->is_dir && !stream->input.is_open;
	return 0;
}

static int current_open(struct stream *stream, const char *name)
{
	int fd = openat(stream->dir.fd, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : current_take(stream, fd, name);
}

/* ---- which file comes next ---- */

/*
 * A file that is renamed while the directory is read may be in the list under neither name. It is
 * renamed once, so where a number seems to be left out a second list has it, or it is gone.
 */
static int list_surely(const struct stream *stream, struct data_name **names, size_t *count)
{
	for (bool again = false;; again = true) {
		size_t first = 0;
		int rc = data_dir_list(&stream->dir, DATA_ALL_KINDS, names, count);

		if (rc < 0 || again)
			return rc;
		while (first < *count && (*names)[first].sequence < stream->next_sequence)
			first++;
		if (first == *count || (*names)[first].sequence == stream->next_sequence)
			return 0;
		free(*names);
		*names = NULL;
	}
}

/* The same file, whatever its kind is by now. */
static bool is_same_file(const struct data_name *a, const struct data_name *b)
{
	const char *end = strchr(a->name, '.');

	return a->sequence == b->sequence && end != NULL &&
	       strncmp(a->name, b->name, (size_t)(end - a->name)) == 0;
}

/*
 * Do the numbers begin anew? In a directory that was emptied they may, and then the new files would
 * be taken for old ones for ever. So: all numbers were passed, and no file was there before.
 */
static bool numbers_begin_anew(const struct stream *stream, const struct data_name *names,
			       size_t count)
{
	size_t k = 0;

	if (count == 0 || names[count - 1].sequence >= stream->next_sequence)
		return false;
	for (size_t i = 0; i < count; i++) {
		while (k < stream->known_count && stream->known[k].sequence < names[i].sequence)
			k++;
		if (k < stream->known_count && is_same_file(&stream->known[k], &names[i]))
			return false;
	}
	return true;
}

/* The next file has this number: are those before it gone? */
static void note_gone(struct stream *stream, uint64_t sequence)
{
	if (stream->next_sequence > 0 && sequence > stream->next_sequence) {
		stream->gone_from = stream->next_sequence;
		stream->gone_to = sequence - 1;
		stream->gone_files += sequence - stream->next_sequence;
	}
	stream->next_sequence = sequence + 1;
}

/* Open the first of these that was not shown yet. 1: opened, 0: there is none, or -errno. */
static int open_next(struct stream *stream, const struct data_name *names, size_t count)
{
	size_t i = 0;
	int rc;

	while (i < count && names[i].sequence < stream->next_sequence)
		i++;
	if (i == count)
		return 0;
	rc = current_open(stream, names[i].name);
	if (rc < 0)
		return rc;
	note_gone(stream, names[i].sequence);
	return 1;
}

/*
 * Nothing more in the directory. The writer may make it after we were started, somebody may have
 * removed it, and put another in its place. 1: look again, 0: wait, or -errno.
 */
static int dir_renew(struct stream *stream)
{
	int fd = cat_dir_open(stream->path, stream->signal);
	struct stat now, then;

	if (fd == -ENOENT) {
		if (!stream->is_away && stream->next_sequence > 0)
			tool_error("%s: the directory is gone; waiting for one with its name",
				   stream->path);
		stream->is_away = true;
		return 0;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &now) == 0 && fstat(stream->dir.fd, &then) == 0 &&
	    now.st_dev == then.st_dev && now.st_ino == then.st_ino) {
		close(fd);
		stream->is_away = false;
		return 0;
	}
	if (stream->next_sequence > 0)
		tool_error("%s: another directory has this name now; going on with its %s files",
			   stream->path, signal_name(stream->signal));
	close(stream->dir.fd);
	stream->dir.fd = fd;
	stream->is_away = false;
	stream->next_sequence = 0;
	stream->known_count = 0;
	return 1;
}

/* The oldest file that was not shown yet. 1: opened, 0: there is none, or -errno. */
static int current_find(struct stream *stream)
{
	for (unsigned tries = 0; tries < OPEN_TRIES_MAX; tries++) {
		struct data_name *names = NULL;
		size_t count = 0;
		int rc = list_surely(stream, &names, &count);

		if (rc < 0)
			return rc;
		if (numbers_begin_anew(stream, names, count)) {
			tool_error("%s: its %s files begin again with number %" PRIu64,
				   stream->path, signal_name(stream->signal), names[0].sequence);
			stream->next_sequence = 0;
		}
		rc = open_next(stream, names, count);
		free(stream->known);
		stream->known = names;
		stream->known_count = count;
		if (rc == -ENOENT)
			continue; /* sealed or removed since it was listed */
		if (rc == 0)
			rc = dir_renew(stream);
		else
			return rc;
		if (rc <= 0)
			return rc;
	}
	return 0;
}

/* ---- what is missing ---- */

static const char *stream_verb(const struct stream *stream)
{
	return stream->is_sent ? "sent" : "printed";
}

static void say_missing(const struct stream *stream, const struct missing_gap *gap, uint64_t offset)
{
	char files[128] = "", rings[64] = "";

	if (stream->gone_to != 0)
		snprintf(files, sizeof(files),
			 "files %08" PRIu64 " to %08" PRIu64
			 " were removed before they could be %s; ",
			 stream->gone_from, stream->gone_to, stream_verb(stream));
	if (gap->rings > 1)
		snprintf(rings, sizeof(rings), ", and of %zu other rings", gap->rings - 1);
	tool_error("%s: %" PRIu64 " %s are missing in front of %s, offset %" PRIu64
		   ": %spositions %" PRIu64 " to %" PRIu64 " of pid %" PRIu32
		   "'s ring (region %016" PRIx64 ")%s",
		   stream->path, gap->items, signal_rows[stream->signal].item_name, stream->name,
		   offset, files, gap->from, gap->to, gap->pid, gap->region_id, rings);
}

/* What became of files whose numbers were passed over. */
enum gone {
	GONE_NEVER_MADE, /* a number is used up also where a file could not be made */
	GONE_REMOVED,
	GONE_UNKNOWN /* there is no manifest, or it cannot be read */
};

static enum gone ask_manifest(const struct manifest_image *image, const struct stream *stream)
{
	const struct manifest_signal *signal =
		manifest_image_signal(image, signal_name(stream->signal));

	if (signal == NULL || stream->gone_from < signal->first)
		return GONE_UNKNOWN;
	/* A file had that number, the last of those that retention removed. */
	if (signal->removed_to >= stream->gone_from)
		return GONE_REMOVED;
	for (size_t i = 0; i < signal->entry_count; i++)
		if (signal->entries[i].sequence >= stream->gone_from &&
		    signal->entries[i].sequence <= stream->gone_to)
			return GONE_REMOVED;
	return GONE_NEVER_MADE;
}

static enum gone what_is_gone(const struct stream *stream)
{
	struct manifest_image image = {0};
	enum gone gone = GONE_UNKNOWN;
	int dirfd = openat(stream->dir.fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (dirfd < 0)
		return GONE_UNKNOWN;
	rc = manifest_load(&image, dirfd);
	close(dirfd);
	/* -EAGAIN: its last line is just being written. */
	if (rc == 0 || rc == -EAGAIN)
		gone = ask_manifest(&image, stream);
	manifest_image_free(&image);
	return gone;
}

/* Files were passed over, and the ledgers of the next one lack nothing. */
static void check_gone(struct stream *stream, int *status)
{
	const enum gone gone = stream->gone_to != 0 ? what_is_gone(stream) : GONE_NEVER_MADE;

	if (gone == GONE_NEVER_MADE && stream->gone_to != 0)
		stream->gone_files -= stream->gone_to - stream->gone_from + 1;
	if (gone != GONE_NEVER_MADE) {
		tool_error("%s: %s files %08" PRIu64 " to %08" PRIu64
			   " were removed before they could be %s%s; what was in them, the "
			   "next one, %s, does not tell",
			   stream->path, signal_name(stream->signal), stream->gone_from,
			   stream->gone_to, stream_verb(stream),
			   gone == GONE_UNKNOWN
				   ? ", or never made (there is no manifest that tells)"
				   : "",
			   stream->name);
		*status = TOOL_FAILED;
	}
	stream->gone_to = 0;
}

static void check_missing(struct stream *stream, const struct chunk *chunk, int *status)
{
	struct missing_gap gap;
	int rc;

	if (!stream->is_dir)
		return;
	rc = missing_check(&stream->missing, chunk, &gap);
	if (rc < 0) {
		tool_error("%s: no memory to remember the rings: what is missing from here on may "
			   "go unnoticed",
			   stream->path);
		*status = TOOL_FAILED;
	}
	if (gap.rings == 0)
		return;
	say_missing(stream, &gap, chunk->offset);
	stream->gone_to = 0;
	*status = TOOL_FAILED;
}

void stream_say_missing(const struct stream *stream)
{
	if (stream->gone_files == 0 && stream->missing.items == 0)
		return;
	tool_error("%s: in all at least %" PRIu64 " %s are missing, and %" PRIu64
		   " files were gone before they could be %s: this reader is slower than "
		   "retention (--retain-bytes, --retain-age, --min-free of the writer)",
		   stream->path, stream->missing.items, signal_rows[stream->signal].item_name,
		   stream->gone_files, stream_verb(stream));
}

/* ---- the current file ---- */

/* Does the current file still have the name it was opened by? If not, it was sealed. */
static bool was_renamed(const struct stream *stream)
{
	struct stat now;

	if (!stream->input.is_open)
		return false;
	if (fstatat(stream->dir.fd, stream->name, &now, 0) < 0)
		return errno == ENOENT;
	return now.st_ino != stream->id.st_ino || now.st_dev != stream->id.st_dev;
}

/* The current file is at its end, or at something that cannot be read. 1: read again. */
static int current_ended(struct stream *stream, int rc, int *status)
{
	struct stat now;

	if (!stream->is_sealed) {
		if (was_renamed(stream)) {
			/* The last batches may have come before the rename and after our look. */
			stream->is_sealed = true;
			return 1;
		}
		/* A batch that is not whole yet may look like anything. */
		if (rc == 0 || rc == -ENODATA || (rc == -EBADMSG && stream->input.is_open))
			return 0;
	}
	if (rc < 0) {
		cat_error(stream->name, &stream->input, stream->input.offset, rc);
		*status = TOOL_FAILED;
	} else if (!stream->is_dir && cat_check_shown(stream->path, &stream->input) != TOOL_OK) {
		*status = TOOL_FAILED;
	}
	check_gone(stream, status);
	/* An empty file of a writer that died is removed, and the next has its number again. */
	if (stream->is_dir && stream->input.offset == 0 && fstat(stream->input.fd, &now) == 0 &&
	    now.st_nlink == 0)
		stream->next_sequence--;
	current_close(stream);
	stream->is_done = !stream->is_dir;
	return stream->is_dir;
}

/* What is known of a chunk before it is handed out. false: it is not wanted, or ends the stream. */
static bool check_chunk(struct stream *stream, enum otlp_signal wanted, struct chunk *chunk,
			int *status)
{
	enum otlp_signal signal = stream->signal;
	int rc = cat_resolve(stream->path, &stream->input, chunk, wanted, &signal);

	if (rc == CAT_SKIP)
		return false;
	if (!chunk->is_made)
		stream->signal = signal;
	chunk->signal = signal;
	if (rc != TOOL_OK) {
		*status = rc > *status ? rc : *status;
		stream->is_done = true;
		return false;
	}
	check_missing(stream, chunk, status);
	check_gone(stream, status);
	return true;
}

int stream_next(struct stream *stream, enum otlp_signal wanted, struct chunk *ret, int *status)
{
	while (!stream->is_done && !tool_interrupted()) {
		int rc;

		if (!stream->has_current) {
			rc = current_find(stream);
			if (rc < 0) {
				*status = tool_path_error(
					stream->path, "its files cannot be listed or opened", rc);
				stream->is_done = true;
			}
			if (rc <= 0)
				return 0;
		}
		rc = input_next(&stream->input, ret);
		if (rc == -ECANCELED)
			return 0;
		if (rc == 1 && check_chunk(stream, wanted, ret, status))
			return 1;
		if (rc != 1 && current_ended(stream, rc, status) == 0)
			return 0;
	}
	return 0;
}

void stream_refuse(struct stream *stream, const struct chunk *chunk, size_t at, int rc, int *status)
{
	/* Whole and yet wrong: it will not become better. */
	stream->input.offset = chunk->offset + at;
	stream->is_sealed = true;
	(void)current_ended(stream, rc, status);
}

/* All that is there now. 0, READ_STOP, or what stdout gave. */
int stream_poll(struct stream *stream, struct cat_options *options, int *status)
{
	struct chunk chunk;

	while (stream_next(stream, options->signal, &chunk, status) == 1) {
		size_t at = 0;
		int rc = read_chunk(&stream->input, &chunk, stream->path, chunk.signal, cat_item,
				    options, &at);

		if (tool_flush() < 0)
			return tool_flush();
		if (rc == READ_STOP)
			return rc;
		if (rc < 0)
			stream_refuse(stream, &chunk, at, rc, status);
	}
	return 0;
}

uint64_t stream_file(const struct stream *stream)
{
	return stream->has_current ? stream->next_sequence - 1 : stream->next_sequence;
}

/* ---- what to follow ---- */

int stream_open_dir(struct stream *stream, const char *path, enum otlp_signal signal)
{
	int fd = cat_dir_open(path, signal);

	if (fd < 0)
		return fd;
	*stream = (struct stream){.path = path, .signal = signal, .is_dir = true, .dir.fd = fd};
	snprintf(stream->dir.signal, sizeof(stream->dir.signal), "%s", signal_name(signal));
	return 0;
}

int stream_begin_at(struct stream *stream, uint64_t sequence)
{
	/* What is there now is known: that its numbers are smaller does not mean that they begin
	 * anew. */
	stream->next_sequence = sequence;
	return data_dir_list(&stream->dir, DATA_ALL_KINDS, &stream->known, &stream->known_count);
}

int stream_open_file(struct stream *stream, const char *path, enum otlp_signal signal)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	if (signal == SIGNAL_NONE)
		signal = cat_signal_of(path);
	*stream = (struct stream){.path = path, .signal = signal, .dir.fd = AT_FDCWD};
	rc = current_take(stream, fd, path);
	if (rc < 0)
		return rc;
	/* A pipe ends when its writer leaves, and until then a read may wait for long. */
	if (!stream->input.seekable) {
		stream->is_sealed = true;
		stream->input.may_read = tool_wait_input;
	}
	return 0;
}
