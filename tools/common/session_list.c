/* SPDX-License-Identifier: MIT OR Unlicense */
#include "session_list.h"

#include "asm_render.h"
#include "messages.h"
#include "options.h"
#include "signals.h"
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHORTEST_ID = 4, DIRECTORY_WIDTH = 40 };

static bool working_directory(char *directory) {
    return getcwd(directory, LONGEST_PATH) != NULL;
}

static const struct session *newest_of(const struct sessions *sessions, const struct session_query *query) {
    char here[LONGEST_PATH];
    const struct session *found = working_directory(here) ? sessions_newest_in(sessions, here) : NULL;
    if (!found && !query->is_here && sessions->count > 0) found = &sessions->items[0];
    if (!found)
        die("no session of %s is kept on this machine%s",
            query->agent ? query->agent : "an agent that is known",
            query->is_here ? " for this directory" : "");
    return found;
}

static char *copy_path(const char *path) {
    const size_t size = strlen(path) + 1;
    char *copy = (char *)malloc(size);
    if (!copy) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    memcpy(copy, path, size);
    return copy;
}

char *session_newest(const struct session_query *query) {
    struct sessions sessions = sessions_find(query->agent);
    char *path = copy_path(newest_of(&sessions, query)->path);
    sessions_free(&sessions);
    return path;
}

char *session_path(char *word) {
    bool several;
    if (strchr(word, '/') || strlen(word) < SHORTEST_ID || access(word, F_OK) == 0) return word;
    struct sessions sessions = sessions_find(NULL);
    const struct session *found = sessions_by_id(&sessions, word, &several);
    if (several) die("%s: several sessions have ids that begin so; --sessions lists them", word);
    char *path = found ? copy_path(found->path) : word;
    sessions_free(&sessions);
    return path;
}

/* ---- The list ---- */

/* What is known of a session, in words; "" for what is not. */
struct session_facts {
    const char *state, *title;
    char age[32], tokens[32], cost[32], directory[LONGEST_PATH];
    struct watch watch;
};

static void find_facts(const struct session *session, const struct session_query *query,
                       struct session_facts *facts) {
    struct statistics statistics;
    bool is_whole;
    memset(&facts->watch, 0, sizeof facts->watch);
    memset(&statistics, 0, sizeof statistics);
    session_read(session->path, session->format, &facts->watch, &statistics, &is_whole);
    const struct spending spending = statistics_total(&statistics);
    facts->tokens[0] = facts->cost[0] = 0;
    if (is_whole && spending.input_tokens + spending.output_tokens > 0)
        count_in_words(spending.input_tokens + spending.output_tokens, facts->tokens, sizeof facts->tokens);
    if (is_whole && spending.cost_usd > 0)
        snprintf(facts->cost, sizeof facts->cost, "$%.2f", spending.cost_usd);
    duration_in_words(query->now - session->changed, facts->age, sizeof facts->age);
    facts->state = facts->watch.last_event == 0 && !facts->watch.last_event_name[0]
                       ? "" /* nothing was understood: nothing is known */
                       : state_name(session_state(&facts->watch, session->changed, query->now));
    facts->title = facts->watch.title[0] ? facts->watch.title : facts->watch.first_prompt;
    statistics_free(&statistics);
}

/* A name below HOME begins with ~. */
static void append_directory(asm_buffer *line, const char *directory, unsigned flags) {
    const char *home = getenv("HOME");
    const size_t size = home ? strlen(home) : 0;
    const bool is_below =
        size > 1 && strncmp(directory, home, size) == 0 && (directory[size] == '/' || !directory[size]);
    if (is_below) asm_buffer_append_byte(line, '~');
    asm_text_append_cut(line, asm_str_from(is_below ? directory + size : directory), DIRECTORY_WIDTH, flags);
}

static void append_columns(asm_buffer *line, const struct session *session, const struct session_facts *facts,
                           unsigned flags, int columns) {
    char text[200];
    snprintf(text, sizeof text, "%-10s %-8s %8s %7s %8s  %.8s  ", facts->state, session->agent, facts->age,
             facts->tokens, facts->cost, session->id);
    asm_text_append(line, asm_str_from(text), flags);
    append_directory(line, facts->directory, flags);
    asm_buffer_append(line, ASM_STR("  "));
    const size_t used = asm_utf8_count(asm_buffer_text(line)) + 4; /* with "..." */
    if ((size_t)columns > used)
        asm_text_append_cut(line, asm_str_from(facts->title), (size_t)columns - used, flags);
}

static void append_fields(asm_buffer *line, const struct session *session, const struct session_facts *facts,
                          unsigned flags) {
    const char *fields[] = {facts->state, session->agent,   session->id,   facts->tokens,
                            facts->cost,  facts->directory, session->path, facts->title};
    char changed[ASM_TIME_TEXT_SIZE];
    const size_t size = asm_time_format(session->changed, 0, changed);
    asm_buffer_append(line, asm_str_make(changed, size));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        asm_buffer_append_byte(line, '\t');
        asm_text_append(line, asm_str_from(fields[i]), flags);
    }
}

static void print_session(const struct session *session, struct session_facts *facts,
                          const struct session_query *query, const asm_terminal *terminal) {
    asm_buffer line;
    find_facts(session, query, facts);
    asm_buffer_init_growing(&line);
    if (terminal->is_terminal) append_columns(&line, session, facts, query->flags, terminal->columns);
    else append_fields(&line, session, facts, query->flags);
    printf("%.*s\n", (int)line.size, line.data);
    if (terminal->is_terminal) fflush(stdout);
    asm_buffer_close(&line);
    watch_close(&facts->watch);
}

int session_list(const struct session_query *query) {
    const asm_terminal terminal = asm_terminal_detect(STDOUT_FILENO);
    struct sessions sessions = sessions_find(query->agent);
    struct session_facts facts;
    char here[LONGEST_PATH];
    size_t count = 0;
    if (!working_directory(here)) here[0] = 0;
    for (size_t i = 0; i < sessions.count && !stop_signal() && !ferror(stdout); i++) {
        const bool is_known = session_directory(&sessions.items[i], facts.directory, sizeof facts.directory);
        if (!is_known) facts.directory[0] = 0;
        if (query->is_here && strcmp(here, facts.directory) != 0) continue;
        print_session(&sessions.items[i], &facts, query, &terminal);
        count++;
    }
    sessions_free(&sessions);
    if (count == 0 && !query->is_quiet)
        complain("no sessions of %s%s", query->agent ? query->agent : "the agents that are known",
                 query->is_here ? " in this directory" : "");
    return close_stdout();
}

/* ---- One of them ---- */

int session_status(const struct session_query *query, const char *file, const char *format) {
    struct sessions sessions = {NULL, 0};
    struct watch watch;
    struct statistics statistics;
    const char *path = file;
    asm_format file_format = ASM_FORMAT_AUTO;
    asm_buffer line;
    bool is_whole;
    memset(&watch, 0, sizeof watch);
    memset(&statistics, 0, sizeof statistics);
    if (!file) {
        sessions = sessions_find(query->agent);
        const struct session *newest = newest_of(&sessions, query);
        path = newest->path;
        file_format = newest->format;
    }
    if (access(path, R_OK) != 0) die("%s: %s", path, strerror(errno));
    const char *unread = session_read(path, file_format, &watch, &statistics, &is_whole);
    const struct spending unknown = {0}, total = statistics_total(&statistics);
    asm_buffer_init_growing(&line);
    if (!unread) status_print(format, &watch, is_whole ? &total : &unknown, query->now, query->flags, &line);
    else if (!query->is_quiet) complain("%s: %s", path, unread);
    if (!unread) printf("%.*s\n", (int)line.size, line.data);
    asm_buffer_close(&line);
    watch_close(&watch);
    statistics_free(&statistics);
    sessions_free(&sessions);
    return unread ? 1 : close_stdout();
}
