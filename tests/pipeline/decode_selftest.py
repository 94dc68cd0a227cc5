#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The two comparisons themselves: equal is equal, and each kind of difference is found.

usage: decode_selftest.py ORACLE_FILE PYTHON_DIR PROTO_DIR

ORACLE_FILE is the program of that name, which packs random data with
protobuf-c. Works in a directory that it makes below the current one.
"""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    oracle_file, python_dir, proto_dir = sys.argv[1:]
    failures = []

    def expect(code, text, output, *expectations):
        for script, schema in ("decode_compare.py", python_dir), ("decode_protoc.py", proto_dir):
            command = [sys.executable, HERE / script, output, schema, *expectations]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode != code or text not in done.stdout:
                failures.append(f"{script}: expected {code} and {text!r}, got {done}")

    with tempfile.TemporaryDirectory(prefix="decode-", dir=".") as scratch:
        scratch = pathlib.Path(scratch)
        good, lines = scratch / "good", scratch / "good.jsonl"
        subprocess.run([oracle_file, good, "11", "300", lines], check=True)
        expect(0, "300 spans", good, lines)
        expect(0, " logs equal what was pushed", good, lines)

        # One bit of one field of one span, and of one log record.
        broken, all_lines = scratch / "broken", scratch / "broken.jsonl"
        subprocess.run([oracle_file, broken, "11", "300", all_lines, "123"], check=True)
        expect(1, "differs at span.item.end_time_unix_nano", broken, all_lines)
        (broken / "traces" / "oracle.binpb").write_bytes((good / "traces" / "oracle.binpb").read_bytes())
        expect(1, "differs at log.item.observed_time_unix_nano", broken, all_lines)

        text = lines.read_text(encoding="ascii").splitlines(keepends=True)

        def variant(name, variant_lines):
            path = scratch / name
            path.write_text("".join(variant_lines), encoding="ascii")
            return path

        expect(1, "never pushed, or once too often", good, variant("less.jsonl", text[:-1]))
        expect(1, "are not in the files", good, variant("more.jsonl", text + text[-1:]))
        expect(1, "comes after", good, variant("order.jsonl", text[::-1]))
        expect(1, "nothing was pushed", scratch / "none", variant("none.jsonl", []))

        # A batch that ends within a message.
        file = good / "traces" / "oracle.binpb"
        file.write_bytes(file.read_bytes()[:-1])
        expect(1, "cannot be decoded", good, lines)

        # A field that OTLP does not have: number 999, one byte long.
        file = broken / "traces" / "oracle.binpb"
        file.write_bytes(file.read_bytes() + b"\xba\x3e\x01x")
        expect(1, "unknown field", broken, all_lines)
    for failure in failures:
        print(f"FAIL: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
