#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the Python tests below a build directory, against what is built there.

usage: run.py plain  --build DIR --writer FILE --tool FILE --extension FILE
       run.py sdk    --build DIR --writer FILE --tool FILE [--sanitize]

plain: the tests that need no SDK, with this interpreter and the extension that meson built.
sdk:   builds the wheel into a virtual environment with the SDK from PyPI, and runs all of them;
       --sanitize builds it with AddressSanitizer and UBSan, and runs them under that.

The environment is kept, so that a second run needs no network. Where PyPI cannot be reached the
tests that need it are skipped (exit 77), loudly; with CI=true that is a failure.
"""
from __future__ import annotations

import argparse
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGE = os.path.join(ROOT, "python")
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
PLAIN = ["test_plain"]
SKIP = 77
# Under AddressSanitizer each export is many times slower, and its shadow grows with what is used.
# test_parquet has nothing of the extension in it.
SANITIZED_OUT = {"test_memory", "test_instrument", "test_parquet"}


class Unreachable(Exception):
    """What the tests need from PyPI could not be had."""


def digest(names: list[str]) -> str:
    found = hashlib.sha256(sys.version.encode())
    for name in sorted(names):
        with open(name, "rb") as file:
            found.update(name.encode() + b"\0" + file.read() + b"\0")
    return found.hexdigest()


def sources() -> list[str]:
    """What the wheel is made of."""
    patterns = [
        os.path.join(folder, pattern)
        for folder in (*(os.path.join(ROOT, room) for room in ("base", "core", "shm")), PACKAGE)
        for pattern in ("**/*.[ch]", "**/*.py", "**/*.pyi", "meson.build", "pyproject.toml")
    ]
    names = {name for pattern in patterns for name in glob.glob(pattern, recursive=True)}
    tests = os.path.join(PACKAGE, "tests") + os.sep
    return [name for name in names if not name.startswith(tests)]


def is_stamped(stamp: str, value: str) -> bool:
    try:
        with open(stamp, encoding="ascii") as file:
            return file.read() == value
    except OSError:
        return False


def set_stamp(stamp: str, value: str) -> None:
    with open(stamp, "w", encoding="ascii") as file:
        file.write(value)


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, **options,
    )  # fmt: skip


def make_environment(folder: str) -> None:
    """A virtual environment with the requirements; only what changed is done again."""
    stamp, wanted = os.path.join(folder, "stamp"), digest([REQUIREMENTS])
    if is_stamped(stamp, wanted):
        return
    shutil.rmtree(folder, ignore_errors=True)
    done = run([sys.executable, "-m", "venv", folder])
    if done.returncode != 0:
        sys.exit(f"no virtual environment can be made (python3-venv?):\n{done.stdout}")
    pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "--disable-pip-version-check"]
    done = run([*pip, "install", "--quiet", "--retries", "1", "-r", REQUIREMENTS])
    if done.returncode != 0:
        raise Unreachable(done.stdout[-2000:])
    set_stamp(stamp, wanted)


def build_wheel(folder: str, environment: str, sanitize: bool) -> str:
    """The wheel, installed into a folder of its own; returns that."""
    target = os.path.join(folder, "site-asan" if sanitize else "site")
    stamp, wanted = target + ".stamp", digest(sources())
    if is_stamped(stamp, wanted):
        return target
    shutil.rmtree(target, ignore_errors=True)
    settings = ["--config-settings=build-dir=" + target + ".build"]
    if sanitize:
        settings += ["--config-settings=setup-args=-Db_sanitize=address,undefined"]
    binaries = os.path.join(environment, "bin")
    done = run(
        [os.path.join(binaries, "python"), "-m", "pip", "--disable-pip-version-check", "install",
         "--no-deps", "--no-build-isolation", "--target", target, *settings, PACKAGE],
        env={**os.environ, "PATH": binaries + os.pathsep + os.environ["PATH"]},
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"the wheel cannot be built:\n{done.stdout}")
    set_stamp(stamp, wanted)
    return target


def stage(folder: str, extension: str) -> str:
    """The package as it would be installed, with the extension that meson built."""
    target = os.path.join(folder, "stage")
    shutil.rmtree(target, ignore_errors=True)
    package = os.path.join(target, "otlpipe")
    shutil.copytree(
        os.path.join(PACKAGE, "src", "otlpipe"), package, ignore=shutil.ignore_patterns("__*__")
    )
    shutil.copy(os.path.join(PACKAGE, "src", "otlpipe", "__init__.py"), package)
    shutil.copy(extension, os.path.join(package, "_native.abi3.so"))
    return target


def sanitizer_environment() -> dict[str, str]:
    """CPython is not sanitized: the runtime comes first, and its own leaks are its own."""
    libraries = [
        run(["gcc", "-print-file-name=" + name]).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    return {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "PYTHONMALLOC": "malloc",  # so that each object is guarded, not an arena of them
    }


def run_tests(python: str, tests: list[str], folder: str, path: list[str], **more: str) -> int:
    scratch = os.path.join(folder, "run-" + str(os.getpid()))
    os.makedirs(scratch)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*path, os.path.join(PACKAGE, "tests")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OTLPIPE_SOURCE_ROOT": ROOT,
        **more,
    }
    command = [python, "-X", "faulthandler", "-m", "unittest", "--verbose", *tests]
    try:
        return subprocess.run(command, cwd=scratch, env=environment).returncode
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def skip(why: Unreachable) -> int:
    is_ci = os.environ.get("CI") == "true"
    print("=" * 78)
    print("THE PYTHON TESTS WITH THE OPENTELEMETRY SDK DID NOT RUN: PyPI cannot be reached, or")
    print("lacks what tests/python/requirements.txt names. Those that need no SDK do run.")
    print("With CI=true this is a failure." if is_ci else "They are skipped here.")
    print(f"pip said:\n{why}")
    print("=" * 78)
    return 1 if is_ci else SKIP


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("mode", choices=("plain", "sdk"))
    for name in ("build", "writer", "tool"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--extension")
    parser.add_argument("--sanitize", action="store_true")
    options = parser.parse_args()
    os.environ["OTLPIPE_WRITER"] = os.path.abspath(options.writer)
    os.environ["OTLPIPE_TOOL"] = os.path.abspath(options.tool)
    folder = os.path.abspath(options.build)
    os.makedirs(folder, exist_ok=True)
    if options.mode == "plain":
        site = stage(folder, os.path.abspath(options.extension))
        return run_tests(sys.executable, PLAIN, folder, [site])

    environment = os.path.join(folder, "venv")
    with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two of these may run at once
        try:
            make_environment(environment)
        except Unreachable as why:
            return skip(why)
        site = build_wheel(folder, environment, options.sanitize)
    names = {os.path.basename(name)[:-3] for name in glob.glob(PACKAGE + "/tests/test_*.py")}
    more = {}
    if options.sanitize:
        names -= SANITIZED_OUT
        more = sanitizer_environment()
    python = os.path.join(environment, "bin", "python")
    return run_tests(python, sorted(names), folder, [site], **more)


if __name__ == "__main__":
    sys.exit(main())
