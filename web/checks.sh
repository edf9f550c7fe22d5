# shellcheck shell=sh
# For scripts that run several checks: all of them run, even after one failed, and only
# failed ones show their output.

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

# Ends a script: prints which checks failed, and fails if one did.
finish() {
    [ -z "$failed" ] || { echo "Failed:$failed"; exit 1; }
}
