#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and tests the Rust crates below a build directory, against the writer that is built there.

usage: run.py --build DIR --writer FILE

Everything that cargo makes is kept in DIR, so that a second run compiles what changed only. Where
cargo is missing or too old, or the crates of Cargo.lock cannot be had, nothing runs (exit 77), loudly;
with CI=true that is a failure. What needs more than that (bindgen, the oldest compiler) runs where it
is there, and is said not to have run where it is not.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WORKSPACE = os.path.join(ROOT, "rust")
SYS = os.path.join(WORKSPACE, "otlpipe-sys")
SKIP = 77


class Missing(Exception):
    """What the tests need is not on this machine."""


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=WORKSPACE, stdin=subprocess.DEVNULL, text=True, **options
    )  # fmt: skip


def said(command: list[str]) -> subprocess.CompletedProcess[str]:
    return run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (0, 0)


def oldest() -> str:
    with open(os.path.join(WORKSPACE, "Cargo.toml"), encoding="utf-8") as file:
        found = re.search(r'^rust-version = "([\d.]+)"$', file.read(), re.MULTILINE)
    assert found, "Cargo.toml names the oldest compiler"
    return found[1]


def find_cargo() -> str:
    # rustup puts it there, and a login that was made before does not have that in its PATH.
    path = os.environ.get("PATH", "") + os.pathsep + os.path.expanduser("~/.cargo/bin")
    cargo = shutil.which("cargo", path=path)
    if cargo is None:
        raise Missing("there is no cargo; README.md says where it comes from")
    os.environ["PATH"] = os.path.dirname(cargo) + os.pathsep + os.environ["PATH"]
    version = said([cargo, "--version"])
    if version.returncode != 0 or numbers(version.stdout) < numbers(oldest()):
        raise Missing(f"{cargo} is too old, {oldest()} is needed: {version.stdout.strip()}")
    return cargo


def fetch(cargo: str) -> None:
    """The crates, from crates.io or from what cargo has of them."""
    done = said([cargo, "fetch", "--locked"])
    if done.returncode != 0 and said([cargo, "fetch", "--locked", "--offline"]).returncode != 0:
        raise Missing(f"the crates of rust/Cargo.lock cannot be had:\n{done.stdout[-2000:]}")
    os.environ["CARGO_NET_OFFLINE"] = "true"


def banner(*lines: str) -> None:
    print("=" * 78, *lines, "=" * 78, sep="\n", flush=True)


def check_bindings(build: str) -> bool:
    """What bindgen makes of the headers now, where it is installed."""
    if shutil.which("bindgen") is None:
        banner(
            "NOT COMPARED WITH BINDGEN: it is not installed (cargo install bindgen-cli).",
            "otlpipe-sys/tests/layout.rs compares the bindings with the C compiler.",
        )
        return True
    fresh = os.path.join(build, "bindings.rs")
    done = said([os.path.join(SYS, "bindgen.sh"), fresh])
    if done.returncode != 0:
        banner("NOT COMPARED WITH BINDGEN: it does not run (libclang?):", done.stdout[-1000:])
        return True
    with open(fresh, encoding="utf-8") as one:
        with open(os.path.join(SYS, "src", "bindings.rs"), encoding="utf-8") as other:
            if one.read().split() == other.read().split():
                return True
    print(f"rust/otlpipe-sys/src/bindings.rs is not what bindgen.sh makes: {fresh}")
    return False


def check_packages(cargo: str) -> bool:
    """Both packages have what they need: the library's sources are links in the tree."""
    done = said([cargo, "package", "--locked", "--allow-dirty", "--no-verify", "--quiet"])
    if done.returncode != 0:
        print(f"cargo package: {done.stdout}")
        return False
    listed = said([cargo, "package", "--list", "--allow-dirty", "-p", "otlpipe-sys"]).stdout.split()
    for room in ("base", "core", "core/record", "shm"):
        folder = os.path.join(ROOT, room)
        for name in sorted(os.listdir(folder)):
            if name.endswith((".c", ".h")) and f"vendor/{room}/{name}" not in listed:
                print(f"the package of otlpipe-sys lacks vendor/{room}/{name}")
                return False
    return True


def check_oldest(cargo: str) -> bool:
    """The oldest compiler that Cargo.toml names, where rustup has it."""
    rustup = shutil.which("rustup")
    installed = said([rustup, "toolchain", "list"]).stdout if rustup else ""
    if not re.search(rf"^{re.escape(oldest())}[.-]", installed, re.MULTILINE):
        banner(f"NOT COMPILED BY RUST {oldest()}: rustup toolchain install {oldest()}")
        return True
    name = re.search(rf"^{re.escape(oldest())}\S*", installed, re.MULTILINE)[0]
    done = run([rustup, "run", name, "cargo", "check", "--locked", "--quiet"])
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("build", "writer"):
        parser.add_argument("--" + name, required=True)
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    os.makedirs(build, exist_ok=True)
    os.environ["CARGO_TARGET_DIR"] = build
    os.environ["OTLPIPE_WRITER"] = os.path.abspath(options.writer)
    os.environ["OTLPIPE_SYS"] = "vendored"
    try:
        cargo = find_cargo()
        fetch(cargo)
    except Missing as why:
        is_ci = os.environ.get("CI") == "true"
        banner(
            f"THE RUST TESTS DID NOT RUN: {why}",
            "With CI=true this is a failure." if is_ci else "They are skipped here.",
        )
        return 1 if is_ci else SKIP
    passed = run([cargo, "test", "--locked", "--quiet", "--no-fail-fast"]).returncode == 0
    passed = check_bindings(build) and passed
    passed = check_packages(cargo) and passed
    passed = check_oldest(cargo) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
