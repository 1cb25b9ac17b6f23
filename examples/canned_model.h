/* SPDX-License-Identifier: MIT OR Unlicense */
/* A model that is not there, so that examples can be tried out without one: a transport of asm_llm.h that answers with
 * what stands in a list, as the Anthropic Messages API would.
 *
 *       const canned_answer answers[] = {{.text = "I look.", .tool = "look", .arguments = "{}"}, {.text = "All is well."}};
 *       canned_model model = {.answers = answers, .count = 2};
 *       … .transport = canned_transport(&model)
 */
#ifndef CANNED_MODEL_H
#define CANNED_MODEL_H

#include "asm_llm.h"

typedef struct canned_answer {
    const char *text, *tool, *arguments; /* tool: a call, with a JSON object; NULL: none */
} canned_answer;

typedef struct canned_model {
    const canned_answer *answers;
    size_t count;
    size_t at; /* how many were given */
} canned_model;

static void canned_event(asm_buffer *out, const char *format, const char *text, const char *more) {
    asm_json_writer writer;
    asm_buffer_append(out, ASM_STR("data: "));
    for (; *format; format++) {
        if (*format != '%') {
            asm_buffer_append_byte(out, *format);
            continue;
        }
        asm_json_writer_init(&writer, out);
        asm_json_write_string(&writer, asm_str_from(text));
        text = more;
    }
    asm_buffer_append(out, ASM_STR("\n\n"));
}

/* The stream of an answer. */
static void canned_write(const canned_answer *answer, size_t number, asm_buffer *out) {
    char id[32] = "toolu_000";
    id[8] = (char)('0' + number % 10);
    canned_event(
        out,
        "{\"type\":\"message_start\",\"message\":{\"role\":\"assistant\",\"usage\":{\"input_tokens\":40}}}",
        NULL, NULL);
    if (answer->text) {
        canned_event(
            out,
            "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":%}}",
            answer->text, NULL);
        canned_event(out, "{\"type\":\"content_block_stop\",\"index\":0}", NULL, NULL);
    }
    if (answer->tool) {
        canned_event(out,
                     "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\","
                     "\"id\":%,\"name\":%}}",
                     id, answer->tool);
        canned_event(out, "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"partial_json\":%}}",
                     answer->arguments, NULL);
        canned_event(out, "{\"type\":\"content_block_stop\",\"index\":1}", NULL, NULL);
    }
    canned_event(out,
                 "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":%},\"usage\":{\"output_tokens\":8}}",
                 answer->tool ? "tool_use" : "end_turn", NULL);
    canned_event(out, "{\"type\":\"message_stop\"}", NULL, NULL);
}

static asm_result canned_start(void *user, asm_llm_request *request) {
    static const canned_answer none = {"I have nothing to say.", NULL, NULL};
    canned_model *model = (canned_model *)user;
    const canned_answer *answer = model->at < model->count ? &model->answers[model->at] : &none;
    asm_buffer stream;
    asm_buffer_init_growing(&stream);
    canned_write(answer, ++model->at, &stream);
    asm_result result = stream.result;
    if (result == ASM_OK) result = asm_llm_take_status(request->exchange, 200);
    if (result == ASM_OK) result = asm_llm_take_body(request->exchange, stream.data, stream.size);
    if (result == ASM_OK) result = asm_llm_end(request->exchange, asm_str_from(NULL));
    asm_buffer_close(&stream);
    return result;
}

static inline asm_llm_transport canned_transport(canned_model *model) {
    const asm_llm_transport transport = {canned_start, NULL, model};
    return transport;
}

#endif
