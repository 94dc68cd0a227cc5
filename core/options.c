/* SPDX-License-Identifier: Apache-2.0 */
/* Reading options of any version, and the variables that stand in for them. */
#include "core/options.h"

#include <string.h>
#include <strings.h>

#include "base/environment.h"
#include "base/units.h"
#include "core/lane.h"
#include "core/record/signal.h"
#include "shm/layout.h"

/* Values are shown in part: they can be long, and secret. */
#define VALUE_SHOWN_BYTES_MAX 40

static const char temporality_variable[] = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";

static const char lanes_variable[] = "OTLPIPE_LANES";

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

/* @return false: it says something that is none */
static bool temporality_from_environment(enum otlp_temporality_preference *ret)
{
	const char *text;
	size_t len;

	*ret = OTLP_PREFER_CUMULATIVE;
	if (!environment_get(temporality_variable, &text, &len) || is_word(text, len, "cumulative"))
		return true;
	if (is_word(text, len, "delta"))
		*ret = OTLP_PREFER_DELTA;
	else if (is_word(text, len, "lowmemory"))
		*ret = OTLP_PREFER_LOW_MEMORY;
	else
		return false;
	return true;
}

/*
 * The options of version 0.2. A shorter struct is one of 0.1, whose fields stand elsewhere, or was
 * not initialised. Later versions add fields behind it, or take reserved ones.
 */
#define OPTIONS_BYTES_MIN 120

static_assert(sizeof(struct otlp_options) >= OPTIONS_BYTES_MIN, "options only grow");

int otlp_options_init(struct otlp_options *options, size_t struct_bytes)
{
	struct otlp_options defaults = {.struct_bytes = (uint32_t)struct_bytes};

	if (options == NULL)
		return OTLP_ERR_INVALID;
	(void)temporality_from_environment(&defaults.temporality);
	/* A program built against another version has a shorter or a longer struct. */
	memset(options, 0, struct_bytes);
	memcpy(options, &defaults,
	       struct_bytes < sizeof(defaults) ? struct_bytes : sizeof(defaults));
	return struct_bytes < OPTIONS_BYTES_MIN ? OTLP_ERR_ABI : OTLP_OK;
}

static bool is_zero(const void *from, size_t count)
{
	const uint8_t *bytes = from;
	size_t i;

	for (i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void tell(void *context, int error, const char *line)
{
	struct telling *telling = context;

	if (telling->text.used > 0)
		text_add(&telling->text, "; ");
	text_add(&telling->text, line);
	if (telling->diagnostic != NULL)
		telling->diagnostic(telling->context, error, line);
}

static int refuse_options(struct telling *telling, int error, const char *line)
{
	tell(telling, error, line);
	return error;
}

void telling_begin(struct telling *telling)
{
	telling->diagnostic = NULL;
	telling->context = NULL;
	text_begin(&telling->text, telling->lines, sizeof(telling->lines));
}

void options_tell(const struct otlp_options *options, int error, const char *line)
{
	options->diagnostic(options->diagnostic_context, error, line);
}

int options_read(struct otlp_options *ret, const struct otlp_options *options,
		 struct telling *telling)
{
	size_t bytes;
	int rc;

	rc = otlp_options_init(ret, sizeof(*ret));
	if (rc < 0)
		return rc;
	if (options != NULL) {
		bytes = options->struct_bytes;
		if (bytes < OPTIONS_BYTES_MIN)
			return refuse_options(telling, OTLP_ERR_ABI,
					      "struct otlp_options is of another version, or was "
					      "not set by otlp_options_init()");
		memcpy(ret, options, bytes < sizeof(*ret) ? bytes : sizeof(*ret));
		telling->diagnostic = ret->diagnostic;
		telling->context = ret->diagnostic_context;
		if ((bytes > sizeof(*ret) && !is_zero(options + 1, bytes - sizeof(*ret))) ||
		    ret->reserved_1 != 0 || !is_zero(ret->reserved, sizeof(ret->reserved)))
			return refuse_options(telling, OTLP_ERR_INVALID,
					      "struct otlp_options has fields that this version of "
					      "the library does not know");
	}
	ret->diagnostic = tell;
	ret->diagnostic_context = telling;
	if ((unsigned)ret->temporality > OTLP_PREFER_LOW_MEMORY)
		return refuse_options(telling, OTLP_ERR_INVALID,
				      "the option temporality is no preference");
	return 0;
}

static uint64_t ring_bytes_round(uint64_t bytes)
{
	uint64_t ret = RING_BYTES_MIN;

	while (ret < bytes)
		ret *= 2;
	return ret;
}

/* A variable that is left aside, with what it says and what is wrong with it. */
static void tell_of_variable(const struct otlp_options *options, const char *name, const char *why)
{
	char line[LAST_ERROR_BYTES];
	const char *value;
	struct text text;
	size_t len;

	text_begin(&text, line, sizeof(line));
	text_add(&text, name);
	text_add(&text, " is left aside: \"");
	if (environment_get(name, &value, &len))
		text_add_quoted(&text, value, len, VALUE_SHOWN_BYTES_MAX);
	text_add(&text, "\" ");
	text_add(&text, why);
	options_tell(options, OTLP_ERR_INVALID, line);
}

/* @return 0: it is not set, or is no size, which was told */
static uint64_t ring_bytes_from_environment(const struct otlp_options *options, const char *name)
{
	char number[UNITS_TEXT_BYTES];
	const char *value;
	uint64_t bytes = 0;
	size_t len;

	if (!environment_get(name, &value, &len))
		return 0;
	if (len < sizeof(number)) {
		memcpy(number, value, len);
		number[len] = '\0';
		if (units_parse_size(number, &bytes) < 0 || bytes > OTLP_RING_BYTES_MAX)
			bytes = 0;
	}
	if (bytes == 0)
		tell_of_variable(options, name, "is no size such as 8MiB, of 1 GiB at most");
	return bytes;
}

/* @return 0: it is not set, or is no number of lanes, which was told */
static unsigned lanes_from_environment(const struct otlp_options *options)
{
	const char *value;
	unsigned count;
	size_t len;

	if (!environment_get(lanes_variable, &value, &len))
		return 0;
	count = len == 1 && value[0] >= '1' && value[0] <= '9' ? (unsigned)(value[0] - '0') : 0;
	if (count == 0 || count > REGION_LANES_MAX || (count & (count - 1)) != 0) {
		tell_of_variable(options, lanes_variable, "is none of 1, 2, 4 and 8");
		return 0;
	}
	return count;
}

int options_rings(const struct otlp_options *options, uint64_t *ret)
{
	unsigned asked = options->lanes, lane, count;
	uint64_t signal_bytes;
	size_t signal;

	memset(ret, 0, REGION_RINGS_MAX * sizeof(*ret));
	if (asked > REGION_LANES_MAX || (asked & (asked - 1)) != 0)
		return refuse_options(options->diagnostic_context, OTLP_ERR_INVALID,
				      "the option lanes is none of 1, 2, 4 and 8");
	if (asked == 0)
		asked = lanes_from_environment(options);
	for (signal = 0; signal < OTLP_SIGNAL_MAX; signal++) {
		uint64_t bytes = options->ring_bytes[signal];

		if (signal >= SIGNAL_COUNT) {
			if (bytes != 0)
				return refuse_options(options->diagnostic_context, OTLP_ERR_INVALID,
						      "the option ring_bytes is set for a signal "
						      "that this version does not have");
			continue;
		}
		if (bytes > OTLP_RING_BYTES_MAX)
			return refuse_options(options->diagnostic_context, OTLP_ERR_INVALID,
					      "the option ring_bytes is more than 1 GiB");
		if (bytes == 0)
			bytes = ring_bytes_from_environment(options,
							    signal_rows[signal].ring_variable);
		if (bytes == 0)
			bytes = signal_rows[signal].ring_bytes_default;
		signal_bytes = ring_bytes_round(bytes);
		count = lane_count(signal_bytes, asked);
		for (lane = 0; lane < count; lane++)
			ret[ring_number((unsigned)signal, lane)] =
				lane_bytes(signal_bytes, count, lane);
	}
	return 0;
}

static_assert(OTLP_RING_BYTES_MIN == RING_BYTES_MIN, "the public limits are the layout's");
static_assert(OTLP_RING_BYTES_MAX == RING_BYTES_MAX, "the public limits are the layout's");
static_assert(OTLP_LANES_MAX == REGION_LANES_MAX, "the public limits are the layout's");
static_assert(OTLP_RECORD_BYTES_MAX == RING_PAYLOAD_BYTES_MAX,
	      "the public limits are the layout's");

/* @param closed  how many are in the line already @return and how many then */
static size_t add_if_closed(struct text *line, const char *name, size_t closed)
{
	if (!environment_is_closed(name))
		return closed;
	text_add(line, closed > 0 ? ", " : "");
	text_add(line, name);
	return closed + 1;
}

const char *options_variable(size_t number)
{
	static const char *const names[] = {
		"OTLPIPE_DIR",	     BUDGET_VARIABLE,	   "OTEL_RESOURCE_ATTRIBUTES",
		"OTEL_SERVICE_NAME", temporality_variable, lanes_variable,
	};
	const size_t count = sizeof(names) / sizeof(names[0]);

	if (number < count)
		return names[number];
	return number - count < SIGNAL_COUNT ? signal_rows[number - count].ring_variable : NULL;
}

/* A program that runs with more rights than its caller reads none of them. */
static void tell_of_closed(const struct otlp_options *options)
{
	char line[LAST_ERROR_BYTES];
	struct text text;
	size_t i, closed = 0;

	text_begin(&text, line, sizeof(line));
	text_add(&text, "this program runs with more rights than its caller (setuid, setgid, file "
			"capabilities), so these are not read: ");
	for (i = 0; options_variable(i) != NULL; i++)
		closed = add_if_closed(&text, options_variable(i), closed);
	text_add(&text, "; set the options instead");
	if (closed > 0)
		options_tell(options, OTLP_ERR_ACCESS, line);
}

void options_budget(const struct otlp_options *options, struct budget *ret)
{
	if (!budget_from_environment(ret))
		tell_of_variable(options, BUDGET_VARIABLE,
				 "is neither a size such as 2GiB, nor a share such as 25%");
}

void options_check_environment(const struct otlp_options *options)
{
	enum otlp_temporality_preference unused;

	tell_of_closed(options);
	/* otlp_options_init() could tell nobody. */
	if (!temporality_from_environment(&unused))
		tell_of_variable(options, temporality_variable,
				 "is none of cumulative, delta, lowmemory");
}
