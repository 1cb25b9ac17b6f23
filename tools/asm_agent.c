/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-agent - an agent for the terminal and for editors
 *
 *     asm-agent                                   talk with it
 *     asm-agent 'Why does the test fail?'         one question
 *     git diff | asm-agent 'Review this:' -
 *     asm-agent --acp                             in an editor's settings
 *
 * The loop of asm_agent.h and asm_llm.h on libcurl and poll(2), in one thread: agent/host.c has it, agent/chat.c leads the
 * conversation with a person, agent/acp.c that with an editor, agent/toolbox.c has the tools.
 */
#include "agent/acp.h"
#include "agent/chat.h"
#include "agent/wake.h"

#include "common/messages.h"
#include "common/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_INPUT = 4 * 1024 * 1024, COMMAND_SECONDS = 120, MOST_TOKENS = 100 * 1000 * 1000 };

/* ---- Options ---- */

struct settings {
    struct host_settings host;
    struct view_settings view;
    struct output_settings outputs;
    const char *resume;
    bool continues, lists, acp, quiet;
};

static const char *tool_output_choice(int index) { /* as asm_tool_output has them */
    static const char *const names[] = {"summary", "preview", "full", NULL};
    return names[index];
}

static const char *allow_choice(int index) {
    static const char *const names[] = {"edit", "run", NULL};
    return names[index];
}

static void take_allow(void *settings, const struct option *option, const char *value) {
    struct host_settings *host = &((struct settings *)settings)->host;
    if (option_read_choice(option, value) == 0) host->allows_edits = true;
    else host->allows_commands = true;
}

#define AT(member) OPTION_AT(settings, member)

static const struct option options[] = {
    HEADING("The model"),
    TEXT('m', "model", "NAME", "which one", AT(host.provider.model)),
    TEXT('u', "url", "URL", "where it is asked (default: by which key there is)", AT(host.provider.url)),
    CHOICE(0, "api", "NAME", "how it is asked (default: by the URL)", AT(host.provider.api), api_choice),
    FLAG(0, "local", "ask llama.cpp or Ollama on this machine", AT(host.provider.is_local)),
    TEXT(0, "system", "TEXT", "what it is told first, in place of our own text", AT(host.system)),
    NUMBER(0, "max-tokens", "N", "of an answer", AT(host.max_tokens), 1, MOST_TOKENS),
    NUMBER(0, "think", "N", "anthropic: tokens that it may think, 1024 or more", AT(host.thinking), 1024,
           MOST_TOKENS),
    NUMBER(0, "context", "N", "tokens that fit it: a conversation that comes near is summarized",
           AT(host.context), 1000, MOST_TOKENS),
    HEADING("The conversation"),
    FLAG('c', "continue", "go on with the last one of this directory", AT(continues)),
    TEXT(0, "resume", "ID", "go on with this one", AT(resume)),
    FLAG(0, "list", "list those of this directory", AT(lists)),
    FLAG(0, "acp", "talk with an editor: the Agent Client Protocol on standard input and output", AT(acp)),
    HEADING("What it may do"),
    {.kind = OPTION_OTHER,
     .name = "allow",
     .value = "WHAT",
     .choice = allow_choice,
     .take = take_allow,
     .help = "change files, or run commands, without asking"},
    NUMBER(0, "steps", "N", "questions to the model for one of yours (default: 50)", AT(host.steps), 1,
           100000),
    NUMBER(0, "command-time", "SECONDS",
           "how long a command may run that asks for no other time (default: 120)", AT(host.command_seconds),
           1, 3600),
    HEADING("What it looks like"),
    CHOICE(0, "color", "WHEN", "colors; auto looks at the terminal and NO_COLOR (default: auto)",
           AT(view.color), when_choice),
    CHOICE(0, "tool-output", "HOW", "what tools print (default: preview)", AT(view.tool_output),
           tool_output_choice),
    FLAG(0, "thinking", "also the model's reasoning", AT(view.shows_thinking)),
    FLAG(0, "bell", "ring the terminal's bell when you are waited for", AT(view.rings)),
    FLAG('q', "quiet", "print the last answer only, as it is", AT(quiet)),
    HEADING("Other outputs"),
    OUTPUT_OPTIONS(AT(outputs), AT(outputs.preset), "; without PATH to standard output"),
    LIVE_OPTION(AT(host.live.port)),
    PROGRAM_OPTIONS,
};

static const char *const description[] = {
    "An agent that works in the current directory: it reads and searches files by itself, and asks before it "
    "changes "
    "one or runs a command. Without PROMPT you talk with it; with one, or when standard input is no "
    "terminal, it "
    "answers once. A PROMPT of - stands for what comes from standard input.",
    NULL};

static const char *const notes[] = {
    "ANTHROPIC_API_KEY or OPENAI_API_KEY is the key, by how the model is asked. It is taken out of the "
    "environment, is "
    "shown and logged nowhere, and is sent over https only, or within this machine.",
    "The paths of files are held below the current directory, also through symbolic links. A command is not: "
    "nothing "
    "but your approval stands between it and your files. It has no terminal and no input, and ends with all "
    "that it has "
    "started. Where nobody can be asked, nothing is changed but what --allow names.",
    "Conversations are kept in XDG_STATE_HOME/asm-agent (~/.local/state/asm-agent), readable by you only. "
    "Ctrl-C cancels "
    "the answer, twice it ends the program.",
    NULL};

static const struct example examples[] = {
    {"asm-agent", "Talk with the model whose key is in the environment"},
    {"asm-agent --local 'What does this program do?'", "Ask llama.cpp or Ollama once"},
    {"git diff | asm-agent -q 'Write a commit message for this:' - > message", "Use it in a script"},
    {"asm-agent --continue", "Go on where you were"},
    {"asm-agent -u http://localhost:8000/v1 -m qwen3 --allow=edit", "Any server that speaks OpenAI's API"},
    {NULL, NULL}};

static const char *const exit_statuses[] = {
    "0  all went well", "1  the one question was not answered",
    "2  wrong usage, no model to ask, or an output could not be written",
    "130  ended by Ctrl-C; 128 + N by signal N", NULL};

static const struct option_hint hints[] = {
    {"print", "--quiet"},  {"p", "-q"},          {"yes", "--allow=edit"},       {"y", "--allow=edit"},
    {"base-url", "--url"}, {"r", "--resume=ID"}, {"no-color", "--color=never"}, {NULL, NULL}};

static const struct command command = {.name = "asm-agent",
                                       .purpose = "an agent for the terminal and for editors",
                                       .usage = "[OPTION]... [PROMPT]...",
                                       .hints = hints,
                                       PROGRAM_TABLES};

/* ---- The prompt ---- */

static void append_input(asm_buffer *prompt) {
    char piece[16384];
    size_t size;
    while (prompt->size < MOST_INPUT && (size = fread(piece, 1, sizeof piece, stdin)) > 0)
        asm_buffer_append(prompt, asm_str_make(piece, size));
    if (!feof(stdin)) die("standard input: more than %d MB", MOST_INPUT / (1024 * 1024));
}

/* The words of the command line, and standard input; NULL: the person types. */
static const char *read_prompt(asm_buffer *prompt, char **words, int count) {
    if (count == 0 && isatty(STDIN_FILENO)) return NULL;
    if (count == 0) append_input(prompt);
    for (int i = 0; i < count; i++) {
        if (i > 0) asm_buffer_append_byte(prompt, strcmp(words[i], "-") == 0 ? '\n' : ' ');
        if (strcmp(words[i], "-") == 0) append_input(prompt);
        else asm_buffer_append(prompt, asm_str_from(words[i]));
    }
    if (prompt->size == 0) die("the prompt is empty");
    asm_buffer_append_byte(prompt, '\0');
    if (prompt->result != ASM_OK) die("%s", asm_result_string(prompt->result));
    if (strlen(prompt->data) + 1 != prompt->size) die("the prompt has a NUL byte");
    return prompt->data;
}

/* ---- The conversations of this directory ---- */

static struct keeping *keeping_here(struct keeping **list) {
    struct folder folder;
    if (!folder_open(&folder, ".")) die("the working directory: %s", strerror(errno));
    struct keeping *keeping = keeping_open(list, folder.path);
    folder_close(&folder);
    if (!keeping) die("the directory for conversations: %s", strerror(errno));
    return keeping;
}

static int list(void) {
    struct keeping *kept = NULL;
    const bool is_whole = keeping_print(keeping_here(&kept));
    keeping_close(&kept);
    return is_whole ? close_stdout() : EXIT_FAILED;
}

static const char *find_newest(char *id) {
    struct keeping *kept = NULL;
    const bool is_found = keeping_find_newest(keeping_here(&kept), id, WORKSPACE_ID);
    keeping_close(&kept);
    if (!is_found) die("--continue: no conversation was kept for this directory");
    return id;
}

static void check_companions(const struct settings *settings, int words) {
    if (settings->outputs.preset != -1 && !wants_output(&settings->outputs, OUTPUT_ENVELOPES))
        die("--preset needs --envelopes=PATH");
    if (settings->acp && (words > 0 || settings->continues || settings->resume || settings->quiet))
        die("--acp: the editor begins and continues conversations");
    if (settings->acp && writes_to_stdout(&settings->outputs)) die("--acp: standard output is the editor's");
    if (settings->continues && settings->resume) die("--continue and --resume: one of them");
}

int main(int argc, char **argv) {
    static struct settings settings;
    static struct host host;
    static struct view view;
    char newest[WORKSPACE_ID];
    asm_buffer prompt;
    settings.host.provider.api = settings.outputs.preset = -1;
    settings.host.command_seconds = COMMAND_SECONDS;
    settings.host.live.port = NO_PAGE;
    settings.view.tool_output = ASM_TOOL_OUTPUT_PREVIEW;
    messages_init(command.name);
    const int words = options_read(&command, &settings, argc, argv);
    check_companions(&settings, words);
    if (settings.lists) return list();
    asm_buffer_init_growing(&prompt);
    struct chat_settings chat = {settings.resume, NULL, settings.quiet};
    if (!settings.acp) chat.prompt = read_prompt(&prompt, argv, words);
    if (settings.continues) chat.resumed = find_newest(newest);
    if (!wake_init()) die("a pipe for signals: %s", strerror(errno));
    if (!settings.acp && !settings.quiet && !writes_to_stdout(&settings.outputs))
        add_output(&settings.outputs, OUTPUT_TEXT, NULL);
    settings.host.has_titles = !chat.prompt;
    host_init(&host, &settings.host);
    view_init(&view, &settings.view, &settings.outputs);
    int status = settings.acp ? acp_run(&host, &view) : chat_run(&host, &view, &chat);
    host_close(&host);
    if (!view_close(&view) && status == 0) status = EXIT_FAILED;
    asm_buffer_close(&prompt);
    return status;
}
