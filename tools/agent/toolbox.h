/* SPDX-License-Identifier: MIT OR Unlicense */
/* The tools that the model may call, and what of them is under way. */
#ifndef AGENT_TOOLBOX_H
#define AGENT_TOOLBOX_H

#include "asm_llm.h"
#include "folder.h"

#include <poll.h>

enum { WORKSPACE_ID = 64, TOOLBOX_TOOLS = 8, TOOLBOX_MOST_RUNNING = 32 };

/* Where the agent of one conversation works, and what it may do there without asking. */
struct workspace {
    struct workspace *next;
    char id[WORKSPACE_ID]; /* the agent's; those of its sub-agents begin with it and a slash */
    struct folder folder;
    bool allows_edits, allows_commands; /* all of them */
    asm_buffer commands;                /* those that are allowed always, each ended by a NUL */
};

struct toolbox {
    asm_llm_tool tools[TOOLBOX_TOOLS];
    size_t tool_count;
    int command_seconds; /* how long a command may run that says nothing else */
    int64_t now;         /* the monotonic clock, microseconds: set it before the server is polled */
    struct workspace *workspaces;
    struct job *jobs;
    size_t job_count;
};

void toolbox_init(struct toolbox *toolbox, int command_seconds);

/* Ends what is under way. */
void toolbox_close(struct toolbox *toolbox);

/* Adds a tool of somebody else's, a sub-agent's say. */
void toolbox_add(struct toolbox *toolbox, const asm_llm_tool *tool);

/* A workspace for the agent `id` in the directory `path`; NULL, with errno. */
struct workspace *toolbox_open(struct toolbox *toolbox, const char *id, const char *path);

/* That of an agent, or of the one whose sub-agent it is; NULL: none. */
struct workspace *toolbox_find(const struct toolbox *toolbox, asm_str agent_id);

/* Whether somebody has to be asked about a call. */
bool workspace_asks(const struct workspace *workspace, asm_str tool_name, asm_str arguments);

/* From now on, nobody has to be asked about calls like this one: about no change of a file; about this very command. */
void workspace_allow(struct workspace *workspace, asm_str tool_name, asm_str arguments);

/* What is waited for: fills `descriptors` up to `most`, returns how many. */
size_t toolbox_descriptors(const struct toolbox *toolbox, struct pollfd *descriptors, size_t most);

/* How long the loop may sleep: milliseconds, -1: for ever. */
int toolbox_timeout(const struct toolbox *toolbox);

/* Looks at all that is under way, and ends calls that have come to their end. */
void toolbox_turn(struct toolbox *toolbox);

#endif
