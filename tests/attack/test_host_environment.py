#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a host's environment has: text that is not UTF-8, ends of lines, lists that cannot be read,
a program that may not read it at all, and one that changes its user.

usage: test_host_environment.py BUILD_DIR [words of test names…]
"""
import os
import pathlib
import shutil
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "torture"))
import rig
from rig import Skip, check, equal

INVALID, ACCESS = -22, -13
NOBODY = 65534
CAPABILITY = "security.capability"
# Version 2, effective; permitted: CAP_NET_BIND_SERVICE, which is of no use here.
BIND_SERVICE = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


def host(pipe, runtime=None, **environment):
    environment = {name: value for name, value in environment.items()}
    process = rig.start(
        pipe, "host_environment", runtime=runtime, folder="tests/attack", environment=environment
    )
    process.wait()
    *told, kept = process.out.splitlines()
    check(kept.startswith("kept: "), f"no last error in {process.out}")
    return told, kept


def resource(pipe):
    """The resource of what was pushed, by key."""
    rig.drain(pipe, pipe.output)
    line = pipe.tool("cat", pipe.output).json()
    attributes = line["resourceSpans"][0]["resource"]["attributes"]
    return {item["key"]: item["value"]["stringValue"] for item in attributes}


def one_byte_that_is_not_utf8_costs_that_byte(pipe):
    told, kept = host(
        pipe,
        OTEL_RESOURCE_ATTRIBUTES=b"team=M\xfcller,region=eu",
        OTEL_SERVICE_NAME=b"caf\xe9",
    )
    equal(len(told), 2, f"lines for the diagnostic function: {told}")
    check('"team" is not UTF-8' in told[0] and f"{INVALID} " in told[0], told[0])
    check("OTEL_SERVICE_NAME is not UTF-8" in told[1], told[1])
    check('"team" is not UTF-8' in kept, kept)
    equal(
        resource(pipe),
        {"team": "M\ufffdller", "region": "eu", "service.name": "caf\ufffd"},
        "the resource",
    )


def ends_of_lines_in_values_are_cut_off(pipe):
    """As a block of text in a YAML file leaves them."""
    told, _ = host(
        pipe,
        OTEL_RESOURCE_ATTRIBUTES="team = a ,\n  region=\teu\n",
        OTEL_SERVICE_NAME="shop\n",
        OTLPIPE_DIR=f"{pipe.runtime}\n",
        OTLPIPE_SPAN_RING_BYTES="64KiB\n",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta\n",
    )
    equal(told, [], "lines for the diagnostic function")
    (region,) = pipe.regions()
    check((pipe.runtime / region).stat().st_size < 4 << 20, "the ring has its default size")
    equal(
        resource(pipe), {"team": "a", "region": "eu", "service.name": "shop"}, "the resource"
    )


def a_list_that_cannot_be_read_names_its_pair(pipe):
    told, kept = host(
        pipe, OTEL_RESOURCE_ATTRIBUTES="team=a,region,zone=1", OTLPIPE_METRIC_RING_BYTES="huge"
    )
    equal(len(told), 2, f"lines for the diagnostic function: {told}")
    check('OTLPIPE_METRIC_RING_BYTES is left aside: "huge"' in told[0], told[0])
    check('OTEL_RESOURCE_ATTRIBUTES is left aside: its pair 2, "region"' in told[1], told[1])
    check('its pair 2, "region"' in kept, kept)
    equal(list(resource(pipe)), ["service.name"], "keys of the resource")


def a_program_with_capabilities_says_that_it_reads_nothing(pipe):
    if os.geteuid() != 0:
        raise Skip("capabilities are given by root alone")
    pipe.shm.chmod(0o711)
    runtime = pipe.shm / "nobody"
    runtime.mkdir(mode=0o700)
    os.chown(runtime, NOBODY, NOBODY)
    program = pipe.shm / "host_environment"
    shutil.copy(pipe.build / "tests/attack/host_environment", program)
    program.chmod(0o755)
    if os.statvfs(pipe.shm).f_flag & os.ST_NOSUID:
        raise Skip("/dev/shm is mounted nosuid")
    try:
        os.setxattr(program, CAPABILITY, BIND_SERVICE)
    except OSError as error:
        raise Skip(f"no file capabilities: {error}") from error
    command = ["setpriv", "--reuid", str(NOBODY), "--clear-groups", program, runtime]
    environment = {"OTEL_SERVICE_NAME": "shop", "OTLPIPE_DIR": "/nonexistent"}
    process = rig.harness.Process(pipe, "host_environment", command, environment)
    process.wait()
    told, kept = process.out.splitlines()
    for text in (told, kept):
        check("more rights than its caller" in text, text)
        check("OTLPIPE_DIR, OTEL_SERVICE_NAME" in text, text)
    check(told.startswith(f"{ACCESS} "), told)
    equal(len(list(runtime.glob("*.region"))), 1, "regions in the directory of the option")


def a_worker_that_drops_its_rights_is_told_where_and_what_to_do(pipe):
    if os.geteuid() != 0:
        raise Skip("only root can become other users")
    pipe.shm.chmod(0o711)
    process = rig.harness.Process(
        pipe, "host_environment",
        [pipe.build / "tests/attack/host_environment", pipe.runtime, NOBODY],
    )
    process.wait(1)
    worker = process.out.splitlines()[-1]
    check(worker.startswith("worker: "), process.out)
    for text in (str(pipe.runtime), str(NOBODY), "Permission denied", "group directory"):
        check(text in worker, f"no {text!r} in {worker!r}")


if __name__ == "__main__":
    rig.harness.run(
        [
            one_byte_that_is_not_utf8_costs_that_byte,
            ends_of_lines_in_values_are_cut_off,
            a_list_that_cannot_be_read_names_its_pair,
            a_program_with_capabilities_says_that_it_reads_nothing,
            a_worker_that_drops_its_rights_is_told_where_and_what_to_do,
        ]
    )
