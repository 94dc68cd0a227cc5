#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is installed is found by CMake, by programs outside the tree, also where it was moved to.

usage: test_cmake.py BUILD_DIR --meson MESON [words of test names…]
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from log_records import attributes, records

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
        # Where a path begins: the tree may be /otlpipe, and "…}/otlpipe" stands there.
        found = re.search(r"(?<![\w}])" + re.escape(wrong), text)
        harness.check(found is None, f"{wrong!r} is in the files for CMake")
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


# ---- opentelemetry-cpp ----


def with_exporters(pipe):
    prefix = installed(pipe)
    if not list(prefix.glob("lib*/**/libotlpipe-opentelemetry.so")):
        raise harness.Skip("built without opentelemetry-cpp, which this system does not have")
    return prefix


def built(pipe, source, prefix):
    # The SDK's headers are not ours: what they would be warned of is not asked for.
    configure(pipe, source, prefix)
    cmake(pipe, "--build", pipe.scratch / "build")


def run_program(pipe, name, *arguments, code=0):
    program = pipe.scratch / "build" / name
    process = harness.Process(pipe, name, [program, *arguments], {"OTLPIPE_DIR": str(pipe.runtime)})
    process.wait(code)
    return process


def spans_of(pipe):
    lines = [json.loads(line) for line in pipe.tool("cat", pipe.output / "traces").out.splitlines()]
    return [
        {**span, "resource": attributes(resource["resource"]["attributes"])}
        for line in lines
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def the_example_for_opentelemetry_cpp_writes_spans_metrics_and_logs(pipe):
    source, prefix = pipe.scratch / "the example", with_exporters(pipe)
    shutil.copytree(harness.SOURCE / "examples" / "opentelemetry-cpp", source)
    built(pipe, source, prefix)
    texts = {"one": "a\nb\nc\n", "two": "no end of line"}
    for name, text in texts.items():
        (pipe.scratch / name).write_text(text)
    paths = {name: str(pipe.scratch / name) for name in ("one", "two", "not there")}
    writer = pipe.writer()
    process = run_program(pipe, "count-lines", *paths.values(), code=1)
    writer.stop()
    expected = [f"3 {paths['one']}", f"1 {paths['two']}", f"-1 {paths['not there']}"]
    harness.equal(process.out.splitlines(), expected, "what it prints")
    found = pipe.verify()
    written = [found[name]["written_items"] for name in ("spans", "logs")]
    harness.equal(written, [4, 1], "spans and logs")

    spans = spans_of(pipe)
    (whole,) = [span for span in spans if span["name"] == "count all"]
    files = {attributes(span["attributes"])["file.path"]: span for span in spans if span is not whole}
    harness.equal(sorted(files), sorted(paths.values()), "a span for each file")
    for span in files.values():
        ids = (span["traceId"], span["parentSpanId"])
        harness.equal(ids, (whole["traceId"], whole["spanId"]), "its trace and its parent")
    lines = {name: attributes(files[path]["attributes"]).get("file.lines") for name, path in paths.items()}
    harness.equal(lines, {"one": 3, "two": 1, "not there": None}, "file.lines")
    failed = files[paths["not there"]]
    harness.equal(failed["status"], {"message": "cannot be read", "code": 2}, "the status of the one that failed")
    harness.check(all(span["resource"]["service.name"] == "count-lines" for span in spans), "the resource")

    (record,) = records(pipe)
    harness.equal(record["body"], "cannot read {file.path}", "the body")
    harness.equal(record["attributes"], {"file.path": paths["not there"]}, "attributes of the log record")
    ids = (record["traceId"], record["spanId"])
    harness.equal(ids, (failed["traceId"], failed["spanId"]), "the log record's span")

    metrics = {
        metric["name"]: metric
        for line in pipe.tool("cat", pipe.output / "metrics").out.splitlines()
        for resource in json.loads(line)["resourceMetrics"]
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    }
    harness.equal(int(metrics["lines"]["sum"]["dataPoints"][-1]["asInt"]), 4, "the last sum of lines")
    sizes = metrics["file.size"]["histogram"]["dataPoints"][-1]
    harness.equal((int(sizes["count"]), sizes["sum"]), (2, sum(map(len, texts.values()))), "file.size")

    pipe.runtime.chmod(0o777)
    process = run_program(pipe, "count-lines", paths["one"], code=2)
    pipe.runtime.chmod(0o700)
    harness.check(str(pipe.runtime) in process.err, f"where it cannot export: {process.err}")
    harness.equal((process.out, process.err.count("\n")), ("", 1), "one line, and nothing else")


def the_readmes_cpp_is_a_program(pipe):
    source, prefix = pipe.scratch / "readme", with_exporters(pipe)
    source.mkdir()
    text = (harness.SOURCE / "README.md").read_text()
    (rules,) = re.findall(r"^```cmake\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```cpp\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (source / "hello.cc").write_text(program)
    start = "cmake_minimum_required(VERSION 3.13)\nproject(hello CXX)\nadd_executable(hello hello.cc)\n"
    (source / "CMakeLists.txt").write_text(start + rules)
    built(pipe, source, prefix)
    writer = pipe.writer()
    run_program(pipe, "hello")
    writer.stop()
    pipe.verify()
    harness.equal([span["name"] for span in spans_of(pipe)], ["hello"], "spans")


if __name__ == "__main__":
    harness.run(
        [
            programs_in_c_and_cpp_are_built_by_what_was_installed_and_moved,
            another_version_is_refused_and_both_are_named,
            what_is_not_there_is_told_with_what_to_do,
            the_example_for_opentelemetry_cpp_writes_spans_metrics_and_logs,
            the_readmes_cpp_is_a_program,
        ],
        meson="meson",
    )
