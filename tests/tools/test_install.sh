#!/bin/sh
# SPDX-License-Identifier: MIT
# make install into a folder, then a program built with pkg-config against it.
set -u
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
say() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
bad=0
make -s --no-print-directory install DESTDIR="$d" prefix=/usr >"$d/log" 2>&1; say install $?
for f in bin/tuff lib/libtuff.so lib/libtuff.so.0 lib/libtuffc.so include/tuff.h include/tuff/tuff_accel.h \
	lib/pkgconfig/tuff.pc share/man/man1/tuff.1 share/man/man1/tuff-run.1 share/man/man3/tuff.3 \
	share/bash-completion/completions/tuff; do
	[ -e "$d/usr/$f" ] || { echo "  missing: $f"; bad=1; }
done
say installed-files $bad
cat >"$d/p.c" <<'C'
#include <stdio.h>
#include <tuff.h>
int main(int argc, char **argv)
{
	static float x[64];
	struct tuff_tensor in = { 1, 4, { 1, 1, 8, 8 }, x, sizeof(x) }, out;
	struct tuff_session *s;
	struct tuff_error err;

	if (tuff_session_create(argv[1], "cpu", &s, &err) || tuff_run(s, &in, 1, &out, 1, &err))
		return puts(err.text), 1;
	printf("%zu\n", out.size);
	tuff_session_destroy(s);
	return 0;
}
C
flags=$(PKG_CONFIG_PATH="$d/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$d" pkg-config --cflags --libs tuff)
gcc "$d/p.c" -o "$d/p" $flags -Wl,-rpath-link,"$d/usr/lib"; say build-with-pkg-config $?
[ "$(LD_LIBRARY_PATH="$d/usr/lib" "$d/p" demo/digits.onnx)" = 40 ]; say run-installed $?
"$d/usr/bin/tuff" run demo/digits.onnx -i demo/digit_3.png --device cpu --top 1 | grep -q '^  3: '; say installed-command $?
# what is exported is what tuff.h declares
nm -D --defined-only "$d/usr/lib/libtuff.so" | awk '$2 ~ /[TDRB]/ { sub(/@.*/, "", $3); print $3 }' |
	grep -v -e '^TUFF_' -e '^tuff_session_' -e '^tuff_run' -e '^tuff_compile' -e '^tuff_bind' -e '^tuff_bound_' -e '^tuff_fence_' -e '^tuff_devices$' -e '^tuff_type_' -e '^tuff_be_vulkan$' | grep .
[ $? -eq 1 ]; say exported-symbols $?
for m in tools/man/*; do
	[ -z "$(man -l --warnings -Tutf8 "$m" 2>&1 >/dev/null)" ] || { echo "  $m"; bad=1; }
done
command -v man >/dev/null && say man-pages $bad
make -s --no-print-directory uninstall DESTDIR="$d" prefix=/usr >/dev/null && [ -z "$(find "$d/usr" -type f)" ]; say uninstall $?
exit $bad
