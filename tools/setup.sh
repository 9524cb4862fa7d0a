#!/bin/sh
# SPDX-License-Identifier: MIT
# setup.sh [test|bench]: installs what building and `make demo` need from Debian;
# with "test" also what `make check` needs, with "bench" what the comparison of
# `make bench` needs. Says what it installs; silent when all is there. Python
# packages are not among it: only the export scripts that made files of this
# tree, and the larger networks of `make bench`, use them.
set -eu
cd "$(dirname "$0")/.."
# compilers and their headers, Vulkan, shaders, the model format, CPU kernels, file formats, probes
need='gcc g++ libc6-dev make
libvulkan-dev mesa-vulkan-drivers libdrm-dev
glslang-dev glslang-tools spirv-tools spirv-headers
libprotobuf-c-dev protobuf-c-compiler
libdnnl-dev libxxhash-dev
libjson-c-dev libpng-dev libjpeg-dev libzip-dev
systemtap-sdt-dev'
case ${1-} in
test)	# -m32, the validation layer, ONNX's node tests, probes that count, checks of JSON, manual pages, make install
	need="$need gcc-multilib libc6-dev-i386 vulkan-validationlayers libonnx-testdata bpftrace python3 man-db pkg-config" ;;
bench)	need="$need util-linux"
	command -v npm >/dev/null || need="$need npm" ;;	# may come from elsewhere than Debian
esac
miss=
for p in $need; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || miss="$miss $p"
done
if [ -n "$miss" ]; then
	sudo=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { echo "setup: root or sudo is needed to install:$miss" >&2; exit 1; }
		sudo=sudo
	fi
	echo "setup: installing$miss"
	# env: sudo does not hand variables on
	$sudo apt-get update -qq &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $miss >/dev/null ||
		{ echo "setup: apt-get could not install:$miss" >&2; exit 1; }
fi
[ "${1-}" != test ] || sh tools/swiftshader.sh
