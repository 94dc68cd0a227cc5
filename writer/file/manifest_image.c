/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a manifest, both ways, and what they add up to. A writer applies each line that it
 * makes by the same code that reads it, so what it believes is what a reader will find.
 */
#include "writer/file/manifest_image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- signals and entries ---- */

void manifest_image_free(struct manifest_image *image)
{
	unsigned i;

	for (i = 0; i < image->signal_count; i++)
		free(image->signals[i].entries);
	memset(image, 0, sizeof(*image));
}

struct manifest_signal *manifest_image_signal(const struct manifest_image *image, const char *name)
{
	unsigned i;

	for (i = 0; i < image->signal_count; i++)
		if (strcmp(image->signals[i].name, name) == 0)
			return (struct manifest_signal *)(uintptr_t)&image->signals[i];
	return NULL;
}

/* Where the entry is, or where it would be. */
static size_t entry_place(const struct manifest_signal *signal, uint64_t sequence)
{
	size_t from = 0, to = signal->entry_count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (signal->entries[middle].sequence < sequence)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct manifest_entry *manifest_signal_find(const struct manifest_signal *signal, uint64_t sequence)
{
	size_t at = entry_place(signal, sequence);

	return at < signal->entry_count && signal->entries[at].sequence == sequence
		       ? &signal->entries[at]
		       : NULL;
}

/* Forget those of [from, to). */
static void entry_take(struct manifest_signal *signal, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(&signal->entries[from], &signal->entries[to],
		(signal->entry_count - to) * sizeof(*signal->entries));
	signal->entry_count -= to - from;
}

static int entry_put(struct manifest_signal *signal, const struct manifest_entry *entry)
{
	size_t at = entry_place(signal, entry->sequence);

	if (at < signal->entry_count && signal->entries[at].sequence == entry->sequence) {
		signal->entries[at] = *entry;
		return 0;
	}
	if (signal->entry_count == MANIFEST_ENTRIES_MAX) {
		/* Nothing is known of the oldest one any more. */
		if (at == 0)
			return 0;
		if (signal->first <= signal->entries[0].sequence)
			signal->first = signal->entries[0].sequence + 1;
		entry_take(signal, 0, 1);
		at--;
	}
	if (signal->entry_count == signal->entry_capacity) {
		size_t capacity = signal->entry_capacity != 0 ? signal->entry_capacity * 2 : 64;
		struct manifest_entry *larger =
			reallocarray(signal->entries, capacity, sizeof(*larger));

		if (larger == NULL)
			return -ENOMEM;
		signal->entries = larger;
		signal->entry_capacity = capacity;
	}
	memmove(&signal->entries[at + 1], &signal->entries[at],
		(signal->entry_count - at) * sizeof(*signal->entries));
	signal->entries[at] = *entry;
	signal->entry_count++;
	return 0;
}

void manifest_entry_name(const struct manifest_entry *entry, const char *signal,
			 enum data_kind kind, struct data_name *ret)
{
	struct data_name name;

	data_name_make(signal, (time_t)entry->named_s, entry->sequence, &name);
	data_name_as(&name, kind, entry->bytes, ret);
}

/* ---- lines in ---- */

static bool read_sequence(const char *word, uint64_t *ret)
{
	return manifest_word_number(word, DATA_SEQUENCE_MAX, ret);
}

/* otlpipe-manifest VERSION ID */
static int apply_begin(struct manifest_image *image, const struct manifest_line *line)
{
	uint64_t version, id;

	if (line->count < 2 || !manifest_word_number(line->words[1], UINT64_MAX, &version))
		return -EBADMSG;
	if (version != MANIFEST_VERSION)
		return -EPROTO;
	if (line->count != 3 || !manifest_word_id(line->words[2], &id) || id == 0)
		return -EBADMSG;
	image->id = id;
	return 0;
}

/* clock BOOT WALL SECONDS */
static int apply_clock(struct manifest_image *image, const struct manifest_line *line)
{
	const char *boot = line->words[1];
	int64_t wall_s, boot_s;
	unsigned i;
	size_t k;

	if (line->count != 4 || strlen(boot) >= sizeof(image->boot) ||
	    !manifest_word_time(line->words[2], &wall_s) ||
	    !manifest_word_time(line->words[3], &boot_s))
		return -EBADMSG;
	for (i = 0; i < image->signal_count && strcmp(boot, image->boot) != 0; i++)
		for (k = 0; k < image->signals[i].entry_count; k++)
			image->signals[i].entries[k].is_of_this_boot = false;
	strcpy(image->boot, boot);
	image->clock_wall_s = wall_s;
	image->clock_boot_s = boot_s;
	if (wall_s > image->newest_s)
		image->newest_s = wall_s;
	return 0;
}

static bool is_signal_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= DATA_SIGNAL_BYTES_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz") == n;
}

/* signal NAME FIRST NEXT REMOVED_TO FILES BYTES */
static int apply_signal(struct manifest_image *image, const struct manifest_line *line)
{
	struct manifest_signal *signal;
	struct manifest_signal read = {0};

	if (line->count != 7 || !is_signal_name(line->words[1]) ||
	    !read_sequence(line->words[2], &read.first) ||
	    !manifest_word_number(line->words[3], DATA_SEQUENCE_MAX + 1, &read.next) ||
	    !read_sequence(line->words[4], &read.removed_to) ||
	    !manifest_word_number(line->words[5], UINT64_MAX, &read.removed_files) ||
	    !manifest_word_number(line->words[6], UINT64_MAX, &read.removed_bytes))
		return -EBADMSG;
	signal = manifest_image_signal(image, line->words[1]);
	if (signal == NULL) {
		if (image->signal_count == MANIFEST_SIGNALS_MAX)
			return -E2BIG;
		signal = &image->signals[image->signal_count++];
		strcpy(signal->name, line->words[1]);
	}
	signal->first = read.first;
	signal->next = read.next;
	signal->removed_to = read.removed_to;
	signal->removed_files = read.removed_files;
	signal->removed_bytes = read.removed_bytes;
	entry_take(signal, 0, entry_place(signal, read.removed_to + 1));
	return 0;
}

/* open NAME SEQUENCE BYTES NAMED; sealed, bad, cut: and ENDED */
static int apply_entry(struct manifest_image *image, const struct manifest_line *line,
		       enum manifest_state state)
{
	struct manifest_entry entry = {.state = state, .is_of_this_boot = true};
	struct manifest_signal *signal;
	int rc;

	if (line->count != (state == MANIFEST_OPEN ? 5u : 6u) ||
	    !read_sequence(line->words[2], &entry.sequence) ||
	    !manifest_word_number(line->words[3], INT64_MAX, &entry.bytes) ||
	    !manifest_word_time(line->words[4], &entry.named_s) ||
	    (state != MANIFEST_OPEN && !manifest_word_time(line->words[5], &entry.ended_s)))
		return -EBADMSG;
	signal = manifest_image_signal(image, line->words[1]);
	if (signal == NULL)
		return -EBADMSG;
	if (entry.sequence > signal->removed_to) {
		rc = entry_put(signal, &entry);
		if (rc < 0)
			return rc;
	}
	if (signal->next <= entry.sequence)
		signal->next = entry.sequence + 1;
	if (state == MANIFEST_OPEN)
		image->is_left = false;
	if (entry.ended_s > image->newest_s)
		image->newest_s = entry.ended_s;
	return 0;
}

/* dropped NAME SEQUENCE */
static int apply_dropped(struct manifest_image *image, const struct manifest_line *line)
{
	struct manifest_signal *signal;
	uint64_t sequence;
	size_t at;

	if (line->count != 3 || !read_sequence(line->words[2], &sequence))
		return -EBADMSG;
	signal = manifest_image_signal(image, line->words[1]);
	if (signal == NULL)
		return -EBADMSG;
	at = entry_place(signal, sequence);
	if (at < signal->entry_count && signal->entries[at].sequence == sequence)
		entry_take(signal, at, at + 1);
	if (signal->next <= sequence)
		signal->next = sequence + 1;
	return 0;
}

/* removed NAME SEQUENCE FILES BYTES */
static int apply_removed(struct manifest_image *image, const struct manifest_line *line)
{
	struct manifest_signal *signal;
	uint64_t sequence, files, bytes;

	if (line->count != 5 || !read_sequence(line->words[2], &sequence) ||
	    !manifest_word_number(line->words[3], UINT64_MAX, &files) ||
	    !manifest_word_number(line->words[4], UINT64_MAX, &bytes))
		return -EBADMSG;
	signal = manifest_image_signal(image, line->words[1]);
	if (signal == NULL)
		return -EBADMSG;
	signal->removed_to = sequence;
	signal->removed_files = files;
	signal->removed_bytes = bytes;
	entry_take(signal, 0, entry_place(signal, sequence + 1));
	if (signal->next <= sequence)
		signal->next = sequence + 1;
	return 0;
}

/* came PATH TIME, left PATH TIME; came -: it is only not left any more */
static int apply_elsewhere(struct manifest_image *image, const struct manifest_line *line,
			   bool is_coming)
{
	char path[MANIFEST_PATH_BYTES_MAX];
	int64_t wall_s;

	if (line->count != 3 || !manifest_word_path(line->words[1], path) ||
	    !manifest_word_time(line->words[2], &wall_s))
		return -EBADMSG;
	image->is_left = !is_coming;
	if (!is_coming) {
		image->has_left = true;
		image->left_s = wall_s;
		strcpy(image->left, path);
	} else if (strcmp(path, "-") != 0) {
		image->has_come = true;
		image->came_s = wall_s;
		strcpy(image->came, path);
	}
	if (wall_s > image->newest_s)
		image->newest_s = wall_s;
	return 0;
}

static int apply_words(struct manifest_image *image, const struct manifest_line *line)
{
	const char *kind = line->words[0];

	if (strcmp(kind, "otlpipe-manifest") == 0)
		return image->id == 0 ? apply_begin(image, line) : -EBADMSG;
	if (image->id == 0)
		return -EBADMSG;
	if (strcmp(kind, "open") == 0)
		return apply_entry(image, line, MANIFEST_OPEN);
	if (strcmp(kind, "sealed") == 0)
		return apply_entry(image, line, MANIFEST_SEALED);
	if (strcmp(kind, "bad") == 0)
		return apply_entry(image, line, MANIFEST_BAD);
	if (strcmp(kind, "cut") == 0)
		return apply_entry(image, line, MANIFEST_CUT);
	if (strcmp(kind, "dropped") == 0)
		return apply_dropped(image, line);
	if (strcmp(kind, "removed") == 0)
		return apply_removed(image, line);
	if (strcmp(kind, "signal") == 0)
		return apply_signal(image, line);
	if (strcmp(kind, "clock") == 0)
		return apply_clock(image, line);
	if (strcmp(kind, "came") == 0)
		return apply_elsewhere(image, line, true);
	if (strcmp(kind, "left") == 0)
		return apply_elsewhere(image, line, false);
	return 0; /* of a later version, which says that it may be passed over */
}

int manifest_image_apply(struct manifest_image *image, const char *text, size_t bytes)
{
	struct manifest_line line;
	int rc = manifest_line_read(&line, image->sum, text, bytes);

	if (rc == 0)
		rc = apply_words(image, &line);
	if (rc < 0)
		return rc;
	image->sum = line.sum;
	image->bytes += line.bytes;
	image->line_count++;
	return (int)line.bytes;
}

int manifest_image_read(struct manifest_image *image, const char *text, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		int rc = manifest_image_apply(image, text + at, bytes - at);

		if (rc == -EAGAIN || rc == -EBADMSG)
			return image->id != 0 && bytes - at <= MANIFEST_TAIL_BYTES_MAX ? -EAGAIN
										       : -EBADMSG;
		if (rc < 0)
			return rc;
		at += (size_t)rc;
	}
	return image->id != 0 ? 0 : -EBADMSG;
}

/* ---- lines out ---- */

/* What cannot be read back is not written. */
static int64_t line_time(int64_t time)
{
	return time > 0 ? time : 0;
}

size_t manifest_line_begin(const struct manifest_image *image, char *ret, uint64_t id)
{
	return manifest_line_make(ret, image->sum, "otlpipe-manifest %u %016" PRIx64,
				  MANIFEST_VERSION, id);
}

size_t manifest_line_clock(const struct manifest_image *image, char *ret, const char *boot,
			   int64_t wall_s, int64_t boot_s)
{
	return manifest_line_make(ret, image->sum, "clock %s %" PRId64 " %" PRId64, boot,
				  line_time(wall_s), line_time(boot_s));
}

size_t manifest_line_signal(const struct manifest_image *image, char *ret,
			    const struct manifest_signal *signal)
{
	return manifest_line_make(ret, image->sum,
				  "signal %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
				  " %" PRIu64,
				  signal->name, signal->first, signal->next, signal->removed_to,
				  signal->removed_files, signal->removed_bytes);
}

size_t manifest_line_entry(const struct manifest_image *image, char *ret, const char *signal,
			   const struct manifest_entry *entry)
{
	static const char *const kinds[] = {
		[MANIFEST_SEALED] = "sealed", [MANIFEST_BAD] = "bad", [MANIFEST_CUT] = "cut"};

	if (entry->state == MANIFEST_OPEN)
		return manifest_line_make(ret, image->sum,
					  "open %s %" PRIu64 " %" PRIu64 " %" PRId64, signal,
					  entry->sequence, entry->bytes, line_time(entry->named_s));
	return manifest_line_make(ret, image->sum,
				  "%s %s %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64,
				  kinds[entry->state], signal, entry->sequence, entry->bytes,
				  line_time(entry->named_s), line_time(entry->ended_s));
}

size_t manifest_line_dropped(const struct manifest_image *image, char *ret, const char *signal,
			     uint64_t sequence)
{
	return manifest_line_make(ret, image->sum, "dropped %s %" PRIu64, signal, sequence);
}

size_t manifest_line_removed(const struct manifest_image *image, char *ret, const char *signal,
			     uint64_t sequence, uint64_t files, uint64_t bytes)
{
	return manifest_line_make(ret, image->sum, "removed %s %" PRIu64 " %" PRIu64 " %" PRIu64,
				  signal, sequence, files, bytes);
}

size_t manifest_line_elsewhere(const struct manifest_image *image, char *ret, bool is_coming,
			       const char *word, int64_t wall_s)
{
	return manifest_line_make(ret, image->sum, "%s %s %" PRId64, is_coming ? "came" : "left",
				  word, line_time(wall_s));
}
