# SPDX-License-Identifier: Apache-2.0
# Completion for bash of otlpipe and otlpipe-writer. It asks the program itself (--help-all), so it knows
# the commands and options of the version that is installed.

# The long and short options of a help text on standard input, each with what it takes: "--dir DIR".
__otlpipe_options()
{
	sed -n -e 's/^ \{2,6\}\(-[[:alnum:]]\), \(--[a-z-]*\)\[\{0,1\}=\([^] ]*\).*/\1 \3\n\2 \3/p; t' \
		-e 's/^ \{2,6\}\(-[[:alnum:]]\), \(--[a-z-]*\).*/\1\n\2/p; t' \
		-e 's/^ \{2,6\}\(--[a-z-]*\)\[\{0,1\}=\([^] ]*\).*/\1 \2/p; t' -e 's/^ \{2,6\}\(--[a-z-]*\).*/\1/p'
}

__otlpipe_commands() { sed -n 's/^  \([a-z-]\{1,\}\) \{1,\}[^ ].*/\1/p'; }

_otlpipe()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=() text names name takes

	# bash takes --dir=X for three words.
	[[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $word == = ]] && word=
	COMPREPLY=()
	if [[ ${program##*/} == otlpipe ]]; then
		if ((COMP_CWORD == 1)); then
			names="$("$program" --help 2>/dev/null </dev/null | __otlpipe_commands) --help --version"
			mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
			return
		fi
		command=("${COMP_WORDS[1]}")
	fi
	text=$("$program" "${command[@]}" --help-all 2>/dev/null </dev/null) || return
	names=
	while read -r name takes; do
		names+=" $name"
		if [[ $name == "$before" && -n $takes ]]; then
			compopt -o filenames 2>/dev/null
			case $takes in
			DIR) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
			FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
			esac
			return
		fi
	done < <(__otlpipe_options <<<"$text")
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$word")
		return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -F _otlpipe otlpipe otlpipe-writer
