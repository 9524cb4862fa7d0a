#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line: arguments, formats, errors.
set -u
t=${B:-.build}/tuff
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
ok() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
# fails NAME STATUS PATTERN COMMAND...: exits so and says so on stderr
fails() {
	name=$1 want=$2 pattern=$3
	shift 3
	"$@" >"$d/out" 2>"$d/err"
	[ $? -eq "$want" ] && grep -q -e "$pattern" "$d/err"
	ok "$name" $?
}
m=demo/digits.onnx
fails no-command 2 'usage: tuff' $t
fails unknown-command 2 "no command 'fly'" $t fly
fails no-model 2 'no model given' $t run
fails two-models 2 'more than one model' $t run $m $m
fails unknown-option 2 "option '--sideways'" $t run $m --sideways
fails option-of-another 2 "option '-n'" $t run $m -n 3
fails option-without-value 2 'needs a value' $t run $m --device
fails bad-number 2 "'many'" $t bench $m -n many
fails unknown-device 1 "device 'toaster'" $t run $m --device toaster
fails no-file 1 '/nonexistent.onnx' $t run /nonexistent.onnx --device cpu
fails not-a-model 1 'README.md' $t run README.md --device cpu
fails folder 1 'not a regular file' $t run demo --device cpu
fails unknown-input 1 "no input for 'cat=" $t run $m --device cpu -i cat=demo/digit_3.png
fails unknown-output 1 "no output for 'cat=" $t run $m --device cpu -o cat=$d/x.npy
fails missing-image 1 'none.png' $t run $m --device cpu -i none.png
fails bad-shape-option 1 'dimensions' $t run $m --device cpu --shape image=1,2
fails bad-target 1 'toaster' $t compile $m -o $d/x.tuff --target toaster
fails compile-without-output 2 'o FILE' $t compile $m
for c in run bench info compile devices; do
	$t $c --help | grep -q 'usage: tuff'; ok help-$c $?
done
$t run $m --device cpu -i demo/digit_3.png --top 1 | grep -q '^  3: 0.99'; ok png $?
$t run $m --device cpu -i image=demo/digit_7.png --top 1 | grep -q '^  7: '; ok named-input $?
$t run $m --device cpu --shape image=3,1,8,8 -o $d/dir >/dev/null && [ -s $d/dir/probability.npy ]; ok output-folder $?
$t run $m --device cpu -o probability=$d/p.npy >/dev/null && [ "$(head -c 6 $d/p.npy | tail -c 5)" = NUMPY ]; ok output-file $?
$t run $m --device cpu --json | python3 -c 'import json,sys; j=json.load(sys.stdin); assert j["outputs"][0]["shape"] == [1, 10]'; ok run-json $?
$t bench $m --device cpu -n 5 --json | python3 -c 'import json,sys; assert json.load(sys.stdin)["median_ms"] > 0'; ok bench-json $?
$t info $m --device cpu --json | python3 -c 'import json,sys; j=json.load(sys.stdin); assert j["parameters"] == 6186 and j["placement"]'; ok info-json $?
$t devices --json | python3 -c 'import json,sys; json.load(sys.stdin)'; ok devices-json $?
$t run $m --device cpu --profile | grep -q '^Conv'; ok profile $?
$t compile $m -o $d/m.tuff && $t run $d/m.tuff --device cpu -i demo/digit_3.png --top 1 | grep -q '^  3: '; ok compile-and-run $?
mkdir $d/alone && cp ${B:-.build}/libtuff.so* $t $d/alone && $d/alone/tuff run $d/m.tuff --device cpu >/dev/null; ok program-without-compiler $?
fails onnx-without-compiler 1 'libtuffc.so' $d/alone/tuff run $m --device cpu
head -c 20000 $d/m.tuff >$d/cut.tuff
fails cut-program 1 'cut.tuff' $t run $d/cut.tuff --device cpu
if $t run $m --device vulkan >/dev/null 2>&1; then
	$t run $m --device vulkan --compare cpu -i demo/digit_3.png | grep -q 'largest error'; ok compare $?
	fails compare-beyond-tolerance 1 'beyond the tolerance' $t run $m --device vulkan --compare cpu --tolerance 0
fi
python3 - "$d" <<'P' 2>/dev/null
import sys, zipfile, struct
d = sys.argv[1]
body = struct.pack('<64f', *[i / 64 for i in range(64)])
head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 8, 8), }"
head += ' ' * (63 - (len(head) + 10) % 64) + '\n'
npy = b'\x93NUMPY\1\0' + struct.pack('<H', len(head)) + head.encode() + body
open(d + '/x.npy', 'wb').write(npy)
zipfile.ZipFile(d + '/x.npz', 'w', zipfile.ZIP_DEFLATED).writestr('image.npy', npy)
zipfile.ZipFile(d + '/y.npz', 'w').writestr('cat.npy', npy)
open(d + '/x.pb', 'wb').write(b'\x08\1\x08\1\x08\x08\x08\x08\x10\1\x4a\x80\2' + body)
open(d + '/cut.npy', 'wb').write(npy[:200])
P
a=$($t run $m --device cpu -i $d/x.npy | grep '^  ')
[ -n "$a" ]; ok npy $?
[ "$($t run $m --device cpu -i $d/x.npz | grep '^  ')" = "$a" ]; ok npz $?
[ "$($t run $m --device cpu -i $d/x.pb | grep '^  ')" = "$a" ]; ok pb $?
fails npz-unknown-array 1 "no input 'cat'" $t run $m --device cpu -i $d/y.npz
fails npy-cut 1 'shorter than its shape' $t run $m --device cpu -i $d/cut.npy
exit $bad
