/* simdjson reads: its strings are unescaped into the parser's memory. It wants room past the text: lines have that here
 * (CORPUS_PADDING), but not in every program, so both are shown. */
#include "bench.h"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

namespace {

namespace ondemand = simdjson::ondemand;

static_assert(simdjson::SIMDJSON_PADDING <= CORPUS_PADDING, "lines are not padded enough");

ondemand::parser parser;
char copy[BENCH_LINE_SIZE + simdjson::SIMDJSON_PADDING];

/* ---- In the order that the members are expected in ---- */

corpus_text text_of(simdjson::simdjson_result<ondemand::value> value, bool *good) {
    std::string_view text;
    *good = *good && !value.get_string().get(text);
    return {text.data(), text.size()};
}

std::int64_t number_of(simdjson::simdjson_result<ondemand::value> value, bool *good) {
    std::int64_t number = 0;
    *good = *good && !value.get_int64().get(number);
    return number;
}

bool flag_of(simdjson::simdjson_result<ondemand::value> value, bool *good) {
    bool flag = false;
    *good = *good && !value.get_bool().get(flag);
    return flag;
}

#define FIND_TIME(key, time, ts) FIND_TEXT(key, ts), (time) = corpus_time_parse(ts)
#define FIND_KIND(key, kind)                                                                                 \
    name = text_of(nodes[depth].find_field(key), &good), (kind) = corpus_kind_from_name(name.data, name.size)
#define FIND_TEXT(key, text)    (text) = text_of(nodes[depth].find_field(key), &good)
#define FIND_NUMBER(key, value) (value) = number_of(nodes[depth].find_field(key), &good)
#define FIND_FLAG(key, value)   (value) = flag_of(nodes[depth].find_field(key), &good)
#define FIND_BEGIN(key)                                                                                      \
    good = good && !nodes[depth].find_field(key).get_object().get(nodes[depth + 1]), depth++
#define FIND_END() depth--

std::uint64_t find_members(ondemand::object object, corpus_event *event, corpus_digest *digest) {
    ondemand::object nodes[4] = {object};
    corpus_text name;
    int depth = 0;
    bool good = true;
    CORPUS_EVENT(FIND, event);
    return good ? digest(event) : 0;
}

/* ---- In any order ---- */

bool read_object(ondemand::object object, corpus_event *event);

/* A value goes where its key says. */
bool read_member(ondemand::field &field, corpus_event *event) {
    std::string_view key, text;
    if (field.unescaped_key().get(key)) return false;
    ondemand::value value = field.value();
    ondemand::json_type type;
    if (value.type().get(type)) return false;
    if (type == ondemand::json_type::object) {
        ondemand::object object;
        return !value.get_object().get(object) && read_object(object, event);
    }
    if (type == ondemand::json_type::string) {
        if (value.get_string().get(text)) return false;
        if (corpus_text *member = corpus_text_member(event, key.data(), key.size()))
            *member = {text.data(), text.size()};
        else if (key == "type") event->kind = corpus_kind_from_name(text.data(), text.size());
        return true;
    }
    if (type == ondemand::json_type::number) {
        std::int64_t number;
        if (value.get_int64().get(number)) return false;
        if (std::int64_t *member = corpus_number_member(event, key.data(), key.size())) *member = number;
        return true;
    }
    bool truth;
    if (type == ondemand::json_type::boolean && !value.get_bool().get(truth) && key == "recursive")
        event->recursive = truth;
    return true;
}

bool read_object(ondemand::object object, corpus_event *event) {
    for (auto next : object) {
        ondemand::field field;
        if (std::move(next).get(field) || !read_member(field, event)) return false;
    }
    return true;
}

std::uint64_t iterate(ondemand::object object, corpus_event *event, corpus_digest *digest) {
    if (!read_object(object, event)) return 0;
    event->time = corpus_time_parse(event->ts);
    return digest(event);
}

/* ---- Rows ---- */

using taker = std::uint64_t(ondemand::object, corpus_event *, corpus_digest *);

template <taker take>
std::uint64_t read_padded(corpus_text line, corpus_event *event, corpus_digest *digest) {
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(line.data, line.size, line.size + simdjson::SIMDJSON_PADDING).get(document)) return 0;
    if (document.get_object().get(object)) return 0;
    return take(object, event, digest);
}

template <taker take>
std::uint64_t read_copied(corpus_text line, corpus_event *event, corpus_digest *digest) {
    std::memcpy(copy, line.data, line.size);
    return read_padded<take>({copy, line.size}, event, digest);
}

bool is_utf8(corpus_text text) {
    return simdjson::validate_utf8(text.data, text.size);
}

const bench_row rows[] = {
    {"simdjson on demand, in order, padded", nullptr, read_padded<find_members>, nullptr, nullptr, false,
     true},
    {"simdjson on demand, in order, copied", nullptr, read_copied<find_members>, nullptr, nullptr, false,
     true},
    {"simdjson on demand, any order, padded", nullptr, read_padded<iterate>, nullptr, nullptr, false, false},
    {"simdjson validate_utf8", nullptr, nullptr, nullptr, is_utf8, false, false},
};

#define TEXT_OF(...)  #__VA_ARGS__
#define EXPANDED(...) TEXT_OF(__VA_ARGS__)
const char version[] = EXPANDED(SIMDJSON_VERSION);

} // namespace

extern "C" const bench_library bench_exported = {"simdjson", version, rows, sizeof rows / sizeof rows[0],
                                                 NULL};
