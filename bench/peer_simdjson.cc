/* simdjson reads only. It wants room behind the text, and so a copy of each line; its strings are unescaped into the
 * parser's memory. */
#include "bench.h"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

namespace {

namespace ondemand = simdjson::ondemand;

ondemand::parser parser;
char copy[BENCH_LINE_SIZE + simdjson::SIMDJSON_PADDING];

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

std::uint64_t read_line(corpus_text line, corpus_event *event, corpus_digest *digest) {
    std::memcpy(copy, line.data, line.size);
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(copy, line.size, sizeof copy).get(document)) return 0;
    if (document.get_object().get(object) || !read_object(object, event)) return 0;
    event->time = corpus_time_parse(event->ts);
    return digest(event);
}

const bench_row rows[] = {{"simdjson on demand", nullptr, read_line, nullptr, false}};

#define TEXT_OF(...)  #__VA_ARGS__
#define EXPANDED(...) TEXT_OF(__VA_ARGS__)
const char version[] = EXPANDED(SIMDJSON_VERSION);

} // namespace

extern "C" const bench_library bench_exported = {"simdjson", version, rows, sizeof rows / sizeof rows[0],
                                                 NULL};
