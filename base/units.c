/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations and sizes: text to integers and back, in integer arithmetic alone,
 * so that no value depends on the locale or on rounding. Which limits make sense
 * for an option is left to whoever owns that option.
 */
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"

#define FRACTION_DIGITS_MAX 9

struct unit {
	const char *name;
	uint64_t scale;
};

/* Ascending: the format functions walk them from the end. */
static const struct unit duration_units[] = {
	{"ns", 1},
	{"us", UINT64_C(1000)},
	{"ms", UINT64_C(1000000)},
	{"s", UINT64_C(1000000000)},
	{"m", UINT64_C(60000000000)},
	{"h", UINT64_C(3600000000000)},
	{"d", UINT64_C(86400000000000)},
};

static const struct unit size_units[] = {
	{"B", 1},
	{"KiB", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{"TiB", UINT64_C(1) << 40},
};

static const struct unit size_aliases[] = {
	{"K", UINT64_C(1) << 10},     {"M", UINT64_C(1) << 20},	       {"G", UINT64_C(1) << 30},
	{"T", UINT64_C(1) << 40},     {"KB", UINT64_C(1000)},	       {"MB", UINT64_C(1000000)},
	{"GB", UINT64_C(1000000000)}, {"TB", UINT64_C(1000000000000)},
};

/* digits[.digits]; whole + fraction / fraction_scale. */
struct number {
	uint64_t whole;
	uint64_t fraction;
	uint64_t fraction_scale;
	const char *rest; /* behind the number */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int number_parse(const char *text, struct number *ret)
{
	struct number n = {.fraction_scale = 1};
	const char *p = text;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(n.whole, UINT64_C(10), &n.whole) ||
		    __builtin_add_overflow(n.whole, (uint64_t)(*p - '0'), &n.whole))
			return -ERANGE;
	}
	if (*p == '.') {
		const char *first = ++p;

		for (; is_digit(*p); p++) {
			if (p - first >= FRACTION_DIGITS_MAX)
				return -EINVAL;
			n.fraction = n.fraction * 10 + (uint64_t)(*p - '0');
			n.fraction_scale *= 10;
		}
		if (p == first)
			return -EINVAL;
	}
	n.rest = p;
	*ret = n;
	return 0;
}

static int number_scale(const struct number *n, uint64_t scale, uint64_t *ret)
{
	/* The product needs up to 77 bits; the quotient is below scale. */
	uint64_t part = (uint64_t)((unsigned __int128)n->fraction * scale / n->fraction_scale);
	uint64_t value;

	if (__builtin_mul_overflow(n->whole, scale, &value) ||
	    __builtin_add_overflow(value, part, &value))
		return -ERANGE;
	/* Zero often means "off": half a nanosecond must not become that. */
	if (value == 0 && n->fraction != 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

int units_parse_duration(const char *text, int64_t *ret_ns)
{
	struct number n;
	uint64_t scale = UINT64_C(1000000000);
	uint64_t value;
	size_t i;
	int rc;

	rc = number_parse(text, &n);
	if (rc < 0)
		return rc;
	if (*n.rest != '\0') {
		for (i = 0; i < COUNT_OF(duration_units); i++) {
			if (strcmp(n.rest, duration_units[i].name) == 0)
				break;
		}
		if (i == COUNT_OF(duration_units))
			return -EINVAL;
		scale = duration_units[i].scale;
	}
	rc = number_scale(&n, scale, &value);
	if (rc < 0)
		return rc;
	if (value > INT64_MAX)
		return -ERANGE;
	*ret_ns = (int64_t)value;
	return 0;
}

static bool size_scale(const char *name, const struct unit *units, size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(name, units[i].name) == 0) {
			*ret = units[i].scale;
			return true;
		}
	}
	return false;
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	struct number n;
	uint64_t scale = 1;
	int rc;

	rc = number_parse(text, &n);
	if (rc < 0)
		return rc;
	if (*n.rest != '\0' && !size_scale(n.rest, size_units, COUNT_OF(size_units), &scale) &&
	    !size_scale(n.rest, size_aliases, COUNT_OF(size_aliases), &scale))
		return -EINVAL;
	return number_scale(&n, scale, ret_bytes);
}

int units_parse_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	struct number n;
	int rc;

	rc = number_parse(text, &n);
	if (rc < 0)
		return rc;
	if (*n.rest != '\0' || n.fraction_scale != 1)
		return -EINVAL;
	if (n.whole < min || n.whole > max)
		return -ERANGE;
	*ret = n.whole;
	return 0;
}

const char *units_format_duration(int64_t ns, char text[UNITS_TEXT_BYTES])
{
	const struct unit *unit = &duration_units[COUNT_OF(duration_units) - 1];
	/* Negated as unsigned: INT64_MIN has no positive twin. */
	uint64_t value = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, whole;
	const char *sign = ns < 0 ? "-" : "";
	unsigned int hundredths;

	if (value == 0)
		return strcpy(text, "0s");
	while (unit > duration_units && value < unit->scale)
		unit--;
	whole = value / unit->scale;
	hundredths = (unsigned int)((unsigned __int128)(value % unit->scale) * 100 / unit->scale);
	if (hundredths == 0)
		snprintf(text, UNITS_TEXT_BYTES, "%s%" PRIu64 "%s", sign, whole, unit->name);
	else if (hundredths % 10 == 0)
		snprintf(text, UNITS_TEXT_BYTES, "%s%" PRIu64 ".%u%s", sign, whole, hundredths / 10,
			 unit->name);
	else
		snprintf(text, UNITS_TEXT_BYTES, "%s%" PRIu64 ".%02u%s", sign, whole, hundredths,
			 unit->name);
	return text;
}
