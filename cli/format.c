/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats that people give to `otlpipe cat` and that it cannot read, by their first bytes. First
 * those with a magic, then what can only be told by its shape: JSON, frames, text.
 */
#include "cli/format.h"

#include <stdbool.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"
#include "shm/layout.h"
#include "shm/status.h"

#define UNPACK(tool) "unpack it first: " tool " -dc FILE | otlpipe cat --signal SIGNAL -"
#define NOT_READ     "otlpipe reads OTLP alone, as protobuf, frames or JSON"

static const struct {
	size_t offset;
	const char *magic;
	size_t magic_bytes;
	struct format format;
} magics[] = {
	/* Packed twice: once is unpacked here. */
	{0, "\x1f\x8b", 2, {"gzip", UNPACK("gzip")}},
	{0, "\x28\xb5\x2f\xfd", 4, {"zstd", UNPACK("zstd")}},
	{0, "\3757zXZ", 6, {"xz", UNPACK("xz")}},
	{0, "BZh", 3, {"bzip2", UNPACK("bzip2")}},
	{0, "\x04\x22\x4d\x18", 4, {"lz4", UNPACK("lz4")}},
	{0, "\xff\x06\0\0sNaPpY", 10, {"snappy frames", "unpack it first"}},
	{0, "PK\3\4", 4, {"a zip archive", "unpack it first, and give the files in it"}},
	{257, "ustar", 5, {"a tar archive", "unpack it first, and give the files in it"}},
	{0, "PAR1", 4, {"Parquet", NOT_READ "; DuckDB and pandas read this"}},
	{0, "ARROW1", 6, {"an Arrow file", NOT_READ}},
	{0, "\xff\xff\xff\xff", 4, {"an Arrow stream", NOT_READ}},
	{0, "Obj\1", 4, {"Avro", NOT_READ}},
	{0, "ORC", 3, {"ORC", NOT_READ}},
	{0, "SQLite format 3", 16, {"an SQLite database", NOT_READ}},
	{0, "\177ELF", 4, {"a program or a library", NOT_READ}},
};

static const struct format region = {
	"a region of a runtime directory",
	"it is not written yet: `otlpipe-writer --drain` writes it, `otlpipe stat` shows it",
};
static const struct format page = {
	"a page of a runtime directory",
	"it holds no telemetry; give the output directory of the writer",
};
static const struct format zeros = {
	"zeros",
	"space that was reserved for a file and never written; there is nothing to print",
};
static const struct format otlp_json = {
	"OTLP JSON in a list",
	"a file of OTLP JSON has one object after the other: take the brackets and commas between "
	"them away (jq -c '.[]')",
};
static const struct format json = {"JSON", NOT_READ};
static const struct format text = {"text", NOT_READ};
static const struct format frames = {
	"frames with a length of 4 bytes, and damaged in the first one",
	"make them again",
};
static const struct format grpc = {
	"gRPC frames",
	"otlpipe reads frames with a length alone: take the byte before each one away",
};
static const struct format delimited = {
	"messages with their length before them, as writeDelimitedTo() makes them",
	"otlpipe reads lengths of 4 bytes, big-endian, or plain messages: write them so",
};

static bool begins_with_u64(const uint8_t *first, size_t bytes, uint64_t magic)
{
	uint64_t word;

	if (bytes < sizeof(word))
		return false;
	memcpy(&word, first, sizeof(word));
	return word == magic;
}

static bool is_zeros(const uint8_t *first, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (first[i] != 0)
			return false;
	return bytes > 0;
}

/* Every message of ours and of others begins with field 1, a message. */
static bool is_message(const uint8_t *first, size_t bytes, size_t at)
{
	return at < bytes && first[at] == 0x0a;
}

static const struct format *guess_frames(const uint8_t *first, size_t bytes)
{
	size_t at = 0;

	/* A length in 4 bytes, big-endian, below 16 MiB; gRPC has a flag before it. */
	if (bytes > 5 && first[0] == 0 && is_message(first, bytes, 4))
		return &frames;
	if (bytes > 6 && first[0] <= 1 && first[1] == 0 && is_message(first, bytes, 5))
		return &grpc;
	while (at < 5 && at < bytes && first[at] >= 0x80)
		at++;
	if (at < bytes && first[0] != 0x0a && first[at] != 0 && is_message(first, bytes, at + 1))
		return &delimited;
	return NULL;
}

/* The last character may be cut off by the end of what is looked at. */
static bool is_text(const uint8_t *first, size_t bytes)
{
	size_t whole = bytes;

	for (size_t i = 0; i < bytes; i++)
		if (first[i] == 0x7f ||
		    (first[i] < ' ' && first[i] != '\t' && first[i] != '\n' && first[i] != '\r'))
			return false;
	while (whole > 0 && bytes - whole < 3 && first[whole - 1] >= 0x80)
		whole--;
	return utf8_is_valid((const char *)first, whole);
}

static bool has_word(const uint8_t *first, size_t bytes, const char *word)
{
	return memmem(first, bytes, word, strlen(word)) != NULL;
}

/* A text that begins with a brace or a bracket, and has a quoted key or an element in it. */
static const struct format *guess_text(const uint8_t *first, size_t bytes)
{
	size_t at = 0;

	if (!is_text(first, bytes))
		return NULL;
	while (at < bytes && (first[at] <= ' ' || first[at] == 0xef || first[at] == 0xbb ||
			      first[at] == 0xbf)) /* blanks, and the mark of UTF-8 */
		at++;
	if (at == bytes || (first[at] != '{' && first[at] != '['))
		return &text;
	if (has_word(first, bytes, "\"resourceSpans\"") ||
	    has_word(first, bytes, "\"resourceMetrics\"") ||
	    has_word(first, bytes, "\"resourceLogs\""))
		return &otlp_json;
	return &json;
}

const struct format *format_guess(const uint8_t *first, size_t bytes)
{
	const struct format *guess;

	if (first == NULL || bytes == 0)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(magics); i++) {
		if (bytes >= magics[i].offset + magics[i].magic_bytes &&
		    memcmp(first + magics[i].offset, magics[i].magic, magics[i].magic_bytes) == 0)
			return &magics[i].format;
	}
	if (begins_with_u64(first, bytes, REGION_MAGIC))
		return &region;
	if (begins_with_u64(first, bytes, CONTROL_MAGIC) ||
	    begins_with_u64(first, bytes, STATUS_MAGIC))
		return &page;
	if (is_zeros(first, bytes))
		return &zeros;
	guess = guess_text(first, bytes);
	return guess != NULL ? guess : guess_frames(first, bytes);
}
