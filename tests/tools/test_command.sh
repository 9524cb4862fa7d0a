#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line as a user meets it: arguments, files, devices, errors, exit codes.
set -u
t=${B:-.build}/tuff
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
ok() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
# fails NAME STATUS PATTERN COMMAND...: exits so, says so on stderr, nothing on stdout
fails() {
	name=$1 want=$2 pattern=$3
	shift 3
	"$@" >"$d/out" 2>"$d/err"
	[ $? -eq "$want" ] && grep -q -e "$pattern" "$d/err" && [ ! -s "$d/out" ]
	ok "$name" $?
}
# says NAME PATTERN COMMAND...: succeeds, prints so, nothing on stderr
says() {
	name=$1 pattern=$2
	shift 2
	"$@" >"$d/out" 2>"$d/err" && grep -q -e "$pattern" "$d/out" && [ ! -s "$d/err" ]
	ok "$name" $?
}
# holds NAME EXPRESSION COMMAND...: what it prints is JSON, j, of which the expression is true
holds() {
	name=$1 expression=$2
	shift 2
	"$@" 2>"$d/err" | python3 -c "import json, sys; j = json.load(sys.stdin, parse_constant=lambda c: 1 / 0); assert ($expression)" 2>"$d/why"
	ok "$name" $?
}
m=demo/digits.onnx
cpu="$t run $m --device cpu"

# --- models and files made here: two inputs of which one's name holds '=', outputs with '/' and '='
python3 - "$d" <<'P'
import struct, sys, zipfile
d = sys.argv[1]
def varint(n): return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)
def field(i, b): return varint(i << 3 | 2) + varint(len(b)) + b
def number(i, n): return varint(i << 3) + varint(n)
def text(i, s): return field(i, s.encode())
def value(name, dtype, dims):
    shape = b''.join(field(1, number(1, x) if isinstance(x, int) else text(2, x)) for x in dims)
    return text(1, name) + field(2, field(1, number(1, dtype) + field(2, shape)))
def node(op, ins, outs): return b''.join(text(1, i) for i in ins) + b''.join(text(2, o) for o in outs) + text(4, op)
def model(name, nodes, ins, outs):
    graph = b''.join(field(1, n) for n in nodes) + text(2, 'g') + b''.join(field(11, i) for i in ins) + b''.join(field(12, o) for o in outs)
    open(d + '/' + name, 'wb').write(number(1, 8) + field(7, graph) + field(8, number(2, 13)))
model('two.onnx', [node('Sub', ['a', 'a=b'], ['x/y']), node('Mul', ['a', 'a=b'], ['p=q'])],
      [value('a', 1, ['n']), value('a=b', 1, ['n'])], [value('x/y', 1, ['n']), value('p=q', 1, ['n'])])
model('types.onnx', [node('Identity', ['i'], ['I']), node('Identity', ['b'], ['B']), node('Identity', ['h'], ['H']), node('Identity', ['m'], ['M'])],
      [value('i', 7, [2, 'k']), value('b', 9, ['n']), value('h', 10, [3]), value('m', 1, [2, 3, 4])],
      [value('I', 7, [2, 'k']), value('B', 9, ['n']), value('H', 10, [3]), value('M', 1, [2, 3, 4])])
model('same.onnx', [node('Neg', ['x'], ['a/b']), node('Abs', ['x'], ['a_b'])], [value('x', 1, [3])], [value('a/b', 1, [3]), value('a_b', 1, [3])])
model('odd.onnx', [node('Log', ['x'], ['y'])], [value('x', 1, [3])], [value('y', 1, [3])])
def npy(name, descr, shape, body, order='False'):
    head = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, order, shape)
    head += ' ' * (63 - (len(head) + 10) % 64) + '\n'
    b = b'\x93NUMPY\1\0' + struct.pack('<H', len(head)) + head.encode() + body
    open(d + '/' + name, 'wb').write(b)
    return b
img = struct.pack('<64f', *[i / 64 for i in range(64)])
x = npy('x.npy', '<f4', '(1, 1, 8, 8)', img)
npy('big.npy', '>f4', '(1, 1, 8, 8)', struct.pack('>64f', *[i / 64 for i in range(64)]))
npy('fortran.npy', '<f4', '(1, 1, 8, 8)', struct.pack('<64f', *[(i % 8 * 8 + i // 8) / 64 for i in range(64)]), 'True')
npy('double.npy', '<f8', '(1, 1, 8, 8)', bytes(512))
npy('flat.npy', '<f4', '(64,)', img)
one, two = npy('one.npy', '<f4', '(2,)', struct.pack('<2f', 5, 7)), npy('two.npy', '<f4', '(2,)', struct.pack('<2f', 1, 2))
open(d + '/odd=name.npy', 'wb').write(one)
npy('long.npy', '<i8', '(2, 2)', struct.pack('<4q', 2**60 + 1, -5, 3, 4))
npy('bool.npy', '|b1', '(3,)', b'\1\0\1')
npy('half.npy', '<f2', '(3,)', struct.pack('<3e', 1, -2, 0.5))
npy('odd.npy', '<f4', '(3,)', struct.pack('<3f', 0, -1, 1))
def npz(name, **arrays):
    with zipfile.ZipFile(d + '/' + name, 'w', zipfile.ZIP_DEFLATED) as z:
        for k, v in arrays.items():
            z.writestr(k + '.npy', v)
npz('x.npz', image=x); npz('y.npz', cat=x); npz('pos.npz', arr_0=one, arr_1=two); npz('both.npz', **{'a=b': two, 'a': one})
npz('other.npz', cat=one, dog=two)
b = bytearray(open(d + '/x.npz', 'rb').read()); b[60] ^= 255; open(d + '/bad.npz', 'wb').write(b)
open(d + '/x.pb', 'wb').write(b'\x08\1\x08\1\x08\x08\x08\x08\x10\1\x4a\x80\2' + img)
open(d + '/bad.pb', 'wb').write(b'\x08\1\x08\1\x08\x08\x08\x09\x10\1\x4a\x80\2' + img)
open(d + '/cut.npy', 'wb').write(x[:200])
open(d + '/cut.png', 'wb').write(open('demo/digit_3.png', 'rb').read()[:60])
open(d + '/labels', 'w').write('zero\none\r\ntwo\nthree\n')
P

# --- arguments
fails no-command 2 'usage: tuff' $t
fails unknown-command 2 "no command 'fly'" $t fly
fails no-model 2 'no model given' $t run
fails two-models 2 "'$m' is one argument too many" $t run $m $m
fails unknown-option 2 "option '--sideways'" $t run $m --sideways
fails unknown-letter 2 "option '-q'" $t run $m -q
fails option-of-another 2 "option '-n'" $t run $m -n 3
fails option-without-value 2 'needs a value' $t run $m --device
fails bad-number 2 "'many'" $t bench $m -n many
fails no-runs 2 "'0'" $t bench $m -n 0
fails bad-seed 2 "'-1'" $t run $m --seed -1
fails unknown-device 2 "'toaster'.*vulkan:N" $t run $m --device toaster
fails bad-device-number 2 "'vulkan:x'" $t run $m --device vulkan:x
fails bad-compare 2 "compare: 'gpu'" $t run $m --compare gpu
fails bad-size 2 "'8'" $t run $m --size 8
fails bad-fit 2 "'squeeze'" $t run $m --fit squeeze
fails bad-std 2 "std: '0'" $t run $m --std 0
fails bad-target 2 "'toaster'" $t compile $m -o $d/x.tuff --target toaster
fails compile-without-output 2 'o FILE' $t compile $m
fails devices-argument 2 'too many' $t devices $m
says help 'usage: tuff COMMAND' $t --help
for c in run bench info compile devices; do
	says help-$c "usage: tuff $c" $t $c --help
	$t help $c | cmp -s - $d/out; ok help-of-$c $?
done
says version '^tuff [0-9]' $t --version

# --- files that are not what they should be
fails no-file 1 '/nonexistent.onnx' $t run /nonexistent.onnx --device cpu
fails not-a-model 1 'README.md' $t run README.md --device cpu
fails folder 1 'not a regular file' $t run demo --device cpu
fails missing-input 1 'none.png: No such file' $cpu -i none.png
fails input-folder 1 'demo: Is a directory' $cpu -i demo
fails unknown-input 1 'cat=demo.*its inputs: image' $cpu -i cat=demo/digit_3.png
fails input-twice 1 'given twice' $cpu -i image=$d/x.npy -i image=$d/x.npy
fails too-many-inputs 1 'no input is left' $cpu -i $d/x.npy -i $d/x.npy
fails unknown-output 1 'cat=.*its outputs: probability' $cpu -o cat=$d/x.npy
fails png-cut 1 'cut.png: this PNG' $cpu -i $d/cut.png
fails npy-cut 1 'cut.npy: the file is shorter' $cpu -i $d/cut.npy
fails npz-unknown-array 1 "no input 'cat'" $cpu -i $d/y.npz
fails npz-bad 1 'bad.npz: ' $cpu -i $d/bad.npz
fails npz-no-match 1 "2 arrays, none of them 'image'" $cpu -i image=$d/other.npz
fails pb-bad 1 'bad.pb: .*does not fit its shape' $cpu -i $d/bad.pb
fails text-as-input 1 'README.md: not a .npy' $cpu -i README.md
fails wrong-type 1 "'image' is float64, the model takes float32" $cpu -i $d/double.npy
fails wrong-rank 1 "'image' has 1 dimensions, the model takes 4" $cpu -i $d/flat.npy
fails image-for-numbers 1 "'a' does not take an image" $t run $d/two.onnx --device cpu -i demo/digit_3.png
fails bad-shape-option 1 '4 dimensions are needed' $cpu --shape image=1,2
fails shape-of-unknown 1 'its inputs: image' $cpu --shape cat=1,2
fails shape-of-file 1 'comes from' $cpu -i $d/x.npy --shape image=1,1,8,8
fails missing-labels 1 'nolabels: No such' $cpu --labels nolabels

# --- inputs
says png '^  3: 0.99' $cpu -i demo/digit_3.png --top 1
says named-input '^  7: ' $cpu -i image=demo/digit_7.png --top 1
says generated-says-so 'image: float32 \[1,1,8,8\] generated, seed 1$' $cpu
says from-says-so 'image: float32 \[1,1,8,8\] from demo/digit_3.png$' $cpu -i demo/digit_3.png
says shape-by-name '\[3,10\]' $cpu --shape image=3,1,8,8
says shape-of-the-only-input '\[2,10\]' $cpu --shape 2,1,8,8
values() { "$@" 2>&1 | grep '^  '; }
a=$(values $cpu -i $d/x.npy)
[ -n "$a" ]; ok npy $?
for f in x.npz x.pb big.npy fortran.npy; do
	[ "$(values $cpu -i $d/$f)" = "$a" ]; ok same-from-$f $?
done
[ "$(values $cpu -i image=$d/y.npz)" = "$a" ]; ok npz-of-one-array $?
[ "$(cat $d/x.npy | values $cpu -i /dev/stdin)" = "$a" ]; ok from-a-pipe $?
[ "$(values $cpu)" = "$(values $cpu --seed 1)" ] && [ "$(values $cpu)" != "$(values $cpu --seed 2)" ]; ok seed $?
first() { $t run $d/two.onnx --device cpu --json "$@" | python3 -c 'import json, sys; o = json.load(sys.stdin)["outputs"]; print(o[0]["max"], o[1]["max"])'; }
[ "$(first -i $d/one.npy -i $d/two.npy)" = '5.0 14.0' ]; ok in-order $?
[ "$(first -i $d/two.npy -i a=$d/one.npy)" = '5.0 14.0' ]; ok order-leaves-out-named $?
[ "$(first -i a=b=$d/two.npy -i a=$d/one.npy)" = '5.0 14.0' ]; ok name-with-equals-sign $?
[ "$(first -i $d/odd=name.npy -i $d/two.npy)" = '5.0 14.0' ]; ok file-with-equals-sign $?
[ "$(first -i $d/pos.npz)" = '5.0 14.0' ] && [ "$(first -i $d/both.npz)" = '5.0 14.0' ]; ok npz-of-several $?
types="$t run $d/types.onnx --device cpu -i i=$d/long.npy -i b=$d/bool.npy -i h=$d/half.npy"
says int64-exact '  0: 1152921504606846977' $types
says int64-rows '^ row 1' $types
says bool '^  2: 1' $types
says float16 '^  1: -2' $types
says integers-are-0 'i: int64 \[2,1\] generated, all 0' $t run $d/types.onnx --device cpu
says summary '^  from .* to .*, mean' $types

# --- outputs
$cpu --shape image=3,1,8,8 -o $d/dir >/dev/null && [ -s $d/dir/probability.npy ]; ok output-folder $?
$cpu -o $d/dir -o probability=$d/p.npy >/dev/null && [ "$(head -c 6 $d/p.npy | tail -c 5)" = NUMPY ]; ok output-file $?
$cpu -o $d/alone.npy >/dev/null && cmp -s $d/alone.npy $d/p.npy; ok output-of-the-only-one $?
$t run $d/two.onnx --device cpu -o $d/names -o p=q=$d/pq.npy >/dev/null && [ -s $d/names/x_y.npy ] && cmp -s $d/names/p=q.npy $d/pq.npy; ok output-names $?
$types -o $d/back >/dev/null && tail -c 32 $d/long.npy >$d/1 && tail -c 32 $d/back/I.npy | cmp -s - $d/1 && cmp -s $d/back/H.npy $d/back/H.npy &&
	tail -c 6 $d/half.npy >$d/1 && tail -c 6 $d/back/H.npy | cmp -s - $d/1; ok output-is-input $?
fails output-ambiguous 1 'its outputs: x/y, p=q' $t run $d/two.onnx --device cpu -o $d/z.npy
fails output-names-alike 1 'two outputs would be the file a_b.npy' $t run $d/same.onnx --device cpu -o $d/same
fails output-in-no-folder 1 'No such file' $cpu -o $d/no/where
fails output-unwritable 1 "README.md: \|File exists\|Not a directory" $cpu -o README.md/x
$cpu -o probability=/dev/full >/dev/null 2>$d/err; [ $? = 1 ] && grep -q '/dev/full: No space' $d/err && [ -c /dev/full ]; ok output-disk-full $?
$cpu >/dev/full 2>$d/err; [ $? = 1 ] && grep -q 'No space' $d/err; ok stdout-disk-full $?
fails compile-to-device 1 'not a regular file' $t compile $m -o /dev/null
fails compile-to-nowhere 1 'No such file' $t compile $m -o $d/no/x.tuff
timeout 20 sh -c "$t run $m --device cpu --top 10 2>$d/err | true"; [ ! -s $d/err ]; ok closed-pipe $?
says top-0 '^probability' $cpu --top 0 && ! grep -q '^  ' $d/out; ok top-0-prints-none $?
says labels '^  3: .*  three$' $cpu -i demo/digit_3.png --labels $d/labels
says not-finite '1 infinite or not\|2 infinite or not\|nan' $t run $d/odd.onnx --device cpu -i $d/odd.npy

# --- JSON
holds run-json 'j["outputs"][0]["shape"] == [1, 10] and j["device"] == "cpu" and j["inputs"][0]["seed"] == 1' $cpu --json
holds run-json-not-finite '[e["value"] for e in j["outputs"][0]["top"]] == [0.0, None, None]' $t run $d/odd.onnx --device cpu -i $d/odd.npy --json
holds run-json-int64 'j["outputs"][0]["top"][0]["value"] == 2**60 + 1' $types --json
holds bench-json '0 < j["min_ms"] <= j["median_ms"] <= j["p99_ms"] and j["peak_rss"] > 1e6 and j["runs"] == 5' $t bench $m --device cpu -n 5 --json
holds bench-batch 'j["batch"] == 7' $t bench $m --device cpu -n 5 --shape 7,1,8,8 --json
holds profile-json 'sum(e["count"] for e in j["profile"]) >= 6 and all(e["where"] == "cpu" for e in j["profile"])' $cpu --profile --json
holds devices-json '"auto" in j and isinstance(j["devices"], list)' $t devices --json
holds info-json 'j["parameters"] == 6186 and j["opset"] == 13 and j["macs"] == 126192 and j["arena"] >= j["live_peak"] > 0 and
	j["operators"] == {"BatchNormalization": 3, "Conv": 4, "Flatten": 1, "Gemm": 1, "GlobalAveragePool": 1, "MaxPool": 1, "Relu": 4, "Softmax": 1}' \
	$t info $m --json
holds info-placement 'len(j["placement"]) == 17 - 1 and [p["where"] for p in j["placement"] if p["op"] != "Flatten"] == ["cpu"] * 15 and
	[p["with"] for p in j["placement"]][:3] == ["", "/0/Conv", "/0/Conv"]' $t info $m --device cpu --json
holds info-without-sizes 'j["macs"] is None and j["arena"] == 0 and j["operators"] == {"Mul": 1, "Sub": 1}' $t info $d/two.onnx --shape a=2 --shape a=b=3 --json
says info-text '^16 operators: BatchNormalization 3, Conv 4' $t info $m
says bench-text 'samples per second' $t bench $m --device cpu -n 3
says profile '^Conv' $cpu --profile

# --- programs
$t compile $m -o $d/m.tuff && $t run $d/m.tuff --device cpu -i demo/digit_3.png --top 1 | grep -q '^  3: '; ok compile-and-run $?
holds info-of-program 'j["operators"]["Relu"] == 4' $t info $d/m.tuff --json
mkdir $d/alone && cp ${B:-.build}/libtuff.so* $t $d/alone && $d/alone/tuff run $d/m.tuff --device cpu >/dev/null; ok program-without-compiler $?
fails onnx-without-compiler 1 'libtuffc.so' $d/alone/tuff run $m --device cpu
head -c 20000 $d/m.tuff >$d/cut.tuff
fails cut-program 1 'cut.tuff' $t run $d/cut.tuff --device cpu
fails compile-a-program 1 'm.tuff' $t compile $d/m.tuff -o $d/n.tuff
fails dump-after-unknown 1 "no pass 'nothing'.*all, canon" $t compile $m --dump-after nothing
$t compile $m --dump-after fuse 2>&1 >$d/out | grep -q Conv; ok dump-after $?
[ "$($t compile $m --dump-after=all 2>&1 | grep -c Softmax)" -gt 5 ]; ok dump-after-all $?

# --- devices
none() { VK_ICD_FILENAMES=/nonexistent "$@"; }
says no-vulkan-devices 'no Vulkan device' none $t devices
says no-vulkan-auto-is-cpu 'on cpu:' none $t run $m
fails no-vulkan-forced 1 'no Vulkan device' none $t run $m --device vulkan
fails no-vulkan-compare 1 'no Vulkan device' none sh -c "$cpu --compare vulkan >/dev/null"
none sh -c "TUFF=$t sh demo/demo.sh" >$d/out 2>&1 && grep -q 'CPU path alone' $d/out && grep -q '^=> recognised: 3' $d/out && grep -q '^=> recognised: 7' $d/out; ok no-vulkan-demo $?
# RADV for a GPU that is not there: found, rejected, and neither auto nor vulkan takes it
export RADV_FORCE_FAMILY=navi21
if $t devices | grep -q 'Null hardware'; then
	n=$($t devices | sed -n 's/^\(vulkan:[0-9]*\)  Null hardware.*/\1/p')
	says rejected-and-why 'rejected  *no hardware behind its driver' $t devices
	holds rejected-json "[d['rejected'] for d in j['devices'] if d['id'] == '$n'] == ['no hardware behind its driver'] and j['auto'] != '$n' != j['vulkan']" $t devices --json
	fails rejected-when-forced 1 "'$n' .*cannot run: no hardware" $t run $m --device $n
fi
unset RADV_FORCE_FAMILY
if $t devices | grep -q '^vulkan  *vulkan:'; then
	v=$($t devices | sed -n 's/^vulkan  *//p')
	fails no-such-device 1 "'vulkan:99' is not there" $t run $m --device vulkan:99
	says compare 'against cpu: largest error .* absolute .* relative' $t run $m --device vulkan --compare cpu -i demo/digit_3.png
	$t run $m --device vulkan --compare cpu --tolerance 0 >$d/out 2>$d/err
	[ $? = 1 ] && grep -q 'more than the tolerance' $d/err && grep -q 'BEYOND' $d/out; ok compare-beyond-tolerance $?
	holds compare-json 'j["compare"][0]["relative"] < 1e-4 and j["compare"][0]["within"] is True and j["device_peak"] > j["weights"]' \
		$t run $m --device $v --compare cpu --json
	holds profile-device 'sum(e["count"] for e in j["profile"]) >= 6 and all(e["ns"] > 0 for e in j["profile"] if e["where"] == "device") and
		any(e["where"] == "device" for e in j["profile"])' $t run $m --device $v --profile --json
	holds info-device 'all(p["kernel"] for p in j["placement"] if p["where"] == "device") and sum(p["where"] == "device" for p in j["placement"]) == 15' \
		$t info $m --device $v --json
	says device-class 'class  *\(software\|gpu\)' $t devices
	fails program-of-another-class 1 'compile the model with --target' $t run $d/m.tuff --device $v
	TUFF=$t sh demo/demo.sh >$d/out 2>&1 && [ "$(grep -c 'largest error' $d/out)" = 2 ] && grep -q '^=> recognised: 7' $d/out; ok demo-compares $?
	# two at once, all caches cold
	mkdir $d/cache
	export XDG_CACHE_HOME=$d/cache MESA_SHADER_CACHE_DIR=$d/cache
	values $t run $m --device $v -i $d/x.npy >$d/1 &
	values $t run $m --device $v -i $d/x.npy >$d/2
	wait $!
	unset XDG_CACHE_HOME MESA_SHADER_CACHE_DIR
	[ -s $d/1 ] && cmp -s $d/1 $d/2; ok two-at-once $?
fi

# --- a terminal sees progress, a pipe does not
$t bench $m --device cpu --threads 1 -n 600000 2>$d/err >/dev/null &
script -qec "$t bench $m --device cpu --threads 1 -n 600000" /dev/null </dev/null 2>/dev/null | grep -q 'timing, run [0-9]* of 600000, [0-9]* s'; ok progress-on-a-terminal $?
wait $! && [ ! -s $d/err ]; ok quiet-in-a-pipe $?
exit $bad
