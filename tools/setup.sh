#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what building and testing need from Debian; silent when all is there.
set -eu
need='gcc make pkg-config libvulkan-dev mesa-vulkan-drivers vulkan-validationlayers libdrm-dev
glslang-dev glslang-tools spirv-tools spirv-headers libprotobuf-c-dev protobuf-c-compiler
libdnnl-dev libjson-c-dev libpng-dev libjpeg-dev libzip-dev libxxhash-dev systemtap-sdt-dev
libonnx-testdata gcc-multilib'
miss=
for p in $need; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || miss="$miss $p"
done
[ -n "$miss" ] || exit 0
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "setup: need root or sudo to install:$miss" >&2; exit 1; }
	sudo=sudo
fi
echo "setup: installing$miss"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $miss >/dev/null
