#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Decode batch files with `protoc --decode`; compare with what was pushed.

usage: decode_protoc.py OUTPUT_DIR PROTO_DIR EXPECTATION... [--protoc PROTOC]

PROTO_DIR is proto/ of this repository. protoc's text is read by the small
parser below, not by a protobuf library, so that what is compared is protoc's
reading of the file; only the schema's own types are read through a library.
Exit code 0: equal; 1: the first difference is printed.
"""
import argparse
import re
import subprocess
import sys

from google.protobuf import descriptor_pb2

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
import decode_common

PROTO_FILES = {
    "traces": "opentelemetry/proto/trace/v1/trace.proto",
    "metrics": "opentelemetry/proto/metrics/v1/metrics.proto",
    "logs": "opentelemetry/proto/logs/v1/logs.proto",
}
FIELD = descriptor_pb2.FieldDescriptorProto
ESCAPE = re.compile(rb"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Schema:
    """Messages as {field name: descriptor}, enums as {name: number}."""

    def __init__(self, protoc, proto_dir):
        command = [protoc, f"--proto_path={proto_dir}", "--include_imports", "-o/dev/stdout"]
        output = subprocess.run(
            command + list(PROTO_FILES.values()), check=True, stdout=subprocess.PIPE
        ).stdout
        self.messages = {}
        self.enums = {}
        for file in descriptor_pb2.FileDescriptorSet.FromString(output).file:
            for message in file.message_type:
                self.add_message("." + file.package, message)
            for enum in file.enum_type:
                self.add_enum("." + file.package, enum)

    def add_message(self, prefix, message):
        name = f"{prefix}.{message.name}"
        self.messages[name] = {field.name: field for field in message.field}
        for nested in message.nested_type:
            self.add_message(name, nested)
        for enum in message.enum_type:
            self.add_enum(name, enum)

    def add_enum(self, prefix, enum):
        values = {value.name: str(value.number) for value in enum.value}
        self.enums[f"{prefix}.{enum.name}"] = values


def unescape(quoted):
    def one(match):
        code = match.group(1)
        if code[:1] in b"01234567":
            return bytes([int(code, 8)])
        if code[:1] == b"x":
            return bytes([int(code[1:], 16)])
        return LETTERS.get(code, code)

    return ESCAPE.sub(one, quoted[1:-1])


class TextParser:
    """protoc's text format, as it prints it: one field, or one brace, a line."""

    def __init__(self, schema, file, lines):
        self.schema = schema
        self.file = file
        self.lines = iter(lines)

    def fail(self, text):
        raise decode_common.Mismatch(f"{self.file}: {text}")

    def message(self, type_name, is_top=False):
        fields = self.schema.messages[type_name]
        form = self.defaults(fields)
        for line in self.lines:
            line = line.strip()
            if line == b"}":
                return form
            name, is_scalar, value = line.partition(b": ")
            name = (name if is_scalar else line.removesuffix(b" {")).decode("ascii")
            if name.isdigit():
                self.unknown(type_name, int(name), is_top, not is_scalar)
                continue
            field = fields[name]
            value = self.scalar(field, value) if is_scalar else self.message(field.type_name)
            if field.label == FIELD.LABEL_REPEATED:
                form[name].append(value)
            else:
                form[name] = value
        if not is_top:
            self.fail("the text ends within a message")
        return form

    def defaults(self, fields):
        form = {}
        for name, field in fields.items():
            if field.label == FIELD.LABEL_REPEATED:
                form[name] = []
            elif field.type == FIELD.TYPE_MESSAGE:
                form[name] = None
            elif field.type in (FIELD.TYPE_STRING, FIELD.TYPE_BYTES):
                form[name] = "x:"
            elif field.type == FIELD.TYPE_DOUBLE:
                form[name] = decode_common.double_form(0.0)
            else:
                form[name] = False if field.type == FIELD.TYPE_BOOL else "0"
            if field.HasField("oneof_index"):
                del form[name]
        return form

    def unknown(self, type_name, number, is_top, is_nested):
        if not is_top or number not in decode_common.BATCH_FIELDS:
            self.fail(f"{type_name} has the unknown field {number}")
        depth = 1 if is_nested else 0
        while depth:
            line = next(self.lines).strip()
            depth += line.endswith(b" {") - (line == b"}")

    def scalar(self, field, value):
        if field.type in (FIELD.TYPE_STRING, FIELD.TYPE_BYTES):
            return decode_common.bytes_form(unescape(value))
        if field.type == FIELD.TYPE_DOUBLE:
            return decode_common.double_form(float(value))
        text = value.decode("ascii")
        if field.type == FIELD.TYPE_BOOL:
            return {"true": True, "false": False}[text]
        if field.type == FIELD.TYPE_ENUM:
            return self.schema.enums[field.type_name].get(text, text)
        return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output_dir")
    parser.add_argument("proto_dir")
    parser.add_argument("expectation", nargs="+")
    parser.add_argument("--protoc", default="protoc")
    args = parser.parse_args()
    schema = Schema(args.protoc, args.proto_dir)

    def decode(signal, file):
        name = decode_common.DATA_MESSAGES[signal]
        command = [
            args.protoc, f"--proto_path={args.proto_dir}", f"--decode={name}", PROTO_FILES[signal],
        ]
        with open(file, "rb") as data:
            done = subprocess.run(command, check=False, stdin=data, capture_output=True)
        if done.returncode != 0:
            raise decode_common.Mismatch(f"{file} cannot be decoded: {done.stderr.decode()}")
        lines = done.stdout.split(b"\n")[:-1]
        return TextParser(schema, file, lines).message("." + name, is_top=True)

    # Its text has one NaN for all.
    return decode_common.compare(args.output_dir, args.expectation, decode, keep_nan_payload=False)


if __name__ == "__main__":
    sys.exit(main())
