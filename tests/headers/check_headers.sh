#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles by itself, twice in one file, and its inline parts work.
#
# usage: check_headers.sh COMPILER LANGUAGE STANDARD INCLUDE_DIR ABI HEADER…
#   ABI  a source that pins sizes, offsets and values
set -euo pipefail

compiler=$1 language=$2 standard=$3 include=$4 abi=$5
shift 5

compile() { # reads the source
	"$compiler" -x "$language" -std="$standard" -Wall -Wextra -Wshadow -Werror -pedantic \
		-fsyntax-only -I"$include" -
}

(($# > 0)) || { echo 'no headers given' >&2; exit 1; }
for header in "$@"; do
	name=otlpipe/$(basename "$header")
	printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" | compile ||
		{ echo "$name does not compile by itself as $standard" >&2; exit 1; }
done

# What the headers define as macros and inline functions, used the way a program does.
compile <<'SOURCE'
#include <otlpipe/otlpipe.h>

static const struct otlp_str name = OTLP_STR_INIT("a static string");

struct otlp_attribute text(void);
struct otlp_attribute text(void)
{
	struct otlp_str value = OTLP_STR("text");
	static const uint8_t raw[2] = {1, 2};
	static const struct otlp_bytes bytes = {raw, sizeof(raw)};
	const struct otlp_value values[4] = {
		otlp_value_int(1),
		otlp_value_double(0.5),
		otlp_value_bool(false),
		otlp_value_bytes(bytes),
	};
	struct otlp_attribute all[7] = {
		otlp_attr_str(OTLP_STR("a"), value),
		otlp_attr_int(OTLP_STR("b"), -1),
		otlp_attr_double(OTLP_STR("c"), 0.5),
		otlp_attr_bool(name, true),
		otlp_attr_bytes(otlp_str_from("e"), bytes),
		otlp_attr_array(OTLP_STR("f"), values, 4),
		otlp_attr_kvlist(OTLP_STR("g"), NULL, 0),
	};

	all[0].value = otlp_value_str(value);
	all[1].value = otlp_value_array(values, 4);
	all[2].value = otlp_value_kvlist(all, 2);
	return all[name.len % 7];
}

int open_library(struct otlp_library **ret);
int open_library(struct otlp_library **ret)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.ring_bytes[OTLP_SIGNAL_TRACES] = OTLP_RING_BYTES_MIN;
	return otlp_library_open(ret, &options) == OTLP_OK ? 0 : OTLP_ERR_INVALID;
}
SOURCE

# Log statements, in each form, with each type of value that OTLP_KV() takes (C99 has it not).
compile <<'SOURCE'
#include <otlpipe/logger.h>

static struct otlp_logger logger;

void statements(char *changed, bool flag, size_t count, const struct otlp_log_context *context);
void statements(char *changed, bool flag, size_t count, const struct otlp_log_context *context)
{
	const struct otlp_bytes bytes = {NULL, 0};

	if (flag)
		OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "no attributes");
	else
		OTLP_LOGF(&logger, OTLP_SEVERITY_WARN, "no arguments");
	OTLP_LOG_IN(&logger, context, OTLP_SEVERITY_INFO, changed, otlp_attr_bytes(OTLP_STR("b"), bytes));
	OTLP_LOGF_IN(&logger, context, OTLP_SEVERITY_INFO, (), "%s %zu", changed, count);
	OTLP_LOGF_IN(&logger, NULL, OTLP_SEVERITY_INFO,
		     (otlp_attr_int(OTLP_STR("a"), 1), otlp_attr_bool(OTLP_STR("b"), flag)), "%d", 1);
	otlp_logger_set_severity_min(&logger, OTLP_SEVERITY_DEBUG);
#if defined(__cplusplus) || __STDC_VERSION__ >= 201112L
	OTLP_LOG(&logger, OTLP_SEVERITY_INFO, "each type", OTLP_KV("bool", flag), OTLP_KV("char", changed[0]),
		 OTLP_KV("schar", (signed char)1), OTLP_KV("uchar", (unsigned char)1), OTLP_KV("short", (short)1),
		 OTLP_KV("ushort", (unsigned short)1), OTLP_KV("int", 1), OTLP_KV("uint", 1u), OTLP_KV("long", 1l),
		 OTLP_KV("ulong", 1ul), OTLP_KV("size", count), OTLP_KV("i64", (int64_t)1),
		 OTLP_KV("u64", (uint64_t)1), OTLP_KV("float", 1.5f), OTLP_KV("double", 1.5),
		 OTLP_KV("literal", "text"), OTLP_KV("text", changed), OTLP_KV("str", OTLP_STR("s")),
		 OTLP_KV("bytes", bytes), OTLP_KV("value", otlp_value_int(1)));
#endif
}
SOURCE
compile <"$abi" || { echo "the binary interface has changed: $abi" >&2; exit 1; }
# A compiler that optimises sees the bodies of the small functions; who reads declarations alone, as
# binding generators do, sees functions like any other.
bodies() { # options…
	printf '#include <otlpipe/otlpipe.h>\n' |
		"$compiler" -x "$language" -std="$standard" "$@" -I"$include" -E - | grep -c gnu_inline || true
}
[[ $(bodies -O2) -gt 0 && $(bodies -O0) -eq 0 ]] ||
	{ echo 'the small functions are not inlined, or hidden from binding generators' >&2; exit 1; }
echo "$# headers: $compiler $standard"
