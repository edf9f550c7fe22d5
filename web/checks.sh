# shellcheck shell=sh
# For scripts that run several checks: all of them run, even after one failed, and only
# failed ones show their output.

failed=
beside=
beside_output=$(mktemp)
trap 'rm -f "$beside_output"' EXIT
trap 'kill $beside_process 2>/dev/null; exit 130' INT TERM
beside_process=

# check NAME COMMAND [ARGUMENT ...]
check() {
    name=$1
    shift
    if output=$("$@" 2>&1); then
        say_passed "$name"
    else
        say_failed "$name" "$output"
    fi
}

# Starts the longest check, which runs beside the others. There can be one.
#
# check_beside NAME COMMAND [ARGUMENT ...]
check_beside() {
    beside=$1
    shift
    "$@" >"$beside_output" 2>&1 &
    beside_process=$!
}

say_passed() {
    printf '%-12s ok\n' "$1"
}

say_failed() {
    printf '%-12s failed\n%s\n' "$1" "$2"
    failed="$failed $1"
}

# Ends a script: prints which checks failed, and fails if one did.
finish() {
    if [ -n "$beside" ]; then
        if wait "$beside_process"; then
            say_passed "$beside"
        else
            say_failed "$beside" "$(cat "$beside_output")"
        fi
    fi
    [ -z "$failed" ] || { echo "Failed:$failed"; exit 1; }
}
