#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/run.sh finds what did not succeed.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# expect NAME SUCCESS|FAIL TEXT COMMANDS...: a program of these commands
expect() {
	name=$1 want=$2 text=$3
	shift 3
	if [ $# -gt 0 ]; then
		{ echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$tmp/$name"
		chmod +x "$tmp/$name"
	fi
	TUFF_TEST_TIMEOUT=2 sh tests/run.sh "$tmp/$name" "$tmp/good" >"$tmp/out" 2>&1 && got=SUCCESS || got=FAIL
	if [ $got = "$want" ] && grep -q "$text" "$tmp/out"; then
		echo "$name: SUCCESS"
	else
		cat "$tmp/out"
		echo "$name: FAIL"
		bad=1
	fi
}
printf '#!/bin/sh\necho a: SUCCESS\necho subtests to the end: 1\n' >"$tmp/good"
chmod +x "$tmp/good"

expect passes SUCCESS '3 passed, 0 failed' 'echo a: SUCCESS' 'echo b: SUCCESS' 'echo subtests to the end: 2'
expect skips SUCCESS '1 passed, 0 failed, 1 skipped' 'echo a: SKIP' 'echo subtests to the end: 1' 'exit 77'
expect fails FAIL '1 FAILED' 'echo a: FAIL' 'echo subtests to the end: 1' 'exit 1'
expect fails-but-exits-0 FAIL '1 FAILED' 'echo a: SUCCESS' 'echo b: FAIL' 'echo subtests to the end: 2'
expect crashes FAIL 'exit 139' 'echo a: SUCCESS' 'kill -SEGV $$'
expect crashes-at-the-end FAIL 'exit 134' 'echo a: SUCCESS' 'echo subtests to the end: 1' 'kill -ABRT $$'
expect says-nothing FAIL 'nothing passed' 'exit 0'
expect skips-nothing FAIL 'not all was skipped' 'exit 77'
expect passes-and-skips-all FAIL 'not all was skipped' 'echo a: SUCCESS' 'echo b: SKIP' 'echo subtests to the end: 2' 'exit 77'
expect leaves-early FAIL 'no subtests at the end' 'echo a: SUCCESS' 'exit 0'
expect loses-a-line FAIL '3 subtests at the end, 1 lines' 'echo a: SUCCESS' 'echo subtests to the end: 3'
expect hangs FAIL 'no end after 2 s' 'echo a: SUCCESS' 'exec sleep 60'
expect is-not-there FAIL 'exit 127'
mkdir "$tmp/is-a-folder"
expect is-a-folder FAIL 'exit 126'

sh tests/run.sh >"$tmp/out" 2>&1 && { echo 'of-nothing: FAIL'; bad=1; } || echo 'of-nothing: SUCCESS'
exit $bad
