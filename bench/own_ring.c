/* SPDX-License-Identifier: Apache-2.0 */
/* A library and the other end of its region, in one process. */
#include "bench/own_ring.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/tap.h"
#include "core/record/signal.h"

#define RING_BYTES	 (4u << 20)
#define NFTW_DESCRIPTORS 8

static char made[] = "/dev/shm/otlpipe-bench-XXXXXX";
static bool has_made;
static struct tap tap;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_made(void)
{
	(void)nftw(made, remove_one, NFTW_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

const char *own_dir(void)
{
	const char *given = getenv("OTLPIPE_BENCH_DIR");

	if (given != NULL)
		return given;
	if (!has_made && mkdtemp(made) != NULL) {
		has_made = true;
		atexit(remove_made);
	}
	return made;
}

int own_ring_open(struct otlp_library **ret)
{
	struct otlp_options options;
	int rc;

	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = own_dir();
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		options.ring_bytes[i] = RING_BYTES;
	rc = otlp_library_open(ret, &options);
	if (rc < 0)
		return rc;
	rc = tap_open(&tap, own_dir(), true);
	if (rc < 0)
		otlp_library_unref(*ret);
	return rc;
}

int own_ring_drain(enum otlp_signal signal)
{
	return tap_drain(&tap, signal);
}

uint64_t own_ring_dropped(struct otlp_library *library, enum otlp_signal signal)
{
	const struct otlp_signal_stats *of;
	struct otlp_stats stats;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	of = &stats.signals[signal];
	return of->dropped_full + of->dropped_invalid + of->dropped_too_large;
}

void own_ring_close(struct otlp_library *library)
{
	tap_close(&tap);
	otlp_library_unref(library);
}
