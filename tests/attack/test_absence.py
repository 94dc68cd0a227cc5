#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files that somebody took away or cut: `otlpipe verify` misses them, whichever they are, and takes
nothing for gone that retention removed, that is still in a ring, or in another directory."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

SMALL = ("--batch-bytes", "64KiB", "--rotate-bytes", "64KiB")
MANIFEST = "otlpipe.manifest"


def written(pipe, *arguments, output=None, keep=False, signals="both"):
    """A writer's directory with several sealed files of each signal; its producers have ended."""
    writer = pipe.writer(*SMALL, *arguments, output=output, interval="20ms")
    pipe.load("--signal", signals, "--count", 1500, "--retry", "--wait").wait()
    wait_for(lambda: not pipe.regions(), "the producers are drained to their end")
    if keep:
        return writer
    writer.stop()
    return None


def sealed(pipe, output=None, signal="traces"):
    paths = [path for name, path in pipe.files("sealed", output) if name == signal]
    check(len(paths) >= 5, lambda: f"there are few files: {paths}")
    return paths


def remove(paths):
    for path in paths:
        path.unlink()


def cut(path, size=0):
    with path.open("r+b") as file:
        file.truncate(size if size >= 0 else path.stat().st_size + size)


DAMAGES = {
    "the newest file": (lambda pipe, out: remove(sealed(pipe, out)[-1:]), "missing_files", 1),
    "the three newest files": (lambda pipe, out: remove(sealed(pipe, out)[-3:]), "missing_files", 3),
    "one in the middle": (lambda pipe, out: remove(sealed(pipe, out)[2:3]), "missing_files", 1),
    "the oldest file": (lambda pipe, out: remove(sealed(pipe, out)[:1]), "missing_files", 1),
    "the two oldest of metrics": (
        lambda pipe, out: remove(sealed(pipe, out, "metrics")[:2]), "missing_files", 2,
    ),
    "all of metrics/": (lambda pipe, out: shutil.rmtree(out / "metrics"), "missing_files", None),
    "all of traces/": (lambda pipe, out: shutil.rmtree(out / "traces"), "missing_files", None),
    "all files, and the directories are left": (
        lambda pipe, out: remove(path for _, path in pipe.files(output=out)), "missing_files", None,
    ),
    "the newest file's content": (lambda pipe, out: cut(sealed(pipe, out)[-1]), "cut_files", 1),
    "the newest file's last batch": (
        lambda pipe, out: cut(sealed(pipe, out)[-1], -4096), "cut_files", 1,
    ),
}


def what_is_taken_away_is_missed(pipe):
    """Before: ok and exit 0 for all of these but the one in the middle."""
    written(pipe)
    pipe.verify(runtime=False)
    for what, (damage, field, number) in DAMAGES.items():
        copy = pipe.scratch / "copy"
        shutil.copytree(pipe.output, copy, symlinks=True)
        damage(pipe, copy)
        for runtime in (False, True):
            found = pipe.tool(
                "verify", "--json", copy, *(("--dir", pipe.runtime) if runtime else ()), expected=None
            ).json()
            check(not found["ok"], f"verify says ok without {what}")
            missing = found["manifest"][field]
            check(missing == number if number else missing > 0, f"{what}: {found['manifest']}")
        shutil.rmtree(copy)
    harness.reliability(
        "somebody removes or cuts files: the newest, the oldest, all of a signal",
        "rm, truncate; verify must end with 1 and name them", len(DAMAGES), 0, "attack absence",
    )


def what_is_taken_away_beside_a_writer_at_work_is_missed(pipe):
    writer = written(pipe, keep=True)
    pipe.load("--signal", "spans", "--count", 20, "--retry", "--wait").wait()
    wait_for(lambda: not pipe.regions(), "the producers are drained to their end")
    pipe.verify()
    newest = sealed(pipe)[-1]
    content = newest.read_bytes()
    newest.unlink()
    found = pipe.verify(expected=1)
    equal(found["manifest"]["missing_files"], 1, "missing files")
    check(any(f"traces/{newest.name} is missing" in text for text in found["problems"]), f"{found}")
    newest.write_bytes(content)
    pipe.verify()
    # The next writer neither forgets it nor gives its number to another file.
    newest.unlink()
    writer.stop()
    written(pipe)
    found = pipe.verify(expected=1)
    equal(found["manifest"]["missing_files"], 1, "missing files, two writers later")


def what_retention_removed_is_not_missed(pipe):
    writer = written(pipe, "--retain-bytes", "200KiB", keep=True, signals="spans")
    removed = lambda: pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]["retention"]
    wait_for(lambda: removed()["removed_files"] > 3, "retention has removed files")
    count = removed()["removed_files"]
    found = pipe.verify()
    check(found["manifest"]["removed_files"] >= count, f"{found['manifest']}")
    check(any("retention" in note for note in found["notes"]), f"{found['notes']}")
    # Each has its line in the log.
    harness.equal(writer.err.count("is removed: there are more bytes than --retain-bytes"),
                  removed()["removed_files"], "removals that the log names")
    writer.stop()
    found = pipe.verify(runtime=False)
    equal(found["spans"]["committed_items"], 1500, "spans, with those of removed files")
    # What goes now is not retention's doing, at either end.
    paths = [path for name, path in pipe.files("sealed") if name == "traces"]
    for path in (paths[0], paths[-1]):
        content = path.read_bytes()
        path.unlink()
        equal(pipe.verify(expected=1)["manifest"]["missing_files"], 1, f"without {path.name}")
        path.write_bytes(content)
    pipe.verify()


def without_a_manifest_it_says_what_it_cannot_know(pipe):
    written(pipe)
    paths = sealed(pipe)
    (pipe.output / MANIFEST).unlink()
    paths[0].unlink()
    paths[-1].unlink()
    found = pipe.verify(runtime=False)
    equal(found["manifest"]["state"], "none", "the manifest")
    check(any("cannot be known" in note for note in found["notes"]), f"{found['notes']}")
    paths[2].unlink()
    pipe.verify(runtime=False, expected=1)


def a_manifest_that_somebody_changed_is_not_believed(pipe):
    written(pipe)
    manifest = pipe.output / MANIFEST
    text = manifest.read_bytes()
    check(len(text) > 1000, f"{len(text)} bytes")
    manifest.write_bytes(text[:100] + b"x" + text[101:])
    found = pipe.verify(runtime=False, expected=1)
    check(found["manifest"]["unknown_files"] > 0, f"{found['manifest']}")
    # Longer than what a power cut may leave: it is damage, and said so.
    manifest.write_bytes(text + text.splitlines()[-1] * 200)
    found = pipe.verify(runtime=False, expected=1)
    equal(found["manifest"]["state"], "damaged", "the manifest")
    check(any("is damaged" in text for text in found["problems"]), f"{found['problems']}")
    # Another directory's does not fit.
    other = pipe.scratch / "other"
    pipe.writer("--drain", output=other, interval=None, ready=False).wait()
    manifest.write_bytes((other / MANIFEST).read_bytes())
    found = pipe.verify(runtime=False, expected=1)
    check(found["manifest"]["unknown_files"] > 0, f"{found['manifest']}")


def in_the_rings_is_what_is_in_rings_that_are_there(pipe):
    """Before: what was accepted and in no file counted as in a ring that nobody had looked at."""
    writer = pipe.writer(*SMALL)
    load = pipe.endless_load("--rate", 2000)
    wait_for(lambda: len(pipe.files("sealed")) > 2, "there are some files")
    writer.kill()
    (worker,) = load.workers
    held = lambda: pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["totals"]["waiting_bytes"]
    wait_for(lambda: held() > 100000, "there is something in the rings")
    load.stop()
    found = pipe.verify()
    check(found["identity"]["in_rings"] > 0, f"{found['identity']}")
    found = pipe.verify(runtime=False)
    equal(found["identity"]["in_rings"], 0, "in rings that nobody looked at")
    check(any("known with --dir only" in note for note in found["notes"]), f"{found['notes']}")
    (region,) = pipe.runtime.glob(f"{worker}-*.region")
    aside = pipe.scratch / "aside"
    shutil.move(region, aside)
    # Whether the ledger had counted them already depends on when its last batch was closed.
    found = pipe.tool("verify", "--json", pipe.output, "--dir", pipe.runtime, expected=None).json()
    equal(found["identity"]["in_rings"], 0, "in rings that are not there")
    equal(found["identity"]["not_looked_at"], 0, "in rings that nobody looked at")
    gone = found["identity"]["committed"] - found["identity"]["written"]
    equal(found["ok"], gone == 0, f"ok, with {gone} items in no file")
    check(any("not in the runtime directory" in note for note in found["notes"]), f"{found['notes']}")
    shutil.move(aside, region)
    pipe.writer("--drain", interval=None, ready=False).wait()
    pipe.verify()


def what_is_in_another_output_directory_is_not_gone(pipe):
    """Before: it was said to be gone, whichever of the two was looked at."""
    first, second = pipe.scratch / "first", pipe.scratch / "second"
    writer = pipe.writer(*SMALL, output=first, interval="20ms")
    load = pipe.endless_load("--rate", 3000, "--signal", "spans")
    wait_for(lambda: len(pipe.files("sealed", first)) > 2, "there are some files")
    writer.stop()
    writer = pipe.writer(*SMALL, output=second, interval="20ms")
    wait_for(lambda: len(pipe.files("sealed", second)) > 2, "there are some files")
    runtime = ("--dir", pipe.runtime)
    verify = lambda *words, expected=0: pipe.tool("verify", "--json", *words, expected=expected).json()
    for ended in (False, True):
        if ended:
            load.stop()
            wait_for(lambda: not pipe.regions(), "the producers are drained to their end")
            writer.stop()
        found = verify(first, *runtime)
        check(any(f"the records went to {second}" in note for note in found["notes"]), f"{found}")
        check(ended or found["signals"]["traces"]["elsewhere_items"] > 0, f"{found}")
        found = verify(second, *runtime)
        check(any(f"the records went to {first}" in note for note in found["notes"]), f"{found}")
        check(found["signals"]["traces"]["elsewhere_items"] > 0, f"{found}")
        found = verify(first, second, *runtime)
        equal(found["signals"]["traces"]["elsewhere_items"], 0, "elsewhere, with both")
    equal(found["signals"]["traces"]["committed_items"], load.json()["spans"]["accepted"], "spans")
    # It is no excuse for what is gone from the one or the other.
    for output in (first, second):
        path = sealed_of(pipe, output)[-1]
        content = path.read_bytes()
        path.unlink()
        verify(output, expected=1)
        verify(first, second, *runtime, expected=1)
        path.write_bytes(content)
    verify(first, second, *runtime)


def sealed_of(pipe, output):
    return [path for _, path in pipe.files("sealed", output)]


if __name__ == "__main__":
    harness.run(
        [
            what_is_taken_away_is_missed,
            what_is_taken_away_beside_a_writer_at_work_is_missed,
            what_retention_removed_is_not_missed,
            without_a_manifest_it_says_what_it_cannot_know,
            a_manifest_that_somebody_changed_is_not_believed,
            in_the_rings_is_what_is_in_rings_that_are_there,
            what_is_in_another_output_directory_is_not_gone,
        ]
    )
