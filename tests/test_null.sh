#!/bin/sh
# NULL for each pointer of each public function: no crash, and where a result is returned ASM_ERR_INVALID_ARGUMENT, unless
# the list below says another one. What the pointers of options' lists do is in the tests of each header.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
build=${BUILD:-build}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
declared=$(for header in asm_*.h; do printf ' -D%s_IMPLEMENTED' "$(basename "$header" .h | tr '[:lower:]' '[:upper:]')"; done)

awk '
    # value(PARAMETER): an argument for it: NULL, 1, or nothing.
    function value(parameter,    type) {
        if (parameter ~ /[*[]/ || parameter ~ /_(callback|function) /) return "NULL"
        if (parameter ~ /^(size_t|int|unsigned|bool|double|char|u?int[0-9]*_t|asm_time) /) return "1"
        type = parameter
        sub(/^const /, "", type)
        sub(/ .*/, "", type)
        return "nothing_" type
    }

    function call(text,    name, result, parameters, count, i, arguments, has_pointer) {
        sub(/^ASM_API /, "", text)
        result = text; sub(/\(.*/, "", result)
        name = result; sub(/.*[ *]/, "", name)
        result = substr(result, 1, length(result) - length(name))
        sub(/^[^(]*\(/, "", text); sub(/\);.*/, "", text)
        count = split(text, parameters, /, */)
        for (i = 1; i <= count; i++) {
            arguments = arguments (i > 1 ? ", " : "") value(parameters[i])
            if (parameters[i] ~ /[*[]/) has_pointer = 1
        }
        if (text == "void" || !has_pointer) return
        calls++
        print "    begin(\"" name "\");"
        if (result == "asm_result ") print "    expect(" name "(" arguments "));"
        else print "    (void)" name "(" arguments ");"
    }

    FNR == 1 { public = 1 }
    /^#endif \/\* ASM_[A-Z]*_H \*\// { public = 0 }
    public && /^ASM_API / { text = $0; while (text !~ /;/ && (getline line) > 0) { sub(/^ +/, " ", line); text = text line } call(text) }
    END { print "    /* " calls " */" }' asm_json.h asm_events.h asm_render.h asm_ingest.h asm_wire.h asm_pubsub.h asm_agent.h asm_llm.h > "$work/calls"
{
    for header in asm_*.h; do echo "#include \"$header\""; done
    echo '#include <stdio.h>'
    echo '#include <string.h>'
    sed -n 's/.*\(nothing_asm_[a-z_]*\).*/\1/p; s/.*\(nothing_asm_[a-z_]*\).*nothing_asm_.*/\1/p' "$work/calls" | sort -u |
        sed 's/nothing_\(.*\)/static const \1 nothing_\1 = {0};/'
    cat << 'EOF'
static const char *name;
static int failed;

static void begin(const char *of) {
    name = of;
    puts(name); /* the last one, if it crashes */
    fflush(stdout);
}

static void expect(asm_result result) {
    static const struct {
        const char *name;
        asm_result result;
    } others[] = {
        {"asm_json_check", ASM_ERR_SYNTAX}, /* the text is absent */
        {"asm_redact_close", ASM_OK}, {"asm_pubsub_close", ASM_OK}, {"asm_broadcaster_close", ASM_OK},
        {"asm_sse_close", ASM_OK}, {"asm_envelope_lines_close", ASM_OK}, {"asm_agent_server_close", ASM_OK},
        {"asm_execution_state", ASM_ERR_INVALID_ARGUMENT}, {"asm_emit_todos", ASM_ERR_INVALID_ARGUMENT},
        {"asm_execution_replace_turns", ASM_ERR_INVALID_ARGUMENT}};
    asm_result wanted = strncmp(name, "asm_emit_", 9) == 0 || strncmp(name, "asm_execution_", 14) == 0 ||
                                strncmp(name, "asm_llm_take_", 13) == 0
                            ? ASM_ERR_NOT_FOUND /* there is no such execution or exchange */
                            : ASM_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].name, name) == 0) wanted = others[i].result;
    if (result != wanted) {
        fprintf(stderr, "%s gives %s for NULL\n", name, asm_result_string(result));
        failed = 1;
    }
}

int main(void) {
EOF
    cat "$work/calls"
    echo '    return failed;'
    echo '}'
} > "$work/null.c"
# shellcheck disable=SC2086  # lists of words
${CC:-cc} -w -std=c99 -I. $declared "$work/null.c" "$build/asm.o" -lm -pthread -o "$work/null" || exit 1
"$work/null" > "$work/names" 2> "$work/errors"
status=$?
cat "$work/errors"
count=$(wc -l < "$work/names")
[ $status -le 1 ] || echo "NULL crashes $(tail -n 1 "$work/names")"
[ "$count" -gt 200 ] || { echo "hardly any functions: $count"; exit 1; }
[ $status -eq 0 ] && echo "NULL: $count functions"
exit $status
