#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh PROGRAM...: runs test programs; counts their subtests. Exit 1 on a failure.
p=0; f=0; s=0
for t; do
	out=$(timeout 300 "$t" 2>&1); rc=$?
	n=$(printf '%s\n' "$out" | grep -c ': SUCCESS$'); p=$((p + n))
	n=$(printf '%s\n' "$out" | grep -c ': SKIP$'); s=$((s + n))
	n=$(printf '%s\n' "$out" | grep -c ': FAIL$')
	# a crash or a time-out prints no FAIL line
	[ $rc -ne 0 ] && [ $rc -ne 77 ] && [ "$n" -eq 0 ] && n=1
	f=$((f + n))
	[ "$n" -eq 0 ] || { echo "$t (exit $rc):"; printf '%s\n' "$out"; }
done
echo "$p passed, $f failed, $s skipped"
[ $f -eq 0 ] && [ $p -gt 0 ]
