#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Includes follow the layers: each folder may include what its row below allows, nothing else.

usage: check_layers.py ROOT
"""
import re
import sys

import sources

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

LIBC = set(
    """alloca.h argp.h assert.h byteswap.h ctype.h dirent.h dlfcn.h endian.h err.h errno.h error.h
    fcntl.h features.h fenv.h float.h fnmatch.h fts.h ftw.h getopt.h glob.h grp.h inttypes.h iso646.h langinfo.h
    libgen.h limits.h link.h locale.h malloc.h math.h memory.h netdb.h poll.h pthread.h pwd.h
    sched.h search.h semaphore.h setjmp.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h
    stdint.h stdio.h stdlib.h stdnoreturn.h string.h strings.h syslog.h termios.h threads.h time.h
    uchar.h unistd.h wchar.h wctype.h
    immintrin.h emmintrin.h x86intrin.h""".split()
)
LIBC_FOLDERS = ("arpa/", "asm/", "linux/", "net/", "netinet/", "sys/")

# Foreign libraries by name, so that a row can allow one of them.
FOREIGN = (
    ("ck", re.compile(r"^ck_\w+\.h$")),
    ("liburing", re.compile(r"^liburing(\.h|/.*)$")),
    ("protobuf-c", re.compile(r"^(protobuf-c/.*|.*\.pb-c\.h)$")),
    ("json-c", re.compile(r"^json-c/.*$")),
    ("systemd", re.compile(r"^systemd/sd-\w+\.h$")),
    ("uthash", re.compile(r"^ut(hash|list)\.h$")),
    ("curl", re.compile(r"^curl/.*$")),
    ("zstd", re.compile(r"^zstd(_errors)?\.h$")),
    ("zlib", re.compile(r"^zlib\.h$")),
    ("rdkafka", re.compile(r"^librdkafka/.*$")),
    ("microhttpd", re.compile(r"^microhttpd\.h$")),
    ("inih", re.compile(r"^ini\.h$")),
    ("curses", re.compile(r"^(curses|term)\.h$")),
    ("xxhash", re.compile(r"^(xxhash|xxh_x86dispatch)\.h$")),
)

DATA_HEADERS = re.compile(r"^otlpipe/(data|span|metric|error)\.h$")
PUBLIC_HEADERS = re.compile(r"^otlpipe/\w+\.h$")


def under(folder):
    return re.compile("^" + re.escape(folder))


BASE, SHM, RECORD = under("base/"), under("shm/"), under("core/record/")
RECORD_READ = re.compile(r"^core/record/(record|signal)\.h$")
SIGNAL = under("core/record/signal.h")
# Of shared memory what only looks, and of the batch file what only reads.
SHM_VIEW = re.compile(
    r"^shm/(budget|counters_view|filesystem|layout|region_name|region_view|ring|runtime|status)\.h$"
)
# What an open of the library would say, for the tool.
CHECK = re.compile(r"^core/check\.h$")
FILE_READ = re.compile(
    r"^writer/file/(batch|batch_scan|cursor|datadir|dataname|letgo|manifest_image|manifest_store|spool|unzst)\.h$"
)

STAT = re.compile(r"^cli/(openmetrics|stat_look|stat_view)\.h$")

# A row is a room: (its files, what they may include besides libc). The first row that matches counts.
LAYERS = (
    (under("core/include/"), (PUBLIC_HEADERS,)),
    (BASE, (BASE, "uthash")),
    (SHM, (SHM, BASE, "ck")),
    (RECORD, (RECORD, BASE, PUBLIC_HEADERS)),
    (under("core/"), (under("core/"), SHM, BASE, PUBLIC_HEADERS)),
    (
        under("writer/encode/"),
        (under("writer/encode/"), RECORD_READ, BASE, DATA_HEADERS, "xxhash"),
    ),
    (re.compile(r"^writer/io/io_uring\.c$"), (under("writer/io/"), BASE, "liburing")),
    (under("writer/io/"), (under("writer/io/"), BASE)),
    # What a file that fails leaves behind is kept in the runtime directory (rescue).
    (
        under("writer/file/"),
        (
            *(under("writer/file/"), under("writer/io/"), BASE, SIGNAL),
            *(under("shm/runtime.h"), "xxhash", "zstd"),
        ),
    ),
    # The writer's metrics about itself come from a producer like any other.
    (re.compile(r"^writer/self\.c$"), (under("writer/"), SHM, RECORD_READ, BASE, PUBLIC_HEADERS)),
    # The writer's own page for monitors shows what the tool sees, by the tool's look.
    (
        re.compile(r"^writer/http\.c$"),
        (under("writer/"), SHM, RECORD_READ, BASE, STAT, "microhttpd"),
    ),
    (
        re.compile(r"^writer/config\.c$"),
        (under("writer/"), SHM, RECORD_READ, BASE, DATA_HEADERS, "inih"),
    ),
    (under("writer/"), (under("writer/"), SHM, RECORD_READ, BASE, DATA_HEADERS)),
    (
        under("cli/"),
        (
            *(under("cli/"), FILE_READ, RECORD_READ, SHM_VIEW, CHECK, BASE, PUBLIC_HEADERS),
            *("protobuf-c", "json-c", "rdkafka", "systemd", "curl", "zlib", "zstd", "curses"),
        ),
    ),
    (under("examples/"), (PUBLIC_HEADERS, "microhttpd")),
)
ROOMS = ("base/", "shm/", "core/", "writer/", "cli/")
# These may include everything, and nobody outside includes them.
FREE = ("bench/", "tests/")


def allowed(include, rules):
    if include in LIBC or include.startswith(LIBC_FOLDERS):
        return True
    foreign = next((name for name, pattern in FOREIGN if pattern.match(include)), None)
    if foreign is not None:
        return foreign in rules
    return any(not isinstance(rule, str) and rule.match(include) for rule in rules)


def check(root):
    problems, checked = [], 0
    for name in sources.files(root, (".c", ".h")):
        if name.startswith(FREE):
            continue
        rules = next((rules for pattern, rules in LAYERS if pattern.match(name)), None)
        if rules is None:
            continue
        checked += 1
        for number, line in enumerate(sources.lines(root, name), 1):
            found = INCLUDE.match(line)
            if found is None:
                continue
            quote, include = found.groups()
            if not allowed(include, rules):
                problems.append(f"{name}:{number}: this layer may not include {include}")
            elif (quote == "<") == include.startswith(ROOMS):
                problems.append(
                    f'{name}:{number}: {include}: "" is for paths from the root, <> for the rest'
                )
    return problems, checked


if __name__ == "__main__":
    sources.report("layers", *check(sys.argv[1]))
