#!/bin/sh
# SPDX-License-Identifier: MIT
# make install into a folder, programs built with pkg-config against it, manual
# pages and completion that know every option, make uninstall.
set -u
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
say() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
bad=0
make -s --no-print-directory install DESTDIR="$d" prefix=/opt/t >"$d/log" 2>&1; say install $?
p=$d/opt/t miss=0
for f in bin/tuff lib/libtuff.so lib/libtuff.so.0 lib/libtuffc.so include/tuff.h include/tuff/tuff_accel.h \
	lib/pkgconfig/tuff.pc share/man/man1/tuff.1 share/man/man1/tuff-run.1 share/man/man1/tuff-bench.1 share/man/man1/tuff-info.1 \
	share/man/man1/tuff-compile.1 share/man/man1/tuff-devices.1 share/man/man3/tuff.3 share/bash-completion/completions/tuff \
	share/tuff/bpftrace/ops.bt; do
	[ -r "$p/$f" ] || { echo "  missing: $f"; miss=1; }
done
say installed-files $miss
cat >"$d/p.c" <<'C'
#include <stdio.h>
#include <tuff.h>
#include <tuff/tuff_accel.h>
int main(int argc, char **argv)
{
	static float x[64];
	struct tuff_tensor in = { 1, 4, { 1, 1, 8, 8 }, x, sizeof(x) }, out;
	struct tuff_session *s;
	struct tuff_error err;

	if (argc != 2 || tuff_session_create(argv[1], "cpu", &s, &err) || tuff_run(s, &in, 1, &out, 1, &err))
		return puts(err.text), 1;
	printf("%u\n", (unsigned int)out.size);
	tuff_session_destroy(s);
	return 0;
}
C
cp "$d/p.c" "$d/p.cc"
flags=$(PKG_CONFIG_PATH="$p/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$d" pkg-config --cflags --libs tuff); say pkg-config $?
gcc -std=c99 -Wall -Wextra -Werror "$d/p.c" -o "$d/p" $flags -Wl,-rpath-link,"$p/lib"; say build-c $?
g++ -std=c++11 -Wall -Wextra -Werror "$d/p.cc" -o "$d/pp" $flags -Wl,-rpath-link,"$p/lib"; say build-c++ $?
for x in p pp; do
	[ "$(LD_LIBRARY_PATH="$p/lib" "$d/$x" demo/digits.onnx)" = 40 ]; say run-$x $?
done
# the command finds its libraries by itself, moved as a whole too, and by a link
"$p/bin/tuff" run demo/digits.onnx -i demo/digit_3.png --device cpu --top 1 | grep -q '^  3: '; say installed-command $?
mv "$d/opt" "$d/moved" && ln -s "$d/moved/t/bin/tuff" "$d/link" && "$d/link" run demo/digits.onnx -i demo/digit_3.png --device cpu --top 1 | grep -q '^  3: '
say moved-command $?
mv "$d/moved" "$d/opt"
# what is exported is what tuff.h declares
nm -D --defined-only "$p/lib/libtuff.so" | awk '$2 ~ /[TDRB]/ { sub(/@.*/, "", $3); print $3 }' |
	grep -v -e '^TUFF_' -e '^tuff_be_vulkan$' >"$d/exported"
lost=0
while read -r f; do grep -q "[ *]$f(" userspace/tuff.h || { echo "  not in tuff.h: $f"; lost=1; }; done <"$d/exported"
[ -s "$d/exported" ] && [ $lost = 0 ]; say exported-symbols $?

# every option of --help is in the manual page and in the completion, which know no other
printf 'set -- "$@"\n. %s/share/bash-completion/completions/tuff\nCOMP_WORDS=(tuff $1 --) COMP_CWORD=2; _tuff; printf "%%s\\n" "${COMPREPLY[@]}"\n' "$p" >"$d/complete"
for c in run bench info compile devices; do
	"$p/bin/tuff" $c --help | grep -o -e '^ *\(-[a-z], \)\?--[a-z-]*' | grep -o -e '--[a-z-]*' | sort >"$d/options"
	bash "$d/complete" $c | grep -v -e '--help' | sort | cmp -s - "$d/options"; say completion-$c $?
	lost=0
	while read -r o; do
		grep -q -e "Fl -${o#--}\b" tools/man/tuff-$c.1 || { echo "  not in tuff-$c(1): $o"; lost=1; }
	done <"$d/options"
	for o in $(grep -o -e 'Fl -[a-z-]*' tools/man/tuff-$c.1 | sed 's/Fl -/--/'); do
		grep -q -x -e "$o" "$d/options" || { echo "  not an option of tuff $c: $o"; lost=1; }
	done
	say manual-$c $lost
done
"$p/bin/tuff" compile demo/digits.onnx --dump-after nothing 2>&1 | sed 's/.*there are //; s/,//g' | tr ' ' '\n' | sort >"$d/passes"
printf '. %s/share/bash-completion/completions/tuff\nCOMP_WORDS=(tuff compile --dump-after "") COMP_CWORD=3; _tuff; printf "%%s\\n" "${COMPREPLY[@]}"\n' "$p" >"$d/complete"
bash "$d/complete" | sort | cmp -s - "$d/passes"; say completion-passes $?
if command -v man >/dev/null; then
	wrong=0
	for m in tools/man/*; do
		[ -z "$(man -l --warnings -Tutf8 "$m" 2>&1 >/dev/null)" ] || { echo "  $m"; wrong=1; }
	done
	say manual-pages $wrong
else
	echo '  skipped: man is not installed'
	echo 'manual-pages: SKIP'
fi
make -s --no-print-directory uninstall DESTDIR="$d" prefix=/opt/t >/dev/null &&
	[ -z "$(find "$d/opt" ! -type d -o -name 'tuff*' -o -name pkgconfig -o -name completions -o -name man1)" ]; say uninstall $?
exit $bad
