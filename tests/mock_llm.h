/* A model that is not there. It takes requests as strictly as the real APIs do, answers as a script says, and forgets
 * nothing: for tests, in the process or, as build/mock_llm, over HTTP.
 *
 * SCRIPT
 *   One JSON object per line, for one answer each, all members optional; lines that begin with # are comments:
 *     text, thinking   what the model says and thinks        calls   [{"id","name","arguments"},…]; "id":null for none
 *     stop             the stop reason, in the API's words   input_tokens, output_tokens
 *     status, error    an HTTP error and its body (JSON)     headers {"retry-after":"1",…}
 *     raw              the whole body as it is               stream_error   an error object (JSON) in mid-stream
 *     cut              so many bytes come, then the end      delay_ms       before the first byte (HTTP only)
 *     abort            the connection breaks at the end (HTTP only)
 *     crlf             lines end in CRLF                     piece_ms       between pieces (HTTP only)
 *     keep_alive       comments between the events           if      answers only if the body has this text
 *   When the script is at its end, the model echoes: what the last message says as `call NAME {…}` it calls, the results of
 *   calls it repeats, to any other text it says "You said: …". */
#ifndef TESTS_MOCK_LLM_H
#define TESTS_MOCK_LLM_H

#include "asm_json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOCK_IDS 4096

typedef struct mock_answer {
    int status;
    const char *content_type;
    asm_buffer headers; /* lines with CRLF */
    asm_buffer body;
    size_t cut; /* how many bytes of it come */
    int delay_ms, piece_ms;
    bool aborts; /* the connection breaks at the end */
} mock_answer;

typedef struct mock_llm {
    char *script; /* the lines that are left */
    char *script_memory;
    const char *key; /* that requests must have; NULL: any, but one */
    unsigned requests, refused;
    asm_buffer taken;    /* the line of the script that is answered with */
    asm_buffer last;     /* the body of the last request */
    char complaint[400]; /* why the last one was refused */
    unsigned thoughts;   /* signatures that were given */
} mock_llm;

typedef enum mock_api { MOCK_ANTHROPIC, MOCK_OPENAI, MOCK_RESPONSES, MOCK_OLLAMA, MOCK_NONE } mock_api;

/* ---- JSON ---- */

static inline asm_str mock_get(asm_str json, const char *key) {
    const asm_str name = asm_str_from(key);
    asm_str value = {NULL, 0};
    (void)asm_json_find(json, &name, &value, 1, NULL);
    return value;
}

static inline bool mock_is(asm_str json, asm_json_type type) {
    return json.data && asm_json_type_of(json) == type;
}

/* The text of a JSON string, in memory that lives as long as the program. */
static inline asm_str mock_text(asm_str raw) {
    static char memory[1 << 20];
    static size_t used;
    asm_buffer scratch;
    asm_str text = {NULL, 0};
    if (used + raw.size + 64 > sizeof memory) used = 0;
    if (raw.size + 64 > sizeof memory) return raw;
    asm_buffer_init_fixed(&scratch, memory + used, sizeof memory - used);
    (void)asm_json_to_string(raw, &scratch, &text);
    used += scratch.size;
    return text;
}

static inline bool mock_equals(asm_str raw, const char *text) {
    return asm_str_equal(mock_text(raw), asm_str_from(text));
}

static inline asm_json_reader mock_list(asm_str json) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, mock_is(json, ASM_JSON_ARRAY) ? json : ASM_STR("[]"), NULL);
    asm_json_enter_array(&reader);
    return reader;
}

static inline bool mock_next(asm_json_reader *reader, asm_str *element) {
    return asm_json_next_element(reader) && asm_json_read_raw(reader, element);
}

static inline size_t mock_count(asm_str json) {
    asm_json_reader reader = mock_list(json);
    asm_str element;
    size_t count = 0;
    while (mock_next(&reader, &element))
        count++;
    return count;
}

static inline bool mock_complain(mock_llm *mock, const char *text, asm_str what) {
    if (!mock->complaint[0])
        snprintf(mock->complaint, sizeof mock->complaint, "%s%s%.*s", text, what.size ? ": " : "",
                 (int)(what.size < 200 ? what.size : 200), what.data ? what.data : "");
    return false;
}

#define MOCK_CHECK(condition, text, what)                                                                    \
    do {                                                                                                     \
        if (!(condition)) return mock_complain(mock, text, what);                                            \
    } while (0)

static inline bool mock_says(asm_str raw) {
    const asm_str text = mock_text(raw);
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] > ' ') return true;
    return false;
}

static inline bool mock_is_name(asm_str raw, size_t most) {
    const asm_str text = mock_text(raw);
    for (size_t i = 0; i < text.size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", text.data[i]))
            return false;
    return text.size > 0 && text.size <= most;
}

/* Whether the object has no members but those of the list, which are separated by blanks. */
static inline bool mock_only(mock_llm *mock, asm_str object, const char *members) {
    asm_json_reader reader;
    asm_str key, value;
    char word[64], list[800];
    MOCK_CHECK(mock_is(object, ASM_JSON_OBJECT), "an object is expected", object);
    snprintf(list, sizeof list, " %s ", members);
    asm_json_reader_init(&reader, object, NULL);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        snprintf(word, sizeof word, " %.*s ", (int)(key.size < 60 ? key.size : 60), key.data);
        MOCK_CHECK(strstr(list, word), "Extra inputs are not permitted", key);
    }
    return true;
}

/* ---- Anthropic ---- */

/* A list of ids. */
typedef struct mock_ids {
    asm_str ids[MOCK_IDS]; /* raw */
    size_t count;
} mock_ids;

static inline bool mock_has_id(const mock_ids *ids, asm_str id) {
    for (size_t i = 0; i < ids->count; i++)
        if (asm_str_equal(ids->ids[i], id)) return true;
    return false;
}

static inline void mock_add_id(mock_ids *ids, asm_str id) {
    if (ids->count < MOCK_IDS) ids->ids[ids->count++] = id;
}

/* The signature of what was thought: who changes the one has to change the other. */
static inline void mock_sign(asm_str thinking, char out[32]) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < thinking.size; i++)
        hash = (hash ^ (unsigned char)thinking.data[i]) * UINT64_C(1099511628211);
    snprintf(out, 32, "sig%016llx/+=", (unsigned long long)hash);
}

static inline bool mock_check_image(mock_llm *mock, asm_str block) {
    const asm_str source = mock_get(block, "source");
    MOCK_CHECK(mock_equals(mock_get(source, "type"), "base64") && mock_says(mock_get(source, "media_type")) &&
                   mock_says(mock_get(source, "data")),
               "image: source is not valid", block);
    return true;
}

static inline bool mock_check_result(mock_llm *mock, asm_str block) {
    const asm_str content = mock_get(block, "content");
    asm_json_reader reader = mock_list(content);
    asm_str part;
    if (!mock_only(mock, block, "type tool_use_id content is_error cache_control")) return false;
    MOCK_CHECK(!content.data || mock_is(content, ASM_JSON_STRING) || mock_is(content, ASM_JSON_ARRAY),
               "tool_result: content must be a string or a list", block);
    while (mock_next(&reader, &part)) {
        if (mock_equals(mock_get(part, "type"), "image")) {
            if (!mock_check_image(mock, part)) return false;
        } else {
            MOCK_CHECK(mock_equals(mock_get(part, "type"), "text") && mock_says(mock_get(part, "text")),
                       "tool_result: content: text must be non-empty", part);
        }
    }
    return true;
}

static inline bool mock_check_thinking(mock_llm *mock, asm_str block) {
    char signature[32];
    mock_sign(mock_text(mock_get(block, "thinking")), signature);
    MOCK_CHECK(mock_only(mock, block, "type thinking signature"), "thinking", block);
    MOCK_CHECK(mock_equals(mock_get(block, "signature"), signature),
               "Invalid `signature` in `thinking` block", block);
    return true;
}

/* What of the message before a message has to answer. */
typedef struct mock_state {
    mock_ids all, open;
    bool has_tools, thinks, ends_in_loop, loop_thinks;
    unsigned marks;
} mock_state;

static inline bool mock_check_block(mock_llm *mock, mock_state *state, asm_str block, bool is_user,
                                    bool is_first, bool *may_be_result) {
    const asm_str type = mock_text(mock_get(block, "type"));
    state->marks += mock_get(block, "cache_control").data != NULL;
    if (asm_str_equal(type, ASM_STR("text"))) {
        MOCK_CHECK(mock_says(mock_get(block, "text")), "messages: text content blocks must be non-empty",
                   block);
        *may_be_result = false;
    } else if (asm_str_equal(type, ASM_STR("image"))) {
        *may_be_result = false;
        MOCK_CHECK(is_user, "image in a message of the assistant", block);
        return mock_check_image(mock, block);
    } else if (asm_str_equal(type, ASM_STR("tool_use"))) {
        const asm_str id = mock_get(block, "id");
        MOCK_CHECK(!is_user, "tool_use in a message of the user", block);
        MOCK_CHECK(mock_only(mock, block, "type id name input cache_control"), "tool_use", block);
        MOCK_CHECK(mock_is_name(id, 200), "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
                   block);
        MOCK_CHECK(mock_is_name(mock_get(block, "name"), 128), "tool_use.name: String should match pattern",
                   block);
        MOCK_CHECK(mock_is(mock_get(block, "input"), ASM_JSON_OBJECT),
                   "tool_use.input: Input should be a valid dictionary", block);
        MOCK_CHECK(!mock_has_id(&state->all, id), "`tool_use` ids must be unique", id);
        MOCK_CHECK(state->has_tools, "Requests which include tool_use blocks must define tools", block);
        mock_add_id(&state->all, id);
        mock_add_id(&state->open, id);
    } else if (asm_str_equal(type, ASM_STR("tool_result"))) {
        const asm_str id = mock_get(block, "tool_use_id");
        MOCK_CHECK(is_user && *may_be_result, "tool_result blocks must come first in the user's message",
                   block);
        MOCK_CHECK(mock_has_id(&state->open, id), "unexpected `tool_use_id` found in `tool_result` blocks",
                   id);
        for (size_t i = 0; i < state->open.count; i++)
            if (asm_str_equal(state->open.ids[i], id)) state->open.ids[i] = ASM_STR("");
        return mock_check_result(mock, block);
    } else if (asm_str_equal(type, ASM_STR("thinking"))) {
        MOCK_CHECK(!is_user, "thinking in a message of the user", block);
        if (is_first) state->loop_thinks = true;
        return mock_check_thinking(mock, block);
    } else if (asm_str_equal(type, ASM_STR("redacted_thinking"))) {
        if (is_first) state->loop_thinks = true;
        MOCK_CHECK(!is_user && mock_equals(mock_get(block, "data"), "REDACTED=="),
                   "redacted_thinking: data is not valid", block);
    } else {
        return mock_complain(mock, "messages: unknown type of content", block);
    }
    return true;
}

static inline bool mock_check_message(mock_llm *mock, mock_state *state, asm_str message, asm_str *role) {
    const asm_str content = mock_get(message, "content"), before = *role;
    const bool is_user = mock_equals(mock_get(message, "role"), "user");
    bool may_be_result = true, is_first = true;
    *role = mock_get(message, "role");
    if (!mock_only(mock, message, "role content")) return false;
    MOCK_CHECK(is_user || mock_equals(*role, "assistant"), "messages: role must be user or assistant",
               message);
    MOCK_CHECK(before.data || is_user, "messages: first message must use the user role", message);
    MOCK_CHECK(!before.data || !asm_str_equal(before, *role), "messages: roles must alternate", message);
    if (!is_user) state->open.count = 0, state->loop_thinks = false;
    if (mock_is(content, ASM_JSON_STRING)) {
        MOCK_CHECK(mock_says(content), "messages: text content must be non-empty", message);
    } else {
        asm_json_reader reader = mock_list(content);
        asm_str block;
        MOCK_CHECK(mock_count(content) > 0, "messages: content must be non-empty", message);
        while (mock_next(&reader, &block)) {
            if (!mock_check_block(mock, state, block, is_user, is_first, &may_be_result)) return false;
            is_first = false;
        }
    }
    if (is_user) {
        for (size_t i = 0; i < state->open.count; i++)
            MOCK_CHECK(!state->open.ids[i].size,
                       "`tool_use` ids were found without `tool_result` blocks immediately after",
                       state->open.ids[i]);
        state->ends_in_loop = state->open.count > 0;
    }
    return true;
}

static inline bool mock_check_tools(mock_llm *mock, asm_str tools, const char *schema, bool is_nested) {
    asm_json_reader reader = mock_list(tools);
    asm_str tool;
    mock_ids names = {.count = 0};
    MOCK_CHECK(!tools.data || mock_count(tools) > 0, "tools must be non-empty", tools);
    while (mock_next(&reader, &tool)) {
        if (is_nested) {
            MOCK_CHECK(mock_equals(mock_get(tool, "type"), "function"), "tools: type must be function", tool);
            tool = mock_get(tool, "function");
        }
        const asm_str name = mock_get(tool, "name");
        MOCK_CHECK(mock_is_name(name, 64), "tools: name does not match ^[a-zA-Z0-9_-]{1,64}$", tool);
        MOCK_CHECK(!mock_has_id(&names, name), "Tool names must be unique", name);
        MOCK_CHECK(mock_equals(mock_get(mock_get(tool, schema), "type"), "object"),
                   "tools: schema must be of type object", tool);
        mock_add_id(&names, name);
    }
    return true;
}

static inline bool mock_check_anthropic(mock_llm *mock, asm_str body) {
    static mock_state state;
    const asm_str messages = mock_get(body, "messages"), thinking = mock_get(body, "thinking"),
                  system = mock_get(body, "system");
    asm_json_reader reader = mock_list(messages);
    asm_str message, role = {NULL, 0};
    int64_t max_tokens = 0, budget = 0;
    memset(&state, 0, sizeof state);
    if (!mock_only(mock, body,
                   "model max_tokens messages system tools tool_choice thinking stream stop_sequences "
                   "temperature top_p "
                   "top_k metadata service_tier cache_control"))
        return false;
    MOCK_CHECK(asm_json_to_int64(mock_get(body, "max_tokens"), &max_tokens) && max_tokens > 0,
               "max_tokens: Field required", body);
    MOCK_CHECK(!system.data || mock_says(system) || mock_count(system) > 0, "system: must be non-empty",
               system);
    state.has_tools = mock_count(mock_get(body, "tools")) > 0;
    state.thinks = mock_equals(mock_get(thinking, "type"), "enabled");
    state.marks = mock_is(system, ASM_JSON_ARRAY) && strstr(body.data, "cache_control") ? 1 : 0;
    if (!mock_check_tools(mock, mock_get(body, "tools"), "input_schema", false)) return false;
    MOCK_CHECK(!mock_get(body, "tool_choice").data || state.has_tools, "tool_choice: needs tools", body);
    if (state.thinks) {
        const asm_str choice = mock_get(mock_get(body, "tool_choice"), "type");
        MOCK_CHECK(asm_json_to_int64(mock_get(thinking, "budget_tokens"), &budget) && budget >= 1024 &&
                       budget < max_tokens,
                   "thinking.budget_tokens: must be at least 1024 and less than max_tokens", thinking);
        MOCK_CHECK(!mock_get(body, "temperature").data,
                   "`temperature` may only be set to 1 when thinking is enabled", body);
        MOCK_CHECK(!choice.data || mock_equals(choice, "auto") || mock_equals(choice, "none"),
                   "Thinking may not be enabled when tool_choice forces tool use.", body);
    }
    MOCK_CHECK(mock_count(messages) > 0, "messages: at least one message is required", body);
    while (mock_next(&reader, &message))
        if (!mock_check_message(mock, &state, message, &role)) return false;
    MOCK_CHECK(mock_equals(role, "user"), "This model does not support assistant message prefill.", role);
    MOCK_CHECK(state.marks <= 3, "A maximum of 4 blocks with cache_control may be provided", body);
    MOCK_CHECK(!state.thinks || !state.ends_in_loop || state.loop_thinks,
               "Expected `thinking` or `redacted_thinking`, but found `tool_use`", body);
    return true;
}

/* ---- chat completions and Ollama ---- */

static inline bool mock_check_chat_calls(mock_llm *mock, asm_str calls, bool is_ollama, mock_ids *open) {
    asm_json_reader reader = mock_list(calls);
    asm_str call;
    open->count = 0;
    MOCK_CHECK(!calls.data || mock_count(calls) > 0, "tool_calls: [] is too short", calls);
    while (mock_next(&reader, &call)) {
        const asm_str function = mock_get(call, "function"), arguments = mock_get(function, "arguments");
        MOCK_CHECK(is_ollama || mock_equals(mock_get(call, "type"), "function"), "tool_calls: type", call);
        MOCK_CHECK(mock_says(mock_get(call, "id")), "tool_calls: id", call);
        MOCK_CHECK(mock_is_name(mock_get(function, "name"), 64), "tool_calls: function.name does not match",
                   call);
        if (is_ollama) {
            MOCK_CHECK(mock_is(arguments, ASM_JSON_OBJECT), "arguments must be an object", call);
        } else {
            const asm_str text = mock_text(arguments);
            MOCK_CHECK(mock_is(text, ASM_JSON_OBJECT) && asm_json_check(text, NULL) == ASM_OK,
                       "arguments are not valid JSON", call);
        }
        mock_add_id(open, mock_get(call, "id"));
    }
    return true;
}

static inline bool mock_check_chat_message(mock_llm *mock, asm_str message, bool is_ollama, asm_str *role,
                                           mock_ids *open) {
    const asm_str content = mock_get(message, "content"), before = *role,
                  calls = mock_get(message, "tool_calls");
    *role = mock_get(message, "role");
    if (mock_equals(*role, "tool")) {
        const asm_str id = mock_get(message, "tool_call_id");
        MOCK_CHECK(mock_has_id(open, id),
                   "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'",
                   message);
        MOCK_CHECK(mock_is(content, ASM_JSON_STRING) && mock_says(content), "tool: content", message);
        MOCK_CHECK(!is_ollama || mock_says(mock_get(message, "tool_name")), "tool: tool_name", message);
        for (size_t i = 0; i < open->count; i++)
            if (asm_str_equal(open->ids[i], id)) open->ids[i] = ASM_STR("");
        return mock_only(mock, message,
                         is_ollama ? "role content tool_call_id tool_name" : "role content tool_call_id");
    }
    for (size_t i = 0; i < open->count; i++)
        MOCK_CHECK(!open->ids[i].size,
                   "An assistant message with 'tool_calls' must be followed by tool messages responding to "
                   "each 'tool_call_id'",
                   message);
    open->count = 0;
    if (mock_equals(*role, "system")) {
        MOCK_CHECK(!before.data, "System message must be at the beginning.", message);
        MOCK_CHECK(mock_says(content), "system: content", message);
        return mock_only(mock, message, "role content");
    }
    MOCK_CHECK(mock_equals(*role, "user") || mock_equals(*role, "assistant"), "role", message);
    MOCK_CHECK(!before.data || !asm_str_equal(before, *role),
               "Conversation roles must alternate user/assistant", message);
    if (mock_equals(*role, "user")) {
        MOCK_CHECK(mock_says(content) || mock_count(content) > 0 ||
                       mock_count(mock_get(message, "images")) > 0,
                   "user: content is empty", message);
        return mock_only(mock, message, is_ollama ? "role content images" : "role content");
    }
    MOCK_CHECK(before.data && !mock_equals(before, "system"), "Conversation must begin with the user",
               message);
    MOCK_CHECK(mock_says(content) || mock_count(calls) > 0, "assistant: content and tool_calls are empty",
               message);
    if (!mock_only(mock, message, "role content tool_calls reasoning_content reasoning_details thinking"))
        return false;
    return mock_check_chat_calls(mock, calls, is_ollama, open);
}

static inline bool mock_check_chat(mock_llm *mock, asm_str body, bool is_ollama) {
    static mock_ids open;
    const asm_str messages = mock_get(body, "messages");
    asm_json_reader reader = mock_list(messages);
    asm_str message, role = {NULL, 0};
    open.count = 0;
    if (!mock_only(mock, body,
                   is_ollama ? "model messages tools stream think format options keep_alive"
                             : "model messages tools tool_choice stream stream_options max_completion_tokens "
                               "max_tokens reasoning_effort "
                               "temperature top_p stop seed n response_format parallel_tool_calls metadata"))
        return false;
    if (!mock_check_tools(mock, mock_get(body, "tools"), "parameters", true)) return false;
    MOCK_CHECK(!mock_get(body, "tool_choice").data || mock_get(body, "tools").data,
               "'tool_choice' is only allowed when 'tools' are specified", body);
    MOCK_CHECK(!mock_get(body, "stream_options").data ||
                   asm_str_equal(mock_get(body, "stream"), ASM_STR("true")),
               "stream_options", body);
    MOCK_CHECK(mock_count(messages) > 0, "messages: too short", body);
    while (mock_next(&reader, &message))
        if (!mock_check_chat_message(mock, message, is_ollama, &role, &open)) return false;
    for (size_t i = 0; i < open.count; i++)
        MOCK_CHECK(!open.ids[i].size, "tool_call_ids did not have response messages", open.ids[i]);
    MOCK_CHECK(!mock_equals(role, "assistant") && !mock_equals(role, "system"),
               "the last message must be the user's or a tool's", role);
    return true;
}

/* ---- Responses ---- */

static inline bool mock_check_item(mock_llm *mock, asm_str item, mock_ids *open) {
    const asm_str type = mock_text(mock_get(item, "type")), id = mock_get(item, "call_id");
    if (asm_str_equal(type, ASM_STR("function_call"))) {
        const asm_str text = mock_text(mock_get(item, "arguments"));
        MOCK_CHECK(mock_says(id) && mock_is_name(mock_get(item, "name"), 64), "function_call", item);
        MOCK_CHECK(mock_is(text, ASM_JSON_OBJECT) && asm_json_check(text, NULL) == ASM_OK,
                   "arguments are not valid JSON", item);
        mock_add_id(open, id);
        return true;
    }
    if (asm_str_equal(type, ASM_STR("function_call_output"))) {
        const asm_str output = mock_get(item, "output");
        MOCK_CHECK(mock_has_id(open, id), "No tool call found for function call output with call_id", id);
        MOCK_CHECK(mock_says(output) || mock_count(output) > 0, "output", item);
        for (size_t i = 0; i < open->count; i++)
            if (asm_str_equal(open->ids[i], id)) open->ids[i] = ASM_STR("");
        return true;
    }
    if (asm_str_equal(type, ASM_STR("reasoning"))) {
        MOCK_CHECK(mock_equals(mock_get(item, "encrypted_content"), "ENCRYPTED=="),
                   "reasoning: encrypted_content could not be verified", item);
        return true;
    }
    const asm_str role = mock_get(item, "role"), content = mock_get(item, "content");
    for (size_t i = 0; i < open->count; i++)
        MOCK_CHECK(!open->ids[i].size, "No tool output found for function call", open->ids[i]);
    MOCK_CHECK(mock_equals(role, "user") || mock_equals(role, "assistant"), "role", item);
    MOCK_CHECK(mock_says(content) || mock_count(content) > 0, "content is empty", item);
    return mock_only(mock, item, "type role content");
}

static inline bool mock_check_responses(mock_llm *mock, asm_str body) {
    static mock_ids open;
    const asm_str input = mock_get(body, "input");
    asm_json_reader reader = mock_list(input);
    asm_str item;
    open.count = 0;
    if (!mock_only(mock, body,
                   "model input instructions tools tool_choice store include reasoning max_output_tokens "
                   "stream temperature "
                   "top_p parallel_tool_calls metadata previous_response_id"))
        return false;
    if (!mock_check_tools(mock, mock_get(body, "tools"), "parameters", false)) return false;
    MOCK_CHECK(mock_count(input) > 0, "input is empty", body);
    while (mock_next(&reader, &item))
        if (!mock_check_item(mock, item, &open)) return false;
    for (size_t i = 0; i < open.count; i++)
        MOCK_CHECK(!open.ids[i].size, "No tool output found for function call", open.ids[i]);
    return true;
}

/* ---- what is answered ---- */

/* One answer, as the script has it. */
typedef struct mock_line {
    asm_str json;
    asm_str text, thinking, calls, stop, raw, error, stream_error, headers;
    int64_t status, cut, delay_ms, piece_ms, input_tokens, output_tokens;
    bool crlf, keep_alive, stream, aborts;
    mock_api api;
} mock_line;

static inline int64_t mock_number(asm_str json, const char *key, int64_t standard) {
    int64_t number = standard;
    (void)asm_json_to_int64(mock_get(json, key), &number);
    return number;
}

static inline mock_line mock_read_line(asm_str json) {
    mock_line line = {.json = json};
    line.text = mock_text(mock_get(json, "text"));
    line.thinking = mock_text(mock_get(json, "thinking"));
    line.calls = mock_get(json, "calls");
    line.stop = mock_text(mock_get(json, "stop"));
    line.raw = mock_text(mock_get(json, "raw"));
    line.error = mock_get(json, "error");
    line.stream_error = mock_get(json, "stream_error");
    line.headers = mock_get(json, "headers");
    line.status = mock_number(json, "status", 200);
    line.cut = mock_number(json, "cut", -1);
    line.delay_ms = mock_number(json, "delay_ms", 0);
    line.piece_ms = mock_number(json, "piece_ms", 0);
    line.input_tokens = mock_number(json, "input_tokens", 100);
    line.output_tokens = mock_number(json, "output_tokens", 10);
    line.crlf = asm_str_equal(mock_get(json, "crlf"), ASM_STR("true"));
    line.aborts = asm_str_equal(mock_get(json, "abort"), ASM_STR("true"));
    line.keep_alive = asm_str_equal(mock_get(json, "keep_alive"), ASM_STR("true"));
    return line;
}

/* printf to the body; %S is a text as a JSON string, %J JSON as it is, %d a number, %s a string. */
static inline void mock_put(asm_buffer *out, const char *format, const asm_str *texts,
                            const int64_t *numbers) {
    asm_json_writer writer;
    char digits[32];
    for (; *format; format++) {
        if (*format != '%') {
            asm_buffer_append_byte(out, *format);
            continue;
        }
        switch (*++format) {
        case 'S':
            asm_json_writer_init(&writer, out);
            asm_json_write_string(&writer, texts->data ? *texts : ASM_STR(""));
            texts++;
            break;
        case 'J':
            asm_buffer_append(out, *texts++);
            break;
        default:
            snprintf(digits, sizeof digits, "%lld", (long long)*numbers++);
            asm_buffer_append(out, asm_str_from(digits));
            break;
        }
    }
}

/* The next few characters of a text. */
static inline asm_str mock_piece(asm_str text, size_t *at, size_t characters) {
    const asm_str piece = asm_utf8_prefix(asm_str_make(text.data + *at, text.size - *at), characters);
    *at += piece.size;
    return piece;
}

static inline void mock_event(asm_buffer *out, const mock_line *line, const char *name, const char *format,
                              const asm_str *texts, const int64_t *numbers) {
    if (line->keep_alive) asm_buffer_append(out, ASM_STR(": working\n\n"));
    if (line->api != MOCK_OLLAMA) {
        if (name) {
            asm_buffer_append(out, ASM_STR("event: "));
            asm_buffer_append(out, asm_str_from(name));
            asm_buffer_append(out, ASM_STR("\n"));
        }
        asm_buffer_append(out, ASM_STR("data: "));
    }
    mock_put(out, format, texts, numbers);
    asm_buffer_append(out, line->api == MOCK_OLLAMA ? ASM_STR("\n") : ASM_STR("\n\n"));
}

typedef struct mock_call {
    asm_str id, name, arguments; /* text, text, JSON */
} mock_call;

/* The call; an id of null is none, one that is left out is made. */
static inline mock_call mock_read_call(mock_llm *mock, asm_str raw, const char *prefix) {
    static char memory[64][40];
    static unsigned used;
    mock_call call;
    const asm_str id = mock_get(raw, "id");
    call.id = mock_is(id, ASM_JSON_STRING) ? mock_text(id) : ASM_STR("");
    if (!id.data) {
        char *made = memory[used++ % 64];
        snprintf(made, 40, "%s%u_%u", prefix, mock->requests, used);
        call.id = asm_str_from(made);
    }
    call.name = mock_text(mock_get(raw, "name"));
    call.arguments = mock_get(raw, "arguments");
    return call;
}

/* The text of the arguments as it streams: a string is what it says. */
static inline asm_str mock_arguments(const mock_call *call) {
    if (!call->arguments.data) return ASM_STR("");
    return mock_is(call->arguments, ASM_JSON_STRING) ? mock_text(call->arguments) : call->arguments;
}

static inline void mock_stream_anthropic(mock_llm *mock, const mock_line *line, asm_buffer *out) {
    const asm_str none[1] = {{"", 0}};
    int64_t index = 0;
    const int64_t input[] = {line->input_tokens};
    mock_event(out, line, "message_start",
               "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
               "\"assistant\",\"model\":\"mock\","
               "\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":%d,\"output_tokens\":1}}}",
               none, input);
    mock_event(out, line, "ping", "{\"type\":\"ping\"}", none, NULL);
    if (line->thinking.size) {
        char signature[32];
        const int64_t at[] = {index};
        mock_event(out, line, "content_block_start",
                   "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"thinking\","
                   "\"thinking\":\"\",\"signature\":\"\"}}",
                   none, at);
        for (size_t i = 0; i < line->thinking.size;) {
            const asm_str piece[] = {mock_piece(line->thinking, &i, 5)};
            mock_event(out, line, "content_block_delta",
                       "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"thinking_"
                       "delta\",\"thinking\":%S}}",
                       piece, at);
        }
        mock_sign(line->thinking, signature);
        const asm_str sign[] = {asm_str_from(signature)};
        mock_event(out, line, "content_block_delta",
                   "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"signature_delta\","
                   "\"signature\":%S}}",
                   sign, at);
        mock_event(out, line, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}", none,
                   at);
        index++;
    }
    if (line->text.size) {
        const int64_t at[] = {index};
        mock_event(out, line, "content_block_start",
                   "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"text\","
                   "\"text\":\"\"}}",
                   none, at);
        for (size_t i = 0; i < line->text.size;) {
            const asm_str piece[] = {mock_piece(line->text, &i, 4)};
            mock_event(out, line, "content_block_delta",
                       "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"text_delta\","
                       "\"text\":%S}}",
                       piece, at);
        }
        mock_event(out, line, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}", none,
                   at);
        index++;
    }
    if (line->stream_error.data) {
        const asm_str error[] = {line->stream_error};
        mock_event(out, line, "error", "{\"type\":\"error\",\"error\":%J}", error, NULL);
        return;
    }
    asm_json_reader reader = mock_list(line->calls);
    for (asm_str raw; mock_next(&reader, &raw); index++) {
        const mock_call call = mock_read_call(mock, raw, "toolu_");
        const asm_str head[] = {call.id, call.name}, arguments = mock_arguments(&call);
        const int64_t at[] = {index};
        mock_event(out, line, "content_block_start",
                   "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"tool_use\","
                   "\"id\":%S,\"name\":%S,\"input\":{}}}",
                   head, at);
        for (size_t i = 0; i < arguments.size;) {
            const asm_str piece[] = {mock_piece(arguments, &i, 7)};
            mock_event(out, line, "content_block_delta",
                       "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"input_json_"
                       "delta\",\"partial_json\":%S}}",
                       piece, at);
        }
        mock_event(out, line, "content_block_stop", "{\"type\":\"content_block_stop\",\"index\":%d}", none,
                   at);
    }
    const asm_str stop[] = {line->stop.size           ? line->stop
                            : mock_count(line->calls) ? ASM_STR("tool_use")
                                                      : ASM_STR("end_turn")};
    const int64_t output[] = {line->output_tokens};
    mock_event(out, line, "message_delta",
               "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":%S,\"stop_sequence\":null},\"usage\":{"
               "\"output_tokens\":%d}}",
               stop, output);
    mock_event(out, line, "message_stop", "{\"type\":\"message_stop\"}", none, NULL);
}

#define MOCK_CHUNK                                                                                           \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock\","          \
    "\"choices\":[{\"index\":0,\"delta\":"

static inline void mock_stream_openai(mock_llm *mock, const mock_line *line, asm_buffer *out) {
    const asm_str none[1] = {{"", 0}};
    mock_event(out, line, NULL,
               MOCK_CHUNK "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}", none, NULL);
    for (size_t i = 0; i < line->thinking.size;) {
        const asm_str piece[] = {mock_piece(line->thinking, &i, 5)};
        mock_event(out, line, NULL, MOCK_CHUNK "{\"reasoning_content\":%S},\"finish_reason\":null}]}", piece,
                   NULL);
    }
    for (size_t i = 0; i < line->text.size;) {
        const asm_str piece[] = {mock_piece(line->text, &i, 4)};
        mock_event(out, line, NULL, MOCK_CHUNK "{\"content\":%S},\"finish_reason\":null}]}", piece, NULL);
    }
    if (line->stream_error.data) {
        const asm_str error[] = {line->stream_error};
        mock_event(out, line, NULL, "{\"error\":%J}", error, NULL);
        return;
    }
    asm_json_reader reader = mock_list(line->calls);
    int64_t index = 0;
    for (asm_str raw; mock_next(&reader, &raw); index++) {
        const mock_call call = mock_read_call(mock, raw, "call_");
        const asm_str head[] = {call.id, call.name}, arguments = mock_arguments(&call);
        const int64_t at[] = {index};
        mock_event(out, line, NULL,
                   call.id.size ? MOCK_CHUNK
                       "{\"tool_calls\":[{\"index\":%d,\"id\":%S,\"type\":\"function\",\"function\":{"
                       "\"name\":%S,\"arguments\":\"\"}}]},\"finish_reason\":null}]}"
                                : MOCK_CHUNK
                       "{\"tool_calls\":[{\"index\":%d,\"type\":\"function\",\"function\":{\"name\":%S,"
                       "\"arguments\":\"\"}}]},\"finish_reason\":null}]}",
                   call.id.size ? head : head + 1, at);
        for (size_t i = 0; i < arguments.size;) {
            const asm_str piece[] = {mock_piece(arguments, &i, 7)};
            mock_event(
                out, line, NULL,
                MOCK_CHUNK
                "{\"tool_calls\":[{\"index\":%d,\"function\":{\"arguments\":%S}}]},\"finish_reason\":null}]}",
                piece, at);
        }
    }
    const asm_str stop[] = {line->stop.size           ? line->stop
                            : mock_count(line->calls) ? ASM_STR("tool_calls")
                                                      : ASM_STR("stop")};
    const int64_t usage[] = {line->input_tokens, line->output_tokens};
    mock_event(out, line, NULL, MOCK_CHUNK "{},\"finish_reason\":%S}]}", stop, NULL);
    mock_event(out, line, NULL,
               "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock\","
               "\"choices\":[],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}",
               none, usage);
    mock_event(out, line, NULL, "[DONE]", none, NULL);
}

static inline void mock_stream_responses(mock_llm *mock, const mock_line *line, asm_buffer *out) {
    const asm_str none[1] = {{"", 0}};
    mock_event(out, line, "response.created",
               "{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\","
               "\"object\":\"response\",\"model\":\"mock\",\"status\":\"in_progress\"}}",
               none, NULL);
    if (line->thinking.size) {
        const asm_str text[] = {line->thinking, line->thinking};
        mock_event(out, line, "response.reasoning_summary_text.delta",
                   "{\"type\":\"response.reasoning_summary_text.delta\",\"sequence_number\":1,\"item_id\":"
                   "\"rs_1\",\"delta\":%S}",
                   text, NULL);
        mock_event(out, line, "response.output_item.done",
                   "{\"type\":\"response.output_item.done\",\"sequence_number\":2,\"output_index\":0,"
                   "\"item\":{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
                   "\"text\":%S}],\"encrypted_content\":\"ENCRYPTED==\"}}",
                   text, NULL);
    }
    for (size_t i = 0; i < line->text.size;) {
        const asm_str piece[] = {mock_piece(line->text, &i, 4)};
        mock_event(out, line, "response.output_text.delta",
                   "{\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\","
                   "\"output_index\":1,\"content_index\":0,\"delta\":%S}",
                   piece, NULL);
    }
    if (line->stream_error.data) {
        const asm_str error[] = {mock_text(mock_get(line->stream_error, "code")),
                                 mock_text(mock_get(line->stream_error, "message"))};
        mock_event(out, line, "error",
                   "{\"type\":\"error\",\"code\":%S,\"message\":%S,\"sequence_number\":4}", error, NULL);
        return;
    }
    asm_json_reader reader = mock_list(line->calls);
    for (asm_str raw; mock_next(&reader, &raw);) {
        const mock_call call = mock_read_call(mock, raw, "call_");
        const asm_str parts[] = {call.id, call.name, mock_arguments(&call)};
        mock_event(out, line, "response.function_call_arguments.delta",
                   "{\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":5,\"item_id\":"
                   "\"fc_1\",\"delta\":\"{\"}",
                   none, NULL);
        mock_event(out, line, "response.output_item.done",
                   "{\"type\":\"response.output_item.done\",\"sequence_number\":6,\"output_index\":2,"
                   "\"item\":{\"id\":\"fc_1\",\"type\":\"function_call\",\"status\":\"completed\",\"call_"
                   "id\":%S,\"name\":%S,\"arguments\":%S}}",
                   parts, NULL);
    }
    const bool is_cut = asm_str_equal(line->stop, ASM_STR("max_output_tokens"));
    const int64_t usage[] = {line->input_tokens, line->output_tokens};
    mock_event(
        out, line, is_cut ? "response.incomplete" : "response.completed",
        is_cut ? "{\"type\":\"response.incomplete\",\"sequence_number\":7,\"response\":{\"id\":\"resp_1\","
                 "\"object\":\"response\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_"
                 "output_tokens\"},\"usage\":{\"input_tokens\":%d,\"output_tokens\":%d}}}"
               : "{\"type\":\"response.completed\",\"sequence_number\":7,\"response\":{\"id\":\"resp_1\","
                 "\"object\":\"response\",\"status\":\"completed\",\"usage\":{\"input_tokens\":%d,\"output_"
                 "tokens\":%d}}}",
        none, usage);
}

static inline void mock_stream_ollama(mock_llm *mock, const mock_line *line, asm_buffer *out) {
#define MOCK_OLLAMA_HEAD                                                                                     \
    "{\"model\":\"mock\",\"created_at\":\"2026-02-09T12:00:00Z\",\"message\":{\"role\":\"assistant\","
    const asm_str none[1] = {{"", 0}};
    for (size_t i = 0; i < line->thinking.size;) {
        const asm_str piece[] = {mock_piece(line->thinking, &i, 5)};
        mock_event(out, line, NULL, MOCK_OLLAMA_HEAD "\"content\":\"\",\"thinking\":%S},\"done\":false}",
                   piece, NULL);
    }
    for (size_t i = 0; i < line->text.size;) {
        const asm_str piece[] = {mock_piece(line->text, &i, 4)};
        mock_event(out, line, NULL, MOCK_OLLAMA_HEAD "\"content\":%S},\"done\":false}", piece, NULL);
    }
    if (line->stream_error.data) {
        const asm_str error[] = {mock_text(mock_get(line->stream_error, "message"))};
        mock_event(out, line, NULL, "{\"error\":%S}", error, NULL);
        return;
    }
    asm_json_reader reader = mock_list(line->calls);
    for (asm_str raw; mock_next(&reader, &raw);) {
        const mock_call call = mock_read_call(mock, raw, "call_");
        const asm_str parts[] = {call.name, call.arguments.data ? call.arguments : ASM_STR("{}")};
        mock_event(out, line, NULL,
                   MOCK_OLLAMA_HEAD "\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":%S,"
                                    "\"arguments\":%J}}]},\"done\":false}",
                   parts, NULL);
    }
    const asm_str stop[] = {line->stop.size ? line->stop : ASM_STR("stop")};
    const int64_t usage[] = {line->input_tokens, line->output_tokens};
    mock_event(
        out, line, NULL,
        MOCK_OLLAMA_HEAD
        "\"content\":\"\"},\"done\":true,\"done_reason\":%S,\"prompt_eval_count\":%d,\"eval_count\":%d}",
        stop, usage);
    (void)none;
}

/* The same as one body. */
static inline void mock_body(mock_llm *mock, const mock_line *line, asm_buffer *out) {
    const int64_t usage[] = {line->input_tokens, line->output_tokens};
    const asm_str text[] = {line->text};
    asm_json_reader reader = mock_list(line->calls);
    const char *separator = "";
    asm_str raw;
    if (line->api == MOCK_ANTHROPIC) {
        mock_put(out,
                 "{\n \"id\":\"msg_1\",\n \"type\":\"message\", \"role\":\"assistant\", "
                 "\"model\":\"mock\",\n \"content\":[",
                 NULL, NULL);
        if (line->thinking.size) {
            char signature[32];
            mock_sign(line->thinking, signature);
            const asm_str parts[] = {line->thinking, asm_str_from(signature)};
            mock_put(out, "{\"type\":\"thinking\",\"thinking\":%S,\"signature\":%S}", parts, NULL);
            separator = ",\n";
        }
        if (line->text.size) {
            asm_buffer_append(out, asm_str_from(separator));
            mock_put(out, "{\"type\":\"text\",\"text\":%S}", text, NULL);
            separator = ",\n";
        }
        for (; mock_next(&reader, &raw); separator = ",\n") {
            const mock_call call = mock_read_call(mock, raw, "toolu_");
            const asm_str parts[] = {call.id, call.name,
                                     call.arguments.data ? call.arguments : ASM_STR("{}")};
            asm_buffer_append(out, asm_str_from(separator));
            mock_put(out, "{\"type\":\"tool_use\",\"id\":%S,\"name\":%S,\"input\":%J}", parts, NULL);
        }
        const asm_str stop[] = {line->stop.size           ? line->stop
                                : mock_count(line->calls) ? ASM_STR("tool_use")
                                                          : ASM_STR("end_turn")};
        mock_put(out, "],\n \"stop_reason\":%S,\n \"usage\":{\"input_tokens\":%d,\"output_tokens\":%d}\n}\n",
                 stop, usage);
    } else if (line->api == MOCK_OPENAI) {
        mock_put(out,
                 "{\n  \"id\": \"chatcmpl-1\",\n  \"object\": \"chat.completion\",\n  \"model\": \"mock\",\n "
                 " \"choices\": [{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":%S",
                 text, NULL);
        if (mock_count(line->calls)) asm_buffer_append(out, ASM_STR(",\"tool_calls\":["));
        for (; mock_next(&reader, &raw); separator = ",\n") {
            const mock_call call = mock_read_call(mock, raw, "call_");
            const asm_str parts[] = {call.id, call.name, mock_arguments(&call)};
            asm_buffer_append(out, asm_str_from(separator));
            mock_put(out, "{\"id\":%S,\"type\":\"function\",\"function\":{\"name\":%S,\"arguments\":%S}}",
                     parts, NULL);
        }
        if (mock_count(line->calls)) asm_buffer_append(out, ASM_STR("]"));
        const asm_str stop[] = {line->stop.size           ? line->stop
                                : mock_count(line->calls) ? ASM_STR("tool_calls")
                                                          : ASM_STR("stop")};
        mock_put(
            out,
            "},\n \"finish_reason\":%S}],\n \"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n",
            stop, usage);
    } else if (line->api == MOCK_RESPONSES) {
        mock_put(out,
                 "{\n \"id\":\"resp_1\",\n \"object\":\"response\", \"model\":\"mock\",\n "
                 "\"status\":\"completed\", \"output\":[",
                 NULL, NULL);
        if (line->text.size) {
            mock_put(out,
                     "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":"
                     "\"output_text\",\"text\":%S}]}",
                     text, NULL);
            separator = ",\n";
        }
        for (; mock_next(&reader, &raw); separator = ",\n") {
            const mock_call call = mock_read_call(mock, raw, "call_");
            const asm_str parts[] = {call.id, call.name, mock_arguments(&call)};
            asm_buffer_append(out, asm_str_from(separator));
            mock_put(
                out,
                "{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":%S,\"name\":%S,\"arguments\":%S}",
                parts, NULL);
        }
        mock_put(out, "],\n \"usage\":{\"input_tokens\":%d,\"output_tokens\":%d}}\n", NULL, usage);
    } else {
        mock_put(out,
                 "{\"model\":\"mock\",\n \"created_at\":\"2026-02-09T12:00:00Z\",\n "
                 "\"message\":{\"role\":\"assistant\",\"content\":%S,\n\"tool_calls\":[",
                 text, NULL);
        for (; mock_next(&reader, &raw); separator = ",\n") {
            const mock_call call = mock_read_call(mock, raw, "call_");
            const asm_str parts[] = {call.name, call.arguments.data ? call.arguments : ASM_STR("{}")};
            asm_buffer_append(out, asm_str_from(separator));
            mock_put(out, "{\"function\":{\"name\":%S,\"arguments\":%J}}", parts, NULL);
        }
        mock_put(out, "]},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":%d,\"eval_count\":%d}",
                 NULL, usage);
    }
}

/* ---- the echo ---- */

/* The text of a message's content, whatever form it has. */
static inline void mock_content(asm_buffer *out, asm_str content) {
    asm_json_reader reader = mock_list(content);
    asm_str part;
    if (mock_is(content, ASM_JSON_STRING)) asm_buffer_append(out, mock_text(content));
    while (mock_next(&reader, &part)) {
        if (out->size) asm_buffer_append(out, ASM_STR(" "));
        if (mock_equals(mock_get(part, "type"), "tool_result")) asm_buffer_append(out, ASM_STR("result: "));
        if (mock_get(part, "text").data) asm_buffer_append(out, mock_text(mock_get(part, "text")));
        else if (mock_is(mock_get(part, "content"), ASM_JSON_STRING))
            asm_buffer_append(out, mock_text(mock_get(part, "content")));
    }
}

static inline void mock_echo(mock_line *line, asm_str body, asm_buffer *memory) {
    const asm_str list = line->api == MOCK_RESPONSES ? mock_get(body, "input") : mock_get(body, "messages");
    asm_json_reader reader = mock_list(list);
    asm_str message, last = {NULL, 0};
    while (mock_next(&reader, &message))
        last = message;
    asm_buffer_clear(memory);
    asm_buffer_reserve(memory, 2 * body.size + 100);
    const bool is_result = mock_equals(mock_get(last, "role"), "tool") || mock_get(last, "output").data;
    if (is_result) asm_buffer_append(memory, ASM_STR("result: "));
    if (mock_get(last, "output").data) mock_content(memory, mock_get(last, "output"));
    else mock_content(memory, mock_get(last, "content"));
    asm_buffer_append_byte(memory, '\0');
    const char *call =
        !is_result && strncmp(memory->data, "result: ", 8) != 0 ? strstr(memory->data, "call ") : NULL;
    if (call) {
        const char *name = call + 5, *end = strchr(name, ' ');
        const size_t at = memory->size;
        if (!end) end = name + strlen(name);
        asm_buffer_append(memory, ASM_STR("[{\"name\":\""));
        asm_buffer_append(memory, asm_str_make(name, (size_t)(end - name)));
        asm_buffer_append(memory, ASM_STR("\",\"arguments\":"));
        asm_buffer_append(memory, *end && strchr(end, '{') ? asm_str_from(strchr(end, '{')) : ASM_STR("{}"));
        asm_buffer_append(memory, ASM_STR("}]"));
        line->calls = asm_str_make(memory->data + at, memory->size - at);
        if (asm_json_check(line->calls, NULL) == ASM_OK) return;
        line->calls = asm_str_make(NULL, 0);
    }
    const size_t at = memory->size;
    asm_buffer_append(memory, ASM_STR("You said: "));
    asm_buffer_append(memory, asm_str_from(memory->data));
    line->text = asm_str_make(memory->data + at, memory->size - at);
}

/* ---- the whole ---- */

static inline void mock_init(mock_llm *mock, const char *script) {
    memset(mock, 0, sizeof *mock);
    asm_buffer_init_growing(&mock->last);
    asm_buffer_init_growing(&mock->taken);
    if (!script) script = "";
    mock->script_memory = (char *)malloc(strlen(script) + 1);
    strcpy(mock->script_memory, script);
    mock->script = mock->script_memory;
}

static inline void mock_close(mock_llm *mock) {
    asm_buffer_close(&mock->last);
    asm_buffer_close(&mock->taken);
    free(mock->script_memory);
    memset(mock, 0, sizeof *mock);
}

/* Takes the next line of the script that is meant for this body. */
static inline asm_str mock_take_line(mock_llm *mock, asm_str body) {
    for (char *at = mock->script; *at;) {
        char *end = strchr(at, '\n');
        const size_t size = end ? (size_t)(end - at) : strlen(at);
        const asm_str line = asm_str_make(at, size), only = mock_text(mock_get(line, "if"));
        at += size + (end != NULL);
        if (size == 0 || line.data[0] == '#' || line.data[0] == '!') continue;
        bool found = !only.size;
        for (size_t i = 0; i + only.size <= body.size && !found; i++)
            found = memcmp(body.data + i, only.data, only.size) == 0;
        if (!found) continue;
        asm_buffer_clear(&mock->taken);
        asm_buffer_append(&mock->taken, line);
        at[-(ptrdiff_t)size - (end != NULL)] = '!'; /* used */
        return asm_buffer_text(&mock->taken);
    }
    return asm_str_make(NULL, 0);
}

static inline mock_api mock_api_of(const char *path) {
    if (strstr(path, "/messages")) return MOCK_ANTHROPIC;
    if (strstr(path, "/chat/completions")) return MOCK_OPENAI;
    if (strstr(path, "/responses")) return MOCK_RESPONSES;
    return strstr(path, "/api/chat") ? MOCK_OLLAMA : MOCK_NONE;
}

static inline bool mock_has_line(const char *headers, const char *line) {
    const size_t size = strlen(line);
    for (; *headers; headers++) {
        size_t i = 0;
        while (i < size && (headers[i] | 32) == (line[i] | 32))
            i++;
        if (i == size) return true;
    }
    return false;
}

static inline bool mock_check(mock_llm *mock, mock_api api, const char *headers, asm_str body) {
    const asm_str none = {NULL, 0};
    asm_json_error error;
    MOCK_CHECK(mock_has_line(headers, "content-type: application/json"),
               "content-type must be application/json", none);
    MOCK_CHECK(api != MOCK_ANTHROPIC || mock_has_line(headers, "anthropic-version: 2023-06-01"),
               "anthropic-version: header is required", none);
    MOCK_CHECK(asm_json_check(body, &error) == ASM_OK && body.data[0] == '{',
               "We could not parse the JSON body of your request", asm_str_from(error.message));
    MOCK_CHECK(mock_says(mock_get(body, "model")), "model: Field required", body);
    if (api == MOCK_ANTHROPIC) return mock_check_anthropic(mock, body);
    if (api == MOCK_RESPONSES) return mock_check_responses(mock, body);
    return mock_check_chat(mock, body, api == MOCK_OLLAMA);
}

static inline void mock_refuse(mock_answer *answer, mock_api api, int status, const char *type,
                               const char *message) {
    const asm_str texts[] = {asm_str_from(type), asm_str_from(message)}, only[] = {asm_str_from(message)};
    answer->status = status;
    answer->content_type = "application/json";
    if (api == MOCK_ANTHROPIC)
        mock_put(&answer->body,
                 "{\"type\":\"error\",\"error\":{\"type\":%S,\"message\":%S},\"request_id\":\"req_1\"}",
                 texts, NULL);
    else if (api == MOCK_OLLAMA) mock_put(&answer->body, "{\"error\":%S}", only, NULL);
    else
        mock_put(&answer->body, "{\"error\":{\"type\":%S,\"message\":%S,\"param\":null,\"code\":null}}",
                 texts, NULL);
}

/* Every LF becomes CRLF. */
static inline void mock_crlf(asm_buffer *body) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < body->size; i++) {
        if (body->data[i] == '\n') asm_buffer_append_byte(&out, '\r');
        asm_buffer_append_byte(&out, body->data[i]);
    }
    asm_buffer_close(body);
    *body = out;
}

static inline void mock_write(mock_llm *mock, const mock_line *line, mock_answer *answer) {
    static void (*const streams[])(mock_llm *, const mock_line *, asm_buffer *) = {
        mock_stream_anthropic, mock_stream_openai, mock_stream_responses, mock_stream_ollama};
    answer->status = (int)line->status;
    answer->content_type = line->api == MOCK_OLLAMA ? "application/x-ndjson" : "text/event-stream";
    if (line->raw.data) asm_buffer_append(&answer->body, line->raw);
    else if (line->status != 200) {
        answer->content_type = "application/json";
        if (line->error.data) asm_buffer_append(&answer->body, line->error);
        else mock_refuse(answer, line->api, answer->status, "api_error", "the script says so");
    } else if (line->stream) streams[line->api](mock, line, &answer->body);
    else {
        answer->content_type = "application/json";
        mock_body(mock, line, &answer->body);
    }
    if (line->crlf) mock_crlf(&answer->body);
}

/* Answers a request: its path, its header lines, and its body. `answer` is to be closed by mock_answer_close(). */
static inline void mock_ask(mock_llm *mock, const char *path, const char *headers, asm_str body,
                            mock_answer *answer) {
    const mock_api api = mock_api_of(path);
    asm_buffer memory;
    memset(answer, 0, sizeof *answer);
    asm_buffer_init_growing(&answer->headers);
    asm_buffer_init_growing(&answer->body);
    asm_buffer_init_growing(&memory);
    answer->cut = SIZE_MAX;
    mock->requests++;
    mock->complaint[0] = 0;
    asm_buffer_clear(&mock->last);
    asm_buffer_append(&mock->last, body);
    if (api == MOCK_NONE) {
        mock_refuse(answer, api, 404, "not_found_error", "no such path");
    } else if (mock->key && !mock_has_line(headers, mock->key)) {
        mock_refuse(answer, api, 401, "authentication_error", "invalid key");
    } else if (!mock_check(mock, api, headers, body)) {
        mock->refused++;
        mock_refuse(answer, api, 400, "invalid_request_error", mock->complaint);
    } else {
        const asm_str stream = mock_get(body, "stream");
        const asm_str scripted = mock_take_line(mock, body);
        mock_line line = mock_read_line(scripted.data ? scripted : ASM_STR("{}"));
        line.api = api;
        line.stream = stream.data ? asm_str_equal(stream, ASM_STR("true")) : api == MOCK_OLLAMA;
        if (!scripted.data) mock_echo(&line, body, &memory);
        mock_write(mock, &line, answer);
        answer->cut = line.cut >= 0 ? (size_t)line.cut : SIZE_MAX;
        answer->aborts = line.aborts;
        answer->delay_ms = (int)line.delay_ms;
        answer->piece_ms = (int)line.piece_ms;
        asm_json_reader reader;
        asm_str key, value;
        asm_json_reader_init(&reader, mock_is(line.headers, ASM_JSON_OBJECT) ? line.headers : ASM_STR("{}"),
                             NULL);
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
            asm_buffer_append(&answer->headers, key);
            asm_buffer_append(&answer->headers, ASM_STR(": "));
            asm_buffer_append(&answer->headers, mock_text(value));
            asm_buffer_append(&answer->headers, ASM_STR("\r\n"));
        }
    }
    asm_buffer_close(&memory);
}

static inline void mock_answer_close(mock_answer *answer) {
    asm_buffer_close(&answer->headers);
    asm_buffer_close(&answer->body);
}

#endif
