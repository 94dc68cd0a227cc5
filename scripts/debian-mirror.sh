# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Where debootstrap gets Debian from, and by which way. To be sourced.
#
# OTLPIPE_DEBIAN_MIRROR   the mirror; default: the one that apt uses here, if that is Debian's

mirror() {
	local found=
	if [[ -z ${OTLPIPE_DEBIAN_MIRROR:-} ]] && command -v apt-get >/dev/null; then
		# shellcheck disable=SC2016
		found=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
			head -n 1 || true)
	fi
	found=${OTLPIPE_DEBIAN_MIRROR:-${found:-http://deb.debian.org/debian}}
	printf '%s\n' "${found%/}"
}

# wget, which debootstrap calls, has to take the way that apt takes.
use_proxy_of_apt() {
	local proxy=
	[[ -n ${http_proxy:-} ]] || ! command -v apt-config >/dev/null && return
	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[[ -z $proxy || $proxy == DIRECT ]] || export http_proxy=$proxy
}
