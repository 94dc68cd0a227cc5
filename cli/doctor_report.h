/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `otlpipe doctor` found: one line a check, below it how to mend it, or all of it as JSON.
 * Texts may be foreign; what is kept is one line of UTF-8.
 */
#ifndef OTLPIPE_CLI_DOCTOR_REPORT_H
#define OTLPIPE_CLI_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCTOR_SIZE_BYTES   32
#define DOCTOR_QUOTED_BYTES 5000

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,	/* worth knowing */
	DOCTOR_WARNING, /* it works, and could be better, or has lost something before */
	DOCTOR_WRONG	/* it does not work: the exit status is 1 */
};
#define DOCTOR_STATES 4

struct doctor_item {
	enum doctor_state state;
	const char *check; /* its name, which never changes: docs/cli.md has all of them */
	char *text;
	char *mend; /* NULL: none */
};

struct doctor_report {
	struct doctor_item *items;
	size_t count, capacity;
	unsigned states[DOCTOR_STATES]; /* how many items have each */
	bool has_no_memory;		/* and so it is not whole */
};

/** Add a check. */
void doctor_add(struct doctor_report *report, enum doctor_state state, const char *check,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/** What mends the check that was added last: a command or a setting. */
void doctor_mend(struct doctor_report *report, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** For people: "1.5 GiB". Returns to. */
const char *doctor_size(uint64_t bytes, char to[DOCTOR_SIZE_BYTES]);

/** The name of a user or group, or its number. Returns to. */
const char *doctor_user(unsigned uid, char to[64]);
const char *doctor_group(unsigned gid, char to[64]);

/**
 * A path as a shell takes it: in quotes where it has to be.
 *
 * @param to  room for DOCTOR_QUOTED_BYTES; what does not fit is cut off
 */
const char *doctor_quote(const char *path, char *to);

/** What the state is called in the JSON: "ok", "note", "warning", "wrong". */
const char *doctor_state_name(enum doctor_state state);

void doctor_print(const struct doctor_report *report);
void doctor_print_json(const struct doctor_report *report, const char *runtime, const char *output);
void doctor_free(struct doctor_report *report);

#endif
