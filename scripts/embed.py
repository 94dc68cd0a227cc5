#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C source of a text file: const char NAME[] with a NUL behind it, and NAME_bytes without.

usage: embed.py NAME INPUT OUTPUT
"""
import sys

NUMBERS_A_LINE = 20


def main(name, source, output):
    with open(source, "rb") as file:
        data = file.read()
    if b"\0" in data:
        sys.exit(f"embed: {source}: there is a NUL in it")
    with open(output, "w", encoding="ascii") as file:
        file.write("#include <stddef.h>\n\n")
        file.write(f"extern const char {name}[];\nextern const size_t {name}_bytes;\n\n")
        file.write(f"const char {name}[] = {{\n")
        for at in range(0, len(data), NUMBERS_A_LINE):
            line = data[at : at + NUMBERS_A_LINE]
            file.write("\t" + "".join(f"{byte if byte < 128 else byte - 256}," for byte in line) + "\n")
        file.write(f"\t0\n}};\nconst size_t {name}_bytes = {len(data)};\n")


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
