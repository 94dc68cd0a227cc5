/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resource of the environment. Source: OpenTelemetry specification,
 * resource/sdk.md "Specifying resource information via an environment variable"
 * (the W3C Baggage form key1=value1,key2=value2, values percent-encoded, a
 * value with any error discarded whole), and semantic conventions for
 * service.name.
 *
 * Text that is not UTF-8 is no such error: nothing is wrong with the form, and it comes from
 * outside the program, which can do nothing about it. It is repaired.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"
#include "base/utf8.h"
#include "core/options.h"
#include "core/resource.h"

/* Of the program's name so much is taken, behind what stands before it. */
#define PROGRAM_BYTES_MAX 495
#define PREFIX_BYTES_MAX  32

/* Of a pair that is wrong so much is shown, and as many keys with wrong text are counted. */
#define PAIR_SHOWN_BYTES_MAX 60

static const char list_variable[] = "OTEL_RESOURCE_ATTRIBUTES";
static const char name_variable[] = "OTEL_SERVICE_NAME";
static const char service_name_key[] = "service.name";

struct env_attributes {
	struct otlp_attribute *items;
	size_t count;
	char *room; /* for text that is not what the variable has: decoded, repaired */
	size_t used;
	size_t repaired_count;
	struct otlp_str repaired_key; /* of the first */
};

/* A text that turned out not to be UTF-8 gets U+FFFD for each wrong byte. */
static struct otlp_str env_text(struct env_attributes *attributes, const char *text, size_t len,
				bool *ret_repaired)
{
	struct otlp_str ret = {attributes->room + attributes->used, len};

	if (utf8_is_valid(text, len)) {
		memcpy(attributes->room + attributes->used, text, len);
	} else {
		ret.len = utf8_repair(attributes->room + attributes->used, text, len);
		*ret_repaired = true;
	}
	attributes->used += ret.len;
	return ret;
}

static void env_repaired(struct env_attributes *attributes, struct otlp_str key)
{
	if (attributes->repaired_count++ == 0)
		attributes->repaired_key = key;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decode in place. */
static bool percent_decode(char *text, size_t *len)
{
	size_t from = 0, to = 0;

	while (from < *len) {
		if (text[from] != '%') {
			text[to++] = text[from++];
			continue;
		}
		if (*len - from < 3 || hex_digit(text[from + 1]) < 0 ||
		    hex_digit(text[from + 2]) < 0)
			return false;
		text[to++] = (char)(hex_digit(text[from + 1]) << 4 | hex_digit(text[from + 2]));
		from += 3;
	}
	*len = to;
	return true;
}

/* Set a key, the last value of it counts. */
static void env_set(struct env_attributes *attributes, struct otlp_str key, struct otlp_str value)
{
	size_t i;

	for (i = 0; i < attributes->count; i++) {
		const struct otlp_str *have = &attributes->items[i].key;

		if (have->len == key.len && memcmp(have->ptr, key.ptr, key.len) == 0)
			break;
	}
	if (i == attributes->count)
		attributes->count++;
	attributes->items[i] = otlp_attr_str(key, value);
}

/* @return NULL, or what is wrong with it */
static const char *env_parse_pair(struct env_attributes *attributes, char *pair, size_t len)
{
	char *equals = memchr(pair, '=', len);
	struct otlp_str key, value;
	size_t key_len, value_len;
	const char *trimmed;
	bool repaired = false;

	if (equals == NULL)
		return "has no \"=\"";
	key_len = (size_t)(equals - pair);
	value_len = len - key_len - 1;
	if (memchr(equals + 1, '=', value_len) != NULL)
		return "has a second \"=\", which is written %3D";
	trimmed = pair;
	environment_trim(&trimmed, &key_len);
	pair += trimmed - pair;
	trimmed = equals + 1;
	environment_trim(&trimmed, &value_len);
	equals += trimmed - equals;
	if (!percent_decode(pair, &key_len) || !percent_decode(equals, &value_len))
		return "has a \"%\" without two hexadecimal digits, which is written %25";
	if (key_len == 0)
		return "has no key";
	key = env_text(attributes, pair, key_len, &repaired);
	value = env_text(attributes, equals, value_len, &repaired);
	if (repaired)
		env_repaired(attributes, key);
	env_set(attributes, key, value);
	return NULL;
}

/* "OTEL_RESOURCE_ATTRIBUTES is left aside: its pair 2, "team", has no "="" */
static void env_tell_pair(const struct otlp_options *options, size_t number, const char *pair,
			  size_t len, const char *wrong)
{
	char line[LAST_ERROR_BYTES], repaired[3 * PAIR_SHOWN_BYTES_MAX];
	/* Not what may be secret: of a pair with a key that alone. */
	const char *equals = memchr(pair, '=', len);
	const size_t key_len = equals != NULL ? (size_t)(equals - pair) : len;
	const size_t shown = key_len < PAIR_SHOWN_BYTES_MAX ? key_len : PAIR_SHOWN_BYTES_MAX;
	const size_t shown_len = utf8_repair(repaired, pair, shown);
	struct text text;

	text_begin(&text, line, sizeof(line));
	text_add(&text, list_variable);
	text_add(&text, " is left aside: its pair ");
	text_add_number(&text, number);
	text_add(&text, ", \"");
	text_add_quoted(&text, repaired, shown_len, sizeof(repaired));
	text_add(&text, equals != NULL ? "=...\", " : shown < len ? "...\", " : "\", ");
	text_add(&text, wrong);
	options_tell(options, OTLP_ERR_INVALID, line);
}

static void env_tell_repaired(const struct otlp_options *options,
			      const struct env_attributes *attributes)
{
	char line[LAST_ERROR_BYTES];
	struct text text;

	text_begin(&text, line, sizeof(line));
	text_add(&text, list_variable);
	text_add(&text, ": \"");
	text_add_quoted(&text, attributes->repaired_key.ptr, attributes->repaired_key.len,
			PAIR_SHOWN_BYTES_MAX);
	text_add(&text, "\"");
	if (attributes->repaired_count > 1) {
		text_add(&text, " and ");
		text_add_number(&text, attributes->repaired_count - 1);
		text_add(&text, " more");
	}
	text_add(&text, " is not UTF-8: each wrong byte is replaced by U+FFFD");
	options_tell(options, OTLP_ERR_INVALID, line);
}

/*
 * Parse a list, in place; a lone blank between commas is no pair and no error. An error discards
 * all of it, as the specification wants.
 */
static void env_parse(struct env_attributes *attributes, const struct otlp_options *options,
		      char *list, const char *as_it_was)
{
	size_t number = 0;
	char *at = list;

	while (*at != '\0') {
		const char *trimmed = at, *wrong;
		size_t len = strcspn(at, ",");
		char *pair = at;

		at += len + (at[len] == ',');
		number++;
		environment_trim(&trimmed, &len);
		pair += trimmed - pair;
		if (len == 0)
			continue;
		wrong = env_parse_pair(attributes, pair, len);
		if (wrong != NULL) {
			/* Decoding has changed some of it. */
			env_tell_pair(options, number, as_it_was + (pair - list), len, wrong);
			attributes->count = 0;
			return;
		}
	}
	if (attributes->repaired_count > 0)
		env_tell_repaired(options, attributes);
}

static size_t count_pairs(const char *text, size_t len)
{
	size_t count = 1, i;

	for (i = 0; i < len; i++)
		count += text[i] == ',';
	return count;
}

/* A program may be named in any bytes. */
static void env_default_name(struct env_attributes *attributes)
{
	static const char prefix[] = "unknown_service:";
	const char *program = program_invocation_short_name;
	const size_t len = strnlen(program, PROGRAM_BYTES_MAX);
	struct otlp_str name = {attributes->room + attributes->used, sizeof(prefix) - 1};
	bool unused;

	memcpy(attributes->room + attributes->used, prefix, sizeof(prefix) - 1);
	attributes->used += sizeof(prefix) - 1;
	name.len += env_text(attributes, program, len, &unused).len;
	if (len == 0)
		name.len--; /* no colon either */
	env_set(attributes, (struct otlp_str)OTLP_STR_INIT("service.name"), name);
}

static bool env_has_service_name(const struct env_attributes *attributes)
{
	size_t i;

	for (i = 0; i < attributes->count; i++)
		if (attributes->items[i].key.len == sizeof(service_name_key) - 1 &&
		    memcmp(attributes->items[i].key.ptr, service_name_key,
			   sizeof(service_name_key) - 1) == 0 &&
		    attributes->items[i].value.as.string.len > 0)
			return true;
	return false;
}

static void env_name(struct env_attributes *attributes, const struct otlp_options *options,
		     const char *name, size_t len)
{
	bool repaired = false;
	struct otlp_str value = env_text(attributes, name, len, &repaired);

	env_set(attributes, (struct otlp_str)OTLP_STR_INIT("service.name"), value);
	if (repaired)
		options_tell(
			options, OTLP_ERR_INVALID,
			"OTEL_SERVICE_NAME is not UTF-8: each wrong byte is replaced by U+FFFD");
}

int resource_new_from_environment(struct resource **ret, const struct otlp_options *options)
{
	struct env_attributes attributes = {.items = NULL};
	const char *list = "", *name = "";
	size_t list_len = 0, name_len = 0;
	struct otlp_resource value = {0};
	char *copy;
	int rc;

	(void)environment_get(list_variable, &list, &list_len);
	(void)environment_get(name_variable, &name, &name_len);
	copy = strndup(list, list_len);
	attributes.items = calloc(count_pairs(list, list_len) + 1, sizeof(*attributes.items));
	/* A replacement takes three bytes. */
	attributes.room = malloc(3 * (list_len + name_len + PROGRAM_BYTES_MAX) + PREFIX_BYTES_MAX);
	if (copy == NULL || attributes.items == NULL || attributes.room == NULL) {
		rc = OTLP_ERR_NO_MEMORY;
	} else {
		env_parse(&attributes, options, copy, list);
		if (name_len > 0)
			env_name(&attributes, options, name, name_len);
		if (!env_has_service_name(&attributes))
			env_default_name(&attributes);
		value.attributes.items = attributes.items;
		value.attributes.count = attributes.count;
		rc = resource_new(ret, &value);
	}
	free(attributes.room);
	free(attributes.items);
	free(copy);
	return rc;
}
