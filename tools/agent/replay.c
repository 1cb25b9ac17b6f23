/* SPDX-License-Identifier: MIT OR Unlicense */
#include "replay.h"

#include <string.h>

struct replay {
    asm_str id;
    asm_event_callback on_event;
    void *user;
    asm_str calls; /* of the last answer: JSON */
    asm_buffer scratch;
};

static void tell(const struct replay *replay, asm_event *event) {
    event->session_id = event->agent_id = replay->id;
    event->run_id = ASM_STR("replay");
    replay->on_event(replay->user, event);
}

static asm_event event_of(asm_event_type type) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    return event;
}

static void tell_text(const struct replay *replay, const asm_turn *turn) {
    const bool is_answer = asm_str_equal(turn->role, ASM_STR("assistant"));
    asm_event event = event_of(is_answer ? ASM_EVENT_MESSAGE_STREAMED : ASM_EVENT_MESSAGE_SENT);
    if (!turn->content.size) return;
    event.message.role = turn->role;
    event.message.message_id = turn->message_id;
    event.message.content = turn->content;
    tell(replay, &event);
    if (!is_answer) return;
    event.type = ASM_EVENT_MESSAGE_RECEIVED;
    event.message.incomplete.is_set = event.message.incomplete.value = turn->is_incomplete;
    tell(replay, &event);
}

/* Reads members of one call or result; texts go to the scratch. */
static void read_members(struct replay *replay, asm_str raw, const asm_str *keys, asm_str *texts,
                         asm_str *values, size_t count) {
    (void)asm_json_find(raw, keys, values, count, NULL);
    for (size_t i = 0; i < count; i++) {
        texts[i] = asm_str_make(NULL, 0);
        if (values[i].data) (void)asm_json_to_string(values[i], &replay->scratch, &texts[i]);
    }
}

/* Tells of the call that has this id, and gives its name and arguments. */
static void tell_call(struct replay *replay, asm_str id, asm_event *event) {
    static const asm_str keys[] = {ASM_STR_INIT("id"), ASM_STR_INIT("name"), ASM_STR_INIT("arguments")};
    asm_str texts[3], values[3], raw;
    asm_json_reader reader;
    asm_json_reader_init(&reader, replay->calls, NULL);
    asm_json_enter_array(&reader);
    while (replay->calls.data && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw)) {
        read_members(replay, raw, keys, texts, values, 3);
        if (!asm_str_equal(texts[0], id)) continue;
        event->tool.name = texts[1];
        event->tool.input = values[2];
        break;
    }
    event->type = ASM_EVENT_TOOL_CALL_STARTED;
    event->tool.call_id = id;
    tell(replay, event);
}

static void tell_result(struct replay *replay, asm_str raw) {
    static const asm_str keys[] = {ASM_STR_INIT("tool_call_id"), ASM_STR_INIT("tool_name"),
                                   ASM_STR_INIT("status"), ASM_STR_INIT("output")};
    asm_str texts[4], values[4];
    read_members(replay, raw, keys, texts, values, 4);
    const bool is_good = asm_str_equal(texts[2], ASM_STR("completed"));
    asm_event event = event_of(ASM_EVENT_TOOL_CALL_STARTED);
    event.tool.name = texts[1];
    tell_call(replay, texts[0], &event);
    event.type = is_good ? ASM_EVENT_TOOL_CALL_COMPLETED : ASM_EVENT_TOOL_CALL_FAILED;
    event.tool.status = texts[2];
    event.tool.output = texts[3];
    if (!texts[3].data) event.tool.output_json = values[3];
    tell(replay, &event);
}

/* Tells each element of a JSON array. */
static void tell_each(struct replay *replay, asm_str array,
                      void (*tell_one)(struct replay *replay, asm_str raw)) {
    asm_json_reader reader;
    asm_str raw;
    if (!array.data) return;
    asm_json_reader_init(&reader, array, NULL);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw)) {
        asm_buffer_clear(&replay->scratch);
        asm_buffer_reserve(&replay->scratch,
                           2 * (raw.size + replay->calls.size) + 64); /* nothing in it moves */
        tell_one(replay, raw);
    }
}

void replay_turns(asm_str id, const asm_agent_state *state, size_t first, bool as_run,
                  asm_event_callback on_event, void *user) {
    struct replay replay = {id, on_event, user, {NULL, 0}, {0}};
    asm_event begin = event_of(ASM_EVENT_RUN_STARTED), end = event_of(ASM_EVENT_RUN_COMPLETED);
    asm_buffer_init_growing(&replay.scratch);
    if (as_run) tell(&replay, &begin);
    for (size_t i = first; i < state->turn_count; i++) {
        const asm_turn *turn = &state->turns[i];
        if (asm_str_equal(turn->role, ASM_STR("system"))) continue;
        tell_text(&replay, turn);
        if (turn->tool_calls.data) replay.calls = turn->tool_calls;
        tell_each(&replay, turn->tool_results, tell_result);
    }
    if (as_run) tell(&replay, &end);
    asm_buffer_close(&replay.scratch);
}

size_t replay_last_question(const asm_agent_state *state) {
    size_t at = state->turn_count;
    while (at > 0 && !asm_str_equal(state->turns[at - 1].role, ASM_STR("user")))
        at--;
    return at > 0 ? at - 1 : 0;
}
