/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor of a sender, as text and back. */
#include "writer/file/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer/file/manifest_line.h"

#define WORD_BEGIN "otlpipe-cursor"
#define WORD_NEXT  "next"
#define WORD_BEGUN "begun"
#define WORD_DONE  "done"
#define WORD_END   "end"

void cursor_free(struct cursor *cursor)
{
	for (unsigned s = 0; s < SIGNAL_COUNT; s++)
		free(cursor->signals[s].done);
	memset(cursor, 0, sizeof(*cursor));
}

bool cursor_name_is_good(const char *name)
{
	const size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return length > 0 && length <= CURSOR_NAME_BYTES_MAX && name[length] == '\0';
}

void cursor_file_name(const char *name, char ret[CURSOR_FILE_BYTES])
{
	snprintf(ret, CURSOR_FILE_BYTES, "otlpipe-send.%.*s.cursor", (int)CURSOR_NAME_BYTES_MAX,
		 name);
}

static bool is_before(uint64_t a_sequence, uint64_t a_item, uint64_t b_sequence, uint64_t b_item)
{
	return a_sequence < b_sequence || (a_sequence == b_sequence && a_item < b_item);
}

bool cursor_range_has(const struct cursor_range *range, uint64_t epoch, uint64_t sequence,
		      uint64_t item)
{
	return range->epoch == epoch &&
	       !is_before(sequence, item, range->from_sequence, range->from_item) &&
	       is_before(sequence, item, range->to_sequence, range->to_item);
}

/* ---- in ---- */

static bool parse_numbers(const struct manifest_line *line, unsigned first, uint64_t *ret)
{
	for (unsigned i = first; i < line->count; i++)
		if (!manifest_word_number(line->words[i], UINT64_MAX, &ret[i - first]))
			return false;
	return true;
}

static int parse_position(const struct manifest_line *line, struct cursor_position *ret)
{
	uint64_t numbers[4];

	if (line->count != 6 || !parse_numbers(line, 2, numbers))
		return -EBADMSG;
	*ret = (struct cursor_position){
		.file = numbers[0],
		.epoch = numbers[1],
		.sequence = numbers[2],
		.item = numbers[3],
	};
	return 0;
}

static int parse_done(const struct manifest_line *line, struct cursor_signal *signal)
{
	struct cursor_range *done;
	uint64_t numbers[5];

	if (line->count != 7 || !parse_numbers(line, 2, numbers) ||
	    signal->done_count == CURSOR_RANGES_MAX ||
	    !is_before(numbers[1], numbers[2], numbers[3], numbers[4]))
		return -EBADMSG;
	done = reallocarray(signal->done, signal->done_count + 1, sizeof(*done));
	if (done == NULL)
		return -ENOMEM;
	signal->done = done;
	done[signal->done_count++] = (struct cursor_range){
		.epoch = numbers[0],
		.from_sequence = numbers[1],
		.from_item = numbers[2],
		.to_sequence = numbers[3],
		.to_item = numbers[4],
	};
	return 0;
}

static int parse_line(struct cursor *cursor, const struct manifest_line *line)
{
	const char *word = line->words[0];
	enum otlp_signal number = SIGNAL_NONE;
	struct cursor_signal *signal;

	if (line->count > 1)
		number = signal_by_name(line->words[1]);
	if (number == SIGNAL_NONE)
		return -EBADMSG;
	signal = &cursor->signals[number];
	if (strcmp(word, WORD_NEXT) == 0) {
		signal->is_sent = true;
		return parse_position(line, &signal->next);
	}
	if (strcmp(word, WORD_BEGUN) == 0)
		return parse_position(line, &signal->begun);
	return strcmp(word, WORD_DONE) == 0 ? parse_done(line, signal) : -EBADMSG;
}

static int parse_first(struct cursor *cursor, const struct manifest_line *line)
{
	uint64_t version;

	if (line->count < 2 || strcmp(line->words[0], WORD_BEGIN) != 0 ||
	    !manifest_word_number(line->words[1], UINT64_MAX, &version))
		return -EBADMSG;
	if (version != CURSOR_VERSION)
		return -EPROTO;
	return line->count == 3 && manifest_word_id(line->words[2], &cursor->directory_id)
		       ? 0
		       : -EBADMSG;
}

int cursor_parse(struct cursor *ret, const char *text, size_t bytes)
{
	struct manifest_line line = {0};
	uint64_t lines = 0, count;

	for (size_t at = 0;; at += line.bytes) {
		int rc = manifest_line_read(&line, line.sum, text + at, bytes - at);

		if (rc < 0)
			return -EBADMSG;
		if (lines > 0 && strcmp(line.words[0], WORD_END) == 0)
			return line.count == 2 &&
					       manifest_word_number(line.words[1], UINT64_MAX,
								    &count) &&
					       count == lines && at + line.bytes == bytes
				       ? 0
				       : -EBADMSG;
		rc = lines++ == 0 ? parse_first(ret, &line) : parse_line(ret, &line);
		if (rc < 0)
			return rc;
	}
}

/* ---- out ---- */

struct output {
	char *text;
	size_t bytes;
	size_t capacity;
	uint64_t sum;
	uint64_t lines;
};

/* A line was made in the room behind the text: its checksum goes into the next one. */
static void take_line(struct output *out, size_t bytes)
{
	struct manifest_line line;

	/* It was made a moment ago by the code that is asked here. */
	if (manifest_line_read(&line, out->sum, out->text + out->bytes, bytes) == 0)
		out->sum = line.sum;
	out->bytes += bytes;
	out->lines++;
}

static char *room(struct output *out)
{
	return out->text + out->bytes;
}

static void put_position(struct output *out, const char *word, enum otlp_signal signal,
			 const struct cursor_position *position)
{
	take_line(out, manifest_line_make(room(out), out->sum,
					  "%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
					  word, signal_name(signal), position->file,
					  position->epoch, position->sequence, position->item));
}

static void put_signal(struct output *out, enum otlp_signal number,
		       const struct cursor_signal *signal)
{
	put_position(out, WORD_NEXT, number, &signal->next);
	put_position(out, WORD_BEGUN, number, &signal->begun);
	for (size_t i = 0; i < signal->done_count; i++) {
		const struct cursor_range *range = &signal->done[i];

		take_line(out, manifest_line_make(room(out), out->sum,
						  WORD_DONE " %s %" PRIu64 " %" PRIu64 " %" PRIu64
							    " %" PRIu64 " %" PRIu64,
						  signal_name(number), range->epoch,
						  range->from_sequence, range->from_item,
						  range->to_sequence, range->to_item));
	}
}

int cursor_format(const struct cursor *cursor, char **ret, size_t *ret_bytes)
{
	struct output out = {0};
	size_t lines = 2;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		if (cursor->signals[s].done_count > CURSOR_RANGES_MAX)
			return -E2BIG;
		lines += 2 + cursor->signals[s].done_count;
	}
	/* The longest line has six numbers; each line is made in room of the largest size. */
	out.text = malloc(lines * 192 + MANIFEST_LINE_BYTES_MAX);
	if (out.text == NULL)
		return -ENOMEM;
	take_line(&out, manifest_line_make(room(&out), out.sum, WORD_BEGIN " %d %016" PRIx64,
					   CURSOR_VERSION, cursor->directory_id));
	for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++)
		if (cursor->signals[s].is_sent)
			put_signal(&out, s, &cursor->signals[s]);
	take_line(&out, manifest_line_make(room(&out), out.sum, WORD_END " %" PRIu64, out.lines));
	*ret = out.text;
	*ret_bytes = out.bytes;
	return 0;
}

/* ---- the file ---- */

static int read_all(int fd, char **ret, size_t *ret_bytes)
{
	struct stat st;
	size_t bytes = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > CURSOR_BYTES_MAX)
		return -EBADMSG;
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	while (bytes < (size_t)st.st_size) {
		const ssize_t n = read(fd, text + bytes, (size_t)st.st_size - bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			const int rc = -errno;

			free(text);
			return rc;
		}
		if (n == 0)
			break;
		bytes += (size_t)n;
	}
	*ret = text;
	*ret_bytes = bytes;
	return 0;
}

int cursor_load(struct cursor *ret, int dirfd, const char *file_name)
{
	int fd = openat(dirfd, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t bytes = 0;
	char *text = NULL;
	int rc;

	if (fd < 0)
		return errno == ELOOP ? -EBADMSG : -errno;
	rc = read_all(fd, &text, &bytes);
	close(fd);
	if (rc == 0)
		rc = cursor_parse(ret, text, bytes);
	free(text);
	return rc;
}
