#!/bin/sh
# SPDX-License-Identifier: MIT
# tuff.h: what it declares is exported under a version and in the manual; it is C and C++ on its own.
set -u
B=${B:-.build}
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
say() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
# function declarations: a name before '(' at the start of a declaration
sed 's|/\*.*||; /^ \*/d; /^\/\*/d' userspace/tuff.h | grep -oE '^[a-z].*[ *]tuff_[a-z_]+\(' | grep -oE 'tuff_[a-z_]+' | sort -u >"$d/declared"
[ "$(wc -l <"$d/declared")" -ge 35 ]; say header-is-understood $?
nm -D --defined-only "$B/libtuff.so" | sed -n 's/.* T \(.*\)@@TUFF_0.1$/\1/p' | sort -u >"$d/exported"
diff "$d/declared" "$d/exported"; say exported-is-declared $?
grep -oE '^\.Fn tuff_[a-z_]+' tools/man/tuff.3 | sed 's/.Fn //' | sort -u >"$d/manual"
diff "$d/declared" "$d/manual"; say declared-is-in-the-manual $?
alone=0
for std in c99 c11; do
	echo '#include "userspace/tuff.h"' | gcc -std=$std -pedantic -Wall -Wextra -Werror -fsyntax-only -I. -xc - || alone=1
done
for std in c++11 c++17; do
	echo '#include "userspace/tuff.h"' | g++ -std=$std -pedantic -Wall -Wextra -Werror -fsyntax-only -I. -xc++ - || alone=1
done
say header-is-c-and-c++ $alone
exit $bad
