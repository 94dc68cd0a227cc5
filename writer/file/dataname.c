/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes and parses the names of batch files, for creation, sealing, recovery and retention alike.
 * Pure: touches no file.
 */
#include "writer/file/dataname.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX_SEALED	    ".binpb"
#define SUFFIX_OPEN	    ".binpb.open"
#define SUFFIX_BAD	    ".bad"
#define SUFFIX_PACKED	    ".binpb.zst"

#define SEQUENCE_DIGITS_MIN 8u
#define SEQUENCE_DIGITS_MAX 15u
#define BYTES_DIGITS_MAX    19u /* of an off_t */

static_assert(DATA_SIGNAL_BYTES_MAX + sizeof("-YYYYMMDDTHHMMSSZ-") + SEQUENCE_DIGITS_MAX +
			      sizeof(SUFFIX_OPEN) + BYTES_DIGITS_MAX + sizeof(SUFFIX_BAD) <=
		      DATA_NAME_BYTES,
	      "every name fits");

static time_t clamp_wall(time_t wall)
{
	const time_t last = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */

	if (wall < 0)
		return 0;
	return wall > last ? last : wall;
}

void data_name_make(const char *signal, time_t wall, uint64_t sequence, struct data_name *ret)
{
	struct tm tm;
	char when[32];
	int n;

	assert(strlen(signal) <= DATA_SIGNAL_BYTES_MAX && sequence <= DATA_SEQUENCE_MAX);

	wall = clamp_wall(wall);
	gmtime_r(&wall, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);

	*ret = (struct data_name){.sequence = sequence, .wall = wall, .kind = DATA_OPEN};
	n = snprintf(ret->name, sizeof(ret->name), "%s-%s-%08" PRIu64 SUFFIX_OPEN, signal, when,
		     sequence);
	assert(n > 0 && (size_t)n < sizeof(ret->name));
	(void)n;
}

/* Digits only, no sign, no space; moves *text behind them. */
static bool take_number(const char **text, unsigned digits_min, unsigned digits_max, uint64_t *ret)
{
	uint64_t value = 0;
	unsigned digits = 0;

	while ((*text)[digits] >= '0' && (*text)[digits] <= '9') {
		if (digits == digits_max)
			return false;
		value = value * 10 + (uint64_t)((*text)[digits++] - '0');
	}
	if (digits < digits_min || (digits > digits_min && (*text)[0] == '0'))
		return false;

	*text += digits;
	*ret = value;
	return true;
}

static bool take_text(const char **text, const char *expected)
{
	size_t n = strlen(expected);

	if (strncmp(*text, expected, n) != 0)
		return false;
	*text += n;
	return true;
}

/* 20260131 and 235959. What is no date counts on: the 32nd of a month is the first of the next. */
static time_t wall_of(uint64_t date, uint64_t time)
{
	struct tm tm = {
		.tm_year = (int)(date / 10000) - 1900,
		.tm_mon = (int)(date / 100 % 100) - 1,
		.tm_mday = (int)(date % 100),
		.tm_hour = (int)(time / 10000),
		.tm_min = (int)(time / 100 % 100),
		.tm_sec = (int)(time % 100),
	};

	return clamp_wall(timegm(&tm));
}

int data_name_parse(const char *signal, const char *name, struct data_name *ret)
{
	struct data_name parsed = {0};
	const char *at = name;
	uint64_t date, time;

	if (strlen(name) >= sizeof(parsed.name))
		return -EINVAL;
	if (!take_text(&at, signal) || !take_text(&at, "-") || !take_number(&at, 8, 8, &date) ||
	    !take_text(&at, "T") || !take_number(&at, 6, 6, &time) || !take_text(&at, "Z-"))
		return -EINVAL;
	if (!take_number(&at, SEQUENCE_DIGITS_MIN, SEQUENCE_DIGITS_MAX, &parsed.sequence))
		return -EINVAL;

	if (strcmp(at, SUFFIX_SEALED) == 0)
		parsed.kind = DATA_SEALED;
	else if (strcmp(at, SUFFIX_OPEN) == 0)
		parsed.kind = DATA_OPEN;
	else if (strcmp(at, SUFFIX_PACKED) == 0)
		parsed.kind = DATA_PACKED;
	else if (take_text(&at, SUFFIX_SEALED ".") &&
		 take_number(&at, 1, BYTES_DIGITS_MAX, &parsed.trusted_bytes) &&
		 strcmp(at, SUFFIX_BAD) == 0)
		parsed.kind = DATA_BAD;
	else
		return -EINVAL;

	memcpy(parsed.name, name, strlen(name) + 1);
	parsed.wall = wall_of(date, time);
	*ret = parsed;
	return 0;
}

void data_name_as(const struct data_name *from, enum data_kind kind, uint64_t trusted_bytes,
		  struct data_name *ret)
{
	const char *suffix = strstr(from->name, SUFFIX_SEALED);
	struct data_name to = *from;
	const char *to_suffix = kind == DATA_OPEN     ? SUFFIX_OPEN
				: kind == DATA_PACKED ? SUFFIX_PACKED
						      : SUFFIX_SEALED;
	size_t base_bytes, left_bytes;
	int n;

	assert(suffix);
	base_bytes = (size_t)(suffix - from->name);
	left_bytes = sizeof(to.name) - base_bytes;
	memset(to.name + base_bytes, 0, left_bytes);
	to.kind = kind;
	to.trusted_bytes = kind == DATA_BAD ? trusted_bytes : 0;

	if (kind == DATA_BAD)
		n = snprintf(to.name + base_bytes, left_bytes, SUFFIX_SEALED ".%" PRIu64 SUFFIX_BAD,
			     trusted_bytes);
	else
		n = snprintf(to.name + base_bytes, left_bytes, "%s", to_suffix);
	assert(n > 0 && (size_t)n < left_bytes);
	(void)n;
	*ret = to;
}

int data_name_compare(const void *a, const void *b)
{
	const struct data_name *left = a, *right = b;

	if (left->sequence != right->sequence)
		return left->sequence < right->sequence ? -1 : 1;
	return strcmp(left->name, right->name);
}
