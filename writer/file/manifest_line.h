/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a manifest as text: words with one space between two, and at the
 * end a checksum that the line before goes into, so that lines can be neither
 * changed nor taken out of the middle. docs/file-format.md has them all.
 */
#ifndef OTLPIPE_WRITER_FILE_MANIFEST_LINE_H
#define OTLPIPE_WRITER_FILE_MANIFEST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_VERSION	1
#define MANIFEST_LINE_BYTES_MAX 1024u /* with its newline */
#define MANIFEST_WORDS_MAX	8u    /* the checksum included */
#define MANIFEST_PATH_BYTES_MAX 256u  /* longer ones are cut: they are for people */

/* ---- in ---- */

struct manifest_line {
	char text[MANIFEST_LINE_BYTES_MAX];
	char *words[MANIFEST_WORDS_MAX]; /* without the checksum */
	unsigned count;
	uint64_t sum;
	size_t bytes; /* with its newline */
};

/**
 * Read the line that begins here.
 *
 * @param before  the checksum of the line before, 0 for the first one
 * @return 0; -EAGAIN: it has no end yet; -EBADMSG: it is no line, or does not follow that one
 */
int manifest_line_read(struct manifest_line *ret, uint64_t before, const char *text, size_t bytes);

/** Of one word. False: it is no such thing. */
bool manifest_word_number(const char *word, uint64_t max, uint64_t *ret);
bool manifest_word_time(const char *word, int64_t *ret);
bool manifest_word_id(const char *word, uint64_t *ret);
/** As it stands there, so it can do a terminal no harm. */
bool manifest_word_path(const char *word, char ret[MANIFEST_PATH_BYTES_MAX]);

/** Such a word for people: as the path was, but for what would do a terminal harm. */
void manifest_path_of_word(const char *word, char ret[MANIFEST_PATH_BYTES_MAX]);

/* ---- out ---- */

/**
 * Make a line. The format is all but the checksum, without the space before it.
 *
 * @return its bytes; they are in ret, which has MANIFEST_LINE_BYTES_MAX
 */
size_t manifest_line_make(char *ret, uint64_t before, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** A path as a word: %xx for what is no plain character, "-" for none. */
void manifest_word_of_path(const char *path, char ret[MANIFEST_PATH_BYTES_MAX]);

#endif
