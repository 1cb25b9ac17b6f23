/* What a library brings to the benchmark: functions that do the same work as everybody else's. */
#ifndef BENCH_H
#define BENCH_H

#include "corpus.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_LINE_SIZE    ((size_t)1024 * 1024)   /* no line of the corpus is longer */
#define BENCH_STRING_SIZE  ((size_t)1024 * 1024)   /* of the strings to be escaped */
#define BENCH_ESCAPED_SIZE (7 * BENCH_STRING_SIZE) /* room for one of them, whatever is in it */

/* The event as a line of JSON; the text is valid until the next call. */
typedef corpus_text bench_write(const corpus_event *event);

/* Sets the members of `event` from a line of JSON and returns digest(event); 0 if the line cannot be read.
 * The line has to stay as it is: what parses in place works on a copy. CORPUS_PADDING bytes after it may be read. */
typedef uint64_t bench_read(corpus_text line, corpus_event *event, corpus_digest *digest);

/* `text` as a JSON string; valid until the next call. */
typedef corpus_text bench_escape(corpus_text text);

/* Whether `text` is UTF-8. The byte past its end may be read. */
typedef bool bench_check(corpus_text text);

typedef struct bench_row {
    const char *name;
    bench_write *write; /* one of the four, the others NULL */
    bench_read *read;
    bench_escape *escape;
    bench_check *check;
    bool not_checked; /* does less than the others: its output is not compared */
    bool in_order;    /* a reader that finds members in the order of CORPUS_EVENT() only */
} bench_row;

typedef struct bench_library {
    const char *name, *version;
    const bench_row *rows;
    size_t row_count;
    const uint64_t *allocations; /* how often it has asked for memory so far; NULL if nobody counts */
} bench_library;

/* Every library is a shared object of its own that has this one name, because they do not go together in one
 * program: json-c and jansson both have a json_object_get(), for example. */
extern const bench_library bench_exported;

#ifdef __cplusplus
}
#endif
#endif
