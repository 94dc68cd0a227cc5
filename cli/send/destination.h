/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where `otlpipe send` sends to: an OTLP/HTTP receiver, a broker. The sender cuts, counts, repeats
 * and remembers; a destination carries one request there, and says what became of it.
 *
 *   begin ──▶ wait … wait ──▶ an answer for each request that was begun, in any order
 *
 * One thread uses a destination. It may have threads of its own, which are not seen here. It prints
 * nothing: what there is to say is the text of an answer.
 */
#ifndef OTLPIPE_CLI_SEND_DESTINATION_H
#define OTLPIPE_CLI_SEND_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/record/signal.h"

#define SEND_TEXT_BYTES 256u

/* What is to be carried. The sender keeps it, and its body, unchanged until the answer. */
struct send_request {
	enum otlp_signal signal;
	/* A whole Export…ServiceRequest: field 1 once for each resource, and nothing else. */
	const uint8_t *body;
	size_t body_bytes;
	uint64_t items; /* spans, points or log records in it */
	void *slot;	/* the destination's, between begin and the answer */
};

enum send_verdict {
	/* The receiver has it, and answers for it: it is never sent again. */
	SEND_TAKEN,
	/* Not now: the same request is sent again, after a while. */
	SEND_AGAIN,
	/* It will never be taken as it is. The sender halves it, to find the record that is at
	 * fault, or that it was only too large. */
	SEND_REFUSED,
	/* It is too large for the receiver, or for its answers to be told from that. */
	SEND_TOO_LARGE,
	/* Nothing will be taken until somebody changes something: the address, the key. */
	SEND_STOP,
};

struct send_answer {
	enum send_verdict verdict;
	/* Of SEND_TAKEN: so many of its items the receiver has thrown away, as it says itself. */
	uint64_t rejected_items;
	/* Of SEND_AGAIN: the receiver wants to be left alone for so long; negative: it says
	 * nothing of it. */
	int64_t retry_after_ns;
	/* Of all but SEND_TAKEN: it may have been taken all the same (its answer did not come). If
	 * it is sent again, it may be there twice, and is counted as such. */
	bool is_doubtful;
	/* One line for people, without control characters: "503 Service Unavailable". May be
	 * empty. */
	char text[SEND_TEXT_BYTES];
};

struct send_destination;

struct send_destination_ops {
	/**
	 * Start to carry a request. The sender never has more than the concurrency of its options
	 * under way.
	 *
	 * @return 0: there will be an answer; -EAGAIN: not now, without an answer; or another
	 *         negative errno, which ends the command
	 */
	int (*begin)(struct send_destination *destination, struct send_request *request);

	/**
	 * Wait for one answer. To be called often, also while nothing is under way, so that the
	 * destination can do what it has to.
	 *
	 * @param timeout_ns  0: only look
	 * @return 1: an answer; 0: the time is over; or a negative errno, which ends the command
	 */
	int (*wait)(struct send_destination *destination, int64_t timeout_ns,
		    struct send_request **ret_request, struct send_answer *ret_answer);

	/** Give up what is under way, without an answer. */
	void (*close)(struct send_destination *destination);
};

/* The first member of each kind of destination. */
struct send_destination {
	const struct send_destination_ops *ops;
	const char *shown;    /* for messages: its address, without passwords */
	size_t request_bytes; /* it takes no body that is larger; 0: it knows no limit */
	uint64_t wire_bytes;  /* that went out so far, as far as it knows: of bodies, compressed */
	/* What keeps the requests under way from having an answer, where they wait for it as long
	 * as it takes. Empty: nothing that it knows of. */
	char trouble[SEND_TEXT_BYTES];
};

#endif
