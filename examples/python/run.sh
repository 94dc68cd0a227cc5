#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shop under opentelemetry-instrument: some requests, then what is on disk, read back: spans,
# metrics, and what the logging module was told.
# Needs: otlpipe-writer, otlpipe and curl on $PATH, and in the Python environment that is active
#        pip install -r requirements.txt, and otlpipe itself (pip install ../../python).
# usage: run.sh [PORT]
set -eu
cd "$(dirname "$0")"

port=${1:-8080}
output=$(mktemp -d)
OTLPIPE_DIR=$(mktemp -d)
export OTLPIPE_DIR
writer='' shop=''
trap 'kill $shop $writer 2>/dev/null || :; wait; rm -rf "$OTLPIPE_DIR"' EXIT
trap 'exit 1' INT TERM

otlpipe-writer --dir "$OTLPIPE_DIR" --output "$output" --interval 200ms &
writer=$!

OTEL_SERVICE_NAME=shop OTEL_TRACES_EXPORTER=otlpipe OTEL_METRICS_EXPORTER=otlpipe \
	OTEL_LOGS_EXPORTER=otlpipe OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED=true \
	OTEL_METRIC_EXPORT_INTERVAL=500 OTEL_BSP_SCHEDULE_DELAY=200 OTEL_BLRP_SCHEDULE_DELAY=200 \
	opentelemetry-instrument flask --app app run --port "$port" &
shop=$!

url=http://127.0.0.1:$port
for _ in $(seq 100); do
	curl --silent --output /dev/null "$url/" && break
	sleep 0.1
done
for path in / /price/apple /price/melon /broken; do
	curl --silent --output /dev/null --write-out "%{http_code} $path\n" "$url$path"
done
# The SDK exports in the background: wait for what the last request left.
for what in '"GET /broken"' 'Exception on /broken' http.server.active_requests; do
	for _ in $(seq 100); do
		otlpipe cat "$output" 2>/dev/null | grep -qF "$what" && break
		sleep 0.1
	done
done

kill $shop && wait $shop || :
kill $writer && wait $writer
echo "spans, metrics and logs are in $output"
for file in "$output"/traces/*.binpb "$output"/metrics/*.binpb "$output"/logs/*.binpb; do
	otlpipe cat "$file"
done
