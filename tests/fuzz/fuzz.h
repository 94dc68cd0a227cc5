/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzz targets share: a directory that vanishes at the end, and a reader of the input
 * that gives zeros where the input is over.
 */
#ifndef OTLPIPE_TESTS_FUZZ_FUZZ_H
#define OTLPIPE_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert() never compiled out, and a finding. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

__attribute__((noreturn)) void fuzz_fail(const char *what, const char *file, int line);

/**
 * A private directory on tmpfs, made at the first call: below $OTLPIPE_FUZZ_DIR, which who runs the
 * target removes, so that a crash leaves nothing either; else in /dev/shm, removed at exit.
 */
const char *fuzz_dir(void);

/** Make a file of exactly these bytes. */
void fuzz_put_file(int dirfd, const char *name, const uint8_t *bytes, size_t count);

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

void fuzz_take(struct fuzz_input *input, void *ret, size_t bytes);
uint8_t fuzz_take_u8(struct fuzz_input *input);
uint16_t fuzz_take_u16(struct fuzz_input *input);
uint64_t fuzz_take_u64(struct fuzz_input *input);

#endif
