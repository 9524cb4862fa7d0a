#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Scripted torch modules (loops, branches, lists, masks) exported to ONNX: the
# same answers as torch's own, on the CPU and on lavapipe.
set -u
B=${B:-.build}
tuff=$B/tuff
python=/usr/bin/python3
if ! $python -c 'import torch, onnx' 2>/dev/null; then
	echo "  skipped: $python has no torch"
	echo "torch-scripts: SKIP"
	exit 77
fi
icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rc=0
$python tests/interp/export.py "$tmp" >"$tmp/log" 2>&1 || { cat "$tmp/log"; echo "export: FAIL"; exit 1; }
for model in "$tmp"/*.onnx; do
	name=$(basename "$model" .onnx)
	for device in cpu vulkan; do
		[ $device = cpu ] || [ -n "$icd" ] || { echo "$name-$device: SKIP"; continue; }
		ok=1
		for run in "${model%.onnx}".[0-9]; do
			set --
			for in in "$run"/in*.npy; do
				set -- "$@" -i "$in"
			done
			rm -rf "$tmp/o"; mkdir "$tmp/o"
			VK_ICD_FILENAMES=$icd "$tuff" run "$model" --device $device "$@" -o "$tmp/o" >"$tmp/log" 2>&1 &&
				$python tests/interp/compare.py "$tmp/o" "$run" || { ok=0; cat "$tmp/log"; }
		done
		if [ $ok = 1 ]; then
			echo "$name-$device: SUCCESS"
		else
			echo "$name-$device: FAIL"; rc=1
		fi
	done
done
exit $rc
