#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench: tuff beside what a user would pick instead, in one run, as a table.
# Each figure is the lowest of the medians of BENCH_ROUNDS (2) rounds in which the
# programs take turns, BENCH_SECONDS (1) each. BENCH_ONLY=cpu,busy,vulkan,start,submit,memory
# picks parts. Anything else that keeps a processor busy spoils the figures.
set -u
B=${B:-.build}
seconds=${BENCH_SECONDS:-1} rounds=${BENCH_ROUNDS:-2}
only=,${BENCH_ONLY:-cpu,busy,vulkan,start,submit,memory},
bench=$B/tests/bench
ort= ort_bench=$bench/bench_ort
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
wants() { case $only in *,$1,*) return 0 ;; esac; return 1; }
note() { echo "bench: $*" >&2; }

# --- ONNX Runtime: npm's package, its install scripts not run
get_ort() {
	lib=.build/ort/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1
	if [ ! -r $lib ]; then
		command -v npm >/dev/null || { note 'no npm: ONNX Runtime is left out of the comparison'; return; }
		note 'installing onnxruntime-node from npm into .build/ort'
		mkdir -p .build/ort
		npm install --ignore-scripts --no-audit --no-fund --silent --prefix .build/ort onnxruntime-node >"$tmp/npm" 2>&1 ||
			{ note "npm cannot install onnxruntime-node: $(tail -n 1 "$tmp/npm")"; return; }
	fi
	for lib in .build/ort/node_modules/onnxruntime-node/bin/*/linux/x64/libonnxruntime.so.1; do
		[ -r "$lib" ] && ort=$lib
	done
	[ -n "$ort" ] && note "ONNX Runtime $($ort_bench "$ort" version 1 1)" || note 'onnxruntime-node has no library for this machine'
}

# --- networks: exported with Debian's torch where it is, resnet50's shapes out of the test data otherwise
get_models() {
	if /usr/bin/python3 -c 'import torch, torchvision, onnx' 2>/dev/null; then
		/usr/bin/python3 tests/bench/export.py .build/models 2>"$tmp/export" || note "export.py: $(tail -n 1 "$tmp/export")"
	else
		note 'no python3-torch, -torchvision, -onnx: fewer networks'
	fi
	models=$(ls .build/models/*.onnx 2>/dev/null)
	resnet=.build/models/resnet50.onnx
	if [ ! -r $resnet ]; then
		resnet=${TUFF_TEST_DATA:-}/light/light_resnet50.onnx
		[ -r "$resnet" ] && models="$resnet $models" || resnet=
	fi
	[ -n "$models" ] || models=demo/digits.onnx
}

# value KEY < line of key=value
value() { sed -n "s/^.*$1=\([^ ]*\).*/\1/p"; }
# lowest KEY FILE: smallest value over the rounds
lowest() { value "$1" <"$2" | sort -g | head -n 1; }
# row WHAT UNIT TUFF OTHER-NAME OTHER LIMIT [RATIO-OR-VALUE]: the limit is on the ratio where there is an other
failed=0
row() {
	awk -v what="$1" -v unit="$2" -v t="$3" -v name="$4" -v o="$5" -v limit="$6" 'BEGIN {
		ratio = o + 0 > 0 && t + 0 > 0 ? t / o : 0
		held = limit == "" ? "" : ((ratio ? ratio : t) + 0 <= limit + 0 && t != "") ? "ok" : "OVER"
		printf "%-44s %10s %-3s %-22s %10s %7s %7s %s\n", what, t == "" ? "-" : sprintf("%.2f", t), unit, name,
			o == "" ? "-" : sprintf("%.2f", o), ratio ? sprintf("%.2f", ratio) : "-", limit == "" ? "-" : limit, held
		exit held == "OVER" }' || failed=$((failed + 1))
}
title() { echo; echo "$1"; printf '%-44s %10s %-3s %-22s %10s %7s %7s\n' '' tuff '' '' other ratio limit; }
run() {	# run FILE COMMAND...: appends the line, or says why not
	f=$1; shift
	"$@" >>"$f" 2>"$tmp/err" || { note "$* : $(tail -n 1 "$tmp/err")"; return 1; }
}

cpus() { [ "$1" = 1 ] && echo 0 || echo 0-$(($1 - 1)); }
cpu() {
	title 'CPU path beside ONNX Runtime: median of a run'
	for m in $models; do
		name=$(basename "$m" .onnx)
		for th in 1 2; do
			[ $th -le "$(nproc)" ] || continue
			rm -f "$tmp/t" "$tmp/o"
			for _ in $(seq $rounds); do
				TUFF_THREADS=$th run "$tmp/t" taskset -c "$(cpus $th)" $bench/bench_model "$m" cpu $seconds
				[ -z "$ort" ] || run "$tmp/o" taskset -c "$(cpus $th)" $ort_bench "$ort" "$m" $th $seconds
			done
			touch "$tmp/t" "$tmp/o"
			limit=
			case $name in *resnet50) limit=1.20 ;; esac
			row "$name, $th thread(s)" ms "$(lowest median "$tmp/t")" 'ONNX Runtime' "$(lowest median "$tmp/o")" "$limit"
		done
		row "$name, memory peak of the process" MB "$(lowest peak_mb "$tmp/t")" 'ONNX Runtime' "$(lowest peak_mb "$tmp/o")" ''
		row "$name, from the file to a session" ms "$(lowest create "$tmp/t")" 'ONNX Runtime' "$(lowest create "$tmp/o")" ''
	done
}

busy() {
	title 'Two threads beside one busy process, over the same program idle'
	rm -f "$tmp/i" "$tmp/b" "$tmp/oi" "$tmp/ob"
	for _ in $(seq $rounds); do
		TUFF_THREADS=2 run "$tmp/i" $bench/bench_model "$resnet" cpu $seconds
		TUFF_THREADS=2 run "$tmp/b" $bench/bench_model "$resnet" cpu 3 busy
		[ -z "$ort" ] || run "$tmp/oi" $ort_bench "$ort" "$resnet" 2 $seconds
		[ -z "$ort" ] || run "$tmp/ob" $ort_bench "$ort" "$resnet" 2 3 busy
	done
	touch "$tmp/oi" "$tmp/ob"
	row 'resnet50, median' ms "$(lowest median "$tmp/b")" 'tuff idle' "$(lowest median "$tmp/i")" 2.00
	row 'resnet50, 90th percentile' ms "$(lowest p90 "$tmp/b")" 'tuff idle (median)' "$(lowest median "$tmp/i")" 2.20
	[ -z "$ort" ] || row '  ONNX Runtime the same, median' ms "$(lowest median "$tmp/ob")" 'ONNX Runtime idle' "$(lowest median "$tmp/oi")" ''
}

# a software device of its own, whatever else the machine has
lavapipe() { VK_ICD_FILENAMES=/usr/share/vulkan/icd.d/lvp_icd.x86_64.json "$@"; }

vulkan() {
	title 'Vulkan on lavapipe: median of a run'
	for m in $models; do
		rm -f "$tmp/t"
		lavapipe run "$tmp/t" $bench/bench_model "$m" vulkan 3 || continue
		limit=
		case $m in *resnet50.onnx) limit=500 ;; esac
		row "$(basename "$m" .onnx)" ms "$(lowest median "$tmp/t")" 'limit in ms' '' "$limit"
	done
}

# seconds NAME COMMAND: wall time in s of one command
wall() {
	from=$(date +%s%N)
	"$@" >/dev/null 2>"$tmp/err" || { note "$* : $(tail -n 1 "$tmp/err")"; return 1; }
	to=$(date +%s%N)
	awk -v a="$from" -v b="$to" 'BEGIN { printf "%.3f", (b - a) / 1e9 }'
}
start() {
	title 'From the command to the first answer, resnet50'
	export XDG_CACHE_HOME="$tmp/cache" MESA_SHADER_CACHE_DIR="$tmp/cache"
	cold=$(lavapipe wall "$B/tuff" run "$resnet" --device vulkan) && {
		warm=$(lavapipe wall "$B/tuff" run "$resnet" --device vulkan)
		row 'tuff run on lavapipe, caches cold' s "$cold" 'limit in s' '' 6
		row 'tuff run on lavapipe, caches warm' s "$warm" 'limit in s' '' 1.5
	}
	row 'tuff run on the CPU' s "$(wall "$B/tuff" run "$resnet" --device cpu)" '' '' ''
	wall "$B/tuff" compile "$resnet" -o "$tmp/r.tuff" >/dev/null && {
		rm -f "$tmp/t" "$tmp/r"
		run "$tmp/t" $bench/bench_model "$tmp/r.tuff" cpu 0.2
		read_ms=$(wall cat "$tmp/r.tuff" | awk '{ print $1 * 1e3 }')
		row 'resnet50.tuff, from the file to a session' ms "$(lowest create "$tmp/t")" 'reading the file' "$read_ms" ''
		row '  beyond reading it' ms "$(awk -v a="$(lowest create "$tmp/t")" -v b="$read_ms" 'BEGIN { print a > b ? a - b : 0.01 }')" 'limit in ms' '' 100
	}
	unset XDG_CACHE_HOME MESA_SHADER_CACHE_DIR
}

submit() {
	[ -x $bench/bench_submit ] || return 0
	title 'Empty job, submit to complete (see its own lines)'
	lavapipe $bench/bench_submit || failed=$((failed + 1))
}

memory() {
	title 'Loading a 400 MB model: peak memory over the size of the file'
	for kind in matmul gemm-transposed weights-used-twice few-large external-data conv3x3 conv1x1 conv-batchnorm float16; do
		rm -f "$tmp/m"
		run "$tmp/m" $bench/bench_memory "$tmp" $kind || return
		# the CPU computes with float32: what halves take as that is the size that counts
		size=file_mb
		[ $kind != float16 ] || size=packed_mb
		row "$kind: .onnx to the first answer" MB "$(value onnx_mb <"$tmp/m")" "${size%_mb}" "$(value $size <"$tmp/m")" 1.15
		row "$kind: .tuff, private memory" MB "$(value tuff_mb <"$tmp/m")" 'packed' "$(value packed_mb <"$tmp/m")" 1.05
	done
}

get_models
wants cpu && get_ort || { wants busy && get_ort; }
echo "tuff bench: $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
wants cpu && cpu
if [ -n "$resnet" ]; then
	wants busy && busy
	wants vulkan && vulkan
	wants start && start
else
	note 'no resnet50: neither python3-torchvision nor TUFF_TEST_DATA'
fi
wants submit && submit
wants memory && memory
echo
[ $failed -eq 0 ] || echo "$failed figure(s) over the limit"
exit $((failed > 0))
