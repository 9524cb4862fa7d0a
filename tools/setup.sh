#!/bin/sh
# SPDX-License-Identifier: MIT
# setup.sh [test]: installs what building and `make demo` need from Debian; with
# "test" also what `make check` needs. Silent when all is there.
set -eu
cd "$(dirname "$0")/.."
need='gcc make pkg-config libvulkan-dev mesa-vulkan-drivers libdrm-dev
glslang-dev glslang-tools spirv-tools spirv-headers libprotobuf-c-dev protobuf-c-compiler
libdnnl-dev libjson-c-dev libpng-dev libjpeg-dev libzip-dev libxxhash-dev systemtap-sdt-dev'
if [ "${1-}" = test ]; then
	need="$need g++ gcc-multilib libc6-dev-i386 vulkan-validationlayers libonnx-testdata bpftrace"
fi
miss=
for p in $need; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || miss="$miss $p"
done
if [ -n "$miss" ]; then
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { echo "setup: need root or sudo to install:$miss" >&2; exit 1; }
		sudo=sudo
	fi
	echo "setup: installing$miss"
	# env: sudo does not hand variables on
	$sudo apt-get update -qq
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $miss >/dev/null
fi
[ "${1-}" != test ] || sh tools/swiftshader.sh
