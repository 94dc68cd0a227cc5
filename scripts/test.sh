#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and tests every configuration of the table below, a line each, logs on failure only.
# The last line is "N passed, N failed, N skipped", summed over the configurations (CI reads it);
# exits nonzero if a test failed, a configuration did not build, or one ran no test.
#
# usage: test.sh [configuration…]     names from the table; none: all of them
# Build trees stay in build-test/<tree>, so that a second run compiles what changed only.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

MESON=${MESON:-meson}
OUT=build-test
LOG_LINES_MAX=60 # of each failed test; the whole log is named beside it
TIMEOUT=${OTLPIPE_TEST_TIMEOUT_MULTIPLIER:-1}
# As many at once as there are cores. More would save a minute or two, and make tests that wait for
# processes see a machine that is too busy.
export MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(nproc)}

# Where the partners are kept, with the caches of Go and Maven.
export OTLPIPE_PARTNERS=$PWD/$OUT/partners
# The packages, and the root that they are installed in.
export OTLPIPE_INSTALL=$PWD/$OUT/install
# The same of the tests with containers: podman's storage.
export OTLPIPE_CONTAINERS=$PWD/$OUT/containers

# What each configuration is for, and no more: all of them together have to stay below 35 minutes.
#   gcc         every test, once
#   clang       another compiler's warnings and code, module by module. Its code also runs in threads
#               (tsan) and on random input (fuzz); what processes do is shown by gcc and asan-ubsan.
#               OTLPIPE_TEST_SHORT=1 tells the tests that try the same with very many random values to
#               take fewer: gcc and asan-ubsan take all
#   asan-ubsan  modules and processes: memory, undefined behaviour
#   tsan        what has threads
#   stress      many kills and faults, one test after another
#   valgrind    modules: memory that is not initialized, leaks; short, as clang
#   partners    a real Collector and a real Kafka broker, built the first time by scripts/partners.sh
#   install     Debian packages, and a root in which they are installed and that boots, made the first
#               time by scripts/install-root.sh
#   containers  the Containerfile and the examples of docs/containers.md, by podman
#   fuzz        random input, clang's sanitizers
#   debian13    modules and processes with the next release's compiler and libraries, but for the suite
#               "long", and all that needs opentelemetry-cpp, which Debian 12 lacks; in a root of its own:
#               debian13.sh
#
# name | tree | compiler | meson options | suites (all: every test) | timeout factor | wrapper
configurations=(
	'gcc|gcc|gcc|-Ddebug=true|all|1|'
	'clang|clang|clang|-Ddebug=true -Dbench=disabled|unit|1|'
	'asan-ubsan|asan|gcc|-Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Dbench=disabled|unit pipeline|4|'
	'tsan|tsan|clang|-Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized -Dbench=disabled|tsan|6|'
	'stress|gcc|gcc|-Ddebug=true|stress|1|'
	'partners|gcc|gcc|-Ddebug=true|partners|1|'
	'install|gcc|gcc|-Ddebug=true|install|1|'
	'containers|gcc|gcc|-Ddebug=true|containers|1|'
	'valgrind|gcc|gcc|-Ddebug=true|unit|10|valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect'
)
if [[ -f tests/fuzz/meson.build ]]; then
	configurations+=('fuzz|fuzz|clang|-Dfuzz=true -Db_lundef=false -Dbuildtype=debugoptimized -Dbench=disabled|fuzz|4|')
fi
configurations+=('debian13|debian13/build|debian13|-Doptimization=1 -Ddebug=true -Dbench=disabled -Dopentelemetry=enabled|unit pipeline cpp|1|')

# A report of a sanitizer is a failure, wherever it happens.
export ASAN_OPTIONS=${ASAN_OPTIONS:-halt_on_error=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:abort_on_error=1:print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}

total_passed=0 total_failed=0 total_skipped=0

line() { printf '%-11s %s\n' "$1" "$2"; }

broken() { # name, what, log
	total_failed=$((total_failed + 1))
	line "$1" "FAILED: $2; log: $3"
	tail -n "$LOG_LINES_MAX" "$3" | sed 's/^/    /'
}

# Can it run here? What cannot is skipped, loudly; with CI=true that is a failure, but for the two that need
# a machine on which another system boots or containers run: install and containers.
can_run() { # name, what is not tested then, command that says why not
	local why
	why=$("${@:3}") && return
	if [[ ${CI:-} == true && $1 != install ]]; then
		total_failed=$((total_failed + 1))
		line "$1" "FAILED: NOT RUN, though CI=true: $why"
	else
		total_skipped=$((total_skipped + 1))
		line "$1" "NOT RUN: $why. $2"
	fi
	return 1
}

# What a configuration needs before it is built: a root, packages.
prepare() { # name, log, what it is, command
	"${@:4}" </dev/null >>"$2" 2>&1 || { broken "$1" "$3" "$2"; return 1; }
}

prepare_debian13() { # name, log
	can_run "$1" 'Nothing was built or tested on Debian 13, nor with opentelemetry-cpp.' scripts/debian13.sh can &&
		prepare "$1" "$2" 'making the Debian 13 root' scripts/debian13.sh root
}

prepare_install() { # name, log
	can_run "$1" 'No package was built, installed or booted.' scripts/install-root.sh can "$OTLPIPE_INSTALL" &&
		prepare "$1" "$2" 'making the root' scripts/install-root.sh make "$OTLPIPE_INSTALL" &&
		prepare "$1" "$2" 'building the packages' scripts/build-deb.sh "$OTLPIPE_INSTALL/deb"
}

# What is fetched more than computed, and takes minutes, is made beside the first configurations. Each of
# these commands has a lock: a configuration that comes too early waits for it, and calls it again, so what
# goes wrong is said there and not here.
make_ahead() { # names of configurations
	local name
	for name; do
		case $name in
		debian13) scripts/debian13.sh can && scripts/debian13.sh root ;;
		install) scripts/install-root.sh can "$OTLPIPE_INSTALL" && scripts/install-root.sh make "$OTLPIPE_INSTALL" ;;
		containers) scripts/containers.sh can && scripts/containers.sh run "$OTLPIPE_CONTAINERS" true ;;
		partners) scripts/partners.sh "$OTLPIPE_PARTNERS" ;;
		esac
	done </dev/null >"$OUT/ahead.log" 2>&1
}

# Everything, as a warning is an error for each compiler; where one has all of it already, only what
# the tests need.
build_configuration() { # name, directory, suites; meson is run_configuration's
	local targets=()
	if [[ $1 =~ ^(tsan|fuzz|install|containers)$ ]]; then
		# shellcheck disable=SC2086
		mapfile -t targets < <(/usr/bin/python3 scripts/test-targets.py "$MESON" "$2" $3)
		((${#targets[@]} > 0)) || { echo "no test of suite $3"; return 1; }
		ninja -C "$2" "${targets[@]}"
	else
		$meson compile -C "$2"
	fi
}

run_configuration() {
	local name tree compiler options suites factor wrapper
	IFS='|' read -r name tree compiler options suites factor wrapper <<<"$1"
	local dir=$OUT/$tree log=$OUT/$name.log started=$SECONDS built suite arguments=() meson=$MESON
	local variables=() root=

	: >"$log"
	if [[ $compiler == debian13 ]]; then
		prepare_debian13 "$name" "$log" || return
		root="root $((SECONDS - started)) s, "
		started=$SECONDS
		# gcc runs all of it.
		variables=(OTLPIPE_TEST_SHORT=1)
		arguments+=(--no-suite long)
		meson='scripts/debian13.sh run meson' compiler=gcc
	fi
	if [[ $name == install ]]; then
		prepare_install "$name" "$log" || return
		root="root and packages $((SECONDS - started)) s, "
		started=$SECONDS
	fi
	[[ $name == clang ]] && variables=(OTLPIPE_TEST_SHORT=1)
	# The options are words without spaces, split on purpose. C++ goes with its compiler.
	local cxx=g++
	[[ $compiler == clang ]] && cxx=clang++
	# shellcheck disable=SC2086
	if [[ ! -f $dir/build.ninja ]]; then
		CC=$compiler CXX=$cxx $meson setup "$dir" $options </dev/null >>"$log" 2>&1 ||
			{ broken "$name" 'meson setup' "$log"; return; }
	fi
	build_configuration "$name" "$dir" "$suites" </dev/null >>"$log" 2>&1 || { broken "$name" 'build' "$log"; return; }
	built=$((SECONDS - started))

	if [[ $suites != all ]]; then
		for suite in $suites; do arguments+=(--suite "$suite"); done
	fi
	[[ -n $wrapper ]] && arguments+=(--wrapper "$wrapper") && variables=(OTLPIPE_TEST_SHORT=1)
	# meson adds the wrapper's name to the log's.
	local results=$dir/meson-logs/results-$name${wrapper:+-${wrapper%% *}}.json
	rm -f "$results"
	env ${variables[@]+"${variables[@]}"} $meson test -C "$dir" --no-rebuild --logbase "results-$name" \
		--timeout-multiplier "$((factor * TIMEOUT))" ${arguments[@]+"${arguments[@]}"} \
		</dev/null >>"$log" 2>&1
	local status=$? counts passed failed skipped
	counts=$(/usr/bin/python3 scripts/test-totals.py "$results")
	read -r passed failed skipped <<<"$counts"
	if ((passed + failed + skipped == 0)); then
		broken "$name" "no test ran (meson test: exit $status)" "$log"
		return
	fi
	if ((status != 0 && failed == 0)); then
		broken "$name" "meson test: exit $status" "$log"
	fi
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
	line "$name" "$passed passed, $failed failed, $skipped skipped  (${root}build $built s, tests $((SECONDS - started - built)) s)"
	if ((failed + skipped > 0)); then
		/usr/bin/python3 scripts/test-totals.py --explain "$LOG_LINES_MAX" "$results"
	fi
}

mkdir -p "$OUT" || exit 1
chosen=()
for configuration in "${configurations[@]}"; do
	name=${configuration%%|*}
	if (($# > 0)); then
		[[ " $* " == *" $name "* ]] || continue
	fi
	chosen+=("$configuration")
done
make_ahead "${chosen[@]%%|*}" &
ahead=$!
for configuration in "${chosen[@]}"; do run_configuration "$configuration"; done
wait "$ahead" # Each configuration has waited for its part of it.

printf 'all of it in %d s\n' "$SECONDS"
printf '%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
((total_failed == 0 && total_passed > 0))
