/* asm_ingest.h - v0.1.0 - the event streams of AI-agent command-line programs, as events
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_ingest.h"
 *   ASM_INGEST_IMPLEMENTATION builds this header only (asm_events.h, which it includes, must then be
 *   built elsewhere); ASM_STATIC makes everything static. See asm_events.h.
 *
 * FORMATS
 *   asm      JSON Lines as asm_render.h writes them, full and compact
 *   claude   claude -p --output-format stream-json --verbose, with and without
 *            --include-partial-messages; qwen
 *   codex    codex exec --json
 *   The first lines tell which it is, unless the options do: by marks that no other format has, in the table
 *   ASM_FORMATS. Lines that come before the one that tells are held, 20 at most. Formats of the table that have no
 *   reader are named in a diagnostic.
 *
 * OPTIONS
 *   ASM_INGEST_FORMATS   a list, (ASM_WITH_CLAUDE | ASM_WITH_CODEX), of the formats to compile: see below
 *
 * EXAMPLE
 *       static void on_event(void *user, const asm_event *event) { … }
 *
 *       asm_ingest ingest;
 *       asm_ingest_init(&ingest, &(asm_ingest_options){ .on_event = on_event });
 *       while ((size = read(fd, bytes, sizeof bytes)) > 0)
 *           asm_ingest_feed(&ingest, bytes, (size_t)size, now());
 *       asm_ingest_end(&ingest, now());
 *       asm_ingest_close(&ingest);
 *
 * WHAT COMES OUT
 *   runs     One run_started and exactly one of run_completed, run_failed and run_cancelled each. A stream
 *            that stops within a run ends it: run_failed with the error code "stream_ended" (run_cancelled
 *            if the user interrupted it) and the number of tool calls that are open.
 *            Members of a run's end that have no place stand in `extra`; one that is named like a member of
 *            the event (token_usage, error_code, …) gets the name provider_NAME.
 *   text     Each piece once as message_streamed (in `delta`), all of a message once more, whole, as
 *            message_received. Reasoning comes as message_streamed with `thinking` only. What the program
 *            itself is told is message_sent.
 *   tools    tool_call_started, then tool_call_completed or tool_call_failed with the same id and, again,
 *            name and input. Codex items are named bash, apply_patch, SERVER:TOOL, or as their type.
 *   tokens   token_usage_updated with `cumulative` counts from the session's start: the last one is right,
 *            and all that needs to be looked at. Before it the same tokens may come message by message,
 *            with a message_id and without cost and `cumulative`: good to show, not to be added to it.
 *            Sub-agents' have a parent_tool_call_id. The counts and cost at the end of a run are the run's
 *            own; Codex gives the thread's. Codex counts cached tokens as input tokens too, Claude does not.
 *   others   What else the provider tells, with its own members in `extra`, is named PROVIDER.TYPE:
 *              claude.api_retry, claude.hook_started, …      "system" lines, by subtype
 *              claude.rate_limit_event, …                    others that are known, by type
 *              codex.error (a warning), codex.plan, …        items that are no tools
 *   nothing  Signs of life that come by the dozen and tell nothing else are only counted, as heartbeats:
 *              claude thinking_tokens, tool_progress, ping, and the status "requesting"
 *   asm      The events as they are, changed in nothing; a log that stops within a run gets no end. Only
 *            a time and ids that are missing are filled in, if you give them.
 *   The events of providers have provider, session, run, a sequence number from 1, the time of their line
 *   (else `now`) and, where the line has an id, the metadata {"provider_event_id":"…"}.
 *
 * DAMAGE
 *   A line that is no JSON object, cut short, glued to another, not UTF-8, or has NUL bytes gives one
 *   diagnostic with its position. What can be understood of it is taken, and the stream goes on. Lines of
 *   unknown type are counted.
 *
 * MEMORY
 *   Through ASM_REALLOC, kept until asm_ingest_close() (no allocation for each event), and as much as
 *     the longest line   that is fed in pieces. Its texts are unescaped where they stand; those of a line
 *                        that is fed whole are copied if they have escapes.
 *     what is open       Claude's messages and the inputs of tool calls, until they end. A message that is
 *                        one long text keeps its line's memory in place of a copy, and frees it at its end.
 *     what is joined     the output of a tool that comes in several blocks, and the members in `extra`.
 */
#ifndef ASM_INGEST_H
#define ASM_INGEST_H

#include "asm_events.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

/* Every format that is known: constant, name, title, and its marks: how a line, an object, shows that it can only be of
 * this format. Marks are alternatives separated by " | "; one is a list of conditions that must all hold:
 *     key         the object has this member, and it is not null
 *     !key        it has not
 *     key=text    it is the string `text`; key^text: a string that begins so
 *     key:s       it is a string; :n a number, :o an object, :a an array
 *     key@        it is the name of a type of event (asm_event_type_from_name())
 *     key.member  a member of the object `key`, in all of the above
 * Conditions after `?` tell less: several programs print such lines, this one most of all. They decide where a line has
 * no mark of another format; after `??` only when no line of the next 20 has one. */
#define ASM_FORMATS(X)                                                                                       \
    X(ASM, "asm", "an asm log",                                                                                 \
      "type:s data:o ts:s session_id:s | type@ data:o | type@ ts:s | e:o t:n !type | e:o !t !type")          \
    /* what programs print while they run */                                                                 \
    X(CLAUDE, "claude", "a Claude Code stream",                                                                \
      "claude_code_version | type=stream_event event:o session_id | type=rate_limit_event rate_limit_info"   \
      " | type=control_request request:o | type=conversation_reset session_id"                               \
      " | type=system subtype^task_ session_id | type=system subtype^hook_ session_id"                       \
      " | type=system subtype=thinking_tokens | type=result modelUsage total_cost_usd"                       \
      " | ? type=system subtype=init | ? type=stream_event event:o"                                    \
      " | ?? type=system subtype:s | ?? type=assistant message:o !sessionId"                                 \
      " | ?? type=user message:o !sessionId | ?? type=result subtype:s")                                     \
    X(CODEX, "codex", "a Codex exec stream",                                                                   \
      "type=thread.started thread_id | type=item.started item:o | type=item.updated item:o"                   \
      " | type=item.completed item:o | type=turn.started !data !time !turnId | type=turn.completed !data !time !turnId"                   \
      " | type=turn.failed !data !time !turnId")                                                             \
    X(GEMINI, "gemini", "a Gemini CLI stream",                                                                 \
      "type=init timestamp session_id model | tool_id timestamp type | type=result stats timestamp"          \
      " | type=message role:s content:s timestamp !id")                                                      \
    X(CURSOR, "cursor", "a Cursor stream",                                                                     \
      "type=tool_call tool_call:o call_id | type=thinking subtype=delta | type=thinking subtype=completed"   \
      " | type=system subtype=init apiKeySource !tools")                                                     \
    X(OPENCODE, "opencode", "an OpenCode stream", "type sessionID !properties")                                 \
    X(AMP, "amp", "an Amp stream", "type session_id^T- !claude_code_version | ? type=result error:s is_error")  \
    X(QWEN, "qwen", "a Qwen Code stream", "qwen_code_version")                                                 \
    X(GOOSE, "goose", "a goose stream", "type=message message.role message.created | type=complete total_tokens") \
    X(PI, "pi", "a pi stream",                                                                                 \
      "type=agent_start | type=message_update assistantMessageEvent | type^tool_execution_ toolCallId")      \
    X(COPILOT, "copilot", "a Copilot CLI session",                                                             \
      "type=session.start data.producer=copilot-agent | type data:o id parentId timestamp"                   \
      " | type=result sessionId exitCode:n")                                                                 \
    X(KIMI, "kimi", "a Kimi stream",                                                                           \
      "role=assistant tool_calls:a !type !timestamp !message_id | role=tool tool_call_id !type !timestamp"   \
      " !message_id")                                                                                        \
    X(DROID, "droid", "a Droid stream",                                                                        \
      "type=system reasoning_effort | type=message text:s role | type=tool_call toolName parameters"         \
      " | type=completion finalText")                                                                        \
    X(ANTIGRAVITY, "antigravity", "an Antigravity stream",                                                      \
      "event=init init:o | event=step_update step_update:o | event=result result:o")                         \
    X(GROK, "grok", "a Grok stream",                                                                           \
      "type=text data:s !sessionID | type=thought data:s | type=end stopReason")                             \
    X(ACP, "acp", "an Agent Client Protocol session",                                                           \
      "jsonrpc method^session/ | jsonrpc result.sessionId | jsonrpc result.stopReason"                       \
      " | jsonrpc params.protocolVersion")                                                                   \
    X(OPENCODE_SERVER, "opencode-server", "an OpenCode server stream",                                          \
      "type properties:o | directory payload.properties")                                                    \
    /* what they leave on disk */                                                                            \
    X(CLAUDE_TRANSCRIPT, "claude-transcript", "a Claude Code transcript",                                      \
      "sessionId parentUuid isSidechain !message.parts !systemPayload"                                       \
      " | sessionId userType uuid !message.parts !systemPayload | ? type=summary summary leafUuid"           \
      " | ? type=file-history-snapshot snapshot messageId")                                                  \
    X(CODEX_ROLLOUT, "codex-rollout", "a Codex rollout",                                                       \
      "timestamp payload:o type=session_meta | timestamp payload:o type=turn_context"                        \
      " | timestamp payload:o type=response_item | timestamp payload:o type=event_msg"                       \
      " | timestamp payload:o type=compacted | timestamp payload:o type=world_state"                         \
      " | id timestamp instructions git:o !type | record_type=state")                                        \
    X(GEMINI_CHAT, "gemini-chat", "a Gemini CLI chat", "sessionId projectHash")                                \
    X(QWEN_CHAT, "qwen-chat", "a Qwen Code chat",                                                              \
      "sessionId uuid message.parts | sessionId uuid systemPayload")                                         \
    X(PI_SESSION, "pi-session", "a pi session", "type=message id parentId timestamp message.role")             \
    X(KIMI_WIRE, "kimi-wire", "a Kimi session", "type=metadata protocol_version")                              \
    X(DROID_SESSION, "droid-session", "a Droid session", "type=session_start")                                 \
    X(CURSOR_TRANSCRIPT, "cursor-transcript", "a Cursor transcript", "role message.content !type")             \
    X(OPENCODE_EXPORT, "opencode-export", "an OpenCode export", "info:o messages:a | info:o parts:a")           \
    /* raw model APIs */                                                                                     \
    X(ANTHROPIC, "anthropic", "an Anthropic Messages API stream",                                               \
      "type=message_start message.role | type^content_block_ index:n | type=message role=assistant content:a" \
      " model usage")                                                                                        \
    X(OPENAI, "openai", "an OpenAI chat completions stream",                                                    \
      "object=chat.completion.chunk | object=chat.completion | choices:a id")                                \
    X(RESPONSES, "responses", "an OpenAI Responses API stream", "type^response. sequence_number | object=response") \
    X(OLLAMA, "ollama", "an Ollama stream", "model created_at message:o | model created_at done")               \
    /* what is known by name only */                                                                         \
    X(CODEX_PROTO, "codex-proto", "a Codex proto stream", "id msg.type")                                       \
    X(CODEX_SERVER, "codex-server", "a Codex app-server session",                                              \
      "jsonrpc method^codex/ | method^thread/ | method^turn/ | method^item/")                                \
    X(DSH, "dsh", "a dsh session", "type seq:n time:n")                                                        \
    X(GPTME, "gptme", "a gptme conversation", "role content:s timestamp files:a")                              \
    X(HERMES, "hermes", "a Hermes session", "session_id messages:a")                                           \
    X(IFLOW, "iflow", "a iFlow session", "sessionId^session- parentUuid isSidechain")                          \
    X(MUSE, "muse", "a Muse session", "payload payload_type")                                                  \
    X(OPENCLAW, "openclaw", "an OpenClaw session", "type=custom customType^openclaw")                           \
    X(VIBE, "vibe", "a Vibe session", "role message_id !type !message")

/* Which formats are compiled in: all, unless ASM_INGEST_FORMATS is defined before the implementation, as a list like
 * (ASM_WITH_CLAUDE | ASM_WITH_CODEX). The others are still known by their marks, and named. */
#define ASM_WITH_ASM               (1LL << 0)
#define ASM_WITH_CLAUDE            (1LL << 1)
#define ASM_WITH_CODEX             (1LL << 2)
#define ASM_WITH_GEMINI            (1LL << 3)
#define ASM_WITH_CURSOR            (1LL << 4)
#define ASM_WITH_OPENCODE          (1LL << 5)
#define ASM_WITH_AMP               (1LL << 6)
#define ASM_WITH_QWEN              (1LL << 7)
#define ASM_WITH_GOOSE             (1LL << 8)
#define ASM_WITH_PI                (1LL << 9)
#define ASM_WITH_COPILOT           (1LL << 10)
#define ASM_WITH_KIMI              (1LL << 11)
#define ASM_WITH_DROID             (1LL << 12)
#define ASM_WITH_ANTIGRAVITY       (1LL << 13)
#define ASM_WITH_GROK              (1LL << 14)
#define ASM_WITH_ACP               (1LL << 15)
#define ASM_WITH_OPENCODE_SERVER   (1LL << 16)
#define ASM_WITH_CLAUDE_TRANSCRIPT (1LL << 17)
#define ASM_WITH_CODEX_ROLLOUT     (1LL << 18)
#define ASM_WITH_GEMINI_CHAT       (1LL << 19)
#define ASM_WITH_QWEN_CHAT         (1LL << 20)
#define ASM_WITH_PI_SESSION        (1LL << 21)
#define ASM_WITH_KIMI_WIRE         (1LL << 22)
#define ASM_WITH_DROID_SESSION     (1LL << 23)
#define ASM_WITH_CURSOR_TRANSCRIPT (1LL << 24)
#define ASM_WITH_OPENCODE_EXPORT   (1LL << 25)
#define ASM_WITH_ANTHROPIC         (1LL << 26)
#define ASM_WITH_OPENAI            (1LL << 27)
#define ASM_WITH_RESPONSES         (1LL << 28)
#define ASM_WITH_OLLAMA            (1LL << 29)
#ifndef ASM_INGEST_FORMATS
#define ASM_INGEST_FORMATS (~0LL)
#endif

typedef enum asm_format {
    ASM_FORMAT_AUTO, /* decided from the first lines */
#define ASM__FORMAT_CONSTANT(constant, name, title, marks) ASM_FORMAT_##constant,
    ASM_FORMATS(ASM__FORMAT_CONSTANT)
#undef ASM__FORMAT_CONSTANT
        ASM_FORMAT_COUNT
} asm_format;

/* "auto", "asm", "claude", …; NULL for a number that is no format. */
ASM_API const char *asm_format_name(asm_format format);

/* What people call it, with its article: "a Claude Code stream"; NULL likewise. */
ASM_API const char *asm_format_title(asm_format format);

/* The format of that name; ASM_FORMAT_COUNT if there is none. */
ASM_API asm_format asm_format_from_name(asm_str name);

/* Whether there is a reader for it, compiled in; else it is known by name only. True for ASM_FORMAT_AUTO. */
ASM_API bool asm_format_is_read(asm_format format);

/* How many tool calls, and bytes of their ids, names and inputs, are remembered until they end. Past that the
 * oldest are forgotten: their end comes without name and input. */
#define ASM_INGEST_MAX_TOOL_CALLS 4096
#define ASM_INGEST_MAX_TOOL_BYTES ((size_t)16 << 20)

/* How many unknown types are counted by name. */
#define ASM_INGEST_MAX_UNKNOWN 64

/* Something about the input that is worth telling. */
typedef struct asm_diagnostic {
    bool lost;           /* part of the line was not understood; else it is only remarkable, like CRLF */
    asm_result result;   /* the kind of error; ASM_OK if it is none */
    const char *message; /* constant */
    uint64_t line;       /* from 1 */
    uint64_t column;     /* in bytes, from 1 */
    uint64_t offset;     /* in bytes from the start of the stream, from 0 */
} asm_diagnostic;

/* Called for each diagnostic, which is valid during the call only. Must not call back into the same asm_ingest. */
typedef void (*asm_ingest_diagnostic_function)(void *user, const asm_diagnostic *diagnostic);

typedef struct asm_ingest_options {
    asm_format format;                            /* default: auto */
    asm_event_callback on_event;                  /* required; gets each event, in order, at once
                                                     (asm_event_copy() keeps it); must not call back into the
                                                     same asm_ingest */
    asm_ingest_diagnostic_function on_diagnostic; /* default: they are only counted */
    void *user;                                   /* for both */
    asm_str session_id;                           /* for events of streams that carry none; copied */
    asm_str run_id;  /* likewise, for the first run; the next ones get "_2", "_3", … behind it. Default:
                        "run_1", … */
    size_t max_line; /* bytes; a longer line is skipped with a diagnostic. 0: no limit */
} asm_ingest_options;

/* What was read so far. */
typedef struct asm_ingest_counts {
    uint64_t bytes;
    uint64_t lines;
    uint64_t events;
    uint64_t diagnostics; /* all of them */
    uint64_t lost;        /* those with `lost` */
    uint64_t unknown;     /* lines, and parts of messages, of a type that is not known: passed over */
    uint64_t heartbeats;  /* lines that only say that work goes on: passed over */
} asm_ingest_counts;

typedef struct asm_ingest {
    asm_ingest_counts counts;  /* read only */
    asm_format format;         /* read only: as given or detected; ASM_FORMAT_AUTO until then */
    asm_result result;         /* read only: the first error that is none of the input: of asm_ingest_init(),
                                  or ASM_ERR_NO_MEMORY */
    struct asm__ingest *state; /* private */
} asm_ingest;

/* Sets up; allocates. ASM_ERR_INVALID_ARGUMENT without on_event or for a format that is none;
 * ASM_ERR_NO_MEMORY. After an error nothing needs closing, and feeding and ending do nothing but return it
 * again: it is enough to look at `result` at the end. `options` is copied. */
ASM_API asm_result asm_ingest_init(asm_ingest *ingest, const asm_ingest_options *options);

/* Takes the next `size` bytes of the stream, cut anywhere; gives the events that they complete. `now` is the
 * time of events for which the stream has none; 0: they get none. Errors of the input are diagnostics, not
 * results: ASM_OK, or ASM_ERR_NO_MEMORY (of a line something is lost, with a diagnostic; all of `data` was
 * taken). */
ASM_API asm_result asm_ingest_feed(asm_ingest *ingest, const char *data, size_t size, asm_time now);

/* The end of the stream: takes a last line without LF, and ends a run that is still open. The same object may
 * be fed the next stream, whose format is decided anew if it was not given and whose lines are counted from
 * 1; runs are numbered on, counts go on. */
ASM_API asm_result asm_ingest_end(asm_ingest *ingest, asm_time now);

/* Frees everything. */
ASM_API void asm_ingest_close(asm_ingest *ingest);

/* How often the unknown type `index` (from 0, in the order of appearance) came, and its name (its beginning,
 * if it is long), valid until the object is closed; false past the last. For reports. */
ASM_API bool asm_ingest_unknown(const asm_ingest *ingest, size_t index, asm_str *type, uint64_t *count);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_INGEST_H */

/* =========================================================================================================
 * Implementation
 *
 *   >>ingest: state       what is remembered between lines
 *   >>ingest: output      diagnostics, counts, events
 *   >>ingest: json        helpers for raw values
 *   >>ingest: calls       the tool calls that are open
 *   >>ingest: runs        their beginning and end
 *   >>ingest: asm         one section for each format: asm,
 *   >>ingest: claude      claude and qwen,
 *   >>ingest: codex       codex
 *   >>ingest: formats     the table of formats
 *   >>ingest: marks       which format a stream has
 *   >>ingest: lines       from lines to formats; damaged lines
 *   >>ingest: bytes       from bytes to lines; the public functions
 *
 * A new format is
 *   a row in ASM_FORMATS, an ASM_WITH_ bit, an ASM__READER_ default (all three may be there already),
 *   a section `#if ASM_INGEST_FORMATS & ASM_WITH_X` with its reader: a function that takes a line, perhaps one that takes
 *   the end, an asm__ingest_reader with both, and `#define ASM__READER_X &it`.
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_INGEST_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_INGEST_IMPLEMENTED
#define ASM_INGEST_IMPLEMENTED

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_json.h"

/* Not every format needs all helpers. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#endif

#include <string.h>

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>ingest: state */

#define ASM__INGEST_LANES       32
#define ASM__INGEST_NAME_SIZE   64
#define ASM__INGEST_STARTED_MAX 1024
#define ASM__INGEST_LINE_STEP   ((size_t)1 << 20)
#define ASM__INGEST_STRINGS     20 /* buffers, each twice as large as the one before, from 4 KB on */

/* Who speaks: the main agent, or a sub-agent; and the message it is at. */
typedef struct asm__ingest_lane {
    uint64_t used;     /* when it was last used, as lines go; 0: free */
    asm_buffer parent; /* the tool call that the sub-agent serves; empty: the main agent */
    asm_buffer message_id;
    asm_buffer model;
    asm_buffer text;  /* of the message so far */
    size_t confirmed; /* so much of it has come in a whole block too */
    bool has_message;
    bool finished;  /* its message_received has gone out */
    bool partial;   /* between message_start and message_stop */
    bool streamed;  /* it came in pieces: whole blocks only repeat them */
    bool thought;   /* its thinking came in pieces */
    bool text_lost; /* there was no memory for all of its text */
    bool usage_given;
    asm_usage_payload usage; /* numbers only */
    bool tool_open;          /* a tool's input comes in pieces */
    asm_buffer tool_id;
    asm_buffer tool_name;
    asm_buffer tool_input;
    asm_buffer started; /* hashes of the ids of tools begun from pieces */
} asm__ingest_lane;

typedef struct asm__ingest asm__ingest;

/* How the lines of one format become events. */
typedef struct asm__ingest_reader {
    asm_str provider; /* of the events */
    /* Takes a line. An error means that it is not valid, and nothing has come of it. */
    asm_result (*line)(asm__ingest *state, asm_str line, asm_json_error *error);
    /* The stream, or a run of it, stops: gives what is left, before a run that is still open is ended. May be NULL. */
    void (*end)(asm__ingest *state);
} asm__ingest_reader;

/* A tool call that has begun: id, name and input stand one after the other in call_text. */
typedef struct asm__ingest_call {
    uint64_t hash;
    size_t offset;
    size_t id_size;
    size_t name_size;
    size_t input_size;
} asm__ingest_call;

typedef struct asm__ingest_unknown {
    uint64_t count;
    size_t size;
    char name[ASM__INGEST_NAME_SIZE];
} asm__ingest_unknown;

struct asm__ingest {
    asm_ingest *ingest; /* set by each public function: the struct may be moved between calls */
    asm_ingest_options options;
    asm_buffer option_text; /* the options' ids */

    /* the stream */
    asm_time now;
    uint64_t line_number;
    uint64_t line_offset; /* where the line begins */
    size_t text_shift;    /* where the text begins in the line: behind a byte order mark */
    bool crlf;            /* told already */
    bool any_text;
    bool compact;       /* asm: the last line was */
    bool unsure;        /* the format was found out, and nothing that it knows has come yet */
    bool told_unread;   /* that there is no reader for it */
    asm_format guess;   /* what the lines that are held look like most */
    asm_buffer held;    /* lines that came before the one that tells the format */
    size_t held_count;
    bool last_text;     /* nothing in this line will be looked at after the text that is being taken */
    bool failed;        /* memory ran out in this line */
    bool out_of_memory; /* and so in this call */

    /* the line that is not complete yet */
    char *line;
    size_t line_size;
    size_t line_capacity;
    uint64_t line_seen; /* bytes of it so far, stored or not */
    bool skipping;      /* the rest of the line */

    /* kept buffers */
    asm_buffer strings[ASM__INGEST_STRINGS]; /* unescaped ones of the line: they must not move */
    size_t strings_at;                       /* the buffer that is being filled */
    asm_buffer scratch;                      /* what is unescaped or put together from an asm line */
    asm_buffer mended;                       /* a damaged line */
    asm_buffer keys;
    asm_buffer metadata;
    asm_buffer extra;
    asm_buffer built;  /* JSON put together for an event */
    asm_buffer joined; /* text likewise */
    asm_buffer name;   /* a tool's or a custom event's */

    /* the line, for the events that come of it */
    char *in_place; /* itself, if it may be changed; else NULL */
    asm_str provider;
    asm_str line_session;
    asm_time line_time;
    int line_precision;
    asm_str line_metadata;

    /* the session */
    asm_buffer session;
    int64_t sequence;
    asm_usage_payload totals; /* numbers only */
    double cost;              /* as the provider counts it */
    double earlier_cost;      /* before the provider began to count anew */

    /* the run */
    asm_buffer run;
    uint64_t runs;
    bool run_open;
    bool stream_has_run;
    bool run_has_text;
    bool cancelled;        /* the stream says so */
    asm_buffer last_error; /* the text of the last error_occurred */

    asm__ingest_lane lanes[ASM__INGEST_LANES];
    uint64_t clock; /* counts uses of lanes */

    asm__ingest_call *calls; /* oldest first */
    size_t call_count;
    size_t call_capacity;
    asm_buffer call_text;
    size_t call_dead; /* bytes of call_text that belong to no call any more */

    asm__ingest_unknown unknown[ASM_INGEST_MAX_UNKNOWN];
    size_t unknown_count;
};

#define ASM__MEMBER(text)                                                                                    \
    { "" text, sizeof("" text) - 1 }
#define ASM__INGEST_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Room for `size` more bytes. When there is none the buffer still holds what it held: it may be used on. */
static bool asm__ingest_reserve(asm__ingest *state, asm_buffer *buffer, size_t size) {
    if (asm_buffer_reserve(buffer, size) == ASM_OK) return true;
    buffer->result = ASM_OK;
    state->failed = true;
    return false;
}

static bool asm__ingest_append(asm__ingest *state, asm_buffer *buffer, asm_str text) {
    return asm__ingest_reserve(state, buffer, text.size) && asm_buffer_append(buffer, text) == ASM_OK;
}

/* Keeps a copy of `text`; of nothing if there is no memory. */
static void asm__ingest_keep(asm__ingest *state, asm_buffer *buffer, asm_str text) {
    asm_buffer_clear(buffer);
    asm__ingest_append(state, buffer, text);
}

static asm_str asm__ingest_absent(void) {
    return asm_str_make(NULL, 0);
}

static bool asm__ingest_starts_with(asm_str text, asm_str prefix) {
    return text.size >= prefix.size && memcmp(text.data, prefix.data, prefix.size) == 0;
}

static bool asm__ingest_ends_with(asm_str text, asm_str suffix) {
    return text.size >= suffix.size &&
           memcmp(text.data + text.size - suffix.size, suffix.data, suffix.size) == 0;
}

/* >>ingest: output */

static void asm__ingest_diagnose(asm__ingest *state, bool lost, asm_result result, const char *message,
                                 size_t offset) {
    asm_diagnostic diagnostic;
    diagnostic.lost = lost;
    diagnostic.result = result;
    diagnostic.message = message;
    diagnostic.line = state->line_number;
    diagnostic.column = (uint64_t)state->text_shift + offset + 1;
    diagnostic.offset = state->line_offset + state->text_shift + offset;
    state->ingest->counts.diagnostics++;
    if (lost) state->ingest->counts.lost++;
    if (state->options.on_diagnostic) state->options.on_diagnostic(state->options.user, &diagnostic);
}

static void asm__ingest_count_unknown(asm__ingest *state, asm_str type) {
    asm_str name = type;
    size_t i;
    state->ingest->counts.unknown++;
    if (name.size > ASM__INGEST_NAME_SIZE) {
        name.size = ASM__INGEST_NAME_SIZE;
        while (((unsigned char)name.data[name.size] & 0xC0) == 0x80)
            name.size--; /* not within a character */
    }
    for (i = 0; i < state->unknown_count; i++)
        if (asm_str_equal(asm_str_make(state->unknown[i].name, state->unknown[i].size), name)) break;
    if (i == ASM_INGEST_MAX_UNKNOWN) return;
    if (i == state->unknown_count) {
        state->unknown_count++;
        state->unknown[i].size = name.size;
        if (name.size) memcpy(state->unknown[i].name, name.data, name.size);
    }
    state->unknown[i].count++;
}

static asm_event asm__ingest_event(asm_event_type type) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    return event;
}

static void asm__ingest_emit(asm__ingest *state, asm_event *event) {
    event->provider = state->provider;
    event->session_id = state->line_session;
    if (state->run_open) event->run_id = asm_buffer_text(&state->run);
    event->time = state->line_time;
    event->time_precision = state->line_precision;
    event->metadata = state->line_metadata;
    event->sequence_number = ++state->sequence;
    state->ingest->counts.events++;
    state->options.on_event(state->options.user, event);
}

/* What the agent says. */
static asm_event asm__ingest_message(asm_event_type type, asm_str text, asm_str message_id, asm_str parent) {
    asm_event event = asm__ingest_event(type);
    if (type == ASM_EVENT_MESSAGE_STREAMED) event.message.delta = text;
    else event.message.content = text;
    event.message.role = ASM_STR("assistant");
    if (message_id.size) event.message.message_id = message_id;
    if (parent.size) event.message.parent_tool_call_id = parent;
    return event;
}

static void asm__ingest_emit_message(asm__ingest *state, asm_event_type type, asm_str text,
                                     asm_str message_id, asm_str parent) {
    asm_event event = asm__ingest_message(type, text, message_id, parent);
    asm__ingest_emit(state, &event);
}

static void asm__ingest_emit_thinking(asm__ingest *state, asm_str text, asm_str message_id, asm_str parent) {
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text, message_id, parent);
    if (!text.size) return;
    event.message.thinking.value = true;
    event.message.thinking.is_set = true;
    asm__ingest_emit(state, &event);
}

static void asm__ingest_emit_error(asm__ingest *state, asm_str code, asm_str message,
                                   asm_str provider_error) {
    asm_event event = asm__ingest_event(ASM_EVENT_ERROR_OCCURRED);
    event.error.code = code;
    event.error.message = message;
    event.error.provider_error = provider_error;
    asm__ingest_emit(state, &event);
}

/* >>ingest: json */

static void asm__ingest_clear_strings(asm__ingest *state) {
    state->strings_at = 0;
    asm_buffer_clear(&state->strings[0]);
}

/* A buffer with room for so many bytes more behind those that it holds, which do not move. NULL if there is
 * no memory. */
static asm_buffer *asm__ingest_room(asm__ingest *state, size_t size) {
    asm_buffer *buffer = &state->strings[state->strings_at];
    size_t least;
    if (buffer->size && buffer->capacity - buffer->size < size) {
        if (state->strings_at + 1 == ASM__INGEST_STRINGS) {
            state->failed = true;
            return NULL;
        }
        buffer = &state->strings[++state->strings_at];
        asm_buffer_clear(buffer);
    }
    least = (size_t)4096 << state->strings_at;
    if (!buffer->size && size < least) size = least;
    return asm__ingest_reserve(state, buffer, size) ? buffer : NULL;
}

/* The string that `raw` is, until the next line; absent if it is none. */
static asm_str asm__ingest_string(asm__ingest *state, asm_str raw) {
    asm_str text = asm__ingest_absent();
    asm_buffer *strings, room;
    if (!raw.data || asm_json_type_of(raw) != ASM_JSON_STRING) return text;
    if (!memchr(raw.data, '\\', raw.size)) {
        asm_json_to_string(raw, NULL, &text);
        return text;
    }
    strings = asm__ingest_room(state, raw.size + ASM_JSON_SCRATCH_SPARE);
    if (!strings) return text;
    asm_buffer_init_fixed(&room, strings->data + strings->size, strings->capacity - strings->size);
    asm_json_to_string(raw, &room, &text);
    strings->size += room.size;
    return text;
}

/* The same for what may be long. If the line may be changed it is unescaped over itself: nothing that `raw`
 * stands in may then be read again. */
static asm_str asm__ingest_text(asm__ingest *state, asm_str raw) {
    asm_str text = asm__ingest_absent();
    asm_json_reader reader;
    if (!raw.data || !state->in_place) return asm__ingest_string(state, raw);
    asm_json_reader_init_in_place(&reader, state->in_place + (raw.data - state->in_place), raw.size);
    asm_json_read_string(&reader, &text);
    return text;
}

static asm_optional_int64 asm__ingest_int64(asm_str raw) {
    asm_optional_int64 number;
    number.value = 0;
    number.is_set = raw.data && asm_json_to_int64(raw, &number.value);
    return number;
}

static asm_optional_double asm__ingest_double(asm_str raw) {
    asm_optional_double number;
    number.value = 0;
    number.is_set = raw.data && asm_json_to_double(raw, &number.value);
    return number;
}

/* Adds what is set, as far as it goes. */
static void asm__ingest_add(asm_optional_int64 *total, asm_optional_int64 number) {
    if (!number.is_set) return;
    total->is_set = true;
    if (number.value > 0 && total->value > INT64_MAX - number.value) total->value = INT64_MAX;
    else if (number.value > 0) total->value += number.value;
}

static bool asm__ingest_is(asm_str raw, asm_json_type type) {
    return raw.data && asm_json_type_of(raw) == type;
}

/* Whether valid JSON is flat enough to stand as a value inside an event, deeper than it did in the line. */
static bool asm__ingest_is_flat(asm_str raw) {
    unsigned depth = 0;
    bool in_string = false;
    size_t i;
    for (i = 0; i < raw.size; i++) {
        char c = raw.data[i];
        if (in_string) {
            if (c == '\\') i++;
            else if (c == '"') in_string = false;
        } else if (c == '"') in_string = true;
        else if (c == '{' || c == '[') {
            if (++depth > ASM_JSON_MAX_DEPTH - 3) return false;
        } else if (c == '}' || c == ']') depth--;
    }
    return true;
}

/* `raw` if it is a value of that type that an event can hold; else absent. */
static asm_str asm__ingest_json(asm_str raw, asm_json_type type) {
    return asm__ingest_is(raw, type) && asm__ingest_is_flat(raw) ? raw : asm__ingest_absent();
}

/* `raw` if it is any value but null, likewise. */
static asm_str asm__ingest_value(asm_str raw) {
    bool usable = raw.data && !asm__ingest_is(raw, ASM_JSON_NULL) && asm__ingest_is_flat(raw);
    return usable ? raw : asm__ingest_absent();
}

/* `raw` if it is an array with something in it, likewise. */
static asm_str asm__ingest_list(asm_str raw) {
    asm_json_reader reader;
    asm_str list = asm__ingest_json(raw, ASM_JSON_ARRAY);
    if (!list.data) return list;
    asm_json_reader_init(&reader, list, NULL);
    return asm_json_enter_array(&reader) && asm_json_next_element(&reader) ? list : asm__ingest_absent();
}

/* Begins the array `raw`; without elements if it is none. */
static asm_json_reader asm__ingest_elements(asm_str raw) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, asm__ingest_is(raw, ASM_JSON_ARRAY) ? raw : ASM_STR("[]"), NULL);
    asm_json_enter_array(&reader);
    return reader;
}

static bool asm__ingest_next(asm_json_reader *reader, asm_str *element) {
    *element = asm__ingest_absent();
    return asm_json_next_element(reader) && asm_json_read_raw(reader, element);
}

/* asm_json_find() that finds nothing where there is no object. */
static void asm__ingest_find(asm_str object, const asm_str *keys, asm_str *values, size_t count) {
    if (!object.data || asm_json_find(object, keys, values, count, NULL) != ASM_OK)
        memset(values, 0, count * sizeof *values);
}

/* The name for a member of the provider's at the end of a run: another one if ours is a member of the event, which
 * could not be written with both. */
static asm_str asm__ingest_rename(asm_str key) {
    static const asm_str names[] = {
        ASM__MEMBER("provider_cost_usd"),       ASM__MEMBER("provider_token_usage"),
        ASM__MEMBER("provider_error_code"),     ASM__MEMBER("provider_error_message"),
        ASM__MEMBER("provider_provider_error"), ASM__MEMBER("provider_open_tool_calls")};
    const size_t prefix = sizeof "provider_" - 1;
    for (size_t i = 0; i < ASM__INGEST_COUNT_OF(names); i++)
        if (asm_str_equal(key, asm_str_make(names[i].data + prefix, names[i].size - prefix))) return names[i];
    return key;
}

/* Writes the members of `object` but those with the keys `known` and those that are null, as an object, renamed
 * if they are a run's end. Absent if none is left. The text stands in `out`. */
static asm_str asm__ingest_rest(asm__ingest *state, asm_buffer *out, asm_str object, const asm_str *known,
                                size_t known_count, bool is_end) {
    asm_json_reader reader;
    asm_json_writer writer;
    asm_str key, raw;
    bool any = false;
    asm_buffer_clear(out);
    asm_buffer_clear(&state->keys);
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_reader_init(&reader, object, &state->keys);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key)) {
        size_t i = 0;
        while (i < known_count && !asm_str_equal(key, known[i]))
            i++;
        if (i < known_count || asm_json_peek(&reader) == ASM_JSON_NULL) continue;
        if (!asm_json_read_raw(&reader, &raw)) break;
        if (!asm__ingest_is_flat(raw)) continue;
        asm_json_write_key(&writer, is_end ? asm__ingest_rename(key) : key);
        asm_json_write_raw(&writer, raw);
        any = true;
    }
    asm_json_end_object(&writer);
    if (asm_json_reader_finish(&reader) != ASM_OK || asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return asm__ingest_absent();
    }
    return any ? asm_buffer_text(out) : asm__ingest_absent();
}

/* The next block of a list: the JSON of its text, absent if it is of another kind. */
static bool asm__ingest_next_text(asm__ingest *state, asm_json_reader *blocks, asm_str *text) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("text")};
    asm_str block, values[2];
    *text = asm__ingest_absent();
    if (!asm__ingest_next(blocks, &block)) return false;
    asm__ingest_find(block, keys, values, 2);
    if (asm_str_equal(asm__ingest_string(state, values[0]), ASM_STR("text")) &&
        asm__ingest_is(values[1], ASM_JSON_STRING))
        *text = values[1];
    return true;
}

/* The texts of the blocks of `list`, one below the other. Absent, and nothing was changed, if there is
 * anything else among them. */
static asm_str asm__ingest_block_texts(asm__ingest *state, asm_str list) {
    asm_json_reader blocks = asm__ingest_elements(list);
    asm_str text, first = asm__ingest_absent();
    size_t count = 0;
    while (asm__ingest_next_text(state, &blocks, &text)) {
        if (!text.data) return text;
        if (count++ == 0) first = text;
    }
    if (count <= 1) return asm__ingest_text(state, first);
    asm_buffer_clear(&state->joined);
    blocks = asm__ingest_elements(list);
    for (count = 0; asm__ingest_next_text(state, &blocks, &text); count++) {
        if (count) asm__ingest_append(state, &state->joined, ASM_STR("\n"));
        asm__ingest_append(state, &state->joined, asm__ingest_text(state, text));
    }
    return asm_buffer_text(&state->joined);
}

/* The numbers of `usage` as the object that asm_usage_read() reads. */
static asm_str asm__ingest_usage_json(asm__ingest *state, const asm_usage_payload *usage) {
    asm_json_writer writer;
    asm_str names[5] = {ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"),
                        ASM__MEMBER("cache_read_tokens"), ASM__MEMBER("cache_creation_tokens"),
                        ASM__MEMBER("reasoning_tokens")};
    asm_optional_int64 numbers[5];
    bool any = false;
    size_t i;
    numbers[0] = usage->input_tokens;
    numbers[1] = usage->output_tokens;
    numbers[2] = usage->cache_read_tokens;
    numbers[3] = usage->cache_creation_tokens;
    numbers[4] = usage->reasoning_tokens;
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_object(&writer);
    for (i = 0; i < 5; i++) {
        if (!numbers[i].is_set) continue;
        asm_json_write_key(&writer, names[i]);
        asm_json_write_int64(&writer, numbers[i].value);
        any = true;
    }
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return asm__ingest_absent();
    }
    return any ? asm_buffer_text(&state->built) : asm__ingest_absent();
}

/* >>ingest: calls */

static uint64_t asm__ingest_hash(asm_str text) {
    uint64_t hash = 14695981039346656037u;
    size_t i;
    for (i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return hash;
}

static size_t asm__ingest_call_size(const asm__ingest_call *call) {
    return call->id_size + call->name_size + call->input_size;
}

/* The index of the open call with that id; call_count if there is none. */
static size_t asm__ingest_find_call(const asm__ingest *state, asm_str id) {
    uint64_t hash = asm__ingest_hash(id);
    size_t i;
    for (i = 0; i < state->call_count; i++) {
        const asm__ingest_call *call = &state->calls[i];
        if (call->hash == hash &&
            asm_str_equal(asm_str_make(state->call_text.data + call->offset, call->id_size), id))
            break;
    }
    return i;
}

/* Brings the texts of the open calls together: they stand in the order of the calls. */
static void asm__ingest_compact_calls(asm__ingest *state) {
    size_t to = 0, i;
    for (i = 0; i < state->call_count; i++) {
        asm__ingest_call *call = &state->calls[i];
        size_t size = asm__ingest_call_size(call);
        memmove(state->call_text.data + to, state->call_text.data + call->offset, size);
        call->offset = to;
        to += size;
    }
    state->call_text.size = to;
    state->call_dead = 0;
}

static void asm__ingest_forget_call(asm__ingest *state, size_t index) {
    state->call_dead += asm__ingest_call_size(&state->calls[index]);
    state->call_count--;
    memmove(state->calls + index, state->calls + index + 1,
            (state->call_count - index) * sizeof *state->calls);
    if (state->call_dead > state->call_text.size / 2) asm__ingest_compact_calls(state);
}

static bool asm__ingest_grow_calls(asm__ingest *state) {
    size_t capacity = state->call_capacity ? state->call_capacity * 2 : 16;
    void *memory = ASM_REALLOC(state->calls, capacity * sizeof *state->calls);
    if (!memory) {
        state->failed = true;
        return false;
    }
    state->calls = (asm__ingest_call *)memory;
    state->call_capacity = capacity;
    return true;
}

static void asm__ingest_remember_call(asm__ingest *state, asm_str id, asm_str name, asm_str input) {
    asm__ingest_call call;
    size_t size;
    if (!id.size || id.size > ASM_INGEST_MAX_TOOL_BYTES / 4 || name.size > ASM_INGEST_MAX_TOOL_BYTES / 4)
        return;
    if (input.size > ASM_INGEST_MAX_TOOL_BYTES / 2) input = asm__ingest_absent();
    size = id.size + name.size + input.size;
    while (state->call_count && (state->call_count >= ASM_INGEST_MAX_TOOL_CALLS ||
                                 state->call_text.size - state->call_dead + size > ASM_INGEST_MAX_TOOL_BYTES))
        asm__ingest_forget_call(state, 0);
    if (state->call_count == state->call_capacity && !asm__ingest_grow_calls(state)) return;
    if (!asm__ingest_reserve(state, &state->call_text, size)) return;
    call.hash = asm__ingest_hash(id);
    call.offset = state->call_text.size;
    call.id_size = id.size;
    call.name_size = name.size;
    call.input_size = input.size;
    asm_buffer_append(&state->call_text, id);
    asm_buffer_append(&state->call_text, name);
    asm_buffer_append(&state->call_text, input);
    state->calls[state->call_count++] = call;
}

static void asm__ingest_start_tool(asm__ingest *state, asm_str id, asm_str name, asm_str input,
                                   asm_str parent) {
    asm_event event;
    if (id.size && asm__ingest_find_call(state, id) < state->call_count) return;
    event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = input;
    if (parent.size) event.tool.parent_tool_call_id = parent;
    asm__ingest_remember_call(state, id, name, input);
    asm__ingest_emit(state, &event);
}

/* Ends the call event->tool.call_id, with the name and the input that it began with. */
static void asm__ingest_end_tool(asm__ingest *state, asm_event *event) {
    size_t index = asm__ingest_find_call(state, event->tool.call_id);
    if (index == state->call_count) {
        asm__ingest_emit(state, event);
        return;
    }
    {
        const asm__ingest_call *call = &state->calls[index];
        const char *text = state->call_text.data + call->offset + call->id_size;
        if (!event->tool.name.data) event->tool.name = asm_str_make(text, call->name_size);
        if (!event->tool.input.data && call->input_size)
            event->tool.input = asm_str_make(text + call->name_size, call->input_size);
    }
    asm__ingest_emit(state, event);
    asm__ingest_forget_call(state, index);
}

static void asm__ingest_forget_calls(asm__ingest *state) {
    state->call_count = 0;
    asm__ingest_compact_calls(state);
}

/* >>ingest: runs */

/* Defined with the formats: what is left of the run, and its end. */
static void asm__ingest_cut_run(asm__ingest *state);

/* Numbers and totals begin anew. */
static void asm__ingest_enter_session(asm__ingest *state, asm_str session) {
    asm__ingest_keep(state, &state->session, session);
    state->sequence = 0;
    memset(&state->totals, 0, sizeof state->totals);
    state->cost = state->earlier_cost = 0;
}

/* A session that begins while a run of another is open: the streams of two processes, one after the other. */
static void asm__ingest_change_session(asm__ingest *state) {
    asm_str session = state->line_session;
    if (!state->run_open || !session.size || asm_str_equal(session, asm_buffer_text(&state->session))) return;
    state->line_session = asm_buffer_text(&state->session);
    asm__ingest_cut_run(state);
    asm__ingest_enter_session(state, session);
    state->line_session = session;
}

/* What a line says about all events that come of it. With NULL or other than strings: what is known. */
static void asm__ingest_set_line(asm__ingest *state, asm_str session, asm_str timestamp, asm_str uuid) {
    asm_str text = asm__ingest_string(state, session);
    asm_json_writer writer;
    state->line_session = text;
    if (text.size && !state->run_open && !asm_str_equal(text, asm_buffer_text(&state->session)))
        asm__ingest_enter_session(state, text);

    if (!text.size)
        state->line_session = state->session.size ? asm_buffer_text(&state->session) : asm__ingest_absent();

    state->line_time = state->now;
    state->line_precision = ASM_TIME_PRECISION_AUTO;
    text = asm__ingest_string(state, timestamp);
    if (text.size) asm_time_parse(text, &state->line_time, &state->line_precision);

    state->line_metadata = asm__ingest_absent();
    text = asm__ingest_string(state, uuid);
    if (!text.size) return;
    asm_buffer_clear(&state->metadata);
    asm_json_writer_init(&writer, &state->metadata);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("provider_event_id"));
    asm_json_write_string(&writer, text);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) state->line_metadata = asm_buffer_text(&state->metadata);
    else state->failed = true;
}

static void asm__ingest_next_run_id(asm__ingest *state) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t number = ++state->runs;
    bool given = state->options.run_id.size != 0;
    asm__ingest_keep(state, &state->run, given ? state->options.run_id : ASM_STR("run"));
    if (given && number == 1) return;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number);
    asm__ingest_append(state, &state->run, ASM_STR("_"));
    asm__ingest_append(state, &state->run, asm_str_make(digits + at, sizeof digits - at));
}

static void asm__ingest_begin_run(asm__ingest *state, asm_event *event) {
    asm__ingest_next_run_id(state);
    state->run_open = true;
    state->stream_has_run = true;
    state->run_has_text = false;
    state->cancelled = false;
    asm_buffer_clear(&state->last_error);
    asm__ingest_emit(state, event);
}

/* For streams whose beginning is missing: begins the run that the line belongs to. */
static void asm__ingest_need_run(asm__ingest *state, asm_str model) {
    asm_event event;
    if (state->run_open) return;
    event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    if (model.size) event.run.model = model;
    asm__ingest_begin_run(state, &event);
}

static void asm__ingest_end_run(asm__ingest *state, asm_event *event) {
    if (state->call_count) {
        event->run.open_tool_calls.value = (int64_t)state->call_count;
        event->run.open_tool_calls.is_set = true;
    }
    asm__ingest_emit(state, event);
    asm__ingest_forget_calls(state);
    state->run_open = false;
}

/* Ends a run that the stream does not end. */
static void asm__ingest_abandon_run(asm__ingest *state) {
    asm_event event = asm__ingest_event(state->cancelled ? ASM_EVENT_RUN_CANCELLED : ASM_EVENT_RUN_FAILED);
    if (!state->cancelled) {
        event.run.error_code = ASM_STR("stream_ended");
        event.run.error_message = ASM_STR("the stream ended before the run did");
    }
    event.run.open_tool_calls.is_set = true;
    asm__ingest_end_run(state, &event);
}

static bool asm__ingest_is_name(asm_str text) {
    size_t i;
    for (i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-'))
            return false;
    }
    return text.size > 0 && text.size <= ASM__INGEST_NAME_SIZE;
}

/* An event of the provider's own: PROVIDER.NAME with the members of `object` that have no other place. A name
 * that is none gives PROVIDER.other. */
static void asm__ingest_emit_custom(asm__ingest *state, asm_str name, asm_str object) {
    static const asm_str known[] = {ASM__MEMBER("type"), ASM__MEMBER("subtype"), ASM__MEMBER("session_id"),
                                    ASM__MEMBER("uuid"), ASM__MEMBER("timestamp")};
    asm_event event = asm__ingest_event(ASM_EVENT_CUSTOM);
    asm__ingest_keep(state, &state->name, state->provider);
    asm__ingest_append(state, &state->name, ASM_STR("."));
    asm__ingest_append(state, &state->name, asm__ingest_is_name(name) ? name : ASM_STR("other"));
    event.type_name = asm_buffer_text(&state->name);
    event.extra = asm__ingest_rest(state, &state->extra, object, known, ASM__INGEST_COUNT_OF(known), false);
    asm__ingest_emit(state, &event);
}

/* >>ingest: asm */

#if ASM_INGEST_FORMATS & ASM_WITH_ASM

/* Whether a line that is a JSON object is of the compact form, of the full one, or neither (the type is
 * missing). */
typedef enum asm__ingest_form { ASM__FORM_NONE, ASM__FORM_FULL, ASM__FORM_COMPACT } asm__ingest_form;

/* An event without a time has none in the compact form either. */
static bool asm__asm_is_compact(asm_str time, asm_str event) {
    return (!time.data || asm__ingest_is(time, ASM_JSON_NUMBER)) && asm__ingest_is(event, ASM_JSON_OBJECT);
}

static asm_result asm__asm_form(asm_str line, asm__ingest_form *form, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("t"), ASM__MEMBER("e")};
    asm_str values[3];
    asm_result result = asm_json_find(line, keys, values, 3, error);
    *form = ASM__FORM_NONE;
    if (result != ASM_OK) return result;
    if (asm__ingest_is(values[0], ASM_JSON_STRING)) *form = ASM__FORM_FULL;
    else if (asm__asm_is_compact(values[1], values[2])) *form = ASM__FORM_COMPACT;
    return ASM_OK;
}

/* Fills in what is missing: nothing that is there, even if it is of another type than it should be. */
static void asm__asm_emit(asm__ingest *state, asm_event *event) {
    static const asm_str keys[] = {ASM__MEMBER("ts"), ASM__MEMBER("session_id"), ASM__MEMBER("run_id")};
    asm_str odd[3];
    asm__ingest_find(event->extension, keys, odd, 3);
    if (!event->time && !odd[0].data) event->time = state->now;
    if (!event->session_id.data && !odd[1].data && state->options.session_id.size)
        event->session_id = state->options.session_id;
    if (!event->run_id.data && !odd[2].data && state->options.run_id.size)
        event->run_id = state->options.run_id;
    state->ingest->counts.events++;
    state->options.on_event(state->options.user, event);
}

/* A line that may be changed is read in place: its memory is enough for it. But what is read in place cannot
 * be read again, so it is looked through first. */
static asm_result asm__asm_line_in_place(asm__ingest *state, asm_str line, asm_json_error *error) {
    asm_event event;
    asm__ingest_form form;
    asm_result result = asm__asm_form(line, &form, error);
    asm_buffer_clear(&state->scratch);
    if (result == ASM_OK && form == ASM__FORM_NONE) result = asm_event_read_json(&event, line, NULL, error);
    if (result != ASM_OK) return result;
    result = form == ASM__FORM_COMPACT
                 ? asm_event_read_compact(&event, line, &state->scratch, error)
                 : asm_event_read_json_in_place(&event, state->in_place, line.size, &state->scratch, error);
    if (result == ASM_OK) asm__asm_emit(state, &event);
    else if (state->scratch.result != ASM_OK) state->failed = true;
    else asm__ingest_diagnose(state, true, result, error->message, error->offset);
    return ASM_OK;
}

/* Reads a line that stays as it is, in the form that the last one had. */
static asm_result asm__asm_read(asm__ingest *state, asm_event *event, asm_str line, asm_json_error *error) {
    asm_buffer_clear(&state->scratch);
    return state->compact ? asm_event_read_compact(event, line, &state->scratch, error)
                          : asm_event_read_json(event, line, &state->scratch, error);
}

static asm_result asm__asm_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    asm_event event;
    asm__ingest_form form;
    asm_result result;
    if (state->in_place) return asm__asm_line_in_place(state, line, error);
    result = asm__asm_read(state, &event, line, error);
    if (result != ASM_OK && asm__asm_form(line, &form, NULL) == ASM_OK &&
        state->compact != (form == ASM__FORM_COMPACT)) {
        state->compact = !state->compact;
        result = asm__asm_read(state, &event, line, error);
    }
    if (result == ASM_OK) asm__asm_emit(state, &event);
    else if (state->scratch.result != ASM_OK) error->result = state->scratch.result;
    return error->result;
}

static const asm__ingest_reader asm__asm_reader = {ASM__MEMBER("asm"), asm__asm_line, NULL};
#define ASM__READER_ASM &asm__asm_reader
#endif

/* >>ingest: claude */

#if ASM_INGEST_FORMATS & (ASM_WITH_CLAUDE | ASM_WITH_QWEN)

/* A message of the API comes as one assistant line for each of its blocks, all with the same id; with partial
 * messages also, before, as stream events with its pieces. It is complete when its message_stop comes or,
 * without partial messages, when another message, a tool's result or the end follows.
 */

static void asm__claude_read_usage(asm_usage_payload *usage, asm_str raw, bool final) {
    static const asm_str keys[] = {
        ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"), ASM__MEMBER("cache_read_input_tokens"),
        ASM__MEMBER("cache_creation_input_tokens"), ASM__MEMBER("output_tokens_details")};
    static const asm_str thinking_key[] = {ASM__MEMBER("thinking_tokens")};
    asm_str values[5], thinking[1];
    asm_optional_int64 *places[5];
    size_t i;
    places[0] = &usage->input_tokens;
    places[1] = final ? &usage->output_tokens : NULL;
    places[2] = &usage->cache_read_tokens;
    places[3] = &usage->cache_creation_tokens;
    places[4] = final ? &usage->reasoning_tokens : NULL;
    asm__ingest_find(raw, keys, values, 5);
    asm__ingest_find(values[4], thinking_key, thinking, 1);
    values[4] = thinking[0];
    for (i = 0; i < 5; i++) {
        asm_optional_int64 number = asm__ingest_int64(values[i]);
        if (places[i] && number.is_set) *places[i] = number;
    }
}

static bool asm__claude_usage_is_empty(const asm_usage_payload *usage) {
    return usage->input_tokens.value == 0 && usage->output_tokens.value == 0 &&
           usage->cache_read_tokens.value == 0 && usage->cache_creation_tokens.value == 0;
}

/* The input of a tool came in pieces and is complete. */
static void asm__claude_end_tool_input(asm__ingest *state, asm__ingest_lane *lane) {
    asm_str input = asm_buffer_text(&lane->tool_input);
    asm_str id = asm_buffer_text(&lane->tool_id);
    uint64_t hash = asm__ingest_hash(id);
    if (!lane->tool_open) return;
    lane->tool_open = false;
    if (!input.size) input = ASM_STR("{}");
    input = asm_json_check(input, NULL) == ASM_OK ? asm__ingest_value(input) : asm__ingest_absent();

    if (lane->started.size < ASM__INGEST_STARTED_MAX * sizeof hash)
        asm__ingest_append(state, &lane->started, asm_str_make((const char *)&hash, sizeof hash));
    asm__ingest_start_tool(state, id, asm_buffer_text(&lane->tool_name), input,
                           asm_buffer_text(&lane->parent));
}

static bool asm__claude_has_started(const asm__ingest_lane *lane, asm_str id) {
    uint64_t hash = asm__ingest_hash(id);
    size_t at;
    for (at = 0; at < lane->started.size; at += sizeof hash)
        if (memcmp(lane->started.data + at, &hash, sizeof hash) == 0) return true;
    return false;
}

static void asm__claude_finish_message(asm__ingest *state, asm__ingest_lane *lane) {
    asm_str message_id = asm_buffer_text(&lane->message_id);
    asm_str parent = asm_buffer_text(&lane->parent);
    if (!lane->has_message || lane->finished) return;
    asm__claude_end_tool_input(state, lane);
    if (lane->text.size && !lane->text_lost)
        asm__ingest_emit_message(state, ASM_EVENT_MESSAGE_RECEIVED, asm_buffer_text(&lane->text), message_id,
                                 parent);
    if (!lane->usage_given && message_id.size && !asm__claude_usage_is_empty(&lane->usage)) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
        event.usage = lane->usage;
        event.usage.message_id = message_id;
        if (lane->model.size) event.usage.model = asm_buffer_text(&lane->model);
        if (parent.size) event.usage.parent_tool_call_id = parent;
        asm__ingest_emit(state, &event);
        lane->usage_given = true;
    }
    if (lane->text.capacity > ASM__INGEST_LINE_STEP) asm_buffer_close(&lane->text);
    asm_buffer_clear(&lane->text);
    lane->confirmed = 0;
    lane->partial = false;
    lane->finished = true;
}

static void asm__claude_free_lane(asm__ingest *state, asm__ingest_lane *lane) {
    asm__claude_finish_message(state, lane);
    lane->has_message = false;
    lane->used = 0;
}

static void asm__claude_free_lanes(asm__ingest *state) {
    size_t i;
    for (i = 0; i < ASM__INGEST_LANES; i++)
        asm__claude_free_lane(state, &state->lanes[i]);
}

static asm__ingest_lane *asm__claude_find_lane(asm__ingest *state, asm_str parent) {
    size_t i;
    for (i = 0; i < ASM__INGEST_LANES; i++)
        if (state->lanes[i].used && asm_str_equal(asm_buffer_text(&state->lanes[i].parent), parent))
            return &state->lanes[i];
    return NULL;
}

/* Ends that agent's message if it does not come in pieces: then its message_stop will tell. */
static void asm__claude_end_whole_message(asm__ingest *state, asm_str parent) {
    asm__ingest_lane *lane = asm__claude_find_lane(state, parent);
    if (lane && !lane->partial) asm__claude_finish_message(state, lane);
}

/* The lane of that sub-agent. The one that was used least lately makes room if need be. */
static asm__ingest_lane *asm__claude_lane(asm__ingest *state, asm_str parent) {
    asm__ingest_lane *lane = asm__claude_find_lane(state, parent);
    if (!lane) {
        size_t i;
        lane = &state->lanes[0];
        for (i = 1; i < ASM__INGEST_LANES; i++)
            if (state->lanes[i].used < lane->used) lane = &state->lanes[i];
        asm__claude_free_lane(state, lane);
        asm__ingest_keep(state, &lane->parent, parent);
        if (parent.size)
            asm__claude_end_whole_message(state, ASM_STR("")); /* the one that called the sub-agent */
    }
    lane->used = ++state->clock;
    return lane;
}

/* Goes on with the message `id`, or ends the one before and begins it. Without an id it is the one whose
 * pieces are coming, or else a new one. */
static void asm__claude_enter_message(asm__ingest *state, asm__ingest_lane *lane, asm_str id) {
    if (lane->has_message) {
        bool same = id.size ? asm_str_equal(asm_buffer_text(&lane->message_id), id) : lane->partial;
        if (id.size && lane->partial && !lane->message_id.size) {
            asm__ingest_keep(state, &lane->message_id, id);
            same = true;
        }
        if (same) {
            lane->finished = lane->finished && lane->streamed;
            return;
        }
    }
    asm__claude_finish_message(state, lane);
    asm__ingest_keep(state, &lane->message_id, id);
    asm_buffer_clear(&lane->model);
    asm_buffer_clear(&lane->text);
    asm_buffer_clear(&lane->started);
    memset(&lane->usage, 0, sizeof lane->usage);
    lane->confirmed = 0;
    lane->has_message = true;
    lane->finished = lane->partial = lane->streamed = lane->thought = false;
    lane->text_lost = lane->usage_given = lane->tool_open = false;
}

/* Keeps `text`, which stands in the line, in the line's memory; the line gets that of the buffer. */
static void asm__ingest_exchange(asm__ingest *state, asm_buffer *buffer, asm_str text) {
    char *memory = buffer->data;
    size_t capacity = buffer->capacity;
    memmove(state->line, text.data, text.size);
    buffer->data = state->line;
    buffer->size = text.size;
    buffer->capacity = state->line_capacity;
    state->line = memory;
    state->line_capacity = capacity;
    state->in_place = NULL;
}

/* Keeps a text until its message is complete: a long one, if it can be, without another copy. */
static void asm__claude_keep_text(asm__ingest *state, asm__ingest_lane *lane, asm_str text) {
    if (state->in_place && state->last_text && !lane->text.size && text.size >= ASM__INGEST_LINE_STEP)
        asm__ingest_exchange(state, &lane->text, text);
    else if (!asm__ingest_append(state, &lane->text, text)) lane->text_lost = true;
}

static void asm__claude_add_text(asm__ingest *state, asm__ingest_lane *lane, asm_str text) {
    if (!text.size) return;
    state->run_has_text = true;
    asm__ingest_emit_message(state, ASM_EVENT_MESSAGE_STREAMED, text, asm_buffer_text(&lane->message_id),
                             asm_buffer_text(&lane->parent));
    asm__claude_keep_text(state, lane, text);
}

/* A whole block of text. What has come in pieces is not given again; if a piece was lost, the block has the
 * whole. */
static void asm__claude_add_text_block(asm__ingest *state, asm__ingest_lane *lane, asm_str text) {
    size_t common = 0, pending = lane->text.size - lane->confirmed;
    if (lane->streamed && lane->finished) return;
    while (common < pending && common < text.size &&
           lane->text.data[lane->confirmed + common] == text.data[common])
        common++;
    if (common == text.size) {
        lane->confirmed += common;
        return;
    }
    if (common == pending) {
        asm__claude_add_text(state, lane, asm_str_make(text.data + common, text.size - common));
    } else {
        lane->text.size = lane->confirmed;
        if (!asm__ingest_append(state, &lane->text, text)) lane->text_lost = true;
    }
    lane->confirmed = lane->text.size;
}

enum {
    ASM__BLOCK_TYPE,
    ASM__BLOCK_TEXT,
    ASM__BLOCK_THINKING,
    ASM__BLOCK_ID,
    ASM__BLOCK_NAME,
    ASM__BLOCK_INPUT,
    ASM__BLOCK_TOOL_USE_ID,
    ASM__BLOCK_CONTENT,
    ASM__BLOCK_IS_ERROR,
    ASM__BLOCK_COUNT
};

static const asm_str asm__claude_block_keys[ASM__BLOCK_COUNT] = {
    ASM__MEMBER("type"),        ASM__MEMBER("text"),    ASM__MEMBER("thinking"),
    ASM__MEMBER("id"),          ASM__MEMBER("name"),    ASM__MEMBER("input"),
    ASM__MEMBER("tool_use_id"), ASM__MEMBER("content"), ASM__MEMBER("is_error")};

/* The number in "Exit code 2\n…", as Claude Code begins the output of a command that failed. */
static asm_optional_int64 asm__claude_exit_code(asm_str output) {
    asm_str prefix = ASM_STR("Exit code ");
    size_t at = prefix.size;
    asm_optional_int64 code = {0, false};
    if (!asm__ingest_starts_with(output, prefix)) return code;
    while (at < output.size && at < prefix.size + 9 && output.data[at] >= '0' && output.data[at] <= '9')
        at++;
    if (at < output.size && output.data[at] != '\n') return code;
    return asm__ingest_int64(asm_str_make(output.data + prefix.size, at - prefix.size));
}

/* Text without the mark that Claude Code puts around errors of its tools. */
static asm_str asm__claude_error_text(asm_str text) {
    asm_str open = ASM_STR("<tool_use_error>"), close = ASM_STR("</tool_use_error>");
    if (asm__ingest_starts_with(text, open) && asm__ingest_ends_with(text, close))
        return asm_str_make(text.data + open.size, text.size - open.size - close.size);
    return text;
}

/* A tool_result block. `details` is the line's tool_use_result, if it is about this one. */
static void asm__claude_end_tool(asm__ingest *state, const asm_str *block, asm_str details, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("durationMs"), ASM__MEMBER("totalDurationMs")};
    asm_str id = asm__ingest_string(state, block[ASM__BLOCK_TOOL_USE_ID]);
    asm_str content = block[ASM__BLOCK_CONTENT], durations[2];
    asm__ingest_lane *lane = id.size ? asm__claude_find_lane(state, id) : NULL;
    bool failed = false;
    asm_event event;
    if (lane) asm__claude_free_lane(state, lane);
    if (block[ASM__BLOCK_IS_ERROR].data) asm_json_to_bool(block[ASM__BLOCK_IS_ERROR], &failed);

    event = asm__ingest_event(failed ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED);
    event.tool.call_id = id;
    if (parent.size) event.tool.parent_tool_call_id = parent;
    if (asm__ingest_is(content, ASM_JSON_STRING)) event.tool.output = asm__ingest_text(state, content);
    else event.tool.output = asm__ingest_block_texts(state, content);
    if (!event.tool.output.data) event.tool.output_json = asm__ingest_value(content);

    if (failed && event.tool.output.data) {
        event.tool.error_message = asm__claude_error_text(event.tool.output);
        event.tool.exit_code = asm__claude_exit_code(event.tool.output);
    }
    asm__ingest_find(asm__ingest_is(details, ASM_JSON_OBJECT) ? details : asm__ingest_absent(), keys,
                     durations, 2);
    event.tool.duration_ms = asm__ingest_double(durations[0].data ? durations[0] : durations[1]);
    asm__ingest_end_tool(state, &event);
}

static bool asm__claude_is_tool_result(asm_str type) {
    return asm_str_equal(type, ASM_STR("tool_result")) ||
           asm__ingest_ends_with(type, ASM_STR("_tool_result"));
}

static void asm__claude_assistant_block(asm__ingest *state, asm__ingest_lane *lane, asm_str raw) {
    asm_str block[ASM__BLOCK_COUNT], type, parent = asm_buffer_text(&lane->parent);
    asm__ingest_find(raw, asm__claude_block_keys, block, ASM__BLOCK_COUNT);
    type = asm__ingest_string(state, block[ASM__BLOCK_TYPE]);
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm__claude_add_text_block(state, lane, asm__ingest_text(state, block[ASM__BLOCK_TEXT]));
    } else if (asm_str_equal(type, ASM_STR("thinking"))) {
        if (!lane->thought)
            asm__ingest_emit_thinking(state, asm__ingest_text(state, block[ASM__BLOCK_THINKING]),
                                      asm_buffer_text(&lane->message_id), parent);
    } else if (asm_str_equal(type, ASM_STR("tool_use")) ||
               asm__ingest_ends_with(type, ASM_STR("_tool_use"))) {
        asm_str id = asm__ingest_string(state, block[ASM__BLOCK_ID]);
        if (lane->tool_open && asm_str_equal(asm_buffer_text(&lane->tool_id), id)) lane->tool_open = false;
        if (!lane->streamed || !asm__claude_has_started(lane, id))
            asm__ingest_start_tool(state, id, asm__ingest_string(state, block[ASM__BLOCK_NAME]),
                                   asm__ingest_value(block[ASM__BLOCK_INPUT]), parent);
    } else if (asm__claude_is_tool_result(type)) {
        asm__claude_end_tool(state, block, asm__ingest_absent(), parent);
    } else if (!asm_str_equal(type, ASM_STR("redacted_thinking"))) {
        asm__ingest_count_unknown(state, type);
    }
}

static void asm__claude_assistant(asm__ingest *state, asm_str message, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("id"), ASM__MEMBER("model"), ASM__MEMBER("content"),
                                   ASM__MEMBER("stop_reason"), ASM__MEMBER("usage")};
    asm_str values[5], id, model, block, next;
    asm_json_reader blocks;
    asm__ingest_lane *lane;
    bool more;
    asm__ingest_find(message, keys, values, 5);
    id = asm__ingest_string(state, values[0]);
    model = asm__ingest_string(state, values[1]);
    asm__ingest_need_run(state, model);
    state->cancelled = false;
    lane = asm__claude_lane(state, parent);
    asm__claude_enter_message(state, lane, id);
    if (model.size && !lane->model.size) asm__ingest_keep(state, &lane->model, model);
    asm__claude_read_usage(&lane->usage, values[4], asm__ingest_is(values[3], ASM_JSON_STRING));

    if (asm__ingest_is(values[2], ASM_JSON_STRING))
        asm__claude_add_text_block(state, lane, asm__ingest_text(state, values[2]));
    blocks = asm__ingest_elements(values[2]);
    more = asm__ingest_next(&blocks, &block);
    while (more) {
        more = asm__ingest_next(&blocks, &next);
        state->last_text = !more && id.size;
        asm__claude_assistant_block(state, lane, block);
        block = next;
    }
    if (!id.size && !lane->partial) asm__claude_finish_message(state, lane);
}

static void asm__claude_user_text(asm__ingest *state, asm_str text, asm_str parent) {
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, text, asm__ingest_absent(), parent);
    if (!text.size) return;
    if (!parent.size && asm__ingest_starts_with(text, ASM_STR("[Request interrupted by user")))
        state->cancelled = true;
    event.message.role = ASM_STR("user");
    asm__ingest_emit(state, &event);
}

static void asm__claude_user(asm__ingest *state, asm_str message, asm_str details, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("content")};
    asm_str values[1], block[ASM__BLOCK_COUNT], raw;
    asm_json_reader blocks;
    if (!state->stream_has_run) asm__ingest_need_run(state, asm__ingest_absent());
    asm__claude_end_whole_message(state, parent);
    asm__ingest_find(message, keys, values, 1);
    if (asm__ingest_is(values[0], ASM_JSON_STRING))
        asm__claude_user_text(state, asm__ingest_text(state, values[0]), parent);

    blocks = asm__ingest_elements(values[0]);
    if (asm__ingest_next(&blocks, &raw) && asm_json_next_element(&blocks))
        details = asm__ingest_absent(); /* several results: of which one? */
    blocks = asm__ingest_elements(values[0]);
    while (asm__ingest_next(&blocks, &raw)) {
        asm_str type;
        asm__ingest_find(raw, asm__claude_block_keys, block, ASM__BLOCK_COUNT);
        type = asm__ingest_string(state, block[ASM__BLOCK_TYPE]);
        if (asm_str_equal(type, ASM_STR("text")))
            asm__claude_user_text(state, asm__ingest_text(state, block[ASM__BLOCK_TEXT]), parent);
        else if (asm__claude_is_tool_result(type)) asm__claude_end_tool(state, block, details, parent);
        else if (!asm_str_equal(type, ASM_STR("image")) && !asm_str_equal(type, ASM_STR("document")))
            asm__ingest_count_unknown(state, type);
    }
}

static void asm__claude_begin_block(asm__ingest *state, asm__ingest_lane *lane, asm_str raw) {
    asm_str block[ASM__BLOCK_COUNT], type;
    asm__claude_end_tool_input(state, lane);
    asm__ingest_find(raw, asm__claude_block_keys, block, ASM__BLOCK_COUNT);
    type = asm__ingest_string(state, block[ASM__BLOCK_TYPE]);
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm__claude_add_text(state, lane, asm__ingest_text(state, block[ASM__BLOCK_TEXT]));
    } else if (asm_str_equal(type, ASM_STR("tool_use")) ||
               asm__ingest_ends_with(type, ASM_STR("_tool_use"))) {
        asm__ingest_keep(state, &lane->tool_id, asm__ingest_string(state, block[ASM__BLOCK_ID]));
        asm__ingest_keep(state, &lane->tool_name, asm__ingest_string(state, block[ASM__BLOCK_NAME]));
        asm_buffer_clear(&lane->tool_input);
        lane->tool_open = true;
    } else if (asm__claude_is_tool_result(type)) {
        asm__claude_end_tool(state, block, asm__ingest_absent(), asm_buffer_text(&lane->parent));
    }
}

static void asm__claude_delta(asm__ingest *state, asm__ingest_lane *lane, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("text"), ASM__MEMBER("thinking"), ASM__MEMBER("partial_json")};
    asm_str values[3], thinking;
    asm__ingest_find(raw, keys, values, 3);
    asm__claude_add_text(state, lane, asm__ingest_text(state, values[0]));
    thinking = asm__ingest_text(state, values[1]);
    lane->thought = lane->thought || thinking.size > 0;
    asm__ingest_emit_thinking(state, thinking, asm_buffer_text(&lane->message_id),
                              asm_buffer_text(&lane->parent));
    if (lane->tool_open) asm__ingest_append(state, &lane->tool_input, asm__ingest_text(state, values[2]));
}

static void asm__claude_begin_message(asm__ingest *state, asm_str message, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("id"), ASM__MEMBER("model"), ASM__MEMBER("usage")};
    asm_str values[3], model;
    asm__ingest_lane *lane;
    asm__ingest_find(message, keys, values, 3);
    model = asm__ingest_string(state, values[1]);
    asm__ingest_need_run(state, model);
    lane = asm__claude_lane(state, parent);
    asm__claude_finish_message(state, lane);
    lane->has_message = false;
    asm__claude_enter_message(state, lane, asm__ingest_string(state, values[0]));
    asm__ingest_keep(state, &lane->model, model);
    asm__claude_read_usage(&lane->usage, values[2], false);
    lane->partial = lane->streamed = true;
}

/* The lane whose message the pieces belong to, also if the beginning of the message is missing. */
static asm__ingest_lane *asm__claude_partial_lane(asm__ingest *state, asm_str parent) {
    asm__ingest_lane *lane;
    asm__ingest_need_run(state, asm__ingest_absent());
    lane = asm__claude_lane(state, parent);
    if (!lane->partial) {
        asm__claude_enter_message(state, lane, asm__ingest_absent());
        lane->partial = lane->streamed = true;
    }
    return lane;
}

static void asm__claude_stream_event(asm__ingest *state, asm_str event, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("type"),  ASM__MEMBER("message"), ASM__MEMBER("content_block"),
                                   ASM__MEMBER("delta"), ASM__MEMBER("usage"),   ASM__MEMBER("error")};
    static const asm_str message_key[] = {ASM__MEMBER("message")};
    asm_str values[6], type;
    asm__ingest_lane *lane = asm__claude_find_lane(state, parent);
    asm__ingest_find(event, keys, values, 6);
    type = asm__ingest_string(state, values[0]);
    state->cancelled = false;
    if (asm_str_equal(type, ASM_STR("message_start"))) {
        asm__claude_begin_message(state, values[1], parent);
    } else if (asm_str_equal(type, ASM_STR("content_block_start"))) {
        asm__claude_begin_block(state, asm__claude_partial_lane(state, parent), values[2]);
    } else if (asm_str_equal(type, ASM_STR("content_block_delta"))) {
        asm__claude_delta(state, asm__claude_partial_lane(state, parent), values[3]);
    } else if (asm_str_equal(type, ASM_STR("content_block_stop"))) {
        if (lane) asm__claude_end_tool_input(state, lane);
    } else if (asm_str_equal(type, ASM_STR("message_delta"))) {
        if (lane) asm__claude_read_usage(&lane->usage, values[4], true);
    } else if (asm_str_equal(type, ASM_STR("message_stop"))) {
        if (lane) asm__claude_finish_message(state, lane);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm_str message[1];
        asm__ingest_find(values[5], message_key, message, 1);
        asm__ingest_emit_error(state, ASM_STR("provider_error"), asm__ingest_string(state, message[0]),
                               asm__ingest_json(values[5], ASM_JSON_OBJECT));
    } else if (asm_str_equal(type, ASM_STR("ping"))) {
        state->ingest->counts.heartbeats++;
    } else {
        asm__ingest_count_unknown(state, type);
    }
}

static void asm__claude_init(asm__ingest *state, asm_str line) {
    static const asm_str known[] = {ASM__MEMBER("type"), ASM__MEMBER("subtype"),   ASM__MEMBER("session_id"),
                                    ASM__MEMBER("uuid"), ASM__MEMBER("timestamp"), ASM__MEMBER("model"),
                                    ASM__MEMBER("cwd"),  ASM__MEMBER("tools")};
    static const asm_str keys[] = {ASM__MEMBER("model"), ASM__MEMBER("cwd"), ASM__MEMBER("tools"),
                                   ASM__MEMBER("qwen_code_version")};
    asm_str values[4];
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm__ingest_find(line, keys, values, 4);
    if (values[3].data) state->provider = ASM_STR("qwen");
    event.run.model = asm__ingest_string(state, values[0]);
    event.run.cwd = asm__ingest_string(state, values[1]);
    event.run.tools = asm__ingest_json(values[2], ASM_JSON_ARRAY);
    event.extra = asm__ingest_rest(state, &state->extra, line, known, ASM__INGEST_COUNT_OF(known), false);
    asm__ingest_begin_run(state, &event);
}

/* The status "requesting" comes before each request; others, like "compacting", are news. */
static bool asm__claude_is_heartbeat(asm__ingest *state, asm_str line, asm_str subtype) {
    static const asm_str keys[] = {ASM__MEMBER("status")};
    asm_str values[1];
    if (!asm_str_equal(subtype, ASM_STR("status"))) return asm_str_equal(subtype, ASM_STR("thinking_tokens"));
    asm__ingest_find(line, keys, values, 1);
    return asm_str_equal(asm__ingest_string(state, values[0]), ASM_STR("requesting"));
}

static void asm__claude_system(asm__ingest *state, asm_str line, asm_str subtype) {
    if (asm_str_equal(subtype, ASM_STR("init"))) {
        asm__ingest_change_session(state);
        if (!state->run_open) {
            asm__claude_init(state, line);
            return;
        }
    }
    if (asm__claude_is_heartbeat(state, line, subtype)) state->ingest->counts.heartbeats++;
    else asm__ingest_emit_custom(state, subtype, line);
}

/* The provider counts from 0 again. */
static void asm__claude_reset_cost(asm__ingest *state) {
    state->earlier_cost += state->cost;
    state->cost = 0;
}

/* The tokens of a run, and what the session has cost so far; the totals go out. What the run itself has cost
 * is returned. */
static asm_optional_double asm__claude_account(asm__ingest *state, const asm_usage_payload *usage,
                                               asm_optional_double session_cost) {
    asm_optional_double cost = session_cost;
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm__ingest_add(&state->totals.input_tokens, usage->input_tokens);
    asm__ingest_add(&state->totals.output_tokens, usage->output_tokens);
    asm__ingest_add(&state->totals.cache_read_tokens, usage->cache_read_tokens);
    asm__ingest_add(&state->totals.cache_creation_tokens, usage->cache_creation_tokens);
    asm__ingest_add(&state->totals.reasoning_tokens, usage->reasoning_tokens);
    if (cost.is_set) {
        if (cost.value < state->cost) asm__claude_reset_cost(state);
        if (state->cost > 0) cost.value = asm_double_round(session_cost.value - state->cost, 12);
        state->cost = session_cost.value;
        session_cost.value += state->earlier_cost;
    }
    event.usage = state->totals;
    event.usage.cost_usd = session_cost;
    event.usage.cumulative.value = true;
    event.usage.cumulative.is_set = true;
    asm__ingest_emit(state, &event);
    return cost;
}

enum {
    ASM__RESULT_SUBTYPE,
    ASM__RESULT_IS_ERROR,
    ASM__RESULT_TERMINAL_REASON,
    ASM__RESULT_RESULT,
    ASM__RESULT_ERRORS,
    ASM__RESULT_STOP_REASON,
    ASM__RESULT_NUM_TURNS,
    ASM__RESULT_DURATION,
    ASM__RESULT_COST,
    ASM__RESULT_USAGE,
    ASM__RESULT_DENIALS,
    ASM__RESULT_COUNT
};

/* How the run ended, and why. */
static asm_event asm__claude_ending(asm__ingest *state, const asm_str *values) {
    asm_str subtype = asm__ingest_string(state, values[ASM__RESULT_SUBTYPE]);
    asm_str reason = asm__ingest_string(state, values[ASM__RESULT_TERMINAL_REASON]);
    asm_str result;
    bool failed = false, named = asm__ingest_starts_with(subtype, ASM_STR("error"));
    asm_event event;
    asm_json_reader errors;
    asm_str first;
    if (values[ASM__RESULT_IS_ERROR].data) asm_json_to_bool(values[ASM__RESULT_IS_ERROR], &failed);
    if (asm__ingest_starts_with(reason, ASM_STR("aborted")))
        return asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    if (!failed && !named) {
        event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
        event.run.stop_reason = asm__ingest_string(state, values[ASM__RESULT_STOP_REASON]);
        return event;
    }
    event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    result = asm__ingest_string(state, values[ASM__RESULT_RESULT]);
    event.run.error_code = ASM_STR("provider_error");
    if (reason.size && !asm_str_equal(reason, ASM_STR("completed"))) event.run.error_code = reason;
    else if (named) event.run.error_code = subtype;
    errors = asm__ingest_elements(values[ASM__RESULT_ERRORS]);
    if (!result.size && asm__ingest_next(&errors, &first)) result = asm__ingest_string(state, first);
    event.run.error_message = result.size ? result : event.run.error_code;
    event.run.provider_error = asm__ingest_list(values[ASM__RESULT_ERRORS]);
    return event;
}

static void asm__claude_result(asm__ingest *state, asm_str line) {
    static const asm_str keys[ASM__RESULT_COUNT] = {ASM__MEMBER("subtype"),
                                                    ASM__MEMBER("is_error"),
                                                    ASM__MEMBER("terminal_reason"),
                                                    ASM__MEMBER("result"),
                                                    ASM__MEMBER("errors"),
                                                    ASM__MEMBER("stop_reason"),
                                                    ASM__MEMBER("num_turns"),
                                                    ASM__MEMBER("duration_ms"),
                                                    ASM__MEMBER("total_cost_usd"),
                                                    ASM__MEMBER("usage"),
                                                    ASM__MEMBER("permission_denials")};
    /* The last one is the result's text: it stays if no message has said it. */
    static const asm_str known[] = {
        ASM__MEMBER("type"),           ASM__MEMBER("subtype"),   ASM__MEMBER("is_error"),
        ASM__MEMBER("session_id"),     ASM__MEMBER("uuid"),      ASM__MEMBER("timestamp"),
        ASM__MEMBER("stop_reason"),    ASM__MEMBER("num_turns"), ASM__MEMBER("duration_ms"),
        ASM__MEMBER("total_cost_usd"), ASM__MEMBER("usage"),     ASM__MEMBER("permission_denials"),
        ASM__MEMBER("errors"),         ASM__MEMBER("result")};
    size_t known_count = ASM__INGEST_COUNT_OF(known);
    asm_str values[ASM__RESULT_COUNT];
    asm_usage_payload usage;
    asm_optional_double cost;
    asm_event event;
    memset(&usage, 0, sizeof usage);
    asm__ingest_find(line, keys, values, ASM__RESULT_COUNT);
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__claude_free_lanes(state);

    cost = asm__ingest_double(values[ASM__RESULT_COST]);
    asm__claude_read_usage(&usage, values[ASM__RESULT_USAGE], true);
    if (cost.is_set || asm__ingest_is(values[ASM__RESULT_USAGE], ASM_JSON_OBJECT))
        cost = asm__claude_account(state, &usage, cost);

    event = asm__claude_ending(state, values);
    event.run.num_turns = asm__ingest_int64(values[ASM__RESULT_NUM_TURNS]);
    event.run.duration_ms = asm__ingest_double(values[ASM__RESULT_DURATION]);
    event.run.cost_usd = cost;
    event.run.token_usage = asm__ingest_usage_json(state, &usage);
    event.run.permission_denials = asm__ingest_list(values[ASM__RESULT_DENIALS]);
    if (event.type == ASM_EVENT_RUN_FAILED)
        asm__ingest_emit_error(state, event.run.error_code, event.run.error_message,
                               event.run.provider_error);
    if (event.type == ASM_EVENT_RUN_COMPLETED && !state->run_has_text) known_count--;
    event.extra = asm__ingest_rest(state, &state->extra, line, known, known_count, true);

    asm__ingest_end_run(state, &event);
}

static bool asm__claude_is_notice(asm_str type) {
    static const asm_str notices[] = {ASM__MEMBER("rate_limit_event"), ASM__MEMBER("command_lifecycle"),
                                      ASM__MEMBER("conversation_reset"), ASM__MEMBER("control_request"),
                                      ASM__MEMBER("control_response")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(notices); i++)
        if (asm_str_equal(type, notices[i])) return true;
    return false;
}

static asm_result asm__claude_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {
        ASM__MEMBER("type"),    ASM__MEMBER("session_id"), ASM__MEMBER("timestamp"),
        ASM__MEMBER("uuid"),    ASM__MEMBER("subtype"),    ASM__MEMBER("parent_tool_use_id"),
        ASM__MEMBER("message"), ASM__MEMBER("event"),      ASM__MEMBER("tool_use_result")};
    asm_str values[ASM__INGEST_COUNT_OF(keys)], type, parent;
    asm_result result = asm_json_find(line, keys, values, ASM__INGEST_COUNT_OF(keys), error);
    if (result != ASM_OK) return result;
    asm__ingest_set_line(state, values[1], values[2], values[3]);
    type = asm__ingest_string(state, values[0]);
    parent = asm__ingest_string(state, values[5]);
    if (asm_str_equal(type, ASM_STR("assistant"))) {
        asm__claude_assistant(state, values[6], parent);
    } else if (asm_str_equal(type, ASM_STR("user"))) {
        asm__claude_user(state, values[6], values[8], parent);
    } else if (asm_str_equal(type, ASM_STR("stream_event"))) {
        asm__claude_stream_event(state, values[7], parent);
    } else if (asm_str_equal(type, ASM_STR("system"))) {
        asm__claude_system(state, line, asm__ingest_string(state, values[4]));
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm__claude_result(state, line);
    } else if (asm__claude_is_notice(type)) {
        if (asm_str_equal(type, ASM_STR("conversation_reset"))) asm__claude_reset_cost(state);
        asm__ingest_emit_custom(state, type, line);
    } else if (asm_str_equal(type, ASM_STR("tool_progress"))) {
        state->ingest->counts.heartbeats++;
    } else {
        asm__ingest_count_unknown(state, type);
    }
    return ASM_OK;
}

static void asm__claude_end(asm__ingest *state) {
    asm__claude_free_lanes(state);
}

static const asm__ingest_reader asm__claude_reader = {ASM__MEMBER("claude"), asm__claude_line, asm__claude_end};
static const asm__ingest_reader asm__qwen_reader = {ASM__MEMBER("qwen"), asm__claude_line, asm__claude_end};
#define ASM__READER_CLAUDE &asm__claude_reader
#define ASM__READER_QWEN   &asm__qwen_reader
#endif

/* >>ingest: codex */

#if ASM_INGEST_FORMATS & ASM_WITH_CODEX

enum {
    ASM__ITEM_ID,
    ASM__ITEM_TYPE,
    ASM__ITEM_TEXT,
    ASM__ITEM_STATUS,
    ASM__ITEM_COMMAND,
    ASM__ITEM_OUTPUT,
    ASM__ITEM_EXIT_CODE,
    ASM__ITEM_DURATION,
    ASM__ITEM_CHANGES,
    ASM__ITEM_SERVER,
    ASM__ITEM_TOOL,
    ASM__ITEM_ARGUMENTS,
    ASM__ITEM_RESULT,
    ASM__ITEM_ERROR,
    ASM__ITEM_ITEMS,
    ASM__ITEM_COUNT
};

static const asm_str asm__codex_item_keys[ASM__ITEM_COUNT] = {
    ASM__MEMBER("id"),        ASM__MEMBER("type"),        ASM__MEMBER("text"),
    ASM__MEMBER("status"),    ASM__MEMBER("command"),     ASM__MEMBER("aggregated_output"),
    ASM__MEMBER("exit_code"), ASM__MEMBER("duration_ms"), ASM__MEMBER("changes"),
    ASM__MEMBER("server"),    ASM__MEMBER("tool"),        ASM__MEMBER("arguments"),
    ASM__MEMBER("result"),    ASM__MEMBER("error"),       ASM__MEMBER("items")};

/* What stands in an item of a tool beside its arguments. */
static const asm_str asm__codex_outcome_keys[] = {ASM__MEMBER("id"),        ASM__MEMBER("type"),
                                                  ASM__MEMBER("status"),    ASM__MEMBER("aggregated_output"),
                                                  ASM__MEMBER("exit_code"), ASM__MEMBER("duration_ms"),
                                                  ASM__MEMBER("result"),    ASM__MEMBER("error")};

static void asm__codex_read_usage(asm_usage_payload *usage, asm_str raw) {
    static const asm_str keys[] = {
        ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"), ASM__MEMBER("cached_input_tokens"),
        ASM__MEMBER("cache_write_input_tokens"), ASM__MEMBER("reasoning_output_tokens")};
    asm_str values[5];
    asm__ingest_find(raw, keys, values, 5);
    usage->input_tokens = asm__ingest_int64(values[0]);
    usage->output_tokens = asm__ingest_int64(values[1]);
    usage->cache_read_tokens = asm__ingest_int64(values[2]);
    usage->cache_creation_tokens = asm__ingest_int64(values[3]);
    usage->reasoning_tokens = asm__ingest_int64(values[4]);
}

/* The "message" of an error object. */
static asm_str asm__codex_error_message(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("message")};
    asm_str values[1];
    asm__ingest_find(raw, keys, values, 1);
    return asm__ingest_string(state, values[0]);
}

static void asm__codex_name_and_input(asm__ingest *state, asm_event *event, asm_str item,
                                      const asm_str *values, asm_str type) {
    if (asm_str_equal(type, ASM_STR("mcp_tool_call"))) {
        asm__ingest_keep(state, &state->name, asm__ingest_string(state, values[ASM__ITEM_SERVER]));
        asm__ingest_append(state, &state->name, ASM_STR(":"));
        asm__ingest_append(state, &state->name, asm__ingest_string(state, values[ASM__ITEM_TOOL]));
        event->tool.name = asm_buffer_text(&state->name);
        event->tool.input = asm__ingest_value(values[ASM__ITEM_ARGUMENTS]);
        return;
    }
    event->tool.name = type;
    if (asm_str_equal(type, ASM_STR("command_execution"))) event->tool.name = ASM_STR("bash");
    else if (asm_str_equal(type, ASM_STR("file_change"))) event->tool.name = ASM_STR("apply_patch");
    event->tool.input = asm__ingest_rest(state, &state->extra, item, asm__codex_outcome_keys,
                                         ASM__INGEST_COUNT_OF(asm__codex_outcome_keys), false);
}

static void asm__codex_output(asm__ingest *state, asm_event *event, const asm_str *values) {
    static const asm_str keys[] = {ASM__MEMBER("content")};
    asm_str content[1], result = asm__ingest_value(values[ASM__ITEM_RESULT]);
    event->tool.output = asm__ingest_text(state, values[ASM__ITEM_OUTPUT]);
    if (event->tool.output.data) return;

    if (asm__ingest_is(result, ASM_JSON_STRING)) {
        event->tool.output = asm__ingest_text(state, result);
        return;
    }
    asm__ingest_find(result, keys, content, 1);
    event->tool.output = asm__ingest_block_texts(state, content[0]);
    if (!event->tool.output.data) event->tool.output_json = result;
}

/* A tool's item was completed; `event` holds its id, name and input. */
static void asm__codex_end_tool(asm__ingest *state, asm_event *event, const asm_str *values) {
    asm_str error = values[ASM__ITEM_ERROR];
    asm_str status = asm__ingest_string(state, values[ASM__ITEM_STATUS]);
    event->tool.exit_code = asm__ingest_int64(values[ASM__ITEM_EXIT_CODE]);
    event->tool.duration_ms = asm__ingest_double(values[ASM__ITEM_DURATION]);
    event->tool.status = status;
    asm__codex_output(state, event, values);
    event->type = ASM_EVENT_TOOL_CALL_COMPLETED;
    if (asm_str_equal(status, ASM_STR("failed")) || asm_str_equal(status, ASM_STR("declined")) ||
        event->tool.exit_code.value != 0 || asm__ingest_is(error, ASM_JSON_OBJECT)) {
        event->type = ASM_EVENT_TOOL_CALL_FAILED;
        event->tool.error_message = asm__codex_error_message(state, error);
    }
    asm__ingest_end_tool(state, event);
}

static void asm__codex_tool(asm__ingest *state, asm_str item, const asm_str *values, asm_str type,
                            bool completed) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    event.tool.call_id = asm__ingest_string(state, values[ASM__ITEM_ID]);
    asm__codex_name_and_input(state, &event, item, values, type);
    asm__ingest_start_tool(state, event.tool.call_id, event.tool.name, event.tool.input,
                           asm__ingest_absent());
    if (completed) asm__codex_end_tool(state, &event, values);
}

/* What an item is, if it is no tool. */
typedef enum asm__codex_kind {
    ASM__CODEX_TOOL,
    ASM__CODEX_MESSAGE,
    ASM__CODEX_REASONING,
    ASM__CODEX_TODOS,
    ASM__CODEX_NOTICE
} asm__codex_kind;

static asm__codex_kind asm__codex_kind_of(asm_str type) {
    static const struct {
        asm_str type;
        asm__codex_kind kind;
    } kinds[] = {{ASM__MEMBER("agent_message"), ASM__CODEX_MESSAGE},
                 {ASM__MEMBER("reasoning"), ASM__CODEX_REASONING},
                 {ASM__MEMBER("todo_list"), ASM__CODEX_TODOS},
                 {ASM__MEMBER("error"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("plan"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("user_message"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("image_view"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("review_mode"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("compaction"), ASM__CODEX_NOTICE},
                 {ASM__MEMBER("ghost_snapshot"), ASM__CODEX_NOTICE}};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(kinds); i++)
        if (asm_str_equal(type, kinds[i].type)) return kinds[i].kind;
    return ASM__CODEX_TOOL;
}

static void asm__codex_message(asm__ingest *state, const asm_str *values) {
    asm_str id = asm__ingest_string(state, values[ASM__ITEM_ID]);
    asm_str text = asm__ingest_text(state, values[ASM__ITEM_TEXT]);
    if (!text.size) return;
    asm__ingest_emit_message(state, ASM_EVENT_MESSAGE_STREAMED, text, id, asm__ingest_absent());
    asm__ingest_emit_message(state, ASM_EVENT_MESSAGE_RECEIVED, text, id, asm__ingest_absent());
}

static void asm__codex_item(asm__ingest *state, asm_str stage, asm_str item) {
    asm_str values[ASM__ITEM_COUNT], type;
    bool completed = asm_str_equal(stage, ASM_STR("item.completed"));
    asm__ingest_find(item, asm__codex_item_keys, values, ASM__ITEM_COUNT);
    type = asm__ingest_string(state, values[ASM__ITEM_TYPE]);
    if (!state->stream_has_run) asm__ingest_need_run(state, asm__ingest_absent());
    if (!type.size) {
        asm__ingest_count_unknown(state, stage);
        return;
    }
    switch (asm__codex_kind_of(type)) {
    case ASM__CODEX_TOOL:
        if (!asm_str_equal(stage, ASM_STR("item.updated")))
            asm__codex_tool(state, item, values, type, completed);
        break;
    case ASM__CODEX_TODOS: {
        asm_event event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
        event.todos.todos = asm__ingest_json(values[ASM__ITEM_ITEMS], ASM_JSON_ARRAY);
        asm__ingest_emit(state, &event);
        break;
    }
    case ASM__CODEX_MESSAGE:
        if (completed) asm__codex_message(state, values);
        break;
    case ASM__CODEX_REASONING:
        if (completed)
            asm__ingest_emit_thinking(state, asm__ingest_text(state, values[ASM__ITEM_TEXT]),
                                      asm__ingest_string(state, values[ASM__ITEM_ID]), asm__ingest_absent());
        break;
    case ASM__CODEX_NOTICE:
        if (completed) asm__ingest_emit_custom(state, type, item);
        break;
    }
}

/* The same error comes as a line of its own and again at the end of the turn: it is given once. */
static void asm__codex_error(asm__ingest *state, asm_str message, asm_str provider_error) {
    if (state->last_error.size && asm_str_equal(asm_buffer_text(&state->last_error), message)) return;
    asm__ingest_keep(state, &state->last_error, message);
    asm__ingest_emit_error(state, ASM_STR("provider_error"), message, provider_error);
}

static void asm__codex_end_turn(asm__ingest *state, asm_str type, asm_str usage_json, asm_str error) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm__ingest_need_run(state, asm__ingest_absent());
    if (asm__ingest_is(usage_json, ASM_JSON_OBJECT)) {
        asm__codex_read_usage(&event.usage, usage_json);
        event.usage.cumulative.value = true;
        event.usage.cumulative.is_set = true;
        asm__ingest_emit(state, &event);
        usage_json = asm__ingest_usage_json(state, &event.usage);
    } else {
        usage_json = asm__ingest_absent();
    }
    event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    event.run.stop_reason = ASM_STR("end_turn");
    if (asm_str_equal(type, ASM_STR("turn.aborted"))) {
        event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    } else if (asm_str_equal(type, ASM_STR("turn.failed"))) {
        event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
        event.run.error_code = ASM_STR("provider_error");
        event.run.error_message = asm__codex_error_message(state, error);
        event.run.provider_error = asm__ingest_json(error, ASM_JSON_OBJECT);
        if (!event.run.error_message.size) event.run.error_message = ASM_STR("the turn failed");
        asm__codex_error(state, event.run.error_message, event.run.provider_error);
    }
    event.run.token_usage = usage_json;
    asm__ingest_end_run(state, &event);
}

static void asm__codex_begin_thread(asm__ingest *state) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm__ingest_change_session(state);
    if (!state->run_open) asm__ingest_begin_run(state, &event);
}

static asm_result asm__codex_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),   ASM__MEMBER("thread_id"), ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("item"),   ASM__MEMBER("usage"),     ASM__MEMBER("error"),
                                   ASM__MEMBER("message")};
    asm_str values[ASM__INGEST_COUNT_OF(keys)], type;
    asm_result result = asm_json_find(line, keys, values, ASM__INGEST_COUNT_OF(keys), error);
    if (result != ASM_OK) return result;
    asm__ingest_set_line(state, values[1], values[2], asm__ingest_absent());
    type = asm__ingest_string(state, values[0]);
    if (asm_str_equal(type, ASM_STR("thread.started"))) {
        asm__codex_begin_thread(state);
    } else if (asm_str_equal(type, ASM_STR("turn.started"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("item.started")) || asm_str_equal(type, ASM_STR("item.updated")) ||
               asm_str_equal(type, ASM_STR("item.completed"))) {
        asm__codex_item(state, type, values[3]);
    } else if (asm_str_equal(type, ASM_STR("turn.completed")) ||
               asm_str_equal(type, ASM_STR("turn.failed")) || asm_str_equal(type, ASM_STR("turn.aborted"))) {
        asm__codex_end_turn(state, type, values[4], values[5]);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        if (!state->stream_has_run) asm__ingest_need_run(state, asm__ingest_absent());
        asm__codex_error(state, asm__ingest_string(state, values[6]), asm__ingest_absent());
    } else {
        asm__ingest_count_unknown(state, type);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__codex_reader = {ASM__MEMBER("codex"), asm__codex_line, NULL};
#define ASM__READER_CODEX &asm__codex_reader
#endif

/* >>ingest: formats */

/* Formats that are not compiled in, or have no reader. */
#ifndef ASM__READER_ASM
#define ASM__READER_ASM NULL
#endif
#ifndef ASM__READER_CLAUDE
#define ASM__READER_CLAUDE NULL
#endif
#ifndef ASM__READER_CODEX
#define ASM__READER_CODEX NULL
#endif
#ifndef ASM__READER_GEMINI
#define ASM__READER_GEMINI NULL
#endif
#ifndef ASM__READER_CURSOR
#define ASM__READER_CURSOR NULL
#endif
#ifndef ASM__READER_OPENCODE
#define ASM__READER_OPENCODE NULL
#endif
#ifndef ASM__READER_AMP
#define ASM__READER_AMP NULL
#endif
#ifndef ASM__READER_QWEN
#define ASM__READER_QWEN NULL
#endif
#ifndef ASM__READER_GOOSE
#define ASM__READER_GOOSE NULL
#endif
#ifndef ASM__READER_PI
#define ASM__READER_PI NULL
#endif
#ifndef ASM__READER_COPILOT
#define ASM__READER_COPILOT NULL
#endif
#ifndef ASM__READER_KIMI
#define ASM__READER_KIMI NULL
#endif
#ifndef ASM__READER_DROID
#define ASM__READER_DROID NULL
#endif
#ifndef ASM__READER_ANTIGRAVITY
#define ASM__READER_ANTIGRAVITY NULL
#endif
#ifndef ASM__READER_GROK
#define ASM__READER_GROK NULL
#endif
#ifndef ASM__READER_ACP
#define ASM__READER_ACP NULL
#endif
#ifndef ASM__READER_OPENCODE_SERVER
#define ASM__READER_OPENCODE_SERVER NULL
#endif
#ifndef ASM__READER_CLAUDE_TRANSCRIPT
#define ASM__READER_CLAUDE_TRANSCRIPT NULL
#endif
#ifndef ASM__READER_CODEX_ROLLOUT
#define ASM__READER_CODEX_ROLLOUT NULL
#endif
#ifndef ASM__READER_GEMINI_CHAT
#define ASM__READER_GEMINI_CHAT NULL
#endif
#ifndef ASM__READER_QWEN_CHAT
#define ASM__READER_QWEN_CHAT NULL
#endif
#ifndef ASM__READER_PI_SESSION
#define ASM__READER_PI_SESSION NULL
#endif
#ifndef ASM__READER_KIMI_WIRE
#define ASM__READER_KIMI_WIRE NULL
#endif
#ifndef ASM__READER_DROID_SESSION
#define ASM__READER_DROID_SESSION NULL
#endif
#ifndef ASM__READER_CURSOR_TRANSCRIPT
#define ASM__READER_CURSOR_TRANSCRIPT NULL
#endif
#ifndef ASM__READER_OPENCODE_EXPORT
#define ASM__READER_OPENCODE_EXPORT NULL
#endif
#ifndef ASM__READER_ANTHROPIC
#define ASM__READER_ANTHROPIC NULL
#endif
#ifndef ASM__READER_OPENAI
#define ASM__READER_OPENAI NULL
#endif
#ifndef ASM__READER_RESPONSES
#define ASM__READER_RESPONSES NULL
#endif
#ifndef ASM__READER_OLLAMA
#define ASM__READER_OLLAMA NULL
#endif
#ifndef ASM__READER_CODEX_PROTO
#define ASM__READER_CODEX_PROTO NULL
#endif
#ifndef ASM__READER_CODEX_SERVER
#define ASM__READER_CODEX_SERVER NULL
#endif
#ifndef ASM__READER_DSH
#define ASM__READER_DSH NULL
#endif
#ifndef ASM__READER_GPTME
#define ASM__READER_GPTME NULL
#endif
#ifndef ASM__READER_HERMES
#define ASM__READER_HERMES NULL
#endif
#ifndef ASM__READER_IFLOW
#define ASM__READER_IFLOW NULL
#endif
#ifndef ASM__READER_MUSE
#define ASM__READER_MUSE NULL
#endif
#ifndef ASM__READER_OPENCLAW
#define ASM__READER_OPENCLAW NULL
#endif
#ifndef ASM__READER_VIBE
#define ASM__READER_VIBE NULL
#endif

typedef struct asm__ingest_format {
    const char *name;
    const char *title;
    const char *marks;
    const char *unread; /* the diagnostic if there is no reader */
    const asm__ingest_reader *reader;
} asm__ingest_format;

/* In the order of asm_format. */
static const asm__ingest_format asm__ingest_formats[ASM_FORMAT_COUNT] = {
    {"auto", "a stream whose format is found out", "", "", NULL},
#define ASM__FORMAT_ROW(constant, name, title, marks)                                                        \
    {name, title, marks, "this is " title "; it is not read", ASM__READER_##constant},
    ASM_FORMATS(ASM__FORMAT_ROW)
#undef ASM__FORMAT_ROW
};

ASM_API const char *asm_format_name(asm_format format) {
    return (unsigned)format < ASM_FORMAT_COUNT ? asm__ingest_formats[format].name : NULL;
}

ASM_API const char *asm_format_title(asm_format format) {
    return (unsigned)format < ASM_FORMAT_COUNT ? asm__ingest_formats[format].title : NULL;
}

ASM_API asm_format asm_format_from_name(asm_str name) {
    int format = 0;
    while (format < ASM_FORMAT_COUNT && !asm_str_equal(asm_str_from(asm__ingest_formats[format].name), name))
        format++;
    return (asm_format)format;
}

ASM_API bool asm_format_is_read(asm_format format) {
    return format == ASM_FORMAT_AUTO ||
           ((unsigned)format < ASM_FORMAT_COUNT && asm__ingest_formats[format].reader != NULL);
}

static const asm__ingest_reader *asm__ingest_reader_of(const asm__ingest *state) {
    return asm__ingest_formats[state->ingest->format].reader;
}

static void asm__ingest_cut_run(asm__ingest *state) {
    const asm__ingest_reader *reader = asm__ingest_reader_of(state);
    if (reader && reader->end) reader->end(state);
    if (state->run_open) asm__ingest_abandon_run(state);
}

/* >>ingest: marks */

#define ASM__INGEST_LINE_MEMBERS 64
#define ASM__INGEST_HELD_LINES   20
#define ASM__INGEST_HELD_BYTES   ((size_t)1 << 20)

/* The members of a line, the first of them if there are very many. */
typedef struct asm__ingest_members {
    size_t count;
    asm_str keys[ASM__INGEST_LINE_MEMBERS];
    asm_str values[ASM__INGEST_LINE_MEMBERS];
} asm__ingest_members;

/* Keys with escapes are passed over: no mark has any. */
static asm_result asm__ingest_read_members(asm__ingest_members *members, asm_str line, asm_json_error *error) {
    asm_json_reader reader;
    asm_str key, raw;
    char memory[256];
    asm_buffer scratch;
    members->count = 0;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, line, &scratch);
    if (asm_json_enter_object(&reader)) {
        while (members->count < ASM__INGEST_LINE_MEMBERS && asm_json_next_member(&reader, &key)) {
            bool plain = key.data >= line.data && key.data < line.data + line.size;
            asm_buffer_clear(&scratch);
            if (!asm_json_read_raw(&reader, &raw)) break;
            members->keys[members->count] = key;
            members->values[members->count] = raw;
            if (plain) members->count++;
        }
    }
    if (reader.error.result == ASM_ERR_NO_SPACE) return ASM_OK;
    if (error) *error = reader.error;
    return reader.error.result;
}

static asm_str asm__ingest_member(const asm__ingest_members *members, asm_str key) {
    size_t i = members->count;
    while (i > 0)
        if (asm_str_equal(members->keys[--i], key)) return members->values[i];
    return asm__ingest_absent();
}

/* The next word of a list that blanks part; false at the end. */
static bool asm__ingest_next_word(const char **rest, asm_str *word) {
    const char *at = *rest;
    while (*at == ' ')
        at++;
    word->data = at;
    while (*at && *at != ' ')
        at++;
    word->size = (size_t)(at - word->data);
    *rest = at;
    return word->size != 0;
}

static bool asm__ingest_is_letter(asm_str raw, char letter) {
    asm_json_type type = letter == 's'   ? ASM_JSON_STRING
                         : letter == 'n' ? ASM_JSON_NUMBER
                         : letter == 'o' ? ASM_JSON_OBJECT
                                         : ASM_JSON_ARRAY;
    return asm__ingest_is(raw, type);
}

/* Whether the member that `path` names passes the test: '=', '^', ':', '@', or 0 for being there. */
static bool asm__ingest_passes(const asm__ingest_members *members, asm_str path, char test, asm_str text) {
    const char *point = (const char *)memchr(path.data, '.', path.size);
    asm_str key = path, value;
    if (point) key.size = (size_t)(point - path.data);
    value = asm__ingest_member(members, key);
    if (point) {
        asm_str object = value;
        key = asm_str_make(point + 1, path.size - key.size - 1);
        asm__ingest_find(object, &key, &value, 1);
    }
    if (!value.data || asm__ingest_is(value, ASM_JSON_NULL)) return false;
    if (test == 0) return true;
    if (test == ':') return asm__ingest_is_letter(value, text.data[0]);
    if (!asm__ingest_is(value, ASM_JSON_STRING)) return false;
    value = asm_str_make(value.data + 1, value.size - 2); /* what is compared has no escapes */
    if (test == '@') return asm_event_type_from_name(value) != ASM_EVENT_CUSTOM;
    return test == '^' ? asm__ingest_starts_with(value, text) : asm_str_equal(value, text);
}

static bool asm__ingest_holds(const asm__ingest_members *members, asm_str condition) {
    bool wanted = condition.data[0] != '!';
    asm_str path = wanted ? condition : asm_str_make(condition.data + 1, condition.size - 1), text;
    size_t at = 0;
    while (at < path.size && !strchr("=^:@", path.data[at]))
        at++;
    text = at < path.size ? asm_str_make(path.data + at + 1, path.size - at - 1) : asm__ingest_absent();
    return asm__ingest_passes(members, asm_str_make(path.data, at), at < path.size ? path.data[at] : (char)0,
                              text) == wanted;
}

/* How surely the line is of the format with these marks: 3 surely, 2 for one after `?`, 1 after `??`, 0 not. */
static int asm__ingest_sureness(const asm__ingest_members *members, const char *marks) {
    int best = 0, sureness = 3;
    bool all = true;
    asm_str word;
    for (;;) {
        bool more = asm__ingest_next_word(&marks, &word);
        if (!more || word.data[0] == '|') {
            if (all && sureness > best) best = sureness;
            if (!more) return best;
            sureness = 3;
            all = true;
        } else if (word.data[0] == '?') {
            sureness = word.size == 1 ? 2 : 1;
        } else {
            all = all && asm__ingest_holds(members, word);
        }
    }
}

/* The format that the line shows most surely; ASM_FORMAT_AUTO if none. */
static asm_format asm__ingest_judge(const asm__ingest_members *members, int *sureness) {
    int best = ASM_FORMAT_AUTO, format;
    *sureness = 0;
    for (format = ASM_FORMAT_AUTO + 1; format < ASM_FORMAT_COUNT && *sureness < 3; format++) {
        int sure = asm__ingest_sureness(members, asm__ingest_formats[format].marks);
        if (sure <= *sureness) continue;
        *sureness = sure;
        best = format;
    }
    return (asm_format)best;
}

/* A line that did not tell the format, kept until another one does; the line itself follows it. */
typedef struct asm__ingest_held {
    size_t size;
    size_t text_shift;
    uint64_t line_number;
    uint64_t line_offset;
    asm_time now;
} asm__ingest_held;

static void asm__ingest_take_format(asm__ingest *state, asm_format format) {
    const asm__ingest_reader *reader = asm__ingest_formats[format].reader;
    state->ingest->format = format;
    state->provider = reader ? reader->provider : asm__ingest_absent();
    state->unsure = true;
    state->told_unread = false;
}

/* A line of the format that is known by now. */
static asm_result asm__ingest_read_known(asm__ingest *state, asm_str line, char *in_place, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type")};
    const asm__ingest_format *format = &asm__ingest_formats[state->ingest->format];
    uint64_t unknown = state->ingest->counts.unknown;
    asm_str values[1];
    asm_result result;
    state->in_place = in_place;
    state->last_text = false;
    asm__ingest_clear_strings(state);
    if (format->reader) {
        result = format->reader->line(state, line, error);
        if (state->ingest->counts.unknown == unknown) state->unsure = false;
        return result;
    }
    result = asm_json_find(line, keys, values, 1, error);
    if (result != ASM_OK) return result;
    if (!state->told_unread && format->unread[0])
        asm__ingest_diagnose(state, true, ASM_ERR_UNSUPPORTED, format->unread, 0);
    state->told_unread = true;
    asm__ingest_count_unknown(state, asm__ingest_string(state, values[0]));
    return ASM_OK;
}

/* Reads the lines that were held, as lines of the format that was found, or, if none was, as unknown ones. */
static void asm__ingest_release(asm__ingest *state) {
    asm__ingest_held now = {0, 0, 0, 0, 0}, held;
    asm_buffer lines = state->held;
    size_t at = 0;
    now.text_shift = state->text_shift;
    now.line_number = state->line_number;
    now.line_offset = state->line_offset;
    now.now = state->now;
    asm_buffer_init_growing(&state->held);
    state->held_count = 0;
    while (at < lines.size) {
        asm_str line;
        asm_json_error error;
        memcpy(&held, lines.data + at, sizeof held);
        line = asm_str_make(lines.data + at + sizeof held, held.size);
        at += sizeof held + held.size;
        state->text_shift = held.text_shift;
        state->line_number = held.line_number;
        state->line_offset = held.line_offset;
        state->now = held.now;
        asm__ingest_read_known(state, line, NULL, &error);
    }
    state->text_shift = now.text_shift;
    state->line_number = now.line_number;
    state->line_offset = now.line_offset;
    state->now = now.now;
    asm_buffer_close(&lines);
}

static void asm__ingest_hold(asm__ingest *state, asm_str line) {
    asm__ingest_held held;
    held.size = line.size;
    held.text_shift = state->text_shift;
    held.line_number = state->line_number;
    held.line_offset = state->line_offset;
    held.now = state->now;
    if (!asm__ingest_reserve(state, &state->held, sizeof held + line.size)) return;
    asm_buffer_append(&state->held, asm_str_make((const char *)&held, sizeof held));
    asm_buffer_append(&state->held, line);
    state->held_count++;
}

/* No line of the stream's beginning has told the format: takes the best guess, if there is one. */
static void asm__ingest_guess(asm__ingest *state) {
    if (state->guess != ASM_FORMAT_AUTO) asm__ingest_take_format(state, state->guess);
    asm__ingest_release(state);
}

/* Decides the format, or holds the line until that is possible. */
static asm_result asm__ingest_detect(asm__ingest *state, asm_str line, bool *is_held, asm_json_error *error) {
    asm__ingest_members members;
    int sureness;
    asm_format format;
    asm_result result = asm_json_find(line, NULL, NULL, 0, error);
    if (result == ASM_OK) result = asm__ingest_read_members(&members, line, error);
    if (result != ASM_OK) return result;
    format = asm__ingest_judge(&members, &sureness);
    if (sureness == 1 && state->guess == ASM_FORMAT_AUTO) state->guess = format;
    *is_held = sureness < 2 && line.size < ASM__INGEST_HELD_BYTES;
    if (sureness >= 2) {
        asm__ingest_take_format(state, format);
        asm__ingest_release(state);
    } else if (*is_held) {
        asm__ingest_hold(state, line);
        if (state->held_count >= ASM__INGEST_HELD_LINES || state->held.size >= ASM__INGEST_HELD_BYTES)
            asm__ingest_guess(state);
    } else {
        asm__ingest_guess(state);
    }
    return ASM_OK;
}

/* Nothing but unknown lines have come of the format that was found: another one's mark takes that back. */
static void asm__ingest_reconsider(asm__ingest *state, asm_str line) {
    asm__ingest_members members;
    int sureness;
    asm_format format;
    if (asm__ingest_read_members(&members, line, NULL) != ASM_OK) return;
    format = asm__ingest_judge(&members, &sureness);
    if (sureness == 3 && format != state->ingest->format) asm__ingest_take_format(state, format);
}

/* >>ingest: lines */

static asm_result asm__ingest_read(asm__ingest *state, asm_str line, char *in_place, asm_json_error *error) {
    memset(error, 0, sizeof *error);
    error->message = "";
    if (state->ingest->format == ASM_FORMAT_AUTO) {
        bool is_held = false;
        asm_result result = asm__ingest_detect(state, line, &is_held, error);
        if (result != ASM_OK || is_held) return result;
    } else if (state->unsure) {
        asm__ingest_reconsider(state, line);
    }
    return asm__ingest_read_known(state, line, in_place, error);
}

static bool asm__ingest_is_blank(asm_str text) {
    size_t i;
    for (i = 0; i < text.size; i++)
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r') return false;
    return true;
}

static asm_str asm__ingest_from(asm_str text, size_t at) {
    return asm_str_make(text.data + at, text.size - at);
}

/* Where in a line with an error at `offset` another object may begin: where an object cannot stand or, if the
 * first line was cut within a string, where a quote follows a brace that must have been in it. 0: nowhere.
 * Whatever a string of a whole line holds has its quotes escaped, so nothing can hide there. */
static size_t asm__ingest_next_object(asm_str text, size_t offset) {
    if (offset < text.size && text.data[offset] == '{') return offset;
    if (offset >= 2 && offset <= text.size && text.data[offset - 2] == '{' && text.data[offset - 1] == '"')
        return offset - 2;
    return 0;
}

/* Takes the objects in a line that is not one as a whole: two lines glued together, or one in the middle of
 * another. With `take` false only looks whether all of it is objects. */
static bool asm__ingest_take_objects(asm__ingest *state, asm_str line, bool take) {
    size_t at = 0;
    bool whole = true;
    while (!asm__ingest_is_blank(asm__ingest_from(line, at))) {
        asm_str rest = asm__ingest_from(line, at), object;
        asm_json_reader reader;
        asm_json_error error;
        asm_json_reader_init(&reader, rest, NULL);
        if (asm_json_read_raw(&reader, &object)) {
            if (!asm__ingest_is(object, ASM_JSON_OBJECT)) return false;
            if (take && asm__ingest_read(state, object, NULL, &error) != ASM_OK) whole = false;
            at += (size_t)(object.data - rest.data) + object.size;
        } else {
            size_t next = asm__ingest_next_object(rest, reader.error.offset);
            whole = false;
            if (next == 0) break;
            at += next;
        }
    }
    return whole;
}

/* Where the first byte stands that no text has: NUL, or not UTF-8. The line's size if there is none. */
static size_t asm__ingest_bad_byte(asm_str line) {
    size_t bad = asm_utf8_check(line);
    const char *nul = (const char *)memchr(line.data, 0, bad);
    return nul ? (size_t)(nul - line.data) : bad;
}

/* Copies the line without its NUL bytes and with U+FFFD for what is not UTF-8. */
static bool asm__ingest_mend(asm__ingest *state, asm_str line) {
    asm_buffer_clear(&state->mended);
    while (line.size) {
        const char *nul = (const char *)memchr(line.data, 0, line.size);
        size_t size = nul ? (size_t)(nul - line.data) : line.size;
        if (asm_buffer_append_utf8(&state->mended, asm_str_make(line.data, size), NULL) != ASM_OK) {
            state->failed = true;
            return false;
        }
        line = asm__ingest_from(line, nul ? size + 1 : size);
    }
    return true;
}

/* A line that could not be read: tells why, once, and takes what can be understood. */
static void asm__ingest_take_damaged(asm__ingest *state, asm_str line, const asm_json_error *first_error) {
    asm_json_error error = *first_error;
    size_t bad = asm__ingest_bad_byte(line);
    bool told = false;
    if (bad < line.size) {
        bool nul = line.data[bad] == 0;
        asm__ingest_diagnose(state, true, nul ? ASM_ERR_SYNTAX : ASM_ERR_UTF8,
                             nul ? "NUL bytes" : "invalid UTF-8", bad);
        told = true;
        if (!asm__ingest_mend(state, line)) return;
        line = asm_buffer_text(&state->mended);
        if (asm__ingest_is_blank(line) || asm__ingest_read(state, line, NULL, &error) == ASM_OK) return;
    }
    if (line.data[0] != '{') error.message = "not a JSON object";
    if (asm_json_check(line, NULL) == ASM_OK) {
        if (!told) asm__ingest_diagnose(state, true, error.result, error.message, error.offset);
        return;
    }
    if (!told) {
        bool whole = asm__ingest_take_objects(state, line, false);
        asm__ingest_diagnose(state, !whole, error.result,
                             whole ? "more than one object in the line" : error.message, error.offset);
    }
    asm__ingest_take_objects(state, line, true);
}

/* A whole line, without its LF. If it may be changed it is given at `in_place` too. */
static void asm__ingest_take_line(asm__ingest *state, asm_str line, char *in_place) {
    asm_json_error error;
    state->line_number++;
    state->ingest->counts.lines++;
    if (state->line_number == 1 && asm__ingest_starts_with(line, ASM_STR("\xEF\xBB\xBF"))) {
        asm__ingest_diagnose(state, false, ASM_OK, "byte order mark", 0);
        state->text_shift = 3;
        line = asm__ingest_from(line, 3);
        in_place = in_place ? in_place + 3 : NULL;
    }
    if (line.size && line.data[line.size - 1] == '\r') {
        line.size--;
        if (!state->crlf) asm__ingest_diagnose(state, false, ASM_OK, "CRLF line ends", line.size);
        state->crlf = true;
    }
    if (asm__ingest_is_blank(line)) return;
    state->any_text = true;
    if (asm__ingest_read(state, line, in_place, &error) != ASM_OK) {
        if (error.result == ASM_ERR_NO_MEMORY) state->failed = true;
        else asm__ingest_take_damaged(state, line, &error);
    }
}

/* >>ingest: bytes */

/* Room for a line of `size` bytes. Large lines grow by small steps: memory follows the longest one closely.
 */
static bool asm__ingest_grow_line(asm__ingest *state, size_t size) {
    size_t capacity = state->line_capacity ? state->line_capacity : 4096;
    void *memory;
    if (size <= state->line_capacity) return true;
    while (capacity < size) {
        size_t step = capacity < ASM__INGEST_LINE_STEP ? capacity : ASM__INGEST_LINE_STEP;
        if (step < capacity / 32) step = capacity / 32;
        if (capacity > SIZE_MAX - step) return false;
        capacity += step;
    }
    memory = ASM_REALLOC(state->line, capacity);
    if (!memory) return false;
    state->line = (char *)memory;
    state->line_capacity = capacity;
    return true;
}

/* Memory ran out: told by the diagnostic that was given, the result of the call, and for good. */
static void asm__ingest_fail(asm__ingest *state) {
    state->out_of_memory = true;
    state->ingest->result = ASM_ERR_NO_MEMORY;
}

/* Passes over the line that is being read. */
static void asm__ingest_skip_line(asm__ingest *state, asm_result result, const char *message, size_t offset) {
    state->skipping = true;
    state->line_number++;
    state->ingest->counts.lines++;
    asm__ingest_diagnose(state, true, result, message, offset);
}

/* A piece of the line that is being read. */
static void asm__ingest_add_piece(asm__ingest *state, const char *data, size_t size) {
    size_t max_line = state->options.max_line;
    state->line_seen += size;
    if (state->skipping || size == 0) return;
    if (max_line && size > max_line - state->line_size) {
        asm__ingest_skip_line(state, ASM_ERR_NO_SPACE, "the line is longer than allowed", max_line);
    } else if (size > SIZE_MAX - state->line_size || !asm__ingest_grow_line(state, state->line_size + size)) {
        asm__ingest_skip_line(state, ASM_ERR_NO_MEMORY, asm_result_string(ASM_ERR_NO_MEMORY), 0);
        asm__ingest_fail(state);
    } else {
        memcpy(state->line + state->line_size, data, size);
        state->line_size += size;
    }
}

static void asm__ingest_end_line(asm__ingest *state, unsigned line_feed) {
    if (state->failed) {
        asm__ingest_diagnose(state, true, ASM_ERR_NO_MEMORY, asm_result_string(ASM_ERR_NO_MEMORY), 0);
        asm__ingest_fail(state);
    }
    state->failed = false;
    state->line_offset += state->line_seen + line_feed;
    state->text_shift = 0;
    state->line_seen = 0;
    state->line_size = 0;
    state->skipping = false;
}

/* After a public function: what the caller is told about memory. */
static asm_result asm__ingest_result(asm__ingest *state) {
    asm_result result = state->out_of_memory ? ASM_ERR_NO_MEMORY : ASM_OK;
    state->out_of_memory = false;
    return result;
}

/* NULL after an asm_ingest_init() that failed. */
static asm__ingest *asm__ingest_enter(asm_ingest *ingest, asm_time now) {
    asm__ingest *state = ingest->state;
    if (!state) return NULL;
    state->ingest = ingest;
    state->now = now;
    return state;
}

/* Makes ready for the beginning of a stream. */
static void asm__ingest_begin_stream(asm__ingest *state) {
    asm__ingest_take_format(state, state->options.format);
    state->unsure = state->options.format == ASM_FORMAT_AUTO;
    state->guess = ASM_FORMAT_AUTO;
    asm_buffer_clear(&state->held);
    state->held_count = 0;
    state->line_number = 0;
    state->line_offset = 0;
    state->text_shift = 0;
    state->crlf = state->any_text = state->stream_has_run = state->cancelled = state->compact = false;
    asm__ingest_enter_session(state, state->options.session_id);
}

static void asm__ingest_each_buffer(asm__ingest *state, void (*function)(asm_buffer *)) {
    asm_buffer *buffers[13];
    size_t i;
    buffers[0] = &state->option_text;
    buffers[1] = &state->scratch;
    buffers[2] = &state->mended;
    buffers[3] = &state->keys;
    buffers[4] = &state->metadata;
    buffers[5] = &state->extra;
    buffers[6] = &state->built;
    buffers[7] = &state->joined;
    buffers[8] = &state->name;
    buffers[9] = &state->session;
    buffers[10] = &state->run;
    buffers[11] = &state->last_error;
    buffers[12] = &state->held;
    for (i = 0; i < ASM__INGEST_COUNT_OF(buffers); i++)
        function(buffers[i]);
    function(&state->call_text);
    for (i = 0; i < ASM__INGEST_STRINGS; i++)
        function(&state->strings[i]);
    for (i = 0; i < ASM__INGEST_LANES; i++) {
        asm__ingest_lane *lane = &state->lanes[i];
        function(&lane->parent);
        function(&lane->message_id);
        function(&lane->model);
        function(&lane->text);
        function(&lane->tool_id);
        function(&lane->tool_name);
        function(&lane->tool_input);
        function(&lane->started);
    }
}

ASM_API asm_result asm_ingest_init(asm_ingest *ingest, const asm_ingest_options *options) {
    asm__ingest *state;
    asm_str session_id = options->session_id, run_id = options->run_id;
    memset(ingest, 0, sizeof *ingest);
    ingest->result = ASM_ERR_INVALID_ARGUMENT;
    if (!options->on_event || (unsigned)options->format >= ASM_FORMAT_COUNT) return ingest->result;
    ingest->result = ASM_ERR_NO_MEMORY;
    state = (asm__ingest *)ASM_REALLOC(NULL, sizeof *state);
    if (!state) return ingest->result;
    memset(state, 0, sizeof *state);
    state->ingest = ingest;
    state->options = *options;
    asm__ingest_each_buffer(state, asm_buffer_init_growing);
    asm__ingest_append(state, &state->option_text, session_id);
    asm__ingest_append(state, &state->option_text, run_id);
    if (!state->failed) {
        const char *text = asm_buffer_text(&state->option_text).data;
        state->options.session_id = asm_str_make(text, session_id.size);
        state->options.run_id = asm_str_make(text + session_id.size, run_id.size);
        asm__ingest_begin_stream(state);
    }
    ingest->state = state;
    if (state->failed) asm_ingest_close(ingest);
    else ingest->result = ASM_OK;
    return ingest->result;
}

ASM_API asm_result asm_ingest_feed(asm_ingest *ingest, const char *data, size_t size, asm_time now) {
    asm__ingest *state = asm__ingest_enter(ingest, now);
    size_t max_line;
    if (!state) return ingest->result;
    max_line = state->options.max_line;
    ingest->counts.bytes += size;
    while (size > 0) {
        const char *end = (const char *)memchr(data, '\n', size);
        size_t piece = end ? (size_t)(end - data) : size;
        if (end && state->line_seen == 0 && (!max_line || piece <= max_line)) {
            state->line_seen = piece;
            asm__ingest_take_line(state, asm_str_make(data, piece), NULL);
        } else {
            asm__ingest_add_piece(state, data, piece);
            if (end && !state->skipping)
                asm__ingest_take_line(state, asm_str_make(state->line, state->line_size), state->line);
        }
        if (!end) break;
        asm__ingest_end_line(state, 1);
        data += piece + 1;
        size -= piece + 1;
    }
    return asm__ingest_result(state);
}

ASM_API asm_result asm_ingest_end(asm_ingest *ingest, asm_time now) {
    asm__ingest *state = asm__ingest_enter(ingest, now);
    if (!state) return ingest->result;
    if (state->line_seen > 0) {
        if (!state->skipping)
            asm__ingest_take_line(state, asm_str_make(state->line, state->line_size), state->line);
        asm__ingest_end_line(state, 0);
    }
    if (state->held_count) asm__ingest_guess(state);
    if (ingest->format != ASM_FORMAT_AUTO) {
        asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
        asm__ingest_cut_run(state);
    } else if (state->any_text) {
        state->line_number = 1;
        state->line_offset = 0;
        asm__ingest_diagnose(state, true, ASM_ERR_UNSUPPORTED, "the format of the stream is not known", 0);
    }
    asm__ingest_begin_stream(state);
    return asm__ingest_result(state);
}

ASM_API void asm_ingest_close(asm_ingest *ingest) {
    asm__ingest *state = ingest->state;
    if (!state) return;
    asm__ingest_each_buffer(state, asm_buffer_close);
    ASM_FREE(state->line);
    ASM_FREE(state->calls);
    ASM_FREE(state);
    ingest->state = NULL;
}

ASM_API bool asm_ingest_unknown(const asm_ingest *ingest, size_t index, asm_str *type, uint64_t *count) {
    const asm__ingest *state = ingest->state;
    if (!state || index >= state->unknown_count) return false;
    *type = asm_str_make(state->unknown[index].name, state->unknown[index].size);
    *count = state->unknown[index].count;
    return true;
}

#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

ASM__WARNINGS_BACK
#endif /* ASM_INGEST_IMPLEMENTED */
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
