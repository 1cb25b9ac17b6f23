/* SPDX-License-Identifier: MIT OR Unlicense */
/* What is shown and logged: studio's text of the conversation in front, and the outputs that the options ask for, with
 * the events of all. */
#ifndef AGENT_VIEW_H
#define AGENT_VIEW_H

#include "../common/outputs.h"
#include "toolbox.h"

struct view_settings {
    int color, tool_output;
    bool shows_thinking, rings;
};

struct view {
    asm_pipeline pipeline;
    struct outputs outputs;
    asm_render_options options;
    asm_studio studio;
    asm_renderer look;        /* studio */
    asm_terminal terminal;    /* standard output */
    char front[WORKSPACE_ID]; /* the conversation that is shown */
    bool is_typed;            /* what the person says stands there already */
    bool is_open;             /* the last line that was shown has no end yet */
    bool has_begun;           /* the person knows with whom they speak: the next runs begin without a line */
    bool is_held;             /* nothing is shown until view_release() */
    struct held_event *first, *last;
    asm_time ticked;
};

/* Opens the outputs; ends the program with a message if one cannot be. */
void view_init(struct view *view, const struct view_settings *settings,
               const struct output_settings *outputs);

/* Shows this conversation from now on. */
void view_show(struct view *view, const char *id);

/* An asm_event_callback: `user` is the view. */
void view_on_event(void *user, const asm_event *event);

/* Shows how long what runs has been running, once a second. */
void view_tick(struct view *view, asm_time now);

/* Holds back what would be shown, so that a question stays the last thing on the screen; then shows it. */
void view_hold(struct view *view);
void view_release(struct view *view);

/* Prints what is for the person alone, and in no log: on the terminal, below all that is shown. */
void view_print(struct view *view, asm_str text);

/* Takes down what is shown for a while, and brings all out that was written. */
void view_settle(struct view *view);

/* Closes all; false if something could not be written, which was said. */
bool view_close(struct view *view);

#endif
