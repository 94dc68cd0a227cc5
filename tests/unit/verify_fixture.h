/* SPDX-License-Identifier: Apache-2.0 */
/* Output directories whose files are made by hand, and the verify that looked at them last. */
#ifndef OTLPIPE_TESTS_UNIT_VERIFY_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_VERIFY_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/verify.h"
#include "writer/file/batch.h"

#define BATCH_BUFFER (2u * BATCH_BLOCK_BYTES)
#define ID	     UINT64_C(0x1122334455667788)
#define EPOCH	     7u
#define OUT_DIRS     2

extern int out_fds[OUT_DIRS];
extern int out_fd; /* of the one in use */
extern struct verify verify;
extern uint64_t put_epoch; /* of what is put */

int verify_fixture_setup(void);
void verify_fixture_teardown(void);
void use_dir(unsigned dir);

/** ResourceSpans { scope_spans { spans {} … } } as a field of TracesData. */
size_t body_make(uint8_t *to, unsigned spans);

/** One batch with one entry, `spans` spans in it. */
size_t batch_make(uint8_t *to, uint64_t sequence, const struct batch_entry *entry, unsigned spans);

struct batch_entry entry_make(uint64_t from, uint64_t to, uint64_t items, uint64_t before);

void file_write(const char *name, const void *bytes, size_t count);
void name_make(char ret[96], unsigned sequence, const char *suffix);

/** Append a batch to the file with this number. */
void batch_put(unsigned file, uint64_t sequence, struct batch_entry entry);

/** At the directory in use; at the first so many. */
void look(const struct runtime_dir *runtime);
void look_at(size_t dir_count, const struct runtime_dir *runtime);

bool is_found(const struct verify_findings *findings, const char *text);
void assert_ok(void);

/** A problem that says this, and where: after the file's number the offset. */
void assert_problem(const char *text, const char *place);

#endif
