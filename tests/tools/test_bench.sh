#!/bin/sh
# SPDX-License-Identifier: MIT
# Verdicts of tests/bench/bench.sh: what its rows say of figures, without measuring.
set -u
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
ok() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
failed=0 tmp=$d
for f in row beyond column value lowest busy_percent note ort_library get_ort; do
	eval "$(sed -n "/^$f() {.*}\$/p; /^$f() {\$/,/^}/p" tests/bench/bench.sh)"
done
# says NAME FAILURES VERDICT ROW...: the row ends with the verdict, and that many failures are counted
says() {
	name=$1 want=$2 verdict=$3 failed=0
	shift 3
	(cd "$d" && row "$@" >out; echo $failed >count)
	[ "$(cat "$d/count")" = "$want" ] && sed 's/ *$//' "$d/out" | grep -q -e "$verdict\$"
	ok "$name" $?
}
says value-within 0 ' 100 ok' x ms 99.5 limit '' value 100
says value-over 1 ' 100 OVER' x ms 100.5 limit '' value 100
says value-missing 1 ' 100 OVER' x ms '' limit '' value 100
says value-of-many-digits 1 ' 15 OVER' x us 123456789 limit '' value 15
says value-zero 0 ' 15 ok' x us 0 limit '' value 15
says value-negative 0 ' 15 ok' x us -3.5 limit '' value 15
says ratio-within 0 '1.10 *1.20 ok' x ms 33 ORT 30 ratio 1.20
says ratio-over 1 '1.30 *1.20 OVER' x ms 39 ORT 30 ratio 1.20
says ratio-with-nothing-beside 0 '1.20 not compared' x ms 33 ORT '' ratio 1.20
says ratio-missing 1 '1.20 OVER' x ms '' ORT 30 ratio 1.20
says no-limit 0 '1.10 *-' x ms 33 ORT 30
[ "$(cd "$d" && beyond 5 100)" = 0 ] && [ "$(cd "$d" && beyond 150.5 100)" = 50.5 ] && [ -z "$(beyond '' 100)" ]; ok beyond $?
printf 'empty\n  vkQueueSubmit and fence      80.0   200.0\n  more                         7.5    -9.0   (at most 15)\n' >"$d/s"
[ "$(column more 1) $(column more 2) $(column 'vkQueueSubmit and fence' 2)" = '7.5 -9.0 200.0' ]; ok columns $?
printf 'median=3.5 p90=4\nmedian=12.25 p90=13\n' >"$d/t"
[ "$(lowest median "$d/t")" = 3.5 ] && : >"$d/none" && [ -z "$(lowest median "$d/none")" ]; ok lowest $?
echo 'cpu 100 0 100 800 0 0 0 0 0 0' >"$d/a"; echo 'cpu 150 0 100 950 0 0 0 0 0 0' >"$d/b"
[ "$(cd "$d" && busy_percent "$d/a" "$d/b")" = 25 ]; ok busy-percent $?
# ONNX Runtime: no npm, npm that fails, npm that installs something for this machine or for another
mkdir -p "$d/ort/tools" "$d/ort/bin" "$d/ort/tmp" && : >"$d/ort/tools/setup.sh"
for p in sh uname mkdir tail cat; do ln -s "$(command -v $p)" "$d/ort/bin/$p"; done
# npm SCRIPT: what get_ort says with this npm, and the library that it found
ask() { (cd "$d/ort" && PATH=$d/ort/bin tmp=tmp ort= ort_bench="${1-false}" && get_ort && echo "found $ort") 2>&1; }
ask | grep -q 'no npm: ONNX Runtime is left out'; ok ort-without-npm $?
printf '#!/bin/sh\necho ENOTFOUND registry; exit 1\n' >"$d/ort/bin/npm"
chmod +x "$d/ort/bin/npm"
ask | grep -q 'npm cannot install onnxruntime-node: ENOTFOUND registry'; ok ort-npm-fails $?
printf '#!/bin/sh\nexit 0\n' >"$d/ort/bin/npm"
ask | grep -q 'no library for'; ok ort-other-machine $?
case $(uname -m) in x86_64) arch=x64 ;; *) arch=arm64 ;; esac
lib=.build/ort/node_modules/onnxruntime-node/bin/napi-v6/linux/$arch
printf '#!/bin/sh\nmkdir -p %s && echo >%s/libonnxruntime.so.1\n' $lib $lib >"$d/ort/bin/npm"
ask 'echo 1.2.3' | grep -q "found $lib/libonnxruntime.so.1"; ok ort-installed $?
ask false | grep -q 'does not load'; ok ort-does-not-load $?
rm -r "$d/ort"
[ -z "$(find "$d" -type f ! -name out ! -name count ! -name s ! -name t ! -name none ! -name a ! -name b)" ]; ok no-stray-files $?
exit $bad
