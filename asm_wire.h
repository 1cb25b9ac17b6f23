/* asm_wire.h - v0.1.0 - events of AI-agent sessions as user interfaces and observers read them
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_wire.h"
 *   ASM_WIRE_IMPLEMENTATION builds this header only (asm_render.h and the headers it includes must then be
 *   built elsewhere); ASM_STATIC makes everything static. See asm_json.h.
 *
 * FORMATS
 *   ag-ui         AG-UI 1.0: CopilotKit and other front ends. Server-sent events, or one event per line
 *   ai-sdk        the UI message stream of the AI SDK, versions 6 and 7: assistant-ui, useChat
 *   acp           the Agent Client Protocol, version 1: editors. JSON-RPC, one message per line
 *   otlp          OpenTelemetry traces as OTLP/JSON, with the GenAI semantic conventions: Jaeger, Langfuse
 *   cloudevents   CloudEvents 1.0: message brokers. One event per line, or a batch (an array)
 *   trace         the Trace Event Format: timelines in Perfetto and speedscope
 *   docs/wire.md says for each what becomes of every event, and how to plug it into its front end.
 *
 * EXAMPLE
 *       static asm_result send(void *connection, const char *data, size_t size) { … }
 *
 *       asm_wire wire;
 *       asm_wire_init(&wire, &(asm_wire_options){
 *           .format = ASM_WIRE_AG_UI, .output = { .write = send, .user = connection } });
 *       asm_wire_event(&wire, &event);                       for each event
 *       asm_wire_close(&wire);
 *
 *   In a pipeline it is a sink: asm_wire_sink_init() gives it.
 *
 * WHAT COMES OUT
 *   order    What a format opens is closed in the order it wants: also when a run fails or is cancelled, when
 *            the stream ends early, and when the writer is closed in the middle.
 *   runs     Each run has one beginning and one end. Content that comes without a run_started begins a run,
 *            named by the event's run_id, else "run"; it ends without a stop reason.
 *   calls    A call begins once and has one result. One that ends without having begun is begun first.
 *            One that is open when its run ends gets a result that says so. A call that goes on in the
 *            background gets the result "running in the background" at its run's end; its real end is told
 *            as what the format has for anything else.
 *   ids      A function of the event, so that the same events give the same ids in every program. Ids of less
 *            than 20 bytes are not taken to be unique: the run's id and a colon go before them, and a colon and
 *            a count after the ids of runs but the first.
 *   tokens   Absent stays absent; input_tokens includes what was read from and written to a cache.
 *   limits   A text that is longer than a frame may be is split where the format can, else cut: a mark is
 *            added, and the metadata has the full length ("cut_bytes"). Data that is JSON is whole up to 16 times
 *            that, else the beginning of its text ({"cut":TEXT,"cut_bytes":N}). Ids are never cut, CloudEvents
 *            has no limit, and what a person is asked to approve is whole (acp_requests).
 *   others   An event that the format has no word for is written as what the format allows for others.
 *
 * MEMORY
 *   Through ASM_REALLOC, until asm_wire_close(): the longest frame; each agent's message that was streamed and has not
 *   come whole; for each open message, call, sub-agent and step, and for each call of the run under way, about 600
 *   bytes; with OTLP the spans that are not flushed yet, about 1 MiB; and the history, if there is to be one. What has
 *   ended is used again: events that open nothing allocate nothing.
 *
 * ERRORS
 *   The first error of the output or of memory stays in wire.result; from then on nothing is written. An event
 *   that is not valid (see asm_event_write_json()) is an error of its call, as far as the format looks at it, and is
 *   written as far as it goes: a member that should be JSON and is not as a string, data that cannot be written as null.
 */
#ifndef ASM_WIRE_H
#define ASM_WIRE_H

#include "asm_render.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

/* The formats: constant, name. */
#define ASM_WIRE_FORMATS(X)                                                                                  \
    X(AG_UI, "ag-ui")                                                                                        \
    X(AI_SDK, "ai-sdk")                                                                                      \
    X(ACP, "acp")                                                                                            \
    X(OTLP, "otlp")                                                                                          \
    X(CLOUDEVENTS, "cloudevents")                                                                            \
    X(TRACE, "trace")

/* A format, by its constant in ASM_WIRE_FORMATS. */
typedef enum asm_wire_format {
#define ASM__X(name, text) ASM_WIRE_##name,
    ASM_WIRE_FORMATS(ASM__X)
#undef ASM__X
        ASM_WIRE_FORMAT_COUNT
} asm_wire_format;

/* The name of `format` ("ag-ui"); absent if there is no such format. */
ASM_API asm_str asm_wire_format_name(asm_wire_format format);

/* The format of that name; ASM_WIRE_FORMAT_COUNT if there is no such format. */
ASM_API asm_wire_format asm_wire_format_from_name(asm_str name);

/* How the JSON values of a format follow each other. */
typedef enum asm_wire_framing {
    ASM_WIRE_FRAMING_DEFAULT, /* SSE for ag-ui and ai-sdk, an array for trace, lines for the others */
    ASM_WIRE_FRAMING_SSE,     /* server-sent events: `data: JSON` and a blank line */
    ASM_WIRE_FRAMING_LINES,   /* one value per line */
    ASM_WIRE_FRAMING_ARRAY    /* one JSON array, ended by asm_wire_close() */
} asm_wire_framing;

/* Options of asm_wire_init(). Zero means the default. */
typedef struct asm_wire_options {
    asm_wire_format format;   /* what is written */
    asm_wire_framing framing; /* what stands around each value */
    asm_output output;        /* required: where the frames go; one write for each event that gives any */
    asm_str session_id;       /* of events that have none; default "session". Copied */
    int64_t epoch;        /* SSE: each event's last frame has the id EPOCH.N, N counting the events that gave
                             frames from 1; 0: no ids */
    size_t max_text;      /* bytes of a text in one frame, at least 1024; default 256 KiB */
    size_t history;       /* bytes that may be kept for asm_wire_catch_up(); 0: none */
    bool skip_prompts;    /* leave out what the person said: the reader has it already */
    bool only_ai_sdk_7;   /* ai-sdk: also the chunks that version 6 refuses */
    bool acp_requests;    /* acp: the wire is the agent's own: a tool_approval_requested is the request
                             session/request_permission, whose id is the event's request_id, else "apr:CALL".
                             Without it, who listens is told of the call only */
    bool with_content;    /* otlp: texts, arguments and results, too; they may be private */
    asm_str service_name; /* otlp: default "asm". Copied, as all below */
    asm_str service_instance; /* otlp: default: left out */
    asm_str traceparent; /* otlp, cloudevents: W3C trace context that the runs belong to; an invalid one is
                                 ignored */
} asm_wire_options;

/* One stream: a response, a file, a connection. It must not be moved or copied once it is set up. */
typedef struct asm_wire {
    asm_result result; /* read only: the first error of the output or of memory */
    uint64_t dropped;  /* read only: events that found no place: outside a run (ag-ui, otlp), or in a span
                                 that has as many already as a text may be long (otlp) */
    asm_wire_options options; /* private, all below */
    const struct asm__wire_encoder *encoder;
    asm_output_stream out;
    asm_buffer frames;  /* those of the event under way */
    asm_buffer text;    /* a value that is put together */
    asm_buffer session; /* the session's id, and after it the same as JSON */
    asm_buffer names;   /* copies of the options' texts */
    asm_buffer request; /* acp: id of the prompt that waits for its answer, as JSON */
    asm_buffer kept; /* otlp: the request, with the spans that have ended; others: what their encoder keeps */
    asm_buffer scratch; /* of strings that are unescaped */
    asm__index by_id;
    asm__indexed anchor;                 /* always in the index: an empty one would give its memory back */
    uint64_t runs;                       /* that have begun */
    uint64_t frame_count, event_count;   /* events that gave frames; all */
    struct asm__wire_item *main;         /* the main agent */
    struct asm__wire_item *run;          /* NULL outside a run */
    struct asm__wire_item *first, *last; /* all items, in the order in which they began */
    struct asm__wire_item *free_items;
    struct asm__wire_entry *held; /* events that wait for a run */
    struct asm__wire_entry *last_held;
    struct asm__wire_entry *entries; /* the history */
    struct asm__wire_entry *last_entry;
    size_t held_size, history_size; /* bytes of both */
    size_t session_size;            /* of the id alone */
    asm_time now, origin;           /* of the last event, and of the first that has a time */
    uint64_t lanes;                 /* trace: in use */
    uint64_t run_hash[3];           /* otlp: of the run: for the ids of its spans, and the trace's id */
    unsigned count;                /* trace: processes; acp, cloudevents: the session that wire->kept is of */
    unsigned sessions;             /* how many there were */
    size_t head_sizes[3], head_id; /* cloudevents: see there */
    int64_t number;                /* cloudevents: the next event's, if they are counted one by one */
    char number_digits[24];
    size_t number_size;
    asm_result invalid; /* of the event under way */
    int last_outcome;   /* of the last run; -1: none has ended */
    bool has_begun, in_array, is_busy, is_cut, has_window, is_named, is_again;
    bool is_whole;        /* the text of the event under way: no more of it follows */
    int64_t window, used; /* acp: tokens that the context takes, and that stand in it */
    bool is_same;         /* ag-ui: the events are those of an AG-UI stream, which comes out as it was */
    asm_str more;         /* ag-ui: of the event under way: members of its frames, by their type */
    asm_str frame_type;   /* ag-ui */
    asm_time second;      /* ag-ui: when that of the last timestamp began, and its digits */
    char second_digits[24];
    size_t second_size;
} asm_wire;

/* Starts a stream. Errors: those of asm_output_stream_open(); ASM_ERR_NO_MEMORY; ASM_ERR_INVALID_ARGUMENT for an unknown
 * format or framing, an array in a format other than cloudevents and trace, a max_text from 1 to 1023, and NULL. End it with
 * asm_wire_close() also after an error. Nothing of `options` is kept but what `output` points to. */
ASM_API asm_result asm_wire_init(asm_wire *wire, const asm_wire_options *options);

/* asm_wire_init(), and the sink that writes to the wire, for a pipeline, which closes it. `wire` must outlive the
 * pipeline. The sink's result is that of asm_wire_init(). */
ASM_API asm_sink asm_wire_sink_init(asm_wire *wire, const asm_wire_options *options);

/* Writes the event in the format, with one write to the output; nothing if the format has nothing for it. See ERRORS;
 * ASM_ERR_MISUSE from inside the output's write function. */
ASM_API asm_result asm_wire_event(asm_wire *wire, const asm_event *event);

/* asm_wire_event() as an asm_event_callback: for asm_ingest_options.on_event and others. `wire` is the asm_wire. Errors of
 * the output and of memory stay in wire->result. */
ASM_API void asm_wire_on_event(void *wire, const asm_event *event);

/* otlp: writes the spans that have ended as one request; over 1 MiB of them are written without being asked. The others
 * have nothing to flush. Returns wire->result; ASM_ERR_MISUSE from inside the output's write function. */
ASM_API asm_result asm_wire_flush(asm_wire *wire);

/* acp: the prompt (session/prompt) that the next run's end answers: `request_id` is the request's id, as JSON.
 * Copied. Without one the end of a run is the notification "_asm/run_ended". ASM_ERR_INVALID_ARGUMENT if it is no JSON;
 * ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_wire_acp_prompt(asm_wire *wire, asm_str request_id);

/* Writes to `output` what a reader needs who joins now: the stream as if it had been there from the beginning, with each
 * finished message in one piece. What follows on `wire` continues it. ASM_ERR_NO_SPACE if more than
 * options.history bytes would have been needed, or the history got no memory; ASM_ERR_MISUSE without history and for
 * otlp; ASM_ERR_NO_MEMORY; those of `output`. Allocates, and frees that before it returns. */
ASM_API asm_result asm_wire_catch_up(const asm_wire *wire, const asm_output *output);

/* Ends what is open: a run that has not ended as one whose stream ended ("stream_ended"), or, where calls wait for a
 * person and the format can say so, as interrupted. Then flushes and frees. Returns the first error of all; a second call
 * does nothing but return it again, and the other functions are ASM_ERR_MISUSE from then on. ASM_ERR_MISUSE from inside the
 * output's write function. */
ASM_API asm_result asm_wire_close(asm_wire *wire);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_WIRE_H */

/* =========================================================================================================
 * Implementation
 *
 *   >>wire: items         what is open, and the calls of the run
 *   >>wire: frames        from JSON values to bytes
 *   >>wire: members       texts, numbers and JSON as members; cutting
 *   >>wire: outside       what comes outside a run
 *   >>wire: runs          their beginning and end
 *   >>wire: text          messages and reasoning
 *   >>wire: calls         tool calls, approvals, sub-agents
 *   >>wire: events        from events to the encoder
 *   >>wire: usage         token counts
 *   >>wire: ag-ui         one section for each format
 *   >>wire: ai-sdk
 *   >>wire: acp
 *   >>wire: otlp
 *   >>wire: cloudevents
 *   >>wire: trace
 *   >>wire: formats       the table of formats: a new one is added here
 *   >>wire: history       for those who join late
 *   >>wire: public        the public functions
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_WIRE_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_WIRE_IMPLEMENTED
#define ASM_WIRE_IMPLEMENTED

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_json.h"

#include <string.h>

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>wire: items */

typedef enum asm__wire_kind {
    ASM__WIRE_MAIN, /* the main agent */
    ASM__WIRE_RUN,
    ASM__WIRE_STEP,
    ASM__WIRE_TEXT,
    ASM__WIRE_CALL,
    ASM__WIRE_AGENT, /* a sub-agent */
    ASM__WIRE_SPAN,  /* ag-ui: reasoning, of a stream that comes out as it was */
    ASM__WIRE_KINDS
} asm__wire_kind;

typedef struct asm__wire_item {
    asm__indexed key; /* by kind and the id that events give */
    struct asm__wire_item *previous, *next;
    struct asm__wire_item *owner;    /* the agent it belongs to; NULL of the main one and of a run */
    struct asm__wire_item *call;     /* of a sub-agent: the call that started it; of a call: the sub-agent */
    struct asm__wire_item *speaking; /* of an agent: the text that is open */
    asm_str id;                      /* as it is written */
    asm_str id_json;                 /* with its quotes; absent if something in it must be escaped */
    asm_str name;
    asm_time begin,
        since; /* since: of an agent: the end of what it did last; of a call: when a person was asked */
    asm__wire_kind kind;
    bool has_begun;      /* of a call: also named to the reader; of others always true */
    bool has_input;      /* of a call */
    bool is_offered;     /* of a call: named, not started */
    bool has_ended;      /* kept only so that it is known */
    bool is_thought;     /* of a text: reasoning */
    bool is_waiting;     /* of a call: a person is asked */
    bool is_background;  /* of a call */
    bool has_unreceived; /* of an agent: it streamed text that no message_received has repeated */
    bool is_implied;     /* of a run: no run_started began it */
    bool is_under;       /* for a moment: of an agent that ends */
    unsigned lane;       /* trace */
    unsigned busy;       /* trace: of an agent: its calls that are open on its lane */
    unsigned count;      /* otlp: of an agent: its model calls */
    uint64_t span;       /* otlp */
    bool has_id;         /* events give its id */
    bool is_told;        /* of a call in the background: its run has ended */
    bool is_denied;      /* of a call: ended by that; its own start and end may still be told */
    bool is_prompt;      /* of a text: not the agent's */
    bool is_alone;       /* trace: of a call: on its agent's lane */
    bool is_asked;       /* trace: of a call: "waiting" is open */
    bool is_named;       /* acp: of a call: told to the reader */
    bool is_chunked;     /* ag-ui: of a text or a call: it comes as chunks, which open nothing */
    asm_time asked;      /* otlp: of a sub-agent: when it began */
    size_t told;         /* ai-sdk: of a call: how much of its output was written */
    uint64_t number;     /* of the event that began it */
    const struct asm__wire_item *heard_of; /* which message `heard` is of; NULL: one without an id */
    /* memory, which the next item uses again */
    asm_buffer kept;  /* what the encoder gathers until the end */
    asm_buffer said;  /* of a text: all of it, for the history */
    asm_buffer heard; /* of an agent: what it said of the message that is not received yet; of a run: otlp:
                         what its spans begin with */
    char *memory;     /* of id and name */
    size_t room;
} asm__wire_item;

/* What a call's end says. */
typedef struct asm__wire_result {
    asm_str text; /* absent: none */
    bool is_json; /* `text` is a JSON value that is no string */
    bool is_failed;
    bool is_denied;
    bool is_open;   /* it has not ended: the text only says so to readers who want a result */
    asm_str status; /* absent: not told */
    asm_optional_int64 exit_code;
    asm_optional_double duration_ms;
} asm__wire_result;

typedef enum asm__wire_outcome {
    ASM__WIRE_COMPLETED,
    ASM__WIRE_FAILED,
    ASM__WIRE_CANCELLED,
    ASM__WIRE_TIMEOUT,
    ASM__WIRE_INTERRUPTED /* a person is asked, and the stream ends */
} asm__wire_outcome;

/* What a format makes of what happens. A function that is NULL: nothing. `event` is NULL where no event says so. */
typedef struct asm__wire_encoder {
    bool needs_run;     /* what comes outside a run is held back */
    bool has_no_offers; /* calls that nobody has run need a result, too */
    bool keeps_waiting; /* calls that wait for a person are left open when the stream ends */
    void (*event)(asm_wire *wire, const asm_event *event); /* if given, the only one */
    void (*run_begin)(asm_wire *wire, asm__wire_item *run, const asm_event *event);
    void (*run_end)(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome, const asm_event *event);
    void (*step_begin)(asm_wire *wire, asm__wire_item *step);
    void (*step_end)(asm_wire *wire, asm__wire_item *step);
    void (*agent_begin)(asm_wire *wire, asm__wire_item *agent);
    void (*agent_end)(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result);
    void (*text_begin)(asm_wire *wire, asm__wire_item *text, asm_str role);
    void (*text_delta)(asm_wire *wire, asm__wire_item *text, asm_str delta);
    void (*text_end)(asm_wire *wire, asm__wire_item *text, const asm_event *event);
    void (*call_begin)(asm_wire *wire, asm__wire_item *call);
    /* `input` is absent if it is not known */
    void (*call_input)(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text);
    void (*call_progress)(asm_wire *wire, asm__wire_item *call, const asm_event *event);
    void (*call_end)(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result);
    void (*approval)(asm_wire *wire, asm__wire_item *call, const asm_event *event);
    void (*usage)(asm_wire *wire, const asm_event *event);
    void (*note)(asm_wire *wire, const asm_event *event); /* any other event */
    void (*finish)(asm_wire *wire);                       /* asm_wire_close(), before the last bytes */
} asm__wire_encoder;

/* What tells the kinds of ids apart in the index. */
static const char asm__wire_scopes[ASM__WIRE_KINDS] = {0};

/* As asm_str_equal(), without calls: ids that mostly are the same. */
static bool asm__wire_is_same_id(asm_str a, asm_str b) {
    uint64_t of_a[2], of_b[2], different = 0;
    const size_t step = a.size < 16 ? 8 : 16, half = step - 8;
    size_t i;
    if (a.size != b.size) return false;
    if (a.size < 4) return a.size == 0 || asm_str_equal(a, b);
    if (a.size < 8) {
        uint32_t few[4];
        memcpy(&few[0], a.data, 4);
        memcpy(&few[1], b.data, 4);
        memcpy(&few[2], a.data + a.size - 4, 4);
        memcpy(&few[3], b.data + a.size - 4, 4);
        return few[0] == few[1] && few[2] == few[3];
    }
    for (i = 0; i < a.size; i += step) {
        const size_t at = i + step <= a.size ? i : a.size - step; /* the last ones end with the text */
        memcpy(&of_a[0], a.data + at, 8);
        memcpy(&of_b[0], b.data + at, 8);
        memcpy(&of_a[1], a.data + at + half, 8);
        memcpy(&of_b[1], b.data + at + half, 8);
        different |= (of_a[0] ^ of_b[0]) | (of_a[1] ^ of_b[1]);
    }
    return !different;
}

static void asm__wire_fail(asm_wire *wire, asm_result result) {
    if (wire->result == ASM_OK) wire->result = result;
}

static asm__wire_item *asm__wire_find(const asm_wire *wire, asm__wire_kind kind, asm_str id) {
    asm__indexed *found;
    if (!id.size) return NULL;
    found = asm__index_find(&wire->by_id, &asm__wire_scopes[kind], id, asm__hash(id.data, id.size, 0));
    return found ? (asm__wire_item *)(void *)found : NULL;
}

/* Texts of an item may be copied in so many bytes: its memory has them. */
#define ASM__WIRE_BLOCK 64

/* Room for `size` bytes of texts in `item`. */
static bool asm__wire_reserve(asm_wire *wire, asm__wire_item *item, size_t size) {
    char *memory;
    size_t room = 192; /* enough for most, so that those that are used again are large enough */
    if (size <= item->room) return true;
    while (room < size && room <= SIZE_MAX / 2)
        room *= 2;
    memory = (char *)ASM_REALLOC(item->memory, room < size ? size : room);
    if (!memory) {
        asm__wire_fail(wire, ASM_ERR_NO_MEMORY);
        return false;
    }
    item->memory = memory;
    item->room = room < size ? size : room;
    return true;
}

static asm__wire_item *asm__wire_take_item(asm_wire *wire) {
    enum { BLOCK = 64, HEAD = offsetof(asm__wire_item, kept) };
    asm__wire_item *item = wire->free_items;
    if (item) {
        char *head = (char *)item;
        size_t at;
        wire->free_items = item->next;
        for (at = 0; at < HEAD - BLOCK;
             at += BLOCK) /* compilers make a slow instruction of a long memset() */
            memset(head + at, 0, BLOCK);
        memset(head + HEAD - BLOCK, 0, BLOCK);
        asm_buffer_clear(&item->kept);
        asm_buffer_clear(&item->said);
        asm_buffer_clear(&item->heard);
        return item;
    }
    item = (asm__wire_item *)ASM_REALLOC(NULL, sizeof *item);
    if (!item) {
        asm__wire_fail(wire, ASM_ERR_NO_MEMORY);
        return NULL;
    }
    memset(item, 0, sizeof *item);
    asm_buffer_init_growing(&item->kept);
    asm_buffer_init_growing(&item->said);
    asm_buffer_init_growing(&item->heard);
    return item;
}

/* The part of `text` that fits `size` bytes; never a part of a character. */
static asm_str asm__wire_prefix(asm_str text, size_t size) {
    size_t back = 0;
    if (text.size <= size || !text.data) return text;
    while (back < 3 && back < size && ((unsigned char)text.data[size - back] & 0xC0) == 0x80)
        back++;
    if (((unsigned char)text.data[size - back] & 0xC0) == 0x80) back = 0; /* no character stands there */
    return asm_str_make(text.data, size - back);
}

/* The item's id, which stands in its memory with room for a quote on each side: nearly all are then JSON. */
static void asm__wire_set_id(asm__wire_item *item, asm_str id) {
    char *begin = item->memory + (id.data - item->memory) - 1;
    item->id = id;
    begin[0] = begin[id.size + 1] = '"';
    if (asm__plain_end(id.data, id.data + id.size) == id.data + id.size)
        item->id_json = asm_str_make(begin, id.size + 2);
}

/* Below it, an id is not taken to be unique beyond its run. */
#define ASM__WIRE_UNIQUE_SIZE 20

/* A new item at the end of the list, or NULL. Its id is `id`, made unique; an absent one is `letter`:SEQUENCE. */
static asm__wire_item *asm__wire_add(asm_wire *wire, asm__wire_kind kind, asm__wire_item *owner, asm_str id,
                                     char letter, asm_str name) {
    asm__wire_item *item = asm__wire_take_item(wire);
    const asm_str run = wire->run ? wire->run->id : ASM_STR("");
    const bool is_short = id.size < ASM__WIRE_UNIQUE_SIZE && run.size > 0 && !wire->is_same;
    const size_t before = is_short ? run.size + 1 : 0;
    char made[32], after[32], *p;
    size_t after_size = 0;
    asm_str own = id;
    if (!item) return NULL;
    if (!wire->is_same) name = asm__wire_prefix(name, wire->options.max_text);
    if (!id.size) {
        made[0] = letter;
        made[1] = ':';
        own = asm_str_make(made, 2 + asm__format_int64((int64_t)wire->event_count, made + 2));
    }
    if (wire->is_again) after[0] = ':';
    if (wire->is_again) after_size = 1 + asm__format_int64((int64_t)wire->event_count, after + 1);
    if (!asm__wire_reserve(wire, item, before + own.size + after_size + name.size + 2 + ASM__WIRE_BLOCK)) {
        item->next = wire->free_items;
        wire->free_items = item;
        return NULL;
    }
    p = item->memory + 1;
    if (before) {
        memcpy(p, run.data, run.size);
        p[run.size] = ':';
    }
    memcpy(p + before, own.data, own.size);
    if (after_size) memcpy(p + before + own.size, after, after_size);
    asm__wire_set_id(item, asm_str_make(p, before + own.size + after_size));
    p += item->id.size + 1;
    if (name.size) memcpy(p, name.data, name.size);
    item->name = asm_str_make(p, name.size);
    item->kind = kind;
    item->owner = owner;
    item->begin = item->since = wire->now;
    item->previous = wire->last;
    if (wire->last) wire->last->next = item;
    else wire->first = item;
    wire->last = item;
    item->number = wire->event_count;
    item->has_id = id.size > 0;
    item->key.text = asm_str_make(item->id.data + before, own.size);
    if (item->has_id) {
        item->key.hash = asm__hash(own.data, own.size, 0);
        item->key.scope = &asm__wire_scopes[kind];
        asm__index_insert(&wire->by_id, &item->key);
    }
    return item;
}

/* Lets go of the item's id, so that another may have it. */
static void asm__wire_forget(asm_wire *wire, asm__wire_item *item) {
    if (item->key.scope) asm__index_remove(&wire->by_id, &item->key);
    item->key.scope = NULL;
}

static void asm__wire_remove(asm_wire *wire, asm__wire_item *item) {
    asm__wire_forget(wire, item);
    if (item->previous) item->previous->next = item->next;
    else wire->first = item->next;
    if (item->next) item->next->previous = item->previous;
    else wire->last = item->previous;
    if (item->call) item->call->call = NULL;
    item->next = wire->free_items;
    wire->free_items = item;
}

static void asm__wire_free_items(asm__wire_item *item) {
    while (item) {
        asm__wire_item *next = item->next;
        asm_buffer_close(&item->kept);
        asm_buffer_close(&item->said);
        asm_buffer_close(&item->heard);
        ASM_FREE(item->memory);
        ASM_FREE(item);
        item = next;
    }
}

/* >>wire: frames */

#if ASM__SMALL
#define ASM__WIRE_INLINE static
#else
#define ASM__WIRE_INLINE ASM__INLINE
#endif

/* Adds what is mostly a literal: one bounds check, and a copy of a size that the compiler knows. */
ASM__WIRE_INLINE void asm__wire_put(asm_buffer *out, asm_str text) {
    if (out->capacity - out->size < text.size || out->result != ASM_OK) {
        asm_buffer_append(out, text);
        return;
    }
    memcpy(out->data + out->size, text.data, text.size);
    out->size += text.size;
}

#define ASM__PUT(out, literal) asm__wire_put((out), ASM_STR(literal))

/* asm_buffer_reserve(), where there mostly is room. */
ASM__WIRE_INLINE bool asm__wire_has_room(asm_buffer *out, size_t size) {
    return (out->capacity - out->size >= size && out->result == ASM_OK) ||
           asm_buffer_reserve(out, size) == ASM_OK;
}

static void asm__wire_digits(asm_buffer *out, int64_t value) {
    if (asm__wire_has_room(out, 21)) out->size += asm__format_int64(value, out->data + out->size);
}

ASM__WIRE_INLINE void asm__wire_int(asm_buffer *out, asm_str before, int64_t value) {
    asm__wire_put(out, before);
    asm__wire_digits(out, value);
}

static bool asm__wire_is_sse(const asm_wire *wire) {
    return wire->options.framing == ASM_WIRE_FRAMING_SSE;
}

/* What stands around a JSON value that is no element of an array. */
ASM__WIRE_INLINE void asm__wire_put_begin(const asm_wire *wire, asm_buffer *out) {
    if (asm__wire_is_sse(wire)) ASM__PUT(out, "data: ");
}

ASM__WIRE_INLINE void asm__wire_put_end(const asm_wire *wire, asm_buffer *out) {
    if (asm__wire_is_sse(wire)) ASM__PUT(out, "\n\n");
    else if (wire->options.framing == ASM_WIRE_FRAMING_LINES) ASM__PUT(out, "\n");
}

/* Where the next JSON value goes; end it with asm__wire_end_frame(). */
ASM__WIRE_INLINE asm_buffer *asm__wire_frame(asm_wire *wire) {
    asm_buffer *out = &wire->frames;
    asm__wire_put_begin(wire, out);
    if (wire->options.framing == ASM_WIRE_FRAMING_ARRAY) {
        asm_buffer_append(out, wire->in_array ? ASM_STR(",\n") : ASM_STR("[\n"));
        wire->in_array = true;
    }
    return out;
}

ASM__WIRE_INLINE void asm__wire_end_frame(asm_wire *wire) {
    asm__wire_put_end(wire, &wire->frames);
}

/* Writes the frames of an event. */
static asm_result asm__wire_send(asm_wire *wire) {
    asm_buffer *out = &wire->frames;
    if (out->size && out->result == ASM_OK) {
        wire->frame_count++;
        if (asm__wire_is_sse(wire) && wire->options.epoch) {
            out->size--; /* into the frame, whose blank line comes again */
            asm__wire_int(out, ASM_STR("id: "), wire->options.epoch);
            asm__wire_int(out, ASM_STR("."), (int64_t)wire->frame_count);
            ASM__PUT(out, "\n\n");
        }
    }
    if (out->result != ASM_OK) asm__wire_fail(wire, out->result);
    else if (out->size && wire->result == ASM_OK)
        asm__wire_fail(wire, asm_output_stream_write(&wire->out, out->data, out->size));
    asm_buffer_clear(out);
    return wire->result;
}

/* >>wire: members
 *
 * `before` is what stands before the value, comma, key and colon; nothing is written for what is absent. */

/* As asm__append_string(), which takes short texts the long way. */
static void asm__wire_string(asm_buffer *out, asm_str text) {
    const bool is_short = !ASM__SMALL && text.size - 1 < ASM__SHORT && out->result == ASM_OK &&
                          (out->capacity - out->size) / 8 >= text.size + 17;
    if (!is_short) asm__append_string(out, text);
    else if (text.size <= 16 && asm__put_short(out->data + out->size, text)) out->size += text.size + 2;
    else out->size = (size_t)(asm__put_short_string(out->data + out->size, text) - out->data);
}

ASM__WIRE_INLINE void asm__wire_text(asm_buffer *out, asm_str before, asm_str text) {
    if (!text.data) return;
    asm__wire_put(out, before);
    asm__wire_string(out, text);
}

/* Adds `text` as a string after a prefix of ours, which begins with the quote: "res:call_1". */
static void asm__wire_prefixed(asm_buffer *out, asm_str prefix, asm_str text) {
    size_t last;
    char c;
    asm__wire_put(out, prefix);
    if (out->result != ASM_OK) return;
    last = --out->size;
    c = out->data[last];
    asm__wire_string(out, text); /* its own quote stands there now, and makes way */
    if (out->result == ASM_OK) out->data[last] = c;
}

/* asm__wire_prefixed() for the id of an item. */
static void asm__wire_prefixed_id(asm_buffer *out, asm_str prefix, const asm__wire_item *item) {
    if (!item->id_json.size) {
        asm__wire_prefixed(out, prefix, item->id);
        return;
    }
    asm__wire_put(out, prefix);
    asm__wire_put(out, asm_str_make(item->id_json.data + 1, item->id_json.size - 1));
}

/* A member that is the id of an item. Short ones are copied with what stands after them, which is written over. */
ASM__WIRE_INLINE void asm__wire_id(asm_buffer *out, asm_str before, const asm__wire_item *item) {
    const asm_str id = item->id_json;
    asm__wire_put(out, before);
    if (id.size <= ASM__WIRE_BLOCK && out->capacity - out->size >= ASM__WIRE_BLOCK && id.size &&
        out->result == ASM_OK) {
        memcpy(out->data + out->size, id.data, ASM__WIRE_BLOCK);
        out->size += id.size;
    } else if (id.size) {
        asm__wire_put(out, id);
    } else {
        asm__append_string(out, item->id);
    }
}

static void asm__wire_optional_int(asm_buffer *out, asm_str before, asm_optional_int64 number) {
    if (number.is_set) asm__wire_int(out, before, number.value);
}

static void asm__wire_double(asm_buffer *out, asm_str before, asm_optional_double number) {
    if (!number.is_set) return;
    asm_buffer_append(out, before);
    asm_double_format(out, number.value);
}

static void asm__wire_true(asm_buffer *out, asm_str before, asm_optional_bool truth) {
    if (!truth.is_set) return;
    asm_buffer_append(out, before);
    asm_buffer_append(out, truth.value ? ASM_STR("true") : ASM_STR("false"));
}

/* JSON as it is; text that is not valid JSON as a string. */
static void asm__wire_json(asm_buffer *out, asm_str before, asm_str json) {
    bool untidy = false;
    if (!json.data) return;
    asm_buffer_append(out, before);
    if (asm__check_raw(json, 8, &untidy) == ASM_OK) asm__append_raw(out, json, untidy);
    else asm__append_string(out, json);
}

/* JSON without white space, in wire->text; text that is not valid JSON as it is. */
static asm_str asm__wire_tidy(asm_wire *wire, asm_str json) {
    bool untidy = false;
    asm_buffer_clear(&wire->text);
    if (!json.size || asm__check_raw(json, 8, &untidy) != ASM_OK || !untidy) return json;
    asm__append_raw(&wire->text, json, untidy);
    return wire->text.result == ASM_OK ? asm_buffer_text(&wire->text) : json;
}

/* Makes the members from `begin` on an object: their first comma becomes `before` and a brace. */
static void asm__wire_wrap(asm_buffer *out, size_t begin, asm_str before) {
    if (!asm__wire_has_room(out, before.size + 1)) return;
    memmove(out->data + begin + before.size + 1, out->data + begin + 1, out->size - begin - 1);
    memcpy(out->data + begin, before.data, before.size);
    out->data[begin + before.size] = '{';
    out->size += before.size;
    ASM__PUT(out, "}");
}

static size_t asm__wire_cut_long(asm_wire *wire, asm_buffer *out, asm_str before, asm_str text) {
    asm__wire_text(out, before, asm__wire_prefix(text, wire->options.max_text));
    if (out->result == ASM_OK) out->size--; /* the mark goes before the closing quote */
    ASM__PUT(out, "\\n[\xE2\x80\xA6 cut]\"");
    return text.size;
}

/* A string, cut where it is too long for a frame. Returns how many bytes it had if it was cut, else 0. */
ASM__WIRE_INLINE size_t asm__wire_cut_text(asm_wire *wire, asm_buffer *out, asm_str before, asm_str text) {
    if (text.size > wire->options.max_text) return asm__wire_cut_long(wire, out, before, text);
    asm__wire_text(out, before, text);
    return 0;
}

/* asm__wire_cut_text() for a string that is JSON. */
static size_t asm__wire_cut_string(asm_wire *wire, asm_buffer *out, asm_str before, asm_str json) {
    asm_str text;
    asm_buffer_clear(&wire->scratch);
    if (json.size > wire->options.max_text && asm_json_to_string(json, &wire->scratch, &text))
        return asm__wire_cut_text(wire, out, before, text);
    asm__wire_json(out, before, json);
    return 0;
}

/* The next piece of `*rest`, which is shortened by it. */
static asm_str asm__wire_piece(const asm_wire *wire, asm_str *rest) {
    const asm_str piece = asm__wire_prefix(*rest, wire->options.max_text);
    *rest = asm_str_make(rest->data + piece.size, rest->size - piece.size);
    return piece;
}

/* JSON that cannot be cut is written whole up to so many bytes, else as the beginning of its text. */
static size_t asm__wire_json_limit(const asm_wire *wire) {
    return wire->options.max_text <= SIZE_MAX / 16 ? 16 * wire->options.max_text : SIZE_MAX;
}

/* Puts the beginning of the JSON that `out` has from `begin` on in its place, as a string. */
static void asm__wire_cut_json(asm_wire *wire, asm_buffer *out, size_t begin) {
    const asm_str whole = asm_str_make(out->data + begin, out->size - begin);
    asm_buffer_clear(&wire->scratch);
    asm_buffer_append(&wire->scratch, asm__wire_prefix(whole, wire->options.max_text + 4));
    out->size = begin;
    asm__wire_cut_text(wire, out, ASM_STR("{\"cut\":"), asm_buffer_text(&wire->scratch));
    asm__wire_int(out, ASM_STR(",\"cut_bytes\":"), (int64_t)whole.size);
    ASM__PUT(out, "}");
}

/* A member of a frame that is JSON, cut where it is too long: see asm__wire_cut_json(). */
static void asm__wire_cut_member(asm_wire *wire, asm_buffer *out, asm_str before, asm_str json) {
    const size_t begin = out->size + before.size;
    asm__wire_json(out, before, json);
    if (json.data && out->result == ASM_OK && out->size - begin > asm__wire_json_limit(wire))
        asm__wire_cut_json(wire, out, begin);
}

/* The event's own data; null if it is not valid, which the call then returns. */
static void asm__wire_data(asm_wire *wire, asm_buffer *out, const asm_event *event) {
    const size_t begin = out->size;
    const asm_result result = asm_event_write_data(event, out);
    if (result != ASM_OK && out->result == ASM_OK) {
        ASM__PUT(out, "null");
        wire->invalid = result;
    } else if (out->result == ASM_OK && out->size - begin > asm__wire_json_limit(wire) &&
               wire->options.format != ASM_WIRE_OTLP && wire->options.format != ASM_WIRE_CLOUDEVENTS) {
        asm__wire_cut_json(wire, out, begin);
    }
}

/* What is known of how a call ended, as the members of an object; `before` goes before each but the first. */
static void asm__wire_result_members(asm_wire *wire, asm_buffer *out, const asm__wire_result *result,
                                     size_t cut) {
    size_t begin = out->size;
    asm__wire_cut_text(wire, out, ASM_STR(",\"status\":"),
                       !result->status.data && result->is_failed ? ASM_STR("failed") : result->status);
    if (result->is_open) ASM__PUT(out, ",\"open\":true");
    if (result->is_json) ASM__PUT(out, ",\"json\":true");
    asm__wire_optional_int(out, ASM_STR(",\"exit_code\":"), result->exit_code);
    asm__wire_double(out, ASM_STR(",\"duration_ms\":"), result->duration_ms);
    if (cut) asm__wire_int(out, ASM_STR(",\"cut_bytes\":"), (int64_t)cut);
    if (out->result == ASM_OK && out->size > begin) out->data[begin] = '{';
    else ASM__PUT(out, "{");
    ASM__PUT(out, "}");
}

static bool asm__wire_has_members(const asm__wire_result *result, size_t cut) {
    return result->status.data || result->is_failed || result->is_open || result->is_json ||
           result->exit_code.is_set || result->duration_ms.is_set || cut;
}

static int64_t asm__wire_milliseconds(asm_time time) {
    return time / 1000 - (time % 1000 < 0);
}

/* >>wire: history */

/* An event that is kept: for those who join late, or until a run begins. */
typedef struct asm__wire_entry {
    struct asm__wire_entry *next;
    uint64_t number; /* of the event */
    size_t size;     /* of the entry */
    asm_event *event;
} asm__wire_entry;

/* The event's copy stands after the entry, aligned as that is. */
static asm__wire_entry *asm__wire_entry_new(const asm_event *event, uint64_t number, size_t limit) {
    const size_t head = (sizeof(asm__wire_entry) + 15) & ~(size_t)15, size = asm_event_copy_size(event);
    asm__wire_entry *entry;
    if (size > limit || head > limit - size) return NULL;
    entry = (asm__wire_entry *)ASM_REALLOC(NULL, head + size);
    if (!entry) return NULL;
    entry->next = NULL;
    entry->number = number;
    entry->size = head + size;
    entry->event = asm_event_copy(event, (char *)entry + head, size);
    return entry;
}

static void asm__wire_free_entries(asm__wire_entry *entry) {
    while (entry) {
        asm__wire_entry *next = entry->next;
        ASM_FREE(entry);
        entry = next;
    }
}

/* There is no catch-up any more. */
static void asm__wire_cut_history(asm_wire *wire) {
    wire->is_cut = true;
    asm__wire_free_entries(wire->entries);
    wire->entries = wire->last_entry = NULL;
}

static void asm__wire_remember(asm_wire *wire, const asm_event *event, uint64_t number) {
    asm__wire_entry *entry;
    if (!wire->options.history || wire->is_cut) return;
    entry = asm__wire_entry_new(event, number, wire->options.history - wire->history_size);
    if (!entry) {
        asm__wire_cut_history(wire);
        return;
    }
    wire->history_size += entry->size;
    if (wire->last_entry) wire->last_entry->next = entry;
    else wire->entries = entry;
    wire->last_entry = entry;
}

/* What was said so far of a text, as one event. */
static asm_event asm__wire_said(const asm__wire_item *text) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_MESSAGE_STREAMED;
    event.message.delta = asm_buffer_text(&text->said);
    if (text->has_id) event.message.message_id = text->key.text;
    if (text->owner->kind == ASM__WIRE_AGENT) event.message.parent_tool_call_id = text->owner->key.text;
    if (text->is_thought) event.message.thinking = ASM_BOOL(true);
    event.time = text->begin;
    return event;
}

static void asm__wire_remember_said(asm_wire *wire, const asm__wire_item *text) {
    const asm_event event = asm__wire_said(text);
    asm__wire_remember(wire, &event, text->number);
}

/* Whether `event`, which is remembered, says all of the text again. */
static bool asm__wire_repeats(const asm_event *event, const asm__wire_item *text) {
    return event && event->type != ASM_EVENT_MESSAGE_STREAMED &&
           asm_str_equal(asm_event_text(event), asm_buffer_text(&text->said));
}

/* >>wire: text
 *
 * The frames of a text's pieces differ in the piece only. What stands around it is put together when a text begins that
 * comes in pieces, in `kept` of the agent that speaks; `told` bytes of it stand before the piece. */

static asm_buffer *asm__wire_begin_pieces(const asm_wire *wire, asm__wire_item *agent) {
    asm_buffer *around = &agent->kept;
    asm_buffer_clear(around);
    asm__wire_put_begin(wire, around);
    return around;
}

#define ASM__WIRE_AFTER 16 /* what stands after a piece may be copied in so many bytes */

static void asm__wire_end_pieces(asm_wire *wire, asm_buffer *around, asm_str closing) {
    asm__wire_put(around, closing);
    asm__wire_put_end(wire, around);
    asm_buffer_reserve(around, ASM__WIRE_AFTER);
    asm__wire_fail(wire, around->result);
}

/* In one go, if it is short and there is room. */
static bool asm__wire_put_short_piece(asm_buffer *out, asm_str before, asm_str piece, asm_str after) {
    const bool is_short = !ASM__SMALL && piece.size - 1 < ASM__SHORT && out->result == ASM_OK &&
                          after.size <= ASM__WIRE_AFTER &&
                          out->capacity - out->size >= before.size + 8 * (piece.size + 17) + ASM__WIRE_AFTER;
    char *p;
    if (!is_short) return false;
    p = out->data + out->size;
    memcpy(p, before.data, before.size);
    p = asm__put_short_string(p + before.size, piece);
    memcpy(p, after.data, ASM__WIRE_AFTER);
    out->size = (size_t)(p + after.size - out->data);
    return true;
}

static void asm__wire_put_pieces(asm_wire *wire, const asm__wire_item *agent, asm_str text) {
    const asm_str around = asm_buffer_text(&agent->kept), before = asm_str_make(around.data, agent->told),
                  after = asm_str_make(around.data + agent->told, around.size - agent->told);
    asm_buffer *out = &wire->frames;
    while (text.size) {
        const asm_str piece = asm__wire_piece(wire, &text);
        if (asm__wire_put_short_piece(out, before, piece, after)) continue;
        asm__wire_text(out, before, piece);
        asm__wire_put(out, after);
    }
}

static void asm__wire_end_text(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    asm__wire_item *text = agent->speaking;
    if (!text) return;
    agent->speaking = NULL;
    text->has_ended = true;
    if (text->said.size && !asm__wire_repeats(event, text)) asm__wire_remember_said(wire, text);
    asm_buffer_clear(&text->said);
    if (wire->encoder->text_end) wire->encoder->text_end(wire, text, event);
    if (!text->is_thought) agent->since = wire->now;
    if (!text->key.scope) asm__wire_remove(wire, text);
}

/* Ends the text before something else begins; an AG-UI stream says itself when that is. */
static void asm__wire_pause_text(asm_wire *wire, asm__wire_item *agent) {
    if (!wire->is_same) asm__wire_end_text(wire, agent, NULL);
}

/* Opens a text of `agent`, or goes on with it. NULL without memory. */
static asm__wire_item *asm__wire_open_text(asm_wire *wire, asm__wire_item *agent, asm_str id, bool is_thought,
                                           asm_str role) {
    asm__wire_item *text = agent->speaking;
    const bool is_same =
        text && text->is_thought == is_thought && (!id.size || asm_str_equal(text->key.text, id));
    if (is_same) return text;
    asm__wire_end_text(wire, agent, NULL);
    text = is_thought ? NULL : asm__wire_find(wire, ASM__WIRE_TEXT, id);
    if (!text || text->owner != agent) {
        if (text) asm__wire_forget(wire, text);
        text = asm__wire_add(wire, ASM__WIRE_TEXT, agent, id, 'm', ASM_STR(""));
        if (!text) return NULL;
        if (is_thought) asm__wire_forget(wire, text);
    }
    text->is_thought = is_thought;
    text->has_ended = false;
    text->begin = wire->now;
    agent->speaking = text;
    agent->told = 0;
    if (wire->encoder->text_begin) wire->encoder->text_begin(wire, text, role);
    return text;
}

/* Remembers what an agent says until the message comes whole. */
static void asm__wire_hear(asm_wire *wire, asm__wire_item *agent, const asm__wire_item *text, asm_str said) {
    const asm__wire_item *of = text->has_id ? text : NULL;
    if (of != agent->heard_of || !agent->has_unreceived) asm_buffer_clear(&agent->heard);
    agent->heard_of = of;
    agent->has_unreceived = true;
    asm__wire_put(&agent->heard, said);
    asm__wire_fail(wire, agent->heard.result);
}

static void asm__wire_put_said(asm_wire *wire, asm__wire_item *text, asm_str said) {
    if (wire->options.history && asm_buffer_append(&text->said, said) != ASM_OK) asm__wire_cut_history(wire);
    if (wire->encoder->text_delta) wire->encoder->text_delta(wire, text, said);
}

static void asm__wire_say(asm_wire *wire, asm__wire_item *agent, const asm_event *event, asm_str said,
                          asm_str role) {
    const bool is_thought = event->message.thinking.is_set && event->message.thinking.value;
    asm__wire_item *text;
    if (!said.size) return;
    wire->is_whole = event->type != ASM_EVENT_MESSAGE_STREAMED;
    text = asm__wire_open_text(wire, agent, event->message.message_id, is_thought, role);
    if (!text) return;
    asm__wire_put_said(wire, text, said);
    if (!is_thought && !wire->is_whole) asm__wire_hear(wire, agent, text, said);
}

/* What of a message that comes whole has not been streamed: all of it, or a rest, or nothing. */
static asm_str asm__wire_unheard(const asm__wire_item *agent, asm_str whole) {
    const asm_str heard = asm_buffer_text(&agent->heard);
    if (whole.size >= heard.size && (!heard.size || !memcmp(whole.data, heard.data, heard.size)))
        return asm_str_make(whole.data + heard.size, whole.size - heard.size);
    if (heard.size > whole.size &&
        (!whole.size || !memcmp(heard.data + heard.size - whole.size, whole.data, whole.size)))
        return asm_str_make(NULL, 0);
    return whole;
}

static void asm__wire_received(asm_wire *wire, asm__wire_item *agent, const asm_event *event, asm_str role) {
    const asm_str id = event->message.message_id;
    asm__wire_item *known = asm__wire_find(wire, ASM__WIRE_TEXT, id);
    asm_str said = asm_event_text(event);
    if (known && known->owner == agent) {
        said = agent->has_unreceived && agent->heard_of == known ? asm__wire_unheard(agent, said)
                                                                 : asm_str_make(NULL, 0);
    } else if (agent->has_unreceived && !agent->heard_of &&
               (!id.size || (agent->speaking && !agent->speaking->key.scope))) {
        said = asm__wire_unheard(agent, said);
    }
    asm__wire_say(wire, agent, event, said, role);
    if (agent->speaking && !agent->speaking->is_thought) asm__wire_end_text(wire, agent, event);
    agent->has_unreceived = false;
}

static void asm__wire_message(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    const asm_str role = event->message.role;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED) {
        asm__wire_say(wire, agent, event, asm_event_text(event), ASM_STR("assistant"));
    } else if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        asm__wire_received(wire, agent, event, ASM_STR("assistant"));
    } else if (!wire->options.skip_prompts) {
        asm__wire_end_text(wire, agent, NULL);
        asm__wire_say(wire, agent, event, asm_event_text(event),
                      asm_str_equal(role, ASM_STR("system")) || asm_str_equal(role, ASM_STR("developer"))
                          ? role
                          : ASM_STR("user"));
        asm__wire_end_text(wire, agent, event);
    }
}

/* >>wire: calls */

static void asm__wire_begin_call(asm_wire *wire, asm__wire_item *call) {
    if (call->has_begun) return;
    call->has_begun = true;
    call->begin = wire->now;
    if (wire->encoder->call_begin) wire->encoder->call_begin(wire, call);
}

static void asm__wire_give_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    asm__wire_begin_call(wire, call);
    if (call->has_input) return;
    call->has_input = true;
    if (wire->encoder->call_input) wire->encoder->call_input(wire, call, input, display_text);
}

static asm__wire_item *asm__wire_add_call(asm_wire *wire, asm__wire_item *agent, asm_str id, asm_str name) {
    asm__wire_pause_text(wire, agent);
    return asm__wire_add(wire, ASM__WIRE_CALL, agent, id, 'c', name.size ? name : ASM_STR("tool"));
}

static asm__wire_item *asm__wire_call(asm_wire *wire, asm__wire_item *agent, asm_str id, asm_str name) {
    asm__wire_item *call = asm__wire_find(wire, ASM__WIRE_CALL, id);
    return call ? call : asm__wire_add_call(wire, agent, id, name);
}

/* Ends a sub-agent under which nothing is open but a text. */
static void asm__wire_end_agent(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result) {
    asm__wire_end_text(wire, agent, NULL);
    agent->has_ended = true;
    if (wire->encoder->agent_end) wire->encoder->agent_end(wire, agent, result);
}

/* Ends a call whose sub-agent has ended. */
static void asm__wire_finish_call(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    asm__wire_give_input(wire, call, asm_str_make(NULL, 0), asm_str_make(NULL, 0));
    call->has_ended = true;
    if (wire->encoder->call_end) wire->encoder->call_end(wire, call, result);
    call->is_waiting = false;
    call->owner->since = wire->now;
}

/* A result for a call that has none when its run or its agent ends. */
static asm__wire_result asm__wire_no_result(const asm__wire_item *call, asm__wire_outcome outcome) {
    asm__wire_result result;
    memset(&result, 0, sizeof result);
    result.is_open = true;
    if (call->is_background) {
        result.text = ASM_STR("[running in the background]");
        result.status = ASM_STR("running_in_background");
    } else {
        result.is_failed = true;
        result.text = outcome == ASM__WIRE_CANCELLED ? ASM_STR("[no result: the run was cancelled]")
                      : outcome == ASM__WIRE_FAILED  ? ASM_STR("[no result: the run failed]")
                                                     : ASM_STR("[no result]");
        result.status = ASM_STR("unknown");
    }
    return result;
}

static void asm__wire_end_open_call(asm_wire *wire, asm__wire_item *call, asm__wire_outcome outcome) {
    const asm__wire_result none = asm__wire_no_result(call, outcome);
    asm__wire_finish_call(wire, call, &none);
}

/* Ends what is open under `agent`, the innermost first: what an agent does stands after it in the list. */
static void asm__wire_end_under(asm_wire *wire, asm__wire_item *agent) {
    asm__wire_item *item;
    agent->is_under = true;
    for (item = agent->next; item; item = item->next)
        item->is_under = item->owner && item->owner->is_under;
    for (item = wire->last; item != agent; item = item->previous) {
        if (!item->is_under || item->has_ended) continue;
        if (item->kind == ASM__WIRE_AGENT) asm__wire_end_agent(wire, item, NULL);
        if (item->kind == ASM__WIRE_CALL) asm__wire_end_open_call(wire, item, ASM__WIRE_COMPLETED);
    }
    for (; item; item = item->next)
        item->is_under = false;
}

static void asm__wire_end_call(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    if (call->call && !call->call->has_ended) {
        asm__wire_end_under(wire, call->call);
        asm__wire_end_agent(wire, call->call, result);
    }
    asm__wire_finish_call(wire, call, result);
}

static asm__wire_result asm__wire_result_of(const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    asm__wire_result result;
    memset(&result, 0, sizeof result);
    result.is_failed = event->type == ASM_EVENT_TOOL_CALL_FAILED;
    result.status = tool->status;
    result.is_denied = result.is_failed && asm_str_equal(tool->status, ASM_STR("declined"));
    result.exit_code = tool->exit_code;
    result.duration_ms = tool->duration_ms;
    result.text = tool->output;
    if (!tool->output.data && tool->output_json.data) {
        result.text = tool->output_json;
        result.is_json = true;
    }
    if (result.is_failed && tool->error_message.size && !result.text.size) {
        result.text = tool->error_message;
        result.is_json = false;
    }
    return result;
}

static void asm__wire_note(asm_wire *wire, const asm_event *event) {
    if (wire->encoder->note) wire->encoder->note(wire, event);
}

static bool asm__wire_is_end(const asm_event *event) {
    return event->type == ASM_EVENT_TOOL_CALL_COMPLETED || event->type == ASM_EVENT_TOOL_CALL_FAILED;
}

static bool asm__wire_is_begin(const asm_event *event) {
    return event->type == ASM_EVENT_TOOL_CALL_IDENTIFIED || event->type == ASM_EVENT_TOOL_CALL_STARTED;
}

static asm__wire_item *asm__wire_begin_agent(asm_wire *wire, asm__wire_item *call, asm_str id, asm_str kind) {
    asm__wire_item *agent =
        asm__wire_add(wire, ASM__WIRE_AGENT, call->owner, id, 'a', kind.size ? kind : call->name);
    if (!agent) return NULL;
    agent->call = call;
    call->call = agent;
    if (wire->encoder->agent_begin) wire->encoder->agent_begin(wire, agent);
    return agent;
}

/* The sub-agent that `call_id` started, begun at the latest by the first event that names it. The main agent without an
 * id. NULL without memory. */
static asm__wire_item *asm__wire_agent(asm_wire *wire, asm_str call_id) {
    asm__wire_item *agent, *call;
    if (!call_id.size) return wire->main;
    agent = asm__wire_find(wire, ASM__WIRE_AGENT, call_id);
    if (agent) return agent;
    if (wire->is_same) { /* it is not told to begin, so nor to end */
        agent = asm__wire_add(wire, ASM__WIRE_AGENT, wire->main, call_id, 'a', call_id);
        if (agent) agent->has_ended = true;
        return agent;
    }
    call = asm__wire_call(wire, wire->main, call_id, ASM_STR("Task"));
    if (!call) return NULL;
    asm__wire_give_input(wire, call, asm_str_make(NULL, 0), asm_str_make(NULL, 0));
    return asm__wire_begin_agent(wire, call, call_id, asm_str_make(NULL, 0));
}

static void asm__wire_tool(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    asm__wire_item *call = asm__wire_find(wire, ASM__WIRE_CALL, tool->call_id);
    if (call && call->has_ended && !call->is_denied && asm__wire_is_begin(event)) {
        asm__wire_forget(wire, call); /* the id again: another call, whose id gets the event's number */
        call = NULL;
        wire->is_again = !wire->is_same;
    }
    if (call && call->has_ended) {
        asm__wire_note(wire, event);
        if (asm__wire_is_end(event)) call->is_denied = false;
        if (call->is_told && !call->call && asm__wire_is_end(event)) asm__wire_remove(wire, call);
        return;
    }
    if (!call) call = asm__wire_add_call(wire, agent, tool->call_id, tool->name);
    wire->is_again = false;
    if (!call) return;
    if (asm_str_equal(tool->status, ASM_STR("running_in_background"))) call->is_background = true;
    if (event->type == ASM_EVENT_TOOL_CALL_IDENTIFIED) {
        call->is_offered = true;
        asm__wire_begin_call(wire, call);
        if (tool->input.size) asm__wire_give_input(wire, call, tool->input, tool->display_text);
        return;
    }
    call->is_offered = false;
    asm__wire_give_input(wire, call, tool->input, tool->display_text);
    if (tool->agent_kind.size && !call->call && call->has_id && !asm__wire_is_end(event))
        asm__wire_begin_agent(wire, call, tool->call_id, tool->agent_kind);
    if (asm__wire_is_end(event)) {
        const asm__wire_result result = asm__wire_result_of(event);
        asm__wire_end_call(wire, call, &result);
    } else if (event->type != ASM_EVENT_TOOL_CALL_STARTED) {
        if (wire->encoder->call_progress) wire->encoder->call_progress(wire, call, event);
        else asm__wire_note(wire, event);
    }
}

static void asm__wire_approval(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    const asm_approval_payload *approval = &event->approval;
    asm__wire_item *call;
    if (!approval->tool_call_id.size && !approval->tool_name.size) {
        asm__wire_note(wire, event); /* a question: no call waits for it */
        return;
    }
    call = asm__wire_call(wire, agent, approval->tool_call_id, approval->tool_name);
    if (!call) return;
    if (call->has_ended) {
        asm__wire_note(wire, event);
        return;
    }
    asm__wire_give_input(wire, call, approval->tool_input, asm_str_make(NULL, 0));
    call->is_waiting = event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED;
    if (call->is_waiting) call->since = wire->now;
    if (wire->encoder->approval) wire->encoder->approval(wire, call, event);
    /* nobody has denied what is only not asked any more: the call ends with its own end, or its run's */
    if (event->type == ASM_EVENT_TOOL_APPROVAL_DENIED &&
        !asm_str_equal(approval->decision, ASM_STR("withdrawn"))) {
        asm__wire_result result;
        memset(&result, 0, sizeof result);
        call->is_denied = true;
        result.is_failed = result.is_denied = result.is_open = true; /* its own end may still come */
        result.text = approval->reason.size ? approval->reason : ASM_STR("denied");
        result.status = ASM_STR("declined");
        asm__wire_end_call(wire, call, &result);
    }
}

/* >>wire: usage */

/* The token counts of a run's end, by model where they are known so: calls `each` with them. */
typedef void (*asm__wire_usage_function)(asm_buffer *out, asm_str model, const asm_usage_payload *usage,
                                         bool is_first);

static bool asm__wire_has_counts(const asm_usage_payload *usage) {
    return usage->input_tokens.is_set || usage->output_tokens.is_set || usage->cache_read_tokens.is_set ||
           usage->cache_creation_tokens.is_set || usage->reasoning_tokens.is_set;
}

/* Parts that are greater than their whole are not told: one of the two must be wrong. */
static void asm__wire_check_usage(asm_usage_payload *usage) {
    const asm_optional_int64 none = {0, false};
    const int64_t read = usage->cache_read_tokens.is_set ? usage->cache_read_tokens.value : 0;
    const int64_t created = usage->cache_creation_tokens.is_set ? usage->cache_creation_tokens.value : 0;
    asm_optional_int64 *all[5];
    int i;
    all[0] = &usage->input_tokens;
    all[1] = &usage->output_tokens;
    all[2] = &usage->cache_read_tokens;
    all[3] = &usage->cache_creation_tokens;
    all[4] = &usage->reasoning_tokens;
    for (i = 0; i < 5; i++)
        if (all[i]->is_set && all[i]->value < 0) *all[i] = none;
    if (!usage->input_tokens.is_set || read > usage->input_tokens.value ||
        created > usage->input_tokens.value - read)
        usage->cache_read_tokens = usage->cache_creation_tokens = none;
    if (!usage->output_tokens.is_set || usage->reasoning_tokens.value > usage->output_tokens.value)
        usage->reasoning_tokens = none;
}

/* As members, in the words of the JavaScript formats; there is at least one. */
static void asm__wire_usage_members(asm_buffer *out, asm_str model, const asm_usage_payload *usage) {
    if (model.size) asm__wire_text(out, ASM_STR(",\"model\":"), model);
    asm__wire_optional_int(out, ASM_STR(",\"inputTokens\":"), usage->input_tokens);
    asm__wire_optional_int(out, ASM_STR(",\"outputTokens\":"), usage->output_tokens);
    asm__wire_optional_int(out, ASM_STR(",\"reasoningTokens\":"), usage->reasoning_tokens);
    asm__wire_optional_int(out, ASM_STR(",\"cachedInputTokens\":"), usage->cache_read_tokens);
    asm__wire_optional_int(out, ASM_STR(",\"cacheWriteInputTokens\":"), usage->cache_creation_tokens);
}

static bool asm__wire_one_usage(asm_buffer *out, asm_str json, asm_str model, asm__wire_usage_function each,
                                bool is_first) {
    asm_usage_payload usage;
    if (!asm_usage_read(&usage, json) || !asm__wire_has_counts(&usage)) return false;
    asm__wire_check_usage(&usage);
    if (!asm__wire_has_counts(&usage)) return false;
    each(out, model.size ? model : usage.model, &usage, is_first);
    return true;
}

static void asm__wire_each_usage(asm_wire *wire, asm_buffer *out, const asm_event *event,
                                 asm__wire_usage_function each) {
    asm_json_reader reader;
    asm_str model, json;
    bool is_first = true;
    if (!event) return;
    asm_buffer_clear(&wire->text);
    asm_json_reader_init(&reader, event->run.models, &wire->text);
    if (event->run.models.size && asm_json_enter_object(&reader))
        while (asm_json_next_member(&reader, &model))
            if (asm_json_read_raw(&reader, &json) && asm__wire_one_usage(out, json, model, each, is_first))
                is_first = false;
    if (is_first && event->run.token_usage.size)
        asm__wire_one_usage(out, event->run.token_usage, event->run.model, each, true);
}

/* >>wire: runs */

static asm_str asm__wire_session(const asm_wire *wire) {
    return asm_str_make(wire->session.data, wire->session_size);
}

/* A member that is the session's id. */
static void asm__wire_session_id(const asm_wire *wire, asm_buffer *out, asm_str before) {
    asm__wire_put(out, before);
    asm__wire_put(
        out, asm_str_make(wire->session.data + wire->session_size, wire->session.size - wire->session_size));
}

/* The id of the next run: short ones begin anew in each process of an agent, so the second and later runs of the stream
 * are counted. */
static asm_str asm__wire_run_id(asm_wire *wire, asm_str id) {
    char number[21];
    if (!id.size) id = ASM_STR("run");
    if (wire->runs++ == 0 || id.size >= ASM__WIRE_UNIQUE_SIZE || wire->is_same) return id;
    asm_buffer_clear(&wire->text);
    asm_buffer_append(&wire->text, id);
    ASM__PUT(&wire->text, ":");
    asm_buffer_append(&wire->text, asm_str_make(number, asm__format_int64((int64_t)wire->runs, number)));
    return asm_buffer_text(&wire->text);
}

static void asm__wire_begin_run(asm_wire *wire, asm_str id, const asm_event *event) {
    asm__wire_item *run =
        asm__wire_add(wire, ASM__WIRE_RUN, NULL, asm__wire_run_id(wire, id), 'r', ASM_STR(""));
    if (!run) return;
    asm__wire_forget(wire, run);
    run->is_implied = !event;
    wire->run = run;
    wire->main->since = wire->now;
    wire->main->has_unreceived = false;
    if (wire->encoder->run_begin) wire->encoder->run_begin(wire, run, event);
}

/* Defined with AG-UI. */
static void asm__agui_end_span(asm_wire *wire, asm__wire_item *span);

/* Closes what is open in the run, innermost first. Calls that were only named stay so if the run is complete: the
 * reader may be who makes them. */
static void asm__wire_end_open(asm_wire *wire, asm__wire_outcome outcome) {
    asm__wire_item *item, *previous;
    for (item = wire->last; item; item = previous) {
        previous = item->previous;
        if (item->has_ended) continue;
        if (item->kind == ASM__WIRE_AGENT) asm__wire_end_agent(wire, item, NULL);
        if (item->kind == ASM__WIRE_STEP) {
            item->has_ended = true;
            asm__wire_end_text(wire, wire->main, NULL);
            if (wire->encoder->step_end) wire->encoder->step_end(wire, item);
        }
        if (item->kind == ASM__WIRE_SPAN) {
            asm__wire_end_text(wire, item->owner, NULL);
            asm__agui_end_span(wire, item);
        }
        if (item->kind != ASM__WIRE_CALL) continue;
        asm__wire_give_input(wire, item, asm_str_make(NULL, 0), asm_str_make(NULL, 0));
        if (outcome == ASM__WIRE_INTERRUPTED && item->is_waiting && wire->encoder->keeps_waiting) continue;
        if (outcome == ASM__WIRE_COMPLETED && (item->is_offered || wire->is_same) &&
            !wire->encoder->has_no_offers)
            continue;
        asm__wire_end_open_call(wire, item, outcome);
    }
    asm__wire_end_text(wire, wire->main, NULL);
}

/* Forgets the run's items, but calls in the background: their end comes later. */
static void asm__wire_clear_run(asm_wire *wire) {
    asm__wire_item *item, *next;
    wire->main->speaking = NULL;
    wire->main->has_unreceived = false;
    for (item = wire->first; item; item = next) {
        next = item->next;
        if (item == wire->main) continue;
        if (item->kind == ASM__WIRE_CALL && item->is_background && !item->is_told) {
            item->owner = wire->main;
            item->is_told = true;
            if (item->call) item->call->call = NULL;
            item->call = NULL;
            continue;
        }
        if (item->is_told) continue;
        asm__wire_remove(wire, item);
    }
}

static void asm__wire_end_run(asm_wire *wire, asm__wire_outcome outcome, const asm_event *event) {
    asm__wire_item *run = wire->run;
    if (!run) return;
    if (!wire->is_same || outcome != ASM__WIRE_FAILED) asm__wire_end_open(wire, outcome);
    if (wire->encoder->run_end) wire->encoder->run_end(wire, run, outcome, event);
    wire->last_outcome = (int)outcome;
    wire->run = NULL;
    asm__wire_clear_run(wire);
}

/* >>wire: outside */

#define ASM__WIRE_HELD_SIZE ((size_t)256 << 10)

/* Keeps an event that came outside a run for the next one. */
static void asm__wire_hold(asm_wire *wire, const asm_event *event) {
    asm__wire_entry *entry =
        asm__wire_entry_new(event, wire->event_count, ASM__WIRE_HELD_SIZE - wire->held_size);
    if (!entry) {
        wire->dropped++;
        return;
    }
    wire->held_size += entry->size;
    if (wire->last_held) wire->last_held->next = entry;
    else wire->held = entry;
    wire->last_held = entry;
}

/* >>wire: events */

/* Defined with AG-UI. */
static asm_str asm__agui_step_name(asm_wire *wire);
static bool asm__agui_same(asm_wire *wire, asm__wire_item *agent, const asm_event *event);
static void asm__agui_look_at(asm_wire *wire, const asm_event *event);

static void asm__wire_set_session(asm_wire *wire, asm_str id) {
    asm_buffer_clear(&wire->session);
    wire->sessions++;
    asm_buffer_append(&wire->session, id);
    wire->session_size = wire->session.size;
    asm__append_string(&wire->session, id);
    asm__wire_fail(wire, wire->session.result);
}

static bool asm__wire_is_approval(const asm_event *event) {
    return event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED ||
           event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED || event->type == ASM_EVENT_TOOL_APPROVAL_DENIED;
}

static bool asm__wire_is_tool(const asm_event *event) {
    return asm__wire_is_end(event) || event->type == ASM_EVENT_TOOL_CALL_IDENTIFIED ||
           event->type == ASM_EVENT_TOOL_CALL_STARTED || event->type == ASM_EVENT_TOOL_CALL_UPDATED ||
           event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED;
}

static bool asm__wire_is_message(const asm_event *event) {
    return event->type == ASM_EVENT_MESSAGE_STREAMED || event->type == ASM_EVENT_MESSAGE_RECEIVED ||
           event->type == ASM_EVENT_MESSAGE_SENT;
}

static void asm__wire_step(asm_wire *wire, const asm_event *event) {
    char name[5 + 21] = "step ";
    const size_t size = 5 + asm__format_int64(event->step.step_number.value, name + 5);
    const asm_str given = asm__agui_step_name(wire), id = given.size ? given : asm_str_make(name, size);
    asm__wire_item *step = asm__wire_find(wire, ASM__WIRE_STEP, id), *item;
    const bool is_start = event->type == ASM_EVENT_STEP_STARTED;
    if (step && !is_start) {
        asm__wire_pause_text(wire, wire->main);
        if (wire->encoder->step_end) wire->encoder->step_end(wire, step);
        asm__wire_remove(wire, step);
        return;
    }
    if (!is_start || step) {
        asm__wire_note(wire, event);
        return;
    }
    for (item = wire->first; item; item = item->next) /* steps do not nest */
        if (item->kind == ASM__WIRE_STEP && !item->has_ended && !wire->is_same) {
            item->has_ended = true;
            asm__wire_pause_text(wire, wire->main);
            if (wire->encoder->step_end) wire->encoder->step_end(wire, item);
        }
    asm__wire_pause_text(wire, wire->main);
    step = asm__wire_add(wire, ASM__WIRE_STEP, wire->main, id, 's', id);
    if (step && wire->encoder->step_begin) wire->encoder->step_begin(wire, step);
}

/* Most events of most streams: what the main agent is saying goes on. */
static bool asm__wire_goes_on(asm_wire *wire, const asm_event *event) {
    asm__wire_item *agent = wire->main, *text = agent->speaking;
    const asm_str id = event->message.message_id, said = event->message.delta;
    if (event->type != ASM_EVENT_MESSAGE_STREAMED || wire->is_same || !text || text->is_thought) return false;
    if (event->message.parent_tool_call_id.size || event->message.thinking.value || !said.size ||
        (id.size && !asm__wire_is_same_id(text->key.text, id)))
        return false;
    asm__wire_put_said(wire, text, said);
    asm__wire_hear(wire, agent, text, said);
    return true;
}

/* An event of a run that is open. */
static void asm__wire_inside(asm_wire *wire, const asm_event *event) {
    asm__wire_item *agent;
    if (asm__wire_goes_on(wire, event)) return;
    agent = asm__wire_agent(wire, asm_event_parent(event));
    if (!agent || (wire->is_same && asm__agui_same(wire, agent, event))) return;
    if (agent->speaking && agent->speaking->is_thought && !wire->is_same &&
        !(event->type == ASM_EVENT_MESSAGE_STREAMED && event->message.thinking.value))
        asm__wire_end_text(wire, agent, NULL);
    if (asm__wire_is_message(event)) asm__wire_message(wire, agent, event);
    else if (asm__wire_is_tool(event)) asm__wire_tool(wire, agent, event);
    else if (asm__wire_is_approval(event)) asm__wire_approval(wire, agent, event);
    else if (event->type == ASM_EVENT_STEP_STARTED || event->type == ASM_EVENT_STEP_COMPLETED)
        asm__wire_step(wire, event);
    else if (event->type == ASM_EVENT_TOKEN_USAGE_UPDATED && wire->encoder->usage)
        wire->encoder->usage(wire, event);
    else asm__wire_note(wire, event);
}

/* Whether the event begins a run where none is open: content of the main agent that no earlier run began. */
static bool asm__wire_begins(const asm_wire *wire, const asm_event *event) {
    if (asm_event_parent(event).size) return false;
    if (asm__wire_is_message(event))
        return event->type != ASM_EVENT_MESSAGE_SENT && asm_event_text(event).size;
    if (asm__wire_is_tool(event)) return !asm__wire_find(wire, ASM__WIRE_CALL, event->tool.call_id);
    return event->type == ASM_EVENT_STEP_STARTED;
}

static void asm__wire_outside(asm_wire *wire, const asm_event *event) {
    if (wire->encoder->needs_run) asm__wire_hold(wire, event);
    else if (event->type == ASM_EVENT_MESSAGE_SENT) asm__wire_message(wire, wire->main, event);
    else asm__wire_note(wire, event);
}

static void asm__wire_release(asm_wire *wire) {
    asm__wire_entry *entry = wire->held, *all = entry;
    wire->held = wire->last_held = NULL;
    wire->held_size = 0;
    for (; entry; entry = entry->next) {
        asm__agui_look_at(wire, entry->event);
        asm__wire_inside(wire, entry->event);
    }
    asm__wire_free_entries(all);
}

static bool asm__wire_ends_run(asm_event_type type, asm__wire_outcome *outcome) {
    switch (type) {
    case ASM_EVENT_RUN_COMPLETED:
        *outcome = ASM__WIRE_COMPLETED;
        return true;
    case ASM_EVENT_SESSION_FAILED:
    case ASM_EVENT_RUN_FAILED:
        *outcome = ASM__WIRE_FAILED;
        return true;
    case ASM_EVENT_SESSION_CANCELLED:
    case ASM_EVENT_RUN_CANCELLED:
        *outcome = ASM__WIRE_CANCELLED;
        return true;
    case ASM_EVENT_RUN_TIMEOUT:
        *outcome = ASM__WIRE_TIMEOUT;
        return true;
    default:
        return false;
    }
}

static bool asm__wire_is_of_session(const asm_event *event) {
    return event->type == ASM_EVENT_SESSION_FAILED || event->type == ASM_EVENT_SESSION_CANCELLED;
}

static void asm__wire_dispatch(asm_wire *wire, const asm_event *event) {
    asm__wire_outcome outcome;
    if (wire->encoder->event) {
        wire->encoder->event(wire, event);
        return;
    }
    if (event->type == ASM_EVENT_RUN_STARTED) {
        asm__wire_end_run(wire, ASM__WIRE_FAILED, NULL);
        asm__wire_begin_run(wire, event->run_id, event);
        if (wire->run) asm__wire_release(wire);
    } else if (asm__wire_ends_run(event->type, &outcome) && (wire->run || !asm__wire_is_of_session(event))) {
        if (!wire->run) {
            asm__wire_begin_run(wire, event->run_id, NULL);
            if (wire->run) asm__wire_release(wire);
        }
        asm__agui_look_at(wire, event);
        asm__wire_end_run(wire, outcome, event);
    } else {
        if (!wire->run && asm__wire_begins(wire, event)) {
            asm__wire_begin_run(wire, event->run_id, NULL);
            if (wire->run) asm__wire_release(wire);
        }
        if (wire->run) asm__wire_inside(wire, event);
        else asm__wire_outside(wire, event);
    }
}

static void asm__wire_take(asm_wire *wire, const asm_event *event) {
    const asm_str session = event->session_id;
    wire->event_count++;
    if (event->time > wire->now || !wire->now) wire->now = event->time;
    if (!wire->origin) wire->origin = wire->now;
    /* a run whose session becomes known while it is open goes on under the name that it has */
    if (session.size && !asm__wire_is_same_id(session, asm__wire_session(wire)) &&
        (wire->is_named || !wire->run)) {
        asm__wire_end_run(wire, ASM__WIRE_FAILED, NULL);
        asm__wire_set_session(wire, session);
        wire->is_named = true;
    }
    asm__agui_look_at(wire, event);
    asm__wire_dispatch(wire, event);
    wire->more = asm_str_make(NULL, 0);
    if (event->type != ASM_EVENT_MESSAGE_STREAMED && event->type != ASM_EVENT_TOOL_OUTPUT_STREAMED)
        asm__wire_remember(wire, event, wire->event_count);
}

/* asm_event_name(), with a prefix if it has none: "asm.status_changed", "claude.api_retry". */
static void asm__wire_put_name(asm_wire *wire, asm_buffer *out, const asm_event *event) {
    const asm_str name = asm_event_name(event);
    const bool has_prefix = event->type == ASM_EVENT_CUSTOM && name.size > 1 && name.data[0] != '.' &&
                            memchr(name.data, '.', name.size);
    asm_buffer_clear(&wire->text);
    if (!has_prefix) ASM__PUT(&wire->text, "asm.");
    asm_buffer_append(&wire->text, name);
    asm__append_string(out, asm_buffer_text(&wire->text));
}

/* What is known of a run when it begins, as members of an object that has some. */
static void asm__wire_run_members(asm_wire *wire, asm_buffer *out, const asm_event *event) {
    asm__wire_cut_text(wire, out, ASM_STR(",\"provider\":"), event->provider);
    asm__wire_cut_text(wire, out, ASM_STR(",\"model\":"), event->run.model);
    asm__wire_cut_text(wire, out, ASM_STR(",\"cwd\":"), event->run.cwd);
    asm__wire_cut_text(wire, out, ASM_STR(",\"title\":"), event->run.title);
    asm__wire_cut_text(wire, out, ASM_STR(",\"git_branch\":"), event->run.git_branch);
    asm__wire_cut_text(wire, out, ASM_STR(",\"agent_version\":"), event->run.agent_version);
}

/* What is known of a run's end, as members of an object that has some. */
static void asm__wire_end_members(asm_wire *wire, asm_buffer *out, const asm_event *event) {
    if (!event) return;
    asm__wire_cut_text(wire, out, ASM_STR(",\"stop_reason\":"), event->run.stop_reason);
    asm__wire_optional_int(out, ASM_STR(",\"num_turns\":"), event->run.num_turns);
    asm__wire_double(out, ASM_STR(",\"duration_ms\":"), event->run.duration_ms);
    asm__wire_double(out, ASM_STR(",\"cost_usd\":"), event->run.cost_usd);
    asm__wire_optional_int(out, ASM_STR(",\"open_tool_calls\":"), event->run.open_tool_calls);
    asm__wire_cut_member(wire, out, ASM_STR(",\"permission_denials\":"), event->run.permission_denials);
}

/* What a run's failure is called where a text is required. */
static asm_str asm__wire_error_text(const asm_event *event) {
    if (!event) return ASM_STR("the stream ended within the run");
    return event->run.error_message.size ? event->run.error_message
           : event->run.error_code.size  ? event->run.error_code
                                         : ASM_STR("the run failed");
}

static asm_str asm__wire_error_code(const asm_event *event) {
    return event ? event->run.error_code : ASM_STR("stream_ended");
}

/* >>wire: ag-ui
 *
 * AG-UI 1.0 (docs.ag-ui.com; checked with @ag-ui/client 1.0.0). */

/* What the event says of its frames, if it is of an AG-UI stream: see asm_ingest.h. */
static void asm__agui_look_at(asm_wire *wire, const asm_event *event) {
    static const asm_str key = ASM_STR_INIT("ag_ui");
    if (wire->options.format != ASM_WIRE_AG_UI) return;
    wire->is_same = asm_str_equal(event->provider, ASM_STR("ag-ui"));
    wire->more = asm_str_make(NULL, 0);
    if (wire->is_same && event->extra.size &&
        (asm_json_find(event->extra, &key, &wire->more, 1, NULL) != ASM_OK ||
         asm_json_type_of(wire->more) != ASM_JSON_OBJECT))
        wire->more = asm_str_make(NULL, 0);
}

/* A member of `object`, as JSON; absent if there is none. */
static asm_str asm__agui_member(asm_str object, asm_str key) {
    asm_str value = asm_str_make(NULL, 0);
    if (!object.size || asm_json_type_of(object) != ASM_JSON_OBJECT ||
        asm_json_find(object, &key, &value, 1, NULL) != ASM_OK)
        return asm_str_make(NULL, 0);
    return value;
}

/* What the event says of its frames of that type. */
ASM__WIRE_INLINE asm_str asm__agui_more(const asm_wire *wire, asm_str type) {
    return wire->more.size ? asm__agui_member(wire->more, type) : wire->more;
}

/* Whether it says the member `key` of the frame that is being written. */
ASM__WIRE_INLINE bool asm__agui_says(const asm_wire *wire, asm_str key) {
    return wire->more.size && asm__agui_member(asm__agui_more(wire, wire->frame_type), key).data;
}

/* Adds the members of `object`, but those that only say how a text was cut. */
static void asm__agui_put_members(asm_buffer *out, asm_str object) {
    char memory[256];
    asm_buffer scratch;
    asm_json_reader reader;
    asm_str key, value;
    if (!object.size) return;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, object, &scratch);
    if (!asm_json_enter_object(&reader)) return;
    while (asm_json_next_member(&reader, &key)) {
        if (!asm_json_read_raw(&reader, &value)) break;
        if (value.data[0] == 'n' || asm_str_equal(key, ASM_STR("size")) ||
            asm_str_equal(key, ASM_STR("pieces")) || asm_str_equal(key, ASM_STR("arguments")) ||
            asm_str_equal(key, ASM_STR("type")))
            continue;
        ASM__PUT(out, ",");
        asm__append_string(out, key);
        asm__wire_json(out, ASM_STR(":"), value);
    }
}

/* The type in the beginning of a frame, {"type":"TYPE". */
static asm_str asm__agui_type(asm_str begin) {
    static const size_t head = sizeof "{\"type\":\"" - 1;
    return asm_str_make(begin.data + head, begin.size - head - 1);
}

/* A frame up to its type. */
ASM__WIRE_INLINE asm_buffer *asm__agui_frame(asm_wire *wire, asm_str begin) {
    asm_buffer *out = asm__wire_frame(wire);
    asm__wire_put(out, begin);
    wire->frame_type = asm__agui_type(begin);
    return out;
}

/* What a frame ends with that is of a sub-agent, or of an AG-UI stream. */
static void asm__agui_put_rest(asm_wire *wire, const asm__wire_item *owner) {
    if (owner && owner->kind == ASM__WIRE_AGENT && !asm__agui_says(wire, ASM_STR("subagentRunId")))
        asm__wire_id(&wire->frames, ASM_STR(",\"subagentRunId\":"), owner);
    if (wire->more.size) asm__agui_put_members(&wire->frames, asm__agui_more(wire, wire->frame_type));
}

/* Ends a frame, with the sub-agent it belongs to. */
ASM__WIRE_INLINE void asm__agui_end(asm_wire *wire, const asm__wire_item *owner) {
    if (wire->more.size || (owner && owner->kind != ASM__WIRE_MAIN)) asm__agui_put_rest(wire, owner);
    ASM__PUT(&wire->frames, "}");
    asm__wire_end_frame(wire);
}

/* Milliseconds as a member; the digits of the last second are kept. */
static void asm__agui_put_time(asm_wire *wire, asm_time time) {
    asm_buffer *out = &wire->frames;
    uint32_t rest;
    char *p;
    ASM__PUT(out, ",\"timestamp\":");
    if (time < 1000000) {
        asm__wire_digits(out, asm__wire_milliseconds(time));
        return;
    }
    if ((uint64_t)(time - wire->second) >= 1000000 || !wire->second) {
        wire->second = time - time % 1000000;
        wire->second_size = asm__format_int64(wire->second / 1000000, wire->second_digits);
    }
    if (!asm__wire_has_room(out, sizeof wire->second_digits + 3)) return;
    rest = (uint32_t)(time - wire->second) / 1000;
    p = out->data + out->size;
    memcpy(p, wire->second_digits, sizeof wire->second_digits);
    p += wire->second_size;
    p[0] = (char)('0' + rest / 100);
    p[1] = (char)('0' + rest / 10 % 10);
    p[2] = (char)('0' + rest % 10);
    out->size += wire->second_size + 3;
}

static void asm__agui_time(asm_wire *wire, const asm_event *event) {
    if (event && event->time) asm__agui_put_time(wire, event->time);
}

/* RUN_STARTED, RUN_FINISHED: thread and run. */
static asm_buffer *asm__agui_run(asm_wire *wire, const asm__wire_item *run, asm_str begin) {
    asm_buffer *out = asm__agui_frame(wire, begin);
    asm__wire_session_id(wire, out, ASM_STR(",\"threadId\":"));
    asm__wire_id(out, ASM_STR(",\"runId\":"), run);
    return out;
}

static void asm__agui_run_begin(asm_wire *wire, asm__wire_item *run, const asm_event *event) {
    asm_buffer *out = asm__agui_run(wire, run, ASM_STR("{\"type\":\"RUN_STARTED\""));
    asm__agui_time(wire, event);
    if (!wire->is_same) { /* asm_ingest.h knows by `asm` who wrote the stream */
        const size_t begin = out->size;
        if (event) asm__wire_run_members(wire, out, event);
        if (out->size == begin) ASM__PUT(out, ",\"protocolVersion\":\"1.0\",\"metadata\":{\"asm\":{}");
        else asm__wire_wrap(out, begin, ASM_STR(",\"protocolVersion\":\"1.0\",\"metadata\":{\"asm\":"));
        ASM__PUT(out, "}");
    }
    asm__agui_end(wire, NULL);
}

static void asm__agui_usage(asm_buffer *out, asm_str model, const asm_usage_payload *usage, bool is_first) {
    size_t begin;
    asm_buffer_append(out, is_first ? ASM_STR(",\"usage\":[") : ASM_STR(","));
    begin = out->size;
    asm__wire_usage_members(out, model, usage);
    if (usage->input_tokens.is_set && usage->output_tokens.is_set &&
        usage->output_tokens.value <= INT64_MAX - usage->input_tokens.value)
        asm__wire_int(out, ASM_STR(",\"totalTokens\":"),
                      usage->input_tokens.value + usage->output_tokens.value);
    asm__wire_wrap(out, begin, ASM_STR(""));
}

/* The calls that wait: as interrupts, or by their ids as work for the reader. */
static bool asm__agui_calls(asm_wire *wire, bool is_interrupt) {
    asm_buffer *out = &wire->frames;
    asm__wire_item *item;
    bool has_any = false;
    for (item = wire->first; item; item = item->next) {
        if (item->kind != ASM__WIRE_CALL || item->has_ended || (is_interrupt && !item->is_waiting)) continue;
        if (has_any) ASM__PUT(out, ",");
        else if (is_interrupt) ASM__PUT(out, ",\"outcome\":{\"type\":\"interrupt\",\"interrupts\":[");
        else ASM__PUT(out, ",\"outcome\":{\"type\":\"success\",\"pendingToolCallIds\":[");
        has_any = true;
        if (!is_interrupt) {
            asm__wire_id(out, ASM_STR(""), item);
            continue;
        }
        asm__wire_prefixed_id(out, ASM_STR("{\"id\":\"apr:"), item);
        ASM__PUT(out, ",\"reason\":\"asm.tool_approval\",\"toolCallId\":");
        asm__wire_id(out, ASM_STR(""), item);
        asm__wire_text(out, ASM_STR(",\"message\":"), item->name);
        ASM__PUT(out, ",\"responseSchema\":{\"type\":\"object\",\"properties\":{\"approved\":{\"type\":"
                      "\"boolean\"}}}}");
    }
    if (has_any) ASM__PUT(out, "]}");
    return has_any;
}

static void asm__agui_run_end(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome,
                              const asm_event *event) {
    /* whether the event says all of the frame */
    const bool is_told =
        asm__agui_more(wire, ASM_STR("RUN_FINISHED")).data || asm__agui_more(wire, ASM_STR("RUN_ERROR")).data;
    asm_buffer *out = &wire->frames;
    size_t begin;
    if (outcome == ASM__WIRE_FAILED) {
        asm__agui_frame(wire, ASM_STR("{\"type\":\"RUN_ERROR\""));
        asm__wire_cut_text(wire, out, ASM_STR(",\"message\":"), asm__wire_error_text(event));
        asm__wire_cut_text(wire, out, ASM_STR(",\"code\":"), asm__wire_error_code(event));
    } else {
        asm__agui_run(wire, run, ASM_STR("{\"type\":\"RUN_FINISHED\""));
        if (is_told)
            ; /* all of it is */
        else if (outcome == ASM__WIRE_CANCELLED || outcome == ASM__WIRE_TIMEOUT)
            ASM__PUT(out, ",\"outcome\":{\"type\":\"cancelled\"}");
        else if (!asm__agui_calls(wire, outcome == ASM__WIRE_INTERRUPTED))
            ASM__PUT(out, ",\"outcome\":{\"type\":\"success\"}");
        begin = out->size;
        if (outcome == ASM__WIRE_TIMEOUT) ASM__PUT(out, ",\"reason\":\"timeout\"");
        if (!is_told) asm__wire_end_members(wire, out, event);
        if (out->size > begin) asm__wire_wrap(out, begin, ASM_STR(",\"result\":"));
    }
    begin = out->size;
    if (!is_told) asm__wire_each_usage(wire, out, event, asm__agui_usage);
    if (out->size > begin) ASM__PUT(out, "]");
    asm__agui_time(wire, event);
    asm__agui_end(wire, NULL);
}

static void asm__agui_step(asm_wire *wire, const asm__wire_item *step, asm_str begin) {
    asm_buffer *out = asm__agui_frame(wire, begin);
    if (!asm__agui_says(wire, ASM_STR("stepName")))
        asm__wire_text(out, ASM_STR(",\"stepName\":"), step->name);
    asm__agui_end(wire, NULL);
}

static void asm__agui_step_begin(asm_wire *wire, asm__wire_item *step) {
    asm__agui_step(wire, step, ASM_STR("{\"type\":\"STEP_STARTED\""));
}

static void asm__agui_step_end(asm_wire *wire, asm__wire_item *step) {
    asm__agui_step(wire, step, ASM_STR("{\"type\":\"STEP_FINISHED\""));
}

static void asm__agui_agent_begin(asm_wire *wire, asm__wire_item *agent) {
    asm_buffer *out = asm__agui_frame(wire, ASM_STR("{\"type\":\"SUBAGENT_STARTED\""));
    asm__wire_id(out, ASM_STR(",\"subagentRunId\":"), agent);
    asm__wire_text(out, ASM_STR(",\"name\":"), agent->name);
    if (agent->owner->kind == ASM__WIRE_AGENT)
        asm__wire_id(out, ASM_STR(",\"parentSubagentRunId\":"), agent->owner);
    asm__wire_id(out, ASM_STR(",\"parentToolCallId\":"), agent->call);
    asm__agui_end(wire, NULL);
}

static void asm__agui_agent_end(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result) {
    const bool is_failed = result && result->is_failed;
    asm_buffer *out = asm__agui_frame(wire, is_failed ? ASM_STR("{\"type\":\"SUBAGENT_ERROR\"")
                                                      : ASM_STR("{\"type\":\"SUBAGENT_FINISHED\""));
    asm__wire_id(out, ASM_STR(",\"subagentRunId\":"), agent);
    if (is_failed)
        asm__wire_cut_text(wire, out, ASM_STR(",\"message\":"),
                           result->text.size ? result->text : ASM_STR("failed"));
    asm__agui_end(wire, NULL);
}

/* The id of a text; that of reasoning is another one. */
ASM__WIRE_INLINE void asm__agui_message_id(asm_wire *wire, asm_buffer *out, const asm__wire_item *text) {
    if (asm__agui_says(wire, ASM_STR("messageId"))) return;
    if (text->is_thought && !wire->is_same)
        asm__wire_prefixed_id(out, ASM_STR(",\"messageId\":\"rsn:"), text);
    else asm__wire_id(out, ASM_STR(",\"messageId\":"), text);
}

/* The limits of reasoning. Those of an AG-UI stream are events of their own. */
static void asm__agui_span(asm_wire *wire, const asm__wire_item *text, asm_str begin) {
    if (wire->is_same || !text->is_thought) return;
    asm__agui_message_id(wire, asm__agui_frame(wire, begin), text);
    asm__agui_end(wire, text->owner);
}

static asm_str asm__agui_content(const asm__wire_item *text) {
    if (text->is_chunked)
        return text->is_thought ? ASM_STR("{\"type\":\"REASONING_MESSAGE_CHUNK\"")
                                : ASM_STR("{\"type\":\"TEXT_MESSAGE_CHUNK\"");
    return text->is_thought ? ASM_STR("{\"type\":\"REASONING_MESSAGE_CONTENT\"")
                            : ASM_STR("{\"type\":\"TEXT_MESSAGE_CONTENT\"");
}

/* The frames of its pieces, where nothing is said of each. */
static void asm__agui_begin_pieces(asm_wire *wire, asm__wire_item *text) {
    asm__wire_item *owner = text->owner;
    asm_buffer *around = asm__wire_begin_pieces(wire, owner);
    asm__wire_put(around, asm__agui_content(text));
    asm__agui_message_id(wire, around, text);
    ASM__PUT(around, ",\"delta\":");
    owner->told = around->size;
    if (owner->kind == ASM__WIRE_AGENT) asm__wire_id(around, ASM_STR(",\"subagentRunId\":"), owner);
    asm__wire_end_pieces(wire, around, ASM_STR("}"));
}

static void asm__agui_text_begin(asm_wire *wire, asm__wire_item *text, asm_str role) {
    asm_buffer *out;
    text->is_chunked = asm__agui_more(wire, ASM_STR("TEXT_MESSAGE_CHUNK")).data ||
                       asm__agui_more(wire, ASM_STR("REASONING_MESSAGE_CHUNK")).data;
    if (text->is_chunked) return;
    asm__agui_span(wire, text, ASM_STR("{\"type\":\"REASONING_START\""));
    out = text->is_thought ? asm__agui_frame(wire, ASM_STR("{\"type\":\"REASONING_MESSAGE_START\""))
                           : asm__agui_frame(wire, ASM_STR("{\"type\":\"TEXT_MESSAGE_START\""));
    asm__agui_message_id(wire, out, text);
    if (!asm__agui_says(wire, ASM_STR("role")))
        asm__wire_text(out, ASM_STR(",\"role\":"), text->is_thought ? ASM_STR("reasoning") : role);
    asm__agui_end(wire, text->owner);
    if (!wire->is_same && !wire->is_whole) asm__agui_begin_pieces(wire, text);
}

static void asm__agui_text_delta(asm_wire *wire, asm__wire_item *text, asm_str delta) {
    if (!wire->is_same && text->owner->told) {
        asm__wire_put_pieces(wire, text->owner, delta);
        return;
    }
    while (delta.size) {
        const asm_str piece = asm__wire_piece(wire, &delta);
        asm_buffer *out = asm__agui_frame(wire, asm__agui_content(text));
        if (!text->is_chunked) asm__agui_message_id(wire, out, text);
        asm__wire_text(out, ASM_STR(",\"delta\":"), piece);
        asm__agui_end(wire, text->owner);
    }
}

/* What is known of a message when it has ended. */
static void asm__agui_message_members(asm_wire *wire, asm_buffer *out, const asm_event *event) {
    const size_t begin = out->size;
    if (event->message.incomplete.value) ASM__PUT(out, ",\"incomplete\":true");
    if (event->message.synthetic.value) ASM__PUT(out, ",\"synthetic\":true");
    if (event->message.origin.size)
        asm__wire_cut_text(wire, out, ASM_STR(",\"origin\":"), event->message.origin);
    if (event->message.phase.size)
        asm__wire_cut_text(wire, out, ASM_STR(",\"phase\":"), event->message.phase);
    if (out->size == begin) return;
    asm__wire_wrap(out, begin, ASM_STR(",\"metadata\":{\"asm\":"));
    ASM__PUT(out, "}");
}

static void asm__agui_text_end(asm_wire *wire, asm__wire_item *text, const asm_event *event) {
    asm_buffer *out;
    if (text->is_chunked) return;
    out = text->is_thought ? asm__agui_frame(wire, ASM_STR("{\"type\":\"REASONING_MESSAGE_END\""))
                           : asm__agui_frame(wire, ASM_STR("{\"type\":\"TEXT_MESSAGE_END\""));
    asm__agui_message_id(wire, out, text);
    if (event && !text->is_thought && !wire->is_same) asm__agui_message_members(wire, out, event);
    asm__agui_end(wire, text->owner);
    asm__agui_span(wire, text, ASM_STR("{\"type\":\"REASONING_END\""));
}

/* Of calls, whose times tell how long they took. */
static void asm__agui_now(asm_wire *wire) {
    if (wire->now) asm__agui_put_time(wire, wire->now);
}

static void asm__agui_call_begin(asm_wire *wire, asm__wire_item *call) {
    asm_buffer *out;
    call->is_chunked = asm__agui_more(wire, ASM_STR("TOOL_CALL_CHUNK")).data != NULL;
    if (call->is_chunked) return;
    out = asm__agui_frame(wire, ASM_STR("{\"type\":\"TOOL_CALL_START\""));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    asm__wire_text(out, ASM_STR(",\"toolCallName\":"), call->name);
    asm__agui_now(wire);
    asm__agui_end(wire, call->owner);
}

/* A piece of the arguments, with the members of `more`. */
static void asm__agui_args(asm_wire *wire, const asm__wire_item *call, asm_str piece, asm_str more) {
    asm_buffer *out = call->is_chunked ? asm__agui_frame(wire, ASM_STR("{\"type\":\"TOOL_CALL_CHUNK\""))
                                       : asm__agui_frame(wire, ASM_STR("{\"type\":\"TOOL_CALL_ARGS\""));
    if (!call->is_chunked) asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    if (piece.size) asm__wire_text(out, ASM_STR(",\"delta\":"), piece);
    asm__agui_put_members(out, more);
    asm__agui_end(wire, asm__agui_member(more, ASM_STR("subagentRunId")).data ? NULL : call->owner);
}

/* The arguments in the pieces in which they came; false if those are not told, or are of another text. */
static bool asm__agui_put_pieces(asm_wire *wire, const asm__wire_item *call, asm_str text) {
    const asm_str type = call->is_chunked ? ASM_STR("TOOL_CALL_CHUNK") : ASM_STR("TOOL_CALL_END"),
                  pieces = asm__agui_member(asm__agui_more(wire, type), ASM_STR("pieces"));
    asm_json_reader reader;
    asm_str piece;
    int pass;
    if (!pieces.size || asm_json_type_of(pieces) != ASM_JSON_ARRAY) return false;
    for (pass = 0; pass < 2; pass++) { /* the first one looks whether they are as long as the text */
        size_t at = 0;
        asm_json_reader_init(&reader, pieces, NULL);
        asm_json_enter_array(&reader);
        while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &piece)) {
            int64_t size = -1;
            const asm_str raw = asm__agui_member(piece, ASM_STR("size"));
            if (!raw.size || !asm_json_to_int64(raw, &size) || size < 0 || (uint64_t)size > text.size - at)
                return false;
            if (pass) asm__agui_args(wire, call, asm_str_make(text.data + at, (size_t)size), piece);
            at += (size_t)size;
        }
        if (at != text.size) return false;
    }
    return true;
}

/* The arguments as they were: not JSON, if the event says so. Stands in wire->text. */
static asm_str asm__agui_arguments(asm_wire *wire, const asm__wire_item *call, asm_str input) {
    const asm_str type = call->is_chunked ? ASM_STR("TOOL_CALL_CHUNK") : ASM_STR("TOOL_CALL_END");
    asm_str text = asm__agui_member(asm__agui_more(wire, type), ASM_STR("arguments"));
    if (!wire->is_same) return asm__wire_tidy(wire, input);
    asm_buffer_clear(&wire->text);
    return text.size && asm_json_to_string(text, &wire->text, &text) ? text : input;
}

static void asm__agui_call_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    asm_str rest = asm__agui_arguments(wire, call, input);
    asm_buffer *out;
    size_t begin;
    if (!asm__agui_put_pieces(wire, call, rest))
        while (rest.size) {
            const asm_str piece = asm__wire_piece(wire, &rest);
            asm__agui_args(wire, call, piece, asm_str_make(NULL, 0));
        }
    if (call->is_chunked) return;
    out = asm__agui_frame(wire, ASM_STR("{\"type\":\"TOOL_CALL_END\""));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    begin = out->size;
    if (display_text.size && !wire->is_same)
        asm__wire_cut_text(wire, out, ASM_STR(",\"display_text\":"), display_text);
    if (call->is_offered && !wire->is_same) ASM__PUT(out, ",\"offered\":true");
    if (out->size > begin) {
        asm__wire_wrap(out, begin, ASM_STR(",\"metadata\":{\"asm\":"));
        ASM__PUT(out, "}");
    }
    asm__agui_end(wire, call->owner);
}

static void asm__agui_call_end(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    asm_buffer *out = asm__agui_frame(wire, ASM_STR("{\"type\":\"TOOL_CALL_RESULT\""));
    const bool is_list = result->is_json && wire->is_same && asm_json_type_of(result->text) == ASM_JSON_ARRAY;
    size_t cut = 0;
    if (!asm__agui_says(wire, ASM_STR("messageId")))
        asm__wire_prefixed_id(out, ASM_STR(",\"messageId\":\"res:"), call);
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    if (is_list) asm__wire_json(out, ASM_STR(",\"content\":"), result->text);
    else
        cut = asm__wire_cut_text(wire, out, ASM_STR(",\"content\":"),
                                 result->text.data ? result->text : ASM_STR(""));
    if (asm__wire_has_members(result, cut) && !wire->is_same) {
        ASM__PUT(out, ",\"metadata\":{\"asm\":");
        asm__wire_result_members(wire, out, result, cut);
        ASM__PUT(out, "}");
    }
    asm__agui_now(wire);
    asm__agui_end(wire, call->owner);
}

/* A string that the event says of its frames. Stands in wire->text, or in the event. */
static asm_str asm__agui_text_of(asm_wire *wire, asm_str type, asm_str key) {
    asm_str text = asm__agui_member(asm__agui_more(wire, type), key);
    asm_buffer_clear(&wire->text);
    return text.size && asm_json_to_string(text, &wire->text, &text) ? text : asm_str_make(NULL, 0);
}

static asm_str asm__agui_step_name(asm_wire *wire) {
    const asm_str name = asm__agui_text_of(wire, ASM_STR("STEP_STARTED"), ASM_STR("stepName"));
    return name.data ? name : asm__agui_text_of(wire, ASM_STR("STEP_FINISHED"), ASM_STR("stepName"));
}

/* Ends a span that the stream has not ended. */
static void asm__agui_end_span(asm_wire *wire, asm__wire_item *span) {
    asm_buffer *out = asm__agui_frame(wire, ASM_STR("{\"type\":\"REASONING_END\""));
    asm__wire_id(out, ASM_STR(",\"messageId\":"), span);
    asm__agui_end(wire, span->owner);
    span->has_ended = true;
}

/* The next four write frames of an AG-UI stream that are not what the event alone would give. A sub-agent begins. */
static void asm__agui_same_agent(asm_wire *wire, asm__wire_item *owner, const asm_event *event) {
    const asm_str call_id = event->tool.call_id;
    asm__wire_item *agent = asm__wire_find(wire, ASM__WIRE_AGENT, call_id);
    if (agent) asm__wire_forget(wire, agent);
    agent = asm__wire_add(wire, ASM__WIRE_AGENT, owner, call_id, 'a',
                          asm__agui_text_of(wire, ASM_STR("SUBAGENT_STARTED"), ASM_STR("subagentRunId")));
    if (!agent) return;
    agent->id = agent->name;
    agent->id_json = asm_str_make(NULL, 0);
    agent->call = asm__wire_find(wire, ASM__WIRE_CALL, call_id);
    if (agent->call) agent->call->call = agent;
    asm__agui_frame(wire, ASM_STR("{\"type\":\"SUBAGENT_STARTED\""));
    asm__agui_end(wire, NULL);
}

/* A sub-agent ends. */
static void asm__agui_same_agent_end(asm_wire *wire, const asm_event *event, asm_str begin) {
    asm__wire_item *agent = asm__wire_find(wire, ASM__WIRE_AGENT, event->tool.call_id);
    if (!agent || agent->has_ended) return;
    asm__wire_end_under(wire, agent);
    asm__wire_end_text(wire, agent, NULL);
    agent->has_ended = true;
    asm__agui_frame(wire, begin);
    asm__agui_end(wire, NULL);
}

/* What is said of reasoning beside its text, and of messages without any. */
static bool asm__agui_same_message(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    static const asm_str marks[] = {ASM_STR_INIT("{\"type\":\"REASONING_START\""),
                                    ASM_STR_INIT("{\"type\":\"REASONING_END\""),
                                    ASM_STR_INIT("{\"type\":\"REASONING_ENCRYPTED_VALUE\"")};
    const asm_str id = event->message.message_id;
    const bool is_thought = event->message.thinking.value;
    asm__wire_item *span = asm__wire_find(wire, ASM__WIRE_SPAN, id);
    size_t i;
    if (event->message.incomplete.value) return true; /* it was not ended */
    if (asm_event_text(event).size) return false;
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        if (asm__wire_open_text(wire, agent, id, false, ASM_STR("assistant")))
            asm__wire_end_text(wire, agent, event);
        return true;
    }
    if (event->type != ASM_EVENT_MESSAGE_STREAMED) return false;
    if (asm__agui_more(wire, ASM_STR("REASONING_MESSAGE_START")).data ||
        asm__agui_more(wire, ASM_STR("TEXT_MESSAGE_START")).data)
        asm__wire_open_text(wire, agent, id, is_thought, ASM_STR("assistant"));
    if (!is_thought) return true;
    if (asm__agui_more(wire, ASM_STR("REASONING_MESSAGE_END")).data && agent->speaking)
        asm__wire_end_text(wire, agent, NULL);
    for (i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (!asm__agui_more(wire, asm__agui_type(marks[i])).data) continue;
        asm__agui_frame(wire, marks[i]);
        asm__agui_end(wire, agent);
        if (i == 0) asm__wire_add(wire, ASM__WIRE_SPAN, agent, id, 'r', ASM_STR(""));
        if (i == 1 && span) asm__wire_remove(wire, span);
    }
    return true;
}

/* What has no event. */
static bool asm__agui_same_other(asm_wire *wire, const asm_event *event) {
    static const asm_str types[][2] = {
        {ASM_STR_INIT("ag-ui.custom"), ASM_STR_INIT("{\"type\":\"CUSTOM\"")},
        {ASM_STR_INIT("ag-ui.raw"), ASM_STR_INIT("{\"type\":\"RAW\"")},
        {ASM_STR_INIT("ag-ui.state_delta"), ASM_STR_INIT("{\"type\":\"STATE_DELTA\"")},
        {ASM_STR_INIT("ag-ui.messages_snapshot"), ASM_STR_INIT("{\"type\":\"MESSAGES_SNAPSHOT\"")},
        {ASM_STR_INIT("ag-ui.activity_snapshot"), ASM_STR_INIT("{\"type\":\"ACTIVITY_SNAPSHOT\"")},
        {ASM_STR_INIT("ag-ui.activity_delta"), ASM_STR_INIT("{\"type\":\"ACTIVITY_DELTA\"")}};
    size_t i;
    for (i = 0; i < sizeof types / sizeof *types; i++)
        if (asm_str_equal(event->type_name, types[i][0])) {
            asm__agui_put_members(asm__agui_frame(wire, types[i][1]), event->extra);
            asm__agui_end(wire, NULL);
            return true;
        }
    return false;
}

/* Whether an event of an AG-UI stream was written here. */
static bool asm__agui_same(asm_wire *wire, asm__wire_item *agent, const asm_event *event) {
    if (event->type == ASM_EVENT_CUSTOM) return asm__agui_same_other(wire, event);
    if (asm__wire_is_message(event)) return asm__agui_same_message(wire, agent, event);
    if (!wire->more.size) return false;
    if (asm__wire_is_approval(event)) return asm__agui_more(wire, ASM_STR("interrupt")).data != NULL;
    if (!asm__wire_is_tool(event)) return false;
    if (asm__agui_more(wire, ASM_STR("SUBAGENT_STARTED")).data) asm__agui_same_agent(wire, agent, event);
    else if (asm__agui_more(wire, ASM_STR("SUBAGENT_FINISHED")).data)
        asm__agui_same_agent_end(wire, event, ASM_STR("{\"type\":\"SUBAGENT_FINISHED\""));
    else if (asm__agui_more(wire, ASM_STR("SUBAGENT_ERROR")).data)
        asm__agui_same_agent_end(wire, event, ASM_STR("{\"type\":\"SUBAGENT_ERROR\""));
    else return false;
    return true;
}

static void asm__agui_note(asm_wire *wire, const asm_event *event) {
    asm_buffer *out;
    if (event->type == ASM_EVENT_TODOS_UPDATED) {
        out = asm__agui_frame(wire, ASM_STR("{\"type\":\"ACTIVITY_SNAPSHOT\""));
        asm__wire_prefixed_id(out, ASM_STR(",\"messageId\":\"todos:"), wire->run);
        ASM__PUT(out, ",\"activityType\":\"asm.todos\",\"content\":");
    } else if (event->type == ASM_EVENT_AGENT_STATE_UPDATE && event->state.state.size &&
               event->state.state.size <= asm__wire_json_limit(wire)) {
        asm__wire_json(asm__agui_frame(wire, ASM_STR("{\"type\":\"STATE_SNAPSHOT\"")),
                       ASM_STR(",\"snapshot\":"), event->state.state);
        asm__agui_end(wire, NULL);
        return;
    } else {
        out = asm__agui_frame(wire, ASM_STR("{\"type\":\"CUSTOM\",\"name\":"));
        asm__wire_put_name(wire, out, event);
        ASM__PUT(out, ",\"value\":");
    }
    asm__wire_data(wire, out, event);
    asm__agui_time(wire, event);
    asm__agui_end(wire, NULL);
}

static void asm__agui_approval(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    (void)call;
    asm__agui_note(wire, event);
}

static const asm__wire_encoder asm__agui_encoder = {true,
                                                    false,
                                                    true,
                                                    NULL,
                                                    asm__agui_run_begin,
                                                    asm__agui_run_end,
                                                    asm__agui_step_begin,
                                                    asm__agui_step_end,
                                                    asm__agui_agent_begin,
                                                    asm__agui_agent_end,
                                                    asm__agui_text_begin,
                                                    asm__agui_text_delta,
                                                    asm__agui_text_end,
                                                    asm__agui_call_begin,
                                                    asm__agui_call_input,
                                                    NULL,
                                                    asm__agui_call_end,
                                                    asm__agui_approval,
                                                    asm__agui_note,
                                                    asm__agui_note,
                                                    NULL};

/* >>wire: ai-sdk
 *
 * The UI message stream, version 1 (ai-sdk.dev; checked with ai 7.0.173 and 6.0.326). One response is one message:
 * runs after the first go on in it. */

static void asm__ai_start(asm_wire *wire) {
    asm_buffer *out = asm__wire_frame(wire);
    wire->has_begun = true;
    asm__wire_text(out, ASM_STR("{\"type\":\"start\",\"messageId\":"),
                   wire->run ? wire->run->id : asm__wire_session(wire));
    ASM__PUT(out, "}");
    asm__wire_end_frame(wire);
}

ASM__WIRE_INLINE asm_buffer *asm__ai_frame(asm_wire *wire, asm_str begin) {
    asm_buffer *out;
    if (!wire->has_begun) asm__ai_start(wire);
    out = asm__wire_frame(wire);
    asm__wire_put(out, begin);
    return out;
}

ASM__WIRE_INLINE void asm__ai_end(asm_wire *wire) {
    ASM__PUT(&wire->frames, "}");
    asm__wire_end_frame(wire);
}

static void asm__ai_run_begin(asm_wire *wire, asm__wire_item *run, const asm_event *event) {
    asm_buffer *out =
        asm__ai_frame(wire, ASM_STR("{\"type\":\"message-metadata\",\"messageMetadata\":{\"asm\":{"));
    asm__wire_session_id(wire, out, ASM_STR("\"session_id\":"));
    asm__wire_id(out, ASM_STR(",\"run_id\":"), run);
    if (event) asm__wire_run_members(wire, out, event);
    ASM__PUT(out, "}}");
    asm__ai_end(wire);
}

static void asm__ai_usage_object(asm_buffer *out, asm_str model, const asm_usage_payload *usage,
                                 bool is_first) {
    size_t begin;
    asm_buffer_append(out, is_first ? ASM_STR(",\"usage\":[") : ASM_STR(","));
    begin = out->size;
    asm__wire_usage_members(out, model, usage);
    asm__wire_wrap(out, begin, ASM_STR(""));
}

/* The name of an outcome, for what has no word of its own. */
static asm_str asm__wire_outcome_name(asm__wire_outcome outcome) {
    switch (outcome) {
    case ASM__WIRE_COMPLETED:
        return ASM_STR("completed");
    case ASM__WIRE_FAILED:
        return ASM_STR("failed");
    case ASM__WIRE_CANCELLED:
        return ASM_STR("cancelled");
    case ASM__WIRE_TIMEOUT:
        return ASM_STR("timeout");
    default:
        return ASM_STR("interrupted");
    }
}

static asm_str asm__ai_finish_reason(const asm_event *event) {
    const asm_str reason = event ? event->run.stop_reason : ASM_STR("");
    if (!reason.size || asm_str_equal(reason, ASM_STR("end_turn")) ||
        asm_str_equal(reason, ASM_STR("stop")) || asm_str_equal(reason, ASM_STR("stop_sequence")))
        return ASM_STR("stop");
    if (asm_str_equal(reason, ASM_STR("max_tokens"))) return ASM_STR("length");
    if (asm_str_equal(reason, ASM_STR("refusal")) || asm_str_equal(reason, ASM_STR("content_filter")))
        return ASM_STR("content-filter");
    if (asm_str_equal(reason, ASM_STR("tool_use"))) return ASM_STR("tool-calls");
    return ASM_STR("other");
}

/* The end of the response, as it would be if this run were the last. */
static void asm__ai_keep_end(asm_wire *wire, asm__wire_outcome outcome, const asm_event *event) {
    asm_buffer *kept = &wire->kept;
    asm_buffer_clear(kept);
    if (outcome == ASM__WIRE_FAILED) {
        asm__wire_cut_text(wire, kept, ASM_STR("{\"type\":\"error\",\"errorText\":"),
                           asm__wire_error_text(event));
    } else if (outcome == ASM__WIRE_CANCELLED || outcome == ASM__WIRE_TIMEOUT) {
        asm__wire_text(kept, ASM_STR("{\"type\":\"abort\",\"reason\":"), asm__wire_outcome_name(outcome));
    } else {
        asm__wire_text(kept, ASM_STR("{\"type\":\"finish\",\"finishReason\":"),
                       outcome == ASM__WIRE_INTERRUPTED ? ASM_STR("tool-calls")
                                                        : asm__ai_finish_reason(event));
    }
    if (kept->result != ASM_OK) asm__wire_fail(wire, kept->result);
}

static void asm__ai_run_end(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome,
                            const asm_event *event) {
    asm_buffer *out =
        asm__ai_frame(wire, ASM_STR("{\"type\":\"message-metadata\",\"messageMetadata\":{\"asm\":{"));
    size_t begin;
    (void)run;
    asm__wire_text(out, ASM_STR("\"outcome\":"), asm__wire_outcome_name(outcome));
    asm__wire_end_members(wire, out, event);
    if (outcome == ASM__WIRE_FAILED) {
        asm__wire_cut_text(wire, out, ASM_STR(",\"error_code\":"), asm__wire_error_code(event));
        asm__wire_cut_text(wire, out, ASM_STR(",\"error_message\":"), asm__wire_error_text(event));
    }
    begin = out->size;
    asm__wire_each_usage(wire, out, event, asm__ai_usage_object);
    if (out->size > begin) ASM__PUT(out, "]");
    ASM__PUT(out, "}}");
    asm__ai_end(wire);
    asm__ai_keep_end(wire, outcome, event);
}

static void asm__ai_step_begin(asm_wire *wire, asm__wire_item *step) {
    (void)step;
    asm__ai_frame(wire, ASM_STR("{\"type\":\"start-step\""));
    asm__ai_end(wire);
}

static void asm__ai_step_end(asm_wire *wire, asm__wire_item *step) {
    (void)step;
    asm__ai_frame(wire, ASM_STR("{\"type\":\"finish-step\""));
    asm__ai_end(wire);
}

/* A sub-agent: a part that each change replaces. `state` is "working", "completed" or "failed". */
static void asm__ai_agent(asm_wire *wire, asm__wire_item *agent, asm_str state, asm_str text) {
    asm_buffer *out = asm__ai_frame(wire, ASM_STR("{\"type\":\"data-asm-subagent\""));
    asm__wire_id(out, ASM_STR(",\"id\":"), agent);
    asm__wire_text(out, ASM_STR(",\"data\":{\"name\":"), agent->name);
    asm__wire_text(out, ASM_STR(",\"state\":"), state);
    if (agent->owner->kind == ASM__WIRE_AGENT) asm__wire_id(out, ASM_STR(",\"parent\":"), agent->owner);
    asm__wire_cut_text(wire, out, ASM_STR(",\"text\":"), text);
    ASM__PUT(out, "}");
    asm__ai_end(wire);
}

static void asm__ai_agent_begin(asm_wire *wire, asm__wire_item *agent) {
    asm__ai_agent(wire, agent, ASM_STR("working"), asm_str_make(NULL, 0));
}

static void asm__ai_agent_end(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result) {
    asm__ai_agent(wire, agent, result && result->is_failed ? ASM_STR("failed") : ASM_STR("completed"),
                  agent->kept.size ? asm_buffer_text(&agent->kept) : asm_str_make(NULL, 0));
}

/* What the frames of a text begin with: KIND-WHAT and its id. */
ASM__WIRE_INLINE void asm__ai_put_text(asm_buffer *out, const asm__wire_item *text, asm_str reasoning,
                                       asm_str plain) {
    if (text->is_thought) {
        asm__wire_put(out, reasoning);
        asm__wire_prefixed_id(out, ASM_STR(",\"id\":\"rsn:"), text);
    } else {
        asm__wire_put(out, plain);
        asm__wire_id(out, ASM_STR(",\"id\":"), text);
    }
}

/* A piece up to its text. */
static void asm__ai_begin_delta(asm_buffer *out, const asm__wire_item *text) {
    asm__ai_put_text(out, text, ASM_STR("{\"type\":\"reasoning-delta\""),
                     ASM_STR("{\"type\":\"text-delta\""));
    ASM__PUT(out, ",\"delta\":");
}

static bool asm__wire_is_of_agent(const asm__wire_item *item) {
    return item->owner->kind == ASM__WIRE_AGENT;
}

static void asm__ai_text_begin(asm_wire *wire, asm__wire_item *text, asm_str role) {
    asm_buffer *around;
    if (asm__wire_is_of_agent(text)) {
        asm_buffer_clear(&text->owner->kept);
        return;
    }
    text->is_prompt = !asm_str_equal(role, ASM_STR("assistant"));
    if (text->is_prompt) return;
    asm__ai_put_text(asm__ai_frame(wire, ASM_STR("")), text, ASM_STR("{\"type\":\"reasoning-start\""),
                     ASM_STR("{\"type\":\"text-start\""));
    asm__ai_end(wire);
    if (wire->is_whole) return;
    around = asm__wire_begin_pieces(wire, text->owner);
    asm__ai_begin_delta(around, text);
    text->owner->told = around->size;
    asm__wire_end_pieces(wire, around, ASM_STR("}"));
}

static void asm__ai_text_delta(asm_wire *wire, asm__wire_item *text, asm_str delta) {
    if (asm__wire_is_of_agent(text) || text->is_prompt) {
        asm_buffer *kept = text->is_prompt ? &text->kept : &text->owner->kept;
        if (asm_buffer_append(kept, delta) != ASM_OK) asm__wire_fail(wire, kept->result);
        return;
    }
    if (text->owner->told) {
        asm__wire_put_pieces(wire, text->owner, delta);
        return;
    }
    while (delta.size) {
        asm_buffer *out = asm__wire_frame(wire);
        asm__ai_begin_delta(out, text);
        asm__wire_string(out, asm__wire_piece(wire, &delta));
        asm__ai_end(wire);
    }
}

static void asm__ai_text_end(asm_wire *wire, asm__wire_item *text, const asm_event *event) {
    (void)event;
    if (asm__wire_is_of_agent(text)) {
        asm__ai_agent(wire, text->owner, ASM_STR("working"), asm_buffer_text(&text->owner->kept));
    } else if (text->is_prompt) {
        asm_buffer *out = asm__ai_frame(wire, ASM_STR("{\"type\":\"data-asm-prompt\""));
        asm__wire_id(out, ASM_STR(",\"id\":"), text);
        asm__wire_cut_text(wire, out, ASM_STR(",\"data\":{\"text\":"), asm_buffer_text(&text->kept));
        ASM__PUT(out, "}");
        asm__ai_end(wire);
    } else {
        asm__ai_put_text(asm__ai_frame(wire, ASM_STR("")), text, ASM_STR("{\"type\":\"reasoning-end\""),
                         ASM_STR("{\"type\":\"text-end\""));
        asm__ai_end(wire);
    }
}

ASM__WIRE_INLINE asm_buffer *asm__ai_call_frame(asm_wire *wire, const asm__wire_item *call, asm_str begin) {
    asm_buffer *out = asm__ai_frame(wire, begin);
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    return out;
}

/* Ends a frame of a call: the application neither knows nor runs it. */
static void asm__ai_end_call_frame(asm_wire *wire, const asm__wire_item *call, const asm__wire_result *result,
                                   size_t cut) {
    asm_buffer *out = &wire->frames;
    const bool has_owner = asm__wire_is_of_agent(call),
               has_more = result && asm__wire_has_members(result, cut);
    ASM__PUT(out, ",\"dynamic\":true,\"providerExecuted\":true");
    if (has_owner || has_more) {
        ASM__PUT(out, ",\"toolMetadata\":{\"asm\":");
        if (has_more) asm__wire_result_members(wire, out, result, cut);
        if (has_owner) {
            if (has_more && out->result == ASM_OK) out->size--; /* the closing brace comes again */
            asm__wire_id(
                out, has_more ? ASM_STR(",\"parent_tool_call_id\":") : ASM_STR("{\"parent_tool_call_id\":"),
                call->owner);
            ASM__PUT(out, "}");
        }
        ASM__PUT(out, "}");
    }
    asm__ai_end(wire);
}

static void asm__ai_call_begin(asm_wire *wire, asm__wire_item *call) {
    asm_buffer *out = asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-input-start\""));
    asm__wire_text(out, ASM_STR(",\"toolName\":"), call->name);
    asm__ai_end_call_frame(wire, call, NULL, 0);
}

static void asm__ai_call_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    asm_buffer *out = asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-input-available\""));
    asm__wire_text(out, ASM_STR(",\"toolName\":"), call->name);
    if (input.size > wire->options.max_text) asm__wire_cut_text(wire, out, ASM_STR(",\"input\":"), input);
    else asm__wire_json(out, ASM_STR(",\"input\":"), input.size ? input : ASM_STR("{}"));
    if (display_text.size) asm__wire_cut_text(wire, out, ASM_STR(",\"title\":"), display_text);
    asm__ai_end_call_frame(wire, call, NULL, 0);
}

static void asm__ai_call_end(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    const asm_str text = result->text.data ? result->text : ASM_STR("");
    asm_buffer *out;
    size_t cut = 0;
    if (result->is_denied) {
        asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-output-denied\""));
        asm__ai_end(wire);
        if (!text.size) return;
        out = asm__ai_frame(wire, ASM_STR("{\"type\":\"data-asm-denied\"")); /* which says why */
        asm__wire_id(out, ASM_STR(",\"id\":"), call);
        asm__wire_cut_text(wire, out, ASM_STR(",\"data\":{\"reason\":"), text);
        ASM__PUT(out, "}");
        asm__ai_end(wire);
        return;
    }
    out = result->is_failed ? asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-output-error\""))
                            : asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-output-available\""));
    if (result->is_failed) cut = asm__wire_cut_text(wire, out, ASM_STR(",\"errorText\":"), text);
    else if (result->is_json && text.size <= wire->options.max_text)
        asm__wire_json(out, ASM_STR(",\"output\":"), text);
    else cut = asm__wire_cut_text(wire, out, ASM_STR(",\"output\":"), text);
    asm__ai_end_call_frame(wire, call, result, cut);
}

/* Any other event: a data part, which is not kept in the message but where it says what stays. */
static void asm__ai_note(asm_wire *wire, const asm_event *event) {
    asm_buffer *out;
    if (event->type == ASM_EVENT_TODOS_UPDATED) {
        out = asm__ai_frame(wire, ASM_STR("{\"type\":\"data-asm-todos\",\"id\":\"todos\",\"data\":"));
        asm__wire_data(wire, out, event);
        asm__ai_end(wire);
        return;
    }
    out = asm__ai_frame(wire, ASM_STR("{\"type\":\"data-asm-event\",\"data\":{\"name\":"));
    asm__wire_put_name(wire, out, event);
    ASM__PUT(out, ",\"data\":");
    asm__wire_data(wire, out, event);
    ASM__PUT(out, "}");
    if (event->type != ASM_EVENT_ERROR_OCCURRED && event->type != ASM_EVENT_MESSAGE_RETRACTED &&
        event->type != ASM_EVENT_POLICY_VIOLATION)
        ASM__PUT(out, ",\"transient\":true");
    asm__ai_end(wire);
}

static void asm__ai_call_progress(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    asm_buffer *out;
    if (event->type != ASM_EVENT_TOOL_OUTPUT_STREAMED) {
        asm__ai_note(wire, event);
        return;
    }
    if (event->tool.delta.size && asm_buffer_append(&call->kept, event->tool.delta) != ASM_OK)
        asm__wire_fail(wire, call->kept.result);
    /* The whole output each time, so only when it has doubled. */
    if (!event->tool.output.size && call->kept.size < 2 * call->told) return;
    call->told = call->kept.size;
    out = asm__ai_call_frame(wire, call, ASM_STR("{\"type\":\"tool-output-available\""));
    asm__wire_cut_text(wire, out, ASM_STR(",\"output\":"),
                       event->tool.output.size ? event->tool.output : asm_buffer_text(&call->kept));
    ASM__PUT(out, ",\"preliminary\":true");
    asm__ai_end_call_frame(wire, call, NULL, 0);
}

static void asm__ai_approval(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    asm_buffer *out;
    if (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) {
        out = asm__ai_frame(wire, ASM_STR("{\"type\":\"tool-approval-request\""));
        asm__wire_prefixed_id(out, ASM_STR(",\"approvalId\":\"apr:"), call);
        asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
        if (wire->options.only_ai_sdk_7 && event->approval.reason.size)
            asm__wire_cut_text(wire, out, ASM_STR(",\"reason\":"), event->approval.reason);
        asm__ai_end(wire);
    } else if (wire->options.only_ai_sdk_7) {
        out = asm__ai_frame(wire, ASM_STR("{\"type\":\"tool-approval-response\""));
        asm__wire_prefixed_id(out, ASM_STR(",\"approvalId\":\"apr:"), call);
        asm_buffer_append(out, event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED
                                   ? ASM_STR(",\"approved\":true")
                                   : ASM_STR(",\"approved\":false"));
        if (event->approval.reason.size)
            asm__wire_cut_text(wire, out, ASM_STR(",\"reason\":"), event->approval.reason);
        asm__ai_end(wire);
    }
}

static void asm__ai_usage(asm_wire *wire, const asm_event *event) {
    asm_usage_payload usage = event->usage;
    asm_buffer *out;
    asm__wire_check_usage(&usage);
    if (!asm__wire_has_counts(&usage) || usage.parent_tool_call_id.size) {
        asm__ai_note(wire, event);
        return;
    }
    out = asm__ai_frame(
        wire, ASM_STR("{\"type\":\"message-metadata\",\"messageMetadata\":{\"asm\":{\"session_id\":"));
    asm__wire_session_id(wire, out, ASM_STR(""));
    asm__ai_usage_object(out, usage.model, &usage, true);
    ASM__PUT(out, "]");
    asm__wire_double(out, ASM_STR(",\"cost_usd\":"), usage.cost_usd);
    asm__wire_true(out, ASM_STR(",\"cumulative\":"), usage.cumulative);
    ASM__PUT(out, "}}");
    asm__ai_end(wire);
}

static void asm__ai_finish(asm_wire *wire) {
    if (wire->last_outcome < 0) asm__ai_keep_end(wire, ASM__WIRE_COMPLETED, NULL);
    asm__ai_frame(wire, asm_buffer_text(&wire->kept));
    asm__ai_end(wire);
    if (asm__wire_is_sse(wire)) ASM__PUT(&wire->frames, "data: [DONE]\n\n");
}

static const asm__wire_encoder asm__ai_encoder = {false,
                                                  true,
                                                  true,
                                                  NULL,
                                                  asm__ai_run_begin,
                                                  asm__ai_run_end,
                                                  asm__ai_step_begin,
                                                  asm__ai_step_end,
                                                  asm__ai_agent_begin,
                                                  asm__ai_agent_end,
                                                  asm__ai_text_begin,
                                                  asm__ai_text_delta,
                                                  asm__ai_text_end,
                                                  asm__ai_call_begin,
                                                  asm__ai_call_input,
                                                  asm__ai_call_progress,
                                                  asm__ai_call_end,
                                                  asm__ai_approval,
                                                  asm__ai_usage,
                                                  asm__ai_note,
                                                  asm__ai_finish};

/* >>wire: acp
 *
 * Agent Client Protocol, version 1 (agentclientprotocol.com; checked with the schema of its SDK 2.4.0): what the agent
 * tells the editor. What it has no word for goes out as notifications of ours, "_asm/event", which others ignore. */

/* A notification up to its session and `member`; `method` is a JSON string. */
static void asm__acp_put_begin(const asm_wire *wire, asm_buffer *out, asm_str method, asm_str member) {
    ASM__PUT(out, "{\"jsonrpc\":\"2.0\",\"method\":");
    asm__wire_put(out, method);
    asm__wire_session_id(wire, out, ASM_STR(",\"params\":{\"sessionId\":"));
    asm__wire_put(out, member);
}

static asm_buffer *asm__acp_frame(asm_wire *wire, asm_str method, asm_str member) {
    asm_buffer *out = asm__wire_frame(wire);
    asm__acp_put_begin(wire, out, method, member);
    return out;
}

ASM__WIRE_INLINE void asm__acp_end(asm_wire *wire, asm_str closing) {
    asm__wire_put(&wire->frames, closing);
    asm__wire_end_frame(wire);
}

/* What all updates of a session begin with stays in wire->kept until the session is another one. */
static void asm__acp_put_head(asm_wire *wire, asm_buffer *out) {
    asm_buffer *head = &wire->kept;
    if (wire->count != wire->sessions) {
        wire->count = wire->sessions;
        asm_buffer_clear(head);
        asm__acp_put_begin(wire, head, ASM_STR("\"session/update\""),
                           ASM_STR(",\"update\":{\"sessionUpdate\":\""));
        asm__wire_fail(wire, head->result);
    }
    if (head->size) asm__wire_put(out, asm_buffer_text(head));
}

ASM__WIRE_INLINE void asm__acp_put_update(asm_wire *wire, asm_buffer *out, asm_str kind) {
    asm__acp_put_head(wire, out);
    asm__wire_put(out, kind); /* a word of ours */
    ASM__PUT(out, "\"");
}

ASM__WIRE_INLINE asm_buffer *asm__acp_update(asm_wire *wire, asm_str kind) {
    asm_buffer *out = asm__wire_frame(wire);
    asm__acp_put_update(wire, out, kind);
    return out;
}

ASM__WIRE_INLINE void asm__acp_end_update(asm_wire *wire) {
    asm__acp_end(wire, ASM_STR("}}}"));
}

static void asm__acp_note(asm_wire *wire, const asm_event *event);

static void asm__acp_title(asm_wire *wire, const asm_event *event) {
    if (!event->run.title.size) return;
    asm__wire_cut_text(wire, asm__acp_update(wire, ASM_STR("session_info_update")), ASM_STR(",\"title\":"),
                       event->run.title);
    asm__acp_end_update(wire);
}

static void asm__acp_run_begin(asm_wire *wire, asm__wire_item *run, const asm_event *event) {
    wire->has_window = false;
    if (!event) return;
    asm__wire_fail(wire, asm_buffer_append(&run->kept, event->run.cwd));
    asm__acp_title(wire, event);
    asm__acp_note(wire, event);
}

static asm_str asm__acp_stop_reason(asm__wire_outcome outcome, const asm_event *event) {
    const asm_str reason = event ? event->run.stop_reason : ASM_STR("");
    if (outcome == ASM__WIRE_CANCELLED) return ASM_STR("cancelled");
    if (asm_str_equal(reason, ASM_STR("max_tokens"))) return reason;
    if (asm_str_equal(reason, ASM_STR("refusal")) || asm_str_equal(reason, ASM_STR("content_filter")))
        return ASM_STR("refusal");
    if (asm_str_equal(reason, ASM_STR("max_turns"))) return ASM_STR("max_turn_requests");
    return ASM_STR("end_turn");
}

/* What stands in the context, if it is known how much it takes. */
static void asm__acp_usage_update(asm_wire *wire, asm_optional_double cost) {
    asm_buffer *out;
    if (!wire->has_window || wire->used > wire->window) return;
    out = asm__acp_update(wire, ASM_STR("usage_update"));
    asm__wire_int(out, ASM_STR(",\"used\":"), wire->used);
    asm__wire_int(out, ASM_STR(",\"size\":"), wire->window);
    if (cost.is_set) {
        asm__wire_double(out, ASM_STR(",\"cost\":{\"amount\":"), cost);
        ASM__PUT(out, ",\"currency\":\"USD\"}");
    }
    asm__acp_end_update(wire);
}

static void asm__acp_run_end(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome,
                             const asm_event *event) {
    const bool is_answer = wire->request.size > 0,
               is_failed = outcome == ASM__WIRE_FAILED || outcome == ASM__WIRE_TIMEOUT;
    asm_buffer *out;
    if (is_answer) {
        out = asm__wire_frame(wire);
        ASM__PUT(out, "{\"jsonrpc\":\"2.0\",\"id\":");
        asm_buffer_append(out, asm_buffer_text(&wire->request));
        asm_buffer_append(out, is_failed ? ASM_STR(",\"error\":{\"code\":-32603") : ASM_STR(",\"result\":{"));
    } else {
        out = asm__acp_frame(wire, ASM_STR("\"_asm/run_ended\""), ASM_STR(",\"runId\":"));
        asm__wire_id(out, ASM_STR(""), run);
        ASM__PUT(out, ",");
    }
    if (is_failed) {
        if (!is_answer) ASM__PUT(out, "\"error\":{\"code\":-32603");
        asm__wire_cut_text(wire, out, ASM_STR(",\"message\":"),
                           outcome == ASM__WIRE_TIMEOUT ? ASM_STR("timeout") : asm__wire_error_text(event));
        asm__wire_cut_text(wire, out, ASM_STR(",\"data\":"), asm__wire_error_code(event));
        if (!is_answer) ASM__PUT(out, "}");
    } else {
        asm__wire_text(out, ASM_STR("\"stopReason\":"), asm__acp_stop_reason(outcome, event));
    }
    asm__acp_end(wire, ASM_STR("}}"));
    asm_buffer_clear(&wire->request);
}

static void asm__acp_content(asm_wire *wire, asm_buffer *out, asm_str text) {
    asm__wire_cut_text(wire, out, ASM_STR("{\"type\":\"text\",\"text\":"), text);
    ASM__PUT(out, "}");
}

/* What a sub-agent says: as what its call gives, since as a message it would read as the main agent's. */
static void asm__acp_agent_text(asm_wire *wire, const asm__wire_item *agent) {
    asm_buffer *out;
    if (!agent->kept.size || agent->call->has_ended) return;
    out = asm__acp_update(wire, ASM_STR("tool_call_update"));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), agent->call);
    ASM__PUT(out, ",\"content\":[{\"type\":\"content\",\"content\":");
    asm__acp_content(wire, out, asm_buffer_text(&agent->kept));
    ASM__PUT(out, "}]");
    asm__acp_end_update(wire);
}

/* A piece of a text up to that. */
static void asm__acp_begin_piece(asm_wire *wire, asm_buffer *out, const asm__wire_item *text) {
    if (text->is_prompt) asm__acp_put_update(wire, out, ASM_STR("user_message_chunk"));
    else if (text->is_thought) asm__acp_put_update(wire, out, ASM_STR("agent_thought_chunk"));
    else asm__acp_put_update(wire, out, ASM_STR("agent_message_chunk"));
    if (text->is_thought) asm__wire_prefixed_id(out, ASM_STR(",\"messageId\":\"rsn:"), text);
    else asm__wire_id(out, ASM_STR(",\"messageId\":"), text);
    ASM__PUT(out, ",\"content\":{\"type\":\"text\",\"text\":");
}

static void asm__acp_text_begin(asm_wire *wire, asm__wire_item *text, asm_str role) {
    asm_buffer *around;
    text->is_prompt = !asm_str_equal(role, ASM_STR("assistant"));
    if (asm__wire_is_of_agent(text)) {
        if (text->owner->kept.size) ASM__PUT(&text->owner->kept, "\n\n");
        return;
    }
    if (wire->is_whole) return;
    around = asm__wire_begin_pieces(wire, text->owner);
    asm__acp_begin_piece(wire, around, text);
    text->owner->told = around->size;
    asm__wire_end_pieces(wire, around, ASM_STR("}}}}"));
}

static void asm__acp_text_delta(asm_wire *wire, asm__wire_item *text, asm_str delta) {
    if (asm__wire_is_of_agent(text)) {
        if (!text->is_thought && asm_buffer_append(&text->owner->kept, delta) != ASM_OK)
            asm__wire_fail(wire, text->owner->kept.result);
        return;
    }
    if (text->owner->told) {
        asm__wire_put_pieces(wire, text->owner, delta);
        return;
    }
    while (delta.size) {
        asm_buffer *out = asm__wire_frame(wire);
        asm__acp_begin_piece(wire, out, text);
        asm__wire_string(out, asm__wire_piece(wire, &delta));
        asm__acp_end(wire, ASM_STR("}}}}"));
    }
}

static void asm__acp_text_end(asm_wire *wire, asm__wire_item *text, const asm_event *event) {
    (void)event;
    if (asm__wire_is_of_agent(text)) asm__acp_agent_text(wire, text->owner);
}

typedef struct asm__acp_kind {
    asm_str name, kind;
} asm__acp_kind;

/* The kinds of tools that editors know, as JSON, by the names that agents give them. */
static const asm__acp_kind asm__acp_kinds[] = {
    {ASM_STR_INIT("Read"), ASM_STR_INIT("\"read\"")},
    {ASM_STR_INIT("view"), ASM_STR_INIT("\"read\"")},
    {ASM_STR_INIT("read_file"), ASM_STR_INIT("\"read\"")},
    {ASM_STR_INIT("Edit"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("Write"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("MultiEdit"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("NotebookEdit"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("apply_patch"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("replace"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("edit_file"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("write_file"), ASM_STR_INIT("\"edit\"")},
    {ASM_STR_INIT("Bash"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("bash"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("shell"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("exec_command"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("run_command"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("run_shell_command"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("execute_command"), ASM_STR_INIT("\"execute\"")},
    {ASM_STR_INIT("Grep"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("Glob"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("LS"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("ls"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("list_files"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("find_files"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("search_files"), ASM_STR_INIT("\"search\"")},
    {ASM_STR_INIT("WebFetch"), ASM_STR_INIT("\"fetch\"")},
    {ASM_STR_INIT("WebSearch"), ASM_STR_INIT("\"fetch\"")},
    {ASM_STR_INIT("Task"), ASM_STR_INIT("\"think\"")},
    {ASM_STR_INIT("Agent"), ASM_STR_INIT("\"think\"")},
    {ASM_STR_INIT("TodoWrite"), ASM_STR_INIT("\"think\"")},
    {ASM_STR_INIT("update_plan"), ASM_STR_INIT("\"think\"")}};

static asm_str asm__acp_kind_of(asm_str name) {
    size_t i;
    for (i = 0; i < sizeof asm__acp_kinds / sizeof *asm__acp_kinds; i++)
        if (name.size == asm__acp_kinds[i].name.size && name.data[0] == asm__acp_kinds[i].name.data[0] &&
            asm_str_equal(name, asm__acp_kinds[i].name))
            return asm__acp_kinds[i].kind;
    return ASM_STR("\"other\"");
}

/* Members that say what tool a call is of. */
static void asm__acp_put_tool(asm_buffer *out, const asm__wire_item *call) {
    asm__wire_text(out, ASM_STR(",\"name\":"), call->name);
    ASM__PUT(out, ",\"kind\":");
    asm__wire_put(out, asm__acp_kind_of(call->name));
}

enum {
    ASM__ACP_PATH,
    ASM__ACP_FILE_PATH,
    ASM__ACP_COMMAND,
    ASM__ACP_OLD,
    ASM__ACP_NEW,
    ASM__ACP_CONTENT,
    ASM__ACP_KEYS
};

/* What a call's input says of it, as JSON. */
typedef struct asm__acp_input {
    asm_str values[ASM__ACP_KEYS];
    bool is_canonical; /* they may be written as they stand there */
} asm__acp_input;

/* The inside of a string that may be written as it stands there; else absent. */
static asm_str asm__acp_inside(const asm__acp_input *input, asm_str raw) {
    asm_str inside = {NULL, 0};
    if (!input->is_canonical || raw.size < 2 || raw.data[0] != '"') return inside;
    inside.data = raw.data + 1;
    inside.size = raw.size - 2;
    return inside;
}

/* The path as an absolute one; false if it is relative to nobody knows what. */
static bool asm__acp_put_other_path(asm_wire *wire, asm_buffer *out, asm_str before, asm_str raw) {
    const asm_str cwd = wire->run ? asm_buffer_text(&wire->run->kept) : ASM_STR("");
    asm_str text;
    bool is_known;
    asm_buffer_clear(&wire->scratch);
    is_known = asm_json_to_string(raw, &wire->scratch, &text) && text.size > 0 &&
               text.size <= wire->options.max_text && cwd.size <= wire->options.max_text &&
               (text.data[0] == '/' || (cwd.size > 0 && cwd.data[0] == '/'));
    if (is_known) {
        asm_buffer_clear(&wire->text);
        if (text.data[0] != '/') {
            asm_buffer_append(&wire->text, cwd);
            if (cwd.data[cwd.size - 1] != '/') ASM__PUT(&wire->text, "/");
        }
        asm_buffer_append(&wire->text, text);
        asm__wire_text(out, before, asm_buffer_text(&wire->text));
    }
    return is_known;
}

/* asm__acp_put_other_path(), after a look whether the path is absolute already: nearly all are. */
static bool asm__acp_put_path(asm_wire *wire, asm_buffer *out, asm_str before, const asm__acp_input *input,
                              asm_str raw) {
    const asm_str path = asm__acp_inside(input, raw);
    if (!path.size || path.data[0] != '/' || path.size > wire->options.max_text)
        return asm__acp_put_other_path(wire, out, before, raw);
    asm__wire_put(out, before);
    asm__wire_put(out, raw);
    return true;
}

/* Where the call works, and the change that it makes, as far as its input says so. */
static void asm__acp_places(asm_wire *wire, asm_buffer *out, asm_str name, const asm__acp_input *input) {
    const asm_str *values = input->values;
    const asm_str path = values[ASM__ACP_FILE_PATH].data ? values[ASM__ACP_FILE_PATH] : values[ASM__ACP_PATH];
    const asm_str text = values[ASM__ACP_NEW].data ? values[ASM__ACP_NEW] : values[ASM__ACP_CONTENT];
    if (!path.data || !asm__acp_put_path(wire, out, ASM_STR(",\"locations\":[{\"path\":"), input, path))
        return;
    ASM__PUT(out, "}]");
    if (asm_json_type_of(text) != ASM_JSON_STRING ||
        !asm_str_equal(asm__acp_kind_of(name), ASM_STR("\"edit\"")))
        return;
    if (text.size > wire->options.max_text || values[ASM__ACP_OLD].size > wire->options.max_text) return;
    asm__acp_put_path(wire, out, ASM_STR(",\"content\":[{\"type\":\"diff\",\"path\":"), input, path);
    if (asm_json_type_of(values[ASM__ACP_OLD]) == ASM_JSON_STRING)
        asm__wire_json(out, ASM_STR(",\"oldText\":"), values[ASM__ACP_OLD]);
    asm__wire_json(out, ASM_STR(",\"newText\":"), text);
    ASM__PUT(out, "}]");
}

/* What the call is called: what it was given to show, its command, or its name and path. */
static void asm__acp_put_title(asm_wire *wire, asm_buffer *out, const asm__wire_item *call,
                               const asm__acp_input *input, asm_str display_text) {
    const asm_str *values = input->values;
    const asm_str subject = values[ASM__ACP_COMMAND].data     ? values[ASM__ACP_COMMAND]
                            : values[ASM__ACP_FILE_PATH].data ? values[ASM__ACP_FILE_PATH]
                                                              : values[ASM__ACP_PATH];
    const asm_str inside = asm__acp_inside(input, subject);
    asm_str text = display_text;
    if (!text.size && inside.size && call->name.size + 1 + inside.size <= wire->options.max_text) {
        ASM__PUT(out, ",\"title\":");
        if (values[ASM__ACP_COMMAND].data) {
            asm__wire_put(out, subject);
            return;
        }
        asm__wire_string(out, call->name);
        if (out->result == ASM_OK) out->size--; /* the quote comes again */
        ASM__PUT(out, " ");
        asm__wire_put(out, inside);
        ASM__PUT(out, "\"");
        return;
    }
    asm_buffer_clear(&wire->scratch);
    asm_buffer_clear(&wire->text);
    if (!text.size && asm_json_to_string(subject, &wire->scratch, &text)) {
        if (!values[ASM__ACP_COMMAND].data) {
            asm_buffer_append(&wire->text, call->name);
            ASM__PUT(&wire->text, " ");
        }
    }
    asm_buffer_append(&wire->text, text.size ? text : call->name);
    asm__wire_cut_text(wire, out, ASM_STR(",\"title\":"), asm_buffer_text(&wire->text));
}

static void asm__acp_put_parent(asm_buffer *out, const asm__wire_item *call) {
    if (!asm__wire_is_of_agent(call)) return;
    asm__wire_id(out, ASM_STR(",\"_meta\":{\"asm\":{\"parent_tool_call_id\":"), call->owner);
    ASM__PUT(out, "}}");
}

/* A call that is only identified. Others are told with what they are given. */
static void asm__acp_call_begin(asm_wire *wire, asm__wire_item *call) {
    asm_buffer *out;
    if (!call->is_offered) return;
    call->is_named = true;
    out = asm__acp_update(wire, ASM_STR("tool_call"));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    asm__wire_text(out, ASM_STR(",\"title\":"), call->name);
    asm__acp_put_tool(out, call);
    ASM__PUT(out, ",\"status\":\"pending\"");
    asm__acp_put_parent(out, call);
    asm__acp_end_update(wire);
}

/* Reads what is told of a call from its input. */
static void asm__acp_read_input(asm__acp_input *input, asm_str json) {
    static const asm_str keys[ASM__ACP_KEYS] = {ASM_STR_INIT("path"),       ASM_STR_INIT("file_path"),
                                                ASM_STR_INIT("command"),    ASM_STR_INIT("old_string"),
                                                ASM_STR_INIT("new_string"), ASM_STR_INIT("content")};
    enum { AROUND = 8 }; /* levels, of the frame */
    char bytes[ASM__KEY_SIZE];
    asm_json_reader reader;
    asm_str key;
    bool escaped;
    memset(input, 0, sizeof *input);
    if (!json.size) return;
    asm_json_reader_init(&reader, json, NULL);
    reader.depth = AROUND;
    asm_json_enter_object(&reader);
    while (asm__next_key(&reader, &key, &escaped)) {
        const asm_str name = asm__name_text(key, escaped, bytes);
        int i = 0;
        while (i < ASM__ACP_KEYS && !(name.size == keys[i].size && name.data[0] == keys[i].data[0] &&
                                      asm__wire_is_same_id(name, keys[i])))
            i++;
        asm_json_read_raw(&reader, i < ASM__ACP_KEYS ? &input->values[i] : NULL);
    }
    reader.depth -= AROUND;
    input->is_canonical = asm_json_reader_finish(&reader) == ASM_OK && !reader.non_canonical;
    if (!input->is_canonical) asm_json_find(json, keys, input->values, ASM__ACP_KEYS, NULL);
}

/* What the call is and works on: title, arguments (at most `limit` bytes of them), places and the change it makes. */
static void asm__acp_put_call(asm_wire *wire, asm_buffer *out, const asm__wire_item *call, asm_str json,
                              asm_str display_text, size_t limit) {
    asm__acp_input input;
    asm__acp_read_input(&input, json);
    asm__acp_put_title(wire, out, call, &input, display_text);
    if (json.size > limit) {
        asm__wire_cut_text(wire, out, ASM_STR(",\"rawInput\":"), json);
    } else if (input.is_canonical) {
        ASM__PUT(out, ",\"rawInput\":");
        asm__wire_put(out, json);
    } else if (json.size) {
        asm__wire_json(out, ASM_STR(",\"rawInput\":"), json);
    }
    asm__acp_places(wire, out, call->name, &input);
}

static void asm__acp_call_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    asm_buffer *out =
        asm__acp_update(wire, call->is_named ? ASM_STR("tool_call_update") : ASM_STR("tool_call"));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    if (!call->is_named) asm__acp_put_tool(out, call);
    ASM__PUT(out, ",\"status\":\"in_progress\"");
    asm__acp_put_call(wire, out, call, input, display_text, wire->options.max_text);
    if (!call->is_named) asm__acp_put_parent(out, call);
    call->is_named = true;
    asm__acp_end_update(wire);
}

static void asm__acp_call_end(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    asm_buffer *out = asm__acp_update(wire, ASM_STR("tool_call_update"));
    size_t cut = result->text.size > wire->options.max_text ? result->text.size : 0;
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    if (result->is_failed) ASM__PUT(out, ",\"status\":\"failed\"");
    else ASM__PUT(out, ",\"status\":\"completed\"");
    if (result->text.size) {
        ASM__PUT(out, ",\"content\":[{\"type\":\"content\",\"content\":");
        asm__acp_content(wire, out, result->text);
        ASM__PUT(out, "}]");
        if (result->is_json && !cut) asm__wire_json(out, ASM_STR(",\"rawOutput\":"), result->text);
    }
    if (asm__wire_has_members(result, cut)) {
        ASM__PUT(out, ",\"_meta\":{\"asm\":");
        asm__wire_result_members(wire, out, result, cut);
        ASM__PUT(out, "}");
    }
    asm__acp_end_update(wire);
}

static void asm__acp_call_progress(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    asm_buffer *out;
    if (event->type != ASM_EVENT_TOOL_OUTPUT_STREAMED) {
        asm__acp_note(wire, event);
        return;
    }
    if (event->tool.delta.size && asm_buffer_append(&call->kept, event->tool.delta) != ASM_OK)
        asm__wire_fail(wire, call->kept.result);
    if (!event->tool.output.size && call->kept.size < 2 * call->told) return;
    call->told = call->kept.size;
    out = asm__acp_update(wire, ASM_STR("tool_call_update"));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    ASM__PUT(out, ",\"content\":[{\"type\":\"content\",\"content\":");
    asm__acp_content(wire, out, event->tool.output.size ? event->tool.output : asm_buffer_text(&call->kept));
    ASM__PUT(out, "}]");
    asm__acp_end_update(wire);
}

/* The kind of an answer as ACP knows it: allowing once, unless the event says another one. */
static asm_str asm__acp_option_kind(asm_str kind) {
    static const asm_str kinds[] = {ASM_STR_INIT("\"allow_always\""), ASM_STR_INIT("\"reject_once\""),
                                    ASM_STR_INIT("\"reject_always\"")};
    size_t i;
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (asm_str_equal(kind, kinds[i])) return kind;
    return ASM_STR("\"allow_once\"");
}

/* One answer that a person may give. False if it has no id to be given by. */
static bool asm__acp_put_option(asm_wire *wire, asm_buffer *out, asm_str json, bool is_first) {
    static const asm_str keys[3] = {ASM_STR_INIT("id"), ASM_STR_INIT("label"), ASM_STR_INIT("kind")};
    asm_str values[3];
    memset(values, 0, sizeof values);
    asm_json_find(json, keys, values, 3, NULL);
    if (!values[0].data || asm_json_type_of(values[0]) != ASM_JSON_STRING) return false;
    if (!values[1].data || asm_json_type_of(values[1]) != ASM_JSON_STRING) values[1] = values[0];
    asm__wire_json(out, is_first ? ASM_STR("{\"optionId\":") : ASM_STR(",{\"optionId\":"), values[0]);
    asm__wire_cut_string(wire, out, ASM_STR(",\"name\":"), values[1]);
    asm__wire_json(out, ASM_STR(",\"kind\":"), asm__acp_option_kind(values[2]));
    ASM__PUT(out, "}");
    return true;
}

static void asm__acp_put_options(asm_wire *wire, asm_buffer *out, asm_str options) {
    asm_json_reader reader;
    asm_str json;
    bool is_first = true;
    ASM__PUT(out, ",\"options\":[");
    asm_json_reader_init(&reader, options, NULL);
    if (options.size && asm_json_enter_array(&reader))
        while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &json))
            if (asm__acp_put_option(wire, out, json, is_first)) is_first = false;
    if (is_first)
        ASM__PUT(out, "{\"optionId\":\"allow\",\"name\":\"Allow\",\"kind\":\"allow_once\"},"
                      "{\"optionId\":\"always\",\"name\":\"Always allow\",\"kind\":\"allow_always\"},"
                      "{\"optionId\":\"reject\",\"name\":\"Reject\",\"kind\":\"reject_once\"}");
    ASM__PUT(out, "]}}");
}

/* Asks the editor's person. The arguments are whole, since they are what is decided. */
static void asm__acp_ask(asm_wire *wire, const asm__wire_item *call, const asm_event *event) {
    asm_buffer *out = asm__wire_frame(wire);
    ASM__PUT(out, "{\"jsonrpc\":\"2.0\"");
    if (event->approval.request_id.size) asm__wire_text(out, ASM_STR(",\"id\":"), event->approval.request_id);
    else asm__wire_prefixed_id(out, ASM_STR(",\"id\":\"apr:"), call);
    ASM__PUT(out, ",\"method\":\"session/request_permission\",\"params\":{\"sessionId\":");
    asm__wire_session_id(wire, out, ASM_STR(""));
    asm__wire_id(out, ASM_STR(",\"toolCall\":{\"toolCallId\":"), call);
    ASM__PUT(out, ",\"kind\":");
    asm__wire_put(out, asm__acp_kind_of(call->name));
    ASM__PUT(out, ",\"status\":\"pending\"");
    asm__acp_put_call(wire, out, call, event->approval.tool_input, asm_str_make(NULL, 0), SIZE_MAX);
    if (event->approval.reason.size) {
        asm__wire_cut_text(wire, out, ASM_STR(",\"_meta\":{\"asm\":{\"reason\":"), event->approval.reason);
        ASM__PUT(out, "}}");
    }
    ASM__PUT(out, "}");
    asm__acp_put_options(wire, out, event->approval.options);
    asm__wire_end_frame(wire);
}

static void asm__acp_approval(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    asm_buffer *out;
    if (wire->options.acp_requests && event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) {
        asm__acp_ask(wire, call, event);
        return;
    }
    out = asm__acp_update(wire, ASM_STR("tool_call_update"));
    asm__wire_id(out, ASM_STR(",\"toolCallId\":"), call);
    if (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) ASM__PUT(out, ",\"status\":\"pending\"");
    else if (event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED) ASM__PUT(out, ",\"status\":\"in_progress\"");
    asm__wire_text(out, ASM_STR(",\"_meta\":{\"asm\":{\"approval\":"), asm_event_name(event));
    if (event->approval.reason.size)
        asm__wire_cut_text(wire, out, ASM_STR(",\"reason\":"), event->approval.reason);
    ASM__PUT(out, "}}");
    asm__acp_end_update(wire);
}

static void asm__acp_usage(asm_wire *wire, const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    if (usage->context_window.is_set) {
        wire->window = usage->context_window.value;
        wire->has_window = true;
    }
    if (!usage->parent_tool_call_id.size && !usage->cumulative.value && usage->input_tokens.is_set &&
        usage->output_tokens.is_set && usage->input_tokens.value >= 0 && usage->output_tokens.value >= 0 &&
        usage->output_tokens.value <= INT64_MAX - usage->input_tokens.value) {
        wire->used = usage->input_tokens.value + usage->output_tokens.value;
        asm__acp_usage_update(wire, usage->cost_usd);
    }
    asm__acp_note(wire, event);
}

/* One entry of a plan; cancelled ones have no word. */
static void asm__acp_put_todo(asm_wire *wire, asm_buffer *out, asm_str json, bool *has_any) {
    static const asm_str keys[2] = {ASM_STR_INIT("content"), ASM_STR_INIT("status")};
    asm_str values[2];
    size_t cut;
    if (asm_json_find(json, keys, values, 2, NULL) != ASM_OK ||
        asm_json_type_of(values[0]) != ASM_JSON_STRING)
        return;
    if (!asm_str_equal(values[1], ASM_STR("\"pending\"")) &&
        !asm_str_equal(values[1], ASM_STR("\"in_progress\"")) &&
        !asm_str_equal(values[1], ASM_STR("\"completed\"")))
        return;
    cut = asm__wire_cut_string(wire, out, *has_any ? ASM_STR(",{\"content\":") : ASM_STR("{\"content\":"),
                               values[0]);
    asm__wire_json(out, ASM_STR(",\"priority\":\"medium\",\"status\":"), values[1]);
    if (cut) {
        asm__wire_int(out, ASM_STR(",\"_meta\":{\"asm\":{\"cut_bytes\":"), (int64_t)cut);
        ASM__PUT(out, "}}");
    }
    ASM__PUT(out, "}");
    *has_any = true;
}

static void asm__acp_todos(asm_wire *wire, asm_str todos) {
    asm_buffer *out = asm__acp_update(wire, ASM_STR("plan"));
    const size_t begin = out->size;
    asm_json_reader reader;
    asm_str json;
    bool has_any = false;
    int64_t left_out = 0;
    ASM__PUT(out, ",\"entries\":[");
    asm_json_reader_init(&reader, todos, NULL);
    if (asm_json_enter_array(&reader))
        while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &json)) {
            if (out->size - begin > asm__wire_json_limit(wire)) left_out++;
            else asm__acp_put_todo(wire, out, json, &has_any);
        }
    if (left_out) {
        asm__wire_int(out, ASM_STR(",{\"content\":\"[\xE2\x80\xA6 "), left_out);
        ASM__PUT(out, " more]\",\"priority\":\"medium\",\"status\":\"pending\"}");
    }
    ASM__PUT(out, "]");
    asm__acp_end_update(wire);
}

static void asm__acp_note(asm_wire *wire, const asm_event *event) {
    asm_buffer *out;
    if (event->type == ASM_EVENT_TODOS_UPDATED) {
        asm__acp_todos(wire, event->todos.todos);
        return;
    }
    if (event->type == ASM_EVENT_SESSION_UPDATED || event->type == ASM_EVENT_SESSION_STARTED)
        asm__acp_title(wire, event);
    out = asm__acp_frame(wire, ASM_STR("\"_asm/event\""), ASM_STR(",\"name\":"));
    asm__wire_put_name(wire, out, event);
    ASM__PUT(out, ",\"data\":");
    asm__wire_data(wire, out, event);
    asm__acp_end(wire, ASM_STR("}}"));
}

static const asm__wire_encoder asm__acp_encoder = {false,
                                                   true,
                                                   false,
                                                   NULL,
                                                   asm__acp_run_begin,
                                                   asm__acp_run_end,
                                                   NULL,
                                                   NULL,
                                                   NULL,
                                                   NULL,
                                                   asm__acp_text_begin,
                                                   asm__acp_text_delta,
                                                   asm__acp_text_end,
                                                   asm__acp_call_begin,
                                                   asm__acp_call_input,
                                                   asm__acp_call_progress,
                                                   asm__acp_call_end,
                                                   asm__acp_approval,
                                                   asm__acp_usage,
                                                   asm__acp_note,
                                                   NULL};

/* >>wire: otlp
 *
 * OTLP/JSON (opentelemetry.io/docs/specs/otlp) with the GenAI semantic conventions 1.45. A span is written once, when it
 * has ended; one request has all spans since the last flush. */

#define ASM__OTLP_FLUSH_SIZE ((size_t)1 << 20) /* bytes of spans that are flushed without being asked */

/* FNV-1a (RFC 9923), which gives the same ids everywhere and for ever. A NUL ends each part. */
static uint64_t asm__otlp_hash(uint64_t hash, asm_str part) {
    size_t i;
    for (i = 0; i < part.size; i++)
        hash = (hash ^ (unsigned char)part.data[i]) * UINT64_C(0x100000001B3);
    return hash * UINT64_C(0x100000001B3);
}

static void asm__otlp_put_hex(asm_buffer *out, uint64_t value) {
    char hex[16];
    int i;
    for (i = 0; i < 16; i++)
        hex[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    asm_buffer_append(out, asm_str_make(hex, sizeof hex));
}

static uint64_t asm__otlp_run_hash(const asm_wire *wire, uint64_t seed) {
    uint64_t hash = asm__otlp_hash(seed, ASM_STR("asm"));
    hash = asm__otlp_hash(hash, asm__wire_session(wire));
    hash = asm__otlp_hash(hash, wire->run->id);
    return hash ? hash : 1;
}

/* The id of a span of the run: by its kind, id, and how often it came. */
static uint64_t asm__otlp_span_id(const asm_wire *wire, asm_str kind, asm_str id, unsigned count) {
    char number[21];
    uint64_t hash = asm__otlp_hash(asm__otlp_hash(wire->run_hash[0], kind), id);
    if (count) hash = asm__otlp_hash(hash, asm_str_make(number, asm__format_int64(count, number)));
    return hash ? hash : 1;
}

/* What all spans of the run begin with, up to their own id. */
static void asm__otlp_put_trace(const asm_wire *wire, asm_buffer *out) {
    const asm_str parent = wire->options.traceparent;
    ASM__PUT(out, "{\"traceId\":\"");
    if (parent.size) {
        asm_buffer_append(out, asm_str_make(parent.data + 3, 32));
    } else {
        asm__otlp_put_hex(out, wire->run_hash[1]);
        asm__otlp_put_hex(out, wire->run_hash[2]);
    }
    ASM__PUT(out, "\",\"spanId\":\"");
}

/* Nanoseconds since 1970, 64 bits without a sign; 0, which is "unknown", for what they cannot tell. */
static void asm__otlp_put_time(asm_buffer *out, asm_str before, asm_time time) {
    const bool is_told = time > 0 && (uint64_t)time <= UINT64_MAX / 1000;
    asm__wire_int(out, before, is_told ? time : 0);
    if (is_told) ASM__PUT(out, "000\"");
    else ASM__PUT(out, "\"");
}

/* What an attribute begins with, up to its value; "," is left out at the beginning of a list. */
#define ASM__OTLP_STRING(key) ASM_STR(",{\"key\":\"" key "\",\"value\":{\"stringValue\":")
#define ASM__OTLP_INT(key)    ASM_STR(",{\"key\":\"" key "\",\"value\":{\"intValue\":\"")
#define ASM__OTLP_DOUBLE(key) ASM_STR(",{\"key\":\"" key "\",\"value\":{\"doubleValue\":")

static void asm__otlp_key(asm_buffer *out, asm_str before) {
    const size_t comma = !out->size || out->data[out->size - 1] == '[';
    asm__wire_put(out, asm_str_make(before.data + comma, before.size - comma));
}

static void asm__otlp_text(const asm_wire *wire, asm_buffer *out, asm_str before, asm_str text) {
    if (!text.size) return;
    asm__otlp_key(out, before);
    asm__wire_string(out, asm__wire_prefix(text, wire->options.max_text));
    ASM__PUT(out, "}}");
}

static void asm__otlp_int(asm_buffer *out, asm_str before, asm_optional_int64 number) {
    if (!number.is_set) return;
    asm__otlp_key(out, before);
    asm__wire_digits(out, number.value);
    ASM__PUT(out, "\"}}");
}

static void asm__otlp_double(asm_buffer *out, asm_str before, asm_optional_double number) {
    if (!number.is_set) return;
    asm__otlp_key(out, before);
    asm_double_format(out, number.value);
    ASM__PUT(out, "}}");
}

static void asm__otlp_usage(asm_buffer *out, const asm_usage_payload *usage) {
    asm__otlp_int(out, ASM__OTLP_INT("gen_ai.usage.input_tokens"), usage->input_tokens);
    asm__otlp_int(out, ASM__OTLP_INT("gen_ai.usage.output_tokens"), usage->output_tokens);
    asm__otlp_int(out, ASM__OTLP_INT("gen_ai.usage.cache_read.input_tokens"), usage->cache_read_tokens);
    asm__otlp_int(out, ASM__OTLP_INT("gen_ai.usage.cache_creation.input_tokens"),
                  usage->cache_creation_tokens);
    asm__otlp_int(out, ASM__OTLP_INT("gen_ai.usage.reasoning.output_tokens"), usage->reasoning_tokens);
}

static asm_str asm__otlp_provider(asm_str provider) {
    if (asm_str_equal(provider, ASM_STR("claude"))) return ASM_STR("anthropic");
    if (asm_str_equal(provider, ASM_STR("codex"))) return ASM_STR("openai");
    if (asm_str_equal(provider, ASM_STR("gemini"))) return ASM_STR("gcp.gemini");
    return provider.size ? provider : ASM_STR("asm");
}

/* What a request begins with, up to its spans. */
static void asm__otlp_put_head(const asm_wire *wire, asm_buffer *out) {
    asm__wire_put_begin(wire, out);
    ASM__PUT(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
    asm__otlp_text(wire, out, ASM__OTLP_STRING("service.name"), wire->options.service_name);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("service.instance.id"), wire->options.service_instance);
    ASM__PUT(out, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"asm_wire\",\"version\":\"" ASM_VERSION
                  "\"},\"spans\":[");
}

/* Begins a span that has ended; its attributes follow. `operation` and `name` make its name. */
static asm_buffer *asm__otlp_begin(asm_wire *wire, uint64_t span, uint64_t parent, asm_str operation,
                                   asm_str name, bool is_client, asm_time begin) {
    asm_buffer *out = &wire->kept;
    const asm_str given = wire->options.traceparent;
    if (out->size) ASM__PUT(out, ",");
    else asm__otlp_put_head(wire, out);
    if (wire->run->heard.size) asm__wire_put(out, asm_buffer_text(&wire->run->heard));
    asm__otlp_put_hex(out, span);
    if (parent) {
        ASM__PUT(out, "\",\"parentSpanId\":\"");
        asm__otlp_put_hex(out, parent);
    } else if (given.size) {
        ASM__PUT(out, "\",\"parentSpanId\":\"");
        asm_buffer_append(out, asm_str_make(given.data + 36, 16));
    }
    ASM__PUT(out, "\",\"name\":\"");
    asm__wire_put(out, operation); /* a word of ours */
    if (name.size) asm__wire_prefixed(out, ASM_STR(" "), asm__wire_prefix(name, wire->options.max_text));
    else ASM__PUT(out, "\"");
    asm_buffer_append(out, is_client ? ASM_STR(",\"kind\":3") : ASM_STR(",\"kind\":1"));
    asm__otlp_put_time(out, ASM_STR(",\"startTimeUnixNano\":\""), begin);
    asm__otlp_put_time(out, ASM_STR(",\"endTimeUnixNano\":\""), wire->now);
    ASM__PUT(out, ",\"attributes\":[");
    return out;
}

static void asm__otlp_flush(asm_wire *wire) {
    asm_buffer spans;
    if (!wire->kept.size) return;
    ASM__PUT(&wire->kept, "]}]}]}");
    asm__wire_put_end(wire, &wire->kept);
    if (wire->frames.size) { /* not the first of this event */
        asm_buffer_append(&wire->frames, asm_buffer_text(&wire->kept));
        asm__wire_fail(wire, wire->kept.result);
        asm_buffer_clear(&wire->kept);
        return;
    }
    spans = wire->kept; /* not copied: there is a megabyte of them, or more */
    wire->kept = wire->frames;
    wire->frames = spans;
}

/* Ends a span: what happened in it, and how it ended. An error needs a type. */
static void asm__otlp_end(asm_wire *wire, const asm_buffer *events, bool is_failed, asm_str type,
                          asm_str message) {
    asm_buffer *out = &wire->kept;
    if (is_failed)
        asm__otlp_text(wire, out, ASM__OTLP_STRING("error.type"), type.size ? type : ASM_STR("_OTHER"));
    ASM__PUT(out, "]");
    if (events && events->size) {
        ASM__PUT(out, ",\"events\":[");
        asm_buffer_append(out, asm_buffer_text(events));
        ASM__PUT(out, "]");
    }
    if (is_failed) {
        ASM__PUT(out, ",\"status\":{\"code\":2");
        if (message.size) asm__wire_cut_text(wire, out, ASM_STR(",\"message\":"), message);
        ASM__PUT(out, "}");
    }
    ASM__PUT(out, "}");
    if (out->result != ASM_OK) asm__wire_fail(wire, out->result);
    else if (out->size > ASM__OTLP_FLUSH_SIZE) asm__otlp_flush(wire);
}

static uint64_t asm__otlp_parent(const asm_wire *wire, const asm__wire_item *item) {
    const asm__wire_item *owner = item->owner;
    return owner && owner->kind == ASM__WIRE_AGENT ? owner->span : wire->run->span;
}

static void asm__otlp_run_begin(asm_wire *wire, asm__wire_item *run, const asm_event *event) {
    wire->run_hash[0] = asm__otlp_run_hash(wire, UINT64_C(0xCBF29CE484222325));
    wire->run_hash[1] = asm__otlp_run_hash(wire, UINT64_C(0x6C62272E07BB0142));
    wire->run_hash[2] = asm__otlp_run_hash(wire, UINT64_C(0x62B821756295C58D));
    run->span = asm__otlp_span_id(wire, ASM_STR("run"), run->id, 0);
    asm__otlp_put_trace(wire, &run->heard);
    asm__wire_fail(wire, run->heard.result);
    if (!event) return;
    asm__wire_fail(wire, asm_buffer_append(&run->said, event->run.model));
    asm__wire_fail(wire, asm_buffer_append(&wire->main->said, event->provider));
}

/* A model call that has ended: written when its tokens are known, or the next one begins. */
static void asm__otlp_model(asm_wire *wire, asm__wire_item *agent, const asm_usage_payload *usage) {
    const asm_str model = usage && usage->model.size ? usage->model : asm_buffer_text(&wire->run->said);
    const uint64_t parent = agent->kind == ASM__WIRE_AGENT ? agent->span : wire->run->span;
    asm_buffer *out;
    if (!agent->is_waiting && !usage) return;
    agent->count++;
    out = asm__otlp_begin(wire, asm__otlp_span_id(wire, ASM_STR("chat"), agent->id, agent->count), parent,
                          ASM_STR("chat"), model, true, agent->is_waiting ? agent->begin : agent->since);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.operation.name"), ASM_STR("chat"));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.provider.name"),
                   asm__otlp_provider(asm_buffer_text(&wire->main->said)));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.request.model"), model);
    if (usage) asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.response.id"), usage->message_id);
    if (usage) asm__otlp_usage(out, usage);
    if (wire->options.with_content)
        asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.text"), asm_buffer_text(&agent->kept));
    asm_buffer_clear(&agent->kept);
    asm__otlp_end(wire, NULL, false, asm_str_make(NULL, 0), asm_str_make(NULL, 0));
    agent->is_waiting = false;
    agent->since = wire->now;
}

static void asm__otlp_text_begin(asm_wire *wire, asm__wire_item *text, asm_str role) {
    asm__wire_item *agent = text->owner;
    text->is_prompt = !asm_str_equal(role, ASM_STR("assistant"));
    if (text->is_thought || text->is_prompt) return;
    asm__otlp_model(wire, agent, NULL);
    asm_buffer_clear(&agent->kept);
}

static void asm__otlp_text_delta(asm_wire *wire, asm__wire_item *text, asm_str delta) {
    asm_buffer *kept = &text->owner->kept;
    if (text->is_thought || text->is_prompt || !wire->options.with_content) return;
    if (kept->size >= wire->options.max_text) return;
    if (asm_buffer_append(kept, asm__wire_prefix(delta, wire->options.max_text - kept->size)) != ASM_OK)
        asm__wire_fail(wire, kept->result);
}

static void asm__otlp_text_end(asm_wire *wire, asm__wire_item *text, const asm_event *event) {
    asm__wire_item *agent = text->owner;
    (void)wire, (void)event;
    if (text->is_thought || text->is_prompt) return;
    agent->begin = agent->since; /* of the model call, which waits for its tokens */
    agent->is_waiting = true;
}

static void asm__otlp_usage_event(asm_wire *wire, const asm_event *event) {
    asm__wire_item *agent = asm__wire_agent(wire, event->usage.parent_tool_call_id);
    asm_usage_payload usage = event->usage;
    if (!agent || !usage.message_id.size || usage.cumulative.value) return;
    asm__wire_check_usage(&usage);
    if (agent->speaking && !agent->speaking->is_thought) asm__wire_end_text(wire, agent, NULL);
    asm__otlp_model(wire, agent, &usage);
}

static void asm__otlp_agent_begin(asm_wire *wire, asm__wire_item *agent) {
    agent->span = asm__otlp_span_id(wire, ASM_STR("agent"), agent->id, 0);
    agent->told = (size_t)0;
    agent->asked = wire->now;
}

static void asm__otlp_agent_end(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result) {
    const bool is_failed = result && result->is_failed;
    asm_buffer *out;
    asm__otlp_model(wire, agent, NULL);
    out = asm__otlp_begin(wire, agent->span,
                          agent->call->is_told ? wire->run->span : agent->call->span, /* of another trace */
                          ASM_STR("invoke_agent"), agent->name, false, agent->asked);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.operation.name"), ASM_STR("invoke_agent"));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.provider.name"),
                   asm__otlp_provider(asm_buffer_text(&wire->main->said)));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.agent.id"), agent->id);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.agent.name"), agent->name);
    asm__otlp_end(wire, NULL, is_failed, is_failed ? result->status : asm_str_make(NULL, 0),
                  asm_str_make(NULL, 0));
}

static void asm__otlp_call_begin(asm_wire *wire, asm__wire_item *call) {
    call->span = asm__otlp_span_id(wire, ASM_STR("tool"), call->id, 0);
}

static void asm__otlp_call_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    (void)display_text;
    call->begin = wire->now;
    if (wire->options.with_content)
        asm__wire_fail(wire, asm_buffer_append(&call->said, asm__wire_prefix(input, wire->options.max_text)));
}

static void asm__otlp_call_end(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    const bool has_code = result->exit_code.is_set && result->exit_code.value != 0;
    asm_buffer *out = asm__otlp_begin(wire, call->span, asm__otlp_parent(wire, call), ASM_STR("execute_tool"),
                                      call->name, false, call->begin);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.operation.name"), ASM_STR("execute_tool"));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.tool.name"), call->name);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.tool.call.id"), call->id);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.tool.type"), ASM_STR("function"));
    asm__otlp_int(out, ASM__OTLP_INT("asm.exit_code"), result->exit_code);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.status"), result->status);
    if (wire->options.with_content) {
        asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.tool.call.arguments"),
                       asm_buffer_text(&call->said));
        asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.tool.call.result"), result->text);
    }
    asm__otlp_end(wire, &call->kept, result->is_failed, has_code ? ASM_STR("exit_code") : result->status,
                  wire->options.with_content ? result->text : asm_str_make(NULL, 0));
}

/* An event within a span; its data only with the content. */
static void asm__otlp_note_on(asm_wire *wire, asm__wire_item *item, const asm_event *event) {
    asm_buffer *out = &item->kept;
    if (out->size > wire->options.max_text) {
        wire->dropped++;
        return;
    }
    asm__otlp_put_time(out, out->size ? ASM_STR(",{\"timeUnixNano\":\"") : ASM_STR("{\"timeUnixNano\":\""),
                       wire->now);
    ASM__PUT(out, ",\"name\":");
    asm__wire_put_name(wire, out, event);
    if (wire->options.with_content) {
        asm_buffer_clear(&wire->text);
        asm__wire_data(wire, &wire->text, event);
        ASM__PUT(out, ",\"attributes\":[");
        asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.data"), asm_buffer_text(&wire->text));
        ASM__PUT(out, "]");
    }
    ASM__PUT(out, "}");
    if (out->result != ASM_OK) asm__wire_fail(wire, out->result);
}

static void asm__otlp_note(asm_wire *wire, const asm_event *event) {
    asm__otlp_note_on(wire, wire->run, event);
}

static void asm__otlp_approval(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    asm__otlp_note_on(wire, call, event);
}

static void asm__otlp_step_begin(asm_wire *wire, asm__wire_item *step) {
    step->span = asm__otlp_span_id(wire, ASM_STR("step"), step->id, 0);
}

static void asm__otlp_step_end(asm_wire *wire, asm__wire_item *step) {
    asm__otlp_begin(wire, step->span, wire->run->span, step->name, asm_str_make(NULL, 0), false, step->begin);
    asm__otlp_end(wire, NULL, false, asm_str_make(NULL, 0), asm_str_make(NULL, 0));
}

/* Models are told apart in the run's sum only by their spans: the run has all of them together. */
static void asm__otlp_run_end(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome,
                              const asm_event *event) {
    const bool is_failed = outcome == ASM__WIRE_FAILED || outcome == ASM__WIRE_TIMEOUT;
    const asm_str provider = asm_buffer_text(&wire->main->said);
    asm_usage_payload usage;
    asm_buffer *out;
    asm__otlp_model(wire, wire->main, NULL);
    out = asm__otlp_begin(wire, run->span, 0, ASM_STR("invoke_agent"), provider, false, run->begin);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.operation.name"), ASM_STR("invoke_agent"));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.provider.name"), asm__otlp_provider(provider));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.agent.name"), provider);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.conversation.id"), asm__wire_session(wire));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("gen_ai.request.model"), asm_buffer_text(&run->said));
    asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.run_id"), run->id);
    asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.outcome"), asm__wire_outcome_name(outcome));
    if (event && event->run.token_usage.size && asm_usage_read(&usage, event->run.token_usage)) {
        asm__wire_check_usage(&usage);
        asm__otlp_usage(out, &usage);
    }
    if (event) asm__otlp_double(out, ASM__OTLP_DOUBLE("asm.cost_usd"), event->run.cost_usd);
    if (event) asm__otlp_text(wire, out, ASM__OTLP_STRING("asm.stop_reason"), event->run.stop_reason);
    asm__otlp_end(wire, &run->kept, is_failed,
                  outcome == ASM__WIRE_TIMEOUT ? ASM_STR("timeout") : asm__wire_error_code(event),
                  is_failed ? asm__wire_error_text(event) : asm_str_make(NULL, 0));
    asm_buffer_clear(&wire->main->said);
}

static const asm__wire_encoder asm__otlp_encoder = {true,
                                                    true,
                                                    false,
                                                    NULL,
                                                    asm__otlp_run_begin,
                                                    asm__otlp_run_end,
                                                    asm__otlp_step_begin,
                                                    asm__otlp_step_end,
                                                    asm__otlp_agent_begin,
                                                    asm__otlp_agent_end,
                                                    asm__otlp_text_begin,
                                                    asm__otlp_text_delta,
                                                    asm__otlp_text_end,
                                                    asm__otlp_call_begin,
                                                    asm__otlp_call_input,
                                                    NULL,
                                                    asm__otlp_call_end,
                                                    asm__otlp_approval,
                                                    asm__otlp_usage_event,
                                                    asm__otlp_note,
                                                    asm__otlp_flush};

/* >>wire: cloudevents
 *
 * CloudEvents 1.0, JSON format (cloudevents.io). One for each event, which is its data as it is: nothing is left out. */

/* A URI's path segment (RFC 3986): everything but unreserved characters as %XX. */
static void asm__ce_put_segment(asm_buffer *out, asm_str text) {
    static const char hex[] = "0123456789ABCDEF";
    size_t i;
    for (i = 0; i < text.size; i++) {
        const unsigned char c = (unsigned char)text.data[i];
        const bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                              c == '-' || c == '.' || c == '_' || c == '~';
        const char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (is_plain) asm_buffer_append_byte(out, (char)c);
        else asm_buffer_append(out, asm_str_make(escaped, 3));
    }
}

/* What the members depend on that stand in wire->kept, one after the other, with their sizes. */
static bool asm__ce_is_same(const asm_wire *wire, const asm_event *event) {
    const char *key = wire->text.data;
    return wire->count == wire->sessions && event->run_id.size == wire->head_sizes[0] &&
           event->agent_id.size == wire->head_sizes[1] && event->provider.size == wire->head_sizes[2] &&
           asm__wire_is_same_id(event->run_id, asm_str_make(key, event->run_id.size)) &&
           asm__wire_is_same_id(event->agent_id,
                                asm_str_make(key + event->run_id.size, event->agent_id.size)) &&
           asm__wire_is_same_id(event->provider, asm_str_make(key + wire->text.size - event->provider.size,
                                                              event->provider.size));
}

/* A member, if it is set. */
static void asm__ce_member(asm_buffer *out, asm_str before, asm_str text) {
    if (text.size) asm__wire_text(out, before, text);
}

/* The members that most events of a run have in common, up to the beginning of an id of ours: RUN and a colon. They stay
 * in wire->kept until they are others; the id's value begins at wire->head_id. */
static void asm__ce_make_head(asm_wire *wire, const asm_event *event) {
    asm_buffer *out = &wire->kept, *key = &wire->text;
    asm_buffer_clear(out);
    asm_buffer_clear(key);
    asm_buffer_reserve(key, 1); /* so that it has data, if nothing else */
    asm_buffer_append(key, event->run_id);
    asm_buffer_append(key, event->agent_id);
    asm_buffer_append(key, event->provider);
    wire->head_sizes[0] = event->run_id.size;
    wire->head_sizes[1] = event->agent_id.size;
    wire->head_sizes[2] = event->provider.size;
    wire->count = wire->sessions;
    ASM__PUT(out, "{\"specversion\":\"1.0\",\"source\":\"/asm/session/");
    asm__ce_put_segment(out, asm__wire_session(wire));
    asm__wire_session_id(wire, out, ASM_STR("\",\"partitionkey\":"));
    asm__ce_member(out, ASM_STR(",\"traceparent\":"), wire->options.traceparent);
    asm__ce_member(out, ASM_STR(",\"agentid\":"), event->agent_id);
    asm__ce_member(out, ASM_STR(",\"provider\":"), event->provider);
    asm__ce_member(out, ASM_STR(",\"subject\":"), event->run_id);
    asm__ce_member(out, ASM_STR(",\"runid\":"), event->run_id);
    ASM__PUT(out, ",\"id\":");
    wire->head_id = out->size;
    asm__append_string(out, event->run_id);
    if (out->result == ASM_OK) out->data[out->size - 1] = ':'; /* in place of the quote */
    asm__wire_fail(wire, out->result != ASM_OK ? out->result : key->result);
}

/* The name of a custom event after the beginning of its type, and what follows up to the data. */
static void asm__ce_put_name(asm_buffer *out, asm_str name) {
    asm__wire_prefixed(out, ASM_STR(""), name);
    if (out->result == ASM_OK) out->size--; /* the quote comes again */
    ASM__PUT(out, ".v1\",\"data\":");
}

/* Copies a literal to `p`, where there is room; returns what is after it. */
#define ASM__CE_PUT(p, literal) (memcpy((p), "" literal, sizeof literal - 1), (p) + (sizeof literal - 1))

/* Of the number, twice, a type that is not custom, a time, and what stands around them. */
#define ASM__CE_ROOM 200

static void asm__ce_set_number(asm_wire *wire, int64_t number) {
    wire->number = number;
    wire->number_size = asm__format_int64(number, wire->number_digits);
}

/* The digits of the number, which mostly is the next one. */
static char *asm__ce_put_number(char *p, const asm_wire *wire) {
    memcpy(p, wire->number_digits, sizeof wire->number_digits);
    return p + wire->number_size;
}

/* Makes ready for the next number now: to load then what was just stored would have to wait. */
static void asm__ce_count(asm_wire *wire) {
    char *last = wire->number_digits + wire->number_size - 1;
    if (*last == '9') {
        asm__ce_set_number(wire, wire->number < INT64_MAX ? wire->number + 1 : 0);
        return;
    }
    ++*last;
    wire->number++;
}

/* Up to the data, where the head was put and there is room: an id of ours, the run's and the number; the number as sequence;
 * the type, a word of ours; the time. */
static char *asm__ce_put_usual(char *p, asm_wire *wire, const asm_event *event) {
    const asm_str type = asm_event_type_name(event->type);
    const int64_t number = event->sequence_number > 0 ? event->sequence_number : (int64_t)wire->event_count;
    if (number != wire->number) asm__ce_set_number(wire, number);
    if (!event->id.size) {
        p = asm__ce_put_number(p, wire);
        p = ASM__CE_PUT(p, "\"");
    }
    p = ASM__CE_PUT(p, ",\"sequence\":\"");
    p = asm__ce_put_number(p, wire);
    asm__ce_count(wire);
    if (event->time) {
        p = ASM__CE_PUT(p, "\",\"time\":\"");
        p += asm_time_format(event->time, event->time_precision, p);
    }
    p = ASM__CE_PUT(p, "\",\"type\":\"asm.");
    if (event->type == ASM_EVENT_CUSTOM) return p;
    if (type.size) memcpy(p, type.data, type.size);
    return ASM__CE_PUT(p + type.size, ".v1\",\"data\":");
}

static void asm__ce_event(asm_wire *wire, const asm_event *event) {
    asm_buffer *out = asm__wire_frame(wire);
    size_t head;
    if (!asm__ce_is_same(wire, event)) asm__ce_make_head(wire, event);
    if (wire->result != ASM_OK) return;
    head = event->id.size ? wire->head_id : wire->kept.size;
    if (asm_buffer_reserve(out, head + ASM__CE_ROOM) != ASM_OK) return;
    memcpy(out->data + out->size, wire->kept.data, head);
    out->size += head;
    if (event->id.size) {
        asm__append_string(out, event->id);
        if (asm_buffer_reserve(out, ASM__CE_ROOM) != ASM_OK) return;
    }
    out->size = (size_t)(asm__ce_put_usual(out->data + out->size, wire, event) - out->data);
    if (event->type == ASM_EVENT_CUSTOM) asm__ce_put_name(out, asm_event_name(event));
    asm__wire_data(wire, out, event);
    ASM__PUT(out, "}");
    asm__wire_end_frame(wire);
}

static const asm__wire_encoder asm__ce_encoder = {false, false, false, asm__ce_event, NULL, NULL, NULL,
                                                  NULL,  NULL,  NULL,  NULL,          NULL, NULL, NULL,
                                                  NULL,  NULL,  NULL,  NULL,          NULL, NULL, NULL};

/* >>wire: trace
 *
 * The Trace Event Format (the "JSON" format that Perfetto reads): a lane for each agent. On it, one within the other, the
 * run, model calls, and one tool at a time; what overlaps (tools side by side, steps, waiting) is asynchronous. */

static asm_buffer *asm__trace_frame(asm_wire *wire, asm_str phase, unsigned lane, asm_time time) {
    asm_buffer *out = asm__wire_frame(wire);
    asm__wire_text(out, ASM_STR("{\"ph\":"), phase);
    asm__wire_int(out, ASM_STR(",\"pid\":"), (int64_t)wire->count);
    asm__wire_int(out, ASM_STR(",\"tid\":"), (int64_t)lane);
    asm__wire_int(out, ASM_STR(",\"ts\":"), time - wire->origin);
    return out;
}

static void asm__trace_end(asm_wire *wire) {
    ASM__PUT(&wire->frames, "}");
    asm__wire_end_frame(wire);
}

static void asm__trace_named(asm_wire *wire, asm_str what, unsigned lane, asm_str name) {
    asm_buffer *out = asm__trace_frame(wire, ASM_STR("M"), lane, wire->origin);
    asm__wire_text(out, ASM_STR(",\"name\":"), what);
    asm__wire_text(out, ASM_STR(",\"args\":{\"name\":"), name);
    ASM__PUT(out, "}");
    asm__trace_end(wire);
}

/* Names the process (a session) and the main lane, once. */
static void asm__trace_process(asm_wire *wire) {
    if (wire->count == wire->sessions) return;
    wire->count = wire->sessions;
    wire->lanes = 0;
    asm__trace_named(wire, ASM_STR("process_name"), 0, asm__wire_session(wire));
    asm__trace_named(wire, ASM_STR("thread_name"), 0, ASM_STR("main agent"));
}

static void asm__trace_slice(asm_wire *wire, asm_str phase, unsigned lane, asm_str name, asm_str category) {
    asm_buffer *out = asm__trace_frame(wire, phase, lane, wire->now);
    asm__wire_text(out, ASM_STR(",\"name\":"), name);
    asm__wire_text(out, ASM_STR(",\"cat\":"), category);
}

/* b or e: a slice that may overlap others. */
static void asm__trace_async(asm_wire *wire, asm_str phase, unsigned lane, asm_str name, asm_str category,
                             asm_str id) {
    asm__trace_slice(wire, phase, lane, name, category);
    asm__wire_text(&wire->frames, ASM_STR(",\"id\":"), id);
}

static unsigned asm__trace_lane(const asm__wire_item *item) {
    return item->owner && item->owner->kind == ASM__WIRE_AGENT ? item->owner->lane : 0;
}

static void asm__trace_run_begin(asm_wire *wire, asm__wire_item *run, const asm_event *event) {
    asm__trace_process(wire);
    wire->main->busy = 0;
    asm__trace_slice(wire, ASM_STR("B"), 0, run->id, ASM_STR("run"));
    if (event) {
        const size_t begin = wire->frames.size;
        asm__wire_run_members(wire, &wire->frames, event);
        if (wire->frames.size > begin) asm__wire_wrap(&wire->frames, begin, ASM_STR(",\"args\":"));
    }
    asm__trace_end(wire);
}

static void asm__trace_run_end(asm_wire *wire, asm__wire_item *run, asm__wire_outcome outcome,
                               const asm_event *event) {
    asm__trace_slice(wire, ASM_STR("E"), 0, run->id, ASM_STR("run"));
    asm__wire_text(&wire->frames, ASM_STR(",\"args\":{\"outcome\":"), asm__wire_outcome_name(outcome));
    asm__wire_end_members(wire, &wire->frames, event);
    if (event)
        asm__wire_cut_member(wire, &wire->frames, ASM_STR(",\"token_usage\":"), event->run.token_usage);
    if (outcome == ASM__WIRE_FAILED)
        asm__wire_cut_text(wire, &wire->frames, ASM_STR(",\"error_message\":"), asm__wire_error_text(event));
    ASM__PUT(&wire->frames, "}");
    asm__trace_end(wire);
}

static void asm__trace_step_begin(asm_wire *wire, asm__wire_item *step) {
    asm__trace_async(wire, ASM_STR("b"), 0, step->name, ASM_STR("step"), step->id);
    asm__trace_end(wire);
}

static void asm__trace_step_end(asm_wire *wire, asm__wire_item *step) {
    asm__trace_async(wire, ASM_STR("e"), 0, step->name, ASM_STR("step"), step->id);
    asm__trace_end(wire);
}

/* A flow from the call's lane to the sub-agent's. Perfetto wants a number as its id: no other agent has that lane. */
static void asm__trace_flow(asm_wire *wire, asm_str phase, unsigned lane, const asm__wire_item *agent) {
    asm__trace_slice(wire, phase, lane, ASM_STR("delegates"), ASM_STR("subagent"));
    asm__wire_int(&wire->frames, ASM_STR(",\"id\":"), (int64_t)wire->count << 32 | agent->lane);
    if (phase.data[0] == 'f') ASM__PUT(&wire->frames, ",\"bp\":\"e\"");
    asm__trace_end(wire);
}

static void asm__trace_agent_begin(asm_wire *wire, asm__wire_item *agent) {
    agent->lane = (unsigned)++wire->lanes;
    asm__trace_named(wire, ASM_STR("thread_name"), agent->lane, agent->name);
    asm__trace_flow(wire, ASM_STR("s"), asm__trace_lane(agent->call), agent);
    asm__trace_slice(wire, ASM_STR("B"), agent->lane, agent->name, ASM_STR("subagent"));
    asm__trace_end(wire);
    asm__trace_flow(wire, ASM_STR("f"), agent->lane, agent);
}

static void asm__trace_agent_end(asm_wire *wire, asm__wire_item *agent, const asm__wire_result *result) {
    (void)result;
    asm__trace_slice(wire, ASM_STR("E"), agent->lane, agent->name, ASM_STR("subagent"));
    asm__trace_end(wire);
}

static void asm__trace_text_begin(asm_wire *wire, asm__wire_item *text, asm_str role) {
    (void)wire;
    text->is_prompt = !asm_str_equal(role, ASM_STR("assistant"));
}

/* A model call: from the end of what the agent did before to the end of what it says. */
static void asm__trace_text_end(asm_wire *wire, asm__wire_item *text, const asm_event *event) {
    asm__wire_item *agent = text->owner;
    asm_buffer *out;
    if (text->is_thought || text->is_prompt || agent->busy || agent->has_ended || !wire->run) return;
    out = asm__trace_frame(wire, ASM_STR("X"), asm__trace_lane(text), agent->since);
    asm__wire_int(out, ASM_STR(",\"dur\":"), wire->now - agent->since);
    ASM__PUT(out, ",\"name\":\"model\",\"cat\":\"model\"");
    if (event && event->message.message_id.size) {
        asm__wire_text(out, ASM_STR(",\"args\":{\"message_id\":"), event->message.message_id);
        ASM__PUT(out, "}");
    }
    asm__trace_end(wire);
}

static void asm__trace_call_input(asm_wire *wire, asm__wire_item *call, asm_str input, asm_str display_text) {
    asm_buffer *out = &wire->frames;
    call->is_alone = !call->owner->busy && !call->owner->has_ended;
    if (call->is_alone) call->owner->busy = 1;
    call->lane = asm__trace_lane(call);
    if (call->is_alone) asm__trace_slice(wire, ASM_STR("B"), call->lane, call->name, ASM_STR("tool"));
    else asm__trace_async(wire, ASM_STR("b"), call->lane, call->name, ASM_STR("tool"), call->id);
    asm__wire_id(out, ASM_STR(",\"args\":{\"tool_call_id\":"), call);
    if (display_text.size) asm__wire_cut_text(wire, out, ASM_STR(",\"display_text\":"), display_text);
    else if (input.size > wire->options.max_text)
        asm__wire_cut_text(wire, out, ASM_STR(",\"input\":"), input);
    else if (input.size) asm__wire_json(out, ASM_STR(",\"input\":"), input);
    ASM__PUT(out, "}");
    asm__trace_end(wire);
}

static void asm__trace_waiting(asm_wire *wire, const asm__wire_item *call, asm_str phase) {
    asm__trace_async(wire, phase, call->lane, ASM_STR("waiting for a person"), ASM_STR("waiting"), call->id);
    asm__trace_end(wire);
}

static void asm__trace_call_end(asm_wire *wire, asm__wire_item *call, const asm__wire_result *result) {
    asm_buffer *out = &wire->frames;
    if (call->is_asked) asm__trace_waiting(wire, call, ASM_STR("e"));
    call->is_asked = false;
    if (call->is_alone) asm__trace_slice(wire, ASM_STR("E"), call->lane, call->name, ASM_STR("tool"));
    else asm__trace_async(wire, ASM_STR("e"), call->lane, call->name, ASM_STR("tool"), call->id);
    if (call->is_alone) call->owner->busy = 0;
    asm_buffer_append(out, result->is_failed ? ASM_STR(",\"args\":{\"failed\":true")
                                             : ASM_STR(",\"args\":{\"failed\":false"));
    asm__wire_text(out, ASM_STR(",\"status\":"), result->status);
    asm__wire_optional_int(out, ASM_STR(",\"exit_code\":"), result->exit_code);
    ASM__PUT(out, "}");
    asm__trace_end(wire);
}

static void asm__trace_note(asm_wire *wire, const asm_event *event) {
    asm_buffer *out;
    if (event->type == ASM_EVENT_DISPLAY_MESSAGE_SAVED || event->type == ASM_EVENT_DISPLAY_MESSAGE_UPDATED ||
        event->type == ASM_EVENT_AGENT_STATE_UPDATE)
        return;
    asm__trace_process(wire);
    out = asm__trace_frame(wire, ASM_STR("i"), 0, wire->now);
    ASM__PUT(out, ",\"s\":\"t\",\"name\":");
    asm__wire_put_name(wire, out, event);
    ASM__PUT(out, ",\"args\":");
    asm__wire_data(wire, out, event);
    asm__trace_end(wire);
}

static void asm__trace_approval(asm_wire *wire, asm__wire_item *call, const asm_event *event) {
    if (call->is_asked != (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED))
        asm__trace_waiting(wire, call, call->is_asked ? ASM_STR("e") : ASM_STR("b"));
    call->is_asked = event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED;
    asm__trace_note(wire, event);
}

static void asm__trace_usage(asm_wire *wire, const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    asm_buffer *out;
    if (!usage->cumulative.value || usage->parent_tool_call_id.size ||
        !(usage->input_tokens.is_set || usage->output_tokens.is_set)) {
        asm__trace_note(wire, event);
        return;
    }
    out = asm__trace_frame(wire, ASM_STR("C"), 0, wire->now);
    ASM__PUT(out, ",\"name\":\"tokens\",\"args\":{\"input\":");
    asm__wire_int(out, ASM_STR(""), usage->input_tokens.value);
    asm__wire_optional_int(out, ASM_STR(",\"output\":"), usage->output_tokens);
    ASM__PUT(out, "}");
    asm__trace_end(wire);
    if (!usage->cost_usd.is_set) return;
    out = asm__trace_frame(wire, ASM_STR("C"), 0, wire->now);
    asm__wire_double(out, ASM_STR(",\"name\":\"cost\",\"args\":{\"usd\":"), usage->cost_usd);
    ASM__PUT(out, "}");
    asm__trace_end(wire);
}

static const asm__wire_encoder asm__trace_encoder = {false,
                                                     true,
                                                     false,
                                                     NULL,
                                                     asm__trace_run_begin,
                                                     asm__trace_run_end,
                                                     asm__trace_step_begin,
                                                     asm__trace_step_end,
                                                     asm__trace_agent_begin,
                                                     asm__trace_agent_end,
                                                     asm__trace_text_begin,
                                                     NULL,
                                                     asm__trace_text_end,
                                                     NULL,
                                                     asm__trace_call_input,
                                                     NULL,
                                                     asm__trace_call_end,
                                                     asm__trace_approval,
                                                     asm__trace_usage,
                                                     asm__trace_note,
                                                     NULL};

/* >>wire: formats */

typedef struct asm__wire_format_row {
    const char *name;
    const asm__wire_encoder *encoder;
    asm_wire_framing framing;
    size_t max_text; /* so that no frame comes near the reader's limit */
} asm__wire_format_row;

static const asm__wire_format_row asm__wire_formats[ASM_WIRE_FORMAT_COUNT] = {
    {"ag-ui", &asm__agui_encoder, ASM_WIRE_FRAMING_SSE, (size_t)256 << 10},
    {"ai-sdk", &asm__ai_encoder, ASM_WIRE_FRAMING_SSE, (size_t)256 << 10},
    {"acp", &asm__acp_encoder, ASM_WIRE_FRAMING_LINES, (size_t)1 << 20},
    {"otlp", &asm__otlp_encoder, ASM_WIRE_FRAMING_LINES, (size_t)64 << 10},
    {"cloudevents", &asm__ce_encoder, ASM_WIRE_FRAMING_LINES, (size_t)256 << 10},
    {"trace", &asm__trace_encoder, ASM_WIRE_FRAMING_ARRAY, (size_t)16 << 10}};

/* >>wire: public */

ASM_API asm_str asm_wire_format_name(asm_wire_format format) {
    return (unsigned)format < ASM_WIRE_FORMAT_COUNT ? asm_str_from(asm__wire_formats[format].name)
                                                    : asm_str_make(NULL, 0);
}

ASM_API asm_wire_format asm_wire_format_from_name(asm_str name) {
    int i;
    for (i = 0; i < ASM_WIRE_FORMAT_COUNT; i++)
        if (asm_str_equal(name, asm_str_from(asm__wire_formats[i].name))) break;
    return (asm_wire_format)i;
}

static bool asm__wire_options_are_valid(const asm_wire_options *options) {
    const bool is_array = options->framing == ASM_WIRE_FRAMING_ARRAY;
    if ((unsigned)options->format >= ASM_WIRE_FORMAT_COUNT ||
        (unsigned)options->framing > ASM_WIRE_FRAMING_ARRAY)
        return false;
    if (is_array && options->format != ASM_WIRE_TRACE && options->format != ASM_WIRE_CLOUDEVENTS)
        return false;
    return !options->max_text || options->max_text >= 1024;
}

/* Copies the texts of the options, which then stand in wire->names. */
static void asm__wire_copy_names(asm_wire *wire) {
    asm_str *texts[3];
    int i;
    texts[0] = &wire->options.service_name;
    texts[1] = &wire->options.service_instance;
    texts[2] = &wire->options.traceparent;
    asm__wire_fail(wire,
                   asm_buffer_reserve(&wire->names, texts[0]->size + texts[1]->size + texts[2]->size + 1));
    if (wire->result != ASM_OK) return;
    for (i = 0; i < 3; i++) {
        const char *copy = wire->names.data + wire->names.size;
        asm_buffer_append(&wire->names, *texts[i]);
        *texts[i] = asm_str_make(copy, texts[i]->size);
    }
}

static bool asm__wire_is_hex(const char *text, size_t size) {
    size_t i;
    for (i = 0; i < size; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f'))) return false;
    return true;
}

/* W3C trace context: 00-TRACE-PARENT-FLAGS. It comes from outside, as a header or in the environment. */
static bool asm__wire_is_traceparent(asm_str text) {
    return text.size == 55 && asm__wire_is_hex(text.data, 2) && text.data[2] == '-' &&
           asm__wire_is_hex(text.data + 3, 32) && text.data[35] == '-' &&
           asm__wire_is_hex(text.data + 36, 16) && text.data[52] == '-' &&
           asm__wire_is_hex(text.data + 53, 2);
}

static void asm__wire_start(asm_wire *wire, const asm_wire_options *options) {
    const asm__wire_format_row *row;
    memset(wire, 0, sizeof *wire);
    wire->last_outcome = -1;
    asm_buffer_init_growing(&wire->frames);
    asm_buffer_init_growing(&wire->text);
    asm_buffer_init_growing(&wire->session);
    asm_buffer_init_growing(&wire->names);
    asm_buffer_init_growing(&wire->request);
    asm_buffer_init_growing(&wire->kept);
    asm_buffer_init_growing(&wire->scratch);
    if (!asm__wire_options_are_valid(options)) {
        wire->result = ASM_ERR_INVALID_ARGUMENT;
        return;
    }
    row = &asm__wire_formats[options->format];
    wire->options = *options;
    wire->encoder = row->encoder;
    if (!options->framing) wire->options.framing = row->framing;
    if (!options->max_text) wire->options.max_text = row->max_text;
    if (!options->service_name.size) wire->options.service_name = ASM_STR("asm");
    if (!asm__wire_is_traceparent(options->traceparent)) wire->options.traceparent = ASM_STR("");
    asm__wire_copy_names(wire);
    wire->is_named = options->session_id.size > 0;
    asm__wire_set_session(wire, options->session_id.size ? options->session_id : ASM_STR("session"));
    wire->main = asm__wire_add(wire, ASM__WIRE_MAIN, NULL, ASM_STR("main"), 'm', ASM_STR(""));
    if (wire->main) asm__wire_forget(wire, wire->main);
    asm__index_insert(&wire->by_id, &wire->anchor);
}

ASM_API asm_result asm_wire_init(asm_wire *wire, const asm_wire_options *options) {
    if (!wire) return ASM_ERR_INVALID_ARGUMENT;
    if (!options) {
        memset(wire, 0, sizeof *wire);
        return wire->result = ASM_ERR_INVALID_ARGUMENT;
    }
    asm__wire_start(wire, options);
    if (wire->result == ASM_OK) asm__wire_fail(wire, asm_output_stream_open(&wire->out, &options->output));
    return wire->result;
}

ASM_API asm_result asm_wire_event(asm_wire *wire, const asm_event *event) {
    if (!wire || !event) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result;
    if (wire->is_busy) return ASM_ERR_MISUSE;
    if (wire->result != ASM_OK) return wire->result;
    wire->is_busy = true;
    wire->invalid = ASM_OK;
    if (event->time && !asm__time_is_valid(event->time, event->time_precision)) {
        asm_event timeless = *event;
        timeless.time = 0;
        wire->invalid = ASM_ERR_RANGE;
        asm__wire_take(wire, &timeless);
    } else {
        asm__wire_take(wire, event);
    }
    result = asm__wire_send(wire);
    wire->is_busy = false;
    return result != ASM_OK ? result : wire->invalid;
}

ASM_API void asm_wire_on_event(void *wire, const asm_event *event) {
    asm_wire_event((asm_wire *)wire, event);
}

ASM_API asm_result asm_wire_flush(asm_wire *wire) {
    if (!wire) return ASM_ERR_INVALID_ARGUMENT;
    if (wire->is_busy) return ASM_ERR_MISUSE;
    if (wire->result != ASM_OK || wire->options.format != ASM_WIRE_OTLP) return wire->result;
    wire->is_busy = true;
    asm__otlp_flush(wire);
    asm__wire_send(wire);
    wire->is_busy = false;
    return wire->result;
}

ASM_API asm_result asm_wire_acp_prompt(asm_wire *wire, asm_str request_id) {
    if (!wire) return ASM_ERR_INVALID_ARGUMENT;
    if (asm_json_check(request_id, NULL) != ASM_OK) return ASM_ERR_INVALID_ARGUMENT;
    asm_buffer_clear(&wire->request);
    asm__wire_fail(wire, asm_buffer_append(&wire->request, request_id));
    return wire->result;
}

static void asm__wire_free(asm_wire *wire) {
    asm__wire_free_items(wire->first);
    asm__wire_free_items(wire->free_items);
    asm__wire_free_entries(wire->held);
    asm__wire_free_entries(wire->entries);
    asm__index_close(&wire->by_id);
    asm_buffer_close(&wire->frames);
    asm_buffer_close(&wire->text);
    asm_buffer_close(&wire->session);
    asm_buffer_close(&wire->names);
    asm_buffer_close(&wire->request);
    asm_buffer_close(&wire->kept);
    asm_buffer_close(&wire->scratch);
    wire->first = wire->last = wire->free_items = wire->main = wire->run = NULL;
    wire->held = wire->entries = wire->last_held = wire->last_entry = NULL;
}

/* What was said by those who speak now. */
static void asm__wire_repeat_open(const asm_wire *wire, asm_wire *joined) {
    const asm__wire_item *item;
    for (item = wire->first; item; item = item->next) {
        asm_event event;
        if (item->kind != ASM__WIRE_TEXT || item->has_ended || !item->said.size) continue;
        event = asm__wire_said(item);
        joined->event_count = item->number - 1;
        asm__wire_take(joined, &event);
    }
}

ASM_API asm_result asm_wire_catch_up(const asm_wire *wire, const asm_output *output) {
    if (!wire || !output) return ASM_ERR_INVALID_ARGUMENT;
    const asm__wire_entry *entry;
    asm_wire_options options = wire->options;
    asm_wire joined;
    asm_result result;
    if (!options.history || options.format == ASM_WIRE_OTLP || !wire->main) return ASM_ERR_MISUSE;
    if (wire->is_cut) return ASM_ERR_NO_SPACE;
    options.output = *output;
    options.history = 0;
    options.epoch = 0;
    if (asm_wire_init(&joined, &options) == ASM_OK) {
        for (entry = wire->entries; entry && joined.result == ASM_OK; entry = entry->next) {
            joined.event_count = entry->number - 1;
            asm__wire_take(&joined, entry->event);
            asm__wire_send(&joined);
        }
        asm__wire_repeat_open(wire, &joined);
        asm__wire_send(&joined);
    }
    result = joined.result;
    asm_output_stream_close(&joined.out);
    asm__wire_free(&joined);
    return result;
}

static bool asm__wire_waits(const asm_wire *wire) {
    const asm__wire_item *item;
    for (item = wire->first; item; item = item->next)
        if (item->kind == ASM__WIRE_CALL && item->is_waiting && !item->has_ended) return true;
    return false;
}

ASM_API asm_result asm_wire_close(asm_wire *wire) {
    if (!wire) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result;
    if (wire->is_busy) return wire->main ? ASM_ERR_MISUSE : wire->result; /* closed already */
    if (wire->result == ASM_OK) {
        const asm__wire_entry *entry;
        wire->is_busy = true;
        if (wire->run && wire->run->is_implied) asm__wire_end_run(wire, ASM__WIRE_COMPLETED, NULL);
        asm__wire_end_run(wire, asm__wire_waits(wire) ? ASM__WIRE_INTERRUPTED : ASM__WIRE_FAILED, NULL);
        for (entry = wire->held; entry; entry = entry->next)
            wire->dropped++;
        if (wire->encoder->finish) wire->encoder->finish(wire);
        if (wire->in_array) ASM__PUT(&wire->frames, "\n]\n");
        asm__wire_send(wire);
        wire->is_busy = false;
    }
    result = asm_output_stream_close(&wire->out);
    if (wire->encoder) asm__wire_fail(wire, result);
    asm__wire_free(wire);
    wire->is_busy = true; /* for good: later calls are refused */
    return wire->result;
}

static asm_result asm__wire_sink_event(void *self, const asm_event *event, asm_str text) {
    (void)text;
    return asm_wire_event((asm_wire *)self, event);
}

static asm_result asm__wire_sink_write(void *self, asm_str text) {
    (void)self, (void)text;
    return ASM_OK;
}

static asm_result asm__wire_sink_flush(void *self) {
    return asm_wire_flush((asm_wire *)self);
}

static asm_result asm__wire_sink_close(void *self) {
    return asm_wire_close((asm_wire *)self);
}

ASM_API asm_sink asm_wire_sink_init(asm_wire *wire, const asm_wire_options *options) {
    asm_sink sink;
    memset(&sink, 0, sizeof sink);
    sink.result = asm_wire_init(wire, options);
    sink.name = options && options->output.path ? options->output.path : "wire";
    if (!wire || !options) return sink;
    sink.self = wire;
    sink.write = asm__wire_sink_write;
    sink.write_event = asm__wire_sink_event;
    sink.flush = asm__wire_sink_flush;
    sink.close = asm__wire_sink_close;
    return sink;
}

ASM__WARNINGS_BACK
#endif /* ASM_WIRE_IMPLEMENTED */
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
