#!/bin/sh
# Each header includes only what it stands on, and compiles by itself, declared and implemented, as C99 and C++11; make
# check compiles them in all other ways.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

# A header, and what stands below it.
while read -r header below; do
    for included in $(sed -n 's/^ *# *include "\(.*\)".*/\1/p' "$header"); do
        case " $below " in
            *" $included "*) ;;
            *) echo "$header includes $included, which does not stand below it" && failed=1 ;;
        esac
    done
done <<END
asm_json.h
asm_events.h asm_json.h
asm_ingest.h asm_events.h asm_json.h
asm_render.h asm_events.h asm_json.h
asm_wire.h asm_render.h asm_events.h asm_json.h
asm_pubsub.h asm_render.h asm_events.h asm_json.h stb_ds.h
asm_agent.h asm_pubsub.h asm_render.h asm_events.h asm_json.h stb_ds.h
asm_llm.h asm_agent.h asm_ingest.h asm_pubsub.h asm_render.h asm_events.h asm_json.h stb_ds.h
END
sh tests/compile_matrix.sh quick && [ $failed -eq 0 ]
