/* SPDX-License-Identifier: Apache-2.0 */
/* Severities, times and ids, as programs write them. */
#include "cli/log_fields.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/array.h"

#define NS_PER_S 1000000000u

static const struct {
	const char *word;
	enum otlp_severity_number number;
} words[] = {
	{"trace", OTLP_SEVERITY_TRACE},	     {"finest", OTLP_SEVERITY_TRACE},
	{"debug", OTLP_SEVERITY_DEBUG},	     {"finer", OTLP_SEVERITY_DEBUG},
	{"verbose", OTLP_SEVERITY_DEBUG},    {"fine", OTLP_SEVERITY_DEBUG2},
	{"config", OTLP_SEVERITY_DEBUG3},    {"info", OTLP_SEVERITY_INFO},
	{"information", OTLP_SEVERITY_INFO}, {"informational", OTLP_SEVERITY_INFO},
	{"notice", OTLP_SEVERITY_INFO2},     {"warn", OTLP_SEVERITY_WARN},
	{"warning", OTLP_SEVERITY_WARN},     {"error", OTLP_SEVERITY_ERROR},
	{"err", OTLP_SEVERITY_ERROR},	     {"severe", OTLP_SEVERITY_ERROR},
	{"critical", OTLP_SEVERITY_ERROR2},  {"crit", OTLP_SEVERITY_ERROR2},
	{"dpanic", OTLP_SEVERITY_ERROR2},    {"alert", OTLP_SEVERITY_ERROR3},
	{"panic", OTLP_SEVERITY_ERROR3},     {"fatal", OTLP_SEVERITY_FATAL},
	{"emergency", OTLP_SEVERITY_FATAL},  {"emerg", OTLP_SEVERITY_FATAL},
};

static const struct {
	struct otlp_str text;
	enum otlp_severity_number number;
} priorities[] = {
	{OTLP_STR_INIT("emerg"), OTLP_SEVERITY_FATAL},
	{OTLP_STR_INIT("alert"), OTLP_SEVERITY_ERROR3},
	{OTLP_STR_INIT("crit"), OTLP_SEVERITY_ERROR2},
	{OTLP_STR_INIT("err"), OTLP_SEVERITY_ERROR},
	{OTLP_STR_INIT("warning"), OTLP_SEVERITY_WARN},
	{OTLP_STR_INIT("notice"), OTLP_SEVERITY_INFO2},
	{OTLP_STR_INIT("info"), OTLP_SEVERITY_INFO},
	{OTLP_STR_INIT("debug"), OTLP_SEVERITY_DEBUG},
};

enum otlp_severity_number log_severity_of_priority(unsigned priority, struct otlp_str *ret_text)
{
	*ret_text = priorities[priority % COUNT_OF(priorities)].text;
	return priorities[priority % COUNT_OF(priorities)].number;
}

enum otlp_severity_number log_severity_of_word(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(words[i].word, word) == 0)
			return words[i].number;
	return OTLP_SEVERITY_UNSPECIFIED;
}

bool log_severity_of_level(int64_t level, enum otlp_severity_number *ret)
{
	struct otlp_str ignored;

	if (level >= 10 && level <= 60 && level % 10 == 0)
		*ret = (enum otlp_severity_number)(level / 10 * 4 - 3); /* TRACE is 1, DEBUG 5 … */
	else if (level >= 0 && level < (int64_t)COUNT_OF(priorities))
		*ret = log_severity_of_priority((unsigned)level, &ignored);
	else
		return false;
	return true;
}

/* Digits of a fraction as nanoseconds, what is finer is cut off. */
static const char *take_fraction(const char *at, uint64_t *ret_ns)
{
	uint64_t scale = NS_PER_S;

	for (*ret_ns = 0; *at >= '0' && *at <= '9'; at++) {
		scale /= 10;
		*ret_ns += (uint64_t)(*at - '0') * scale;
	}
	return at;
}

/* Z, or +01:00, also without the colon. */
static bool take_zone(const char *at, int *ret_minutes)
{
	unsigned hours, minutes;
	int end = 0;

	*ret_minutes = 0;
	if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
		return true;
	if ((*at != '+' && *at != '-') || strspn(at + 1, "0123456789:") != strlen(at + 1))
		return false;
	if ((sscanf(at + 1, "%2u:%2u%n", &hours, &minutes, &end) != 2 || at[1 + end] != '\0') &&
	    (sscanf(at + 1, "%2u%2u%n", &hours, &minutes, &end) != 2 || at[1 + end] != '\0'))
		return false;
	if (hours > 23 || minutes > 59)
		return false;
	*ret_minutes = (int)(hours * 60 + minutes) * (*at == '-' ? -1 : 1);
	return true;
}

bool log_time_of_text(const char *text, uint64_t *ret_ns)
{
	struct tm tm = {0};
	uint64_t ns = 0;
	int end = 0, minutes;
	char between;
	int day, leap;
	time_t seconds;

	if (strspn(text, "0123456789") != 4 ||
	    sscanf(text, "%4d-%2d-%2d%c%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &between, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 7 ||
	    strspn(text, "0123456789-:Tt ") < (size_t)end ||
	    (between != 'T' && between != 't' && between != ' '))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 ||
	    tm.tm_sec > 60)
		return false;
	text += end;
	if (*text == '.' || *text == ',')
		text = take_fraction(text + 1, &ns);
	if (!take_zone(text, &minutes))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	day = tm.tm_mday;
	leap = tm.tm_sec == 60;
	tm.tm_sec -= leap;
	seconds = timegm(&tm) + leap - (time_t)minutes * 60;
	if (tm.tm_mday != day)
		return false; /* the 31st of a month of 30 days: timegm() makes it the next one's */
	/* What 64 bits of nanoseconds hold ends in 2554. */
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / NS_PER_S)
		return false;
	*ret_ns = (uint64_t)seconds * NS_PER_S + ns;
	return true;
}

bool log_time_of_number(double number, int64_t integer, bool is_integer, uint64_t *ret_ns)
{
	uint64_t ns_per_unit;

	if (!(number >= 0 && number < 1.8e19))
		return false;
	ns_per_unit = number < 1e11 ? NS_PER_S : number < 1e14 ? 1000000 : number < 1e17 ? 1000 : 1;
	if (is_integer) {
		if ((uint64_t)integer > UINT64_MAX / ns_per_unit)
			return false;
		*ret_ns = (uint64_t)integer * ns_per_unit;
		return true;
	}
	if (number >= 1.8e19 / (double)ns_per_unit)
		return false;
	/* The whole part apart: a double has no room for it and nanoseconds. */
	*ret_ns = (uint64_t)number * ns_per_unit +
		  (uint64_t)((number - (double)(uint64_t)number) * (double)ns_per_unit);
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool log_id_of_text(const char *text, size_t len, uint8_t *ret, size_t bytes)
{
	uint8_t any = 0;

	if (len != 2 * bytes)
		return false;
	for (size_t i = 0; i < len; i++)
		if (digit(text[i]) < 0)
			return false;
	for (size_t i = 0; i < bytes; i++) {
		ret[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
		any |= ret[i];
	}
	return any != 0;
}
