/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are packed by gzip or zstd, unpacked while they are read. The bytes are not trusted.
 */
#ifndef OTLPIPE_CLI_UNPACK_H
#define OTLPIPE_CLI_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many of a file's first bytes tell whether it is packed. */
#define UNPACK_MAGIC_BYTES 4u

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

/** By the first bytes. Of fewer than UNPACK_MAGIC_BYTES it says what they may begin. */
enum packing packing_of(const uint8_t *first, size_t bytes);
const char *packing_name(enum packing packing);

struct unpack;

/** @return NULL: no memory */
struct unpack *unpack_open(enum packing packing);
void unpack_close(struct unpack *unpack); /* NULL is fine */

/**
 * Turn packed bytes into plain ones, as far as both have room.
 *
 * @param ret_used  of in, so many bytes are done with
 * @param ret_made  so many bytes are in out
 * @return 0; -EPROTO: what is packed is damaged; -EFBIG: it wants too much memory; -ENOMEM
 */
int unpack_step(struct unpack *unpack, const uint8_t *in, size_t in_bytes, size_t *ret_used,
		uint8_t *out, size_t out_bytes, size_t *ret_made);

/** The packed bytes end here: is that where they may? */
bool unpack_is_whole(const struct unpack *unpack);

/**
 * Unpack a message that is in memory.
 *
 * @param ret  the caller's to free()
 * @return 0; -EFBIG: more than bytes_max, or what unpack_step() says; -ENODATA: it is cut short
 */
int unpack_all(enum packing packing, const uint8_t *in, size_t in_bytes, size_t bytes_max,
	       uint8_t **ret, size_t *ret_bytes);

#endif
