#!/bin/sh
# SPDX-License-Identifier: MIT
# embed-shaders.sh A.spv...: C source of the shader index (shaders/index.h) on stdout.
set -eu
echo '/* made by tools/embed-shaders.sh */'
echo '#include "shaders/index.h"'
for f; do
	n=$(basename "$f" .spv)
	echo "static const uint32_t spv_$n[] = {"
	od -An -v -tx4 "$f" | sed 's/ \([0-9a-f]\{8\}\)/0x\1,/g'
	echo '};'
done
echo 'const struct tuff_shader tuff_shaders[] = {'
for f; do
	n=$(basename "$f" .spv)
	echo "	{ \"$n\", spv_$n, sizeof(spv_$n) },"
done
echo '};'
echo 'const uint32_t tuff_shader_count = sizeof(tuff_shaders) / sizeof(tuff_shaders[0]);'
