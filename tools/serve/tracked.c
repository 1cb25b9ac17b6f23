/* SPDX-License-Identifier: MIT OR Unlicense */
#include "tracked.h"

#include "../common/status.h"

#include <stdlib.h>
#include <string.h>

static char *copy_of(asm_str text) {
    char *copy = (char *)malloc(text.size + 1);
    if (!copy) return NULL;
    if (text.size > 0) memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    return copy;
}

static void free_need(struct need *need) {
    free(need->call);
    free(need->request);
    free(need->tool);
}

static void add_need(struct tracked *tracked, const asm_approval_payload *approval) {
    if (!tracked->needs) tracked->needs = (struct need *)calloc(MAX_NEEDS, sizeof *tracked->needs);
    if (!tracked->needs || tracked->need_count == MAX_NEEDS) return;
    struct need *need = &tracked->needs[tracked->need_count];
    need->call = copy_of(approval->tool_call_id);
    need->request = copy_of(approval->request_id);
    need->tool = copy_of(approval->tool_name);
    need->is_question = asm_str_equal(approval->kind, ASM_STR("question"));
    need->interrupt = approval->interrupt.is_set ? approval->interrupt.value : -1;
    if (need->call && need->request && need->tool) tracked->need_count++;
    else free_need(need);
}

/* Forgets what `call` or `request` names. */
static void end_need(struct tracked *tracked, asm_str call, asm_str request) {
    for (size_t i = tracked->need_count; i-- > 0;) {
        struct need *need = &tracked->needs[i];
        const bool is_it = (call.size > 0 && asm_str_equal(asm_str_from(need->call), call)) ||
                           (request.size > 0 && asm_str_equal(asm_str_from(need->request), request));
        if (!is_it) continue;
        free_need(need);
        tracked->need_count--;
        memmove(need, need + 1, (tracked->need_count - i) * sizeof *need);
    }
}

static void end_needs(struct tracked *tracked) {
    for (size_t i = 0; i < tracked->need_count; i++)
        free_need(&tracked->needs[i]);
    free(tracked->needs);
    tracked->needs = NULL;
    tracked->need_count = 0;
}

static void track_needs(struct tracked *tracked, const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
        add_need(tracked, &event->approval);
        break;
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        end_need(tracked, event->approval.tool_call_id, event->approval.request_id);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        end_need(tracked, event->tool.call_id, ASM_STR(""));
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        end_needs(tracked);
        break;
    default:
        break;
    }
}

void tracked_event(struct tracked *tracked, const asm_event *event, asm_time now) {
    const asm_time time = event->time ? event->time : now;
    watch_event(&tracked->watch, event, now);
    session_tally_count(&tracked->tally, event);
    track_needs(tracked, event);
    if (event->provider.size > 0 && event->provider.size < sizeof tracked->agent) {
        memcpy(tracked->agent, event->provider.data, event->provider.size);
        tracked->agent[event->provider.size] = 0;
    }
    if (!tracked->first_words[0] && event->type == ASM_EVENT_MESSAGE_RECEIVED &&
        event->message.parent_tool_call_id.size == 0 && asm_event_text(event).size > 0)
        keep_text(tracked->first_words, asm_event_text(event));
    const enum session_state state = watch_state(&tracked->watch);
    if (state != tracked->state || tracked->since == 0) tracked->since = time;
    tracked->state = state;
    if (time > tracked->changed) tracked->changed = time;
    tracked->is_quiet = false;
}

static int64_t if_known(int64_t number, bool is_partial) {
    return number > 0 && !is_partial ? number : -1;
}

void tracked_describe(const struct tracked *tracked, char *what, live_row *row) {
    const struct watch *watch = &tracked->watch;
    const struct spending spending = session_tally_total(&tracked->tally);
    const bool is_partial = tracked->is_partial;
    const bool is_quiet = tracked->is_quiet && tracked->state == STATE_WORKING;
    row->lane = is_quiet ? LIVE_IDLE : (live_lane)tracked->state;
    row->since = is_quiet ? tracked->changed : tracked->since;
    row->what_since = is_quiet ? 0 : status_since(watch);
    row->changed = tracked->changed;
    row->agent = asm_str_from(tracked->agent);
    row->directory = asm_str_from(watch->directory);
    row->title = asm_str_from(watch->title[0] ? watch->title : watch->first_prompt);
    if (row->title.size == 0) row->first_words = asm_str_from(tracked->first_words);
    row->model = asm_str_from(watch->model);
    status_what(watch, what, 2 * (size_t)WATCHED_TEXT);
    row->what = is_quiet ? ASM_STR("a run is open, but nothing comes any more") : asm_str_from(what);
    if (tracked->need_count > 0 && tracked->state == STATE_NEEDS_YOU) {
        row->needs_kind = tracked->needs->is_question ? ASM_STR("question") : ASM_STR("approval");
        row->needs_call = asm_str_from(tracked->needs->call);
        row->needs_request = asm_str_from(tracked->needs->request);
        row->needs_tool = asm_str_from(tracked->needs->tool);
        row->needs_interrupt = tracked->needs->interrupt;
    }
    row->input_tokens = if_known(spending.input_tokens, is_partial);
    row->output_tokens = if_known(spending.output_tokens, is_partial);
    row->cache_read_tokens = if_known(spending.cache_read_tokens, is_partial);
    row->cache_creation_tokens = if_known(spending.cache_creation_tokens, is_partial);
    row->reasoning_tokens = if_known(spending.reasoning_tokens, is_partial);
    row->cost_usd = spending.cost_usd > 0 && !is_partial ? spending.cost_usd : -1;
    row->todo_done = watch->todo_done;
    row->todo_count = watch->todo_count;
}

void tracked_begin_again(struct tracked *tracked) {
    struct tracked now;
    memset(&now, 0, sizeof now);
    memcpy(now.agent, tracked->agent, sizeof now.agent);
    now.source = tracked->source;
    now.where = tracked->where;
    now.changed = tracked->changed;
    tracked_close(tracked);
    *tracked = now;
}

void tracked_close(struct tracked *tracked) {
    watch_close(&tracked->watch);
    end_needs(tracked);
}
