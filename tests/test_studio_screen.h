/* The part of test_studio.c that watches whole streams on a screen. Included by it. */

/* ============================================================================================
 * What runs now
 */

/* A screen of our own in place of a terminal. */
typedef struct watcher {
    screen screen;
    asm_terminal terminal;
    asm_tty_sink tty;
    asm_studio studio;
    asm_buffer text; /* what was rendered, without what was shown for a while */
    asm_sink sinks[2];
    asm_pipeline pipeline;
    asm_time now;
} watcher;

static watcher *watching;         /* for the function without an argument of its own */
static asm_terminal obeys_beside; /* what the terminal obeys beside colours and cursor movements */

static size_t screen_bytes; /* that were written to screens */

static asm_result write_screen(void *user, const char *data, size_t size) {
    screen_bytes += size;
    screen_write((screen *)user, data, size);
    return ASM_OK;
}

static const asm_terminal *watched_terminal(void *self) {
    (void)self;
    return &watching->terminal;
}

static void watch_begin(watcher *self, const asm_render_options *options, int columns, int rows) {
    memset(self, 0, sizeof *self);
    watching = self;
    screen_init(&self->screen, columns, rows);
    self->terminal = (asm_terminal){.is_terminal = true,
                                    .has_cursor = true,
                                    .has_utf8 = true,
                                    .has_reflow = true, /* as screen_resize() */
                                    .columns = columns,
                                    .rows = rows,
                                    .has_color = true,
                                    .has_links = obeys_beside.has_links,
                                    .has_progress = obeys_beside.has_progress,
                                    .notification = obeys_beside.notification};
    asm_tty_sink_options to_screen = {.output = {.write = write_screen, .user = &self->screen}};
    self->sinks[0] = asm_tty_sink_init(&self->tty, &to_screen);
    self->sinks[0].terminal = watched_terminal;
    self->tty.terminal = self->terminal;
    self->sinks[1] = keeping_sink(&self->text);
    asm_pipeline_options pipeline = {
        .renderer = asm_studio_init(&self->studio, options), .sinks = self->sinks, .sink_count = 2};
    assert_int_equal(asm_pipeline_init(&self->pipeline, &pipeline), ASM_OK);
}

static void watch_end(watcher *self) {
    assert_int_equal(asm_pipeline_close(&self->pipeline), ASM_OK);
    screen_close(&self->screen);
    asm_buffer_close(&self->text);
}

static void watch_lines(watcher *self, const char *lines) {
    while (*lines) {
        const size_t size = strcspn(lines, "\n");
        asm_event event;
        asm_buffer json, scratch;
        asm_buffer_init_growing(&json);
        asm_buffer_init_growing(&scratch);
        for (size_t i = 0; i < size; i++)
            asm_buffer_append_byte(&json, lines[i] == '\'' ? '"' : lines[i]);
        if (asm_event_read_json(&event, asm_buffer_text(&json), &scratch, NULL) != ASM_OK)
            fail_msg("%.*s", (int)size, lines);
        asm_pipeline_event(&self->pipeline, &event);
        asm_buffer_close(&json);
        asm_buffer_close(&scratch);
        lines += size + (lines[size] == '\n');
    }
}

/* What stands on the screen below the text that stays. */
static void expect_shown(watcher *self, const char *expected) {
    char *all = screen_text(&self->screen, false);
    char *plain = malloc(self->text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < self->text.size; i++) {
        if (self->text.data[i] == '\033') {
            while (self->text.data[i] != 'm')
                i++;
            continue;
        }
        plain[size++] = self->text.data[i];
    }
    expect(strncmp(all, plain, size) == 0 && strcmp(all + size, expected) == 0,
           "expected\n%s  below\n%.*s  got\n%s", expected, (int)size, plain, all);
    free(plain);
    free(all);
}

#define AT(time, second) time "0:" second "Z"
#define RUN_STARTED      "{'type':'run_started','ts':'2026-01-01T10:00:00Z','data':{'model':'m'}}\n"
#define START(id, input, at)                                                                                 \
    "{'type':'tool_call_started','ts':'2026-01-01T10:00:" at                                                 \
    "Z','data':{'tool_name':'Bash','tool_call_id':'" id "','tool_input':{'command':'" input "'}}}\n"
#define END(id, at)                                                                                          \
    "{'type':'tool_call_completed','ts':'2026-01-01T10:00:" at                                               \
    "Z','data':{'tool_name':'Bash','tool_call_id':'" id "'}}\n"

static asm_time at_second(int seconds) {
    asm_time time = 0;
    asm_time_parse(ASM_STR("2026-01-01T10:00:00Z"), &time, NULL);
    return time + (asm_time)seconds * 1000000;
}

static void test_what_runs_now(void **state) {
    (void)state;
    static watcher self;
    watch_begin(&self, NULL, 80, 24);
    watch_lines(&self, RUN_STARTED);
    expect_shown(&self, "  ◐ waiting for the model\n");
    asm_pipeline_tick(&self.pipeline, at_second(25));
    expect_shown(&self, "  ◐ waiting for the model (25s) · 25s\n");
    watch_lines(&self, "{'type':'message_streamed','data':{'delta':'I go'}}");
    expect_shown(&self, "");
    watch_lines(&self, "{'type':'message_streamed','data':{'delta':' on.\\n'}}");
    watch_lines(&self, START("a", "make test", "26"));
    asm_pipeline_tick(&self.pipeline, at_second(98));
    expect_shown(&self, "  ◐ Running: make test (1m 12s) · 1m 38s\n");
    const size_t written = screen_bytes; /* nothing is drawn anew before a second has passed */
    for (int part = 1; part < 10; part++)
        asm_pipeline_tick(&self.pipeline, at_second(98) + part * 100000);
    expect(screen_bytes == written, "%zu bytes within a second", screen_bytes - written);
    watch_lines(
        &self,
        "{'type':'todos_updated','data':{'todos':[{'content':'A','status':'completed'},{'content':'B'}]}}\n"
        "{'type':'token_usage_updated','data':{'input_tokens':48000,'output_tokens':200,'cost_usd':0.41}}");
    expect_shown(&self, "  ◐ Running: make test (1m 12s) · todo 1/2 · 48.2k tokens · $0.41 · 1m 38s\n");
    watch_lines(&self, START("b", "npm test", "59"));
    asm_pipeline_tick(&self.pipeline, at_second(100));
    expect_shown(&self, "  ◐ Running: make test (1m 14s)\n  ◐ Running: npm test (41s)\n  ◐ 2 tools · todo "
                        "1/2 · 48.2k tokens · $0.41 · 1m 40s\n");
    watch_lines(&self, END("a", "59"));
    expect_shown(&self, "  ◐ Running: npm test (41s) · todo 1/2 · 48.2k tokens · $0.41 · 1m 40s\n");
    watch_lines(&self, "{'type':'tool_approval_requested','ts':'2026-01-01T10:01:40Z','data':{'tool_name':'"
                       "Bash','tool_call_id':'c','tool_input':"
                       "{'command':'rm -rf build'}}}");
    asm_pipeline_tick(&self.pipeline, at_second(300));
    expect_shown(&self, "  ◐ Running: npm test (4m 01s)\n  ● waiting for you: Bash wants to run rm -rf build "
                        "(3m 20s)\n");
    watch_lines(&self,
                "{'type':'tool_approval_granted','data':{'tool_call_id':'c'}}\n" END(
                    "b", "59") "{'type':'x.api_retry','data':{'attempt':1,'max_attempts':10,'code':'429'}}");
    expect_shown(&self, "  ● API busy (429): retry 1 of 10 · todo 1/2 · 48.2k tokens · $0.41 · 5m 00s\n");
    watch_lines(&self, "{'type':'run_completed','ts':'2026-01-01T10:05:01Z','data':{}}");
    expect_shown(&self, "");
    watch_end(&self);
    /* a line that is too wide is cut, wide characters and all */
    watch_begin(&self, NULL, 40, 24);
    watch_lines(&self, START("a", "echo 日本語日本語日本語日本語日本語日本語日本語", "01"));
    expect_shown(&self, "  ◐ Running: echo 日本語日本語日本語日…\n");
    expect(!self.screen.wrapped, "wrapped");
    watch_end(&self);
    end_of_cases();
}

/* What a person is waited for, in words of the tool that wants it. */
static void test_what_is_waited_for(void **state) {
    (void)state;
    static const struct {
        const char *approval, *expected;
    } cases[] = {
        {"'tool_name':'Bash','tool_input':{'command':'cd /w && rm -rf build'}",
         "Bash wants to run rm -rf build"},
        {"'tool_name':'read_file','tool_input':{'path':'a.c'}", "read_file wants to read a.c"},
        {"'tool_name':'Write','tool_input':{'file_path':'a.c'}", "Write wants to write a.c"},
        {"'tool_name':'Edit','tool_input':{'file_path':'a.c'}", "Edit wants to edit a.c"},
        {"'tool_name':'Grep','tool_input':{'pattern':'x y'}", "Grep wants to search for x y"},
        {"'tool_name':'Task','tool_input':{'description':'Look'}", "Task wants to start Look"},
        {"'tool_name':'WebFetch','tool_input':{'url':'https://a.org/x'}", "WebFetch wants to fetch a.org"},
        {"'tool_name':'mcp__ops__deploy','tool_input':{'to':'live'}", "ops:deploy wants to run: live"},
        {"'tool_name':'ExitPlanMode'", "ExitPlanMode wants to run"},
        {"'kind':'question','tool_name':'AskUserQuestion','reason':'Which one?\\nA or B'", "Which one?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static watcher self;
        char lines[512], expected[256];
        snprintf(lines, sizeof lines, "{'type':'tool_approval_requested','data':{%s}}", cases[i].approval);
        snprintf(expected, sizeof expected, "  ● waiting for you: %s\n", cases[i].expected);
        watch_begin(&self, NULL, 80, 24);
        watch_lines(&self, lines);
        expect_shown(&self, expected);
        watch_end(&self);
    }
    end_of_cases();
}

/* The bell, notifications and progress: only those that were asked for and that the terminal has, each once. */
static void test_signals(void **state) {
    (void)state;
    static const char todos[] =
        "{'type':'todos_updated','data':{'todos':[{'content':'A','status':'completed'},{'content':'B'}]}}";
    static const char asked[] =
        "{'type':'tool_approval_requested','data':{'tool_name':'Bash','tool_call_id':'c',"
        "'tool_input':{'command':'x'},'reason':'\\u001b]9;evil\\u0007'}}";
    static const char granted[] = "{'type':'tool_approval_granted','data':{'tool_call_id':'c'}}";
    static const char usage[] = "{'type':'token_usage_updated','data':{'input_tokens':1}}";
    static const char text[] = "{'type':'message_streamed','data':{'delta':'open'}}";
    static const char ended[] = "{'type':'run_completed','data':{}}";
    static const struct {
        asm_render_options options;
        asm_terminal terminal;
        const char *commands;
    } cases[] = {
        {{.bell = true, .progress = true, .links = true}, {.is_terminal = false}, "bell\n"},
        {{.progress = false},
         {.has_progress = true, .notification = ASM_NOTIFICATION_OSC_9, .has_links = true},
         ""},
        {{.bell = true, .progress = true},
         {.has_progress = true, .notification = ASM_NOTIFICATION_OSC_9},
         "9;4;3;0\n9;4;1;50\nbell\n9;An agent waits for you\n9;4;4;50\n9;4;1;50\n9;4;0;0\n"},
        {{.bell = true},
         {.notification = ASM_NOTIFICATION_OSC_777},
         "bell\n777;notify;Agent;An agent waits for you\n"},
        {{.bell = true}, {.notification = ASM_NOTIFICATION_OSC_99}, "bell\n99;;An agent waits for you\n"},
        {{.bell = true, .progress = true, .raw = true},
         {.has_progress = true, .notification = ASM_NOTIFICATION_OSC_9},
         "bell\n"},
        {{.bell = true, .progress = true, .tty = ASM_SETTING_OFF},
         {.has_progress = true, .notification = ASM_NOTIFICATION_OSC_9},
         ""},
    };
    static watcher self;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int cut = 0; cut < 2; cut++) { /* a run that ends, and a pipeline that is closed before */
            obeys_beside = cases[i].terminal;
            watch_begin(&self, &cases[i].options, 80, 24);
            watch_lines(&self, RUN_STARTED);
            watch_lines(&self, todos);
            watch_lines(&self, cases[i].options.raw ? "{'type':'tool_approval_requested','data':{}}" : asked);
            watch_lines(&self, usage);
            watch_lines(&self, granted);
            watch_lines(&self, text);
            if (!cut) watch_lines(&self, ended);
            assert_int_equal(asm_pipeline_close(&self.pipeline), ASM_OK);
            expect(strcmp(self.screen.commands, cases[i].commands) == 0, "case %zu: expected\n%s  got\n%s", i,
                   cases[i].commands, self.screen.commands);
            expect(!self.screen.error, "%s", self.screen.error);
            asm_buffer_append_byte(&self.text, 0);
            expect(!strchr(self.text.data, '\a') && !strstr(self.text.data, "\033]"),
                   "case %zu: in the text that stays", i);
            screen_close(&self.screen);
            asm_buffer_close(&self.text);
        }
    }
    memset(&obeys_beside, 0, sizeof obeys_beside);
    end_of_cases();
}

/* Addresses in texts are links to what they say, and nothing else is. */
static void test_links(void **state) {
    (void)state;
    static const struct {
        const char *text, *links; /* each ended by a blank */
    } cases[] = {
        {"see https://example.org/a?b=c#d now", "https://example.org/a?b=c#d "},
        {"(https://example.org), [x](http://example.org/a_(b)).",
         "https://example.org http://example.org/a_(b) "},
        {"<https://example.org/>!", "https://example.org/ "},
        {"`https://example.org/a` **https://example.org/b**", "https://example.org/a https://example.org/b "},
        {"https://example.org/a;b", "https://example.org/a%3Bb "},
        {"HTTPS://example.org file:///etc/passwd javascript:alert(1) xhttps://example.org", ""},
        {"https://me@example.org https://ex%61mple.org https://0x7f.1/ https:///a https://", ""},
        {"https://b\u00fccher.example/ https://exam\\u202eple.org https://a.example\u65e5", ""},
        {"https://example.org/\\u001b]8;;https://evil.example\\u0007x", ""},
        {"见https://example.org/a。 “https://example.org/b”…",
         "https://example.org/a https://example.org/b "},
        {"https://example.org:80/x https://example.org:x/", "https://example.org:80/x "},
        {"http://example.org/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
         "0123456789/"
         "0123456789/0123456789",
         ""}, /* longer than what is held back */
    };
    static const asm_render_options with_links = {.links = true, .columns = 300};
    static watcher self;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t piece = 1; piece < 2000; piece *= 40) {
            char expected[512] = "", line[700];
            bool is_ascii = true;
            for (const char *c = cases[i].text; *c; c++)
                is_ascii = is_ascii && *c > 0 && *c != '\\';
            if (piece == 1 && !is_ascii) continue;
            for (const char *link = cases[i].links; *link; link += strcspn(link, " ") + 1)
                sprintf(expected + strlen(expected), "8;;%.*s\n8;;\n", (int)strcspn(link, " "), link);
            obeys_beside.has_links = true;
            watch_begin(&self, &with_links, 300, 24);
            for (size_t at = 0; at < strlen(cases[i].text); at += piece) {
                snprintf(line, sizeof line, "{'type':'message_streamed','data':{'delta':'%.*s'}}",
                         (int)(piece > 1 ? 599 : 1), cases[i].text + at);
                if (piece > 1 && at > 0) break;
                watch_lines(&self, line);
            }
            watch_lines(&self, "{'type':'message_received','data':{}}");
            expect(strcmp(self.screen.commands, expected) == 0, "%s: expected\n%s  got\n%s", cases[i].text,
                   expected, self.screen.commands);
            expect(!self.screen.error, "%s: %s", cases[i].text, self.screen.error);
            watch_end(&self);
        }
    }
    /* one that is broken is a link on each of its lines; one that a tick cut is none */
    static const asm_render_options narrow = {.links = true, .columns = 24};
    watch_begin(&self, &narrow, 24, 24);
    watch_lines(&self, "{'type':'message_streamed','data':{'delta':'https://example.org/a/b/c '}}");
    expect(strcmp(self.screen.commands,
                  "8;;https://example.org/a/b/c\n8;;\n8;;https://example.org/a/b/c\n8;;\n") == 0,
           "%s", self.screen.commands);
    self.screen.commands[0] = 0;
    watch_lines(&self, "{'type':'message_streamed','data':{'delta':'https://example.or'}}");
    asm_pipeline_tick(&self.pipeline, at_second(1));
    watch_lines(&self, "{'type':'message_streamed','data':{'delta':'g.evil.example '}}");
    expect(self.screen.commands[0] == 0, "%s", self.screen.commands);
    watch_end(&self);
    /* none without colour, in raw text, or where they were not asked for */
    static const asm_render_options without[] = {
        {.links = true, .color = ASM_SETTING_OFF}, {.links = true, .raw = true}, {.links = false}};
    for (size_t i = 0; i < COUNT(without); i++) {
        watch_begin(&self, &without[i], 80, 24);
        watch_lines(&self, "{'type':'message_streamed','data':{'delta':'https://example.org/ '}}");
        expect(self.screen.commands[0] == 0, "%zu: %s", i, self.screen.commands);
        watch_end(&self);
    }
    memset(&obeys_beside, 0, sizeof obeys_beside);
    end_of_cases();
}

/* ============================================================================================
 * Whole streams
 */

typedef struct watched_call {
    char id[200], subject[64];
    bool is_hidden;
} watched_call;

static struct watch {
    watcher view;
    asm_buffer spoken; /* all that agents say, without blanks */
    watched_call calls[64];
    struct {
        char id[64];
        bool said;
    } speakers[64];
    size_t count, events, speaker_count;
    int columns[3];
    bool resizes;
    const char *file;
} watch;

static void append_without_blanks(asm_buffer *out, asm_str text) {
    char memory[16];
    asm_buffer one;
    for (size_t at = 0; at < text.size;) {
        const size_t begin = at;
        asm_utf8_decode(text, &at);
        asm_buffer_init_fixed(&one, memory, sizeof memory);
        asm_text_append(&one, asm_str_make(text.data + begin, at - begin), 0);
        for (size_t i = 0; i < one.size; i++)
            if (one.data[i] != ' ' && one.data[i] != '\t' && one.data[i] != '\n')
                asm_buffer_append_byte(out, one.data[i]);
    }
}

/* Each call that runs is in sight while no text is open. */
static void check_calls(void) {
    char *text;
    if (watch.view.studio.text.in_line || watch.view.studio.text.word_size > 0 || watch.count > 2) return;
    text = screen_text(&watch.view.screen, true);
    for (size_t i = 0; i < watch.count; i++)
        expect(watch.calls[i].is_hidden || strstr(text, watch.calls[i].subject) != NULL,
               "%s: event %zu: %s is not in sight:\n%s", watch.file, watch.events, watch.calls[i].subject,
               text);
    free(text);
}

static void note_call(const asm_event *event) {
    static const char *const keys[] = {"command", "file_path", "pattern", "description"};
    const asm_str id = event->tool.call_id;
    if (event->type == ASM_EVENT_RUN_STARTED || event->type == ASM_EVENT_RUN_COMPLETED ||
        event->type == ASM_EVENT_RUN_FAILED || event->type == ASM_EVENT_RUN_CANCELLED)
        watch.count = 0;
    if (event->type == ASM_EVENT_TOOL_CALL_STARTED && watch.count < COUNT(watch.calls) && id.size > 0 &&
        id.size < 160) {
        watched_call *call = &watch.calls[watch.count++];
        asm_str raw = {NULL, 0}, key;
        snprintf(call->id, sizeof call->id, "%.*s", (int)id.size, id.data);
        call->is_hidden = asm_str_equal(event->tool.name, ASM_STR("TodoWrite"));
        *call->subject = 0;
        for (size_t i = 0; i < COUNT(keys) && !raw.data && event->tool.input.data; i++) {
            key = asm_str_from(keys[i]);
            asm_json_find(event->tool.input, &key, &raw, 1, NULL);
        }
        /* the first plain word of it that is no shell or directory */
        if (raw.size > 3 && asm_str_equal(event->tool.name, ASM_STR("Bash")) &&
            !memchr("cb/\\", raw.data[1], 4))
            snprintf(call->subject, sizeof call->subject, "%.*s", (int)strcspn(raw.data + 1, " \"\\="),
                     raw.data + 1);
        call->subject[6] = 0;
    }
    if (event->type != ASM_EVENT_TOOL_CALL_COMPLETED && event->type != ASM_EVENT_TOOL_CALL_FAILED) return;
    for (size_t i = 0; i < watch.count; i++)
        if (asm_str_equal(id, asm_str_from(watch.calls[i].id))) watch.calls[i--] = watch.calls[--watch.count];
}

/* A message that is received was said before, if its speaker said anything since the last. */
static void note_spoken(const asm_event *event) {
    const asm_message_payload *message = &event->message;
    size_t who = 0;
    if (event->type != ASM_EVENT_MESSAGE_STREAMED && event->type != ASM_EVENT_MESSAGE_RECEIVED &&
        event->type != ASM_EVENT_MESSAGE_SENT)
        return;
    while (who < watch.speaker_count &&
           !asm_str_equal(asm_str_from(watch.speakers[who].id), message->parent_tool_call_id))
        who++;
    if (who == COUNT(watch.speakers)) fail_msg("too many speakers");
    if (who == watch.speaker_count)
        snprintf(watch.speakers[watch.speaker_count++].id, 64, "%.*s", (int)message->parent_tool_call_id.size,
                 message->parent_tool_call_id.size ? message->parent_tool_call_id.data : "");
    if (event->type == ASM_EVENT_MESSAGE_STREAMED && !message->thinking.value) {
        append_without_blanks(&watch.spoken, asm_event_text(event));
        watch.speakers[who].said = true;
    }
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        if (!watch.speakers[who].said) append_without_blanks(&watch.spoken, message->content);
        watch.speakers[who].said = false;
    }
    if (event->type == ASM_EVENT_MESSAGE_SENT && !message->synthetic.value &&
        message->parent_tool_call_id.size == 0)
        append_without_blanks(&watch.spoken, message->content);
}

static bool is_own_line(const char *line) {
    static const char *const symbols[] = {"●", "◐", "✓", "✗", "│", "?"};
    while (strncmp(line, "┊ ", 4) == 0)
        line += 4;
    if (*line == '[' && strchr(line, ']')) line = strchr(line, ']') + 2;
    for (size_t i = 0; i < COUNT(symbols); i++)
        if (strncmp(line, symbols[i], strlen(symbols[i])) == 0) return true;
    return false;
}

static void on_watched_event(void *user, const asm_event *event) {
    (void)user;
    watch.events++;
    note_call(event);
    note_spoken(event);
    if (watch.resizes && watch.events % 7 == 0) {
        const int columns = watch.columns[watch.events / 7 % 3];
        watch.view.terminal.columns = watch.view.tty.terminal.columns = columns;
        screen_resize(&watch.view.screen, columns);
    }
    asm_pipeline_event(&watch.view.pipeline, event);
    if (event->time > watch.view.now) watch.view.now = event->time;
    if (watch.events % 3 == 0) asm_pipeline_tick(&watch.view.pipeline, watch.view.now += 1500000);
    check_calls();
}

#include "test_studio_facts.h"

/* The text of agents and persons that is on the screen, without blanks and margins. */
static void read_spoken(const char *text, bool has_fences, asm_buffer *spoken) {
    while (*text) {
        const size_t size = strcspn(text, "\n");
        const char *line = text + 2;
        if (size > 2 && !is_own_line(line)) {
            size_t skip = 2;
            while (strncmp(text + skip, "┊ ", 4) == 0)
                skip += 4;
            if (text[skip] == '[' && strncmp(text + 2, "┊", 3) == 0)
                skip = (size_t)(strchr(text, ']') + 2 - text);
            if (strncmp(text + skip, "> ", 2) == 0) skip += 2;
            if (has_fences && strncmp(text + skip, "  │ ", 6) == 0) skip += 6;
            append_without_blanks(spoken, asm_str_make(text + skip, size - skip));
        }
        text += size + (text[size] == '\n');
    }
}

static void watch_file(const char *path, int columns, bool resizes, bool color) {
    asm_ingest ingest;
    asm_ingest_options options = {.on_event = on_watched_event};
    asm_render_options look = {.color = color ? ASM_SETTING_ON : ASM_SETTING_OFF};
    size_t size;
    char *bytes = read_file(path, &size), *final;
    const int widths[] = {columns, 40, 97};
    asm_buffer seen;
    watch.file = path;
    watch.count = watch.events = watch.speaker_count = 0;
    memset(watch.speakers, 0, sizeof watch.speakers);
    watch.resizes = resizes;
    memcpy(watch.columns, widths, sizeof widths);
    asm_buffer_init_growing(&watch.spoken);
    asm_buffer_init_growing(&seen);
    watch_begin(&watch.view, &look, columns, 24);
    asm_ingest_init(&ingest, &options);
    for (size_t at = 0; at < size; at += 997) { /* in pieces */
        asm_ingest_feed(&ingest, bytes + at, size - at < 997 ? size - at : 997, at_second(400 * 86400));
    }
    asm_ingest_end(&ingest, at_second(400 * 86400));
    asm_ingest_close(&ingest);
    assert_int_equal(asm_pipeline_close(&watch.view.pipeline), ASM_OK);
    expect(watch.view.screen.error == NULL, "%s at %d: %s", path, columns, watch.view.screen.error);
    expect(resizes || !watch.view.screen.wrapped, "%s at %d: a line is wider than the screen", path, columns);
    expect_shown(&watch.view, "");
    final = screen_text(&watch.view.screen, false);
    read_spoken(final, color, &seen);
    if (!color || !strstr(final, "│ "))
        expect(asm_str_equal(asm_buffer_text(&seen), asm_buffer_text(&watch.spoken)),
               "%s at %d: what was said\n%.*s\n  on the screen\n%.*s\n%s", path, columns,
               (int)watch.spoken.size, watch.spoken.data, (int)seen.size, seen.data, "");
    expect((strncmp(final, "  ◐ ", 6) != 0 && strstr(final, "\n  ◐ ") == NULL) ||
               strstr(final, "In the background"),
           "%s: what ran is still there\n%s", path, final);
    free(final);
    asm_buffer_close(&seen);
    asm_buffer_close(&watch.spoken);
    screen_close(&watch.view.screen);
    asm_buffer_close(&watch.view.text);
    free(bytes);
}

static void watch_everywhere(const char *path) {
    static const int widths[] = {40, 80, 200};
    for (size_t i = 0; i < COUNT(widths); i++)
        for (int way = 0; way < 3; way++)
            watch_file(path, widths[i], way == 1, way == 2);
    check_facts_of_file(path, ASM_TOOL_OUTPUT_SUMMARY);
}

static int watch_files(char **paths, int count) {
    for (int i = 0; i < count; i++)
        watch_everywhere(paths[i]);
    printf("%d files, %d faults\n", count, failed_cases);
    return failed_cases > 0;
}

static void watch_directory(const char *path, const char *end) {
    DIR *directory = opendir(path);
    size_t files = 0;
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char file[600];
        const size_t size = strlen(entry->d_name);
        if (size < strlen(end) || strcmp(entry->d_name + size - strlen(end), end) != 0) continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        watch_everywhere(file);
        files++;
    }
    closedir(directory);
    expect(files > 0, "%s", path);
}

/* Every sentence is on the screen, once, in order; what runs is in sight; no line of ours is broken; nothing is left over. */
static void test_screens(void **state) {
    (void)state;
    watch_directory("examples/data", ".jsonl");
    watch_directory("tests/golden", ".events.jsonl");
    end_of_cases();
}
