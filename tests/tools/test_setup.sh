#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/setup.sh with a packet manager that only writes down what it is asked.
set -u
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
bad=0
ok() { if [ "$2" -eq 0 ]; then echo "$1: SUCCESS"; else echo "$1: FAIL"; bad=1; fi; }
mkdir "$d/bin"
for p in sh grep dirname env; do ln -s "$(command -v $p)" "$d/bin/$p"; done
cat >"$d/bin/dpkg-query" <<'S'
#!/bin/sh
for p; do :; done
case " $MISSING " in *" $p "*) exit 1 ;; esac
printf 'install ok installed'
S
printf '#!/bin/sh\necho $USER_ID\n' >"$d/bin/id"
printf '#!/bin/sh\necho "$@" >>%s/asked\nexit ${FAILS:-0}\n' "$d" >"$d/bin/apt-get"
chmod +x "$d"/bin/*
# setup USER MISSING ARGUMENT: status in $status, output in $d/out
setup() {
	rm -f "$d/asked"
	PATH=$d/bin USER_ID=$1 MISSING=$2 sh tools/setup.sh $3 >"$d/out" 2>&1
	status=$?
}
setup 0 '' ''; [ $status = 0 ] && [ ! -s "$d/out" ] && [ ! -e "$d/asked" ]; ok nothing-to-do $?
setup 1000 '' ''; [ $status = 0 ] && [ ! -s "$d/out" ]; ok nothing-to-do-without-root $?
setup 0 'g++ libzip-dev' ''; [ $status = 0 ] && grep -q '^setup: installing g++ libzip-dev$' "$d/out" && grep -q 'install .* g++ libzip-dev$' "$d/asked"; ok installs-and-says $?
setup 0 'bpftrace' ''; [ $status = 0 ] && [ ! -s "$d/out" ]; ok not-what-tests-need $?
setup 1000 g++ ''; [ $status = 1 ] && grep -q 'root or sudo is needed to install: g++$' "$d/out" && [ ! -e "$d/asked" ]; ok neither-root-nor-sudo $?
printf '#!/bin/sh\necho sudo >>%s/asked\nexec "$@"\n' "$d" >"$d/bin/sudo"
chmod +x "$d/bin/sudo"
setup 1000 g++ ''; [ $status = 0 ] && grep -q sudo "$d/asked" && grep -q 'install .* g++$' "$d/asked"; ok with-sudo $?
export FAILS=100
setup 0 g++ ''; [ $status = 1 ] && grep -q 'apt-get could not install: g++' "$d/out"; ok apt-get-fails $?
unset FAILS
setup 0 npm bench; [ $status = 0 ] && grep -q 'installing npm$' "$d/out"; ok bench-takes-npm $?
ln -s /bin/true "$d/bin/npm"
setup 0 npm bench; [ $status = 0 ] && [ ! -s "$d/out" ]; ok npm-from-elsewhere $?
# every program that the build names comes from a package of the list, which dpkg knows here
if command -v dpkg-query >/dev/null; then
	lost=0
	for p in gcc g++ make glslangValidator spirv-opt protoc-c; do
		owner=$(dpkg-query -S "$(readlink -f "/usr/bin/$p")" 2>/dev/null | sed 's/:.*//')
		case $owner in
		gcc-*|g++-*|'') ;;	# behind a link of package gcc or g++; or not Debian's
		*) sed -n "/^need=/,/systemtap/p" tools/setup.sh | grep -q -w -e "$owner" || { echo "  $p is of $owner"; lost=1; } ;;
		esac
	done
	ok programs-of-the-build $lost
fi
exit $bad
