/* Nothing vanishes in asm_ingest.h: what a stream holds and no event has a place for is found again in some event's extra, or
 * a diagnostic tells of it. Each stream of tests/ingest, and of the directories in STREAMS=DIR if that is set,
 *   gets one more member in each of its objects, all at once: each value must be found again;
 *   is read once for each of its members, told apart by path and by the types on it, with a value of another type there.
 * What a stream tells twice is taken once: `repeats` lists the places where the second telling is passed over. */
#include "support.h"

#include "asm_ingest.h"

#include <dirent.h>

#define PATH_SIZE   192
#define MARKER_SIZE 8 /* zz123456 */

typedef struct place {
    size_t begin, end; /* of the value; of an object that gets a member: end is its closing brace */
    char path[PATH_SIZE];
    bool is_object; /* that gets a member */
    bool is_empty;
} place;

static place *places;
static size_t place_count, place_capacity;

static place *add_place(size_t begin, const char *path) {
    if (place_count == place_capacity) {
        place_capacity = place_capacity ? place_capacity * 2 : 1024;
        places = (place *)realloc(places, place_capacity * sizeof *places);
        assert_non_null(places);
    }
    memset(&places[place_count], 0, sizeof *places);
    places[place_count].begin = begin;
    snprintf(places[place_count].path, PATH_SIZE, "%s", path);
    return &places[place_count++];
}

/* What kind of object it is, as far as the members say that mostly tell: "<assistant>". */
static void append_kind(char *path, asm_str object) {
    static const asm_str keys[] = {TEXT("type"),  TEXT("subtype"),       TEXT("role"),
                                   TEXT("event"), TEXT("sessionUpdate"), TEXT("method")};
    asm_str values[COUNT(keys)];
    assert_int_equal(asm_json_find(object, keys, values, COUNT(keys), NULL), ASM_OK);
    for (size_t i = 0; i < COUNT(keys); i++)
        if (values[i].data && values[i].data[0] == '"' && strlen(path) + values[i].size + 2 < PATH_SIZE)
            sprintf(path + strlen(path), "<%.*s>", (int)values[i].size - 2, values[i].data + 1);
}

/* Notes the places of valid JSON, which stands in a text that begins at `base`. */
static void look_through(asm_str json, const char *base, const char *path) {
    asm_json_reader reader;
    asm_str key, value;
    char inner[PATH_SIZE], kind[PATH_SIZE];
    char memory[512];
    asm_buffer scratch;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, json, &scratch);
    if (json.data[0] == '[') {
        asm_json_enter_array(&reader);
        while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &value)) {
            snprintf(inner, sizeof inner, "%.150s[]", path);
            look_through(value, base, inner);
        }
    } else if (json.data[0] == '{') {
        size_t members = 0;
        snprintf(kind, sizeof kind, "%.150s", path);
        append_kind(kind, json);
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
            snprintf(inner, sizeof inner, "%.150s.%.*s", kind, key.size < 40 ? (int)key.size : 40, key.data);
            add_place((size_t)(value.data - base), inner)->end = (size_t)(value.data - base) + value.size;
            look_through(value, base, inner);
            members++;
            asm_buffer_clear(&scratch);
        }
        place *object = add_place((size_t)(json.data - base), kind);
        object->is_object = true;
        object->is_empty = members == 0;
        object->end = (size_t)(json.data - base) + json.size - 1;
    }
}

/* The objects of a stream: one document, or lines, with or without `data:` before them. */
static void look_through_stream(asm_str stream) {
    const char *at = stream.data, *end = stream.data + stream.size;
    place_count = 0;
    while (stream.size && asm_json_check(stream, NULL) == ASM_OK && *at != '{')
        at++;
    if (asm_json_check(stream, NULL) == ASM_OK) {
        while (end > at && end[-1] != '}')
            end--;
        look_through(asm_str_make(at, (size_t)(end - at)), stream.data, "");
        return;
    }
    while (at < end) {
        const char *line_end = (const char *)memchr(at, '\n', (size_t)(end - at));
        asm_str line = asm_str_make(at, (size_t)((line_end ? line_end : end) - at));
        at = line_end ? line_end + 1 : end;
        while (line.size && line.data[0] != '{' && line.data[0] != '"')
            line = asm_str_make(line.data + 1, line.size - 1);
        while (line.size && line.data[line.size - 1] != '}')
            line.size--;
        if (line.size && line.data[0] == '{' && asm_json_check(line, NULL) == ASM_OK)
            look_through(line, stream.data, "");
    }
}

/* ==================================================================================================================
 * What comes out
 */

typedef struct outcome {
    asm_buffer text; /* all events */
    uint64_t lost;
} outcome;

static void on_event(void *user, const asm_event *event) {
    outcome *to = (outcome *)user;
    expect(asm_event_write_json(event, &to->text) == ASM_OK, "event type %d", (int)event->type);
    asm_buffer_append_byte(&to->text, '\n');
}

static void take(outcome *to, asm_format format, asm_str stream) {
    asm_ingest ingest;
    asm_ingest_options options;
    memset(&options, 0, sizeof options);
    options.format = format;
    options.on_event = on_event;
    options.user = to;
    asm_buffer_clear(&to->text);
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, stream.data, stream.size, 1);
    asm_ingest_end(&ingest, 1);
    to->lost = ingest.counts.lost;
    asm_ingest_close(&ingest);
}

static asm_format format_of(asm_str stream) {
    asm_ingest ingest;
    asm_ingest_options options;
    outcome ignored;
    memset(&options, 0, sizeof options);
    asm_buffer_init_growing(&ignored.text);
    options.on_event = on_event;
    options.user = &ignored;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, stream.data, stream.size, 1);
    const asm_format format = ingest.format;
    asm_ingest_close(&ingest);
    asm_buffer_close(&ignored.text);
    return format;
}

/* Places that tell again what another place tells: FORMAT PART-OF-THE-PATH. */
static const char *const repeats[][2] = {
    /* each line of a message has its usage: the last is kept */
    {"claude", ".message<message><assistant>.usage"},
    {"claude", "<message_start>.message<assistant>.usage"},
    {"claude-transcript", ".message<message><assistant>.usage"},
    {"claude-transcript", ".message<assistant>.usage"},
    /* the arguments again, with the result */
    {"cursor", "<tool_call><completed>.tool_call"},
    {"pi", "<tool_execution_update>.args"},
    {"pi", "<tool_execution_end>.args"},
    /* all of a message so far, with each piece; all messages, at the end */
    {"pi", "<message_update>.message"},
    {"pi", ".partial"},
    {"pi", "<message_start>.message"},
    {"pi", "<toolcall_end>.toolCall"},
    {"pi", "<turn_end>"},
    {"pi", "<agent_end>.messages"},
    {"pi", "<message_end>.message<toolResult>"},
    /* an item as it begins: it comes whole when it is done */
    {"responses", "<response.output_item.added>.item"},
    /* a call again, with its result */
    {"gemini-chat", "<gemini>.toolCalls[].args"},
    {"opencode-server", "part<tool>.state.input"},
    /* times of requests, and tokens that the answers have */
    {"qwen-chat", "<ui_telemetry>."},
    /* numbers of requests may be texts */
    {"acp", ".id"},
    /* that the agent looks whether there is something new is counted */
    {"acp", "<terminal/output>.params"},
    {"acp", "<terminal/wait_for_exit>.params"},
    {"acp", "<terminal/release>.params"},
};

static bool is_repeat(asm_format format, const char *path) {
    for (size_t i = 0; i < COUNT(repeats); i++)
        if (strcmp(repeats[i][0], asm_format_name(format)) == 0 && strstr(path, repeats[i][1])) return true;
    return false;
}

static size_t looked_for, not_found;

static char reported[4096][PATH_SIZE];
static size_t reported_count;

static void report(const char *name, asm_format format, const char *what, const char *path) {
    char text[PATH_SIZE];
    snprintf(text, sizeof text, "%s %s %.150s", asm_format_name(format), what, path);
    for (size_t i = 0; i < reported_count; i++)
        if (strcmp(reported[i], text) == 0) return;
    if (reported_count < COUNT(reported)) strcpy(reported[reported_count++], text);
    not_found++;
    if (getenv("SHOW_LOST")) printf("LOST %s (%s)\n", text, name);
    else expect(false, "%s: %s is lost", name, text);
}

static void more_members(asm_str stream, asm_format format, const char *name) {
    outcome got;
    asm_buffer changed;
    size_t *order = (size_t *)calloc(place_count + 1, sizeof *order), count = 0, at = 0;
    bool *found = (bool *)calloc(place_count + 1, 1);
    asm_buffer_init_growing(&changed);
    asm_buffer_init_growing(&got.text);
    /* Inner objects come before outer ones, so their ends do too. */
    for (size_t i = 0; i < place_count; i++)
        if (places[i].is_object) order[count++] = i;
    for (size_t i = 0; i < count; i++) {
        char member[64];
        const place *object = &places[order[i]];
        const int size = snprintf(member, sizeof member, "%s\"zz%06zu\":\"zz%06zu\"",
                                  object->is_empty ? "" : ",", order[i], order[i]);
        asm_buffer_append(&changed, asm_str_make(stream.data + at, object->end - at));
        asm_buffer_append(&changed, asm_str_make(member, (size_t)size));
        at = object->end;
    }
    asm_buffer_append(&changed, asm_str_make(stream.data + at, stream.size - at));
    take(&got, format, asm_buffer_text(&changed));
    for (const char *z = got.text.data, *end = z + got.text.size; z && z + MARKER_SIZE < end; z++) {
        z = (const char *)memchr(z, 'z', (size_t)(end - z));
        if (!z) break;
        if (z[-1] == '"' && z[1] == 'z' && z[-2] == ':') found[strtoul(z + 2, NULL, 10)] = true;
        if (z[-1] == '"' && z[-2] == '\\' && z[1] == 'z') found[strtoul(z + 2, NULL, 10)] = true;
    }
    for (size_t i = 0; i < count; i++) {
        looked_for++;
        if (!found[order[i]] && !is_repeat(format, places[order[i]].path))
            report(name, format, "+", places[order[i]].path);
    }
    free(order);
    free(found);
    asm_buffer_close(&changed);
    asm_buffer_close(&got.text);
}

static bool seen_before(size_t index) {
    for (size_t i = index; i-- > 0;)
        if (!places[i].is_object && strcmp(places[i].path, places[index].path) == 0) return true;
    return false;
}

static void other_types(asm_str stream, asm_format format, const char *name) {
    outcome plain, got;
    asm_buffer changed;
    asm_buffer_init_growing(&changed);
    asm_buffer_init_growing(&plain.text);
    asm_buffer_init_growing(&got.text);
    take(&plain, format, stream);
    for (size_t i = 0; i < place_count; i++) {
        const place *member = &places[i];
        if (member->is_object || is_repeat(format, member->path) || seen_before(i)) continue;
        asm_buffer_clear(&changed);
        asm_buffer_append(&changed, asm_str_make(stream.data, member->begin));
        asm_buffer_append(&changed, strchr("\"n", stream.data[member->begin])
                                        ? asm_str_from("{\"zz\":\"zz000000\"}")
                                        : asm_str_from("\"zz000000\""));
        asm_buffer_append(&changed, asm_str_make(stream.data + member->end, stream.size - member->end));
        take(&got, format, asm_buffer_text(&changed));
        asm_buffer_append_byte(&got.text, 0);
        looked_for++;
        if (got.lost <= plain.lost && !strstr(got.text.data, "zz000000"))
            report(name, format, "~", member->path);
    }
    asm_buffer_close(&changed);
    asm_buffer_close(&plain.text);
    asm_buffer_close(&got.text);
}

/* Every stream of a directory. Returns how many there were. */
static size_t check_directory(const char *path) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    size_t count = 0;
    while (directory && (entry = readdir(directory)) != NULL) {
        char name[1024], block[65536];
        asm_buffer stream;
        size_t size;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        const bool is_stream = strstr(entry->d_name, ".json") || strstr(entry->d_name, ".sse");
        FILE *file = is_stream ? fopen(name, "rb") : NULL;
        if (!file) continue;
        asm_buffer_init_growing(&stream);
        while ((size = fread(block, 1, sizeof block, file)) > 0)
            asm_buffer_append(&stream, asm_str_make(block, size));
        fclose(file);
        const asm_str text = asm_buffer_text(&stream);
        const asm_format format = format_of(text);
        look_through_stream(text);
        if (format != ASM_FORMAT_AUTO && format != ASM_FORMAT_ASM && asm_format_is_read(format)) {
            more_members(text, format, name);
            other_types(text, format, name);
            count++;
        }
        asm_buffer_close(&stream);
    }
    if (directory) closedir(directory);
    return count;
}

static void nothing_is_lost(void **state) {
    (void)state;
    assert_true(check_directory("tests/ingest") > 25);
    assert_true(check_directory("tests/ingest/pairs") > 3);
    print_message("%zu values looked for\n", looked_for);
    end_of_cases();
}

static void nothing_is_lost_of_recordings(void **state) {
    const char *path = getenv("STREAMS");
    DIR *directory = path ? opendir(path) : NULL;
    struct dirent *entry;
    (void)state;
    if (!directory) {
        print_message("skipped: no recordings (STREAMS=DIR names their directory)\n");
        skip();
    }
    looked_for = 0;
    while ((entry = readdir(directory)) != NULL) {
        char name[1024];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.') check_directory(name);
    }
    closedir(directory);
    print_message("%zu values looked for\n", looked_for);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost),
                                       cmocka_unit_test(nothing_is_lost_of_recordings)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(places);
    return failed;
}
