/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, levels and characters for the screen of `otlpipe top`. */
#include "cli/top/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Three digits at most in front of the unit, one decimal below ten. */
static const char *scaled(double number, double step, const char *units, char ret[TOP_TEXT_BYTES])
{
	size_t unit = 0;

	while (number >= (unit == 0 ? step - 0.5 : 999.5) && units[unit + 1] != '\0') {
		number /= step;
		unit++;
	}
	if (unit > 0 && number < 9.95)
		snprintf(ret, TOP_TEXT_BYTES, "%.1f%c", number, units[unit]);
	else if (unit > 0)
		snprintf(ret, TOP_TEXT_BYTES, "%.0f%c", number, units[unit]);
	else
		snprintf(ret, TOP_TEXT_BYTES, "%.0f", number);
	return ret;
}

const char *top_count(uint64_t count, char ret[TOP_TEXT_BYTES])
{
	return scaled((double)count, 1000, " kMGTPE", ret);
}

const char *top_rate(double rate, char ret[TOP_TEXT_BYTES])
{
	if (rate > 0 && rate < 9.95) {
		snprintf(ret, TOP_TEXT_BYTES, "%.1f", rate);
		return ret;
	}
	return scaled(rate > 0 ? rate : 0, 1000, " kMGTPE", ret);
}

const char *top_size(uint64_t bytes, char ret[TOP_TEXT_BYTES])
{
	return scaled((double)bytes, 1024, " KMGTPE", ret);
}

const char *top_age(uint64_t seconds, char ret[TOP_TEXT_BYTES])
{
	const uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (minutes == 0)
		snprintf(ret, TOP_TEXT_BYTES, "%" PRIu64 "s", seconds);
	else if (hours == 0)
		snprintf(ret, TOP_TEXT_BYTES, "%" PRIu64 "m%02" PRIu64, minutes, seconds % 60);
	else if (days == 0)
		snprintf(ret, TOP_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64, hours, minutes % 60);
	else if (days < 100)
		snprintf(ret, TOP_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64, days, hours % 24);
	else
		snprintf(ret, TOP_TEXT_BYTES, "%" PRIu64 "d", days < 99999 ? days : 99999);
	return ret;
}

const char *top_took(uint64_t ns, char ret[TOP_TEXT_BYTES])
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double number = (double)ns;
	unsigned unit = 0;

	while (unit < 3 && number >= 999.5) {
		number /= 1000;
		unit++;
	}
	snprintf(ret, TOP_TEXT_BYTES, unit > 0 && number < 9.95 ? "%.1f%s" : "%.0f%s", number,
		 units[unit]);
	return ret;
}

wchar_t top_level(double share, bool is_unicode)
{
	static const wchar_t blocks[] = L"▁▂▃▄▅▆▇█", ascii[] = L"_.:-=+*#";
	const unsigned last = 7;
	unsigned level = 0;

	if (share >= 1)
		level = last;
	else if (share > 0)
		level = (unsigned)(share * (last + 1));
	return is_unicode ? blocks[level] : ascii[level];
}

wchar_t top_character(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	const unsigned more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : 1;
	uint32_t c = at[0];

	if (c == 0)
		return 0;
	(*text)++;
	if (c < 0x80)
		return (wchar_t)c;
	if (c < 0xc2 || c > 0xf4)
		return 0xfffd;
	c &= 0x3fu >> more;
	for (unsigned i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (at[i] & 0x3f);
	}
	if ((more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*text += more;
	return (wchar_t)c;
}

bool top_contains(const char *text, const char *part)
{
	const size_t len = strlen(part);

	if (len == 0)
		return true;
	for (; *text != '\0'; text++)
		if (strncasecmp(text, part, len) == 0)
			return true;
	return false;
}
