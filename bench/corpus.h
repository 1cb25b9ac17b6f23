/* What the benchmarks work on: a reproducible stream of agent events as plain structs, and the JSON line of
 * each.
 *
 * Every event differs. A small set in a loop measures what the branch predictor has learnt by heart, not the
 * code: the same writer is then four to six times as fast as on a real stream. */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Text of the corpus also ends in a NUL, which is not counted, for the libraries that need it. */
typedef struct corpus_text {
    const char *data;
    size_t size;
} corpus_text;

#define CORPUS_KINDS(X)                                                                                      \
    X(MESSAGE_STREAMED, "message_streamed")                                                                  \
    X(TOOL_CALL_STARTED, "tool_call_started")                                                                \
    X(TOOL_CALL_COMPLETED, "tool_call_completed")                                                            \
    X(RUN_STARTED, "run_started")                                                                            \
    X(TOKEN_USAGE_UPDATED, "token_usage_updated")                                                            \
    X(RUN_COMPLETED, "run_completed")

typedef enum corpus_kind {
#define CORPUS_X(name, text) CORPUS_##name,
    CORPUS_KINDS(CORPUS_X)
#undef CORPUS_X
        CORPUS_KIND_COUNT
} corpus_kind;

/* Which members are set depends on the kind: see CORPUS_EVENT(). */
typedef struct corpus_event {
    corpus_kind kind;
    bool recursive;
    int64_t time;   /* Unix microseconds */
    corpus_text ts; /* the same as text, for libraries that cannot format it */
    corpus_text session_id, run_id, provider;
    corpus_text delta;
    corpus_text line; /* the whole event as JSON, without a line feed; not set by readers */
    corpus_text tool_name, tool_call_id, tool_output;
    corpus_text command, description, path;
    int64_t timeout, limit;
    corpus_text model, cwd, stop_reason;
    int64_t num_turns, input_tokens, output_tokens;
} corpus_event;

/* What an event looks like in JSON, said once for all libraries. A library that is to build or to search such
 * an object defines DO_TIME, DO_KIND, DO_TEXT, DO_NUMBER, DO_FLAG (key, member), DO_BEGIN (key) and DO_END
 * with a prefix of its own in place of DO. The kind comes before what depends on it. */
#define CORPUS_EVENT(DO, event)                                                                              \
    do {                                                                                                     \
        DO##_TIME("ts", (event)->time, (event)->ts);                                                         \
        DO##_KIND("type", (event)->kind);                                                                    \
        DO##_BEGIN("data");                                                                                  \
        switch ((event)->kind) {                                                                             \
        case CORPUS_MESSAGE_STREAMED:                                                                        \
            DO##_TEXT("delta", (event)->delta);                                                              \
            break;                                                                                           \
        case CORPUS_TOOL_CALL_STARTED:                                                                       \
            DO##_TEXT("tool_name", (event)->tool_name);                                                      \
            DO##_TEXT("tool_call_id", (event)->tool_call_id);                                                \
            DO##_BEGIN("tool_input");                                                                        \
            CORPUS_TOOL_INPUT(DO, event);                                                                    \
            DO##_END();                                                                                      \
            break;                                                                                           \
        case CORPUS_TOOL_CALL_COMPLETED:                                                                     \
            DO##_TEXT("tool_name", (event)->tool_name);                                                      \
            DO##_TEXT("tool_call_id", (event)->tool_call_id);                                                \
            DO##_TEXT("tool_output", (event)->tool_output);                                                  \
            break;                                                                                           \
        case CORPUS_RUN_STARTED:                                                                             \
            DO##_TEXT("model", (event)->model);                                                              \
            DO##_TEXT("cwd", (event)->cwd);                                                                  \
            break;                                                                                           \
        case CORPUS_TOKEN_USAGE_UPDATED:                                                                     \
            DO##_NUMBER("input_tokens", (event)->input_tokens);                                              \
            DO##_NUMBER("output_tokens", (event)->output_tokens);                                            \
            break;                                                                                           \
        case CORPUS_RUN_COMPLETED:                                                                           \
            DO##_TEXT("stop_reason", (event)->stop_reason);                                                  \
            DO##_NUMBER("num_turns", (event)->num_turns);                                                    \
            break;                                                                                           \
        case CORPUS_KIND_COUNT:                                                                              \
            break;                                                                                           \
        }                                                                                                    \
        DO##_END();                                                                                          \
        DO##_TEXT("session_id", (event)->session_id);                                                        \
        DO##_TEXT("run_id", (event)->run_id);                                                                \
        DO##_TEXT("provider", (event)->provider);                                                            \
    } while (0)

#define CORPUS_TOOL_INPUT(DO, event)                                                                         \
    do {                                                                                                     \
        DO##_TEXT("command", (event)->command);                                                              \
        DO##_TEXT("description", (event)->description);                                                      \
        DO##_NUMBER("timeout", (event)->timeout);                                                            \
        DO##_BEGIN("options");                                                                               \
        DO##_TEXT("path", (event)->path);                                                                    \
        DO##_FLAG("recursive", (event)->recursive);                                                          \
        DO##_NUMBER("limit", (event)->limit);                                                                \
        DO##_END();                                                                                          \
    } while (0)

/* The name in JSON, and back; CORPUS_KIND_COUNT if there is none of that name. */
extern const corpus_text corpus_kind_names[CORPUS_KIND_COUNT];
corpus_kind corpus_kind_from_name(const char *name, size_t size);

/* The time written YYYY-MM-DDTHH:MM:SS.ffffffZ, which is all that the corpus has; and back
 * (0 for text of any other length). */
#define CORPUS_TIME_SIZE 27
void corpus_time_format(int64_t time, char out[CORPUS_TIME_SIZE + 1]);

/* The same as a text that is valid until the next call, for writers that take texts only: formatting the time is
 * part of the work, as parsing it is for readers. */
corpus_text corpus_time_text(int64_t time);

int64_t corpus_time_parse(corpus_text text);

/* Where the value of `key` belongs, for readers that meet one key after the other; NULL if that is no member
 * of its type. */
corpus_text *corpus_text_member(corpus_event *event, const char *key, size_t size);
int64_t *corpus_number_member(corpus_event *event, const char *key, size_t size);

/* A checksum over all members that the kind has: of every byte, or (cheap enough to be timed with a reader)
 * of the numbers and of each text's size and ends. */
typedef uint64_t corpus_digest(const corpus_event *event);
corpus_digest corpus_digest_full, corpus_digest_quick;

/* How the lines are written. */
typedef enum corpus_form {
    CORPUS_OWN_ORDER, /* as this library writes them */
    CORPUS_SORTED,    /* members sorted by name */
    CORPUS_SPACED,    /* a blank after each comma and colon, as Python's json.dumps() does */
    CORPUS_UNKNOWN,   /* with three members that no event has */
    CORPUS_FORM_COUNT
} corpus_form;

/* What the streamed pieces and outputs are about. */
typedef enum corpus_topic {
    CORPUS_ENGLISH, /* and one word in twenty-five not ASCII */
    CORPUS_GERMAN,
    CORPUS_RUSSIAN,
    CORPUS_CHINESE,
    CORPUS_JAPANESE,
    CORPUS_CODE,
    CORPUS_ANSI,
    CORPUS_DIFF,
    CORPUS_NESTED_JSON,
    CORPUS_TOPIC_COUNT
} corpus_topic;

/* Events to be made; the rest 0 for own order, English and the usual sizes. */
#define CORPUS_MIX CORPUS_KIND_COUNT
typedef struct corpus_choice {
    corpus_kind kind; /* or CORPUS_MIX: all kinds as they come in a session */
    corpus_form form;
    corpus_topic topic;
    size_t smallest, largest; /* bytes of an output or of the command in an input; as many per octave */
} corpus_choice;

/* `count` events; always the same ones. A line may be read 64 bytes past its end. Ends the program when there is
 * no memory, here and below. */
#define CORPUS_PADDING 64
typedef struct corpus {
    corpus_event *events;
    size_t count;
} corpus;
corpus corpus_create(size_t count, const corpus_choice *choice);

/* One tool_call_completed line whose output has `size` bytes. */
corpus_text corpus_long_line(size_t size);

/* `size` bytes of text to be escaped. */
typedef enum corpus_script { CORPUS_ASCII, CORPUS_CJK, CORPUS_ACCENTS, CORPUS_PROSE } corpus_script;
corpus_text corpus_string(size_t size, corpus_script script, double escape_rate);

/* `text` as a JSON string, quotes and all. */
corpus_text corpus_quote(corpus_text text);

#ifdef __cplusplus
}
#endif
#endif
