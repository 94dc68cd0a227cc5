/* SPDX-License-Identifier: Apache-2.0 */
/* Curses draws what has changed, and knows terminals; nothing else of the tool touches it. */
#include "cli/top/screen.h"

#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "cli/top/terminal.h"

/* A signal that comes just before the wait does not end it: no single wait is longer. */
#define WAIT_SLICE_MS 200
#define ESCAPE_MS     50 /* a key that sends several bytes sends them within this time */
#define RUN_MAX	      256

static SCREEN *screen;
static attr_t inks[TOP_INKS];
static bool is_coloured;

static void choose_inks(bool has_colours)
{
	is_coloured = has_colours && has_colors();
	inks[TOP_PLAIN] = A_NORMAL;
	inks[TOP_DIM] = A_DIM;
	inks[TOP_BOLD] = A_BOLD;
	inks[TOP_HEAD] = A_REVERSE;
	inks[TOP_GOOD] = A_NORMAL;
	inks[TOP_WARN] = A_BOLD;
	inks[TOP_BAD] = A_BOLD;
	if (!is_coloured)
		return;
	start_color();
	use_default_colors();
	init_pair(TOP_GOOD, COLOR_GREEN, -1);
	init_pair(TOP_WARN, COLOR_YELLOW, -1);
	init_pair(TOP_BAD, COLOR_RED, -1);
	inks[TOP_GOOD] = (attr_t)COLOR_PAIR(TOP_GOOD);
	inks[TOP_WARN] = (attr_t)COLOR_PAIR(TOP_WARN);
	inks[TOP_BAD] = A_BOLD | (attr_t)COLOR_PAIR(TOP_BAD);
}

int screen_begin(bool has_colours)
{
	int rc = terminal_guard();

	if (rc < 0)
		return rc;
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL) {
		terminal_release();
		return -EIO;
	}
	set_term(screen);
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	(void)curs_set(0);
	choose_inks(has_colours);
	return 0;
}

void screen_end(void)
{
	if (screen == NULL)
		return;
	/* One without a second screen would keep the page, and the shell would write over it. */
	erase();
	refresh();
	endwin();
	terminal_release();
	delscreen(screen);
	screen = NULL;
}

void screen_size(unsigned *ret_rows, unsigned *ret_columns)
{
	*ret_rows = (unsigned)getmaxy(stdscr);
	*ret_columns = (unsigned)getmaxx(stdscr);
}

static void draw_row(const struct top_canvas *canvas, unsigned row)
{
	const struct top_cell *cells = &canvas->cells[(size_t)row * canvas->columns];
	unsigned at = 0;

	while (at < canvas->columns) {
		const uint8_t ink = cells[at].ink;
		const unsigned begin = at;
		wchar_t run[RUN_MAX];
		int count = 0;

		for (; at < canvas->columns && cells[at].ink == ink && count < RUN_MAX; at++)
			if (cells[at].c != 0)
				run[count++] = cells[at].c;
		attrset((int)inks[ink]);
		mvaddnwstr((int)row, (int)begin, run, count);
	}
}

void screen_draw(const struct top_canvas *canvas)
{
	erase();
	for (unsigned row = 0; row < canvas->rows; row++)
		draw_row(canvas, row);
	attrset(A_NORMAL);
	refresh();
}

static int key_of(int key)
{
	switch (key) {
	case ERR:
		return SCREEN_NONE;
	case KEY_UP:
		return SCREEN_UP;
	case KEY_DOWN:
		return SCREEN_DOWN;
	case KEY_PPAGE:
		return SCREEN_PAGE_UP;
	case KEY_NPAGE:
		return SCREEN_PAGE_DOWN;
	case KEY_HOME:
		return SCREEN_HOME;
	case KEY_END:
		return SCREEN_END;
	case KEY_BACKSPACE:
	case '\b':
	case 0x7f:
		return SCREEN_BACKSPACE;
	case KEY_ENTER:
	case '\n':
	case '\r':
		return SCREEN_ENTER;
	case 0x1b:
		return SCREEN_ESCAPE;
	case KEY_RESIZE:
		return SCREEN_RESIZE;
	default:
		return key < 0x100 ? key : SCREEN_OTHER;
	}
}

int screen_key(int64_t wait_ns)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int key = key_of(getch());

	while (key == SCREEN_NONE && wait_ns > 0 && !terminal_is_told_to_end()) {
		const int64_t wait_ms = wait_ns / 1000000 + 1;
		const int slice_ms = wait_ms < WAIT_SLICE_MS ? (int)wait_ms : WAIT_SLICE_MS;
		const int rc = poll(&input, 1, slice_ms);

		wait_ns -= (int64_t)slice_ms * 1000000;
		/* Also after a signal: a new size of the terminal comes as a key. */
		key = key_of(getch());
		if (rc > 0 && key == SCREEN_NONE && (input.revents & (POLLHUP | POLLERR)) != 0)
			return SCREEN_GONE;
	}
	return key;
}
