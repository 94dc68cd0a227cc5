# SPDX-License-Identifier: Apache-2.0
"""Files read back by the protobuf runtime, as plain data that can be compared. Needs the SDK's
encoder package, which brings OTLP's own generated classes."""
from __future__ import annotations

import json
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from support import Pipeline


def plain(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)


def traces(pipeline: Pipeline) -> TracesData:
    data = TracesData()
    for name in pipeline.files("traces"):
        with open(name, "rb") as file:
            data.MergeFromString(file.read())
    return data


def metrics(pipeline: Pipeline) -> MetricsData:
    data = MetricsData()
    for name in pipeline.files("metrics"):
        with open(name, "rb") as file:
            data.MergeFromString(file.read())
    return data


def logs(pipeline: Pipeline) -> LogsData:
    data = LogsData()
    for name in pipeline.files("logs"):
        with open(name, "rb") as file:
            data.MergeFromString(file.read())
    return data


def _context(group: Message, scoped: Message) -> dict[str, Any]:
    return {
        "resource": plain(group.resource),
        "resource_schema_url": group.schema_url,
        "scope": plain(scoped.scope),
        "scope_schema_url": scoped.schema_url,
    }


def by_span_id(data: Message) -> dict[str, dict[str, Any]]:
    """Each span with its resource and scope, however they were grouped."""
    found: dict[str, dict[str, Any]] = {}
    for group in data.resource_spans:
        for scoped in group.scope_spans:
            for span in scoped.spans:
                key = span.span_id.hex()
                assert key not in found, f"span {key} twice"
                found[key] = {**_context(group, scoped), "span": plain(span)}
    return found


def by_metric(data: Message) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Each metric with its resource and scope, the points of its records joined."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for group in data.resource_metrics:
        for scoped in group.scope_metrics:
            for metric in scoped.metrics:
                key = (str(plain(group.resource)), scoped.scope.name, metric.name)
                value = {**_context(group, scoped), "metric": plain(metric)}
                if key in found:
                    kind = metric.WhichOneof("data")
                    points = value["metric"][kind]["data_points"]
                    found[key]["metric"][kind]["data_points"] += points
                else:
                    found[key] = value
    return found


def by_content(data: Message) -> list[dict[str, Any]]:
    """Each log record with its resource and scope, sorted: a record has no id."""
    found = [
        {**_context(group, scoped), "record": plain(record)}
        for group in data.resource_logs
        for scoped in group.scope_logs
        for record in scoped.log_records
    ]
    return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))
