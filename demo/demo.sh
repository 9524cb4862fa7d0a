#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make demo: the digit classifier on two scans, on the best device there is. A
# GPU's answer is compared with the CPU path's. Where the only Vulkan device is a
# software one, the CPU path runs and then that device, and the two are compared;
# where there is none, the CPU path alone.
set -eu
tuff=${TUFF:-.build/tuff}
model=demo/digits.onnx
# runs tuff, shows command and output, and says which digit came first
tell() {
	echo
	echo "\$ tuff $*"
	out=$("$tuff" "$@") || { printf '%s\n' "$out"; exit 1; }
	printf '%s\n' "$out"
	printf '%s\n' "$out" | sed -n 's/^  \([0-9]\): \([0-9.]*\).*/=> recognised: \1, with probability \2/p' | head -n 1
}

found=$("$tuff" devices)
best=$(printf '%s\n' "$found" | sed -n 's/^auto  *//p')
vulkan=$(printf '%s\n' "$found" | sed -n 's/^vulkan  *//p')
case $best,$vulkan in
cpu,none) echo "demo: no Vulkan device can run here ('tuff devices' says why): the CPU path alone" ;;
cpu,*)	echo "demo: no GPU, but $vulkan runs in software: the CPU path, then $vulkan beside it" ;;
*)	echo "demo: $best, a GPU, with the CPU path to compare" ;;
esac
for digit in 3 7; do
	echo
	echo "A scan of the digit $digit:"
	case $best in
	cpu)	tell run $model -i demo/digit_$digit.png --device cpu --top 3
		[ "$vulkan" = none ] || tell run $model -i demo/digit_$digit.png --device "$vulkan" --compare cpu --top 3 ;;
	*)	tell run $model -i demo/digit_$digit.png --device "$best" --compare cpu --top 3 ;;
	esac
done
