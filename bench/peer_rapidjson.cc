/* With RAPIDJSON_SSE2, version 1.1.0 does not escape the bytes from 0x1A to 0x1F (ESC among them), so that
 * its output is wrong where the corpus has colours. Without it, it is right and slower. */
#include "bench.h"

#define RAPIDJSON_SSE2
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <cstring>

namespace {

/* ---- Writing: token by token; both objects are kept, so that nothing is allocated ---- */

rapidjson::StringBuffer buffer;
rapidjson::Writer<rapidjson::StringBuffer> writer;

void begin() {
    buffer.Clear();
    writer.Reset(buffer);
}

corpus_text written() {
    return {buffer.GetString(), buffer.GetSize()};
}

template <std::size_t size> void key(const char (&name)[size]) {
    writer.Key(name, size - 1);
}

void text(corpus_text value) {
    writer.String(value.data, static_cast<rapidjson::SizeType>(value.size));
}

#define BUILD_TIME(name, time, ts) key(name), text(corpus_time_text(time))
#define BUILD_KIND(name, kind)     key(name), text(corpus_kind_names[kind])
#define BUILD_TEXT(name, value)    key(name), text(value)
#define BUILD_NUMBER(name, value)  key(name), writer.Int64(value)
#define BUILD_FLAG(name, value)    key(name), writer.Bool(value)
#define BUILD_BEGIN(name)          key(name), writer.StartObject()
#define BUILD_END()                writer.EndObject()

corpus_text write_line(const corpus_event *event) {
    begin();
    writer.StartObject();
    CORPUS_EVENT(BUILD, event);
    writer.EndObject();
    return written();
}

corpus_text escape(corpus_text value) {
    begin();
    text(value);
    return written();
}

/* ---- Reading: each value goes where the key before it says ---- */

struct collector : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, collector> {
    corpus_event *event;
    const char *name;
    std::size_t name_size;

    bool Key(const char *data, rapidjson::SizeType size, bool) {
        name = data;
        name_size = size;
        return true;
    }
    bool String(const char *data, rapidjson::SizeType size, bool) {
        if (corpus_text *member = corpus_text_member(event, name, name_size)) *member = {data, size};
        else if (name_size == 4 && std::memcmp(name, "type", 4) == 0)
            event->kind = corpus_kind_from_name(data, size);
        return true;
    }
    bool Int64(std::int64_t value) {
        if (std::int64_t *member = corpus_number_member(event, name, name_size)) *member = value;
        return true;
    }
    bool Int(int value) {
        return Int64(value);
    }
    bool Uint(unsigned value) {
        return Int64(value);
    }
    bool Uint64(std::uint64_t value) {
        return Int64(static_cast<std::int64_t>(value));
    }
    bool Bool(bool value) {
        if (name_size == 9 && std::memcmp(name, "recursive", 9) == 0) event->recursive = value;
        return true;
    }
};

template <unsigned flags>
std::uint64_t read_in_place(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static char copy[BENCH_LINE_SIZE];
    static rapidjson::Reader reader;
    std::memcpy(copy, line.data, line.size);
    copy[line.size] = '\0';
    rapidjson::InsituStringStream stream(copy);
    collector handler;
    handler.event = event;
    if (!reader.Parse<rapidjson::kParseInsituFlag | flags>(stream, handler)) return 0;
    event->time = corpus_time_parse(event->ts);
    return digest(event);
}

constexpr bench_row writer_row(const char *name, bench_write *write) {
    return {name, write, nullptr, nullptr, nullptr, false, false};
}
constexpr bench_row reader_row(const char *name, bench_read *read) {
    return {name, nullptr, read, nullptr, nullptr, false, false};
}
constexpr bench_row escaper_row(const char *name, bench_escape *escape) {
    return {name, nullptr, nullptr, escape, nullptr, false, false};
}

const bench_row rows[] = {
    writer_row("RapidJSON Writer", write_line),
    reader_row("RapidJSON SAX in place", read_in_place<rapidjson::kParseNoFlags>),
    reader_row("RapidJSON SAX in place, UTF-8 checked", read_in_place<rapidjson::kParseValidateEncodingFlag>),
    escaper_row("RapidJSON Writer", escape),
};

} // namespace

extern "C" const bench_library bench_exported = {"RapidJSON", RAPIDJSON_VERSION_STRING, rows,
                                                 sizeof rows / sizeof rows[0], NULL};
