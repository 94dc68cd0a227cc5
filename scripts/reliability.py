#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fill the table of docs/reliability.md with what the tests have counted.

usage: reliability.py BUILD_DIR [DOCUMENT]

Reads meson's logs in BUILD_DIR, of each test the last run, and any other file there that is
named reliability-*.log (the output of a long run by hand). A test says in a line
`RELIABILITY {"fault":…, "how":…, "runs":…, "lost":…, "test":…}` what it did, also a test in C;
rows of the same fault and way are added up. "reported", where it is there, are items that the
files themselves have as lost; "lost" those that are gone without a word. Exit 1 if there is no
row, or if something was lost.
"""
import json
import pathlib
import re
import sys

LINE = re.compile(r"RELIABILITY (\{.*\})")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = "| fault | how it is produced | runs | lost | test |\n|---|---|---:|---:|---|\n"
COUNTS = ("runs", "lost", "reported")


def texts(build):
    """What each test has said when it ran last, in whichever of meson's logs; then long runs."""
    last = {}
    logs = build.glob("meson-logs/*.json")
    for log in sorted(logs, key=lambda path: path.stat().st_mtime):
        for line in log.read_text(encoding="utf-8").splitlines():
            test = json.loads(line)
            if isinstance(test, dict) and "RELIABILITY" in (test.get("stdout") or ""):
                last[test["name"]] = test["stdout"]
    yield from (text for _, text in sorted(last.items()))
    for path in sorted(build.glob("reliability-*.log")):
        yield path.read_text(encoding="utf-8")


def rows(build):
    found = {}
    for text in texts(build):
        for match in LINE.finditer(text):
            row = json.loads(match[1])
            key = (row["test"], row["fault"], row["how"])
            sums = found.setdefault(key, dict.fromkeys(COUNTS, 0))
            for name in COUNTS:
                sums[name] += row.get(name, 0)
    return found


def lost_text(sums):
    """0; or so many, of which the writer says which they are."""
    reported = f" ({sums['reported']:,} reported)" if sums["reported"] else ""
    return f"{sums['lost']:,}{reported}"


def main(build, document):
    found = rows(build)
    if not found:
        sys.exit(f"{build}: no test has said anything; run `meson test --suite unit --suite stress --suite attack` there")
    table = HEAD + "".join(
        f"| {fault} | {how} | {sums['runs']:,} | {lost_text(sums)} | `{test}` |\n"
        for (test, fault, how), sums in found.items()
    )
    text = document.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    document.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")
    return any(sums["lost"] for sums in found.values())


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    root = pathlib.Path(__file__).resolve().parent.parent
    target = sys.argv[2] if len(sys.argv) == 3 else root / "docs/reliability.md"
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(target)))
