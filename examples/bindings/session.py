# SPDX-License-Identifier: MIT OR Unlicense
"""A session from standard input, whatever agent printed it, as JSON Lines: python3 session.py FOLDER < stream

FOLDER has libasm-session.so and asm-session.json, which `make shared` writes into build/."""
import ctypes
import sys
import time

from asm_session import Library

asm = Library(sys.argv[1])
line = asm.asm_buffer()
asm.asm_buffer_init_growing(line)
calls = 0


def on_event(_user, event):
    global calls
    calls += event.contents.type == asm.ASM_EVENT_TOOL_CALL_STARTED
    asm.asm_buffer_clear(line)
    result = asm.asm_event_write_json(event, line)
    if result != asm.ASM_OK:
        sys.exit("session.py: " + asm.asm_result_string(result).decode())
    print(asm.text(asm.asm_buffer_text(line)), flush=True)


def now():
    return time.time_ns() // 1000


ingest = asm.asm_ingest()
options = asm.asm_ingest_options(on_event=asm.asm_event_callback(on_event))
result = asm.asm_ingest_init(ingest, options)
while result == asm.ASM_OK and (data := sys.stdin.buffer.read1(65536)):
    result = asm.asm_ingest_feed(ingest, data, len(data), now())
if result == asm.ASM_OK:
    result = asm.asm_ingest_end(ingest, now())
asm.asm_ingest_close(ingest)
asm.asm_buffer_close(line)
print(f"{calls} tool calls", file=sys.stderr)
sys.exit(0 if result == asm.ASM_OK else 1)
