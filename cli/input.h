/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of telemetry as chunks of OTLP protobuf: runs of whole top-level fields of a TracesData,
 * MetricsData or LogsData. What the file is, its first bytes tell:
 *
 *   batches of ours    a chunk is a batch, with its head and its ledger
 *   OTLP protobuf      a chunk is one field
 *   frames             length (4 bytes, big-endian) and a message; a chunk is a message. The
 * message may be JSON, and packed by zstd, as the Collector's file exporter writes it OTLP JSON
 * documents one after the other, mostly one a line; a chunk is what a document has of one signal,
 * as protobuf
 *
 * All of it may be packed by gzip or zstd. The bytes are not trusted, and a file that is not packed
 * may grow or be cut while it is read.
 */
#ifndef OTLPIPE_CLI_INPUT_H
#define OTLPIPE_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/format.h"
#include "cli/input_state.h"
#include "core/record/signal.h"

/** Takes over the descriptor. */
void input_open(struct input *input, int fd, bool is_open, uint64_t limit_bytes);
void input_close(struct input *input);

/**
 * A batch is handed out when its checksum is right. In a file that is written, a wrong one is a
 * batch that is not whole yet.
 *
 * @return 1: a chunk; 0: the end, at a boundary of chunks; -ENODATA: the rest is not a whole
 *         chunk (yet); -EBADMSG: no protobuf, or no OTLP JSON; -EUCLEAN: a batch with a wrong
 *         checksum; -EFBIG: more than INPUT_CHUNK_BYTES_MAX or INPUT_JSON_BYTES_MAX; -ELOOP: JSON
 *         nested too deep; -EPROTO: what is packed is damaged; -ECANCELED: may_read() said no; or
 *         what reading gave.
 * After 0 or an error the next call reads the same place again, if the file allows it; one that is
 * packed does not.
 */
int input_next(struct input *input, struct chunk *ret);

/** Where in a packed file the reader is: how many packed bytes were unpacked. */
uint64_t input_packed_offset(const struct input *input);

/** For a file that is not OTLP: what it looks like; NULL: like nothing known, or it is empty. */
const struct format *input_guess(struct input *input);

#endif
