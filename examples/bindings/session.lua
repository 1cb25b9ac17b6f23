-- SPDX-License-Identifier: MIT OR Unlicense
-- A session from standard input, whatever agent printed it, as JSON Lines: luajit session.lua FOLDER < stream
-- FOLDER has libasm-session.so and asm-session.h, which `make shared` writes into build/.
local ffi = require("ffi")
local folder = arg[1] or error("usage: luajit session.lua FOLDER < stream")

-- The flat header without what is for the preprocessor.
local header = assert(io.open(folder .. "/asm-session.h")):read("*a")
header = header:gsub('#ifdef __cplusplus\n.-#endif\n', ''):gsub('#[^\n]*\n', '')
ffi.cdef(header)
local asm = ffi.load(folder .. "/libasm-session.so")
assert(ffi.string(asm.asm_version()) ~= "")

local line = ffi.new("asm_buffer")
asm.asm_buffer_init_growing(line)
local calls = 0

local on_event = ffi.cast("asm_event_callback", function(_, event)
    if event.type == "ASM_EVENT_TOOL_CALL_STARTED" then calls = calls + 1 end
    asm.asm_buffer_clear(line)
    local result = asm.asm_event_write_json(event, line)
    if result ~= "ASM_OK" then error(ffi.string(asm.asm_result_string(result))) end
    io.write(ffi.string(line.data, line.size), "\n")
    io.flush()
end)

local function now() return os.time() * 1000000LL end

local ingest = ffi.new("asm_ingest")
local options = ffi.new("asm_ingest_options")
options.on_event = on_event
local result = asm.asm_ingest_init(ingest, options)
while result == "ASM_OK" do
    local data = io.read(4096)
    if not data then break end
    result = asm.asm_ingest_feed(ingest, data, #data, now())
end
if result == "ASM_OK" then result = asm.asm_ingest_end(ingest, now()) end
asm.asm_ingest_close(ingest)
asm.asm_buffer_close(line)
on_event:free()
io.stderr:write(calls, " tool calls\n")
os.exit(result == "ASM_OK" and 0 or 1)
