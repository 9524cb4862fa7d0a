#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM...: runs test programs (and test_*.sh), a line each, and counts
# their subtests; exit 1 on a failure. JOBS programs at once (default: one for
# each processor). Programs of tests/vulkan and tests/kernels run once more on
# SwiftShader where it is there: other subgroups, other limits than lavapipe's.
# All of them run with the Khronos validation layer; a message is a failure, and so
# is that the layer is not there (TUFF_DEBUG= runs them without).
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
	# what the validation layer said
	v=$(printf '%s\n' "$out" | grep -cE '^tuff: (validation: |TUFF_DEBUG)')
	[ "$v" -eq 0 ] || f=$((f + 1))
	# a crash or a time-out prints no FAIL line
	[ $rc -ne 0 ] && [ $rc -ne 77 ] && [ "$f" -eq 0 ] && f=1
	echo "$p $f $s" >"$RESULTS/$log"
	{
		printf '  TEST    %s: %d passed' "${name#.build/}" "$p"
		[ "$f" -eq 0 ] || printf ', %d FAILED (exit %d)' "$f" $rc
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
	*/tests/vulkan/*|*/tests/kernels/*)
		[ -z "${TUFF_SWIFTSHADER_ICD-}" ] || printf 'swiftshader:%s\n' "$t" ;;
	esac
done | xargs -P "${JOBS:-$(nproc)}" -n 1 sh "$0" --one
cat "$RESULTS"/result* 2>/dev/null | grep -E '^[0-9]+ [0-9]+ [0-9]+$' |
	awk -v want=$# '{ p += $1; f += $2; s += $3; n++ }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit !(f == 0 && p > 0 && n >= want) }'
