/* Untrusted text through every renderer and sink: nothing comes out but neutral text and the renderer's own colours,
 * which never stand in the middle of somebody else's text. An input: a byte of options, then events: a byte for the
 * type, then texts, each with a byte for its size before it. With WITH_VTERM a terminal emulator has to agree. */
#include "fuzz.h"

#include "asm_render.h"

#ifdef WITH_VTERM
#include <vterm.h>
#endif

enum { MAX_EVENTS = 8, JSON_SIZE = 4096 };

/* ---- Events ---- */

static asm_str take_text(fuzz_input *input) {
    size_t size = fuzz_byte(input);
    if (size == 0 && input->left == 0) return asm_str_make(NULL, 0);
    if (size > input->left) size = input->left;
    const asm_str text = asm_str_make(input->left ? input->at : "", size);
    input->at += size;
    input->left -= size;
    return text;
}

/* An object of texts under the names that tools use; or the text itself, if that is JSON. */
static asm_str take_json(fuzz_input *input, asm_buffer *memory) {
    static const char *const names[] = {"command", "file_path", "pattern", "todos"};
    const asm_str text = take_text(input);
    asm_json_writer writer;
    const size_t begin = memory->size;
    if (asm_json_check(text, NULL) == ASM_OK) return text;
    asm_json_writer_init(&writer, memory);
    asm_json_begin_object(&writer);
    for (size_t i = 0; i < COUNT(names); i++) {
        asm_json_write_key(&writer, asm_str_from(names[(i + text.size) % COUNT(names)]));
        asm_json_write_string(&writer, i ? take_text(input) : text);
    }
    asm_json_write_key(&writer, take_text(input));
    asm_json_write_null(&writer);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) return asm_str_make(NULL, 0);
    return asm_str_make(memory->data + begin, memory->size - begin);
}

static asm_str take_json_of(fuzz_input *input, asm_buffer *memory, asm_json_type type) {
    const asm_str json = take_json(input, memory);
    return asm_json_type_of(json) == type ? json : asm_str_make(NULL, 0);
}

static void fill_message(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->message.delta = take_text(input);
    event->message.content = take_text(input);
    event->message.role = take_text(input);
    event->message.message_id = take_text(input);
    event->message.parent_tool_call_id = take_text(input);
    event->message.reason = take_text(input);
    const unsigned chosen = fuzz_byte(input);
    event->message.thinking.is_set = event->message.thinking.value = chosen % 4 == 1;
    event->message.incomplete.is_set = event->message.incomplete.value = (chosen & 4) != 0;
}
static void fill_tool(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->tool.name = take_text(input);
    event->tool.call_id = take_text(input);
    event->tool.input = take_json(input, memory);
    event->tool.output = take_text(input);
    event->tool.display_text = take_text(input);
    event->tool.error_message = take_text(input);
    event->tool.status = take_text(input);
    if (event->tool.output.size == 0) event->tool.output_json = take_json(input, memory);
    if (fuzz_byte(input) % 2 == 0) return;
    event->tool.agent_kind = take_text(input);
    event->tool.parent_tool_call_id = take_text(input);
    event->tool.changes = take_json_of(input, memory, ASM_JSON_ARRAY);
    event->tool.result = take_json(input, memory);
    event->tool.token_usage = take_json_of(input, memory, ASM_JSON_OBJECT);
    event->tool.exit_code = ASM_INT64((int64_t)fuzz_byte(input) - 1);
    event->tool.duration_ms = ASM_DOUBLE(fuzz_byte(input) * 1e5);
}
static void fill_approval(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->approval.tool_name = take_text(input);
    event->approval.tool_call_id = take_text(input);
    event->approval.policy_name = take_text(input);
    event->approval.reason = take_text(input);
    event->approval.tool_input = take_json(input, memory);
    event->approval.kind = fuzz_byte(input) % 2 ? ASM_STR("question") : ASM_STR("tool");
    event->approval.options = take_json_of(input, memory, ASM_JSON_ARRAY);
    event->approval.answer = take_json(input, memory);
    event->approval.decision = take_text(input);
}
static void fill_usage(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->usage.input_tokens = ASM_INT64((int64_t)fuzz_byte(input) << 40);
    event->usage.output_tokens = ASM_INT64(-(int64_t)fuzz_byte(input));
    event->usage.cost_usd = ASM_DOUBLE(fuzz_byte(input) / 7.0);
    event->usage.model = take_text(input);
}
static void fill_run(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->run.model = take_text(input);
    event->run.cwd = take_text(input);
    event->run.stop_reason = take_text(input);
    event->run.error_code = take_text(input);
    event->run.error_message = take_text(input);
    event->run.tools = take_json(input, memory);
    event->run.provider_error = take_json(input, memory);
    event->run.title = take_text(input);
    event->run.git_branch = take_text(input);
    event->run.token_usage = take_json_of(input, memory, ASM_JSON_OBJECT);
    event->run.permission_denials = take_json(input, memory);
}
static void fill_error(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->error.code = take_text(input);
    event->error.message = take_text(input);
    event->error.details = take_json(input, memory);
}
static void fill_step(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->step.step_number = ASM_INT64((int64_t)fuzz_byte(input));
    event->step.finish_reason = take_text(input);
}
static void fill_continuation(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->continuation.stop_reason = take_text(input);
    event->continuation.resolved_by = take_text(input);
}
static void fill_status(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->status.status = take_text(input);
    event->status.previous_status = take_text(input);
    event->status.error_message = take_text(input);
    event->status.last_response = take_text(input);
    event->status.data = take_json(input, memory);
}
static void fill_todos(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->todos.todos = take_json(input, memory);
}
static void fill_shutdown(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->shutdown.agent_id = take_text(input);
    event->shutdown.reason = take_text(input);
    event->shutdown.shutdown_at = take_text(input);
}
static void fill_display(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->display.display_message = take_json(input, memory);
    event->display.tool_call_id = take_text(input);
    event->display.status = take_text(input);
}
static void fill_state(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->state.state = take_json(input, memory);
}
static void fill_node(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->node.from_node = take_text(input);
    event->node.to_node = take_text(input);
}
static void fill_middleware(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->middleware.middleware = take_text(input);
    event->middleware.action = take_text(input);
    event->middleware.data = take_json(input, memory);
}
static void fill_policy(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    (void)memory;
    event->policy.policy = take_text(input);
    event->policy.kind = take_text(input);
    event->policy.message = take_text(input);
}
static void fill_none(asm_event *event, fuzz_input *input, asm_buffer *memory) {
    event->extra = take_json(input, memory);
    if (asm_json_type_of(event->extra) != ASM_JSON_OBJECT) event->extra = asm_str_make(NULL, 0);
}

static asm_event take_event(fuzz_input *input, asm_buffer *memory) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = (asm_event_type)(fuzz_byte(input) % ASM_EVENT_TYPE_COUNT);
    switch (event.type) {
#define FILL(name, text, code, member)                                                                       \
    case ASM_EVENT_##name:                                                                                   \
        fill_##member(&event, input, memory);                                                                \
        break;
        ASM_EVENT_TYPES(FILL)
#undef FILL
    default:
        event.type_name = take_text(input);
        event.notice.text = take_text(input);
        event.notice.level = take_text(input);
        event.notice.code = take_text(input);
        event.notice.resets_at = take_text(input);
        event.notice.attempt.is_set = fuzz_byte(input) % 4 == 0;
        fill_none(&event, input, memory);
    }
    event.session_id = take_text(input);
    event.run_id = take_text(input);
    event.agent_id = take_text(input);
    event.time = (asm_time)fuzz_byte(input) << 40;
    return event;
}

/* ---- What comes out ---- */

typedef struct outputs {
    asm_buffer terminal, file, records;
} outputs;

static asm_result append_to(void *user, const char *data, size_t size) {
    return asm_buffer_append((asm_buffer *)user, asm_str_make(data, size));
}

static void render(asm_renderer renderer, const asm_event *events, size_t count, size_t buffer_size,
                   outputs *out) {
    asm_tty_sink tty;
    asm_file_sink file;
    asm_jsonl_sink records;
    asm_tty_sink_options tty_options;
    asm_file_sink_options file_options;
    asm_jsonl_sink_options records_options;
    asm_pipeline_options options;
    asm_pipeline pipeline;
    asm_sink sinks[3];
    char *memory = exact_block(buffer_size);
    asm_buffer_init_growing(&out->terminal);
    asm_buffer_init_growing(&out->file);
    asm_buffer_init_growing(&out->records);
    memset(&tty_options, 0, sizeof tty_options);
    memset(&file_options, 0, sizeof file_options);
    memset(&records_options, 0, sizeof records_options);
    tty_options.output.write = file_options.output.write = records_options.output.write = append_to;
    tty_options.output.user = &out->terminal;
    file_options.output.user = &out->file;
    records_options.output.user = &out->records;
    sinks[0] = asm_tty_sink_init(&tty, &tty_options);
    sinks[1] = asm_file_sink_init(&file, &file_options);
    sinks[2] = asm_jsonl_sink_init(&records, &records_options);
    memset(&options, 0, sizeof options);
    options.renderer = renderer;
    options.sinks = sinks;
    options.sink_count = 3;
    options.buffer = buffer_size ? memory : NULL;
    options.buffer_size = buffer_size;
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    for (size_t i = 0; i < count; i++) {
        asm_pipeline_event(&pipeline, &events[i]);
        if (i % 2) asm_pipeline_tick(&pipeline, events[i].time + 5000000);
    }
    const asm_result result = asm_pipeline_close(&pipeline);
    expect(result == ASM_OK, "%s: %s", pipeline.failed, asm_result_string(result));
    free_block(memory, buffer_size);
}

static void close_outputs(outputs *out) {
    asm_buffer_close(&out->terminal);
    asm_buffer_close(&out->file);
    asm_buffer_close(&out->records);
}

/* The size of a sequence of our own at `text`, 0 if there is none: colours, and lines that are taken back. */
static size_t own_sequence(asm_str text) {
    size_t size = 2;
    if (text.size >= 8 && memcmp(text.data, "\r\033[", 3) == 0) {
        for (size = 3; size < text.size && text.data[size] >= '0' && text.data[size] <= '9';)
            size++;
        return text.size >= size + 4 && memcmp(text.data + size, "A\033[J", 4) == 0 ? size + 4 : 0;
    }
    if (text.size < 3 || memcmp(text.data, "\033[", 2) != 0) return 0;
    while (size < text.size && ((text.data[size] >= '0' && text.data[size] <= '9') || text.data[size] == ';'))
        size++;
    return size < text.size && text.data[size] == 'm' ? size + 1 : 0;
}

static void without_own_sequences(asm_str text, asm_buffer *out) {
    for (size_t at = 0; at < text.size;) {
        const size_t size = own_sequence(asm_str_make(text.data + at, text.size - at));
        if (size == 0) asm_buffer_append_byte(out, text.data[at]);
        at += size ? size : 1;
    }
}

/* ---- The terminal emulator ---- */

#ifdef WITH_VTERM
static int on_text(const char *bytes, size_t size, void *user) {
    (void)bytes;
    (void)user;
    return (int)size;
}
static int on_control(unsigned char control, void *user) {
    (void)user;
    expect(control == '\n' || control == '\r' || control == '\t', "control %02X", control);
    return 1;
}
static int on_escape(const char *bytes, size_t size, void *user) {
    (void)user;
    expect(false, "escape %s", shown(asm_str_make(bytes, size)));
    return 1;
}
static int on_csi(const char *leader, const long arguments[], int count, const char *intermediate,
                  char command, void *user) {
    (void)user;
    const bool is_plain = (leader == NULL || !*leader) && (intermediate == NULL || !*intermediate);
    expect(is_plain &&
               (command == 'm' || command == 'A' || (command == 'J' && (count == 0 || arguments[0] <= 0))),
           "CSI %c", command);
    return 1;
}

/* What the terminal does with the text is to show it, in colours, and to begin lines anew. */
static void check_terminal(asm_str text) {
    static VTerm *terminal;
    VTermParserCallbacks callbacks;
    memset(&callbacks, 0, sizeof callbacks);
    callbacks.text = on_text;
    callbacks.control = on_control;
    callbacks.escape = on_escape;
    callbacks.csi = on_csi;
    if (!terminal) terminal = vterm_new(24, 80);
    assert_non_null(terminal);
    vterm_set_utf8(terminal, 1);
    vterm_parser_set_callbacks(terminal, &callbacks, NULL);
    expect(vterm_input_write(terminal, text.data, text.size) == text.size, "%s", shown(text));
    vterm_input_write(terminal, "\033[0m", 4); /* is an open string sequence left behind? */
}
#else
static void check_terminal(asm_str text) {
    (void)text;
}
#endif

/* ---- The checks ---- */

typedef struct look {
    asm_compact compact;
    asm_verbose verbose;
    asm_studio studio;
} look;

static asm_renderer renderer_of(look *memory, int which, const asm_render_options *options) {
    return which == 0   ? asm_compact_init(&memory->compact, options)
           : which == 1 ? asm_verbose_init(&memory->verbose, options)
                        : asm_studio_init(&memory->studio, options);
}

static void check_records(asm_str records) {
    for (size_t at = 0; at < records.size;) {
        uint32_t c;
        bool valid;
        at += reference_decode(records.data + at, records.size - at, &c, &valid);
        expect(valid && (c == '\n' || (c >= 0x20 && (c < 0x7F || c > 0x9F))), "U+%04X in %s", (unsigned)c,
               shown(records));
    }
}

/* Nothing that an 8-bit terminal would take for a control: U+00DB is C3 9B in UTF-8, and 9B begins a sequence. */
static void check_ascii(asm_str text) {
    for (size_t i = 0; i < text.size; i++)
        expect((unsigned char)text.data[i] < 0x80, "%s", shown(text));
}

/* Whether a line could be one of the renderer's own: studio's begin with their symbol at the indent, verbose's with a
 * bracket or a rule. */
static bool looks_like_ours(int which, asm_str line) {
    if (which == 1)
        return line.size > 0 && (line.data[0] == '[' || (line.size >= 3 && memcmp(line.data, "---", 3) == 0));
    return line.size > 0 && (line.size < 4 || memcmp(line.data, "    ", 4) != 0);
}

/* A text that says what it likes, between two of our lines: as many of its lines look like ours as without it. */
static size_t count_ours(int which, asm_str text) {
    static look memory;
    asm_render_options options;
    asm_event events[3];
    outputs out;
    size_t count = 0, begin = 0;
    memset(&options, 0, sizeof options);
    memset(events, 0, sizeof events);
    options.color = options.tty = ASM_SETTING_OFF;
    events[0].type = ASM_EVENT_RUN_STARTED;
    events[1].type = ASM_EVENT_MESSAGE_STREAMED;
    events[1].message.delta = text;
    events[2].type = ASM_EVENT_RUN_COMPLETED;
    render(renderer_of(&memory, which, &options), events, 3, 0, &out);
    for (size_t i = 0; i < out.terminal.size; i++)
        if (out.terminal.data[i] == '\n') {
            count += looks_like_ours(which, asm_str_make(out.terminal.data + begin, i - begin));
            begin = i + 1;
        }
    close_outputs(&out);
    return count;
}

static void check_forging(asm_str text) {
    for (int which = 1; which < 3; which++)
        expect(count_ours(which, text) <= count_ours(which, ASM_STR("x")), "%d: %s", which, shown(text));
}

static void check_renderer(int which, asm_render_options options, const asm_event *events, size_t count) {
    static look memory;
    outputs plain, pieces, colored, overwriting;
    asm_buffer text;
    asm_buffer_init_growing(&text);
    options.color = options.tty = ASM_SETTING_OFF;
    render(renderer_of(&memory, which, &options), events, count, 0, &plain);
    expect(is_neutral(asm_buffer_text(&plain.terminal)), "%s", shown(asm_buffer_text(&plain.terminal)));
    if (options.ascii == ASM_SETTING_ON) check_ascii(asm_buffer_text(&plain.terminal));
    check_terminal(asm_buffer_text(&plain.terminal));
    check_records(asm_buffer_text(&plain.records));

    render(renderer_of(&memory, which, &options), events, count, ASM_BUFFER_STREAM_MIN, &pieces);
    expect_text(asm_buffer_text(&pieces.terminal), asm_buffer_text(&plain.terminal));

    options.color = ASM_SETTING_ON;
    render(renderer_of(&memory, which, &options), events, count, 0, &colored);
    without_own_sequences(asm_buffer_text(&colored.terminal), &text);
    if (which < 2) { /* studio reads Markdown for its colours */
        expect_text(asm_buffer_text(&text), asm_buffer_text(&plain.terminal));
        expect_text(asm_buffer_text(&colored.file), asm_buffer_text(&plain.file));
    }
    expect(is_neutral(asm_buffer_text(&text)), "%s", shown(asm_buffer_text(&text)));
    check_terminal(asm_buffer_text(&colored.terminal));

    options.tty = ASM_SETTING_ON;
    render(renderer_of(&memory, which, &options), events, count, 0, &overwriting);
    asm_buffer_clear(&text);
    without_own_sequences(asm_buffer_text(&overwriting.terminal), &text);
    expect(is_neutral(asm_buffer_text(&text)), "%s", shown(asm_buffer_text(&text)));
    expect(is_neutral(asm_buffer_text(&overwriting.file)), "%s", shown(asm_buffer_text(&overwriting.file)));
    check_terminal(asm_buffer_text(&overwriting.terminal));

    close_outputs(&plain);
    close_outputs(&pieces);
    close_outputs(&colored);
    close_outputs(&overwriting);
    asm_buffer_close(&text);
}

/* A text alone, in every way that is not raw. */
static void check_text(asm_str text) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    for (unsigned flags = 0; flags < 8; flags++) {
        if (flags & ASM_TEXT_RAW) continue;
        for (size_t count = 0; count < 12; count += 3) {
            asm_buffer_clear(&out);
            asm_text_append_cut(&out, text, count ? count : SIZE_MAX, flags);
            expect(is_neutral(asm_buffer_text(&out)), "%s", shown(asm_buffer_text(&out)));
            if (flags & ASM_TEXT_ASCII) check_ascii(asm_buffer_text(&out));
            if (flags & ASM_TEXT_LINE)
                expect(out.size == 0 || memchr(out.data, '\n', out.size) == NULL, "%s",
                       shown(asm_buffer_text(&out)));
            check_terminal(asm_buffer_text(&out));
        }
    }
    asm_buffer_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = fuzz_begin(data, size < 2048 ? size : 2048);
    const unsigned chosen = fuzz_byte(&input);
    asm_event events[MAX_EVENTS];
    asm_render_options options;
    asm_buffer memory;
    char *block = (char *)malloc(JSON_SIZE);
    size_t count = 0;
    assert_non_null(block);
    asm_buffer_init_fixed(&memory, block, JSON_SIZE);
    memset(&options, 0, sizeof options);
    options.ascii = chosen & 1 ? ASM_SETTING_ON : ASM_SETTING_OFF;
    options.show_thinking = (chosen & 2) != 0;
    options.tool_output = (asm_tool_output)((chosen >> 2) % 3);
    options.indent = (int)(chosen >> 4) - 1;
    options.columns = chosen & 32 ? 20 + (int)(chosen >> 3) : 0;
    options.show_prompts = options.show_thinking;
    options.show_times = (asm_times)(chosen % 3);
    check_text(asm_str_make(input.left ? input.at : "", input.left < 64 ? input.left : 64));
    check_forging(asm_str_make(input.left ? input.at : "", input.left < 256 ? input.left : 256));
    while (input.left != 0 && count < MAX_EVENTS)
        events[count++] = take_event(&input, &memory);
    for (int which = 0; which < 3; which++)
        check_renderer(which, options, events, count);
    free(block);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
