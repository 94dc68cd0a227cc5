#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Collector takes what otlpipe writes, by curl and by otlpipe send.

--count N: records of each signal where everybody is killed; --kills N: how often. 1000000 and 200 take
some minutes.
"""
import re

import crowd
import partners
from partners import check, equal, wait_for


def a_collector_takes_sealed_files_by_curl_as_the_readme_says(pipe):
    sums = partners.written(pipe, 20000)
    collector = partners.Collector(pipe).start()
    command = partners.readme_command("curl", "/v1/traces")
    (name,) = re.findall(r"@(traces-\S+\.binpb)", command)
    for number, (signal_name, path) in enumerate(pipe.files("sealed")):
        folder = pipe.scratch / f"curl-{number}"
        folder.mkdir()
        (folder / name.replace("traces", signal_name)).symlink_to(path)
        words = command.replace("traces", signal_name)
        words = words.replace("curl ", "curl --fail-with-body --silent --show-error ", 1)
        partners.shell(pipe, words, folder).wait()
    collector.stop()
    equal(collector.held().equals(sums), 0, "records that are there twice")


def a_collector_takes_what_is_sent_as_the_readme_says(pipe):
    sums = partners.written(pipe, 20000)
    collector = partners.Collector(pipe).start()
    sender = partners.readme_sender(pipe, "http://")
    wait_for(lambda: collector.held().has_all(sums), "the Collector has all")
    sender.stop()
    collector.stop()
    equal(collector.held().equals(sums), 0, "records that are there twice")


def producers_writer_sender_and_collector_killed_at_random_lose_nothing(pipe):
    collector = partners.Collector(pipe).start()
    behind = {"collector": (collector.kill, lambda: collector.start(ready=False))}
    all_of_them = crowd.Crowd(pipe, "http://127.0.0.1:4318", behind)
    count = pipe.options["count"]
    all_of_them.push(count, max(count // 15, 5000), pipe.options["kills"])
    sums = all_of_them.finish()
    collector.stop()
    held = collector.held()
    twice = held.equals(sums)
    print(f"# killed: {all_of_them.kills}; arrived: {held.unique}, twice: {twice}, said: {all_of_them.reported}")
    check(twice <= all_of_them.twice_max(), f"{twice} are there twice, {all_of_them.twice_max()} may be")
    check(sums["spans"]["written_items"] > 0, "nothing was written")


if __name__ == "__main__":
    partners.run(
        [
            a_collector_takes_sealed_files_by_curl_as_the_readme_says,
            a_collector_takes_what_is_sent_as_the_readme_says,
            producers_writer_sender_and_collector_killed_at_random_lose_nothing,
        ],
        count=50000,
        kills=12,
    )
