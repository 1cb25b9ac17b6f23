/* SPDX-License-Identifier: MIT OR Unlicense */
/* C++11: the session of an agent of one's own, on the terminal and in a log. What C writes as designated initialisers
 * are members set one by one:
 *
 *     c++ -std=c++11 -I. examples/logging.cpp -o logging
 */
#define ASM_IMPLEMENTATION
#include "asm_render.h"

#include <chrono>
#include <string>

namespace {

asm_time now() {
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

/* A view: the string lives on until the call returns. */
asm_str view(const std::string &text) {
    return asm_str_make(text.data(), text.size());
}

/* A pipeline that ends with its scope. What it is made of point to each other, so it is not copied. */
class Session {
  public:
    explicit Session(const std::string &id, const char *log_path) : id_(id) {
        asm_jsonl_sink_options log_options = asm_jsonl_sink_options();
        log_options.output.path = log_path;
        sinks_[0] = asm_tty_sink_init(&tty_, nullptr);
        sinks_[1] = asm_jsonl_sink_init(&log_, &log_options);

        asm_pipeline_options options = asm_pipeline_options();
        options.renderer = asm_studio_init(&studio_, nullptr);
        options.sinks = sinks_;
        options.sink_count = 2;
        asm_pipeline_init(&pipeline_, &options);
    }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    ~Session() {
        asm_pipeline_close(&pipeline_);
    }

    void emit(asm_event event) {
        event.time = now();
        event.session_id = view(id_);
        asm_pipeline_event(&pipeline_, &event);
    }
    /* The first thing that went wrong, if any. */
    asm_result close() {
        return asm_pipeline_close(&pipeline_);
    }

  private:
    std::string id_;
    asm_studio studio_;
    asm_tty_sink tty_;
    asm_jsonl_sink log_;
    asm_sink sinks_[2];
    asm_pipeline pipeline_;
};

} // namespace

int main(int count, char **words) {
    Session session("ses_1", count > 1 ? words[1] : "session.jsonl");

    const std::string path = "{\"path\":\"main.c\"}";
    asm_event event = asm_event();
    event.type = ASM_EVENT_TOOL_CALL_STARTED;
    event.tool.name = ASM_STR("Read");
    event.tool.input = view(path);
    session.emit(event);

    event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
    event.tool.output = ASM_STR("int main(void) { return 0; }");
    session.emit(event);
    return session.close() == ASM_OK ? 0 : 1;
}
