#include "bench.h"

#include <string.h>
#include <yyjson.h>

/* One block for all documents, so that nothing is allocated for an event. */
static char pool[16 * BENCH_LINE_SIZE], out[BENCH_ESCAPED_SIZE];
static yyjson_alc allocator;

/* ---- Writing: a document whose texts stay where they are, then its JSON ---- */

static corpus_text time_text;

#define BUILD_TIME(key, time, ts) time_text = corpus_time_text(time), BUILD_TEXT(key, time_text)
#define BUILD_KIND(key, kind)     BUILD_TEXT(key, corpus_kind_names[kind])
#define BUILD_TEXT(key, text)     yyjson_mut_obj_add_strn(document, nodes[depth], key, (text).data, (text).size)
#define BUILD_NUMBER(key, value)  yyjson_mut_obj_add_sint(document, nodes[depth], key, value)
#define BUILD_FLAG(key, value)    yyjson_mut_obj_add_bool(document, nodes[depth], key, value)
#define BUILD_BEGIN(key)          depth++, nodes[depth] = yyjson_mut_obj_add_obj(document, nodes[depth - 1], key)
#define BUILD_END()               depth--

static yyjson_mut_doc *new_document(void) {
    yyjson_alc_pool_init(&allocator, pool, sizeof pool);
    return yyjson_mut_doc_new(&allocator);
}

static void build(yyjson_mut_doc *document, const corpus_event *event) {
    yyjson_mut_val *nodes[4] = {yyjson_mut_obj(document)};
    int depth = 0;
    yyjson_mut_doc_set_root(document, nodes[0]);
    CORPUS_EVENT(BUILD, event);
}

static corpus_text print_document(yyjson_mut_doc *document) {
    size_t size = yyjson_mut_write_buf(out, sizeof out, document, YYJSON_WRITE_NOFLAG, NULL);
    return (corpus_text){out, size};
}

static corpus_text write_line(const corpus_event *event) {
    yyjson_mut_doc *document = new_document();
    build(document, event);
    return print_document(document);
}

static corpus_text escape(corpus_text text) {
    yyjson_mut_doc *document = new_document();
    yyjson_mut_doc_set_root(document, yyjson_mut_strn(document, text.data, text.size));
    return print_document(document);
}

/* ---- Reading: a document, whose members are looked for from where the last one stood ---- */

static corpus_text text_of(yyjson_val *value) {
    return (corpus_text){yyjson_get_str(value), yyjson_get_len(value)};
}

#define FIND(key)                yyjson_obj_iter_getn(&nodes[depth], key, sizeof(key) - 1)
#define FIND_TIME(key, time, ts) (ts) = text_of(FIND(key)), (time) = corpus_time_parse(ts)
#define FIND_KIND(key, kind)     name = text_of(FIND(key)), (kind) = corpus_kind_from_name(name.data, name.size)
#define FIND_TEXT(key, text)     (text) = text_of(FIND(key))
#define FIND_NUMBER(key, value)  (value) = yyjson_get_sint(FIND(key))
#define FIND_FLAG(key, value)    (value) = yyjson_get_bool(FIND(key))
#define FIND_BEGIN(key)                                                                                      \
    depth++,                                                                                                 \
        nodes[depth] = yyjson_obj_iter_with(yyjson_obj_iter_getn(&nodes[depth - 1], key, sizeof(key) - 1))
#define FIND_END() depth--

static uint64_t take(yyjson_doc *document, corpus_event *event, corpus_digest *digest) {
    yyjson_obj_iter nodes[4];
    int depth = 0;
    corpus_text name;
    if (document == NULL) return 0;
    nodes[0] = yyjson_obj_iter_with(yyjson_doc_get_root(document));
    CORPUS_EVENT(FIND, event);
    return digest(event);
}

static uint64_t read_in_place(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static char copy[BENCH_LINE_SIZE + YYJSON_PADDING_SIZE];
    memcpy(copy, line.data, line.size);
    memset(copy + line.size, 0, YYJSON_PADDING_SIZE);
    yyjson_alc_pool_init(&allocator, pool, sizeof pool);
    return take(yyjson_read_opts(copy, line.size, YYJSON_READ_INSITU, &allocator, NULL), event, digest);
}

static uint64_t read_copied(corpus_text line, corpus_event *event, corpus_digest *digest) {
    char *text = (char *)(uintptr_t)line.data; /* only changed when it is told to read in place */
    yyjson_alc_pool_init(&allocator, pool, sizeof pool);
    return take(yyjson_read_opts(text, line.size, YYJSON_READ_NOFLAG, &allocator, NULL), event, digest);
}

static const bench_row rows[] = {
    {.name = "yyjson pool, mut_write_buf", .write = write_line},
    {.name = "yyjson copied and in place", .read = read_in_place},
    {.name = "yyjson", .read = read_copied},
    {.name = "yyjson", .escape = escape},
};

const bench_library bench_exported = {"yyjson", YYJSON_VERSION_STRING, rows, sizeof rows / sizeof rows[0],
                                      NULL};
