#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What telemetry costs the server of this directory: without it, with it, and, where the build has
# opentelemetry-cpp, the same server with the SDK and each of its exporters. Each under all the load that
# wrk makes, and under the same offered load, by h2load: at the limit of a small machine, the 99th percentile
# is that of its scheduler. Rounds take turns, so that what else the machine does meets all of them; the best
# of each counts.
#
# usage: examples/http-server/measure.sh BUILD_DIR [SECONDS [ROUNDS [CONNECTIONS [RATE]]]]
#        (4 s, 3 rounds, 16 connections, 8000 requests/s: under 4 minutes for all five servers)
#
# The servers with opentelemetry-cpp, in the Debian 13 root:
#   scripts/debian13.sh run sh -c '
#       test -d build-test/debian13/opt || meson setup build-test/debian13/opt -Doptimization=3 -Dopentelemetry=enabled
#       ninja -C build-test/debian13/opt examples/http-server examples/http-server-opentelemetry \
#           bench/send_sink writer/otlpipe-writer cli/otlpipe
#       examples/http-server/measure.sh build-test/debian13/opt'
set -euo pipefail

[ $# -ge 1 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
build=$(cd "$1" && pwd)
seconds=${2:-4} rounds=${3:-3} connections=${4:-16} rate=${5:-8000}
command -v wrk >/dev/null || { echo "measure.sh: wrk is not installed (apt-get install wrk)" >&2; exit 1; }
loads=(limit)
if command -v h2load >/dev/null; then
	loads+=(offered)
else
	echo "measure.sh: without h2load there is no fixed load (apt-get install nghttp2-client)" >&2
fi
# name|what pushes, as it is printed
servers=('without|no telemetry' 'with|otlpipe')
[ ! -x "$build/examples/http-server-opentelemetry" ] ||
	servers+=('sdk-otlpipe|SDK, otlpipe' 'sdk-otlp|SDK, OTLP/HTTP' 'sdk-ostream|SDK, ostream')
scratch=$(mktemp -d "$build/http-server-XXXXXX")
runtime=$(mktemp -d /dev/shm/otlpipe-measure-XXXXXX)
server='' beside=''

stop() {
	[ -z "$1" ] || { kill "$1" 2>/dev/null && wait "$1" || true; }
}
finish() {
	stop "$server"
	stop "$beside"
	rm -rf "$scratch" "$runtime"
}
trap finish EXIT

wait_for() { # pid, pattern, file
	until grep -q "$2" "$3"; do
		kill -0 "$1" 2>/dev/null || { echo "measure.sh: it has ended: $(cat "$3")" >&2; exit 1; }
		sleep 0.05
	done
}

# begin NAME: what takes the telemetry, if anything does, and the server
begin() {
	local command=("$build/examples/http-server-opentelemetry" --port 0)
	: >"$scratch/out"
	case $1 in
	with | sdk-otlpipe)
		"$build/writer/otlpipe-writer" --dir "$runtime" --output "$scratch/data" 2>"$scratch/log" &
		beside=$!
		wait_for "$beside" '; pid ' "$scratch/log"
		;;
	sdk-otlp)
		: >"$scratch/sink"
		"$build/bench/send_sink" >"$scratch/sink" &
		beside=$!
		wait_for "$beside" . "$scratch/sink"
		;;
	esac
	case $1 in
	without) command=("$build/examples/http-server" --port 0 --no-telemetry) ;;
	with) command=("$build/examples/http-server" --port 0) ;;
	sdk-otlpipe) command+=(--exporter otlpipe) ;;
	sdk-otlp) command+=(--exporter "otlp:$(cat "$scratch/sink")") ;;
	sdk-ostream) command+=(--exporter "ostream:$scratch/stream") ;;
	esac
	OTLPIPE_DIR=$runtime OTEL_SERVICE_NAME=shop "${command[@]}" >"$scratch/out" 2>&1 &
	server=$!
	wait_for "$server" listening "$scratch/out"
	url=$(sed -n 's/^listening on //p' "$scratch/out")/products/42
}

# Processor time of a process until now in us, and how often its threads were switched.
used() { # pid
	[ -n "$1" ] || { echo 0 0; return; }
	local ticks switches
	ticks=$(sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f12,13 | tr ' ' +)
	switches=$(cat /proc/"$1"/task/*/status | awk '/ctxt_switches/ { sum += $2 } END { print sum }')
	echo $((($ticks) * 1000000 / $(getconf CLK_TCK))) "$switches"
}

# What was not taken: by full rings, or by full queues of the SDK.
missing() { # name
	case $1 in
	with | sdk-otlpipe)
		"$build/cli/otlpipe" stat --json --dir "$runtime" >"$scratch/stat"
		python3 -c 'import json, sys; print(sum(n for s in json.load(sys.stdin)["writer"]["signals"].values()
			for k, n in s.items() if k.startswith("dropped_")))' <"$scratch/stat"
		;;
	sdk-*) awk '/^spans:/ { print $2 - $4 + $7 - $9 }' "$scratch/out" ;;
	*) echo 0 ;;
	esac
}

# load KIND SECONDS: prints "requests requests-per-second p50-in-us p99-in-us"
load() {
	if [ "$1" = limit ]; then
		wrk -t1 -c"$connections" -d"$2s" --latency "$url" | awk '
			function us(text) { return text * (text ~ /us$/ ? 1 : text ~ /ms$/ ? 1000 : 1000000) }
			/^ *50%/ { p50 = us($2) }
			/^ *99%/ { p99 = us($2) }
			/ requests in / { count = $1 }
			/^Requests\/sec:/ { rate = $2 }
			END { if (rate == "") exit 1; print count, rate, p50, p99 }'
		return
	fi
	# Each connection so many a second; the log has a line a request: its start, its status, its us.
	rm -f "$scratch/requests"
	h2load --h1 -t1 -c"$connections" -D"$2" --rps=$((rate / connections)) \
		--log-file="$scratch/requests" "$url" >"$scratch/h2load"
	cut -f3 "$scratch/requests" | sort -n | awk -v seconds="$2" '{ took[NR] = $1 }
		END { if (NR < 100) exit 1
			print NR, NR / seconds, took[int(NR / 2)], took[int(NR * 0.99)] }'
}

# round NAME KIND: adds a line to the file NAME.KIND
round() {
	local before beside_before after beside_after result
	begin "$1"
	load "$2" 1 >/dev/null # to warm up
	read -r -a before < <(used "$server")
	read -r -a beside_before < <(used "$beside")
	result=$(load "$2" "$seconds")
	read -r -a after < <(used "$server")
	read -r -a beside_after < <(used "$beside")
	stop "$server"
	server=''
	# Until all is written: then the writer's page has what was dropped.
	while [ -n "$(find "$runtime" -name '*.region')" ] && kill -0 "$beside"; do sleep 0.05; done
	awk -v result="$result" -v server="$((after[0] - before[0]))" \
		-v beside="$((beside_after[0] - beside_before[0]))" \
		-v switches="$((beside_after[1] - beside_before[1]))" -v seconds="$seconds" \
		-v missing="$(missing "$1")" 'BEGIN { split(result, r, " ")
			print r[2], r[3], r[4], server / r[1], beside / r[1], switches / seconds, missing }' \
		>>"$scratch/$1.$2"
	stop "$beside"
	beside=''
	rm -rf "$scratch/data" "$scratch/stream".*
}

for ((i = 0; i < rounds; i++)); do
	for kind in "${loads[@]}"; do
		for each in "${servers[@]}"; do
			round "${each%%|*}" "$kind"
		done
	done
done

# best NAME.KIND COLUMN: the largest rate, the least of all else
best() { sort -g -k"$2,$2" "$scratch/$1" | { [ "$2" = 1 ] && tail -1 || head -1; } | cut -d' ' -f"$2"; }
most() { sort -g -k"$2,$2" "$scratch/$1" | tail -1 | cut -d' ' -f"$2"; }

for kind in "${loads[@]}"; do
	[ "$kind" = limit ] && echo "As much as $connections connections can ask (wrk, $seconds s, best of $rounds):" ||
		echo "$rate requests/s offered, $connections connections (h2load, $seconds s, best of $rounds):"
	printf '%-16s %10s %8s %8s %14s %14s %12s %10s\n' '' requests/s 'p50 us' 'p99 us' 'CPU us/request' \
		'beside it' 'switches/s' 'not taken'
	for each in "${servers[@]}"; do
		file=${each%%|*}.$kind
		printf '%-16s %10.0f %8.0f %8.0f %14.1f %14.1f %12.0f %10.0f\n' "${each##*|}" "$(best "$file" 1)" \
			"$(best "$file" 2)" "$(best "$file" 3)" "$(best "$file" 4)" "$(best "$file" 5)" \
			"$(best "$file" 6)" "$(most "$file" 7)"
	done
	echo
done
cat <<END
CPU us/request is the server's; "beside it" that of the writer, or of the receiver, which throws away all it
gets; switches/s are those of that process. "Not taken" are spans and logs, of the warm-up second too, in the
worst round: dropped by a full ring, or by a full queue of the SDK, and then not paid for either.
END
