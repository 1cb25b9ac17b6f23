/* Whatever stream it is, wherever it is cut and however it ends: each format has every text, tool, result and token count
 * that it can carry. The streams are those of the repository, or the files of the folder WIRE_STREAMS.
 *     build/tests/test_wire_content                  tests
 *     build/tests/test_wire_content --print CUTS     prints what is written, for tests/wire/check.mjs
 * WIRE_SEED: a number that the places of the cuts depend on, where a stream has more events than there are cuts.
 */
#include "wire_streams.h"

#include <dirent.h>
#include <sys/stat.h>

enum { CUTS = 200, ENDINGS = 3, TEXT_LIMIT = 1000 };

/* ============================================================================================
 * What is to be found, and what was: calls by name, results by text, tokens by number; the text of each agent
 */

typedef struct fact {
    size_t at, size; /* in the text of all */
} fact;

typedef struct voice {
    char name[200]; /* of the agent; "": the main one */
    asm_buffer text;
    size_t since; /* where the message begins that is under way */
} voice;

typedef struct facts {
    asm_buffer text;
    fact *all;
    size_t count, room, calls, voices;
    voice *voice;
    bool is_prompt;      /* the message that is open is not the agent's */
    char prompt_id[200]; /* ai-sdk: of the last prompt, and where its text begins: the same id replaces it */
    size_t prompt_at;
} facts;

static void add_fact(facts *out, char kind, asm_str text) {
    if (out->count == out->room) {
        out->room = out->room ? 2 * out->room : 256;
        out->all = (fact *)realloc(out->all, out->room * sizeof *out->all);
        assert_non_null(out->all);
    }
    if (text.size > TEXT_LIMIT) text.size = TEXT_LIMIT;
    if (!text.size) return; /* nothing to be found */
    out->all[out->count].at = out->text.size;
    out->all[out->count++].size = text.size + 1;
    asm_buffer_append_byte(&out->text, kind);
    asm_buffer_append(&out->text, text);
    if (kind == 'c') out->calls++;
}

static void add_tokens(facts *out, int64_t input, int64_t output) {
    char text[60];
    const int size = snprintf(text, sizeof text, "%lld in, %lld out", (long long)input, (long long)output);
    add_fact(out, 'k', asm_str_make(text, (size_t)size));
}

static voice *voice_of(facts *out, asm_str name) {
    voice *found;
    for (size_t i = 0; i < out->voices; i++)
        if (asm_str_equal(asm_str_from(out->voice[i].name), name)) return &out->voice[i];
    out->voice = (voice *)realloc(out->voice, (out->voices + 1) * sizeof *out->voice);
    assert_non_null(out->voice);
    found = &out->voice[out->voices++];
    memset(found, 0, sizeof *found);
    asm_buffer_init_growing(&found->text);
    snprintf(found->name, sizeof found->name, "%.*s", (int)name.size, name.size ? name.data : "");
    return found;
}

static void clear_facts(facts *out) {
    for (size_t i = 0; i < out->voices; i++)
        asm_buffer_close(&out->voice[i].text);
    asm_buffer_close(&out->text);
    free(out->voice);
    free(out->all);
    memset(out, 0, sizeof *out);
    asm_buffer_init_growing(&out->text);
}

static const facts *sorted_facts;

static int compare_facts(const void *a, const void *b) {
    const fact *left = (const fact *)a, *right = (const fact *)b;
    const size_t size = left->size < right->size ? left->size : right->size;
    const int order = memcmp(sorted_facts->text.data + left->at, sorted_facts->text.data + right->at, size);
    return order ? order : (left->size > right->size) - (left->size < right->size);
}

static void sort_facts(facts *list) {
    sorted_facts = list;
    if (list->count) qsort(list->all, list->count, sizeof *list->all, compare_facts);
}

static asm_str fact_text(const facts *list, size_t index) {
    return asm_str_make(list->text.data + list->all[index].at, list->all[index].size);
}

/* Each fact of those kinds that is expected is found, as often. */
static size_t expect_facts(facts *expected, facts *found, const char *kinds, const char *what) {
    size_t at = 0, looked = 0;
    sort_facts(expected);
    sort_facts(found);
    for (size_t i = 0; i < expected->count; i++) {
        const asm_str text = fact_text(expected, i);
        int order = -1;
        if (!strchr(kinds, text.data[0])) continue;
        looked++;
        while (at < found->count) {
            const asm_str other = fact_text(found, at);
            const size_t size = other.size < text.size ? other.size : text.size;
            order = memcmp(other.data, text.data, size);
            if (!order) order = (other.size > text.size) - (other.size < text.size);
            if (order >= 0) break;
            at++;
        }
        expect(at < found->count && order == 0, "%s: not found: %s", what, shown(text));
        if (at < found->count && order == 0) at++;
    }
    return looked;
}

/* ============================================================================================
 * What the events say
 */

typedef struct known_call {
    char id[200];
    bool has_ended, is_background, is_told, is_denied;
} known_call;

typedef struct expectation {
    facts facts;
    known_call *calls;
    size_t count, room;
    bool in_run;
    const asm_event **waiting; /* what came outside a run, where the format needs one */
    size_t waiting_count;
    asm_str session;
} expectation;

static known_call *find_known(expectation *out, asm_str id) {
    for (size_t i = out->count; id.size && i-- > 0;)
        if (asm_str_equal(asm_str_from(out->calls[i].id), id)) return &out->calls[i];
    return NULL;
}

static known_call *add_known(expectation *out, asm_str id, asm_str name) {
    known_call *call;
    if (out->count == out->room) {
        out->room = out->room ? 2 * out->room : 64;
        out->calls = (known_call *)realloc(out->calls, out->room * sizeof *out->calls);
    }
    if (!out->calls) abort();
    call = &out->calls[out->count++];
    memset(call, 0, sizeof *call);
    snprintf(call->id, sizeof call->id, "%.*s", (int)id.size, id.size ? id.data : "");
    add_fact(&out->facts, 'c', name.size ? name : ASM_STR("tool"));
    return call;
}

static bool is_tool(const asm_event *event) {
    return event->type >= ASM_EVENT_TOOL_CALL_IDENTIFIED && event->type <= ASM_EVENT_TOOL_CALL_FAILED;
}

static bool is_approval(const asm_event *event) {
    return event->type >= ASM_EVENT_TOOL_APPROVAL_REQUESTED && event->type <= ASM_EVENT_TOOL_APPROVAL_DENIED;
}

static bool is_message(const asm_event *event) {
    return event->type == ASM_EVENT_MESSAGE_STREAMED || event->type == ASM_EVENT_MESSAGE_RECEIVED;
}

static void expect_tool(expectation *out, const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    const bool is_end =
        event->type == ASM_EVENT_TOOL_CALL_COMPLETED || event->type == ASM_EVENT_TOOL_CALL_FAILED;
    const bool is_begin =
        event->type == ASM_EVENT_TOOL_CALL_IDENTIFIED || event->type == ASM_EVENT_TOOL_CALL_STARTED;
    known_call *call = find_known(out, tool->call_id);
    if (call && call->has_ended && is_begin && !call->is_denied) call = NULL;
    if (call && call->has_ended) {
        if (is_end) call->is_denied = false;
        return;
    }
    if (!call) call = add_known(out, tool->call_id, tool->name);
    if (asm_str_equal(tool->status, ASM_STR("running_in_background"))) call->is_background = true;
    if (!is_end) return;
    call->has_ended = true;
    if (tool->output.data) add_fact(&out->facts, 'r', tool->output);
    else if (!tool->output_json.data && event->type == ASM_EVENT_TOOL_CALL_FAILED && tool->error_message.size)
        add_fact(&out->facts, 'r', tool->error_message);
}

static void expect_approval(expectation *out, const asm_event *event) {
    const asm_approval_payload *approval = &event->approval;
    known_call *call = find_known(out, approval->tool_call_id);
    if (!approval->tool_call_id.size && !approval->tool_name.size) return;
    if (!call) call = add_known(out, approval->tool_call_id, approval->tool_name);
    if (call->has_ended || event->type != ASM_EVENT_TOOL_APPROVAL_DENIED) return;
    if (asm_str_equal(approval->decision, ASM_STR("withdrawn"))) return;
    call->has_ended = call->is_denied = true;
    add_fact(&out->facts, 'r', approval->reason.size ? approval->reason : ASM_STR("denied"));
}

static void expect_words(expectation *out, const asm_event *event) {
    voice *speaker = voice_of(&out->facts, event->message.parent_tool_call_id);
    const asm_str text = asm_event_text(event);
    if (event->message.thinking.value) return;
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        const asm_str said = asm_buffer_text(&speaker->text);
        const size_t new_size = said.size - speaker->since;
        if (new_size <= text.size && memcmp(said.data + speaker->since, text.data, new_size) == 0)
            asm_buffer_append(&speaker->text, asm_str_make(text.data + new_size, text.size - new_size));
        else if (new_size < text.size || memcmp(said.data + said.size - text.size, text.data, text.size) != 0)
            asm_buffer_append(&speaker->text, text);
        speaker->since = speaker->text.size;
    } else {
        asm_buffer_append(&speaker->text, text);
    }
}

static void expect_models(expectation *out, const asm_event *event) {
    asm_json_reader reader;
    asm_str model, json;
    asm_usage_payload usage;
    bool any = false;
    asm_json_reader_init(&reader, event->run.models, NULL);
    if (event->run.models.size && asm_json_enter_object(&reader))
        while (asm_json_next_member(&reader, &model) && asm_json_read_raw(&reader, &json))
            if (asm_usage_read(&usage, json) && usage.input_tokens.is_set && usage.output_tokens.is_set) {
                add_tokens(&out->facts, usage.input_tokens.value, usage.output_tokens.value);
                any = true;
            }
    if (!any && event->run.token_usage.size && asm_usage_read(&usage, event->run.token_usage) &&
        usage.input_tokens.is_set && usage.output_tokens.is_set)
        add_tokens(&out->facts, usage.input_tokens.value, usage.output_tokens.value);
}

static void end_expected_run(expectation *out) {
    size_t kept = 0;
    out->in_run = false;
    for (size_t i = 0; i < out->facts.voices; i++) /* what comes whole after it is another run's */
        out->facts.voice[i].since = out->facts.voice[i].text.size;
    for (size_t i = 0; i < out->count; i++)
        if (out->calls[i].is_told || (out->calls[i].is_background && !out->calls[i].has_ended)) {
            out->calls[kept] = out->calls[i];
            out->calls[kept].has_ended = true; /* as far as its run goes */
            out->calls[kept++].is_told = true;
        }
    out->count = kept;
}

static bool begins(expectation *out, const asm_event *event) {
    if (asm_event_parent(event).size) return false;
    if (is_message(event)) return asm_event_text(event).size > 0;
    if (is_tool(event)) return !find_known(out, event->tool.call_id);
    return event->type == ASM_EVENT_STEP_STARTED;
}

/* The counts of a run's end. */
static void expect_end(expectation *out, const asm_event *event, asm_wire_format format) {
    asm_usage_payload usage;
    if (format != ASM_WIRE_OTLP && format != ASM_WIRE_TRACE) expect_models(out, event);
    else if (event->run.token_usage.size && asm_usage_read(&usage, event->run.token_usage) &&
             usage.input_tokens.is_set && usage.output_tokens.is_set)
        add_tokens(&out->facts, usage.input_tokens.value, usage.output_tokens.value);
}

static void expect_usage(expectation *out, const asm_event *event, asm_wire_format format) {
    const asm_usage_payload *usage = &event->usage;
    if (!usage->input_tokens.is_set || !usage->output_tokens.is_set) return;
    if (format == ASM_WIRE_OTLP
            ? usage->message_id.size && !usage->cumulative.value
            : format == ASM_WIRE_TRACE && usage->cumulative.value && !usage->parent_tool_call_id.size)
        add_tokens(&out->facts, usage->input_tokens.value, usage->output_tokens.value);
}

/* An event of a run that is open. */
static void expect_inside(expectation *out, const asm_event *event, asm_wire_format format) {
    const asm_str parent = asm_event_parent(event);
    if (parent.size && !find_known(out, parent)) add_known(out, parent, ASM_STR("Task"));
    if (event->type == ASM_EVENT_MESSAGE_SENT)
        asm_buffer_append(&voice_of(&out->facts, parent.size ? ASM_STR("brief") : ASM_STR("prompt"))->text,
                          asm_event_text(event));
    else if (is_tool(event)) expect_tool(out, event);
    else if (is_approval(event)) expect_approval(out, event);
    else if (is_message(event)) expect_words(out, event);
    else if (event->type == ASM_EVENT_TOKEN_USAGE_UPDATED) expect_usage(out, event, format);
}

static void begin_expected_run(expectation *out, asm_wire_format format) {
    const size_t count = out->waiting_count;
    out->in_run = true;
    out->waiting_count = 0;
    for (size_t i = 0; i < count; i++)
        expect_inside(out, out->waiting[i], format);
}

static void expect_event(expectation *out, const asm_event *event, asm_wire_format format) {
    if (event->session_id.size && !asm_str_equal(event->session_id, out->session)) {
        if (out->session.size) end_expected_run(out);
        out->session = event->session_id;
    }
    if (event->type >= ASM_EVENT_RUN_COMPLETED && event->type <= ASM_EVENT_RUN_TIMEOUT) {
        if (!out->in_run) begin_expected_run(out, format);
        expect_end(out, event, format);
        end_expected_run(out);
    } else if (event->type == ASM_EVENT_RUN_STARTED) {
        end_expected_run(out);
        begin_expected_run(out, format);
    } else {
        if (!out->in_run && begins(out, event)) begin_expected_run(out, format);
        if (!out->in_run && (format == ASM_WIRE_AG_UI || format == ASM_WIRE_OTLP))
            out->waiting[out->waiting_count++] = event;
        else if (out->in_run || event->type == ASM_EVENT_MESSAGE_SENT) expect_inside(out, event, format);
        else if (event->type == ASM_EVENT_TOKEN_USAGE_UPDATED && format != ASM_WIRE_TRACE)
            expect_usage(out, event, format);
    }
}

/* ============================================================================================
 * What a format says
 */

typedef struct frame {
    asm_str json;
    asm_buffer *scratch; /* of strings: cleared for each frame */
} frame;

/* The member at a path of keys, as JSON; absent if there is none. */
static asm_str at(asm_str json, const char *path) {
    while (*path && json.size && asm_json_type_of(json) == ASM_JSON_OBJECT) {
        const char *end = strchr(path, '/');
        const size_t size = end ? (size_t)(end - path) : strlen(path);
        const asm_str key = asm_str_make(path, size);
        asm_str value = asm_str_make(NULL, 0);
        if (asm_json_find(json, &key, &value, 1, NULL) != ASM_OK || !value.data) return asm_str_make(NULL, 0);
        json = value;
        path += size + (end != NULL);
    }
    return *path ? asm_str_make(NULL, 0) : json;
}

static asm_str text_of(const frame *in, asm_str json) {
    asm_str text;
    if (!json.size || asm_json_type_of(json) != ASM_JSON_STRING) return asm_str_make(NULL, 0);
    assert_int_equal(asm_buffer_reserve(in->scratch, json.size + ASM_JSON_SCRATCH_SPARE), ASM_OK);
    return asm_json_to_string(json, in->scratch, &text) ? text : asm_str_make(NULL, 0);
}

static asm_str text_at(const frame *in, const char *path) {
    return text_of(in, at(in->json, path));
}

static bool is(asm_str text, const char *word) {
    return asm_str_equal(text, asm_str_from(word));
}

static void found_usage(facts *out, asm_str list) {
    asm_json_reader reader;
    asm_str entry;
    int64_t input, output;
    if (!list.size) return;
    asm_json_reader_init(&reader, list, NULL);
    if (asm_json_enter_array(&reader))
        while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &entry)) {
            const asm_str in = at(entry, "inputTokens"), out_tokens = at(entry, "outputTokens");
            if (in.size && out_tokens.size && asm_json_to_int64(in, &input) &&
                asm_json_to_int64(out_tokens, &output))
                add_tokens(out, input, output);
        }
}

static void in_ag_ui(facts *out, const frame *in) {
    const asm_str type = text_at(in, "type");
    if (is(type, "TEXT_MESSAGE_START")) out->is_prompt = !is(text_at(in, "role"), "assistant");
    if (is(type, "TEXT_MESSAGE_CONTENT")) {
        const asm_str owner = text_at(in, "subagentRunId");
        asm_buffer_append(&voice_of(out, !out->is_prompt ? owner
                                         : owner.size    ? ASM_STR("brief")
                                                         : ASM_STR("prompt"))
                               ->text,
                          text_at(in, "delta"));
    } else if (is(type, "TOOL_CALL_START")) add_fact(out, 'c', text_at(in, "toolCallName"));
    else if (is(type, "TOOL_CALL_RESULT")) add_fact(out, 'r', text_at(in, "content"));
    else if (is(type, "RUN_FINISHED") || is(type, "RUN_ERROR")) found_usage(out, at(in->json, "usage"));
}

static void in_ai_sdk(facts *out, const frame *in) {
    const asm_str type = text_at(in, "type");
    if (is(type, "data-asm-prompt")) {
        asm_buffer *said = &voice_of(out, ASM_STR("prompt"))->text;
        const asm_str id = text_at(in, "id");
        if (said->size && is(id, out->prompt_id)) said->size = out->prompt_at;
        snprintf(out->prompt_id, sizeof out->prompt_id, "%.*s", (int)id.size, id.data);
        out->prompt_at = said->size;
        asm_buffer_append(said, text_at(in, "data/text"));
    } else if (is(type, "text-delta"))
        asm_buffer_append(&voice_of(out, ASM_STR(""))->text, text_at(in, "delta"));
    else if (is(type, "tool-input-available")) add_fact(out, 'c', text_at(in, "toolName"));
    else if (is(type, "tool-output-available") && !at(in->json, "preliminary").size)
        add_fact(out, 'r', text_at(in, "output"));
    else if (is(type, "data-asm-denied")) add_fact(out, 'r', text_at(in, "data/reason"));
    else if (is(type, "tool-output-error")) add_fact(out, 'r', text_at(in, "errorText"));
    else if (is(type, "message-metadata") && at(in->json, "messageMetadata/asm/outcome").size)
        found_usage(out, at(in->json, "messageMetadata/asm/usage"));
}

static void in_acp(facts *out, const frame *in) {
    const asm_str update = at(in->json, "params/update"), kind = text_of(in, at(update, "sessionUpdate")),
                  status = text_of(in, at(update, "status"));
    if (is(kind, "user_message_chunk"))
        asm_buffer_append(&voice_of(out, ASM_STR("prompt"))->text, text_of(in, at(update, "content/text")));
    else if (is(kind, "agent_message_chunk"))
        asm_buffer_append(&voice_of(out, ASM_STR(""))->text, text_of(in, at(update, "content/text")));
    else if (is(kind, "tool_call")) add_fact(out, 'c', text_of(in, at(update, "name")));
    else if (is(kind, "tool_call_update") && (is(status, "completed") || is(status, "failed"))) {
        asm_json_reader reader;
        asm_str block;
        asm_json_reader_init(&reader, at(update, "content"), NULL);
        if (at(update, "content").size && asm_json_enter_array(&reader) && asm_json_next_element(&reader) &&
            asm_json_read_raw(&reader, &block))
            add_fact(out, 'r', text_of(in, at(block, "content/text")));
        else add_fact(out, 'r', ASM_STR(""));
    }
}

static void in_span(facts *out, const frame *in, asm_str span) {
    asm_json_reader reader;
    asm_str attribute, key, value, input = asm_str_make(NULL, 0), output = input;
    int64_t in_tokens, out_tokens;
    asm_json_reader_init(&reader, at(span, "attributes"), NULL);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &attribute)) {
        key = text_of(in, at(attribute, "key"));
        value = text_of(
            in, at(attribute, at(attribute, "value/intValue").size ? "value/intValue" : "value/stringValue"));
        if (is(key, "gen_ai.tool.name")) add_fact(out, 'c', value);
        else if (is(key, "gen_ai.tool.call.result")) add_fact(out, 'r', value);
        else if (is(key, "gen_ai.usage.input_tokens")) input = value;
        else if (is(key, "gen_ai.usage.output_tokens")) output = value;
        else if (is(key, "asm.text")) asm_buffer_append(&voice_of(out, ASM_STR(""))->text, value);
    }
    if (input.size && output.size && asm_json_to_int64(input, &in_tokens) &&
        asm_json_to_int64(output, &out_tokens))
        add_tokens(out, in_tokens, out_tokens);
}

static void in_otlp(facts *out, const frame *in) {
    asm_json_reader outer, scopes, spans;
    asm_str resource, scope, span;
    asm_json_reader_init(&outer, at(in->json, "resourceSpans"), NULL);
    asm_json_enter_array(&outer);
    while (asm_json_next_element(&outer) && asm_json_read_raw(&outer, &resource)) {
        asm_json_reader_init(&scopes, at(resource, "scopeSpans"), NULL);
        asm_json_enter_array(&scopes);
        while (asm_json_next_element(&scopes) && asm_json_read_raw(&scopes, &scope)) {
            asm_json_reader_init(&spans, at(scope, "spans"), NULL);
            asm_json_enter_array(&spans);
            while (asm_json_next_element(&spans) && asm_json_read_raw(&spans, &span))
                in_span(out, in, span);
        }
    }
}

static void in_trace(facts *out, const frame *in) {
    const asm_str phase = text_at(in, "ph"), category = text_at(in, "cat");
    int64_t input, output;
    if ((is(phase, "B") || is(phase, "b")) && is(category, "tool")) add_fact(out, 'c', text_at(in, "name"));
    if (is(phase, "E") && is(category, "run") &&
        asm_json_to_int64(at(in->json, "args/token_usage/input_tokens"), &input) &&
        asm_json_to_int64(at(in->json, "args/token_usage/output_tokens"), &output))
        add_tokens(out, input, output);
    if (is(phase, "C") && is(text_at(in, "name"), "tokens") &&
        asm_json_to_int64(at(in->json, "args/input"), &input) && at(in->json, "args/output").size &&
        asm_json_to_int64(at(in->json, "args/output"), &output))
        add_tokens(out, input, output);
}

static void find_all(facts *out, asm_wire_format format, asm_str text, asm_buffer *scratch) {
    static void (*const readers[ASM_WIRE_FORMAT_COUNT])(facts *, const frame *) = {
        in_ag_ui, in_ai_sdk, in_acp, in_otlp, NULL, in_trace};
    const char *line = text.data, *end = text.data + text.size;
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
        frame in;
        in.json = asm_str_make(line, (size_t)((next ? next : end) - line));
        in.scratch = scratch;
        asm_buffer_clear(scratch);
        assert_int_equal(asm_buffer_reserve(scratch, 2 * in.json.size + 4096), ASM_OK);
        if (in.json.size > 6 && !memcmp(in.json.data, "data: ", 6))
            in.json = asm_str_make(in.json.data + 6, in.json.size - 6);
        if (in.json.size && in.json.data[in.json.size - 1] == ',') in.json.size--;
        if (in.json.size > 1 && in.json.data[0] == '{') readers[format](out, &in);
        line = next ? next + 1 : end;
    }
}

/* ============================================================================================
 * One stream in all formats
 */

static size_t facts_looked_at, streams_written, texts_looked_at;

static void expect_voices(facts *expected, facts *found, asm_wire_format format, const char *what) {
    size_t sizes[2] = {0, 0};
    for (size_t i = 0; i < expected->voices; i++) {
        const voice *speaker = &expected->voice[i];
        const asm_str name = asm_str_from(speaker->name), said = asm_buffer_text(&speaker->text),
                      heard = asm_buffer_text(&voice_of(found, name)->text);
        const bool is_prompt = is(name, "prompt"), is_brief = is(name, "brief");
        if ((is_prompt && format == ASM_WIRE_OTLP) || (is_brief && format != ASM_WIRE_AG_UI)) continue;
        sizes[0] += said.size;
        if (format == ASM_WIRE_OTLP || (name.size && !is_prompt && !is_brief)) continue;
        texts_looked_at++;
        expect(asm_str_equal(said, heard), "%s: what %s said:\n    %s\n    %s", what,
               name.size ? "a person" : "the agent", shown(said), shown(heard));
    }
    for (size_t i = 0; i < found->voices; i++)
        sizes[1] += found->voice[i].text.size;
    /* Of sub-agents, whose ids the formats change, all together; spans have the beginning of long texts. */
    if (format == ASM_WIRE_AG_UI || format == ASM_WIRE_OTLP)
        expect(sizes[0] == sizes[1] || (format == ASM_WIRE_OTLP && sizes[0] > 60000 && sizes[1] > 0),
               "%s: %zu bytes of text, %zu found", what, sizes[0], sizes[1]);
}

/* CloudEvents have the events as they are. */
static void expect_events(const events *in, size_t count, const asm_event *last, asm_str text,
                          const char *what) {
    asm_buffer data;
    size_t i = 0;
    asm_buffer_init_growing(&data);
    for (; text.size && i < count + (last != NULL); i++) {
        const char *end = (const char *)memchr(text.data, '\n', text.size);
        const asm_str line = asm_str_make(text.data, end ? (size_t)(end - text.data) : text.size);
        asm_buffer_clear(&data);
        asm_event_write_data(i < count ? in->all[i] : last, &data);
        expect(asm_str_equal(at(line, "data"), asm_buffer_text(&data)), "%s: event %zu", what, i + 1);
        text = asm_str_make(text.data + line.size + 1, text.size - line.size - 1);
        facts_looked_at++;
    }
    expect(!text.size && i == count + (last != NULL), "%s: %zu events", what, i);
    asm_buffer_close(&data);
}

static const char *const kinds_of[ASM_WIRE_FORMAT_COUNT] = {"crk", "crk", "cr", "crk", "", "ck"};

static void check_one(const events *in, size_t count, const asm_event *last, asm_wire_format format,
                      asm_str written, const char *what) {
    expectation expected;
    facts found;
    asm_buffer scratch;
    if (format == ASM_WIRE_CLOUDEVENTS) {
        expect_events(in, count, last, written, what);
        return;
    }
    memset(&expected, 0, sizeof expected);
    memset(&found, 0, sizeof found);
    asm_buffer_init_growing(&expected.facts.text);
    expected.waiting = (const asm_event **)malloc((count + 1) * sizeof(const asm_event *));
    assert_non_null(expected.waiting);
    asm_buffer_init_growing(&found.text);
    asm_buffer_init_growing(&scratch);
    for (size_t i = 0; i < count + (last != NULL); i++)
        expect_event(&expected, i < count ? in->all[i] : last, format);
    find_all(&found, format, written, &scratch);
    facts_looked_at += expect_facts(&expected.facts, &found, kinds_of[format], what);
    expect(expected.facts.calls == found.calls, "%s: %zu calls, %zu found", what, expected.facts.calls,
           found.calls);
    if (format != ASM_WIRE_TRACE) expect_voices(&expected.facts, &found, format, what);
    clear_facts(&expected.facts);
    clear_facts(&found);
    free(expected.waiting);
    free(expected.calls);
    asm_buffer_close(&scratch);
}

/* The event that ends a stream which is cut: a failure, a cancel, none. */
static const asm_event *ending_of(int number, const events *in, size_t count, asm_event *event) {
    memset(event, 0, sizeof *event);
    event->type = number == 0 ? ASM_EVENT_RUN_FAILED : ASM_EVENT_RUN_CANCELLED;
    if (number == 0) event->run.error_code = ASM_STR("crash");
    if (count) {
        event->run_id = in->all[count - 1]->run_id;
        event->session_id = in->all[count - 1]->session_id;
        event->provider = in->all[count - 1]->provider;
        event->time = in->all[count - 1]->time;
    }
    return number == 2 ? NULL : event;
}

static bool prints;
static uint64_t seed;

static void take_stream(const events *in, const char *path, size_t cuts) {
    uint64_t random = seed ^ in->count;
    asm_buffer written;
    asm_buffer_init_growing(&written);
    for (size_t cut = 0; cut <= cuts && cut <= in->count + 1; cut++) {
        const size_t count = cut == 0            ? in->count
                             : in->count <= cuts ? cut - 1
                                                 : (size_t)(next_random(&random) % in->count);
        for (int number = 0; number < (cut ? ENDINGS : 1); number++)
            for (int f = 0; f < ASM_WIRE_FORMAT_COUNT; f++) {
                asm_event event;
                asm_wire_options options;
                const asm_event *last = cut ? ending_of(number, in, count, &event) : NULL;
                char what[400];
                memset(&options, 0, sizeof options);
                options.format = (asm_wire_format)f;
                options.with_content = true;
                expect(write_events(in, count, last, &options, &written) == ASM_OK, "%s", path);
                snprintf(what, sizeof what, "%s after %zu of %zu, ending %d, %s", path, count, in->count,
                         number, asm_wire_format_name(options.format).data);
                streams_written++;
                if (prints) {
                    printf("%s\t%s\t%zu\n", asm_wire_format_name(options.format).data, what, written.size);
                    fwrite(written.data, 1, written.size, stdout);
                } else {
                    check_one(in, count, last, options.format, asm_buffer_text(&written), what);
                }
            }
    }
    asm_buffer_close(&written);
}

static void take_file(const char *path, size_t cuts) {
    const asm_str text = file_text(path);
    events in;
    if (events_of(&in, ASM_FORMAT_AUTO, text) && in.count) take_stream(&in, path, cuts);
    free_events(&in);
    counted_free((void *)(uintptr_t)text.data);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All files below a folder, in the order of their names. Returns how many. */
static size_t take_folder(const char *folder, const char *suffix, size_t cuts, bool deep) {
    DIR *directory = opendir(folder);
    struct dirent *entry;
    char **names = NULL;
    size_t count = 0, taken = 0;
    if (!directory) return 0;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        names = (char **)realloc(names, (count + 1) * sizeof *names);
        assert_non_null(names);
        names[count] = (char *)malloc(strlen(folder) + strlen(entry->d_name) + 2);
        assert_non_null(names[count]);
        sprintf(names[count++], "%s/%s", folder, entry->d_name);
    }
    closedir(directory);
    if (count) qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(names[i]);
        struct stat status;
        if (stat(names[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            if (deep) taken += take_folder(names[i], suffix, cuts, deep);
        } else if (size >= strlen(suffix) && !strcmp(names[i] + size - strlen(suffix), suffix)) {
            take_file(names[i], cuts);
            taken++;
        }
        free(names[i]);
    }
    free(names);
    return taken;
}

static size_t take_all(size_t cuts) {
    const char *streams = getenv("WIRE_STREAMS"), *number = getenv("WIRE_SEED");
    seed = number ? strtoull(number, NULL, 10) : 0;
    if (streams && *streams) return take_folder(streams, "", cuts, true);
    return (prints ? take_folder("tests/wire", ".sse", cuts, false) : 0) +
           take_folder("tests/golden", ".events.jsonl", cuts, false) +
           take_folder("tests/ingest", ".jsonl", cuts, false) +
           take_folder("examples/data", ".jsonl", cuts, false);
}

static void test_content(void **state) {
    (void)state;
    assert_true(take_all(share_of(CUTS)) > 0);
    if (getenv("WIRE_STREAMS"))
        print_message("seed %llu: %zu streams written, %zu facts, %zu texts looked for\n",
                      (unsigned long long)seed, streams_written, facts_looked_at, texts_looked_at);
    end_of_cases();
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_content)};
    if (argc == 3 && !strcmp(argv[1], "--print")) {
        prints = true;
        return take_all((size_t)atoi(argv[2])) == 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
