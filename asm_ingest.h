/* asm_ingest.h - v0.1.0 - what AI agents print, keep on disk and get from their models, as events
 * SPDX-License-Identifier: MIT OR Unlicense
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
 *   asm                JSON Lines as asm_render.h writes them, full and compact
 *   claude             claude -p --output-format stream-json --verbose, with and without
 *                      --include-partial-messages; qwen and amp have the same form
 *   codex              codex exec --json
 *   gemini, cursor, opencode, goose, pi, copilot, kimi, droid, antigravity, grok
 *                      what these print as JSON Lines
 *   acp                Agent Client Protocol: JSON-RPC lines of both directions, or of the agent's
 *   ag-ui              AG-UI: events of a user interface, as server-sent events or JSON Lines
 *   opencode-server    the events of OpenCode's server
 *   claude-transcript, codex-rollout, gemini-chat, qwen-chat, pi-session, kimi-wire, droid-session, cursor-transcript,
 *   opencode-export    what these programs keep on disk, or export
 *   envelopes          UI envelopes as asm_pubsub.h sends them
 *   anthropic, openai, responses, ollama
 *                      answers of these model APIs: streams (server-sent events, or JSON Lines), or a body in one line
 *   A JSON document over several lines is read like a line: it begins with a brace that stands alone in its line.
 *   The first lines tell which it is, unless the options do: by marks that no other format has, in the table
 *   ASM_FORMATS. Lines that come before the one that tells are held, 20 at most and 1 MB. As long as only lines have come
 *   that the format does not know, another line may still decide for another format. Formats of the table that have no
 *   reader are named in a diagnostic. docs/formats has a page for each format: what becomes what, what is not there, and
 *   whether it was tested on recordings or on made-up streams only.
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
 *   runs       One run_started and exactly one of run_completed, run_failed and run_cancelled each. A stream that stops
 *              within a run ends it: run_failed with the error code "stream_ended" (run_cancelled if the user
 *              interrupted it) and the number of tool calls that are open. What begins another process of the agent ends
 *              the open run likewise, at the time of its last event. A second end is an error_occurred "protocol".
 *              Files on disk give a run for each turn of the person; what is said to an agent at work belongs to its
 *              run where the file shows that.
 *   text       Each piece once as message_streamed (in `delta`), all of a message once more, whole, as
 *              message_received, with `incomplete` if it broke off; one that is withdrawn or comes again is followed by
 *              message_retracted. Reasoning comes as message_streamed with `thinking` only. What the person wrote is
 *              message_sent; what a program wrote for the person has `synthetic` and `origin`.
 *   tools      tool_call_started, then one tool_call_completed or tool_call_failed with the same id and, again, name and
 *              input. Any sign of failure wins. A call that goes on in the background is told by tool_call_updated
 *              (status running_in_background) and ends where its own end stands, perhaps after its run, with the run_id
 *              it began with. Two open calls with one id are diagnosed: their ends have of name and input what is the
 *              same for both.
 *   sub-agents All of one's events have parent_tool_call_id; the end of its call has its token_usage.
 *   approvals  tool_approval_requested, then granted or denied with the same request_id, or neither if the stream ends.
 *   tokens     token_usage_updated with `cumulative` counts from the session's start: the last one is right, and all that
 *              needs to be looked at. Before it the same tokens may come message by message, with a message_id, without
 *              cost and `cumulative`: good to show, not to be added to it. The counts and cost at the end of a run are
 *              the run's own, sub-agents included (main_token_usage: without); where only the session's can be known,
 *              token_usage has "cumulative". input_tokens is the whole prompt, whatever the provider calls so; its own
 *              figures stay in `extra`. What is not told is absent, not 0.
 *   others     What else the provider tells is PROVIDER.NAME, with `text` for a person where there is something to say,
 *              and its own members in `extra`: claude.api_retry, codex.error, … Lines of unknown type, too; they are
 *              counted as well.
 *   nothing    Signs of life that come by the dozen and tell nothing else are only counted, as heartbeats.
 *   extra      Members that no event has a place for, or of another type than theirs; one that is named like a member of
 *              the event gets the name provider_NAME. What is nested too deep for an event is diagnosed.
 *   asm        The events as they are, changed in nothing; a log that stops within a run gets no end. Only a time and ids
 *              that are missing are filled in, if you give them.
 *   The events of providers have provider, session, run, a sequence number from 1, the time of their line (else the last
 *   time in the stream, else `now`) and, where the line has an id, the metadata {"provider_event_id":"…"}.
 *
 * DAMAGE
 *   A line that is no JSON object, cut short, glued to another, not UTF-8, or has NUL bytes gives one diagnostic with its
 *   position. What can be understood of it is taken, and the stream goes on. Events and diagnostics are the same
 *   however the stream is cut.
 *
 * MEMORY
 *   Through ASM_REALLOC, kept until asm_ingest_close() (no allocation for each event), and as much as
 *     the longest line   that is fed in pieces, or document over several lines (limited by max_line). Its texts are
 *                        unescaped where they stand; those of a line that is fed whole are copied if they have escapes.
 *     what is open       messages and the inputs of tool calls, until they end (limited by max_kept), about 0.6 KB for each
 *                        open call and 2.4 KB for each sub-agent (limited by max_open); 256 approvals; of a model API's
 *                        message, and in AG-UI, 1024 calls whose input has not ended. A message that is one long
 *                        text keeps its line's memory in place of a copy, and frees it at its end.
 *     what is joined     the output of a tool that comes in several blocks, and the members in `extra`.
 *   What is past a limit is told once, as a diagnostic. So a stream of any length takes no more: 10 million lines with the
 *   default limits, 42 MB with calls that never end, 147 MB with sub-agents that never end, 0.1 MB with nothing but new ids.
 *
 * NULL, THREADS
 *   As in asm_json.h.
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
    X(ASM, "asm", "an asm log",                                                                              \
      "type:s data:o ts:s session_id:s | type@ data:o | type@ ts:s | e:o t:n !type | e:o !t !type")          \
    /* what programs print while they run */                                                                 \
    X(CLAUDE, "claude", "a Claude Code stream",                                                              \
      "claude_code_version | type=stream_event event:o session_id | type=rate_limit_event rate_limit_info"   \
      " | type=control_request request:o | type=conversation_reset session_id"                               \
      " | type=system subtype^task_ session_id | type=system subtype^hook_ session_id"                       \
      " | type=system subtype=thinking_tokens | type=result modelUsage total_cost_usd"                       \
      " | ? type=system subtype=init | ? type=stream_event event:o"                                          \
      " | ?? type=system subtype:s | ?? type=assistant message:o !sessionId !cwd"                            \
      " | ?? type=user message:o !sessionId !cwd | ?? type=result subtype:s")                                \
    X(CODEX, "codex", "a Codex exec stream",                                                                 \
      "type=thread.started thread_id | type=item.started item:o | type=item.updated item:o"                  \
      " | type=item.completed item:o | type=turn.started !data !time !turnId | type=turn.completed !data "   \
      "!time !turnId"                                                                                        \
      " | type=turn.failed !data !time !turnId")                                                             \
    X(GEMINI, "gemini", "a Gemini CLI stream",                                                               \
      "type=init timestamp session_id model | tool_id timestamp type | type=result stats timestamp"          \
      " | type=message role:s content:s timestamp !id")                                                      \
    X(CURSOR, "cursor", "a Cursor stream",                                                                   \
      "type=tool_call tool_call:o call_id | type=thinking subtype=delta | type=thinking subtype=completed"   \
      " | type=system subtype=init apiKeySource !tools")                                                     \
    X(OPENCODE, "opencode", "an OpenCode stream", "type sessionID !properties")                              \
    X(AMP, "amp", "an Amp stream",                                                                           \
      "type session_id^T- !claude_code_version | ? type=result error:s is_error")                            \
    X(QWEN, "qwen", "a Qwen Code stream", "qwen_code_version")                                               \
    X(GOOSE, "goose", "a goose stream",                                                                      \
      "type=message message.role message.created | type=complete total_tokens")                              \
    X(PI, "pi", "a pi stream",                                                                               \
      "type=agent_start | type=message_update assistantMessageEvent | type^tool_execution_ toolCallId")      \
    X(COPILOT, "copilot", "a Copilot CLI session",                                                           \
      "type=session.start data.producer=copilot-agent | type data:o id parentId timestamp !customType"       \
      " | type=result sessionId exitCode:n")                                                                 \
    X(KIMI, "kimi", "a Kimi stream",                                                                         \
      "role=assistant tool_calls:a !type !timestamp !message_id | role=tool tool_call_id !type !timestamp"   \
      " !message_id")                                                                                        \
    X(DROID, "droid", "a Droid stream",                                                                      \
      "type=system reasoning_effort | type=message text:s role | type=tool_call toolName parameters"         \
      " | type=completion finalText")                                                                        \
    X(ANTIGRAVITY, "antigravity", "an Antigravity stream",                                                   \
      "event=init init:o | event=step_update step_update:o | event=result result:o")                         \
    X(GROK, "grok", "a Grok stream",                                                                         \
      "type=text data:s !sessionID | type=thought data:s | type=end stopReason")                             \
    X(ACP, "acp", "an Agent Client Protocol session",                                                        \
      "jsonrpc method^session/ | jsonrpc result.sessionId | jsonrpc result.stopReason"                       \
      " | jsonrpc params.protocolVersion")                                                                   \
    X(AG_UI, "ag-ui", "an AG-UI stream",                                                                     \
      "type=RUN_STARTED threadId runId | type=RUN_FINISHED threadId runId | type^TEXT_MESSAGE_ messageId"    \
      " | type^TOOL_CALL_ toolCallId | type^REASONING_ messageId | type=MESSAGES_SNAPSHOT messages:a")       \
    X(ENVELOPES, "envelopes", "a log of UI envelopes", "type^agent. payload:o session_id")                   \
    X(OPENCODE_SERVER, "opencode-server", "an OpenCode server stream",                                       \
      "type properties:o | directory payload.properties")                                                    \
    /* what they leave on disk */                                                                            \
    X(IFLOW, "iflow", "an iFlow session", /* named; before Claude Code's, which it looks like */             \
      "sessionId^session- userType uuid")                                                                    \
    X(CLAUDE_TRANSCRIPT, "claude-transcript", "a Claude Code transcript",                                    \
      "sessionId parentUuid isSidechain !message.parts !systemPayload"                                       \
      " | sessionId userType uuid !message.parts !systemPayload | ? type=summary summary leafUuid"           \
      " | ? type=file-history-snapshot snapshot messageId"                                                   \
      " | ?? type=user message:o cwd !session_id | ?? type=assistant message:o cwd !session_id")             \
    X(CODEX_ROLLOUT, "codex-rollout", "a Codex rollout",                                                     \
      "timestamp payload:o type=session_meta | timestamp payload:o type=turn_context"                        \
      " | timestamp payload:o type=response_item | timestamp payload:o type=event_msg"                       \
      " | timestamp payload:o type=compacted | timestamp payload:o type=world_state"                         \
      " | id timestamp instructions git:o !type | record_type=state")                                        \
    X(GEMINI_CHAT, "gemini-chat", "a Gemini CLI chat", "sessionId projectHash")                              \
    X(QWEN_CHAT, "qwen-chat", "a Qwen Code chat",                                                            \
      "sessionId uuid message.parts | sessionId uuid systemPayload")                                         \
    X(PI_SESSION, "pi-session", "a pi session",                                                              \
      "type=message timestamp message.role message.timestamp:n"                                              \
      " | type=model_change modelId timestamp | type=custom customType timestamp"                            \
      " | type=custom_message customType timestamp")                                                         \
    X(KIMI_WIRE, "kimi-wire", "a Kimi session", "type=metadata protocol_version")                            \
    X(DROID_SESSION, "droid-session", "a Droid session", "type=session_start")                               \
    X(CURSOR_TRANSCRIPT, "cursor-transcript", "a Cursor transcript", "role message.content !type")           \
    X(OPENCODE_EXPORT, "opencode-export", "an OpenCode export", "info:o messages:a | info:o parts:a")        \
    /* raw model APIs */                                                                                     \
    X(ANTHROPIC, "anthropic", "an Anthropic Messages API stream",                                            \
      "type=message_start message.role | type^content_block_ index:n | type=error error.type !sessionID"     \
      " | type=message role=assistant "                                                                      \
      "content:a"                                                                                            \
      " model usage")                                                                                        \
    X(OPENAI, "openai", "an OpenAI chat completions stream",                                                 \
      "object=chat.completion.chunk | object=chat.completion | choices:a id | error.message error.type "     \
      "!type")                                                                                               \
    X(RESPONSES, "responses", "an OpenAI Responses API stream",                                              \
      "type^response. sequence_number | object=response")                                                    \
    X(OLLAMA, "ollama", "an Ollama stream", "model created_at message:o | model created_at done")            \
    /* what is known by name only */                                                                         \
    X(ANTIGRAVITY_TRANSCRIPT, "antigravity-transcript", "an Antigravity transcript",                         \
      "step_index:n source type status")                                                                     \
    X(CODEX_PROTO, "codex-proto", "a Codex proto stream", "id msg.type")                                     \
    X(CODEX_SERVER, "codex-server", "a Codex app-server session",                                            \
      "jsonrpc method^codex/ | method^thread/ | method^turn/ | method^item/")                                \
    X(DSH, "dsh", "a dsh session", "type seq:n time:n")                                                      \
    X(GPTME, "gptme", "a gptme conversation",                                                                \
      "role content:s timestamp files:a | role content:s timestamp pinned")                                  \
    X(GROK_CHAT, "grok-chat", "a Grok chat",                                                                 \
      "type=user content:a synthetic_reason | type=user content:a prompt_index"                              \
      " | type=assistant model_id tool_calls:a | type=assistant content:s model_id"                          \
      " | type=tool_result tool_call_id content:s !session_id")                                              \
    X(HERMES, "hermes", "a Hermes session", "session_id messages:a")                                         \
    X(MUSE, "muse", "a Muse session", "payload payload_type")                                                \
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
#define ASM_WITH_AG_UI             (1LL << 30)
#define ASM_WITH_ENVELOPES         (1LL << 31)
#ifndef ASM_INGEST_FORMATS
#define ASM_INGEST_FORMATS (~0LL)
#endif

/* A format, by its constant in ASM_FORMATS. */
typedef enum asm_format {
    ASM_FORMAT_AUTO, /* decided from the first lines */
#define ASM__FORMAT_CONSTANT(constant, name, title, marks) ASM_FORMAT_##constant,
    ASM_FORMATS(ASM__FORMAT_CONSTANT)
#undef ASM__FORMAT_CONSTANT
        ASM_FORMAT_COUNT
} asm_format;

/* "auto", "asm", "claude", …; NULL for a number that is no format. */
ASM_API const char *asm_format_name(asm_format format);

/* What people call it, with its article: "a Claude Code stream"; NULL for a number that is no format. */
ASM_API const char *asm_format_title(asm_format format);

/* The format of that name; ASM_FORMAT_COUNT if there is none. */
ASM_API asm_format asm_format_from_name(asm_str name);

/* Whether there is a reader for it, compiled in; else it is known by name only. True for ASM_FORMAT_AUTO. */
ASM_API bool asm_format_is_read(asm_format format);

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

/* Told each diagnostic, which is valid during the call only. Must not call back into the same asm_ingest. */
typedef void (*asm_diagnostic_callback)(void *user, const asm_diagnostic *diagnostic);

/* Options of asm_ingest_init(). Zero means the default. */
typedef struct asm_ingest_options {
    asm_format format;                     /* default: auto */
    asm_event_callback on_event;           /* required; gets each event, in order, at once
                                                     (asm_event_copy() keeps it); must not call back into the
                                                     same asm_ingest */
    asm_diagnostic_callback on_diagnostic; /* default: they are only counted */
    void *user;                            /* for both */
    asm_str session_id;                    /* for events of streams that carry none; copied */
    asm_str run_id; /* for the first run of streams that carry none; the next ones get "_2", "_3", … after it.
                        Copied. Default: "run_1", … */
    size_t max_line; /* bytes; a longer line is skipped with a diagnostic. 0: no limit */
    size_t max_open; /* tool calls, and sub-agents, that may be open at once: past that the oldest are
                        forgotten, with a diagnostic (once for each stream). Default: 65536 of each */
    size_t max_kept; /* bytes of the open calls' names and inputs and of the messages that are not complete.
                        Past that the oldest calls are forgotten, with a diagnostic, and a message comes in
                        pieces only. Default: 256 MB */
} asm_ingest_options;

/* What was read so far. */
typedef struct asm_ingest_counts {
    uint64_t bytes;       /* that were fed */
    uint64_t lines;       /* that were read */
    uint64_t events;      /* that on_event was given */
    uint64_t diagnostics; /* all of them */
    uint64_t lost;        /* those with `lost` */
    uint64_t unknown;     /* lines, and parts of messages, of a type or shape that is not known */
    uint64_t heartbeats;  /* lines that only say that work goes on: passed over */
} asm_ingest_counts;

/* A reader of streams, one after the other. It may be moved between calls. */
typedef struct asm_ingest {
    asm_ingest_counts counts;  /* read only */
    asm_format format;         /* read only: as given or detected; ASM_FORMAT_AUTO until then, and again after
                                  asm_ingest_end(), unless it was given */
    asm_result result;         /* read only: the first error that is none of the input: of asm_ingest_init(),
                                  or ASM_ERR_NO_MEMORY */
    struct asm__ingest *state; /* private */
} asm_ingest;

/* Sets up; allocates. ASM_ERR_INVALID_ARGUMENT without on_event or for a format that is none; ASM_ERR_UNSUPPORTED for
 * one that is not read; ASM_ERR_NO_MEMORY. After an error nothing needs closing, and feeding and ending do nothing but
 * return it again: it is enough to look at `result` at the end. `options` is copied. */
ASM_API asm_result asm_ingest_init(asm_ingest *ingest, const asm_ingest_options *options);

/* Takes the next `size` bytes of the stream, cut anywhere; gives the events that they complete. `now` is the
 * time of events for which the stream has none; 0: they get none. Errors of the input are diagnostics, not
 * results: ASM_OK, or ASM_ERR_NO_MEMORY (of a line something is lost, with a diagnostic; all of `data` was
 * taken); ASM_ERR_MISUSE after asm_ingest_close(). */
ASM_API asm_result asm_ingest_feed(asm_ingest *ingest, const char *data, size_t size, asm_time now);

/* The end of the stream: takes a last line without LF, and ends a run that is still open; `now` and results as for
 * asm_ingest_feed(). The same object may be fed the next stream, whose format is decided anew if it was not given and
 * whose lines are counted from 1; runs are numbered on, counts go on. */
ASM_API asm_result asm_ingest_end(asm_ingest *ingest, asm_time now);

/* Frees everything; gives no more events. Does nothing for NULL, after an error of asm_ingest_init(), and the second time.
 */
ASM_API void asm_ingest_close(asm_ingest *ingest);

/* How often the unknown type `index` (from 0, in the order of appearance, 64 at most) came, and its name (its
 * beginning, if it is long), valid until the object is closed; false past the last. For reports. `type` and `count` may
 * be NULL. */
ASM_API bool asm_ingest_unknown(const asm_ingest *ingest, size_t index, asm_str *type, uint64_t *count);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_INGEST_H */

/* =========================================================================================================
 * Implementation
 *
 *   >>ingest: state                 what is remembered between lines
 *   >>ingest: output                diagnostics, counts, events
 *   >>ingest: json                  helpers for raw values, texts of lists
 *   >>ingest: objects               the members of an object: those asked for, and the others
 *   >>ingest: rest                  what is left of a line
 *   >>ingest: records               what is open under an id
 *   >>ingest: calls                 tool calls, those in the background, those that share an id
 *   >>ingest: approvals             requests and decisions
 *   >>ingest: messages              who speaks, and the message it is at
 *   >>ingest: usage                 tokens
 *   >>ingest: runs                  their beginning and end, sessions
 *   >>ingest: notices               events of the provider's own, with words for a person
 *   >>ingest: turns                 runs of files on disk
 *   >>ingest: asm                   a section or more for each format, from here on
 *   >>ingest: claude                messages and tools
 *   >>ingest: claude results        tokens, cost, the end of a run
 *   >>ingest: claude control lines  permissions
 *   >>ingest: claude lines          claude and qwen
 *   >>ingest: claude transcripts
 *   >>ingest: codex
 *   >>ingest: codex rollouts
 *   >>ingest: plain streams         what the next ones share: gemini, cursor, opencode, goose, pi, copilot, kimi,
 *                                   droid, antigravity, grok, acp, each with a section of its own
 *   >>ingest: plain files           what the next ones share: gemini chats, qwen chats, pi sessions, kimi wires, droid and
 *                                   cursor files, opencode sessions, each with a section of its own
 *   >>ingest: envelopes             what UI envelopes tell
 *   >>ingest: model apis            what raw model APIs share; then one section each
 *   >>ingest: anthropic
 *   >>ingest: openai
 *   >>ingest: responses
 *   >>ingest: ollama
 *   >>ingest: ag-ui
 *   >>ingest: formats               the table of formats
 *   >>ingest: marks                 which format a stream has
 *   >>ingest: lines                 from lines to formats; damaged lines
 *   >>ingest: bytes                 from bytes to lines; the public functions
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

#define ASM__INGEST_NAME_SIZE   64
#define ASM__INGEST_STARTED_MAX 1024
#define ASM__INGEST_LINE_STEP   ((size_t)1 << 20)
#define ASM__INGEST_STRINGS     20 /* buffers, each twice as large as the one before, from 4 KB on */
#define ASM__INGEST_SPARE       16 /* records kept for the next call or speaker, each with buffers of at most */
#define ASM__INGEST_SPARE_SIZE  ((size_t)1 << 16)
#define ASM__INGEST_REQUESTS    256 /* approvals that wait for a decision */
#define ASM__INGEST_PAST_LINES  64  /* whose ids are remembered, for a line that withdraws them */
#define ASM__INGEST_SAID        32
#define ASM__INGEST_RECORDS     1024 /* files: whose ids are remembered */
#define ASM__INGEST_MAX_OPEN    65536
#define ASM__INGEST_MAX_KEPT    ((size_t)256 << 20)

/* What is open under an id: a tool call or a speaker. */
typedef struct asm__ingest_record {
    asm__indexed key; /* its text is the record's own copy of the id */
    struct asm__ingest_record *older;
    struct asm__ingest_record *newer; /* of a spare one: the next spare one */
} asm__ingest_record;

typedef struct asm__ingest_records {
    asm__index index;
    asm__indexed anchor; /* always in the index: an empty one would give its memory back */
    asm__ingest_record *oldest;
    asm__ingest_record *newest;
    asm__ingest_record *spare;
    size_t count;
    size_t spare_count;
} asm__ingest_records;

/* Who speaks: the main agent or a sub-agent, and the message it is at. */
typedef struct asm__ingest_speaker {
    asm__ingest_record record; /* by parent; the oldest is the one that was heard longest ago */
    uint64_t run;              /* that its events belong to */
    asm_buffer parent;         /* the tool call that the sub-agent serves; empty: the main agent */
    asm_buffer message_id;
    asm_buffer model;
    asm_buffer text;         /* of the message so far */
    asm_buffer others;       /* members of its lines that no event has a place for, as an object */
    asm_buffer usage_object; /* the provider's own figures */
    asm_buffer broken_id;    /* the message before, which broke off and may come again */
    asm_str phase;           /* of the message; constant */
    size_t confirmed;        /* so much of the text has come in a whole block too */
    bool has_message;
    bool finished;  /* its message_received has gone out */
    bool partial;   /* between its first piece and its last */
    bool streamed;  /* it came in pieces: whole blocks only repeat them */
    bool thought;   /* its thinking came in pieces */
    bool text_lost; /* there was no memory for all of its text */
    bool aborted;   /* the provider says that it is cut */
    bool is_broken; /* broken_id is set */
    bool usage_given;
    bool cache_is_apart;     /* input tokens are counted without those of the cache */
    asm_usage_payload usage; /* of the message: numbers only, as the provider counts */
    asm_usage_payload total; /* of all its messages, as events count */
    bool tool_open;          /* a tool's input comes in pieces */
    asm_buffer tool_id;
    asm_buffer tool_name;
    asm_buffer tool_input;
    asm_buffer tool_others;
    asm_buffer started;   /* hashes of the ids of tools that the message has begun */
    asm_buffer last_line; /* transcripts: the id of its last line */
} asm__ingest_speaker;

/* A tool call that has begun. */
typedef struct asm__ingest_call {
    asm__ingest_record record;        /* by id: the first of those that share one */
    struct asm__ingest_call *same_id; /* the next of them */
    struct asm__ingest_call *previous_same;
    struct asm__ingest_call *last_same; /* of the first one: the last of them */
    asm_buffer text;                    /* id, name, input and parent, one after the other */
    size_t id_size, name_size, input_size, parent_size;
    asm__indexed task_key; /* if it has a task */
    asm_buffer task;       /* the provider's id of the task that serves it */
    bool has_task;
    uint64_t run;       /* it began in */
    bool is_background; /* it goes on without the run */
    bool has_failed;    /* the stream says so, before its output comes */
    bool is_declined;   /* a person or rule said no */
    bool hides_name;    /* of the first one: those that share the id have several names */
    bool hides_input;   /* and inputs */
} asm__ingest_call;

/* An approval that was asked for: its id, the call's id and the tool's name, one after the other. */
typedef struct asm__ingest_request {
    asm_buffer text;
    size_t id_size, call_size;
    bool is_question;
    asm_buffer options; /* acp: those that say no, or yes for good: an r or an a, the id, a NUL */
} asm__ingest_request;

/* What a model has used since the provider began to count: numbers as events count. */
typedef struct asm__ingest_model {
    asm_buffer name;
    asm_usage_payload usage;
} asm__ingest_model;

typedef struct asm__ingest_unknown {
    uint64_t count;
    size_t size;
    char name[ASM__INGEST_NAME_SIZE];
} asm__ingest_unknown;

/* A member that a reader did not ask for. The key stands in the line, or, if it has escapes, in the buffer `keys`. */
typedef struct asm__ingest_other {
    const char *key;
    size_t key_at, key_size;
    asm_str value;
} asm__ingest_other;

/* A line that was passed: its id and that of its message. */
typedef struct asm__ingest_past {
    asm_buffer text;
    size_t id_size;
} asm__ingest_past;

/* Model APIs, AG-UI: a call of the message under way. AG-UI also: what somebody else than the agent says. */
typedef struct asm__ingest_part {
    asm_buffer id, name, input;
    asm_buffer parent; /* ag-ui: the call whose sub-agent it is of */
    asm_buffer pieces; /* ag-ui: what else its pieces say, as the elements of an array */
    int64_t index;     /* -1: none */
    bool is_running;   /* the provider runs it */
    /* openai: how far the arguments have come, and whether their braces are closed again; anthropic: the block has ended */
    size_t depth;
    bool in_string, is_escaped, is_closed;
    bool is_repeat; /* openai: began as the head of the call before: nothing, if no arguments follow */
} asm__ingest_part;

typedef struct asm__ingest asm__ingest;

/* How the lines of one format become events. */
typedef struct asm__ingest_reader {
    asm_str provider; /* of the events */
    /* Takes a line. An error means that it is not valid, and nothing has come of it. */
    asm_result (*line)(asm__ingest *state, asm_str line, asm_json_error *error);
    /* The stream, or a run of it, stops: gives what is left, before a run that is still open is ended. May be NULL. */
    void (*end)(asm__ingest *state);
} asm__ingest_reader;

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): grouped by purpose, and there is one of it */
struct asm__ingest {
    asm_ingest *ingest; /* set by each public function: the struct may be moved between calls */
    asm_ingest_options options;
    asm_buffer option_text; /* the options' ids */

    /* the stream */
    asm_time now;
    uint64_t line_number;
    uint64_t line_offset; /* where the line begins */
    size_t text_shift;    /* where the text begins in the line: after a byte order mark */
    bool crlf;            /* told already */
    bool any_text;
    bool compact;     /* asm: the last line was */
    bool is_file;     /* a program's own record, not what it printed */
    bool unsure;      /* the format was found out, and nothing that it knows has come yet */
    bool told_unread; /* that there is no reader for it */
    bool told_open;   /* that more is open than may be */
    bool at_end;      /* nothing more comes */
    asm_format guess; /* what the lines that are held look like most */
    asm_buffer held;  /* lines that came before the one that tells the format */
    size_t held_count;
    bool last_text;     /* nothing in this line will be looked at after the text that is being taken */
    bool rest_waits;    /* the events that are being given are not about the line itself */
    bool failed;        /* memory ran out in this line */
    bool out_of_memory; /* and so in this call */

    /* the line that is not complete yet */
    char *line;
    size_t line_size;
    size_t line_capacity;
    uint64_t line_seen; /* bytes of it so far, stored or not */
    bool skipping;      /* the rest of the line */

    /* server-sent events */
    bool is_sse;
    bool has_field;     /* a line that may be one of an event came before any text */
    asm_buffer frame;   /* the data of the event that has begun, or the lines of a document */
    size_t frame_lines; /* how many lines it has; 0: none has begun */

    /* a document of several lines */
    bool is_document;
    bool in_string;         /* at the end of the lines so far */
    size_t depth;           /* at the end of the lines so far */
    uint64_t document_line; /* where it begins */
    uint64_t document_offset;

    /* kept buffers */
    asm_buffer strings[ASM__INGEST_STRINGS]; /* unescaped ones of the line: they must not move */
    size_t strings_at;                       /* the buffer that is being filled */
    asm_buffer scratch;                      /* what is unescaped or put together from an asm line */
    asm_buffer mended;                       /* a damaged line */
    asm_buffer keys;                         /* of the line, those with escapes */
    asm_buffer metadata;
    asm_buffer extra;
    asm_buffer built;          /* JSON put together for an event */
    asm_buffer built2;         /* another one */
    asm_buffer models;         /* the parts by model, put together */
    asm_buffer joined;         /* text put together for an event */
    asm_buffer words;          /* text for a person */
    asm_buffer name;           /* a tool's or a custom event's */
    asm_buffer rest;           /* what no event of the line has taken yet: an object; empty: nothing */
    asm_buffer rest_extra[2];  /* extras with that */
    asm_buffer header;         /* what was left of a line, for the beginning or the end of the run */
    asm__ingest_other *others; /* of the line */
    size_t other_count;
    size_t other_capacity;

    /* the line, for the events that come of it */
    char *in_place;   /* itself, if it may be changed; else NULL */
    asm__spans spans; /* where its values end */
    asm_str provider;
    asm_str line_session;
    asm_str line_agent;
    asm_str line_type;  /* as the provider calls it */
    uint64_t line_run;  /* the number of the run that its events belong to; 0: none */
    asm_time last_time; /* the last one that a line gave; 0: none */
    asm_time line_time;
    int line_precision;
    asm_time run_time; /* of the last event of the run that is open */
    int run_precision;
    asm_str line_metadata;

    /* the session */
    asm_buffer session;
    int64_t sequence;
    asm_usage_payload totals;  /* numbers only */
    asm_usage_payload counted; /* what the provider last said that the session has used, as events count */
    bool has_counted;
    double cost;         /* as the provider counts it */
    double earlier_cost; /* before the provider began to count anew */
    asm_buffer title;
    asm_buffer cwd;
    asm_buffer branch;
    asm_buffer version;
    asm_buffer model;
    asm_buffer context;     /* rollouts: what else the last turn's settings were */
    asm_buffer counts_text; /* rollouts: the last token_count; kimi: a step's figures */
    asm_buffer told;      /* files: hashes of what was told of the message that grows, or of ids of records */
    asm_buffer told_id;   /* and its id; opencode: that of the person's last message */
    asm_buffer part_id;   /* opencode: the part that grows */
    asm_buffer part_text; /* and its text so far */
    uint64_t last_thought; /* files: hash of its message's id and of its number */
    int64_t text_block;    /* pi: the block that the last piece of text was of */
    uint64_t numbered_calls;
    uint64_t said[ASM__INGEST_SAID]; /* rollouts: hashes of texts, and where they stood */
    size_t said_at;
    asm__ingest_model *session_models;
    size_t model_count;
    size_t model_capacity;

    /* the run */
    asm_buffer run;
    asm_buffer other_run; /* the id of one that is not open */
    asm_buffer named_run; /* ag-ui: the id that the stream gives to the next run */
    asm_buffer writer;    /* ag-ui: the provider, if asm_wire.h wrote the stream */
    bool is_wire;         /* ag-ui: it did */
    uint64_t runs;
    bool run_open;
    bool stream_has_run;
    bool run_has_text;
    bool run_ended;                    /* nothing of the main agent has come since a run's end */
    bool cancelled;                    /* the stream says so */
    bool has_final_words;              /* transcripts: the agent's last words have come */
    bool run_has_prompt;               /* rollouts: the person has spoken in it, or the agent */
    bool run_is_told;                  /* by a line of its own: so is its end */
    bool has_custom_title;             /* the person gave the session its title */
    asm_optional_double turn_duration; /* transcripts: of the turn that ends */
    asm_buffer last_error;             /* the text of the last error_occurred */
    asm_buffer last_code;              /* and its code */
    asm_buffer stop_reason;
    asm_buffer repeated_init; /* one that came while calls were open */

    asm__ingest_speaker main;     /* the main agent */
    asm__ingest_records speakers; /* sub-agents */
    asm__ingest_records calls;
    asm__index tasks; /* calls, by the task that serves them */
    asm__indexed tasks_anchor;
    size_t kept; /* bytes of the texts of open messages and calls */
    asm__ingest_request requests[ASM__INGEST_REQUESTS];
    size_t request_count;
    asm__ingest_past past[ASM__INGEST_PAST_LINES];
    size_t past_count;

    asm__ingest_part *parts;
    size_t part_count;
    size_t part_capacity;

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

/* What follows the first `at` bytes. */
static asm_str asm__ingest_from(asm_str text, size_t at) {
    return asm_str_make(text.data + at, text.size - at);
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

static asm_optional_bool asm__ingest_true(void) {
    asm_optional_bool truth = {true, true};
    return truth;
}

/* The number in decimal, in `digits`. */
static asm_str asm__ingest_number(char digits[32], uint64_t number) {
    size_t at = 32;
    do {
        digits[--at] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number);
    return asm_str_make(digits + at, 32 - at);
}

/* The id of the run with that number, from 1. */
static void asm__ingest_write_run_id(asm__ingest *state, asm_buffer *out, uint64_t number) {
    char digits[32];
    bool given = state->options.run_id.size != 0;
    asm__ingest_keep(state, out, given ? state->options.run_id : ASM_STR("run"));
    if (given && number == 1) return;
    asm__ingest_append(state, out, ASM_STR("_"));
    asm__ingest_append(state, out, asm__ingest_number(digits, number));
}

/* Defined with the rest of a line. */
static void asm__ingest_attach_rest(asm__ingest *state, asm_event *event);

/* Defined with the notices. */
static void asm__ingest_give_words(asm__ingest *state, asm_event *event);

/* An event of the run with that number; of none for 0. */
static void asm__ingest_emit_in(asm__ingest *state, uint64_t run, asm_event *event) {
    if (state->rest.size) asm__ingest_attach_rest(state, event);
    if (event->type == ASM_EVENT_CUSTOM && !event->notice.text.data) asm__ingest_give_words(state, event);
    event->provider = state->provider;
    event->session_id = state->line_session;
    event->agent_id = state->line_agent;
    if (run && run == state->runs) {
        event->run_id = asm_buffer_text(&state->run);
        state->run_time = state->line_time;
        state->run_precision = state->line_precision;
    } else if (run && state->ingest->format != ASM_FORMAT_AG_UI) { /* which names its runs itself */
        asm__ingest_write_run_id(state, &state->other_run, run);
        event->run_id = asm_buffer_text(&state->other_run);
    }
    event->time = state->line_time;
    event->time_precision = state->line_precision;
    event->metadata = state->line_metadata;
    event->sequence_number = ++state->sequence;
    state->ingest->counts.events++;
    state->options.on_event(state->options.user, event);
}

static void asm__ingest_emit(asm__ingest *state, asm_event *event) {
    asm__ingest_emit_in(state, state->line_run, event);
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
    state->other_count = 0;
    asm_buffer_clear(&state->keys);
    state->strings_at = 0;
    asm_buffer_clear(&state->strings[0]);
}

/* A buffer with room for `size` more bytes after those that it holds, which do not move. NULL if there is no memory. */
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
        if (asm__spans_have(&state->spans, raw)) return asm_json_string_inside(raw);
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

/* asm__ingest_string() for what may be long. If the line may be changed it is unescaped over itself: nothing that `raw`
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
    total->is_set = true; /* NOLINT(clang-analyzer-core.NullDereference): &state->main is not NULL */
    if (number.value > 0 && total->value > INT64_MAX - number.value) total->value = INT64_MAX;
    else if (number.value > 0) total->value += number.value;
}

static bool asm__ingest_is(asm_str raw, asm_json_type type) {
    return raw.data && asm_json_type_of(raw) == type;
}

/* The end of a string in valid JSON, after its quote; `at` stands after the first one. */
static const char *asm__ingest_skip_string(const char *at, const char *end) {
    for (;;) {
        const char *quote = (const char *)memchr(at, '"', (size_t)(end - at)), *back = quote;
        if (!quote) return end;
        while (back > at && back[-1] == '\\')
            back--;
        if (((quote - back) & 1) == 0) return quote + 1;
        at = quote + 1;
    }
}

/* Whether valid JSON is flat enough to stand `levels` below the line's object. */
static bool asm__ingest_fits_below(const asm__ingest *state, asm_str raw, unsigned levels) {
    const char *at = raw.data, *end = raw.data + raw.size;
    const unsigned limit = ASM_JSON_MAX_DEPTH - levels;
    unsigned depth = 0;
    if (raw.size < (size_t)2 * limit || (*at != '{' && *at != '[')) return true;
    if (asm__spans_have(&state->spans, raw) && state->spans.depth <= limit) return true;
    while (at < end) {
        char c = *at++;
        if (c == '"') at = asm__ingest_skip_string(at, end);
        else if (c == '{' || c == '[') {
            if (++depth > limit) return false;
        } else if (c == '}' || c == ']') depth--;
    }
    return true;
}

/* Whether valid JSON is flat enough to stand as a value inside an event, deeper than it did in the line. */
static bool asm__ingest_is_flat(const asm__ingest *state, asm_str raw) {
    return asm__ingest_fits_below(state, raw, 3);
}

/* `raw` if it is a value of that type that an event can hold; else absent. */
static asm_str asm__ingest_json(const asm__ingest *state, asm_str raw, asm_json_type type) {
    return asm__ingest_is(raw, type) && asm__ingest_is_flat(state, raw) ? raw : asm__ingest_absent();
}

/* `raw` if it is any value but null that an event can hold; else absent. */
static asm_str asm__ingest_value(const asm__ingest *state, asm_str raw) {
    bool usable = raw.data && !asm__ingest_is(raw, ASM_JSON_NULL) && asm__ingest_is_flat(state, raw);
    return usable ? raw : asm__ingest_absent();
}

/* `raw` if it is an array with something in it that an event can hold; else absent. */
static asm_str asm__ingest_list(const asm__ingest *state, asm_str raw) {
    asm_json_reader reader;
    asm_str list = asm__ingest_json(state, raw, ASM_JSON_ARRAY);
    if (!list.data) return list;
    asm_json_reader_init(&reader, list, NULL);
    reader.known = &state->spans;
    return asm_json_enter_array(&reader) && asm_json_next_element(&reader) ? list : asm__ingest_absent();
}

/* Begins the array `raw`; without elements if it is none. */
static asm_json_reader asm__ingest_elements(asm_str raw) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, asm__ingest_is(raw, ASM_JSON_ARRAY) ? raw : ASM_STR("[]"), NULL);
    asm_json_enter_array(&reader);
    return reader;
}

/* asm__ingest_elements() for a part of the line: none of its elements is read to its end again. */
static asm_json_reader asm__ingest_line_elements(const asm__ingest *state, asm_str raw) {
    asm_json_reader reader = asm__ingest_elements(raw);
    reader.known = &state->spans;
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

/* The span of an object in the line; NULL if it is not known. */
static const asm__span *asm__ingest_object_span(const asm__ingest *state, asm_str raw) {
    const asm__span *span =
        asm__spans_have(&state->spans, raw) ? asm__spans_find(&state->spans, raw.data) : NULL;
    return span && span->end == raw.data + raw.size && *raw.data == '{' ? span : NULL;
}

static asm_str asm__ingest_span_text(const asm__span *span) {
    return asm_str_make(span->begin, (size_t)(span->end - span->begin));
}

/* asm__ingest_find() in what may be a part of the line. */
static void asm__ingest_find_in_line(const asm__ingest *state, asm_str object, const asm_str *keys,
                                     asm_str *values, size_t count) {
    const asm__span *list = state->spans.list, *span = asm__ingest_object_span(state, object), *end;
    if (!span) {
        asm__ingest_find(object, keys, values, count);
        return;
    }
    memset(values, 0, count * sizeof *values);
    for (end = list + span->next, span++; span < end; span = list + span[1].next) {
        const asm_str key = asm__ingest_span_text(span);
        size_t i = 0;
        while (i < count && !asm_str_equal(key, keys[i]))
            i++;
        if (i < count) values[i] = asm__ingest_span_text(span + 1);
    }
}

/* The first element of a list; absent if there is none. */
static asm_str asm__ingest_first(asm_str list) {
    asm_json_reader reader = asm__ingest_elements(list);
    asm_str element;
    asm__ingest_next(&reader, &element);
    return element;
}

/* A member of an object; absent if there is none, or no object. */
static asm_str asm__ingest_find_one(asm_str object, asm_str key) {
    asm_str value;
    asm__ingest_find(object, &key, &value, 1);
    return value;
}

/* A member of an object as a string, until the next line; absent if there is none, or it is no string. */
static asm_str asm__ingest_find_text(asm__ingest *state, asm_str object, asm_str key) {
    asm_str value;
    asm__ingest_find_in_line(state, object, &key, &value, 1);
    return asm__ingest_string(state, value);
}

/* Whether two valid values are the same but for blanks. */
static bool asm__ingest_same_but_blanks(asm_str a, asm_str b) {
    size_t i = 0, j = 0;
    bool in_string = false;
    for (;;) {
        while (!in_string && i < a.size && asm__is_space(a.data[i]))
            i++;
        while (!in_string && j < b.size && asm__is_space(b.data[j]))
            j++;
        if (i == a.size || j == b.size) return i == a.size && j == b.size;
        if (a.data[i] != b.data[j]) return false;
        if (in_string && a.data[i] == '\\') { /* with what it escapes */
            i++;
            j++;
            if (i == a.size || j == b.size || a.data[i] != b.data[j]) return false;
        } else if (a.data[i] == '"') {
            in_string = !in_string;
        }
        i++;
        j++;
    }
}

/* Whether two values are the same but for blanks and, of two objects, the order of their members. */
static bool asm__ingest_says_same(asm_str a, asm_str b) {
    asm_json_reader reader;
    asm_str key, value;
    size_t count = 0, others = 0;
    char memory[256];
    asm_buffer scratch;
    if (asm__ingest_same_but_blanks(a, b)) return true;
    if (!asm__ingest_is(a, ASM_JSON_OBJECT) || !asm__ingest_is(b, ASM_JSON_OBJECT)) return false;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, a, &scratch);
    asm_json_enter_object(&reader);
    for (; asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value); count++) {
        const asm_str other = asm__ingest_find_one(b, key);
        if (!other.data || !asm__ingest_same_but_blanks(value, other)) return false;
        asm_buffer_clear(&scratch);
    }
    if (reader.error.result != ASM_OK) return false;
    asm_json_reader_init(&reader, b, &scratch);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        asm_buffer_clear(&scratch);
        others++;
    }
    return reader.error.result == ASM_OK && count == others;
}

/* What a block of a result is that is no text: "[image/png, 148 KB]". */
static void asm__ingest_name_blob(asm__ingest *state, asm_buffer *out, asm_str block, asm_str type) {
    static const asm_str keys[] = {ASM__MEMBER("source"), ASM__MEMBER("mimeType"), ASM__MEMBER("data")};
    static const asm_str source_keys[] = {ASM__MEMBER("media_type"), ASM__MEMBER("data"),
                                          ASM__MEMBER("mimeType")};
    asm_str values[3], source[3], media, data;
    char size[32];
    asm__ingest_find_in_line(state, block, keys, values, 3);
    asm__ingest_find_in_line(state,
                             asm__ingest_is(values[0], ASM_JSON_OBJECT) ? values[0] : asm__ingest_absent(),
                             source_keys, source, 3);
    media = asm__ingest_string(state, source[0].data ? source[0] : source[2].data ? source[2] : values[1]);
    data = source[1].data ? source[1] : values[2];
    asm__ingest_append(state, out, ASM_STR("["));
    asm__ingest_append(state, out, media.size ? media : type.size ? type : ASM_STR("unknown block"));
    if (asm__ingest_is(data, ASM_JSON_STRING)) {
        uint64_t bytes = (uint64_t)(data.size - 2) / 4 * 3; /* base64 */
        asm__ingest_append(state, out, ASM_STR(", "));
        asm__ingest_append(state, out, asm__ingest_number(size, bytes < 1024 ? bytes : (bytes + 512) / 1024));
        asm__ingest_append(state, out, bytes < 1024 ? ASM_STR(" bytes") : ASM_STR(" KB"));
    }
    asm__ingest_append(state, out, ASM_STR("]"));
}

/* The next block of a list: its text as JSON, absent if it is of another kind. */
static bool asm__ingest_next_text(asm__ingest *state, asm_json_reader *blocks, asm_str *block, asm_str *type,
                                  asm_str *text) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("text")};
    asm_str values[2];
    *type = *text = asm__ingest_absent();
    if (!asm__ingest_next(blocks, block)) return false;
    asm__ingest_find_in_line(state, asm__ingest_is(*block, ASM_JSON_OBJECT) ? *block : asm__ingest_absent(),
                             keys, values, 2);
    *type = asm__ingest_string(state, values[0]);
    if ((!type->size || asm__ingest_ends_with(*type, ASM_STR("text"))) &&
        asm__ingest_is(values[1], ASM_JSON_STRING))
        *text = values[1];
    return true;
}

static bool asm__ingest_is_blob(asm_str type) {
    return asm_str_equal(type, ASM_STR("image")) || asm_str_equal(type, ASM_STR("document")) ||
           asm_str_equal(type, ASM_STR("audio"));
}

/* The texts of the blocks of `list`, one below the other; `has_blobs` if there is anything else among them, which is
 * named in its place. The list can be read again after that only if it has blobs, or nothing is given: absent if there
 * is neither text nor image in it. */
static asm_str asm__ingest_block_texts(asm__ingest *state, asm_str list, bool *has_blobs) {
    asm_json_reader blocks = asm__ingest_line_elements(state, list);
    asm_str block, type, text, first = asm__ingest_absent();
    size_t count = 0;
    bool can_be_shown = false;
    while (asm__ingest_next_text(state, &blocks, &block, &type, &text)) {
        if (!text.data) *has_blobs = true;
        can_be_shown = can_be_shown || text.data || asm__ingest_is_blob(type);
        if (count++ == 0) first = text;
    }
    if (!can_be_shown) return asm__ingest_absent();
    if (count == 1 && !*has_blobs) return asm__ingest_text(state, first);
    asm_buffer_clear(&state->joined);
    blocks = asm__ingest_line_elements(state, list);
    for (count = 0; asm__ingest_next_text(state, &blocks, &block, &type, &text); count++) {
        if (count) asm__ingest_append(state, &state->joined, ASM_STR("\n"));
        if (text.data)
            asm__ingest_append(state, &state->joined,
                               *has_blobs ? asm__ingest_string(state, text) : asm__ingest_text(state, text));
        else asm__ingest_name_blob(state, &state->joined, block, type);
    }
    return asm_buffer_text(&state->joined);
}

/* Writes how many lines a diff adds and removes, if there is one. */
static void asm__ingest_write_diff_counts(asm__ingest *state, asm_json_writer *writer, asm_str raw) {
    asm_str diff = asm__ingest_string(state, raw);
    int64_t added = 0, removed = 0;
    size_t at = 0;
    if (!diff.size) return;
    while (at < diff.size) {
        const char *end = (const char *)memchr(diff.data + at, '\n', diff.size - at);
        asm_str line = asm_str_make(diff.data + at, end ? (size_t)(end - diff.data) - at : diff.size - at);
        added += line.size && line.data[0] == '+' && !asm__ingest_starts_with(line, ASM_STR("+++"));
        removed += line.size && line.data[0] == '-' && !asm__ingest_starts_with(line, ASM_STR("---"));
        at += line.size + 1;
    }
    asm_json_write_key(writer, ASM_STR("added"));
    asm_json_write_int64(writer, added);
    asm_json_write_key(writer, ASM_STR("removed"));
    asm_json_write_int64(writer, removed);
}

/* `object`, or nothing, with one member more, written to `out`. */
static asm_str asm__ingest_joined(asm__ingest *state, asm_buffer *out, asm_str object, asm_str key,
                                  asm_str value) {
    asm_buffer_clear(out);
    if (object.size > 2) {
        asm__ingest_append(state, out, asm_str_make(object.data, object.size - 1));
        asm__ingest_append(state, out, ASM_STR(",\""));
    } else {
        asm__ingest_append(state, out, ASM_STR("{\""));
    }
    asm__ingest_append(state, out, key);
    asm__ingest_append(state, out, ASM_STR("\":"));
    if (asm__ingest_append(state, out, value) && asm__ingest_append(state, out, ASM_STR("}")))
        return asm_buffer_text(out);
    return asm__ingest_absent();
}

/* >>ingest: objects */

/* A member that a reader asks for. Type: 's' string, 'n' number that a double can hold, 'i' integer of 64 bits, 'b' true
 * or false, 'o' object, 'a' array, '*' any of them; '-' a string, number, true or false, which is told elsewhere and needs
 * no place. */
typedef struct asm__ingest_key {
    const char *text;
    size_t size;
    char type;
} asm__ingest_key;

#define ASM__KEY(text, type)                                                                                 \
    { "" text, sizeof("" text) - 1, type }

/* The members of an object that were not asked for, or are of another type: a part of state->others. */
typedef struct asm__ingest_others {
    size_t begin, end;
} asm__ingest_others;

/* Of at most 15 digits both fields can tell all. */
static bool asm__ingest_fits_number(asm_str raw, char type) {
    int64_t integer;
    double number;
    size_t digits = 0;
    if (type != 'n' && type != 'i') return type == '*';
    while (digits < raw.size &&
           (raw.data[digits] == '-' || (raw.data[digits] >= '0' && raw.data[digits] <= '9')))
        digits++;
    if (digits == raw.size && digits <= 15) return true;
    return type == 'i' ? asm_json_to_int64(raw, &integer) : asm_json_to_double(raw, &number);
}

static bool asm__ingest_fits(asm_str raw, char type) {
    switch (raw.data[0]) {
    case '"':
        return type == 's' || type == '*';
    case '{':
        return type == 'o' || type == '*';
    case '[':
        return type == 'a' || type == '*';
    case 't':
    case 'f':
        return type == 'b' || type == '*';
    default:
        return asm__ingest_fits_number(raw, type);
    }
}

static void asm__ingest_add_other(asm__ingest *state, asm_str key, bool is_scratch, asm_str value) {
    asm__ingest_other other;
    if (!value.data) return;
    if (state->other_count == state->other_capacity) {
        size_t capacity = state->other_capacity ? state->other_capacity * 2 : 32;
        void *memory = ASM_REALLOC(state->others, capacity * sizeof *state->others);
        if (!memory) {
            state->failed = true;
            return;
        }
        state->others = (asm__ingest_other *)memory;
        state->other_capacity = capacity;
    }
    other.key = is_scratch ? NULL : key.data;
    other.key_at = is_scratch ? (size_t)(key.data - state->keys.data) : 0;
    other.key_size = key.size;
    other.value = value;
    state->others[state->other_count++] = other;
}

static asm_str asm__ingest_other_key(const asm__ingest *state, const asm__ingest_other *other) {
    return asm_str_make(other->key ? other->key : state->keys.data + other->key_at, other->key_size);
}

/* The number of the key that has this text; `count` if none has. Members mostly stand in the order of the keys, after
 * `next`, which is moved on. */
static size_t asm__ingest_key_number(const asm__ingest_key *keys, size_t count, asm_str text, size_t *next) {
    size_t tried, i = *next;
    for (tried = 0; tried < count; tried++, i++) {
        if (i >= count) i = 0;
        if (keys[i].size == text.size && text.size && keys[i].text[0] == text.data[0] &&
            memcmp(keys[i].text, text.data, text.size) == 0) {
            *next = i + 1;
            return i;
        }
    }
    return count;
}

/* A member of an object that is read: `key` is the asked for one that it has, or NULL. */
static void asm__ingest_take_member(asm__ingest *state, const asm__ingest_key *key, asm_str *place,
                                    asm_str name, bool is_scratch, asm_str value) {
    const bool is_null = value.data[0] == 'n';
    if (key) {
        *place = asm__ingest_absent();
        if (is_null || (key->type == '-' && value.data[0] != '{' && value.data[0] != '[')) return;
        if (asm__ingest_fits(value, key->type)) {
            *place = value;
            return;
        }
    }
    if (!is_null) asm__ingest_add_other(state, name, is_scratch, value);
}

/* Reads the object `raw`: values[i] is the raw text of the member keys[i], absent if it is missing, null, or of another
 * type; all that is not asked for is in `others`. The last of several with one key wins. False, with nothing read, if
 * `raw` is absent or no object. `error` may be NULL. */
static bool asm__ingest_read_object(asm__ingest *state, asm_str raw, const asm__ingest_key *keys,
                                    asm_str *values, size_t count, asm__ingest_others *others,
                                    asm_json_error *error) {
    const asm__span *list = state->spans.list, *span, *end;
    asm_json_reader reader;
    asm_str key, value;
    size_t next = 0;
    memset(values, 0, count * sizeof *values);
    others->begin = others->end = state->other_count;
    if (!raw.data) return false;
    span = asm__ingest_object_span(state, raw);
    for (end = span ? list + span++->next : NULL; span < end; span = list + span[1].next) {
        const size_t i = asm__ingest_key_number(keys, count, asm__ingest_span_text(span), &next);
        asm__ingest_take_member(state, i < count ? &keys[i] : NULL, &values[i], asm__ingest_span_text(span),
                                false, asm__ingest_span_text(span + 1));
    }
    others->end = state->other_count;
    if (span) return true;
    asm_json_reader_init(&reader, raw, &state->keys);
    reader.known = &state->spans;
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        const bool in_line = key.data >= raw.data && key.data < raw.data + raw.size;
        const size_t i = asm__ingest_key_number(keys, count, key, &next);
        asm__ingest_take_member(state, i < count ? &keys[i] : NULL, &values[i], key, !in_line, value);
    }
    others->end = state->other_count;
    if (asm_json_reader_finish(&reader) == ASM_OK) return true;
    if (reader.error.result == ASM_ERR_NO_MEMORY) state->failed = true;
    if (error) *error = reader.error;
    memset(values, 0, count * sizeof *values);
    state->other_count = others->end = others->begin;
    return false;
}

/* Names of members of the events that readers give. */
static bool asm__ingest_is_member(asm_event_type type, asm_str key) {
    static const char notice[] = " text level code resets_at attempt max_attempts retry_in_ms ";
    /* What belongs to a message may also go out with its usage. */
    static const char message[] =
        " content delta role message_id parent_tool_call_id phase reason replaced_by origin "
        "thinking incomplete synthetic input_tokens output_tokens cache_read_tokens "
        "cache_creation_tokens reasoning_tokens context_window cost_usd cumulative model "
        "models provider_usage ";
    static const char tool[] =
        " tool_name tool_call_id display_text agent_kind tool_input delta tool_output "
        "tool_result changes status error_message parent_tool_call_id token_usage exit_code "
        "duration_ms ";
    static const char approval[] =
        " tool_name tool_call_id tool_input policy_name reason request_id kind options "
        "decision answer interrupt ";
    static const char run[] =
        " model cwd title git_branch agent_version tools stop_reason num_turns duration_ms "
        "cost_usd token_usage main_token_usage models permission_denials error_code "
        "error_message provider_error open_tool_calls ";
    static const char error[] = " error_code error_message provider_error details ";
    const char *names = type == ASM_EVENT_CUSTOM                                                ? notice
                        : type >= ASM_EVENT_MESSAGE_SENT && type <= ASM_EVENT_MESSAGE_RETRACTED ? message
                        : type >= ASM_EVENT_TOOL_CALL_IDENTIFIED && type <= ASM_EVENT_TOOL_CALL_FAILED ? tool
                        : type >= ASM_EVENT_TOOL_APPROVAL_REQUESTED && type <= ASM_EVENT_TOOL_APPROVAL_DENIED
                            ? approval
                        : type == ASM_EVENT_ERROR_OCCURRED ? error
                                                           : run;
    char word[24 + 3];
    /* The longest has 21 letters. */
    if (!key.size || key.size > 24 || memchr(key.data, ' ', key.size) || memchr(key.data, 0, key.size))
        return false;
    word[0] = ' ';
    memcpy(word + 1, key.data, key.size);
    memcpy(word + 1 + key.size, " ", 2);
    return strstr(names, word) != NULL;
}

/* Writes a value that is flat enough to stand there. */
static void asm__ingest_write_raw(const asm__ingest *state, asm_json_writer *writer, asm_str value) {
    if (asm__spans_have(&state->spans, value))
        asm__write_valid_raw(writer, value, state->spans.non_canonical);
    else asm_json_write_raw(writer, value);
}

/* A member of an event's extra. One that is named like a member of the event gets the name provider_NAME. */
static void asm__ingest_write_other(asm__ingest *state, asm_json_writer *writer, asm_event_type type,
                                    asm_str key, asm_str value) {
    char name[64] = "provider_";
    if (!asm__ingest_is_flat(state, value)) {
        asm__ingest_diagnose(state, true, ASM_ERR_DEPTH, "a value is nested too deep for an event", 0);
        return;
    }
    if (key.size < sizeof name - 16 && asm__ingest_is_member(type, key)) {
        memcpy(name + 9, key.data, key.size);
        key = asm_str_make(name, key.size + 9);
    }
    asm_json_write_key(writer, key);
    asm__ingest_write_raw(state, writer, value);
}

/* Whether a later one has the same key. Of very many they are not compared. */
static bool asm__ingest_is_repeated(const asm__ingest *state, size_t at, asm__ingest_others others) {
    asm_str key = asm__ingest_other_key(state, &state->others[at]);
    if (others.end - others.begin > 64) return false;
    while (++at < others.end)
        if (asm_str_equal(asm__ingest_other_key(state, &state->others[at]), key)) return true;
    return false;
}

/* What was not asked for, as the extra of an event of that type; absent if there is nothing. The text stands in `out`,
 * after what is there already if that is an object: its members come first. */
static asm_str asm__ingest_extra(asm__ingest *state, asm_buffer *out, asm_event_type type,
                                 asm__ingest_others others) {
    asm_json_writer writer;
    size_t i;
    asm_buffer_clear(out);
    if (others.begin == others.end) return asm__ingest_absent();
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    for (i = others.begin; i < others.end; i++)
        if (!asm__ingest_is_repeated(state, i, others))
            asm__ingest_write_other(state, &writer, type, asm__ingest_other_key(state, &state->others[i]),
                                    state->others[i].value);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(out);
    asm_buffer_clear(out);
    out->result = ASM_OK;
    state->failed = true;
    return asm__ingest_absent();
}

/* Keeps a word that is another one than `expected` among the others. */
static void asm__ingest_keep_unless(asm__ingest *state, asm_str key, asm_str raw, asm_str expected) {
    if (raw.data &&
        !(raw.size == expected.size + 2 && memcmp(raw.data + 1, expected.data, expected.size) == 0))
        asm__ingest_add_other(state, key, false, raw);
}

/* An object with one member. */
static asm_str asm__ingest_pair(asm__ingest *state, asm_buffer *out, asm_str key, asm_str value) {
    asm__ingest_others one;
    one.begin = state->other_count;
    asm__ingest_add_other(state, key, false, value);
    one.end = state->other_count;
    return asm__ingest_extra(state, out, ASM_EVENT_CUSTOM, one);
}

/* Whether an object has more than so many members. */
static bool asm__ingest_has_more(asm_str object, size_t count) {
    asm_json_reader reader;
    asm_str raw;
    char key[256];
    if (!asm__ingest_is(object, ASM_JSON_OBJECT)) return false;
    asm_buffer scratch;
    asm_buffer_init_fixed(&scratch, key, sizeof key);
    asm_json_reader_init(&reader, object, &scratch);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &raw) && asm_json_read_raw(&reader, &raw))
        if (count-- == 0) return true;
    return reader.error.result != ASM_OK; /* a long key with escapes */
}

/* An object with one text. */
static asm_str asm__ingest_extra_text(asm__ingest *state, asm_str key, asm_str text) {
    asm_json_writer writer;
    asm_buffer_clear(&state->extra);
    asm_json_writer_init(&writer, &state->extra);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, key);
    asm_json_write_string(&writer, text);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(&state->extra);
    state->failed = true;
    state->extra.result = ASM_OK;
    return asm__ingest_absent();
}

/* What was asked for and is not only in the event: back to the others. */
static void asm__ingest_put_back(asm__ingest *state, const asm__ingest_key *keys, const asm_str *values,
                                 size_t count, asm__ingest_others *others) {
    size_t i;
    for (i = 0; i < count; i++)
        if (values[i].data)
            asm__ingest_add_other(state, asm_str_make(keys[i].text, keys[i].size), false, values[i]);
    others->end = state->other_count;
}

/* The others as further members of an object that is being written. */
static void asm__ingest_write_others(asm__ingest *state, asm_json_writer *writer, asm__ingest_others others) {
    size_t i;
    for (i = others.begin; i < others.end; i++) {
        asm_json_write_key(writer, asm__ingest_other_key(state, &state->others[i]));
        asm__ingest_write_raw(state, writer, state->others[i].value);
    }
}

/* >>ingest: rest
 * Nothing of a line vanishes: a shape says which members its reader has a place for, or knows to be told elsewhere. What is
 * left goes into the extra of the first event that is about the line, else into one of its own.
 *     name:t      a member of that type: s string, n number that a double can hold, i integer of 64 bits, b true or false,
 *                 o object, a array, * any of them; - a string, number, true or false
 *     name{...}   an object of that shape; name[...] a list of them
 *     name=word   this string: what begins an alternative. They are separated by " | ", those of a line are an array that ends
 *                 with NULL. What fits none is left whole.
 *     *           in place of a name: any that is not there */

typedef struct asm__ingest_shape_item {
    asm_str name;
    char kind;         /* one of : = { [ */
    asm_str word;      /* after = or : */
    const char *inner; /* after { or [ */
} asm__ingest_shape_item;

static bool asm__ingest_ends_name(char c) {
    return c == ':' || c == ' ' || c == '=' || c == '{' || c == '[' || c == 0 || c == '|' || c == '}' ||
           c == ']';
}

/* The next member of an alternative; false at its end. */
static bool asm__ingest_next_item(const char **at, asm__ingest_shape_item *item) {
    const char *next = *at;
    while (*next == ' ')
        next++;
    item->name.data = next;
    while (!asm__ingest_ends_name(*next))
        next++;
    item->name.size = (size_t)(next - item->name.data);
    if (!item->name.size) return false;
    item->kind = *next++;
    item->inner = item->word.data = next;
    if (item->kind == ':' || item->kind == '=') {
        while (*next && *next != ' ' && *next != '}' && *next != ']')
            next++;
        item->word.size = (size_t)(next - item->word.data);
    } else {
        int depth = 1;
        for (; depth; next++)
            depth += *next == '{' || *next == '[' ? 1 : *next == '}' || *next == ']' ? -1 : 0;
    }
    *at = next;
    return true;
}

/* The member that tells which alternative an object fits, once it has been looked for. */
typedef struct asm__ingest_teller {
    asm_str key, value;
} asm__ingest_teller;

/* Whether the object fits the alternative: by the words that it begins with. */
static bool asm__ingest_fits_shape(const asm__ingest *state, asm_str object, asm__ingest_teller *teller,
                                   const char *shape) {
    asm__ingest_shape_item item;
    while (asm__ingest_next_item(&shape, &item) && item.kind == '=') {
        if (!teller->key.data || !asm_str_equal(teller->key, item.name)) {
            teller->key = item.name;
            asm__ingest_find_in_line(state, object, &item.name, &teller->value, 1);
        }
        if (!teller->value.data || teller->value.size != item.word.size + 2 || teller->value.data[0] != '"' ||
            memcmp(teller->value.data + 1, item.word.data, item.word.size) != 0)
            return false;
    }
    return true;
}

/* The alternative of the shape that the object fits; NULL if there is none. */
static const char *asm__ingest_pick_shape(const asm__ingest *state, asm_str object, const char *shape) {
    asm__ingest_teller teller = {{NULL, 0}, {NULL, 0}};
    asm__ingest_shape_item item;
    while (!asm__ingest_fits_shape(state, object, &teller, shape)) {
        while (asm__ingest_next_item(&shape, &item)) {
        }
        while (*shape == ' ')
            shape++;
        if (*shape != '|') return NULL;
        shape++;
    }
    return shape;
}

/* Whether the value is what the item says it may be, as far as that is seen from outside. */
static bool asm__ingest_fits_item(const asm__ingest_shape_item *item, asm_str value) {
    switch (item->kind) {
    case '=':
        return true; /* the alternative was picked by it, or by the last of several */
    case '{':
        return value.data[0] == '{';
    case '[':
        return value.data[0] == '[';
    default:
        return item->word.data[0] == '-' ? value.data[0] != '{' && value.data[0] != '['
                                         : asm__ingest_fits(value, item->word.data[0]);
    }
}

static bool asm__ingest_find_item(const char *shape, asm_str key, asm_str value,
                                  asm__ingest_shape_item *item) {
    bool is_named = false;
    while (asm__ingest_next_item(&shape, item)) {
        bool is_any = item->name.data[0] == '*' && !is_named;
        if (asm_str_equal(item->name, key)) is_named = is_any = true;
        if (is_any && asm__ingest_fits_item(item, value)) return true;
    }
    return false;
}

static bool asm__ingest_write_rest(asm__ingest *state, asm_str value, const char *shape);

static bool asm__ingest_is_empty(asm_str value) {
    return value.size == 2 && (value.data[0] == '{' || value.data[0] == '[');
}

/* Writes what is left of a list: its elements of which something is. */
static bool asm__ingest_write_list_rest(asm__ingest *state, asm_str list, const char *shape) {
    asm_json_reader reader = asm__ingest_line_elements(state, list);
    const size_t begin = state->rest.size;
    asm_str element;
    asm__ingest_append(state, &state->rest, ASM_STR("["));
    while (asm__ingest_next(&reader, &element)) {
        const size_t before = state->rest.size;
        if (before > begin + 1) asm__ingest_append(state, &state->rest, ASM_STR(","));
        if (!asm__ingest_write_rest(state, element, shape)) state->rest.size = before;
    }
    if (state->rest.size == begin + 1) return false;
    return asm__ingest_append(state, &state->rest, ASM_STR("]"));
}

/* Writes what is left of a value of that shape; false if that is nothing. As deep as the shape is, it calls itself. */
static bool asm__ingest_write_rest(asm__ingest *state, asm_str value, const char *shape) {
    const size_t begin = state->rest.size;
    asm_json_reader reader;
    asm_json_writer writer;
    asm_str key;
    shape = asm__ingest_is(value, ASM_JSON_OBJECT) ? asm__ingest_pick_shape(state, value, shape) : NULL;
    if (!shape)
        return !asm__ingest_is(value, ASM_JSON_NULL) && asm__ingest_append(state, &state->rest, value);
    asm_json_reader_init(&reader, value, &state->scratch);
    reader.known = &state->spans;
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        const size_t before = state->rest.size;
        asm__ingest_shape_item item;
        bool is_left = value.data[0] != 'n' && !asm__ingest_is_empty(value);
        const bool is_known = is_left && asm__ingest_find_item(shape, key, value, &item);
        if (!is_left || (is_known && (item.kind == ':' || item.kind == '='))) continue;
        asm__ingest_append(state, &state->rest, before > begin ? ASM_STR(",") : ASM_STR("{"));
        asm_json_writer_init(&writer, &state->rest);
        asm_json_write_string(&writer, key);
        asm__ingest_append(state, &state->rest, ASM_STR(":"));
        if (!is_known) is_left = asm__ingest_append(state, &state->rest, value);
        else if (item.kind == '[') is_left = asm__ingest_write_list_rest(state, value, item.inner);
        else is_left = asm__ingest_write_rest(state, value, item.inner);
        if (!is_left) state->rest.size = before;
    }
    return state->rest.size > begin && asm__ingest_append(state, &state->rest, ASM_STR("}"));
}

/* Memory may have run out: then there is none. */
static void asm__ingest_check_rest(asm__ingest *state) {
    if (state->rest.result == ASM_OK && state->scratch.result == ASM_OK && !state->failed) return;
    state->failed = true;
    state->scratch.result = state->rest.result = ASM_OK;
    asm_buffer_clear(&state->rest);
}

/* Finds out what of a line of that type its events will have no place for; of one that fits no alternative nothing: its
 * reader keeps it whole. Before anything of the line is unescaped in place. */
static void asm__ingest_begin_rest(asm__ingest *state, asm_str line, asm_str type,
                                   const char *const *shapes) {
    asm__ingest_teller teller = {{NULL, 0}, {NULL, 0}};
    state->line_type = type;
    asm_buffer_clear(&state->rest);
    asm_buffer_clear(&state->scratch);
    while (*shapes && !asm__ingest_fits_shape(state, line, &teller, *shapes))
        shapes++;
    if (*shapes) asm__ingest_write_rest(state, line, *shapes);
    asm__ingest_check_rest(state);
}

/* The key, or, where the object has it, one that it has not: with "_" before it. `name` has room for that. */
static asm_str asm__ingest_unused_key(asm_str object, asm_str key, char name[72]) {
    size_t size = key.size;
    if (!object.data || key.size > 64 || !asm__ingest_find_one(object, key).data) return key;
    memmove(name + 8, key.data, key.size);
    while (size < key.size + 8 &&
           asm__ingest_find_one(object, asm_str_make(name + 8 + key.size - size, size)).data)
        name[8 + key.size - ++size] = '_';
    return asm_str_make(name + 8 + key.size - size, size);
}

/* A member that its reader finds no place for after all. */
static void asm__ingest_leave(asm__ingest *state, asm_str key, asm_str value) {
    asm_json_writer writer;
    char name[72];
    if (!value.data || asm__ingest_is(value, ASM_JSON_NULL)) return;
    if (state->rest.size) key = asm__ingest_unused_key(asm_buffer_text(&state->rest), key, name);
    if (state->rest.size) state->rest.size--; /* the brace */
    asm__ingest_append(state, &state->rest, state->rest.size ? ASM_STR(",") : ASM_STR("{"));
    asm_json_writer_init(&writer, &state->rest);
    asm_json_write_string(&writer, key);
    asm__ingest_append(state, &state->rest, ASM_STR(":"));
    asm__ingest_append(state, &state->rest, value);
    asm__ingest_append(state, &state->rest, ASM_STR("}"));
    asm__ingest_check_rest(state);
}

/* asm__ingest_leave() for each of the others that the shape has no place for. */
static void asm__ingest_leave_others_but(asm__ingest *state, asm__ingest_others others, const char *shape) {
    asm__ingest_shape_item item;
    size_t i;
    for (i = others.begin; i < others.end; i++)
        if (!asm__ingest_find_item(shape, asm__ingest_other_key(state, &state->others[i]),
                                   state->others[i].value, &item))
            asm__ingest_leave(state, asm__ingest_other_key(state, &state->others[i]), state->others[i].value);
}

/* What is left of an object, or of the objects of a list, of that shape. */
static void asm__ingest_leave_rest(asm__ingest *state, asm_str key, asm_str value, const char *shape) {
    const size_t before = state->rest.size;
    asm_json_writer writer;
    char name[72];
    bool is_left;
    if (!value.data) return;
    if (before) key = asm__ingest_unused_key(asm_buffer_text(&state->rest), key, name);
    asm_buffer_clear(&state->scratch);
    if (before) state->rest.size--; /* the brace */
    asm__ingest_append(state, &state->rest, before ? ASM_STR(",") : ASM_STR("{"));
    asm_json_writer_init(&writer, &state->rest);
    asm_json_write_string(&writer, key);
    asm__ingest_append(state, &state->rest, ASM_STR(":"));
    is_left = value.data[0] == '[' ? asm__ingest_write_list_rest(state, value, shape)
                                   : asm__ingest_write_rest(state, value, shape);
    if (!is_left) state->rest.size = before ? before - 1 : 0;
    if (is_left || before) asm__ingest_append(state, &state->rest, ASM_STR("}"));
    asm__ingest_check_rest(state);
}

static void asm__ingest_leave_others(asm__ingest *state, asm__ingest_others others) {
    size_t i;
    for (i = others.begin; i < others.end; i++)
        asm__ingest_leave(state, asm__ingest_other_key(state, &state->others[i]), state->others[i].value);
}

/* The members of an object as members of an event's extra, after those that it has already. */
static void asm__ingest_write_members(asm__ingest *state, asm_json_writer *writer, const asm_event *event,
                                      asm_str object) {
    asm_json_reader reader;
    asm_str key, value;
    char name[72];
    asm_buffer_clear(&state->scratch);
    asm_json_reader_init(&reader, object, &state->scratch);
    reader.known = &state->spans;
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        if (object.data != event->extra.data) {
            key = asm__ingest_unused_key(event->extra, key, name);
            asm__ingest_write_other(state, writer, event->type, key, value);
        } else {
            asm_json_write_key(writer, key);
            asm__ingest_write_raw(state, writer, value);
        }
    }
}

/* Moves what is left into the extra of the event. */
static void asm__ingest_take_rest(asm__ingest *state, asm_buffer *rest, asm_event *event) {
    asm_buffer *out = &state->rest_extra[0];
    asm_json_writer writer;
    if (!rest->size) return;
    if (event->extra.data == out->data) out++; /* it has taken something already */
    asm_buffer_clear(out);
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    if (event->extra.data) asm__ingest_write_members(state, &writer, event, event->extra);
    asm__ingest_write_members(state, &writer, event, asm_buffer_text(rest));
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) event->extra = asm_buffer_text(out);
    else state->failed = true;
    out->result = state->scratch.result = ASM_OK;
    asm_buffer_clear(rest);
}

/* Gives the event what is left of the line, if it is about that. */
static void asm__ingest_attach_rest(asm__ingest *state, asm_event *event) {
    if (!state->rest_waits && event->type != ASM_EVENT_MESSAGE_RECEIVED &&
        event->type != ASM_EVENT_MESSAGE_RETRACTED)
        asm__ingest_take_rest(state, &state->rest, event);
}

/* What was kept is told by itself: no run has come. */
static void asm__ingest_release_header(asm__ingest *state) {
    const asm_buffer free = state->rest;
    state->rest = state->header;
    state->header = free;
    asm_buffer_clear(&state->header);
}

/* What is left of a line within a run goes to the run's end. */
static void asm__ingest_keep_for_end(asm__ingest *state) {
    asm_buffer free = state->header;
    if (!state->run_open || free.size) return;
    state->header = state->rest;
    state->rest = free;
}

/* What is left of a line about the session goes to the run that it begins. */
static void asm__ingest_keep_header(asm__ingest *state) {
    const asm_buffer rest = state->rest;
    asm_json_reader reader;
    asm_str key, value;
    if (state->run_open || !rest.size) return;
    state->rest = state->header;
    state->header = rest;
    asm_buffer_clear(&state->scratch);
    asm_json_reader_init(&reader, asm_buffer_text(&rest), &state->scratch);
    if (state->rest.size) { /* more of it: both as one object */
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value))
            asm__ingest_leave(state, key, value);
        state->header = state->rest;
        state->rest = rest;
    }
    asm_buffer_clear(&state->rest);
}

/* >>ingest: records */

static asm__ingest_record *asm__ingest_find_record(const asm__ingest_records *records, asm_str id) {
    asm__indexed *found = asm__index_find(&records->index, NULL, id, asm__hash(id.data, id.size, 0));
    return found ? asm__container(found, asm__ingest_record, key) : NULL;
}

/* Puts a record at the end of the list; into the index only if it has an id that is not in it yet. */
static void asm__ingest_link_record(asm__ingest_records *records, asm__ingest_record *record) {
    record->older = records->newest;
    record->newer = NULL;
    if (records->newest) records->newest->newer = record;
    else records->oldest = record;
    records->newest = record;
    records->count++;
}

static void asm__ingest_unlink_record(asm__ingest_records *records, asm__ingest_record *record) {
    if (record->older) record->older->newer = record->newer;
    else records->oldest = record->newer;
    if (record->newer) record->newer->older = record->older;
    else records->newest = record->older;
    records->count--;
}

static void asm__ingest_index_record(asm__ingest_records *records, asm__ingest_record *record, asm_str id) {
    record->key.text = id;
    record->key.scope = NULL;
    record->key.hash = asm__hash(id.data, id.size, 0);
    asm__index_insert(&records->index, &record->key);
}

/* A record that is not in use, of `size` bytes, all zero if it is new; NULL if there is no memory. */
static asm__ingest_record *asm__ingest_take_record(asm__ingest *state, asm__ingest_records *records,
                                                   size_t size, bool *is_new) {
    asm__ingest_record *record = records->spare;
    *is_new = !record;
    if (record) {
        records->spare = record->newer;
        records->spare_count--;
        return record;
    }
    record = (asm__ingest_record *)ASM_REALLOC(NULL, size);
    if (record) memset(record, 0, size);
    else state->failed = true;
    return record;
}

static void asm__ingest_trim(asm_buffer *buffer) {
    if (buffer->capacity > ASM__INGEST_SPARE_SIZE) asm_buffer_close(buffer);
    asm_buffer_clear(buffer);
}

/* Too much is open: told once for each stream. */
static void asm__ingest_tell_limit(asm__ingest *state, const char *message) {
    if (!state->told_open) asm__ingest_diagnose(state, true, ASM_ERR_LIMIT, message, 0);
    state->told_open = true;
}

static size_t asm__ingest_max_open(const asm__ingest *state) {
    return state->options.max_open ? state->options.max_open : ASM__INGEST_MAX_OPEN;
}

static size_t asm__ingest_max_kept(const asm__ingest *state) {
    return state->options.max_kept ? state->options.max_kept : ASM__INGEST_MAX_KEPT;
}

/* >>ingest: calls */

static asm_str asm__ingest_call_id(const asm__ingest_call *call) {
    return asm_str_make(call->text.data, call->id_size);
}

static asm_str asm__ingest_call_name(const asm__ingest_call *call) {
    return asm_str_make(call->text.data + call->id_size, call->name_size);
}

static asm_str asm__ingest_call_input(const asm__ingest_call *call) {
    const char *at = call->text.data + call->id_size + call->name_size;
    return call->input_size ? asm_str_make(at, call->input_size) : asm__ingest_absent();
}

static asm_str asm__ingest_call_parent(const asm__ingest_call *call) {
    return asm_str_make(call->text.data + call->id_size + call->name_size + call->input_size,
                        call->parent_size);
}

/* The call that is open under that id, the first of them; NULL if there is none. */
static asm__ingest_call *asm__ingest_find_call(const asm__ingest *state, asm_str id) {
    asm__ingest_record *record = id.size ? asm__ingest_find_record(&state->calls, id) : NULL;
    return record ? asm__container(record, asm__ingest_call, record) : NULL;
}

static void asm__ingest_close_call(asm__ingest_call *call) {
    asm_buffer_close(&call->text);
    asm_buffer_close(&call->task);
    ASM_FREE(call);
}

/* The call that a task of the provider serves. */
static asm__ingest_call *asm__ingest_find_task(const asm__ingest *state, asm_str task) {
    asm__indexed *found =
        task.size ? asm__index_find(&state->tasks, NULL, task, asm__hash(task.data, task.size, 0)) : NULL;
    return found ? asm__container(found, asm__ingest_call, task_key) : NULL;
}

static void asm__ingest_name_task(asm__ingest *state, asm__ingest_call *call, asm_str task) {
    if (!task.size || call->has_task || asm__ingest_find_task(state, task)) return;
    asm__ingest_keep(state, &call->task, task);
    if (call->task.size != task.size) return;
    call->has_task = true;
    call->task_key.text = asm_buffer_text(&call->task);
    call->task_key.scope = NULL;
    call->task_key.hash = asm__hash(task.data, task.size, 0);
    asm__index_insert(&state->tasks, &call->task_key);
}

/* Takes a call out of those that share its id. */
static void asm__ingest_unname_call(asm__ingest *state, asm__ingest_call *call) {
    asm__ingest_call *first = asm__ingest_find_call(state, asm__ingest_call_id(call)), *next = call->same_id;
    if (!call->id_size || !first) return;
    if (first != call) {
        call->previous_same->same_id = next;
        if (next) next->previous_same = call->previous_same;
        else first->last_same = call->previous_same;
        return;
    }
    asm__index_remove(&state->calls.index, &call->record.key);
    if (!next) return;
    next->last_same = call->last_same;
    next->hides_name = call->hides_name;
    next->hides_input = call->hides_input;
    asm__ingest_index_record(&state->calls, &next->record, asm__ingest_call_id(next));
}

static void asm__ingest_forget_call(asm__ingest *state, asm__ingest_call *call) {
    asm__ingest_records *calls = &state->calls;
    asm__ingest_unname_call(state, call);
    if (call->has_task) asm__index_remove(&state->tasks, &call->task_key);
    call->has_task = false;
    asm__ingest_trim(&call->task);
    asm__ingest_unlink_record(calls, &call->record);
    state->kept -= call->text.size;
    asm__ingest_trim(&call->text);
    if (calls->spare_count >= ASM__INGEST_SPARE) {
        asm__ingest_close_call(call);
        return;
    }
    call->record.newer = calls->spare;
    calls->spare = &call->record;
    calls->spare_count++;
}

static void asm__ingest_forget_oldest(asm__ingest *state) {
    asm__ingest_tell_limit(state, "more tool calls are open than may be: the oldest are forgotten");
    asm__ingest_forget_call(state, asm__container(state->calls.oldest, asm__ingest_call, record));
}

/* Whether `size` bytes more may be kept; lets go of old calls for that. */
static bool asm__ingest_make_room(asm__ingest *state, size_t size) {
    size_t most = asm__ingest_max_kept(state);
    if (size > most) return false;
    while (state->calls.count && state->kept > most - size)
        asm__ingest_forget_oldest(state);
    return state->kept <= most - size;
}

/* A call whose id is open: their ends cannot be told apart, and get of name and input what is the same for all. */
static void asm__ingest_share_id(asm__ingest *state, asm__ingest_call *first, asm__ingest_call *call) {
    bool same_name = asm_str_equal(asm__ingest_call_name(first), asm__ingest_call_name(call));
    bool same_input = asm_str_equal(asm__ingest_call_input(first), asm__ingest_call_input(call));
    if (!same_name || !same_input)
        asm__ingest_diagnose(state, true, ASM_ERR_EXISTS,
                             "a tool call has the id of one that is open: which one ends cannot be told", 0);
    first->hides_name = first->hides_name || !same_name;
    first->hides_input = first->hides_input || !same_input;
    call->previous_same = first->last_same;
    first->last_same->same_id = call;
    first->last_same = call;
}

static void asm__ingest_remember_call(asm__ingest *state, const asm_tool_payload *tool) {
    asm__ingest_call *call, *first;
    size_t size = tool->call_id.size + tool->name.size + tool->input.size + tool->parent_tool_call_id.size;
    bool is_new;
    asm__ingest_record *record;
    while (state->calls.count >= asm__ingest_max_open(state))
        asm__ingest_forget_oldest(state);
    if (!asm__ingest_make_room(state, size)) {
        asm__ingest_tell_limit(
            state, "a tool call is larger than what may be kept: its end comes without its input");
        return;
    }
    first = asm__ingest_find_call(state, tool->call_id);
    record = asm__ingest_take_record(state, &state->calls, sizeof *call, &is_new);
    if (!record) return;
    call = asm__container(record, asm__ingest_call, record);
    if (is_new) {
        asm_buffer_init_growing(&call->text);
        asm_buffer_init_growing(&call->task);
    }
    if (!asm__ingest_reserve(state, &call->text, size ? size : 1)) {
        asm__ingest_close_call(call);
        return;
    }
    asm_buffer_append(&call->text, tool->call_id);
    asm_buffer_append(&call->text, tool->name);
    asm_buffer_append(&call->text, tool->input);
    asm_buffer_append(&call->text, tool->parent_tool_call_id);
    call->id_size = tool->call_id.size;
    call->name_size = tool->name.size;
    call->input_size = tool->input.size;
    call->parent_size = tool->parent_tool_call_id.size;
    call->run = state->line_run;
    call->same_id = NULL;
    call->last_same = call;
    call->has_failed = call->is_background = call->is_declined = call->hides_name = call->hides_input = false;
    state->kept += call->text.size;
    asm__ingest_link_record(&state->calls, record);
    if (!call->id_size) return;
    if (first) asm__ingest_share_id(state, first, call);
    else asm__ingest_index_record(&state->calls, record, asm__ingest_call_id(call));
}

/* Starts the call that the event, a tool_call_started, tells of. */
static void asm__ingest_start_call(asm__ingest *state, asm_event *event) {
    if (event->tool.call_id.size) asm__ingest_remember_call(state, &event->tool);
    asm__ingest_emit(state, event);
}

/* asm__ingest_start_call() for what most formats know of a call. One whose id is open already is another one. */
static void asm__ingest_start_tool(asm__ingest *state, asm_str id, asm_str name, asm_str input,
                                   asm_str parent) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = input;
    if (parent.size) event.tool.parent_tool_call_id = parent;
    asm__ingest_start_call(state, &event);
}

/* Gives an event about a call: with its name and, if it ends, its input, and of the run that it began in. */
static void asm__ingest_emit_of_call(asm__ingest *state, asm__ingest_call *call, asm_event *event) {
    bool is_end = event->type == ASM_EVENT_TOOL_CALL_COMPLETED || event->type == ASM_EVENT_TOOL_CALL_FAILED;
    if (!event->tool.name.data && !call->hides_name) event->tool.name = asm__ingest_call_name(call);
    if (is_end && !event->tool.input.data && !call->hides_input)
        event->tool.input = asm__ingest_call_input(call);
    if (!event->tool.parent_tool_call_id.data && call->parent_size)
        event->tool.parent_tool_call_id = asm__ingest_call_parent(call);
    asm__ingest_emit_in(state, call->run, event);
}

/* Ends the call event->tool.call_id, with the name and the input that it began with. */
static void asm__ingest_end_tool(asm__ingest *state, asm_event *event) {
    asm__ingest_call *call = asm__ingest_find_call(state, event->tool.call_id);
    if (!call) {
        asm__ingest_emit(state, event);
        return;
    }
    asm__ingest_emit_of_call(state, call, event);
    asm__ingest_forget_call(state, call);
}

/* Tells a change of a call that is open. */
static void asm__ingest_update_tool(asm__ingest *state, asm_event *event) {
    asm__ingest_call *call = asm__ingest_find_call(state, event->tool.call_id);
    if (call) asm__ingest_emit_of_call(state, call, event);
    else asm__ingest_emit(state, event);
}

/* The call goes on without the run that began it. */
static void asm__ingest_send_to_background(asm__ingest *state, asm_str id, asm_event *event) {
    asm__ingest_call *call = asm__ingest_find_call(state, id);
    event->tool.call_id = id;
    event->tool.status = ASM_STR("running_in_background");
    if (call && call->is_background && !event->extra.data) return; /* told already */
    if (call) call->is_background = true;
    asm__ingest_update_tool(state, event);
}

/* Whether the call, or one whose sub-agent made it, goes on without its run. */
static bool asm__ingest_is_background(const asm__ingest *state, asm_str id) {
    int depth;
    for (depth = 0; depth < 64; depth++) {
        const asm__ingest_call *call = asm__ingest_find_call(state, id);
        if (!call || call->is_background) return call != NULL;
        id = asm__ingest_call_parent(call);
    }
    return false;
}

static bool asm__ingest_outlives_run(const asm__ingest *state, const asm__ingest_call *call) {
    return call->is_background ||
           (call->parent_size && asm__ingest_is_background(state, asm__ingest_call_parent(call)));
}

static int64_t asm__ingest_count_open(const asm__ingest *state) {
    asm__ingest_record *record;
    int64_t count = 0;
    for (record = state->calls.oldest; record; record = record->newer)
        count += !asm__ingest_outlives_run(state, asm__container(record, asm__ingest_call, record));
    return count;
}

/* Lets go of the calls that belong to the run alone: they cannot end after it. The newest first: a call's parent is
 * older than itself. */
static void asm__ingest_forget_calls(asm__ingest *state, bool background_too) {
    asm__ingest_record *record = state->calls.newest, *next;
    for (; record; record = next) {
        asm__ingest_call *call = asm__container(record, asm__ingest_call, record);
        next = record->older;
        if (background_too || !asm__ingest_outlives_run(state, call)) asm__ingest_forget_call(state, call);
    }
}

/* >>ingest: approvals */

static asm_str asm__ingest_request_id(const asm__ingest_request *request) {
    return asm_str_make(request->text.data, request->id_size);
}

static asm_str asm__ingest_request_call(const asm__ingest_request *request) {
    if (!request->call_size) return asm__ingest_absent();
    return asm_str_make(request->text.data + request->id_size, request->call_size);
}

static asm_str asm__ingest_request_tool(const asm__ingest_request *request) {
    size_t at = request->id_size + request->call_size;
    if (at == request->text.size) return ASM_STR("");
    return asm_str_make(request->text.data + at, request->text.size - at);
}

/* The request with that id or, where that is empty, of that call; request_count if there is none. */
static size_t asm__ingest_find_request(const asm__ingest *state, asm_str id, asm_str call_id) {
    size_t i;
    for (i = 0; i < state->request_count; i++) {
        const asm__ingest_request *request = &state->requests[i];
        if (id.size ? asm_str_equal(asm__ingest_request_id(request), id)
                    : call_id.size && asm_str_equal(asm__ingest_request_call(request), call_id))
            break;
    }
    return i;
}

static void asm__ingest_forget_request(asm__ingest *state, size_t index) {
    asm__ingest_request gone = state->requests[index];
    memmove(&state->requests[index], &state->requests[index + 1],
            (--state->request_count - index) * sizeof state->requests[0]);
    state->requests[state->request_count] = gone;
    asm__ingest_trim(&state->requests[state->request_count].text);
}

/* Asks, with a tool_approval_requested that has a request_id, and remembers that. */
static void asm__ingest_ask(asm__ingest *state, asm_event *event) {
    asm__ingest_request *request;
    asm__ingest_emit(state, event);
    if (state->request_count == ASM__INGEST_REQUESTS) {
        asm__ingest_tell_limit(state, "more approvals wait than are remembered: the oldest are forgotten");
        asm__ingest_forget_request(state, 0);
    }
    request = &state->requests[state->request_count];
    asm__ingest_keep(state, &request->text, event->approval.request_id);
    asm__ingest_append(state, &request->text, event->approval.tool_call_id);
    asm__ingest_append(state, &request->text, event->approval.tool_name);
    request->id_size = event->approval.request_id.size;
    request->call_size = event->approval.tool_call_id.size;
    request->is_question = asm_str_equal(event->approval.kind, ASM_STR("question"));
    if (request->text.size == request->id_size + request->call_size + event->approval.tool_name.size)
        state->request_count++;
}

/* The decision about a request: what it asked for stands in the event, too. */
static void asm__ingest_decide(asm__ingest *state, size_t index, asm_event *event) {
    const asm__ingest_request *request = &state->requests[index];
    event->approval.request_id = asm__ingest_request_id(request);
    if (request->call_size) event->approval.tool_call_id = asm__ingest_request_call(request);
    event->approval.tool_name = asm__ingest_request_tool(request);
    event->approval.kind = request->is_question ? ASM_STR("question") : ASM_STR("tool");
    asm__ingest_emit(state, event);
    asm__ingest_forget_request(state, index);
}

/* A question to the person: its options, as approvals have them. Absent if there is no such list. */
static asm_str asm__ingest_question_options(asm__ingest *state, asm_str input) {
    static const asm_str keys[] = {ASM__MEMBER("questions")};
    static const asm_str question_keys[] = {ASM__MEMBER("options")};
    static const asm_str option_keys[] = {ASM__MEMBER("label"), ASM__MEMBER("description")};
    asm_str values[2], question, option;
    asm_json_reader questions, options;
    asm_json_writer writer;
    bool any = false;
    asm__ingest_find_in_line(state, input, keys, values, 1);
    questions = asm__ingest_line_elements(state, values[0]);
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&questions, &question)) {
        asm__ingest_find_in_line(state, question, question_keys, values, 1);
        options = asm__ingest_line_elements(state, values[0]);
        while (asm__ingest_next(&options, &option)) {
            asm__ingest_find_in_line(state, option, option_keys, values, 2);
            if (!asm__ingest_is(values[0], ASM_JSON_STRING)) continue;
            asm_json_begin_object(&writer);
            asm_json_write_key(&writer, ASM_STR("id"));
            asm__ingest_write_raw(state, &writer, values[0]);
            asm_json_write_key(&writer, ASM_STR("label"));
            asm__ingest_write_raw(state, &writer, values[0]);
            if (asm__ingest_is(values[1], ASM_JSON_STRING)) {
                asm_json_write_key(&writer, ASM_STR("description"));
                asm__ingest_write_raw(state, &writer, values[1]);
            }
            asm_json_end_object(&writer);
            any = true;
        }
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        return any ? asm_buffer_text(&state->built) : asm__ingest_absent();
    state->failed = true;
    return asm__ingest_absent();
}

/* The text of the first question. */
static asm_str asm__ingest_question(asm__ingest *state, asm_str input) {
    static const asm_str keys[] = {ASM__MEMBER("questions")}, question_key[] = {ASM__MEMBER("question")};
    asm_str values[1], question;
    asm_json_reader questions;
    asm__ingest_find_in_line(state, input, keys, values, 1);
    questions = asm__ingest_line_elements(state, values[0]);
    if (!asm__ingest_next(&questions, &question)) return asm__ingest_absent();
    asm__ingest_find_in_line(state, question, question_key, values, 1);
    return asm__ingest_string(state, values[0]);
}

/* >>ingest: messages */

/* Defined with the notices. */
static asm_event asm__ingest_notice(asm__ingest *state, asm_str name);

static void asm__ingest_emit_thinking(asm__ingest *state, asm_str text, asm_str message_id, asm_str parent) {
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text, message_id, parent);
    if (!text.size && !state->rest.size) return;
    event.message.thinking = asm__ingest_true();
    asm__ingest_emit(state, &event);
}

static void asm__ingest_each_speaker_buffer(asm__ingest_speaker *speaker, void (*function)(asm_buffer *)) {
    asm_buffer *buffers[13];
    size_t i;
    buffers[0] = &speaker->parent;
    buffers[1] = &speaker->message_id;
    buffers[2] = &speaker->model;
    buffers[3] = &speaker->text;
    buffers[4] = &speaker->others;
    buffers[5] = &speaker->usage_object;
    buffers[6] = &speaker->broken_id;
    buffers[7] = &speaker->tool_id;
    buffers[8] = &speaker->tool_name;
    buffers[9] = &speaker->tool_input;
    buffers[10] = &speaker->tool_others;
    buffers[11] = &speaker->started;
    buffers[12] = &speaker->last_line;
    for (i = 0; i < ASM__INGEST_COUNT_OF(buffers); i++)
        function(buffers[i]);
}

static asm__ingest_speaker *asm__ingest_find_speaker(asm__ingest *state, asm_str parent) {
    asm__ingest_record *record;
    if (!parent.size) return &state->main;
    record = asm__ingest_find_record(&state->speakers, parent);
    return record ? asm__container(record, asm__ingest_speaker, record) : NULL;
}

static void asm__ingest_forget_text(asm__ingest *state, asm__ingest_speaker *speaker) {
    state->kept -= speaker->text.size; /* NOLINT(clang-analyzer-core.NullDereference): there is a state */
    if (speaker->text.capacity > ASM__INGEST_LINE_STEP) asm_buffer_close(&speaker->text);
    asm_buffer_clear(&speaker->text);
    speaker->confirmed = 0;
}

/* The numbers of a message's usage as events count them: input_tokens is the whole prompt. */
static asm_usage_payload asm__ingest_whole_usage(const asm__ingest_speaker *speaker) {
    asm_usage_payload usage = speaker->usage;
    if (speaker->cache_is_apart) {
        asm__ingest_add(&usage.input_tokens, usage.cache_read_tokens);
        asm__ingest_add(&usage.input_tokens, usage.cache_creation_tokens);
    }
    return usage;
}

static bool asm__ingest_usage_is_zero(const asm_usage_payload *usage) {
    return usage->input_tokens.value == 0 && usage->output_tokens.value == 0 &&
           usage->cache_read_tokens.value == 0 && usage->cache_creation_tokens.value == 0;
}

static void asm__ingest_add_usage(asm_usage_payload *total, const asm_usage_payload *usage) {
    asm__ingest_add(&total->input_tokens, usage->input_tokens);
    asm__ingest_add(&total->output_tokens, usage->output_tokens);
    asm__ingest_add(&total->cache_read_tokens, usage->cache_read_tokens);
    asm__ingest_add(&total->cache_creation_tokens, usage->cache_creation_tokens);
    asm__ingest_add(&total->reasoning_tokens, usage->reasoning_tokens);
}

/* What the message has cost, once for each id. */
static void asm__ingest_give_usage(asm__ingest *state, asm__ingest_speaker *speaker, asm_str *others) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    if (speaker->usage_given || !speaker->message_id.size || asm__ingest_usage_is_zero(&speaker->usage))
        return;
    event.usage = asm__ingest_whole_usage(speaker);
    asm__ingest_add_usage(&speaker->total, &event.usage);
    event.usage.message_id = asm_buffer_text(&speaker->message_id);
    if (speaker->model.size) event.usage.model = asm_buffer_text(&speaker->model);
    if (speaker->parent.size) event.usage.parent_tool_call_id = asm_buffer_text(&speaker->parent);
    event.extra = *others;
    if (speaker->usage_object.size)
        event.extra = asm__ingest_joined(state, &state->extra, *others, ASM_STR("provider_usage"),
                                         asm_buffer_text(&speaker->usage_object));
    asm__ingest_emit_in(state, speaker->run, &event);
    speaker->usage_given = true;
    *others = asm__ingest_absent();
}

/* A text of the main agent, as a hash: a result's text that repeats it is not given again. */
static void asm__ingest_remember_said(asm__ingest *state, asm_str text) {
    state->said[state->said_at++ % ASM__INGEST_SAID] = asm__hash(text.data, text.size, 0);
}

/* The message ends. One that broke off is given as far as it came. */
static void asm__ingest_finish_message(asm__ingest *state, asm__ingest_speaker *speaker, bool broke_off) {
    asm_str id = asm_buffer_text(&speaker->message_id), others = asm__ingest_absent();
    asm_event event;
    const bool waits = state->rest_waits;
    if (!speaker->has_message || speaker->finished) return;
    state->rest_waits = true;
    if (speaker->others.size) others = asm_buffer_text(&speaker->others);
    if (speaker->text.size && !speaker->text_lost) {
        event = asm__ingest_message(ASM_EVENT_MESSAGE_RECEIVED, asm_buffer_text(&speaker->text), id,
                                    asm_buffer_text(&speaker->parent));
        event.message.phase = speaker->phase;
        if (broke_off || speaker->aborted) event.message.incomplete = asm__ingest_true();
        event.extra = others;
        asm__ingest_emit_in(state, speaker->run, &event);
        others = asm__ingest_absent();
        if (speaker == &state->main) asm__ingest_remember_said(state, asm_buffer_text(&speaker->text));
    }
    asm__ingest_give_usage(state, speaker, &others);
    if (others.data) { /* neither text nor tokens: then by itself */
        event = asm__ingest_notice(state, ASM_STR("message"));
        asm__ingest_take_rest(state, &speaker->others, &event);
        asm__ingest_emit_in(state, speaker->run, &event);
    }
    asm_buffer_clear(&speaker->others);
    asm__ingest_forget_text(state, speaker);
    speaker->partial = false;
    speaker->finished = true;
    state->rest_waits = waits;
}

static void asm__ingest_close_speaker(asm__ingest_speaker *speaker) {
    asm__ingest_each_speaker_buffer(speaker, asm_buffer_close);
    ASM_FREE(speaker);
}

static void asm__ingest_drop_speaker(asm__ingest *state, asm__ingest_speaker *speaker) {
    asm__ingest_forget_text(state, speaker);
    asm__index_remove(&state->speakers.index, &speaker->record.key);
    asm__ingest_unlink_record(&state->speakers, &speaker->record);
    if (state->speakers.spare_count >= ASM__INGEST_SPARE) {
        asm__ingest_close_speaker(speaker);
        return;
    }
    asm__ingest_each_speaker_buffer(speaker, asm__ingest_trim);
    speaker->record.newer = state->speakers.spare;
    state->speakers.spare = &speaker->record;
    state->speakers.spare_count++;
}

/* Forgets a sub-agent that will say no more. What it used is part of what its caller did. */
static void asm__ingest_forget_speaker(asm__ingest *state, asm__ingest_speaker *speaker) {
    const asm__ingest_call *call = asm__ingest_find_call(state, asm_buffer_text(&speaker->parent));
    asm__ingest_speaker *caller =
        call ? asm__ingest_find_speaker(state, asm__ingest_call_parent(call)) : NULL;
    if (!caller) caller = &state->main;
    asm__ingest_finish_message(state, speaker, speaker->partial);
    asm__ingest_add_usage(&caller->total, &speaker->total);
    asm__ingest_drop_speaker(state, speaker);
}

/* The run of what is said of a call or its sub-agent: the one that began it. */
static uint64_t asm__ingest_run_of(asm__ingest *state, asm_str parent) {
    asm__ingest_call *call = asm__ingest_find_call(state, parent);
    asm__ingest_speaker *speaker = parent.size ? asm__ingest_find_speaker(state, parent) : NULL;
    if (call) return call->run;
    if (speaker) return speaker->run;
    return state->run_open || !parent.size ? state->line_run : state->runs;
}

/* The speaker that serves that call, new if need be; the main agent for none, or if there is no memory. */
static asm__ingest_speaker *asm__ingest_speaker_of(asm__ingest *state, asm_str parent) {
    asm__ingest_speaker *speaker = asm__ingest_find_speaker(state, parent);
    asm__ingest_record *record;
    bool is_new;
    /* There is a state. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    if (!parent.size) state->main.run = state->line_run;
    if (speaker && speaker != &state->main) { /* it was heard now */
        asm__ingest_unlink_record(&state->speakers, &speaker->record);
        asm__ingest_link_record(&state->speakers, &speaker->record);
    }
    if (speaker) return speaker;
    while (state->speakers.count >= asm__ingest_max_open(state)) {
        asm__ingest_tell_limit(state, "more sub-agents speak than may be open: the oldest are forgotten");
        asm__ingest_forget_speaker(state,
                                   asm__container(state->speakers.oldest, asm__ingest_speaker, record));
    }
    record = asm__ingest_take_record(state, &state->speakers, sizeof *speaker, &is_new);
    if (!record) return &state->main;
    speaker = asm__container(record, asm__ingest_speaker, record);
    if (is_new) asm__ingest_each_speaker_buffer(speaker, asm_buffer_init_growing);
    asm__ingest_keep(state, &speaker->parent, parent);
    speaker->run = asm__ingest_run_of(state, parent);
    speaker->has_message = speaker->finished = speaker->is_broken = speaker->tool_open = false;
    memset(&speaker->total, 0, sizeof speaker->total);
    asm__ingest_index_record(&state->speakers, record, asm_buffer_text(&speaker->parent));
    asm__ingest_link_record(&state->speakers, record);
    return speaker;
}

/* The message before broke off, and this one stands in its place. */
static void asm__ingest_retract(asm__ingest *state, uint64_t run, asm_str message_id, asm_str parent,
                                asm_str reason, asm_str replaced_by) {
    asm_event event = asm__ingest_event(ASM_EVENT_MESSAGE_RETRACTED);
    event.message.message_id = message_id;
    if (parent.size) event.message.parent_tool_call_id = parent;
    event.message.reason = reason;
    if (replaced_by.size) event.message.replaced_by = replaced_by;
    asm__ingest_emit_in(state, run, &event);
}

/* The message that is open broke off and will come again. */
static void asm__ingest_break_message(asm__ingest *state, asm__ingest_speaker *speaker) {
    if (!speaker->has_message || speaker->finished || !speaker->text.size) return;
    speaker->is_broken = speaker->message_id.size != 0;
    asm__ingest_keep(state, &speaker->broken_id, asm_buffer_text(&speaker->message_id));
    asm__ingest_finish_message(state, speaker, true);
}

/* Goes on with the message `id`, or ends the one before and begins it. Without an id it is the one whose
 * pieces are coming, or else a new one. */
static void asm__ingest_enter_message(asm__ingest *state, asm__ingest_speaker *speaker, asm_str id) {
    if (speaker->has_message) {
        bool same = id.size ? asm_str_equal(asm_buffer_text(&speaker->message_id), id) : speaker->partial;
        if (id.size && speaker->partial && !speaker->message_id.size) {
            asm__ingest_keep(state, &speaker->message_id, id);
            same = true;
        }
        if (same) {
            speaker->finished = speaker->finished && speaker->streamed;
            return;
        }
    }
    asm__ingest_finish_message(state, speaker, speaker->partial && speaker->confirmed < speaker->text.size);
    if (speaker->is_broken)
        asm__ingest_retract(state, speaker->run, asm_buffer_text(&speaker->broken_id),
                            asm_buffer_text(&speaker->parent), ASM_STR("retried"), id);
    speaker->is_broken = false;
    asm__ingest_keep(state, &speaker->message_id, id);
    asm_buffer_clear(&speaker->model);
    asm_buffer_clear(&speaker->started);
    asm_buffer_clear(&speaker->others);
    asm_buffer_clear(&speaker->usage_object);
    asm__ingest_forget_text(state, speaker);
    memset(&speaker->usage, 0, sizeof speaker->usage);
    speaker->phase = asm__ingest_absent();
    speaker->cache_is_apart = false;
    speaker->has_message = true;
    speaker->finished = speaker->partial = speaker->streamed = speaker->thought = speaker->aborted = false;
    speaker->text_lost = speaker->usage_given = speaker->tool_open = false;
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
static void asm__ingest_keep_text(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text) {
    size_t before = speaker->text.size;
    if (speaker->text_lost) return;
    if (!asm__ingest_make_room(state, text.size)) {
        asm__ingest_tell_limit(state, "a message is longer than what may be kept: it comes in pieces only");
        speaker->text_lost = true;
        return;
    }
    if (state->in_place && state->last_text && !before && text.size >= ASM__INGEST_LINE_STEP)
        asm__ingest_exchange(state, &speaker->text, text);
    else if (!asm__ingest_append(state, &speaker->text, text)) speaker->text_lost = true;
    state->kept += speaker->text.size - before;
}

/* A piece of text of the message, with `extra` of its own. */
static void asm__ingest_say_with(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text,
                                 asm_str extra) {
    asm_event event =
        asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text, asm_buffer_text(&speaker->message_id),
                            asm_buffer_text(&speaker->parent));
    if (!text.size && !extra.data) return;
    if (speaker == &state->main && text.size) state->run_has_text = true;
    event.message.phase = speaker->phase;
    event.extra = extra;
    asm__ingest_emit_in(state, speaker->run, &event);
    if (text.size) asm__ingest_keep_text(state, speaker, text);
}

static void asm__ingest_say(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text) {
    asm__ingest_say_with(state, speaker, text, asm__ingest_absent());
}

/* A piece of the model's reasoning; an empty one if only `extra` tells of it. */
static void asm__ingest_think(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text, asm_str extra) {
    asm_event event =
        asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text, asm_buffer_text(&speaker->message_id),
                            asm_buffer_text(&speaker->parent));
    if (!text.size && !extra.data) return;
    if (!text.data) event.message.delta = ASM_STR("");
    event.message.thinking = asm__ingest_true();
    event.extra = extra;
    asm__ingest_emit_in(state, speaker->run, &event);
}

/* A thought that comes whole. It stands below the one before, if nothing is between and they belong to one message. */
static void asm__ingest_think_whole(asm__ingest *state, asm_str text, asm_str id) {
    const bool waits = state->rest_waits;
    if (text.size && state->last_thought == asm__hash(id.data, id.size, (uint64_t)state->sequence)) {
        state->rest_waits = true;
        asm__ingest_emit_thinking(state, ASM_STR("\n"), id, asm__ingest_absent());
        state->rest_waits = waits;
    }
    asm__ingest_emit_thinking(state, text, id, asm__ingest_absent());
    state->last_thought = asm__hash(id.data, id.size, (uint64_t)state->sequence);
}

/* A whole block of text. What has come in pieces is not given again; if a piece was lost, the block has the
 * whole. */
static void asm__ingest_say_block(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text,
                                  asm_str extra) {
    size_t common = 0, pending = speaker->text.size - speaker->confirmed;
    if (speaker->streamed && speaker->finished) return;
    if (speaker == &state->main && text.size) asm__ingest_remember_said(state, text);
    while (common < pending && common < text.size &&
           speaker->text.data[speaker->confirmed + common] == text.data[common])
        common++;
    if (common == text.size) { /* known already, but for what stands beside it */
        speaker->confirmed += common;
        if (extra.data) asm__ingest_say_with(state, speaker, ASM_STR(""), extra);
        return;
    }
    if (common == pending) {
        asm__ingest_say_with(state, speaker, asm_str_make(text.data + common, text.size - common), extra);
    } else {
        state->kept -= speaker->text.size - speaker->confirmed;
        speaker->text.size = speaker->confirmed;
        asm__ingest_keep_text(state, speaker, text);
    }
    speaker->confirmed = speaker->text.size;
}

/* All sub-agents whose calls have ended with the run; all of them, if asked. */
static void asm__ingest_finish_speakers(asm__ingest *state, bool broke_off, bool background_too) {
    asm__ingest_record *record = state->speakers.oldest, *next;
    for (; record; record = next) {
        asm__ingest_speaker *speaker = asm__container(record, asm__ingest_speaker, record);
        next = record->newer;
        if (!background_too && asm__ingest_is_background(state, asm_buffer_text(&speaker->parent))) continue;
        asm__ingest_finish_message(state, speaker, broke_off && speaker->partial);
        asm__ingest_forget_speaker(state, speaker);
    }
    asm__ingest_finish_message(state, &state->main, broke_off && state->main.partial);
    state->main.has_message = false;
}

/* >>ingest: usage */

/* The numbers of `usage` as an object that asm_usage_read() reads, written to `out`; absent if there are none. */
static asm_str asm__ingest_usage_json(asm__ingest *state, asm_buffer *out, const asm_usage_payload *usage) {
    static const asm_str names[] = {ASM__MEMBER("input_tokens"),      ASM__MEMBER("output_tokens"),
                                    ASM__MEMBER("cache_read_tokens"), ASM__MEMBER("cache_creation_tokens"),
                                    ASM__MEMBER("reasoning_tokens"),  ASM__MEMBER("context_window")};
    asm_json_writer writer;
    asm_optional_int64 numbers[6];
    bool any = false;
    size_t i;
    numbers[0] = usage->input_tokens;
    numbers[1] = usage->output_tokens;
    numbers[2] = usage->cache_read_tokens;
    numbers[3] = usage->cache_creation_tokens;
    numbers[4] = usage->reasoning_tokens;
    numbers[5] = usage->context_window;
    asm_buffer_clear(out);
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    for (i = 0; i < 6; i++) {
        if (!numbers[i].is_set) continue;
        asm_json_write_key(&writer, names[i]);
        asm_json_write_int64(&writer, numbers[i].value);
        any = true;
    }
    if (usage->cost_usd.is_set) {
        asm_json_write_key(&writer, ASM_STR("cost_usd"));
        asm_json_write_double(&writer, usage->cost_usd.value);
        any = true;
    }
    if (any && usage->cumulative.is_set) {
        asm_json_write_key(&writer, ASM_STR("cumulative"));
        asm_json_write_bool(&writer, usage->cumulative.value);
    }
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return asm__ingest_absent();
    }
    return any ? asm_buffer_text(out) : asm__ingest_absent();
}

/* The sub-agent of a call that ends has said all; the call has what it used. */
static void asm__ingest_sum_up(asm__ingest *state, asm__ingest_speaker *speaker, asm_event *event) {
    asm__ingest_finish_message(state, speaker, speaker->partial);
    event->tool.token_usage = asm__ingest_usage_json(state, &state->models, &speaker->total);
    asm__ingest_forget_speaker(state, speaker);
}

static void asm__ingest_take_difference(asm_optional_int64 *number, asm_optional_int64 earlier) {
    if (number->is_set && earlier.is_set && earlier.value <= number->value) number->value -= earlier.value;
}

/* What was used since `earlier`. */
static asm_usage_payload asm__ingest_usage_since(const asm_usage_payload *usage,
                                                 const asm_usage_payload *earlier) {
    asm_usage_payload difference = *usage;
    asm__ingest_take_difference(&difference.input_tokens, earlier->input_tokens);
    asm__ingest_take_difference(&difference.output_tokens, earlier->output_tokens);
    asm__ingest_take_difference(&difference.cache_read_tokens, earlier->cache_read_tokens);
    asm__ingest_take_difference(&difference.cache_creation_tokens, earlier->cache_creation_tokens);
    asm__ingest_take_difference(&difference.reasoning_tokens, earlier->reasoning_tokens);
    if (difference.cost_usd.is_set && earlier->cost_usd.is_set)
        difference.cost_usd.value = asm_double_round(usage->cost_usd.value - earlier->cost_usd.value, 12);
    return difference;
}

/* Whether no count has fallen: `usage` goes on from `earlier`. */
static bool asm__ingest_goes_on(const asm_usage_payload *usage, const asm_usage_payload *earlier) {
    return usage->input_tokens.value >= earlier->input_tokens.value &&
           usage->output_tokens.value >= earlier->output_tokens.value &&
           usage->cache_read_tokens.value >= earlier->cache_read_tokens.value &&
           usage->cache_creation_tokens.value >= earlier->cache_creation_tokens.value &&
           usage->reasoning_tokens.value >= earlier->reasoning_tokens.value;
}

/* >>ingest: runs */

/* Defined with the formats: what is left of the run, and its end. */
static void asm__ingest_cut_run(asm__ingest *state);

/* Numbers and totals begin anew. */
static void asm__ingest_enter_session(asm__ingest *state, asm_str session) {
    asm__ingest_keep(state, &state->session, session);
    state->sequence = 0;
    memset(&state->totals, 0, sizeof state->totals);
    memset(&state->counted, 0, sizeof state->counted);
    state->has_counted = false;
    state->cost = state->earlier_cost = 0;
    state->model_count = 0;
    state->has_custom_title = false;
    asm_buffer_clear(&state->title);
    asm_buffer_clear(&state->cwd);
    asm_buffer_clear(&state->branch);
    asm_buffer_clear(&state->version);
    asm_buffer_clear(&state->model);
    asm_buffer_clear(&state->context);
    asm_buffer_clear(&state->counts_text);
    asm_buffer_clear(&state->told);
    asm_buffer_clear(&state->told_id);
    asm_buffer_clear(&state->part_id);
    asm_buffer_clear(&state->part_text);
    state->numbered_calls = 0;
    memset(state->said, 0, sizeof state->said);
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

/* The metadata of the line's events: the provider's id of the line. */
static void asm__ingest_set_metadata(asm__ingest *state, asm_str id) {
    asm_json_writer writer;
    state->line_metadata = asm__ingest_absent();
    if (!id.size) return;
    asm_buffer_clear(&state->metadata);
    asm_json_writer_init(&writer, &state->metadata);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("provider_event_id"));
    asm_json_write_string(&writer, id);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) state->line_metadata = asm_buffer_text(&state->metadata);
    else state->failed = true;
}

/* What a line says about all events that come of it. With NULL or other than strings: what is known. */
static void asm__ingest_set_line(asm__ingest *state, asm_str session, asm_str timestamp, asm_str uuid) {
    asm_str text = asm__ingest_string(state, session);
    state->line_session = text;
    if (text.size && !state->run_open && !asm_str_equal(text, asm_buffer_text(&state->session)))
        asm__ingest_enter_session(state, text);
    if (!text.size)
        state->line_session = state->session.size ? asm_buffer_text(&state->session) : asm__ingest_absent();
    state->line_run = state->run_open ? state->runs : 0;
    state->line_agent = asm__ingest_absent();
    /* A line without a time has the one of the line before: between two times of the stream nothing else may stand. */
    state->line_time = state->last_time ? state->last_time : state->now;
    state->line_precision = ASM_TIME_PRECISION_AUTO;
    text = asm__ingest_string(state, timestamp);
    if (text.size && asm_time_parse(text, &state->line_time, &state->line_precision) == ASM_OK)
        state->last_time = state->line_time;
    else asm__ingest_leave(state, ASM_STR("timestamp"), timestamp);
    asm__ingest_set_metadata(state, asm__ingest_string(state, uuid));
}

static void asm__ingest_begin_run(asm__ingest *state, asm_event *event) {
    asm__ingest_write_run_id(state, &state->run, ++state->runs);
    if (state->named_run.size) asm__ingest_keep(state, &state->run, asm_buffer_text(&state->named_run));
    state->run_open = true;
    state->stream_has_run = true;
    state->run_has_text = false;
    state->run_ended = false;
    state->cancelled = false;
    state->has_final_words = false;
    state->line_run = state->runs;
    state->main.run = state->runs;
    memset(&state->main.total, 0, sizeof state->main.total);
    asm_buffer_clear(&state->last_error);
    asm_buffer_clear(&state->last_code);
    asm_buffer_clear(&state->stop_reason);
    asm__ingest_take_rest(state, &state->header, event);
    asm__ingest_emit(state, event);
}

/* For streams whose beginning is missing: begins the run that the line belongs to. */
static void asm__ingest_need_run(asm__ingest *state, asm_str model) {
    asm_event event;
    const bool waits = state->rest_waits;
    if (state->run_open) return;
    event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    if (model.size) event.run.model = model;
    state->rest_waits = true;
    asm__ingest_begin_run(state, &event);
    state->rest_waits = waits;
}

static void asm__ingest_end_run(asm__ingest *state, asm_event *event) {
    int64_t open = asm__ingest_count_open(state);
    if (open) {
        event->run.open_tool_calls.value = open;
        event->run.open_tool_calls.is_set = true;
    }
    state->line_run = state->runs;
    asm__ingest_take_rest(state, &state->header, event);
    asm__ingest_emit(state, event);
    asm__ingest_forget_calls(state, false);
    while (state->request_count)
        asm__ingest_forget_request(state, state->request_count - 1);
    state->run_open = false;
    state->run_ended = true;
    state->line_run = 0;
}

/* A failure of a run whose end the stream does not tell. */
static asm_event asm__ingest_no_end(const asm__ingest *state) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    event.run.error_code = ASM_STR("stream_ended");
    event.run.error_message = state->at_end
                                  ? ASM_STR("the stream ended before the run did")
                                  : ASM_STR("the stream goes on, and nothing tells how this run ended");
    event.run.open_tool_calls.is_set = true;
    return event;
}

/* Ends a run that the stream does not end. */
static void asm__ingest_abandon_run(asm__ingest *state) {
    asm_event event = asm__ingest_no_end(state);
    if (state->cancelled) event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    event.run.open_tool_calls.is_set = true;
    asm__ingest_end_run(state, &event);
}

/* Ends the run by `end` while a line stands that is not about it: at the time of the run's last event. */
static void asm__ingest_leave_run(asm__ingest *state, void (*end)(asm__ingest *state)) {
    const asm_time time = state->line_time;
    const int precision = state->line_precision;
    const asm_str metadata = state->line_metadata;
    const bool waits = state->rest_waits;
    if (!state->run_open) return;
    state->line_time = state->run_time;
    state->line_precision = state->run_precision;
    state->line_metadata = asm__ingest_absent();
    state->rest_waits = true;
    end(state);
    state->line_time = time;
    state->line_precision = precision;
    state->line_metadata = metadata;
    state->rest_waits = waits;
}

/* What is known of the session and changes: told once, and again only when it is another. */
static bool asm__ingest_changes(asm__ingest *state, asm_buffer *known, asm_str text) {
    if (!text.size || asm_str_equal(asm_buffer_text(known), text)) return false;
    asm__ingest_keep(state, known, text);
    return true;
}

/* >>ingest: notices */

static bool asm__ingest_is_name(asm_str text) {
    size_t i;
    for (i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-' || c == '.'))
            return false;
    }
    return text.size > 0 && text.size <= ASM__INGEST_NAME_SIZE;
}

/* Words for a person, one after the other. */
static void asm__ingest_begin_words(asm__ingest *state) {
    asm_buffer_clear(&state->words);
}

static void asm__ingest_add_word(asm__ingest *state, const char *before, asm_str word, const char *after) {
    if (!word.size) return;
    if (state->words.size) asm__ingest_append(state, &state->words, asm_str_from(before));
    else
        while (*before == ' ' || *before == ',' || *before == ':' || *before == '\n')
            before++;
    if (!state->words.size) asm__ingest_append(state, &state->words, asm_str_from(before));
    asm__ingest_append(state, &state->words, word);
    asm__ingest_append(state, &state->words, asm_str_from(after));
}

/* What has been put together; absent if nothing. */
static asm_str asm__ingest_words(const asm__ingest *state) {
    return state->words.size ? asm_buffer_text(&state->words) : asm__ingest_absent();
}

/* An event of the provider's own, PROVIDER.NAME; a name that is none gives PROVIDER.other. */
static asm_event asm__ingest_notice(asm__ingest *state, asm_str name) {
    asm_event event = asm__ingest_event(ASM_EVENT_CUSTOM);
    asm__ingest_keep(state, &state->name, state->provider);
    asm__ingest_append(state, &state->name, ASM_STR("."));
    asm__ingest_append(state, &state->name, asm__ingest_is_name(name) ? name : ASM_STR("other"));
    event.type_name = asm_buffer_text(&state->name);
    return event;
}

/* The words of events that have none of their own: how they begin, and the member, or the member of a member, that says
 * the rest. */
static const char *const asm__ingest_phrases[][3] = {
    {"claude.session_start", "the session begins", ""},
    {"claude.conversation_reset", "the conversation begins anew", ""},
    {"codex.session_meta", "settings of the session", ""},
    {"copilot.assistant.turn_end", "a turn of the agent ends", ""},
    {"copilot.assistant.turn_start", "a turn of the agent begins", ""},
    {"copilot.hook.end", "hook has ended: ", "data.hookType"},
    {"copilot.hook.start", "hook: ", "data.hookType"},
    {"copilot.session.compaction_complete", "the conversation was compacted", ""},
    {"copilot.session.compaction_start", "the conversation is being compacted", ""},
    {"copilot.session.model_change", "model: ", "data.newModel"},
    {"copilot.session.resume", "the session goes on", ""},
    {"copilot.session.shutdown", "the program ends: ", "data.shutdownType"},
    {"copilot.session.truncation", "the conversation was cut: ", "data.reason"},
    {"droid.todo_state", "to do: ", "todos"},
    {"kimi.config.update", "settings have changed", ""},
    {"kimi.context.append_message", "told to the model: ", "message.origin.variant"},
    {"kimi.context.apply_compaction", "the conversation goes on from a summary", ""},
    {"kimi.full_compaction.begin", "the conversation is being compacted", ""},
    {"kimi.full_compaction.complete", "the conversation was compacted", ""},
    {"kimi.llm.tools_snapshot", "the tools that the model may call", ""},
    {"kimi.permission.set_mode", "permission mode: ", "mode"},
    {"kimi.plan_mode.enter", "plan mode begins", ""},
    {"kimi.plan_mode.exit", "plan mode ends", ""},
    {"opencode.file.edited", "file changed: ", "properties.file"},
    {"opencode.patch", "files were changed", ""},
    {"pi.auto_compaction_end", "the conversation was compacted", ""},
    {"pi.auto_compaction_start", "the conversation is being compacted: ", "reason"},
    {"pi.auto_retry_end", "no more retries", ""},
    {"pi.compaction_end", "the conversation was compacted", ""},
    {"pi.compaction_start", "the conversation is being compacted: ", "reason"},
    {"pi.custom", "noted by an extension: ", "customType"},
    {"pi.label", "label: ", "label"},
    {"pi.message", "an answer of ", "message.provider"},
    {"pi.thinking_level_change", "thinking: ", "thinkingLevel"},
    {"qwen.chat_compression", "the conversation was compacted", ""},
    {"qwen.rewind", "the conversation went back", ""},
    {"qwen.slash_command", "command: ", "systemPayload.rawCommand"}};

/* The text at a path like "data.reason"; absent if there is none, or a long one. */
static asm_str asm__ingest_text_at(asm__ingest *state, asm_str object, asm_str path) {
    while (path.size) {
        const char *dot = (const char *)memchr(path.data, '.', path.size);
        const size_t size = dot ? (size_t)(dot - path.data) : path.size;
        object = asm__ingest_is(object, ASM_JSON_OBJECT)
                     ? asm__ingest_find_one(object, asm_str_make(path.data, size))
                     : asm__ingest_absent();
        path = asm_str_make(path.data + size + (dot != NULL), path.size - size - (dot != NULL));
    }
    return asm__ingest_is(object, ASM_JSON_STRING) && object.size < 1024 ? asm__ingest_string(state, object)
                                                                         : asm__ingest_absent();
}

/* Words for a person, for an event of a provider that has none: those of the list, else a text that the event has. */
static void asm__ingest_give_words(asm__ingest *state, asm_event *event) {
    static const char *const places[] = {"", "data.", "payload.", "systemPayload.", "message.", "params."};
    static const char *const names[] = {"message", "text", "content", "title", "summary", "reason", "error"};
    char *in_place = state->in_place;
    asm_str found = asm__ingest_absent();
    size_t i, j;
    state->in_place = NULL; /* the extra is shown, too */
    asm__ingest_begin_words(state);
    for (i = 0; i < ASM__INGEST_COUNT_OF(asm__ingest_phrases); i++) {
        if (!asm_str_equal(event->type_name, asm_str_from(asm__ingest_phrases[i][0]))) continue;
        asm__ingest_add_word(state, "", asm_str_from(asm__ingest_phrases[i][1]), "");
        asm__ingest_append(state, &state->words,
                           asm__ingest_text_at(state, event->extra, asm_str_from(asm__ingest_phrases[i][2])));
    }
    for (i = 0; i < ASM__INGEST_COUNT_OF(places) && !state->words.size; i++)
        for (j = 0; j < ASM__INGEST_COUNT_OF(names) && !found.size; j++) {
            char path[32];
            const size_t size = strlen(places[i]);
            memcpy(path, places[i], size);
            memcpy(path + size, names[j], strlen(names[j]));
            found = asm__ingest_text_at(state, event->extra, asm_str_make(path, size + strlen(names[j])));
        }
    event->notice.text = found.size ? found : asm__ingest_words(state);
    state->in_place = in_place;
}

/* Gives a notice with all that was not asked for in its extra. */
static void asm__ingest_emit_notice(asm__ingest *state, asm_event *event, asm__ingest_others others) {
    event->extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_CUSTOM, others);
    asm__ingest_emit(state, event);
}

/* What a line has beside what was asked for, where no event of its own takes it. */
static void asm__ingest_emit_others(asm__ingest *state, asm_str name, asm__ingest_others others) {
    asm_event event;
    if (others.begin == others.end) return;
    event = asm__ingest_notice(state, name);
    asm__ingest_emit_notice(state, &event, others);
}

/* A value of a shape that is not known, as PROVIDER.NAME with the value as a member; counted as unknown. */
static void asm__ingest_emit_odd(asm__ingest *state, asm_str name, asm_str key, asm_str value) {
    asm_event event = asm__ingest_notice(state, name);
    asm__ingest_count_unknown(state, name);
    if (!value.data || asm__ingest_is(value, ASM_JSON_NULL)) return;
    event.extra = asm__ingest_pair(state, &state->extra, key, value);
    asm__ingest_emit(state, &event);
}

/* A line of a type that is not known: an event of its own name, and counted. */
static void asm__ingest_emit_unknown(asm__ingest *state, asm_str type, asm__ingest_others others) {
    asm__ingest_count_unknown(state, type);
    asm__ingest_emit_others(state, type, others);
}

/* >>ingest: turns
 * Files on disk tell no runs: one is a turn of the person, and ends with the agent's last words, its error, or the
 * person's interrupt. */

/* The turn ends, as far as the lines so far show how. */
static void asm__ingest_end_turn(asm__ingest *state) {
    asm_event event;
    asm_str usage;
    if (!state->run_open) return;
    asm__ingest_finish_speakers(state, !state->has_final_words, false);
    state->line_run = state->runs;
    usage = asm__ingest_usage_json(state, &state->built, &state->main.total);
    event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    if (state->stop_reason.size) event.run.stop_reason = asm_buffer_text(&state->stop_reason);
    if (state->cancelled) {
        event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    } else if (state->last_code.size) {
        event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
        event.run.error_code = asm_buffer_text(&state->last_code);
        event.run.error_message =
            state->last_error.size ? asm_buffer_text(&state->last_error) : event.run.error_code;
        asm__ingest_emit_error(state, event.run.error_code, event.run.error_message, asm__ingest_absent());
    } else if (!state->has_final_words || asm__ingest_count_open(state)) {
        event = asm__ingest_no_end(state);
    }
    event.run.duration_ms = state->turn_duration;
    event.run.cost_usd = state->main.total.cost_usd;
    event.run.token_usage = usage;
    asm__ingest_end_run(state, &event);
}

/* The tokens of a turn, with those of all turns so far; then its end. */
static void asm__ingest_close_turn(asm__ingest *state) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    const asm_optional_double cost = state->main.total.cost_usd;
    const bool waits = state->rest_waits;
    if (!state->run_open) return;
    state->rest_waits = true;
    asm__ingest_finish_speakers(state, !state->has_final_words, false);
    if (!asm__ingest_usage_is_zero(&state->main.total)) {
        state->line_run = state->runs;
        asm__ingest_add_usage(&state->totals, &state->main.total);
        if (cost.is_set) {
            state->totals.cost_usd.value = asm_double_round(state->totals.cost_usd.value + cost.value, 12);
            state->totals.cost_usd.is_set = true;
        }
        event.usage = state->totals;
        event.usage.cumulative = asm__ingest_true();
        asm__ingest_emit(state, &event);
    }
    state->rest_waits = waits;
    asm__ingest_end_turn(state);
}

/* A turn begins; one that is open ends. `is_line` says that the line is about that. */
static void asm__ingest_begin_turn(asm__ingest *state, bool is_line) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm__ingest_leave_run(state, asm__ingest_end_turn);
    state->rest_waits = !is_line;
    if (state->model.size) event.run.model = asm_buffer_text(&state->model);
    if (state->cwd.size) event.run.cwd = asm_buffer_text(&state->cwd);
    if (state->branch.size) event.run.git_branch = asm_buffer_text(&state->branch);
    if (state->title.size) event.run.title = asm_buffer_text(&state->title);
    if (state->version.size) event.run.agent_version = asm_buffer_text(&state->version);
    state->turn_duration.is_set = false;
    state->run_has_prompt = false;
    state->run_is_told = is_line;
    asm__ingest_begin_run(state, &event);
    state->rest_waits = false;
}

static void asm__ingest_need_turn(asm__ingest *state) {
    if (!state->run_open) asm__ingest_begin_turn(state, false);
}

/* The person went back in the conversation: what was said since then is no longer part of it, but it was said. Ends the
 * turn that is open. `turns`: how many were left; 0: not known. */
static void asm__ingest_tell_rewind(asm__ingest *state, uint64_t turns) {
    asm_event event;
    char digits[32];
    asm__ingest_leave_run(state, asm__ingest_close_turn);
    state->rest_waits = true;
    event = asm__ingest_notice(state, ASM_STR("rewound"));
    asm__ingest_begin_words(state);
    asm__ingest_add_word(state, "", ASM_STR("the conversation went back"), "");
    if (turns)
        asm__ingest_add_word(state, " by ", asm__ingest_number(digits, turns),
                             turns == 1 ? " turn" : " turns");
    else asm__ingest_add_word(state, "", ASM_STR(" to an earlier point"), "");
    event.notice.text = asm__ingest_words(state);
    state->line_run = 0;
    asm__ingest_emit(state, &event);
    state->rest_waits = false;
}

/* Whether one of the last texts that were remembered so is this one; how many have come since then. */
static bool asm__ingest_recall(const asm__ingest *state, asm_str text, size_t *since) {
    const uint64_t hash = asm__hash(text.data, text.size, 0);
    const size_t count = state->told.size / sizeof hash;
    for (*since = 1; *since <= count; ++*since)
        if (memcmp(state->told.data + (count - *since) * sizeof hash, &hash, sizeof hash) == 0) return true;
    return false;
}

static void asm__ingest_remember(asm__ingest *state, uint64_t hash) {
    if (state->told.size >= ASM__INGEST_RECORDS * sizeof hash) { /* of very many the last are enough */
        state->told.size /= 2;
        memmove(state->told.data, state->told.data + state->told.size, state->told.size);
    }
    asm__ingest_append(state, &state->told, asm_str_make((const char *)&hash, sizeof hash));
}

/* Records that each name the one before: talk that names one before that is where the person went back to, if anything
 * was said since. */
static void asm__ingest_follow_chain(asm__ingest *state, asm_str id, asm_str parent, bool is_talk) {
    size_t since;
    if (!id.size) return;
    if (is_talk && parent.size && state->stream_has_run && asm__ingest_recall(state, parent, &since) &&
        since > 1)
        asm__ingest_tell_rewind(state, 0);
    asm__ingest_remember(state, asm__hash(id.data, id.size, 0));
}

/* The line is through: what no event of it has taken is one by itself. */
static void asm__ingest_finish_rest(asm__ingest *state) {
    asm_event event;
    if (!state->rest.size) return;
    event = asm__ingest_notice(state, state->line_type);
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
    asm__ingest_find_in_line(state, event->extension, keys, odd, 3);
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
    if (result != ASM_OK && state->scratch.result == ASM_OK) {
        asm_json_error fault;
        if (asm__asm_form(line, &form, &fault) !=
            ASM_OK) { /* told first, as of a line that is read in place */
            *error = fault;
        } else if (state->compact != (form == ASM__FORM_COMPACT)) {
            state->compact = !state->compact;
            result = asm__asm_read(state, &event, line, error);
        }
    }
    if (result == ASM_OK) asm__asm_emit(state, &event);
    else if (state->scratch.result != ASM_OK) error->result = state->scratch.result;
    return error->result;
}

static const asm__ingest_reader asm__asm_reader = {ASM__MEMBER("asm"), asm__asm_line, NULL};
#define ASM__READER_ASM &asm__asm_reader
#endif

/* >>ingest: claude
 * A message of the API comes as one assistant line for each of its blocks, all with the same id; with partial
 * messages also, before, as stream events with its pieces. It is complete when its message_stop comes or,
 * without partial messages, when another message, a tool's result or the end follows. */

#if ASM_INGEST_FORMATS & (ASM_WITH_CLAUDE | ASM_WITH_QWEN | ASM_WITH_AMP | ASM_WITH_CLAUDE_TRANSCRIPT)

/* Tokens as the provider counts them. Before a message is complete its output is a guess: it is read if `final`. */
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
        if (places[i] && number.is_set && (!places[i]->is_set || number.value > places[i]->value))
            *places[i] = number;
    }
}

static bool asm__claude_is_qwen(const asm__ingest *state) {
    return asm_str_equal(state->provider, ASM_STR("qwen"));
}

/* A message's figures: they repeat in its lines, and the greatest is right. */
static bool asm__claude_knows_usage(const asm_usage_payload *usage) {
    return usage->input_tokens.is_set || usage->output_tokens.is_set || usage->cache_read_tokens.is_set ||
           usage->cache_creation_tokens.is_set;
}

static void asm__claude_take_usage(asm__ingest *state, asm__ingest_speaker *speaker, asm_str raw,
                                   bool final) {
    if (!raw.data) return;
    speaker->cache_is_apart = !asm__claude_is_qwen(state);
    asm__claude_read_usage(&speaker->usage, raw, final);
    asm__ingest_keep(state, &speaker->usage_object, asm__ingest_json(state, raw, ASM_JSON_OBJECT));
}

static bool asm__claude_starts_agent(asm_str name) {
    return asm_str_equal(name, ASM_STR("Task")) || asm_str_equal(name, ASM_STR("Agent"));
}

/* Tools that start a sub-agent say of which kind. */
static void asm__claude_describe(asm__ingest *state, asm_event *event) {
    static const asm_str keys[] = {ASM__MEMBER("subagent_type"), ASM__MEMBER("description"),
                                   ASM__MEMBER("prompt")};
    asm_str values[3];
    if (!asm__claude_starts_agent(event->tool.name)) return;
    asm__ingest_find_in_line(state, event->tool.input, keys, values, 3);
    event->tool.agent_kind = asm__ingest_string(state, values[0]);
    event->tool.display_text = asm__ingest_string(state, values[1]);
}

static bool asm__claude_is_question(asm_str name) {
    return asm_str_equal(name, ASM_STR("AskUserQuestion")) || asm_str_equal(name, ASM_STR("ExitPlanMode"));
}

/* Some tools ask the person: the agent waits. */
static void asm__claude_ask(asm__ingest *state, asm_str id, asm_str name, asm_str input) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    if (!id.size || !asm__claude_is_question(name)) return;
    event.approval.request_id = id;
    event.approval.tool_call_id = id;
    event.approval.tool_name = name;
    event.approval.tool_input = input;
    event.approval.kind = ASM_STR("question");
    event.approval.options = asm__ingest_question_options(state, input);
    event.approval.reason = asm__ingest_question(state, input);
    asm__ingest_ask(state, &event);
}

static void asm__claude_start_tool(asm__ingest *state, asm__ingest_speaker *speaker, asm_str id, asm_str name,
                                   asm_str input, asm_str extra) {
    uint64_t hash = asm__hash(id.data, id.size, 0);
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    if (id.size && speaker->started.size < ASM__INGEST_STARTED_MAX * sizeof hash)
        asm__ingest_append(state, &speaker->started, asm_str_make((const char *)&hash, sizeof hash));
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = input;
    if (speaker->parent.size) event.tool.parent_tool_call_id = asm_buffer_text(&speaker->parent);
    event.extra = extra;
    asm__claude_describe(state, &event);
    asm__ingest_start_call(state, &event);
    asm__claude_ask(state, id, name, input);
}

static bool asm__claude_has_started(const asm__ingest_speaker *speaker, asm_str id) {
    uint64_t hash = asm__hash(id.data, id.size, 0);
    size_t at;
    for (at = 0; at < speaker->started.size; at += sizeof hash)
        if (memcmp(speaker->started.data + at, &hash, sizeof hash) == 0) return true;
    return false;
}

/* The input of a tool came in pieces and is complete. */
static void asm__claude_end_tool_input(asm__ingest *state, asm__ingest_speaker *speaker) {
    asm_str input = asm_buffer_text(&speaker->tool_input);
    asm_str extra = speaker->tool_others.size ? asm_buffer_text(&speaker->tool_others) : asm__ingest_absent();
    if (!speaker->tool_open) return;
    speaker->tool_open = false;
    if (!input.size) input = ASM_STR("{}");
    if (asm_json_check(input, NULL) != ASM_OK || !asm__ingest_value(state, input).data) {
        asm__ingest_diagnose(state, true, ASM_ERR_SYNTAX,
                             "the input of a tool call is not whole, or nested too deep", 0);
        input = asm__ingest_absent();
    }
    asm__claude_start_tool(state, speaker, asm_buffer_text(&speaker->tool_id),
                           asm_buffer_text(&speaker->tool_name), input, extra);
}

static void asm__claude_finish(asm__ingest *state, asm__ingest_speaker *speaker, bool broke_off) {
    asm__claude_end_tool_input(state, speaker);
    asm__ingest_finish_message(state, speaker, broke_off);
}

/* Ends that agent's message if it does not come in pieces: then its message_stop will tell. */
static void asm__claude_end_whole_message(asm__ingest *state, asm_str parent) {
    asm__ingest_speaker *speaker = asm__ingest_find_speaker(state, parent);
    if (speaker && !speaker->partial) asm__claude_finish(state, speaker, false);
}

/* The speaker that a line is of. A sub-agent's first line ends the message that called it. */
static asm__ingest_speaker *asm__claude_speaker(asm__ingest *state, asm_str parent) {
    if (!asm__ingest_find_speaker(state, parent)) asm__claude_end_whole_message(state, ASM_STR(""));
    return asm__ingest_speaker_of(state, parent);
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

static const asm__ingest_key asm__claude_block_keys[ASM__BLOCK_COUNT] = {
    ASM__KEY("type", 's'),        ASM__KEY("text", 's'),    ASM__KEY("thinking", 's'),
    ASM__KEY("id", 's'),          ASM__KEY("name", 's'),    ASM__KEY("input", '*'),
    ASM__KEY("tool_use_id", 's'), ASM__KEY("content", '*'), ASM__KEY("is_error", 'b')};

/* A block of a message. What is no object at all is kept as it is. */
static bool asm__claude_read_block(asm__ingest *state, asm_str raw, asm_str *block, asm_str *type,
                                   asm__ingest_others *others) {
    if (asm__ingest_is(raw, ASM_JSON_OBJECT)) {
        asm__ingest_read_object(state, raw, asm__claude_block_keys, block, ASM__BLOCK_COUNT, others, NULL);
        *type = asm__ingest_string(state, block[ASM__BLOCK_TYPE]);
        if (type->size) return true;
    }
    asm__ingest_emit_odd(state, ASM_STR("content_block"), ASM_STR("content_block"), raw);
    return false;
}

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

/* Sentences in place of a result, when the person did not let a tool run or stopped it. */
static asm_str asm__claude_refusal(asm_str output) {
    static const asm_str declined[] = {ASM__MEMBER("The user doesn't want to proceed with this tool use"),
                                       ASM__MEMBER("The user doesn't want to take this action right now"),
                                       ASM__MEMBER("Claude requested permissions to "),
                                       ASM__MEMBER("Permission to use ")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(declined); i++)
        if (asm__ingest_starts_with(output, declined[i])) return ASM_STR("declined");
    if (asm__ingest_starts_with(output, ASM_STR("[Request interrupted by user"))) return ASM_STR("cancelled");
    return asm__ingest_absent();
}

/* The list of TodoWrite, in the words of asm_todos_payload. */
static void asm__claude_todos(asm__ingest *state, asm_str input) {
    static const asm_str list_key[] = {ASM__MEMBER("todos")};
    static const asm__ingest_key keys[] = {ASM__KEY("content", 's'), ASM__KEY("status", 's'),
                                           ASM__KEY("activeForm", 's'), ASM__KEY("id", '*')};
    static const asm_str names[] = {ASM__MEMBER("content"), ASM__MEMBER("status"), ASM__MEMBER("active_form"),
                                    ASM__MEMBER("id")};
    asm_str list[1], todo, values[4];
    asm_json_reader todos;
    asm_json_writer writer;
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
    size_t i;
    asm__ingest_find_in_line(state, input, list_key, list, 1);
    if (!asm__ingest_json(state, list[0], ASM_JSON_ARRAY).data) return;
    todos = asm__ingest_line_elements(state, list[0]);
    asm_buffer_clear(&state->built2);
    asm_json_writer_init(&writer, &state->built2);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&todos, &todo)) {
        if (!asm__ingest_read_object(state, todo, keys, values, 4, &others, NULL)) continue;
        asm_json_begin_object(&writer);
        for (i = 0; i < 4; i++) {
            if (!values[i].data) continue;
            asm_json_write_key(&writer, names[i]);
            asm__ingest_write_raw(state, &writer, values[i]);
        }
        asm__ingest_write_others(state, &writer, others);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return;
    }
    event.todos.todos = asm_buffer_text(&state->built2);
    asm__ingest_emit(state, &event);
}

/* What a tool_result says beside its text. */
typedef struct asm__claude_details {
    asm_str raw;      /* the line's tool_use_result, if it is about this result */
    asm_str status;   /* absent: the tool has ended */
    asm_str agent;    /* the sub-agent's id */
    bool is_launched; /* it goes on in the background */
    bool is_stopped;  /* by the user */
    bool has_timed_out;
    asm_optional_double duration;
    asm_str path, patch, kind; /* JSON: of the file that was written */
    asm_str answers;           /* JSON: what the person answered */
} asm__claude_details;

static asm__claude_details asm__claude_read_details(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {
        ASM__MEMBER("status"),           ASM__MEMBER("isAsync"),         ASM__MEMBER("backgroundTaskId"),
        ASM__MEMBER("detachedToolCall"), ASM__MEMBER("interrupted"),     ASM__MEMBER("timedOutAfterMs"),
        ASM__MEMBER("durationMs"),       ASM__MEMBER("totalDurationMs"), ASM__MEMBER("agentId"),
        ASM__MEMBER("filePath"),         ASM__MEMBER("structuredPatch"), ASM__MEMBER("type"),
        ASM__MEMBER("answers")};
    asm_str values[13];
    asm__claude_details details;
    bool is_async = false, is_detached = false;
    memset(&details, 0, sizeof details);
    details.raw = raw;
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return details;
    asm__ingest_find_in_line(state, raw, keys, values, 13);
    details.path = values[9];
    details.patch = values[10];
    details.kind = values[11];
    details.answers = asm__ingest_value(state, values[12]);
    details.status = asm__ingest_string(state, values[0]);
    if (values[1].data) asm_json_to_bool(values[1], &is_async);
    if (values[3].data) asm_json_to_bool(values[3], &is_detached);
    if (values[4].data) asm_json_to_bool(values[4], &details.is_stopped);
    details.is_launched = is_async || is_detached || asm__ingest_is(values[2], ASM_JSON_STRING) ||
                          asm__ingest_ends_with(details.status, ASM_STR("_launched"));
    details.has_timed_out = asm__ingest_is(values[5], ASM_JSON_NUMBER);
    details.duration = asm__ingest_double(values[6].data ? values[6] : values[7]);
    details.agent = asm__ingest_string(state, values[8]);
    return details;
}

/* The edit that a structured result tells of, as one element of `changes`; absent if it tells of none. */
static asm_str asm__claude_changes(asm__ingest *state, const asm__claude_details *details) {
    static const asm_str hunk_key[] = {ASM__MEMBER("lines")};
    asm_str hunk, line, lines[1];
    asm_json_reader hunks, each;
    asm_json_writer writer;
    int64_t added = 0, removed = 0;
    bool is_new;
    if (!asm__ingest_is(details->path, ASM_JSON_STRING) || !asm__ingest_is(details->patch, ASM_JSON_ARRAY))
        return asm__ingest_absent();
    is_new = asm_str_equal(asm__ingest_string(state, details->kind), ASM_STR("create"));
    hunks = asm__ingest_line_elements(state, details->patch);
    while (asm__ingest_next(&hunks, &hunk)) {
        asm__ingest_find_in_line(state, hunk, hunk_key, lines, 1);
        each = asm__ingest_line_elements(state, lines[0]);
        while (asm__ingest_next(&each, &line)) {
            added += line.size > 1 && line.data[0] == '"' && line.data[1] == '+';
            removed += line.size > 1 && line.data[0] == '"' && line.data[1] == '-';
        }
    }
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_array(&writer);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("path"));
    asm__ingest_write_raw(state, &writer, details->path);
    asm_json_write_key(&writer, ASM_STR("kind"));
    asm_json_write_string(&writer, is_new ? ASM_STR("add") : ASM_STR("update"));
    if (!is_new) {
        asm_json_write_key(&writer, ASM_STR("added"));
        asm_json_write_int64(&writer, added);
        asm_json_write_key(&writer, ASM_STR("removed"));
        asm_json_write_int64(&writer, removed);
    }
    asm_json_end_object(&writer);
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(&state->built);
    state->failed = true;
    return asm__ingest_absent();
}

/* The structured result, unless it only repeats the text. */
static asm_str asm__claude_structured(asm__ingest *state, asm_str raw, asm_str output) {
    asm_str text = asm__ingest_string(state, raw), error = ASM_STR("Error: ");
    if (!asm__ingest_is(raw, ASM_JSON_STRING)) return asm__ingest_value(state, raw);
    if (asm__ingest_starts_with(text, error))
        text = asm_str_make(text.data + error.size, text.size - error.size);
    return asm_str_equal(text, output) || asm_str_equal(text, asm__claude_error_text(output))
               ? asm__ingest_absent()
               : raw;
}

/* Whether the content of a server tool's result is an error. */
static bool asm__claude_is_error_content(asm_str content) {
    static const asm_str keys[] = {ASM__MEMBER("error_code")};
    asm_str values[1];
    if (!asm__ingest_is(content, ASM_JSON_OBJECT)) return false;
    asm__ingest_find(content, keys, values, 1);
    return values[0].data != NULL;
}

static asm_str asm__claude_error_code(asm__ingest *state, asm_str content) {
    static const asm_str keys[] = {ASM__MEMBER("error_code")};
    asm_str values[1];
    asm__ingest_find_in_line(state, content, keys, values, 1);
    return asm__ingest_string(state, values[0]);
}

/* An approval that was asked for the call, and of which no answer has come: that the tool ran answers it. */
static void asm__claude_settle(asm__ingest *state, asm_str id, bool declined, bool failed, asm_str answer) {
    size_t request = asm__ingest_find_request(state, asm__ingest_absent(), id);
    asm_event event;
    if (request == state->request_count || (failed && !declined)) return;
    event = asm__ingest_event(declined ? ASM_EVENT_TOOL_APPROVAL_DENIED : ASM_EVENT_TOOL_APPROVAL_GRANTED);
    event.approval.decision = declined                               ? ASM_STR("reject")
                              : state->requests[request].is_question ? ASM_STR("answer")
                                                                     : ASM_STR("approve");
    if (!declined) event.approval.answer = answer;
    asm__ingest_decide(state, request, &event);
}

static void asm__claude_sum_up(asm__ingest *state, asm_str id, asm_event *event) {
    asm__ingest_speaker *speaker = id.size ? asm__ingest_find_speaker(state, id) : NULL;
    if (!speaker) return;
    asm__claude_finish(state, speaker, speaker->partial);
    asm__ingest_sum_up(state, speaker, event);
}

/* Gives the end of a call. A list of things to do that was written is told, too. */
static void asm__claude_emit_end(asm__ingest *state, asm_event *event) {
    asm__ingest_call *call = asm__ingest_find_call(state, event->tool.call_id);
    if (call && !call->parent_size && event->type == ASM_EVENT_TOOL_CALL_COMPLETED &&
        asm_str_equal(asm__ingest_call_name(call), ASM_STR("TodoWrite")))
        asm__claude_todos(state, asm__ingest_call_input(call));
    asm__ingest_end_tool(state, event);
}

/* How a tool ended: any sign of failure is one. */
static void asm__claude_outcome(asm__ingest *state, asm_event *event, const asm__claude_details *details,
                                bool failed) {
    asm__ingest_call *call = asm__ingest_find_call(state, event->tool.call_id);
    asm_str refusal = failed ? asm__claude_refusal(event->tool.output) : asm__ingest_absent();
    if (call && call->is_declined) refusal = ASM_STR("declined");
    event->type = ASM_EVENT_TOOL_CALL_COMPLETED;
    event->tool.duration_ms = details->duration;
    if (!failed && !refusal.size && !details->is_stopped && !details->has_timed_out) return;
    event->type = ASM_EVENT_TOOL_CALL_FAILED;
    if (details->has_timed_out) event->tool.status = ASM_STR("timeout");
    if (details->is_stopped) event->tool.status = ASM_STR("cancelled");
    if (refusal.size) event->tool.status = refusal;
    if (!event->tool.output.data) return;
    event->tool.error_message = asm__claude_error_text(event->tool.output);
    event->tool.exit_code = asm__claude_exit_code(event->tool.output);
}

/* The output of a result: its text; where it has other things than text, those are named and kept. */
static void asm__claude_output(asm__ingest *state, asm_event *event, asm_str content) {
    if (asm__ingest_is(content, ASM_JSON_STRING)) event->tool.output = asm__ingest_text(state, content);
    else if (asm__ingest_is(content, ASM_JSON_ARRAY)) {
        bool has_blobs = false;
        asm__ingest_leave_rest(state, ASM_STR("content"), content, "type=text text:s | type:s *:*");
        event->tool.output = asm__ingest_block_texts(state, content, &has_blobs);
        if (has_blobs) event->tool.output_json = asm__ingest_value(state, content);
    }
    if (!event->tool.output.data) event->tool.output_json = asm__ingest_value(state, content);
}

/* A tool_result block. `details` is the line's tool_use_result, if it is about this one. */
static void asm__claude_end_tool(asm__ingest *state, const asm_str *block, asm_str raw_details,
                                 asm_str parent, asm__ingest_others others) {
    asm_str id = asm__ingest_string(state, block[ASM__BLOCK_TOOL_USE_ID]),
            content = block[ASM__BLOCK_CONTENT];
    asm__claude_details details = asm__claude_read_details(state, raw_details);
    bool failed = false;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    if (block[ASM__BLOCK_IS_ERROR].data) asm_json_to_bool(block[ASM__BLOCK_IS_ERROR], &failed);
    if (asm__claude_is_error_content(content)) {
        failed = true;
        event.tool.error_message = asm__claude_error_code(state, content);
    }
    event.tool.call_id = id;
    if (parent.size) event.tool.parent_tool_call_id = parent;
    if (details.is_launched && !failed) {
        asm_str text = content;
        event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
        if (asm__ingest_is(text, ASM_JSON_ARRAY)) text = asm__ingest_value(state, content);
        asm__ingest_add_other(state, ASM_STR("launch"), false, asm__ingest_value(state, text));
        if (details.raw.data) asm__ingest_add_other(state, ASM_STR("tool_use_result"), false, details.raw);
        others.end = state->other_count;
        event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
        asm__ingest_send_to_background(state, id, &event);
        return;
    }
    asm__claude_output(state, &event, content);
    asm__claude_outcome(state, &event, &details, failed);
    event.tool.result = asm__claude_structured(state, details.raw, event.tool.output);
    if (event.tool.output.data && event.tool.output_json.data) {
        if (event.tool.result.data) {
            asm__ingest_add_other(state, ASM_STR("content"), false, event.tool.output_json);
            others.end = state->other_count;
        } else {
            event.tool.result = event.tool.output_json;
        }
    }
    if (event.type == ASM_EVENT_TOOL_CALL_COMPLETED)
        event.tool.changes = asm__claude_changes(state, &details);
    asm__claude_settle(state, id, asm_str_equal(event.tool.status, ASM_STR("declined")),
                       event.type == ASM_EVENT_TOOL_CALL_FAILED, details.answers);
    asm__claude_sum_up(state, id, &event);
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__claude_emit_end(state, &event);
}

static bool asm__claude_is_tool_result(asm_str type) {
    return asm_str_equal(type, ASM_STR("tool_result")) ||
           asm__ingest_ends_with(type, ASM_STR("_tool_result"));
}

static bool asm__claude_is_tool_use(asm_str type) {
    return asm_str_equal(type, ASM_STR("tool_use")) || asm__ingest_ends_with(type, ASM_STR("_tool_use"));
}

/* A tool_use block. One that the message has begun already is only repeated; `is_repeat` says that it may be. */
static void asm__claude_tool_use(asm__ingest *state, asm__ingest_speaker *speaker, const asm_str *block,
                                 size_t known, asm__ingest_others others) {
    asm_str id = asm__ingest_string(state, block[ASM__BLOCK_ID]);
    size_t now = speaker->started.size;
    bool has_started;
    if (speaker->tool_open && asm_str_equal(asm_buffer_text(&speaker->tool_id), id))
        speaker->tool_open = false;
    speaker->started.size = known; /* not those of this very line */
    has_started = id.size && asm__claude_has_started(speaker, id);
    speaker->started.size = now;
    if (has_started) return;
    asm__claude_start_tool(state, speaker, id, asm__ingest_string(state, block[ASM__BLOCK_NAME]),
                           asm__ingest_value(state, block[ASM__BLOCK_INPUT]),
                           asm__ingest_extra(state, &state->extra, ASM_EVENT_TOOL_CALL_STARTED, others));
}

static void asm__claude_text_block(asm__ingest *state, asm__ingest_speaker *speaker, const asm_str *block,
                                   asm__ingest_others others) {
    asm_str extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_STREAMED, others);
    if (!block[ASM__BLOCK_TEXT].data) {
        asm__ingest_emit_others(state, ASM_STR("text"), others);
        return;
    }
    if (others.begin != others.end) state->last_text = false;
    asm__ingest_say_block(state, speaker, asm__ingest_text(state, block[ASM__BLOCK_TEXT]), extra);
}

static void asm__claude_assistant_block(asm__ingest *state, asm__ingest_speaker *speaker, asm_str raw,
                                        size_t known) {
    asm_str block[ASM__BLOCK_COUNT], type;
    asm__ingest_others others;
    if (!asm__claude_read_block(state, raw, block, &type, &others)) return;
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm__claude_text_block(state, speaker, block, others);
    } else if (asm_str_equal(type, ASM_STR("thinking")) ||
               asm_str_equal(type, ASM_STR("redacted_thinking"))) {
        if (!speaker->thought)
            asm__ingest_think(state, speaker, asm__ingest_text(state, block[ASM__BLOCK_THINKING]),
                              asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_STREAMED, others));
    } else if (asm__claude_is_tool_use(type)) {
        asm__claude_tool_use(state, speaker, block, known, others);
    } else if (asm__claude_is_tool_result(type)) {
        asm__claude_end_tool(state, block, asm__ingest_absent(), asm_buffer_text(&speaker->parent), others);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("content_block"), raw);
    }
}

static void asm__claude_blocks(asm__ingest *state, asm__ingest_speaker *speaker, asm_str content,
                               bool may_be_last) {
    asm_str block, next;
    asm_json_reader blocks = asm__ingest_line_elements(state, content);
    size_t known = speaker->started.size;
    bool more = asm__ingest_next(&blocks, &block);
    while (more) {
        more = asm__ingest_next(&blocks, &next);
        state->last_text = !more && may_be_last;
        asm__claude_assistant_block(state, speaker, block, known);
        block = next;
    }
}

/* The members of a message's lines that have no place go out with the message. */
static void asm__claude_keep_others(asm__ingest *state, asm__ingest_speaker *speaker,
                                    asm__ingest_others others) {
    asm_str now, key, value;
    asm_json_reader earlier;
    if (others.begin == others.end) return;
    now = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_RECEIVED, others);
    if (speaker->others.size && !asm_str_equal(asm_buffer_text(&speaker->others), now)) {
        asm_buffer_clear(&state->scratch);
        asm_json_reader_init(&earlier, asm_buffer_text(&speaker->others), &state->scratch);
        asm_json_enter_object(&earlier);
        while (asm_json_next_member(&earlier, &key) && asm_json_read_raw(&earlier, &value))
            if (!asm_str_equal(asm__ingest_find_one(now, key), value)) asm__ingest_leave(state, key, value);
    }
    asm__ingest_keep(state, &speaker->others, now);
}

/* The line `id` was of the message at which the speaker is: a later line may withdraw it. */
static void asm__claude_remember_line(asm__ingest *state, asm_str id, asm_str message_id) {
    asm__ingest_past *past = &state->past[state->past_count++ % ASM__INGEST_PAST_LINES];
    asm__ingest_keep(state, &past->text, id);
    past->id_size = past->text.size;
    asm__ingest_append(state, &past->text, message_id);
}

/* What is withdrawn is given first, as far as it came. */
static void asm__claude_finish_withdrawn(asm__ingest *state, asm_str message_id, asm_str parent) {
    asm__ingest_speaker *speaker = asm__ingest_find_speaker(state, parent);
    if (speaker && asm_str_equal(asm_buffer_text(&speaker->message_id), message_id))
        asm__claude_finish(state, speaker, speaker->partial);
}

/* Lines are withdrawn, by their ids: so are their messages, each once. False if there is an id that is not known. */
static bool asm__claude_withdraw(asm__ingest *state, asm_str list, asm_str parent, asm_str reason,
                                 asm_str replaced_by) {
    asm_json_reader ids = asm__ingest_line_elements(state, list);
    asm_str raw;
    bool all_known = true;
    while (asm__ingest_next(&ids, &raw)) {
        asm_str id = asm__ingest_string(state, raw), message_id;
        size_t i, j;
        for (i = 0; i < ASM__INGEST_PAST_LINES; i++) {
            asm__ingest_past *past = &state->past[i];
            if (past->id_size && asm_str_equal(asm_str_make(past->text.data, past->id_size), id)) break;
        }
        if (!id.size || i == ASM__INGEST_PAST_LINES) {
            all_known = false;
            continue;
        }
        message_id = asm_str_make(state->past[i].text.data + state->past[i].id_size,
                                  state->past[i].text.size - state->past[i].id_size);
        if (!asm_str_equal(message_id, replaced_by)) {
            asm__claude_finish_withdrawn(state, message_id, parent);
            asm__ingest_retract(state, state->line_run, message_id, parent, reason, replaced_by);
        }
        for (j = 0; j < ASM__INGEST_PAST_LINES; j++) { /* other lines of the same message */
            asm__ingest_past *past = &state->past[j];
            if (j != i && past->id_size && past->text.size - past->id_size == message_id.size &&
                memcmp(past->text.data + past->id_size, message_id.data, message_id.size) == 0)
                past->id_size = 0;
        }
        state->past[i].id_size = 0;
    }
    return all_known;
}

/* What of an assistant line stands beside its message. */
typedef struct asm__claude_line_parts {
    asm_str message, parent, uuid, error, supersedes, aborted, agent;
    asm__ingest_others others;
} asm__claude_line_parts;

/* The word of asm_run_payload.error_code for the cause of an error that Claude Code names. */
static asm_str asm__claude_error_word(asm_str word) {
    static const asm_str words[][2] = {
        {ASM__MEMBER("authentication_failed"), ASM__MEMBER("authentication")},
        {ASM__MEMBER("oauth_org_not_allowed"), ASM__MEMBER("authentication")},
        {ASM__MEMBER("verification_required"), ASM__MEMBER("authentication")},
        {ASM__MEMBER("cloud_credential_error"), ASM__MEMBER("authentication")},
        {ASM__MEMBER("billing_error"), ASM__MEMBER("billing")},
        {ASM__MEMBER("prompt_too_long"), ASM__MEMBER("context_too_long")},
        {ASM__MEMBER("api_error"), ASM__MEMBER("provider_error")},
        {ASM__MEMBER("model_error"), ASM__MEMBER("provider_error")},
        {ASM__MEMBER("error_max_turns"), ASM__MEMBER("limit")},
        {ASM__MEMBER("error_max_budget_usd"), ASM__MEMBER("limit")},
        {ASM__MEMBER("max_turns"), ASM__MEMBER("limit")},
        {ASM__MEMBER("budget_exhausted"), ASM__MEMBER("limit")},
        {ASM__MEMBER("blocking_limit"), ASM__MEMBER("limit")},
        {ASM__MEMBER("overloaded_error"), ASM__MEMBER("overloaded")},
        {ASM__MEMBER("rate_limit_error"), ASM__MEMBER("rate_limit")},
        {ASM__MEMBER("authentication_error"), ASM__MEMBER("authentication")},
        {ASM__MEMBER("invalid_request_error"), ASM__MEMBER("invalid_request")}};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(words); i++)
        if (asm_str_equal(word, words[i][0])) return words[i][1];
    return word;
}

static void asm__claude_assistant_message(asm__ingest *state, const asm__claude_line_parts *line) {
    static const asm__ingest_key keys[] = {ASM__KEY("id", 's'),      ASM__KEY("model", 's'),
                                           ASM__KEY("content", '*'), ASM__KEY("stop_reason", '*'),
                                           ASM__KEY("usage", 'o'),   ASM__KEY("type", 's'),
                                           ASM__KEY("role", 's')};
    asm_str values[7], id, model, error = asm__ingest_string(state, line->error);
    asm__ingest_others others = {0, 0};
    asm__ingest_speaker *speaker;
    asm__ingest_read_object(state, line->message, keys, values, 7, &others, NULL);
    id = asm__ingest_string(state, values[0]);
    model = asm__ingest_string(state, values[1]);
    if (!line->parent.size) asm__ingest_need_run(state, model);
    state->cancelled = state->cancelled && line->parent.size;
    speaker = asm__claude_speaker(state, line->parent);
    if (!asm__claude_withdraw(state, line->supersedes, line->parent, ASM_STR("replaced"), id))
        asm__ingest_add_other(state, ASM_STR("supersedes"), false, line->supersedes);
    asm__ingest_enter_message(state, speaker, id);
    if (model.size && !speaker->model.size) asm__ingest_keep(state, &speaker->model, model);
    asm__claude_take_usage(state, speaker, values[4],
                           asm__ingest_is(values[3], ASM_JSON_STRING) || state->is_file);
    asm__ingest_keep_unless(state, ASM_STR("role"), values[6], ASM_STR("assistant"));
    asm__ingest_keep_unless(state, ASM_STR("type"), values[5], ASM_STR("message"));
    if (values[3].data) asm__ingest_add_other(state, ASM_STR("stop_reason"), false, values[3]);
    if (values[4].data && !asm__claude_knows_usage(&speaker->usage))
        asm__ingest_add_other(state, ASM_STR("usage"), false, values[4]);
    if (error.size) asm__ingest_add_other(state, ASM_STR("error"), false, line->error);
    if (asm_str_equal(model, ASM_STR("<synthetic>")))
        asm__ingest_add_other(state, ASM_STR("model"), false, values[1]);
    others.begin = line->others.begin;
    others.end = state->other_count;
    asm__claude_keep_others(state, speaker, others);
    if (line->aborted.data) asm_json_to_bool(line->aborted, &speaker->aborted);
    if (line->uuid.size && id.size) asm__claude_remember_line(state, line->uuid, id);
    if (!line->parent.size && values[3].data && asm__ingest_is(values[3], ASM_JSON_STRING))
        asm__ingest_keep(state, &state->stop_reason, asm__ingest_string(state, values[3]));

    if (error.size) asm__ingest_keep(state, &state->last_code, asm__claude_error_word(error));
    if (asm__ingest_is(values[2], ASM_JSON_STRING))
        asm__ingest_say_block(state, speaker, asm__ingest_text(state, values[2]), asm__ingest_absent());
    else if (values[2].data && !asm__ingest_is(values[2], ASM_JSON_ARRAY))
        asm__ingest_emit_odd(state, ASM_STR("content"), ASM_STR("content"), values[2]);
    else asm__claude_blocks(state, speaker, values[2], id.size != 0);
    if (!id.size && !speaker->partial) asm__claude_finish(state, speaker, false);
}

/* Who wrote what stands as the person's words. */
typedef struct asm__claude_author {
    bool is_synthetic;
    asm_str origin;
    asm__ingest_others others;
} asm__claude_author;

static bool asm__claude_contains(asm_str text, asm_str part) {
    size_t i;
    for (i = 0; i + part.size <= text.size; i++)
        if (memcmp(text.data + i, part.data, part.size) == 0) return true;
    return false;
}

/* Texts that a program writes begin so. */
static asm_str asm__claude_text_origin(asm_str text) {
    static const asm_str marks[][2] = {{ASM__MEMBER("<task-notification>"), ASM__MEMBER("task_notification")},
                                       {ASM__MEMBER("<system-reminder>"), ASM__MEMBER("context")},
                                       {ASM__MEMBER("<ide_opened_file>"), ASM__MEMBER("context")},
                                       {ASM__MEMBER("<ide_selection>"), ASM__MEMBER("context")},
                                       {ASM__MEMBER("Caveat: "), ASM__MEMBER("context")},
                                       {ASM__MEMBER("<local-command-"), ASM__MEMBER("command")},
                                       {ASM__MEMBER("<command-name>"), ASM__MEMBER("command")},
                                       {ASM__MEMBER("<command-message>"), ASM__MEMBER("command")},
                                       {ASM__MEMBER("<bash-input>"), ASM__MEMBER("command")},
                                       {ASM__MEMBER("<bash-stdout>"), ASM__MEMBER("command")}};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(marks); i++)
        if (asm__ingest_starts_with(text, marks[i][0])) return marks[i][1];
    if (asm__claude_contains(text.size > 200 ? asm_str_make(text.data, 200) : text,
                             ASM_STR(" hook feedback")))
        return ASM_STR("hook");
    return asm__ingest_absent();
}

/* The person's words, or what a program put in their place. */
static void asm__claude_user_text(asm__ingest *state, asm_str text, asm_str parent,
                                  asm__claude_author *author) {
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, text, asm__ingest_absent(), parent);
    if (!text.size) return;
    event.message.role = ASM_STR("user");
    event.message.origin = author->origin;
    if (asm__ingest_starts_with(text, ASM_STR("[Request interrupted by user"))) {
        state->cancelled = state->cancelled || !parent.size;
        event.message.synthetic = asm__ingest_true();
        event.message.origin = ASM_STR("interrupt");
    } else if (author->is_synthetic) {
        event.message.synthetic = asm__ingest_true();
        if (!event.message.origin.data) event.message.origin = asm__claude_text_origin(text);
    }
    event.extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_SENT, author->others);
    asm__ingest_emit(state, &event);
    author->others.begin = author->others.end; /* told once */
}

static void asm__claude_user_block(asm__ingest *state, asm_str raw, asm_str details, asm_str parent,
                                   asm__claude_author *author) {
    asm_str block[ASM__BLOCK_COUNT], type;
    asm__ingest_others others;
    if (!asm__claude_read_block(state, raw, block, &type, &others)) return;
    if (asm_str_equal(type, ASM_STR("text"))) {
        if (author->others.begin == author->others.end) author->others = others;
        author->others.end = others.end; /* read one after the other */
        if (!block[ASM__BLOCK_TEXT].data) asm__ingest_emit_others(state, ASM_STR("text"), author->others);
        asm__claude_user_text(state, asm__ingest_text(state, block[ASM__BLOCK_TEXT]), parent, author);
    } else if (asm__claude_is_tool_result(type)) {
        if (author->others.begin != author->others.end) {
            others.begin = author->others.begin; /* read just before: nothing else stands between */
            others.end = state->other_count;
        }
        asm__claude_end_tool(state, block, details, parent, others);
    } else { /* images and documents that the person gave, and what is new */
        asm_event event = asm__ingest_notice(state, type);
        if (!asm_str_equal(type, ASM_STR("image")) && !asm_str_equal(type, ASM_STR("document")))
            asm__ingest_count_unknown(state, type);
        event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("content_block"), raw);
        asm__ingest_emit(state, &event);
    }
    author->others.begin = author->others.end; /* told once */
}

static bool asm__claude_has_results(asm_str content) {
    static const asm_str keys[] = {ASM__MEMBER("tool_use_id")};
    asm_json_reader blocks = asm__ingest_elements(content);
    asm_str raw, values[1];
    while (asm__ingest_next(&blocks, &raw)) {
        asm__ingest_find(raw, keys, values, 1);
        if (values[0].data) return true;
    }
    return false;
}

static void asm__claude_user_content(asm__ingest *state, asm_str content, asm_str details, asm_str parent,
                                     asm__claude_author *author) {
    asm_json_reader blocks;
    asm_str raw;
    asm__claude_end_whole_message(state, parent);
    if (asm__ingest_is(content, ASM_JSON_STRING)) {
        asm__claude_user_text(state, asm__ingest_text(state, content), parent, author);
        return;
    }
    if (content.data && !asm__ingest_is(content, ASM_JSON_ARRAY)) {
        asm__ingest_emit_odd(state, ASM_STR("content"), ASM_STR("content"), content);
        return;
    }
    blocks = asm__ingest_line_elements(state, content);
    if (asm__ingest_next(&blocks, &raw) && asm_json_next_element(&blocks) && details.data) {
        /* Several results: of which one are the details? */
        asm__ingest_add_other(state, ASM_STR("tool_use_result"), false, details);
        author->others.end = state->other_count;
        details = asm__ingest_absent();
    }
    blocks = asm__ingest_line_elements(state, content);
    while (asm__ingest_next(&blocks, &raw))
        asm__claude_user_block(state, raw, details, parent, author);
}

static void asm__claude_user(asm__ingest *state, asm_str message, asm_str details, asm_str parent,
                             asm__claude_author *author) {
    static const asm__ingest_key keys[] = {ASM__KEY("content", '*'), ASM__KEY("role", 's')};
    asm_str values[2];
    asm__ingest_others others;
    if (!state->stream_has_run && !parent.size) asm__ingest_need_run(state, asm__ingest_absent());
    if (asm__ingest_is(message, ASM_JSON_STRING)) {
        asm__claude_user_content(state, message, details, parent, author);
        return;
    }
    if (message.data && !asm__ingest_is(message, ASM_JSON_OBJECT)) {
        asm__ingest_emit_odd(state, ASM_STR("message"), ASM_STR("message"), message);
        return;
    }
    asm__ingest_read_object(state, message, keys, values, 2, &others, NULL);
    asm__ingest_keep_unless(state, ASM_STR("role"), values[1], ASM_STR("user"));
    author->others.end = state->other_count; /* read one after the other */
    asm__claude_user_content(state, values[0], details, parent, author);
    asm__ingest_emit_others(state, ASM_STR("user"), author->others); /* where nothing has taken them */
}

/* A user line of a stream. */
static void asm__claude_user_line(asm__ingest *state, const asm_str *values, asm_str message, asm_str details,
                                  asm_str parent, asm__ingest_others others) {
    static const asm_str keys[] = {ASM__MEMBER("kind")};
    asm__claude_author author;
    asm_str kind[1];
    bool is_replay = false;
    memset(&author, 0, sizeof author);
    author.others = others;
    if (values[0].data) asm_json_to_bool(values[0], &author.is_synthetic);
    if (values[1].data) asm_json_to_bool(values[1], &is_replay);
    asm__ingest_find_in_line(state, values[2], keys, kind, 1);
    author.origin = asm__ingest_string(state, kind[0]);
    if (values[2].data && asm__ingest_has_more(values[2], author.origin.data != NULL)) {
        asm__ingest_add_other(state, ASM_STR("origin"), false, values[2]);
        author.others.end = state->other_count;
    }
    if (asm_str_equal(author.origin, ASM_STR("task-notification")))
        author.origin = ASM_STR("task_notification");
    if (asm_str_equal(author.origin, ASM_STR("human"))) author.origin = asm__ingest_absent();
    if (author.origin.size) author.is_synthetic = true;
    if (is_replay && !author.origin.size) author.origin = ASM_STR("replay");
    asm__claude_user(state, message, details, parent, &author);
}

static void asm__claude_begin_block(asm__ingest *state, asm__ingest_speaker *speaker, asm_str raw,
                                    asm__ingest_others line_others) {
    asm_str block[ASM__BLOCK_COUNT], type;
    asm__ingest_others others;
    asm__claude_end_tool_input(state, speaker);
    if (!asm__claude_read_block(state, raw, block, &type, &others)) return;
    others.begin = line_others.begin;
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm_str extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_STREAMED, others);
        asm__ingest_say_with(state, speaker, asm__ingest_text(state, block[ASM__BLOCK_TEXT]), extra);
    } else if (asm__claude_is_tool_use(type)) {
        asm__ingest_keep(state, &speaker->tool_id, asm__ingest_string(state, block[ASM__BLOCK_ID]));
        asm__ingest_keep(state, &speaker->tool_name, asm__ingest_string(state, block[ASM__BLOCK_NAME]));
        asm__ingest_keep(state, &speaker->tool_others,
                         asm__ingest_extra(state, &state->extra, ASM_EVENT_TOOL_CALL_STARTED, others));
        asm_buffer_clear(&speaker->tool_input);
        speaker->tool_open = true;
    } else if (asm__claude_is_tool_result(type)) {
        asm__claude_end_tool(state, block, asm__ingest_absent(), asm_buffer_text(&speaker->parent), others);
    } else if (asm_str_equal(type, ASM_STR("thinking")) ||
               asm_str_equal(type, ASM_STR("redacted_thinking"))) {
        asm_str extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_STREAMED, others);
        asm_str thinking = asm__ingest_text(state, block[ASM__BLOCK_THINKING]);
        speaker->thought = speaker->thought || thinking.size || extra.data;
        asm__ingest_think(state, speaker, thinking, extra);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("content_block"), raw);
    }
}

static void asm__claude_delta(asm__ingest *state, asm__ingest_speaker *speaker, asm_str raw,
                              asm__ingest_others line_others) {
    static const asm__ingest_key keys[] = {ASM__KEY("text", 's'), ASM__KEY("thinking", 's'),
                                           ASM__KEY("partial_json", 's'), ASM__KEY("type", 's')};
    asm_str values[4], thinking, extra = asm__ingest_absent();
    asm__ingest_others others;
    asm__ingest_read_object(state, raw, keys, values, 4, &others, NULL);
    others.begin = line_others.begin; /* read one after the other */
    others.end = state->other_count;
    if (others.begin != others.end) {
        asm_str type = asm__ingest_string(state, values[3]);
        extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_STREAMED, others);
        if (asm_str_equal(type, ASM_STR("signature_delta")) || values[1].data) {
            speaker->thought = true;
            asm__ingest_think(state, speaker, asm__ingest_text(state, values[1]), extra);
            return;
        }
    }
    asm__ingest_say_with(state, speaker, asm__ingest_text(state, values[0]), extra);
    thinking = asm__ingest_text(state, values[1]);
    speaker->thought = speaker->thought || thinking.size > 0;
    asm__ingest_think(state, speaker, thinking, asm__ingest_absent());
    if (speaker->tool_open && values[2].data) {
        asm_str piece = asm__ingest_text(state, values[2]);
        if (speaker->tool_input.size > asm__ingest_max_kept(state) ||
            piece.size > asm__ingest_max_kept(state) - speaker->tool_input.size)
            asm__ingest_tell_limit(state, "the input of a tool call is longer than what may be kept");
        else asm__ingest_append(state, &speaker->tool_input, piece);
    }
}

static void asm__claude_begin_message(asm__ingest *state, asm_str message, asm_str parent,
                                      asm__ingest_others line_others) {
    static const asm__ingest_key keys[] = {ASM__KEY("id", 's'),    ASM__KEY("model", 's'),
                                           ASM__KEY("usage", 'o'), ASM__KEY("role", 's'),
                                           ASM__KEY("type", 's'),  ASM__KEY("content", '*')};
    asm_str values[6], model;
    asm__ingest_speaker *speaker;
    asm__ingest_others others;
    if (asm__ingest_is(message, ASM_JSON_OBJECT)) {
        asm__ingest_read_object(state, message, keys, values, 6, &others, NULL);
    } else {
        memset(values, 0, sizeof values);
        asm__ingest_emit_odd(state, ASM_STR("message"), ASM_STR("message"), message);
    }
    model = asm__ingest_string(state, values[1]);
    if (!parent.size) asm__ingest_need_run(state, model);
    speaker = asm__claude_speaker(state, parent);
    asm__claude_end_tool_input(state, speaker);
    asm__ingest_finish_message(state, speaker, speaker->partial && speaker->confirmed < speaker->text.size);
    speaker->has_message = false;
    asm__ingest_enter_message(state, speaker, asm__ingest_string(state, values[0]));
    asm__ingest_keep(state, &speaker->model, model);
    asm__claude_take_usage(state, speaker, values[2], false);
    asm__ingest_keep_unless(state, ASM_STR("role"), values[3], ASM_STR("assistant"));
    asm__ingest_keep_unless(state, ASM_STR("type"), values[4], ASM_STR("message"));
    if (values[2].data && !asm__claude_knows_usage(&speaker->usage))
        asm__ingest_add_other(state, ASM_STR("usage"), false, values[2]);
    if (values[5].data && !(values[5].data[0] == '[' && !asm__ingest_list(state, values[5]).data))
        asm__ingest_add_other(state, ASM_STR("content"), false, values[5]);
    line_others.end = state->other_count;
    asm__claude_keep_others(state, speaker, line_others);
    speaker->partial = speaker->streamed = true;
}

/* The speaker whose message the pieces belong to, also if the beginning of the message is missing. */
static asm__ingest_speaker *asm__claude_partial_speaker(asm__ingest *state, asm_str parent) {
    asm__ingest_speaker *speaker;
    if (!parent.size) asm__ingest_need_run(state, asm__ingest_absent());
    speaker = asm__claude_speaker(state, parent);
    if (!speaker->partial) {
        asm__ingest_enter_message(state, speaker, asm__ingest_absent());
        speaker->partial = speaker->streamed = true;
    }
    return speaker;
}

/* The end of a message: why, and what it has cost. */
static void asm__claude_message_delta(asm__ingest *state, asm__ingest_speaker *speaker, asm_str delta,
                                      asm_str usage, asm__ingest_others line_others) {
    static const asm__ingest_key keys[] = {ASM__KEY("stop_reason", 's')};
    asm_str values[1], extra;
    asm__ingest_others others;
    asm__ingest_read_object(state, delta, keys, values, 1, &others, NULL);
    if (values[0].data) asm__ingest_add_other(state, ASM_STR("stop_reason"), false, values[0]);
    line_others.end = state->other_count;
    extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_RECEIVED, line_others);
    if (extra.data && speaker->others.size > 2 && speaker->others.size < ASM__INGEST_SPARE_SIZE) {
        speaker->others.size--; /* both as one object */
        asm__ingest_append(state, &speaker->others, ASM_STR(","));
        asm__ingest_append(state, &speaker->others, asm_str_make(extra.data + 1, extra.size - 1));
    } else if (extra.data) {
        asm__ingest_keep(state, &speaker->others, extra);
    }
    asm__claude_take_usage(state, speaker, usage, true);
    if (speaker == &state->main && values[0].data)
        asm__ingest_keep(state, &state->stop_reason, asm__ingest_string(state, values[0]));
}

static void asm__claude_stream_error(asm__ingest *state, asm_str error) {
    static const asm_str keys[] = {ASM__MEMBER("message"), ASM__MEMBER("type")};
    asm_str values[2], word;
    asm__ingest_find_in_line(state, error, keys, values, 2);
    word = asm__claude_error_word(asm__ingest_string(state, values[1]));
    asm__ingest_emit_error(state, word.size ? word : ASM_STR("provider_error"),
                           asm__ingest_string(state, values[0]), asm__ingest_value(state, error));
}

static void asm__claude_stream_event(asm__ingest *state, asm_str event, asm_str parent,
                                     asm__ingest_others line_others) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),          ASM__KEY("message", '*'),
                                           ASM__KEY("content_block", '*'), ASM__KEY("delta", 'o'),
                                           ASM__KEY("usage", 'o'),         ASM__KEY("error", '*'),
                                           ASM__KEY("index", 'n')};
    asm_str values[7], type;
    asm__ingest_others others;
    asm__ingest_speaker *speaker = asm__ingest_find_speaker(state, parent);
    if (!asm__ingest_read_object(state, event, keys, values, 7, &others, NULL)) {
        asm__ingest_emit_odd(state, ASM_STR("stream_event"), ASM_STR("event"), event);
        return;
    }
    type = asm__ingest_string(state, values[0]);
    line_others.end = others.end; /* read one after the other */
    state->cancelled = false;
    if (asm_str_equal(type, ASM_STR("message_start"))) {
        asm__claude_begin_message(state, values[1], parent, line_others);
        return;
    } else if (asm_str_equal(type, ASM_STR("content_block_start"))) {
        asm__claude_begin_block(state, asm__claude_partial_speaker(state, parent), values[2], line_others);
        return;
    } else if (asm_str_equal(type, ASM_STR("content_block_delta"))) {
        asm__claude_delta(state, asm__claude_partial_speaker(state, parent), values[3], line_others);
        return;
    } else if (asm_str_equal(type, ASM_STR("content_block_stop"))) {
        if (speaker) asm__claude_end_tool_input(state, speaker);
    } else if (asm_str_equal(type, ASM_STR("message_delta"))) {
        if (speaker && speaker->has_message) {
            asm__claude_message_delta(state, speaker, values[3], values[4], line_others);
            return;
        }
    } else if (asm_str_equal(type, ASM_STR("message_stop"))) {
        if (speaker) asm__claude_finish(state, speaker, false);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm__claude_stream_error(state, values[5]);
    } else if (asm_str_equal(type, ASM_STR("ping"))) {
        state->ingest->counts.heartbeats++;
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("event"), event);
    }
    asm__ingest_emit_others(state, ASM_STR("stream_event"), line_others);
}

static void asm__claude_start(asm__ingest *state, asm_str line) {
    static const asm__ingest_key keys[] = {ASM__KEY("model", 's'),
                                           ASM__KEY("cwd", 's'),
                                           ASM__KEY("tools", 'a'),
                                           ASM__KEY("claude_code_version", 's'),
                                           ASM__KEY("qwen_code_version", 's'),
                                           ASM__KEY("type", '-'),
                                           ASM__KEY("subtype", '-'),
                                           ASM__KEY("session_id", '-'),
                                           ASM__KEY("uuid", '-'),
                                           ASM__KEY("timestamp", '-')};
    asm_str values[ASM__INGEST_COUNT_OF(keys)];
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm__ingest_read_object(state, line, keys, values, ASM__INGEST_COUNT_OF(keys), &others, NULL);
    if (values[4].data) state->provider = ASM_STR("qwen");
    event.run.model = asm__ingest_string(state, values[0]);
    event.run.cwd = asm__ingest_string(state, values[1]);
    event.run.tools = asm__ingest_json(state, values[2], ASM_JSON_ARRAY);
    event.run.agent_version = asm__ingest_string(state, values[3].data ? values[3] : values[4]);
    event.extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_RUN_STARTED, others);
    asm__ingest_begin_run(state, &event);
}

enum {
    ASM__NOTICE_STATUS,
    ASM__NOTICE_ERROR,
    ASM__NOTICE_TEXT, /* any of the next: what a person can read */
    ASM__NOTICE_CONTENT,
    ASM__NOTICE_MESSAGE,
    ASM__NOTICE_SUMMARY,
    ASM__NOTICE_SUGGESTION,
    ASM__NOTICE_DESCRIPTION,
    ASM__NOTICE_LEVEL,
    ASM__NOTICE_ATTEMPT,
    ASM__NOTICE_MAX,
    ASM__NOTICE_DELAY,
    ASM__NOTICE_ERROR_STATUS,
    ASM__NOTICE_HOOK,
    ASM__NOTICE_OUTCOME,
    ASM__NOTICE_LIMIT,
    ASM__NOTICE_COMPACT,
    ASM__NOTICE_OUTPUT,
    ASM__NOTICE_VALUE,
    ASM__NOTICE_STATE,
    ASM__NOTICE_COUNT
};

static const asm__ingest_key asm__claude_notice_keys[] = {ASM__KEY("status", 's'),
                                                          ASM__KEY("error", 's'),
                                                          ASM__KEY("text", 's'),
                                                          ASM__KEY("content", 's'),
                                                          ASM__KEY("message", 's'),
                                                          ASM__KEY("summary", 's'),
                                                          ASM__KEY("suggestion", 's'),
                                                          ASM__KEY("description", 's'),
                                                          ASM__KEY("level", 's'),
                                                          ASM__KEY("attempt", 'i'),
                                                          ASM__KEY("max_retries", 'i'),
                                                          ASM__KEY("retry_delay_ms", 'n'),
                                                          ASM__KEY("error_status", 'n'),
                                                          ASM__KEY("hook_name", 's'),
                                                          ASM__KEY("outcome", 's'),
                                                          ASM__KEY("rate_limit_info", 'o'),
                                                          ASM__KEY("compact_metadata", 'o'),
                                                          ASM__KEY("output", '*'),
                                                          ASM__KEY("value", 'o'),
                                                          ASM__KEY("state", 's'),
                                                          ASM__KEY("type", '-'),
                                                          ASM__KEY("subtype", '-'),
                                                          ASM__KEY("session_id", '-'),
                                                          ASM__KEY("uuid", '-'),
                                                          ASM__KEY("timestamp", '-')};

static asm_str asm__claude_level(asm_str level) {
    if (asm_str_equal(level, ASM_STR("warning")) || asm_str_equal(level, ASM_STR("error"))) return level;
    return level.size ? ASM_STR("info") : asm__ingest_absent();
}

static void asm__claude_retry_words(asm__ingest *state, asm_event *event, const asm_str *values) {
    asm_str status = values[ASM__NOTICE_ERROR_STATUS],
            error = asm__ingest_string(state, values[ASM__NOTICE_ERROR]);
    asm__ingest_add_word(state, "", ASM_STR("request failed, will be sent again"), "");
    asm__ingest_add_word(state, ": ", error, "");
    asm__ingest_add_word(state, " ", status, "");
    asm__ingest_add_word(state, ", attempt ", values[ASM__NOTICE_ATTEMPT], "");
    asm__ingest_add_word(state, " of ", values[ASM__NOTICE_MAX], "");
    event->notice.level = ASM_STR("warning");
    event->notice.code = error.size ? error : status;
    event->notice.attempt = asm__ingest_int64(values[ASM__NOTICE_ATTEMPT]);
    event->notice.max_attempts = asm__ingest_int64(values[ASM__NOTICE_MAX]);
    event->notice.retry_in_ms = asm__ingest_double(values[ASM__NOTICE_DELAY]);
}

static void asm__claude_limit_words(asm__ingest *state, asm_event *event, asm_str info) {
    static const asm_str keys[] = {ASM__MEMBER("status"), ASM__MEMBER("rateLimitType"),
                                   ASM__MEMBER("resetsAt"), ASM__MEMBER("utilization")};
    static const char *const kinds[][2] = {{"five_hour", " of 5 hours"},
                                           {"seven_day", " of 7 days"},
                                           {"seven_day_opus", " of 7 days for Opus"},
                                           {"seven_day_sonnet", " of 7 days for Sonnet"},
                                           {"overage", " of extra usage"}};
    static const char *const states[][3] = {{"allowed", "not reached", "info"},
                                            {"allowed_warning", "nearly reached", "warning"},
                                            {"rejected", "reached", "error"}};
    asm_str values[4], status, kind, words = asm__ingest_absent();
    asm_optional_int64 seconds;
    asm_optional_double used;
    char digits[32];
    size_t i;
    asm__ingest_find_in_line(state, info, keys, values, 4);
    status = asm__ingest_string(state, values[0]);
    kind = asm__ingest_string(state, values[1]);
    used = asm__ingest_double(values[3]);
    asm__ingest_add_word(state, "", ASM_STR("rate limit"), "");
    for (i = 0; i < ASM__INGEST_COUNT_OF(kinds); i++)
        if (asm_str_equal(kind, asm_str_from(kinds[i][0]))) words = asm_str_from(kinds[i][1]);
    asm__ingest_add_word(state, words.size ? "" : " ", words.size ? words : kind, "");
    event->notice.code = kind;
    event->notice.level = ASM_STR("warning");
    for (i = 0; i < ASM__INGEST_COUNT_OF(states); i++)
        if (asm_str_equal(status, asm_str_from(states[i][0]))) {
            status = asm_str_from(states[i][1]);
            event->notice.level = asm_str_from(states[i][2]);
        }
    asm__ingest_add_word(state, ": ", status, "");
    if (used.is_set && used.value >= 0 && used.value <= 100)
        asm__ingest_add_word(state, ", ", asm__ingest_number(digits, (uint64_t)(used.value * 100 + 0.5)),
                             "% used");
    seconds = asm__ingest_int64(values[2]);
    if (seconds.is_set && seconds.value > 0 && seconds.value < 253402300800) {
        char time[ASM_TIME_TEXT_SIZE];
        size_t size = asm_time_format(seconds.value * 1000000, 0, time);
        asm__ingest_keep(state, &state->built, asm_str_make(time, size));
        event->notice.resets_at = asm_buffer_text(&state->built);
    }
}

static void asm__claude_compact_words(asm__ingest *state, asm_str info) {
    static const asm_str keys[] = {ASM__MEMBER("trigger"), ASM__MEMBER("pre_tokens"),
                                   ASM__MEMBER("post_tokens")};
    asm_str values[3];
    asm__ingest_find_in_line(state, info, keys, values, 3);
    asm__ingest_add_word(state, "", ASM_STR("conversation compacted"), "");
    asm__ingest_add_word(state, ", ", asm__ingest_string(state, values[0]), "");
    asm__ingest_add_word(state, ", from ", values[1], " tokens");
    asm__ingest_add_word(state, " to ", values[2], "");
}

/* How a hook ended; of one that failed also why, by the first line that it wrote. */
static void asm__claude_hook_words(asm__ingest *state, asm_event *event, const asm_str *values,
                                   asm_str line) {
    static const asm_str keys[] = {ASM__MEMBER("stderr"), ASM__MEMBER("output"), ASM__MEMBER("stdout")};
    const asm_str outcome = asm__ingest_string(state, values[ASM__NOTICE_OUTCOME]);
    asm_str outputs[3], why = asm__ingest_absent();
    const char *end;
    size_t i;
    asm__ingest_add_word(state, "hook ", asm__ingest_string(state, values[ASM__NOTICE_HOOK]), "");
    if (!asm_str_equal(outcome, ASM_STR("error"))) {
        asm__ingest_add_word(state, ": ", outcome, "");
        return;
    }
    asm__ingest_add_word(state, "", ASM_STR(" failed"), "");
    asm__ingest_find_in_line(state, line, keys, outputs, 3);
    for (i = 0; i < 3 && !why.size; i++)
        why = asm__ingest_string(state, outputs[i]);
    end = why.size ? (const char *)memchr(why.data, '\n', why.size) : NULL;
    asm__ingest_add_word(state, ": ", end ? asm_str_make(why.data, (size_t)(end - why.data)) : why, "");
    event->notice.level = ASM_STR("error");
}

/* What a person is told: the line's own words where it has some. */
static void asm__claude_words(asm__ingest *state, asm_event *event, const asm_str *values, asm_str line,
                              asm_str name) {
    static const asm_str value_key[] = {ASM__MEMBER("condition")};
    asm_str value[1];
    int i;
    asm__ingest_begin_words(state);
    if (values[ASM__NOTICE_LIMIT].data) asm__claude_limit_words(state, event, values[ASM__NOTICE_LIMIT]);
    else if (asm_str_equal(name, ASM_STR("api_retry"))) asm__claude_retry_words(state, event, values);
    else if (values[ASM__NOTICE_COMPACT].data) asm__claude_compact_words(state, values[ASM__NOTICE_COMPACT]);
    else if (values[ASM__NOTICE_HOOK].data) {
        asm__claude_hook_words(state, event, values, line);
    } else {
        for (i = ASM__NOTICE_TEXT; i <= ASM__NOTICE_DESCRIPTION && !state->words.size; i++)
            asm__ingest_add_word(state, "", asm__ingest_string(state, values[i]), "");
        asm__ingest_find_in_line(state, values[ASM__NOTICE_VALUE], value_key, value, 1);
        asm__ingest_add_word(state, "", asm__ingest_string(state, value[0]), "");
        asm__ingest_add_word(state, ": ", asm__ingest_string(state, values[ASM__NOTICE_ERROR]), "");
        if (!state->words.size)
            asm__ingest_add_word(state, "", asm__ingest_string(state, values[ASM__NOTICE_STATUS]), "");
        if (!state->words.size)
            asm__ingest_add_word(state, "", asm__ingest_string(state, values[ASM__NOTICE_STATE]), "");
        if (values[ASM__NOTICE_ERROR].data) event->notice.level = ASM_STR("error");
    }
    if (values[ASM__NOTICE_LEVEL].data)
        event->notice.level = asm__claude_level(asm__ingest_string(state, values[ASM__NOTICE_LEVEL]));
    event->notice.text = asm__ingest_words(state);
}

/* A notification has a priority in place of a level. */
static void asm__claude_priority(asm__ingest *state, asm_event *event, asm_str line) {
    const asm_str priority = asm__ingest_find_text(state, line, ASM_STR("priority"));
    const bool is_urgent =
        asm_str_equal(priority, ASM_STR("immediate")) || asm_str_equal(priority, ASM_STR("high"));
    if (priority.size) event->notice.level = is_urgent ? ASM_STR("warning") : ASM_STR("info");
}

/* What the program tells beside the talk: PROVIDER.NAME with words for a person and all members. */
static void asm__claude_notice(asm__ingest *state, asm_str line, asm_str name) {
    asm_str values[ASM__INGEST_COUNT_OF(asm__claude_notice_keys)];
    asm__ingest_others others;
    asm_event event = asm__ingest_notice(state, name);
    asm__ingest_read_object(state, line, asm__claude_notice_keys, values,
                            ASM__INGEST_COUNT_OF(asm__claude_notice_keys), &others, NULL);
    asm__claude_words(state, &event, values, line, name);
    if (asm_str_equal(name, ASM_STR("notification")) && !event.notice.level.data)
        asm__claude_priority(state, &event, line);
    if (event.notice.attempt.is_set) values[ASM__NOTICE_ATTEMPT] = asm__ingest_absent();
    if (event.notice.max_attempts.is_set) values[ASM__NOTICE_MAX] = asm__ingest_absent();
    if (event.notice.retry_in_ms.is_set) values[ASM__NOTICE_DELAY] = asm__ingest_absent();
    if (event.notice.text.data) values[ASM__NOTICE_TEXT] = asm__ingest_absent();
    if (event.notice.level.data) values[ASM__NOTICE_LEVEL] = asm__ingest_absent();
    asm__ingest_put_back(state, asm__claude_notice_keys, values, ASM__NOTICE_COUNT, &others);
    if (name.size || others.begin != others.end) /* else there is nothing to tell */
        asm__ingest_emit_notice(state, &event, others);
}

/* An init that came while the run was open, and what came after it shows what it was. If the process died and another
 * one goes on, its calls can get no results. */
static void asm__claude_judge_init(asm__ingest *state, bool is_new_process) {
    asm_buffer line = state->repeated_init;
    asm_str text = asm_buffer_text(&line);
    if (!line.size) return;
    asm_buffer_init_growing(&state->repeated_init);
    if (is_new_process) {
        asm__ingest_cut_run(state);
        asm__claude_start(state, text);
    } else {
        asm__claude_notice(state, text, ASM_STR("init"));
    }
    if (state->repeated_init.size == 0) {
        asm_buffer_clear(&line);
        asm_buffer_close(&state->repeated_init);
        state->repeated_init = line;
    } else {
        asm_buffer_close(&line);
    }
}

/* An init: of a run, of another session, or, as at each turn, of the run that is open. */
static void asm__claude_init(asm__ingest *state, asm_str line) {
    asm__ingest_change_session(state);
    if (!state->run_open) asm__claude_start(state, line);
    else if (asm__ingest_count_open(state) || state->main.partial)
        asm__ingest_keep(state, &state->repeated_init, line);
    else asm__claude_notice(state, line, ASM_STR("init"));
}

enum {
    ASM__TASK_ID,
    ASM__TASK_CALL,
    ASM__TASK_STATUS,
    ASM__TASK_SUMMARY,
    ASM__TASK_DESCRIPTION,
    ASM__TASK_KIND,
    ASM__TASK_BACKGROUND,
    ASM__TASK_COUNT
};

/* A background task has ended: so has the call that began it. */
static void asm__claude_end_task(asm__ingest *state, asm_str id, const asm_str *values, asm_str line,
                                 asm__ingest_others others) {
    static const asm_str usage_key[] = {ASM__MEMBER("usage")}, duration_key[] = {ASM__MEMBER("duration_ms")};
    asm_str status = asm__ingest_string(state, values[ASM__TASK_STATUS]), usage[1], duration[1];
    bool failed = asm_str_equal(status, ASM_STR("failed"));
    bool stopped = asm_str_equal(status, ASM_STR("stopped")) || asm_str_equal(status, ASM_STR("killed"));
    asm_event event =
        asm__ingest_event(failed || stopped ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED);
    event.tool.call_id = id;
    event.tool.output = asm__ingest_string(state, values[ASM__TASK_SUMMARY]);
    if (stopped) event.tool.status = ASM_STR("cancelled");
    else if (!failed && !asm_str_equal(status, ASM_STR("completed")))
        event.tool.status = status.size ? status : ASM_STR("unknown");
    if (failed || stopped) event.tool.error_message = event.tool.output;
    asm__ingest_find_in_line(state, line, usage_key, usage, 1);
    asm__ingest_find_in_line(state, usage[0], duration_key, duration, 1);
    event.tool.duration_ms = asm__ingest_double(duration[0]);
    asm__claude_sum_up(state, id, &event);
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_end_tool(state, &event);
}

/* What is told of a task while it runs, or before the result of its call comes. */
static void asm__claude_update_task(asm__ingest *state, asm__ingest_call *call, asm_str subtype,
                                    const asm_str *values, asm__ingest_others others) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
    asm_str text = values[ASM__TASK_SUMMARY].data ? values[ASM__TASK_SUMMARY] : values[ASM__TASK_DESCRIPTION];
    bool to_background = false;
    if (values[ASM__TASK_BACKGROUND].data) asm_json_to_bool(values[ASM__TASK_BACKGROUND], &to_background);
    event.tool.call_id = asm__ingest_call_id(call);
    event.tool.display_text = asm__ingest_string(state, text);
    event.tool.agent_kind = asm__ingest_string(state, values[ASM__TASK_KIND]);
    if (values[ASM__TASK_STATUS].data)
        asm__ingest_add_other(state, ASM_STR("task_status"), false, values[ASM__TASK_STATUS]);
    others.end = state->other_count;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    if (call->is_background) event.tool.status = ASM_STR("running_in_background");
    if (to_background && asm_str_equal(subtype, ASM_STR("task_started")) && !call->is_background)
        asm__ingest_send_to_background(state, event.tool.call_id, &event);
    else asm__ingest_update_tool(state, &event);
}

/* task_started, task_progress, task_updated, task_notification. */
static void asm__claude_task(asm__ingest *state, asm_str line, asm_str subtype) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("task_id", 's'),         ASM__KEY("tool_use_id", 's'), ASM__KEY("status", 's'),
        ASM__KEY("summary", 's'),         ASM__KEY("description", 's'), ASM__KEY("subagent_type", 's'),
        ASM__KEY("is_backgrounded", 'b'), ASM__KEY("type", '-'),        ASM__KEY("subtype", '-'),
        ASM__KEY("session_id", '-'),      ASM__KEY("uuid", '-'),        ASM__KEY("timestamp", '-')};
    asm_str values[ASM__INGEST_COUNT_OF(keys)], task, id;
    asm__ingest_others others;
    asm__ingest_call *call;
    asm_event event;
    bool is_end = asm_str_equal(subtype, ASM_STR("task_notification"));
    asm__ingest_read_object(state, line, keys, values, ASM__INGEST_COUNT_OF(keys), &others, NULL);
    task = asm__ingest_string(state, values[ASM__TASK_ID]);
    id = asm__ingest_string(state, values[ASM__TASK_CALL]);
    call = id.size ? asm__ingest_find_call(state, id) : asm__ingest_find_task(state, task);
    if (call) {
        asm__ingest_name_task(state, call, task);
        asm__ingest_add_other(state, ASM_STR("task_id"), false, values[ASM__TASK_ID]);
        others.end = state->other_count;
        state->line_run = call->run;
        if (is_end && call->is_background)
            asm__claude_end_task(state, asm__ingest_call_id(call), values, line, others);
        else asm__claude_update_task(state, call, subtype, values, others);
        return;
    }
    event = asm__ingest_notice(state, subtype);
    event.notice.text = asm__ingest_string(
        state, values[ASM__TASK_SUMMARY].data ? values[ASM__TASK_SUMMARY] : values[ASM__TASK_DESCRIPTION]);
    if (asm_str_equal(asm__ingest_string(state, values[ASM__TASK_STATUS]), ASM_STR("failed")))
        event.notice.level = ASM_STR("error");
    asm__ingest_put_back(state, keys, values, ASM__TASK_COUNT, &others);
    asm__ingest_emit_notice(state, &event, others);
}

/* A rule or the person did not let a tool run. */
static void asm__claude_denied(asm__ingest *state, asm_str line) {
    static const asm__ingest_key keys[] = {ASM__KEY("tool_name", 's'),
                                           ASM__KEY("tool_use_id", 's'),
                                           ASM__KEY("message", 's'),
                                           ASM__KEY("decision_reason_type", 's'),
                                           ASM__KEY("decision_reason", 's'),
                                           ASM__KEY("type", '-'),
                                           ASM__KEY("subtype", '-'),
                                           ASM__KEY("session_id", '-'),
                                           ASM__KEY("uuid", '-'),
                                           ASM__KEY("timestamp", '-')};
    asm_str values[ASM__INGEST_COUNT_OF(keys)], id;
    asm__ingest_others others;
    asm__ingest_call *call;
    size_t request;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_DENIED);
    asm__ingest_read_object(state, line, keys, values, ASM__INGEST_COUNT_OF(keys), &others, NULL);
    id = asm__ingest_string(state, values[1]);
    call = asm__ingest_find_call(state, id);
    if (call) call->is_declined = true;
    event.approval.tool_call_id = id;
    event.approval.tool_name = asm__ingest_string(state, values[0]);
    event.approval.reason = asm__ingest_string(state, values[2].data ? values[2] : values[4]);
    event.approval.policy_name = asm__ingest_string(state, values[3]);
    event.approval.decision = ASM_STR("reject");
    event.approval.kind = ASM_STR("tool");
    if (values[2].data && values[4].data)
        asm__ingest_add_other(state, ASM_STR("decision_reason"), false, values[4]);
    others.end = state->other_count;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    request = asm__ingest_find_request(state, asm__ingest_absent(), id);
    if (request < state->request_count) asm__ingest_decide(state, request, &event);
    else asm__ingest_emit(state, &event);
}

/* The status "requesting" comes before each request; others, like "compacting", are news. */
static bool asm__claude_is_heartbeat(asm__ingest *state, asm_str line, asm_str subtype,
                                     asm__ingest_others others) {
    const bool is_status = asm_str_equal(subtype, ASM_STR("status"));
    if (is_status ? !asm_str_equal(asm__ingest_find_text(state, line, subtype), ASM_STR("requesting"))
                  : !asm_str_equal(subtype, ASM_STR("thinking_tokens")))
        return false;
    asm__ingest_leave_others_but(state, others,
                                 is_status ? "status:s" : "estimated_tokens:n estimated_tokens_delta:n");
    return true;
}

/* A model refused, and another one answers in its place: what it said is withdrawn. */
static void asm__claude_refused(asm__ingest *state, asm_str line, asm_str subtype) {
    static const asm_str keys[] = {ASM__MEMBER("retracted_message_uuids")};
    asm_str values[1];
    asm__ingest_find_in_line(state, line, keys, values, 1);
    asm__claude_withdraw(state, values[0], ASM_STR(""), ASM_STR("refused"), ASM_STR(""));
    asm__claude_notice(state, line, subtype);
}

static void asm__claude_system(asm__ingest *state, asm_str line, asm_str subtype, asm__ingest_others others) {
    if (asm_str_equal(subtype, ASM_STR("init"))) asm__claude_init(state, line);
    else if (asm__claude_is_heartbeat(state, line, subtype, others)) state->ingest->counts.heartbeats++;
    else if (asm__ingest_starts_with(subtype, ASM_STR("task_"))) asm__claude_task(state, line, subtype);
    else if (asm_str_equal(subtype, ASM_STR("permission_denied"))) asm__claude_denied(state, line);
    else if (asm_str_equal(subtype, ASM_STR("model_refusal_fallback")))
        asm__claude_refused(state, line, subtype);
    else {
        if (asm_str_equal(subtype, ASM_STR("api_retry"))) asm__ingest_break_message(state, &state->main);
        asm__claude_notice(state, line, subtype.size ? subtype : ASM_STR("system"));
    }
}

/* >>ingest: claude results */

/* The provider counts from 0 again. */
static void asm__claude_reset_cost(asm__ingest *state) {
    state->earlier_cost += state->cost;
    state->cost = 0;
    state->model_count = 0;
    memset(&state->counted, 0, sizeof state->counted);
    state->has_counted = false;
}

static asm__ingest_model *asm__claude_model(asm__ingest *state, asm_str name) {
    size_t i;
    asm__ingest_model *model;
    for (i = 0; i < state->model_count; i++)
        if (asm_str_equal(asm_buffer_text(&state->session_models[i].name), name))
            return &state->session_models[i];
    if (state->model_count == state->model_capacity) {
        size_t capacity = state->model_capacity ? state->model_capacity * 2 : 4;
        void *memory = ASM_REALLOC(state->session_models, capacity * sizeof *model);
        if (!memory) {
            state->failed = true;
            return NULL;
        }
        state->session_models = (asm__ingest_model *)memory;
        for (i = state->model_capacity; i < capacity; i++)
            asm_buffer_init_growing(&state->session_models[i].name);
        state->model_capacity = capacity;
    }
    model = &state->session_models[state->model_count++];
    memset(&model->usage, 0, sizeof model->usage);
    asm__ingest_keep(state, &model->name, name);
    return model;
}

static asm_usage_payload asm__claude_read_model(asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("inputTokens"),
                                   ASM__MEMBER("outputTokens"),
                                   ASM__MEMBER("cacheReadInputTokens"),
                                   ASM__MEMBER("cacheCreationInputTokens"),
                                   ASM__MEMBER("thinkingTokens"),
                                   ASM__MEMBER("contextWindow"),
                                   ASM__MEMBER("costUSD")};
    asm_str values[7];
    asm_usage_payload usage;
    memset(&usage, 0, sizeof usage);
    asm__ingest_find(raw, keys, values, 7);
    usage.input_tokens = asm__ingest_int64(values[0]);
    usage.output_tokens = asm__ingest_int64(values[1]);
    usage.cache_read_tokens = asm__ingest_int64(values[2]);
    usage.cache_creation_tokens = asm__ingest_int64(values[3]);
    usage.reasoning_tokens = asm__ingest_int64(values[4]);
    usage.context_window = asm__ingest_int64(values[5]);
    usage.cost_usd = asm__ingest_double(values[6]);
    asm__ingest_add(&usage.input_tokens, usage.cache_read_tokens);
    asm__ingest_add(&usage.input_tokens, usage.cache_creation_tokens);
    return usage;
}

/* What a result says of tokens and cost. */
typedef struct asm__claude_account {
    asm_usage_payload main;    /* the main loop's, of this turn */
    asm_usage_payload session; /* all models' so far; nothing set: not told */
    asm_usage_payload run;     /* all models' of this run */
    asm_optional_double session_cost, run_cost;
    bool is_by_model;
} asm__claude_account;

/* Adds up modelUsage: all models' together, and what this run has added to each. */
static void asm__claude_sum_models(asm__claude_account *account, asm_json_reader models) {
    asm_str key, raw;
    while (asm_json_next_member(&models, &key)) {
        asm_usage_payload usage;
        if (!asm_json_read_raw(&models, &raw)) break;
        if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) continue;
        usage = asm__claude_read_model(raw);
        asm__ingest_add_usage(&account->session, &usage);
    }
    account->is_by_model = !asm__ingest_usage_is_zero(&account->session);
}

/* Writes the models' figures: the session's, or what this run has added to them, which then is known. */
static asm_str asm__claude_models_json(asm__ingest *state, asm_buffer *out, asm_str raw, bool of_run) {
    asm_json_reader reader;
    asm_json_writer writer;
    asm_str key, value;
    asm_buffer scratch;
    bool any = false;
    char memory[256];
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return asm__ingest_absent();
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_buffer_clear(out);
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_reader_init(&reader, raw, &scratch);
    reader.known = &state->spans;
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key)) {
        asm_usage_payload usage;
        asm_str json;
        if (!asm_json_read_raw(&reader, &value)) break;
        if (!asm__ingest_is(value, ASM_JSON_OBJECT)) continue;
        usage = asm__claude_read_model(value);
        if (of_run) {
            asm__ingest_model *model = asm__claude_model(state, key);
            asm_usage_payload now = usage;
            if (model) {
                usage = asm__ingest_usage_since(&usage, &model->usage);
                model->usage = now;
            }
            if (asm__ingest_usage_is_zero(&usage)) continue; /* it did not run in this run */
        }
        json = asm__ingest_usage_json(state, &state->built2, &usage);
        if (!json.data) continue;
        asm_json_write_key(&writer, key);
        asm__ingest_write_raw(state, &writer, json);
        any = true;
        asm_buffer_clear(&scratch);
    }
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return asm__ingest_absent();
    }
    return any ? asm_buffer_text(out) : asm__ingest_absent();
}

/* Reads the figures. A drop to zero is a result that knows nothing; to something smaller, a new count. */
static void asm__claude_read_account(asm__ingest *state, asm__claude_account *account, asm_str usage,
                                     asm_str models, asm_str cost, bool failed) {
    asm__ingest_speaker speaker;
    memset(account, 0, sizeof *account);
    memset(&speaker, 0, sizeof speaker);
    asm__claude_read_usage(&speaker.usage, usage, true);
    speaker.cache_is_apart = !asm__claude_is_qwen(state);
    account->main = asm__ingest_whole_usage(&speaker);
    account->session_cost = asm__ingest_double(cost);
    if (asm__ingest_is(models, ASM_JSON_OBJECT)) {
        asm_json_reader reader;
        asm_buffer scratch;
        char memory[256];
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        asm_json_reader_init(&reader, models, &scratch);
        reader.known = &state->spans;
        asm_json_enter_object(&reader);
        asm__claude_sum_models(account, reader);
    }
    if (failed && asm__ingest_usage_is_zero(&account->main) && asm__ingest_usage_is_zero(&account->session) &&
        account->session_cost.value == 0)
        memset(account, 0, sizeof *account);
}

/* The totals go out; what the run itself has used and cost stands in `account`. */
static void asm__claude_take_account(asm__ingest *state, asm__claude_account *account, asm_str models) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_optional_double cost = account->session_cost;
    bool is_told = !asm__ingest_usage_is_zero(&account->main) || account->main.input_tokens.is_set ||
                   account->is_by_model;
    if (!is_told && !cost.is_set) return;
    if ((cost.is_set && cost.value > 0 && cost.value < state->cost) ||
        (account->is_by_model && !asm__ingest_usage_is_zero(&account->session) && state->has_counted &&
         !asm__ingest_goes_on(&account->session, &state->counted)))
        asm__claude_reset_cost(state);
    account->run_cost = cost;
    if (cost.is_set) {
        if (state->cost > 0 && cost.value >= state->cost)
            account->run_cost.value = asm_double_round(cost.value - state->cost, 12);
        else if (cost.value < state->cost) account->run_cost.is_set = false; /* a drop to zero: not known */
        if (account->run_cost.is_set) state->cost = cost.value;
        event.usage.cost_usd.is_set = true;
        event.usage.cost_usd.value =
            state->earlier_cost > 0 ? asm_double_round(state->earlier_cost + state->cost, 12) : state->cost;
    }
    account->run = account->main;
    if (account->is_by_model) {
        account->run = state->has_counted ? asm__ingest_usage_since(&account->session, &state->counted)
                                          : account->session;
        state->counted = account->session;
        state->has_counted = true;
    }
    asm__ingest_add_usage(&state->totals, &account->run);
    event.usage.input_tokens = state->totals.input_tokens;
    event.usage.output_tokens = state->totals.output_tokens;
    event.usage.cache_read_tokens = state->totals.cache_read_tokens;
    event.usage.cache_creation_tokens = state->totals.cache_creation_tokens;
    event.usage.reasoning_tokens = state->totals.reasoning_tokens;
    event.usage.cumulative = asm__ingest_true();
    event.usage.models = asm__claude_models_json(state, &state->models, models, false);
    asm__ingest_emit(state, &event);
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
    ASM__RESULT_MODELS,
    ASM__RESULT_DENIALS,
    ASM__RESULT_ERROR,
    ASM__RESULT_COUNT
};

static bool asm__claude_result_failed(asm__ingest *state, const asm_str *values) {
    bool failed = false;
    if (values[ASM__RESULT_IS_ERROR].data) asm_json_to_bool(values[ASM__RESULT_IS_ERROR], &failed);
    return failed ||
           asm__ingest_starts_with(asm__ingest_string(state, values[ASM__RESULT_SUBTYPE]), ASM_STR("error"));
}

/* Why it failed, in the provider's words: the result's text, the error's message, all errors. */
static asm_str asm__claude_error_words(asm__ingest *state, const asm_str *values) {
    static const asm_str message_key[] = {ASM__MEMBER("message")};
    asm_str message[1], text = asm__ingest_string(state, values[ASM__RESULT_RESULT]), raw;
    asm_json_reader errors = asm__ingest_line_elements(state, values[ASM__RESULT_ERRORS]);
    if (text.size && !asm__ingest_is(values[ASM__RESULT_ERRORS], ASM_JSON_ARRAY)) return text;
    asm__ingest_begin_words(state);
    while (asm__ingest_next(&errors, &raw))
        asm__ingest_add_word(state, "\n", asm__ingest_string(state, raw), "");
    if (state->words.size) return asm_buffer_text(&state->words);
    asm__ingest_find_in_line(state, values[ASM__RESULT_ERROR], message_key, message, 1);
    if (message[0].data) return asm__ingest_string(state, message[0]);
    if (asm__ingest_is(values[ASM__RESULT_ERROR], ASM_JSON_STRING))
        return asm__ingest_string(state, values[ASM__RESULT_ERROR]);
    return text;
}

static asm_str asm__claude_stop_word(asm_str reason) {
    if (asm_str_equal(reason, ASM_STR("stop_hook_prevented")) ||
        asm_str_equal(reason, ASM_STR("hook_stopped")))
        return ASM_STR("hook");
    return asm_str_equal(reason, ASM_STR("budget_exhausted")) ? ASM_STR("budget") : reason;
}

/* How the run ended, and why. */
static asm_event asm__claude_ending(asm__ingest *state, const asm_str *values) {
    asm_str subtype = asm__ingest_string(state, values[ASM__RESULT_SUBTYPE]);
    asm_str reason = asm__ingest_string(state, values[ASM__RESULT_TERMINAL_REASON]);
    bool named = asm__ingest_starts_with(subtype, ASM_STR("error"));
    asm_event event;
    if (asm__ingest_starts_with(reason, ASM_STR("aborted")))
        return asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    if (!asm__claude_result_failed(state, values)) {
        event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
        event.run.stop_reason = asm__ingest_string(state, values[ASM__RESULT_STOP_REASON]);
        if (asm__ingest_starts_with(reason, ASM_STR("hook_stopped")) ||
            asm_str_equal(reason, ASM_STR("stop_hook_prevented")))
            event.run.stop_reason = asm__claude_stop_word(reason);
        return event;
    }
    event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    event.run.error_code = ASM_STR("provider_error");
    if (reason.size && !asm_str_equal(reason, ASM_STR("completed")))
        event.run.error_code = asm__claude_error_word(reason);
    else if (named) event.run.error_code = asm__claude_error_word(subtype);
    if (state->last_code.size) event.run.error_code = asm_buffer_text(&state->last_code);
    event.run.error_message = asm__claude_error_words(state, values);
    if (!event.run.error_message.size) event.run.error_message = named ? subtype : event.run.error_code;
    event.run.provider_error = asm__ingest_list(state, values[ASM__RESULT_ERRORS]);
    if (!event.run.provider_error.data)
        event.run.provider_error = asm__ingest_value(state, values[ASM__RESULT_ERROR]);
    return event;
}

static const asm__ingest_key asm__claude_result_keys[] = {
    ASM__KEY("subtype", 's'),   ASM__KEY("is_error", 'b'),    ASM__KEY("terminal_reason", 's'),
    ASM__KEY("result", 's'),    ASM__KEY("errors", 'a'),      ASM__KEY("stop_reason", 's'),
    ASM__KEY("num_turns", 'i'), ASM__KEY("duration_ms", 'n'), ASM__KEY("total_cost_usd", 'n'),
    ASM__KEY("usage", 'o'),     ASM__KEY("modelUsage", 'o'),  ASM__KEY("permission_denials", 'a'),
    ASM__KEY("error", '*'),     ASM__KEY("type", '-'),        ASM__KEY("session_id", '-'),
    ASM__KEY("uuid", '-'),      ASM__KEY("timestamp", '-')};

/* Whether a message of the main agent, or a block of one, was that text. */
static bool asm__claude_has_said(const asm__ingest *state, asm_str text) {
    uint64_t hash = asm__hash(text.data, text.size, 0);
    size_t i;
    for (i = 0; i < ASM__INGEST_SAID; i++)
        if (state->said[i] == hash) return true;
    return !text.size;
}

static void asm__claude_result_others(asm__ingest *state, const asm_event *event, const asm_str *values,
                                      asm__ingest_others *others) {
    asm_str kept[ASM__RESULT_COUNT];
    memset(kept, 0, sizeof kept);
    kept[ASM__RESULT_TERMINAL_REASON] = values[ASM__RESULT_TERMINAL_REASON];
    kept[ASM__RESULT_USAGE] = values[ASM__RESULT_USAGE];
    kept[ASM__RESULT_MODELS] = values[ASM__RESULT_MODELS];
    if (event->type == ASM_EVENT_RUN_COMPLETED &&
        (!state->run_has_text ||
         !asm__claude_has_said(state, asm__ingest_string(state, values[ASM__RESULT_RESULT]))))
        kept[ASM__RESULT_RESULT] = values[ASM__RESULT_RESULT];
    if (event->type != ASM_EVENT_RUN_COMPLETED)
        kept[ASM__RESULT_STOP_REASON] = values[ASM__RESULT_STOP_REASON];
    if (event->type != ASM_EVENT_RUN_FAILED) kept[ASM__RESULT_ERROR] = values[ASM__RESULT_ERROR];
    if (!asm_str_equal(asm__ingest_string(state, values[ASM__RESULT_SUBTYPE]), event->run.error_code))
        asm__ingest_keep_unless(state, ASM_STR("subtype"), values[ASM__RESULT_SUBTYPE], ASM_STR("success"));
    if (event->type != ASM_EVENT_RUN_COMPLETED && values[ASM__RESULT_RESULT].size > 2 &&
        !asm_str_equal(asm__ingest_string(state, values[ASM__RESULT_RESULT]), event->run.error_message))
        kept[ASM__RESULT_RESULT] = values[ASM__RESULT_RESULT];
    if (event->type == ASM_EVENT_RUN_CANCELLED)
        kept[ASM__RESULT_ERRORS] = asm__ingest_list(state, values[ASM__RESULT_ERRORS]);
    asm__ingest_put_back(state, asm__claude_result_keys, kept, ASM__RESULT_COUNT, others);
}

/* A result after the run's end, with nothing between: no run, but what it says is told. */
static void asm__claude_spurious_result(asm__ingest *state, const asm_str *values,
                                        asm__ingest_others others) {
    asm_event event = asm__ingest_event(ASM_EVENT_ERROR_OCCURRED);
    asm_str kept[ASM__RESULT_COUNT];
    memcpy(kept, values, sizeof kept);
    event.error.code = ASM_STR("protocol");
    event.error.message = asm__claude_error_words(state, values);
    if (!event.error.message.size) event.error.message = ASM_STR("a result came after the end of the run");
    else kept[ASM__RESULT_RESULT] = asm__ingest_absent();
    asm__ingest_put_back(state, asm__claude_result_keys, kept, ASM__RESULT_COUNT, &others);
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_emit(state, &event);
}

static void asm__claude_result(asm__ingest *state, asm_str line) {
    asm_str values[ASM__INGEST_COUNT_OF(asm__claude_result_keys)];
    asm__ingest_others others;
    asm__claude_account account;
    asm_event event;
    bool failed;
    asm__ingest_read_object(state, line, asm__claude_result_keys, values,
                            ASM__INGEST_COUNT_OF(asm__claude_result_keys), &others, NULL);
    failed = asm__claude_result_failed(state, values);
    asm__claude_read_account(state, &account, values[ASM__RESULT_USAGE], values[ASM__RESULT_MODELS],
                             values[ASM__RESULT_COST], failed);
    if (!state->run_open && state->run_ended) { /* its figures may be those of the first one again */
        asm__claude_spurious_result(state, values, others);
        return;
    }
    asm__ingest_need_run(state, asm__ingest_absent());
    event = asm__claude_ending(state, values);
    asm__claude_end_tool_input(state, &state->main);
    asm__ingest_finish_speakers(state, event.type != ASM_EVENT_RUN_COMPLETED, false);
    asm__claude_take_account(state, &account, values[ASM__RESULT_MODELS]);

    event.run.num_turns = asm__ingest_int64(values[ASM__RESULT_NUM_TURNS]);
    event.run.duration_ms = asm__ingest_double(values[ASM__RESULT_DURATION]);
    event.run.cost_usd = account.run_cost;
    event.run.permission_denials = asm__ingest_list(state, values[ASM__RESULT_DENIALS]);
    if (event.type == ASM_EVENT_RUN_FAILED)
        asm__ingest_emit_error(state, event.run.error_code, event.run.error_message,
                               event.run.provider_error);
    asm__claude_result_others(state, &event, values, &others);
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    event.run.models = asm__claude_models_json(state, &state->models, values[ASM__RESULT_MODELS], true);
    event.run.token_usage = asm__ingest_usage_json(state, &state->built, &account.run);
    if (account.is_by_model)
        event.run.main_token_usage = asm__ingest_usage_json(state, &state->joined, &account.main);
    asm__ingest_end_run(state, &event);
}

/* >>ingest: claude control lines */

/* can_use_tool: may the tool run? */
static void asm__claude_ask_permission(asm__ingest *state, asm_str request_id, asm_str request) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("tool_name", 's'),       ASM__KEY("tool_use_id", 's'),          ASM__KEY("input", '*'),
        ASM__KEY("decision_reason", 's'), ASM__KEY("decision_reason_type", 's'), ASM__KEY("description", 's'),
        ASM__KEY("subtype", '-')};
    asm_str values[7], call_id;
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    size_t known;
    asm__ingest_read_object(state, request, keys, values, 7, &others, NULL);
    call_id = asm__ingest_string(state, values[1]);
    known = asm__ingest_find_request(state, asm__ingest_absent(), call_id);
    event.approval.request_id = request_id;
    event.approval.tool_call_id = call_id;
    event.approval.tool_name = asm__ingest_string(state, values[0]);
    event.approval.tool_input = asm__ingest_value(state, values[2]);
    event.approval.policy_name = asm__ingest_string(state, values[4]);
    event.approval.reason = asm__ingest_string(state, values[3].data ? values[3] : values[5]);
    event.approval.kind = ASM_STR("tool");
    if (asm__claude_is_question(event.approval.tool_name)) {
        event.approval.kind = ASM_STR("question");
        event.approval.options = asm__ingest_question_options(state, values[2]);
        if (!event.approval.reason.size) event.approval.reason = asm__ingest_question(state, values[2]);
    }
    if (values[3].data && values[5].data)
        asm__ingest_add_other(state, ASM_STR("description"), false, values[5]);
    others.end = state->other_count;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    if (known < state->request_count) { /* the question that the call itself asked: withdrawn for this one */
        asm_event withdrawn = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_DENIED);
        withdrawn.approval.decision = ASM_STR("withdrawn");
        asm__ingest_decide(state, known, &withdrawn);
    }
    asm__ingest_ask(state, &event);
}

/* The answer to a request. */
static void asm__claude_answer(asm__ingest *state, size_t request, asm_str response) {
    static const asm__ingest_key keys[] = {ASM__KEY("behavior", 's'), ASM__KEY("updatedInput", '*'),
                                           ASM__KEY("message", 's'), ASM__KEY("updatedPermissions", 'a')};
    static const asm_str answers_key[] = {ASM__MEMBER("answers")};
    asm_str values[4], answer[1];
    asm__ingest_others others;
    bool allowed;
    asm_event event;
    asm__ingest_read_object(state, response, keys, values, 4, &others, NULL);
    allowed = asm_str_equal(asm__ingest_string(state, values[0]), ASM_STR("allow"));
    event = asm__ingest_event(allowed ? ASM_EVENT_TOOL_APPROVAL_GRANTED : ASM_EVENT_TOOL_APPROVAL_DENIED);
    event.approval.decision = allowed ? ASM_STR("approve") : ASM_STR("reject");
    event.approval.reason = asm__ingest_string(state, values[2]);
    if (allowed && values[3].data) event.approval.decision = ASM_STR("always");
    if (allowed && values[1].data) {
        asm_str id = asm__ingest_request_call(&state->requests[request]);
        asm__ingest_call *call = asm__ingest_find_call(state, id);
        event.approval.tool_input = asm__ingest_value(state, values[1]);
        if (call && !asm__ingest_says_same(asm__ingest_call_input(call), values[1]))
            event.approval.decision = ASM_STR("edit");
        asm__ingest_find_in_line(state, values[1], answers_key, answer, 1);
        if (state->requests[request].is_question) event.approval.answer = asm__ingest_value(state, answer[0]);
    }
    if (allowed && state->requests[request].is_question) event.approval.decision = ASM_STR("answer");
    if (!allowed) {
        asm__ingest_keep_unless(state, ASM_STR("behavior"), values[0], ASM_STR("deny"));
        asm__ingest_call *call =
            asm__ingest_find_call(state, asm__ingest_request_call(&state->requests[request]));
        if (call) call->is_declined = true;
    }
    if (values[3].data) asm__ingest_add_other(state, ASM_STR("updatedPermissions"), false, values[3]);
    others.end = state->other_count;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_decide(state, request, &event);
}

/* control_request, control_response, control_cancel_request. False if it is about no approval. */
static bool asm__claude_control(asm__ingest *state, asm_str line, asm_str type) {
    static const char *const shape[] = {
        "type=control_request session_id:s uuid:s timestamp:s request_id:s request:o",
        "type=control_response session_id:s uuid:s timestamp:s response{subtype:s request_id:s response:o}",
        "type=control_cancel_request session_id:s uuid:s timestamp:s request_id:s", NULL};
    static const asm_str keys[] = {ASM__MEMBER("request_id"), ASM__MEMBER("request"),
                                   ASM__MEMBER("response")};
    static const asm_str inner[] = {ASM__MEMBER("subtype"), ASM__MEMBER("request_id"),
                                    ASM__MEMBER("response")};
    asm_str values[3], parts[3], id;
    size_t request;
    asm__ingest_find_in_line(state, line, keys, values, 3);
    id = asm__ingest_string(state, values[0]);
    if (asm_str_equal(type, ASM_STR("control_request"))) {
        asm__ingest_find_in_line(state, values[1], inner, parts, 3);
        if (!asm_str_equal(asm__ingest_string(state, parts[0]), ASM_STR("can_use_tool")) || !id.size)
            return false;
        asm__ingest_begin_rest(state, line, type, shape);
        asm__claude_ask_permission(state, id, values[1]);
        return true;
    }
    if (asm_str_equal(type, ASM_STR("control_response"))) {
        asm__ingest_find_in_line(state, values[2], inner, parts, 3);
        id = asm__ingest_string(state, parts[1]);
        request = asm__ingest_find_request(state, id, asm__ingest_absent());
        if (!id.size || request == state->request_count || !asm__ingest_is(parts[2], ASM_JSON_OBJECT))
            return false;
        asm__ingest_begin_rest(state, line, type, shape);
        asm__claude_answer(state, request, parts[2]);
        return true;
    }
    request = asm__ingest_find_request(state, id, asm__ingest_absent());
    if (id.size && request < state->request_count) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_DENIED);
        asm__ingest_begin_rest(state, line, type, shape);
        event.approval.decision = ASM_STR("withdrawn");
        asm__ingest_decide(state, request, &event);
        return true;
    }
    return false;
}

/* >>ingest: claude lines */

enum {
    ASM__CLAUDE_TYPE,
    ASM__CLAUDE_SESSION,
    ASM__CLAUDE_TIMESTAMP,
    ASM__CLAUDE_UUID,
    ASM__CLAUDE_SUBTYPE,
    ASM__CLAUDE_PARENT,
    ASM__CLAUDE_MESSAGE,
    ASM__CLAUDE_EVENT,
    ASM__CLAUDE_DETAILS,
    ASM__CLAUDE_AGENT,
    ASM__CLAUDE_ERROR,
    ASM__CLAUDE_SUPERSEDES,
    ASM__CLAUDE_ABORTED,
    ASM__CLAUDE_SYNTHETIC,
    ASM__CLAUDE_REPLAY,
    ASM__CLAUDE_ORIGIN,
    ASM__CLAUDE_INPUTS,
    ASM__CLAUDE_COUNT
};

static bool asm__claude_is_notice(asm_str type) {
    static const asm_str notices[] = {
        ASM__MEMBER("rate_limit_event"),   ASM__MEMBER("command_lifecycle"),
        ASM__MEMBER("conversation_reset"), ASM__MEMBER("control_request"),
        ASM__MEMBER("control_response"),   ASM__MEMBER("control_cancel_request"),
        ASM__MEMBER("auth_status"),        ASM__MEMBER("tool_use_summary"),
        ASM__MEMBER("prompt_suggestion"),  ASM__MEMBER("active_goal"),
        ASM__MEMBER("model_fallback")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(notices); i++)
        if (asm_str_equal(type, notices[i])) return true;
    return false;
}

/* Whether a tool_progress tells no more than that the tool still runs. */
static bool asm__claude_is_life_sign(asm_str type) {
    return asm_str_equal(type, ASM_STR("tool_progress")) || asm_str_equal(type, ASM_STR("keep_alive"));
}

/* Lines of the main agent's talk show whether a repeated init was that of a new process. */
static void asm__claude_settle_init(asm__ingest *state, asm_str type, const asm_str *values, asm_str parent) {
    static const asm_str keys[] = {ASM__MEMBER("content")};
    asm_str content[1];
    if (!state->repeated_init.size || parent.size) return;
    if (asm_str_equal(type, ASM_STR("assistant")) || asm_str_equal(type, ASM_STR("stream_event"))) {
        asm__claude_judge_init(state, true);
    } else if (asm_str_equal(type, ASM_STR("user"))) {
        asm__ingest_find_in_line(state,
                                 asm__ingest_is(values[ASM__CLAUDE_MESSAGE], ASM_JSON_OBJECT)
                                     ? values[ASM__CLAUDE_MESSAGE]
                                     : asm__ingest_absent(),
                                 keys, content, 1);
        asm__claude_judge_init(state, !asm__claude_has_results(content[0]));
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm__claude_judge_init(state, false);
    }
}

static void asm__claude_talk(asm__ingest *state, asm_str type, const asm_str *values, asm_str parent,
                             asm__ingest_others others) {
    asm__claude_line_parts line;
    if (asm_str_equal(type, ASM_STR("user"))) {
        asm__claude_user_line(state, &values[ASM__CLAUDE_SYNTHETIC], values[ASM__CLAUDE_MESSAGE],
                              values[ASM__CLAUDE_DETAILS], parent, others);
        return;
    }
    if (!asm__ingest_is(values[ASM__CLAUDE_MESSAGE], ASM_JSON_OBJECT)) {
        if (!parent.size) asm__ingest_need_run(state, asm__ingest_absent());
        asm__ingest_leave_others(state, others);
        asm__ingest_emit_odd(state, ASM_STR("message"), ASM_STR("message"), values[ASM__CLAUDE_MESSAGE]);
        return;
    }
    memset(&line, 0, sizeof line);
    line.message = values[ASM__CLAUDE_MESSAGE];
    line.parent = parent;
    line.uuid = asm__ingest_string(state, values[ASM__CLAUDE_UUID]);
    line.error = values[ASM__CLAUDE_ERROR];
    line.supersedes = values[ASM__CLAUDE_SUPERSEDES];
    line.aborted = values[ASM__CLAUDE_ABORTED];
    line.others = others;
    asm__claude_assistant_message(state, &line);
}

static void asm__claude_other_line(asm__ingest *state, asm_str line, asm_str type, asm_str subtype,
                                   asm__ingest_others others) {
    if (asm_str_equal(type, ASM_STR("system"))) {
        asm__claude_system(state, line, subtype, others);
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm__claude_result(state, line);
    } else if (asm__claude_is_life_sign(type)) {
        asm__ingest_leave_others_but(
            state, others, "tool_use_id:s tool_name:s task_id:s elapsed_time_seconds:n heartbeat:b");
        state->ingest->counts.heartbeats++;
    } else if (asm__ingest_starts_with(type, ASM_STR("control_")) && asm__claude_control(state, line, type)) {
        return;
    } else {
        if (asm_str_equal(type, ASM_STR("conversation_reset"))) asm__claude_reset_cost(state);
        if (!asm__claude_is_notice(type)) asm__ingest_count_unknown(state, type);
        asm__claude_notice(state, line, type);
    }
}

static asm_result asm__claude_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[ASM__CLAUDE_COUNT] = {
        ASM__KEY("type", 's'),     ASM__KEY("session_id", 's'),      ASM__KEY("timestamp", '*'),
        ASM__KEY("uuid", 's'),     ASM__KEY("subtype", 's'),         ASM__KEY("parent_tool_use_id", 's'),
        ASM__KEY("message", '*'),  ASM__KEY("event", '*'),           ASM__KEY("tool_use_result", '*'),
        ASM__KEY("agent_id", 's'), ASM__KEY("error", 's'),           ASM__KEY("supersedes", 'a'),
        ASM__KEY("aborted", 'b'),  ASM__KEY("isSynthetic", 'b'),     ASM__KEY("isReplay", 'b'),
        ASM__KEY("origin", 'o'),   ASM__KEY("wire_tool_inputs", '-')};
    asm_str values[ASM__CLAUDE_COUNT], type, parent;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, ASM__CLAUDE_COUNT, &others, error))
        return error->result;
    type = asm__ingest_string(state, values[ASM__CLAUDE_TYPE]);
    parent = asm__ingest_string(state, values[ASM__CLAUDE_PARENT]);
    asm__ingest_set_line(state, values[ASM__CLAUDE_SESSION], values[ASM__CLAUDE_TIMESTAMP],
                         values[ASM__CLAUDE_UUID]);
    asm__claude_settle_init(state, type, values, parent);
    state->other_count = others.end; /* without those of the init */
    state->line_agent = asm__ingest_string(state, values[ASM__CLAUDE_AGENT]);
    if (parent.size) state->line_run = asm__ingest_run_of(state, parent);
    if (asm_str_equal(type, ASM_STR("assistant")) || asm_str_equal(type, ASM_STR("user"))) {
        asm__claude_talk(state, type, values, parent, others);
    } else if (asm_str_equal(type, ASM_STR("stream_event"))) {
        asm__claude_stream_event(state, values[ASM__CLAUDE_EVENT], parent, others);
    } else {
        state->line_type = type;
        asm__claude_other_line(state, line, type, asm__ingest_string(state, values[ASM__CLAUDE_SUBTYPE]),
                               others);
    }
    return ASM_OK;
}

/* The run stops: of what goes on in the background, nothing more can come in another session or stream. */
static void asm__claude_end(asm__ingest *state) {
    asm__claude_end_tool_input(state, &state->main);
    asm__ingest_finish_speakers(state, true, false);
}

static const asm__ingest_reader asm__claude_reader = {ASM__MEMBER("claude"), asm__claude_line,
                                                      asm__claude_end};
static const asm__ingest_reader asm__amp_reader = {ASM__MEMBER("amp"), asm__claude_line, asm__claude_end};
static const asm__ingest_reader asm__qwen_reader = {ASM__MEMBER("qwen"), asm__claude_line, asm__claude_end};
#define ASM__READER_CLAUDE &asm__claude_reader
#define ASM__READER_QWEN   &asm__qwen_reader
#define ASM__READER_AMP    &asm__amp_reader
#endif

/* >>ingest: claude transcripts
 * What Claude Code keeps on disk: the same messages, one line for each block, in another envelope. A run is a turn of
 * the person; it ends with the agent's last words, its error, or the person's interrupt. Nothing tells what it cost. */

#if ASM_INGEST_FORMATS & ASM_WITH_CLAUDE_TRANSCRIPT

enum {
    ASM__TRANSCRIPT_TYPE,
    ASM__TRANSCRIPT_SESSION,
    ASM__TRANSCRIPT_TIMESTAMP,
    ASM__TRANSCRIPT_UUID,
    ASM__TRANSCRIPT_SUBTYPE,
    ASM__TRANSCRIPT_PARENT,
    ASM__TRANSCRIPT_MESSAGE,
    ASM__TRANSCRIPT_DETAILS,
    ASM__TRANSCRIPT_AGENT,
    ASM__TRANSCRIPT_ERROR,
    ASM__TRANSCRIPT_SUPERSEDES,
    ASM__TRANSCRIPT_ABORTED,
    ASM__TRANSCRIPT_META,
    ASM__TRANSCRIPT_SUMMARY,
    ASM__TRANSCRIPT_HIDDEN,
    ASM__TRANSCRIPT_SIDECHAIN,
    ASM__TRANSCRIPT_CWD,
    ASM__TRANSCRIPT_BRANCH,
    ASM__TRANSCRIPT_VERSION,
    ASM__TRANSCRIPT_ORIGIN,
    ASM__TRANSCRIPT_API_ERROR,
    ASM__TRANSCRIPT_DENIAL,
    ASM__TRANSCRIPT_USER_TYPE,
    ASM__TRANSCRIPT_COUNT
};

static const asm__ingest_key asm__transcript_keys[ASM__TRANSCRIPT_COUNT] = {
    ASM__KEY("type", 's'),
    ASM__KEY("sessionId", 's'),
    ASM__KEY("timestamp", '*'),
    ASM__KEY("uuid", 's'),
    ASM__KEY("subtype", 's'),
    ASM__KEY("parentUuid", 's'),
    ASM__KEY("message", '*'),
    ASM__KEY("toolUseResult", '*'),
    ASM__KEY("agentId", 's'),
    ASM__KEY("error", 's'),
    ASM__KEY("supersedesUuids", 'a'),
    ASM__KEY("isAbortedMidStream", 'b'),
    ASM__KEY("isMeta", 'b'),
    ASM__KEY("isCompactSummary", 'b'),
    ASM__KEY("isVisibleInTranscriptOnly", 'b'),
    ASM__KEY("isSidechain", 'b'),
    ASM__KEY("cwd", 's'),
    ASM__KEY("gitBranch", 's'),
    ASM__KEY("version", 's'),
    ASM__KEY("origin", 'o'),
    ASM__KEY("isApiErrorMessage", 'b'),
    ASM__KEY("toolDenialKind", 's'),
    ASM__KEY("userType", '-')};

static bool asm__transcript_flag(asm_str raw) {
    bool flag = false;
    if (raw.data) asm_json_to_bool(raw, &flag);
    return flag;
}

static asm_str asm__transcript_content(asm_str message) {
    static const asm_str keys[] = {ASM__MEMBER("content")};
    asm_str values[1];
    asm__ingest_find(asm__ingest_is(message, ASM_JSON_OBJECT) ? message : asm__ingest_absent(), keys, values,
                     1);
    return values[0];
}

/* The first text of a message's content. */
static asm_str asm__transcript_text(asm__ingest *state, asm_str content) {
    asm_json_reader blocks;
    asm_str block, type, text;
    if (asm__ingest_is(content, ASM_JSON_STRING)) return asm__ingest_string(state, content);
    blocks = asm__ingest_line_elements(state, content);
    while (asm__ingest_next_text(state, &blocks, &block, &type, &text))
        if (text.data) return asm__ingest_string(state, text);
    return asm__ingest_absent();
}

/* Where the person's words hang: at what an earlier prompt hangs at, if the person went back before that. */
static void asm__transcript_find_rewind(asm__ingest *state, const asm_str *values) {
    const asm_str parent = asm__ingest_string(state, values[ASM__TRANSCRIPT_PARENT]);
    size_t turns;
    if (!parent.size) return;
    if (asm__ingest_recall(state, parent, &turns)) {
        state->told.size -= turns * sizeof(uint64_t);
        asm__ingest_tell_rewind(state, turns);
    }
    asm__ingest_remember(state, asm__hash(parent.data, parent.size, 0));
}

static void asm__transcript_begin_turn(asm__ingest *state, const asm_str *values, bool is_prompt) {
    asm__ingest_leave_run(state, asm__ingest_close_turn);
    if (is_prompt) asm__transcript_find_rewind(state, values);
    asm__ingest_keep(state, &state->version, asm__ingest_string(state, values[ASM__TRANSCRIPT_VERSION]));
    asm__ingest_begin_turn(state, false);
}

/* Where the agent works may change within a file. */
static void asm__transcript_place(asm__ingest *state, const asm_str *values) {
    asm_str cwd = asm__ingest_string(state, values[ASM__TRANSCRIPT_CWD]);
    asm_str branch = asm__ingest_string(state, values[ASM__TRANSCRIPT_BRANCH]);
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    if (asm__ingest_changes(state, &state->cwd, cwd)) event.run.cwd = cwd;
    if (asm__ingest_changes(state, &state->branch, branch)) event.run.git_branch = branch;
    if (state->run_open && (event.run.cwd.data || event.run.git_branch.data)) asm__ingest_emit(state, &event);
}

/* The open call whose sub-agent was given that prompt. */
static asm__ingest_call *asm__transcript_find_prompt(asm__ingest *state, asm_str prompt) {
    static const asm_str keys[] = {ASM__MEMBER("prompt")};
    asm__ingest_record *record = state->calls.newest;
    int tries;
    for (tries = 0; record && tries < 256; record = record->older, tries++) {
        asm__ingest_call *call = asm__container(record, asm__ingest_call, record);
        asm_str values[1];
        if (!asm__claude_starts_agent(asm__ingest_call_name(call))) continue;
        asm__ingest_find_in_line(state, asm__ingest_call_input(call), keys, values, 1);
        if (prompt.size && asm_str_equal(asm__ingest_string(state, values[0]), prompt)) return call;
    }
    return NULL;
}

/* The call that a side chain's line belongs to: its chain is known by the line before, its first line by the prompt.
 * Absent if there is none: then the file is the sub-agent's own. */
static asm_str asm__transcript_parent(asm__ingest *state, const asm_str *values) {
    asm_str before = asm__ingest_string(state, values[ASM__TRANSCRIPT_PARENT]);
    asm__ingest_record *record = state->speakers.newest;
    asm__ingest_call *call;
    asm__ingest_speaker *speaker;
    int tries;
    if (!asm__transcript_flag(values[ASM__TRANSCRIPT_SIDECHAIN])) return ASM_STR("");
    for (tries = 0; before.size && record && tries < 256; record = record->older, tries++) {
        speaker = asm__container(record, asm__ingest_speaker, record);
        if (asm_str_equal(asm_buffer_text(&speaker->last_line), before))
            return asm_buffer_text(&speaker->parent);
    }
    call = asm__transcript_find_prompt(
        state, asm__transcript_text(state, asm__transcript_content(values[ASM__TRANSCRIPT_MESSAGE])));
    return call ? asm__ingest_call_id(call) : ASM_STR("");
}

static bool asm__transcript_has_call(asm__ingest *state, asm_str content, bool *ends_with_text) {
    static const asm_str keys[] = {ASM__MEMBER("type")};
    asm_json_reader blocks = asm__ingest_line_elements(state, content);
    asm_str block, values[1];
    bool has_call = false;
    *ends_with_text = asm__ingest_is(content, ASM_JSON_STRING);
    while (asm__ingest_next(&blocks, &block)) {
        asm_str type;
        asm__ingest_find_in_line(state, asm__ingest_is(block, ASM_JSON_OBJECT) ? block : asm__ingest_absent(),
                                 keys, values, 1);
        type = asm__ingest_string(state, values[0]);
        *ends_with_text = asm_str_equal(type, ASM_STR("text"));
        has_call = has_call || asm__claude_is_tool_use(type);
    }
    return has_call;
}

/* The model is known from the answers only: told when it is another. */
static void asm__transcript_model(asm__ingest *state, asm_str message) {
    static const asm_str keys[] = {ASM__MEMBER("model")};
    asm_str values[1], model;
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    asm__ingest_find_in_line(state, message, keys, values, 1);
    model = asm__ingest_string(state, values[0]);
    if (asm_str_equal(model, ASM_STR("<synthetic>")) || !asm__ingest_changes(state, &state->model, model))
        return;
    event.run.model = model;
    asm__ingest_emit(state, &event);
}

static void asm__transcript_assistant(asm__ingest *state, const asm_str *values, asm_str parent,
                                      asm__ingest_others others) {
    asm__claude_line_parts line;
    asm_str content = asm__transcript_content(values[ASM__TRANSCRIPT_MESSAGE]);
    bool ends_with_text = false, has_call;
    if (!asm__ingest_is(values[ASM__TRANSCRIPT_MESSAGE], ASM_JSON_OBJECT)) {
        asm__ingest_leave_others(state, others);
        asm__ingest_emit_odd(state, ASM_STR("message"), ASM_STR("message"), values[ASM__TRANSCRIPT_MESSAGE]);
        return;
    }
    has_call = asm__transcript_has_call(state, content, &ends_with_text);
    if (!parent.size) {
        if (!state->run_open) asm__transcript_begin_turn(state, values, false);
        asm_buffer_clear(&state->stop_reason);
        asm_buffer_clear(&state->last_code);
        asm_buffer_clear(&state->last_error);
    }
    memset(&line, 0, sizeof line);
    line.message = values[ASM__TRANSCRIPT_MESSAGE];
    line.parent = parent;
    line.uuid = asm__ingest_string(state, values[ASM__TRANSCRIPT_UUID]);
    line.error = values[ASM__TRANSCRIPT_ERROR];
    line.supersedes = values[ASM__TRANSCRIPT_SUPERSEDES];
    line.aborted = values[ASM__TRANSCRIPT_ABORTED];
    line.others = others;
    if (!parent.size && asm__transcript_flag(values[ASM__TRANSCRIPT_API_ERROR])) {
        asm__ingest_keep(state, &state->last_error, asm__transcript_text(state, content));
        if (!line.error.data) asm__ingest_keep(state, &state->last_code, ASM_STR("provider_error"));
    }
    if (!parent.size) asm__transcript_model(state, values[ASM__TRANSCRIPT_MESSAGE]);
    asm__claude_assistant_message(state, &line);
    if (!parent.size && !asm__transcript_flag(values[ASM__TRANSCRIPT_API_ERROR]))
        asm_buffer_clear(&state->last_code);
    if (!parent.size)
        state->has_final_words = !has_call && (ends_with_text || state->stop_reason.size) &&
                                 !asm_str_equal(asm_buffer_text(&state->stop_reason), ASM_STR("tool_use"));
}

/* Text between <NAME> and </NAME>. */
static asm_str asm__transcript_tag(asm_str text, asm_str open, asm_str close) {
    size_t at, end;
    for (at = 0; at + open.size <= text.size; at++) {
        if (memcmp(text.data + at, open.data, open.size) != 0) continue;
        at += open.size;
        for (end = at; end + close.size <= text.size; end++)
            if (memcmp(text.data + end, close.data, close.size) == 0)
                return asm_str_make(text.data + at, end - at);
        break;
    }
    return asm__ingest_absent();
}

/* A notice that a background task has ended: so has its call. */
static void asm__transcript_end_task(asm__ingest *state, asm_str text) {
    asm_str id = asm__transcript_tag(text, ASM_STR("<tool-use-id>"), ASM_STR("</tool-use-id>"));
    asm_str status = asm__transcript_tag(text, ASM_STR("<status>"), ASM_STR("</status>"));
    asm__ingest_call *call = asm__ingest_find_call(state, id);
    asm_event event;
    if (!call || !call->is_background) return;
    event = asm__ingest_event(ASM_EVENT_TOOL_CALL_FAILED);
    if (asm_str_equal(status, ASM_STR("completed"))) event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
    else if (!status.size) {
        event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
        event.tool.status = ASM_STR("unknown");
    } else if (!asm_str_equal(status, ASM_STR("failed"))) event.tool.status = ASM_STR("cancelled");
    event.tool.call_id = id;
    event.tool.output = asm__transcript_tag(text, ASM_STR("<summary>"), ASM_STR("</summary>"));
    if (event.type == ASM_EVENT_TOOL_CALL_FAILED) event.tool.error_message = event.tool.output;
    asm__claude_sum_up(state, id, &event);
    asm__ingest_end_tool(state, &event);
}

/* Calls that were denied fail as such. */
static void asm__transcript_deny(asm__ingest *state, asm_str content) {
    static const asm_str keys[] = {ASM__MEMBER("tool_use_id")};
    asm_json_reader blocks = asm__ingest_line_elements(state, content);
    asm_str block, values[1];
    while (asm__ingest_next(&blocks, &block)) {
        asm__ingest_call *call;
        asm__ingest_find_in_line(state, asm__ingest_is(block, ASM_JSON_OBJECT) ? block : asm__ingest_absent(),
                                 keys, values, 1);
        call = asm__ingest_find_call(state, asm__ingest_string(state, values[0]));
        if (call) call->is_declined = true;
    }
}

static void asm__transcript_user(asm__ingest *state, const asm_str *values, asm_str parent,
                                 asm__ingest_others others) {
    static const asm_str keys[] = {ASM__MEMBER("kind")};
    asm_str content = asm__ingest_is(values[ASM__TRANSCRIPT_MESSAGE], ASM_JSON_STRING)
                          ? values[ASM__TRANSCRIPT_MESSAGE]
                          : asm__transcript_content(values[ASM__TRANSCRIPT_MESSAGE]);
    asm_str text = asm__transcript_text(state, content), kind[1];
    bool has_results = asm__claude_has_results(content);
    asm__claude_author author;
    memset(&author, 0, sizeof author);
    author.others = others;
    asm__ingest_find_in_line(state, values[ASM__TRANSCRIPT_ORIGIN], keys, kind, 1);
    author.origin = asm__ingest_string(state, kind[0]);
    if (values[ASM__TRANSCRIPT_ORIGIN].data &&
        asm__ingest_has_more(values[ASM__TRANSCRIPT_ORIGIN], author.origin.data != NULL)) {
        asm__ingest_add_other(state, ASM_STR("origin"), false, values[ASM__TRANSCRIPT_ORIGIN]);
        author.others.end = state->other_count;
    }
    if (asm_str_equal(author.origin, ASM_STR("human"))) author.origin = asm__ingest_absent();
    if (!author.origin.size) author.origin = asm__claude_text_origin(text);
    if (asm__transcript_flag(values[ASM__TRANSCRIPT_SUMMARY])) author.origin = ASM_STR("context");
    author.is_synthetic = author.origin.size || asm__transcript_flag(values[ASM__TRANSCRIPT_META]) ||
                          asm__transcript_flag(values[ASM__TRANSCRIPT_HIDDEN]);
    if (values[ASM__TRANSCRIPT_DENIAL].data) {
        asm__transcript_deny(state, content);
        asm__ingest_add_other(state, ASM_STR("toolDenialKind"), false, values[ASM__TRANSCRIPT_DENIAL]);
        author.others.end = state->other_count;
    }
    if (!parent.size) {
        bool is_interrupt = asm__ingest_starts_with(text, ASM_STR("[Request interrupted by user"));
        bool is_prompt = text.size && !has_results && !author.is_synthetic && !is_interrupt;
        if (is_prompt || (!state->run_open && has_results))
            asm__transcript_begin_turn(state, values, is_prompt);
        if (has_results) state->has_final_words = false;
    }
    asm__transcript_end_task(state, text);
    asm__claude_user(state, values[ASM__TRANSCRIPT_MESSAGE], values[ASM__TRANSCRIPT_DETAILS], parent,
                     &author);
    if (!parent.size && state->cancelled) asm__ingest_close_turn(state);
}

/* An error of the API that is tried again. */
static void asm__transcript_api_error(asm__ingest *state, asm_str line) {
    static const asm__ingest_key keys[] = {ASM__KEY("retryInMs", 'n'),  ASM__KEY("retryAttempt", 'i'),
                                           ASM__KEY("maxRetries", 'i'), ASM__KEY("type", '-'),
                                           ASM__KEY("subtype", '-'),    ASM__KEY("sessionId", '-'),
                                           ASM__KEY("uuid", '-'),       ASM__KEY("timestamp", '-')};
    asm_str values[ASM__INGEST_COUNT_OF(keys)];
    asm__ingest_others others;
    asm_event event = asm__ingest_notice(state, ASM_STR("api_error"));
    asm__ingest_read_object(state, line, keys, values, ASM__INGEST_COUNT_OF(keys), &others, NULL);
    asm__ingest_begin_words(state);
    asm__ingest_add_word(state, "", ASM_STR("request failed, will be sent again"), "");
    asm__ingest_add_word(state, ", attempt ", values[1], "");
    asm__ingest_add_word(state, " of ", values[2], "");
    event.notice.text = asm__ingest_words(state);
    event.notice.level = ASM_STR("warning");
    event.notice.retry_in_ms = asm__ingest_double(values[0]);
    event.notice.attempt = asm__ingest_int64(values[1]);
    event.notice.max_attempts = asm__ingest_int64(values[2]);
    asm__ingest_emit_notice(state, &event, others);
}

static void asm__transcript_system(asm__ingest *state, asm_str line, asm_str subtype) {
    static const asm_str keys[] = {ASM__MEMBER("durationMs")};
    asm_str values[1];
    if (asm_str_equal(subtype, ASM_STR("api_error"))) {
        asm__transcript_api_error(state, line);
        return;
    }
    asm__claude_notice(state, line, subtype.size ? subtype : ASM_STR("system"));
    if (asm_str_equal(subtype, ASM_STR("turn_duration")) && state->run_open && state->has_final_words) {
        asm__ingest_find_in_line(state, line, keys, values, 1);
        state->turn_duration = asm__ingest_double(values[0]);
        asm__ingest_close_turn(state);
    }
}

/* A title: of the session itself, but for summaries before its first line, which are of others. */
static bool asm__transcript_title(asm__ingest *state, asm_str line, asm_str type) {
    static const char *const shape[] = {
        "type:s summary:s aiTitle:s customTitle:s leafUuid:s sessionId:s uuid:s timestamp:s cwd:s", NULL};
    static const asm_str keys[] = {ASM__MEMBER("summary"), ASM__MEMBER("aiTitle"),
                                   ASM__MEMBER("customTitle")};
    asm_str values[3], title;
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    bool is_custom = asm_str_equal(type, ASM_STR("custom-title"));
    if (!is_custom && !asm_str_equal(type, ASM_STR("summary")) && !asm_str_equal(type, ASM_STR("ai-title")))
        return false;
    asm__ingest_find_in_line(state, line, keys, values, 3);
    title = asm__ingest_string(state, is_custom ? values[2] : values[1].data ? values[1] : values[0]);
    if (!title.size || (values[0].data && !state->stream_has_run)) return false;
    asm__ingest_begin_rest(state, line, type, shape);
    if (state->has_custom_title && !is_custom) return true;
    state->has_custom_title = is_custom;
    if (!asm__ingest_changes(state, &state->title, title)) return true;
    event.run.title = title;
    asm__ingest_emit(state, &event);
    return true;
}

static bool asm__transcript_is_known(asm_str type) {
    static const asm_str types[] = {ASM__MEMBER("summary"),
                                    ASM__MEMBER("ai-title"),
                                    ASM__MEMBER("custom-title"),
                                    ASM__MEMBER("agent-name"),
                                    ASM__MEMBER("file-history-snapshot"),
                                    ASM__MEMBER("last-prompt"),
                                    ASM__MEMBER("mode"),
                                    ASM__MEMBER("permission-mode"),
                                    ASM__MEMBER("worktree-state"),
                                    ASM__MEMBER("relocated"),
                                    ASM__MEMBER("pr-link"),
                                    ASM__MEMBER("frame-link"),
                                    ASM__MEMBER("bridge-session"),
                                    ASM__MEMBER("queue-operation"),
                                    ASM__MEMBER("progress"),
                                    ASM__MEMBER("attachment")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(types); i++)
        if (asm_str_equal(type, types[i])) return true;
    return false;
}

static asm_result asm__transcript_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    asm_str values[ASM__TRANSCRIPT_COUNT], type, parent;
    asm__ingest_others others;
    bool is_talk;
    if (!asm__ingest_read_object(state, line, asm__transcript_keys, values, ASM__TRANSCRIPT_COUNT, &others,
                                 error))
        return error->result;
    state->is_file = true;
    type = asm__ingest_string(state, values[ASM__TRANSCRIPT_TYPE]);
    is_talk = asm_str_equal(type, ASM_STR("assistant")) || asm_str_equal(type, ASM_STR("user"));
    /* A fork's lines are copied under the old session's id: the file is one session. */
    asm__ingest_set_line(state, state->session.size ? asm__ingest_absent() : values[ASM__TRANSCRIPT_SESSION],
                         values[ASM__TRANSCRIPT_TIMESTAMP], values[ASM__TRANSCRIPT_UUID]);
    state->line_agent = asm__ingest_string(state, values[ASM__TRANSCRIPT_AGENT]);
    parent = is_talk ? asm__transcript_parent(state, values) : ASM_STR("");
    if (parent.size) state->line_run = asm__ingest_run_of(state, parent);
    if (is_talk) asm__transcript_place(state, values);
    if (asm_str_equal(type, ASM_STR("assistant"))) {
        asm__transcript_assistant(state, values, parent, others);
    } else if (asm_str_equal(type, ASM_STR("user"))) {
        asm__transcript_user(state, values, parent, others);
    } else if (asm_str_equal(type, ASM_STR("system"))) {
        asm__transcript_system(state, line, asm__ingest_string(state, values[ASM__TRANSCRIPT_SUBTYPE]));
    } else if (!asm__transcript_title(state, line, type)) {
        if (!asm__transcript_is_known(type)) asm__ingest_count_unknown(state, type);
        asm__claude_notice(state, line, type);
    }
    if (parent.size && is_talk) {
        asm__ingest_speaker *speaker = asm__ingest_speaker_of(state, parent);
        if (speaker != &state->main)
            asm__ingest_keep(state, &speaker->last_line,
                             asm__ingest_string(state, values[ASM__TRANSCRIPT_UUID]));
    }
    return ASM_OK;
}

static void asm__transcript_end(asm__ingest *state) {
    asm__ingest_close_turn(state);
}

static const asm__ingest_reader asm__transcript_reader = {ASM__MEMBER("claude"), asm__transcript_line,
                                                          asm__transcript_end};
#define ASM__READER_CLAUDE_TRANSCRIPT &asm__transcript_reader
#endif

/* >>ingest: codex
 * A thread is a session, a turn a run. Items are numbered anew in each process; a call is told apart from one of the
 * same number before by the run, whose calls are forgotten with it. */

#if ASM_INGEST_FORMATS & (ASM_WITH_CODEX | ASM_WITH_CODEX_ROLLOUT)

enum {
    ASM__ITEM_ID,
    ASM__ITEM_TYPE,
    ASM__ITEM_OLD_TYPE,
    ASM__ITEM_STATUS,
    ASM__ITEM_OUTPUT,
    ASM__ITEM_EXIT_CODE,
    ASM__ITEM_DURATION,
    ASM__ITEM_RESULT,
    ASM__ITEM_ERROR,
    ASM__ITEM_TEXT, /* from here on: what tools have as arguments */
    ASM__ITEM_PHASE,
    ASM__ITEM_COMMAND,
    ASM__ITEM_CHANGES,
    ASM__ITEM_SERVER,
    ASM__ITEM_TOOL,
    ASM__ITEM_ARGUMENTS,
    ASM__ITEM_ITEMS,
    ASM__ITEM_MESSAGE,
    ASM__ITEM_COUNT
};

static const asm__ingest_key asm__codex_item_keys[ASM__ITEM_COUNT] = {ASM__KEY("id", 's'),
                                                                      ASM__KEY("type", 's'),
                                                                      ASM__KEY("item_type", 's'),
                                                                      ASM__KEY("status", 's'),
                                                                      ASM__KEY("aggregated_output", 's'),
                                                                      ASM__KEY("exit_code", 'i'),
                                                                      ASM__KEY("duration_ms", 'n'),
                                                                      ASM__KEY("result", '*'),
                                                                      ASM__KEY("error", '*'),
                                                                      ASM__KEY("text", 's'),
                                                                      ASM__KEY("phase", 's'),
                                                                      ASM__KEY("command", '*'),
                                                                      ASM__KEY("changes", 'a'),
                                                                      ASM__KEY("server", 's'),
                                                                      ASM__KEY("tool", 's'),
                                                                      ASM__KEY("arguments", '*'),
                                                                      ASM__KEY("items", 'a'),
                                                                      ASM__KEY("message", 's')};

static void asm__codex_read_usage(asm_usage_payload *usage, asm_str raw) {
    static const asm_str keys[] = {
        ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"), ASM__MEMBER("cached_input_tokens"),
        ASM__MEMBER("cache_write_input_tokens"), ASM__MEMBER("reasoning_output_tokens")};
    asm_str values[5];
    memset(usage, 0, sizeof *usage);
    asm__ingest_find(asm__ingest_is(raw, ASM_JSON_OBJECT) ? raw : asm__ingest_absent(), keys, values, 5);
    usage->input_tokens = asm__ingest_int64(values[0]);
    usage->output_tokens = asm__ingest_int64(values[1]);
    usage->cache_read_tokens = asm__ingest_int64(values[2]);
    usage->cache_creation_tokens = asm__ingest_int64(values[3]);
    usage->reasoning_tokens = asm__ingest_int64(values[4]);
}

/* The text of an error: of an object its "message". */
static asm_str asm__codex_error_message(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("message")};
    asm_str values[1];
    if (asm__ingest_is(raw, ASM_JSON_STRING)) return asm__ingest_string(state, raw);
    asm__ingest_find_in_line(state, raw, keys, values, 1);
    return asm__ingest_string(state, values[0]);
}

/* The command that a shell is given, without the shell: /bin/bash -lc 'ls -l' is ls -l. Absent if there is no shell, or
 * what stands between the quotes cannot be told. */
static asm_str asm__codex_inner_command(asm_str command) {
    static const asm_str shells[] = {ASM__MEMBER("bash -lc "), ASM__MEMBER("bash -c "),
                                     ASM__MEMBER("zsh -lc "),  ASM__MEMBER("zsh -c "),
                                     ASM__MEMBER("sh -lc "),   ASM__MEMBER("sh -c ")};
    asm_str rest = asm__ingest_absent();
    size_t start = 0, i;
    char quote;
    if (!command.size) return rest;
    for (i = 0; i < command.size && command.data[i] != ' '; i++)
        if (command.data[i] == '/') start = i + 1;
    for (i = 0; i < ASM__INGEST_COUNT_OF(shells) && !rest.data; i++)
        if (asm__ingest_starts_with(asm_str_make(command.data + start, command.size - start), shells[i]))
            rest = asm_str_make(command.data + start + shells[i].size, command.size - start - shells[i].size);
    if (rest.size < 2) return asm__ingest_absent();
    quote = rest.data[0];
    if (quote != '\'' && quote != '"')
        return memchr(rest.data, ' ', rest.size) || memchr(rest.data, '\\', rest.size) ? asm__ingest_absent()
                                                                                       : rest;
    if (rest.data[rest.size - 1] != quote) return asm__ingest_absent();
    rest = asm_str_make(rest.data + 1, rest.size - 2);
    for (i = 0; i < rest.size; i++)
        if (rest.data[i] == quote || (quote == '"' && strchr("\\$`", rest.data[i])))
            return asm__ingest_absent();
    return rest;
}

/* Name, input and what to show: of a tool's own members those that are no outcome. */
static void asm__codex_name_and_input(asm__ingest *state, asm_event *event, const asm_str *values,
                                      asm_str type, asm__ingest_others others) {
    asm_str kept[ASM__ITEM_COUNT];
    int i;
    if (asm_str_equal(type, ASM_STR("mcp_tool_call"))) {
        asm__ingest_keep(state, &state->name, asm__ingest_string(state, values[ASM__ITEM_SERVER]));
        asm__ingest_append(state, &state->name, ASM_STR(":"));
        asm__ingest_append(state, &state->name, asm__ingest_string(state, values[ASM__ITEM_TOOL]));
        event->tool.name = asm_buffer_text(&state->name);
        event->tool.input = asm__ingest_value(state, values[ASM__ITEM_ARGUMENTS]);
        event->extra = asm__ingest_extra(state, &state->extra, event->type, others);
        return;
    }
    event->tool.name = type;
    if (asm_str_equal(type, ASM_STR("command_execution"))) {
        event->tool.name = ASM_STR("bash");
        event->tool.display_text =
            asm__codex_inner_command(asm__ingest_string(state, values[ASM__ITEM_COMMAND]));
    } else if (asm_str_equal(type, ASM_STR("file_change"))) {
        event->tool.name = ASM_STR("apply_patch");
    }
    memset(kept, 0, sizeof kept);
    for (i = ASM__ITEM_TEXT; i < ASM__ITEM_COUNT; i++)
        if (values[i].data)
            asm__ingest_add_other(state,
                                  asm_str_make(asm__codex_item_keys[i].text, asm__codex_item_keys[i].size),
                                  false, values[i]);
    others.end = state->other_count;
    event->tool.input = asm__ingest_extra(state, &state->built, ASM_EVENT_CUSTOM, others);
}

/* The changes of files, in the words of asm_tool_payload.changes; of a diff, if there is one, the lines. */
static asm_str asm__codex_changes(asm__ingest *state, asm_str list) {
    static const asm_str keys[] = {ASM__MEMBER("path"), ASM__MEMBER("kind"), ASM__MEMBER("diff"),
                                   ASM__MEMBER("move_path")};
    asm_json_reader changes = asm__ingest_line_elements(state, list);
    asm_json_writer writer;
    asm_str change, values[4];
    bool any = false;
    asm_buffer_clear(&state->built2);
    asm_json_writer_init(&writer, &state->built2);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&changes, &change)) {
        asm_str kind;
        asm__ingest_find_in_line(state, change, keys, values, 4);
        if (!asm__ingest_is(values[0], ASM_JSON_STRING)) continue;
        kind = asm__ingest_string(state, values[1]);
        any = true;
        asm_json_begin_object(&writer);
        asm_json_write_key(&writer, ASM_STR("path"));
        asm__ingest_write_raw(state, &writer,
                              asm__ingest_is(values[3], ASM_JSON_STRING) ? values[3] : values[0]);
        asm_json_write_key(&writer, ASM_STR("kind"));
        asm_json_write_string(&writer, asm__ingest_is(values[3], ASM_JSON_STRING) ? ASM_STR("move") : kind);
        if (asm__ingest_is(values[3], ASM_JSON_STRING)) {
            asm_json_write_key(&writer, ASM_STR("from"));
            asm__ingest_write_raw(state, &writer, values[0]);
        }
        asm__ingest_write_diff_counts(state, &writer, values[2]);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        return any ? asm_buffer_text(&state->built2) : asm__ingest_absent();
    state->failed = true;
    return asm__ingest_absent();
}

static void asm__codex_output(asm__ingest *state, asm_event *event, const asm_str *values) {
    static const asm_str keys[] = {ASM__MEMBER("content")};
    asm_str content[1], result = asm__ingest_value(state, values[ASM__ITEM_RESULT]);
    bool has_blobs = false;
    event->tool.output = asm__ingest_text(state, values[ASM__ITEM_OUTPUT]);
    if (event->tool.output.data) return;
    if (asm__ingest_is(result, ASM_JSON_STRING)) {
        event->tool.output = asm__ingest_text(state, result);
        return;
    }
    asm__ingest_find_in_line(state, result, keys, content, 1);
    if (asm__ingest_is(content[0], ASM_JSON_ARRAY)) {
        char *in_place = state->in_place;
        state->in_place = NULL; /* the result is kept whole */
        event->tool.output = asm__ingest_block_texts(state, content[0], &has_blobs);
        state->in_place = in_place;
        event->tool.result = result;
    }
    if (!event->tool.output.data) {
        event->tool.output_json = result;
        event->tool.result = asm__ingest_absent();
    } else if (has_blobs) {
        event->tool.output_json = asm__ingest_value(state, content[0]);
    }
}

/* Whether an MCP result says that the tool failed. */
static bool asm__codex_is_error(asm_str result) {
    static const asm_str keys[] = {ASM__MEMBER("isError"), ASM__MEMBER("is_error")};
    asm_str values[2];
    bool is_error = false;
    if (!asm__ingest_is(result, ASM_JSON_OBJECT)) return false;
    asm__ingest_find(result, keys, values, 2);
    if (values[0].data) asm_json_to_bool(values[0], &is_error);
    if (values[1].data && !is_error) asm_json_to_bool(values[1], &is_error);
    return is_error;
}

/* A tool's item was completed; `event` holds its id, name and input. */
static void asm__codex_end_tool(asm__ingest *state, asm_event *event, const asm_str *values, asm_str type) {
    asm_str error = values[ASM__ITEM_ERROR], status = asm__ingest_string(state, values[ASM__ITEM_STATUS]);
    bool is_error = asm__codex_is_error(values[ASM__ITEM_RESULT]);
    bool is_command = asm_str_equal(type, ASM_STR("command_execution"));
    asm__codex_output(state, event, values);
    event->tool.exit_code = asm__ingest_int64(values[ASM__ITEM_EXIT_CODE]);
    event->tool.duration_ms = asm__ingest_double(values[ASM__ITEM_DURATION]);
    event->tool.status = status;
    event->type = ASM_EVENT_TOOL_CALL_COMPLETED;
    if (asm_str_equal(status, ASM_STR("failed")) || asm_str_equal(status, ASM_STR("declined")) ||
        event->tool.exit_code.value != 0 || error.data || is_error) {
        event->type = ASM_EVENT_TOOL_CALL_FAILED;
        event->tool.error_message = asm__codex_error_message(state, error);
        if (!event->tool.error_message.size && is_error) event->tool.error_message = event->tool.output;
        if (!status.size || asm_str_equal(status, ASM_STR("completed")))
            event->tool.status = ASM_STR("failed");
        if (!asm__codex_error_message(state, error).size || asm__ingest_has_more(error, 1))
            asm__ingest_leave(state, ASM_STR("error"), error);
    } else {
        /* A command that was closed with the turn: how it ended is not told. */
        if (is_command && !event->tool.exit_code.is_set &&
            (!status.size || asm_str_equal(status, ASM_STR("completed"))))
            event->tool.status = ASM_STR("unknown");
        if (asm_str_equal(status, ASM_STR("in_progress"))) event->tool.status = ASM_STR("unknown");
        event->tool.changes = asm__codex_changes(state, values[ASM__ITEM_CHANGES]);
    }
    asm__ingest_end_tool(state, event);
}

/* What has changed of a tool that runs: its output so far. */
static void asm__codex_update_tool(asm__ingest *state, const asm_str *values) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_OUTPUT_STREAMED);
    event.tool.call_id = asm__ingest_string(state, values[ASM__ITEM_ID]);
    event.tool.output = asm__ingest_text(state, values[ASM__ITEM_OUTPUT]);
    if (event.tool.output.size) asm__ingest_update_tool(state, &event);
}

static void asm__codex_tool(asm__ingest *state, const asm_str *values, asm_str type, asm_str stage,
                            asm__ingest_others others) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED), end;
    bool completed = asm_str_equal(stage, ASM_STR("item.completed"));
    asm_str id = asm__ingest_string(state, values[ASM__ITEM_ID]);
    bool is_open = asm__ingest_find_call(state, id) != NULL;
    event.tool.call_id = id;
    asm__codex_name_and_input(state, &event, values, type, others);
    if (!completed && values[ASM__ITEM_STATUS].data &&
        !asm_str_equal(asm__ingest_string(state, values[ASM__ITEM_STATUS]), ASM_STR("in_progress")))
        event.tool.status = asm__ingest_string(state, values[ASM__ITEM_STATUS]);
    if (!is_open) asm__ingest_start_call(state, &event);
    if (!completed) {
        if (is_open) asm__ingest_leave_others(state, others);
        asm__ingest_leave(state, ASM_STR("result"), values[ASM__ITEM_RESULT]);
        asm__ingest_leave(state, ASM_STR("error"), values[ASM__ITEM_ERROR]);
        asm__codex_update_tool(state, values);
        return;
    }
    end = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    end.tool.call_id = id;
    if (is_open) end.extra = event.extra; /* else told already */
    end.tool.name = event.tool.name;
    end.tool.input = event.tool.input;
    asm__codex_end_tool(state, &end, values, type);
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
                 {ASM__MEMBER("assistant_message"), ASM__CODEX_MESSAGE},
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

static void asm__codex_message(asm__ingest *state, const asm_str *values, asm__ingest_others others,
                               bool is_thinking) {
    asm_str id = asm__ingest_string(state, values[ASM__ITEM_ID]),
            phase = asm__ingest_string(state, values[ASM__ITEM_PHASE]);
    asm_str extra = asm__ingest_extra(state, &state->extra, ASM_EVENT_MESSAGE_RECEIVED, others);
    asm_str text = asm__ingest_text(state, values[ASM__ITEM_TEXT]);
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text, id, asm__ingest_absent());
    if (!text.size && !extra.data) return;
    event.message.phase = phase;
    if (is_thinking) {
        event.message.thinking = asm__ingest_true();
        event.extra = extra;
    }
    if (text.size || is_thinking) asm__ingest_emit(state, &event);
    if (is_thinking) return;
    event = asm__ingest_message(ASM_EVENT_MESSAGE_RECEIVED, text, id, asm__ingest_absent());
    if (!text.data) event.message.content = ASM_STR("");
    event.message.phase = phase;
    event.extra = extra;
    asm__ingest_emit(state, &event);
}

/* A list of things to do: {"text", "completed"} in the words of asm_todos_payload, and whatever else its elements have. */
static void asm__codex_todos(asm__ingest *state, asm_str list) {
    static const asm__ingest_key keys[] = {ASM__KEY("text", 's'), ASM__KEY("completed", 'b'),
                                           ASM__KEY("step", 's'), ASM__KEY("status", 's')};
    asm_json_reader items = asm__ingest_line_elements(state, asm__ingest_json(state, list, ASM_JSON_ARRAY));
    asm_json_writer writer;
    asm_str item, values[4];
    asm_event event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&items, &item)) {
        bool completed = false;
        asm__ingest_others others;
        if (!asm__ingest_is(item, ASM_JSON_OBJECT)) {
            asm__ingest_write_raw(state, &writer, item);
            continue;
        }
        asm__ingest_read_object(state, item, keys, values, 4, &others, NULL);
        if (values[1].data) asm_json_to_bool(values[1], &completed);
        asm_json_begin_object(&writer);
        if (values[0].data || values[2].data) {
            asm_json_write_key(&writer, ASM_STR("content"));
            asm__ingest_write_raw(state, &writer, values[0].data ? values[0] : values[2]);
        }
        asm_json_write_key(&writer, ASM_STR("status"));
        if (values[3].data) asm__ingest_write_raw(state, &writer, values[3]);
        else asm_json_write_string(&writer, completed ? ASM_STR("completed") : ASM_STR("pending"));
        asm__ingest_write_others(state, &writer, others);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) {
        state->failed = true;
        return;
    }
    event.todos.todos = asm_buffer_text(&state->built);
    asm__ingest_emit(state, &event);
}

/* An item that is neither talk nor tool: a warning, a plan. */
static void asm__codex_notice(asm__ingest *state, const asm_str *values, asm_str type,
                              asm__ingest_others others) {
    asm_event event = asm__ingest_notice(state, type);
    asm_str text = values[ASM__ITEM_MESSAGE].data ? values[ASM__ITEM_MESSAGE] : values[ASM__ITEM_TEXT];
    int i;
    event.notice.text = asm__ingest_string(state, text);
    if (asm_str_equal(type, ASM_STR("error"))) event.notice.level = ASM_STR("warning");
    for (i = 0; i < ASM__ITEM_COUNT; i++)
        if (values[i].data && i != ASM__ITEM_TYPE && i != ASM__ITEM_OLD_TYPE && values[i].data != text.data)
            asm__ingest_add_other(state,
                                  asm_str_make(asm__codex_item_keys[i].text, asm__codex_item_keys[i].size),
                                  false, values[i]);
    others.end = state->other_count;
    asm__ingest_emit_notice(state, &event, others);
}

static void asm__codex_item(asm__ingest *state, asm_str stage, asm_str item) {
    asm_str values[ASM__ITEM_COUNT], type;
    asm__ingest_others others;
    bool completed = asm_str_equal(stage, ASM_STR("item.completed"));
    if (!state->stream_has_run || !state->run_ended) asm__ingest_need_run(state, asm__ingest_absent());
    if (asm__ingest_is(item, ASM_JSON_OBJECT))
        asm__ingest_read_object(state, item, asm__codex_item_keys, values, ASM__ITEM_COUNT, &others, NULL);
    else memset(values, 0, sizeof values);
    type = asm__ingest_string(state, values[ASM__ITEM_TYPE].data ? values[ASM__ITEM_TYPE]
                                                                 : values[ASM__ITEM_OLD_TYPE]);
    if (!type.size) {
        asm__ingest_emit_odd(state, stage, ASM_STR("item"), item);
        return;
    }
    switch (asm__codex_kind_of(type)) {
    case ASM__CODEX_TOOL:
        asm__codex_tool(state, values, type, stage, others);
        break;
    case ASM__CODEX_TODOS:
        asm__ingest_leave_others(state, others);
        asm__codex_todos(state, values[ASM__ITEM_ITEMS]);
        break;
    case ASM__CODEX_MESSAGE:
    case ASM__CODEX_REASONING:
        if (completed)
            asm__codex_message(state, values, others, asm__codex_kind_of(type) == ASM__CODEX_REASONING);
        else asm__ingest_leave_others(state, others);
        break;
    case ASM__CODEX_NOTICE:
        if (completed) asm__codex_notice(state, values, type, others);
        else asm__ingest_leave_others(state, others);
        break;
    }
}

/* An error comes as a line of its own and again at the end of the turn: it is given once. */
static void asm__codex_error(asm__ingest *state, asm_str message, asm_str provider_error, asm_str extra) {
    asm_event event = asm__ingest_event(ASM_EVENT_ERROR_OCCURRED);
    if (state->last_error.size && asm_str_equal(asm_buffer_text(&state->last_error), message)) return;
    asm__ingest_keep(state, &state->last_error, message);
    event.error.code = ASM_STR("provider_error");
    event.error.message = message;
    event.error.provider_error = provider_error;
    event.extra = extra;
    asm__ingest_emit(state, &event);
}

/* The thread's tokens so far: of the run only what it has added to them, if that can be known. */
static asm_str asm__codex_account(asm__ingest *state, asm_str raw) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_usage_payload total, run;
    asm__codex_read_usage(&total, raw);
    if (asm__ingest_usage_is_zero(&total)) return asm__ingest_absent();
    event.usage = total;
    event.usage.cumulative = asm__ingest_true();
    event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("provider_usage"), raw);
    asm__ingest_emit(state, &event);
    run = total;
    if (state->has_counted && asm__ingest_goes_on(&total, &state->counted))
        run = asm__ingest_usage_since(&total, &state->counted);
    else if (!state->has_counted) run.cumulative = asm__ingest_true();
    state->counted = total;
    state->has_counted = true;
    return asm__ingest_usage_json(state, &state->built, &run);
}

static void asm__codex_end_turn(asm__ingest *state, asm_str type, asm_str usage, asm_str error,
                                asm__ingest_others others) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    asm_str token_usage = asm__ingest_absent();
    if (!state->run_open && state->run_ended) { /* a second end of one turn: no run */
        asm_event second = asm__ingest_event(ASM_EVENT_ERROR_OCCURRED);
        asm_str message = asm__codex_error_message(state, error);
        second.error.code = ASM_STR("protocol");
        second.error.message = message.size ? message : ASM_STR("a turn's end came after its end");
        second.error.provider_error = asm__ingest_value(state, error);
        second.extra = asm__ingest_extra(state, &state->extra, second.type, others);
        asm__ingest_emit(state, &second);
        return;
    }
    asm__ingest_need_run(state, asm__ingest_absent());
    if (usage.data) token_usage = asm__codex_account(state, usage);
    if (usage.data && !token_usage.data) {
        asm__ingest_add_other(state, ASM_STR("usage"), false, usage);
        others.end = state->other_count;
    }
    event.run.stop_reason = ASM_STR("end_turn");
    if (asm_str_equal(type, ASM_STR("turn.aborted"))) {
        event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    } else if (asm_str_equal(type, ASM_STR("turn.failed"))) {
        event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
        event.run.error_code = ASM_STR("provider_error");
        event.run.error_message = asm__codex_error_message(state, error);
        event.run.provider_error = asm__ingest_value(state, error);
        if (!event.run.error_message.size) event.run.error_message = ASM_STR("the turn failed");
        asm__codex_error(state, event.run.error_message, event.run.provider_error, asm__ingest_absent());
    }
    event.run.token_usage = token_usage;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_end_run(state, &event);
}

/* Each process prints it once: a run that is open was another process's. */
static void asm__codex_begin_thread(asm__ingest *state, asm__ingest_others others) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm__ingest_change_session(state);
    if (state->run_open) {
        asm_str session = state->line_session;
        asm__ingest_cut_run(state);
        state->line_session = session;
    }
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_begin_run(state, &event);
}

static asm_result asm__codex_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),      ASM__KEY("thread_id", 's'),
                                           ASM__KEY("timestamp", '*'), ASM__KEY("item", '*'),
                                           ASM__KEY("usage", 'o'),     ASM__KEY("error", '*'),
                                           ASM__KEY("message", 's'),   ASM__KEY("session_id", 's')};
    asm_str values[ASM__INGEST_COUNT_OF(keys)], type;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, ASM__INGEST_COUNT_OF(keys), &others, error))
        return error->result;
    asm__ingest_set_line(state, values[1].data ? values[1] : values[7], values[2], asm__ingest_absent());
    type = asm__ingest_string(state, values[0]);
    if (asm_str_equal(type, ASM_STR("thread.started")) || asm_str_equal(type, ASM_STR("session.created"))) {
        asm__codex_begin_thread(state, others);
    } else if (asm_str_equal(type, ASM_STR("turn.started"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
        asm__ingest_emit_others(state, type, others);
    } else if (asm_str_equal(type, ASM_STR("item.started")) || asm_str_equal(type, ASM_STR("item.updated")) ||
               asm_str_equal(type, ASM_STR("item.completed"))) {
        state->line_type = type;
        asm__ingest_leave_others(state, others);
        asm__codex_item(state, type, values[3]);
    } else if (asm_str_equal(type, ASM_STR("turn.completed")) ||
               asm_str_equal(type, ASM_STR("turn.failed")) || asm_str_equal(type, ASM_STR("turn.aborted"))) {
        asm__codex_end_turn(state, type, values[4], values[5], others);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        if (!state->stream_has_run) asm__ingest_need_run(state, asm__ingest_absent());
        asm__codex_error(state,
                         values[6].data ? asm__ingest_string(state, values[6])
                                        : asm__codex_error_message(state, values[5]),
                         asm__ingest_absent(),
                         asm__ingest_extra(state, &state->extra, ASM_EVENT_ERROR_OCCURRED, others));
    } else {
        values[0] = values[1] = values[2] = values[7] = asm__ingest_absent();
        asm__ingest_put_back(state, keys, values, ASM__INGEST_COUNT_OF(keys), &others);
        asm__ingest_emit_unknown(state, type, others);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__codex_reader = {ASM__MEMBER("codex"), asm__codex_line, NULL};
#define ASM__READER_CODEX &asm__codex_reader
#endif

/* >>ingest: codex rollouts
 * What Codex keeps on disk: {timestamp, type, payload}, in old files the bare items. Text, reasoning and the person's words
 * stand in it twice, as an event_msg and as a response_item: whichever comes second is passed over. */

#if ASM_INGEST_FORMATS & ASM_WITH_CODEX_ROLLOUT

/* Whether what `from` says (an event: 1, an item: 2) was said by the other one already; remembers it if not. */
static bool asm__rollout_is_twin(asm__ingest *state, uint64_t from, asm_str text) {
    uint64_t hash = (asm__hash(text.data, text.size, 0) & ~(uint64_t)3), other = hash | (3 - from);
    size_t i;
    for (i = 0; i < ASM__INGEST_SAID; i++) {
        if (state->said[i] != other) continue;
        state->said[i] = 0;
        return true;
    }
    state->said[state->said_at++ % ASM__INGEST_SAID] = hash | from;
    return false;
}

/* The agent's words, or its reasoning. */
static void asm__rollout_say(asm__ingest *state, uint64_t from, asm_str text, asm_str phase,
                             bool is_thinking) {
    asm__ingest_speaker *speaker = &state->main;
    if (!text.size || asm__rollout_is_twin(state, from, text)) return;
    asm__ingest_need_turn(state);
    speaker->run = state->line_run;
    if (is_thinking) {
        asm__ingest_think_whole(state, text, asm_buffer_text(&speaker->message_id));
        return;
    }
    asm__ingest_enter_message(state, speaker, asm__ingest_absent());
    if (phase.size)
        speaker->phase =
            asm_str_equal(phase, ASM_STR("commentary")) ? ASM_STR("commentary") : ASM_STR("final_answer");
    asm__ingest_say(state, speaker, text);
    asm__ingest_finish_message(state, speaker, false);
    state->has_final_words = true;
    state->run_has_prompt = true;
}

/* What only goes back to the model, where the text itself was said before. */
static void asm__rollout_keep_reasoning(asm__ingest *state) {
    if (!state->rest.size) return;
    asm__ingest_need_turn(state);
    asm__ingest_emit_thinking(state, ASM_STR(""), asm__ingest_absent(), asm__ingest_absent());
}

/* Texts that Codex puts into the person's mouth begin so. */
static bool asm__rollout_is_injected(asm_str text) {
    static const asm_str marks[] = {
        ASM__MEMBER("<environment_context>"),      ASM__MEMBER("<user_instructions>"),
        ASM__MEMBER("# AGENTS.md instructions"),   ASM__MEMBER("<INSTRUCTIONS>"),
        ASM__MEMBER("<permissions instructions>"), ASM__MEMBER("<turn_aborted>"),
        ASM__MEMBER("<user_shell_command>"),       ASM__MEMBER("<subagent_notification>")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(marks); i++)
        if (asm__ingest_starts_with(text, marks[i])) return true;
    return false;
}

/* What stands as the person's words. They begin a turn, unless one has just begun, or the file tells where each begins
 * and ends. */
static void asm__rollout_user(asm__ingest *state, uint64_t from, asm_str text, asm_str role) {
    asm_event event;
    bool is_injected = asm__rollout_is_injected(text) || !asm_str_equal(role, ASM_STR("user"));
    if (!text.size || asm__rollout_is_twin(state, from, text)) return;
    if (!is_injected) {
        if (!state->run_open || (state->run_has_prompt && !state->run_is_told))
            asm__ingest_begin_turn(state, false);
        state->run_has_prompt = true;
    }
    event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, text, asm__ingest_absent(), asm__ingest_absent());
    event.message.role = asm_str_equal(role, ASM_STR("user")) ? role : ASM_STR("system");
    if (is_injected) {
        event.message.synthetic = asm__ingest_true();
        event.message.origin = ASM_STR("context");
    }
    asm__ingest_emit(state, &event);
}

/* The session, at the head of the file. */
static void asm__rollout_meta(asm__ingest *state, asm_str payload) {
    static const asm__ingest_key keys[] = {ASM__KEY("id", 's'),  ASM__KEY("session_id", 's'),
                                           ASM__KEY("cwd", 's'), ASM__KEY("cli_version", 's'),
                                           ASM__KEY("git", 'o'), ASM__KEY("timestamp", '-')};
    static const asm_str branch_key[] = {ASM__MEMBER("branch")};
    asm_str values[6], branch[1];
    asm__ingest_others others;
    asm_event event = asm__ingest_notice(state, ASM_STR("session_meta"));
    asm__ingest_read_object(state, payload, keys, values, 6, &others, NULL);
    if (!state->session.size) {
        asm__ingest_enter_session(state, asm__ingest_string(state, values[0].data ? values[0] : values[1]));
        state->line_session = asm_buffer_text(&state->session);
    }
    asm__ingest_find_in_line(state, values[4], branch_key, branch, 1);
    asm__ingest_keep(state, &state->cwd, asm__ingest_string(state, values[2]));
    asm__ingest_keep(state, &state->branch, asm__ingest_string(state, branch[0]));
    asm__ingest_keep(state, &state->version, asm__ingest_string(state, values[3]));
    asm__ingest_put_back(state, keys, values, 5, &others);
    asm__ingest_emit_notice(state, &event, others);
}

/* The model and the place in force: told when they change. */
static void asm__rollout_context(asm__ingest *state, asm_str payload) {
    static const asm_str keys[] = {ASM__MEMBER("model"), ASM__MEMBER("cwd")};
    asm_str values[2], model, cwd;
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    asm__ingest_find_in_line(state, payload, keys, values, 2);
    model = asm__ingest_string(state, values[0]);
    cwd = asm__ingest_string(state, values[1]);
    if (asm__ingest_changes(state, &state->model, model)) event.run.model = model;
    if (asm__ingest_changes(state, &state->cwd, cwd)) event.run.cwd = cwd;
    if (!asm__ingest_changes(state, &state->context, asm_buffer_text(&state->rest)))
        asm_buffer_clear(&state->rest); /* told already */
    if (event.run.model.data || event.run.cwd.data || state->rest.size) asm__ingest_emit(state, &event);
}

/* token_count repeats without a new call: what the last one used counts when the total has changed. */
static void asm__rollout_tokens(asm__ingest *state, asm_str payload) {
    static const asm_str keys[] = {ASM__MEMBER("info")};
    static const asm_str info_keys[] = {ASM__MEMBER("total_token_usage"), ASM__MEMBER("last_token_usage"),
                                        ASM__MEMBER("model_context_window")};
    asm_str values[1], parts[3];
    asm_usage_payload total, last;
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm__ingest_find_in_line(state, payload, keys, values, 1);
    asm__ingest_find_in_line(state,
                             asm__ingest_is(values[0], ASM_JSON_OBJECT) ? values[0] : asm__ingest_absent(),
                             info_keys, parts, 3);
    asm__codex_read_usage(&total, parts[0]);
    asm__codex_read_usage(&last, parts[1]);
    if (!asm__ingest_usage_is_zero(&last) &&
        !(state->has_counted && asm__ingest_goes_on(&total, &state->counted) &&
          asm__ingest_goes_on(&state->counted, &total))) {
        asm__ingest_add_usage(&state->main.total, &last);
        asm__ingest_add_usage(&state->totals, &last);
        state->counted = total;
        state->has_counted = true;
        event.usage = state->totals;
        event.usage.cumulative = asm__ingest_true();
        event.usage.context_window = asm__ingest_int64(parts[2]);
        if (state->model.size) event.usage.model = asm_buffer_text(&state->model);
        event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("provider_usage"), payload);
        asm__ingest_emit(state, &event);
        asm__ingest_keep(state, &state->counts_text, payload);
    } else if (asm__ingest_changes(state, &state->counts_text, payload)) { /* limits alone, or odd figures */
        event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("provider_usage"), payload);
        asm__ingest_emit(state, &event);
    }
}

/* The name of a tool as the live stream has it. */
static asm_str asm__rollout_tool_name(asm__ingest *state, asm_str name, asm_str space) {
    const char *parts = NULL;
    size_t i;
    if (asm_str_equal(name, ASM_STR("shell")) || asm_str_equal(name, ASM_STR("exec_command")) ||
        asm_str_equal(name, ASM_STR("shell_command")) || asm_str_equal(name, ASM_STR("local_shell")))
        return ASM_STR("bash");
    for (i = 1; i + 2 < name.size && !parts; i++)
        if (name.data[i] == '_' && name.data[i + 1] == '_') parts = name.data + i;
    if (!space.size && !parts) return name;
    asm__ingest_keep(state, &state->name,
                     space.size ? space : asm_str_make(name.data, (size_t)(parts - name.data)));
    asm__ingest_append(state, &state->name, ASM_STR(":"));
    asm__ingest_append(state, &state->name,
                       space.size ? name
                                  : asm_str_make(parts + 2, name.size - (size_t)(parts - name.data) - 2));
    return asm_buffer_text(&state->name);
}

/* The command of a shell tool, without the shell, for people: the last element of a list, or a text. */
static asm_str asm__rollout_command(asm__ingest *state, asm_str input) {
    static const asm_str keys[] = {ASM__MEMBER("command"), ASM__MEMBER("cmd")};
    asm_str values[2], part, last = asm__ingest_absent();
    asm_json_reader parts;
    asm__ingest_find_in_line(state, asm__ingest_is(input, ASM_JSON_OBJECT) ? input : asm__ingest_absent(),
                             keys, values, 2);
    if (!values[0].data) values[0] = values[1];
    if (asm__ingest_is(values[0], ASM_JSON_STRING)) return asm__ingest_string(state, values[0]);
    parts = asm__ingest_line_elements(state, values[0]);
    while (asm__ingest_next(&parts, &part))
        last = part;
    return asm__ingest_string(state, last);
}

static void asm__rollout_call(asm__ingest *state, asm_str payload, asm_str type) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("name", 's'),  ASM__KEY("arguments", '*'), ASM__KEY("call_id", 's'),
        ASM__KEY("input", '*'), ASM__KEY("namespace", 's'), ASM__KEY("action", 'o'),
        ASM__KEY("type", '-'),  ASM__KEY("status", '-'),    ASM__KEY("id", '-')};
    asm_str values[9], name, text;
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    asm__ingest_read_object(state, payload, keys, values, 9, &others, NULL);
    asm__ingest_need_turn(state);
    state->has_final_words = false;
    name = asm__ingest_string(state, values[0]);
    if (asm_str_equal(type, ASM_STR("local_shell_call"))) name = ASM_STR("local_shell");
    if (asm_str_equal(type, ASM_STR("web_search_call"))) name = ASM_STR("web_search");
    event.tool.call_id = asm__ingest_string(state, values[2]);
    event.tool.input = asm__ingest_value(state, values[1].data   ? values[1]
                                                : values[3].data ? values[3]
                                                                 : values[5]);
    text = asm__ingest_string(state, values[1]); /* arguments as text are mostly JSON */
    if (text.size && asm_json_check(text, NULL) == ASM_OK && asm__ingest_is_flat(state, text))
        event.tool.input = text;
    if (asm_str_equal(name, ASM_STR("update_plan"))) {
        static const asm_str plan_key[] = {ASM__MEMBER("plan")};
        asm_str plan[1];
        asm__ingest_find_in_line(state,
                                 asm__ingest_is(event.tool.input, ASM_JSON_OBJECT) ? event.tool.input
                                                                                   : asm__ingest_absent(),
                                 plan_key, plan, 1);
        asm__codex_todos(state, plan[0]);
        event.tool.name = name;
        asm__ingest_remember_call(state, &event.tool); /* its answer is passed over, too */
        asm__ingest_leave_others(state, others);
        return;
    }
    event.tool.name = asm__rollout_tool_name(state, name, asm__ingest_string(state, values[4]));
    if (asm_str_equal(event.tool.name, ASM_STR("bash")))
        event.tool.display_text = asm__rollout_command(state, event.tool.input);
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_start_call(state, &event);
    if (asm_str_equal(type, ASM_STR("web_search_call"))) {
        asm_event end = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
        end.tool.call_id = event.tool.call_id;
        end.tool.name = event.tool.name;
        end.tool.input = event.tool.input;
        asm__ingest_end_tool(state, &end);
    }
}

/* The exit code at the head of a shell's text, in the words of newer versions. */
static asm_optional_int64 asm__rollout_exit_code(asm_str text) {
    static const asm_str marks[] = {ASM__MEMBER("Exit code: "), ASM__MEMBER("Process exited with code ")};
    asm_optional_int64 none = {0, false};
    size_t i, at, end;
    if (text.size > 400) text.size = 400;
    for (i = 0; i < ASM__INGEST_COUNT_OF(marks); i++) {
        for (at = 0; at + marks[i].size < text.size; at++) {
            if ((at && text.data[at - 1] != '\n') ||
                memcmp(text.data + at, marks[i].data, marks[i].size) != 0)
                continue;
            end = at += marks[i].size;
            while (end < text.size && end < at + 9 && text.data[end] >= '0' && text.data[end] <= '9')
                end++;
            return asm__ingest_int64(asm_str_make(text.data + at, end - at));
        }
    }
    return none;
}

static bool asm__rollout_is_failure(asm_str text) {
    static const asm_str marks[] = {ASM__MEMBER("failed in sandbox"), ASM__MEMBER("execution error"),
                                    ASM__MEMBER("patch rejected"), ASM__MEMBER("exec_command failed")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(marks); i++)
        if (asm__ingest_starts_with(text, marks[i])) return true;
    return false;
}

/* {"output", "metadata": {"exit_code", "duration_seconds"}}, as text or object; false if it is something else. */
static bool asm__rollout_outcome(asm__ingest *state, asm_event *event, asm_str json) {
    static const asm_str keys[] = {ASM__MEMBER("output"), ASM__MEMBER("metadata"), ASM__MEMBER("success"),
                                   ASM__MEMBER("content")};
    static const asm_str data_keys[] = {ASM__MEMBER("exit_code"), ASM__MEMBER("duration_seconds")};
    asm_str values[4], data[2];
    asm_optional_double seconds;
    bool success = true;
    if (!json.size || json.data[0] != '{' || asm_json_find(json, keys, values, 4, NULL) != ASM_OK)
        return false;
    if (values[2].data) asm_json_to_bool(values[2], &success);
    if (!success) event->type = ASM_EVENT_TOOL_CALL_FAILED;
    if (!values[0].data) values[0] = values[3];
    if (!asm__ingest_is(values[0], ASM_JSON_STRING)) return false;
    event->tool.output = asm__ingest_string(state, values[0]);
    asm__ingest_find_in_line(state,
                             asm__ingest_is(values[1], ASM_JSON_OBJECT) ? values[1] : asm__ingest_absent(),
                             data_keys, data, 2);
    event->tool.exit_code = asm__ingest_int64(data[0]);
    seconds = asm__ingest_double(data[1]);
    if (seconds.is_set) {
        event->tool.duration_ms.is_set = true;
        event->tool.duration_ms.value = asm_double_round(seconds.value * 1000, 6);
    }
    return true;
}

static void asm__rollout_output(asm__ingest *state, asm_str payload) {
    static const asm__ingest_key keys[] = {ASM__KEY("call_id", 's'), ASM__KEY("output", '*'),
                                           ASM__KEY("type", '-'), ASM__KEY("id", '-')};
    asm_str values[4], text;
    asm__ingest_others others;
    asm__ingest_call *call;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm__ingest_read_object(state, payload, keys, values, 4, &others, NULL);
    event.tool.call_id = asm__ingest_string(state, values[0]);
    call = asm__ingest_find_call(state, event.tool.call_id);
    if (call && asm_str_equal(asm__ingest_call_name(call), ASM_STR("update_plan"))) {
        asm__ingest_forget_call(state, call);
        asm__ingest_leave_others(state, others);
        if (!asm__ingest_is(values[1], ASM_JSON_STRING))
            asm__ingest_leave(state, ASM_STR("output"), values[1]);
        return;
    }
    text = asm__ingest_string(state, values[1]);
    if (text.data) {
        if (!asm__rollout_outcome(state, &event, text)) event.tool.output = text;
    } else if (asm__ingest_is(values[1], ASM_JSON_ARRAY)) {
        char *in_place = state->in_place;
        bool has_blobs = false;
        state->in_place = NULL;
        event.tool.output = asm__ingest_block_texts(state, values[1], &has_blobs);
        state->in_place = in_place;
        if (has_blobs) event.tool.result = asm__ingest_value(state, values[1]);
    } else if (!asm__rollout_outcome(state, &event, values[1])) {
        event.tool.output_json = asm__ingest_value(state, values[1]);
    }
    if (!event.tool.exit_code.is_set) event.tool.exit_code = asm__rollout_exit_code(event.tool.output);
    if (event.tool.exit_code.value != 0 || (call && call->has_failed) ||
        asm__rollout_is_failure(event.tool.output))
        event.type = ASM_EVENT_TOOL_CALL_FAILED;
    if (event.type == ASM_EVENT_TOOL_CALL_FAILED) event.tool.error_message = event.tool.output;
    event.extra = asm__ingest_extra(state, &state->extra, event.type, others);
    asm__ingest_end_tool(state, &event);
}

/* Whether an event tells that a call has failed, whose output comes later. */
static void asm__rollout_mark_failure(asm__ingest *state, asm_str payload) {
    static const asm_str keys[] = {ASM__MEMBER("call_id"), ASM__MEMBER("success"), ASM__MEMBER("result"),
                                   ASM__MEMBER("exit_code")};
    static const asm_str result_keys[] = {ASM__MEMBER("Err"), ASM__MEMBER("Ok")};
    asm_str values[4], parts[2];
    asm__ingest_call *call;
    bool success = true;
    asm_optional_int64 code;
    asm__ingest_find_in_line(state, payload, keys, values, 4);
    call = asm__ingest_find_call(state, asm__ingest_string(state, values[0]));
    if (!call) return;
    if (values[1].data) asm_json_to_bool(values[1], &success);
    asm__ingest_find_in_line(state,
                             asm__ingest_is(values[2], ASM_JSON_OBJECT) ? values[2] : asm__ingest_absent(),
                             result_keys, parts, 2);
    code = asm__ingest_int64(values[3]);
    if (!success || parts[0].data || code.value != 0 || asm__codex_is_error(parts[1]))
        call->has_failed = true;
}

/* Everything else that is kept: under its own name, with words where there are some. */
static void asm__rollout_notice(asm__ingest *state, asm_str payload, asm_str name) {
    static const asm__ingest_key keys[] = {ASM__KEY("message", 's'), ASM__KEY("text", 's'),
                                           ASM__KEY("type", '-')};
    asm_str values[3];
    asm__ingest_others others;
    asm_event event = asm__ingest_notice(state, name);
    asm__ingest_read_object(state, payload, keys, values, 3, &others, NULL);
    event.notice.text = asm__ingest_string(state, values[0].data ? values[0] : values[1]);
    if (values[0].data) asm__ingest_leave(state, ASM_STR("text"), values[1]);
    if (name.size || others.begin != others.end) asm__ingest_emit_notice(state, &event, others);
}

static void asm__rollout_item(asm__ingest *state, asm_str payload, asm_str type) {
    static const asm_str keys[] = {ASM__MEMBER("role"), ASM__MEMBER("content"), ASM__MEMBER("phase"),
                                   ASM__MEMBER("summary")};
    asm_str values[4];
    if (asm_str_equal(type, ASM_STR("message"))) {
        asm_str role, text;
        bool has_blobs = false;
        char *in_place = state->in_place;
        asm__ingest_find_in_line(state, payload, keys, values, 4);
        role = asm__ingest_string(state, values[0]);
        state->in_place = NULL;
        text = asm__ingest_is(values[1], ASM_JSON_STRING)
                   ? asm__ingest_string(state, values[1])
                   : asm__ingest_block_texts(state, values[1], &has_blobs);
        state->in_place = in_place;
        if (asm_str_equal(role, ASM_STR("assistant")))
            asm__rollout_say(state, 2, text, asm__ingest_string(state, values[2]), false);
        else asm__rollout_user(state, 2, text, role);
    } else if (asm_str_equal(type, ASM_STR("reasoning"))) {
        asm_json_reader parts;
        asm_str block, kind, text;
        asm__ingest_find_in_line(state, payload, keys, values, 4);
        parts = asm__ingest_line_elements(state, values[3]);
        while (asm__ingest_next_text(state, &parts, &block, &kind, &text))
            asm__rollout_say(state, 2, asm__ingest_string(state, text), asm__ingest_absent(), true);
        asm__rollout_keep_reasoning(state);
    } else if (asm_str_equal(type, ASM_STR("function_call")) ||
               asm_str_equal(type, ASM_STR("custom_tool_call")) ||
               asm_str_equal(type, ASM_STR("local_shell_call")) ||
               asm_str_equal(type, ASM_STR("web_search_call"))) {
        asm__rollout_call(state, payload, type);
    } else if (asm__ingest_ends_with(type, ASM_STR("_call_output"))) {
        asm__rollout_output(state, payload);
    } else {
        if (!asm_str_equal(type, ASM_STR("compaction")) && !asm_str_equal(type, ASM_STR("ghost_snapshot")))
            asm__ingest_count_unknown(state, type);
        asm__rollout_notice(state, payload, type);
    }
}

/* The end of a turn, by its own line. */
static void asm__rollout_end_turn(asm__ingest *state, asm_str payload, bool is_cancel) {
    static const asm_str keys[] = {ASM__MEMBER("duration_ms"), ASM__MEMBER("last_agent_message")};
    asm_str values[2];
    asm__ingest_find_in_line(state, payload, keys, values, 2);
    if (!state->run_open) return;
    state->turn_duration = asm__ingest_double(values[0]);
    if (is_cancel) state->cancelled = true;
    else if (!state->has_final_words && asm__ingest_is(values[1], ASM_JSON_STRING))
        asm__rollout_say(state, 1, asm__ingest_string(state, values[1]), asm__ingest_absent(), false);
    state->has_final_words = true;
    if (!is_cancel) asm__ingest_keep(state, &state->stop_reason, ASM_STR("end_turn"));
    asm__ingest_end_turn(state);
}

static bool asm__rollout_is_notice(asm_str type) {
    static const asm_str types[] = {ASM__MEMBER("context_compacted"),   ASM__MEMBER("thread_rolled_back"),
                                    ASM__MEMBER("entered_review_mode"), ASM__MEMBER("exited_review_mode"),
                                    ASM__MEMBER("mcp_tool_call_end"),   ASM__MEMBER("patch_apply_end"),
                                    ASM__MEMBER("web_search_end"),      ASM__MEMBER("image_generation_end"),
                                    ASM__MEMBER("sub_agent_activity"),  ASM__MEMBER("thread_goal_updated"),
                                    ASM__MEMBER("item_completed"),      ASM__MEMBER("exec_command_end")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(types); i++)
        if (asm_str_equal(type, types[i])) return true;
    return false;
}

static void asm__rollout_event(asm__ingest *state, asm_str payload, asm_str type) {
    static const asm_str keys[] = {ASM__MEMBER("message"), ASM__MEMBER("text"), ASM__MEMBER("phase")};
    asm_str values[3], text;
    asm__ingest_find_in_line(state, payload, keys, values, 3);
    text = asm__ingest_string(state, values[0].data ? values[0] : values[1]);
    if (asm_str_equal(type, ASM_STR("user_message"))) {
        asm__rollout_user(state, 1, text, ASM_STR("user"));
    } else if (asm_str_equal(type, ASM_STR("agent_message"))) {
        asm__rollout_say(state, 1, text, asm__ingest_string(state, values[2]), false);
    } else if (asm_str_equal(type, ASM_STR("agent_reasoning")) ||
               asm_str_equal(type, ASM_STR("agent_reasoning_raw_content"))) {
        asm__rollout_say(state, 1, text, asm__ingest_absent(), true);
    } else if (asm_str_equal(type, ASM_STR("token_count"))) {
        asm__rollout_tokens(state, payload);
    } else if (asm_str_equal(type, ASM_STR("task_started")) || asm_str_equal(type, ASM_STR("turn_started"))) {
        asm__ingest_begin_turn(state, true);
    } else if (asm_str_equal(type, ASM_STR("task_complete")) ||
               asm_str_equal(type, ASM_STR("turn_complete"))) {
        asm__rollout_end_turn(state, payload, false);
    } else if (asm_str_equal(type, ASM_STR("turn_aborted"))) {
        asm__rollout_end_turn(state, payload, true);
    } else if (asm_str_equal(type, ASM_STR("error")) || asm_str_equal(type, ASM_STR("stream_error"))) {
        asm__ingest_emit_error(state, ASM_STR("provider_error"), text, asm__ingest_value(state, payload));
    } else {
        asm__rollout_mark_failure(state, payload);
        if (!asm__rollout_is_notice(type)) asm__ingest_count_unknown(state, type);
        asm__rollout_notice(state, payload, type);
    }
}

static const char *const asm__rollout_shape[] = {
    "type=session_meta timestamp:s ordinal:n payload:o",
    "type=turn_context timestamp:s ordinal:n payload{model:s cwd:s}",
    "type=response_item timestamp:s ordinal:n payload{type=message role:s phase:s id:s content:s "
    "content[type=input_text text:s | type=output_text text:s | type=text text:s] | type=reasoning "
    "summary[type=summary_text text:s] | type=user_message kind=plain message:s | type=user_message "
    "message:s | type=agent_message message:s phase:s "
    "| type=agent_reasoning text:s | type=agent_reasoning_raw_content text:s | type=task_started | "
    "type=turn_started | type=task_complete duration_ms:n last_agent_message:s | type=turn_complete "
    "duration_ms:n last_agent_message:s | type=turn_aborted duration_ms:n | *:*}",
    "type=event_msg timestamp:s ordinal:n payload{type=message role:s phase:s id:s content:s "
    "content[type=input_text text:s | type=output_text text:s | type=text text:s] | type=reasoning "
    "summary[type=summary_text text:s] | type=user_message kind=plain message:s | type=user_message "
    "message:s | type=agent_message message:s phase:s "
    "| type=agent_reasoning text:s | type=agent_reasoning_raw_content text:s | type=task_started | "
    "type=turn_started | type=task_complete duration_ms:n last_agent_message:s | type=turn_complete "
    "duration_ms:n last_agent_message:s | type=turn_aborted duration_ms:n | *:*}",
    "type:s timestamp:s ordinal:n payload:o",
    NULL};

/* Of old files, which have the items alone. */
static const char *const asm__rollout_item_shape[] = {
    "type=message timestamp:s id:s role:s phase:s content:s content[type=input_text text:s | "
    "type=output_text text:s | type=text text:s]",
    "type=reasoning timestamp:s id:s summary[type=summary_text text:s]", NULL};

static asm_result asm__rollout_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),        ASM__KEY("timestamp", '*'),
                                           ASM__KEY("payload", 'o'),     ASM__KEY("id", 's'),
                                           ASM__KEY("record_type", 's'), ASM__KEY("instructions", '*')};
    static const asm_str type_key[] = {ASM__MEMBER("type")};
    asm_str values[6], type, inner[1];
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 6, &others, error)) return error->result;
    state->is_file = true;
    type = asm__ingest_string(state, values[0]);
    asm__ingest_find_in_line(state, values[2], type_key, inner, 1);
    inner[0] = asm__ingest_string(state, inner[0]);
    asm__ingest_begin_rest(state, line, inner[0].size ? inner[0] : type,
                           values[2].data ? asm__rollout_shape : asm__rollout_item_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), values[1], asm__ingest_absent());
    if (!values[2].data) { /* the oldest form: the items themselves, after a head */
        if (values[3].data && values[1].data && !type.size) asm__rollout_meta(state, line);
        else if (type.size) asm__rollout_item(state, line, type);
        else if (!values[4].data) asm__ingest_emit_unknown(state, type, others);
        else asm__ingest_leave_others(state, others);
        return ASM_OK;
    }
    if (asm_str_equal(type, ASM_STR("session_meta"))) {
        asm__rollout_meta(state, values[2]);
    } else if (asm_str_equal(type, ASM_STR("turn_context"))) {
        asm__rollout_context(state, values[2]);
    } else if (asm_str_equal(type, ASM_STR("response_item"))) {
        asm__rollout_item(state, values[2], inner[0]);
    } else if (asm_str_equal(type, ASM_STR("event_msg"))) {
        asm__rollout_event(state, values[2], inner[0]);
    } else {
        if (!asm_str_equal(type, ASM_STR("compacted")) && !asm_str_equal(type, ASM_STR("world_state")))
            asm__ingest_count_unknown(state, type);
        asm__rollout_notice(state, values[2], type);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__rollout_reader = {ASM__MEMBER("codex"), asm__rollout_line,
                                                       asm__ingest_end_turn};
#define ASM__READER_CODEX_ROLLOUT &asm__rollout_reader
#endif

/* >>ingest: plain streams
 *
 * What formats share whose lines each tell one thing: a piece of text, a call, its end, the end of the run.
 */
#if ASM_INGEST_FORMATS &                                                                                     \
    (ASM_WITH_GEMINI | ASM_WITH_CURSOR | ASM_WITH_OPENCODE | ASM_WITH_GOOSE | ASM_WITH_PI |                  \
     ASM_WITH_COPILOT | ASM_WITH_KIMI | ASM_WITH_DROID | ASM_WITH_ANTIGRAVITY | ASM_WITH_GROK |              \
     ASM_WITH_ACP | ASM_WITH_AG_UI | ASM_WITH_ENVELOPES | ASM_WITH_GEMINI_CHAT | ASM_WITH_QWEN_CHAT |        \
     ASM_WITH_PI_SESSION | ASM_WITH_KIMI_WIRE | ASM_WITH_DROID_SESSION | ASM_WITH_CURSOR_TRANSCRIPT |        \
     ASM_WITH_OPENCODE_EXPORT | ASM_WITH_OPENCODE_SERVER)

/* The line's time since 1970, in units of so many microseconds. */
static void asm__plain_set_time(asm__ingest *state, asm_str raw, int unit) {
    const asm_optional_double number = asm__ingest_double(raw);
    const double time = number.value * unit;
    if (!number.is_set || time <= 0 || time >= 253402300800000000.0) {
        asm__ingest_leave(state, ASM_STR("timestamp"), raw);
        return;
    }
    state->line_time = (asm_time)time;
    state->line_precision = ASM_TIME_PRECISION_MILLISECONDS;
    state->last_time = state->line_time;
}

/* The main agent's message `id`; without one, that which has begun, or a new one. */
static asm__ingest_speaker *asm__plain_speaker(asm__ingest *state, asm_str id) {
    asm__ingest_speaker *speaker = &state->main;
    asm__ingest_need_run(state, asm__ingest_absent());
    speaker->run = state->line_run;
    asm__ingest_enter_message(state, speaker, id);
    speaker->partial = speaker->streamed = true;
    return speaker;
}

static void asm__plain_finish_speaker(asm__ingest *state, asm__ingest_speaker *speaker) {
    speaker->partial = false;
    asm__ingest_finish_message(state, speaker, false);
    speaker->has_message = false;
}

static void asm__plain_finish(asm__ingest *state) {
    asm__plain_finish_speaker(state, &state->main);
}

/* A message that comes whole. What of it came in pieces is not given again. */
static void asm__plain_message(asm__ingest *state, asm_str id, asm_str text) {
    if (!text.size) return;
    asm__ingest_say_block(state, asm__plain_speaker(state, id), text, asm__ingest_absent());
    asm__plain_finish(state);
}

/* What the person said. */
static void asm__plain_prompt(asm__ingest *state, asm_str id, asm_str text) {
    asm_event event = asm__ingest_event(ASM_EVENT_MESSAGE_SENT);
    if (!text.size) return;
    event.message.content = text;
    event.message.role = ASM_STR("user");
    if (id.size) event.message.message_id = id;
    asm__ingest_emit(state, &event);
}

static void asm__plain_start_tool(asm__ingest *state, asm_str id, asm_str name, asm_str input) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    asm__plain_finish(state);
    asm__ingest_need_run(state, asm__ingest_absent());
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = asm__ingest_value(state, input);
    asm__ingest_start_call(state, &event);
}

/* A call that the model asks for: it may start later, or never. */
static void asm__plain_identify(asm__ingest *state, asm_str id, asm_str name, asm_str input) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_IDENTIFIED);
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = asm__ingest_value(state, input);
    asm__ingest_emit(state, &event);
}

/* A call's result: a text, blocks of text, or any other JSON. */
static void asm__plain_output(asm__ingest *state, asm_event *event, asm_str raw) {
    bool has_blobs = false;
    if (!raw.data || asm__ingest_is(raw, ASM_JSON_NULL)) return;
    state->in_place = NULL; /* the object that it stands in is looked at again */
    if (asm__ingest_is(raw, ASM_JSON_STRING)) event->tool.output = asm__ingest_string(state, raw);
    else if (asm__ingest_is(raw, ASM_JSON_ARRAY))
        event->tool.output = asm__ingest_block_texts(state, raw, &has_blobs);
    if (!event->tool.output.data || has_blobs) event->tool.output_json = asm__ingest_value(state, raw);
}

/* Ends the call event->tool.call_id. Any sign of failure wins. */
static void asm__plain_end_tool(asm__ingest *state, asm_event *event, bool is_failed, asm_str status) {
    const bool has_code = event->tool.exit_code.is_set && event->tool.exit_code.value != 0;
    is_failed = is_failed || has_code;
    event->type = is_failed ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED;
    event->tool.status = status.size ? status : is_failed ? ASM_STR("failed") : ASM_STR("completed");
    asm__ingest_end_tool(state, event);
}

/* The run is over: what is open of the message ends with it. */
static void asm__plain_end_run(asm__ingest *state, asm_event *event, const asm_usage_payload *usage) {
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__plain_finish(state);
    if (usage && !asm__ingest_usage_is_zero(usage)) /* of a run that did nothing: not known */
        event->run.token_usage = asm__ingest_usage_json(state, &state->built, usage);
    asm__ingest_end_run(state, event);
}

/* The stream stops within a message. */
static void asm__plain_stop(asm__ingest *state) {
    asm__ingest_finish_message(state, &state->main, true);
    state->main.has_message = false;
}

/* The text of an error: a text, or an object with a message. */
static asm_str asm__plain_error_text(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("message"), ASM__MEMBER("data")};
    asm_str values[2], inner[2];
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return asm__ingest_string(state, raw);
    asm__ingest_find_in_line(state, raw, keys, values, 2);
    if (values[0].data) return asm__ingest_string(state, values[0]);
    asm__ingest_find_in_line(state, values[1], keys, inner, 2);
    return asm__ingest_string(state, inner[0]);
}

static asm_event asm__plain_failure(const asm__ingest *state, asm_str code, asm_str message, asm_str error) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    event.run.error_code = code.size ? code : ASM_STR("provider_error");
    event.run.error_message = message.size ? message : ASM_STR("the run failed");
    event.run.provider_error = asm__ingest_value(state, error);
    return event;
}

static asm_event asm__plain_success(asm_str stop_reason) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    if (stop_reason.size) event.run.stop_reason = stop_reason;
    return event;
}

/* Gemini: a shell command that fails is a success of the tool: only its text has the exit code. */
static asm_optional_int64 asm__gemini_exit_code(asm_str output) {
    static const char before[] = "Command exited with code: ";
    asm_optional_int64 code = {0, false};
    if (asm__ingest_starts_with(output, asm_str_make(before, sizeof before - 1)))
        code = asm__ingest_int64(
            asm_str_make(output.data + sizeof before - 1, output.size - (sizeof before - 1)));
    return code;
}

/* Adds to the cost of the run. */
static void asm__plain_add_cost(asm__ingest *state, asm_optional_double cost) {
    asm_optional_double *total = &state->main.total.cost_usd;
    if (!cost.is_set) return;
    total->value = asm_double_round((total->is_set ? total->value : 0) + cost.value, 12);
    total->is_set = true;
}

/* Figures of which the cache's are counted apart from the input. */
static void asm__plain_add_cache(asm_usage_payload *usage) {
    if (!usage->input_tokens.is_set) return;
    asm__ingest_add(&usage->input_tokens, usage->cache_read_tokens);
    asm__ingest_add(&usage->input_tokens, usage->cache_creation_tokens);
}
#endif

/* >>ingest: gemini
 *
 * gemini --output-format stream-json. The tokens of a result are the process's: input includes the cache, output leaves
 * the reasoning out, which the total has.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_GEMINI

static asm_usage_payload asm__gemini_usage(asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"),
                                   ASM__MEMBER("cached"), ASM__MEMBER("total_tokens")};
    asm_usage_payload usage;
    asm_optional_int64 total;
    asm_str values[4];
    memset(&usage, 0, sizeof usage);
    asm__ingest_find(raw, keys, values, 4);
    usage.input_tokens = asm__ingest_int64(values[0]);
    usage.output_tokens = asm__ingest_int64(values[1]);
    usage.cache_read_tokens = asm__ingest_int64(values[2]);
    total = asm__ingest_int64(values[3]);
    if (total.is_set && usage.input_tokens.is_set && usage.output_tokens.is_set &&
        total.value - usage.input_tokens.value > usage.output_tokens.value) {
        usage.reasoning_tokens.is_set = true;
        usage.reasoning_tokens.value = total.value - usage.input_tokens.value - usage.output_tokens.value;
        usage.output_tokens.value += usage.reasoning_tokens.value;
    }
    return usage;
}

/* The figures of each model, by name. */
static asm_str asm__gemini_models(asm__ingest *state, asm_str stats) {
    static const asm_str key[] = {ASM__MEMBER("models")};
    asm_str models, name, raw;
    asm_json_reader reader;
    asm_json_writer writer;
    asm__ingest_find_in_line(state, stats, key, &models, 1);
    if (!asm__ingest_is(models, ASM_JSON_OBJECT)) return asm__ingest_absent();
    asm_buffer_clear(&state->models);
    asm_json_writer_init(&writer, &state->models);
    asm_json_begin_object(&writer);
    asm_json_reader_init(&reader, models, &state->keys);
    reader.known = &state->spans;
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &name) && asm_json_read_raw(&reader, &raw)) {
        const asm_usage_payload usage = asm__gemini_usage(raw);
        const asm_str json = asm__ingest_usage_json(state, &state->built2, &usage);
        asm_json_write_key(&writer, name);
        asm__ingest_write_raw(state, &writer, json.data ? json : ASM_STR("{}"));
    }
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(&state->models);
    state->failed = true;
    return asm__ingest_absent();
}

static void asm__gemini_result(asm__ingest *state, asm_str status, asm_str error, asm_str stats) {
    static const asm_str keys[] = {ASM__MEMBER("duration_ms")};
    const bool is_success = asm_str_equal(status, ASM_STR("\"success\""));
    const asm_str message = asm__plain_error_text(state, error);
    const asm_usage_payload usage = asm__gemini_usage(stats);
    asm_event event = is_success ? asm__plain_success(asm__ingest_absent())
                                 : asm__plain_failure(state, asm__ingest_absent(), message, error);
    asm_str duration;
    if (!is_success && asm_str_equal(message, ASM_STR("Operation cancelled.")))
        event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    asm__ingest_find_in_line(state, stats, keys, &duration, 1);
    event.run.duration_ms = asm__ingest_double(duration);
    event.run.models = asm__gemini_models(state, stats);
    asm__plain_end_run(state, &event, &usage);
}

static const char *const asm__gemini_shape[] = {
    "type=init timestamp:s session_id:s model:s",
    "type=message timestamp:s session_id:s role:s content:s delta:b",
    "type=tool_use timestamp:s session_id:s tool_name:s tool_id:s parameters:*",
    "type=tool_result timestamp:s session_id:s tool_id:s status:s output[type=text text:s | type:s *:*] "
    "output:* error:s error{message:s}",
    "type=error timestamp:s session_id:s *:*",
    "type=result timestamp:s session_id:s status:s error:* stats{total_tokens:i input_tokens:i "
    "output_tokens:i cached:i input:i duration_ms:n models{*{total_tokens:i input_tokens:i output_tokens:i "
    "cached:i input:i}}}",
    NULL};

enum {
    ASM__GEMINI_TYPE,
    ASM__GEMINI_TIME,
    ASM__GEMINI_SESSION,
    ASM__GEMINI_MODEL,
    ASM__GEMINI_ROLE,
    ASM__GEMINI_CONTENT,
    ASM__GEMINI_NAME,
    ASM__GEMINI_ID,
    ASM__GEMINI_INPUT,
    ASM__GEMINI_STATUS,
    ASM__GEMINI_OUTPUT,
    ASM__GEMINI_ERROR,
    ASM__GEMINI_MESSAGE,
    ASM__GEMINI_STATS,
    ASM__GEMINI_DELTA,
    ASM__GEMINI_COUNT
};

static asm_result asm__gemini_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("type", 's'),      ASM__KEY("timestamp", 's'), ASM__KEY("session_id", 's'),
        ASM__KEY("model", 's'),     ASM__KEY("role", 's'),      ASM__KEY("content", 's'),
        ASM__KEY("tool_name", 's'), ASM__KEY("tool_id", 's'),   ASM__KEY("parameters", '*'),
        ASM__KEY("status", 's'),    ASM__KEY("output", '*'),    ASM__KEY("error", '*'),
        ASM__KEY("message", 's'),   ASM__KEY("stats", 'o'),     ASM__KEY("delta", '-')};
    asm_str values[ASM__GEMINI_COUNT], type, id;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, ASM__GEMINI_COUNT, &others, error))
        return error->result;
    type = asm__ingest_string(state, values[ASM__GEMINI_TYPE]);
    asm__ingest_begin_rest(state, line, type, asm__gemini_shape);
    asm__ingest_set_line(state, values[ASM__GEMINI_SESSION], values[ASM__GEMINI_TIME], asm__ingest_absent());
    id = asm__ingest_string(state, values[ASM__GEMINI_ID]);
    if (asm_str_equal(type, ASM_STR("init"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
        if (state->run_open) asm__ingest_cut_run(state);
        event.run.model = asm__ingest_string(state, values[ASM__GEMINI_MODEL]);
        asm__ingest_begin_run(state, &event);
    } else if (asm_str_equal(type, ASM_STR("message"))) {
        if (asm_str_equal(values[ASM__GEMINI_ROLE], ASM_STR("\"user\"")))
            asm__plain_prompt(state, asm__ingest_absent(),
                              asm__ingest_text(state, values[ASM__GEMINI_CONTENT]));
        else
            asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()),
                            asm__ingest_text(state, values[ASM__GEMINI_CONTENT]));
    } else if (asm_str_equal(type, ASM_STR("tool_use"))) {
        asm__plain_start_tool(state, id, asm__ingest_string(state, values[ASM__GEMINI_NAME]),
                              values[ASM__GEMINI_INPUT]);
    } else if (asm_str_equal(type, ASM_STR("tool_result"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
        event.tool.call_id = id;
        asm__plain_output(state, &event, values[ASM__GEMINI_OUTPUT]);
        event.tool.error_message = asm__plain_error_text(state, values[ASM__GEMINI_ERROR]);
        event.tool.exit_code = asm__gemini_exit_code(event.tool.output);
        asm__plain_end_tool(state, &event, !asm_str_equal(values[ASM__GEMINI_STATUS], ASM_STR("\"success\"")),
                            asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm__ingest_emit_error(state, ASM_STR("provider_error"),
                               asm__ingest_string(state, values[ASM__GEMINI_MESSAGE]),
                               asm__ingest_value(state, line));
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm__gemini_result(state, values[ASM__GEMINI_STATUS], values[ASM__GEMINI_ERROR],
                           values[ASM__GEMINI_STATS]);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__gemini_reader = {ASM__MEMBER("gemini"), asm__gemini_line,
                                                      asm__plain_stop};
#define ASM__READER_GEMINI &asm__gemini_reader
#endif

/* >>ingest: cursor
 *
 * cursor-agent -p --output-format stream-json. A line of text with model_call_id, or without timestamp_ms, repeats what
 * came in pieces before it, if pieces came.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_CURSOR

/* A call: the only member of `raw` that ends in "ToolCall", or "tool" or "function", with the name inside. */
static asm_str asm__cursor_call(asm__ingest *state, asm_str raw, asm_str *name) {
    static const asm_str name_key[] = {ASM__MEMBER("name")};
    asm_json_reader reader;
    asm_str key, value, inner;
    asm_json_reader_init(&reader, raw, &state->keys);
    reader.known = &state->spans;
    if (!asm_json_enter_object(&reader)) return asm__ingest_absent();
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        if (asm__ingest_ends_with(key, ASM_STR("ToolCall")) && key.size > 8) {
            *name = asm_str_make(key.data, key.size - 8);
            return value;
        }
        if (asm_str_equal(key, ASM_STR("tool")) || asm_str_equal(key, ASM_STR("function"))) {
            asm__ingest_find_in_line(state, value, name_key, &inner, 1);
            *name = asm__ingest_string(state, inner);
            return value;
        }
    }
    return asm__ingest_absent();
}

/* How a call ended: the name of the only member of its result, and that member. */
static void asm__cursor_outcome(asm__ingest *state, asm_event *event, asm_str result, bool *is_failed,
                                asm_str *status) {
    static const asm_str keys[] = {
        ASM__MEMBER("exitCode"),          ASM__MEMBER("stdout"), ASM__MEMBER("content"),
        ASM__MEMBER("message"),           ASM__MEMBER("error"),  ASM__MEMBER("executionTime"),
        ASM__MEMBER("interleavedOutput"), ASM__MEMBER("reason")};
    asm_str values[8], word, value;
    asm_json_reader reader;
    asm_json_reader_init(&reader, result, &state->keys);
    reader.known = &state->spans;
    if (!asm_json_enter_object(&reader) || !asm_json_next_member(&reader, &word) ||
        !asm_json_read_raw(&reader, &value))
        return;
    *is_failed = !asm_str_equal(word, ASM_STR("success"));
    if (asm_str_equal(word, ASM_STR("rejected")) || asm_str_equal(word, ASM_STR("permissionDenied")))
        *status = ASM_STR("declined");
    if (asm_str_equal(word, ASM_STR("timeout"))) *status = ASM_STR("timeout");
    asm__ingest_find_in_line(state, value, keys, values, 8);
    event->tool.exit_code = asm__ingest_int64(values[0]);
    event->tool.duration_ms = asm__ingest_double(values[5]);
    asm__plain_output(state, event, values[6].size > 2 ? values[6] : values[1].data ? values[1] : values[2]);
    event->tool.result = asm__ingest_value(state, result);
    if (*is_failed)
        event->tool.error_message = asm__ingest_string(state, values[3].data   ? values[3]
                                                              : values[4].data ? values[4]
                                                                               : values[7]);
    if (*is_failed && !event->tool.error_message.size) event->tool.error_message = word;
}

static void asm__cursor_tool(asm__ingest *state, asm_str subtype, asm_str id, asm_str call) {
    static const asm_str keys[] = {ASM__MEMBER("args"), ASM__MEMBER("result"), ASM__MEMBER("isBackground")};
    asm_str values[3], name = asm__ingest_absent(), status = asm__ingest_absent(), body;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    bool is_failed = false;
    body = asm__cursor_call(state, call, &name);
    asm__ingest_find_in_line(state, body, keys, values, 3);
    if (asm_str_equal(subtype, ASM_STR("started"))) {
        asm__plain_start_tool(state, id, name, values[0]);
        return;
    }
    event.tool.call_id = id;
    event.tool.name = name;
    asm__cursor_outcome(state, &event, values[1], &is_failed, &status);
    if (asm_str_equal(event.tool.error_message, ASM_STR("async")) ||
        asm_str_equal(event.tool.error_message, ASM_STR("stillRunning")) ||
        asm_str_equal(values[2], ASM_STR("true"))) {
        asm_event update = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
        update.tool.call_id = id;
        update.tool.status = ASM_STR("running_in_background");
        asm__ingest_leave(state, ASM_STR("result"), values[1]);
        asm__ingest_send_to_background(state, id, &update);
        return;
    }
    if (asm_str_equal(event.tool.error_message, ASM_STR("approved"))) {
        asm__ingest_leave(state, ASM_STR("result"), values[1]);
        return;
    }
    asm__plain_end_tool(state, &event, is_failed, status);
}

static void asm__cursor_result(asm__ingest *state, const asm_str *values) {
    static const asm_str keys[] = {ASM__MEMBER("inputTokens"), ASM__MEMBER("outputTokens"),
                                   ASM__MEMBER("cacheReadTokens"), ASM__MEMBER("cacheWriteTokens")};
    const bool is_error = asm_str_equal(values[1], ASM_STR("true"));
    const asm_str text = asm__ingest_string(state, values[0]);
    asm_event event = is_error ? asm__plain_failure(state, asm__ingest_absent(), text, asm__ingest_absent())
                               : asm__plain_success(ASM_STR("end_turn"));
    asm_usage_payload usage;
    asm_str counts[4];
    memset(&usage, 0, sizeof usage);
    asm__ingest_find_in_line(state, values[2], keys, counts, 4);
    usage.input_tokens = asm__ingest_int64(counts[0]);
    usage.output_tokens = asm__ingest_int64(counts[1]);
    usage.cache_read_tokens = asm__ingest_int64(counts[2]);
    usage.cache_creation_tokens = asm__ingest_int64(counts[3]);
    asm__plain_add_cache(&usage);
    event.run.duration_ms = asm__ingest_double(values[3]);
    if (!is_error && !state->run_has_text) asm__plain_message(state, asm__ingest_absent(), text);
    asm__plain_end_run(state, &event, &usage);
}

/* A line of text: a piece, or all since the last call. */
static void asm__cursor_text(asm__ingest *state, asm_str message, bool is_piece) {
    static const asm_str key[] = {ASM__MEMBER("content")};
    asm_str content, text;
    bool has_blobs = false;
    asm__ingest_find_in_line(state, message, key, &content, 1);
    text = asm__ingest_block_texts(state, content, &has_blobs);
    if (is_piece) {
        asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()), text);
        return;
    }
    asm__plain_message(state, asm__ingest_absent(), text);
}

static const char *const asm__cursor_shape[] = {
    "type=system subtype=init session_id:s cwd:s model:s",
    "type=user session_id:s timestamp_ms:n message{role:s content[type=text text:s]}",
    "type=thinking subtype:s text:s session_id:s timestamp_ms:n",
    "type=assistant session_id:s model_call_id:s timestamp_ms:n message{role:s content[type=text text:s]}",
    "type=tool_call subtype=started call_id:s model_call_id:s session_id:s timestamp_ms:n "
    "tool_call{tool{name:s args:*} function{name:s args:*} *{args:*}}",
    "type=tool_call subtype:s call_id:s model_call_id:s session_id:s timestamp_ms:n tool_call{tool{name:s "
    "args:* result:o isBackground:b} function{name:s args:* result:o isBackground:b} *{args:* result:o "
    "isBackground:b}}",
    "type=result subtype=success session_id:s result:s is_error:b duration_ms:n usage{inputTokens:i "
    "outputTokens:i cacheReadTokens:i cacheWriteTokens:i}",
    "type=result session_id:s result:s is_error:b duration_ms:n usage{inputTokens:i outputTokens:i "
    "cacheReadTokens:i cacheWriteTokens:i}",
    NULL};

enum {
    ASM__CURSOR_TYPE,
    ASM__CURSOR_SUBTYPE,
    ASM__CURSOR_SESSION,
    ASM__CURSOR_MESSAGE,
    ASM__CURSOR_TEXT,
    ASM__CURSOR_TIME,
    ASM__CURSOR_CALL_MODEL,
    ASM__CURSOR_CALL_ID,
    ASM__CURSOR_CALL,
    ASM__CURSOR_RESULT,
    ASM__CURSOR_IS_ERROR,
    ASM__CURSOR_USAGE,
    ASM__CURSOR_DURATION,
    ASM__CURSOR_MODEL,
    ASM__CURSOR_CWD,
    ASM__CURSOR_COUNT
};

static asm_result asm__cursor_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("type", 's'),          ASM__KEY("subtype", 's'),  ASM__KEY("session_id", 's'),
        ASM__KEY("message", 'o'),       ASM__KEY("text", 's'),     ASM__KEY("timestamp_ms", 'n'),
        ASM__KEY("model_call_id", 's'), ASM__KEY("call_id", 's'),  ASM__KEY("tool_call", 'o'),
        ASM__KEY("result", 's'),        ASM__KEY("is_error", 'b'), ASM__KEY("usage", 'o'),
        ASM__KEY("duration_ms", 'n'),   ASM__KEY("model", 's'),    ASM__KEY("cwd", 's')};
    asm_str values[ASM__CURSOR_COUNT], type, subtype;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, ASM__CURSOR_COUNT, &others, error))
        return error->result;
    type = asm__ingest_string(state, values[ASM__CURSOR_TYPE]);
    asm__ingest_begin_rest(state, line, type, asm__cursor_shape);
    asm__ingest_set_line(state, values[ASM__CURSOR_SESSION], asm__ingest_absent(), asm__ingest_absent());
    asm__plain_set_time(state, values[ASM__CURSOR_TIME], 1000);
    subtype = asm__ingest_string(state, values[ASM__CURSOR_SUBTYPE]);
    if (asm_str_equal(type, ASM_STR("system")) && asm_str_equal(subtype, ASM_STR("init"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
        if (state->run_open) asm__ingest_cut_run(state);
        event.run.model = asm__ingest_string(state, values[ASM__CURSOR_MODEL]);
        event.run.cwd = asm__ingest_string(state, values[ASM__CURSOR_CWD]);
        asm__ingest_begin_run(state, &event);
    } else if (asm_str_equal(type, ASM_STR("user"))) {
        static const asm_str key[] = {ASM__MEMBER("content")};
        asm_str content;
        bool has_blobs = false;
        asm__ingest_find_in_line(state, values[ASM__CURSOR_MESSAGE], key, &content, 1);
        asm__plain_prompt(state, asm__ingest_absent(), asm__ingest_block_texts(state, content, &has_blobs));
    } else if (asm_str_equal(type, ASM_STR("thinking"))) {
        if (values[ASM__CURSOR_TEXT].data) {
            asm__ingest_need_run(state, asm__ingest_absent());
            asm__ingest_emit_thinking(state, asm__ingest_text(state, values[ASM__CURSOR_TEXT]),
                                      asm__ingest_absent(), asm__ingest_absent());
        }
    } else if (asm_str_equal(type, ASM_STR("assistant"))) {
        asm__cursor_text(state, values[ASM__CURSOR_MESSAGE],
                         values[ASM__CURSOR_TIME].data && !values[ASM__CURSOR_CALL_MODEL].data);
    } else if (asm_str_equal(type, ASM_STR("tool_call"))) {
        asm__cursor_tool(state, subtype, asm__ingest_string(state, values[ASM__CURSOR_CALL_ID]),
                         values[ASM__CURSOR_CALL]);
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm_str parts[4];
        parts[0] = values[ASM__CURSOR_RESULT];
        parts[1] = values[ASM__CURSOR_IS_ERROR];
        parts[2] = values[ASM__CURSOR_USAGE];
        parts[3] = values[ASM__CURSOR_DURATION];
        asm__cursor_result(state, parts);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__cursor_reader = {ASM__MEMBER("cursor"), asm__cursor_line,
                                                      asm__plain_stop};
#define ASM__READER_CURSOR &asm__cursor_reader
#endif

/* >>ingest: opencode
 *
 * opencode run --format json. A call comes once, when it has ended; tokens and cost are those of each step, to be added
 * up. The run ends with "done", or with the stream after a step that stopped.
 */
#if ASM_INGEST_FORMATS & (ASM_WITH_OPENCODE | ASM_WITH_OPENCODE_EXPORT | ASM_WITH_OPENCODE_SERVER)

static void asm__opencode_tool(asm__ingest *state, asm_str part) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("callID", 's'),    ASM__KEY("tool", 's'),      ASM__KEY("state", 'o'), ASM__KEY("id", '-'),
        ASM__KEY("sessionID", '-'), ASM__KEY("messageID", '-'), ASM__KEY("type", '-')};
    static const asm__ingest_key state_keys[] = {
        ASM__KEY("status", 's'), ASM__KEY("input", 'o'),    ASM__KEY("output", '*'), ASM__KEY("error", '*'),
        ASM__KEY("title", 's'),  ASM__KEY("metadata", 'o'), ASM__KEY("time", 'o')};
    static const asm_str exit_key[] = {ASM__MEMBER("exit")};
    static const asm_str time_keys[] = {ASM__MEMBER("start"), ASM__MEMBER("end")};
    asm_str values[7], call[7], code, times[2], id, name;
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm_optional_double begin, end;
    bool is_failed;
    if (!asm__ingest_read_object(state, part, keys, values, 7, &others, NULL)) return;
    asm__ingest_read_object(state, values[2], state_keys, call, 7, &others, NULL);
    id = asm__ingest_string(state, values[0]);
    name = asm__ingest_string(state, values[1]);
    if (!asm__ingest_find_call(state, id)) asm__plain_start_tool(state, id, name, call[1]);
    is_failed = !asm_str_equal(call[0], ASM_STR("\"completed\"")) || asm_str_equal(name, ASM_STR("invalid"));
    event.tool.call_id = id;
    event.tool.display_text = asm__ingest_string(state, call[4]);
    asm__plain_output(state, &event, call[2]);
    event.tool.error_message = asm__plain_error_text(state, call[3]);
    asm__ingest_find_in_line(state, call[5], exit_key, &code, 1);
    event.tool.exit_code = asm__ingest_int64(code);
    event.tool.result = asm__ingest_value(state, call[5]);
    asm__ingest_find_in_line(state, call[6], time_keys, times, 2);
    begin = asm__ingest_double(times[0]);
    end = asm__ingest_double(times[1]);
    if (begin.is_set && end.is_set && end.value >= begin.value) {
        event.tool.duration_ms.is_set = true;
        event.tool.duration_ms.value = end.value - begin.value;
    }
    asm__plain_end_tool(state, &event, is_failed, asm__ingest_absent());
}

/* What a step or a message has used: it goes to the run's sum, which stands in the main agent's total. */
static void asm__opencode_tokens(asm__ingest *state, asm_str raw, asm_str cost, asm_str id, asm_str model) {
    static const asm_str token_keys[] = {ASM__MEMBER("input"), ASM__MEMBER("output"),
                                         ASM__MEMBER("reasoning"), ASM__MEMBER("cache"),
                                         ASM__MEMBER("total")};
    static const asm_str cache_keys[] = {ASM__MEMBER("read"), ASM__MEMBER("write")};
    asm_str tokens[5], cache[2];
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_optional_int64 total;
    asm__ingest_find_in_line(state, raw, token_keys, tokens, 5);
    asm__ingest_find_in_line(state, tokens[3], cache_keys, cache, 2);
    asm__plain_finish(state);
    asm__ingest_need_run(state, asm__ingest_absent());
    event.usage.input_tokens = asm__ingest_int64(tokens[0]);
    event.usage.output_tokens = asm__ingest_int64(tokens[1]);
    event.usage.reasoning_tokens = asm__ingest_int64(tokens[2]);
    event.usage.cache_read_tokens = asm__ingest_int64(cache[0]);
    event.usage.cache_creation_tokens = asm__ingest_int64(cache[1]);
    asm__plain_add_cache(&event.usage);
    total = asm__ingest_int64(tokens[4]);
    /* Newer ones count reasoning apart from the output: where a total says so, or it is greater. */
    if (event.usage.reasoning_tokens.value > event.usage.output_tokens.value ||
        (total.is_set && total.value == event.usage.input_tokens.value + event.usage.output_tokens.value +
                                            event.usage.reasoning_tokens.value))
        asm__ingest_add(&event.usage.output_tokens, event.usage.reasoning_tokens);
    event.usage.cost_usd = asm__ingest_double(cost);
    event.usage.message_id = id;
    if (model.size) event.usage.model = model;
    asm__ingest_add_usage(&state->main.total, &event.usage);
    asm__plain_add_cost(state, event.usage.cost_usd);
    asm__ingest_emit(state, &event);
}

/* The end of a step. */
static void asm__opencode_step(asm__ingest *state, asm_str part) {
    static const asm_str keys[] = {ASM__MEMBER("reason"), ASM__MEMBER("cost"), ASM__MEMBER("tokens"),
                                   ASM__MEMBER("messageID")};
    asm_str values[4], reason;
    asm__ingest_find_in_line(state, part, keys, values, 4);
    asm__opencode_tokens(state, values[2], values[1], asm__ingest_string(state, values[3]),
                         asm__ingest_absent());
    reason = asm__ingest_string(state, values[0]);
    asm__ingest_keep(state, &state->stop_reason, reason);
    state->has_final_words = !asm_str_equal(reason, ASM_STR("tool-calls"));
}

static void asm__opencode_finish(asm__ingest *state, asm_str reason) {
    const asm_usage_payload usage = state->main.total;
    asm_event event = asm__plain_success(asm_str_equal(reason, ASM_STR("stop"))     ? ASM_STR("end_turn")
                                         : asm_str_equal(reason, ASM_STR("length")) ? ASM_STR("max_tokens")
                                                                                    : reason);
    if (state->last_error.size) {
        event = asm__plain_failure(state, asm_buffer_text(&state->last_code),
                                   asm_buffer_text(&state->last_error), asm__ingest_absent());
    }
    event.run.cost_usd = usage.cost_usd;
    asm__plain_end_run(state, &event, &usage);
    asm_buffer_clear(&state->stop_reason);
}

/* The stream's end: after a step that stopped, or an error, it is the run's. */
static void asm__opencode_end(asm__ingest *state) {
    const asm_str reason = asm_buffer_text(&state->stop_reason);
    if (state->run_open &&
        (state->last_error.size || (reason.size && !asm_str_equal(reason, ASM_STR("tool-calls")))))
        asm__opencode_finish(state, reason);
    asm__plain_stop(state);
    if (state->run_open && !state->cancelled && !asm__ingest_usage_is_zero(&state->main.total)) {
        const asm_usage_payload usage = state->main.total; /* what is known of it all the same */
        asm_event event =
            asm__plain_failure(state, ASM_STR("stream_ended"), ASM_STR("the stream ended before the run did"),
                               asm__ingest_absent());
        event.run.open_tool_calls.is_set = true;
        event.run.cost_usd = usage.cost_usd;
        asm__plain_end_run(state, &event, &usage);
    }
}

static void asm__opencode_error(asm__ingest *state, asm_str error) {
    static const asm_str keys[] = {ASM__MEMBER("name"), ASM__MEMBER("data")};
    static const asm_str status_key[] = {ASM__MEMBER("statusCode")};
    const asm_str message = asm__plain_error_text(state, error);
    asm_str values[2], status, code;
    asm__ingest_find_in_line(state, error, keys, values, 2);
    asm__ingest_find_in_line(state, values[1], status_key, &status, 1);
    code = asm_str_equal(status, ASM_STR("429")) ? ASM_STR("rate_limit") : ASM_STR("provider_error");
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__ingest_keep(state, &state->last_error,
                     message.size ? message : ASM_STR("the provider gave an error"));
    asm__ingest_keep(state, &state->last_code, code);
    asm__ingest_emit_error(state, code, message, asm__ingest_value(state, error));
}

static const char *const asm__opencode_shape[] = {
    "type=step_start timestamp:n sessionID:s part{id:s messageID:s sessionID:s type:s snapshot:s}",
    "type=text timestamp:n sessionID:s part{id:s messageID:s sessionID:s type:s text:s}",
    "type=reasoning timestamp:n sessionID:s part{id:s messageID:s sessionID:s type:s text:s}",
    "type=tool_use timestamp:n sessionID:s part{id:s messageID:s sessionID:s type:s callID:s tool:s "
    "state{status:s input:o output[type=text text:s | type:s *:*] output:* error:s error{message:s "
    "data{message:s}} title:s metadata:o time{start:n end:n}}}",
    "type=step_finish timestamp:n sessionID:s part{id:s messageID:s sessionID:s type:s snapshot:s reason:s "
    "cost:n tokens{total:n input:i output:i reasoning:i cache{read:i write:i}}}",
    "type=error timestamp:n sessionID:s error:*",
    "type=done timestamp:n sessionID:s",
    NULL};

static asm_result asm__opencode_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'), ASM__KEY("timestamp", 'n'),
                                           ASM__KEY("sessionID", 's'), ASM__KEY("part", 'o'),
                                           ASM__KEY("error", '*')};
    static const asm_str part_keys[] = {ASM__MEMBER("text"), ASM__MEMBER("messageID")};
    asm_str values[5], part[2], type, id;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 5, &others, error)) return error->result;
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__opencode_shape);
    asm__ingest_set_line(state, values[2], asm__ingest_absent(), asm__ingest_absent());
    asm__plain_set_time(state, values[1], 1000);
    asm__ingest_find_in_line(state, values[3], part_keys, part, 2);
    id = asm__ingest_string(state, part[1]);
    if (asm_str_equal(type, ASM_STR("step_start"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
        asm_buffer_clear(&state->stop_reason);
        asm_buffer_clear(&state->last_error);
        state->has_final_words = false;
    } else if (asm_str_equal(type, ASM_STR("text"))) {
        asm__plain_message(state, id, asm__ingest_text(state, part[0]));
    } else if (asm_str_equal(type, ASM_STR("reasoning"))) {
        asm__ingest_think(state, asm__plain_speaker(state, id), asm__ingest_text(state, part[0]),
                          asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("tool_use"))) {
        asm__opencode_tool(state, values[3]);
    } else if (asm_str_equal(type, ASM_STR("step_finish"))) {
        asm__opencode_step(state, values[3]);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm__opencode_error(state, values[4]);
    } else if (asm_str_equal(type, ASM_STR("done"))) {
        asm__opencode_finish(state, asm_buffer_text(&state->stop_reason));
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__opencode_reader = {ASM__MEMBER("opencode"), asm__opencode_line,
                                                        asm__opencode_end};
#define ASM__READER_OPENCODE &asm__opencode_reader
#endif

/* >>ingest: goose
 *
 * goose run --output-format stream-json.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_GOOSE

static void asm__goose_block(asm__ingest *state, asm_str raw, asm_str message_id, bool is_user) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("text"),     ASM__MEMBER("thinking"),
                                   ASM__MEMBER("id"),   ASM__MEMBER("toolCall"), ASM__MEMBER("toolResult")};
    static const asm_str outcome_keys[] = {ASM__MEMBER("status"), ASM__MEMBER("value"), ASM__MEMBER("error")};
    static const asm_str value_keys[] = {ASM__MEMBER("name"), ASM__MEMBER("arguments"),
                                         ASM__MEMBER("content"), ASM__MEMBER("isError")};
    asm_str values[6], outcome[3], value[4], type, id;
    asm__ingest_find_in_line(state, raw, keys, values, 6);
    type = asm__ingest_string(state, values[0]);
    id = asm__ingest_string(state, values[3]);
    asm__ingest_find_in_line(state, values[4].data ? values[4] : values[5], outcome_keys, outcome, 3);
    asm__ingest_find_in_line(state, outcome[1], value_keys, value, 4);
    if (asm_str_equal(type, ASM_STR("text")) && is_user) {
        asm__plain_prompt(state, message_id, asm__ingest_text(state, values[1]));
    } else if (asm_str_equal(type, ASM_STR("text"))) {
        asm__ingest_say(state, asm__plain_speaker(state, message_id), asm__ingest_text(state, values[1]));
    } else if (asm_str_equal(type, ASM_STR("thinking"))) {
        asm__ingest_think(state, asm__plain_speaker(state, message_id), asm__ingest_text(state, values[2]),
                          asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("toolRequest"))) {
        asm__plain_start_tool(state, id, asm__ingest_string(state, value[0]), value[1]);
        if (outcome[2].data && !outcome[1].data) { /* the model's call was malformed */
            asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_FAILED);
            event.tool.call_id = id;
            event.tool.error_message = asm__plain_error_text(state, outcome[2]);
            asm__plain_end_tool(state, &event, true, asm__ingest_absent());
        }
    } else if (asm_str_equal(type, ASM_STR("toolResponse"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
        event.tool.call_id = id;
        /* a list of blocks, or an object that has it */
        asm__plain_output(state, &event, value[2].data ? value[2] : outcome[1]);
        event.tool.error_message = asm__plain_error_text(state, outcome[2]);
        asm__plain_end_tool(state, &event,
                            asm_str_equal(outcome[0], ASM_STR("\"error\"")) ||
                                asm_str_equal(value[3], ASM_STR("true")),
                            asm__ingest_absent());
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("content"), raw);
    }
}

static const char *const asm__goose_shape[] = {
    "type=message message{role:s id:s created:n content[type=text text:s | type=thinking thinking:s | "
    "type=toolRequest id:s toolCall{status:s value{name:s arguments:*} error:s error{message:s}} | "
    "type=toolResponse id:s toolResult{status:s value{content[type=text text:s | type:s *:*] isError:b} "
    "value[type=text text:s | type:s *:*] error:s error{message:s}} | *:*]}",
    "type=error error:*",
    "type=complete total_tokens:i input_tokens:i output_tokens:i cache_read_input_tokens:i "
    "cache_write_input_tokens:i cost_usd:n",
    NULL};

static asm_result asm__goose_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),
                                           ASM__KEY("message", 'o'),
                                           ASM__KEY("error", '*'),
                                           ASM__KEY("total_tokens", 'i'),
                                           ASM__KEY("input_tokens", 'i'),
                                           ASM__KEY("output_tokens", 'i'),
                                           ASM__KEY("cost_usd", 'n'),
                                           ASM__KEY("cache_read_input_tokens", 'i'),
                                           ASM__KEY("cache_write_input_tokens", 'i')};
    static const asm_str message_keys[] = {ASM__MEMBER("role"), ASM__MEMBER("id"), ASM__MEMBER("content"),
                                           ASM__MEMBER("created")};
    asm_str values[9], message[4], type, block;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 9, &others, error)) return error->result;
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__goose_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
    if (asm_str_equal(type, ASM_STR("message"))) {
        asm_json_reader blocks;
        asm__ingest_find_in_line(state, values[1], message_keys, message, 4);
        asm__plain_set_time(state, message[3], 1000000);
        asm__ingest_need_run(state, asm__ingest_absent());
        blocks = asm__ingest_line_elements(state, message[2]);
        while (asm__ingest_next(&blocks, &block))
            asm__goose_block(state, block, asm__ingest_string(state, message[1]),
                             asm_str_equal(message[0], ASM_STR("\"user\"")));
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
        asm__ingest_emit_error(state, ASM_STR("provider_error"), asm__plain_error_text(state, values[2]),
                               asm__ingest_value(state, values[2]));
    } else if (asm_str_equal(type, ASM_STR("complete"))) {
        asm_event event = asm__plain_success(asm__ingest_absent());
        asm_usage_payload usage;
        memset(&usage, 0, sizeof usage);
        usage.input_tokens = asm__ingest_int64(values[4]);
        usage.output_tokens = asm__ingest_int64(values[5]);
        usage.cache_read_tokens = asm__ingest_int64(values[7]);
        usage.cache_creation_tokens = asm__ingest_int64(values[8]);
        event.run.cost_usd = asm__ingest_double(values[6]);
        if (!usage.input_tokens.is_set && !usage.output_tokens.is_set)
            asm__ingest_leave(state, ASM_STR("total_tokens"), values[3]);
        asm__plain_end_run(state, &event, &usage);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__goose_reader = {ASM__MEMBER("goose"), asm__goose_line, asm__plain_stop};
#define ASM__READER_GOOSE &asm__goose_reader
#endif

/* >>ingest: pi
 *
 * pi --mode json. Of updates only the event counts: the message beside it repeats all so far.
 */
#if ASM_INGEST_FORMATS & (ASM_WITH_PI | ASM_WITH_PI_SESSION)

/* Blocks of text stand one below the other, as pi shows them. */
static void asm__pi_say_block(asm__ingest *state, asm__ingest_speaker *speaker, asm_str text) {
    if (!text.size) return;
    if (speaker->confirmed && speaker->confirmed == speaker->text.size) {
        asm__ingest_say(state, speaker, ASM_STR("\n"));
        speaker->confirmed = speaker->text.size;
    } else if (speaker->confirmed && speaker->text.data[speaker->confirmed] == '\n') {
        speaker->confirmed++;
    }
    asm__ingest_say_block(state, speaker, text, asm__ingest_absent());
}

static void asm__pi_delta(asm__ingest *state, asm_str raw) {
    const asm_str type = asm__ingest_string(state, asm__ingest_find_one(raw, ASM_STR("type")));
    const asm_str delta = asm__ingest_find_one(raw, ASM_STR("delta"));
    const asm_optional_int64 block = asm__ingest_int64(asm__ingest_find_one(raw, ASM_STR("contentIndex")));
    asm__ingest_speaker *speaker;
    if (asm_str_equal(type, ASM_STR("text_delta"))) {
        speaker = asm__plain_speaker(state, asm__ingest_absent());
        if (speaker->text.size && block.value != state->text_block)
            asm__ingest_say(state, speaker, ASM_STR("\n"));
        state->text_block = block.value;
        asm__ingest_say(state, speaker, asm__ingest_text(state, delta));
    } else if (asm_str_equal(type, ASM_STR("thinking_delta"))) {
        speaker = asm__plain_speaker(state, asm__ingest_absent());
        speaker->thought = true;
        asm__ingest_think(state, speaker, asm__ingest_text(state, delta), asm__ingest_absent());
    } else {
        state->ingest->counts.heartbeats++; /* begins, ends, and pieces of calls, which come whole */
    }
}

/* What an assistant's message used: the cache is counted apart. */
static void asm__pi_usage(asm__ingest *state, asm_str raw, asm_str model) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_usage_payload *usage = &event.usage;
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return;
    usage->input_tokens = asm__ingest_int64(asm__ingest_find_one(raw, ASM_STR("input")));
    usage->output_tokens = asm__ingest_int64(asm__ingest_find_one(raw, ASM_STR("output")));
    usage->cache_read_tokens = asm__ingest_int64(asm__ingest_find_one(raw, ASM_STR("cacheRead")));
    usage->cache_creation_tokens = asm__ingest_int64(asm__ingest_find_one(raw, ASM_STR("cacheWrite")));
    asm__plain_add_cache(usage);
    if (asm__ingest_usage_is_zero(usage)) return;
    usage->cost_usd = asm__ingest_double(
        asm__ingest_find_one(asm__ingest_find_one(raw, ASM_STR("cost")), ASM_STR("total")));
    usage->model = model;
    asm__ingest_add_usage(&state->main.total, usage);
    asm__plain_add_cost(state, usage->cost_usd);
    asm__ingest_emit(state, &event);
}

/* An assistant's message, whole: what did not come in pieces, its calls, its tokens, and how it stopped. On disk nothing
 * else tells of a call's start. */
static void asm__pi_assistant(asm__ingest *state, asm_str message, bool is_file) {
    asm__ingest_speaker *speaker = asm__plain_speaker(state, asm__ingest_absent());
    asm_json_reader blocks =
        asm__ingest_line_elements(state, asm__ingest_find_one(message, ASM_STR("content")));
    const bool has_thought = speaker->thought;
    asm_str block, type, reason;
    while (asm__ingest_next(&blocks, &block)) {
        type = asm__ingest_string(state, asm__ingest_find_one(block, ASM_STR("type")));
        if (asm_str_equal(type, ASM_STR("text")))
            asm__pi_say_block(state, speaker,
                              asm__ingest_string(state, asm__ingest_find_one(block, ASM_STR("text"))));
        else if (asm_str_equal(type, ASM_STR("thinking")) && !has_thought)
            asm__ingest_think_whole(state, asm__ingest_find_text(state, block, ASM_STR("thinking")),
                                    asm__ingest_absent());
    }
    reason = asm__ingest_string(state, asm__ingest_find_one(message, ASM_STR("stopReason")));
    if (asm_str_equal(reason, ASM_STR("aborted")) || asm_str_equal(reason, ASM_STR("error")))
        speaker->aborted = true;
    asm__plain_finish(state);
    blocks = asm__ingest_line_elements(state, asm__ingest_find_one(message, ASM_STR("content")));
    while (asm__ingest_next(&blocks, &block))
        if (asm_str_equal(asm__ingest_find_one(block, ASM_STR("type")), ASM_STR("\"toolCall\"")))
            (is_file ? asm__plain_start_tool
                     : asm__plain_identify)(state, asm__ingest_find_text(state, block, ASM_STR("id")),
                                            asm__ingest_find_text(state, block, ASM_STR("name")),
                                            asm__ingest_find_one(block, ASM_STR("arguments")));
    asm__pi_usage(state, asm__ingest_find_one(message, ASM_STR("usage")),
                  asm__ingest_string(state, asm__ingest_find_one(message, ASM_STR("model"))));
    asm__ingest_keep(state, &state->stop_reason, reason);
    asm__ingest_keep(state, &state->last_error,
                     asm__ingest_string(state, asm__ingest_find_one(message, ASM_STR("errorMessage"))));
}

static void asm__pi_message(asm__ingest *state, asm_str message) {
    const asm_str role = asm__ingest_string(state, asm__ingest_find_one(message, ASM_STR("role")));
    const asm_str content = asm__ingest_find_one(message, ASM_STR("content"));
    bool has_blobs = false;
    if (asm_str_equal(role, ASM_STR("assistant"))) asm__pi_assistant(state, message, false);
    else if (asm_str_equal(role, ASM_STR("user")))
        asm__plain_prompt(state, asm__ingest_absent(),
                          asm__ingest_is(content, ASM_JSON_STRING)
                              ? asm__ingest_string(state, content)
                              : asm__ingest_block_texts(state, content, &has_blobs));
    else if (!asm_str_equal(role, ASM_STR("toolResult"))) /* told when the call ended */
        asm__ingest_emit_odd(state, role, ASM_STR("message"), message);
}

static void asm__pi_tool(asm__ingest *state, const asm_str *values, asm_str type) {
    const asm_str id = asm__ingest_string(state, values[0]), name = asm__ingest_string(state, values[1]);
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_OUTPUT_STREAMED);
    asm_str result = values[4].data ? values[4] : values[3], details;
    if (asm_str_equal(type, ASM_STR("tool_execution_start"))) {
        asm__plain_start_tool(state, id, name, values[2]);
        return;
    }
    event.tool.call_id = id;
    event.tool.name = name;
    asm__plain_output(state, &event, asm__ingest_find_one(result, ASM_STR("content")));
    if (asm_str_equal(type, ASM_STR("tool_execution_update"))) {
        asm__ingest_update_tool(state, &event);
        return;
    }
    details = asm__ingest_find_one(result, ASM_STR("details"));
    event.tool.result = asm__ingest_value(state, details);
    event.tool.exit_code = asm__ingest_int64(asm__ingest_find_one(details, ASM_STR("exit_code")));
    asm__plain_end_tool(state, &event, asm_str_equal(values[5], ASM_STR("true")), asm__ingest_absent());
}

static void asm__pi_finish(asm__ingest *state) {
    const asm_str reason = asm_buffer_text(&state->stop_reason);
    const asm_usage_payload usage = state->main.total;
    asm_event event = asm__plain_success(asm_str_equal(reason, ASM_STR("stop"))      ? ASM_STR("end_turn")
                                         : asm_str_equal(reason, ASM_STR("length"))  ? ASM_STR("max_tokens")
                                         : asm_str_equal(reason, ASM_STR("toolUse")) ? ASM_STR("tool_use")
                                                                                     : reason);
    if (asm_str_equal(reason, ASM_STR("error")))
        event = asm__plain_failure(state, asm__ingest_absent(), asm_buffer_text(&state->last_error),
                                   asm__ingest_absent());
    if (asm_str_equal(reason, ASM_STR("aborted"))) event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    event.run.cost_usd = usage.cost_usd;
    asm__plain_end_run(state, &event, &usage);
}

static const char *const asm__pi_shape[] = {
    "type=session id:s timestamp:s cwd:s",
    "type=agent_start",
    "type=message_update message:o assistantMessageEvent{type:s contentIndex:n delta:s content:s partial:o "
    "message:o error:o reason:s toolCall:o}",
    "type=message_end message{role=assistant content[type=text text:s | type=thinking thinking:s | "
    "type=toolCall id:s name:s arguments:*] stopReason:s errorMessage:s model:s usage{input:i output:i "
    "cacheRead:i cacheWrite:i totalTokens:i cost{total:n input:n output:n cacheRead:n cacheWrite:n}} "
    "timestamp:n | role=user content:s content[type=text text:s] timestamp:n | role=toolResult toolCallId:s "
    "toolName:s content:* details:* isError:b timestamp:n | *:*}",
    "type=tool_execution_start toolCallId:s toolName:s args:*",
    "type=tool_execution_update toolCallId:s toolName:s args:* partialResult{content:s content[type=text "
    "text:s | type:s *:*] details:*}",
    "type=tool_execution_end toolCallId:s toolName:s args:* isError:b result{content:s content[type=text "
    "text:s | type:s *:*] details:*}",
    "type=auto_retry_start errorMessage:s attempt:i maxAttempts:i delayMs:n",
    "type=agent_end messages:a",
    "type=turn_start",
    "type=turn_end message:o toolResults:a",
    "type=message_start message:o",
    NULL};

/* Compaction, other retries, queues: told by their members. */
static bool asm__pi_is_known(asm_str type) {
    return asm__ingest_starts_with(type, ASM_STR("auto_")) ||
           asm__ingest_starts_with(type, ASM_STR("compaction_")) ||
           asm_str_equal(type, ASM_STR("queue_update"));
}

static asm_result asm__pi_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("toolCallId", 's'),
                                           ASM__KEY("toolName", 's'),
                                           ASM__KEY("args", '*'),
                                           ASM__KEY("partialResult", 'o'),
                                           ASM__KEY("result", '*'),
                                           ASM__KEY("isError", 'b'),
                                           ASM__KEY("type", 's'),
                                           ASM__KEY("message", 'o'),
                                           ASM__KEY("assistantMessageEvent", 'o'),
                                           ASM__KEY("id", 's'),
                                           ASM__KEY("timestamp", 's'),
                                           ASM__KEY("cwd", 's'),
                                           ASM__KEY("messages", '-'),
                                           ASM__KEY("toolResults", '-')};
    asm_str values[14], type;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 14, &others, error)) return error->result;
    type = asm__ingest_string(state, values[6]);
    asm__ingest_begin_rest(state, line, type, asm__pi_shape);
    asm__ingest_set_line(state, asm_str_equal(type, ASM_STR("session")) ? values[9] : asm__ingest_absent(),
                         values[10], asm__ingest_absent());
    if (asm_str_equal(type, ASM_STR("session"))) {
        asm__ingest_keep(state, &state->cwd, asm__ingest_string(state, values[11]));
        asm__ingest_keep_header(state);
    } else if (asm_str_equal(type, ASM_STR("agent_start"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
        if (state->run_open) asm__ingest_cut_run(state);
        if (state->cwd.size) event.run.cwd = asm_buffer_text(&state->cwd);
        asm__ingest_begin_run(state, &event);
    } else if (asm_str_equal(type, ASM_STR("message_update"))) {
        asm__pi_delta(state, values[8]);
    } else if (asm_str_equal(type, ASM_STR("message_end"))) {
        asm__pi_message(state, values[7]);
    } else if (asm__ingest_starts_with(type, ASM_STR("tool_execution_"))) {
        asm__pi_tool(state, values, type);
    } else if (asm_str_equal(type, ASM_STR("agent_end"))) {
        asm__pi_finish(state);
    } else if (asm_str_equal(type, ASM_STR("turn_start")) || asm_str_equal(type, ASM_STR("turn_end")) ||
               asm_str_equal(type, ASM_STR("message_start"))) {
        state->ingest->counts.heartbeats++;
    } else if (asm_str_equal(type, ASM_STR("auto_retry_start"))) {
        asm_event event = asm__ingest_notice(state, type);
        event.notice.text = asm__ingest_find_text(state, line, ASM_STR("errorMessage"));
        event.notice.level = ASM_STR("warning");
        event.notice.attempt = asm__ingest_int64(asm__ingest_find_one(line, ASM_STR("attempt")));
        event.notice.max_attempts = asm__ingest_int64(asm__ingest_find_one(line, ASM_STR("maxAttempts")));
        event.notice.retry_in_ms = asm__ingest_double(asm__ingest_find_one(line, ASM_STR("delayMs")));
        asm__ingest_emit(state, &event);
    } else {
        asm__ingest_put_back(state, keys, values, 14, &others);
        asm__ingest_emit_others(state, type, others);
        if (others.begin == others.end || !asm__pi_is_known(type)) asm__ingest_count_unknown(state, type);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__pi_reader = {ASM__MEMBER("pi"), asm__pi_line, asm__plain_stop};
#define ASM__READER_PI &asm__pi_reader
#endif

/* >>ingest: copilot
 *
 * copilot -p --output-format json, and events.jsonl of its sessions on disk, which has the same lines but for pieces. A
 * run is a turn of the person's: from user.message to the next one, session.idle, result, or the end.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_COPILOT

/* What has been said comes to an end: a turn of the agent without calls that are open was its last. */
static void asm__copilot_finish(asm__ingest *state, asm_event *event) {
    const asm_usage_payload usage = state->main.total;
    if (!state->run_open) return;
    asm__plain_end_run(state, event, &usage);
}

static void asm__copilot_begin(asm__ingest *state, asm_str data) {
    const asm_str context = asm__ingest_find_one(data, ASM_STR("context"));
    asm__ingest_keep(state, &state->cwd, asm__ingest_find_text(state, context, ASM_STR("cwd")));
    asm__ingest_keep(state, &state->branch, asm__ingest_find_text(state, context, ASM_STR("branch")));
    asm__ingest_keep(state, &state->version, asm__ingest_find_text(state, data, ASM_STR("copilotVersion")));
    asm__ingest_keep(state, &state->main.model, asm__ingest_find_text(state, data, ASM_STR("selectedModel")));
}

static void asm__copilot_user(asm__ingest *state, asm_str data, asm_str id) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED),
              end = asm__plain_success(asm__ingest_absent());
    if (state->run_open) asm__copilot_finish(state, &end);
    if (state->cwd.size) event.run.cwd = asm_buffer_text(&state->cwd);
    if (state->branch.size) event.run.git_branch = asm_buffer_text(&state->branch);
    if (state->version.size) event.run.agent_version = asm_buffer_text(&state->version);
    if (state->main.model.size) event.run.model = asm_buffer_text(&state->main.model);
    asm__ingest_begin_run(state, &event);
    asm__plain_prompt(state, id, asm__ingest_find_text(state, data, ASM_STR("content")));
}

static void asm__copilot_message(asm__ingest *state, asm_str data) {
    const asm_str id = asm__ingest_find_text(state, data, ASM_STR("messageId"));
    asm_json_reader calls =
        asm__ingest_line_elements(state, asm__ingest_find_one(data, ASM_STR("toolRequests")));
    asm_str call;
    asm_usage_payload usage;
    memset(&usage, 0, sizeof usage);
    asm__ingest_need_run(state, asm__ingest_absent());
    if (!state->main.thought)
        asm__ingest_think(state, asm__plain_speaker(state, id),
                          asm__ingest_find_text(state, data, ASM_STR("reasoningText")), asm__ingest_absent());
    asm__plain_message(state, id, asm__ingest_find_text(state, data, ASM_STR("content")));
    while (asm__ingest_next(&calls, &call))
        asm__plain_identify(state, asm__ingest_find_text(state, call, ASM_STR("toolCallId")),
                            asm__ingest_find_text(state, call, ASM_STR("name")),
                            asm__ingest_find_one(call, ASM_STR("arguments")));
    usage.output_tokens = asm__ingest_int64(asm__ingest_find_one(data, ASM_STR("outputTokens")));
    if (usage.output_tokens.is_set) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
        event.usage = usage;
        event.usage.message_id = id;
        asm__ingest_add_usage(&state->main.total, &usage);
        asm__ingest_emit(state, &event);
    }
}

static void asm__copilot_end_tool(asm__ingest *state, asm_str data) {
    static const asm__ingest_key keys[] = {ASM__KEY("toolCallId", 's'),   ASM__KEY("success", 'b'),
                                           ASM__KEY("result", 'o'),       ASM__KEY("error", '*'),
                                           ASM__KEY("toolName", 's'),     ASM__KEY("arguments", '-'),
                                           ASM__KEY("toolTelemetry", '-')};
    static const asm_str code_key[] = {ASM__MEMBER("code")};
    asm_str values[7], code, status = asm__ingest_absent();
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm__ingest_read_object(state, data, keys, values, 7, &others, NULL);
    event.tool.call_id = asm__ingest_string(state, values[0]);
    event.tool.name = asm__ingest_string(state, values[4]);
    if (!event.tool.name.size) event.tool.name = asm__ingest_absent();
    asm__plain_output(state, &event, asm__ingest_find_one(values[2], ASM_STR("content")));
    event.tool.error_message = asm__plain_error_text(state, values[3]);
    asm__ingest_find_in_line(state, values[3], code_key, &code, 1);
    code = asm__ingest_string(state, code);
    if (asm_str_equal(code, ASM_STR("denied")) || asm_str_equal(code, ASM_STR("rejected")))
        status = ASM_STR("declined");
    asm__plain_end_tool(state, &event, !asm_str_equal(values[1], ASM_STR("true")), status);
}

static void asm__copilot_approval(asm__ingest *state, asm_str data, bool is_request) {
    const asm_str id = asm__ingest_find_text(state, data, ASM_STR("requestId"));
    const asm_str request = asm__ingest_find_one(data, ASM_STR("permissionRequest"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    asm_str kind;
    size_t index;
    if (is_request) {
        event.approval.request_id = id;
        event.approval.kind = ASM_STR("tool");
        event.approval.tool_call_id = asm__ingest_find_text(state, request, ASM_STR("toolCallId"));
        event.approval.tool_name = asm__ingest_find_text(state, request, ASM_STR("kind"));
        event.approval.tool_input = asm__ingest_value(state, request);
        asm__ingest_ask(state, &event);
        return;
    }
    index = asm__ingest_find_request(state, id, asm__ingest_absent());
    kind = asm__ingest_find_text(state, asm__ingest_find_one(data, ASM_STR("result")), ASM_STR("kind"));
    event.type = asm__ingest_starts_with(kind, ASM_STR("approved")) ? ASM_EVENT_TOOL_APPROVAL_GRANTED
                                                                    : ASM_EVENT_TOOL_APPROVAL_DENIED;
    event.approval.decision =
        event.type == ASM_EVENT_TOOL_APPROVAL_GRANTED ? ASM_STR("approve") : ASM_STR("reject");
    event.approval.reason = kind;
    if (index < state->request_count) asm__ingest_decide(state, index, &event);
}

/* The end of the program: of the run, if that has not ended yet. A failure that no run has told is a run of its own, but
 * for 130, of a program that a person interrupts. */
static void asm__copilot_result(asm__ingest *state, asm_str exit_code) {
    const int64_t code = asm__ingest_int64(exit_code).value;
    const bool has_failed = code != 0;
    asm_event event = asm__plain_success(asm__ingest_absent());
    if (has_failed && code != 130 && !state->last_error.size)
        asm__ingest_need_run(state, asm__ingest_absent());
    if (has_failed || state->last_error.size)
        event = asm__plain_failure(state, asm_buffer_text(&state->last_code),
                                   asm_buffer_text(&state->last_error), asm__ingest_absent());
    asm__copilot_finish(state, &event);
}

static void asm__copilot_error(asm__ingest *state, asm_str data) {
    static const char *const words[][2] = {{"authorization", "authentication"},
                                           {"quota", "billing"},
                                           {"context_limit", "context_too_long"},
                                           {"query", "provider_error"}};
    const asm_str message = asm__ingest_find_text(state, data, ASM_STR("message"));
    asm_str code = asm__ingest_find_text(state, data, ASM_STR("errorType"));
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(words); i++)
        if (asm_str_equal(code, asm_str_from(words[i][0]))) code = asm_str_from(words[i][1]);
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__ingest_keep(state, &state->last_error, message);
    asm__ingest_keep(state, &state->last_code, code.size ? code : ASM_STR("provider_error"));
    asm__ingest_emit_error(state, asm_buffer_text(&state->last_code), message,
                           asm__ingest_value(state, data));
}

/* Lines about the person's and the agent's messages; false for others. */
static bool asm__copilot_conversation(asm__ingest *state, asm_str type, asm_str data, asm_str id) {
    if (asm_str_equal(type, ASM_STR("user.message"))) {
        asm__copilot_user(state, data, id);
    } else if (asm_str_equal(type, ASM_STR("assistant.message"))) {
        asm__copilot_message(state, data);
    } else if (asm_str_equal(type, ASM_STR("assistant.message_delta"))) {
        asm__ingest_say(state,
                        asm__plain_speaker(state, asm__ingest_find_text(state, data, ASM_STR("messageId"))),
                        asm__ingest_find_text(state, data, ASM_STR("deltaContent")));
    } else if (asm_str_equal(type, ASM_STR("assistant.reasoning_delta"))) {
        asm__ingest_speaker *speaker = asm__plain_speaker(state, asm__ingest_absent());
        speaker->thought = true;
        asm__ingest_think(state, speaker, asm__ingest_find_text(state, data, ASM_STR("deltaContent")),
                          asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("assistant.reasoning"))) {
        if (!state->main.thought)
            asm__ingest_think(state, asm__plain_speaker(state, asm__ingest_absent()),
                              asm__ingest_find_text(state, data, ASM_STR("content")), asm__ingest_absent());
    } else {
        return false;
    }
    return true;
}

static bool asm__copilot_is_sign_of_life(asm_str type) {
    static const asm_str types[] = {ASM__MEMBER("assistant.turn_start"),    ASM__MEMBER("assistant.turn_end"),
                                    ASM__MEMBER("assistant.message_start"), ASM__MEMBER("tool_call_delta"),
                                    ASM__MEMBER("tool.execution_progress"), ASM__MEMBER("assistant.intent")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(types); i++)
        if (asm_str_equal(type, types[i])) return true;
    return false;
}

static const char *const asm__copilot_shape[] = {
    "type=session.start id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data{sessionId:s "
    "copilotVersion:s selectedModel:s context{cwd:s branch:s}}",
    "type=user.message id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data{content:s}",
    "type=assistant.message id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data{messageId:s "
    "content:s reasoningText:s outputTokens:i toolRequests[toolCallId:s name:s arguments:* type:s]}",
    "type=assistant.message_delta id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{messageId:s deltaContent:s}",
    "type=assistant.reasoning_delta id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{reasoningId:s deltaContent:s}",
    "type=assistant.reasoning id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{reasoningId:s content:s}",
    "type=tool.execution_start id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{toolCallId:s toolName:s arguments:*}",
    "type=tool.execution_complete id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{toolCallId:s success:b toolName:s arguments:* result{content:s content[type=text text:s | type:s "
    "*:*] content:*} error:s error{message:s}}",
    "type=permission.requested id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{requestId:s permissionRequest:o}",
    "type=permission.completed id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{requestId:s result{kind:s}}",
    "type=session.error id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    "type=abort id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s",
    "type=session.idle id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    "type=session.shutdown id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    "type=result sessionId:s exitCode:i",
    "type=assistant.turn_start id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data{turnId:s}",
    "type=assistant.turn_end id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data{turnId:s}",
    "type=assistant.message_start id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s "
    "data{messageId:s}",
    "type=tool_call_delta id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    "type=tool.execution_progress id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    "type=assistant.intent id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s",
    "type:s id:s timestamp:s parentId:s ephemeral:b agentId:s sessionId:s data:o",
    NULL};

static asm_result asm__copilot_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("type", 's'),      ASM__KEY("data", 'o'),     ASM__KEY("id", 's'),
        ASM__KEY("timestamp", 's'), ASM__KEY("parentId", '-'), ASM__KEY("ephemeral", '-'),
        ASM__KEY("sessionId", 's'), ASM__KEY("exitCode", 'i'), ASM__KEY("agentId", 's')};
    asm_str values[9], type, data;
    asm__ingest_others others;
    asm_event event;
    if (!asm__ingest_read_object(state, line, keys, values, 9, &others, error)) return error->result;
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__copilot_shape);
    data = values[1];
    asm__ingest_set_line(state,
                         values[6].data ? values[6]
                         : asm_str_equal(type, ASM_STR("session.start"))
                             ? asm__ingest_find_one(data, ASM_STR("sessionId"))
                             : asm__ingest_absent(),
                         values[3], values[2]);
    if (values[8].data) state->line_agent = asm__ingest_string(state, values[8]);
    if (asm__copilot_conversation(state, type, data, asm__ingest_string(state, values[2]))) return ASM_OK;
    if (asm_str_equal(type, ASM_STR("session.start"))) {
        asm__copilot_begin(state, data);
        asm__ingest_keep_header(state);
    } else if (asm_str_equal(type, ASM_STR("tool.execution_start"))) {
        asm__plain_start_tool(state, asm__ingest_find_text(state, data, ASM_STR("toolCallId")),
                              asm__ingest_find_text(state, data, ASM_STR("toolName")),
                              asm__ingest_find_one(data, ASM_STR("arguments")));
    } else if (asm_str_equal(type, ASM_STR("tool.execution_complete"))) {
        asm__copilot_end_tool(state, data);
    } else if (asm_str_equal(type, ASM_STR("permission.requested"))) {
        asm__copilot_approval(state, data, true);
    } else if (asm_str_equal(type, ASM_STR("permission.completed"))) {
        asm__copilot_approval(state, data, false);
    } else if (asm_str_equal(type, ASM_STR("session.error"))) {
        asm__copilot_error(state, data);
    } else if (asm_str_equal(type, ASM_STR("abort"))) {
        event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
        asm__copilot_finish(state, &event);
    } else if (asm_str_equal(type, ASM_STR("session.idle")) ||
               asm_str_equal(type, ASM_STR("session.shutdown"))) {
        event = state->last_error.size
                    ? asm__plain_failure(state, asm_buffer_text(&state->last_code),
                                         asm_buffer_text(&state->last_error), asm__ingest_absent())
                    : asm__plain_success(asm__ingest_absent());
        asm__copilot_finish(state, &event);
        if (data.data && data.size > 2) asm__ingest_emit_odd(state, type, ASM_STR("data"), data);
    } else if (asm_str_equal(type, ASM_STR("result"))) {
        asm__copilot_result(state, values[7]);
    } else if (asm__copilot_is_sign_of_life(type)) {
        state->ingest->counts.heartbeats++;
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("data"), data.data && type.size ? data : line);
    }
    return ASM_OK;
}

/* A turn whose agent has said its last words, with no call open, is over. */
static void asm__copilot_end(asm__ingest *state) {
    asm_event event = asm__plain_success(asm__ingest_absent());
    if (state->run_open && state->run_has_text && !state->main.partial &&
        asm__ingest_count_open(state) == 0 && state->last_error.size == 0)
        asm__copilot_finish(state, &event);
    asm__plain_stop(state);
}

static const asm__ingest_reader asm__copilot_reader = {ASM__MEMBER("copilot"), asm__copilot_line,
                                                       asm__copilot_end};
#define ASM__READER_COPILOT &asm__copilot_reader
#endif

/* >>ingest: kimi
 *
 * kimi --print --output-format stream-json: messages without type, id, time or end. The stream's end is the run's: it
 * was whole if the last message asked for no call.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_KIMI

static void asm__kimi_assistant(asm__ingest *state, asm_str content, asm_str calls) {
    static const asm_str call_keys[] = {ASM__MEMBER("id"), ASM__MEMBER("function")};
    static const asm_str function_keys[] = {ASM__MEMBER("name"), ASM__MEMBER("arguments")};
    static const asm_str part_keys[] = {ASM__MEMBER("type"), ASM__MEMBER("text"), ASM__MEMBER("think")};
    asm_json_reader list = asm__ingest_line_elements(state, calls),
                    parts = asm__ingest_line_elements(state, content);
    asm_str call, values[3], function[2];
    state->has_final_words = !asm__ingest_is(calls, ASM_JSON_ARRAY);
    while (asm__ingest_next(&parts, &call)) {
        asm__ingest_find_in_line(state, call, part_keys, values, 3);
        if (values[2].data)
            asm__ingest_think(state, asm__plain_speaker(state, asm__ingest_absent()),
                              asm__ingest_string(state, values[2]), asm__ingest_absent());
        else
            asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()),
                            asm__ingest_string(state, values[1]));
    }
    if (asm__ingest_is(content, ASM_JSON_STRING))
        asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()),
                        asm__ingest_string(state, content));
    asm__plain_finish(state);
    while (asm__ingest_next(&list, &call)) {
        asm_str input;
        asm__ingest_find_in_line(state, call, call_keys, values, 2);
        asm__ingest_find_in_line(state, values[1], function_keys, function, 2);
        input = asm__ingest_string(state, function[1]);
        if (asm_json_check(input, NULL) != ASM_OK) input = function[1];
        asm__plain_start_tool(state, asm__ingest_string(state, values[0]),
                              asm__ingest_string(state, function[0]), input);
    }
}

static const char *const asm__kimi_shape[] = {
    "role=assistant content:s content[type=text text:s | type=think think:s] tool_calls[type:s id:s "
    "function{name:s arguments:*}]",
    "role=tool tool_call_id:s content:s content[type=text text:s | type:s *:*] content:*", NULL};

static asm_result asm__kimi_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("role", 's'), ASM__KEY("content", '*'),
                                           ASM__KEY("tool_calls", 'a'), ASM__KEY("tool_call_id", 's'),
                                           ASM__KEY("type", 's')};
    asm_str values[5], role;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 5, &others, error)) return error->result;
    role = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, role, asm__kimi_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
    asm__ingest_need_run(state, asm__ingest_absent());
    if (asm_str_equal(role, ASM_STR("assistant"))) {
        asm__kimi_assistant(state, values[1], values[2]);
    } else if (asm_str_equal(role, ASM_STR("tool"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
        event.tool.call_id = asm__ingest_string(state, values[3]);
        asm__plain_output(state, &event, values[1]);
        /* whether it succeeded is not told */
        asm__plain_end_tool(state, &event, false, ASM_STR("unknown"));
    } else {
        asm__ingest_emit_odd(state, role.size ? role : ASM_STR("notice"), ASM_STR("line"), line);
    }
    return ASM_OK;
}

static void asm__kimi_end(asm__ingest *state) {
    asm_event event = asm__plain_success(asm__ingest_absent());
    if (state->run_open && state->has_final_words) asm__plain_end_run(state, &event, NULL);
    asm__plain_stop(state);
}

static const asm__ingest_reader asm__kimi_reader = {ASM__MEMBER("kimi"), asm__kimi_line, asm__kimi_end};
#define ASM__READER_KIMI &asm__kimi_reader
#endif

/* >>ingest: droid
 *
 * droid exec --output-format stream-json.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_DROID

static void asm__droid_end_tool(asm__ingest *state, asm_str id, asm_str value, asm_str is_error,
                                asm_str error) {
    static const asm_str keys[] = {ASM__MEMBER("stdout"), ASM__MEMBER("exitCode")};
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm_str parts[2];
    event.tool.call_id = id;
    if (asm__ingest_is(value, ASM_JSON_OBJECT)) {
        asm__ingest_find_in_line(state, value, keys, parts, 2);
        asm__plain_output(state, &event, parts[0].data ? parts[0] : value);
        event.tool.exit_code = asm__ingest_int64(parts[1]);
        event.tool.result = asm__ingest_value(state, value);
    } else {
        asm__plain_output(state, &event, value);
    }
    event.tool.error_message = asm__plain_error_text(state, error);
    asm__plain_end_tool(state, &event,
                        asm_str_equal(is_error, ASM_STR("true")) || event.tool.error_message.size,
                        asm__ingest_absent());
}

static const char *const asm__droid_shape[] = {
    "type=system subtype:s session_id:s timestamp:s model:s cwd:s",
    "type=message session_id:s timestamp:s role:s text:s id:s",
    "type=tool_call session_id:s timestamp:s id:s toolCallId:s messageId:s toolId:s toolName:s parameters:*",
    ("type=tool_result session_id:s timestamp:s id:s toolCallId:s messageId:s toolId:s isError:b "
     "value[type=text text:s | type:s *:*] value:* error:s error{message:s}"),
    "type=error session_id:s timestamp:s *:*",
    "type=completion session_id:s timestamp:s id:s finalText:s numTurns:i durationMs:n",
    NULL};

enum {
    ASM__DROID_TYPE,
    ASM__DROID_SESSION,
    ASM__DROID_TIME,
    ASM__DROID_MODEL,
    ASM__DROID_CWD,
    ASM__DROID_ROLE,
    ASM__DROID_TEXT,
    ASM__DROID_ID,
    ASM__DROID_CALL_ID,
    ASM__DROID_TOOL,
    ASM__DROID_INPUT,
    ASM__DROID_VALUE,
    ASM__DROID_IS_ERROR,
    ASM__DROID_ERROR,
    ASM__DROID_MESSAGE,
    ASM__DROID_FINAL,
    ASM__DROID_TURNS,
    ASM__DROID_DURATION,
    ASM__DROID_COUNT
};

static asm_result asm__droid_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("type", 's'),      ASM__KEY("session_id", 's'), ASM__KEY("timestamp", 's'),
        ASM__KEY("model", 's'),     ASM__KEY("cwd", 's'),        ASM__KEY("role", 's'),
        ASM__KEY("text", 's'),      ASM__KEY("id", 's'),         ASM__KEY("toolCallId", 's'),
        ASM__KEY("toolName", 's'),  ASM__KEY("parameters", '*'), ASM__KEY("value", '*'),
        ASM__KEY("isError", 'b'),   ASM__KEY("error", '*'),      ASM__KEY("message", 's'),
        ASM__KEY("finalText", 's'), ASM__KEY("numTurns", 'i'),   ASM__KEY("durationMs", 'n')};
    asm_str values[ASM__DROID_COUNT], type, id;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, ASM__DROID_COUNT, &others, error))
        return error->result;
    type = asm__ingest_string(state, values[ASM__DROID_TYPE]);
    asm__ingest_begin_rest(state, line, type, asm__droid_shape);
    asm__ingest_set_line(state, values[ASM__DROID_SESSION], values[ASM__DROID_TIME], asm__ingest_absent());
    id = asm__ingest_string(state,
                            values[values[ASM__DROID_CALL_ID].data ? ASM__DROID_CALL_ID : ASM__DROID_ID]);
    if (asm_str_equal(type, ASM_STR("system"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
        if (state->run_open) asm__ingest_cut_run(state);
        event.run.model = asm__ingest_string(state, values[ASM__DROID_MODEL]);
        event.run.cwd = asm__ingest_string(state, values[ASM__DROID_CWD]);
        asm__ingest_begin_run(state, &event);
    } else if (asm_str_equal(type, ASM_STR("message"))) {
        const asm_str text = asm__ingest_string(state, values[ASM__DROID_TEXT]);
        if (asm_str_equal(values[ASM__DROID_ROLE], ASM_STR("\"user\""))) asm__plain_prompt(state, id, text);
        else asm__plain_message(state, id, text);
        asm__ingest_keep(state, &state->words, text);
    } else if (asm_str_equal(type, ASM_STR("tool_call"))) {
        asm__plain_start_tool(state, id, asm__ingest_string(state, values[ASM__DROID_TOOL]),
                              values[ASM__DROID_INPUT]);
    } else if (asm_str_equal(type, ASM_STR("tool_result"))) {
        asm__droid_end_tool(state, id, values[ASM__DROID_VALUE], values[ASM__DROID_IS_ERROR],
                            values[ASM__DROID_ERROR]);
    } else if (asm_str_equal(type, ASM_STR("error"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
        asm__ingest_emit_error(state, ASM_STR("provider_error"),
                               asm__ingest_string(state, values[ASM__DROID_MESSAGE]),
                               asm__ingest_value(state, line));
    } else if (asm_str_equal(type, ASM_STR("completion"))) {
        asm_event event = asm__plain_success(ASM_STR("end_turn"));
        const asm_str text = asm__ingest_string(state, values[ASM__DROID_FINAL]);
        event.run.num_turns = asm__ingest_int64(values[ASM__DROID_TURNS]);
        event.run.duration_ms = asm__ingest_double(values[ASM__DROID_DURATION]);
        /* the last message again, unless that did not come */
        if (!asm_str_equal(text, asm_buffer_text(&state->words))) asm__plain_message(state, id, text);
        asm__plain_end_run(state, &event, NULL);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__droid_reader = {ASM__MEMBER("droid"), asm__droid_line, asm__plain_stop};
#define ASM__READER_DROID &asm__droid_reader
#endif

/* >>ingest: antigravity
 *
 * agy -p --output-format stream-json. A tool is a step; it may be told only when it is done.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_ANTIGRAVITY

static void asm__agy_tool(asm__ingest *state, asm_str step, asm_str info, bool is_done) {
    const asm_str id = asm__ingest_find_one(step, ASM_STR("step_index"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm_str name = asm__ingest_string(state, asm__ingest_find_one(info, ASM_STR("name")));
    if (!name.size) name = asm__ingest_string(state, asm__ingest_find_one(step, ASM_STR("tool_name")));
    if (!asm__ingest_find_call(state, id))
        asm__plain_start_tool(state, id, name, asm__ingest_find_one(info, ASM_STR("parameters")));
    if (!is_done) return;
    event.tool.call_id = id;
    asm__plain_output(state, &event, asm__ingest_find_one(info, ASM_STR("output")));
    event.tool.error_message = asm__plain_error_text(state, asm__ingest_find_one(info, ASM_STR("error")));
    event.tool.duration_ms = asm__ingest_double(asm__ingest_find_one(step, ASM_STR("duration_seconds")));
    if (event.tool.duration_ms.is_set) event.tool.duration_ms.value *= 1000;
    asm__plain_end_tool(state, &event,
                        asm__ingest_is(asm__ingest_find_one(info, ASM_STR("error")), ASM_JSON_OBJECT),
                        asm__ingest_absent());
}

static void asm__agy_step(asm__ingest *state, asm_str step) {
    const asm_str type = asm__ingest_string(state, asm__ingest_find_one(step, ASM_STR("step_type")));
    const asm_str info = asm__ingest_find_one(step, ASM_STR("tool_info")),
                  delta = asm__ingest_find_one(step, ASM_STR("text_delta"));
    const bool is_done = asm_str_equal(asm__ingest_find_one(step, ASM_STR("state")), ASM_STR("\"DONE\""));
    asm__ingest_need_run(state, asm__ingest_absent());
    if (info.data || asm_str_equal(type, ASM_STR("tool"))) {
        asm__agy_tool(state, step, info, is_done);
    } else if (asm_str_equal(type, ASM_STR("user_input"))) {
        asm__plain_prompt(state, asm__ingest_absent(), asm__ingest_string(state, delta));
    } else if (asm_str_equal(type, ASM_STR("agent_response"))) {
        asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()),
                        asm__ingest_string(state, delta));
        if (is_done) asm__plain_finish(state);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("step"), step);
    }
}

static void asm__agy_result(asm__ingest *state, asm_str result) {
    static const asm_str usage_keys[] = {ASM__MEMBER("input"), ASM__MEMBER("output"), ASM__MEMBER("thinking"),
                                         ASM__MEMBER("cache_read")};
    const bool is_success =
        asm_str_equal(asm__ingest_find_one(result, ASM_STR("status")), ASM_STR("\"SUCCESS\""));
    const asm_str failure = asm__ingest_find_one(result, ASM_STR("error"));
    asm_event event = is_success ? asm__plain_success(ASM_STR("end_turn"))
                                 : asm__plain_failure(state, asm__ingest_absent(),
                                                      asm__plain_error_text(state, failure), failure);
    asm_usage_payload usage;
    asm_str counts[4];
    memset(&usage, 0, sizeof usage);
    asm__ingest_find_in_line(state, asm__ingest_find_one(result, ASM_STR("usage")), usage_keys, counts, 4);
    usage.input_tokens = asm__ingest_int64(counts[0]);
    usage.output_tokens = asm__ingest_int64(counts[1]);
    usage.reasoning_tokens = asm__ingest_int64(counts[2]);
    usage.cache_read_tokens = asm__ingest_int64(counts[3]);
    if (usage.reasoning_tokens.value > usage.output_tokens.value)
        asm__ingest_add(&usage.output_tokens, usage.reasoning_tokens);
    event.run.num_turns = asm__ingest_int64(asm__ingest_find_one(result, ASM_STR("num_turns")));
    event.run.duration_ms = asm__ingest_double(asm__ingest_find_one(result, ASM_STR("duration_seconds")));
    if (event.run.duration_ms.is_set) event.run.duration_ms.value *= 1000;
    asm__ingest_need_run(state, asm__ingest_absent());
    if (!state->run_has_text)
        asm__plain_message(state, asm__ingest_absent(),
                           asm__ingest_string(state, asm__ingest_find_one(result, ASM_STR("response"))));
    asm__plain_end_run(state, &event, &usage);
}

static const char *const asm__agy_shape[] = {
    "event:s conversation_id:s init{model:s cwd:s} step_update{conversation_id:s step_index:n state:s "
    "step_type:s text_delta:s tool_name:s tool_info{name:s parameters:* output[type=text text:s | type:s "
    "*:*] output:* error:s error{message:s}} duration_seconds:n} result{conversation_id:s status:s "
    "response:s error:* duration_seconds:n num_turns:i usage{input:i output:i thinking:i cache_read:i "
    "total_tokens:i}}",
    NULL};

static asm_result asm__agy_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("event", 's'), ASM__KEY("conversation_id", 's'),
                                           ASM__KEY("init", 'o'), ASM__KEY("step_update", 'o'),
                                           ASM__KEY("result", 'o')};
    asm_str values[5];
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 5, &others, error)) return error->result;
    asm__ingest_begin_rest(state, line, asm__ingest_string(state, values[0]), asm__agy_shape);
    if (!values[1].data)
        values[1] = asm__ingest_find_one(values[3].data ? values[3] : values[4], ASM_STR("conversation_id"));
    asm__ingest_set_line(state, values[1], asm__ingest_absent(), asm__ingest_absent());
    if (values[2].data) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
        if (state->run_open) asm__ingest_cut_run(state);
        event.run.model = asm__ingest_string(state, asm__ingest_find_one(values[2], ASM_STR("model")));
        event.run.cwd = asm__ingest_string(state, asm__ingest_find_one(values[2], ASM_STR("cwd")));
        asm__ingest_begin_run(state, &event);
    } else if (values[3].data) {
        asm__agy_step(state, values[3]);
    } else if (values[4].data) {
        asm__agy_result(state, values[4]);
    } else {
        asm__ingest_emit_odd(state, asm__ingest_string(state, values[0]), ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__antigravity_reader = {ASM__MEMBER("antigravity"), asm__agy_line,
                                                           asm__plain_stop};
#define ASM__READER_ANTIGRAVITY &asm__antigravity_reader
#endif

/* >>ingest: grok
 *
 * grok -p --output-format streaming-json: no calls are told.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_GROK

static const char *const asm__grok_shape[] = {
    "type=text data:s sessionId:s", "type=thought data:s sessionId:s",
    "type=end stopReason:s sessionId:s num_turns:i usage{input_tokens:i output_tokens:i cache_read_tokens:i "
    "cache_creation_tokens:i reasoning_tokens:i cost_usd:n}",
    NULL};

static asm_result asm__grok_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),       ASM__KEY("data", 's'),
                                           ASM__KEY("stopReason", 's'), ASM__KEY("sessionId", 's'),
                                           ASM__KEY("usage", 'o'),      ASM__KEY("num_turns", 'i')};
    asm_str values[6], type, reason;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, line, keys, values, 6, &others, error)) return error->result;
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__grok_shape);
    asm__ingest_set_line(state, values[3], asm__ingest_absent(), asm__ingest_absent());
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm__ingest_say(state, asm__plain_speaker(state, asm__ingest_absent()),
                        asm__ingest_text(state, values[1]));
    } else if (asm_str_equal(type, ASM_STR("thought"))) {
        asm__ingest_think(state, asm__plain_speaker(state, asm__ingest_absent()),
                          asm__ingest_text(state, values[1]), asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("end"))) {
        asm_usage_payload usage;
        asm_event event;
        reason = asm__ingest_string(state, values[2]);
        event = asm__plain_success(asm_str_equal(reason, ASM_STR("EndTurn")) ? ASM_STR("end_turn") : reason);
        if (asm_str_equal(reason, ASM_STR("Cancelled"))) event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
        event.run.num_turns = asm__ingest_int64(values[5]);
        if (!asm_usage_read(&usage, values[4])) memset(&usage, 0, sizeof usage);
        asm__plain_end_run(state, &event, &usage);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("line"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__grok_reader = {ASM__MEMBER("grok"), asm__grok_line, asm__plain_stop};
#define ASM__READER_GROK &asm__grok_reader
#endif

/* >>ingest: acp
 *
 * Agent Client Protocol, JSON-RPC lines between an editor and its agent: of both directions, or of the agent's alone. A
 * run is a prompt: from its request, or the first update, to its answer.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_ACP

/* The last part of a method's name. */
static asm_str asm__acp_in_name(asm_str method) {
    size_t at = method.size;
    if (!at) return ASM_STR("answer");
    while (at && method.data[at - 1] != '/')
        at--;
    return asm_str_make(method.data + at, method.size - at);
}

/* The text of one content block; other blocks are kept as what they are. */
static asm_str asm__acp_in_block(asm__ingest *state, asm_str block) {
    const asm_str type = asm__ingest_find_text(state, block, ASM_STR("type"));
    if (asm_str_equal(type, ASM_STR("text"))) return asm__ingest_find_text(state, block, ASM_STR("text"));
    asm__ingest_emit_odd(state, type, ASM_STR("content"), block);
    return asm__ingest_absent();
}

/* The texts of a call's content, one below the other; whether there is something else, a diff or a terminal. */
static asm_str asm__acp_in_content(asm__ingest *state, asm_str list, bool *has_other) {
    asm_json_reader elements = asm__ingest_line_elements(state, list);
    asm_str element;
    bool has_any = false;
    asm_buffer_clear(&state->joined);
    while (asm__ingest_next(&elements, &element)) {
        const asm_str block = asm__ingest_find_one(element, ASM_STR("content"));
        if (!asm_str_equal(asm__ingest_find_one(block, ASM_STR("type")), ASM_STR("\"text\""))) {
            *has_other = true;
            continue;
        }
        if (has_any) asm__ingest_append(state, &state->joined, ASM_STR("\n"));
        asm__ingest_append(state, &state->joined, asm__ingest_find_text(state, block, ASM_STR("text")));
        has_any = true;
    }
    return has_any ? asm_buffer_text(&state->joined) : asm__ingest_absent();
}

/* Content that is no text, before the call has ended: as it is. */
static void asm__acp_in_keep(asm__ingest *state, asm_event *event, bool has_other, asm_str content) {
    if (has_other)
        event->extra = asm__ingest_joined(state, &state->built2, event->extra, ASM_STR("content"), content);
}

static void asm__acp_in_call(asm__ingest *state, asm_str update) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("toolCallId", 's'), ASM__KEY("title", 's'),   ASM__KEY("name", 's'),
        ASM__KEY("kind", 's'),       ASM__KEY("status", 's'),  ASM__KEY("rawInput", '*'),
        ASM__KEY("rawOutput", '*'),  ASM__KEY("content", 'a'), ASM__KEY("sessionUpdate", '-')};
    asm_str values[9], id, status, name;
    asm__ingest_others others;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
    bool is_open, has_other = false;
    asm__ingest_read_object(state, update, keys, values, 9, &others, NULL);
    id = asm__ingest_string(state, values[0]);
    status = asm__ingest_string(state, values[4]);
    name = asm__ingest_string(state, values[2].data ? values[2] : values[3].data ? values[3] : values[1]);
    is_open = asm__ingest_find_call(state, id) != NULL;
    if (is_open || values[2].data) asm__ingest_leave(state, ASM_STR("kind"), values[3]);
    if (is_open) asm__ingest_leave(state, ASM_STR("name"), values[2]);
    if (is_open) asm__ingest_leave(state, ASM_STR("rawInput"), values[5]);
    asm__acp_in_content(state, values[7], &has_other);
    if (!is_open) {
        asm_event start = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
        asm__plain_finish(state);
        asm__ingest_need_run(state, asm__ingest_absent());
        start.tool.call_id = id;
        start.tool.name = name;
        start.tool.display_text = asm__ingest_string(state, values[1]);
        start.tool.input = asm__ingest_value(state, values[5]);
        asm__acp_in_keep(state, &start, has_other, values[7]);
        asm__ingest_start_call(state, &start);
    }
    event.tool.call_id = id;
    event.tool.output = asm__acp_in_content(state, values[7], &has_other);
    event.tool.display_text = is_open ? asm__ingest_string(state, values[1]) : asm__ingest_absent();
    if (!event.tool.output.data) asm__plain_output(state, &event, values[6]);
    if (asm_str_equal(status, ASM_STR("completed")) || asm_str_equal(status, ASM_STR("failed"))) {
        const bool is_failed = asm_str_equal(status, ASM_STR("failed"));
        const asm__ingest_call *call = asm__ingest_find_call(state, id);
        asm_str word = asm__ingest_absent();
        if (is_failed && state->cancelled) word = ASM_STR("cancelled");
        if (is_failed && call && call->is_declined) word = ASM_STR("declined");
        event.tool.result = asm__ingest_value(state, values[6].data || !has_other ? values[6] : values[7]);
        if (is_open) asm__acp_in_keep(state, &event, has_other && values[6].data, values[7]);
        asm__plain_end_tool(state, &event, is_failed, word);
    } else if (is_open) {
        event.type = event.tool.output.data ? ASM_EVENT_TOOL_OUTPUT_STREAMED : ASM_EVENT_TOOL_CALL_UPDATED;
        if (!event.tool.output.data)
            event.tool.status =
                asm_str_equal(status, ASM_STR("pending")) ? ASM_STR("waiting") : ASM_STR("running");
        asm__acp_in_keep(state, &event, has_other, values[7]);
        asm__ingest_update_tool(state, &event);
    }
}

static void asm__acp_in_plan(asm__ingest *state, asm_str entries) {
    static const asm__ingest_key keys[] = {ASM__KEY("content", 's'), ASM__KEY("status", 's')};
    asm_json_reader list = asm__ingest_line_elements(state, entries);
    asm_event event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
    asm_json_writer writer;
    asm__ingest_others others;
    asm_str entry, values[2];
    asm_buffer_clear(&state->built2);
    asm_json_writer_init(&writer, &state->built2);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&list, &entry)) {
        if (!asm__ingest_read_object(state, entry, keys, values, 2, &others, NULL)) continue;
        asm_json_begin_object(&writer);
        asm_json_write_key(&writer, ASM_STR("content"));
        asm__ingest_write_raw(state, &writer, values[0].data ? values[0] : ASM_STR("\"\""));
        asm_json_write_key(&writer, ASM_STR("status"));
        asm__ingest_write_raw(state, &writer, values[1].data ? values[1] : ASM_STR("\"pending\""));
        asm__ingest_write_others(state, &writer, others);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) return;
    event.todos.todos = asm_buffer_text(&state->built2);
    asm__ingest_emit(state, &event);
}

static void asm__acp_in_usage(asm__ingest *state, asm_str update) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    const asm_str cost = asm__ingest_find_one(update, ASM_STR("cost"));
    event.usage.context_window = asm__ingest_int64(asm__ingest_find_one(update, ASM_STR("size")));
    event.usage.cost_usd = asm__ingest_double(asm__ingest_find_one(cost, ASM_STR("amount")));
    if (event.usage.cost_usd.is_set) event.usage.cumulative = asm__ingest_true();
    event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("used"),
                                   asm__ingest_find_one(update, ASM_STR("used")));
    asm__ingest_emit(state, &event);
}

/* What the person may choose from, or has chosen. */
static bool asm__acp_in_setting(asm__ingest *state, asm_str kind, asm_str update) {
    asm_json_reader commands =
        asm__ingest_elements(asm__ingest_find_one(update, ASM_STR("availableCommands")));
    asm_event event = asm__ingest_notice(state, kind);
    asm_str command;
    asm__ingest_begin_words(state);
    if (asm_str_equal(kind, ASM_STR("current_mode_update"))) {
        asm__ingest_add_word(state, "mode ", asm__ingest_find_text(state, update, ASM_STR("currentModeId")),
                             "");
    } else if (asm_str_equal(kind, ASM_STR("available_commands_update"))) {
        while (asm__ingest_next(&commands, &command)) {
            const bool is_first = state->words.size == 0;
            asm__ingest_add_word(state, is_first ? "commands: " : ", ",
                                 asm__ingest_find_text(state, command, ASM_STR("name")), "");
        }
    } else if (asm_str_equal(kind, ASM_STR("config_option_update"))) {
        asm__ingest_add_word(state, "", ASM_STR("settings have changed"), "");
    } else {
        return false;
    }
    event.notice.text = asm__ingest_words(state);
    event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("update"), update);
    asm__ingest_emit(state, &event);
    return true;
}

static void asm__acp_in_update(asm__ingest *state, asm_str update) {
    const asm_str kind = asm__ingest_find_text(state, update, ASM_STR("sessionUpdate"));
    const asm_str content = asm__ingest_find_one(update, ASM_STR("content"));
    const asm_str id = asm__ingest_find_text(state, update, ASM_STR("messageId"));
    if (asm_str_equal(kind, ASM_STR("agent_message_chunk"))) {
        const asm_str text = asm__acp_in_block(state, content);
        asm__ingest_say(state, asm__plain_speaker(state, id), text);
        return;
    }
    if (asm_str_equal(kind, ASM_STR("agent_thought_chunk"))) {
        asm__ingest_need_run(state, asm__ingest_absent());
        asm__ingest_emit_thinking(state, asm__acp_in_block(state, content), id, asm__ingest_absent());
        return;
    }
    if (state->main.has_message && !asm_str_equal(kind, ASM_STR("usage_update"))) asm__plain_finish(state);
    if (asm_str_equal(kind, ASM_STR("user_message_chunk"))) {
        asm__plain_prompt(state, id, asm__acp_in_block(state, content));
    } else if (asm_str_equal(kind, ASM_STR("tool_call")) ||
               asm_str_equal(kind, ASM_STR("tool_call_update"))) {
        asm__acp_in_call(state, update);
    } else if (asm_str_equal(kind, ASM_STR("plan"))) {
        asm__acp_in_plan(state, asm__ingest_find_one(update, ASM_STR("entries")));
    } else if (asm_str_equal(kind, ASM_STR("usage_update"))) {
        asm__acp_in_usage(state, update);
    } else if (asm_str_equal(kind, ASM_STR("session_info_update"))) {
        asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
        event.run.title = asm__ingest_find_text(state, update, ASM_STR("title"));
        if (asm__ingest_changes(state, &state->title, event.run.title)) asm__ingest_emit(state, &event);
    } else if (!asm__acp_in_setting(state, kind, update)) {
        asm__ingest_emit_odd(state, kind, ASM_STR("update"), update);
    }
}

/* A prompt: a run begins, and the answer to this id ends it. */
static void asm__acp_in_prompt(asm__ingest *state, asm_str id, asm_str params) {
    asm_json_reader blocks =
        asm__ingest_line_elements(state, asm__ingest_find_one(params, ASM_STR("prompt")));
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    asm_str block;
    if (state->run_open) asm__ingest_cut_run(state);
    if (state->cwd.size) event.run.cwd = asm_buffer_text(&state->cwd);
    asm__ingest_begin_run(state, &event);
    asm__ingest_keep(state, &state->repeated_init, id);
    while (asm__ingest_next(&blocks, &block))
        asm__plain_prompt(state, asm__ingest_absent(), asm__acp_in_block(state, block));
}

static void asm__acp_in_permission(asm__ingest *state, asm_str id, asm_str params) {
    const asm_str call = asm__ingest_find_one(params, ASM_STR("toolCall"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    asm__ingest_call *open;
    asm_json_reader options =
        asm__ingest_line_elements(state, asm__ingest_find_one(params, ASM_STR("options")));
    asm_json_writer writer;
    asm_str option;
    event.approval.request_id = id;
    event.approval.kind = ASM_STR("tool");
    event.approval.tool_call_id = asm__ingest_find_text(state, call, ASM_STR("toolCallId"));
    open = asm__ingest_find_call(state, event.approval.tool_call_id);
    event.approval.tool_name =
        open ? asm__ingest_call_name(open) : asm__ingest_find_text(state, call, ASM_STR("title"));
    event.approval.tool_input = asm__ingest_value(state, asm__ingest_find_one(call, ASM_STR("rawInput")));
    if (!event.approval.tool_input.data && open && open->input_size)
        event.approval.tool_input = asm__ingest_call_input(open);
    asm_buffer_clear(&state->built2);
    asm_json_writer_init(&writer, &state->built2);
    asm_json_begin_array(&writer);
    while (asm__ingest_next(&options, &option)) {
        asm_json_begin_object(&writer);
        asm_json_write_key(&writer, ASM_STR("id"));
        asm_json_write_string(&writer, asm__ingest_find_text(state, option, ASM_STR("optionId")));
        asm_json_write_key(&writer, ASM_STR("label"));
        asm_json_write_string(&writer, asm__ingest_find_text(state, option, ASM_STR("name")));
        asm_json_write_key(&writer, ASM_STR("kind"));
        asm_json_write_string(&writer, asm__ingest_find_text(state, option, ASM_STR("kind")));
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) event.approval.options = asm_buffer_text(&state->built2);
    asm__ingest_ask(state, &event);
    if (!state->request_count) return;
    options = asm__ingest_line_elements(state, asm__ingest_find_one(params, ASM_STR("options")));
    asm_buffer_clear(&state->requests[state->request_count - 1].options);
    while (asm__ingest_next(&options, &option)) {
        asm_buffer *known = &state->requests[state->request_count - 1].options;
        const asm_str kind = asm__ingest_find_text(state, option, ASM_STR("kind"));
        const bool is_reject = asm__ingest_starts_with(kind, ASM_STR("reject"));
        if (!is_reject && !asm_str_equal(kind, ASM_STR("allow_always"))) continue;
        asm__ingest_append(state, known, is_reject ? ASM_STR("r") : ASM_STR("a"));
        asm__ingest_append(state, known, asm__ingest_find_text(state, option, ASM_STR("optionId")));
        asm__ingest_append(state, known, asm_str_make("", 1));
    }
}

/* What the option says: no, yes for good, or yes. */
static asm_str asm__acp_in_meaning(const asm__ingest *state, size_t index, asm_str option) {
    const asm_buffer *known = &state->requests[index].options;
    size_t at = 0;
    while (at < known->size) {
        const char *end = (const char *)memchr(known->data + at, 0, known->size - at);
        const size_t size = end ? (size_t)(end - (known->data + at)) : known->size - at;
        if (size && asm_str_equal(asm_str_make(known->data + at + 1, size - 1), option))
            return known->data[at] == 'r' ? ASM_STR("reject") : ASM_STR("always");
        at += size + 1;
    }
    return ASM_STR("approve");
}

static void asm__acp_in_decision(asm__ingest *state, size_t index, asm_str outcome) {
    const asm_str word = asm__ingest_find_text(state, outcome, ASM_STR("outcome"));
    const asm_str option = asm__ingest_find_text(state, outcome, ASM_STR("optionId"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_GRANTED);
    if (!asm_str_equal(word, ASM_STR("selected"))) {
        event.type = ASM_EVENT_TOOL_APPROVAL_DENIED;
        event.approval.decision = ASM_STR("withdrawn");
    } else {
        event.approval.decision = asm__acp_in_meaning(state, index, option);
        if (asm_str_equal(event.approval.decision, ASM_STR("reject")))
            event.type = ASM_EVENT_TOOL_APPROVAL_DENIED;
        event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("option"),
                                       asm__ingest_find_one(outcome, ASM_STR("optionId")));
    }
    if (event.type == ASM_EVENT_TOOL_APPROVAL_DENIED) {
        asm__ingest_call *call =
            asm__ingest_find_call(state, asm__ingest_request_call(&state->requests[index]));
        if (call) call->is_declined = true;
    }
    asm__ingest_decide(state, index, &event);
}

/* The session's tokens at the end of a prompt. Whether the cache and reasoning are counted apart shows in the total. */
static bool asm__acp_in_total(asm_str raw, asm_usage_payload *usage) {
    static const asm_str keys[] = {ASM__MEMBER("totalTokens"),       ASM__MEMBER("inputTokens"),
                                   ASM__MEMBER("outputTokens"),      ASM__MEMBER("cachedReadTokens"),
                                   ASM__MEMBER("cachedWriteTokens"), ASM__MEMBER("thoughtTokens")};
    asm_optional_int64 apart;
    asm_str values[6];
    memset(usage, 0, sizeof *usage);
    asm__ingest_find(raw, keys, values, 6);
    usage->input_tokens = asm__ingest_int64(values[1]);
    usage->output_tokens = asm__ingest_int64(values[2]);
    usage->cache_read_tokens = asm__ingest_int64(values[3]);
    usage->cache_creation_tokens = asm__ingest_int64(values[4]);
    usage->reasoning_tokens = asm__ingest_int64(values[5]);
    apart = asm__ingest_int64(values[0]);
    if (asm__ingest_usage_is_zero(usage)) return false;
    asm__ingest_take_difference(&apart, usage->input_tokens);
    asm__ingest_take_difference(&apart, usage->output_tokens);
    if (apart.value >= usage->cache_read_tokens.value + usage->cache_creation_tokens.value) {
        asm__plain_add_cache(usage);
        asm__ingest_take_difference(&apart, usage->cache_read_tokens);
        asm__ingest_take_difference(&apart, usage->cache_creation_tokens);
    }
    if (apart.is_set && apart.value > 0 && apart.value == usage->reasoning_tokens.value)
        asm__ingest_add(&usage->output_tokens, usage->reasoning_tokens);
    return true;
}

/* What the prompt has used: the difference of the session's totals, if both are known. */
static asm_str asm__acp_in_used(asm__ingest *state, asm_str raw) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_usage_payload own;
    if (!asm__acp_in_total(raw, &event.usage)) return asm__ingest_absent();
    event.usage.cumulative = asm__ingest_true();
    asm__ingest_emit(state, &event);
    own = event.usage;
    if (state->has_counted && asm__ingest_goes_on(&event.usage, &state->counted)) {
        own = asm__ingest_usage_since(&event.usage, &state->counted);
        own.cumulative.is_set = false;
    }
    state->counted = event.usage;
    state->has_counted = true;
    return asm__ingest_usage_json(state, &state->built, &own);
}

static void asm__acp_in_answer(asm__ingest *state, asm_str result) {
    const asm_str reason = asm__ingest_find_text(state, result, ASM_STR("stopReason"));
    asm_event event = asm__plain_success(
        asm_str_equal(reason, ASM_STR("max_turn_requests")) ? ASM_STR("max_turns") : reason);
    if (asm_str_equal(reason, ASM_STR("cancelled"))) event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    if (!state->run_open) return;
    event.run.token_usage = asm__acp_in_used(state, asm__ingest_find_one(result, ASM_STR("usage")));
    asm__plain_end_run(state, &event, NULL);
}

/* The end of a run that answers no prompt, as asm_wire.h writes it. */
static void asm__acp_in_ended(asm__ingest *state, asm_str params) {
    const asm_str failure = asm__ingest_find_one(params, ASM_STR("error"));
    asm_event event;
    asm__ingest_need_run(state, asm__ingest_absent());
    if (!failure.data) {
        asm__acp_in_answer(state, params);
    } else {
        event = asm__plain_failure(state, asm__ingest_find_text(state, failure, ASM_STR("data")),
                                   asm__ingest_find_text(state, failure, ASM_STR("message")),
                                   asm__ingest_absent());
        asm__plain_end_run(state, &event, NULL);
    }
}

/* What the agent asks its editor to do with files and terminals, and what the editor asks of the agent's set-up. That it
 * looks whether a terminal has something new is a sign of life. */
static void asm__acp_in_errand(asm__ingest *state, asm_str method, asm_str params) {
    static const char *const words[][3] = {{"initialize", "protocolVersion", "protocol version "},
                                           {"authenticate", "methodId", "authenticates with "},
                                           {"fs/read_text_file", "path", "reads "},
                                           {"fs/write_text_file", "path", "writes "},
                                           {"terminal/create", "command", "runs "},
                                           {"terminal/kill", "terminalId", "kills terminal "},
                                           {"session/set_mode", "modeId", "mode "},
                                           {"session/set_model", "modelId", "model "},
                                           {"session/resume", "sessionId", "resumes "},
                                           {"terminal/output", NULL, NULL},
                                           {"terminal/wait_for_exit", NULL, NULL},
                                           {"terminal/release", NULL, NULL}};
    asm_json_reader arguments = asm__ingest_elements(asm__ingest_find_one(params, ASM_STR("args")));
    asm_event event = asm__ingest_notice(state, asm__acp_in_name(method));
    asm_str argument, value;
    size_t i;
    asm__ingest_begin_words(state);
    for (i = 0; i < ASM__INGEST_COUNT_OF(words); i++) {
        if (!asm_str_equal(method, asm_str_from(words[i][0]))) continue;
        if (!words[i][1]) {
            state->ingest->counts.heartbeats++;
            return;
        }
        value = asm__ingest_find_one(params, asm_str_from(words[i][1]));
        asm__ingest_add_word(
            state, words[i][2],
            asm__ingest_is(value, ASM_JSON_STRING) ? asm__ingest_string(state, value) : value, "");
    }
    while (asm__ingest_next(&arguments, &argument))
        asm__ingest_add_word(state, " ", asm__ingest_string(state, argument), "");
    event.notice.text = asm__ingest_words(state);
    if (asm__ingest_is(params, ASM_JSON_OBJECT))
        event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("params"), params);
    asm__ingest_emit(state, &event);
}

/* An answer that has more than is known: what it says, with what is left of it. */
static void asm__acp_in_other_answer(asm__ingest *state, asm_str result) {
    static const asm_str keys[] = {ASM__MEMBER("content"),   ASM__MEMBER("terminalId"),
                                   ASM__MEMBER("output"),    ASM__MEMBER("exitStatus"),
                                   ASM__MEMBER("exitCode"),  ASM__MEMBER("signal"),
                                   ASM__MEMBER("sessionId"), ASM__MEMBER("protocolVersion")};
    asm_event event = asm__ingest_notice(state, ASM_STR("answer"));
    asm_str values[8], code, signal;
    asm__ingest_find(result, keys, values, 8);
    code = values[4].data ? values[4] : asm__ingest_find_one(values[3], ASM_STR("exitCode"));
    signal = asm__ingest_string(state, values[5].data ? values[5]
                                                      : asm__ingest_find_one(values[3], ASM_STR("signal")));
    asm__ingest_begin_words(state);
    if (asm__ingest_is(values[0], ASM_JSON_STRING))
        asm__ingest_add_word(state, "", ASM_STR("a file's text"), "");
    if (asm__ingest_is(values[1], ASM_JSON_STRING))
        asm__ingest_add_word(state, "terminal ", asm__ingest_string(state, values[1]), " has begun");
    asm__ingest_add_word(state, "terminal: ", asm__ingest_string(state, values[2]), "");
    if (asm__ingest_int64(code).is_set) asm__ingest_add_word(state, ", exit code ", code, "");
    asm__ingest_add_word(state, ", ended by ", signal, "");
    if (values[6].data) asm__ingest_add_word(state, "", ASM_STR("the session is open"), "");
    if (values[7].data) asm__ingest_add_word(state, "protocol version ", values[7], "");
    event.notice.text = asm__ingest_words(state);
    if (signal.size || asm__ingest_int64(code).value != 0) event.notice.level = ASM_STR("warning");
    asm__ingest_emit(state, &event);
}

static void asm__acp_in_response(asm__ingest *state, asm_str id, asm_str result, asm_str failure) {
    const size_t index = asm__ingest_find_request(state, id, asm__ingest_absent());
    if (index < state->request_count && asm__ingest_find_one(result, ASM_STR("outcome")).data) {
        asm__acp_in_decision(state, index, asm__ingest_find_one(result, ASM_STR("outcome")));
    } else if (asm__ingest_find_one(result, ASM_STR("stopReason")).data) {
        asm__acp_in_answer(state, result);
    } else if (failure.data && state->run_open && asm_str_equal(id, asm_buffer_text(&state->repeated_init))) {
        asm_event event =
            asm__plain_failure(state, asm__ingest_absent(), asm__plain_error_text(state, failure), failure);
        asm__plain_end_run(state, &event, NULL);
    } else if (failure.data) {
        asm__ingest_emit_error(state, ASM_STR("protocol"), asm__plain_error_text(state, failure),
                               asm__ingest_value(state, failure));
    } else if (state->rest.size) {
        asm__acp_in_other_answer(state, result);
    } else {
        state->ingest->counts.heartbeats++; /* that it was done */
    }
}

static const char *const asm__acp_shape[] = {
    "method=session/update jsonrpc:s params{sessionId:s update{sessionUpdate=agent_message_chunk messageId:s "
    "content{type=text text:s | type:s *:*} | sessionUpdate=agent_thought_chunk messageId:s "
    "content{type=text text:s | type:s *:*} | sessionUpdate=user_message_chunk messageId:s content{type=text "
    "text:s | type:s *:*} | sessionUpdate=tool_call toolCallId:s title:s name:s kind:s status:s rawInput:* "
    "rawOutput:* content[type=content content{type=text text:s | type:s *:*} | type:s *:*] | "
    "sessionUpdate=tool_call_update toolCallId:s title:s name:s kind:s status:s rawInput:* rawOutput:* "
    "content[type=content content{type=text text:s | type:s *:*} | type:s *:*] | sessionUpdate=plan "
    "entries:a | sessionUpdate=usage_update used:* size:i cost{amount:n} | sessionUpdate=session_info_update "
    "title:s | *:*}}",
    "method=session/prompt jsonrpc:s id:* params{sessionId:s prompt[type=text text:s | type:s *:*]}",
    "method=session/request_permission jsonrpc:s id:* params{sessionId:s toolCall{toolCallId:s title:s "
    "rawInput:*} options[optionId:s name:s kind:s]}",
    "method=session/cancel jsonrpc:s params{sessionId:s}",
    "method=session/new jsonrpc:s id:* params{sessionId:s cwd:s}",
    "method=_asm/run_ended jsonrpc:s params{sessionId:s stopReason:s error{code:i message:s data:s}}",
    "method=session/load jsonrpc:s id:* params{sessionId:s cwd:s}",
    "method=initialize jsonrpc:s id:* params:o",
    "method=authenticate jsonrpc:s id:* params:o",
    "method:s jsonrpc:s id:* params:o error:* result{stopReason:s sessionId:s outcome{outcome:s optionId:s} "
    "usage{totalTokens:i inputTokens:i outputTokens:i thoughtTokens:i cachedReadTokens:i "
    "cachedWriteTokens:i}}",
    NULL};

static asm_result asm__acp_in_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("method"), ASM__MEMBER("id"), ASM__MEMBER("params"),
                                   ASM__MEMBER("result"), ASM__MEMBER("error")};
    asm_str values[5], method, id;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 5);
    method = asm__ingest_string(state, values[0]);
    id = asm__ingest_is(values[1], ASM_JSON_STRING) ? asm__ingest_string(state, values[1]) : values[1];
    asm__ingest_begin_rest(state, line, asm__acp_in_name(method), asm__acp_shape);
    asm__ingest_set_line(state,
                         asm__ingest_find_one(values[2].data ? values[2] : values[3], ASM_STR("sessionId")),
                         asm__ingest_absent(), asm__ingest_absent());
    if (!method.size && !values[3].data && !values[4].data) {
        asm__ingest_count_unknown(state, ASM_STR("answer")); /* told by its members */
    } else if (!method.size) {
        asm__acp_in_response(state, id, values[3], values[4]);
    } else if (asm_str_equal(method, ASM_STR("session/update"))) {
        asm__acp_in_update(state, asm__ingest_find_one(values[2], ASM_STR("update")));
    } else if (asm_str_equal(method, ASM_STR("session/prompt"))) {
        asm__acp_in_prompt(state, id, values[2]);
    } else if (asm_str_equal(method, ASM_STR("session/request_permission"))) {
        asm__acp_in_permission(state, id, values[2]);
    } else if (asm_str_equal(method, ASM_STR("session/cancel"))) {
        state->cancelled = true;
    } else if (asm_str_equal(method, ASM_STR("session/new")) ||
               asm_str_equal(method, ASM_STR("session/load"))) {
        asm__ingest_keep(state, &state->cwd, asm__ingest_find_text(state, values[2], ASM_STR("cwd")));
    } else if (asm_str_equal(method, ASM_STR("_asm/run_ended"))) {
        asm__acp_in_ended(state, values[2]);
    } else if (asm__ingest_starts_with(method, ASM_STR("_"))) {
        asm_buffer_clear(&state->rest);
        asm__ingest_emit_odd(state, method, ASM_STR("params"), values[2]);
    } else {
        asm__acp_in_errand(state, method, values[2]);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__acp_in_reader = {ASM__MEMBER("acp"), asm__acp_in_line, asm__plain_stop};
#define ASM__READER_ACP &asm__acp_in_reader
#endif

/* >>ingest: plain files
 *
 * What formats share that programs keep on disk, one record a line or all in one document.
 */
#if ASM_INGEST_FORMATS & (ASM_WITH_GEMINI_CHAT | ASM_WITH_QWEN_CHAT | ASM_WITH_PI_SESSION |                  \
                          ASM_WITH_KIMI_WIRE | ASM_WITH_DROID_SESSION | ASM_WITH_CURSOR_TRANSCRIPT |         \
                          ASM_WITH_OPENCODE_EXPORT | ASM_WITH_OPENCODE_SERVER)

/* What the person said: a turn begins. */
static void asm__file_prompt(asm__ingest *state, asm_str id, asm_str text) {
    if (!text.size) return;
    asm__ingest_leave_run(state, asm__ingest_close_turn);
    asm__ingest_begin_turn(state, false);
    asm__plain_prompt(state, id, text);
}

/* What a program said in the person's place. */
static void asm__file_injected(asm__ingest *state, asm_str id, asm_str text, asm_str origin) {
    asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, text, id, asm__ingest_absent());
    if (!text.size) return;
    event.message.role = ASM_STR("user");
    event.message.synthetic = asm__ingest_true();
    event.message.origin = origin;
    asm__ingest_emit(state, &event);
}

/* Of several texts that the person said at once only the first begins a turn. */
static void asm__file_prompt_part(asm__ingest *state, asm_str id, asm_str text, bool *in_turn) {
    if (*in_turn) asm__plain_prompt(state, id, text);
    else asm__file_prompt(state, id, text);
    *in_turn = *in_turn || text.size > 0;
}

static void asm__file_say(asm__ingest *state, asm_str id, asm_str text) {
    if (!text.size) return;
    asm__ingest_need_turn(state);
    asm__plain_message(state, id, text);
    state->has_final_words = true;
}

static void asm__file_think(asm__ingest *state, asm_str id, asm_str text) {
    if (!text.size && !state->rest.size) return;
    asm__ingest_need_turn(state);
    asm__ingest_think_whole(state, text, id);
}

static void asm__file_start_tool(asm__ingest *state, asm_str id, asm_str name, asm_str input) {
    asm__ingest_need_turn(state);
    asm__plain_start_tool(state, id, name, input);
    state->has_final_words = false;
}

/* What a message has used, with the provider's own figures. */
static void asm__file_usage(asm__ingest *state, asm_event *event, asm_str id, asm_str model, asm_str raw) {
    if (asm__ingest_usage_is_zero(&event->usage)) {
        if (raw.size > 2) asm__ingest_leave(state, ASM_STR("provider_usage"), raw);
        return;
    }
    if (id.size) event->usage.message_id = id;
    if (model.size) event->usage.model = model;
    event->extra = asm__ingest_pair(state, &state->extra, ASM_STR("provider_usage"), raw);
    asm__ingest_add_usage(state->run_open ? &state->main.total : &state->totals, &event->usage);
    if (state->run_open) asm__plain_add_cost(state, event->usage.cost_usd);
    asm__ingest_emit(state, event);
    if (state->run_open) return;
    event->usage = state->totals; /* between two turns: a title, a compaction */
    event->usage.cumulative = asm__ingest_true();
    event->extra = asm__ingest_absent();
    asm__ingest_emit(state, event);
}

/* Where the agent works, which version of it, on which model: told when it changes within a run. */
static void asm__file_place(asm__ingest *state, asm_str cwd, asm_str branch, asm_str version, asm_str model) {
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    if (asm__ingest_changes(state, &state->cwd, cwd)) event.run.cwd = cwd;
    if (asm__ingest_changes(state, &state->branch, branch)) event.run.git_branch = branch;
    if (asm__ingest_changes(state, &state->version, version)) event.run.agent_version = version;
    if (asm__ingest_changes(state, &state->model, model)) event.run.model = model;
    if (state->run_open && (event.run.cwd.data || event.run.git_branch.data || event.run.agent_version.data ||
                            event.run.model.data))
        asm__ingest_emit(state, &event);
}

static void asm__file_title(asm__ingest *state, asm_str title) {
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    event.run.title = title;
    if (asm__ingest_changes(state, &state->title, title) && state->stream_has_run)
        asm__ingest_emit(state, &event);
}

/* The texts of a string, or of a list of blocks, one below the other. What else there is belongs to the rest. */
static asm_str asm__file_text(asm__ingest *state, asm_str content) {
    bool has_blobs = false;
    state->in_place = NULL;
    if (asm__ingest_is(content, ASM_JSON_STRING)) return asm__ingest_string(state, content);
    return asm__ingest_block_texts(state, content, &has_blobs);
}

/* Whether that was told of the message that comes again and again as it grows. `what` is the kind of it. */
static bool asm__file_is_told(asm__ingest *state, char what, asm_str text) {
    const uint64_t hash = asm__hash(text.data, text.size, (unsigned char)what);
    size_t at;
    for (at = 0; at + sizeof hash <= state->told.size; at += sizeof hash)
        if (memcmp(state->told.data + at, &hash, sizeof hash) == 0) return true;
    asm__ingest_remember(state, hash);
    return false;
}

static void asm__file_enter(asm__ingest *state, asm_str id) {
    if (id.size && asm_str_equal(asm_buffer_text(&state->told_id), id)) return;
    asm__ingest_keep(state, &state->told_id, id);
    asm_buffer_clear(&state->told);
}

/* A failure of the turn, unless the agent goes on after it. */
static void asm__file_fail(asm__ingest *state, asm_str code, asm_str message) {
    asm__ingest_keep(state, &state->last_code, code.size ? code : ASM_STR("provider_error"));
    asm__ingest_keep(state, &state->last_error, message.size ? message : ASM_STR("the run failed"));
}

static void asm__file_recover(asm__ingest *state) {
    asm_buffer_clear(&state->last_code);
    asm_buffer_clear(&state->last_error);
}
#endif

/* >>ingest: gemini chats
 *
 * ~/.gemini/tmp/X/chats: one document, or since 0.40 a line for each message. A message comes again when it has more.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_GEMINI_CHAT

static const char *const asm__gemini_chat_shape[] = {
    "type=user id:s timestamp:s content:s content[text:s] displayContent:s",
    "type=gemini id:s timestamp:s content:s content[text:s] model:s tokens:o toolCalls:a thoughts[subject:s "
    "description:s timestamp:s]",
    "type:s id:s timestamp:s content:s content[text:s] sessionId:s startTime:s lastUpdated:s summary:s "
    "messages:a $set{lastUpdated:s summary:s} $rewindTo:s",
    NULL};
static const char *const asm__gemini_call_shape[] = {
    "id:s name:s args:* status:s result[functionResponse{id:s name:s response{output:s error:s}}] "
    "resultDisplay:s resultDisplay:o",
    NULL};

/* The file that a call's diff is of, as one element of `changes`. */
static asm_str asm__gemini_chat_changes(asm__ingest *state, asm_str shown) {
    const asm_str path = asm__ingest_find_one(shown, ASM_STR("fileName"));
    const asm_str diff = asm__ingest_find_one(shown, ASM_STR("fileDiff"));
    asm_json_writer writer;
    if (!asm__ingest_is(path, ASM_JSON_STRING) || !asm__ingest_is(diff, ASM_JSON_STRING))
        return asm__ingest_absent();
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_array(&writer);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("path"));
    asm__ingest_write_raw(state, &writer, path);
    asm__ingest_write_diff_counts(state, &writer, diff);
    asm_json_end_object(&writer);
    asm_json_end_array(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(&state->built);
    state->failed = true;
    return asm__ingest_absent();
}

static void asm__gemini_chat_end_call(asm__ingest *state, asm_str id, asm_str status, asm_str result,
                                      asm_str shown) {
    const asm_str response = asm__ingest_find_one(
        asm__ingest_find_one(asm__ingest_first(result), ASM_STR("functionResponse")), ASM_STR("response"));
    const asm_str error = asm__ingest_find_text(state, response, ASM_STR("error"));
    const bool is_cancelled = asm_str_equal(status, ASM_STR("cancelled"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    event.tool.call_id = id;
    event.tool.output = asm__ingest_find_text(state, response, ASM_STR("output"));
    if (!event.tool.output.data) event.tool.output = error;
    event.tool.error_message = error;
    event.tool.exit_code = asm__gemini_exit_code(event.tool.output);
    if (shown.size > 2) event.tool.result = asm__ingest_value(state, shown);
    event.tool.changes = asm__gemini_chat_changes(state, shown);
    asm__plain_end_tool(state, &event, !asm_str_equal(status, ASM_STR("success")),
                        is_cancelled ? status : asm__ingest_absent());
}

static void asm__gemini_chat_call(asm__ingest *state, asm_str call) {
    static const asm_str keys[] = {ASM__MEMBER("id"),     ASM__MEMBER("name"),
                                   ASM__MEMBER("args"),   ASM__MEMBER("status"),
                                   ASM__MEMBER("result"), ASM__MEMBER("resultDisplay")};
    asm_str values[6], id, status;
    bool is_over;
    asm__ingest_find_in_line(state, call, keys, values, 6);
    id = asm__ingest_string(state, values[0]);
    status = asm__ingest_string(state, values[3]);
    is_over = asm_str_equal(status, ASM_STR("success")) || asm_str_equal(status, ASM_STR("error")) ||
              asm_str_equal(status, ASM_STR("cancelled"));
    asm__ingest_begin_rest(state, call, ASM_STR("tool"), asm__gemini_call_shape);
    if (!asm__file_is_told(state, 'c', id))
        asm__file_start_tool(state, id, asm__ingest_string(state, values[1]), values[2]);
    if (is_over && !asm__file_is_told(state, 'e', id))
        asm__gemini_chat_end_call(state, id, status, values[4], values[5]);
    asm_buffer_clear(&state->rest); /* of a call that was told before */
}

/* The cache is part of the input; reasoning is counted beside the output. */
static void asm__gemini_chat_tokens(asm__ingest *state, asm_str id, asm_str model, asm_str tokens) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    if (!tokens.data || asm__file_is_told(state, 'u', tokens)) return;
    event.usage.input_tokens = asm__ingest_int64(asm__ingest_find_one(tokens, ASM_STR("input")));
    event.usage.output_tokens = asm__ingest_int64(asm__ingest_find_one(tokens, ASM_STR("output")));
    event.usage.cache_read_tokens = asm__ingest_int64(asm__ingest_find_one(tokens, ASM_STR("cached")));
    event.usage.reasoning_tokens = asm__ingest_int64(asm__ingest_find_one(tokens, ASM_STR("thoughts")));
    asm__ingest_add(&event.usage.output_tokens, event.usage.reasoning_tokens);
    asm__ingest_add(&event.usage.input_tokens,
                    asm__ingest_int64(asm__ingest_find_one(tokens, ASM_STR("tool"))));
    asm__file_usage(state, &event, id, model, tokens);
}

static void asm__gemini_chat_answer(asm__ingest *state, asm_str message, asm_str id) {
    static const asm_str keys[] = {ASM__MEMBER("content"), ASM__MEMBER("thoughts"), ASM__MEMBER("tokens"),
                                   ASM__MEMBER("model"), ASM__MEMBER("toolCalls")};
    asm_str values[5], element, text, model;
    asm_json_reader thoughts, calls;
    asm__ingest_find_in_line(state, message, keys, values, 5);
    model = asm__ingest_string(state, values[3]);
    asm__ingest_need_turn(state);
    asm__file_recover(state);
    asm__file_place(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent(), model);
    thoughts = asm__ingest_line_elements(state, values[1]);
    while (asm__ingest_next(&thoughts, &element)) {
        if (asm__file_is_told(state, 't', element)) continue;
        asm__ingest_begin_words(state);
        asm__ingest_add_word(state, "", asm__ingest_find_text(state, element, ASM_STR("subject")), "");
        asm__ingest_add_word(state, "\n", asm__ingest_find_text(state, element, ASM_STR("description")), "");
        asm__file_think(state, id, asm__ingest_words(state));
    }
    text = asm__file_text(state, values[0]);
    if (text.size && !asm__file_is_told(state, 'm', text)) asm__file_say(state, id, text);
    asm__gemini_chat_tokens(state, id, model, asm__ingest_json(state, values[2], ASM_JSON_OBJECT));
    asm__ingest_finish_rest(state);
    calls = asm__ingest_line_elements(state, values[4]);
    while (asm__ingest_next(&calls, &element))
        asm__gemini_chat_call(state, element);
}

/* Messages from one on are taken back. */
static void asm__gemini_chat_rewind(asm__ingest *state, asm_str id) {
    asm_event event = asm__ingest_notice(state, ASM_STR("rewind"));
    size_t i = state->past_count > ASM__INGEST_PAST_LINES ? state->past_count - ASM__INGEST_PAST_LINES : 0;
    bool is_after = false;
    for (; i < state->past_count; i++) {
        const asm_str past = asm_buffer_text(&state->past[i % ASM__INGEST_PAST_LINES].text);
        is_after = is_after || asm_str_equal(past, id);
        if (is_after)
            asm__ingest_retract(state, state->line_run, past, asm__ingest_absent(), ASM_STR("rewound"),
                                asm__ingest_absent());
    }
    event.notice.text = ASM_STR("the session went back to an earlier message");
    event.extra = asm__ingest_extra_text(state, ASM_STR("to"), id);
    asm__ingest_emit(state, &event);
}

static void asm__gemini_chat_notice(asm__ingest *state, asm_str type, asm_str text) {
    asm_event event = asm__ingest_notice(state, type);
    event.notice.text = text;
    event.notice.level = type;
    if (asm_str_equal(type, ASM_STR("error"))) asm__file_fail(state, asm__ingest_absent(), text);
    if (asm_str_equal(text, ASM_STR("Request cancelled."))) state->cancelled = true;
    asm__ingest_emit(state, &event);
}

static void asm__gemini_chat_message(asm__ingest *state, asm_str message) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("id"), ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("content"), ASM__MEMBER("displayContent")};
    asm_str values[5], type, id;
    asm__ingest_find_in_line(state, message, keys, values, 5);
    type = asm__ingest_string(state, values[0]);
    id = asm__ingest_string(state, values[1]);
    asm__ingest_begin_rest(state, message, type, asm__gemini_chat_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), values[2], values[1]);
    if (!(id.size && asm_str_equal(asm_buffer_text(&state->told_id), id))) {
        asm__ingest_past *past = &state->past[state->past_count++ % ASM__INGEST_PAST_LINES];
        asm__ingest_keep(state, &past->text, id);
        past->id_size = past->text.size;
    }
    asm__file_enter(state, id);
    if (asm_str_equal(type, ASM_STR("user"))) {
        const asm_str text = asm__file_text(state, values[3]);
        if (!asm_str_equal(values[3], values[4]))
            asm__ingest_leave(state, ASM_STR("displayContent"), values[4]);
        if (!asm__file_is_told(state, 'm', text)) asm__file_prompt(state, id, text);
    } else if (asm_str_equal(type, ASM_STR("gemini"))) {
        asm__gemini_chat_answer(state, message, id);
    } else if (asm_str_equal(type, ASM_STR("info")) || asm_str_equal(type, ASM_STR("warning")) ||
               asm_str_equal(type, ASM_STR("error"))) {
        asm__gemini_chat_notice(state, type, asm__file_text(state, values[3]));
    } else {
        asm_buffer_clear(&state->rest);
        asm__ingest_emit_odd(state, type.size ? type : ASM_STR("message"), ASM_STR("message"), message);
    }
    asm__ingest_finish_rest(state);
}

static asm_result asm__gemini_chat_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {
        ASM__MEMBER("sessionId"), ASM__MEMBER("startTime"), ASM__MEMBER("summary"), ASM__MEMBER("messages"),
        ASM__MEMBER("$set"),      ASM__MEMBER("$rewindTo"), ASM__MEMBER("type"),    ASM__MEMBER("id")};
    asm_str values[8], message;
    asm_json_reader messages;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, 8);
    if (values[6].data || values[7].data) {
        asm__gemini_chat_message(state, line);
        return ASM_OK;
    }
    asm__ingest_begin_rest(state, line, values[4].data ? ASM_STR("set") : ASM_STR("session"),
                           asm__gemini_chat_shape);
    asm__ingest_set_line(state, values[0], values[1], asm__ingest_absent());
    asm__file_title(state, asm__ingest_string(state, values[2]));
    asm__file_title(state, asm__ingest_find_text(state, values[4], ASM_STR("summary")));
    if (asm__ingest_is(values[5], ASM_JSON_STRING))
        asm__gemini_chat_rewind(state, asm__ingest_string(state, values[5]));
    if (values[0].data) asm__ingest_keep_header(state);
    asm__ingest_finish_rest(state);
    messages = asm__ingest_line_elements(state, values[3]);
    while (asm__ingest_next(&messages, &message))
        asm__gemini_chat_message(state, message);
    return ASM_OK;
}

static const asm__ingest_reader asm__gemini_chat_reader = {ASM__MEMBER("gemini"), asm__gemini_chat_line,
                                                           asm__ingest_close_turn};
#define ASM__READER_GEMINI_CHAT &asm__gemini_chat_reader
#endif

/* >>ingest: qwen chats
 *
 * ~/.qwen/projects/X/chats: the envelope of Claude's transcripts around the parts of Gemini's API.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_QWEN_CHAT

#define ASM__QWEN_ENVELOPE                                                                                   \
    " uuid:s parentUuid:s sessionId:s timestamp:s cwd:s version:s gitBranch:s agentId:s isSidechain:b "
static const char *const asm__qwen_chat_shape[] = {
    "type=user subtype:s message{role:s parts[text:s]}" ASM__QWEN_ENVELOPE,
    "type=assistant model:s usageMetadata:o contextWindowSize:i message{role:s parts[text:s thought:b "
    "functionCall{id:s name:s args:*}]}" ASM__QWEN_ENVELOPE,
    "type=tool_result message{role:s parts[functionResponse{id:s name:s response{output:s error:s}}]} "
    "toolCallResult{callId:s status:s resultDisplay:* error:s error{message:s}}" ASM__QWEN_ENVELOPE,
    "type=system subtype=ui_telemetry systemPayload:o message:o" ASM__QWEN_ENVELOPE,
    "type=system subtype=custom_title systemPayload{customTitle:s}" ASM__QWEN_ENVELOPE,
    "type=system subtype=turn_result systemPayload{state:s stopReason:s error:s "
    "error{message:s}}" ASM__QWEN_ENVELOPE,
    "type:s subtype:s" ASM__QWEN_ENVELOPE,
    NULL};

enum {
    ASM__QWEN_TYPE,
    ASM__QWEN_SUBTYPE,
    ASM__QWEN_UUID,
    ASM__QWEN_SESSION,
    ASM__QWEN_TIME,
    ASM__QWEN_CWD,
    ASM__QWEN_VERSION,
    ASM__QWEN_BRANCH,
    ASM__QWEN_MODEL,
    ASM__QWEN_MESSAGE,
    ASM__QWEN_RESULT,
    ASM__QWEN_USAGE,
    ASM__QWEN_WINDOW,
    ASM__QWEN_PAYLOAD,
    ASM__QWEN_AGENT,
    ASM__QWEN_SIDECHAIN,
    ASM__QWEN_PARENT,
    ASM__QWEN_COUNT
};

/* The person's words; parts that a program has added are told apart. */
static void asm__qwen_chat_user(asm__ingest *state, const asm_str *values, asm_str subtype) {
    asm_json_reader parts =
        asm__ingest_line_elements(state, asm__ingest_find_one(values[ASM__QWEN_MESSAGE], ASM_STR("parts")));
    const asm_str id = asm__ingest_string(state, values[ASM__QWEN_UUID]);
    bool is_person = !asm_str_equal(subtype, ASM_STR("notification")) &&
                     !asm_str_equal(subtype, ASM_STR("cron")) &&
                     !asm_str_equal(values[ASM__QWEN_SIDECHAIN], ASM_STR("true"));
    bool in_turn = asm_str_equal(subtype, ASM_STR("mid_turn_user_message"));
    asm_str part;
    while (asm__ingest_next(&parts, &part)) {
        const asm_str text = asm__ingest_find_text(state, part, ASM_STR("text"));
        const bool is_added = asm__ingest_starts_with(text, ASM_STR("<qwen:")) ||
                              asm__ingest_starts_with(text, ASM_STR("<system-reminder>"));
        if (is_added) asm__file_injected(state, id, text, ASM_STR("context"));
        else if (!is_person) asm__file_injected(state, id, text, subtype);
        else asm__file_prompt_part(state, id, text, &in_turn);
    }
}

/* Candidates have the thoughts in them where the total says so. */
static void asm__qwen_chat_usage(asm__ingest *state, const asm_str *values, asm_str id, asm_str model) {
    static const asm_str keys[] = {ASM__MEMBER("promptTokenCount"), ASM__MEMBER("candidatesTokenCount"),
                                   ASM__MEMBER("thoughtsTokenCount"), ASM__MEMBER("cachedContentTokenCount"),
                                   ASM__MEMBER("totalTokenCount")};
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_usage_payload *usage = &event.usage;
    asm_optional_int64 total;
    asm_str counts[5];
    asm__ingest_find_in_line(state, values[ASM__QWEN_USAGE], keys, counts, 5);
    usage->input_tokens = asm__ingest_int64(counts[0]);
    usage->output_tokens = asm__ingest_int64(counts[1]);
    usage->reasoning_tokens = asm__ingest_int64(counts[2]);
    usage->cache_read_tokens = asm__ingest_int64(counts[3]);
    total = asm__ingest_int64(counts[4]);
    if (total.is_set && usage->input_tokens.is_set && usage->output_tokens.is_set &&
        total.value - usage->input_tokens.value > usage->output_tokens.value)
        asm__ingest_add(&usage->output_tokens, usage->reasoning_tokens);
    usage->context_window = asm__ingest_int64(values[ASM__QWEN_WINDOW]);
    asm__file_usage(state, &event, id, model, values[ASM__QWEN_USAGE]);
}

static void asm__qwen_chat_answer(asm__ingest *state, const asm_str *values) {
    static const asm_str keys[] = {ASM__MEMBER("text"), ASM__MEMBER("thought"), ASM__MEMBER("functionCall")};
    const asm_str content = asm__ingest_find_one(values[ASM__QWEN_MESSAGE], ASM_STR("parts"));
    const asm_str id = asm__ingest_string(state, values[ASM__QWEN_UUID]);
    const asm_str model = asm__ingest_string(state, values[ASM__QWEN_MODEL]);
    asm_json_reader parts = asm__ingest_line_elements(state, content);
    asm_str part, inner[3];
    asm__ingest_need_turn(state);
    asm__file_recover(state);
    asm_buffer_clear(&state->joined);
    while (asm__ingest_next(&parts, &part)) {
        asm__ingest_find_in_line(state, part, keys, inner, 3);
        inner[0] = asm__ingest_string(state, inner[0]);
        if (asm_str_equal(inner[1], ASM_STR("true"))) {
            asm__file_think(state, id, inner[0]);
        } else if (inner[0].size) {
            if (state->joined.size) asm__ingest_append(state, &state->joined, ASM_STR("\n"));
            asm__ingest_append(state, &state->joined, inner[0]);
        }
    }
    asm__file_say(state, id, asm_buffer_text(&state->joined));
    asm__qwen_chat_usage(state, values, id, model);
    parts = asm__ingest_line_elements(state, content);
    while (asm__ingest_next(&parts, &part)) {
        const asm_str call = asm__ingest_find_one(part, ASM_STR("functionCall"));
        if (call.data)
            asm__file_start_tool(state, asm__ingest_find_text(state, call, ASM_STR("id")),
                                 asm__ingest_find_text(state, call, ASM_STR("name")),
                                 asm__ingest_find_one(call, ASM_STR("args")));
    }
}

static void asm__qwen_chat_result(asm__ingest *state, const asm_str *values) {
    const asm_str part = asm__ingest_first(asm__ingest_find_one(values[ASM__QWEN_MESSAGE], ASM_STR("parts")));
    const asm_str given = asm__ingest_find_one(part, ASM_STR("functionResponse"));
    const asm_str response = asm__ingest_find_one(given, ASM_STR("response")),
                  told = values[ASM__QWEN_RESULT];
    const asm_str status = asm__ingest_find_text(state, told, ASM_STR("status"));
    const asm_str shown = asm__ingest_find_one(told, ASM_STR("resultDisplay"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    asm_str error = asm__plain_error_text(state, asm__ingest_find_one(told, ASM_STR("error")));
    asm_str word = asm__ingest_absent();
    event.tool.call_id = asm__ingest_find_text(state, told, ASM_STR("callId"));
    if (!event.tool.call_id.size) event.tool.call_id = asm__ingest_find_text(state, given, ASM_STR("id"));
    event.tool.output = asm__ingest_find_text(state, response, ASM_STR("output"));
    if (!error.size) error = asm__ingest_find_text(state, response, ASM_STR("error"));
    if (!event.tool.output.data) event.tool.output = error;
    event.tool.error_message = error;
    if (shown.size > 2 && !asm_str_equal(shown, asm__ingest_find_one(response, ASM_STR("output"))))
        event.tool.result = asm__ingest_value(state, shown);
    if (asm_str_equal(status, ASM_STR("cancelled"))) word = status;
    else if (!status.size && !error.size) word = ASM_STR("unknown");
    asm__ingest_need_turn(state);
    asm__plain_end_tool(state, &event,
                        error.size || (status.size && !asm_str_equal(status, ASM_STR("success"))), word);
}

static void asm__qwen_chat_turn_result(asm__ingest *state, asm_str payload) {
    const asm_str result = asm__ingest_find_text(state, payload, ASM_STR("state"));
    const asm_str reason = asm__ingest_find_text(state, payload, ASM_STR("stopReason"));
    if (!state->run_open) return;
    if (asm_str_equal(result, ASM_STR("cancelled"))) state->cancelled = true;
    else if (asm_str_equal(result, ASM_STR("error")))
        asm__file_fail(state, asm__ingest_absent(),
                       asm__plain_error_text(state, asm__ingest_find_one(payload, ASM_STR("error"))));
    else state->has_final_words = true;
    asm__ingest_keep(state, &state->stop_reason, reason.size ? reason : ASM_STR("end_turn"));
    asm__ingest_close_turn(state);
}

static void asm__qwen_chat_system(asm__ingest *state, const asm_str *values, asm_str subtype) {
    const asm_str payload = values[ASM__QWEN_PAYLOAD];
    if (asm_str_equal(subtype, ASM_STR("ui_telemetry"))) {
        state->ingest->counts.heartbeats++; /* times, and tokens that the answers have */
    } else if (asm_str_equal(subtype, ASM_STR("custom_title"))) {
        asm__file_title(state, asm__ingest_find_text(state, payload, ASM_STR("customTitle")));
    } else if (asm_str_equal(subtype, ASM_STR("turn_result"))) {
        asm__qwen_chat_turn_result(state, payload);
    } /* others: by what is left of them */
}

static asm_result asm__qwen_chat_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),
                                   ASM__MEMBER("subtype"),
                                   ASM__MEMBER("uuid"),
                                   ASM__MEMBER("sessionId"),
                                   ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("cwd"),
                                   ASM__MEMBER("version"),
                                   ASM__MEMBER("gitBranch"),
                                   ASM__MEMBER("model"),
                                   ASM__MEMBER("message"),
                                   ASM__MEMBER("toolCallResult"),
                                   ASM__MEMBER("usageMetadata"),
                                   ASM__MEMBER("contextWindowSize"),
                                   ASM__MEMBER("systemPayload"),
                                   ASM__MEMBER("agentId"),
                                   ASM__MEMBER("isSidechain"),
                                   ASM__MEMBER("parentUuid")};
    asm_str values[ASM__QWEN_COUNT], type, subtype;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, ASM__QWEN_COUNT);
    type = asm__ingest_string(state, values[ASM__QWEN_TYPE]);
    subtype = asm__ingest_string(state, values[ASM__QWEN_SUBTYPE]);
    asm__ingest_begin_rest(state, line, subtype.size ? subtype : type, asm__qwen_chat_shape);
    asm__ingest_set_line(state, state->session.size ? asm__ingest_absent() : values[ASM__QWEN_SESSION],
                         values[ASM__QWEN_TIME], values[ASM__QWEN_UUID]);
    state->line_agent = asm__ingest_string(state, values[ASM__QWEN_AGENT]);
    if (!asm_str_equal(values[ASM__QWEN_SIDECHAIN], ASM_STR("true")))
        asm__ingest_follow_chain(state, asm__ingest_string(state, values[ASM__QWEN_UUID]),
                                 asm__ingest_string(state, values[ASM__QWEN_PARENT]),
                                 !asm_str_equal(type, ASM_STR("system")));
    state->rest_waits = true;
    asm__file_place(state, asm__ingest_string(state, values[ASM__QWEN_CWD]),
                    asm__ingest_string(state, values[ASM__QWEN_BRANCH]),
                    asm__ingest_string(state, values[ASM__QWEN_VERSION]),
                    asm__ingest_string(state, values[ASM__QWEN_MODEL]));
    state->rest_waits = false;
    if (asm_str_equal(type, ASM_STR("user"))) asm__qwen_chat_user(state, values, subtype);
    else if (asm_str_equal(type, ASM_STR("assistant"))) asm__qwen_chat_answer(state, values);
    else if (asm_str_equal(type, ASM_STR("tool_result"))) asm__qwen_chat_result(state, values);
    else if (asm_str_equal(type, ASM_STR("system"))) asm__qwen_chat_system(state, values, subtype);
    else asm__ingest_count_unknown(state, type);
    return ASM_OK;
}

static const asm__ingest_reader asm__qwen_chat_reader = {ASM__MEMBER("qwen"), asm__qwen_chat_line,
                                                         asm__ingest_close_turn};
#define ASM__READER_QWEN_CHAT &asm__qwen_chat_reader
#endif

/* >>ingest: pi sessions
 *
 * ~/.pi/agent/sessions: the messages of the live stream in records, linear (version 1) or as a tree.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_PI_SESSION

static const char *const asm__pi_session_shape[] = {
    "type=session id:s timestamp:s cwd:s modelId:s",
    "type=message id:s parentId:s timestamp:s message{role=assistant timestamp:n content[type=text text:s | "
    "type=thinking thinking:s | type=toolCall id:s name:s arguments:*] stopReason:s errorMessage:s model:s "
    "usage{input:i output:i cacheRead:i cacheWrite:i totalTokens:i cost{total:n input:n output:n cacheRead:n "
    "cacheWrite:n}}"
    " | role=user timestamp:n content:s content[type=text text:s]"
    " | role=toolResult timestamp:n toolCallId:s toolName:s content:s content[type=text text:s | type:s *:*] "
    "isError:b details:*"
    " | role=bashExecution timestamp:n command:s | role:s timestamp:n content:s content[type=text text:s]}",
    "type=model_change id:s parentId:s timestamp:s modelId:s",
    "type=session_info id:s parentId:s timestamp:s name:s",
    "type=compaction id:s parentId:s timestamp:s",
    "type:s id:s parentId:s timestamp:s",
    NULL};

static void asm__pi_session_result(asm__ingest *state, asm_str message) {
    const asm_str details = asm__ingest_find_one(message, ASM_STR("details"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    event.tool.call_id = asm__ingest_find_text(state, message, ASM_STR("toolCallId"));
    event.tool.name = asm__ingest_find_text(state, message, ASM_STR("toolName"));
    asm__plain_output(state, &event, asm__ingest_find_one(message, ASM_STR("content")));
    event.tool.result = asm__ingest_value(state, details);
    event.tool.exit_code = asm__ingest_int64(asm__ingest_find_one(details, ASM_STR("exit_code")));
    asm__ingest_need_turn(state);
    state->has_final_words = false;
    asm__plain_end_tool(state, &event,
                        asm_str_equal(asm__ingest_find_one(message, ASM_STR("isError")), ASM_STR("true")),
                        asm__ingest_absent());
}

/* How the agent's message stopped is how the turn does, unless there is more. */
static void asm__pi_session_answer(asm__ingest *state, asm_str message) {
    asm_str reason;
    asm__ingest_need_turn(state);
    asm__file_recover(state);
    state->cancelled = false;
    asm__pi_assistant(state, message, true);
    reason = asm_buffer_text(&state->stop_reason);
    state->has_final_words = !asm_str_equal(reason, ASM_STR("toolUse"));
    if (asm_str_equal(reason, ASM_STR("aborted"))) state->cancelled = true;
    if (asm_str_equal(reason, ASM_STR("error"))) {
        asm_buffer error = state->last_error; /* asm__pi_assistant() has set it */
        asm__ingest_keep(state, &state->last_code, ASM_STR("provider_error"));
        if (!error.size) asm__ingest_keep(state, &state->last_error, ASM_STR("the run failed"));
    }
    if (asm_str_equal(reason, ASM_STR("stop")))
        asm__ingest_keep(state, &state->stop_reason, ASM_STR("end_turn"));
    if (asm_str_equal(reason, ASM_STR("length")))
        asm__ingest_keep(state, &state->stop_reason, ASM_STR("max_tokens"));
}

/* What the person says while the agent is at work, pi gives it between two steps: that is no turn of its own. */
static void asm__pi_session_prompt(asm__ingest *state, asm_str id, asm_str text) {
    if (state->run_open && !state->has_final_words && !state->cancelled && !state->last_code.size &&
        !asm__ingest_count_open(state))
        asm__plain_prompt(state, id, text);
    else asm__file_prompt(state, id, text);
}

static void asm__pi_session_message(asm__ingest *state, asm_str message, asm_str id) {
    const asm_str role = asm__ingest_find_text(state, message, ASM_STR("role"));
    if (asm_str_equal(role, ASM_STR("assistant"))) {
        asm__pi_session_answer(state, message);
    } else if (asm_str_equal(role, ASM_STR("user"))) {
        asm__pi_session_prompt(state, id,
                               asm__file_text(state, asm__ingest_find_one(message, ASM_STR("content"))));
    } else if (asm_str_equal(role, ASM_STR("toolResult"))) {
        asm__pi_session_result(state, message);
    } else { /* a command of the person's own, or what an extension says: with what is left of it */
        asm_event event = asm__ingest_notice(state, role);
        event.notice.text = asm_str_equal(role, ASM_STR("bashExecution"))
                                ? asm__ingest_find_text(state, message, ASM_STR("command"))
                                : asm__file_text(state, asm__ingest_find_one(message, ASM_STR("content")));
        asm__ingest_emit(state, &event);
    }
}

static bool asm__pi_session_is_known(asm_str type) {
    static const asm_str types[] = {ASM__MEMBER("thinking_level_change"), ASM__MEMBER("branch_summary"),
                                    ASM__MEMBER("custom"), ASM__MEMBER("custom_message"),
                                    ASM__MEMBER("label")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(types); i++)
        if (asm_str_equal(type, types[i])) return true;
    return false;
}

static asm_result asm__pi_session_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),    ASM__MEMBER("id"),      ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("message"), ASM__MEMBER("cwd"),     ASM__MEMBER("modelId"),
                                   ASM__MEMBER("name"),    ASM__MEMBER("parentId")};
    asm_str values[8], type, none = asm__ingest_absent();
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, 8);
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__pi_session_shape);
    asm__ingest_set_line(state, asm_str_equal(type, ASM_STR("session")) ? values[1] : none, values[2],
                         asm_str_equal(type, ASM_STR("session")) ? none : values[1]);
    asm__ingest_follow_chain(
        state, asm__ingest_string(state, values[1]), asm__ingest_string(state, values[7]),
        asm_str_equal(type, ASM_STR("message")) || asm_str_equal(type, ASM_STR("branch_summary")));
    if (asm_str_equal(type, ASM_STR("session"))) {
        asm__ingest_keep(state, &state->cwd, asm__ingest_string(state, values[4]));
        asm__ingest_keep(state, &state->model, asm__ingest_string(state, values[5]));
        asm__ingest_keep_header(state);
    } else if (asm_str_equal(type, ASM_STR("message")) && asm__ingest_is(values[3], ASM_JSON_OBJECT)) {
        asm__pi_session_message(state, values[3], asm__ingest_string(state, values[1]));
    } else if (asm_str_equal(type, ASM_STR("model_change"))) {
        asm__file_place(state, none, none, none, asm__ingest_string(state, values[5]));
    } else if (asm_str_equal(type, ASM_STR("session_info"))) {
        asm__file_title(state, asm__ingest_string(state, values[6]));
    } else if (asm_str_equal(type, ASM_STR("compaction"))) {
        asm_event event = asm__ingest_notice(state, type);
        event.notice.text = ASM_STR("the conversation was compacted");
        asm__ingest_emit(state, &event);
    } else if (!asm__pi_session_is_known(type)) {
        asm__ingest_count_unknown(state, type);
    }
    if (!state->stream_has_run) asm__ingest_keep_header(state);
    return ASM_OK; /* others: by what is left of them */
}

static const asm__ingest_reader asm__pi_session_reader = {ASM__MEMBER("pi"), asm__pi_session_line,
                                                          asm__ingest_close_turn};
#define ASM__READER_PI_SESSION &asm__pi_session_reader
#endif

/* >>ingest: kimi wires
 *
 * wire.jsonl of Kimi Code (protocol 1.4) and of kimi-cli, which has {timestamp, message: {type, payload}}.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_KIMI_WIRE

#define ASM__KIMI_USAGE "usage{inputOther:i output:i inputCacheRead:i inputCacheCreation:i}"
static const char *const asm__kimi_wire_shape[] = {
    "type=config.update time:n cwd:s",
    "type=turn.prompt time:n input[type=text text:s] origin{kind:s}",
    "type=turn.steer time:n input[type=text text:s] origin{kind:s}",
    "type=turn.ended time:n durationMs:n",
    "type=turn.cancel time:n",
    "type=context.append_message time:n message{role:s content[type=text text:s] toolCalls:a origin{kind:s "
    "name:s}}",
    "type=context.append_loop_event time:n event{type=step.begin uuid:s turnId:s step:n"
    " | type=content.part uuid:s turnId:s step:n stepUuid:s part{type=text text:s | type=think think:s}"
    " | type=tool.call uuid:s turnId:s step:n stepUuid:s toolCallId:s name:s args:* description:s"
    " | type=tool.result parentUuid:s toolCallId:s result{output:s output[type=text text:s | type:s *:*] "
    "output:* isError:b}"
    " | type=step.end uuid:s turnId:s step:n messageId:s finishReason:s " ASM__KIMI_USAGE " | type:s}",
    "type=usage.record time:n model:s usageScope:s agentId:s " ASM__KIMI_USAGE,
    "type=llm.request time:n model:s messageCount:n turnStep:s",
    "type=permission.record_approval_result time:n toolCallId:s toolName:s result{decision:s scope:s}",
    "type:s time:n",
    NULL};
#define ASM__KIMI_CLI_RECORD                                                                                 \
    "type=TurnBegin payload{user_input:s user_input[type=text text:s]}"                                      \
    " | type=SteerInput payload{user_input:s user_input[type=text text:s]}"                                  \
    " | type=ContentPart payload{type=text text:s | type=think think:s} | type=StepBegin payload{n:n}"       \
    " | type=ToolCall payload{type:s id:s function{name:s arguments:s}} | type=ToolCallPart "                \
    "payload{arguments_part:s}"                                                                              \
    " | type=ToolResult payload{tool_call_id:s return_value{is_error:b output:s output[type=text text:s | "  \
    "type:s *:*] output:* message:s}}"                                                                       \
    " | type=StatusUpdate payload{message_id:s token_usage{input_other:i output:i input_cache_read:i "       \
    "input_cache_creation:i}}"                                                                               \
    " | type=ApprovalRequest payload{id:s tool_call_id:s action:s description:s}"                            \
    " | type=ApprovalResponse payload{request_id:s response:s feedback:s}"                                   \
    " | type=ApprovalRequestResolved payload{request_id:s response:s feedback:s}"                            \
    " | type=QuestionRequest payload{id:s tool_call_id:s questions:a}"                                       \
    " | type=Notification payload{title:s body:s severity:s} | type=PlanDisplay payload{content:s}"          \
    " | type=TurnEnd | type=StepInterrupted"
#define ASM__KIMI_CLI_ENVELOPE                                                                               \
    " | type=SubagentEvent payload{parent_tool_call_id:s task_tool_call_id:s agent_id:s subagent_type:s "
static const char *const asm__kimi_cli_shape[] = {
    "timestamp:n message{" ASM__KIMI_CLI_RECORD ASM__KIMI_CLI_ENVELOPE
    "event{" ASM__KIMI_CLI_RECORD ASM__KIMI_CLI_ENVELOPE "event{" ASM__KIMI_CLI_RECORD " | type:s}}"
    " | type:s}} | type:s}",
    NULL};

static asm_event asm__kimi_wire_usage(const asm__ingest *state, asm_str raw, bool is_cli) {
    static const asm_str names[2][4] = {{ASM__MEMBER("inputOther"), ASM__MEMBER("output"),
                                         ASM__MEMBER("inputCacheRead"), ASM__MEMBER("inputCacheCreation")},
                                        {ASM__MEMBER("input_other"), ASM__MEMBER("output"),
                                         ASM__MEMBER("input_cache_read"),
                                         ASM__MEMBER("input_cache_creation")}};
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_str counts[4];
    asm__ingest_find_in_line(state, raw, names[is_cli], counts, 4);
    event.usage.input_tokens = asm__ingest_int64(counts[0]);
    event.usage.output_tokens = asm__ingest_int64(counts[1]);
    event.usage.cache_read_tokens = asm__ingest_int64(counts[2]);
    event.usage.cache_creation_tokens = asm__ingest_int64(counts[3]);
    asm__plain_add_cache(&event.usage);
    return event;
}

static void asm__kimi_wire_add_usage(asm__ingest *state, asm_str raw, asm_str id) {
    asm_event event = asm__kimi_wire_usage(state, raw, false);
    asm__file_usage(state, &event, id, asm_buffer_text(&state->model), raw);
}

static void asm__kimi_wire_stop(asm__ingest *state, asm_str reason) {
    state->has_final_words = !asm_str_equal(reason, ASM_STR("tool_use"));
    asm__ingest_keep(state, &state->stop_reason, reason);
}

/* kimi-cli: a call whose arguments are whole begins. */
static void asm__kimi_cli_start(asm__ingest *state, asm__ingest_speaker *speaker) {
    const asm_str parent = asm_buffer_text(&speaker->parent);
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    asm_str input = asm_buffer_text(&speaker->tool_input);
    speaker->tool_open = false;
    if (!input.size || asm_json_check(input, NULL) != ASM_OK) {
        asm_json_writer writer;
        asm_buffer_clear(&state->built);
        asm_json_writer_init(&writer, &state->built);
        asm_json_write_string(&writer, input);
        input =
            asm_json_writer_finish(&writer) == ASM_OK ? asm_buffer_text(&state->built) : asm__ingest_absent();
    }
    event.tool.call_id = asm_buffer_text(&speaker->tool_id);
    event.tool.name = asm_buffer_text(&speaker->tool_name);
    event.tool.input = asm__ingest_value(state, input);
    if (parent.size) event.tool.parent_tool_call_id = parent;
    asm__ingest_start_call(state, &event);
    if (!parent.size) state->has_final_words = false;
}

/* One whose arguments come in pieces is whole when something else comes. */
static void asm__kimi_cli_flush(asm__ingest *state, asm__ingest_speaker *speaker) {
    const bool waits = state->rest_waits;
    if (!speaker->tool_open) return;
    state->rest_waits = true;
    asm__plain_finish_speaker(state, speaker);
    asm__kimi_cli_start(state, speaker);
    state->rest_waits = waits;
}

/* Before the speakers are let go: calls of which the end of the arguments was not seen have begun all the same. */
static void asm__kimi_cli_flush_all(asm__ingest *state) {
    asm__ingest_record *record;
    asm__kimi_cli_flush(state, &state->main);
    for (record = state->speakers.oldest; record; record = record->newer)
        asm__kimi_cli_flush(state, asm__container(record, asm__ingest_speaker, record));
}

/* A call ends: so does the sub-agent that serves it. */
static void asm__kimi_wire_sum_up(asm__ingest *state, asm_event *event) {
    const asm_str id = event->tool.call_id;
    asm__ingest_speaker *speaker = id.size ? asm__ingest_find_speaker(state, id) : NULL;
    const bool waits = state->rest_waits;
    if (!speaker) return;
    state->rest_waits = true;
    asm__kimi_cli_flush(state, speaker);
    asm__plain_finish_speaker(state, speaker);
    asm__ingest_sum_up(state, speaker, event);
    state->rest_waits = waits;
}

/* An end of a call: {"output", "isError"}, or {"output", "is_error", "message"}. */
static void asm__kimi_wire_end_tool(asm__ingest *state, asm_str id, asm_str result) {
    const asm_str flag = asm__ingest_find_one(result, ASM_STR("isError")),
                  flag_of_cli = asm__ingest_find_one(result, ASM_STR("is_error"));
    const bool is_failed = asm_str_equal(flag.data ? flag : flag_of_cli, ASM_STR("true"));
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    event.tool.call_id = id;
    asm__ingest_need_turn(state);
    asm__kimi_wire_sum_up(state, &event);
    asm__plain_output(state, &event, asm__ingest_find_one(result, ASM_STR("output")));
    event.tool.error_message =
        is_failed ? asm__ingest_find_text(state, result, ASM_STR("message")) : asm__ingest_absent();
    if (is_failed && !event.tool.error_message.size) event.tool.error_message = event.tool.output;
    if (!is_failed)
        asm__ingest_leave(state, ASM_STR("message"), asm__ingest_find_one(result, ASM_STR("message")));
    asm__plain_end_tool(state, &event, is_failed, asm__ingest_absent());
}

static void asm__kimi_wire_event(asm__ingest *state, asm_str event) {
    const asm_str type = asm__ingest_find_text(state, event, ASM_STR("type"));
    const asm_str part = asm__ingest_find_one(event, ASM_STR("part"));
    const asm_str call = asm__ingest_find_text(state, event, ASM_STR("toolCallId"));
    if (asm_str_equal(type, ASM_STR("content.part"))) {
        asm__file_think(state, asm__ingest_absent(), asm__ingest_find_text(state, part, ASM_STR("think")));
        asm__file_say(state, asm__ingest_absent(), asm__ingest_find_text(state, part, ASM_STR("text")));
    } else if (asm_str_equal(type, ASM_STR("tool.call"))) {
        asm_event update = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
        asm__ingest_need_turn(state);
        asm__plain_finish(state);
        update.tool.call_id = call;
        update.tool.name = asm__ingest_find_text(state, event, ASM_STR("name"));
        update.tool.input = asm__ingest_value(state, asm__ingest_find_one(event, ASM_STR("args")));
        update.tool.display_text = asm__ingest_find_text(state, event, ASM_STR("description"));
        asm__ingest_start_call(state, &update);
        state->has_final_words = false;
    } else if (asm_str_equal(type, ASM_STR("tool.result"))) {
        asm__kimi_wire_end_tool(state, call, asm__ingest_find_one(event, ASM_STR("result")));
    } else if (asm_str_equal(type, ASM_STR("step.end"))) {
        const asm_str usage = asm__ingest_find_one(event, ASM_STR("usage"));
        asm__ingest_keep(state, &state->counts_text, usage);
        asm__kimi_wire_add_usage(state, usage, asm__ingest_find_text(state, event, ASM_STR("messageId")));
        asm__kimi_wire_stop(state, asm__ingest_find_text(state, event, ASM_STR("finishReason")));
    } else if (!asm_str_equal(type, ASM_STR("step.begin"))) {
        asm__ingest_count_unknown(state, type);
    }
}

/* What is put to the agent: by the person, or by a program, which may begin a sub-agent's turn. */
static void asm__kimi_wire_input(asm__ingest *state, asm_str content, asm_str origin, bool is_steering) {
    const asm_str kind = asm__ingest_find_text(state, origin, ASM_STR("kind"));
    const asm_str text = asm__file_text(state, content);
    if (is_steering) asm__plain_prompt(state, asm__ingest_absent(), text);
    else if (asm_str_equal(kind, ASM_STR("user"))) asm__file_prompt(state, asm__ingest_absent(), text);
    else {
        asm__ingest_need_turn(state);
        asm__file_injected(state, asm__ingest_absent(), text, kind);
    }
    asm_buffer_clear(&state->told);
    asm__ingest_remember(state, asm__hash(text.data, text.size, 0));
}

static void asm__kimi_wire_message(asm__ingest *state, asm_str message) {
    const asm_str text = asm__file_text(state, asm__ingest_find_one(message, ASM_STR("content")));
    const asm_str origin = asm__ingest_find_one(message, ASM_STR("origin"));
    size_t since;
    if (asm__ingest_recall(state, text, &since)) /* the prompt again: so it comes once */
        asm_buffer_clear(&state->told);
    else
        asm__file_injected(state, asm__ingest_absent(), text,
                           asm__ingest_find_text(state, origin, ASM_STR("kind")));
}

static void asm__kimi_wire_approval(asm__ingest *state, asm_str line) {
    const asm_str result = asm__ingest_find_one(line, ASM_STR("result"));
    const asm_str decision = asm__ingest_find_text(state, result, ASM_STR("decision"));
    const bool is_granted = asm__ingest_starts_with(decision, ASM_STR("approve"));
    asm_event event =
        asm__ingest_event(is_granted ? ASM_EVENT_TOOL_APPROVAL_GRANTED : ASM_EVENT_TOOL_APPROVAL_DENIED);
    event.approval.tool_call_id = asm__ingest_find_text(state, line, ASM_STR("toolCallId"));
    event.approval.tool_name = asm__ingest_find_text(state, line, ASM_STR("toolName"));
    event.approval.kind = ASM_STR("tool");
    event.approval.decision = !is_granted ? ASM_STR("reject")
                              : asm__ingest_find_text(state, result, ASM_STR("scope")).size
                                  ? ASM_STR("always")
                                  : ASM_STR("approve");
    asm__ingest_need_turn(state);
    asm__ingest_emit(state, &event);
}

static void asm__kimi_wire_end_turn(asm__ingest *state, asm_str line, bool is_cancel) {
    const asm_str reason = asm__ingest_find_text(state, line, ASM_STR("reason"));
    if (is_cancel || asm__ingest_starts_with(reason, ASM_STR("cancel"))) state->cancelled = true;
    else if (asm__ingest_starts_with(reason, ASM_STR("error")) ||
             asm__ingest_starts_with(reason, ASM_STR("fail")))
        asm__file_fail(state, asm__ingest_absent(), reason);
    if (!state->run_open) return;
    state->turn_duration = asm__ingest_double(asm__ingest_find_one(line, ASM_STR("durationMs")));
    asm__ingest_close_turn(state);
}

/* The model in force, and what else a request says, when that changes. */
static void asm__kimi_wire_request(asm__ingest *state, asm_str model) {
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    if (asm__ingest_changes(state, &state->model, model)) event.run.model = model;
    if (!asm__ingest_changes(state, &state->context, asm_buffer_text(&state->rest)))
        asm_buffer_clear(&state->rest);
    if (event.run.model.data || state->rest.size) asm__ingest_emit(state, &event);
}

static bool asm__kimi_wire_is_known(asm_str type) {
    static const asm_str groups[] = {
        ASM__MEMBER("metadata"), ASM__MEMBER("config."),    ASM__MEMBER("context."),
        ASM__MEMBER("tools."),   ASM__MEMBER("llm."),       ASM__MEMBER("permission."),
        ASM__MEMBER("profile."), ASM__MEMBER("plan_mode."), ASM__MEMBER("full_compaction.")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(groups); i++)
        if (asm__ingest_starts_with(type, groups[i])) return true;
    return false;
}

static void asm__kimi_wire_record(asm__ingest *state, asm_str line, asm_str type) {
    const asm_str none = asm__ingest_absent(), input = asm__ingest_find_one(line, ASM_STR("input")),
                  origin = asm__ingest_find_one(line, ASM_STR("origin")),
                  usage = asm__ingest_find_one(line, ASM_STR("usage"));
    if (asm_str_equal(type, ASM_STR("turn.prompt"))) asm__kimi_wire_input(state, input, origin, false);
    else if (asm_str_equal(type, ASM_STR("turn.steer"))) asm__kimi_wire_input(state, input, origin, true);
    else if (asm_str_equal(type, ASM_STR("turn.cancel"))) asm__kimi_wire_end_turn(state, line, true);
    else if (asm_str_equal(type, ASM_STR("turn.ended"))) asm__kimi_wire_end_turn(state, line, false);
    else if (asm_str_equal(type, ASM_STR("context.append_message")))
        asm__kimi_wire_message(state, asm__ingest_find_one(line, ASM_STR("message")));
    else if (asm_str_equal(type, ASM_STR("context.append_loop_event")))
        asm__kimi_wire_event(state, asm__ingest_find_one(line, ASM_STR("event")));
    else if (asm_str_equal(type, ASM_STR("usage.record"))) {
        if (!asm_str_equal(usage, asm_buffer_text(&state->counts_text)))
            asm__kimi_wire_add_usage(state, usage, none);
        asm_buffer_clear(&state->counts_text); /* a step's figures again */
    } else if (asm_str_equal(type, ASM_STR("llm.request")))
        asm__kimi_wire_request(state, asm__ingest_find_text(state, line, ASM_STR("model")));
    else if (asm_str_equal(type, ASM_STR("permission.record_approval_result")))
        asm__kimi_wire_approval(state, line);
    else if (asm_str_equal(type, ASM_STR("config.update"))) {
        state->rest_waits = true;
        asm__file_place(state, asm__ingest_find_text(state, line, ASM_STR("cwd")), none, none, none);
        state->rest_waits = false;
        asm__ingest_keep_header(state);
    } else if (!asm__kimi_wire_is_known(type)) {
        asm__ingest_count_unknown(state, type); /* told by its members */
        if (!state->rest.size) {
            asm_event event = asm__ingest_notice(state, type);
            asm__ingest_emit(state, &event);
        }
    } else if (asm_str_equal(type, ASM_STR("metadata")) || (state->rest.size && !state->stream_has_run)) {
        asm__ingest_keep_header(state);
    } else if (!state->rest.size) {
        asm_event event = asm__ingest_notice(state, type);
        asm__ingest_emit(state, &event);
    } /* else by what is left of it */
}

static void asm__kimi_cli_call(asm__ingest *state, asm__ingest_speaker *speaker, asm_str payload) {
    const asm_str function = asm__ingest_find_one(payload, ASM_STR("function"));
    asm__plain_finish_speaker(state, speaker);
    asm__ingest_keep(state, &speaker->tool_id, asm__ingest_find_text(state, payload, ASM_STR("id")));
    asm__ingest_keep(state, &speaker->tool_name, asm__ingest_find_text(state, function, ASM_STR("name")));
    asm__ingest_keep(state, &speaker->tool_input,
                     asm__ingest_find_text(state, function, ASM_STR("arguments")));
    speaker->tool_open = true;
    if (asm__ingest_starts_with(asm_buffer_text(&speaker->tool_input), ASM_STR("{")) &&
        asm_json_check(asm_buffer_text(&speaker->tool_input), NULL) == ASM_OK)
        asm__kimi_cli_start(state, speaker);
}

static void asm__kimi_cli_call_part(asm__ingest *state, asm__ingest_speaker *speaker, asm_str payload) {
    const asm_str piece = asm__ingest_find_text(state, payload, ASM_STR("arguments_part"));
    if (!speaker->tool_open) {
        asm__ingest_leave(state, ASM_STR("arguments_part"),
                          asm__ingest_find_one(payload, ASM_STR("arguments_part")));
    } else if (speaker->tool_input.size > asm__ingest_max_kept(state) ||
               piece.size > asm__ingest_max_kept(state) - speaker->tool_input.size) {
        asm__ingest_tell_limit(state, "the input of a tool call is longer than what may be kept");
    } else {
        asm__ingest_append(state, &speaker->tool_input, piece);
    }
}

static void asm__kimi_cli_content(asm__ingest *state, asm__ingest_speaker *speaker, asm_str payload) {
    const asm_str text = asm__ingest_find_text(state, payload, ASM_STR("text")),
                  think = asm__ingest_find_text(state, payload, ASM_STR("think"));
    if (speaker == &state->main) state->has_final_words = text.size != 0;
    if (think.size || (!text.size && state->rest.size))
        asm__ingest_emit_thinking(state, think, asm__ingest_absent(), asm_buffer_text(&speaker->parent));
    if (!text.size) return;
    asm__ingest_enter_message(state, speaker, asm__ingest_absent());
    speaker->partial = speaker->streamed = true;
    asm__ingest_say(state, speaker, text);
}

/* What a step has used; a sub-agent's is part of the run's once it has ended. */
static void asm__kimi_cli_usage(asm__ingest *state, asm__ingest_speaker *speaker, asm_str payload) {
    const asm_str raw = asm__ingest_find_one(payload, ASM_STR("token_usage")),
                  id = asm__ingest_find_text(state, payload, ASM_STR("message_id"));
    asm_event event = asm__kimi_wire_usage(state, raw, true);
    if (speaker == &state->main || asm__ingest_usage_is_zero(&event.usage)) {
        asm__file_usage(state, &event, id, asm_buffer_text(&state->model), raw);
        return;
    }
    if (id.size) event.usage.message_id = id;
    event.usage.parent_tool_call_id = asm_buffer_text(&speaker->parent);
    event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("provider_usage"), raw);
    asm__ingest_add_usage(&speaker->total, &event.usage);
    asm__ingest_emit(state, &event);
}

/* What the person asks of the agent, or an agent of its sub-agent. */
static void asm__kimi_cli_prompt(asm__ingest *state, asm__ingest_speaker *speaker, asm_str payload,
                                 bool is_steering) {
    const asm_str text = asm__file_text(state, asm__ingest_find_one(payload, ASM_STR("user_input")));
    asm_event event;
    if (speaker == &state->main) {
        if (is_steering) asm__plain_prompt(state, asm__ingest_absent(), text);
        else asm__file_prompt(state, asm__ingest_absent(), text);
        return;
    }
    event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, text, asm__ingest_absent(),
                                asm_buffer_text(&speaker->parent));
    event.message.role = ASM_STR("user");
    event.message.synthetic = asm__ingest_true();
    if (text.size) asm__ingest_emit(state, &event);
}

/* The agent waits for the person: to approve a call, or to answer questions. */
static void asm__kimi_cli_ask(asm__ingest *state, asm_str payload, bool is_question) {
    const asm__ingest_call *call;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    event.approval.request_id = asm__ingest_find_text(state, payload, ASM_STR("id"));
    event.approval.tool_call_id = asm__ingest_find_text(state, payload, ASM_STR("tool_call_id"));
    event.approval.kind = is_question ? ASM_STR("question") : ASM_STR("tool");
    call = asm__ingest_find_call(state, event.approval.tool_call_id);
    event.approval.tool_name =
        call ? asm__ingest_call_name(call) : asm__ingest_find_text(state, payload, ASM_STR("action"));
    if (call) event.approval.tool_input = asm__ingest_call_input(call);
    if (is_question) {
        event.approval.tool_input = asm__ingest_value(state, payload);
        event.approval.options = asm__ingest_question_options(state, payload);
        event.approval.reason = asm__ingest_question(state, payload);
    } else {
        event.approval.reason = asm__ingest_find_text(state, payload, ASM_STR("description"));
        if (call)
            asm__ingest_leave(state, ASM_STR("action"), asm__ingest_find_one(payload, ASM_STR("action")));
    }
    asm__ingest_ask(state, &event);
}

static void asm__kimi_cli_decide(asm__ingest *state, asm_str payload) {
    const asm_str id = asm__ingest_find_text(state, payload, ASM_STR("request_id")),
                  word = asm__ingest_find_text(state, payload, ASM_STR("response"));
    const bool is_granted = asm__ingest_starts_with(word, ASM_STR("approve"));
    const size_t index = asm__ingest_find_request(state, id, asm__ingest_absent());
    asm__ingest_call *call;
    asm_event event =
        asm__ingest_event(is_granted ? ASM_EVENT_TOOL_APPROVAL_GRANTED : ASM_EVENT_TOOL_APPROVAL_DENIED);
    event.approval.decision = !is_granted                        ? ASM_STR("reject")
                              : word.size > sizeof "approve" - 1 ? ASM_STR("always")
                                                                 : ASM_STR("approve");
    event.approval.reason = asm__ingest_find_text(state, payload, ASM_STR("feedback"));
    if (!event.approval.reason.size) event.approval.reason = asm__ingest_absent();
    event.approval.request_id = id;
    if (index == state->request_count) {
        asm__ingest_emit(state, &event);
        return;
    }
    call = asm__ingest_find_call(state, asm__ingest_request_call(&state->requests[index]));
    if (call && !is_granted) call->is_declined = true;
    asm__ingest_decide(state, index, &event);
}

/* The result of a call that asked the person something is the answer. */
static void asm__kimi_cli_result(asm__ingest *state, asm_str payload) {
    const asm_str id = asm__ingest_find_text(state, payload, ASM_STR("tool_call_id")),
                  result = asm__ingest_find_one(payload, ASM_STR("return_value"));
    const size_t index = asm__ingest_find_request(state, asm__ingest_absent(), id);
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_GRANTED);
    if (index < state->request_count && state->requests[index].is_question &&
        !asm_str_equal(asm__ingest_find_one(result, ASM_STR("is_error")), ASM_STR("true"))) {
        const bool waits = state->rest_waits;
        state->rest_waits = true;
        event.approval.decision = ASM_STR("answer");
        event.approval.answer = asm__ingest_value(state, asm__ingest_find_one(result, ASM_STR("output")));
        asm__ingest_decide(state, index, &event);
        state->rest_waits = waits;
    }
    asm__kimi_wire_end_tool(state, id, result);
}

/* What else there is, in words where it has some. */
static void asm__kimi_cli_notice(asm__ingest *state, const asm__ingest_speaker *speaker, asm_str type,
                                 asm_str payload) {
    static const char *const words[][2] = {{"CompactionBegin", "the conversation is being compacted"},
                                           {"CompactionEnd", "the conversation was compacted"},
                                           {"MCPLoadingBegin", "tools of MCP servers are being loaded"},
                                           {"MCPLoadingEnd", "tools of MCP servers have been loaded"},
                                           {"StepRetry", "the step is tried again"}};
    asm_event event = asm__ingest_notice(state, type);
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(words); i++)
        if (asm_str_equal(type, asm_str_from(words[i][0]))) event.notice.text = asm_str_from(words[i][1]);
    if (asm_str_equal(type, ASM_STR("Notification"))) {
        asm__ingest_begin_words(state);
        asm__ingest_add_word(state, "", asm__ingest_find_text(state, payload, ASM_STR("title")), "");
        asm__ingest_add_word(state, ": ", asm__ingest_find_text(state, payload, ASM_STR("body")), "");
        event.notice.text = asm__ingest_words(state);
        event.notice.level = asm__ingest_find_text(state, payload, ASM_STR("severity"));
    } else if (asm_str_equal(type, ASM_STR("PlanDisplay"))) {
        event.notice.text = asm__ingest_find_text(state, payload, ASM_STR("content"));
    } else if (asm__ingest_starts_with(type, ASM_STR("Hook"))) {
        asm__ingest_begin_words(state);
        asm__ingest_add_word(state, "hook ", asm__ingest_find_text(state, payload, ASM_STR("event")), "");
        asm__ingest_add_word(state, " on ", asm__ingest_find_text(state, payload, ASM_STR("target")), "");
        asm__ingest_add_word(state, ": ", asm__ingest_find_text(state, payload, ASM_STR("action")), "");
        asm__ingest_add_word(state, ", ", asm__ingest_find_text(state, payload, ASM_STR("reason")), "");
        event.notice.text = asm__ingest_words(state);
    } else if (!event.notice.text.data) {
        asm__ingest_count_unknown(state, type);
    }
    if (speaker->parent.size) {
        asm_json_writer writer;
        asm_buffer_clear(&state->built);
        asm_json_writer_init(&writer, &state->built);
        asm_json_write_string(&writer, asm_buffer_text(&speaker->parent));
        if (asm_json_writer_finish(&writer) == ASM_OK)
            event.extra = asm__ingest_pair(state, &state->extra, ASM_STR("parent_tool_call_id"),
                                           asm_buffer_text(&state->built));
    }
    asm__ingest_emit(state, &event);
}

static void asm__kimi_cli_record(asm__ingest *state, asm__ingest_speaker *speaker, asm_str type,
                                 asm_str payload) {
    const bool is_main = speaker == &state->main, is_end = asm_str_equal(type, ASM_STR("TurnEnd"));
    if (asm_str_equal(type, ASM_STR("ToolCallPart"))) {
        asm__kimi_cli_call_part(state, speaker, payload);
        return;
    }
    asm__kimi_cli_flush(state, speaker);
    if (is_main && (is_end || asm_str_equal(type, ASM_STR("TurnBegin")) ||
                    asm_str_equal(type, ASM_STR("ApprovalRequest"))))
        asm__kimi_cli_flush_all(state);
    if (asm_str_equal(type, ASM_STR("TurnBegin")) || asm_str_equal(type, ASM_STR("SteerInput"))) {
        asm__kimi_cli_prompt(state, speaker, payload, type.data[0] == 'S');
    } else if (asm_str_equal(type, ASM_STR("ContentPart"))) {
        asm__kimi_cli_content(state, speaker, payload);
    } else if (asm_str_equal(type, ASM_STR("ToolCall"))) {
        asm__kimi_cli_call(state, speaker, payload);
    } else if (asm_str_equal(type, ASM_STR("ToolResult"))) {
        asm__kimi_cli_result(state, payload);
        if (is_main) state->has_final_words = false;
    } else if (asm_str_equal(type, ASM_STR("ApprovalRequest")) ||
               asm_str_equal(type, ASM_STR("QuestionRequest"))) {
        asm__kimi_cli_ask(state, payload, type.data[0] == 'Q');
    } else if (asm_str_equal(type, ASM_STR("ApprovalResponse")) ||
               asm_str_equal(type, ASM_STR("ApprovalRequestResolved"))) {
        asm__kimi_cli_decide(state, payload);
    } else if (asm_str_equal(type, ASM_STR("StatusUpdate"))) {
        asm__kimi_cli_usage(state, speaker, payload);
    } else if (is_end || asm_str_equal(type, ASM_STR("StepBegin"))) {
        asm__plain_finish_speaker(state, speaker);
        if (is_main && is_end) asm__ingest_close_turn(state);
    } else if (asm_str_equal(type, ASM_STR("StepInterrupted"))) {
        if (is_main) state->cancelled = true;
        else asm__ingest_finish_message(state, speaker, true);
    } else {
        asm__kimi_cli_notice(state, speaker, type, payload);
    }
}

/* The kind of a sub-agent that is heard the first time. */
static void asm__kimi_cli_tell_kind(asm__ingest *state, asm_str parent, asm_str kind) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
    const bool waits = state->rest_waits;
    if (!kind.size || asm__ingest_find_speaker(state, parent)) return;
    state->rest_waits = true;
    event.tool.call_id = parent;
    event.tool.status = ASM_STR("running");
    event.tool.agent_kind = kind;
    asm__ingest_update_tool(state, &event);
    state->rest_waits = waits;
}

/* A record of kimi-cli: of the agent, or of a sub-agent in as many envelopes as it is deep. */
static void asm__kimi_cli_message(asm__ingest *state, asm_str line, asm_str timestamp, asm_str message) {
    static const asm_str keys[] = {ASM__MEMBER("event"), ASM__MEMBER("parent_tool_call_id"),
                                   ASM__MEMBER("task_tool_call_id"), ASM__MEMBER("subagent_type"),
                                   ASM__MEMBER("agent_id")};
    asm_str values[5], type, parent = asm__ingest_absent(), kind = parent, agent = parent, none = parent;
    asm__ingest_speaker *speaker = &state->main;
    for (;;) {
        asm_str call;
        type = asm__ingest_find_text(state, message, ASM_STR("type"));
        asm__ingest_find(asm__ingest_find_one(message, ASM_STR("payload")), keys, values, 5);
        call = asm__ingest_is(values[1], ASM_JSON_STRING) ? values[1] : values[2];
        if (!asm_str_equal(type, ASM_STR("SubagentEvent")) || !asm__ingest_is(values[0], ASM_JSON_OBJECT) ||
            !asm__ingest_is(call, ASM_JSON_STRING) || call.size == 2)
            break;
        message = values[0];
        parent = call;
        kind = values[3];
        agent = values[4];
    }
    asm__ingest_begin_rest(state, line, type, asm__kimi_cli_shape);
    asm__ingest_set_line(state, none, none, none);
    asm__plain_set_time(state, timestamp, 1000000);
    parent = asm__ingest_string(state, parent);
    if (parent.size) {
        asm__ingest_need_turn(state);
        asm__kimi_cli_flush(state, &state->main); /* the call that it serves */
        state->line_run = asm__ingest_run_of(state, parent);
        state->line_agent = asm__ingest_string(state, agent);
        asm__kimi_cli_tell_kind(state, parent, asm__ingest_string(state, kind));
        speaker = asm__ingest_speaker_of(state, parent);
    } else if (asm_str_equal(type, ASM_STR("ContentPart")) || asm_str_equal(type, ASM_STR("ToolCall"))) {
        asm__ingest_need_turn(state);
    }
    state->main.run = state->run_open ? state->runs : state->main.run;
    asm__kimi_cli_record(state, speaker, type, asm__ingest_find_one(message, ASM_STR("payload")));
}

static asm_result asm__kimi_wire_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("time"), ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("message")};
    asm_str values[4], type, none = asm__ingest_absent();
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, 4);
    type = asm__ingest_string(state, values[0]);
    if (!type.size && values[3].data) {
        asm__kimi_cli_message(state, line, values[2], values[3]);
        return ASM_OK;
    }
    asm__ingest_begin_rest(state, line, type, asm__kimi_wire_shape);
    asm__ingest_set_line(state, none, none, none);
    if (values[1].data) asm__plain_set_time(state, values[1], 1000);
    asm__kimi_wire_record(state, line, type);
    return ASM_OK;
}

static void asm__kimi_wire_end(asm__ingest *state) {
    asm__kimi_cli_flush_all(state);
    asm__ingest_close_turn(state);
}

static const asm__ingest_reader asm__kimi_wire_reader = {ASM__MEMBER("kimi"), asm__kimi_wire_line,
                                                         asm__kimi_wire_end};
#define ASM__READER_KIMI_WIRE &asm__kimi_wire_reader
#endif

/* >>ingest: droid and cursor files
 *
 * ~/.factory/sessions, and ~/.cursor/projects/X/agent-transcripts: blocks like Claude's in records. Cursor's calls have no
 * ids, and its results none that a call has: they are numbered, and a result ends the oldest one.
 */
#if ASM_INGEST_FORMATS & (ASM_WITH_DROID_SESSION | ASM_WITH_CURSOR_TRANSCRIPT)

#define ASM__BLOCKS_SHAPE                                                                                    \
    "content:s content[type=text text:s | type=thinking thinking:s | type=tool_use id:s name:s input:*"      \
    " | type=tool_result tool_use_id:s is_error:b content:s content[type=text text:s | type:s *:*] "         \
    "content:*]"

/* Text between <user_query> and its end is the person's; what is around it is not. */
static void asm__blocks_prompt(asm__ingest *state, asm_str id, asm_str text, bool *in_turn) {
    static const char begin[] = "<user_query>", end[] = "</user_query>";
    size_t at = 0, to;
    while (at + sizeof begin - 1 <= text.size && memcmp(text.data + at, begin, sizeof begin - 1) != 0)
        at++;
    if (at + sizeof begin - 1 > text.size) {
        asm__file_prompt_part(state, id, text, in_turn);
        return;
    }
    asm__file_injected(state, id, asm_str_make(text.data, at), ASM_STR("context"));
    text = asm_str_make(text.data + at + sizeof begin - 1, text.size - at - (sizeof begin - 1));
    for (to = 0; to + sizeof end - 1 < text.size && memcmp(text.data + to, end, sizeof end - 1) != 0;)
        to++;
    at = to + sizeof end - 1 <= text.size && memcmp(text.data + to, end, sizeof end - 1) == 0
             ? to + sizeof end - 1
             : (to = text.size);
    while (to && (text.data[to - 1] == '\n' || text.data[to - 1] == ' '))
        to--;
    asm__file_prompt_part(
        state, id, asm_str_make(text.data + (to && *text.data == '\n'), to - (to && *text.data == '\n')),
        in_turn);
    asm__file_injected(state, id, asm_str_make(text.data + at, text.size - at), ASM_STR("context"));
}

static void asm__blocks_result(asm__ingest *state, asm_str block) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    const asm_str id = asm__ingest_find_one(block, ASM_STR("tool_use_id"));
    const asm_str flag = asm__ingest_find_one(block, ASM_STR("is_error"));
    const bool is_failed = asm_str_equal(flag, ASM_STR("true"));
    event.tool.call_id = asm__ingest_string(state, id);
    if (!asm__ingest_find_call(state, event.tool.call_id) && state->calls.oldest) {
        event.tool.call_id =
            asm__ingest_call_id(asm__container(state->calls.oldest, asm__ingest_call, record));
        asm__ingest_leave(state, ASM_STR("tool_use_id"), id);
    }
    asm__ingest_need_turn(state);
    asm__plain_output(state, &event, asm__ingest_find_one(block, ASM_STR("content")));
    if (is_failed) event.tool.error_message = event.tool.output;
    asm__plain_end_tool(state, &event, is_failed,
                        flag.data || is_failed ? asm__ingest_absent() : ASM_STR("unknown"));
    state->has_final_words = false;
}

static void asm__blocks_call(asm__ingest *state, asm_str block) {
    asm_str id = asm__ingest_find_text(state, block, ASM_STR("id"));
    char digits[32];
    if (!id.size) {
        asm__ingest_keep(state, &state->built, ASM_STR("call_"));
        asm__ingest_append(state, &state->built, asm__ingest_number(digits, ++state->numbered_calls));
        id = asm_buffer_text(&state->built);
    }
    asm__file_start_tool(state, id, asm__ingest_find_text(state, block, ASM_STR("name")),
                         asm__ingest_find_one(block, ASM_STR("input")));
}

static void asm__blocks_message(asm__ingest *state, asm_str message, asm_str role, asm_str id) {
    const asm_str content = asm__ingest_find_one(message, ASM_STR("content"));
    const bool is_user = asm_str_equal(role, ASM_STR("user"));
    asm_json_reader blocks = asm__ingest_line_elements(state, content);
    bool in_turn = false;
    asm_str block;
    if (!is_user) asm__ingest_need_turn(state);
    if (asm__ingest_is(content, ASM_JSON_STRING)) {
        if (is_user) asm__blocks_prompt(state, id, asm__ingest_string(state, content), &in_turn);
        else asm__file_say(state, id, asm__ingest_string(state, content));
    }
    while (asm__ingest_next(&blocks, &block)) {
        const asm_str type = asm__ingest_find_text(state, block, ASM_STR("type"));
        const asm_str text = asm__ingest_find_text(state, block, ASM_STR("text"));
        if (asm_str_equal(type, ASM_STR("tool_result"))) asm__blocks_result(state, block);
        else if (asm_str_equal(type, ASM_STR("tool_use"))) asm__blocks_call(state, block);
        else if (asm_str_equal(type, ASM_STR("thinking")))
            asm__file_think(state, id, asm__ingest_find_text(state, block, ASM_STR("thinking")));
        else if (!asm_str_equal(type, ASM_STR("text"))) continue; /* in what is left */
        else if (!is_user) asm__file_say(state, id, text);
        else if (asm__ingest_starts_with(text, ASM_STR("<system-reminder>")))
            asm__file_injected(state, id, text, ASM_STR("context"));
        else asm__blocks_prompt(state, id, text, &in_turn);
    }
}
#endif

#if ASM_INGEST_FORMATS & ASM_WITH_DROID_SESSION

static const char *const asm__droid_session_shape[] = {
    "type=session_start id:s timestamp:s title:s sessionTitle:s cwd:s version:s",
    "type=message id:s parentId:s timestamp:s message{role:s " ASM__BLOCKS_SHAPE "}",
    "type:s id:s parentId:s timestamp:s", NULL};

static asm_result asm__droid_session_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),    ASM__MEMBER("id"),     ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("message"), ASM__MEMBER("title"),  ASM__MEMBER("sessionTitle"),
                                   ASM__MEMBER("cwd"),     ASM__MEMBER("version")};
    asm_str values[8], type, none = asm__ingest_absent();
    bool is_start;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, 8);
    type = asm__ingest_string(state, values[0]);
    is_start = asm_str_equal(type, ASM_STR("session_start"));
    asm__ingest_begin_rest(state, line, type, asm__droid_session_shape);
    asm__ingest_set_line(state, is_start ? values[1] : none, values[2], is_start ? none : values[1]);
    if (is_start) {
        asm__file_title(state, asm__ingest_string(state, values[values[5].data ? 5 : 4]));
        if (values[5].data && !asm_str_equal(values[4], values[5]))
            asm__ingest_leave(state, ASM_STR("title"), values[4]);
        asm__ingest_keep(state, &state->cwd, asm__ingest_string(state, values[6]));
        asm__ingest_keep(state, &state->version, asm__ingest_string(state, values[7]));
        asm__ingest_keep_header(state);
    } else if (asm_str_equal(type, ASM_STR("message"))) {
        asm__blocks_message(state, values[3], asm__ingest_find_text(state, values[3], ASM_STR("role")),
                            asm__ingest_string(state, values[1]));
    } else {
        asm__ingest_count_unknown(state, type);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__droid_session_reader = {ASM__MEMBER("droid"), asm__droid_session_line,
                                                             asm__ingest_close_turn};
#define ASM__READER_DROID_SESSION &asm__droid_session_reader
#endif

#if ASM_INGEST_FORMATS & ASM_WITH_CURSOR_TRANSCRIPT

static const char *const asm__cursor_file_shape[] = {"type=turn_ended status:s",
                                                     "role:s message{" ASM__BLOCKS_SHAPE "}", NULL};

static asm_result asm__cursor_file_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    const asm_str none = asm__ingest_absent();
    asm_str type, role, status;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    type = asm__ingest_find_text(state, line, ASM_STR("type"));
    role = asm__ingest_find_text(state, line, ASM_STR("role"));
    asm__ingest_begin_rest(state, line, type.size ? type : role, asm__cursor_file_shape);
    asm__ingest_set_line(state, none, none, none);
    if (asm_str_equal(type, ASM_STR("turn_ended"))) {
        status = asm__ingest_find_text(state, line, ASM_STR("status"));
        if (asm__ingest_starts_with(status, ASM_STR("cancel")) ||
            asm__ingest_starts_with(status, ASM_STR("abort")))
            state->cancelled = true;
        else if (asm__ingest_starts_with(status, ASM_STR("error")) ||
                 asm__ingest_starts_with(status, ASM_STR("fail")))
            asm__file_fail(state, none, status);
        else state->has_final_words = true;
        asm__ingest_close_turn(state);
    } else if (role.size) {
        asm__blocks_message(state, asm__ingest_find_one(line, ASM_STR("message")), role, none);
    } else {
        asm__ingest_count_unknown(state, type);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__cursor_file_reader = {ASM__MEMBER("cursor"), asm__cursor_file_line,
                                                           asm__ingest_close_turn};
#define ASM__READER_CURSOR_TRANSCRIPT &asm__cursor_file_reader
#endif

/* >>ingest: opencode sessions
 *
 * opencode export, one document, and the events of its server (GET /event): messages and their parts.
 */
#if ASM_INGEST_FORMATS & (ASM_WITH_OPENCODE_EXPORT | ASM_WITH_OPENCODE_SERVER)

#define ASM__OPENCODE_TOKENS "tokens{total:n input:i output:i reasoning:i cache{read:i write:i}}"
#define ASM__OPENCODE_MESSAGE                                                                                \
    "role:s id:s sessionID:s parentID:s modelID:s time{created:n completed:n} path{cwd:s} cost:n finish:s "  \
    "error:s error{name:s message:s data{message:s}} " ASM__OPENCODE_TOKENS
#define ASM__OPENCODE_PART                                                                                   \
    "type=text id:s messageID:s sessionID:s text:s synthetic:b time{start:n end:n}"                          \
    " | type=reasoning id:s messageID:s sessionID:s text:s time{start:n end:n}"                              \
    " | type=tool id:s messageID:s sessionID:s callID:s tool:s state{status:s input:o"                       \
    " output[type=text text:s | type:s *:*] output:* error:s error{message:s data{message:s}} title:s"       \
    " metadata:o time{start:n end:n}} | type=step-start id:s messageID:s sessionID:s snapshot:s"             \
    " | type=step-finish id:s messageID:s sessionID:s reason:s cost:n snapshot:s " ASM__OPENCODE_TOKENS

/* What a message is known by once it is complete: tokens, how it ended. */
static void asm__opencode_complete(asm__ingest *state, asm_str info) {
    static const asm_str keys[] = {ASM__MEMBER("id"),     ASM__MEMBER("tokens"), ASM__MEMBER("cost"),
                                   ASM__MEMBER("finish"), ASM__MEMBER("error"),  ASM__MEMBER("modelID"),
                                   ASM__MEMBER("time")};
    asm_str values[7], id, reason, name;
    asm__ingest_find_in_line(state, info, keys, values, 7);
    id = asm__ingest_string(state, values[0]);
    if (values[4].data) {
        name = asm__ingest_find_text(state, values[4], ASM_STR("name"));
        if (asm_str_equal(name, ASM_STR("MessageAbortedError"))) state->cancelled = true;
        else asm__file_fail(state, asm__ingest_absent(), asm__plain_error_text(state, values[4]));
    }
    if (!asm__ingest_find_one(values[6], ASM_STR("completed")).data || asm__file_is_told(state, 'u', id))
        return;
    asm__opencode_tokens(state, values[1], values[2], id, asm__ingest_string(state, values[5]));
    reason = asm__ingest_string(state, values[3]);
    state->has_final_words = !asm_str_equal(reason, ASM_STR("tool-calls"));
    asm__ingest_keep(state, &state->stop_reason,
                     asm_str_equal(reason, ASM_STR("stop"))     ? ASM_STR("end_turn")
                     : asm_str_equal(reason, ASM_STR("length")) ? ASM_STR("max_tokens")
                                                                : reason);
}

static void asm__opencode_session(asm__ingest *state, asm_str info) {
    const asm_str none = asm__ingest_absent();
    asm__file_place(state, asm__ingest_find_text(state, info, ASM_STR("directory")), none,
                    asm__ingest_find_text(state, info, ASM_STR("version")), none);
    asm__file_title(state, asm__ingest_find_text(state, info, ASM_STR("title")));
}

/* What else a message or session has, when that changes. */
static void asm__opencode_settings(asm__ingest *state) {
    asm_event event = asm__ingest_event(ASM_EVENT_SESSION_UPDATED);
    if (!asm__ingest_changes(state, &state->context, asm_buffer_text(&state->rest)))
        asm_buffer_clear(&state->rest); /* told already */
    if (state->rest.size) asm__ingest_emit(state, &event);
}

/* A call, at whatever state it is. */
static void asm__opencode_call(asm__ingest *state, asm_str part) {
    const asm_str id = asm__ingest_find_text(state, part, ASM_STR("callID"));
    const asm_str call = asm__ingest_find_one(part, ASM_STR("state"));
    const asm_str status = asm__ingest_find_text(state, call, ASM_STR("status"));
    asm__ingest_need_turn(state);
    if (asm_str_equal(status, ASM_STR("pending"))) {
        if (!asm__file_is_told(state, 'i', id))
            asm__plain_identify(state, id, asm__ingest_find_text(state, part, ASM_STR("tool")),
                                asm__ingest_find_one(call, ASM_STR("input")));
        return;
    }
    if (asm_str_equal(status, ASM_STR("completed")) || asm_str_equal(status, ASM_STR("error"))) {
        if (asm__file_is_told(state, 'e', id)) return;
        asm__opencode_tool(state, part);
        state->has_final_words = false;
        return;
    }
    if (asm__ingest_find_call(state, id)) return;
    asm__file_start_tool(state, id, asm__ingest_find_text(state, part, ASM_STR("tool")),
                         asm__ingest_find_one(call, ASM_STR("input")));
}
#endif

#if ASM_INGEST_FORMATS & ASM_WITH_OPENCODE_EXPORT

static const char *const asm__opencode_export_shape[] = {
    "info{id:s title:s directory:s version:s} messages:a", NULL};
static const char *const asm__opencode_info_shape[] = {"info{" ASM__OPENCODE_MESSAGE "} parts:a", NULL};
static const char *const asm__opencode_part_shape[] = {
    "type=text id:s messageID:s sessionID:s text:s synthetic:b time{start:n end:n}",
    "type=reasoning id:s messageID:s sessionID:s text:s time{start:n end:n}",
    "type=tool id:s messageID:s sessionID:s callID:s tool:s state{status:s input:o"
    " output[type=text text:s | type:s *:*] output:* error:s error{message:s data{message:s}} title:s"
    " metadata:o time{start:n end:n}}",
    "type=step-start id:s messageID:s sessionID:s snapshot:s",
    "type=step-finish id:s messageID:s sessionID:s reason:s cost:n snapshot:s " ASM__OPENCODE_TOKENS,
    "type:s id:s messageID:s sessionID:s",
    NULL};

static void asm__opencode_export_part(asm__ingest *state, asm_str part, asm_str id, bool is_user) {
    const asm_str type = asm__ingest_find_text(state, part, ASM_STR("type"));
    const asm_str text = asm__ingest_find_text(state, part, ASM_STR("text"));
    asm__ingest_begin_rest(state, part, type, asm__opencode_part_shape);
    if (asm_str_equal(type, ASM_STR("tool"))) asm__opencode_call(state, part);
    else if (asm_str_equal(type, ASM_STR("reasoning"))) asm__file_think(state, id, text);
    else if (!asm_str_equal(type, ASM_STR("text"))) { /* by what is left of it */ } else if (!is_user)
        asm__file_say(state, id, text);
    else if (asm_str_equal(asm__ingest_find_one(part, ASM_STR("synthetic")), ASM_STR("true")))
        asm__file_injected(state, id, text, ASM_STR("context"));
    else if (asm__file_is_told(state, 'p', id)) asm__plain_prompt(state, id, text);
    else asm__file_prompt(state, id, text);
    asm__ingest_finish_rest(state);
}

static void asm__opencode_export_message(asm__ingest *state, asm_str message) {
    const asm_str info = asm__ingest_find_one(message, ASM_STR("info")), none = asm__ingest_absent();
    const asm_str role = asm__ingest_find_text(state, info, ASM_STR("role"));
    const asm_str id = asm__ingest_find_text(state, info, ASM_STR("id"));
    const asm_str model = asm__ingest_find_text(state, info, ASM_STR("modelID"));
    const asm_str cwd =
        asm__ingest_find_text(state, asm__ingest_find_one(info, ASM_STR("path")), ASM_STR("cwd"));
    asm_json_reader parts = asm__ingest_line_elements(state, asm__ingest_find_one(message, ASM_STR("parts")));
    const bool is_user = asm_str_equal(role, ASM_STR("user"));
    asm_str part;
    asm__ingest_begin_rest(state, message, role.size ? role : ASM_STR("message"), asm__opencode_info_shape);
    asm__ingest_set_line(state, none, none, asm__ingest_find_one(info, ASM_STR("id")));
    asm__plain_set_time(
        state, asm__ingest_find_one(asm__ingest_find_one(info, ASM_STR("time")), ASM_STR("created")), 1000);
    asm__file_enter(state, id);
    state->rest_waits = true;
    if (!is_user) {
        asm__ingest_need_turn(state);
        asm__file_recover(state);
    }
    asm__file_place(state, cwd, none, none, is_user ? none : model);
    state->rest_waits = false;
    if (is_user) asm__ingest_leave_run(state, asm__ingest_close_turn);
    asm__ingest_keep_header(state);
    asm__opencode_settings(state);
    while (asm__ingest_next(&parts, &part))
        asm__opencode_export_part(state, part, id, is_user);
    if (!is_user) asm__opencode_complete(state, info);
}

static asm_result asm__opencode_export_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("info"), ASM__MEMBER("messages")};
    asm_str values[2], message, none = asm__ingest_absent();
    asm_json_reader messages;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    state->is_file = true;
    asm__ingest_find_in_line(state, line, keys, values, 2);
    if (!values[1].data && (values[0].data || asm__ingest_find_one(line, ASM_STR("parts")).data)) {
        asm__opencode_export_message(state, line);
        return ASM_OK;
    }
    asm__ingest_begin_rest(state, line, ASM_STR("session"), asm__opencode_export_shape);
    asm__ingest_set_line(state, asm__ingest_find_one(values[0], ASM_STR("id")), none, none);
    if (!values[1].data) { /* told by its members */
        asm__ingest_count_unknown(state, asm__ingest_find_text(state, line, ASM_STR("type")));
        return ASM_OK;
    }
    asm__opencode_session(state, values[0]);
    asm__ingest_keep_header(state);
    messages = asm__ingest_line_elements(state, values[1]);
    while (asm__ingest_next(&messages, &message))
        asm__opencode_export_message(state, message);
    return ASM_OK;
}

static const asm__ingest_reader asm__opencode_export_reader = {
    ASM__MEMBER("opencode"), asm__opencode_export_line, asm__ingest_close_turn};
#define ASM__READER_OPENCODE_EXPORT &asm__opencode_export_reader
#endif

#if ASM_INGEST_FORMATS & ASM_WITH_OPENCODE_SERVER

static const char *const asm__opencode_server_shape[] = {
    "type=message.updated id:s properties{sessionID:s info{" ASM__OPENCODE_MESSAGE "}}",
    "type=message.part.updated id:s properties{sessionID:s time:n delta:s part{" ASM__OPENCODE_PART "}}",
    "type=message.part.delta id:s properties{sessionID:s messageID:s partID:s field:s delta:s}",
    "type=message.removed id:s properties{sessionID:s messageID:s}",
    "type=session.status id:s properties{sessionID:s status{type:s message:s attempt:i}}",
    "type=session.idle id:s properties{sessionID:s}",
    "type=session.error id:s properties{sessionID:s error:*}",
    "type=session.created id:s properties{sessionID:s info{id:s title:s directory:s version:s}}",
    "type=session.updated id:s properties{sessionID:s info{id:s title:s directory:s version:s}}",
    "type=permission.asked id:s properties:o",
    "type=permission.updated id:s properties:o",
    "type=todo.updated id:s properties{sessionID:s todos:a}",
    "directory:s type:s id:s properties{sessionID:s} payload{"
    "type=message.updated id:s properties{sessionID:s info{" ASM__OPENCODE_MESSAGE "}}"
    " | "
    "type=message.part.updated id:s properties{sessionID:s time:n delta:s part{" ASM__OPENCODE_PART "}}"
    " | "
    "type=message.part.delta id:s properties{sessionID:s messageID:s partID:s field:s delta:s}"
    " | "
    "type=message.removed id:s properties{sessionID:s messageID:s}"
    " | "
    "type=session.status id:s properties{sessionID:s status{type:s message:s attempt:i}}"
    " | "
    "type=session.idle id:s properties{sessionID:s}"
    " | "
    "type=session.error id:s properties{sessionID:s error:*}"
    " | "
    "type=session.created id:s properties{sessionID:s info{id:s title:s directory:s version:s}}"
    " | "
    "type=session.updated id:s properties{sessionID:s info{id:s title:s directory:s version:s}}"
    " | "
    "type=permission.asked id:s properties:o"
    " | "
    "type=permission.updated id:s properties:o"
    " | "
    "type=todo.updated id:s properties{sessionID:s todos:a}"
    " | "
    "type:s id:s properties{sessionID:s}"
    "}",
    NULL};

/* Whose message it is: the person's last one is remembered. */
static bool asm__opencode_is_users(const asm__ingest *state, asm_str message_id) {
    return message_id.size && asm_str_equal(asm_buffer_text(&state->told_id), message_id);
}

static void asm__opencode_server_message(asm__ingest *state, asm_str info) {
    const asm_str role = asm__ingest_find_text(state, info, ASM_STR("role")), none = asm__ingest_absent();
    const asm_str id = asm__ingest_find_text(state, info, ASM_STR("id"));
    if (asm_str_equal(role, ASM_STR("user"))) {
        if (!asm__opencode_is_users(state, id)) {
            asm__file_enter(state, id);
            asm__ingest_leave_run(state, asm__ingest_close_turn);
            asm__ingest_keep_header(state);
            asm__ingest_begin_turn(state, false);
        }
        asm__opencode_settings(state);
        return;
    }
    asm__ingest_need_turn(state);
    state->rest_waits = true;
    asm__file_place(state,
                    asm__ingest_find_text(state, asm__ingest_find_one(info, ASM_STR("path")), ASM_STR("cwd")),
                    none, none, asm__ingest_find_text(state, info, ASM_STR("modelID")));
    state->rest_waits = false;
    asm__opencode_complete(state, info);
    asm__opencode_settings(state);
}

/* A piece of a text: what of it is new. */
static void asm__opencode_server_text(asm__ingest *state, asm_str message_id, asm_str part_id, asm_str text,
                                      bool is_whole) {
    const bool is_thinking = state->main.thought;
    asm_str part = asm_buffer_text(&state->part_id);
    if (!asm_str_equal(part, part_id)) {
        asm__ingest_keep(state, &state->part_id, part_id);
        asm_buffer_clear(&state->part_text);
    }
    part = asm_buffer_text(&state->part_text);
    if (is_whole && (!part.size || asm__ingest_starts_with(text, part)))
        text = text.size ? asm_str_make(text.data + part.size, text.size - part.size) : text;
    else if (is_whole) text.size = 0; /* told already, in other words */
    if (state->part_text.size <= asm__ingest_max_kept(state))
        asm__ingest_append(state, &state->part_text, text);
    asm__ingest_need_turn(state);
    if (is_thinking) asm__ingest_emit_thinking(state, text, message_id, asm__ingest_absent());
    else if (text.size) asm__ingest_say(state, asm__plain_speaker(state, message_id), text);
}

static void asm__opencode_server_part(asm__ingest *state, asm_str part) {
    const asm_str type = asm__ingest_find_text(state, part, ASM_STR("type"));
    const asm_str id = asm__ingest_find_text(state, part, ASM_STR("id"));
    const asm_str message_id = asm__ingest_find_text(state, part, ASM_STR("messageID"));
    const asm_str text = asm__ingest_find_text(state, part, ASM_STR("text"));
    const bool is_text = asm_str_equal(type, ASM_STR("text"));
    if (is_text && asm__opencode_is_users(state, message_id)) {
        if (asm_str_equal(asm__ingest_find_one(part, ASM_STR("synthetic")), ASM_STR("true")))
            asm__file_injected(state, message_id, text, ASM_STR("context"));
        else if (!asm__file_is_told(state, 'p', id)) asm__plain_prompt(state, message_id, text);
    } else if (is_text || asm_str_equal(type, ASM_STR("reasoning"))) {
        const bool is_over =
            asm__ingest_find_one(asm__ingest_find_one(part, ASM_STR("time")), ASM_STR("end")).data != NULL;
        state->main.thought = !is_text;
        asm__opencode_server_text(state, message_id, id, text, true);
        if (is_over && is_text) asm__plain_finish(state);
    } else if (asm_str_equal(type, ASM_STR("tool"))) {
        asm__opencode_call(state, part);
    } else if (asm_str_equal(type, ASM_STR("step-start")) || asm_str_equal(type, ASM_STR("step-finish"))) {
        state->ingest->counts.heartbeats++; /* the message has its tokens */
    }                                       /* others: by what is left of them */
}

static void asm__opencode_server_status(asm__ingest *state, asm_str status) {
    const asm_str type = asm__ingest_find_text(state, status, ASM_STR("type"));
    asm_event event;
    if (asm_str_equal(type, ASM_STR("idle"))) {
        if (state->run_open) asm__ingest_close_turn(state);
    } else if (asm_str_equal(type, ASM_STR("retry"))) {
        event = asm__ingest_notice(state, ASM_STR("retry"));
        event.notice.text = asm__ingest_find_text(state, status, ASM_STR("message"));
        event.notice.attempt = asm__ingest_int64(asm__ingest_find_one(status, ASM_STR("attempt")));
        event.notice.level = ASM_STR("warning");
        asm__ingest_emit(state, &event);
    } else {
        state->ingest->counts.heartbeats++;
    }
}

/* A permission is asked for, or given; false if the event is about something else. */
static bool asm__opencode_server_approval(asm__ingest *state, asm_str type, asm_str properties) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    asm_str answer;
    size_t request;
    if (asm_str_equal(type, ASM_STR("permission.asked")) ||
        asm_str_equal(type, ASM_STR("permission.updated"))) {
        const asm_str tool = asm__ingest_find_one(properties, ASM_STR("tool"));
        event.approval.request_id = asm__ingest_find_text(state, properties, ASM_STR("id"));
        event.approval.kind = ASM_STR("tool");
        event.approval.tool_call_id = asm__ingest_find_text(state, tool, ASM_STR("callID"));
        if (!event.approval.tool_call_id.size)
            event.approval.tool_call_id = asm__ingest_find_text(state, properties, ASM_STR("callID"));
        event.approval.tool_name = asm__ingest_find_text(state, properties, ASM_STR("permission"));
        if (!event.approval.tool_name.size)
            event.approval.tool_name = asm__ingest_find_text(state, properties, ASM_STR("type"));
        event.approval.reason = asm__ingest_find_text(state, properties, ASM_STR("title"));
        event.approval.tool_input = asm__ingest_value(state, properties);
        if (event.approval.request_id.size) asm__ingest_ask(state, &event);
        else asm__ingest_emit_odd(state, type, ASM_STR("properties"), properties);
        return true;
    }
    if (!asm_str_equal(type, ASM_STR("permission.replied"))) return false;
    answer = asm__ingest_find_text(state, properties, ASM_STR("requestID"));
    if (!answer.size) answer = asm__ingest_find_text(state, properties, ASM_STR("permissionID"));
    request = asm__ingest_find_request(state, answer, asm__ingest_absent());
    if (!answer.size || request == state->request_count) return false;
    answer = asm__ingest_find_text(state, properties, ASM_STR("reply"));
    if (!answer.size) answer = asm__ingest_find_text(state, properties, ASM_STR("response"));
    event.type = asm_str_equal(answer, ASM_STR("reject")) ? ASM_EVENT_TOOL_APPROVAL_DENIED
                                                          : ASM_EVENT_TOOL_APPROVAL_GRANTED;
    event.approval.decision = asm_str_equal(answer, ASM_STR("reject"))   ? ASM_STR("reject")
                              : asm_str_equal(answer, ASM_STR("always")) ? ASM_STR("always")
                                                                         : ASM_STR("approve");
    asm__ingest_decide(state, request, &event);
    return true;
}

static void asm__opencode_server_event(asm__ingest *state, asm_str type, asm_str properties) {
    const asm_str info = asm__ingest_find_one(properties, ASM_STR("info"));
    asm_event event;
    if (asm_str_equal(type, ASM_STR("message.updated"))) {
        asm__opencode_server_message(state, info);
    } else if (asm_str_equal(type, ASM_STR("message.part.updated"))) {
        asm__opencode_server_part(state, asm__ingest_find_one(properties, ASM_STR("part")));
    } else if (asm_str_equal(type, ASM_STR("message.part.delta"))) {
        asm__opencode_server_text(state, asm__ingest_find_text(state, properties, ASM_STR("messageID")),
                                  asm__ingest_find_text(state, properties, ASM_STR("partID")),
                                  asm__ingest_find_text(state, properties, ASM_STR("delta")), false);
    } else if (asm_str_equal(type, ASM_STR("message.removed"))) {
        asm__ingest_retract(state, state->line_run,
                            asm__ingest_find_text(state, properties, ASM_STR("messageID")),
                            asm__ingest_absent(), ASM_STR("removed"), asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("session.created")) ||
               asm_str_equal(type, ASM_STR("session.updated"))) {
        asm__opencode_session(state, info);
        if (!state->stream_has_run) asm__ingest_keep_header(state);
        asm__opencode_settings(state);
    } else if (asm_str_equal(type, ASM_STR("session.status"))) {
        asm__opencode_server_status(state, asm__ingest_find_one(properties, ASM_STR("status")));
    } else if (asm_str_equal(type, ASM_STR("session.idle"))) {
        if (state->run_open) asm__ingest_close_turn(state);
    } else if (asm_str_equal(type, ASM_STR("session.error"))) {
        const asm_str error = asm__ingest_find_one(properties, ASM_STR("error"));
        if (asm_str_equal(asm__ingest_find_text(state, error, ASM_STR("name")),
                          ASM_STR("MessageAbortedError")))
            state->cancelled = true;
        else asm__opencode_error(state, error);
    } else if (asm_str_equal(type, ASM_STR("todo.updated"))) {
        event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
        event.todos.todos =
            asm__ingest_json(state, asm__ingest_find_one(properties, ASM_STR("todos")), ASM_JSON_ARRAY);
        if (event.todos.todos.data) asm__ingest_emit(state, &event);
    } else if (!asm__opencode_server_approval(state, type, properties) && !state->rest.size) {
        state->ingest->counts.heartbeats++;
    } /* others: by what is left of them */
}

static asm_result asm__opencode_server_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    const asm_str none = asm__ingest_absent();
    asm_str body = line, type, properties, session;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    if (asm__ingest_find_one(line, ASM_STR("payload")).data)
        body = asm__ingest_find_one(line, ASM_STR("payload"));
    type = asm__ingest_find_text(state, body, ASM_STR("type"));
    properties = asm__ingest_find_one(body, ASM_STR("properties"));
    session = asm__ingest_find_one(properties, ASM_STR("sessionID"));
    asm__ingest_begin_rest(state, line, type, asm__opencode_server_shape);
    asm__ingest_set_line(state, session, none, asm__ingest_find_one(body, ASM_STR("id")));
    if (properties.data) asm__opencode_server_event(state, type, properties);
    else asm__ingest_count_unknown(state, type); /* told by its members */
    return ASM_OK;
}

static const asm__ingest_reader asm__opencode_server_reader = {
    ASM__MEMBER("opencode"), asm__opencode_server_line, asm__ingest_close_turn};
#define ASM__READER_OPENCODE_SERVER &asm__opencode_server_reader
#endif

/* >>ingest: envelopes
 *
 * UI envelopes as asm_pubsub.h and other programs send them, one a line: a run is from one status that is no rest to the next
 * that is.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_ENVELOPES

#define ASM__ENVELOPE "session_id:s execution_id:s timestamp:s "
static const char *const asm__envelopes_shape[] = {
    "type=agent.status " ASM__ENVELOPE "payload{status:s previous_status:s error_message:s last_response:s}",
    "type=agent.step.started " ASM__ENVELOPE "payload{step_number:i message_count:i available_tools:i}",
    "type=agent.step.completed " ASM__ENVELOPE
    "payload{step_number:i has_tool_calls:b errors:i finish_reason:s usage:o duration_ms:n}",
    "type=agent.stream.chunk " ASM__ENVELOPE "payload{content:s is_complete:b chunk_index:n}",
    "type=agent.tool.started " ASM__ENVELOPE "payload{tool_name:s tool_call_id:s args:* args_summary:s}",
    "type=agent.tool.completed " ASM__ENVELOPE
    "payload{tool_name:s tool_call_id:s success:b error:s duration_ms:n result_summary:s}",
    "type=agent.continuation " ASM__ENVELOPE
    "payload{step_number:i should_stop:b stop_reason:s resolved_by:s}",
    "type=agent.approval.requested " ASM__ENVELOPE
    "payload{request_id:s interrupt:i kind:s tool_call_id:s tool_name:s args:* options:a reason:s}",
    "type=agent.approval.resolved " ASM__ENVELOPE
    "payload{request_id:s interrupt:i tool_call_id:s decision:s reason:s}",
    "type=agent.message " ASM__ENVELOPE "payload{role:s content:s message_id:s incomplete:b synthetic:b}",
    "type=agent.message.retracted " ASM__ENVELOPE "payload{message_id:s reason:s replaced_by:s}",
    "type=agent.todos " ASM__ENVELOPE "payload{todos:a}",
    "type=agent.usage " ASM__ENVELOPE
    "payload{input_tokens:i output_tokens:i cache_read_tokens:i cache_creation_tokens:i reasoning_tokens:i"
    " cost_usd:n cumulative:b}",
    NULL};

/* The payload's member, as text, number, truth. */
static asm_str asm__envelope_text(asm__ingest *state, asm_str payload, const char *key) {
    return asm__ingest_find_text(state, payload, asm_str_from(key));
}

static asm_optional_int64 asm__envelope_int64(asm_str payload, const char *key) {
    return asm__ingest_int64(asm__ingest_find_one(payload, asm_str_from(key)));
}

static asm_optional_double asm__envelope_double(asm_str payload, const char *key) {
    return asm__ingest_double(asm__ingest_find_one(payload, asm_str_from(key)));
}

static asm_optional_bool asm__envelope_bool(asm_str payload, const char *key) {
    const asm_str raw = asm__ingest_find_one(payload, asm_str_from(key));
    asm_optional_bool truth = {false, false};
    truth.is_set = raw.data && asm_json_to_bool(raw, &truth.value);
    return truth;
}

static void asm__envelope_status(asm__ingest *state, asm_str payload) {
    const asm_str status = asm__envelope_text(state, payload, "status");
    const asm_str error = asm__envelope_text(state, payload, "error_message");
    const asm_str response = asm__envelope_text(state, payload, "last_response");
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    if (asm_str_equal(status, ASM_STR("processing"))) {
        if (state->run_open) asm__ingest_cut_run(state);
        asm__ingest_begin_run(state, &event);
        return;
    }
    if (asm_str_equal(status, ASM_STR("idle"))) return;
    if (!asm_str_equal(status, ASM_STR("completed")) && !asm_str_equal(status, ASM_STR("failed")) &&
        !asm_str_equal(status, ASM_STR("cancelled")) && !asm_str_equal(status, ASM_STR("stopped"))) {
        asm__ingest_emit_odd(state, ASM_STR("status"), ASM_STR("payload"), payload);
        return;
    }
    if (response.size && !state->run_has_text) asm__plain_message(state, asm__ingest_absent(), response);
    event =
        asm_str_equal(status, ASM_STR("failed"))
            ? asm__plain_failure(state, asm__ingest_absent(), error, asm__ingest_absent())
            : asm__plain_success(asm_str_equal(status, ASM_STR("stopped")) ? status : asm__ingest_absent());
    if (asm_str_equal(status, ASM_STR("cancelled"))) event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
    if (!asm_str_equal(status, ASM_STR("failed")) && error.size)
        asm__ingest_emit_error(state, ASM_STR("provider_error"), error, asm__ingest_absent());
    asm__plain_end_run(state, &event, &state->main.total);
}

/* A call without an id gets one; its end is that of the oldest of its name. */
static asm_str asm__envelope_call_id(asm__ingest *state, asm_str payload, asm_str name, bool is_end) {
    const asm_str id = asm__envelope_text(state, payload, "tool_call_id");
    asm__ingest_record *record = state->calls.oldest;
    char digits[32];
    if (id.size) return id;
    for (; is_end && record; record = record->newer) {
        const asm__ingest_call *call = asm__container(record, asm__ingest_call, record);
        if (asm_str_equal(asm__ingest_call_name(call), name)) return asm__ingest_call_id(call);
    }
    asm__ingest_keep(state, &state->built, ASM_STR("call_"));
    asm__ingest_append(state, &state->built, asm__ingest_number(digits, ++state->numbered_calls));
    return asm_buffer_text(&state->built);
}

static void asm__envelope_tool(asm__ingest *state, asm_str payload, bool is_end) {
    const asm_str name = asm__envelope_text(state, payload, "tool_name"),
                  error = asm__envelope_text(state, payload, "error");
    const asm_optional_bool success = asm__envelope_bool(payload, "success");
    const asm__ingest_call *call;
    asm_str status = asm__ingest_absent();
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__plain_finish(state);
    event.tool.call_id = asm__envelope_call_id(state, payload, name, is_end);
    event.tool.name = name;
    if (!is_end) {
        event.tool.input = asm__ingest_value(state, asm__ingest_find_one(payload, ASM_STR("args")));
        event.tool.display_text = asm__envelope_text(state, payload, "args_summary");
        asm__ingest_start_call(state, &event);
        return;
    }
    call = asm__ingest_find_call(state, event.tool.call_id);
    event.tool.output = asm__envelope_text(state, payload, "result_summary");
    event.tool.error_message = error;
    event.tool.duration_ms = asm__envelope_double(payload, "duration_ms");
    if (call && call->is_declined) status = ASM_STR("declined");
    else if (!success.is_set && !error.size) status = ASM_STR("unknown");
    asm__plain_end_tool(state, &event, error.size || (success.is_set && !success.value), status);
}

static void asm__envelope_step(asm__ingest *state, asm_str payload, bool is_end) {
    asm_event event = asm__ingest_event(is_end ? ASM_EVENT_STEP_COMPLETED : ASM_EVENT_STEP_STARTED);
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__plain_finish(state);
    event.step.step_number = asm__envelope_int64(payload, "step_number");
    event.step.message_count = asm__envelope_int64(payload, "message_count");
    event.step.available_tools = asm__envelope_int64(payload, "available_tools");
    event.step.has_tool_calls = asm__envelope_bool(payload, "has_tool_calls");
    event.step.errors = asm__envelope_int64(payload, "errors");
    event.step.finish_reason = asm__envelope_text(state, payload, "finish_reason");
    event.step.usage =
        asm__ingest_json(state, asm__ingest_find_one(payload, ASM_STR("usage")), ASM_JSON_OBJECT);
    event.step.duration_ms = asm__envelope_double(payload, "duration_ms");
    asm__ingest_emit(state, &event);
}

static void asm__envelope_approval(asm__ingest *state, asm_str payload, bool is_request) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
    const asm_str decision = asm__envelope_text(state, payload, "decision");
    size_t request;
    event.approval.request_id = asm__envelope_text(state, payload, "request_id");
    event.approval.interrupt = asm__envelope_int64(payload, "interrupt");
    event.approval.tool_call_id = asm__envelope_text(state, payload, "tool_call_id");
    event.approval.reason = asm__envelope_text(state, payload, "reason");
    asm__ingest_need_run(state, asm__ingest_absent());
    if (is_request) {
        event.approval.kind = asm__envelope_text(state, payload, "kind");
        event.approval.tool_name = asm__envelope_text(state, payload, "tool_name");
        event.approval.tool_input = asm__ingest_value(state, asm__ingest_find_one(payload, ASM_STR("args")));
        event.approval.options =
            asm__ingest_json(state, asm__ingest_find_one(payload, ASM_STR("options")), ASM_JSON_ARRAY);
        asm__ingest_ask(state, &event);
        return;
    }
    event.approval.decision = decision;
    event.type = asm_str_equal(decision, ASM_STR("reject")) ||
                         asm_str_equal(decision, ASM_STR("withdrawn")) ||
                         asm_str_equal(decision, ASM_STR("timeout"))
                     ? ASM_EVENT_TOOL_APPROVAL_DENIED
                     : ASM_EVENT_TOOL_APPROVAL_GRANTED;
    if (event.type == ASM_EVENT_TOOL_APPROVAL_DENIED) {
        asm__ingest_call *call = asm__ingest_find_call(state, event.approval.tool_call_id);
        if (call) call->is_declined = true;
    }
    request = asm__ingest_find_request(state, event.approval.request_id, event.approval.tool_call_id);
    if (request < state->request_count) asm__ingest_decide(state, request, &event);
    else asm__ingest_emit(state, &event);
}

static void asm__envelope_message(asm__ingest *state, asm_str payload) {
    const asm_str content = asm__envelope_text(state, payload, "content"),
                  id = asm__envelope_text(state, payload, "message_id"),
                  role = asm__envelope_text(state, payload, "role");
    asm_event event;
    if (asm_str_equal(role, ASM_STR("assistant"))) {
        asm__ingest_speaker *speaker = asm__plain_speaker(state, id);
        speaker->aborted = asm__envelope_bool(payload, "incomplete").value;
        if (content.size) asm__ingest_say_block(state, speaker, content, asm__ingest_absent());
        asm__plain_finish(state);
        return;
    }
    event = asm__ingest_message(ASM_EVENT_MESSAGE_SENT, content, id, asm__ingest_absent());
    event.message.role = role.size ? role : ASM_STR("user");
    event.message.synthetic = asm__envelope_bool(payload, "synthetic");
    asm__ingest_emit(state, &event);
}

static void asm__envelope_usage(asm__ingest *state, asm_str payload) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    if (!asm_usage_read(&event.usage, payload)) memset(&event.usage, 0, sizeof event.usage);
    event.usage.cumulative = asm__envelope_bool(payload, "cumulative");
    asm__ingest_emit(state, &event);
}

/* What tells of the agent's work beside its calls; false for another type. */
static bool asm__envelope_of_work(asm__ingest *state, asm_str type, asm_str payload) {
    asm_event event;
    if (asm_str_equal(type, ASM_STR("agent.step.started"))) asm__envelope_step(state, payload, false);
    else if (asm_str_equal(type, ASM_STR("agent.step.completed"))) asm__envelope_step(state, payload, true);
    else if (asm_str_equal(type, ASM_STR("agent.usage"))) asm__envelope_usage(state, payload);
    else if (asm_str_equal(type, ASM_STR("agent.continuation"))) {
        event = asm__ingest_event(ASM_EVENT_CONTINUATION_EVALUATED);
        event.continuation.step_number = asm__envelope_int64(payload, "step_number");
        event.continuation.should_stop = asm__envelope_bool(payload, "should_stop");
        event.continuation.stop_reason = asm__envelope_text(state, payload, "stop_reason");
        event.continuation.resolved_by = asm__envelope_text(state, payload, "resolved_by");
        asm__ingest_emit(state, &event);
    } else if (asm_str_equal(type, ASM_STR("agent.todos"))) {
        event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
        event.todos.todos =
            asm__ingest_json(state, asm__ingest_find_one(payload, ASM_STR("todos")), ASM_JSON_ARRAY);
        if (event.todos.todos.data) asm__ingest_emit(state, &event);
    } else {
        return false;
    }
    return true;
}

static asm_result asm__envelopes_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("session_id"),
                                   ASM__MEMBER("execution_id"), ASM__MEMBER("timestamp"),
                                   ASM__MEMBER("payload")};
    asm_str values[5], type, payload, none = asm__ingest_absent();
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 5);
    type = asm__ingest_string(state, values[0]);
    payload = values[4];
    asm__ingest_begin_rest(state, line, type, asm__envelopes_shape);
    asm__ingest_set_line(state, values[1], values[3], none);
    if (!state->run_open) asm__ingest_leave(state, ASM_STR("execution_id"), values[2]);
    if (asm_str_equal(type, ASM_STR("agent.status"))) asm__envelope_status(state, payload);
    else if (asm_str_equal(type, ASM_STR("agent.stream.chunk"))) {
        asm__ingest_say(state, asm__plain_speaker(state, none),
                        asm__envelope_text(state, payload, "content"));
        if (asm__envelope_bool(payload, "is_complete").value) asm__plain_finish(state);
    } else if (asm_str_equal(type, ASM_STR("agent.tool.started"))) asm__envelope_tool(state, payload, false);
    else if (asm_str_equal(type, ASM_STR("agent.tool.completed"))) asm__envelope_tool(state, payload, true);
    else if (asm_str_equal(type, ASM_STR("agent.approval.requested")))
        asm__envelope_approval(state, payload, true);
    else if (asm_str_equal(type, ASM_STR("agent.approval.resolved")))
        asm__envelope_approval(state, payload, false);
    else if (asm_str_equal(type, ASM_STR("agent.message"))) asm__envelope_message(state, payload);
    else if (asm_str_equal(type, ASM_STR("agent.message.retracted")))
        asm__ingest_retract(state, state->line_run, asm__envelope_text(state, payload, "message_id"), none,
                            asm__envelope_text(state, payload, "reason"),
                            asm__envelope_text(state, payload, "replaced_by"));
    else if (!asm__envelope_of_work(state, type, payload)) {
        asm_buffer_clear(&state->rest);
        if (asm__ingest_starts_with(type, ASM_STR("agent.")))
            type = asm_str_make(type.data + 6, type.size - 6); /* the event has it before its name */
        asm__ingest_emit_odd(state, type, ASM_STR("envelope"), line);
    }
    return ASM_OK;
}

static const asm__ingest_reader asm__envelopes_reader = {ASM__MEMBER("agent"), asm__envelopes_line,
                                                         asm__plain_stop};
#define ASM__READER_ENVELOPES &asm__envelopes_reader
#endif

/* >>ingest: model apis
 *
 * What the formats of raw model APIs share. One response is one run; the calls that the model asks for are
 * tool_call_identified, since nobody has run them. Reasoning comes as message_streamed with `thinking`; what only goes
 * back to the model (signatures, encrypted reasoning) is in its `extra`.
 */
#if ASM_INGEST_FORMATS &                                                                                     \
    (ASM_WITH_ANTHROPIC | ASM_WITH_OPENAI | ASM_WITH_RESPONSES | ASM_WITH_OLLAMA | ASM_WITH_AG_UI)

#define ASM__API_MAX_CALLS 1024 /* in one message */

/* A word of a provider, and the one that events have for it. */
typedef struct asm__api_word {
    const char *theirs, *ours;
} asm__api_word;

static asm_str asm__api_translate(const asm__api_word *words, size_t count, asm_str word) {
    size_t i;
    for (i = 0; i < count; i++)
        if (asm_str_equal(word, asm_str_from(words[i].theirs))) return asm_str_from(words[i].ours);
    return word;
}

static asm_str asm__api_stop_reason(asm_str word) {
    static const asm__api_word words[] = {{"stop", "end_turn"},           {"eos", "end_turn"},
                                          {"length", "max_tokens"},       {"max_output_tokens", "max_tokens"},
                                          {"model_length", "max_tokens"}, {"tool_calls", "tool_use"},
                                          {"function_call", "tool_use"}};
    return asm__api_translate(words, ASM__INGEST_COUNT_OF(words), word);
}

static asm_str asm__api_error_code(asm_str word) {
    static const asm__api_word words[] = {{"overloaded_error", "overloaded"},
                                          {"server_is_overloaded", "overloaded"},
                                          {"slow_down", "overloaded"},
                                          {"rate_limit_error", "rate_limit"},
                                          {"rate_limit_exceeded", "rate_limit"},
                                          {"insufficient_quota", "billing"},
                                          {"billing_error", "billing"},
                                          {"credit_balance_exhausted", "billing"},
                                          {"organization_spend_limit_exceeded", "billing"},
                                          {"project_spend_limit_exceeded", "billing"},
                                          {"organization_usage_limit_exceeded", "billing"},
                                          {"authentication_error", "authentication"},
                                          {"permission_error", "authentication"},
                                          {"invalid_api_key", "authentication"},
                                          {"not_found_error", "model_not_found"},
                                          {"model_not_found", "model_not_found"},
                                          {"invalid_request_error", "invalid_request"},
                                          {"invalid_prompt", "invalid_request"},
                                          {"context_length_exceeded", "context_too_long"},
                                          {"exceed_context_size_error", "context_too_long"},
                                          {"api_error", "server_error"},
                                          {"server_error", "server_error"},
                                          {"timeout_error", "timeout"}};
    return asm__api_translate(words, ASM__INGEST_COUNT_OF(words), word);
}

/* A response begins: one that is open has been cut. What is left of the line goes with its beginning. */
static asm__ingest_speaker *asm__api_begin(asm__ingest *state, asm_str model, asm_str id) {
    asm__ingest_speaker *speaker = &state->main;
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    if (state->run_open) asm__ingest_cut_run(state);
    if (model.size) event.run.model = model;
    asm__ingest_begin_run(state, &event);
    speaker->run = state->line_run;
    speaker->has_message = false;
    asm__ingest_enter_message(state, speaker, id);
    asm__ingest_keep(state, &speaker->model, model);
    speaker->partial = speaker->streamed = true;
    state->part_count = 0;
    return speaker;
}

/* The message that is open, also if its beginning is missing. */
static asm__ingest_speaker *asm__api_speaker(asm__ingest *state) {
    if (!state->run_open || !state->main.has_message)
        return asm__api_begin(state, asm__ingest_absent(), asm__ingest_absent());
    return &state->main;
}

/* Reasoning that only the model can read, to go back to it: the member `key` of `extra`. */
static void asm__api_keep_reasoning(asm__ingest *state, asm__ingest_speaker *speaker, asm_str key,
                                    asm_str value) {
    if (!value.data) return;
    asm__ingest_think(state, speaker, ASM_STR(""), asm__ingest_pair(state, &state->extra, key, value));
}

/* A call that the model asks for, or one that the provider runs. Arguments that are no object are in `extra`, as the text that
 * came. */
static void asm__api_call(asm__ingest *state, asm_event_type type, asm_str id, asm_str name, asm_str input) {
    asm_event event = asm__ingest_event(type);
    const bool is_valid =
        !input.size || (asm__ingest_is(input, ASM_JSON_OBJECT) && asm_json_check(input, NULL) == ASM_OK &&
                        asm__ingest_value(state, input).data);
    event.tool.call_id = id;
    event.tool.name = name;
    event.tool.input = input.size && is_valid ? input : ASM_STR("{}");
    if (!is_valid) {
        asm_json_writer writer;
        event.tool.input = asm__ingest_absent();
        asm_buffer_clear(&state->built);
        asm_json_writer_init(&writer, &state->built);
        asm_json_write_string(&writer, input);
        if (asm_json_writer_finish(&writer) != ASM_OK) state->failed = true;
        event.extra = asm__ingest_joined(state, &state->built2, event.extra, ASM_STR("invalid_arguments"),
                                         asm_buffer_text(&state->built));
        asm__ingest_diagnose(state, false, ASM_ERR_SYNTAX, "the arguments of a tool call are no JSON object",
                             0);
    }
    if (type == ASM_EVENT_TOOL_CALL_STARTED) asm__ingest_start_call(state, &event);
    else asm__ingest_emit(state, &event);
}

/* The call of a message that comes in pieces; NULL if there are too many, or there is no memory. */
static asm__ingest_part *asm__api_new_part(asm__ingest *state, int64_t index, asm_str id) {
    asm__ingest_part *part;
    if (state->part_count == ASM__API_MAX_CALLS) {
        asm__ingest_tell_limit(state, "a message asks for more than 1024 calls: the others are left out");
        return NULL;
    }
    if (state->part_count == state->part_capacity) {
        const size_t capacity = state->part_capacity ? 2 * state->part_capacity : 8;
        void *memory = ASM_REALLOC(state->parts, capacity * sizeof *state->parts);
        size_t i;
        if (!memory) {
            state->failed = true;
            return NULL;
        }
        state->parts = (asm__ingest_part *)memory;
        for (i = state->part_capacity; i < capacity; i++) {
            asm_buffer_init_growing(&state->parts[i].id);
            asm_buffer_init_growing(&state->parts[i].name);
            asm_buffer_init_growing(&state->parts[i].input);
            asm_buffer_init_growing(&state->parts[i].parent);
            asm_buffer_init_growing(&state->parts[i].pieces);
        }
        state->part_capacity = capacity;
    }
    part = &state->parts[state->part_count++];
    asm__ingest_keep(state, &part->id, id);
    asm_buffer_clear(&part->name);
    asm_buffer_clear(&part->input);
    asm_buffer_clear(&part->parent);
    asm_buffer_clear(&part->pieces);
    part->index = index;
    part->depth = 0;
    part->is_running = part->in_string = part->is_escaped = part->is_closed = part->is_repeat = false;
    return part;
}

static void asm__api_add_input(asm__ingest *state, asm__ingest_part *part, asm_str piece) {
    const size_t limit = asm__ingest_max_kept(state);
    if (part->input.size > limit || piece.size > limit - part->input.size)
        asm__ingest_tell_limit(state, "the input of a tool call is longer than what may be kept");
    else asm__ingest_append(state, &part->input, piece);
}

/* Tells the calls that came in pieces, in their order. */
static void asm__api_tell_calls(asm__ingest *state) {
    size_t i;
    for (i = 0; i < state->part_count; i++) {
        const asm__ingest_part *part = &state->parts[i];
        if (part->is_repeat && !part->input.size) continue;
        asm__api_call(state, part->is_running ? ASM_EVENT_TOOL_CALL_STARTED : ASM_EVENT_TOOL_CALL_IDENTIFIED,
                      asm_buffer_text(&part->id), asm_buffer_text(&part->name),
                      asm_buffer_text(&part->input));
    }
    state->part_count = 0;
}

/* The response is whole. */
static void asm__api_complete(asm__ingest *state, asm_str reason) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    asm_usage_payload usage = asm__ingest_whole_usage(&state->main);
    usage.cost_usd = state->main.usage.cost_usd;
    asm__api_tell_calls(state);
    state->main.partial = false;
    asm__ingest_finish_message(state, &state->main, false);
    state->main.has_message = false;
    if (reason.size) event.run.stop_reason = asm__api_stop_reason(reason);
    event.run.token_usage = asm__ingest_usage_json(state, &state->built, &usage);
    event.run.cost_usd = usage.cost_usd;
    asm__ingest_end_run(state, &event);
    asm_buffer_clear(&state->stop_reason);
}

/* The provider gives up. Calls that are not whole are not told: they must not be run. */
static void asm__api_fail(asm__ingest *state, asm_str code, asm_str message, asm_str error) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    state->part_count = 0;
    asm__ingest_need_run(state, asm__ingest_absent());
    asm__ingest_finish_message(state, &state->main, true);
    state->main.has_message = false;
    code = asm__api_error_code(code);
    event.run.error_code = code.size ? code : ASM_STR("provider_error");
    event.run.error_message = message.size ? message : ASM_STR("the provider gave an error");
    event.run.provider_error = asm__ingest_value(state, error);
    asm__ingest_end_run(state, &event);
    asm_buffer_clear(&state->stop_reason);
}

/* An error object, {"message", "type", "code"}, or a text. */
static void asm__api_error(asm__ingest *state, asm_str error) {
    static const asm_str keys[] = {ASM__MEMBER("message"), ASM__MEMBER("type"), ASM__MEMBER("code")};
    asm_str values[3], code, message;
    if (!asm__ingest_is(error, ASM_JSON_OBJECT)) {
        asm__api_fail(state, asm__ingest_absent(), asm__ingest_string(state, error), error);
        return;
    }
    asm__ingest_find_in_line(state, error, keys, values, 3);
    code = asm__ingest_string(state, values[2]);
    if (!code.size) code = asm__ingest_string(state, values[1]);
    message = asm__ingest_string(state, values[0]);
    asm__api_fail(state, code, message, error);
}

/* At the end of the bytes: an answer whose reason is known is whole, whatever else was to come. */
static void asm__api_end(asm__ingest *state) {
    asm_str reason = asm_buffer_text(&state->stop_reason);
    if (!state->run_open) return;
    if (reason.size) {
        asm__api_complete(state, reason);
        return;
    }
    state->part_count = 0;
    asm__ingest_finish_message(state, &state->main, true);
    state->main.has_message = false;
}

/* A line that is none of the format: kept whole. */
static asm_result asm__api_unknown(asm__ingest *state, asm_str type, asm_str line) {
    asm__ingest_emit_odd(state, type.size ? type : ASM_STR("line"), ASM_STR("line"), line);
    return ASM_OK;
}
#endif

/* >>ingest: anthropic
 *
 * POST /v1/messages (docs.anthropic.com), as a stream or as one body.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_ANTHROPIC

static void asm__anthropic_usage(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {
        ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"), ASM__MEMBER("cache_read_input_tokens"),
        ASM__MEMBER("cache_creation_input_tokens"), ASM__MEMBER("output_tokens_details")};
    static const asm_str thinking_key[] = {ASM__MEMBER("thinking_tokens")};
    asm_usage_payload *usage = &state->main.usage;
    asm_optional_int64 *places[5];
    asm_str values[5], thinking[1];
    size_t i;
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return;
    places[0] = &usage->input_tokens;
    places[1] = &usage->output_tokens;
    places[2] = &usage->cache_read_tokens;
    places[3] = &usage->cache_creation_tokens;
    places[4] = &usage->reasoning_tokens;
    asm__ingest_find_in_line(state, raw, keys, values, 5);
    asm__ingest_find_in_line(state, values[4], thinking_key, thinking, 1);
    values[4] = thinking[0];
    for (i = 0; i < 5; i++) { /* running totals: the last one counts */
        const asm_optional_int64 number = asm__ingest_int64(values[i]);
        if (number.is_set) *places[i] = number;
    }
    state->main.cache_is_apart = true;
    if (values[0].data ||
        !state->main.usage_object.size) /* the last counts of a stream are of the output only */
        asm__ingest_keep(state, &state->main.usage_object, asm__ingest_json(state, raw, ASM_JSON_OBJECT));
}

static const char *const asm__anthropic_shape[] = {
    "type=message_start message{type:s role:s id:s model:s usage{input_tokens:i output_tokens:i "
    "cache_read_input_tokens:i cache_creation_input_tokens:i output_tokens_details{thinking_tokens:i}}}",
    "type=content_block_start index:n content_block{type=text text:s | type=thinking thinking:s signature:s "
    "| type=redacted_thinking data:s | type=tool_use id:s name:s input:* | type=server_tool_use id:s name:s "
    "input:* | type=mcp_tool_use id:s name:s input:* | type=web_search_tool_result tool_use_id:s content:* "
    "is_error:b | type=web_fetch_tool_result tool_use_id:s content:* is_error:b | "
    "type=code_execution_tool_result tool_use_id:s content:* is_error:b | "
    "type=bash_code_execution_tool_result tool_use_id:s content:* is_error:b | "
    "type=text_editor_code_execution_tool_result tool_use_id:s content:* is_error:b | type=mcp_tool_result "
    "tool_use_id:s content:* is_error:b | type:s *:*}",
    "type=content_block_delta index:n delta{type=text_delta text:s | type=thinking_delta thinking:s | "
    "type=input_json_delta partial_json:s | type=signature_delta signature:s | text:s thinking:s "
    "partial_json:s signature:s}",
    "type=content_block_stop index:n",
    "type=message_delta delta{stop_reason:s} usage{input_tokens:i output_tokens:i cache_read_input_tokens:i "
    "cache_creation_input_tokens:i output_tokens_details{thinking_tokens:i}}",
    "type=message_stop",
    "type=ping",
    "type=error error:*",
    "type=message id:s role:s model:s stop_reason:s usage{input_tokens:i output_tokens:i "
    "cache_read_input_tokens:i cache_creation_input_tokens:i output_tokens_details{thinking_tokens:i}} "
    "content[type=text text:s | type=thinking thinking:s signature:s | type=redacted_thinking data:s | "
    "type=tool_use id:s name:s input:* | type=server_tool_use id:s name:s input:* | type=mcp_tool_use id:s "
    "name:s input:* | type=web_search_tool_result tool_use_id:s content:* is_error:b | "
    "type=web_fetch_tool_result tool_use_id:s content:* is_error:b | type=code_execution_tool_result "
    "tool_use_id:s content:* is_error:b | type=bash_code_execution_tool_result tool_use_id:s content:* "
    "is_error:b | type=text_editor_code_execution_tool_result tool_use_id:s content:* is_error:b | "
    "type=mcp_tool_result tool_use_id:s content:* is_error:b | type:s *:*]",
    NULL};

enum {
    ASM__ANTHROPIC_TYPE,
    ASM__ANTHROPIC_TEXT,
    ASM__ANTHROPIC_THINKING,
    ASM__ANTHROPIC_ID,
    ASM__ANTHROPIC_NAME,
    ASM__ANTHROPIC_INPUT,
    ASM__ANTHROPIC_SIGNATURE,
    ASM__ANTHROPIC_DATA,
    ASM__ANTHROPIC_CALL,
    ASM__ANTHROPIC_CONTENT,
    ASM__ANTHROPIC_IS_ERROR,
    ASM__ANTHROPIC_BLOCK_COUNT
};

/* A call, of the caller's tools or of the provider's own. */
static void asm__anthropic_tool(asm__ingest *state, const asm_str *block, asm_str type, int64_t index,
                                bool is_whole) {
    const asm_str id = asm__ingest_string(state, block[ASM__ANTHROPIC_ID]);
    const asm_str name = asm__ingest_string(state, block[ASM__ANTHROPIC_NAME]);
    const bool is_running = !asm_str_equal(type, ASM_STR("tool_use"));
    asm__ingest_part *part;
    if (is_whole) {
        asm__api_call(state, is_running ? ASM_EVENT_TOOL_CALL_STARTED : ASM_EVENT_TOOL_CALL_IDENTIFIED, id,
                      name, block[ASM__ANTHROPIC_INPUT]);
        return;
    }
    part = asm__api_new_part(state, index, id);
    if (!part) return;
    asm__ingest_keep(state, &part->name, name);
    part->is_running = is_running;
    if (block[ASM__ANTHROPIC_INPUT].size > 2) asm__api_add_input(state, part, block[ASM__ANTHROPIC_INPUT]);
}

/* What a tool of the provider's own has given. */
static void asm__anthropic_end_call(asm__ingest *state, asm_str id, asm_str content, asm_str is_error) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    const asm_str code = asm__ingest_find_text(
        state, asm__ingest_is(content, ASM_JSON_OBJECT) ? content : asm__ingest_absent(),
        ASM_STR("error_code"));
    event.tool.call_id = asm__ingest_string(state, id);
    event.tool.output_json = asm__ingest_value(state, content);
    if (code.data || asm_str_equal(is_error, ASM_STR("true"))) {
        event.type = ASM_EVENT_TOOL_CALL_FAILED;
        event.tool.error_message = code.data ? code : ASM_STR("the tool failed");
    }
    asm__ingest_end_tool(state, &event);
}

/* The call whose block has this index: the last one if none has. NULL: there is no call. */
static asm__ingest_part *asm__anthropic_part(asm__ingest *state, int64_t index) {
    size_t i;
    for (i = state->part_count; i > 0; i--)
        if (state->parts[i - 1].index == index) return &state->parts[i - 1];
    return state->part_count ? &state->parts[state->part_count - 1] : NULL;
}

/* A block has ended. Blocks come one after the other; where they do not, calls are told when all have ended. */
static void asm__anthropic_stop(asm__ingest *state, int64_t index) {
    asm__ingest_part *part = asm__anthropic_part(state, index);
    size_t i;
    if (part && (part->index == index || state->part_count == 1)) part->is_closed = true;
    for (i = 0; i < state->part_count; i++)
        if (!state->parts[i].is_closed) return;
    asm__api_tell_calls(state);
}

/* A content block: as it begins in a stream, or whole. */
static void asm__anthropic_block(asm__ingest *state, asm_str raw, int64_t index, bool is_whole) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("type", 's'),      ASM__KEY("text", 's'),    ASM__KEY("thinking", 's'),
        ASM__KEY("id", 's'),        ASM__KEY("name", 's'),    ASM__KEY("input", '*'),
        ASM__KEY("signature", 's'), ASM__KEY("data", 's'),    ASM__KEY("tool_use_id", 's'),
        ASM__KEY("content", '*'),   ASM__KEY("is_error", 'b')};
    asm__ingest_speaker *speaker = asm__api_speaker(state);
    asm_str block[ASM__ANTHROPIC_BLOCK_COUNT], type;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, raw, keys, block, ASM__ANTHROPIC_BLOCK_COUNT, &others, NULL)) {
        asm__ingest_emit_odd(state, ASM_STR("content_block"), ASM_STR("content_block"), raw);
        return;
    }
    type = asm__ingest_string(state, block[ASM__ANTHROPIC_TYPE]);
    if (asm__ingest_ends_with(type, ASM_STR("tool_use")) &&
        (block[ASM__ANTHROPIC_ID].data || block[ASM__ANTHROPIC_NAME].data)) {
        asm__anthropic_tool(state, block, type, index, is_whole);
    } else if (asm__ingest_ends_with(type, ASM_STR("_tool_result")) && block[ASM__ANTHROPIC_CALL].data) {
        asm__anthropic_end_call(state, block[ASM__ANTHROPIC_CALL], block[ASM__ANTHROPIC_CONTENT],
                                block[ASM__ANTHROPIC_IS_ERROR]);
    } else if (asm_str_equal(type, ASM_STR("text"))) {
        asm__ingest_say(state, speaker, asm__ingest_text(state, block[ASM__ANTHROPIC_TEXT]));
    } else if (asm_str_equal(type, ASM_STR("thinking"))) {
        asm__ingest_think(state, speaker, asm__ingest_text(state, block[ASM__ANTHROPIC_THINKING]),
                          asm__ingest_absent());
        if (block[ASM__ANTHROPIC_SIGNATURE].size > 2)
            asm__api_keep_reasoning(state, speaker, ASM_STR("signature"), block[ASM__ANTHROPIC_SIGNATURE]);
    } else if (asm_str_equal(type, ASM_STR("redacted_thinking"))) {
        asm__api_keep_reasoning(state, speaker, ASM_STR("redacted_thinking"), block[ASM__ANTHROPIC_DATA]);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("content_block"), raw);
    }
}

static void asm__anthropic_delta(asm__ingest *state, asm_str raw, int64_t index) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", '-'), ASM__KEY("text", 's'),
                                           ASM__KEY("thinking", 's'), ASM__KEY("partial_json", 's'),
                                           ASM__KEY("signature", 's')};
    asm__ingest_speaker *speaker = asm__api_speaker(state);
    asm_str values[5];
    asm__ingest_others others;
    asm__ingest_read_object(state, raw, keys, values, 5, &others, NULL);
    asm__ingest_say(state, speaker, asm__ingest_text(state, values[1]));
    asm__ingest_think(state, speaker, asm__ingest_text(state, values[2]), asm__ingest_absent());
    asm__api_keep_reasoning(state, speaker, ASM_STR("signature"), values[4]);
    if (values[3].data && state->part_count)
        asm__api_add_input(state, asm__anthropic_part(state, index), asm__ingest_text(state, values[3]));
    else asm__ingest_leave(state, ASM_STR("partial_json"), values[3]);
}

/* The message object: whole, or as it is when the stream begins. */
static void asm__anthropic_message(asm__ingest *state, asm_str message, bool is_whole) {
    static const asm_str keys[] = {ASM__MEMBER("id"), ASM__MEMBER("model"), ASM__MEMBER("usage"),
                                   ASM__MEMBER("content"), ASM__MEMBER("stop_reason")};
    asm_str values[5], block;
    asm_json_reader blocks;
    asm__ingest_find_in_line(state, message, keys, values, 5);
    asm__api_begin(state, asm__ingest_string(state, values[1]), asm__ingest_string(state, values[0]));
    asm__anthropic_usage(state, values[2]);
    if (!is_whole) { /* the count of the output is a placeholder yet */
        state->main.usage.output_tokens.is_set = false;
        return;
    }
    blocks = asm__ingest_line_elements(state, values[3]);
    while (asm__ingest_next(&blocks, &block))
        asm__anthropic_block(state, block, -1, true);
    asm__api_complete(state, asm__ingest_string(state, values[4]));
}

static asm_result asm__anthropic_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),  ASM__MEMBER("message"), ASM__MEMBER("content_block"),
                                   ASM__MEMBER("delta"), ASM__MEMBER("usage"),   ASM__MEMBER("error"),
                                   ASM__MEMBER("index")};
    static const asm_str reason_key[] = {ASM__MEMBER("stop_reason")};
    asm_str values[7], type, reason[1];
    asm_optional_int64 at;
    int64_t index;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 7);
    type = asm__ingest_string(state, values[0]);
    at = asm__ingest_int64(values[6]);
    index = at.is_set ? at.value : -1;
    asm__ingest_begin_rest(state, line, type, asm__anthropic_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
    if (asm_str_equal(type, ASM_STR("message_start"))) {
        asm__anthropic_message(state, values[1], false);
    } else if (asm_str_equal(type, ASM_STR("message"))) {
        asm__anthropic_message(state, line, true);
    } else if (asm_str_equal(type, ASM_STR("content_block_start"))) {
        asm__anthropic_block(state, values[2], index, false);
    } else if (asm_str_equal(type, ASM_STR("content_block_delta"))) {
        asm__anthropic_delta(state, values[3], index);
    } else if (asm_str_equal(type, ASM_STR("content_block_stop"))) {
        asm__anthropic_stop(state, index);
    } else if (asm_str_equal(type, ASM_STR("message_delta"))) {
        asm__api_speaker(state);
        asm__anthropic_usage(state, values[4]);
        asm__ingest_find_in_line(state, values[3], reason_key, reason, 1);
        if (asm__ingest_is(reason[0], ASM_JSON_STRING))
            asm__ingest_keep(state, &state->stop_reason, asm__ingest_string(state, reason[0]));
        asm__ingest_keep_for_end(state);
    } else if (asm_str_equal(type, ASM_STR("message_stop"))) {
        asm__api_speaker(state);
        asm__api_complete(state, asm_buffer_text(&state->stop_reason));
    } else if (asm_str_equal(type, ASM_STR("ping"))) {
        state->ingest->counts.heartbeats++;
    } else if (values[5].data) {
        asm__api_error(state, values[5]);
    } else {
        return asm__api_unknown(state, type, line);
    }
    return ASM_OK;
}

/* Only message_stop ends an answer well. */
static void asm__anthropic_end(asm__ingest *state) {
    asm_buffer_clear(&state->stop_reason);
    asm__api_end(state);
}

static const asm__ingest_reader asm__anthropic_reader = {ASM__MEMBER("anthropic"), asm__anthropic_line,
                                                         asm__anthropic_end};
#define ASM__READER_ANTHROPIC &asm__anthropic_reader
#endif

/* >>ingest: openai
 *
 * POST /v1/chat/completions (platform.openai.com), and what others make of it: what is read is what has been seen of
 * llama.cpp, vLLM, Ollama, OpenRouter, DeepSeek and gateways.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_OPENAI

static void asm__openai_usage(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {
        ASM__MEMBER("prompt_tokens"),           ASM__MEMBER("completion_tokens"),
        ASM__MEMBER("prompt_tokens_details"),   ASM__MEMBER("completion_tokens_details"),
        ASM__MEMBER("prompt_cache_hit_tokens"), ASM__MEMBER("cost")};
    static const asm_str cached[] = {ASM__MEMBER("cached_tokens"), ASM__MEMBER("cache_write_tokens")};
    asm_usage_payload *usage = &asm__api_speaker(state)->usage;
    asm_str values[6], parts[2];
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return;
    asm__ingest_find_in_line(state, raw, keys, values, 6);
    usage->input_tokens = asm__ingest_int64(values[0]);
    usage->output_tokens = asm__ingest_int64(values[1]);
    asm__ingest_find_in_line(state, values[2], cached, parts, 2);
    usage->cache_read_tokens = asm__ingest_int64(parts[0].data ? parts[0] : values[4]);
    usage->cache_creation_tokens = asm__ingest_int64(parts[1]);
    usage->reasoning_tokens = asm__ingest_int64(asm__ingest_find_one(values[3], ASM_STR("reasoning_tokens")));
    usage->cost_usd = asm__ingest_double(values[5]);
    asm__ingest_keep(state, &state->main.usage_object, asm__ingest_json(state, raw, ASM_JSON_OBJECT));
}

/* The call that a piece seems to belong to. An id that is known wins over the index, which may be wrong; a piece without
 * either goes to the call that was opened last, as does one of an index that nobody has, if that call is not whole. */
static asm__ingest_part *asm__openai_find_part(asm__ingest *state, asm_str id, asm_optional_int64 index) {
    asm__ingest_part *last = state->part_count ? &state->parts[state->part_count - 1] : NULL;
    asm__ingest_part *same_id = NULL;
    size_t i;
    if (!id.size && !index.is_set) return last;
    for (i = state->part_count; i > 0; i--) {
        asm__ingest_part *part = &state->parts[i - 1];
        const bool is_index = index.is_set && part->index == index.value;
        const bool is_id = id.size && asm_str_equal(asm_buffer_text(&part->id), id);
        if (is_index && (is_id || !id.size || !part->id.size)) return part;
        if (is_id && !same_id) same_id = part;
    }
    return id.size ? same_id : last && !last->is_closed ? last : NULL;
}

/* Whether a piece with a name begins another call than the one that it seems to belong to: servers give calls the same
 * id, or the same index and none. A whole call may be followed by its own head once more: that is a repeat. */
static bool asm__openai_is_next(const asm__ingest_part *part, asm_optional_int64 index, asm_str name) {
    if (!name.size || !part->name.size) return false;
    return part->is_closed || (index.is_set && part->index >= 0 && part->index != index.value);
}

/* Follows the braces of the arguments. */
static void asm__openai_follow(asm__ingest_part *part, asm_str piece) {
    size_t i;
    for (i = 0; i < piece.size; i++) {
        const char c = piece.data[i];
        if (part->is_escaped) {
            part->is_escaped = false;
        } else if (part->in_string) {
            part->is_escaped = c == '\\';
            part->in_string = c != '"';
        } else if (c == '"') {
            part->in_string = true;
        } else if (c == '{' || c == '[') {
            part->depth++;
        } else if ((c == '}' || c == ']') && part->depth) {
            part->is_closed = --part->depth == 0;
        }
    }
}

/* A call, or a piece of one; in a whole message each is a call. */
static void asm__openai_call(asm__ingest *state, asm_str raw, bool is_whole) {
    static const asm_str keys[] = {ASM__MEMBER("index"), ASM__MEMBER("id"), ASM__MEMBER("function")};
    static const asm_str function_keys[] = {ASM__MEMBER("name"), ASM__MEMBER("arguments")};
    asm_str values[3], function[2], id, name, piece = {NULL, 0};
    asm_optional_int64 index;
    asm__ingest_part *part = NULL;
    bool is_repeat = false;
    asm__ingest_find_in_line(state, raw, keys, values, 3);
    asm__ingest_find_in_line(state, values[2], function_keys, function, 2);
    index = asm__ingest_int64(values[0]);
    id = asm__ingest_string(state, values[1]);
    name = asm__ingest_string(state, function[0]);
    if (asm__ingest_is(function[1], ASM_JSON_STRING)) piece = asm__ingest_text(state, function[1]);
    else if (asm__ingest_is(function[1], ASM_JSON_OBJECT)) piece = function[1];
    if (!is_whole) part = asm__openai_find_part(state, id, index);
    if (part && asm__openai_is_next(part, index, name)) {
        is_repeat = !piece.size && (!index.is_set || part->index == index.value) &&
                    asm_str_equal(asm_buffer_text(&part->name), name);
        part = NULL;
    }
    if (!part && !is_whole && !id.size && !name.size && !piece.size) return;
    if (!part) {
        part = asm__api_new_part(state, index.is_set ? index.value : -1, id);
        if (!part) return;
        part->is_repeat = is_repeat;
    }
    if (id.size && !part->id.size) asm__ingest_keep(state, &part->id, id);
    if (!asm_str_equal(asm_buffer_text(&part->name), name)) asm__ingest_append(state, &part->name, name);
    if (piece.size) asm__api_add_input(state, part, piece);
    asm__openai_follow(part, piece);
}

/* A text, or a list of parts that have one. */
static void asm__openai_content(asm__ingest *state, asm__ingest_speaker *speaker, asm_str raw) {
    if (asm__ingest_is(raw, ASM_JSON_ARRAY)) {
        bool has_blobs = false;
        asm__ingest_say(state, speaker, asm__ingest_block_texts(state, raw, &has_blobs));
    } else {
        asm__ingest_say(state, speaker, asm__ingest_text(state, raw));
    }
}

/* A delta, or a whole message, which has the same members. */
static void asm__openai_delta(asm__ingest *state, asm_str raw, bool is_whole) {
    static const asm__ingest_key keys[] = {
        ASM__KEY("content", '*'),          ASM__KEY("reasoning_content", 's'), ASM__KEY("reasoning", 's'),
        ASM__KEY("refusal", 's'),          ASM__KEY("tool_calls", 'a'),        ASM__KEY("role", '-'),
        ASM__KEY("reasoning_details", 'a')};
    asm__ingest_speaker *speaker = asm__api_speaker(state);
    asm_str values[7], element;
    asm__ingest_others others;
    asm_json_reader calls;
    if (!asm__ingest_read_object(state, raw, keys, values, 7, &others, NULL)) return;
    asm__ingest_think(state, speaker, asm__ingest_text(state, values[1].data ? values[1] : values[2]),
                      asm__ingest_absent());
    asm__api_keep_reasoning(state, speaker, ASM_STR("reasoning_details"), values[6]);
    asm__openai_content(state, speaker, values[0]);
    if (values[3].size > 2) {
        asm__ingest_say(state, speaker, asm__ingest_text(state, values[3]));
        asm__ingest_keep(state, &state->stop_reason, ASM_STR("refusal"));
    }
    calls = asm__ingest_line_elements(state, values[4]);
    while (asm__ingest_next(&calls, &element))
        asm__openai_call(state, element, is_whole);
}

static void asm__openai_choice(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("index"), ASM__MEMBER("delta"), ASM__MEMBER("message"),
                                   ASM__MEMBER("finish_reason"), ASM__MEMBER("error")};
    asm_str values[5], reason;
    asm__ingest_find_in_line(state, raw, keys, values, 5);
    if (asm__ingest_int64(values[0]).value != 0) {
        asm__ingest_emit_odd(state, ASM_STR("choice"), ASM_STR("choice"), raw);
        return;
    }
    asm__openai_delta(state, values[1].data ? values[1] : values[2], !values[1].data);
    reason = asm__ingest_string(state, values[3]);
    if (reason.size && state->stop_reason.size == 0) asm__ingest_keep(state, &state->stop_reason, reason);
    if (values[4].data && asm_str_equal(reason, ASM_STR("error"))) asm__api_error(state, values[4]);
}

static const char *const asm__openai_first_shape[] = {
    "id:s model:s object:s error:* usage{prompt_tokens:i completion_tokens:i total_tokens:i "
    "prompt_tokens_details{cached_tokens:i cache_write_tokens:i} "
    "completion_tokens_details{reasoning_tokens:i} prompt_cache_hit_tokens:i cost:n} choices[index:n "
    "finish_reason:s error:* delta{content:s content[type=text text:s | text:s] reasoning_content:s "
    "reasoning:s refusal:s role:s reasoning_details:a tool_calls[index:n id:s type:s function{name:s "
    "arguments:s arguments:o}]} message{content:s content[type=text text:s | text:s] reasoning_content:s "
    "reasoning:s refusal:s role:s reasoning_details:a tool_calls[index:n id:s type:s function{name:s "
    "arguments:s arguments:o}]}]",
    NULL};

/* The chunks after the first repeat what that one says of the answer. */
static const char *const asm__openai_shape[] = {
    "id:s model:s object:s created:n system_fingerprint:s service_tier:s provider:s error:* "
    "usage{prompt_tokens:i completion_tokens:i total_tokens:i prompt_tokens_details{cached_tokens:i "
    "cache_write_tokens:i} completion_tokens_details{reasoning_tokens:i} prompt_cache_hit_tokens:i cost:n} "
    "choices[index:n finish_reason:s error:* delta{content:s content[type=text text:s | text:s] "
    "reasoning_content:s reasoning:s refusal:s role:s reasoning_details:a tool_calls[index:n id:s type:s "
    "function{name:s arguments:s arguments:o}]} message{content:s content[type=text text:s | text:s] "
    "reasoning_content:s reasoning:s refusal:s role:s reasoning_details:a tool_calls[index:n id:s type:s "
    "function{name:s arguments:s arguments:o}]}]",
    NULL};

static asm_result asm__openai_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("id"),    ASM__MEMBER("model"), ASM__MEMBER("choices"),
                                   ASM__MEMBER("usage"), ASM__MEMBER("error"), ASM__MEMBER("object")};
    asm_str values[6], id, choice;
    asm_json_reader choices;
    bool is_whole, is_first;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 6);
    id = asm__ingest_string(state, values[0]);
    is_first = !state->run_open || !state->main.has_message ||
               (id.size && state->main.message_id.size &&
                !asm_str_equal(id, asm_buffer_text(&state->main.message_id)));
    if (values[2].data || values[3].data || values[4].data)
        asm__ingest_begin_rest(state, line, ASM_STR("chunk"),
                               is_first ? asm__openai_first_shape : asm__openai_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
    if (values[4].data && !asm__ingest_is(values[4], ASM_JSON_NULL)) {
        asm__api_error(state, values[4]);
        return ASM_OK;
    }
    if (!values[2].data && !values[3].data) return asm__api_unknown(state, asm__ingest_absent(), line);
    is_whole = asm_str_equal(values[5], ASM_STR("\"chat.completion\""));
    if (is_first) asm__api_begin(state, asm__ingest_string(state, values[1]), id);
    choices = asm__ingest_line_elements(state, values[2]);
    while (state->run_open && asm__ingest_next(&choices, &choice))
        asm__openai_choice(state, choice);
    if (!state->run_open) return ASM_OK;
    asm__openai_usage(state, values[3]);
    asm__ingest_keep_for_end(state);
    if (is_whole) asm__api_complete(state, asm_buffer_text(&state->stop_reason));
    return ASM_OK;
}

static const asm__ingest_reader asm__openai_reader = {ASM__MEMBER("openai"), asm__openai_line, asm__api_end};
#define ASM__READER_OPENAI &asm__openai_reader
#endif

/* >>ingest: responses
 *
 * POST /v1/responses (platform.openai.com), as a stream or as one body. A call is matched by its call_id; what streams
 * of it is for show only: the item that is done counts.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_RESPONSES

static void asm__responses_usage(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("input_tokens"), ASM__MEMBER("output_tokens"),
                                   ASM__MEMBER("input_tokens_details"), ASM__MEMBER("output_tokens_details")};
    static const asm_str cached[] = {ASM__MEMBER("cached_tokens"), ASM__MEMBER("cache_write_tokens")};
    static const asm_str reasoning[] = {ASM__MEMBER("reasoning_tokens")};
    asm_usage_payload *usage = &state->main.usage;
    asm_str values[4], parts[2];
    if (!asm__ingest_is(raw, ASM_JSON_OBJECT)) return;
    asm__ingest_find_in_line(state, raw, keys, values, 4);
    usage->input_tokens = asm__ingest_int64(values[0]);
    usage->output_tokens = asm__ingest_int64(values[1]);
    asm__ingest_find_in_line(state, values[2], cached, parts, 2);
    usage->cache_read_tokens = asm__ingest_int64(parts[0]);
    usage->cache_creation_tokens = asm__ingest_int64(parts[1]);
    asm__ingest_find_in_line(state, values[3], reasoning, parts, 1);
    usage->reasoning_tokens = asm__ingest_int64(parts[0]);
    asm__ingest_keep(state, &state->main.usage_object, asm__ingest_json(state, raw, ASM_JSON_OBJECT));
}

/* The texts of a message item that did not come in pieces. */
static void asm__responses_message(asm__ingest *state, asm_str content) {
    static const asm_str keys[] = {ASM__MEMBER("text"), ASM__MEMBER("refusal")};
    asm__ingest_speaker *speaker = asm__api_speaker(state);
    asm_json_reader parts = asm__ingest_line_elements(state, content);
    asm_str part, values[2];
    if (speaker->text.size) return;
    while (asm__ingest_next(&parts, &part)) {
        asm__ingest_find_in_line(state, part, keys, values, 2);
        asm__ingest_say(state, speaker, asm__ingest_text(state, values[0].data ? values[0] : values[1]));
    }
}

/* Goes on with the message `id` of the response. */
static void asm__responses_enter(asm__ingest *state, asm_str id) {
    const asm_usage_payload usage = asm__api_speaker(state)->usage;
    asm_buffer model = state->main.model;
    if (!id.size || asm_str_equal(id, asm_buffer_text(&state->main.message_id))) return;
    if (!state->main.text.size) { /* nothing was said under the response's own id */
        asm__ingest_keep(state, &state->main.message_id, id);
        return;
    }
    state->main.partial = false;
    asm_buffer_init_growing(&state->main.model);
    asm__ingest_enter_message(state, &state->main, id);
    asm_buffer_close(&state->main.model);
    state->main.model = model;
    state->main.usage = usage;
    state->main.partial = state->main.streamed = true;
}

enum {
    ASM__RESPONSES_TYPE,
    ASM__RESPONSES_ID,
    ASM__RESPONSES_CALL_ID,
    ASM__RESPONSES_NAME,
    ASM__RESPONSES_ARGUMENTS,
    ASM__RESPONSES_CONTENT,
    ASM__RESPONSES_ENCRYPTED,
    ASM__RESPONSES_SUMMARY,
    ASM__RESPONSES_ITEM_COUNT
};

/* An item that is done. */
static void asm__responses_item(asm__ingest *state, asm_str raw) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", 's'),
                                           ASM__KEY("id", 's'),
                                           ASM__KEY("call_id", 's'),
                                           ASM__KEY("name", 's'),
                                           ASM__KEY("arguments", 's'),
                                           ASM__KEY("content", 'a'),
                                           ASM__KEY("encrypted_content", 's'),
                                           ASM__KEY("summary", 'a')};
    asm_str item[ASM__RESPONSES_ITEM_COUNT], type;
    asm__ingest_others others;
    if (!asm__ingest_read_object(state, raw, keys, item, ASM__RESPONSES_ITEM_COUNT, &others, NULL)) return;
    type = asm__ingest_string(state, item[ASM__RESPONSES_TYPE]);
    if (asm_str_equal(type, ASM_STR("message"))) {
        asm__responses_enter(state, asm__ingest_string(state, item[ASM__RESPONSES_ID]));
        asm__responses_message(state, item[ASM__RESPONSES_CONTENT]);
    } else if (asm_str_equal(type, ASM_STR("function_call"))) {
        asm__api_call(state, ASM_EVENT_TOOL_CALL_IDENTIFIED,
                      asm__ingest_string(state, item[ASM__RESPONSES_CALL_ID]),
                      asm__ingest_string(state, item[ASM__RESPONSES_NAME]),
                      asm__ingest_text(state, item[ASM__RESPONSES_ARGUMENTS]));
    } else if (asm_str_equal(type, ASM_STR("reasoning"))) {
        asm__api_keep_reasoning(state, asm__api_speaker(state), ASM_STR("reasoning_item"), raw);
    } else {
        asm__ingest_emit_odd(state, type, ASM_STR("item"), raw);
    }
}

/* The response object at its end. */
static void asm__responses_end(asm__ingest *state, asm_str response) {
    static const asm_str keys[] = {ASM__MEMBER("status"), ASM__MEMBER("usage"), ASM__MEMBER("error"),
                                   ASM__MEMBER("incomplete_details")};
    static const asm_str reason_key[] = {ASM__MEMBER("reason")};
    asm_str values[4], reason[1];
    asm__ingest_find_in_line(state, response, keys, values, 4);
    asm__api_speaker(state);
    asm__responses_usage(state, values[1]);
    if (asm_str_equal(values[0], ASM_STR("\"failed\""))) {
        asm__api_error(state, values[2]);
        return;
    }
    if (asm_str_equal(values[0], ASM_STR("\"cancelled\""))) {
        asm_event event = asm__ingest_event(ASM_EVENT_RUN_CANCELLED);
        asm__ingest_finish_message(state, &state->main, true);
        state->main.has_message = false;
        asm__ingest_end_run(state, &event);
        return;
    }
    if (asm_str_equal(values[0], ASM_STR("\"queued\"")) ||
        asm_str_equal(values[0], ASM_STR("\"in_progress\"")))
        return; /* a body that is not the answer yet */
    asm__ingest_find_in_line(state, values[3], reason_key, reason, 1);
    asm__api_complete(state, reason[0].data ? asm__ingest_string(state, reason[0]) : ASM_STR("end_turn"));
}

static void asm__responses_begin(asm__ingest *state, asm_str response) {
    static const asm_str keys[] = {ASM__MEMBER("model"), ASM__MEMBER("id")};
    asm_str values[2];
    asm__ingest_find_in_line(state, response, keys, values, 2);
    asm__api_begin(state, asm__ingest_string(state, values[0]), asm__ingest_string(state, values[1]));
}

static bool asm__responses_is_for_show(asm_str type) {
    static const asm_str ends[] = {
        ASM__MEMBER(".in_progress"),       ASM__MEMBER(".queued"),         ASM__MEMBER(".added"),
        ASM__MEMBER("_text.done"),         ASM__MEMBER("_part.done"),      ASM__MEMBER("refusal.done"),
        ASM__MEMBER("_arguments.delta"),   ASM__MEMBER("_arguments.done"), ASM__MEMBER("_input.delta"),
        ASM__MEMBER("_input.done"),        ASM__MEMBER("_call.searching"), ASM__MEMBER("_call.completed"),
        ASM__MEMBER("_call.interpreting"), ASM__MEMBER("_call.generating")};
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(ends); i++)
        if (asm__ingest_ends_with(type, ends[i])) return true;
    return false;
}

static const char *const asm__responses_shape[] = {
    "type=response.created sequence_number:n response{id:s object:s model:s status:s}",
    "type=response.output_text.delta sequence_number:n item_id:s output_index:n content_index:n delta:s "
    "obfuscation:s",
    "type=response.refusal.delta sequence_number:n item_id:s output_index:n content_index:n delta:s "
    "obfuscation:s",
    "type=response.reasoning_text.delta sequence_number:n item_id:s output_index:n content_index:n delta:s "
    "obfuscation:s",
    "type=response.reasoning_summary_text.delta sequence_number:n item_id:s output_index:n summary_index:n "
    "delta:s obfuscation:s",
    "type=response.output_item.done sequence_number:n output_index:n item{type=message id:s role:s status:s "
    "content[type=output_text text:s | type=refusal refusal:s] | type=function_call id:s call_id:s name:s "
    "arguments:s | type:s *:*}",
    "type=response.completed sequence_number:n response{id:s object:s created_at:n model:s status:s "
    "background:b instructions:* max_output_tokens:n max_tool_calls:n metadata:o parallel_tool_calls:b "
    "previous_response_id:s prompt:o prompt_cache_key:s reasoning:o safety_identifier:s service_tier:s "
    "store:b temperature:n text:o tool_choice:* tools:a top_logprobs:n top_p:n truncation:s user:s output:a "
    "error:* incomplete_details{reason:s} usage{input_tokens:i output_tokens:i total_tokens:i "
    "input_tokens_details{cached_tokens:i cache_write_tokens:i} output_tokens_details{reasoning_tokens:i}}}",
    "type=response.incomplete sequence_number:n response{id:s object:s created_at:n model:s status:s "
    "background:b instructions:* max_output_tokens:n max_tool_calls:n metadata:o parallel_tool_calls:b "
    "previous_response_id:s prompt:o prompt_cache_key:s reasoning:o safety_identifier:s service_tier:s "
    "store:b temperature:n text:o tool_choice:* tools:a top_logprobs:n top_p:n truncation:s user:s output:a "
    "error:* incomplete_details{reason:s} usage{input_tokens:i output_tokens:i total_tokens:i "
    "input_tokens_details{cached_tokens:i cache_write_tokens:i} output_tokens_details{reasoning_tokens:i}}}",
    "type=response.failed sequence_number:n response{id:s object:s created_at:n model:s status:s "
    "background:b instructions:* max_output_tokens:n max_tool_calls:n metadata:o parallel_tool_calls:b "
    "previous_response_id:s prompt:o prompt_cache_key:s reasoning:o safety_identifier:s service_tier:s "
    "store:b temperature:n text:o tool_choice:* tools:a top_logprobs:n top_p:n truncation:s user:s output:a "
    "error:* incomplete_details{reason:s} usage{input_tokens:i output_tokens:i total_tokens:i "
    "input_tokens_details{cached_tokens:i cache_write_tokens:i} output_tokens_details{reasoning_tokens:i}}}",
    "type=error *:*",
    "object=response id:s model:s status:s usage{input_tokens:i output_tokens:i total_tokens:i "
    "input_tokens_details{cached_tokens:i cache_write_tokens:i} output_tokens_details{reasoning_tokens:i}} "
    "error:* incomplete_details{reason:s} output[type=message id:s role:s status:s content[type=output_text "
    "text:s | type=refusal refusal:s] | type=function_call id:s call_id:s name:s arguments:s | type:s *:*]",
    "type:s sequence_number:n item_id:s output_index:n content_index:n summary_index:n response:o item:o "
    "part:o delta:s text:s refusal:s arguments:s input:s name:s obfuscation:s error:*",
    NULL};

static asm_result asm__responses_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"),   ASM__MEMBER("response"), ASM__MEMBER("item"),
                                   ASM__MEMBER("delta"),  ASM__MEMBER("item_id"),  ASM__MEMBER("object"),
                                   ASM__MEMBER("output"), ASM__MEMBER("error")};
    asm_str values[8], type, item;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 8);
    type = asm__ingest_string(state, values[0]);
    asm__ingest_begin_rest(state, line, type, asm__responses_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
    if (asm_str_equal(values[5], ASM_STR("\"response\""))) { /* one body */
        asm_json_reader items = asm__ingest_line_elements(state, values[6]);
        asm__responses_begin(state, line);
        while (asm__ingest_next(&items, &item))
            asm__responses_item(state, item);
        asm__responses_end(state, line);
    } else if (asm_str_equal(type, ASM_STR("response.created"))) {
        asm__responses_begin(state, values[1]);
    } else if (asm_str_equal(type, ASM_STR("response.output_text.delta")) ||
               asm_str_equal(type, ASM_STR("response.refusal.delta"))) {
        asm__responses_enter(state, asm__ingest_string(state, values[4]));
        asm__ingest_say(state, &state->main, asm__ingest_text(state, values[3]));
    } else if (asm_str_equal(type, ASM_STR("response.reasoning_summary_text.delta")) ||
               asm_str_equal(type, ASM_STR("response.reasoning_text.delta"))) {
        asm__ingest_think(state, asm__api_speaker(state), asm__ingest_text(state, values[3]),
                          asm__ingest_absent());
    } else if (asm_str_equal(type, ASM_STR("response.output_item.done"))) {
        asm__responses_item(state, values[2]);
    } else if (asm_str_equal(type, ASM_STR("response.completed")) ||
               asm_str_equal(type, ASM_STR("response.incomplete")) ||
               asm_str_equal(type, ASM_STR("response.failed"))) {
        asm__responses_end(state, values[1]);
    } else if (asm_str_equal(type, ASM_STR("error")) || values[7].size > 4) {
        asm__api_error(state, asm_str_equal(type, ASM_STR("error")) ? line : values[7]);
    } else if (asm__responses_is_for_show(type)) {
        state->ingest->counts.heartbeats++;
    } else {
        asm_buffer_clear(&state->rest);
        return asm__api_unknown(state, type, line);
    }
    asm__ingest_keep_for_end(state);
    return ASM_OK;
}

static const asm__ingest_reader asm__responses_reader = {ASM__MEMBER("responses"), asm__responses_line,
                                                         asm__api_end};
#define ASM__READER_RESPONSES &asm__responses_reader
#endif

/* >>ingest: ollama
 *
 * POST /api/chat (docs.ollama.com): one JSON object per line.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_OLLAMA

static void asm__ollama_call(asm__ingest *state, asm_str raw) {
    static const asm_str keys[] = {ASM__MEMBER("id"), ASM__MEMBER("function")};
    static const asm_str function_keys[] = {ASM__MEMBER("name"), ASM__MEMBER("arguments")};
    asm_str values[2], function[2], input;
    asm__ingest_find_in_line(state, raw, keys, values, 2);
    asm__ingest_find_in_line(state, values[1], function_keys, function, 2);
    input = asm__ingest_is(function[1], ASM_JSON_STRING) ? asm__ingest_text(state, function[1]) : function[1];
    asm__api_call(state, ASM_EVENT_TOOL_CALL_IDENTIFIED, asm__ingest_string(state, values[0]),
                  asm__ingest_string(state, function[0]), input);
}

static const char *const asm__ollama_shape[] = {
    "model:s created_at:s done:b done_reason:s prompt_eval_count:i eval_count:i response:s error:* "
    "message{role:s content:s thinking:s tool_calls[id:s type:s function{name:s arguments:s arguments:o}]}",
    NULL};

static asm_result asm__ollama_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {
        ASM__MEMBER("model"),      ASM__MEMBER("created_at"),  ASM__MEMBER("message"),
        ASM__MEMBER("done"),       ASM__MEMBER("done_reason"), ASM__MEMBER("prompt_eval_count"),
        ASM__MEMBER("eval_count"), ASM__MEMBER("error"),       ASM__MEMBER("response")};
    static const asm_str message_keys[] = {ASM__MEMBER("content"), ASM__MEMBER("thinking"),
                                           ASM__MEMBER("tool_calls")};
    asm_str values[9], message[3], call, reason;
    asm__ingest_speaker *speaker;
    asm_json_reader calls;
    bool is_done = false;
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 9);
    if (values[2].data || values[3].data || values[7].data)
        asm__ingest_begin_rest(state, line, ASM_STR("chunk"), asm__ollama_shape);
    asm__ingest_set_line(state, asm__ingest_absent(), values[1], asm__ingest_absent());
    if (values[7].data) {
        asm__api_error(state, values[7]);
        return ASM_OK;
    }
    if (!values[2].data && !values[3].data) return asm__api_unknown(state, asm__ingest_absent(), line);
    if (!state->run_open || !state->main.has_message)
        asm__api_begin(state, asm__ingest_string(state, values[0]), asm__ingest_absent());
    speaker = &state->main;
    asm__ingest_find_in_line(state, values[2], message_keys, message, 3);
    asm__ingest_think(state, speaker, asm__ingest_text(state, message[1]), asm__ingest_absent());
    /* /api/generate has the text beside, not in a message */
    asm__ingest_say(state, speaker, asm__ingest_text(state, message[0].data ? message[0] : values[8]));
    calls = asm__ingest_line_elements(state, message[2]);
    while (asm__ingest_next(&calls, &call))
        asm__ollama_call(state, call);
    if (!asm_json_to_bool(values[3], &is_done) || !is_done) return ASM_OK;
    speaker->usage.input_tokens = asm__ingest_int64(values[5]);
    speaker->usage.output_tokens = asm__ingest_int64(values[6]);
    reason = asm__ingest_string(state, values[4]);
    asm__api_complete(state, reason);
    return ASM_OK;
}

static const asm__ingest_reader asm__ollama_reader = {ASM__MEMBER("ollama"), asm__ollama_line, asm__api_end};
#define ASM__READER_OLLAMA &asm__ollama_reader
#endif

/* >>ingest: ag-ui
 *
 * AG-UI 1.0 (docs.ag-ui.com), as server-sent events or one event per line. What no event has a place for is in `extra`, as
 * "ag_ui": {TYPE: {MEMBER: VALUE}}: asm_wire.h writes the same stream from that. A stream that asm_wire.h wrote shows it by
 * the metadata "asm" of its RUN_STARTED: its ids lose what was put before them, and its CUSTOM events are what they were.
 */
#if ASM_INGEST_FORMATS & ASM_WITH_AG_UI

enum {
    ASM__AGUI_MEMBERS = 6, /* at most, that a type asks for */

    /* kinds of parts */
    ASM__AGUI_CALL = 0, /* from its start to its end */
    ASM__AGUI_CHUNKS,   /* a call that comes as TOOL_CALL_CHUNK */
    ASM__AGUI_SOMEBODY, /* a message that is not the agent's */
    ASM__AGUI_THOUGHT   /* reasoning of a sub-agent */
};

/* A line. */
typedef struct asm__agui_in {
    asm_str type;
    asm_str line;
    asm_str parent;                    /* the call whose sub-agent it is of */
    asm_str meta;                      /* what asm_wire.h says of it, in its metadata */
    asm_str values[ASM__AGUI_MEMBERS]; /* as its type asks for them */
    asm__ingest_others others;
} asm__agui_in;

typedef struct asm__agui_in_type {
    const char *name;
    bool is_owned;
    void (*take)(asm__ingest *state, asm__agui_in *in);
    asm__ingest_key keys[ASM__AGUI_MEMBERS];
} asm__agui_in_type;

/* A member that was asked for, as one that has no place. */
static void asm__agui_in_put_back(asm__ingest *state, asm__agui_in *in, asm_str key, asm_str value) {
    if (!value.data) return;
    if (in->others.end != state->other_count) in->others.begin = in->others.end = state->other_count;
    asm__ingest_add_other(state, key, false, value);
    in->others.end = state->other_count;
}

static void asm__agui_in_write_others(asm__ingest *state, asm_json_writer *writer,
                                      asm__ingest_others others) {
    size_t i;
    for (i = others.begin; i < others.end; i++) {
        if (asm__ingest_is_repeated(state, i, others)) continue;
        if (!asm__ingest_fits_below(state, state->others[i].value, 6)) {
            asm__ingest_diagnose(state, true, ASM_ERR_DEPTH, "a value is nested too deep for an event", 0);
            continue;
        }
        asm_json_write_key(writer, asm__ingest_other_key(state, &state->others[i]));
        asm__ingest_write_raw(state, writer, state->others[i].value);
    }
}

/* `value`, or the line's members that have no place, as {"ag_ui":{TYPE:VALUE}}. */
static asm_str asm__agui_in_wrap(asm__ingest *state, const asm__agui_in *in, asm_str value) {
    asm_json_writer writer;
    asm_buffer_clear(&state->extra);
    asm_json_writer_init(&writer, &state->extra);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("ag_ui"));
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, in->type);
    if (value.data) {
        asm__ingest_write_raw(state, &writer, value);
    } else {
        asm_json_begin_object(&writer);
        asm__agui_in_write_others(state, &writer, in->others);
        asm_json_end_object(&writer);
    }
    asm_json_end_object(&writer);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK) return asm_buffer_text(&state->extra);
    state->extra.result = ASM_OK;
    state->failed = true;
    return asm__ingest_absent();
}

/* The members that have no place, as the extra of an event; absent without any. */
static asm_str asm__agui_in_more(asm__ingest *state, const asm__agui_in *in) {
    return in->others.begin == in->others.end ? asm__ingest_absent()
                                              : asm__agui_in_wrap(state, in, asm__ingest_absent());
}

/* An id without what asm_wire.h puts before it: a word, and the run's id. */
static asm_str asm__agui_in_id(asm__ingest *state, asm_str raw, asm_str word) {
    const asm_str run = asm_buffer_text(&state->run);
    asm_str id = asm__ingest_string(state, raw);
    if (!state->is_wire) return id;
    if (word.size && asm__ingest_starts_with(id, word))
        id = asm_str_make(id.data + word.size, id.size - word.size);
    if (id.size > run.size + 1 && asm__ingest_starts_with(id, run) && id.data[run.size] == ':')
        id = asm_str_make(id.data + run.size + 1, id.size - run.size - 1);
    return id;
}

/* That of a message; one that asm_wire.h made up of a number is none. */
static asm_str asm__agui_in_message_id(asm__ingest *state, asm_str raw, asm_str word) {
    const asm_str id = asm__agui_in_id(state, raw, word);
    return state->is_wire && asm__ingest_starts_with(id, ASM_STR("m:")) ? asm__ingest_absent() : id;
}

/* The call that the sub-agent serves; without one, the sub-agent's own id. */
static asm_str asm__agui_in_call_of(asm__ingest *state, asm_str raw) {
    const asm_str id = asm__agui_in_id(state, raw, ASM_STR(""));
    const asm__ingest_call *call = asm__ingest_find_task(state, id);
    return call ? asm__ingest_call_id(call) : id;
}

static asm__ingest_part *asm__agui_in_part(asm__ingest *state, int64_t kind, asm_str id) {
    size_t i;
    for (i = 0; i < state->part_count; i++)
        if (state->parts[i].index == kind && asm_str_equal(asm_buffer_text(&state->parts[i].id), id))
            return &state->parts[i];
    return NULL;
}

static void asm__agui_in_forget_part(asm__ingest *state, asm__ingest_part *part) {
    const asm__ingest_part gone = *part;
    memmove(part, part + 1, (size_t)(state->parts + --state->part_count - part) * sizeof *part);
    state->parts[state->part_count] = gone;
}

static asm__ingest_speaker *asm__agui_in_speaker(asm__ingest *state, const asm__agui_in *in, asm_str id) {
    asm__ingest_speaker *speaker;
    asm__ingest_need_run(state, asm__ingest_absent());
    speaker = asm__ingest_speaker_of(state, in->parent);
    asm__ingest_enter_message(state, speaker, id);
    speaker->partial = speaker->streamed = true;
    return speaker;
}

static void asm__agui_in_text_start(asm__ingest *state, asm__agui_in *in) {
    const asm_str role = asm__ingest_string(state, in->values[1]),
                  id = asm__agui_in_message_id(state, in->values[0], asm__ingest_absent());
    asm__ingest_need_run(state, asm__ingest_absent());
    if (role.size && !asm_str_equal(role, ASM_STR("assistant"))) {
        asm__ingest_part *part = asm__api_new_part(state, ASM__AGUI_SOMEBODY, id);
        if (!part) return;
        asm__ingest_keep(state, &part->name, role);
        asm__ingest_keep(state, &part->parent, in->parent);
        asm__ingest_keep(state, &part->pieces, asm__agui_in_more(state, in));
        return;
    }
    if (!state->is_wire && !role.data) asm__agui_in_put_back(state, in, ASM_STR("role"), ASM_STR("null"));
    asm__ingest_say_with(state, asm__agui_in_speaker(state, in, id), ASM_STR(""),
                         asm__agui_in_more(state, in));
}

static void asm__agui_in_text(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_message_id(state, in->values[0], asm__ingest_absent()),
                  delta = asm__ingest_string(state, in->values[1]);
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_SOMEBODY, id);
    if (part) asm__api_add_input(state, part, delta);
    else
        asm__ingest_say_with(state, asm__agui_in_speaker(state, in, id), delta, asm__agui_in_more(state, in));
}

/* What somebody else said, whole. */
static void asm__agui_in_tell_somebody(asm__ingest *state, asm__agui_in *in, asm__ingest_part *part) {
    asm_event event = asm__ingest_event(ASM_EVENT_MESSAGE_SENT);
    event.message.content = asm_buffer_text(&part->input);
    event.message.role = asm_buffer_text(&part->name);
    if (part->id.size) event.message.message_id = asm_buffer_text(&part->id);
    if (part->parent.size) event.message.parent_tool_call_id = asm_buffer_text(&part->parent);
    event.message.origin = asm__ingest_find_text(state, in->meta, ASM_STR("origin"));
    if (asm_str_equal(asm__ingest_find_one(in->meta, ASM_STR("synthetic")), ASM_STR("true")))
        event.message.synthetic = asm__ingest_true();
    event.extra = asm__agui_in_more(state, in);
    if (part->pieces.size && event.extra.size) { /* {"ag_ui":{A}} and {"ag_ui":{B}} */
        part->pieces.size -= 2;
        asm__ingest_append(state, &part->pieces, ASM_STR(","));
        asm__ingest_append(state, &part->pieces, asm__ingest_from(event.extra, sizeof "{\"ag_ui\":{" - 1));
    }
    if (part->pieces.size) event.extra = asm_buffer_text(&part->pieces);
    asm__ingest_emit(state, &event);
    asm__agui_in_forget_part(state, part);
}

static void asm__agui_in_text_end(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_message_id(state, in->values[0], asm__ingest_absent());
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_SOMEBODY, id);
    asm__ingest_speaker *speaker;
    if (part) {
        asm__agui_in_tell_somebody(state, in, part);
        return;
    }
    speaker = asm__agui_in_speaker(state, in, id);
    speaker->partial = false;
    speaker->aborted = asm_str_equal(asm__ingest_find_one(in->meta, ASM_STR("incomplete")), ASM_STR("true"));
    if (!speaker->text.size && !speaker->text_lost && !state->is_wire) {
        asm_event event = asm__ingest_message(ASM_EVENT_MESSAGE_RECEIVED, ASM_STR(""), id, in->parent);
        event.extra = asm__agui_in_more(state, in);
        asm__ingest_emit(state, &event);
        speaker->finished = true;
    } else {
        asm__ingest_keep(state, &speaker->others, asm__agui_in_more(state, in));
        asm__ingest_finish_message(state, speaker, false);
    }
    speaker->has_message = false;
}

/* A piece of a message that says itself what it is of; the first one says it all. */
static void asm__agui_in_text_chunk(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__ingest_string(state, in->values[0]);
    asm__ingest_speaker *speaker;
    asm__agui_in_put_back(state, in, ASM_STR("messageId"), in->values[0]);
    asm__agui_in_put_back(state, in, ASM_STR("role"), in->values[2]);
    speaker = asm__agui_in_speaker(state, in, id);
    asm__ingest_say_with(state, speaker, asm__ingest_string(state, in->values[1]),
                         asm__agui_in_wrap(state, in, asm__ingest_absent()));
}

/* Reasoning, or, with an empty text, what else is said of it. */
static void asm__agui_in_think(asm__ingest *state, const asm__agui_in *in, asm_str id, asm_str text,
                               asm_str extra) {
    asm_event event =
        asm__ingest_message(ASM_EVENT_MESSAGE_STREAMED, text.data ? text : ASM_STR(""), id, in->parent);
    if (!text.size && !extra.data) return;
    asm__ingest_need_run(state, asm__ingest_absent());
    event.message.thinking = asm__ingest_true();
    event.extra = extra;
    asm__ingest_emit(state, &event);
}

static void asm__agui_in_reasoning(asm__ingest *state, asm__agui_in *in) {
    asm__agui_in_think(state, in, asm__agui_in_message_id(state, in->values[0], ASM_STR("rsn:")),
                       asm__ingest_string(state, in->values[1]), asm__agui_in_more(state, in));
}

static void asm__agui_in_reasoning_chunk(asm__ingest *state, asm__agui_in *in) {
    asm__agui_in_put_back(state, in, ASM_STR("messageId"), in->values[0]);
    asm__agui_in_think(state, in, asm__ingest_string(state, in->values[0]),
                       asm__ingest_string(state, in->values[1]),
                       asm__agui_in_wrap(state, in, asm__ingest_absent()));
}

/* Remembers until its end whose reasoning it is: what comes of it need not say so again. */
static void asm__agui_in_own_reasoning(asm__ingest *state, const asm__agui_in *in, asm_str id) {
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_THOUGHT, id);
    if (asm__ingest_ends_with(in->type, ASM_STR("_END"))) {
        if (part && asm_str_equal(asm_buffer_text(&part->name), in->type))
            asm__agui_in_forget_part(state, part);
    } else if (in->parent.size && !part && asm__ingest_ends_with(in->type, ASM_STR("_START"))) {
        part = asm__api_new_part(state, ASM__AGUI_THOUGHT, id);
        if (!part) return;
        asm__ingest_keep(state, &part->parent, in->parent);
        asm__ingest_keep(state, &part->name,
                         asm_str_make(in->type.data, in->type.size - 5)); /* what ends it */
        asm__ingest_append(state, &part->name, ASM_STR("END"));
    }
}

/* The limits of reasoning, and what of it only the model can read. */
static void asm__agui_in_reasoning_mark(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__ingest_string(state, in->values[0]);
    if (state->is_wire) return;
    asm__agui_in_own_reasoning(state, in, id);
    asm__agui_in_put_back(state, in, ASM_STR("messageId"), in->values[0]);
    asm__agui_in_put_back(state, in, ASM_STR("role"), in->values[1]);
    asm__agui_in_think(state, in, id, asm__ingest_absent(),
                       asm__agui_in_wrap(state, in, asm__ingest_absent()));
}

static void asm__agui_in_call_start(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent());
    asm__ingest_part *part;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_IDENTIFIED);
    asm__ingest_need_run(state, asm__ingest_absent());
    event.tool.call_id = id;
    event.tool.name = asm__ingest_string(state, in->values[1]);
    if (in->parent.size) event.tool.parent_tool_call_id = in->parent;
    event.extra = asm__agui_in_more(state, in);
    if (!state->is_wire) asm__ingest_emit(state, &event);
    part = asm__api_new_part(state, ASM__AGUI_CALL, id);
    if (!part) return;
    asm__ingest_keep(state, &part->name, event.tool.name);
    asm__ingest_keep(state, &part->parent, in->parent);
}

/* Adds a piece of the arguments, and how long it is, with whatever else came with it. */
static void asm__agui_in_add_piece(asm__ingest *state, const asm__agui_in *in, asm__ingest_part *part,
                                   asm_str delta) {
    asm_json_writer writer;
    asm__api_add_input(state, part, delta);
    if (state->is_wire || part->pieces.size > asm__ingest_max_kept(state)) return;
    asm__ingest_append(state, &part->pieces, part->pieces.size ? ASM_STR(",") : ASM_STR("["));
    asm_json_writer_init(&writer, &part->pieces);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("size"));
    asm_json_write_int64(&writer, (int64_t)delta.size);
    asm__agui_in_write_others(state, &writer, in->others);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) state->failed = true;
}

static void asm__agui_in_call_args(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent());
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_CALL, id);
    if (part) asm__agui_in_add_piece(state, in, part, asm__ingest_string(state, in->values[1]));
    else asm__ingest_emit_odd(state, in->type, ASM_STR("event"), in->line);
}

/* The arguments, if they are JSON; if not, or if a log would change the text, they are in the extra as they came. */
static void asm__agui_in_set_input(asm__ingest *state, asm__agui_in *in, asm_event *event,
                                   const asm__ingest_part *part) {
    const asm_str text = asm_buffer_text(&part->input);
    asm_json_writer writer;
    bool is_untidy = false;
    if (!text.size) return;
    if (asm__check_raw(text, 8, &is_untidy) == ASM_OK) {
        event->tool.input = text;
        if (!is_untidy || state->is_wire) return;
    } else asm__ingest_diagnose(state, false, ASM_ERR_SYNTAX, "the arguments of a tool call are no JSON", 0);
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_write_string(&writer, text);
    if (asm_json_writer_finish(&writer) != ASM_OK) state->failed = true;
    else asm__agui_in_put_back(state, in, ASM_STR("arguments"), asm_buffer_text(&state->built));
}

/* The call has all its arguments: one for the application to make is identified only. */
static void asm__agui_in_tell_call(asm__ingest *state, asm__agui_in *in, asm__ingest_part *part) {
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_STARTED);
    if (asm_str_equal(asm__ingest_find_one(in->meta, ASM_STR("offered")), ASM_STR("true")))
        event.type = ASM_EVENT_TOOL_CALL_IDENTIFIED;
    event.tool.call_id = asm_buffer_text(&part->id);
    event.tool.name = asm_buffer_text(&part->name);
    if (part->parent.size) event.tool.parent_tool_call_id = asm_buffer_text(&part->parent);
    event.tool.display_text = asm__ingest_find_text(state, in->meta, ASM_STR("display_text"));
    asm__agui_in_set_input(state, in, &event, part);
    if (part->pieces.size &&
        (part->index == ASM__AGUI_CHUNKS || memchr(part->pieces.data, ',', part->pieces.size))) {
        asm__ingest_append(state, &part->pieces, ASM_STR("]"));
        asm__agui_in_put_back(state, in, ASM_STR("pieces"), asm_buffer_text(&part->pieces));
    }
    event.extra = asm__agui_in_more(state, in);
    if (event.type == ASM_EVENT_TOOL_CALL_STARTED) asm__ingest_start_call(state, &event);
    else asm__ingest_emit(state, &event);
    asm__agui_in_forget_part(state, part);
}

static void asm__agui_in_call_end(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent());
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_CALL, id);
    if (part) asm__agui_in_tell_call(state, in, part);
    else asm__ingest_emit_odd(state, in->type, ASM_STR("event"), in->line);
}

/* The call that comes in chunks is whole when something else comes. */
static void asm__agui_in_end_chunks(asm__ingest *state, asm_str id) {
    size_t i;
    for (i = state->part_count; i-- > 0;) {
        asm__ingest_part *part = &state->parts[i];
        asm__agui_in in;
        if (part->index != ASM__AGUI_CHUNKS || asm_str_equal(asm_buffer_text(&part->id), id)) continue;
        memset(&in, 0, sizeof in);
        in.type = ASM_STR("TOOL_CALL_CHUNK");
        in.others.begin = in.others.end = state->other_count;
        asm__agui_in_tell_call(state, &in, part);
    }
}

static void asm__agui_in_call_chunk(asm__ingest *state, asm__agui_in *in) {
    asm_str id = asm__ingest_string(state, in->values[0]);
    asm__ingest_part *part;
    if (!id.size && state->part_count && state->parts[state->part_count - 1].index == ASM__AGUI_CHUNKS)
        id = asm_buffer_text(&state->parts[state->part_count - 1].id);
    asm__agui_in_end_chunks(state, id);
    asm__agui_in_put_back(state, in, ASM_STR("toolCallId"), in->values[0]);
    asm__agui_in_put_back(state, in, ASM_STR("toolCallName"), in->values[1]);
    part = asm__agui_in_part(state, ASM__AGUI_CHUNKS, id);
    if (!part) {
        asm__ingest_need_run(state, asm__ingest_absent());
        part = asm__api_new_part(state, ASM__AGUI_CHUNKS, id);
        if (!part) return;
        asm__ingest_keep(state, &part->name, asm__ingest_string(state, in->values[1]));
        asm__ingest_keep(state, &part->parent, in->parent);
    }
    asm__agui_in_add_piece(state, in, part, asm__ingest_string(state, in->values[2]));
}

/* What a result of asm_wire.h's says of the call; false if it is none: the call is still open. */
static bool asm__agui_in_outcome(asm__ingest *state, const asm__agui_in *in, asm_event *event) {
    const asm_str meta = in->meta, status = asm__ingest_find_text(state, meta, ASM_STR("status"));
    if (asm_str_equal(status, ASM_STR("running_in_background"))) {
        if (!asm__ingest_find_call(state, event->tool.call_id)) return false;
        event->type = ASM_EVENT_TOOL_CALL_UPDATED;
        event->tool.output = event->tool.output_json = asm__ingest_absent();
        asm__ingest_send_to_background(state, event->tool.call_id, event);
        return false;
    }
    if (asm_str_equal(asm__ingest_find_one(meta, ASM_STR("open")), ASM_STR("true"))) return false;
    if (asm_str_equal(status, ASM_STR("failed")) || asm_str_equal(status, ASM_STR("declined")) ||
        asm_str_equal(status, ASM_STR("cancelled")) || asm_str_equal(status, ASM_STR("timeout")))
        event->type = ASM_EVENT_TOOL_CALL_FAILED;
    if (status.size) event->tool.status = status;
    event->tool.exit_code = asm__ingest_int64(asm__ingest_find_one(meta, ASM_STR("exit_code")));
    event->tool.duration_ms = asm__ingest_double(asm__ingest_find_one(meta, ASM_STR("duration_ms")));
    return true;
}

static void asm__agui_in_call_result(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent()), content = in->values[1],
                  cut = asm__ingest_find_one(in->meta, ASM_STR("cut_bytes"));
    asm__ingest_part *part = asm__agui_in_part(state, ASM__AGUI_CALL, id);
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    if (part) {
        asm__agui_in start = *in;
        start.type = ASM_STR("TOOL_CALL_END");
        start.others.begin = start.others.end = state->other_count;
        asm__agui_in_tell_call(state, &start, part);
    }
    if (!state->is_wire) {
        asm__agui_in_put_back(state, in, ASM_STR("messageId"), in->values[2]);
        asm__agui_in_put_back(state, in, ASM_STR("role"), in->values[3]);
    }
    asm__agui_in_put_back(state, in, ASM_STR("cut_bytes"), cut);
    event.tool.call_id = id;
    event.tool.status = ASM_STR("completed");
    if (in->parent.size) event.tool.parent_tool_call_id = in->parent;
    asm__plain_output(state, &event, content);
    if (asm__ingest_is(content, ASM_JSON_ARRAY)) {
        event.tool.output_json = asm__ingest_value(state, content);
        event.tool.output = asm__ingest_absent();
    }
    if (asm_str_equal(asm__ingest_find_one(in->meta, ASM_STR("json")), ASM_STR("true")) &&
        asm_json_check(event.tool.output, NULL) == ASM_OK) {
        event.tool.output_json = asm__ingest_value(state, event.tool.output);
        event.tool.output = asm__ingest_absent();
    }
    if (!asm__agui_in_outcome(state, in, &event)) return;
    event.extra = asm__agui_in_more(state, in);
    asm__ingest_end_tool(state, &event);
}

/* A sub-agent begins: its call is told to be one; without a call it is one itself. */
static void asm__agui_in_agent_start(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent()),
                  call_id = asm__agui_in_id(state, in->values[3], asm__ingest_absent());
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
    asm__ingest_call *call = asm__ingest_find_call(state, call_id);
    asm__ingest_need_run(state, asm__ingest_absent());
    event.tool.agent_kind = asm__ingest_string(state, in->values[1]);
    event.tool.display_text = asm__ingest_string(state, in->values[2]);
    if (state->is_wire) {
        event.tool.call_id = id;
        if (!call || !asm_str_equal(asm__ingest_call_name(call), event.tool.agent_kind))
            asm__ingest_update_tool(state, &event);
        return;
    }
    asm__agui_in_put_back(state, in, ASM_STR("subagentRunId"), in->values[0]);
    asm__agui_in_put_back(state, in, ASM_STR("name"), in->values[1]);
    asm__agui_in_put_back(state, in, ASM_STR("description"), in->values[2]);
    asm__agui_in_put_back(state, in, ASM_STR("parentToolCallId"), in->values[3]);
    asm__agui_in_put_back(state, in, ASM_STR("parentSubagentRunId"), in->values[4]);
    event.extra = asm__agui_in_wrap(state, in, asm__ingest_absent());
    if (in->values[4].data) event.tool.parent_tool_call_id = asm__agui_in_call_of(state, in->values[4]);
    if (call_id.size) {
        event.tool.call_id = call_id;
        event.tool.parent_tool_call_id = asm__ingest_absent();
        if (call) asm__ingest_name_task(state, call, id);
        asm__ingest_update_tool(state, &event);
    } else {
        event.type = ASM_EVENT_TOOL_CALL_STARTED;
        event.tool.call_id = id;
        event.tool.name = event.tool.agent_kind;
        asm__ingest_start_call(state, &event);
    }
}

static void asm__agui_in_agent_end(asm__ingest *state, asm__agui_in *in) {
    const asm_str id = asm__agui_in_call_of(state, in->values[0]);
    const bool is_failed = asm_str_equal(in->type, ASM_STR("SUBAGENT_ERROR")),
               has_call = asm__ingest_find_task(state, asm__ingest_string(state, in->values[0])) != NULL;
    asm_event event = asm__ingest_event(ASM_EVENT_TOOL_CALL_UPDATED);
    if (state->is_wire) return;
    asm__agui_in_put_back(state, in, ASM_STR("subagentRunId"), in->values[0]);
    asm__agui_in_put_back(state, in, ASM_STR("message"), in->values[1]);
    asm__agui_in_put_back(state, in, ASM_STR("result"), in->values[2]);
    event.extra = asm__agui_in_wrap(state, in, asm__ingest_absent());
    event.tool.call_id = id;
    if (has_call) {
        asm__ingest_update_tool(state, &event);
        return;
    }
    event.type = is_failed ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED;
    event.tool.status = is_failed ? ASM_STR("failed") : ASM_STR("completed");
    event.tool.error_message = asm__ingest_string(state, in->values[1]);
    event.tool.result = asm__ingest_value(state, in->values[2]);
    asm__ingest_end_tool(state, &event);
}

static void asm__agui_in_step(asm__ingest *state, asm__agui_in *in) {
    const asm_str name = asm__ingest_string(state, in->values[0]);
    char digits[21];
    asm_event event = asm__ingest_event(
        asm_str_equal(in->type, ASM_STR("STEP_STARTED")) ? ASM_EVENT_STEP_STARTED : ASM_EVENT_STEP_COMPLETED);
    const asm_str rest =
        asm__ingest_starts_with(name, ASM_STR("step ")) ? asm__ingest_from(name, 5) : asm__ingest_absent();
    event.step.step_number = asm__ingest_int64(rest);
    if (event.step.step_number.is_set &&
        !asm_str_equal(rest, asm_str_make(digits, asm__format_int64(event.step.step_number.value, digits))))
        event.step.step_number.is_set = false;
    asm__ingest_need_run(state, asm__ingest_absent());
    if (!event.step.step_number.is_set) asm__agui_in_put_back(state, in, ASM_STR("stepName"), in->values[0]);
    event.extra = asm__agui_in_more(state, in);
    asm__ingest_emit(state, &event);
}

static void asm__agui_in_state(asm__ingest *state, asm__agui_in *in) {
    asm_event event = asm__ingest_event(ASM_EVENT_AGENT_STATE_UPDATE);
    event.state.state = asm__ingest_value(state, in->values[0]);
    if (!event.state.state.data) { /* null, or too deep */
        asm__ingest_emit_odd(state, in->type, ASM_STR("event"), in->line);
        return;
    }
    event.extra = asm__agui_in_more(state, in);
    asm__ingest_emit(state, &event);
}

/* What has no event: one of its own name, ag-ui.TYPE, with all members. */
static void asm__agui_in_other(asm__ingest *state, asm__agui_in *in) {
    static const asm__ingest_key keys[] = {ASM__KEY("type", '-'), ASM__KEY("timestamp", '-')};
    char name[32];
    size_t i;
    asm_event event;
    asm__ingest_others all;
    asm_str values[2];
    for (i = 0; i < in->type.size && i < sizeof name; i++)
        name[i] = (char)(in->type.data[i] == '_' ? '_' : in->type.data[i] | 0x20);
    asm__ingest_read_object(state, in->line, keys, values, 2, &all, NULL);
    event = asm__ingest_notice(state, asm_str_make(name, i));
    asm__ingest_emit_notice(state, &event, all);
}

static void asm__agui_in_activity(asm__ingest *state, asm__agui_in *in) {
    asm_event event = asm__ingest_event(ASM_EVENT_TODOS_UPDATED);
    if (!state->is_wire || !asm_str_equal(asm__ingest_string(state, in->values[0]), ASM_STR("asm.todos"))) {
        asm__agui_in_other(state, in);
        return;
    }
    event.todos.todos = asm__ingest_value(state, asm__ingest_find_one(in->values[1], ASM_STR("todos")));
    asm__ingest_emit(state, &event);
}

/* An event that asm_wire.h has no other word for. False for one that would begin or end a run. */
static bool asm__agui_in_decode(asm__ingest *state, asm_str name, asm_str value) {
    asm_event event;
    asm_json_writer writer;
    if (asm__ingest_starts_with(name, ASM_STR("asm."))) name = asm__ingest_from(name, 4);
    asm_buffer_clear(&state->built);
    asm_json_writer_init(&writer, &state->built);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("type"));
    asm_json_write_string(&writer, name);
    asm_json_write_key(&writer, ASM_STR("data"));
    asm__ingest_write_raw(state, &writer, asm__ingest_is(value, ASM_JSON_OBJECT) ? value : ASM_STR("{}"));
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) return false;
    asm_buffer_clear(&state->scratch);
    if (asm_event_read_json(&event, asm_buffer_text(&state->built), &state->scratch, NULL) != ASM_OK)
        return false;
    if (event.type >= ASM_EVENT_RUN_STARTED && event.type <= ASM_EVENT_RUN_TIMEOUT) return false;
    if (event.type == ASM_EVENT_TOOL_CALL_COMPLETED || event.type == ASM_EVENT_TOOL_CALL_FAILED)
        asm__ingest_end_tool(state, &event);
    else if (event.type == ASM_EVENT_TOOL_CALL_UPDATED &&
             asm_str_equal(event.tool.status, ASM_STR("running_in_background")))
        asm__ingest_send_to_background(state, event.tool.call_id, &event);
    else asm__ingest_emit(state, &event);
    return true;
}

static void asm__agui_in_custom(asm__ingest *state, asm__agui_in *in) {
    const asm_str name = asm__ingest_string(state, in->values[0]);
    if (!state->is_wire || !name.size || !asm__agui_in_decode(state, name, in->values[1]))
        asm__agui_in_other(state, in);
}

static void asm__agui_in_run_start(asm__ingest *state, asm__agui_in *in) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_STARTED);
    const asm_str meta =
        asm__ingest_find_one(asm__ingest_find_one(in->line, ASM_STR("metadata")), ASM_STR("asm"));
    if (state->run_open) asm__ingest_cut_run(state);
    state->part_count = 0;
    state->is_wire = asm__ingest_is(meta, ASM_JSON_OBJECT);
    asm__ingest_keep(state, &state->named_run, asm__ingest_string(state, in->values[1]));
    asm__ingest_keep(state, &state->writer, asm__ingest_find_text(state, meta, ASM_STR("provider")));
    if (state->is_wire) {
        state->provider = state->writer.size ? asm_buffer_text(&state->writer) : asm__ingest_absent();
        event.run.model = asm__ingest_find_text(state, meta, ASM_STR("model"));
        event.run.cwd = asm__ingest_find_text(state, meta, ASM_STR("cwd"));
        event.run.title = asm__ingest_find_text(state, meta, ASM_STR("title"));
        event.run.git_branch = asm__ingest_find_text(state, meta, ASM_STR("git_branch"));
        event.run.agent_version = asm__ingest_find_text(state, meta, ASM_STR("agent_version"));
        in->others.begin = in->others.end;
    } else {
        state->provider = ASM_STR("ag-ui");
        asm__agui_in_put_back(state, in, ASM_STR("protocolVersion"), in->values[2]);
    }
    event.extra = asm__agui_in_more(state, in);
    asm__ingest_begin_run(state, &event);
    asm_buffer_clear(&state->named_run);
}

/* One entry of `usage`: adds it to the sum, and as a member of the models. */
static void asm__agui_in_one_usage(asm__ingest *state, asm_json_writer *models, asm_usage_payload *total,
                                   asm_str entry) {
    static const asm_str keys[] = {ASM__MEMBER("inputTokens"),       ASM__MEMBER("outputTokens"),
                                   ASM__MEMBER("cachedInputTokens"), ASM__MEMBER("cacheWriteInputTokens"),
                                   ASM__MEMBER("reasoningTokens"),   ASM__MEMBER("model")};
    asm_usage_payload usage;
    asm_str values[6], model;
    memset(&usage, 0, sizeof usage);
    asm__ingest_find_in_line(state, entry, keys, values, 6);
    usage.input_tokens = asm__ingest_int64(values[0]);
    usage.output_tokens = asm__ingest_int64(values[1]);
    usage.cache_read_tokens = asm__ingest_int64(values[2]);
    usage.cache_creation_tokens = asm__ingest_int64(values[3]);
    usage.reasoning_tokens = asm__ingest_int64(values[4]);
    asm__ingest_add_usage(total, &usage);
    model = asm__ingest_string(state, values[5]);
    if (!model.size) return;
    asm_json_write_key(models, model);
    entry = asm__ingest_usage_json(state, &state->joined, &usage);
    asm__ingest_write_raw(state, models, entry.data ? entry : ASM_STR("{}"));
}

static void asm__agui_in_usage(asm__ingest *state, asm_str raw, asm_event *event) {
    asm_json_reader list = asm__ingest_line_elements(state, raw);
    asm_usage_payload total;
    asm_json_writer models;
    asm_str entry;
    memset(&total, 0, sizeof total);
    asm_buffer_clear(&state->models);
    asm_json_writer_init(&models, &state->models);
    asm_json_begin_object(&models);
    while (asm__ingest_next(&list, &entry))
        if (asm__ingest_is(entry, ASM_JSON_OBJECT)) asm__agui_in_one_usage(state, &models, &total, entry);
    asm_json_end_object(&models);
    event->run.token_usage = asm__ingest_usage_json(state, &state->built, &total);
    if (asm_json_writer_finish(&models) == ASM_OK && state->models.size > 2)
        event->run.models = asm_buffer_text(&state->models);
}

/* A run ends: `event` says how. */
static void asm__agui_in_end_run(asm__ingest *state, const asm__agui_in *in, asm_event *event) {
    asm__ingest_need_run(state, asm__ingest_absent());
    state->part_count = 0;
    asm__ingest_finish_speakers(state, event->type != ASM_EVENT_RUN_COMPLETED, true);
    event->extra =
        state->is_wire ? asm__agui_in_more(state, in) : asm__agui_in_wrap(state, in, asm__ingest_absent());
    asm__ingest_end_run(state, event);
}

static void asm__agui_in_run_error(asm__ingest *state, asm__agui_in *in) {
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_FAILED);
    event.run.error_message = asm__ingest_string(state, in->values[0]);
    if (in->values[1].data) event.run.error_code = asm__ingest_string(state, in->values[1]);
    if (!state->run_open && state->run_ended) { /* after the end */
        asm__ingest_emit_error(state, ASM_STR("protocol"), event.run.error_message, in->line);
        return;
    }
    asm__agui_in_usage(state, in->values[2], &event);
    if (!state->is_wire) asm__agui_in_put_back(state, in, ASM_STR("usage"), in->values[2]);
    asm__agui_in_end_run(state, in, &event);
}

/* What asm_wire.h says of a run's end. */
static void asm__agui_in_result(asm__ingest *state, asm_str result, asm_event *event) {
    const asm_str reason = asm__ingest_find_text(state, result, ASM_STR("stop_reason"));
    if (reason.size) event->run.stop_reason = reason;
    if (asm_str_equal(asm__ingest_find_text(state, result, ASM_STR("reason")), ASM_STR("timeout")))
        event->type = ASM_EVENT_RUN_TIMEOUT;
    event->run.num_turns = asm__ingest_int64(asm__ingest_find_one(result, ASM_STR("num_turns")));
    event->run.duration_ms = asm__ingest_double(asm__ingest_find_one(result, ASM_STR("duration_ms")));
    event->run.cost_usd = asm__ingest_double(asm__ingest_find_one(result, ASM_STR("cost_usd")));
    event->run.permission_denials =
        asm__ingest_value(state, asm__ingest_find_one(result, ASM_STR("permission_denials")));
}

/* A run that stops to ask: each interrupt as a request. */
static void asm__agui_in_interrupts(asm__ingest *state, const asm__agui_in *in, asm_str list) {
    asm_json_reader reader = asm__ingest_line_elements(state, list);
    asm__agui_in mark = *in;
    asm_str entry;
    mark.type = ASM_STR("interrupt");
    while (asm__ingest_next(&reader, &entry)) {
        asm_event event = asm__ingest_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED);
        const asm__ingest_call *call;
        event.approval.request_id = asm__ingest_find_text(state, entry, ASM_STR("id"));
        event.approval.tool_call_id = asm__ingest_find_text(state, entry, ASM_STR("toolCallId"));
        event.approval.kind = event.approval.tool_call_id.size ? ASM_STR("tool") : ASM_STR("question");
        event.approval.reason = asm__ingest_find_text(state, entry, ASM_STR("message"));
        if (!event.approval.reason.size)
            event.approval.reason = asm__ingest_find_text(state, entry, ASM_STR("reason"));
        call = asm__ingest_find_call(state, event.approval.tool_call_id);
        if (call) event.approval.tool_name = asm__ingest_call_name(call);
        if (call) event.approval.tool_input = asm__ingest_call_input(call);
        event.extra = asm__agui_in_wrap(state, &mark, ASM_STR("{}"));
        asm__ingest_emit(state, &event);
    }
}

static void asm__agui_in_run_finish(asm__ingest *state, asm__agui_in *in) {
    const asm_str outcome = in->values[0], type = asm__ingest_find_text(state, outcome, ASM_STR("type"));
    asm_event event = asm__ingest_event(ASM_EVENT_RUN_COMPLETED);
    if (!state->run_open && state->run_ended) {
        asm__ingest_emit_error(state, ASM_STR("protocol"), ASM_STR("a run ended twice"), in->line);
        return;
    }
    if (asm_str_equal(type, ASM_STR("cancelled"))) event.type = ASM_EVENT_RUN_CANCELLED;
    if (asm_str_equal(type, ASM_STR("interrupt"))) {
        event.run.stop_reason = ASM_STR("interrupt");
        if (!state->is_wire)
            asm__agui_in_interrupts(state, in, asm__ingest_find_one(outcome, ASM_STR("interrupts")));
    }
    asm__agui_in_usage(state, in->values[2], &event);
    if (state->is_wire) {
        asm__agui_in_result(state, in->values[1], &event);
    } else {
        asm__agui_in_put_back(state, in, ASM_STR("outcome"), outcome);
        asm__agui_in_put_back(state, in, ASM_STR("result"), in->values[1]);
        asm__agui_in_put_back(state, in, ASM_STR("usage"), in->values[2]);
    }
    asm__agui_in_end_run(state, in, &event);
}

static void asm__agui_in_thinking(asm__ingest *state, asm__agui_in *in) {
    asm__agui_in_think(state, in, asm__ingest_absent(), asm__ingest_string(state, in->values[0]),
                       asm__agui_in_more(state, in));
}

/* That reasoning begins or ends, before 1.0: its pieces tell. */
static void asm__agui_in_nothing(asm__ingest *state, asm__agui_in *in) {
    (void)in;
    state->ingest->counts.heartbeats++;
}

/* Those that come most often are first. `is_owned`: subagentRunId says whose it is. */
static const asm__agui_in_type asm__agui_in_types[] = {
    {"TEXT_MESSAGE_CONTENT", true, asm__agui_in_text, {ASM__KEY("messageId", 's'), ASM__KEY("delta", 's')}},
    {"TOOL_CALL_ARGS", true, asm__agui_in_call_args, {ASM__KEY("toolCallId", 's'), ASM__KEY("delta", 's')}},
    {"REASONING_MESSAGE_CONTENT",
     true,
     asm__agui_in_reasoning,
     {ASM__KEY("messageId", 's'), ASM__KEY("delta", 's')}},
    {"CUSTOM", false, asm__agui_in_custom, {ASM__KEY("name", 's'), ASM__KEY("value", '*')}},
    {"TEXT_MESSAGE_START",
     true,
     asm__agui_in_text_start,
     {ASM__KEY("messageId", 's'), ASM__KEY("role", 's')}},
    {"TEXT_MESSAGE_END", true, asm__agui_in_text_end, {ASM__KEY("messageId", 's')}},
    {"TEXT_MESSAGE_CHUNK",
     true,
     asm__agui_in_text_chunk,
     {ASM__KEY("messageId", 's'), ASM__KEY("delta", 's'), ASM__KEY("role", 's')}},
    {"REASONING_MESSAGE_CHUNK",
     true,
     asm__agui_in_reasoning_chunk,
     {ASM__KEY("messageId", 's'), ASM__KEY("delta", 's')}},
    {"REASONING_START", true, asm__agui_in_reasoning_mark, {ASM__KEY("messageId", 's')}},
    {"REASONING_MESSAGE_START",
     true,
     asm__agui_in_reasoning_mark,
     {ASM__KEY("messageId", 's'), ASM__KEY("role", 's')}},
    {"REASONING_MESSAGE_END", true, asm__agui_in_reasoning_mark, {ASM__KEY("messageId", 's')}},
    {"REASONING_END", true, asm__agui_in_reasoning_mark, {ASM__KEY("messageId", 's')}},
    {"REASONING_ENCRYPTED_VALUE", true, asm__agui_in_reasoning_mark, {ASM__KEY("messageId", 's')}},
    {"TOOL_CALL_START",
     true,
     asm__agui_in_call_start,
     {ASM__KEY("toolCallId", 's'), ASM__KEY("toolCallName", 's')}},
    {"TOOL_CALL_END", true, asm__agui_in_call_end, {ASM__KEY("toolCallId", 's')}},
    {"TOOL_CALL_CHUNK",
     true,
     asm__agui_in_call_chunk,
     {ASM__KEY("toolCallId", 's'), ASM__KEY("toolCallName", 's'), ASM__KEY("delta", 's')}},
    {"TOOL_CALL_RESULT",
     true,
     asm__agui_in_call_result,
     {ASM__KEY("toolCallId", 's'), ASM__KEY("content", '*'), ASM__KEY("messageId", 's'),
      ASM__KEY("role", 's')}},
    {"STATE_SNAPSHOT", false, asm__agui_in_state, {ASM__KEY("snapshot", '*')}},
    {"ACTIVITY_SNAPSHOT",
     false,
     asm__agui_in_activity,
     {ASM__KEY("activityType", 's'), ASM__KEY("content", 'o')}},
    {"STEP_STARTED", false, asm__agui_in_step, {ASM__KEY("stepName", 's')}},
    {"STEP_FINISHED", false, asm__agui_in_step, {ASM__KEY("stepName", 's')}},
    {"SUBAGENT_STARTED",
     false,
     asm__agui_in_agent_start,
     {ASM__KEY("subagentRunId", 's'), ASM__KEY("name", 's'), ASM__KEY("description", 's'),
      ASM__KEY("parentToolCallId", 's'), ASM__KEY("parentSubagentRunId", 's')}},
    {"SUBAGENT_FINISHED",
     false,
     asm__agui_in_agent_end,
     {ASM__KEY("subagentRunId", 's'), ASM__KEY("message", 's'), ASM__KEY("result", '*')}},
    {"SUBAGENT_ERROR",
     false,
     asm__agui_in_agent_end,
     {ASM__KEY("subagentRunId", 's'), ASM__KEY("message", 's'), ASM__KEY("result", '*')}},
    {"RUN_STARTED",
     false,
     asm__agui_in_run_start,
     {ASM__KEY("threadId", 's'), ASM__KEY("runId", 's'), ASM__KEY("protocolVersion", 's')}},
    {"RUN_FINISHED",
     false,
     asm__agui_in_run_finish,
     {ASM__KEY("outcome", 'o'), ASM__KEY("result", '*'), ASM__KEY("usage", 'a'), ASM__KEY("threadId", '-'),
      ASM__KEY("runId", '-')}},
    {"RUN_ERROR",
     false,
     asm__agui_in_run_error,
     {ASM__KEY("message", 's'), ASM__KEY("code", 's'), ASM__KEY("usage", 'a')}},
    {"STATE_DELTA", false, asm__agui_in_other, {ASM__KEY("delta", 'a')}},
    {"ACTIVITY_DELTA", false, asm__agui_in_other, {ASM__KEY("messageId", 's')}},
    {"MESSAGES_SNAPSHOT", false, asm__agui_in_other, {ASM__KEY("messages", 'a')}},
    {"RAW", false, asm__agui_in_other, {ASM__KEY("event", '*')}},
    {"THINKING_TEXT_MESSAGE_CONTENT", true, asm__agui_in_thinking, {ASM__KEY("delta", 's')}},
    {"THINKING_TEXT_MESSAGE_START", true, asm__agui_in_nothing, {ASM__KEY("messageId", 's')}},
    {"THINKING_TEXT_MESSAGE_END", true, asm__agui_in_nothing, {ASM__KEY("messageId", 's')}},
    {"THINKING_START", true, asm__agui_in_nothing, {ASM__KEY("title", 's')}},
    {"THINKING_END", true, asm__agui_in_nothing, {ASM__KEY("title", 's')}}};

static const asm__agui_in_type *asm__agui_in_find_type(asm_str name) {
    size_t i;
    for (i = 0; i < ASM__INGEST_COUNT_OF(asm__agui_in_types); i++)
        if (asm_str_equal(name, asm_str_from(asm__agui_in_types[i].name))) return &asm__agui_in_types[i];
    return NULL;
}

/* The speaker whose message is open under that id; NULL if it is the main agent, or nobody. */
static asm__ingest_speaker *asm__agui_in_speaks(const asm__ingest *state, asm_str id) {
    asm__ingest_record *record;
    if (state->main.has_message && asm_str_equal(asm_buffer_text(&state->main.message_id), id)) return NULL;
    for (record = state->speakers.newest; record; record = record->older) {
        asm__ingest_speaker *speaker = asm__container(record, asm__ingest_speaker, record);
        if (speaker->has_message && asm_str_equal(asm_buffer_text(&speaker->message_id), id)) return speaker;
    }
    return NULL;
}

/* Whose it is, where only the beginning of it says so. */
static void asm__agui_in_inherit(asm__ingest *state, asm__agui_in *in) {
    const bool is_text = asm__ingest_starts_with(in->type, ASM_STR("TEXT_"));
    const asm_str id = asm__agui_in_id(state, in->values[0], asm__ingest_absent());
    const asm__ingest_speaker *speaker = is_text ? asm__agui_in_speaks(state, id) : NULL;
    const asm__ingest_part *part =
        asm__ingest_starts_with(in->type, ASM_STR("REASONING_"))
            ? asm__agui_in_part(state, ASM__AGUI_THOUGHT, id)
            : asm__agui_in_part(state, is_text ? ASM__AGUI_SOMEBODY : ASM__AGUI_CALL, id);
    const asm__ingest_call *call =
        asm_str_equal(in->type, ASM_STR("TOOL_CALL_RESULT")) ? asm__ingest_find_call(state, id) : NULL;
    if (speaker) in->parent = asm_buffer_text(&speaker->parent);
    else if (part) in->parent = asm_buffer_text(&part->parent);
    else if (call) in->parent = asm__ingest_call_parent(call);
    if (in->parent.size) asm__agui_in_put_back(state, in, ASM_STR("subagentRunId"), ASM_STR("null"));
}

/* Reads the members that the type asks for; those that all may have come after them. */
static void asm__agui_in_read(asm__ingest *state, const asm__agui_in_type *type, asm__agui_in *in) {
    static const asm__ingest_key common[] = {ASM__KEY("type", '-'), ASM__KEY("timestamp", '-'),
                                             ASM__KEY("metadata", 'o'), ASM__KEY("subagentRunId", 's')};
    asm__ingest_key keys[ASM__AGUI_MEMBERS + 4];
    asm_str values[ASM__AGUI_MEMBERS + 4];
    size_t own = 0, i;
    while (own < ASM__AGUI_MEMBERS && type->keys[own].text) {
        keys[own] = type->keys[own];
        own++;
    }
    for (i = 0; i < 4; i++)
        keys[own + i] = common[i];
    asm__ingest_read_object(state, in->line, keys, values, own + (type->is_owned ? 4 : 3), &in->others, NULL);
    for (i = 0; i < own; i++)
        in->values[i] = values[i];
    if (state->is_wire) in->meta = asm__ingest_find_one(values[own + 2], ASM_STR("asm"));
    else asm__agui_in_put_back(state, in, ASM_STR("metadata"), values[own + 2]);
    if (!type->is_owned) return;
    if (values[own + 3].data) in->parent = asm__agui_in_call_of(state, values[own + 3]);
    else asm__agui_in_inherit(state, in);
}

static asm_result asm__agui_in_line(asm__ingest *state, asm_str line, asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type"), ASM__MEMBER("timestamp"), ASM__MEMBER("threadId")};
    const asm__agui_in_type *type;
    asm__agui_in in;
    asm_str values[3];
    if (asm_json_check(line, error) != ASM_OK) return error->result;
    asm__ingest_find_in_line(state, line, keys, values, 3);
    memset(&in, 0, sizeof in);
    in.line = line;
    in.type = asm__ingest_string(state, values[0]);
    asm__ingest_set_line(state, values[2], asm__ingest_absent(), asm__ingest_absent());
    asm__ingest_change_session(state);
    asm__plain_set_time(state, values[1], 1000);
    type = asm__agui_in_find_type(in.type);
    if (!type) return asm__api_unknown(state, in.type, line);
    if (!asm_str_equal(in.type, ASM_STR("TOOL_CALL_CHUNK")))
        asm__agui_in_end_chunks(state, asm__ingest_absent());
    asm__agui_in_read(state, type, &in);
    type->take(state, &in);
    return ASM_OK;
}

/* The stream, or a run of it, stops: calls that are not whole are not told. */
static void asm__agui_in_stop(asm__ingest *state) {
    asm__agui_in_end_chunks(state, asm__ingest_absent());
    state->part_count = 0;
    asm__ingest_finish_speakers(state, true, true);
}

static const asm__ingest_reader asm__agui_in_reader = {ASM__MEMBER("ag-ui"), asm__agui_in_line,
                                                       asm__agui_in_stop};
#define ASM__READER_AG_UI &asm__agui_in_reader
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
#ifndef ASM__READER_ENVELOPES
#define ASM__READER_ENVELOPES NULL
#endif
#ifndef ASM__READER_AG_UI
#define ASM__READER_AG_UI NULL
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
#ifndef ASM__READER_ANTIGRAVITY_TRANSCRIPT
#define ASM__READER_ANTIGRAVITY_TRANSCRIPT NULL
#endif
#ifndef ASM__READER_GROK_CHAT
#define ASM__READER_GROK_CHAT NULL
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

static void asm__ingest_end_stream(asm__ingest *state) {
    const asm__ingest_reader *reader = asm__ingest_reader_of(state);
    const bool waits = state->rest_waits;
    state->rest_waits = true;
    if (reader && reader->end) reader->end(state);
    if (state->run_open) asm__ingest_abandon_run(state);
    state->rest_waits = waits;
}

static void asm__ingest_cut_run(asm__ingest *state) {
    asm__ingest_leave_run(state, asm__ingest_end_stream);
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
static asm_result asm__ingest_read_members(asm__ingest_members *members, asm_str line,
                                           asm_json_error *error) {
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
static asm_result asm__ingest_read_known(asm__ingest *state, asm_str line, char *in_place,
                                         asm_json_error *error) {
    static const asm_str keys[] = {ASM__MEMBER("type")};
    const asm__ingest_format *format = &asm__ingest_formats[state->ingest->format];
    uint64_t unknown = state->ingest->counts.unknown;
    asm_str values[1];
    asm_result result;
    state->in_place = in_place;
    state->last_text = false;
    state->line_type = asm__ingest_absent();
    asm__ingest_clear_strings(state);
    if (format->reader) {
        if (state->ingest->format != ASM_FORMAT_ASM) asm__spans_read(&state->spans, line);
        result = format->reader->line(state, line, error);
        asm__spans_clear(&state->spans);
        asm__ingest_finish_rest(state);
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
    asm_str key = ASM_STR("type"), value;
    asm_result result = asm_json_find(line, &key, &value, 1, error); /* checks the line */
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

static void asm__ingest_take_text(asm__ingest *state, asm_str line, char *in_place) {
    asm_json_error error;
    if (asm__ingest_is_blank(line)) return;
    if (state->has_field && !state->is_sse)
        asm__ingest_diagnose(state, true, ASM_ERR_SYNTAX, "the lines before this one are no JSON objects", 0);
    state->has_field = false;
    state->any_text = true;
    if (asm__ingest_read(state, line, in_place, &error) != ASM_OK) {
        if (error.result == ASM_ERR_NO_MEMORY) state->failed = true;
        else asm__ingest_take_damaged(state, line, &error);
    }
}

/* Gives the data of the server-sent event that has come. */
static void asm__ingest_take_frame(asm__ingest *state) {
    if (state->frame_lines == 0) return;
    state->frame_lines = 0;
    if (!asm_str_equal(asm_buffer_text(&state->frame), ASM_STR("[DONE]")))
        asm__ingest_take_text(state, asm_buffer_text(&state->frame), NULL);
    asm_buffer_clear(&state->frame);
}

/* Server-sent events (WHATWG HTML, 9.2): the lines `data:` of an event, joined, are its text; a blank line ends it.
 * False if the line is none of them. */
static bool asm__ingest_take_sse(asm__ingest *state, asm_str line) {
    static const asm_str fields[] = {ASM__MEMBER("event:"), ASM__MEMBER("id:"), ASM__MEMBER("retry:"),
                                     ASM__MEMBER(":")};
    size_t i;
    if (line.size && line.data[0] == '{') return false; /* nearly all lines of JSON Lines */
    if (asm__ingest_starts_with(line, ASM_STR("data:"))) {
        line = asm__ingest_from(line, line.size > 5 && line.data[5] == ' ' ? 6 : 5);
        if (state->frame_lines++) asm__ingest_append(state, &state->frame, ASM_STR("\n"));
        asm__ingest_append(state, &state->frame, line);
        state->is_sse = true;
        return true;
    }
    if (state->is_sse && asm__ingest_is_blank(line)) {
        asm__ingest_take_frame(state);
        return true;
    }
    for (i = 0; i < ASM__INGEST_COUNT_OF(fields); i++)
        if (asm__ingest_starts_with(line, fields[i])) {
            if (state->is_sse) return true;
            /* before the first data: what follows tells */
            if (state->any_text) return false;
            state->has_field = true;
            return true;
        }
    return false;
}

/* How deep the line leaves the document. */
static void asm__ingest_scan_document(asm__ingest *state, asm_str line) {
    size_t i;
    for (i = 0; i < line.size; i++) {
        const char c = line.data[i];
        if (state->in_string) {
            if (c == '\\') i++;
            else if (c == '"') state->in_string = false;
        } else if (c == '"') state->in_string = true;
        else if (c == '{' || c == '[') state->depth++;
        else if (c == '}' || c == ']') state->depth -= state->depth > 0;
    }
    state->in_string = false; /* no string goes over a line's end */
}

/* The document is over, or as much of it as has come: it is read like a line, from where it began. */
static void asm__ingest_take_document(asm__ingest *state) {
    const uint64_t line = state->line_number, offset = state->line_offset;
    if (!state->is_document) return;
    state->is_document = false;
    state->line_number = state->document_line;
    state->line_offset = state->document_offset;
    asm__ingest_take_text(state, asm_buffer_text(&state->frame), NULL);
    asm_buffer_clear(&state->frame);
    if (state->frame.capacity > ASM__INGEST_LINE_STEP) asm_buffer_close(&state->frame);
    state->line_number = line;
    state->line_offset = offset;
}

/* A document of several lines begins with a brace alone, and goes on with a member. False if the line is none of one. */
static bool asm__ingest_take_document_line(asm__ingest *state, asm_str line) {
    size_t at = 0;
    while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t'))
        at++;
    if (!state->is_document) {
        if (at >= line.size || line.data[at] != '{' || !asm__ingest_is_blank(asm__ingest_from(line, at + 1)))
            return false;
        asm_buffer_clear(&state->frame);
        state->is_document = true;
        state->depth = 0;
        state->document_line = state->line_number;
        state->document_offset = state->line_offset;
    } else if (state->depth == 1 && at < line.size && !strchr("\"},", line.data[at])) {
        asm__ingest_take_document(state); /* it was a stray brace */
        return false;
    }
    if (state->options.max_line && line.size > state->options.max_line - state->frame.size) {
        asm__ingest_diagnose(state, true, ASM_ERR_NO_SPACE, "the document is longer than allowed", 0);
        state->is_document = false;
        asm_buffer_clear(&state->frame);
        return true;
    }
    asm__ingest_append(state, &state->frame, line);
    asm__ingest_append(state, &state->frame, ASM_STR("\n"));
    asm__ingest_scan_document(state, line);
    if (state->depth == 0) asm__ingest_take_document(state);
    return true;
}

/* A whole line, without its LF. If it may be changed it is given at `in_place` too. */
static void asm__ingest_take_line(asm__ingest *state, asm_str line, char *in_place) {
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
    if ((state->is_sse || !asm__ingest_take_document_line(state, line)) && !asm__ingest_take_sse(state, line))
        asm__ingest_take_text(state, line, in_place);
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

/* NULL after an asm_ingest_init() that failed, and after asm_ingest_close(). */
static asm__ingest *asm__ingest_enter(asm_ingest *ingest, asm_time now) {
    asm__ingest *state = ingest ? ingest->state : NULL;
    if (!state) return NULL;
    state->ingest = ingest;
    state->now = now;
    return state;
}

/* Makes ready for the beginning of a stream. */
static void asm__ingest_begin_stream(asm__ingest *state) {
    size_t i;
    asm__ingest_take_format(state, state->options.format);
    state->unsure = state->options.format == ASM_FORMAT_AUTO;
    state->guess = ASM_FORMAT_AUTO;
    asm_buffer_clear(&state->held);
    state->held_count = 0;
    asm_buffer_clear(&state->frame);
    state->frame_lines = 0;
    state->is_sse = state->has_field = state->is_document = state->in_string = false;
    state->line_number = 0;
    state->line_offset = 0;
    state->text_shift = 0;
    state->crlf = state->any_text = state->stream_has_run = state->cancelled = state->compact = false;
    state->told_open = state->run_ended = state->is_file = state->is_wire = false;
    state->part_count = 0;
    state->last_time = 0;
    state->past_count = 0;
    for (i = 0; i < ASM__INGEST_PAST_LINES; i++)
        state->past[i].id_size = 0;
    asm_buffer_clear(&state->repeated_init);
    asm__ingest_forget_calls(state, true);
    while (state->speakers.oldest)
        asm__ingest_drop_speaker(state, asm__container(state->speakers.oldest, asm__ingest_speaker, record));
    asm__ingest_enter_session(state, state->options.session_id);
}

static void asm__ingest_each_buffer(asm__ingest *state, void (*function)(asm_buffer *)) {
    asm_buffer *buffers[38];
    size_t count = 0, i;
    buffers[count++] = &state->option_text;
    buffers[count++] = &state->rest;
    buffers[count++] = &state->rest_extra[0];
    buffers[count++] = &state->rest_extra[1];
    buffers[count++] = &state->header;
    buffers[count++] = &state->held;
    buffers[count++] = &state->frame;
    buffers[count++] = &state->scratch;
    buffers[count++] = &state->mended;
    buffers[count++] = &state->keys;
    buffers[count++] = &state->metadata;
    buffers[count++] = &state->extra;
    buffers[count++] = &state->built;
    buffers[count++] = &state->built2;
    buffers[count++] = &state->models;
    buffers[count++] = &state->joined;
    buffers[count++] = &state->words;
    buffers[count++] = &state->name;
    buffers[count++] = &state->session;
    buffers[count++] = &state->title;
    buffers[count++] = &state->cwd;
    buffers[count++] = &state->branch;
    buffers[count++] = &state->version;
    buffers[count++] = &state->model;
    buffers[count++] = &state->context;
    buffers[count++] = &state->counts_text;
    buffers[count++] = &state->told;
    buffers[count++] = &state->told_id;
    buffers[count++] = &state->part_id;
    buffers[count++] = &state->part_text;
    buffers[count++] = &state->run;
    buffers[count++] = &state->other_run;
    buffers[count++] = &state->named_run;
    buffers[count++] = &state->writer;
    buffers[count++] = &state->last_error;
    buffers[count++] = &state->last_code;
    buffers[count++] = &state->stop_reason;
    buffers[count++] = &state->repeated_init;
    for (i = 0; i < count; i++)
        function(buffers[i]);
    for (i = 0; i < ASM__INGEST_STRINGS; i++)
        function(&state->strings[i]);
    for (i = 0; i < ASM__INGEST_REQUESTS; i++)
        function(&state->requests[i].text);
    for (i = 0; i < ASM__INGEST_REQUESTS; i++)
        function(&state->requests[i].options);
    for (i = 0; i < ASM__INGEST_PAST_LINES; i++)
        function(&state->past[i].text);
    for (i = 0; i < state->model_capacity; i++)
        function(&state->session_models[i].name);
    asm__ingest_each_speaker_buffer(&state->main, function);
}

/* Frees the calls and speakers, those that are kept for use again, too. */
static void asm__ingest_close_records(asm__ingest *state) {
    asm__ingest_record *record, *next;
    asm__ingest_forget_calls(state, true);
    for (record = state->calls.spare; record; record = next) {
        next = record->newer;
        asm__ingest_close_call(asm__container(record, asm__ingest_call, record));
    }
    for (record = state->speakers.oldest; record; record = next) {
        next = record->newer;
        asm__ingest_close_speaker(asm__container(record, asm__ingest_speaker, record));
    }
    for (record = state->speakers.spare; record; record = next) {
        next = record->newer;
        asm__ingest_close_speaker(asm__container(record, asm__ingest_speaker, record));
    }
    asm__index_close(&state->calls.index);
    asm__index_close(&state->tasks);
    asm__index_close(&state->speakers.index);
}

ASM_API asm_result asm_ingest_init(asm_ingest *ingest, const asm_ingest_options *options) {
    asm__ingest *state;
    asm_str session_id, run_id;
    if (!ingest) return ASM_ERR_INVALID_ARGUMENT;
    memset(ingest, 0, sizeof *ingest);
    ingest->result = ASM_ERR_INVALID_ARGUMENT;
    if (!options || !options->on_event || (unsigned)options->format >= ASM_FORMAT_COUNT)
        return ingest->result;
    ingest->result = ASM_ERR_UNSUPPORTED;
    if (!asm_format_is_read(options->format)) return ingest->result;
    session_id = options->session_id;
    run_id = options->run_id;
    ingest->result = ASM_ERR_NO_MEMORY;
    state = (asm__ingest *)ASM_REALLOC(NULL, sizeof *state);
    if (!state) return ingest->result;
    memset(state, 0, sizeof *state);
    state->ingest = ingest;
    state->options = *options;
    asm__ingest_each_buffer(state, asm_buffer_init_growing);
    asm__index_insert(&state->calls.index, &state->calls.anchor);
    asm__index_insert(&state->speakers.index, &state->speakers.anchor);
    asm__index_insert(&state->tasks, &state->tasks_anchor);
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
    if (!ingest || (!data && size)) return ASM_ERR_INVALID_ARGUMENT;
    if (!state) return ingest->result != ASM_OK ? ingest->result : ASM_ERR_MISUSE;
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
    if (!ingest) return ASM_ERR_INVALID_ARGUMENT;
    if (!state) return ingest->result != ASM_OK ? ingest->result : ASM_ERR_MISUSE;
    if (state->line_seen > 0) {
        if (!state->skipping)
            asm__ingest_take_line(state, asm_str_make(state->line, state->line_size), state->line);
        asm__ingest_end_line(state, 0);
    }
    asm__ingest_take_document(state);
    asm__ingest_take_frame(state);
    asm__ingest_end_line(state, 0);
    if (state->held_count) asm__ingest_guess(state);
    if (ingest->format != ASM_FORMAT_AUTO) {
        asm__ingest_set_line(state, asm__ingest_absent(), asm__ingest_absent(), asm__ingest_absent());
        state->at_end = true;
        asm__ingest_end_stream(state);
        state->at_end = false;
        asm__ingest_finish_speakers(state, true, true);
        state->rest_waits = false;
        state->line_type = ASM_STR("session");
        asm__ingest_release_header(state);
        asm__ingest_finish_rest(state);
    } else if (state->any_text) {
        state->line_number = 1;
        state->line_offset = 0;
        asm__ingest_diagnose(state, true, ASM_ERR_UNSUPPORTED, "the format of the stream is not known", 0);
    }
    asm__ingest_begin_stream(state);
    return asm__ingest_result(state);
}

ASM_API void asm_ingest_close(asm_ingest *ingest) {
    asm__ingest *state = ingest ? ingest->state : NULL;
    size_t i;
    if (!state) return;
    asm__ingest_close_records(state);
    asm__ingest_each_buffer(state, asm_buffer_close);
    for (i = 0; i < state->part_capacity; i++) {
        asm_buffer_close(&state->parts[i].id);
        asm_buffer_close(&state->parts[i].name);
        asm_buffer_close(&state->parts[i].input);
        asm_buffer_close(&state->parts[i].parent);
        asm_buffer_close(&state->parts[i].pieces);
    }
    ASM_FREE(state->parts);
    ASM_FREE(state->session_models);
    asm__spans_close(&state->spans);
    ASM_FREE(state->others);
    ASM_FREE(state->line);
    ASM_FREE(state);
    ingest->state = NULL;
}

ASM_API bool asm_ingest_unknown(const asm_ingest *ingest, size_t index, asm_str *type, uint64_t *count) {
    const asm__ingest *state = ingest ? ingest->state : NULL;
    if (!state || index >= state->unknown_count) return false;
    if (type) *type = asm_str_make(state->unknown[index].name, state->unknown[index].size);
    if (count) *count = state->unknown[index].count;
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
