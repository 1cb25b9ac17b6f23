/* Nothing is made up: each line of studio's own is taken apart and found again in the events. What may stand on it (the
 * words of outcome, each figure with its unit, each text) is worked out here from the events alone, in another way than
 * the renderer does. Included by test_studio.c. */

/* ============================================================================================
 * What the events say
 */

enum { FACT_SIZE = 400, MAX_TOLD_CALLS = 600, MAX_TOLD_FILES = 60 };

typedef struct told_call {
    char id[200], name[100], kind[32];
    char *json; /* of its start */
    asm_time time;
    int tools; /* that its sub-agent started */
    int number;
    bool is_open;
} told_call;

typedef struct told_file {
    char path[FACT_SIZE];
    long long added, removed;
    bool has_counts, is_new, is_deleted;
} told_file;

/* The run as the events have told it so far. */
static struct told {
    told_call calls[MAX_TOLD_CALLS];
    size_t call_count;
    told_file files[MAX_TOLD_FILES];
    size_t file_count;
    struct {
        char id[100];
        long long input, output;
    } messages[600];
    size_t message_count;
    long long input, output; /* -1: nobody said; -2: more than can be counted */
    double cost;
    bool has_cost, is_active;
    int tools, failed;
    asm_time start, last;
    char cwd[FACT_SIZE], main_agent[100], error[4000];
    char retry[FACT_SIZE]; /* the notice that was told last, as it is to be shown */
    char *
        texts[60000]; /* what may be quoted: every text of the event and of what it belongs to, on one line */
    size_t text_count;
    const char *file;
    size_t event;
} told;

static void forget_run(void) {
    for (size_t i = 0; i < told.call_count; i++)
        free(told.calls[i].json);
    told.call_count = told.file_count = told.message_count = 0;
    told.input = told.output = -1;
    told.tools = told.failed = 0;
    told.has_cost = false;
    told.cost = 0;
    told.start = told.last = 0;
    told.cwd[0] = told.error[0] = 0;
}

static void copy_text(char *out, size_t size, asm_str text) {
    snprintf(out, size, "%.*s", (int)text.size, text.size > 0 ? text.data : "");
}

static asm_str member_of(asm_str json, const char *name) {
    asm_str key = asm_str_from(name), raw = {NULL, 0};
    if (asm_json_type_of(json) == ASM_JSON_OBJECT) asm_json_find(json, &key, &raw, 1, NULL);
    return raw;
}

static bool number_of(asm_str json, const char *name, long long *number) {
    int64_t value = 0;
    const asm_str raw = member_of(json, name);
    if (!raw.data || !asm_json_to_int64(raw, &value)) return false;
    *number = value;
    return true;
}

/* What a JSON value says: the text of a string, the JSON of anything else; the caller frees it. */
static char *said_by(asm_str raw) {
    asm_buffer scratch;
    asm_str text = raw;
    asm_buffer_init_growing(&scratch);
    if (raw.data && asm_json_type_of(raw) == ASM_JSON_STRING) asm_json_to_string(raw, &scratch, &text);
    if (!raw.data || asm_json_type_of(raw) == ASM_JSON_NULL) text = ASM_STR("");
    char *copy = (char *)malloc(text.size + 1);
    memcpy(copy, text.size > 0 ? text.data : "", text.size);
    copy[text.size] = 0;
    asm_buffer_close(&scratch);
    return copy;
}

/* ---- Texts that may be quoted ---- */

static char *on_one_line(asm_str text) {
    asm_buffer line;
    asm_buffer_init_growing(&line);
    asm_text_append(&line, text, ASM_TEXT_LINE);
    asm_buffer_append_byte(&line, 0);
    char *copy = (char *)malloc(line.size);
    memcpy(copy, line.data, line.size);
    for (char *c = copy; *c; c++)
        if (*c == '\t') *c = ' ';
    asm_buffer_close(&line);
    return copy;
}

static void may_quote(asm_str text) {
    if (told.text_count < COUNT(told.texts)) told.texts[told.text_count++] = on_one_line(text);
}

/* `text` with each `from` as `to`. */
static void may_quote_with(const char *text, const char *from, const char *to) {
    asm_buffer other;
    if (!strstr(text, from)) return;
    asm_buffer_init_growing(&other);
    for (const char *at = text; *at;) {
        const size_t size = strncmp(at, from, strlen(from)) == 0 ? strlen(from) : 0;
        asm_buffer_append(&other, size ? asm_str_from(to) : asm_str_make(at, 1));
        at += size ? size : 1;
    }
    may_quote(asm_buffer_text(&other));
    asm_buffer_close(&other);
}

/* A text, and what is left of it when the quotes of a shell, or of an MCP server's tool, are taken away. */
static void may_quote_all(asm_str text) {
    char *whole = (char *)malloc(text.size + 1);
    memcpy(whole, text.size > 0 ? text.data : "", text.size);
    whole[text.size] = 0;
    may_quote(text);
    may_quote_with(whole, "'\\''", "'");
    may_quote_with(whole, "\\\"", "\"");
    if (strncmp(whole, "mcp__", 5) == 0) may_quote_with(whole + 5, "__", ":");
    for (char *c = whole; *c; c++)
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
    if (strstr(whole, "://")) may_quote(asm_str_from(whole)); /* a host */
    free(whole);
}

/* Every string of a JSON text but the names of members; and each list of strings as a line of words. */
static void may_quote_json(const char *json) {
    asm_buffer words;
    asm_buffer_init_growing(&words);
    for (const char *at = json; *at; at++) {
        if (*at == '[') asm_buffer_clear(&words);
        if (*at == ']' && words.size > 0) may_quote_all(asm_buffer_text(&words));
        if (*at != '"') continue;
        const char *end = at + 1;
        while (*end && *end != '"')
            end += *end == '\\' ? 2 : 1;
        if (*end && end[1] != ':') {
            char *text = said_by(asm_str_make(at, (size_t)(end + 1 - at)));
            may_quote_all(asm_str_from(text));
            if (words.size > 0) asm_buffer_append_byte(&words, ' ');
            asm_buffer_append(&words, asm_str_from(text));
            free(text);
        }
        at = end;
    }
    asm_buffer_close(&words);
}

static void forget_texts(void) {
    while (told.text_count > 0)
        free(told.texts[--told.text_count]);
}

/* Whether what is shown is a part of one text: where it has an ellipsis or dots for a secret, its parts in order. */
static bool is_quoted(const char *shown_text, size_t size) {
    static const char *const gaps[] = {"…", "•••", "..."};
    char text[4096];
    if (size >= sizeof text) return false;
    memcpy(text, shown_text, size);
    text[size] = 0;
    for (size_t i = 0; i < told.text_count; i++) {
        const char *at = told.texts[i], *part = text;
        bool is_found = true;
        while (*part && is_found) {
            const char *end = part + strlen(part);
            size_t skip = 0;
            if (!strstr(at, part))
                for (size_t k = 0; k < COUNT(gaps); k++) {
                    const char *gap = strstr(part, gaps[k]);
                    if (gap && gap < end) end = gap, skip = strlen(gaps[k]);
                }
            char *rest = (char *)malloc((size_t)(end - part) + 1);
            memcpy(rest, part, (size_t)(end - part));
            rest[end - part] = 0;
            if (skip > 0 && end > part && end[-1] == ' ')
                rest[end - part - 1] = 0; /* for the end of a line */
            const char *found = strstr(at, rest);
            is_found = found != NULL;
            if (found) at = found + strlen(rest);
            free(rest);
            part = end + skip;
        }
        if (is_found) return true;
    }
    return false;
}

/* ---- Figures in words ---- */

static const char *trimmed_tenths(char *out, long long tenths, const char *unit) {
    sprintf(out, tenths % 10 ? "%lld.%lld%s" : "%lld%.0lld%s", tenths / 10, tenths % 10 ? tenths % 10 : 0,
            unit);
    return out;
}

static const char *short_count(char *out, long long count) {
    const long long unit = count < 999500 ? 1000 : 1000000;
    if (count < 1000) sprintf(out, "%lld", count);
    else if (count < 100 * unit)
        trimmed_tenths(out, (count * 10 + unit / 2) / unit, unit == 1000 ? "k" : "M");
    else sprintf(out, "%lld%s", (count + unit / 2) / unit, unit == 1000 ? "k" : "M");
    return out;
}

static const char *grouped(char *out, long long count) {
    char digits[32];
    sprintf(digits, "%lld", count);
    const size_t size = strlen(digits);
    *out = 0;
    for (size_t i = 0; i < size; i++)
        sprintf(out + strlen(out), "%s%c", i > 0 && (size - i) % 3 == 0 ? "," : "", digits[i]);
    return out;
}

static const char *duration(char *out, double milliseconds) {
    const long long tenths = (long long)(milliseconds / 100 + 0.5), seconds = (tenths + 5) / 10;
    if (tenths < 600) return trimmed_tenths(out, tenths, "s");
    if (seconds < 3600) sprintf(out, "%lldm %02llds", seconds / 60, seconds % 60);
    else if (seconds < 86400) sprintf(out, "%lldh %02lldm", seconds / 3600, seconds / 60 % 60);
    else sprintf(out, "%lldd %02lldh", seconds / 86400, seconds / 3600 % 24);
    return out;
}

static const char *money(char *out, double dollars) {
    const bool is_small = dollars > 0 && dollars < 0.01;
    char digits[400], whole[40];
    if (dollars >= 1e15) {
        sprintf(out, "$%g", dollars);
        return out;
    }
    sprintf(digits, is_small ? "%.4f" : "%.2f", dollars + 1e-9); /* halves up */
    if (is_small) {
        while (strchr("0.", digits[strlen(digits) - 1]) && digits[1])
            digits[strlen(digits) - 1] = 0;
        sprintf(out, "$%s", digits);
    } else sprintf(out, "$%s%s", grouped(whole, atoll(digits)), strchr(digits, '.'));
    return out;
}

/* ============================================================================================
 * Facts of an event
 */

static struct {
    char text[40][FACT_SIZE];
    size_t count;
} allowed_facts;

static void allow_fact(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (allowed_facts.count < COUNT(allowed_facts.text))
        vsnprintf(allowed_facts.text[allowed_facts.count++], FACT_SIZE, format, arguments);
    va_end(arguments);
}

static told_call *call_of(asm_str id, bool is_open) {
    for (size_t i = told.call_count; i-- > 0;)
        if (id.size > 0 && asm_str_equal(id, asm_str_from(told.calls[i].id)) &&
            told.calls[i].is_open >= is_open)
            return &told.calls[i];
    return NULL;
}

/* The call that an event of a tool is about; without an id the last of that name. */
static told_call *call_of_event(const asm_event *event) {
    told_call *call = call_of(event->tool.call_id, true);
    if (call || event->tool.call_id.size > 0) return call ? call : call_of(event->tool.call_id, false);
    for (size_t i = told.call_count; i-- > 0;)
        if (told.calls[i].is_open && told.calls[i].id[0] == 0 &&
            (event->tool.name.size == 0 || asm_str_equal(event->tool.name, asm_str_from(told.calls[i].name))))
            return &told.calls[i];
    return NULL;
}

/* Whether several calls had the id of the event's: which of them it means cannot be told. */
static bool is_ambiguous(const asm_event *event) {
    size_t count = 0;
    for (size_t i = 0; i < told.call_count; i++)
        count += event->tool.call_id.size > 0 &&
                 asm_str_equal(event->tool.call_id, asm_str_from(told.calls[i].id));
    return count > 1;
}

/* Whether an event is the main agent's own. */
static bool is_of_main_agent(const asm_event *event) {
    return event->tool.parent_tool_call_id.size == 0 &&
           (event->agent_id.size == 0 || asm_str_equal(event->agent_id, asm_str_from(told.main_agent)));
}

/* What came out of a tool: its text, or the text in the object or list that it gave. */
static char *output_of(const asm_tool_payload *tool) {
    if (tool->output.data) {
        char *copy = (char *)malloc(tool->output.size + 1);
        memcpy(copy, tool->output.data, tool->output.size);
        copy[tool->output.size] = 0;
        return copy;
    }
    const asm_str inside = member_of(tool->output_json, "output");
    if (inside.data) return said_by(inside);
    if (asm_json_type_of(tool->output_json) == ASM_JSON_ARRAY) {
        asm_json_reader reader;
        asm_str first, second;
        asm_json_reader_init(&reader, tool->output_json, NULL);
        asm_json_enter_array(&reader);
        if (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &first) &&
            !asm_json_next_element(&reader)) {
            second = member_of(first, "text");
            if (asm_json_type_of(second) == ASM_JSON_STRING) return said_by(second);
        }
    }
    return said_by(tool->output_json);
}

static long long lines_in(const char *text, bool only_filled) {
    long long lines = 0;
    while (*text) {
        const size_t size = strcspn(text, "\n");
        lines += !only_filled || strspn(text, " \t\r") < size;
        text += size + (text[size] == '\n');
    }
    return lines;
}

typedef enum how { WENT_WELL, WENT_SOMEHOW, WENT_WRONG, WAS_DECLINED, WAS_CANCELLED, TIMED_OUT } how;

static how how_it_ended(const asm_event *event, bool *has_exit, long long *exit_code) {
    static const struct {
        const char *status;
        how how;
    } words[] = {{"completed", WENT_WELL},     {"success", WENT_WELL}, {"ok", WENT_WELL},
                 {"failed", WENT_WRONG},       {"error", WENT_WRONG},  {"declined", WAS_DECLINED},
                 {"cancelled", WAS_CANCELLED}, {"timeout", TIMED_OUT}};
    const asm_tool_payload *tool = &event->tool;
    how ended = WENT_WELL;
    char *status =
        tool->status.size > 0 || tool->output.data ? NULL : said_by(member_of(tool->output_json, "status"));
    char word[100];
    copy_text(word, sizeof word, status ? asm_str_from(status) : tool->status);
    free(status);
    *has_exit = tool->exit_code.is_set;
    *exit_code = tool->exit_code.value;
    if (!*has_exit && !tool->output.data) *has_exit = number_of(tool->output_json, "exit_code", exit_code);
    if (word[0]) ended = WENT_SOMEHOW;
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i].status, word) == 0) ended = words[i].how;
    if (ended > WENT_SOMEHOW) return ended;
    return event->type == ASM_EVENT_TOOL_CALL_FAILED || (*has_exit && *exit_code != 0) ? WENT_WRONG : ended;
}

/* The exit code that a failed command's text ends with, in words. */
static void allow_last_exit_code(const char *text) {
    size_t size = strlen(text);
    int code;
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' ' || text[size - 1] == '.'))
        size--;
    while (size > 0 && text[size - 1] != '\n')
        size--;
    while (text[size] == ' ')
        size++;
    if (sscanf(text + size, "Command failed with exit code: %d", &code) == 1 ||
        sscanf(text + size, "Command exited with code %d", &code) == 1 ||
        sscanf(text + size, "Command exited with code: %d", &code) == 1 ||
        sscanf(text + size, "Process exited with code %d", &code) == 1)
        allow_fact("exit %d", code);
}

/* Of the exit codes that a failed tool's output and reason name. */
static void allow_told_exit_codes(const asm_tool_payload *tool, const char *output, how ended) {
    char text[100];
    if (tool->error_message.size > 0) {
        copy_text(text, sizeof text, tool->error_message);
        if (strncmp(text, "Exit code ", 10) == 0) allow_fact("exit %d", atoi(text + 10));
        allow_last_exit_code(text);
    }
    if (ended <= WENT_SOMEHOW) return;
    for (const char *at = output; (at = strstr(at, "Exit code ")) != NULL; at++)
        allow_fact("exit %d", atoi(at + 10));
    allow_last_exit_code(output);
}

/* Of what was read or written. */
static void allow_lines(const asm_tool_payload *tool, const told_call *call, const char *output) {
    static const char *const contents[] = {"content", "contents", "file_text"};
    char text[100];
    long long number = 0;
    asm_event start;
    asm_buffer scratch;
    if (number_of(member_of(tool->result, "file"), "numLines", &number) ||
        (asm_json_type_of(tool->result) != ASM_JSON_OBJECT && *output &&
         (number = lines_in(output, false)) >= 0))
        allow_fact("%s %s", grouped(text, number), number == 1 ? "line" : "lines");
    asm_buffer_init_growing(&scratch);
    memset(&start, 0, sizeof start);
    if (call) asm_event_read_json(&start, asm_str_from(call->json), &scratch, NULL);
    for (size_t i = 0; i < COUNT(contents); i++) {
        asm_str content = member_of(tool->input, contents[i]);
        if (!content.data) content = member_of(start.tool.input, contents[i]);
        if (!content.data) continue;
        char *written = said_by(content);
        number = lines_in(written, false);
        allow_fact("%s %s", grouped(text, number), number == 1 ? "line" : "lines");
        free(written);
    }
    asm_buffer_close(&scratch);
}

static void allow_duration(const asm_event *event, const told_call *call) {
    const asm_tool_payload *tool = &event->tool;
    char text[100];
    double milliseconds = 0;
    if (tool->duration_ms.is_set) milliseconds = tool->duration_ms.value;
    else if (!tool->output.data && member_of(tool->output_json, "duration_ms").data)
        asm_json_to_double(member_of(tool->output_json, "duration_ms"), &milliseconds);
    else if (call && call->time > 0 && event->time > call->time)
        milliseconds = (double)(event->time - call->time) / 1000;
    if (milliseconds > 2000) allow_fact("%s", duration(text, milliseconds));
}

/* All that may stand in the brackets of a tool's end. */
static void allow_facts_of_end(const asm_event *event, const told_call *call, how ended, bool has_exit,
                               long long exit_code) {
    const asm_tool_payload *tool = &event->tool;
    char *output = output_of(tool), text[100];
    asm_usage_payload usage;
    if (has_exit) allow_fact("exit %lld", exit_code);
    else allow_told_exit_codes(tool, output, ended);
    if (*output) {
        const long long number = (long long)asm_utf8_count(asm_str_from(output));
        allow_fact("%s %s", short_count(text, number), number == 1 ? "char" : "chars");
    }
    if (ended <= WENT_SOMEHOW) allow_lines(tool, call, output);
    allow_duration(event, call);
    if (call && call->tools > 0) allow_fact("%d %s", call->tools, call->tools == 1 ? "tool" : "tools");
    memset(&usage, 0, sizeof usage);
    if (tool->token_usage.data && asm_usage_read(&usage, tool->token_usage))
        allow_fact("%s tokens", short_count(text, usage.input_tokens.value + usage.output_tokens.value));
    free(output);
}

/* How many files or matches a search has found; false if nothing tells. `*what`: of what. */
static bool found_by(const asm_event *event, char *shown_count) {
    const asm_str result = event->tool.result;
    char *output = output_of(&event->tool), text[100], *mode = said_by(member_of(result, "mode"));
    long long count = 0;
    bool is_known = true;
    const char *first = output + strspn(output, " \t\r\n");
    if (number_of(result, "numMatches", &count) ||
        (strcmp(mode, "content") == 0 && number_of(result, "numLines", &count)) ||
        number_of(result, "numFiles", &count) || sscanf(first, "Found %lld", &count) == 1 ||
        strncmp(first, "No ", 3) == 0 || !*first)
        is_known = true;
    else count = lines_in(output, true);
    sprintf(shown_count, "%s ", grouped(text, count));
    free(mode);
    free(output);
    return is_known;
}

/* The facts of a run's end, all of them, in order. */
static void facts_of_run(const asm_event *event, char *out, size_t size) {
    asm_usage_payload usage;
    char text[100];
    const char *between = "";
    double milliseconds = -1;
    memset(&usage, 0, sizeof usage);
    if (!event->run.token_usage.data || !asm_usage_read(&usage, event->run.token_usage)) {
        memset(&usage, 0, sizeof usage);
        if (told.input >= 0) usage.input_tokens = ASM_INT64(told.input);
        if (told.output >= 0) usage.output_tokens = ASM_INT64(told.output);
    }
    *out = 0;
#define ADD_FACT(...)                                                                                        \
    (snprintf(out + strlen(out), size - strlen(out), "%s", between),                                         \
     snprintf(out + strlen(out), size - strlen(out), __VA_ARGS__), between = ", ")
    if (usage.output_tokens.is_set) ADD_FACT("%s tokens out", grouped(text, usage.output_tokens.value));
    if (usage.input_tokens.is_set) {
        ADD_FACT("%s%s", short_count(text, usage.input_tokens.value),
                 usage.output_tokens.is_set ? " in" : " tokens in");
        if (usage.cache_read_tokens.value > 0 && usage.cache_read_tokens.value <= usage.input_tokens.value)
            snprintf(out + strlen(out), size - strlen(out), " (%lld%% cached)",
                     (long long)(100 * usage.cache_read_tokens.value / usage.input_tokens.value));
    }
    if (usage.cumulative.value && *out) strcat(out, " in the whole session");
    if (told.tools > 0) ADD_FACT("%s %s", grouped(text, told.tools), told.tools == 1 ? "tool" : "tools");
    if (told.failed > 0) ADD_FACT("%s failed", grouped(text, told.failed));
    if (event->run.duration_ms.is_set) milliseconds = event->run.duration_ms.value;
    else if (told.start > 0 && event->time > told.start &&
             event->time - told.start < 30 * 86400 * INT64_C(1000000))
        milliseconds = (double)(event->time - told.start) / 1000;
    if (milliseconds >= 50 && milliseconds < 1e13) ADD_FACT("%s", duration(text, milliseconds));
    if (event->run.cost_usd.is_set) ADD_FACT("%s", money(text, event->run.cost_usd.value));
    else if (told.has_cost) ADD_FACT("%s", money(text, told.cost));
#undef ADD_FACT
}

/* ============================================================================================
 * The run so far
 */

static void note_files(asm_str changes) {
    asm_json_reader reader;
    asm_str raw;
    asm_json_reader_init(&reader, changes, NULL);
    if (asm_json_type_of(changes) != ASM_JSON_ARRAY || !asm_json_enter_array(&reader)) return;
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw)) {
        char *path = said_by(member_of(raw, "path")), *kind = said_by(member_of(raw, "kind"));
        const size_t cwd = strlen(told.cwd);
        const char *relative = path;
        size_t i = 0;
        long long number;
        if (cwd > 1 && strncmp(path, told.cwd, cwd) == 0 && path[cwd] == '/' && path[cwd + 1])
            relative = path + cwd + 1;
        while (i < told.file_count && strcmp(told.files[i].path, relative) != 0)
            i++;
        if (i < MAX_TOLD_FILES && i == told.file_count && *path) {
            memset(&told.files[i], 0, sizeof told.files[i]);
            snprintf(told.files[i].path, FACT_SIZE, "%s", relative);
            told.files[i].is_new = strcmp(kind, "add") == 0;
            told.file_count++;
        }
        if (i < told.file_count) {
            told_file *file = &told.files[i];
            file->is_deleted = strcmp(kind, "delete") == 0;
            if (number_of(raw, "added", &number)) file->added += number, file->has_counts = true;
            if (number_of(raw, "removed", &number)) file->removed += number, file->has_counts = true;
        }
        free(path);
        free(kind);
    }
}

static void note_start(const asm_event *event, const char *json) {
    told_call *call = call_of(event->tool.call_id, true),
              *parent = call_of(event->tool.parent_tool_call_id, false);
    if (call && asm_str_equal(event->tool.name, asm_str_from(call->name))) return; /* told again */
    told.tools += is_of_main_agent(event);
    if (parent) parent->tools++;
    if (told.call_count == MAX_TOLD_CALLS) return;
    call = &told.calls[told.call_count++];
    memset(call, 0, sizeof *call);
    copy_text(call->id, sizeof call->id, event->tool.call_id);
    copy_text(call->name, sizeof call->name, event->tool.name);
    char *kind = said_by(member_of(event->tool.input, "subagent_type"));
    copy_text(call->kind, sizeof call->kind,
              event->tool.agent_kind.size > 0 ? event->tool.agent_kind : asm_str_from(kind));
    free(kind);
    call->json = (char *)malloc(strlen(json) + 1);
    strcpy(call->json, json);
    call->time = event->time;
    call->is_open = true;
    for (size_t i = 0; i < told.call_count; i++)
        call->number += strcmp(told.calls[i].kind, call->kind) == 0 &&
                        (call->kind[0] || strcmp(told.calls[i].name, call->name) == 0);
}

/* Adds what is more than was counted of the same message before. */
static void add_tokens(long long *sum, asm_optional_int64 figure, long long *counted) {
    if (!figure.is_set || *sum == -2) return;
    if (*sum < 0) *sum = 0;
    if (figure.value <= *counted) return;
    *sum = figure.value - *counted <= INT64_MAX - *sum ? *sum + figure.value - *counted : -2;
    *counted = figure.value;
}

static void note_usage(const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    size_t i = told.message_count;
    if (usage->cumulative.value) return;
    if (usage->message_id.size > 0) {
        for (i = 0;
             i < told.message_count && !asm_str_equal(usage->message_id, asm_str_from(told.messages[i].id));)
            i++;
    }
    if (i == COUNT(told.messages)) return;
    if (i == told.message_count) {
        memset(&told.messages[i], 0, sizeof told.messages[i]);
        copy_text(told.messages[i].id, sizeof told.messages[i].id, usage->message_id);
        told.message_count++;
    }
    add_tokens(&told.input, usage->input_tokens, &told.messages[i].input);
    add_tokens(&told.output, usage->output_tokens, &told.messages[i].output);
    if (usage->cost_usd.is_set) told.has_cost = true, told.cost += usage->cost_usd.value;
}

static bool is_one_of(const char *list, const char *word) {
    const char *found = *word ? strstr(list, word) : NULL;
    return found && found[-1] == ' ' && found[strlen(word)] == ' ';
}

static void note_retry(const asm_notice_payload *notice) {
    char text[100], code[100];
    const char *why = "API error";
    copy_text(code, sizeof code, notice->code);
    if (is_one_of(" 429 503 529 rate_limit overloaded ", code)) why = "API busy";
    if (is_one_of(" connection stream_ended timeout ", code)) why = "No answer";
    snprintf(told.retry, sizeof told.retry, "%s%s%s%s: retry %s", why, *code ? " (" : "", code,
             *code ? ")" : "", grouped(text, notice->attempt.value));
    if (notice->max_attempts.is_set)
        sprintf(told.retry + strlen(told.retry), " of %s", grouped(text, notice->max_attempts.value));
    if (notice->retry_in_ms.is_set)
        sprintf(told.retry + strlen(told.retry), " in %s", duration(text, notice->retry_in_ms.value));
}

/* What must be known before the event is shown. */
static void note_before(const asm_event *event, const char *json) {
    if (event->type == ASM_EVENT_RUN_STARTED) {
        forget_run();
        told.start = event->time;
        told.is_active = true;
    }
    if (event->type == ASM_EVENT_RUN_STARTED || event->type == ASM_EVENT_SESSION_UPDATED)
        if (event->run.cwd.size > 0) copy_text(told.cwd, sizeof told.cwd, event->run.cwd);
    if (told.main_agent[0] == 0) copy_text(told.main_agent, sizeof told.main_agent, event->agent_id);
    if (event->type == ASM_EVENT_TOOL_CALL_STARTED) note_start(event, json);
    if (event->type == ASM_EVENT_TOKEN_USAGE_UPDATED) note_usage(event);
    if (event->type == ASM_EVENT_CUSTOM && event->notice.attempt.is_set) note_retry(&event->notice);
    if (event->type != ASM_EVENT_TOOL_CALL_COMPLETED && event->type != ASM_EVENT_TOOL_CALL_FAILED) return;
    bool has_exit;
    long long exit_code;
    const how ended = how_it_ended(event, &has_exit, &exit_code);
    told.failed += ended > WENT_SOMEHOW && is_of_main_agent(event);
    if (ended <= WENT_SOMEHOW) note_files(event->tool.changes);
}

static void note_after(const asm_event *event) {
    if (event->type == ASM_EVENT_TOOL_CALL_COMPLETED || event->type == ASM_EVENT_TOOL_CALL_FAILED) {
        told_call *call = call_of_event(event);
        if (call) call->is_open = false;
    }
    if (event->type == ASM_EVENT_RUN_COMPLETED || event->type == ASM_EVENT_RUN_FAILED ||
        event->type == ASM_EVENT_RUN_CANCELLED || event->type == ASM_EVENT_RUN_TIMEOUT)
        told.is_active = false;
}

/* ============================================================================================
 * Lines
 */

/* A line of studio's own without its margin and symbol. */
typedef struct own_line {
    char symbol[4];
    char text[8192];
} own_line;

/* Whether `text` begins with `words`; `*rest` is what comes after. */
static bool goes(const char *text, const char *words, const char **rest) {
    if (strncmp(text, words, strlen(words)) != 0) return false;
    *rest = text + strlen(words);
    return true;
}

/* Whether all between is facts that are allowed, or a directory that is quoted. */
static bool are_facts(const char *text, size_t size) {
    while (size > 0) {
        const char *comma = text;
        size_t part = size;
        bool is_allowed = false;
        for (size_t i = 0; i + 1 < size && part == size; i++)
            if (strncmp(comma + i, ", ", 2) == 0) part = i;
        for (size_t i = 0; i < allowed_facts.count; i++)
            is_allowed = is_allowed || (strlen(allowed_facts.text[i]) == part &&
                                        strncmp(allowed_facts.text[i], text, part) == 0);
        if (!is_allowed && !(part > 3 && strncmp(text, "in ", 3) == 0 && is_quoted(text + 3, part - 3)))
            return false;
        text += part + (part < size ? 2 : 0);
        size -= part + (part < size ? 2 : 0);
    }
    return true;
}

/* The files of a patch, or a quoted text, in quotation marks or not. */
static bool is_subject(const char *text, size_t size) {
    static const char *const words[] = {" new", " deleted", " moved"};
    if (size == 0 || is_quoted(text, size)) return true;
    if (size > 1 && text[0] == '"' && text[size - 1] == '"') return is_quoted(text + 1, size - 2);
    for (size_t at = 0; at < size;) { /* files of a patch */
        size_t end = at, part;
        while (end < size && strncmp(text + end, ", ", 2) != 0)
            end++;
        part = end - at;
        for (size_t i = 0; i < COUNT(words); i++)
            if (part > strlen(words[i]) &&
                strncmp(text + end - strlen(words[i]), words[i], strlen(words[i])) == 0)
                part -= strlen(words[i]);
        if (!is_quoted(text + at, part)) return false;
        at = end + 2;
    }
    return true;
}

/* SUBJECT [(FACTS)] [— REASON], in any way that it can be read. */
static bool is_subject_facts_reason(const char *text) {
    const size_t size = strlen(text);
    static const char dash[] = " — ";
    for (const char *reason = text + size; reason;) {
        const size_t left = (size_t)(reason - text);
        const bool has_reason = reason < text + size;
        if (!has_reason || is_quoted(reason + strlen(dash), strlen(reason + strlen(dash)))) {
            if (is_subject(text, left)) return true;
            for (size_t at = left; left > 3 && text[left - 1] == ')' && at-- > 0;)
                if (strncmp(text + at, " (", 2) == 0 && is_subject(text, at) &&
                    are_facts(text + at + 2, left - at - 3))
                    return true;
        }
        const char *next = has_reason ? strstr(reason + 1, dash) : strstr(text, dash);
        reason = next;
    }
    return false;
}

static const char *tool_name_of(asm_str name, char *out) {
    char whole[300];
    copy_text(whole, sizeof whole, name.size > 0 ? name : ASM_STR("unknown tool"));
    char *line = on_one_line(asm_str_from(whole)), *server = line;
    if (strncmp(line, "mcp__", 5) == 0 && strlen(line) > 8 && (server = strstr(line + 6, "__")) != NULL)
        sprintf(out, "%.*s:%s", (int)(server - line - 5), line + 5, server + 2);
    else strcpy(out, line);
    free(line);
    return out;
}

/* Of the first file that a tool has changed. */
static void allow_facts_of_change(const asm_event *event) {
    asm_json_reader changes;
    asm_str change;
    asm_json_reader_init(&changes, event->tool.changes, NULL);
    if (asm_json_type_of(event->tool.changes) != ASM_JSON_ARRAY || !asm_json_enter_array(&changes) ||
        !asm_json_next_element(&changes) || !asm_json_read_raw(&changes, &change))
        return;
    char *kind = said_by(member_of(change, "kind"));
    long long added = 0, removed = 0;
    const bool has_added = number_of(change, "added", &added),
               has_removed = number_of(change, "removed", &removed);
    if (strcmp(kind, "add") == 0) allow_fact("new");
    if (strcmp(kind, "delete") == 0) allow_fact("deleted");
    if (strcmp(kind, "move") == 0) allow_fact("moved");
    char plus[60] = "", minus[60] = "", text[40];
    if (has_added) sprintf(plus, "+%s", grouped(text, added));
    if (has_removed) sprintf(minus, "−%s", grouped(text, removed));
    if (has_added || has_removed) allow_fact("%s%s%s", plus, has_added && has_removed ? " " : "", minus);
    free(kind);
}

/* What follows "Found" and the count: of what, and its subject. */
static bool is_what_was_found(const char *rest, bool is_one) {
    static const char *const what[] = {"file", "files", "match", "matches", "line", "lines"};
    static const char *const links[] = {" matching ", " for ", " with ", ""};
    for (size_t i = 0; i < COUNT(what); i++)
        for (size_t k = 0; k < COUNT(links); k++) {
            char words[40];
            const char *subject;
            sprintf(words, "%s%s", what[i], links[k]);
            if ((i % 2 == 0) == is_one && goes(rest, words, &subject) && is_subject_facts_reason(subject))
                return true;
        }
    return false;
}

/* The words for tools that have words of their own; then how it ended, and the tool's name. */
static bool is_end_in_own_words(const char *line, how ended, const char *name) {
    static const char *const well[] = {"Ran",           "Read",         "Wrote",
                                       "Edited",        "Searched for", "Listed",
                                       "Task complete", "Fetched",      "Searched the web for",
                                       "Updated todos"};
    static const char *const wrong[] = {
        "Bash failed", "Read failed", "Write failed", "Edit failed",       "Glob failed",      "Grep failed",
        "List failed", "Task failed", "Fetch failed", "Web search failed", "Todos not updated"};
    static const char *const others[] = {NULL,       "Ended, how is not known", NULL, "Not run", "Cancelled",
                                         "Timed out"};
    const char *const *own = ended == WENT_WELL ? well : wrong;
    const size_t own_count = ended == WENT_WELL ? COUNT(well) : ended == WENT_WRONG ? COUNT(wrong) : 0;
    for (size_t i = 0; i <= own_count; i++) {
        const char *word = i < own_count ? own[i] : others[ended], *rest;
        if (!word || !goes(line, word, &rest)) continue;
        rest += *rest == ':';
        rest += *rest == ' ' && rest[1] != '(' && strncmp(rest + 1, "—", 3) != 0;
        if (is_subject_facts_reason(rest)) return true;
        if (i == own_count && goes(rest, name, &rest) && strncmp(rest, ": ", 2) == 0 &&
            is_subject_facts_reason(rest + 2))
            return true;
    }
    return false;
}

/* The end of a tool: its words, and what follows from its event. */
static bool is_end_of_tool(const own_line *line, const asm_event *event) {
    static const char *const after_name[] = {
        "", " ended, how is not known", " failed", " not run", " cancelled", " timed out"};
    static const char *const symbols[] = {"✓", "●", "✗", "✗", "✗", "✗"};
    bool has_exit;
    long long exit_code;
    const how ended = how_it_ended(event, &has_exit, &exit_code);
    const told_call *call = is_ambiguous(event) ? NULL : call_of_event(event);
    const asm_str name = event->tool.name.size > 0 || !call ? event->tool.name : asm_str_from(call->name);
    char words[400], shown_name[400], count[40];
    const char *rest;
    if (strcmp(line->symbol, symbols[ended]) != 0) return false;
    allowed_facts.count = 0;
    allow_facts_of_end(event, call, ended, has_exit, exit_code);
    if (ended <= WENT_SOMEHOW) allow_facts_of_change(event);
    if (ended == WENT_WELL && goes(line->text, "Found ", &rest) && found_by(event, count) &&
        goes(rest, count, &rest))
        return is_what_was_found(rest, strcmp(count, "1 ") == 0);
    tool_name_of(name, shown_name);
    sprintf(words, "%s%s", shown_name, after_name[ended]);
    if (goes(line->text, words, &rest)) {
        if (strncmp(rest, ": ", 2) == 0 && is_subject_facts_reason(rest + 2)) return true;
        if (is_subject_facts_reason(rest)) return true;
    }
    return is_end_in_own_words(line->text, ended, shown_name);
}

/* NAME: SUBJECT, of a call that the event names or of any that runs. */
static bool is_asked(const char *text, const asm_event *event) {
    char name[400];
    const char *rest;
    asm_str names[MAX_TOLD_CALLS + 2];
    size_t count = 0;
    if (event && event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) names[count++] = event->approval.tool_name;
    if (event &&
        (event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED || event->type == ASM_EVENT_TOOL_APPROVAL_DENIED))
        names[count++] = event->approval.tool_name;
    for (size_t i = 0; i < told.call_count; i++)
        if (told.calls[i].is_open) names[count++] = asm_str_from(told.calls[i].name);
    names[count++] = ASM_STR("unknown tool");
    for (size_t i = 0; i < count; i++) {
        if (!goes(text, tool_name_of(names[i], name), &rest)) continue;
        if (!*rest || strncmp(rest, " — ", 5) == 0
                ? is_subject_facts_reason(rest)
                : strncmp(rest, ": ", 2) == 0 && is_subject_facts_reason(rest + 2))
            return true;
    }
    return false;
}

/* `Changed: …`: all files, each with its sums. */
static bool is_changed(const char *text) {
    char expected[20000] = "", one[40];
    for (size_t i = 0; i < told.file_count; i++) {
        const told_file *file = &told.files[i];
        char *path = on_one_line(asm_str_from(file->path));
        sprintf(expected + strlen(expected), "%s%s", i > 0 ? ", " : "", path);
        if (file->has_counts && !file->is_deleted) {
            sprintf(expected + strlen(expected), " +%s", grouped(one, file->added));
            sprintf(expected + strlen(expected), " −%s", grouped(one, file->removed));
        }
        if (file->is_deleted || file->is_new) strcat(expected, file->is_deleted ? " deleted" : " new");
        free(path);
    }
    return strcmp(text, expected) == 0;
}

/* `2 calls were not allowed: Bash ×2` */
static bool is_denials(const char *text, asm_str denials) {
    char expected[4000], names[8][120], shown_name[400];
    int counts[8], total = 0;
    size_t count = 0;
    asm_json_reader reader;
    asm_str raw;
    asm_json_reader_init(&reader, denials, NULL);
    if (asm_json_type_of(denials) != ASM_JSON_ARRAY || !asm_json_enter_array(&reader)) return false;
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw)) {
        char *name = said_by(member_of(raw, "tool_name"));
        size_t i = 0;
        while (i < count && strcmp(names[i], name) != 0)
            i++;
        if (i == count && count < 8) snprintf(names[count], 120, "%s", name), counts[count++] = 0;
        if (i < count) counts[i]++;
        total++;
        free(name);
    }
    sprintf(expected, "%d %s not allowed: ", total, total == 1 ? "call was" : "calls were");
    for (size_t i = 0; i < count; i++) {
        sprintf(expected + strlen(expected), "%s%s", i > 0 ? ", " : "",
                tool_name_of(asm_str_from(names[i]), shown_name));
        if (counts[i] > 1) sprintf(expected + strlen(expected), " ×%d", counts[i]);
    }
    return strcmp(text, expected) == 0;
}

static bool is_todos(const char *text, asm_str todos) {
    asm_json_reader reader;
    asm_str raw;
    int done = 0, count = 0;
    char head[60];
    const char *rest;
    asm_json_reader_init(&reader, todos, NULL);
    if (asm_json_type_of(todos) != ASM_JSON_ARRAY || !asm_json_enter_array(&reader)) return false;
    for (; asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw); count++) {
        char *status = said_by(member_of(raw, "status")), *completed = said_by(member_of(raw, "completed"));
        done += strcmp(status, "completed") == 0 || strcmp(completed, "true") == 0;
        free(status);
        free(completed);
    }
    sprintf(head, "Todo %d/%d", done, count);
    return goes(text, head, &rest) &&
           (!*rest || (strncmp(rest, ": ", 2) == 0 && is_quoted(rest + 2, strlen(rest + 2))));
}

/* A clock time of an ISO 8601 text; with its day. */
static bool is_clock(const char *text, asm_str time) {
    char iso[64], with_day[64], without[64];
    copy_text(iso, sizeof iso, time);
    if (strlen(iso) < 16) return is_quoted(text, strlen(text));
    sprintf(with_day, "%.10s %.5s UTC", iso, iso + 11);
    sprintf(without, "%.5s UTC", iso + 11);
    return strcmp(text, with_day) == 0 || strcmp(text, without) == 0;
}

/* What a notice says, its first letter perhaps made a capital. */
static bool is_in_words(const char *text, size_t size) {
    char small[FACT_SIZE];
    if (is_quoted(text, size)) return true;
    if (size == 0 || size >= sizeof small || text[0] < 'A' || text[0] > 'Z') return false;
    memcpy(small, text, size);
    small[0] = (char)(small[0] + 32);
    return is_quoted(small, size);
}

static bool is_compaction(const char *text, const asm_event *event) {
    const asm_str numbers = member_of(event->extra, "compact_metadata");
    long long before, after;
    char expected[200], first[100], second[100];
    if (!number_of(numbers, "pre_tokens", &before) || !number_of(numbers, "post_tokens", &after))
        return false;
    sprintf(expected, "Context compacted (%s to %s tokens)", short_count(first, before),
            short_count(second, after));
    return strcmp(text, expected) == 0;
}

static bool is_notice(const own_line *line, const asm_event *event) {
    static const char *const words[] = {"Context compacted", "Context cut", "Model changed", "Trying again"};
    static const char *const whose[][2] = {{"Run by the person", "pi.bashExecution"},
                                           {"Suggested", "claude.prompt_suggestion"},
                                           {"Summary", "claude.tool_use_summary"},
                                           {"Goal", "claude.active_goal"},
                                           {"Notice", ""}};
    const asm_notice_payload *notice = &event->notice;
    const char *rest, *again = strstr(line->text, ", again "), *clock;
    if (strcmp(line->symbol, "?") == 0) {
        char *name = on_one_line(asm_event_name(event));
        const bool is_named = goes(line->text, name, &rest) && (!*rest || is_subject_facts_reason(rest));
        free(name);
        return is_named;
    }
    if (again && notice->resets_at.size > 0) {
        const size_t before = (size_t)(again - line->text);
        if (!goes(again, ", again at ", &clock)) clock = again + 8;
        if (!is_clock(clock, notice->resets_at)) return false;
        return is_in_words(line->text, before) ||
               (goes(line->text, "Limit ", &rest) && strncmp(again - 8, " used up", 8) == 0 &&
                is_quoted(rest, before - 6 - 8));
    }
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(line->text, words[i]) == 0) return notice->text.size == 0;
    for (size_t i = 0; i < COUNT(whose); i++)
        if (goes(line->text, whose[i][0], &rest) && goes(rest, " — ", &rest))
            return (!*whose[i][1] || asm_str_equal(asm_event_name(event), asm_str_from(whose[i][1]))) &&
                   is_in_words(rest, strlen(rest));
    if (goes(line->text, "Error — ", &rest))
        return asm_str_equal(notice->level, ASM_STR("error")) && is_quoted(rest, strlen(rest));
    if (strcmp(line->text, "Error") == 0) return asm_str_equal(notice->level, ASM_STR("error"));
    return is_compaction(line->text, event) ||
           (notice->text.size > 0 && is_in_words(line->text, strlen(line->text)));
}

static bool is_start_of_run(const char *text, const asm_event *event) {
    char name[300], directory[FACT_SIZE];
    const asm_run_payload *run = &event->run;
    const char *rest;
    char *shown_name = on_one_line(run->model.size > 0 ? run->model : event->provider);
    snprintf(name, sizeof name, "%s%s", shown_name, *shown_name ? " session started" : "Session started");
    free(shown_name);
    if (!goes(text, name, &rest)) return false;
    copy_text(directory, sizeof directory, run->cwd);
    if (!*rest) return true;
    if (strncmp(rest, " in ", 4) == 0) rest += 4;
    allowed_facts.count = 0;
    copy_text(directory, sizeof directory, run->git_branch);
    allow_fact("%s", directory);
    return is_subject_facts_reason(rest);
}

/* `Session complete (REASON) — FACTS`, and what stands below it. */
static bool is_end_of_run(const own_line *line, const asm_event *event) {
    const bool is_completed = event->type == ASM_EVENT_RUN_COMPLETED,
               is_failed = event->type == ASM_EVENT_RUN_FAILED;
    const char *head = is_completed                           ? "Session complete"
                       : is_failed                            ? "Session failed"
                       : event->type == ASM_EVENT_RUN_TIMEOUT ? "Session timed out"
                                                              : "Session cancelled";
    char expected[1000], reason[300], facts[800];
    const char *rest;
    facts_of_run(event, facts, sizeof facts);
    if (goes(line->text, "Until then: ", &rest))
        return event->run.error_message.size > 0 && strcmp(rest, facts) == 0;
    if (goes(line->text, "Changed: ", &rest)) return is_changed(rest);
    if (goes(line->text, "Not ended: ", &rest)) return is_asked(rest, NULL);
    if (strstr(line->text, "not allowed: ")) return is_denials(line->text, event->run.permission_denials);
    if (strcmp(line->symbol, is_completed ? "●" : "✗") != 0) return false;
    char *code = on_one_line(is_completed ? event->run.stop_reason : event->run.error_code);
    copy_text(reason, sizeof reason, asm_str_from(code));
    free(code);
    if (event->run.error_message.size > 0 && strcmp(reason, "stream_ended") == 0)
        reason[0] = 0; /* the words tell it */
    sprintf(expected, "%s%s%s%s", head, *reason ? " (" : "", reason, *reason ? ")" : "");
    if (!goes(line->text, expected, &rest)) return false;
    if (event->run.error_message.size > 0) return is_subject_facts_reason(rest);
    return *facts ? strncmp(rest, " — ", 5) == 0 && strcmp(rest + 5, facts) == 0 : !*rest;
}

static bool is_approval(const own_line *line, const asm_event *event) {
    static const struct {
        const char *words, *symbol;
        asm_event_type type;
        const char *decision;
    } heads[] = {{"Approve? ", "●", ASM_EVENT_TOOL_APPROVAL_REQUESTED, NULL},
                 {"Question: ", "●", ASM_EVENT_TOOL_APPROVAL_REQUESTED, NULL},
                 {"Approved with changes: ", "✓", ASM_EVENT_TOOL_APPROVAL_GRANTED, "edit"},
                 {"Approved for good: ", "✓", ASM_EVENT_TOOL_APPROVAL_GRANTED, "always"},
                 {"Approved: ", "✓", ASM_EVENT_TOOL_APPROVAL_GRANTED, NULL},
                 {"Answered: ", "✓", ASM_EVENT_TOOL_APPROVAL_GRANTED, NULL},
                 {"Denied: ", "✗", ASM_EVENT_TOOL_APPROVAL_DENIED, NULL},
                 {"Not answered", "✗", ASM_EVENT_TOOL_APPROVAL_DENIED, NULL}};
    const char *rest;
    for (size_t i = 0; i < COUNT(heads); i++)
        if (event->type == heads[i].type && strcmp(line->symbol, heads[i].symbol) == 0 &&
            (!heads[i].decision ||
             asm_str_equal(event->approval.decision, asm_str_from(heads[i].decision))) &&
            goes(line->text, heads[i].words, &rest))
            return is_asked(rest, event) || is_subject_facts_reason(rest);
    return false;
}

/* Words that stand for an event, with its reason. */
static bool is_said(const own_line *line, const asm_event *event) {
    static const struct {
        const char *words, *symbol;
        asm_event_type type;
    } said[] = {{"Error", "✗", ASM_EVENT_ERROR_OCCURRED},
                {"Recovered", "●", ASM_EVENT_ERROR_RECOVERED},
                {"Title", "●", ASM_EVENT_SESSION_UPDATED},
                {"Session paused", "●", ASM_EVENT_SESSION_PAUSED},
                {"Session resumed", "●", ASM_EVENT_SESSION_RESUMED},
                {"Session failed", "✗", ASM_EVENT_SESSION_FAILED},
                {"Agent stopped with an error", "✗", ASM_EVENT_STATUS_CHANGED},
                {"Agent paused", "●", ASM_EVENT_STATUS_CHANGED},
                {"Not allowed", "✗", ASM_EVENT_POLICY_VIOLATION},
                {"Agent shut down", "●", ASM_EVENT_AGENT_SHUTDOWN},
                {"Agent moved", "●", ASM_EVENT_NODE_TRANSFERRED},
                {"What was said above is withdrawn", "✗", ASM_EVENT_MESSAGE_RETRACTED},
                {"The message broke off", "✗", ASM_EVENT_MESSAGE_RECEIVED}};
    const char *rest;
    for (size_t i = 0; i < COUNT(said); i++)
        if (event->type == said[i].type && strcmp(line->symbol, said[i].symbol) == 0 &&
            goes(line->text, said[i].words, &rest))
            return event->type == ASM_EVENT_MESSAGE_RECEIVED ? event->message.incomplete.value && !*rest
                                                             : !*rest || is_subject_facts_reason(rest);
    return false;
}

/* What a call does, as it starts. */
static bool is_running(const own_line *line, const asm_event *event) {
    static const char *const words[] = {
        "Running",   "Reading", "Writing", "Editing",  "Searching for", "Searching the web for",
        "Searching", "Listing", "Task",    "Fetching", "Updating todos"};
    const char *rest;
    char name[400];
    asm_str started = {NULL, 0};
    if (event->type == ASM_EVENT_TOOL_CALL_STARTED) started = event->tool.name;
    else if (strcmp(line->symbol, "●") != 0)
        return goes(line->text, "In the background: ", &rest) && is_asked(rest, event);
    allowed_facts.count = 0;
    if (goes(line->text, tool_name_of(started, name), &rest) && (!*rest || strncmp(rest, ": ", 2) == 0))
        return is_subject_facts_reason(*rest ? rest + 2 : rest);
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!goes(line->text, words[i], &rest)) continue;
        rest += *rest == ':';
        rest += *rest == ' ' && rest[1] != '(';
        if (is_subject_facts_reason(rest)) return true;
    }
    return false;
}

/* A line of a text behind a bar; answers to choose from have numbers. */
static bool is_behind_bar(const char *text, const asm_event *event) {
    char *end;
    if (is_quoted(text, strlen(text))) return true;
    if (event->type != ASM_EVENT_TOOL_APPROVAL_REQUESTED) return false;
    if (strtol(text, &end, 10) > 0 && strncmp(end, ". ", 2) == 0) {
        const char *dash = strstr(end, " — ");
        return is_quoted(end + 2, dash ? (size_t)(dash - end - 2) : strlen(end + 2)) &&
               (!dash || is_quoted(dash + 5, strlen(dash + 5)));
    }
    char *input = on_one_line(event->approval.tool_input);
    const bool is_input = strstr(input, text) != NULL;
    free(input);
    return is_input;
}

static bool is_told(const own_line *line, const asm_event *event) {
    if (told.retry[0] && strcmp(line->text, told.retry) == 0) {
        told.retry[0] = 0;
        return strcmp(line->symbol, "●") == 0;
    }
    if (!event) {
        const char *rest;
        return (goes(line->text, "Not ended: ", &rest) && is_asked(rest, NULL)) ||
               (told.is_active && strcmp(line->text, "Cut short: the session had not ended") == 0);
    }
    if (strcmp(line->symbol, "│") == 0) return is_behind_bar(line->text, event);
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        return is_start_of_run(line->text, event);
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
    case ASM_EVENT_RUN_TIMEOUT:
        return is_end_of_run(line, event);
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return is_end_of_tool(line, event) || is_running(line, event);
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        return is_approval(line, event);
    case ASM_EVENT_TODOS_UPDATED:
        return is_todos(line->text, event->todos.todos);
    case ASM_EVENT_CUSTOM:
        return is_notice(line, event);
    default:
        return is_said(line, event) || is_running(line, event);
    }
}

/* Takes the margin and the symbol off a line; false if it is none of studio's own. */
static bool read_own_line(const char *text, size_t size, own_line *line) {
    static const char *const symbols[] = {"●", "◐", "✓", "✗", "│", "?"};
    const char *at = text, *end = text + size;
    if (size < 4 || strncmp(at, "  ", 2) != 0) return false;
    for (at += 2; strncmp(at, "┊ ", 4) == 0;)
        at += 4;
    if (*at == '[') { /* the name of a sub-agent and its number */
        const char *close = (const char *)memchr(at, ']', (size_t)(end - at));
        bool is_named = false;
        for (size_t i = 0; close && i < told.call_count; i++) {
            char label[60];
            const told_call *call = &told.calls[i];
            snprintf(label, sizeof label, "[%.7s %d]", call->kind[0] ? call->kind : call->name, call->number);
            is_named = is_named || strncmp(at, label, strlen(label)) == 0;
        }
        expect(is_named || told.main_agent[0], "%s: event %zu: no such speaker: %.*s", told.file, told.event,
               (int)size, text);
        if (close) at = close + 2;
    }
    for (size_t i = 0; i < COUNT(symbols); i++) {
        if (strncmp(at, symbols[i], strlen(symbols[i])) != 0) continue;
        strcpy(line->symbol, symbols[i]);
        at += strlen(symbols[i]);
        at += at < end && *at == ' ';
        snprintf(line->text, sizeof line->text, "%.*s", (int)(end - at), at);
        return true;
    }
    return false;
}

/* Each line of studio's own is found in the events. What goes on behind a bar is put together first. */
static void check_lines(const asm_event *event, const char *text, size_t size) {
    own_line line, next;
    for (size_t at = 0, end; at < size; at = end + 1) {
        for (end = at; end < size && text[end] != '\n';)
            end++;
        if (!read_own_line(text + at, end - at, &line)) continue;
        const bool adds_up = strncmp(line.text, "Session ", 8) == 0 ||
                             strncmp(line.text, "Changed: ", 9) == 0 ||
                             strncmp(line.text, "Until then: ", 12) == 0;
        while (adds_up && !is_told(&line, event) && end + 1 < size) {
            size_t more = end + 1;
            while (more < size && text[more] != '\n')
                more++;
            if (!read_own_line(text + end + 1, more - end - 1, &next) || strcmp(next.symbol, "│") != 0) break;
            strcat(line.text, " ");
            strcat(line.text, next.text);
            end = more;
        }
        expect(is_told(&line, event), "%s: event %zu: where is this from? %s %s", told.file, told.event,
               line.symbol, line.text);
    }
}

/* ============================================================================================
 * Whole streams
 */

static struct {
    asm_pipeline pipeline;
    asm_buffer text;
} piped_view;

static void on_told_event(void *user, const asm_event *event) {
    asm_buffer json;
    (void)user;
    told.event++;
    asm_buffer_init_growing(&json);
    asm_event_write_json(event, &json);
    asm_buffer_append_byte(&json, 0);
    note_before(event, json.data);
    const size_t before = piped_view.text.size;
    asm_pipeline_event(&piped_view.pipeline, event);
    if (piped_view.text.size > before) {
        const bool is_tool =
            event->type == ASM_EVENT_TOOL_CALL_COMPLETED || event->type == ASM_EVENT_TOOL_CALL_FAILED ||
            event->type == ASM_EVENT_TOOL_CALL_STARTED || event->type == ASM_EVENT_TOOL_CALL_UPDATED;
        const told_call *call = is_tool ? call_of_event(event) : NULL,
                        *parent = is_tool ? call_of(event->tool.parent_tool_call_id, false) : NULL;
        const bool ends = event->type == ASM_EVENT_RUN_COMPLETED || event->type == ASM_EVENT_RUN_FAILED ||
                          event->type == ASM_EVENT_RUN_CANCELLED || event->type == ASM_EVENT_RUN_TIMEOUT;
        if (event->type == ASM_EVENT_MESSAGE_STREAMED || event->type == ASM_EVENT_MESSAGE_RECEIVED)
            parent = call_of(event->message.parent_tool_call_id, false);
        if (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED ||
            event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED || event->type == ASM_EVENT_TOOL_APPROVAL_DENIED)
            call = call_of(event->approval.tool_call_id, false);
        may_quote_json(json.data);
        if (call) may_quote_json(call->json);
        if (parent) may_quote_json(parent->json);
        for (size_t i = 0; ends && i < told.call_count; i++)
            if (told.calls[i].is_open) may_quote_json(told.calls[i].json);
        check_lines(event, piped_view.text.data + before, piped_view.text.size - before);
        forget_texts();
    }
    note_after(event);
    asm_buffer_close(&json);
}

static void check_facts_of_file(const char *path, asm_tool_output how_much) {
    static asm_studio studio;
    const asm_render_options look = {
        .color = ASM_SETTING_OFF, .tty = ASM_SETTING_OFF, .ascii = ASM_SETTING_OFF, .tool_output = how_much};
    asm_sink sink = keeping_sink(&piped_view.text);
    const asm_pipeline_options pipeline = {
        .renderer = asm_studio_init(&studio, &look), .sinks = &sink, .sink_count = 1};
    const asm_ingest_options options = {.on_event = on_told_event};
    asm_ingest ingest;
    size_t size;
    char *bytes = read_file(path, &size);
    forget_run();
    told.file = path;
    told.event = 0;
    told.is_active = false;
    told.main_agent[0] = told.retry[0] = 0;
    assert_int_equal(asm_pipeline_init(&piped_view.pipeline, &pipeline), ASM_OK);
    asm_ingest_init(&ingest, &options);
    asm_ingest_feed(&ingest, bytes, size, at_second(400 * 86400));
    asm_ingest_end(&ingest, at_second(400 * 86400));
    asm_ingest_close(&ingest);
    const size_t before = piped_view.text.size;
    assert_int_equal(asm_pipeline_close(&piped_view.pipeline), ASM_OK);
    for (size_t i = 0; i < told.call_count; i++)
        if (told.calls[i].is_open) may_quote_json(told.calls[i].json);
    if (piped_view.text.size > before)
        check_lines(NULL, piped_view.text.data + before, piped_view.text.size - before);
    forget_texts();
    forget_run();
    asm_buffer_close(&piped_view.text);
    free(bytes);
}
