#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the programs that otlpipe is tested with: an OpenTelemetry Collector from Go modules, a
# Kafka broker from Maven's jars. Once: what is there and of the same sources is left alone. A part
# comes into being whole, by a rename, or not at all.
#
# usage: partners.sh [--check] [--with-victoria] DIR
#   DIR               where they go, and the caches of Go and Maven: nothing is left in the home
#   --check           builds nothing: says what is missing to build them, and exits 77 if anything is
#   --with-victoria   VictoriaMetrics too, a back end for metrics (a minute more)
#
# Makes DIR/collector, DIR/kafka/*.jar and DIR/victoria-metrics. Needs Go (go.mod says which), a Java
# runtime (17 or later) and Maven, and the registries of both; with all of it built, none of them but
# Java. Exits 77 where a tool is missing.
set -euo pipefail

VICTORIA_VERSION=v1.151.0
JAVA_OLDEST=17
SKIP=77

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sources=$here/tests/partners

say() { printf 'partners: %s\n' "$*" >&2; }

check_only=no victoria=no
while [[ ${1:-} == --* ]]; do
	case $1 in
	--check) check_only=yes ;;
	--with-victoria) victoria=yes ;;
	*) say "no such option: $1"; exit 2 ;;
	esac
	shift
done
(($# == 1)) || { say "usage: partners.sh [--check] [--with-victoria] DIR"; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)

# The number before the first dot of a version, and the one behind it.
at_least() { # wanted, found
	[[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

# Sets $go. An installation by Go's own archive is in no PATH that a login makes by itself.
find_go() {
	local candidate wanted found
	wanted=$(sed -n 's/^go //p' "$sources/collector/go.mod")
	go=
	for candidate in "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-*/bin/go; do
		[[ -x $candidate ]] || continue
		found=$(GOTOOLCHAIN=local "$candidate" env GOVERSION) || continue
		# From 1.21 on it gets itself the version that go.mod names, as a module.
		if at_least "$wanted" "${found#go}" || at_least 1.21 "${found#go}"; then
			go=$candidate
			at_least "$wanted" "${found#go}" || export GOTOOLCHAIN=auto
			return
		fi
		too_old=" ($candidate is $found)"
	done
	missing+=("Go $wanted, or any from 1.21 on where it may fetch that one${too_old:-}")
}

find_java() {
	local found
	if ! command -v java >/dev/null; then
		missing+=("a Java runtime: default-jre-headless")
		return
	fi
	found=$(java -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p')
	((${found:-0} >= JAVA_OLDEST)) || missing+=("Java $JAVA_OLDEST or later, not ${found:-an unknown one}")
}

# A stamp is the sum of all that a part is made of.
stamp_of() { cat "$@" | sha256sum | cut -d ' ' -f 1; }
is_made() { [[ -e $dir/$1 && -f $dir/$1.stamp && $(<"$dir/$1.stamp") == "$2" ]]; }
# The stamp goes before the thing and comes after it.
replace() { # name, stamp; what is new is $dir/$name.new
	rm -rf "${dir:?}/$1.stamp" "${dir:?}/$1"
	mv "$dir/$1.new" "$dir/$1"
	printf '%s\n' "$2" >"$dir/$1.stamp.new"
	mv "$dir/$1.stamp.new" "$dir/$1.stamp"
}

build_collector() {
	say "the Collector: some 3 minutes the first time"
	(cd "$sources/collector" && "$go" build -trimpath -ldflags '-s -w' -o "$dir/collector.new" .)
	replace collector "$1"
}

# Maven compares each jar with the checksum that the repository has (-C).
build_kafka() {
	say "the Kafka broker"
	rm -rf "$dir/kafka.new"
	mvn -q -B -C -f "$sources/kafka/pom.xml" "-Dmaven.repo.local=$dir/maven" \
		dependency:copy-dependencies "-DoutputDirectory=$dir/kafka.new" >&2
	replace kafka "$1"
}

# go install looks at no go.mod of ours, and Go's checksums of public modules count.
build_victoria() {
	say "VictoriaMetrics $VICTORIA_VERSION"
	rm -rf "$dir/victoria.new"
	GOBIN=$dir/victoria.new "$go" install "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@$VICTORIA_VERSION"
	mv "$dir/victoria.new/victoria-metrics" "$dir/victoria-metrics.new"
	rmdir "$dir/victoria.new"
	replace victoria-metrics "$1"
}

# One builds, the others wait and find it done.
exec 9>"$dir/lock"
[[ $check_only == yes ]] || flock 9

collector_stamp=$(stamp_of "$sources"/collector/*.go "$sources"/collector/go.mod "$sources"/collector/go.sum)
kafka_stamp=$(stamp_of "$sources/kafka/pom.xml")
victoria_stamp=$(printf '%s' "$VICTORIA_VERSION" | stamp_of)

export GOCACHE=$dir/go-cache GOMODCACHE=$dir/go-modules GOPATH=$dir/go
# So that everybody can remove the cache of modules; and no version of ours is put in.
export GOFLAGS='-mod=readonly -modcacherw -buildvcs=false' CGO_ENABLED=0
missing=() too_old=
is_made collector "$collector_stamp" && [[ $victoria == no ]] || find_go
find_java
is_made kafka "$kafka_stamp" || command -v mvn >/dev/null || missing+=("Maven: maven")
if ((${#missing[@]} > 0)); then
	for what in "${missing[@]}"; do say "missing: $what"; done
	exit $SKIP
fi
[[ $check_only == no ]] || exit 0

is_made collector "$collector_stamp" || build_collector "$collector_stamp"
is_made kafka "$kafka_stamp" || build_kafka "$kafka_stamp"
if [[ $victoria == yes ]]; then
	is_made victoria-metrics "$victoria_stamp" || build_victoria "$victoria_stamp"
fi
