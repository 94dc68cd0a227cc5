#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image of the Containerfile, and the examples of docs/containers.md as they stand there, run by
podman: each container has namespaces of its own, and no network."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import yaml

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "pipeline"))
import harness
from harness import check, equal, wait_for

SCRIPT = harness.SOURCE / "scripts/containers.sh"
EXAMPLES = harness.SOURCE / "examples/containers"
IMAGE = "localhost/otlpipe"
USER = 10001
SIGNALS = ("traces", "metrics")
BANNER = "#" + "=" * 76


def podman(pipe, *words, expected=0, stderr=subprocess.PIPE):
    """What it printed; with stderr=STDOUT, what it printed there too."""
    done = subprocess.run(
        [os.environ["PODMAN"], *map(str, words)], stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.PIPE, stderr=stderr, text=True,
    )  # fmt: skip
    check(
        expected is None or done.returncode == expected,
        lambda: f"podman {words}: status {done.returncode}, expected {expected}\n{done.stdout}{done.stderr}",
    )
    return done.stdout


def remove_all(pipe, expected=0):
    for what in ("pod", "container", "volume"):
        podman(pipe, what, "rm", "--all", "--force", *(["--time", "20"] if what != "volume" else []), expected=expected)


def run(pipe, name, *words, mounts=()):
    """A container as a careful user starts one."""
    podman(
        pipe, "run", "--detach", "--name", name, "--network", "none", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--read-only",
        *(word for mount in mounts for word in ("--volume", mount)),
        IMAGE, *words,
    )  # fmt: skip


def stat(pipe, name):
    return json.loads(podman(pipe, "exec", name, "otlpipe", "stat", "--json"))


def has_written(pipe, name, count=200):
    """The writer of that container has written some of each signal since now."""

    def written():
        found = stat(pipe, name)["writer"]["signals"]
        return min(found[signal_name]["written_items"] for signal_name in SIGNALS)

    before = written()
    wait_for(lambda: written() > before + count, "the writer writes on")


def state(pipe, name):
    return json.loads(podman(pipe, "inspect", name))[0]["State"]


def ended(pipe, name):
    return wait_for(
        lambda: next((s for s in [state(pipe, name)] if s["Status"] == "exited"), None), f"{name} has ended"
    )


def mounted(pipe, name, where):
    """Where this machine has what that container has mounted there."""
    mounts = json.loads(podman(pipe, "inspect", name))[0]["Mounts"]
    return pathlib.Path(next(mount["Source"] for mount in mounts if mount["Destination"] == where))


def accepted(pipe, name):
    """What the load generator of that container says, whose last line is JSON."""
    last = json.loads(podman(pipe, "logs", name).splitlines()[-1])
    return {"traces": last["spans"]["accepted"], "metrics": last["points"]["accepted"]}


def verify(pipe, output, rings):
    """As the user whose they are, which root is not."""
    found = json.loads(
        podman(
            pipe, "run", "--rm", "--network", "none", "--volume", f"{output}:/telemetry",
            "--volume", f"{rings}:/run/otlpipe", IMAGE, "otlpipe", "verify", "--json", "/telemetry",
        )
    )  # fmt: skip
    equal(found["ok"], True, "verify's ok")
    return found["signals"]


def nothing_is_missing(pipe, output, rings, *apps):
    found = verify(pipe, output, rings)
    for signal_name in SIGNALS:
        pushed = sum(accepted(pipe, app)[signal_name] for app in apps)
        equal(found[signal_name]["written_items"], pushed, f"{signal_name} in the files")


def is_refused_io_uring(pipe, name):
    said = podman(pipe, "logs", name, stderr=subprocess.STDOUT)
    check("pwrite (io_uring refused: " in said, said)


# ---- the image ----


def the_image_runs_as_a_user_without_rights_and_lacks_nothing(pipe):
    found = podman(
        pipe, "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", IMAGE, "sh", "-c",
        "id -u; otlpipe --version; otlpipe-writer --version; ldd /usr/bin/otlpipe /usr/bin/otlpipe-writer; "
        "command -v cc meson || echo no compiler",
    )  # fmt: skip
    lines = found.splitlines()
    equal(lines[0], str(USER), "its user")
    check(re.fullmatch(r"otlpipe \d+\.\d+\.\d+", lines[1]), found)
    check(re.fullmatch(r"otlpipe-writer \d+\.\d+\.\d+", lines[2]), found)
    check("not found" not in found, found)
    equal(lines[-1], "no compiler", "what building needs")
    version = re.search(r"\d.*", lines[1])[0]
    equal(pipe.tool("--version").out.split()[-1], version, "the version of this tree")


def its_probe_says_whether_a_writer_can_write(pipe):
    podman(pipe, "volume", "create", "rings")
    run(pipe, "idle", "sleep", "infinity", mounts=["rings:/run/otlpipe"])
    podman(pipe, "exec", "idle", "otlpipe", "stat", "--check", expected=1)
    run(pipe, "writer", "otlpipe-writer", mounts=["rings:/run/otlpipe", "telemetry:/telemetry"])
    wait_for(
        lambda: subprocess.run(
            [os.environ["PODMAN"], "exec", "idle", "otlpipe", "stat", "--check"], capture_output=True, check=False
        ).returncode == 0,
        "the probe answers yes",
    )  # fmt: skip
    podman(pipe, "kill", "writer")
    ended(pipe, "writer")
    podman(pipe, "exec", "idle", "otlpipe", "stat", "--check", expected=1)
    podman(pipe, "kill", "idle")  # which does not hear SIGTERM


# ---- a sidecar ----


def pod_of(name, changes):
    """The YAML of an example, as podman takes it: it knows no sidecars among the init containers."""
    documents = list(yaml.safe_load_all((EXAMPLES / "kubernetes" / name).read_text(encoding="utf-8")))
    return [changes(document) for document in documents]


def sidecar_as_container(pod):
    spec = pod["spec"]
    writer = spec["initContainers"].pop()
    equal(writer.pop("restartPolicy"), "Always", "what makes it a sidecar")
    spec["containers"].insert(0, writer)
    return pod


def play(pipe, documents):
    path = pipe.scratch / "pod.yaml"
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    podman(pipe, "play", "kube", "--network", "none", path)


def a_pod_that_is_stopped_leaves_no_record_behind(pipe):
    play(pipe, pod_of("sidecar.yaml", sidecar_as_container))
    has_written(pipe, "shop-writer")
    is_refused_io_uring(pipe, "shop-writer")
    # All of its containers get SIGTERM at once.
    podman(pipe, "pod", "stop", "--time", "60", "shop")
    equal(ended(pipe, "shop-app")["ExitCode"], 0, "the application's status")
    equal(ended(pipe, "shop-writer")["ExitCode"], 0, "the writer's status")
    rings = mounted(pipe, "shop-writer", "/run/otlpipe")
    nothing_is_missing(pipe, mounted(pipe, "shop-writer", "/telemetry"), rings, "shop-app")


def a_killed_sidecar_goes_on_where_it_was(pipe):
    play(pipe, pod_of("sidecar.yaml", sidecar_as_container))
    for _ in range(3):
        has_written(pipe, "shop-writer", 50)
        podman(pipe, "kill", "shop-writer")
        ended(pipe, "shop-writer")
        podman(pipe, "start", "shop-writer")
        wait_for(lambda: state(pipe, "shop-writer")["Running"], "the writer is there again")
    has_written(pipe, "shop-writer", 50)
    podman(pipe, "pod", "stop", "--time", "60", "shop")
    equal(ended(pipe, "shop-writer")["ExitCode"], 0, "the writer's status")
    rings = mounted(pipe, "shop-writer", "/run/otlpipe")
    nothing_is_missing(pipe, mounted(pipe, "shop-writer", "/telemetry"), rings, "shop-app")


# ---- a writer for the node ----


def one_writer_serves_the_pods_of_a_node(pipe):
    places = {"/run/otlpipe": pipe.shm / "run-otlpipe", "/var/lib/otlpipe": pipe.scratch / "lib-otlpipe"}

    def here(document):
        if document["kind"] == "DaemonSet":
            name = document["metadata"]["name"]
            document = {**document["spec"]["template"], "apiVersion": "v1", "kind": "Pod"}
            # Podman removes an init container that has ended, and is at times too early for that.
            document["metadata"].update(
                name=name, annotations={"io.podman.annotations.init.container.type": "always"}
            )
        for volume in document["spec"]["volumes"]:
            place = places[volume["hostPath"]["path"]]
            volume["hostPath"]["path"] = str(place)
        return document

    writer, shop = pod_of("daemonset.yaml", here)
    play(pipe, [writer])
    wait_for(
        lambda: subprocess.run(
            [os.environ["PODMAN"], "exec", "otlpipe-writer-writer", "otlpipe", "stat", "--check"],
            capture_output=True, check=False,
        ).returncode == 0,
        "the writer's probe answers yes",
    )  # fmt: skip
    play(pipe, [shop])
    other = json.loads(json.dumps(shop))
    other["metadata"]["name"] = "bank"
    other["spec"]["securityContext"].update(runAsUser=20002, runAsGroup=20002)
    play(pipe, [other])
    wait_for(lambda: len(stat(pipe, "otlpipe-writer-writer")["regions"]) == 2, "both have a region")
    has_written(pipe, "otlpipe-writer-writer")
    for name in ("shop", "bank"):
        podman(pipe, "pod", "stop", "--time", "30", name)
    podman(pipe, "pod", "stop", "--time", "30", "otlpipe-writer")
    equal(ended(pipe, "otlpipe-writer-writer")["ExitCode"], 0, "the writer's status")
    nothing_is_missing(pipe, places["/var/lib/otlpipe"], places["/run/otlpipe"], "shop-app", "bank-app")
    shutil.rmtree(places["/run/otlpipe"])


# ---- compose ----


def the_compose_file_goes_up_and_down_and_loses_nothing(pipe):
    compose = shutil.which("podman-compose")
    if compose is None:
        raise harness.Skip("podman-compose is not installed")
    file = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))
    # A user's application has a network; here is none.
    file["services"]["app"]["network_mode"] = "none"
    folder = pipe.scratch / "compose"
    folder.mkdir()
    (folder / "compose.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    # podman-compose 1.0 forgets what a volume is made of.
    options = file["volumes"]["rings"]["driver_opts"]
    podman(
        pipe, "volume", "create", *(f"--opt={key}={value}" for key, value in options.items()), "compose_rings"
    )  # fmt: skip

    # Beside network_mode it names a network too, which podman refuses.
    front = pipe.scratch / "podman"
    front.write_text(
        '#!/bin/bash\nwords=()\nwhile (($#)); do case $1 in --net | --network-alias) shift 2 ;; '
        '*) words+=("$1"); shift ;; esac; done\nexec "$PODMAN" "${words[@]}"\n',
        encoding="utf-8",
    )
    front.chmod(0o755)

    def do(*words):
        command = [compose, "--podman-path", front, *words]
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        equal(done.returncode, 0, f"podman-compose {words}: {done.stdout}{done.stderr}")
        return done

    said = do("up", "--detach", "--no-build").stdout
    check("compose_writer_1" in podman(pipe, "ps", "--format", "{{.Names}}"), said)
    has_written(pipe, "compose_writer_1")
    mount = podman(pipe, "exec", "compose_app_1", "sh", "-c", "grep /run/otlpipe /proc/mounts")
    check(mount.startswith("tmpfs "), f"the rings are on {mount}")
    podman(pipe, "stop", "--time", "30", "compose_app_1")
    equal(ended(pipe, "compose_app_1")["ExitCode"], 0, "the application's status")
    podman(pipe, "stop", "--time", "30", "compose_writer_1")
    equal(ended(pipe, "compose_writer_1")["ExitCode"], 0, "the writer's status")
    rings = mounted(pipe, "compose_writer_1", "/run/otlpipe")
    nothing_is_missing(pipe, mounted(pipe, "compose_writer_1", "/telemetry"), rings, "compose_app_1")


TESTS = [
    the_image_runs_as_a_user_without_rights_and_lacks_nothing,
    its_probe_says_whether_a_writer_can_write,
    a_pod_that_is_stopped_leaves_no_record_behind,
    a_killed_sidecar_goes_on_where_it_was,
    one_writer_serves_the_pods_of_a_node,
    the_compose_file_goes_up_and_down_and_loses_nothing,
]


def cleaned(function):
    def test(pipe):
        pipe.undo.append(lambda: remove_all(pipe, expected=None))
        function(pipe)
        remove_all(pipe)

    test.__name__ = function.__name__
    return test


def main():
    if "PODMAN" in os.environ:
        harness.run([cleaned(test) for test in TESTS])
    can = subprocess.run([SCRIPT, "can"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if can.returncode != 0:
        why = can.stdout.strip()
        print(f"1..0 # SKIP {why}\n{BANNER}\n# NOT RUN: the tests with containers: {why}\n{BANNER}", flush=True)
        sys.exit(0)
    cache = os.environ.get("OTLPIPE_CONTAINERS") or str(pathlib.Path(sys.argv[1]).resolve() / "containers")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    child = subprocess.Popen([SCRIPT, "run", cache, sys.executable, "-B", __file__, *sys.argv[1:]])
    try:
        sys.exit(child.wait())
    finally:
        child.kill()
        child.wait()


if __name__ == "__main__":
    main()
