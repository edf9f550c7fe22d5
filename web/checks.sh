# shellcheck shell=sh
# For scripts that run several checks: each runs, even after another failed, and only
# the output of those that fail is shown.

failed=

# check NAME COMMAND [ARGUMENT ...]
check() {
    name=$1
    shift
    if output=$("$@" 2>&1); then
        printf '%-12s ok\n' "$name"
    else
        printf '%-12s failed\n%s\n' "$name" "$output"
        failed="$failed $name"
    fi
}

# The last line of a script: its status, with a word on what failed.
finish() {
    [ -z "$failed" ] || { echo "Failed:$failed"; exit 1; }
}
