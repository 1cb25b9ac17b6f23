#!/bin/sh
# The commands that README.md and the documentation show, run as a reader would: sh tests/test_commands.sh [--list]
# Those of ```sh blocks are run by tests/test_docs.sh; here are those of indented blocks and of ```console. The agents that
# they talk with are stand-ins that print a stream of their kind, the model is tests/mock_llm.c, and what agents keep on
# disk is in a home of the test's own. What cannot run is in `exceptions` with the reason; --list names each.
set -u
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS
source=$PWD build=$(cd "${BUILD:-build}" && pwd) || exit 1
work=$(mktemp -d) || exit 1
model=
trap 'kill $model 2> /dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
list=no
[ "${1:-}" != --list ] || list=yes
failed=0
fail() { echo "$*"; failed=1; }

# BEGINNING | HOW: the first that a command, with `;` after it, begins with tells. HOW: ends, which is for all others, too:
# it has to succeed and print something; follows: it is stopped after a moment, and has printed something; text: it is no
# command; else why it is not run.
cat > "$work/exceptions" <<'END'
build/asm-cat --last -F | follows
build/asm-cat -F *.jsonl | follows
build/asm-live --sessions | follows
asm-live --sessions --listen=0.0.0.0 | it opens a port to other machines
asm-live --sessions | follows
asm-tee --jsonl=session.jsonl -- agent --acp | ends
build/asm-agent --local | it needs a local model
asm-agent --continue | it talks with a person: tests/test_asm_agent.sh
asm-agent; | it talks with a person: tests/test_asm_agent.sh
asm-agent | ends
make demo | ends
make install | tests/test_install.sh runs it
make uninstall | tests/test_install.sh runs it
make single | make check-sanitize runs it
make shared | it builds for longer: tests/packaging.sh runs it
luajit | tests/packaging.sh runs it
python3 | tests/packaging.sh runs it
make docs | make check-docs runs it
make dist | tests/packages.sh runs it
make help | ends
make build/tests/test_json | make test runs it
make | it takes minutes, or is what runs this
token= | it needs a token: tests/test_live.c asks the same
curl -H | it needs a token: tests/test_live.c asks the same
curl -N -H | it needs a token: tests/test_live.c asks the same
cc -O2 -D_DEFAULT_SOURCE bench/live_load.c | it loads the machine for a minute
mosquitto_ | it needs a broker: tests/nats.sh has one that speaks MQTT
asm-cat -q --jsonl=- -F session.jsonl | it needs a broker
listener 1883 | text
allow_anonymous | text
persistence | text
autosave_interval | text
max_queued_messages | text
nats_bridge | it needs a NATS server: tests/nats.sh runs it
asm-tee --jsonl=nats: | it needs a NATS server: tests/nats.sh has one
asm-live nats: | it needs a NATS server: tests/nats.sh has one
asm-cat -F 'nats: | it needs a NATS server: tests/nats.sh has one
"agent_servers" | text
Content-Security-Policy: | text
connect-src | text
require-trusted-types-for | text
{" | text
live_server | text
asm_pubsub_subscribe | text
… | text
for (;;) { | text
poll( | text
} | text
Anthropic Messages | text
chat completions | text
OpenAI Responses | text
Ollama | text
location / { | text
proxy_ | text
http://127.0.0.1: | text
END

# What a reader has: the source and what was built, and a home in which agents have kept sessions.
mkdir -p "$work/reader" "$work/bin" "$work/home"
for file in *; do [ "$file" = build ] || ln -s "$source/$file" "$work/reader/$file"; done
mkdir "$work/reader/build" && ln -s "$build"/* "$work/reader/build/"
for file in main.c request.json; do echo '{}' > "$work/reader/$file"; done
for file in session acp ui; do cp examples/data/asm_session.jsonl "$work/reader/$file.jsonl"; done
cp tests/ingest/acp.jsonl "$work/reader/acp.jsonl"
cp tests/ingest/envelopes.jsonl "$work/reader/ui.jsonl"
"$build/asm-cat" --renderer=passthrough --wire=ag-ui:"$work/reader/answer.sse" examples/data/asm_session.jsonl > /dev/null ||
    fail 'no stream of AG-UI'

# kept STREAM FILE: what an agent keeps, below the home.
kept() { mkdir -p "$work/home/$(dirname "$2")" && cp "tests/ingest/$1" "$work/home/$2"; }
kept pairs/claude.disk.jsonl .claude/projects/DIR/SESSION.jsonl
kept pairs/codex.disk.jsonl .codex/sessions/2026/01/01/rollout-1.jsonl
kept foreign_copilot_events.jsonl .copilot/session-state/ID/events.jsonl
kept cursor_transcript.jsonl .cursor/projects/a/agent-transcripts/b/c.jsonl
kept droid_session.jsonl .factory/sessions/a/b.jsonl
kept gemini_chat.jsonl .gemini/tmp/a/chats/session-1.jsonl
kept kimi_wire.jsonl .kimi-code/sessions/a/b/agents/main/wire.jsonl
kept kimi_wire_python.jsonl .kimi/sessions/a/b/wire.jsonl
kept pi_session.jsonl .pi/agent/sessions/a/b.jsonl
kept qwen_chat.jsonl .qwen/projects/a/chats/b.jsonl

# A stand-in of each agent: it prints what its kind prints. AGENT ARGUMENT FILE: for commands with that argument.
agent() {
    [ -e "$work/bin/$1" ] || printf '#!/bin/sh\n' > "$work/bin/$1" && chmod +x "$work/bin/$1"
    printf "case \" \$* \" in *'%s'*) exec cat '%s' ;; esac\n" "$2" "$source/$3" >> "$work/bin/$1"
}
agent claude '--output-format stream-json' examples/data/claude_session.jsonl
agent codex 'exec --json' examples/data/codex_session.jsonl
agent agent --acp tests/ingest/acp.jsonl
agent amp --stream-json tests/ingest/amp.jsonl
agent agy '--output-format stream-json' tests/ingest/antigravity.jsonl
agent copilot '--output-format json' tests/ingest/copilot.jsonl
agent cursor-agent '--output-format stream-json' tests/ingest/cursor.jsonl
agent droid '--output-format stream-json' tests/ingest/droid.jsonl
agent gemini '--output-format stream-json' tests/ingest/gemini.jsonl
agent goose '--output-format stream-json' tests/ingest/goose.jsonl
agent grok '--output-format streaming-json' tests/ingest/grok.jsonl
agent kimi '--output-format stream-json' tests/ingest/kimi.jsonl
agent opencode 'run --format json' tests/ingest/opencode.jsonl
agent opencode export tests/ingest/opencode_export.json
agent pi '--mode json' tests/ingest/pi.jsonl
agent git diff tests/ingest/pi.jsonl
agent curl api.anthropic.com tests/ingest/anthropic.sse
agent curl /v1/chat/completions tests/ingest/openai.sse
agent curl /v1/responses tests/ingest/responses.sse
agent curl :11434/api/chat tests/ingest/ollama.jsonl
agent curl :4096/event tests/ingest/opencode_server.jsonl

# The page at any port; the agent asks the mock. Both also by the name that they have in build/.
# instead PROGRAM ARGUMENTS: the program with these before those of the command.
instead() {
    rm -f "$work/reader/build/$1"
    printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$build/$1" "$2" > "$work/reader/build/$1" && chmod +x "$work/reader/build/$1"
}
[ ! -x "$build/asm-live" ] || instead asm-live --port=0
if [ -x "$build/asm-agent" ] && [ -x "$build/mock_llm" ]; then
    "$build/mock_llm" --port 0 > "$work/url" 2> "$work/log" &
    model=$!
    n=0
    until [ -s "$work/url" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n + 1)); done
    instead asm-agent "-u $(head -n 1 "$work/url") --api=anthropic -m model"
fi

# absent COMMAND: whether a program of ours in it was left out of the build.
absent() {
    for program in asm-live asm-agent; do
        case $1 in *"$program"*) [ -x "$build/$program" ] && { [ $program = asm-live ] || [ -n "$model" ]; } || return 0 ;; esac
    done
    return 1
}

# try PLACE COMMAND HOW
try() {
    printf '%s\n' "$2" > "$work/command"
    case $3 in follows) limit=1 ;; *) limit=20 ;; esac
    (
        cd "$work/reader" || exit
        export HOME="$work/home" XDG_STATE_HOME="$work/home/state" XDG_CONFIG_HOME="$work/home/config" ANTHROPIC_API_KEY=key
        unset BUILD CLAUDE_CONFIG_DIR CODEX_HOME
        PATH="$work/bin:$work/reader/build:$PATH" timeout -k 5 $limit sh -e "$work/command"
    ) > "$work/out" 2> "$work/log" < /dev/null
    status=$?
    case $3,$status in
        follows,124 | ends,0) ;;
        *) fail "$1: exit status $status: $2" && head -n 5 "$work/log" | sed 's/^/    /' ;;
    esac
    case $2 in
        export* | *--jsonl=*' session.jsonl' | *--envelopes=*) ;;
        *) [ -s "$work/out" ] || fail "$1: prints nothing: $2" ;;
    esac
}

pages=$(find docs README.md CONTRIBUTING.md SECURITY.md packaging -name '*.md' | sort)
for page in $pages; do
    # "LINE COMMAND" of indented blocks and of ```console; a command that goes on in the next line is one. What follows
    # after three blanks, or a #, tells of it.
    awk '
        /^```/ { console = inside ? 0 : $0 == "```console"; inside = !inside; next }
        inside && !console { next }
        !console && !/^    / { next }
        {
            if (console) sub(/^\$ /, ""); else sub(/^ +/, "")
            if (whole == "") place = NR
            whole = whole $0
            if (sub(/\\$/, "", whole)) next
            sub(/   .*/, "", whole); sub(/  *# .*/, "", whole); sub(/ +$/, "", whole)
            print place, whole
            whole = ""
        }' "$page" | sed "s|^|$page:|" >> "$work/commands"
done
: > "$work/used"
: > "$work/left"
ran=0
while read -r place command; do
    how=ends row=0
    while IFS= read -r line; do
        row=$((row + 1))
        beginning=${line%" | "*}
        case "$command;" in "$beginning"*) how=${line##*" | "} && echo "$row" >> "$work/used" && break ;; esac
    done < "$work/exceptions"
    case $how in
        text) ;;
        ends | follows)
            if absent "$command"; then how='a library for it is missing'; else try "$place" "$command" "$how" && ran=$((ran + 1)); fi
            ;;
    esac
    case $how in text | ends | follows) ;; *) echo "$how: $place: $command" >> "$work/left" ;; esac
    [ $list = no ] || echo "$place: $command: $how"
done < "$work/commands"
row=0
while IFS= read -r line; do
    row=$((row + 1))
    grep -qx $row "$work/used" || fail "tests/test_commands.sh: no command begins so: ${line%" | "*}"
done < "$work/exceptions"
[ $ran -gt 40 ] || fail "hardly any command was found: $ran"
[ ! -s "$work/left" ] || echo "skipped: $(wc -l < "$work/left") commands of the documentation, $ran run (sh tests/test_commands.sh --list tells why)"
exit $failed
