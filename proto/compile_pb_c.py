#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile one .proto file to C with protoc-c, strings as pointer and length.

protobuf-c represents a proto3 `string` as a NUL-terminated char pointer, so a
text with a NUL byte inside would be cut short. `bytes` has the same encoding
on the wire, and a length: here a copy of the schema has its strings replaced
before protoc-c reads it. The files in this folder keep `string`, for every
other decoder.

usage: compile_pb_c.py PROTOC_C PROTO_ROOT OUT_ROOT FILE
FILE is relative to PROTO_ROOT; the C files keep its path below OUT_ROOT.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

STRING_FIELD = re.compile(r"^(\s*(?:repeated\s+)?)string(\s+\w+\s*=)", re.MULTILINE)


def main():
    protoc_c, proto_root, out_root, name = sys.argv[1:]
    proto_root = pathlib.Path(proto_root)
    with tempfile.TemporaryDirectory(dir=out_root) as scratch:
        for source in proto_root.glob("opentelemetry/**/*.proto"):
            copy = pathlib.Path(scratch, source.relative_to(proto_root))
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = source.read_text(encoding="utf-8")
            copy.write_text(STRING_FIELD.sub(r"\1bytes\2", text), encoding="utf-8")
        command = [protoc_c, f"--proto_path={scratch}", f"--c_out={out_root}", name]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
