/* Streams from files, read by asm_ingest.h, and what comes of them.
 *
 *   tests/ingest/NAME.jsonl   (or .sse, .json) a small input, most with one fault, and in NAME.out what is right: its events, without times, ids and
 *                             numbers, and its diagnostics. `UPDATE=1 build/tests/test_ingest_streams` writes the .out files
 *                             again, to be read before they are believed.
 *   STREAMS=DIR               recordings of agents in the directories of DIR: each gives the figures that stand for the hash of
 *                             its content in tests/ingest/recordings.txt (`UPDATE=1` prints the lines that are missing).
 *   tests/ingest/pairs        one session each as its program prints it and as it keeps it on disk: the same texts, tools and
 *                             tokens come of both.
 * All of them give the same however they are cut. */
#include "support.h"

#include "asm_ingest.h"

#include <dirent.h>

#define NOW ((asm_time)1700000000000000)

typedef struct record {
    asm_buffer out;
    asm_buffer said; /* texts, tools and tokens alone */
    size_t runs, completed, failed, cancelled;
    size_t texts, text_bytes; /* whole messages of the agent */
    size_t tools_ok, tools_failed, retracted;
    bool run_open, is_balanced;
    asm_event last_total; /* numbers only */
    double cost;
    bool has_total;
    int64_t run_tokens[5]; /* sums over the runs */
    double run_cost;
    asm_ingest_counts counts;
    const asm_ingest *ingest;
    asm_format format; /* as the last event or diagnostic had it: it is forgotten at the end */
} record;

static void append_said(record *to, const char *what, asm_str name, asm_str text) {
    asm_buffer_append(&to->said, asm_str_from(what));
    asm_buffer_append(&to->said, name);
    asm_buffer_append_byte(&to->said, ' ');
    asm_buffer_append(&to->said, text);
    asm_buffer_append_byte(&to->said, '\n');
}

/* What a run has used, for formats that do not tell what the session has. */
static void add_run(record *to, const asm_event *event) {
    asm_usage_payload usage;
    if (!asm_usage_read(&usage, event->run.token_usage)) return;
    to->run_tokens[0] += usage.input_tokens.value;
    to->run_tokens[1] += usage.output_tokens.value;
    to->run_tokens[2] += usage.cache_read_tokens.value;
    to->run_tokens[3] += usage.cache_creation_tokens.value;
    to->run_tokens[4] += usage.reasoning_tokens.value;
    to->run_cost += event->run.cost_usd.value;
}

static void count(record *to, const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        to->is_balanced = to->is_balanced && !to->run_open;
        to->run_open = true;
        to->runs++;
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        add_run(to, event);
        to->is_balanced = to->is_balanced && to->run_open;
        to->run_open = false;
        to->completed += event->type == ASM_EVENT_RUN_COMPLETED;
        to->failed += event->type == ASM_EVENT_RUN_FAILED;
        to->cancelled += event->type == ASM_EVENT_RUN_CANCELLED;
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
        to->texts++;
        to->text_bytes += event->message.content.size;
        append_said(to, "says", asm_str_make(NULL, 0), event->message.content);
        break;
    case ASM_EVENT_MESSAGE_RETRACTED:
        to->retracted++;
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
        to->tools_ok++;
        append_said(to, "did ", event->tool.name, event->tool.output);
        break;
    case ASM_EVENT_TOOL_CALL_FAILED:
        to->tools_failed++;
        append_said(to, "failed ", event->tool.name, event->tool.output);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        if (event->usage.cumulative.value) {
            to->has_total = true;
            to->last_total.usage = event->usage;
            if (event->usage.cost_usd.is_set) to->cost = event->usage.cost_usd.value;
        }
        break;
    default:
        break;
    }
}

/* Every event must write, and read back as what it was. */
static void on_event(void *user, const asm_event *event) {
    record *to = (record *)user;
    asm_buffer line, again, scratch;
    asm_event bare = *event, copy;
    to->format = to->ingest->format;
    asm_buffer_init_growing(&line);
    asm_buffer_init_growing(&again);
    asm_buffer_init_growing(&scratch);
    expect(asm_event_write_json(event, &line) == ASM_OK, "event type %d cannot be written", (int)event->type);
    if (asm_event_read_json(&copy, asm_buffer_text(&line), &scratch, NULL) == ASM_OK)
        asm_event_write_json(&copy, &again);
    expect_text(asm_buffer_text(&again), asm_buffer_text(&line));
    bare.session_id = bare.provider = bare.metadata = asm_str_make(NULL, 0);
    bare.time = 0;
    bare.sequence_number = 0;
    asm_event_write_json(&bare, &to->out);
    asm_buffer_append_byte(&to->out, '\n');
    count(to, event);
    asm_buffer_close(&line);
    asm_buffer_close(&again);
    asm_buffer_close(&scratch);
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    record *to = (record *)user;
    char text[256];
    const int size = snprintf(text, sizeof text, "%llu:%llu %s: %s\n", (unsigned long long)diagnostic->line,
                              (unsigned long long)diagnostic->column, diagnostic->lost ? "lost" : "note",
                              diagnostic->message);
    to->format = to->ingest->format;
    asm_buffer_append(&to->out, asm_str_make(text, (size_t)size));
}

/* Feeds the stream in pieces of `longest` bytes; of random ones up to that, if `random` is set. */
static void take(record *to, asm_str stream, size_t longest, uint64_t random) {
    asm_ingest ingest;
    asm_ingest_options options;
    memset(to, 0, sizeof *to);
    to->is_balanced = true;
    to->ingest = &ingest;
    asm_buffer_init_growing(&to->out);
    asm_buffer_init_growing(&to->said);
    memset(&options, 0, sizeof options);
    options.on_event = on_event;
    options.on_diagnostic = on_diagnostic;
    options.user = to;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    while (stream.size) {
        size_t piece = random ? 1 + (size_t)(next_random(&random) % longest) : longest;
        if (piece > stream.size) piece = stream.size;
        char *block = exact_copy(stream.data, piece); /* nothing of it may be kept */
        asm_ingest_feed(&ingest, block, piece, NOW);
        free_block(block, piece);
        stream = asm_str_make(stream.data + piece, stream.size - piece);
    }
    asm_ingest_end(&ingest, NOW);
    to->counts = ingest.counts;
    asm_ingest_close(&ingest);
}

static void close_record(record *got) {
    asm_buffer_close(&got->out);
    asm_buffer_close(&got->said);
}

static bool read_file(const char *path, asm_buffer *out) {
    FILE *file = fopen(path, "rb");
    char block[65536];
    size_t size;
    asm_buffer_clear(out);
    if (!file) return false;
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        asm_buffer_append(out, asm_str_make(block, size));
    fclose(file);
    return true;
}

/* Whole, byte by byte, and cut at random: the same. The caller closes the record's buffer. */
static void take_in_all_ways(record *whole, asm_str stream, const char *name) {
    static const size_t pieces[][2] = {{1, 0}, {7, 0}, {4096, 1}, {300, 2}};
    take(whole, stream, stream.size + 1, 0);
    expect(whole->is_balanced && (!whole->run_open || whole->format == ASM_FORMAT_ASM),
           "%s: a run without its end", name);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        record cut;
        if (pieces[i][0] == 1 && stream.size > 300000) continue;
        take(&cut, stream, pieces[i][0], pieces[i][1]);
        expect(asm_str_equal(asm_buffer_text(&cut.out), asm_buffer_text(&whole->out)), "%s in pieces of %zu",
               name, pieces[i][0]);
        expect(memcmp(&cut.counts, &whole->counts, sizeof cut.counts) == 0, "%s in pieces of %zu: counts",
               name, pieces[i][0]);
        close_record(&cut);
    }
}

static void compare_with_file(record *got, const char *path) {
    asm_buffer expected;
    asm_buffer_init_growing(&expected);
    if (getenv("UPDATE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(got->out.data, 1, got->out.size, file);
        fclose(file);
    } else {
        expect(read_file(path, &expected), "%s is missing", path);
        const char *is = got->out.data, *should = expected.data;
        size_t line = 1, left = got->out.size < expected.size ? got->out.size : expected.size, begin = 0,
               at = 0;
        for (; at < left && is[at] == should[at]; at++)
            if (is[at] == '\n') line++, begin = at + 1;
        expect(at == got->out.size && at == expected.size, "%s:%zu\n    got      %s\n    expected %s", path,
               line, shown(asm_str_make(is + begin, got->out.size - begin)),
               shown(asm_str_make(should + begin, expected.size - begin)));
    }
    asm_buffer_close(&expected);
}

static bool has_end(const char *name, const char *end) {
    const size_t size = strlen(name), end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static void cases_give_what_is_right(void **state) {
    DIR *directory = opendir("tests/ingest");
    struct dirent *entry;
    size_t cases = 0;
    (void)state;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        char path[512];
        asm_buffer stream;
        record got;
        if (!has_end(entry->d_name, ".jsonl") && !has_end(entry->d_name, ".sse") &&
            !has_end(entry->d_name, ".json"))
            continue;
        asm_buffer_init_growing(&stream);
        snprintf(path, sizeof path, "tests/ingest/%s", entry->d_name);
        assert_true(read_file(path, &stream));
        take_in_all_ways(&got, asm_buffer_text(&stream), path);
        strcpy(strrchr(path, '.'), ".out");
        compare_with_file(&got, path);
        close_record(&got);
        asm_buffer_close(&stream);
        cases++;
    }
    closedir(directory);
    assert_true(cases >= 31);
    end_of_cases();
}

static void take_pair_member(record *got, const char *program, const char *form) {
    char path[128];
    asm_buffer stream;
    asm_buffer_init_growing(&stream);
    snprintf(path, sizeof path, "tests/ingest/pairs/%s.%s.jsonl", program, form);
    expect(read_file(path, &stream), "%s is missing", path);
    take_in_all_ways(got, asm_buffer_text(&stream), path);
    expect(got->runs == 1 && got->completed == 1, "%s: %zu runs, %zu completed", path, got->runs,
           got->completed);
    asm_buffer_close(&stream);
}

/* Tokens of the session, or of its runs. */
static int64_t tokens_of(const record *got, size_t which) {
    const asm_usage_payload *total = &got->last_total.usage;
    const int64_t totals[] = {total->input_tokens.value, total->output_tokens.value,
                              total->cache_read_tokens.value, total->cache_creation_tokens.value,
                              total->reasoning_tokens.value};
    return got->has_total ? totals[which] : got->run_tokens[which];
}

static void live_and_on_disk_a_session_is_the_same(void **state) {
    static const struct {
        const char *program;
        bool has_tokens; /* in both forms */
    } programs[] = {{"claude", true}, {"codex", true},    {"gemini", true}, {"qwen", true},   {"pi", true},
                    {"kimi", false},  {"opencode", true}, {"droid", false}, {"cursor", false}};
    (void)state;
    for (size_t i = 0; i < COUNT(programs); i++) {
        const char *program = programs[i].program;
        record live, disk;
        take_pair_member(&live, program, "live");
        take_pair_member(&disk, program, "disk");
        expect(live.format != disk.format, "%s: two forms", program);
        expect(live.texts > 0 && live.tools_ok > 0, "%s: %zu texts", program, live.texts);
        expect_text(asm_buffer_text(&disk.said), asm_buffer_text(&live.said));
        for (size_t j = 0; j < 5 && programs[i].has_tokens; j++)
            expect(tokens_of(&live, j) == tokens_of(&disk, j) && tokens_of(&live, 0) > 0,
                   "%s: tokens %zu: %lld and %lld", program, j, (long long)tokens_of(&live, j),
                   (long long)tokens_of(&disk, j));
        close_record(&live);
        close_record(&disk);
    }
    end_of_cases();
}

/* Copilot's file has the lines of its stream, but for pieces and the last. */
static void of_one_form_a_session_is_the_same(void **state) {
    record live, disk;
    (void)state;
    take_pair_member(&live, "copilot", "live");
    take_pair_member(&disk, "copilot", "disk");
    expect_text(asm_buffer_text(&disk.said), asm_buffer_text(&live.said));
    expect(tokens_of(&live, 1) == 12 && tokens_of(&disk, 1) == 12, "output tokens");
    close_record(&live);
    close_record(&disk);
    end_of_cases();
}

/* ==================================================================================================================
 * Recordings
 */

static uint64_t hash_of(asm_str text) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u;
    return hash;
}

static void append_number(asm_buffer *out, const char *name, asm_optional_int64 number) {
    char text[64];
    if (!number.is_set) return;
    const int size = snprintf(text, sizeof text, " %s %lld", name, (long long)number.value);
    asm_buffer_append(out, asm_str_make(text, (size_t)size));
}

/* The figures of a recording, in one line. */
static void summarize(const record *got, asm_buffer *out) {
    char text[512];
    const asm_usage_payload *usage = &got->last_total.usage;
    int size = snprintf(
        text, sizeof text,
        "%s runs %zu completed %zu failed %zu cancelled %zu texts %zu bytes %zu retracted %zu tools %zu "
        "failed %zu unknown %llu heartbeats %llu lost %llu",
        asm_format_name(got->format), got->runs, got->completed, got->failed, got->cancelled, got->texts,
        got->text_bytes, got->retracted, got->tools_ok, got->tools_failed,
        (unsigned long long)got->counts.unknown, (unsigned long long)got->counts.heartbeats,
        (unsigned long long)got->counts.lost);
    asm_buffer_append(out, asm_str_make(text, (size_t)size));
    append_number(out, "input", usage->input_tokens);
    append_number(out, "output", usage->output_tokens);
    append_number(out, "cache-read", usage->cache_read_tokens);
    append_number(out, "cache-creation", usage->cache_creation_tokens);
    append_number(out, "reasoning", usage->reasoning_tokens);
    if (got->cost > 0) {
        size = snprintf(text, sizeof text, " cost %.6f", got->cost);
        asm_buffer_append(out, asm_str_make(text, (size_t)size));
    }
    if (!got->has_total && got->run_tokens[0] + got->run_tokens[1] > 0) {
        size = snprintf(text, sizeof text, " of runs: %lld %lld %lld %lld %lld cost %.6f",
                        (long long)got->run_tokens[0], (long long)got->run_tokens[1],
                        (long long)got->run_tokens[2], (long long)got->run_tokens[3],
                        (long long)got->run_tokens[4], got->run_cost);
        asm_buffer_append(out, asm_str_make(text, (size_t)size));
    }
}

/* The line of the table that begins with the hash; absent if there is none. */
static asm_str find_row(asm_str table, const char *hash) {
    while (table.size) {
        const char *end = (const char *)memchr(table.data, '\n', table.size);
        const size_t size = end ? (size_t)(end - table.data) : table.size;
        if (size > 17 && memcmp(table.data, hash, 16) == 0) return asm_str_make(table.data + 17, size - 17);
        table = asm_str_make(table.data + size, table.size - size);
        if (end) table = asm_str_make(table.data + 1, table.size - 1);
    }
    return asm_str_make(NULL, 0);
}

static void check_recording(const char *path, asm_str table, size_t *known) {
    asm_buffer stream, line;
    record got;
    char hash[32];
    asm_buffer_init_growing(&stream);
    asm_buffer_init_growing(&line);
    if (!read_file(path, &stream)) return;
    take_in_all_ways(&got, asm_buffer_text(&stream), path);
    summarize(&got, &line);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)hash_of(asm_buffer_text(&stream)));
    const asm_str row = find_row(table, hash);
    if (row.data) expect_text(asm_buffer_text(&line), row);
    else if (getenv("UPDATE")) printf("%s %.*s\n", hash, (int)line.size, line.data);
    *known += row.data != NULL;
    close_record(&got);
    asm_buffer_close(&line);
    asm_buffer_close(&stream);
}

static void recordings_give_their_figures(void **state) {
    const char *path = getenv("STREAMS");
    DIR *directory = path ? opendir(path) : NULL;
    struct dirent *entry, *file;
    asm_buffer table;
    size_t known = 0, rows = 0;
    (void)state;
    if (!directory) {
        print_message("skipped: no recordings (STREAMS=DIR names their directory)\n");
        skip();
    }
    asm_buffer_init_growing(&table);
    assert_true(read_file("tests/ingest/recordings.txt", &table));
    for (size_t i = 0; i + 1 < table.size; i++)
        rows += table.data[i] == '\n' && table.data[i + 1] != '#';
    while ((entry = readdir(directory)) != NULL) {
        char name[1024];
        if (entry->d_name[0] == '.') continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        DIR *inner = opendir(name);
        while (inner && (file = readdir(inner)) != NULL) {
            snprintf(name, sizeof name, "%s/%s/%s", path, entry->d_name, file->d_name);
            if (file->d_name[0] != '.') check_recording(name, asm_buffer_text(&table), &known);
        }
        if (inner) closedir(inner);
    }
    closedir(directory);
    print_message("%zu of the %zu recordings in the table were there\n", known, rows);
    asm_buffer_close(&table);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_give_what_is_right), cmocka_unit_test(live_and_on_disk_a_session_is_the_same),
        cmocka_unit_test(of_one_form_a_session_is_the_same), cmocka_unit_test(recordings_give_their_figures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
