/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a manifest says: which data files a directory must have.
 *
 * Each line of a manifest is an event in the life of a file. Applied one after
 * another, from an empty image on, the lines give the image.
 *
 * Bytes in, image out: the file itself is manifest.c's, and what follows from a
 * missing file is for `otlpipe verify` to say.
 */
#ifndef OTLPIPE_WRITER_FILE_MANIFEST_IMAGE_H
#define OTLPIPE_WRITER_FILE_MANIFEST_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "writer/file/dataname.h"
#include "writer/file/manifest_line.h"

#define MANIFEST_NAME	   "otlpipe.manifest"
#define MANIFEST_BYTES_MAX (UINT64_C(512) << 20)
/* Lines that were not synced when the power went, or that are being written: never more. */
#define MANIFEST_TAIL_BYTES_MAX 4096u
#define MANIFEST_SIGNALS_MAX	8u
#define MANIFEST_ENTRIES_MAX	((size_t)1 << 20) /* a signal; of older files nothing is known */
#define MANIFEST_BOOT_BYTES	33u		  /* 32 hex digits and the end */

enum manifest_state {
	MANIFEST_OPEN,	 /* made, and perhaps being written */
	MANIFEST_SEALED, /* complete */
	MANIFEST_BAD,	 /* given up after a failure of the disk */
	MANIFEST_CUT,	 /* sealed with less than its writer had in it */
};

struct manifest_entry {
	uint64_t sequence;
	/* OPEN: the file is not smaller, as long as it is open. SEALED, CUT: its size. BAD: what
	 * is trusted. */
	uint64_t bytes;
	int64_t named_s; /* the time in its name, seconds since 1970 */
	int64_t ended_s; /* when it was sealed or given up; 0: it is open */
	enum manifest_state state;
	bool is_of_this_boot; /* so its times can be corrected when the clock is */
};

struct manifest_signal {
	char name[DATA_SIGNAL_BYTES_MAX + 1];
	uint64_t first; /* of files with smaller numbers nothing is known */
	uint64_t next;	/* no file had this number yet */
	uint64_t
		removed_to; /* files up to this one were removed by retention, or are about to be */
	uint64_t removed_files; /* by retention, in all */
	uint64_t removed_bytes;
	struct manifest_entry *entries; /* in the order of their sequence, none up to removed_to */
	size_t entry_count;
	size_t entry_capacity;
};

struct manifest_image {
	uint64_t id; /* random; 0: the first line is still to come */
	struct manifest_signal signals[MANIFEST_SIGNALS_MAX];
	unsigned signal_count;
	/* The wall clock and the time since this boot, at one moment. */
	char boot[MANIFEST_BOOT_BYTES]; /* "": no clock line yet */
	int64_t clock_wall_s;
	int64_t clock_boot_s;
	int64_t newest_s; /* the newest time that any line has */
	/* The rings were drained into other directories before, or since. Paths as in the lines. */
	bool has_come;
	bool has_left;
	bool is_left; /* and not come back */
	char came[MANIFEST_PATH_BYTES_MAX];
	char left[MANIFEST_PATH_BYTES_MAX];
	int64_t came_s;
	int64_t left_s;
	/* Of the lines that were applied. */
	uint64_t sum; /* the last one's checksum */
	uint64_t bytes;
	uint64_t line_count;
};

/** An empty image is all zeros. */
void manifest_image_free(struct manifest_image *image);

/**
 * Apply one line, which begins at text and ends with its newline.
 *
 * @return the line's bytes; -EAGAIN: it has no end yet; -EBADMSG: it is none, or not the next
 *         one; -EPROTO: its version is another; -ENOMEM; -E2BIG: too many signals
 */
int manifest_image_apply(struct manifest_image *image, const char *text, size_t bytes);

/**
 * Apply all lines of a manifest, as far as they are good.
 *
 * @return 0; -EAGAIN: up to MANIFEST_TAIL_BYTES_MAX at the end are no good lines, which a kill
 *         or a power cut can leave; -EBADMSG: it is damaged; or what manifest_image_apply() says
 */
int manifest_image_read(struct manifest_image *image, const char *text, size_t bytes);

/* The lines, each to be applied to the image before the next is made. */

/** One line for each: ret has MANIFEST_LINE_BYTES_MAX. @return its bytes */
size_t manifest_line_begin(const struct manifest_image *image, char *ret, uint64_t id);
size_t manifest_line_clock(const struct manifest_image *image, char *ret, const char *boot,
			   int64_t wall_s, int64_t boot_s);
size_t manifest_line_signal(const struct manifest_image *image, char *ret,
			    const struct manifest_signal *signal);
size_t manifest_line_entry(const struct manifest_image *image, char *ret, const char *signal,
			   const struct manifest_entry *entry);
/** The file was removed because nothing in it was of value. */
size_t manifest_line_dropped(const struct manifest_image *image, char *ret, const char *signal,
			     uint64_t sequence);
/** Retention removes all up to this sequence; how many files and bytes it removed in all. */
size_t manifest_line_removed(const struct manifest_image *image, char *ret, const char *signal,
			     uint64_t sequence, uint64_t files, uint64_t bytes);
/**
 * @param is_coming  the rings were drained into another directory before; false: from now on
 * @param word  that directory's path, as manifest_word_of_path() makes it
 */
size_t manifest_line_elsewhere(const struct manifest_image *image, char *ret, bool is_coming,
			       const char *word, int64_t wall_s);

/** NULL: no line has named it. */
struct manifest_signal *manifest_image_signal(const struct manifest_image *image, const char *name);

/** NULL: there is no such entry. */
struct manifest_entry *manifest_signal_find(const struct manifest_signal *signal,
					    uint64_t sequence);

/** The names that the file may have: as it is made, and once it is sealed or given up. */
void manifest_entry_name(const struct manifest_entry *entry, const char *signal,
			 enum data_kind kind, struct data_name *ret);

#endif
