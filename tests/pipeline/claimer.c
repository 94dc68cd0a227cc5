/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer that claims space in its ring of spans and never commits it: as if
 * it were stopped in the middle of a push. Behind the claim it leaves one that
 * was given up. It prints a line and waits to be killed.
 *
 * Its region has two rings, as one of a library from before there were logs. With "later" it has
 * four, the last with an entry, as one that comes from a library that knows a signal more than we
 * do. With "earlier" it leaves a span, committed, and no claim.
 *
 * With "told" as the last word it does that when it reads a line, and says before that it is there.
 *
 * usage: claimer RUNTIME_DIR [later|earlier] [told]
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/record/record.h"
#include "shm/region.h"

#define RING_BYTES    (64u << 10)
#define PAYLOAD_BYTES 100u

static bool push_span(struct region *region)
{
	const struct otlp_resource resource = {0};
	const struct otlp_span span = {
		.trace_id = {1}, .span_id = {1}, .name = OTLP_STR("of a library without logs")};
	struct ring_claim claim;
	size_t bytes;

	if (record_measure_span(&span, &resource, &bytes) < 0 ||
	    !ring_claim(&region->rings[OTLP_SIGNAL_TRACES], (uint32_t)bytes, 1, &claim) ||
	    record_write_span(claim.payload, &span, &resource, 0, bytes) == RECORD_CHANGED)
		return false;
	ring_commit(&claim);
	return true;
}

static bool leave_claims(struct region *region)
{
	struct ring_claim claim, aborted;

	if (!ring_claim(&region->rings[OTLP_SIGNAL_TRACES], PAYLOAD_BYTES, 1, &claim) ||
	    !ring_claim(&region->rings[OTLP_SIGNAL_TRACES], PAYLOAD_BYTES, 1, &aborted))
		return false;
	ring_abort(&region->rings[OTLP_SIGNAL_TRACES], &aborted);
	return true;
}

int main(int argc, char **argv)
{
	struct region_options options = {
		.ring_bytes = {RING_BYTES, RING_BYTES},
		.program = "claimer",
	};
	const bool is_told = argc > 2 && strcmp(argv[argc - 1], "told") == 0 && argc-- > 0;
	const bool is_later = argc == 3 && strcmp(argv[2], "later") == 0;
	const bool is_earlier = argc == 3 && strcmp(argv[2], "earlier") == 0;
	struct ring_claim claim;
	struct runtime_dir dir;
	struct region region;
	int rc;

	if (argc != 2 && !is_later && !is_earlier) {
		fprintf(stderr, "usage: claimer RUNTIME_DIR [later|earlier] [told]\n");
		return 2;
	}
	if (is_later)
		options.ring_bytes[OTLP_SIGNAL_LOGS] = options.ring_bytes[SIGNAL_COUNT] =
			RING_BYTES;
	rc = runtime_open(&dir, argv[1], true);
	if (rc == 0)
		rc = region_create(&region, &dir, &options);
	if (rc < 0) {
		fprintf(stderr, "claimer: %s\n", strerror(-rc));
		return 1;
	}
	if (is_told) {
		puts("there");
		fflush(stdout);
		(void)getchar();
	}
	if (is_earlier ? !push_span(&region) : !leave_claims(&region)) {
		fprintf(stderr, "claimer: the ring is full\n");
		return 1;
	}
	if (is_later) {
		if (!ring_claim(&region.rings[SIGNAL_COUNT], PAYLOAD_BYTES, 1, &claim))
			return 1;
		ring_commit(&claim);
	}
	puts("claimed");
	fflush(stdout);
	for (;;)
		pause();
}
