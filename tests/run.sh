#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM...: runs test programs (and test_*.sh), a line each, and counts
# their subtests; exit 1 on a failure. JOBS programs at once (default: one for
# each processor). Programs of tests/vulkan and tests/kernels run once more on
# SwiftShader where it is there, unless they choose devices themselves: other
# subgroups, other limits than lavapipe's.
# All of them run with the Khronos validation layer; a message is a failure, and so
# is that the layer is not there (TUFF_DEBUG= runs them without).
# A program that is not there, crashes, hangs, says nothing or leaves before its
# last subtest is a failure, and so is one whose result is missing.
set -u
: "${TUFF_DEBUG=validate}"
export TUFF_DEBUG
limit=${TUFF_TEST_TIMEOUT:-600}
: "${TUFF_SWIFTSHADER_ICD=$PWD/.build/swiftshader/vk_swiftshader_icd.json}"
[ -r "$TUFF_SWIFTSHADER_ICD" ] && export TUFF_SWIFTSHADER_ICD || unset TUFF_SWIFTSHADER_ICD

one() {
	log=result$(printf '%s' "$1" | tr / _)
	case $1 in
	swiftshader:*)
		t=${1#swiftshader:} name="$t on SwiftShader"
		VK_ICD_FILENAMES=$TUFF_SWIFTSHADER_ICD
		export VK_ICD_FILENAMES ;;
	*)	t=$1 name=$1 ;;
	esac
	case $t in
	*.sh)	run="sh $t" ;;
	*)	run=$t ;;
	esac
	from=$(date +%s)
	out=$(timeout "$limit" $run 2>&1); rc=$?
	took=$(($(date +%s) - from))
	p=$(printf '%s\n' "$out" | grep -c ': SUCCESS$')
	s=$(printf '%s\n' "$out" | grep -c ': SKIP$')
	f=$(printf '%s\n' "$out" | grep -c ': FAIL$')
	# a crash or a time-out prints no FAIL line; success says what succeeded, and 77 what was skipped
	why=
	case $rc in
	0)	[ "$p" -gt 0 ] || why='nothing passed' ;;
	77)	[ "$p" -eq 0 ] && [ "$s" -gt 0 ] || why='exit 77, but not all was skipped' ;;
	124)	why="no end after $limit s" ;;
	*)	[ "$f" -gt 0 ] || why='it ended without a failed subtest' ;;
	esac
	case $t in
	*.sh)	;;
	*)	if [ $rc -eq 0 ] || [ $rc -eq 77 ]; then
			total=$(printf '%s\n' "$out" | sed -n 's/^subtests to the end: //p' | tail -n 1)
			[ "${total:-0}" -eq $((p + f + s)) ] || why="${total:-no} subtests at the end, $((p + f + s)) lines"
		fi ;;
	esac
	[ -z "$why" ] || [ "$f" -gt 0 ] || f=1
	# what the validation layer said
	v=$(printf '%s\n' "$out" | grep -cE '^tuff: (validation: |TUFF_DEBUG)')
	[ "$v" -eq 0 ] || f=$((f + 1)) why="$v messages of the validation layer"
	echo "$p $f $s" >"$RESULTS/$log"
	{
		printf '  TEST    %s: %d passed' "${name#.build/}" "$p"
		[ "$f" -eq 0 ] || printf ', %d FAILED (exit %d%s)' "$f" $rc "${why:+, $why}"
		[ "$s" -eq 0 ] || printf ', %d skipped' "$s"
		printf ', %d s\n' $took
		if [ "$f" -ne 0 ]; then
			printf '%s\n' "$out"
		else	# one line for each device, and why something was skipped
			printf '%s\n' "$out" | grep -E '^[a-z0-9:-]+: [0-9]+ passed' | sed 's/^/          /'
			printf '%s\n' "$out" | sed -n 's/^ *skipped: //p' | sort | uniq -c |
				awk '{ n = $1; $1 = ""; printf "          skipped:%s%s\n", $0, (n > 1 ? " (" n " times)" : "") }'
		fi
	} >"$RESULTS/$log.txt"
	cat "$RESULTS/$log.txt"
}

if [ "${1-}" = --one ]; then
	one "$2"
	exit 0
fi
RESULTS=$(mktemp -d)
export RESULTS
trap 'rm -rf "$RESULTS"' EXIT
trap 'exit 1' INT TERM
for t; do
	printf '%s\n' "$t"
	case $t in
	*/san-*/tests/kernels/*) ;;	# our code is the same on either device, and this takes minutes
	*/tests/vulkan/*|*/tests/kernels/*)
		# some go through the devices themselves
		[ -z "${TUFF_SWIFTSHADER_ICD-}" ] || grep -qsE 'tests/devices.h|kern.h' "tests/${t##*/tests/}.c" ||
			printf 'swiftshader:%s\n' "$t" ;;
	esac
done >"$RESULTS/list"
xargs -P "${JOBS:-$(nproc)}" -n 1 sh "$0" --one <"$RESULTS/list"
ran=$?
cat "$RESULTS"/result* 2>/dev/null | grep -E '^[0-9]+ [0-9]+ [0-9]+$' |
	awk -v want=$(wc -l <"$RESULTS/list") -v ran=$ran '{ p += $1; f += $2; s += $3; n++ }
		END {
			printf "%d passed, %d failed, %d skipped\n", p, f, s
			if (n != want || ran)
				printf "%d programs, %d results, exit %d of xargs: FAILED\n", want, n, ran
			exit !(f == 0 && p > 0 && n == want && !ran)
		}'
