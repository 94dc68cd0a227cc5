/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares the files that are there with the lines of the manifest. Other files look into the
 * files, and find out what a missing file means for the rings.
 */
#include "cli/verify_expect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "writer/file/manifest_store.h"

/* ---- reading it ---- */

/* A shortage of ours says nothing about the file. */
static bool is_shortage(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static int load(const struct verify_dir *dir, struct manifest_image *ret)
{
	int rc = manifest_load(ret, dir->fd);

	/* What is behind its last whole line is being written, or was not when the power went. */
	return rc == -EAGAIN ? 0 : rc;
}

static void say_manifest(struct verify *verify, const struct verify_dir *dir)
{
	static const char unknown[] = "whether files are missing at its start or its end, or all "
				      "of a signal, cannot be known";

	if (dir->manifest_error == -ENOENT)
		verify_note(verify, NULL, "%s has no manifest (%s): %s", dir->path, MANIFEST_NAME,
			    unknown);
	else if (dir->manifest_error == -EPROTO)
		verify_note(verify, NULL, "%s/%s is of another version: %s", dir->path,
			    MANIFEST_NAME, unknown);
	else if (dir->manifest_error == -EBADMSG)
		verify_problem(verify, NULL, "%s/%s is damaged: %s", dir->path, MANIFEST_NAME,
			       unknown);
	else
		verify_problem(verify, NULL, "%s/%s cannot be read: %s; %s", dir->path,
			       MANIFEST_NAME, strerror(-dir->manifest_error), unknown);
}

int verify_expect_begin(struct verify *verify, struct verify_dir *dir)
{
	int rc = load(dir, &dir->manifest);

	if (is_shortage(rc))
		return rc;
	dir->manifest_error = rc;
	if (rc < 0) {
		manifest_image_free(&dir->manifest);
		say_manifest(verify, dir);
	}
	return 0;
}

/* ---- what does not fit ---- */

static struct verify_doubt *doubt_add(struct verify_dir *dir)
{
	if (dir->doubt_count == dir->doubt_capacity) {
		size_t capacity = dir->doubt_capacity != 0 ? dir->doubt_capacity * 2 : 16;
		struct verify_doubt *larger = reallocarray(dir->doubts, capacity, sizeof(*larger));

		if (larger == NULL)
			return NULL;
		dir->doubts = larger;
		dir->doubt_capacity = capacity;
	}
	return &dir->doubts[dir->doubt_count++];
}

/* The name that a file should have by now. */
static void name_of(const struct manifest_entry *entry, enum otlp_signal signal,
		    struct data_name *ret)
{
	enum data_kind kind = entry->state == MANIFEST_OPEN  ? DATA_OPEN
			      : entry->state == MANIFEST_BAD ? DATA_BAD
							     : DATA_SEALED;

	manifest_entry_name(entry, signal_name(signal), kind, ret);
}

/* A rename while the directory was read can hide a file from the list. */
static bool is_there(int fd, const struct manifest_entry *entry, enum otlp_signal signal)
{
	static const enum data_kind kinds[] = {DATA_OPEN, DATA_SEALED, DATA_BAD, DATA_PACKED};
	struct data_name name;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		manifest_entry_name(entry, signal_name(signal), kinds[i], &name);
		if (fd >= 0 && fstatat(fd, name.name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

static int miss(struct verify_dir *dir, enum otlp_signal signal, int fd,
		const struct manifest_entry *entry)
{
	struct verify_doubt *doubt;
	struct data_name name;

	if (is_there(fd, entry, signal))
		return -ESTALE;
	doubt = doubt_add(dir);
	if (doubt == NULL)
		return -ENOMEM;
	name_of(entry, signal, &name);
	*doubt = (struct verify_doubt){.kind = DOUBT_MISSING, .signal = signal, .entry = *entry};
	memcpy(doubt->name, name.name, sizeof(doubt->name));
	return 0;
}

int verify_expect_listed(struct verify_dir *dir, enum otlp_signal signal, int fd,
			 const struct data_name *names, size_t count)
{
	const struct manifest_signal *known =
		dir->manifest_error == 0
			? manifest_image_signal(&dir->manifest, signal_name(signal))
			: NULL;
	size_t i, at = 0;
	int rc = 0;

	for (i = 0; rc == 0 && known != NULL && i < known->entry_count; i++) {
		const struct manifest_entry *entry = &known->entries[i];

		while (at < count && names[at].sequence < entry->sequence)
			at++;
		/* A file of which nothing was left was removed by the recovery that found it so. */
		if (entry->state == MANIFEST_CUT && entry->bytes == 0)
			continue;
		if (at == count || names[at].sequence != entry->sequence)
			rc = miss(dir, signal, fd, entry);
	}
	return rc;
}

/* ---- files that were read ---- */

static bool size_fits(const struct manifest_entry *entry, const struct data_name *name,
		      uint64_t bytes, uint64_t used_bytes, bool is_at_end)
{
	switch (entry->state) {
	case MANIFEST_OPEN:
		/* Where its writer would have gone on there are zeros: nothing is missing. */
		return name->kind != DATA_OPEN || bytes >= entry->bytes || is_at_end;
	case MANIFEST_SEALED:
	case MANIFEST_CUT:
		if (name->kind == DATA_SEALED)
			return bytes == entry->bytes;
		if (name->kind == DATA_PACKED)
			return used_bytes == entry->bytes;
		return name->kind == DATA_BAD || used_bytes >= entry->bytes;
	case MANIFEST_BAD:
	default:
		return name->kind != DATA_BAD || name->trusted_bytes == entry->bytes;
	}
}

int verify_expect_file(struct verify *verify, struct verify_dir *dir, enum otlp_signal signal,
		       const struct data_name *name, uint64_t bytes, uint64_t used_bytes,
		       bool is_at_end)
{
	const struct manifest_signal *known;
	const struct manifest_entry *entry;
	struct verify_doubt *doubt;

	(void)verify;
	if (dir->manifest_error != 0)
		return 0;
	known = manifest_image_signal(&dir->manifest, signal_name(signal));
	entry = known != NULL ? manifest_signal_find(known, name->sequence) : NULL;
	/* A file that is just being made is entered before anything is in it. */
	if (entry == NULL && used_bytes == 0 && name->kind == DATA_OPEN)
		return 0;
	if (entry != NULL && size_fits(entry, name, bytes, used_bytes, is_at_end))
		return 0;
	doubt = doubt_add(dir);
	if (doubt == NULL)
		return -ENOMEM;
	*doubt = (struct verify_doubt){.kind = entry != NULL ? DOUBT_SIZE : DOUBT_UNKNOWN,
				       .signal = signal,
				       .bytes = bytes};
	if (entry != NULL)
		doubt->entry = *entry;
	doubt->entry.sequence = name->sequence;
	memcpy(doubt->name, name->name, sizeof(doubt->name));
	return 0;
}

/* ---- the end ---- */

static void say_missing(struct verify *verify, const struct verify_doubt *doubt, const char *name)
{
	verify->manifest.missing_files++;
	if (doubt->entry.state == MANIFEST_OPEN)
		verify_problem(verify, NULL,
			       "%s is missing: a writer made it and has not sealed it, and "
			       "retention did not remove it",
			       name);
	else
		verify_problem(verify, NULL,
			       "%s is missing: it %s %" PRIu64
			       " bytes, and retention did not remove it",
			       name,
			       doubt->entry.state == MANIFEST_BAD ? "was given up with"
								  : "was sealed with",
			       doubt->entry.bytes);
}

static void say_size(struct verify *verify, const struct verify_doubt *doubt, const char *name)
{
	verify->manifest.cut_files++;
	if (doubt->entry.state == MANIFEST_OPEN)
		verify_problem(verify, NULL,
			       "%s was cut behind the writer's back: it has %" PRIu64
			       " bytes, of %" PRIu64 " at least",
			       name, doubt->bytes, doubt->entry.bytes);
	else
		verify_problem(verify, NULL, "%s has %" PRIu64 " bytes, and was %s %" PRIu64, name,
			       doubt->bytes,
			       doubt->entry.state == MANIFEST_BAD ? "given up with" : "sealed with",
			       doubt->entry.bytes);
}

static void say_unknown(struct verify *verify, const char *name)
{
	verify->manifest.unknown_files++;
	verify_problem(verify, NULL,
		       "%s is not in the manifest: somebody has put it there, or a writer of an "
		       "older version has written it",
		       name);
}

static bool is_same_entry(const struct manifest_entry *a, const struct manifest_entry *b)
{
	return a->state == b->state && a->bytes == b->bytes;
}

static int judge(struct verify *verify, const struct verify_doubt *doubt,
		 const struct manifest_image *now)
{
	const struct manifest_signal *known =
		manifest_image_signal(now, signal_name(doubt->signal));
	const struct manifest_entry *entry =
		known != NULL ? manifest_signal_find(known, doubt->entry.sequence) : NULL;
	char name[VERIFY_PLACE_BYTES];

	verify_name_file(verify, doubt->signal, doubt->name, name);
	if (doubt->kind == DOUBT_UNKNOWN) {
		/* Entered since, from before the manifest, or retention is about to remove it. */
		if (known == NULL || (entry == NULL && doubt->entry.sequence >= known->first &&
				      doubt->entry.sequence > known->removed_to))
			say_unknown(verify, name);
		return 0;
	}
	if (entry == NULL)
		return 0; /* removed since */
	if (!is_same_entry(entry, &doubt->entry))
		return -ESTALE;
	if (doubt->kind == DOUBT_MISSING)
		say_missing(verify, doubt, name);
	else
		say_size(verify, doubt, name);
	return 0;
}

/* What a recovery, or the writer itself, found to be gone. */
static void say_cut(struct verify *verify, enum otlp_signal signal,
		    const struct manifest_entry *entry)
{
	char name[VERIFY_PLACE_BYTES];
	struct data_name sealed;

	name_of(entry, signal, &sealed);
	verify_name_file(verify, signal, sealed.name, name);
	verify->manifest.cut_files++;
	verify_problem(verify, NULL,
		       "%s was cut behind its writer's back: %" PRIu64 " bytes of it were left",
		       name, entry->bytes);
}

static void add_signal(struct verify *verify, enum otlp_signal signal,
		       const struct manifest_signal *known)
{
	size_t i;

	verify->manifest.expected_files += known->entry_count;
	verify->manifest.removed_files += known->removed_files;
	verify->manifest.removed_bytes += known->removed_bytes;
	if (known->first > 1)
		verify_note(verify, NULL,
			    "%s: of files before number %" PRIu64
			    " the manifest does not know whether one was missing",
			    signal_name(signal), known->first);
	for (i = 0; i < known->entry_count; i++)
		if (known->entries[i].state == MANIFEST_CUT)
			say_cut(verify, signal, &known->entries[i]);
}

int verify_expect_end(struct verify *verify, struct verify_dir *dir)
{
	struct manifest_image now = {0};
	enum otlp_signal signal;
	size_t i;
	int rc = load(dir, &now);

	if (rc < 0)
		manifest_image_free(&now);
	if (!is_shortage(rc))
		rc = rc == dir->manifest_error && now.id == dir->manifest.id ? 0 : -ESTALE;
	for (i = 0; rc == 0 && i < dir->doubt_count; i++)
		rc = judge(verify, &dir->doubts[i], &now);
	for (signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++) {
		const struct manifest_signal *known =
			manifest_image_signal(&now, signal_name(signal));

		if (known != NULL)
			add_signal(verify, signal, known);
	}
	/* What it says of other directories is judged by what it says now. */
	manifest_image_free(&dir->manifest);
	dir->manifest = now;
	return rc;
}

/* ---- reasons ---- */

enum verify_reason verify_reason_before(const struct verify_dir *dir, enum otlp_signal signal,
					bool is_start)
{
	const struct manifest_signal *known;

	if (dir->manifest_error != 0)
		return is_start ? REASON_UNKNOWN : REASON_NONE;
	known = manifest_image_signal(&dir->manifest, signal_name(signal));
	if (is_start && known != NULL && known->removed_files > 0)
		return REASON_REMOVED;
	if (is_start && known != NULL && known->first > 1)
		return REASON_UNKNOWN;
	return dir->manifest.has_come ? REASON_ELSEWHERE : REASON_NONE;
}

enum verify_reason verify_reason_behind(const struct verify *verify)
{
	size_t i;

	for (i = 0; i < verify->dir_count; i++)
		if (verify->dirs[i].manifest_error == 0 && verify->dirs[i].manifest.is_left)
			return REASON_ELSEWHERE;
	return REASON_NONE;
}
