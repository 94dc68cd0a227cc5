#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`otlpipe verify` says yes to what is right, also beside processes at work, and no to files that
were changed, with the place."""
import pathlib
import shutil

import harness

# So that there are many files, and each ring is in several of them.
SMALL_FILES = ("--batch-bytes", "64KiB", "--rotate-bytes", "256KiB")


def stat(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()


def written(pipe):
    signals = stat(pipe)["writer"]["signals"]
    return min(signals[name]["written_items"] for name in ("traces", "metrics"))


def many_files(pipe):
    """Two producers over several files, closed in order and verified."""
    writer = pipe.writer(*SMALL_FILES)
    pipe.load("--processes", 2, "--threads", 2, "--count", 10000, "--retry").wait()
    writer.stop()
    found = pipe.verify()
    harness.check(found["spans"]["files"] >= 5, f"there are few files: {found['spans']}")
    harness.equal(found["identity"]["committed"], 20000, "items that were committed")
    return [path for signal, path in pipe.files("sealed") if signal == "traces"]


def refused(pipe, texts, runtime=False):
    """verify says no, and one of its problems has all these texts."""
    found = pipe.verify(runtime=runtime, expected=1)
    harness.check(
        any(all(text in problem for text in texts) for problem in found["problems"]),
        lambda: f"no problem says {texts}: {found['problems'][:5]}",
    )
    shown = pipe.tool("verify", pipe.output, expected=1)
    harness.check(texts[0] in shown.out, f"the text does not name {texts[0]}\n{shown.out}")
    harness.check("\nok\n" not in shown.out, "it says ok all the same")


def several_producers_are_ok(pipe):
    writer = pipe.writer()
    load = pipe.load("--processes", 2, "--threads", 2, "--count", 4000, "--retry")
    other = pipe.start("gen_producer", pipe.runtime, 0, 7, 300, 30, pipe.scratch / "expected", 2)
    load.wait()
    other.wait()
    writer.stop()
    shown = pipe.tool("verify", pipe.output)
    harness.check("identity: committed " in shown.out, shown.out)
    harness.check(shown.out.endswith("\nok\n"), shown.out)
    found = pipe.verify()
    pushed = other.json()
    harness.equal(found["spans"]["written_items"], 4000 + pushed["spans"], "spans written")
    harness.equal(found["points"]["written_items"], 4000 + pushed["points"], "points written")
    harness.equal(found["regions"], dict(count=3, final=3, alive=0, not_closed=0, broken=0), "regions")


def a_killed_producer_is_ok_and_named(pipe):
    writer = pipe.writer()
    load = pipe.load("--processes", 2, "--threads", 2, "--count", 0, "--rate", 5000)
    regions = harness.wait_for(
        lambda: [r for r in stat(pipe)["regions"] if r["rings"][0]["accepted_items"] > 1000],
        "a producer has pushed",
    )
    harness.os.kill(regions[0]["pid"], harness.signal.SIGKILL)
    harness.wait_for(lambda: len(stat(pipe)["regions"]) < 2, "the killed producer's region is gone")
    pipe.verify()
    load.stop(expected=1)
    writer.stop()
    found = pipe.verify()
    harness.equal(found["regions"]["not_closed"], 1, "killed producers")
    harness.equal(found["regions"]["final"], 2, "final regions")


def beside_producers_and_a_writer_at_work_it_is_ok(pipe):
    writer = pipe.writer(*SMALL_FILES)
    load = pipe.load("--processes", 2, "--threads", 2, "--count", 0, "--rate", 500)
    before = 0
    for _ in range(5):
        harness.wait_for(lambda: written(pipe) > before, "more is written")
        found = pipe.verify()
        harness.check(
            found["identity"]["written"] >= before, lambda: f"less than {before}: {found['identity']}"
        )
        before = found["points"]["written_items"]
        pipe.verify(runtime=False)
    load.stop()
    writer.stop()
    pipe.verify()


def what_is_in_the_rings_alone_is_ok(pipe):
    """Written in part, and then both are killed."""
    writer = pipe.writer("--batch-bytes", "64KiB")
    load = pipe.load("--processes", 1, "--count", 0)
    harness.wait_for(lambda: written(pipe) > 2000, "something is written")
    writer.kill()
    load.stop()
    pushed = load.json()
    found = pipe.verify()
    harness.check(found["identity"]["in_rings"] > 0, f"nothing is in the rings: {found['identity']}")
    for name in ("spans", "points"):
        harness.equal(found[name]["committed_items"], pushed[name]["accepted"], name)
    pipe.writer("--drain", interval=None, ready=False).wait()
    harness.equal(pipe.verify()["identity"]["in_rings"], 0, "items in the rings")


def a_flipped_byte_is_found(pipe):
    path = many_files(pipe)[2]
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    refused(pipe, [f"traces/{path.name}: offset 0:", "checksum"])


def a_file_that_was_cut_is_found(pipe):
    path = many_files(pipe)[2]
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 100)
    refused(pipe, [f"traces/{path.name}: offset ", "cut short"])


def a_missing_file_is_a_gap(pipe):
    paths = many_files(pipe)
    paths[2].unlink()
    refused(pipe, [f"traces/{paths[3].name}: offset 0:", "of its run follows on batch"])
    # Which file goes on with the lanes that it held is not known: a batch holds some of them.
    refused(pipe, ["a gap, positions "])


def a_file_under_two_sequences_is_written_twice(pipe):
    paths = many_files(pipe)
    number = int(paths[-1].name.split("-")[-1].split(".")[0]) + 1
    copy = paths[0].with_name(f"traces-20300101T000000Z-{number:08d}.binpb")
    shutil.copy(paths[0], copy)
    refused(pipe, [f"traces/{copy.name}: offset 0:", "written twice"])


def a_missing_last_file_is_found_with_the_region(pipe):
    """Its records are in no ring any more, and in no file."""
    writer = pipe.writer(*SMALL_FILES)
    load = pipe.load("--count", 0, "--rate", 5000)
    harness.wait_for(lambda: len(pipe.files("sealed")) > 4, "there are some files")
    writer.stop()
    paths = [path for signal, path in pipe.files("sealed") if signal == "traces"]
    content = paths[-1].read_bytes()
    paths[-1].unlink()
    found = pipe.verify(expected=1)
    harness.check(any("in no file" in text for text in found["problems"]), f"{found['problems']}")
    paths[-1].write_bytes(content)
    pipe.verify()
    load.stop()
    pipe.writer("--drain", interval=None, ready=False).wait()


def removed_oldest_files_are_missing_and_without_a_manifest_they_are_named(pipe):
    """Retention would have entered it. Where nobody enters anything, nobody can know."""
    paths = many_files(pipe)
    paths[0].unlink()
    paths[1].unlink()
    found = pipe.verify(runtime=False, expected=1)
    harness.equal(found["manifest"]["missing_files"], 2, "missing files")
    pathlib.Path(pipe.output, "otlpipe.manifest").unlink()
    found = pipe.verify(runtime=False)
    harness.equal(found["manifest"]["state"], "none", "the manifest")
    harness.check(any("has no manifest" in note for note in found["notes"]), f"{found['notes']}")
    harness.check(any("retention" in note for note in found["notes"]), f"{found['notes']}")
    harness.equal(found["spans"]["committed_items"], 10000, "spans, with those of removed files")
    harness.check(found["spans"]["removed_items"] > 0, "no item is named as removed")


def a_wrong_command_line_is_a_usage_error(pipe):
    pipe.tool("verify", expected=2)
    pipe.tool("verify", "--nonsense", pipe.scratch, expected=2)
    pipe.tool("verify", pipe.scratch, pipe.scratch, expected=2)
    pipe.tool("verify", pipe.scratch / "nowhere", expected=1)
    pipe.tool("verify", pipe.scratch, expected=1)
    pathlib.Path(pipe.output, "traces").mkdir(parents=True)
    pipe.tool("verify", pipe.output, "--dir", pipe.scratch / "nowhere", expected=1)
    pipe.tool("verify", pipe.output, expected=0)
    pipe.tool("verify", "--help", expected=0)


if __name__ == "__main__":
    harness.run(
        [
            several_producers_are_ok,
            a_killed_producer_is_ok_and_named,
            beside_producers_and_a_writer_at_work_it_is_ok,
            what_is_in_the_rings_alone_is_ok,
            a_flipped_byte_is_found,
            a_file_that_was_cut_is_found,
            a_missing_file_is_a_gap,
            a_file_under_two_sequences_is_written_twice,
            a_missing_last_file_is_found_with_the_region,
            removed_oldest_files_are_missing_and_without_a_manifest_they_are_named,
            a_wrong_command_line_is_a_usage_error,
        ]
    )
