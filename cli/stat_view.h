/* SPDX-License-Identifier: Apache-2.0 */
/* What stat_look.c and stat_output.c look at, and `otlpipe stat` and `otlpipe top` show. */
#ifndef OTLPIPE_CLI_STAT_VIEW_H
#define OTLPIPE_CLI_STAT_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"
#include "shm/counters_view.h"
#include "shm/layout.h"
#include "shm/region_name.h"
#include "shm/runtime.h"
#include "shm/status.h"
#include "writer/file/cursor.h"

/* Shown one by one; the sums are of all. A test has fewer. */
#ifndef STAT_REGIONS_MAX
#define STAT_REGIONS_MAX 65536u
#endif

#define STAT_SERVICE_BYTES 128u

/* All lanes of a signal, which together are its ring. */
struct stat_ring {
	bool is_present;
	bool is_sound;	     /* their positions make sense */
	bool is_blocked;     /* in a lane the first entry is claimed and not committed */
	bool has_deep_sleep; /* of the writer: the next push wakes it */
	unsigned lanes;
	unsigned blocked_lanes;			   /* bits */
	uint64_t read_positions[REGION_LANES_MAX]; /* where the writer goes on */
	uint64_t lane_used_bytes[REGION_LANES_MAX];
	uint64_t size_bytes;
	uint64_t used_bytes;	/* not given back by the writer */
	uint64_t waiting_bytes; /* not in a batch that counts */
	uint64_t accepted_items;
	uint64_t dropped_full_items;
	uint64_t dropped_too_large_items;
	uint64_t dropped_invalid_items;
};

struct stat_region {
	uint64_t id;
	uint64_t start_unix_ns;
	uint64_t held_bytes; /* memory: the file's own, with what it has given back left out */
	uint32_t pid;
	bool is_alive;
	bool is_drained;  /* by a writer, which need not be the one of the lock file */
	bool is_given_up; /* by a writer */
	char program[64];
	char service[STAT_SERVICE_BYTES]; /* service.name, UTF-8, perhaps cut; empty: not known */
	struct stat_ring rings[SIGNAL_COUNT];
	unsigned unknown_ring; /* whose signal nobody here knows; 0: none, since that is a known one
				*/
};

/* What the regions hold, and those among them whose program has ended: they wait for a writer. */
struct stat_memory {
	uint64_t regions;
	uint64_t held_bytes;
	uint64_t ended_regions;
	uint64_t ended_held_bytes;
	uint64_t budget_bytes; /* all may hold so much, by our environment; UINT64_MAX: any */
	uint64_t ended_waiting_bytes; /* records that are in no batch that counts */
};

/* Regions that are none, or not for us, and why. */
struct stat_unreadable {
	uint64_t other_layout;
	uint16_t layout_major, layout_minor; /* of one of them */
	uint64_t foreign;		     /* another user's */
	uint64_t damaged;
	char damaged_name[REGION_NAME_BYTES_MAX]; /* of one of them */
};

/* A cursor of `otlpipe send` in the output directory, and how far it is behind. */
struct stat_sender_signal {
	bool is_sent;
	bool is_known; /* what is unsent: the cursor is in the batches of the last writer */
	uint64_t unsent_batches; /* of those that count: the one it is in, and newer ones */
	uint64_t unsent_files;	 /* that are newer than the one it is in */
};

struct stat_sender {
	char name[CURSOR_NAME_BYTES_MAX + 1];
	bool is_running;      /* a sender holds the cursor */
	int error;	      /* of reading the cursor; 0: none */
	int64_t moved_unix_s; /* when the cursor last changed */
	struct stat_sender_signal signals[SIGNAL_COUNT];
};

/* The writer's output directory. */
struct stat_output {
	bool is_there;			  /* and can be read */
	int error;			  /* why it cannot */
	uint64_t free_bytes, total_bytes; /* of its file system, for users without privileges */
	struct {
		uint64_t files, open_files, bad_files;
		uint64_t bytes; /* of all */
	} signals[SIGNAL_COUNT];
	struct stat_sender *senders; /* by name */
	size_t sender_count;
};

struct stat_keep;

struct stat_view {
	struct stat_keep
		*keep; /* the caller's: what stays open until the next look; NULL: nothing */
	char path[RUNTIME_PATH_BYTES_MAX];
	bool has_page; /* a writer has been here */
	bool is_running;
	struct status_page page;
	struct stat_region *regions;
	size_t region_count;
	size_t region_capacity;
	size_t unlisted_count;	 /* beyond STAT_REGIONS_MAX: in the sums alone */
	size_t unreadable_count; /* regions that are none, or not for us */
	struct stat_unreadable unreadable;
	bool has_drained; /* a writer drains one of them */
	bool is_asleep;	  /* that writer, until a push: docs/shared-memory.md, Deep sleep */
	struct stat_ring total;
	struct stat_memory memory;
	struct counters_sum without_ring;
	struct stat_output output;
};

#endif
