/* asm_json.h - v0.1.0 - JSON, byte buffers, UTF-8 and time stamps, for C99 and C++11
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_json.h"
 *   In every other file just include it. ASM_IMPLEMENTATION builds every asm_*.h that the file includes;
 *   ASM_JSON_IMPLEMENTATION builds this one only. With ASM_STATIC defined instead, the implementation is
 *   built into the including file and all of it is static: for one-file programs, and for libraries that
 *   must not export our names.
 *
 * OPTIONS (macros, defined before the include; those marked * only in the file with the implementation)
 *   ASM_API                    what stands before each function; default: extern, or static with ASM_STATIC
 *   ASM_REALLOC, ASM_FREE   *  memory of growing buffers; define both; default: realloc and free
 *   ASM_NO_SIMD             *  portable code only; default: SSE2 or NEON where the compiler has it, and AVX-512
 *                              (with VBMI2) where the processor has it, too
 *   No option changes the layout of a struct.
 *
 * WHAT IS IN IT
 *   asm_result    0, or a negative error                  asm_str        a view of text: pointer and length
 *   asm_buffer    bytes: fixed, growing, stream           asm_utf8_...   check, decode, count, cut
 *   asm_time      Unix microseconds, ISO 8601             asm_double_... shortest text, rounding
 *   asm_json_...  writer and strict pull reader
 *
 * EXAMPLE
 *       char memory[256];
 *       asm_buffer line;
 *       asm_buffer_init_fixed(&line, memory, sizeof memory);
 *
 *       asm_json_writer writer;
 *       asm_json_writer_init(&writer, &line);
 *       asm_json_begin_object(&writer);
 *       asm_json_write_key(&writer, ASM_STR("path"));
 *       asm_json_write_string(&writer, ASM_STR("a.c"));
 *       asm_json_write_key(&writer, ASM_STR("size"));
 *       asm_json_write_int64(&writer, 1024);
 *       asm_json_end_object(&writer);
 *       if (asm_json_writer_finish(&writer) == ASM_OK)
 *           printf("%.*s\n", (int)line.size, line.data);          {"path":"a.c","size":1024}
 *
 *   Reading it again: see "JSON reader" below.
 *
 * MEMORY
 *   Only growing buffers allocate. Views point to memory that belongs to somebody else and must live as long
 *   as the view is used.
 *
 * ERRORS
 *   Functions return asm_result. Buffers, the JSON writer and the JSON reader keep their first error and do
 *   nothing from then on, so that a sequence of calls can be checked once at its end.
 *   A pointer that may be NULL is said to be so. NULL for any other is ASM_ERR_INVALID_ARGUMENT, or nothing, false, 0,
 *   an absent text where no result is returned. This and what follows hold for all asm_*.h headers.
 *
 * THREADS
 *   No globals, no locks: different objects may be used by different threads at the same time, one object
 *   by one thread at a time. Everything may be called from inside any callback of these headers, unless what is said of
 *   the callback forbids it.
 */
#ifndef ASM_JSON_H
#define ASM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Warnings that a project may ask for and that the style of these headers meets, from declarations after
 * statements to shadowed globals, are off between these two. Our own builds define ASM__WARNINGS_ON to see
 * them all. */
/* clang-format off */
#ifndef ASM__WARNINGS_OFF
#if defined(__clang__) && !defined(ASM__WARNINGS_ON)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything" /* C++ reserves the names of these macros */
#define ASM__WARNINGS_OFF  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Weverything\"")
#define ASM__WARNINGS_BACK _Pragma("clang diagnostic pop")
#pragma clang diagnostic pop
#elif defined(__GNUC__) && !defined(ASM__WARNINGS_ON)
#define ASM__PRAGMA(text) _Pragma(#text)
#define ASM__WARNINGS_OFF                                           \
    ASM__PRAGMA(GCC diagnostic push)                                \
    ASM__PRAGMA(GCC diagnostic ignored "-Wpragmas")                 \
    ASM__PRAGMA(GCC diagnostic ignored "-Waggregate-return")        \
    ASM__PRAGMA(GCC diagnostic ignored "-Wc90-c99-compat")          \
    ASM__PRAGMA(GCC diagnostic ignored "-Wdeclaration-after-statement")\
    ASM__PRAGMA(GCC diagnostic ignored "-Wfloat-equal")             \
    ASM__PRAGMA(GCC diagnostic ignored "-Wimplicit-fallthrough")    \
    ASM__PRAGMA(GCC diagnostic ignored "-Winline")                  \
    ASM__PRAGMA(GCC diagnostic ignored "-Wlogical-op")              \
    ASM__PRAGMA(GCC diagnostic ignored "-Wnull-dereference")        \
    ASM__PRAGMA(GCC diagnostic ignored "-Wold-style-cast")          \
    ASM__PRAGMA(GCC diagnostic ignored "-Wpadded")                  \
    ASM__PRAGMA(GCC diagnostic ignored "-Wredundant-decls")         \
    ASM__PRAGMA(GCC diagnostic ignored "-Wredundant-tags")          \
    ASM__PRAGMA(GCC diagnostic ignored "-Wshadow")                  \
    ASM__PRAGMA(GCC diagnostic ignored "-Wstrict-overflow")         \
    ASM__PRAGMA(GCC diagnostic ignored "-Wsuggest-attribute=const") \
    ASM__PRAGMA(GCC diagnostic ignored "-Wsuggest-attribute=pure")  \
    ASM__PRAGMA(GCC diagnostic ignored "-Wswitch-default")          \
    ASM__PRAGMA(GCC diagnostic ignored "-Wswitch-enum")             \
    ASM__PRAGMA(GCC diagnostic ignored "-Wunsuffixed-float-constants")\
    ASM__PRAGMA(GCC diagnostic ignored "-Wuseless-cast")
#define ASM__WARNINGS_BACK ASM__PRAGMA(GCC diagnostic pop)
#else
#define ASM__WARNINGS_OFF
#define ASM__WARNINGS_BACK
#endif
#endif
/* clang-format on */

ASM__WARNINGS_OFF

/* The version of this header, and of all that stand on it: numbers, and the text "0.1.0". See asm_version(). */
#define ASM_VERSION_MAJOR 0
#define ASM_VERSION_MINOR 1
#define ASM_VERSION_PATCH 0
#define ASM_VERSION       "0.1.0"

#ifndef ASM_API
#ifdef ASM_STATIC
#if defined(__GNUC__) || defined(__clang__)
#define ASM_API __attribute__((unused)) static
#else
#define ASM_API static
#endif
#else
#define ASM_API extern
#endif
#endif

/* Memory, where a header asks for it: the C library's unless told otherwise. */
#if !defined(ASM_REALLOC) && !defined(ASM_FREE)
#define ASM__LIBC_MEMORY           1
#define ASM_REALLOC(pointer, size) realloc(pointer, size)
#define ASM_FREE(pointer)          free(pointer)
#elif !defined(ASM_REALLOC) || !defined(ASM_FREE)
#error "define both ASM_REALLOC and ASM_FREE, or none"
#elif !defined(ASM__LIBC_MEMORY)
#define ASM__LIBC_MEMORY 0
#endif

/* Unnamed unions are C11; gcc and clang have them in C99 too, with this mark. */
#if defined(__GNUC__) || defined(__clang__)
#define ASM__EXTENSION __extension__
#else
#define ASM__EXTENSION
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* =========================================================================================================
 * Results
 */

/* Every result: constant, number, text. */
#define ASM_RESULTS(X)                                                                                       \
    X(ASM_OK, 0, "ok")                                                                                       \
    X(ASM_ERR_NO_MEMORY, -1, "out of memory")                                                                \
    X(ASM_ERR_NO_SPACE, -2, "the buffer is full")                                                            \
    X(ASM_ERR_INVALID_ARGUMENT, -3, "an argument is missing or out of its range")                            \
    X(ASM_ERR_SYNTAX, -4, "the text is not valid JSON")                                                      \
    X(ASM_ERR_TYPE, -5, "wrong JSON type")                                                                   \
    X(ASM_ERR_RANGE, -6, "a number or a time is out of range")                                               \
    X(ASM_ERR_DEPTH, -7, "nested too deeply")                                                                \
    X(ASM_ERR_UTF8, -8, "the text is not valid UTF-8")                                                       \
    X(ASM_ERR_MISUSE, -9, "a call that is not allowed at this point")                                        \
    X(ASM_ERR_OPEN, -10, "a file could not be opened")                                                       \
    X(ASM_ERR_WRITE, -11, "output could not be written")                                                     \
    X(ASM_ERR_CLOSED, -12, "output closed by its reader")                                                    \
    X(ASM_ERR_NOT_FOUND, -13, "not found")                                                                   \
    X(ASM_ERR_UNSUPPORTED, -14, "not built into this program")                                               \
    X(ASM_ERR_EXISTS, -15, "already exists")                                                                 \
    X(ASM_ERR_STATUS, -16, "not allowed in the current status")                                              \
    X(ASM_ERR_PATTERN, -17, "a topic with the segment * or **: patterns have functions of their own")        \
    X(ASM_ERR_LIMIT, -18, "more than the options allow")

/* What functions return: ASM_OK (0), or one of the negative errors of ASM_RESULTS. */
typedef enum asm_result {
#define ASM__X(name, value, text) name = value,
    ASM_RESULTS(ASM__X)
#undef ASM__X
} asm_result;

/* A constant text for `result`: the third column of ASM_RESULTS; "unknown result" for any other number. */
ASM_API const char *asm_result_string(asm_result result);

/* The version of the implementation that was linked: compare with ASM_VERSION to find a stale object file. */
ASM_API const char *asm_version(void);

/* =========================================================================================================
 * Text views
 */

/* A view of `size` bytes at `data`. Not terminated by NUL, and NUL may be among the bytes. Nobody owns
 * anything: the memory belongs to whoever made the view. data == NULL means absent; an empty text has a data
 * that is not NULL, and size 0. */
typedef struct asm_str {
    const char *data; /* NULL: absent */
    size_t size;      /* bytes */
} asm_str;

/* A view of a string literal: an expression, and an initialiser for static tables, where C99 has no room for the
 * expression:
 *       static const asm_str names[] = {ASM_STR_INIT("ts"), ASM_STR_INIT("type")}; */
#ifdef __cplusplus
#define ASM_STR(literal) (asm_str{"" literal, sizeof("" literal) - 1})
#else
#define ASM_STR(literal) ((asm_str){"" literal, sizeof("" literal) - 1})
#endif
#define ASM_STR_INIT(literal)                                                                                \
    { "" literal, sizeof("" literal) - 1 }

/* A view of a NUL-terminated string; absent if `text` is NULL. */
ASM_API asm_str asm_str_from(const char *text);

/* A view of `size` bytes at `data`. */
ASM_API asm_str asm_str_make(const char *data, size_t size);

/* Whether both hold the same bytes. An absent text equals an empty one. */
ASM_API bool asm_str_equal(asm_str a, asm_str b);

/* =========================================================================================================
 * UTF-8
 */

/* The offset of the first byte that does not belong to valid UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF), or text.size if there is none. */
ASM_API size_t asm_utf8_check(asm_str text);

/* The code point at `text.data[*at]`, and `*at` moved past it. For invalid UTF-8: U+FFFD, and `*at` moved
 * past the longest piece that could have begun a character (at least one byte), as Unicode recommends. `*at`
 * must be below text.size. */
ASM_API uint32_t asm_utf8_decode(asm_str text, size_t *at);

/* The first `count` code points of `text`; never cut inside one. Invalid bytes count as asm_utf8_decode()
 * takes them. */
ASM_API asm_str asm_utf8_prefix(asm_str text, size_t count);

/* The number of code points in `text`. Invalid bytes count as asm_utf8_decode() takes them. */
ASM_API size_t asm_utf8_count(asm_str text);

/* =========================================================================================================
 * Byte buffer
 *
 * fixed     over the caller's memory; what does not fit is ASM_ERR_NO_SPACE
 * growing   over memory from ASM_REALLOC; ASM_ERR_NO_MEMORY when there is none
 * stream    over the caller's memory, handed to a function when full: any size through a small buffer
 *
 * An append that fails adds nothing, and the first error stays in `result`: later calls return it and do
 * nothing.
 */

/* Takes bytes on their way out: all `size` (at least 1) of them, or returns an error. They are valid during
 * the call only. That of a stream buffer must not touch the buffer; the error it returns is the buffer's. */
typedef asm_result (*asm_write_function)(void *user, const char *data, size_t size);

/* A byte buffer of one of the three kinds: set it up with asm_buffer_init_fixed(), _growing() or _stream(). */
typedef struct asm_buffer {
    char *data;               /* read only: the bytes; may move when a growing buffer grows */
    size_t size;              /* read only: how many bytes are in it (stream: not yet handed on) */
    size_t capacity;          /* private: how many there is room for */
    asm_write_function write; /* private: NULL unless a stream buffer */
    void *user;               /* private: passed to write */
    asm_result result;        /* read only: the first error */
    bool growing;             /* private */
} asm_buffer;

/* Minimum capacity of a stream buffer. */
#define ASM_BUFFER_STREAM_MIN 64

/* A fixed buffer over `capacity` bytes at `memory`, which stay the caller's and must outlive the buffer.
 * `memory` may be NULL if `capacity` is 0. */
ASM_API void asm_buffer_init_fixed(asm_buffer *buffer, void *memory, size_t capacity);

/* A growing buffer, empty; allocates when something is added. End it with asm_buffer_close(). */
ASM_API void asm_buffer_init_growing(asm_buffer *buffer);

/* A stream buffer over `capacity` bytes at `memory`, which stay the caller's and must outlive the buffer.
 * What it holds is handed to write(user, …) when it is full, and by asm_buffer_flush(). Without memory or
 * a function, or with fewer than ASM_BUFFER_STREAM_MIN bytes, its result is ASM_ERR_INVALID_ARGUMENT. */
ASM_API void asm_buffer_init_stream(asm_buffer *buffer, void *memory, size_t capacity,
                                    asm_write_function write, void *user);

/* Makes room for `size` more bytes in one piece, so that appending up to that many cannot fail or move the
 * data. Growing buffers allocate, stream buffers may hand on what they hold. */
ASM_API asm_result asm_buffer_reserve(asm_buffer *buffer, size_t size);

/* Adds the bytes of `text`. `text` must not lie in the buffer itself. Returns the buffer's result. */
ASM_API asm_result asm_buffer_append(asm_buffer *buffer, asm_str text);

/* Adds one byte. Returns the buffer's result. */
ASM_API asm_result asm_buffer_append_byte(asm_buffer *buffer, char byte);

/* Adds `text` with every invalid UTF-8 sequence replaced by U+FFFD; `*replaced` is increased by how many.
 * `replaced` may be NULL. Returns the buffer's result. */
ASM_API asm_result asm_buffer_append_utf8(asm_buffer *buffer, asm_str text, size_t *replaced);

/* Hands on what a stream buffer holds; does nothing to the others. Returns the buffer's result. */
ASM_API asm_result asm_buffer_flush(asm_buffer *buffer);

/* Empties it and forgets its error; the memory is kept. */
ASM_API void asm_buffer_clear(asm_buffer *buffer);

/* Frees a growing buffer's memory; empties any. It may be initialised again. `buffer` may be NULL. */
ASM_API void asm_buffer_close(asm_buffer *buffer);

/* A view of what is in it, valid until the buffer is next changed. Never absent. */
ASM_API asm_str asm_buffer_text(const asm_buffer *buffer);

/* =========================================================================================================
 * Time
 */

/* Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted. 0 means not set. */
typedef int64_t asm_time;

/* How many digits of a second a written time has: 1 + the number of digits; or 0, which is three digits, and
 * six if the microseconds need them. */
enum {
    ASM_TIME_PRECISION_AUTO = 0,
    ASM_TIME_PRECISION_SECONDS = 1,
    ASM_TIME_PRECISION_MILLISECONDS = 4,
    ASM_TIME_PRECISION_MICROSECONDS = 7
};

#define ASM_TIME_TEXT_SIZE 27 /* of the longest: 2026-02-09T12:00:00.123456Z */

/* Writes `time` as ISO 8601 in UTC to `out`, not terminated by NUL, and returns the length; 0 if the year is
 * not within 0000 to 9999 or the precision not within 0 to 7. */
ASM_API size_t asm_time_format(asm_time time, int precision, char out[ASM_TIME_TEXT_SIZE]);

/* Reads an ISO 8601 / RFC 3339 date and time: `T`, `t` or a space between them, any number of digits of a
 * second (past the sixth they are dropped), `Z`, `z` or an offset with or without its colon. The second 60 is the
 * beginning of the next minute. `*precision` is the one that asm_time_format() writes the time with in the same
 * form; it may be NULL. ASM_ERR_SYNTAX for any other form, ASM_ERR_RANGE for a day or an hour that does not exist,
 * or a year out of 0000 to 9999 in UTC; both leave the outputs as they were. */
ASM_API asm_result asm_time_parse(asm_str text, asm_time *time, int *precision);

/* =========================================================================================================
 * JSON writer
 *
 * Writes compact JSON (RFC 8259) to a buffer. It puts the commas and colons, and refuses what would not be
 * JSON: a value where a key must stand, an end without a beginning, a second top-level value (all
 * ASM_ERR_MISUSE). Every function returns the writer's first error, or the buffer's. None allocates, but a
 * growing buffer may.
 */

#define ASM_JSON_MAX_DEPTH 64 /* levels of objects and arrays, writing and reading */

/* Writes one JSON value. Set up with asm_json_writer_init(); it owns nothing that has to be freed. */
typedef struct asm_json_writer {
    asm_buffer *out;   /* private */
    uint64_t objects;  /* private: a bit for each open level, set for an object; the innermost lowest */
    unsigned depth;    /* private */
    unsigned state;    /* private */
    asm_result result; /* read only: the first error */
    unsigned after;    /* private: the state after a value */
} asm_json_writer;

/* Starts writing one JSON value to `out`, which must outlive the writer. */
ASM_API void asm_json_writer_init(asm_json_writer *writer, asm_buffer *out);

/* Begins an object, as a value. ASM_ERR_DEPTH past ASM_JSON_MAX_DEPTH levels. */
ASM_API asm_result asm_json_begin_object(asm_json_writer *writer);

/* Ends the object that was begun last. ASM_ERR_MISUSE after a key without a value, or in an array. */
ASM_API asm_result asm_json_end_object(asm_json_writer *writer);

/* Begins an array, as a value. ASM_ERR_DEPTH past ASM_JSON_MAX_DEPTH levels. */
ASM_API asm_result asm_json_begin_array(asm_json_writer *writer);

/* Ends the array that was begun last. ASM_ERR_MISUSE in an object. */
ASM_API asm_result asm_json_end_array(asm_json_writer *writer);

/* The key of the next member, escaped as asm_json_write_string() does it. A key that was written already is
 * not noticed. */
ASM_API asm_result asm_json_write_key(asm_json_writer *writer, asm_str key);

/* A string value. Invalid UTF-8 becomes U+FFFD. Beyond what JSON asks for, DEL, U+0080 to U+009F, U+2028 and
 * U+2029 are escaped, so that a terminal or a line reader that is shown the output sees nothing special.
 * Absent is null. */
ASM_API asm_result asm_json_write_string(asm_json_writer *writer, asm_str text);

/* An integer, with all its digits. */
ASM_API asm_result asm_json_write_int64(asm_json_writer *writer, int64_t value);

/* An integer without a sign, with all its digits. */
ASM_API asm_result asm_json_write_uint64(asm_json_writer *writer, uint64_t value);

/* The shortest decimal that reads back as the same double, whatever the locale and the processor's rounding
 * mode; NaN and infinities are null. */
ASM_API asm_result asm_json_write_double(asm_json_writer *writer, double value);

/* true or false. */
ASM_API asm_result asm_json_write_bool(asm_json_writer *writer, bool value);

/* null. */
ASM_API asm_result asm_json_write_null(asm_json_writer *writer);

/* One JSON value that is text already. It is checked (the errors are those of the reader) and written without
 * the white space between its tokens; nothing of it is written if it is not valid. */
ASM_API asm_result asm_json_write_raw(asm_json_writer *writer, asm_str json);

/* Makes the writer fail with `result`, unless that is ASM_OK or it has failed already: for what goes wrong
 * while getting what is to be written. Returns the first error. */
ASM_API asm_result asm_json_writer_fail(asm_json_writer *writer, asm_result result);

/* ASM_OK if exactly one value was written, whole; else the first error. */
ASM_API asm_result asm_json_writer_finish(asm_json_writer *writer);

/* Appends the shortest decimal that reads back as `value`, as asm_json_write_double() writes it. */
ASM_API asm_result asm_double_format(asm_buffer *out, double value);

/* `value`, as exactly as it is, rounded half away from zero to `decimals` (0 to 15) digits after the point;
 * `value` itself for other numbers of decimals. */
ASM_API double asm_double_round(double value, int decimals);

/* =========================================================================================================
 * JSON reader
 *
 * A strict pull reader (RFC 8259, UTF-8 checked, one pass, no tree, no recursion) over text that the caller
 * keeps.
 *
 *       asm_json_reader reader;
 *       asm_json_reader_init(&reader, text, &scratch);
 *       asm_str key, name = {0};
 *       int64_t size = 0;
 *       asm_json_enter_object(&reader);
 *       while (asm_json_next_member(&reader, &key)) {
 *           if (asm_str_equal(key, ASM_STR("name"))) asm_json_read_string(&reader, &name);
 *           if (asm_str_equal(key, ASM_STR("size"))) asm_json_read_int64(&reader, &size);
 *       }                                             (a member whose value was not read is skipped)
 *       if (asm_json_reader_finish(&reader) != ASM_OK)
 *           … reader.error.message, reader.error.offset
 *
 * The functions return false once there is an error; the first one stays in reader.error.
 */

/* What is wrong with a text, and where. */
typedef struct asm_json_error {
    asm_result result;   /* ASM_OK if there is none */
    const char *message; /* constant: what is wrong; "" if nothing is */
    size_t offset;       /* the byte where it was noticed, from the start of the text */
} asm_json_error;

/* The type of a value. */
typedef enum asm_json_type {
    ASM_JSON_NONE, /* no value here: the end, or an error */
    ASM_JSON_NULL,
    ASM_JSON_BOOL,
    ASM_JSON_NUMBER,
    ASM_JSON_STRING,
    ASM_JSON_ARRAY,
    ASM_JSON_OBJECT
} asm_json_type;

#define ASM_JSON_SCRATCH_SPARE 64 /* bytes: see asm_json_reader_init() */

/* Reads one JSON value. Set up with asm_json_reader_init() or its _in_place(); it owns nothing that has to be freed. */
typedef struct asm_json_reader {
    const char *begin;   /* private: the text */
    const char *at;      /* private: where it is read */
    const char *end;     /* private: its end */
    asm_buffer *scratch; /* private: where strings with escapes are unescaped */
    uint64_t objects;    /* private: a bit for each open level, set for an object; the innermost lowest */
    unsigned depth;      /* private */
    unsigned state;      /* private */
    char *writable;      /* private: the text again, where strings may be unescaped over themselves */
    const struct asm__spans *known; /* private: where values of the text end, if that is known; else NULL */
    size_t reserve;                 /* private: how much room in the scratch buffer to reserve at once */
    /* Private: there was white space, or a character that the writer would have escaped. */
    bool non_canonical;
    asm_json_error error; /* read only: the first error */
} asm_json_reader;

/* Starts reading one JSON value. Strings without escapes are views into `text`, which must outlive them and
 * is not changed; the others are unescaped to the end of `scratch`. A growing scratch buffer is given room
 * for all of them with the first, so that it does not move under their views; they stay valid until it is
 * next cleared, reserved from or closed. A string with escapes is ASM_ERR_NO_SPACE when a fixed one is full,
 * or `scratch` is NULL (it may be). Room for all of the text and ASM_JSON_SCRATCH_SPARE bytes makes
 * unescaping quicker. A byte order mark is an error. */
ASM_API void asm_json_reader_init(asm_json_reader *reader, asm_str text, asm_buffer *scratch);

/* Starts reading one JSON value from `size` bytes at `text` that may be changed: strings are unescaped over
 * themselves, so that no scratch buffer is needed. A string or a raw value can then be read only once. */
ASM_API void asm_json_reader_init_in_place(asm_json_reader *reader, char *text, size_t size);

/* The type of the value that would be read next, without reading it; ASM_JSON_NONE if none stands there. */
ASM_API asm_json_type asm_json_peek(asm_json_reader *reader);

/* Enters the object that stands next. ASM_ERR_TYPE if something else does, ASM_ERR_DEPTH past
 * ASM_JSON_MAX_DEPTH levels. */
ASM_API bool asm_json_enter_object(asm_json_reader *reader);

/* Enters the array that stands next. ASM_ERR_TYPE if something else does, ASM_ERR_DEPTH past
 * ASM_JSON_MAX_DEPTH levels. */
ASM_API bool asm_json_enter_array(asm_json_reader *reader);

/* Goes to the next member of the object that was entered last, skipping the value before it if that was not
 * read. False at the end of the object, which is then left. Keys are unescaped as strings are. Duplicates are
 * all reported: let the last win. */
ASM_API bool asm_json_next_member(asm_json_reader *reader, asm_str *key);

/* Goes to the next element of the array that was entered last, skipping the value before it if that was not
 * read. False at the end of the array, which is then left. */
ASM_API bool asm_json_next_element(asm_json_reader *reader);

/* The functions below read the value that stands next. A value of another type is ASM_ERR_TYPE. On false
 * `*text` and `*value` are as they were. */

/* A string, unescaped; valid as long as asm_json_reader_init() says. An unpaired surrogate escape becomes
 * U+FFFD. */
ASM_API bool asm_json_read_string(asm_json_reader *reader, asm_str *text);

/* An integer, written without fraction and exponent (else ASM_ERR_TYPE). ASM_ERR_RANGE if it does not fit. */
ASM_API bool asm_json_read_int64(asm_json_reader *reader, int64_t *value);

/* An integer, as asm_json_read_int64() reads one; ASM_ERR_RANGE if it is negative or does not fit. */
ASM_API bool asm_json_read_uint64(asm_json_reader *reader, uint64_t *value);

/* Any number: the nearest double, ties to even, whatever its length, the locale and the processor's rounding
 * mode. ASM_ERR_RANGE if it is too large for a double. */
ASM_API bool asm_json_read_double(asm_json_reader *reader, double *value);

/* true or false. */
ASM_API bool asm_json_read_bool(asm_json_reader *reader, bool *value);

/* null. */
ASM_API bool asm_json_read_null(asm_json_reader *reader);

/* Any value: checked whole, and returned as the text it is, escapes and all: a view into the text. `raw` may
 * be NULL to skip the value. */
ASM_API bool asm_json_read_raw(asm_json_reader *reader, asm_str *raw);

/* ASM_OK if one value was read to its end and only white space follows; else the first error. */
ASM_API asm_result asm_json_reader_finish(asm_json_reader *reader);

/* Checks that `text` is one JSON value; `error` may be NULL. */
ASM_API asm_result asm_json_check(asm_str text, asm_json_error *error);

/* Looks up `count` members of the object `json` in one pass: values[i] is the raw text of the member keys[i],
 * a view into `json`, or absent if there is none. The last of several with the same key wins; a key that is
 * written with escapes is only known if it takes at most 256 bytes. ASM_ERR_TYPE if `json` is no object;
 * then, and on any other error, all values are absent. `error` may be NULL; so may `keys` and `values` if
 * `count` is 0. */
ASM_API asm_result asm_json_find(asm_str json, const asm_str *keys, asm_str *values, size_t count,
                                 asm_json_error *error);

/* The functions below take a single value from raw JSON text, as asm_json_find() gives it: true if it is one
 * value of that type (and fits); else `*text` and `*value` are as they were. */

/* A string: a view into `raw`, or unescaped to the end of `scratch`, which may be NULL if there are no
 * escapes (see asm_json_reader_init()). To read several into one growing buffer, first reserve as many bytes as all
 * their raw texts have: then it does not move under the views. */
ASM_API bool asm_json_to_string(asm_str raw, asm_buffer *scratch, asm_str *text);

/* An integer, as asm_json_read_int64() reads it. */
ASM_API bool asm_json_to_int64(asm_str raw, int64_t *value);

/* A number, as asm_json_read_double() reads it. */
ASM_API bool asm_json_to_double(asm_str raw, double *value);

/* true or false. */
ASM_API bool asm_json_to_bool(asm_str raw, bool *value);

/* The type of the value that `raw` begins with, by its first character: it is not checked. ASM_JSON_NONE if
 * that begins none. */
ASM_API asm_json_type asm_json_type_of(asm_str raw);

/* What a JSON string of any size says, through a few bytes of memory, for text that is shown or searched:
 *
 *       asm_str inside = asm_json_string_inside(raw);
 *       char memory[256];
 *       size_t at = 0;
 *       while (at < inside.size)
 *           show(asm_json_string_piece(inside, &at, memory, sizeof memory));
 *
 * They decode as asm_json_read_string() does, and drop nothing: what cannot be decoded is given as U+FFFD (an
 * unpaired surrogate escape) or as it stands (an escape sequence that does not exist, a backslash at the end). */

/* A string's inside, escapes and all: `raw` without its quotes. Absent if `raw` is no string. */
ASM_API asm_str asm_json_string_inside(asm_str raw);

/* The code point at `inside.data[*at]`, and `*at` moved past it: an escape sequence is one, and so is a pair
 * of them that stands for a code point above U+FFFF. Invalid UTF-8 is taken as by asm_utf8_decode(). `*at`
 * must be below inside.size. */
ASM_API uint32_t asm_json_string_decode(asm_str inside, size_t *at);

/* The characters from `inside.data[*at]` on, and `*at` moved past them: up to the next escape sequence as a
 * view into `inside` if that is far, else as many as fit into `size` (at least 4) bytes at `memory`; at least
 * one. None is cut; invalid UTF-8 stays as it is. `*at` must be below inside.size. */
ASM_API asm_str asm_json_string_piece(asm_str inside, size_t *at, char *memory, size_t size);

/* Private: how records are found by a key, in public structs. See >>shared: index. */
typedef struct asm__indexed {
    uint64_t hash;
    const void *scope;
    asm_str text;
    uint64_t bit;
    struct asm__indexed *child[2];
} asm__indexed;

/* Private: such an index. */
typedef struct asm__index {
    asm__indexed **roots;
    asm__indexed *root;
    size_t mask;
    size_t count;
} asm__index;

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_JSON_H */

/* =========================================================================================================
 * Shared: what the implementations of all asm_*.h headers use
 *
 * Compiled into each file that holds one of them: the headers above define ASM__SHARED and include this header
 * once more at the start of theirs. Macros and small functions stand here whole; functions marked ASM__PRIVATE are
 * only declared, and defined once by the implementation below.
 *
 *   >>shared: target              what the compiler and the processor can
 *   >>shared: bytes               words, bits, digits
 *   >>scan                        sixteen bytes at once: the contract, then a section for each target
 *                                 (sse2, neon, portable) and what stands on lanes (lanes)
 *   >>shared: plain text          runs of characters that stand for themselves
 *   >>shared: buffer              strings written where there is room for them
 *   >>shared: private functions   of the implementation below
 *   >>shared: time, json reader, spans, json writer
 *   >>shared: hash, index         finding records by a key
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_JSON_IMPLEMENTATION) || defined(ASM_STATIC) ||                \
    defined(ASM__SHARED)
#ifndef ASM__SHARED_INCLUDED

ASM__WARNINGS_OFF
#define ASM__SHARED_INCLUDED

#include <string.h>

/* >>shared: target */

#if defined(ASM_NO_SIMD)
#define ASM__SSE2 0
#define ASM__NEON 0
#elif defined(__SSE2__) || defined(_M_X64) || (defined(_M_IX86_FP) && _M_IX86_FP >= 2)
#define ASM__SSE2 1
#define ASM__NEON 0
#include <emmintrin.h>
#elif (defined(__aarch64__) && defined(__ARM_NEON) && !defined(__ARM_BIG_ENDIAN)) || defined(_M_ARM64)
#define ASM__SSE2 0
#define ASM__NEON 1
#include <arm_neon.h>
#else
#define ASM__SSE2 0
#define ASM__NEON 0
#endif

#if !defined(__GNUC__) && !defined(__clang__) && (defined(_M_X64) || defined(_M_ARM64))
#include <intrin.h>
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__)
#define ASM__LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define ASM__LITTLE_ENDIAN (ASM__SSE2 || ASM__NEON)
#endif

/* Whether size matters more than speed: ways that are only quicker are then left out. */
#if defined(__OPTIMIZE_SIZE__)
#define ASM__SMALL 1
#else
#define ASM__SMALL 0
#endif

/* Functions that must be inlined: the compiler would not do it where it matters. */
#if defined(__GNUC__) && !ASM__SMALL
#define ASM__INLINE __attribute__((always_inline)) static inline
#else
#define ASM__INLINE static inline
#endif

/* Functions that are rarely called: kept out of line, so that their callers stay small. */
#if defined(__GNUC__)
#define ASM__RARE __attribute__((noinline)) static
#else
#define ASM__RARE static
#endif

/* Linkage of private functions that this header's implementation defines and the headers above call. */
#ifdef ASM_STATIC
#define ASM__PRIVATE ASM_API
#elif defined(__GNUC__) && (defined(__ELF__) || defined(__APPLE__))
#define ASM__PRIVATE __attribute__((visibility("hidden")))
#else
#define ASM__PRIVATE
#endif

/* >>shared: bytes */

/* The end of the text. Absent text has no address to count from. */
static inline const char *asm__end(asm_str text) {
    return text.size > 0 ? text.data + text.size : text.data;
}

static inline uint64_t asm__load64(const char *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* asm__load64() with the first byte lowest on any machine. */
static inline uint64_t asm__load_little(const char *p) {
#if ASM__LITTLE_ENDIAN
    return asm__load64(p);
#else
    uint64_t word = 0;
    int i;
    for (i = 7; i >= 0; i--)
        word = word << 8 | (unsigned char)p[i];
    return word;
#endif
}

static inline uint32_t asm__load_little_32(const char *p) {
    uint32_t word;
    memcpy(&word, p, 4);
#if !ASM__LITTLE_ENDIAN
    word = word >> 24 | (word >> 8 & 0xFF00) | (word << 8 & 0xFF0000) | word << 24;
#endif
    return word;
}

static inline void asm__store_little(char *p, uint64_t word) {
#if ASM__LITTLE_ENDIAN
    memcpy(p, &word, 8);
#else
    int i;
    for (i = 0; i < 8; i++)
        p[i] = (char)(word >> 8 * i);
#endif
}

#define ASM__EACH_BYTE UINT64_C(0x0101010101010101)

/* The index of the lowest bit that is set. */
static inline int asm__lowest_bit(uint64_t bits) {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(bits);
#elif defined(_M_X64) || defined(_M_ARM64)
    unsigned long index;
    _BitScanForward64(&index, bits);
    return (int)index;
#else
    int index = 0;
    while (!(bits >> index & 1))
        index++;
    return index;
#endif
}

/* How many bits are set: sums of two, four and eight neighbours, then of all bytes. */
static inline unsigned asm__count_bits(uint64_t bits) {
    bits -= bits >> 1 & ASM__EACH_BYTE * 0x55;
    bits = (bits & ASM__EACH_BYTE * 0x33) + (bits >> 2 & ASM__EACH_BYTE * 0x33);
    bits = (bits + (bits >> 4)) & ASM__EACH_BYTE * 0x0F;
    return (unsigned)(bits * ASM__EACH_BYTE >> 56);
}

/* The index of the highest bit that is set. */
static inline int asm__highest_bit(uint64_t bits) {
#if defined(__GNUC__) || defined(__clang__)
    return 63 - __builtin_clzll(bits);
#elif defined(_M_X64) || defined(_M_ARM64)
    unsigned long index;
    _BitScanReverse64(&index, bits);
    return (int)index;
#else
    int index = 63;
    while (!(bits >> index & 1))
        index--;
    return index;
#endif
}

static inline bool asm__is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool asm__is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Up to 8 bytes from `p` as one word, the first lowest; the rest is spaces. */
static inline uint64_t asm__load_few(const char *p, size_t size) {
    uint64_t word = 0;
    if (size >= 8) return asm__load_little(p);
    if (size >= 4) {
        word = asm__load_little_32(p) | (uint64_t)asm__load_little_32(p + size - 4) << (size - 4) * 8;
    } else if (size > 0) {
        word = (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[size / 2] << size / 2 * 8 |
               (uint64_t)(unsigned char)p[size - 1] << (size - 1) * 8;
    }
    return word | (ASM__EACH_BYTE * 0x20) << size * 8;
}

/* >>scan
 *
 * Sixteen bytes at once. Each target below defines the same functions; what uses them is written once. A function that
 * returns marks sets the highest bit of each lane whose byte is meant; the other bits of a lane may be anything.
 *
 *   asm__lanes_load            16 bytes
 *   asm__lanes_load_halves     8 bytes from each of two places
 *   asm__lanes_of_word         8 bytes in both halves, the lowest first
 *   asm__lanes_store           16 bytes
 *   asm__lanes_store_halves    8 bytes each to two places
 *   asm__lanes_equal           marks a byte
 *   asm__lanes_same            marks bytes that two have in common
 *   asm__lanes_non_ascii       marks bytes from 0x80 on
 *   asm__lanes_other           marks controls (below 0x20), DEL and non-ASCII
 *   asm__lanes_special         marks these, `"` and `\`: what is not plain
 *   asm__lanes_ending          marks controls, non-ASCII, `"` and `\`: what a plain string does not go on with
 *   asm__lanes_either          marks of both
 *   asm__lanes_any             whether any lane is marked
 *   asm__lanes_find            0 if no lane is marked; else asm__found_lane() tells the first that is
 *   asm__lanes_bits            bit n: lane n is marked
 *   asm__lanes_bits_64         the bits of four times sixteen lanes
 *
 * And with them, or in another way:
 *   asm__is_plain_word         whether 8 bytes are plain
 *   asm__plain_end             the end of the run of plain bytes from `p`, which is mostly short
 *   asm__special_64            which of 64 bytes are ASCII and not plain, and in `non_ascii` which are not ASCII
 *   asm__continuing_64         how many of 64 bytes are from 0x80 to 0xBF
 */

/* Marks (with its highest bit) each byte of `word` that is not plain. */
ASM__INLINE uint64_t asm__special_bytes(uint64_t word) {
    const uint64_t low = ASM__EACH_BYTE * 0x7F;
    uint64_t ascii = word & low;
    uint64_t plain = ((ascii ^ ASM__EACH_BYTE * '"') + low) & ((ascii ^ ASM__EACH_BYTE * '\\') + low) &
                     (ascii + ASM__EACH_BYTE * 0x60) & ~((ascii + ASM__EACH_BYTE) | word);
    return ~plain & ~low;
}

#if ASM__SSE2
/* >>scan: sse2 */

#define ASM__HAS_LANES 1 /* marks and bits cost little */

typedef __m128i asm__lanes;

static inline asm__lanes asm__lanes_load(const char *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline asm__lanes asm__lanes_load_halves(const char *p, const char *q) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p),
                              _mm_loadl_epi64((const __m128i *)(const void *)q));
}

static inline asm__lanes asm__lanes_of_word(uint64_t word) {
    return _mm_set1_epi64x((long long)word);
}

static inline void asm__lanes_store(char *out, asm__lanes bytes) {
    _mm_storeu_si128((__m128i *)(void *)out, bytes);
}

static inline void asm__lanes_store_halves(char *p, char *q, asm__lanes bytes) {
    _mm_storel_epi64((__m128i *)(void *)p, bytes);
    _mm_storel_epi64((__m128i *)(void *)q, _mm_unpackhi_epi64(bytes, bytes));
}

static inline asm__lanes asm__lanes_either(asm__lanes a, asm__lanes b) {
    return _mm_or_si128(a, b);
}

static inline asm__lanes asm__lanes_equal(asm__lanes bytes, char c) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static inline asm__lanes asm__lanes_same(asm__lanes a, asm__lanes b) {
    return _mm_cmpeq_epi8(a, b);
}

static inline asm__lanes asm__lanes_non_ascii(asm__lanes bytes) {
    return bytes;
}

static inline asm__lanes asm__lanes_continuing(asm__lanes bytes) {
    return _mm_cmplt_epi8(bytes, _mm_set1_epi8((char)0xC0));
}

static inline asm__lanes asm__lanes_other(asm__lanes bytes) {
    return _mm_subs_epi8(_mm_add_epi8(bytes, _mm_set1_epi8(1)), _mm_set1_epi8(0x21));
}

static inline asm__lanes asm__lanes_special(asm__lanes bytes) {
    return _mm_or_si128(_mm_or_si128(asm__lanes_equal(bytes, '"'), asm__lanes_equal(bytes, '\\')),
                        asm__lanes_other(bytes));
}

/* A quote is 0x20 when its second bit is turned, so that one comparison does for it and the controls. */
static inline asm__lanes asm__lanes_ending(asm__lanes bytes) {
    return _mm_or_si128(_mm_subs_epi8(_mm_xor_si128(bytes, _mm_set1_epi8(2)), _mm_set1_epi8(0x21)),
                        asm__lanes_equal(bytes, '\\'));
}

static inline unsigned asm__lanes_bits(asm__lanes marks) {
    return (unsigned)_mm_movemask_epi8(marks);
}

static inline bool asm__lanes_any(asm__lanes marks) {
    return asm__lanes_bits(marks) != 0;
}

static inline uint64_t asm__lanes_find(asm__lanes marks) {
    return asm__lanes_bits(marks);
}

static inline unsigned asm__found_lane(uint64_t found) {
    return (unsigned)asm__lowest_bit(found);
}

static inline uint64_t asm__lanes_bits_64(asm__lanes a, asm__lanes b, asm__lanes c, asm__lanes d) {
    return (uint64_t)(asm__lanes_bits(a) | asm__lanes_bits(b) << 16) |
           (uint64_t)(asm__lanes_bits(c) | asm__lanes_bits(d) << 16) << 32;
}

#elif ASM__NEON
/* >>scan: neon */

#define ASM__HAS_LANES 1

typedef uint8x16_t asm__lanes;

static inline asm__lanes asm__lanes_load(const char *p) {
    return vld1q_u8((const uint8_t *)p);
}

static inline asm__lanes asm__lanes_load_halves(const char *p, const char *q) {
    return vcombine_u8(vld1_u8((const uint8_t *)p), vld1_u8((const uint8_t *)q));
}

static inline asm__lanes asm__lanes_of_word(uint64_t word) {
    return vreinterpretq_u8_u64(vdupq_n_u64(word));
}

static inline void asm__lanes_store(char *out, asm__lanes bytes) {
    vst1q_u8((uint8_t *)out, bytes);
}

static inline void asm__lanes_store_halves(char *p, char *q, asm__lanes bytes) {
    vst1_u8((uint8_t *)p, vget_low_u8(bytes));
    vst1_u8((uint8_t *)q, vget_high_u8(bytes));
}

static inline asm__lanes asm__lanes_either(asm__lanes a, asm__lanes b) {
    return vorrq_u8(a, b);
}

static inline asm__lanes asm__lanes_equal(asm__lanes bytes, char c) {
    return vceqq_u8(bytes, vdupq_n_u8((uint8_t)c));
}

static inline asm__lanes asm__lanes_same(asm__lanes a, asm__lanes b) {
    return vceqq_u8(a, b);
}

/* All marks are whole lanes here: asm__lanes_nibbles() needs that. */
static inline asm__lanes asm__lanes_non_ascii(asm__lanes bytes) {
    return vcltzq_s8(vreinterpretq_s8_u8(bytes));
}

static inline asm__lanes asm__lanes_continuing(asm__lanes bytes) {
    return vcltq_s8(vreinterpretq_s8_u8(bytes), vdupq_n_s8((int8_t)0xC0));
}

static inline asm__lanes asm__lanes_other(asm__lanes bytes) {
    return vcltq_s8(vreinterpretq_s8_u8(vaddq_u8(bytes, vdupq_n_u8(1))), vdupq_n_s8(0x21));
}

static inline asm__lanes asm__lanes_special(asm__lanes bytes) {
    return vorrq_u8(vorrq_u8(asm__lanes_equal(bytes, '"'), asm__lanes_equal(bytes, '\\')),
                    asm__lanes_other(bytes));
}

/* A quote is 0x20 when its second bit is turned, so that one comparison does for it and the controls. */
static inline asm__lanes asm__lanes_ending(asm__lanes bytes) {
    return vorrq_u8(vcltq_s8(vreinterpretq_s8_u8(veorq_u8(bytes, vdupq_n_u8(2))), vdupq_n_s8(0x21)),
                    asm__lanes_equal(bytes, '\\'));
}

/* Four bits for each lane. */
static inline uint64_t asm__lanes_nibbles(asm__lanes marks) {
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(marks), 4)), 0);
}

static inline bool asm__lanes_any(asm__lanes marks) {
    return asm__lanes_nibbles(marks) != 0;
}

static inline uint64_t asm__lanes_find(asm__lanes marks) {
    return asm__lanes_nibbles(marks);
}

static inline unsigned asm__found_lane(uint64_t found) {
    return (unsigned)asm__lowest_bit(found) / 4;
}

/* Each lane's bit in its place within its half: adding neighbours three times makes a byte of eight lanes. */
static inline asm__lanes asm__lanes_places(asm__lanes marks) {
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    return vandq_u8(marks, vld1q_u8(places));
}

static inline uint64_t asm__lanes_bits_64(asm__lanes a, asm__lanes b, asm__lanes c, asm__lanes d) {
    asm__lanes low = vpaddq_u8(asm__lanes_places(a), asm__lanes_places(b));
    asm__lanes high = vpaddq_u8(asm__lanes_places(c), asm__lanes_places(d));
    low = vpaddq_u8(low, high);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(low, low)), 0);
}

static inline unsigned asm__lanes_bits(asm__lanes marks) {
    asm__lanes sums = asm__lanes_places(marks);
    sums = vpaddq_u8(sums, sums);
    sums = vpaddq_u8(sums, sums);
    return vgetq_lane_u16(vreinterpretq_u16_u8(vpaddq_u8(sums, sums)), 0);
}

#else
/* >>scan: portable */

#define ASM__HAS_LANES 0

/* Two words, the first byte lowest on any machine. */
typedef struct asm__lanes {
    uint64_t low, high;
} asm__lanes;

static inline asm__lanes asm__lanes_load_halves(const char *p, const char *q) {
    asm__lanes lanes;
    lanes.low = asm__load_little(p);
    lanes.high = asm__load_little(q);
    return lanes;
}

static inline asm__lanes asm__lanes_load(const char *p) {
    return asm__lanes_load_halves(p, p + 8);
}

static inline asm__lanes asm__lanes_of_word(uint64_t word) {
    asm__lanes lanes;
    lanes.low = lanes.high = word;
    return lanes;
}

static inline void asm__lanes_store_halves(char *p, char *q, asm__lanes bytes) {
    asm__store_little(p, bytes.low);
    asm__store_little(q, bytes.high);
}

static inline void asm__lanes_store(char *out, asm__lanes bytes) {
    asm__lanes_store_halves(out, out + 8, bytes);
}

static inline asm__lanes asm__lanes_either(asm__lanes a, asm__lanes b) {
    a.low |= b.low;
    a.high |= b.high;
    return a;
}

/* Adding 0x7F to the lower bits of a byte sets its highest bit unless they are 0. */
static inline uint64_t asm__same_in_words(uint64_t a, uint64_t b) {
    const uint64_t others = a ^ b;
    return ~(((others & ASM__EACH_BYTE * 0x7F) + ASM__EACH_BYTE * 0x7F) | others);
}

static inline uint64_t asm__equal_bytes(uint64_t word, char c) {
    return asm__same_in_words(word, ASM__EACH_BYTE * (unsigned char)c);
}

static inline asm__lanes asm__lanes_equal(asm__lanes bytes, char c) {
    bytes.low = asm__equal_bytes(bytes.low, c);
    bytes.high = asm__equal_bytes(bytes.high, c);
    return bytes;
}

static inline asm__lanes asm__lanes_same(asm__lanes a, asm__lanes b) {
    a.low = asm__same_in_words(a.low, b.low);
    a.high = asm__same_in_words(a.high, b.high);
    return a;
}

static inline asm__lanes asm__lanes_non_ascii(asm__lanes bytes) {
    return bytes;
}

/* Adding 0x60 sets the highest bit of bytes from 0x20 on, adding 1 that of DEL. */
static inline uint64_t asm__other_bytes(uint64_t word) {
    uint64_t ascii = word & ASM__EACH_BYTE * 0x7F;
    return ~(ascii + ASM__EACH_BYTE * 0x60) | (ascii + ASM__EACH_BYTE) | word;
}

static inline asm__lanes asm__lanes_other(asm__lanes bytes) {
    bytes.low = asm__other_bytes(bytes.low);
    bytes.high = asm__other_bytes(bytes.high);
    return bytes;
}

ASM__INLINE asm__lanes asm__lanes_special(asm__lanes bytes) {
    bytes.low = asm__special_bytes(bytes.low);
    bytes.high = asm__special_bytes(bytes.high);
    return bytes;
}

/* A quote is 0x20 when its second bit is turned, and below 0x21 as controls are. */
static inline uint64_t asm__ending_bytes(uint64_t word) {
    uint64_t ascii = (word ^ ASM__EACH_BYTE * 2) & ASM__EACH_BYTE * 0x7F;
    return ~(ascii + ASM__EACH_BYTE * 0x5F) | word | asm__equal_bytes(word, '\\');
}

static inline asm__lanes asm__lanes_ending(asm__lanes bytes) {
    bytes.low = asm__ending_bytes(bytes.low);
    bytes.high = asm__ending_bytes(bytes.high);
    return bytes;
}

static inline bool asm__lanes_any(asm__lanes marks) {
    return ((marks.low | marks.high) & ASM__EACH_BYTE * 0x80) != 0;
}

/* The product moves the highest bit of each byte to a place of its own in the highest byte. */
static inline unsigned asm__byte_bits(uint64_t marks) {
    return (unsigned)(((marks & ASM__EACH_BYTE * 0x80) >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

static inline unsigned asm__lanes_bits(asm__lanes marks) {
    return asm__byte_bits(marks.low) | asm__byte_bits(marks.high) << 8;
}

static inline uint64_t asm__lanes_find(asm__lanes marks) {
    return asm__lanes_bits(marks);
}

static inline unsigned asm__found_lane(uint64_t found) {
    return (unsigned)asm__lowest_bit(found);
}

static inline uint64_t asm__lanes_bits_64(asm__lanes a, asm__lanes b, asm__lanes c, asm__lanes d) {
    return (uint64_t)(asm__lanes_bits(a) | asm__lanes_bits(b) << 16) |
           (uint64_t)(asm__lanes_bits(c) | asm__lanes_bits(d) << 16) << 32;
}

static inline bool asm__is_plain_word(uint64_t word) {
    return !asm__special_bytes(word);
}

static inline const char *asm__plain_end(const char *p, const char *end) {
    uint64_t marks;
    for (; end - p >= 8; p += 8) {
        marks = asm__special_bytes(asm__load_little(p));
        if (marks) return p + asm__lowest_bit(marks) / 8;
    }
    marks = asm__special_bytes(asm__load_few(p, (size_t)(end - p)));
    return marks ? p + asm__lowest_bit(marks) / 8 : end;
}

static inline unsigned asm__continuing_64(const char *p) {
    uint64_t sums = 0;
    int i;
    for (i = 0; i < 64; i += 8) {
        uint64_t word = asm__load64(p + i);
        sums += (word & ~(word << 1)) >> 7 & ASM__EACH_BYTE;
    }
    return (unsigned)(sums * ASM__EACH_BYTE >> 56);
}

static inline uint64_t asm__special_64(const char *p, uint64_t *non_ascii) {
    uint64_t marks[8], special = 0, any = 0, bytes = 0;
    int i;
    *non_ascii = 0;
    for (i = 0; i < 8; i++) {
        bytes |= asm__load_little(p + 8 * i);
        any |= marks[i] = asm__special_bytes(asm__load_little(p + 8 * i));
    }
    for (i = 0; i < 8 && any; i++)
        special |= (uint64_t)asm__byte_bits(marks[i]) << 8 * i;
    for (i = 0; i < 8 && bytes & ASM__EACH_BYTE * 0x80; i++)
        *non_ascii |= (uint64_t)asm__byte_bits(asm__load_little(p + 8 * i)) << 8 * i;
    return special & ~*non_ascii;
}

#endif

#if ASM__HAS_LANES
/* >>scan: lanes */

static inline bool asm__is_plain_word(uint64_t word) {
    return !asm__lanes_any(asm__lanes_special(asm__lanes_of_word(word)));
}

/* The end of the run of plain bytes from `p`, of which up to 31 are left. Loads may overlap: what was found
 * plain is not marked again. */
static inline const char *asm__plain_end_of_few(const char *p, const char *end) {
    uint64_t found;
    if (end - p >= 16) {
        found = asm__lanes_find(asm__lanes_special(asm__lanes_load(p)));
        if (found) return p + asm__found_lane(found);
        found = asm__lanes_find(asm__lanes_special(asm__lanes_load(end - 16)));
        return found ? end - 16 + asm__found_lane(found) : end;
    }
    if (end - p >= 8) {
        found = asm__lanes_find(asm__lanes_special(asm__lanes_load_halves(p, end - 8)));
        if (!found) return end;
        return asm__found_lane(found) < 8 ? p + asm__found_lane(found) : end - 16 + asm__found_lane(found);
    }
    found = asm__special_bytes(asm__load_few(p, (size_t)(end - p)));
    return found ? p + asm__lowest_bit(found) / 8 : end;
}

static inline const char *asm__plain_end(const char *p, const char *end) {
    uint64_t found;
    if (end - p >= 16) {
        found = asm__lanes_find(asm__lanes_special(asm__lanes_load(p)));
        if (found) return p + asm__found_lane(found);
        p += 16;
    }
    for (; end - p >= 32; p += 32) {
        asm__lanes low = asm__lanes_special(asm__lanes_load(p));
        asm__lanes high = asm__lanes_special(asm__lanes_load(p + 16));
        if (asm__lanes_any(asm__lanes_either(low, high))) {
            found = asm__lanes_find(low);
            return found ? p + asm__found_lane(found) : p + 16 + asm__found_lane(asm__lanes_find(high));
        }
    }
    return asm__plain_end_of_few(p, end);
}

static inline unsigned asm__continuing_64(const char *p) {
    asm__lanes a = asm__lanes_continuing(asm__lanes_load(p));
    asm__lanes b = asm__lanes_continuing(asm__lanes_load(p + 16));
    asm__lanes c = asm__lanes_continuing(asm__lanes_load(p + 32));
    asm__lanes d = asm__lanes_continuing(asm__lanes_load(p + 48));
    if (!asm__lanes_any(asm__lanes_either(asm__lanes_either(a, b), asm__lanes_either(c, d)))) return 0;
    return asm__count_bits(asm__lanes_bits_64(a, b, c, d));
}

static inline uint64_t asm__special_64(const char *p, uint64_t *non_ascii) {
    asm__lanes a = asm__lanes_load(p), b = asm__lanes_load(p + 16);
    asm__lanes c = asm__lanes_load(p + 32), d = asm__lanes_load(p + 48);
    asm__lanes a1 = asm__lanes_special(a), b1 = asm__lanes_special(b);
    asm__lanes c1 = asm__lanes_special(c), d1 = asm__lanes_special(d);
    *non_ascii = 0;
    if (!asm__lanes_any(asm__lanes_either(asm__lanes_either(a1, b1), asm__lanes_either(c1, d1)))) return 0;
    *non_ascii = asm__lanes_bits_64(asm__lanes_non_ascii(a), asm__lanes_non_ascii(b), asm__lanes_non_ascii(c),
                                    asm__lanes_non_ascii(d));
    return asm__lanes_bits_64(a1, b1, c1, d1) & ~*non_ascii;
}
#endif

/* >>shared: plain text */

/* Whether a byte stands for itself in a JSON string and in anything shown: ASCII but controls, DEL, `"` and
 * `\`. */
static inline bool asm__is_plain(char c) {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

#define ASM__NEAR_SIZE 32 /* bytes that a text must have for asm__likely_quote() */

/* Which of 32 bytes may end a plain string. */
ASM__INLINE uint32_t asm__ending_bits(const char *p) {
    return asm__lanes_bits(asm__lanes_ending(asm__lanes_load(p))) |
           asm__lanes_bits(asm__lanes_ending(asm__lanes_load(p + 16))) << 16;
}

/* The first byte from `p` on that may end a plain string. The text before `end` has ASM__NEAR_SIZE bytes. */
ASM__INLINE const char *asm__likely_quote(const char *p, const char *end) {
    uint32_t bits;
    if (!ASM__HAS_LANES) return asm__plain_end(p, end);
    for (; end - p >= 32; p += 32) {
        bits = asm__ending_bits(p);
        if (bits) return p + asm__lowest_bit(bits);
    }
    if (p == end) return end;
    bits = asm__ending_bits(end - 32) >> (32 - (end - p));
    return bits ? p + asm__lowest_bit(bits) : end;
}

/* The bytes that may end a plain string, one after the other. With lanes they are found 64 bytes at a time, so that where
 * one is does not depend on what stands before it. The text before `end` has ASM__ENDINGS_SIZE bytes. */
#define ASM__ENDINGS_SIZE 64

#if ASM__HAS_LANES
typedef struct asm__endings {
    const char *block;
    uint64_t bits; /* bit n: block[n] is one that was not told yet */
} asm__endings;

static inline uint64_t asm__ending_64(const char *p) {
    return asm__lanes_bits_64(
        asm__lanes_ending(asm__lanes_load(p)), asm__lanes_ending(asm__lanes_load(p + 16)),
        asm__lanes_ending(asm__lanes_load(p + 32)), asm__lanes_ending(asm__lanes_load(p + 48)));
}

/* Starts with those from `p` on. */
ASM__INLINE void asm__endings_from(asm__endings *endings, const char *p, const char *end) {
    endings->block = p;
    if (end - p >= 64) endings->bits = asm__ending_64(p);
    else endings->bits = p < end ? asm__ending_64(end - 64) >> (64 - (end - p)) : 0;
}

/* asm__endings_from() where the next one mostly is at `p`, or one blank after it: then nothing has to be done. */
ASM__INLINE void asm__endings_follow(asm__endings *endings, const char *p, const char *end) {
    if (!endings->bits || (size_t)(endings->block - p) + (size_t)asm__lowest_bit(endings->bits) > 1)
        asm__endings_from(endings, p, end);
}

/* The next one, or `end`. */
ASM__INLINE const char *asm__next_ending(asm__endings *endings, const char *end) {
    const char *p;
    while (!endings->bits) {
        if (end - endings->block <= 64) return end;
        asm__endings_from(endings, endings->block + 64, end);
    }
    p = endings->block + asm__lowest_bit(endings->bits);
    endings->bits &= endings->bits - 1;
    return p;
}

/* asm__next_ending() where the next one is known to stand at `p`: passes over it. */
ASM__INLINE void asm__pass_ending(asm__endings *endings, const char *p, const char *end) {
    (void)p;
    asm__next_ending(endings, end);
}
#else
typedef struct asm__endings {
    const char *at;
} asm__endings;

static inline void asm__endings_from(asm__endings *endings, const char *p, const char *end) {
    (void)end;
    endings->at = p;
}

static inline void asm__endings_follow(asm__endings *endings, const char *p, const char *end) {
    asm__endings_from(endings, p, end);
}

static inline const char *asm__next_ending(asm__endings *endings, const char *end) {
    const char *p = endings->at < end ? asm__plain_end(endings->at, end) : end;
    endings->at = p + 1;
    return p;
}

static inline void asm__pass_ending(asm__endings *endings, const char *p, const char *end) {
    asm__endings_from(endings, p + 1, end);
}
#endif

/* >>shared: buffer */

/* Where the next byte goes; NULL in a buffer that has no memory yet. */
static inline char *asm__buffer_end(const asm_buffer *buffer) {
    return buffer->data ? buffer->data + buffer->size : NULL;
}

/* Takes back what was added since `begin` if the buffer has failed; a stream buffer may have handed it on and
 * keeps it. Returns the buffer's result. */
static inline asm_result asm__buffer_undo(asm_buffer *buffer, size_t begin) {
    if (buffer->result != ASM_OK && !buffer->write) buffer->size = begin;
    return buffer->result;
}

/* Whether a string fits at `p`, whatever must be escaped in it, and 32 bytes beside it. */
static inline bool asm__has_room(const asm_buffer *out, const char *p, size_t text_size) {
    return out->result == ASM_OK && (out->capacity - (size_t)(p - out->data)) / 8 >= text_size + 17;
}

/* Copies 1 to 7 bytes; marks those that are not plain. */
ASM__INLINE asm__lanes asm__copy_few_marked(char *out, const char *p, size_t size) {
    uint32_t a, b;
    if (size >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + size - 4, 4);
        memcpy(out, &a, 4);
        memcpy(out + size - 4, &b, 4);
    } else {
        char first = p[0], middle = p[size / 2], last = p[size - 1];
        out[0] = first;
        out[size / 2] = middle;
        out[size - 1] = last;
        a = b = (unsigned char)first * UINT32_C(0x01000001) | (uint32_t)(unsigned char)middle << 8 |
                (uint32_t)(unsigned char)last << 16;
    }
    return asm__lanes_special(asm__lanes_of_word(a | (uint64_t)b << 32));
}

#define ASM__SHORT (ASM__SMALL ? 32 : 64)

/* Copies 1 to ASM__SHORT bytes; marks those that are not plain, each in some lane. */
ASM__INLINE asm__lanes asm__copy_marked(char *out, const char *p, size_t size) {
    if (size >= 16) {
        asm__lanes low = asm__lanes_load(p), high = asm__lanes_load(p + size - 16), marks;
        asm__lanes_store(out, low);
        asm__lanes_store(out + size - 16, high);
        marks = asm__lanes_either(asm__lanes_special(low), asm__lanes_special(high));
        if (!ASM__SMALL && size > 32) {
            low = asm__lanes_load(p + 16);
            high = asm__lanes_load(p + size - 32);
            asm__lanes_store(out + 16, low);
            asm__lanes_store(out + size - 32, high);
            marks = asm__lanes_either(marks,
                                      asm__lanes_either(asm__lanes_special(low), asm__lanes_special(high)));
        }
        return marks;
    }
    if (size >= 8) {
        asm__lanes both = asm__lanes_load_halves(p, p + size - 8);
        asm__lanes_store_halves(out, out + size - 8, both);
        return asm__lanes_special(both);
    }
    return asm__copy_few_marked(out, p, size);
}

/* Writes a string of 1 to ASM__SHORT bytes with its quotes; false if not all of them are plain. Both quotes are stored
 * first: they do not depend on what is found in the text. */
ASM__INLINE bool asm__put_short(char *out, asm_str text) {
    out[0] = '"'; /* NOLINT(clang-analyzer-core.NullDereference): there is room at out */
    out[text.size + 1] = '"';
    return !asm__lanes_any(asm__copy_marked(out + 1, text.data, text.size));
}

/* >>shared: private functions, defined by the implementation below */

#define ASM__KEY_SIZE 256 /* the longest key with escapes that asm_json_find() and the events know */

#ifdef __cplusplus
extern "C" {
#endif

ASM__PRIVATE bool asm__time_is_valid(asm_time time, int precision);
ASM__PRIVATE size_t asm__format_time(asm_time time, int precision, char *out);
ASM__PRIVATE size_t asm__format_uint64(uint64_t value, char out[20]); /* may write to all 20 bytes */
ASM__PRIVATE size_t asm__format_int64(int64_t value, char out[21]);
ASM__PRIVATE size_t asm__format_double(double value, char *out);
ASM__PRIVATE bool asm__parse_int64(const char *p, const char *end, int64_t *value);
ASM__PRIVATE bool asm__parse_double(const char *p, const char *end, double *value, bool *is_exact);
ASM__PRIVATE char *asm__put_string(char *out, asm_str text);
ASM__PRIVATE char *asm__put_short_string(char *out, asm_str text);
ASM__PRIVATE void asm__append_string(asm_buffer *out, asm_str text);
ASM__PRIVATE void asm__append_canonical(asm_buffer *out, asm_str json);
ASM__PRIVATE asm_result asm__check_raw(asm_str json, unsigned depth, bool *non_canonical);
ASM__PRIVATE void asm__append_raw(asm_buffer *out, asm_str json, bool non_canonical);
ASM__PRIVATE const char *asm__fail_at(asm_json_error *error, asm_result result, const char *message,
                                      const char *begin, const char *at);
ASM__PRIVATE const char *asm__reader_fail(asm_json_reader *reader, asm_result result, const char *message,
                                          const char *at);
ASM__PRIVATE const char *asm__pass_space(asm_json_reader *reader, const char *p);
ASM__PRIVATE const char *asm__scan_string_on(asm_json_reader *reader, const char *p, bool *escaped);
ASM__PRIVATE const char *asm__scan_number(asm_json_reader *reader, const char *p, bool *integer);
ASM__PRIVATE const char *asm__scan_text_on(asm_json_reader *reader, const char *begin, const char *p,
                                           asm_str *text, bool *escaped);
ASM__PRIVATE bool asm__reserve_scratch(asm_json_reader *reader, size_t size, const char *at);
ASM__PRIVATE bool asm__string_value(asm_json_reader *reader, const char *begin, const char *end, bool escaped,
                                    asm_str *text);
ASM__PRIVATE bool asm__next_key(asm_json_reader *reader, asm_str *key, bool *escaped);
ASM__PRIVATE asm_str asm__name_text(asm_str inside, bool escaped, char bytes[ASM__KEY_SIZE]);

#ifdef __cplusplus
}
#endif

/* >>shared: time */

#define ASM__FIRST_TIME (-INT64_C(62167219200) * 1000000)          /* 0000-01-01T00:00:00Z */
#define ASM__LAST_TIME  (INT64_C(253402300799) * 1000000 + 999999) /* 9999-12-31T23:59:59.999999Z */

/* >>shared: json reader */

enum {
    ASM__AT_FIRST, /* the first member or element, or the end */
    ASM__AT_NEXT,  /* a comma or the end */
    ASM__AT_VALUE, /* a value stands next */
    ASM__AT_ERROR
};

/* The byte at `p`; 0, which is valid nowhere, at the end. */
static inline char asm__at(const asm_json_reader *reader, const char *p) {
    return p < reader->end ? *p : '\0';
}

/* Past white space; quick where there is none. */
static inline const char *asm__skip_space(asm_json_reader *reader, const char *p) {
    if (asm__at(reader, p) > ' ') return p;
    return asm__pass_space(reader, p);
}

/* The closing quote of the string whose inside begins at `p`, or NULL. */
static inline const char *asm__scan_string(asm_json_reader *reader, const char *p, bool *escaped) {
    *escaped = false;
    p = asm__plain_end(p, reader->end);
    return p < reader->end && *p == '"' ? p : asm__scan_string_on(reader, p, escaped);
}

static inline const char *asm__enter(asm_json_reader *reader, const char *p) {
    if (reader->depth >= ASM_JSON_MAX_DEPTH)
        return asm__reader_fail(reader, ASM_ERR_DEPTH, "nested too deeply", p);
    reader->objects = reader->objects << 1 | (*p == '{');
    reader->depth++;
    return p + 1;
}

static inline void asm__leave(asm_json_reader *reader) {
    reader->objects >>= 1;
    reader->depth--;
}

static inline bool asm__in_object(const asm_json_reader *reader) {
    return reader->objects & 1;
}

/* Reads the string whose inside begins at `begin`, up to its closing quote, which is returned, or NULL. With
 * escapes it is unescaped to the scratch buffer if there is room for whatever may come; else it is left
 * `escaped`. */
static inline const char *asm__scan_text(asm_json_reader *reader, const char *begin, asm_str *text,
                                         bool *escaped) {
    const char *p = asm__plain_end(begin, reader->end);
    if (p == reader->end || *p != '"') return asm__scan_text_on(reader, begin, p, text, escaped);
    *escaped = false;
    *text = asm_str_make(begin, (size_t)(p - begin));
    return p;
}

/* Ends a value at `after`; false if that is NULL, after an error. */
static inline bool asm__value_read(asm_json_reader *reader, const char *after) {
    if (!after) return false;
    reader->at = after;
    reader->state = ASM__AT_NEXT;
    return true;
}

/* Leaves the object if it ends right here. */
static inline bool asm__leave_object(asm_json_reader *reader) {
    if (!asm__in_object(reader) || reader->state != ASM__AT_NEXT || asm__at(reader, reader->at) != '}')
        return false;
    reader->at++;
    asm__leave(reader);
    return true;
}

/* >>shared: spans
 * Where the values of a text begin and end, found in one pass: who reads an object in the text, and then one in that, does
 * not read either to its end again. */

#define ASM__SPANS_MAX   16384 /* of a text that has more, nothing is noted */
#define ASM__SPAN_PLACES 1024

/* A value, or the inside of a key, which has no escapes. */
typedef struct asm__span {
    const char *begin, *end;
    uint32_t next; /* the number of the span after this one and all that is in it */
} asm__span;

/* In the order in which they begin. All zero: none. */
typedef struct asm__spans {
    asm__span *list;
    uint32_t count, capacity;
    const char *begin, *end; /* the text that they belong to */
    unsigned depth;          /* of the innermost object or array */
    bool non_canonical;      /* as of the reader */
    uint16_t places
        [ASM__SPAN_PLACES]; /* the number of the last span that began so many bytes on, for each remainder */
} asm__spans;

/* Whether a text is part of the one whose spans are known. */
static inline bool asm__spans_have(const asm__spans *spans, asm_str part) {
    return spans->count && part.data && part.data >= spans->begin && part.data < spans->end;
}

/* The span of the value that begins there; NULL if there is none. */
static inline const asm__span *asm__spans_find(const asm__spans *spans, const char *begin) {
    uint32_t low = 0, high = spans->count;
    if (begin < spans->begin || begin >= spans->end) return NULL;
    const uint32_t place = spans->places[(size_t)(begin - spans->begin) % ASM__SPAN_PLACES];
    if (place < high && spans->list[place].begin == begin) return &spans->list[place];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (spans->list[middle].begin < begin) low = middle + 1;
        else high = middle;
    }
    return low < spans->count && spans->list[low].begin == begin ? &spans->list[low] : NULL;
}

#ifdef __cplusplus
extern "C" {
#endif

/* Notes the values of a text. False, and none is noted, if it is not valid, has too many, has a key with escapes, there
 * is no memory, or the code is compiled for size: then it must be read as always. */
ASM__PRIVATE bool asm__spans_read(asm__spans *spans, asm_str text);

/* Forgets the values, and keeps the memory. */
static inline void asm__spans_clear(asm__spans *spans) {
    spans->count = 0;
}

ASM__PRIVATE void asm__spans_close(asm__spans *spans);

/* asm_json_write_raw() for what is known to be valid, and not nested too deeply. */
ASM__PRIVATE asm_result asm__write_valid_raw(asm_json_writer *writer, asm_str json, bool non_canonical);

#ifdef __cplusplus
}
#endif

/* >>shared: json writer */

static inline size_t asm__format_bool(bool value, char out[5]) {
    memcpy(out, value ? "true" : "false", 5);
    return value ? 4 : 5;
}

/* >>shared: hash
 * A seeded 64-bit hash after the design of wyhash: 16 bytes at a time through a 64 x 64 bit multiplication.
 */

static inline uint64_t asm__hash_mix(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 asm__uint128;
    const asm__uint128 product = (asm__uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    const uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    const uint64_t low = a_low * b_low, middle = a_high * b_low + (low >> 32);
    const uint64_t cross = a_low * b_high + (uint32_t)middle;
    return (low & 0xffffffffu) ^ (cross << 32) ^ (a_high * b_high + (middle >> 32) + (cross >> 32));
#endif
}

/* NOLINTBEGIN(clang-analyzer-core.*): bytes is only NULL where size is 0 */
static inline uint64_t asm__hash_load(const char *bytes, size_t size) {
    uint64_t word = 0;
    if (size >= 8) {
        memcpy(&word, bytes, 8);
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + size - 4, 4);
        word = (uint64_t)first << 32 | last;
    } else if (size > 0) {
        word = (uint64_t)(unsigned char)bytes[0] << 16 | (uint64_t)(unsigned char)bytes[size / 2] << 8 |
               (unsigned char)bytes[size - 1];
    }
    return word;
}
/* NOLINTEND(clang-analyzer-core.*) */

/* Both factors are keyed, so an attacker cannot force one to zero and cancel the other. What depends on the size comes
 * last, as it is often known late. */
static inline uint64_t asm__hash(const char *bytes, size_t size, uint64_t seed) {
    const uint64_t other_key = seed ^ 0xe7037ed1a0b428dbu;
    uint64_t hash = seed ^ 0x9e3779b97f4a7c15u, first, last;
    if (size > 16) {
        const char *end = bytes + size - 16;
        for (; bytes < end; bytes += 16)
            hash = asm__hash_mix(asm__hash_load(bytes, 8) ^ other_key, asm__hash_load(bytes + 8, 8) ^ hash);
        first = asm__hash_load(end, 8);
        last = asm__hash_load(end + 8, 8);
    } else {
        first = asm__hash_load(bytes, size > 8 ? 8 : size);
        last = size > 8 ? asm__hash_load(bytes + size - 8, 8) : 0;
    }
    return asm__hash_mix(first ^ hash, last ^ (other_key + size));
}

/* >>shared: index
 * Finds records by a key: a scope (an address, or NULL) and a text. Part of each record is an asm__indexed, with
 * hash, scope and text set; a record must not move while it is in an index. An asm__index that is all zero is
 * empty.
 *
 * The lowest bits of the hash choose one of a table of roots. Each root is that of a Patricia tree over the bits
 * of the key: those of its hash first, then of its scope, then of its text. Keys that somebody chose so that
 * their hashes are equal only lead deeper into such a tree: however many there are, a look-up takes at most 64
 * steps for the hash, 64 for the scope and 9 for each byte of the text, and compares one text.
 *
 * The links of the trees are part of the records, so that only the table needs memory. Where there is none, the
 * table stays as it is, which costs time: nothing here fails.
 *
 * In a Patricia tree each record is a leaf and, but for one in each tree, also a fork: where the way parts at
 * its `bit` (1 + the number of a bit of the key; 0: it is no fork). These grow on the way down, so that a link
 * to a record whose bit does not is a link to the leaf. A record's leaf always stands below its fork. */

/* The record that `item` is the member of. */
#define asm__container(item, type, member) ((type *)(void *)((char *)(item)-offsetof(type, member)))

enum { ASM__INDEX_SCOPE = 64, ASM__INDEX_TEXT = 128 }; /* the first bit of each part of a key */

/* Bit `number` of a key. Each byte of a text has 16 numbers, of which 9 are used: whether there is such a
 * byte, then its bits. */
static inline bool asm__index_bit(const void *scope, asm_str text, uint64_t hash, uint64_t number) {
    if (number < ASM__INDEX_SCOPE) return hash >> number & 1;
    if (number < ASM__INDEX_TEXT) return (uint64_t)(uintptr_t)scope >> (number - ASM__INDEX_SCOPE) & 1;
    const uint64_t at = (number - ASM__INDEX_TEXT) / 16;
    const unsigned part = (unsigned)number % 16;
    return at < text.size && (!part || (unsigned char)text.data[at] >> (part - 1) & 1);
}

/* The leaf to which a key's bits lead: it has the key, if any in the tree does. */
static inline asm__indexed *asm__index_leaf(asm__indexed *item, const void *scope, asm_str text,
                                            uint64_t hash) {
    for (uint64_t above = 0; item && item->bit > above;) {
        above = item->bit;
        item = item->child[asm__index_bit(scope, text, hash, above - 1)];
    }
    return item;
}

static inline asm__indexed *asm__index_find(const asm__index *index, const void *scope, asm_str text,
                                            uint64_t hash) {
    asm__indexed *root = index->roots ? index->roots[(size_t)hash & index->mask] : index->root;
    asm__indexed *item = asm__index_leaf(root, scope, text, hash);
    const bool is_it = item && item->hash == hash && item->scope == scope && item->text.size == text.size &&
                       (!text.size || memcmp(item->text.data, text.data, text.size) == 0);
    return is_it ? item : NULL;
}

#ifdef __cplusplus
extern "C" {
#endif

/* Adds what is not in the index yet. Its hash, scope and text must be set, and stay. */
ASM__PRIVATE void asm__index_insert(asm__index *index, asm__indexed *item);

/* Removes what is in the index. */
ASM__PRIVATE void asm__index_remove(asm__index *index, asm__indexed *item);

/* Takes one after the other out of the index, the first with *from == 0; NULL if it is empty. Nothing else
 * may be done with it until then. */
ASM__PRIVATE asm__indexed *asm__index_take(asm__index *index, size_t *from);

/* Forgets all that is in the index, and frees its table. */
ASM__PRIVATE void asm__index_close(asm__index *index);

#ifdef __cplusplus
}
#endif

ASM__WARNINGS_BACK
#endif /* ASM__SHARED_INCLUDED */
#endif /* shared */

/* =========================================================================================================
 * Implementation
 *
 *   >>json: results, text views, utf-8, buffer
 *   >>json: days                  the calendar
 *   >>scan: times                 quick reading of times
 *   >>json: time                  written and read
 *   >>json: numbers               decimal to double and back, in integers
 *   >>json: characters            what the writer escapes, and the reader unescapes
 *   >>scan: wide                  sixty-four bytes at once: the contract, then avx512
 *   >>json: escaping, reader, spans, strings in pieces, writer
 *   >>json: index                 of records, by a key
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_JSON_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_JSON_IMPLEMENTED
#define ASM_JSON_IMPLEMENTED

ASM__WARNINGS_OFF

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>json: results */

ASM_API const char *asm_result_string(asm_result result) {
    switch (result) {
#define ASM__X(name, value, text)                                                                            \
    case name:                                                                                               \
        return text;
        ASM_RESULTS(ASM__X)
#undef ASM__X
    }
    return "unknown result";
}

ASM_API const char *asm_version(void) {
    return ASM_VERSION;
}

/* >>json: text views */

ASM_API asm_str asm_str_make(const char *data, size_t size) {
    asm_str text;
    text.data = data;
    text.size = size;
    return text;
}

ASM_API asm_str asm_str_from(const char *text) {
    return asm_str_make(text, text ? strlen(text) : 0);
}

ASM_API bool asm_str_equal(asm_str a, asm_str b) {
    /* A view without bytes has the size 0. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* >>scan: utf-8
 *
 * Sixteen bytes checked at once by three tables: "Validating UTF-8 In Less Than One Instruction Per Byte", Keiser and
 * Lemire, 2021. Chosen at run time where the processor can.
 *
 *   asm__has_tables            whether the others may be called
 *   asm__utf8_end              the end of the whole valid characters from `p`, as far as that is told in blocks of 64
 *   asm__utf8_plain_prefix     how many of the 64 bytes from `p` are whole characters that need no escape, if all are
 *                              but one that continues past them; else 0
 */

/* The start of the character that continues at `p`, as far as it lies after `begin`; `p` if none does. */
static inline const char *asm__utf8_boundary(const char *begin, const char *p) {
    static const unsigned char firsts[4] = {0, 0xC0, 0xE0, 0xF0};
    int i;
    for (i = 1; i <= 3 && p - begin >= i; i++)
        if ((unsigned char)p[-i] >= 0xC0) return (unsigned char)p[-i] >= firsts[i] ? p - i : p;
    return p;
}

#if ASM__NEON || (ASM__SSE2 && defined(__GNUC__) && !ASM__SMALL)
#if ASM__NEON

#define ASM__TABLE_CODE

static inline bool asm__has_tables(void) {
    return true;
}

/* table[index] for each lane; an index is below 16. */
static inline asm__lanes asm__lanes_look_up(asm__lanes table, asm__lanes index) {
    return vqtbl1q_u8(table, index);
}

static inline asm__lanes asm__lanes_high_nibbles(asm__lanes bytes) {
    return vshrq_n_u8(bytes, 4);
}

static inline asm__lanes asm__lanes_both(asm__lanes a, asm__lanes b) {
    return vandq_u8(a, b);
}

static inline asm__lanes asm__lanes_differ(asm__lanes a, asm__lanes b) {
    return veorq_u8(a, b);
}

static inline asm__lanes asm__lanes_all(char c) {
    return vdupq_n_u8((uint8_t)c);
}

/* bytes - c, and 0 where c is larger. */
static inline asm__lanes asm__lanes_above(asm__lanes bytes, char c) {
    return vqsubq_u8(bytes, asm__lanes_all(c));
}

static inline bool asm__lanes_not_zero(asm__lanes bytes) {
    return vmaxvq_u8(bytes) != 0;
}

/* The sixteen bytes that end `count` before the end of `bytes`, which follow `before`. */
#define ASM__LANES_EARLIER(before, bytes, count) vextq_u8(before, bytes, 16 - (count))

#else
#include <tmmintrin.h>

#define ASM__TABLE_CODE                          __attribute__((target("ssse3")))

static inline bool asm__has_tables(void) {
    return __builtin_cpu_supports("ssse3");
}

/* table[index] for each lane; an index is below 16. */
ASM__TABLE_CODE static inline asm__lanes asm__lanes_look_up(asm__lanes table, asm__lanes index) {
    return _mm_shuffle_epi8(table, index);
}

static inline asm__lanes asm__lanes_high_nibbles(asm__lanes bytes) {
    return _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(0x0F));
}

static inline asm__lanes asm__lanes_both(asm__lanes a, asm__lanes b) {
    return _mm_and_si128(a, b);
}

static inline asm__lanes asm__lanes_differ(asm__lanes a, asm__lanes b) {
    return _mm_xor_si128(a, b);
}

static inline asm__lanes asm__lanes_all(char c) {
    return _mm_set1_epi8(c);
}

/* bytes - c, and 0 where c is larger. */
static inline asm__lanes asm__lanes_above(asm__lanes bytes, char c) {
    return _mm_subs_epu8(bytes, _mm_set1_epi8(c));
}

static inline bool asm__lanes_not_zero(asm__lanes bytes) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) != 0xFFFF;
}

/* The sixteen bytes that end `count` before the end of `bytes`, which follow `before`. */
#define ASM__LANES_EARLIER(before, bytes, count) _mm_alignr_epi8(bytes, before, 16 - (count))

#endif

/* What is wrong with two bytes that follow each other, a bit each. */
enum {
    ASM__TOO_SHORT = 1,     /* a first byte, and no continuation */
    ASM__TOO_LONG = 2,      /* ASCII, and a continuation */
    ASM__OVERLONG_3 = 4,    /* E0 80 to E0 9F */
    ASM__TOO_LARGE = 8,     /* F4 90 and above */
    ASM__SURROGATE = 16,    /* ED A0 to ED BF */
    ASM__OVERLONG_2 = 32,   /* C0, C1 */
    ASM__TOO_LARGE_80 = 64, /* F5 80 and above, and F0 80 to F0 8F */
    ASM__CONTINUATIONS = 128,
    ASM__ANY_FIRST = ASM__TOO_SHORT | ASM__TOO_LONG | ASM__CONTINUATIONS, /* told by the other nibbles */
    ASM__ANY_SECOND = ASM__TOO_LONG | ASM__OVERLONG_2 | ASM__CONTINUATIONS,
    ASM__LARGE = ASM__TOO_LARGE | ASM__TOO_LARGE_80
};

/* Faults that a first byte can be part of, by its high and by its low nibble, and a second byte, by its high nibble. */
static const unsigned char asm__first_high[16] = {ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__TOO_LONG,
                                                  ASM__CONTINUATIONS,
                                                  ASM__CONTINUATIONS,
                                                  ASM__CONTINUATIONS,
                                                  ASM__CONTINUATIONS,
                                                  ASM__TOO_SHORT | ASM__OVERLONG_2,
                                                  ASM__TOO_SHORT,
                                                  ASM__TOO_SHORT | ASM__OVERLONG_3 | ASM__SURROGATE,
                                                  ASM__TOO_SHORT | ASM__LARGE};
static const unsigned char asm__first_low[16] = {ASM__ANY_FIRST | ASM__OVERLONG_3 | ASM__OVERLONG_2 |
                                                     ASM__TOO_LARGE_80,
                                                 ASM__ANY_FIRST | ASM__OVERLONG_2,
                                                 ASM__ANY_FIRST,
                                                 ASM__ANY_FIRST,
                                                 ASM__ANY_FIRST | ASM__TOO_LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE | ASM__SURROGATE,
                                                 ASM__ANY_FIRST | ASM__LARGE,
                                                 ASM__ANY_FIRST | ASM__LARGE};
static const unsigned char asm__second_high[16] = {ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__ANY_SECOND | ASM__OVERLONG_3 | ASM__TOO_LARGE_80,
                                                   ASM__ANY_SECOND | ASM__OVERLONG_3 | ASM__TOO_LARGE,
                                                   ASM__ANY_SECOND | ASM__SURROGATE | ASM__TOO_LARGE,
                                                   ASM__ANY_SECOND | ASM__SURROGATE | ASM__TOO_LARGE,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT,
                                                   ASM__TOO_SHORT};

/* Not zero where a byte cannot stand after those before it. Two continuations are only right as the third and fourth byte
 * of a character, and must be there then. */
ASM__TABLE_CODE static inline asm__lanes asm__utf8_faults(asm__lanes before, asm__lanes bytes) {
    asm__lanes previous = ASM__LANES_EARLIER(before, bytes, 1);
    asm__lanes low = asm__lanes_both(previous, asm__lanes_all(0x0F));
    asm__lanes pairs = asm__lanes_both(
        asm__lanes_both(asm__lanes_look_up(asm__lanes_load((const char *)asm__first_high),
                                           asm__lanes_high_nibbles(previous)),
                        asm__lanes_look_up(asm__lanes_load((const char *)asm__first_low), low)),
        asm__lanes_look_up(asm__lanes_load((const char *)asm__second_high), asm__lanes_high_nibbles(bytes)));
    asm__lanes third = asm__lanes_above(ASM__LANES_EARLIER(before, bytes, 2), (char)(0xE0 - 0x80));
    asm__lanes fourth = asm__lanes_above(ASM__LANES_EARLIER(before, bytes, 3), (char)(0xF0 - 0x80));
    asm__lanes wanted = asm__lanes_both(asm__lanes_either(third, fourth), asm__lanes_all((char)0x80));
    return asm__lanes_differ(pairs, wanted);
}

/* Not zero where a character ends that asm__wants_escape(): U+0080 to U+009F, U+2028 and U+2029. */
ASM__TABLE_CODE static inline asm__lanes asm__utf8_unwanted(asm__lanes before, asm__lanes bytes) {
    asm__lanes previous = ASM__LANES_EARLIER(before, bytes, 1);
    asm__lanes controls = asm__lanes_both(asm__lanes_equal(previous, (char)0xC2),
                                          asm__lanes_equal(asm__lanes_above(bytes, (char)0x9F), 0));
    asm__lanes separators =
        asm__lanes_both(asm__lanes_both(asm__lanes_equal(ASM__LANES_EARLIER(before, bytes, 2), (char)0xE2),
                                        asm__lanes_equal(previous, (char)0x80)),
                        asm__lanes_equal(asm__lanes_both(bytes, asm__lanes_all((char)0xFE)), (char)0xA8));
    return asm__lanes_either(controls, separators);
}

ASM__TABLE_CODE static const char *asm__utf8_end(const char *p, const char *end) {
    const char *begin = p;
    asm__lanes before = asm__lanes_all(0);
    for (; end - p >= 64; p += 64) {
        asm__lanes a = asm__lanes_load(p), b = asm__lanes_load(p + 16);
        asm__lanes c = asm__lanes_load(p + 32), d = asm__lanes_load(p + 48);
        asm__lanes low = asm__lanes_either(asm__utf8_faults(before, a), asm__utf8_faults(a, b));
        asm__lanes high = asm__lanes_either(asm__utf8_faults(b, c), asm__utf8_faults(c, d));
        if (asm__lanes_not_zero(asm__lanes_either(low, high))) break;
        before = d;
    }
    return asm__utf8_boundary(begin, p);
}

ASM__TABLE_CODE static unsigned asm__utf8_plain_prefix(const char *p) {
    asm__lanes before = asm__lanes_all(0), faults = before;
    int i;
    for (i = 0; i < 64; i += 16) {
        asm__lanes bytes = asm__lanes_load(p + i);
        faults = asm__lanes_either(faults, asm__utf8_faults(before, bytes));
        faults = asm__lanes_either(faults, asm__utf8_unwanted(before, bytes));
        before = bytes;
    }
    return asm__lanes_not_zero(faults) ? 0 : (unsigned)(asm__utf8_boundary(p, p + 64) - p);
}

#else

static inline bool asm__has_tables(void) {
    return false;
}

static inline const char *asm__utf8_end(const char *p, const char *end) {
    (void)end;
    return p;
}

static inline unsigned asm__utf8_plain_prefix(const char *p) {
    (void)p;
    return 0;
}

#endif

/* >>json: utf-8 */

/* The length of the character at `p`, of which `size` bytes (at least 1) can be read; for invalid UTF-8,
 * minus the length of the longest piece that could have begun one (Unicode 15, section 3.9, table 3-7). */
static int asm__utf8_length(const char *p, size_t size) {
    const unsigned char *s = (const unsigned char *)p;
    unsigned char low = 0x80, high = 0xBF;
    int length, i;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return -1;
    length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] == 0xE0) low = 0xA0;
    if (s[0] == 0xED) high = 0x9F;
    if (s[0] == 0xF0) low = 0x90;
    if (s[0] == 0xF4) high = 0x8F;
    for (i = 1; i < length; i++) {
        if ((size_t)i >= size || s[i] < low || s[i] > high) return -i;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

ASM_API uint32_t asm_utf8_decode(asm_str text, size_t *at) {
    if (!at) return 0;
    const unsigned char *s = (const unsigned char *)text.data + *at;
    int length = asm__utf8_length(text.data + *at, text.size - *at);
    if (length < 0) {
        *at += (size_t)-length;
        return 0xFFFD;
    }
    *at += (size_t)length;
    if (length == 1) return s[0];
    if (length == 2) return ((uint32_t)(s[0] & 0x1F) << 6) | (s[1] & 0x3Fu);
    if (length == 3) return ((uint32_t)(s[0] & 0x0F) << 12) | ((uint32_t)(s[1] & 0x3F) << 6) | (s[2] & 0x3Fu);
    return ((uint32_t)(s[0] & 0x07) << 18) | ((uint32_t)(s[1] & 0x3F) << 12) |
           ((uint32_t)(s[2] & 0x3F) << 6) | (s[3] & 0x3Fu);
}

/* Writes the UTF-8 of a code point up to U+10FFFF to `out` (4 bytes) and returns its length. */
static size_t asm__utf8_encode(uint32_t c, char *out) {
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
    static const unsigned char lead[5] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(lead[length] | c);
    return length;
}

/* The end of the run of ASCII bytes from `p`. */
static const char *asm__ascii_end(const char *p, const char *end) {
    while (end - p >= 16 && !asm__lanes_any(asm__lanes_non_ascii(asm__lanes_load(p))))
        p += 16;
    while (end - p >= 8 && (asm__load64(p) & (ASM__EACH_BYTE * 0x80)) == 0)
        p += 8;
    while (p < end && (unsigned char)*p < 0x80)
        p++;
    return p;
}

/* Past characters of three bytes, two at a time, as most are in Chinese, Japanese and Korean: but those that begin with E0, E2 or
 * ED, of which some are invalid or asm__wants_escape(). */
static inline const char *asm__utf8_threes_end(const char *p, const char *end) {
    const unsigned plain = 0xDFFA; /* bit n: characters that begin with En */
    for (; !ASM__SMALL && end - p >= 8; p += 6) {
        const uint64_t word = asm__load_little(p);
        if ((word & UINT64_C(0xC0C0F0C0C0F0)) != UINT64_C(0x8080E08080E0) ||
            !(plain >> (word & 15) & plain >> (word >> 24 & 15) & 1))
            break;
    }
    return p;
}

static const char *asm__utf8_sure_end(const char *p, const char *end); /* see >>scan: wide */

ASM_API size_t asm_utf8_check(asm_str text) {
    const char *p = text.data, *end = asm__end(text);
    if (text.size == 0) return 0;
    while ((p = asm__ascii_end(p, end)) < end) {
        p = asm__utf8_sure_end(p, end);
        while (p < end && (unsigned char)*p >= 0x80) {
            int length = asm__utf8_length(p, (size_t)(end - p));
            if (length < 0) return (size_t)(p - text.data);
            p = asm__utf8_threes_end(p + length, end);
        }
    }
    return text.size;
}

ASM_API asm_str asm_utf8_prefix(asm_str text, size_t count) {
    const char *p = text.data, *end = asm__end(text);
    if (count >= text.size) return text; /* no more code points than bytes */
    while (count > 0 && p < end) {
        const char *ascii = asm__ascii_end(p, (size_t)(end - p) > count ? p + count : end);
        count -= (size_t)(ascii - p);
        for (p = ascii; count > 0 && p < end && (unsigned char)*p >= 0x80; count--) {
            int length = asm__utf8_length(p, (size_t)(end - p));
            p += length < 0 ? -length : length;
        }
    }
    return asm_str_make(text.data, (size_t)(p - text.data));
}

/* The number of code points in valid text: of the bytes that begin one. */
static size_t asm__count_valid(asm_str text) {
    const char *p = text.data, *end = asm__end(text);
    size_t count = text.size;
    for (; end - p >= 64; p += 64)
        count -= asm__continuing_64(p);
    for (; p < end; p++)
        count -= ((unsigned char)*p & 0xC0) == 0x80;
    return count;
}

ASM_API size_t asm_utf8_count(asm_str text) {
    size_t count = 0;
    while (text.size > 0) {
        size_t valid = asm_utf8_check(text);
        if (valid > 0) count += asm__count_valid(asm_str_make(text.data, valid));
        if (valid < text.size) {
            asm_utf8_decode(text, &valid);
            count++;
        }
        text = asm_str_make(text.data + valid, text.size - valid);
    }
    return count;
}

/* >>json: buffer */

ASM_API void asm_buffer_init_fixed(asm_buffer *buffer, void *memory, size_t capacity) {
    if (!buffer) return;
    memset(buffer, 0, sizeof *buffer);
    buffer->data = (char *)memory;
    if (memory) buffer->capacity = capacity;
    else if (capacity > 0) buffer->result = ASM_ERR_INVALID_ARGUMENT;
}

ASM_API void asm_buffer_init_growing(asm_buffer *buffer) {
    if (!buffer) return;
    memset(buffer, 0, sizeof *buffer);
    buffer->growing = true;
}

ASM_API void asm_buffer_init_stream(asm_buffer *buffer, void *memory, size_t capacity,
                                    asm_write_function write, void *user) {
    if (!buffer) return;
    asm_buffer_init_fixed(buffer, memory, capacity);
    buffer->write = write;
    buffer->user = user;
    if (!memory || !write || capacity < ASM_BUFFER_STREAM_MIN) buffer->result = ASM_ERR_INVALID_ARGUMENT;
}

static asm_result asm__buffer_fail(asm_buffer *buffer, asm_result result) {
    if (buffer->result == ASM_OK) buffer->result = result;
    return buffer->result;
}

static asm_result asm__buffer_grow(asm_buffer *buffer, size_t size) {
    size_t capacity = buffer->capacity < 128 ? 256 : buffer->capacity;
    char *data;
    if (size > SIZE_MAX / 2 - buffer->size) return asm__buffer_fail(buffer, ASM_ERR_NO_MEMORY);
    while (capacity - buffer->size < size)
        capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX / 2 : capacity + capacity / 2;
    data = (char *)ASM_REALLOC(buffer->data, capacity);
    if (!data) return asm__buffer_fail(buffer, ASM_ERR_NO_MEMORY);
    buffer->data = data;
    buffer->capacity = capacity;
    return ASM_OK;
}

ASM_API asm_result asm_buffer_flush(asm_buffer *buffer) {
    if (!buffer) return ASM_ERR_INVALID_ARGUMENT;
    if (buffer->result == ASM_OK && buffer->write && buffer->size > 0) {
        asm_result result = buffer->write(buffer->user, buffer->data, buffer->size);
        if (result != ASM_OK) return asm__buffer_fail(buffer, result);
        buffer->size = 0;
    }
    return buffer->result;
}

ASM_API asm_result asm_buffer_reserve(asm_buffer *buffer, size_t size) {
    if (!buffer) return ASM_ERR_INVALID_ARGUMENT;
    if (buffer->result != ASM_OK || buffer->capacity - buffer->size >= size) return buffer->result;
    if (buffer->growing) return asm__buffer_grow(buffer, size);
    if (buffer->write && asm_buffer_flush(buffer) != ASM_OK) return buffer->result;
    return buffer->capacity - buffer->size >= size ? ASM_OK : asm__buffer_fail(buffer, ASM_ERR_NO_SPACE);
}

ASM_API asm_result asm_buffer_append(asm_buffer *buffer, asm_str text) {
    if (!buffer) return ASM_ERR_INVALID_ARGUMENT;
    if (text.size == 0 || buffer->result != ASM_OK) return buffer->result;
    if (buffer->capacity - buffer->size < text.size) {
        if (buffer->write && asm_buffer_flush(buffer) != ASM_OK) return buffer->result;
        if (buffer->write && text.size >= buffer->capacity) {
            asm_result result = buffer->write(buffer->user, text.data, text.size);
            return result == ASM_OK ? ASM_OK : asm__buffer_fail(buffer, result);
        }
        if (asm_buffer_reserve(buffer, text.size) != ASM_OK) return buffer->result;
    }
    memcpy(buffer->data + buffer->size, text.data, text.size);
    buffer->size += text.size;
    return ASM_OK;
}

ASM_API asm_result asm_buffer_append_byte(asm_buffer *buffer, char byte) {
    bool room = buffer && buffer->result == ASM_OK && buffer->size < buffer->capacity;
    if (!buffer) return ASM_ERR_INVALID_ARGUMENT;
    if (room || asm_buffer_reserve(buffer, 1) == ASM_OK) buffer->data[buffer->size++] = byte;
    return buffer->result;
}

ASM_API asm_result asm_buffer_append_utf8(asm_buffer *buffer, asm_str text, size_t *replaced) {
    asm_str rest = text;
    size_t begin = buffer ? buffer->size : 0, count = 0;
    if (!buffer) return ASM_ERR_INVALID_ARGUMENT;
    while (rest.size > 0) {
        size_t good = asm_utf8_check(rest);
        asm_buffer_append(buffer, asm_str_make(rest.data, good));
        if (good < rest.size) {
            asm_utf8_decode(rest, &good);
            asm_buffer_append(buffer, asm_str_make("\xEF\xBF\xBD", 3));
            count++;
        }
        rest = asm_str_make(rest.data + good, rest.size - good);
    }
    if (asm__buffer_undo(buffer, begin) == ASM_OK && replaced) *replaced += count;
    return buffer->result;
}

ASM_API void asm_buffer_clear(asm_buffer *buffer) {
    if (!buffer) return;
    buffer->size = 0;
    buffer->result = ASM_OK;
}

ASM_API void asm_buffer_close(asm_buffer *buffer) {
    if (!buffer) return;
    if (buffer->growing) {
        ASM_FREE(buffer->data); /* NOLINT(clang-analyzer-unix.Malloc): only growing buffers come here */
        buffer->data = NULL;
        buffer->capacity = 0;
    }
    asm_buffer_clear(buffer);
}

ASM_API asm_str asm_buffer_text(const asm_buffer *buffer) {
    if (!buffer) return asm_str_make(NULL, 0);
    return asm_str_make(buffer->data ? buffer->data : "", buffer->size);
}

/* >>json: days */

/* Whether there is such a day. */
static inline bool asm__is_date(unsigned year, unsigned month, unsigned day) {
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1) return false;
    return day <= 28 || day <= (month == 2 ? 28 + (unsigned)leap : 30 | (month ^ month >> 3));
}

/* Days since 1970-01-01 and back, from the year 0 on, in the proleptic Gregorian calendar: "Euclidean Affine
 * Functions and their Application to Calendar Algorithms", Neri and Schneider, 2022; years begin in March. */
static inline int64_t asm__days_from_date(unsigned year, unsigned month, unsigned day) {
    unsigned shifted = year + 400 - (month <= 2), century = shifted / 100;
    unsigned day_of_year = (979 * (month <= 2 ? month + 12 : month) - 2919) / 32 + day - 1;
    return (int64_t)(1461 * shifted / 4 - century + century / 4 + day_of_year) - 719468 - 146097;
}

/* >>scan: times
 *
 *   asm__parse_usual_time   reads a time of 27 bytes as asm_time_format() writes it; false if it has another form, does
 *                           not exist or is a leap second, and maybe else: then it has to be read byte by byte
 */
#if ASM__SSE2

static inline bool asm__parse_usual_time(const char *p, asm_time *time) {
    const __m128i none = _mm_setzero_si128();
    /* The digits, and 0 for what stands between them. */
    __m128i date = _mm_xor_si128(asm__lanes_load(p), asm__lanes_load("0000-00-00T00:00"));
    __m128i clock = _mm_xor_si128(asm__lanes_load(p + 11), asm__lanes_load("00:00:00.000000Z"));
    /* How far each is above the highest that may stand there. */
    __m128i above =
        _mm_or_si128(_mm_subs_epu8(date, _mm_setr_epi8(9, 9, 9, 9, 0, 1, 9, 0, 3, 9, 0, 2, 9, 0, 5, 9)),
                     _mm_subs_epu8(clock, _mm_setr_epi8(2, 9, 0, 5, 9, 0, 5, 9, 0, 9, 9, 9, 9, 9, 9, 0)));
    unsigned year, month, day;
    int64_t seconds, fraction;
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(above, none)) != 0xFFFF) return false;
    /* In twos: YY YY 0M M0 DD 00 hh 00 becomes the year, the month and the day. */
    date = _mm_packs_epi32(
        _mm_madd_epi16(_mm_unpacklo_epi8(date, none), _mm_setr_epi16(10, 1, 10, 1, 0, 10, 1, 0)),
        _mm_madd_epi16(_mm_unpackhi_epi8(date, none), _mm_setr_epi16(10, 1, 0, 0, 0, 0, 0, 0)));
    date = _mm_madd_epi16(date, _mm_setr_epi16(100, 1, 1, 1, 1, 0, 0, 0));
    year = (unsigned)_mm_extract_epi16(date, 0);
    month = (unsigned)_mm_extract_epi16(date, 2);
    day = (unsigned)_mm_extract_epi16(date, 4);
    /* hh 0m m0 ss 0f ff ff f0 becomes two numbers of seconds and two of microseconds, to be added. */
    clock = _mm_packs_epi32(
        _mm_madd_epi16(_mm_unpacklo_epi8(clock, none), _mm_setr_epi16(10, 1, 0, 10, 1, 0, 10, 1)),
        _mm_madd_epi16(_mm_unpackhi_epi8(clock, none), _mm_setr_epi16(0, 10, 10, 1, 10, 1, 1, 0)));
    clock = _mm_madd_epi16(clock, _mm_setr_epi16(3600, 60, 60, 1, 10000, 1000, 10, 1));
    clock = _mm_add_epi32(clock, _mm_srli_epi64(clock, 32));
    seconds = _mm_cvtsi128_si32(clock);
    fraction = _mm_cvtsi128_si32(_mm_srli_si128(clock, 8));
    if (!asm__is_date(year, month, day) || seconds >= 86400) return false;
    *time = (asm__days_from_date(year, month, day) * 86400 + seconds) * 1000000 + fraction;
    return true;
}
#else

static inline bool asm__parse_usual_time(const char *p, asm_time *time) {
    (void)p, (void)time;
    return false;
}

#endif

/* >>json: time */

static void asm__put_digits(char *out, unsigned value, int digits) {
    int i;
    for (i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* A number below 100 as two digits. */
static inline void asm__put_two_digits(char *out, uint32_t value) {
    static const char digits[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    memcpy(out, digits + (size_t)value * 2, 2);
}

/* The date of a day, counted from 1 March of the year -400, as YYYY-MM-DD but for the hyphens. */
static void asm__put_date(char *out, uint32_t days) {
    uint32_t century = (4 * days + 3) / 146097, day_of_century = (4 * days + 3) % 146097 / 4;
    uint64_t years = UINT64_C(2939745) * (4 * day_of_century + 3);
    uint32_t year = (uint32_t)(years >> 32), day_of_year = (uint32_t)years / 2939745 / 4;
    uint32_t month_and_day = 2141 * day_of_year + 197913, month = month_and_day >> 16;
    if (month > 12) { /* January and February belong to the year before */
        month -= 12;
        if (++year == 100) year = 0, century++;
    }
    asm__put_two_digits(out, century - 4);
    asm__put_two_digits(out + 2, year);
    asm__put_two_digits(out + 5, month);
    asm__put_two_digits(out + 8, (month_and_day & 0xFFFF) / 2141 + 1);
}

/* Whether a time can be written. */
ASM__PRIVATE bool asm__time_is_valid(asm_time time, int precision) {
    return time >= INT64_C(-62167219200000000) && time < INT64_C(253402300800000000) && precision >= 0 &&
           precision <= ASM_TIME_PRECISION_MICROSECONDS;
}

/* How many of `parts` a fraction in 32 bits is, which becomes the rest. */
static inline uint32_t asm__next_part(uint32_t *fraction, uint32_t parts) {
    const uint64_t product = (uint64_t)*fraction * parts;
    *fraction = (uint32_t)product;
    return (uint32_t)(product >> 32);
}

/* asm_time_format() for a time that is valid. */
ASM__PRIVATE size_t asm__format_time(asm_time time, int precision, char *out) {
    static const unsigned divisors[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    /* Counted from the year -400, so that it is not negative. A difference below 2^32 of two products needs only their lower
     * 32 bits. */
    uint64_t micros = (uint64_t)time + UINT64_C(865565) * 86400 * 1000000, seconds = micros / 1000000;
    uint32_t days = (uint32_t)(seconds / 86400), second = (uint32_t)seconds - days * 86400;
    uint32_t fraction = (uint32_t)micros - (uint32_t)seconds * 1000000, rest;
    /* Hours, and hundredths of a second, with 32 bits after the point: rounded up, they are too large by less than what
     * makes a difference in the last of their parts. */
    uint64_t hours = second * UINT64_C(1193047), hundredths = fraction * UINT64_C(429497);
    int size;
    memcpy(out, "0000-00-00T00:00:00.000000Z", ASM_TIME_TEXT_SIZE);
    asm__put_two_digits(out + 11, (uint32_t)(hours >> 32));
    rest = (uint32_t)hours;
    asm__put_two_digits(out + 14, asm__next_part(&rest, 60));
    asm__put_two_digits(out + 17, asm__next_part(&rest, 60));
    asm__put_date(out, days);
    if (precision == ASM_TIME_PRECISION_MICROSECONDS ||
        (precision == ASM_TIME_PRECISION_AUTO && fraction % 1000 != 0)) {
        asm__put_two_digits(out + 20, (uint32_t)(hundredths >> 32));
        rest = (uint32_t)hundredths;
        asm__put_two_digits(out + 22, asm__next_part(&rest, 100));
        asm__put_two_digits(out + 24, asm__next_part(&rest, 100));
        return ASM_TIME_TEXT_SIZE;
    }
    if (precision == ASM_TIME_PRECISION_AUTO) precision = ASM_TIME_PRECISION_MILLISECONDS;
    size = precision == ASM_TIME_PRECISION_SECONDS ? 20 : 20 + precision;
    asm__put_digits(out + 20, fraction / divisors[precision - 1], precision - 1);
    out[size - 1] = 'Z';
    return (size_t)size;
}

ASM_API size_t asm_time_format(asm_time time, int precision, char out[ASM_TIME_TEXT_SIZE]) {
    return out && asm__time_is_valid(time, precision) ? asm__format_time(time, precision, out) : 0;
}

static bool asm__take_byte(const char **p, const char *end, char byte) {
    if (*p >= end || **p != byte) return false;
    ++*p;
    return true;
}

static bool asm__take_two_digits(const char **p, const char *end, unsigned *number) {
    if (end - *p < 2 || !asm__is_digit((*p)[0]) || !asm__is_digit((*p)[1])) return false;
    *number = (unsigned)((*p)[0] - '0') * 10 + (unsigned)((*p)[1] - '0');
    *p += 2;
    return true;
}

/* The offset at the end of a time in minutes: Z, or +hh:mm with the colon optional. */
static bool asm__take_zone(const char **p, const char *end, int *minutes) {
    unsigned hours, rest;
    int sign;
    *minutes = 0;
    if (asm__take_byte(p, end, 'Z') || asm__take_byte(p, end, 'z')) return true;
    sign = asm__take_byte(p, end, '-') ? -1 : 1;
    if ((sign == 1 && !asm__take_byte(p, end, '+')) || !asm__take_two_digits(p, end, &hours)) return false;
    asm__take_byte(p, end, ':');
    if (!asm__take_two_digits(p, end, &rest)) return false;
    *minutes = sign * (int)(hours * 60 + rest);
    return hours < 24 && rest < 60;
}

/* The digits of a second after the point as microseconds; returns how many there are. */
static unsigned asm__take_fraction(const char **p, const char *end, unsigned *fraction) {
    unsigned digits = 0, i;
    *fraction = 0;
    for (; *p < end && asm__is_digit(**p); ++*p, digits++)
        if (digits < 6) *fraction = *fraction * 10 + (unsigned)(**p - '0');
    for (i = digits; i < 6; i++)
        *fraction *= 10;
    return digits;
}

/* A time of any form. */
ASM__RARE asm_result asm__parse_time(asm_str text, asm_time *time, int *precision) {
    const char *p = text.data, *end = asm__end(text);
    unsigned century, year, month, day, hour, minute, second, fraction = 0, digits = 0;
    asm_time parsed;
    int zone;
    if (!asm__take_two_digits(&p, end, &century) || !asm__take_two_digits(&p, end, &year) ||
        !asm__take_byte(&p, end, '-') || !asm__take_two_digits(&p, end, &month) ||
        !asm__take_byte(&p, end, '-') || !asm__take_two_digits(&p, end, &day))
        return ASM_ERR_SYNTAX;
    if (!asm__take_byte(&p, end, 'T') && !asm__take_byte(&p, end, 't') && !asm__take_byte(&p, end, ' '))
        return ASM_ERR_SYNTAX;
    if (!asm__take_two_digits(&p, end, &hour) || !asm__take_byte(&p, end, ':') ||
        !asm__take_two_digits(&p, end, &minute) || !asm__take_byte(&p, end, ':') ||
        !asm__take_two_digits(&p, end, &second))
        return ASM_ERR_SYNTAX;
    if (asm__take_byte(&p, end, '.')) {
        digits = asm__take_fraction(&p, end, &fraction);
        if (digits == 0) return ASM_ERR_SYNTAX;
    }
    year += century * 100;
    if (!asm__take_zone(&p, end, &zone) || p != end) return ASM_ERR_SYNTAX;
    if (!asm__is_date(year, month, day) || hour > 23 || minute > 59 || second > 60) return ASM_ERR_RANGE;
    parsed = (asm__days_from_date(year, month, day) * 24 + (int64_t)hour) * 60 + (int64_t)minute - zone;
    parsed = (parsed * 60 + (int64_t)second) * 1000000 + (int64_t)fraction;
    if (parsed < ASM__FIRST_TIME || parsed > ASM__LAST_TIME) return ASM_ERR_RANGE;
    *time = parsed;
    if (precision) *precision = 1 + (int)(digits < 6 ? digits : 6);
    return ASM_OK;
}

ASM_API asm_result asm_time_parse(asm_str text, asm_time *time, int *precision) {
    if (!time) return ASM_ERR_INVALID_ARGUMENT;
    if (text.size == ASM_TIME_TEXT_SIZE && asm__parse_usual_time(text.data, time)) {
        if (precision) *precision = ASM_TIME_PRECISION_MICROSECONDS;
        return ASM_OK;
    }
    return asm__parse_time(text, time, precision);
}

/* >>json: numbers */

/* An unsigned number of up to 4,096 bits, its lowest limb first: enough for every product that comparing a
 * double with 800 decimal digits needs. */
typedef struct asm__big {
    uint32_t limbs[128];
    unsigned count; /* without leading zeros */
} asm__big;

static void asm__big_set(asm__big *big, uint64_t value) {
    big->limbs[0] = (uint32_t)value;
    big->limbs[1] = (uint32_t)(value >> 32);
    big->count = value >> 32 ? 2 : value ? 1 : 0;
}

static void asm__big_multiply_add(asm__big *big, uint32_t factor, uint32_t carry) {
    unsigned i;
    uint64_t sum = carry;
    for (i = 0; i < big->count; i++) {
        sum += (uint64_t)big->limbs[i] * factor;
        big->limbs[i] = (uint32_t)sum;
        sum >>= 32;
    }
    if (sum && big->count < 128) big->limbs[big->count++] = (uint32_t)sum;
}

static void asm__big_multiply_power_of_10(asm__big *big, unsigned exponent) {
    for (; exponent >= 9; exponent -= 9)
        asm__big_multiply_add(big, 1000000000, 0);
    for (; exponent > 0; exponent--)
        asm__big_multiply_add(big, 10, 0);
}

static void asm__big_shift_left(asm__big *big, unsigned bits) {
    unsigned words = bits / 32, i;
    if (bits % 32) asm__big_multiply_add(big, (uint32_t)1 << bits % 32, 0);
    if (words == 0 || big->count == 0 || big->count + words > 128) return;
    for (i = big->count; i > 0; i--)
        big->limbs[i - 1 + words] = big->limbs[i - 1];
    memset(big->limbs, 0, words * sizeof big->limbs[0]);
    big->count += words;
}

static int asm__big_compare(const asm__big *a, const asm__big *b) {
    unsigned i;
    if (a->count != b->count) return a->count < b->count ? -1 : 1;
    for (i = a->count; i > 0; i--)
        if (a->limbs[i - 1] != b->limbs[i - 1]) return a->limbs[i - 1] < b->limbs[i - 1] ? -1 : 1;
    return 0;
}

static void asm__big_add(asm__big *a, const asm__big *b) {
    unsigned i;
    uint64_t sum = 0;
    for (i = 0; i < a->count || i < b->count || sum; i++) {
        if (i >= 128) return;
        if (i >= a->count) a->limbs[a->count++] = 0;
        sum += (uint64_t)a->limbs[i] + (i < b->count ? b->limbs[i] : 0);
        a->limbs[i] = (uint32_t)sum;
        sum >>= 32;
    }
}

/* a -= b, where a >= b. */
static void asm__big_subtract(asm__big *a, const asm__big *b) {
    unsigned i;
    int64_t difference = 0;
    for (i = 0; i < a->count; i++) {
        difference += (int64_t)a->limbs[i] - (i < b->count ? (int64_t)b->limbs[i] : 0);
        a->limbs[i] = (uint32_t)difference;
        difference >>= 32;
    }
    while (a->count > 0 && a->limbs[a->count - 1] == 0)
        a->count--;
}

/* How many bits it has, without leading zeros. */
static unsigned asm__big_bits(const asm__big *big) {
    return big->count ? 32 * (big->count - 1) + (unsigned)asm__highest_bit(big->limbs[big->count - 1]) + 1
                      : 0;
}

/* The 64 lowest bits of big / 2^bits, rounded half up. */
static uint64_t asm__big_shift_right_rounded(const asm__big *big, unsigned bits) {
    uint64_t value = 0;
    unsigned i;
    if (bits > 32 * big->count) return 0;
    for (i = 0; i < 64 && bits + i < 32 * big->count; i++)
        value |= (uint64_t)(big->limbs[(bits + i) / 32] >> (bits + i) % 32 & 1) << i;
    return value + (bits > 0 ? big->limbs[(bits - 1) / 32] >> (bits - 1) % 32 & 1 : 0);
}

static uint64_t asm__double_bits(double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return bits;
}

static double asm__double_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* Takes the bits of a finite double apart: its magnitude is mantissa * 2^exponent. */
static void asm__double_parts(uint64_t bits, uint64_t *mantissa, int *exponent) {
    *mantissa = bits & UINT64_C(0xFFFFFFFFFFFFF);
    *exponent = (int)(bits >> 52 & 0x7FF);
    if (*exponent) *mantissa |= UINT64_C(1) << 52;
    else *exponent = 1;
    *exponent -= 1075;
}

#define ASM__INFINITY_BITS (UINT64_C(0x7FF) << 52)

/* A number above 0 as mantissa * 2^exponent; the mantissa's highest bit is set. */
typedef struct asm__scaled {
    uint64_t mantissa;
    int exponent;
} asm__scaled;

/* The binary exponent of 10^power as an asm__scaled (power from -1000 to 1000). */
static int asm__power_exponent(int power) {
    int product = power * 217706; /* log2(10) * 65536 */
    return (product >= 0 ? product / 65536 : -((65535 - product) / 65536)) - 63;
}

/* Multiplies, and drops what is below the mantissa's last place. */
static void asm__scaled_multiply(asm__scaled *number, uint64_t mantissa, int exponent) {
    uint64_t high = number->mantissa >> 32, low = number->mantissa & UINT32_MAX;
    uint64_t lowest = low * (mantissa & UINT32_MAX);
    uint64_t middle = high * (mantissa & UINT32_MAX) + (lowest >> 32);
    uint64_t other = low * (mantissa >> 32) + (middle & UINT32_MAX);
    uint64_t product = high * (mantissa >> 32) + (middle >> 32) + (other >> 32);
    number->exponent += exponent + 64;
    if (!(product >> 63)) {
        product = product << 1 | (other >> 31 & 1);
        number->exponent--;
    }
    number->mantissa = product;
}

/* value * 10^power, for a value above 0 and powers from -364 to 335, in integers only: what the processor's
 * rounding mode is, and whether it flushes small numbers to zero, is up to the program. Off by less than 5
 * units in the last place: the first power is exact, the second half a unit off, each product drops less than
 * one, and one more shift may double the sum. */
static asm__scaled asm__scale(uint64_t value, int power) {
    static const uint64_t ones[] = {
        /* the mantissas of 10^0 to 10^27 */
        UINT64_C(0x8000000000000000), UINT64_C(0xA000000000000000), UINT64_C(0xC800000000000000),
        UINT64_C(0xFA00000000000000), UINT64_C(0x9C40000000000000), UINT64_C(0xC350000000000000),
        UINT64_C(0xF424000000000000), UINT64_C(0x9896800000000000), UINT64_C(0xBEBC200000000000),
        UINT64_C(0xEE6B280000000000), UINT64_C(0x9502F90000000000), UINT64_C(0xBA43B74000000000),
        UINT64_C(0xE8D4A51000000000), UINT64_C(0x9184E72A00000000), UINT64_C(0xB5E620F480000000),
        UINT64_C(0xE35FA931A0000000), UINT64_C(0x8E1BC9BF04000000), UINT64_C(0xB1A2BC2EC5000000),
        UINT64_C(0xDE0B6B3A76400000), UINT64_C(0x8AC7230489E80000), UINT64_C(0xAD78EBC5AC620000),
        UINT64_C(0xD8D726B7177A8000), UINT64_C(0x878678326EAC9000), UINT64_C(0xA968163F0A57B400),
        UINT64_C(0xD3C21BCECCEDA100), UINT64_C(0x84595161401484A0), UINT64_C(0xA56FA5B99019A5C8),
        UINT64_C(0xCECB8F27F4200F3A)};
    static const uint64_t steps[] = {
        /* of 10^-364 to 10^308, each 10^28 times the one before, to the nearest */
        UINT64_C(0xE1AFA13AFBD14D6E), UINT64_C(0xE3E27A444D8D98B8), UINT64_C(0xE61ACF033D1A45DF),
        UINT64_C(0xE858AD248F5C22CA), UINT64_C(0xEA9C227723EE8BCB), UINT64_C(0xECE53CEC4A314EBE),
        UINT64_C(0xEF340A98172AACE5), UINT64_C(0xF18899B1BC3F8CA2), UINT64_C(0xF3E2F893DEC3F126),
        UINT64_C(0xF64335BCF065D37D), UINT64_C(0xF8A95FCF88747D94), UINT64_C(0xFB158592BE068D2F),
        UINT64_C(0xFD87B5F28300CA0E), UINT64_C(0x8000000000000000), UINT64_C(0x813F3978F8940984),
        UINT64_C(0x82818F1281ED44A0), UINT64_C(0x83C7088E1AAB65DB), UINT64_C(0x850FADC09923329E),
        UINT64_C(0x865B86925B9BC5C2), UINT64_C(0x87AA9AFF79042287), UINT64_C(0x88FCF317F22241E2),
        UINT64_C(0x8A5296FFE33CC930), UINT64_C(0x8BAB8EEFB6409C1A), UINT64_C(0x8D07E33455637EB3),
        UINT64_C(0x8E679C2F5E44FF8F)};
    int step = (power + 364) / 28, one = (power + 364) % 28, shift = 63 - asm__highest_bit(value);
    asm__scaled scaled;
    scaled.mantissa = value << shift;
    scaled.exponent = -shift;
    if (one > 0) asm__scaled_multiply(&scaled, ones[one], asm__power_exponent(one));
    if (step != 13) asm__scaled_multiply(&scaled, steps[step], asm__power_exponent(28 * step - 364));
    return scaled;
}

/* A decimal number: the digits between `begin` and `end` (a point among them is passed over) times
 * 10^exponent. */
typedef struct asm__decimal {
    const char *begin, *end;
    int64_t exponent;
    int64_t digits;   /* how many significant ones it has */
    uint64_t leading; /* the first of them, up to 19 */
} asm__decimal;

#define ASM__LEADING_DIGITS 19

/* Takes valid JSON number text without its sign apart. */
static asm__decimal asm__decimal_from_text(const char *p, const char *end) {
    const int64_t largest = INT64_C(1) << 62; /* no text is so long that its digits could make up for it */
    asm__decimal decimal;
    bool fraction = false, negative;
    int64_t written = 0;
    decimal.leading = 0;
    decimal.digits = decimal.exponent = 0;
    decimal.begin = p;
    for (; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        decimal.exponent -= fraction;
        if (decimal.digits == 0 && *p == '0') continue;
        if (decimal.digits == 0) decimal.begin = p;
        if (decimal.digits < ASM__LEADING_DIGITS)
            decimal.leading = decimal.leading * 10 + (uint64_t)(*p - '0');
        decimal.digits++;
    }
    decimal.end = p;
    if (p == end) return decimal;
    p++;
    negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    for (; p < end; p++)
        written = written < largest / 10 ? written * 10 + (*p - '0') : largest;
    decimal.exponent += negative ? -written : written;
    return decimal;
}

#define ASM__DECIMAL_DIGITS 800 /* more cannot matter: half way between two doubles there are at most 768 */

/* All digits that matter; what follows them counts as one more digit. Returns the exponent that belongs to
 * them. */
static int asm__decimal_to_big(const asm__decimal *decimal, asm__big *big) {
    const char *p;
    int taken = 0;
    bool rest = false;
    asm__big_set(big, decimal->leading);
    if (decimal->digits <= ASM__LEADING_DIGITS) return (int)decimal->exponent;
    asm__big_set(big, 0);
    for (p = decimal->begin; p < decimal->end; p++) {
        if (*p == '.') continue;
        if (taken >= ASM__DECIMAL_DIGITS) {
            rest = rest || *p != '0';
            continue;
        }
        if (big->count == 0 && *p != '0') asm__big_set(big, (uint64_t)(*p - '0'));
        else asm__big_multiply_add(big, 10, (uint32_t)(*p - '0'));
        taken++;
    }
    if (rest) {
        asm__big_multiply_add(big, 10, 1);
        taken++;
    }
    return (int)(decimal->exponent + decimal->digits - taken);
}

/* Compares digits * 10^exponent with the middle between the double of these bits and the next one. */
static int asm__compare_with_middle(const asm__big *digits, int exponent, uint64_t bits) {
    asm__big left = *digits, right;
    uint64_t mantissa;
    int binary;
    asm__double_parts(bits, &mantissa, &binary);
    asm__big_set(&right, 2 * mantissa + 1);
    if (exponent >= 0) asm__big_multiply_power_of_10(&left, (unsigned)exponent);
    else asm__big_multiply_power_of_10(&right, (unsigned)-exponent);
    if (binary >= 1) asm__big_shift_left(&right, (unsigned)(binary - 1));
    else asm__big_shift_left(&left, (unsigned)(1 - binary));
    return asm__big_compare(&left, &right);
}

/* The bits of the nearest double, ties to even, near which `bits` are: moved until they are right. */
static uint64_t asm__decimal_to_bits_exactly(const asm__decimal *decimal, uint64_t bits) {
    asm__big digits;
    int exponent = asm__decimal_to_big(decimal, &digits);
    while (bits < ASM__INFINITY_BITS) {
        int above = asm__compare_with_middle(&digits, exponent, bits);
        if (above < 0 || (above == 0 && bits % 2 == 0)) break;
        bits++;
    }
    while (bits > 0) {
        int below = asm__compare_with_middle(&digits, exponent, bits - 1);
        if (below > 0 || (below == 0 && bits % 2 == 0)) break;
        bits--;
    }
    return bits;
}

/* The bits of the nearest double, ties to even; infinity if it is out of range. */
static uint64_t asm__decimal_to_bits(const asm__decimal *decimal) {
    int64_t dropped = decimal->digits > ASM__LEADING_DIGITS ? decimal->digits - ASM__LEADING_DIGITS : 0;
    int64_t magnitude = decimal->exponent + decimal->digits;
    /* Dropped digits are less than one unit of `leading`, then above 2^59: 32 units of the mantissa. */
    uint64_t error = dropped ? 32 + 5 : 5, bits = 0, rest, half;
    asm__scaled scaled;
    int top, shift;
    if (decimal->leading == 0 || magnitude < -330) return 0;
    if (magnitude > 310) return ASM__INFINITY_BITS;
    scaled = asm__scale(decimal->leading, (int)(decimal->exponent + dropped));
    top = scaled.exponent + 63;
    if (top > 1023) return ASM__INFINITY_BITS;
    shift = top >= -1022 ? 11 : -1011 - top; /* doubles below 2^-1022 have fewer bits */
    if (shift < 64) {
        bits = scaled.mantissa >> shift;
        if (top >= -1022)
            bits += (uint64_t)(top + 1022) << 52; /* and one for the highest bit, which goes there */
        half = UINT64_C(1) << (shift - 1);
        rest = scaled.mantissa & (2 * half - 1);
        if (rest + error < half) return bits;
        if (rest > half + error) return bits + 1;
    }
    return asm__decimal_to_bits_exactly(decimal, bits);
}

/* The digits of a number below 10,000 as bytes, the first one lowest. */
static inline uint32_t asm__four_digits(uint32_t value) {
    const uint32_t hundreds = value * 5243 >> 19, pairs = hundreds | (value - hundreds * 100) << 16;
    const uint32_t tens = pairs * 103 >> 10 & 0x000F000F;
    return tens | (pairs - tens * 10) << 8;
}

/* The same for a number below 100,000,000. */
static inline uint64_t asm__eight_digits(uint32_t value) {
    return asm__four_digits(value / 10000) | (uint64_t)asm__four_digits(value % 10000) << 32;
}

/* Writes such a number without zeros before it; 8 bytes are written whatever size is returned. */
static inline size_t asm__format_eight(uint32_t value, char *out) {
    const uint64_t digits =
        value < 10000 ? (uint64_t)asm__four_digits(value) << 32 : asm__eight_digits(value);
    const int zeros = asm__lowest_bit(digits | UINT64_C(1) << 56) / 8;
    asm__store_little(out, (digits | ASM__EACH_BYTE * '0') >> 8 * zeros);
    return (size_t)(8 - zeros);
}

/* As small as can be. */
static inline size_t asm__format_slowly(uint64_t value, char out[20]) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

ASM__PRIVATE size_t asm__format_uint64(uint64_t value, char out[20]) {
    const uint32_t eight = 100000000;
    const uint64_t top = value / eight;
    char *p = out;
    if (ASM__SMALL) return asm__format_slowly(value, out);
    if (value < eight) return asm__format_eight((uint32_t)value, out);
    if (top < eight) {
        p += asm__format_eight((uint32_t)top, p);
    } else {
        p += asm__format_eight((uint32_t)(top / eight), p);
        asm__store_little(p, asm__eight_digits((uint32_t)(top % eight)) | ASM__EACH_BYTE * '0');
        p += 8;
    }
    asm__store_little(p, asm__eight_digits((uint32_t)(value % eight)) | ASM__EACH_BYTE * '0');
    return (size_t)(p + 8 - out);
}

/* The digits of the shortest decimal that reads back as a finite double above 0, and in `*point` where its
 * decimal point stands (0.DIGITS * 10^point): "Printing Floating-Point Numbers Quickly and Accurately",
 * Burger and Dybvig, 1996. */
static size_t asm__shortest_digits(uint64_t bits, char out[20], int *point) {
    asm__big rest, scale, above, below,
        sum; /* the value is rest / scale, its neighbours are above and below / scale away */
    uint64_t mantissa;
    int exponent, top = 0, estimate;
    bool even, low, high, narrow;
    size_t size = 0;
    asm__double_parts(bits, &mantissa, &exponent);
    even = mantissa % 2 == 0;
    narrow = mantissa == UINT64_C(1) << 52 && bits >> 53 != 0; /* the next lower double is half as far away */
    while (mantissa >> (top + 1))
        top++;
    asm__big_set(&rest, mantissa * (narrow ? 4 : 2));
    asm__big_set(&scale, narrow ? 4 : 2);
    asm__big_set(&above, narrow ? 2 : 1);
    asm__big_set(&below, 1);
    if (exponent >= 0) {
        asm__big_shift_left(&rest, (unsigned)exponent);
        asm__big_shift_left(&above, (unsigned)exponent);
        asm__big_shift_left(&below, (unsigned)exponent);
    } else {
        asm__big_shift_left(&scale, (unsigned)-exponent);
    }
    estimate = (exponent + top) * 30103; /* log10(2) * 100000 */
    estimate = estimate > 0 ? (estimate + 99999) / 100000 : -(-estimate / 100000);
    if (estimate >= 0) {
        asm__big_multiply_power_of_10(&scale, (unsigned)estimate);
    } else {
        asm__big_multiply_power_of_10(&rest, (unsigned)-estimate);
        asm__big_multiply_power_of_10(&above, (unsigned)-estimate);
        asm__big_multiply_power_of_10(&below, (unsigned)-estimate);
    }
    sum = rest;
    asm__big_add(&sum, &above);
    if (asm__big_compare(&sum, &scale) >= (even ? 0 : 1)) {
        asm__big_multiply_add(&scale, 10, 0);
        estimate++;
    }
    *point = estimate;
    do {
        int digit = 0;
        asm__big_multiply_add(&rest, 10, 0);
        asm__big_multiply_add(&above, 10, 0);
        asm__big_multiply_add(&below, 10, 0);
        for (; asm__big_compare(&rest, &scale) >= 0; digit++)
            asm__big_subtract(&rest, &scale);
        sum = rest;
        asm__big_add(&sum, &above);
        low = asm__big_compare(&rest, &below) < (even ? 1 : 0);
        high = asm__big_compare(&sum, &scale) >= (even ? 0 : 1);
        if (low && high) {
            sum = rest;
            asm__big_add(&sum, &rest);
            high = asm__big_compare(&sum, &scale) >= 0;
        }
        out[size++] = (char)('0' + digit + (high ? 1 : 0));
    } while (!low && !high);
    return size;
}

/* The digits of whole / 10^power without zeros at the end, and where its decimal point stands. */
static size_t asm__whole_digits(uint64_t whole, int power, char out[20], int *point) {
    size_t size = asm__format_uint64(whole, out);
    *point = (int)size - power;
    while (size > 1 && out[size - 1] == '0')
        size--;
    return size;
}

/* asm__shortest_digits() for numbers from 2^-11 to 2^39 with at most four digits after the point, such as amounts of money;
 * 0 for others. The number times 10,000 is the product of the mantissa and 10,000, shifted right by -exponent. If it lies
 * within half a unit of the mantissa's last place, 5,000 of the product's, from an integer, that integer is the only one
 * there, as the unit is less than 1/10,000: so no decimal that is as short reads back as the same double. */
static size_t asm__money_digits(uint64_t mantissa, int exponent, char out[20], int *point) {
    const int shift = -exponent;
    uint64_t high = (mantissa >> 32) * 10000, low = (mantissa & UINT32_MAX) * 10000, whole, rest;
    if (shift < 14 || shift > 63) return 0;
    high += low >> 32;
    low &= UINT32_MAX;
    if (shift >= 32) {
        whole = high >> (shift - 32);
        rest = (high & ((UINT64_C(1) << (shift - 32)) - 1)) << 32 | low;
    } else {
        whole = high << (32 - shift) | low >> shift;
        rest = low & ((UINT64_C(1) << shift) - 1);
    }
    if (rest > UINT64_C(1) << (shift - 1)) {
        rest = (UINT64_C(1) << shift) - rest;
        whole++;
    }
    /* The next lower double may be half as far away. */
    if (rest >= (mantissa == UINT64_C(1) << 52 ? 2500 : 5000)) return 0;
    return asm__whole_digits(whole, 4, out, point);
}

/* asm__shortest_digits() for nearly all numbers, quickly; 0 where 64 bits cannot tell. The number is brought
 * to 17 or 18 digits before the point; of those with 15, 16 and 17 digits, the first that is nearer than half
 * way to the next double is the shortest. (There is at most one with 15 digits, as a double tells any two of
 * them apart, so that a shorter one ends in zeros.) */
static size_t asm__quick_digits(uint64_t bits, char out[20], int *point) {
    const uint64_t margin = 8; /* asm__scale() is less than 5 off, and `half` one */
    asm__scaled scaled;
    uint64_t mantissa, half, near, unit;
    int exponent, power, shift, places;
    asm__double_parts(bits, &mantissa, &exponent);
    if (exponent <= 0 && exponent >= -52 && !(mantissa & ((UINT64_C(1) << -exponent) - 1)))
        return asm__whole_digits(mantissa >> -exponent, 0, out, point);
    if (bits >> 52 == 0) return 0;
    const size_t money = asm__money_digits(mantissa, exponent, out, point);
    if (money > 0) return money;
    power = (exponent + 52) * 30103; /* log10(2) * 100000 */
    power = 16 - (power >= 0 ? power / 100000 : -((99999 - power) / 100000));
    scaled = asm__scale(mantissa, power);
    shift = -(scaled.exponent + exponent);
    half = scaled.mantissa / mantissa / 2;
    near =
        mantissa == UINT64_C(1) << 52 ? half / 2 : half; /* the next lower double may be half as far away */
    unit = scaled.mantissa >> shift >= UINT64_C(100000000000000000) ? 1000 : 100;
    for (places = unit == 1000 ? 3 : 2; unit > 0; unit /= 10, places--) {
        uint64_t size = unit << shift, rest = scaled.mantissa % size;
        bool up = rest > size / 2;
        uint64_t distance = up ? size - rest : rest;
        if (distance > half + margin) continue;
        if (distance + margin > near || distance + margin > size / 2) return 0;
        return asm__whole_digits(scaled.mantissa / size + up, power - places, out, point);
    }
    return 0;
}

/* The shortest digits of a finite double above 0, as asm__shortest_digits() gives them. */
static size_t asm__double_digits(uint64_t bits, char out[20], int *point) {
    size_t size = ASM__SMALL ? 0 : asm__quick_digits(bits, out, point);
    return size ? size : asm__shortest_digits(bits, out, point);
}

/* Whether the double of these bits is written as the number that the decimal is, with all its digits. */
static bool asm__is_written_alike(const asm__decimal *decimal, uint64_t bits) {
    char digits[20];
    const char *p;
    int point;
    size_t size, at = 0;
    if (decimal->leading == 0) return true;
    if (bits == 0) return false;
    if (decimal->digits <= 15 && bits >> 52 != 0) return true;
    size = asm__double_digits(bits, digits, &point);
    if (decimal->exponent + decimal->digits != point) return false;
    for (p = decimal->begin; p < decimal->end; p++) {
        if (*p == '.') continue;
        if (*p != (at < size ? digits[at] : '0')) return false;
        at++;
    }
    return at >= size;
}

/* Writes a double as JavaScript does (ECMA-262, Number::toString), and -0 for the negative zero. Up to 25
 * bytes. */
ASM__PRIVATE size_t asm__format_double(double value, char *out) {
    uint64_t bits = asm__double_bits(value);
    char digits[20], *p = out;
    int point, i, size;
    if ((bits & ASM__INFINITY_BITS) == ASM__INFINITY_BITS) {
        memcpy(out, "null", 4);
        return 4;
    }
    if (bits >> 63) *p++ = '-';
    bits &= UINT64_MAX >> 1;
    if (bits == 0) {
        *p++ = '0';
        return (size_t)(p - out);
    }
    size = (int)asm__double_digits(bits, digits, &point);
    if (point < -5 || point > 21) {
        *p++ = digits[0];
        if (size > 1) *p++ = '.';
        for (i = 1; i < size; i++)
            *p++ = digits[i];
        *p++ = 'e';
        *p++ = point > 0 ? '+' : '-';
        return (size_t)(p - out) + asm__format_uint64((uint64_t)(point > 0 ? point - 1 : 1 - point), p);
    }
    if (point <= 0) {
        memcpy(p, "0.", 2);
        p += 2;
    }
    for (i = point; i < 0; i++)
        *p++ = '0';
    for (i = 0; i < size || i < point; i++) {
        if (i == point && i > 0) *p++ = '.';
        *p++ = i < size ? digits[i] : '0';
    }
    return (size_t)(p - out);
}

ASM_API asm_result asm_double_format(asm_buffer *out, double value) {
    char text[32];
    return asm_buffer_append(out, asm_str_make(text, asm__format_double(value, text)));
}

ASM_API double asm_double_round(double value, int decimals) {
    uint64_t bits = asm__double_bits(value), sign = bits & ~(UINT64_MAX >> 1), mantissa;
    int exponent;
    asm__big scaled;
    asm__decimal decimal;
    if (decimals < 0 || decimals > 15 || (bits & ASM__INFINITY_BITS) == ASM__INFINITY_BITS) return value;
    asm__double_parts(bits ^ sign, &mantissa, &exponent);
    asm__big_set(&scaled, mantissa);
    asm__big_multiply_power_of_10(&scaled, (unsigned)decimals);
    if (exponent >= 0 || asm__big_bits(&scaled) > (unsigned)(53 - exponent))
        return value; /* has no more digits */
    decimal.begin = decimal.end = NULL;
    decimal.leading = asm__big_shift_right_rounded(&scaled, (unsigned)-exponent);
    decimal.digits = ASM__LEADING_DIGITS - 3; /* up to 2^53 */
    decimal.exponent = -decimals;
    return asm__double_from_bits(sign | asm__decimal_to_bits(&decimal));
}

/* >>json: characters */

/* Marks all below the lowest bit that is set; all bits if none is. */
static inline uint64_t asm__bits_below(uint64_t bits) {
    return (bits & (~bits + 1)) - 1;
}

/* Which of these backslashes begin an escape: in a run, every other one. A subtraction's borrow
 * runs through each run. */
static inline uint64_t asm__escape_starts(uint64_t backslashes) {
    const uint64_t odd = ASM__EACH_BYTE * 0xAA;
    return backslashes & (((backslashes << 1 | odd) - backslashes) ^ odd);
}

static inline int asm__hex_value(char c) {
    static const signed char values['f' - '0' + 1] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  -1, -1, -1, -1,
                                                      -1, -1, -1, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1,
                                                      -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                                      -1, -1, -1, -1, -1, -1, -1, 10, 11, 12, 13, 14, 15};
    unsigned index = (unsigned)(unsigned char)c - '0';
    return index < sizeof values ? values[index] : -1;
}

/* The four hexadecimal digits at `p`, or -1. */
static int32_t asm__hex4(const char *p, const char *end) {
    int32_t value = 0;
    int i;
    if (end - p < 4) return -1;
    for (i = 0; i < 4; i++) {
        int digit = asm__hex_value(p[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The length of the character at `p`, where 4 bytes can be read and the first is not ASCII; 0 if it is
 * invalid or wants to be escaped (see asm__wants_escape()). */
static inline unsigned asm__plain_length(const char *p) {
    const unsigned char *s = (const unsigned char *)p;
    uint32_t word = s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24;
    /* The first byte, and in which half of its range the second one is: so that nothing is decided by the
     * second one alone, which cannot be predicted. */
    uint32_t half = word & 0x20FF;
    if (s[0] < 0xE0) return (word & 0xC0E0) == 0x80C0 && s[0] >= 0xC2 && half != 0xC2 ? 2 : 0;
    if (s[0] < 0xF0)
        return (word & 0xC0C0F0) == 0x8080E0 && half != 0xE0 && half != 0x20ED &&
                       (word & 0xFEFFFF) != 0xA880E2
                   ? 3
                   : 0;
    return (word & 0xC0C0C0F8) == 0x808080F0 && (word & 0x30FF) != 0xF0 &&
                   (s[0] < 0xF4 || (word & 0x30FF) == 0xF4)
               ? 4
               : 0;
}

/* >>scan: wide
 *
 * Long strings sixty-four bytes at once, without a branch for each escape, as those are mispredicted; chosen at run time
 * where the processor can.
 *
 *   asm__has_wide        whether the others may be called
 *   asm__put_short_wide  a string of 1 to 64 bytes with its quotes; NULL if it is not ASCII or has a control without a
 *                        letter; 64 bytes more than are needed may be written
 *   asm__escape_wide     escapes the characters that begin before `stop`, up to the first one that is not ASCII and needs
 *                        an escape or is not valid UTF-8; 64 bytes more than are needed may be written
 *   asm__unescape_wide   unescapes from `p` to the first byte that is a quote, a control, DEL, the beginning of a \u
 *                        escape that is not ASCII or of an invalid escape, or a character that is not valid UTF-8 or that
 *                        asm__wants_escape(); returns its place, or `end`; 64 bytes more than are needed may be written
 *   asm__unescape_dense  asm__unescape_wide() for text that mostly is not ASCII, to its last 64 bytes, but for \u escapes
 *   asm__utf8_end_wide   asm__utf8_end(), which also ends at a character that asm__wants_escape()
 */

/* Unescaped byte for each two-byte escape, indexed by letter - '"'; '.' marks letters that are not one. */
static const char asm__meanings[129] =
    "\"............/............................................"
    "\\.....\b...\f.......\n...\r.\t.............................................";

/* Not on Windows, where gcc does not align the stack for it. */
#ifndef ASM__AVX512
#if defined(__clang__)
#define ASM__KNOWS_AVX512 (__clang_major__ >= 10)
#elif defined(__GNUC__)
#define ASM__KNOWS_AVX512 (__GNUC__ >= 8)
#else
#define ASM__KNOWS_AVX512 0
#endif
#if ASM__SSE2 && defined(__x86_64__) && !defined(_WIN32) && ASM__KNOWS_AVX512
#define ASM__AVX512 1
#else
#define ASM__AVX512 0
#endif
#endif

#if ASM__AVX512
/* >>scan: avx512 */

#include <immintrin.h>

#define ASM__AVX512_CODE __attribute__((target("avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")))

static inline bool asm__has_wide(void) {
    return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt");
}

/* Up to 64 bytes from `p`, which are marked in `all`. Only the last ones of a text are loaded by these marks:
 * that takes longer. */
ASM__AVX512_CODE static inline __m512i asm__load_wide(const char *p, const char *end, uint64_t *all) {
    *all = UINT64_MAX;
    if (end - p >= 64) return _mm512_loadu_si512(p);
    *all >>= 64 - (end - p);
    return _mm512_maskz_loadu_epi8(*all, p);
}

/* Marks bytes by which a character shows to be invalid, or one that wants to be escaped
 * (asm__wants_escape()); before_N are the 64 bytes from N before them on. */
ASM__AVX512_CODE static inline uint64_t asm__faults_after(__m512i before_1, __m512i before_2,
                                                          __m512i before_3, __m512i bytes) {
    /* Bit by bit, which first bytes (from C0 on) do not go with which second ones (from 80 on): C0, C1 and F5
     * to FF with none, C2 and E0 not with 80 to 9F, ED not with A0 to BF, F0 not with 80 to 8F, F4 not with
     * 90 to BF. */
    const __m512i firsts = _mm512_setr_epi64(0x020101, 0, 0, 0, 2, INT64_C(4) << 40,
                                             INT64_C(0x0101011000000008), ASM__EACH_BYTE);
    const int64_t from_80 = ASM__EACH_BYTE * 0x0B, from_90 = ASM__EACH_BYTE * 0x13,
                  from_A0 = ASM__EACH_BYTE * 0x15;
    const __m512i seconds =
        _mm512_setr_epi64(from_80, from_80, from_90, from_90, from_A0, from_A0, from_A0, from_A0);
    /* The highest bit is set where a character that began before must go on. */
    __m512i wanted_1 = _mm512_subs_epu8(before_1, _mm512_set1_epi8(0xC0 - 0x80));
    __m512i wanted_2 = _mm512_subs_epu8(before_2, _mm512_set1_epi8(0xE0 - 0x80));
    __m512i wanted_3 = _mm512_subs_epu8(before_3, _mm512_set1_epi8(0xF0 - 0x80));
    uint64_t wanted = _mm512_movepi8_mask(_mm512_or_si512(_mm512_or_si512(wanted_1, wanted_2), wanted_3));
    __mmask64 found = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8('\xC0'));
    __m512i first = _mm512_permutex2var_epi8(_mm512_setzero_si512(), before_1, firsts);
    __m512i second = _mm512_maskz_permutexvar_epi8(found, bytes, seconds);
    __m512i even = _mm512_and_si512(bytes, _mm512_set1_epi8('\xFE'));
    __mmask64 separator = _mm512_cmpeq_epi8_mask(before_2, _mm512_set1_epi8('\xE2')); /* U+2028 or U+2029 */
    separator = _mm512_mask_cmpeq_epi8_mask(separator, before_1, _mm512_set1_epi8('\x80'));
    separator = _mm512_mask_cmpeq_epi8_mask(separator, even, _mm512_set1_epi8('\xA8'));
    return (wanted ^ found) | _mm512_test_epi8_mask(first, second) | separator;
}

/* The same; `previous` are the 64 bytes before them. */
ASM__AVX512_CODE static inline uint64_t asm__non_ascii_faults(__m512i previous, __m512i bytes) {
    const __m512i lower = _mm512_maskz_alignr_epi64(0xFF, bytes, previous, 6);
    return asm__faults_after(_mm512_alignr_epi8(bytes, lower, 15), _mm512_alignr_epi8(bytes, lower, 14),
                             _mm512_alignr_epi8(bytes, lower, 13), bytes);
}

/* Whether asm__non_ascii_faults() are among 64 bytes, of a text that has three before them. Out of line, as its constants would
 * leave no registers to its caller. */
ASM__AVX512_CODE ASM__RARE bool asm__has_faults(const char *p) {
    return asm__faults_after(_mm512_loadu_si512(p - 1), _mm512_loadu_si512(p - 2), _mm512_loadu_si512(p - 3),
                             _mm512_loadu_si512(p)) != 0;
}

/* Clears from `all` a character that continues past the block. Returns a single bit at the start of the first
 * run of non-ASCII characters that has a fault, or 0. */
ASM__AVX512_CODE static inline uint64_t asm__non_ascii_stop(__m512i bytes, uint64_t non_ascii,
                                                            uint64_t *all) {
    const __m512i ends = _mm512_setr_epi64(-1, -1, -1, -1, -1, -1, -1, INT64_C(-0x4020100000000001));
    __m512i open = _mm512_subs_epu8(bytes, ends);
    uint64_t faults = asm__non_ascii_faults(_mm512_setzero_si512(), bytes),
             before = ~non_ascii & asm__bits_below(faults);
    *all &= asm__bits_below(_mm512_test_epi8_mask(open, open));
    if (!faults) return 0;
    return before ? (UINT64_C(1) << 63 >> __builtin_clzll(before)) << 1 : 1;
}

/* Writes the lower 32 bytes, a backslash before each that is marked; 64 bytes are overwritten. */
ASM__AVX512_CODE static inline char *asm__spread(char *out, __m512i bytes, uint32_t marks) {
    uint64_t odd = UINT64_C(0xAAAAAAAAAAAAAAAA), places = _pext_u64(odd, odd | _pdep_u64(marks, ~odd));
    _mm512_storeu_si512(out, _mm512_mask_expand_epi8(_mm512_set1_epi8('\\'), places, bytes));
    return out + 32 + __builtin_popcount(marks);
}

/* Writes the first `size` bytes, of which those in `codes` become \u00XX, and others in `marks` a backslash and their letter,
 * ten at a time: each is put into a place of six bytes, of which those are kept that it takes. */
ASM__AVX512_CODE static inline char *asm__spread_codes(char *out, __m512i bytes, __m512i letter,
                                                       uint64_t marks, uint64_t codes, unsigned size) {
    static const char hexadecimal[] = "0123456789abcdef";
    static const uint8_t places[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3,
                                     3, 3, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7, 7,
                                     7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0};
    static const char code[] = "\\u00..\\u00..\\u00..\\u00..\\u00..\\u00..\\u00..\\u00..\\u00..\\u00......";
    const uint64_t each = UINT64_C(0x0041041041041041); /* the first byte of each place */
    const __m512i low_bits = _mm512_set1_epi8(15), place = _mm512_loadu_si512(places),
                  begin = _mm512_loadu_si512(code);
    const __m512i digits =
        _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_loadu_si128((const __m128i *)(const void *)hexadecimal));
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), low_bits);
    const __m512i low = _mm512_shuffle_epi8(digits, _mm512_and_si512(bytes, low_bits));
    const __m512i last = _mm512_mask_mov_epi8(_mm512_mask_mov_epi8(bytes, marks, letter), codes, low);
    const __m512i before = _mm512_mask_add_epi8(_mm512_set1_epi8('\\'), codes, high, _mm512_set1_epi8('0'));
    unsigned at;
    for (at = 0; at < size; at += 10) {
        const __m512i from = _mm512_add_epi8(place, _mm512_set1_epi8((char)at));
        const uint64_t short_ones = _pdep_u64(marks >> at, each) * 0x30,
                       long_ones = _pdep_u64(codes >> at, each) * 0x3F;
        const uint64_t all = size - at < 10 ? ~(UINT64_MAX << 6 * (size - at)) : UINT64_MAX >> 4;
        const uint64_t kept = (short_ones | long_ones | each << 5) & all;
        __m512i text = _mm512_mask_permutexvar_epi8(begin, each << 4, from, before);
        text = _mm512_mask_permutexvar_epi8(text, each << 5, from, last);
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(kept, text));
        out += __builtin_popcountll(kept);
    }
    return out;
}

/* What stands after the backslash of each ASCII character that is escaped; `u` where that is not all. */
ASM__AVX512_CODE static inline __m512i asm__escape_letters(__m512i bytes, uint64_t ascii) {
    static const char letters[64 + 1] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu\0\0\"";
    const __m512i low = _mm512_loadu_si512(letters);
    const __m512i high = _mm512_setr_epi64(0, 0, 0, (int64_t)'\\' << 32, 0, 0, 0, (int64_t)'u' << 56);
    return _mm512_maskz_permutex2var_epi8(ascii, low, bytes, high);
}

ASM__AVX512_CODE static char *asm__put_short_wide(char *out, asm_str text) {
    const uint64_t all = UINT64_MAX >> (64 - text.size);
    const __m512i bytes = _mm512_maskz_loadu_epi8(all, text.data);
    const __m512i letter = asm__escape_letters(bytes, all);
    const uint64_t marks = _mm512_test_epi8_mask(letter, letter);
    const uint64_t others =
        _mm512_movepi8_mask(bytes) | _mm512_cmpeq_epi8_mask(letter, _mm512_set1_epi8('u'));
    char *end = NULL;
    *out++ = '"'; /* NOLINT(clang-analyzer-core.NullDereference): there is room at out */
    if (!others) {
        const __m512i escaped = _mm512_mask_mov_epi8(bytes, marks, letter);
        end = asm__spread(out, escaped, (uint32_t)marks) - 32 + text.size;
        if (text.size > 32)
            end = asm__spread(end + 32 - text.size, _mm512_maskz_shuffle_i64x2(0x0F, escaped, escaped, 0xE),
                              (uint32_t)(marks >> 32)) -
                  64 + text.size;
        *end++ = '"';
    }
    _mm256_zeroupper();
    return end;
}

ASM__AVX512_CODE static char *asm__escape_wide(char *out, const char **text, const char *stop) {
    const char *p = *text;
    uint64_t stops = 0;
    while (p < stop && !stops) {
        uint64_t all, marks;
        __m512i bytes = asm__load_wide(p, stop, &all);
        __mmask64 non_ascii = _mm512_movepi8_mask(bytes);
        __m512i letter = asm__escape_letters(bytes, ~non_ascii);
        size_t size = 64;
        marks = _mm512_test_epi8_mask(letter, letter) & all;
        if (marks | non_ascii) {
            uint64_t codes = _mm512_cmpeq_epi8_mask(letter, _mm512_set1_epi8('u'));
            if (non_ascii) stops = asm__non_ascii_stop(bytes, non_ascii, &all);
            if (stops | ~all) {
                all &= asm__bits_below(stops);
                marks &= all;
                size = (size_t)__builtin_popcountll(all);
            }
            codes &= all;
            if (codes) {
                out = asm__spread_codes(out, bytes, letter, marks, codes, (unsigned)size);
            } else {
                bytes = _mm512_mask_mov_epi8(bytes, marks, letter);
                out = asm__spread(out, bytes, (uint32_t)marks);
                out = asm__spread(out, _mm512_maskz_shuffle_i64x2(0x0F, bytes, bytes, 0xE),
                                  (uint32_t)(marks >> 32));
                out -= 64 - size;
            }
        } else {
            _mm512_storeu_si512(out, bytes);
            size = (size_t)__builtin_popcountll(all);
            out += size;
        }
        if (size == 0) break; /* a character that goes on after `stop` */
        p += size;
    }
    *text = p;
    _mm256_zeroupper();
    return out;
}

/* Of the escapes \uXXXX that begin where `unicode` marks, unescapes those of ASCII: puts the character in place of the last
 * digit in `*to`, and returns which they are. */
ASM__AVX512_CODE static inline uint64_t asm__unescape_ascii(__m512i bytes, uint64_t unicode, __m512i *to) {
    const __m512i digit = _mm512_sub_epi8(bytes, _mm512_set1_epi8('0'));
    const __m512i letter =
        _mm512_sub_epi8(_mm512_or_si512(bytes, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('a'));
    const uint64_t zeros = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('0'));
    const uint64_t letters = _mm512_cmplt_epu8_mask(letter, _mm512_set1_epi8(6));
    const uint64_t highs = _mm512_cmplt_epu8_mask(digit, _mm512_set1_epi8(8));
    const uint64_t lows = _mm512_cmplt_epu8_mask(digit, _mm512_set1_epi8(10)) | letters;
    const uint64_t done = unicode & zeros >> 2 & zeros >> 3 & highs >> 4 & lows >> 5;
    const __m512i value = _mm512_mask_add_epi8(digit, letters, letter, _mm512_set1_epi8(10));
    const __m512i below = _mm512_maskz_alignr_epi64(0xFC, value, value, 6);
    const __m512i before = _mm512_alignr_epi8(value, below, 15);
    *to = _mm512_mask_add_epi8(*to, done << 5, value, _mm512_slli_epi16(before, 4));
    return done;
}

/* Aligned, as its loop takes a third longer where it begins at some other places. */
__attribute__((aligned(64))) ASM__AVX512_CODE static const char *
asm__unescape_wide(char **target, const char *p, const char *end) {
    const __m512i low = _mm512_loadu_si512(asm__meanings), high = _mm512_loadu_si512(asm__meanings + 64);
    char *out = *target;
    uint64_t stops = 0;
    while (p < end && !stops) {
        size_t size = 64, kept_size;
        uint64_t all, kept;
        __m512i bytes = asm__load_wide(p, end, &all);
        __mmask64 non_ascii = _mm512_movepi8_mask(bytes);
        uint64_t begun = asm__escape_starts(_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')));
        uint64_t escaped = begun << 1;
        __m512i index = _mm512_sub_epi8(bytes, _mm512_set1_epi8('"'));
        __m512i meaning = _mm512_permutex2var_epi8(low, index, high);
        uint64_t invalid = (_mm512_cmpeq_epi8_mask(meaning, _mm512_set1_epi8('.')) | non_ascii) & escaped;
        uint64_t quotes = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')) & ~escaped;
        __m512i next = _mm512_add_epi8(bytes, _mm512_set1_epi8(1));
        uint64_t others = _mm512_cmplt_epi8_mask(next, _mm512_set1_epi8(0x21)) & ~non_ascii;
        uint64_t unicode = _mm512_mask_cmpeq_epi8_mask(escaped, bytes, _mm512_set1_epi8('u')) >> 1, done = 0;
        meaning = _mm512_mask_mov_epi8(bytes, escaped, meaning);
        if (unicode) {
            all &= asm__bits_below(unicode & UINT64_MAX << 59); /* whose digits are in the next block */
            done = asm__unescape_ascii(bytes, unicode, &meaning);
        }
        if (non_ascii) stops = asm__non_ascii_stop(bytes, non_ascii, &all);
        stops |= (quotes | others | (invalid >> 1 & ~done)) & all;
        all &= ~(begun & UINT64_C(1) << 63);
        if (stops | ~all) {
            all &= asm__bits_below(stops);
            size = (size_t)__builtin_popcountll(all);
        }
        kept = all & ~(begun | done << 1 | done << 2 | done << 3 | done << 4);
        kept_size = (size_t)__builtin_popcountll(kept);
        bytes = _mm512_maskz_compress_epi8(kept, meaning);
        _mm512_storeu_si512(out, bytes);
        if (size == 0) break;
        out += kept_size;
        p += size;
    }
    *target = out;
    _mm256_zeroupper();
    return p;
}

ASM__AVX512_CODE static const char *asm__unescape_dense(char **target, const char *p, const char *end) {
    const __m512i low = _mm512_loadu_si512(asm__meanings), high = _mm512_loadu_si512(asm__meanings + 64);
    const char *begin = p;
    char *out = *target;
    uint64_t stops = 0;
    /* Whether the last character before may go on in this block: so that no block waits until it is known where the one
     * before it ends. */
    bool goes_on = false;
    while (end - p > 64 && !stops) {
        size_t size = 64;
        uint64_t all = UINT64_MAX, kept;
        const __m512i bytes = _mm512_loadu_si512(p), next = _mm512_add_epi8(bytes, _mm512_set1_epi8(1));
        const uint64_t non_ascii = _mm512_movepi8_mask(bytes);
        const uint64_t begun = asm__escape_starts(_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')));
        const __m512i index = _mm512_sub_epi8(bytes, _mm512_set1_epi8('"'));
        const __m512i meaning = _mm512_permutex2var_epi8(low, index, high);
        const uint64_t escaped = begun << 1;
        if (goes_on && (!(non_ascii | (p[-1] & 0x80)) || asm__has_faults(p))) break;
        if (!goes_on) stops = asm__non_ascii_stop(bytes, non_ascii, &all);
        goes_on = true;
        stops |= (_mm512_cmpeq_epi8_mask(meaning, _mm512_set1_epi8('.')) | non_ascii) & escaped;
        stops = (stops >> 1 & begun) | (stops & ~escaped);
        stops |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')) & ~escaped;
        stops |= _mm512_cmplt_epi8_mask(next, _mm512_set1_epi8(0x21)) & ~non_ascii;
        all &= ~(begun & UINT64_C(1) << 63);
        stops &= all;
        if (stops | ~all) {
            all &= asm__bits_below(stops);
            size = (size_t)__builtin_popcountll(all);
        }
        kept = all & ~begun;
        _mm512_storeu_si512(out,
                            _mm512_maskz_compress_epi8(kept, _mm512_mask_mov_epi8(bytes, escaped, meaning)));
        out += __builtin_popcountll(kept);
        p += size;
    }
    *target = out - (p - asm__utf8_boundary(begin, p));
    _mm256_zeroupper();
    return asm__utf8_boundary(begin, p);
}

ASM__AVX512_CODE static const char *asm__utf8_end_wide(const char *p, const char *end) {
    const char *begin = p;
    __m512i previous = _mm512_setzero_si512();
    for (; end - p >= 64; p += 64) {
        const __m512i bytes = _mm512_loadu_si512(p);
        if (_mm512_movepi8_mask(_mm512_or_si512(previous, bytes)) && asm__non_ascii_faults(previous, bytes))
            break;
        previous = bytes;
    }
    _mm256_zeroupper();
    return asm__utf8_boundary(begin, p);
}

#else

static inline bool asm__has_wide(void) {
    return false;
}

static inline const char *asm__utf8_end_wide(const char *p, const char *end) {
    (void)end;
    return p;
}

static inline char *asm__put_short_wide(char *out, asm_str text) {
    (void)out, (void)text;
    return NULL;
}

static inline char *asm__escape_wide(char *out, const char **text, const char *stop) {
    (void)text, (void)stop;
    return out;
}

static inline const char *asm__unescape_wide(char **target, const char *p, const char *end) {
    (void)target, (void)end;
    return p;
}

static inline const char *asm__unescape_dense(char **target, const char *p, const char *end) {
    (void)target, (void)end;
    return p;
}

#endif

/* How far from `p` the text is sure to be valid, by whole characters. */
static const char *asm__utf8_sure_end(const char *p, const char *end) {
    if (ASM__SMALL || end - p < 64) return p;
    if (asm__has_wide()) p = asm__utf8_end_wide(p, end);
    return asm__has_tables() ? asm__utf8_end(p, end) : p;
}

/* >>json: escaping */

static char *asm__put_unicode_escape(char *out, uint32_t code) {
    static const char hex[] = "0123456789abcdef";
    out[0] = '\\';
    out[1] = 'u';
    out[2] = hex[code >> 12 & 15];
    out[3] = hex[code >> 8 & 15];
    out[4] = hex[code >> 4 & 15];
    out[5] = hex[code & 15];
    return out + 6;
}

/* Whether a character that JSON allows in a string is escaped all the same: DEL, U+0080 to U+009F, U+2028,
 * U+2029. */
static bool asm__wants_escape(const char *p) {
    unsigned char c = (unsigned char)*p;
    if (c == 0xC2) return (unsigned char)p[1] < 0xA0;
    if (c == 0xE2) return p[1] == '\x80' && (p[2] == '\xA8' || p[2] == '\xA9');
    return c == 0x7F;
}

#define ASM__ESCAPE_CODE(code)     "\\u00" code "\6"
#define ASM__ESCAPE_LETTER(letter) "\\" letter "\0\0\0\0\2"

/* An ASCII character that does not stand for itself; up to 8 bytes are written, even if that is more than it
 * takes. */
static inline char *asm__put_escape(char *out, char c) {
    static const char escapes[35][8] = {
        ASM__ESCAPE_CODE("00"),   ASM__ESCAPE_CODE("01"),   ASM__ESCAPE_CODE("02"),  ASM__ESCAPE_CODE("03"),
        ASM__ESCAPE_CODE("04"),   ASM__ESCAPE_CODE("05"),   ASM__ESCAPE_CODE("06"),  ASM__ESCAPE_CODE("07"),
        ASM__ESCAPE_LETTER("b"),  ASM__ESCAPE_LETTER("t"),  ASM__ESCAPE_LETTER("n"), ASM__ESCAPE_CODE("0b"),
        ASM__ESCAPE_LETTER("f"),  ASM__ESCAPE_LETTER("r"),  ASM__ESCAPE_CODE("0e"),  ASM__ESCAPE_CODE("0f"),
        ASM__ESCAPE_CODE("10"),   ASM__ESCAPE_CODE("11"),   ASM__ESCAPE_CODE("12"),  ASM__ESCAPE_CODE("13"),
        ASM__ESCAPE_CODE("14"),   ASM__ESCAPE_CODE("15"),   ASM__ESCAPE_CODE("16"),  ASM__ESCAPE_CODE("17"),
        ASM__ESCAPE_CODE("18"),   ASM__ESCAPE_CODE("19"),   ASM__ESCAPE_CODE("1a"),  ASM__ESCAPE_CODE("1b"),
        ASM__ESCAPE_CODE("1c"),   ASM__ESCAPE_CODE("1d"),   ASM__ESCAPE_CODE("1e"),  ASM__ESCAPE_CODE("1f"),
        ASM__ESCAPE_LETTER("\""), ASM__ESCAPE_LETTER("\\"), ASM__ESCAPE_CODE("7f")};
    unsigned code = (unsigned char)c, index = code < 0x20 ? code : 31 + (code >> 5);
    memcpy(out, escapes[index], 8);
    return out + escapes[index][6];
}

/* One character that is not ASCII, or U+FFFD for what is none, from *text; at most 6 bytes. */
static char *asm__put_non_ascii(char *out, const char **text, const char *end) {
    const char *p = *text;
    int length = asm__utf8_length(p, (size_t)(end - p));
    *text = p + (length < 0 ? -length : length);
    if (length < 0) {
        memcpy(out, "\xEF\xBF\xBD", 3);
        return out + 3;
    }
    if (asm__wants_escape(p)) {
        size_t at = 0;
        return asm__put_unicode_escape(out, asm_utf8_decode(asm_str_make(p, (size_t)length), &at));
    }
    memcpy(out, p, (size_t)length);
    return out + length;
}

/* The characters from *text up to the next ASCII one, as far as they begin before `stop`. */
static char *asm__put_non_ascii_run(char *out, const char **text, const char *stop, const char *end) {
    const char *p = *text;
    while (p < stop && (unsigned char)*p >= 0x80) {
        unsigned length = end - p >= 4 ? asm__plain_length(p) : 0;
        if (length > 0) {
            memcpy(out, p, 4);
            out += length;
            p += length;
        } else {
            *text = p;
            out = asm__put_non_ascii(out, text, end);
            p = *text;
        }
    }
    *text = p;
    return out;
}

/* One character from *p that is not plain. */
static char *asm__put_escaped(char *out, const char **p, const char *end) {
    if ((unsigned char)**p >= 0x80) return asm__put_non_ascii(out, p, end);
    return asm__put_escape(out, *(*p)++);
}

/* Whether tables are quicker than one character after the other. */
static inline bool asm__has_many(uint64_t non_ascii) {
    return asm__count_bits(non_ascii) > 16;
}

/* Where in 64 bytes the first character begins that must be changed or continues past them; 64 if there is
 * none. `non_ascii` tells which bytes are not ASCII; the others are not looked at unless these are many. */
static unsigned asm__plain_prefix(const char *p, uint64_t non_ascii) {
    if (asm__has_many(non_ascii) && asm__has_tables()) {
        unsigned prefix = asm__utf8_plain_prefix(p);
        if (prefix) return prefix;
    }
    while (non_ascii) {
        unsigned at = (unsigned)asm__lowest_bit(non_ascii), length = asm__plain_length(p + at);
        if (length == 0 || at + length > 64) return at;
        non_ascii &= ~(((UINT64_C(1) << length) - 1) << at);
    }
    return 64;
}

/* Escapes up to 64 bytes of a block where 128 can be read, before any character that is not ASCII and must be
 * changed or continues past it; `*after` is the end of what was taken. Copying 64 bytes after each escape is
 * quicker than a run of the right length, which is mispredicted. */
ASM__INLINE char *asm__escape_block(char *out, const char *block, size_t size, const char **after) {
    uint64_t non_ascii, mask = asm__special_64(block, &non_ascii), all = UINT64_MAX >> (64 - size);
    const char *p = block, *special;
    memcpy(out, p, 64);
    if (non_ascii & all) {
        unsigned prefix = asm__plain_prefix(block, non_ascii & all);
        if (prefix < size) {
            size = prefix;
            all = (UINT64_C(1) << prefix) - 1;
        }
    }
    for (mask &= all; mask; mask &= mask - 1) {
        special = block + asm__lowest_bit(mask);
        out = asm__put_escape(out + (special - p), *special);
        p = special + 1;
        memcpy(out, p, 64);
    }
    *after = block + size;
    return out + (*after - p);
}

/* asm__escape_block() for one block after the other, as long as each is taken whole, or to a character that may continue past
 * it. */
static char *asm__escape_blocks(char *out, const char **text, const char *stop, const char *end) {
    const char *p = *text, *block;
    do {
        block = p;
        out = asm__escape_block(out, block, 64, &p);
    } while (p - block > 60 && stop - p >= 64 && end - p >= 128);
    *text = p;
    return out;
}

/* asm__escape_block() for the last bytes of a text: nothing can be read after them. */
static char *asm__escape_last(char *out, const char **text, size_t size) {
    char block[128];
    const char *after;
    memset(block, ' ', sizeof block);
    memcpy(block, *text, size);
    out = asm__escape_block(out, block, size, &after);
    *text += after - block;
    return out;
}

#define ASM__ESCAPE_ROOM 96 /* what asm__escape() may write after 6 bytes for each byte */

/* How far to go on in blocks of 64 bytes after what a wide step did not do: such things stand close together.
 * Twice as far each time that the next wide step does not get far, either. */
#define ASM__DENSE 256

static inline ptrdiff_t asm__dense_step(ptrdiff_t step, ptrdiff_t progress) {
    if (progress > ASM__DENSE) return ASM__DENSE;
    return step < 65536 ? 2 * step : step;
}

/* Escapes characters that begin before `stop` (and end before `end`) to `out`. */
static char *asm__escape(char *out, const char **text, const char *stop, const char *end) {
    bool wide = asm__has_wide();
    ptrdiff_t step = ASM__DENSE / 2;
    for (;;) {
        const char *limit = stop;
        if (wide) {
            const char *begin = *text;
            out = asm__escape_wide(out, text, stop);
            step = asm__dense_step(step, *text - begin);
            if (stop - *text > step) limit = *text + step;
        }
        if (*text >= stop) return out;
        do {
            size_t size = stop - *text < 64 ? (size_t)(stop - *text) : 64;
            if ((unsigned char)**text >= 0x80) out = asm__put_non_ascii_run(out, text, limit, end);
            else if (size == 64 && end - *text >= 128)
                out = asm__escape_blocks(out, text, limit - *text < 64 ? *text + 64 : limit, end);
            else out = asm__escape_last(out, text, size);
        } while (*text < limit);
    }
}

static char *asm__escape_whole(char *out, asm_str text) {
    const char *p = text.data, *end = asm__end(text);
    return asm__escape(out, &p, end, end);
}

/* Bits of two halves of lanes, put where the halves are. */
static inline uint64_t asm__both_halves(unsigned bits, size_t first, size_t second) {
    return (uint64_t)(bits & 0xFF) << first | (uint64_t)(bits >> 8) << second;
}

/* Copies 16 (else 8) bytes each from `first` and `second` to the same places of `out` and of a block; returns as
 * asm__load_block() does. */
ASM__INLINE uint64_t asm__load_two(char *out, char *block, const char *p, size_t first, size_t second,
                                   bool sixteen, uint64_t *non_ascii) {
    asm__lanes a, b;
    if (!sixteen) {
        a = asm__lanes_load_halves(p + first, p + second);
        asm__lanes_store_halves(out + first, out + second, a);
        asm__lanes_store_halves(block + first, block + second, a);
        b = asm__lanes_non_ascii(a);
        *non_ascii |= asm__both_halves(asm__lanes_bits(b), first, second);
        return asm__both_halves(asm__lanes_bits(asm__lanes_special(a)), first, second);
    }
    a = asm__lanes_load(p + first);
    b = asm__lanes_load(p + second);
    asm__lanes_store(out + first, a);
    asm__lanes_store(out + second, b);
    asm__lanes_store(block + first, a);
    asm__lanes_store(block + second, b);
    *non_ascii |= (uint64_t)asm__lanes_bits(asm__lanes_non_ascii(a)) << first;
    *non_ascii |= (uint64_t)asm__lanes_bits(asm__lanes_non_ascii(b)) << second;
    return (uint64_t)asm__lanes_bits(asm__lanes_special(a)) << first |
           (uint64_t)asm__lanes_bits(asm__lanes_special(b)) << second;
}

/* Copies 1 to 64 bytes (at least 8 are written) to `out` and to a block; returns which are ASCII and special, and in
 * `non_ascii` which are not ASCII. Avoids reloading bytes just stored (store-forwarding stall). */
static inline uint64_t asm__load_block(char *out, char block[128], const char *p, size_t size,
                                       uint64_t *non_ascii) {
    uint64_t special;
    *non_ascii = 0;
    if (size >= 16) {
        special = asm__load_two(out, block, p, 0, size - 16, true, non_ascii);
        if (size > 32) special |= asm__load_two(out, block, p, 16, size - 32, true, non_ascii);
    } else if (size >= 8) {
        special = asm__load_two(out, block, p, 0, size - 8, false, non_ascii);
    } else {
        char few[8];
        asm__store_little(few, asm__load_few(p, size));
        special = asm__load_two(out, block, few, 0, 0, false, non_ascii);
    }
    return special & ~*non_ascii;
}

/* Escapes a text of 1 to 64 bytes. */
static char *asm__escape_short(char *out, asm_str text) {
    char block[128];
    uint64_t non_ascii, special = asm__load_block(out, block, text.data, text.size, &non_ascii);
    const char *p = block;
    if (non_ascii) {
        memset(block + text.size, ' ', 64);
        if (asm__plain_prefix(block, non_ascii) < text.size) return asm__escape_whole(out, text);
    }
    for (; special; special &= special - 1) {
        const char *at = block + asm__lowest_bit(special);
        out = asm__put_escape(out + (at - p), *at);
        p = at + 1;
        memcpy(out, p, 64);
    }
    return out + (block + text.size - p);
}

/* A whole string with its quotes, not in the widest way. */
static char *asm__put_quoted(char *out, asm_str text) {
    *out++ = '"'; /* NOLINT(clang-analyzer-core.NullDereference): there is room at out */
    out = !ASM__SMALL && text.size - 1 < 64 ? asm__escape_short(out, text) : asm__escape_whole(out, text);
    *out = '"';
    return out + 1;
}

/* A whole string with its quotes. */
ASM__PRIVATE char *asm__put_string(char *out, asm_str text) {
    if (!ASM__SMALL && text.size - 1 < 64 && asm__has_wide()) {
        char *end = asm__put_short_wide(out, text);
        if (end) return end;
    }
    return asm__put_quoted(out, text);
}

/* The same for a text of 1 to ASM__SHORT bytes, which is plain mostly. */
ASM__PRIVATE char *asm__put_short_string(char *out, asm_str text) {
    if (asm__has_wide()) return asm__put_string(out, text);
    return asm__put_short(out, text) ? out + text.size + 2 : asm__put_quoted(out, text);
}

/* How many of `size` bytes can be escaped in the room that the buffer has, or can get. 0: not even a few. */
static size_t asm__escape_room(asm_buffer *out, size_t size) {
    size_t room = out->capacity - out->size;
    if (room / 6 >= size + ASM__ESCAPE_ROOM / 6) return size;
    if (out->growing) {
        if (size > 4096) size = 4096;
        return asm_buffer_reserve(out, size * 6 + ASM__ESCAPE_ROOM) == ASM_OK ? size : 0;
    }
    if (room < ASM__ESCAPE_ROOM + 6 || out->write) return 0;
    return size < (room - ASM__ESCAPE_ROOM) / 6 ? size : (room - ASM__ESCAPE_ROOM) / 6;
}

#define ASM__FEW 64

/* Appends the inside of a JSON string. */
static void asm__append_escaped(asm_buffer *out, asm_str text) {
    const char *p = text.data, *end = asm__end(text);
    while (out->result == ASM_OK && text.size > 0 && p < end) {
        size_t room = asm__escape_room(out, (size_t)(end - p));
        if (room > 0) {
            out->size = (size_t)(asm__escape(out->data + out->size, &p, p + room, end) - out->data);
        } else {
            char few[ASM__FEW * 6 + ASM__ESCAPE_ROOM];
            ptrdiff_t most = out->write ? ASM__FEW : 4;
            char *few_end = asm__escape(few, &p, end - p > most ? p + most : end, end);
            asm_buffer_append(out, asm_str_make(few, (size_t)(few_end - few)));
        }
    }
}

ASM__PRIVATE void asm__append_string(asm_buffer *out, asm_str text) {
    char *p = asm__buffer_end(out);
    if (asm__has_room(out, p, text.size)) {
        out->size = (size_t)(asm__put_string(p, text) - out->data);
    } else {
        asm_buffer_append_byte(out, '"');
        asm__append_escaped(out, text);
        asm_buffer_append_byte(out, '"');
    }
}

/* >>json: reader */

ASM__PRIVATE const char *asm__fail_at(asm_json_error *error, asm_result result, const char *message,
                                      const char *begin, const char *at) {
    if (error->result == ASM_OK) {
        error->result = result;
        error->message = message;
        error->offset = (size_t)(at - begin);
    }
    return NULL;
}

ASM__PRIVATE const char *asm__reader_fail(asm_json_reader *reader, asm_result result, const char *message,
                                          const char *at) {
    reader->state = ASM__AT_ERROR;
    return asm__fail_at(&reader->error, result, message, reader->begin, at);
}

static const char *asm__syntax(asm_json_reader *reader, const char *message, const char *at) {
    return asm__reader_fail(reader, ASM_ERR_SYNTAX, at < reader->end ? message : "the text ends too early",
                            at);
}

ASM__PRIVATE const char *asm__pass_space(asm_json_reader *reader, const char *p) {
    if (p < reader->end && asm__is_space(*p)) reader->non_canonical = true;
    while (p < reader->end && asm__is_space(*p))
        p++;
    return p;
}

/* Returns the byte after a valid \uXXXX escape; NULL (with the error set) otherwise. */
static const char *asm__scan_escape(asm_json_reader *reader, const char *p) {
    if (asm__at(reader, p + 1) != 'u')
        return asm__syntax(reader, "no such escape sequence", p + 1 < reader->end ? p : reader->end);
    if (asm__hex4(p + 2, reader->end) >= 0) return p + 6;
    return asm__syntax(reader, "\\u wants four hexadecimal digits", reader->end - p < 6 ? reader->end : p);
}

static inline char asm__unescaped_letter(char letter) {
    unsigned index = (unsigned)(unsigned char)letter - '"';
    return index < 128 ? asm__meanings[index] : '.';
}

static inline bool asm__is_short_escape(char letter) {
    return asm__unescaped_letter(letter) != '.';
}

/* The end of the run of non-ASCII characters from `p`; NULL (with the error set) if one is invalid. */
static const char *asm__scan_utf8(asm_json_reader *reader, const char *p) {
    do {
        int length = reader->end - p >= 4 ? (int)asm__plain_length(p) : 0;
        if (length > 0) {
            p = asm__utf8_threes_end(p + length, reader->end);
            continue;
        }
        length = asm__utf8_length(p, (size_t)(reader->end - p));
        if (length < 0) return asm__reader_fail(reader, ASM_ERR_UTF8, "invalid UTF-8 in a string", p);
        if (asm__wants_escape(p)) reader->non_canonical = true;
        p += length;
    } while (p < reader->end && (unsigned char)*p >= 0x80);
    return p;
}

/* The first byte from `p` on that is neither plain nor a short escape. */
static const char *asm__string_run(const char *p, const char *end, bool *escaped) {
    while (ASM__HAS_LANES && end - p >= 17) { /* lanes, and the letter of an escape at their end */
        unsigned bits = asm__lanes_bits(asm__lanes_special(asm__lanes_load(p))), step = 16;
        while (bits) {
            int at = asm__lowest_bit(bits);
            if (p[at] != '\\' || !asm__is_short_escape(p[at + 1])) return p + at;
            *escaped = true;
            if (at == 15) step = 17;
            bits &= ~(3u << at);
        }
        p += step;
    }
    return asm__plain_end(p, end);
}

#define ASM__BARE_CONTROL "a control character in a string must be escaped"

/* The closing quote of the string whose inside goes on at `p`, or NULL. */
ASM__PRIVATE const char *asm__scan_string_on(asm_json_reader *reader, const char *p, bool *escaped) {
    const char *end = reader->end;
    for (;;) {
        p = asm__string_run(p, end, escaped);
        if (p >= end) return asm__syntax(reader, "", p);
        if (*p == '"') return p;
        if (*p == '\\') {
            *escaped = true;
            p = end - p > 1 && asm__is_short_escape(p[1]) ? p + 2 : asm__scan_escape(reader, p);
        } else if (*p == 0x7F) {
            reader->non_canonical = true;
            p++;
        } else if ((unsigned char)*p < 0x20) {
            return asm__syntax(reader, ASM__BARE_CONTROL, p);
        } else {
            p = asm__scan_utf8(reader, p);
        }
        if (!p) return NULL;
    }
}

/* How many of 8 bytes, the first lowest, are digits before the first that is none. */
static inline int asm__count_digits(uint64_t bytes) {
    uint64_t digits = bytes ^ ASM__EACH_BYTE * '0';
    uint64_t others = ((digits + ASM__EACH_BYTE * 0x76) | digits) & ASM__EACH_BYTE * 0x80;
    return others ? asm__lowest_bit(others) / 8 : 8;
}

static const char *asm__scan_digits(const asm_json_reader *reader, const char *p) {
    while (!ASM__SMALL && reader->end - p >= 8) {
        int count = asm__count_digits(asm__load_little(p));
        p += count;
        if (count < 8) return p;
    }
    while (p < reader->end && asm__is_digit(*p))
        p++;
    return p;
}

/* Returns the byte after the number at `p`; NULL (with the error set) if it is none. */
ASM__PRIVATE const char *asm__scan_number(asm_json_reader *reader, const char *p, bool *integer) {
    *integer = true;
    if (asm__at(reader, p) == '-') p++;
    if (!asm__is_digit(asm__at(reader, p))) return asm__syntax(reader, "a digit is missing", p);
    if (*p == '0' && asm__is_digit(asm__at(reader, p + 1)))
        return asm__syntax(reader, "a number must not begin with a zero", p);
    p = asm__scan_digits(reader, p);
    if (asm__at(reader, p) == '.') {
        *integer = false;
        if (!asm__is_digit(asm__at(reader, ++p)))
            return asm__syntax(reader, "a digit is missing after the point", p);
        p = asm__scan_digits(reader, p);
    }
    if (asm__at(reader, p) == 'e' || asm__at(reader, p) == 'E') {
        *integer = false;
        p++;
        if (asm__at(reader, p) == '+' || asm__at(reader, p) == '-') p++;
        if (!asm__is_digit(asm__at(reader, p)))
            return asm__syntax(reader, "a digit is missing in the exponent", p);
        p = asm__scan_digits(reader, p);
    }
    return p;
}

/* Returns the byte after a value that is no object or array; NULL (with the error set) if it is none. */
static const char *asm__scan_scalar(asm_json_reader *reader, const char *p) {
    size_t left = (size_t)(reader->end - p);
    bool four, five, unused;
    char c = asm__at(reader, p);
    if (c == '"') {
        p = asm__scan_string(reader, p + 1, &unused);
        return p ? p + 1 : NULL;
    }
    if (c == '-' || asm__is_digit(c)) return asm__scan_number(reader, p, &unused);
    /* All compared at once: which one it is cannot be predicted. */
    four = left >= 4 && ((memcmp(p, "true", 4) == 0) | (memcmp(p, "null", 4) == 0));
    five = left >= 5 && ((c == 'f') & (memcmp(p + 1, "alse", 4) == 0));
    if (four | five) return p + 4 + five;
    if (left >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) return asm__syntax(reader, "a byte order mark", p);
    return asm__syntax(reader, "a value is missing", p);
}

static char asm__closing(const asm_json_reader *reader) {
    return asm__in_object(reader) ? '}' : ']';
}

/* Look-ahead: quote positions already found in the current 64-byte block. */
typedef struct asm__strings {
    const char *block, *after;
    uint64_t quotes;  /* bit n: one that begins or ends a string stands at block[n] */
    uint64_t escapes; /* bit n: the backslash of an escape stands at block[n] */
} asm__strings;

/* Marks what stands after the backslash of the most usual escapes. */
static inline asm__lanes asm__lanes_letters(asm__lanes bytes) {
    return asm__lanes_either(asm__lanes_either(asm__lanes_equal(bytes, '"'), asm__lanes_equal(bytes, '\\')),
                             asm__lanes_either(asm__lanes_equal(bytes, 'n'), asm__lanes_equal(bytes, 't')));
}

/* From the first bit that is set up to the second, from the third up to the fourth, and so on. */
static inline uint64_t asm__fill_pairs(uint64_t bits) {
    int i;
    for (i = 1; i < 64; i *= 2)
        bits ^= bits << i;
    return bits;
}

#define ASM__BLOCK_READABLE     67 /* as the last of 64 bytes may begin a character of 4 */
#define ASM__QUOTES(bytes)      asm__lanes_equal(bytes, '"')
#define ASM__BACKSLASHES(bytes) asm__lanes_equal(bytes, '\\')
#define ASM__BITS_64(lanes)     asm__lanes_bits_64(lanes(a), lanes(b), lanes(c), lanes(d))

/* Which of the 64 bytes at `p` are quotes that begin or end a string; `inside` tells whether `p` stands in
 * one. Stops at what in a string is neither plain nor a usual escape: only `*size` bytes were looked at. */
static uint64_t asm__find_quotes(const char *p, bool inside, unsigned *size, uint64_t *escapes) {
    asm__lanes a = asm__lanes_load(p), b = asm__lanes_load(p + 16);
    asm__lanes c = asm__lanes_load(p + 32), d = asm__lanes_load(p + 48);
    uint64_t starts = asm__escape_starts(ASM__BITS_64(ASM__BACKSLASHES));
    uint64_t stops = starts & ~(ASM__BITS_64(asm__lanes_letters) >> 1);
    uint64_t quotes = ASM__BITS_64(ASM__QUOTES) & ~(starts << 1);
    asm__lanes others = asm__lanes_either(asm__lanes_either(asm__lanes_other(a), asm__lanes_other(b)),
                                          asm__lanes_either(asm__lanes_other(c), asm__lanes_other(d)));
    if (asm__lanes_any(others)) {
        uint64_t strings = asm__fill_pairs(quotes) ^ (inside ? UINT64_MAX : 0);
        uint64_t non_ascii = ASM__BITS_64(asm__lanes_non_ascii) & strings;
        unsigned prefix = asm__plain_prefix(p, non_ascii);
        stops |= ASM__BITS_64(asm__lanes_other) & strings & ~non_ascii;
        if (prefix < 64) stops |= UINT64_C(1) << prefix;
    }
    *escapes = starts;
    *size = stops ? (unsigned)asm__lowest_bit(stops) : 64;
    return quotes & asm__bits_below(stops);
}

/* Returns the byte after the string that begins at `p`; NULL (with the error set) if it is invalid. Quotes
 * are mostly found a block at a time: the next string does not depend on where this one ends. */
ASM__INLINE const char *asm__pass_string(asm_json_reader *reader, asm__strings *strings, const char *p) {
    unsigned size;
    bool unused;
    if (ASM__HAS_LANES && !strings->quotes && reader->end - p >= ASM__BLOCK_READABLE) {
        strings->block = p;
        strings->quotes = asm__find_quotes(p, false, &size, &strings->escapes);
        strings->after = p + size;
    }
    if (!ASM__HAS_LANES || !strings->quotes) {
        p = asm__scan_string(reader, p + 1, &unused);
        return p ? p + 1 : NULL;
    }
    strings->quotes &= strings->quotes - 1;
    while (!strings->quotes) {
        p = strings->block = strings->after;
        if (reader->end - p >= ASM__BLOCK_READABLE)
            strings->quotes = asm__find_quotes(p, true, &size, &strings->escapes);
        else size = 0;
        if (size == 0) {
            strings->block = NULL;
            p = asm__scan_string_on(reader, p, &unused);
            return p ? p + 1 : NULL;
        }
        strings->after = p + size;
    }
    p = strings->block + asm__lowest_bit(strings->quotes) + 1;
    strings->quotes &= strings->quotes - 1;
    return p;
}

/* What the scan of a value notes. */
typedef struct asm__notes {
    asm__spans *spans;
    uint32_t open[ASM_JSON_MAX_DEPTH]; /* the spans of the objects and arrays that have begun */
} asm__notes;

/* Makes room for one more span; false if there is no memory, or there are too many. */
static bool asm__spans_grow(asm__spans *spans) {
    const uint32_t capacity = spans->capacity ? spans->capacity * 2 : 256;
    void *memory;
    if (spans->count >= ASM__SPANS_MAX) return false;
    memory = ASM_REALLOC(spans->list, capacity * sizeof *spans->list);
    if (!memory) return false;
    spans->list = (asm__span *)memory;
    spans->capacity = capacity;
    return true;
}

static inline bool asm__note_begin(asm__spans *spans, const char *begin) {
    if (spans->count == spans->capacity && !asm__spans_grow(spans)) return false;
    spans->list[spans->count].begin = begin;
    spans->places[(size_t)(begin - spans->begin) % ASM__SPAN_PLACES] = (uint16_t)spans->count;
    spans->count++;
    return true;
}

/* Notes the end of the value that was noted last, and that no other follows in it. */
static inline void asm__note_end(asm__spans *spans, const char *end) {
    asm__span *span = &spans->list[spans->count - 1];
    span->end = end;
    span->next = spans->count;
}

/* Whether there is an escape in the string that was passed last. */
static inline bool asm__has_escape(const asm__strings *strings, const char *begin, const char *end) {
    if (strings->block && begin >= strings->block && end - strings->block <= 64)
        return (strings->escapes & asm__bits_below(UINT64_C(1) << (end - 1 - strings->block))) >>
               (begin - strings->block);
    return memchr(begin, '\\', (size_t)(end - begin)) != NULL;
}

static inline void asm__note_enter(asm__notes *notes, unsigned depth) {
    notes->open[depth - 1] = notes->spans->count - 1;
    if (depth > notes->spans->depth) notes->spans->depth = depth;
}

static inline void asm__note_leave(const asm__notes *notes, unsigned depth, const char *end) {
    asm__span *span = &notes->spans->list[notes->open[depth - 1]];
    span->end = end;
    span->next = notes->spans->count;
}

/* Returns the byte after the string that begins at `p`, noted: after a key, the first byte of its value. NULL as
 * asm__scan_noting(). */
ASM__INLINE const char *asm__scan_noted_string(asm_json_reader *reader, asm__strings *strings, const char *p,
                                               bool key, asm__notes *notes) {
    const char *begin = p;
    p = asm__pass_string(reader, strings, p);
    if (p && notes) {
        asm__note_end(notes->spans, key ? p - 1 : p);
        if (key && asm__has_escape(strings, begin, p)) return NULL;
    }
    if (!p || !key) return p;
    p = asm__skip_space(reader, p);
    if (asm__at(reader, p) != ':') return asm__syntax(reader, "a colon is missing", p);
    return asm__skip_space(reader, p + 1);
}

/* Returns the byte after any value, checked; NULL (with the error set) if it is invalid, or (without) if there is no
 * room for a note. No recursion: the reader's own depth tells where in the value it is. */
ASM__INLINE const char *asm__scan_noting(asm_json_reader *reader, const char *p, asm__notes *notes) {
    unsigned outside = reader->depth;
    asm__strings strings = {NULL, NULL, 0, 0};
    bool key = false;
    if (ASM__SMALL) notes = NULL;
    p = asm__skip_space(reader, p);
    for (;;) {
        char c = asm__at(reader, p);
        if (notes && !asm__note_begin(notes->spans, key ? p + 1 : p)) return NULL;
        if (c == '"') {
            p = asm__scan_noted_string(reader, &strings, p, key, notes);
            if (key && p) {
                key = false;
                continue;
            }
        } else if (key) {
            return asm__syntax(reader, "a key is missing", p);
        } else if (c == '{' || c == '[') {
            p = asm__enter(reader, p);
            if (!p) return NULL;
            if (notes) asm__note_enter(notes, reader->depth);
            p = asm__skip_space(reader, p);
            if (asm__at(reader, p) != asm__closing(reader)) {
                key = c == '{';
                continue;
            }
            p++;
            if (notes) asm__note_leave(notes, reader->depth, p);
            asm__leave(reader);
        } else {
            p = asm__scan_scalar(reader, p);
            if (notes && p) asm__note_end(notes->spans, p);
        }
        for (;;) { /* to the next value */
            if (!p || reader->depth == outside) return p;
            p = asm__skip_space(reader, p);
            c = asm__at(reader, p);
            if (c == ',') break;
            if (c != asm__closing(reader)) return asm__syntax(reader, "a comma or an end is missing", p);
            p++;
            if (notes) asm__note_leave(notes, reader->depth, p);
            asm__leave(reader);
        }
        p = asm__skip_space(reader, p + 1);
        key = asm__in_object(reader);
    }
}

static const char *asm__scan_value(asm_json_reader *reader, const char *p) {
    return asm__scan_noting(reader, p, NULL);
}

/* Copies from *p to `out` up to the next backslash or the end. Text may be copied over itself, downwards. */
static char *asm__copy_unescaped(char *out, const char **text, const char *end) {
    const char *p = *text, *stop;
    /* Not where lanes that are stored whole would reach bytes that are still to be read. */
    while (end - p >= 16 && (size_t)((uintptr_t)p - (uintptr_t)out) >= 16) {
        asm__lanes bytes = asm__lanes_load(p);
        uint64_t found = asm__lanes_find(asm__lanes_equal(bytes, '\\'));
        asm__lanes_store(out, bytes);
        if (found) {
            *text = p + asm__found_lane(found);
            return out + asm__found_lane(found);
        }
        p += 16;
        out += 16;
    }
    stop = (const char *)memchr(p, '\\', (size_t)(end - p));
    if (!stop) stop = end;
    memmove(out, p, (size_t)(stop - p));
    *text = stop;
    return out + (stop - p);
}

/* The code point of the valid \u escape at *text, which is moved past it: two that make a pair are one, one
 * half alone is U+FFFD. */
static uint32_t asm__decode_unicode_escape(const char **text, const char *end) {
    const char *p = *text + 6;
    uint32_t code = (uint32_t)asm__hex4(*text + 2, end);
    if (code >= 0xD800 && code < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int32_t low = asm__hex4(p + 2, end);
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            p += 6;
        }
    }
    *text = p;
    return code >= 0xD800 && code < 0xE000 ? 0xFFFD : code;
}

static char *asm__unescape_unicode(char *out, const char **text, const char *end) {
    return out + asm__utf8_encode(asm__decode_unicode_escape(text, end), out);
}

/* The ASCII character that `\u00XX` at `p` stands for, where 6 bytes can be read; -1 for anything else. Terminal
 * output is full of ESC. */
static inline int asm__ascii_escape(const char *p) {
    int high = p[4] - '0', low = asm__hex_value(p[5]);
    return memcmp(p, "\\u00", 4) == 0 && (high & ~7) == 0 && low >= 0 ? high * 16 + low : -1;
}

/* Unescapes the string between `p` and `end`, whose escapes are valid, to `out`, which may be `p`; returns
 * the end. */
static char *asm__unescape(char *out, const char *p, const char *end) {
    while ((out = asm__copy_unescaped(out, &p, end)), p < end) {
        if (p[1] == 'u') {
            out = asm__unescape_unicode(out, &p, end);
        } else {
            *out++ = asm__unescaped_letter(p[1]);
            p += 2;
        }
    }
    return out;
}

/* Room in the scratch buffer for `size` bytes. A growing one gets room for all that this text can need at
 * once, unless it has that already: it does not move under the views that were given out. */
ASM__PRIVATE bool asm__reserve_scratch(asm_json_reader *reader, size_t size, const char *at) {
    asm_result result = ASM_ERR_NO_SPACE;
    if (reader->scratch && reader->scratch->growing && !reader->writable && reader->reserve > size) {
        if (reader->scratch->capacity - reader->scratch->size < reader->reserve - ASM_JSON_SCRATCH_SPARE)
            size = reader->reserve;
        reader->reserve = 0;
    }
    if (reader->scratch) result = asm_buffer_reserve(reader->scratch, size);
    if (result != ASM_OK) asm__reader_fail(reader, result, "no room in the scratch buffer", at);
    return result == ASM_OK;
}

/* A string's value, from its inside between `begin` and `end`. */
ASM__PRIVATE bool asm__string_value(asm_json_reader *reader, const char *begin, const char *end, bool escaped,
                                    asm_str *text) {
    char *out;
    if (!escaped) {
        *text = asm_str_make(begin, (size_t)(end - begin));
        return true;
    }
    if (reader->writable) {
        out = reader->writable + (begin - reader->begin);
    } else {
        if (!asm__reserve_scratch(reader, (size_t)(end - begin), begin)) return false;
        out = reader->scratch->data + reader->scratch->size;
    }
    *text = asm_str_make(out, (size_t)(asm__unescape(out, begin, end) - out));
    if (!reader->writable) reader->scratch->size += text->size;
    return true;
}

/* Checks what stands at `p`, which is special and no quote, writes what it stands for, and returns the byte
 * after it; NULL (with the error set) if it is invalid. */
static inline const char *asm__unescape_special(asm_json_reader *reader, const char *p, char **target) {
    const char *end = reader->end, *after;
    if (*p == '\\' && end - p > 1 && asm__is_short_escape(p[1])) {
        *(*target)++ = asm__unescaped_letter(p[1]);
        return p + 2;
    }
    if (*p == '\\') {
        if (!asm__scan_escape(reader, p)) return NULL;
        *target = asm__unescape_unicode(*target, &p, end);
        return p;
    }
    if ((unsigned char)*p < 0x20) return asm__syntax(reader, ASM__BARE_CONTROL, p);
    after = *p == 0x7F ? p + 1 : asm__scan_utf8(reader, p);
    if (!after) return NULL;
    memcpy(*target, p, (size_t)(after - p));
    *target += after - p;
    return after;
}

/* asm__scan_unescaped() up to `limit` or somewhat further, but not in the last 132 bytes of the text. */
static const char *asm__unescape_blocks(asm_json_reader *reader, const char *p, const char *limit,
                                        char **target) {
    char *out = *target;
    while (p < limit && reader->end - p >= 132) {
        uint64_t non_ascii, mask = asm__special_64(p, &non_ascii);
        const char *block = p, *after = p + 64;
        memcpy(out, p, 64);
        if (non_ascii) {
            after = block + asm__plain_prefix(block, non_ascii);
            if (after < block + 64) mask &= (UINT64_C(1) << (after - block)) - 1;
        }
        while (mask) {
            int at = asm__lowest_bit(mask), code;
            const char *special = block + at;
            out += special - p;
            *target = out;
            if (*special == '"') return special;
            if (*special == '\\' && asm__is_short_escape(special[1])) { /* nearly all of them */
                *out++ = asm__unescaped_letter(special[1]);
                p = special + 2;
                mask &= ~(UINT64_C(3) << at);
            } else if (!ASM__SMALL && (code = asm__ascii_escape(special)) >= 0) {
                *out++ = (char)code;
                p = special + 6;
                mask &= ~(UINT64_C(0x3F) << at);
            } else {
                p = asm__unescape_special(reader, special, target);
                if (!p) return NULL;
                out = *target;
                mask = p < block + 64 ? mask >> (p - block) << (p - block) : 0;
            }
            if (p < block + 64) memcpy(out, p, 64);
        }
        if (p < after) {
            out += after - p;
            p = after;
        }
        *target = out;
        if (p <= block + 60)
            p = asm__unescape_special(reader, p, target); /* else the next block begins there */
        if (!p) return NULL;
        out = *target;
    }
    return p;
}

/* Whether a text has little ASCII, as eight of its first 64 bytes tell. */
static inline bool asm__looks_dense(const char *p) {
    const uint64_t high = ASM__EACH_BYTE * 0x80;
    return (asm__load64(p + 8) & high) == high || (asm__load64(p + 32) & high) == high ||
           (asm__load64(p + 56) & high) == high;
}

/* Checks and unescapes the rest of a string at once, from `p` to `*target`; returns its closing quote, or
 * NULL. The target has room for all that is left of the text, and ASM_JSON_SCRATCH_SPARE bytes more. */
static const char *asm__scan_unescaped(asm_json_reader *reader, const char *p, char **target) {
    const char *end = reader->end;
    bool wide = asm__has_wide();
    ptrdiff_t step = ASM__DENSE / 2;
    for (;;) {
        const char *begin = p, *limit = end;
        if (wide && end - p > 64 && asm__looks_dense(p)) p = asm__unescape_dense(target, p, end);
        if (wide) p = asm__unescape_wide(target, p, end);
        if (p < end && *p == '"') return p;
        step = asm__dense_step(step, p - begin);
        if (wide && end - p > step) limit = p + step;
        p = asm__unescape_blocks(reader, p, limit, target);
        if (!p) return NULL;
        if (!wide || end - p < 132) {
            const char *stop = asm__plain_end(p, end);
            memcpy(*target, p, (size_t)(stop - p));
            *target += stop - p;
            if (stop >= end) return asm__syntax(reader, "", stop);
            if (*stop == '"') return stop;
            p = asm__unescape_special(reader, stop, target);
            if (!p) return NULL;
        }
    }
}

/* From `p` on, as far as characters are plain or not ASCII, and can be told in blocks of 64 bytes. */
static const char *asm__text_run(const char *p, const char *end) {
    while (!ASM__SMALL && end - p >= ASM__BLOCK_READABLE) {
        uint64_t non_ascii, special = asm__special_64(p, &non_ascii);
        const unsigned at = special ? (unsigned)asm__lowest_bit(special) : 64;
        const unsigned prefix = asm__plain_prefix(p, non_ascii & asm__bits_below(special));
        if (at <= prefix && at < 64) return p + at;
        p += prefix;
        if (prefix <= 60) return p; /* not one that only continues past them */
    }
    return p;
}

/* asm__scan_text() for a string that is plain up to `p` and does not end there. */
ASM__PRIVATE const char *asm__scan_text_on(asm_json_reader *reader, const char *begin, const char *p,
                                           asm_str *text, bool *escaped) {
    asm_buffer *scratch = reader->scratch;
    size_t left = (size_t)(reader->end - begin);
    while (p < reader->end && (unsigned char)*p >= 0x80) {
        p = asm__text_run(p, reader->end);
        if ((unsigned char)*p >= 0x80) p = asm__scan_utf8(reader, p);
        if (!p) return NULL;
        p = asm__plain_end(p, reader->end);
    }
    if (p < reader->end && *p == '\\' && scratch && !reader->writable) {
        if (scratch->growing && !asm__reserve_scratch(reader, left, begin)) return NULL;
        if (scratch->result == ASM_OK && scratch->capacity - scratch->size >= left + ASM_JSON_SCRATCH_SPARE) {
            char *out = scratch->data + scratch->size, *target = out + (p - begin);
            memcpy(out, begin, (size_t)(p - begin));
            p = asm__scan_unescaped(reader, p, &target);
            *text = asm_str_make(out, (size_t)(target - out));
            if (p) scratch->size += text->size;
            *escaped = false;
            return p;
        }
    }
    *escaped = false;
    p = asm__scan_string_on(reader, p, escaped);
    if (p) *text = asm_str_make(begin, (size_t)(p - begin));
    return p;
}

ASM_API void asm_json_reader_init(asm_json_reader *reader, asm_str text, asm_buffer *scratch) {
    if (!reader) return;
    if (!text.data) text = asm_str_make("", 0);
    memset(reader, 0, sizeof *reader);
    reader->begin = reader->at = text.data;
    reader->end = reader->begin + text.size;
    reader->scratch = scratch;
    reader->reserve =
        text.size < SIZE_MAX - ASM_JSON_SCRATCH_SPARE ? text.size + ASM_JSON_SCRATCH_SPARE : SIZE_MAX;
    reader->state = ASM__AT_VALUE;
    reader->error.message = "";
}

ASM_API void asm_json_reader_init_in_place(asm_json_reader *reader, char *text, size_t size) {
    if (!reader) return;
    asm_json_reader_init(reader, asm_str_make(text, size), NULL);
    reader->writable = text;
}

/* The type of a value that begins with `c`. From a table: which one it is can hardly be predicted. */
static inline asm_json_type asm__type_from_first(char c) {
    static const char types[] =
        "400000000003003333333333000000000000000000000000000000000500000000002000000010000020000006";
    unsigned index = (unsigned)(unsigned char)c - '"';
    return index < sizeof types - 1 ? (asm_json_type)(types[index] - '0') : ASM_JSON_NONE;
}

ASM_API asm_json_type asm_json_type_of(asm_str raw) {
    size_t i = 0;
    while (i < raw.size && asm__is_space(raw.data[i]))
        i++;
    return asm__type_from_first(i < raw.size ? raw.data[i] : '\0');
}

ASM_API asm_json_type asm_json_peek(asm_json_reader *reader) {
    if (!reader || reader->state != ASM__AT_VALUE) return ASM_JSON_NONE;
    if (asm__at(reader, reader->at) > ' ') return asm__type_from_first(*reader->at);
    return asm_json_type_of(asm_str_make(reader->at, (size_t)(reader->end - reader->at)));
}

/* Whether a function of the reader was given all that it needs; else that is the reader's error. */
static inline bool asm__has_place(asm_json_reader *reader, const void *place) {
    if (reader && place) return true;
    if (reader) asm__reader_fail(reader, ASM_ERR_INVALID_ARGUMENT, "an argument is NULL", reader->at);
    return false;
}

/* asm__expect() where the value may not stand right there. */
static bool asm__expect_slowly(asm_json_reader *reader, asm_json_type type) {
    asm_json_type found;
    if (reader->error.result != ASM_OK) return false;
    if (reader->state != ASM__AT_VALUE) {
        asm__reader_fail(reader, ASM_ERR_MISUSE, "no value stands here: go to the next member or element",
                         reader->at);
        return false;
    }
    reader->at = asm__skip_space(reader, reader->at);
    found = asm_json_peek(reader);
    if (found == type) return true;
    if (found == ASM_JSON_NONE) asm__scan_scalar(reader, reader->at);
    else asm__reader_fail(reader, ASM_ERR_TYPE, "a value of another type", reader->at);
    return false;
}

/* Makes ready to read a value of `type`: true if one stands next. */
static inline bool asm__expect(asm_json_reader *reader, asm_json_type type) {
    bool found = !ASM__SMALL && reader->state == ASM__AT_VALUE &&
                 asm__type_from_first(asm__at(reader, reader->at)) == type;
    return found || asm__expect_slowly(reader, type);
}

static bool asm__enter_value(asm_json_reader *reader, asm_json_type type) {
    const char *inside = reader && asm__expect(reader, type) ? asm__enter(reader, reader->at) : NULL;
    if (!inside) return false;
    reader->at = inside;
    reader->state = ASM__AT_FIRST;
    return true;
}

ASM_API bool asm_json_enter_object(asm_json_reader *reader) {
    return asm__enter_value(reader, ASM_JSON_OBJECT);
}

ASM_API bool asm_json_enter_array(asm_json_reader *reader) {
    return asm__enter_value(reader, ASM_JSON_ARRAY);
}

/* Goes to the next key or element of the object or array that the reader is in; false at its end, which is left. */
static bool asm__next(asm_json_reader *reader, bool object) {
    const char *p;
    if (reader->depth > 0 && reader->state == ASM__AT_VALUE) asm_json_read_raw(reader, NULL);
    if (reader->error.result != ASM_OK) return false;
    if (reader->depth == 0 || asm__in_object(reader) != object) {
        asm__reader_fail(reader, ASM_ERR_MISUSE, "not in such an object or array", reader->at);
        return false;
    }
    p = asm__skip_space(reader, reader->at);
    if (asm__at(reader, p) == asm__closing(reader)) {
        asm__leave(reader);
        asm__value_read(reader, p + 1);
        return false;
    }
    if (reader->state == ASM__AT_NEXT) {
        if (asm__at(reader, p) != ',') {
            asm__syntax(reader, "a comma or an end is missing", p);
            return false;
        }
        p = asm__skip_space(reader, p + 1);
    }
    reader->at = p;
    reader->state = ASM__AT_VALUE;
    return true;
}

/* asm__next() for members: the inside of the key, as it stands. */
ASM__PRIVATE bool asm__next_key(asm_json_reader *reader, asm_str *key, bool *escaped) {
    const char *begin, *quote, *p;
    if (!asm__next(reader, true)) return false;
    begin = reader->at + 1;
    if (asm__at(reader, reader->at) != '"') {
        asm__syntax(reader, "a key is missing", reader->at);
        return false;
    }
    quote = asm__scan_string(reader, begin, escaped);
    if (!quote) return false;
    *key = asm_str_make(begin, (size_t)(quote - begin));
    p = asm__skip_space(reader, quote + 1);
    if (asm__at(reader, p) != ':') {
        asm__syntax(reader, "a colon is missing", p);
        return false;
    }
    reader->at = p + 1;
    return true;
}

/* The quote that ends the key from `p`, if it is short and plain and a colon follows at once; else NULL. */
static inline const char *asm__usual_key_end(const char *p, const char *end) {
    if (ASM__HAS_LANES && end - p >= 17) {
        uint64_t found = asm__lanes_find(asm__lanes_special(asm__lanes_load(p)));
        if (!found) return NULL;
        p += asm__found_lane(found);
    } else {
        p = asm__plain_end(p, end);
        if (end - p < 2) return NULL;
    }
    return p[0] == '"' && p[1] == ':' ? p : NULL;
}

/* asm__next_key() where there is no white space and no escape in the key; false otherwise. */
static inline bool asm__next_usual_key(asm_json_reader *reader, asm_str *key) {
    const char *p = reader->at, *end = reader->end, *quote;
    if (!asm__in_object(reader) || reader->state > ASM__AT_NEXT || end - p < 2) return false;
    if (reader->state == ASM__AT_NEXT && *p++ != ',') return false;
    if (*p++ != '"') return false;
    quote = asm__usual_key_end(p, end);
    if (!quote) return false;
    *key = asm_str_make(p, (size_t)(quote - p));
    reader->at = quote + 2;
    reader->state = ASM__AT_VALUE;
    return true;
}

ASM_API bool asm_json_next_member(asm_json_reader *reader, asm_str *key) {
    asm_str inside;
    bool escaped;
    if (!asm__has_place(reader, key)) return false;
    if (!ASM__SMALL && asm__next_usual_key(reader, key)) return true;
    if (asm__leave_object(reader)) return false;
    return asm__next_key(reader, &inside, &escaped) &&
           asm__string_value(reader, inside.data, inside.data + inside.size, escaped, key);
}

ASM_API bool asm_json_next_element(asm_json_reader *reader) {
    return reader && asm__next(reader, false);
}

ASM_API bool asm_json_read_string(asm_json_reader *reader, asm_str *text) {
    const char *quote;
    asm_str value;
    bool escaped;
    if (!asm__has_place(reader, text) || !asm__expect(reader, ASM_JSON_STRING)) return false;
    quote = asm__scan_text(reader, reader->at + 1, &value, &escaped);
    if (!quote) return false;
    if (escaped && !asm__string_value(reader, value.data, value.data + value.size, escaped, &value))
        return false;
    *text = value;
    return asm__value_read(reader, quote + 1);
}

/* The digits of an integer without its sign as a number; false if it does not fit. */
static bool asm__parse_uint64(const char *p, const char *end, uint64_t *value) {
    uint64_t number = 0;
    for (; p < end; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (number > UINT64_MAX / 10 || number * 10 > UINT64_MAX - digit) return false;
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

ASM__PRIVATE bool asm__parse_int64(const char *p, const char *end, int64_t *value) {
    bool negative = p < end && *p == '-';
    uint64_t magnitude;
    if (!asm__parse_uint64(p + negative, end, &magnitude) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (magnitude ? -(int64_t)(magnitude - 1) - 1 : 0) : (int64_t)magnitude;
    return true;
}

ASM__PRIVATE bool asm__parse_double(const char *p, const char *end, double *value, bool *is_exact) {
    bool negative = p < end && *p == '-';
    asm__decimal decimal = asm__decimal_from_text(p + negative, end);
    uint64_t bits = asm__decimal_to_bits(&decimal);
    if (bits == ASM__INFINITY_BITS) return false;
    *value = asm__double_from_bits(bits | (uint64_t)negative << 63);
    if (is_exact) *is_exact = asm__is_written_alike(&decimal, bits);
    return true;
}

/* Returns the byte after the number that stands next; NULL (with the error set) if there is none. */
static const char *asm__expect_number(asm_json_reader *reader, bool want_integer) {
    const char *end;
    bool integer;
    if (!asm__expect(reader, ASM_JSON_NUMBER)) return NULL;
    end = asm__scan_number(reader, reader->at, &integer);
    if (end && want_integer && !integer)
        return asm__reader_fail(reader, ASM_ERR_TYPE, "not an integer", reader->at);
    return end;
}

/* Ends reading a number: `fits` tells whether it was in the range of its type. */
static bool asm__number_read(asm_json_reader *reader, const char *end, bool fits) {
    if (!fits) end = asm__reader_fail(reader, ASM_ERR_RANGE, "the number is out of range", reader->at);
    return asm__value_read(reader, end);
}

/* Reads an integer of up to 7 digits at `p`, where 8 bytes can be read; returns how many there are, or 0 if
 * that is not what stands there. */
static inline int asm__read_few_digits(const char *p, int64_t *value) {
    uint64_t bytes = asm__load_little(p), number;
    int count = asm__count_digits(bytes);
    if (count % 8 == 0 || (*p == '0' && count > 1) || p[count] == '.' || (p[count] | 0x20) == 'e') return 0;
    number = (bytes ^ ASM__EACH_BYTE * '0') << (8 - count) * 8;
    number = (number * 10 + (number >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
    number = (number * 100 + (number >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
    number = (number * 10000 + (number >> 32)) & UINT64_C(0xFFFFFFFF);
    *value = (int64_t)number;
    return count;
}

ASM_API bool asm_json_read_int64(asm_json_reader *reader, int64_t *value) {
    const char *end;
    if (!asm__has_place(reader, value)) return false;
    if (!ASM__SMALL && reader->state == ASM__AT_VALUE && reader->end - reader->at >= 8) {
        int count = asm__read_few_digits(reader->at, value);
        if (count > 0) return asm__value_read(reader, reader->at + count);
    }
    end = asm__expect_number(reader, true);
    return end && asm__number_read(reader, end, asm__parse_int64(reader->at, end, value));
}

ASM_API bool asm_json_read_uint64(asm_json_reader *reader, uint64_t *value) {
    const char *end = asm__has_place(reader, value) ? asm__expect_number(reader, true) : NULL;
    return end &&
           asm__number_read(reader, end, *reader->at != '-' && asm__parse_uint64(reader->at, end, value));
}

ASM_API bool asm_json_read_double(asm_json_reader *reader, double *value) {
    const char *end = asm__has_place(reader, value) ? asm__expect_number(reader, false) : NULL;
    return end && asm__number_read(reader, end, asm__parse_double(reader->at, end, value, NULL));
}

ASM_API bool asm_json_read_bool(asm_json_reader *reader, bool *value) {
    bool found = asm__has_place(reader, value) && asm__expect(reader, ASM_JSON_BOOL);
    const char *end = found ? asm__scan_scalar(reader, reader->at) : NULL;
    bool truth = end && *reader->at == 't';
    if (!end || !asm__value_read(reader, end)) return false;
    *value = truth;
    return true;
}

ASM_API bool asm_json_read_null(asm_json_reader *reader) {
    return reader && asm__expect(reader, ASM_JSON_NULL) &&
           asm__value_read(reader, asm__scan_scalar(reader, reader->at));
}

ASM_API bool asm_json_read_raw(asm_json_reader *reader, asm_str *raw) {
    const char *begin, *end;
    const asm__span *known;
    if (!reader) return false;
    if (reader->state != ASM__AT_VALUE) {
        asm__expect_slowly(reader, ASM_JSON_NONE); /* fails, and says why */
        return false;
    }
    begin = asm__skip_space(reader, reader->at);
    known = !ASM__SMALL && reader->known ? asm__spans_find(reader->known, begin) : NULL;
    end = known ? known->end : asm__scan_value(reader, begin);
    if (!asm__value_read(reader, end)) return false;
    if (raw) *raw = asm_str_make(begin, (size_t)(end - begin));
    return true;
}

ASM_API asm_result asm_json_reader_finish(asm_json_reader *reader) {
    if (!reader) return ASM_ERR_INVALID_ARGUMENT;
    if (reader->error.result != ASM_OK) return reader->error.result;
    if (reader->depth > 0 || reader->state != ASM__AT_NEXT) {
        asm__reader_fail(reader, ASM_ERR_MISUSE, "the value was not read to its end", reader->at);
    } else {
        const char *p = asm__skip_space(reader, reader->at);
        if (p < reader->end) asm__syntax(reader, "something follows the value", p);
    }
    return reader->error.result;
}

ASM_API asm_result asm_json_check(asm_str text, asm_json_error *error) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, text, NULL);
    asm_json_read_raw(&reader, NULL);
    asm_json_reader_finish(&reader);
    if (error) *error = reader.error;
    return reader.error.result;
}

/* The text of a key or another name, whose inside is given, in `bytes` if it is escaped; one that is too long
 * for them as it stands. */
ASM__PRIVATE asm_str asm__name_text(asm_str inside, bool escaped, char bytes[ASM__KEY_SIZE]) {
    if (!escaped || inside.size > ASM__KEY_SIZE) return inside;
    return asm_str_make(bytes,
                        (size_t)(asm__unescape(bytes, inside.data, inside.data + inside.size) - bytes));
}

static void asm__no_texts(asm_str *values, size_t count) {
    size_t i;
    for (i = 0; i < count; i++)
        values[i] = asm_str_make(NULL, 0);
}

ASM_API asm_result asm_json_find(asm_str json, const asm_str *keys, asm_str *values, size_t count,
                                 asm_json_error *error) {
    asm_json_reader reader;
    char bytes[ASM__KEY_SIZE];
    asm_str key;
    bool escaped;
    asm_json_reader_init(&reader, json, NULL);
    if (count > 0 && !(keys && values)) asm__has_place(&reader, NULL);
    else asm__no_texts(values, count);
    asm_json_enter_object(&reader);
    while (asm__next_key(&reader, &key, &escaped)) {
        asm_str name = asm__name_text(key, escaped, bytes);
        size_t i = escaped && key.size > ASM__KEY_SIZE ? count : 0;
        while (i < count && !asm_str_equal(name, keys[i]))
            i++;
        asm_json_read_raw(&reader, i < count ? &values[i] : NULL);
    }
    if (asm_json_reader_finish(&reader) != ASM_OK && values) asm__no_texts(values, count);
    if (error) *error = reader.error;
    return reader.error.result;
}

ASM_API bool asm_json_to_string(asm_str raw, asm_buffer *scratch, asm_str *text) {
    asm_json_reader reader;
    asm_str value;
    asm_json_reader_init(&reader, raw, scratch);
    if (!text || !asm_json_read_string(&reader, &value) || asm_json_reader_finish(&reader) != ASM_OK)
        return false;
    *text = value;
    return true;
}

ASM_API bool asm_json_to_int64(asm_str raw, int64_t *value) {
    asm_json_reader reader;
    int64_t number = 0;
    asm_json_reader_init(&reader, raw, NULL);
    if (!value || !asm_json_read_int64(&reader, &number) || asm_json_reader_finish(&reader) != ASM_OK)
        return false;
    *value = number;
    return true;
}

ASM_API bool asm_json_to_double(asm_str raw, double *value) {
    asm_json_reader reader;
    double number = 0;
    asm_json_reader_init(&reader, raw, NULL);
    if (!value || !asm_json_read_double(&reader, &number) || asm_json_reader_finish(&reader) != ASM_OK)
        return false;
    *value = number;
    return true;
}

ASM_API bool asm_json_to_bool(asm_str raw, bool *value) {
    asm_json_reader reader;
    bool truth;
    asm_json_reader_init(&reader, raw, NULL);
    if (!value || !asm_json_read_bool(&reader, &truth) || asm_json_reader_finish(&reader) != ASM_OK)
        return false;
    *value = truth;
    return true;
}

/* >>json: spans */

ASM__PRIVATE bool asm__spans_read(asm__spans *spans, asm_str text) {
    asm_json_reader reader;
    asm__notes notes;
    const char *end;
    spans->count = spans->depth = 0;
    if (ASM__SMALL) return false;
    spans->begin = text.data;
    spans->end = asm__end(text);
    notes.spans = spans;
    asm_json_reader_init(&reader, text, NULL);
    end = asm__scan_noting(&reader, asm__skip_space(&reader, reader.at), &notes);
    spans->non_canonical = reader.non_canonical;
    if (asm__value_read(&reader, end) && asm_json_reader_finish(&reader) == ASM_OK) return true;
    spans->count = 0;
    return false;
}

ASM__PRIVATE void asm__spans_close(asm__spans *spans) {
    ASM_FREE(spans->list);
    spans->list = NULL;
    spans->count = spans->capacity = 0;
}

/* >>json: strings in pieces */

ASM_API asm_str asm_json_string_inside(asm_str raw) {
    size_t begin = 0, end = raw.size;
    while (begin < end && asm__is_space(raw.data[begin]))
        begin++;
    while (end > begin && asm__is_space(raw.data[end - 1]))
        end--;
    if (end - begin < 2 || raw.data[begin] != '"' || raw.data[end - 1] != '"') return asm_str_make(NULL, 0);
    return asm_str_make(raw.data + begin + 1, end - begin - 2);
}

/* The code point of the escape sequence at *text, which is moved past it; the backslash itself if that begins
 * none. */
static uint32_t asm__decode_escape(const char **text, const char *end) {
    const char *p = *text;
    if (end - p >= 2 && asm__is_short_escape(p[1])) {
        *text = p + 2;
        return (unsigned char)asm__unescaped_letter(p[1]);
    }
    if (end - p >= 6 && p[1] == 'u' && asm__hex4(p + 2, end) >= 0)
        return asm__decode_unicode_escape(text, end);
    *text = p + 1;
    return '\\';
}

ASM_API uint32_t asm_json_string_decode(asm_str inside, size_t *at) {
    const char *p = at ? inside.data + *at : NULL;
    uint32_t code;
    if (!p) return 0;
    if (*p != '\\') return asm_utf8_decode(inside, at);
    code = asm__decode_escape(&p, inside.data + inside.size);
    *at = (size_t)(p - inside.data);
    return code;
}

/* The end of the last whole character among the bytes from `p` to `stop`; `stop` if there is none. */
static const char *asm__whole_end(const char *p, const char *stop, const char *end) {
    const char *begin = stop;
    if (stop == end || ((unsigned char)*stop & 0xC0) != 0x80) return stop;
    while (begin > p && stop - begin < 3 && ((unsigned char)*begin & 0xC0) == 0x80)
        begin--;
    if (begin == p || asm__utf8_length(begin, (size_t)(end - begin)) <= stop - begin) return stop;
    return begin;
}

/* The end of the run of whole characters without a backslash from `p`, at most `room` (at least 4) bytes. */
static const char *asm__unescaped_run(const char *p, const char *end, size_t room) {
    const char *limit = (size_t)(end - p) > room ? p + room : end;
    const char *escape = (const char *)memchr(p, '\\', (size_t)(limit - p));
    return escape ? escape : asm__whole_end(p, limit, end);
}

ASM_API asm_str asm_json_string_piece(asm_str inside, size_t *at, char *memory, size_t size) {
    const char *p, *end, *stop;
    char *out = memory;
    if (!at || !memory || size < 4 || *at >= inside.size) return asm_str_make(NULL, 0);
    p = inside.data + *at;
    end = inside.data + inside.size;
    stop = (const char *)memchr(p, '\\', (size_t)(end - p));
    if (!stop) stop = end;
    if (stop == end || (size_t)(stop - p) >= size) {
        *at = (size_t)(stop - inside.data);
        return asm_str_make(p, (size_t)(stop - p));
    }
    for (;;) {
        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        p = stop;
        if (size - (size_t)(out - memory) < 4 || p == end || *p != '\\') break;
        out += asm__utf8_encode(asm__decode_escape(&p, end), out);
        if (size - (size_t)(out - memory) < 4) break;
        stop = asm__unescaped_run(p, end, size - (size_t)(out - memory));
    }
    *at = (size_t)(p - inside.data);
    return asm_str_make(memory, (size_t)(out - memory));
}

/* >>json: writer */

/* What may stand next: nothing after the one value, or after an error. */
enum {
    ASM__WRITE_COMMA = 1, /* with a comma before it */
    ASM__WRITE_KEY = 2,
    ASM__WRITE_VALUE = 4
};

ASM_API void asm_json_writer_init(asm_json_writer *writer, asm_buffer *out) {
    if (!writer) return;
    memset(writer, 0, sizeof *writer);
    writer->out = out;
    if (out) writer->state = ASM__WRITE_VALUE;
    else writer->result = ASM_ERR_INVALID_ARGUMENT;
}

static asm_result asm__writer_result(asm_json_writer *writer, asm_result result) {
    if (writer->result == ASM_OK) writer->result = result != ASM_OK ? result : writer->out->result;
    if (writer->result != ASM_OK) writer->state = 0;
    return writer->result;
}

/* After something that `state` may follow. */
static inline asm_result asm__go_on(asm_json_writer *writer, unsigned state) {
    writer->state = state;
    return writer->out->result == ASM_OK ? ASM_OK : asm__writer_result(writer, ASM_OK);
}

#define ASM__TOKEN_ROOM  40
#define ASM__STRING_ROOM (ASM__SHORT + 8)

static inline bool asm__has_token_room(const asm_buffer *out) {
    return out->result == ASM_OK && out->capacity - out->size >= ASM__TOKEN_ROOM;
}

/* A comma, if there must be one, and a brace or bracket. */
static inline void asm__write_mark(asm_buffer *out, unsigned comma, char mark) {
    if (asm__has_token_room(out)) {
        char *p = out->data + out->size;
        p[0] = ',';
        p[comma] = mark;
        out->size += comma + 1;
    } else {
        if (comma) asm_buffer_append_byte(out, ',');
        asm_buffer_append_byte(out, mark);
    }
}

static inline asm_result asm__begin_container(asm_json_writer *writer, bool object) {
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    if (!(writer->state & ASM__WRITE_VALUE)) return asm__writer_result(writer, ASM_ERR_MISUSE);
    if (writer->depth >= ASM_JSON_MAX_DEPTH) return asm__writer_result(writer, ASM_ERR_DEPTH);
    asm__write_mark(writer->out, writer->state & ASM__WRITE_COMMA, object ? '{' : '[');
    writer->objects = writer->objects << 1 | object;
    writer->depth++;
    writer->after = (object ? ASM__WRITE_KEY : ASM__WRITE_VALUE) | ASM__WRITE_COMMA;
    return asm__go_on(writer, object ? ASM__WRITE_KEY : ASM__WRITE_VALUE);
}

static inline asm_result asm__end_container(asm_json_writer *writer, bool object) {
    unsigned next = object ? ASM__WRITE_KEY : ASM__WRITE_VALUE;
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    if (!(writer->state & next) || writer->after != (next | ASM__WRITE_COMMA))
        return asm__writer_result(writer, ASM_ERR_MISUSE);
    asm__write_mark(writer->out, 0, object ? '}' : ']');
    writer->objects >>= 1;
    writer->depth--;
    writer->after = (writer->objects & 1 ? ASM__WRITE_KEY : ASM__WRITE_VALUE) | ASM__WRITE_COMMA;
    if (writer->depth == 0) writer->after = 0;
    return asm__go_on(writer, writer->after);
}

ASM_API asm_result asm_json_begin_object(asm_json_writer *writer) {
    return asm__begin_container(writer, true);
}

ASM_API asm_result asm_json_end_object(asm_json_writer *writer) {
    return asm__end_container(writer, true);
}

ASM_API asm_result asm_json_begin_array(asm_json_writer *writer) {
    return asm__begin_container(writer, false);
}

ASM_API asm_result asm_json_end_array(asm_json_writer *writer) {
    return asm__end_container(writer, false);
}

/* A string with what must stand before it and, of a key, its colon. */
static asm_result asm__write_quoted(asm_json_writer *writer, asm_str text, bool key) {
    asm_buffer *out = writer->out;
    char *p;
    if (!(writer->state & (key ? ASM__WRITE_KEY : ASM__WRITE_VALUE)))
        return asm__writer_result(writer, ASM_ERR_MISUSE);
    p = asm__buffer_end(out);
    if (!ASM__SMALL && asm__has_room(out, p, text.size)) {
        *p = ',';
        p = asm__put_string(p + (writer->state & ASM__WRITE_COMMA), text);
        *p = ':';
        out->size = (size_t)(p - out->data) + key;
        return asm__go_on(writer, key ? (unsigned)ASM__WRITE_VALUE : writer->after);
    }
    if (writer->state & ASM__WRITE_COMMA) asm_buffer_append_byte(out, ',');
    asm__append_string(out, text);
    if (key) asm_buffer_append_byte(out, ':');
    return asm__go_on(writer, key ? (unsigned)ASM__WRITE_VALUE : writer->after);
}

/* asm__write_quoted() for short plain strings, as most are; false if this one is not. out->size is updated
 * first: the next call depends only on it. */
static inline bool asm__write_short(asm_json_writer *writer, asm_str text, bool key) {
    asm_buffer *out = writer->out;
    unsigned comma = writer->state & ASM__WRITE_COMMA;
    char *p;
    if (!(writer->state & (key ? ASM__WRITE_KEY : ASM__WRITE_VALUE)) || text.size - 1 >= ASM__SHORT ||
        out->result != ASM_OK || out->capacity - out->size < ASM__STRING_ROOM)
        return false;
    p = out->data + out->size;
    p[0] = ',';
    p[comma + text.size + 2] = ':';
    if (!asm__put_short(p + comma, text)) return false;
    out->size += comma + text.size + 2 + key;
    writer->state = key ? (unsigned)ASM__WRITE_VALUE : writer->after;
    return true;
}

ASM_API asm_result asm_json_write_key(asm_json_writer *writer, asm_str key) {
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    return asm__write_short(writer, key, true) ? ASM_OK : asm__write_quoted(writer, key, true);
}

ASM_API asm_result asm_json_write_string(asm_json_writer *writer, asm_str text) {
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    if (!text.data) return asm_json_write_null(writer);
    if (asm__has_wide()) return asm__write_quoted(writer, text, false);
    return asm__write_short(writer, text, false) ? ASM_OK : asm__write_quoted(writer, text, false);
}

/* The place for what stands next, after its comma: in the buffer if there is room, else in `few`. */
static inline char *asm__begin_token(const asm_json_writer *writer, char few[ASM__TOKEN_ROOM]) {
    char *p = few;
    if (!writer || !writer->state) return few;
    if (asm__has_token_room(writer->out)) p = writer->out->data + writer->out->size;
    *p = ',';
    return p + (writer->state & ASM__WRITE_COMMA);
}

/* After `end` was reached by a value from that place on. */
static asm_result asm__end_token(asm_json_writer *writer, const char *few, const char *end) {
    asm_buffer *out = writer ? writer->out : NULL;
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    if (!(writer->state & ASM__WRITE_VALUE)) return asm__writer_result(writer, ASM_ERR_MISUSE);
    if (asm__has_token_room(out)) out->size = (size_t)(end - out->data);
    else asm_buffer_append(out, asm_str_make(few, (size_t)(end - few)));
    return asm__go_on(writer, writer->after);
}

ASM__PRIVATE size_t asm__format_int64(int64_t value, char out[21]) {
    out[0] = '-';
    if (value >= 0) return asm__format_uint64((uint64_t)value, out);
    return 1 + asm__format_uint64(0 - (uint64_t)value, out + 1);
}

ASM_API asm_result asm_json_write_int64(asm_json_writer *writer, int64_t value) {
    char few[ASM__TOKEN_ROOM], *p = asm__begin_token(writer, few);
    return asm__end_token(writer, few, p + asm__format_int64(value, p));
}

ASM_API asm_result asm_json_write_uint64(asm_json_writer *writer, uint64_t value) {
    char few[ASM__TOKEN_ROOM], *p = asm__begin_token(writer, few);
    return asm__end_token(writer, few, p + asm__format_uint64(value, p));
}

ASM_API asm_result asm_json_write_double(asm_json_writer *writer, double value) {
    char few[ASM__TOKEN_ROOM], *p = asm__begin_token(writer, few);
    return asm__end_token(writer, few, p + asm__format_double(value, p));
}

ASM_API asm_result asm_json_write_bool(asm_json_writer *writer, bool value) {
    char few[ASM__TOKEN_ROOM], *p = asm__begin_token(writer, few);
    return asm__end_token(writer, few, p + asm__format_bool(value, p));
}

ASM_API asm_result asm_json_write_null(asm_json_writer *writer) {
    char few[ASM__TOKEN_ROOM], *p = asm__begin_token(writer, few);
    memcpy(p, "null", 4);
    return asm__end_token(writer, few, p + 4);
}

/* Appends valid JSON in the canonical form: no white space between tokens, and the characters escaped that
 * the writer escapes. */
ASM__PRIVATE void asm__append_canonical(asm_buffer *out, asm_str json) {
    const char *p = json.data, *end = p + json.size, *begin;
    bool in_string = false;
    while (out->result == ASM_OK && p < end) {
        char few[8];
        for (begin = p; p < end; p++) {
            if (in_string ? *p == '\\' || !asm__is_plain(*p) : asm__is_space(*p) || *p == '"') break;
        }
        asm_buffer_append(out, asm_str_make(begin, (size_t)(p - begin)));
        if (p == end) return;
        if (*p == '"') {
            in_string = !in_string;
            asm_buffer_append_byte(out, *p++);
        } else if (*p == '\\') {
            asm_buffer_append(out, asm_str_make(p, 2));
            p += 2;
        } else if (in_string) {
            asm_buffer_append(out, asm_str_make(few, (size_t)(asm__put_escaped(few, &p, end) - few)));
        } else {
            p++;
        }
    }
}

/* Checks raw JSON that is to stand `depth` levels deep; `non_canonical` tells whether it must be normalised
 * when it is written. */
ASM__PRIVATE asm_result asm__check_raw(asm_str json, unsigned depth, bool *non_canonical) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, json, NULL);
    reader.depth = depth;
    asm_json_read_raw(&reader, NULL);
    reader.depth = 0;
    asm_json_reader_finish(&reader);
    *non_canonical = reader.non_canonical;
    return reader.error.result;
}

ASM__PRIVATE void asm__append_raw(asm_buffer *out, asm_str json, bool non_canonical) {
    if (non_canonical) asm__append_canonical(out, json);
    else asm_buffer_append(out, json);
}

ASM__PRIVATE asm_result asm__write_valid_raw(asm_json_writer *writer, asm_str json, bool non_canonical) {
    if (!(writer->state & ASM__WRITE_VALUE)) return asm__writer_result(writer, ASM_ERR_MISUSE);
    if (writer->state & ASM__WRITE_COMMA) asm_buffer_append_byte(writer->out, ',');
    asm__append_raw(writer->out, json, non_canonical);
    return asm__go_on(writer, writer->after);
}

ASM_API asm_result asm_json_write_raw(asm_json_writer *writer, asm_str json) {
    bool non_canonical;
    asm_result result =
        writer ? asm__check_raw(json, writer->depth, &non_canonical) : ASM_ERR_INVALID_ARGUMENT;
    if (!writer) return result;
    if (asm__writer_result(writer, result) != ASM_OK) return writer->result;
    return asm__write_valid_raw(writer, json, non_canonical);
}

ASM_API asm_result asm_json_writer_fail(asm_json_writer *writer, asm_result result) {
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    return asm__writer_result(writer, result);
}

ASM_API asm_result asm_json_writer_finish(asm_json_writer *writer) {
    if (!writer) return ASM_ERR_INVALID_ARGUMENT;
    return asm__writer_result(writer, writer->state == 0 ? ASM_OK : ASM_ERR_MISUSE);
}

/* >>json: index */

/* The number of the first bit in which two keys differ, which they do. */
static uint64_t asm__index_difference(const asm__indexed *a, const asm__indexed *b) {
    const uint64_t scopes = (uint64_t)(uintptr_t)a->scope ^ (uint64_t)(uintptr_t)b->scope;
    if (a->hash != b->hash) return (unsigned)asm__lowest_bit(a->hash ^ b->hash);
    if (scopes) return ASM__INDEX_SCOPE + (unsigned)asm__lowest_bit(scopes);
    const size_t size = a->text.size < b->text.size ? a->text.size : b->text.size;
    size_t at = 0;
    while (at < size && a->text.data[at] == b->text.data[at])
        at++;
    const uint64_t number = ASM__INDEX_TEXT + (uint64_t)at * 16;
    if (at == size) return number;
    return number + 1 +
           (unsigned)asm__lowest_bit((unsigned char)a->text.data[at] ^
                                     (uint64_t)(unsigned char)b->text.data[at]);
}

static asm__indexed **asm__index_root(asm__index *index, uint64_t hash) {
    return index->roots ? &index->roots[(size_t)hash & index->mask] : &index->root;
}

static void asm__index_insert_below(asm__indexed **place, asm__indexed *item) {
    const asm__indexed *other = asm__index_leaf(*place, item->scope, item->text, item->hash);
    item->bit = 0;
    if (other) {
        const uint64_t number = asm__index_difference(item, other);
        const bool side = asm__index_bit(item->scope, item->text, item->hash, number);
        for (uint64_t above = 0; (*place)->bit > above && (*place)->bit <= number;) {
            above = (*place)->bit;
            place = &(*place)->child[asm__index_bit(item->scope, item->text, item->hash, above - 1)];
        }
        item->bit = number + 1;
        item->child[side] = item;
        item->child[!side] = *place;
    }
    *place = item;
}

static void asm__index_remove_below(asm__indexed **place, asm__indexed *item) {
    asm__indexed **to_fork = NULL,
                 **to_last = NULL; /* the links to the item's fork and to its leaf's parent */
    bool side = false;             /* on which the parent has the leaf */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the item is below */
    for (uint64_t above = 0; (*place)->bit > above;) {
        above = (*place)->bit;
        if (*place == item) to_fork = place;
        side = asm__index_bit(item->scope, item->text, item->hash, above - 1);
        to_last = place;
        place = &(*place)->child[side];
    }
    if (!to_last) {
        *place = NULL;
        return;
    }
    asm__indexed *last = *to_last;
    *to_last = last->child[!side]; /* that fork is not needed any more */
    if (last == item) return;
    last->bit = item->bit; /* it takes the place of the item's, if that is one */
    last->child[0] = item->child[0];
    last->child[1] = item->child[1];
    if (to_fork) *to_fork = last;
}

ASM__PRIVATE asm__indexed *asm__index_take(asm__index *index, size_t *from) {
    for (; *from <= index->mask; ++*from) {
        asm__indexed **root = index->roots ? &index->roots[*from] : &index->root, *item = *root;
        if (!item) continue;
        asm__index_remove_below(root, item);
        index->count--;
        return item;
    }
    return NULL;
}

/* Gives the index `capacity` roots, a power of two; does nothing if there is no memory. */
static void asm__index_resize(asm__index *index, size_t capacity) {
    asm__index grown;
    size_t from = 0;
    if (capacity > SIZE_MAX / 2 / sizeof(void *)) return;
    memset(&grown, 0, sizeof grown);
    grown.roots = (asm__indexed **)ASM_REALLOC(NULL, capacity * sizeof(void *));
    if (!grown.roots) return;
    memset(grown.roots, 0, capacity * sizeof(void *));
    grown.mask = capacity - 1;
    grown.count = index->count;
    for (asm__indexed *item; (item = asm__index_take(index, &from)) != NULL;)
        asm__index_insert_below(asm__index_root(&grown, item->hash), item);
    ASM_FREE(index->roots);
    *index = grown;
}

ASM__PRIVATE void asm__index_insert(asm__index *index, asm__indexed *item) {
    if (index->count > index->mask / 4) asm__index_resize(index, index->roots ? (index->mask + 1) * 2 : 8);
    asm__index_insert_below(asm__index_root(index, item->hash), item);
    index->count++;
}

ASM__PRIVATE void asm__index_remove(asm__index *index, asm__indexed *item) {
    asm__index_remove_below(asm__index_root(index, item->hash), item);
    index->count--;
    if (!index->count) {
        ASM_FREE(index->roots);
        memset(index, 0, sizeof *index);
    } else if (index->mask > 64 && index->count < index->mask / 32) {
        asm__index_resize(index, (index->mask + 1) / 4);
    }
}

ASM__PRIVATE void asm__index_close(asm__index *index) {
    ASM_FREE(index->roots);
    memset(index, 0, sizeof *index);
}

ASM__WARNINGS_BACK
#endif /* ASM_JSON_IMPLEMENTED */
#endif /* implementation */

/* =========================================================================================================
 * Licence: your choice of the two that follow.
 *
 * This software is available under two licences. Choose whichever you prefer.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE A - MIT License
 *
 * Copyright (c) 2026 the asm authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of
 * this software and associated documentation files (the "Software"), to deal in
 * the Software without restriction, including without limitation the rights to
 * use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
 * of the Software, and to permit persons to whom the Software is furnished to do
 * so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE B - Public Domain (The Unlicense)
 *
 * This is free and unencumbered software released into the public domain.
 *
 * Anyone is free to copy, modify, publish, use, compile, sell, or distribute this
 * software, either in source code form or as a compiled binary, for any purpose,
 * commercial or non-commercial, and by any means.
 *
 * In jurisdictions that recognize copyright laws, the author or authors of this
 * software dedicate any and all copyright interest in the software to the public
 * domain. We make this dedication for the benefit of the public at large and to
 * the detriment of our heirs and successors. We intend this dedication to be an
 * overt act of relinquishment in perpetuity of all present and future rights to
 * this software under copyright law.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
 * ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
 * WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 *
 * For more information, please refer to <https://unlicense.org>
 */
