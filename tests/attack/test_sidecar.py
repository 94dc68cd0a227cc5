#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A writer beside its application, in a pod or a compose file: it is told to stop at the same time
as the application or before it, and the memory of both goes when both have ended."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "pipeline"))
import harness


def stat(pipe):
    return pipe.tool("stat", "--json", "--dir", pipe.runtime).json()["writer"]


def tell_to_stop(writer):
    writer.send(signal.SIGTERM)
    harness.wait_for(
        lambda: "told to stop: waiting for" in writer.err or not writer.is_running(),
        "the writer says that it waits",
    )
    harness.check(writer.is_running(), lambda: f"it did not wait\n{writer.tail()}")


def pushed_since(pipe, load, what):
    """The producers push on, and the writer writes on."""
    before = stat(pipe)["signals"]["traces"]["written_items"]
    harness.wait_for(
        lambda: stat(pipe)["signals"]["traces"]["written_items"] > before + 100
        or not load.is_running(),
        what,
    )
    harness.check(load.is_running(), lambda: f"the load has ended\n{load.tail()}")


def everything_is_written(pipe, *loads):
    accepted = sum(load.json()["spans"]["accepted"] for load in loads)
    harness.equal(pipe.scan()["spans"], accepted, "spans in the files")
    harness.equal(pipe.verify()["spans"]["written_items"], accepted, "spans written")
    harness.equal(pipe.regions(), [], "regions that are left")


def what_producers_push_after_the_signal_is_written(pipe):
    writer = pipe.writer("--wait-for-producers")
    load = pipe.endless_load("--rate", 5000, processes=2)
    tell_to_stop(writer)
    line = next(line for line in writer.err.splitlines() if "told to stop" in line)
    harness.check("waiting for 2 producers" in line, line)
    harness.check(all(f"pid {pid} otlpipe" in line for pid in load.workers), line)
    harness.check("told again" in line, line)
    found = harness.wait_for(
        lambda: next((f for f in [stat(pipe)] if f["waits_for_producers"] == 2), None),
        "stat has two producers that are waited for",
    )
    harness.equal(found["state"], "waiting", "writer.state")
    text = pipe.tool("stat", "--dir", pipe.runtime).out
    harness.check("told to stop: waits for 2 producers to end" in text, text)
    pushed_since(pipe, load, "what is pushed after the signal is written")
    load.stop()
    writer.wait(0)
    harness.check("the last producer has ended" in writer.err, writer.err)
    harness.equal(stat(pipe)["state"], "stopped", "writer.state at the end")
    everything_is_written(pipe, load)


def a_killed_producer_has_ended_too(pipe):
    writer = pipe.writer("--wait-for-producers")
    load = pipe.endless_load("--rate", 2000)
    tell_to_stop(writer)
    os.kill(load.workers[0], signal.SIGKILL)
    load.wait(1)
    writer.wait(0)
    harness.equal(pipe.regions(), [], "regions that are left")
    pipe.verify()


def the_second_signal_stops_it_at_once(pipe):
    for second in (signal.SIGTERM, signal.SIGINT):
        writer = pipe.writer("--wait-for-producers")
        load = pipe.endless_load("--rate", 2000)
        tell_to_stop(writer)
        writer.send(second)
        writer.wait(0)
        harness.check("told to stop again: waiting no longer" in writer.err, writer.err)
        harness.check(load.is_running(), "the load has ended by itself")
        load.stop()
        pipe.writer("--drain", ready=False).wait()
    pipe.verify()


def a_limit_ends_the_wait_and_the_log_says_who_is_left(pipe):
    writer = pipe.writer("--wait-for-producers=300ms")
    load = pipe.endless_load("--rate", 2000)
    tell_to_stop(writer)
    writer.wait(0)
    harness.check("at most 300ms" in writer.err, writer.err)
    last = next(line for line in writer.err.splitlines() if "have not ended" in line)
    harness.check(f"pid {load.workers[0]} otlpipe" in last, last)
    load.stop()
    # What it pushed after that waits, and the next writer has it.
    pipe.writer("--drain", ready=False).wait()
    everything_is_written(pipe, load)


def without_a_producer_there_is_nothing_to_wait_for(pipe):
    writer = pipe.writer("--wait-for-producers")
    load = pipe.load("--count", 100, "--wait")
    load.wait()
    writer.stop()
    harness.check("waiting for" not in writer.err, writer.err)
    everything_is_written(pipe, load)


def a_producer_that_comes_during_the_wait_is_waited_for(pipe):
    """As the workers do that an application starts while it shuts down."""
    writer = pipe.writer("--wait-for-producers")
    first = pipe.endless_load("--rate", 2000, service="first")
    tell_to_stop(writer)
    second = pipe.endless_load("--rate", 2000, service="second")
    first.stop()
    pushed_since(pipe, second, "the second producer's spans are written")
    harness.check(writer.is_running(), "the writer did not wait for the second producer")
    second.stop()
    writer.wait(0)
    everything_is_written(pipe, first, second)


def the_variable_does_what_the_flag_does(pipe):
    for value, waits in (("forever", True), ("10m", True), ("0", False)):
        writer = pipe.writer(environment={"OTLPIPE_WAIT_FOR_PRODUCERS": value})
        load = pipe.endless_load("--rate", 2000)
        if waits:
            tell_to_stop(writer)
            load.stop()
            writer.wait(0)
        else:
            writer.stop()
            harness.check("waiting for" not in writer.err, writer.err)
            load.stop()
            pipe.writer("--drain", ready=False).wait()
    pipe.verify()


def a_drain_can_wait_for_the_producers_too(pipe):
    load = pipe.endless_load("--rate", 5000)
    drain = pipe.writer("--drain", "--wait-for-producers")
    harness.wait_for(lambda: "told to stop: waiting" in drain.err, "the drain waits")
    pushed_since(pipe, load, "the drain writes on")
    load.stop()
    drain.wait(0)
    everything_is_written(pipe, load)


def systemd_is_told_what_it_waits_for(pipe):
    name = str(pipe.shm / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(name)
        notify.settimeout(harness.LIMIT_SECONDS)
        writer = pipe.writer("--wait-for-producers", environment={"NOTIFY_SOCKET": name})
        harness.equal(notify.recv(4096), b"READY=1", "the first word")
        load = pipe.endless_load("--rate", 1000)
        tell_to_stop(writer)
        said = notify.recv(4096).decode()
        harness.equal(said, "STATUS=told to stop, waiting for 1 producers to end", "what is said")
        load.stop()
        writer.wait(0)
        while (said := notify.recv(4096)) != b"STOPPING=1":
            harness.check(said.startswith(b"STATUS="), f"{said!r}")
    pipe.verify()


# ---- a pod ----

NAMESPACE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def pod_is_possible():
    done = subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False)
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip()
        raise harness.Skip(f"no pid and mount namespaces here: {reason}")


def mount_volume(pipe):
    """An emptyDir of medium Memory as a kubelet makes it: a tmpfs with mode 0777."""
    volume = pipe.shm / "volume"
    volume.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "mode=0777,size=64m", "otlpipe-pod", str(volume)],
        check=True, capture_output=True,
    )
    pipe.undo.append(lambda: subprocess.run(["umount", "-l", str(volume)], check=False))
    return volume


def a_pod_that_is_told_to_stop_loses_nothing(pipe):
    """Two containers with a pid namespace each, so that both are pid 1, and one memory: both get
    SIGTERM at once, and the application takes its time."""
    if os.geteuid() != 0:
        raise harness.Skip("namespaces and a mount need root")
    pod_is_possible()
    pipe.runtime.rmdir()
    pipe.runtime = mount_volume(pipe) / "otlpipe"
    writer = pipe.writer("--wait-for-producers=5m", prefix=NAMESPACE)
    load = pipe.load("--count", 0, "--rate", 5000, prefix=NAMESPACE)
    harness.wait_for(lambda: len(pipe.regions()) == 1, "the application has its region")
    harness.check(re.match(r"^\d+-", pipe.regions()[0]), f"{pipe.regions()}")
    inner = {process: harness.children(process.pid)[0] for process in (writer, load)}
    os.kill(inner[writer], signal.SIGTERM)
    harness.wait_for(lambda: "waiting for 1 producers" in writer.err, "the writer waits")
    pushed_since(pipe, load, "what the application pushes on its way down is written")
    os.kill(inner[load], signal.SIGTERM)
    load.wait(0)
    writer.wait(0)
    accepted = json.loads(load.out.splitlines()[-1])["spans"]["accepted"]
    harness.equal(pipe.scan()["spans"], accepted, "spans in the files")
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            what_producers_push_after_the_signal_is_written,
            a_killed_producer_has_ended_too,
            the_second_signal_stops_it_at_once,
            a_limit_ends_the_wait_and_the_log_says_who_is_left,
            without_a_producer_there_is_nothing_to_wait_for,
            a_producer_that_comes_during_the_wait_is_waited_for,
            the_variable_does_what_the_flag_does,
            a_drain_can_wait_for_the_producers_too,
            systemd_is_told_what_it_waits_for,
            a_pod_that_is_told_to_stop_loses_nothing,
        ]
    )
