/* SPDX-License-Identifier: Apache-2.0 */
/* A canvas on the terminal, by curses, and the keys. */
#ifndef OTLPIPE_CLI_TOP_SCREEN_H
#define OTLPIPE_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/top/canvas.h"

/* Keys beyond characters. */
enum screen_key {
	SCREEN_NONE = -1,
	SCREEN_UP = 0x10000,
	SCREEN_DOWN,
	SCREEN_PAGE_UP,
	SCREEN_PAGE_DOWN,
	SCREEN_HOME,
	SCREEN_END,
	SCREEN_BACKSPACE,
	SCREEN_ENTER,
	SCREEN_ESCAPE,
	SCREEN_RESIZE,
	SCREEN_GONE, /* the terminal has hung up */
	SCREEN_OTHER,
};

/** @return 0 or a negative errno */
int screen_begin(bool has_colours);
void screen_end(void);

void screen_size(unsigned *ret_rows, unsigned *ret_columns);

void screen_draw(const struct top_canvas *canvas);

/** Wait for a key. @return it; SCREEN_NONE: the time is over, or a signal has come */
int screen_key(int64_t wait_ns);

#endif
