/* Streams of every format: cut anywhere they give the same events and diagnostics, every run begins and ends once, all
 * events can be written and read again, and memory that runs out does no harm. An input: a line with the name of the
 * format or "auto", a byte for the sizes of the pieces, one for the allocation that fails, then the stream; or the stream
 * alone. FORMAT=name in the environment: that one, whatever the line says. */
#include "fuzz.h"

#include "asm_ingest.h"

/* What came out, as text: two streams did the same if it is equal. */
typedef struct record {
    const asm_ingest *ingest;
    asm_buffer text;
    asm_buffer line;
    bool run_open;
    bool is_balanced;
} record;

static void on_event(void *user, const asm_event *event) {
    record *out = (record *)user;
    asm_event again;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    asm_buffer_clear(&out->line);
    const asm_result result = asm_event_write_json(event, &out->line);
    if (allocation_fails_from == 0) {
        expect(result == ASM_OK, "event type %d: %s", (int)event->type, asm_result_string(result));
        expect(asm_event_read_json(&again, asm_buffer_text(&out->line), &scratch, NULL) == ASM_OK, "%s",
               shown(asm_buffer_text(&out->line)));
    }
    asm_buffer_close(&scratch);
    asm_buffer_append(&out->text, asm_buffer_text(&out->line));
    asm_buffer_append_byte(&out->text, '\n');
    const bool is_end = event->type == ASM_EVENT_RUN_COMPLETED || event->type == ASM_EVENT_RUN_FAILED ||
                        event->type == ASM_EVENT_RUN_CANCELLED || event->type == ASM_EVENT_RUN_TIMEOUT;
    if (event->type == ASM_EVENT_RUN_STARTED || is_end) {
        out->is_balanced = out->is_balanced && out->run_open == is_end;
        out->run_open = !is_end;
    }
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    record *out = (record *)user;
    char text[256];
    int size =
        snprintf(text, sizeof text, "%d line %llu\n", diagnostic->lost, (unsigned long long)diagnostic->line);
    asm_buffer_append(&out->text, asm_str_make(text, (size_t)size));
    size = snprintf(text, sizeof text, "%d %s %llu %llu\n", diagnostic->result, diagnostic->message,
                    (unsigned long long)diagnostic->column, (unsigned long long)diagnostic->offset);
    asm_buffer_append(&out->text, asm_str_make(text, (size_t)size));
}

static void append_counts(record *out) {
    char text[256];
    const asm_ingest_counts *counts = &out->ingest->counts;
    const int size = snprintf(text, sizeof text,
                              "format %d, %llu bytes %llu lines %llu events %llu %llu unknown %llu %llu\n",
                              (int)out->ingest->format, (unsigned long long)counts->bytes,
                              (unsigned long long)counts->lines, (unsigned long long)counts->events,
                              (unsigned long long)counts->diagnostics, (unsigned long long)counts->lost,
                              (unsigned long long)counts->unknown, (unsigned long long)counts->heartbeats);
    asm_buffer_append(&out->text, asm_str_make(text, (size_t)size));
}

/* Feeds the stream in pieces of up to `longest` bytes, or whole for 0. */
static asm_result take(record *out, asm_format format, asm_str stream, size_t longest) {
    asm_ingest ingest;
    asm_ingest_options options;
    uint64_t random = longest;
    memset(&options, 0, sizeof options);
    options.format = format;
    options.on_event = on_event;
    options.on_diagnostic = on_diagnostic;
    options.user = out;
    asm_buffer_init_growing(&out->text);
    asm_buffer_init_growing(&out->line);
    out->ingest = &ingest;
    out->run_open = false;
    out->is_balanced = true;
    asm_ingest_init(&ingest, &options);
    while (stream.size != 0) {
        size_t piece = longest ? 1 + (size_t)(next_random(&random) % longest) : stream.size;
        if (piece > stream.size) piece = stream.size;
        char *block = exact_copy(stream.data, piece);
        asm_ingest_feed(&ingest, block, piece, 1);
        free_block(block, piece);
        stream = asm_str_make(stream.data + piece, stream.size - piece);
    }
    asm_ingest_end(&ingest, 2);
    append_counts(out);
    const asm_result result = ingest.result;
    asm_ingest_close(&ingest);
    return result;
}

static void end_record(record *out) {
    asm_buffer_close(&out->text);
    asm_buffer_close(&out->line);
}

static asm_format format_of(asm_str name) {
    const asm_format format = asm_format_from_name(name);
    return asm_format_is_read(format) ? format : ASM_FORMAT_AUTO;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const fuzz_input all = fuzz_begin(data, size < 16384 ? size : 16384);
    fuzz_input input = all;
    const asm_str name = fuzz_text(&input, '\n');
    const char *forced = getenv("FORMAT");
    unsigned piece = (unsigned)size % 256, failing = (unsigned)size / 8;
    if (asm_format_from_name(name) != ASM_FORMAT_COUNT) {
        piece = fuzz_byte(&input);
        failing = fuzz_byte(&input);
    } else {
        input = all;
    }
    const asm_format format = format_of(forced ? asm_str_from(forced) : name);
    const asm_str stream = asm_str_make(input.left ? input.at : "", input.left);
    record whole, pieces, starved;
    const asm_result result = take(&whole, format, stream, 0);
    expect(result == ASM_OK, "%s", asm_result_string(result));
    expect(take(&pieces, format, stream, 1u + piece) == ASM_OK, "in pieces");
    expect_text(asm_buffer_text(&pieces.text), asm_buffer_text(&whole.text));
    if (format != ASM_FORMAT_AUTO && format != ASM_FORMAT_ASM)
        expect(whole.is_balanced && !whole.run_open, "%s", shown(asm_buffer_text(&whole.text)));
    end_record(&whole);
    end_record(&pieces);

    fail_allocations_from(failing % 64 + 1u);
    take(&starved, format, stream, 1u + piece);
    end_record(&starved);
    fail_allocations_from(0);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
