#include "bench.h"

#include <json-c/json.h>

#define PRINT_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* ---- Writing: a tree, then its JSON, which lives as long as the tree ---- */

static corpus_text time_text;

#define BUILD_TIME(key, time, ts) time_text = corpus_time_text(time), BUILD_TEXT(key, time_text)
#define BUILD_KIND(key, kind)     BUILD_TEXT(key, corpus_kind_names[kind])
#define BUILD_TEXT(key, text)                                                                                \
    attach(nodes[depth], key, json_object_new_string_len((text).data, (int)(text).size))
#define BUILD_NUMBER(key, value) attach(nodes[depth], key, json_object_new_int64(value))
#define BUILD_FLAG(key, value)   attach(nodes[depth], key, json_object_new_boolean(value))
#define BUILD_BEGIN(key)         depth++, nodes[depth] = attach(nodes[depth - 1], key, json_object_new_object())
#define BUILD_END()              depth--

static json_object *attach(json_object *object, const char *key, json_object *value) {
    json_object_object_add_ex(object, key, value,
                              JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
    return value;
}

static json_object *build(const corpus_event *event) {
    json_object *nodes[4] = {json_object_new_object()};
    int depth = 0;
    CORPUS_EVENT(BUILD, event);
    return nodes[0];
}

static corpus_text print(json_object *tree) {
    static json_object *printed;
    json_object_put(printed);
    printed = tree;
    corpus_text text;
    text.data = json_object_to_json_string_length(tree, PRINT_FLAGS, &text.size);
    return text;
}

static corpus_text write_line(const corpus_event *event) {
    return print(build(event));
}

static corpus_text escape(corpus_text text) {
    return print(json_object_new_string_len(text.data, (int)text.size));
}

/* ---- Reading: a tree, searched by key; the parser is kept ---- */

static json_object *find(const json_object *object, const char *key) {
    return json_object_object_get(object, key);
}

static corpus_text text_of(json_object *item) {
    return (corpus_text){json_object_get_string(item), (size_t)json_object_get_string_len(item)};
}

static corpus_kind kind_of(corpus_text name) {
    return corpus_kind_from_name(name.data, name.size);
}

#define FIND_TIME(key, time, ts) (ts) = text_of(find(nodes[depth], key)), (time) = corpus_time_parse(ts)
#define FIND_KIND(key, kind)     (kind) = kind_of(text_of(find(nodes[depth], key)))
#define FIND_TEXT(key, text)     (text) = text_of(find(nodes[depth], key))
#define FIND_NUMBER(key, value)  (value) = json_object_get_int64(find(nodes[depth], key))
#define FIND_FLAG(key, value)    (value) = json_object_get_boolean(find(nodes[depth], key))
#define FIND_BEGIN(key)          nodes[depth + 1] = find(nodes[depth], key), depth++
#define FIND_END()               depth--

static uint64_t read_line(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static json_tokener *parser;
    if (parser == NULL) parser = json_tokener_new();
    json_object *tree = json_tokener_parse_ex(parser, line.data, (int)line.size);
    json_tokener_reset(parser);
    if (tree == NULL) return 0;
    const json_object *nodes[4] = {tree};
    int depth = 0;
    CORPUS_EVENT(FIND, event);
    uint64_t sum = digest(event);
    json_object_put(tree);
    return sum;
}

static const bench_row rows[] = {
    {.name = "json-c", .write = write_line},
    {.name = "json-c", .read = read_line},
    {.name = "json-c", .escape = escape},
};

const bench_library bench_exported = {"json-c", JSON_C_VERSION, rows, sizeof rows / sizeof rows[0], NULL};
