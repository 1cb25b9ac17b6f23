/* asm_render.h - v0.1.0 - what agent sessions look like, and where that goes: renderers, sinks, pipeline
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
 *       renderers   compact      tokens on a line          sinks   tty        text as it is
 *                   verbose      a line for each event             file       text without colours
 *                   studio       for people                        jsonl      the events
 *                   passthrough  nothing                           callback   both
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
 *
 *       if (asm_pipeline_close(&pipeline) != ASM_OK)         the first thing that went wrong, if any
 *           fprintf(stderr, "%s: %s\n", pipeline.failed, asm_result_string(pipeline.result));
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
 *   allowed.
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

/* Appends the first `count` code points of `text` likewise, and `...` if there are more. */
ASM_API asm_result asm_text_append_cut(asm_buffer *out, asm_str text, size_t count, unsigned flags);

/* Appends valid JSON text likewise, without the white space between its tokens; SIZE_MAX for all of it. */
ASM_API asm_result asm_text_append_json(asm_buffer *out, asm_str json, size_t count, unsigned flags);

/* =========================================================================================================
 * Terminal
 */

/* What an output can do, and what its user wants. */
typedef struct asm_terminal {
    bool is_terminal;
    bool has_cursor; /* lines can be overwritten: a terminal, and TERM is neither unset nor dumb */
    bool
        has_color; /* NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, CLICOLOR=0, is_terminal, TERM unset or dumb: the
                        first that says something decides */
    bool has_utf8; /* the locale that the environment names has UTF-8 */
    int columns;   /* the terminal's width, else COLUMNS, else 80 */
    int rows;      /* the terminal's height, else 24 */
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
     * nothing while the last line of the text is open. Asked for after each event and each tick, if a sink can show it.
     * `out` takes ASM_TRANSIENT_SIZE bytes; with ASM_ERR_NO_SPACE nothing is shown, and that is no error of the
     * pipeline. `now` is the later of the last tick and the last event's time, in Unix microseconds; 0: not known. */
    asm_result (*transient)(void *self, asm_time now, asm_buffer *out);

    /* Appends what ends the session. */
    asm_result (*finish)(void *self, asm_buffer *out);
} asm_renderer;

#define ASM_TRANSIENT_SIZE 8192 /* bytes of transient lines, colours included */

/* DEFAULT is auto: as asm_terminal says. */
typedef enum asm_setting { ASM_SETTING_DEFAULT, ASM_SETTING_ON, ASM_SETTING_OFF } asm_setting;

typedef enum asm_tool_output {
    ASM_TOOL_OUTPUT_SUMMARY, /* one line per tool */
    ASM_TOOL_OUTPUT_PREVIEW, /* and the last three lines of its output */
    ASM_TOOL_OUTPUT_FULL     /* and all of them */
} asm_tool_output;

/* Options of every built-in renderer. Zero means the default; copied by the init functions. */
typedef struct asm_render_options {
    asm_setting color;  /* ANSI colours */
    asm_setting ascii;  /* ASCII only: symbols, replacements, and every other character as <U+XXXX> */
    bool raw;           /* do not neutralise untrusted text */
    bool show_thinking; /* also the model's reasoning */
    asm_setting tty;    /* studio: break lines at the terminal's width, show what runs below the text */
    asm_tool_output tool_output; /* studio */
    int indent;                  /* studio: spaces; 0 means 2, negative means none */
} asm_render_options;

/* What options and terminal come to. */
typedef struct asm_look {
    bool has_color, has_cursor, is_ascii, is_raw;
    int columns; /* of the terminal; 0 if lines are not broken */
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

#define ASM_STUDIO_TOOLS     16  /* how many running tools are remembered; the oldest is forgotten first */
#define ASM_STUDIO_TOOL_TEXT 480 /* bytes that are remembered of each: its id, name and what it works on */

/* For people: symbols, summaries, text. About 9 KB: it remembers the tools that run. */
typedef struct asm_studio {
    asm_look look;                       /* read only */
    asm_render_options options;          /* read only */
    uint64_t events, tools;              /* read only: how many there were */
    int64_t input_tokens, output_tokens; /* read only: as last reported */
    bool in_text, has_usage, waiting;    /* private */
    struct {
        uint64_t started; /* 0: free */
        size_t id_size, name_size, subject, subject_size, lines;
        char text[ASM_STUDIO_TOOL_TEXT];
    } running[ASM_STUDIO_TOOLS]; /* private */
} asm_studio;

/* Initialise a renderer and return it for asm_pipeline_options. `options` may be NULL. The renderer must
 * outlive the pipeline. They cannot fail and allocate nothing. */
ASM_API asm_renderer asm_compact_init(asm_compact *compact, const asm_render_options *options);
ASM_API asm_renderer asm_verbose_init(asm_verbose *verbose, const asm_render_options *options);
ASM_API asm_renderer asm_studio_init(asm_studio *studio, const asm_render_options *options);

/* Renders nothing: for pipelines whose sinks want the events only. */
ASM_API asm_renderer asm_passthrough_init(void);

/* =========================================================================================================
 * Sinks
 */

/* A sink: where events and their text go. Any function may be NULL: nothing to do. After a result other than ASM_OK the
 * pipeline calls only `close`. What the arguments point to is valid during the call. */
typedef struct asm_sink {
    void *self;       /* the first argument of each function */
    const char *name; /* for messages: "tty", "session.jsonl"; must outlive the sink */

    /* Text that belongs to no event: what `tick` or `finish` gave, or a piece of a long text that goes on. */
    asm_result (*write)(void *self, asm_str text);

    /* An event and its text, which may be empty. */
    asm_result (*write_event)(void *self, const asm_event *event, asm_str text);

    /* The transient lines as they are now, each ended by LF, or none. They replace those of the last call; the sink
     * takes them off the screen before it writes text. Called after each event and each tick. */
    asm_result (*show)(void *self, asm_str lines);

    /* What the output is, its size read again; NULL if nothing is known. The pipeline asks the first sink that has this
     * function, and tells the renderer. */
    const asm_terminal *(*terminal)(void *self);

    /* Everything so far must reach its destination now. */
    asm_result (*flush)(void *self);

    /* The end: called exactly once. */
    asm_result (*close)(void *self);

    asm_result result; /* the first error; set by the init functions and by the pipeline */
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
    void *user;
    unsigned mode; /* path: the permissions of a file that is created, less the umask; 0 means 0600, since
                        logs hold what the agent saw. A file that exists keeps its own */
    bool
        erase_torn; /* path: the half line is also overwritten with blanks, unless it is a whole JSON object that only
                        lacks its end. Nothing is cut off: another process might have written after it */
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

/* Text as it is, to a terminal or any stream. */
typedef struct asm_tty_sink_options {
    asm_output output;  /* default: standard output */
    char *buffer;       /* if given, text is gathered here and written when it is full and on flush: then call
                           asm_pipeline_flush() when you wait for input. Else it is written at once */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_tty_sink_options;

/* About 8 KB. */
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
 * small. Allocates nothing. */
ASM_API asm_sink asm_tty_sink_init(asm_tty_sink *sink, const asm_tty_sink_options *options);

/* Text for logs: without ANSI escape sequences and lone carriage returns. */
typedef struct asm_file_sink_options {
    asm_output output; /* required */
    char *buffer;      /* as for the tty sink */
    size_t buffer_size;
} asm_file_sink_options;

typedef struct asm_file_sink {
    asm_output_stream out; /* read only: system_error */
    asm_buffer pending;    /* private */
    unsigned state;        /* private: within an escape sequence that the last write cut */
    bool gather;           /* private: a buffer was given */
    char memory[256];      /* private: used when none was */
} asm_file_sink;

/* As asm_tty_sink_init(), but `options` is required. */
ASM_API asm_sink asm_file_sink_init(asm_file_sink *sink, const asm_file_sink_options *options);

/* Events as JSON Lines. Each record goes out in one write, whatever its size, so that processes which share a file never
 * write into each other's records; if a write fails half way, the next record begins on a new line. */
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

typedef struct asm_jsonl_sink {
    asm_jsonl_sink_options options; /* read only */
    asm_output_stream out;          /* read only: system_error */
    uint64_t records;               /* read only: written */
    asm_buffer line;                /* private */
    bool torn;                      /* private: the last write failed half way */
    unsigned unsynced;              /* private */
} asm_jsonl_sink;

/* As asm_file_sink_init(); also ASM_ERR_WRITE if the end of the file cannot be repaired. Allocates with the first
 * record, unless `buffer` is given. An event that cannot be written (see asm_event_write_json()) is the sink's
 * error, too. */
ASM_API asm_sink asm_jsonl_sink_init(asm_jsonl_sink *sink, const asm_jsonl_sink_options *options);

/* Is given an event and its text. `event` is NULL for text that belongs to none (see asm_sink.write). */
typedef void (*asm_text_callback)(void *user, const asm_event *event, asm_str text);

/* A sink that calls a function. */
typedef struct asm_callback_sink {
    asm_text_callback on_text; /* private, all */
    asm_event_callback on_event;
    void *user;
} asm_callback_sink;

/* Calls `callback` with each event and its text. ASM_ERR_INVALID_ARGUMENT in `result` without a callback. Allocates
 * nothing. */
ASM_API asm_sink asm_callback_sink_init(asm_callback_sink *sink, asm_text_callback callback, void *user);

/* Calls `callback` with each event: any of the functions named ..._on_event. ASM_ERR_INVALID_ARGUMENT in `result`
 * without one. Allocates nothing. */
ASM_API asm_sink asm_event_sink_init(asm_callback_sink *sink, asm_event_callback callback, void *user);

/* =========================================================================================================
 * Pipeline
 */

typedef struct asm_pipeline_options {
    asm_renderer renderer; /* zero: passthrough */
    asm_sink *sinks;       /* must outlive the pipeline, which keeps their first errors in them */
    size_t sink_count;
    char *buffer; /* memory for an event's text; longer text reaches the sinks in pieces: all but the last
                     through `write`, the last with the event. Default: memory that grows to the longest */
    size_t buffer_size; /* at least ASM_BUFFER_STREAM_MIN */
} asm_pipeline_options;

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

/* Sets up a pipeline. If a sink's init had failed, the others are closed and its error is returned.
 * ASM_ERR_INVALID_ARGUMENT if `buffer` is too small. */
ASM_API asm_result asm_pipeline_init(asm_pipeline *pipeline, const asm_pipeline_options *options);

/* Renders an event and hands it to every sink that works. A sink that fails gets no more events and does not
 * stop the others. Returns the pipeline's first error so far. */
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

/* Takes events from `next` until there are no more, then closes the pipeline. */
ASM_API asm_result asm_pipeline_run(asm_pipeline *pipeline, asm_next_function next, void *user);

/* Flushes every sink that works. */
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

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_json.h"

#include <string.h>

/* >>untrusted text */

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
#else
/* Whether none of 8 bytes lies outside 0x20 to 0x7E. */
static bool asm__is_printable(const char *p) {
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, p, 8);
    return (((word - each * 0x20) | word | (word + each)) & (each * 0x80)) == 0;
}
#endif

/* The end of the run from `p` that is printable ASCII, TAB or `newline`. */
static const char *asm__printable_end(const char *p, const char *end, char newline) {
#if defined(__SSE2__) && !defined(ASM_NO_SIMD)
    for (; end - p >= 16; p += 16) {
        int mask = asm__unprintable_mask(p, newline);
        if (mask) return p + __builtin_ctz((unsigned)mask);
    }
#else
    while (end - p >= 8 && asm__is_printable(p))
        p += 8;
#endif
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
    if (c < 0x0300 || (c >= 0x3100 && c < 0xA66F)) return false;
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
    if (c > 0x3164 && c < 0xFE00) return false;
    if (c >= 0x10000) return ASM__IS_IN32(asm__invisible_high, c);
    if (c >= 0xFE00 && c <= 0xFE0F) return !asm__is_emoji_selector(text, at, next);
    return ASM__IS_IN16(asm__invisible, c);
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

#define ASM__MAX_MARKS 8 /* marks on one character that are shown */

/* The character at `*at`, which is no printable ASCII, moved past; returns whether it may go out as it is, else what
 * stands for it is appended to `instead`. `marks` counts the marks on the character before. */
static bool asm__neutral(asm_str text, size_t *at, unsigned flags, unsigned *marks, asm_buffer *instead) {
    const size_t begin = *at;
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
    const char *p = json.data, *end = p + json.size;
    bool in_string = false;
    while (json.size > 0 && p < end) {
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

/* >>what renderers share */

#define ASM__RED     "0;31"
#define ASM__GREEN   "0;32"
#define ASM__BLUE    "0;34"
#define ASM__MAGENTA "0;35"
#define ASM__CYAN    "0;36"
#define ASM__DIM     "2"

#define ASM__LONG_TEXT  2000 /* code points of outputs and messages */
#define ASM__SHORT_TEXT 120  /* code points of errors, inputs and the like */

static asm_render_options asm__render_defaults(const asm_render_options *options) {
    asm_render_options filled;
    memset(&filled, 0, sizeof filled);
    if (options) filled = *options;
    if (filled.indent == 0) filled.indent = 2;
    if (filled.indent < 0) filled.indent = 0;
    if (filled.indent > 64) filled.indent = 64;
    return filled;
}

static bool asm__decide(asm_setting setting, bool otherwise) {
    return setting == ASM_SETTING_DEFAULT ? otherwise : setting == ASM_SETTING_ON;
}

/* `terminal` may be NULL: nothing is known. */
static asm_look asm__look_of(const asm_render_options *options, const asm_terminal *terminal) {
    asm_look look;
    look.has_color = asm__decide(options->color, terminal && terminal->has_color);
    look.has_cursor = asm__decide(options->tty, terminal && terminal->has_cursor);
    look.is_ascii = asm__decide(options->ascii, terminal && !terminal->has_utf8);
    look.is_raw = options->raw;
    look.columns = !look.has_cursor ? 0 : terminal ? terminal->columns : 80;
    return look;
}

static unsigned asm__block_flags(const asm_look *look) {
    return (look->is_raw ? (unsigned)ASM_TEXT_RAW : 0) | (look->is_ascii ? (unsigned)ASM_TEXT_ASCII : 0);
}

static unsigned asm__line_flags(const asm_look *look) {
    return asm__block_flags(look) | ASM_TEXT_LINE;
}

static void asm__begin_color(asm_buffer *out, const asm_look *look, const char *code) {
    if (!look->has_color) return;
    asm__append_literal(out, "\033[");
    asm__append_literal(out, code);
    asm_buffer_append_byte(out, 'm');
}

static void asm__end_color(asm_buffer *out, const asm_look *look) {
    if (look->has_color) asm__append_literal(out, "\033[0m");
}

/* A constant text in a colour. */
static void asm__colored(asm_buffer *out, const asm_look *look, const char *code, const char *text) {
    asm__begin_color(out, look, code);
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

/* The tool call whose sub-agent an event belongs to; absent for the main agent's. */
static asm_str asm__parent_of(const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_MESSAGE_SENT:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_STREAMED:
        return event->message.parent_tool_call_id;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return event->tool.parent_tool_call_id;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
    case ASM_EVENT_TURN_COMPLETED:
        return event->usage.parent_tool_call_id;
    default:
        return asm_str_make(NULL, 0);
    }
}

/* FNV-1a: tells texts apart that nobody chooses to be alike. */
static uint64_t asm__text_hash(asm_str text, uint64_t hash) {
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3);
    return hash;
}

/* Who an event comes from; 0: the only agent, as far as is known. */
static uint64_t asm__speaker_of(const asm_event *event) {
    const asm_str parent = asm__parent_of(event);
    if (parent.size == 0 && event->agent_id.size == 0) return 0;
    return asm__text_hash(event->agent_id, asm__text_hash(parent, UINT64_C(0xCBF29CE484222325))) | 1;
}

/* Why a tool or a run failed, in words. */
static asm_str asm__error_text(const asm_event *event) {
    asm_str text = {NULL, 0};
    if (event->type == ASM_EVENT_RUN_FAILED) text = event->run.error_message;
    if (event->type == ASM_EVENT_ERROR_OCCURRED) text = event->error.message;
    return asm__or(text, "unknown error");
}

/* >>compact */

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

/* A mark, and a dim text behind it. */
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
    ids[0] = asm__parent_of(event);
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
    memset(compact, 0, sizeof *compact);
    memset(&renderer, 0, sizeof renderer);
    compact->options = asm__render_defaults(options);
    compact->look = asm__look_of(&compact->options, NULL);
    renderer.self = compact;
    renderer.begin = asm__compact_begin_on;
    renderer.render_event = asm__compact_event;
    renderer.finish = asm__compact_finish;
    return renderer;
}

/* >>verbose */

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

/* Text that may have several lines: two blanks go before each that begins like one of ours. */
static void asm__verbose_lines(asm_verbose *verbose, asm_buffer *out, asm_str text) {
    const unsigned flags = asm__block_flags(&verbose->look);
    while (text.size > 0) {
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
    const asm_str parent = asm__parent_of(event);
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

static asm_result asm__verbose_event(void *self, const asm_event *event, asm_buffer *out) {
    asm_verbose *verbose = (asm_verbose *)self;
    asm_usage_payload usage;
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
        asm__verbose_begin(verbose, out, ASM__BLUE, "[run_completed]");
        asm__verbose_name(verbose, out, " stop_reason=", asm__or(event->run.stop_reason, "end_turn"));
        if (asm__run_usage(event, &usage)) {
            asm__append_literal(out, " tokens=");
            asm__append_tokens(out, &usage);
        }
        asm__verbose_cost(out, &event->run.cost_usd);
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
    memset(verbose, 0, sizeof *verbose);
    memset(&renderer, 0, sizeof renderer);
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

/* >>studio */

/* What a tool works on, as studio shows it. */
typedef struct asm__tool_view {
    asm_str name;
    asm_str subject; /* the command, path, pattern, …; empty if there is none */
    size_t lines;    /* Write: non-empty lines of the content */
} asm__tool_view;

typedef enum asm__tool_kind {
    ASM__TOOL_OTHER,
    ASM__TOOL_BASH,
    ASM__TOOL_READ,
    ASM__TOOL_WRITE,
    ASM__TOOL_EDIT,
    ASM__TOOL_GLOB,
    ASM__TOOL_GREP,
    ASM__TOOL_TASK,
    ASM__TOOL_FETCH,
    ASM__TOOL_SEARCH
} asm__tool_kind;

/* The tools that are shown in words of their own, and the members of their input that say what they work on.
 */
static const struct {
    const char *name;
    asm__tool_kind kind;
    const char *subjects[3];
} asm__tools[] = {
    {"Bash", ASM__TOOL_BASH, {"command", NULL, NULL}},
    {"bash", ASM__TOOL_BASH, {"command", NULL, NULL}},
    {"Read", ASM__TOOL_READ, {"file_path", "path", "file"}},
    {"Write", ASM__TOOL_WRITE, {"file_path", "path", "file"}},
    {"Edit", ASM__TOOL_EDIT, {"file_path", "path", "file"}},
    {"Glob", ASM__TOOL_GLOB, {"pattern", NULL, NULL}},
    {"Grep", ASM__TOOL_GREP, {"pattern", NULL, NULL}},
    {"Task", ASM__TOOL_TASK, {"description", NULL, NULL}},
    {"WebFetch", ASM__TOOL_FETCH, {"url", NULL, NULL}},
    {"WebSearch", ASM__TOOL_SEARCH, {"query", NULL, NULL}},
};

#define ASM__TOOL_COUNT (sizeof asm__tools / sizeof asm__tools[0])

/* The row of asm__tools of that name; ASM__TOOL_COUNT if there is none. */
static size_t asm__tool_row(asm_str name) {
    size_t row = 0;
    while (row < ASM__TOOL_COUNT && !asm_str_equal(name, asm_str_from(asm__tools[row].name)))
        row++;
    return row;
}

static asm__tool_kind asm__tool_kind_of(asm_str name) {
    size_t row = asm__tool_row(name);
    return row < ASM__TOOL_COUNT ? asm__tools[row].kind : ASM__TOOL_OTHER;
}

/* Text that may still be escaped as the inside of a JSON string. */
typedef struct asm__content {
    asm_str text;
    bool escaped;
} asm__content;

/* The code point at `*at`, and `*at` moved behind it. Escapes other than \n, \t and \r count as U+FFFD here:
 * what matters are lines, blanks and how many code points there are. */
static uint32_t asm__content_next(const asm__content *content, size_t *at) {
    const char *p = content->text.data + *at;
    if (!content->escaped || *p != '\\') return asm_utf8_decode(content->text, at);
    *at += p[1] == 'u' ? 6 : 2;
    if (p[1] == 'u' && (p[2] == 'd' || p[2] == 'D') && strchr("89abAB", p[3]) && *at < content->text.size &&
        p[6] == '\\')
        *at += 6; /* the other half of a pair */
    if (*at > content->text.size) *at = content->text.size;
    return p[1] == 'n' ? '\n' : p[1] == 't' ? '\t' : p[1] == 'r' ? '\r' : 0xFFFD;
}

static size_t asm__content_count(const asm__content *content) {
    size_t at = 0, count = 0;
    if (!content->escaped) return asm_utf8_count(content->text);
    for (; at < content->text.size; count++)
        asm__content_next(content, &at);
    return count;
}

static bool asm__is_blank(uint32_t c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Where a line is: from `begin` to `end`, and from `first` to `last` without the blanks around it. */
typedef struct asm__line {
    size_t begin, end, first, last;
} asm__line;

/* The line from `*at` on, which is moved behind it. */
static asm__line asm__plain_line(asm_str text, size_t *at) {
    const char *newline = (const char *)memchr(text.data + *at, '\n', text.size - *at);
    asm__line line;
    line.begin = line.first = *at;
    line.end = line.last = newline ? (size_t)(newline - text.data) : text.size;
    while (line.first < line.end && asm__is_blank((unsigned char)text.data[line.first]))
        line.first++;
    while (line.last > line.first && asm__is_blank((unsigned char)text.data[line.last - 1]))
        line.last--;
    *at = line.end + (newline != NULL);
    return line;
}

static asm__line asm__escaped_line(const asm__content *content, size_t *at) {
    asm__line line;
    bool is_blank = true;
    line.begin = line.end = line.first = line.last = *at;
    while (*at < content->text.size) {
        size_t begin = *at;
        uint32_t c = asm__content_next(content, at);
        if (c == '\n') break;
        line.end = *at;
        if (asm__is_blank(c)) continue;
        if (is_blank) line.first = begin;
        line.last = *at;
        is_blank = false;
    }
    return line;
}

/* The next line from `*at` that is not blank, whole and without the blanks around it; false at the end. */
static bool asm__content_line(const asm__content *content, size_t *at, asm_str *whole, asm_str *trimmed) {
    const char *data = content->text.data;
    while (*at < content->text.size) {
        asm__line line =
            content->escaped ? asm__escaped_line(content, at) : asm__plain_line(content->text, at);
        if (line.first == line.last) continue;
        *whole = asm_str_make(data + line.begin, line.end - line.begin);
        *trimmed = asm_str_make(data + line.first, line.last - line.first);
        return true;
    }
    return false;
}

static size_t asm__content_lines(const asm__content *content) {
    size_t at = 0, count = 0;
    asm_str line, trimmed;
    while (asm__content_line(content, &at, &line, &trimmed))
        count++;
    return count;
}

#define ASM__PIECE 256 /* how much of escaped content is unescaped at once */

/* The next piece of the content as text, in `memory` if it must be unescaped. */
static asm_str asm__content_piece(const asm__content *content, size_t *at, char memory[ASM__PIECE]) {
    char quoted[ASM__PIECE + 2];
    asm_buffer scratch;
    asm_str text;
    size_t begin = *at, next = begin;
    if (!content->escaped) {
        *at = content->text.size;
        return asm_str_make(content->text.data + begin, *at - begin);
    }
    while (next < content->text.size) {
        asm__content_next(content, &next);
        if (next - begin > ASM__PIECE) break;
        *at = next;
    }
    quoted[0] = quoted[1 + *at - begin] = '"';
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): escaped content is never absent */
    memcpy(quoted + 1, content->text.data + begin, *at - begin);
    asm_buffer_init_fixed(&scratch, memory, ASM__PIECE);
    text = asm_str_make(quoted, 0);
    asm_json_to_string(asm_str_make(quoted, *at - begin + 2), &scratch, &text);
    if (text.data != memory) memcpy(memory, text.data, text.size);
    return asm_str_make(memory, text.size);
}

static void asm__append_content(asm_buffer *out, const asm__content *content, unsigned flags) {
    char memory[ASM__PIECE];
    size_t at = 0;
    while (at < content->text.size)
        asm_text_append(out, asm__content_piece(content, &at, memory), flags);
}

/* A raw JSON value as content: strings as what they say, anything else as the JSON it is. Absent and null are
 * empty. */
static asm__content asm__content_of(asm_str raw) {
    asm__content content;
    content.text = raw;
    content.escaped = asm_json_type_of(raw) == ASM_JSON_STRING;
    if (content.escaped) content.text = asm_str_make(raw.data + 1, raw.size - 2);
    else if (asm_json_type_of(raw) == ASM_JSON_NULL) content.text = asm_str_make(NULL, 0);
    return content;
}

static asm__content asm__input_member(asm_str input, const char *name) {
    asm_str key = asm_str_from(name), raw;
    asm_json_find(input, &key, &raw, 1, NULL);
    return asm__content_of(raw);
}

/* Appends as much of the content as the fixed buffer has room for, never cut inside a character. */
static void asm__copy_content(asm_buffer *out, const asm__content *content) {
    char memory[ASM__PIECE];
    size_t at = 0;
    while (at < content->text.size) {
        asm_str piece = asm__content_piece(content, &at, memory);
        size_t room = out->capacity - out->size, whole = 0, next = 0;
        if (piece.size > room) {
            while (next <= room) {
                whole = next;
                asm_utf8_decode(piece, &next);
            }
            piece.size = whole;
            at = content->text.size;
        }
        asm_buffer_append(out, piece);
    }
}

static asm_str asm__trim(asm_str text) {
    while (text.size > 0 && (unsigned char)text.data[0] <= ' ')
        text = asm_str_make(text.data + 1, text.size - 1);
    while (text.size > 0 && (unsigned char)text.data[text.size - 1] <= ' ')
        text.size--;
    return text;
}

/* What the tool works on, from its input, put into `memory`. */
static void asm__tool_view_from_input(asm__tool_view *view, asm_str input, asm_buffer *memory) {
    size_t row = asm__tool_row(view->name), i, begin = memory->size;
    view->lines = 0;
    view->subject = asm_str_make(NULL, 0);
    if (row == ASM__TOOL_COUNT || !input.data) return;
    for (i = 0; i < 3 && asm__tools[row].subjects[i] && memory->size == begin; i++) {
        asm__content content = asm__input_member(input, asm__tools[row].subjects[i]);
        asm__copy_content(memory, &content);
    }
    view->subject = asm_str_make(memory->data + begin, memory->size - begin);
    if (asm__tools[row].kind == ASM__TOOL_BASH) view->subject = asm__trim(view->subject);
    if (asm__tools[row].kind == ASM__TOOL_WRITE) {
        asm__content content = asm__input_member(input, "content");
        view->lines = asm__content_lines(&content);
    }
}

#define ASM__MAX_CALL_ID   160
#define ASM__MAX_TOOL_NAME 128

/* Remembers a tool that has started, in place of the oldest one if there is no room. */
static void asm__studio_remember(asm_studio *studio, const asm_event *event) {
    size_t i, slot = 0;
    asm_buffer memory;
    asm__tool_view view;
    memset(&view, 0, sizeof view);
    if (event->tool.call_id.size > ASM__MAX_CALL_ID || event->tool.name.size > ASM__MAX_TOOL_NAME) return;
    for (i = 0; i < ASM_STUDIO_TOOLS; i++)
        if (studio->running[i].started < studio->running[slot].started) slot = i;
    asm_buffer_init_fixed(&memory, studio->running[slot].text, ASM_STUDIO_TOOL_TEXT);
    asm_buffer_append(&memory, event->tool.call_id);
    asm_buffer_append(&memory, event->tool.name);
    view.name = event->tool.name;
    asm__tool_view_from_input(&view, event->tool.input, &memory);
    studio->running[slot].started = studio->events;
    studio->running[slot].id_size = event->tool.call_id.size;
    studio->running[slot].name_size = event->tool.name.size;
    studio->running[slot].subject = view.subject.size ? (size_t)(view.subject.data - memory.data) : 0;
    studio->running[slot].subject_size = view.subject.size;
    studio->running[slot].lines = view.lines;
}

/* What was remembered of the tool with this call id, or without one of the last that started; the slot is
 * free then. */
static bool asm__studio_recall(asm_studio *studio, asm_str call_id, asm__tool_view *view) {
    size_t i, slot = ASM_STUDIO_TOOLS;
    for (i = 0; i < ASM_STUDIO_TOOLS; i++) {
        if (studio->running[i].started == 0) continue;
        if (call_id.size > 0 &&
            !asm_str_equal(call_id, asm_str_make(studio->running[i].text, studio->running[i].id_size)))
            continue;
        if (slot == ASM_STUDIO_TOOLS || studio->running[i].started > studio->running[slot].started) slot = i;
    }
    if (slot == ASM_STUDIO_TOOLS) return false;
    view->name = asm_str_make(studio->running[slot].text + studio->running[slot].id_size,
                              studio->running[slot].name_size);
    view->subject = asm_str_make(studio->running[slot].text + studio->running[slot].subject,
                                 studio->running[slot].subject_size);
    view->lines = studio->running[slot].lines;
    studio->running[slot].started = 0;
    return true;
}

/* How a tool ended. */
typedef struct asm__tool_end {
    bool failed;
    int64_t exit_code;
    double duration_ms;
    asm__content output;
} asm__tool_end;

/* Exit code, duration and status may stand in the event or in an output object, whose text is then its
 * `output`. */
static asm__tool_end asm__tool_end_of(const asm_event *event) {
    enum { OUTPUT, EXIT_CODE, DURATION, STATUS, COUNT };
    static const char *const names[COUNT] = {"output", "exit_code", "duration_ms", "status"};
    const asm_tool_payload *tool = &event->tool;
    asm_str keys[COUNT], values[COUNT];
    asm_optional_int64 exit_code = tool->exit_code;
    asm_optional_double duration = tool->duration_ms;
    asm__tool_end end;
    size_t i;
    for (i = 0; i < COUNT; i++)
        keys[i] = asm_str_from(names[i]);
    memset(values, 0, sizeof values);
    memset(&end, 0, sizeof end);
    end.output.text = tool->output;
    if (!tool->output.data && asm_json_type_of(tool->output_json) == ASM_JSON_OBJECT)
        asm_json_find(tool->output_json, keys, values, COUNT, NULL);
    if (!tool->output.data)
        end.output = asm__content_of(values[OUTPUT].data ? values[OUTPUT] : tool->output_json);
    if (!exit_code.is_set && values[EXIT_CODE].data)
        exit_code.is_set = asm_json_to_int64(values[EXIT_CODE], &exit_code.value);
    if (!duration.is_set && values[DURATION].data)
        duration.is_set = asm_json_to_double(values[DURATION], &duration.value);
    end.failed = event->type == ASM_EVENT_TOOL_CALL_FAILED ||
                 asm_str_equal(tool->status, asm_str_from("failed")) ||
                 asm_str_equal(values[STATUS], asm_str_from("\"failed\"")) ||
                 (exit_code.is_set && exit_code.value != 0);
    end.exit_code = exit_code.is_set ? exit_code.value : end.failed;
    end.duration_ms = duration.is_set ? duration.value : 0;
    if (end.output.text.size == 0 && event->type == ASM_EVENT_TOOL_CALL_FAILED) {
        end.output.text = tool->error_message;
        end.output.escaped = false;
    }
    return end;
}

static const char *asm__symbol(const asm_look *look, const char *symbol, const char *ascii) {
    return look->is_ascii ? ascii : symbol;
}

static void asm__studio_indent(const asm_studio *studio, asm_buffer *out, int more) {
    int i;
    for (i = 0; i < studio->options.indent + more; i++)
        asm_buffer_append_byte(out, ' ');
}

/* Ends a text block; on a terminal, takes away the line of a running tool, which has no end yet. */
static void asm__studio_break(asm_studio *studio, asm_buffer *out) {
    if (studio->in_text) asm_buffer_append_byte(out, '\n');
    else if (studio->waiting) asm__append_literal(out, "\r\033[2K");
    studio->in_text = studio->waiting = false;
}

/* Indent, symbol, space. */
static void asm__studio_mark(const asm_studio *studio, asm_buffer *out, const char *color, const char *symbol,
                             const char *ascii) {
    asm__studio_indent(studio, out, 0);
    asm__colored(out, &studio->look, color, asm__symbol(&studio->look, symbol, ascii));
    asm_buffer_append_byte(out, ' ');
}

/* A label and a text on one line, cut at `count` code points. */
static void asm__studio_label(const asm_studio *studio, asm_buffer *out, const char *label, asm_str text,
                              size_t count) {
    asm__append_literal(out, label);
    asm_text_append_cut(out, text, count, asm__line_flags(&studio->look));
}

#define ASM__COMMAND_CUT 60 /* code points of a command, and of a path before its middle is left out */

/* The host of a URL. */
static asm_str asm__url_host(asm_str url) {
    size_t i, begin = 0, end;
    for (i = 0; i + 2 < url.size; i++)
        if (memcmp(url.data + i, "://", 3) == 0) break;
    if (i + 2 >= url.size) return asm_str_make(NULL, 0);
    begin = i + 3;
    for (end = begin; end < url.size && !memchr("/?#", url.data[end], 3); end++)
        if (url.data[end] == '@') begin = end + 1;
    for (i = begin; i < end && url.data[i] != ':'; i++)
        continue;
    return asm_str_make(url.data + begin, i - begin);
}

/* What a running tool does. */
static void asm__studio_doing(const asm_studio *studio, asm_buffer *out, const asm__tool_view *view,
                              asm_str input) {
    char memory[ASM_STUDIO_TOOL_TEXT];
    asm_buffer path;
    asm__content content;
    switch (asm__tool_kind_of(view->name)) {
    case ASM__TOOL_BASH:
        if (view->subject.size == 0) asm__append_literal(out, "Running bash");
        else asm__studio_label(studio, out, "Running: ", view->subject, ASM__COMMAND_CUT);
        break;
    case ASM__TOOL_READ:
        asm__studio_label(studio, out, "Reading ", asm__or(view->subject, "file"), SIZE_MAX);
        break;
    case ASM__TOOL_WRITE:
        asm__studio_label(studio, out, "Writing ", asm__or(view->subject, "file"), SIZE_MAX);
        break;
    case ASM__TOOL_EDIT:
        asm__studio_label(studio, out, "Editing ", asm__or(view->subject, "file"), SIZE_MAX);
        break;
    case ASM__TOOL_GLOB:
        asm__studio_label(studio, out, "Searching for ", asm__or(view->subject, "files"), SIZE_MAX);
        break;
    case ASM__TOOL_GREP:
        content = asm__input_member(input, "path");
        asm_buffer_init_fixed(&path, memory, sizeof memory);
        asm__copy_content(&path, &content);
        asm__studio_label(studio, out, "Searching \"", asm__or(view->subject, "pattern"), SIZE_MAX);
        asm__studio_label(studio, out, "\" in ", asm__or(asm_buffer_text(&path), "."), SIZE_MAX);
        break;
    case ASM__TOOL_TASK:
        asm__studio_label(studio, out, "Running task: ", asm__or(view->subject, "task"), SIZE_MAX);
        break;
    case ASM__TOOL_FETCH:
        asm__studio_label(studio, out, "Fetching ", asm__or(asm__url_host(view->subject), "web resource"),
                          SIZE_MAX);
        break;
    case ASM__TOOL_SEARCH:
        asm__studio_label(studio, out, "Searching: \"", view->subject, SIZE_MAX);
        asm_buffer_append_byte(out, '"');
        break;
    default:
        asm__studio_label(studio, out, "Using ", asm__or(view->name, "unknown"), SIZE_MAX);
    }
}

/* A path; a long one as its first part, `...` and its last two. */
static void asm__studio_path(const asm_studio *studio, asm_buffer *out, const char *label, asm_str path) {
    size_t parts, i, begins[2] = {0, 0}, first;
    path = asm__or(path, "file");
    parts = path.data[0] == '/';
    for (i = 0; i < path.size; i++) {
        if (path.data[i] == '/' || (i > 0 && path.data[i - 1] != '/')) continue;
        parts++;
        begins[0] = begins[1];
        begins[1] = i;
    }
    if (asm_utf8_count(path) <= ASM__COMMAND_CUT || parts <= 3) {
        asm__studio_label(studio, out, label, path, SIZE_MAX);
        return;
    }
    for (first = 0; first < path.size && path.data[first] != '/'; first++)
        continue;
    asm__studio_label(studio, out, label, asm_str_make(path.data, first), SIZE_MAX);
    asm__studio_label(studio, out, "/.../", asm_str_make(path.data + begins[0], path.size - begins[0]),
                      SIZE_MAX);
}

/* `N chars`, `X.Yk chars` or `Nk chars`. */
static void asm__studio_size(asm_buffer *out, size_t count) {
    if (count < 1000) {
        asm__append_count(out, (int64_t)count);
        asm__append_literal(out, " chars");
        return;
    }
    if (count < 10000) asm__append_decimal(out, (double)count / 1000, 1);
    else asm__append_count(out, (int64_t)(count / 1000));
    asm__append_literal(out, "k chars");
}

/* Begins the next of several parts in brackets. */
static void asm__studio_part(asm_buffer *out, bool *open) {
    asm__append_literal(out, *open ? ", " : " (");
    *open = true;
}

/* ` (exit N, SIZE, DURATION)` with the parts that there are. */
static void asm__studio_facts(asm_buffer *out, const asm__tool_end *end, bool exit_code, bool size,
                              bool duration) {
    bool open = false;
    if (exit_code) {
        asm__studio_part(out, &open);
        asm__append_literal(out, "exit ");
        asm__append_count(out, end->exit_code);
    }
    if (size && end->output.text.size > 0) {
        asm__studio_part(out, &open);
        asm__studio_size(out, asm__content_count(&end->output));
    }
    if (duration && end->duration_ms > 2000) {
        asm__studio_part(out, &open);
        asm__append_decimal(out, end->duration_ms / 1000, 1);
        asm_buffer_append_byte(out, 's');
    }
    if (open) asm_buffer_append_byte(out, ')');
}

/* A count and what is counted. */
static void asm__studio_counted(asm_buffer *out, const char *before, size_t count, const char *after) {
    asm__append_literal(out, before);
    asm__append_count(out, (int64_t)count);
    asm__append_literal(out, after);
}

/* What a tool has done. */
static void asm__studio_done(const asm_studio *studio, asm_buffer *out, const asm__tool_view *view,
                             const asm__tool_end *end) {
    switch (asm__tool_kind_of(view->name)) {
    case ASM__TOOL_BASH:
        asm__studio_label(studio, out,
                          end->failed ? "Bash failed: " : "Ran: ", asm__or(view->subject, "bash"),
                          ASM__COMMAND_CUT);
        asm__studio_facts(out, end, true, true, true);
        break;
    case ASM__TOOL_READ:
        asm__studio_path(studio, out, "Read ", view->subject);
        asm__studio_counted(out, " (", asm__content_lines(&end->output), " lines)");
        break;
    case ASM__TOOL_WRITE:
        asm__studio_path(studio, out, "Wrote ", view->subject);
        asm__studio_counted(out, " (", view->lines, " lines)");
        break;
    case ASM__TOOL_EDIT:
        asm__studio_path(studio, out, "Edited ", view->subject);
        break;
    case ASM__TOOL_GLOB:
        asm__studio_counted(out, "Found ", asm__content_lines(&end->output), " files matching ");
        asm__studio_label(studio, out, "", asm__or(view->subject, "*"), SIZE_MAX);
        break;
    case ASM__TOOL_GREP:
        asm__studio_counted(out, "Found ", asm__content_lines(&end->output), " matches for \"");
        asm__studio_label(studio, out, "", asm__or(view->subject, "pattern"), SIZE_MAX);
        asm_buffer_append_byte(out, '"');
        break;
    case ASM__TOOL_TASK:
        asm__studio_label(studio, out, "Task complete: ", asm__or(view->subject, "task"), SIZE_MAX);
        asm__studio_facts(out, end, false, false, true);
        break;
    default:
        asm__studio_label(studio, out, "", asm__or(view->name, "unknown"), SIZE_MAX);
        asm__append_literal(out, " complete");
        asm__studio_facts(out, end, false, true, false);
    }
}

#define ASM__PREVIEW_LINES 3

static void asm__studio_output(const asm_studio *studio, asm_buffer *out, const asm__content *output) {
    bool preview = studio->options.tool_output == ASM_TOOL_OUTPUT_PREVIEW;
    size_t at = 0, skip = 0;
    asm__content shown;
    asm_str line, trimmed;
    if (studio->options.tool_output == ASM_TOOL_OUTPUT_SUMMARY) return;
    if (preview) skip = asm__content_lines(output);
    skip = skip > ASM__PREVIEW_LINES ? skip - ASM__PREVIEW_LINES : 0;
    while (asm__content_line(output, &at, &line, &trimmed)) {
        if (skip > 0) {
            skip--;
            continue;
        }
        shown.text = preview ? trimmed : line;
        shown.escaped = output->escaped;
        asm__studio_indent(studio, out, 2);
        asm__colored(out, &studio->look, ASM__DIM,
                     preview ? asm__symbol(&studio->look, "\xE2\x94\x82", "|")
                             : asm__symbol(&studio->look, "\xE2\x94\x8A", ":"));
        asm_buffer_append_byte(out, ' ');
        asm__begin_color(out, &studio->look, ASM__DIM);
        asm__append_content(out, &shown, asm__line_flags(&studio->look));
        asm__end_color(out, &studio->look);
        asm_buffer_append_byte(out, '\n');
    }
}

static void asm__studio_started(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    char memory[ASM_STUDIO_TOOL_TEXT];
    asm_buffer subject;
    asm__tool_view view;
    studio->tools++;
    asm__studio_break(studio, out);
    asm_buffer_init_fixed(&subject, memory, sizeof memory);
    memset(&view, 0, sizeof view);
    view.name = event->tool.name;
    asm__tool_view_from_input(&view, event->tool.input, &subject);
    asm__studio_mark(studio, out, ASM__CYAN, "\xE2\x97\x90", "o");
    asm__studio_doing(studio, out, &view, event->tool.input);
    studio->waiting = studio->look.has_cursor;
    if (!studio->waiting) asm_buffer_append_byte(out, '\n');
    asm__studio_remember(studio, event);
}

static void asm__studio_ended(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    char memory[ASM_STUDIO_TOOL_TEXT];
    asm_buffer subject;
    asm__tool_view view;
    asm__tool_end end = asm__tool_end_of(event);
    memset(&view, 0, sizeof view);
    asm__studio_recall(studio, event->tool.call_id, &view);
    if (event->tool.name.size > 0) view.name = event->tool.name;
    asm_buffer_init_fixed(&subject, memory, sizeof memory);
    if (event->tool.input.data && !asm__is_empty_object(event->tool.input))
        asm__tool_view_from_input(&view, event->tool.input, &subject);
    if (studio->look.has_cursor) asm__append_literal(out, "\r\033[2K");
    studio->waiting = false;
    if (end.failed) asm__studio_mark(studio, out, ASM__RED, "\xE2\x9C\x97", "x");
    else asm__studio_mark(studio, out, ASM__GREEN, "\xE2\x9C\x93", "+");
    asm__studio_done(studio, out, &view, &end);
    asm_buffer_append_byte(out, '\n');
    asm__studio_output(studio, out, &end.output);
}

static void asm__studio_text(asm_studio *studio, asm_buffer *out, asm_str text) {
    if (text.size > 0 && !studio->in_text) {
        asm_buffer_append_byte(out, '\n');
        asm__studio_indent(studio, out, 0);
    }
    studio->in_text = true;
    studio->waiting = false;
    asm_text_append(out, text, asm__block_flags(&studio->look));
}

static void asm__studio_completed(asm_studio *studio, asm_buffer *out, const asm_event *event) {
    asm_usage_payload usage;
    int64_t input = studio->input_tokens, output = studio->output_tokens;
    if (!studio->has_usage && asm__run_usage(event, &usage)) {
        input = usage.input_tokens.value;
        output = usage.output_tokens.value;
    }
    asm__studio_break(studio, out);
    asm_buffer_append_byte(out, '\n');
    asm__studio_mark(studio, out, ASM__BLUE, "\xE2\x97\x8F", "*");
    asm__studio_label(studio, out, "Session complete (", asm__or(event->run.stop_reason, "unknown"),
                      SIZE_MAX);
    asm__append_literal(out, studio->look.is_ascii ? ") - " : ") \xE2\x80\x94 ");
    asm__append_count(out, input);
    asm_buffer_append_byte(out, '/');
    asm__append_count(out, output);
    asm__studio_counted(out, " tokens, ", (size_t)studio->tools, " tools\n");
}

/* A failure; at the end of a run with a blank line before it. */
static void asm__studio_failure(asm_studio *studio, asm_buffer *out, asm_str text, bool run_ends) {
    asm__studio_break(studio, out);
    if (run_ends) asm_buffer_append_byte(out, '\n');
    asm__studio_mark(studio, out, ASM__RED, "\xE2\x9C\x97", "x");
    asm_text_append(out, text, asm__block_flags(&studio->look));
    asm_buffer_append_byte(out, '\n');
}

static asm_result asm__studio_event(void *self, const asm_event *event, asm_buffer *out) {
    asm_studio *studio = (asm_studio *)self;
    studio->events++;
    if (asm__is_hidden(&studio->options, event)) return out->result;
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        asm_buffer_append_byte(out, '\n');
        asm__studio_mark(studio, out, ASM__BLUE, "\xE2\x97\x8F", "*");
        asm__studio_label(studio, out, "", asm__or(event->run.model, "unknown"), SIZE_MAX);
        asm__append_literal(out, " session started\n");
        break;
    case ASM_EVENT_MESSAGE_STREAMED:
        asm__studio_text(studio, out, asm_event_text(event));
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        asm__studio_started(studio, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        asm__studio_ended(studio, out, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        studio->has_usage = true;
        studio->input_tokens = event->usage.input_tokens.value;
        studio->output_tokens = event->usage.output_tokens.value;
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
        break;
    case ASM_EVENT_RUN_COMPLETED:
        asm__studio_completed(studio, out, event);
        break;
    case ASM_EVENT_RUN_FAILED:
        asm__studio_failure(studio, out, asm__error_text(event), true);
        break;
    case ASM_EVENT_RUN_CANCELLED:
        asm__studio_failure(studio, out, asm_str_from("cancelled"), true);
        break;
    case ASM_EVENT_ERROR_OCCURRED:
        asm__studio_failure(studio, out, asm__error_text(event), false);
        break;
    default:
        asm__studio_break(studio, out);
        asm__studio_indent(studio, out, 0);
        asm__begin_color(out, &studio->look, ASM__DIM);
        asm__studio_label(studio, out, "? ", asm_event_name(event), SIZE_MAX);
        asm__end_color(out, &studio->look);
        asm_buffer_append_byte(out, '\n');
    }
    return out->result;
}

static void asm__studio_begin_on(void *self, const asm_terminal *terminal) {
    asm_studio *studio = (asm_studio *)self;
    studio->look = asm__look_of(&studio->options, terminal);
}

ASM_API asm_renderer asm_studio_init(asm_studio *studio, const asm_render_options *options) {
    asm_renderer renderer;
    memset(studio, 0, sizeof *studio);
    memset(&renderer, 0, sizeof renderer);
    studio->options = asm__render_defaults(options);
    studio->look = asm__look_of(&studio->options, NULL);
    renderer.self = studio;
    renderer.begin = asm__studio_begin_on;
    renderer.render_event = asm__studio_event;
    renderer.finish = NULL;
    return renderer;
}

/* >>output stream */

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
    int count =
        (output->path != NULL) + (output->stream != NULL) + (output->fd > 0) + (output->write != NULL);
    memset(out, 0, sizeof *out);
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
static asm_result asm__drain_to_stream(void *user, const char *data, size_t size) {
    return asm_output_stream_write((asm_output_stream *)user, data, size);
}

/* >>terminal */

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
        terminal.has_color = asm__wants_color(terminal.is_terminal);
        terminal.has_cursor = terminal.is_terminal && !asm__is_dumb();
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

/* >>escape sequences */

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

/* >>tty sink */

static asm_sink asm__sink(void *self, const char *name, asm_result result) {
    asm_sink sink;
    memset(&sink, 0, sizeof sink);
    sink.self = self;
    sink.name = name;
    sink.result = result;
    return sink;
}

/* Opens where a sink writes, through a stream buffer over `memory`. */
static asm_result asm__open_drain(asm_output_stream *out, asm_buffer *pending, const asm_output *output,
                                  char *memory, size_t size) {
    asm_result result;
    asm_buffer_init_stream(pending, memory, size, asm__drain_to_stream, out);
    result = pending->result;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    return result == ASM_OK ? asm_output_stream_open(out, output) : result;
}

static const char *asm__output_name(const asm_output *output, const char *otherwise) {
    return output->path ? output->path : otherwise;
}

static asm_result asm__tty_put(asm_tty_sink *sink, asm_str text) {
    if (sink->pending.write) return asm_buffer_append(&sink->pending, text);
    return asm_output_stream_write(&sink->out, text.data, text.size);
}

/* How many rows of the screen a line takes, from `at` on, which is moved past its LF. Escape sequences take no place;
 * wide characters count as one, as it is better to leave a row standing than to erase one too many. */
static int asm__rows_of_line(asm_str lines, size_t *at, int columns) {
    int width = 0;
    unsigned state = ASM__PLAIN;
    for (; *at < lines.size && lines.data[*at] != '\n'; ++*at) {
        const unsigned char c = (unsigned char)lines.data[*at];
        bool keep = true;
        if (state != ASM__PLAIN || c == 0x1B)
            state = state == ASM__PLAIN ? (unsigned)ASM__AFTER_ESCAPE : asm__escape_state(state, c, &keep);
        else if ((c & 0xC0) != 0x80) width++;
    }
    ++*at;
    return width <= columns ? 1 : (width + columns - 1) / columns;
}

/* Takes the transient lines off the screen. They may take more rows than they did, if the window is narrower now. */
static asm_result asm__tty_erase(asm_tty_sink *sink) {
    const asm_str lines = asm_str_make(sink->lines, sink->lines_size);
    int rows = 0;
    char memory[32];
    asm_buffer sequence;
    asm_json_writer writer;
    if (!sink->is_shown) return ASM_OK;
    sink->is_shown = false;
    for (size_t at = 0; at < lines.size;)
        rows += asm__rows_of_line(lines, &at, sink->terminal.columns);
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
    if (lines.size > sizeof sink->lines) lines.size = 0;
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
        result = asm__open_drain(&sink->out, &sink->pending, &output, options->buffer, options->buffer_size);
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

/* >>file sink */

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
    asm_result result;
    asm_sink table;
    memset(sink, 0, sizeof *sink);
    sink->gather = options->buffer != NULL;
    result = asm__open_drain(&sink->out, &sink->pending, &options->output,
                             sink->gather ? options->buffer : sink->memory,
                             sink->gather ? options->buffer_size : sizeof sink->memory);
    table = asm__sink(sink, asm__output_name(&options->output, "file"), result);
    table.write = asm__file_write;
    table.write_event = asm__file_write_event;
    table.flush = asm__file_flush;
    table.close = asm__file_close;
    return table;
}

/* >>jsonl sink */

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
    asm_buffer_init_stream(&pieces, sink->line.data, sink->line.capacity, asm__drain_to_stream, &sink->out);
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

/* >>callback sink */

static asm_result asm__callback_write_event(void *self, const asm_event *event, asm_str text) {
    asm_callback_sink *sink = (asm_callback_sink *)self;
    sink->on_text(sink->user, event, text);
    return ASM_OK;
}

static asm_result asm__callback_write(void *self, asm_str text) {
    return asm__callback_write_event(self, NULL, text);
}

ASM_API asm_sink asm_callback_sink_init(asm_callback_sink *sink, asm_text_callback callback, void *user) {
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
    asm_sink table = asm__sink(sink, "event", callback ? ASM_OK : ASM_ERR_INVALID_ARGUMENT);
    memset(sink, 0, sizeof *sink);
    sink->on_event = callback;
    sink->user = user;
    table.write_event = asm__callback_give_event;
    return table;
}

/* >>pipeline */

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

/* Text without an event to every sink that works: also the function of the text buffer when it drains. */
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

/* Has the sinks show the transient lines. */
static void asm__pipeline_show(asm_pipeline *pipeline, bool at_end) {
    char memory[ASM_TRANSIENT_SIZE];
    asm_buffer lines;
    if (!pipeline->can_show) return;
    asm_buffer_init_fixed(&lines, memory, sizeof memory);
    if (pipeline->renderer.transient && !at_end) {
        const asm_result result =
            pipeline->renderer.transient(pipeline->renderer.self, pipeline->now, &lines);
        if (result != ASM_OK) asm_buffer_clear(&lines);
        if (result != ASM_ERR_NO_SPACE) asm__pipeline_fail(pipeline, result, "renderer");
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
    size_t i;
    memset(pipeline, 0, sizeof *pipeline);
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
        if (sink->result == ASM_OK && sink->write_event)
            asm__sink_result(pipeline, sink, sink->write_event(sink->self, event, text));
    }
    asm__pipeline_show(pipeline, false);
    return pipeline->result;
}

ASM_API void asm_pipeline_on_event(void *pipeline, const asm_event *event) {
    asm_pipeline_event((asm_pipeline *)pipeline, event);
}

ASM_API asm_result asm_pipeline_tick(asm_pipeline *pipeline, asm_time now) {
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
    size_t i;
    for (i = 0; pipeline->is_open && i < pipeline->sink_count; i++) {
        asm_sink *sink = &pipeline->sinks[i];
        if (sink->result == ASM_OK && sink->flush) asm__sink_result(pipeline, sink, sink->flush(sink->self));
    }
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_close(asm_pipeline *pipeline) {
    if (!pipeline->is_open) return pipeline->result;
    asm__pipeline_show(pipeline, true);
    asm_buffer_clear(&pipeline->text);
    if (pipeline->renderer.finish)
        asm__pipeline_fail(pipeline, pipeline->renderer.finish(pipeline->renderer.self, &pipeline->text),
                           "renderer");
    if (pipeline->text.size > 0) asm__pipeline_write(pipeline, pipeline->text.data, pipeline->text.size);
    asm_pipeline_flush(pipeline);
    asm__close_sinks(pipeline);
    asm_buffer_close(&pipeline->text);
    pipeline->is_open = false;
    return pipeline->result;
}

ASM_API asm_result asm_pipeline_run(asm_pipeline *pipeline, asm_next_function next, void *user) {
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
