#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real Collector takes what otlpipe writes."""
import re

import partners
from partners import equal


def readme_command(first_word, *words):
    """A command of the README as it stands there, with the lines that it goes on in."""
    text = (partners.ROOT / "README.md").read_text(encoding="utf-8")
    commands = [
        line
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.startswith(first_word) and all(word in line for word in words)
    ]
    equal(len(commands), 1, f"commands of the README with {first_word} {words}: {commands}")
    return commands[0]


def a_collector_takes_sealed_files_by_curl_as_the_readme_says(pipe):
    sums = partners.written(pipe, 20000)
    collector = partners.Collector(pipe).start()
    command = readme_command("curl", "/v1/traces")
    (name,) = re.findall(r"@(traces-\S+\.binpb)", command)
    for number, (signal_name, path) in enumerate(pipe.files("sealed")):
        folder = pipe.scratch / f"curl-{number}"
        folder.mkdir()
        (folder / name.replace("traces", signal_name)).symlink_to(path)
        words = command.replace("traces", signal_name)
        partners.shell(pipe, words.replace("curl ", "curl --fail-with-body --silent --show-error ", 1), folder)
    collector.stop()
    equal(collector.held().equals(sums), 0, "records that are there twice")


if __name__ == "__main__":
    partners.run(
        [
            a_collector_takes_sealed_files_by_curl_as_the_readme_says,
        ],
        count=50000,
    )
