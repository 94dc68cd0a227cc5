#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Decode batch files with Python's protobuf runtime; compare with what was pushed.

usage: decode_compare.py OUTPUT_DIR PYTHON_DIR EXPECTATION...

PYTHON_DIR has the modules that protoc generated from proto/. Each sealed file
is parsed as one message. Exit code 0: equal; 1: the first difference is printed.
"""
import sys

from google.protobuf import message as protobuf_message
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.internal import api_implementation

sys.dont_write_bytecode = True  # a test leaves nothing in the source tree
import decode_common

try:
    from google.protobuf.unknown_fields import UnknownFieldSet
except ImportError:  # before protobuf 4.22 it is a method

    def UnknownFieldSet(message):
        return message.UnknownFields()


def unknown_numbers(message):
    return {field.field_number for field in UnknownFieldSet(message)}


def scalar_form(field, value):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return message_form(value)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return decode_common.double_form(value)
    if field.type == FieldDescriptor.TYPE_STRING:
        return decode_common.bytes_form(value.encode("utf-8"))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return decode_common.bytes_form(value)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return value
    return str(value)


def message_form(message, known_only=True):
    if known_only and unknown_numbers(message):
        name = message.DESCRIPTOR.full_name
        raise decode_common.Mismatch(f"a {name} has unknown fields {unknown_numbers(message)}")
    form = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.label == FieldDescriptor.LABEL_REPEATED:
            form[field.name] = [scalar_form(field, one) for one in value]
        elif field.containing_oneof is not None:
            if message.HasField(field.name):
                form[field.name] = scalar_form(field, value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not message.HasField(field.name):
            form[field.name] = None
        else:
            form[field.name] = scalar_form(field, value)
    return form


def decode(signal, file):
    data = DATA_TYPES[signal]()
    try:
        data.ParseFromString(file.read_bytes())
    except protobuf_message.DecodeError as error:
        raise decode_common.Mismatch(f"{file} cannot be decoded: {error}") from error
    strange = unknown_numbers(data) - decode_common.BATCH_FIELDS
    if strange:
        raise decode_common.Mismatch(f"{file} has unknown fields {strange}")
    return message_form(data, known_only=False)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.path.insert(0, sys.argv[2])
    from opentelemetry.proto.logs.v1 import logs_pb2
    from opentelemetry.proto.metrics.v1 import metrics_pb2
    from opentelemetry.proto.trace.v1 import trace_pb2

    DATA_TYPES = {
        "traces": trace_pb2.TracesData,
        "metrics": metrics_pb2.MetricsData,
        "logs": logs_pb2.LogsData,
    }
    # The runtime written in Python makes one NaN of all.
    KEEPS_NAN = api_implementation.Type() != "python"
    sys.exit(decode_common.compare(sys.argv[1], sys.argv[3:], decode, KEEPS_NAN))
