/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: lists, asks the policy (retain_policy.c), enters in the manifest, unlinks.
 */
#include "writer/file/retain_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "writer/file/pack_file.h"

#define NS_PER_S INT64_C(1000000000)
/* So many are entered in the manifest with one sync. */
#define GROUP_FILES 64u
/* Named in the log in one run; then only their number. */
#define NAMED_FILES 200u

/* ---- what there is ---- */

struct collection {
	struct retain_file *files;
	size_t count;
};

/* When it was sealed: with the rest of that second. */
static int64_t ended_ns_of(const struct retain_dir *in, const struct data_name *name, size_t *at)
{
	int64_t ended_s = (int64_t)name->wall;

	while (*at < in->entry_count && in->entries[*at].sequence < name->sequence)
		++*at;
	if (*at < in->entry_count && in->entries[*at].sequence == name->sequence &&
	    in->entries[*at].ended_s > 0)
		ended_s = in->entries[*at].ended_s;
	return ended_s < INT64_MAX / NS_PER_S - 1 ? (ended_s + 1) * NS_PER_S - 1 : INT64_MAX;
}

static int collect_names(const struct retain_dir *in, unsigned signal,
			 const struct data_name *names, size_t count, struct collection *all)
{
	struct retain_file *files =
		reallocarray(all->files, all->count + count + 1, sizeof(*files));
	size_t i, at = 0;

	if (files == NULL)
		return -ENOMEM;
	all->files = files;
	for (i = 0; i < count; i++) {
		struct retain_file *file = &files[all->count];

		if (names[i].kind == DATA_OPEN)
			continue;
		*file = (struct retain_file){
			.bytes = names[i].bytes,
			.ended_ns = ended_ns_of(in, &names[i], &at),
			.sequence = names[i].sequence,
			.signal = signal,
			.is_unsent = names[i].sequence >= in->unsent_from,
		};
		memcpy(file->name, names[i].name, sizeof(file->name));
		all->count++;
	}
	return 0;
}

/* A rename while the directory was read can hide a file. */
static bool is_there(const struct data_dir *dir, const struct manifest_entry *entry)
{
	static const enum data_kind kinds[] = {DATA_OPEN, DATA_SEALED, DATA_BAD, DATA_PACKED};
	struct data_name name;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		manifest_entry_name(entry, dir->signal, kinds[i], &name);
		if (fstatat(dir->fd, name.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static void note_missing(struct retain_run *run, struct retain_dir *in,
			 const struct manifest_entry *entry)
{
	struct data_name name;
	unsigned i;

	for (i = 0; i < in->missing_count; i++)
		if (in->missing[i] == entry->sequence)
			return;
	if (in->missing_count == RETAIN_MISSING_MAX || is_there(&in->dir, entry))
		return;
	in->missing[in->missing_count++] = entry->sequence;
	manifest_entry_name(entry, in->dir.signal,
			    entry->state == MANIFEST_BAD ? DATA_BAD : DATA_SEALED, &name);
	log_line("%s/%s is gone, and retention has not removed it", in->dir.signal, name.name);
	run->counts.missing_files++;
}

/* Files that are entered and not there. What is open is its writer's to look after. */
static void look_for_missing(struct retain_run *run, struct retain_dir *in,
			     const struct data_name *names, size_t count)
{
	size_t i, at = 0;

	for (i = 0; i < in->entry_count; i++) {
		const struct manifest_entry *entry = &in->entries[i];

		while (at < count && names[at].sequence < entry->sequence)
			at++;
		if ((at == count || names[at].sequence != entry->sequence) &&
		    entry->state != MANIFEST_OPEN &&
		    (entry->state != MANIFEST_CUT || entry->bytes > 0))
			note_missing(run, in, entry);
	}
}

/* Somebody removed the directory, and there is another one by now. */
static int dir_renew(struct retain_run *run, struct retain_dir *in)
{
	struct data_dir dir;
	struct stat st;
	int rc;

	if (fstat(in->dir.fd, &st) == 0 && st.st_nlink > 0)
		return 0;
	rc = data_dir_open(run->out_dirfd, in->dir.signal, &dir);
	if (rc < 0)
		return rc;
	data_dir_close(&in->dir);
	in->dir = dir;
	return 0;
}

static int collect_dir(struct retain_run *run, unsigned signal, struct collection *all)
{
	struct retain_dir *in = &run->dirs[signal];
	struct data_name *names = NULL;
	size_t count = 0;
	int rc = dir_renew(run, in);

	/* Before the listing: what is sealed meanwhile is not missed then. */
	if (rc == 0)
		rc = manifest_copy(run->manifest, in->dir.signal, &in->entries, &in->entry_count);
	if (rc == 0) {
		pack_lock();
		rc = data_dir_list_locked(&in->dir, DATA_ALL_KINDS, &names, &count);
		pack_unlock();
	}
	if (rc == 0) {
		look_for_missing(run, in, names, count);
		rc = collect_names(in, signal, names, count, all);
	}
	free(names);
	return rc;
}

/* ---- senders ---- */

static void say_cursor(struct retain_run *run, unsigned number, int rc)
{
	const char *name = run->limits.senders[number];

	if (rc == run->sender_errors[number])
		return;
	if (rc == -ENOENT)
		log_line("--retain-for %s: it has no cursor yet (otlpipe-send.%s.cursor): all "
			 "files are kept for it",
			 name, name);
	else if (rc < 0)
		log_line("--retain-for %s: its cursor cannot be read (%s): all files are kept for "
			 "it",
			 name, rc == -EBADMSG ? "it is damaged" : strerror(-rc));
	else
		log_line("--retain-for %s: its cursor is there", name);
	run->sender_errors[number] = rc;
}

/* From which file on something is not sent, by the cursors. */
static void ask_senders(struct retain_run *run)
{
	for (unsigned d = 0; d < run->dir_count; d++)
		run->dirs[d].unsent_from = UINT64_MAX;
	for (unsigned i = 0; i < run->limits.sender_count; i++) {
		char file[CURSOR_FILE_BYTES];
		struct cursor cursor = {0};
		int rc;

		cursor_file_name(run->limits.senders[i], file);
		rc = cursor_load(&cursor, run->out_dirfd, file);
		say_cursor(run, i, rc);
		for (unsigned d = 0; d < run->dir_count; d++) {
			const enum otlp_signal number = signal_by_name(run->dirs[d].dir.signal);
			const struct cursor_signal *signal =
				number != SIGNAL_NONE ? &cursor.signals[number] : NULL;
			uint64_t from = 0;

			/* A sender that leaves a signal out does not want its files. */
			if (rc == 0 && (signal == NULL || !signal->is_sent))
				continue;
			if (rc == 0)
				from = signal->next.file;
			if (from < run->dirs[d].unsent_from)
				run->dirs[d].unsent_from = from;
		}
		cursor_free(&cursor);
	}
}

static void look_at_held(struct retain_run *run, const struct collection *all, size_t doomed,
			 const struct retain_limits *limits, int64_t now_ns)
{
	const bool is_held = retain_is_held(all->files, all->count, doomed, limits, now_ns);

	if (run->limits.sender_count == 0)
		return;
	if (is_held && !run->is_held)
		log_line("more is kept than --retain-bytes and --retain-age want, for senders that "
			 "have not sent it (--retain-for); --min-free is the limit");
	run->is_held = is_held;
	if (run->counts.problem[0] != '\0')
		return;
	if (run->counts.unsent_files > 0)
		snprintf(run->counts.problem, sizeof(run->counts.problem),
			 "%" PRIu64 " files were removed for --min-free before they were sent "
			 "(--retain-for)",
			 run->counts.unsent_files);
	else if (is_held)
		snprintf(run->counts.problem, sizeof(run->counts.problem),
			 "files are kept beyond --retain-bytes or --retain-age until they are sent "
			 "(--retain-for)");
}

/* ---- removing ---- */

static void say_removal(const struct retain_run *run, const struct retain_file *file)
{
	static const char *const reasons[] = {
		[RETAIN_TOO_MUCH] = "there are more bytes than --retain-bytes",
		[RETAIN_TOO_OLD] = "it is older than --retain-age",
		[RETAIN_TOO_FULL] = "less is free than --min-free",
		[RETAIN_UNSENT] = "less is free than --min-free, THOUGH A SENDER HAS NOT SENT IT "
				  "(--retain-for)",
	};

	log_always("%s/%s is removed: %s", run->dirs[file->signal].dir.signal, file->name,
		   reasons[file->reason]);
}

static void count_removal(struct retain_run *run, const struct retain_file *file)
{
	run->counts.removed_files++;
	run->counts.removed_bytes += file->bytes;
	run->counts.unsent_files += file->reason == RETAIN_UNSENT;
}

/* Its signal is left alone for this run: what is left must be the newest without a gap. */
static void block(struct retain_run *run, const struct retain_file *file, const char *what, int rc)
{
	struct retain_dir *in = &run->dirs[file->signal];

	in->is_blocked = true;
	if (run->counts.problem[0] == '\0')
		snprintf(run->counts.problem, sizeof(run->counts.problem),
			 "%s/%s %s: %s; it and all younger files of %s are kept", in->dir.signal,
			 file->name, what, strerror(-rc), in->dir.signal);
	if (in->blocked_sequence == file->sequence)
		return;
	in->blocked_sequence = file->sequence;
	log_line("%s/%s %s: %s; it and all younger files of %s are kept", in->dir.signal,
		 file->name, what, strerror(-rc), in->dir.signal);
}

/*
 * Under the names that it may have: it may have been packed since it was listed. No file is packed
 * meanwhile.
 */
static int unlink_file(const struct retain_dir *in, const struct retain_file *file)
{
	struct data_name name, packed;
	int rc;

	pack_lock();
	rc = unlinkat(in->dir.fd, file->name, 0) < 0 && errno != ENOENT ? -errno : 0;
	if (rc == 0 && data_name_parse(in->dir.signal, file->name, &name) == 0 &&
	    name.kind == DATA_SEALED) {
		data_name_as(&name, DATA_PACKED, 0, &packed);
		if (faccessat(in->dir.fd, packed.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		    unlinkat(in->dir.fd, packed.name, 0) < 0 && errno != ENOENT)
			rc = -errno;
	}
	pack_unlock();
	return rc;
}

static int remove_file(struct retain_run *run, const struct retain_file *file)
{
	struct retain_dir *in = &run->dirs[file->signal];
	int rc = unlink_file(in, file);

	if (rc < 0) {
		block(run, file, "cannot be removed", rc);
		return rc;
	}
	in->blocked_sequence = 0;
	count_removal(run, file);
	return 0;
}

/* The files of one signal in a group. */
struct part {
	uint64_t sequence; /* the last one's */
	uint64_t files;
	uint64_t bytes;
};

static struct part part_of(const struct retain_file *files, size_t count, unsigned signal,
			   uint64_t from)
{
	struct part part = {0};
	size_t i;

	for (i = 0; i < count; i++) {
		if (files[i].signal != signal || files[i].sequence < from)
			continue;
		part.sequence = files[i].sequence;
		part.files++;
		part.bytes += files[i].bytes;
	}
	return part;
}

/* From this file on they are kept after all. */
static void keep(struct retain_run *run, const struct retain_file *file,
		 const struct retain_file *files, size_t count)
{
	const struct retain_dir *in = &run->dirs[file->signal];
	const struct part part = part_of(files, count, file->signal, file->sequence);
	size_t at = 0;

	while (at < in->entry_count && in->entries[at].sequence < file->sequence)
		at++;
	manifest_enter_kept(run->manifest, in->dir.signal, file->sequence, in->entries + at,
			    in->entry_count - at, part.files, part.bytes);
}

/*
 * The disk is so full that not even the line can be written. Then the order is turned round, one
 * file at a time: after a kill in between, verify would miss that one.
 */
static int remove_before_entering(struct retain_run *run, const struct retain_file *files,
				  size_t count, unsigned signal)
{
	const char *name = run->dirs[signal].dir.signal;
	size_t i;
	int rc = -ENOSPC;

	for (i = 0; i < count && (rc == -ENOSPC || rc == -EDQUOT); i++) {
		if (files[i].signal != signal)
			continue;
		rc = remove_file(run, &files[i]);
		if (rc < 0)
			return rc;
		rc = manifest_enter_removed(run->manifest, name, files[i].sequence, 1,
					    files[i].bytes, true);
	}
	return rc;
}

static int enter_part(struct retain_run *run, const struct retain_file *files, size_t count,
		      unsigned signal)
{
	struct retain_dir *in = &run->dirs[signal];
	struct part part = part_of(files, count, signal, 0);
	size_t i;
	int rc;

	if (part.files == 0 || in->is_blocked)
		return 0;
	rc = manifest_enter_removed(run->manifest, in->dir.signal, part.sequence, part.files,
				    part.bytes, false);
	if (rc == -ENOSPC || rc == -EDQUOT) {
		rc = remove_before_entering(run, files, count, signal);
		/* The others of this group go in the next run. */
		in->is_blocked = true;
		return rc == -ENOSPC || rc == -EDQUOT ? 0 : rc;
	}
	for (i = 0; rc < 0 && !in->is_blocked && i < count; i++)
		if (files[i].signal == signal)
			block(run, &files[i], "is not removed, since the manifest cannot have it",
			      rc);
	return rc;
}

static int remove_group(struct retain_run *run, const struct retain_file *files, size_t count,
			size_t *named)
{
	unsigned signal;
	size_t i;
	int rc = 0;

	for (signal = 0; signal < run->dir_count; signal++) {
		int failed = enter_part(run, files, count, signal);

		rc = failed < 0 ? failed : rc;
	}
	for (i = 0; i < count; i++) {
		int failed;

		if (run->dirs[files[i].signal].is_blocked)
			continue;
		if (run->is_stopping(run->context)) {
			/* Of this signal no more, and then of the next one. */
			run->dirs[files[i].signal].is_blocked = true;
			keep(run, &files[i], files, count);
			continue;
		}
		if ((*named)++ < NAMED_FILES)
			say_removal(run, &files[i]);
		failed = remove_file(run, &files[i]);
		if (failed < 0) {
			keep(run, &files[i], files, count);
			rc = failed;
		}
	}
	return rc;
}

static int run_plan(struct retain_run *run, const struct collection *all, int64_t now_ns,
		    bool is_clock_believed)
{
	struct retain_limits limits = run->limits;
	size_t doomed, at, named = 0;
	struct statvfs vfs;
	int rc = 0;

	if (fstatvfs(run->dirs[0].dir.fd, &vfs) < 0)
		return -errno;
	if (!is_clock_believed)
		limits.age_ns = 0;
	doomed = retain_plan(all->files, all->count, &limits, now_ns,
			     (uint64_t)vfs.f_bavail * vfs.f_frsize);
	for (at = 0; at < doomed && !run->is_stopping(run->context); at += GROUP_FILES) {
		const size_t count = doomed - at < GROUP_FILES ? doomed - at : GROUP_FILES;
		int failed = remove_group(run, all->files + at, count, &named);

		rc = failed < 0 ? failed : rc;
	}
	look_at_held(run, all, doomed, &limits, now_ns);
	if (named > NAMED_FILES)
		log_line("%zu more files are removed than are named above", named - NAMED_FILES);
	return rc;
}

int retain_run(struct retain_run *run)
{
	const bool is_clock_believed = retain_clock_look(&run->clock);
	struct collection all = {0};
	struct timespec now;
	unsigned signal;
	int64_t now_ns;
	int rc = 0;

	run->counts.problem[0] = '\0';
	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = now.tv_sec * NS_PER_S + now.tv_nsec;
	ask_senders(run);
	for (signal = 0; rc == 0 && signal < run->dir_count; signal++) {
		run->dirs[signal].is_blocked = false;
		rc = collect_dir(run, signal, &all);
	}
	if (rc == 0) {
		retain_sort(all.files, all.count, now_ns);
		rc = run_plan(run, &all, now_ns, is_clock_believed);
	}
	for (signal = 0; signal < run->dir_count; signal++) {
		free(run->dirs[signal].entries);
		run->dirs[signal].entries = NULL;
		run->dirs[signal].entry_count = 0;
	}
	free(all.files);
	run->counts.is_waiting = !is_clock_believed;
	run->counts.runs++;
	if (rc < 0 && run->counts.problem[0] == '\0') {
		snprintf(run->counts.problem, sizeof(run->counts.problem),
			 "not all files can be looked after: %s", strerror(-rc));
		if (run->counts.last_error != rc)
			log_line("retention: %s", run->counts.problem);
	}
	run->counts.failures += rc < 0;
	run->counts.last_error = rc;
	return rc;
}

int retain_run_open(struct retain_run *run, int out_dirfd, struct manifest *manifest,
		    const char *const *signals, unsigned signal_count,
		    const struct retain_limits *limits)
{
	int rc = 0;

	memset(run, 0, sizeof(*run));
	run->limits = *limits;
	run->manifest = manifest;
	run->out_dirfd = fcntl(out_dirfd, F_DUPFD_CLOEXEC, 0);
	if (run->out_dirfd < 0)
		return -errno;
	while (rc == 0 && run->dir_count < signal_count) {
		rc = data_dir_open(out_dirfd, signals[run->dir_count],
				   &run->dirs[run->dir_count].dir);
		if (rc == 0)
			run->dir_count++;
	}
	if (rc < 0)
		retain_run_close(run);
	else
		retain_clock_open(&run->clock, manifest, limits->age_ns);
	return rc;
}

void retain_run_set_limits(struct retain_run *run, const struct retain_limits *limits)
{
	/* A clock that is not believed stays so. */
	if (run->limits.age_ns == 0 && limits->age_ns != 0)
		retain_clock_open(&run->clock, run->manifest, limits->age_ns);
	else
		run->clock.age_ns = limits->age_ns;
	run->limits = *limits;
}

void retain_run_close(struct retain_run *run)
{
	unsigned i;

	for (i = 0; i < run->dir_count; i++)
		data_dir_close(&run->dirs[i].dir);
	close(run->out_dirfd);
}
