#include "bench.h"

#include <cjson/cJSON.h>
#include <string.h>

static char out[BENCH_ESCAPED_SIZE];

/* ---- Writing: a tree whose texts stay where they are, then its JSON ---- */

static cJSON *attach(cJSON *object, const char *key, cJSON *value) {
    cJSON_AddItemToObjectCS(object, key, value);
    return value;
}

static corpus_text time_text;

#define BUILD_TIME(key, time, ts) time_text = corpus_time_text(time), BUILD_TEXT(key, time_text)
#define BUILD_KIND(key, kind)     BUILD_TEXT(key, corpus_kind_names[kind])
#define BUILD_TEXT(key, text)     attach(nodes[depth], key, cJSON_CreateStringReference((text).data))
#define BUILD_NUMBER(key, value)  attach(nodes[depth], key, cJSON_CreateNumber((double)(value)))
#define BUILD_FLAG(key, value)    attach(nodes[depth], key, cJSON_CreateBool(value))
#define BUILD_BEGIN(key)          depth++, nodes[depth] = attach(nodes[depth - 1], key, cJSON_CreateObject())
#define BUILD_END()               depth--

static cJSON *build(const corpus_event *event) {
    cJSON *nodes[4] = {cJSON_CreateObject()};
    int depth = 0;
    CORPUS_EVENT(BUILD, event);
    return nodes[0];
}

static corpus_text print_preallocated(cJSON *tree) {
    corpus_text text = {out, 0};
    if (cJSON_PrintPreallocated(tree, out, (int)sizeof out, false)) text.size = strlen(out);
    cJSON_Delete(tree);
    return text;
}

static corpus_text write_preallocated(const corpus_event *event) {
    return print_preallocated(build(event));
}

static corpus_text write_unformatted(const corpus_event *event) {
    static char *text;
    cJSON_free(text);
    cJSON *tree = build(event);
    text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    return (corpus_text){text, strlen(text)};
}

static corpus_text escape(corpus_text text) {
    return print_preallocated(cJSON_CreateStringReference(text.data));
}

/* ---- Reading: a tree, searched by key ---- */

static const cJSON *find(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static corpus_text text_of(const cJSON *item) {
    const char *text = cJSON_GetStringValue(item);
    return (corpus_text){text, text == NULL ? 0 : strlen(text)};
}

static corpus_kind kind_of(corpus_text name) {
    return corpus_kind_from_name(name.data, name.size);
}

#define FIND_TIME(key, time, ts) (ts) = text_of(find(nodes[depth], key)), (time) = corpus_time_parse(ts)
#define FIND_KIND(key, kind)     (kind) = kind_of(text_of(find(nodes[depth], key)))
#define FIND_TEXT(key, text)     (text) = text_of(find(nodes[depth], key))
#define FIND_NUMBER(key, value)  (value) = (int64_t)cJSON_GetNumberValue(find(nodes[depth], key))
#define FIND_FLAG(key, value)    (value) = cJSON_IsTrue(find(nodes[depth], key))
#define FIND_BEGIN(key)          nodes[depth + 1] = find(nodes[depth], key), depth++
#define FIND_END()               depth--

static uint64_t read_line(corpus_text line, corpus_event *event, corpus_digest *digest) {
    cJSON *tree = cJSON_ParseWithLength(line.data, line.size);
    if (tree == NULL) return 0;
    const cJSON *nodes[4] = {tree};
    int depth = 0;
    CORPUS_EVENT(FIND, event);
    uint64_t sum = digest(event);
    cJSON_Delete(tree);
    return sum;
}

static const bench_row rows[] = {
    {.name = "cJSON PrintPreallocated", .write = write_preallocated},
    {.name = "cJSON PrintUnformatted", .write = write_unformatted},
    {.name = "cJSON", .read = read_line},
    {.name = "cJSON", .escape = escape},
};

#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number
const bench_library bench_exported = {
    "cJSON", TEXT(CJSON_VERSION_MAJOR) "." TEXT(CJSON_VERSION_MINOR) "." TEXT(CJSON_VERSION_PATCH), rows,
    sizeof rows / sizeof rows[0], NULL};
