#include "bench.h"

#include <jansson.h>

static char out[BENCH_ESCAPED_SIZE];

/* ---- Writing: a tree, then its JSON. _nocheck spares a second look at the UTF-8 ---- */

static corpus_text time_text;

#define BUILD_TIME(key, time, ts) time_text = corpus_time_text(time), BUILD_TEXT(key, time_text)
#define BUILD_KIND(key, kind)     BUILD_TEXT(key, corpus_kind_names[kind])
#define BUILD_TEXT(key, text)     attach(nodes[depth], key, json_stringn_nocheck((text).data, (text).size))
#define BUILD_NUMBER(key, value)  attach(nodes[depth], key, json_integer(value))
#define BUILD_FLAG(key, value)    attach(nodes[depth], key, json_boolean(value))
#define BUILD_BEGIN(key)          depth++, nodes[depth] = attach(nodes[depth - 1], key, json_object())
#define BUILD_END()               depth--

static json_t *attach(json_t *object, const char *key, json_t *value) {
    json_object_set_new_nocheck(object, key, value);
    return value;
}

static json_t *build(const corpus_event *event) {
    json_t *nodes[4] = {json_object()};
    int depth = 0;
    CORPUS_EVENT(BUILD, event);
    return nodes[0];
}

static corpus_text print(json_t *tree) {
    corpus_text text = {out, json_dumpb(tree, out, sizeof out, JSON_COMPACT | JSON_ENCODE_ANY)};
    json_decref(tree);
    return text;
}

static corpus_text write_line(const corpus_event *event) {
    return print(build(event));
}

static corpus_text escape(corpus_text text) {
    return print(json_stringn_nocheck(text.data, text.size));
}

/* ---- Reading: a tree, searched by key ---- */

static corpus_text text_of(const json_t *item) {
    return (corpus_text){json_string_value(item), json_string_length(item)};
}

static corpus_kind kind_of(corpus_text name) {
    return corpus_kind_from_name(name.data, name.size);
}

#define FIND_TIME(key, time, ts)                                                                             \
    (ts) = text_of(json_object_get(nodes[depth], key)), (time) = corpus_time_parse(ts)
#define FIND_KIND(key, kind)    (kind) = kind_of(text_of(json_object_get(nodes[depth], key)))
#define FIND_TEXT(key, text)    (text) = text_of(json_object_get(nodes[depth], key))
#define FIND_NUMBER(key, value) (value) = json_integer_value(json_object_get(nodes[depth], key))
#define FIND_FLAG(key, value)   (value) = json_is_true(json_object_get(nodes[depth], key))
#define FIND_BEGIN(key)         nodes[depth + 1] = json_object_get(nodes[depth], key), depth++
#define FIND_END()              depth--

static uint64_t read_line(corpus_text line, corpus_event *event, corpus_digest *digest) {
    json_t *tree = json_loadb(line.data, line.size, 0, NULL);
    if (tree == NULL) return 0;
    const json_t *nodes[4] = {tree};
    int depth = 0;
    CORPUS_EVENT(FIND, event);
    uint64_t sum = digest(event);
    json_decref(tree);
    return sum;
}

static const bench_row rows[] = {
    {.name = "jansson json_dumpb", .write = write_line},
    {.name = "jansson json_loadb", .read = read_line},
    {.name = "jansson", .escape = escape},
};

const bench_library bench_exported = {"jansson", JANSSON_VERSION, rows, sizeof rows / sizeof rows[0], NULL};
