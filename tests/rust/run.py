#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and tests the Rust crates below a build directory, against the writer that is built there.

usage: run.py --build DIR --writer FILE --tree DIR --meson FILE

Everything that cargo makes is kept in DIR, so that a second run compiles what changed only. Where
cargo is missing or too old, or the crates of Cargo.lock cannot be had, nothing runs (exit 77), loudly;
with CI=true that is a failure. What needs more than that (bindgen, valgrind, Miri, the oldest
compiler) runs where it is there, and is said not to have run where it is not.
"""
from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

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


def check_installed(cargo: str, build: str, tree: str, meson: str) -> bool:
    """OTLPIPE_SYS=system: linked to what `meson install` of a tree puts somewhere, refused without."""
    installed = os.path.join(build, "installed")
    shutil.rmtree(installed, ignore_errors=True)
    done = said([meson, "install", "-C", tree, "--no-rebuild", "--quiet", "--destdir", installed])
    found = glob.glob(installed + "/**/otlpipe.pc", recursive=True)
    if done.returncode != 0 or len(found) != 1:
        print(f"meson install: {found}\n{done.stdout[-2000:]}")
        return False
    # pkg-config splits what it answers at the blanks of a path, which the build directory may have.
    with tempfile.TemporaryDirectory(prefix="otlpipe-") as plain:
        root = os.path.join(plain, "root")
        os.symlink(installed, root)
        return link_installed(cargo, build, root, os.path.join(root, os.path.relpath(found[0], installed)))


def link_installed(cargo: str, build: str, root: str, found: str) -> bool:
    folder = os.path.dirname(found)
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": os.path.join(build, "system"),
        "OTLPIPE_SYS": "system",
        "PKG_CONFIG_LIBDIR": folder,
        "PKG_CONFIG_SYSROOT_DIR": root,
        "LD_LIBRARY_PATH": os.path.dirname(folder),
    }
    command = [cargo, "test", "--locked", "--quiet", "-p", "otlpipe-sys", "--test", "link"]
    done = run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(f"OTLPIPE_SYS=system: {done.stdout[-2000:]}")
        return False
    environment["PKG_CONFIG_LIBDIR"] = os.path.join(build, "nothing")
    done = run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode == 0 or "OTLPIPE_SYS=system, and pkg-config finds no otlpipe" not in done.stdout:
        print(f"OTLPIPE_SYS=system without an otlpipe: {done.stdout[-2000:]}")
        return False
    return True


def check_valgrind(build: str) -> bool:
    """The arena and the conversions, which hand pointers to C, under valgrind."""
    if shutil.which("valgrind") is None:
        banner("NOT RUN UNDER VALGRIND: it is not installed.")
        return True
    newest = sorted(glob.glob(build + "/debug/deps/otlpipe-*"), key=os.path.getmtime)
    programs = [path for path in newest if os.access(path, os.X_OK) and "." not in os.path.basename(path)]
    if not programs:
        print("cargo test has left no program of otlpipe's unit tests")
        return False
    done = said(["valgrind", "--quiet", "--error-exitcode=9", programs[-1], "--test-threads=1"])
    if done.returncode != 0:
        print(f"valgrind: {done.stdout[-3000:]}")
    return done.returncode == 0


def check_miri(cargo: str, build: str) -> bool:
    """The arena, the one part that hands out memory by itself, in Miri; the others call C, which it
    cannot run. Of that file alone, which needs no other crate, so that it takes seconds."""
    wanted = "rustup toolchain install nightly -c miri -c rust-src"
    if said([cargo, "+nightly", "miri", "--version"]).returncode != 0:
        banner(f"THE ARENA WAS NOT RUN IN MIRI: it is not installed ({wanted}).")
        return True
    package = os.path.join(build, "miri")
    os.makedirs(package, exist_ok=True)
    arena = os.path.join(WORKSPACE, "otlpipe", "src", "arena.rs")
    with open(os.path.join(package, "Cargo.toml"), "w", encoding="utf-8") as file:
        file.write(
            '[package]\nname = "arena"\nversion = "0.0.0"\nedition = "2021"\n'
            f"[lib]\npath = {json.dumps(arena)}\n[workspace]\n"
        )
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": os.path.join(package, "target"),
        # The standard library, compiled for it once: not in the home, where it would be otherwise.
        "MIRI_SYSROOT": os.path.join(package, "sysroot"),
        "RUSTFLAGS": "-Adead_code",
    }
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    made = run([cargo, "+nightly", "miri", "setup", "--quiet"], **options)
    if made.returncode != 0:
        banner(f"THE ARENA WAS NOT RUN IN MIRI: its library cannot be made ({wanted}):", made.stdout[-1000:])
        return True
    manifest = os.path.join(package, "Cargo.toml")
    done = run([cargo, "+nightly", "miri", "test", "--quiet", "--manifest-path", manifest, "--lib"], **options)
    if done.returncode != 0 or "test result: ok. 0 passed" in done.stdout:
        print(f"the arena in Miri: {done.stdout[-3000:]}")
        return False
    return True


def check_oldest(build: str) -> bool:
    """The oldest compiler that Cargo.toml names, where rustup has it."""
    rustup = shutil.which("rustup")
    installed = said([rustup, "toolchain", "list"]).stdout if rustup else ""
    if not re.search(rf"^{re.escape(oldest())}[.-]", installed, re.MULTILINE):
        banner(f"NOT COMPILED BY RUST {oldest()}: rustup toolchain install {oldest()}")
        return True
    name = re.search(rf"^{re.escape(oldest())}\S*", installed, re.MULTILINE)[0]
    # An older cargo keeps what it fetches elsewhere.
    environment = {**os.environ, "CARGO_TARGET_DIR": os.path.join(build, "oldest")}
    environment.pop("CARGO_NET_OFFLINE", None)
    command = [rustup, "run", name, "cargo"]
    # Of this platform alone: it cannot read all that others need.
    fetch_here = [*command, "fetch", "--locked", "--quiet", "--target", name.partition("-")[2]]
    if run(fetch_here, env=environment).returncode != 0:
        banner(f"NOT COMPILED BY RUST {oldest()}: it cannot fetch the crates.")
        return True
    return run([*command, "check", "--locked", "--quiet"], env=environment).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("build", "writer", "tree", "meson"):
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
    passed = check_installed(cargo, build, os.path.abspath(options.tree), options.meson) and passed
    passed = check_valgrind(build) and passed
    passed = check_miri(cargo, build) and passed
    passed = check_oldest(build) and passed
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
