#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what scripts/packages.txt names and this machine lacks. Asks dpkg first: with nothing
# missing it is silent and needs neither network nor root.
#
# usage: install-packages.sh [--build|--bench|--arm64|--partners|--packaging|--containers] [--dry-run]
#   --build    only the part of scripts/packages.txt that a build without tests needs
#   --bench    scripts/packages-bench.txt instead: the peers that make bench compares with
#   --arm64    scripts/packages-arm64.txt instead: what scripts/arm64.sh needs
#   --partners scripts/packages-partners.txt instead: what the tests with real partners need
#   --packaging scripts/packages-packaging.txt instead: what Debian packages and their tests need
#   --containers scripts/packages-containers.txt instead: what the tests with podman need
#   --dry-run  prints what is missing, and exits 1 if any is
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list="$here/packages.txt"
until='^$-' # no line is that
if [[ ${1:-} == --build ]]; then
	until='^# Tests of modules'
	shift
elif [[ ${1:-} =~ ^--(bench|arm64|partners|packaging|containers)$ ]]; then
	list="$here/packages-${1#--}.txt"
	shift
fi

say() { printf 'packages: %s\n' "$*" >&2; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "this is not a Debian-like system; assuming that what $list names is here under other names"
	exit 0
fi

# Every installed package, once, as " name name … ".
installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | tr '\n' ' ') "

# Each line of $missing is one unsatisfied line of the list, its alternatives between spaces.
missing=()
while read -r line; do
	line=${line%%#*}
	[[ -z ${line// /} ]] && continue
	found=no
	for name in ${line//|/ }; do
		[[ $installed == *" $name "* ]] && found=yes
	done
	[[ $found == yes ]] || missing+=("${line//|/ }")
done < <(sed "/$until/,\$d" "$list")

((${#missing[@]} == 0)) && exit 0
if [[ ${1:-} == --dry-run ]]; then
	printf '%s\n' "${missing[@]}"
	exit 1
fi

if (($(id -u) == 0)); then
	as_root=()
elif command -v sudo >/dev/null; then
	# Without a terminal nobody can type a password: fail rather than hang.
	if [[ -t 0 ]]; then as_root=(sudo); else as_root=(sudo -n); fi
else
	say "missing: ${missing[*]}"
	say "neither root nor sudo here; as root: apt-get install --no-install-recommends ${missing[*]%% *}"
	exit 1
fi

apt() {
	${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

# A candidate is what apt could install: a name that is only referred to has none.
has_candidate() {
	local policy
	policy=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null) && [[ $policy =~ Candidate:\ [^\(] ]]
}

# Sets $wanted to one name for each missing line; 1 if a line has no candidate.
choose() {
	local line name chosen
	wanted=()
	for line in "${missing[@]}"; do
		chosen=
		for name in $line; do
			if has_candidate "$name"; then
				chosen=$name
				break
			fi
		done
		[[ -n $chosen ]] || { lacking=$line; return 1; }
		wanted+=("$chosen")
	done
}

fail() {
	say "$1"
	say "install by hand, then run again: ${missing[*]%% *}"
	exit 1
}

updated=no
update() {
	say "refreshing the package lists"
	apt update >&2 || fail "apt-get update failed (no network, or no right to be root?)"
	updated=yes
}

choose || update
choose || fail "no package called: $lacking"
say "installing: ${wanted[*]}"
if ! apt install -y --no-install-recommends "${wanted[@]}" >&2; then
	# Lists that are old name versions which the mirror no longer has.
	[[ $updated == no ]] || fail "apt-get install failed"
	update
	apt install -y --no-install-recommends "${wanted[@]}" >&2 || fail "apt-get install failed"
fi
