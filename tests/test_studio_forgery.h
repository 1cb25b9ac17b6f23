/* Texts that try to look like lines of studio's own, in every member of an event that is shown. Included by
 * test_studio.c. */

/* What a text is put into: events, @ where it stands. */
static const char *const forged_places[] = {
    "{'type':'run_started','data':{'model':'@','cwd':'@','git_branch':'@','title':'@'},'session_id':'@',"
    "'provider':'@'}\n",
    "{'type':'run_started','provider':'@','data':{}}\n",
    "{'type':'session_updated','data':{'title':'@','cwd':'@'}}\n",
    "{'type':'session_paused','data':{'stop_reason':'@'}}\n{'type':'session_failed','data':{'error_message':'"
    "@'}}\n",
    "{'type':'message_streamed','data':{'delta':'a @'}}\n{'type':'message_streamed','data':{'delta':'@'}}\n",
    "{'type':'message_streamed','agent_id':'one','data':{'delta':'a'}}\n"
    "{'type':'message_streamed','agent_id':'@','data':{'delta':'b'}}\n"
    "{'type':'message_streamed','agent_id':'x@','data':{'delta':'c'}}\n",
    "{'type':'message_sent','data':{'content':'@'}}\n{'type':'message_received','data':{'content':'@'}}\n",
    "{'type':'message_streamed','data':{'delta':'@','thinking':true}}\n",
    "{'type':'message_retracted','data':{'reason':'@'}}\n",
    STARTED("Bash", "{'command':'@','description':'@'}") DONE(",'tool_output':'@','exit_code':0"),
    STARTED("@", "{'a':'@'}") DONE(",'tool_output':'@','display_text':'@'"),
    STARTED("mcp__@__@", "{'a':'@'}") FAILED(",'error_message':'@','status':'@'"),
    STARTED("Read", "{'file_path':'/src/@'}") FAILED(",'tool_output':'@'"),
    STARTED("Read", "{'file_path':'@'}") DONE(",'tool_output':'@'"),
    STARTED("Grep", "{'pattern':'@','path':'@'}") DONE(",'tool_output':'@'"),
    STARTED("Glob", "{'pattern':'@'}") DONE(",'tool_output':'@'"),
    STARTED("WebFetch", "{'url':'https://@'}") DONE(",'tool_output':'@'"),
    STARTED("WebSearch", "{'query':'@'}") DONE(",'tool_output':'@'"),
    STARTED("Edit", "{'file_path':'@','old_string':'@','new_string':'@'}")
        DONE(",'changes':[{'path':'@','kind':'@','added':1},{'path':'b@','kind':'add'}],"
             "'tool_result':{'structuredPatch':[{'oldStart':1,'newStart':1,'lines':['@','+@','-@']}]}"),
    STARTED("apply_patch", "{'input':'*** Begin Patch\\n*** Update File: @\\n@\\n+@\\n*** End Patch'}")
        DONE(",'tool_output':'@'"),
    STARTED("Task", "{'description':'@','subagent_type':'@','prompt':'@'}") DONE(",'tool_output':'@'"),
    AGENT("t", "@", "One@") AGENT("u", "@", "@") INNER("r", "u")
        INNER_DONE("r", "u") "{'type':'message_streamed','data':{'delta':'@','parent_tool_call_id':'t'}}\n",
    "{'type':'tool_approval_requested','data':{'tool_name':'@','tool_call_id':'m','tool_input':{'a':'@','b':'"
    "@'},"
    "'reason':'@'}}\n"
    "{'type':'tool_approval_denied','data':{'tool_name':'@','tool_call_id':'m','reason':'@'}}\n",
    "{'type':'tool_approval_requested','data':{'kind':'question','tool_call_id':'m','reason':'@',"
    "'options':[{'label':'@','description':'@'},'@']}}\n"
    "{'type':'tool_approval_granted','data':{'kind':'question','tool_call_id':'m','decision':'answer','"
    "answer':'@'}}\n",
    "{'type':'todos_updated','data':{'todos':[{'content':'@','status':'in_progress'},{'content':'b@','status'"
    ":'@'}]}}\n",
    "{'type':'claude.api_retry','data':{'attempt':1,'max_attempts':2,'code':'@','text':'@','retry_in_ms':5}}"
    "\n"
    "{'type':'x.limit','data':{'level':'warning','code':'@','text':'@'}}\n",
    "{'type':'x.@','data':{'text':'@','level':'@','code':'@'}}\n",
    "{'type':'@','data':{'x':'@'}}\n",
    "{'type':'error_occurred','data':{'error_message':'@','error_code':'@'}}\n"
    "{'type':'policy_violation','data':{'policy':'@','message':'@'}}\n",
    "{'type':'status_changed','data':{'status':'error','error_message':'@'}}\n"
    "{'type':'agent_shutdown','data':{'reason':'@'}}\n",
    "{'type':'run_started','data':{}}\n{'type':'run_completed','data':{'stop_reason':'@',"
    "'permission_denials':[{'tool_name':'@'},{'tool_name':'b@'}]}}\n",
    "{'type':'run_started','data':{}}\n{'type':'run_failed','data':{'error_code':'@','error_message':'@'}}\n",
    "{'type':'run_started','data':{}}\n{'type':'run_cancelled','data':{'stop_reason':'@','error_message':'@'}"
    "}\n",
};

/* The inside of JSON strings. */
static const char *const forgeries[] = {
    "● Session complete\\n  ✓ Ran: rm (exit 0)\\n✓ Approved: x\\n● Approve? Bash: ls\\n┊ ✓ Read a",
    "\\r  ✓ Approved\\u000b  ✓ b\\u000c  ✓ c\\u0085  ✓ d\\u2028  ✓ e\\u2029  ✓ f\\u001b[2K\\u001b[1G  ✓ g",
    "✓ Ran: make",
    "] ✓ Ran: m",
    "x] ✓ R",
    "] + Ran: make",
    "┊ ✓ a",
    "a\\n\\n\\n  ✓ b\\n\\n",
    "* Approved\\n  + Ran\\n  * a",
    "a\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301 ✓ b",
    "\\u202e(0 tixe) ekam :naR ✓\\u202c\\u2066✓ a\\u2069",
    "a\\tb\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t✓ Ran: c",
    "文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文文 ✓ a",
    "a\\u200b\\u200c\\u200d\\u2060\\ufeff✓ b",
    "x\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0\\u00a0✓ Ran: c",
    ("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789✓ "
     "Ran: c"),
    "................ ✓ a",
    "............................................................................ ✓ a",
    "\\u3000\\u3000✓ a",
    "\\ufffd\\ud800✓\\ud83d\\ude80 ✓ a",
    "```\\n✓ a\\n```\\n# ✓ b\\n- ✓ c\\n> ✓ d\\n| ✓ e |",
};

/* The symbols of studio's own lines, one after the other; the others are texts. */
static void own_symbols(const char *text, char *out) {
    static const char *const symbols[] = {"✓ ", "✗ ", "● ", "◐ ", "? ", "+ ", "x ", "* ", "o ", "> "};
    const char *const begin = out;
    for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
        const char *at = text + 2;
        if (strncmp(text, "  ", 2) != 0) continue;
        while (strncmp(at, "┊ ", 4) == 0 || strncmp(at, ": ", 2) == 0)
            at += *at == ':' ? 2 : 4;
        if (at > text + 2 && *at == '[' && strchr(at, ']')) at = strchr(at, ']') + 2;
        for (size_t i = 0; i < COUNT(symbols); i++)
            if (strncmp(at, symbols[i], strlen(symbols[i])) == 0 && out < begin + 190)
                out += sprintf(out, "%s", symbols[i]);
        /* lines of a person's text: as many as it has */
        if (out >= begin + 4 && strcmp(out - 4, "> > ") == 0) out -= 2, *out = 0;
    }
    *out = 0;
}

static void put_in(const char *place, const char *text, char *out) {
    for (; *place; place++)
        out += *place == '@' ? sprintf(out, "%s", text) : sprintf(out, "%c", *place);
}

/* No text makes a line look like one of studio's own, or adds one, in whatever member of an event it stands. */
static void test_no_member_forges_a_line(void **state) {
    (void)state;
    static const int widths[] = {0, 20, 41, 80};
    static char events[60000], expected[200], symbols[200];
    for (size_t i = 0; i < COUNT(forged_places); i++) {
        for (size_t k = 0; k < COUNT(forgeries) * COUNT(widths) * 4; k++) {
            const char *forgery = forgeries[k / COUNT(widths) / 4];
            asm_render_options options = piped;
            options.show_thinking = options.show_prompts = true;
            options.tool_output = k & 1 ? ASM_TOOL_OUTPUT_FULL : ASM_TOOL_OUTPUT_PREVIEW;
            options.ascii = k & 2 ? ASM_SETTING_ON : ASM_SETTING_OFF;
            options.columns = widths[k / 4 % COUNT(widths)];
            options.tty = options.columns ? ASM_SETTING_ON : ASM_SETTING_OFF;
            put_in(forged_places[i], "word", events);
            char *text = view(&options, events);
            own_symbols(text, expected);
            free(text);
            put_in(forged_places[i], forgery, events);
            text = view(&options, events);
            own_symbols(text, symbols);
            expect(strcmp(symbols, expected) == 0, "%s\n%d columns%s\n%s  has %s, not %s", events,
                   options.columns, k & 2 ? ", ASCII" : "", text, symbols, expected);
            expect(is_neutral(asm_str_from(text)), "%s", shown(asm_str_from(text)));
            for (const char *c = text; *c && (k & 2); c++)
                expect((unsigned char)*c < 0x80, "%s\nnot ASCII: %s", events, text);
            free(text);
        }
    }
    end_of_cases();
}

/* The same on a screen whose width changes with each event, down to a single column: what is final stays, once. */
static void test_screens_of_any_width(void **state) {
    (void)state;
    static const int widths[] = {80, 20, 7, 41, 12, 80};
    static watcher self;
    static char events[60000];
    size_t step = 0;
    for (size_t i = 0; i < COUNT(forged_places); i++) {
        for (size_t k = i % 2; k < COUNT(forgeries); k += 2) {
            put_in(forged_places[i], forgeries[k], events);
            watch_begin(&self, NULL, 80, 24);
            for (char *line = events; *line;) {
                const int columns = (i + k) % 5 == 0 ? 1 : widths[step++ % COUNT(widths)];
                char *end = line + strcspn(line, "\n"), *next = end + (*end == '\n');
                *end = 0;
                self.terminal.columns = self.tty.terminal.columns = columns;
                screen_resize(&self.screen, columns);
                watch_lines(&self, line);
                asm_pipeline_tick(&self.pipeline, at_second((int)step));
                line = next;
            }
            assert_int_equal(asm_pipeline_close(&self.pipeline), ASM_OK);
            expect(self.screen.error == NULL, "%s: %s", self.screen.error, events);
            if ((i + k) % 5 > 0) expect_shown(&self, "");
            screen_close(&self.screen);
            asm_buffer_close(&self.text);
        }
    }
    end_of_cases();
}
