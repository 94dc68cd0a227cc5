#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole pipeline on real input: four programs walk parts of /usr and a load generator pushes
# beside them; one walker is killed in the middle; the writer drains and seals; then what is on
# disk is shown, and verified against what was committed. Exits 0 only if nothing was lost.
#
# usage: demo.sh BUILD     The files stay in BUILD/demo-out.
# $OTLPIPE_DEMO_SECONDS: how long the walkers should take, about (default 16)
set -euo pipefail

scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
seconds=${OTLPIPE_DEMO_SECONDS:-16}
load_rate=4000 # records of each signal a second
walkers=4

otlpipe=$build/cli/otlpipe
writer_program=$build/writer/otlpipe-writer
treewalk=$build/examples/treewalk
python=/usr/bin/python3
output=$build/demo-out
logs=$build/demo-logs

rm -rf "$output" "$logs"
mkdir -p "$output" "$logs"
memory=/dev/shm
[[ -d $memory && -w $memory ]] || memory=${TMPDIR:-/tmp}
runtime=$(mktemp -d "$memory/otlpipe-demo.XXXXXX")
export OTLPIPE_DIR=$runtime

# Every process that this script started and that may still run, by its id.
running=()
cleanup() {
	trap - EXIT
	local pid
	for pid in ${running[@]+"${running[@]}"}; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for pid in ${running[@]+"${running[@]}"}; do
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$runtime"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

title() { printf '\n── %s\n' "$*"; }

give_up() { # text, log
	printf 'demo: %s; it said:\n' "$1" >&2
	tail -n 20 "$2" >&2
	exit 1
}

forget() { # pid: it was waited for
	local pid left=()
	for pid in "${running[@]}"; do
		[[ $pid == "$1" ]] || left+=("$pid")
	done
	running=(${left[@]+"${left[@]}"})
}

# The parts of /usr with the most directories: "count path", largest first.
choose_trees() {
	local part
	for part in /usr/lib /usr/share /usr/include /usr/local /usr/src /usr/libexec /usr/bin /usr/sbin; do
		[[ -d $part && ! -L $part ]] || continue
		printf '%d %s\n' "$(find "$part" -type d 2>/dev/null | wc -l)" "$part"
	done | sort -rn | head -n "$walkers"
}

title "starting the writer: $output"
"$writer_program" --dir "$runtime" --output "$output" --interval 500ms \
	>"$logs/writer.log" 2>&1 </dev/null &
writer=$!
running+=("$writer")

title "$walkers walkers and one load generator, for about $seconds s"
walker_pids=() walker_paths=()
while read -r count path; do
	# So many microseconds in each directory that the whole takes the time.
	delay_us=$((seconds * 1000000 / count))
	((delay_us < 500000)) || delay_us=500000
	OTEL_SERVICE_NAME=treewalk-${path##*/} "$treewalk" --delay-us "$delay_us" "$path" \
		>"$logs/walk-${path##*/}.log" 2>&1 </dev/null &
	running+=("$!")
	walker_pids+=("$!")
	walker_paths+=("$path")
	printf '  pid %-7d walks %-12s %6d directories\n' "$!" "$path" "$count"
done < <(choose_trees)
OTEL_SERVICE_NAME=load "$otlpipe" load --processes 1 --threads 2 --rate "$load_rate" \
	--count $((load_rate * seconds)) --seed 1 >"$logs/load.json" 2>"$logs/load.log" </dev/null &
load=$!
running+=("$load")
printf '  pid %-7d load, %d records of each signal a second\n' "$load" "$load_rate"

title 'progress'
"$python" "$scripts/demo-progress.py" "$otlpipe" "$runtime" "$output" &
progress=$!
running+=("$progress")

# The first has most to do, so it is certainly in the middle of it.
victim=${walker_pids[0]}
sleep $((seconds / 3))
kill -0 "$writer" 2>/dev/null || give_up 'the writer ended early' "$logs/writer.log"
kill -KILL "$victim"
wait "$victim" 2>/dev/null || true
forget "$victim"
printf '\n  killed pid %d (%s) with SIGKILL\n' "$victim" "${walker_paths[0]}"

for i in "${!walker_pids[@]}"; do
	pid=${walker_pids[i]}
	[[ $pid == "$victim" ]] && continue
	wait "$pid" || give_up "the walker of ${walker_paths[i]} failed" "$logs/walk-${walker_paths[i]##*/}.log"
	forget "$pid"
done
wait "$load" || give_up 'the load generator failed' "$logs/load.log"
forget "$load"
kill -TERM "$progress"
wait "$progress" || true
forget "$progress"
cat "$logs"/walk-*.log | sed 's/^/  /'

title 'stopping the writer: it drains and seals'
kill -TERM "$writer"
wait "$writer" || give_up 'the writer failed' "$logs/writer.log"
forget "$writer"
sed 's/^/  /' "$logs/writer.log"

title 'the files'
shopt -s nullglob
traces=("$output"/traces/*.binpb) metrics=("$output"/metrics/*.binpb)
((${#traces[@]} > 0 && ${#metrics[@]} > 0)) || give_up 'no files were written' "$logs/writer.log"
(cd "$output" && ls -l traces metrics) | sed 's/^/  /'

title 'the slowest trace, in part'
"$otlpipe" trace "$output" --slowest 1 --lines 20 >"$logs/trace.txt" || give_up 'no trace is shown' "$logs/trace.txt"
sed 's/^/  /' "$logs/trace.txt"

title 'what is in the files, in figures'
"$otlpipe" summary "$output" --limit 8 | sed 's/^/  /'

title 'a span and a metric, as OTLP JSON, in part'
for file in "${traces[0]}" "${metrics[0]}"; do
	"$otlpipe" cat "$file" | head -c 900 | sed 's/^/  /'
	echo ' …'
done

title 'throughput'
sed 's/^/  load: /' "$logs/load.json"
printf '  %s bytes on disk\n' "$(cat "${traces[@]}" "${metrics[@]}" | wc -c)"

title 'verify: committed = written + invalid + lost + still in the rings'
status=0
"$otlpipe" verify "$output" --dir "$runtime" >"$logs/verify.log" 2>&1 || status=$?
sed 's/^/  /' "$logs/verify.log"
((status == 0)) || give_up "verify found something (exit $status)" "$logs/verify.log"
printf '\nnothing was lost; the files are in %s\n' "$output"
