/* SPDX-License-Identifier: MIT OR Unlicense */
#include "protocol.h"

#include <string.h>

static const asm_str absent = {NULL, 0};

static asm_str member(asm_str json, const char *name) {
    const asm_str key = asm_str_from(name);
    asm_str value = absent;
    if (json.data) (void)asm_json_find(json, &key, &value, 1, NULL);
    return value;
}

/* ---- Reading ---- */

/* Texts of more bytes are no words and no ids of ours to remember. */
enum { LONGEST_TEXT = 4096 };

static asm_str read_text(asm_str raw, char *memory, size_t size) {
    asm_buffer scratch;
    asm_str text = absent;
    asm_buffer_init_fixed(&scratch, memory, size);
    if (raw.size <= LONGEST_TEXT) (void)asm_json_to_string(raw, &scratch, &text);
    return text;
}

static bool is_text(asm_str raw, const char *text) {
    char memory[64];
    return asm_str_equal(read_text(raw, memory, sizeof memory), asm_str_from(text));
}

static bool is_id(asm_str raw) {
    const asm_json_type type = asm_json_type_of(raw);
    return raw.size <= LONGEST_TEXT && (type == ASM_JSON_STRING || type == ASM_JSON_NUMBER);
}

bool protocol_same_id(asm_str a, asm_str b) {
    char memory[2][LONGEST_TEXT + 64];
    double x, y;
    int64_t n, m;
    if (asm_json_type_of(a) != asm_json_type_of(b)) return false;
    if (a.size > 0 && asm_str_equal(a, b)) return true;
    if (asm_json_type_of(a) == ASM_JSON_STRING && !memchr(a.data, '\\', a.size) &&
        !memchr(b.data, '\\', b.size))
        return false;
    if (asm_json_type_of(a) == ASM_JSON_STRING)
        return asm_str_equal(read_text(a, memory[0], sizeof memory[0]),
                             read_text(b, memory[1], sizeof memory[1]));
    if (asm_json_to_int64(a, &n) && asm_json_to_int64(b, &m)) return n == m;
    return asm_json_to_double(a, &x) && asm_json_to_double(b, &y) && x >= y && x <= y;
}

static bool begins_with(asm_str raw, const char *text) {
    return raw.size >= strlen(text) && memcmp(raw.data, text, strlen(text)) == 0;
}

/* The first option of that kind. */
static asm_str find_option(asm_str options, const char *kind) {
    asm_json_reader reader;
    asm_str option, found = absent;
    asm_json_reader_init(&reader, options, NULL);
    if (!asm_json_enter_array(&reader)) return absent;
    while (!found.data && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &option)) {
        const asm_str id = asm_json_type_of(option) == ASM_JSON_OBJECT ? member(option, "optionId") : absent;
        if (id.data && is_id(id) && is_text(member(option, "kind"), kind)) found = id;
    }
    return found;
}

static struct agent_line read_acp(asm_str method, asm_str id, asm_str params) {
    struct agent_line line;
    memset(&line, 0, sizeof line);
    line.protocol = PROTOCOL_ACP;
    line.is_acp = begins_with(method, "\"session/");
    if (is_text(method, "$/cancel_request")) {
        line.kind = LINE_WITHDRAWAL;
        line.id = member(params, "requestId");
    } else if (is_text(method, "session/request_permission")) {
        const asm_str options = member(params, "options");
        line.kind = LINE_REQUEST;
        line.id = id;
        line.details = member(params, "toolCall");
        line.input_name = "rawInput";
        line.call = member(line.details, "toolCallId");
        line.session = member(params, "sessionId");
        line.allow_once = find_option(options, "allow_once");
        line.deny_once = find_option(options, "reject_once");
    }
    return line;
}

static struct agent_line read_claude(asm_str type, asm_str id, asm_str request) {
    struct agent_line line;
    memset(&line, 0, sizeof line);
    line.protocol = PROTOCOL_CLAUDE;
    line.id = id;
    if (is_text(type, "control_cancel_request")) {
        line.kind = LINE_WITHDRAWAL;
    } else if (is_text(type, "control_request") && is_text(member(request, "subtype"), "can_use_tool")) {
        line.kind = LINE_REQUEST;
        line.details = request;
        line.input_name = "input";
        line.call = member(request, "tool_use_id");
        line.input = member(request, "input");
    }
    return line;
}

struct agent_line protocol_read_agent(asm_str line) {
    static const char *const names[] = {"method", "id", "params", "type", "request_id", "request"};
    asm_str keys[6], values[6];
    struct agent_line read;
    memset(&read, 0, sizeof read);
    for (size_t i = 0; i < 6; i++)
        keys[i] = asm_str_from(names[i]);
    if (asm_json_find(line, keys, values, 6, NULL) != ASM_OK) return read;
    read = values[0].data ? read_acp(values[0], values[1], values[2])
                          : read_claude(values[3], values[4], values[5]);
    if (read.kind != LINE_OTHER && !(read.id.data && is_id(read.id))) read.kind = LINE_OTHER;
    if (read.call.data && !is_id(read.call)) read.kind = LINE_OTHER;
    return read;
}

asm_str protocol_read_answer(asm_str line) {
    static const char *const names[] = {"method", "id", "type", "response"};
    asm_str keys[4], values[4], id;
    for (size_t i = 0; i < 4; i++)
        keys[i] = asm_str_from(names[i]);
    if (asm_json_find(line, keys, values, 4, NULL) != ASM_OK || values[0].data) return absent;
    id = is_text(values[2], "control_response") ? member(values[3], "request_id") : values[1];
    return id.data && is_id(id) ? id : absent;
}

/* ---- Writing ---- */

static void append(asm_buffer *out, const char *text) {
    asm_buffer_append(out, asm_str_from(text));
}

static void append_three(asm_buffer *out, const char *before, asm_str json, const char *after) {
    append(out, before);
    asm_buffer_append(out, json);
    append(out, after);
}

static void append_text(asm_buffer *out, asm_str text) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_write_string(&writer, text);
    (void)asm_json_writer_finish(&writer);
}

void protocol_select(asm_buffer *out, asm_str id, asm_str option) {
    append_three(out, "{\"jsonrpc\":\"2.0\",\"id\":", id, ",\"result\":{\"outcome\":");
    append_three(out, "{\"outcome\":\"selected\",\"optionId\":", option, "}}}\n");
}

void protocol_cancelled(asm_buffer *out, asm_str id) {
    append_three(out, "{\"jsonrpc\":\"2.0\",\"id\":", id,
                 ",\"result\":{\"outcome\":{\"outcome\":\"cancelled\"}}}\n");
}

static void begin_response(asm_buffer *out, asm_str id) {
    append_three(out,
                 "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":", id,
                 ",\"response\":{\"behavior\":");
}

void protocol_allow(asm_buffer *out, asm_str id, asm_str input) {
    begin_response(out, id);
    append_three(out, "\"allow\",\"updatedInput\":", input, "}}}\n");
}

void protocol_deny(asm_buffer *out, asm_str id, asm_str why) {
    begin_response(out, id);
    append(out, "\"deny\",\"message\":");
    append_text(out, why);
    append(out, "}}}\n");
}

void protocol_cancel_session(asm_buffer *out, asm_str session) {
    append(out, "{\"jsonrpc\":\"2.0\",\"method\":\"session/cancel\",\"params\":{\"sessionId\":");
    append_text(out, session);
    append(out, "}}\n");
}

void protocol_withdraw(asm_buffer *out, enum protocol protocol, asm_str id) {
    if (protocol == PROTOCOL_ACP)
        append_three(out,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancel_request\",\"params\":{\"requestId\":", id,
                     "}}\n");
    else append_three(out, "{\"type\":\"control_cancel_request\",\"request_id\":", id, "}\n");
}
