/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resource of the environment. Source: OpenTelemetry specification,
 * resource/sdk.md "Specifying resource information via an environment variable"
 * (the W3C Baggage form key1=value1,key2=value2, values percent-encoded, a
 * value with any error discarded whole), and semantic conventions for
 * service.name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "core/resource.h"

static const char service_name_key[] = "service.name";

struct env_attributes {
	struct otlp_attribute *items;
	size_t count;
};

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
static int percent_decode(char *text, size_t len, size_t *ret_len)
{
	size_t from = 0, to = 0;

	while (from < len) {
		if (text[from] != '%') {
			text[to++] = text[from++];
			continue;
		}
		if (len - from < 3 || hex_digit(text[from + 1]) < 0 ||
		    hex_digit(text[from + 2]) < 0)
			return -EINVAL;
		text[to++] = (char)(hex_digit(text[from + 1]) << 4 | hex_digit(text[from + 2]));
		from += 3;
	}
	*ret_len = to;
	return 0;
}

static void trim(char **text, size_t *len)
{
	while (*len > 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && ((*text)[*len - 1] == ' ' || (*text)[*len - 1] == '\t'))
		(*len)--;
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

static int env_parse_pair(struct env_attributes *attributes, char *pair, size_t len)
{
	char *equals = memchr(pair, '=', len);
	char *key = pair, *value;
	size_t key_len, value_len;

	/* In keys and values "=" is percent-encoded, so there is one. */
	if (equals == NULL || memchr(equals + 1, '=', len - (size_t)(equals - pair) - 1) != NULL)
		return -EINVAL;
	value = equals + 1;
	key_len = (size_t)(equals - key);
	value_len = len - key_len - 1;
	trim(&key, &key_len);
	trim(&value, &value_len);
	if (percent_decode(key, key_len, &key_len) < 0 ||
	    percent_decode(value, value_len, &value_len) < 0)
		return -EINVAL;
	if (key_len == 0 || !utf8_is_valid(key, key_len) || !utf8_is_valid(value, value_len))
		return -EINVAL;
	env_set(attributes, (struct otlp_str){key, key_len}, (struct otlp_str){value, value_len});
	return 0;
}

/* Parse a list, in place; a lone blank between commas is no pair and no error. */
static int env_parse(struct env_attributes *attributes, char *text)
{
	char *at = text;

	while (*at != '\0') {
		char *pair = at;
		size_t len = strcspn(at, ",");

		at += len + (at[len] == ',');
		trim(&pair, &len);
		if (len > 0 && env_parse_pair(attributes, pair, len) < 0)
			return -EINVAL;
	}
	return 0;
}

static size_t count_pairs(const char *text)
{
	size_t count = 1;

	for (; *text != '\0'; text++)
		count += *text == ',';
	return count;
}

static void env_default_name(struct env_attributes *attributes, char *buffer, size_t bytes)
{
	static const char prefix[] = "unknown_service:";
	size_t len;

	/* A program may be named in any bytes; a name that is not UTF-8 would spoil all. */
	len = strnlen(program_invocation_short_name, bytes - sizeof(prefix));
	memcpy(buffer, prefix, sizeof(prefix) - 1);
	memcpy(buffer + sizeof(prefix) - 1, program_invocation_short_name, len);
	len += sizeof(prefix) - 1;
	if (len == sizeof(prefix) - 1 || !utf8_is_valid(buffer, len))
		len = sizeof(prefix) - 2;
	env_set(attributes, (struct otlp_str)OTLP_STR_INIT("service.name"),
		(struct otlp_str){buffer, len});
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

int resource_new_from_environment(struct resource **ret, const struct otlp_options *options)
{
	const char *list = secure_getenv("OTEL_RESOURCE_ATTRIBUTES");
	const char *name = secure_getenv("OTEL_SERVICE_NAME");
	struct env_attributes attributes = {NULL, 0};
	struct otlp_resource value = {0};
	char name_buffer[512];
	char *text;
	int rc;

	text = strdup(list != NULL ? list : "");
	attributes.items =
		calloc(count_pairs(list != NULL ? list : "") + 1, sizeof(*attributes.items));
	if (text == NULL || attributes.items == NULL) {
		free(text);
		free(attributes.items);
		return OTLP_ERR_NO_MEMORY;
	}
	if (env_parse(&attributes, text) < 0) {
		attributes.count = 0;
		options->diagnostic(options->diagnostic_context, OTLP_ERR_INVALID,
				    "OTEL_RESOURCE_ATTRIBUTES cannot be parsed and is "
				    "left aside");
	}
	if (name != NULL && name[0] != '\0' && utf8_is_valid(name, strlen(name)))
		env_set(&attributes, (struct otlp_str)OTLP_STR_INIT("service.name"),
			(struct otlp_str){name, strlen(name)});
	else if (name != NULL && name[0] != '\0')
		options->diagnostic(options->diagnostic_context, OTLP_ERR_INVALID,
				    "OTEL_SERVICE_NAME is not UTF-8 and is left aside");
	if (!env_has_service_name(&attributes))
		env_default_name(&attributes, name_buffer, sizeof(name_buffer));
	value.attributes.items = attributes.items;
	value.attributes.count = attributes.count;
	rc = resource_new(ret, &value);
	free(attributes.items);
	free(text);
	return rc;
}
