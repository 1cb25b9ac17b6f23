/* Tests of asm_ingest.h. They are run from the top of the project: examples/data holds the streams. */
#define ASM_INGEST_IMPLEMENTATION
#include "support.h"

#include "asm_ingest.h"

#include <dirent.h>

/* ==================================================================================================================
 * Feeding streams and recording what comes of them
 */

#define NOW ((asm_time)1700000000000000) /* 2023-11-14T22:13:20Z */

typedef struct recorder {
    asm_buffer events; /* JSON Lines */
    asm_buffer brief;  /* the same with type and data only */
    asm_buffer diagnostics;
    asm_ingest_counts counts;
    asm_format format;
} recorder;

static asm_str brief_json(const asm_event *event, asm_buffer *out) {
    asm_event bare = *event;
    size_t before = out->size;
    bare.session_id = bare.run_id = bare.provider = bare.metadata = asm_str_make(NULL, 0);
    bare.time = 0;
    bare.sequence_number = 0;
    assert_int_equal(asm_event_write_json(&bare, out), ASM_OK);
    asm_buffer_append_byte(out, '\n');
    return asm_str_make(out->data + before, out->size - before);
}

/* Every event must write, and read back as what it was. */
static void record_event(void *user, const asm_event *event) {
    recorder *record = (recorder *)user;
    size_t before = record->events.size;
    asm_buffer again, scratch;
    asm_event copy;
    asm_str line;
    asm_result result = asm_event_write_json(event, &record->events);
    if (result != ASM_OK) {
        expect(false, "an event cannot be written: %s", asm_result_string(result));
        return;
    }
    line = asm_str_make(record->events.data + before, record->events.size - before);
    asm_buffer_init_growing(&again);
    asm_buffer_init_growing(&scratch);
    expect(asm_event_read_json(&copy, line, &scratch, NULL) == ASM_OK, "%s", shown(line));
    expect(asm_event_write_json(&copy, &again) == ASM_OK, "%s", shown(line));
    expect_text(asm_buffer_text(&again), line);
    asm_buffer_close(&again);
    asm_buffer_close(&scratch);
    asm_buffer_append_byte(&record->events, '\n');
    brief_json(event, &record->brief);
}

static void record_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    recorder *record = (recorder *)user;
    char text[256];
    int size = snprintf(text, sizeof text, "%llu:%llu @%llu %s: %s\n", (unsigned long long)diagnostic->line,
                        (unsigned long long)diagnostic->column, (unsigned long long)diagnostic->offset,
                        diagnostic->lost ? "lost" : "note", diagnostic->message);
    asm_buffer_append(&record->diagnostics, asm_str_make(text, (size_t)size));
}

static void record_init(recorder *record, asm_ingest_options *options) {
    memset(record, 0, sizeof *record);
    asm_buffer_init_growing(&record->events);
    asm_buffer_init_growing(&record->brief);
    asm_buffer_init_growing(&record->diagnostics);
    options->on_event = record_event;
    options->on_diagnostic = record_diagnostic;
    options->user = record;
}

static void record_close(recorder *record) {
    asm_buffer_close(&record->events);
    asm_buffer_close(&record->brief);
    asm_buffer_close(&record->diagnostics);
}

/* Feeds `stream` in pieces, each a block of its own (nothing may be kept), and ends it. */
static void feed(asm_ingest *ingest, asm_str stream, size_t piece) {
    for (size_t at = 0; at < stream.size; at += piece) {
        size_t size = stream.size - at < piece ? stream.size - at : piece;
        char *block = exact_copy(stream.data + at, size);
        assert_int_equal(asm_ingest_feed(ingest, block, size, NOW), ASM_OK);
        free_block(block, size);
    }
    assert_int_equal(asm_ingest_end(ingest, NOW), ASM_OK);
}

static void take_with(recorder *record, asm_str stream, size_t piece, asm_ingest_options options) {
    asm_ingest ingest;
    record_init(record, &options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    feed(&ingest, stream, piece);
    record->counts = ingest.counts;
    asm_ingest_close(&ingest);
    expect(asm_ingest_feed(&ingest, "{}", 2, NOW) == ASM_ERR_MISUSE, "fed after it was closed");
    expect(asm_ingest_end(&ingest, NOW) == ASM_ERR_MISUSE, "ended after it was closed");
}

static void take(recorder *record, asm_str stream, size_t piece) {
    asm_ingest_options options;
    memset(&options, 0, sizeof options);
    take_with(record, stream, piece, options);
}

/* What is expected of a stream, as brief events and diagnostics; however it is cut. */
static void expect_stream_with(asm_str stream, const char *events, const char *diagnostics,
                               asm_ingest_options options, int line) {
    static const size_t pieces[] = {SIZE_MAX / 4, 1, 7};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        recorder record;
        take_with(&record, stream, pieces[i], options);
        if (!asm_str_equal(asm_buffer_text(&record.brief), asm_str_from(events)) && ++failed_cases <= 25)
            print_error("line %d, pieces of %zu: the events are\n%.*sbut should be\n%s\n", line, pieces[i],
                        (int)record.brief.size, asm_buffer_text(&record.brief).data, events);
        if (!asm_str_equal(asm_buffer_text(&record.diagnostics), asm_str_from(diagnostics)) &&
            ++failed_cases <= 25)
            print_error("line %d, pieces of %zu: the diagnostics are\n%.*sbut should be\n%s\n", line,
                        pieces[i], (int)record.diagnostics.size, asm_buffer_text(&record.diagnostics).data,
                        diagnostics);
        record_close(&record);
    }
}

static void expect_stream(const char *stream, const char *events, const char *diagnostics, int line) {
    asm_ingest_options options;
    memset(&options, 0, sizeof options);
    expect_stream_with(asm_str_from(stream), events, diagnostics, options, line);
}

#define EXPECT(stream, events)                          expect_stream(stream, events, "", __LINE__)
#define EXPECT_DIAGNOSTICS(stream, events, diagnostics) expect_stream(stream, events, diagnostics, __LINE__)

/* Where `what` stands in `text` first; NULL if nowhere. */
static const char *find_in(asm_str text, const char *what) {
    size_t size = strlen(what);
    for (size_t at = 0; at + size <= text.size; at++)
        if (memcmp(text.data + at, what, size) == 0) return text.data + at;
    return NULL;
}

/* The text behind `at`. */
static asm_str behind(asm_str text, const char *at) {
    return asm_str_make(at + 1, (size_t)(text.data + text.size - at) - 1);
}

static asm_str read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t size = 0, capacity = 1 << 16;
    char *data = (char *)malloc(capacity);
    if (!file) {
        free(data);
        return asm_str_make(NULL, 0);
    }
    for (;;) {
        size_t got = fread(data + size, 1, capacity - size, file);
        size += got;
        if (got == 0) break;
        if (size == capacity) data = (char *)realloc(data, capacity *= 2);
    }
    fclose(file);
    return asm_str_make(data, size);
}

static const char *const data_files[] = {
    "examples/data/claude_session.jsonl", "examples/data/claude_partial.jsonl",
    "examples/data/codex_session.jsonl", "examples/data/broken.jsonl", "examples/data/asm_session.jsonl"};

static asm_str read_data_file(size_t index) {
    asm_str text = read_file(data_files[index]);
    if (!text.data) fail_msg("%s is missing: run the tests from the top of the project", data_files[index]);
    return text;
}

static void free_file(asm_str text) {
    free((char *)(uintptr_t)text.data);
}

/* ==================================================================================================================
 * Pieces of streams
 */

#define INIT                                                                                                 \
    "{\"type\":\"system\",\"subtype\":\"init\",\"cwd\":\"/"                                                  \
    "w\",\"session_id\":\"s\",\"tools\":[\"Bash\"],\"model\":\"m\"}\n"
#define STARTED "{\"type\":\"run_started\",\"data\":{\"model\":\"m\",\"cwd\":\"/w\",\"tools\":[\"Bash\"]}}\n"
#define BLOCK_FROM(parent, id, block)                                                                        \
    "{\"type\":\"assistant\",\"message\":{\"id\":\"" id "\",\"content\":[" block                             \
    "]},\"parent_tool_use_id\":" parent ",\"session_id\":\"s\"}\n"
#define BLOCK(id, block) BLOCK_FROM("null", id, block)
#define SAYING(id, text) BLOCK(id, "{\"type\":\"text\",\"text\":\"" text "\"}")
#define TOOL_BLOCK(id, name, input)                                                                          \
    "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":" input "}"
#define TOOL(message, id, name, input) BLOCK(message, TOOL_BLOCK(id, name, input))
#define USER_FROM(parent, block, more)                                                                       \
    "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[" block                                  \
    "]},\"parent_tool_use_id\":" parent ",\"session_id\":\"s\"" more "}\n"
#define RESULT_OF(id, content, more)                                                                         \
    USER_FROM("null", "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":" content more "}",  \
              "")
#define RESULT                                                                                               \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"x\",\"stop_reason\":"      \
    "\"end_turn\",\"session_id\":\"s\"}\n"
#define EVENT(event)                                                                                         \
    "{\"type\":\"stream_event\",\"event\":" event ",\"parent_tool_use_id\":null,\"session_id\":\"s\"}\n"
#define MESSAGE_START(id)                                                                                    \
    EVENT("{\"type\":\"message_start\",\"message\":{\"id\":\"" id "\",\"model\":\"m\"}}")
#define DELTA(text)                                                                                          \
    EVENT(                                                                                                   \
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text  \
        "\"}}")
#define JSON_DELTA(text)                                                                                     \
    EVENT("{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"     \
          "\"" text "\"}}")
#define BLOCK_START(block) EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" block "}")
#define BLOCK_STOP         EVENT("{\"type\":\"content_block_stop\",\"index\":0}")
#define MESSAGE_STOP       EVENT("{\"type\":\"message_stop\"}")

#define STREAMED(id, text)                                                                                   \
    "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"" text                                             \
    "\",\"role\":\"assistant\",\"message_id\":\"" id "\"}}\n"
#define RECEIVED(id, text)                                                                                   \
    "{\"type\":\"message_received\",\"data\":{\"content\":\"" text                                           \
    "\",\"role\":\"assistant\",\"message_id\":\"" id "\"}}\n"
#define BROKEN(id, text)                                                                                     \
    "{\"type\":\"message_received\",\"data\":{\"content\":\"" text                                           \
    "\",\"role\":\"assistant\",\"message_id\":\"" id "\",\"incomplete\":true}}\n"
#define TOOL_STARTED(id, name, input)                                                                        \
    "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"" name "\",\"tool_call_id\":\"" id            \
    "\",\"tool_input\":" input "}}\n"
#define TOOL_ENDED(how, id, name, input, more)                                                               \
    "{\"type\":\"tool_call_" how "\",\"data\":{\"tool_name\":\"" name "\",\"tool_call_id\":\"" id            \
    "\",\"tool_input\":" input more "}}\n"
#define COMPLETED "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\"}}\n"
#define COMPLETED_SAYING(text)                                                                               \
    "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"result\":\"" text "\"}}\n"
#define NO_END "the stream goes on, and nothing tells how this run ended"
#define STREAM_ENDED(open)                                                                                   \
    "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"stream_ended\",\"error_message\":\"the stream "     \
    "ended before the run did\",\"open_tool_calls\":" open "}}\n"
#define CUT_OFF(open)                                                                                        \
    "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"stream_ended\",\"error_message\":\"" NO_END         \
    "\",\"open_tool_calls\":" open "}}\n"
#define USAGE_OF(id, numbers)                                                                                \
    "{\"type\":\"token_usage_updated\",\"data\":{" numbers ",\"message_id\":\"" id "\"}}\n"
#define TOTAL(numbers) "{\"type\":\"token_usage_updated\",\"data\":{" numbers ",\"cumulative\":true}}\n"

/* ==================================================================================================================
 * Claude
 */

static void claude_text_comes_once_streamed_and_once_whole(void **state) {
    (void)state;
    EXPECT(INIT SAYING("a", "Hello") RESULT,
           STARTED STREAMED("a", "Hello") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    /* A message in several lines is one; the next one ends it. */
    EXPECT(INIT SAYING("a", "He") SAYING("a", "llo") SAYING("b", "you") RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "llo") RECEIVED("a", "Hello") STREAMED("b", "you")
               RECEIVED("b", "you") COMPLETED_SAYING("x"));
    EXPECT(INIT BLOCK("a", "{\"type\":\"text\",\"text\":\"He\"},{\"text\":\"llo\",\"type\":\"text\"}") RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "llo") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    /* So does what its tool gave. */
    EXPECT(INIT SAYING("a", "Look:") TOOL("a", "t", "Read", "{}") RESULT_OF("t", "\"ok\"", "")
               SAYING("b", "Done") RESULT,
           STARTED STREAMED("a", "Look:") TOOL_STARTED("t", "Read", "{}") RECEIVED("a", "Look:")
               TOOL_ENDED("completed", "t", "Read", "{}", ",\"tool_output\":\"ok\"") STREAMED("b", "Done")
                   RECEIVED("b", "Done") COMPLETED_SAYING("x"));
    /* Without ids each line is a message; content may be one string; no text is no message. */
    EXPECT(INIT
           "{\"type\":\"assistant\",\"message\":{\"content\":\"A\"}}\n{\"type\":\"assistant\",\"message\":{"
           "\"content\":\"B\"}}\n"
           "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"\"}]}}\n" RESULT,
           STARTED "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"A\",\"role\":\"assistant\"}}\n"
                   "{\"type\":\"message_received\",\"data\":{\"content\":\"A\",\"role\":\"assistant\"}}\n"
                   "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"B\",\"role\":\"assistant\"}}\n"
                   "{\"type\":\"message_received\",\"data\":{\"content\":\"B\",\"role\":\"assistant\"}}"
                   "\n" COMPLETED_SAYING("x"));
    /* What no message has said stays with the result. */
    EXPECT(INIT RESULT, STARTED COMPLETED_SAYING("x"));
    /* Escapes. */
    EXPECT(INIT SAYING("a", "tab\\t \\u00e9 \\\"q\\\" \\ud83d\\ude80") RESULT,
           STARTED STREAMED("a", "tab\\t é \\\"q\\\" 🚀") RECEIVED("a", "tab\\t é \\\"q\\\" 🚀")
               COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_thinking_is_marked_and_no_part_of_the_message(void **state) {
    (void)state;
    EXPECT(INIT BLOCK("a", "{\"type\":\"thinking\",\"thinking\":\"Hm\"}")
               BLOCK("a", "{\"type\":\"thinking\",\"thinking\":\"\"}")
                   BLOCK("a", "{\"type\":\"redacted_thinking\",\"data\":\"xx\"}") SAYING("a", "So") RESULT,
           STARTED "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"Hm\",\"role\":\"assistant\","
                   "\"message_id\":\"a\",\"thinking\":true}}\n"
                   "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"\",\"role\":\"assistant\",\"message_"
                   "id\":\"a\",\"thinking\":true,\"data\":\"xx\"}}\n" STREAMED("a", "So") RECEIVED("a", "So")
                       COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_partial_messages_are_not_given_twice(void **state) {
    (void)state;
    EXPECT(INIT MESSAGE_START("a") BLOCK_START("{\"type\":\"text\",\"text\":\"\"}") DELTA("He") DELTA("llo")
               SAYING("a", "Hello") BLOCK_STOP BLOCK_START("{\"type\":\"text\",\"text\":\"\"}") DELTA(" you")
                   SAYING("a", " you") BLOCK_STOP MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "llo") STREAMED("a", " you") RECEIVED("a", "Hello you")
               COMPLETED_SAYING("x"));
    /* The whole block may come late, or after the message; or not at all. */
    EXPECT(INIT MESSAGE_START("a") DELTA("He") DELTA("llo") BLOCK_STOP SAYING("a", "Hello")
               MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "llo") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    EXPECT(INIT MESSAGE_START("a") DELTA("He") DELTA("llo") BLOCK_STOP MESSAGE_STOP SAYING("a", "Hello")
               RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "llo") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    EXPECT(INIT MESSAGE_START("a") DELTA("Hello") RESULT,
           STARTED STREAMED("a", "Hello") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    /* Two messages, the second without pieces. */
    EXPECT(INIT MESSAGE_START("a") DELTA("A") SAYING("a", "A") MESSAGE_STOP SAYING("b", "B") RESULT,
           STARTED STREAMED("a", "A") RECEIVED("a", "A") STREAMED("b", "B") RECEIVED("b", "B")
               COMPLETED_SAYING("x"));
    /* A tool's result before message_stop does not end it. */
    EXPECT(INIT MESSAGE_START("a") DELTA("A") SAYING("a", "A") TOOL("a", "t", "Read", "{}")
               RESULT_OF("t", "\"ok\"", "") MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "A") TOOL_STARTED("t", "Read", "{}")
               TOOL_ENDED("completed", "t", "Read", "{}", ",\"tool_output\":\"ok\"") RECEIVED("a", "A")
                   COMPLETED_SAYING("x"));
    /* Thinking. */
    EXPECT(
        INIT MESSAGE_START("a") EVENT(
            "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}")
            BLOCK("a", "{\"type\":\"thinking\",\"thinking\":\"Hm\"}") MESSAGE_STOP RESULT,
        STARTED "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"Hm\",\"role\":\"assistant\",\"message_"
                "id\":\"a\",\"thinking\":true}}\n" COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_partial_messages_with_pieces_missing(void **state) {
    (void)state;
    /* The end, the middle, the beginning of the text; message_start. */
    EXPECT(INIT MESSAGE_START("a") DELTA("Hel") SAYING("a", "Hello") MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "Hel") STREAMED("a", "lo") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    EXPECT(INIT MESSAGE_START("a") DELTA("He") DELTA("o") SAYING("a", "Hello") MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "He") STREAMED("a", "o") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    EXPECT(INIT MESSAGE_START("a") SAYING("a", "Hello") MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "Hello") RECEIVED("a", "Hello") COMPLETED_SAYING("x"));
    EXPECT(INIT DELTA("Hello") SAYING("a", "Hello") MESSAGE_STOP RESULT, STARTED
           "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"Hello\",\"role\":\"assistant\"}}\n" RECEIVED(
               "a", "Hello") COMPLETED_SAYING("x"));
    /* message_stop. */
    EXPECT(INIT MESSAGE_START("a") DELTA("A") MESSAGE_START("b") DELTA("B") MESSAGE_STOP RESULT,
           STARTED STREAMED("a", "A") BROKEN("a", "A") STREAMED("b", "B") RECEIVED("b", "B")
               COMPLETED_SAYING("x"));
    /* An error message of another id cuts in. */
    EXPECT(INIT MESSAGE_START("a") DELTA("A") SAYING("e", "API Error") RESULT,
           STARTED STREAMED("a", "A") BROKEN("a", "A") STREAMED("e", "API Error") RECEIVED("e", "API Error")
               COMPLETED_SAYING("x"));
    EXPECT(INIT EVENT(
               "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}")
               EVENT("{\"type\":\"ping\"}"),
           STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"overloaded\",\"error_message\":"
                   "\"Overloaded\",\"provider_error\":{\"type\":\"overloaded_error\",\"message\":"
                   "\"Overloaded\"}}}\n" STREAM_ENDED("0"));
    end_of_cases();
}

static void claude_tool_input_in_pieces(void **state) {
    (void)state;
#define TOOL_START BLOCK_START("{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{}}")
#define PIECES     TOOL_START JSON_DELTA("") JSON_DELTA("{\\\"comm") JSON_DELTA("and\\\":\\\"ls\\\"}")
    /* From the whole block, which comes first. */
    EXPECT(
        INIT MESSAGE_START("a") PIECES TOOL("a", "t", "Bash", "{\"command\":\"ls\"}")
            BLOCK_STOP MESSAGE_STOP RESULT,
        STARTED TOOL_STARTED(
            "t", "Bash", "{\"command\":\"ls\"}") "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":"
                                                 "\"end_turn\",\"open_tool_calls\":1,\"result\":\"x\"}}\n");
    /* The tool has ended before its block does. */
    EXPECT(INIT MESSAGE_START("a") PIECES TOOL("a", "t", "Bash", "{\"command\":\"ls\"}")
               RESULT_OF("t", "\"\"", "") BLOCK_STOP MESSAGE_STOP RESULT,
           STARTED TOOL_STARTED("t", "Bash", "{\"command\":\"ls\"}")
               TOOL_ENDED("completed", "t", "Bash", "{\"command\":\"ls\"}", ",\"tool_output\":\"\"")
                   COMPLETED_SAYING("x"));
    /* From the pieces, if the block is late or missing. */
    EXPECT(INIT MESSAGE_START("a") PIECES BLOCK_STOP MESSAGE_STOP RESULT_OF("t", "\"ok\"", "")
               TOOL("a", "t", "Bash", "{\"command\":\"ls\"}") RESULT,
           STARTED TOOL_STARTED("t", "Bash", "{\"command\":\"ls\"}")
               TOOL_ENDED("completed", "t", "Bash", "{\"command\":\"ls\"}", ",\"tool_output\":\"ok\"")
                   COMPLETED_SAYING("x"));
    EXPECT(INIT MESSAGE_START("a") PIECES MESSAGE_STOP RESULT_OF("t", "\"ok\"", "") RESULT,
           STARTED TOOL_STARTED("t", "Bash", "{\"command\":\"ls\"}")
               TOOL_ENDED("completed", "t", "Bash", "{\"command\":\"ls\"}", ",\"tool_output\":\"ok\"")
                   COMPLETED_SAYING("x"));
    /* One that no event can hold. */
#define TEN(text)   text text text text text text text text text text
#define SIXTY(text) TEN(text) TEN(text) TEN(text) TEN(text) TEN(text) TEN(text)
    EXPECT_DIAGNOSTICS(
        INIT MESSAGE_START("a") TOOL_START JSON_DELTA(SIXTY("[") "[["
                                                                 "]]" SIXTY("]"))
            BLOCK_STOP RESULT_OF("t", "null", "") RESULT,
        STARTED "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"t\"}}\n"
                "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"t\"}}"
                "\n" COMPLETED_SAYING("x"),
        "5:1 @695 lost: the input of a tool call is not whole, or nested too deep\n");
    /* No input; and one that is not whole. */
    EXPECT(INIT MESSAGE_START("a") TOOL_START BLOCK_STOP RESULT_OF("t", "null", "") RESULT,
           STARTED TOOL_STARTED("t", "Bash", "{}") TOOL_ENDED("completed", "t", "Bash", "{}", "")
               COMPLETED_SAYING("x"));
    EXPECT_DIAGNOSTICS(
        INIT MESSAGE_START("a") TOOL_START JSON_DELTA("{\\\"comm") BLOCK_STOP RESULT_OF("t", "null", "")
            RESULT,
        STARTED "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"t\"}}\n"
                "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"t\"}}"
                "\n" COMPLETED_SAYING("x"),
        "5:1 @578 lost: the input of a tool call is not whole, or nested too deep\n");
    end_of_cases();
}

static void claude_tools_end_by_id(void **state) {
    (void)state;
    /* Two at a time, in another order; a failure with its exit code. */
    EXPECT(INIT TOOL("a", "1", "Bash", "{\"command\":\"x\"}") TOOL("a", "2", "Read", "{\"file_path\":\"y\"}")
               RESULT_OF("2", "\"text\"", ",\"is_error\":false")
                   RESULT_OF("1", "\"Exit code 2\\nno\"", ",\"is_error\":true") RESULT,
           STARTED TOOL_STARTED("1", "Bash", "{\"command\":\"x\"}")
               TOOL_STARTED("2", "Read", "{\"file_path\":\"y\"}")
                   TOOL_ENDED("completed", "2", "Read", "{\"file_path\":\"y\"}", ",\"tool_output\":\"text\"")
                       TOOL_ENDED("failed", "1", "Bash", "{\"command\":\"x\"}",
                                  ",\"tool_output\":\"Exit code "
                                  "2\\nno\",\"exit_code\":2,\"error_message\":\"Exit code 2\\nno\"")
                           COMPLETED_SAYING("x"));
    EXPECT(
        INIT TOOL("a", "1", "Edit", "{}")
            RESULT_OF("1", "\"<tool_use_error>Not found</tool_use_error>\"", ",\"is_error\":true") RESULT,
        STARTED TOOL_STARTED("1", "Edit", "{}") TOOL_ENDED(
            "failed", "1", "Edit", "{}",
            ",\"tool_output\":\"<tool_use_error>Not found</tool_use_error>\",\"error_message\":\"Not found\"")
            COMPLETED_SAYING("x"));
    /* Texts are joined, anything else is kept as it is. */
    EXPECT(INIT TOOL("a", "1", "Task", "{}")
               RESULT_OF("1", "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]", "")
                   RESULT,
           STARTED TOOL_STARTED("1", "Task", "{}")
               TOOL_ENDED("completed", "1", "Task", "{}", ",\"tool_output\":\"a\\nb\"")
                   COMPLETED_SAYING("x"));
    EXPECT(INIT TOOL("a", "1", "Read", "{}")
               RESULT_OF("1", "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image\",\"source\":{}}]", "")
                   RESULT,
           STARTED TOOL_STARTED("1", "Read", "{}")
               TOOL_ENDED("completed", "1", "Read", "{}",
                          ",\"tool_output\":\"a\\n[image]\",\"tool_result\":[{\"type\":\"text\",\"text\":"
                          "\"a\"},{\"type\":\"image\",\"source\":{}}]") COMPLETED_SAYING("x"));
    /* Durations: of one result, not of several. */
    EXPECT(INIT TOOL("a", "1", "Glob", "{}")
               USER_FROM("null", "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":\"f\"}",
                         ",\"tool_use_result\":{\"durationMs\":12}") RESULT,
           STARTED TOOL_STARTED("1", "Glob", "{}")
               TOOL_ENDED("completed", "1", "Glob", "{}",
                          ",\"tool_output\":\"f\",\"tool_result\":{\"durationMs\":12},\"duration_ms\":12")
                   COMPLETED_SAYING("x"));
    EXPECT(INIT TOOL("a", "1", "A", "{}") TOOL("a", "2", "B", "{}")
               USER_FROM("null",
                         "{\"type\":\"tool_result\",\"tool_use_id\":\"1\"},{\"type\":\"tool_result\",\"tool_"
                         "use_id\":\"2\"}",
                         ",\"tool_use_result\":{\"durationMs\":12}") RESULT,
           STARTED TOOL_STARTED("1", "A", "{}") TOOL_STARTED("2", "B", "{}")
               TOOL_ENDED("completed", "1", "A", "{}", ",\"tool_use_result\":{\"durationMs\":12}")
                   TOOL_ENDED("completed", "2", "B", "{}", "") COMPLETED_SAYING("x"));
    /* Input of any type; none. */
    EXPECT(
        INIT TOOL("a", "1", "A", "\"text\"")
            BLOCK("a", "{\"type\":\"tool_use\",\"id\":\"2\",\"name\":\"B\",\"input\":null}"),
        STARTED TOOL_STARTED("1", "A", "\"text\"") "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":"
                                                   "\"B\",\"tool_call_id\":\"2\"}}\n" STREAM_ENDED("2"));
    /* One that began unseen; one that is repeated while it runs; an id that is used again. */
    EXPECT(INIT RESULT_OF("9", "\"x\"", "") RESULT,
           STARTED "{\"type\":\"tool_call_completed\",\"data\":{\"tool_call_id\":\"9\",\"tool_output\":\"x\"}"
                   "}\n" COMPLETED_SAYING("x"));
    EXPECT(INIT TOOL("a", "1", "A", "{}") TOOL("a", "1", "A", "{}") RESULT_OF("1", "\"\"", "")
               TOOL("b", "1", "A", "{}") RESULT_OF("1", "\"\"", "") RESULT,
           STARTED TOOL_STARTED("1", "A", "{}")
               TOOL_ENDED("completed", "1", "A", "{}", ",\"tool_output\":\"\"") TOOL_STARTED("1", "A", "{}")
                   TOOL_ENDED("completed", "1", "A", "{}", ",\"tool_output\":\"\"") COMPLETED_SAYING("x"));
    /* Tools of the provider's side come within the message. */
    EXPECT(
        INIT BLOCK(
            "a",
            "{\"type\":\"server_tool_use\",\"id\":\"1\",\"name\":\"web_search\",\"input\":{\"query\":\"q\"}},"
            "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"url\":\"u\"}]}")
            RESULT,
        STARTED TOOL_STARTED("1", "web_search", "{\"query\":\"q\"}")
            TOOL_ENDED("completed", "1", "web_search", "{\"query\":\"q\"}",
                       ",\"tool_output\":[{\"url\":\"u\"}]") COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_sub_agents_are_kept_apart(void **state) {
    (void)state;
#define OF(parent) ",\"parent_tool_call_id\":\"" parent "\""
#define SUB_TEXT(type, what, parent, id, text)                                                               \
    "{\"type\":\"message_" type "\",\"data\":{\"" what "\":\"" text                                          \
    "\",\"role\":\"assistant\",\"message_id\":\"" id "\"" OF(parent) "}}\n"
#define FROM(parent, id, text) BLOCK_FROM("\"" parent "\"", id, "{\"type\":\"text\",\"text\":\"" text "\"}")
    EXPECT(INIT SAYING("m", "Go") TOOL("m", "p", "Task", "{}") TOOL("m", "q", "Task", "{}")
               USER_FROM("\"p\"", "{\"type\":\"text\",\"text\":\"Do it\"}", "") FROM("p", "a", "A1 ")
                   FROM("q", "b", "B1 ") FROM("p", "a", "A2") FROM("q", "b", "B2")
                       RESULT_OF("p", "\"ok\"", "") RESULT,
           STARTED STREAMED("m", "Go") TOOL_STARTED("p", "Task", "{}") TOOL_STARTED(
               "q", "Task", "{}") "{\"type\":\"message_sent\",\"data\":{\"content\":\"Do "
                                  "it\",\"role\":\"user\",\"parent_tool_call_id\":\"p\"}}"
                                  "\n" RECEIVED("m",
                                                "Go") "{\"type\":\"message_streamed\",\"data\":{\"delta\":"
                                                      "\"A1 "
                                                      "\",\"role\":\"assistant\",\"message_id\":\"a\","
                                                      "\"parent_tool_call_id\":\"p\"}}\n"
                                                      "{\"type\":\"message_streamed\",\"data\":{\"delta\":"
                                                      "\"B1 "
                                                      "\",\"role\":\"assistant\",\"message_id\":\"b\","
                                                      "\"parent_tool_call_id\":\"q\"}}\n"
                                                      "{\"type\":\"message_streamed\",\"data\":{\"delta\":"
                                                      "\"A2\",\"role\":\"assistant\",\"message_id\":\"a\","
                                                      "\"parent_tool_call_id\":\"p\"}}\n"
                                                      "{\"type\":\"message_streamed\",\"data\":{\"delta\":"
                                                      "\"B2\",\"role\":\"assistant\",\"message_id\":\"b\","
                                                      "\"parent_tool_call_id\":\"q\"}}\n"
                                                      "{\"type\":\"message_received\",\"data\":{\"content\":"
                                                      "\"A1 "
                                                      "A2\",\"role\":\"assistant\",\"message_id\":\"a\","
                                                      "\"parent_tool_call_id\":\"p\"}}\n" TOOL_ENDED(
                                                          "completed", "p", "Task", "{}",
                                                          ",\"tool_output\":\"ok\"") "{\"type\":\"message_"
                                                                                     "received\",\"data\":{"
                                                                                     "\"content\":\"B1 "
                                                                                     "B2\",\"role\":"
                                                                                     "\"assistant\","
                                                                                     "\"message_id\":\"b\","
                                                                                     "\"parent_tool_call_"
                                                                                     "id\":\"q\"}}\n"
                                                                                     "{\"type\":\"run_"
                                                                                     "completed\",\"data\":{"
                                                                                     "\"stop_reason\":\"end_"
                                                                                     "turn\",\"open_tool_"
                                                                                     "calls\":1,\"result\":"
                                                                                     "\"x\"}}\n");
    EXPECT(
        INIT TOOL("m", "p", "Task", "{}") BLOCK_FROM("\"p\"", "a", TOOL_BLOCK("t", "Read", "{}"))
            USER_FROM("\"p\"", "{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"x\"}", "")
                RESULT_OF("p", "\"ok\"", "") RESULT,
        STARTED TOOL_STARTED(
            "p", "Task",
            "{}") "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"t\","
                  "\"tool_input\":{}" OF("p") "}}\n"
                                              "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":"
                                              "\"Read\",\"tool_call_id\":\"t\",\"tool_input\":{},\"tool_"
                                              "output\":\"x\"" OF("p") "}}\n" TOOL_ENDED(
                                                  "completed", "p", "Task", "{}", ",\"tool_output\":\"ok\"")
                                                  COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_runs_end_once_and_for_the_right_reason(void **state) {
    (void)state;
#define ENDING(members) "{" members ",\"type\":\"result\",\"session_id\":\"s\"}\n"
#define FAILED(code, message, more)                                                                          \
    "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"" code "\",\"error_message\":\"" message        \
    "\"" more "}}\n"                                                                                         \
    "{\"type\":\"run_failed\",\"data\":{"
#define WHY(code, message) "\"error_code\":\"" code "\",\"error_message\":\"" message "\""
    EXPECT(INIT ENDING("\"is_error\":false,\"subtype\":\"success\",\"num_turns\":3,\"duration_ms\":1250,"
                       "\"duration_api_ms\":900,"
                       "\"stop_reason\":\"end_turn\",\"permission_denials\":[{\"tool_name\":\"Bash\"}]"),
           STARTED "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"num_turns\":3,"
                   "\"duration_ms\":1250,"
                   "\"permission_denials\":[{\"tool_name\":\"Bash\"}],\"duration_api_ms\":900}}\n");
    /* A member with the name of one that the event gives itself does not keep it from being written. */
    EXPECT(INIT ENDING(
               "\"subtype\":\"success\",\"stop_reason\":\"end_turn\",\"total_cost_usd\":0.5,\"cost_usd\":7,"
               "\"token_usage\":5,\"error_code\":1,\"usage\":{\"input_tokens\":1}"),
           STARTED TOTAL(
               "\"input_tokens\":1,\"cost_usd\":0.5") "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":"
                                                      "\"end_turn\",\"token_usage\":{\"input_tokens\":1},"
                                                      "\"cost_usd\":0.5,\"provider_cost_usd\":7,\"provider_"
                                                      "token_usage\":5,\"provider_error_code\":1,\"usage\":{"
                                                      "\"input_tokens\":1}}}\n");
    /* Failed is what either sign says. */
    EXPECT(INIT ENDING("\"subtype\":\"success\",\"is_error\":true,\"result\":\"Invalid API "
                       "key\",\"terminal_reason\":\"api_error\""),
           STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"provider_error\",\"error_"
                   "message\":\"Invalid API key\"}}\n"
                   "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"provider_error\",\"error_message\":"
                   "\"Invalid API key\",\"terminal_reason\":\"api_error\"}}\n");
    EXPECT(INIT ENDING("\"subtype\":\"success\",\"is_error\":true,\"result\":\"Not logged in\""),
           STARTED FAILED("provider_error", "Not logged in", "")
               WHY("provider_error", "Not logged in") "}}\n");
    EXPECT(INIT ENDING("\"subtype\":\"error_max_turns\",\"is_error\":false,\"errors\":[]"),
           STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"limit\",\"error_message\":"
                   "\"error_max_turns\"}}\n"
                   "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"limit\",\"error_message\":\"error_"
                   "max_turns\",\"subtype\":\"error_max_turns\"}}\n");
    EXPECT(INIT ENDING("\"subtype\":\"error_during_execution\",\"is_error\":true,\"errors\":[\"disk "
                       "full\",\"and more\"]"),
           STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"error_during_execution\",\"error_"
                   "message\":\"disk full\\nand more\",\"provider_error\":[\"disk full\",\"and more\"]}}\n"
                   "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"error_during_execution\",\"error_"
                   "message\":\"disk full\\nand more\",\"provider_error\":[\"disk full\",\"and more\"]}}\n");
    /* Cancelled, as the result says or the last message. */
    EXPECT(
        INIT ENDING(
            "\"subtype\":\"error_during_execution\",\"is_error\":true,\"terminal_reason\":\"aborted_tools\""),
        STARTED "{\"type\":\"run_cancelled\",\"data\":{\"subtype\":\"error_during_execution\",\"terminal_"
                "reason\":\"aborted_tools\"}}\n");
    EXPECT(INIT TOOL("a", "1", "Bash", "{}") USER_FROM(
               "null", "{\"type\":\"text\",\"text\":\"[Request interrupted by user for tool use]\"}", ""),
           STARTED TOOL_STARTED(
               "1", "Bash",
               "{}") "{\"type\":\"message_sent\",\"data\":{\"content\":\"[Request interrupted by user for "
                     "tool use]\",\"role\":\"user\",\"synthetic\":true,\"origin\":\"interrupt\"}}\n"
                     "{\"type\":\"run_cancelled\",\"data\":{\"open_tool_calls\":1}}\n");
    EXPECT(INIT USER_FROM("null", "{\"type\":\"text\",\"text\":\"[Request interrupted by user]\"}", "")
               SAYING("a", "On"),
           STARTED
           "{\"type\":\"message_sent\",\"data\":{\"content\":\"[Request interrupted by "
           "user]\",\"role\":\"user\",\"synthetic\":true,\"origin\":\"interrupt\"}}\n" STREAMED("a", "On")
               RECEIVED("a", "On") STREAM_ENDED("0"));
    /* The stream stops. */
    EXPECT(INIT SAYING("a", "Hm") TOOL("a", "1", "Bash", "{}"),
           STARTED STREAMED("a", "Hm") TOOL_STARTED("1", "Bash", "{}") RECEIVED("a", "Hm") STREAM_ENDED("1"));
    EXPECT(INIT, STARTED STREAM_ENDED("0"));
    end_of_cases();
}

static void claude_several_runs_in_a_stream(void **state) {
    (void)state;
#define COST(cost, in, out)                                                                                  \
    ENDING("\"subtype\":\"success\",\"total_cost_usd\":" cost ",\"usage\":{\"input_tokens\":" in             \
           ",\"output_tokens\":" out "}")
#define ENDED_AT(cost, in, out)                                                                              \
    "{\"type\":\"run_completed\",\"data\":{\"token_usage\":{\"input_tokens\":" in ",\"output_tokens\":" out  \
    "},\"cost_usd\":" cost "}}\n"
    /* Costs count on in the source, tokens do not: both do in the totals, neither does in the runs. */
    EXPECT(
        INIT COST("0.25", "10", "1") INIT COST("0.75", "20", "2"),
        STARTED TOTAL(
            "\"input_tokens\":10,\"output_tokens\":1,\"cost_usd\":0.25") "{\"type\":\"run_completed\","
                                                                         "\"data\":{\"token_usage\":{\"input_"
                                                                         "tokens\":10,\"output_tokens\":1},"
                                                                         "\"cost_usd\":0.25,\"usage\":{"
                                                                         "\"input_tokens\":10,\"output_"
                                                                         "tokens\":1}}}\n" STARTED TOTAL(
                                                                             "\"input_tokens\":30,"
                                                                             "\"output_tokens\":3,\"cost_"
                                                                             "usd\":0.75") "{\"type\":"
                                                                                           "\"run_"
                                                                                           "completed\","
                                                                                           "\"data\":{"
                                                                                           "\"token_"
                                                                                           "usage\":{"
                                                                                           "\"input_"
                                                                                           "tokens\":20,"
                                                                                           "\"output_"
                                                                                           "tokens\":2},"
                                                                                           "\"cost_usd\":"
                                                                                           "0.5,"
                                                                                           "\"usage\":{"
                                                                                           "\"input_"
                                                                                           "tokens\":20,"
                                                                                           "\"output_"
                                                                                           "tokens\":2}}}"
                                                                                           "\n");
    EXPECT(INIT COST("0.1248", "1", "1") INIT COST("0.1534", "1", "1"),
           STARTED TOTAL(
               "\"input_tokens\":1,\"output_tokens\":1,\"cost_usd\":0.1248") "{\"type\":\"run_"
                                                                             "completed\",\"data\":{"
                                                                             "\"token_usage\":{\"input_"
                                                                             "tokens\":1,\"output_"
                                                                             "tokens\":1},\"cost_usd\":0."
                                                                             "1248,\"usage\":{\"input_"
                                                                             "tokens\":1,\"output_"
                                                                             "tokens\":1}}}\n" STARTED TOTAL(
                                                                                 "\"input_tokens\":2,"
                                                                                 "\"output_tokens\":"
                                                                                 "2,\"cost_usd\":0."
                                                                                 "1534") "{\"type\":"
                                                                                         "\"run_"
                                                                                         "completed\""
                                                                                         ",\"data\":{"
                                                                                         "\"token_"
                                                                                         "usage\":{"
                                                                                         "\"input_"
                                                                                         "tokens\":1,"
                                                                                         "\"output_"
                                                                                         "tokens\":1}"
                                                                                         ",\"cost_"
                                                                                         "usd\":0."
                                                                                         "0286,"
                                                                                         "\"usage\":{"
                                                                                         "\"input_"
                                                                                         "tokens\":1,"
                                                                                         "\"output_"
                                                                                         "tokens\":1}"
                                                                                         "}}\n");
    /* A reset, told or not. */
    EXPECT(
        INIT COST("0.5", "1",
                  "1") "{\"type\":\"conversation_reset\",\"session_id\":\"s\"}\n" INIT COST("0.75", "1", "1"),
        STARTED TOTAL(
            "\"input_tokens\":1,\"output_tokens\":1,\"cost_usd\":0.5") "{\"type\":\"run_completed\",\"data\":"
                                                                       "{\"token_usage\":{\"input_tokens\":1,"
                                                                       "\"output_tokens\":1},\"cost_usd\":0."
                                                                       "5,\"usage\":{\"input_tokens\":1,"
                                                                       "\"output_tokens\":1}}}\n"
                                                                       "{\"type\":\"claude.conversation_"
                                                                       "reset\",\"data\":{\"text\":\"the "
                                                                       "conversation begins "
                                                                       "anew\"}}\n" STARTED TOTAL(
                                                                           "\"input_tokens\":2,"
                                                                           "\"output_tokens\":2,\"cost_"
                                                                           "usd\":1.25") "{\"type\":"
                                                                                         "\"run_"
                                                                                         "completed\","
                                                                                         "\"data\":{"
                                                                                         "\"token_"
                                                                                         "usage\":{"
                                                                                         "\"input_"
                                                                                         "tokens\":1,"
                                                                                         "\"output_"
                                                                                         "tokens\":1},"
                                                                                         "\"cost_usd\":"
                                                                                         "0.75,"
                                                                                         "\"usage\":{"
                                                                                         "\"input_"
                                                                                         "tokens\":1,"
                                                                                         "\"output_"
                                                                                         "tokens\":1}}}"
                                                                                         "\n");
    EXPECT(
        INIT COST("0.5", "1", "1") INIT COST("0.25", "1", "1"),
        STARTED TOTAL(
            "\"input_tokens\":1,\"output_tokens\":1,\"cost_usd\":0.5") "{\"type\":\"run_completed\",\"data\":"
                                                                       "{\"token_usage\":{\"input_tokens\":1,"
                                                                       "\"output_tokens\":1},\"cost_usd\":0."
                                                                       "5,\"usage\":{\"input_tokens\":1,"
                                                                       "\"output_tokens\":1}}}\n" STARTED
                                                                           TOTAL("\"input_tokens\":2,"
                                                                                 "\"output_tokens\":2,\"cost_"
                                                                                 "usd\":0.75") "{\"type\":"
                                                                                               "\"run_"
                                                                                               "completed\","
                                                                                               "\"data\":{"
                                                                                               "\"token_"
                                                                                               "usage\":{"
                                                                                               "\"input_"
                                                                                               "tokens\":1,"
                                                                                               "\"output_"
                                                                                               "tokens\":1},"
                                                                                               "\"cost_usd\":"
                                                                                               "0.25,"
                                                                                               "\"usage\":{"
                                                                                               "\"input_"
                                                                                               "tokens\":1,"
                                                                                               "\"output_"
                                                                                               "tokens\":1}}}"
                                                                                               "\n");
    /* A second init in a run is told; one of another session ends the run. */
    EXPECT(INIT INIT RESULT, STARTED "{\"type\":\"claude.init\",\"data\":{\"cwd\":\"/"
                                     "w\",\"tools\":[\"Bash\"],\"model\":\"m\"}}\n" COMPLETED_SAYING("x"));
    EXPECT(
        INIT SAYING(
            "a", "A") "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"other\",\"model\":\"n\"}\n",
        STARTED STREAMED("a", "A") RECEIVED("a", "A")
            CUT_OFF("0") "{\"type\":\"run_started\",\"data\":{\"model\":\"n\"}}\n" STREAM_ENDED("0"));
    /* A beginning that is missing. */
    EXPECT("{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"model\":\"m\",\"content\":[{\"type\":"
           "\"text\",\"text\":\"A\"}]},\"session_id\":\"s\"}\n" RESULT,
           "{\"type\":\"run_started\",\"data\":{\"model\":\"m\"}}\n" STREAMED("a", "A") RECEIVED("a", "A")
               COMPLETED_SAYING("x"));
    EXPECT(RESULT, "{\"type\":\"run_started\",\"data\":{}}\n" COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_tokens_come_once_per_message(void **state) {
    (void)state;
#define SPENT(id, block, usage, more)                                                                        \
    "{\"type\":\"assistant\",\"message\":{\"id\":\"" id "\",\"content\":[" block "],\"usage\":{" usage       \
    "}" more "},\"parent_tool_use_id\":null,\"session_id\":\"s\"}\n"
    /* Output is a placeholder until the message has stopped. */
    EXPECT(INIT SPENT("a", TOOL_BLOCK("1", "A", "{}"),
                      "\"input_tokens\":3,\"output_tokens\":2,\"cache_read_input_tokens\":7",
                      "") SPENT("a", TOOL_BLOCK("2", "B", "{}"),
                                "\"input_tokens\":3,\"output_tokens\":2,\"cache_read_input_tokens\":7",
                                "") RESULT_OF("1", "\"\"", "")
               SPENT("a", TOOL_BLOCK("3", "C", "{}"),
                     "\"input_tokens\":3,\"output_tokens\":2,\"cache_read_input_tokens\":7", "")
                   SPENT("b", "", "\"input_tokens\":4,\"output_tokens\":9", ",\"stop_reason\":\"end_turn\""),
           STARTED TOOL_STARTED("1", "A", "{}") TOOL_STARTED(
               "2", "B",
               "{}") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":10,\"cache_read_tokens\":"
                     "7,\"message_id\":\"a\",\"provider_usage\":{\"input_tokens\":3,\"output_tokens\":2,"
                     "\"cache_read_input_tokens\":7}}}\n" TOOL_ENDED("completed", "1", "A", "{}",
                                                                     ",\"tool_output\":\"\"")
                         TOOL_STARTED(
                             "3", "C",
                             "{}") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":4,\"output_"
                                   "tokens\":9,\"message_id\":\"b\",\"stop_reason\":\"end_turn\",\"provider_"
                                   "usage\":{\"input_tokens\":4,\"output_tokens\":9}}}\n" STREAM_ENDED("2"));
    EXPECT(
        INIT MESSAGE_START("a") DELTA("A") EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                                                 "\"end_turn\"},\"usage\":{\"output_tokens\":41}}")
            MESSAGE_STOP,
        STARTED STREAMED(
            "a", "A") "{\"type\":\"message_received\",\"data\":{\"content\":\"A\",\"role\":\"assistant\","
                      "\"message_id\":\"a\",\"stop_reason\":\"end_turn\"}}\n"
                      "{\"type\":\"token_usage_updated\",\"data\":{\"output_tokens\":41,\"model\":\"m\","
                      "\"message_id\":\"a\",\"provider_usage\":{\"output_tokens\":41}}}\n" STREAM_ENDED("0"));
    /* Zeros say nothing. */
    EXPECT(INIT SPENT("a", "", "\"input_tokens\":0,\"output_tokens\":0", ""), STARTED STREAM_ENDED("0"));
    /* The result's counts. */
    EXPECT(INIT ENDING("\"subtype\":\"success\",\"total_cost_usd\":0.5,\"usage\":{\"input_tokens\":1,"
                       "\"output_tokens\":2,\"cache_read_input_tokens\":3,"
                       "\"cache_creation_input_tokens\":4,\"output_tokens_details\":{\"thinking_tokens\":1}},"
                       "\"modelUsage\":{\"m\":{\"costUSD\":0.5}}"),
           STARTED "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":8,\"output_tokens\":2,"
                   "\"cache_read_tokens\":3,\"cache_creation_tokens\":4,\"reasoning_tokens\":1,\"cost_usd\":"
                   "0.5,\"cumulative\":true,\"models\":{\"m\":{\"cost_usd\":0.5}}}}\n"
                   "{\"type\":\"run_completed\",\"data\":{\"token_usage\":{\"input_tokens\":8,\"output_"
                   "tokens\":2,\"cache_read_tokens\":3,\"cache_creation_tokens\":4,\"reasoning_tokens\":1},"
                   "\"cost_usd\":0.5,\"usage\":{\"input_tokens\":1,\"output_tokens\":2,\"cache_read_input_"
                   "tokens\":3,\"cache_creation_input_tokens\":4,\"output_tokens_details\":{\"thinking_"
                   "tokens\":1}},\"modelUsage\":{\"m\":{\"costUSD\":0.5}}}}\n");
    end_of_cases();
}

static void claude_notices_and_unknown_lines(void **state) {
    (void)state;
    EXPECT(
        "{\"type\":\"system\",\"subtype\":\"hook_started\",\"hook_id\":\"h\",\"session_id\":\"s\",\"uuid\":"
        "\"u\"}\n" INIT "{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":2,\"retry_delay_ms\":548."
        "86,\"error\":null,\"session_id\":\"s\"}\n"
        "{\"rate_limit_info\":{\"status\":\"allowed\"},\"type\":\"rate_limit_event\",\"session_id\":\"s\"}\n"
        "{\"type\":\"system\",\"subtype\":\"a b\\u0007\",\"x\":1}\n{\"type\":\"system\"}\n"
        "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"More, please\"}}\n"
        "{\"type\":\"weather\",\"sky\":\"blue\"}\n{\"type\":7}\n" BLOCK("a", "{\"type\":\"hologram\"}")
            RESULT,
        "{\"type\":\"claude.hook_started\",\"data\":{\"hook_id\":\"h\"}}\n" STARTED
        "{\"type\":\"claude.api_retry\",\"data\":{\"text\":\"request failed, will be sent again, attempt "
        "2\",\"level\":\"warning\",\"attempt\":2,\"retry_in_ms\":548.86}}\n"
        "{\"type\":\"claude.rate_limit_event\",\"data\":{\"text\":\"rate limit: "
        "not reached\",\"level\":\"info\",\"rate_limit_info\":{\"status\":\"allowed\"}}}\n"
        "{\"type\":\"claude.other\",\"data\":{\"x\":1}}\n"
        "{\"type\":\"claude.system\",\"data\":{}}\n"
        "{\"type\":\"message_sent\",\"data\":{\"content\":\"More, please\",\"role\":\"user\"}}\n"
        "{\"type\":\"claude.weather\",\"data\":{\"sky\":\"blue\"}}\n"
        "{\"type\":\"claude.hologram\",\"data\":{\"content_block\":{\"type\":\"hologram\"}}}"
        "\n" COMPLETED_SAYING("x"));
    end_of_cases();
}

static void claude_heartbeats_are_only_counted(void **state) {
    static const char stream[] = INIT
        "{\"type\":\"system\",\"subtype\":\"status\",\"status\":\"requesting\",\"session_id\":\"s\"}\n"
        "{\"type\":\"system\",\"subtype\":\"thinking_tokens\",\"estimated_tokens\":9,\"session_id\":\"s\"}\n"
        "{\"type\":\"tool_progress\",\"tool_use_id\":\"t\",\"elapsed_time_seconds\":3,\"session_id\":\"s\"}"
        "\n" EVENT("{\"type\":\"ping\"}") "{\"type\":\"system\",\"subtype\":\"status\",\"status\":"
                                          "\"compacting\",\"session_id\":\"s\"}\n"
                                          "{\"type\":\"system\",\"subtype\":\"status\",\"status\":null,"
                                          "\"session_id\":\"s\"}\n" RESULT;
    recorder record;
    (void)state;
    EXPECT(stream, STARTED
           "{\"type\":\"claude.status\",\"data\":{\"text\":\"compacting\",\"status\":\"compacting\"}}\n"
           "{\"type\":\"claude.status\",\"data\":{}}\n" COMPLETED_SAYING("x"));
    take(&record, asm_str_from(stream), SIZE_MAX / 4);
    expect(record.counts.heartbeats == 4, "%lu", (unsigned long)record.counts.heartbeats);
    expect(record.counts.unknown == 0, "%lu", (unsigned long)record.counts.unknown);
    record_close(&record);
    end_of_cases();
}

static void any_member_may_be_missing_or_of_another_type(void **state) {
    static const char *const odd[] = {"null",  "true", "7",  "-1.5e300", "\"\"",
                                      "\"x\"", "[]",   "{}", "[[1],{}]", "{\"type\":\"text\"}"};
    static const char *const before[] = {
        "{\"type\":",
        "{\"type\":\"system\",\"subtype\":",
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":",
        "{\"type\":\"system\",\"subtype\":\"init\",\"model\":",
        "{\"type\":\"system\",\"subtype\":\"init\",\"tools\":",
        "{\"type\":\"assistant\",\"uuid\":",
        "{\"type\":\"assistant\",\"timestamp\":",
        "{\"type\":\"assistant\",\"parent_tool_use_id\":",
        "{\"type\":\"assistant\",\"message\":",
        "{\"type\":\"assistant\",\"message\":{\"id\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":[",
        "{\"type\":\"assistant\",\"message\":{\"usage\":",
        "{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"usage\":{\"input_tokens\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"input\":",
        "{\"type\":\"user\",\"message\":",
        "{\"type\":\"user\",\"message\":{\"content\":",
        "{\"type\":\"user\",\"message\":{\"content\":[",
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":",
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\","
        "\"content\":",
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"is_"
        "error\":",
        "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]},"
        "\"tool_use_result\":",
        "{\"type\":\"stream_event\",\"event\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\",\"message\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"content_block\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"content_block\":{\"type\":"
        "\"tool_use\",\"id\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"delta\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"delta\":{\"partial_json\":",
        "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_delta\",\"usage\":",
        "{\"type\":\"result\",\"subtype\":",
        "{\"type\":\"result\",\"is_error\":",
        "{\"type\":\"result\",\"usage\":",
        "{\"type\":\"result\",\"total_cost_usd\":",
        "{\"type\":\"result\",\"is_error\":true,\"errors\":",
        "{\"type\":\"result\",\"is_error\":true,\"result\":",
        "{\"type\":\"result\",\"permission_denials\":",
        "{\"type\":\"thread.started\",\"thread_id\":",
        "{\"type\":\"item.completed\",\"item\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"id\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"command\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"exit_code\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"command_execution\",\"aggregated_output\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"server\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"arguments\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"result\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"error\":",
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"todo_list\",\"items\":",
        "{\"type\":\"turn.completed\",\"usage\":",
        "{\"type\":\"turn.failed\",\"error\":",
        "{\"type\":\"error\",\"message\":"};
    (void)state;
    for (size_t i = 0; i < COUNT(before); i++) {
        for (size_t j = 0; j < COUNT(odd); j++) {
            char line[512], closing[16];
            size_t depth = 0, size;
            recorder record;
            asm_ingest_options options;
            memset(&options, 0, sizeof options);
            options.format = strstr(before[i], "thread.") || strstr(before[i], "item.") ||
                                     strstr(before[i], "turn.") || strstr(before[i], "\"error\"")
                                 ? ASM_FORMAT_CODEX
                                 : ASM_FORMAT_CLAUDE;
            for (size_t k = 0; before[i][k]; k++) {
                if (before[i][k] == '{' || before[i][k] == '[')
                    closing[depth++] = before[i][k] == '{' ? '}' : ']';
                if (before[i][k] == '}' || before[i][k] == ']') depth--;
            }
            size = (size_t)snprintf(line, sizeof line, "%s%s", before[i], odd[j]);
            while (depth)
                line[size++] = closing[--depth];
            line[size++] = '\n';
            take_with(&record, asm_str_make(line, size), SIZE_MAX / 4, options);
            expect(record.counts.diagnostics == 0, "%.*s", (int)size, line);
            expect(record.counts.lines == 1, "%.*s", (int)size, line);
            record_close(&record);
        }
    }
    end_of_cases();
}

/* A line may be nested as deep as JSON may; what comes of it still writes as an event. */
static void deeply_nested_lines_give_events_that_write(void **state) {
    static const struct {
        const char *before;
        size_t depth; /* of the line around the value */
    } places[] = {{"{\"type\":\"system\",\"subtype\":\"x\",\"y\":", 1},
                  {"{\"type\":\"system\",\"subtype\":\"init\",\"tools\":", 1},
                  {"{\"type\":\"system\",\"subtype\":\"init\",\"more\":", 1},
                  {"{\"type\":\"result\",\"subtype\":\"success\",\"permission_denials\":", 1},
                  {"{\"type\":\"result\",\"is_error\":true,\"subtype\":\"x\",\"errors\":", 1},
                  {"{\"type\":\"item.completed\",\"item\":{\"type\":\"file_change\",\"changes\":", 2},
                  {"{\"type\":\"item.completed\",\"item\":{\"type\":\"todo_list\",\"items\":", 2},
                  {"{\"type\":\"item.completed\",\"item\":{\"type\":\"plan\",\"steps\":", 2},
                  {"{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"arguments\":", 2},
                  {"{\"type\":\"item.completed\",\"item\":{\"type\":\"mcp_tool_call\",\"result\":", 2},
                  {"{\"type\":\"turn.failed\",\"error\":", 1}};
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        for (size_t depth = ASM_JSON_MAX_DEPTH - 6; depth <= ASM_JSON_MAX_DEPTH; depth++) {
            size_t inner = depth - places[i].depth;
            bool object = i == COUNT(places) - 1;
            asm_buffer line;
            recorder record;
            asm_buffer_init_growing(&line);
            asm_buffer_append(&line, asm_str_from(places[i].before));
            for (size_t k = 0; k < inner; k++)
                asm_buffer_append(&line, object ? ASM_STR("{\"[\\\"\":") : ASM_STR("[\"{\\\"\","));
            asm_buffer_append_byte(&line, '7');
            for (size_t k = 0; k < inner; k++)
                asm_buffer_append_byte(&line, object ? '}' : ']');
            for (size_t k = 0; k < places[i].depth; k++)
                asm_buffer_append_byte(&line, '}');
            take(&record, asm_buffer_text(&line), SIZE_MAX / 4);
            expect(record.counts.events > 0, "%s", places[i].before);
            expect(record.counts.diagnostics == 0 || depth > ASM_JSON_MAX_DEPTH - 3, "%s", places[i].before);
            expect(i == 3 || i == 4 || depth > ASM_JSON_MAX_DEPTH - 3 ||
                       find_in(asm_buffer_text(&record.brief), "7]") ||
                       find_in(asm_buffer_text(&record.brief), "7}"),
                   "%s at %zu", places[i].before, depth);
            record_close(&record);
            asm_buffer_close(&line);
        }
    }
    end_of_cases();
}

/* ==================================================================================================================
 * Codex
 */

#define THREAD               "{\"type\":\"thread.started\",\"thread_id\":\"th\"}\n{\"type\":\"turn.started\"}\n"
#define ITEM(stage, members) "{\"type\":\"item." stage "\",\"item\":{" members "}}\n"
#define TURN_DONE                                                                                            \
    "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,\"output_"         \
    "tokens\":2,\"reasoning_output_tokens\":1}}\n"
#define CODEX_STARTED "{\"type\":\"run_started\",\"data\":{}}\n"
#define CODEX_COUNTS  "\"input_tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1"
#define CODEX_DONE                                                                                           \
    TOTAL(CODEX_COUNTS)                                                                                      \
    "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{" CODEX_COUNTS      \
    "}}}\n"

static void codex_messages_and_tools(void **state) {
    (void)state;
    EXPECT(THREAD ITEM("completed", "\"id\":\"0\",\"type\":\"reasoning\",\"text\":\"Hm\"")
               ITEM("completed", "\"id\":\"1\",\"type\":\"agent_message\",\"text\":\"Hi\"") TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n"
           "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"Hm\",\"role\":\"assistant\",\"message_id\":"
           "\"0\",\"thinking\":true}}\n" STREAMED("1", "Hi")
               RECEIVED("1", "Hi") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_"
                                   "tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
                                   "true,\"provider_usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,"
                                   "\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
                                   "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\","
                                   "\"token_usage\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
                                   "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true}}}\n");
    /* A command that works, fails, is declined; one whose beginning was not told. */
#define COMMAND(id, status, code)                                                                            \
    "\"id\":\"" id "\",\"type\":\"command_execution\",\"command\":\"ls\",\"aggregated_output\":\"a\\n\","    \
    "\"exit_code\":" code ",\"status\":\"" status "\""
#define LS "{\"command\":\"ls\"}"
    EXPECT(
        THREAD ITEM("started", COMMAND("1", "in_progress", "null"))
            ITEM("updated", COMMAND("1", "in_progress", "null"))
                ITEM("completed", COMMAND("1", "completed", "0"))
                    ITEM("completed", COMMAND("2", "completed", "3"))
                        ITEM("completed", COMMAND("3", "declined", "null")) TURN_DONE,
        "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED(
            "1", "bash",
            "{\"command\":\"ls\"}") "{\"type\":\"tool_output_streamed\",\"data\":{\"tool_name\":\"bash\","
                                    "\"tool_call_id\":\"1\",\"tool_output\":\"a\\n\"}}\n"
                                    "{\"type\":\"tool_output_streamed\",\"data\":{\"tool_name\":\"bash\","
                                    "\"tool_call_id\":\"1\",\"tool_output\":\"a\\n\"}}\n" TOOL_ENDED(
                                        "completed", "1", "bash", "{\"command\":\"ls\"}",
                                        ",\"tool_output\":\"a\\n\",\"status\":\"completed\",\"exit_code\":0")
                                        TOOL_STARTED("2", "bash", "{\"command\":\"ls\"}") TOOL_ENDED(
                                            "failed", "2", "bash", "{\"command\":\"ls\"}",
                                            ",\"tool_output\":\"a\\n\",\"status\":\"failed\",\"exit_code\":3")
                                            TOOL_STARTED("3", "bash", "{\"command\":\"ls\"}")
                                                TOOL_ENDED("failed", "3", "bash", "{\"command\":\"ls\"}",
                                                           ",\"tool_output\":\"a\\n\",\"status\":"
                                                           "\"declined\"") "{\"type\":\"token_usage_"
                                                                           "updated\",\"data\":{\"input_"
                                                                           "tokens\":9,\"output_tokens\":2,"
                                                                           "\"cache_read_tokens\":4,"
                                                                           "\"reasoning_tokens\":1,"
                                                                           "\"cumulative\":true,\"provider_"
                                                                           "usage\":{\"input_tokens\":9,"
                                                                           "\"cached_input_tokens\":4,"
                                                                           "\"output_tokens\":2,\"reasoning_"
                                                                           "output_tokens\":1}}}\n"
                                                                           "{\"type\":\"run_completed\","
                                                                           "\"data\":{\"stop_reason\":\"end_"
                                                                           "turn\",\"token_usage\":{\"input_"
                                                                           "tokens\":9,\"output_tokens\":2,"
                                                                           "\"cache_read_tokens\":4,"
                                                                           "\"reasoning_tokens\":1,"
                                                                           "\"cumulative\":true}}}\n");
    EXPECT(
        THREAD ITEM("completed", "\"id\":\"1\",\"type\":\"file_change\",\"changes\":[{\"path\":\"p\","
                                 "\"kind\":\"add\"}],\"status\":\"completed\"") TURN_DONE,
        "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED(
            "1", "apply_patch",
            "{\"changes\":[{\"path\":\"p\",\"kind\":\"add\"}]}") "{\"type\":\"tool_call_completed\",\"data\":"
                                                                 "{\"tool_name\":\"apply_patch\",\"tool_call_"
                                                                 "id\":\"1\",\"tool_input\":{\"changes\":[{"
                                                                 "\"path\":\"p\",\"kind\":\"add\"}]},"
                                                                 "\"changes\":[{\"path\":\"p\",\"kind\":"
                                                                 "\"add\"}],\"status\":\"completed\"}}\n"
                                                                 "{\"type\":\"token_usage_updated\",\"data\":"
                                                                 "{\"input_tokens\":9,\"output_tokens\":2,"
                                                                 "\"cache_read_tokens\":4,\"reasoning_"
                                                                 "tokens\":1,\"cumulative\":true,\"provider_"
                                                                 "usage\":{\"input_tokens\":9,\"cached_input_"
                                                                 "tokens\":4,\"output_tokens\":2,\"reasoning_"
                                                                 "output_tokens\":1}}}\n"
                                                                 "{\"type\":\"run_completed\",\"data\":{"
                                                                 "\"stop_reason\":\"end_turn\",\"token_"
                                                                 "usage\":{\"input_tokens\":9,\"output_"
                                                                 "tokens\":2,\"cache_read_tokens\":4,"
                                                                 "\"reasoning_tokens\":1,\"cumulative\":true}"
                                                                 "}}\n");
#define MCP(more)                                                                                            \
    "\"id\":\"1\",\"type\":\"mcp_tool_call\",\"server\":\"srv\",\"tool\":\"find\",\"arguments\":{\"q\":1}"   \
    "," more
    EXPECT(
        THREAD ITEM("started", MCP("\"status\":\"in_progress\""))
            ITEM("completed", MCP("\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"t\"}]},"
                                  "\"error\":null,\"status\":\"completed\"")) TURN_DONE,
        "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED("1", "srv:find", "{\"q\":1}") TOOL_ENDED(
            "completed", "1", "srv:find", "{\"q\":1}",
            ",\"tool_output\":\"t\",\"tool_result\":{\"content\":[{\"type\":\"text\",\"text\":\"t\"}]},"
            "\"status\":\"completed\"") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,"
                                        "\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,"
                                        "\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,\"cached_"
                                        "input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}"
                                        "}\n"
                                        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\","
                                        "\"token_usage\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_"
                                        "read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true}}}\n");
    EXPECT(THREAD ITEM("completed",
                       MCP("\"result\":{\"content\":[{\"type\":\"image\"}]},\"status\":\"completed\""))
               TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED("1", "srv:find", "{\"q\":1}") TOOL_ENDED(
               "completed", "1", "srv:find", "{\"q\":1}",
               ",\"tool_output\":\"[image]\",\"tool_result\":{\"content\":[{\"type\":\"image\"}]},\"status\":"
               "\"completed\"") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_"
                                "tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
                                "true,\"provider_usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,"
                                "\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
                                "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_"
                                "usage\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,"
                                "\"reasoning_tokens\":1,\"cumulative\":true}}}\n");
    EXPECT(
        THREAD ITEM("completed",
                    MCP("\"result\":null,\"error\":{\"message\":\"no\"},\"status\":\"completed\"")) TURN_DONE,
        "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED("1", "srv:find", "{\"q\":1}") TOOL_ENDED(
            "failed", "1", "srv:find", "{\"q\":1}",
            ",\"status\":\"failed\",\"error_message\":\"no\"") "{\"type\":\"token_usage_updated\",\"data\":{"
                                                               "\"input_tokens\":9,\"output_tokens\":2,"
                                                               "\"cache_read_tokens\":4,\"reasoning_tokens\":"
                                                               "1,\"cumulative\":true,\"provider_usage\":{"
                                                               "\"input_tokens\":9,\"cached_input_tokens\":4,"
                                                               "\"output_tokens\":2,\"reasoning_output_"
                                                               "tokens\":1}}}\n"
                                                               "{\"type\":\"run_completed\",\"data\":{\"stop_"
                                                               "reason\":\"end_turn\",\"token_usage\":{"
                                                               "\"input_tokens\":9,\"output_tokens\":2,"
                                                               "\"cache_read_tokens\":4,\"reasoning_tokens\":"
                                                               "1,\"cumulative\":true}}}\n");
    EXPECT(THREAD ITEM("completed", "\"id\":\"ws_1\",\"type\":\"web_search\",\"query\":\"q\"") TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED("ws_1", "web_search", "{\"query\":\"q\"}")
               TOOL_ENDED("completed", "ws_1", "web_search", "{\"query\":\"q\"}",
                          "") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_"
                              "tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,"
                              "\"provider_usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,\"output_"
                              "tokens\":2,\"reasoning_output_tokens\":1}}}\n"
                              "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_"
                              "usage\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,"
                              "\"reasoning_tokens\":1,\"cumulative\":true}}}\n");
    EXPECT(THREAD ITEM("started",
                       "\"id\":\"1\",\"type\":\"todo_list\",\"items\":[{\"text\":\"a\",\"completed\":false}]")
               ITEM("completed",
                    "\"id\":\"2\",\"type\":\"error\",\"message\":\"careful\"") "{\"type\":\"tide.turned\"}"
                                                                               "\n" ITEM("completed",
                                                                                         "\"id\":\"3\"")
                                                                                   TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n"
           "{\"type\":\"todos_updated\",\"data\":{\"todos\":[{\"content\":\"a\",\"status\":\"pending\"}]}}\n"
           "{\"type\":\"codex.error\",\"data\":{\"text\":\"careful\",\"level\":\"warning\",\"id\":\"2\"}}\n"
           "{\"type\":\"codex.item.completed\",\"data\":{\"item\":{\"id\":\"3\"}}}\n"
           "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
           "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,"
           "\"cached_input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
           "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{\"input_"
           "tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
           "true}}}\n");
    end_of_cases();
}

static void codex_runs(void **state) {
    (void)state;
    /* An error is no end; the same text is told once. */
    EXPECT(THREAD "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n" TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n"
           "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"provider_error\",\"error_message\":"
           "\"Reconnecting... 1/5\"}}\n"
           "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
           "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,"
           "\"cached_input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
           "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{\"input_"
           "tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
           "true}}}\n");
    EXPECT(THREAD "{\"type\":\"error\",\"message\":\"limit\"}\n{\"type\":\"turn.failed\",\"error\":{"
                  "\"message\":\"limit\"}}\n",
           CODEX_STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"provider_error\",\"error_"
                         "message\":\"limit\"}}\n"
                         "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"provider_error\",\"error_"
                         "message\":\"limit\",\"provider_error\":{\"message\":\"limit\"}}}\n");
    EXPECT(THREAD "{\"type\":\"turn.failed\",\"error\":{\"message\":\"limit\"}}\n",
           CODEX_STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"provider_error\",\"error_"
                         "message\":\"limit\",\"provider_error\":{\"message\":\"limit\"}}}\n"
                         "{\"type\":\"run_failed\",\"data\":{\"error_code\":\"provider_error\",\"error_"
                         "message\":\"limit\",\"provider_error\":{\"message\":\"limit\"}}}\n");
    EXPECT(THREAD "{\"type\":\"turn.aborted\"}\n",
           CODEX_STARTED "{\"type\":\"run_cancelled\",\"data\":{}}\n");
    EXPECT(
        THREAD ITEM("started", COMMAND("1", "in_progress", "null")),
        "{\"type\":\"run_started\",\"data\":{}}\n" TOOL_STARTED(
            "1", "bash",
            "{\"command\":\"ls\"}") "{\"type\":\"tool_output_streamed\",\"data\":{\"tool_name\":\"bash\","
                                    "\"tool_call_id\":\"1\",\"tool_output\":\"a\\n\"}}\n" STREAM_ENDED("1"));
    /* The next turn is the next run; so is another thread. What comes between runs begins none. */
    EXPECT(THREAD TURN_DONE ITEM(
               "completed",
               "\"id\":\"1\",\"type\":\"agent_message\",\"text\":\"late\"") "{\"type\":\"turn.started\"}"
                                                                            "\n" TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n"
           "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
           "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,"
           "\"cached_input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
           "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{\"input_"
           "tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
           "true}}}\n" STREAMED("1", "late")
               RECEIVED("1", "late") "{\"type\":\"run_started\",\"data\":{}}\n"
                                     "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,"
                                     "\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,"
                                     "\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,\"cached_"
                                     "input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
                                     "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\","
                                     "\"token_usage\":{\"input_tokens\":0,\"output_tokens\":0,\"cache_read_"
                                     "tokens\":0,\"reasoning_tokens\":0}}}\n");
    EXPECT(THREAD "{\"type\":\"thread.started\",\"thread_id\":\"other\"}\n",
           CODEX_STARTED CUT_OFF("0") CODEX_STARTED STREAM_ENDED("0"));
    EXPECT(ITEM("completed", "\"id\":\"1\",\"type\":\"agent_message\",\"text\":\"Hi\"") TURN_DONE,
           "{\"type\":\"run_started\",\"data\":{}}\n" STREAMED("1", "Hi")
               RECEIVED("1", "Hi") "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_"
                                   "tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":"
                                   "true,\"provider_usage\":{\"input_tokens\":9,\"cached_input_tokens\":4,"
                                   "\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
                                   "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\","
                                   "\"token_usage\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
                                   "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true}}}\n");
    end_of_cases();
}

/* ==================================================================================================================
 * Turns in files on disk
 */

#define PI_SESSION                                                                                           \
    "{\"type\":\"session\",\"id\":\"s\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"cwd\":\"/w\"}\n"
#define PI(second, message)                                                                                  \
    "{\"type\":\"message\",\"timestamp\":\"2026-01-01T00:00:" second                                         \
    "Z\",\"message\":{\"timestamp\":1," message "}}\n"
#define PI_USER(second, text) PI(second, "\"role\":\"user\",\"content\":\"" text "\"")
#define PI_ANSWER(second, text)                                                                              \
    PI(second, "\"role\":\"assistant\",\"content\":[" text "],\"stopReason\":\"stop\"")
#define PI_CALL(second)                                                                                      \
    PI(second, "\"role\":\"assistant\",\"content\":[{\"type\":\"toolCall\",\"id\":\"c\",\"name\":\"bash\","  \
               "\"arguments\":{}}],"                                                                         \
               "\"stopReason\":\"toolUse\"")
#define PI_RESULT(second) PI(second, "\"role\":\"toolResult\",\"toolCallId\":\"c\",\"content\":\"ok\"")

#define ROLLOUT(second, type, payload)                                                                       \
    "{\"timestamp\":\"2026-01-01T00:00:" second "Z\",\"type\":\"" type "\",\"payload\":{" payload "}}\n"
#define ROLLOUT_EVENT(second, type, more) ROLLOUT(second, "event_msg", "\"type\":\"" type "\"" more)

/* Runs, notices, and what the person says: the second, the type without "run_" or "message_", the text or the reason. */
static void brief_turn(void *user, const asm_event *event) {
    const asm_str why = event->type == ASM_EVENT_MESSAGE_SENT ? event->message.content
                        : event->type == ASM_EVENT_RUN_FAILED ? event->run.error_message
                                                              : asm_str_make(NULL, 0);
    const asm_str name = asm_event_name(event);
    char text[200];
    if (event->type != ASM_EVENT_MESSAGE_SENT && event->type != ASM_EVENT_CUSTOM &&
        (name.size < 4 || memcmp(name.data, "run_", 4) != 0))
        return;
    const int size =
        snprintf(text, sizeof text, "%d %.*s%s%.*s\n", (int)(event->time / 1000000 % 60), (int)name.size,
                 name.data, why.size ? " " : "", (int)why.size, why.data ? why.data : "");
    asm_buffer_append((asm_buffer *)user, asm_str_make(text, (size_t)size));
}

static void expect_turns(const char *stream, const char *turns) {
    asm_ingest ingest;
    asm_buffer out;
    const asm_ingest_options options = {.on_event = brief_turn, .user = &out};
    asm_buffer_init_growing(&out);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    feed(&ingest, asm_str_from(stream), SIZE_MAX / 4);
    expect_text(asm_buffer_text(&out), asm_str_from(turns));
    asm_ingest_close(&ingest);
    asm_buffer_close(&out);
}

/* The next words of the person may come hours later. */
static void a_turn_ends_with_its_last_line(void **state) {
    (void)state;
    expect_turns(
        PI_SESSION PI_USER("01", "paint") PI_ANSWER("07", "{\"type\":\"text\",\"text\":\"done\"}")
            PI_USER("50", "more"),
        "1 run_started\n1 message_sent paint\n7 run_completed\n50 run_started\n50 message_sent more\n"
        "50 run_failed the stream ended before the run did\n");
    expect_turns(
        PI_SESSION PI_USER("01", "paint") PI_CALL("03") PI_USER("50", "more"),
        "1 run_started\n1 message_sent paint\n3 run_failed " NO_END
        "\n50 run_started\n50 message_sent more\n50 run_failed the stream ended before the run did\n");
    expect_turns(
        "{\"timestamp\":\"2026-01-01T00:00:01Z\",\"type\":\"thread.started\",\"thread_id\":\"t\"}\n"
        "{\"timestamp\":\"2026-01-01T00:00:04Z\",\"type\":\"item.started\",\"item\":{\"id\":\"a\",\"type\":"
        "\"command_execution\",\"command\":\"ls\"}}\n"
        "{\"timestamp\":\"2026-01-01T00:00:50Z\",\"type\":\"thread.started\",\"thread_id\":\"u\"}\n",
        "1 run_started\n4 run_failed " NO_END
        "\n50 run_started\n50 run_failed the stream ended before the run did\n");
    end_of_cases();
}

static void what_is_said_to_an_agent_at_work_is_no_turn(void **state) {
    (void)state;
    expect_turns(PI_SESSION PI_USER("01", "paint") PI_CALL("03") PI_RESULT("05") PI_USER("06", "in red")
                     PI_ANSWER("09", "{\"type\":\"text\",\"text\":\"done\"}"),
                 "1 run_started\n1 message_sent paint\n6 message_sent in red\n9 run_completed\n");
    /* Codex tells where a turn begins and ends; its older versions do not. */
    expect_turns(ROLLOUT_EVENT("01", "task_started", "")
                     ROLLOUT_EVENT("01", "user_message", ",\"message\":\"paint\"")
                         ROLLOUT_EVENT("03", "user_message", ",\"message\":\"in red\"")
                             ROLLOUT_EVENT("05", "task_complete", ""),
                 "1 run_started\n1 message_sent paint\n3 message_sent in red\n5 run_completed\n");
    expect_turns(
        ROLLOUT_EVENT("01", "user_message", ",\"message\":\"paint\"")
            ROLLOUT_EVENT("03", "agent_message", ",\"message\":\"done\"")
                ROLLOUT_EVENT("40", "user_message", ",\"message\":\"in red\"")
                    ROLLOUT_EVENT("45", "agent_message", ",\"message\":\"done\""),
        "1 run_started\n1 message_sent paint\n3 run_completed\n40 run_started\n40 message_sent in red\n"
        "45 run_completed\n");
    /* What is told twice is told once. */
    expect_turns(ROLLOUT("01", "response_item",
                         "\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
                         "\"text\":\"paint\"}]")
                     ROLLOUT_EVENT("01", "user_message", ",\"message\":\"paint\",\"kind\":\"plain\""),
                 "1 run_started\n1 message_sent paint\n1 run_failed the stream ended before the run did\n");
    end_of_cases();
}

/* ==================================================================================================================
 * What all events have, formats, the asm format
 */

static void provider_events_carry_ids_times_and_numbers(void **state) {
    static const char stream[] =
        "{\"type\":\"system\",\"subtype\":\"hook_started\",\"session_id\":\"s\",\"uuid\":\"u\\\"0\"}\n"
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\",\"uuid\":\"u1\"}\n"
        "{\"type\":\"assistant\",\"message\":{\"content\":\"A\"},\"session_id\":\"s\",\"timestamp\":\"2026-"
        "03-17T09:41:05.250000Z\"}\n"
        "{\"type\":\"result\",\"subtype\":\"success\",\"result\":\"A\",\"timestamp\":\"yesterday\"}\n"
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s2\",\"qwen_code_version\":\"0.1\"}\n";
    static const char expected[] =
        "{\"ts\":\"2023-11-14T22:13:20.000Z\",\"type\":\"claude.hook_started\",\"data\":{},\"session_id\":"
        "\"s\",\"provider\":\"claude\",\"sequence_number\":1,\"metadata\":{\"provider_event_id\":\"u\\\"0\"}}"
        "\n"
        "{\"ts\":\"2023-11-14T22:13:20.000Z\",\"type\":\"run_started\",\"data\":{},\"session_id\":\"s\","
        "\"run_id\":\"run_1\",\"provider\":\"claude\",\"sequence_number\":2,\"metadata\":{\"provider_event_"
        "id\":\"u1\"}}\n"
        "{\"ts\":\"2026-03-17T09:41:05.250000Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":\"A\","
        "\"role\":\"assistant\"},\"session_id\":\"s\",\"run_id\":\"run_1\",\"provider\":\"claude\","
        "\"sequence_number\":3}\n"
        "{\"ts\":\"2026-03-17T09:41:05.250000Z\",\"type\":\"message_received\",\"data\":{\"content\":\"A\","
        "\"role\":\"assistant\"},\"session_id\":\"s\",\"run_id\":\"run_1\",\"provider\":\"claude\","
        "\"sequence_number\":4}\n"
        "{\"ts\":\"2026-03-17T09:41:05.250Z\",\"type\":\"run_completed\",\"data\":{\"timestamp\":"
        "\"yesterday\"},\"session_id\":\"s\","
        "\"run_id\":\"run_1\",\"provider\":\"claude\",\"sequence_number\":5}\n"
        "{\"ts\":\"2026-03-17T09:41:05.250Z\",\"type\":\"run_started\",\"data\":{\"agent_version\":\"0."
        "1\"},\"session_id\":\"s2\",\"run_id\":\"run_2\",\"provider\":\"qwen\",\"sequence_number\":1}\n"
        "{\"ts\":\"2026-03-17T09:41:05.250Z\",\"type\":\"run_failed\",\"data\":{\"error_code\":\"stream_"
        "ended\",\"error_message\":\"the stream ended before the run "
        "did\",\"open_tool_calls\":0},\"session_id\":\"s2\",\"run_id\":\"run_2\",\"provider\":\"qwen\","
        "\"sequence_number\":2}\n";
    recorder record;
    (void)state;
    take(&record, asm_str_from(stream), SIZE_MAX / 4);
    expect_text(asm_buffer_text(&record.events), asm_str_from(expected));
    record_close(&record);
    end_of_cases();
}

static void ids_of_the_options_fill_in(void **state) {
    static const char codex[] =
        "{\"type\":\"turn.started\"}\n" TURN_DONE "{\"type\":\"turn.started\"}\n{\"type\":\"turn.failed\"}\n";
    static const char asm_stream[] =
        "{\"type\":\"run_started\",\"data\":{}}\n{\"ts\":\"2026-01-01T00:00:00.5Z\",\"type\":\"run_"
        "completed\",\"data\":{},\"session_id\":\"own\",\"run_id\":\"own\"}\n";
    static const char expected[] = "{\"ts\":\"2023-11-14T22:13:20.000Z\",\"type\":\"run_started\",\"data\":{}"
                                   ",\"session_id\":\"S\",\"run_id\":\"R\"}\n"
                                   "{\"ts\":\"2026-01-01T00:00:00.5Z\",\"type\":\"run_completed\",\"data\":{}"
                                   ",\"session_id\":\"own\",\"run_id\":\"own\"}\n";
    asm_ingest_options options;
    asm_ingest ingest;
    recorder record;
    char session[] = "S", run[] = "R";
    (void)state;
    memset(&options, 0, sizeof options);
    options.session_id = asm_str_make(session, 1);
    options.run_id = asm_str_make(run, 1);
    record_init(&record, &options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    session[0] = run[0] = '!'; /* they were copied */
    feed(&ingest, asm_str_from(codex), 5);
    expect(find_in(asm_buffer_text(&record.events),
                   "\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{" CODEX_COUNTS
                   ",\"cumulative\":true}},\"session_id\":\"S\",\"run_id\":\"R\",\"provider\":\"codex\"") !=
               NULL,
           "first run");
    expect(find_in(asm_buffer_text(&record.events),
                   "\"run_failed\",\"data\":{\"error_code\":\"provider_error\",\"error_message\":\"the turn "
                   "failed\"},\"session_id\":\"S\",\"run_id\":\"R_2\"") != NULL,
           "second run");
    asm_buffer_clear(&record.events);
    feed(&ingest, asm_str_from(asm_stream), 5);
    expect_text(asm_buffer_text(&record.events), asm_str_from(expected));
    asm_ingest_close(&ingest);
    record_close(&record);
    end_of_cases();
}

static void formats_have_names_and_are_detected(void **state) {
    static const struct {
        const char *line;
        asm_format format;
    } lines[] = {
        {INIT, ASM_FORMAT_CLAUDE},
        {RESULT, ASM_FORMAT_AUTO}, /* several programs print such lines */
        {SAYING("a", "b"), ASM_FORMAT_AUTO},
        {MESSAGE_STOP, ASM_FORMAT_CLAUDE},
        {"{\"type\":\"rate_limit_event\",\"rate_limit_info\":{}}", ASM_FORMAT_CLAUDE},
        {"{\"session_id\":\"s\",\"subtype\":\"init\",\"type\":\"system\"}", ASM_FORMAT_CLAUDE},
        {THREAD, ASM_FORMAT_CODEX},
        {ITEM("completed", ""), ASM_FORMAT_CODEX},
        {TURN_DONE, ASM_FORMAT_CODEX},
        {"{\"ts\":\"2026-01-01T00:00:00Z\",\"type\":\"run_started\",\"data\":{}}", ASM_FORMAT_ASM},
        {"{\"type\":\"my.own\",\"data\":{}}", ASM_FORMAT_AUTO},
        {"{\"ts\":\"2026-01-01T00:00:00Z\",\"session_id\":\"s\",\"type\":\"my.own\",\"data\":{}}",
         ASM_FORMAT_ASM},
        {"{\"t\":1,\"e\":{\"t\":\"rs\"}}", ASM_FORMAT_ASM},
        {"{\"type\":\"init\",\"timestamp\":\"2026-11-20T07:06:21.418Z\",\"session_id\":\"d\",\"model\":"
         "\"g\"}",
         ASM_FORMAT_GEMINI},
        {"{\"type\":\"assistant\",\"message\":{},\"sessionId\":\"s\",\"parentUuid\":null,\"isSidechain\":"
         "false,"
         "\"userType\":\"external\",\"uuid\":\"u\"}",
         ASM_FORMAT_CLAUDE_TRANSCRIPT},
        {"{\"type\":\"user\",\"message\":{},\"sessionId\":\"session-1\",\"parentUuid\":null,\"isSidechain\":"
         "false,"
         "\"userType\":\"external\",\"uuid\":\"u\"}",
         ASM_FORMAT_IFLOW},
        {"{\"role\":\"system\",\"content\":\"c\",\"timestamp\":\"2026-06-13T10:00:00.000000\",\"pinned\":"
         "true}",
         ASM_FORMAT_GPTME},
        {"{\"step_index\":0,\"source\":\"MODEL\",\"type\":\"PLANNER_RESPONSE\",\"status\":\"DONE\","
         "\"content\":\"c\"}",
         ASM_FORMAT_ANTIGRAVITY_TRANSCRIPT},
        {"{\"type\":\"user\",\"content\":[],\"prompt_index\":0}", ASM_FORMAT_GROK_CHAT},
        {"{\"type\":\"assistant\",\"content\":\"c\",\"tool_calls\":[],\"model_id\":\"m\"}",
         ASM_FORMAT_GROK_CHAT},
        /* What an extension of pi keeps has the members of a Copilot event. */
        {"{\"type\":\"custom\",\"id\":\"a\",\"customType\":\"ui\",\"data\":{},\"parentId\":\"b\","
         "\"timestamp\":\"t\"}",
         ASM_FORMAT_PI_SESSION},
        {"{\"type\":\"item.completed\",\"item\":7}", ASM_FORMAT_AUTO},
        {"{}", ASM_FORMAT_AUTO},
        {"[]", ASM_FORMAT_AUTO},
        {"nothing", ASM_FORMAT_AUTO},
    };
    asm_ingest_options options;
    (void)state;
    for (int i = 0; i < ASM_FORMAT_COUNT; i++)
        expect(asm_format_from_name(asm_str_from(asm_format_name((asm_format)i))) == (asm_format)i, "%d", i);
    expect(asm_format_name(ASM_FORMAT_COUNT) == NULL, "past the end");
    expect(asm_format_from_name(ASM_STR("Claude")) == ASM_FORMAT_COUNT, "another case");
    expect(asm_format_from_name(ASM_STR("")) == ASM_FORMAT_COUNT, "empty");
    memset(&options, 0, sizeof options);
    for (size_t i = 0; i < COUNT(lines); i++) {
        asm_ingest ingest;
        recorder record;
        record_init(&record, &options);
        assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
        asm_ingest_feed(&ingest, lines[i].line, strlen(lines[i].line), NOW);
        asm_ingest_feed(&ingest, "\n", 1, NOW);
        expect(ingest.format == lines[i].format, "%s: %s", lines[i].line, asm_format_name(ingest.format));
        asm_ingest_end(&ingest, NOW);
        expect(ingest.format == ASM_FORMAT_AUTO, "the next stream is another: %s", lines[i].line);
        asm_ingest_close(&ingest);
        record_close(&record);
    }
    end_of_cases();
}

static void a_format_may_be_found_late_or_never(void **state) {
    (void)state;
    EXPECT_DIAGNOSTICS(
        "Loaded cached credentials.\n{\"model\":\"o3\",\"provider\":\"x\"}\n" THREAD TURN_DONE,
        "{\"type\":\"codex.other\",\"data\":{\"model\":\"o3\",\"provider\":\"x\"}}\n"
        "{\"type\":\"run_started\",\"data\":{}}\n"
        "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
        "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,"
        "\"cached_input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{\"input_"
        "tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true}}}"
        "\n",
        "1:1 @0 lost: not a JSON object\n");
    EXPECT_DIAGNOSTICS("{\"type\":\"init\",\"session_id\":\"x\"}\n", "",
                       "1:1 @0 lost: the format of the stream is not known\n");
    /* Lines that came before the one that tells are lines of its format, too. */
    EXPECT(
        SAYING("a", "Hi") "{\"type\":\"stream_event\",\"event\":{\"type\":\"ping\"},\"session_id\":\"s\"}\n",
        "{\"type\":\"run_started\",\"data\":{}}\n" STREAMED("a", "Hi") RECEIVED("a", "Hi") STREAM_ENDED("0"));
    /* One that nothing has come of is taken back. */
    EXPECT_DIAGNOSTICS(
        "{\"payload\":{},\"payload_type\":\"x\"}\n{}\n" THREAD TURN_DONE,
        "{\"type\":\"run_started\",\"data\":{}}\n"
        "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9,\"output_tokens\":2,\"cache_read_"
        "tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true,\"provider_usage\":{\"input_tokens\":9,"
        "\"cached_input_tokens\":4,\"output_tokens\":2,\"reasoning_output_tokens\":1}}}\n"
        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\",\"token_usage\":{\"input_"
        "tokens\":9,\"output_tokens\":2,\"cache_read_tokens\":4,\"reasoning_tokens\":1,\"cumulative\":true}}}"
        "\n",
        "1:1 @0 lost: this is a Muse session; it is not read\n");
    EXPECT_DIAGNOSTICS("", "", "");
    EXPECT_DIAGNOSTICS("\n \t\n", "", "");
    end_of_cases();
}

/* A line with two faults: the one that makes it no JSON is told, whether the line comes whole or in pieces. */
static void the_fault_told_is_the_same_in_pieces(void **state) {
    asm_ingest_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    options.format = ASM_FORMAT_ASM;
    expect_stream_with(ASM_STR("{\"type\":\"message_sent\",\"data\":\"c{ontent\"\"go\"}\n"), "",
                       "1:41 @40 lost: a comma or an end is missing\n", options, __LINE__);
    end_of_cases();
}

static void a_given_format_is_taken(void **state) {
    asm_ingest_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    options.format = ASM_FORMAT_CODEX;
    expect_stream_with(asm_str_from(INIT "{\"type\":\"turn.started\"}\n"),
                       "{\"type\":\"codex.system\",\"data\":{\"subtype\":\"init\",\"cwd\":\"/"
                       "w\",\"tools\":[\"Bash\"],\"model\":\"m\"}}\n"
                       "{\"type\":\"run_started\",\"data\":{}}\n" STREAM_ENDED("0"),
                       "", options, __LINE__);
    options.format = ASM_FORMAT_ASM;
    expect_stream_with(
        asm_str_from("{\"type\":\"a\",\"data\":[]}\n{\"type\":\"a\",\"type\":\"b\"}\n{\"type\":\"c\"}\n"),
        "{\"type\":\"c\",\"data\":{}}\n",
        "1:20 @19 lost: data is no object\n2:20 @42 lost: an event has one type, a string\n", options,
        __LINE__);
    expect_stream_with(asm_str_from("{\"type\":\"assistant\"}\n{\"tipe\":1}\n"),
                       "{\"type\":\"assistant\",\"data\":{}}\n", "2:11 @31 lost: the event has no type\n",
                       options, __LINE__);
    end_of_cases();
}

static void asm_streams_pass_unchanged(void **state) {
    static const char cut[] = "{\"ts\":\"2026-03-18T08:00:00.1Z\",\"type\":\"run_started\",\"data\":{"
                              "\"model\":\"a\\tb\",\"more\":[1,{}]},\"beside\":null}\n";
    static const char odd[] = "{\"type\":\"run_started\",\"data\":{},\"ts\":\"tomorrow\"}\n";
    static const char compact[] = "{\"t\":1700000000123,\"e\":{\"t\":\"rs\",\"m\":\"sonnet\"}}\n{\"t\":"
                                  "1700000000124,\"e\":{\"t\":\"tu\",\"i\":3,\"o\":4}}\n"
                                  "{\"ts\":\"2026-03-18T08:00:00.1Z\",\"type\":\"step_started\",\"data\":{}}"
                                  "\n{\"t\":1700000000125,\"e\":{\"t\":\"rx\"}}\n";
    static const char from_compact[] =
        "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"type\":\"run_started\",\"data\":{\"model\":\"sonnet\"}}\n"
        "{\"ts\":\"2023-11-14T22:13:20.124Z\",\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":3,"
        "\"output_tokens\":4}}\n"
        "{\"ts\":\"2026-03-18T08:00:00.1Z\",\"type\":\"step_started\",\"data\":{}}\n"
        "{\"ts\":\"2023-11-14T22:13:20.125Z\",\"type\":\"run_cancelled\",\"data\":{}}\n";
    static const char timeless[] = "{\"e\":{\"t\":\"rs\"}}\n{\"t\":\"1\",\"e\":{\"t\":\"rc\"}}\n"
                                   "{\"t\":1,\"e\":{\"t\":\"rc\"},\"type\":\"step_started\",\"data\":{}}\n";
    static const char from_timeless[] =
        "{\"ts\":\"2023-11-14T22:13:20.000Z\",\"type\":\"run_started\",\"data\":{}}\n"
        "{\"ts\":\"2023-11-14T22:13:20.000Z\",\"type\":\"step_started\",\"data\":{},\"t\":1,\"e\":{\"t\":"
        "\"rc\"}}\n";
    static const size_t pieces[] = {SIZE_MAX / 4, 1, 64};
    asm_str whole = read_data_file(4);
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        recorder record;
        take(&record, whole, pieces[i]);
        expect_text(asm_buffer_text(&record.events), whole);
        expect(record.counts.diagnostics == 0, "pieces of %zu", pieces[i]);
        record_close(&record);
        /* A run that is cut is not ended: a log is data. */
        take(&record, asm_str_from(cut), pieces[i]);
        expect_text(asm_buffer_text(&record.events), asm_str_from(cut));
        record_close(&record);
        take(&record, asm_str_from(odd), pieces[i]);
        expect_text(asm_buffer_text(&record.events), asm_str_from(odd));
        record_close(&record);
        take(&record, asm_str_from(compact), pieces[i]);
        expect_text(asm_buffer_text(&record.events), asm_str_from(from_compact));
        record_close(&record);
        /* The compact form has no time where the event had none; what has a type is in the full form. */
        take(&record, asm_str_from(timeless), pieces[i]);
        expect_text(asm_buffer_text(&record.events), asm_str_from(from_timeless));
        expect(record.counts.lost == 1, "pieces of %zu", pieces[i]);
        record_close(&record);
    }
    free_file(whole);
    end_of_cases();
}

/* ==================================================================================================================
 * Damage
 */

static void damaged_lines_are_told_and_the_rest_goes_on(void **state) {
    (void)state;
#define NEXT STARTED STREAM_ENDED("0")
    /* not JSON, cut short, empty, another value */
    EXPECT_DIAGNOSTICS("oops\n" INIT, NEXT, "1:1 @0 lost: not a JSON object\n");
    EXPECT_DIAGNOSTICS(INIT "{\"type\":\"assistant\",\"mess\n", NEXT,
                       "2:26 @117 lost: the text ends too early\n");
    EXPECT_DIAGNOSTICS(INIT "{\"type\":\"assistant\",\"mess", NEXT,
                       "2:26 @117 lost: the text ends too early\n");
    EXPECT_DIAGNOSTICS(
        INIT "[1]\n7\n\"x\"\nnull\n", NEXT,
        "2:1 @92 lost: not a JSON object\n3:1 @96 lost: not a JSON object\n4:1 @98 lost: not a JSON object\n"
        "5:1 @102 lost: not a JSON object\n");
    EXPECT_DIAGNOSTICS(INIT "{\"type\":\"assistant\" \"message\":{}}\n", NEXT,
                       "2:21 @112 lost: a comma or an end is missing\n");
    /* byte order mark, CRLF, blank lines: nothing is lost */
    EXPECT_DIAGNOSTICS("\xEF\xBB\xBF" INIT, NEXT, "1:1 @0 note: byte order mark\n");
    EXPECT_DIAGNOSTICS("\xEF\xBB\xBF{]\n" INIT, NEXT,
                       "1:1 @0 note: byte order mark\n1:5 @4 lost: a key is missing\n");
    EXPECT_DIAGNOSTICS(
        "\r\n \r\n{\"type\":\"system\",\"subtype\":\"init\"}\r\n{\"type\":\"system\",\"subtype\":\"x\"}\r\n",
        "{\"type\":\"run_started\",\"data\":{}}\n{\"type\":\"claude.x\",\"data\":{}}\n" STREAM_ENDED("0"),
        "1:1 @0 note: CRLF line ends\n");
    EXPECT_DIAGNOSTICS(INIT "\xEF\xBB\xBF{}\n", NEXT, "2:1 @92 lost: not a JSON object\n");
    /* bad UTF-8 is replaced */
    EXPECT_DIAGNOSTICS(INIT SAYING("a", "caf\xE9!"),
                       STARTED STREAMED("a", "caf\xEF\xBF\xBD!") RECEIVED("a", "caf\xEF\xBF\xBD!")
                           STREAM_ENDED("0"),
                       "2:78 @169 lost: invalid UTF-8\n");
    EXPECT_DIAGNOSTICS(INIT "\xFF\xFE not JSON \xFF\n", NEXT, "2:1 @92 lost: invalid UTF-8\n");
    end_of_cases();
}

static void nul_bytes_are_told_and_left_out(void **state) {
    static const char stream[] = INIT "\0\0\0{\"type\":\"system\",\"subtype\":\"x\\u0000\"}\n\0\0\n{\"type\":"
                                      "\"sys\0tem\",\"subtype\":\"y\"}\n\0";
    asm_ingest_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    expect_stream_with(
        asm_str_make(stream, sizeof stream - 1),
        STARTED
        "{\"type\":\"claude.other\",\"data\":{}}\n{\"type\":\"claude.y\",\"data\":{}}\n" STREAM_ENDED("0"),
        "2:1 @92 lost: NUL bytes\n3:1 @133 lost: NUL bytes\n4:13 @148 lost: NUL bytes\n5:1 @169 lost: NUL "
        "bytes\n",
        options, __LINE__);
    end_of_cases();
}

static void lines_glued_together_are_taken(void **state) {
    (void)state;
#define LINE(name)  "{\"type\":\"system\",\"subtype\":\"" name "\"}"
#define GIVES(name) "{\"type\":\"claude." name "\",\"data\":{}}\n"
    EXPECT_DIAGNOSTICS(LINE("a") LINE("b") "\n" LINE("c"), GIVES("a") GIVES("b") GIVES("c"),
                       "1:32 @31 note: more than one object in the line\n");
    EXPECT_DIAGNOSTICS(LINE("a") "  " LINE("b") LINE("c") " \n", GIVES("a") GIVES("b") GIVES("c"),
                       "1:34 @33 note: more than one object in the line\n");
    /* what can be read of it */
    EXPECT_DIAGNOSTICS(LINE("a") "{\"type\":", GIVES("a"), "1:32 @31 lost: something follows the value\n");
    EXPECT_DIAGNOSTICS(LINE("a") " oops", GIVES("a"), "1:33 @32 lost: something follows the value\n");
    EXPECT_DIAGNOSTICS("oops " LINE("a") "\n" LINE("b"), GIVES("b"), "1:1 @0 lost: not a JSON object\n");
    EXPECT_DIAGNOSTICS("7 " LINE("a") "\n" LINE("b"), GIVES("b"), "1:1 @0 lost: not a JSON object\n");
    /* a line within a line: in a string, where a value stands, where a comma should */
    EXPECT_DIAGNOSTICS("{\"type\":\"assistant\",\"text\":\"Hello th" LINE("a") "\nere\"}\n" LINE("b"),
                       GIVES("a") GIVES("b"),
                       "1:39 @38 lost: a comma or an end is missing\n2:1 @68 lost: not a JSON object\n");
    EXPECT_DIAGNOSTICS("{\"type\":\"assistant\"" LINE("a") LINE("b") "\n", GIVES("a") GIVES("b"),
                       "1:20 @19 lost: a comma or an end is missing\n");
    EXPECT_DIAGNOSTICS("{\"type\":\"assistant\"," LINE("a") "\n", GIVES("a"),
                       "1:21 @20 lost: a key is missing\n");
    /* what a string holds is never taken for a line */
    EXPECT_DIAGNOSTICS("{\"type\":\"user\",\"text\":\"{\\\"type\\\":\\\"result\\\",\\\"subtype\\\":"
                       "\\\"success\\\"}\" \"\n" LINE("b"),
                       GIVES("b"), "1:71 @70 lost: a comma or an end is missing\n");
    end_of_cases();
}

static void glued_lines_cost_no_more_than_their_length(void **state) {
    static const char *const pieces[] = {"{}",       "{\"a", "{\"a\":{\"", "{\"type\":\"system\"}",
                                         "{\"a\":[", "{",    "\"",         "{\"a\":\"{\\\""};
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        asm_buffer line;
        recorder record;
        asm_buffer_init_growing(&line);
        asm_buffer_append(&line, ASM_STR(INIT));
        while (line.size < 1 << 20)
            asm_buffer_append(&line, asm_str_from(pieces[i]));
        take(&record, asm_buffer_text(&line), SIZE_MAX / 4);
        expect(record.counts.diagnostics == 1, "%s: %lu", pieces[i],
               (unsigned long)record.counts.diagnostics);
        record_close(&record);
        asm_buffer_close(&line);
    }
    end_of_cases();
}

static void long_lines_are_skipped_if_asked(void **state) {
    asm_ingest_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    options.max_line = 31;
    expect_stream_with(
        asm_str_from(LINE("a") "\n" LINE("bb") "\n" LINE("c") "\n" LINE("ddd")), GIVES("a") GIVES("c"),
        "2:32 @63 lost: the line is longer than allowed\n4:32 @128 lost: the line is longer than allowed\n",
        options, __LINE__);
    options.max_line = 1;
    expect_stream_with(asm_str_from(LINE("a") "\nx"), "",
                       "1:2 @1 lost: the line is longer than allowed\n2:1 @32 lost: not a JSON object\n1:1 "
                       "@0 lost: the format of the stream is not known\n",
                       options, __LINE__);
    end_of_cases();
}

static void unknown_types_are_counted_by_name(void **state) {
    asm_ingest_options options;
    asm_ingest ingest;
    recorder record;
    asm_str name;
    uint64_t count;
    char line[512];
    (void)state;
    memset(&options, 0, sizeof options);
    options.format = ASM_FORMAT_CLAUDE;
    record_init(&record, &options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    assert_false(asm_ingest_unknown(&ingest, 0, &name, &count));
    static const char two[] = "{\"type\":\"b\"}\n{\"type\":\"a\"}\n{\"type\":\"b\"}\n{\"type\":null}\n";
    asm_ingest_feed(&ingest, two, strlen(two), NOW);
    memset(line, 'x', sizeof line);
    memcpy(line, "{\"type\":\"", 9);
    for (size_t i = 40; i < 200; i += 2)
        memcpy(line + i, "\xC3\xA9", 2);
    memcpy(line + 300, "\"}\n", 3);
    asm_ingest_feed(&ingest, line, 303, NOW);
    for (int i = 0; i < 100; i++) {
        int size = snprintf(line, sizeof line, "{\"type\":\"t%d\"}\n", i);
        asm_ingest_feed(&ingest, line, (size_t)size, NOW);
    }
    expect(ingest.counts.unknown == 105, "%lu", (unsigned long)ingest.counts.unknown);
    expect(asm_ingest_unknown(&ingest, 0, &name, &count) && asm_str_equal(name, ASM_STR("b")) && count == 2,
           "b");
    expect(asm_ingest_unknown(&ingest, 1, &name, &count) && asm_str_equal(name, ASM_STR("a")) && count == 1,
           "a");
    expect(asm_ingest_unknown(&ingest, 2, &name, &count) && name.size == 0 && count == 1, "none");
    expect(asm_ingest_unknown(&ingest, 3, &name, &count) && asm_utf8_check(name) == name.size &&
               name.size <= 64,
           "long");
    expect(asm_ingest_unknown(&ingest, ASM_INGEST_MAX_UNKNOWN - 1, &name, &count), "last");
    expect(!asm_ingest_unknown(&ingest, ASM_INGEST_MAX_UNKNOWN, &name, &count), "past it");
    asm_ingest_close(&ingest);
    record_close(&record);
    end_of_cases();
}

/* ==================================================================================================================
 * Pieces, limits, memory
 */

static void however_a_stream_is_cut_the_events_are_the_same(void **state) {
    static const size_t pieces[] = {1, 2, 3, 7, 64, 4096};
    (void)state;
    for (size_t i = 0; i < COUNT(data_files); i++) {
        asm_str stream = read_data_file(i);
        recorder whole;
        take(&whole, stream, SIZE_MAX / 4);
        expect(whole.counts.events > 10, "%s", data_files[i]);
        for (size_t j = 0; j < COUNT(pieces); j++) {
            recorder cut;
            take(&cut, stream, pieces[j]);
            expect_text(asm_buffer_text(&cut.events), asm_buffer_text(&whole.events));
            expect_text(asm_buffer_text(&cut.diagnostics), asm_buffer_text(&whole.diagnostics));
            expect(memcmp(&cut.counts, &whole.counts, sizeof cut.counts) == 0, "%s in pieces of %zu",
                   data_files[i], pieces[j]);
            record_close(&cut);
        }
        record_close(&whole);
        free_file(stream);
    }
    end_of_cases();
}

static void count_event(void *user, const asm_event *event) {
    (void)event;
    ++*(size_t *)user;
}

static void long_lines_take_little_more_than_their_length(void **state) {
    static const char before[] = "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"";
    size_t size = (size_t)9 << 20, events = 0, piece = 65536;
    char *line = (char *)malloc(size);
    asm_ingest_options options;
    asm_ingest ingest;
    (void)state;
    assert_non_null(line);
    for (size_t i = 0; i < size; i++)
        line[i] = "a\\n"[i % 3];
    memcpy(line, before, sizeof before - 1);
    line[sizeof before - 1] = ' ';
    memset(line + sizeof before - 1, ' ', 3);
    memcpy(line + size - 8, "aaaa\"}}\n", 8);
    memset(line + size - 12, ' ', 4);
    memset(&options, 0, sizeof options);
    options.on_event = count_event;
    options.user = &events;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    for (size_t at = 0; at < size; at += piece)
        assert_int_equal(asm_ingest_feed(&ingest, line + at, size - at < piece ? size - at : piece, 0),
                         ASM_OK);
    assert_int_equal(asm_ingest_end(&ingest, 0), ASM_OK);
    assert_int_equal(events, 1);
    assert_int_equal(ingest.counts.diagnostics, 0);
    assert_true(ingest.state->line_capacity <= size + ((size_t)2 << 20));
    assert_true(ingest.state->scratch.capacity <= 4096);
    asm_ingest_close(&ingest);
    free(line);
}

/* `pattern` with `text` in place of each ~. */
static asm_str filled(const char *pattern, asm_str text, asm_buffer *out) {
    asm_buffer_clear(out);
    for (; *pattern; pattern++)
        if (*pattern == '~') asm_buffer_append(out, text);
        else asm_buffer_append_byte(out, *pattern);
    return asm_buffer_text(out);
}

#define TEXT_BLOCK(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define TOOL_OUTPUT(json)                                                                                    \
    "{\"type\":\"tool_call_completed\",\"data\":{\"tool_call_id\":\"t\",\"tool_output\":" json "}}\n"

/* ~ is a long text, which the events must have whole, wherever it was unescaped and kept. */
static const char *const long_texts[][2] = {
    {INIT SAYING("a", "~") TOOL("a", "t", "Bash", "{}") RESULT_OF("t", "\"~\"", "") RESULT,
     STARTED STREAMED("a", "~") TOOL_STARTED("t", "Bash", "{}") RECEIVED("a", "~")
         TOOL_ENDED("completed", "t", "Bash", "{}", ",\"tool_output\":\"~\"") COMPLETED_SAYING("x")},
    {INIT SAYING("a", "~") SAYING("a", "b~") SAYING("c", "~") SAYING("d", "e") RESULT,
     STARTED STREAMED("a", "~") STREAMED("a", "b~") RECEIVED("a", "~b~") STREAMED("c", "~") RECEIVED("c", "~")
         STREAMED("d", "e") RECEIVED("d", "e") COMPLETED_SAYING("x")},
    {INIT BLOCK("a", TEXT_BLOCK("~") "," TEXT_BLOCK("~b")) RESULT,
     STARTED STREAMED("a", "~") STREAMED("a", "~b") RECEIVED("a", "~~b") COMPLETED_SAYING("x")},
    {INIT "{\"session_id\":\"first in the "
          "line\",\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"content\":[" TEXT_BLOCK(
              "~") "," TEXT_BLOCK("b") "]}}\n" RESULT,
     STARTED STREAMED("a", "~") STREAMED("a", "b") RECEIVED("a", "~b") COMPLETED_SAYING("x")},
    {INIT BLOCK("a", "{\"type\":\"thinking\",\"thinking\":\"~\"}," TEXT_BLOCK("~")) RESULT,
     STARTED "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"~\",\"role\":\"assistant\",\"message_id\":"
             "\"a\",\"thinking\":true}}\n" STREAMED("a", "~") RECEIVED("a", "~") COMPLETED_SAYING("x")},
    {INIT SAYING("", "~") RESULT, STARTED
     "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"~\",\"role\":\"assistant\"}}\n"
     "{\"type\":\"message_received\",\"data\":{\"content\":\"~\",\"role\":\"assistant\"}}\n" COMPLETED_SAYING(
         "x")},
    {INIT RESULT_OF("t", "[" TEXT_BLOCK("~") "]", "") RESULT,
     STARTED TOOL_OUTPUT("\"~\"") COMPLETED_SAYING("x")},
    {INIT RESULT_OF("t", "[" TEXT_BLOCK("") "," TEXT_BLOCK("~") "," TEXT_BLOCK("b") "]", "") RESULT,
     STARTED TOOL_OUTPUT("\"\\n~\\nb\"") COMPLETED_SAYING("x")},
    {INIT RESULT_OF("t", "[" TEXT_BLOCK("~") ",{\"type\":\"image\"}]", "") RESULT,
     STARTED TOOL_OUTPUT("\"~\\n[image]\",\"tool_result\":[" TEXT_BLOCK("~") ",{\"type\":\"image\"}]")
         COMPLETED_SAYING("x")},
    {INIT TOOL("a", "t~", "B~", "{\"x\":\"~\"}") RESULT,
     STARTED TOOL_STARTED("t~", "B~",
                          "{\"x\":\"~\"}") "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_"
                                           "turn\",\"open_tool_calls\":1,\"result\":\"x\"}}\n"},
    {INIT
     "{\"type\":\"result\",\"subtype\":\"error_x\",\"errors\":[\"~\"],\"more\":\"~\",\"session_id\":\"s\"}\n",
     STARTED "{\"type\":\"error_occurred\",\"data\":{\"error_code\":\"error_x\",\"error_message\":\"~\","
             "\"provider_error\":[\"~\"]}}\n{\"type\":\"run_failed\",\"data\":{\"error_code\":\"error_x\","
             "\"error_message\":\"~\",\"provider_error\":[\"~\"],\"more\":\"~\"}}\n"},
    {"{\"type\":\"thread.started\",\"thread_id\":\"s\"}\n{\"type\":\"item.completed\",\"item\":{\"id\":\"i\","
     "\"type\":\"agent_message\",\"text\":\"~\"}}\n{\"type\":\"item.completed\",\"item\":{\"id\":\"t\","
     "\"type\":"
     "\"command_execution\",\"aggregated_output\":\"~\",\"command\":\"~\",\"status\":\"completed\"}}\n"
     "{\"type\":\"turn.completed\"}\n",
     "{\"type\":\"run_started\",\"data\":{}}\n" STREAMED("i", "~") RECEIVED("i", "~")
         TOOL_STARTED("t", "bash", "{\"command\":\"~\"}")
             TOOL_ENDED("completed", "t", "bash", "{\"command\":\"~\"}",
                        ",\"tool_output\":\"~\",\"status\":\"unknown\"") COMPLETED},
};

static void long_texts_are_what_they_were(void **state) {
    asm_buffer text, stream, events;
    (void)state;
    asm_buffer_init_growing(&text);
    asm_buffer_init_growing(&stream);
    asm_buffer_init_growing(&events);
    while (text.size < (size_t)3 << 19)
        asm_buffer_append(&text, ASM_STR("one\\ntwo \\\"three\\\" and so on; "));
    for (size_t i = 0; i < COUNT(long_texts); i++) {
        recorder whole, cut;
        filled(long_texts[i][0], asm_buffer_text(&text), &stream);
        filled(long_texts[i][1], asm_buffer_text(&text), &events);
        take(&whole, asm_buffer_text(&stream), SIZE_MAX / 4);
        take(&cut, asm_buffer_text(&stream), 65536);
        expect(asm_str_equal(asm_buffer_text(&whole.brief), asm_buffer_text(&events)), "%s",
               long_texts[i][0]);
        expect(asm_str_equal(asm_buffer_text(&cut.events), asm_buffer_text(&whole.events)), "%s, cut",
               long_texts[i][0]);
        expect(whole.counts.diagnostics == 0 && cut.counts.diagnostics == 0, "%s", long_texts[i][0]);
        record_close(&whole);
        record_close(&cut);
    }
    asm_buffer_close(&text);
    asm_buffer_close(&stream);
    asm_buffer_close(&events);
    end_of_cases();
}

static void a_long_message_gives_its_memory_back(void **state) {
    static const char begin[] = "{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"content\":["
                                "{\"type\":\"text\",\"text\":\"";
    size_t size = (size_t)3 << 20, events = 0;
    char *text = (char *)malloc(size);
    asm_ingest_options options;
    asm_ingest ingest;
    (void)state;
    assert_non_null(text);
    memset(text, 'x', size);
    memset(&options, 0, sizeof options);
    options.on_event = count_event;
    options.user = &events;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, INIT, strlen(INIT), NOW);
    asm_ingest_feed(&ingest, begin, strlen(begin), NOW);
    asm_ingest_feed(&ingest, text, size, NOW);
    asm_ingest_feed(&ingest, "\"}]}}\n", 6, NOW);
    assert_int_equal(ingest.state->main.text.size, size);
    assert_int_equal(ingest.state->line_capacity, 0);
    asm_ingest_feed(&ingest, RESULT, strlen(RESULT), NOW);
    assert_int_equal(ingest.state->main.text.capacity, 0);
    assert_int_equal(events, 4);
    asm_ingest_close(&ingest);
    free(text);
}

static void open_tool_calls_are_limited(void **state) {
    asm_ingest_options options;
    asm_ingest ingest;
    recorder record;
    char line[256];
    enum { MOST = 4096 };
    int many = MOST + 10;
    (void)state;
    memset(&options, 0, sizeof options);
    options.max_open = MOST;
    record_init(&record, &options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    for (int i = 0; i < many; i++) {
        int size = snprintf(line, sizeof line, TOOL("a", "%d", "T", "{}"), i);
        asm_ingest_feed(&ingest, line, (size_t)size, NOW);
    }
    assert_int_equal(ingest.state->calls.count, MOST);
    expect_text(
        asm_buffer_text(&record.diagnostics),
        ASM_STR("4097:1 @617386 lost: more tool calls are open than may be: the oldest are forgotten\n"));
    asm_buffer_clear(&record.brief);
    for (int i = 0; i < many; i++) { /* in an order that mixes them */
        int size = snprintf(line, sizeof line, RESULT_OF("%d", "\"\"", ""), i * 1777 % many);
        asm_ingest_feed(&ingest, line, (size_t)size, NOW);
    }
    assert_int_equal(ingest.state->calls.count, 0);
    size_t named = 0, ended = 0;
    asm_str rest = asm_buffer_text(&record.brief);
    for (const char *at; (at = find_in(rest, "tool_call_completed\",\"data\":")) != NULL;
         rest = behind(rest, at)) {
        ended++;
        named += memcmp(at + 28, "{\"tool_name\":\"T\"", 16) == 0;
    }
    assert_int_equal(ended, many);
    /* the oldest are the ones that were forgotten */
    assert_non_null(find_in(asm_buffer_text(&record.brief), "completed\",\"data\":{\"tool_call_id\":\"9\""));
    assert_null(find_in(asm_buffer_text(&record.brief), "completed\",\"data\":{\"tool_call_id\":\"10\""));
    assert_int_equal(named, MOST);
    asm_ingest_close(&ingest);
    record_close(&record);
    end_of_cases();
}

static void large_inputs_of_open_tool_calls_are_limited(void **state) {
    size_t size = (size_t)3 << 20, events = 0;
    char *line = (char *)malloc(size + 512);
    asm_ingest_options options;
    asm_ingest ingest;
    (void)state;
    memset(&options, 0, sizeof options);
    options.max_kept = (size_t)16 << 20;
    options.on_event = count_event;
    options.user = &events;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    for (int i = 0; i < 40; i++) {
        int before = snprintf(line, 256,
                              "{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"content\":[{\"type\":"
                              "\"tool_use\",\"id\":\"%d\",\"name\":\"Write\",\"input\":{\"x\":\"",
                              i);
        memset(line + before, 'x', size);
        strcpy(line + (size_t)before + size, "\"}}]}}\n");
        asm_ingest_feed(&ingest, line, strlen(line), NOW);
        expect(ingest.state->kept <= options.max_kept, "%d", i);
    }
    expect(ingest.state->calls.count == 5, "%zu", ingest.state->calls.count);
    expect(events == 41, "%zu", events);
    asm_ingest_close(&ingest);
    free(line);
    end_of_cases();
}

static void many_sub_agents_at_the_same_time(void **state) {
    asm_ingest_options options;
    asm_ingest ingest;
    recorder record;
    char line[512];
    int size;
    (void)state;
    memset(&options, 0, sizeof options);
    record_init(&record, &options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    for (int i = 0; i < 200; i++) {
        size = snprintf(line, sizeof line, FROM("p%d", "m%d", "text %d;"), i, i, i);
        asm_ingest_feed(&ingest, line, (size_t)size, NOW);
    }
    asm_ingest_end(&ingest, NOW);
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, SUB_TEXT("received", "content", "p%d", "m%d", "text %d;"), i, i, i);
        line[strlen(line) - 1] = 0;
        asm_str text = asm_buffer_text(&record.brief);
        const char *first = find_in(text, line);
        expect(first != NULL && find_in(behind(text, first), line) == NULL, "%s", line);
    }
    asm_ingest_close(&ingest);
    record_close(&record);
    end_of_cases();
}

enum { MANY = 10000 };

typedef struct many_agents {
    unsigned char received[MANY]; /* how often the text of each came whole */
    unsigned char ended[MANY];    /* how often its call ended, with its input */
    size_t tokens, others;
} many_agents;

/* The number after the letter of an id. */
static long number_of(asm_str id) {
    char text[16] = "";
    if (id.size > 1 && id.size < sizeof text) memcpy(text, id.data + 1, id.size - 1);
    return strtol(text, NULL, 10) % MANY;
}

static void count_agent(void *user, const asm_event *event) {
    many_agents *agents = (many_agents *)user;
    char text[64];
    const asm_str parent = event->message.parent_tool_call_id;
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        const long number = number_of(parent);
        snprintf(text, sizeof text, "one of %ld.two of %ld.", number, number);
        agents->others += !asm_str_equal(event->message.content, asm_str_from(text));
        agents->received[number]++;
    } else if (event->type == ASM_EVENT_TOOL_CALL_COMPLETED) {
        const long number = number_of(event->tool.call_id);
        snprintf(text, sizeof text, "{\"n\":%ld}", number);
        agents->others += !asm_str_equal(event->tool.input, asm_str_from(text));
        agents->ended[number]++;
        asm_usage_payload usage;
        memset(&usage, 0, sizeof usage);
        asm_usage_read(&usage, event->tool.token_usage);
        agents->tokens += (size_t)usage.input_tokens.value;
    }
}

/* All at once, in mixed order: nothing is lost, and nothing counted twice. */
static void ten_thousand_sub_agents_at_once(void **state) {
    static many_agents agents;
    asm_ingest_options options;
    asm_ingest ingest;
    char line[512];
    (void)state;
    memset(&options, 0, sizeof options);
    options.on_event = count_agent;
    options.user = &agents;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, INIT, strlen(INIT), NOW);
    for (int turn = 0; turn < 4; turn++) {
        for (int i = 0; i < MANY; i++) {
            const int n = (int)((long)i * 7919 % MANY);
            int size = 0;
            if (turn == 0) size = snprintf(line, sizeof line, TOOL("a", "p%d", "Task", "{\"n\":%d}"), n, n);
            if (turn == 1 || turn == 2)
                size = snprintf(
                    line, sizeof line,
                    "{\"type\":\"assistant\",\"message\":{\"id\":\"m%d\",\"content\":[{\"type\":\"text\","
                    "\"text\":\"%s of %d.\"}],\"usage\":{\"input_tokens\":2}},\"parent_tool_use_id\":"
                    "\"p%d\",\"session_id\":\"s\"}\n",
                    n, turn == 1 ? "one" : "two", n, n);
            if (turn == 3) size = snprintf(line, sizeof line, RESULT_OF("p%d", "\"ok\"", ""), n);
            asm_ingest_feed(&ingest, line, (size_t)size, NOW);
        }
    }
    asm_ingest_feed(&ingest, RESULT, strlen(RESULT), NOW);
    expect(ingest.counts.diagnostics == 0, "%d", (int)ingest.counts.diagnostics);
    expect(agents.others == 0, "%zu texts or inputs of another", agents.others);
    expect(agents.tokens == 2 * MANY, "%zu tokens", agents.tokens);
    for (int i = 0; i < MANY; i++)
        expect(agents.received[i] == 1 && agents.ended[i] == 1, "%d: %d %d", i, agents.received[i],
               agents.ended[i]);
    asm_ingest_close(&ingest);
    end_of_cases();
}

/* Calls, sub-agents and approvals that never end, all with ids of their own. */
static void an_endless_stream_takes_bounded_memory(void **state) {
    asm_ingest_options options;
    asm_ingest ingest;
    size_t events = 0, blocks = 0;
    char line[768];
    (void)state;
    memset(&options, 0, sizeof options);
    options.on_event = count_event;
    options.user = &events;
    options.max_open = 500;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, INIT, strlen(INIT), NOW);
    for (int i = 0; i < 40000; i++) {
        int size = snprintf(
            line, sizeof line,
            "{\"type\":\"assistant\",\"message\":{\"id\":\"m%d\",\"content\":[{\"type\":\"text\",\"text\":"
            "\"hello\"}," TOOL_BLOCK(
                "t%d", "Bash",
                "{}") "],\"usage\":{\"input_tokens\":1}},"
                      "\"parent_tool_use_id\":\"p%d\",\"uuid\":\"u%d\",\"session_id\":\"s\"}\n"
                      "{\"type\":\"control_request\",\"request_id\":\"r%d\",\"request\":{\"subtype\":"
                      "\"can_use_tool\",\"tool_name\":\"Bash\",\"tool_use_id\":\"t%d\"},\"session_id\":\"s\"}"
                      "\n"
                      "{\"type\":\"new%d\",\"session_id\":\"s\"}\n",
            i, i, i, i, i, i, i);
        asm_ingest_feed(&ingest, line, (size_t)size, NOW);
        if (i == 20000) blocks = allocations_alive;
    }
    expect(ingest.state->calls.count == 500 && ingest.state->speakers.count == 500, "%zu %zu",
           ingest.state->calls.count, ingest.state->speakers.count);
    expect(allocations_alive <= blocks + 100, "%zu blocks, then %zu", blocks, allocations_alive);
    expect(ingest.counts.diagnostics == 1, "told once, not %d times", (int)ingest.counts.diagnostics);
    asm_ingest_close(&ingest);
    end_of_cases();
}

static void nothing_is_allocated_once_buffers_have_grown(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(data_files); i++) {
        asm_str stream = read_data_file(i);
        size_t events = 0, calls = 0;
        asm_ingest_options options;
        asm_ingest ingest;
        memset(&options, 0, sizeof options);
        options.on_event = count_event;
        options.user = &events;
        assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
        for (int round = 0; round < 5; round++) {
            calls = allocation_calls;
            for (size_t at = 0; at < stream.size; at += 1000)
                asm_ingest_feed(&ingest, stream.data + at, stream.size - at < 1000 ? stream.size - at : 1000,
                                NOW);
            asm_ingest_end(&ingest, NOW);
        }
        expect(allocation_calls == calls, "%s: %zu", data_files[i], allocation_calls - calls);
        asm_ingest_close(&ingest);
        free_file(stream);
    }
    end_of_cases();
}

static void check_event(void *user, const asm_event *event) {
    char memory[1 << 17];
    asm_buffer out;
    (void)user;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    expect(asm_event_write_json(event, &out) == ASM_OK, "%s", asm_buffer_text(&out).data);
}

/* Feeds the stream while allocation number `fails` fails: what fails once works again with the next piece.
 * Returns whether any did. */
static bool feed_short_of_memory(asm_ingest *ingest, asm_str stream, const char *name, size_t fails) {
    bool failed = false;
    for (size_t at = 0; at < stream.size; at += 100) {
        uint64_t told = ingest->counts.diagnostics;
        asm_result result =
            asm_ingest_feed(ingest, stream.data + at, stream.size - at < 100 ? stream.size - at : 100, NOW);
        if (result == ASM_OK) continue;
        expect(result == ASM_ERR_NO_MEMORY && ingest->result == ASM_ERR_NO_MEMORY, "%d", (int)result);
        expect(ingest->counts.diagnostics > told, "%s, %zu", name, fails);
        allocation_fails_from = 0;
        failed = true;
    }
    failed = asm_ingest_end(ingest, NOW) != ASM_OK || failed;
    fail_allocations_from(0);
    return failed;
}

static void out_of_memory_anywhere_loses_only_what_is_told(void **state) {
    (void)state;
    for_each_way_to_fail for (size_t i = 0; i < COUNT(data_files); i++) {
        asm_str stream = read_data_file(i);
        size_t before = allocations_alive;
        bool failed = true;
        recorder clean;
        take(&clean, stream, SIZE_MAX / 4);
        for (size_t fails = 1; failed && fails < 10000; fails++) {
            asm_ingest_options options;
            asm_ingest ingest;
            recorder record;
            memset(&options, 0, sizeof options);
            record_init(&record, &options);
            options.on_event = check_event;
            options.on_diagnostic = NULL;
            options.session_id = ASM_STR("given");
            fail_allocations_from(fails);
            if (asm_ingest_init(&ingest, &options) != ASM_OK) {
                fail_allocations_from(0);
                record_close(&record);
                continue;
            }
            failed = feed_short_of_memory(&ingest, stream, data_files[i], fails);
            /* The same stream once more: nothing is left of what went wrong. */
            ingest.state->options.on_event = record_event;
            feed(&ingest, stream, SIZE_MAX / 4);
            expect_text(asm_buffer_text(&record.brief), asm_buffer_text(&clean.brief));
            asm_ingest_close(&ingest);
            record_close(&record);
        }
        record_close(&clean);
        expect(allocations_alive == before, "%s: %zu", data_files[i], allocations_alive - before);
        free_file(stream);
    }
    end_of_cases();
}

static void without_memory_at_all_nothing_breaks(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(data_files); i++) {
        asm_str stream = read_data_file(i);
        size_t before = allocations_alive;
        asm_ingest_options options;
        asm_ingest ingest;
        memset(&options, 0, sizeof options);
        options.on_event = check_event;
        assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
        fail_allocations_from(1);
        asm_ingest_feed(&ingest, stream.data, stream.size, NOW);
        asm_ingest_end(&ingest, NOW);
        fail_allocations_from(0);
        expect(ingest.counts.events > 0, "%s", data_files[i]);
        asm_ingest_close(&ingest);
        expect(allocations_alive == before, "%s", data_files[i]);
        free_file(stream);
    }
    end_of_cases();
}

/* What asm_ingest_init() did not set up may be used all the same: that gives its error again. */
static void expect_nothing_but(asm_ingest *ingest, asm_result error) {
    asm_str type;
    uint64_t count;
    assert_int_equal(ingest->result, error);
    assert_int_equal(asm_ingest_feed(ingest, INIT, strlen(INIT), NOW), error);
    assert_int_equal(asm_ingest_end(ingest, NOW), error);
    assert_false(asm_ingest_unknown(ingest, 0, &type, &count));
    assert_int_equal(ingest->counts.bytes, 0);
    asm_ingest_close(ingest);
    assert_int_equal(ingest->result, error);
}

static void arguments_are_checked(void **state) {
    asm_ingest_options options;
    asm_ingest ingest;
    (void)state;
    memset(&options, 0, sizeof options);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_ERR_INVALID_ARGUMENT);
    expect_nothing_but(&ingest, ASM_ERR_INVALID_ARGUMENT);
    options.on_event = check_event;
    options.session_id = ASM_STR("given");
    for (size_t fails = 1; fails <= 2; fails++) {
        fail_allocations_from(fails);
        assert_int_equal(asm_ingest_init(&ingest, &options), ASM_ERR_NO_MEMORY);
        fail_allocations_from(0);
        expect_nothing_but(&ingest, ASM_ERR_NO_MEMORY);
    }
    options.format = ASM_FORMAT_COUNT;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_ERR_INVALID_ARGUMENT);
    options.format = ASM_FORMAT_VIBE;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_ERR_UNSUPPORTED);
    expect_nothing_but(&ingest, ASM_ERR_UNSUPPORTED);
    assert_int_equal(asm_ingest_init(&ingest, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_ingest_init(NULL, &options), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_ingest_feed(NULL, "", 0, 0), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_ingest_end(NULL, 0), ASM_ERR_INVALID_ARGUMENT);
    assert_false(asm_ingest_unknown(NULL, 0, NULL, NULL));
    asm_ingest_close(NULL);
    options.format = ASM_FORMAT_AUTO;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    assert_int_equal(asm_ingest_feed(&ingest, NULL, 0, 0), ASM_OK);
    assert_int_equal(asm_ingest_feed(&ingest, NULL, 1, 0), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_ingest_feed(&ingest, INIT, strlen(INIT), NOW), ASM_OK);
    assert_int_equal(asm_ingest_end(&ingest, NOW), ASM_OK);
    assert_int_equal(asm_ingest_end(&ingest, NOW), ASM_OK);
    assert_int_equal(ingest.counts.events, 2);
    assert_int_equal(ingest.counts.lines, 1);
    assert_int_equal(ingest.counts.bytes, strlen(INIT));
    asm_ingest_close(&ingest);
    asm_ingest_close(&ingest);
}

/* ==================================================================================================================
 * Mutations
 */

/* One run_started and one terminal event for each run, in turn: "(" and ")" in the order they came. */
static void expect_balanced(const recorder *record, asm_str stream) {
    bool open = false;
    for (const char *p = record->brief.data, *end; p && p < record->brief.data + record->brief.size;
         p = end + 1) {
        end = (const char *)memchr(p, '\n', (size_t)(record->brief.data + record->brief.size - p));
        if (strncmp(p, "{\"type\":\"run_started\"", 21) == 0) {
            expect(!open, "%s", shown(stream));
            open = true;
        } else if (strncmp(p, "{\"type\":\"run_", 13) == 0) {
            expect(open, "%s", shown(stream));
            open = false;
        }
    }
    expect(!open, "%s", shown(stream));
}

static void mutated_streams_do_no_harm(void **state) {
    uint64_t random = 20260318;
    char *bytes = (char *)malloc(1 << 16);
    const char *rounds = getenv("ASM_FUZZ_ROUNDS");
    unsigned long count = rounds ? strtoul(rounds, NULL, 10) : 30000;
    asm_str files[COUNT(data_files)];
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++)
        files[i] = read_data_file(i);
    for (unsigned long round = 0; round < count; round++) {
        size_t file = (size_t)(next_random(&random) % COUNT(files)),
               lines = 1 + (size_t)(next_random(&random) % 6), size;
        const char *begin = files[file].data + next_random(&random) % files[file].size, *end;
        const char *limit = files[file].data + files[file].size;
        recorder record;
        asm_ingest_options options;
        asm_str stream;
        while (begin > files[file].data && begin[-1] != '\n')
            begin--;
        for (end = begin; end < limit && lines; end++)
            lines -= *end == '\n';
        size = (size_t)(end - begin);
        if (size > (1 << 15)) size = 1 << 15;
        memcpy(bytes, begin, size);
        stream = asm_str_make(bytes, mutate(bytes, size, 1 << 16, &random));
        memset(&options, 0, sizeof options);
        options.format = file < 2 || file == 3 ? ASM_FORMAT_CLAUDE
                         : file == 2           ? ASM_FORMAT_CODEX
                                               : ASM_FORMAT_ASM;
        if (round % 4 == 0) options.format = ASM_FORMAT_AUTO;
        take_with(&record, stream, 1 + (size_t)(next_random(&random) % 5000), options);
        if (options.format == ASM_FORMAT_CLAUDE || options.format == ASM_FORMAT_CODEX)
            expect_balanced(&record, stream);
        record_close(&record);
    }
    for (size_t i = 0; i < COUNT(files); i++)
        free_file(files[i]);
    free(bytes);
    end_of_cases();
}

/* ==================================================================================================================
 * Whole streams against a count of their own
 */

/* What a stream holds, counted from its lines, and what the events say. */
typedef struct census {
    size_t runs, ends, calls, results, text, received, lost;
    uint64_t text_hash; /* of the main agent's text, in order */
    int64_t input_tokens, output_tokens;
    double cost;
} census;

static uint64_t hash_on(uint64_t hash, asm_str text) {
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return hash;
}

static asm_str member(asm_str object, const char *name) {
    asm_str key = asm_str_from(name), value;
    return object.data && asm_json_find(object, &key, &value, 1, NULL) == ASM_OK ? value
                                                                                 : asm_str_make(NULL, 0);
}

static asm_str text_of(asm_str raw, asm_buffer *scratch) {
    asm_str text = {NULL, 0};
    if (raw.data) asm_json_to_string(raw, scratch, &text);
    return text;
}

static bool says(asm_str raw, const char *text) {
    asm_str value;
    return raw.data && asm_json_to_string(raw, NULL, &value) && asm_str_equal(value, asm_str_from(text));
}

static void count_number(asm_str raw, int64_t *total) {
    int64_t number;
    if (raw.data && asm_json_to_int64(raw, &number)) *total += number;
}

static void count_text(census *count, asm_str raw, bool main_agent) {
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    asm_str text = text_of(raw, &scratch);
    count->text += text.size;
    if (main_agent) count->text_hash = hash_on(count->text_hash, text);
    asm_buffer_close(&scratch);
}

/* The whole prompt, of all models if they are told: those are the process's so far. */
static void count_claude_usage(census *count, asm_str usage, asm_str models) {
    asm_json_reader reader;
    asm_str key, model;
    bool first = true;
    asm_json_reader_init(&reader, models.data ? models : ASM_STR("{}"), NULL);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &model)) {
        if (first) count->input_tokens = count->output_tokens = 0;
        first = false;
        count_number(member(model, "inputTokens"), &count->input_tokens);
        count_number(member(model, "cacheReadInputTokens"), &count->input_tokens);
        count_number(member(model, "cacheCreationInputTokens"), &count->input_tokens);
        count_number(member(model, "outputTokens"), &count->output_tokens);
    }
    if (!first) return;
    count_number(member(usage, "input_tokens"), &count->input_tokens);
    count_number(member(usage, "cache_read_input_tokens"), &count->input_tokens);
    count_number(member(usage, "cache_creation_input_tokens"), &count->input_tokens);
    count_number(member(usage, "output_tokens"), &count->output_tokens);
}

static void count_claude_line(census *count, asm_str line) {
    asm_str content = member(member(line, "message"), "content"), type = member(line, "type"), block;
    bool assistant = says(type, "assistant"),
         main_agent = asm_json_type_of(member(line, "parent_tool_use_id")) != ASM_JSON_STRING;
    asm_json_reader reader;
    count->runs += says(type, "system") && says(member(line, "subtype"), "init");
    if (says(type, "result")) {
        asm_str usage = member(line, "usage"), cost = member(line, "total_cost_usd");
        count->ends++;
        count_claude_usage(count, usage, member(line, "modelUsage"));
        if (cost.data) asm_json_to_double(cost, &count->cost);
    }
    if (!(assistant || says(type, "user")) || asm_json_type_of(content) != ASM_JSON_ARRAY) return;
    asm_json_reader_init(&reader, content, NULL);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &block)) {
        count->calls += assistant && says(member(block, "type"), "tool_use");
        count->results += says(member(block, "type"), "tool_result");
        if (assistant && says(member(block, "type"), "text"))
            count_text(count, member(block, "text"), main_agent);
    }
}

static void count_codex_line(census *count, asm_str line) {
    asm_str type = member(line, "type"), item = member(line, "item"), kind = member(item, "type");
    count->runs += says(type, "thread.started");
    if (says(type, "turn.completed") || says(type, "turn.failed")) {
        count->ends++;
        count_number(member(member(line, "usage"), "input_tokens"), &count->input_tokens);
        count_number(member(member(line, "usage"), "output_tokens"), &count->output_tokens);
    }
    if (!says(type, "item.completed")) return;
    if (says(kind, "agent_message")) {
        count_text(count, member(item, "text"), true);
    } else if (says(kind, "command_execution") || says(kind, "file_change") || says(kind, "mcp_tool_call")) {
        count->calls++;
        count->results++;
    }
}

static census count_lines(asm_str stream) {
    census count;
    bool codex = false;
    asm_buffer copy;
    memset(&count, 0, sizeof count);
    asm_buffer_init_growing(&copy);
    while (stream.size) {
        const char *end = (const char *)memchr(stream.data, '\n', stream.size);
        asm_str line = asm_str_make(stream.data, end ? (size_t)(end - stream.data) : stream.size);
        stream = asm_str_make(stream.data + line.size, stream.size - line.size);
        if (end) stream = asm_str_make(stream.data + 1, stream.size - 1);
        asm_buffer_clear(&copy);
        asm_buffer_append_utf8(&copy, line, NULL);
        line = asm_buffer_text(&copy);
        if (asm_json_check(line, NULL) != ASM_OK) {
            count.lost += line.size > 2;
            continue;
        }
        codex = codex || says(member(line, "type"), "thread.started");
        (codex ? count_codex_line : count_claude_line)(&count, line);
    }
    asm_buffer_close(&copy);
    return count;
}

typedef struct watcher {
    census count;
    bool open;
    size_t terminal, unmatched;
    asm_usage_payload last;
    asm_buffer calls; /* the ids of open calls, each in quotes */
    asm_ingest *ingest;
} watcher;

static size_t find_call(const watcher *watch, asm_str id) {
    for (size_t at = 0; at + id.size + 2 <= watch->calls.size; at++)
        if (watch->calls.data[at] == '"' && watch->calls.data[at + id.size + 1] == '"' &&
            memcmp(watch->calls.data + at + 1, id.data, id.size) == 0)
            return at;
    return SIZE_MAX;
}

static void watch_event(void *user, const asm_event *event) {
    watcher *watch = (watcher *)user;
    switch ((int)event->type) {
    case ASM_EVENT_RUN_STARTED:
        expect(!watch->open, "a run in a run");
        watch->open = true;
        watch->count.runs++;
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        expect(watch->open, "a second end");
        watch->open = false;
        watch->terminal++;
        watch->count.ends += !asm_str_equal(event->run.error_code, ASM_STR("stream_ended"));
        break;
    case ASM_EVENT_MESSAGE_STREAMED:
        if (event->message.thinking.value) break;
        watch->count.text += asm_event_text(event).size;
        if (!event->message.parent_tool_call_id.data)
            watch->count.text_hash = hash_on(watch->count.text_hash, asm_event_text(event));
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
        watch->count.received += event->message.content.size;
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        watch->count.calls++;
        expect(find_call(watch, event->tool.call_id) == SIZE_MAX, "a call that runs begins again");
        asm_buffer_append_byte(&watch->calls, '"');
        asm_buffer_append(&watch->calls, event->tool.call_id);
        asm_buffer_append_byte(&watch->calls, '"');
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED: {
        size_t at = find_call(watch, event->tool.call_id);
        watch->count.results++;
        if (at == SIZE_MAX) {
            watch->unmatched++;
            break;
        }
        expect(event->tool.name.size > 0 && event->tool.input.size > 0, "an end without name and input");
        watch->calls.size -= event->tool.call_id.size + 2;
        memmove(watch->calls.data + at, watch->calls.data + at + event->tool.call_id.size + 2,
                watch->calls.size - at);
        break;
    }
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        if (event->usage.cumulative.value) watch->last = event->usage;
        else expect(event->usage.message_id.size > 0 && !event->usage.cost_usd.is_set, "a usage of what?");
        break;
    default:
        break;
    }
}

/* A stream of a provider, checked against its own lines. */
static void check_stream(const char *path) {
    asm_str stream = read_file(path);
    census expected;
    watcher watch;
    asm_ingest ingest;
    asm_ingest_options options;
    recorder whole, cut;
    if (!stream.data) return;
    expected = count_lines(stream);
    memset(&options, 0, sizeof options);
    memset(&watch, 0, sizeof watch);
    asm_buffer_init_growing(&watch.calls);
    options.on_event = watch_event;
    options.user = &watch;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    assert_int_equal(asm_ingest_feed(&ingest, stream.data, stream.size, NOW), ASM_OK);
    assert_int_equal(asm_ingest_end(&ingest, NOW), ASM_OK);
    if (expected.runs) {
        expect(watch.count.runs == expected.runs && watch.terminal == expected.runs, "%s: %zu runs", path,
               watch.count.runs);
        expect(watch.count.ends == expected.ends, "%s: %zu ends", path, watch.count.ends);
        expect(watch.count.calls == expected.calls, "%s: %zu calls, not %zu", path, watch.count.calls,
               expected.calls);
        expect(watch.count.results == expected.results && watch.unmatched == 0, "%s: %zu results, not %zu",
               path, watch.count.results, expected.results);
        expect(watch.count.text == expected.text && watch.count.text_hash == expected.text_hash,
               "%s: %zu bytes of text, not %zu", path, watch.count.text, expected.text);
        expect(watch.count.received == expected.text, "%s: %zu bytes received, not %zu", path,
               watch.count.received, expected.text);
        expect(watch.last.input_tokens.value == expected.input_tokens &&
                   watch.last.output_tokens.value == expected.output_tokens,
               "%s: tokens", path);
        expect(watch.last.cost_usd.value == expected.cost, "%s: cost %g, not %g", path,
               watch.last.cost_usd.value, expected.cost);
        expect(ingest.counts.lost == expected.lost, "%s: %lu lines lost, not %zu", path,
               (unsigned long)ingest.counts.lost, expected.lost);
    } else {
        expect(ingest.counts.events == 0 && ingest.counts.unknown > 0 && ingest.counts.lost > 0,
               "%s: a format that is not known", path);
    }
    asm_buffer_close(&watch.calls);
    asm_ingest_close(&ingest);
    take(&whole, stream, SIZE_MAX / 4);
    take(&cut, stream, 997);
    expect(asm_str_equal(asm_buffer_text(&whole.events), asm_buffer_text(&cut.events)),
           "%s: cut it is another", path);
    record_close(&whole);
    record_close(&cut);
    free_file(stream);
}

static void example_streams_say_what_their_lines_say(void **state) {
    (void)state;
    for (size_t i = 0; i < 3; i++)
        check_stream(data_files[i]);
    end_of_cases();
}

/* The same for all *.jsonl in the directory that ASM_STREAMS names. */
static void recorded_streams_say_what_their_lines_say(void **state) {
    const char *path = getenv("ASM_STREAMS");
    DIR *directory = path ? opendir(path) : NULL;
    struct dirent *entry;
    (void)state;
    if (!directory) skip();
    while ((entry = readdir(directory)) != NULL) {
        char file[1024];
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 6, ".jsonl") != 0) continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        check_stream(file);
    }
    closedir(directory);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claude_text_comes_once_streamed_and_once_whole),
        cmocka_unit_test(claude_thinking_is_marked_and_no_part_of_the_message),
        cmocka_unit_test(claude_partial_messages_are_not_given_twice),
        cmocka_unit_test(claude_partial_messages_with_pieces_missing),
        cmocka_unit_test(claude_tool_input_in_pieces),
        cmocka_unit_test(claude_tools_end_by_id),
        cmocka_unit_test(claude_sub_agents_are_kept_apart),
        cmocka_unit_test(claude_runs_end_once_and_for_the_right_reason),
        cmocka_unit_test(claude_several_runs_in_a_stream),
        cmocka_unit_test(claude_tokens_come_once_per_message),
        cmocka_unit_test(claude_notices_and_unknown_lines),
        cmocka_unit_test(claude_heartbeats_are_only_counted),
        cmocka_unit_test(any_member_may_be_missing_or_of_another_type),
        cmocka_unit_test(deeply_nested_lines_give_events_that_write),
        cmocka_unit_test(codex_messages_and_tools),
        cmocka_unit_test(codex_runs),
        cmocka_unit_test(provider_events_carry_ids_times_and_numbers),
        cmocka_unit_test(ids_of_the_options_fill_in),
        cmocka_unit_test(a_turn_ends_with_its_last_line),
        cmocka_unit_test(what_is_said_to_an_agent_at_work_is_no_turn),
        cmocka_unit_test(formats_have_names_and_are_detected),
        cmocka_unit_test(a_format_may_be_found_late_or_never),
        cmocka_unit_test(the_fault_told_is_the_same_in_pieces),
        cmocka_unit_test(a_given_format_is_taken),
        cmocka_unit_test(asm_streams_pass_unchanged),
        cmocka_unit_test(damaged_lines_are_told_and_the_rest_goes_on),
        cmocka_unit_test(nul_bytes_are_told_and_left_out),
        cmocka_unit_test(lines_glued_together_are_taken),
        cmocka_unit_test(glued_lines_cost_no_more_than_their_length),
        cmocka_unit_test(long_lines_are_skipped_if_asked),
        cmocka_unit_test(unknown_types_are_counted_by_name),
        cmocka_unit_test(however_a_stream_is_cut_the_events_are_the_same),
        cmocka_unit_test(long_lines_take_little_more_than_their_length),
        cmocka_unit_test(long_texts_are_what_they_were),
        cmocka_unit_test(a_long_message_gives_its_memory_back),
        cmocka_unit_test(open_tool_calls_are_limited),
        cmocka_unit_test(large_inputs_of_open_tool_calls_are_limited),
        cmocka_unit_test(many_sub_agents_at_the_same_time),
        cmocka_unit_test(ten_thousand_sub_agents_at_once),
        cmocka_unit_test(an_endless_stream_takes_bounded_memory),
        cmocka_unit_test(nothing_is_allocated_once_buffers_have_grown),
        cmocka_unit_test(out_of_memory_anywhere_loses_only_what_is_told),
        cmocka_unit_test(without_memory_at_all_nothing_breaks),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(mutated_streams_do_no_harm),
        cmocka_unit_test(example_streams_say_what_their_lines_say),
        cmocka_unit_test(recorded_streams_say_what_their_lines_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
