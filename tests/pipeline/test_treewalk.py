#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""examples/treewalk, a real program: its spans are the directory tree, its metrics what is in it."""
import json
import os
import random
import signal

import harness

BOUNDS = [1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 26]


def plant(root, directories):
    """A random tree: {path: number of entries}, and the sizes of its files."""
    root.mkdir()
    folders, sizes = [root], []
    for number in range(directories - 1):
        folder = random.choice(folders) / f"d{number}"
        folder.mkdir()
        folders.append(folder)
    for number in range(directories * 3):
        file = random.choice(folders) / f"f{number}"
        sizes.append(random.choice([0, 1, 1024, 1025, random.randrange(100000)]))
        with open(file, "wb") as out:
            out.truncate(sizes[-1])
    # A loop, if anybody followed it.
    (random.choice(folders) / "link").symlink_to(root)
    return {str(folder): len(os.listdir(folder)) for folder in folders}, sizes


def attributes(item):
    return {a["key"]: next(iter(a["value"].values())) for a in item.get("attributes", [])}


def printed(pipe):
    """(service, item) of each span; and each metric by (service, name), the last one."""
    spans, metrics = [], {}
    for line in pipe.tool("cat", pipe.output).out.splitlines():
        data = json.loads(line)
        for resource in data.get("resourceSpans", []):
            service = attributes(resource["resource"])["service.name"]
            for scope in resource["scopeSpans"]:
                harness.equal(scope["scope"]["name"], "otlpipe.examples.treewalk", "the scope")
                spans += [(service, span) for span in scope["spans"]]
        for resource in data.get("resourceMetrics", []):
            service = attributes(resource["resource"])["service.name"]
            for scope in resource["scopeMetrics"]:
                for metric in scope["metrics"]:
                    metrics[service, metric["name"]] = metric
    return spans, metrics


def check_tree(spans, root, entries):
    """The spans of one walk are the tree of the directories below root."""
    by_id = {span["spanId"]: span for span in spans}
    harness.equal(len(by_id), len(spans), "span ids, each once")
    harness.equal(len({span["traceId"] for span in spans}), 1, "traces")
    paths = {key: attributes(span)["file.directory"] for key, span in by_id.items()}
    harness.equal(set(paths.values()), set(entries), "directories with a span")
    for key, span in by_id.items():
        path, parent = paths[key], span.get("parentSpanId", "")
        if path == str(root):
            harness.equal(parent, "", "the root's parent")
        else:
            harness.check(parent in by_id, f"{path}: its parent {parent!r} is not there")
            harness.equal(paths[parent], os.path.dirname(path), f"the parent of {path}")
            for first, last in (("startTimeUnixNano",) * 2, ("endTimeUnixNano",) * 2):
                outer, inner = int(by_id[parent][first]), int(span[last])
                inside = outer <= inner if first.startswith("start") else inner <= outer
                harness.check(inside, f"{path} is not within its parent's time: {first}")
        harness.equal(int(attributes(span)["treewalk.entries"]), entries[path], f"entries of {path}")


def check_metrics(metrics, service, sizes):
    def point(name, kind):
        return metrics[service, name][kind]["dataPoints"][0]

    harness.equal(int(point("treewalk.files", "sum")["asInt"]), len(sizes), "files")
    harness.equal(int(point("treewalk.bytes", "sum")["asInt"]), sum(sizes), "bytes")
    harness.equal(int(point("treewalk.depth", "gauge")["asInt"]), 0, "open directories at the end")
    histogram = point("treewalk.file.size", "histogram")
    buckets = [0] * (len(BOUNDS) + 1)
    for size in sizes:
        buckets[sum(size > bound for bound in BOUNDS)] += 1
    harness.equal([int(n) for n in histogram["bucketCounts"]], buckets, "buckets of sizes")
    harness.equal(int(histogram["count"]), len(sizes), "count of sizes")
    harness.equal(float(histogram["sum"]), float(sum(sizes)), "sum of sizes")


def the_spans_of_a_walk_are_the_directory_tree(pipe):
    trees = [plant(pipe.scratch / f"tree-{i}", 80) for i in range(4)]
    writer = pipe.writer()
    walks = [
        pipe.start(
            "treewalk",
            pipe.scratch / f"tree-{i}",
            environment={"OTLPIPE_DIR": str(pipe.runtime), "OTEL_SERVICE_NAME": f"walk-{i}"},
        )
        for i in range(4)
    ]
    for walk in walks:
        walk.wait()
    writer.stop()
    spans, metrics = printed(pipe)
    for i, (entries, sizes) in enumerate(trees):
        mine = [span for service, span in spans if service == f"walk-{i}"]
        check_tree(mine, pipe.scratch / f"tree-{i}", entries)
        check_metrics(metrics, f"walk-{i}", sizes)
        harness.check(f"spans accepted {len(mine)}, dropped 0" in walks[i].out, walks[i].out)
    pipe.verify()


def each_argument_is_a_trace(pipe):
    trees = [plant(pipe.scratch / f"tree-{i}", 10) for i in range(3)]
    roots = [pipe.scratch / f"tree-{i}" for i in range(3)]
    # No writer runs: the walk ends all the same, and its data wait.
    pipe.run("treewalk", *roots, environment={"OTLPIPE_DIR": str(pipe.runtime)})
    pipe.writer("--drain", ready=False).wait()
    spans, metrics = printed(pipe)
    harness.equal({service for service, _ in spans}, {"unknown_service:treewalk"}, "the service")
    for root, (entries, _) in zip(roots, trees):
        mine = [s for _, s in spans if (attributes(s)["file.directory"] + "/").startswith(f"{root}/")]
        check_tree(mine, root, entries)
    harness.equal(len({span["traceId"] for _, span in spans}), 3, "traces")
    check_metrics(metrics, "unknown_service:treewalk", [size for _, sizes in trees for size in sizes])


def a_walk_that_is_stopped_ends_the_spans_of_its_open_directories(pipe):
    plant(pipe.scratch / "tree", 300)
    writer = pipe.writer()
    environment = {"OTLPIPE_DIR": str(pipe.runtime)}
    words = ("--delay-us", 10000, pipe.scratch / "tree")
    walk = pipe.start("treewalk", *words, environment=environment)
    harness.wait_for(lambda: pipe.files("open"), "some spans are written")
    walk.send(signal.SIGINT)
    walk.wait(None)
    writer.stop()
    spans = [span for _, span in printed(pipe)[0]]
    known = {span["spanId"] for span in spans}
    orphans = [span for span in spans if span.get("parentSpanId", "") not in known | {""}]
    harness.equal(orphans, [], "spans whose parent never ended")
    roots = [span for span in spans if not span.get("parentSpanId")]
    harness.equal(len(roots), 1, "roots")
    harness.equal(roots[0]["status"]["code"], 2, "the status of a directory that was given up")
    harness.equal(roots[0]["events"][0]["name"], "exception", "the event that says why")
    pipe.verify()


if __name__ == "__main__":
    harness.run(
        [
            the_spans_of_a_walk_are_the_directory_tree,
            each_argument_is_a_trace,
            a_walk_that_is_stopped_ends_the_spans_of_its_open_directories,
        ]
    )
