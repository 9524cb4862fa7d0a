#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make bench: tuff beside what a user would pick instead, in one run, as a table.
# Each figure is the lowest of the medians of BENCH_ROUNDS (2) rounds in which the
# programs take turns, BENCH_SECONDS (1) each. BENCH_ONLY=cpu,busy,vulkan,start,submit,memory
# picks parts. Anything else that keeps a processor busy spoils the figures: it warns.
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
ort_library() {
	case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) arch=none ;; esac
	for lib in .build/ort/node_modules/onnxruntime-node/bin/*/linux/$arch/libonnxruntime.so.1; do
		[ ! -r "$lib" ] || ort=$lib
	done
}
get_ort() {
	ort_library
	if [ -z "$ort" ]; then
		sh tools/setup.sh bench || true	# npm
		command -v npm >/dev/null || { note 'no npm: ONNX Runtime is left out of the comparison'; return; }
		note 'installing onnxruntime-node from npm into .build/ort'
		mkdir -p .build/ort
		npm install --ignore-scripts --no-audit --no-fund --silent --prefix .build/ort onnxruntime-node >"$tmp/npm" 2>&1 ||
			{ note "npm cannot install onnxruntime-node: $(tail -n 1 "$tmp/npm"): ONNX Runtime is left out"; return; }
		ort_library
	fi
	[ -n "$ort" ] || { note "onnxruntime-node has no library for $(uname -m): ONNX Runtime is left out"; return; }
	version=$($ort_bench "$ort" version 1 1 2>"$tmp/err") && note "ONNX Runtime $version" ||
		{ note "ONNX Runtime does not load: $(tail -n 1 "$tmp/err")"; ort=; }
}

# --- what else runs: processor time that is not idle, over a second
busy_percent() {
	awk 'FNR == 1 { n = 0; for (i = 2; i <= 9; i++) n += $i; idle[++f] = $5 + $6; all[f] = n }
		END { d = all[2] - all[1]; printf "%.0f", (d > 0) ? 100 * (1 - (idle[2] - idle[1]) / d) : 0 }' "$1" "$2"
}
check_idle() {
	head -n 1 /proc/stat >"$tmp/before"
	sleep 1
	head -n 1 /proc/stat >"$tmp/after"
	used=$(busy_percent "$tmp/before" "$tmp/after")
	[ "$used" -le 5 ] || note "WARNING: the machine is not idle ($used% of its processors in use): the figures mean little"
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
# lowest KEY FILE: smallest value over the rounds, nothing if there is none
lowest() { value "$1" <"$2" | sort -g | head -n 1; }
# row WHAT UNIT TUFF OTHER-NAME OTHER [ratio LIMIT | value LIMIT]: what the limit is on.
# Nothing measured is over the limit; nothing to compare with leaves a ratio open.
failed=0
row() {
	awk -v what="$1" -v unit="$2" -v t="$3" -v name="$4" -v o="$5" -v kind="${6-}" -v limit="${7-}" 'BEGIN {
		ratio = (t != "" && o + 0 > 0) ? t / o : ""
		judged = kind == "ratio" ? ratio : t
		held = ""
		if (kind != "")
			held = (t == "") ? "OVER" : (judged == "") ? "not compared" : (judged + 0 <= limit + 0) ? "ok" : "OVER"
		printf "%-44s %10s %-3s %-22s %10s %7s %7s %s\n", what, (t == "") ? "-" : sprintf("%.2f", t), unit, name,
			(o == "") ? "-" : sprintf("%.2f", o), (ratio == "") ? "-" : sprintf("%.2f", ratio), (kind == "") ? "-" : limit, held
		exit (held == "OVER") }' || failed=$((failed + 1))
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
			case $name in *resnet50) limit='ratio 1.20' ;; esac
			row "$name, $th thread(s)" ms "$(lowest median "$tmp/t")" 'ONNX Runtime' "$(lowest median "$tmp/o")" $limit
		done
		row "$name, memory peak of the process" MB "$(lowest peak_mb "$tmp/t")" 'ONNX Runtime' "$(lowest peak_mb "$tmp/o")"
		row "$name, from the file to a session" ms "$(lowest create "$tmp/t")" 'ONNX Runtime' "$(lowest create "$tmp/o")"
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
	touch "$tmp/i" "$tmp/b" "$tmp/oi" "$tmp/ob"
	row 'resnet50, median' ms "$(lowest median "$tmp/b")" 'tuff idle' "$(lowest median "$tmp/i")" ratio 2.00
	row 'resnet50, 90th percentile' ms "$(lowest p90 "$tmp/b")" 'tuff idle (median)' "$(lowest median "$tmp/i")" ratio 2.20
	[ -z "$ort" ] || row '  ONNX Runtime the same, median' ms "$(lowest median "$tmp/ob")" 'ONNX Runtime idle' "$(lowest median "$tmp/oi")"
}

# a software device of its own, whatever else the machine has
lavapipe() { VK_ICD_FILENAMES=$(echo /usr/share/vulkan/icd.d/lvp_icd.*.json) "$@"; }

vulkan() {
	title 'Vulkan on lavapipe: median of a run'
	for m in $models; do
		rm -f "$tmp/t"
		lavapipe run "$tmp/t" $bench/bench_model "$m" vulkan 3 || touch "$tmp/t"
		limit=
		case $m in *resnet50.onnx) limit='value 500' ;; esac
		row "$(basename "$m" .onnx)" ms "$(lowest median "$tmp/t")" 'limit in ms' '' $limit
	done
}

# seconds NAME COMMAND: wall time in s of one command
wall() {
	from=$(date +%s%N)
	"$@" >/dev/null 2>"$tmp/err" || { note "$* : $(tail -n 1 "$tmp/err")"; return 1; }
	to=$(date +%s%N)
	awk -v a="$from" -v b="$to" 'BEGIN { printf "%.3f", (b - a) / 1e9 }'
}
# beyond A B: what A is more than B, at least 0; nothing if A is nothing
beyond() { [ -z "$1" ] || awk -v a="$1" -v b="$2" 'BEGIN { d = (a + 0 > b + 0) ? a - b : 0; print d }'; }
start() {
	title 'From the command to the first answer, resnet50'
	export XDG_CACHE_HOME="$tmp/cache" MESA_SHADER_CACHE_DIR="$tmp/cache"
	cold=$(lavapipe wall "$B/tuff" run "$resnet" --device vulkan)
	warm=$(lavapipe wall "$B/tuff" run "$resnet" --device vulkan)
	row 'tuff run on lavapipe, caches cold' s "$cold" 'limit in s' '' value 6
	row 'tuff run on lavapipe, caches warm' s "$warm" 'limit in s' '' value 1.5
	row 'tuff run on the CPU' s "$(wall "$B/tuff" run "$resnet" --device cpu)" '' ''
	rm -f "$tmp/t" "$tmp/r.tuff"
	"$B/tuff" compile "$resnet" -o "$tmp/r.tuff" 2>"$tmp/err" || note "tuff compile: $(tail -n 1 "$tmp/err")"
	[ ! -r "$tmp/r.tuff" ] || run "$tmp/t" $bench/bench_model "$tmp/r.tuff" cpu 0.2
	touch "$tmp/t" "$tmp/r.tuff"
	create=$(lowest create "$tmp/t")
	read_ms=$(wall cat "$tmp/r.tuff" | awk '{ print $1 * 1e3 }')
	row 'resnet50.tuff, from the file to a session' ms "$create" 'reading the file' "$read_ms"
	row '  beyond reading it' ms "$(beyond "$create" "$read_ms")" 'limit in ms' '' value 100
	unset XDG_CACHE_HOME MESA_SHADER_CACHE_DIR
}

# column LABEL N: the Nth figure after LABEL in bench_submit's lines
column() { sed -n "s/^ *$1  *//p" "$tmp/s" | awk -v n="$2" '{ print $n }'; }
submit() {
	[ -x $bench/bench_submit ] || return 0
	title 'Empty job, submit to complete, beside vkQueueSubmit and a fence'
	rm -f "$tmp/s"
	lavapipe run "$tmp/s" $bench/bench_submit
	touch "$tmp/s"
	for w in median:1 99th\ percentile:2; do
		row "an empty command buffer, ${w%:*}" us "$(column 'through the driver' ${w#*:})" 'vkQueueSubmit' "$(column 'vkQueueSubmit and fence' ${w#*:})"
		row '  more' us "$(column more ${w#*:})" 'limit in us' '' value 15
	done
}

memory() {
	title 'Loading a 400 MB model: peak memory over the size of the file'
	for kind in matmul gemm-transposed weights-used-twice few-large external-data conv3x3 conv1x1 conv-batchnorm float16; do
		rm -f "$tmp/m"
		run "$tmp/m" $bench/bench_memory "$tmp" $kind || touch "$tmp/m"
		# the CPU computes with float32: what halves take as that is the size that counts
		size=file_mb
		[ $kind != float16 ] || size=packed_mb
		row "$kind: .onnx to the first answer" MB "$(value onnx_mb <"$tmp/m")" "${size%_mb}" "$(value $size <"$tmp/m")" ratio 1.15
		row "$kind: .tuff, private memory" MB "$(value tuff_mb <"$tmp/m")" 'packed' "$(value packed_mb <"$tmp/m")" ratio 1.05
	done
}

get_models
if wants cpu || wants busy; then
	get_ort
fi
check_idle
echo "tuff bench: $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
wants cpu && cpu
if [ -n "$resnet" ]; then
	wants busy && busy
	wants start && start
else
	note 'no resnet50, which most limits are for: neither python3-torchvision nor TUFF_TEST_DATA'
fi
wants vulkan && vulkan
wants submit && submit
wants memory && memory
echo
[ $failed -eq 0 ] || echo "$failed figure(s) over the limit"
exit $((failed > 0))
