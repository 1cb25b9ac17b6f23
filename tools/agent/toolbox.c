/* SPDX-License-Identifier: MIT OR Unlicense */
#include "toolbox.h"

#include "../common/messages.h"
#include "files.h"
#include "process.h"
#include "search.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_COMMAND = 3600, SEARCH_SECONDS = 30 };

/* A call that a process works for. */
struct job {
    struct job *next;
    asm_llm_call call;
    struct process process;
    int64_t seconds; /* its limit */
    bool is_search;
};

/* ---- Workspaces ---- */

struct workspace *toolbox_find(const struct toolbox *toolbox, asm_str agent_id) {
    struct workspace *workspace = toolbox->workspaces;
    const char *slash = agent_id.size ? (const char *)memchr(agent_id.data, '/', agent_id.size) : NULL;
    if (slash) agent_id.size = (size_t)(slash - agent_id.data);
    while (workspace && !asm_str_equal(asm_str_from(workspace->id), agent_id))
        workspace = workspace->next;
    return workspace;
}

struct workspace *toolbox_open(struct toolbox *toolbox, const char *id, const char *path) {
    struct workspace *workspace = (struct workspace *)calloc(1, sizeof *workspace);
    if (!workspace) return NULL;
    if (!folder_open(&workspace->folder, path)) {
        free(workspace);
        return NULL;
    }
    snprintf(workspace->id, sizeof workspace->id, "%s", id);
    asm_buffer_init_growing(&workspace->commands);
    workspace->next = toolbox->workspaces;
    toolbox->workspaces = workspace;
    return workspace;
}

static bool is_command(asm_str tool_name) {
    return asm_str_equal(tool_name, ASM_STR("run_command"));
}

static bool allows_command(const struct workspace *workspace, asm_str command) {
    asm_str rest = asm_buffer_text(&workspace->commands);
    while (rest.size > 0) {
        const asm_str known = asm_str_from(rest.data);
        if (asm_str_equal(known, command)) return true;
        rest = asm_str_make(rest.data + known.size + 1, rest.size - known.size - 1);
    }
    return false;
}

bool workspace_asks(const struct workspace *workspace, asm_str tool_name, asm_str arguments) {
    asm_buffer scratch;
    if (changes_file(tool_name)) return !workspace->allows_edits;
    if (!is_command(tool_name)) return false;
    if (workspace->allows_commands) return false;
    asm_buffer_init_growing(&scratch);
    const asm_str command = argument_text(arguments, "command", &scratch);
    const bool asks = !command.data || !allows_command(workspace, command);
    asm_buffer_close(&scratch);
    return asks;
}

void workspace_allow(struct workspace *workspace, asm_str tool_name, asm_str arguments) {
    asm_buffer scratch;
    if (changes_file(tool_name)) workspace->allows_edits = true;
    if (!is_command(tool_name)) return;
    asm_buffer_init_growing(&scratch);
    const asm_str command = argument_text(arguments, "command", &scratch);
    if (command.size && !memchr(command.data, '\0', command.size) &&
        asm_buffer_reserve(&workspace->commands, command.size + 1) == ASM_OK) {
        asm_buffer_append(&workspace->commands, command);
        asm_buffer_append_byte(&workspace->commands, '\0');
    }
    asm_buffer_close(&scratch);
}

/* ---- Jobs ---- */

/* A new one, not started yet; NULL, and the call has failed, if there cannot be one. */
static struct job *add_job(struct toolbox *toolbox, const asm_llm_call *call, int64_t seconds) {
    struct job *job = toolbox->job_count < TOOLBOX_MOST_RUNNING ? (struct job *)calloc(1, sizeof *job) : NULL;
    if (!job) {
        asm_llm_call_fail(call, ASM_STR("too much is running already"));
        return NULL;
    }
    job->call = *call;
    job->seconds = seconds;
    job->next = toolbox->jobs;
    toolbox->jobs = job;
    toolbox->job_count++;
    return job;
}

static void drop_job(struct toolbox *toolbox, struct job *job) {
    struct job **link = &toolbox->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    toolbox->job_count--;
    process_close(&job->process);
    free(job);
}

static void check_start(struct toolbox *toolbox, struct job *job, bool is_started) {
    char text[128];
    if (is_started) return;
    snprintf(text, sizeof text, "no process could be started: %s", strerror(errno));
    asm_llm_call_fail(&job->call, asm_str_from(text));
    drop_job(toolbox, job);
}

/* A note after what a process has printed, for the model. */
static void append_end(asm_buffer *out, const struct job *job) {
    char note[96] = "";
    const struct process *process = &job->process;
    if (process->end == PROCESS_TIMED_OUT)
        snprintf(note, sizeof note, "[ended after %lld s, with all that it had started]",
                 (long long)job->seconds);
    if (process->end == PROCESS_TOO_MUCH)
        snprintf(note, sizeof note, "[ended: it printed more than %d MB]", PROCESS_MOST / (1024 * 1024));
    if (process->end == PROCESS_SIGNALED) snprintf(note, sizeof note, "[ended by signal %d]", process->code);
    if (process->end == PROCESS_EXITED && process->code != 0 && !job->is_search)
        snprintf(note, sizeof note, "[exit status %d]", process->code);
    if (!note[0]) return;
    if (out->size > 0 && out->data[out->size - 1] != '\n') asm_buffer_append_byte(out, '\n');
    asm_buffer_append(out, asm_str_from(note));
}

static void finish(const struct job *job) {
    asm_tool_payload result;
    asm_buffer output;
    const struct process *process = &job->process;
    const bool has_exited = process->end == PROCESS_EXITED;
    memset(&result, 0, sizeof result);
    asm_buffer_init_growing(&output);
    process_append_output(process, &output);
    append_end(&output, job);
    if (output.size == 0 && job->is_search) asm_buffer_append(&output, ASM_STR("No matches found"));
    result.output = asm_buffer_text(&output);
    if (!result.output.data) result.output = ASM_STR("");
    result.status = ASM_STR("completed");
    if (!has_exited || process->code > job->is_search)
        result.status = process->end == PROCESS_TIMED_OUT ? ASM_STR("timeout") : ASM_STR("failed");
    if (has_exited && !job->is_search) {
        result.exit_code.is_set = true;
        result.exit_code.value = process->code;
    }
    asm_llm_call_finish(&job->call, &result);
    asm_buffer_close(&output);
}

static void look_at(struct toolbox *toolbox, struct job *job) {
    asm_buffer fresh;
    asm_buffer_init_growing(&fresh);
    const bool has_ended = process_look(&job->process, toolbox->now, &fresh);
    if (fresh.size > 0 && !job->is_search) asm_llm_call_stream(&job->call, asm_buffer_text(&fresh));
    if (has_ended) {
        finish(job);
        drop_job(toolbox, job);
    }
    asm_buffer_close(&fresh);
}

void toolbox_turn(struct toolbox *toolbox) {
    for (struct job *job = toolbox->jobs, *next; job; job = next) {
        next = job->next;
        look_at(toolbox, job);
    }
}

size_t toolbox_descriptors(const struct toolbox *toolbox, struct pollfd *descriptors, size_t most) {
    size_t count = 0;
    for (const struct job *job = toolbox->jobs; job && count < most; job = job->next)
        if (job->process.output >= 0) descriptors[count++] = (struct pollfd){job->process.output, POLLIN, 0};
    return count;
}

int toolbox_timeout(const struct toolbox *toolbox) {
    int64_t least = -1;
    for (const struct job *job = toolbox->jobs; job; job = job->next) {
        const int64_t left = job->process.deadline - toolbox->now, wait = left > 0 ? left / 1000 + 1 : 0;
        if (least < 0 || wait < least) least = wait;
    }
    return (int)least;
}

/* ---- What tools do ---- */

static const struct folder *folder_of(struct toolbox *toolbox, const asm_llm_call *call) {
    const struct workspace *workspace = toolbox_find(toolbox, call->agent_id);
    if (!workspace) asm_llm_call_fail(call, ASM_STR("there is no working directory"));
    return workspace ? &workspace->folder : NULL;
}

static void run_read(void *user, const asm_llm_call *call) {
    const struct folder *folder = folder_of((struct toolbox *)user, call);
    if (folder) files_read(folder, call);
}

static void run_change(void *user, const asm_llm_call *call) {
    const struct folder *folder = folder_of((struct toolbox *)user, call);
    if (folder) files_change(folder, call);
}

/* Texts that a C string can hold, in memory that lives until the buffer is closed; NULL: there is none. */
static const char *c_text(const asm_llm_call *call, const char *name, asm_buffer *scratch, bool *is_bad) {
    const size_t begin = scratch->size;
    const asm_str text = argument_text(call->arguments, name, scratch);
    if (!text.data) return NULL;
    if (text.size && memchr(text.data, '\0', text.size)) *is_bad = true;
    if (text.data < scratch->data + begin || text.data >= scratch->data + scratch->size) {
        const size_t at = scratch->size;
        asm_buffer_append(scratch, text);
        asm_buffer_append_byte(scratch, '\0');
        return scratch->data + at;
    }
    asm_buffer_append_byte(scratch, '\0');
    return text.data;
}

static void run_search(void *user, const asm_llm_call *call) {
    struct toolbox *toolbox = (struct toolbox *)user;
    struct search search;
    asm_buffer scratch;
    bool is_bad = false;
    const struct folder *folder = folder_of(toolbox, call);
    if (!folder) return;
    asm_buffer_init_growing(&scratch);
    memset(&search, 0, sizeof search);
    asm_buffer_reserve(&scratch, 8 * call->arguments.size + 64); /* so that nothing in it moves */
    const bool is_grep = asm_str_equal(call->tool_name, ASM_STR("grep"));
    const char *path = c_text(call, "path", &scratch, &is_bad);
    search.pattern = is_grep ? c_text(call, "pattern", &scratch, &is_bad) : NULL;
    search.glob = c_text(call, "glob", &scratch, &is_bad);
    search.ignores_case = argument_is_true(call->arguments, "ignore_case");
    search.is_deep = argument_is_true(call->arguments, "recursive") || search.glob;
    search.path = path && strcmp(path, ".") != 0 ? path : "";
    const char *error =
        is_bad || scratch.result != ASM_OK
            ? "an argument cannot be used"
            : folder_find(folder, asm_str_from(path && *path ? path : "."), false, &search.place);
    if (error) {
        asm_llm_call_fail(call, asm_str_from(error));
    } else {
        struct job *job = add_job(toolbox, call, SEARCH_SECONDS);
        if (job) {
            job->is_search = true;
            const bool is_started =
                process_start_function(&job->process, search_run, &search, search.place.directory,
                                       toolbox->now + (int64_t)SEARCH_SECONDS * 1000000);
            check_start(toolbox, job, is_started);
        }
        place_close(&search.place);
    }
    asm_buffer_close(&scratch);
}

static void run_command(void *user, const asm_llm_call *call) {
    struct toolbox *toolbox = (struct toolbox *)user;
    asm_buffer scratch;
    bool is_bad = false;
    const struct folder *folder = folder_of(toolbox, call);
    if (!folder) return;
    asm_buffer_init_growing(&scratch);
    asm_buffer_reserve(&scratch, 8 * call->arguments.size + 64);
    const char *command = c_text(call, "command", &scratch, &is_bad);
    int64_t seconds = argument_number(call->arguments, "timeout_seconds", toolbox->command_seconds);
    if (seconds < 1 || seconds > LONGEST_COMMAND) seconds = LONGEST_COMMAND;
    if (!command || is_bad || scratch.result != ASM_OK) {
        asm_llm_call_fail(call, ASM_STR("the command cannot be used"));
    } else {
        struct job *job = add_job(toolbox, call, seconds);
        if (job)
            check_start(toolbox, job,
                        process_start(&job->process, folder, command, toolbox->now + seconds * 1000000));
    }
    asm_buffer_close(&scratch);
}

static void cancel(void *user, const asm_llm_call *call) {
    struct toolbox *toolbox = (struct toolbox *)user;
    for (struct job *job = toolbox->jobs; job; job = job->next) {
        if (job->call.number != call->number || job->call.llm != call->llm) continue;
        drop_job(toolbox, job);
        return;
    }
}

static bool needs_approval(void *user, const asm_llm_call *call) {
    const struct workspace *workspace = toolbox_find((struct toolbox *)user, call->agent_id);
    return !workspace || workspace_asks(workspace, call->tool_name, call->arguments);
}

/* ---- The list of things to do ---- */

static bool read_todo(asm_str raw, asm_todo *todo, char *id, size_t number, asm_buffer *scratch) {
    memset(todo, 0, sizeof *todo);
    sprintf(id, "%zu", number + 1);
    todo->id = asm_str_from(id);
    todo->content = argument_text(raw, "content", scratch);
    todo->status = argument_text(raw, "status", scratch);
    return todo->content.data && todo->status.data;
}

static void run_todos(void *user, const asm_llm_call *call) {
    enum { MOST = 64 };
    asm_todo todos[MOST];
    char ids[MOST][24];
    asm_json_reader reader;
    asm_buffer scratch;
    size_t count = 0;
    const asm_str key = ASM_STR("todos");
    asm_str list = {NULL, 0}, raw;
    asm_result result = asm_json_find(call->arguments, &key, &list, 1, NULL);
    (void)user;
    asm_buffer_init_growing(&scratch);
    asm_buffer_reserve(&scratch, 4 * call->arguments.size + 64);
    asm_json_reader_init(&reader, list, NULL);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw)) {
        if (count == MOST || !read_todo(raw, &todos[count], ids[count], count, &scratch))
            result = ASM_ERR_INVALID_ARGUMENT;
        else count++;
    }
    if (result == ASM_OK) result = asm_emit_todos(call->execution, todos, count);
    if (result == ASM_OK) asm_llm_call_complete(call, ASM_STR("noted"));
    else
        asm_llm_call_fail(call,
                          ASM_STR("todos: at most 64, each with content and status (pending, in_progress, "
                                  "completed, cancelled)"));
    asm_buffer_close(&scratch);
}

/* ---- The table ---- */

#define OBJECT(members, required)                                                                            \
    "{\"type\":\"object\",\"properties\":{" members "},\"required\":[" required "]}"
#define TEXT_MEMBER(name, description)                                                                       \
    "\"" name "\":{\"type\":\"string\",\"description\":\"" description "\"}"
#define NUMBER_MEMBER(name, description)                                                                     \
    "\"" name "\":{\"type\":\"integer\",\"description\":\"" description "\"}"
#define FLAG_MEMBER(name, description)                                                                       \
    "\"" name "\":{\"type\":\"boolean\",\"description\":\"" description "\"}"
#define PATH_MEMBER TEXT_MEMBER("path", "relative to the working directory, and within it")

static const asm_llm_tool own_tools[] = {
    {.name = "read_file",
     .description = "Reads a text file, 2000 lines at a time.",
     .schema = OBJECT(PATH_MEMBER "," NUMBER_MEMBER("offset", "first line, from 1") "," NUMBER_MEMBER(
                          "limit", "how many lines"),
                      "\"path\""),
     .run = run_read,
     .is_parallel = true},
    {.name = "list_files",
     .description = "Lists the files of a directory. Directories end in /, symbolic links in @.",
     .schema = OBJECT(PATH_MEMBER
                      "," TEXT_MEMBER("glob", "names to be listed, like *.c, at any depth") "," FLAG_MEMBER(
                          "recursive", "also what is in directories"),
                      ""),
     .run = run_search,
     .cancel = cancel,
     .is_parallel = true},
    {.name = "grep",
     .description =
         "Searches files for lines that match an extended regular expression; prints PATH:LINE:TEXT.",
     .schema = OBJECT(
         TEXT_MEMBER("pattern", "extended regular expression") "," PATH_MEMBER "," TEXT_MEMBER(
             "glob", "only files of such names, like *.c") "," FLAG_MEMBER("ignore_case",
                                                                           "upper and lower case alike"),
         "\"pattern\""),
     .run = run_search,
     .cancel = cancel,
     .is_parallel = true},
    {.name = "write_file",
     .description = "Makes a file, or replaces all that it holds.",
     .schema = OBJECT(PATH_MEMBER "," TEXT_MEMBER("content", "the whole file"), "\"path\",\"content\""),
     .run = run_change,
     .needs_approval = needs_approval},
    {.name = "edit_file",
     .description =
         "Replaces a text in a file. The text must stand there exactly once, unless replace_all is true.",
     .schema = OBJECT(
         PATH_MEMBER
         "," TEXT_MEMBER("old_string", "the text to be replaced, exactly as it stands there") "," TEXT_MEMBER(
             "new_string", "what to put there") "," FLAG_MEMBER("replace_all", "each place"),
         "\"path\",\"old_string\",\"new_string\""),
     .run = run_change,
     .needs_approval = needs_approval},
    {.name = "run_command",
     .description =
         "Runs a shell command in the working directory, without input and terminal, and gives what it "
         "prints. It ends with all that it has started.",
     .schema = OBJECT(
         TEXT_MEMBER("command", "for sh -c") "," NUMBER_MEMBER("timeout_seconds", "how long it may run"),
         "\"command\""),
     .run = run_command,
     .cancel = cancel,
     .needs_approval = needs_approval,
     .time_limit_ms = -1},
    {.name = "todo_write",
     .description = "Replaces your list of what is to be done. Keep it up to date during longer work.",
     .schema =
         OBJECT("\"todos\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{" TEXT_MEMBER(
                    "content", "what") ",\"status\":{\"type\":\"string\",\"enum\":[\"pending\","
                                       "\"in_progress\",\"completed\",\"cancelled\"]}},"
                                       "\"required\":[\"content\",\"status\"]}}",
                "\"todos\""),
     .run = run_todos}};

void toolbox_add(struct toolbox *toolbox, const asm_llm_tool *tool) {
    if (toolbox->tool_count < TOOLBOX_TOOLS) toolbox->tools[toolbox->tool_count++] = *tool;
}

void toolbox_init(struct toolbox *toolbox, int command_seconds) {
    memset(toolbox, 0, sizeof *toolbox);
    toolbox->command_seconds = command_seconds;
    for (size_t i = 0; i < sizeof own_tools / sizeof *own_tools; i++) {
        asm_llm_tool tool = own_tools[i];
        tool.user = toolbox;
        toolbox_add(toolbox, &tool);
    }
}

void toolbox_close(struct toolbox *toolbox) {
    while (toolbox->jobs)
        drop_job(toolbox, toolbox->jobs);
    while (toolbox->workspaces) {
        struct workspace *workspace = toolbox->workspaces;
        toolbox->workspaces = workspace->next;
        folder_close(&workspace->folder);
        asm_buffer_close(&workspace->commands);
        free(workspace);
    }
}
