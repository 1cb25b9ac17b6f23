/* asm_render.h - v0.1.0 - what agent sessions look like, and where that goes: renderers, sinks, pipeline
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_render.h"
 *   ASM_RENDER_IMPLEMENTATION builds this header only (asm_events.h, which it includes, must then be built
 *   elsewhere); ASM_STATIC makes everything static. See asm_events.h.
 *
 * OPTIONS (beside those of asm_events.h; * only in the file with the implementation)
 *   ASM_NO_STDIO            *  no <stdio.h>, no files, no descriptors: sinks write through functions of
 *                              yours, everything else is ASM_ERR_UNSUPPORTED
 *
 * OVERVIEW
 *   A renderer turns events into text, a sink takes events and text somewhere, the pipeline wires one
 *   renderer to any number of sinks. Every sink gets every event, in order.
 *
 *       renderers   compact      tokens on a line          sinks   tty        text as it is, and what runs now
 *                   verbose      a line for each event             file       text without colours
 *                   studio       for people                        jsonl      the events
 *                   passthrough  nothing                           callback   both
 *
 *   Renderers and sinks of your own are structs of functions, asm_renderer and asm_sink. asm_redact stands before a
 *   pipeline and takes secrets out of its events. What asm_text_append() does makes any text harmless for a terminal.
 *
 * EXAMPLE
 *       asm_studio studio;
 *       asm_tty_sink tty;
 *       asm_jsonl_sink log;
 *       asm_sink sinks[] = {
 *           asm_tty_sink_init(&tty, NULL),
 *           asm_jsonl_sink_init(&log, &(asm_jsonl_sink_options){ .output.path = "session.jsonl" }),
 *       };
 *       asm_pipeline pipeline;
 *       asm_pipeline_init(&pipeline, &(asm_pipeline_options){
 *           .renderer = asm_studio_init(&studio, NULL), .sinks = sinks, .sink_count = 2 });
 *
 *       asm_pipeline_event(&pipeline, &event);               for each event
 *       asm_pipeline_tick(&pipeline, now);                   about once a second, while somebody watches
 *
 *       if (asm_pipeline_close(&pipeline) != ASM_OK)         the first thing that went wrong, if any
 *           fprintf(stderr, "%s: %s\n", pipeline.failed, asm_result_string(pipeline.result));
 *
 * WHAT IT LOOKS LIKE
 *   Colour, symbols and whether lines can be overwritten follow from what the tty sink finds its output to be (see
 *   asm_terminal), unless the options say otherwise. Into a pipe or a file nothing but text goes. Text is final; what
 *   is shown for a while (what runs, and since when) is drawn by the tty sink below it, and is in no log.
 *
 * UNTRUSTED TEXT
 *   Whatever comes from models, tools and streams can hold escape sequences. Every built-in renderer passes
 *   all of it through asm_text_append(), so that it cannot move the cursor, set a title, write the
 *   clipboard, hide or fake a line. A renderer of your own should do so too. The jsonl sink writes no
 *   control characters at all.
 *
 * MEMORY
 *   Renderers and the callback, tty and file sinks allocate nothing. The pipeline's text and the records of
 *   a jsonl sink go into buffers that grow through ASM_REALLOC to the longest, unless you give them memory
 *   in the options: then nothing is allocated, and what is longer goes on in pieces, as their options say.
 *
 * CALLBACKS
 *   A render or sink function must not call back into the pipeline that called it. Anything else is
 *   allowed. All are called in the thread of the pipeline's function that calls them, before that returns.
 *
 * ERRORS, NULL, THREADS
 *   As in asm_json.h.
 */
#ifndef ASM_RENDER_H
#define ASM_RENDER_H

#include "asm_events.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

/* =========================================================================================================
 * Untrusted text
 */

/* How asm_text_append() treats text. Combine with |. */
enum {
    ASM_TEXT_RAW = 1,   /* as it is: nothing is replaced but invalid UTF-8 */
    ASM_TEXT_ASCII = 2, /* ASCII only: for terminals without UTF-8 */
    ASM_TEXT_LINE = 4   /* one line: LF is replaced too, so that a name or a path cannot begin a new one */
};

/* Appends `text` made harmless for a terminal:
 *   C0 controls but TAB and LF       their picture, ␛ (U+2400 to U+241F); with ASCII ^[. CR before LF is left out
 *   DEL                              ␡; with ASCII ^?
 *   invisible characters             <U+202E>: C1 controls; bidi controls (U+061C, 200E, 200F, 202A-202E, 2066-2069);
 *                                    line separators, spaces without width, fillers, soft hyphens (U+00AD, 034F, 115F,
 *                                    1160, 17B4, 17B5, 180B-180F, 200B, 2028, 2029, 2060-206F, 3164, FEFF, FFA0,
 *                                    FFF0-FFFB, 1BCA0-1BCA3, 1D173-1D17A, E0000-E0FFF); variation selectors (FE00-FE0F)
 *                                    but for emoji. The joiners U+200C and 200D stay
 *   all other than ASCII             <U+00DB>, with ASCII only: an 8-bit terminal takes parts of UTF-8 for controls
 *   marks on one character           the first 8, then an ellipsis
 *   invalid UTF-8                    U+FFFD; with ASCII ?
 * Works on each text by itself: nothing that is cut in two can join again. Returns the buffer's result. */
ASM_API asm_result asm_text_append(asm_buffer *out, asm_str text, unsigned flags);

/* Appends the first `count` code points of `text` as asm_text_append() does, and `...` if there are more. */
ASM_API asm_result asm_text_append_cut(asm_buffer *out, asm_str text, size_t count, unsigned flags);

/* Appends the first `count` code points (SIZE_MAX: all) of valid JSON text as asm_text_append() does, without the white
 * space between its tokens, and `...` if there are more. */
ASM_API asm_result asm_text_append_json(asm_buffer *out, asm_str json, size_t count, unsigned flags);

/* Appends `text` as asm_text_append() does with ASM_TEXT_LINE, in at most `columns` columns of a terminal: wide
 * characters take two, combining ones none. A text that is wider is cut and ends in an ellipsis (… takes one column, with
 * ASCII ... three; none if `columns` has no room for it). Returns how many columns it took. */
ASM_API int asm_text_append_columns(asm_buffer *out, asm_str text, int columns, unsigned flags);

/* =========================================================================================================
 * Terminal
 */

/* The sequence by which a terminal takes notifications for its user's desktop. */
typedef enum asm_notification {
    ASM_NOTIFICATION_NONE,
    ASM_NOTIFICATION_OSC_9,   /* iTerm2, WezTerm, Ghostty */
    ASM_NOTIFICATION_OSC_777, /* foot, rxvt-unicode */
    ASM_NOTIFICATION_OSC_99   /* kitty */
} asm_notification;

/* What an output can do, and what its user wants. */
typedef struct asm_terminal {
    bool is_terminal; /* isatty(3) of the output */
    bool has_cursor;  /* lines can be overwritten: a terminal, and TERM is neither unset nor dumb */
    /* NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, CLICOLOR=0, is_terminal, TERM unset or dumb: the first that says
     * something decides */
    bool has_color;
    bool has_utf8; /* the locale that the environment names has UTF-8 */
    /* OSC 8: has_cursor, and TERM is neither linux nor screen's; VTE from 0.50, tmux from 3.4 on. */
    bool has_links;
    /* OSC 9;4: has_cursor, and the environment names one that is known for it: ConEmu, Windows Terminal, Ghostty
     * from 1.2, iTerm2 from 3.6.6 on, none of them within tmux or screen. */
    bool has_progress;
    /* When the window becomes narrower, lines that do not fit any more go on in the next row: has_cursor, and the
     * environment names one that is known for it. Else they are cut, as xterm does. */
    bool has_reflow;
    asm_notification notification; /* NONE: not a terminal that is known to have one */
    int columns;                   /* the terminal's width, else COLUMNS, else 80 */
    int rows;                      /* the terminal's height, else 24 */
    const char *home; /* the user's home directory, HOME, in the environment; NULL if it is not set */
} asm_terminal;

/* Looks at file descriptor `fd` and at the environment: the only function of these headers that does. With
 * ASM_NO_STDIO everything is false, the size 80 by 24. Allocates nothing. */
ASM_API asm_terminal asm_terminal_detect(int fd);

/* =========================================================================================================
 * Renderers
 */

/* A renderer: what it looks like. Any function may be NULL: nothing to do. Text is final: what was appended stays on
 * the screen and in the log. `out` may hand its bytes on when it is full, so a function only appends and never looks
 * back. A result other than ASM_OK ends the text there and becomes the pipeline's. */
typedef struct asm_renderer {
    void *self; /* the first argument of each function */

    /* Tells what the text is shown on: before the first event, if a sink knows (see asm_sink.terminal), and again when
     * the size changes. Without this call: no colour, no cursor, UTF-8. `terminal` is valid during the call. */
    void (*begin)(void *self, const asm_terminal *terminal);

    /* Appends what the event looks like, which may be nothing. */
    asm_result (*render_event)(void *self, const asm_event *event, asm_buffer *out);

    /* Appends what the time brings at a tick: text that was held back. `now` is Unix time in microseconds. */
    asm_result (*tick)(void *self, asm_time now, asm_buffer *out);

    /* Appends what is shown for now, below the text: complete lines, each ended by LF and narrower than the terminal;
     * nothing while the last line of the text is open. Before the lines may stand signals, also without lines: BEL, and
     * operating system commands ended by ST (ESC ] … ESC \), which a terminal obeys and shows nothing of. Asked for
     * after each event and each tick, if a sink can show it, and before and after `finish`: then only for signals.
     * `out` takes ASM_TRANSIENT_SIZE bytes; with ASM_ERR_NO_SPACE nothing is shown, and that is no error of the
     * pipeline. `now` is the later of the last tick and the last event's time, in Unix microseconds; 0: not known. */
    asm_result (*transient)(void *self, asm_time now, asm_buffer *out);

    /* Appends what ends the session. */
    asm_result (*finish)(void *self, asm_buffer *out);
} asm_renderer;

#define ASM_TRANSIENT_SIZE 8192 /* bytes of transient lines, colours included */

/* DEFAULT is auto: as asm_terminal says. */
typedef enum asm_setting { ASM_SETTING_DEFAULT, ASM_SETTING_ON, ASM_SETTING_OFF } asm_setting;

/* How much of what tools give back studio shows. */
typedef enum asm_tool_output {
    ASM_TOOL_OUTPUT_SUMMARY, /* one line per tool */
    ASM_TOOL_OUTPUT_PREVIEW, /* and the last three lines of its output */
    ASM_TOOL_OUTPUT_FULL     /* and all of them */
} asm_tool_output;

/* How studio shows what a tool works on. */
typedef enum asm_tool_subject {
    ASM_TOOL_SUBJECT_TEXT,    /* as it is */
    ASM_TOOL_SUBJECT_QUOTED,  /* between quotation marks: patterns, queries */
    ASM_TOOL_SUBJECT_COMMAND, /* without the shell and the directory around it, secrets as dots */
    ASM_TOOL_SUBJECT_PATH,    /* from the run's working directory on; too long: its middle left out */
    ASM_TOOL_SUBJECT_URL      /* the host that a browser would go to; if that is not sure, the URL */
} asm_tool_subject;

/* What studio tells of a tool's result, as far as the event has it. */
typedef enum asm_tool_facts {
    ASM_TOOL_FACTS_SIZE,        /* how long the output is */
    ASM_TOOL_FACTS_NONE,        /* nothing but how long it took */
    ASM_TOOL_FACTS_COMMAND,     /* exit code and size */
    ASM_TOOL_FACTS_LINES,       /* lines of the output: a file that was read */
    ASM_TOOL_FACTS_INPUT_LINES, /* lines of `content` in the input: a file that was written */
    ASM_TOOL_FACTS_CHANGES, /* lines added and removed; each file that was changed, if there are several */
    ASM_TOOL_FACTS_FILES,   /* "Found 3 files matching" in place of `done` */
    ASM_TOOL_FACTS_MATCHES, /* "Found 3 matches for" in place of `done` */
    ASM_TOOL_FACTS_AGENT,   /* a sub-agent: its tools and tokens */
    ASM_TOOL_FACTS_TODOS    /* a list of todos: shown by todos_updated, not by the tool */
} asm_tool_facts;

/* How studio shows a tool: a row of its table. Words stand before what the tool works on, with what separates the two:
 * "Running: ", "Read ". NULL or "": the tool's name stands there, and for all ends if `done` has no words. */
typedef struct asm_studio_tool {
    /* Of the tool, several separated by blanks: "Bash bash shell". NULL: the row is never used. */
    const char *names;
    const char *running; /* words while it runs */
    const char *done;    /* words for success */
    const char *failed;  /* words for failure */
    /* Members of its input that say what it works on, separated by blanks, at most 8: the first that is there is shown.
     * NULL: the first member that is a text. */
    const char *subject;
    asm_tool_subject shown_as; /* how the subject is shown */
    asm_tool_facts facts;      /* what is told of its result */
} asm_studio_tool;

/* Which time stands before each line of studio. */
typedef enum asm_times {
    ASM_TIMES_NONE,
    ASM_TIMES_CLOCK, /* HH:MM:SS in UTC */
    ASM_TIMES_OFFSET /* +MM:SS since the run's start */
} asm_times;

/* Options of every built-in renderer. Zero means the default. Copied by the init functions, but for what they point to,
 * which must outlive the renderer. */
typedef struct asm_render_options {
    asm_setting color;  /* ANSI colours */
    asm_setting ascii;  /* ASCII only: symbols, replacements, and every other character as <U+XXXX> */
    bool raw;           /* do not neutralise untrusted text */
    bool show_thinking; /* also the model's reasoning */
    asm_setting tty;    /* studio: break lines at the terminal's width, show what runs below the text */
    asm_tool_output tool_output; /* studio: how much of what tools give back */
    int indent; /* studio: columns before each line, at most 64; 0 means 2, negative means none */
    int columns; /* studio: width of lines, at least 20; 0: the terminal's; without a cursor lines are not broken */
    /* studio: when a person is waited for, ring the terminal's bell, and notify its user if it is one that can. Fixed words,
     * as they may show on a locked screen. */
    bool bell;
    bool links;    /* studio: addresses in texts are links (OSC 8), where a terminal has these and colour */
    bool progress; /* studio: tell a terminal that shows it (OSC 9;4) how far the run is, by its todos */
    bool show_prompts;    /* studio: also what programs say for the person, and what sub-agents are asked */
    asm_times show_times; /* studio: what stands before each line */
    const asm_studio_tool *tools; /* studio: rows that come before those of its own table */
    size_t tool_count;            /* how many rows `tools` has */
} asm_render_options;

/* What options and terminal come to. */
typedef struct asm_look {
    bool has_color, has_cursor;    /* as asm_terminal has them, unless the options say otherwise */
    bool is_ascii, is_raw;         /* ASCII only; texts as they are */
    bool has_links, has_progress;  /* false with is_raw: a text could make such sequences too */
    asm_notification notification; /* NONE with is_raw */
    int columns;                   /* width of lines, at least 20; 0 if they are not broken */
} asm_look;

/* Tokens on a line: r+ sonnet >> Hello t+Read t-Read r-:end
 * `r+` and `r-` a run starts and ends, `t+NAME` `t-NAME` `t!NAME` a tool starts, ends, fails, `tr:` its
 * result, `>>` text follows, `tk:IN/OUT` tokens, `msg` a message, `!` an error, `?` anything else. `@ID` after a token:
 * the sub-agent of that tool call, or that agent; a figure nobody told is `?`.
 * Texts stand between the tokens as they are, so a text can look like tokens: only the last line, with the counts, is
 * sure to be the renderer's own. */
typedef struct asm_compact {
    asm_look look;              /* read only */
    asm_render_options options; /* read only */
    uint64_t events, tools;     /* read only: how many there were */
    uint64_t speaker;           /* private: who streams */
    bool line_open, streaming;  /* private */
} asm_compact;

/* A line per event, `[run_started] model=… session_id=…`, and streamed text between them. A line of a text that begins
 * with `[` or `---` gets two blanks in front, so no text looks like a line of the renderer. Events of sub-agents and
 * of several agents say so: parent_tool_call_id=… agent_id=…; before a text of theirs stands a line
 * `[message_streamed] …` of its own. */
typedef struct asm_verbose {
    asm_look look;              /* read only */
    asm_render_options options; /* read only */
    uint64_t events, tools;     /* read only: how many there were */
    uint64_t speaker;           /* private: who streams */
    unsigned dashes;            /* private: at the start of a line, held back */
    bool streaming, in_line;    /* private: in_line: a line has begun */
} asm_verbose;

#define ASM_STUDIO_CALLS     16 /* tool calls that are remembered while they run; the oldest is forgotten first */
#define ASM_STUDIO_CALL_TEXT 416 /* bytes that are remembered of each: its id, name and what it works on */
#define ASM_STUDIO_CHANGES   24  /* files whose changes are added up to the end of a run */

/* Private: a tool call that runs. */
typedef struct asm_studio_call {
    uint64_t order;  /* of its start; 0: a free slot */
    asm_time time;   /* of its start; 0: not known */
    uint64_t tools;  /* that a sub-agent has started */
    size_t lines;    /* of the input: see ASM_TOOL_FACTS_INPUT_LINES */
    unsigned number; /* of a sub-agent among those of its kind, from 1 */
    unsigned depth;  /* 0: started by the main agent */
    unsigned char id_size, name_size, kind_size, place_size;
    unsigned short subject_size;
    bool has_lines, is_agent, in_background, is_waiting, is_denied, is_cut, is_announced;
    bool is_shared; /* others had its id while it ran: which of them an event means cannot be told */
    char text[ASM_STUDIO_CALL_TEXT];
} asm_studio_call;

/* Private: what changed in a file. */
typedef struct asm_studio_change {
    int64_t added, removed;
    bool has_counts, is_new, is_deleted;
    unsigned char size;
    char path[118];
} asm_studio_change;

/* For people: symbols, summaries, text. About 13 KB: it remembers what runs and what was changed.
 *
 * Lines of its own begin with a symbol: after `indent` columns, and for a sub-agent after one bar for each level. No text
 * has anything but blanks there, so none can look like a line of the renderer. It shows one session at a time. */
typedef struct asm_studio {
    asm_look look;              /* read only */
    asm_render_options options; /* read only */
    uint64_t events, tools;     /* read only: how many there were */

    struct { /* private: the run, as far as it went */
        uint64_t tools, failed;
        asm_usage_payload usage; /* sums of what was told on the way; no views */
        uint64_t message[8];     /* the last messages whose tokens were counted, and what for each */
        int64_t message_input[8], message_output[8];
        unsigned messages;
        asm_time start, last;
        uint64_t error;            /* hash of the last one that was told */
        bool is_active, has_start; /* has_start: `start` is the time of its start */
        size_t todos, todos_done, cwd_size;
        char cwd[256];
    } run;
    struct { /* private: the text that is open */
        uint64_t speaker, message;
        int column, margin, gap, hang, word_width, limit;
        unsigned kind, depth, style, blank, words;
        unsigned char label_size, word_size;
        bool is_open, in_fence, in_code, in_bold, is_joined, is_partial, in_line, is_wide, is_long, has_marks;
        char label[40], word[128];
    } text;
    struct { /* private: a notice that may come again, and a person who is waited for */
        asm_time since;
        size_t notice_size, wait_size;
        bool has_wait, should_ring;
        uint64_t wait_id;
        char notice[160], wait[200];
    } held;
    asm_studio_call calls[ASM_STUDIO_CALLS];       /* private */
    asm_studio_change changes[ASM_STUDIO_CHANGES]; /* private */
    size_t change_count, changes_lost;             /* private */
    uint64_t kinds[8];                             /* private: sub-agents so far, by hash of their kind */
    unsigned kind_counts[8];                       /* private */
    struct { /* private: messages that came in pieces and were not received yet */
        uint64_t speaker, message;
    } streamed[8];
    unsigned streamed_next; /* private */
    uint64_t main_agent;    /* private: hash of the first agent's id; 0: none so far */
    int rows;               /* private: of the terminal */
    int progress;   /* private: what the terminal was told last: its state times 1000, and a percentage */
    char home[128]; /* private */
    bool has_lines; /* private: something was shown */
} asm_studio;

/* Sets up the compact renderer and returns it for asm_pipeline_options. `options` may be NULL. The struct must outlive the
 * pipeline. Cannot fail, and allocates nothing, as the two below. */
ASM_API asm_renderer asm_compact_init(asm_compact *compact, const asm_render_options *options);

/* Sets up the verbose renderer; the contract of asm_compact_init(). */
ASM_API asm_renderer asm_verbose_init(asm_verbose *verbose, const asm_render_options *options);

/* Sets up the studio renderer; the contract of asm_compact_init(). */
ASM_API asm_renderer asm_studio_init(asm_studio *studio, const asm_render_options *options);

/* Renders nothing: for pipelines whose sinks want the events only. */
ASM_API asm_renderer asm_passthrough_init(void);

/* =========================================================================================================
 * Sinks
 */

/* A sink: where events and their text go. Any function may be NULL: nothing to do. Each is called from within a call of the
 * pipeline, which it must not call itself. After a result other than ASM_OK the pipeline calls only `close`, and goes on
 * with the other sinks; but an event that cannot be written ends nothing (see `refused`). What the arguments point to is
 * valid during the call. */
typedef struct asm_sink {
    void *self;       /* the first argument of each function */
    const char *name; /* for messages: "tty", "session.jsonl"; must outlive the sink */

    /* Text that belongs to no event: what `tick` or `finish` gave, or a piece of a long text that goes on. */
    asm_result (*write)(void *self, asm_str text);

    /* An event, and its text, which may be empty: what the renderer made of it, less what `write` was given before. */
    asm_result (*write_event)(void *self, const asm_event *event, asm_str text);

    /* The transient lines as they are now, each ended by LF, or none. They replace those of the last call; the sink
     * takes them off the screen before it writes text. Signals before them (see asm_renderer.transient) are written
     * once, at once. Called after each event and each tick, and at the end. */
    asm_result (*show)(void *self, asm_str lines);

    /* What the output is, its size read again; NULL if nothing is known. The pipeline asks the first sink that has this
     * function, and tells the renderer. */
    const asm_terminal *(*terminal)(void *self);

    /* Everything so far must reach its destination now. Called by asm_pipeline_flush(), and once before `close`. */
    asm_result (*flush)(void *self);

    /* The end: called exactly once, also after an error; by asm_pipeline_init() if that fails. */
    asm_result (*close)(void *self);

    asm_result result; /* the first error; set by the init functions and by the pipeline */

    /* Events that `write_event` could not write because of what is in them, counted by the pipeline: those that it gave
     * one of the errors of asm_event_write_json() for. They are the pipeline's errors, and not the sink's. */
    uint64_t refused;
    asm_result refusal; /* why the last of them was; ASM_OK if there is none */
} asm_sink;

/* Asked whether a write shall be given up: when a signal interrupted it, and while the descriptor takes nothing. Must
 * only look, at a flag that a signal handler sets for instance. */
typedef bool (*asm_stop_function)(void *user);

/* Where a sink writes: one of `path`, `stream`, `fd` and `write`, else ASM_ERR_INVALID_ARGUMENT from its init.
 * What is written to a path is appended, by one write(2) for each record that a sink hands on, so that several
 * processes may log to one file. A file that ends in half a line (its program was killed, the disk was full) gets the
 * line ended by a LF when it is opened; one that may only be written gets it whenever it is not empty. */
typedef struct asm_output {
    const char *path;         /* a file: created if need be, closed with the sink; the text must outlive it */
    void *stream;             /* a FILE *: flushed after each write, never closed */
    int fd;                   /* a file descriptor above 0 (1 is standard output): used, never closed */
    asm_write_function write; /* a function of yours, called with `user` */
    asm_stop_function should_stop; /* path and fd: may be NULL; called with `user` */
    void *user;                    /* the first argument of both functions */
    unsigned mode; /* path: the permissions of a file that is created, less the umask; 0 means 0600, since
                        logs hold what the agent saw. A file that exists keeps its own */
    /* path: the half line is also overwritten with blanks, unless it is a whole JSON object that only lacks its LF.
     * Nothing is cut off: another process might have written after it. */
    bool erase_torn;
} asm_output;

/* An output stream: where a sink writes, for sinks of your own. */
typedef struct asm_output_stream {
    asm_output output;   /* private */
    int fd;              /* private */
    bool is_owned;       /* private */
    bool is_file;        /* private: a regular file opened by its path */
    bool is_new;         /* private: created, and its directory not synced yet */
    char last_byte;      /* private: the last one that is known to have been written */
    uint64_t torn_bytes; /* read only: the length of the half line that was found at the end of the file */
    int system_error;    /* read only: errno of the first failure, 0 if there is none */
} asm_output_stream;

/* Opens what `output` names, which is copied. ASM_ERR_OPEN (see system_error) if the file cannot be opened;
 * ASM_ERR_WRITE if its end cannot be repaired; ASM_ERR_INVALID_ARGUMENT; ASM_ERR_UNSUPPORTED with ASM_NO_STDIO, for
 * all but a function. After an error there is nothing to close. Allocates nothing. */
ASM_API asm_result asm_output_stream_open(asm_output_stream *out, const asm_output *output);

/* Writes all of it: waits where the descriptor would block, goes on after signals and short writes. If another process
 * appended to the file between two pieces of a line, the line is written again as a whole.
 * ASM_ERR_CLOSED when a pipe's reader has gone (programs should ignore SIGPIPE, and SIGXFSZ); else ASM_ERR_WRITE: the
 * system refused (a full disk), took nothing several times, or should_stop said so (system_error is EINTR). Allocates
 * nothing. */
ASM_API asm_result asm_output_stream_write(asm_output_stream *out, const char *data, size_t size);

/* Has the system bring to the disk what was written, and the first time also the directory entry of a file that was
 * created. ASM_OK where that means nothing, as for pipes. ASM_ERR_WRITE. */
ASM_API asm_result asm_output_stream_sync(asm_output_stream *out);

/* Closes the file that asm_output_stream_open() opened, leaves other things open. ASM_ERR_WRITE if the system reports
 * only now that something was not written. */
ASM_API asm_result asm_output_stream_close(asm_output_stream *out);

/* Options of asm_tty_sink_init(): text as it is, to a terminal or any stream. */
typedef struct asm_tty_sink_options {
    asm_output output;  /* default: standard output */
    char *buffer;       /* if given, text is gathered here and written when it is full and on flush: then call
                           asm_pipeline_flush() when you wait for input. Else it is written at once */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_tty_sink_options;

/* The state of a tty sink. About 8 KB. */
typedef struct asm_tty_sink {
    asm_output_stream out;          /* read only: system_error */
    asm_terminal terminal;          /* read only: what the output is */
    asm_buffer pending;             /* private */
    bool is_shown;                  /* private: `lines` stand on the screen, the cursor below them */
    size_t lines_size;              /* private */
    char lines[ASM_TRANSIENT_SIZE]; /* private: the transient lines */
} asm_tty_sink;

/* Opens the output and returns the sink for asm_pipeline_options; `options` may be NULL. Shows the renderer's transient
 * lines below the text, with `buffer` as they are at a flush. The struct must outlive the pipeline, which closes it.
 * `result` of the sink: the errors of asm_output_stream_open(), and ASM_ERR_INVALID_ARGUMENT for a buffer that is too
 * small. Allocates nothing. Who uses a sink without a pipeline calls its `close`, also after an error. */
ASM_API asm_sink asm_tty_sink_init(asm_tty_sink *sink, const asm_tty_sink_options *options);

/* Options of asm_file_sink_init(): text for logs, without ANSI escape sequences and lone carriage returns. */
typedef struct asm_file_sink_options {
    asm_output output; /* required */
    char *buffer; /* if given, text is gathered here and written when it is full and on flush; else at once */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_file_sink_options;

/* The state of a file sink. */
typedef struct asm_file_sink {
    asm_output_stream out; /* read only: system_error */
    asm_buffer pending;    /* private */
    unsigned state;        /* private: within an escape sequence that the last write cut */
    bool gather;           /* private: a buffer was given */
    char memory[256];      /* private: used when none was */
} asm_file_sink;

/* Opens the output and returns the sink for asm_pipeline_options; `options` is required. Lifetime, `result` and memory as
 * for asm_tty_sink_init(). */
ASM_API asm_sink asm_file_sink_init(asm_file_sink *sink, const asm_file_sink_options *options);

/* Options of asm_jsonl_sink_init(): events as JSON Lines. Each record goes out in one write, whatever its size, so that
 * processes which share a file never write into each other's records; if a write fails half way, the next record begins on
 * a new line. */
typedef struct asm_jsonl_sink_options {
    asm_output output;   /* required */
    bool compact;        /* the compact form; default: the full one */
    bool gather;         /* records are written together, when 64 KB or `buffer` are full and on flush */
    unsigned sync_every; /* bring records to the disk after this many, and at the end; 0: leave that to the
                            system */
    char *buffer;       /* memory for records; one that is longer goes out in several writes, and what another
                           process writes to the file may come between. Default: it grows to the longest record */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_jsonl_sink_options;

/* The state of a jsonl sink. */
typedef struct asm_jsonl_sink {
    asm_jsonl_sink_options options; /* read only */
    asm_output_stream out;          /* read only: system_error */
    uint64_t records;               /* read only: written */
    asm_buffer line;                /* private */
    bool torn;                      /* private: the last write failed half way */
    unsigned unsynced;              /* private */
} asm_jsonl_sink;

/* Opens the output and returns the sink for asm_pipeline_options; `options` is required. Lifetime and `result` as for
 * asm_tty_sink_init(). Allocates with the first record, unless `buffer` is given. */
ASM_API asm_sink asm_jsonl_sink_init(asm_jsonl_sink *sink, const asm_jsonl_sink_options *options);

/* Is given an event and its text. `event` is NULL for text that belongs to none (see asm_sink.write). */
typedef void (*asm_text_callback)(void *user, const asm_event *event, asm_str text);

/* A sink that calls a function. */
typedef struct asm_callback_sink {
    asm_text_callback on_text;   /* private */
    asm_event_callback on_event; /* private */
    void *user;                  /* private */
} asm_callback_sink;

/* Calls `callback` with each event and its text. ASM_ERR_INVALID_ARGUMENT in `result` without a callback. Allocates
 * nothing. */
ASM_API asm_sink asm_callback_sink_init(asm_callback_sink *sink, asm_text_callback callback, void *user);

/* Calls `callback` with each event: any of the functions named ..._on_event. ASM_ERR_INVALID_ARGUMENT in `result`
 * without one. Allocates nothing. */
ASM_API asm_sink asm_event_sink_init(asm_callback_sink *sink, asm_event_callback callback, void *user);

/* =========================================================================================================
 * Secrets
 */

/* Appends `text` with the secrets in it replaced by ‹redacted:KIND›. What is taken for one, where no letter or digit
 * stands before it:
 *   anthropic    sk-ant-…                       gitlab       glpat-…              npm          npm_…
 *   openai       sk-…, sk-proj-…, sk-svcacct-…  aws          AKIA…, ASIA…         huggingface  hf_…
 *   github       gh?_…, github_pat_…            google       AIza…                pypi         pypi-…
 *   slack        xox?-…                         stripe       sk_live_…, rk_live_… sendgrid     SG.…
 *   jwt          eyJ….….…                      private-key  -----BEGIN … PRIVATE KEY----- to its END
 *   bearer       what follows "Bearer "         basic        what follows "Basic "
 *   password     in a URL, between USER: and @  assignment   what a name with password, passwd, secret, token, api_key,
 *                                                            access_key, private_key or credential in it is set to
 * Each is as long as such secrets are and has a digit; what is assigned has at least 20 characters, of which some are
 * capitals, some are not and some are digits, or at least 32 hexadecimal ones. `count` (may be NULL) is increased for
 * each. Returns the buffer's result. */
ASM_API asm_result asm_redact_text(asm_buffer *out, asm_str text, uint64_t *count);

/* Options of asm_redact_init(). */
typedef struct asm_redact_options {
    /* Required: gets the events in which nothing is secret any more. Calls of the same asm_redact from inside it are
     * ASM_ERR_MISUSE, which stays in its `result`, and give nothing. */
    asm_event_callback on_event;
    void *user; /* its first argument */
} asm_redact_options;

/* Texts that may be streamed side by side; of more, the oldest one is no longer held back. */
#define ASM_REDACT_LANES 8

/* A filter before whatever gets events: secrets are replaced in every text of them, those in JSON members included, also
 * where the pieces of a streamed text cut one: a word that is not ended yet is held back until it is. */
typedef struct asm_redact {
    asm_redact_options options;                              /* read only */
    asm_result result;                                       /* read only: the first error */
    uint64_t count;                                          /* read only: how many secrets were replaced */
    asm_buffer line, redacted, scratch, text, joined, piece; /* private */
    struct {                                                 /* private: texts that are being streamed */
        asm_event *event;  /* its text is what is held back; NULL: nothing is */
        asm_buffer memory; /* of the event */
        uint64_t used;
    } lanes[ASM_REDACT_LANES];
    uint64_t clock; /* private */
    bool is_giving; /* private: on_event is under way */
} asm_redact;

/* ASM_ERR_INVALID_ARGUMENT without on_event. Allocates nothing; events allocate what they need, through ASM_REALLOC,
 * which is kept for the next. */
ASM_API asm_result asm_redact_init(asm_redact *redact, const asm_redact_options *options);

/* Gives the event on, changed if there are secrets in it; a piece of a text shortened by what is held back, or not at
 * all. An event that cannot be looked through (its JSON members are invalid, memory ran out) is not given on: its error
 * is returned, and the first one kept in redact->result. */
ASM_API asm_result asm_redact_event(asm_redact *redact, const asm_event *event);

/* asm_redact_event() as the function that others call with their events: `redact` is the asm_redact. Its first error is
 * kept in asm_redact.result. */
ASM_API void asm_redact_on_event(void *redact, const asm_event *event);

/* Gives on what is held back: at the end of a stream. */
ASM_API asm_result asm_redact_flush(asm_redact *redact);

/* Flushes, and frees everything. Returns the first error. `redact` may be NULL. */
ASM_API asm_result asm_redact_close(asm_redact *redact);

/* =========================================================================================================
 * Pipeline
 */

/* Options of asm_pipeline_init(). */
typedef struct asm_pipeline_options {
    asm_renderer renderer; /* zero: passthrough */
    asm_sink *sinks;       /* must outlive the pipeline, which keeps their first errors in them */
    size_t sink_count;     /* how many sinks; may be 0 */
    char *buffer; /* memory for an event's text; longer text reaches the sinks in pieces: all but the last
                     through `write`, the last with the event. Default: memory that grows to the longest */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_pipeline_options;

/* One renderer and its sinks. It must not be moved or copied once it is set up. */
typedef struct asm_pipeline {
    asm_renderer renderer; /* private */
    asm_sink *sinks;       /* read only */
    size_t sink_count;     /* read only */
    asm_buffer text;       /* private */
    asm_terminal terminal; /* read only: as the renderer was told last; all zero without one */
    asm_time now;          /* private: see asm_renderer.transient */
    asm_result result;     /* read only: the first error */
    const char *failed; /* read only: whose it was: the sink's name, "renderer" or "pipeline"; NULL if none */
    bool can_show;      /* private: a sink has `show` */
    bool is_open;       /* private */
} asm_pipeline;

/* Sets up a pipeline. Returns the error of the first sink whose init had failed; ASM_ERR_INVALID_ARGUMENT without options,
 * with a sink_count and no sinks, and if `buffer` is too small. After an error all sinks have been closed, and the other
 * functions return it and do nothing. Allocates nothing. */
ASM_API asm_result asm_pipeline_init(asm_pipeline *pipeline, const asm_pipeline_options *options);

/* Renders an event and hands it to every sink that works. A sink that fails gets no more events and does not
 * stop the others. Returns the pipeline's first error so far; ASM_ERR_MISUSE after asm_pipeline_close(). Allocates only
 * when a text is longer than those before, and not if `buffer` was given. */
ASM_API asm_result asm_pipeline_event(asm_pipeline *pipeline, const asm_event *event);

/* asm_pipeline_event() as the function that others call with their events: `pipeline` is the asm_pipeline. Its result is
 * kept in asm_pipeline.result. */
ASM_API void asm_pipeline_on_event(void *pipeline, const asm_event *event);

/* Tells the time, Unix microseconds: about once a second while somebody watches, so that what runs now is shown with how
 * long it has run. The renderer has no clock. Nothing but time has to pass between two ticks. Returns the pipeline's
 * first error so far. */
ASM_API asm_result asm_pipeline_tick(asm_pipeline *pipeline, asm_time now);

/* Gives the next event of a source; false at its end. */
typedef bool (*asm_next_function)(void *user, asm_event *event);

/* Takes events from `next` until there are no more, also after errors, then closes the pipeline, and returns what
 * asm_pipeline_close() does. */
ASM_API asm_result asm_pipeline_run(asm_pipeline *pipeline, asm_next_function next, void *user);

/* Flushes every sink that works. Returns the pipeline's first error so far. */
ASM_API asm_result asm_pipeline_flush(asm_pipeline *pipeline);

/* The renderer's finish, then flush and close of every sink; frees the text buffer. Returns the first error
 * of the pipeline's whole life. A second call does nothing but return it again. */
ASM_API asm_result asm_pipeline_close(asm_pipeline *pipeline);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_RENDER_H */

/* =========================================================================================================
 * Implementation
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_RENDER_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_RENDER_IMPLEMENTED
#define ASM_RENDER_IMPLEMENTED

/* Index: search for `>>render: ` and a name.
 *   untrusted text, what renderers share, compact, verbose
 *   studio, from the bottom up: width of text, symbols, figures, values, studio's tools, what a tool works on, secrets,
 *     studio's lines, studio's text, studio's own lines, studio's calls, how a tool ended, what changed on disk,
 *     studio's tool lines, studio and the person, studio's todos, studio's runs, studio's notices, what runs now,
 *     studio's events
 *   output stream, terminal, escape sequences, tty sink, file sink, jsonl sink, callback sink, redact, pipeline
 */

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_json.h"

#include <string.h>

/* >>render: untrusted text */

#if defined(__SSE2__) && !defined(ASM_NO_SIMD)
#include <emmintrin.h>
/* The bytes that are neither from 0x20 to 0x7E nor TAB or `newline`, one bit each. */
static int asm__unprintable_mask(const char *p, char newline) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')),
            line = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(newline));
    __m128i others = _mm_cmplt_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(0x21));
    return _mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(tab, line), others));
}
#endif

/* Which of 8 bytes lie outside 0x20 to 0x7E: the highest bit of each. Right up to the first of them, as no difference
 * borrows from a byte before it has found one, and no sum carries over. */
static inline uint64_t asm__unprintable_bytes(uint64_t word) {
    return ((word - ASM__EACH_BYTE * ' ') | word | (word + ASM__EACH_BYTE)) & ASM__EACH_BYTE * 0x80;
}

/* The end of the run from `p` that is printable ASCII, TAB or `newline`. */
static const char *asm__printable_end(const char *p, const char *end, char newline) {
#if defined(__SSE2__) && !defined(ASM_NO_SIMD)
    for (; end - p >= 16; p += 16) {
        int mask = asm__unprintable_mask(p, newline);
        if (mask) return p + __builtin_ctz((unsigned)mask);
    }
#endif
    for (size_t left; (left = (size_t)(end - p)) > 0; p += left < 8 ? left : 8)
        if (asm__unprintable_bytes(asm__load_few(p, left))) break;
    while (p < end && ((*p >= 0x20 && *p < 0x7F) || *p == '\t' || *p == newline))
        p++;
    return p;
}

typedef struct asm__range16 {
    uint16_t first, last;
} asm__range16;

typedef struct asm__range32 {
    uint32_t first, last;
} asm__range32;

static bool asm__is_in16(const asm__range16 *ranges, size_t count, uint32_t c) {
    size_t low = 0;
    while (low < count) {
        const size_t middle = (low + count) / 2;
        if (c > ranges[middle].last) low = middle + 1;
        else if (c < ranges[middle].first) count = middle;
        else return true;
    }
    return false;
}

static bool asm__is_in32(const asm__range32 *ranges, size_t count, uint32_t c) {
    size_t low = 0;
    while (low < count) {
        const size_t middle = (low + count) / 2;
        if (c > ranges[middle].last) low = middle + 1;
        else if (c < ranges[middle].first) count = middle;
        else return true;
    }
    return false;
}

#define ASM__IS_IN16(ranges, c) asm__is_in16(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)
#define ASM__IS_IN32(ranges, c) asm__is_in32(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

/* Characters that take no column: Unicode 14, categories Mn and Me, joiners, Hangul vowels and finals. */
static const asm__range16 asm__no_column[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
    {0x05C4, 0x05C5}, {0x05C7, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED}, {0x0711, 0x0711},
    {0x0730, 0x074A}, {0x07A6, 0x07B0}, {0x07EB, 0x07F3}, {0x07FD, 0x07FD}, {0x0816, 0x0819},
    {0x081B, 0x0823}, {0x0825, 0x0827}, {0x0829, 0x082D}, {0x0859, 0x085B}, {0x0898, 0x089F},
    {0x08CA, 0x08E1}, {0x08E3, 0x0902}, {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948},
    {0x094D, 0x094D}, {0x0951, 0x0957}, {0x0962, 0x0963}, {0x0981, 0x0981}, {0x09BC, 0x09BC},
    {0x09C1, 0x09C4}, {0x09CD, 0x09CD}, {0x09E2, 0x09E3}, {0x09FE, 0x0A02}, {0x0A3C, 0x0A3C},
    {0x0A41, 0x0A51}, {0x0A70, 0x0A71}, {0x0A75, 0x0A75}, {0x0A81, 0x0A82}, {0x0ABC, 0x0ABC},
    {0x0AC1, 0x0AC8}, {0x0ACD, 0x0ACD}, {0x0AE2, 0x0AE3}, {0x0AFA, 0x0B01}, {0x0B3C, 0x0B3C},
    {0x0B3F, 0x0B3F}, {0x0B41, 0x0B44}, {0x0B4D, 0x0B56}, {0x0B62, 0x0B63}, {0x0B82, 0x0B82},
    {0x0BC0, 0x0BC0}, {0x0BCD, 0x0BCD}, {0x0C00, 0x0C00}, {0x0C04, 0x0C04}, {0x0C3C, 0x0C3C},
    {0x0C3E, 0x0C40}, {0x0C46, 0x0C56}, {0x0C62, 0x0C63}, {0x0C81, 0x0C81}, {0x0CBC, 0x0CBC},
    {0x0CBF, 0x0CBF}, {0x0CC6, 0x0CC6}, {0x0CCC, 0x0CCD}, {0x0CE2, 0x0CE3}, {0x0D00, 0x0D01},
    {0x0D3B, 0x0D3C}, {0x0D41, 0x0D44}, {0x0D4D, 0x0D4D}, {0x0D62, 0x0D63}, {0x0D81, 0x0D81},
    {0x0DCA, 0x0DCA}, {0x0DD2, 0x0DD6}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
    {0x0EB1, 0x0EB1}, {0x0EB4, 0x0EBC}, {0x0EC8, 0x0ECD}, {0x0F18, 0x0F19}, {0x0F35, 0x0F35},
    {0x0F37, 0x0F37}, {0x0F39, 0x0F39}, {0x0F71, 0x0F7E}, {0x0F80, 0x0F84}, {0x0F86, 0x0F87},
    {0x0F8D, 0x0FBC}, {0x0FC6, 0x0FC6}, {0x102D, 0x1030}, {0x1032, 0x1037}, {0x1039, 0x103A},
    {0x103D, 0x103E}, {0x1058, 0x1059}, {0x105E, 0x1060}, {0x1071, 0x1074}, {0x1082, 0x1082},
    {0x1085, 0x1086}, {0x108D, 0x108D}, {0x109D, 0x109D}, {0x1160, 0x11FF}, {0x135D, 0x135F},
    {0x1712, 0x1714}, {0x1732, 0x1733}, {0x1752, 0x1753}, {0x1772, 0x1773}, {0x17B4, 0x17B5},
    {0x17B7, 0x17BD}, {0x17C6, 0x17C6}, {0x17C9, 0x17D3}, {0x17DD, 0x17DD}, {0x180B, 0x180D},
    {0x180F, 0x180F}, {0x1885, 0x1886}, {0x18A9, 0x18A9}, {0x1920, 0x1922}, {0x1927, 0x1928},
    {0x1932, 0x1932}, {0x1939, 0x193B}, {0x1A17, 0x1A18}, {0x1A1B, 0x1A1B}, {0x1A56, 0x1A56},
    {0x1A58, 0x1A60}, {0x1A62, 0x1A62}, {0x1A65, 0x1A6C}, {0x1A73, 0x1A7F}, {0x1AB0, 0x1B03},
    {0x1B34, 0x1B34}, {0x1B36, 0x1B3A}, {0x1B3C, 0x1B3C}, {0x1B42, 0x1B42}, {0x1B6B, 0x1B73},
    {0x1B80, 0x1B81}, {0x1BA2, 0x1BA5}, {0x1BA8, 0x1BA9}, {0x1BAB, 0x1BAD}, {0x1BE6, 0x1BE6},
    {0x1BE8, 0x1BE9}, {0x1BED, 0x1BED}, {0x1BEF, 0x1BF1}, {0x1C2C, 0x1C33}, {0x1C36, 0x1C37},
    {0x1CD0, 0x1CD2}, {0x1CD4, 0x1CE0}, {0x1CE2, 0x1CE8}, {0x1CED, 0x1CED}, {0x1CF4, 0x1CF4},
    {0x1CF8, 0x1CF9}, {0x1DC0, 0x1DFF}, {0x200C, 0x200D}, {0x20D0, 0x20F0}, {0x2CEF, 0x2CF1},
    {0x2D7F, 0x2D7F}, {0x2DE0, 0x2DFF}, {0x302A, 0x302D}, {0x3099, 0x309A}, {0xA66F, 0xA672},
    {0xA674, 0xA67D}, {0xA69E, 0xA69F}, {0xA6F0, 0xA6F1}, {0xA802, 0xA802}, {0xA806, 0xA806},
    {0xA80B, 0xA80B}, {0xA825, 0xA826}, {0xA82C, 0xA82C}, {0xA8C4, 0xA8C5}, {0xA8E0, 0xA8F1},
    {0xA8FF, 0xA8FF}, {0xA926, 0xA92D}, {0xA947, 0xA951}, {0xA980, 0xA982}, {0xA9B3, 0xA9B3},
    {0xA9B6, 0xA9B9}, {0xA9BC, 0xA9BD}, {0xA9E5, 0xA9E5}, {0xAA29, 0xAA2E}, {0xAA31, 0xAA32},
    {0xAA35, 0xAA36}, {0xAA43, 0xAA43}, {0xAA4C, 0xAA4C}, {0xAA7C, 0xAA7C}, {0xAAB0, 0xAAB0},
    {0xAAB2, 0xAAB4}, {0xAAB7, 0xAAB8}, {0xAABE, 0xAABF}, {0xAAC1, 0xAAC1}, {0xAAEC, 0xAAED},
    {0xAAF6, 0xAAF6}, {0xABE5, 0xABE5}, {0xABE8, 0xABE8}, {0xABED, 0xABED}, {0xD7B0, 0xD7FB},
    {0xFB1E, 0xFB1E}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

static const asm__range32 asm__no_column_high[] = {
    {0x101FD, 0x101FD}, {0x102E0, 0x102E0}, {0x10376, 0x1037A}, {0x10A01, 0x10A0F}, {0x10A38, 0x10A3F},
    {0x10AE5, 0x10AE6}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11001, 0x11001}, {0x11038, 0x11046}, {0x11070, 0x11070}, {0x11073, 0x11074}, {0x1107F, 0x11081},
    {0x110B3, 0x110B6}, {0x110B9, 0x110BA}, {0x110C2, 0x110C2}, {0x11100, 0x11102}, {0x11127, 0x1112B},
    {0x1112D, 0x11134}, {0x11173, 0x11173}, {0x11180, 0x11181}, {0x111B6, 0x111BE}, {0x111C9, 0x111CC},
    {0x111CF, 0x111CF}, {0x1122F, 0x11231}, {0x11234, 0x11234}, {0x11236, 0x11237}, {0x1123E, 0x1123E},
    {0x112DF, 0x112DF}, {0x112E3, 0x112EA}, {0x11300, 0x11301}, {0x1133B, 0x1133C}, {0x11340, 0x11340},
    {0x11366, 0x11374}, {0x11438, 0x1143F}, {0x11442, 0x11444}, {0x11446, 0x11446}, {0x1145E, 0x1145E},
    {0x114B3, 0x114B8}, {0x114BA, 0x114BA}, {0x114BF, 0x114C0}, {0x114C2, 0x114C3}, {0x115B2, 0x115B5},
    {0x115BC, 0x115BD}, {0x115BF, 0x115C0}, {0x115DC, 0x115DD}, {0x11633, 0x1163A}, {0x1163D, 0x1163D},
    {0x1163F, 0x11640}, {0x116AB, 0x116AB}, {0x116AD, 0x116AD}, {0x116B0, 0x116B5}, {0x116B7, 0x116B7},
    {0x1171D, 0x1171F}, {0x11722, 0x11725}, {0x11727, 0x1172B}, {0x1182F, 0x11837}, {0x11839, 0x1183A},
    {0x1193B, 0x1193C}, {0x1193E, 0x1193E}, {0x11943, 0x11943}, {0x119D4, 0x119DB}, {0x119E0, 0x119E0},
    {0x11A01, 0x11A0A}, {0x11A33, 0x11A38}, {0x11A3B, 0x11A3E}, {0x11A47, 0x11A47}, {0x11A51, 0x11A56},
    {0x11A59, 0x11A5B}, {0x11A8A, 0x11A96}, {0x11A98, 0x11A99}, {0x11C30, 0x11C3D}, {0x11C3F, 0x11C3F},
    {0x11C92, 0x11CA7}, {0x11CAA, 0x11CB0}, {0x11CB2, 0x11CB3}, {0x11CB5, 0x11CB6}, {0x11D31, 0x11D45},
    {0x11D47, 0x11D47}, {0x11D90, 0x11D91}, {0x11D95, 0x11D95}, {0x11D97, 0x11D97}, {0x11EF3, 0x11EF4},
    {0x16AF0, 0x16AF4}, {0x16B30, 0x16B36}, {0x16F4F, 0x16F4F}, {0x16F8F, 0x16F92}, {0x16FE4, 0x16FE4},
    {0x1BC9D, 0x1BC9E}, {0x1CF00, 0x1CF46}, {0x1D167, 0x1D169}, {0x1D17B, 0x1D182}, {0x1D185, 0x1D18B},
    {0x1D1AA, 0x1D1AD}, {0x1D242, 0x1D244}, {0x1DA00, 0x1DA36}, {0x1DA3B, 0x1DA6C}, {0x1DA75, 0x1DA75},
    {0x1DA84, 0x1DA84}, {0x1DA9B, 0x1DAAF}, {0x1E000, 0x1E02A}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E8D0, 0x1E8D6}, {0x1E944, 0x1E94A}, {0xE0100, 0xE01EF}};

static bool asm__takes_no_column(uint32_t c) {
    if (c < 0x0300 || (c > 0x200D && c < 0x20D0) || (c > 0x20F0 && c < 0x2CEF) || (c >= 0x3100 && c < 0xA66F))
        return false;
    return c < 0x10000 ? ASM__IS_IN16(asm__no_column, c) : ASM__IS_IN32(asm__no_column_high, c);
}

/* Characters that nobody sees, or that change how others are seen. */
static const asm__range16 asm__invisible[] = {
    {0x0080, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},
    {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200B},
    {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F}, {0x3164, 0x3164},
    {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}};

static const asm__range32 asm__invisible_high[] = {
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};

/* Characters that a variation selector turns into emoji, coarsely: symbols and pictographs. */
static bool asm__is_symbol(uint32_t c) {
    return c == 0xA9 || c == 0xAE || (c >= 0x203C && c <= 0x3299) || (c >= 0x1F000 && c <= 0x1FAFF);
}

/* Whether the variation selector at `at` stands after a symbol, or between a digit and the keycap that surrounds it. */
static bool asm__is_emoji_selector(asm_str text, size_t at, size_t next) {
    size_t begin = at, after = begin;
    while (begin > 0 && begin + 4 > at && ((unsigned char)text.data[--begin] & 0xC0) == 0x80)
        continue;
    if (begin == at) return false;
    after = begin;
    if (asm__is_symbol(asm_utf8_decode(text, &after))) return true;
    return next + 3 <= text.size && memcmp(text.data + next, "\xE2\x83\xA3", 3) == 0;
}

/* Whether the character at `at`, of more than one byte, is shown by its number. */
static bool asm__is_deceptive(asm_str text, size_t at, size_t next, uint32_t c) {
    if ((c > 0xAD && c < 0x034F) || (c > 0x200F && c < 0x2028) || (c > 0x206F && c < 0xFE00 && c != 0x3164))
        return false;
    if (c >= 0x10000) return ASM__IS_IN32(asm__invisible_high, c);
    if (c >= 0xFE00 && c <= 0xFE0F) return !asm__is_emoji_selector(text, at, next);
    return ASM__IS_IN16(asm__invisible, c);
}

/* Whether a text is printable ASCII on one line: nothing has to be done to it. */
static bool asm__is_plain_text(asm_str text) {
    return text.size == 0 ||
           asm__printable_end(text.data, text.data + text.size, '\t') == text.data + text.size;
}

static void asm__append_literal(asm_buffer *out, const char *text) {
    asm_buffer_append(out, asm_str_from(text));
}

static void asm__append_control(asm_buffer *out, unsigned char c, unsigned flags) {
    char text[3];
    if (flags & ASM_TEXT_ASCII) {
        text[0] = '^';
        text[1] = (char)(c ^ 0x40);
        asm_buffer_append(out, asm_str_make(text, 2));
        return;
    }
    text[0] = '\xE2'; /* U+2400, and U+2421 for DEL */
    text[1] = '\x90';
    text[2] = (char)(0x80 + (c == 0x7F ? 0x21 : c));
    asm_buffer_append(out, asm_str_make(text, 3));
}

static void asm__append_number_of(asm_buffer *out, uint32_t c) {
    static const char hex[] = "0123456789ABCDEF";
    char text[16] = "<U+";
    size_t size = 3;
    int shift;
    for (shift = c > 0xFFFF ? 16 : 12; shift >= 0; shift -= 4)
        text[size++] = hex[c >> shift & 15];
    text[size++] = '>';
    asm_buffer_append(out, asm_str_make(text, size));
}

/* Columns of a character of letters, punctuation or symbols that are shown as they are, everywhere alike; 0: it has to be
 * looked at. */
static int asm__usual_columns(uint32_t c) {
    if (c < 0x2100)
        return (c > 0xAD && c < 0x0300) || (c > 0x200F && c < 0x2028) || (c > 0x202F && c < 0x2060);
    if (c < 0x2600) return c < 0x231A || (c > 0x24FF && c < 0x25FD);
    return (c >= 0x4E00 && c < 0xA000) || (c >= 0xAC00 && c < 0xD7A4) ? 2 : 0;
}

#define ASM__MAX_MARKS 8 /* marks on one character that are shown */

/* The character at `*at`, which is no printable ASCII, moved past; returns whether it may go out as it is, else what
 * stands for it is appended to `instead`. `marks` counts the marks on the character before. */
static bool asm__neutral(asm_str text, size_t *at, unsigned flags, unsigned *marks, asm_buffer *instead) {
    const size_t begin = *at;
    /* There is a character. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    uint32_t c = (unsigned char)text.data[begin];
    if (c < 0x80) {
        *marks = 0;
        ++*at;
        if (flags & ASM_TEXT_RAW) return true;
        if (!(flags & ASM_TEXT_LINE) && c == '\r' && *at < text.size && text.data[*at] == '\n') return false;
        asm__append_control(instead, (unsigned char)c, flags);
        return false;
    }
    c = asm_utf8_decode(text, at);
    if (asm__usual_columns(c) > 0 && !(flags & ASM_TEXT_ASCII)) {
        *marks = 0;
        return true;
    }
    if (c == 0xFFFD && (*at - begin != 3 || text.data[begin] != '\xEF')) {
        asm__append_literal(instead, flags & ASM_TEXT_ASCII ? "?" : "\xEF\xBF\xBD");
        return false;
    }
    if (flags & ASM_TEXT_RAW) return true;
    if ((flags & ASM_TEXT_ASCII) || asm__is_deceptive(text, begin, *at, c)) {
        asm__append_number_of(instead, c);
        return false;
    }
    if (!asm__takes_no_column(c)) *marks = 0;
    else if (c != 0x200D && c != 0x200C && ++*marks > ASM__MAX_MARKS) {
        if (*marks == ASM__MAX_MARKS + 1) asm__append_literal(instead, "\xE2\x80\xA6");
        return false;
    }
    return true;
}

ASM_API asm_result asm_text_append(asm_buffer *out, asm_str text, unsigned flags) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    const char *p = text.data, *end, *begin = p; /* from `begin` on nothing was replaced */
    const char newline = flags & ASM_TEXT_LINE ? '\t' : '\n';
    unsigned marks = 0;
    if (text.size == 0) return out->result; /* it may be absent */
    end = p + text.size;
    while (true) {
        const char *stop = asm__printable_end(p, end, newline);
        char memory[16];
        asm_buffer instead;
        size_t next = (size_t)(stop - text.data);
        if (stop == end) break;
        if (stop > p) marks = 0;
        asm_buffer_init_fixed(&instead, memory, sizeof memory);
        p = stop;
        if (!asm__neutral(text, &next, flags, &marks, &instead)) {
            asm_buffer_append(out, asm_str_make(begin, (size_t)(p - begin)));
            asm_buffer_append(out, asm_buffer_text(&instead));
            begin = text.data + next;
        }
        p = text.data + next;
    }
    return asm_buffer_append(out, asm_str_make(begin, (size_t)(end - begin)));
}

ASM_API asm_result asm_text_append_cut(asm_buffer *out, asm_str text, size_t count, unsigned flags) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    asm_str shown = text.data ? asm_utf8_prefix(text, count) : text;
    asm_text_append(out, shown, flags);
    if (shown.size < text.size) asm__append_literal(out, "...");
    return out->result;
}

/* The end of the piece of JSON text that begins at `p`: a run without white space, or one inside a string. */
static const char *asm__json_piece_end(const char *p, const char *end, bool *in_string) {
    for (; p < end; p++) {
        if (*p == '"') *in_string = !*in_string;
        else if (*in_string && *p == '\\' && p + 1 < end) p++;
        else if (!*in_string && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) break;
    }
    return p;
}

ASM_API asm_result asm_text_append_json(asm_buffer *out, asm_str json, size_t count, unsigned flags) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    if (json.size == 0) return out->result;
    const char *p = json.data, *end = p + json.size;
    bool in_string = false;
    while (p < end) {
        const char *stop;
        asm_str piece;
        if (!in_string && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
            p++;
            continue;
        }
        if (count == 0) return asm_buffer_append(out, asm_str_make("...", 3));
        stop = asm__json_piece_end(p, (size_t)(end - p) / 4 > count ? p + 4 * count : end, &in_string);
        piece = asm_utf8_prefix(asm_str_make(p, (size_t)(stop - p)), count);
        asm_text_append(out, piece, flags);
        count = piece.size < (size_t)(stop - p) ? 0 : count - (count == SIZE_MAX ? 0 : asm_utf8_count(piece));
        p = piece.data + piece.size;
    }
    return out->result;
}

/* >>render: what renderers share */

#define ASM__RED     "\033[0;31m"
#define ASM__GREEN   "\033[0;32m"
#define ASM__BLUE    "\033[0;34m"
#define ASM__MAGENTA "\033[0;35m"
#define ASM__CYAN    "\033[0;36m"
#define ASM__YELLOW  "\033[0;33m"
#define ASM__DIM     "\033[2m"
#define ASM__BOLD    "\033[1m"

#define ASM__LONG_TEXT  2000 /* code points of outputs and messages */
#define ASM__SHORT_TEXT 120  /* code points of errors, inputs and the like */

static asm_render_options asm__render_defaults(const asm_render_options *options) {
    asm_render_options filled;
    memset(&filled, 0, sizeof filled);
    if (options) filled = *options;
    if (!filled.tools) filled.tool_count = 0;
    if (filled.indent == 0) filled.indent = 2;
    if (filled.indent < 0) filled.indent = 0;
    if (filled.indent > 64) filled.indent = 64;
    return filled;
}

static bool asm__decide(asm_setting setting, bool otherwise) {
    return setting == ASM_SETTING_DEFAULT ? otherwise : setting == ASM_SETTING_ON;
}

#define ASM__MIN_COLUMNS 20

/* What options and terminal come to; `terminal` is NULL if nothing is known of it. */
static asm_look asm__look_of(const asm_render_options *options, const asm_terminal *terminal) {
    asm_look look;
    look.has_color = asm__decide(options->color, terminal && terminal->has_color);
    look.has_cursor = asm__decide(options->tty, terminal && terminal->has_cursor);
    look.is_ascii = asm__decide(options->ascii, terminal && !terminal->has_utf8);
    look.is_raw = options->raw;
    look.columns = options->columns > 0 ? options->columns
                   : !look.has_cursor   ? 0
                   : terminal           ? terminal->columns
                                        : 80;
    if (look.columns > 0 && look.columns < ASM__MIN_COLUMNS) look.columns = ASM__MIN_COLUMNS;
    look.has_links = look.has_progress = false;
    look.notification = ASM_NOTIFICATION_NONE;
    if (terminal && look.has_cursor && !look.is_raw) {
        look.has_links = options->links && look.has_color && terminal->has_links;
        look.has_progress = options->progress && terminal->has_progress;
        if (options->bell) look.notification = terminal->notification;
    }
    return look;
}

static unsigned asm__block_flags(const asm_look *look) {
    return (look->is_raw ? (unsigned)ASM_TEXT_RAW : 0) | (look->is_ascii ? (unsigned)ASM_TEXT_ASCII : 0);
}

static unsigned asm__line_flags(const asm_look *look) {
    return asm__block_flags(look) | ASM_TEXT_LINE;
}

static void asm__begin_color(asm_buffer *out, const asm_look *look, const char *color) {
    if (look->has_color) asm__append_literal(out, color);
}

static void asm__end_color(asm_buffer *out, const asm_look *look) {
    if (look->has_color) asm__append_literal(out, "\033[0m");
}

/* An operating system command: ESC ] parts ESC \ */
static void asm__append_command(asm_buffer *out, const char *name, asm_str argument) {
    asm__append_literal(out, "\033]");
    asm__append_literal(out, name);
    asm_buffer_append(out, argument);
    asm__append_literal(out, "\033\\");
}

/* A constant text in a colour. */
static void asm__colored(asm_buffer *out, const asm_look *look, const char *color, const char *text) {
    asm__begin_color(out, look, color);
    asm__append_literal(out, text);
    asm__end_color(out, look);
}

static asm_str asm__or(asm_str text, const char *otherwise) {
    return text.size > 0 ? text : asm_str_from(otherwise);
}

static void asm__append_count(asm_buffer *out, int64_t count) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_write_int64(&writer, count);
}

/* A number with at least one decimal, rounded to at most `decimals`. */
static void asm__append_decimal(asm_buffer *out, double value, int decimals) {
    char digits[32];
    asm_buffer text;
    asm_buffer_init_fixed(&text, digits, sizeof digits);
    asm_double_format(&text, asm_double_round(value, decimals));
    asm_buffer_append(out, asm_buffer_text(&text));
    if (!memchr(digits, '.', text.size) && !memchr(digits, 'e', text.size)) asm__append_literal(out, ".0");
}

/* A figure; `?` if nobody told it. */
static void asm__append_figure(asm_buffer *out, asm_optional_int64 figure) {
    if (figure.is_set) asm__append_count(out, figure.value);
    else asm_buffer_append_byte(out, '?');
}

static void asm__append_tokens(asm_buffer *out, const asm_usage_payload *usage) {
    asm__append_figure(out, usage->input_tokens);
    asm_buffer_append_byte(out, '/');
    asm__append_figure(out, usage->output_tokens);
}

/* The token counts of a run's end. */
static bool asm__run_usage(const asm_event *event, asm_usage_payload *usage) {
    return event->run.token_usage.data && asm_usage_read(usage, event->run.token_usage);
}

static bool asm__is_hidden(const asm_render_options *options, const asm_event *event) {
    return event->type == ASM_EVENT_MESSAGE_STREAMED && event->message.thinking.value &&
           !options->show_thinking;
}

static bool asm__has_output(const asm_tool_payload *tool) {
    if (tool->output.data) return tool->output.size > 0;
    return tool->output_json.data && asm_json_type_of(tool->output_json) != ASM_JSON_NULL;
}

static void asm__append_output(asm_buffer *out, const asm_tool_payload *tool, unsigned flags) {
    if (tool->output.data) asm_text_append_cut(out, tool->output, ASM__LONG_TEXT, flags);
    else asm_text_append_json(out, tool->output_json, ASM__LONG_TEXT, flags);
}

/* FNV-1a: tells texts apart that nobody chooses to be alike. */
static uint64_t asm__text_hash(asm_str text, uint64_t hash) {
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static uint64_t asm__other_speaker(const asm_event *event) {
    const asm_str parent = asm_event_parent(event);
    if (parent.size == 0 && event->agent_id.size == 0) return 0;
    return asm__text_hash(event->agent_id, asm__text_hash(parent, UINT64_C(0xCBF29CE484222325))) | 1;
}

/* Who an event comes from; 0: the only agent, as far as is known. */
static inline uint64_t asm__speaker_of(const asm_event *event) {
    if (event->type == ASM_EVENT_MESSAGE_STREAMED && event->agent_id.size == 0 &&
        event->message.parent_tool_call_id.size == 0)
        return 0; /* the usual case, quickly */
    return asm__other_speaker(event);
}

/* Why a tool or a run failed, in words. */
static asm_str asm__error_text(const asm_event *event) {
    asm_str text = {NULL, 0};
    if (event->type == ASM_EVENT_RUN_FAILED) text = event->run.error_message;
    if (event->type == ASM_EVENT_ERROR_OCCURRED) text = event->error.message;
    return asm__or(text, "unknown error");
}

/* >>render: compact */

/* Begins a token: a space if the line is open. */
static void asm__compact_token(asm_compact *compact, asm_buffer *out) {
    if (compact->line_open) asm_buffer_append_byte(out, ' ');
    compact->line_open = true;
}

/* A constant, then a name, in one colour: t+Read */
static void asm__compact_name(asm_compact *compact, asm_buffer *out, const char *color, const char *mark,
                              asm_str name) {
    asm__compact_token(compact, out);
    asm__begin_color(out, &compact->look, color);
    asm__append_literal(out, mark);
    asm_text_append(out, name, asm__line_flags(&compact->look));
    asm__end_color(out, &compact->look);
}

/* A mark, and a dim text after it. */
static void asm__compact_dim(asm_compact *compact, asm_buffer *out, const char *color, const char *mark,
                             asm_str text) {
    asm__compact_token(compact, out);
    asm__colored(out, &compact->look, color, mark);
    asm_buffer_append_byte(out, ' ');
    asm__begin_color(out, &compact->look, ASM__DIM);
    asm_text_append_cut(out, text, ASM__SHORT_TEXT, asm__block_flags(&compact->look));
    asm__end_color(out, &compact->look);
}

/* "claude-sonnet-4-5-20250929" as "sonnet-4-5". */
static void asm__compact_model(asm_compact *compact, asm_buffer *out, asm_str model) {
    static const char *const prefixes[] = {"claude-", "anthropic."};
    size_t i, parts = 0, at = 0;
    for (i = 0; i < 2; i++) {
        size_t size = strlen(prefixes[i]);
        if (model.size >= size && memcmp(model.data, prefixes[i], size) == 0)
            model = asm_str_make(model.data + size, model.size - size);
    }
    if (model.size == 0) return;
    asm_buffer_append_byte(out, ' ');
    asm__begin_color(out, &compact->look, ASM__MAGENTA);
    while (at < model.size && parts < 3) {
        const char *dash = (const char *)memchr(model.data + at, '-', model.size - at);
        size_t end = dash ? (size_t)(dash - model.data) : model.size;
        if (end > at) {
            if (parts++) asm_buffer_append_byte(out, '-');
            asm_text_append(out, asm_str_make(model.data + at, end - at), asm__line_flags(&compact->look));
        }
        at = end + 1;
    }
    asm__end_color(out, &compact->look);
}

/* `@ID` after a token, if it is not the only agent's. */
static void asm__compact_speaker(asm_compact *compact, asm_buffer *out, const asm_event *event) {
    asm_str ids[2];
    ids[0] = asm_event_parent(event);
    ids[1] = event->agent_id;
    for (size_t i = 0; i < 2; i++) {
        if (ids[i].size == 0) continue;
        asm_buffer_append_byte(out, '@');
        asm_text_append(out, ids[i], asm__line_flags(&compact->look));
    }
}

static void asm__compact_result(asm_compact *compact, asm_buffer *out, const asm_event *event, bool failed) {
    unsigned flags = asm__block_flags(&compact->look);
    asm__compact_name(compact, out, failed ? ASM__RED : ASM__GREEN, failed ? "t!" : "t-",
                      asm__or(event->tool.name, "unknown"));
    asm__compact_speaker(compact, out, event);
    if (!asm__has_output(&event->tool) && !(failed && event->tool.error_message.size > 0)) return;
    asm_buffer_append_byte(out, ' ');
    asm__colored(out, &compact->look, ASM__GREEN, "tr:");
    asm__begin_color(out, &compact->look, ASM__DIM);
    if (failed && event->tool.error_message.size > 0)
        asm_text_append_cut(out, event->tool.error_message, ASM__LONG_TEXT, flags);
    else asm__append_output(out, &event->tool, flags);
    asm__end_color(out, &compact->look);
}

static void asm__compact_cost(asm_buffer *out, const asm_optional_double *cost) {
    if (!cost->is_set) return;
    asm__append_literal(out, " $");
    asm__append_decimal(out, cost->value, 4);
}

static void asm__compact_reason(asm_compact *compact, asm_buffer *out, asm_str reason) {
    size_t i;
    char lower[64];
    if (reason.size == 0) return;
    asm_buffer_append_byte(out, ':');
    if (reason.size > sizeof lower) reason = asm_utf8_prefix(reason, sizeof lower / 4);
    for (i = 0; i < reason.size; i++)
        lower[i] =
            reason.data[i] >= 'A' && reason.data[i] <= 'Z' ? (char)(reason.data[i] + 32) : reason.data[i];
    reason = asm_str_make(lower, reason.size);
    if (asm_str_equal(reason, asm_str_from("tool_use"))) reason = asm_str_from("tool");
    if (asm_str_equal(reason, asm_str_from("end_turn"))) reason = asm_str_from("end");
    asm_text_append(out, reason, asm__line_flags(&compact->look));
}

static void asm__compact_streamed(asm_compact *compact, asm_buffer *out, const asm_event *event) {
    if (!compact->streaming) {
        asm__compact_token(compact, out);
        asm__colored(out, &compact->look, ASM__MAGENTA, ">>");
        asm__compact_speaker(compact, out, event);
        asm_buffer_append_byte(out, ' ');
        compact->streaming = true;
        compact->speaker = asm__speaker_of(event);
    }
    asm_text_append(out, asm_event_text(event), asm__block_flags(&compact->look));
}

static asm_result asm__compact_event(void *self, const asm_event *event, asm_buffer *out) {
    asm_compact *compact = (asm_compact *)self;
    const asm_look *look = &compact->look;
    compact->events++;
    if (asm__is_hidden(&compact->options, event)) return out->result;
    if (event->type == ASM_EVENT_TOOL_CALL_UPDATED || event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED)
        return out->result;
    if (compact->streaming &&
        (event->type != ASM_EVENT_MESSAGE_STREAMED || asm__speaker_of(event) != compact->speaker)) {
        if (compact->line_open) asm_buffer_append_byte(out, '\n');
        compact->line_open = compact->streaming = false;
    }
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        asm__compact_token(compact, out);
        asm__colored(out, look, ASM__BLUE, "r+");
        asm__compact_model(compact, out, event->run.model);
        break;
    case ASM_EVENT_MESSAGE_STREAMED:
        asm__compact_streamed(compact, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        compact->tools++;
        asm__compact_name(compact, out, ASM__GREEN, "t+", asm__or(event->tool.name, "unknown"));
        asm__compact_speaker(compact, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        asm__compact_result(compact, out, event, event->type == ASM_EVENT_TOOL_CALL_FAILED);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        asm__compact_token(compact, out);
        asm__begin_color(out, look, ASM__DIM);
        asm__append_literal(out, "tk:");
        asm__append_tokens(out, &event->usage);
        asm__compact_cost(out, &event->usage.cost_usd);
        asm__end_color(out, look);
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
        asm__compact_dim(compact, out, ASM__BLUE, "msg", event->message.content);
        break;
    case ASM_EVENT_RUN_COMPLETED:
        asm__compact_token(compact, out);
        asm__begin_color(out, look, ASM__BLUE);
        asm__append_literal(out, "r-");
        asm__compact_reason(compact, out, event->run.stop_reason);
        asm__compact_cost(out, &event->run.cost_usd);
        asm__end_color(out, look);
        break;
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_ERROR_OCCURRED:
        asm__compact_dim(compact, out, ASM__RED, "!", asm__error_text(event));
        break;
    case ASM_EVENT_RUN_CANCELLED:
        asm__compact_dim(compact, out, ASM__RED, "!", asm_str_from("cancelled"));
        break;
    default:
        asm__compact_token(compact, out);
        asm__colored(out, look, ASM__DIM, "?");
        asm_buffer_append_byte(out, ' ');
        asm__begin_color(out, look, ASM__DIM);
        asm_text_append(out, asm_event_name(event), asm__line_flags(look));
        asm__end_color(out, look);
    }
    return out->result;
}

static asm_result asm__compact_finish(void *self, asm_buffer *out) {
    asm_compact *compact = (asm_compact *)self;
    if (compact->streaming && compact->line_open) asm_buffer_append_byte(out, '\n');
    asm_buffer_append_byte(out, '\n');
    asm__begin_color(out, &compact->look, ASM__DIM);
    asm__append_count(out, (int64_t)compact->events);
    asm__append_literal(out, " events, ");
    asm__append_count(out, (int64_t)compact->tools);
    asm__append_literal(out, " tools\n");
    asm__end_color(out, &compact->look);
    return out->result;
}

static void asm__compact_begin_on(void *self, const asm_terminal *terminal) {
    asm_compact *compact = (asm_compact *)self;
    compact->look = asm__look_of(&compact->options, terminal);
}

ASM_API asm_renderer asm_compact_init(asm_compact *compact, const asm_render_options *options) {
    asm_renderer renderer;
    memset(&renderer, 0, sizeof renderer);
    if (!compact) return renderer;
    memset(compact, 0, sizeof *compact);
    compact->options = asm__render_defaults(options);
    compact->look = asm__look_of(&compact->options, NULL);
    renderer.self = compact;
    renderer.begin = asm__compact_begin_on;
    renderer.render_event = asm__compact_event;
    renderer.finish = asm__compact_finish;
    return renderer;
}

/* >>render: verbose */

/* The dashes at the start of a line that were held back until it is known what they begin. */
static void asm__verbose_dashes(asm_verbose *verbose, asm_buffer *out) {
    asm_buffer_append(out, asm_str_make("--", verbose->dashes));
    if (verbose->dashes > 0) verbose->in_line = true;
    verbose->dashes = 0;
}

/* `[name]` in its colour, on a line of its own. */
static void asm__verbose_begin(asm_verbose *verbose, asm_buffer *out, const char *color, const char *name) {
    asm__verbose_dashes(verbose, out);
    if (verbose->streaming) asm_buffer_append_byte(out, '\n');
    verbose->streaming = verbose->in_line = false;
    verbose->speaker = 0;
    asm__colored(out, &verbose->look, color, name);
}

/* ` label` and a text on one line. */
static void asm__verbose_name(asm_verbose *verbose, asm_buffer *out, const char *label, asm_str text) {
    asm__append_literal(out, label);
    asm_text_append(out, text, asm__line_flags(&verbose->look));
}

/* Text that may have several lines: two blanks go before each that begins like a line of the renderer. */
static void asm__verbose_lines(asm_verbose *verbose, asm_buffer *out, asm_str text) {
    const unsigned flags = asm__block_flags(&verbose->look);
    if (verbose->in_line && asm__is_plain_text(text)) {
        asm_buffer_append(out, text);
        return;
    }
    while (text.size > 0) {
        /* What has a size has bytes. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
        const char *newline = (const char *)memchr(text.data, '\n', text.size);
        const size_t size = newline ? (size_t)(newline - text.data) + 1 : text.size;
        if (!verbose->in_line) {
            size_t dashes = 0;
            while (dashes < size && verbose->dashes + dashes < 3 && text.data[dashes] == '-')
                dashes++;
            if (dashes == size && verbose->dashes + dashes < 3) {
                verbose->dashes += (unsigned)dashes;
                return;
            }
            if (verbose->dashes + dashes == 3 || (verbose->dashes == 0 && text.data[0] == '['))
                asm__append_literal(out, "  ");
            asm__verbose_dashes(verbose, out);
        }
        asm_text_append(out, asm_str_make(text.data, size), flags);
        verbose->in_line = newline == NULL;
        text = asm_str_make(text.data + size, text.size - size);
    }
}

/* ` label` and a text that may have several lines. */
static void asm__verbose_text(asm_verbose *verbose, asm_buffer *out, const char *label, asm_str text) {
    const asm_str shown = text.data ? asm_utf8_prefix(text, ASM__LONG_TEXT) : text;
    asm__append_literal(out, label);
    verbose->in_line = true;
    asm__verbose_lines(verbose, out, shown);
    asm__verbose_dashes(verbose, out);
    if (shown.size < text.size) asm__append_literal(out, "...");
}

static void asm__verbose_cost(asm_buffer *out, const asm_optional_double *cost) {
    if (!cost->is_set) return;
    asm__append_literal(out, " cost=$");
    asm__append_decimal(out, cost->value, 6);
}

/* The session id of the event, else of its data. */
static void asm__verbose_session(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    asm_str key = asm_str_from("session_id"), raw, text;
    char memory[256];
    asm_buffer scratch;
    asm__append_literal(out, " session_id=");
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    text = event->session_id;
    if (!text.data && event->extra.data && asm_json_find(event->extra, &key, &raw, 1, NULL) == ASM_OK &&
        raw.data)
        asm_json_to_string(raw, &scratch, &text);
    asm_text_append(out, text, asm__line_flags(&verbose->look));
}

/* Who it was, if it was not the only agent. */
static void asm__verbose_speaker(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    const asm_str parent = asm_event_parent(event);
    if (parent.size > 0) asm__verbose_name(verbose, out, " parent_tool_call_id=", parent);
    if (event->agent_id.size > 0) asm__verbose_name(verbose, out, " agent_id=", event->agent_id);
}

static bool asm__is_empty_object(asm_str json) {
    size_t i, tokens = 0;
    for (i = 0; i < json.size; i++)
        tokens += json.data[i] > ' ';
    return json.size == 0 || (tokens == 2 && asm_json_type_of(json) == ASM_JSON_OBJECT);
}

static void asm__verbose_tool(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    asm__verbose_name(verbose, out, " name=", asm__or(event->tool.name, "unknown"));
    if (event->type != ASM_EVENT_TOOL_CALL_STARTED) asm__verbose_speaker(verbose, out, event);
    if (event->type == ASM_EVENT_TOOL_CALL_STARTED) {
        asm__verbose_name(verbose, out, " id=", event->tool.call_id);
        asm__verbose_speaker(verbose, out, event);
        if (asm_json_type_of(event->tool.input) == ASM_JSON_OBJECT &&
            !asm__is_empty_object(event->tool.input)) {
            asm__append_literal(out, " input=");
            asm_text_append_json(out, event->tool.input, ASM__SHORT_TEXT, asm__block_flags(&verbose->look));
        }
    } else if (event->type == ASM_EVENT_TOOL_CALL_FAILED && event->tool.error_message.size > 0) {
        asm__verbose_text(verbose, out, " error=", event->tool.error_message);
    } else if (asm__has_output(&event->tool)) {
        const char *label = event->type == ASM_EVENT_TOOL_CALL_FAILED ? " error=" : " output=";
        if (event->tool.output.data) asm__verbose_text(verbose, out, label, event->tool.output);
        else {
            asm__append_literal(out, label);
            asm_text_append_json(out, event->tool.output_json, ASM__LONG_TEXT,
                                 asm__block_flags(&verbose->look));
        }
    }
}

/* Streamed text. One that is not the only agent's, or comes after such a one, is announced. */
static asm_result asm__verbose_streamed(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    const uint64_t speaker = asm__speaker_of(event);
    if (speaker != verbose->speaker) {
        asm__verbose_begin(verbose, out, ASM__DIM, "[message_streamed]");
        asm__verbose_speaker(verbose, out, event);
        asm_buffer_append_byte(out, '\n');
        verbose->speaker = speaker;
    }
    verbose->streaming = true;
    asm__verbose_lines(verbose, out, asm_event_text(event));
    return out->result;
}

static void asm__verbose_error(asm_verbose *verbose, asm_buffer *out, asm_str code, asm_str message) {
    asm__verbose_name(verbose, out, " error_code=", asm__or(code, "unknown"));
    asm__verbose_text(verbose, out, " error_message=", message);
}

/* Keeps the first bytes it is given, then stops the writer. */
static asm_result asm__take_first(void *user, const char *data, size_t size) {
    asm_buffer *first = (asm_buffer *)user;
    size_t room = first->capacity - first->size;
    asm_buffer_append(first, asm_str_make(data, size < room ? size : room));
    return size <= room ? ASM_OK : ASM_ERR_NO_SPACE;
}

static void asm__verbose_other(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    char memory[4 * ASM__SHORT_TEXT + 8], few[ASM_BUFFER_STREAM_MIN];
    asm_buffer first, writer;
    asm_buffer_init_fixed(&first, memory, sizeof memory);
    asm_buffer_init_stream(&writer, few, sizeof few, asm__take_first, &first);
    asm_event_write_data(event, &writer);
    asm_buffer_flush(&writer);
    asm__verbose_name(verbose, out, " type=", asm_event_name(event));
    asm__append_literal(out, " data=");
    asm_text_append_json(out, asm_buffer_text(&first), ASM__SHORT_TEXT, asm__block_flags(&verbose->look));
}

static void asm__verbose_completed(asm_verbose *verbose, asm_buffer *out, const asm_event *event) {
    asm_usage_payload usage;
    asm__verbose_begin(verbose, out, ASM__BLUE, "[run_completed]");
    asm__verbose_name(verbose, out, " stop_reason=", asm__or(event->run.stop_reason, "end_turn"));
    if (asm__run_usage(event, &usage)) {
        asm__append_literal(out, " tokens=");
        asm__append_tokens(out, &usage);
    }
    asm__verbose_cost(out, &event->run.cost_usd);
}

static asm_result asm__verbose_event(void *self, const asm_event *event, asm_buffer *out) {
    asm_verbose *verbose = (asm_verbose *)self;
    verbose->events++;
    if (asm__is_hidden(&verbose->options, event)) return out->result;
    if (event->type == ASM_EVENT_TOOL_CALL_UPDATED || event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED)
        return out->result;
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
        return asm__verbose_streamed(verbose, out, event);
    case ASM_EVENT_RUN_STARTED:
        asm__verbose_begin(verbose, out, ASM__BLUE, "[run_started]");
        asm__verbose_name(verbose, out, " model=", asm__or(event->run.model, "unknown"));
        asm__verbose_session(verbose, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        verbose->tools++;
        asm__verbose_begin(verbose, out, ASM__GREEN, "[tool_call_started]");
        asm__verbose_tool(verbose, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
        asm__verbose_begin(verbose, out, ASM__GREEN, "[tool_call_completed]");
        asm__verbose_tool(verbose, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_FAILED:
        asm__verbose_begin(verbose, out, ASM__RED, "[tool_call_failed]");
        asm__verbose_tool(verbose, out, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        asm__verbose_begin(verbose, out, ASM__DIM, "[token_usage]");
        asm__append_literal(out, " input=");
        asm__append_figure(out, event->usage.input_tokens);
        asm__append_literal(out, " output=");
        asm__append_figure(out, event->usage.output_tokens);
        asm__verbose_cost(out, &event->usage.cost_usd);
        asm__verbose_speaker(verbose, out, event);
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
        asm__verbose_begin(verbose, out, ASM__BLUE, "[message_received]");
        asm__verbose_name(verbose, out, " role=", asm__or(event->message.role, "assistant"));
        asm__verbose_speaker(verbose, out, event);
        asm__verbose_text(verbose, out, " content=", event->message.content);
        break;
    case ASM_EVENT_RUN_COMPLETED:
        asm__verbose_completed(verbose, out, event);
        break;
    case ASM_EVENT_RUN_FAILED:
        asm__verbose_begin(verbose, out, ASM__RED, "[run_failed]");
        asm__verbose_error(verbose, out, event->run.error_code, asm__error_text(event));
        break;
    case ASM_EVENT_RUN_CANCELLED:
        asm__verbose_begin(verbose, out, ASM__RED, "[run_cancelled]");
        break;
    case ASM_EVENT_ERROR_OCCURRED:
        asm__verbose_begin(verbose, out, ASM__RED, "[error]");
        asm__verbose_error(verbose, out, event->error.code, asm__error_text(event));
        break;
    default:
        asm__verbose_begin(verbose, out, ASM__DIM, "[event]");
        asm__verbose_other(verbose, out, event);
    }
    return asm_buffer_append_byte(out, '\n');
}

static asm_result asm__verbose_finish(void *self, asm_buffer *out) {
    asm_verbose *verbose = (asm_verbose *)self;
    asm__verbose_dashes(verbose, out);
    if (verbose->streaming) asm_buffer_append_byte(out, '\n');
    asm__begin_color(out, &verbose->look, ASM__DIM);
    asm__append_literal(out, "--- ");
    asm__append_count(out, (int64_t)verbose->events);
    asm__append_literal(out, " events, ");
    asm__append_count(out, (int64_t)verbose->tools);
    asm__append_literal(out, " tools ---\n");
    asm__end_color(out, &verbose->look);
    return out->result;
}

static void asm__verbose_begin_on(void *self, const asm_terminal *terminal) {
    asm_verbose *verbose = (asm_verbose *)self;
    verbose->look = asm__look_of(&verbose->options, terminal);
}

ASM_API asm_renderer asm_verbose_init(asm_verbose *verbose, const asm_render_options *options) {
    asm_renderer renderer;
    memset(&renderer, 0, sizeof renderer);
    if (!verbose) return renderer;
    memset(verbose, 0, sizeof *verbose);
    verbose->options = asm__render_defaults(options);
    verbose->look = asm__look_of(&verbose->options, NULL);
    renderer.self = verbose;
    renderer.begin = asm__verbose_begin_on;
    renderer.render_event = asm__verbose_event;
    renderer.finish = asm__verbose_finish;
    return renderer;
}

ASM_API asm_renderer asm_passthrough_init(void) {
    asm_renderer renderer;
    memset(&renderer, 0, sizeof renderer);
    return renderer;
}

static bool asm__begins_with(asm_str text, const char *prefix) {
    const size_t size = strlen(prefix);
    return text.size >= size && memcmp(text.data, prefix, size) == 0;
}

static asm_str asm__without(asm_str text, size_t size) {
    return asm_str_make(text.data + size, text.size - size);
}

/* >>render: width of text */

/* Characters that take two columns: Unicode 14, East_Asian_Width W and F. */
static const asm__range16 asm__wide[] = {
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x2329, 0x232A}, {0x23E9, 0x23EC}, {0x23F0, 0x23F0},
    {0x23F3, 0x23F3}, {0x25FD, 0x25FE}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267F, 0x267F},
    {0x2693, 0x2693}, {0x26A1, 0x26A1}, {0x26AA, 0x26AB}, {0x26BD, 0x26BE}, {0x26C4, 0x26C5},
    {0x26CE, 0x26CE}, {0x26D4, 0x26D4}, {0x26EA, 0x26EA}, {0x26F2, 0x26F3}, {0x26F5, 0x26F5},
    {0x26FA, 0x26FA}, {0x26FD, 0x26FD}, {0x2705, 0x2705}, {0x270A, 0x270B}, {0x2728, 0x2728},
    {0x274C, 0x274C}, {0x274E, 0x274E}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797},
    {0x27B0, 0x27B0}, {0x27BF, 0x27BF}, {0x2B1B, 0x2B1C}, {0x2B50, 0x2B50}, {0x2B55, 0x2B55},
    {0x2E80, 0x3029}, {0x302E, 0x303E}, {0x3041, 0x3096}, {0x309B, 0x3247}, {0x3250, 0x4DBF},
    {0x4E00, 0xA4C6}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAD9}, {0xFE10, 0xFE19},
    {0xFE30, 0xFE6B}, {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6}};

static const asm__range32 asm__wide_high[] = {
    {0x16FE0, 0x16FE3}, {0x16FF0, 0x1B2FB}, {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E},
    {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567},
    {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5},
    {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF}, {0x1FA70, 0x1FAF6},
    {0x20000, 0x3134A}};

/* Columns of a character on a terminal. Where terminals differ (a symbol that a selector makes an emoji) the larger. */
static int asm__columns_of_character(uint32_t c) {
    if (c < 0x0300 || c == 0xFE0F) return 1;
    if (asm__takes_no_column(c)) return 0;
    if (c < 0x1100 || (c > 0x115F && c < 0x231A)) return 1;
    return (c < 0x10000 ? ASM__IS_IN16(asm__wide, c) : ASM__IS_IN32(asm__wide_high, c)) ? 2 : 1;
}

/* What the character at `*at` looks like on one line, and `*at` moved past it: a view into `text` or `memory`. `marks` as
 * for asm__neutral(). */
static asm_str asm__next_shown(asm_str text, size_t *at, unsigned flags, unsigned *marks, char memory[16],
                               int *columns) {
    const size_t begin = *at;
    const unsigned char byte = (unsigned char)text.data[begin];
    asm_buffer instead;
    *columns = 1;
    if (byte == '\t' || (byte >= 0x20 && byte < 0x7F)) {
        ++*at;
        *marks = 0;
        return byte == '\t' ? asm_str_make(" ", 1) : asm_str_make(text.data + begin, 1);
    }
    if (byte >= 0x80) {
        size_t next = begin;
        const uint32_t c = asm_utf8_decode(text, &next);
        *columns = asm__usual_columns(c);
        if (*columns > 0 && !(flags & ASM_TEXT_ASCII)) {
            *at = next;
            *marks = 0;
            return asm_str_make(text.data + begin, next - begin);
        }
        *columns = asm__columns_of_character(c);
    } else *columns = 0;
    asm_buffer_init_fixed(&instead, memory, 16);
    if (asm__neutral(text, at, flags, marks, &instead)) return asm_str_make(text.data + begin, *at - begin);
    *columns = (int)asm_utf8_count(asm_buffer_text(&instead));
    return asm_buffer_text(&instead);
}

/* How many columns `text` takes on one line; more than `limit` if it takes more than that. */
static int asm__columns_of(asm_str text, unsigned flags, int limit) {
    char memory[16];
    unsigned marks = 0;
    int columns = 0, width;
    for (size_t at = 0; at < text.size && columns <= limit; columns += width)
        asm__next_shown(text, &at, flags, &marks, memory, &width);
    return columns;
}

/* Appends as much of `text` as fits into `limit` columns, and returns how many it took. */
static int asm__append_columns(asm_buffer *out, asm_str text, unsigned flags, int limit) {
    char memory[16];
    unsigned marks = 0;
    int columns = 0;
    for (size_t at = 0; at < text.size;) {
        int width;
        const asm_str shown = asm__next_shown(text, &at, flags, &marks, memory, &width);
        if (columns + width > limit) break;
        asm_buffer_append(out, shown);
        columns += width;
    }
    return columns;
}

/* >>render: symbols */

typedef enum asm__glyph {
    ASM__GLYPH_STATE,
    ASM__GLYPH_RUNS,
    ASM__GLYPH_DONE,
    ASM__GLYPH_FAILED,
    ASM__GLYPH_BAR,
    ASM__GLYPH_SUBAGENT,
    ASM__GLYPH_CUT,
    ASM__GLYPH_DASH,
    ASM__GLYPH_MINUS,
    ASM__GLYPH_BETWEEN,
    ASM__GLYPH_DOT,
    ASM__GLYPH_TIMES,
    ASM__GLYPH_SECRET
} asm__glyph;

static const char *asm__glyph_text(const asm_look *look, asm__glyph glyph) {
    static const char *const glyphs[][2] = {{"\xE2\x97\x8F", "*"},
                                            {"\xE2\x97\x90", "o"},
                                            {"\xE2\x9C\x93", "+"},
                                            {"\xE2\x9C\x97", "x"},
                                            {"\xE2\x94\x82", "|"},
                                            {"\xE2\x94\x8A", ":"},
                                            {"\xE2\x80\xA6", "..."},
                                            {" \xE2\x80\x94 ", " - "},
                                            {"\xE2\x88\x92", "-"},
                                            {" \xC2\xB7 ", " | "},
                                            {"\xC2\xB7", "."},
                                            {"\xC3\x97", "x"},
                                            {"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2", "***"}};
    return glyphs[glyph][look->is_ascii];
}

static void asm__append_glyph(asm_buffer *out, const asm_look *look, asm__glyph glyph) {
    asm__append_literal(out, asm__glyph_text(look, glyph));
}

/* Appends `text` on one line within `limit` columns, and returns how many it took. What is left out, and what is missing
 * already if `is_cut`, is marked. */
static int asm__append_fit(asm_buffer *out, const asm_look *look, asm_str text, int limit, bool is_cut) {
    const unsigned flags = asm__line_flags(look);
    const int mark = look->is_ascii ? 3 : 1;
    int columns;
    if (!is_cut && asm__columns_of(text, flags, limit) <= limit)
        return asm__append_columns(out, text, flags, limit);
    if (limit < mark) return 0;
    columns = asm__append_columns(out, text, flags, limit - mark);
    asm__append_glyph(out, look, ASM__GLYPH_CUT);
    return columns + mark;
}

ASM_API int asm_text_append_columns(asm_buffer *out, asm_str text, int columns, unsigned flags) {
    asm_look look;
    memset(&look, 0, sizeof look);
    look.is_ascii = (flags & ASM_TEXT_ASCII) != 0;
    look.is_raw = (flags & ASM_TEXT_RAW) != 0;
    return asm__append_fit(out, &look, text, columns, false);
}

/* Whether the byte parts the names of a path: \ where there is no slash. */
static bool asm__is_separator(asm_str path, char c) {
    return c == '/' || (c == '\\' && !memchr(path.data, '/', path.size));
}

/* The offset of the last part of a path of which `count` parts stand from there to the end; 0 if it has no more. */
static size_t asm__last_parts(asm_str path, unsigned count) {
    for (size_t i = path.size; i > 1; i--)
        if (asm__is_separator(path, path.data[i - 1]) && i < path.size && --count == 0) return i - 1;
    return 0;
}

/* As asm__append_fit(), but leaves out the middle of a path; its last two parts stay if they fit. */
static int asm__append_path(asm_buffer *out, const asm_look *look, asm_str path, int limit, bool is_cut) {
    const unsigned flags = asm__line_flags(look);
    const int mark = look->is_ascii ? 3 : 1;
    size_t tail = asm__last_parts(path, 2), head = 0, at = 0;
    int tail_columns, columns = 0;
    unsigned marks = 0;
    if (is_cut || limit <= mark || tail == 0 || asm__columns_of(path, flags, limit) <= limit)
        return asm__append_fit(out, look, path, limit, is_cut);
    tail_columns = asm__columns_of(asm__without(path, tail), flags, limit);
    if (tail_columns + mark > limit) {
        tail = asm__last_parts(path, 1);
        tail_columns = asm__columns_of(asm__without(path, tail), flags, (int)path.size * 2);
    }
    if (tail_columns + mark > limit) { /* the end of the path, cut at its front */
        while (tail < path.size && tail_columns + mark > limit) {
            char memory[16];
            int width;
            asm__next_shown(path, &tail, flags, &marks, memory, &width);
            tail_columns -= width;
        }
    } else {
        while (at < tail) {
            char memory[16];
            int width;
            asm__next_shown(path, &at, flags, &marks, memory, &width);
            columns += width;
            if (columns + mark + tail_columns > limit) break;
            if (asm__is_separator(path, path.data[at - 1])) head = at;
        }
    }
    columns = asm__append_columns(out, asm_str_make(path.data, head), flags, limit);
    asm__append_glyph(out, look, ASM__GLYPH_CUT);
    return columns + mark +
           asm__append_columns(out, asm_str_make(path.data + tail, path.size - tail), flags,
                               limit - columns - mark);
}

/* >>render: figures */

/* 3,396 */
static void asm__append_grouped(asm_buffer *out, int64_t value) {
    char memory[32];
    asm_buffer digits;
    asm_buffer_init_fixed(&digits, memory, sizeof memory);
    asm__append_count(&digits, value);
    for (size_t i = 0; i < digits.size; i++) {
        if (i > 0 && (digits.size - i) % 3 == 0 && memory[i - 1] != '-') asm_buffer_append_byte(out, ',');
        asm_buffer_append_byte(out, memory[i]);
    }
}

/* A value of tenths: 9.1, and 9 for 9.0. */
static void asm__append_tenths(asm_buffer *out, int64_t tenths) {
    asm__append_count(out, tenths / 10);
    if (tenths % 10 == 0) return;
    asm_buffer_append_byte(out, '.');
    asm__append_count(out, tenths % 10);
}

/* 999, 9.1k, 231k, 1.2M */
static void asm__append_short(asm_buffer *out, int64_t value) {
    const int64_t unit = value < 999500 ? 1000 : 1000000;
    if (value < 1000) {
        asm__append_count(out, value);
        return;
    }
    if (value / unit < 100) asm__append_tenths(out, value / (unit / 10) + (value % (unit / 10) >= unit / 20));
    else asm__append_count(out, value / unit + (value % unit >= unit / 2));
    asm_buffer_append_byte(out, unit == 1000 ? 'k' : 'M');
}

static void asm__append_two_digits(asm_buffer *out, int64_t value) {
    asm_buffer_append_byte(out, (char)('0' + value / 10 % 10));
    asm_buffer_append_byte(out, (char)('0' + value % 10));
}

/* 3.2s, 41s, 1m 12s, 2h 05m, 3d 04h; whole seconds only, if asked for. */
static void asm__append_duration(asm_buffer *out, double milliseconds, bool whole) {
    static const struct {
        int64_t seconds;
        char large, small;
        int64_t step;
    } units[] = {{86400, 'd', 'h', 3600}, {3600, 'h', 'm', 60}, {60, 'm', 's', 1}};
    const int64_t tenths = milliseconds < 0      ? 0
                           : milliseconds > 9e15 ? INT64_C(90000000000000)
                                                 : (int64_t)(milliseconds / 100 + 0.5);
    const int64_t seconds = whole ? tenths / 10 : (tenths + 5) / 10;
    if (tenths < 600) {
        asm__append_tenths(out, whole ? tenths / 10 * 10 : tenths);
        asm_buffer_append_byte(out, 's');
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (seconds < units[i].seconds) continue;
        asm__append_count(out, seconds / units[i].seconds);
        asm_buffer_append_byte(out, units[i].large);
        asm_buffer_append_byte(out, ' ');
        asm__append_two_digits(out, seconds % units[i].seconds / units[i].step);
        asm_buffer_append_byte(out, units[i].small);
        return;
    }
    asm__append_literal(out, "1m 00s");
}

/* $0.16; four digits for less than a cent. Halves as people write them go up, also where no double is exactly that. */
static void asm__append_cost(asm_buffer *out, double cost) {
    const bool is_small = cost > 0 && cost < 0.01;
    const double rounded = asm_double_round(cost < 0 ? 0 : cost + 1e-9, is_small ? 4 : 2);
    asm_buffer_append_byte(out, '$');
    if (is_small || rounded >= 1e15) {
        asm_double_format(out, rounded);
        return;
    }
    asm__append_grouped(out, (int64_t)rounded);
    asm_buffer_append_byte(out, '.');
    asm__append_two_digits(out, (int64_t)((rounded - (double)(int64_t)rounded) * 100 + 0.5));
}

/* `1 line`, `2 lines` */
static void asm__append_counted(asm_buffer *out, int64_t count, const char *one, const char *several) {
    asm__append_grouped(out, count);
    asm_buffer_append_byte(out, ' ');
    asm__append_literal(out, count == 1 ? one : several);
}

/* >>render: values */

/* Text, or the inside of a JSON string that still has its escapes. */
typedef struct asm__value {
    asm_str text;
    bool is_escaped;
} asm__value;

#define ASM__PIECE 256 /* how much of a value is decoded at once */

static asm__value asm__value_of_text(asm_str text) {
    asm__value value;
    value.text = text;
    value.is_escaped = false;
    return value;
}

/* A JSON value: what a string says, anything else as the JSON it is. Absent and null are empty. */
static asm__value asm__value_of(asm_str raw) {
    asm__value value = asm__value_of_text(raw);
    const asm_json_type type = asm_json_type_of(raw);
    if (type == ASM_JSON_NULL || type == ASM_JSON_NONE) value.text = asm_str_make(NULL, 0);
    if (type != ASM_JSON_STRING) return value;
    value.text = asm_json_string_inside(raw);
    value.is_escaped = value.text.size > 0 && memchr(value.text.data, '\\', value.text.size) != NULL;
    return value;
}

/* The next characters, in `memory` if they have to be decoded. */
static asm_str asm__value_piece(const asm__value *value, size_t *at, char memory[ASM__PIECE]) {
    const size_t begin = *at;
    if (value->is_escaped) return asm_json_string_piece(value->text, at, memory, ASM__PIECE);
    *at = value->text.size;
    return asm_str_make(value->text.data + begin, *at - begin);
}

/* Copies as much as fits, no character cut; whether that was all. */
static bool asm__value_copy(asm_buffer *fixed, const asm__value *value) {
    char memory[ASM__PIECE];
    for (size_t at = 0; at < value->text.size;) {
        asm_str piece = asm__value_piece(value, &at, memory);
        const size_t room = fixed->capacity - fixed->size;
        size_t whole = 0, next = 0;
        if (piece.size <= room) {
            asm_buffer_append(fixed, piece);
            continue;
        }
        while (next < piece.size && next <= room) {
            whole = next;
            asm_utf8_decode(piece, &next);
        }
        asm_buffer_append(fixed, asm_str_make(piece.data, whole));
        return false;
    }
    return true;
}

/* The next line from `*at` on; false at the end. A LF at the very end begins no other line. */
static bool asm__value_line(const asm__value *value, size_t *at, asm__value *line) {
    const size_t begin = *at;
    size_t end = begin;
    if (begin >= value->text.size) return false;
    line->is_escaped = value->is_escaped;
    if (!value->is_escaped) {
        const char *newline = (const char *)memchr(value->text.data + begin, '\n', value->text.size - begin);
        end = newline ? (size_t)(newline - value->text.data) : value->text.size;
        *at = end + (newline != NULL);
    }
    while (value->is_escaped && *at < value->text.size && asm_json_string_decode(value->text, at) != '\n')
        end = *at;
    line->text = asm_str_make(value->text.data + begin, end - begin);
    return true;
}

static bool asm__is_blank_line(const asm__value *line) {
    for (size_t at = 0; at < line->text.size;) {
        const uint32_t c =
            line->is_escaped ? asm_json_string_decode(line->text, &at) : (unsigned char)line->text.data[at++];
        if (c != ' ' && c != '\t' && c != '\r') return false;
    }
    return true;
}

static int64_t asm__value_lines(const asm__value *value) {
    int64_t lines = 0;
    asm__value line;
    for (size_t at = 0; asm__value_line(value, &at, &line);)
        lines++;
    return lines;
}

static int64_t asm__value_characters(const asm__value *value) {
    int64_t count = 0;
    if (!value->is_escaped) return (int64_t)(value->text.size > 0 ? asm_utf8_count(value->text) : 0);
    for (size_t at = 0; at < value->text.size; count++)
        asm_json_string_decode(value->text, &at);
    return count;
}

/* Where the last `count` lines begin that are not blank. Text without escapes is read from its end. */
static size_t asm__last_lines(const asm__value *value, unsigned count) {
    size_t begins[4] = {0, 0, 0, 0}, at = 0, end = value->text.size;
    unsigned found = 0;
    asm__value line;
    if (!value->is_escaped) {
        while (end > 0) {
            size_t begin = end;
            while (begin > 0 && value->text.data[begin - 1] != '\n')
                begin--;
            line = asm__value_of_text(asm_str_make(value->text.data + begin, end - begin));
            if (!asm__is_blank_line(&line) && ++found == count) return begin;
            end = begin > 0 ? begin - 1 : 0;
        }
        return 0;
    }
    for (size_t begin = 0; asm__value_line(value, &at, &line); begin = at) {
        if (asm__is_blank_line(&line)) continue;
        begins[found++ % 4] = begin;
    }
    return found > count ? begins[(found - count) % 4] : 0;
}

/* Without the blanks and line ends around it. */
static asm_str asm__trim(asm_str text) {
    while (text.size > 0 && memchr(" \t\r\n", text.data[0], 4))
        text = asm__without(text, 1);
    while (text.size > 0 && memchr(" \t\r\n", text.data[text.size - 1], 4))
        text.size--;
    return text;
}

/* The next line from `*at` on that is not blank, in `memory`, and `*at` moved past it; without a `<tag>` around it, which some
 * agents put around errors, and without the line `Exit code N`, whose number goes to `exit_code`. Absent at the end. */
static asm_str asm__next_line(const asm__value *value, size_t *at, char *memory, size_t size, bool *is_cut,
                              asm_optional_int64 *exit_code) {
    asm__value line;
    *is_cut = false;
    while (asm__value_line(value, at, &line)) {
        asm_buffer text;
        asm_str shown;
        const char *end;
        asm_buffer_init_fixed(&text, memory, size);
        *is_cut = !asm__value_copy(&text, &line);
        shown = asm__trim(asm_buffer_text(&text));
        if (shown.size > 2 && shown.data[0] == '<' && shown.data[1] > '@' &&
            (end = (const char *)memchr(shown.data, '>', shown.size)) != NULL) {
            const char *close = shown.data + shown.size - 1; /* the tag's end is at the end, or nowhere */
            while (close > end && *close != '<')
                close--;
            if (close > end + 1 && close + 1 < shown.data + shown.size && close[1] == '/')
                shown.size = (size_t)(close - shown.data);
            shown = asm__trim(asm_str_make(end + 1, (size_t)(shown.data + shown.size - end - 1)));
        }
        if (shown.size > 10 && memcmp(shown.data, "Exit code ", 10) == 0 &&
            asm_json_to_int64(asm_str_make(shown.data + 10, shown.size - 10), &exit_code->value)) {
            exit_code->is_set = true;
            continue;
        }
        if (shown.size > 0) return shown;
    }
    return asm_str_make(NULL, 0);
}

/* asm__next_line() from the beginning on. */
static asm_str asm__first_line(const asm__value *value, char *memory, size_t size, bool *is_cut,
                               asm_optional_int64 *exit_code) {
    size_t at = 0;
    return asm__next_line(value, &at, memory, size, is_cut, exit_code);
}

/* Whether asm__next_line() finds that line and no other. */
static bool asm__is_only_line(const asm__value *value, asm_str line) {
    asm_optional_int64 unused = {0, false};
    char memory[600];
    bool is_cut;
    size_t at = 0;
    return asm_str_equal(asm__next_line(value, &at, memory, sizeof memory, &is_cut, &unused), line) &&
           !is_cut && asm__next_line(value, &at, memory, sizeof memory, &is_cut, &unused).size == 0;
}

/* >>render: studio's tools */

#define ASM__PATHS "file_path path absolute_path filePath filename target_file notebook_path file"

/* Arrays, as linkers keep literals of a table that nobody uses. */
static const char asm__bash_names[] =
    "Bash bash shell run_shell_command exec_command execute_command local_shell container.exec "
    "command_execution "
    "run_command run_terminal_cmd run_in_terminal terminal run_terminal powershell PowerShell execute exec "
    "Shell Execute "
    "developer__shell";
static const char asm__read_names[] =
    "Read read read_file ReadFile readFile view view_file read_text_file open_file NotebookRead ViewFile";
static const char asm__write_names[] =
    "Write write write_file WriteFile writeFile write_to_file create_file create Create";
static const char asm__edit_names[] =
    "Edit edit MultiEdit multi_edit multiedit replace str_replace edit_file editFile search_replace "
    "apply_diff "
    "str_replace_editor str_replace_based_edit_tool NotebookEdit StrReplaceFile replace_in_file "
    "replace_file_content multi_replace_file_content";
static const char asm__apply_patch_names[] = "apply_patch patch file_change ApplyPatch";
static const char asm__glob_names[] = "Glob glob find_files file_search find glob_file_search find_by_name";
static const char asm__grep_names[] =
    "Grep grep grep_search search_file_content search_files rg code_search ripgrep";
static const char asm__ls_names[] = "LS ls list list_directory list_dir ListDir list_files listFiles";
static const char asm__task_names[] = "Task Agent task agent spawn_agent delegate_task dispatch_agent";
static const char asm__webfetch_names[] =
    "WebFetch web_fetch webfetch fetch fetch_url FetchUrl FetchURL read_url_content read_web_page url_fetch";
static const char asm__websearch_names[] =
    "WebSearch web_search websearch google_web_search search_web SearchWeb";
static const char asm__todowrite_names[] =
    "TodoWrite todowrite todo_write write_todos update_plan update_todos update_todo SetTodoList todo";

static const asm_studio_tool asm__studio_tools[] = {
    {asm__bash_names, "Running: ", "Ran: ", "Bash failed: ", "command cmd script", ASM_TOOL_SUBJECT_COMMAND,
     ASM_TOOL_FACTS_COMMAND},
    {asm__read_names, "Reading ", "Read ", "Read failed: ", ASM__PATHS, ASM_TOOL_SUBJECT_PATH,
     ASM_TOOL_FACTS_LINES},
    {asm__write_names, "Writing ", "Wrote ", "Write failed: ", ASM__PATHS, ASM_TOOL_SUBJECT_PATH,
     ASM_TOOL_FACTS_INPUT_LINES},
    {asm__edit_names, "Editing ", "Edited ", "Edit failed: ", ASM__PATHS, ASM_TOOL_SUBJECT_PATH,
     ASM_TOOL_FACTS_CHANGES},
    {asm__apply_patch_names, "Editing ", "Edited ", "Edit failed: ", "path file_path", ASM_TOOL_SUBJECT_PATH,
     ASM_TOOL_FACTS_CHANGES},
    {asm__glob_names, "Searching for ", "Searched for ", "Glob failed: ", "pattern glob query",
     ASM_TOOL_SUBJECT_TEXT, ASM_TOOL_FACTS_FILES},
    {asm__grep_names, "Searching ", "Searched for ", "Grep failed: ", "pattern regex query search",
     ASM_TOOL_SUBJECT_QUOTED, ASM_TOOL_FACTS_MATCHES},
    {asm__ls_names, "Listing ", "Listed ", "List failed: ", "path dir_path directory target_directory dir",
     ASM_TOOL_SUBJECT_PATH, ASM_TOOL_FACTS_SIZE},
    {asm__task_names, "Task: ", "Task complete: ", "Task failed: ", "description title name prompt message",
     ASM_TOOL_SUBJECT_TEXT, ASM_TOOL_FACTS_AGENT},
    {asm__webfetch_names, "Fetching ", "Fetched ", "Fetch failed: ", "url uri prompt", ASM_TOOL_SUBJECT_URL,
     ASM_TOOL_FACTS_SIZE},
    {asm__websearch_names, "Searching the web for ", "Searched the web for ",
     "Web search failed: ", "query q search_term", ASM_TOOL_SUBJECT_QUOTED, ASM_TOOL_FACTS_NONE},
    {asm__todowrite_names, "Updating todos", "Updated todos", "Todos not updated", "", ASM_TOOL_SUBJECT_TEXT,
     ASM_TOOL_FACTS_TODOS},
};

/* Any other tool: its name, and the first text among its arguments. */
static const asm_studio_tool asm__other_tool = {
    "", "", "", "", NULL, ASM_TOOL_SUBJECT_TEXT, ASM_TOOL_FACTS_SIZE};

/* The next of words separated by blanks, and `*list` moved past it; empty at the end. */
static asm_str asm__next_word(const char **list) {
    const char *begin = *list;
    while (*begin == ' ')
        begin++;
    for (*list = begin; **list && **list != ' ';)
        ++*list;
    return asm_str_make(begin, (size_t)(*list - begin));
}

static const asm_studio_tool *asm__tool_in(const asm_studio_tool *tools, size_t count, asm_str name) {
    for (size_t i = 0; i < count; i++) {
        const char *names = tools[i].names ? tools[i].names : "";
        for (asm_str word; (word = asm__next_word(&names)).size > 0;)
            if (asm_str_equal(word, name)) return &tools[i];
    }
    return NULL;
}

static const asm_studio_tool *asm__studio_tool(const asm_studio *studio, asm_str name) {
    const asm_studio_tool *tool = asm__tool_in(studio->options.tools, studio->options.tool_count, name);
    if (!tool)
        tool = asm__tool_in(asm__studio_tools, sizeof asm__studio_tools / sizeof asm__studio_tools[0], name);
    return tool ? tool : &asm__other_tool;
}

/* >>render: what a tool works on */

#define ASM__SUBJECT_SIZE 1000 /* bytes of what a tool works on; what is longer is cut, and says so */
#define ASM__VIEW_SIZE    2200 /* and of what is made of it */

/* What studio knows of a call. The views point into `memory` or the call's slot. */
typedef struct asm__view {
    const asm_studio_tool *tool;
    asm_str name, kind, subject, place;     /* place: the directory a command changes to */
    bool is_cut;                            /* the subject goes on */
    bool has_lines, is_agent, is_described; /* is_described: the input has a description of the task */
    size_t lines;
    asm_buffer memory;
    char bytes[ASM__VIEW_SIZE];
} asm__view;

/* A value copied to the view's memory, as far as there is room. */
static asm_str asm__view_copy(asm__view *view, const asm__value *value, bool *is_cut) {
    const size_t begin = view->memory.size;
    asm_buffer part;
    asm_buffer_init_fixed(&part, view->bytes + begin,
                          begin > ASM__SUBJECT_SIZE ? 0 : ASM__SUBJECT_SIZE - begin);
    *is_cut = !asm__value_copy(&part, value);
    view->memory.size += part.size;
    return asm_str_make(view->bytes + begin, view->memory.size - begin);
}

static bool asm__is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Whether the word is a POSIX shell, with a path or without. */
static bool asm__is_shell(asm_str word) {
    static const char *const shells[] = {"sh", "bash", "zsh", "dash", "ksh"};
    for (size_t i = word.size; i > 0; i--)
        if (word.data[i - 1] == '/') {
            word = asm__without(word, i);
            break;
        }
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (asm_str_equal(word, asm_str_from(shells[i]))) return true;
    return false;
}

static asm_str asm__first_word(asm_str text) {
    size_t size = 0;
    while (size < text.size && text.data[size] != ' ')
        size++;
    return asm_str_make(text.data, size);
}

/* Takes the quotes of a shell word that is all of `text` away, in place. False, and nothing changed, if `text` is more
 * than one quoted word or the shell would expand something in it. */
static bool asm__unquote(asm_str *text, char *bytes) {
    const char quote = text->data[0];
    size_t at = 1, out = 0;
    if (text->size < 2 || (quote != '\'' && quote != '"')) return false;
    for (int writes = 0; writes < 2; writes++) {
        for (at = 1, out = 0; at < text->size && bytes[at] != quote; out++) {
            if (quote == '"' && (bytes[at] == '$' || bytes[at] == '`')) return false;
            if (quote == '"' && bytes[at] == '\\' && at + 1 < text->size &&
                memchr("\"\\$`", bytes[at + 1], 4))
                at++;
            if (writes) bytes[out] = bytes[at];
            at++;
            if (quote == '\'' && at + 3 < text->size && memcmp(bytes + at, "'\\''", 4) == 0) {
                if (writes) bytes[++out] = '\'';
                else out++;
                at += 4;
            }
        }
        if (at + 1 != text->size) return false; /* it ends before the text, or never */
    }
    *text = asm_str_make(bytes, out);
    return true;
}

/* The command that `bash -lc '…'` runs; any other as it is. */
static asm_str asm__inside_shell(asm_str command, char *bytes) {
    const asm_str shell = asm__first_word(command);
    asm_str rest = asm__trim(asm__without(command, shell.size));
    const asm_str flag = asm__first_word(rest);
    asm_str inner = asm__trim(asm__without(rest, flag.size));
    if (!asm__is_shell(shell) || inner.size == 0) return command;
    if (!asm_str_equal(flag, asm_str_from("-c")) && !asm_str_equal(flag, asm_str_from("-lc"))) return command;
    return asm__unquote(&inner, bytes + (inner.data - bytes)) ? asm__trim(inner) : command;
}

/* Takes `cd DIR &&` off the front of a command; the directory goes to the view. */
static asm_str asm__inside_directory(asm__view *view, asm_str command) {
    asm_str directory, rest;
    size_t size = 0;
    if (!asm__begins_with(command, "cd ")) return command;
    rest = asm__trim(asm__without(command, 3));
    if (rest.size > 0 && (rest.data[0] == '\'' || rest.data[0] == '"')) {
        const char *close = (const char *)memchr(rest.data + 1, rest.data[0], rest.size - 1);
        if (!close) return command;
        directory = asm_str_make(rest.data + 1, (size_t)(close - rest.data - 1));
        size = (size_t)(close - rest.data) + 1;
    } else {
        directory = asm__first_word(rest);
        size = directory.size;
    }
    for (size_t i = 0; i < directory.size; i++)
        if (memchr("$`'\"\\;|&<>()\n", directory.data[i], 13)) return command;
    rest = asm__trim(asm__without(rest, size));
    if (directory.size == 0 || !asm__begins_with(rest, "&& ")) return command;
    view->place = directory;
    return asm__trim(asm__without(rest, 3));
}

/* A command as people would have typed it. */
static void asm__view_command(asm__view *view) {
    asm_str command = asm__trim(view->subject);
    const char *newline;
    if (!view->is_cut) command = asm__inside_shell(command, view->bytes + (command.data - view->bytes));
    command = asm__inside_directory(view, command);
    newline = command.size > 0 ? (const char *)memchr(command.data, '\n', command.size) : NULL;
    if (newline) { /* of what a command is fed, the first line */
        const asm_str first = asm_str_make(command.data, (size_t)(newline - command.data));
        for (size_t i = 0; i + 2 < first.size; i++) {
            if (memcmp(first.data + i, "<<", 2) != 0) continue;
            view->bytes[newline - view->bytes] = ' ';
            command = asm_str_make(first.data, first.size + 1);
            view->is_cut = true;
            break;
        }
    }
    view->subject = command;
}

/* A path from the run's working directory on, if it lies in there. */
static asm_str asm__relative_path(const asm_studio *studio, asm_str path) {
    const asm_str cwd = asm_str_make(studio->run.cwd, studio->run.cwd_size);
    if (cwd.size < 2 || path.size <= cwd.size + 1 || memcmp(path.data, cwd.data, cwd.size) != 0) return path;
    return asm__is_separator(cwd, path.data[cwd.size]) ? asm__without(path, cwd.size + 1) : path;
}

/* Whether the last label of a host is a number: such a host is an address, of which there are many ways to write it. */
static bool asm__is_numeric_host(asm_str host) {
    size_t begin = host.size;
    while (begin > 0 && host.data[begin - 1] != '.')
        begin--;
    return begin < host.size && host.data[begin] >= '0' && host.data[begin] <= '9';
}

/* Whether the host is four decimal numbers, as browsers show an address. */
static bool asm__is_plain_address(asm_str host) {
    unsigned parts = 0, value = 0, digits = 0;
    for (size_t i = 0; i <= host.size; i++) {
        if (i < host.size && host.data[i] >= '0' && host.data[i] <= '9') {
            if (digits > 0 && value == 0) return false; /* octal */
            value = value * 10 + (unsigned)(host.data[i] - '0');
            if (++digits > 3 || value > 255) return false;
        } else {
            if (digits == 0 || (i < host.size && host.data[i] != '.')) return false;
            parts++;
            value = digits = 0;
        }
    }
    return parts == 4;
}

/* The URL without what browsers leave out: blanks and controls around it, TAB, LF and CR in it. In place. */
static asm_str asm__url_as_browsers_read_it(asm_str url, char *bytes) {
    size_t size = 0;
    while (url.size > 0 && (unsigned char)url.data[0] <= ' ')
        url = asm__without(url, 1);
    while (url.size > 0 && (unsigned char)url.data[url.size - 1] <= ' ')
        url.size--;
    for (size_t i = 0; i < url.size; i++)
        if (url.data[i] != '\t' && url.data[i] != '\n' && url.data[i] != '\r') bytes[size++] = url.data[i];
    return asm_str_make(bytes, size);
}

/* Of `url`, which stands at `bytes` and is put in small letters: how long the scheme is, of those that have a host; else 0. */
static size_t asm__url_scheme(asm_str url, char *bytes) {
    static const char *const schemes[] = {"http:", "https:", "ws:", "wss:", "ftp:"};
    for (size_t i = 0; i < url.size; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z' && (i == 0 || bytes[i - 1] != '%'))
            bytes[i] = (char)(bytes[i] + 32);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (asm__begins_with(url, schemes[i])) return strlen(schemes[i]);
    return 0;
}

/* The host that a browser would go to (WHATWG URL), in `bytes`; absent if that is not sure. */
static asm_str asm__url_host(asm_str url, bool is_cut, char *bytes) {
    size_t begin, end, size = 0;
    asm_str host;
    const asm_str nothing = asm_str_make(NULL, 0);
    url = asm__url_as_browsers_read_it(url, bytes);
    begin = asm__url_scheme(url, bytes);
    if (begin == 0) return nothing;
    while (begin < url.size && (url.data[begin] == '/' || url.data[begin] == '\\'))
        begin++;
    for (end = begin; end < url.size && !memchr("/\\?#", url.data[end], 4); end++)
        if (url.data[end] == '@') begin = end + 1;
    if (end == url.size && is_cut) return nothing;
    while (begin + size < end && url.data[begin + size] != ':')
        size++;
    host = asm_str_make(url.data + begin, size);
    for (size_t i = begin + size + 1; i < end; i++)
        if (url.data[i] < '0' || url.data[i] > '9') return nothing; /* no port */
    for (size_t i = 0; i < host.size; i++)
        if (!asm__is_word_byte(host.data[i]) && host.data[i] != '.' && host.data[i] != '-') return nothing;
    if (host.size == 0 || host.size > 253 || (asm__is_numeric_host(host) && !asm__is_plain_address(host)))
        return nothing;
    return host;
}

/* The URL itself, or its host, which is put after it. */
static void asm__view_url(asm__view *view) {
    const size_t size = view->subject.size;
    asm_str host;
    if (size == 0 || view->memory.size + size > sizeof view->bytes) return;
    host = asm__url_host(view->subject, view->is_cut, view->bytes + view->memory.size);
    if (!host.data) return;
    view->subject = host;
    view->is_cut = false;
    view->memory.size += size;
}

/* An array of arguments as a command line; what `sh -c` is given, as it is. */
static asm_str asm__view_arguments(asm__view *view, asm_str array) {
    asm_json_reader reader;
    asm_str raw;
    const size_t begin = view->memory.size;
    unsigned count = 0;
    bool is_cut = false, is_shell = false, has_flag = false;
    asm_json_reader_init(&reader, array, NULL);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw) && !is_cut) {
        const asm__value value = asm__value_of(raw);
        const size_t at = view->memory.size;
        asm_str word;
        if (count == 2 && is_shell && has_flag) view->memory.size = begin;
        else if (count > 0) asm_buffer_append_byte(&view->memory, ' ');
        word = asm__view_copy(view, &value, &is_cut);
        if (count == 0) is_shell = asm__is_shell(word);
        if (count == 1)
            has_flag = asm_str_equal(word, asm_str_from("-c")) || asm_str_equal(word, asm_str_from("-lc"));
        if (count > 2 && is_shell && has_flag) { /* $0 and what follows: no plain command after all */
            view->memory.size = at;
            is_cut = true;
        }
        count++;
    }
    view->memory.result = ASM_OK;
    view->is_cut = is_cut;
    return asm_str_make(view->bytes + begin, view->memory.size - begin);
}

/* The first string among the members of an object, raw. */
static asm_str asm__first_text(asm_str object) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str key, raw = {NULL, 0};
    char memory[256];
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, object, &scratch);
    if (asm_json_type_of(object) != ASM_JSON_OBJECT || !asm_json_enter_object(&reader)) return raw;
    while (asm_json_next_member(&reader, &key)) {
        asm_buffer_clear(&scratch);
        if (asm_json_peek(&reader) == ASM_JSON_STRING && asm_json_read_raw(&reader, &raw) && raw.size > 2)
            return raw;
    }
    return asm_str_make(NULL, 0);
}

enum {
    ASM__MAX_SUBJECTS = 8,
    ASM__CONTENT = ASM__MAX_SUBJECTS,
    ASM__CONTENTS,
    ASM__FILE_TEXT,
    ASM__KIND,
    ASM__KIND_2,
    ASM__KEYS
};

/* The raw values of the members that matter; the subject is values[0]. */
static void asm__find_members(const asm_studio_tool *tool, asm_str input, asm_str values[ASM__KEYS]) {
    static const char *const others[] = {"content", "contents", "file_text", "subagent_type", "agent_type"};
    asm_str keys[ASM__KEYS];
    const char *subjects = tool->subject ? tool->subject : "";
    size_t count = 0;
    for (; count < ASM__MAX_SUBJECTS; count++)
        if ((keys[count] = asm__next_word(&subjects)).size == 0)
            keys[count] = asm_str_from("\n"); /* no such member */
    for (; count < ASM__KEYS; count++)
        keys[count] = asm_str_from(others[count - ASM__CONTENT]);
    asm_json_find(input, keys, values, ASM__KEYS, NULL);
    for (size_t i = 1; i < ASM__MAX_SUBJECTS && asm__value_of(values[0]).text.size == 0; i++)
        values[0] = values[i];
}

/* What a tool works on, from its input. */
static void asm__view_of_input(const asm_studio *studio, asm__view *view, asm_str input) {
    asm_str values[ASM__KEYS];
    asm__value subject;
    memset(values, 0, sizeof values);
    if (view->tool->subject) asm__find_members(view->tool, input, values);
    else values[0] = asm__first_text(input);
    subject = asm__value_of(values[0]);
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_COMMAND && asm_json_type_of(values[0]) == ASM_JSON_ARRAY)
        view->subject = asm__view_arguments(view, values[0]);
    else view->subject = asm__view_copy(view, &subject, &view->is_cut);
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_COMMAND) asm__view_command(view);
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_PATH && !view->is_cut)
        view->subject = asm__relative_path(studio, view->subject);
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_URL) asm__view_url(view);
    if (view->tool->facts == ASM_TOOL_FACTS_INPUT_LINES) {
        for (size_t i = ASM__CONTENT; i <= ASM__FILE_TEXT && !view->has_lines; i++) {
            const asm__value content = asm__value_of(values[i]);
            view->has_lines = values[i].data != NULL;
            view->lines = (size_t)asm__value_lines(&content);
        }
    }
    if (view->tool->facts == ASM_TOOL_FACTS_AGENT) {
        const asm__value kind =
            asm__value_of(values[ASM__KIND].data ? values[ASM__KIND] : values[ASM__KIND_2]);
        const asm_str key = asm_str_from("description");
        asm_str description = {NULL, 0};
        bool is_cut;
        asm_json_find(input, &key, &description, 1, NULL);
        view->is_described = asm__value_of(description).text.size > 0;
        view->is_agent = true;
        view->kind = asm__view_copy(view, &kind, &is_cut);
        view->memory.result = ASM_OK;
    }
}

/* What is known of a call from its event alone. */
static void asm__view_of_tool(const asm_studio *studio, asm__view *view, const asm_tool_payload *tool) {
    memset(view, 0, offsetof(asm__view, bytes));
    asm_buffer_init_fixed(&view->memory, view->bytes, sizeof view->bytes);
    view->name = tool->name;
    view->tool = asm__studio_tool(studio, tool->name);
    if (tool->input.data) asm__view_of_input(studio, view, tool->input);
    if (tool->agent_kind.size > 0) {
        view->kind = tool->agent_kind;
        view->is_agent = true;
    }
    if (tool->display_text.size > 0 && (view->subject.size == 0 || (view->is_agent && !view->is_described))) {
        view->subject = tool->display_text;
        view->is_cut = false;
    }
}

/* >>render: secrets */

static bool asm__has_word(asm_str text, const char *word) {
    const size_t size = strlen(word);
    for (size_t i = 0; i + size <= text.size; i++) {
        size_t k = 0;
        while (k < size && ((text.data[i + k] | 0x20) == word[k] || text.data[i + k] == word[k]))
            k++;
        if (k == size) return true;
    }
    return false;
}

/* Whether a variable, an option or a header of that name holds a secret. */
static bool asm__is_secret_name(asm_str name) {
    static const char *const words[] = {"token",      "secret",       "passw",      "api_key",
                                        "apikey",     "api-key",      "access_key", "private_key",
                                        "credential", "authorization"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (asm__has_word(name, words[i])) return true;
    return false;
}

/* The length of a secret's prefix that others know, 0 if there is none. */
static size_t asm__secret_prefix(asm_str text) {
    static const char *const prefixes[] = {"sk-",    "sk_live_",    "ghp_",  "gho_",  "ghs_",
                                           "ghu_",   "github_pat_", "xoxb-", "xoxp-", "AKIA",
                                           "glpat-", "hf_",         "npm_",  "AIza"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (asm__begins_with(text, prefixes[i])) return strlen(prefixes[i]);
    return 0;
}

static size_t asm__secret_size(asm_str text) {
    size_t size = 0;
    while (size < text.size && (asm__is_word_byte(text.data[size]) || memchr("-./+=~", text.data[size], 6)))
        size++;
    return size;
}

/* Where a secret begins in `text`, which begins after a byte that is no part of a word; `*size` is 0 if there is none. */
static size_t asm__secret_in(asm_str text, size_t *size) {
    size_t name = 0, at = asm__secret_prefix(text);
    *size = at > 0 ? asm__secret_size(asm__without(text, at)) : 0;
    if (*size >= 12) return at;
    *size = 0;
    if (asm__begins_with(text, "Bearer ") && (*size = asm__secret_size(asm__without(text, 7))) >= 12)
        return 7;
    *size = 0;
    while (name < text.size && (asm__is_word_byte(text.data[name]) || text.data[name] == '-'))
        name++;
    if (name == text.size || !asm__is_secret_name(asm_str_make(text.data, name))) return 0;
    at = name;
    if (text.data[at] != '=' && text.data[at] != ':' && !(text.data[at] == ' ' && text.data[0] == '-'))
        return 0;
    for (at++; at < text.size && memchr(" \"'", text.data[at], 3);)
        at++;
    if (at < text.size && text.data[at] == '/') return 0; /* a path */
    *size = asm__secret_size(asm__without(text, at));
    if (*size < 6 || asm__begins_with(asm__without(text, at), "Bearer")) *size = 0;
    return at;
}

/* Copies a command to the view's memory, dots in place of secrets. */
static void asm__view_hide_secrets(asm__view *view, const asm_look *look) {
    const asm_str text = view->subject;
    const size_t begin = view->memory.size;
    size_t shown = 0;
    bool is_found = false;
    for (size_t at = 0; at < text.size; at++) {
        size_t size, secret;
        if (at > 0 && (asm__is_word_byte(text.data[at - 1]) || text.data[at - 1] == '-')) continue;
        secret = asm__secret_in(asm__without(text, at), &size);
        if (size == 0) continue;
        asm_buffer_append(&view->memory, asm_str_make(text.data + shown, at + secret - shown));
        asm__append_glyph(&view->memory, look, ASM__GLYPH_SECRET);
        at += secret + size - 1;
        shown = at + 1;
        is_found = true;
    }
    if (!is_found) return;
    asm_buffer_append(&view->memory, asm__without(text, shown));
    if (view->memory.result != ASM_OK) { /* rather less than a secret */
        view->memory.result = ASM_OK;
        view->is_cut = true;
    }
    view->subject = asm_str_make(view->bytes + begin, view->memory.size - begin);
}

/* >>render: studio's lines */

#define ASM__PIPED_COLUMNS 160 /* of what a line says, where there is no terminal */
#define ASM__UNLIMITED     1000000000
#define ASM__MAX_DEPTH     4 /* levels of sub-agents that are indented */

/* Who speaks: how deep, and a name if there are several at once. */
typedef struct asm__speaker {
    uint64_t id;
    unsigned depth;
    asm_str label;
} asm__speaker;

static asm_str asm__call_text(const asm_studio_call *call, unsigned part) {
    const size_t sizes[] = {call->id_size, call->name_size, call->kind_size, call->place_size,
                            call->subject_size};
    size_t begin = 0;
    for (unsigned i = 0; i < part; i++)
        begin += sizes[i];
    return asm_str_make(call->text + begin, sizes[part]);
}

enum { ASM__CALL_ID, ASM__CALL_NAME, ASM__CALL_KIND, ASM__CALL_PLACE, ASM__CALL_SUBJECT };

/* The next call of that id that runs, after `last` or from the first on if that is NULL; NULL at the end. */
static asm_studio_call *asm__next_call(asm_studio *studio, asm_str id, asm_studio_call *last) {
    const size_t begin = last ? (size_t)(last - studio->calls) + 1 : 0;
    for (size_t i = begin; i < ASM_STUDIO_CALLS && id.size > 0; i++)
        if (studio->calls[i].order != 0 && asm_str_equal(asm__call_text(&studio->calls[i], ASM__CALL_ID), id))
            return &studio->calls[i];
    return NULL;
}

/* The call of that id; NULL also if others have it too. */
static asm_studio_call *asm__find_call(asm_studio *studio, asm_str id) {
    asm_studio_call *call = asm__next_call(studio, id, NULL);
    return call && !call->is_shared ? call : NULL;
}

static unsigned asm__running_agents(const asm_studio *studio) {
    unsigned count = 0;
    for (size_t i = 0; i < ASM_STUDIO_CALLS; i++)
        count += studio->calls[i].order != 0 && studio->calls[i].is_agent;
    return count;
}

/* Appends the first characters of a name that stands in brackets, in at most `size` bytes: what could end the brackets,
 * and punctuation and symbols beyond ASCII, as _, so that nothing after them looks like a line of the renderer. Returns
 * whether that is all of it. */
static bool asm__append_label(asm_buffer *out, asm_str name, size_t size) {
    const asm_str text = asm_utf8_prefix(name, size);
    for (size_t at = 0; at < text.size;) {
        const size_t begin = at;
        const uint32_t c = asm_utf8_decode(text, &at);
        const bool is_symbol = (c >= 0x2000 && c < 0x2C00) || c >= 0x1F000;
        if (c == '[' || c == ']' || is_symbol) asm_buffer_append_byte(out, '_');
        else asm_buffer_append(out, asm_str_make(text.data + begin, at - begin));
    }
    return text.size == name.size;
}

/* `memory` holds the label. */
static asm__speaker asm__studio_speaker(asm_studio *studio, const asm_event *event, char memory[40]) {
    const asm_str parent = asm_event_parent(event);
    const asm_studio_call *call = asm__find_call(studio, parent);
    asm__speaker speaker;
    asm_buffer label;
    speaker.id = asm__speaker_of(event);
    speaker.depth = parent.size == 0 ? 0 : call ? call->depth + 1 : 1;
    speaker.label = asm_str_make(memory, 0);
    asm_buffer_init_fixed(&label, memory, 40);
    if (parent.size == 0 && event->agent_id.size > 0) { /* others than the first agent have their name */
        const uint64_t agent = asm__text_hash(event->agent_id, 0) | 1;
        if (studio->main_agent == 0) studio->main_agent = agent;
        if (studio->main_agent == agent) return speaker;
        speaker.depth = 1;
        if (!asm__append_label(&label, event->agent_id, 9))
            asm__append_glyph(&label, &studio->look, ASM__GLYPH_CUT);
        speaker.label = asm_buffer_text(&label);
        return speaker;
    }
    if (!call || asm__running_agents(studio) < 2) return speaker;
    asm__append_label(&label, asm__call_text(call, call->kind_size > 0 ? ASM__CALL_KIND : ASM__CALL_NAME), 7);
    asm_buffer_append_byte(&label, ' ');
    asm__append_count(&label, call->number);
    speaker.label = asm_buffer_text(&label);
    return speaker;
}

static void asm__append_blanks(asm_buffer *out, int count) {
    static const char blanks[] = "                                ";
    const int most = (int)sizeof blanks - 1;
    if (count <= most && out->result == ASM_OK && out->capacity - out->size >= sizeof blanks) { /* mostly */
        memcpy(out->data + out->size, blanks, (size_t)most);
        out->size += count > 0 ? (size_t)count : 0;
        return;
    }
    for (; count > 0; count -= most)
        asm_buffer_append(out, asm_str_make(blanks, (size_t)(count < most ? count : most)));
}

/* The time before a line, if it is asked for; returns its columns. */
static int asm__studio_time(const asm_studio *studio, asm_buffer *out) {
    const asm_time last = studio->run.last, start = studio->run.start;
    if (studio->options.show_times == ASM_TIMES_NONE) return 0;
    if (last == 0) {
        asm__append_blanks(out, studio->options.show_times == ASM_TIMES_CLOCK ? 9 : 8);
        return studio->options.show_times == ASM_TIMES_CLOCK ? 9 : 8;
    }
    if (studio->options.show_times == ASM_TIMES_CLOCK) {
        char text[ASM_TIME_TEXT_SIZE];
        if (asm_time_format(last, ASM_TIME_PRECISION_SECONDS, text) < 19) asm__append_blanks(out, 8);
        else asm_buffer_append(out, asm_str_make(text + 11, 8));
        asm_buffer_append_byte(out, ' ');
        return 9;
    }
    char memory[32];
    asm_buffer text;
    const int64_t seconds = last > start ? (last - start) / 1000000 : 0;
    asm_buffer_init_fixed(&text, memory, sizeof memory);
    asm_buffer_append_byte(&text, '+');
    if (seconds < 6000) asm__append_two_digits(&text, seconds / 60);
    else asm__append_count(&text, seconds / 60);
    asm_buffer_append_byte(&text, ':');
    asm__append_two_digits(&text, seconds % 60);
    asm_buffer_append_byte(&text, ' ');
    asm__append_blanks(&text, text.size < 8 ? 8 - (int)text.size : 0);
    asm_buffer_append(out, asm_buffer_text(&text));
    return (int)text.size;
}

/* What stands before every line, up to the column of symbols, and `more` blanks; returns its columns. */
static int asm__studio_margin(const asm_studio *studio, asm_buffer *out, unsigned depth, asm_str label,
                              int more) {
    const unsigned flags = asm__line_flags(&studio->look);
    const bool is_simple = depth == 0 && label.size == 0;
    int columns = asm__studio_time(studio, out) + studio->options.indent;
    asm__append_blanks(out, studio->options.indent + (is_simple ? more : 0));
    if (is_simple) return columns + more;
    for (unsigned i = 0; i < depth && i < ASM__MAX_DEPTH; i++, columns += 2) {
        asm__colored(out, &studio->look, ASM__DIM, asm__glyph_text(&studio->look, ASM__GLYPH_SUBAGENT));
        asm_buffer_append_byte(out, ' ');
    }
    if (label.size > 0) {
        asm__begin_color(out, &studio->look, ASM__DIM);
        asm_buffer_append_byte(out, '[');
        columns += 3 + asm__append_columns(out, label, flags, 40);
        asm_buffer_append_byte(out, ']');
        asm__end_color(out, &studio->look);
        asm_buffer_append_byte(out, ' ');
    }
    asm__append_blanks(out, more);
    return columns + more;
}

/* The columns that are left of a line of which `used` are taken. */
static int asm__studio_room(const asm_studio *studio, int used) {
    const int columns = studio->look.columns;
    return columns == 0 ? ASM__PIPED_COLUMNS : columns > used ? columns - used : 0;
}

/* >>render: studio's text */

#define ASM__MAX_GAP 400 /* blanks between words */

enum { ASM__TEXT_AGENT, ASM__TEXT_THINKING, ASM__TEXT_PERSON };
enum { ASM__STYLE_NONE, ASM__STYLE_BOLD, ASM__STYLE_CODE, ASM__STYLE_DIM };

static void asm__text_style(asm_studio *studio, asm_buffer *out, unsigned style) {
    static const char *const codes[] = {"", ASM__BOLD, ASM__CYAN, ASM__DIM};
    if (!studio->look.has_color || studio->text.style == style) return;
    if (studio->text.style != ASM__STYLE_NONE) asm__append_literal(out, "\033[0m");
    if (style != ASM__STYLE_NONE) asm__begin_color(out, &studio->look, codes[style]);
    studio->text.style = style;
}

/* The style of what comes next in a text. */
static unsigned asm__text_style_now(const asm_studio *studio) {
    if (studio->text.kind == ASM__TEXT_THINKING) return ASM__STYLE_DIM;
    if (studio->text.in_code) return ASM__STYLE_CODE;
    return studio->text.in_bold ? ASM__STYLE_BOLD : ASM__STYLE_NONE;
}

/* Begins a line of the open text. */
static void asm__text_margin(asm_studio *studio, asm_buffer *out) {
    const asm_str label = asm_str_make(studio->text.label, studio->text.label_size);
    const bool has_bar = studio->text.in_fence && studio->look.has_color;
    for (; studio->text.blank > 0; studio->text.blank--) {
        if (has_bar) { /* goes on through blank lines */
            asm__studio_margin(studio, out, studio->text.depth, label, 2);
            asm__colored(out, &studio->look, ASM__DIM, asm__glyph_text(&studio->look, ASM__GLYPH_BAR));
        }
        asm_buffer_append_byte(out, '\n');
    }
    if (studio->text.kind == ASM__TEXT_AGENT) {
        studio->text.column = asm__studio_margin(studio, out, studio->text.depth, label, 2);
    } else {
        studio->text.column = asm__studio_margin(studio, out, studio->text.depth, label, 0) + 2;
        asm__colored(out, &studio->look, ASM__DIM,
                     studio->text.kind == ASM__TEXT_PERSON ? "> "
                     : studio->look.is_ascii               ? ". "
                                                           : "\xC2\xB7 ");
    }
    if (has_bar) {
        asm__colored(out, &studio->look, ASM__DIM, asm__glyph_text(&studio->look, ASM__GLYPH_BAR));
        asm_buffer_append_byte(out, ' ');
        studio->text.column += 2;
    }
    studio->text.margin = studio->text.column;
    studio->text.in_line = true;
}

static void asm__text_newline(asm_studio *studio, asm_buffer *out) {
    asm__text_style(studio, out, ASM__STYLE_NONE);
    asm_buffer_append_byte(out, '\n');
    studio->text.in_line = false;
}

/* Goes on with the line of a text on the next line of the terminal. */
static void asm__text_wrap(asm_studio *studio, asm_buffer *out) {
    asm__text_newline(studio, out);
    asm__text_margin(studio, out);
    if (studio->text.hang == 0) return;
    asm__append_blanks(out, studio->text.hang);
    studio->text.column += studio->text.hang;
}

/* Begins a link to `address`, or ends the last one if that is empty. */
static void asm__append_link(asm_buffer *out, asm_str address) {
    static const char hex[] = "0123456789ABCDEF";
    char memory[3 * 128];
    asm_buffer encoded;
    asm_buffer_init_fixed(&encoded, memory, sizeof memory);
    for (size_t i = 0; i < address.size; i++) {
        const unsigned char c = (unsigned char)address.data[i];
        if (c > ' ' && c < 0x7F && c != ';') {
            asm_buffer_append_byte(&encoded, (char)c);
            continue;
        }
        asm_buffer_append_byte(&encoded, '%');
        asm_buffer_append_byte(&encoded, hex[c >> 4]);
        asm_buffer_append_byte(&encoded, hex[c & 15]);
    }
    asm__append_command(out, "8;;", asm_buffer_text(&encoded));
}

/* Appends a word that is as wide as a line, or wider, character by character. `link`: the address it is a link to; empty:
 * it is none. A link ends with each line, so that what stands before the next is no part of it. */
static void asm__text_long_word(asm_studio *studio, asm_buffer *out, asm_str word, asm_str link, int limit) {
    for (size_t at = 0, begin = 0; at < word.size; begin = at) {
        const int width = asm__columns_of_character(asm_utf8_decode(word, &at));
        if (studio->text.column + width > limit) {
            if (link.size > 0) asm__append_link(out, asm_str_make(NULL, 0));
            asm__text_wrap(studio, out);
            asm__text_style(studio, out, asm__text_style_now(studio));
            if (link.size > 0) asm__append_link(out, link);
        }
        asm_buffer_append(out, asm_str_make(word.data + begin, at - begin));
        studio->text.column += width;
    }
}

/* Whether an address may end before `rest`: not within a word of other letters, or before what stands for a control. */
static bool asm__ends_address(asm_str rest) {
    if (rest.size == 0) return true;
    if ((unsigned char)rest.data[0] < 0x80) return !asm__begins_with(rest, "<U+");
    return asm__begins_with(rest, "\xE2\x80") || asm__begins_with(rest, "\xE2\x81"); /* punctuation */
}

/* Where the address that begins at `at` ends: marks at its end belong to the sentence, and so does a bracket that is not
 * opened in it. `at` if it is none. */
static size_t asm__address_end(asm_str text, size_t at) {
    static const char allowed[] = "-._~:/?#[]@!$&'()*+,;=%", closing[] = ")]", opening[] = "([";
    size_t end = at;
    while (end < text.size && (asm__is_word_byte(text.data[end]) || strchr(allowed, text.data[end])))
        end++;
    if (!asm__ends_address(asm__without(text, end))) return at;
    while (end > at) {
        const char last = text.data[end - 1], *bracket = strchr(closing, last);
        int open = 0;
        if (bracket) {
            for (size_t i = at; i < end; i++)
                open += (text.data[i] == opening[bracket - closing]) - (text.data[i] == last);
            if (open >= 0) break;
        } else if (!strchr(".,;:!?'*_~", last)) break;
        end--;
    }
    return end;
}

/* The next address in `text` from `*at` on, which is moved to its beginning: http or https, and a host that a browser
 * would go to for sure and that stands right after the scheme. Absent if there is none. */
static asm_str asm__next_address(asm_str text, size_t *at) {
    char memory[128];
    for (; *at < text.size; ++*at) {
        const asm_str rest = asm__without(text, *at);
        const size_t scheme = asm__begins_with(rest, "https://")  ? 8
                              : asm__begins_with(rest, "http://") ? 7
                                                                  : 0;
        if (scheme == 0 || rest.size > sizeof memory || (*at > 0 && asm__is_word_byte(text.data[*at - 1])))
            continue;
        const asm_str address = asm_str_make(rest.data, asm__address_end(text, *at) - *at);
        const asm_str host = asm__url_host(address, false, memory);
        if (host.size > 0 && (size_t)(host.data - memory) == scheme) return address;
    }
    return asm_str_make(NULL, 0);
}

/* Appends a piece of a word in the style of the moment. */
static void asm__text_piece(asm_studio *studio, asm_buffer *out, asm_str piece) {
    const bool is_whole = !studio->text.is_joined && !studio->text.is_partial;
    asm__text_style(studio, out, asm__text_style_now(studio));
    if (!studio->text.is_long && !studio->look.has_links) {
        asm_buffer_append(out, piece);
        return;
    }
    while (piece.size > 0) {
        size_t size = 0;
        asm_str link = {NULL, 0}, part = piece;
        if (studio->look.has_links && is_whole) {
            link = asm__next_address(piece, &size);
            if (size == 0) asm__append_link(out, link);
            else link.size = 0; /* first what stands before it */
            part.size = link.size > 0 ? link.size : size;
        }
        if (studio->text.is_long) asm__text_long_word(studio, out, part, link, studio->look.columns);
        else asm_buffer_append(out, part);
        if (link.size > 0) asm__append_link(out, asm_str_make(NULL, 0));
        piece = asm__without(piece, part.size);
    }
}

/* The first word of a line tells what the line is: the beginning or end of a fence (true), a heading, an item of a list.
 */
static bool asm__text_first_word(asm_studio *studio, asm_str word) {
    size_t same = 1;
    const int columns = studio->look.columns;
    const bool is_marked = studio->look.has_color && studio->text.kind == ASM__TEXT_AGENT;
    while (same < word.size && word.data[same] == word.data[0])
        same++;
    studio->text.hang = studio->text.gap;
    if (word.size <= 3 &&
        (strchr("-*+", word.data[0]) ? word.size == 1 : memchr(".)", word.data[word.size - 1], 2) != NULL))
        studio->text.hang += studio->text.word_width + 1;
    if (columns == 0 || studio->text.hang > columns / 3) studio->text.hang = 0;
    if (!is_marked) return false;
    if (same >= 3 && (word.data[0] == '`' || word.data[0] == '~')) {
        studio->text.in_fence = !studio->text.in_fence;
        studio->text.in_code = true; /* to the end of the line */
        return true;
    }
    if (!studio->text.in_fence && word.data[0] == '#' && same == word.size && same <= 6)
        studio->text.in_bold = true;
    return false;
}

/* Appends a word in which ` and ** begin and end code and bold text. They stay where they are. */
static void asm__text_marked_word(asm_studio *studio, asm_buffer *out, asm_str word) {
    size_t begin = 0;
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] == '`') {
            const size_t after = studio->text.in_code ? i + 1 : i;
            asm__text_piece(studio, out, asm_str_make(word.data + begin, after - begin));
            studio->text.in_code = !studio->text.in_code;
            begin = after;
        } else if (!studio->text.in_code && i + 1 < word.size && memcmp(word.data + i, "**", 2) == 0) {
            const bool can_close = i > 0, can_open = i + 2 < word.size;
            const size_t after = studio->text.in_bold ? i + 2 : i;
            if (!(studio->text.in_bold ? can_close : can_open)) continue;
            asm__text_piece(studio, out, asm_str_make(word.data + begin, after - begin));
            studio->text.in_bold = !studio->text.in_bold;
            begin = after;
            i++;
        }
    }
    asm__text_piece(studio, out, asm_str_make(word.data + begin, word.size - begin));
}

/* What stands before a word: the margin of its line, the blanks before it; or it goes on a new line, if it does not fit. */
static void asm__text_before_word(asm_studio *studio, asm_buffer *out) {
    const int limit = studio->look.columns, needed = studio->text.gap + studio->text.word_width;
    if (!studio->text.in_line) asm__text_margin(studio, out);
    else if (limit > 0 && !studio->text.is_joined && studio->text.words > 0 &&
             studio->text.column + needed > limit) {
        asm__text_wrap(studio, out);
        studio->text.gap = 0;
    }
    if (limit > 0 && studio->text.column + studio->text.gap > limit) studio->text.gap = 0;
    if (studio->text.gap > 0 && studio->text.style != asm__text_style_now(studio))
        asm__text_style(studio, out, ASM__STYLE_NONE);
    asm__append_blanks(out, studio->text.gap);
    studio->text.column += studio->text.gap;
    studio->text.gap = 0;
}

#define ASM__MAX_WORD  120 /* bytes of a word that are held; 8 more may be written */
/* Bytes that asm__text_usual_word() and its caller write: blanks, a word, and more. */
#define ASM__FEW_WORDS 40

/* Which of 8 bytes are marks, ` and *: the highest bit of each. Right up to the first mark or non-ASCII byte, as no other
 * difference is below 1. */
static inline uint64_t asm__marks_in(uint64_t word) {
    return (((word ^ ASM__EACH_BYTE * '`') - ASM__EACH_BYTE) |
            ((word ^ ASM__EACH_BYTE * '*') - ASM__EACH_BYTE)) &
           ASM__EACH_BYTE * 0x80;
}

/* Which of 8 bytes are blanks, where all are ASCII: the highest bit of each. */
static inline uint64_t asm__blanks_in(uint64_t word) {
    return ~((word ^ ASM__EACH_BYTE * ' ') + ASM__EACH_BYTE * 0x7F) & ASM__EACH_BYTE * 0x80;
}

/* The word under way has gone out. */
static void asm__text_word_done(asm_studio *studio) {
    studio->text.words++;
    studio->text.word_size = 0;
    studio->text.word_width = 0;
    studio->text.is_joined = studio->text.is_partial = false;
    studio->text.is_wide = studio->text.has_marks = false;
}

/* Appends the word under way. */
static void asm__text_word(asm_studio *studio, asm_buffer *out) {
    const asm_str word = asm_str_make(studio->text.word, studio->text.word_size);
    const int limit = studio->look.columns, width = studio->text.word_width;
    const bool is_first = studio->text.words == 0 && !studio->text.is_joined;
    bool is_plain = !studio->look.has_color || studio->text.kind != ASM__TEXT_AGENT;
    if (word.size == 0) { /* also after a part of a word that was all of it */
        studio->text.is_joined = studio->text.is_partial = false;
        return;
    }
    if (is_first) {
        const bool was_in_fence = studio->text.in_fence, is_fence = asm__text_first_word(studio, word);
        if (is_fence && !was_in_fence) { /* no bar before the line that begins it */
            studio->text.in_fence = false;
            asm__text_margin(studio, out);
            studio->text.in_fence = true;
        }
        is_plain |= is_fence;
    }
    asm__text_before_word(studio, out);
    studio->text.is_long = limit > 0 && studio->text.column + width > limit;
    if (is_plain || studio->text.in_fence || !studio->text.has_marks) asm__text_piece(studio, out, word);
    else asm__text_marked_word(studio, out, word);
    if (!studio->text.is_long) studio->text.column += width;
    asm__text_word_done(studio);
}

/* Appends what is there of a word that goes on. */
static void asm__text_part_of_word(asm_studio *studio, asm_buffer *out) {
    studio->text.is_partial = true;
    asm__text_word(studio, out);
    studio->text.is_joined = true;
}

/* Adds a character to the word under way. */
static void asm__text_add(asm_studio *studio, asm_buffer *out, asm_str shown, int width) {
    if (studio->text.word_size + shown.size > ASM__MAX_WORD) asm__text_part_of_word(studio, out);
    memcpy(studio->text.word + studio->text.word_size, shown.data, shown.size);
    studio->text.word_size = (unsigned char)(studio->text.word_size + shown.size);
    studio->text.word_width += width;
}

/* Ends a line of the text. Blank lines are held until something follows them. */
static void asm__text_line_end(asm_studio *studio, asm_buffer *out) {
    asm__text_word(studio, out);
    if (studio->text.in_line) asm__text_newline(studio, out);
    else studio->text.blank++;
    studio->text.gap = studio->text.hang = 0;
    studio->text.words = 0;
    studio->text.in_code = studio->text.in_bold = studio->text.is_joined = false;
}

/* Notes before which column words have to end that go into the open line as they are, by asm__text_usual_word(); 0: none
 * do, as the line has not begun, they have a style, or marks and addresses have to be looked for. */
static void asm__text_settle(asm_studio *studio) {
    const bool is_usual =
        studio->text.in_line && studio->text.words > 0 && !studio->text.is_joined && !studio->text.is_wide &&
        !studio->look.has_links &&
        (!studio->look.has_color ||
         (!studio->text.has_marks && asm__text_style_now(studio) == (unsigned)ASM__STYLE_NONE));
    if (studio->look.columns == 0) studio->text.column = 0; /* no line is broken: it only must not overflow */
    studio->text.limit = !is_usual                   ? 0
                         : studio->look.columns == 0 ? ASM__UNLIMITED
                                                     : studio->look.columns + 1;
}

/* A text of 1 to 16 bytes as two words, the second from `at` on, which may overlap; after one that is shorter than a word
 * stand blanks. And which of its bytes are what: bit n for byte n. */
typedef struct asm__few_bytes {
    uint64_t first, last;
    size_t at;
    unsigned ends;   /* controls, DEL, non-ASCII and marks */
    unsigned blanks; /* ' ' */
} asm__few_bytes;

/* Marks controls, DEL, non-ASCII and marks. */
static inline asm__lanes asm__lanes_not_plain(asm__lanes bytes) {
    const asm__lanes marks = asm__lanes_either(asm__lanes_equal(bytes, '`'), asm__lanes_equal(bytes, '*'));
    return asm__lanes_either(asm__lanes_other(bytes), marks);
}

static inline asm__few_bytes asm__look_at(const char *text, size_t size) {
    asm__few_bytes few;
    asm__lanes bytes;
    unsigned ends, blanks, all = 0xFFFF;
    if (size < 8) {
        few.first = few.last = asm__load_few(text, size);
        few.at = 0;
        bytes = asm__lanes_of_word(few.first);
        all = (1u << size) - 1;
    } else {
        few.first = asm__load_little(text);
        few.at = size - 8;
        few.last = asm__load_little(text + few.at);
        bytes = asm__lanes_load_halves(text, text + few.at);
    }
    ends = asm__lanes_bits(asm__lanes_not_plain(bytes));
    blanks = asm__lanes_bits(asm__lanes_equal(bytes, ' '));
    few.ends = ((ends & 0xFF) | ends >> 8 << few.at) & all;
    few.blanks = ((blanks & 0xFF) | blanks >> 8 << few.at) & all;
    return few;
}

/* What ends a run of words, and its blanks: bit n for byte n of the first 16, or of `size`, if there are fewer. */
static inline unsigned asm__look_for_ends(const char *text, size_t size, unsigned *blanks) {
    if (size >= 16) {
        const asm__lanes bytes = asm__lanes_load(text);
        *blanks = asm__lanes_bits(asm__lanes_equal(bytes, ' '));
        return asm__lanes_bits(asm__lanes_not_plain(bytes));
    }
    const asm__few_bytes few = asm__look_at(text, size);
    *blanks = few.blanks;
    return few.ends;
}

/* Adds the letters of a text from `begin` on to the word under way. */
static inline void asm__text_hold(asm_studio *studio, const asm__few_bytes *few, asm_str text, size_t begin) {
    const size_t size = text.size - begin;
    char *word = studio->text.word + studio->text.word_size;
    if (begin >= few->at) { /* twice, as it may be all 64 bits */
        asm__store_little(word, few->last >> 4 * (begin - few->at) >> 4 * (begin - few->at));
    } else {
        asm__store_little(word, asm__load_little(text.data + begin));
        asm__store_little(word + size - 8, few->last);
    }
    studio->text.word_size = (unsigned char)(studio->text.word_size + size);
    studio->text.word_width += (int)size;
}

/* Makes room for a few words, where that cannot be an error. */
static void asm__text_reserve(asm_buffer *out) {
    if (out->write) asm_buffer_flush(out);
    else if (out->growing) asm_buffer_reserve(out, ASM__FEW_WORDS);
}

/* Appends the word under way, with the blanks before it, and makes room for `more` bytes, at most 16, if that simply fits
 * and the word is not long. Returns where these go: 16 bytes may be written there. NULL: nothing was done. */
static inline char *asm__text_usual_word(asm_studio *studio, asm_buffer *out, size_t more) {
    const size_t held = studio->text.word_size, gap = (size_t)studio->text.gap;
    const int column = studio->text.column + studio->text.gap + studio->text.word_width + (int)more;
    char *to;
    if (column >= studio->text.limit || gap > 8 || held > 16 || out->result != ASM_OK ||
        out->capacity - out->size < ASM__FEW_WORDS)
        return NULL;
    to = out->data + out->size;
    memset(to, ' ', 8);
    memcpy(to + gap, studio->text.word, 16);
    out->size += gap + held + more;
    studio->text.column = column;
    studio->text.gap = studio->text.word_width = 0;
    studio->text.word_size = 0;
    return to + gap + held;
}

static inline bool asm__is_mark(char c) {
    return c == '`' || c == '*';
}

static inline bool asm__is_plain_byte(char c) {
    return c >= ' ' && c < 0x7F && !asm__is_mark(c);
}

/* How many of the first `most` bytes are printable ASCII without marks, and `*last`: where the last word of them begins,
 * after a blank; 0 if there is none. */
static inline size_t asm__plain_run(const char *text, size_t most, size_t *last) {
    *last = 0;
    for (size_t at = 0; at < most; at += 16) {
        unsigned blanks;
        const unsigned ends = asm__look_for_ends(text + at, most - at, &blanks);
        if (ends) blanks &= (ends - 1) & ~ends;
        if (blanks) *last = at + (size_t)asm__highest_bit(blanks) + 1;
        if (ends) return at + (size_t)asm__lowest_bit(ends);
    }
    return most;
}

/* The usual case: words of ASCII without marks that fit into the open line. They go out at once, but for the last, which
 * may go on. Returns how many bytes were taken; 0: the first word has to be looked at. */
static size_t asm__text_usual_words(asm_studio *studio, asm_buffer *out, asm_str text) {
    const int room =
        studio->text.limit - 1 - studio->text.column - studio->text.gap - studio->text.word_width;
    size_t most, run, last, end;
    if (room < 0) return 0;
    most = text.size <= (size_t)room ? text.size : (size_t)room + 1; /* a blank may stand beyond the line */
    run = asm__plain_run(text.data, most, &last);
    for (end = last; end > 0 && text.data[end - 1] == ' ';)
        end--;
    if (last > 0 && studio->text.word_size + end > 0) {
        asm__text_style(studio, out, ASM__STYLE_NONE);
        if (!asm__text_usual_word(studio, out, 0)) return 0;
        asm_buffer_append(out, asm_str_make(text.data, end));
        studio->text.column += (int)end;
    }
    studio->text.gap += (int)(last - end);
    if (studio->text.gap > ASM__MAX_GAP) studio->text.gap = ASM__MAX_GAP;
    if (run > (size_t)room || studio->text.word_size + run - last > ASM__MAX_WORD) return last;
    memcpy(studio->text.word + studio->text.word_size, text.data + last, run - last);
    studio->text.word_size = (unsigned char)(studio->text.word_size + run - last);
    studio->text.word_width += (int)(run - last);
    return run;
}

/* The word under way, which `text` goes on with, does not fit into the open line: goes on with the next, if the word ends
 * here, is as those above and fits there; false if not. */
static bool asm__text_usual_break(asm_studio *studio, asm_buffer *out, asm_str text) {
    const size_t most = text.size < ASM__MAX_WORD ? text.size : ASM__MAX_WORD;
    size_t size = 0;
    int width;
    for (unsigned ends = 0; size < most && !ends; size += ends ? (size_t)asm__lowest_bit(ends) : 16) {
        unsigned blanks;
        ends = asm__look_for_ends(text.data + size, most - size, &blanks);
        ends |= blanks;
    }
    width = studio->text.word_width + (int)size;
    if (size >= most || text.data[size] != ' ' || width == 0 ||
        studio->text.column + studio->text.gap + width < studio->text.limit ||
        studio->text.margin + studio->text.hang + width >= studio->text.limit)
        return false;
    asm__text_wrap(studio, out);
    studio->text.gap = 0;
    return true;
}

/* Which of 8 bytes are blanks, controls, DEL or non-ASCII: the highest bit of each. Right up to the first of them, as
 * asm__unprintable_bytes(). */
static inline uint64_t asm__word_ends(uint64_t word) {
    return ((word - ASM__EACH_BYTE * 0x21) | word | (word + ASM__EACH_BYTE)) & ASM__EACH_BYTE * 0x80;
}

/* Adds printable ASCII to the word under way: the first `most` bytes of `text`, 8 at most, up to a blank. Returns how many
 * bytes; 8: others may follow. The word has room for 8, which are written whatever they are. */
static inline size_t asm__text_few_letters(asm_studio *studio, const char *text, size_t most) {
    const uint64_t letters = asm__load_few(text, most); /* blanks after the last */
    const uint64_t ends = asm__word_ends(letters), marks = asm__marks_in(letters);
    const size_t size = ends ? (size_t)asm__lowest_bit(ends) / 8 : 8;
    asm__store_little(studio->text.word + studio->text.word_size, letters);
    if (marks & (ends - 1) & ~ends) studio->text.has_marks = true;
    studio->text.word_size = (unsigned char)(studio->text.word_size + size);
    studio->text.word_width += (int)size;
    return size;
}

/* As asm__text_few_letters(), up to the next blank or until the word is full. */
static size_t asm__text_letters(asm_studio *studio, asm_str text) {
    const size_t room = ASM__MAX_WORD - studio->text.word_size;
    const size_t most = text.size < room ? text.size : room;
    size_t size = 0, few = 8;
    for (; few == 8 && size < most; size += few)
        few = asm__text_few_letters(studio, text.data + size, most - size);
    return size;
}

/* Whether a character of two columns is punctuation: words end there, as far as addresses are concerned. */
static bool asm__is_wide_mark(asm_str shown) {
    size_t at = 0;
    const uint32_t c = asm_utf8_decode(shown, &at);
    return (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20);
}

/* Adds the character at `*at`, or what stands for it, to the word under way. Lines may end before and after one of two
 * columns. */
static void asm__text_character(asm_studio *studio, asm_buffer *out, asm_str text, size_t *at,
                                unsigned *marks) {
    const unsigned flags = asm__block_flags(&studio->look) | ASM_TEXT_LINE;
    char memory[16];
    int width;
    const asm_str shown = asm__next_shown(text, at, flags, marks, memory, &width);
    if (width == 2) {
        studio->text.is_partial = !asm__is_wide_mark(shown);
        asm__text_word(studio, out);
    } else if (width > 0 && studio->text.is_wide) asm__text_word(studio, out);
    asm__text_add(studio, out, shown, width);
    if (width > 0) studio->text.is_wide = width == 2;
}

/* One blank, a few letters, the end of a line or another character of a text. Returns how many bytes that was. */
static size_t asm__text_step(asm_studio *studio, asm_buffer *out, asm_str text, unsigned *marks) {
    const char c = text.data[0];
    size_t size = 1;
    if (c == ' ' || c == '\t') {
        asm__text_word(studio, out);
        studio->text.gap += c == ' ' ? 1 : 8 - studio->text.gap % 8;
        if (studio->text.gap > ASM__MAX_GAP) studio->text.gap = ASM__MAX_GAP;
    } else if (c > ' ' && c < 0x7F) {
        *marks = 0;
        if (studio->text.is_wide && !strchr(")]},.;:!?\"'", c)) asm__text_word(studio, out);
        studio->text.is_wide = false;
        if (studio->text.word_size == ASM__MAX_WORD) asm__text_part_of_word(studio, out);
        return asm__text_letters(studio, text);
    } else if (c == '\n' || (c == '\r' && text.size > 1 && text.data[1] == '\n')) {
        size = c == '\r' ? 2 : 1;
        asm__text_line_end(studio, out);
    } else {
        size = 0;
        asm__text_character(studio, out, text, &size, marks);
    }
    return size;
}

/* A piece of text, word by word: where lines are broken or colours are put. */
ASM__RARE asm_result asm__text_words(asm_studio *studio, asm_buffer *out, asm_str text) {
    unsigned marks = 0;
    for (size_t at = 0; at < text.size;) {
        const asm_str rest = asm__without(text, at);
        if (studio->text.limit > 0 && asm__is_plain_byte(rest.data[0])) {
            size_t usual;
            if (out->capacity - out->size < ASM__FEW_WORDS) asm__text_reserve(out);
            at += usual = asm__text_usual_words(studio, out, rest);
            if (usual > 0 || asm__text_usual_break(studio, out, rest)) continue;
        }
        at += asm__text_step(studio, out, rest, &marks);
        asm__text_settle(studio);
    }
    asm__text_style(studio, out, ASM__STYLE_NONE);
    return out->result;
}

/* A piece of text as it is, line by line. */
ASM__RARE asm_result asm__text_lines(asm_studio *studio, asm_buffer *out, asm_str text) {
    const unsigned flags = asm__block_flags(&studio->look);
    if (studio->text.in_line && text.size > 0) { /* mostly that is all */
        const size_t plain = (size_t)(asm__printable_end(text.data, text.data + text.size, '\t') - text.data);
        if (plain == text.size) return asm_buffer_append(out, text);
        if (plain > 0) asm_buffer_append(out, asm_str_make(text.data, plain - 1));
        if (plain > 0)
            text = asm__without(text, plain - 1); /* what follows is looked at together with the last */
    }
    while (text.size > 0) {
        const char *newline = (const char *)memchr(text.data, '\n', text.size);
        size_t size = newline ? (size_t)(newline - text.data) : text.size;
        const size_t next = size + (newline != NULL);
        if (newline && size > 0 && text.data[size - 1] == '\r') size--;
        if (size > 0) {
            if (!studio->text.in_line) asm__text_margin(studio, out);
            asm__append_blanks(out, studio->text.gap);
            studio->text.gap = 0;
            asm_text_append(out, asm_str_make(text.data, size), flags);
        }
        if (newline) asm__text_line_end(studio, out);
        text = asm__without(text, next);
    }
    return out->result;
}

/* Ends the open text, whole lines only. */
static void asm__text_end(asm_studio *studio, asm_buffer *out) {
    if (!studio->text.is_open) {
        studio->text.gap = 0;
        return;
    }
    asm__text_word(studio, out);
    if (studio->text.in_line) asm__text_newline(studio, out);
    memset(&studio->text, 0, sizeof studio->text);
}

/* Begins a text, or goes on with it if it is the same speaker's. */
static void asm__text_begin(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker, unsigned kind) {
    if (studio->text.is_open && studio->text.speaker == speaker->id && studio->text.kind == kind) return;
    if (studio->text.is_open) asm__text_end(studio, out);
    if (studio->has_lines) asm_buffer_append_byte(out, '\n');
    studio->has_lines = studio->text.is_open = true;
    studio->text.speaker = speaker->id;
    studio->text.kind = kind;
    studio->text.depth = speaker->depth;
    studio->text.label_size = (unsigned char)speaker->label.size;
    if (speaker->label.size > 0) memcpy(studio->text.label, speaker->label.data, speaker->label.size);
}

/* Whether the bytes of a text whose bits are set are all marks. */
static bool asm__are_marks(asm_str text, unsigned bits) {
    for (; bits; bits &= bits - 1)
        if (!asm__is_mark(text.data[asm__lowest_bit(bits)])) return false;
    return true;
}

/* What models mostly give at a time: some words, of at most 16 bytes with the blanks between them, that fit into the open
 * line. The last may go on and is held. False if it is something else, or the word before them does not simply fit. */
static inline bool asm__text_usual_piece(asm_studio *studio, asm_buffer *out, asm_str text) {
    asm__few_bytes few;
    size_t begin = 0;
    if (text.size - 1 > 15 || studio->text.is_wide || studio->text.word_size > ASM__MAX_WORD - 16)
        return false;
    few = asm__look_at(text.data, text.size);
    if (few.ends && (few.blanks > 1 || !asm__are_marks(text, few.ends))) return false;
    if (few.blanks) {
        const size_t last = (size_t)asm__highest_bit(few.blanks) + 1;
        size_t end = last - 1;
        while (end > 0 && few.blanks >> (end - 1) & 1)
            end--;
        if (studio->text.word_size + end > 0) {
            char *to = asm__text_usual_word(studio, out, end);
            if (!to) return false;
            asm__store_little(to, few.first);
            asm__store_little(to + few.at, few.last);
        }
        begin = last;
        studio->text.is_joined = false;
        studio->text.gap += (int)(last - end);
        if (studio->text.gap > ASM__MAX_GAP) studio->text.gap = ASM__MAX_GAP;
    }
    asm__text_hold(studio, &few, text, begin);
    if (few.ends) {
        studio->text.has_marks = true;
        if (studio->look.has_color) studio->text.limit = 0;
    }
    return true;
}

/* As asm__text_words(), the usual case first. */
ASM__RARE asm_result asm__text_pieces(asm_studio *studio, asm_buffer *out, asm_str text) {
    if (asm__text_usual_piece(studio, out, text)) return out->result;
    return asm__text_words(studio, out, text);
}

/* More of the open text. */
static inline asm_result asm__text_more(asm_studio *studio, asm_buffer *out, asm_str text) {
    const bool is_plain = !studio->look.has_color && studio->look.columns == 0;
    return is_plain ? asm__text_lines(studio, out, text) : asm__text_pieces(studio, out, text);
}

/* Text without anything to see does not begin a block. */
static bool asm__is_blank_text(asm_str text) {
    const asm__value value = asm__value_of_text(text);
    asm__value line;
    for (size_t at = 0; asm__value_line(&value, &at, &line);)
        if (!asm__is_blank_line(&line)) return false;
    return true;
}

static void asm__studio_text(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker, unsigned kind,
                             asm_str text) {
    const bool goes_on =
        studio->text.is_open && studio->text.speaker == speaker->id && studio->text.kind == kind;
    if (!goes_on && asm__is_blank_text(text)) { /* the blanks may stand before what follows */
        for (size_t i = 0; i < text.size && studio->text.gap < 64 && !studio->text.is_open; i++)
            studio->text.gap = text.data[i] == ' '    ? studio->text.gap + 1
                               : text.data[i] == '\t' ? studio->text.gap + 8
                                                      : 0;
        return;
    }
    asm__text_begin(studio, out, speaker, kind);
    if (!goes_on) { /* no blank lines before the first */
        while (text.data[0] == '\n' || text.data[0] == '\r')
            text = asm__without(text, 1);
    }
    asm__text_more(studio, out, text);
}

/* >>render: studio's own lines */

/* A line of the renderer's own while it is put together. */
typedef struct asm__line {
    asm_studio *studio;
    asm_buffer *out;
    int room; /* columns that are left */
} asm__line;

/* Begins a line of the renderer's own: a symbol, and a blank. */
static asm__line asm__line_begin(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                 const char *color, asm__glyph glyph) {
    asm__line line = {studio, out, 0};
    asm__text_end(studio, out);
    studio->has_lines = true;
    line.room =
        asm__studio_room(studio, asm__studio_margin(studio, out, speaker->depth, speaker->label, 0) + 2);
    asm__colored(out, &studio->look, color, asm__glyph_text(&studio->look, glyph));
    asm_buffer_append_byte(out, ' ');
    return line;
}

/* A text on the line, as much as there is room for. */
static void asm__line_text(asm__line *line, asm_str text) {
    line->room -= asm__append_fit(line->out, &line->studio->look, text, line->room, false);
}

static void asm__line_literal(asm__line *line, const char *text) {
    asm__line_text(line, asm_str_from(text));
}

static void asm__line_glyph(asm__line *line, asm__glyph glyph) {
    const char *text = asm__glyph_text(&line->studio->look, glyph);
    const int columns = (int)asm_utf8_count(asm_str_from(text));
    if (columns > line->room) return;
    asm__append_literal(line->out, text);
    line->room -= columns;
}

/* Text that is the renderer's own, or has been made harmless: nearly always it is ASCII and fits. */
static void asm__line_own(asm__line *line, asm_str text) {
    if (line->room < 0 || text.size > (size_t)line->room || !asm__is_plain_text(text) ||
        (text.size > 0 && memchr(text.data, '\t', text.size))) {
        asm__line_text(line, text);
        return;
    }
    asm_buffer_append(line->out, text);
    line->room -= (int)text.size;
}

static void asm__line_end(asm__line *line) {
    asm_buffer_append_byte(line->out, '\n');
}

/* What stands in brackets after a line, or between dots: put together first, so that it is known how much room it takes. */
typedef struct asm__facts {
    asm_buffer text;
    const char *between;
    size_t count, ends[8]; /* where the first ones end */
    size_t exit_end;       /* where the exit code ends; 0: there is none */
    char memory[512];
} asm__facts;

static void asm__facts_begin(asm__facts *facts, const char *between) {
    asm_buffer_init_fixed(&facts->text, facts->memory, sizeof facts->memory);
    facts->between = between;
    facts->count = 0;
    facts->exit_end = 0;
}

/* Begins the next fact; it goes to the buffer. */
static asm_buffer *asm__fact(asm__facts *facts) {
    if (facts->text.size > 0) {
        if (facts->count < sizeof facts->ends / sizeof facts->ends[0])
            facts->ends[facts->count++] = facts->text.size;
        asm__append_literal(&facts->text, facts->between);
    }
    return &facts->text;
}

static int asm__facts_columns(const asm__facts *facts) {
    return asm__columns_of(asm_buffer_text(&facts->text), 0, ASM__UNLIMITED);
}

/* Leaves out the last ones until what stays takes at most `limit` columns: a part of one could look like the whole. */
static void asm__facts_fit(asm__facts *facts, int limit) {
    while (facts->text.size > 0 && asm__facts_columns(facts) > limit)
        facts->text.size = facts->count > 0 ? facts->ends[--facts->count] : 0;
}

/* ` (a, b)` */
static void asm__line_facts(asm__line *line, const asm__facts *facts) {
    if (facts->text.size == 0) return;
    asm__begin_color(line->out, &line->studio->look, ASM__DIM);
    asm__line_own(line, ASM_STR(" ("));
    asm__line_own(line, asm_buffer_text(&facts->text));
    asm__line_own(line, ASM_STR(")"));
    asm__end_color(line->out, &line->studio->look);
}

/* Begins a line with a bar before it, below one of the renderer's own; returns the columns that are left. */
static int asm__bar_begin(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker) {
    const int used = asm__studio_margin(studio, out, speaker->depth, speaker->label, 0) + 2;
    asm__colored(out, &studio->look, ASM__DIM, asm__glyph_text(&studio->look, ASM__GLYPH_BAR));
    asm_buffer_append_byte(out, ' ');
    asm__begin_color(out, &studio->look, ASM__DIM);
    return studio->look.columns == 0 ? ASM__UNLIMITED : asm__studio_room(studio, used);
}

static void asm__bar_end(asm_studio *studio, asm_buffer *out) {
    asm__end_color(out, &studio->look);
    asm_buffer_append_byte(out, '\n');
}

/* Facts with commas between them, which go on below the line, a bar before each, if there are too many for it. Before the first
 * stands a dash if `has_dash`, and it stands on the line. */
static void asm__line_all_facts(asm__line *line, const asm__facts *facts, const asm__speaker *speaker,
                                bool has_dash) {
    asm_studio *studio = line->studio;
    asm_str rest = asm_buffer_text(&facts->text);
    for (; rest.size > 0; has_dash = false) {
        const int room = line->room - (has_dash ? 3 : 0);
        size_t size = 0;
        while (size < rest.size && !asm__begins_with(asm__without(rest, size), ", "))
            size++;
        if (size < rest.size) size++; /* the comma */
        if (asm__columns_of(asm_str_make(rest.data, size), 0, line->room) <= room) {
            if (has_dash) asm__line_glyph(line, ASM__GLYPH_DASH);
        } else {
            asm__line_end(line);
            line->room = asm__bar_begin(studio, line->out, speaker);
            asm__end_color(line->out, &studio->look);
            if (rest.data[0] == ' ') rest = asm__without(rest, 1), size--;
        }
        asm__line_own(line, asm_str_make(rest.data, size));
        rest = asm__without(rest, size);
    }
}

#define ASM__LEAST_REASON 6 /* columns */

/* ` — why`, in what room is left. Returns whether that is all of it. */
static bool asm__line_reason(asm__line *line, asm_str reason, bool is_cut) {
    int columns;
    if (reason.size == 0 || line->room < ASM__LEAST_REASON) return false;
    asm__line_glyph(line, ASM__GLYPH_DASH);
    columns = asm__columns_of(reason, asm__line_flags(&line->studio->look), line->room);
    is_cut |= columns > line->room;
    line->room -= asm__append_fit(line->out, &line->studio->look, reason, line->room, is_cut);
    return !is_cut;
}

/* The columns of what a tool works on that facts must leave. */
static int asm__line_least(const asm__line *line, const asm__view *view) {
    const int columns = asm__columns_of(view->subject, asm__line_flags(&line->studio->look), 12);
    return columns < 12 ? columns : 12;
}

/* How much of a command is `NAME=value ` before the program: 0 if that is nothing, or not sure. */
static size_t asm__environment_size(asm_str command) {
    size_t begin = 0, at = 0;
    while (at < command.size) {
        while (at < command.size && asm__is_word_byte(command.data[at]))
            at++;
        if (at == begin || at == command.size || command.data[at] != '=') return begin;
        for (char quote = 0; at < command.size && (quote || command.data[at] != ' '); at++) {
            const char c = command.data[at];
            if (memchr("$`\\", c, 3) || (!quote && memchr("|&;<>()\n", c, 8))) return 0;
            if (c == '\'' || c == '"') quote = !quote ? c : quote == c ? 0 : quote;
        }
        while (at < command.size && command.data[at] == ' ')
            at++;
        begin = at;
    }
    return 0; /* no program */
}

/* What a tool works on, in at most `limit` columns. Of a command that is wider, its environment is left out before its end is,
 * unless `is_whole`: where it is asked about, or runs. */
static void asm__line_subject(asm__line *line, const asm__view *view, int limit, bool is_whole) {
    const asm_look *look = &line->studio->look;
    asm_str subject = view->subject;
    const bool is_quoted = view->tool->shown_as == ASM_TOOL_SUBJECT_QUOTED && view->subject.size > 0;
    const int least = look->is_ascii ? 6 : 4; /* quotation marks, a character, and the mark of a cut */
    if (limit > line->room) limit = line->room;
    if (is_quoted && limit < least && asm__columns_of(subject, asm__line_flags(look), limit) > limit - 2) {
        line->room -= asm__append_fit(line->out, look, asm_str_make(NULL, 0), limit, true); /* no "" */
        return;
    }
    if (is_quoted) {
        asm__line_own(line, ASM_STR("\""));
        limit -= 2;
    }
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_COMMAND && !is_whole &&
        asm__columns_of(subject, asm__line_flags(look), limit) > limit &&
        asm__environment_size(subject) > 0) {
        const int before = line->room;
        asm__line_glyph(line, ASM__GLYPH_CUT);
        asm__line_own(line, ASM_STR(" "));
        limit -= before - line->room;
        subject = asm__without(subject, asm__environment_size(subject));
    }
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_PATH)
        line->room -= asm__append_path(line->out, look, subject, limit, view->is_cut);
    else line->room -= asm__append_fit(line->out, look, subject, limit, view->is_cut);
    if (is_quoted) asm__line_own(line, ASM_STR("\""));
}

/* The name of a tool; `mcp__server__tool` as `server:tool`. */
static void asm__append_tool_name(asm_buffer *out, const asm_look *look, asm_str name) {
    const unsigned flags = asm__line_flags(look);
    name = asm__or(name, "unknown tool");
    if (asm__begins_with(name, "mcp__")) {
        const asm_str rest = asm__without(name, 5);
        for (size_t i = 1; i + 2 < rest.size; i++) {
            if (memcmp(rest.data + i, "__", 2) != 0) continue;
            asm_text_append_cut(out, asm_str_make(rest.data, i), 40, flags);
            asm_buffer_append_byte(out, ':');
            asm_text_append_cut(out, asm__without(rest, i + 2), 60, flags);
            return;
        }
    }
    asm_text_append_cut(out, name, 100, flags);
}

/* The name of a tool, and what separates it from what it works on. */
static void asm__line_name(asm__line *line, const asm__view *view) {
    char memory[512];
    asm_buffer name;
    asm_buffer_init_fixed(&name, memory, sizeof memory);
    asm__append_tool_name(&name, &line->studio->look, view->name);
    asm__line_own(line, asm_buffer_text(&name));
    if (view->subject.size > 0) asm__line_own(line, ASM_STR(": "));
}

/* The words before what a tool works on: those of its row, or its name. Between name and words may stand "failed". */
static void asm__line_words(asm__line *line, const asm__view *view, const char *words,
                            const char *otherwise) {
    char memory[512];
    asm_buffer name;
    if (words && *words) {
        asm_str text = asm_str_from(words);
        while (view->subject.size == 0 && text.size > 0 && strchr(": ", text.data[text.size - 1]))
            text.size--;
        asm__line_own(line, text);
        return;
    }
    asm_buffer_init_fixed(&name, memory, sizeof memory);
    asm__append_tool_name(&name, &line->studio->look, view->name);
    asm__line_own(line, asm_buffer_text(&name));
    asm__line_own(line, asm_str_from(otherwise));
    if (view->subject.size > 0) asm__line_own(line, ASM_STR(": "));
}

static bool asm__is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* A word up to the next blank, or its beginning: as much as an escaped value gives at once. */
static asm_str asm__next_bar_word(asm_str text) {
    size_t size = 0;
    while (size < text.size && size < ASM__PIECE && !asm__is_blank(text.data[size]))
        size++;
    return asm_str_make(text.data, size);
}

/* The text of a line that has begun with a bar and has so much room; it goes on in the next where a word does not fit, without
 * the blanks before that. */
static void asm__bar_words(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                           const asm__value *line, int room) {
    const unsigned flags = asm__line_flags(&studio->look);
    const int whole = room;
    unsigned marks = 0;
    int gap = 0; /* blanks that are held back */
    char memory[ASM__PIECE], one[16];
    for (size_t at = 0; at < line->text.size;) {
        const asm_str piece = asm__value_piece(line, &at, memory);
        size_t used = 0;
        if (room > gap && piece.size <= (size_t)(room - gap) && asm__is_plain_text(piece) &&
            !memchr(piece.data, '\t', piece.size) && piece.data[piece.size - 1] != ' ') {
            asm__append_blanks(out, gap);
            asm_buffer_append(out, piece);
            room -= gap + (int)piece.size;
            gap = 0;
            used = piece.size;
        }
        while (used < piece.size) {
            int width, word = 0;
            if (gap > 0 && !asm__is_blank(piece.data[used]))
                word = asm__columns_of(asm__next_bar_word(asm__without(piece, used)), flags, whole);
            const asm_str shown = asm__next_shown(piece, &used, flags, &marks, one, &width);
            if (shown.size == 1 && shown.data[0] == ' ') {
                gap++;
                continue;
            }
            if (gap + width > room || (gap + word > room && word <= whole)) {
                if (room < whole) {
                    asm__bar_end(studio, out);
                    room = asm__bar_begin(studio, out, speaker);
                }
                gap = 0;
            }
            asm__append_blanks(out, gap);
            asm_buffer_append(out, shown);
            room -= gap + width;
            gap = 0;
        }
    }
}

/* A line of output after a bar: one that is too long goes on after the next, or is cut if `is_short`. */
static void asm__bar_line(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                          const asm__value *line, bool is_short) {
    const unsigned flags = asm__line_flags(&studio->look);
    const int room = asm__bar_begin(studio, out, speaker);
    char memory[1024];
    if (room == ASM__UNLIMITED) { /* lines are not broken */
        for (size_t at = 0; at < line->text.size;)
            asm_text_append(out, asm__value_piece(line, &at, memory), flags);
    } else if (is_short) {
        asm_buffer text;
        asm_buffer_init_fixed(&text, memory, sizeof memory);
        const bool is_cut = !asm__value_copy(&text, line);
        asm__append_fit(out, &studio->look, asm_buffer_text(&text), room, is_cut);
    } else asm__bar_words(studio, out, speaker, line, room);
    asm__bar_end(studio, out);
}

/* The lines of a value from `at` on, each after a bar. Blank lines only if others follow, and none if `is_short`. */
static void asm__studio_bars(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                             const asm__value *value, size_t at, bool is_short) {
    size_t blank = 0;
    asm__value line;
    while (asm__value_line(value, &at, &line)) {
        if (!line.is_escaped && line.text.size > 0 && line.text.data[line.text.size - 1] == '\r')
            line.text.size--;
        if (asm__is_blank_line(&line)) {
            blank++;
            continue;
        }
        for (; blank > 0; blank--) {
            if (is_short) continue;
            asm__studio_margin(studio, out, speaker->depth, speaker->label, 0);
            asm__colored(out, &studio->look, ASM__DIM, asm__glyph_text(&studio->look, ASM__GLYPH_BAR));
            asm_buffer_append_byte(out, '\n');
        }
        asm__bar_line(studio, out, speaker, &line, is_short);
    }
}

/* ` — why`, which ends the line; below it the other lines of the message. A first line that is too long stands below too,
 * and on a terminal only there. */
static void asm__line_why(asm__line *line, const asm__speaker *speaker, asm_str message) {
    asm_studio *studio = line->studio;
    const asm__value value = asm__value_of_text(message);
    asm_optional_int64 exit_code = {0, false};
    char memory[600];
    bool is_cut;
    size_t at = 0;
    const asm_str first = asm__next_line(&value, &at, memory, sizeof memory, &is_cut, &exit_code);
    const int rest = line->room - asm__columns_of(first, asm__line_flags(&studio->look), line->room);
    const bool fits =
        !is_cut && line->room >= ASM__LEAST_REASON && rest >= 3; /* a dash and blanks around it */
    if (!fits || exit_code.is_set) at = 0;
    if (fits || studio->look.columns == 0) asm__line_reason(line, first, is_cut);
    asm__line_end(line);
    asm__studio_bars(studio, line->out, speaker, &value, at, false);
}

/* >>render: studio's calls */

#define ASM__MAX_CALL_ID 160

/* A free slot, or that of the oldest call. */
static asm_studio_call *asm__free_call(asm_studio *studio) {
    asm_studio_call *slot = &studio->calls[0];
    for (size_t i = 1; i < ASM_STUDIO_CALLS; i++)
        if (studio->calls[i].order < slot->order) slot = &studio->calls[i];
    return slot;
}

/* The number of a sub-agent among those of its kind in this run. */
static unsigned asm__agent_number(asm_studio *studio, asm_str kind) {
    const size_t count = sizeof studio->kinds / sizeof studio->kinds[0];
    const uint64_t hash = asm__text_hash(kind, UINT64_C(0xCBF29CE484222325)) | 1;
    for (size_t i = 0; i < count; i++) {
        if (studio->kinds[i] != 0 && studio->kinds[i] != hash) continue;
        studio->kinds[i] = hash;
        return ++studio->kind_counts[i];
    }
    return ++studio->kind_counts[count - 1];
}

/* As much of a text as there is room for, no character cut; its size. */
static size_t asm__keep(asm_buffer *memory, asm_str text, size_t most) {
    const size_t room = memory->capacity - memory->size, begin = memory->size;
    asm__value value = asm__value_of_text(text);
    asm_buffer part;
    asm_buffer_init_fixed(&part, memory->data + begin, room < most ? room : most);
    asm__value_copy(&part, &value);
    memory->size += part.size;
    return part.size;
}

/* Whether this is a start of the same call; a cut subject is as good as its beginning. */
static bool asm__is_told_again(const asm_studio_call *call, const asm__view *view) {
    const asm_str subject = asm__call_text(call, ASM__CALL_SUBJECT);
    return asm_str_equal(asm__call_text(call, ASM__CALL_NAME), view->name) &&
           view->subject.size >= subject.size &&
           asm_str_equal(asm_str_make(view->subject.data, subject.size), subject);
}

/* The call whose start is told once more; NULL for a new one. */
static asm_studio_call *asm__told_before(asm_studio *studio, asm_str id, const asm__view *view) {
    asm_studio_call *call = asm__next_call(studio, id, NULL);
    while (call && !asm__is_told_again(call, view))
        call = asm__next_call(studio, id, call);
    return call;
}

/* Remembers a call that has started. */
static asm_studio_call *asm__remember_call(asm_studio *studio, const asm_event *event, const asm__view *view,
                                           const asm__speaker *speaker) {
    const asm_str id = event->tool.call_id;
    asm_studio_call *call = NULL;
    asm_buffer memory;
    bool is_shared = false;
    if (id.size > ASM__MAX_CALL_ID) return NULL;
    while ((call = asm__next_call(studio, id, call)) != NULL)
        call->is_shared = is_shared = true;
    call = asm__free_call(studio);
    memset(call, 0, offsetof(asm_studio_call, text));
    call->is_shared = is_shared;
    asm_buffer_init_fixed(&memory, call->text, sizeof call->text);
    call->order = studio->events;
    call->time = event->time;
    call->depth = speaker->depth;
    call->id_size = (unsigned char)asm__keep(&memory, event->tool.call_id, ASM__MAX_CALL_ID);
    call->name_size = (unsigned char)asm__keep(&memory, view->name, 64);
    call->kind_size = (unsigned char)asm__keep(&memory, view->kind, 24);
    call->place_size = (unsigned char)asm__keep(&memory, view->place, 80);
    call->subject_size = (unsigned short)asm__keep(&memory, view->subject, sizeof call->text);
    call->is_cut = view->is_cut || call->subject_size < view->subject.size;
    call->has_lines = view->has_lines;
    call->lines = view->lines;
    call->is_agent = view->is_agent;
    if (call->is_agent) call->number = asm__agent_number(studio, view->kind);
    return call;
}

/* What is remembered of a call, without a copy. */
static void asm__view_of_call(const asm_studio *studio, asm__view *view, const asm_studio_call *call) {
    memset(view, 0, offsetof(asm__view, bytes));
    asm_buffer_init_fixed(&view->memory, view->bytes, sizeof view->bytes);
    view->name = asm__call_text(call, ASM__CALL_NAME);
    view->tool = asm__studio_tool(studio, view->name);
    view->kind = asm__call_text(call, ASM__CALL_KIND);
    view->place = asm__call_text(call, ASM__CALL_PLACE);
    view->subject = asm__call_text(call, ASM__CALL_SUBJECT);
    view->is_cut = call->is_cut;
    view->is_agent = call->is_agent;
    view->has_lines = call->has_lines;
    view->lines = call->lines;
}

/* One of the calls with that id has ended: those that still run are shown without a name from now on. */
static void asm__end_shared_call(asm_studio *studio, asm_str id) {
    asm_studio_call *call = asm__next_call(studio, id, NULL);
    if (!call) return;
    call->order = 0;
    while ((call = asm__next_call(studio, id, call)) != NULL) {
        call->name_size = call->kind_size = call->place_size = 0;
        call->subject_size = 0;
        call->time = 0;
        call->is_agent = call->has_lines = call->is_cut = false;
    }
}

/* The call that an event ends: of its id, or without one the last of that name; NULL if that cannot be told. */
static asm_studio_call *asm__ended_call(asm_studio *studio, const asm_tool_payload *tool) {
    asm_studio_call *last = NULL;
    if (tool->call_id.size > 0) {
        last = asm__find_call(studio, tool->call_id);
        if (!last) asm__end_shared_call(studio, tool->call_id);
        return last;
    }
    for (size_t i = 0; i < ASM_STUDIO_CALLS; i++) {
        asm_studio_call *call = &studio->calls[i];
        if (call->order == 0 || call->id_size > 0 || (last && last->order > call->order)) continue;
        if (tool->name.size == 0 || asm_str_equal(asm__call_text(call, ASM__CALL_NAME), tool->name))
            last = call;
    }
    return last;
}

/* >>render: how a tool ended */

typedef enum asm__outcome {
    ASM__OUTCOME_DONE,
    ASM__OUTCOME_UNKNOWN,
    ASM__OUTCOME_FAILED,
    ASM__OUTCOME_DECLINED,
    ASM__OUTCOME_CANCELLED,
    ASM__OUTCOME_TIMEOUT
} asm__outcome;

typedef struct asm__tool_end {
    asm__outcome outcome;
    asm_optional_int64 exit_code;
    asm_optional_double duration_ms;
    asm__value output;
    asm_str reason;    /* of a failure; in `memory` */
    size_t shown_from; /* where in the output begins what the line does not tell */
    bool is_reason_cut;
    bool is_told; /* the line says all that is in the output */
    char memory[600];
} asm__tool_end;

static asm__outcome asm__outcome_of(const asm_event *event, asm_str status, asm_optional_int64 exit_code) {
    static const struct {
        const char *status;
        asm__outcome outcome;
    } words[] = {{"completed", ASM__OUTCOME_DONE},
                 {"success", ASM__OUTCOME_DONE},
                 {"ok", ASM__OUTCOME_DONE},
                 {"failed", ASM__OUTCOME_FAILED},
                 {"error", ASM__OUTCOME_FAILED},
                 {"declined", ASM__OUTCOME_DECLINED},
                 {"cancelled", ASM__OUTCOME_CANCELLED},
                 {"timeout", ASM__OUTCOME_TIMEOUT}};
    asm__outcome outcome = status.size > 0 ? ASM__OUTCOME_UNKNOWN : ASM__OUTCOME_DONE;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (asm_str_equal(status, asm_str_from(words[i].status))) outcome = words[i].outcome;
    if (outcome >= ASM__OUTCOME_FAILED) return outcome;
    if (event->type == ASM_EVENT_TOOL_CALL_FAILED || (exit_code.is_set && exit_code.value != 0))
        return ASM__OUTCOME_FAILED;
    return outcome;
}

/* Of a list with one text, as tools of MCP servers give it, the text. */
static asm_str asm__only_text(asm_str output) {
    asm_json_reader reader;
    asm_str key = asm_str_from("text"), element, text = {NULL, 0};
    if (asm_json_type_of(output) != ASM_JSON_ARRAY) return output;
    asm_json_reader_init(&reader, output, NULL);
    if (!asm_json_enter_array(&reader) || !asm_json_next_element(&reader) ||
        !asm_json_read_raw(&reader, &element) || asm_json_next_element(&reader))
        return output;
    asm_json_find(element, &key, &text, 1, NULL);
    return asm_json_type_of(text) == ASM_JSON_STRING ? text : output;
}

/* The exit code that the last line of a failed command's output tells in words; `*line` is that line, in `memory`. */
static bool asm__last_exit_code(const asm__value *output, asm_str *line, int64_t *code, char memory[80]) {
    static const char *const beginnings[] = {"Command failed with exit code", "Command exited with code",
                                             "Process exited with code"};
    size_t at = asm__last_lines(output, 1);
    asm__value last;
    asm_buffer text;
    asm_buffer_init_fixed(&text, memory, 80);
    if (!asm__value_line(output, &at, &last) || !asm__value_copy(&text, &last)) return false;
    *line = asm__trim(asm_buffer_text(&text));
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        asm_str rest;
        if (!asm__begins_with(*line, beginnings[i])) continue;
        rest = asm__without(*line, strlen(beginnings[i]));
        if (asm__begins_with(rest, ":")) rest = asm__without(rest, 1);
        if (rest.size > 0 && rest.data[rest.size - 1] == '.') rest.size--;
        return asm_json_to_int64(asm__trim(rest), code);
    }
    return false;
}

/* Exit code, duration and status may stand in the event or in an object that is its output, whose text is then its
 * `output`. */
static void asm__end_of(asm__tool_end *end, const asm_event *event) {
    enum { OUTPUT, EXIT_CODE, DURATION, STATUS, COUNT };
    static const char *const names[COUNT] = {"output", "exit_code", "duration_ms", "status"};
    const asm_tool_payload *tool = &event->tool;
    asm_str keys[COUNT], values[COUNT], status = tool->status;
    asm_optional_int64 stated = {0, false};
    asm__value error = asm__value_of_text(tool->error_message);
    for (size_t i = 0; i < COUNT; i++)
        keys[i] = asm_str_from(names[i]);
    memset(values, 0, sizeof values);
    memset(end, 0, offsetof(asm__tool_end, memory));
    end->exit_code = tool->exit_code;
    end->duration_ms = tool->duration_ms;
    end->output = asm__value_of_text(tool->output);
    if (!tool->output.data) {
        if (asm_json_type_of(tool->output_json) == ASM_JSON_OBJECT)
            asm_json_find(tool->output_json, keys, values, COUNT, NULL);
        end->output = asm__value_of(values[OUTPUT].data ? values[OUTPUT] : asm__only_text(tool->output_json));
    }
    if (!end->exit_code.is_set && values[EXIT_CODE].data)
        end->exit_code.is_set = asm_json_to_int64(values[EXIT_CODE], &end->exit_code.value);
    if (!end->duration_ms.is_set && values[DURATION].data)
        end->duration_ms.is_set = asm_json_to_double(values[DURATION], &end->duration_ms.value);
    if (status.size == 0 && asm_json_type_of(values[STATUS]) == ASM_JSON_STRING)
        status = asm_json_string_inside(values[STATUS]);
    end->outcome = asm__outcome_of(event, status, end->exit_code);
    if (end->outcome < ASM__OUTCOME_FAILED) return;
    end->reason = asm__first_line(&error, end->memory, sizeof end->memory, &end->is_reason_cut, &stated);
    if (end->reason.size == 0)
        end->reason =
            asm__first_line(&end->output, end->memory, sizeof end->memory, &end->is_reason_cut, &stated);
    if (!stated.is_set) {
        char memory[80];
        asm_str line;
        stated.is_set = asm__last_exit_code(&end->output, &line, &stated.value, memory) ||
                        asm__last_exit_code(&error, &line, &stated.value, memory);
        if (stated.is_set && asm_str_equal(end->reason, line) &&
            (!end->exit_code.is_set || end->exit_code.value == stated.value))
            end->reason.size = 0; /* it says nothing else */
    }
    if (!end->exit_code.is_set) end->exit_code = stated;
}

/* Where the output goes on after its first line, if that is `Exit code N` and nothing else; else 0. */
static size_t asm__after_exit_code(const asm__value *output, int64_t code) {
    char memory[40];
    asm_buffer text;
    asm__value line;
    size_t at = 0;
    int64_t stated;
    asm_str shown;
    asm_buffer_init_fixed(&text, memory, sizeof memory);
    if (!asm__value_line(output, &at, &line) || !asm__value_copy(&text, &line)) return 0;
    shown = asm__trim(asm_buffer_text(&text));
    if (!asm__begins_with(shown, "Exit code ")) return 0;
    return asm_json_to_int64(asm__without(shown, 10), &stated) && stated == code ? at : 0;
}

/* What the provider's structured result says was found; else what the output says in words or by its lines. */
static bool asm__found(const asm_event *event, const asm__tool_end *end, bool files, int64_t *count,
                       const char **what) {
    static const char *const names[] = {"numMatches", "numFiles", "numLines", "mode"};
    static const char *const nothing[] = {"No files found", "No matches found", "No files matched",
                                          "No matches", "No results"};
    asm_str keys[4], values[4];
    asm_optional_int64 unused = {0, false};
    bool is_cut;
    char memory[200];
    asm_str first;
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < 4; i++)
        keys[i] = asm_str_from(names[i]);
    *what = files ? "file" : "match";
    if (asm_json_type_of(event->tool.result) == ASM_JSON_OBJECT)
        asm_json_find(event->tool.result, keys, values, 4, NULL);
    if (values[0].data && asm_json_to_int64(values[0], count)) return true;
    if (values[3].data && asm_str_equal(values[3], ASM_STR("\"content\""))) {
        *what = "line";
        return asm_json_to_int64(values[2], count);
    }
    *what = "file";
    if (values[1].data && asm_json_to_int64(values[1], count)) return true;
    first = asm__first_line(&end->output, memory, sizeof memory, &is_cut, &unused);
    *what = files ? "file" : "match";
    *count = 0;
    if (first.size == 0) return true;
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        if (asm__begins_with(first, nothing[i])) return true;
    if (asm__begins_with(first, "Found ")) {
        const asm_str rest = asm__without(first, 6), number = asm__first_word(rest);
        if (asm_json_to_int64(number, count)) {
            if (asm__has_word(rest, " file")) *what = "file";
            return true;
        }
    }
    if (asm_json_type_of(event->tool.output_json) != ASM_JSON_NONE && !event->tool.output.data) return false;
    if (end->output.text.data[0] == '[' || asm__has_word(first, "error")) return false;
    for (size_t at = 0; at < end->output.text.size;) {
        asm__value line;
        asm__value_line(&end->output, &at, &line);
        if (asm__is_blank_line(&line)) continue;
        if (line.text.data[0] == '(' || line.text.data[0] == '[' || asm__begins_with(line.text, "--"))
            return false;
        ++*count;
    }
    return true;
}

/* Lines of a file that was read: as the structured result has them, else those of the output. */
static bool asm__lines_read(const asm_event *event, const asm__tool_end *end, int64_t *lines) {
    asm_str key = asm_str_from("file"), file = {NULL, 0}, number = {NULL, 0};
    if (asm_json_type_of(event->tool.result) == ASM_JSON_OBJECT) {
        asm_json_find(event->tool.result, &key, &file, 1, NULL);
        if (asm_json_type_of(file) != ASM_JSON_OBJECT) return false;
        key = asm_str_from("numLines");
        asm_json_find(file, &key, &number, 1, NULL);
        return asm_json_to_int64(number, lines);
    }
    if (!event->tool.output.data && asm_json_type_of(event->tool.output_json) == ASM_JSON_ARRAY) return false;
    *lines = asm__value_lines(&end->output);
    return end->output.text.size > 0;
}

/* >>render: what changed on disk */

/* A row of `changes` of a tool's end, or of the input of a tool that patches. */
typedef struct asm__change {
    asm__value path, from;
    asm_str kind;
    asm_optional_int64 added, removed;
} asm__change;

static bool asm__next_change(asm_json_reader *reader, asm__change *change) {
    enum { PATH, FROM, KIND, ADDED, REMOVED, COUNT };
    static const char *const names[COUNT] = {"path", "from", "kind", "added", "removed"};
    asm_str keys[COUNT], values[COUNT], raw;
    for (size_t i = 0; i < COUNT; i++)
        keys[i] = asm_str_from(names[i]);
    memset(values, 0, sizeof values);
    memset(change, 0, sizeof *change);
    if (!asm_json_next_element(reader) || !asm_json_read_raw(reader, &raw)) return false;
    asm_json_find(raw, keys, values, COUNT, NULL);
    change->path = asm__value_of(values[PATH]);
    change->from = asm__value_of(values[FROM]);
    change->kind = asm__value_of(values[KIND]).text;
    change->added.is_set = asm_json_to_int64(values[ADDED], &change->added.value);
    change->removed.is_set = asm_json_to_int64(values[REMOVED], &change->removed.value);
    return true;
}

static bool asm__changes_begin(asm_json_reader *reader, asm_str changes) {
    asm_json_reader_init(reader, changes, NULL);
    return asm_json_type_of(changes) == ASM_JSON_ARRAY && asm_json_enter_array(reader);
}

/* `+3 −2`; nothing if neither is known. */
static void asm__append_line_counts(asm_buffer *out, const asm_look *look, asm_optional_int64 added,
                                    asm_optional_int64 removed) {
    if (added.is_set) {
        asm_buffer_append_byte(out, '+');
        asm__append_grouped(out, added.value);
    }
    if (added.is_set && removed.is_set) asm_buffer_append_byte(out, ' ');
    if (!removed.is_set) return;
    asm__append_glyph(out, look, ASM__GLYPH_MINUS);
    asm__append_grouped(out, removed.value);
}

/* What became of a file beside its lines: new, deleted, moved. */
static const char *asm__change_word(asm_str kind) {
    if (asm_str_equal(kind, ASM_STR("add"))) return "new";
    if (asm_str_equal(kind, ASM_STR("delete"))) return "deleted";
    return asm_str_equal(kind, ASM_STR("move")) ? "moved" : NULL;
}

/* Adds up what changed, for the end of the run. */
static void asm__count_change(asm_studio *studio, const asm__change *change) {
    char memory[1024];
    asm_buffer path;
    asm_str relative;
    asm_studio_change *row = NULL;
    asm_buffer_init_fixed(&path, memory, sizeof memory);
    if (!asm__value_copy(&path, &change->path) || path.size == 0) {
        studio->changes_lost++;
        return;
    }
    relative = asm__relative_path(studio, asm_buffer_text(&path));
    for (size_t i = 0; i < studio->change_count && !row; i++)
        if (asm_str_equal(asm_str_make(studio->changes[i].path, studio->changes[i].size), relative))
            row = &studio->changes[i];
    if (!row && (studio->change_count == ASM_STUDIO_CHANGES || relative.size > sizeof row->path)) {
        studio->changes_lost++;
        return;
    }
    if (!row) {
        row = &studio->changes[studio->change_count++];
        memset(row, 0, sizeof *row);
        memcpy(row->path, relative.data, relative.size);
        row->size = (unsigned char)relative.size;
        row->is_new = asm_str_equal(change->kind, ASM_STR("add"));
    }
    row->is_deleted = asm_str_equal(change->kind, ASM_STR("delete"));
    row->has_counts |= change->added.is_set || change->removed.is_set;
    row->added += change->added.value;
    row->removed += change->removed.value;
}

/* `● Changed: src/record.c +9 −4, tests/cases/utf8_tail.csv new` */
static void asm__studio_changed(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker) {
    asm__line line;
    if (studio->change_count == 0) return;
    line = asm__line_begin(studio, out, speaker, ASM__BLUE, ASM__GLYPH_STATE);
    asm__line_literal(&line, "Changed: ");
    for (size_t i = 0; i < studio->change_count; i++) {
        const asm_studio_change *row = &studio->changes[i];
        const asm_optional_int64 added = {row->added, row->has_counts},
                                 removed = {row->removed, row->has_counts};
        asm__facts facts;
        int columns;
        asm__facts_begin(&facts, " ");
        if (row->has_counts && !row->is_deleted)
            asm__append_line_counts(asm__fact(&facts), &studio->look, added, removed);
        if (row->is_new || row->is_deleted)
            asm__append_literal(asm__fact(&facts), row->is_deleted ? "deleted" : "new");
        columns = asm__columns_of(asm_str_make(row->path, row->size), asm__line_flags(&studio->look), 60);
        if (i > 0) asm__line_own(&line, ASM_STR(","));
        if (i > 0 && columns + asm__facts_columns(&facts) + 2 > line.room) { /* on the next line */
            asm__line_end(&line);
            line = asm__line_begin(studio, out, speaker, ASM__DIM, ASM__GLYPH_BAR);
        } else if (i > 0) asm__line_own(&line, ASM_STR(" "));
        line.room -= asm__append_path(out, &studio->look, asm_str_make(row->path, row->size),
                                      line.room - asm__facts_columns(&facts) - 2, false);
        if (facts.text.size > 0) asm__line_own(&line, ASM_STR(" "));
        asm__line_own(&line, asm_buffer_text(&facts.text));
    }
    if (studio->changes_lost > 0) {
        asm__facts more;
        asm__facts_begin(&more, "");
        asm__append_grouped(asm__fact(&more), (int64_t)studio->changes_lost);
        asm__line_own(&line, ASM_STR(", and "));
        asm__line_own(&line, asm_buffer_text(&more.text));
        asm__line_own(&line, ASM_STR(" more"));
    }
    asm__line_end(&line);
}

/* One line of a change after a bar: its number if that is known, a sign, the text. */
static void asm__diff_line(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker, int64_t number,
                           char sign, const asm__value *text, bool is_short) {
    char memory[1024];
    asm_buffer line;
    asm_buffer_init_fixed(&line, memory, sizeof memory);
    if (number > 0) {
        asm__append_blanks(&line, number < 10 ? 4 : number < 100 ? 3 : number < 1000 ? 2 : 1);
        asm__append_count(&line, number);
        asm_buffer_append_byte(&line, ' ');
    }
    asm_buffer_append_byte(&line, sign);
    asm_buffer_append_byte(&line, ' ');
    const bool is_whole = asm__value_copy(&line, text);
    const asm__value value = asm__value_of_text(asm_buffer_text(&line));
    asm__bar_line(studio, out, speaker, &value, is_short);
    if (is_whole || is_short) return;
    const asm__value cut = asm__value_of_text(asm_str_from(asm__glyph_text(&studio->look, ASM__GLYPH_CUT)));
    asm__bar_line(studio, out, speaker, &cut, false);
}

#define ASM__PREVIEW_CHANGES 6

/* The hunks of a structured patch: [{"oldStart", "newStart", "lines": [" a", "-b", "+c"]}]. */
static bool asm__studio_patch(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker, asm_str patch,
                              bool is_short) {
    static const char *const names[] = {"oldStart", "newStart", "lines"};
    asm_json_reader hunks, lines;
    asm_str keys[3], values[3], raw;
    unsigned shown = 0;
    for (size_t i = 0; i < 3; i++)
        keys[i] = asm_str_from(names[i]);
    if (!asm__changes_begin(&hunks, patch)) return false;
    while (asm_json_next_element(&hunks) && asm_json_read_raw(&hunks, &raw)) {
        int64_t before = 0, after = 0;
        memset(values, 0, sizeof values);
        asm_json_find(raw, keys, values, 3, NULL);
        asm_json_to_int64(values[0], &before);
        asm_json_to_int64(values[1], &after);
        if (!asm__changes_begin(&lines, values[2])) continue;
        while (asm_json_next_element(&lines) && asm_json_read_raw(&lines, &raw)) {
            asm__value text = asm__value_of(raw);
            const char sign = text.text.size > 0 ? text.text.data[0] : ' ';
            const int64_t number = sign == '-' ? before : after;
            if (sign != '+') before++;
            if (sign != '-') after++;
            if (sign != '+' && sign != '-' && (is_short || sign != ' ')) continue;
            if (is_short && ++shown > ASM__PREVIEW_CHANGES) continue;
            text.text = asm__without(text.text, 1);
            asm__diff_line(studio, out, speaker, is_short ? 0 : number, sign, &text, is_short);
        }
    }
    return true;
}

/* The text that was replaced, and what replaces it. */
static void asm__studio_replaced(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                 asm_str input, bool is_short) {
    static const char *const names[] = {"old_string", "new_string"};
    asm_str keys[2], values[2];
    unsigned shown = 0;
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < 2; i++)
        keys[i] = asm_str_from(names[i]);
    asm_json_find(input, keys, values, 2, NULL);
    for (size_t i = 0; i < 2; i++) {
        const asm__value text = asm__value_of(values[i]);
        asm__value line;
        for (size_t at = 0;
             asm__value_line(&text, &at, &line) && (!is_short || ++shown <= ASM__PREVIEW_CHANGES);)
            asm__diff_line(studio, out, speaker, 0, i == 0 ? '-' : '+', &line, is_short);
    }
}

static void asm__studio_diff(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                             const asm_event *event) {
    const bool is_short = studio->options.tool_output == ASM_TOOL_OUTPUT_PREVIEW;
    asm_str key = asm_str_from("structuredPatch"), patch = {NULL, 0};
    if (asm_json_type_of(event->tool.result) == ASM_JSON_OBJECT)
        asm_json_find(event->tool.result, &key, &patch, 1, NULL);
    if (!asm__studio_patch(studio, out, speaker, patch, is_short) && event->tool.input.data)
        asm__studio_replaced(studio, out, speaker, event->tool.input, is_short);
}

/* >>render: studio's tool lines */

/* The files that a tool that patches names, as its subject: those of `changes`, else of the text of its patch. */
static void asm__view_of_patch(const asm_studio *studio, asm__view *view, asm_str changes, asm_str input) {
    static const char *const names[] = {"changes", "input", "patch"};
    static const char *const marks[] = {"*** Update File: ", "*** Add File: ", "*** Delete File: "};
    asm_str keys[3], values[3];
    asm_json_reader reader;
    asm__change change;
    asm__value patch, line;
    const size_t begin = view->memory.size;
    size_t count = 0, first_path = 0;
    bool is_cut = false;
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < 3; i++)
        keys[i] = asm_str_from(names[i]);
    if (input.data) asm_json_find(input, keys, values, 3, NULL);
    if (asm__changes_begin(&reader, changes.data ? changes : values[0])) {
        while (!is_cut && asm__next_change(&reader, &change)) {
            char memory[1024];
            asm_buffer path;
            asm_buffer_init_fixed(&path, memory, sizeof memory);
            is_cut = !asm__value_copy(&path, &change.path);
            if (view->memory.size > begin) asm_buffer_append(&view->memory, ASM_STR(", "));
            asm_buffer_append(&view->memory, asm__relative_path(studio, asm_buffer_text(&path)));
            if (count++ == 0) first_path = view->memory.size;
            if (asm__change_word(change.kind)) {
                asm_buffer_append_byte(&view->memory, ' ');
                asm__append_literal(&view->memory, asm__change_word(change.kind));
            }
            is_cut |= view->memory.result != ASM_OK;
        }
        if (count == 1 && !is_cut) view->memory.size = first_path; /* the facts say what became of one file */
    } else {
        patch = asm__value_of(asm_json_type_of(values[1]) == ASM_JSON_STRING ? values[1] : values[2]);
        for (size_t at = 0; !is_cut && asm__value_line(&patch, &at, &line);) {
            for (size_t i = 0; i < 3; i++) {
                if (!asm__begins_with(line.text, marks[i])) continue;
                line.text = asm__without(line.text, strlen(marks[i]));
                if (view->memory.size > begin) asm_buffer_append(&view->memory, ASM_STR(", "));
                is_cut = !asm__value_copy(&view->memory, &line) || view->memory.result != ASM_OK;
            }
        }
    }
    view->memory.result = ASM_OK;
    view->subject = asm_str_make(view->bytes + begin, view->memory.size - begin);
    view->is_cut = is_cut;
}

/* What an event tells of a call, made ready to be shown. */
static void asm__view_ready(const asm_studio *studio, asm__view *view, const asm_tool_payload *tool) {
    asm__view_of_tool(studio, view, tool);
    if (view->tool->facts == ASM_TOOL_FACTS_CHANGES && view->subject.size == 0)
        asm__view_of_patch(studio, view, tool->changes, tool->input);
    if (view->tool->shown_as == ASM_TOOL_SUBJECT_COMMAND && !studio->options.raw)
        asm__view_hide_secrets(view, &studio->look);
}

/* The directory of a command, among the facts. */
static void asm__fact_place(asm__facts *facts, const asm_studio *studio, const asm__view *view, int limit) {
    const asm_str cwd = asm_str_make(studio->run.cwd, studio->run.cwd_size);
    if (view->place.size == 0 || asm_str_equal(view->place, cwd) || asm_str_equal(view->place, ASM_STR(".")))
        return;
    asm__append_literal(asm__fact(facts), "in ");
    asm__append_path(&facts->text, &studio->look, asm__relative_path(studio, view->place), limit,
                     view->place.size >= 80);
}

/* `◐ Running: make test` */
static void asm__studio_running(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                const asm__view *view) {
    asm__line line = asm__line_begin(studio, out, speaker, ASM__CYAN, ASM__GLYPH_RUNS);
    asm__facts facts;
    asm__facts_begin(&facts, ", ");
    asm__fact_place(&facts, studio, view, line.room / 4);
    asm__line_words(&line, view, view->tool->running, "");
    asm__facts_fit(&facts, line.room - 3 - asm__line_least(&line, view));
    asm__line_subject(&line, view, line.room - (facts.text.size > 0 ? asm__facts_columns(&facts) + 3 : 0),
                      true);
    asm__line_facts(&line, &facts);
    asm__line_end(&line);
}

/* The line that a sub-agent's lines stand below, before the first of them. */
static void asm__announce(asm_studio *studio, asm_buffer *out, asm_str parent) {
    asm_studio_call *call = asm__find_call(studio, parent);
    asm__speaker speaker = {0, 0, {NULL, 0}};
    asm__view view;
    asm__line line;
    if (!call || call->is_announced) return;
    call->is_announced = true;
    speaker.depth = call->depth;
    asm__view_of_call(studio, &view, call);
    line = asm__line_begin(studio, out, &speaker, ASM__CYAN, ASM__GLYPH_STATE);
    asm__line_words(&line, &view, view.tool->running, "");
    asm__line_subject(&line, &view, line.room, true);
    asm__line_end(&line);
}

static void asm__studio_started(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    char memory[40];
    const asm__speaker speaker = asm__studio_speaker(studio, event, memory);
    asm_studio_call *parent = asm__find_call(studio, event->tool.parent_tool_call_id), *call;
    asm__view view;
    asm__view_ready(studio, &view, &event->tool);
    if (asm__told_before(studio, event->tool.call_id, &view)) return;
    studio->tools++;
    if (speaker.depth == 0) studio->run.tools++;
    if (parent) parent->tools++;
    call = asm__remember_call(studio, event, &view, &speaker);
    if (call) call->in_background = asm_str_equal(event->tool.status, ASM_STR("running_in_background"));
    if (studio->look.has_cursor && call) asm__text_end(studio, out); /* it is shown below the text */
    else if (view.tool->facts != ASM_TOOL_FACTS_TODOS) {
        asm__studio_running(studio, out, &speaker, &view);
        if (call) call->is_announced = true;
    }
}

#define ASM__DAY (INT64_C(86400) * 1000000)

static void asm__fact_duration(asm__facts *facts, const asm_event *event, const asm__tool_end *end,
                               const asm_studio_call *call) {
    double milliseconds = end->duration_ms.value;
    if (!end->duration_ms.is_set && call && call->time > 0 && event->time > call->time &&
        event->time - call->time < ASM__DAY) /* more are times from different clocks */
        milliseconds = (double)(event->time - call->time) / 1000;
    if (milliseconds > 2000 && milliseconds < 1e13)
        asm__append_duration(asm__fact(facts), milliseconds, false);
}

/* `156 chars`; none where the output stands below. */
static void asm__fact_size(asm__facts *facts, const asm_studio *studio, const asm__tool_end *end) {
    int64_t characters;
    asm_buffer *out;
    if (studio->options.tool_output != ASM_TOOL_OUTPUT_SUMMARY || end->output.text.size == 0) return;
    characters = asm__value_characters(&end->output);
    out = asm__fact(facts);
    asm__append_short(out, characters);
    asm__append_literal(out, characters == 1 ? " char" : " chars");
}

/* What a sub-agent used. */
static void asm__facts_agent(asm__facts *facts, const asm_event *event, const asm_studio_call *call) {
    asm_usage_payload usage;
    if (call && call->tools > 0) asm__append_counted(asm__fact(facts), (int64_t)call->tools, "tool", "tools");
    memset(&usage, 0, sizeof usage);
    if (!event->tool.token_usage.data || !asm_usage_read(&usage, event->tool.token_usage)) return;
    if (!usage.input_tokens.is_set && !usage.output_tokens.is_set) return;
    asm__append_short(asm__fact(facts), usage.input_tokens.value + usage.output_tokens.value);
    asm__append_literal(&facts->text, " tokens");
}

/* Lines that an edit added and removed, if it is one file. */
static void asm__facts_changes(asm__facts *facts, const asm_studio *studio, const asm_event *event) {
    asm_json_reader reader;
    asm__change change, other;
    if (!asm__changes_begin(&reader, event->tool.changes) || !asm__next_change(&reader, &change)) return;
    if (asm__next_change(&reader, &other)) return;
    if (asm__change_word(change.kind)) asm__append_literal(asm__fact(facts), asm__change_word(change.kind));
    if (change.added.is_set || change.removed.is_set)
        asm__append_line_counts(asm__fact(facts), &studio->look, change.added, change.removed);
}

static void asm__facts_of_end(asm__facts *facts, const asm_studio *studio, const asm__view *view,
                              const asm__tool_end *end, const asm_event *event, const asm_studio_call *call,
                              int room, bool is_brief) {
    const bool is_done = end->outcome <= ASM__OUTCOME_UNKNOWN;
    int64_t lines = 0;
    asm__facts_begin(facts, ", ");
    if (end->outcome == ASM__OUTCOME_DECLINED) return;
    asm__fact_place(facts, studio, view, room / 4);
    if (end->exit_code.is_set) {
        asm__append_literal(asm__fact(facts), "exit ");
        asm__append_count(&facts->text, end->exit_code.value);
        facts->exit_end = facts->text.size;
    }
    switch (view->tool->facts) {
    case ASM_TOOL_FACTS_AGENT:
        asm__fact_duration(facts, event, end, call);
        asm__facts_agent(facts, event, call);
        return;
    case ASM_TOOL_FACTS_LINES:
        if (is_done && asm__lines_read(event, end, &lines))
            asm__append_counted(asm__fact(facts), lines, "line", "lines");
        break;
    case ASM_TOOL_FACTS_INPUT_LINES:
        if (is_done && view->has_lines)
            asm__append_counted(asm__fact(facts), (int64_t)view->lines, "line", "lines");
        break;
    case ASM_TOOL_FACTS_CHANGES:
        if (is_done) asm__facts_changes(facts, studio, event);
        break;
    case ASM_TOOL_FACTS_SIZE:
    case ASM_TOOL_FACTS_COMMAND:
        if (end->reason.size == 0 && !is_brief) asm__fact_size(facts, studio, end);
        break;
    default:
        break;
    }
    asm__fact_duration(facts, event, end, call);
}

/* `Found 3 matches for `, `Found 0 files matching `; false if the event does not tell how many. */
static bool asm__line_found(asm__line *line, const asm__view *view, const asm__tool_end *end,
                            const asm_event *event) {
    const bool files = view->tool->facts == ASM_TOOL_FACTS_FILES;
    const char *what = "";
    int64_t count = 0;
    asm__facts text;
    if (!files && view->tool->facts != ASM_TOOL_FACTS_MATCHES) return false;
    if (end->outcome != ASM__OUTCOME_DONE || !asm__found(event, end, files, &count, &what)) return false;
    asm__facts_begin(&text, "");
    asm__append_literal(&text.text, "Found ");
    asm__append_grouped(&text.text, count);
    asm_buffer_append_byte(&text.text, ' ');
    asm__append_literal(&text.text, what);
    if (count != 1) asm__append_literal(&text.text, strcmp(what, "match") == 0 ? "es" : "s");
    if (view->subject.size > 0)
        asm__append_literal(&text.text, files                        ? " matching "
                                        : strcmp(what, "match") == 0 ? " for "
                                                                     : " with ");
    asm__line_own(line, asm_buffer_text(&text.text));
    return true;
}

/* What a tool has done, or not. */
static void asm__studio_end_line(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                 const asm__view *view, asm__tool_end *end, const asm_event *event,
                                 const asm_studio_call *call) {
    static const struct {
        const char *color, *words, *after; /* words before what it works on; after its name */
        asm__glyph glyph;
    } looks[] = {{ASM__GREEN, NULL, "", ASM__GLYPH_DONE},
                 {ASM__DIM, "Ended, how is not known: ", " ended, how is not known", ASM__GLYPH_STATE},
                 {ASM__RED, NULL, " failed", ASM__GLYPH_FAILED},
                 {ASM__RED, "Not run: ", " not run", ASM__GLYPH_FAILED},
                 {ASM__RED, "Cancelled: ", " cancelled", ASM__GLYPH_FAILED},
                 {ASM__RED, "Timed out: ", " timed out", ASM__GLYPH_FAILED}};
    const char *words = looks[end->outcome].words;
    asm__line line =
        asm__line_begin(studio, out, speaker, looks[end->outcome].color, looks[end->outcome].glyph);
    asm__facts facts;
    int facts_columns, reason_columns = 0, room;
    asm__facts_of_end(&facts, studio, view, end, event, call, line.room, false);
    room = line.room / (end->reason.size > 0 && studio->look.columns > 0 ? 3 : 2);
    if (asm__facts_columns(&facts) > room) /* leave room for the rest */
        asm__facts_of_end(&facts, studio, view, end, event, call, line.room / 2, true);
    if (!words) words = end->outcome == ASM__OUTCOME_DONE ? view->tool->done : view->tool->failed;
    if (!words || !view->tool->done || !*view->tool->done) words = "";
    if (!asm__line_found(&line, view, end, event)) {
        asm__line_words(&line, view, words, looks[end->outcome].after);
        if (words == looks[end->outcome].words && view->tool->shown_as != ASM_TOOL_SUBJECT_COMMAND &&
            view->subject.size > 0)
            asm__line_name(&line, view); /* the words do not tell which tool it was */
    }
    asm__facts_fit(&facts, line.room - 3 - asm__line_least(&line, view));
    facts_columns = facts.text.size > 0 ? asm__facts_columns(&facts) + 3 : 0;
    if (facts.exit_end > 0 && facts.text.size >= facts.exit_end)
        end->shown_from = asm__after_exit_code(&end->output, end->exit_code.value);
    if (end->reason.size > 0)
        reason_columns = 3 + asm__columns_of(end->reason, asm__line_flags(&studio->look), line.room);
    room = line.room - facts_columns;
    if (studio->look.columns == 0) line.room = room = 2 * ASM__PIPED_COLUMNS; /* each as wide as that */
    else if (reason_columns > room * 3 / 5) reason_columns = room * 3 / 5;
    asm__line_subject(&line, view, studio->look.columns == 0 ? ASM__PIPED_COLUMNS : room - reason_columns,
                      false);
    asm__line_facts(&line, &facts);
    if (studio->look.columns == 0) line.room = ASM__PIPED_COLUMNS;
    end->is_told = asm__line_reason(&line, end->reason, end->is_reason_cut) &&
                   asm__is_only_line(&end->output, end->reason);
    asm__line_end(&line);
}

/* The output below the line, as the options say. */
static void asm__studio_output(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                               const asm__view *view, const asm__tool_end *end, const asm_event *event) {
    const bool is_short = studio->options.tool_output == ASM_TOOL_OUTPUT_PREVIEW;
    size_t at = end->shown_from;
    if (studio->options.tool_output == ASM_TOOL_OUTPUT_SUMMARY || end->outcome == ASM__OUTCOME_DECLINED ||
        end->is_told)
        return;
    if (view->tool->facts == ASM_TOOL_FACTS_CHANGES && end->outcome == ASM__OUTCOME_DONE) {
        asm__studio_diff(studio, out, speaker, event);
        return;
    }
    if (is_short) {
        const size_t last = asm__last_lines(&end->output, 3);
        if (last > at) at = last;
    }
    asm__studio_bars(studio, out, speaker, &end->output, at, is_short);
}

static void asm__studio_ended(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    char memory[40];
    const asm__speaker speaker = asm__studio_speaker(studio, event, memory);
    asm_studio_call *call = asm__ended_call(studio, &event->tool);
    asm_json_reader reader;
    asm__change change;
    asm__view view;
    asm__tool_end end;
    asm__end_of(&end, event);
    if (end.outcome >= ASM__OUTCOME_FAILED && speaker.depth == 0)
        studio->run.failed++; /* as tools are counted */
    if (end.outcome <= ASM__OUTCOME_UNKNOWN && asm__changes_begin(&reader, event->tool.changes))
        while (asm__next_change(&reader, &change))
            asm__count_change(studio, &change);
    if (call && !call->is_cut && call->subject_size > 0) asm__view_of_call(studio, &view, call);
    else asm__view_ready(studio, &view, &event->tool);
    if (call && view.subject.size == 0) asm__view_of_call(studio, &view, call);
    if (event->tool.name.size > 0) view.name = event->tool.name;
    if (view.tool->facts == ASM_TOOL_FACTS_CHANGES && event->tool.changes.data) {
        asm_json_reader changes;
        asm__change first;
        if (asm__changes_begin(&changes, event->tool.changes) && asm__next_change(&changes, &first) &&
            asm_json_next_element(&changes))
            asm__view_of_patch(studio, &view, event->tool.changes, event->tool.input);
    }
    if (studio->held.has_wait && studio->held.wait_id == asm__text_hash(event->tool.call_id, 1))
        studio->held.has_wait = false;
    const bool is_told = end.outcome == ASM__OUTCOME_DECLINED && call && call->is_denied;
    if (!is_told && (view.tool->facts != ASM_TOOL_FACTS_TODOS || end.outcome != ASM__OUTCOME_DONE)) {
        asm__announce(studio, out, event->tool.parent_tool_call_id);
        asm__studio_end_line(studio, out, &speaker, &view, &end, event, call);
        asm__studio_output(studio, out, &speaker, &view, &end, event);
    }
    if (call) call->order = 0;
}

/* >>render: studio and the person */

/* What a person is asked about, in words. */
static void asm__line_asked(asm__line *line, const asm__view *view, int limit) {
    asm__line_name(line, view);
    asm__line_subject(line, view, limit, true);
}

/* The call that an approval is about. */
static void asm__view_of_approval(asm_studio *studio, asm__view *view, const asm_approval_payload *approval) {
    const asm_studio_call *call = asm__find_call(studio, approval->tool_call_id);
    asm_tool_payload tool;
    memset(&tool, 0, sizeof tool);
    tool.name = approval->tool_name;
    tool.input = approval->tool_input;
    if (call && !tool.input.data) asm__view_of_call(studio, view, call);
    else asm__view_of_tool(studio, view, &tool);
    if (view->tool->facts == ASM_TOOL_FACTS_CHANGES && view->subject.size == 0)
        asm__view_of_patch(studio, view, tool.changes, tool.input);
}

static bool asm__is_question(const asm_approval_payload *approval) {
    return asm_str_equal(approval->kind, ASM_STR("question"));
}

/* The question of a request: its reason, else the first text of its input. */
static asm__value asm__question_of(const asm_approval_payload *approval) {
    const asm_str question = asm_str_from("question"), questions = asm_str_from("questions");
    asm_json_reader list;
    asm_str raw = {NULL, 0}, first;
    if (approval->reason.size > 0) return asm__value_of_text(approval->reason);
    asm_json_find(approval->tool_input, &questions, &raw, 1, NULL);
    if (asm__changes_begin(&list, raw) && asm_json_next_element(&list) && asm_json_read_raw(&list, &first))
        asm_json_find(first, &question, &raw, 1, NULL);
    else asm_json_find(approval->tool_input, &question, &raw, 1, NULL);
    return asm__value_of(raw);
}

/* The answers to choose from, a line each. */
static void asm__studio_options(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                asm_str options) {
    static const char *const names[] = {"label", "description", "id"};
    asm_json_reader list;
    asm_str keys[3], raw;
    int64_t number = 0;
    for (size_t i = 0; i < 3; i++)
        keys[i] = asm_str_from(names[i]);
    if (!asm__changes_begin(&list, options)) return;
    while (asm_json_next_element(&list) && asm_json_read_raw(&list, &raw)) {
        char memory[1024];
        asm_str values[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
        asm_buffer text;
        asm__value label, description;
        if (asm_json_type_of(raw) == ASM_JSON_STRING) values[0] = raw;
        else asm_json_find(raw, keys, values, 3, NULL);
        label = asm__value_of(values[values[0].data ? 0 : 2]);
        description = asm__value_of(values[1]);
        asm_buffer_init_fixed(&text, memory, sizeof memory);
        asm__append_count(&text, ++number);
        asm__append_literal(&text, ". ");
        asm__value_copy(&text, &label);
        if (description.text.size > 0 && text.size + 8 < sizeof memory) {
            asm__append_glyph(&text, &studio->look, ASM__GLYPH_DASH);
            asm__value_copy(&text, &description);
        }
        label = asm__value_of_text(asm_buffer_text(&text));
        asm__bar_line(studio, out, speaker, &label, false);
    }
}

/* Whether a tool's input has more to decide by than what its line says. */
static bool asm__has_more_input(const asm__view *view, asm_str input) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str key;
    size_t members = 0;
    char memory[256];
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, input, &scratch);
    if (asm_json_type_of(input) != ASM_JSON_OBJECT || !asm_json_enter_object(&reader)) return input.size > 0;
    while (asm_json_next_member(&reader, &key)) {
        members += !asm_str_equal(key, ASM_STR("description"));
        asm_buffer_clear(&scratch);
    }
    return members > (view->subject.size > 0);
}

/* All that a person decides by: the whole of the input, if it is not on the line. */
static void asm__studio_whole_input(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                    const asm__view *view, asm_str input, bool is_whole) {
    asm_str values[ASM__KEYS];
    asm__value value;
    memset(values, 0, sizeof values);
    if (asm__has_more_input(view, input)) {
        value = asm__value_of_text(input);
    } else if (!is_whole) {
        if (view->tool->subject) asm__find_members(view->tool, input, values);
        else values[0] = asm__first_text(input);
        value = asm__value_of(values[0]);
    } else return;
    asm__studio_bars(studio, out, speaker, &value, 0, false);
}

/* What a tool wants that waits for a person, between its name and what it works on. */
static const char *asm__wish_of(const asm_studio_tool *tool) {
    if (tool->shown_as == ASM_TOOL_SUBJECT_COMMAND) return " wants to run ";
    if (tool->shown_as == ASM_TOOL_SUBJECT_URL) return " wants to fetch ";
    switch (tool->facts) {
    case ASM_TOOL_FACTS_LINES:
        return " wants to read ";
    case ASM_TOOL_FACTS_INPUT_LINES:
        return " wants to write ";
    case ASM_TOOL_FACTS_CHANGES:
        return " wants to edit ";
    case ASM_TOOL_FACTS_FILES:
    case ASM_TOOL_FACTS_MATCHES:
        return " wants to search for ";
    case ASM_TOOL_FACTS_AGENT:
        return " wants to start ";
    default:
        return " wants to run: ";
    }
}

/* Keeps for the status line what a person is waited for: the question, or what which tool wants. */
static void asm__studio_waits(asm_studio *studio, const asm_approval_payload *approval,
                              const asm__view *view) {
    asm_buffer words;
    asm_buffer_init_fixed(&words, studio->held.wait, sizeof studio->held.wait);
    if (asm__is_question(approval)) {
        const asm__value question = asm__question_of(approval);
        asm_optional_int64 unused = {0, false};
        char memory[600];
        bool is_cut;
        asm__keep(&words, asm__first_line(&question, memory, sizeof memory, &is_cut, &unused), SIZE_MAX);
    } else {
        asm__append_tool_name(&words, &studio->look, view->name);
        asm_buffer_append(&words, view->subject.size > 0 ? asm_str_from(asm__wish_of(view->tool))
                                                         : ASM_STR(" wants to run"));
        if (view->subject.size > 0 && words.result == ASM_OK) asm__keep(&words, view->subject, SIZE_MAX);
    }
    studio->held.wait_size = words.size;
}

/* `● Approve? Bash: rm -rf build`, or a question; then all there is to decide by. */
static void asm__studio_requested(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm_approval_payload *approval = &event->approval;
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    asm_studio_call *call = asm__find_call(studio, approval->tool_call_id);
    asm__line line = asm__line_begin(studio, out, &speaker, ASM__BOLD, ASM__GLYPH_STATE);
    asm__view view;
    bool is_whole = true;
    asm__begin_color(out, &studio->look, ASM__BOLD);
    asm__view_of_approval(studio, &view, approval);
    if (asm__is_question(approval)) {
        const asm__value question = asm__question_of(approval);
        char memory[1024];
        asm_buffer text;
        asm_buffer_init_fixed(&text, memory, sizeof memory);
        is_whole = asm__value_copy(&text, &question);
        asm__line_own(&line, ASM_STR("Question: "));
        is_whole &=
            asm__columns_of(asm_buffer_text(&text), asm__line_flags(&studio->look), line.room) <= line.room;
        line.room -= asm__append_fit(out, &studio->look, asm_buffer_text(&text), line.room, !is_whole);
        asm__end_color(out, &studio->look);
        asm__line_end(&line);
        if (!is_whole) asm__studio_bars(studio, out, &speaker, &question, 0, false);
    } else {
        asm__line_own(&line, ASM_STR("Approve? "));
        asm__line_asked(&line, &view, line.room);
        is_whole = line.room > 0 && !view.is_cut && view.place.size == 0 &&
                   view.tool->shown_as != ASM_TOOL_SUBJECT_URL;
        asm__end_color(out, &studio->look);
        if (approval->reason.size > 0) asm__line_reason(&line, approval->reason, false);
        asm__line_end(&line);
        asm__studio_whole_input(studio, out, &speaker, &view, approval->tool_input, is_whole);
    }
    asm__studio_options(studio, out, &speaker, approval->options);
    if (call) call->is_waiting = true;
    asm__studio_waits(studio, approval, &view);
    studio->held.has_wait = studio->held.should_ring = true;
    studio->held.since = event->time;
    studio->held.wait_id = asm__text_hash(approval->tool_call_id, 1);
}

/* An answer in words: a text, or those of an object that has one for each question. Returns whether all of it fits. */
static bool asm__answer_copy(asm_buffer *fixed, asm_str answer) {
    asm_json_reader reader;
    asm_str name, raw;
    asm__value value = asm__value_of(answer);
    char memory[600];
    asm_buffer scratch;
    bool is_whole = true;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, answer, &scratch);
    if (asm_json_type_of(answer) != ASM_JSON_OBJECT || !asm_json_enter_object(&reader))
        return asm__value_copy(fixed, &value);
    for (bool is_first = true; is_whole && asm_json_next_member(&reader, &name); is_first = false) {
        if (!asm_json_read_raw(&reader, &raw)) return false;
        value = asm__value_of(raw);
        if (!is_first) asm_buffer_append(fixed, ASM_STR(", "));
        is_whole = fixed->result == ASM_OK && asm__value_copy(fixed, &value);
        asm_buffer_clear(&scratch);
    }
    return is_whole && reader.error.result == ASM_OK;
}

/* `✓ Approved: …`, `✗ Denied: … — why` */
static void asm__studio_decided(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm_approval_payload *approval = &event->approval;
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    const bool is_granted = event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED;
    asm_studio_call *call = asm__find_call(studio, approval->tool_call_id);
    asm__line line = asm__line_begin(studio, out, &speaker, is_granted ? ASM__GREEN : ASM__RED,
                                     is_granted ? ASM__GLYPH_DONE : ASM__GLYPH_FAILED);
    asm__view view;
    asm__view_of_approval(studio, &view, approval);
    studio->held.has_wait = false;
    if (call) {
        call->is_waiting = false;
        call->is_denied = !is_granted;
    }
    if (asm__is_question(approval) || asm__value_of(approval->answer).text.size > 0) {
        char memory[600];
        asm_buffer text;
        asm_buffer_init_fixed(&text, memory, sizeof memory);
        const bool is_cut = !asm__answer_copy(&text, approval->answer);
        asm__line_own(&line, is_granted ? ASM_STR("Answered: ") : ASM_STR("Not answered"));
        if (is_granted)
            line.room -= asm__append_fit(out, &studio->look, asm_buffer_text(&text), line.room, is_cut);
    } else {
        if (asm_str_equal(approval->decision, ASM_STR("edit")))
            asm__line_own(&line, ASM_STR("Approved with changes: "));
        else if (asm_str_equal(approval->decision, ASM_STR("always")))
            asm__line_own(&line, ASM_STR("Approved for good: "));
        else asm__line_own(&line, is_granted ? ASM_STR("Approved: ") : ASM_STR("Denied: "));
        asm__line_asked(&line, &view, approval->reason.size > 0 ? line.room * 3 / 5 : line.room);
    }
    asm__line_reason(&line, approval->reason, false);
    asm__line_end(&line);
}

/* >>render: studio's todos */

typedef enum asm__todo { ASM__TODO_PENDING, ASM__TODO_ACTIVE, ASM__TODO_DONE, ASM__TODO_CANCELLED } asm__todo;

/* The next item of a list, and what it says. */
static bool asm__next_todo(asm_json_reader *list, asm__todo *state, asm__value *text) {
    enum { CONTENT, TEXT, STEP, TITLE, STATUS, COMPLETED, COUNT };
    static const char *const names[COUNT] = {"content", "text", "step", "title", "status", "completed"};
    asm_str keys[COUNT], values[COUNT], raw, status;
    bool is_completed = false;
    if (!asm_json_next_element(list) || !asm_json_read_raw(list, &raw)) return false;
    for (size_t i = 0; i < COUNT; i++)
        keys[i] = asm_str_from(names[i]);
    memset(values, 0, sizeof values);
    asm_json_find(raw, keys, values, COUNT, NULL);
    *text = asm__value_of(values[CONTENT]);
    for (size_t i = TEXT; i <= TITLE && text->text.size == 0; i++)
        *text = asm__value_of(values[i]);
    status = asm__value_of(values[STATUS]).text;
    asm_json_to_bool(values[COMPLETED], &is_completed);
    *state = is_completed || asm_str_equal(status, ASM_STR("completed")) ? ASM__TODO_DONE
             : asm_str_equal(status, ASM_STR("in_progress"))             ? ASM__TODO_ACTIVE
             : asm_str_equal(status, ASM_STR("cancelled"))               ? ASM__TODO_CANCELLED
                                                                         : ASM__TODO_PENDING;
    return true;
}

/* `● Todo 1/3: Keep an empty last field`: how many are done, and what is under way, else what comes next. */
static void asm__studio_todos(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    static const asm__glyph glyphs[] = {ASM__GLYPH_DOT, ASM__GLYPH_RUNS, ASM__GLYPH_DONE, ASM__GLYPH_FAILED};
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    asm__todo state, shown = ASM__TODO_DONE;
    asm__value text, current = asm__value_of_text(asm_str_make(NULL, 0));
    asm_json_reader list;
    asm__line line;
    asm__facts head;
    char memory[600];
    asm_buffer copy;
    size_t count = 0, done = 0;
    if (!asm__changes_begin(&list, event->todos.todos)) return;
    for (; asm__next_todo(&list, &state, &text); count++) {
        done += state == ASM__TODO_DONE;
        if (state > ASM__TODO_ACTIVE ||
            (shown <= ASM__TODO_ACTIVE && (shown == ASM__TODO_ACTIVE || state == ASM__TODO_PENDING)))
            continue;
        shown = state;
        current = text;
    }
    studio->run.todos = count;
    studio->run.todos_done = done;
    line = asm__line_begin(studio, out, &speaker, ASM__BLUE, ASM__GLYPH_STATE);
    asm__facts_begin(&head, "");
    asm__append_literal(&head.text, "Todo ");
    asm__append_count(&head.text, (int64_t)done);
    asm_buffer_append_byte(&head.text, '/');
    asm__append_count(&head.text, (int64_t)count);
    if (current.text.size > 0) asm__append_literal(&head.text, ": ");
    asm__line_own(&line, asm_buffer_text(&head.text));
    asm_buffer_init_fixed(&copy, memory, sizeof memory);
    const bool is_cut = !asm__value_copy(&copy, &current);
    line.room -= asm__append_fit(out, &studio->look, asm_buffer_text(&copy), line.room, is_cut);
    asm__line_end(&line);
    if (studio->options.tool_output == ASM_TOOL_OUTPUT_SUMMARY) return;
    asm__changes_begin(&list, event->todos.todos);
    while (asm__next_todo(&list, &state, &text)) {
        asm_buffer_init_fixed(&copy, memory, sizeof memory);
        asm__append_glyph(&copy, &studio->look, glyphs[state]);
        asm_buffer_append_byte(&copy, ' ');
        asm__value_copy(&copy, &text);
        text = asm__value_of_text(asm_buffer_text(&copy));
        asm__bar_line(studio, out, &speaker, &text, true);
    }
}

/* >>render: studio's runs */

/* Adds what a figure is more than what was counted of it before. A sum that would not fit is not known any more. */
static void asm__add_figure(asm_optional_int64 *sum, asm_optional_int64 figure, int64_t counted) {
    if (!figure.is_set || sum->value < 0) return;
    sum->is_set = true;
    if (figure.value <= counted) return;
    if (figure.value - counted <= INT64_MAX - sum->value) {
        sum->value += figure.value - counted;
        return;
    }
    sum->is_set = false;
    sum->value = -1;
}

/* Adds what was spent. A message's figures are told again as they grow: the greatest counts, once. */
static void asm__studio_usage(asm_studio *studio, const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    const int64_t in = usage->input_tokens.value, spent = usage->output_tokens.value;
    asm_usage_payload *sum = &studio->run.usage;
    int64_t seen_in = 0, seen_out = 0;
    if (usage->cumulative.value) return; /* of the session, not of the run */
    if (usage->message_id.size > 0) {
        const size_t slots = sizeof studio->run.message / sizeof studio->run.message[0];
        const uint64_t id = asm__text_hash(usage->message_id, UINT64_C(0xCBF29CE484222325)) | 1;
        size_t slot = 0;
        while (slot < slots && studio->run.message[slot] != id)
            slot++;
        if (slot == slots) {
            slot = studio->run.messages++ % slots;
            studio->run.message[slot] = id;
            studio->run.message_input[slot] = studio->run.message_output[slot] = 0;
        }
        seen_in = studio->run.message_input[slot];
        seen_out = studio->run.message_output[slot];
        if (in > seen_in) studio->run.message_input[slot] = in;
        if (spent > seen_out) studio->run.message_output[slot] = spent;
    }
    asm__add_figure(&sum->input_tokens, usage->input_tokens, seen_in);
    asm__add_figure(&sum->output_tokens, usage->output_tokens, seen_out);
    if (usage->cost_usd.is_set) {
        sum->cost_usd.is_set = true;
        sum->cost_usd.value += usage->cost_usd.value;
    }
}

/* The run's home is where its paths begin. */
static void asm__studio_set_cwd(asm_studio *studio, asm_str cwd) {
    if (cwd.size == 0) return;
    studio->run.cwd_size = 0;
    if (cwd.size > sizeof studio->run.cwd) return;
    while (cwd.size > 1 && cwd.data[cwd.size - 1] == '/')
        cwd.size--;
    memcpy(studio->run.cwd, cwd.data, cwd.size);
    studio->run.cwd_size = cwd.size;
}

/* A directory with `~` for the home directory. */
static int asm__append_directory(asm_buffer *out, const asm_studio *studio, asm_str path, int limit) {
    const asm_str home = asm_str_from(studio->home);
    if (home.size > 1 && path.size >= home.size && memcmp(path.data, home.data, home.size) == 0 &&
        (path.size == home.size || path.data[home.size] == '/')) {
        if (limit < 2) return 0;
        asm_buffer_append_byte(out, '~');
        return 1 + asm__append_path(out, &studio->look, asm__without(path, home.size), limit - 1, false);
    }
    return asm__append_path(out, &studio->look, path, limit, false);
}

/* `● claude-sonnet-4-6 session started in ~/src/csvsum (main) — title` */
static void asm__studio_run_started(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    const asm_run_payload *run = &event->run;
    const asm_str name = run->model.size > 0 ? run->model : event->provider;
    asm__line line;
    memset(&studio->run, 0, sizeof studio->run);
    memset(studio->calls, 0, sizeof studio->calls);
    memset(studio->kinds, 0, sizeof studio->kinds);
    memset(studio->kind_counts, 0, sizeof studio->kind_counts);
    studio->change_count = studio->changes_lost = 0;
    studio->held.has_wait = false;
    studio->run.is_active = true;
    studio->run.start = studio->run.last = event->time;
    studio->run.has_start = event->time > 0;
    asm__studio_set_cwd(studio, run->cwd);
    asm__text_end(studio, out);
    if (studio->has_lines) asm_buffer_append_byte(out, '\n');
    line = asm__line_begin(studio, out, &speaker, ASM__BLUE, ASM__GLYPH_STATE);
    line.room -= asm__append_fit(out, &studio->look, name, line.room / 2, false);
    asm__line_own(&line, name.size > 0 ? ASM_STR(" session started") : ASM_STR("Session started"));
    if (run->cwd.size > 0 && line.room > 8) {
        asm__line_own(&line, ASM_STR(" in "));
        line.room -= asm__append_directory(out, studio, run->cwd,
                                           run->git_branch.size > 0 ? line.room * 3 / 4 : line.room);
        if (run->git_branch.size > 0 && line.room > 6) {
            asm__line_own(&line, ASM_STR(" ("));
            line.room -= 1 + asm__append_fit(out, &studio->look, run->git_branch, line.room - 1, false);
            asm_buffer_append_byte(out, ')');
        }
    }
    asm__line_reason(&line, run->title, false);
    asm__line_end(&line);
}

/* `3,396 tokens out, 231k in (94% cached), 24 tools, 3 failed, 1m 12s, $0.16`: what is known of it. */
static void asm__facts_of_run(asm__facts *facts, const asm_studio *studio, const asm_event *event) {
    const asm_run_payload *run = &event->run;
    asm_usage_payload usage = studio->run.usage;
    const asm_optional_double cost = run->cost_usd.is_set ? run->cost_usd : studio->run.usage.cost_usd;
    asm_usage_payload told;
    memset(&told, 0, sizeof told);
    if (run->token_usage.data && asm_usage_read(&told, run->token_usage)) usage = told;
    asm__facts_begin(facts, ", ");
    if (usage.output_tokens.is_set) {
        asm__append_grouped(asm__fact(facts), usage.output_tokens.value);
        asm__append_literal(&facts->text, " tokens out");
    }
    if (usage.input_tokens.is_set) {
        asm__append_short(asm__fact(facts), usage.input_tokens.value);
        asm__append_literal(&facts->text, usage.output_tokens.is_set ? " in" : " tokens in");
        if (usage.cache_read_tokens.value > 0 && usage.cache_read_tokens.value <= usage.input_tokens.value) {
            asm__append_literal(&facts->text, " (");
            asm__append_count(&facts->text, (int64_t)(100.0 * (double)usage.cache_read_tokens.value /
                                                      (double)usage.input_tokens.value));
            asm__append_literal(&facts->text, "% cached)");
        }
    }
    if (usage.cumulative.value && facts->text.size > 0)
        asm__append_literal(&facts->text, " in the whole session");
    if (studio->run.tools > 0)
        asm__append_counted(asm__fact(facts), (int64_t)studio->run.tools, "tool", "tools");
    if (studio->run.failed > 0) {
        asm__append_grouped(asm__fact(facts), (int64_t)studio->run.failed);
        asm__append_literal(&facts->text, " failed");
    }
    if (run->duration_ms.is_set) {
        if (run->duration_ms.value >= 50 && run->duration_ms.value < 1e13) /* less would be 0s */
            asm__append_duration(asm__fact(facts), run->duration_ms.value, false);
    } else if (studio->run.has_start && event->time >= studio->run.start + 50000 &&
               event->time - studio->run.start < 30 * ASM__DAY)
        asm__append_duration(asm__fact(facts), (double)(event->time - studio->run.start) / 1000, false);
    if (cost.is_set) asm__append_cost(asm__fact(facts), cost.value);
}

/* `✗ 2 calls were not allowed: Bash ×2` */
static void asm__studio_denials(asm_studio *studio, asm_buffer *out, const asm__speaker *speaker,
                                asm_str denials) {
    enum { MOST = 8 };
    const asm_str key = asm_str_from("tool_name");
    asm_str names[MOST], raw;
    int64_t counts[MOST], total = 0;
    size_t count = 0;
    asm_json_reader list;
    asm__line line;
    asm__facts head;
    if (!asm__changes_begin(&list, denials)) return;
    while (asm_json_next_element(&list) && asm_json_read_raw(&list, &raw)) {
        asm_str name = {NULL, 0};
        size_t i = 0;
        asm_json_find(raw, &key, &name, 1, NULL);
        while (i < count && !asm_str_equal(names[i], name))
            i++;
        total++;
        if (i == MOST) continue;
        if (i == count) {
            names[count] = name;
            counts[count++] = 0;
        }
        counts[i]++;
    }
    if (total == 0) return;
    line = asm__line_begin(studio, out, speaker, ASM__RED, ASM__GLYPH_FAILED);
    asm__facts_begin(&head, "");
    asm__append_counted(&head.text, total, "call was not allowed: ", "calls were not allowed: ");
    asm__line_own(&line, asm_buffer_text(&head.text));
    for (size_t i = 0; i < count; i++) {
        const asm__value name = asm__value_of(names[i]);
        char memory[128], shown[512];
        asm_buffer text, neutral;
        asm_buffer_init_fixed(&text, memory, sizeof memory);
        asm__value_copy(&text, &name);
        asm_buffer_init_fixed(&neutral, shown, sizeof shown);
        asm__append_tool_name(&neutral, &studio->look, asm_buffer_text(&text));
        if (i > 0) asm__line_own(&line, ASM_STR(", "));
        asm__line_own(&line, asm_buffer_text(&neutral));
        if (counts[i] == 1) continue;
        asm__facts_begin(&head, "");
        asm_buffer_append_byte(&head.text, ' ');
        asm__append_glyph(&head.text, &studio->look, ASM__GLYPH_TIMES);
        asm__append_count(&head.text, counts[i]);
        asm__line_own(&line, asm_buffer_text(&head.text));
    }
    asm__line_end(&line);
}

/* What still ran when the run ended: it will not be heard of again. Calls in the background go on. */
static void asm__studio_open_calls(asm_studio *studio, asm_buffer *out) {
    for (size_t i = 0; i < ASM_STUDIO_CALLS; i++) {
        asm_studio_call *call = &studio->calls[i];
        asm__speaker speaker = {0, 0, {NULL, 0}};
        asm__view view;
        asm__line line;
        if (call->order == 0 || call->in_background) continue;
        speaker.depth = call->depth;
        asm__view_of_call(studio, &view, call);
        call->order = 0;
        if (view.tool->facts == ASM_TOOL_FACTS_TODOS) continue;
        line = asm__line_begin(studio, out, &speaker, ASM__RED, ASM__GLYPH_FAILED);
        asm__line_own(&line, ASM_STR("Not ended: "));
        asm__line_asked(&line, &view, line.room);
        asm__line_end(&line);
    }
}

static void asm__studio_run_ended(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    const bool is_completed = event->type == ASM_EVENT_RUN_COMPLETED,
               is_failed = event->type == ASM_EVENT_RUN_FAILED;
    const asm_str reason = is_completed ? event->run.stop_reason : event->run.error_code;
    const asm_str message = event->run.error_message;
    asm__line line;
    asm__facts facts;
    asm__text_end(studio, out);
    asm__studio_open_calls(studio, out);
    if (studio->has_lines) asm_buffer_append_byte(out, '\n');
    line = asm__line_begin(studio, out, &speaker, is_completed ? ASM__BLUE : ASM__RED,
                           is_completed ? ASM__GLYPH_STATE : ASM__GLYPH_FAILED);
    asm__line_literal(&line, is_completed                           ? "Session complete"
                             : is_failed                            ? "Session failed"
                             : event->type == ASM_EVENT_RUN_TIMEOUT ? "Session timed out"
                                                                    : "Session cancelled");
    if (reason.size > 0 && (message.size == 0 || !asm_str_equal(reason, ASM_STR("stream_ended")))) {
        asm__line_own(&line, ASM_STR(" ("));
        line.room -= asm__append_fit(out, &studio->look, reason, line.room / 2, false);
        asm__line_own(&line, ASM_STR(")"));
    }
    asm__facts_of_run(&facts, studio, event);
    if (message.size > 0) {
        if (studio->run.error == asm__text_hash(message, 1)) asm__line_end(&line);
        else asm__line_why(&line, &speaker, message);
        if (facts.text.size > 0) {
            line = asm__line_begin(studio, out, &speaker, ASM__BLUE, ASM__GLYPH_STATE);
            asm__line_own(&line, ASM_STR("Until then: "));
            asm__line_all_facts(&line, &facts, &speaker, false);
            asm__line_end(&line);
        }
    } else {
        asm__line_all_facts(&line, &facts, &speaker, true);
        asm__line_end(&line);
    }
    asm__studio_changed(studio, out, &speaker);
    asm__studio_denials(studio, out, &speaker, event->run.permission_denials);
    studio->run.is_active = studio->held.has_wait = false;
}

/* >>render: studio's notices */

#define ASM__COMPACTED "Context compacted"

/* What is said of a notice that tells nothing of itself; "": nothing. Names without what stands before a point. */
typedef struct asm__notice_row {
    const char *name, *words;
    bool has_text; /* the words stand before the notice's text, which is no sentence */
} asm__notice_row;

static const asm__notice_row asm__notices[] = {
    {"compact_boundary", ASM__COMPACTED, false},
    {"context_compacted", ASM__COMPACTED, false},
    {"summarization_completed", ASM__COMPACTED, false},
    {"auto_compaction_end", ASM__COMPACTED, false},
    {"auto_compaction_start", "", false},
    {"session.truncation", "Context cut", false},
    {"session.model_change", "Model changed", false},
    {"auto_retry_start", "Trying again", false},
    {"auto_retry_end", "", false},
    {"session_meta", "", false},
    {"llm.tools_snapshot", "", false},
    {"ui_telemetry", "", false},
    {"thinking_level_change", "", false},
    {"session_start", "", false},
    {"session.info", "", false},
    {"session.shutdown", "", false},
    {"system.message", "", false},
    {"hook_started", "", false},
    {"hook_progress", "", false},
    {"hook_response", "", false},
    {"hook.start", "", false},
    {"hook.end", "", false},
    {"task_started", "", false},
    {"task_progress", "", false},
    {"task_updated", "", false},
    {"task_notification", "", false},
    {"rate_limit_event", "", false},
    {"status", "", false},
    {"ping", "", false},
    {"turn_start", "", false},
    {"turn_end", "", false},
    {"keep_alive", "", false},
    {"bashExecution", "Run by the person", true},
    {"prompt_suggestion", "Suggested", true},
    {"tool_use_summary", "Summary", true},
    {"active_goal", "Goal", true},
    {"pi.message", "", false},
};

/* The row of the table; NULL for what nobody knows. */
static const asm__notice_row *asm__notice_of(asm_str name) {
    for (size_t i = 0; i < sizeof asm__notices / sizeof asm__notices[0]; i++) {
        const asm_str known = asm_str_from(asm__notices[i].name);
        if (name.size < known.size) continue;
        const asm_str end = asm_str_make(name.data + name.size - known.size, known.size);
        if (!asm_str_equal(end, known)) continue;
        if (name.size == known.size || name.data[name.size - known.size - 1] == '.') return &asm__notices[i];
    }
    return NULL;
}

/* ` (182k to 24k tokens)` of a compaction that tells both. */
static void asm__append_compacted(asm_buffer *out, asm_str extra) {
    static const char *const names[] = {"pre_tokens", "post_tokens"};
    asm_str key = asm_str_from("compact_metadata"), inside = {NULL, 0}, keys[2], values[2];
    int64_t before, after;
    memset(values, 0, sizeof values);
    asm_json_find(extra, &key, &inside, 1, NULL);
    for (size_t i = 0; i < 2; i++)
        keys[i] = asm_str_from(names[i]);
    asm_json_find(inside.data ? inside : extra, keys, values, 2, NULL);
    if (!asm_json_to_int64(values[0], &before) || !asm_json_to_int64(values[1], &after)) return;
    asm__append_literal(out, " (");
    asm__append_short(out, before);
    asm__append_literal(out, " to ");
    asm__append_short(out, after);
    asm__append_literal(out, " tokens)");
}

/* A text that begins with a word of small letters, and goes on, begins with a capital, in `memory` if it fits there. */
static asm_str asm__capital(asm_str text, char *memory, size_t size) {
    size_t word = 0;
    while (word < text.size && text.data[word] >= 'a' && text.data[word] <= 'z')
        word++;
    if (word == 0 || word >= text.size || text.size > size || !memchr(" :,", text.data[word], 3)) return text;
    memcpy(memory, text.data, text.size);
    memory[0] = (char)(memory[0] - 32);
    return asm_str_make(memory, text.size);
}

/* `16:20 UTC` of an ISO 8601 time; with its day if that is another than `now`. */
static void asm__append_clock(asm_buffer *out, asm_str text, asm_time now) {
    char written[ASM_TIME_TEXT_SIZE], today[ASM_TIME_TEXT_SIZE];
    asm_time time;
    if (asm_time_parse(text, &time, NULL) != ASM_OK ||
        asm_time_format(time, ASM_TIME_PRECISION_SECONDS, written) < 19) {
        asm_text_append_cut(out, text, 40, ASM_TEXT_ASCII | ASM_TEXT_LINE);
        return;
    }
    if (now == 0 || asm_time_format(now, ASM_TIME_PRECISION_SECONDS, today) < 19 ||
        memcmp(written, today, 10) != 0) {
        asm_buffer_append(out, asm_str_make(written, 10));
        asm_buffer_append_byte(out, ' ');
    }
    asm_buffer_append(out, asm_str_make(written + 11, 5));
    asm__append_literal(out, " UTC");
}

/* What a code tells of why a request is sent again. */
static asm_str asm__retry_words(asm_str code) {
    static const asm_str busy[] = {ASM_STR_INIT("429"), ASM_STR_INIT("503"), ASM_STR_INIT("529"),
                                   ASM_STR_INIT("rate_limit"), ASM_STR_INIT("overloaded")};
    static const asm_str silent[] = {ASM_STR_INIT("connection"), ASM_STR_INIT("stream_ended"),
                                     ASM_STR_INIT("timeout")};
    for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++)
        if (asm_str_equal(code, busy[i])) return ASM_STR("API busy");
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
        if (asm_str_equal(code, silent[i])) return ASM_STR("No answer");
    return ASM_STR("API error");
}

/* `API busy (429): retry 8 of 10 in 36s`: kept until something else happens, as it may be told many times. */
static void asm__hold_retry(asm_studio *studio, const asm_notice_payload *notice) {
    const unsigned flags = asm__line_flags(&studio->look);
    asm_buffer text;
    asm_buffer_init_fixed(&text, studio->held.notice, sizeof studio->held.notice);
    asm_buffer_append(&text, asm__retry_words(notice->code));
    if (notice->code.size > 0) {
        asm__append_literal(&text, " (");
        asm_text_append_cut(&text, notice->code, 24, flags);
        asm_buffer_append_byte(&text, ')');
    }
    asm__append_literal(&text, ": retry ");
    asm__append_grouped(&text, notice->attempt.value);
    if (notice->max_attempts.is_set) {
        asm__append_literal(&text, " of ");
        asm__append_grouped(&text, notice->max_attempts.value);
    }
    if (notice->retry_in_ms.is_set) {
        asm__append_literal(&text, " in ");
        asm__append_duration(&text, notice->retry_in_ms.value, false);
    }
    studio->held.notice_size = text.size;
}

/* The notice that was kept, now that something else happens. */
static void asm__studio_held(asm_studio *studio, asm_buffer *out) {
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    asm__line line;
    if (studio->held.notice_size == 0) return;
    line = asm__line_begin(studio, out, &speaker, ASM__YELLOW, ASM__GLYPH_STATE);
    asm__line_own(&line, asm_str_make(studio->held.notice, studio->held.notice_size));
    asm__line_end(&line);
    studio->held.notice_size = 0;
}

/* Whether a text begins as lines do that the renderer has for what it knows: it must not pass for one. */
static bool asm__is_like_own(asm_str text) {
    static const char *const beginnings[] = {"approve", "question",  "session", "todo",       "title",
                                             "task",    "api ",      "changed", "until then", "ended",
                                             "agent",   "recovered", "waiting"};
    char memory[12];
    size_t size = 0;
    while (size < sizeof memory && size < text.size) {
        const char c = text.data[size];
        memory[size++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (asm__begins_with(asm_str_make(memory, size), beginnings[i])) return true;
    for (size_t at = 0; at < text.size; at++)
        if (asm__begins_with(asm__without(text, at), " session started")) return true;
    return false;
}

/* A line of a symbol, words of the renderer, and a text. Without words the text stands for itself, if it can. */
static void asm__studio_say(asm_studio *studio, asm_buffer *out, bool is_bad, const char *words,
                            asm_str text) {
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    const asm__value value = asm__value_of_text(text);
    asm_optional_int64 unused = {0, false};
    char memory[600];
    bool is_cut;
    asm__line line = asm__line_begin(studio, out, &speaker, is_bad ? ASM__RED : ASM__BLUE,
                                     is_bad ? ASM__GLYPH_FAILED : ASM__GLYPH_STATE);
    const asm_str first = asm__first_line(&value, memory, sizeof memory, &is_cut, &unused);
    if (!*words && asm__is_like_own(first)) words = "Notice";
    asm__line_own(&line, asm_str_from(words));
    if (is_bad && *words) {
        asm__line_why(&line, &speaker, text);
        return;
    }
    if (*words) asm__line_reason(&line, first, is_cut);
    else line.room -= asm__append_fit(out, &studio->look, first, line.room, is_cut);
    asm__line_end(&line);
}

/* `Limit five_hour used up, again at 16:20 UTC`, or what is said of it and when it ends. */
static void asm__studio_limit(asm_studio *studio, asm_buffer *out, const asm_event *event, asm_str text) {
    const asm__speaker speaker = {0, 0, {NULL, 0}};
    const asm_str code = event->notice.code;
    asm__line line = asm__line_begin(studio, out, &speaker, ASM__YELLOW, ASM__GLYPH_STATE);
    const char *again = ", again at ";
    asm__facts when;
    int room;
    asm__facts_begin(&when, "");
    asm__append_clock(&when.text, event->notice.resets_at, event->time);
    room = line.room - asm__facts_columns(&when) - (int)strlen(again);
    if (asm__columns_of(text, asm__line_flags(&studio->look), room) > room) { /* the shorter words may do */
        again = ", again ";
        room += 3;
    }
    if (text.size > 0) {
        line.room -= asm__append_fit(out, &studio->look, text, room, false);
    } else {
        asm__line_own(&line, ASM_STR("Limit "));
        line.room -= asm__append_fit(out, &studio->look, code, line.room / 2, false);
        asm__line_own(&line, code.size > 0 ? ASM_STR(" used up") : ASM_STR("used up"));
    }
    asm__line_own(&line, asm_str_from(again));
    asm__line_own(&line, asm_buffer_text(&when.text));
    asm__line_end(&line);
}

/* `? new.thing — what it says`: a notice that nobody knows, with its first text. */
static void asm__studio_unknown(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm__value text = asm__value_of(asm__first_text(event->extra));
    asm_optional_int64 unused = {0, false};
    char memory[600];
    bool is_cut;
    const asm_str first = asm__first_line(&text, memory, sizeof memory, &is_cut, &unused);
    asm__line line;
    asm__text_end(studio, out);
    studio->has_lines = true;
    line.studio = studio;
    line.out = out;
    line.room = asm__studio_room(studio, asm__studio_margin(studio, out, 0, asm_str_make(NULL, 0), 0));
    asm__begin_color(out, &studio->look, ASM__DIM);
    asm__line_own(&line, ASM_STR("? "));
    line.room -= asm__append_fit(out, &studio->look, asm_event_name(event), line.room, false);
    asm__line_reason(&line, first, is_cut);
    asm__end_color(out, &studio->look);
    asm__line_end(&line);
}

/* A compaction: how much it left, if that is told, else its text, if it has one. */
static void asm__studio_compacted(asm_studio *studio, asm_buffer *out, const asm_event *event, asm_str text) {
    char memory[80];
    asm_buffer said;
    asm_buffer_init_fixed(&said, memory, sizeof memory);
    asm__append_literal(&said, ASM__COMPACTED);
    asm__append_compacted(&said, event->extra);
    if (said.size > strlen(ASM__COMPACTED) || text.size == 0) text = asm_buffer_text(&said);
    asm__studio_say(studio, out, false, "", text);
}

static void asm__studio_notice(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const asm_notice_payload *notice = &event->notice;
    const asm__notice_row *row = asm__notice_of(asm_event_name(event));
    const char *words = row ? row->words : "";
    const bool is_error = asm_str_equal(notice->level, ASM_STR("error"));
    const bool matters = is_error || asm_str_equal(notice->level, ASM_STR("warning"));
    const bool is_hook = asm__begins_with(notice->text, "hook ") || asm__begins_with(notice->text, "Hook ");
    const char *before = row && row->has_text ? words : is_error && !is_hook ? "Error" : "";
    char memory[600];
    const asm_str text = *before ? notice->text : asm__capital(notice->text, memory, sizeof memory);
    if (notice->resets_at.size > 0 && matters && !asm__is_like_own(text))
        asm__studio_limit(studio, out, event, text);
    else if (row && !*words && !matters) return;
    else if (strcmp(words, ASM__COMPACTED) == 0 && !matters) asm__studio_compacted(studio, out, event, text);
    else if (text.size > 0) asm__studio_say(studio, out, is_error, before, text);
    else if (*words) asm__studio_say(studio, out, is_error, words, text);
    else asm__studio_unknown(studio, out, event);
}

/* >>render: what runs now */

static asm__line asm__transient_begin(const asm_studio *studio, asm_buffer *out, const char *color,
                                      asm__glyph glyph) {
    asm__line line;
    line.studio = (asm_studio *)(uintptr_t)(const void *)studio; /* only read */
    line.out = out;
    line.room = asm__studio_room(studio, asm__studio_margin(studio, out, 0, asm_str_make(NULL, 0), 0) + 3);
    asm__colored(out, &studio->look, color, asm__glyph_text(&studio->look, glyph));
    asm_buffer_append_byte(out, ' ');
    return line;
}

static void asm__fact_since(asm__facts *facts, asm_time since, asm_time now) {
    if (since > 0 && now >= since + 1000000 && now - since < 30 * ASM__DAY) /* more is another clock's time */
        asm__append_duration(asm__fact(facts), (double)(now - since) / 1000, true);
}

/* What a call does, and since when: `Running: make test (1m 12s)`. */
static void asm__line_call(asm__line *line, const asm_studio_call *call, asm_time now, int room) {
    const asm_studio *studio = line->studio;
    asm__view view;
    asm__facts facts;
    asm__view_of_call(studio, &view, call);
    asm__facts_begin(&facts, ", ");
    asm__fact_place(&facts, studio, &view, line->room / 4);
    if (call->in_background) asm__append_literal(asm__fact(&facts), "in the background");
    if (call->is_agent && call->tools > 0)
        asm__append_counted(asm__fact(&facts), (int64_t)call->tools, "tool", "tools");
    asm__fact_since(&facts, call->time, now);
    if (call->is_agent && view.kind.size > 0) {
        asm__line_text(line, view.kind);
        asm__line_own(line, ASM_STR(": "));
    } else asm__line_words(line, &view, view.tool->running, "");
    asm__facts_fit(&facts, line->room - 3 - asm__line_least(line, &view));
    if (facts.text.size > 0) room += asm__facts_columns(&facts) + 3;
    asm__line_subject(line, &view, line->room - room, true);
    asm__line_facts(line, &facts);
}

/* `todo 2/3 · 48.2k tokens · $0.41 · 6m 03s` */
static void asm__facts_of_status(asm__facts *facts, const asm_studio *studio, asm_time now) {
    const asm_usage_payload *usage = &studio->run.usage;
    asm__facts_begin(facts, asm__glyph_text(&studio->look, ASM__GLYPH_BETWEEN));
    if (studio->run.todos > 0) {
        asm__append_literal(asm__fact(facts), "todo ");
        asm__append_count(&facts->text, (int64_t)studio->run.todos_done);
        asm_buffer_append_byte(&facts->text, '/');
        asm__append_count(&facts->text, (int64_t)studio->run.todos);
    }
    if (usage->input_tokens.is_set || usage->output_tokens.is_set) {
        asm__append_short(asm__fact(facts), usage->input_tokens.value + usage->output_tokens.value);
        asm__append_literal(&facts->text, " tokens");
    }
    if (usage->cost_usd.is_set) asm__append_cost(asm__fact(facts), usage->cost_usd.value);
    if (studio->run.has_start) asm__fact_since(facts, studio->run.start, now);
}

/* The calls that run, oldest first; returns how many. */
static size_t asm__running_calls(const asm_studio *studio, const asm_studio_call *calls[ASM_STUDIO_CALLS]) {
    size_t count = 0;
    for (size_t i = 0; i < ASM_STUDIO_CALLS; i++) {
        const asm_studio_call *call = &studio->calls[i];
        size_t at = count;
        if (call->order == 0 || call->is_waiting) continue;
        for (; at > 0 && calls[at - 1]->order > call->order; at--)
            calls[at] = calls[at - 1];
        calls[at] = call;
        count++;
    }
    return count;
}

/* The last of the transient lines: what is waited for, or how many tools run, and what it has taken so far. */
static void asm__transient_status(const asm_studio *studio, asm_buffer *out, asm_time now,
                                  const asm_studio_call *only, size_t running) {
    const bool waits = studio->held.has_wait;
    asm__line line =
        asm__transient_begin(studio, out,
                             waits                          ? ASM__BOLD
                             : studio->held.notice_size > 0 ? ASM__YELLOW
                                                            : ASM__CYAN,
                             waits || studio->held.notice_size > 0 ? ASM__GLYPH_STATE : ASM__GLYPH_RUNS);
    asm__facts status, since;
    int room;
    asm__facts_of_status(&status, studio, now);
    room = status.text.size > 0 ? asm__facts_columns(&status) + 3 : 0;
    if (room > line.room / 3) room = 0;
    asm__facts_begin(&since, ", ");
    if (waits) {
        asm__line_own(&line, ASM_STR("waiting for you"));
        asm__fact_since(&since, studio->held.since, now);
        if (studio->held.wait_size > 0) {
            asm__line_own(&line, ASM_STR(": "));
            line.room -=
                asm__append_fit(out, &studio->look, asm_str_make(studio->held.wait, studio->held.wait_size),
                                line.room - asm__facts_columns(&since) - 3, false);
        }
        asm__line_facts(&line, &since);
    } else if (studio->held.notice_size > 0) {
        asm__line_own(&line, asm_str_make(studio->held.notice, studio->held.notice_size));
    } else if (only) {
        asm__line_call(&line, only, now, room);
    } else if (running > 0) {
        asm__append_counted(&since.text, (int64_t)running, "tool", "tools");
        asm__line_own(&line, asm_buffer_text(&since.text));
    } else {
        asm__line_own(&line, ASM_STR("waiting for the model"));
        asm__fact_since(&since, studio->run.last, now);
        asm__line_facts(&line, &since);
    }
    if (status.text.size > 0 && asm__facts_columns(&status) + 3 <= line.room) {
        asm__begin_color(out, &studio->look, ASM__DIM);
        asm__line_glyph(&line, ASM__GLYPH_BETWEEN);
        asm__line_own(&line, asm_buffer_text(&status.text));
        asm__end_color(out, &studio->look);
    }
    asm__line_end(&line);
}

/* How far the run is, as asm_studio.progress has it: 0 none runs, 1 by its todos, 3 not known, 4 it waits for a person. */
static int asm__progress_of(const asm_studio *studio) {
    const int percent = studio->run.todos > 0 ? (int)(100 * studio->run.todos_done / studio->run.todos) : 0;
    if (!studio->run.is_active) return 0;
    if (studio->held.has_wait) return 4000 + percent;
    return studio->run.todos > 0 ? 1000 + percent : 3000;
}

/* What the terminal is told beside the text. */
static void asm__studio_signals(asm_studio *studio, asm_buffer *out) {
    static const char *const commands[] = {NULL, "9;", "777;notify;Agent;", "99;;"};
    const int progress = asm__progress_of(studio);
    if (studio->held.should_ring && studio->options.bell) {
        asm_buffer_append_byte(out, '\a');
        if (studio->look.notification != ASM_NOTIFICATION_NONE)
            asm__append_command(out, commands[studio->look.notification], ASM_STR("An agent waits for you"));
    }
    studio->held.should_ring = false;
    if (!studio->look.has_progress || progress == studio->progress) return;
    studio->progress = progress;
    char memory[16];
    asm_buffer numbers;
    asm_buffer_init_fixed(&numbers, memory, sizeof memory);
    asm__append_count(&numbers, progress / 1000);
    asm_buffer_append_byte(&numbers, ';');
    asm__append_count(&numbers, progress % 1000);
    asm__append_command(out, "9;4;", asm_buffer_text(&numbers));
}

static asm_result asm__studio_transient(void *self, asm_time now, asm_buffer *out) {
    asm_studio *studio = (asm_studio *)self;
    const asm_studio_call *calls[ASM_STUDIO_CALLS];
    size_t running, lines, most;
    if (!studio->look.has_cursor) return out->result;
    asm__studio_signals(studio, out);
    if (studio->text.in_line || studio->text.word_size > 0) return out->result;
    running = asm__running_calls(studio, calls);
    if (!studio->run.is_active && running == 0 && !studio->held.has_wait) return out->result;
    most = studio->rows > 8 ? (size_t)studio->rows / 3 : 2;
    if (most > 8) most = 8;
    lines = running > 1 || studio->held.has_wait || studio->held.notice_size > 0 ? running : 0;
    if (lines > most) lines = most;
    for (size_t i = 0; i < lines; i++) {
        asm__line line = asm__transient_begin(studio, out, ASM__CYAN, ASM__GLYPH_RUNS);
        asm__line_call(&line, calls[running - lines + i], now, 0);
        asm__line_end(&line);
    }
    asm__transient_status(studio, out, now, running == 1 ? calls[0] : NULL, running);
    return out->result;
}

/* >>render: studio's events */

/* Tells ids apart: by their size and both ends, as they differ there. */
static inline uint64_t asm__id_hash(asm_str id) {
    uint64_t first, last;
    if (id.size < 8) return id.size > 0 ? asm__text_hash(id, id.size) : 0;
    memcpy(&first, id.data, 8);
    memcpy(&last, id.data + id.size - 8, 8);
    return ((first ^ id.size) * UINT64_C(0x9E3779B97F4A7C15) ^ last) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Whether a piece of text goes on with what is open: the same message of the same speaker. */
static inline bool asm__text_goes_on(const asm_studio *studio, const asm_event *event, uint64_t speaker) {
    return event->type == ASM_EVENT_MESSAGE_STREAMED && studio->text.is_open &&
           studio->text.kind == ASM__TEXT_AGENT && !event->message.thinking.value &&
           event->message.role.size != 4 && studio->text.speaker == speaker &&
           studio->text.message == asm__id_hash(event->message.message_id);
}

static inline asm_result asm__text_go_on(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    const bool has_delta = event->message.delta.data != NULL;
    return asm__text_more(studio, out, has_delta ? event->message.delta : event->message.content);
}

/* Notes that a speaker has streamed a message. */
static void asm__note_streamed(asm_studio *studio, const asm_event *event) {
    const uint64_t speaker = asm__speaker_of(event) | 1;
    const uint64_t message = asm__id_hash(event->message.message_id);
    const size_t slots = sizeof studio->streamed / sizeof studio->streamed[0];
    for (size_t i = 0; i < slots; i++)
        if (studio->streamed[i].speaker == speaker && studio->streamed[i].message == message) return;
    studio->streamed[studio->streamed_next % slots].speaker = speaker;
    studio->streamed[studio->streamed_next++ % slots].message = message;
}

/* Whether the message that was received has been streamed before; it is forgotten then. */
static bool asm__was_streamed(asm_studio *studio, const asm_event *event) {
    const uint64_t speaker = asm__speaker_of(event) | 1;
    const uint64_t message = asm__id_hash(event->message.message_id);
    bool was = false;
    for (size_t i = 0; i < sizeof studio->streamed / sizeof studio->streamed[0]; i++) {
        if (studio->streamed[i].speaker != speaker) continue;
        if (studio->streamed[i].message != message && studio->streamed[i].message != 0 && message != 0)
            continue;
        studio->streamed[i].speaker = 0;
        was = true;
    }
    return was;
}

static void asm__studio_message(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    char memory[40];
    const asm__speaker speaker = asm__studio_speaker(studio, event, memory);
    const asm_message_payload *message = &event->message;
    const bool is_person =
        event->type == ASM_EVENT_MESSAGE_SENT || asm_str_equal(message->role, ASM_STR("user"));
    unsigned kind = is_person                 ? ASM__TEXT_PERSON
                    : message->thinking.value ? ASM__TEXT_THINKING
                                              : ASM__TEXT_AGENT;
    asm_str text = event->type == ASM_EVENT_MESSAGE_STREAMED ? asm_event_text(event) : message->content;
    uint64_t id;
    if (kind == ASM__TEXT_THINKING && !studio->options.show_thinking) return;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED) {
        if (message->parent_tool_call_id.size > 0 && !asm__is_blank_text(text))
            asm__announce(studio, out, message->parent_tool_call_id);
        id = asm__id_hash(message->message_id);
        if (id != studio->text.message && id && studio->text.message && studio->text.kind == kind)
            asm__text_end(studio, out); /* another message, of which no end was told */
        asm__studio_text(studio, out, &speaker, kind, text);
        studio->text.message = id;
        if (kind == ASM__TEXT_AGENT) asm__note_streamed(studio, event);
        return;
    }
    if (event->type == ASM_EVENT_MESSAGE_SENT && (message->synthetic.value || speaker.depth > 0)) {
        if (!studio->options.show_prompts) return;
    }
    if (event->type == ASM_EVENT_MESSAGE_SENT || !asm__was_streamed(studio, event)) {
        asm__text_end(studio, out);
        asm__announce(studio, out, message->parent_tool_call_id);
        asm__studio_text(studio, out, &speaker, kind, text);
    }
    asm__text_end(studio, out);
    if (message->incomplete.value)
        asm__studio_say(studio, out, true, "The message broke off", asm_str_make(NULL, 0));
}

/* Changes of a call between its start and its end. */
static void asm__studio_updated(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    asm_studio_call *call = asm__find_call(studio, event->tool.call_id);
    const bool in_background = asm_str_equal(event->tool.status, ASM_STR("running_in_background"));
    char memory[40];
    asm__speaker speaker;
    asm__view view;
    asm__line line;
    if (!call || !in_background || call->in_background) return;
    call->in_background = true;
    speaker = asm__studio_speaker(studio, event, memory);
    speaker.depth = call->depth;
    asm__view_of_call(studio, &view, call);
    line = asm__line_begin(studio, out, &speaker, ASM__CYAN, ASM__GLYPH_RUNS);
    asm__line_own(&line, ASM_STR("In the background: "));
    asm__line_asked(&line, &view, line.room);
    asm__line_end(&line);
}

static void asm__studio_session(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_SESSION_UPDATED:
        asm__studio_set_cwd(studio, event->run.cwd);
        if (event->run.title.size > 0) asm__studio_say(studio, out, false, "Title", event->run.title);
        break;
    case ASM_EVENT_SESSION_PAUSED:
        asm__studio_say(studio, out, false, "Session paused", event->run.stop_reason);
        break;
    case ASM_EVENT_SESSION_RESUMED:
        asm__studio_say(studio, out, false, "Session resumed", event->run.stop_reason);
        break;
    case ASM_EVENT_SESSION_FAILED:
        asm__studio_say(studio, out, true, "Session failed", asm__or(event->run.error_message, ""));
        break;
    default: /* the run says the rest */
        break;
    }
}

/* Events of agents and of their host that a person wants to hear of. */
static void asm__studio_agent(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_ERROR_OCCURRED:
        studio->run.error = asm__text_hash(event->error.message, 1);
        asm__studio_say(studio, out, true, "Error",
                        event->error.message.size > 0 ? event->error.message : event->error.code);
        break;
    case ASM_EVENT_ERROR_RECOVERED:
        asm__studio_say(studio, out, false, "Recovered", event->error.message);
        break;
    case ASM_EVENT_STATUS_CHANGED:
        if (asm_str_equal(event->status.status, ASM_STR("error")))
            asm__studio_say(studio, out, true, "Agent stopped with an error", event->status.error_message);
        if (asm_str_equal(event->status.status, ASM_STR("paused")))
            asm__studio_say(studio, out, false, "Agent paused", asm_str_make(NULL, 0));
        break;
    case ASM_EVENT_POLICY_VIOLATION:
        asm__studio_say(studio, out, true, "Not allowed",
                        event->policy.message.size > 0 ? event->policy.message : event->policy.policy);
        break;
    case ASM_EVENT_AGENT_SHUTDOWN:
        asm__studio_say(studio, out, false, "Agent shut down", event->shutdown.reason);
        break;
    case ASM_EVENT_NODE_TRANSFERRED:
        asm__studio_say(studio, out, false, "Agent moved", event->node.to_node);
        break;
    case ASM_EVENT_MESSAGE_RETRACTED:
        asm__studio_say(studio, out, true, "What was said above is withdrawn", event->message.reason);
        break;
    default: /* signs of life */
        break;
    }
}

/* All but text of the only agent that goes on. */
ASM__RARE asm_result asm__studio_other_event(asm_studio *studio, const asm_event *event, asm_buffer *out) {
    if (asm__text_goes_on(studio, event, asm__speaker_of(event))) return asm__text_go_on(studio, out, event);
    if (event->type == ASM_EVENT_CUSTOM) {
        if (event->notice.attempt.is_set) {
            asm__hold_retry(studio, &event->notice);
            if (studio->text.is_open) asm__text_end(studio, out);
        } else asm__studio_notice(studio, out, event);
        return out->result;
    }
    asm__studio_held(studio, out);
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_SENT:
        asm__studio_message(studio, out, event);
        break;
    case ASM_EVENT_RUN_STARTED:
        asm__studio_run_started(studio, out, event);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
    case ASM_EVENT_RUN_TIMEOUT:
        asm__studio_run_ended(studio, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        asm__studio_started(studio, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_UPDATED:
        asm__studio_updated(studio, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        asm__studio_ended(studio, out, event);
        break;
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
        asm__studio_requested(studio, out, event);
        break;
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        asm__studio_decided(studio, out, event);
        break;
    case ASM_EVENT_TODOS_UPDATED:
        asm__studio_todos(studio, out, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        asm__studio_usage(studio, event);
        break;
    default:
        asm__studio_session(studio, out, event);
        asm__studio_agent(studio, out, event);
    }
    return out->result;
}

static asm_result asm__studio_event(void *self, const asm_event *event, asm_buffer *out) {
    asm_studio *studio = (asm_studio *)self;
    studio->events++;
    if (event->time > 0 && event->time < studio->run.start - ASM__DAY) { /* another clock than at the start */
        studio->run.start = studio->run.last = event->time;
        studio->run.has_start = false;
    }
    if (event->time > studio->run.last) studio->run.last = event->time;
    if (asm__text_goes_on(studio, event, 0) && event->agent_id.size == 0 &&
        event->message.parent_tool_call_id.size == 0)
        return asm__text_go_on(studio, out, event);
    return asm__studio_other_event(studio, event, out);
}

/* A word that was held back for the end of its line goes out. */
static asm_result asm__studio_tick(void *self, asm_time now, asm_buffer *out) {
    asm_studio *studio = (asm_studio *)self;
    (void)now;
    if (studio->text.word_size > 0) {
        asm__text_part_of_word(studio, out);
        asm__text_style(studio, out, ASM__STYLE_NONE);
        asm__text_settle(studio);
    }
    return out->result;
}

static asm_result asm__studio_finish(void *self, asm_buffer *out) {
    asm_studio *studio = (asm_studio *)self;
    asm__text_end(studio, out);
    asm__studio_held(studio, out);
    if (!studio->run.is_active) return out->result;
    asm__studio_open_calls(studio, out);
    asm__studio_say(studio, out, true, "Cut short: the session had not ended", asm_str_make(NULL, 0));
    studio->run.is_active = false;
    return out->result;
}

static void asm__studio_begin(void *self, const asm_terminal *terminal) {
    asm_studio *studio = (asm_studio *)self;
    studio->look = asm__look_of(&studio->options, terminal);
    asm__text_settle(studio);
    studio->rows = terminal->rows;
    if (terminal->home && strlen(terminal->home) < sizeof studio->home)
        memcpy(studio->home, terminal->home, strlen(terminal->home) + 1);
}

ASM_API asm_renderer asm_studio_init(asm_studio *studio, const asm_render_options *options) {
    asm_renderer renderer;
    memset(&renderer, 0, sizeof renderer);
    if (!studio) return renderer;
    memset(studio, 0, sizeof *studio);
    studio->options = asm__render_defaults(options);
    studio->look = asm__look_of(&studio->options, NULL);
    studio->rows = 24;
    renderer.self = studio;
    renderer.begin = asm__studio_begin;
    renderer.render_event = asm__studio_event;
    renderer.tick = asm__studio_tick;
    renderer.transient = asm__studio_transient;
    renderer.finish = asm__studio_finish;
    return renderer;
}

/* >>render: output stream */

#ifndef ASM_NO_STDIO
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#else
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#if defined(__STRICT_ANSI__) && defined(__GLIBC__) && !defined(__cplusplus)
extern int fsync(int fd); /* strict ISO C hides them */
extern int fileno(FILE *stream);
#endif
#endif

/* The system's calls under one name. */
#ifdef _WIN32
typedef int asm__io_size;
static asm__io_size asm__system_write(int fd, const char *data, size_t size) {
    return _write(fd, data, (unsigned)size);
}
static int asm__system_append(const char *path, unsigned mode) {
    (void)mode; /* there are no such permissions */
    return _open(path, _O_WRONLY | _O_APPEND | _O_CREAT | _O_BINARY, _S_IREAD | _S_IWRITE);
}
#define asm__system_open(path, may_write)    _open(path, ((may_write) ? _O_RDWR : _O_RDONLY) | _O_BINARY)
#define asm__system_read(fd, data, size)     _read(fd, data, (unsigned)(size))
#define asm__system_seek(fd, offset, whence) _lseeki64(fd, offset, whence)
#define asm__system_sync(fd)                 _commit(fd)
#define asm__system_descriptor(stream)       _fileno(stream)
#define asm__system_close(fd)                _close(fd)
#define asm__system_wait(fd)                 ((void)(fd))
static bool asm__system_is_file(int fd) {
    struct _stat64 status;
    return _fstat64(fd, &status) == 0 && (status.st_mode & _S_IFREG) != 0;
}
static int asm__system_sync_directory(const char *path) {
    (void)path; /* a directory cannot be opened */
    return 0;
}
#else
typedef ssize_t asm__io_size;
static asm__io_size asm__system_write(int fd, const char *data, size_t size) {
    return write(fd, data, size);
}
static int asm__system_append(const char *path, unsigned mode) {
    const int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, (mode_t)mode);
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}
#define asm__system_open(path, may_write)    open(path, (may_write) ? O_RDWR : O_RDONLY)
#define asm__system_read(fd, data, size)     read(fd, data, size)
#define asm__system_seek(fd, offset, whence) lseek(fd, (off_t)(offset), whence)
#define asm__system_sync(fd)                 fsync(fd)
#define asm__system_descriptor(stream)       fileno(stream)
#define asm__system_close(fd)                close(fd)
/* Waits until a descriptor that does not block takes more. */
static void asm__system_wait(int fd) {
    struct pollfd wanted;
    wanted.fd = fd;
    wanted.events = POLLOUT;
    wanted.revents = 0;
    poll(&wanted, 1, -1);
}
static bool asm__system_is_file(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}
/* Has the directory of a file brought to the disk: only then does a new file survive a crash of the system. */
static int asm__system_sync_directory(const char *path) {
    char directory[4096] = ".";
    const char *slash = strrchr(path, '/');
    const size_t size = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof directory) return 0; /* the system opens no file by a path as long as that */
    if (size > 0) {
        memcpy(directory, path, size);
        directory[size] = 0;
    }
    const int fd = open(directory, O_RDONLY);
    if (fd < 0) return 0; /* it may be searched but not read */
    const int result = fsync(fd), error = errno;
    close(fd);
    errno = error;
    return result;
}
#endif

#define ASM__MAX_WRITE   ((size_t)1 << 30) /* bytes in one call: systems take no more than 2 GB */
#define ASM__MAX_NOTHING 8                 /* how often a write may take nothing, and a line be begun again */

/* Keeps errno; the result is `otherwise` unless a reader has gone. */
static asm_result asm__system_failed(asm_output_stream *out, asm_result otherwise) {
    if (out->system_error == 0) out->system_error = errno;
#ifdef EPIPE
    if (errno == EPIPE) return ASM_ERR_CLOSED;
#endif
    return otherwise;
}

/* How many bytes stand between the last LF before `end`, a position in the file, and `end`; -1 if that cannot be read. */
static int64_t asm__half_line_size(int fd, int64_t end) {
    char block[512];
    int64_t begin = end;
    while (begin > 0) {
        const int64_t stop = begin;
        begin = stop > (int64_t)sizeof block ? stop - (int64_t)sizeof block : 0;
        if (asm__system_seek(fd, begin, SEEK_SET) != begin) return -1;
        if (asm__system_read(fd, block, (size_t)(stop - begin)) != stop - begin) return -1;
        for (int64_t i = stop - begin; i > 0; i--)
            if (block[i - 1] == '\n') return end - begin - i;
    }
    return end;
}

/* Where a text is within JSON: enough to tell whether it is one whole object. */
typedef struct asm__json_balance {
    uint64_t depth;
    bool in_string, escaped, ended, broken;
} asm__json_balance;

static void asm__json_balance_byte(asm__json_balance *at, char c) {
    if (at->in_string) {
        if (at->escaped) at->escaped = false;
        else if (c == '\\') at->escaped = true;
        else if (c == '"') at->in_string = false;
        return;
    }
    if (at->ended || (at->depth == 0 && c != '{')) at->broken = true;
    if (c == '"') at->in_string = true;
    if (c == '{' || c == '[') at->depth++;
    if ((c == '}' || c == ']') && at->depth > 0) at->ended = --at->depth == 0;
}

static bool asm__is_whole_object(int fd, int64_t begin, int64_t size) {
    char block[512];
    asm__json_balance at;
    memset(&at, 0, sizeof at);
    if (asm__system_seek(fd, begin, SEEK_SET) != begin) return true; /* cannot be told: it is left alone */
    while (size > 0) {
        const int64_t wanted = size < (int64_t)sizeof block ? size : (int64_t)sizeof block;
        if (asm__system_read(fd, block, (size_t)wanted) != wanted) return true;
        for (int64_t i = 0; i < wanted; i++)
            asm__json_balance_byte(&at, block[i]);
        size -= wanted;
    }
    return at.ended && !at.broken;
}

static asm_result asm__erase(asm_output_stream *out, int fd, int64_t begin, int64_t size) {
    char blanks[512];
    memset(blanks, ' ', sizeof blanks);
    if (asm__is_whole_object(fd, begin, size)) return ASM_OK;
    if (asm__system_seek(fd, begin, SEEK_SET) != begin) return asm__system_failed(out, ASM_ERR_WRITE);
    while (size > 0) {
        const int64_t wanted = size < (int64_t)sizeof blanks ? size : (int64_t)sizeof blanks;
        const asm__io_size written = asm__system_write(fd, blanks, (size_t)wanted);
        if (written <= 0) return asm__system_failed(out, ASM_ERR_WRITE);
        size -= written;
    }
    return ASM_OK;
}

/* Ends half a line at the end of the file. The LF goes first: appending it waits for a write of another process that is
 * under way, and after it nothing can be added to the line, so what stands there can be judged. */
static asm_result asm__repair_end(asm_output_stream *out) {
    const int fd = asm__system_open(out->output.path, out->output.erase_torn);
    const int64_t size = asm__system_seek(out->fd, 0, SEEK_END);
    asm_result result = ASM_OK;
    int64_t half = fd >= 0 ? asm__half_line_size(fd, size) : size;
    if (half != 0 && size > 0) {
        result = asm_output_stream_write(out, "\n", 1);
        const int64_t end = asm__system_seek(out->fd, 0, SEEK_CUR) - 1;
        half = fd >= 0 && result == ASM_OK ? asm__half_line_size(fd, end) : 0;
        if (half > 0) out->torn_bytes = (uint64_t)half;
        if (half > 0 && out->output.erase_torn) result = asm__erase(out, fd, end - half, half);
    }
    if (fd >= 0) asm__system_close(fd);
    return result;
}

static asm_result asm__open_path(asm_output_stream *out) {
    struct stat status;
    const char *path = out->output.path;
    out->is_new = stat(path, &status) != 0;
    out->fd = asm__system_append(path, out->output.mode ? out->output.mode : 0600u);
    out->is_owned = out->fd >= 0;
    if (!out->is_owned) return asm__system_failed(out, ASM_ERR_OPEN);
    out->is_file = asm__system_is_file(out->fd);
    const asm_result result = out->is_file ? asm__repair_end(out) : ASM_OK;
    if (result != ASM_OK) asm_output_stream_close(out);
    return result;
}
#endif

ASM_API asm_result asm_output_stream_open(asm_output_stream *out, const asm_output *output) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (!output) return ASM_ERR_INVALID_ARGUMENT;
    int count =
        (output->path != NULL) + (output->stream != NULL) + (output->fd > 0) + (output->write != NULL);
    out->output = *output;
    out->fd = output->fd > 0 ? output->fd : -1;
    if (count != 1) return ASM_ERR_INVALID_ARGUMENT;
    if (output->write) return ASM_OK;
#ifdef ASM_NO_STDIO
    return ASM_ERR_UNSUPPORTED;
#else
    return output->path ? asm__open_path(out) : ASM_OK;
#endif
}

#ifndef ASM_NO_STDIO
static bool asm__should_stop(const asm_output_stream *out) {
    return out->output.should_stop && out->output.should_stop(out->output.user);
}

/* What to do about a write that took nothing, which came `times` before: ASM_OK to try again. */
static asm_result asm__write_took_nothing(asm_output_stream *out, asm__io_size written, int times) {
    const bool would_block = written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (written == 0) return times < ASM__MAX_NOTHING ? ASM_OK : ASM_ERR_WRITE;
    if (!would_block && errno != EINTR) return asm__system_failed(out, ASM_ERR_WRITE);
    if (asm__should_stop(out)) {
        errno = EINTR;
        return asm__system_failed(out, ASM_ERR_WRITE);
    }
    if (would_block) asm__system_wait(out->fd);
    return ASM_OK;
}

/* A line that goes out in several writes: where it begins in the caller's data, and where what was written of it ends
 * in the file. */
typedef struct asm__line_place {
    const char *begin;
    int64_t end;
} asm__line_place;

/* Takes note of a piece that went out and whether another process appended something between it and the one before,
 * which is part of the same line. */
static bool asm__was_cut_in_on(const asm_output_stream *out, asm__line_place *line, const char *piece,
                               const char *next) {
    if (!out->is_file) return false;
    const int64_t end = asm__system_seek(out->fd, 0, SEEK_CUR);
    const bool is_cut = piece > line->begin && end - (next - piece) != line->end;
    line->end = end;
    if (is_cut) return true;
    for (const char *p = next; p > piece; p--)
        if (p[-1] == '\n') {
            line->begin = p;
            break;
        }
    return false;
}

/* Where the next write stops: at the end of a line that was begun, so that only this line is written again. */
static const char *asm__piece_end(const asm__line_place *line, const char *data, const char *end) {
    const char *stop = data > line->begin ? (const char *)memchr(data, '\n', (size_t)(end - data)) : NULL;
    stop = stop ? stop + 1 : end;
    return (size_t)(stop - data) < ASM__MAX_WRITE ? stop : data + ASM__MAX_WRITE;
}

static asm_result asm__write_descriptor(asm_output_stream *out, const char *data, size_t size) {
    const char *end = data + size;
    asm__line_place line = {data, 0};
    int nothing = 0, again = 0;
    while (data < end) {
        const size_t wanted = (size_t)(asm__piece_end(&line, data, end) - data);
        const asm__io_size written = asm__system_write(out->fd, data, wanted);
        if (written <= 0) {
            const asm_result result = asm__write_took_nothing(out, written, nothing++);
            if (result != ASM_OK) return result;
            continue;
        }
        const char *next = data + written;
        out->last_byte = next[-1];
        nothing = 0;
        if (next == end && data == line.begin) return ASM_OK; /* nearly always, and at once */
        if (asm__was_cut_in_on(out, &line, data, next) && again++ < ASM__MAX_NOTHING) {
            if (out->last_byte != '\n' && asm__system_write(out->fd, "\n", 1) == 1) out->last_byte = '\n';
            next = line.begin;
        }
        data = next;
    }
    return ASM_OK;
}

static asm_result asm__write_stream(asm_output_stream *out, const char *data, size_t size) {
    FILE *stream = (FILE *)out->output.stream;
    if (fwrite(data, 1, size, stream) < size || fflush(stream) != 0)
        return asm__system_failed(out, ASM_ERR_WRITE);
    return ASM_OK;
}
#endif

ASM_API asm_result asm_output_stream_write(asm_output_stream *out, const char *data, size_t size) {
    asm_result result = ASM_ERR_UNSUPPORTED;
    if (!out || (size && !data)) return ASM_ERR_INVALID_ARGUMENT;
    if (size == 0) return ASM_OK;
    if (out->output.write) result = out->output.write(out->output.user, data, size);
#ifndef ASM_NO_STDIO
    else if (out->output.stream) result = asm__write_stream(out, data, size);
    else result = asm__write_descriptor(out, data, size);
    if (result != ASM_OK && !out->output.write && !out->output.stream) return result;
#endif
    out->last_byte = result == ASM_OK ? data[size - 1] : '\0';
    return result;
}

ASM_API asm_result asm_output_stream_sync(asm_output_stream *out) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
#ifndef ASM_NO_STDIO
    if (out->fd >= 0 && asm__system_sync(out->fd) != 0 && errno != EINVAL && errno != EROFS)
        return asm__system_failed(out, ASM_ERR_WRITE);
    if (out->is_new && asm__system_sync_directory(out->output.path) != 0 && errno != EINVAL)
        return asm__system_failed(out, ASM_ERR_WRITE);
    out->is_new = false;
#endif
    (void)out;
    return ASM_OK;
}

ASM_API asm_result asm_output_stream_close(asm_output_stream *out) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result = ASM_OK;
#ifndef ASM_NO_STDIO
    if (out->is_owned && asm__system_close(out->fd) != 0 && errno != EINTR)
        result = asm__system_failed(out, ASM_ERR_WRITE);
#endif
    out->is_owned = false;
    out->fd = -1;
    return result;
}

/* An output stream as the function of a stream buffer. */
static asm_result asm__write_to_stream(void *user, const char *data, size_t size) {
    return asm_output_stream_write((asm_output_stream *)user, data, size);
}

/* >>render: terminal */

#ifndef ASM_NO_STDIO
static const char *asm__environment(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

static bool asm__is_forced(const char *name) {
    const char *value = asm__environment(name);
    return *value && strcmp(value, "0") != 0;
}

static bool asm__is_dumb(void) {
    const char *term = asm__environment("TERM");
    return !*term || strcmp(term, "dumb") == 0;
}

/* Whether the version of the terminal's program, as it says in the environment, is at least that. */
static bool asm__is_program(const char *name, int major, int minor, int patch) {
    const int wanted[] = {major, minor, patch};
    const char *version = asm__environment("TERM_PROGRAM_VERSION");
    if (strcmp(asm__environment("TERM_PROGRAM"), name) != 0) return false;
    for (size_t i = 0; i < 3; i++) {
        const int number = atoi(version);
        if (number != wanted[i]) return number > wanted[i];
        version += strcspn(version, ".");
        version += *version == '.';
    }
    return true;
}

static bool asm__is_term(const char *prefix) {
    return strncmp(asm__environment("TERM"), prefix, strlen(prefix)) == 0;
}

/* Whether the terminal is known to lay out its lines anew when it becomes narrower; tmux does, whatever it stands in. */
static bool asm__has_reflow(bool in_tmux, bool in_screen) {
    static const char *const programs[] = {"Apple_Terminal", "ghostty", "iTerm.app", "vscode", "WezTerm"};
    static const char *const terms[] = {"alacritty", "contour", "foot", "xterm-ghostty", "xterm-kitty"};
    if (in_tmux) return true;
    if (in_screen) return false;
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        if (asm__is_program(programs[i], 0, 0, 0) || asm__is_term(terms[i])) return true;
    return *asm__environment("VTE_VERSION") || *asm__environment("WT_SESSION");
}

/* What a terminal obeys beyond colours and the cursor. */
static void asm__detect_commands(asm_terminal *terminal) {
    const bool in_tmux = *asm__environment("TMUX") || strcmp(asm__environment("TERM_PROGRAM"), "tmux") == 0;
    const bool in_screen = !in_tmux && (*asm__environment("STY") || asm__is_term("screen"));
    const char *vte = asm__environment("VTE_VERSION");
    terminal->has_reflow = terminal->has_cursor && asm__has_reflow(in_tmux, in_screen);
    if (!terminal->has_cursor || in_screen || asm__is_term("linux")) return;
    terminal->has_links = in_tmux ? asm__is_program("tmux", 3, 4, 0) : !*vte || atoi(vte) >= 5000;
    if (in_tmux) return;
    terminal->has_progress = strcmp(asm__environment("ConEmuANSI"), "ON") == 0 ||
                             *asm__environment("WT_SESSION") || asm__is_program("ghostty", 1, 2, 0) ||
                             asm__is_program("iTerm.app", 3, 6, 6);
    if (asm__is_program("iTerm.app", 0, 0, 0) || asm__is_program("WezTerm", 0, 0, 0) ||
        asm__is_program("ghostty", 0, 0, 0))
        terminal->notification = ASM_NOTIFICATION_OSC_9;
    else if (asm__is_term("foot") || asm__is_term("rxvt-unicode"))
        terminal->notification = ASM_NOTIFICATION_OSC_777;
    else if (asm__is_term("xterm-kitty")) terminal->notification = ASM_NOTIFICATION_OSC_99;
}

/* no-color.org, force-color.org, bixense.com/clicolors. */
static bool asm__wants_color(bool is_terminal) {
    if (*asm__environment("NO_COLOR")) return false;
    if (asm__is_forced("FORCE_COLOR") || asm__is_forced("CLICOLOR_FORCE")) return true;
    if (strcmp(asm__environment("CLICOLOR"), "0") == 0 || !is_terminal) return false;
    return !asm__is_dumb();
}

/* Whether a locale's name ends in UTF-8 or utf8, as in en_US.UTF-8 and C.utf8@modifier. */
static bool asm__is_utf8_locale(const char *locale) {
    const char *dot = strchr(locale, '.'), *wanted = "utf8";
    if (!dot) return false;
    for (dot++; *wanted; dot++) {
        if (*dot == '-') continue;
        if ((*dot | 0x20) != *wanted && *dot != *wanted) return false;
        wanted++;
    }
    return *dot == '\0' || *dot == '@';
}
#endif

ASM_API asm_terminal asm_terminal_detect(int fd) {
    asm_terminal terminal;
    memset(&terminal, 0, sizeof terminal);
    terminal.columns = 80;
    terminal.rows = 24;
#ifndef ASM_NO_STDIO
    {
        static const char *const variables[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        int columns = atoi(asm__environment("COLUMNS")), i;
#ifdef _WIN32
        terminal.is_terminal = _isatty(fd) != 0;
#else
        struct winsize window;
        memset(&window, 0, sizeof window);
        terminal.is_terminal = isatty(fd) != 0;
        if (terminal.is_terminal) ioctl(fd, TIOCGWINSZ, &window);
        if (window.ws_col > 0) columns = window.ws_col;
        if (window.ws_row > 0) terminal.rows = window.ws_row;
#endif
        terminal.home = getenv("HOME");
        terminal.has_color = asm__wants_color(terminal.is_terminal);
        terminal.has_cursor = terminal.is_terminal && !asm__is_dumb();
        asm__detect_commands(&terminal);
        if (columns >= 20 && columns <= 1000) terminal.columns = columns;
        for (i = 0; i < 3; i++) {
            const char *locale = asm__environment(variables[i]);
            if (!*locale) continue;
            terminal.has_utf8 = asm__is_utf8_locale(locale);
            break;
        }
    }
#endif
    (void)fd;
    return terminal;
}

/* >>render: escape sequences */

enum {
    ASM__PLAIN,
    ASM__AFTER_CR,
    ASM__AFTER_ESCAPE,
    ASM__IN_CONTROL_SEQUENCE,
    ASM__IN_CONTROL_STRING,
    ASM__STRING_ESCAPE
};

/* The state after a byte of an escape sequence (ECMA-48, section 5.4; control strings also end with the line,
 * so that one that is never closed cannot hide the rest). ASM__PLAIN with `*keep` for a byte that does not
 * belong to it. */
static unsigned asm__escape_state(unsigned state, unsigned char c, bool *keep) {
    *keep = false;
    if (c == 0x1B) return state == ASM__IN_CONTROL_STRING ? ASM__STRING_ESCAPE : ASM__AFTER_ESCAPE;
    switch (state) {
    case ASM__STRING_ESCAPE:
        if (c == '\\') return ASM__PLAIN;
        /* fall through */
    case ASM__AFTER_ESCAPE:
        if (c == '[') return ASM__IN_CONTROL_SEQUENCE;
        if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') return ASM__IN_CONTROL_STRING;
        if (c >= 0x20 && c < 0x30) return ASM__AFTER_ESCAPE;
        *keep = c < 0x20 || c >= 0x7F;
        return ASM__PLAIN;
    case ASM__IN_CONTROL_SEQUENCE:
        if (c >= 0x20 && c < 0x40) return ASM__IN_CONTROL_SEQUENCE;
        *keep = c < 0x20 || c >= 0x7F;
        return ASM__PLAIN;
    default:
        if (c == 0x07) return ASM__PLAIN;
        *keep = c == '\n';
        return *keep ? ASM__PLAIN : ASM__IN_CONTROL_STRING;
    }
}

/* >>render: tty sink */

static asm_sink asm__sink(void *self, const char *name, asm_result result) {
    asm_sink sink;
    memset(&sink, 0, sizeof sink);
    sink.self = self;
    sink.name = name;
    sink.result = result;
    return sink;
}

/* Opens where a sink writes, through a stream buffer over `memory`. */
static asm_result asm__open_through(asm_output_stream *out, asm_buffer *pending, const asm_output *output,
                                    char *memory, size_t size) {
    asm_result result;
    asm_buffer_init_stream(pending, memory, size, asm__write_to_stream, out);
    result = pending->result;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    return result == ASM_OK ? asm_output_stream_open(out, output) : result;
}

static const char *asm__output_name(const asm_output *output, const char *otherwise) {
    return output->path ? output->path : otherwise;
}

/* The size of the signals before transient lines. */
static size_t asm__signals_size(asm_str lines) {
    size_t size = 0;
    while (size < lines.size) {
        if (lines.data[size] == '\a') {
            size++;
            continue;
        }
        if (!asm__begins_with(asm__without(lines, size), "\033]")) break;
        size_t end = size + 2;
        while (end < lines.size && lines.data[end] != '\033')
            end++;
        if (end + 2 > lines.size) break;
        size = end + 2;
    }
    return size;
}

static asm_result asm__tty_put(asm_tty_sink *sink, asm_str text) {
    if (sink->pending.write) return asm_buffer_append(&sink->pending, text);
    return asm_output_stream_write(&sink->out, text.data, text.size);
}

/* How many rows of the screen a line takes, from `at` on, which is moved past its LF. Escape sequences take no place;
 * wide characters count as one, as it is better to leave a row standing than to erase one too many. */
static int asm__rows_of_line(asm_str lines, size_t *at, int columns) {
    int rows = 1, column = 0;
    unsigned state = ASM__PLAIN;
    while (*at < lines.size && lines.data[*at] != '\n') {
        const unsigned char c = (unsigned char)lines.data[*at];
        bool keep = true;
        int width;
        if (state != ASM__PLAIN || c == 0x1B) {
            state = state == ASM__PLAIN ? (unsigned)ASM__AFTER_ESCAPE : asm__escape_state(state, c, &keep);
            ++*at;
            continue;
        }
        width = asm__columns_of_character(asm_utf8_decode(lines, at));
        if (column + width > columns && columns > 0) { /* a wide one does not stand in the last column */
            rows++;
            column = 0;
        }
        column += width;
    }
    ++*at;
    return rows;
}

static int asm__rows_of(asm_str lines, int columns) {
    int rows = 0;
    for (size_t at = 0; at < lines.size;)
        rows += asm__rows_of_line(lines, &at, columns);
    return rows;
}

/* Takes the transient lines off the screen. They may take more rows than they did, if the window is narrower now. Where
 * that is not known, rather some of them stay than that text above them goes. */
static asm_result asm__tty_erase(asm_tty_sink *sink) {
    const asm_str lines = asm_str_make(sink->lines, sink->lines_size);
    int rows = asm__rows_of(lines, sink->terminal.has_reflow ? sink->terminal.columns : 0);
    char memory[32];
    asm_buffer sequence;
    asm_json_writer writer;
    if (!sink->is_shown) return ASM_OK;
    sink->is_shown = false;
    if (rows >= sink->terminal.rows) rows = sink->terminal.rows - 1; /* the others have left the screen */
    asm_buffer_init_fixed(&sequence, memory, sizeof memory);
    asm__append_literal(&sequence, "\r\033[");
    asm_json_writer_init(&writer, &sequence);
    asm_json_write_int64(&writer, rows);
    asm__append_literal(&sequence, "A\033[J");
    return asm__tty_put(sink, asm_buffer_text(&sequence));
}

static asm_result asm__tty_draw(asm_tty_sink *sink) {
    if (sink->is_shown || sink->lines_size == 0) return ASM_OK;
    sink->is_shown = true;
    return asm__tty_put(sink, asm_str_make(sink->lines, sink->lines_size));
}

static asm_result asm__tty_write(void *self, asm_str text) {
    asm_tty_sink *sink = (asm_tty_sink *)self;
    if (text.size == 0) return ASM_OK;
    const asm_result result = asm__tty_erase(sink);
    return result == ASM_OK ? asm__tty_put(sink, text) : result;
}

static asm_result asm__tty_write_event(void *self, const asm_event *event, asm_str text) {
    (void)event;
    return asm__tty_write(self, text);
}

static asm_result asm__tty_show(void *self, asm_str lines) {
    asm_tty_sink *sink = (asm_tty_sink *)self;
    const size_t signals = asm__signals_size(lines);
    if (signals > 0) {
        const asm_result told = asm__tty_put(sink, asm_str_make(lines.data, signals));
        if (told != ASM_OK) return told;
        lines = asm__without(lines, signals);
    }
    if (lines.size > sizeof sink->lines || asm__rows_of(lines, sink->terminal.columns) >= sink->terminal.rows)
        lines.size = 0; /* what has left the screen could not be taken off it */
    const bool is_same = asm_str_equal(lines, asm_str_make(sink->lines, sink->lines_size));
    if (is_same && (sink->is_shown || lines.size == 0)) return ASM_OK;
    const asm_result result = asm__tty_erase(sink);
    if (result != ASM_OK) return result;
    if (lines.size > 0) memcpy(sink->lines, lines.data, lines.size);
    sink->lines_size = lines.size;
    return sink->pending.write ? ASM_OK
                               : asm__tty_draw(sink); /* what is gathered is drawn once, when it goes out */
}

static asm_result asm__tty_flush(void *self) {
    asm_tty_sink *sink = (asm_tty_sink *)self;
    const asm_result result = asm__tty_draw(sink);
    return result == ASM_OK ? asm_buffer_flush(&sink->pending) : result;
}

static asm_result asm__tty_close(void *self) {
    return asm_output_stream_close(&((asm_tty_sink *)self)->out);
}

/* The output's descriptor; -1 if it is a function. */
static int asm__output_descriptor(const asm_output_stream *out) {
#ifndef ASM_NO_STDIO
    if (out->output.stream) return asm__system_descriptor((FILE *)out->output.stream);
#endif
    return out->fd;
}

static const asm_terminal *asm__tty_terminal(void *self) {
    asm_tty_sink *sink = (asm_tty_sink *)self;
    const int fd = asm__output_descriptor(&sink->out);
    if (fd < 0) return NULL;
    sink->terminal = asm_terminal_detect(fd);
    return &sink->terminal;
}

ASM_API asm_sink asm_tty_sink_init(asm_tty_sink *sink, const asm_tty_sink_options *options) {
    if (!sink) return asm__sink(NULL, "tty", ASM_ERR_INVALID_ARGUMENT);
    asm_output output;
    asm_result result;
    asm_sink table;
    memset(&output, 0, sizeof output);
    memset(sink, 0, sizeof *sink);
    sink->terminal.columns = 80;
    sink->terminal.rows = 24;
    if (options) output = options->output;
    if (!output.path && !output.stream && output.fd <= 0 && !output.write) output.fd = 1;
    if (options && options->buffer)
        result =
            asm__open_through(&sink->out, &sink->pending, &output, options->buffer, options->buffer_size);
    else result = asm_output_stream_open(&sink->out, &output);
    table = asm__sink(sink, asm__output_name(&output, "tty"), result);
    table.write = asm__tty_write;
    table.write_event = asm__tty_write_event;
    table.show = asm__tty_show;
    table.terminal = asm__tty_terminal;
    table.flush = asm__tty_flush;
    table.close = asm__tty_close;
    return table;
}

/* >>render: file sink */

/* The end of the run from `p` that holds neither ESC nor CR. */
static const char *asm__unescaped_end(const char *p, const char *end) {
    while (p < end && *p != 0x1B && *p != '\r')
        p++;
    return p;
}

static asm_result asm__file_write(void *self, asm_str text) {
    asm_file_sink *sink = (asm_file_sink *)self;
    const char *p = text.data, *end = p + text.size;
    while (text.size > 0 && p < end) {
        bool keep = false;
        if (sink->state == ASM__PLAIN) {
            const char *stop = asm__unescaped_end(p, end);
            asm_buffer_append(&sink->pending, asm_str_make(p, (size_t)(stop - p)));
            p = stop;
            if (p == end) break;
            sink->state = *p == '\r' ? ASM__AFTER_CR : ASM__AFTER_ESCAPE;
            p++;
        } else if (sink->state == ASM__AFTER_CR) {
            if (*p == '\n') asm_buffer_append_byte(&sink->pending, '\r');
            sink->state = ASM__PLAIN;
        } else {
            sink->state = asm__escape_state(sink->state, (unsigned char)*p, &keep);
            if (!keep) p++;
        }
    }
    return sink->gather ? sink->pending.result : asm_buffer_flush(&sink->pending);
}

static asm_result asm__file_write_event(void *self, const asm_event *event, asm_str text) {
    (void)event;
    return asm__file_write(self, text);
}

static asm_result asm__file_flush(void *self) {
    return asm_buffer_flush(&((asm_file_sink *)self)->pending);
}

static asm_result asm__file_close(void *self) {
    return asm_output_stream_close(&((asm_file_sink *)self)->out);
}

ASM_API asm_sink asm_file_sink_init(asm_file_sink *sink, const asm_file_sink_options *options) {
    if (!sink || !options) return asm__sink(NULL, "file", ASM_ERR_INVALID_ARGUMENT);
    asm_result result;
    asm_sink table;
    memset(sink, 0, sizeof *sink);
    sink->gather = options->buffer != NULL;
    result = asm__open_through(&sink->out, &sink->pending, &options->output,
                               sink->gather ? options->buffer : sink->memory,
                               sink->gather ? options->buffer_size : sizeof sink->memory);
    table = asm__sink(sink, asm__output_name(&options->output, "file"), result);
    table.write = asm__file_write;
    table.write_event = asm__file_write_event;
    table.flush = asm__file_flush;
    table.close = asm__file_close;
    return table;
}

/* >>render: jsonl sink */

#define ASM__GATHERED ((size_t)64 * 1024)

/* Writes the records that were gathered. */
static asm_result asm__jsonl_out(asm_jsonl_sink *sink) {
    asm_result result = ASM_OK;
    if (sink->line.size == 0) return sink->line.result;
    if (sink->torn) result = asm_output_stream_write(&sink->out, "\n", 1);
    if (result == ASM_OK) {
        sink->torn = false;
        sink->out.last_byte = '\n';
        result = asm_output_stream_write(&sink->out, sink->line.data, sink->line.size);
        sink->torn = result != ASM_OK && sink->out.last_byte != '\n';
    }
    asm_buffer_clear(&sink->line);
    return result;
}

static asm_result asm__jsonl_sync(asm_jsonl_sink *sink) {
    if (sink->options.sync_every == 0 || sink->unsynced == 0) return ASM_OK;
    sink->unsynced = 0;
    return asm_output_stream_sync(&sink->out);
}

static asm_result asm__append_record(asm_jsonl_sink *sink, const asm_event *event, asm_buffer *out) {
    asm_result result =
        sink->options.compact ? asm_event_write_compact(event, out) : asm_event_write_json(event, out);
    return result == ASM_OK ? asm_buffer_append_byte(out, '\n') : result;
}

/* A record that is longer than the buffer, in several writes. */
static asm_result asm__jsonl_long_record(asm_jsonl_sink *sink, const asm_event *event) {
    asm_result result;
    asm_buffer pieces;
    if (sink->torn) result = asm_output_stream_write(&sink->out, "\n", 1);
    else result = ASM_OK;
    if (result != ASM_OK) return result;
    sink->torn = false;
    sink->out.last_byte = '\n';
    asm_buffer_init_stream(&pieces, sink->line.data, sink->line.capacity, asm__write_to_stream, &sink->out);
    result = asm__append_record(sink, event, &pieces);
    if (result == ASM_OK) result = asm_buffer_flush(&pieces);
    sink->torn = result != ASM_OK && sink->out.last_byte != '\n';
    return result;
}

static asm_result asm__jsonl_event(void *self, const asm_event *event, asm_str text) {
    asm_jsonl_sink *sink = (asm_jsonl_sink *)self;
    size_t begin = sink->line.size;
    asm_result result = asm__append_record(sink, event, &sink->line);
    (void)text;
    if (result == ASM_ERR_NO_SPACE) {
        sink->line.size = begin; /* only whole records */
        sink->line.result = ASM_OK;
        result = asm__jsonl_out(sink);
        if (result == ASM_OK) result = asm__append_record(sink, event, &sink->line);
        if (result == ASM_ERR_NO_SPACE) {
            asm_buffer_clear(&sink->line);
            result = asm__jsonl_long_record(sink, event);
        }
    }
    if (result == ASM_OK &&
        (!sink->options.gather || (sink->line.growing && sink->line.size >= ASM__GATHERED)))
        result = asm__jsonl_out(sink);
    if (result != ASM_OK) return result;
    sink->records++;
    sink->unsynced++;
    if (sink->options.sync_every == 0 || sink->unsynced < sink->options.sync_every) return ASM_OK;
    result = asm__jsonl_out(sink);
    return result == ASM_OK ? asm__jsonl_sync(sink) : result;
}

static asm_result asm__jsonl_flush(void *self) {
    return asm__jsonl_out((asm_jsonl_sink *)self);
}

static asm_result asm__jsonl_close(void *self) {
    asm_jsonl_sink *sink = (asm_jsonl_sink *)self;
    asm_result result = asm__jsonl_sync(sink), closed = asm_output_stream_close(&sink->out);
    asm_buffer_close(&sink->line);
    return result != ASM_OK ? result : closed;
}

ASM_API asm_sink asm_jsonl_sink_init(asm_jsonl_sink *sink, const asm_jsonl_sink_options *options) {
    if (!sink || !options) return asm__sink(NULL, "jsonl", ASM_ERR_INVALID_ARGUMENT);
    asm_result result;
    asm_sink table;
    memset(sink, 0, sizeof *sink);
    sink->options = *options;
    if (options->buffer) asm_buffer_init_fixed(&sink->line, options->buffer, options->buffer_size);
    else asm_buffer_init_growing(&sink->line);
    result = asm_output_stream_open(&sink->out, &options->output);
    if (result == ASM_OK && options->buffer && options->buffer_size < ASM_BUFFER_STREAM_MIN)
        result = ASM_ERR_INVALID_ARGUMENT;
    table = asm__sink(sink, asm__output_name(&options->output, "jsonl"), result);
    table.write_event = asm__jsonl_event;
    table.flush = asm__jsonl_flush;
    table.close = asm__jsonl_close;
    return table;
}

/* >>render: callback sink */

static asm_result asm__callback_write_event(void *self, const asm_event *event, asm_str text) {
    asm_callback_sink *sink = (asm_callback_sink *)self;
    sink->on_text(sink->user, event, text);
    return ASM_OK;
}

static asm_result asm__callback_write(void *self, asm_str text) {
    return asm__callback_write_event(self, NULL, text);
}

ASM_API asm_sink asm_callback_sink_init(asm_callback_sink *sink, asm_text_callback callback, void *user) {
    if (!sink) return asm__sink(NULL, "callback", ASM_ERR_INVALID_ARGUMENT);
    asm_sink table = asm__sink(sink, "callback", callback ? ASM_OK : ASM_ERR_INVALID_ARGUMENT);
    memset(sink, 0, sizeof *sink);
    sink->on_text = callback;
    sink->user = user;
    table.write = asm__callback_write;
    table.write_event = asm__callback_write_event;
    return table;
}

static asm_result asm__callback_give_event(void *self, const asm_event *event, asm_str text) {
    const asm_callback_sink *sink = (const asm_callback_sink *)self;
    (void)text;
    sink->on_event(sink->user, event);
    return ASM_OK;
}

ASM_API asm_sink asm_event_sink_init(asm_callback_sink *sink, asm_event_callback callback, void *user) {
    if (!sink) return asm__sink(NULL, "event", ASM_ERR_INVALID_ARGUMENT);
    asm_sink table = asm__sink(sink, "event", callback ? ASM_OK : ASM_ERR_INVALID_ARGUMENT);
    memset(sink, 0, sizeof *sink);
    sink->on_event = callback;
    sink->user = user;
    table.write_event = asm__callback_give_event;
    return table;
}

/* >>render: redact */

/* What the characters of a secret may be. */
enum {
    ASM__LETTERS = 1,  /* and digits */
    ASM__CAPITALS = 2, /* and digits */
    ASM__DASHES = 4,   /* - _ */
    ASM__POINTS = 8,   /* . */
    ASM__BASE64 = 16   /* + / = ~ */
};

#define ASM__TOKEN       (ASM__LETTERS | ASM__DASHES)
#define ASM__MAX_HELD    ((size_t)64 * 1024) /* bytes of a secret that has not ended */
#define ASM__MAX_NAME    ((size_t)64)        /* bytes of a name that something is assigned to */
#define ASM__MAX_URL     ((size_t)512)       /* bytes of user and password */
#define ASM__LEAST_VALUE ((size_t)20)        /* bytes that are assigned */

static const struct {
    const char *kind, *prefix;
    size_t least; /* characters after the prefix */
    int characters;
    bool keeps_prefix; /* which is no part of the secret */
} asm__secrets[] = {
    {"anthropic", "sk-ant-", 20, ASM__TOKEN, false},
    {"openai", "sk-proj-", 20, ASM__TOKEN, false},
    {"openai", "sk-svcacct-", 20, ASM__TOKEN, false},
    {"openai", "sk-", 32, ASM__LETTERS, false},
    {"github", "ghp_", 36, ASM__LETTERS, false},
    {"github", "gho_", 36, ASM__LETTERS, false},
    {"github", "ghu_", 36, ASM__LETTERS, false},
    {"github", "ghs_", 36, ASM__LETTERS, false},
    {"github", "ghr_", 36, ASM__LETTERS, false},
    {"github", "github_pat_", 22, ASM__TOKEN, false},
    {"gitlab", "glpat-", 20, ASM__TOKEN, false},
    {"aws", "AKIA", 16, ASM__CAPITALS, false},
    {"aws", "ASIA", 16, ASM__CAPITALS, false},
    {"google", "AIza", 35, ASM__TOKEN, false},
    {"slack", "xoxb-", 20, ASM__TOKEN, false},
    {"slack", "xoxp-", 20, ASM__TOKEN, false},
    {"slack", "xoxa-", 20, ASM__TOKEN, false},
    {"slack", "xoxr-", 20, ASM__TOKEN, false},
    {"slack", "xoxs-", 20, ASM__TOKEN, false},
    {"stripe", "sk_live_", 16, ASM__LETTERS, false},
    {"stripe", "rk_live_", 16, ASM__LETTERS, false},
    {"npm", "npm_", 36, ASM__LETTERS, false},
    {"huggingface", "hf_", 30, ASM__LETTERS, false},
    {"pypi", "pypi-", 50, ASM__TOKEN, false},
    {"sendgrid", "SG.", 40, ASM__TOKEN | ASM__POINTS, false},
    {"jwt", "eyJ", 40, ASM__TOKEN | ASM__POINTS, false},
    {"bearer", "Bearer ", 20, ASM__TOKEN | ASM__POINTS | ASM__BASE64, true},
    {"bearer", "bearer ", 20, ASM__TOKEN | ASM__POINTS | ASM__BASE64, true},
    {"basic", "Basic ", 16, ASM__LETTERS | ASM__BASE64, true},
};

static bool asm__is_letter(char c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool asm__is_of_class(char c, int characters) {
    if (asm__is_digit(c)) return true;
    if (asm__is_letter(c)) return (characters & ASM__LETTERS) || ((characters & ASM__CAPITALS) && c <= 'Z');
    if (c == '-' || c == '_') return (characters & ASM__DASHES) != 0;
    if (c == '.') return (characters & ASM__POINTS) != 0;
    return (characters & ASM__BASE64) && (c == '+' || c == '/' || c == '=' || c == '~');
}

static const char *asm__class_end(const char *p, const char *end, int characters) {
    while (p < end && asm__is_of_class(*p, characters))
        p++;
    return p;
}

static bool asm__has_digit(const char *p, const char *end) {
    while (p < end && !asm__is_digit(*p))
        p++;
    return p < end;
}

static size_t asm__count_points(const char *p, const char *end) {
    size_t count = 0;
    for (; p < end; p++)
        count += *p == '.';
    return count;
}

/* A place in a text, looked at: a secret stands from `begin` to `end`; or nothing, `end` NULL, and then `is_open` if
 * more of the text could make it one. */
typedef struct asm__secret {
    const char *kind, *begin, *end;
    bool is_open;
} asm__secret;

static asm__secret asm__no_secret(bool is_open) {
    asm__secret none;
    memset(&none, 0, sizeof none);
    none.is_open = is_open;
    return none;
}

static asm__secret asm__a_secret(const char *kind, const char *begin, const char *end) {
    asm__secret secret;
    secret.kind = kind;
    secret.begin = begin;
    secret.end = end;
    secret.is_open = false;
    return secret;
}

/* How much of the literal stands at `p`: all of it, or all that is there; 0 if it is something else. */
static size_t asm__match(const char *p, const char *end, const char *literal) {
    if (*p != *literal) return 0;
    const size_t size = strlen(literal), there = (size_t)(end - p) < size ? (size_t)(end - p) : size;
    return memcmp(p, literal, there) == 0 ? there : 0;
}

/* `is_all`: nothing comes after `end`. */
static asm__secret asm__prefixed_secret(const char *p, const char *end, bool is_all) {
    bool is_open = false;
    for (size_t i = 0; i < sizeof asm__secrets / sizeof *asm__secrets; i++) {
        const size_t matched = asm__match(p, end, asm__secrets[i].prefix);
        if (matched == 0) continue;
        const size_t size = strlen(asm__secrets[i].prefix);
        const char *value = p + size, *stop;
        is_open = is_open || !is_all;
        if (matched < size) continue;
        stop = asm__class_end(value, end, asm__secrets[i].characters);
        if (stop == end && !is_all && (size_t)(end - p) < ASM__MAX_HELD) return asm__no_secret(true);
        if ((size_t)(stop - value) < asm__secrets[i].least || !asm__has_digit(value, stop)) continue;
        if (strcmp(asm__secrets[i].kind, "jwt") == 0 && asm__count_points(value, stop) < 2) continue;
        return asm__a_secret(asm__secrets[i].kind, asm__secrets[i].keeps_prefix ? value : p, stop);
    }
    return asm__no_secret(is_open && end - p < 16);
}

static const char *asm__find(const char *p, const char *end, const char *literal) {
    const size_t size = strlen(literal);
    for (; (size_t)(end - p) >= size; p++)
        if (memcmp(p, literal, size) == 0) return p;
    return NULL;
}

static asm__secret asm__private_key(const char *p, const char *end, bool is_all) {
    static const char begin[] = "-----BEGIN ", title[] = "PRIVATE KEY", last[] = "-----END ";
    const size_t matched = asm__match(p, end, begin);
    const char *name = p + sizeof begin - 1, *named, *stop;
    if (matched == 0) return asm__no_secret(false);
    if (matched < sizeof begin - 1) return asm__no_secret(!is_all);
    named = asm__find(name, (size_t)(end - name) < 40 ? end : name + 40, title);
    if (!named) return asm__no_secret(!is_all && end - name < 40);
    stop = asm__find(named, end, last);
    if (stop) stop = asm__find(stop + sizeof last - 1, end, "-----");
    if (stop) return asm__a_secret("private-key", p, stop + 5);
    if (!is_all && (size_t)(end - p) < ASM__MAX_HELD) return asm__no_secret(true);
    return asm__a_secret("private-key", p, end);
}

/* "://USER:PASSWORD@" */
static asm__secret asm__url_password(const char *p, const char *end, bool is_all) {
    const size_t matched = asm__match(p, end, "://");
    const char *colon = NULL;
    if (matched == 0) return asm__no_secret(false);
    if (matched < 3) return asm__no_secret(!is_all);
    for (const char *at = p + 3; at < end && (size_t)(at - p) < ASM__MAX_URL; at++) {
        if (*at == '@' && colon && at > colon + 1) return asm__a_secret("password", colon + 1, at);
        if (*at == ':' && !colon) colon = at;
        if ((unsigned char)*at <= ' ' || strchr("/\"'<>`@", *at)) return asm__no_secret(false);
    }
    return asm__no_secret(!is_all && (size_t)(end - p) < ASM__MAX_URL);
}

static bool asm__redact_is_value(const char *p, const char *end) {
    bool has_capital = false, has_small = false, has_digit = false, is_hex = true;
    const size_t size = (size_t)(end - p);
    for (; p < end; p++) {
        has_digit = has_digit || asm__is_digit(*p);
        has_capital = has_capital || (*p >= 'A' && *p <= 'Z');
        has_small = has_small || (*p >= 'a' && *p <= 'z');
        is_hex = is_hex && (asm__is_digit(*p) || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f'));
    }
    if (is_hex && has_digit && size >= 32) return true;
    return has_capital && has_small && has_digit && size >= ASM__LEAST_VALUE;
}

/* NAME=VALUE, NAME: "VALUE" and the like. */
static asm__secret asm__assignment(const char *p, const char *end, bool is_all) {
    const char *name_end = asm__class_end(p, end, ASM__TOKEN), *value, *stop;
    if ((size_t)(name_end - p) > ASM__MAX_NAME) return asm__no_secret(false);
    if (name_end == end) return asm__no_secret(!is_all);
    if (!asm__is_secret_name(asm_str_make(p, (size_t)(name_end - p)))) return asm__no_secret(false);
    for (value = name_end; value < end && value - name_end < 6 && strchr("\"' :=", *value); value++)
        continue;
    if (value == name_end) return asm__no_secret(false);
    stop = asm__class_end(value, end, ASM__TOKEN | ASM__BASE64);
    if (stop == end && !is_all && (size_t)(end - p) < ASM__MAX_HELD) return asm__no_secret(true);
    if (memchr(name_end, '=', (size_t)(value - name_end)) ||
        memchr(name_end, ':', (size_t)(value - name_end)))
        if (asm__redact_is_value(value, stop)) return asm__a_secret("assignment", value, stop);
    return asm__no_secret(false);
}

/* What stands at `p`; `before` is the character before it, 0 if there is none. */
static asm__secret asm__secret_at(char before, const char *p, const char *end, bool is_all) {
    asm__secret found;
    if (*p == '-') return before == '-' ? asm__no_secret(false) : asm__private_key(p, end, is_all);
    if (*p == ':') return asm__url_password(p, end, is_all);
    if (!asm__is_letter(*p) || asm__is_letter(before) || asm__is_digit(before)) return asm__no_secret(false);
    found = asm__prefixed_secret(p, end, is_all);
    if (found.end || found.is_open || before == '_' || before == '-') return found;
    return asm__assignment(p, end, is_all);
}

/* Appends text with its secrets replaced, and returns how much of it: all, or, if more comes, what cannot be part of a
 * secret. */
static size_t asm__redact(asm_buffer *out, asm_str text, bool is_all, uint64_t *count) {
    const char *p = text.data, *end = p + text.size, *begin = p;
    char before = 0;
    while (text.size > 0 && p < end) {
        const asm__secret found = asm__secret_at(before, p, end, is_all);
        if (found.is_open) break;
        if (found.end) {
            asm_buffer_append(out, asm_str_make(begin, (size_t)(found.begin - begin)));
            asm__append_literal(out, "\xE2\x80\xB9redacted:");
            asm__append_literal(out, found.kind);
            asm__append_literal(out, "\xE2\x80\xBA");
            ++*count;
            before = found.end[-1];
            begin = p = found.end;
        } else {
            before = *p++;
        }
    }
    if (text.size == 0) return 0;
    asm_buffer_append(out, asm_str_make(begin, (size_t)(p - begin)));
    return (size_t)(p - text.data);
}

ASM_API asm_result asm_redact_text(asm_buffer *out, asm_str text, uint64_t *count) {
    if (!out) return ASM_ERR_INVALID_ARGUMENT;
    uint64_t unused = 0;
    asm__redact(out, text, true, count ? count : &unused);
    return out->result;
}

/* The end of the JSON string that begins at `p`. */
static const char *asm__json_string_end(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : end;
}

/* Appends a string of valid JSON, decoded and escaped anew only if there is a secret in it. `name` is that of the member
 * whose value it is. */
static void asm__redact_json_string(asm_redact *redact, asm_str raw, asm_str name) {
    const asm_str inside = asm_json_string_inside(raw);
    const uint64_t before = redact->count;
    asm_buffer plain = redact->text;
    char memory[256];
    asm_buffer_clear(&plain);
    for (size_t at = 0; at < inside.size;)
        asm_buffer_append(&plain, asm_json_string_piece(inside, &at, memory, sizeof memory));
    asm_buffer_clear(&redact->scratch);
    if (plain.size > 0 && asm__is_secret_name(name) &&
        asm__class_end(plain.data, plain.data + plain.size, ASM__TOKEN | ASM__BASE64) ==
            plain.data + plain.size &&
        asm__redact_is_value(plain.data, plain.data + plain.size)) {
        redact->count++;
        asm__append_literal(&redact->scratch, "\xE2\x80\xB9redacted:assignment\xE2\x80\xBA");
    } else {
        asm__redact(&redact->scratch, asm_buffer_text(&plain), true, &redact->count);
    }
    if (plain.result != ASM_OK) redact->redacted.result = plain.result;
    if (redact->scratch.result != ASM_OK) redact->redacted.result = redact->scratch.result;
    redact->text = plain;
    if (redact->count == before) {
        asm_buffer_append(&redact->redacted, raw);
    } else {
        asm_json_writer writer;
        asm_json_writer_init(&writer, &redact->redacted);
        asm_json_write_string(&writer, asm_buffer_text(&redact->scratch));
    }
}

/* Writes the event's line with the secrets of all its strings replaced. */
static void asm__redact_json(asm_redact *redact, asm_str json) {
    const char *p = json.data, *end = p + json.size;
    asm_str name = asm_str_make("", 0);
    asm_buffer_clear(&redact->redacted);
    while (p < end) {
        const char *quote = (const char *)memchr(p, '"', (size_t)(end - p)), *stop;
        asm_buffer_append(&redact->redacted, asm_str_make(p, (size_t)((quote ? quote : end) - p)));
        if (!quote) break;
        stop = asm__json_string_end(quote, end);
        if (stop < end && *stop == ':') {
            name = asm_str_make(quote + 1, (size_t)(stop - quote) - 2);
            asm_buffer_append(&redact->redacted, asm_str_make(quote, (size_t)(stop - quote)));
        } else {
            asm__redact_json_string(redact, asm_str_make(quote, (size_t)(stop - quote)), name);
            if (stop < end && *stop != ']' && *stop != ',') name = asm_str_make("", 0);
        }
        p = stop;
    }
}

static asm_result asm__redact_fail(asm_redact *redact, asm_result result) {
    if (result != ASM_OK && redact->result == ASM_OK) redact->result = result;
    return result;
}

static void asm__redact_give(asm_redact *redact, const asm_event *event) {
    redact->is_giving = true;
    redact->options.on_event(redact->options.user, event);
    redact->is_giving = false;
}

/* Gives an event on, changed if one of its texts has a secret. */
static asm_result asm__redact_pass(asm_redact *redact, const asm_event *event) {
    const uint64_t before = redact->count;
    asm_event changed;
    asm_result result;
    asm_buffer_clear(&redact->line);
    result = asm_event_write_json(event, &redact->line);
    if (result != ASM_OK) return asm__redact_fail(redact, result);
    asm__redact_json(redact, asm_buffer_text(&redact->line));
    if (redact->redacted.result != ASM_OK) return asm__redact_fail(redact, redact->redacted.result);
    if (redact->count == before) {
        asm__redact_give(redact, event);
        return ASM_OK;
    }
    asm_buffer_clear(&redact->scratch);
    result = asm_event_read_json(&changed, asm_buffer_text(&redact->redacted), &redact->scratch, NULL);
    if (result == ASM_OK) asm__redact_give(redact, &changed);
    return asm__redact_fail(redact, result);
}

/* The piece that a streamed text grows by; NULL if the event is none. */
static asm_str *asm__streamed_piece(asm_event *event) {
    if (event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED)
        return event->tool.delta.data ? &event->tool.delta : NULL;
    if (event->type != ASM_EVENT_MESSAGE_STREAMED) return NULL;
    return event->message.delta.data ? &event->message.delta : &event->message.content;
}

/* Who speaks: the tool call of a sub-agent, or whose output it is; absent for the main agent. */
static asm_str asm__redact_speaker(const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_SENT:
        return event->message.parent_tool_call_id;
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
        return event->tool.call_id;
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return event->tool.parent_tool_call_id;
    default:
        return asm_str_make(NULL, 0);
    }
}

static bool asm__is_same_text(const asm_event *a, const asm_event *b) {
    return a->type == b->type && asm_str_equal(a->session_id, b->session_id) &&
           asm_str_equal(asm__redact_speaker(a), asm__redact_speaker(b)) &&
           (a->type != ASM_EVENT_MESSAGE_STREAMED || a->message.thinking.value == b->message.thinking.value);
}

/* Gives on what is held back of a text, as one more piece of it. */
static asm_result asm__redact_release(asm_redact *redact, size_t at) {
    const asm_event *event = redact->lanes[at].event;
    redact->lanes[at].event = NULL;
    return event ? asm__redact_pass(redact, event) : ASM_OK;
}

static bool asm__ends_text(const asm_event *event, const asm_event *text) {
    if (!asm_str_equal(event->session_id, text->session_id)) return false;
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        return true;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        if (text->type == ASM_EVENT_TOOL_OUTPUT_STREAMED)
            return asm_str_equal(event->tool.call_id, text->tool.call_id);
        /* fall through */
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_SENT:
    case ASM_EVENT_TOOL_CALL_STARTED:
        return text->type == ASM_EVENT_MESSAGE_STREAMED &&
               asm_str_equal(asm__redact_speaker(event), asm__redact_speaker(text));
    default:
        return false;
    }
}

/* Releases the texts that the event ends. */
static asm_result asm__redact_end_texts(asm_redact *redact, const asm_event *event) {
    asm_result result = ASM_OK;
    for (size_t i = 0; i < ASM_REDACT_LANES; i++) {
        const asm_event *text = redact->lanes[i].event;
        if (!text || asm__is_same_text(event, text) || !asm__ends_text(event, text)) continue;
        const asm_result released = asm__redact_release(redact, i);
        if (result == ASM_OK) result = released;
    }
    return result;
}

/* The lane of a text that is being streamed, or a free one: the one that was used longest ago is released. */
static size_t asm__redact_lane(asm_redact *redact, const asm_event *event) {
    size_t oldest = 0;
    asm__redact_end_texts(redact, event);
    for (size_t i = 0; i < ASM_REDACT_LANES; i++) {
        if (redact->lanes[i].event && asm__is_same_text(redact->lanes[i].event, event)) return i;
        if (!redact->lanes[oldest].event) continue;
        if (!redact->lanes[i].event || redact->lanes[i].used < redact->lanes[oldest].used) oldest = i;
    }
    asm__redact_release(redact, oldest);
    return oldest;
}

/* Keeps an event whose piece is what is held back. */
static asm_result asm__redact_hold(asm_redact *redact, size_t at, const asm_event *event) {
    asm_buffer *memory = &redact->lanes[at].memory;
    const size_t size = asm_event_copy_size(event);
    asm_buffer_clear(memory);
    if (asm_buffer_reserve(memory, size) != ASM_OK) return memory->result;
    redact->lanes[at].event = asm_event_copy(event, memory->data, size);
    redact->lanes[at].used = ++redact->clock;
    return ASM_OK;
}

/* A piece of a streamed text: what is sure of it and of what was held back goes on, the rest is held back. */
static asm_result asm__redact_piece(asm_redact *redact, asm_event event) {
    asm_str *piece = asm__streamed_piece(&event);
    const size_t at = asm__redact_lane(redact, &event);
    asm_buffer_clear(&redact->joined);
    asm_buffer_clear(&redact->piece);
    if (redact->lanes[at].event)
        asm_buffer_append(&redact->joined, *asm__streamed_piece(redact->lanes[at].event));
    asm_buffer_append(&redact->joined, *piece);
    redact->lanes[at].event = NULL;
    if (redact->joined.result != ASM_OK) return asm__redact_fail(redact, redact->joined.result);
    const asm_str whole = asm_buffer_text(&redact->joined);
    const size_t sure = asm__redact(&redact->piece, whole, false, &redact->count);
    asm_result result = redact->piece.result;
    if (result == ASM_OK && sure < whole.size) {
        *piece = asm_str_make(whole.data + sure, whole.size - sure);
        result = asm__redact_hold(redact, at, &event);
    }
    if (result != ASM_OK) return asm__redact_fail(redact, result);
    *piece = asm_buffer_text(&redact->piece);
    return piece->size > 0 || whole.size == 0 ? asm__redact_pass(redact, &event) : ASM_OK;
}

ASM_API asm_result asm_redact_init(asm_redact *redact, const asm_redact_options *options) {
    if (!redact) return ASM_ERR_INVALID_ARGUMENT;
    memset(redact, 0, sizeof *redact);
    if (options) redact->options = *options;
    asm_buffer_init_growing(&redact->line);
    asm_buffer_init_growing(&redact->redacted);
    asm_buffer_init_growing(&redact->scratch);
    asm_buffer_init_growing(&redact->text);
    asm_buffer_init_growing(&redact->joined);
    asm_buffer_init_growing(&redact->piece);
    for (size_t i = 0; i < ASM_REDACT_LANES; i++)
        asm_buffer_init_growing(&redact->lanes[i].memory);
    return asm__redact_fail(redact, redact->options.on_event ? ASM_OK : ASM_ERR_INVALID_ARGUMENT);
}

ASM_API asm_result asm_redact_event(asm_redact *redact, const asm_event *event) {
    if (!redact || !event) return ASM_ERR_INVALID_ARGUMENT;
    asm_event copy = *event;
    if (!redact->options.on_event) return redact->result;
    if (redact->is_giving) return asm__redact_fail(redact, ASM_ERR_MISUSE);
    if (asm__streamed_piece(&copy)) return asm__redact_piece(redact, copy);
    const asm_result result = asm__redact_end_texts(redact, event), passed = asm__redact_pass(redact, event);
    return result == ASM_OK ? passed : result;
}

ASM_API void asm_redact_on_event(void *redact, const asm_event *event) {
    asm_redact_event((asm_redact *)redact, event);
}

ASM_API asm_result asm_redact_flush(asm_redact *redact) {
    if (!redact) return ASM_ERR_INVALID_ARGUMENT;
    if (redact->is_giving) return asm__redact_fail(redact, ASM_ERR_MISUSE);
    for (size_t i = 0; i < ASM_REDACT_LANES; i++)
        asm__redact_release(redact, i);
    return redact->result;
}

ASM_API asm_result asm_redact_close(asm_redact *redact) {
    if (!redact) return ASM_OK;
    if (redact->is_giving) return asm__redact_fail(redact, ASM_ERR_MISUSE);
    asm_redact_flush(redact);
    asm_buffer_close(&redact->line);
    asm_buffer_close(&redact->redacted);
    asm_buffer_close(&redact->scratch);
    asm_buffer_close(&redact->text);
    asm_buffer_close(&redact->joined);
    asm_buffer_close(&redact->piece);
    for (size_t i = 0; i < ASM_REDACT_LANES; i++)
        asm_buffer_close(&redact->lanes[i].memory);
    return redact->result;
}

/* >>render: pipeline */

/* Keeps the first error of the pipeline. */
static asm_result asm__pipeline_fail(asm_pipeline *pipeline, asm_result result, const char *whose) {
    if (result != ASM_OK && pipeline->result == ASM_OK) {
        pipeline->result = result;
        pipeline->failed = whose;
    }
    return pipeline->result;
}

/* Keeps the first error of a sink. */
static void asm__sink_result(asm_pipeline *pipeline, asm_sink *sink, asm_result result) {
    if (result != ASM_OK && sink->result == ASM_OK) sink->result = result;
    asm__pipeline_fail(pipeline, result, sink->name ? sink->name : "sink");
}

/* Whether an event cannot be written, which is no fault of the output. */
static bool asm__is_refusal(asm_result result) {
    return result == ASM_ERR_INVALID_ARGUMENT || result == ASM_ERR_SYNTAX || result == ASM_ERR_TYPE ||
           result == ASM_ERR_RANGE || result == ASM_ERR_DEPTH || result == ASM_ERR_UTF8;
}

static void asm__give_event(asm_pipeline *pipeline, asm_sink *sink, const asm_event *event, asm_str text) {
    const asm_result result = sink->write_event(sink->self, event, text);
    if (result == ASM_OK) return;
    if (!asm__is_refusal(result)) {
        asm__sink_result(pipeline, sink, result);
        return;
    }
    sink->refused++;
    sink->refusal = result;
    asm__pipeline_fail(pipeline, result, sink->name ? sink->name : "sink");
}

/* Text without an event to every sink that works: also the function of the text buffer, which hands on what it holds. */
static asm_result asm__pipeline_write(void *self, const char *data, size_t size) {
    asm_pipeline *pipeline = (asm_pipeline *)self;
    size_t i;
    for (i = 0; i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->write)
            asm__sink_result(pipeline, sink, sink->write(sink->self, asm_str_make(data, size)));
    }
    return ASM_OK;
}

/* Tells the renderer what the text is shown on, if that is new. */
static void asm__pipeline_look(asm_pipeline *pipeline) {
    const asm_terminal *terminal = NULL;
    for (size_t i = 0; i < pipeline->sink_count && !terminal; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->terminal) terminal = sink->terminal(sink->self);
    }
    if (!terminal || !pipeline->renderer.begin) return;
    if (pipeline->terminal.columns == terminal->columns && pipeline->terminal.rows == terminal->rows) return;
    pipeline->terminal = *terminal;
    pipeline->renderer.begin(pipeline->renderer.self, terminal);
}

/* Has the sinks show the transient lines; at the end only what a terminal is told beside them. */
static void asm__pipeline_show(asm_pipeline *pipeline, bool at_end) {
    char memory[ASM_TRANSIENT_SIZE];
    asm_buffer lines;
    if (!pipeline->can_show) return;
    asm_buffer_init_fixed(&lines, memory, sizeof memory);
    if (pipeline->renderer.transient) {
        const asm_result result =
            pipeline->renderer.transient(pipeline->renderer.self, pipeline->now, &lines);
        if (result != ASM_OK) asm_buffer_clear(&lines);
        if (result != ASM_ERR_NO_SPACE) asm__pipeline_fail(pipeline, result, "renderer");
        if (at_end) lines.size = asm__signals_size(asm_buffer_text(&lines));
    }
    for (size_t i = 0; i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->show)
            asm__sink_result(pipeline, sink, sink->show(sink->self, asm_buffer_text(&lines)));
    }
}

static void asm__close_sinks(asm_pipeline *pipeline) {
    size_t i;
    for (i = 0; i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->close) asm__sink_result(pipeline, sink, sink->close(sink->self));
    }
}

ASM_API asm_result asm_pipeline_init(asm_pipeline *pipeline, const asm_pipeline_options *options) {
    if (!pipeline) return ASM_ERR_INVALID_ARGUMENT;
    size_t i;
    memset(pipeline, 0, sizeof *pipeline);
    if (!options || (options->sink_count && !options->sinks))
        return asm__pipeline_fail(pipeline, ASM_ERR_INVALID_ARGUMENT, "pipeline");
    pipeline->renderer = options->renderer;
    pipeline->sinks = options->sinks;
    pipeline->sink_count = options->sink_count;
    if (options->buffer)
        asm_buffer_init_stream(&pipeline->text, options->buffer, options->buffer_size, asm__pipeline_write,
                               pipeline);
    else asm_buffer_init_growing(&pipeline->text);
    asm__pipeline_fail(pipeline, pipeline->text.result, "pipeline");
    for (i = 0; i < pipeline->sink_count; i++) {
        asm__sink_result(pipeline, &pipeline->sinks[i], pipeline->sinks[i].result);
        if (pipeline->sinks[i].show) pipeline->can_show = true;
    }
    pipeline->is_open = pipeline->result == ASM_OK;
    if (pipeline->is_open) asm__pipeline_look(pipeline);
    else asm__close_sinks(pipeline);
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_event(asm_pipeline *pipeline, const asm_event *event) {
    if (!pipeline || !event) return ASM_ERR_INVALID_ARGUMENT;
    asm_str text;
    size_t i;
    if (!pipeline->is_open) return asm__pipeline_fail(pipeline, ASM_ERR_MISUSE, "pipeline");
    if (pipeline->terminal.is_terminal) asm__pipeline_look(pipeline);
    if (event->time > pipeline->now) pipeline->now = event->time;
    asm_buffer_clear(&pipeline->text);
    if (pipeline->renderer.render_event)
        asm__pipeline_fail(pipeline,
                           pipeline->renderer.render_event(pipeline->renderer.self, event, &pipeline->text),
                           "renderer");
    text = asm_buffer_text(&pipeline->text);
    for (i = 0; i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->write_event) asm__give_event(pipeline, sink, event, text);
    }
    asm__pipeline_show(pipeline, false);
    return pipeline->result;
}

ASM_API void asm_pipeline_on_event(void *pipeline, const asm_event *event) {
    asm_pipeline_event((asm_pipeline *)pipeline, event);
}

ASM_API asm_result asm_pipeline_tick(asm_pipeline *pipeline, asm_time now) {
    if (!pipeline) return ASM_ERR_INVALID_ARGUMENT;
    if (!pipeline->is_open) return asm__pipeline_fail(pipeline, ASM_ERR_MISUSE, "pipeline");
    if (pipeline->terminal.is_terminal) asm__pipeline_look(pipeline);
    if (now > pipeline->now) pipeline->now = now;
    asm_buffer_clear(&pipeline->text);
    if (pipeline->renderer.tick)
        asm__pipeline_fail(pipeline,
                           pipeline->renderer.tick(pipeline->renderer.self, pipeline->now, &pipeline->text),
                           "renderer");
    if (pipeline->text.size > 0) asm__pipeline_write(pipeline, pipeline->text.data, pipeline->text.size);
    asm__pipeline_show(pipeline, false);
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_flush(asm_pipeline *pipeline) {
    if (!pipeline) return ASM_ERR_INVALID_ARGUMENT;
    size_t i;
    for (i = 0; pipeline->is_open && i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->flush) asm__sink_result(pipeline, sink, sink->flush(sink->self));
    }
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_close(asm_pipeline *pipeline) {
    if (!pipeline) return ASM_ERR_INVALID_ARGUMENT;
    if (!pipeline->is_open) return pipeline->result;
    asm__pipeline_show(pipeline, true);
    asm_buffer_clear(&pipeline->text);
    if (pipeline->renderer.finish)
        asm__pipeline_fail(pipeline, pipeline->renderer.finish(pipeline->renderer.self, &pipeline->text),
                           "renderer");
    if (pipeline->text.size > 0) asm__pipeline_write(pipeline, pipeline->text.data, pipeline->text.size);
    asm__pipeline_show(pipeline, true);
    asm_pipeline_flush(pipeline);
    asm__close_sinks(pipeline);
    asm_buffer_close(&pipeline->text);
    pipeline->is_open = false;
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_run(asm_pipeline *pipeline, asm_next_function next, void *user) {
    if (!pipeline || !next) return ASM_ERR_INVALID_ARGUMENT;
    asm_event event;
    memset(&event, 0, sizeof event);
    while (next(user, &event)) {
        asm_pipeline_event(pipeline, &event);
        memset(&event, 0, sizeof event);
    }
    return asm_pipeline_close(pipeline);
}

ASM__WARNINGS_BACK
#endif /* ASM_RENDER_IMPLEMENTED */
#endif /* implementation */

/* =========================================================================================================
 * Licence: your choice of the two that follow.
 *
 * This software is available under two licences. Choose whichever you prefer.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE A - MIT License
 *
 * Copyright (c) 2026 the asm authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of
 * this software and associated documentation files (the "Software"), to deal in
 * the Software without restriction, including without limitation the rights to
 * use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
 * of the Software, and to permit persons to whom the Software is furnished to do
 * so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE B - Public Domain (The Unlicense)
 *
 * This is free and unencumbered software released into the public domain.
 *
 * Anyone is free to copy, modify, publish, use, compile, sell, or distribute this
 * software, either in source code form or as a compiled binary, for any purpose,
 * commercial or non-commercial, and by any means.
 *
 * In jurisdictions that recognize copyright laws, the author or authors of this
 * software dedicate any and all copyright interest in the software to the public
 * domain. We make this dedication for the benefit of the public at large and to
 * the detriment of our heirs and successors. We intend this dedication to be an
 * overt act of relinquishment in perpetuity of all present and future rights to
 * this software under copyright law.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
 * ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
 * WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 *
 * For more information, please refer to <https://unlicense.org>
 */
