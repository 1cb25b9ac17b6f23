/* The state of agents: export and restore, stores, middleware, presence, what is told to those who debug. */
#include "agent_support.h"

#define ID(literal) asm_str_from(literal)

static char exported[1 << 16];

static asm_str export_state(asm_str id) {
    asm_buffer out;
    asm_buffer_init_fixed(&out, exported, sizeof exported);
    assert_int_equal(asm_agent_export_state(&server, id, &out), ASM_OK);
    return asm_buffer_text(&out);
}

static asm_agent_info info_of(asm_str id) {
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, id, &info), ASM_OK);
    return info;
}

/* ============================================================================================
 * Export and restore
 */

static void test_an_empty_state(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_script("a1", &s);
    expect_text(
        export_state(A1),
        ID("{\"version\":1,\"status\":\"idle\",\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{}},"
           "\"serialized_at\":\"2026-02-09T12:00:00.000Z\"}"));
    asm_buffer out;
    char memory[8];
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    assert_int_equal(asm_agent_export_state(&server, A1, &out), ASM_ERR_NO_SPACE);
    assert_int_equal(out.size, 0);
    assert_int_equal(asm_agent_export_state(&server, A2, &out), ASM_ERR_NOT_FOUND);
    end_of_cases();
}

static const asm_turn messages[] = {
    {.role = TEXT("user"), .content = TEXT("line 1\nline \"2\" \xF0\x9F\x98\x80")},
    {.role = TEXT("assistant"),
     .tool_calls = TEXT("[ {\"id\" : \"c1\"} ]"),
     .extra = TEXT("{\"model\":\"m\",\"k\\n\":[]}"),
     .message_id = TEXT("m1"),
     .is_incomplete = true},
    {.role = TEXT("tool"),
     .content = TEXT(""),
     .tool_results = TEXT("[{\"tool_call_id\":\"c1\",\"output\":1.50}]")},
};
static const asm_todo todos[] = {{TEXT("1"), TEXT("Look"), TEXT("in_progress"), {NULL, 0}},
                                 {TEXT("2"), TEXT(""), TEXT("cancelled"), TEXT("{\"by\":\"noon\"}")}};
static const asm_middleware_state middleware_states[] = {{TEXT("title"), TEXT("{\"title\": \"x\"}")},
                                                         {TEXT("a\"b"), TEXT("null")}};
static const asm_agent_state full_state = {
    messages, 3, todos, 2, middleware_states, 2, TEXT("{ \"theme\": \"dark\" }"), NULL, 0};

static const char full_json[] =
    "{\"version\":1,\"status\":\"idle\",\"state\":{\"messages\":["
    "{\"role\":\"user\",\"content\":\"line 1\\nline \\\"2\\\" \xF0\x9F\x98\x80\"},"
    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\"}],\"message_id\":\"m1\","
    "\"incomplete\":true,\"model\":\"m\",\"k\\n\":[]},"
    "{\"role\":\"tool\",\"content\":\"\",\"tool_results\":[{\"tool_call_id\":\"c1\",\"output\":1.50}]}],"
    "\"todos\":[{\"id\":\"1\",\"content\":\"Look\",\"status\":\"in_progress\"},"
    "{\"id\":\"2\",\"content\":\"\",\"status\":\"cancelled\",\"by\":\"noon\"}],"
    "\"metadata\":{\"theme\":\"dark\"},\"middleware\":{\"title\":{\"title\":\"x\"},\"a\\\"b\":null}},"
    "\"serialized_at\":\"2026-02-09T12:00:00.000Z\"}";

static void test_a_full_state(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.initial_state = &full_state;
    start_agent(&options);
    expect_text(export_state(A1), ID(full_json));
    /* Under another id, by both ways, and the same bytes again. */
    options = options_for("a2", &s);
    options.exported_state = ID(full_json);
    start_agent(&options);
    expect_text(export_state(A2), ID(full_json));
    start_script("a3", &s);
    assert_int_equal(asm_agent_restore_state(&server, ID("a3"), ID(full_json)), ASM_OK);
    expect_text(export_state(ID("a3")), ID(full_json));
    const asm_agent_state view = info_of(ID("a3")).state;
    assert_int_equal(view.turn_count, 3);
    for (size_t i = 0; i < 3; i++) {
        expect_text(view.turns[i].role, messages[i].role);
        expect_text(view.turns[i].content, messages[i].content);
        assert_int_equal(view.turns[i].content.data == NULL, messages[i].content.data == NULL);
    }
    expect_text(view.turns[1].extra, messages[1].extra);
    expect_text(view.todos[1].extra, todos[1].extra);
    expect_text(view.middleware[1].middleware, ID("a\"b"));
    /* The state is the agent's own: neither the id nor the time is in it. */
    asm_agent_server_set_time(&server, T0 + 60 * SECOND, now);
    asm_str again = export_state(ID("a3"));
    assert_non_null(strstr(again.data, "\"serialized_at\":\"2026-02-09T12:01:00.000Z\"}"));
    end_of_cases();
}

static void test_states_that_do_not_do(void **state) {
    (void)state;
    static const struct {
        const char *json;
        asm_result expected;
    } cases[] = {
        {"", ASM_ERR_SYNTAX},
        {"[]", ASM_ERR_TYPE},
        {"null", ASM_ERR_TYPE},
        {"{}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"state\":{}}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":2,\"state\":{}}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":\"1\",\"state\":{}}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1,\"state\":[]}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{}", ASM_ERR_SYNTAX},
        {"{\"version\":1,\"state\":{}}x", ASM_ERR_SYNTAX},
        {"{\"version\":1,\"state\":{\"messages\":{}}}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{\"messages\":[7]}}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{\"messages\":[{}]}}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1,\"state\":{\"messages\":[{\"role\":null}]}}", ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1,\"state\":{\"messages\":[{\"role\":7}]}}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{\"messages\":[{\"role\":\"user\",\"tool_calls\":{}}]}}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{\"messages\":[{\"role\":\"user\",\"content\":\"\xFF\"}]}}", ASM_ERR_UTF8},
        {"{\"version\":1,\"state\":{\"todos\":[{\"id\":\"1\",\"content\":\"x\"}]}}",
         ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1,\"state\":{\"todos\":[{\"id\":\"1\",\"content\":\"x\",\"status\":\"done\"}]}}",
         ASM_ERR_INVALID_ARGUMENT},
        {"{\"version\":1,\"state\":{\"metadata\":[]}}", ASM_ERR_TYPE},
        {"{\"version\":1,\"state\":{\"middleware\":[]}}", ASM_ERR_TYPE},
    };
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.initial_state = &full_state;
    start_agent(&options);
    s.outcomes[0] = (scripted){.kind = ASM_OUTCOME_FAILED};
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    forget_log();
    for (size_t i = 0; i < COUNT(cases); i++) {
        server.error[0] = 0;
        const asm_result result = asm_agent_restore_state(&server, A1, ID(cases[i].json));
        expect(result == cases[i].expected, "%s: %d", cases[i].json, result);
        expect(server.error[0] != 0, "%s: no text", cases[i].json);
        options = options_for("a2", &s);
        options.exported_state = ID(cases[i].json);
        expect(asm_agent_start(&server, &options) == result, "%s", cases[i].json);
    }
    expect_log("");
    expect_status(A1, ASM_AGENT_ERROR);
    expect_status(A2, ASM_AGENT_NOT_RUNNING);
    static char expected[sizeof full_json + 8];
    sprintf(expected, "{\"version\":1,\"status\":\"error\"%s", strstr(full_json, ",\"state\":"));
    expect_text(export_state(A1), ID(expected));
    end_of_cases();
}

/* Strings that are unescaped one after the other must not move while the record is put together. */
static void test_many_long_strings_with_escapes(void **state) {
    (void)state;
    script s = {.calls = 0};
    static char text[1000];
    memset(text, 'x', sizeof text);
    text[0] = '\n';
    start_script("a1", &s);
    for (size_t size = 1; size < sizeof text; size++) {
        const asm_turn message = {.role = {text, size}, .content = {text, size}, .message_id = {text, size}};
        assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
        log_is_off = true;
        assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
        const asm_str once = export_state(A1);
        char *copy = exact_copy(once.data, once.size);
        assert_int_equal(asm_agent_restore_state(&server, A1, asm_str_make(copy, once.size)), ASM_OK);
        expect_text(export_state(A1), asm_str_make(copy, once.size));
        free_block(copy, once.size);
    }
    end_of_cases();
}

static void test_what_is_not_known_or_null(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_script("a1", &s);
    assert_int_equal(
        asm_agent_restore_state(
            &server, A1,
            ID("{\"from\":\"elsewhere\",\"version\":1,\"state\":{\"messages\":[{\"id\":\"m1\",\"role\":\"x\","
               "\"role\":\"user\",\"tool_calls\":null,\"content\":null}],\"todos\":null,\"metadata\":null,"
               "\"middleware\":{},\"files\":[]},\"serialized_at\":7}")),
        ASM_OK);
    expect_text(
        export_state(A1),
        ID("{\"version\":1,\"status\":\"idle\",\"state\":{\"messages\":[{\"role\":\"user\",\"content\":null,"
           "\"id\":\"m1\"}],\"todos\":[],\"metadata\":{}},"
           "\"serialized_at\":\"2026-02-09T12:00:00.000Z\"}"));
    end_of_cases();
}

/* Whatever bytes come: they are refused and nothing changes, or they are a state, which exports and restores
 * to itself. */
static void test_restore_of_any_bytes(void **state) {
    (void)state;
    script s = {.calls = 0};
    static char bytes[sizeof full_json + 64], before[1 << 14], first[1 << 14];
    uint64_t random = 3;
    size_t taken = 0;
    log_is_off = true;
    start_script("a1", &s);
    assert_int_equal(asm_agent_restore_state(&server, A1, ID(full_json)), ASM_OK);
    for (int round = 0; round < 30000; round++) {
        size_t size = sizeof full_json - 1;
        memcpy(bytes, full_json, size);
        for (unsigned change = 1 + (unsigned)(next_random(&random) % 3); change > 0; change--) {
            const size_t at = (size_t)(next_random(&random) % size);
            switch (next_random(&random) % 4) {
            case 0:
                bytes[at] = (char)next_random(&random);
                break;
            case 1:
                bytes[at] = "{}[]\",:\\0n"[next_random(&random) % 10];
                break;
            case 2:
                memmove(bytes + at, bytes + at + 1, size - at - 1);
                size--;
                break;
            default:
                memmove(bytes + at + 1, bytes + at, size - at);
                bytes[at] = full_json[next_random(&random) % (sizeof full_json - 1)];
                size++;
                break;
            }
        }
        const asm_str old = export_state(A1);
        memcpy(before, old.data, old.size);
        const size_t before_size = old.size;
        char *exact = exact_copy(bytes, size);
        const asm_result result = asm_agent_restore_state(&server, A1, asm_str_make(exact, size));
        free_block(exact, size);
        const asm_str now_there = export_state(A1);
        if (result != ASM_OK) {
            expect_text(now_there, asm_str_make(before, before_size));
            continue;
        }
        taken++;
        memcpy(first, now_there.data, now_there.size);
        const asm_str once = asm_str_make(first, now_there.size);
        assert_int_equal(asm_agent_restore_state(&server, A1, once), ASM_OK);
        expect_text(export_state(A1), once);
    }
    end_of_cases();
    assert_true(taken > 1000);
}

static void test_initial_states_that_do_not_do(void **state) {
    (void)state;
    script s = {.calls = 0};
    static const asm_todo bad_todo = {TEXT("1"), TEXT("x"), TEXT("done"), {NULL, 0}};
    static const asm_turn bad_message = {.content = TEXT("no role")};
    const asm_agent_state bad[] = {{.todos = &bad_todo, .todo_count = 1},
                                   {.turns = &bad_message, .turn_count = 1},
                                   {.metadata = TEXT("[]")}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        asm_agent_options options = options_for("a1", &s);
        options.initial_state = &bad[i];
        assert_int_equal(asm_agent_start(&server, &options),
                         i == 2 ? ASM_ERR_TYPE : ASM_ERR_INVALID_ARGUMENT);
        assert_non_null(strstr(server.error, "the initial state is not valid"));
    }
}

static void test_metadata_and_middleware_state(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_script("a1", &s);
    assert_int_equal(asm_agent_set_metadata(&server, A1, ID("{\"a\":1}")), ASM_OK);
    assert_int_equal(asm_agent_set_metadata(&server, A1, ID("[]")), ASM_ERR_TYPE);
    assert_int_equal(asm_agent_set_metadata(&server, A1, ID("{")), ASM_ERR_SYNTAX);
    expect_text(info_of(A1).state.metadata, ID("{\"a\":1}"));
    assert_int_equal(asm_agent_set_metadata(&server, A1, asm_str_make(NULL, 0)), ASM_OK);
    assert_null(info_of(A1).state.metadata.data);
    const asm_str none = {NULL, 0};
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("x"), none), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("x"), ID("1")), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("y"), ID("2")), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("z"), ID("3")), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("x"), ID("4")), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("x"), ID("{")), ASM_ERR_SYNTAX);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("y"), none), ASM_OK);
    const asm_agent_state view = info_of(A1).state;
    assert_int_equal(view.middleware_count, 2);
    expect_text(view.middleware[0].middleware, ID("x"));
    expect_text(view.middleware[0].state, ID("4"));
    expect_text(view.middleware[1].middleware, ID("z"));
    end_of_cases();
}

static asm_result todo_results[4];

static void emit_todos(script *s, asm_execution execution) {
    static const asm_todo bad[] = {{TEXT("1"), TEXT("x"), TEXT("pending"), {NULL, 0}},
                                   {TEXT("2"), TEXT("x"), TEXT("waiting"), {NULL, 0}}};
    (void)s;
    todo_results[0] = asm_emit_todos(execution, todos, 2);
    todo_results[1] = asm_emit_todos(execution, bad, 2);
    todo_results[2] = info_of(A1).state.todo_count == 2 ? ASM_OK : ASM_ERR_TYPE;
    todo_results[3] = asm_emit_todos(execution, NULL, 0);
}

static void test_todos_are_a_snapshot(void **state) {
    (void)state;
    script s = {.hook = emit_todos};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    assert_int_equal(todo_results[0], ASM_OK);
    assert_int_equal(todo_results[1], ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(todo_results[2], ASM_OK); /* a bad list changes nothing */
    assert_int_equal(todo_results[3], ASM_OK);
    assert_int_equal(info_of(A1).state.todo_count, 0);
    expect_log("a1 todos_updated {\"todos\":[{\"id\":\"1\",\"content\":\"Look\",\"status\":\"in_progress\"},"
               "{\"id\":\"2\",\"content\":\"\",\"status\":\"cancelled\",\"by\":\"noon\"}]}\n"
               "a1 todos_updated {\"todos\":[]}\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
}

/* ============================================================================================
 * Stores
 */

static struct {
    asm_result save, load, display;
    const char *loaded, *display_saved;
} store;

static asm_result save(void *user, asm_str id, asm_str conversation, const asm_snapshot *snapshot) {
    char line[256];
    assert_ptr_equal(user, &store);
    assert_int_equal(asm_json_check(snapshot->state, NULL), ASM_OK);
    assert_null(snapshot->changes.data); /* nothing could be appended */
    sprintf(line, "save %.*s %.*s %s", (int)id.size, id.data, (int)conversation.size, conversation.data,
            asm_save_reason_name(snapshot->reason));
    if (!log_is_off) log_line(line);
    return store.save;
}

static asm_result load(void *user, asm_str id, asm_str conversation, asm_buffer *json) {
    assert_ptr_equal(user, &store);
    expect_text(id, A1);
    expect_text(conversation, ID("conv"));
    asm_buffer_append(json, asm_str_from(store.loaded));
    return store.load;
}

static const asm_state_store state_store = {.save = save, .load = load, .user = &store};

static asm_agent_options stored_options(script *s) {
    asm_agent_options options = options_for("a1", s);
    options.state_store = &state_store;
    options.conversation_id = ID("conv");
    memset(&store, 0, sizeof store);
    store.load = ASM_ERR_NOT_FOUND;
    store.loaded = "";
    return options;
}

#define QUESTION "\"request_id\":\"1\",\"interrupt\":1,\"kind\":\"question\",\"tool_input\":null"

static void test_when_states_are_saved(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_PAUSED},
                             {.kind = ASM_OUTCOME_COMPLETED},
                             {.kind = ASM_OUTCOME_INTERRUPTED},
                             {.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no")}}};
    asm_agent_options options = stored_options(&s);
    start_agent(&options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        poll_server();
    }
    assert_int_equal(asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":1}")), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_save_state(&server, A1, ASM_SAVE_ON_TITLE_GENERATED), ASM_OK);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_completion\n"
               "a1 status_changed {\"status\":\"paused\"}\n"
               "save a1 conv on_decision\n"
               "a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_completion\n"
               "a1 status_changed {\"status\":\"idle\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_interrupt\n"
               "a1 status_changed {\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"question\":null}}\n"
               "a1 tool_approval_requested {" QUESTION "}\n"
               "save a1 conv on_decision\n"
               "a1 tool_approval_granted {" QUESTION ",\"decision\":\"answer\",\"answer\":1}\n"
               "a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_error\n"
               "a1 status_changed {\"status\":\"error\",\"data\":\"no\",\"error_message\":\"no\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_cancel\n"
               "a1 status_changed {\"status\":\"cancelled\"}\n"
               "save a1 conv on_title_generated\n"
               "save a1 conv on_shutdown\n"
               "a1 node_transferring {\"from_node\":\"local\"}\n"
               "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"manual\",\"last_activity_at\":"
               "\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:00:00.000Z\"}\n");
}

static void test_a_timers_shutdown_is_saved_before_it_is_told(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = stored_options(&s);
    start_agent(&options);
    poll_after(300 * SECOND);
    expect_log("save a1 conv on_shutdown\n"
               "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"inactivity\",\"last_activity_at\":"
               "\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:05:00.000Z\"}\n");
}

static void test_a_save_that_fails(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = stored_options(&s);
    store.save = ASM_ERR_WRITE;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_save_state(&server, A1, ASM_SAVE_ON_TITLE_GENERATED), ASM_ERR_WRITE);
    assert_string_equal(server.error, "the state could not be saved: output could not be written");
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "save a1 conv on_completion\n"
               "a1 status_changed {\"status\":\"idle\"}\n"
               "a1 error_occurred {\"error_code\":\"state_store\",\"error_message\":\"output could not be "
               "written\"}\n"
               "save a1 conv on_title_generated\n");
    assert_int_equal(server.failures, 1);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK); /* it does not keep the agent from ending */
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    assert_int_equal(server.failures, 2);
}

static void test_load(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = stored_options(&s);
    store.load = ASM_OK;
    store.loaded = full_json;
    start_agent(&options);
    expect_text(export_state(A1), ID(full_json));
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    /* What was given goes before what was kept. */
    options.initial_state = &(asm_agent_state){.metadata = TEXT("{\"mine\":1}")};
    start_agent(&options);
    expect_text(info_of(A1).state.metadata, ID("{\"mine\":1}"));
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    options.initial_state = NULL;
    /* A state that is damaged is not overwritten by an agent that starts without it. */
    store.loaded = "{\"version\":1,\"state\":{\"mess";
    forget_log();
    assert_int_equal(asm_agent_start(&server, &options), ASM_ERR_SYNTAX);
    store.load = ASM_ERR_OPEN;
    assert_int_equal(asm_agent_start(&server, &options), ASM_ERR_OPEN);
    assert_string_equal(server.error, "the state could not be loaded: a file could not be opened");
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    expect_log("");
    end_of_cases();
}

static asm_result save_display(void *user, asm_str id, asm_str conversation, asm_display_kind kind,
                               const asm_turn *message, asm_buffer *saved) {
    char line[256];
    (void)user, (void)id;
    sprintf(line, "display %d %.*s %.*s %.*s", (int)kind, (int)conversation.size, conversation.data,
            (int)message->role.size, message->role.data, (int)message->content.size, message->content.data);
    if (!log_is_off) log_line(line);
    if (store.display_saved) asm_buffer_append(saved, ID(store.display_saved));
    return store.display;
}

static asm_result update_tool(void *user, asm_str id, asm_str conversation, const asm_tool_payload *tool,
                              asm_str status, asm_buffer *saved) {
    char line[256];
    (void)user, (void)id, (void)conversation;
    sprintf(line, "tool %.*s %.*s", (int)tool->call_id.size, tool->call_id.data, (int)status.size,
            status.data);
    log_line(line);
    if (store.display_saved) asm_buffer_append(saved, ID(store.display_saved));
    return store.display;
}

static const asm_display_store display_store = {save_display, update_tool, &store};

static void emit_tool(script *s, asm_execution execution) {
    static const asm_event_type types[] = {ASM_EVENT_TOOL_CALL_IDENTIFIED, ASM_EVENT_TOOL_CALL_STARTED,
                                           ASM_EVENT_TOOL_CALL_COMPLETED, ASM_EVENT_TOOL_CALL_STARTED,
                                           ASM_EVENT_TOOL_CALL_FAILED};
    const asm_tool_payload tool = {.call_id = TEXT("c1")};
    for (size_t i = 0; i < COUNT(types); i++)
        s->result = asm_emit_tool(execution, types[i], &tool);
}

static void test_display_messages(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no \"net\"")}, GO_ON}};
    asm_agent_options options = stored_options(&s);
    options.state_store = NULL;
    options.display_store = &display_store;
    start_agent(&options);
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Hi")};
    assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
    expect_log("a1 message_sent {\"content\":\"Hi\",\"role\":\"user\"}\n"
               "display 0 conv user Hi\n"
               "a1 display_message_saved {\"display_message\":{\"role\":\"user\",\"content\":\"Hi\"}}\n");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    store.display_saved = "{\"id\":7}";
    poll_server();
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "a1 status_changed {\"status\":\"error\",\"data\":\"no \\\"net\\\"\",\"error_message\":\"no "
               "\\\"net\\\"\"}\n"
               "display 2 conv system no \"net\"\n"
               "a1 display_message_saved {\"display_message\":{\"id\":7}}\n");
    assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"cancelled\"}\n"
               "display 1 conv system Cancelled\n"
               "a1 display_message_saved {\"display_message\":{\"id\":7}}\n");
}

static void test_tools_of_display_messages(void **state) {
    (void)state;
    script s = {.hook = emit_tool};
    asm_agent_options options = stored_options(&s);
    options.display_store = &display_store;
    options.state_store = NULL;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    expect_log("a1 tool_call_identified {\"tool_call_id\":\"c1\"}\n"
               "a1 tool_call_started {\"tool_call_id\":\"c1\"}\n"
               "tool c1 executing\n"
               "a1 display_message_updated {\"tool_call_id\":\"c1\",\"status\":\"executing\"}\n"
               "a1 tool_call_completed {\"tool_call_id\":\"c1\",\"duration_ms\":0}\n"
               "tool c1 completed\n"
               "a1 display_message_updated {\"tool_call_id\":\"c1\",\"status\":\"completed\"}\n"
               "a1 tool_call_started {\"tool_call_id\":\"c1\"}\n"
               "tool c1 executing\n"
               "a1 display_message_updated {\"tool_call_id\":\"c1\",\"status\":\"executing\"}\n"
               "a1 tool_call_failed {\"tool_call_id\":\"c1\",\"duration_ms\":0}\n"
               "tool c1 failed\n"
               "a1 display_message_updated {\"tool_call_id\":\"c1\",\"status\":\"failed\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
    assert_int_equal(s.result, ASM_OK);
    store.display = ASM_ERR_NOT_FOUND; /* there is no message for it */
    s.calls = 0;
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_null(strstr(log_text, "display_message_updated"));
    assert_int_equal(server.failures, 0);
}

static void test_a_display_store_that_fails(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = stored_options(&s);
    options.display_store = &display_store;
    options.state_store = NULL;
    start_agent(&options);
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Hi")};
    store.display = ASM_ERR_WRITE;
    assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
    store.display = ASM_OK;
    store.display_saved = "{\"id\":";
    assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
    expect_log("a1 message_sent {\"content\":\"Hi\",\"role\":\"user\"}\n"
               "display 0 conv user Hi\n"
               "a1 error_occurred {\"error_code\":\"display_store\",\"error_message\":\"output could not be "
               "written\"}\n"
               "a1 message_sent {\"content\":\"Hi\",\"role\":\"user\"}\n"
               "display 0 conv user Hi\n"
               "a1 error_occurred {\"error_code\":\"display_store\",\"error_message\":\"the text is not "
               "valid JSON\"}\n");
    assert_int_equal(info_of(A1).state.turn_count, 2);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(asm_save_reason_name(ASM_SAVE_ON_SHUTDOWN), "on_shutdown");
    assert_string_equal(asm_save_reason_name((asm_save_reason)77), "");
    assert_string_equal(asm_save_reason_name((asm_save_reason)-1), "");
    assert_string_equal(asm_agent_status_name(ASM_AGENT_STATUS_COUNT), "");
    assert_string_equal(asm_agent_status_name((asm_agent_status)-1), "");
}

/* ============================================================================================
 * Middleware and those who debug
 */

static asm_result notice(const char *what, void *user, asm_agent_server *from, asm_str id) {
    char line[128];
    const asm_event event = {.type = ASM_EVENT_CUSTOM, .type_name = TEXT("from_middleware")};
    const asm_event action = {.type = ASM_EVENT_MIDDLEWARE_ACTION,
                              .middleware = {TEXT("m"), TEXT("looked"), TEXT("{\"n\":1}")}};
    sprintf(line, "%s %s %.*s", (const char *)user, what, (int)id.size, id.data);
    log_line(line);
    if (strcmp(what, "start") == 0) {
        assert_int_equal(asm_agent_publish_event(from, id, &event), ASM_OK);
        assert_int_equal(asm_agent_publish_debug_event(from, id, &action), ASM_OK);
    }
    return strcmp((const char *)user, "bad") == 0 ? ASM_ERR_RANGE : ASM_OK;
}

static asm_result on_start(void *user, asm_agent_server *from, asm_str id) {
    return notice("start", user, from, id);
}
static asm_result before(void *user, asm_model_request *request) {
    return notice("before", user, request->execution.server, asm_execution_agent_id(request->execution));
}
static asm_result after(void *user, asm_execution execution, const asm_turn *answer) {
    assert_null(answer);
    return notice("after", user, execution.server, asm_execution_agent_id(execution));
}

static asm_result on_message(void *user, asm_agent_server *from, asm_str id, asm_str message) {
    char line[128];
    sprintf(line, "message %.*s", (int)message.size, message.data);
    assert_int_equal(asm_agent_set_middleware_state(from, id, ID("m"), message), ASM_OK);
    return notice(line, user, from, id);
}

static char good_name[] = "good", bad_name[] = "bad", last_name[] = "last";

static void call_the_model(script *s, asm_execution execution) {
    s->result = asm_execution_before_model(execution, NULL);
    log_line("model");
    if (s->result == ASM_OK) s->result = asm_execution_after_model(execution);
    else (void)asm_execution_after_model(execution);
}

static void test_middleware(void **state) {
    (void)state;
    script s = {.hook = call_the_model};
    static const asm_middleware middleware[] = {{TEXT("m"), on_start, before, after, on_message, good_name},
                                                {.id = TEXT("silent")},
                                                {TEXT("l"), NULL, before, after, NULL, last_name}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 3;
    options.debug_pubsub = &debug_bus;
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    expect_log("");
    poll_server();
    expect_log(
        "a1 status_changed {\"status\":\"idle\"}\n"
        "good start a1\n"
        "a1 from_middleware {}\n"
        "debug:a1 middleware_action {\"middleware\":\"m\",\"action\":\"looked\",\"data\":{\"n\":1}}\n");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    assert_int_equal(s.result, ASM_OK);
    expect_log("good before a1\nlast before a1\nmodel\nlast after a1\ngood after a1\n"
               "debug:a1 agent_state_update {\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{}}}\n"
               "a1 status_changed {\"status\":\"idle\"}\n"
               "debug:a1 agent_state_update {\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{}}}\n");
    assert_int_equal(asm_agent_notify_middleware(&server, A1, ID("m"), ID("[7]")), ASM_OK);
    expect_log(""); /* in the next poll */
    assert_int_equal(server.pending, 1);
    poll_server();
    assert_int_equal(server.pending, 0);
    expect_log("good message [7] a1\n"
               "debug:a1 agent_state_update {\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{},"
               "\"middleware\":{\"m\":[7]}}}\n");
    assert_int_equal(asm_agent_notify_middleware(&server, A1, ID("silent"), ID("x")), ASM_OK);
    assert_int_equal(asm_agent_notify_middleware(&server, A1, ID("none"), ID("x")), ASM_ERR_NOT_FOUND);
    assert_string_equal(server.error, "the agent has no middleware with this id");
    assert_int_equal(asm_agent_notify_middleware(&server, ID("gone"), ID("m"), ID("x")), ASM_OK);
    expect_log("");
    poll_server();
    expect_log("debug:a1 agent_state_update {\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{},"
               "\"middleware\":{\"m\":[7]}}}\n");
}

static void test_middleware_that_fails(void **state) {
    (void)state;
    script s = {.hook = call_the_model};
    static const asm_middleware middleware[] = {{TEXT("b"), on_start, before, after, on_message, bad_name},
                                                {TEXT("m"), NULL, before, after, on_message, good_name}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 2;
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_server();
    expect_log("a1 status_changed {\"status\":\"idle\"}\n"
               "bad start a1\n"
               "a1 from_middleware {}\n"
               "a1 error_occurred {\"error_code\":\"middleware\",\"error_message\":\"a number or a time is "
               "out of range\"}\n");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    assert_int_equal(s.result, ASM_ERR_RANGE);
    expect_log("bad before a1\n"
               "a1 error_occurred {\"error_code\":\"middleware\",\"error_message\":\"a number or a time is "
               "out of range\"}\n"
               "model\ngood after a1\nbad after a1\n"
               "a1 error_occurred {\"error_code\":\"middleware\",\"error_message\":\"a number or a time is "
               "out of range\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
    assert_int_equal(asm_agent_notify_middleware(&server, A1, ID("b"), ID("[7]")), ASM_OK);
    poll_server();
    expect_log("bad message [7] a1\n"
               "a1 error_occurred {\"error_code\":\"middleware\",\"error_message\":\"a number or a time is "
               "out of range\"}\n");
    assert_int_equal(asm_execution_before_model(s.execution, NULL), ASM_ERR_NOT_FOUND); /* it is over */
}

static asm_result cancels_the_agent(void *user, asm_model_request *request) {
    (void)user;
    return asm_agent_cancel(request->execution.server, asm_execution_agent_id(request->execution));
}

static void test_middleware_that_cancels(void **state) {
    (void)state;
    script s = {.hook = call_the_model};
    static const asm_middleware middleware[] = {{.id = TEXT("c"), .before_model = cancels_the_agent},
                                                {TEXT("m"), NULL, before, after, NULL, good_name}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 2;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    assert_int_equal(s.result, ASM_ERR_NOT_FOUND);
    expect_log("a1 status_changed {\"status\":\"cancelled\"}\nmodel\n");
}

static void test_snapshots(void **state) {
    (void)state;
    static const struct {
        asm_outcome kind;
        bool expected;
    } cases[] = {{ASM_OUTCOME_COMPLETED, true},
                 {ASM_OUTCOME_INTERRUPTED, true},
                 {ASM_OUTCOME_PAUSED, true},
                 {ASM_OUTCOME_FAILED, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s = {.outcomes = {{.kind = cases[i].kind}}};
        asm_agent_options options = options_for("a1", &s);
        options.debug_pubsub = &debug_bus;
        start_agent(&options);
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        poll_server();
        expect((strstr(log_text, "debug:a1 agent_state_update") != NULL) == cases[i].expected, "case %zu", i);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
        forget_log();
    }
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.debug_pubsub = &debug_bus;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_non_null(strstr(log_text, "debug:a1 agent_state_update"));
    end_of_cases();
}

/* ============================================================================================
 * Presence
 */

static asm_presence presence;

static asm_agent_options watched_options(script *s) {
    const asm_presence_options on_bus = {.pubsub = &bus};
    asm_agent_options options = options_for("a1", s);
    asm_presence_init(&presence, &on_bus);
    options.presence.presence = &presence;
    options.presence.viewers = "room";
    return options;
}

static int viewer_1, viewer_2;

static void join(const void *viewer) {
    assert_int_equal(asm_presence_track(&presence, viewer, "room", ID("ann"), ID("{}"), NULL), ASM_OK);
}

static void leave(const void *viewer) {
    assert_int_equal(asm_presence_remove_owner(&presence, viewer), ASM_OK);
}

static void end_presence(void) {
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    asm_presence_close(&presence);
}

static void test_no_viewers(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = watched_options(&s);
    join(&viewer_1);
    start_agent(&options);
    poll_after(60 * SECOND); /* somebody watches */
    join(&viewer_2);
    leave(&viewer_1);
    poll_after(60 * SECOND);
    expect_status(A1, ASM_AGENT_IDLE);
    leave(&viewer_2);
    assert_int_equal(asm_agent_server_next_timer(&server), now + 5 * SECOND);
    poll_after(5 * SECOND - 1);
    expect_status(A1, ASM_AGENT_IDLE);
    join(&viewer_1); /* in time */
    poll_after(5 * SECOND);
    expect_status(A1, ASM_AGENT_IDLE);
    leave(&viewer_1);
    poll_after(4 * SECOND); /* the grace period began anew */
    expect_status(A1, ASM_AGENT_IDLE);
    forget_log();
    poll_after(1 * SECOND);
    expect_log("a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"no_viewers\",\"last_activity_at\":"
               "\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:02:14.999999Z\"}\n");
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    join(&viewer_1);
    leave(&viewer_1); /* nobody listens any more */
    end_presence();
}

static void test_a_running_agent_needs_no_viewers(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, {.kind = ASM_OUTCOME_PAUSED}}};
    asm_agent_options options = watched_options(&s);
    options.presence.grace_period_ms = 2000;
    start_agent(&options);
    poll_after(1 * SECOND);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_after(60 * SECOND);
    poll_after(60 * SECOND);
    expect_status(A1, ASM_AGENT_RUNNING);
    poll_after(60 * SECOND); /* paused: not idle either */
    poll_after(60 * SECOND);
    expect_status(A1, ASM_AGENT_PAUSED);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_after(60 * SECOND); /* idle from here */
    poll_after(2 * SECOND - 1);
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(1);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    end_presence();
}

static void test_no_grace_period(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = watched_options(&s);
    options.presence.grace_period_ms = -1;
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_after(60 * SECOND); /* nobody has looked at it yet: it stays until it has completed once */
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(1);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    end_presence();
}

static void test_discovery(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = watched_options(&s);
    options.presence.viewers = NULL;
    options.presence.discovery = true;
    options.conversation_id = ID("conv");
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_int_equal(asm_presence_count(&presence, ASM_TOPIC_AGENT_PRESENCE), 1);
    expect_log(
        "presence presence_diff {\"joins\":{\"a1\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":"
        "{\"started_at\":\"2026-02-09T12:00:00.000Z\",\"last_activity_at\":\"2026-02-09T12:00:00.000Z\","
        "\"status\":\"idle\",\"conversation_id\":\"conv\",\"node\":\"local\"}}]}},\"leaves\":{}}\n");
    pass_time(2 * SECOND);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_non_null(
        strstr(log_text, "\"last_activity_at\":\"2026-02-09T12:00:02.000Z\",\"status\":\"running\""));
    forget_log();
    pass_time(2 * SECOND);
    assert_int_equal(asm_agent_touch(&server, A1), ASM_OK);
    assert_non_null(
        strstr(log_text, "\"last_activity_at\":\"2026-02-09T12:00:04.000Z\",\"status\":\"running\""));
    forget_log();
    assert_int_equal(asm_agent_touch(&server, A1), ASM_OK); /* nothing has changed */
    expect_log("");
    poll_server();
    forget_log();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(asm_presence_count(&presence, ASM_TOPIC_AGENT_PRESENCE), 0);
    /* It has left when it says so. */
    const char *left = strstr(log_text, "\"leaves\":{\"a1\""), *said = strstr(log_text, "node_transferring");
    assert_non_null(left);
    assert_non_null(said);
    assert_true(left < said);
    end_presence();
}

/* A meta that takes more than a few hundred bytes; one that could not be kept is when there is memory again. */
static void test_discovery_of_a_long_name(void **state) {
    (void)state;
    static char conversation[2000];
    script s = {.calls = 0};
    asm_agent_options options = watched_options(&s);
    memset(conversation, 'c', sizeof conversation);
    options.presence.viewers = NULL;
    options.presence.discovery = true;
    options.conversation_id = asm_str_make(conversation, sizeof conversation);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_server();
    pass_time(SECOND);
    const uint64_t failures = server.failures;
    fail_allocations_from(1);
    assert_int_equal(asm_agent_touch(&server, A1), ASM_OK);
    fail_allocations_from(0);
    assert_int_equal(server.failures, failures + 1);
    assert_int_equal(asm_agent_touch(&server, A1), ASM_OK);
    asm_presence_entry entry = {.reference = 0};
    assert_true(asm_presence_next(&presence, ASM_TOPIC_AGENT_PRESENCE, &entry));
    assert_true(entry.meta.size > sizeof conversation);
    assert_non_null(strstr(entry.meta.data, "\"last_activity_at\":\"2026-02-09T12:00:01.000Z\""));
    end_presence();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, end_server)
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_state),
        TEST(test_a_full_state),
        TEST(test_states_that_do_not_do),
        TEST(test_many_long_strings_with_escapes),
        TEST(test_what_is_not_known_or_null),
        TEST(test_restore_of_any_bytes),
        TEST(test_initial_states_that_do_not_do),
        TEST(test_metadata_and_middleware_state),
        TEST(test_todos_are_a_snapshot),
        TEST(test_when_states_are_saved),
        TEST(test_a_timers_shutdown_is_saved_before_it_is_told),
        TEST(test_a_save_that_fails),
        TEST(test_load),
        TEST(test_display_messages),
        TEST(test_tools_of_display_messages),
        TEST(test_a_display_store_that_fails),
        TEST(test_names),
        TEST(test_middleware),
        TEST(test_middleware_that_fails),
        TEST(test_middleware_that_cancels),
        TEST(test_snapshots),
        TEST(test_no_viewers),
        TEST(test_a_running_agent_needs_no_viewers),
        TEST(test_no_grace_period),
        TEST(test_discovery),
        TEST(test_discovery_of_a_long_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
