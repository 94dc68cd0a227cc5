# SPDX-License-Identifier: Apache-2.0
"""The files that the lint checks read, and how they report: shared by all of them."""
import os
import subprocess
import sys

SKIPPED_FOLDERS = {".git", "__pycache__", "subprojects"}


def from_git(root):
    """Tracked files and new ones that are not ignored; None where git cannot tell."""
    if not os.path.exists(os.path.join(root, ".git")):
        return None
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def from_walk(root):
    """The same by names alone, for a tarball: build folders are left out as .gitignore does."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name not in SKIPPED_FOLDERS
            and not (os.path.samefile(folder, root) and name.startswith("build"))
            and not os.path.exists(os.path.join(folder, name, "build.ninja"))
        ]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return [name for name in found if not name.endswith(".pyc")]


def files(root, suffixes=None):
    """Paths from the root, sorted; only those with one of the suffixes, if any are given."""
    names = from_git(root)
    if names is None:
        names = from_walk(root)
    return sorted(
        name
        for name in set(names)
        if (suffixes is None or name.endswith(suffixes))
        and os.path.isfile(os.path.join(root, name))
        and not os.path.islink(os.path.join(root, name))
    )


def lines(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as text:
        return text.read().splitlines()


def report(check, problems, checked):
    """Ends the check. Having looked at nothing is a failure: the check would never fail again."""
    for problem in problems:
        print(problem)
    print(f"{check}: {checked} checked, {len(problems)} problems")
    sys.exit(1 if problems or not checked else 0)
