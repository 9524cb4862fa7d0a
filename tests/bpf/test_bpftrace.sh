#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Attaches the scripts of tools/bpftrace to running programs and compares what
# they count with the work that was done, exactly. Needs root and bpftrace.
set -u
B=${B:-.build}
tmp=$(mktemp -d)
tracer=
trap '[ -z "$tracer" ] || kill -INT "$tracer" 2>/dev/null; rm -rf "$tmp"' EXIT
# no tracefs where uprobes come by perf_event_open; no right to raise the memory limit
noise='RLIMIT_MEMLOCK|uprobe_events|failed to detach|^$'
bad=0
ok() { echo "$1: SUCCESS"; }
no() { echo "  $2"; grep -vE "$noise" "$tmp/log" | sed 's/^/  | /' | head -n 60; echo "$1: FAIL"; bad=1; }

skip=
[ "$(id -u)" = 0 ] || skip='bpftrace needs root'
command -v bpftrace >/dev/null || skip='bpftrace is not installed'
[ -n "$skip" ] || bpftrace -e 'BEGIN { exit(); }' >"$tmp/log" 2>&1 || skip='bpftrace does not run on this kernel'
# AddressSanitizer's programs map the probes like any other, but this is about the scripts
if [ -n "$skip" ]; then
	echo "  skipped: $skip"
	echo "bpftrace: SKIP"
	exit 77
fi

# attach SCRIPT TARGET: returns when its probes are attached (open perf events no longer grow)
attach() {
	bpftrace "tools/bpftrace/$1" "$2" >"$tmp/log" 2>&1 &
	tracer=$!
	want=$(grep -c '^usdt:' "tools/bpftrace/$1")
	last=-1 same=0
	for _ in $(seq 200); do
		kill -0 $tracer 2>/dev/null || return 1
		n=$(ls -l /proc/$tracer/fd 2>/dev/null | grep -c perf_event)
		[ "$n" = "$last" ] && [ "$n" -ge "$want" ] && grep -q '^Tracing' "$tmp/log" && same=$((same + 1)) || same=0
		[ $same -lt 8 ] || return 0
		last=$n
		sleep 0.1
	done
	return 1
}
detach() {
	kill -INT $tracer
	wait $tracer 2>/dev/null
	tracer=
}
# the sum of a map's integers: total MAP
total() { sed -n "s/^@$1\[.*\]: \([0-9]*\)\$/\1/p" "$tmp/log" | awk '{ n += $1 } END { print n + 0 }'; }

operators() {
	runs=17
	# probes are on the file: a copy of our own, or other tests' runs count too
	mkdir "$tmp/own" && cp -P "$B"/tuff "$B"/libtuff*.so* "$tmp/own/"
	steps=$("$tmp/own/tuff" info demo/digits.onnx --json | sed -n '/"steps"/,/}/s/.*:\([0-9][0-9]*\),*$/\1/p' | awk '{ n += $1 } END { print n }')
	attach ops.bt "$tmp/own/libtuff.so" || { no operators 'bpftrace does not attach'; return; }
	"$tmp/own/tuff" bench demo/digits.onnx --device cpu -n $runs >"$tmp/out" 2>&1 || { detach; no operators "$(cat "$tmp/out")"; return; }
	detach
	runs=$((runs + 3))	# three to warm up
	[ "$(total runs)" = $runs ] || { no operators "$(total runs) runs seen, $runs done"; return; }
	[ "$(total op_count)" = $((runs * steps)) ] ||
		{ no operators "$(total op_count) operators seen, $runs runs of $steps steps done"; return; }
	[ "$(total failed)" = 0 ] || { no operators 'a run failed'; return; }
	# names: every operator that ran has one, and it is a convolutional network
	grep -q '^@op_count.* Conv\]' "$tmp/log" || { no operators 'no Conv by name'; return; }
	ok operators
}

# ids in ops.bt say what compiler/ops.h says (which only grows)
operator_names() {
	: >"$tmp/log"
	printf '#include "compiler/ops.h"\n#define X(id, name, ...) OP name\nTUFF_OPS(X)\n' |
		gcc -E -P -I. - | grep -o 'OP "[^"]*"' |
		awk -F'"' '{ printf "@name[%d] = \"%s\";\n", NR - 1, $2 }' >"$tmp/names"
	grep -o '@name\[[0-9]*\] = "[^"]*";' tools/bpftrace/ops.bt | grep -vxFf "$tmp/names" >"$tmp/log"
	[ ! -s "$tmp/log" ] && ok operator-names || no operator-names 'ops.bt and compiler/ops.h disagree'
}

# tests/bpf/jobs.c says what it does: five contexts on the mock device
queue_wait() {
	attach queue-wait.bt "$B/tests/bpf/jobs" || { no queue-wait 'bpftrace does not attach'; return; }
	"$B/tests/bpf/jobs" >"$tmp/out" 2>&1 || { detach; no queue-wait "$(cat "$tmp/out")"; return; }
	detach
	got=$(sed -n 's/^@jobs\[.*: //p' "$tmp/log" | sort -n | tr '\n' ' ')
	[ "$got" = '1 4 5 17 40 ' ] || { no queue-wait "jobs by context: $got, not 1 4 5 17 40"; return; }
	[ "$(total failed)" = 4 ] || { no queue-wait "$(total failed) failed, not 4"; return; }
	[ "$(total left)" = 0 ] || { no queue-wait "$(total left) jobs did not end"; return; }
	# the killed ones never ran: four contexts have a run time
	[ "$(grep -c '^@running' "$tmp/log")" = 4 ] || { no queue-wait 'run times of four contexts expected'; return; }
	ok queue-wait
}

# the value of a map with one key: one MAP
one() { sed -n "s/^@$1\[.*\]: \(-*[0-9]*\)\$/\1/p" "$tmp/log" | tr '\n' ' '; }

objects() {
	attach objects.bt "$B/tests/bpf/jobs" || { no objects 'bpftrace does not attach'; return; }
	"$B/tests/bpf/jobs" objects >"$tmp/out" 2>&1 || { detach; no objects "$(cat "$tmp/out")"; return; }
	detach
	for want in bos=3 live_B=49152 peak_B=65536 maps=2 contexts=3 kernels=2 pipelines=2 timeouts=1 resets=1; do
		[ "$(one ${want%=*})" = "${want#*=} " ] || { no objects "${want%=*}: $(one ${want%=*}), not ${want#*=}"; return; }
	done
	grep -q '^@pipeline_hits' "$tmp/log" && { no objects 'the mock has no cache to hit'; return; }
	ok objects
}

# every probe of the header is in the libraries, with a semaphore; the service's are not yet
probes() {
	: >"$tmp/log"
	readelf -n "$B/libtuff.so" "$B/libtuffc.so" 2>/dev/null |
		awk '/Provider: tuff$/ { t = 1 } t && /Name:/ { n = $2 } t && /Semaphore:/ { if ($NF !~ /^0x0+$/) print n; t = 0 }' |
		sort -u >"$tmp/have"
	printf '#include "uapi/tuff_trace.h"\n#define X(p) PROBE p\nTUFF_TRACE_PROBES(X)\n' |
		gcc -E -P -I. - | grep -o 'PROBE [a-z_]*' | cut -d' ' -f2 |
		grep -vE '^(bo_evict|request_begin|request_end)$' | sort -u >"$tmp/want"
	comm -3 "$tmp/want" "$tmp/have" >"$tmp/log"
	[ ! -s "$tmp/log" ] && [ -s "$tmp/want" ] && ok probes || no probes 'header and libraries disagree on these'
	# and each is described there
	while read -r p; do
		grep -q "^ \*.*[ ]$p(" uapi/tuff_trace.h || { no probes-documented "$p"; return; }
	done <"$tmp/want"
	ok probes-documented
}

probes
operator_names
operators
queue_wait
objects
exit $bad
