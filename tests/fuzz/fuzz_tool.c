/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe cat`, `verify`, `flat`, `summary` and `trace` on a hostile file, in this process:
 * whatever the bytes, they end with one of their exit statuses. The first byte chooses the command,
 * the signal, the kind of file, and whether checksums are mended. Their output is taken and
 * forgotten: the tool's own closes stdout at the end of a command, and keeps its first error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "cli/tool.h"
#include "tests/fuzz/fuzz.h"
#include "writer/file/batch.h"
#include "writer/file/datafile.h"

#define IS_METRICS    0x01
#define MEND_CHECKSUM 0x02
#define IS_VERIFY     0x04 /* or, with one of the next two, another that reads a directory */
#define IS_OPEN	      0x08
#define IS_FRAMES     0x10
#define IS_WHOLE_DIR  0x20
#define IS_LOGS	      0x40 /* whatever IS_METRICS says */
#define IS_TEXT	      0x80 /* without IS_FRAMES */

static int dirfd_here = -1;
static uint64_t written_bytes;

static void mend(uint8_t *bytes, size_t count)
{
	struct batch_head head;
	size_t at = 0;

	while (at < count && batch_parse_head(bytes + at, count - at, &head) == 0 &&
	       head.batch_bytes <= count - at) {
		const size_t from = offsetof(struct batch_head, batch_bytes);

		head.checksum = XXH3_64bits(bytes + at + from, head.batch_bytes - from);
		memcpy(bytes + at + offsetof(struct batch_head, checksum), &head.checksum,
		       sizeof(head.checksum));
		at += head.batch_bytes;
	}
}

int tool_write(const void *bytes, size_t count)
{
	FUZZ_CHECK(count == 0 || bytes != NULL);
	written_bytes += count;
	return 0;
}

bool tool_output_is_coloured(void)
{
	return true;
}

int tool_flush(void)
{
	return 0;
}

void tool_write_json(json_object *document)
{
	const char *text = json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN);

	FUZZ_CHECK(text != NULL);
	tool_write(text, strlen(text));
	json_object_put(document);
}

int tool_finish(int status)
{
	return status;
}

bool tool_rest(int64_t ns)
{
	(void)ns;
	return false;
}

bool tool_wait_input(int fd)
{
	(void)fd;
	return false;
}

static void open_once(void)
{
	if (dirfd_here >= 0)
		return;
	dirfd_here = open(fuzz_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(dirfd_here >= 0);
}

static int run_reader(unsigned what)
{
	static char verify[] = "otlpipe verify", summary[] = "otlpipe summary";
	static char flat[] = "otlpipe flat", trace[] = "otlpipe trace";
	static char json[] = "--json", csv[] = "--format=csv", errors[] = "--errors";
	char *dir = (char *)(uintptr_t)fuzz_dir();

	switch (what & (IS_FRAMES | IS_TEXT)) {
	case 0:
		return verify_main(3, (char *[]){verify, json, dir, NULL});
	case IS_FRAMES:
		return flat_main(3, (char *[]){flat, csv, dir, NULL});
	case IS_TEXT:
		return summary_main(3, (char *[]){summary, json, dir, NULL});
	default:
		return trace_main(3, (char *[]){trace, errors, dir, NULL});
	}
}

static int run(unsigned what, const char *path)
{
	static char cat[] = "otlpipe cat";
	static char frames[] = "--format=frames", all[] = "--format=json", text[] = "--format=text";
	char *words[4] = {0};

	if (what & IS_VERIFY)
		return run_reader(what);
	words[0] = cat;
	words[1] = what & IS_FRAMES ? frames : what & IS_TEXT ? text : all;
	words[2] = (char *)(uintptr_t)(what & IS_WHOLE_DIR ? fuzz_dir() : path);
	return cat_main(3, words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct data_name open_name, name;
	struct data_dir dir;
	char path[512];
	uint8_t *bytes;
	unsigned what;
	int status;

	if (size < 1)
		return 0;
	open_once();
	what = data[0];
	bytes = malloc(size);
	FUZZ_CHECK(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	if (what & MEND_CHECKSUM)
		mend(bytes, size - 1);
	FUZZ_CHECK(data_dir_open(dirfd_here,
				 signal_name(what & IS_LOGS	 ? OTLP_SIGNAL_LOGS
					     : what & IS_METRICS ? OTLP_SIGNAL_METRICS
								 : OTLP_SIGNAL_TRACES),
				 &dir) == 0);
	data_name_make(dir.signal, 0, 1, &open_name);
	data_name_as(&open_name, what & IS_OPEN ? DATA_OPEN : DATA_SEALED, 0, &name);
	fuzz_put_file(dir.fd, name.name, bytes, size - 1);
	snprintf(path, sizeof(path), "%s/%s/%s", fuzz_dir(), dir.signal, name.name);
	status = run(what, path);
	FUZZ_CHECK(status == TOOL_OK || status == TOOL_FAILED || status == TOOL_USAGE);
	FUZZ_CHECK(unlinkat(dir.fd, name.name, 0) == 0);
	data_dir_close(&dir);
	free(bytes);
	return 0;
}
