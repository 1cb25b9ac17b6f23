# Single-header C libraries for AI-agent sessions. `make help` lists what can be made.
.error := this Makefile is for GNU make: gmake (apt-get, dnf, brew, apk, pkg install gmake or make)

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BUILD    ?= build
CFLAGS   ?= -O2
CXXFLAGS ?= -O2
GCOV     ?= gcov
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef \
            -Wstrict-prototypes -DASM__WARNINGS_ON

# The first compiler that there is, unless CC says which.
first = $(firstword $(foreach name,$(1),$(shell command -v $(name) >/dev/null 2>&1 && echo $(name))))
ifeq ($(origin CC),default)
CC := $(or $(call first,cc gcc clang tcc),cc)
endif
ifeq ($(origin CXX),default)
CXX := $(or $(call first,c++ g++ clang++),c++)
endif
# What can be made without one; all else says in one line what to install.
WITHOUT_CC := help clean docs format uninstall dist check check-format check-comments check-docs check-tidy check-cppcheck check-size size
ifneq ($(filter-out $(WITHOUT_CC),$(or $(MAKECMDGOALS),all)),)
$(if $(call first,$(firstword $(CC))),,$(error $(firstword $(CC)): $(shell sh tests/hint.sh compiler)))
endif
export CC CXX BUILD
export ASM_CAT := $(BUILD)/asm-cat

ifneq ($(words $(BUILD)),1)
$(error BUILD is a path without blanks)
endif

# Programs, examples and tests that stand on a library, SOURCE:LIBRARY in the words of tests/dependencies.sh: left out,
# with what is in tools/NAME/ for tools/asm_NAME.c, where it is not installed. Its flags are kept once it was found.
NEEDS := tools/asm_agent.c:curl tools/asm_live.c:microhttpd examples/live_agent.c:microhttpd \
         tests/test_live_server.c:microhttpd tests/test_live.c:microhttpd
NEEDS += tests/mock_llm.c:microhttpd tests/test_llm_many.c:curl examples/llm_agent.c:curl examples/nats_bridge.c:nats tools/asm_nats.c:nats
NEEDS += examples/wire_websocket.c:websockets
flags_of = $(shell [ -s $(BUILD)/$(1).flags ] || { mkdir -p $(BUILD); \
               CC='$(CC)' FETCH=no sh tests/dependencies.sh $(1) > $(BUILD)/$(1).flags 2>/dev/null; }; cat $(BUILD)/$(1).flags)
NEEDED   := $(sort $(foreach need,$(NEEDS),$(lastword $(subst :, ,$(need)))))
MISSING  := $(foreach library,$(NEEDED),$(if $(call flags_of,$(library)),,$(library)))
LEFT_OUT := $(foreach library,$(MISSING),$(patsubst %:$(library),%,$(filter %:$(library),$(NEEDS))))
library_of = $(foreach need,$(filter $(1):%,$(NEEDS)),$(lastword $(subst :, ,$(need))))
present  = $(filter-out $(LEFT_OUT) $(patsubst tools/asm_%.c,tools/%/%,$(filter tools/%,$(LEFT_OUT))),$(sort $(wildcard $(1))))
library_flags = $(foreach library,$(call library_of,$(1)),$(call flags_of,$(library)))

HEADERS  := $(sort $(wildcard asm_*.h))
SOURCES  := $(filter-out $(if $(filter microhttpd,$(MISSING)),$(filter-out %/absent.c,$(wildcard tools/serve/*.c))),\
                $(call present,tools/*.c tools/*/*.c examples/*.c))
# That which takes clang-tidy the longest, first.
CHECKED  := asm_ingest.h $(filter-out asm_ingest.h,$(HEADERS)) $(sort $(wildcard examples/*.h)) $(SOURCES)
TOOLS    := $(subst _,-,$(patsubst tools/%.c,$(BUILD)/%,$(call present,tools/*.c)))
# What the tools share, and what one of them has for itself: tools/live for tools/asm_live.c.
objects_of = $(patsubst tools/%.c,$(BUILD)/%.o,$(sort $(wildcard tools/$(1)/*.c)))
COMMON   := $(call objects_of,common)
# What shows a session on a page, for programs with --live; and in its place, where there is no libmicrohttpd.
SERVING    := asm-agent asm-live asm-tee
PAGE_FILES := $(sort $(wildcard $(addprefix tools/live/*.,html css js svg png)))
MICROHTTPD := $(call flags_of,microhttpd)
ABSENT     := $(BUILD)/serve/absent.o
SERVE      := $(if $(MICROHTTPD),$(filter-out $(ABSENT),$(call objects_of,serve)) $(BUILD)/serve/page.o,$(ABSENT))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(call present,examples/*.c))
# Left out without a C++ compiler.
IN_CXX   := $(if $(call first,$(firstword $(CXX))),$(patsubst %.cpp,$(BUILD)/%,$(sort $(wildcard examples/*.cpp))))
# The page in a browser is a part of make check, with an agent of its own.
SCRIPTS  := $(filter-out tests/test_live_page.sh,$(sort $(wildcard tests/test_*.sh)))
PAGE_AGENT := $(if $(MICROHTTPD),$(BUILD)/tests/page/agent)

# A test or fuzzer is linked with the headers' implementation, but for what it brings itself, to reach private functions
# or to choose options: OWN has SOURCE:asm_ingest for a source with #define ASM_INGEST_IMPLEMENTATION, and SOURCE:asm_%
# for ASM_IMPLEMENTATION.
TEST_SOURCES := $(call present,tests/test_*.c)
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/fuzz_*.c))
OWN := $(shell grep -H '^\#define ASM_[A-Z_]*IMPLEMENTATION' $(TEST_SOURCES) $(FUZZ_SOURCES) | tr '[:upper:]' '[:lower:]' | \
               sed 's/:.define asm_implementation.*/:asm_%/; s/:.define \(asm_[a-z]*\)_implementation.*/:\1/')

TESTS      := $(TEST_SOURCES:%.c=$(BUILD)/%)
# A model that is not there, over HTTP, for tests of programs.
MOCK       := $(patsubst tests/%.c,$(BUILD)/%,$(call present,tests/mock_llm.c))
# The tests once more, built for other purposes: but for one that only runs a program, which would be the same program.
AGAIN      := $(filter-out tests/test_asm_cat.c,$(TEST_SOURCES))
NO_STB     := $(patsubst %.c,$(BUILD)/no-stb/%,$(wildcard tests/test_pubsub*.c tests/test_presence.c tests/test_agent*.c))
SANITIZED  := $(AGAIN:%.c=$(BUILD)/sanitized/%)
THREADED   := $(BUILD)/threaded/tests/test_mailbox $(BUILD)/threaded/tests/test_agent_threads
COVERED    := $(TEST_SOURCES:%.c=$(BUILD)/covered/%)
# The fuzzers, each with a small driver of ours and with clang's libFuzzer.
FUZZERS    := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES))
DRIVEN     := $(FUZZ_SOURCES:%.c=$(BUILD)/sanitized/%)
LIBFUZZERS := $(FUZZ_SOURCES:%.c=$(BUILD)/libfuzzer/%)
TIME       ?= 60
PROGRAMS   := $(TOOLS) $(EXAMPLES) $(MOCK) $(IN_CXX) $(TESTS) $(NO_STB) $(SANITIZED) $(THREADED) $(COVERED) $(DRIVEN) $(LIBFUZZERS)

# One list of options for the compiler and for the checkers.
SOURCE_FLAGS = -std=c99 -I. -D_POSIX_C_SOURCE=200809L $(CPPFLAGS)
# For what uses the headers: as if their implementation had been there already.
upper    = $(shell echo '$(1)' | tr '[:lower:]' '[:upper:]')
DECLARED := $(addprefix -D,$(addsuffix _IMPLEMENTED,$(call upper,$(HEADERS:.h=))))

# The recipes that build many files do so on all processors, unless make was told how many jobs to run.
CORES    = $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(CORES))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# $(call need,TOOL) ends the recipe's line in peace when TOOL is missing.
need = command -v $(1) >/dev/null || { echo "skipped: $$(sh tests/hint.sh $(notdir $(1)))"; exit 0; };

# The parts of make check: those that use all processors, and beside them, one process at a time, those that only read
# the source, to fill what waits and ends leave free.
CHECKS := format comments docs programs matrix sanitize fuzz threads fresh platforms valgrind
BESIDE := tidy analyzer cppcheck count size

.PHONY: help all left-out examples single demo test check check-packages $(CHECKS:%=check-%) $(BESIDE:%=check-%) fuzz bench size \
        count coverage shared docs install install-shared uninstall dist clean format FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR, BUILD=dir for another build directory;"
	@echo "  V=1 shows the commands."

all: $(TOOLS) left-out ## the programs: build/asm-cat (the default)

# Of programs, where only these are made.
left-out:
	@$(foreach source,$(filter $(if $(filter-out all install,$(MAKECMDGOALS)),,tools/)%,$(LEFT_OUT)),echo "left out: $(source): $$(sh tests/hint.sh $(call library_of,$(source)))";)

examples: $(EXAMPLES) $(IN_CXX) ## the examples: build/examples/quickstart and others

single: $(BUILD)/asm.h ## all headers in one file: build/asm.h

$(BUILD)/asm.h: $(HEADERS) packaging/single.sh
	@mkdir -p $(@D)
	$(say) WRITE $@
	@sh packaging/single.sh $(VERSION) $(HEADERS) > $@

demo: $(BUILD)/asm-cat ## show a recorded session as a person would see it
	@rm -f $(BUILD)/demo.jsonl
	@$(BUILD)/asm-cat --renderer=studio --jsonl=$(BUILD)/demo.jsonl examples/data/claude_session.jsonl
	@echo "The same session as JSON Lines, one event per line: $(BUILD)/demo.jsonl"

test: $(BUILD)/cmocka.flags ## build everything and run all tests; the last line is the result
	@! grep -q tests/shim $< || echo "$$(sh tests/hint.sh cmocka); tests/shim/cmocka.h serves instead"
	@$(MAKE) --no-print-directory $(PARALLEL) all examples $(MOCK) $(TESTS) $(NO_STB)
	@MAKE='$(MAKE)' sh tests/run.sh $(SCRIPTS) $(TESTS) $(NO_STB)

check: ## everything else: sanitizers, fuzzers, analyzers, valgrind, other platforms, fresh machines
	@MAKE='$(MAKE)' sh tests/check.sh '$(PARALLEL): $(CHECKS)' ': $(BESIDE)'

FORMATTED := $(wildcard *.h tools/*.[ch] tools/*/*.[ch] examples/*.[ch] tests/*.[ch] tests/*/*.[ch] bench/*.[ch])
check-format:
	@$(call need,clang-format) clang-format --dry-run -Werror $(FORMATTED)

check-comments:
	@sh tests/comments.sh $(FORMATTED) Makefile tests/*.sh tests/golden/README
	@awk -f tests/documented.awk $(HEADERS)

# What waits more than it works, side by side.
check-programs: check-packaging check-page check-wire check-nats

check-docs: docs
	@sh tests/pages.sh

check-packaging:
	@sh tests/packaging.sh

check-matrix:
	@sh tests/compile_matrix.sh

# Of the headers in one file, which are so tested, too.
check-sanitize: all examples $(SANITIZED)
	@TITLE='sanitizers' sh tests/run.sh $(SANITIZED)

check-threads: $(THREADED)
	@TITLE='threads' sh tests/run.sh $(THREADED)

# But for generators of thousands of cases, which the sanitizers have and which would take as long as all others, and for
# JSON over other kernels: those themselves are in tests/test_scan*.c, and nothing else differs. SLOWED: of the cases that
# differ in their numbers only, a tenth.
NOT_SLOWED := tests/test_wire_hostile.c tests/test_ingest_nothing_lost.c tests/test_json_portable.c tests/test_json_sse2.c
check-valgrind: all $(TESTS)
	@$(call need,valgrind) TITLE='valgrind' TEST_TIMEOUT=900 SLOWED=yes \
	    WRAPPER='valgrind --quiet --error-exitcode=1 --leak-check=full' \
	    sh tests/run.sh $(patsubst %.c,$(BUILD)/%,$(filter-out $(NOT_SLOWED),$(AGAIN)))

# One file at a time: checkers only look into the main file. What uses the headers sees declarations; a header is checked
# by clang-tidy with those that it stands on, as it follows calls, and by cppcheck alone.
CHECKED_AS = $(DECLARED)
$(HEADERS:%=$(BUILD)/checked/%.tidy): CHECKED_AS = -DASM_IMPLEMENTATION
$(HEADERS:%=$(BUILD)/checked/%.cppcheck): CHECKED_AS = -D$(call upper,$(<:.h=))_IMPLEMENTATION

check-tidy:
	@$(call need,clang-tidy) $(MAKE) --no-print-directory --keep-going $(CHECKED:%=$(BUILD)/checked/%.tidy)
$(BUILD)/checked/%.tidy: % $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	@echo '  TIDY    $<'; clang-tidy --quiet $< -- -x c $(SOURCE_FLAGS) $(CHECKED_AS) && touch $@

check-cppcheck:
	@$(call need,cppcheck) $(MAKE) --no-print-directory --keep-going $(CHECKED:%=$(BUILD)/checked/%.cppcheck)
$(BUILD)/checked/%.cppcheck: % $(HEADERS)
	@mkdir -p $(@D)
	@echo '  CPPCHK  $<'; \
	    cppcheck --quiet --language=c --error-exitcode=1 --inline-suppr --suppress=missingReturn \
	        --enable=warning,performance,portability \
	        $(patsubst -std=%,--std=%,$(SOURCE_FLAGS)) $(CHECKED_AS) $< && touch $@

# One header at a time, the others as declarations, and functions by their summaries: the analyzer gives up on more.
# Not believed:
#   uninitialized values   summaries do not tell what a function sets; valgrind looks for these
#   NULL in asm_json.h and asm_events.h: the end of a buffer without memory, which is never found to have room
#   NULL in asm_pubsub.h   arrays that were just reserved
#   leaks in asm_agent.h, asm_llm.h     blocks known by an address within them, or in a list; the tests count blocks
#   leaks in tools, examples/live_agent.c  what the program keeps until its end, or a list has
ANALYZER_FLAGS := -fanalyzer -fanalyzer-call-summaries -Werror -Wno-analyzer-use-of-uninitialized-value
ANALYZER_FLAGS_json   := -Wno-analyzer-null-dereference
ANALYZER_FLAGS_events := -Wno-analyzer-null-dereference
ANALYZER_FLAGS_agent  := -Wno-analyzer-malloc-leak
ANALYZER_FLAGS_llm    := -Wno-analyzer-malloc-leak
ANALYZER_FLAGS_pubsub := -Wno-analyzer-null-dereference -Wno-analyzer-null-argument
ANALYZED := $(HEADERS:%=$(BUILD)/analyzed/%.o) $(SOURCES:%=$(BUILD)/analyzed/%.o)
ANALYZE   = $(CC) $(ANALYZER_FLAGS) -O0 -x c $(SOURCE_FLAGS) -c -o $@ $<

check-analyzer:
	@if echo 'int unit;' | $(CC) $(ANALYZER_FLAGS) -x c -fsyntax-only - 2>/dev/null; then \
	    $(MAKE) --no-print-directory --keep-going $(ANALYZED); \
	else \
	    echo 'skipped: $(CC) has no -fanalyzer (CC=gcc has it from version 10 on)'; \
	fi
$(BUILD)/analyzed/asm_%.h.o: asm_%.h $(HEADERS)
	@mkdir -p $(@D)
	$(say) ANALYZE $<
	$(Q)$(ANALYZE) -DASM_$$(echo $* | tr a-z A-Z)_IMPLEMENTATION $(ANALYZER_FLAGS_$*)
$(SOURCES:%=$(BUILD)/analyzed/%.o): $(BUILD)/analyzed/%.o: % $(HEADERS)
	@mkdir -p $(@D)
	$(say) ANALYZE $<
	$(Q)$(ANALYZE) $(DECLARED) $(if $(filter tools/% examples/live_agent.c,$<),-Wno-analyzer-malloc-leak)

# An input that is found to do harm is left in $(BUILD)/fuzz. FORMAT=name in the environment: asm_ingest.h's reader of that.
seeds = tests/fuzz/corpus/$(1) $(if $(filter ingest,$(1)),tests/ingest tests/ingest/pairs)
FUZZ_ENVIRONMENT := ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1

check-fuzz: $(FUZZERS:%=check-fuzz-%)
	@grep -q . $(BUILD)/vterm.flags || echo "skipped: a terminal to compare with: $$(sh tests/hint.sh vterm)"
check-fuzz-%: $(BUILD)/sanitized/tests/fuzz/fuzz_%
	@$(FUZZ_ENVIRONMENT) $< 8 $(BUILD)/fuzz/$*.crash $(call seeds,$*)

fuzz: $(FUZZERS:%=fuzz-%) ## look for inputs that do harm, TIME=60 seconds for each kind (fuzz-json: one kind)
fuzz-%: FORCE
	@mkdir -p $(BUILD)
	@if echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' | \
	        clang -fsanitize=fuzzer -x c - -o $(BUILD)/probe 2>/dev/null; then \
	    $(MAKE) --no-print-directory $(BUILD)/libfuzzer/tests/fuzz/fuzz_$* && mkdir -p $(BUILD)/fuzz/corpus/$* && \
	    $(BUILD)/libfuzzer/tests/fuzz/fuzz_$* -max_total_time=$(TIME) -timeout=10 -max_len=4096 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/$*. $(BUILD)/fuzz/corpus/$* $(call seeds,$*) > $(BUILD)/fuzz/$*.log 2>&1 || \
	        { tail -n 60 $(BUILD)/fuzz/$*.log; exit 1; }; \
	    sed -n "s/stat::number_of_executed_units: */fuzz $*: nothing wrong, inputs: /p" $(BUILD)/fuzz/$*.log; \
	else \
	    echo "clang's libFuzzer: $$(sh tests/hint.sh clang): a driver without coverage instead"; \
	    $(MAKE) --no-print-directory $(BUILD)/sanitized/tests/fuzz/fuzz_$* && $(FUZZ_ENVIRONMENT) \
	        $(BUILD)/sanitized/tests/fuzz/fuzz_$* $(TIME) $(BUILD)/fuzz/$*.crash $(call seeds,$*); \
	fi

check-platforms: all
	@sh tests/platforms.sh

# The ways of a few minutes; sh tests/fresh.sh tries all of them, other systems too, in half an hour.
check-fresh:
	@sh tests/fresh.sh nothing gcc tcc prefix bmake

bench: ## compare with other libraries, as far as they are to be found
	@sh bench/run.sh

# STREAMS=DIR: the streams of that folder, too large to be kept here.
check-wire: all $(MOCK) $(BUILD)/tests/test_wire_content
	@TITLE='wire' sh tests/run.sh tests/wire/judges.sh
	@TITLE='asm-tee' sh tests/run.sh tests/wire/tee.sh
	@[ -z "$(STREAMS)" ] || WIRE_STREAMS='$(STREAMS)' $(BUILD)/tests/test_wire_content

check-page: all $(PAGE_AGENT)
	@TITLE='page' sh tests/run.sh tests/test_live_page.sh

check-nats: examples
	@TITLE='nats' TEST_TIMEOUT=600 sh tests/run.sh tests/nats.sh

check-size: size
size: ## what the library weighs on Cortex-M0 and M4, held to tests/size/budget.txt
	@sh tests/size.sh

check-count: count
count: ## instructions of the hot paths, held to bench/instructions.txt
	@sh bench/count.sh

coverage: all $(COVERED) ## how much of each header the tests run, in lines and branches
	@$(call need,$(GCOV)) GCOV='$(GCOV)' sh tests/coverage.sh $(BUILD)/covered $(COVERED)

# One shared library for languages that call C functions at run time: the flat header has its functions, and the JSON
# describes them. While the version begins with 0, each minor version is another interface.
INTERFACE := $(basename $(VERSION))
SHARED    := $(BUILD)/libasm-session.so.$(VERSION)
API       := $(BUILD)/asm-session.h $(if $(call first,python3),$(BUILD)/asm-session.json)

shared: $(SHARED) $(API) ## all headers as build/libasm-session.so, with a flat header and its description as JSON

$(BUILD)/asm-session.h: $(BUILD)/asm.h packaging/api/flat.sh
	$(say) WRITE $@
	@sh packaging/api/flat.sh $(VERSION) $(BUILD)/asm.h > $@
$(BUILD)/asm-session.json: $(BUILD)/asm-session.h packaging/api/describe.py
	$(say) WRITE $@
	@python3 packaging/api/describe.py $(BUILD)/asm-session.h > $@
$(BUILD)/asm-session.map: $(BUILD)/asm-session.h packaging/api/symbols.sh
	@sh packaging/api/symbols.sh $(INTERFACE) $(BUILD)/asm-session.h > $@
$(BUILD)/shared/asm.o: VARIANT = -fPIC
$(BUILD)/shared/asm.o: $(BUILD)/asm.c $(HEADERS)
	$(build_object)
$(SHARED): $(BUILD)/shared/asm.o $(BUILD)/asm-session.map
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libasm-session.so.$(INTERFACE) \
	    -Wl,--version-script=$(BUILD)/asm-session.map -o $@ $<
	@ln -sf $(@F) $(BUILD)/libasm-session.so.$(INTERFACE)
	@ln -sf libasm-session.so.$(INTERFACE) $(BUILD)/libasm-session.so

docs: FORCE ## pages in build/docs: the guide and the headers' own documentation, as HTML and for man
	@BUILD='$(BUILD)' sh packaging/docs/docs.sh $(VERSION) $(HEADERS)

LIBDIR       ?= $(PREFIX)/lib
ZSH_DIR      ?= zsh/site-functions
INCLUDE_DIR   = $(DESTDIR)$(PREFIX)/include
BIN_DIR       = $(DESTDIR)$(PREFIX)/bin
SHARE_DIR     = $(DESTDIR)$(PREFIX)/share
LIB_DIR       = $(DESTDIR)$(LIBDIR)
CMAKE_FILES   = asm-session-config.cmake asm-session-config-version.cmake
# What each program tells of itself: TOOL:OPTION:FILE.
TOOL_NAMES    = $(notdir $(TOOLS))
TOLD = $(foreach tool,$(TOOL_NAMES),$(tool):--man:man/man1/$(tool).1 \
    $(tool):--completions=bash:bash-completion/completions/$(tool) \
    $(tool):--completions=zsh:$(ZSH_DIR)/_$(tool) \
    $(tool):--completions=fish:fish/vendor_completions.d/$(tool).fish)
SHARED_FILES  = pkgconfig/asm-session.pc $(CMAKE_FILES:%=cmake/asm-session/%) $(HEADERS:%.h=man/man3/%.3) \
                $(foreach told,$(TOLD),$(lastword $(subst :, ,$(told))))

install: $(TOOLS) left-out ## headers, programs, manual pages, completions, for pkg-config and CMake, into $(DESTDIR)$(PREFIX)
	install -d "$(INCLUDE_DIR)" "$(BIN_DIR)"
	install -m 644 $(HEADERS) "$(INCLUDE_DIR)"
	install -m 755 $(TOOLS) "$(BIN_DIR)"
	@for file in $(SHARED_FILES); do install -d "$(SHARE_DIR)/$${file%/*}" || exit; done
	printf '%s\n' $(TOLD) | while IFS=: read -r tool option file; do \
	    $(BUILD)/$$tool $$option > "$(SHARE_DIR)/$$file" || exit; done
	for header in $(HEADERS:.h=); do \
	    sh packaging/docs/man.sh $(VERSION) $$header.h > "$(SHARE_DIR)/man/man3/$$header.3" || exit; done
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' '' 'Name: asm-session' \
	    'Description: Single-header C libraries for AI-agent sessions' 'Version: $(VERSION)' \
	    'Cflags: -I"$${includedir}"' > "$(SHARE_DIR)/pkgconfig/asm-session.pc"
	@sed 's/@VERSION@/$(VERSION)/' packaging/cmake/asm-session-config-version.cmake.in \
	    > "$(SHARE_DIR)/cmake/asm-session/asm-session-config-version.cmake"
	install -m 644 packaging/cmake/asm-session-config.cmake "$(SHARE_DIR)/cmake/asm-session"
	@cd "$(SHARE_DIR)" && chmod 644 $(SHARED_FILES)

install-shared: shared ## the shared library with its flat header and description
	install -d "$(INCLUDE_DIR)" "$(LIB_DIR)/pkgconfig" "$(SHARE_DIR)/asm-session"
	install -m 644 $(SHARED) "$(LIB_DIR)"
	cp -P $(BUILD)/libasm-session.so.$(INTERFACE) $(BUILD)/libasm-session.so "$(LIB_DIR)"
	install -m 644 $(BUILD)/asm-session.h "$(INCLUDE_DIR)"
	[ -z "$(filter %.json,$(API))" ] || install -m 644 $(filter %.json,$(API)) "$(SHARE_DIR)/asm-session"
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' 'libdir=$(LIBDIR)' '' 'Name: asm-session-shared' \
	    'Description: Libraries for AI-agent sessions, as one shared library' 'Version: $(VERSION)' \
	    'Cflags: -I"$${includedir}"' 'Libs: -L"$${libdir}" -lasm-session' > "$(LIB_DIR)/pkgconfig/asm-session-shared.pc"
	@chmod 644 "$(LIB_DIR)/pkgconfig/asm-session-shared.pc"

uninstall: ## remove exactly what install and install-shared wrote
	rm -f $(HEADERS:%="$(INCLUDE_DIR)/%") $(TOOL_NAMES:%="$(BIN_DIR)/%") $(SHARED_FILES:%="$(SHARE_DIR)/%") \
	    "$(INCLUDE_DIR)/asm-session.h" "$(LIB_DIR)/libasm-session.so" "$(LIB_DIR)/libasm-session.so.$(INTERFACE)" \
	    "$(LIB_DIR)/libasm-session.so.$(VERSION)" "$(LIB_DIR)/pkgconfig/asm-session-shared.pc" \
	    "$(SHARE_DIR)/asm-session/asm-session.json"
	@for folder in cmake/asm-session asm-session; do rmdir "$(SHARE_DIR)/$$folder" 2>/dev/null || :; done

# A release: `make dist HOMEPAGE=… MAINTAINER='NAME <ADDRESS>'`; URL is where the tarball will be, if not on that page.
HOMEPAGE   ?=
MAINTAINER ?=
URL        ?=
dist: $(BUILD)/asm.h $(API) ## a release in build/dist: tarball with asm.h, SHA-256, bill of materials, recipes
	@$(call need,git) sh packaging/dist.sh $(VERSION) $(BUILD) '$(HOMEPAGE)' '$(MAINTAINER)' '$(URL)'

check-packages: ## the release itself: made twice, Debian's packages built and installed, recipes checked
	@sh tests/packages.sh

clean: ## remove what was built (fetched packages stay in $(BUILD)/deps)
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +; fi

format: ## clang-format our sources in place
	@$(call need,clang-format) clang-format -i \
	    $(FORMATTED)

# What is compiled for each purpose.
$(BUILD)/tests/%:     VARIANT = -g
$(BUILD)/no-stb/%:    VARIANT = -g -O1 -DASM_NO_STB_DS
$(BUILD)/sanitized/%: VARIANT = -g -O1 -I$(BUILD)/single -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(BUILD)/threaded/%:  VARIANT = -g -O1 -fsanitize=thread
$(BUILD)/covered/%:   VARIANT = -O0 --coverage
$(BUILD)/libfuzzer/%: VARIANT = -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
$(BUILD)/libfuzzer/%: CC = clang

DEPENDENCIES = $(if $(findstring tcc,$(CC)),,-MMD -MP -MF $@.d -MT $@)

define build_object
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(WARNINGS) $(CFLAGS) $(VARIANT) $(SOURCE_FLAGS) $(DEPENDENCIES) -c -o $@ \
	    $(if $(filter %.h,$<),-D$(call upper,$(notdir $(<:.h=)))_IMPLEMENTATION) -x c $<
endef
define build_program
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(WARNINGS) $(CFLAGS) $(VARIANT) $(SOURCE_FLAGS) $(DEPENDENCIES) -o $@ \
	    $< $(filter %.o,$^) $(LDFLAGS) $(PROGRAM_FLAGS) $(LDLIBS)
endef

# The implementation of all headers in one object, for programs.
$(BUILD)/asm.c: Makefile $(HEADERS)
	@mkdir -p $(@D)
	@{ echo '#define ASM_IMPLEMENTATION'; printf '#include "%s"\n' $(HEADERS); } > $@
$(BUILD)/asm.o: $(BUILD)/asm.c $(HEADERS)
	$(build_object)

$(patsubst tools/%.c,$(BUILD)/%.o,$(wildcard tools/*/*.c)): VARIANT = $(filter-out -l% -L% -Wl%,$(call library_flags,tools/asm_$(patsubst serve,live,$(*D)).c))
$(patsubst tools/%.c,$(BUILD)/%.o,$(wildcard tools/*/*.c)): $(BUILD)/%.o: tools/%.c
	$(build_object)

# The same for tests, one object for each header and purpose: allocations are counted, and fail when they are told to.
define test_objects
$(BUILD)/$(1)/asm_%.o: VARIANT += -include tests/memory.h -DASM_REALLOC=counted_realloc -DASM_FREE=counted_free
$(HEADERS:%.h=$(BUILD)/$(1)/%.o): $(BUILD)/$(1)/%.o: $(2)%.h tests/memory.h
	$$(build_object)
$(BUILD)/$(1)/memory.o: tests/memory.c
	$$(build_object)
endef
$(foreach purpose,tests no-stb threaded covered libfuzzer,$(eval $(call test_objects,$(purpose),)))
# The single file, by the names of all headers.
$(eval $(call test_objects,sanitized,$(BUILD)/single/))
$(HEADERS:%=$(BUILD)/single/%): $(BUILD)/asm.h
	@mkdir -p $(@D)
	@echo '#include "../asm.h"' > $@
$(BUILD)/sanitized/driver.o: tests/fuzz/driver.c
	$(build_object)

# Beside that, for programs alone: what they depend on would inherit VARIANT. Tests are compiled in a hurry.
$(TOOLS) $(EXAMPLES) $(MOCK): PROGRAM_FLAGS = $(DECLARED) -pthread $(call library_flags,$<)
$(TESTS) $(NO_STB) $(SANITIZED): HURRY = $(if $(filter $<:%,$(OWN)),-O1,-O0)
$(TESTS) $(NO_STB) $(SANITIZED) $(THREADED) $(COVERED): PROGRAM_FLAGS = $(HURRY) $$(cat $(BUILD)/cmocka.flags) \
    $(call library_flags,$<) -lm -pthread
# cmocka would only end the test, not the program.
$(DRIVEN) $(LIBFUZZERS): PROGRAM_FLAGS = -Itests/shim $$(sed '/./s/^/-DWITH_VTERM /' $(BUILD)/vterm.flags) -lm
$(LIBFUZZERS): PROGRAM_FLAGS += -fsanitize=fuzzer

define tool
$(1): tools/$(subst -,_,$(notdir $(1))).c $(COMMON) $(call objects_of,$(patsubst asm-%,%,$(notdir $(1)))) \
      $(if $(filter $(notdir $(1)),$(SERVING)),$(SERVE)) $(BUILD)/asm.o
	$$(build_program)
endef
$(foreach program,$(TOOLS),$(eval $(call tool,$(program))))
$(addprefix $(BUILD)/,$(filter-out asm-live,$(SERVING))): PROGRAM_FLAGS += $(MICROHTTPD)
$(BUILD)/tests/page/agent: PROGRAM_FLAGS = $(DECLARED) -pthread $(MICROHTTPD)
$(BUILD)/tests/page/agent: tests/page/agent.c $(COMMON) $(SERVE) $(BUILD)/asm.o
	$(build_program)
$(BUILD)/serve/page.c: $(PAGE_FILES) packaging/embed.sh packaging/bundle.awk Makefile
	@mkdir -p $(@D)
	$(say) WRITE $@
	@sh packaging/embed.sh $(PAGE_FILES) > $@
$(BUILD)/serve/page.o: $(BUILD)/serve/page.c tools/serve/pages.h
	$(build_object)
$(EXAMPLES): $(BUILD)/%: %.c $(BUILD)/asm.o
	$(build_program)
$(BUILD)/examples/nats_bridge: $(COMMON) $(call objects_of,nats)
$(BUILD)/mock_llm: tests/mock_llm.c $(BUILD)/asm.o
	$(build_program)

$(IN_CXX): $(BUILD)/%: %.cpp $(BUILD)/asm.o
	@mkdir -p $(@D)
	$(say) CXX $@
	$(Q)$(CXX) $(filter-out -Wstrict-prototypes,$(WARNINGS)) $(CXXFLAGS) -std=c++11 -I. $(CPPFLAGS) $(DECLARED) \
	    $(DEPENDENCIES) -o $@ $< $(filter %.o,$^) $(LDFLAGS) $(LDLIBS)

# $(call linked,PURPOSE,SOURCE): the objects that a test is linked with. Without stb_ds.h: the headers that those tests are
# about, and what these stand on as the other tests have it.
made_for = $(if $(filter no-stb,$(1)),$(if $(filter asm_pubsub asm_agent,$(2)),no-stb,tests),$(1))
linked = $(foreach name,$(filter-out $(subst $(2):,,$(filter $(2):%,$(OWN))),$(HEADERS:.h=)),$(BUILD)/$(call made_for,$(1),$(name))/$(name).o)

# $(call test_program,PURPOSE,PROGRAM,SOURCE,MORE): MORE is what else it needs.
define test_program
$(2): $(3) $(4) $(BUILD)/$(1)/memory.o $(call linked,$(1),$(3))
	$$(build_program)
endef
test_programs = $(foreach program,$(2),$(eval $(call test_program,$(1),$(program),$(program:$(3)/%=%).c,$(4))))
$(call test_programs,tests,$(TESTS),$(BUILD),$(BUILD)/cmocka.flags)
$(call test_programs,no-stb,$(NO_STB),$(BUILD)/no-stb,$(BUILD)/cmocka.flags)
$(call test_programs,sanitized,$(SANITIZED),$(BUILD)/sanitized,$(BUILD)/cmocka.flags $(HEADERS:%=$(BUILD)/single/%))
$(call test_programs,threaded,$(THREADED),$(BUILD)/threaded,$(BUILD)/cmocka.flags)
$(call test_programs,covered,$(COVERED),$(BUILD)/covered,$(BUILD)/cmocka.flags)
$(call test_programs,sanitized,$(DRIVEN),$(BUILD)/sanitized,$(BUILD)/sanitized/driver.o $(BUILD)/vterm.flags $(HEADERS:%=$(BUILD)/single/%))
$(call test_programs,libfuzzer,$(LIBFUZZERS),$(BUILD)/libfuzzer,$(BUILD)/vterm.flags)

# Looked up every time, as a checkout may move; written only when it changed, to spare rebuilds.
# $(call look_up,NAME,WITHOUT): WITHOUT are the flags where it is neither installed nor could be fetched.
define look_up
	@mkdir -p $(@D)
	@flags=$$(sh tests/dependencies.sh $(1) 2>$@.log) || flags='$(2)'; \
	    [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" > $@
endef
$(BUILD)/cmocka.flags: FORCE
	$(call look_up,cmocka,-Itests/shim)
# A terminal emulator, for the fuzzer of the renderers: without it, one oracle less.
$(BUILD)/vterm.flags: FORCE
	$(call look_up,vterm,)

-include $(PROGRAMS:%=%.d) $(wildcard $(BUILD)/*.o.d $(BUILD)/*/*.o.d)
