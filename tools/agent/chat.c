/* SPDX-License-Identifier: MIT OR Unlicense */
#include "chat.h"

#include "../common/messages.h"
#include "../common/options.h"
#include "approval.h"
#include "keyboard.h"
#include "replay.h"
#include "wake.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PASTE_PAUSE = 30, TICK_MS = 1000, EXIT_INTERRUPTED = 130 };

/* What the person is expected to do. */
enum expectation { WAIT, SPEAK, DECIDE };

struct chat {
    struct host *host;
    struct view *view;
    const struct chat_settings *settings;
    struct keyboard keyboard;
    char id[WORKSPACE_ID];
    enum expectation expectation;
    bool is_asked, is_leaving;
    int interrupts; /* in a row */
    int status;
    size_t turns;               /* of the conversation */
    asm_buffer news;            /* of other conversations */
    asm_buffer asked;           /* the texts of what is to be decided */
    asm_action_request request; /* in it */
    asm_str asked_agent;
    uint64_t interrupt;
};

static asm_str id_of(const struct chat *chat) {
    return asm_str_from(chat->id);
}

static bool get_info(const struct chat *chat, asm_agent_info *info) {
    return asm_agent_get_info(&chat->host->server, id_of(chat), info) == ASM_OK;
}

static void print(struct chat *chat, asm_str text) {
    view_print(chat->view, text);
}

/* A line of ours about how things stand. */
static void tell(struct chat *chat, const char *text) {
    asm_buffer line;
    asm_buffer_init_growing(&line);
    asm_buffer_append(&line, chat->view->terminal.has_utf8 ? ASM_STR("\xE2\x97\x8F ") : ASM_STR("* "));
    asm_text_append(&line, asm_str_from(text), message_flags());
    asm_buffer_append_byte(&line, '\n');
    print(chat, asm_buffer_text(&line));
    asm_buffer_close(&line);
}

/* ---- Events ---- */

static const char *news_of(const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
        return "waits for you";
    case ASM_EVENT_RUN_COMPLETED:
        return "has answered";
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        return "has failed";
    default:
        return NULL;
    }
}

static void take_event(void *user, const asm_event *event) {
    struct chat *chat = (struct chat *)user;
    const char *news = news_of(event);
    view_on_event(chat->view, event);
    if (!news || asm_str_equal(event->session_id, id_of(chat)) || chat->is_leaving) return;
    asm_buffer_clear(&chat->news); /* the last of several */
    asm_buffer_append(&chat->news, event->session_id);
    asm_buffer_append_byte(&chat->news, ' ');
    asm_buffer_append(&chat->news, asm_str_from(news));
    asm_buffer_append(&chat->news, ASM_STR(": /go "));
    asm_buffer_append(&chat->news, event->session_id);
    asm_buffer_append_byte(&chat->news, '\0');
}

/* ---- Beginning and end of conversations ---- */

/* How a conversation stands that goes on. */
static void tell_state(struct chat *chat) {
    asm_agent_info info;
    if (!get_info(chat, &info) || info.state.turn_count == 0) return;
    const asm_turn *last = &info.state.turns[info.state.turn_count - 1];
    replay_turns(id_of(chat), &info.state, replay_last_question(&info.state), false, view_on_event,
                 chat->view);
    chat->view->has_begun = true;
    if (info.status == ASM_AGENT_IDLE &&
        (last->is_incomplete || !asm_str_equal(last->role, ASM_STR("assistant"))))
        tell(chat, "the last answer was cut off: say something, or press Enter to have it go on");
}

static bool open_conversation(struct chat *chat, const char *id) {
    char why[512], here[PATH_MAX];
    if (!getcwd(here, sizeof here)) die("the working directory: %s", strerror(errno));
    if (id) snprintf(chat->id, sizeof chat->id, "%s", id);
    else host_make_id(chat->id);
    if (!host_start(chat->host, id ? id : chat->id, here, id != NULL, why, sizeof why)) {
        complain("%s", why);
        return false;
    }
    view_show(chat->view, chat->id);
    chat->is_asked = false;
    chat->turns = 0;
    return true;
}

/* ---- What the person is asked ---- */

/* Takes back what was asked. */
static void withdraw(struct chat *chat) {
    if (chat->is_asked) print(chat, ASM_STR("\n"));
    chat->is_asked = false;
    view_release(chat->view);
}

/* What happened elsewhere, between two questions. */
static void tell_news(struct chat *chat) {
    if (chat->news.size == 0 || (chat->is_asked && chat->expectation == DECIDE)) return;
    withdraw(chat);
    tell(chat, chat->news.data);
    asm_buffer_clear(&chat->news);
}

static asm_str keep(struct chat *chat, asm_str text) {
    const size_t at = chat->asked.size;
    asm_buffer_append(&chat->asked, text);
    return asm_str_make(chat->asked.data + at, text.size);
}

/* Copies what is asked, so that the answer is about just that. */
static bool keep_request(struct chat *chat, const asm_agent_info *info, const asm_action_request *request) {
    asm_buffer_clear(&chat->asked);
    if (asm_buffer_reserve(&chat->asked, info->id.size + request->tool_call_id.size +
                                             request->tool_name.size + request->arguments.size) != ASM_OK)
        return false;
    chat->asked_agent = keep(chat, info->id);
    chat->request.tool_call_id = keep(chat, request->tool_call_id);
    chat->request.tool_name = keep(chat, request->tool_name);
    chat->request.arguments = keep(chat, request->arguments);
    chat->interrupt = info->interrupt;
    return chat->asked.result == ASM_OK;
}

static void decide(struct chat *chat, const asm_decision *decision) {
    const asm_result result = host_decide(chat->host, chat->asked_agent, chat->interrupt, decision);
    chat->is_asked = false;
    view_release(chat->view);
    if (result != ASM_OK) complain("%s", chat->host->server.error);
}

static void reject(struct chat *chat, asm_str why) {
    asm_decision decision;
    memset(&decision, 0, sizeof decision);
    decision.kind = ASM_DECISION_REJECT;
    decision.tool_call_id = chat->request.tool_call_id;
    decision.message = why;
    decide(chat, &decision);
}

static void approve(struct chat *chat) {
    asm_decision decision;
    memset(&decision, 0, sizeof decision);
    decision.kind = ASM_DECISION_APPROVE;
    decision.tool_call_id = chat->request.tool_call_id;
    decide(chat, &decision);
}

/* What was typed before is no answer to this. */
static void show_request(struct chat *chat, const struct workspace *workspace) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    if (approval_append(&text, workspace, &chat->request, &chat->view->terminal) != ASM_OK) {
        reject(chat, ASM_STR("it could not be shown to anybody"));
    } else {
        view_hold(chat->view);
        keyboard_forget(&chat->keyboard);
        keyboard_show(&chat->keyboard, true);
        print(chat, asm_buffer_text(&text));
        chat->is_asked = true;
    }
    asm_buffer_close(&text);
}

/* Asks about a call, or decides where there is nothing to ask. */
static void ask_approval(struct chat *chat) {
    asm_buffer why;
    const struct workspace *workspace = toolbox_find(&chat->host->toolbox, chat->asked_agent);
    asm_buffer_init_growing(&why);
    const enum approval approval = approval_check(workspace, &chat->request, &why);
    if (approval == APPROVAL_GIVEN) {
        approve(chat);
    } else if (approval == APPROVAL_IMPOSSIBLE) {
        reject(chat, asm_buffer_text(&why));
    } else if (chat->keyboard.is_terminal) {
        show_request(chat, workspace);
    } else {
        complain("not done, as nobody can be asked: %.*s", (int)chat->request.tool_name.size,
                 chat->request.tool_name.data);
        reject(chat, ASM_STR("nobody is there who could approve it"));
    }
    asm_buffer_close(&why);
}

static void ask_message(struct chat *chat) {
    keyboard_show(&chat->keyboard, true);
    print(chat, ASM_STR("> "));
    view_hold(chat->view);
    chat->is_asked = true;
}

/* Whether nobody has decided meanwhile on what was asked, on a page say. */
static bool is_undecided(const struct chat *chat) {
    asm_agent_info info;
    if (asm_agent_get_info(&chat->host->server, chat->asked_agent, &info) != ASM_OK ||
        info.interrupt != chat->interrupt)
        return false;
    for (size_t i = 0; i < info.request_count; i++)
        if (asm_str_equal(info.requests[i].tool_call_id, chat->request.tool_call_id))
            return info.decisions[i].kind == ASM_DECISION_NONE;
    return false;
}

/* Whether the person said something while the answer before was under way. */
static bool is_unanswered(const asm_agent_info *info) {
    return info->status == ASM_AGENT_IDLE && info->state.turn_count > 0 &&
           asm_str_equal(info->state.turns[info->state.turn_count - 1].role, ASM_STR("user"));
}

/* Finds out what is expected now, and asks for it once. */
static void expect(struct chat *chat) {
    asm_agent_info info;
    size_t at = 0, request;
    enum expectation now = WAIT;
    if (chat->is_asked && chat->expectation == DECIDE) {
        if (is_undecided(chat)) return;
        withdraw(chat);
    }
    if (host_next_request(chat->host, id_of(chat), &at, &info, &request)) {
        now = DECIDE;
        if (!keep_request(chat, &info, &info.requests[request])) return;
    } else if (get_info(chat, &info) && info.status != ASM_AGENT_RUNNING &&
               info.status != ASM_AGENT_INTERRUPTED) {
        now = SPEAK;
    }
    if (now != chat->expectation) withdraw(chat);
    chat->expectation = now;
    if (now == DECIDE) {
        ask_approval(chat);
    } else if (now == SPEAK) {
        if (is_unanswered(&info)) host_say(chat->host, id_of(chat), asm_str_make(NULL, 0));
        else if (chat->settings->prompt) chat->is_leaving = true;
        else if (!chat->is_asked) ask_message(chat);
    } else {
        keyboard_show(&chat->keyboard, false);
    }
}

/* ---- What the person types ---- */

static void show_help(struct chat *chat) {
    print(chat, ASM_STR("  /new        begin another conversation; this one goes on by itself\n"
                        "  /list       the conversations of this program\n"
                        "  /go ID      go to one of them\n"
                        "  /quit       leave; also Ctrl-D, or Ctrl-C twice\n"
                        "  Ctrl-C      cancel the answer\n"
                        "  A line that ends in \\ goes on in the next one.\n"));
}

static void list_conversations(struct chat *chat) {
    char line[WORKSPACE_ID + 64];
    asm_agent_info info;
    asm_str id;
    size_t at = 0;
    while (asm_agent_next(&chat->host->server, asm_str_make(NULL, 0), &at, &id)) {
        if (asm_agent_get_info(&chat->host->server, id, &info) != ASM_OK || memchr(id.data, '/', id.size))
            continue;
        snprintf(line, sizeof line, "%s %.*s  %s\n", asm_str_equal(id, id_of(chat)) ? " >" : "  ",
                 (int)id.size, id.data,
                 info.status == ASM_AGENT_INTERRUPTED ? "waits for you" : asm_agent_status_name(info.status));
        print(chat, asm_str_from(line));
    }
}

static void go_to(struct chat *chat, asm_str id) {
    if (!asm_agent_exists(&chat->host->server, id) || memchr(id.data, '/', id.size)) {
        tell(chat, "there is no such conversation: /list");
        return;
    }
    snprintf(chat->id, sizeof chat->id, "%.*s", (int)id.size, id.data);
    view_show(chat->view, chat->id);
    chat->turns = 0;
    tell_state(chat);
}

static bool begins_with(asm_str text, const char *begin) {
    const size_t size = strlen(begin);
    return text.size >= size && memcmp(text.data, begin, size) == 0;
}

/* Words to the program itself begin with a slash. */
static void obey(struct chat *chat, asm_str text) {
    if (asm_str_equal(text, ASM_STR("/quit")) || asm_str_equal(text, ASM_STR("/exit")))
        chat->is_leaving = true;
    else if (asm_str_equal(text, ASM_STR("/new"))) {
        char before[WORKSPACE_ID];
        memcpy(before, chat->id, sizeof before);
        if (!open_conversation(chat, NULL)) memcpy(chat->id, before, sizeof before);
    } else if (asm_str_equal(text, ASM_STR("/list"))) list_conversations(chat);
    else if (begins_with(text, "/go ")) go_to(chat, asm_str_make(text.data + 4, text.size - 4));
    else show_help(chat);
}

static bool is_command(asm_str text) {
    return text.size > 1 && text.data[0] == '/' && !memchr(text.data + 1, '/', text.size - 1);
}

static void say(struct chat *chat, asm_str text) {
    asm_agent_info info;
    if (text.size == 0) {
        if (!get_info(chat, &info) || info.state.turn_count == 0) return;
        const asm_turn *last = &info.state.turns[info.state.turn_count - 1];
        if (asm_str_equal(last->role, ASM_STR("assistant")) && !last->is_incomplete && !last->tool_calls.data)
            return;
        text = asm_str_make(NULL, 0);
    }
    /* What is typed while an answer comes is not seen, and comes after it. */
    chat->view->is_typed = chat->expectation == SPEAK || chat->settings->prompt;
    if (host_say(chat->host, id_of(chat), text) != ASM_OK) complain("%s", chat->host->server.error);
    chat->view->is_typed = false;
}

/* Takes a message: a line, with those that were pasted along with it, or that it says go on. */
static void take_message(struct chat *chat, asm_str line) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, line);
    for (;;) {
        const bool goes_on = text.size > 0 && text.data[text.size - 1] == '\\';
        struct pollfd input = {keyboard_descriptor(&chat->keyboard), POLLIN, 0};
        if (!keyboard_has_line(&chat->keyboard)) {
            if (input.fd < 0 || poll(&input, 1, goes_on ? -1 : PASTE_PAUSE) <= 0) break;
            keyboard_read(&chat->keyboard);
            if (!keyboard_has_line(&chat->keyboard)) continue;
        }
        if (!keyboard_line(&chat->keyboard, &line)) break;
        if (goes_on) text.size--;
        asm_buffer_append_byte(&text, '\n');
        asm_buffer_append(&text, line);
    }
    chat->is_asked = false;
    view_release(chat->view);
    if (is_command(asm_buffer_text(&text))) obey(chat, asm_buffer_text(&text));
    else say(chat, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

static void take_decision(struct chat *chat, asm_str line) {
    asm_decision decision;
    asm_buffer texts;
    bool is_always;
    if (is_command(line)) { /* the call waits, and is asked about again */
        chat->is_asked = false;
        view_release(chat->view);
        obey(chat, line);
        return;
    }
    asm_buffer_init_growing(&texts);
    if (approval_read(line, &chat->request, &decision, &is_always, &texts)) {
        struct workspace *workspace = toolbox_find(&chat->host->toolbox, chat->asked_agent);
        if (is_always && workspace)
            workspace_allow(workspace, chat->request.tool_name, chat->request.arguments);
        decide(chat, &decision);
    } else {
        print(chat, ASM_STR("  please y, a, e with what to do instead, or n\n? "));
    }
    asm_buffer_close(&texts);
}

static void take_lines(struct chat *chat) {
    asm_str line;
    while (!chat->is_leaving && keyboard_line(&chat->keyboard, &line)) {
        chat->interrupts = 0;
        if (chat->expectation == DECIDE && chat->is_asked) take_decision(chat, line);
        else take_message(chat, line);
        if (!chat->is_leaving) expect(chat);
    }
    if (!chat->keyboard.has_ended || !chat->keyboard.is_terminal || chat->is_leaving) return;
    if (chat->expectation == DECIDE && chat->is_asked) reject(chat, ASM_STR("nobody answered"));
    else if (chat->expectation == SPEAK) {
        print(chat, ASM_STR("\n"));
        chat->is_leaving = true;
    }
}

/* The first Ctrl-C cancels the answer, the second in a row ends the program. */
static void take_interrupts(struct chat *chat) {
    const int count = wake_interrupts();
    if (count == 0) return;
    chat->interrupts += count;
    if (chat->is_asked) print(chat, ASM_STR("\n"));
    if (chat->interrupts > 1) {
        chat->is_leaving = true;
        chat->status = EXIT_INTERRUPTED;
    } else if (chat->expectation == SPEAK) {
        tell(chat, "Ctrl-C once more to leave");
    } else {
        chat->status = chat->settings->prompt ? EXIT_INTERRUPTED : 0;
        asm_agent_cancel(&chat->host->server, id_of(chat));
    }
    chat->is_asked = false;
    view_release(chat->view);
}

/* A conversation that became shorter was too long for the model. */
static void tell_summary(struct chat *chat) {
    asm_agent_info info;
    if (!get_info(chat, &info)) return;
    if (info.state.turn_count < chat->turns)
        tell(chat, "the model knows the older part of this conversation by a summary from now on");
    chat->turns = info.state.turn_count;
}

/* ---- The loop ---- */

static void turn(struct chat *chat) {
    struct pollfd descriptors[1 + HOST_MORE] = {{-1, POLLIN, 0}};
    if (chat->keyboard.is_terminal) descriptors[0].fd = keyboard_descriptor(&chat->keyboard);
    const bool has_input = keyboard_has_line(&chat->keyboard) && chat->is_asked;
    host_turn(chat->host, descriptors, 1, has_input ? 0 : chat->expectation == WAIT ? TICK_MS : -1);
    if (descriptors[0].revents) keyboard_read(&chat->keyboard);
    view_tick(chat->view, chat->host->server.now);
    tell_news(chat);
    tell_summary(chat);
    take_interrupts(chat);
    if (wake_stop_signal()) {
        chat->is_leaving = true;
        chat->status = 128 + wake_stop_signal();
    }
    if (chat->view->outputs.stdout_failed) chat->is_leaving = true;
}

/* False, and it is said, if it cannot be written. */
static bool print_answer(struct chat *chat) {
    asm_agent_info info;
    if (!get_info(chat, &info)) return true;
    for (size_t i = info.state.turn_count; i-- > 0;) {
        const asm_turn *last = &info.state.turns[i];
        if (asm_str_equal(last->role, ASM_STR("user"))) break;
        if (!asm_str_equal(last->role, ASM_STR("assistant")) || !last->content.size) continue;
        fwrite(last->content.data, 1, last->content.size, stdout);
        putchar('\n');
        break;
    }
    return close_stdout() == EXIT_SUCCESS;
}

static int end(struct chat *chat) {
    asm_agent_info info;
    if (chat->settings->prompt && chat->status == 0 && get_info(chat, &info) &&
        info.status != ASM_AGENT_IDLE) {
        chat->status = chat->view->outputs.stdout_failed ? EXIT_FAILED : EXIT_BAD_INPUT;
        if (chat->settings->is_quiet && info.error.data)
            complain("%.*s", (int)info.error.size, info.error.data);
    }
    if (chat->settings->is_quiet && !print_answer(chat) && chat->status == 0) chat->status = EXIT_FAILED;
    view_settle(chat->view);
    keyboard_close(&chat->keyboard);
    asm_buffer_close(&chat->asked);
    asm_buffer_close(&chat->news);
    chat->host->on_event = view_on_event;
    chat->host->user = chat->view;
    return chat->status;
}

int chat_run(struct host *host, struct view *view, const struct chat_settings *settings) {
    static struct chat chat;
    memset(&chat, 0, sizeof chat);
    chat.host = host;
    chat.view = view;
    chat.settings = settings;
    host->on_event = take_event;
    host->user = &chat;
    asm_buffer_init_growing(&chat.asked);
    asm_buffer_init_growing(&chat.news);
    if (!open_conversation(&chat, settings->resumed)) return EXIT_FAILED;
    keyboard_init(&chat.keyboard);
    if (settings->prompt) say(&chat, asm_str_from(settings->prompt));
    else if (settings->resumed) tell_state(&chat);
    expect(&chat);
    while (!chat.is_leaving) {
        turn(&chat);
        if (!chat.is_leaving) expect(&chat);
        take_lines(&chat);
    }
    return end(&chat);
}
