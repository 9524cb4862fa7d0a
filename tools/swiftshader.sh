#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Fetches SwiftShader, the second software Vulkan device of the tests: two files
# out of Debian's chromium-common, unpacked below .build/swiftshader and not
# installed. Tests find them by TUFF_SWIFTSHADER_ICD, which tests/run.sh sets.
# Without a network the tests on SwiftShader are skipped: that is no error here.
set -eu
dir=${1-.build/swiftshader}
[ ! -r "$dir/vk_swiftshader_icd.json" ] || exit 0
none() {
	echo "setup: no SwiftShader ($1): its tests will be skipped" >&2
	rm -rf "$dir.part"
	exit 0
}
[ "$(dpkg --print-architecture)" = amd64 ] || none "Debian's is used on amd64 only"
echo "setup: fetching SwiftShader out of Debian's chromium-common (32 MB) into $dir"
rm -rf "$dir.part"
mkdir -p "$dir.part"
# as root, apt downloads as user _apt, who may not write here: it says so and goes on
get() { (cd "$dir.part" && apt-get download -qq chromium-common >apt.log 2>&1); }
if ! get; then
	# package lists may be stale or absent
	if [ "$(id -u)" = 0 ]; then
		apt-get update -qq >"$dir.part/apt.log" 2>&1 || none "apt-get update failed"
	elif command -v sudo >/dev/null; then
		sudo apt-get update -qq >"$dir.part/apt.log" 2>&1 || none "apt-get update failed"
	fi
	get || none "apt-get download chromium-common failed: $(tail -n 1 "$dir.part/apt.log")"
fi
for f in libvk_swiftshader.so vk_swiftshader_icd.json; do
	dpkg-deb --fsys-tarfile "$dir.part"/chromium-common_*.deb |
		tar -xOf - "./usr/lib/chromium/$f" >"$dir.part/$f" || none "chromium-common has no $f"
done
rm -f "$dir.part"/*.deb "$dir.part/apt.log"
rm -rf "$dir"
mv "$dir.part" "$dir"
