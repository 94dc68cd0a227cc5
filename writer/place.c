/* SPDX-License-Identifier: Apache-2.0 */
/* Compares names with the open files, by device and inode. */
#include "writer/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "shm/filesystem.h"

/* A claim that is not committed for so long is left to the next writer. */
#define PLACE_BUSY_NS INT64_C(1000000000)

/* A runtime directory that is none any more, while something of it is still mapped. */
struct place_old {
	struct place_old *next;
	struct runtime_dir dir;
};

static bool is_there(const struct writer *writer)
{
	struct stat st;

	return lstat(writer->path, &st) == 0 && st.st_dev == writer->dir.device &&
	       st.st_ino == writer->dir.inode;
}

/* Once, until it is another error. */
static void say_failed(struct writer *writer, const char *what, int rc)
{
	if (writer->place.said != rc)
		log_line("%s; what is mapped is drained on, and it is tried again with each look "
			 "for regions",
			 what);
	writer->place.said = rc;
}

static void say_explained(struct writer *writer, int rc)
{
	char text[RUNTIME_TEXT_BYTES_MAX];

	runtime_explain(text, sizeof(text), writer->path, rc);
	say_failed(writer, text, rc);
}

static bool is_listed(const struct writer *writer, const struct source *source)
{
	return source->dir == &writer->dir && !writer->place.is_lost &&
	       region_has_name(&source->view);
}

static void begin_to_leave(struct writer *writer, int64_t now_ns)
{
	struct source *source;

	writer->place.is_leaving = true;
	writer->place.busy_until_ns = now_ns + PLACE_BUSY_NS;
	for (source = writer->regions.sources; source != NULL; source = source->next)
		if (is_listed(writer, source) && !source->is_limited)
			source_limit(source);
}

/* What to say of a lock that could not be taken; true: it is for good. */
static bool is_taken(struct writer *writer, const struct runtime_dir *dir, int rc)
{
	const uint32_t pid = rc == -EBUSY ? status_holder(dir) : 0;

	if (rc == -EBUSY)
		log_line("another writer (pid %u) has taken this one's place in %s, whose %s was "
			 "removed or replaced: this one takes no more regions, writes what it has, "
			 "and ends",
			 pid, writer->path, RUNTIME_WRITER_LOCK);
	else if (rc == -ESTALE)
		log_line("%s in %s is that of a writer with another output directory, which is to "
			 "be recovered first: this writer takes no more regions, writes what it "
			 "has, and ends; start it again",
			 RUNTIME_WRITER_LOCK, writer->path);
	return rc == -EBUSY || rc == -ESTALE;
}

static void look_at_lock(struct writer *writer, int64_t now_ns)
{
	int rc;

	if (status_has_name(&writer->status, &writer->dir))
		return;
	rc = status_move(&writer->status, &writer->dir);
	if (rc == 0)
		log_line("%s in %s was removed or replaced: it is made again, and held",
			 RUNTIME_WRITER_LOCK, writer->path);
	else if (is_taken(writer, &writer->dir, rc))
		begin_to_leave(writer, now_ns);
	else
		say_explained(writer, rc);
}

static void look_at_control(struct writer *writer)
{
	int rc;

	if (writer->place.is_leaving || control_has_name(&writer->control, &writer->dir))
		return;
	writer->place.has_moved = true;
	rc = control_move(&writer->control, &writer->dir);
	if (rc == 0)
		log_line("%s in %s was removed or replaced: there is one again", RUNTIME_CONTROL,
			 writer->path);
	else
		say_explained(writer, rc);
}

/* @return 0, or negative and a line was said */
static int open_new(struct writer *writer, struct runtime_dir *ret)
{
	/* One for several users is an administrator's to make. */
	int rc = runtime_open(ret, writer->path, !writer->dir.group);

	if (rc == 0) {
		rc = ret->group && ret->owner != geteuid() && geteuid() != 0
			     ? -EACCES
			     : filesystem_measure(ret->fd);
		if (rc < 0)
			runtime_close(ret);
	}
	if (rc < 0)
		say_explained(writer, rc);
	return rc;
}

/* Its regions are drained, but nothing else is done there any more. */
static void put_aside(struct writer *writer, struct place_old *old, const struct runtime_dir *fresh)
{
	unsigned i;

	old->dir = writer->dir;
	old->next = writer->place.olds;
	writer->place.olds = old;
	regions_move(&writer->regions, &old->dir);
	writer->dir = *fresh;
	for (i = 0; i < SIGNAL_COUNT; i++)
		queue_keep_again(&writer->queues[i]);
}

static void move_to_new(struct writer *writer, int64_t now_ns)
{
	struct place_old *old = calloc(1, sizeof(*old));
	const size_t count = writer->regions.count;
	struct runtime_dir fresh;
	int rc;

	if (old == NULL)
		return; /* with the next look */
	if (open_new(writer, &fresh) < 0) {
		free(old);
		return;
	}
	rc = status_move(&writer->status, &fresh);
	if (rc == 0)
		put_aside(writer, old, &fresh);
	else if (is_taken(writer, &fresh, rc)) {
		/* Of what is attached the other writer finds nothing: it has other names. */
		writer->place.is_lost = true;
		begin_to_leave(writer, now_ns);
	} else {
		say_explained(writer, rc);
	}
	if (rc < 0) {
		free(old);
		runtime_close(&fresh);
		return;
	}
	look_at_control(writer);
	writer->place.said = 0;
	log_line("%s is another directory now: this writer holds it, and looks for regions there. "
		 "Those of the old one, %zu, are drained for as long as programs push to them",
		 writer->path, count);
}

/* Each time that the directory has changed: are there more that no later writer would find? */
static void count_nameless(struct writer *writer)
{
	const struct source *source;
	size_t count = 0;
	struct stat st;

	if (fstat(writer->dir.fd, &st) < 0 ||
	    (st.st_mtim.tv_sec == writer->place.seen_mtime.tv_sec &&
	     st.st_mtim.tv_nsec == writer->place.seen_mtime.tv_nsec))
		return;
	writer->place.seen_mtime = st.st_mtim;
	for (source = writer->regions.sources; source != NULL; source = source->next)
		count += source->dir == &writer->dir && !source->is_dead && !source->is_broken &&
			 !region_has_name(&source->view);
	if (count > writer->place.nameless)
		log_line("regions of living programs that somebody has removed from %s: %zu. They "
			 "are drained on; their programs make new ones when their rings are half "
			 "full, or in a flush",
			 writer->path, count);
	writer->place.nameless = count;
}

static void forget_olds(struct writer *writer)
{
	struct place_old **at = &writer->place.olds;

	while (*at != NULL) {
		struct place_old *old = *at;

		if (regions_are_of(&writer->regions, &old->dir)) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		runtime_close(&old->dir);
		free(old);
	}
}

void place_look(struct writer *writer, int64_t now_ns)
{
	if (!writer->place.is_leaving) {
		if (!is_there(writer))
			move_to_new(writer, now_ns);
		else
			look_at_lock(writer, now_ns);
		if (is_there(writer))
			look_at_control(writer);
		count_nameless(writer);
	}
	forget_olds(writer);
}

bool place_is_kept(const struct writer *writer)
{
	return is_there(writer);
}

void place_leave(struct writer *writer, int64_t now_ns)
{
	unsigned i;

	if (!writer->place.is_leaving)
		return;
	regions_let_go(&writer->regions, now_ns >= writer->place.busy_until_ns);
	/* What is left to write waits for nothing. */
	for (i = 0; i < SIGNAL_COUNT; i++)
		writer->close_due[i] = true;
}

bool place_is_left(const struct writer *writer)
{
	return writer->place.is_leaving && writer->regions.count == 0;
}

void place_give_up_nameless(struct writer *writer)
{
	struct source *source;
	size_t count = 0;

	for (source = writer->regions.sources; source != NULL; source = source->next) {
		if (source->is_dead || source->is_broken || is_listed(writer, source))
			continue;
		region_abandon(&source->view);
		count++;
	}
	if (count > 0)
		log_line(
			"regions that no later writer can find, since their names are gone: %zu. "
			"What was pushed to them until now is written; what is pushed to them from "
			"now on is lost, until their programs make new ones",
			count);
}

void place_close(struct writer *writer)
{
	while (writer->place.olds != NULL) {
		struct place_old *old = writer->place.olds;

		writer->place.olds = old->next;
		runtime_close(&old->dir);
		free(old);
	}
}
