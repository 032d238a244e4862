# Makefile of vit. `make help` lists what it can do.
#
# Sources are found by folder: a new .c file needs no line here. What depends on more than files (flags, the commit, the
# list of sources) is kept in small stamp files, so that a change of it rebuilds what it concerns and nothing else.

VERSION   := 0.1.0
PREFIX    := /usr/local
DESTDIR   :=
SANITIZER :=
CFLAGS    ?= -O2 -g

# ---- Configuration: every SANITIZER has its own folder ----

ifneq ($(filter-out address undefined thread,$(SANITIZER)),)
$(error SANITIZER=$(SANITIZER): expected address, undefined or thread)
endif
BUILD := build$(addprefix /,$(SANITIZER))
OBJ   := $(BUILD)/obj
INSTALLED := $(BUILD)/installed

# What is there of the libraries that vit uses: sets ONEDNN, ONEDNN_LIBDIR, MISSING and MISSING_TESTS.
ONEDNN :=
MISSING :=
MISSING_TESTS :=
SETUP := CC='$(CC)' ONEDNN_ROOT='$(ONEDNN_ROOT)' tools/setup.sh
ifneq ($(filter-out clean distclean help uninstall,$(or $(MAKECMDGOALS),all)),)
$(foreach word,$(shell $(SETUP) probe),$(eval $(word)))
ifneq ($(.SHELLSTATUS),0)
$(error tools/setup.sh failed)
endif
endif

# oneDNN: headers, library, and the run path to it: in the build tree, in PREFIX/bin and in PREFIX/lib.
WHEEL := build/deps/onednn
ifeq ($(ONEDNN),root)
ONEDNN_CFLAGS := -I$(abspath $(ONEDNN_ROOT))/include
ONEDNN_LIBS   := -L$(abspath $(ONEDNN_LIBDIR)) -ldnnl
RPATH_BUILD   := -Wl,-rpath,$(abspath $(ONEDNN_LIBDIR))
RPATH_BIN     := $(RPATH_BUILD)
RPATH_LIB     := $(RPATH_BUILD)
ONEDNN_STATIC := $(ONEDNN_LIBS) $(RPATH_BUILD)
else ifeq ($(ONEDNN),wheel)
ONEDNN_CFLAGS := -I$(WHEEL)/include
ONEDNN_LIBS   := -L$(WHEEL)/lib -ldnnl
RPATH_BUILD   := -Wl,-rpath,'$$ORIGIN/$(if $(SANITIZER),../)deps/onednn/lib'
RPATH_BIN     := -Wl,-rpath,'$$ORIGIN/../lib/vit'
RPATH_LIB     := -Wl,-rpath,'$$ORIGIN/vit'
ONEDNN_STATIC := $${libdir}/vit/libdnnl.so.3 -Wl,-rpath,$${libdir}/vit
else
ONEDNN_LIBS   := -ldnnl
ONEDNN_STATIC := -ldnnl
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion
SANITIZE := $(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-sanitize-recover=all -fno-omit-frame-pointer)
FLAGS    := $(CC) -std=c11 -D_GNU_SOURCE -I. $(ONEDNN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -ffp-contract=off -fopenmp -fPIC \
            $(WARNINGS) $(if $(WERROR),-Werror) $(SANITIZE)
LINK      = $(CC) $(CFLAGS) -fopenmp $(SANITIZE) $(LDFLAGS) -Wl,--as-needed
LIBS     := $(ONEDNN_LIBS) -ljpeg -ljansson -lutf8proc -lzip -lz -lm
comma    := ,
SONAME   := libvit.so.$(word 1,$(subst ., ,$(VERSION)))
COMMIT   := $(or $(shell git --git-dir=.git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null),unknown)

LIB_SRC  := $(wildcard patches/*.c weights/*.c weights/*/*.c vit/*/*.c)
TOOL_SRC := $(wildcard tools/*.c tools/*/*.c)
TEST_SRC := $(wildcard tests/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(OBJ)/%.o)
TOOL_OBJ := $(TOOL_SRC:%.c=$(OBJ)/%.o)
TEST_OBJ := $(TEST_SRC:%.c=$(OBJ)/%.o)
TESTED_OBJ := $(OBJ)/tools/bench/stats.o $(OBJ)/tools/bench/surroundings.o # what tests call of the program; the rest they run

# Quiet lines unless V=1:  $(call say,CC,file)
ifeq ($(V),1)
say =
else
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

# ---- Commands ----

.PHONY: all run test check install uninstall clean distclean help missing missing-tests
.DELETE_ON_ERROR:

all: $(BUILD)/vit $(BUILD)/libvit.a $(BUILD)/libvit.so

# What was missing is found by another make, once it is installed.
AGAIN := --no-print-directory $(if $(V),,-s)

run:
	@$(SETUP) install
	@$(MAKE) $(AGAIN) $(BUILD)/vit
	@tools/run.sh $(BUILD)/vit

# The installation test installs the build without a sanitizer, which therefore has to be there. The thread sanitizer is
# for build/thread/vit alone, and with OMP_NUM_THREADS=1: it takes what gomp's barriers order for data races.
test:
	$(if $(filter thread,$(SANITIZER)),$(error Criterion does not run under the thread sanitizer; build/thread/vit does))
	@$(SETUP) install tests
	@$(MAKE) $(AGAIN) all $(BUILD)/tests
	$(if $(SANITIZER),@$(MAKE) $(AGAIN) all SANITIZER=)
	$(call say,TEST,$(BUILD)/tests $(ONEDNN_MAX_CPU_ISA)) $(if $(SANITIZER),$(SANITIZED_TESTS),$(BUILD)/tests)

check:
	@$(MAKE) $(AGAIN) test SANITIZER=address
	@$(MAKE) $(AGAIN) test SANITIZER=undefined
	@ONEDNN_MAX_CPU_ISA=AVX2 $(MAKE) $(AGAIN) test

# The sanitizers report into files, and a run that leaves one fails: Criterion does not see a leak, which is found after
# the test's end, nor what a sanitizer finds in a program that the test expects to fail.
REPORT = $(CURDIR)/$(BUILD)/report
SANITIZED_TESTS = rm -f $(REPORT).*; \
    $(foreach tool,ASAN UBSAN,$(tool)_OPTIONS=log_path=$(REPORT):print_stacktrace=1) $(BUILD)/tests; \
    status=$$?; ! cat $(REPORT).* 2>/dev/null && exit $$status

clean:
	@for entry in build/*; do [ "$$entry" = build/deps ] || rm -rf "$$entry"; done

distclean:
	rm -rf build

# The headers' own #include lines hold in the tree and, with vit.pc's one -I, where they are installed: vit.h finds
# weights/ beside itself there. A PREFIX that the loader does not search is told to programs by a run path.
TO := $(DESTDIR)$(PREFIX)
RPATH_USER := $(if $(filter-out /usr /usr/local,$(PREFIX)),-Wl$(comma)-rpath$(comma)$${libdir})
REFRESH = @[ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || ldconfig
install: $(INSTALLED)/vit $(INSTALLED)/libvit.so $(BUILD)/libvit.a weights/vit.safetensors
	install -D -m 755 $(INSTALLED)/vit $(TO)/bin/vit
	install -D -m 644 $(BUILD)/libvit.a $(TO)/lib/libvit.a
	install -D -m 644 $(INSTALLED)/libvit.so $(TO)/lib/libvit.so.$(VERSION)
	ln -sf libvit.so.$(VERSION) $(TO)/lib/$(SONAME)
	ln -sf $(SONAME) $(TO)/lib/libvit.so
	install -D -m 644 -t $(TO)/include/vit vit/vit.h
	install -D -m 644 -t $(TO)/include/vit/base $(addprefix vit/base/,config.h error.h machine.h options.h preprocess.h tensor.h)
	install -D -m 644 -t $(TO)/include/vit/weights/canonical weights/canonical/arch.h
	install -d $(TO)/lib/pkgconfig
	sed 's|@VERSION@|$(VERSION)|; s|@RPATH@|$(RPATH_USER)|; s|@ONEDNN@|$(ONEDNN_STATIC)|' vit/vit.pc.in | \
	    install -m 644 /dev/stdin $(TO)/lib/pkgconfig/vit.pc
	install -D -m 644 weights/vit.safetensors $(TO)/share/vit/vit.safetensors
	install -D -m 644 -t $(TO)/share/doc/vit LICENSE weights/MODEL.md
ifeq ($(ONEDNN),wheel)
	install -D -m 644 $(WHEEL)/lib/libdnnl.so.3 $(TO)/lib/vit/libdnnl.so.3
	install -D -m 644 -t $(TO)/lib/vit/licence $(WHEEL)/licence/*
endif
	$(REFRESH)

# Folders that only vit writes to go whole; a model that somebody put beside ours stays.
uninstall:
	rm -f $(TO)/bin/vit $(addprefix $(TO)/lib/,libvit.a libvit.so $(SONAME) libvit.so.$(VERSION) pkgconfig/vit.pc)
	rm -f $(TO)/share/vit/vit.safetensors
	rm -rf $(TO)/include/vit $(TO)/lib/vit $(TO)/share/doc/vit
	[ ! -d $(TO)/share/vit ] || rmdir --ignore-fail-on-non-empty $(TO)/share/vit
	$(REFRESH)

help:
	@echo 'make             build build/vit, build/libvit.a and build/libvit.so'
	@echo 'make run         set up what is missing, build, classify samples/'
	@echo 'make test        set up what is missing, build, run every test'
	@echo 'make check       the tests under the address and undefined sanitizers, then limited to AVX2'
	@echo 'make install     into PREFIX (/usr/local), below DESTDIR when that is set'
	@echo 'make uninstall   remove what make install puts there, with the same PREFIX and DESTDIR'
	@echo 'make clean       remove what was built; build/deps stays'
	@echo 'make distclean   remove build/ whole'
	@echo
	@echo 'SANITIZER=address|undefined|thread   a build of its own in build/SANITIZER'
	@echo 'WERROR=1   warnings are errors        V=1   show the commands        CC= CFLAGS= LDFLAGS=   as usual'
	@echo 'ONEDNN_ROOT=DIR   use the oneDNN (3.2 or newer) installed in DIR'

# ---- Building ----

# $(call stamp,FILE,VARIABLE): FILE holds the variable's text and is rewritten only when that changes.
define stamp
ifneq ($$(strip $$(file <$(1))),$$(strip $$($(2))))
.PHONY: $(1)
endif
$(1):
	@mkdir -p $$(@D) && printf '%s\n' '$$(subst ','\'',$$($(2)))' >$$@
endef
COMPILATION := $(FLAGS) $(LDFLAGS) $(ONEDNN_LIBS) $(RPATH_BUILD)
SOURCES     := $(LIB_SRC) $(TOOL_SRC) $(TEST_SRC)
RELEASE     := $(VERSION) $(COMMIT)
$(eval $(call stamp,$(OBJ)/flags,COMPILATION))
$(eval $(call stamp,$(OBJ)/sources,SOURCES))
$(eval $(call stamp,$(OBJ)/release,RELEASE))

# Nothing is ever installed by a build: what is missing is named, and that is the end of it.
missing:
	@$(SETUP) explain
missing-tests:
	@$(SETUP) explain tests
$(LIB_OBJ) $(TOOL_OBJ): | $(if $(MISSING),missing)
$(TEST_OBJ): | $(if $(MISSING)$(MISSING_TESTS),missing-tests)

$(OBJ)/%.o: %.c $(OBJ)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<) $(FLAGS) $(DEFINES) -MMD -MP -c $< -o $@

$(OBJ)/vit/network/about.o: DEFINES = -DVIT_VERSION='"$(VERSION)"' -DVIT_COMMIT='"$(COMMIT)"'
$(OBJ)/vit/network/about.o: $(OBJ)/release
$(TEST_OBJ): DEFINES = -DVIT_PROGRAM='"$(BUILD)/vit"'

$(BUILD)/libvit.a: $(LIB_OBJ) $(OBJ)/sources
	$(call say,AR,$@) rm -f $@ && ar rcs $@ $(LIB_OBJ)

# Linked once for the build tree and once for the installed one, which differ in the run path.
RPATH = $(RPATH_BUILD)
$(INSTALLED)/vit: RPATH = $(RPATH_BIN)
$(INSTALLED)/libvit.so: RPATH = $(RPATH_LIB)

$(BUILD)/libvit.so $(INSTALLED)/libvit.so: $(LIB_OBJ) vit/vit.map $(OBJ)/sources
	@mkdir -p $(@D)
	$(call say,LINK,$@) $(LINK) -shared -Wl,-z,defs -Wl,-soname,$(SONAME) -Wl,--version-script=vit/vit.map \
	    $(LIB_OBJ) -o $@ $(RPATH) $(LIBS)

$(BUILD)/vit $(INSTALLED)/vit: $(TOOL_OBJ) $(BUILD)/libvit.a
	@mkdir -p $(@D)
	$(call say,LINK,$@) $(LINK) $^ -o $@ $(RPATH) $(LIBS)

$(BUILD)/tests: $(TEST_OBJ) $(TESTED_OBJ) $(LIB_OBJ) $(OBJ)/sources
	$(call say,LINK,$@) $(LINK) $(TEST_OBJ) $(TESTED_OBJ) $(LIB_OBJ) -o $@ $(RPATH) $(LIBS) -lcriterion

-include $(patsubst %.o,%.d,$(LIB_OBJ) $(TOOL_OBJ) $(TEST_OBJ))
