#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A picture of a terminal: what tmux has on a pane, as SVG.

usage: tmux capture-pane -e -p | screen_svg.py > docs/images/top.svg
"""
import html
import re
import sys

CELL_WIDTH, CELL_HEIGHT, MARGIN, FONT_SIZE = 8.4, 18, 12, 14
GROUND, TEXT = "#1c1f24", "#d7dae0"
COLOURS = {"31": "#ff6b6b", "32": "#7bd88f", "33": "#f2c94c", "34": "#6cb6ff", "35": "#d2a8ff", "36": "#76e3ea"}
SEQUENCE = re.compile(r"\x1b\[([0-9;]*)m|\x0e|\x0f|\x1b\([A-Z0-9]")


def runs(line, style):
    """(text, style) of the parts of a line that look alike; style is kept from line to line."""
    at = 0
    for found in SEQUENCE.finditer(line):
        if found.start() > at:
            yield line[at : found.start()], dict(style)
        at = found.end()
        for code in (found[1] or "0").split(";") if found[1] is not None else ():
            code = code.lstrip("0") or "0"
            if code == "0":
                style.clear()
            elif code in ("39", "49", "27", "22"):
                style.pop({"39": "colour", "27": "reverse", "22": "weight"}.get(code, ""), None)
            elif code in COLOURS:
                style["colour"] = COLOURS[code]
            elif code in ("1", "2"):
                style["weight"] = code
            elif code == "7":
                style["reverse"] = True
    if at < len(line):
        yield line[at:], dict(style)


def draw(text, style, column, row):
    x, y = MARGIN + column * CELL_WIDTH, MARGIN + row * CELL_HEIGHT
    width = len(text) * CELL_WIDTH
    colour = style.get("colour", TEXT)
    if style.get("reverse"):
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{CELL_HEIGHT}" fill="{colour}"/>'
        colour = GROUND
    # Blocks have no gaps between them as shapes, whatever font there is.
    for number, character in enumerate(text):
        if "\u2581" <= character <= "\u2588":
            height = (ord(character) - 0x2580) * CELL_HEIGHT / 8
            yield (
                f'<rect x="{x + number * CELL_WIDTH:.1f}" y="{y + CELL_HEIGHT - height:.1f}"'
                f' width="{CELL_WIDTH}" height="{height:.1f}" fill="{colour}"/>'
            )
    text = re.sub("[\u2581-\u2588]", " ", text)
    if text.strip() == "":
        return
    weight = ' font-weight="bold"' if style.get("weight") == "1" else ""
    dim = ' opacity="0.6"' if style.get("weight") == "2" else ""
    # So wide whatever font there is; blanks would be put together.
    shown = html.escape(text).replace(" ", "&#160;")
    yield (
        f'<text x="{x:.1f}" y="{y + 13.5}" fill="{colour}"{weight}{dim} textLength="{width:.1f}"'
        f' lengthAdjust="spacingAndGlyphs">{shown}</text>'
    )


def main():
    lines = sys.stdin.read().rstrip("\n").split("\n")
    style, shapes, columns = {}, [], 0
    for row, line in enumerate(lines):
        column = 0
        for text, look in runs(line, style):
            shapes += draw(text, look, column, row)
            column += len(text)
        columns = max(columns, column)
    width, height = 2 * MARGIN + columns * CELL_WIDTH, 2 * MARGIN + len(lines) * CELL_HEIGHT
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}"'
        f' font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT_SIZE}">'
    )
    print(f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>')
    print("\n".join(shapes))
    print("</svg>")


if __name__ == "__main__":
    main()
