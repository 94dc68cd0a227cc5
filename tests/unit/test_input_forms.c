/* SPDX-License-Identifier: Apache-2.0 */
/* Frames, OTLP JSON, gzip and zstd as input: what they are is told by their first bytes. */
#include "cli/input.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

/* ResourceSpans { schema_url: "abc" } as a field of TracesData, and so in JSON. */
static const uint8_t field[] = {0x0a, 0x05, 0x1a, 0x03, 'a', 'b', 'c'};
#define DOCUMENT "{\"resourceSpans\":[{\"schemaUrl\":\"abc\"}]}"

static int file_of(const void *bytes, size_t count)
{
	int fd = memfd_create("test_input_forms", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, count, 0), count);
	return fd;
}

static void open_bytes(struct input *input, const void *bytes, size_t count)
{
	input_open(input, file_of(bytes, count), false, UINT64_MAX);
}

static void open_text(struct input *input, const char *text)
{
	open_bytes(input, text, strlen(text));
}

static void assert_field(struct input *input, enum otlp_signal signal)
{
	struct chunk chunk;

	assert_int_equal(input_next(input, &chunk), 1);
	assert_int_equal(chunk.signal, signal);
	assert_int_equal(chunk.bytes, sizeof(field));
	assert_memory_equal(chunk.data, field, sizeof(field));
}

static void assert_result(const char *text, int expected)
{
	struct input input;
	struct chunk chunk;

	open_text(&input, text);
	assert_int_equal(input_next(&input, &chunk), expected);
	input_close(&input);
}

/* A frame of these bytes. */
static size_t frame_make(uint8_t *to, const void *bytes, size_t count)
{
	to[0] = to[1] = 0;
	to[2] = (uint8_t)(count >> 8);
	to[3] = (uint8_t)count;
	memcpy(to + 4, bytes, count);
	return count + 4;
}

static void a_document_may_stand_on_one_line_or_on_several(void **state)
{
	static const char text[] = "\xef\xbb\xbf \n" DOCUMENT "\n\r\n" DOCUMENT
				   "{\n \"resourceSpans\" : [\n {\"schemaUrl\":\"abc\"}\n ]\n}\n  ";
	struct input input;
	struct chunk chunk;

	(void)state;
	open_text(&input, text);
	for (unsigned i = 0; i < 3; i++)
		assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_int_equal(input_next(&input, &chunk), 0);
	assert_int_equal(input.form, INPUT_JSON);
	input_close(&input);
}

static void a_document_of_several_signals_gives_each(void **state)
{
	struct input input;
	struct chunk chunk;

	(void)state;
	open_text(&input, "{\"resourceLogs\":[{\"schemaUrl\":\"abc\"}],\"other\":[1,{}],"
			  "\"resourceSpans\":[{\"schemaUrl\":\"abc\",\"unknown\":null}],"
			  "\"resource_metrics\":[{\"schema_url\":\"abc\"}]}\n{}\n{\"a\":1}\n");
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_field(&input, OTLP_SIGNAL_METRICS);
	assert_field(&input, OTLP_SIGNAL_LOGS);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
}

static void a_document_that_is_wrong_is_told_with_its_kind_of_error(void **state)
{
	char *deep = calloc(1, 2000);

	(void)state;
	assert_non_null(deep);
	assert_result("{\"resourceSpans\":[{\"schemaUrl\":\"abc\"", -ENODATA);
	assert_result("{\"resourceSpans\":[{\"schemaUrl\":\"abc\"}}", -EBADMSG);
	assert_result("{\"resourceSpans\":5}", -EBADMSG);
	assert_result("{\"resourceSpans\":[5]}", -EBADMSG);
	assert_result("{\"resourceSpans\":[null]}", -EBADMSG);
	assert_result("{\"resourceSpans\":[{\"schemaUrl\":5}]}", -EBADMSG);
	assert_result("{\"resourceSpans\":[{\"schemaUrl\":\"\xff\"}]}", -EBADMSG);
	strcpy(deep, "{\"a\":");
	memset(deep + 5, '[', 1000);
	assert_result(deep, -ELOOP);
	free(deep);
}

static void damage_is_told_with_the_offset_of_its_place(void **state)
{
	struct input input;
	struct chunk chunk;

	(void)state;
	open_text(&input, DOCUMENT "\n" DOCUMENT "\n{\"resourceSpans\":}\n");
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_int_equal(input_next(&input, &chunk), -EBADMSG);
	assert_int_equal(input.offset, 2 * sizeof(DOCUMENT));
	input_close(&input);
}

static void a_document_that_still_grows_is_read_when_it_is_whole(void **state)
{
	struct input input;
	struct chunk chunk;

	(void)state;
	for (size_t cut = 8; cut < sizeof(DOCUMENT) - 1; cut++) {
		open_bytes(&input, DOCUMENT, cut);
		assert_int_equal(input_next(&input, &chunk), -ENODATA);
		assert_int_equal(pwrite(input.fd, DOCUMENT, sizeof(DOCUMENT) - 1, 0),
				 sizeof(DOCUMENT) - 1);
		assert_field(&input, OTLP_SIGNAL_TRACES);
		input_close(&input);
	}
}

static void frames_hold_protobuf_json_and_what_zstd_packed(void **state)
{
	uint8_t bytes[1024], packed[256];
	size_t at = 0, count;
	struct input input;
	struct chunk chunk;

	(void)state;
	at += frame_make(bytes + at, field, sizeof(field));
	at += frame_make(bytes + at, "", 0);
	at += frame_make(bytes + at, DOCUMENT, sizeof(DOCUMENT) - 1);
	count = ZSTD_compress(packed, sizeof(packed), field, sizeof(field), 3);
	at += frame_make(bytes + at, packed, count);
	count = ZSTD_compress(packed, sizeof(packed), DOCUMENT, sizeof(DOCUMENT) - 1, 3);
	at += frame_make(bytes + at, packed, count);
	open_bytes(&input, bytes, at);
	assert_field(&input, SIGNAL_NONE);
	assert_int_equal(input.form, INPUT_FRAMES);
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_field(&input, SIGNAL_NONE);
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
	/* Cut anywhere in the last one it is not whole. */
	for (size_t cut = 1; cut < count + 4; cut++) {
		int rc;

		open_bytes(&input, bytes, at - cut);
		while ((rc = input_next(&input, &chunk)) == 1)
			;
		assert_int_equal(rc, -ENODATA);
		input_close(&input);
	}
}

static void a_frame_that_lies_about_its_length_is_refused(void **state)
{
	uint8_t bytes[64] = {0};
	struct input input;
	struct chunk chunk;

	(void)state;
	memset(bytes + frame_make(bytes, field, sizeof(field)), 0x7f, 40);
	open_bytes(&input, bytes, sizeof(bytes));
	assert_field(&input, SIGNAL_NONE);
	assert_int_equal(input_next(&input, &chunk), -EFBIG);
	assert_int_equal(input.offset, 4 + sizeof(field));
	input_close(&input);
}

static void what_would_become_too_large_is_not_unpacked(void **state)
{
	static const uint8_t zeros[1 << 20];
	uint8_t packed[4096], *bytes;
	size_t count = ZSTD_compress(packed, sizeof(packed), zeros, sizeof(zeros), 1), made;

	(void)state;
	assert_false(ZSTD_isError(count));
	assert_int_equal(unpack_all(PACKING_ZSTD, packed, count, sizeof(zeros) - 1, &bytes, &made),
			 -EFBIG);
	assert_int_equal(unpack_all(PACKING_ZSTD, packed, count, sizeof(zeros), &bytes, &made), 0);
	assert_int_equal(made, sizeof(zeros));
	free(bytes);
}

static void a_document_in_a_frame_has_its_limit_too(void **state)
{
	const size_t bytes_max = INPUT_JSON_BYTES_MAX + 1;
	uint8_t *bytes = malloc(bytes_max + 4);
	struct input input;
	struct chunk chunk;

	(void)state;
	assert_non_null(bytes);
	memset(bytes, ' ', bytes_max + 4);
	memcpy(bytes, "\x02\0\0\x01{", 5);
	open_bytes(&input, bytes, bytes_max + 4);
	assert_int_equal(input_next(&input, &chunk), -EFBIG);
	input_close(&input);
	free(bytes);
}

static size_t gzip_make(uint8_t *to, size_t room, const void *bytes, size_t count)
{
	z_stream stream = {0};
	size_t made;

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	stream.next_in = (Bytef *)(uintptr_t)bytes;
	stream.avail_in = (uInt)count;
	stream.next_out = to;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	made = stream.total_out;
	deflateEnd(&stream);
	return made;
}

static size_t zstd_make(uint8_t *to, size_t room, const void *bytes, size_t count)
{
	const size_t made = ZSTD_compress(to, room, bytes, count, 3);

	assert_false(ZSTD_isError(made));
	return made;
}

static void what_is_packed_is_unpacked_whole_or_told_to_be_cut(void **state)
{
	static size_t (*const makers[])(uint8_t *, size_t, const void *, size_t) = {gzip_make,
										    zstd_make};
	static const enum packing packings[] = {PACKING_GZIP, PACKING_ZSTD};
	uint8_t bytes[1024];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct input input;
		struct chunk chunk;
		/* Two members one after the other, as cat a.gz b.gz makes them. */
		size_t first = makers[i](bytes, sizeof(bytes), field, sizeof(field)), at = first;

		at += makers[i](bytes + at, sizeof(bytes) - at, field, sizeof(field));
		open_bytes(&input, bytes, at);
		assert_field(&input, SIGNAL_NONE);
		assert_field(&input, SIGNAL_NONE);
		assert_int_equal(input.packing, packings[i]);
		assert_int_equal(input_next(&input, &chunk), 0);
		assert_int_equal(input_packed_offset(&input), at);
		input_close(&input);
		for (size_t cut = first + 5; cut < at; cut++) {
			int rc;

			open_bytes(&input, bytes, cut);
			while ((rc = input_next(&input, &chunk)) == 1)
				;
			assert_int_equal(rc, -ENODATA);
			input_close(&input);
		}
		/* Behind the members there is something else. */
		memset(bytes + at, 0x55, 16);
		open_bytes(&input, bytes, at + 16);
		assert_field(&input, SIGNAL_NONE);
		assert_field(&input, SIGNAL_NONE);
		assert_int_equal(input_next(&input, &chunk), -EPROTO);
		input_close(&input);
	}
}

static void packed_bytes_come_through_a_pipe_a_few_at_a_time(void **state)
{
	uint8_t bytes[256];
	const size_t count = zstd_make(bytes, sizeof(bytes), DOCUMENT, sizeof(DOCUMENT) - 1);
	struct input input;
	struct chunk chunk;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	if (fork() == 0) {
		close(fds[0]);
		for (size_t i = 0; i < count; i++)
			if (write(fds[1], bytes + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[1]);
	input_open(&input, fds[0], false, UINT64_MAX);
	assert_field(&input, OTLP_SIGNAL_TRACES);
	assert_int_equal(input_next(&input, &chunk), 0);
	input_close(&input);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_may_stand_on_one_line_or_on_several),
		cmocka_unit_test(a_document_of_several_signals_gives_each),
		cmocka_unit_test(a_document_that_is_wrong_is_told_with_its_kind_of_error),
		cmocka_unit_test(damage_is_told_with_the_offset_of_its_place),
		cmocka_unit_test(a_document_that_still_grows_is_read_when_it_is_whole),
		cmocka_unit_test(frames_hold_protobuf_json_and_what_zstd_packed),
		cmocka_unit_test(a_frame_that_lies_about_its_length_is_refused),
		cmocka_unit_test(what_would_become_too_large_is_not_unpacked),
		cmocka_unit_test(a_document_in_a_frame_has_its_limit_too),
		cmocka_unit_test(what_is_packed_is_unpacked_whole_or_told_to_be_cut),
		cmocka_unit_test(packed_bytes_come_through_a_pipe_a_few_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
