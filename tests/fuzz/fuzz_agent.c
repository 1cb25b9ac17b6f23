/* What comes to an agent from outside: states to restore, decisions as JSON, messages. Each is refused and changes
 * nothing, or is taken and can be exported, restored and exported again as the same bytes. An input: a state, or
 * `D` and decisions, or `M` and the texts of a message and of middleware between LF. */
#include "fuzz.h"

#include "asm_agent.h"

static asm_agent_server server;
static const asm_str id = TEXT("a1"), other_id = TEXT("a2");

static asm_outcome ask(void *user, asm_execution execution) {
    static const asm_action_request requests[] = {{TEXT("c1"), TEXT("run"), TEXT("{}")},
                                                  {TEXT("c2"), TEXT("run"), TEXT("{}")}};
    (void)user;
    return asm_interrupt(execution, requests, 2);
}

static asm_outcome look(void *user, asm_execution execution, const asm_resume *resume) {
    (void)user, (void)execution;
    expect(resume->decision_count == 2 && !resume->answer.data, "%zu decisions", resume->decision_count);
    for (size_t i = 0; i < resume->decision_count; i++) {
        const asm_decision *decision = &resume->decisions[i];
        expect(decision->kind >= ASM_DECISION_APPROVE && decision->kind <= ASM_DECISION_REJECT, "%d",
               decision->kind);
        expect((decision->kind == ASM_DECISION_EDIT) ==
                   (decision->arguments.data && asm_json_type_of(decision->arguments) == ASM_JSON_OBJECT),
               "arguments %s", shown(decision->arguments));
    }
    return ASM_OUTCOME_COMPLETED;
}

static void start(asm_str agent) {
    const asm_agent_options options = {.id = agent, .config.driver = {ask, look, NULL, NULL}};
    expect(asm_agent_start(&server, &options) == ASM_OK, "%s", server.error);
}

/* The caller closes the buffer. */
static asm_str export_state(asm_str agent, asm_buffer *out) {
    asm_buffer_init_growing(out);
    const asm_result result = asm_agent_export_state(&server, agent, out);
    expect(result == ASM_OK, "cannot be exported: %s", asm_result_string(result));
    return asm_buffer_text(out);
}

static void check_round_trip(void) {
    asm_buffer first, second;
    const asm_str state = export_state(id, &first);
    expect(asm_agent_restore_state(&server, other_id, state) == ASM_OK, "%s: %s", server.error, shown(state));
    const asm_str again = export_state(other_id, &second);
    asm_agent_info info;
    expect(asm_agent_get_info(&server, id, &info) == ASM_OK, "it is there");
    /* Calls that are open get their results when a state is restored; all else comes back as it is. */
    expect(info.open_call_count || asm_str_equal(state, again), "%s became %s", shown(state), shown(again));
    asm_buffer_close(&first);
    asm_buffer_close(&second);
}

static void fuzz_restore(asm_str state) {
    asm_buffer before, after;
    char *exact = exact_copy(state.data, state.size);
    export_state(id, &before);
    const asm_result result = asm_agent_restore_state(&server, id, asm_str_make(exact, state.size));
    free_block(exact, state.size);
    export_state(id, &after);
    if (result != ASM_OK)
        expect(asm_str_equal(asm_buffer_text(&before), asm_buffer_text(&after)),
               "an error changed the state");
    else check_round_trip();
    asm_buffer_close(&before);
    asm_buffer_close(&after);
}

static void fuzz_decisions(asm_str json) {
    char *exact = exact_copy(json.data, json.size);
    expect(asm_agent_execute(&server, id) == ASM_OK, "%s", server.error);
    asm_agent_server_poll(&server, 1, 1);
    const asm_result result = asm_agent_resume_json(&server, id, asm_str_make(exact, json.size));
    free_block(exact, json.size);
    const asm_agent_status status = asm_agent_get_status(&server, id);
    asm_agent_info info;
    expect(asm_agent_get_info(&server, id, &info) == ASM_OK, "it is there");
    size_t decided = 0;
    for (size_t i = 0; i < info.request_count; i++)
        decided += info.decisions[i].kind != ASM_DECISION_NONE;
    expect(status == (result == ASM_OK && !decided ? ASM_AGENT_RUNNING : ASM_AGENT_INTERRUPTED), "%s",
           asm_result_string(result));
    expect(result == ASM_OK || !decided, "a refused decision counts: %s", shown(json));
    asm_agent_server_poll(&server, 1, 1);
}

static void fuzz_message(fuzz_input input) {
    asm_str texts[7];
    for (size_t i = 0; i < COUNT(texts); i++) {
        texts[i] = fuzz_text(&input, '\n');
        if (i > 1 && texts[i].size == 0) texts[i].data = NULL;
    }
    const asm_turn message = {
        texts[0], texts[1], texts[2], texts[3], texts[4], texts[1], texts[1].size % 2 != 0};
    (void)asm_agent_add_turn(&server, id, &message);
    (void)asm_agent_set_metadata(&server, id, texts[5]);
    (void)asm_agent_set_middleware_state(&server, id, texts[0], texts[6]);
    check_round_trip();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = fuzz_begin(data, size);
    asm_agent_server_init(&server, NULL);
    start(id);
    start(other_id);
    if (size && (*input.at == 'D' || *input.at == 'M')) {
        const bool is_message = fuzz_byte(&input) == 'M';
        if (is_message) fuzz_message(input);
        else fuzz_decisions(asm_str_make(input.at, input.left));
    } else {
        fuzz_restore(asm_str_make(input.at ? input.at : "", input.left));
    }
    asm_agent_server_close(&server);
    return 0;
}
