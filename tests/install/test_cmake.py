#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is installed is found by CMake, by programs outside the tree, also where it was moved to.

usage: test_cmake.py BUILD_DIR --meson MESON [words of test names…]
"""
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness

HERE = pathlib.Path(__file__).resolve().parent
# Where a user's machine would have it found without being told, or compiled in another way.
UNSET = ("CMAKE_PREFIX_PATH", "CMAKE_GENERATOR", "CFLAGS", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH",
         "PKG_CONFIG_LIBDIR", "LD_LIBRARY_PATH", "CPATH", "LIBRARY_PATH", "DESTDIR")  # fmt: skip


def environment(pipe, **more):
    return {**{k: v for k, v in os.environ.items() if k not in UNSET}, **more}


def installed(pipe):
    """The prefix: staged, and then moved to where nobody installed it to."""
    stage = pipe.scratch / "stage"
    subprocess.run(
        [pipe.options["meson"], "install", "-C", str(pipe.build), "--no-rebuild", "--quiet"],
        env=environment(pipe, DESTDIR=str(stage)), check=True, capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    (config,) = stage.glob("**/cmake/otlpipe/otlpipeConfig.cmake")
    (header,) = stage.glob("**/include/otlpipe/otlpipe.h")
    moved = pipe.scratch / "moved to here"
    header.parents[2].rename(moved)
    text = "".join(p.read_text() for p in moved.glob("**/cmake/otlpipe/*"))
    for wrong in (str(pipe.build), str(harness.SOURCE), str(config.parents[2]), "@"):
        harness.check(wrong not in text, f"{wrong!r} is in the files for CMake")
    return moved


def cmake(pipe, *words, code=0):
    if shutil.which("cmake") is None:
        raise harness.Skip("cmake is not installed")
    done = subprocess.run(
        ["cmake", *map(str, words)], env=environment(pipe), text=True, capture_output=True,
        stdin=subprocess.DEVNULL, check=False,
    )
    said = done.stdout + done.stderr
    harness.check((done.returncode == 0) == (code == 0), f"cmake {words}: {done.returncode}\n{said}")
    # CMake breaks its lines where it likes.
    return " ".join(said.split())


def project(pipe):
    source = pipe.scratch / "a project"
    source.mkdir()
    shutil.copy(HERE / "CMakeLists.txt", source)
    for name in ("stranger.c", "stranger.cc"):
        shutil.copy(HERE / "stranger.c", source / name)
    return source


def configure(pipe, source, prefix, *words, code=0, build="build"):
    return cmake(pipe, "-S", source, "-B", pipe.scratch / build, f"-DCMAKE_PREFIX_PATH={prefix}",
                 "-G", "Ninja", *words, code=code)  # fmt: skip


def programs_in_c_and_cpp_are_built_by_what_was_installed_and_moved(pipe):
    source, prefix = project(pipe), installed(pipe)
    flags = "-Wall -Wextra -Werror -pedantic"
    configure(pipe, source, prefix, f"-DCMAKE_C_FLAGS={flags}", f"-DCMAKE_CXX_FLAGS={flags}",
              "-DSTRANGER_WANTS=" + version(prefix).rpartition(".")[0])  # fmt: skip
    cmake(pipe, "--build", pipe.scratch / "build")
    for name in ("c99-otlpipe", "c99-otlpipe_static", "c++17-otlpipe", "c++17-otlpipe_static"):
        program = pipe.scratch / "build" / name
        needed = subprocess.run(["readelf", "-dW", program], check=True, capture_output=True, text=True)
        is_shared = "libotlpipe.so.0" in needed.stdout
        harness.equal(is_shared, not name.endswith("static"), f"{name} is linked with the shared library")
        process = harness.Process(pipe, name, [program], {"OTLPIPE_DIR": str(pipe.runtime)})
        process.wait(0)
        harness.equal(process.out, "accepted 1\n", name)
    pipe.run("otlpipe-writer", "--dir", pipe.runtime, "--output", pipe.output, "--drain")
    harness.equal(pipe.verify()["spans"]["written_items"], 4, "spans of four programs")


def version(prefix):
    text = next(prefix.glob("include/otlpipe/version.h")).read_text()
    return ".".join(line.split()[2] for line in text.splitlines() if line.startswith("#define OTLP_VERSION"))


def another_version_is_refused_and_both_are_named(pipe):
    source, prefix = project(pipe), installed(pipe)
    own = version(prefix)
    major, minor, patch = map(int, own.split("."))
    wrong = [f"{major + 1}.0", f"{major}.{minor + 1}", f"{major}.{minor}.{patch + 1}"]
    if major == 0:
        wrong.append(f"0.{minor - 1}")
    for wanted in wrong:
        said = configure(pipe, source, prefix, f"-DSTRANGER_WANTS={wanted}", code=1)
        harness.check(f'requested version "{wanted}"' in said and f"version: {own}" in said, said)
    harness.check(major > 0 or f"{own} (while it is 0.x, only the same 0.x fits)" in said, said)
    for wanted in (f"{major}", f"{major}.{minor}", f"{own};EXACT", f"{major}.0...{own}", f"{own}...<99"):
        configure(pipe, source, prefix, f"-DSTRANGER_WANTS={wanted}")


def what_is_not_there_is_told_with_what_to_do(pipe):
    source, prefix = project(pipe), installed(pipe)
    said = configure(pipe, source, prefix, "-DSTRANGER_WANTS=COMPONENTS;espresso", code=1)
    harness.check("otlpipe has no component espresso; it has: opentelemetry." in said, said)
    for exporters in list(prefix.glob("lib*/**/libotlpipe-opentelemetry.so.*")):
        exporters.unlink()
    said = configure(pipe, source, prefix, "-DSTRANGER_WANTS=COMPONENTS;opentelemetry", code=1)
    harness.check("was built without opentelemetry-cpp" in said, said)
    harness.check("Debian 13: opentelemetry-cpp-dev" in said, said)
    # A wish is not a need.
    configure(pipe, source, prefix, "-DSTRANGER_WANTS=OPTIONAL_COMPONENTS;opentelemetry")
    (library,) = prefix.glob("lib*/**/libotlpipe.so.?.*")
    library.unlink()
    said = configure(pipe, source, prefix, code=1)
    harness.check(f"is not wholly installed: {library} is not there" in said, said)


if __name__ == "__main__":
    harness.run(
        [
            programs_in_c_and_cpp_are_built_by_what_was_installed_and_moved,
            another_version_is_refused_and_both_are_named,
            what_is_not_there_is_told_with_what_to_do,
        ],
        meson="meson",
    )
