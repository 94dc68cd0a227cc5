/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text in columns of a terminal: what would move its cursor, turn its direction or is no
 * UTF-8 is escaped (\n, \x1b, \u202e), and what is too wide is cut, with … at its end.
 */
#ifndef OTLPIPE_CLI_SHOW_TEXT_H
#define OTLPIPE_CLI_SHOW_TEXT_H

#include "cli/grow.h"
#include "cli/otlp_view.h"

/** @return the columns that it takes, columns_max at most */
size_t show_text(struct grow *grow, struct view_bytes text, size_t columns_max);

/** The same, filled up with blanks. */
void show_padded(struct grow *grow, struct view_bytes text, size_t columns);

/** A time since 1970: 2026-11-28T09:15:44.123Z; "-" for 0. */
#define SHOW_TIME_BYTES 48
const char *show_time_text(uint64_t time_ns, char text[SHOW_TIME_BYTES]);
void show_time(struct grow *grow, uint64_t time_ns);

/** A duration for people, of three or four digits: 850 ns, 12.3 us, 1.23 ms, 45.6 s, 3 m 20 s. */
#define SHOW_DURATION_BYTES 32
const char *show_duration(uint64_t ns, char text[SHOW_DURATION_BYTES]);

/** A number for people: 12, 0.125, 1.23e+09. */
#define SHOW_NUMBER_BYTES 32
const char *show_number(double number, char text[SHOW_NUMBER_BYTES]);

#endif
