#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an installer of wheels would write beside the Python package: its name, its version, and the
entry points by which the SDK finds the exporters. For a package of a distribution.

usage: python-metadata.py PYPROJECT DIRECTORY
"""
import pathlib
import re
import sys
import tomllib


def main():
    source, directory = map(pathlib.Path, sys.argv[1:3])
    project = tomllib.loads(source.read_text(encoding="utf-8"))["project"]
    header = source.parent.parent / "core/include/otlpipe/version.h"
    numbers = re.findall(r"^#define OTLP_VERSION_\w+ (\d+)", header.read_text(encoding="utf-8"), re.MULTILINE)
    version = ".".join(numbers)
    info = directory / f"{project['name']}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {version}",
             f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}",
             f"License: {project['license']['text']}"]  # fmt: skip
    for extra, needed in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {name} ; extra == "{extra}"' for name in needed]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    points = []
    for group, names in project["entry-points"].items():
        points += [f"[{group}]", *(f"{name} = {target}" for name, target in names.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(points), encoding="utf-8")
    (info / "INSTALLER").write_text("debian\n", encoding="utf-8")


if __name__ == "__main__":
    main()
