# SPDX-License-Identifier: MIT
# The only build file. Every output is under .build/ (.build/san-* with SAN=).
#   make            libraries, the tuff command
#   make check      set up, build, run every test
#   make demo       set up, build, run the digit classifier
#   make bench      beside ONNX Runtime; make bench-static: what RADV's compiler says of the kernels
#   V=1 shows the commands; SAN=address,undefined or SAN=thread instruments.

VERSION  := 0.1.0
prefix   ?= /usr/local
CC       := gcc
NPROC    := $(shell nproc)
comma    := ,
B        := .build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-7s %s\n'
endif

WARN     := -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror
CPPFLAGS := -I. -I$B/gen -I/usr/include/libdrm -D_GNU_SOURCE -DTUFF_VERSION='"$(VERSION)"'
CFLAGS   ?= -O2 -g
ALL_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) -fPIC -fvisibility=hidden -ffp-contract=off -MMD -MP \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_LDFLAGS := $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))
# Kernels of the CPU path are loops the compiler vectorises; the wide units
# are chosen at run time by the library for what matters (oneDNN).
FAST_CFLAGS := -O3 -fno-math-errno -fno-trapping-math

src      = $(wildcard $(1:%=%/*.c))
PROGRAM  := $(call src,program)
COMPILER := $(call src,compiler)
DRIVER   := $(call src,driver driver/sched driver/executor driver/vulkan driver/mock driver/transport)
USER     := $(call src,userspace userspace/cpu userspace/cpu/ref userspace/cpu/fast)
TOOLS    := $(call src,tools)
SHADERS  := $(wildcard shaders/*.comp)
TESTS    := $(wildcard tests/*/test_*.c)

obj = $(1:%.c=$B/%.o)
PROTO_O  := $(if $(wildcard compiler/onnx.proto),$B/gen/onnx.pb-c.o)
SHADER_O := $B/gen/shaders.o
LIB_C    := $(if $(COMPILER),$B/libtuffc.so)
LIB_T    := $(if $(USER),$B/libtuff.so)
TOOL     := $(if $(TOOLS),$B/tuff)
TEST_BIN := $(TESTS:%.c=$B/%)

LIBS_C   := -lprotobuf-c -lglslang -lglslang-default-resource-limits -lMachineIndependent -lOSDependent -lGenericCodeGen -lOGLCompiler -lSPIRV -lSPIRV-Tools-opt -lSPIRV-Tools -lxxhash -lstdc++ -lpthread -lm
LIBS_T   := -ldnnl -lgomp -lvulkan -ldrm -lSPIRV-Tools -lxxhash -lstdc++ -lpthread -ldl -lm
LIBS_TOOL := -ljson-c -lpng -ljpeg -lzip -lprotobuf-c -lvulkan -ldrm -lSPIRV-Tools -lxxhash -lstdc++ -lpthread -lm

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all install uninstall bench bench-static demo check clean setup setup-test test sanitize
all: $(LIB_C) $(LIB_T) $(TOOL)

$B/%.o: %.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(if $(filter userspace/cpu/%,$<),$(FAST_CFLAGS)) -c $< -o $@

$B/gen/onnx.pb-c.c: compiler/onnx.proto
	$(say) PROTOC $<
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=compiler --c_out=$(@D) $<
$B/gen/onnx.pb-c.h: $B/gen/onnx.pb-c.c
$B/gen/%.o: $B/gen/%.c
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Wno-error -c $< -o $@
$(call obj,$(COMPILER) $(TOOLS)): | $(PROTO_O)

$B/shaders/%.spv: shaders/%.comp $(wildcard shaders/include/*)
	$(say) GLSL $<
	$(Q)mkdir -p $(@D)
	$(Q)glslangValidator -Ishaders/include -V --target-env vulkan1.1 -o $@.t $< >$@.log || { cat $@.log; exit 1; }
	$(Q)spirv-opt -O --strip-debug $@.t -o $@ && rm $@.t
$B/gen/shaders.c: $(SHADERS:%.comp=$B/%.spv) tools/embed-shaders.sh
	$(say) EMBED $@
	$(Q)mkdir -p $(@D)
	$(Q)sh tools/embed-shaders.sh $(filter %.spv,$^) > $@

$B/libtuffc.so: $(call obj,$(COMPILER) $(PROGRAM)) $(PROTO_O) $(SHADER_O)
	$(say) LD $@
	$(Q)$(CC) -shared $(ALL_LDFLAGS) $^ -o $@ $(LIBS_C)
$B/libtuff.so: $(call obj,$(USER) $(PROGRAM) $(DRIVER)) userspace/libtuff.map
	$(say) LD $@
	$(Q)$(CC) -shared -Wl,-soname,libtuff.so.0 -Wl,--version-script=userspace/libtuff.map $(ALL_LDFLAGS) $(filter %.o,$^) -o $@ $(LIBS_T)
	$(Q)ln -sf libtuff.so $@.0
$B/tuff: $(call obj,$(TOOLS)) $(PROTO_O) $(LIB_T)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) $(call obj,$(TOOLS)) $(PROTO_O) -o $@ -L$B -ltuff -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' $(LIBS_TOOL)

# Tests link everything statically: they test insides.
IO_O := $(patsubst %.c,$B/%.o,$(wildcard tools/io_*.c))
$B/everything.a: $(call obj,$(USER) $(DRIVER) $(PROGRAM) $(COMPILER)) $(PROTO_O) $(SHADER_O) $(IO_O)
	$(say) AR $@
	$(Q)rm -f $@; ar rcs $@ $^
$B/tests/%: $B/tests/%.o $B/everything.a
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -Wl,-u,tuffc_compile $< -Wl,--whole-archive $B/everything.a -Wl,--no-whole-archive -o $@ $(LIBS_C) $(LIBS_T) $(LIBS_TOOL)

# its own allocations fail when it says so; those of libraries do not
$B/tests/session/test_oom: ALL_LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc
$(TEST_BIN:%=%.o): | $(PROTO_O)
setup:
	$(Q)sh tools/setup.sh
setup-test:
	$(Q)sh tools/setup.sh test
test: all $(TEST_BIN) $B/tests/bpf/jobs
	$(Q)B=$B sh tests/run.sh $(TEST_BIN) $(wildcard tests/*/test_*.sh)
demo: setup
	$(Q)$(MAKE) -j$(NPROC) --no-print-directory all
	$(Q)TUFF=$B/tuff sh demo/demo.sh
BENCH_BIN := $(patsubst %.c,$B/%,$(wildcard tests/bench/bench_*.c))
bench: setup
	$(Q)$(MAKE) -j$(NPROC) --no-print-directory all $(BENCH_BIN)
	$(Q)B=$B TUFF=$B/tuff sh tests/bench/bench.sh
# Kernels of these networks on AMD GPUs that are not there.
STATIC_MODELS ?= $(or $(wildcard .build/models/*.onnx),$(if $(TUFF_TEST_DATA),$(wildcard $(TUFF_TEST_DATA)/light/*resnet50.onnx $(TUFF_TEST_DATA)/light/*shufflenet.onnx))) \
	tests/models/vit_16/model.onnx tests/models/bert_16/model.onnx
bench-static: $B/tests/bench/bench_static
	$(Q)$B/tests/bench/bench_static $(STATIC_MODELS)
check: setup-test
	$(Q)$(MAKE) -j$(NPROC) --no-print-directory test
	$(Q)$(MAKE) -j$(NPROC) --no-print-directory SAN=address,undefined sanitize
	$(Q)$(MAKE) -j$(NPROC) --no-print-directory SAN=thread sanitize
# What runs under the sanitizers: everything but RADV
# without its hardware; under TSan what has threads. The
# suppressions name libraries that are not ours and nothing else. SwiftShader
# is left to the programs of tests/vulkan: our code is the same on either.
SAN_BIN := $(filter-out %/test_spills,$(TEST_BIN))
ifeq ($(SAN),thread)
SAN_BIN := $(filter-out %/test_limits,$(filter \
	$(patsubst %,$B/tests/%/%,uapi sched driver vulkan session interp cpu),$(TEST_BIN)))
endif
sanitize: $(SAN_BIN)
	$(Q)B=$B TUFF_DEBUG= TUFF_TEST_DEVICES=cpu,lavapipe LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0 \
		TSAN_OPTIONS=suppressions=tests/tsan.supp:exitcode=66 sh tests/run.sh $(SAN_BIN)
# DESTDIR and prefix as usual
INC := $(DESTDIR)$(prefix)/include
LIB := $(DESTDIR)$(prefix)/lib
SHARE := $(DESTDIR)$(prefix)/share
install: all
	$(say) INSTALL $(DESTDIR)$(prefix)
	$(Q)install -d $(DESTDIR)$(prefix)/bin $(LIB)/pkgconfig $(INC)/tuff $(SHARE)/man/man1 $(SHARE)/man/man3 \
		$(SHARE)/bash-completion/completions $(SHARE)/tuff/bpftrace
	$(Q)install $B/tuff $(DESTDIR)$(prefix)/bin/
	$(Q)install -m 644 $B/libtuff.so $(LIB)/libtuff.so.$(VERSION)
	$(Q)ln -sf libtuff.so.$(VERSION) $(LIB)/libtuff.so.0 && ln -sf libtuff.so.0 $(LIB)/libtuff.so
	$(Q)install -m 644 $B/libtuffc.so $(LIB)/
	$(Q)install -m 644 userspace/tuff.h $(INC)/
	$(Q)install -m 644 uapi/*.h $(INC)/tuff/
	$(Q)sed 's|@prefix@|$(prefix)|; s|@version@|$(VERSION)|' tuff.pc.in > $(LIB)/pkgconfig/tuff.pc
	$(Q)install -m 644 tools/man/*.1 $(SHARE)/man/man1/
	$(Q)install -m 644 tools/man/*.3 $(SHARE)/man/man3/
	$(Q)install -m 644 tools/completion/tuff.bash $(SHARE)/bash-completion/completions/tuff
	$(Q)install -m 644 tools/bpftrace/*.bt $(SHARE)/tuff/bpftrace/
	$(Q)[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :	# programs find libtuff.so.0 through its cache
# Folders that only this made go too, unless something else lies there now.
uninstall:
	$(say) REMOVE $(DESTDIR)$(prefix)
	$(Q)rm -f $(DESTDIR)$(prefix)/bin/tuff $(LIB)/libtuff.so* $(LIB)/libtuffc.so $(LIB)/pkgconfig/tuff.pc $(INC)/tuff.h \
		$(SHARE)/bash-completion/completions/tuff $(patsubst tools/man/%,$(SHARE)/man/man1/%,$(wildcard tools/man/*.1)) \
		$(patsubst tools/man/%,$(SHARE)/man/man3/%,$(wildcard tools/man/*.3))
	$(Q)rm -rf $(INC)/tuff $(SHARE)/tuff
	$(Q)rmdir --ignore-fail-on-non-empty $(SHARE)/bash-completion/completions $(SHARE)/bash-completion \
		$(SHARE)/man/man1 $(SHARE)/man/man3 $(LIB)/pkgconfig 2>/dev/null || :
	$(Q)[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :
clean:
	$(Q)rm -rf .build

-include $(shell find $B -name '*.d' 2>/dev/null)
