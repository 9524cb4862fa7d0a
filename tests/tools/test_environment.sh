#!/bin/sh
# SPDX-License-Identifier: MIT
# The command in surroundings that are not as they should be: it works, or says what is wrong.
B=${B:-.build}
T="$PWD/$B/tuff"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0
: >"$tmp/file"
"$T" compile demo/digits.onnx -o "$tmp/d.tuff" || exit 1

check() {	# check NAME RC(0, or 1: refused) TEXT COMMAND...
	name=$1 want=$2 text=$3
	shift 3
	timeout 60 "$@" >"$tmp/out" 2>&1
	rc=$?
	[ $rc -lt 124 ] && [ $rc -ne 0 ] && rc=1
	if [ $rc -eq "$want" ] && grep -q "$text" "$tmp/out"; then
		echo "$name: SUCCESS"
	else
		echo "  exit $rc:"
		cat "$tmp/out"
		echo "$name: FAIL"
		bad=1
	fi
}
long=$(printf '%5000s' x | tr ' ' x)
run="$T run demo/digits.onnx -i demo/digit_3.png --top 1"
has_vulkan() { "$T" devices 2>/dev/null | grep -q vulkan; }

for t in 1000000 99999999999999999999 -3 0 many '' '3x'; do
	check "threads-$t" 0 '3:' env TUFF_THREADS="$t" $run --device cpu
done
check home-absent 0 '3:' env -u XDG_CACHE_HOME HOME=/nonexistent $run
check home-unset 0 '3:' env -u XDG_CACHE_HOME -u HOME $run
check home-a-file 0 '3:' env -u XDG_CACHE_HOME HOME="$tmp/file" $run
check home-read-only 0 '3:' env -u XDG_CACHE_HOME HOME=/proc $run
check home-too-long 0 '3:' env -u XDG_CACHE_HOME HOME="/$long" $run
check debug-garbage 0 '3:' env TUFF_DEBUG='%s%n,,=x' $run
if has_vulkan; then
	check vulkan-cache-absent 0 '3:' env XDG_CACHE_HOME=/nonexistent/x $run --device vulkan
	check vulkan-cache-read-only 0 '3:' env XDG_CACHE_HOME=/proc $run --device vulkan
	check vulkan-cache-a-file 0 '3:' env XDG_CACHE_HOME="$tmp/file" $run --device vulkan
	check vulkan-cache-too-long 0 '3:' env XDG_CACHE_HOME="/$long" $run --device vulkan
	mkdir -p "$tmp/cache"
	env XDG_CACHE_HOME="$tmp/cache" $run --device vulkan >/dev/null 2>&1
	find "$tmp/cache" -type f | while read -r f; do head -c 100000 /dev/urandom >"$f"; done
	check vulkan-cache-garbage 0 '3:' env XDG_CACHE_HOME="$tmp/cache" $run --device vulkan
	check vulkan-no-driver 1 'no Vulkan device is there' env VK_ICD_FILENAMES=/nonexistent VK_DRIVER_FILES=/nonexistent $run --device vulkan
fi
check no-file 1 "$tmp/none.onnx: No such file" "$T" run "$tmp/none.onnx"
check a-folder 1 'not a regular file' "$T" run "$tmp"
check an-empty-file 1 'the file is empty' "$T" run "$tmp/file"
check a-device 1 'not a regular file' "$T" run /dev/zero
mkfifo "$tmp/fifo"
check a-fifo 1 'not a regular file' "$T" run "$tmp/fifo"
head -c 5000 "$tmp/d.tuff" >"$tmp/cut.tuff"
check program-cut 1 "section '" "$T" run "$tmp/cut.tuff"
head -c 5 "$tmp/d.tuff" >"$tmp/cut.tuff"
check program-cut-in-its-head 1 'cut.tuff' "$T" run "$tmp/cut.tuff"
check compile-where-nothing-can-be-written 1 '/proc/x.tuff' "$T" compile demo/digits.onnx -o /proc/x.tuff
check compile-where-no-folder-is 1 'No such file' "$T" compile demo/digits.onnx -o "$tmp/none/x.tuff"
mkdir "$tmp/full" 2>/dev/null
if mount -t tmpfs -o size=64k none "$tmp/full" 2>/dev/null; then
	check compile-to-a-full-disk 1 'No space left' "$T" compile demo/digits.onnx -o "$tmp/full/x.tuff"
	[ -z "$(ls "$tmp/full")" ] && echo 'full-disk-left-clean: SUCCESS' || { echo 'full-disk-left-clean: FAIL'; bad=1; }
	umount "$tmp/full"
else
	echo '  skipped: no right to mount a small disk'
	echo 'compile-to-a-full-disk: SKIP'
fi
check stdout-full 1 'No space left' sh -c "$run --device cpu >/dev/full"
exit $bad
