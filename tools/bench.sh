#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the benchmarks against a real writer: it drains what they push, as it would anywhere.
# A table on the terminal, one JSON object a line in BUILD/bench.jsonl.
#
# usage: bench.sh BUILD [BENCH…]     names of programs in BUILD/bench; none: all of them
set -euo pipefail

build=$(cd "$1" && pwd)
shift
if (($# == 0)); then
	for program in "$build"/bench/bench_*; do
		[[ -f $program && -x $program ]] && set -- "$@" "${program##*/}"
	done
	if (($# == 0)); then
		echo 'bench: nothing was built; it needs libbenchmark-dev and a C++ compiler' >&2
		exit 1
	fi
fi

memory=/dev/shm
[[ -d $memory && -w $memory ]] || memory=$build
runtime=$(mktemp -d "$memory/otlpipe-bench.XXXXXX")
output=$(mktemp -d "$build/bench-out.XXXXXX")
writer=

cleanup() {
	trap - EXIT
	if [[ -n $writer ]]; then
		kill -TERM "$writer" 2>/dev/null || true
		wait "$writer" 2>/dev/null || true
	fi
	rm -rf "$runtime" "$output"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What the benches write is of no further interest: keep little of it.
"$build/writer/otlpipe-writer" --dir "$runtime" --output "$output" --interval 10ms --sync none \
	--rotate-bytes 64MiB --retain-bytes 128MiB >"$build/bench-writer.log" 2>&1 </dev/null &
writer=$!

lines=$build/bench.jsonl
: >"$lines"
cd "$output" # a bench's own files go with it
for name in "$@"; do
	OTLPIPE_DIR=$runtime OTLPIPE_BENCH_JSON=$lines "$build/bench/$name" || {
		echo "bench: $name failed; the writer said:" >&2
		tail -n 20 "$build/bench-writer.log" >&2
		exit 1
	}
done
if ! kill -0 "$writer" 2>/dev/null; then
	echo 'bench: the writer ended early; it said:' >&2
	tail -n 20 "$build/bench-writer.log" >&2
	exit 1
fi
if grep -q '"dropped":[1-9]' "$lines"; then
	echo 'bench: records were dropped, so the figures are not those of a push' >&2
	exit 1
fi
echo "bench: $(wc -l <"$lines") results in $lines"
