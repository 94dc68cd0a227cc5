/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of batch files; the one place that knows them.
 *
 *   traces-20260131T235959Z-00000042.binpb.open          while it is written
 *   traces-20260131T235959Z-00000042.binpb               sealed
 *   traces-20260131T235959Z-00000042.binpb.zst           the same, compressed since
 *   traces-20260131T235959Z-00000042.binpb.4096.bad      given up: what is behind byte 4096
 *                                                        is not to be trusted
 *
 * The time (UTC) is for people. Files are in the order of their sequence numbers: clocks go back.
 */
#ifndef OTLPIPE_WRITER_FILE_DATANAME_H
#define OTLPIPE_WRITER_FILE_DATANAME_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DATA_SIGNAL_BYTES_MAX 15u
#define DATA_NAME_BYTES	      96u /* of any name, with its terminating zero */
#define DATA_SEQUENCE_MAX     UINT64_C(999999999999999)

enum data_kind { /* bits, so that a listing can be asked for several */
		 DATA_SEALED = 1,
		 DATA_OPEN = 2,
		 DATA_BAD = 4,
		 DATA_PACKED = 8, /* sealed, and compressed by pack_file.c */
};
#define DATA_ALL_KINDS (DATA_SEALED | DATA_OPEN | DATA_BAD | DATA_PACKED)

struct data_name {
	char name[DATA_NAME_BYTES];
	uint64_t sequence;
	time_t wall; /* the time in it */
	enum data_kind kind;
	uint64_t trusted_bytes; /* DATA_BAD: the number in the name */
	uint64_t bytes;		/* the file's size on disk, set by data_dir_list */
	int64_t mtime_ns;	/* since the epoch, set by data_dir_list */
};

/** The name of a new file, kind DATA_OPEN. A time outside the years 1970 to 9999 is clamped. */
void data_name_make(const char *signal, time_t wall, uint64_t sequence, struct data_name *ret);

/** -EINVAL: not a name of ours for this signal. */
int data_name_parse(const char *signal, const char *name, struct data_name *ret);

/** The same file's name as another kind. trusted_bytes counts for DATA_BAD only. */
void data_name_as(const struct data_name *from, enum data_kind kind, uint64_t trusted_bytes,
		  struct data_name *ret);

/** For qsort: by sequence, then by name. */
int data_name_compare(const void *a, const void *b);

#endif
