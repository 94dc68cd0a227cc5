/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: each entry's fields are copied, as libsystemd lends one at a time, and pushed as one
 * record. The cursor is kept in a file, and only of entries that were pushed: after a kill some
 * entries may come twice, none is left out.
 */
#include "cli/log_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "base/utf8.h"
#include "cli/log_fields.h"
#include "cli/tool.h"

/* So many entries are pushed between two savings of the cursor, if there is no pause before. */
#define SAVE_ENTRIES 1000u

/* Of a field; libsystemd cuts longer ones. */
#define FIELD_BYTES_MAX (1u << 20)

/* Where an entry is too large for a record, this much of each field is kept. */
#define CUT_BYTES	 1024u

#define CURSOR_BYTES_MAX 4096

/* A field of the entry: KEY=value, copied. */
struct field {
	size_t at, key_bytes, value_bytes;
};

struct journal {
	struct log_push *push;
	const struct log_journal_options *options;
	sd_journal *sd;
	char *bytes; /* of all fields */
	size_t byte_count, byte_room;
	struct field *fields;
	size_t field_count, field_room;
	struct otlp_attribute *attributes; /* room for a mark more than there are fields */
	size_t attribute_room;
	char *cursor; /* of the last entry that was pushed; NULL: none since it was saved */
	unsigned unsaved;
	bool stands_on_next; /* the entry where it is was not pushed yet */
};

static void journal_close(struct journal *journal)
{
	sd_journal_close(journal->sd);
	free(journal->bytes);
	free(journal->fields);
	free(journal->attributes);
	free(journal->cursor);
}

static int journal_error(const struct journal *journal, const char *what, int rc)
{
	return tool_path_error(
		journal->options->dir != NULL ? journal->options->dir : "the journal", what, rc);
}

/* ---- the cursor ---- */

/* @return 1: there is one; 0: none yet; -errno */
static int cursor_read(const char *path, char ret[CURSOR_BYTES_MAX])
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, ret, CURSOR_BYTES_MAX - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return ret[0] != '\0';
}

/* Under another name first, so that a kill leaves the old one or the new one. */
static int cursor_write(const char *path, const char *cursor)
{
	char other[CURSOR_BYTES_MAX];
	int fd, rc = 0;

	if ((size_t)snprintf(other, sizeof(other), "%s.new", path) >= sizeof(other))
		return -ENAMETOOLONG;
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", cursor) < 0 || fdatasync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(other, path) < 0)
		rc = -errno;
	if (rc < 0)
		unlink(other);
	return rc;
}

static int cursor_save(struct journal *journal)
{
	int rc = 0;

	journal->unsaved = 0;
	if (journal->cursor == NULL || journal->options->cursor_path == NULL)
		return 0;
	rc = cursor_write(journal->options->cursor_path, journal->cursor);
	if (rc < 0)
		return tool_path_error(journal->options->cursor_path,
				       "the cursor cannot be kept there", rc);
	free(journal->cursor);
	journal->cursor = NULL;
	return TOOL_OK;
}

static int cursor_remember(struct journal *journal)
{
	char *cursor;
	int rc = sd_journal_get_cursor(journal->sd, &cursor);

	if (rc < 0)
		return journal_error(journal, "an entry has no cursor", rc);
	free(journal->cursor);
	journal->cursor = cursor;
	return ++journal->unsaved < SAVE_ENTRIES ? TOOL_OK : cursor_save(journal);
}

/* ---- an entry ---- */

static bool make_room(void **room, size_t *have, size_t need, size_t each)
{
	size_t count = *have != 0 ? *have : 64;
	void *more;

	if (need <= *have)
		return true;
	while (count < need)
		count *= 2;
	more = realloc(*room, count * each);
	if (more == NULL)
		return false;
	*room = more;
	*have = count;
	return true;
}

static bool add_field(struct journal *journal, const char *data, size_t bytes)
{
	const char *equals = memchr(data, '=', bytes);
	struct field field = {.at = journal->byte_count};

	if (equals == NULL)
		return true; /* no field has that form */
	field.key_bytes = (size_t)(equals - data);
	field.value_bytes = bytes - field.key_bytes - 1;
	if (!make_room((void **)&journal->bytes, &journal->byte_room, journal->byte_count + bytes,
		       1) ||
	    !make_room((void **)&journal->fields, &journal->field_room, journal->field_count + 1,
		       sizeof(journal->fields[0])) ||
	    !make_room((void **)&journal->attributes, &journal->attribute_room,
		       journal->field_count + 2, sizeof(journal->attributes[0])))
		return false;
	memcpy(journal->bytes + journal->byte_count, data, bytes);
	journal->byte_count += bytes;
	journal->fields[journal->field_count++] = field;
	return true;
}

static int take_fields(struct journal *journal)
{
	const void *data;
	size_t bytes;
	int rc;

	journal->byte_count = journal->field_count = 0;
	sd_journal_restart_data(journal->sd);
	while ((rc = sd_journal_enumerate_available_data(journal->sd, &data, &bytes)) > 0)
		if (!add_field(journal, data, bytes))
			return -ENOMEM;
	return rc;
}

/* Text, or bytes where it is none. */
static struct otlp_value value_of(const char *value, size_t bytes, size_t bytes_max,
				  uint64_t *cut_bytes)
{
	const bool is_text = utf8_is_valid(value, bytes);
	size_t kept = bytes;

	if (bytes > bytes_max) {
		kept = is_text ? log_push_cut(value, bytes_max) : bytes_max;
		*cut_bytes += bytes - kept;
	}
	return is_text ? otlp_value_str((struct otlp_str){value, kept})
		       : otlp_value_bytes((struct otlp_bytes){(const uint8_t *)value, kept});
}

/* A number of microseconds, as nanoseconds; 0: it is none. */
static uint64_t microseconds(const char *text, size_t bytes)
{
	uint64_t number = 0;

	if (bytes > 16)
		return 0;
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		number = number * 10 + (uint64_t)(text[i] - '0');
	}
	return number * 1000;
}

static bool key_is(const char *key, size_t bytes, const char *name)
{
	return strlen(name) == bytes && memcmp(key, name, bytes) == 0;
}

/* @return does the record have a field of its own for it? */
static bool take_own(struct otlp_log_record *record, const char *key, size_t key_bytes,
		     const char *value, size_t value_bytes)
{
	if (key_is(key, key_bytes, "PRIORITY") && value_bytes == 1 && value[0] >= '0' &&
	    value[0] <= '7')
		record->severity_number = log_severity_of_priority((unsigned)(value[0] - '0'),
								   &record->severity_text);
	else if (key_is(key, key_bytes, "_SOURCE_REALTIME_TIMESTAMP") &&
		 microseconds(value, value_bytes) != 0)
		record->time_unix_ns = microseconds(value, value_bytes);
	else
		return false;
	return true;
}

static void make_record(struct journal *journal, uint64_t realtime_us, size_t value_bytes_max,
			struct otlp_log_record *ret)
{
	struct otlp_attribute *attributes = journal->attributes;
	uint64_t cut_bytes = 0;
	size_t count = 0;

	memset(ret, 0, sizeof(*ret));
	ret->time_unix_ns = ret->observed_time_unix_ns = realtime_us * 1000;
	for (size_t i = 0; i < journal->field_count; i++) {
		const struct field *field = &journal->fields[i];
		const char *key = journal->bytes + field->at;
		const char *value = key + field->key_bytes + 1;
		struct otlp_value as_value;

		if (take_own(ret, key, field->key_bytes, value, field->value_bytes))
			continue;
		as_value = value_of(value, field->value_bytes, value_bytes_max, &cut_bytes);
		if (key_is(key, field->key_bytes, "MESSAGE") &&
		    ret->body.type == OTLP_VALUE_EMPTY) {
			ret->body = as_value;
			continue;
		}
		attributes[count].key = (struct otlp_str){key, field->key_bytes};
		attributes[count++].value = as_value;
	}
	if (cut_bytes != 0)
		attributes[count++] =
			otlp_attr_int(OTLP_STR("otlpipe.journal.cut_bytes"), (int64_t)cut_bytes);
	ret->attributes.items = attributes;
	ret->attributes.count = count;
}

/* @return 1: pushed, or counted as lost; 0: there was no room, and it is told to stop; else failed
 */
static int push_entry(struct journal *journal)
{
	struct otlp_log_record record;
	uint64_t realtime_us;
	int rc = sd_journal_get_realtime_usec(journal->sd, &realtime_us);

	if (rc >= 0)
		rc = take_fields(journal);
	if (rc == -EBADMSG ||
	    rc == -EADDRNOTAVAIL) { /* a damaged file; the next one may be whole */
		log_push_lose(journal->push, 0, OTLP_ERR_INVALID);
		return 1;
	}
	if (rc < 0)
		return rc;
	if (journal->field_count == 0)
		return 1;
	make_record(journal, realtime_us, SIZE_MAX, &record);
	rc = log_push_record(journal->push, &record);
	if (rc == OTLP_ERR_TOO_LARGE) {
		make_record(journal, realtime_us, CUT_BYTES, &record);
		rc = log_push_record(journal->push, &record);
	}
	if (rc == OTLP_ERR_FULL && !journal->push->drop)
		return 0;
	if (rc != OTLP_OK)
		log_push_lose(journal->push, journal->byte_count, rc);
	return 1;
}

/* ---- the journal ---- */

static int seek_cursor(struct journal *journal, const char *cursor)
{
	int rc = sd_journal_seek_cursor(journal->sd, cursor);
	bool has_entry;

	if (rc >= 0)
		rc = sd_journal_next(journal->sd);
	has_entry = rc > 0;
	if (has_entry)
		rc = sd_journal_test_cursor(journal->sd, cursor);
	if (rc == 0) {
		tool_error("%s: the entry of the cursor is not in the journal any more: it goes on "
			   "with the one after it",
			   journal->options->cursor_path);
		journal->stands_on_next = has_entry;
	}
	return rc;
}

/* Stand before the first entry to push. */
static int seek(struct journal *journal)
{
	const char *path = journal->options->cursor_path;
	char cursor[CURSOR_BYTES_MAX];
	int rc;

	if (path == NULL && journal->options->follow) {
		rc = sd_journal_seek_tail(journal->sd);
		if (rc >= 0)
			rc = sd_journal_previous(journal->sd);
		return rc < 0 ? journal_error(journal, "its end cannot be found", rc) : TOOL_OK;
	}
	rc = path != NULL ? cursor_read(path, cursor) : 0;
	if (rc < 0)
		return tool_path_error(path, "the cursor cannot be read", rc);
	rc = rc > 0 ? seek_cursor(journal, cursor) : sd_journal_seek_head(journal->sd);
	if (rc == -EINVAL)
		return tool_path_error(path, "that is no cursor of a journal", rc);
	return rc < 0 ? journal_error(journal, "it cannot be read", rc) : TOOL_OK;
}

/* Until something has come to the journal. @return false: it is to end */
static bool wait_entries(struct journal *journal)
{
	const int64_t look_ns = 1000000000; /* also where there is no inotify, as on NFS */
	int rc = log_push_rest(journal->push, sd_journal_get_fd(journal->sd), look_ns);

	if (rc >= 0)
		rc = sd_journal_process(journal->sd);
	if (rc < 0)
		journal_error(journal, "it cannot be followed", rc);
	return rc >= 0;
}

/* All that is there. @return 1; 0: it is told to stop; else failed, and it was said */
static int push_entries(struct journal *journal)
{
	int rc;

	for (;;) {
		rc = journal->stands_on_next ? 1 : sd_journal_next(journal->sd);
		if (rc <= 0)
			break;
		journal->stands_on_next = false;
		if (log_push_left_ns(journal->push) >= 0)
			return 0;
		rc = push_entry(journal);
		if (rc == 0)
			return 0;
		if (rc < 0)
			break;
		if (cursor_remember(journal) != TOOL_OK)
			return -EIO;
	}
	if (rc < 0)
		journal_error(journal, "it cannot be read", rc);
	return rc < 0 ? rc : 1;
}

static int run(struct journal *journal)
{
	int status = seek(journal);
	int rc = 1;

	/* Watched from where it stands on, and before the first look: nothing comes unseen. */
	if (status == TOOL_OK && journal->options->follow)
		rc = sd_journal_get_fd(journal->sd);
	if (rc < 0)
		return journal_error(journal, "it cannot be watched", rc);
	rc = 1; /* a descriptor may be 0 */
	while (status == TOOL_OK && rc > 0) {
		rc = push_entries(journal);
		if (cursor_save(journal) != TOOL_OK || rc < 0)
			status = TOOL_FAILED;
		if (!journal->options->follow || log_push_left_ns(journal->push) >= 0)
			break;
		if (rc > 0 && status == TOOL_OK && !wait_entries(journal))
			status = TOOL_FAILED;
	}
	return status;
}

int log_journal(struct log_push *push, const struct log_journal_options *options)
{
	struct journal journal = {.push = push, .options = options};
	int status = TOOL_FAILED;
	int rc = options->dir != NULL ? sd_journal_open_directory(&journal.sd, options->dir, 0)
				      : sd_journal_open(&journal.sd, SD_JOURNAL_LOCAL_ONLY);

	if (rc >= 0)
		rc = sd_journal_set_data_threshold(journal.sd, FIELD_BYTES_MAX);
	if (rc < 0)
		journal_error(&journal, "it cannot be opened", rc);
	else
		status = run(&journal);
	journal_close(&journal);
	return status;
}
