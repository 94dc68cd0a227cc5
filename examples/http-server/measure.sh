#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What telemetry costs the server of this directory: requests a second and the 99th percentile, with it and
# without, by wrk. Rounds take turns, so that what else the machine does meets both; the best of each counts.
#
# usage: examples/http-server/measure.sh BUILD_DIR [SECONDS [ROUNDS [CONNECTIONS]]]   (10 s, 5 rounds, 16)
set -euo pipefail

[ $# -ge 1 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd)
seconds=${2:-10} rounds=${3:-5} connections=${4:-16}
command -v wrk >/dev/null || { echo "measure.sh: wrk is not installed (apt-get install wrk)" >&2; exit 1; }
scratch=$(mktemp -d "$build/http-server-XXXXXX")
runtime=$(mktemp -d /dev/shm/otlpipe-measure-XXXXXX)
server='' writer=''

stop() {
	[ -z "$1" ] || { kill "$1" 2>/dev/null && wait "$1" || true; }
}
finish() {
	stop "$server"
	stop "$writer"
	rm -rf "$scratch" "$runtime"
}
trap finish EXIT

# begin OPTION...: the server, on a port of its own
begin() {
	OTLPIPE_DIR=$runtime OTEL_SERVICE_NAME=shop "$build/examples/http-server" --port 0 "$@" >"$scratch/out" &
	server=$!
	until grep -q listening "$scratch/out"; do
		kill -0 "$server" || { echo "measure.sh: the server has ended" >&2; exit 1; }
		sleep 0.05
	done
	url=$(sed -n 's/^listening on //p' "$scratch/out")/products/42
}

# round NAME OPTION...: adds "requests-per-second p99-in-us" to the file NAME
round() {
	local name=$1
	shift
	begin "$@"
	wrk -t1 -c"$connections" -d1s "$url" >/dev/null
	wrk -t1 -c"$connections" -d"${seconds}s" --latency "$url" >"$scratch/wrk"
	stop "$server"
	server=''
	awk '
		/^ *99%/ { p99 = $2 + 0; if ($2 ~ /ms$/) p99 *= 1000; else if ($2 !~ /us$/) p99 *= 1000000 }
		/^Requests\/sec:/ { rate = $2 }
		END { if (rate == "") exit 1; print rate, p99 }' "$scratch/wrk" >>"$scratch/$name"
}

"$build/writer/otlpipe-writer" --dir "$runtime" --output "$scratch/data" --retain-bytes 256MiB 2>"$scratch/log" &
writer=$!
for ((i = 0; i < rounds; i++)); do
	round without --no-telemetry
	round with
done
stop "$writer"
writer=''
# Each answered request counts only if its spans were taken.
"$build/cli/otlpipe" verify --json "$scratch/data" >"$scratch/verify" || true
dropped=$(python3 -c 'import json, sys; print(sum(json.load(sys.stdin)["dropped_items"].values()))' <"$scratch/verify")

best() { sort -g -k"$2" "$scratch/$1" | { [ "$2" = 1 ] && tail -1 || head -1; } | cut -d' ' -f"$2"; }
printf '%-18s %12s %10s\n' "$connections connections" requests/s 'p99 us'
for name in without with; do
	printf '%-18s %12.0f %10.0f\n' "$name telemetry" "$(best $name 1)" "$(best $name 2)"
done
awk -v a="$(best without 1)" -v b="$(best with 1)" -v p="$(best without 2)" -v q="$(best with 2)" 'BEGIN {
	printf "with/without %18.3f %10.3f\n", b / a, q / p
	printf "3 spans and 1 log record take %.1f us of each request\n", 1e6 / b - 1e6 / a
}'
echo "items that were dropped: $dropped"
