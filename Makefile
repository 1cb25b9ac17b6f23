# asm: single-header C libraries for AI-agent sessions. `make help` lists what can be made.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
CFLAGS   ?= -O2
GCOV     ?= gcov
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef \
            -Wstrict-prototypes
export CC

HEADERS  := $(sort $(wildcard asm_*.h))
SOURCES  := $(sort $(wildcard examples/*.c tools/*.c))
CHECKED  := $(HEADERS) $(sort $(wildcard examples/*.h)) $(SOURCES)
EXAMPLES := $(patsubst %.c,build/%,$(sort $(wildcard examples/*.c)))
TESTS    := $(patsubst %.c,build/%,$(sort $(wildcard tests/test_*.c)))
SCRIPTS  := $(sort $(wildcard tests/compile_matrix.sh tests/test_*.sh))
# The tests once more, built for other purposes.
SANITIZED := $(TESTS:build/%=build/sanitized/%)
THREADED  := build/threaded/tests/test_mailbox
COVERED   := $(TESTS:build/%=build/covered/%)
# The fuzzers, each with a small driver of ours and with clang's libFuzzer.
FUZZERS    := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
DRIVEN     := $(FUZZERS:%=build/fuzz/driven/fuzz_%)
LIBFUZZERS := $(FUZZERS:%=build/fuzz/libfuzzer/fuzz_%)
TIME       ?= 60
PROGRAMS  := build/asm-cat $(EXAMPLES) $(TESTS) $(SANITIZED) $(THREADED) $(COVERED) $(DRIVEN) $(LIBFUZZERS)

# One list of options for the compiler and for the checkers.
SOURCE_FLAGS = -std=c99 -I. $$(cat build/stb.flags) -D_POSIX_C_SOURCE=200809L $(CPPFLAGS)

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# $(call need,TOOL,PACKAGE) ends the recipe's line in peace when TOOL is missing.
need = command -v $(1) >/dev/null || { echo 'skipped: $(1) is not installed (apt-get install $(2))'; exit 0; };

.PHONY: help all demo test check check-sanitize check-threads check-valgrind check-tidy check-cppcheck check-fuzz \
        check-analyzer check-platforms fuzz bench size coverage install uninstall clean format FORCE
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  Variables: CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PREFIX DESTDIR; V=1 shows the commands."

all: build/asm-cat $(EXAMPLES) ## build/asm-cat and the other examples (the default)

demo: build/asm-cat ## show a recorded session as a person would see it
	@rm -f build/demo.jsonl
	@build/asm-cat --renderer=studio --jsonl=build/demo.jsonl examples/data/claude_session.jsonl
	@echo "The same session as JSON Lines, one event per line: build/demo.jsonl"

test: all $(TESTS) ## build everything and run all tests; the last line is the result
	@sh tests/run.sh $(TESTS) $(SCRIPTS)

# The quick first, and what would tell most.
check: check-sanitize check-fuzz check-threads check-analyzer check-cppcheck check-valgrind check-platforms check-tidy ## sanitizers, fuzzers, analyzers, valgrind, other platforms

# With --jobs=2 in two rows, one after the other in each: make would run those first that take longest.
ifneq ($(filter check,$(MAKECMDGOALS)),)
check-fuzz: | check-sanitize
check-threads: | check-fuzz
check-valgrind: | check-threads
check-cppcheck: | check-analyzer
check-platforms: | check-cppcheck
check-tidy: | check-platforms
endif

check-sanitize: all $(SANITIZED)
	@TITLE='sanitizers' sh tests/run.sh $(SANITIZED)

check-threads: $(THREADED)
	@TITLE='threads' sh tests/run.sh $(THREADED)

check-valgrind: all $(TESTS)
	@$(call need,valgrind,valgrind) TITLE='valgrind' TEST_TIMEOUT=900 \
	    WRAPPER='valgrind --quiet --error-exitcode=1 --leak-check=full' sh tests/run.sh $(TESTS)

# For checkers of what uses the headers: as if their implementation had been there already.
DECLARED = $$(echo '$(HEADERS:%.h=-D%_IMPLEMENTED)' | tr a-z A-Z)

# Headers are checked as files of their own: the analyzer only looks into the main file.
check-tidy: build/stb.flags
	@$(call need,clang-tidy,clang-tidy) echo '  TIDY    $(CHECKED)'; \
	    clang-tidy --quiet $(HEADERS) -- -x c $(SOURCE_FLAGS) -DASM_IMPLEMENTATION && \
	    clang-tidy --quiet $(filter-out $(HEADERS),$(CHECKED)) -- -x c $(SOURCE_FLAGS) $(DECLARED)

check-cppcheck: build/stb.flags
	@$(call need,cppcheck,cppcheck) echo '  CPPCHK  $(CHECKED)'; \
	    cppcheck --quiet --language=c --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
	        $(patsubst -std=%,--std=%,$(SOURCE_FLAGS)) -DASM_IMPLEMENTATION $(CHECKED)

# One header at a time, the others as declarations, and functions by their summaries: the analyzer gives up on more.
# Not believed:
#   uninitialized values   summaries do not tell what a function sets; valgrind looks for these
#   NULL in asm_json.h and asm_events.h: the end of a buffer without memory, which is never found to have room
#   NULL in asm_pubsub.h   arrays that were just reserved
#   leaks in asm_agent.h   blocks that are known by the address behind their header; the tests count blocks
ANALYZER_FLAGS := -fanalyzer -fanalyzer-call-summaries -Werror -Wno-analyzer-use-of-uninitialized-value
ANALYZER_FLAGS_json   := -Wno-analyzer-null-dereference
ANALYZER_FLAGS_events := -Wno-analyzer-null-dereference
ANALYZER_FLAGS_agent  := -Wno-analyzer-malloc-leak
ANALYZER_FLAGS_pubsub := -Wno-analyzer-null-dereference -Wno-analyzer-null-argument
ANALYZED := $(HEADERS:%=build/analyzed/%.o) $(SOURCES:%=build/analyzed/%.o)
ANALYZE   = $(CC) $(ANALYZER_FLAGS) -O0 -x c $(SOURCE_FLAGS) -c -o $@ $<

check-analyzer: build/stb.flags
	@if echo 'int unit;' | $(CC) $(ANALYZER_FLAGS) -x c -c -o /dev/null - 2>/dev/null; then \
	    $(MAKE) --no-print-directory $(ANALYZED); \
	else \
	    echo 'skipped: $(CC) has no -fanalyzer (CC=gcc has it from version 10 on)'; \
	fi
build/analyzed/asm_%.h.o: asm_%.h $(HEADERS)
	@mkdir -p $(@D)
	$(say) ANALYZE $<
	$(Q)$(ANALYZE) -DASM_$$(echo $* | tr a-z A-Z)_IMPLEMENTATION $(ANALYZER_FLAGS_$*)
$(SOURCES:%=build/analyzed/%.o): build/analyzed/%.o: % $(HEADERS)
	@mkdir -p $(@D)
	$(say) ANALYZE $<
	$(Q)$(ANALYZE) $(DECLARED)

# An input that is found to do harm is left in build/fuzz.
FUZZ_ENVIRONMENT := ASAN_OPTIONS=abort_on_error=1 UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1

check-fuzz: $(FUZZERS:%=check-fuzz-%)
check-fuzz-%: build/fuzz/driven/fuzz_%
	@$(FUZZ_ENVIRONMENT) $< 8 build/fuzz/$*.crash tests/fuzz/corpus/$*

fuzz: $(FUZZERS:%=fuzz-%) ## look for inputs that do harm, TIME=60 seconds for each kind (fuzz-json: one kind)
fuzz-%: FORCE
	@if echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' | \
	        clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null; then \
	    $(MAKE) --no-print-directory build/fuzz/libfuzzer/fuzz_$* && mkdir -p build/fuzz/corpus/$* && \
	    build/fuzz/libfuzzer/fuzz_$* -max_total_time=$(TIME) -timeout=10 -max_len=4096 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/$*. build/fuzz/corpus/$* tests/fuzz/corpus/$* > build/fuzz/$*.log 2>&1 || \
	        { tail -n 60 build/fuzz/$*.log; exit 1; }; \
	    sed -n "s/stat::number_of_executed_units: */fuzz $*: nothing wrong, inputs: /p" build/fuzz/$*.log; \
	else \
	    echo 'clang with libFuzzer is not installed (apt-get install clang): a driver without coverage instead'; \
	    $(MAKE) --no-print-directory build/fuzz/driven/fuzz_$* && $(FUZZ_ENVIRONMENT) \
	        build/fuzz/driven/fuzz_$* $(TIME) build/fuzz/$*.crash tests/fuzz/corpus/$*; \
	fi

check-platforms: all ## build for other processors and systems, run there with emulators, weigh for microcontrollers
	@sh tests/platforms.sh
	@sh tests/size.sh

bench: ## compare with other libraries, as far as they are to be found
	@sh bench/run.sh

size: ## what the library weighs on Cortex-M0 and M4, held to tests/size/budget.txt
	@sh tests/size.sh

coverage: all $(COVERED) ## how much of each header the tests run, in lines and branches
	@$(call need,$(GCOV),gcc) GCOV='$(GCOV)' sh tests/coverage.sh build/covered/tests $(COVERED)

INCLUDE_DIR   = $(DESTDIR)$(PREFIX)/include
BIN_DIR       = $(DESTDIR)$(PREFIX)/bin
PKGCONFIG_DIR = $(DESTDIR)$(PREFIX)/share/pkgconfig

install: build/asm-cat ## headers, asm-cat and a pkg-config file, into $(DESTDIR)$(PREFIX)
	install -d "$(INCLUDE_DIR)" "$(BIN_DIR)" "$(PKGCONFIG_DIR)"
	install -m 644 $(HEADERS) "$(INCLUDE_DIR)"
	install -m 755 build/asm-cat "$(BIN_DIR)"
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$${prefix}/include' '' 'Name: asm-session' \
	    'Description: Single-header C libraries for AI-agent sessions' 'Version: $(VERSION)' \
	    'Cflags: -I$${includedir}' > "$(PKGCONFIG_DIR)/asm-session.pc"
	@chmod 644 "$(PKGCONFIG_DIR)/asm-session.pc"

uninstall: ## remove exactly what install wrote
	rm -f $(HEADERS:%="$(INCLUDE_DIR)/%") "$(BIN_DIR)/asm-cat" "$(PKGCONFIG_DIR)/asm-session.pc"

clean: ## remove what was built (fetched packages stay in build/deps)
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +; fi

format: ## clang-format our sources in place
	@$(call need,clang-format,clang-format) clang-format -i \
	    $(HEADERS) $(wildcard tools/*.[ch] examples/*.[ch] tests/*.[ch] tests/*/*.[ch] bench/*.[ch])

# Every program is one C file that brings its headers' implementation along.
$(TESTS) $(SANITIZED) $(THREADED) $(COVERED): CMOCKA = $$(cat build/cmocka.flags)
$(TESTS):     VARIANT = -g
$(SANITIZED): VARIANT = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
$(THREADED):  VARIANT = -g -O1 -fsanitize=thread
$(COVERED):   VARIANT = -O0 --coverage
# cmocka would only end the test, not the program.
$(DRIVEN) $(LIBFUZZERS): CMOCKA = -Itests/shim $$(cat build/vterm.flags)
$(DRIVEN):     VARIANT = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all tests/fuzz/driver.c
$(LIBFUZZERS): VARIANT = -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
$(LIBFUZZERS): CC = clang

define build_program
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(WARNINGS) $(CFLAGS) $(SOURCE_FLAGS) $(VARIANT) -MMD -MP -MF $@.d -MT $@ -o $@ $< \
	    $(LDFLAGS) $(CMOCKA) $(LDLIBS)
endef

build/asm-cat: tools/asm_cat.c build/stb.flags
	$(build_program)
$(EXAMPLES): build/%: %.c build/stb.flags
	$(build_program)
$(TESTS): build/%: %.c build/stb.flags build/cmocka.flags
	$(build_program)
$(SANITIZED): build/sanitized/%: %.c build/stb.flags build/cmocka.flags
	$(build_program)
$(THREADED): build/threaded/%: %.c build/stb.flags build/cmocka.flags
	$(build_program)
$(COVERED): build/covered/%: %.c build/stb.flags build/cmocka.flags
	$(build_program)
$(DRIVEN): build/fuzz/driven/%: tests/fuzz/%.c tests/fuzz/driver.c build/stb.flags build/vterm.flags
	$(build_program)
$(LIBFUZZERS): build/fuzz/libfuzzer/%: tests/fuzz/%.c build/stb.flags build/vterm.flags
	$(build_program)

# Looked up every time, as a checkout may move; written only when it changed, to spare rebuilds.
build/cmocka.flags build/stb.flags: build/%.flags: FORCE
	@mkdir -p $(@D)
	@flags=$$(sh tests/dependencies.sh $*) || exit; \
	    [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" > $@

# A terminal emulator, for the fuzzer of the renderers: without it, one oracle less.
build/vterm.flags: FORCE
	@mkdir -p $(@D)
	@flags=$$(sh tests/dependencies.sh vterm) && flags="-DWITH_VTERM $$flags" || \
	    echo 'skipped: no terminal emulator to compare with'; \
	    [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" > $@

-include $(PROGRAMS:%=%.d)
