# SPDX-License-Identifier: Apache-2.0
# Completion for fish of otlpipe and otlpipe-writer. It asks the program itself (--help-all), so it knows
# the commands and options of the version that is installed.

# The words of --help: the program, and its command if it has one.
function __otlpipe_program
    set -l words (commandline -opc)
    echo $words[1]
    if string match -q -r '(^|/)otlpipe$' -- $words[1]; and set -q words[2]
        echo $words[2]
    end
end

function __otlpipe_help
    set -l program (__otlpipe_program)
    command -q $program[1]; or return
    $program --help-all 2>/dev/null </dev/null
end

function __otlpipe_needs_command
    set -l words (commandline -opc)
    string match -q -r '(^|/)otlpipe$' -- $words[1]; and not set -q words[2]
end

function __otlpipe_commands
    __otlpipe_help | string replace -r -f '^  ([a-z-]+) +(\S.*)$' '$1\t$2'
    printf '%s\n' --help\t'print the commands' --version\t'print the version'
end

function __otlpipe_options
    __otlpipe_help | string replace -r -f '^ {2,6}(?:-\w, )?(--[a-z-]+)(?:\[?=\S*)? *(.*)$' '$1\t$2'
    __otlpipe_help | string replace -r -f '^ {2,6}(-\w), --[a-z-]+(?:\[?=\S*)? *(.*)$' '$1\t$2'
end

# What the option before the cursor takes; nothing: no option, or one that takes none.
function __otlpipe_takes
    set -l words (commandline -opc)
    set -l name (string escape --style=regex -- $words[-1])
    string match -q -- '-*' $words[-1]; or return
    __otlpipe_help | string replace -r -f -- '^ {2,6}(?:-\w, )?'$name'(?:, --[a-z-]+)?\[?=([^] ]+).*$' '$1'
end

function __otlpipe_is_option
    not __otlpipe_needs_command
    and string match -q -- '-*' (commandline -ct)
end

for program in otlpipe otlpipe-writer
    complete -c $program -n __otlpipe_needs_command -f -a '(__otlpipe_commands)'
    complete -c $program -n __otlpipe_is_option -f -a '(__otlpipe_options)'
    complete -c $program -n 'string match -q DIR -- (__otlpipe_takes)' -x -a '(__fish_complete_directories)'
    complete -c $program -n 'set -l takes (__otlpipe_takes); and not string match -q -r "^(DIR|FILE)" -- $takes; and test -n "$takes"' -f
end
