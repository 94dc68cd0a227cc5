#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and the unit for systemd that it installs.

usage: test_make_install.py BUILD_DIR [--meson MESON] [words of test names…]
"""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness

# A project as small as can be: the Makefile knows nothing of ours but the names of its scripts.
PROJECT = """project('small', meson_version: '>=1.0')
install_data('data', install_dir: get_option('prefix') / 'share')
configure_file(
  input: 'data.in', output: 'made', configuration: {'PREFIX': get_option('prefix')},
  install: true, install_dir: get_option('prefix') / 'share',
)
"""


def environment(pipe):
    """Without what an outer `make test` has in it."""
    names = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PREFIX", "DESTDIR", "BUILD", "MESON_OPTIONS")
    variables = {k: v for k, v in os.environ.items() if k not in names}
    return {**variables, "MESON": pipe.options["meson"]}


def small_project(pipe):
    tree = pipe.scratch / "a tree"
    (tree / "scripts").mkdir(parents=True)
    shutil.copy(harness.SOURCE / "Makefile", tree)
    shutil.copy(harness.SOURCE / "scripts" / "set-directories.sh", tree / "scripts")
    (tree / "meson.build").write_text(PROJECT)
    (tree / "data").write_text("data\n")
    (tree / "data.in").write_text("@PREFIX@\n")
    return tree


def make(pipe, tree, *words):
    done = subprocess.run(
        ["make", *map(str, words)], cwd=tree, env=environment(pipe), text=True,
        capture_output=True, stdin=subprocess.DEVNULL, check=False,
    )
    harness.equal(done.returncode, 0, f"make {words}: exit status\n{done.stdout}{done.stderr}\n")


def is_installed(prefix):
    share = prefix / "share"
    if not share.exists():
        return False
    harness.equal(sorted(p.name for p in share.iterdir()), ["data", "made"], "installed files")
    harness.equal((share / "made").read_text(), f"{prefix}\n", "the prefix in an installed file")
    shutil.rmtree(prefix)
    return True


def a_prefix_given_to_make_install_holds_for_a_tree_of_another_prefix(pipe):
    tree = small_project(pipe)
    one, two = pipe.scratch / "one", pipe.scratch / "two"
    make(pipe, tree, f"PREFIX={one}")
    make(pipe, tree, "install", f"PREFIX={two}")
    harness.check(is_installed(two), "nothing was installed below the prefix that was given")
    harness.check(not is_installed(one), "it was installed below the prefix of before")
    make(pipe, tree, "install")
    harness.check(is_installed(two), "without a prefix it is not installed where it was")
    make(pipe, tree, "install", f"PREFIX={one}", f"DESTDIR={pipe.scratch}/stage")
    harness.check(not is_installed(one), "DESTDIR was not heard")
    staged = pipe.scratch / "stage" / one.relative_to("/")
    harness.equal((staged / "share/made").read_text(), f"{one}\n", "the prefix of a staged file")


def directories_given_to_make_hold_and_uninstall_leaves_what_is_not_ours(pipe):
    tree = small_project(pipe)
    shutil.copy(harness.SOURCE / "scripts" / "uninstall.sh", tree / "scripts")
    shutil.copy(harness.SOURCE / "scripts" / "install-config.sh", tree / "scripts")
    (tree / "otlpipe").mkdir()
    (tree / "otlpipe" / "writer.conf").write_text("output = one\n")
    with open(tree / "meson.build", "a", encoding="utf-8") as build:
        build.write("""install_data('data', install_dir: get_option('bindir'))
meson.add_install_script(
  files('scripts/install-config.sh'), files('otlpipe/writer.conf'), get_option('sysconfdir') / 'otlpipe',
)
""")
    prefix, etc = pipe.scratch / "one", pipe.scratch / "etc"
    words = (f"prefix={prefix}", f"bindir={pipe.scratch}/tools", f"sysconfdir={etc}")
    make(pipe, tree, "install", *words)
    installed_files = [prefix / "share/data", pipe.scratch / "tools/data", etc / "otlpipe/writer.conf"]
    harness.equal([p.exists() for p in installed_files], [True] * 3, "what was installed")
    # What somebody changed stays, at an install and at the end.
    (etc / "otlpipe/writer.conf").write_text("output = mine\n")
    make(pipe, tree, "install", *words)
    harness.equal((etc / "otlpipe/writer.conf").read_text(), "output = mine\n", "a changed file")
    harness.equal((etc / "otlpipe/writer.conf.new").read_text(), "output = one\n", "the new one")
    (prefix / "share/other").write_text("not ours\n")
    make(pipe, tree, "uninstall", *words)
    harness.equal([p.exists() for p in installed_files], [False, False, True], "what is left")
    harness.equal((prefix / "share/other").read_text(), "not ours\n", "what is not ours")
    # Unchanged it goes, with its directory.
    (etc / "otlpipe/writer.conf").write_text("output = one\n")
    (etc / "otlpipe/writer.conf.new").unlink()
    make(pipe, tree, "uninstall", *words)
    harness.check(not (etc / "otlpipe").exists(), "the directory of the configuration")
    harness.check(etc.exists() and (pipe.scratch / "tools").exists(), "directories that are not ours alone")


def a_prefix_given_to_meson_is_kept(pipe):
    tree = small_project(pipe)
    mine = pipe.scratch / "mine"
    subprocess.run(
        [pipe.options["meson"], "setup", tree / "build", tree, f"--prefix={mine}"],
        env=environment(pipe), check=True, capture_output=True,
    )
    make(pipe, tree, "install")
    harness.check(is_installed(mine), "the prefix of `meson setup` was not kept")


# ---- the unit ----


def installed(pipe):
    """The unit as installed, with its programs where they were staged. (its path, its lines)"""
    stage = pipe.scratch / "stage"
    subprocess.run(
        [pipe.options["meson"], "install", "-C", str(pipe.build), "--no-rebuild", "--quiet"],
        env={**environment(pipe), "DESTDIR": str(stage)}, check=True, capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    (path,) = stage.glob("**/lib/systemd/user/otlpipe-writer.service")
    (program,) = stage.glob("**/bin/otlpipe-writer")
    prefix = "/" + str(program.parent.relative_to(stage))
    text = path.read_text()
    harness.check("@" not in text, "a name in the unit was not replaced")
    harness.equal(text.count(f'"{prefix}/otlpipe'), 2, "commands of the unit by their installed paths")
    staged = pipe.scratch / "otlpipe-writer.service"
    staged.write_text(text.replace(prefix + "/", str(program.parent) + "/"))
    return staged, staged.read_text().splitlines()


def command(pipe, lines, name):
    """A command of the unit, as systemd starts it: without a shell."""
    (line,) = [line for line in lines if line.startswith(name + "=")]
    # What %S stands for is put in behind the split: it may have a space.
    words = [word.replace("%S", str(pipe.scratch)) for word in shlex.split(line.removeprefix(name + "="))]
    harness.check(words[0].startswith("/"), f"{name}: {words[0]} is no absolute path")
    return words


def the_unit_passes_systemds_own_check(pipe):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        raise harness.Skip("systemd-analyze is not installed")
    unit, _ = installed(pipe)
    done = subprocess.run(
        [analyze, "verify", "--user", "--man=no", str(unit)], text=True, capture_output=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(pipe.scratch), "HOME": str(pipe.scratch)},
        stdin=subprocess.DEVNULL, check=False,
    )
    harness.equal((done.returncode, done.stdout + done.stderr), (0, ""), "systemd-analyze verify")


def the_systems_unit_is_in_a_sandbox(pipe):
    """By systemd's own measure, without a systemd that runs: 10 is no sandbox, 3 is its OK."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        raise harness.Skip("systemd-analyze is not installed")
    unit = installed(pipe)[0].parent / "stage"
    (unit,) = unit.glob("**/lib/systemd/system/otlpipe-writer.service")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)], text=True,
        capture_output=True, stdin=subprocess.DEVNULL, check=False,
    )
    harness.equal((done.returncode, done.stderr), (0, ""), f"systemd-analyze security\n{done.stdout}\n")


def the_units_commands_start_reload_and_stop_the_writer(pipe):
    """With no other program in reach, as on a small system: there may be no kill(1)."""
    _, lines = installed(pipe)
    variables = {
        **{name: None for name in pipe.environment},
        "OTLPIPE_DIR": str(pipe.runtime),
        "PATH": "/nonexistent",
    }
    start = command(pipe, lines, "ExecStart")
    writer = harness.Process(pipe, "unit", [*start, "--interval", "50ms"], variables)
    harness.wait_for(lambda: "; pid " in writer.err or not writer.is_running(), "it is ready")
    output = pathlib.Path(start[start.index("--output") + 1])
    harness.equal(output, pipe.scratch / "otlpipe", "the output directory")
    pipe.load("--count", 100, "--wait").wait()
    reload = command(pipe, lines, "ExecReload")
    process = harness.Process(pipe, "reload", reload, {**variables, "MAINPID": str(writer.pid)})
    process.wait(0)
    harness.wait_for(lambda: len(pipe.files("sealed", output)) == 2, "the files are sealed")
    harness.check(writer.is_running(), lambda: f"the writer has ended\n{writer.tail()}")
    writer.stop()
    harness.equal(pipe.verify(output)["spans"]["written_items"], 100, "spans")


def the_installed_library_needs_no_more_than_the_loaders_cache(pipe):
    """What is run behind an install: the loader learns of the library, or the user is told how
    programs find it."""
    script = harness.SOURCE / "scripts" / "after-install.sh"
    prefix = pipe.scratch / "no-loader-looks-here"
    fake = pipe.scratch / "bin"
    fake.mkdir()
    asked = pipe.scratch / "asked"
    (fake / "ldconfig").write_text(f'#!/bin/sh\necho "$*" >>"{asked}"\n')
    (fake / "ldconfig").chmod(0o755)
    done = subprocess.run(
        [str(script), "lib"], text=True, capture_output=True, check=False,
        env={"PATH": f"{fake}:{os.environ['PATH']}", "MESON_INSTALL_PREFIX": str(prefix)},
    )
    harness.equal((done.returncode, done.stderr), (0, ""), "the script")
    harness.check(re.search(rf"LD_LIBRARY_PATH={re.escape(str(prefix))}/lib\b", done.stdout), done.stdout)
    calls = asked.read_text().splitlines()
    harness.equal(calls, (["", "-p"] if os.geteuid() == 0 else ["-p"]), "calls of ldconfig")


if __name__ == "__main__":
    harness.run(
        [
            a_prefix_given_to_make_install_holds_for_a_tree_of_another_prefix,
            directories_given_to_make_hold_and_uninstall_leaves_what_is_not_ours,
            a_prefix_given_to_meson_is_kept,
            the_systems_unit_is_in_a_sandbox,
            the_unit_passes_systemds_own_check,
            the_units_commands_start_reload_and_stop_the_writer,
            the_installed_library_needs_no_more_than_the_loaders_cache,
        ],
        meson="meson",
    )
