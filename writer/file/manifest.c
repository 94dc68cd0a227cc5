/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events that the manifest has, for the threads of a writer. How they get to the disk is
 * manifest_store.c's, and what they add up to manifest_image.c's.
 */
#include "writer/file/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "writer/file/manifest_store.h"

struct manifest {
	pthread_mutex_t mutex; /* of the store */
	struct manifest_store store;
};

int manifest_open(struct manifest **ret, int out_dirfd)
{
	struct manifest *manifest = calloc(1, sizeof(*manifest));
	int rc;

	if (manifest == NULL)
		return -ENOMEM;
	rc = manifest_store_open(&manifest->store, out_dirfd);
	if (rc < 0) {
		free(manifest);
		return rc;
	}
	pthread_mutex_init(&manifest->mutex, NULL);
	/* A disk that is full keeps no writer from starting. */
	(void)manifest_store_flush(&manifest->store);
	*ret = manifest;
	return 0;
}

void manifest_close(struct manifest *manifest)
{
	if (manifest == NULL)
		return;
	(void)manifest_store_flush(&manifest->store);
	manifest_store_close(&manifest->store);
	pthread_mutex_destroy(&manifest->mutex);
	free(manifest);
}

/* ---- files that are there ---- */

bool manifest_knows(struct manifest *manifest, const char *signal, uint64_t next)
{
	const struct manifest_signal *known;
	bool is_known;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	is_known = known != NULL && next <= known->next;
	pthread_mutex_unlock(&manifest->mutex);
	return is_known;
}

/* Nobody noted when it was sealed: the file's own time, if it is between its name's and now. */
static int64_t ended_s_of(const struct data_name *name)
{
	const int64_t now_s = manifest_clock_s(CLOCK_REALTIME), named_s = (int64_t)name->wall;
	int64_t ended_s = name->mtime_ns / 1000000000;

	ended_s = ended_s < now_s ? ended_s : now_s;
	ended_s = ended_s > named_s ? ended_s : named_s;
	return ended_s > 0 ? ended_s : 1;
}

static int adopt_file(struct manifest *manifest, const char *signal, const struct data_name *name)
{
	struct manifest_entry entry = {
		.sequence = name->sequence,
		.state = name->kind == DATA_BAD ? MANIFEST_BAD : MANIFEST_SEALED,
		.bytes = name->kind == DATA_BAD ? name->trusted_bytes : name->bytes,
		.named_s = (int64_t)name->wall,
		.ended_s = ended_s_of(name),
	};

	return manifest_store_entry(&manifest->store, signal, &entry);
}

/*
 * A writer that was killed between making a file and entering it used up one number: the line comes
 * before the first batch, so nothing was in that file, and what was known before stays known.
 */
static bool is_unused_number(const struct manifest_signal *known, const struct data_name *names,
			     size_t count, uint64_t next)
{
	return known != NULL && next == known->next + 1 &&
	       (count == 0 || names[count - 1].sequence < known->next);
}

static int adopt_unknown(struct manifest *manifest, const char *signal,
			 const struct data_name *names, size_t count, uint64_t next)
{
	const struct manifest_signal *known = manifest_image_signal(&manifest->store.image, signal);
	struct manifest_signal line_signal = known != NULL ? *known : (struct manifest_signal){0};
	const uint64_t from = line_signal.next;
	char line[MANIFEST_LINE_BYTES_MAX];
	uint64_t adopted = 0;
	size_t i;
	int rc;

	if (known != NULL && next <= known->next)
		return 0;
	snprintf(line_signal.name, sizeof(line_signal.name), "%s", signal);
	if (!is_unused_number(known, names, count, next))
		line_signal.first = next;
	line_signal.next = next;
	/* Perhaps very many lines. */
	manifest_store_begin_anew(&manifest->store);
	rc = manifest_store_line(&manifest->store, line,
				 manifest_line_signal(&manifest->store.image, line, &line_signal));
	for (i = 0; rc == 0 && i < count; i++) {
		if (names[i].sequence < from)
			continue;
		rc = adopt_file(manifest, signal, &names[i]);
		adopted++;
	}
	if (rc == 0 && adopted > 0)
		log_line("%s: %" PRIu64 " files that the manifest did not know are entered: what "
			 "was missing before now cannot be known",
			 signal, adopted);
	return rc;
}

int manifest_adopt(struct manifest *manifest, const char *signal, const struct data_name *names,
		   size_t count, uint64_t next, uint64_t *ret_next)
{
	int rc;

	pthread_mutex_lock(&manifest->mutex);
	rc = adopt_unknown(manifest, signal, names, count, next);
	if (rc == 0) {
		(void)manifest_store_flush(&manifest->store);
		*ret_next = manifest_image_signal(&manifest->store.image, signal)->next;
	}
	pthread_mutex_unlock(&manifest->mutex);
	return rc;
}

/* ---- events ---- */

int manifest_enter_open(struct manifest *manifest, const char *signal, const struct data_name *name,
			uint64_t bytes)
{
	const struct manifest_entry entry = {.sequence = name->sequence,
					     .state = MANIFEST_OPEN,
					     .bytes = bytes,
					     .named_s = (int64_t)name->wall};
	char line[MANIFEST_LINE_BYTES_MAX];
	int rc;

	pthread_mutex_lock(&manifest->mutex);
	rc = manifest_store_entry(&manifest->store, signal, &entry);
	if (rc == 0) {
		rc = manifest_store_flush(&manifest->store);
		if (rc < 0)
			(void)manifest_store_line(&manifest->store, line,
						  manifest_line_dropped(&manifest->store.image,
									line, signal,
									entry.sequence));
	}
	pthread_mutex_unlock(&manifest->mutex);
	return rc;
}

/* What the new entry must be, by what is entered already. False: that is as it should be. */
static bool entry_changes(const struct manifest_entry *old, struct manifest_entry *entry)
{
	if (old == NULL || old->state == MANIFEST_OPEN || entry->state == MANIFEST_BAD)
		return true;
	if (old->bytes == entry->bytes && old->state != MANIFEST_BAD)
		return false;
	if (old->state == MANIFEST_CUT || old->bytes > entry->bytes)
		entry->state = MANIFEST_CUT;
	return true;
}

int manifest_enter_end(struct manifest *manifest, const char *signal, const struct data_name *name,
		       enum manifest_state state, uint64_t bytes)
{
	struct manifest_entry entry = {.sequence = name->sequence,
				       .state = state,
				       .bytes = bytes,
				       .named_s = (int64_t)name->wall,
				       .ended_s = manifest_clock_s(CLOCK_REALTIME)};
	const struct manifest_signal *known;
	const struct manifest_entry *old;
	int rc = 0;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	old = known != NULL ? manifest_signal_find(known, name->sequence) : NULL;
	if (entry_changes(old, &entry)) {
		if (entry.state == MANIFEST_CUT)
			log_line("%s: %s was cut behind the writer's back: %" PRIu64
				 " bytes of it are left",
				 signal, name->name, bytes);
		rc = manifest_store_entry(&manifest->store, signal, &entry);
	}
	if (rc == 0)
		rc = manifest_store_flush(&manifest->store);
	pthread_mutex_unlock(&manifest->mutex);
	return rc;
}

int manifest_enter_dropped(struct manifest *manifest, const char *signal, uint64_t sequence)
{
	const struct manifest_signal *known;
	char line[MANIFEST_LINE_BYTES_MAX];
	int rc = 0;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	if (known != NULL && manifest_signal_find(known, sequence) != NULL)
		rc = manifest_store_line(
			&manifest->store, line,
			manifest_line_dropped(&manifest->store.image, line, signal, sequence));
	if (rc == 0)
		rc = manifest_store_flush(&manifest->store);
	pthread_mutex_unlock(&manifest->mutex);
	return rc;
}

/* Where retention stands, and the entries that are behind that again. */
static int enter_removed_to(struct manifest *manifest, const struct manifest_signal *signal,
			    const struct manifest_entry *kept, size_t count)
{
	char line[MANIFEST_LINE_BYTES_MAX];
	size_t i;
	int rc;

	rc = manifest_store_line(&manifest->store, line,
				 manifest_line_removed(&manifest->store.image, line, signal->name,
						       signal->removed_to, signal->removed_files,
						       signal->removed_bytes));
	for (i = 0; rc == 0 && i < count; i++)
		if (kept[i].sequence > signal->removed_to)
			rc = manifest_store_entry(&manifest->store, signal->name, &kept[i]);
	return rc;
}

int manifest_enter_removed(struct manifest *manifest, const char *signal, uint64_t sequence,
			   uint64_t files, uint64_t bytes, bool is_done)
{
	struct manifest_entry *before = NULL;
	struct manifest_signal *known, was, is;
	size_t count = 0;
	int rc = 0;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	if (known == NULL)
		rc = -ENOENT;
	if (rc == 0) {
		while (count < known->entry_count && known->entries[count].sequence <= sequence)
			count++;
		before = malloc((count + 1) * sizeof(*before));
		rc = before == NULL ? -ENOMEM : 0;
	}
	if (rc == 0) {
		if (count > 0)
			memcpy(before, known->entries, count * sizeof(*before));
		is = was = *known;
		is.removed_to = sequence > was.removed_to ? sequence : was.removed_to;
		is.removed_files += files;
		is.removed_bytes += bytes;
		rc = enter_removed_to(manifest, &is, NULL, 0);
		if (rc == 0)
			rc = manifest_store_flush(&manifest->store);
		if (rc < 0 && !is_done)
			(void)enter_removed_to(manifest, &was, before, count);
	}
	pthread_mutex_unlock(&manifest->mutex);
	free(before);
	return rc;
}

void manifest_enter_kept(struct manifest *manifest, const char *signal, uint64_t from,
			 const struct manifest_entry *kept, size_t count, uint64_t files,
			 uint64_t bytes)
{
	struct manifest_signal *known, is;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	if (known != NULL && from > 0 && from <= known->removed_to) {
		is = *known;
		is.removed_to = from - 1;
		is.removed_files -= files < is.removed_files ? files : is.removed_files;
		is.removed_bytes -= bytes < is.removed_bytes ? bytes : is.removed_bytes;
		if (enter_removed_to(manifest, &is, kept, count) == 0)
			(void)manifest_store_flush(&manifest->store);
	}
	pthread_mutex_unlock(&manifest->mutex);
}

void manifest_enter_elsewhere(struct manifest *manifest, bool is_coming, const char *path)
{
	char line[MANIFEST_LINE_BYTES_MAX], word[MANIFEST_PATH_BYTES_MAX];

	manifest_word_of_path(path, word);
	pthread_mutex_lock(&manifest->mutex);
	if (manifest_store_line(&manifest->store, line,
				manifest_line_elsewhere(&manifest->store.image, line, is_coming,
							word, manifest_clock_s(CLOCK_REALTIME))) ==
	    0)
		(void)manifest_store_flush(&manifest->store);
	pthread_mutex_unlock(&manifest->mutex);
}

/* ---- questions ---- */

bool manifest_find(struct manifest *manifest, const char *signal, uint64_t sequence,
		   struct manifest_entry *ret)
{
	const struct manifest_signal *known;
	const struct manifest_entry *entry;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	entry = known != NULL ? manifest_signal_find(known, sequence) : NULL;
	if (entry != NULL)
		*ret = *entry;
	pthread_mutex_unlock(&manifest->mutex);
	return entry != NULL;
}

int manifest_copy(struct manifest *manifest, const char *signal, struct manifest_entry **ret,
		  size_t *ret_count)
{
	const struct manifest_signal *known;
	struct manifest_entry *copy = NULL;
	size_t count = 0;
	int rc = 0;

	pthread_mutex_lock(&manifest->mutex);
	known = manifest_image_signal(&manifest->store.image, signal);
	if (known != NULL && known->entry_count > 0) {
		count = known->entry_count;
		copy = malloc(count * sizeof(*copy));
		if (copy != NULL)
			memcpy(copy, known->entries, count * sizeof(*copy));
		else
			rc = -ENOMEM;
	}
	pthread_mutex_unlock(&manifest->mutex);
	if (rc == 0) {
		*ret = copy;
		*ret_count = count;
	}
	return rc;
}

int64_t manifest_look_at_clock(struct manifest *manifest)
{
	int64_t step_s;

	pthread_mutex_lock(&manifest->mutex);
	step_s = manifest_store_clock_step(&manifest->store);
	if (step_s != 0) {
		manifest_store_correct_times(&manifest->store, step_s);
		(void)manifest_store_flush(&manifest->store);
	}
	pthread_mutex_unlock(&manifest->mutex);
	return step_s;
}

int64_t manifest_newest_s(const struct manifest *manifest)
{
	return manifest->store.found_newest_s;
}
