/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor of a sender (`otlpipe send`): what of an output directory was acknowledged, in the
 * ledger's own terms. The sender replaces the file whole; the writer's retention reads it, to keep
 * what is not sent yet (--retain-for).
 *
 * Text, line by line with chained checksums as in the manifest, the number of lines at the end:
 *
 *   otlpipe-cursor 1 417264631466dd02 <sum>     version; the directory's id, from its manifest
 *   next traces 7 8205391827 41 120 <sum>       file, epoch, batch and record that come next
 *   begun traces 7 8205391827 45 0 <sum>        nothing behind this was ever sent
 *   done traces 8205391827 42 0 44 17 <sum>     acknowledged out of order: epoch, from, to
 *   end 5 <sum>
 *
 * Bytes in, image out, and back: the file's names are here too, its replacing is the sender's.
 */
#ifndef OTLPIPE_WRITER_FILE_CURSOR_H
#define OTLPIPE_WRITER_FILE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

#define CURSOR_VERSION	      1
#define CURSOR_NAME_BYTES_MAX 64u /* of a sender */
#define CURSOR_FILE_BYTES     128u
#define CURSOR_RANGES_MAX     4096u
#define CURSOR_BYTES_MAX      ((size_t)1 << 20)

/* A place between two records of one signal. */
struct cursor_position {
	uint64_t file;	   /* its number: the place is in it, or in a younger one; 0: the oldest */
	uint64_t epoch;	   /* of the batch; 0: none was read yet */
	uint64_t sequence; /* of the batch */
	uint64_t item;	   /* of the batch's records, from 0 */
};

/* Of one epoch: from a record, up to another that does not belong to it. */
struct cursor_range {
	uint64_t epoch;
	uint64_t from_sequence, from_item;
	uint64_t to_sequence, to_item;
};

struct cursor_signal {
	bool is_sent;		      /* the sender sends this signal */
	struct cursor_position next;  /* all before it is acknowledged */
	struct cursor_position begun; /* what is behind it was never sent */
	struct cursor_range *done;    /* acknowledged behind next, in the order of the batches */
	size_t done_count;
};

struct cursor {
	uint64_t directory_id; /* of the manifest; 0: it has none */
	struct cursor_signal signals[SIGNAL_COUNT];
};

/** What is set in it is freed; an empty cursor is all zeros. */
void cursor_free(struct cursor *cursor);

/** May a sender have this name? Small letters, digits, - and _. */
bool cursor_name_is_good(const char *name);

/** "otlpipe-send.NAME.cursor": where the writer looks for it, in the output directory. */
void cursor_file_name(const char *name, char ret[CURSOR_FILE_BYTES]);

/** Is the record at this place in the range? */
bool cursor_range_has(const struct cursor_range *range, uint64_t epoch, uint64_t sequence,
		      uint64_t item);

/**
 * Read a cursor's text.
 *
 * @param ret  zeroed; to be freed whatever comes back
 * @return 0; -EBADMSG: it is damaged, or no cursor; -EPROTO: of another version; -ENOMEM
 */
int cursor_parse(struct cursor *ret, const char *text, size_t bytes);

/**
 * The text of a cursor.
 *
 * @param ret  the caller's to free()
 * @return 0; -ENOMEM; -E2BIG: too many ranges
 */
int cursor_format(const struct cursor *cursor, char **ret, size_t *ret_bytes);

/**
 * Read the file. Others may replace it meanwhile.
 *
 * @param ret  as for cursor_parse()
 * @return the same; -ENOENT: there is none; or another errno of reading
 */
int cursor_load(struct cursor *ret, int dirfd, const char *file_name);

#endif
