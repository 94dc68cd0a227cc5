# SPDX-License-Identifier: Apache-2.0
"""Log records as tests compare them: what `otlpipe cat` prints, as plain values of Python."""
import base64
import json


def value(any_value):
    """An AnyValue; bytes as bytes, so that they differ from text."""
    if not any_value:
        return None
    ((kind, content),) = any_value.items()
    if kind == "intValue":
        return int(content)
    if kind == "bytesValue":
        return base64.b64decode(content)
    if kind == "arrayValue":
        return [value(item) for item in content.get("values", [])]
    if kind == "kvlistValue":
        return attributes(content.get("values", []))
    return content


def attributes(pairs):
    return {pair["key"]: value(pair.get("value")) for pair in pairs}


def records(pipe):
    """All log records in the output directory, in the order of the files, each with its resource's
    attributes and its scope's name."""
    found = []
    for line in pipe.tool("cat", pipe.output).out.splitlines():
        for resource in json.loads(line).get("resourceLogs", []):
            of_resource = attributes(resource.get("resource", {}).get("attributes", []))
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    record["resource"] = of_resource
                    record["scope"] = scope.get("scope", {}).get("name")
                    record["attributes"] = attributes(record.get("attributes", []))
                    record["body"] = value(record.get("body"))
                    found.append(record)
    return found
