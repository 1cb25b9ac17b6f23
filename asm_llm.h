/* asm_llm.h - v0.1.0 - agents that talk to models: requests, answers, tools; no sockets, no threads, no clock
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_llm.h"
 *   ASM_LLM_IMPLEMENTATION builds this header only (asm_agent.h, asm_ingest.h and what these include must then be
 *   built elsewhere); ASM_STATIC makes everything static. See asm_json.h for this and for the options.
 *
 * OVERVIEW
 *   asm_llm            a model, its settings, your tools, your transport: the driver of any number of agents
 *   asm_llm_transport  two functions of yours that move bytes: start a request, cancel one
 *   asm_llm_tool       what the model may call: name, description, JSON schema, a function
 *   asm_llm_take_...   you hand over what arrives from the model, in pieces of any size
 *   middleware         asm_llm_compaction, asm_llm_title; a ready tool: asm_llm_subagent
 *
 * EXAMPLE
 *   A whole agent with libcurl (cc agent.c -lcurl). start() does not return before the answer is there, which is enough
 *   for one conversation; with curl_multi it returns at once, and the main loop polls (see asm_agent.h).
 *
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_llm.h"
 *       #include <curl/curl.h>
 *       #include <stdio.h>
 *       #include <stdlib.h>
 *       #include <time.h>
 *
 *       static size_t on_header(char *line, size_t one, size_t size, void *exchange) {
 *           return asm_llm_take_header(*(asm_llm_exchange *)exchange, asm_str_make(line, one * size)) ? 0 : size;
 *       }
 *       static size_t on_body(char *data, size_t one, size_t size, void *exchange) {
 *           return asm_llm_take_body(*(asm_llm_exchange *)exchange, data, one * size) ? 0 : size;
 *       }
 *       static asm_result start(void *key, asm_llm_request *request) {
 *           CURL *curl = curl_easy_init();
 *           struct curl_slist *headers = curl_slist_append(NULL, key);
 *           asm_buffer body;
 *           asm_buffer_init_growing(&body);
 *           asm_result result = asm_llm_write_body(request, &body);
 *           for (size_t i = 0; i < request->header_count; i++)
 *               headers = curl_slist_append(headers, request->headers[i]);
 *           curl_easy_setopt(curl, CURLOPT_URL, "https://api.anthropic.com/v1/messages");
 *           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
 *           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
 *           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
 *           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
 *           curl_easy_setopt(curl, CURLOPT_HEADERDATA, &request->exchange);
 *           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
 *           curl_easy_setopt(curl, CURLOPT_WRITEDATA, &request->exchange);
 *           if (result == ASM_OK) {
 *               const CURLcode code = curl_easy_perform(curl);
 *               asm_llm_end(request->exchange, asm_str_from(code ? curl_easy_strerror(code) : NULL));
 *           }
 *           curl_slist_free_all(headers);
 *           curl_easy_cleanup(curl);
 *           asm_buffer_close(&body);
 *           return result;
 *       }
 *       static void now(void *user, const asm_llm_call *call) { (void)user; asm_llm_call_complete(call, ASM_STR("noon")); }
 *       static void show(void *user, const asm_message *message) {
 *           asm_str text = asm_event_text(message->event);
 *           (void)user;
 *           if (message->event->type == ASM_EVENT_MESSAGE_STREAMED) fwrite(text.data, 1, text.size, stdout);
 *       }
 *       int main(void) {
 *           const char *secret = getenv("ANTHROPIC_API_KEY");
 *           char key[256];
 *           if (!secret) return fputs("ANTHROPIC_API_KEY is not set\n", stderr), 1;
 *           snprintf(key, sizeof key, "x-api-key: %s", secret);
 *           const asm_llm_tool tools[] = {{.name = "now", .description = "Tells the time.", .run = now}};
 *           asm_llm llm;
 *           asm_llm_init(&llm, &(asm_llm_options){.api = ASM_LLM_ANTHROPIC, .model = ASM_STR("claude-sonnet-4-5"),
 *                                                 .transport = {.start = start, .user = key},
 *                                                 .tools = tools, .tool_count = 1});
 *           asm_pubsub bus;
 *           asm_pubsub_init(&bus, NULL);
 *           asm_agent_server server;
 *           asm_agent_server_init(&server, NULL);
 *           asm_agent_start(&server, &(asm_agent_options){.id = ASM_STR("a1"), .pubsub = &bus,
 *                                                         .config.driver = asm_llm_driver(&llm)});
 *           asm_agent_subscribe(&server, ASM_STR("a1"), show, NULL, NULL);
 *           asm_agent_add_turn(&server, ASM_STR("a1"), &(asm_turn){.role = ASM_STR("user"),
 *                                                                  .content = ASM_STR("What time is it?")});
 *           asm_agent_execute(&server, ASM_STR("a1"));
 *           while (server.running > 0) asm_agent_server_poll(&server, time(NULL) * 1000000, time(NULL) * 1000000);
 *           asm_agent_server_close(&server);
 *           asm_llm_close(&llm);
 *           asm_pubsub_close(&bus);
 *       }
 *
 * WHAT THE DRIVER DOES
 *   In an execution it asks the model, tells what streams in, runs the tools that the answer calls, and asks again with
 *   their results, until an answer calls none, a limit is reached, or something fails. Between these it waits and costs
 *   nothing. All that counts stands in the agent's turns; an agent that was restored goes on where it was.
 *
 * THE REQUEST
 *   is always one that the API takes, whatever the conversation is: every call is followed by all its results, in the
 *   order of the calls, before anything else; results of no call are left out; neighbours of one role are one message;
 *   nothing is empty; the user speaks first and last. Arguments are JSON objects, each call has an id of its own, ids and
 *   names have only characters that the API allows. What had to be made or dropped is told: middleware_action
 *   dangling_tool_calls_patched (debug).
 *   Turns of the role system at the beginning belong to the system text; later ones are written as the user's, between
 *   <system> and </system>. A turn of the user may have images: extra {"images":[{"media_type":"image/png",
 *   "data":BASE64},…]}; so may the output of a tool: a JSON array of {"type":"text","text":…} and {"type":"image",
 *   "media_type":…,"data":…}. An API that takes no images there gets "[image]".
 *   Thinking that has to go back to the model (signatures, encrypted reasoning) is kept in the turn's extra as
 *   "reasoning", and goes back unchanged, to the model that it came from only.
 *
 * THE ANSWER
 *   is read by asm_ingest.h, by its formats anthropic, openai, responses and ollama: a stream or one JSON body, as it
 *   comes. Text and thinking are told at once. Calls are run when the answer is whole, and only if it ended well: a
 *   stream that stops before its end mark has failed. Calls without id, or with one that the conversation has already,
 *   get one of ours. Arguments that are no JSON object, and the last call of an answer that was cut by max_tokens, are
 *   not run: the model is told.
 *
 * ERRORS
 *   end the execution in the status error, with these codes in run_failed (asm_fail_as()):
 *       authentication, billing, invalid_request, context_too_long, model_not_found   asking again would not help
 *       rate_limit, overloaded, server_error, timeout, connection, stream_ended,      after `retries` attempts, or a
 *       provider_error                                                                wait longer than the limit
 *       limit            a limit of the options: the text says which
 *       protocol         what came is no answer of this API: the text has its beginning
 *   Retried are connections that fail, 408, 409, 429 (unless it is a bill), 5xx, errors within a stream and streams
 *   that were cut; x-should-retry of the server decides if it is there, or yours: "x-should-retry: false" before
 *   asm_llm_end() for a connection that would fail each time. The wait is Retry-After (seconds or a date) or
 *   retry-after-ms, else retry_ms doubled with each attempt, less up to a quarter at random. What was streamed is
 *   withdrawn first (message_retracted, "retried"). Each retry goes out as an event llm.retry with text, code, attempt,
 *   max_attempts, retry_in_ms.
 *
 * TOOLS
 *   A call goes identified, (approval), started, (streamed output), completed or failed. It is not run, and the model
 *   gets an answer that it can understand, when there is no such tool, its arguments do not fit the schema (types,
 *   required members, enum), or a person rejects it. Calls run in their order, one after the other; those of tools with
 *   `is_parallel` side by side. When it comes to a call that needs approval, and nothing runs any more, the agent is
 *   interrupted with all such calls of the answer at once; also told as middleware_action interrupt_triggered (debug).
 *
 * CALLS FROM INSIDE CALLBACKS
 *   A tool's run() and needs_approval(), and callbacks of asm_llm_ask(), may call everything here and in asm_agent.h that
 *   a driver may. transport.start() may call asm_llm_write_body() and asm_llm_take_...(), asm_llm_end(); so may anything
 *   at any time: they only keep what they are given, and wake the agent, so nothing else is called from within them.
 *   transport.cancel() and a tool's cancel() may only look things up.
 *
 * MEMORY
 *   From ASM_REALLOC, for executions that are under way: bytes that have arrived and are not yet read, the answer so far,
 *   about 45 KB for the reader of an answer from its first byte to its end, running calls. An agent that waits for a
 *   person, or is idle, takes none. When memory runs out the execution fails with "out of memory"; calls return
 *   ASM_ERR_NO_MEMORY, and have done nothing.
 *
 * NULL, THREADS
 *   As in asm_agent.h: an asm_llm belongs to the thread of its agents' server.
 */
#ifndef ASM_LLM_H
#define ASM_LLM_H

#include "asm_agent.h"
#include "asm_ingest.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asm_llm asm_llm;
typedef struct asm_llm_options asm_llm_options;

/* The ways in which models are asked: constant, name, path of the request. */
#define ASM_LLM_APIS(X)                                                                                      \
    X(ANTHROPIC, "anthropic", "/v1/messages")   /* Messages */                                               \
    X(OPENAI, "openai", "/v1/chat/completions") /* chat completions, of others than OpenAI as well */        \
    X(RESPONSES, "responses", "/v1/responses")  /* OpenAI Responses; nothing is kept there */                \
    X(OLLAMA, "ollama", "/api/chat")            /* Ollama's own */

/* A way in which models are asked, by its constant in ASM_LLM_APIS. */
typedef enum asm_llm_api {
#define ASM__X(constant, name, path) ASM_LLM_##constant,
    ASM_LLM_APIS(ASM__X)
#undef ASM__X
        ASM_LLM_API_COUNT
} asm_llm_api;

/* "anthropic", …; NULL for a number that is none. */
ASM_API const char *asm_llm_api_name(asm_llm_api api);

/* The API of that name; ASM_LLM_API_COUNT if there is none. */
ASM_API asm_llm_api asm_llm_api_from_name(asm_str name);

/* =========================================================================================================
 * Requests
 */

/* A request and its answer, while they are under way. Once that is over all calls with it return ASM_ERR_NOT_FOUND, as
 * long as the asm_llm exists. */
typedef struct asm_llm_exchange {
    asm_llm *llm;    /* read only */
    uint64_t number; /* read only: counts all exchanges of the asm_llm, from 1 */
    uint32_t slot;   /* private */
} asm_llm_exchange;

/* What a model is asked. Made by the driver; or by asm_llm_request_init(), to write a request without an agent. */
typedef struct asm_llm_request {
    asm_llm_exchange exchange;      /* what the answer is handed to; with it zero there is none */
    asm_str agent_id;               /* who asks */
    const asm_llm_options *options; /* the model, its settings and tools */
    asm_str system;                 /* text: in place of the options' if it is not absent */
    const asm_turn *turns;          /* the conversation, in any order that it may be in */
    size_t turn_count;              /* how many turns */
    const asm_todo *todos;          /* told to the model as text at the end, if there are any */
    size_t todo_count;              /* how many todos */
    asm_str tool_choice;            /* in place of the options' if it is not absent */
    int64_t max_tokens;             /* in place of the options' if it is not 0 */
    const char *path;               /* "/v1/messages", … */
    const char *const *headers;     /* lines without CRLF: content type, version. The key's is yours */
    size_t header_count;            /* how many lines */
    /* Set by asm_llm_write_body(): how many results were made, for calls without one, and dropped, of calls that there
     * are not. */
    size_t patched, dropped;
} asm_llm_request;

/* How requests and answers travel. The functions get `user`. */
typedef struct asm_llm_transport {
    /* Begins to send a request: POST to your host and request->path, with request->headers, your key's header and the
     * body that asm_llm_write_body() writes. `request` is valid during the call only; keep request->exchange, and hand
     * what arrives to asm_llm_take_header(), asm_llm_take_body() and asm_llm_end(), also before start() returns. An error
     * is one of the connection: it is retried. Required. */
    asm_result (*start)(void *user, asm_llm_request *request);
    /* Nobody waits for the answer any more. Not called for one that has been ended by asm_llm_end(), nor by calls of
     * asm_llm_take_...(). May be NULL. */
    void (*cancel)(void *user, asm_llm_exchange exchange);
    void *user; /* the first argument of both */
} asm_llm_transport;

/* Sets up a request that is not an agent's. */
ASM_API void asm_llm_request_init(asm_llm_request *request, const asm_llm_options *options,
                                  const asm_turn *turns, size_t turn_count);

/* Writes the body, JSON, to `out`: a stream buffer needs no more than a few hundred bytes for one of any size. May be
 * called several times (to learn the length first, say): it writes the same. Allocates little: what is merged from
 * several turns. Errors are those of `out`, ASM_ERR_INVALID_ARGUMENT for a request without options or model, those of the
 * JSON reader for turns that no asm_agent_server has checked, ASM_ERR_NOT_FOUND if the execution that asks has ended
 * meanwhile, ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_llm_write_body(asm_llm_request *request, asm_buffer *out);

/* ---- What the host hands over. All return ASM_ERR_NOT_FOUND if nobody waits for it: let go of the connection. ---- */

/* The status of the answer (200, 429, …). Not needed if asm_llm_take_header() is given the status line. */
ASM_API asm_result asm_llm_take_status(asm_llm_exchange exchange, int status);

/* One line of its head, with or without CRLF: "retry-after: 2", "HTTP/1.1 200 OK". A status line begins a new head, so
 * that those of redirects and "100 Continue" do no harm. */
ASM_API asm_result asm_llm_take_header(asm_llm_exchange exchange, asm_str line);

/* The next `size` bytes of its body, cut anywhere. Copies. ASM_ERR_LIMIT if the answer is larger than limits.response: it
 * has failed then. ASM_ERR_NO_MEMORY likewise. */
ASM_API asm_result asm_llm_take_body(asm_llm_exchange exchange, const char *data, size_t size);

/* There will be no more: `error` is absent, or why the connection failed. Copies. */
ASM_API asm_result asm_llm_end(asm_llm_exchange exchange, asm_str error);

/* =========================================================================================================
 * Tools
 */

/* A call of a tool. A copy of the struct names the call, for calls of the functions below, also after it has ended. */
typedef struct asm_llm_call {
    asm_llm *llm;            /* read only, as all here */
    asm_execution execution; /* of the agent that calls */
    uint64_t number;         /* counts all calls of the asm_llm, from 1 */
    asm_str agent_id;        /* views, valid until the call has ended, as all below */
    asm_str tool_name;       /* asm_llm_tool.name */
    asm_str call_id;         /* the model's, or one that it was given in place of none */
    asm_str arguments;       /* JSON object that fits the schema; as edited by a person if it was */
} asm_llm_call;

/* A tool: what the model may call. */
typedef struct asm_llm_tool {
    const char *name;        /* required: letters, digits, _ and -, 64 at most */
    const char *description; /* text for the model; may be NULL */
    const char *schema;      /* JSON schema of the arguments, an object; NULL: no arguments */
    /* Runs the call, or begins to: ends it at once or later with asm_llm_call_complete() and its like. Required. */
    void (*run)(void *user, const asm_llm_call *call);
    /* The call is over (cancelled, timed out, the agent is gone), and nobody waits for its result. May be NULL. */
    void (*cancel)(void *user, const asm_llm_call *call);
    /* Whether a person has to approve this very call. Asked each time before it would run; must tell the same until
     * then. NULL: what needs_approval_always and the agent's interrupt_on say. */
    bool (*needs_approval)(void *user, const asm_llm_call *call);
    bool needs_approval_always; /* a person has to approve each call; needs_approval is not asked */
    bool is_parallel;           /* may run beside others that are */
    int64_t time_limit_ms;      /* 0: limits.tool_ms; negative: none */
    void *user;                 /* the first argument of each function */
} asm_llm_tool;

/* Ends a call: the model reads `output`, which is copied. ASM_ERR_NOT_FOUND if it has ended already, as for all below;
 * ASM_ERR_NO_MEMORY: it is still open. */
ASM_API asm_result asm_llm_call_complete(const asm_llm_call *call, asm_str output);

/* Ends a call that failed: the model reads `why`, which is copied. */
ASM_API asm_result asm_llm_call_fail(const asm_llm_call *call, asm_str why);

/* Ends a call with all that tool_call_completed or tool_call_failed may tell: output or output_json (see THE REQUEST for
 * images), exit_code, changes, result, status, error_message. Name, id and input are filled in. */
ASM_API asm_result asm_llm_call_finish(const asm_llm_call *call, const asm_tool_payload *result);

/* Tells a piece of output while the call runs: tool_output_streamed. It is not kept, and not seen by the model. */
ASM_API asm_result asm_llm_call_stream(const asm_llm_call *call, asm_str piece);

/* Whether it has not ended. */
ASM_API bool asm_llm_call_is_active(const asm_llm_call *call);

/* A member of the arguments, unescaped: absent if there is none or it is no string. Escapes are undone into `scratch`,
 * which is only appended to. */
ASM_API asm_str asm_llm_call_text(const asm_llm_call *call, asm_str member, asm_buffer *scratch);

/* =========================================================================================================
 * Options
 */

/* What may not be exceeded. 0 is the default; a negative number, where the type has any, is no limit. */
typedef struct asm_llm_limits {
    int steps;      /* questions to the model in one execution; default: 50 */
    int64_t tokens; /* of a run, input and output; default: no limit. Looked at before each question */
    /* Of a run, as the provider tells it, or by the prices of the options; default: no limit. */
    double cost_usd;
    int64_t time_ms; /* of an execution; default: no limit */
    /* Between two pieces of an answer, and before the first; signs of life without text do not count. Retried.
     * Default: 300000. */
    int64_t silence_ms;
    int64_t tool_ms;  /* of a tool's call that says nothing else; default: 600000 */
    int64_t wait_ms;  /* the longest wait for a server that asks for one; default: 60000 */
    size_t response;  /* bytes of an answer as it arrives; default: 64 MB */
    size_t text;      /* bytes of an answer's text, and of its thinking; default: 4 MB */
    size_t arguments; /* bytes of a call's arguments; default: 1 MB */
    size_t calls;     /* in one answer; default: 64 */
    /* Bytes of a result that the model reads: the rest is cut, which is said; default: 256 KB. */
    size_t output;
    int sub_agents; /* how deep sub-agents may have sub-agents; default: 3 */
} asm_llm_limits;

/* What a million tokens cost, in US dollars, for limits.cost_usd only. 0: not known. */
typedef struct asm_llm_prices {
    double input, output;              /* tokens of these */
    double cache_read, cache_creation; /* 0: as input */
} asm_llm_prices;

/* All texts must outlive the asm_llm. They may be changed in llm->options between polls: what is there counts from the
 * next request on. A table of tools must live as long as calls of it run. */
struct asm_llm_options {
    asm_llm_api api;             /* how the server is asked, and how it answers */
    asm_str model;               /* required: the name that the API knows */
    asm_llm_transport transport; /* start() is required */
    asm_str system;              /* text: what stands before the conversation */
    const asm_llm_tool *tools;   /* what the model may call; NULL if tool_count is 0 */
    size_t tool_count;           /* how many tools */

    /* "auto" (default), "any", "none", or a tool's name. With "any" and a name the model calls tools until a limit is
     * reached. */
    asm_str tool_choice;

    /* Of an answer; 0: 8192 for ASM_LLM_ANTHROPIC, which asks for a number, else what the API does. */
    int64_t max_tokens;
    asm_optional_double temperature, top_p; /* not set: what the API does */
    const asm_str *stop;                    /* texts that end an answer; NULL if stop_count is 0 */
    size_t stop_count;                      /* how many texts */
    /* ASM_LLM_ANTHROPIC: how many the model may think, 1024 at least; 0: it does not think. max_tokens is raised
     * if it is not larger. */
    int64_t thinking_tokens;
    asm_str effort; /* the others: "low", "medium", "high"; absent: what the API does */
    /* ASM_LLM_OPENAI: thinking goes back as reasoning_content (DeepSeek asks for it). */
    bool returns_thinking;
    bool caches_prompt;   /* ASM_LLM_ANTHROPIC: marks tools, system and conversation for its prompt cache */
    bool uses_max_tokens; /* ASM_LLM_OPENAI: writes max_tokens, as older servers know it, for
                                max_completion_tokens */
    bool is_not_streamed; /* the answer comes as one body */
    bool tells_todos;     /* the agent's todos are part of the request */
    asm_str extra;        /* JSON object: members of the body, in place of those of the same name */

    asm_llm_limits limits; /* what may not be exceeded */
    asm_llm_prices prices; /* for limits.cost_usd */
    int retries;           /* of a question; 0: 4; negative: none */
    int64_t retry_ms;      /* the first wait; 0: 1000 */
    uint64_t random;       /* any number, different in each process: so that not all try again at once */
    /* Texts that must never be told, your API key first of all: *** stands wherever an error would repeat one, as it is
     * or as JSON escapes it. What is sent in another form, as base64 say, is a text of its own. */
    const asm_str *secrets;
    size_t secret_count; /* how many secrets; 0: `secrets` may be NULL */
};

/* A model and all that is under way with it. It must not be moved or copied once it is set up. */
struct asm_llm {
    asm_llm_options options;     /* see there */
    uint64_t requests;           /* read only, as all up to error: how many were started */
    uint64_t retries;            /* how many of them were retries */
    uint64_t stale_calls;        /* calls with exchanges and calls that were over */
    char error[160];             /* for people: what was wrong with the last asm_llm_init() */
    struct asm__llm_slot *slots; /* private, all below */
    size_t slot_count;
    uint32_t free_slot;
    asm__index talks;                /* executions under way */
    struct asm__llm_child *children; /* agents of this asm_llm that serve a call */
    uint64_t exchanges, calls;
    uint64_t random;
};

/* Sets up; allocates nothing. `options` is copied, but not what it points to. ASM_ERR_INVALID_ARGUMENT without a model
 * or start(), for an unknown api, a tool without a valid name or run(), two tools of one name, a schema or extra that is no
 * JSON object, a list that is counted and missing; `error` says which. */
ASM_API asm_result asm_llm_init(asm_llm *llm, const asm_llm_options *options);

/* Frees everything. Close the servers of its agents first. */
ASM_API void asm_llm_close(asm_llm *llm);

/* The driver, for asm_agent_config: the same for all agents that share the model and the tools. */
ASM_API asm_driver asm_llm_driver(asm_llm *llm);

/* =========================================================================================================
 * Questions beside the conversation: for middleware and tools
 */

/* What came of it. Valid during the callback only. */
typedef struct asm_llm_answer {
    asm_str text;            /* what the model said */
    asm_str stop_reason;     /* "end_turn", "max_tokens", …; absent if it failed */
    asm_str error_code;      /* see ERRORS; absent: it did not fail */
    asm_str error;           /* text */
    asm_usage_payload usage; /* tokens that it took, as far as they were told */
} asm_llm_answer;

/* The question has been answered, or has failed; not called if the execution ends before. */
typedef void (*asm_llm_answer_callback)(void *user, asm_execution execution, const asm_llm_answer *answer);

/* A question for asm_llm_ask(). */
typedef struct asm_llm_question {
    const char *name; /* required: who asks, a constant; see asm_llm_is_asking() */
    /* Of another model, must live until the answer is there; NULL: the driver's. */
    const asm_llm_options *options;
    asm_str system;                   /* text, in place of the options'; absent: theirs */
    const asm_turn *turns;            /* what the model is asked with; needed during asm_llm_ask() only */
    size_t turn_count;                /* how many turns */
    int64_t max_tokens;               /* 0: as the options say */
    asm_llm_answer_callback callback; /* required */
    void *user;                       /* its first argument */
} asm_llm_question;

/* Asks, beside what the execution does; the model may not call tools. Tokens count for the run. It is not retried. An
 * execution that would complete waits for the answer. ASM_ERR_NOT_FOUND if the execution is over or not one of this
 * asm_llm; the errors of transport.start(). */
ASM_API asm_result asm_llm_ask(asm_llm *llm, asm_execution execution, const asm_llm_question *question);

/* Whether a question of this name is under way. */
ASM_API bool asm_llm_is_asking(const asm_llm *llm, asm_execution execution, const char *name);

/* How many tokens the conversation has, by what the last answer told, and an estimate (a token for each 3 bytes) of what
 * came after it; 0 if no answer told any. */
ASM_API int64_t asm_llm_context_tokens(const asm_llm *llm, asm_execution execution);

/* Whether the last question was too long for the model, and is to be asked again if middleware makes the conversation
 * shorter. */
ASM_API bool asm_llm_is_too_long(const asm_llm *llm, asm_execution execution);

/* =========================================================================================================
 * Middleware and a tool, made of what is public: to use, or to copy and change. Each must outlive its agents.
 */

/* Keeps a conversation within the model's window: when it is `percent` full, old turns are replaced by a summary that the
 * model writes. Never between a call and its result. Debug events: middleware_action summarization_started {"tokens",
 * "messages"} and summarization_completed {"messages_before","messages_after","error"?}. What was replaced is still in
 * the state store, if that appends. */
typedef struct asm_llm_compaction {
    asm_llm *llm;           /* required: the agents' */
    int64_t context_window; /* tokens that fit the model; 0: only when the model says that it is too long */
    int percent;            /* 1 to 100; 0: 80 */
    size_t keep_turns;      /* the last so many stay, and what belongs to them; 0: 6 */
    asm_str prompt;         /* text: how to summarize; absent: a default */
    const asm_llm_options *options; /* of the model that summarizes; NULL: the agent's */
} asm_llm_compaction;

/* The middleware, for asm_agent_config. `compaction` is used as it is, not copied. */
ASM_API asm_middleware asm_llm_compaction_middleware(asm_llm_compaction *compaction);

/* Gives the conversation a title after the first answer, unless it has one. Debug events: middleware_action
 * title_generation_started, title_generation_completed, and title_generated of asm_agent_set_title(). */
typedef struct asm_llm_title {
    asm_llm *llm;                   /* required: the agents' */
    asm_str prompt;                 /* text; absent: a default */
    const asm_llm_options *options; /* of the model that is asked; NULL: the agent's */
} asm_llm_title;

/* The middleware, for asm_agent_config. `title` is used as it is, not copied. */
ASM_API asm_middleware asm_llm_title_middleware(asm_llm_title *title);

/* A tool that has another agent do something: {"prompt":…}. That is started on the same server, its id the caller's with
 * /N after it, and ended with the call. What it says and does is told as the caller's, too, with parent_tool_call_id; its
 * tokens count for both. Its last words are the result. It may be interrupted for approvals of its own: resume it by its
 * id (asm_agent_next() with the pattern "ID/ *" without the blank finds it); the call's status is then "waiting". */
typedef struct asm_llm_subagent {
    asm_llm *llm; /* required: its model, tools and limits. Not the caller's own asm_llm unless it may call
                                itself: limits.sub_agents */
    const char *name;            /* of the tool; NULL: "task" */
    const char *description;     /* for the model; NULL: a default */
    asm_pubsub *pubsub;          /* where its own events go; NULL: nowhere */
    const asm_str *interrupt_on; /* tools of its own that a person has to approve, as in asm_agent_config */
    size_t interrupt_on_count;   /* how many names */
    bool is_not_parallel;        /* one after the other */
    int64_t time_limit_ms;       /* 0: limits.tool_ms; negative: none */
} asm_llm_subagent;

/* The tool, for asm_llm_options. `subagent` is used as it is, not copied. */
ASM_API asm_llm_tool asm_llm_subagent_tool(asm_llm_subagent *subagent);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_LLM_H */

/* =========================================================================================================
 * Implementation
 *
 *   >>llm: texts            what is small and used everywhere
 *   >>llm: turns            what a request makes of them
 *   >>llm: output           results of tools, as text or as parts
 *   >>llm: messages         Messages and Responses: an assistant's turn in its parts
 *   >>llm: anthropic        its messages
 *   >>llm: responses        its items
 *   >>llm: chat             messages of chat completions and of Ollama
 *   >>llm: body             the other members of a request
 *   >>llm: schema           whether arguments fit
 *   >>llm: exchanges        requests under way, and what arrives
 *   >>llm: answers          from bytes to text, thinking and calls
 *   >>llm: errors           their classes, and when to try again
 *   >>llm: talks            executions under way
 *   >>llm: telling          what a sub-agent tells goes up
 *   >>llm: calls            of tools
 *   >>llm: sub-agents
 *   >>llm: asking           a question to the model, and its answer
 *   >>llm: driver
 *   >>llm: questions        beside the conversation
 *   >>llm: compaction
 *   >>llm: titles
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_LLM_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_LLM_IMPLEMENTED
#define ASM_LLM_IMPLEMENTED

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_pubsub.h"

#include <string.h>

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>llm: texts */

#define ASM__LLM_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ASM__LLM_NAME_MAX        64 /* characters of a tool's name */
#define ASM__LLM_NEVER           UINT64_MAX

static asm_str asm__llm_absent(void) {
    return asm_str_make(NULL, 0);
}

static bool asm__llm_is(asm_str text, const char *literal) {
    return asm_str_equal(text, asm_str_from(literal));
}

/* Whether there is anything in it but white space: APIs refuse a text of which this is not so. */
static bool asm__llm_says(asm_str text) {
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] > ' ') return true;
    return false;
}

static bool asm__llm_contains(asm_str text, asm_str part) {
    if (!part.size || part.size > text.size) return false;
    for (size_t i = 0; i <= text.size - part.size; i++) {
        const char *found = (const char *)memchr(text.data + i, part.data[0], text.size - part.size - i + 1);
        if (!found) return false;
        i = (size_t)(found - text.data);
        if (memcmp(found, part.data, part.size) == 0) return true;
    }
    return false;
}

static char asm__llm_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether `text` begins with `prefix`, which is in lower case. */
static bool asm__llm_begins(asm_str text, const char *prefix) {
    const size_t size = strlen(prefix);
    if (text.size < size) return false;
    for (size_t i = 0; i < size; i++)
        if (asm__llm_lower(text.data[i]) != prefix[i]) return false;
    return true;
}

static void asm__llm_append_number(asm_buffer *out, uint64_t number) {
    char digits[20];
    asm_buffer_append(out, asm_str_make(digits, asm__format_uint64(number, digits)));
}

static void asm__llm_append(asm_buffer *out, const char *text) {
    asm_buffer_append(out, asm_str_from(text));
}

static asm_str asm__llm_find(asm_str json, const char *key) {
    const asm_str name = asm_str_from(key);
    asm_str value = {NULL, 0};
    (void)asm_json_find(json, &name, &value, 1, NULL);
    return value;
}

/* The elements of an array, one by one; none if `json` is no array. */
static asm_json_reader asm__llm_elements(asm_str json) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, asm_json_type_of(json) == ASM_JSON_ARRAY ? json : ASM_STR("[]"), NULL);
    asm_json_enter_array(&reader);
    return reader;
}

static bool asm__llm_next(asm_json_reader *reader, asm_str *element) {
    return asm_json_next_element(reader) && asm_json_read_raw(reader, element);
}

static size_t asm__llm_count(asm_str json) {
    asm_json_reader reader = asm__llm_elements(json);
    asm_str element;
    size_t count = 0;
    while (asm__llm_next(&reader, &element))
        count++;
    return count;
}

static void asm__llm_write_text(asm_json_writer *writer, const char *key, asm_str text) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, text);
}

static void asm__llm_write_raw(asm_json_writer *writer, const char *key, asm_str json) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_raw(writer, json);
}

static void asm__llm_begin(asm_json_writer *writer, const char *key, bool is_array) {
    asm_json_write_key(writer, asm_str_from(key));
    if (is_array) asm_json_begin_array(writer);
    else asm_json_begin_object(writer);
}

static bool asm__llm_is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* >>llm: turns
 * A request is written in one go through the turns: what is in it stands there, none of it is copied but texts that become
 * one. */

typedef enum asm__llm_kind {
    ASM__LLM_SYSTEM,
    ASM__LLM_USER,
    ASM__LLM_ASSISTANT,
    ASM__LLM_RESULTS
} asm__llm_kind;

/* A request that is being written. */
typedef struct asm__llm_out {
    asm_json_writer json;
    asm_llm_request *request;
    const asm_llm_options *options;
    asm_buffer scratch;  /* texts of the call that is being written */
    asm_buffer found;    /* texts of its result */
    asm_buffer built;    /* one text made of others */
    asm_buffer joined;   /* chat: the text of a message that is made of several turns */
    asm_result result;   /* the first error of those that the writer does not see */
    size_t used;         /* results that were written */
    size_t last;         /* the last turn that says something */
    bool thinks;         /* thinking goes back */
    char role;           /* of the message that has begun: u or a; 0: none */
    asm_str text;        /* chat: of that message */
    size_t first, after; /* chat: its turns */
    bool is_joined;
    size_t repeats;      /* of the call that was read last: how many of its id came before, */
    size_t repeats_here; /* and how many of these in its turn */
    uint64_t once[64];   /* by the hash of an id: there is a call of such an id, */
    uint64_t twice[64];  /* there is another one */
} asm__llm_out;

static asm__llm_kind asm__llm_kind_of(const asm_turn *turn) {
    if (turn->tool_results.data || asm__llm_is(turn->role, "tool")) return ASM__LLM_RESULTS;
    if (asm__llm_is(turn->role, "assistant")) return ASM__LLM_ASSISTANT;
    return asm__llm_is(turn->role, "system") ? ASM__LLM_SYSTEM : ASM__LLM_USER;
}

static asm_str asm__llm_images(const asm_turn *turn) {
    return turn->extra.data ? asm__llm_find(turn->extra, "images") : asm__llm_absent();
}

static bool asm__llm_has_calls(const asm_turn *turn) {
    return turn->tool_calls.data && asm__llm_count(turn->tool_calls) > 0;
}

/* Whether anything of the turn is written. Results are written with their calls. */
static bool asm__llm_turn_says(const asm_turn *turn) {
    const asm__llm_kind kind = asm__llm_kind_of(turn);
    if (kind == ASM__LLM_RESULTS) return false;
    if (asm__llm_says(turn->content)) return true;
    return kind == ASM__LLM_ASSISTANT ? asm__llm_has_calls(turn) : asm__llm_count(asm__llm_images(turn)) > 0;
}

/* A string from raw JSON, to the end of `scratch`, which has room for it; absent if it is none. */
static asm_str asm__llm_string(asm_str raw, asm_buffer *scratch) {
    asm_str text = {NULL, 0};
    if (raw.data) (void)asm_json_to_string(raw, scratch, &text);
    return text;
}

/* The id of an element of tool_calls, in `out->found`. */
static asm_str asm__llm_id_of(asm__llm_out *out, asm_str raw) {
    const asm_str id = asm__llm_find(raw, "id");
    asm_buffer_clear(&out->found);
    if (asm_buffer_reserve(&out->found, id.size + ASM_JSON_SCRATCH_SPARE) != ASM_OK)
        asm_json_writer_fail(&out->json, out->found.result);
    return asm__llm_string(id, &out->found);
}

/* A bit for an id: bit b of word w of a set. */
static uint64_t asm__llm_bit_of(asm_str id, size_t *word) {
    const uint64_t hash = asm__hash(id.size ? id.data : "", id.size, 0);
    *word = (size_t)(hash >> 6) % ASM__LLM_COUNT_OF(((asm__llm_out *)NULL)->once);
    return (uint64_t)1 << (hash & 63);
}

/* Notes the ids of all calls: which may be there twice. */
static void asm__llm_note_ids(asm__llm_out *out) {
    size_t word;
    asm_str element;
    for (size_t i = 0; i < out->request->turn_count; i++) {
        if (asm__llm_kind_of(&out->request->turns[i]) != ASM__LLM_ASSISTANT) continue;
        asm_json_reader reader = asm__llm_elements(out->request->turns[i].tool_calls);
        while (asm__llm_next(&reader, &element)) {
            const uint64_t bit = asm__llm_bit_of(asm__llm_id_of(out, element), &word);
            if (out->once[word] & bit) out->twice[word] |= bit;
            out->once[word] |= bit;
        }
    }
}

/* Counts the calls of this id that come before the element `raw`. */
static void asm__llm_count_repeats(asm__llm_out *out, asm_str raw, asm_str id) {
    size_t word;
    asm_str element;
    const uint64_t bit = asm__llm_bit_of(id, &word);
    out->repeats = out->repeats_here = 0;
    if (!(out->twice[word] & bit)) return;
    for (size_t i = 0; i < out->request->turn_count; i++) {
        if (asm__llm_kind_of(&out->request->turns[i]) != ASM__LLM_ASSISTANT) continue;
        asm_json_reader reader = asm__llm_elements(out->request->turns[i].tool_calls);
        out->repeats_here = 0;
        while (asm__llm_next(&reader, &element)) {
            if (element.data == raw.data) return;
            if (!asm_str_equal(asm__llm_id_of(out, element), id)) continue;
            out->repeats++;
            out->repeats_here++;
        }
    }
}

/* Reads an element of tool_calls. False, and the writer has failed, if there is no memory. */
static bool asm__llm_read_call(asm__llm_out *out, asm_str raw, asm_action_request *call) {
    const asm_str keys[] = {ASM_STR_INIT("id"), ASM_STR_INIT("name"), ASM_STR_INIT("arguments")};
    asm_str values[3];
    (void)asm_json_find(raw, keys, values, 3, NULL);
    asm_buffer_clear(&out->scratch);
    if (asm_buffer_reserve(&out->scratch, raw.size + ASM_JSON_SCRATCH_SPARE) != ASM_OK) {
        asm_json_writer_fail(&out->json, out->scratch.result);
        return false;
    }
    call->tool_call_id = asm__llm_string(values[0], &out->scratch);
    call->tool_name = asm__llm_string(values[1], &out->scratch);
    call->arguments = asm_json_type_of(values[2]) == ASM_JSON_OBJECT ? values[2] : ASM_STR("{}");
    asm__llm_count_repeats(out, raw, call->tool_call_id);
    return out->json.result == ASM_OK;
}

/* An element of tool_results. */
typedef struct asm__llm_result {
    asm_str id, status; /* texts */
    asm_str output;     /* JSON */
    asm_str edited;     /* JSON: the arguments, if it ran with others than the call's */
    bool is_made;       /* there was none */
} asm__llm_result;

static bool asm__llm_read_result(asm__llm_out *out, asm_str raw, asm__llm_result *result) {
    const asm_str keys[] = {ASM_STR_INIT("tool_call_id"), ASM_STR_INIT("status"), ASM_STR_INIT("output"),
                            ASM_STR_INIT("arguments")};
    asm_str values[4];
    (void)asm_json_find(raw, keys, values, 4, NULL);
    asm_buffer_clear(&out->found);
    if (asm_buffer_reserve(&out->found, values[0].size + values[1].size + ASM_JSON_SCRATCH_SPARE) != ASM_OK) {
        asm_json_writer_fail(&out->json, out->found.result);
        return false;
    }
    memset(result, 0, sizeof *result);
    result->id = asm__llm_string(values[0], &out->found);
    result->status = asm__llm_string(values[1], &out->found);
    result->output = values[2];
    result->edited = values[3];
    return true;
}

/* Finds the result of a call among the turns from `at` on, up to the next of the assistant that says something. Without
 * one it is made. */
static void asm__llm_find_result(asm__llm_out *out, size_t at, asm_str id, asm__llm_result *result) {
    const asm_llm_request *request = out->request;
    size_t others = out->repeats_here; /* of calls of the same id */
    asm_str element;
    for (; at < request->turn_count; at++) {
        const asm_turn *turn = &request->turns[at];
        if (asm__llm_kind_of(turn) == ASM__LLM_ASSISTANT && asm__llm_turn_says(turn)) break;
        asm_json_reader reader = asm__llm_elements(turn->tool_results);
        while (asm__llm_next(&reader, &element)) {
            if (!asm__llm_read_result(out, element, result)) return;
            if (!asm_str_equal(result->id, id) || others-- > 0) continue;
            out->used++;
            return;
        }
    }
    memset(result, 0, sizeof *result);
    result->id = id;
    result->status = ASM_STR("failed");
    result->output = ASM_STR("\"There is no result of this call.\"");
    result->is_made = true;
    out->request->patched++;
}

static bool asm__llm_is_plain(asm_str name) {
    for (size_t i = 0; i < name.size; i++)
        if (!asm__llm_is_name_byte(name.data[i])) return false;
    return name.size > 0;
}

/* Copies up to `most` bytes, with _ for what an API does not allow in ids and names. Returns how many. */
static size_t asm__llm_make_plain(char *plain, size_t most, asm_str name) {
    const size_t size = name.size < most ? name.size : most;
    for (size_t i = 0; i < size; i++)
        plain[i] = asm__llm_is_name_byte(name.data[i]) ? name.data[i] : '_';
    return size;
}

static void asm__llm_write_tool_name(asm__llm_out *out, const char *key, asm_str name) {
    char plain[ASM__LLM_NAME_MAX];
    size_t size = asm__llm_make_plain(plain, sizeof plain, name);
    if (!size) plain[size++] = '_';
    asm__llm_write_text(&out->json, key, asm_str_make(plain, size));
}

/* The id of the call that was read last: Anthropic takes few characters, the others any; no API takes an empty one. What
 * cannot be written as it is, and what another call has already, gets a number. */
static void asm__llm_write_id(asm__llm_out *out, const char *key, asm_str id) {
    if (!out->repeats && (out->options->api != ASM_LLM_ANTHROPIC || asm__llm_is_plain(id))) {
        asm__llm_write_text(&out->json, key, id.size ? id : ASM_STR("_"));
        return;
    }
    char plain[ASM__LLM_NAME_MAX];
    size_t size = asm__llm_make_plain(plain, sizeof plain - 21, id);
    plain[size++] = '_';
    size += asm__format_uint64(asm__hash(id.size ? id.data : "", id.size, out->repeats), plain + size);
    asm__llm_write_text(&out->json, key, asm_str_make(plain, size));
}

/* The part of a turn's extra that goes back to the model, if it is the one that is asked; absent if there is none. */
static asm_str asm__llm_reasoning(const asm__llm_out *out, const asm_turn *turn) {
    const asm_str keys[] = {ASM_STR_INIT("api"), ASM_STR_INIT("model")};
    const asm_str reasoning = turn->extra.data ? asm__llm_find(turn->extra, "reasoning") : asm__llm_absent();
    asm_str values[2];
    if (asm_json_type_of(reasoning) != ASM_JSON_OBJECT) return asm__llm_absent();
    (void)asm_json_find(reasoning, keys, values, 2, NULL);
    char memory[256]; /* a longer name is not the same one: nothing of another model goes back */
    asm_buffer scratch;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    const asm_str api = asm__llm_string(values[0], &scratch), model = asm__llm_string(values[1], &scratch);
    const bool is_same =
        asm__llm_is(api, asm_llm_api_name(out->options->api)) && asm_str_equal(model, out->options->model);
    return is_same ? reasoning : asm__llm_absent();
}

/* >>llm: output */

/* One part of an output that has several, or of a user's turn. */
typedef struct asm__llm_part {
    bool is_image;
    asm_str text;             /* JSON string */
    asm_str media_type, data; /* JSON strings */
} asm__llm_part;

/* Reads {"type":"text","text"} and {"type":"image","media_type","data"}; false for anything else. */
static bool asm__llm_read_part(asm_str raw, asm__llm_part *part) {
    const asm_str keys[] = {ASM_STR_INIT("type"), ASM_STR_INIT("text"), ASM_STR_INIT("media_type"),
                            ASM_STR_INIT("data")};
    asm_str values[4];
    if (asm_json_find(raw, keys, values, 4, NULL) != ASM_OK) return false;
    part->is_image = !asm_str_equal(values[0], ASM_STR("\"text\"")) && values[3].data != NULL;
    part->text = values[1];
    part->media_type = values[2].data ? values[2] : ASM_STR("\"image/png\"");
    part->data = values[3];
    return part->is_image ? asm_json_type_of(part->data) == ASM_JSON_STRING &&
                                asm_json_type_of(part->media_type) == ASM_JSON_STRING
                          : asm_json_type_of(part->text) == ASM_JSON_STRING;
}

/* Whether an output is a list of such parts. */
static bool asm__llm_has_parts(asm_str output) {
    asm_json_reader reader = asm__llm_elements(output);
    asm_str element;
    asm__llm_part part;
    size_t count = 0;
    while (asm__llm_next(&reader, &element)) {
        if (!asm__llm_read_part(element, &part)) return false;
        count++;
    }
    return count > 0;
}

/* Whether a JSON string says anything but white space. */
static bool asm__llm_string_says(asm_str raw) {
    const asm_str inside = asm_json_string_inside(raw);
    size_t at = 0;
    while (at < inside.size)
        if (asm_json_string_decode(inside, &at) > ' ') return true;
    return false;
}

/* Appends what a JSON string says to `out->built`. */
static void asm__llm_build(asm__llm_out *out, asm_str raw) {
    char memory[256];
    const asm_str inside = asm_json_string_inside(raw);
    size_t at = 0;
    while (at < inside.size)
        asm_buffer_append(&out->built, asm_json_string_piece(inside, &at, memory, sizeof memory));
}

static asm_str asm__llm_built(asm__llm_out *out) {
    asm_json_writer_fail(&out->json, out->built.result);
    return asm_buffer_text(&out->built);
}

/* data:image/png;base64,… */
static asm_str asm__llm_data_url(asm__llm_out *out, const asm__llm_part *part) {
    asm_buffer_clear(&out->built);
    asm__llm_append(&out->built, "data:");
    asm__llm_build(out, part->media_type);
    asm__llm_append(&out->built, ";base64,");
    asm__llm_build(out, part->data);
    return asm__llm_built(out);
}

/* What the model has to be told beside the output: absent if nothing. */
static asm_str asm__llm_output_note(asm__llm_out *out, const asm__llm_result *result, bool with_status) {
    const bool has_failed = !asm__llm_is(result->status, "completed") && !asm__llm_is(result->status, "");
    if (!result->edited.data && !(has_failed && with_status)) return asm__llm_absent();
    asm_buffer_clear(&out->built);
    if (result->edited.data) {
        asm__llm_append(&out->built, "The user changed the arguments of this call to ");
        asm_buffer_append(&out->built, result->edited);
        asm__llm_append(&out->built, "\n");
    }
    if (has_failed && with_status) {
        asm_buffer_append(&out->built, result->status);
        asm__llm_append(&out->built, ": ");
    }
    return asm__llm_built(out);
}

/* The output as the value of a member that takes text only. */
static void asm__llm_write_output_text(asm__llm_out *out, const char *key, const asm__llm_result *result) {
    const bool has_parts = asm__llm_has_parts(result->output);
    const asm_str note = asm__llm_output_note(out, result, true);
    const asm_json_type type = asm_json_type_of(result->output);
    if (!note.data && type == ASM_JSON_STRING && asm__llm_string_says(result->output)) {
        asm__llm_write_raw(&out->json, key, result->output);
        return;
    }
    if (!note.data) asm_buffer_clear(&out->built);
    if (has_parts) {
        asm_json_reader reader = asm__llm_elements(result->output);
        asm__llm_part part;
        asm_str element;
        bool is_first = true;
        while (asm__llm_next(&reader, &element) && asm__llm_read_part(element, &part)) {
            if (!is_first) asm__llm_append(&out->built, "\n");
            if (part.is_image) asm__llm_append(&out->built, "[image]");
            else asm__llm_build(out, part.text);
            is_first = false;
        }
    } else if (type == ASM_JSON_STRING) {
        asm__llm_build(out, result->output);
    } else {
        asm_buffer_append(&out->built, result->output);
    }
    if (!asm__llm_says(asm_buffer_text(&out->built))) {
        asm_buffer_clear(&out->built);
        asm__llm_append(&out->built, "(no output)");
    }
    asm__llm_write_text(&out->json, key, asm__llm_built(out));
}

/* The names by which an API calls the parts of a message. */
typedef struct asm__llm_words {
    const char *text, *image;
} asm__llm_words;

static void asm__llm_write_text_part(asm__llm_out *out, const asm__llm_words *words, asm_str text) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", asm_str_from(words->text));
    asm__llm_write_text(&out->json, "text", text);
}

static void asm__llm_write_image(asm__llm_out *out, const asm__llm_words *words, const asm__llm_part *part) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", asm_str_from(words->image));
    if (out->options->api == ASM_LLM_ANTHROPIC) {
        asm__llm_begin(&out->json, "source", false);
        asm__llm_write_text(&out->json, "type", ASM_STR("base64"));
        asm__llm_write_raw(&out->json, "media_type", part->media_type);
        asm__llm_write_raw(&out->json, "data", part->data);
        asm_json_end_object(&out->json);
    } else if (out->options->api == ASM_LLM_RESPONSES) {
        asm__llm_write_text(&out->json, "image_url", asm__llm_data_url(out, part));
    } else {
        asm__llm_begin(&out->json, "image_url", false);
        asm__llm_write_text(&out->json, "url", asm__llm_data_url(out, part));
        asm_json_end_object(&out->json);
    }
    asm_json_end_object(&out->json);
}

/* The output in parts, as the value of a member that takes them. */
static void asm__llm_write_output_parts(asm__llm_out *out, const char *key, const asm__llm_result *result,
                                        const asm__llm_words *words) {
    asm_json_reader reader = asm__llm_elements(result->output);
    asm__llm_part part;
    asm_str element;
    asm__llm_begin(&out->json, key, true);
    const asm_str note = asm__llm_output_note(out, result, out->options->api != ASM_LLM_ANTHROPIC);
    if (note.data) {
        asm__llm_write_text_part(out, words, note);
        asm_json_end_object(&out->json);
    }
    bool is_empty = !note.data;
    while (asm__llm_next(&reader, &element) && asm__llm_read_part(element, &part)) {
        is_empty = is_empty && !part.is_image && !asm__llm_string_says(part.text);
        if (part.is_image) {
            asm__llm_write_image(out, words, &part);
        } else if (asm__llm_string_says(part.text)) {
            asm_json_begin_object(&out->json);
            asm__llm_write_text(&out->json, "type", asm_str_from(words->text));
            asm__llm_write_raw(&out->json, "text", part.text);
            asm_json_end_object(&out->json);
        }
    }
    if (is_empty) {
        asm__llm_write_text_part(out, words, ASM_STR("(no output)"));
        asm_json_end_object(&out->json);
    }
    asm_json_end_array(&out->json);
}

/* >>llm: messages */

/* What has to go back to the model between the texts and calls of a turn: where it stood, and what it is. */
typedef struct asm__llm_thought {
    size_t text, calls; /* so many bytes of text, and calls, came before */
    asm_str raw;
} asm__llm_thought;

static asm__llm_thought asm__llm_read_thought(asm_str raw) {
    const asm_str keys[] = {ASM_STR_INIT("text"), ASM_STR_INIT("calls")};
    asm__llm_thought thought;
    asm_str values[2];
    int64_t number;
    memset(&thought, 0, sizeof thought);
    thought.raw = raw;
    (void)asm_json_find(raw, keys, values, 2, NULL);
    if (asm_json_to_int64(values[0], &number) && number > 0) thought.text = (size_t)number;
    if (asm_json_to_int64(values[1], &number) && number > 0) thought.calls = (size_t)number;
    return thought;
}

/* What an API that keeps an assistant's turn in parts writes for each. */
typedef struct asm__llm_parts {
    void (*text)(asm__llm_out *out, asm_str text);
    void (*thought)(asm__llm_out *out, asm_str raw);
    void (*call)(asm__llm_out *out, const asm_action_request *call);
} asm__llm_parts;

/* The calls of a turn from number `from` to before `to`. */
static void asm__llm_write_calls(asm__llm_out *out, const asm__llm_parts *parts, const asm_turn *turn,
                                 size_t from, size_t to) {
    asm_json_reader reader = asm__llm_elements(turn->tool_calls);
    asm_action_request call;
    asm_str element;
    for (size_t i = 0; i < to && asm__llm_next(&reader, &element); i++)
        if (i >= from && asm__llm_read_call(out, element, &call)) parts->call(out, &call);
}

static void asm__llm_write_assistant(asm__llm_out *out, const asm__llm_parts *parts, const asm_turn *turn) {
    const asm_str reasoning = out->thinks ? asm__llm_reasoning(out, turn) : asm__llm_absent();
    asm_json_reader reader =
        asm__llm_elements(reasoning.data ? asm__llm_find(reasoning, "blocks") : asm__llm_absent());
    const asm_str content = turn->content;
    size_t text = 0, calls = 0;
    asm_str element;
    while (asm__llm_next(&reader, &element)) {
        const asm__llm_thought thought = asm__llm_read_thought(element);
        const size_t end = thought.text < content.size ? thought.text : content.size;
        if (end > text) {
            parts->text(out, asm_str_make(content.data + text, end - text));
            text = end;
        }
        if (thought.calls > calls) {
            asm__llm_write_calls(out, parts, turn, calls, thought.calls);
            calls = thought.calls;
        }
        parts->thought(out, thought.raw);
    }
    if (content.size > text) parts->text(out, asm_str_make(content.data + text, content.size - text));
    asm__llm_write_calls(out, parts, turn, calls, SIZE_MAX);
}

/* >>llm: anthropic */

static void asm__llm_write_mark(asm__llm_out *out) {
    if (!out->options->caches_prompt) return;
    asm__llm_begin(&out->json, "cache_control", false);
    asm__llm_write_text(&out->json, "type", ASM_STR("ephemeral"));
    asm_json_end_object(&out->json);
}

/* Goes on with a message of this role, or begins one. */
static void asm__anthropic_need(asm__llm_out *out, char role) {
    if (out->role == role) return;
    if (out->role) {
        asm_json_end_array(&out->json);
        asm_json_end_object(&out->json);
    }
    out->role = role;
    if (!role) return;
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", role == 'u' ? ASM_STR("user") : ASM_STR("assistant"));
    asm__llm_begin(&out->json, "content", true);
}

static const asm__llm_words asm__anthropic_words = {"text", "image"};

static void asm__anthropic_say(asm__llm_out *out, char role, asm_str text, bool is_marked) {
    if (!asm__llm_says(text)) return;
    asm__anthropic_need(out, role);
    asm__llm_write_text_part(out, &asm__anthropic_words, text);
    if (is_marked) asm__llm_write_mark(out);
    asm_json_end_object(&out->json);
}

static void asm__anthropic_say_more(asm__llm_out *out, asm_str text) {
    asm__anthropic_say(out, 'a', text, false);
}

static void asm__anthropic_thought(asm__llm_out *out, asm_str raw) {
    const asm_str keys[] = {ASM_STR_INIT("thinking"), ASM_STR_INIT("signature"), ASM_STR_INIT("data")};
    asm_str values[3];
    (void)asm_json_find(raw, keys, values, 3, NULL);
    asm__anthropic_need(out, 'a');
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type",
                        values[2].data ? ASM_STR("redacted_thinking") : ASM_STR("thinking"));
    if (values[2].data) {
        asm__llm_write_raw(&out->json, "data", values[2]);
    } else {
        asm__llm_write_raw(&out->json, "thinking", values[0].data ? values[0] : ASM_STR("\"\""));
        asm__llm_write_raw(&out->json, "signature", values[1].data ? values[1] : ASM_STR("\"\""));
    }
    asm_json_end_object(&out->json);
}

static void asm__anthropic_put_call(asm__llm_out *out, const asm_action_request *call) {
    asm__anthropic_need(out, 'a');
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", ASM_STR("tool_use"));
    asm__llm_write_id(out, "id", call->tool_call_id);
    asm__llm_write_tool_name(out, "name", call->tool_name);
    asm__llm_write_raw(&out->json, "input", call->arguments);
    asm_json_end_object(&out->json);
}

static void asm__anthropic_result(asm__llm_out *out, const asm_action_request *call,
                                  const asm__llm_result *result, bool is_marked) {
    const bool has_failed = !asm__llm_is(result->status, "completed") && !asm__llm_is(result->status, "");
    asm__anthropic_need(out, 'u');
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", ASM_STR("tool_result"));
    asm__llm_write_id(out, "tool_use_id", call->tool_call_id);
    if (asm__llm_has_parts(result->output))
        asm__llm_write_output_parts(out, "content", result, &asm__anthropic_words);
    else asm__llm_write_output_text(out, "content", result);
    if (has_failed) {
        asm_json_write_key(&out->json, ASM_STR("is_error"));
        asm_json_write_bool(&out->json, true);
    }
    if (is_marked) asm__llm_write_mark(out);
    asm_json_end_object(&out->json);
}

static void asm__anthropic_user(asm__llm_out *out, const asm_turn *turn, asm_str text, bool is_last) {
    const asm_str images = asm__llm_images(turn);
    asm_json_reader reader = asm__llm_elements(images);
    asm__llm_part part;
    asm_str element;
    while (asm__llm_next(&reader, &element)) {
        if (!asm__llm_read_part(element, &part) || !part.is_image) continue;
        asm__anthropic_need(out, 'u');
        asm__llm_write_image(out, &asm__anthropic_words, &part);
    }
    asm__anthropic_say(out, 'u', text, is_last);
}

/* >>llm: responses */

static const asm__llm_words asm__responses_words = {"input_text", "input_image"};

static void asm__responses_say(asm__llm_out *out, char role, asm_str text) {
    if (!asm__llm_says(text)) return;
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", role == 'u' ? ASM_STR("user") : ASM_STR("assistant"));
    asm__llm_write_text(&out->json, "content", text);
    asm_json_end_object(&out->json);
}

static void asm__responses_say_more(asm__llm_out *out, asm_str text) {
    asm__responses_say(out, 'a', text);
}

static void asm__responses_thought(asm__llm_out *out, asm_str raw) {
    const asm_str item = asm__llm_find(raw, "item");
    if (asm_json_type_of(item) == ASM_JSON_OBJECT) asm_json_write_raw(&out->json, item);
}

static void asm__responses_call(asm__llm_out *out, const asm_action_request *call) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", ASM_STR("function_call"));
    asm__llm_write_id(out, "call_id", call->tool_call_id);
    asm__llm_write_tool_name(out, "name", call->tool_name);
    asm__llm_write_text(&out->json, "arguments", call->arguments);
    asm_json_end_object(&out->json);
}

static void asm__responses_result(asm__llm_out *out, const asm_action_request *call,
                                  const asm__llm_result *result) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "type", ASM_STR("function_call_output"));
    asm__llm_write_id(out, "call_id", call->tool_call_id);
    if (asm__llm_has_parts(result->output))
        asm__llm_write_output_parts(out, "output", result, &asm__responses_words);
    else asm__llm_write_output_text(out, "output", result);
    asm_json_end_object(&out->json);
}

static void asm__responses_user(asm__llm_out *out, const asm_turn *turn, asm_str text) {
    const asm_str images = asm__llm_images(turn);
    asm__llm_part part;
    asm_str element;
    if (!asm__llm_count(images)) {
        asm__responses_say(out, 'u', text);
        return;
    }
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", ASM_STR("user"));
    asm__llm_begin(&out->json, "content", true);
    if (asm__llm_says(text)) {
        asm__llm_write_text_part(out, &asm__responses_words, text);
        asm_json_end_object(&out->json);
    }
    asm_json_reader reader = asm__llm_elements(images);
    while (asm__llm_next(&reader, &element))
        if (asm__llm_read_part(element, &part) && part.is_image)
            asm__llm_write_image(out, &asm__responses_words, &part);
    asm_json_end_array(&out->json);
    asm_json_end_object(&out->json);
}

/* >>llm: chat
 * A message is written when it is known where it ends: neighbours of one role are one message, of which the texts are
 * joined. */

static const asm__llm_words asm__chat_words = {"text", "image_url"};

/* The images of the message's turns: as parts, or, for Ollama, as a list of their data. False if there are none. */
static bool asm__chat_images(asm__llm_out *out, bool writes) {
    bool any = false;
    for (size_t i = out->first; i < out->after; i++) {
        asm_json_reader reader = asm__llm_elements(asm__llm_images(&out->request->turns[i]));
        asm__llm_part part;
        asm_str element;
        while (asm__llm_next(&reader, &element)) {
            if (!asm__llm_read_part(element, &part) || !part.is_image) continue;
            any = true;
            if (!writes) return true;
            if (out->options->api == ASM_LLM_OLLAMA) asm_json_write_raw(&out->json, part.data);
            else asm__llm_write_image(out, &asm__chat_words, &part);
        }
    }
    return any;
}

static void asm__chat_user(asm__llm_out *out) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", ASM_STR("user"));
    if (!asm__chat_images(out, false)) {
        asm__llm_write_text(&out->json, "content", out->text);
    } else if (out->options->api == ASM_LLM_OLLAMA) {
        asm__llm_write_text(&out->json, "content", out->text.data ? out->text : ASM_STR(""));
        asm__llm_begin(&out->json, "images", true);
        (void)asm__chat_images(out, true);
        asm_json_end_array(&out->json);
    } else {
        asm__llm_begin(&out->json, "content", true);
        if (asm__llm_says(out->text)) {
            asm__llm_write_text_part(out, &asm__chat_words, out->text);
            asm_json_end_object(&out->json);
        }
        (void)asm__chat_images(out, true);
        asm_json_end_array(&out->json);
    }
    asm_json_end_object(&out->json);
}

static void asm__chat_call(asm__llm_out *out, const asm_action_request *call) {
    asm_json_begin_object(&out->json);
    asm__llm_write_id(out, "id", call->tool_call_id);
    if (out->options->api != ASM_LLM_OLLAMA) asm__llm_write_text(&out->json, "type", ASM_STR("function"));
    asm__llm_begin(&out->json, "function", false);
    asm__llm_write_tool_name(out, "name", call->tool_name);
    if (out->options->api == ASM_LLM_OLLAMA) asm__llm_write_raw(&out->json, "arguments", call->arguments);
    else asm__llm_write_text(&out->json, "arguments", call->arguments);
    asm_json_end_object(&out->json);
    asm_json_end_object(&out->json);
}

/* Reasoning of the message's last turn. */
static void asm__chat_reasoning(asm__llm_out *out) {
    const asm_turn *turn = out->after ? &out->request->turns[out->after - 1] : NULL;
    const asm_str reasoning = turn ? asm__llm_reasoning(out, turn) : asm__llm_absent();
    if (!reasoning.data || out->options->api != ASM_LLM_OPENAI) return;
    const asm_str text = asm__llm_find(reasoning, "thinking"), details = asm__llm_find(reasoning, "details");
    if (text.size > 2 && out->options->returns_thinking)
        asm__llm_write_raw(&out->json, "reasoning_content", text);
    if (asm_json_type_of(details) == ASM_JSON_ARRAY)
        asm__llm_write_raw(&out->json, "reasoning_details", details);
}

static void asm__chat_assistant(asm__llm_out *out, const asm_turn *calls) {
    static const asm__llm_parts parts = {NULL, NULL, asm__chat_call};
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", ASM_STR("assistant"));
    asm_json_write_key(&out->json, ASM_STR("content"));
    if (!asm__llm_says(out->text) && out->options->api != ASM_LLM_OLLAMA) asm_json_write_null(&out->json);
    else asm_json_write_string(&out->json, out->text.data ? out->text : ASM_STR(""));
    asm__chat_reasoning(out);
    if (calls) {
        asm__llm_begin(&out->json, "tool_calls", true);
        asm__llm_write_calls(out, &parts, calls, 0, SIZE_MAX);
        asm_json_end_array(&out->json);
    }
    asm_json_end_object(&out->json);
}

/* Writes the message that has begun, if one has; `calls` is the turn whose calls it has, or NULL. */
static void asm__chat_flush(asm__llm_out *out, const asm_turn *calls) {
    if (out->is_joined) out->text = asm_buffer_text(&out->joined);
    if (out->role == 'u') asm__chat_user(out);
    else if (out->role == 'a') asm__chat_assistant(out, calls);
    out->role = 0;
    out->text = asm__llm_absent();
    out->is_joined = false;
}

/* Goes on with a message of this role, or begins one; `at` is the turn whose text it is. */
static void asm__chat_say(asm__llm_out *out, char role, asm_str text, size_t at) {
    if (out->role != role) {
        asm__chat_flush(out, NULL);
        out->role = role;
        out->first = at;
    }
    out->after = at + 1 > out->request->turn_count ? out->request->turn_count : at + 1;
    if (!asm__llm_says(text)) return;
    if (!out->text.data) {
        out->text = text;
        return;
    }
    if (!out->is_joined) {
        asm_buffer_clear(&out->joined);
        asm_buffer_append(&out->joined, out->text);
        out->is_joined = true;
    }
    asm__llm_append(&out->joined, "\n\n");
    asm_json_writer_fail(&out->json, asm_buffer_append(&out->joined, text));
}

static void asm__chat_result(asm__llm_out *out, const asm_action_request *call,
                             const asm__llm_result *result) {
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", ASM_STR("tool"));
    asm__llm_write_id(out, "tool_call_id", call->tool_call_id);
    if (out->options->api == ASM_LLM_OLLAMA) asm__llm_write_tool_name(out, "tool_name", call->tool_name);
    asm__llm_write_output_text(out, "content", result);
    asm_json_end_object(&out->json);
}

/* >>llm: body */

static const asm__llm_parts asm__anthropic_parts = {asm__anthropic_say_more, asm__anthropic_thought,
                                                    asm__anthropic_put_call};
static const asm__llm_parts asm__responses_parts = {asm__responses_say_more, asm__responses_thought,
                                                    asm__responses_call};

/* What the user says; `at` is the turn, or where it would be. */
static void asm__llm_write_user(asm__llm_out *out, size_t at, asm_str text, bool is_last) {
    const asm_turn none = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, false};
    const asm_turn *turn = at < out->request->turn_count ? &out->request->turns[at] : &none;
    if (asm__llm_kind_of(turn) != ASM__LLM_USER) turn = &none;
    switch (out->options->api) {
    case ASM_LLM_ANTHROPIC:
        asm__anthropic_user(out, turn, text, is_last);
        break;
    case ASM_LLM_RESPONSES:
        asm__responses_user(out, turn, text);
        break;
    default:
        asm__chat_say(out, 'u', text, at);
        break;
    }
}

/* The results of all calls of the turn `at`, in their order. */
static void asm__llm_write_results(asm__llm_out *out, size_t at) {
    const asm_turn *turn = &out->request->turns[at];
    const size_t count = asm__llm_count(turn->tool_calls);
    asm_json_reader reader = asm__llm_elements(turn->tool_calls);
    asm_action_request call;
    asm__llm_result result;
    asm_str element;
    memset(&result, 0, sizeof result);
    for (size_t i = 0; asm__llm_next(&reader, &element); i++) {
        if (!asm__llm_read_call(out, element, &call)) return;
        asm__llm_find_result(out, at + 1, call.tool_call_id, &result);
        if (out->json.result != ASM_OK) return;
        switch (out->options->api) {
        case ASM_LLM_ANTHROPIC:
            asm__anthropic_result(out, &call, &result, at == out->last && i + 1 == count);
            break;
        case ASM_LLM_RESPONSES:
            asm__responses_result(out, &call, &result);
            break;
        default:
            asm__chat_result(out, &call, &result);
            break;
        }
    }
}

static void asm__llm_write_answer(asm__llm_out *out, size_t at) {
    const asm_turn *turn = &out->request->turns[at];
    const bool has_calls = asm__llm_has_calls(turn);
    switch (out->options->api) {
    case ASM_LLM_ANTHROPIC:
        asm__llm_write_assistant(out, &asm__anthropic_parts, turn);
        break;
    case ASM_LLM_RESPONSES:
        asm__llm_write_assistant(out, &asm__responses_parts, turn);
        break;
    default:
        asm__chat_say(out, 'a', turn->content, at);
        if (has_calls) asm__chat_flush(out, turn);
        break;
    }
    if (has_calls) asm__llm_write_results(out, at);
}

/* The first turn after those of the role system that the conversation begins with. */
static size_t asm__llm_after_system(const asm_llm_request *request) {
    size_t at = 0;
    while (at < request->turn_count && (asm__llm_kind_of(&request->turns[at]) == ASM__LLM_SYSTEM ||
                                        !asm__llm_turn_says(&request->turns[at])))
        at++;
    return at;
}

static void asm__llm_write_turn(asm__llm_out *out, size_t at) {
    const asm_turn *turn = &out->request->turns[at];
    const bool is_last = at == out->last;
    switch (asm__llm_kind_of(turn)) {
    case ASM__LLM_USER:
        asm__llm_write_user(out, at, turn->content, is_last);
        break;
    case ASM__LLM_SYSTEM:
        asm__llm_write_user(out, at, ASM_STR("<system>"), false);
        asm__llm_write_user(out, at, turn->content, is_last);
        asm__llm_write_user(out, at, ASM_STR("</system>"), false);
        break;
    case ASM__LLM_ASSISTANT:
        asm__llm_write_answer(out, at);
        break;
    default:
        break;
    }
}

/* The todos as text, in `out->built`. */
static asm_str asm__llm_todos(asm__llm_out *out) {
    const asm_llm_request *request = out->request;
    asm_buffer_clear(&out->built);
    asm__llm_append(&out->built, "Todos:");
    for (size_t i = 0; i < request->todo_count; i++) {
        asm__llm_append(&out->built, "\n- [");
        asm_buffer_append(&out->built, request->todos[i].status);
        asm__llm_append(&out->built, "] ");
        asm_buffer_append(&out->built, request->todos[i].content);
    }
    return asm__llm_built(out);
}

/* All messages, as elements of the array that has begun. */
static void asm__llm_write_conversation(asm__llm_out *out) {
    const asm_llm_request *request = out->request;
    const size_t begin = asm__llm_after_system(request);
    bool user_is_last = false;
    if (begin == request->turn_count || asm__llm_kind_of(&request->turns[begin]) == ASM__LLM_ASSISTANT)
        asm__llm_write_user(out, request->turn_count, ASM_STR("Begin."), false);
    for (size_t i = begin; i < request->turn_count; i++) {
        const asm_turn *turn = &request->turns[i];
        if (!asm__llm_turn_says(turn)) continue;
        asm__llm_write_turn(out, i);
        user_is_last = asm__llm_kind_of(turn) != ASM__LLM_ASSISTANT || asm__llm_has_calls(turn);
    }
    if (begin < request->turn_count && !user_is_last)
        asm__llm_write_user(out, request->turn_count, ASM_STR("Continue."), false);
    if (request->todo_count) {
        /* The text must live until its message is written. */
        asm__llm_write_user(out, request->turn_count, asm__llm_todos(out), false);
    }
    if (out->options->api == ASM_LLM_ANTHROPIC) asm__anthropic_need(out, 0);
    else if (out->options->api != ASM_LLM_RESPONSES) asm__chat_flush(out, NULL);
}

/* Whether the member is to be written: not if the options' extra has one of this name. */
static bool asm__llm_wants(const asm__llm_out *out, const char *key) {
    return !out->options->extra.data || !asm__llm_find(out->options->extra, key).data;
}

static void asm__llm_write_int(asm__llm_out *out, const char *key, int64_t value) {
    if (!asm__llm_wants(out, key)) return;
    asm_json_write_key(&out->json, asm_str_from(key));
    asm_json_write_int64(&out->json, value);
}

static void asm__llm_write_double(asm__llm_out *out, const char *key, asm_optional_double value) {
    if (!value.is_set || !asm__llm_wants(out, key)) return;
    asm_json_write_key(&out->json, asm_str_from(key));
    asm_json_write_double(&out->json, value.value);
}

static void asm__llm_write_bool(asm__llm_out *out, const char *key, bool value) {
    if (!asm__llm_wants(out, key)) return;
    asm_json_write_key(&out->json, asm_str_from(key));
    asm_json_write_bool(&out->json, value);
}

/* The system text: that of the options or the request, and the turns that the conversation begins with. */
static asm_str asm__llm_system(asm__llm_out *out) {
    const asm_llm_request *request = out->request;
    const size_t end = asm__llm_after_system(request);
    asm_str text = request->system.data ? request->system : out->options->system;
    asm_buffer_clear(&out->joined);
    for (size_t i = 0; i < end; i++) {
        const asm_str more = request->turns[i].content;
        if (!asm__llm_says(more) || asm__llm_kind_of(&request->turns[i]) != ASM__LLM_SYSTEM) continue;
        if (!asm__llm_says(text)) {
            text = more;
            continue;
        }
        if (!out->joined.size) asm_buffer_append(&out->joined, text);
        asm__llm_append(&out->joined, "\n\n");
        asm_json_writer_fail(&out->json, asm_buffer_append(&out->joined, more));
        text = asm_buffer_text(&out->joined);
    }
    return asm__llm_says(text) ? text : asm__llm_absent();
}

static asm_str asm__llm_schema_of(const asm_llm_tool *tool) {
    return tool->schema ? asm_str_from(tool->schema) : ASM_STR("{\"type\":\"object\",\"properties\":{}}");
}

static void asm__llm_write_tool(asm__llm_out *out, const asm_llm_tool *tool, bool is_last) {
    const asm_llm_api api = out->options->api;
    asm_json_begin_object(&out->json);
    if (api != ASM_LLM_ANTHROPIC) asm__llm_write_text(&out->json, "type", ASM_STR("function"));
    if (api == ASM_LLM_OPENAI || api == ASM_LLM_OLLAMA) asm__llm_begin(&out->json, "function", false);
    asm__llm_write_text(&out->json, "name", asm_str_from(tool->name));
    if (tool->description) asm__llm_write_text(&out->json, "description", asm_str_from(tool->description));
    asm__llm_write_raw(&out->json, api == ASM_LLM_ANTHROPIC ? "input_schema" : "parameters",
                       asm__llm_schema_of(tool));
    if (api == ASM_LLM_ANTHROPIC && is_last) asm__llm_write_mark(out);
    if (api == ASM_LLM_OPENAI || api == ASM_LLM_OLLAMA) asm_json_end_object(&out->json);
    asm_json_end_object(&out->json);
}

static asm_str asm__llm_choice(const asm__llm_out *out) {
    const asm_str choice =
        out->request->tool_choice.data ? out->request->tool_choice : out->options->tool_choice;
    return choice.size ? choice : ASM_STR("auto");
}

static bool asm__llm_choice_is_free(asm_str choice) {
    return asm__llm_is(choice, "auto") || asm__llm_is(choice, "none");
}

static void asm__llm_write_choice(asm__llm_out *out) {
    const asm_str choice = asm__llm_choice(out);
    const asm_llm_api api = out->options->api;
    const bool is_tool = !asm__llm_choice_is_free(choice) && !asm__llm_is(choice, "any");
    if (asm__llm_is(choice, "auto") || api == ASM_LLM_OLLAMA || !asm__llm_wants(out, "tool_choice")) return;
    asm_json_write_key(&out->json, ASM_STR("tool_choice"));
    if (api != ASM_LLM_ANTHROPIC && !is_tool) {
        asm_json_write_string(&out->json, asm__llm_is(choice, "any") ? ASM_STR("required") : choice);
        return;
    }
    asm_json_begin_object(&out->json);
    if (api != ASM_LLM_ANTHROPIC) asm__llm_write_text(&out->json, "type", ASM_STR("function"));
    else asm__llm_write_text(&out->json, "type", is_tool ? ASM_STR("tool") : choice);
    if (is_tool && api == ASM_LLM_OPENAI) asm__llm_begin(&out->json, "function", false);
    if (is_tool) asm__llm_write_text(&out->json, "name", choice);
    if (is_tool && api == ASM_LLM_OPENAI) asm_json_end_object(&out->json);
    asm_json_end_object(&out->json);
}

/* Whether any turn has calls: then Messages asks for tools, whether there are any or not. */
static bool asm__llm_any_calls(const asm_llm_request *request) {
    for (size_t i = 0; i < request->turn_count; i++)
        if (request->turns[i].tool_calls.data && asm__llm_has_calls(&request->turns[i])) return true;
    return false;
}

static void asm__llm_write_tools(asm__llm_out *out) {
    static const asm_llm_tool none = {
        "unavailable", "Cannot be called.", NULL, NULL, NULL, NULL, false, false, 0, NULL};
    const asm_llm_options *options = out->options;
    const bool needs_one =
        !options->tool_count && options->api == ASM_LLM_ANTHROPIC && asm__llm_any_calls(out->request);
    if (!asm__llm_wants(out, "tools") || (!options->tool_count && !needs_one)) return;
    if (options->api == ASM_LLM_OLLAMA && asm__llm_is(asm__llm_choice(out), "none")) return;
    asm__llm_begin(&out->json, "tools", true);
    for (size_t i = 0; i < options->tool_count; i++)
        asm__llm_write_tool(out, &options->tools[i], options->caches_prompt && i + 1 == options->tool_count);
    if (needs_one) asm__llm_write_tool(out, &none, false);
    asm_json_end_array(&out->json);
    if (needs_one && out->request->tool_choice.data == NULL) out->request->tool_choice = ASM_STR("none");
    asm__llm_write_choice(out);
}

static void asm__llm_write_stop(asm__llm_out *out, const char *key) {
    if (!out->options->stop_count || !asm__llm_wants(out, key)) return;
    asm__llm_begin(&out->json, key, true);
    for (size_t i = 0; i < out->options->stop_count; i++)
        asm_json_write_string(&out->json, out->options->stop[i]);
    asm_json_end_array(&out->json);
}

static int64_t asm__llm_max_tokens(const asm__llm_out *out) {
    return out->request->max_tokens > 0 ? out->request->max_tokens : out->options->max_tokens;
}

static bool asm__llm_begins_with_thought(const asm__llm_out *out, const asm_turn *turn) {
    const asm_str reasoning = asm__llm_reasoning(out, turn);
    asm_json_reader reader =
        asm__llm_elements(reasoning.data ? asm__llm_find(reasoning, "blocks") : asm__llm_absent());
    asm_str first;
    if (!asm__llm_next(&reader, &first)) return false;
    const asm__llm_thought thought = asm__llm_read_thought(first);
    return thought.text == 0 && thought.calls == 0;
}

/* Whether the model may think: an answer that is to go on after its own calls has to begin with what it thought then. */
static bool asm__llm_may_think(const asm__llm_out *out) {
    const asm_llm_request *request = out->request;
    if (out->options->api != ASM_LLM_ANTHROPIC) return true;
    if (out->options->thinking_tokens <= 0 || !asm__llm_choice_is_free(asm__llm_choice(out))) return false;
    const asm_turn *first = NULL; /* of the assistant's last message, if that has calls */
    for (size_t i = request->turn_count; i-- > 0;) {
        const asm_turn *turn = &request->turns[i];
        if (!asm__llm_turn_says(turn)) continue;
        const bool is_answer = asm__llm_kind_of(turn) == ASM__LLM_ASSISTANT;
        if (first && (!is_answer || asm__llm_has_calls(turn))) break;
        if (is_answer && !first && !asm__llm_has_calls(turn)) return true;
        if (is_answer) first = turn;
    }
    return !first || asm__llm_begins_with_thought(out, first);
}

static void asm__llm_body_anthropic(asm__llm_out *out) {
    const asm_llm_options *options = out->options;
    const asm_str system = asm__llm_system(out);
    int64_t max_tokens = asm__llm_max_tokens(out);
    if (max_tokens <= 0) max_tokens = 8192;
    const int64_t budget = options->thinking_tokens < 1024 ? 1024 : options->thinking_tokens;
    if (out->thinks && max_tokens <= budget)
        max_tokens = max_tokens > INT64_MAX - budget ? INT64_MAX : budget + max_tokens;
    asm__llm_write_int(out, "max_tokens", max_tokens);
    if (system.data && asm__llm_wants(out, "system")) {
        asm_json_write_key(&out->json, ASM_STR("system"));
        if (options->caches_prompt) {
            asm_json_begin_array(&out->json);
            asm__llm_write_text_part(out, &asm__anthropic_words, system);
            asm__llm_write_mark(out);
            asm_json_end_object(&out->json);
            asm_json_end_array(&out->json);
        } else {
            asm_json_write_string(&out->json, system);
        }
    }
    asm__llm_write_tools(out);
    asm__llm_write_stop(out, "stop_sequences");
    if (out->thinks && asm__llm_wants(out, "thinking")) {
        asm__llm_begin(&out->json, "thinking", false);
        asm__llm_write_text(&out->json, "type", ASM_STR("enabled"));
        asm_json_write_key(&out->json, ASM_STR("budget_tokens"));
        asm_json_write_int64(&out->json, budget);
        asm_json_end_object(&out->json);
    } else if (!out->thinks) { /* which it does at one temperature only */
        asm__llm_write_double(out, "temperature", options->temperature);
        asm__llm_write_double(out, "top_p", options->top_p);
    }
    asm__llm_write_bool(out, "stream", !options->is_not_streamed);
    asm__llm_begin(&out->json, "messages", true);
    asm__llm_write_conversation(out);
    asm_json_end_array(&out->json);
}

static void asm__llm_write_system_message(asm__llm_out *out) {
    const asm_str system = asm__llm_system(out);
    if (!system.data) return;
    asm_json_begin_object(&out->json);
    asm__llm_write_text(&out->json, "role", ASM_STR("system"));
    asm__llm_write_text(&out->json, "content", system);
    asm_json_end_object(&out->json);
}

static void asm__llm_body_openai(asm__llm_out *out) {
    const asm_llm_options *options = out->options;
    const int64_t max_tokens = asm__llm_max_tokens(out);
    if (max_tokens > 0)
        asm__llm_write_int(out, options->uses_max_tokens ? "max_tokens" : "max_completion_tokens",
                           max_tokens);
    asm__llm_write_tools(out);
    asm__llm_write_stop(out, "stop");
    if (options->effort.size && asm__llm_wants(out, "reasoning_effort"))
        asm__llm_write_text(&out->json, "reasoning_effort", options->effort);
    asm__llm_write_double(out, "temperature", options->temperature);
    asm__llm_write_double(out, "top_p", options->top_p);
    asm__llm_write_bool(out, "stream", !options->is_not_streamed);
    if (!options->is_not_streamed && asm__llm_wants(out, "stream") && asm__llm_wants(out, "stream_options"))
        asm__llm_write_raw(&out->json, "stream_options", ASM_STR("{\"include_usage\":true}"));
    asm__llm_begin(&out->json, "messages", true);
    asm__llm_write_system_message(out);
    asm__llm_write_conversation(out);
    asm_json_end_array(&out->json);
}

static void asm__llm_body_responses(asm__llm_out *out) {
    const asm_llm_options *options = out->options;
    const asm_str system = asm__llm_system(out);
    const int64_t max_tokens = asm__llm_max_tokens(out);
    if (max_tokens > 0) asm__llm_write_int(out, "max_output_tokens", max_tokens);
    if (system.data && asm__llm_wants(out, "instructions"))
        asm__llm_write_text(&out->json, "instructions", system);
    asm__llm_write_tools(out);
    asm__llm_write_bool(out, "store", false);
    if (options->effort.size && asm__llm_wants(out, "reasoning")) {
        asm__llm_begin(&out->json, "reasoning", false);
        asm__llm_write_text(&out->json, "effort", options->effort);
        asm__llm_write_text(&out->json, "summary", ASM_STR("auto"));
        asm_json_end_object(&out->json);
    }
    if (options->effort.size && asm__llm_wants(out, "include"))
        asm__llm_write_raw(&out->json, "include", ASM_STR("[\"reasoning.encrypted_content\"]"));
    asm__llm_write_double(out, "temperature", options->temperature);
    asm__llm_write_double(out, "top_p", options->top_p);
    asm__llm_write_bool(out, "stream", !options->is_not_streamed);
    asm__llm_begin(&out->json, "input", true);
    asm__llm_write_conversation(out);
    asm_json_end_array(&out->json);
}

static void asm__llm_body_ollama(asm__llm_out *out) {
    const asm_llm_options *options = out->options;
    const int64_t max_tokens = asm__llm_max_tokens(out);
    asm__llm_write_tools(out);
    asm__llm_write_bool(out, "stream", !options->is_not_streamed);
    if (options->effort.size && asm__llm_wants(out, "think"))
        asm__llm_write_text(&out->json, "think", options->effort);
    if (asm__llm_wants(out, "options") &&
        (max_tokens > 0 || options->temperature.is_set || options->top_p.is_set || options->stop_count)) {
        asm__llm_begin(&out->json, "options", false);
        if (max_tokens > 0) asm__llm_write_int(out, "num_predict", max_tokens);
        asm__llm_write_double(out, "temperature", options->temperature);
        asm__llm_write_double(out, "top_p", options->top_p);
        asm__llm_write_stop(out, "stop");
        asm_json_end_object(&out->json);
    }
    asm__llm_begin(&out->json, "messages", true);
    asm__llm_write_system_message(out);
    asm__llm_write_conversation(out);
    asm_json_end_array(&out->json);
}

static void asm__llm_write_extra(asm__llm_out *out) {
    asm_json_reader reader;
    asm_buffer keys;
    asm_str key, value;
    if (!out->options->extra.data) return;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, out->options->extra, &keys);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        asm_json_write_key(&out->json, key);
        asm_json_write_raw(&out->json, value);
    }
    asm_json_writer_fail(&out->json, asm_json_reader_finish(&reader));
    asm_buffer_close(&keys);
}

static size_t asm__llm_last_turn(const asm_llm_request *request) {
    size_t at = request->turn_count;
    while (at > 0 && !asm__llm_turn_says(&request->turns[at - 1]))
        at--;
    return at ? at - 1 : SIZE_MAX;
}

static void asm__llm_count_dropped(asm__llm_out *out) {
    asm_llm_request *request = out->request;
    for (size_t i = 0; i < request->turn_count; i++)
        if (request->turns[i].tool_results.data)
            request->dropped += asm__llm_count(request->turns[i].tool_results);
    request->dropped -= out->used < request->dropped ? out->used : request->dropped;
}

static void asm__llm_write_whole(asm__llm_out *out) {
    asm_json_begin_object(&out->json);
    if (asm__llm_wants(out, "model")) asm__llm_write_text(&out->json, "model", out->options->model);
    switch (out->options->api) {
    case ASM_LLM_ANTHROPIC:
        asm__llm_body_anthropic(out);
        break;
    case ASM_LLM_RESPONSES:
        asm__llm_body_responses(out);
        break;
    case ASM_LLM_OLLAMA:
        asm__llm_body_ollama(out);
        break;
    default:
        asm__llm_body_openai(out);
        break;
    }
    asm__llm_write_extra(out);
    asm_json_end_object(&out->json);
}

/* Whether the execution that asks still goes on: else its turns are gone. */
static bool asm__llm_is_wanted(asm_llm_exchange handle);

/* Whether all lists are there that the options count. */
static bool asm__llm_has_lists(const asm_llm_options *options) {
    return (options->tools || !options->tool_count) && (options->stop || !options->stop_count) &&
           (options->secrets || !options->secret_count);
}

ASM_API asm_result asm_llm_write_body(asm_llm_request *request, asm_buffer *out) {
    asm__llm_out writing;
    const asm_str choice = request ? request->tool_choice : asm__llm_absent();
    if (!request || !out || !request->options || !request->options->model.size ||
        !asm__llm_has_lists(request->options) || (unsigned)request->options->api >= ASM_LLM_API_COUNT ||
        (request->turn_count && !request->turns) || (request->todo_count && !request->todos))
        return ASM_ERR_INVALID_ARGUMENT;
    if (request->exchange.llm && !asm__llm_is_wanted(request->exchange)) return ASM_ERR_NOT_FOUND;
    memset(&writing, 0, sizeof writing);
    asm_json_writer_init(&writing.json, out);
    writing.request = request;
    writing.options = request->options;
    asm_buffer_init_growing(&writing.scratch);
    asm_buffer_init_growing(&writing.found);
    asm_buffer_init_growing(&writing.built);
    asm_buffer_init_growing(&writing.joined);
    request->patched = request->dropped = 0;
    writing.last = asm__llm_last_turn(request);
    writing.thinks = asm__llm_may_think(&writing);
    asm__llm_note_ids(&writing);
    asm__llm_write_whole(&writing);
    asm__llm_count_dropped(&writing);
    request->tool_choice = choice;
    asm_buffer_close(&writing.scratch);
    asm_buffer_close(&writing.found);
    asm_buffer_close(&writing.built);
    asm_buffer_close(&writing.joined);
    return asm_json_writer_finish(&writing.json);
}

ASM_API void asm_llm_request_init(asm_llm_request *request, const asm_llm_options *options,
                                  const asm_turn *turns, size_t turn_count) {
    static const char *const paths[] = {
#define ASM__X(constant, name, path) path,
        ASM_LLM_APIS(ASM__X)
#undef ASM__X
    };
    static const char *const lines[] = {"content-type: application/json", "anthropic-version: 2023-06-01"};
    if (!request) return;
    memset(request, 0, sizeof *request);
    request->options = options;
    request->turns = turns;
    request->turn_count = turn_count;
    if (!options || (unsigned)options->api >= ASM_LLM_API_COUNT) return;
    request->path = paths[options->api];
    request->headers = lines;
    request->header_count = options->api == ASM_LLM_ANTHROPIC ? 2 : 1;
}

ASM_API const char *asm_llm_api_name(asm_llm_api api) {
    static const char *const names[] = {
#define ASM__X(constant, name, path) name,
        ASM_LLM_APIS(ASM__X)
#undef ASM__X
    };
    return (unsigned)api < ASM_LLM_API_COUNT ? names[api] : NULL;
}

ASM_API asm_llm_api asm_llm_api_from_name(asm_str name) {
    int api = 0;
    while (api < ASM_LLM_API_COUNT && !asm__llm_is(name, asm_llm_api_name((asm_llm_api)api)))
        api++;
    return (asm_llm_api)api;
}

/* >>llm: schema
 * Types, required members and enums, of objects and arrays within as well: what a model gets wrong. Deeper than
 * ASM__LLM_SCHEMA_DEPTH nothing is checked. */

#define ASM__LLM_SCHEMA_DEPTH 16

/* An object or array whose members are being checked. */
typedef struct asm__llm_level {
    asm_str value;
    asm_str schemas;        /* of an array: "items" */
    asm_json_reader reader; /* of the values, or of an object's "properties" */
    asm_str key;            /* where it is */
    size_t index;
    bool is_array;
} asm__llm_level;

typedef struct asm__llm_check {
    asm__llm_level levels[ASM__LLM_SCHEMA_DEPTH];
    size_t depth;
    asm_str key; /* of the value that is checked, in the innermost level */
    asm_buffer *why;
} asm__llm_check;

/* The place of the value that does not fit, then what it has to be. */
static void asm__llm_misfit(asm__llm_check *check, const char *what, asm_str text) {
    asm__llm_append(check->why, "arguments");
    for (size_t i = 0; i < check->depth; i++) {
        const asm__llm_level *level = &check->levels[i];
        if (level->is_array) {
            asm__llm_append(check->why, "[");
            asm__llm_append_number(check->why, level->index - 1);
            asm__llm_append(check->why, "]");
        } else {
            asm__llm_append(check->why, ".");
            asm_buffer_append(check->why, i + 1 < check->depth ? check->levels[i + 1].key : check->key);
        }
    }
    asm__llm_append(check->why, what);
    asm_buffer_append(check->why, text);
}

/* Whether `value` is of the type that a schema calls so. An unknown word is any type. */
static bool asm__llm_is_type(asm_str value, asm_str word) {
    static const struct {
        const char *word;
        asm_json_type type;
    } words[] = {{"\"string\"", ASM_JSON_STRING},  {"\"number\"", ASM_JSON_NUMBER},
                 {"\"integer\"", ASM_JSON_NUMBER}, {"\"boolean\"", ASM_JSON_BOOL},
                 {"\"array\"", ASM_JSON_ARRAY},    {"\"object\"", ASM_JSON_OBJECT},
                 {"\"null\"", ASM_JSON_NULL}};
    for (size_t i = 0; i < ASM__LLM_COUNT_OF(words); i++) {
        double number;
        if (!asm__llm_is(word, words[i].word)) continue;
        if (asm_json_type_of(value) != words[i].type) return false;
        return i != 2 || !asm_json_to_double(value, &number) || asm_double_round(number, 0) == number;
    }
    return true;
}

static bool asm__llm_fits_type(asm_str value, asm_str type) {
    if (asm_json_type_of(type) != ASM_JSON_ARRAY) return !type.data || asm__llm_is_type(value, type);
    asm_json_reader reader = asm__llm_elements(type);
    asm_str word;
    while (asm__llm_next(&reader, &word))
        if (asm__llm_is_type(value, word)) return true;
    return false;
}

/* Whether two JSON values are the same as far as enums go: strings by what they say, others by how they are written. */
static bool asm__llm_is_same_value(asm_str a, asm_str b) {
    if (asm_json_type_of(a) != ASM_JSON_STRING || asm_json_type_of(b) != ASM_JSON_STRING)
        return asm_str_equal(a, b);
    const asm_str x = asm_json_string_inside(a), y = asm_json_string_inside(b);
    size_t i = 0, k = 0;
    while (i < x.size && k < y.size)
        if (asm_json_string_decode(x, &i) != asm_json_string_decode(y, &k)) return false;
    return i == x.size && k == y.size;
}

static bool asm__llm_fits_enum(asm_str value, asm_str values) {
    if (asm_json_type_of(values) != ASM_JSON_ARRAY) return true;
    asm_json_reader reader = asm__llm_elements(values);
    asm_str element;
    while (asm__llm_next(&reader, &element))
        if (asm__llm_is_same_value(value, element)) return true;
    return false;
}

/* Whether the object `value` has all members whose names stand in `required`; else the first that it has not. */
static bool asm__llm_has_required(asm_str value, asm_str required, asm_str *missing) {
    asm_json_reader names = asm__llm_elements(required);
    asm_str name, key;
    while (asm__llm_next(&names, &name)) {
        char memory[256];
        asm_buffer scratch;
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        asm_str text = asm__llm_string(name, &scratch);
        if (!text.data) continue;
        if (asm_json_find(value, &text, &key, 1, NULL) == ASM_OK && key.data) continue;
        *missing = name;
        return false;
    }
    return true;
}

/* Checks one value, and enters it if it has values that are to be checked. */
static bool asm__llm_check_value(asm__llm_check *check, asm_str schema, asm_str value) {
    const asm_str keys[] = {ASM_STR_INIT("type"), ASM_STR_INIT("enum"), ASM_STR_INIT("required"),
                            ASM_STR_INIT("properties"), ASM_STR_INIT("items")};
    const asm_json_type type = asm_json_type_of(value);
    asm_str values[5], missing = {NULL, 0};
    if (asm_json_find(schema, keys, values, 5, NULL) != ASM_OK) return true;
    if (!asm__llm_fits_type(value, values[0])) {
        asm__llm_misfit(check, " must be of the type ", values[0]);
        return false;
    }
    if (!asm__llm_fits_enum(value, values[1])) {
        asm__llm_misfit(check, " must be one of ", values[1]);
        return false;
    }
    if (type == ASM_JSON_OBJECT && !asm__llm_has_required(value, values[2], &missing)) {
        asm__llm_misfit(check, " must have the member ", missing);
        return false;
    }
    const asm_str schemas = type == ASM_JSON_OBJECT ? values[3] : values[4];
    if ((type != ASM_JSON_OBJECT && type != ASM_JSON_ARRAY) || !schemas.data ||
        check->depth == ASM__LLM_SCHEMA_DEPTH)
        return true;
    asm__llm_level *level = &check->levels[check->depth++];
    memset(level, 0, sizeof *level);
    level->value = value;
    level->schemas = schemas;
    level->key = check->key;
    level->is_array = type == ASM_JSON_ARRAY;
    asm_json_reader_init(&level->reader, level->is_array ? value : schemas, NULL);
    if (level->is_array) asm_json_enter_array(&level->reader);
    else asm_json_enter_object(&level->reader);
    return true;
}

/* The next value of the innermost level, and its schema. False at the level's end. */
static bool asm__llm_next_value(asm__llm_level *level, asm_str *key, asm_str *schema, asm_str *value) {
    if (level->is_array) {
        *schema = level->schemas;
        level->index++;
        *key = asm__llm_absent();
        return asm__llm_next(&level->reader, value);
    }
    while (asm_json_next_member(&level->reader, key)) {
        if (!asm_json_read_raw(&level->reader, schema)) return false;
        if (asm_json_find(level->value, key, value, 1, NULL) == ASM_OK && value->data) return true;
    }
    return false;
}

/* Whether arguments, which are valid JSON, fit a schema. If not, why is appended to `why`. */
static bool asm__llm_fits(asm_str schema, asm_str arguments, asm_buffer *why) {
    asm__llm_check check;
    asm_str member, value;
    check.depth = 0;
    check.key = asm__llm_absent();
    check.why = why;
    if (!asm__llm_check_value(&check, schema, arguments)) return false;
    while (check.depth > 0) {
        asm__llm_level *level = &check.levels[check.depth - 1];
        if (!asm__llm_next_value(level, &check.key, &member, &value)) {
            check.depth--;
            continue;
        }
        if (!asm__llm_check_value(&check, member, value)) return false;
    }
    return true;
}

/* >>llm: exchanges */

#define ASM__LLM_BEGINNING 200   /* bytes of an answer that are kept for an error's text */
#define ASM__LLM_SLICE     65536 /* bytes that are read in one slice */
#define ASM__LLM_ERROR     65536 /* bytes of the body of an error that are kept */
#define ASM__LLM_CODE      48
#define ASM__LLM_LINGER    500000 /* microseconds that a whole answer waits for the end of its connection */

typedef enum asm__llm_outcome { ASM__LLM_OPEN, ASM__LLM_WHOLE, ASM__LLM_FAILED } asm__llm_outcome;

typedef struct asm__llm_talk asm__llm_talk;

/* A request under way, and what has come of its answer: by what belongs together.
 * NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
typedef struct asm__llm_exchange {
    asm_llm *llm;
    asm__llm_talk *talk;
    struct asm__llm_exchange *next; /* questions of the talk */
    const asm_llm_options *options; /* `asked`: as they were then, whatever becomes of the others meanwhile */
    asm_llm_options asked;
    asm_llm_transport transport;
    uint64_t number;
    uint32_t slot;
    bool is_question;
    asm_llm_question question;

    int status;          /* of HTTP; 0: not told */
    int should_retry;    /* what the server says; 0: nothing, else 1 or -1 */
    int64_t retry_after; /* milliseconds; negative: not told */
    asm_time retry_at, date;
    asm_time resets_at; /* when a subscription's limit ends, which may be far off: counts with 429 only */
    bool is_started;    /* transport.start() was called */
    bool is_ended;      /* there will be no more bytes */
    asm_buffer bytes;
    size_t read;      /* of them */
    size_t total;     /* that have arrived */
    bool has_begun;   /* something but white space has come */
    bool is_one_body; /* that is no stream: its line ends say nothing */
    bool is_reading;  /* `ingest` is set up */
    asm_ingest ingest;
    char beginning[ASM__LLM_BEGINNING];
    size_t beginning_size;
    uint64_t heard_at; /* server->elapsed when something came that is progress */
    uint64_t whole_at;

    asm__llm_outcome outcome;
    asm_buffer text;
    asm_buffer thinking; /* of the block that is open */
    asm_buffer blocks;   /* JSON array of what goes back, without its end */
    asm_buffer details;  /* JSON array without its end: reasoning_details */
    asm_buffer calls;    /* JSON array without its end: tool_calls */
    asm_buffer refused;  /* JSON array without its end: calls that are not run: {"id","why"} */
    asm_buffer last_id;  /* of the call that came last */
    asm_buffer scratch;
    size_t call_count, thinking_size;
    size_t thought_text, thought_calls; /* where the open block began */
    uint64_t message;                   /* the hash of its id */
    bool last_is_empty;                 /* the last call has no arguments */
    bool has_streamed;
    bool is_out_of_memory;
    asm_usage_payload usage;
    bool has_usage;
    char stop_reason[ASM__LLM_CODE], code[ASM__LLM_CODE];
    size_t stop_reason_size, code_size;
    asm_buffer message_text; /* of an error */
    bool is_bill;
} asm__llm_exchange;

typedef struct asm__llm_slot {
    asm__llm_exchange *exchange;
    uint32_t next_free;
} asm__llm_slot;

static void asm__llm_each_buffer(asm__llm_exchange *exchange, void (*function)(asm_buffer *)) {
    function(&exchange->bytes);
    function(&exchange->text);
    function(&exchange->thinking);
    function(&exchange->blocks);
    function(&exchange->details);
    function(&exchange->calls);
    function(&exchange->refused);
    function(&exchange->last_id);
    function(&exchange->scratch);
    function(&exchange->message_text);
}

static asm_llm_exchange asm__llm_handle(const asm__llm_exchange *exchange) {
    asm_llm_exchange handle;
    handle.llm = exchange->llm;
    handle.number = exchange->number;
    handle.slot = exchange->slot;
    return handle;
}

static asm__llm_exchange *asm__llm_new_exchange(asm_llm *llm, asm__llm_talk *talk,
                                                const asm_llm_options *options) {
    if (!llm->free_slot && !asm__array_reserve(&llm->slots, sizeof *llm->slots, llm->slot_count + 1))
        return NULL;
    asm__llm_exchange *exchange = (asm__llm_exchange *)ASM_REALLOC(NULL, sizeof *exchange);
    if (!exchange) return NULL;
    memset(exchange, 0, sizeof *exchange);
    asm__llm_each_buffer(exchange, asm_buffer_init_growing);
    if (llm->free_slot) {
        exchange->slot = llm->free_slot - 1;
        llm->free_slot = llm->slots[exchange->slot].next_free;
    } else {
        exchange->slot = (uint32_t)llm->slot_count++;
    }
    llm->slots[exchange->slot].exchange = exchange;
    exchange->llm = llm;
    exchange->talk = talk;
    exchange->asked = *options;
    exchange->options = &exchange->asked;
    exchange->transport = options->transport;
    exchange->number = ++llm->exchanges;
    exchange->retry_after = -1;
    return exchange;
}

/* Frees it. The transport is told unless it has ended. */
static void asm__llm_drop_exchange(asm__llm_exchange *exchange) {
    asm_llm *llm = exchange->llm;
    const asm_llm_exchange handle = asm__llm_handle(exchange);
    const asm_llm_transport transport = exchange->transport;
    const bool is_running = exchange->is_started && !exchange->is_ended;
    llm->slots[exchange->slot].exchange = NULL;
    llm->slots[exchange->slot].next_free = llm->free_slot;
    llm->free_slot = exchange->slot + 1;
    if (exchange->is_reading) asm_ingest_close(&exchange->ingest);
    asm__llm_each_buffer(exchange, asm_buffer_close);
    ASM_FREE(exchange);
    if (is_running && transport.cancel) transport.cancel(transport.user, handle);
}

/* NULL if it is over. */
static asm__llm_exchange *asm__llm_find_exchange(asm_llm_exchange handle) {
    asm_llm *llm = handle.llm;
    if (!llm) return NULL;
    asm__llm_exchange *exchange = handle.slot < llm->slot_count ? llm->slots[handle.slot].exchange : NULL;
    if (exchange && exchange->number == handle.number && !exchange->is_ended) return exchange;
    llm->stale_calls++;
    return NULL;
}

static void asm__llm_wake(const asm__llm_exchange *exchange);
static uint64_t asm__llm_now(const asm__llm_talk *talk);

ASM_API asm_result asm_llm_take_status(asm_llm_exchange handle, int status) {
    asm__llm_exchange *exchange = asm__llm_find_exchange(handle);
    if (!exchange) return ASM_ERR_NOT_FOUND;
    exchange->status = status;
    return ASM_OK;
}

/* The text without white space around it. */
static asm_str asm__llm_trim(asm_str text) {
    while (text.size && (unsigned char)text.data[0] <= ' ')
        text = asm_str_make(text.data + 1, text.size - 1);
    while (text.size && (unsigned char)text.data[text.size - 1] <= ' ')
        text.size--;
    return text;
}

/* A date as HTTP has it, "Sun, 06 Nov 1994 08:49:37 GMT"; 0 for anything else. */
static asm_time asm__llm_read_date(asm_str text) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[20];
    asm_time time = 0;
    if (text.size != 29 || text.data[3] != ',') return 0;
    int month = 0;
    while (month < 12 && memcmp(months + 3 * (size_t)month, text.data + 8, 3) != 0)
        month++;
    memcpy(iso, text.data + 12, 4);
    iso[4] = iso[7] = '-';
    iso[5] = (char)('0' + (month + 1) / 10);
    iso[6] = (char)('0' + (month + 1) % 10);
    memcpy(iso + 8, text.data + 5, 2);
    iso[10] = 'T';
    memcpy(iso + 11, text.data + 17, 8);
    iso[19] = 'Z';
    return month < 12 && asm_time_parse(asm_str_make(iso, sizeof iso), &time, NULL) == ASM_OK ? time : 0;
}

/* A number of seconds or the like that is not negative, times `unit`; negative for anything else. */
static int64_t asm__llm_read_delay(asm_str text, double unit) {
    double number;
    if (!asm_json_to_double(text, &number) || !(number >= 0) || number * unit > 1e15) return -1;
    return (int64_t)(number * unit + 0.5);
}

static void asm__llm_take_field(asm__llm_exchange *exchange, asm_str name, asm_str value) {
    if (name.size == 11 && asm__llm_begins(name, "retry-after")) {
        const int64_t delay = asm__llm_read_delay(value, 1000);
        if (delay < 0) exchange->retry_at = asm__llm_read_date(value);
        else if (exchange->retry_after < 0) exchange->retry_after = delay;
    } else if (name.size == 14 && asm__llm_begins(name, "retry-after-ms")) {
        const int64_t delay = asm__llm_read_delay(value, 1);
        if (delay >= 0) exchange->retry_after = delay;
    } else if (name.size == 14 && asm__llm_begins(name, "x-should-retry")) {
        exchange->should_retry = asm__llm_is(value, "true") ? 1 : asm__llm_is(value, "false") ? -1 : 0;
    } else if (name.size == 4 && asm__llm_begins(name, "date")) {
        exchange->date = asm__llm_read_date(value);
    } else if (name.size == 33 && asm__llm_begins(name, "anthropic-ratelimit-unified-reset")) {
        const int64_t seconds = asm__llm_read_delay(value, 1);
        if (seconds > 0 && seconds < INT64_MAX / 1000000) exchange->resets_at = seconds * 1000000;
    }
}

ASM_API asm_result asm_llm_take_header(asm_llm_exchange handle, asm_str line) {
    asm__llm_exchange *exchange = asm__llm_find_exchange(handle);
    if (!exchange) return ASM_ERR_NOT_FOUND;
    if (line.size && !line.data) return ASM_ERR_INVALID_ARGUMENT;
    if (asm__llm_begins(line, "http/")) {
        const char *space = (const char *)memchr(line.data, ' ', line.size);
        const asm_str rest =
            space ? asm_str_make(space + 1, line.size - (size_t)(space + 1 - line.data)) : asm__llm_absent();
        int status = 0;
        for (size_t i = 0; i < 3 && i < rest.size && rest.data[i] >= '0' && rest.data[i] <= '9'; i++)
            status = 10 * status + (rest.data[i] - '0');
        exchange->status = status;
        exchange->retry_after = -1;
        exchange->retry_at = exchange->date = exchange->resets_at = 0;
        exchange->should_retry = 0;
        return ASM_OK;
    }
    const char *colon = line.size ? (const char *)memchr(line.data, ':', line.size) : NULL;
    if (!colon) return ASM_OK;
    const size_t size = (size_t)(colon - line.data);
    asm__llm_take_field(exchange, asm__llm_trim(asm_str_make(line.data, size)),
                        asm__llm_trim(asm_str_make(colon + 1, line.size - size - 1)));
    return ASM_OK;
}

static size_t asm__llm_limit(size_t limit, size_t standard) {
    return limit ? limit : standard;
}

static bool asm__llm_is_error_status(const asm__llm_exchange *exchange) {
    return exchange->status != 0 && (exchange->status < 200 || exchange->status > 299);
}

/* The answer has failed: the first reason stands. */
static void asm__llm_fail(asm__llm_exchange *exchange, asm_str code, asm_str text) {
    if (exchange->outcome != ASM__LLM_OPEN) return;
    exchange->outcome = ASM__LLM_FAILED;
    exchange->code_size = code.size < sizeof exchange->code ? code.size : sizeof exchange->code;
    if (exchange->code_size) memcpy(exchange->code, code.data, exchange->code_size);
    asm_buffer_clear(&exchange->message_text);
    asm_buffer_append_utf8(&exchange->message_text, text, NULL);
}

static void asm__llm_fail_limit(asm__llm_exchange *exchange, const char *what, const char *name,
                                size_t limit) {
    char memory[160];
    asm_buffer text;
    asm_buffer_init_fixed(&text, memory, sizeof memory);
    asm__llm_append(&text, what);
    asm__llm_append_number(&text, limit);
    asm__llm_append(&text, " (limits.");
    asm__llm_append(&text, name);
    asm__llm_append(&text, ")");
    asm__llm_fail(exchange, ASM_STR("limit"), asm_buffer_text(&text));
}

ASM_API asm_result asm_llm_take_body(asm_llm_exchange handle, const char *data, size_t size) {
    asm__llm_exchange *exchange = asm__llm_find_exchange(handle);
    if (!exchange) return ASM_ERR_NOT_FOUND;
    if (size && !data) return ASM_ERR_INVALID_ARGUMENT;
    const size_t limit = asm__llm_limit(exchange->options->limits.response, (size_t)64 << 20);
    asm__llm_wake(exchange);
    if (asm__llm_is_error_status(exchange)) { /* so much of it is enough */
        const size_t room = exchange->total < ASM__LLM_ERROR ? ASM__LLM_ERROR - exchange->total : 0;
        if (size > room) size = room;
    } else if (size > limit - exchange->total) {
        asm__llm_fail_limit(exchange, "the answer has more bytes than ", "response", limit);
        return ASM_ERR_LIMIT;
    }
    exchange->total += size;
    const size_t room = sizeof exchange->beginning - exchange->beginning_size;
    const size_t kept = size < room ? size : room;
    if (kept) memcpy(exchange->beginning + exchange->beginning_size, data, kept);
    exchange->beginning_size += kept;
    if (size && asm_buffer_append(&exchange->bytes, asm_str_make(data, size)) != ASM_OK) {
        asm__llm_fail(exchange, ASM_STR("provider_error"), ASM_STR("out of memory"));
        exchange->is_out_of_memory = true;
        return ASM_ERR_NO_MEMORY;
    }
    return ASM_OK;
}

ASM_API asm_result asm_llm_end(asm_llm_exchange handle, asm_str error) {
    asm__llm_exchange *exchange = asm__llm_find_exchange(handle);
    if (!exchange) return ASM_ERR_NOT_FOUND;
    exchange->is_ended = true;
    /* What has arrived is read first: an answer may be whole though its connection failed. */
    if (error.data && exchange->outcome == ASM__LLM_OPEN) {
        asm_buffer_clear(&exchange->message_text);
        asm_buffer_append_utf8(&exchange->message_text, error.size ? error : ASM_STR("the connection failed"),
                               NULL);
    }
    asm__llm_wake(exchange);
    return ASM_OK;
}

/* >>llm: answers */

static void asm__llm_tell_delta(asm__llm_talk *talk, asm_str delta, bool is_thinking);
static void asm__llm_tell_event(asm__llm_talk *talk, const asm_event *event);
static bool asm__llm_id_is_taken(asm__llm_talk *talk, asm_str quoted);

/* Begins an element of one of the lists, which are arrays without their ends. */
static void asm__llm_begin_element(asm_json_writer *writer, asm_buffer *list) {
    asm_buffer_append(list, list->size ? ASM_STR(",") : ASM_STR("["));
    asm_json_writer_init(writer, list);
    asm_json_begin_object(writer);
}

static void asm__llm_end_element(asm__llm_exchange *exchange, asm_json_writer *writer) {
    asm_json_end_object(writer);
    if (asm_json_writer_finish(writer) != ASM_OK) exchange->is_out_of_memory = true;
}

/* The list as JSON; absent if it is empty. */
static asm_str asm__llm_list(asm__llm_exchange *exchange, asm_buffer *list) {
    if (!list->size) return asm__llm_absent();
    if (list->data[list->size - 1] != ']' && asm_buffer_append(list, ASM_STR("]")) != ASM_OK)
        exchange->is_out_of_memory = true;
    return asm_buffer_text(list);
}

static void asm__llm_write_place(asm_json_writer *writer, size_t text, size_t calls) {
    if (text) {
        asm_json_write_key(writer, ASM_STR("text"));
        asm_json_write_uint64(writer, text);
    }
    if (calls) {
        asm_json_write_key(writer, ASM_STR("calls"));
        asm_json_write_uint64(writer, calls);
    }
}

/* Ends the block of thinking that is open; `signature` is JSON, or absent. */
static void asm__llm_end_thinking(asm__llm_exchange *exchange, asm_str signature) {
    asm_json_writer writer;
    const bool is_kept = exchange->options->api == ASM_LLM_ANTHROPIC;
    if (!is_kept || (!exchange->thinking.size && !signature.data)) return;
    if (!exchange->thinking.size) {
        exchange->thought_text = exchange->text.size;
        exchange->thought_calls = exchange->call_count;
    }
    asm__llm_begin_element(&writer, &exchange->blocks);
    asm__llm_write_text(&writer, "thinking", asm_buffer_text(&exchange->thinking));
    asm__llm_write_raw(&writer, "signature", signature.data ? signature : ASM_STR("\"\""));
    asm__llm_write_place(&writer, exchange->thought_text, exchange->thought_calls);
    asm__llm_end_element(exchange, &writer);
    asm_buffer_clear(&exchange->thinking);
}

/* What has to go back as it came: the member `key` of a block. */
static void asm__llm_keep_block(asm__llm_exchange *exchange, const char *key, asm_str value) {
    asm_json_writer writer;
    asm__llm_end_thinking(exchange, asm__llm_absent());
    asm__llm_begin_element(&writer, &exchange->blocks);
    asm__llm_write_raw(&writer, key, value);
    asm__llm_write_place(&writer, exchange->text.size, exchange->call_count);
    asm__llm_end_element(exchange, &writer);
}

static void asm__llm_keep_details(asm__llm_exchange *exchange, asm_str details) {
    asm_json_reader reader = asm__llm_elements(details);
    asm_str element;
    while (asm__llm_next(&reader, &element)) {
        asm_buffer_append(&exchange->details, exchange->details.size ? ASM_STR(",") : ASM_STR("["));
        if (asm_buffer_append(&exchange->details, element) != ASM_OK) exchange->is_out_of_memory = true;
    }
}

static void asm__llm_take_thinking(asm__llm_exchange *exchange, asm_str delta, asm_str extra) {
    const asm_str keys[] = {ASM_STR_INIT("signature"), ASM_STR_INIT("redacted_thinking"),
                            ASM_STR_INIT("reasoning_item"), ASM_STR_INIT("reasoning_details")};
    const size_t limit = asm__llm_limit(exchange->options->limits.text, (size_t)4 << 20);
    asm_str values[4];
    exchange->thinking_size += delta.size;
    if (exchange->thinking_size > limit) {
        asm__llm_fail_limit(exchange, "the model thinks for more bytes than ", "text", limit);
        return;
    }
    if (delta.size) {
        if (!exchange->thinking.size) {
            exchange->thought_text = exchange->text.size;
            exchange->thought_calls = exchange->call_count;
        }
        if (asm_buffer_append(&exchange->thinking, delta) != ASM_OK) exchange->is_out_of_memory = true;
        exchange->has_streamed = true;
        if (!exchange->is_question) asm__llm_tell_delta(exchange->talk, delta, true);
    }
    if (!extra.data || asm_json_find(extra, keys, values, 4, NULL) != ASM_OK) return;
    if (values[0].data) asm__llm_end_thinking(exchange, values[0]);
    if (values[1].data) asm__llm_keep_block(exchange, "data", values[1]);
    if (values[2].data) asm__llm_keep_block(exchange, "item", values[2]);
    if (values[3].data) asm__llm_keep_details(exchange, values[3]);
}

static void asm__llm_take_text(asm__llm_exchange *exchange, const asm_message_payload *message) {
    const asm_str delta = message->delta.data ? message->delta : message->content;
    const uint64_t id =
        asm__hash(message->message_id.data ? message->message_id.data : "", message->message_id.size, 0);
    const size_t limit = asm__llm_limit(exchange->options->limits.text, (size_t)4 << 20);
    const bool is_next = exchange->text.size && exchange->message != id; /* of an answer that has several */
    exchange->message = id;
    if (!delta.size) return;
    asm__llm_end_thinking(exchange, asm__llm_absent());
    if (delta.size > limit - exchange->text.size || exchange->text.size + 2 > limit) {
        asm__llm_fail_limit(exchange, "the answer has more bytes of text than ", "text", limit);
        return;
    }
    if (is_next) asm_buffer_append(&exchange->text, ASM_STR("\n\n"));
    if (asm_buffer_append(&exchange->text, delta) != ASM_OK) exchange->is_out_of_memory = true;
    exchange->has_streamed = true;
    if (exchange->is_question) return;
    if (is_next) asm__llm_tell_delta(exchange->talk, ASM_STR("\n\n"), false);
    asm__llm_tell_delta(exchange->talk, delta, false);
}

/* Notes that the call which came last is not run, and why; `what` is a JSON string that is shown after that, or absent. */
static void asm__llm_refuse(asm__llm_exchange *exchange, const char *why, asm_str what) {
    asm_json_writer writer;
    char memory[ASM__LLM_BEGINNING];
    const asm_str inside = what.data ? asm_json_string_inside(what) : asm__llm_absent();
    size_t at = 0;
    asm_buffer_clear(&exchange->scratch);
    asm__llm_append(&exchange->scratch, why);
    if (inside.size)
        asm_buffer_append(
            &exchange->scratch,
            asm_utf8_prefix(asm_json_string_piece(inside, &at, memory, sizeof memory), ASM__LLM_BEGINNING));
    asm__llm_begin_element(&writer, &exchange->refused);
    asm__llm_write_text(&writer, "id", asm_buffer_text(&exchange->last_id));
    asm__llm_write_text(&writer, "why", asm_buffer_text(&exchange->scratch));
    asm__llm_end_element(exchange, &writer);
}

/* Whether a call of this id stands in the conversation or the answer. The id is looked for as JSON writes it: what looks
 * like it by chance only leads to another id. */
static bool asm__llm_has_id(asm__llm_exchange *exchange, asm_str id) {
    asm_json_writer writer;
    asm_buffer_clear(&exchange->scratch);
    asm_json_writer_init(&writer, &exchange->scratch);
    asm_json_write_string(&writer, id);
    const asm_str quoted = asm_buffer_text(&exchange->scratch);
    return asm__llm_contains(asm_buffer_text(&exchange->calls), quoted) ||
           asm__llm_id_is_taken(exchange->talk, quoted);
}

/* Keeps in last_id the call's id, or one that nobody has. */
static void asm__llm_name_call(asm__llm_exchange *exchange, asm_str id) {
    uint64_t number = exchange->number * 1000 + exchange->call_count;
    asm_buffer_clear(&exchange->last_id);
    asm_buffer_append_utf8(&exchange->last_id, id, NULL);
    while ((!exchange->last_id.size || asm__llm_has_id(exchange, asm_buffer_text(&exchange->last_id))) &&
           exchange->last_id.result == ASM_OK && exchange->scratch.result == ASM_OK) {
        asm_buffer_clear(&exchange->last_id);
        asm_buffer_append_utf8(&exchange->last_id, id.size ? id : ASM_STR("call"), NULL);
        asm__llm_append(&exchange->last_id, "_");
        asm__llm_append_number(&exchange->last_id, ++number);
    }
    if (exchange->last_id.result != ASM_OK || exchange->scratch.result != ASM_OK)
        exchange->is_out_of_memory = true;
}

static void asm__llm_take_call(asm__llm_exchange *exchange, const asm_event *event) {
    const asm_str arguments = event->tool.input;
    const size_t most = asm__llm_limit(exchange->options->limits.calls, 64);
    const size_t limit = asm__llm_limit(exchange->options->limits.arguments, (size_t)1 << 20);
    const asm_str invalid =
        event->extra.data ? asm__llm_find(event->extra, "invalid_arguments") : asm__llm_absent();
    asm_json_writer writer;
    asm__llm_end_thinking(exchange, asm__llm_absent());
    if (exchange->call_count >= most) {
        asm__llm_fail_limit(exchange, "the answer has more calls than ", "calls", most);
        return;
    }
    if (arguments.size > limit || invalid.size > limit) {
        asm__llm_fail_limit(exchange, "the arguments of a call have more bytes than ", "arguments", limit);
        return;
    }
    asm__llm_name_call(exchange, event->tool.call_id);
    asm__llm_begin_element(&writer, &exchange->calls);
    asm__llm_write_text(&writer, "id", asm_buffer_text(&exchange->last_id));
    asm__llm_write_text(&writer, "name", event->tool.name);
    asm__llm_write_raw(&writer, "arguments", arguments.data ? arguments : ASM_STR("{}"));
    asm__llm_end_element(exchange, &writer);
    exchange->call_count++;
    exchange->last_is_empty = asm__llm_is(arguments, "{}");
    if (invalid.data)
        asm__llm_refuse(exchange, "The arguments are no valid JSON object. They begin with: ", invalid);
}

static void asm__llm_take_usage(asm__llm_exchange *exchange, const asm_usage_payload *usage) {
    exchange->usage = *usage;
    exchange->usage.model = exchange->usage.message_id = exchange->usage.parent_tool_call_id =
        exchange->usage.models = asm__llm_absent();
    exchange->usage.cumulative.is_set = false;
    exchange->has_usage = true;
}

static void asm__llm_take_end(asm__llm_exchange *exchange, const asm_run_payload *run) {
    const asm_str reason = run->stop_reason.data ? run->stop_reason : ASM_STR("end_turn");
    asm_usage_payload usage;
    if (run->token_usage.data && asm_usage_read(&usage, run->token_usage))
        asm__llm_take_usage(exchange, &usage);
    if (run->cost_usd.is_set) exchange->usage.cost_usd = run->cost_usd;
    asm__llm_end_thinking(exchange, asm__llm_absent());
    exchange->stop_reason_size = reason.size < ASM__LLM_CODE ? reason.size : ASM__LLM_CODE;
    memcpy(exchange->stop_reason, reason.data, exchange->stop_reason_size);
    const bool is_cut =
        asm__llm_is(reason, "max_tokens") || asm__llm_is(reason, "model_context_window_exceeded");
    if (is_cut && exchange->call_count && exchange->last_is_empty)
        asm__llm_refuse(exchange, "The answer was cut before the arguments were complete.",
                        asm__llm_absent());
    if (exchange->call_count && exchange->ingest.counts.lost) /* perhaps a piece of the arguments */
        asm__llm_fail(exchange, ASM_STR("protocol"), ASM_STR("a part of the answer is not valid"));
    else if (exchange->outcome == ASM__LLM_OPEN) exchange->outcome = ASM__LLM_WHOLE;
}

/* Anthropic tells a bill apart by a code in the error's details, wherever a gateway puts these. */
static bool asm__llm_is_bill(asm_str error) {
    return asm__llm_contains(error, ASM_STR("\"contract_spend_limit_reached\"")) ||
           asm__llm_contains(error, ASM_STR("\"enforced_spend_limit_reached\""));
}

/* So many bytes of a secret at the end of a text that was cut are left out as well. */
#define ASM__LLM_TELLTALE 6

/* Gives the character at the beginning of `text`, and how many bytes it takes: more than one if it is escaped as JSON
 * does, with \X or \u00XX. */
static size_t asm__llm_character(asm_str text, bool is_escaped, char *character) {
    static const char digits[] = "0123456789abcdef";
    *character = text.data[0];
    if (!is_escaped || text.data[0] != '\\' || text.size < 2) return 1;
    if (text.data[1] != 'u') {
        *character = text.data[1];
        return 2;
    }
    if (text.size < 6 || memcmp(text.data + 2, "00", 2) != 0) return 1;
    const unsigned high = (unsigned)text.data[4] - '0';
    const char *low = (const char *)memchr(digits, asm__llm_lower(text.data[5]), 16);
    if (high > 7 || !low) return 1;
    *character = (char)(high * 16 + (unsigned)(low - digits));
    return 6;
}

/* How many bytes at the beginning of `text` are `secret`, or how it begins and goes on where the text was cut. */
static size_t asm__llm_secret_here(asm_str text, asm_str secret, bool is_escaped) {
    size_t at = 0, same = 0;
    while (at < text.size && same < secret.size) {
        char character;
        at += asm__llm_character(asm_str_make(text.data + at, text.size - at), is_escaped, &character);
        if (character != secret.data[same++]) return 0;
    }
    return same > 0 && (same == secret.size || same >= ASM__LLM_TELLTALE) ? at : 0;
}

/* asm__llm_secret_here() for all secrets, as they are and as JSON escapes them: the longest. */
static size_t asm__llm_secret_size(const asm_llm_options *options, asm_str text) {
    size_t size = 0;
    for (size_t i = 0; i < 2 * options->secret_count; i++) {
        const size_t found = asm__llm_secret_here(text, options->secrets[i / 2], i % 2);
        if (found > size) size = found;
    }
    return size;
}

/* Whether what the server sent besides its answer repeats a secret, or may: of an error only its text is told. */
static bool asm__llm_has_secret(asm__llm_exchange *exchange, const asm_event *event) {
    if (asm__llm_is_error_status(exchange)) return true;
    if (!exchange->options->secret_count) return false;
    asm_buffer_clear(&exchange->scratch);
    if (asm_event_write_json(event, &exchange->scratch) != ASM_OK) return true;
    const asm_str text = asm_buffer_text(&exchange->scratch);
    for (size_t i = 0; i < text.size; i++)
        if (asm__llm_secret_size(exchange->options, asm_str_make(text.data + i, text.size - i))) return true;
    return false;
}

static void asm__llm_on_event(void *user, const asm_event *event) {
    asm__llm_exchange *exchange = (asm__llm_exchange *)user;
    if (exchange->outcome != ASM__LLM_OPEN) return;
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
        if (event->message.thinking.is_set && event->message.thinking.value)
            asm__llm_take_thinking(exchange, event->message.delta, event->extra);
        else asm__llm_take_text(exchange, &event->message);
        break;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
        asm__llm_take_call(exchange, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        if (event->usage.message_id.data || !event->usage.cumulative.is_set)
            asm__llm_take_usage(exchange, &event->usage);
        break;
    case ASM_EVENT_RUN_COMPLETED:
        asm__llm_take_end(exchange, &event->run);
        break;
    case ASM_EVENT_RUN_FAILED:
        exchange->is_bill = asm__llm_is_bill(event->run.provider_error);
        asm__llm_fail(exchange, event->run.error_code, event->run.error_message);
        break;
    case ASM_EVENT_RUN_CANCELLED:
        asm__llm_fail(exchange, ASM_STR("provider_error"), ASM_STR("the provider cancelled the answer"));
        break;
    case ASM_EVENT_CUSTOM:
        if (!exchange->is_question && !asm__llm_has_secret(exchange, event))
            asm__llm_tell_event(exchange->talk, event);
        break;
    default:
        break;
    }
}

static bool asm__llm_begin_reading(asm__llm_exchange *exchange) {
    static const asm_format formats[] = {ASM_FORMAT_ANTHROPIC, ASM_FORMAT_OPENAI, ASM_FORMAT_RESPONSES,
                                         ASM_FORMAT_OLLAMA};
    asm_ingest_options options;
    if (exchange->is_reading) return true;
    memset(&options, 0, sizeof options);
    options.format = formats[exchange->options->api];
    options.on_event = asm__llm_on_event;
    options.user = exchange;
    options.max_kept = asm__llm_limit(exchange->options->limits.response, (size_t)64 << 20);
    if (asm_ingest_init(&exchange->ingest, &options) != ASM_OK) {
        exchange->is_out_of_memory = exchange->ingest.result == ASM_ERR_NO_MEMORY;
        asm__llm_fail(exchange, ASM_STR("invalid_request"),
                      ASM_STR("the reader of this API is not built in"));
        return false;
    }
    exchange->is_reading = true;
    return true;
}

/* Looks at how the answer begins: one JSON body may have line ends anywhere, a stream only between its parts. */
static void asm__llm_look(asm__llm_exchange *exchange, char *data, size_t size) {
    for (size_t i = 0; i < size && !exchange->has_begun; i++) {
        if ((unsigned char)data[i] <= ' ') continue;
        exchange->has_begun = true;
        exchange->is_one_body = asm__llm_is_error_status(exchange) ||
                                (data[i] == '{' && (exchange->options->api != ASM_LLM_OLLAMA ||
                                                    exchange->options->is_not_streamed));
    }
    for (size_t i = 0; exchange->is_one_body && i < size; i++)
        if (data[i] == '\n' || data[i] == '\r') data[i] = ' ';
}

/* Reads a part of what has arrived. Returns whether anything is left to be read. */
static bool asm__llm_read_bytes(asm__llm_exchange *exchange) {
    const size_t left = exchange->bytes.size - exchange->read;
    const size_t size = left < ASM__LLM_SLICE ? left : ASM__LLM_SLICE;
    if (!size || (asm__llm_is_error_status(exchange) && !exchange->is_ended)) return false;
    if (!asm__llm_begin_reading(exchange)) return false;
    char *data = exchange->bytes.data + exchange->read;
    const uint64_t events = exchange->ingest.counts.events;
    asm__llm_look(exchange, data, size);
    /* What arrives meanwhile may move the bytes. */
    asm_buffer bytes = exchange->bytes;
    const size_t read = exchange->read + size;
    asm_buffer_init_growing(&exchange->bytes);
    if (asm_ingest_feed(&exchange->ingest, data, size, 0) != ASM_OK) exchange->is_out_of_memory = true;
    if (exchange->bytes.size) {
        if (asm_buffer_append(&bytes, asm_buffer_text(&exchange->bytes)) != ASM_OK)
            exchange->is_out_of_memory = true;
    }
    asm_buffer_close(&exchange->bytes);
    exchange->bytes = bytes;
    exchange->read = read;
    if (exchange->ingest.counts.events > events) exchange->heard_at = asm__llm_now(exchange->talk);
    if (exchange->read < exchange->bytes.size) return true;
    asm_buffer_clear(&exchange->bytes);
    exchange->read = 0;
    return false;
}

/* >>llm: talks */

#define ASM__LLM_NAME 48

/* A call of a tool that runs. One block, with its texts. */
typedef struct asm__llm_run {
    struct asm__llm_run *next;
    asm_llm_call call;
    const asm_llm_tool *tool;
    asm_str edited; /* the arguments, if they are not the call's; else absent */
    uint64_t due;   /* server->elapsed when its time is over */
    bool is_over;
    struct asm__llm_child *child; /* the sub-agent that does it; NULL: none */
} asm__llm_run;

/* A call of a sub-agent that its owner was told the start of, and not the end. */
typedef struct asm__llm_told {
    struct asm__llm_told *next;
    asm_str id; /* stands after the struct */
} asm__llm_told;

/* An agent that serves a call. It belongs to its own asm_llm. */
typedef struct asm__llm_child {
    struct asm__llm_child *next;
    asm_llm *llm;
    asm_llm_call call; /* of the owner; its texts stand after the struct */
    asm_str id;        /* of the agent */
    int depth;
    struct asm__llm_talk *talk; /* of the agent; NULL: none */
    asm__llm_told *told;
    bool is_waiting, told_waiting; /* for a person, and the owner was told so */
    unsigned holds;                /* loops that look at it */
    bool is_dropped;               /* to be freed by the last of them */
} asm__llm_child;

struct asm__llm_talk {
    asm__indexed indexed; /* by the execution's number; its scope is the server */
    uint64_t key;
    asm_llm *llm;
    asm_execution execution;
    asm__llm_child *child; /* as which it talks; NULL: nobody's */
    asm__llm_exchange *asked, *questions;
    asm__llm_run *runs;  /* in the order in which they began */
    asm__llm_run *ended; /* to be freed when nobody looks at them any more */
    uint64_t began;
    uint64_t retry_at; /* server->elapsed; ASM__LLM_NEVER: nothing waits for it */
    uint64_t messages; /* that a sub-agent's owner was told of */
    int steps, attempts;
    int64_t tokens; /* of this execution */
    double cost;
    int64_t context; /* tokens that the last answer told */
    size_t context_turns;
    unsigned depth; /* calls on the stack that look at it */
    bool is_dead;   /* to be freed when they return */
    bool is_listed; /* in the index */
    bool is_final;  /* the answer has no calls */
    bool is_again;  /* the next question is the last one, asked once more */
    bool is_too_long, was_too_long;
    size_t asked_size; /* of the conversation that was too long */
    char stop_reason[ASM__LLM_CODE];
    size_t stop_reason_size;
};

static uint64_t asm__llm_now(const asm__llm_talk *talk) {
    return talk->execution.server->elapsed;
}

static uint64_t asm__llm_after(uint64_t now, int64_t milliseconds) {
    if (milliseconds < 0 || (uint64_t)milliseconds > (ASM__LLM_NEVER - now) / 1000 - 1) return ASM__LLM_NEVER;
    return now + (uint64_t)milliseconds * 1000;
}

/* A limit of the options: 0 is the standard, negative none. */
static int64_t asm__llm_choose(int64_t limit, int64_t standard) {
    return limit ? limit : standard;
}

static asm_str asm__llm_key_text(const uint64_t *key) {
    return asm_str_make((const char *)key, sizeof *key);
}

static uint64_t asm__llm_key_hash(uint64_t key) {
    return asm__hash((const char *)&key, sizeof key, 0);
}

static asm__llm_talk *asm__llm_find_talk(const asm_llm *llm, asm_execution execution) {
    const uint64_t key = execution.number;
    asm__indexed *found;
    if (!llm) return NULL;
    found = asm__index_find(&llm->talks, execution.server, asm__llm_key_text(&key), asm__llm_key_hash(key));
    asm__llm_talk *talk = found ? asm__container(found, asm__llm_talk, indexed) : NULL;
    return talk && !talk->is_dead ? talk : NULL;
}

static asm__llm_child *asm__llm_find_child(const asm_llm *llm, asm_execution execution) {
    const asm_str id = asm_execution_agent_id(execution);
    asm__llm_child *child = llm->children;
    while (child && (child->call.execution.server != execution.server || !asm_str_equal(child->id, id)))
        child = child->next;
    return child;
}

static asm__llm_talk *asm__llm_begin_talk(asm_llm *llm, asm_execution execution) {
    asm__llm_talk *talk = (asm__llm_talk *)ASM_REALLOC(NULL, sizeof *talk);
    if (!talk) return NULL;
    memset(talk, 0, sizeof *talk);
    talk->llm = llm;
    talk->execution = execution;
    talk->key = execution.number;
    talk->indexed.hash = asm__llm_key_hash(talk->key);
    talk->indexed.scope = execution.server;
    talk->indexed.text = asm__llm_key_text(&talk->key);
    talk->child = asm__llm_find_child(llm, execution);
    if (talk->child) talk->child->talk = talk;
    talk->began = execution.server->elapsed;
    talk->retry_at = ASM__LLM_NEVER;
    asm__index_insert(&llm->talks, &talk->indexed);
    talk->is_listed = true;
    return talk;
}

static void asm__llm_wake(const asm__llm_exchange *exchange) {
    (void)asm_execution_wake(exchange->talk->execution);
}

static void asm__llm_free_child(asm__llm_child *child) {
    while (child->told) {
        asm__llm_told *told = child->told;
        child->told = told->next;
        ASM_FREE(told);
    }
    ASM_FREE(child);
}

static void asm__llm_drop_child(asm__llm_child *child) {
    asm__llm_child **place = &child->llm->children;
    while (*place != child)
        place = &(*place)->next;
    *place = child->next;
    if (child->talk) child->talk->child = NULL;
    child->is_dropped = true;
    if (!child->holds) asm__llm_free_child(child);
}

static void asm__llm_free_runs(asm__llm_run **runs) {
    while (*runs) {
        asm__llm_run *run = *runs;
        *runs = run->next;
        ASM_FREE(run);
    }
}

/* Takes a call out of those that run. What may be looking at it still can. */
static void asm__llm_end_run(asm__llm_talk *talk, asm__llm_run *run) {
    asm__llm_run **place = &talk->runs;
    while (*place != run)
        place = &(*place)->next;
    *place = run->next;
    if (run->child) asm__llm_drop_child(run->child);
    run->child = NULL;
    run->next = talk->ended;
    talk->ended = run;
    if (!talk->depth) asm__llm_free_runs(&talk->ended);
}

/* Ends what is under way, and frees it all. */
static void asm__llm_free_talk(asm__llm_talk *talk) {
    while (talk->runs) {
        asm__llm_run *run = talk->runs;
        const asm_llm_call call = run->call;
        if (!run->is_over && run->tool->cancel) run->tool->cancel(run->tool->user, &call);
        asm__llm_end_run(talk, run);
    }
    asm__llm_free_runs(&talk->ended);
    while (talk->questions) {
        asm__llm_exchange *question = talk->questions;
        talk->questions = question->next;
        asm__llm_drop_exchange(question);
    }
    if (talk->asked) asm__llm_drop_exchange(talk->asked);
    if (talk->is_listed) asm__index_remove(&talk->llm->talks, &talk->indexed);
    ASM_FREE(talk);
}

/* The execution is over. */
static void asm__llm_end_talk(asm__llm_talk *talk) {
    const asm_execution owner = talk->child ? talk->child->call.execution : talk->execution;
    const bool has_owner = talk->child != NULL;
    talk->is_dead = true;
    if (talk->child) talk->child->talk = NULL;
    talk->child = NULL;
    if (!talk->depth) asm__llm_free_talk(talk);
    if (has_owner && asm_execution_is_active(owner)) (void)asm_execution_wake(owner);
}

/* A function that looks at the talk begins, and ends: it may have been freed then. */
static void asm__llm_enter(asm__llm_talk *talk) {
    talk->depth++;
}

static void asm__llm_leave(asm__llm_talk *talk) {
    if (--talk->depth) return;
    if (talk->is_dead) asm__llm_free_talk(talk);
    else asm__llm_free_runs(&talk->ended);
}

/* Whether the execution still goes on: whoever is told something may have ended it. */
static bool asm__llm_goes_on(const asm__llm_talk *talk) {
    return !talk->is_dead && asm_execution_is_active(talk->execution);
}

/* Whether a call whose id stands so in JSON is part of the conversation. */
static bool asm__llm_id_is_taken(asm__llm_talk *talk, asm_str quoted) {
    asm_agent_state state;
    if (asm_execution_state(talk->execution, &state) != ASM_OK) return false;
    for (size_t i = 0; i < state.turn_count; i++)
        if (asm__llm_contains(state.turns[i].tool_calls, quoted)) return true;
    return false;
}

static bool asm__llm_is_wanted(asm_llm_exchange handle) {
    const asm__llm_exchange *exchange = asm__llm_find_exchange(handle);
    return exchange && asm__llm_goes_on(exchange->talk);
}

/* >>llm: telling
 * What happens is told of the agent, and of those that it serves, with the id of the call that it does for them. */

/* Goes through those whom an agent serves: from `child`, which may be NULL, to the one that its owner is. Each is held while
 * somebody is told, who may end it. */
static asm__llm_child *asm__llm_hold(asm__llm_child *child) {
    if (child) child->holds++;
    return child;
}

static asm__llm_child *asm__llm_upwards(asm__llm_child *child) {
    const asm__llm_talk *owner =
        child->is_dropped ? NULL : asm__llm_find_talk(child->call.llm, child->call.execution);
    asm__llm_child *next = asm__llm_hold(owner ? owner->child : NULL);
    if (--child->holds == 0 && child->is_dropped) asm__llm_free_child(child);
    return next;
}

static void asm__llm_message_id(const asm__llm_talk *talk, asm_buffer *id) {
    asm_buffer_append(id, ASM_STR("sub_"));
    asm__llm_append_number(id, talk->execution.number);
    asm_buffer_append(id, ASM_STR("_"));
    asm__llm_append_number(id, talk->messages);
}

/* A message event of the agent, to those whom it serves. */
static void asm__llm_tell_up(asm__llm_talk *talk, asm_event_type type, const asm_message_payload *message) {
    char memory[ASM__LLM_NAME];
    asm_buffer id;
    asm_event event;
    asm_buffer_init_fixed(&id, memory, sizeof memory);
    asm__llm_message_id(talk, &id);
    memset(&event, 0, sizeof event);
    event.type = type;
    event.message = *message;
    event.message.message_id = asm_buffer_text(&id);
    for (asm__llm_child *child = asm__llm_hold(talk->child); child; child = asm__llm_upwards(child)) {
        event.message.parent_tool_call_id = child->call.call_id;
        (void)asm_emit_event(child->call.execution, &event);
    }
}

static void asm__llm_tell_delta(asm__llm_talk *talk, asm_str delta, bool is_thinking) {
    asm_message_payload message;
    if (!asm__llm_goes_on(talk)) return;
    memset(&message, 0, sizeof message);
    message.delta = delta;
    if (is_thinking) message.thinking = ASM_BOOL(true);
    if (asm_emit_delta(talk->execution, &message) == ASM_ERR_NO_MEMORY && talk->asked)
        talk->asked->is_out_of_memory = true;
    if (talk->child) asm__llm_tell_up(talk, ASM_EVENT_MESSAGE_STREAMED, &message);
}

static void asm__llm_tell_event(asm__llm_talk *talk, const asm_event *event) {
    asm_event plain = *event;
    if (!asm__llm_goes_on(talk)) return;
    plain.session_id = plain.run_id = plain.agent_id = plain.id = asm__llm_absent();
    plain.sequence_number = 0;
    plain.time = 0;
    (void)asm_emit_event(talk->execution, &plain);
}

static void asm__llm_tell_retraction(asm__llm_talk *talk, const char *reason) {
    asm_message_payload message;
    memset(&message, 0, sizeof message);
    message.reason = asm_str_from(reason);
    (void)asm_emit_retraction(talk->execution, message.reason);
    if (talk->child) asm__llm_tell_up(talk, ASM_EVENT_MESSAGE_RETRACTED, &message);
    talk->messages++;
}

static void asm__llm_tell_usage(asm__llm_talk *talk, asm_str model, const asm_usage_payload *usage) {
    asm_usage_payload copy = *usage;
    copy.model = model;
    (void)asm_emit_usage(talk->execution, &copy);
    for (asm__llm_child *child = asm__llm_hold(talk->child); child; child = asm__llm_upwards(child)) {
        copy.parent_tool_call_id = child->call.call_id;
        (void)asm_emit_usage(child->call.execution, &copy);
    }
}

/* Remembers that the owner was told the start of a call. Where there is no memory its end is told by the server, when the
 * run ends. */
static void asm__llm_note_start(asm__llm_child *child, asm_str id) {
    asm__llm_told *told = (asm__llm_told *)ASM_REALLOC(NULL, sizeof *told + id.size);
    if (!told) return;
    memcpy(told + 1, id.data, id.size);
    told->id = asm_str_make((const char *)(told + 1), id.size);
    told->next = child->told;
    child->told = told;
}

static void asm__llm_note_end(asm__llm_child *child, asm_str id) {
    asm__llm_told **place = &child->told;
    while (*place && !asm_str_equal((*place)->id, id))
        place = &(*place)->next;
    asm__llm_told *told = *place;
    if (told) *place = told->next;
    ASM_FREE(told);
}

/* A tool event of the agent, to those whom it serves: the ids of its calls get that of the call that it does before them,
 * as they are only its own. */
static void asm__llm_tell_tool_up(asm__llm_talk *talk, asm_event_type type, const asm_tool_payload *tool) {
    asm_tool_payload copy = *tool;
    for (asm__llm_child *child = asm__llm_hold(talk->child); child; child = asm__llm_upwards(child)) {
        asm_buffer id;
        asm_buffer_init_growing(&id);
        asm_buffer_append(&id, child->call.call_id);
        asm_buffer_append(&id, ASM_STR("/"));
        asm_buffer_append(&id, tool->call_id);
        copy.call_id = asm_buffer_text(&id);
        copy.parent_tool_call_id = child->call.call_id;
        if (id.result == ASM_OK) {
            (void)asm_emit_tool(child->call.execution, type, &copy);
            if (type == ASM_EVENT_TOOL_CALL_STARTED) {
                asm__llm_note_start(child, copy.call_id);
            } else if (type == ASM_EVENT_TOOL_CALL_COMPLETED || type == ASM_EVENT_TOOL_CALL_FAILED) {
                asm__llm_note_end(child, copy.call_id);
            }
        }
        asm_buffer_close(&id);
    }
}

static void asm__llm_tell_tool(asm__llm_talk *talk, asm_event_type type, const asm_tool_payload *tool) {
    if (!asm__llm_goes_on(talk)) return;
    (void)asm_emit_tool(talk->execution, type, tool);
    if (talk->child) asm__llm_tell_tool_up(talk, type, tool);
}

/* A debug event of what middleware, or the driver in its place, does. */
static void asm__llm_tell_action(asm_execution execution, const char *middleware, const char *action,
                                 asm_buffer *json) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_MIDDLEWARE_ACTION;
    event.middleware.middleware = asm_str_from(middleware);
    event.middleware.action = asm_str_from(action);
    if (json && json->result == ASM_OK && json->size) event.middleware.data = asm_buffer_text(json);
    (void)asm_emit_debug_event(execution, &event);
}

/* >>llm: calls */

static asm__llm_run *asm__llm_find_run(const asm_llm_call *call, asm__llm_talk **talk) {
    *talk = asm__llm_find_talk(call->llm, call->execution);
    asm__llm_run *run = *talk ? (*talk)->runs : NULL;
    while (run && (run->call.number != call->number || run->is_over))
        run = run->next;
    if (!run && call->llm) call->llm->stale_calls++;
    return run;
}

/* A text that is too long for the model, cut, which is said. */
static asm_str asm__llm_cut(asm_str text, size_t limit, asm_buffer *cut) {
    if (text.size <= limit) return text;
    size_t size = limit;
    while (size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
        size--; /* not within a character */
    asm_buffer_append(cut, asm_str_make(text.data, size));
    asm__llm_append(cut, "\n[the output was cut here: ");
    asm__llm_append_number(cut, text.size - size);
    asm__llm_append(cut, " more bytes]");
    return asm_buffer_text(cut);
}

/* Whether a result says that the call failed. */
static bool asm__llm_has_failed(const asm_tool_payload *result) {
    return result->status.data && !asm__llm_is(result->status, "completed") &&
           !asm__llm_is(result->status, "unknown");
}

/* Ends a call of the conversation, running or not. */
static asm_result asm__llm_answer(asm__llm_talk *talk, const asm_tool_payload *result, asm_str edited) {
    const size_t limit = asm__llm_limit(talk->llm->options.limits.output, (size_t)256 << 10);
    asm_tool_payload copy = *result;
    asm_buffer cut, cut_error;
    asm_buffer_init_growing(&cut);
    asm_buffer_init_growing(&cut_error);
    copy.output = asm__llm_cut(copy.output, limit, &cut);
    copy.error_message = asm__llm_cut(copy.error_message, limit, &cut_error);
    asm_result done = cut.result == ASM_OK ? cut_error.result : cut.result;
    if (done == ASM_OK) done = asm_emit_result(talk->execution, &copy, edited);
    if (done == ASM_OK && talk->child)
        asm__llm_tell_tool_up(
            talk, asm__llm_has_failed(&copy) ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED,
            &copy);
    asm_buffer_close(&cut);
    asm_buffer_close(&cut_error);
    return done;
}

/* Ends a call that runs. */
static asm_result asm__llm_finish(asm__llm_talk *talk, asm__llm_run *run, const asm_tool_payload *result) {
    asm_tool_payload copy = *result;
    copy.name = run->call.tool_name;
    copy.call_id = run->call.call_id;
    copy.input = run->call.arguments;
    copy.parent_tool_call_id = asm__llm_absent();
    run->is_over = true;
    asm__llm_enter(talk);
    const asm_result done = asm__llm_answer(talk, &copy, run->edited);
    if (!talk->is_dead) {
        if (done == ASM_OK) asm__llm_end_run(talk, run);
        else run->is_over = false;
        (void)asm_execution_wake(talk->execution);
    }
    asm__llm_leave(talk);
    return done;
}

ASM_API asm_result asm_llm_call_finish(const asm_llm_call *call, const asm_tool_payload *result) {
    asm__llm_talk *talk;
    if (!call || !result) return ASM_ERR_INVALID_ARGUMENT;
    asm__llm_run *run = asm__llm_find_run(call, &talk);
    return run ? asm__llm_finish(talk, run, result) : ASM_ERR_NOT_FOUND;
}

ASM_API asm_result asm_llm_call_complete(const asm_llm_call *call, asm_str output) {
    asm_tool_payload result;
    memset(&result, 0, sizeof result);
    result.status = ASM_STR("completed");
    result.output = output.data ? output : ASM_STR("");
    return asm_llm_call_finish(call, &result);
}

ASM_API asm_result asm_llm_call_fail(const asm_llm_call *call, asm_str why) {
    asm_tool_payload result;
    memset(&result, 0, sizeof result);
    result.status = ASM_STR("failed");
    result.error_message = why.size ? why : ASM_STR("failed");
    return asm_llm_call_finish(call, &result);
}

ASM_API asm_result asm_llm_call_stream(const asm_llm_call *call, asm_str piece) {
    asm__llm_talk *talk;
    asm_tool_payload tool;
    if (!call) return ASM_ERR_INVALID_ARGUMENT;
    const asm__llm_run *run = asm__llm_find_run(call, &talk);
    if (!run) return ASM_ERR_NOT_FOUND;
    memset(&tool, 0, sizeof tool);
    tool.name = run->call.tool_name;
    tool.call_id = run->call.call_id;
    tool.delta = piece;
    asm__llm_enter(talk);
    asm__llm_tell_tool(talk, ASM_EVENT_TOOL_OUTPUT_STREAMED, &tool);
    asm__llm_leave(talk);
    return ASM_OK;
}

ASM_API bool asm_llm_call_is_active(const asm_llm_call *call) {
    asm__llm_talk *talk = call ? asm__llm_find_talk(call->llm, call->execution) : NULL;
    const asm__llm_run *run = talk ? talk->runs : NULL;
    while (run && (run->call.number != call->number || run->is_over))
        run = run->next;
    return run != NULL;
}

ASM_API asm_str asm_llm_call_text(const asm_llm_call *call, asm_str member, asm_buffer *scratch) {
    asm_str raw = {NULL, 0}, text = {NULL, 0};
    if (!call || asm_json_find(call->arguments, &member, &raw, 1, NULL) != ASM_OK || !raw.data) return text;
    (void)asm_json_to_string(raw, scratch, &text);
    return text;
}

static const asm_llm_tool *asm__llm_find_tool(const asm_llm *llm, asm_str name) {
    for (size_t i = 0; i < llm->options.tool_count; i++)
        if (asm__llm_is(name, llm->options.tools[i].name)) return &llm->options.tools[i];
    return NULL;
}

/* A call that stands in the conversation, as its tool sees it. */
static asm_llm_call asm__llm_call_of(const asm__llm_talk *talk, const asm_action_request *request) {
    asm_llm_call call;
    memset(&call, 0, sizeof call);
    call.llm = talk->llm;
    call.execution = talk->execution;
    call.agent_id = asm_execution_agent_id(talk->execution);
    call.tool_name = request->tool_name;
    call.call_id = request->tool_call_id;
    call.arguments = request->arguments;
    return call;
}

static bool asm__llm_needs_approval(const asm__llm_talk *talk, const asm_llm_tool *tool,
                                    const asm_action_request *request) {
    const asm_llm_call call = asm__llm_call_of(talk, request);
    return tool->needs_approval_always || asm_execution_needs_approval(talk->execution, request->tool_name) ||
           (tool->needs_approval && tool->needs_approval(tool->user, &call));
}

/* Gives an open call an answer in place of running it. `request` is copied before that, as the result makes it go. */
static asm_result asm__llm_decline(asm__llm_talk *talk, const asm_action_request *request, const char *status,
                                   asm_str why) {
    asm_buffer id;
    asm_tool_payload result;
    asm_buffer_init_growing(&id);
    asm_result done = asm_buffer_append(&id, request->tool_call_id);
    memset(&result, 0, sizeof result);
    result.call_id = asm_buffer_text(&id);
    result.status = asm_str_from(status);
    result.error_message = why;
    if (done == ASM_OK) done = asm__llm_answer(talk, &result, asm__llm_absent());
    asm_buffer_close(&id);
    return done;
}

/* Why a call cannot be run, appended to `why`; nothing if it can. */
static void asm__llm_object(const asm__llm_talk *talk, const asm_llm_tool *tool, asm_str name,
                            asm_str arguments, asm_buffer *why) {
    if (!tool) {
        asm__llm_append(why, "There is no tool of the name ");
        asm_buffer_append(why, asm_utf8_prefix(name, ASM__LLM_NAME_MAX));
        asm__llm_append(why, talk->llm->options.tool_count ? ". There are: " : ". There are none.");
        for (size_t i = 0; i < talk->llm->options.tool_count; i++) {
            if (i) asm__llm_append(why, ", ");
            asm__llm_append(why, talk->llm->options.tools[i].name);
        }
        return;
    }
    asm_buffer misfit;
    asm_buffer_init_growing(&misfit);
    if (!asm__llm_fits(asm__llm_schema_of(tool), arguments, &misfit)) {
        asm__llm_append(why, "The call was not run: ");
        asm_buffer_append(why, asm_buffer_text(&misfit));
        if (misfit.result != ASM_OK) why->result = misfit.result;
    }
    asm_buffer_close(&misfit);
}

/* Makes what is known of a call that runs. */
static asm__llm_run *asm__llm_new_run(asm__llm_talk *talk, const asm_llm_tool *tool,
                                      const asm_action_request *request, asm_str edited) {
    const asm_str agent = asm_execution_agent_id(talk->execution);
    const asm_str arguments = edited.data ? edited : request->arguments;
    asm__llm_run *run = (asm__llm_run *)ASM_REALLOC(NULL, sizeof *run + agent.size + request->tool_name.size +
                                                              request->tool_call_id.size + arguments.size);
    asm__llm_run **place = &talk->runs;
    if (!run) return NULL;
    memset(run, 0, sizeof *run);
    char *texts = (char *)(run + 1);
    run->call = asm__llm_call_of(talk, request);
    run->call.number = ++talk->llm->calls;
    run->call.arguments = arguments;
    asm_str *const parts[] = {&run->call.agent_id, &run->call.tool_name, &run->call.call_id,
                              &run->call.arguments};
    for (size_t i = 0; i < ASM__LLM_COUNT_OF(parts); i++) {
        if (parts[i]->size) memcpy(texts, parts[i]->data, parts[i]->size);
        parts[i]->data = texts;
        texts += parts[i]->size;
    }
    if (edited.data) run->edited = run->call.arguments;
    run->tool = tool;
    run->due = asm__llm_after(
        asm__llm_now(talk),
        asm__llm_choose(tool->time_limit_ms, asm__llm_choose(talk->llm->options.limits.tool_ms, 600000)));
    while (*place)
        place = &(*place)->next;
    *place = run;
    return run;
}

/* Begins a call. */
static asm_result asm__llm_start(asm__llm_talk *talk, const asm_llm_tool *tool,
                                 const asm_action_request *request, asm_str edited) {
    asm__llm_run *run = asm__llm_new_run(talk, tool, request, edited);
    asm_tool_payload told;
    if (!run) return ASM_ERR_NO_MEMORY;
    const asm_llm_call call = run->call;
    memset(&told, 0, sizeof told);
    told.name = call.tool_name;
    told.call_id = call.call_id;
    told.input = call.arguments;
    asm__llm_tell_tool(talk, ASM_EVENT_TOOL_CALL_STARTED, &told);
    /* Whoever heard of that may have ended it: then nothing is run. */
    if (asm__llm_goes_on(talk) && asm_llm_call_is_active(&call)) tool->run(tool->user, &call);
    return ASM_OK;
}

/* >>llm: sub-agents */

#define ASM__LLM_LOOK_MS 1000 /* how often a sub-agent that waits for a person is looked at */

static const char asm__llm_task_schema[] = "{\"type\":\"object\",\"properties\":{\"prompt\":{\"type\":"
                                           "\"string\",\"description\":\"What is to be done, with all "
                                           "that has to be known for it\"}},\"required\":[\"prompt\"]}";

static asm__llm_child *asm__llm_new_child(const asm_llm_subagent *subagent, const asm_llm_call *call,
                                          int depth) {
    char digits[20];
    const size_t digit_count = asm__format_uint64(call->number, digits);
    asm__llm_child *child = (asm__llm_child *)ASM_REALLOC(NULL, sizeof *child + call->call_id.size +
                                                                    call->agent_id.size + 1 + digit_count);
    if (!child) return NULL;
    memset(child, 0, sizeof *child);
    char *texts = (char *)(child + 1);
    child->llm = subagent->llm;
    child->call = *call;
    child->depth = depth;
    memcpy(texts, call->call_id.data, call->call_id.size);
    child->call.call_id.data = texts;
    texts += call->call_id.size;
    memcpy(texts, call->agent_id.data, call->agent_id.size);
    texts[call->agent_id.size] = '/';
    memcpy(texts + call->agent_id.size + 1, digits, digit_count);
    child->id = asm_str_make(texts, call->agent_id.size + 1 + digit_count);
    child->next = subagent->llm->children;
    subagent->llm->children = child;
    return child;
}

/* Starts the agent that does the call, and has it begin. */
static asm_result asm__llm_start_child(const asm_llm_subagent *subagent, const asm_llm_call *call, asm_str id,
                                       asm_str prompt) {
    asm_agent_server *server = call->execution.server;
    asm_agent_options options;
    asm_turn turn;
    memset(&options, 0, sizeof options);
    options.id = id;
    options.config.driver = asm_llm_driver(subagent->llm);
    options.config.interrupt_on = subagent->interrupt_on;
    options.config.interrupt_on_count = subagent->interrupt_on_count;
    options.pubsub = subagent->pubsub;
    options.inactivity_timeout_ms = -1;
    options.shutdown_delay_ms = -1;
    options.owner = call->execution;
    asm_result result = asm_agent_start(server, &options);
    if (result != ASM_OK) return result;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("user");
    turn.content = prompt;
    result = asm_agent_add_turn(server, id, &turn);
    return result == ASM_OK ? asm_agent_execute(server, id) : result;
}

static void asm__llm_run_subagent(void *user, const asm_llm_call *call) {
    const asm_llm_subagent *subagent = (const asm_llm_subagent *)user;
    asm__llm_talk *talk;
    asm__llm_run *run = asm__llm_find_run(call, &talk);
    asm_buffer prompt, id;
    if (!run) return;
    const int depth = talk->child ? talk->child->depth + 1 : 1;
    const int64_t deepest = asm__llm_choose(talk->llm->options.limits.sub_agents, 3);
    if (deepest >= 0 && depth > deepest) {
        (void)asm_llm_call_fail(call, ASM_STR("Sub-agents cannot be nested so deeply (limits.sub_agents)."));
        return;
    }
    asm_buffer_init_growing(&prompt);
    asm_buffer_init_growing(&id);
    const asm_str text = asm_llm_call_text(call, ASM_STR("prompt"), &prompt);
    run->child = asm__llm_new_child(subagent, call, depth);
    asm_result result = run->child ? asm_buffer_append(&id, run->child->id) : ASM_ERR_NO_MEMORY;
    if (result == ASM_OK && prompt.result != ASM_OK) result = prompt.result;
    if (result == ASM_OK) result = asm__llm_start_child(subagent, call, asm_buffer_text(&id), text);
    if (result != ASM_OK && asm_llm_call_is_active(call)) {
        if (id.size) (void)asm_agent_stop(call->execution.server, asm_buffer_text(&id));
        (void)asm_llm_call_fail(call, asm_str_from(asm_result_string(result)));
    }
    asm_buffer_close(&prompt);
    asm_buffer_close(&id);
}

/* What a sub-agent said last. */
static asm_str asm__llm_last_words(const asm_agent_state *state) {
    for (size_t i = state->turn_count; i-- > 0;)
        if (asm__llm_kind_of(&state->turns[i]) == ASM__LLM_ASSISTANT &&
            asm__llm_says(state->turns[i].content))
            return state->turns[i].content;
    return ASM_STR("(no answer)");
}

/* What has come of a sub-agent's work, and whether it is over. */
static bool asm__llm_child_result(asm__llm_child *child, asm_tool_payload *result) {
    asm_agent_info info;
    memset(result, 0, sizeof *result);
    result->status = ASM_STR("failed");
    if (asm_agent_get_info(child->call.execution.server, child->id, &info) != ASM_OK) {
        result->error_message = ASM_STR("The sub-agent was ended.");
        return true;
    }
    switch (info.status) {
    case ASM_AGENT_IDLE:
        result->status = ASM_STR("completed");
        result->output = asm__llm_last_words(&info.state);
        return true;
    case ASM_AGENT_ERROR:
        result->error_message = info.error.size ? info.error : ASM_STR("The sub-agent failed.");
        return true;
    case ASM_AGENT_CANCELLED:
        result->status = ASM_STR("cancelled");
        result->error_message = ASM_STR("The sub-agent was cancelled.");
        return true;
    default:
        child->is_waiting = info.status != ASM_AGENT_RUNNING;
        return false;
    }
}

/* Calls of the sub-agent whose end its owner was not told of. */
static void asm__llm_end_told(asm__llm_talk *talk, asm__llm_run *run) {
    asm_tool_payload tool;
    memset(&tool, 0, sizeof tool);
    tool.status = ASM_STR("cancelled");
    tool.error_message = ASM_STR("The sub-agent was ended.");
    while (asm__llm_goes_on(talk) && run->child && run->child->told) {
        asm__llm_told *told = run->child->told;
        run->child->told = told->next;
        tool.call_id = told->id;
        tool.parent_tool_call_id = run->call.call_id;
        (void)asm_emit_tool(talk->execution, ASM_EVENT_TOOL_CALL_FAILED, &tool);
        ASM_FREE(told);
    }
}

/* Ends a call that a sub-agent did: that agent first. */
static asm_result asm__llm_end_child(asm__llm_talk *talk, asm__llm_run *run, const asm_tool_payload *result) {
    const asm_llm_call call = run->call;
    asm_agent_server *server = call.execution.server;
    asm_tool_payload copy = *result;
    asm_buffer id, text;
    asm_buffer_init_growing(&id);
    asm_buffer_init_growing(&text);
    asm_buffer_append(&id, run->child->id);
    asm_buffer_append(&text, copy.output.data ? copy.output : copy.error_message);
    asm_result done = id.result == ASM_OK ? text.result : id.result;
    if (done == ASM_OK) {
        if (copy.output.data) copy.output = asm_buffer_text(&text);
        else copy.error_message = asm_buffer_text(&text);
        asm__llm_end_told(talk, run);
        (void)asm_agent_stop(server, asm_buffer_text(&id));
        done = asm__llm_goes_on(talk) ? asm_llm_call_finish(&call, &copy) : ASM_OK;
    }
    asm_buffer_close(&id);
    asm_buffer_close(&text);
    return done;
}

/* Tells once that a sub-agent waits for a person. */
static void asm__llm_tell_waiting(asm__llm_talk *talk, asm__llm_run *run) {
    asm_tool_payload tool;
    const bool is_waiting = run->child->is_waiting;
    if (is_waiting == run->child->told_waiting) return;
    run->child->told_waiting = is_waiting;
    memset(&tool, 0, sizeof tool);
    tool.name = run->call.tool_name;
    tool.call_id = run->call.call_id;
    tool.status = is_waiting ? ASM_STR("waiting") : ASM_STR("running");
    asm__llm_tell_tool(talk, ASM_EVENT_TOOL_CALL_UPDATED, &tool);
}

ASM_API asm_llm_tool asm_llm_subagent_tool(asm_llm_subagent *subagent) {
    asm_llm_tool tool;
    memset(&tool, 0, sizeof tool);
    if (!subagent) return tool;
    tool.name = subagent->name ? subagent->name : "task";
    tool.description = subagent->description
                           ? subagent->description
                           : "Has another agent do a task on its own, and returns what it says in the end.";
    tool.schema = asm__llm_task_schema;
    tool.run = asm__llm_run_subagent;
    tool.is_parallel = !subagent->is_not_parallel;
    tool.time_limit_ms = subagent->time_limit_ms;
    tool.user = subagent;
    return tool;
}

/* >>llm: errors */

static asm_str asm__llm_code(const asm__llm_exchange *exchange) {
    return asm_str_make(exchange->code, exchange->code_size);
}

/* The class of an error by its status. */
static const char *asm__llm_class_of(int status) {
    switch (status) {
    case 401:
    case 403:
        return "authentication";
    case 402:
        return "billing";
    case 404:
        return "model_not_found";
    case 413:
        return "context_too_long";
    case 429:
        return "rate_limit";
    case 408:
    case 504:
        return "timeout";
    case 503:
    case 529:
        return "overloaded";
    default:
        return status >= 500 ? "server_error" : status >= 400 ? "invalid_request" : "protocol";
    }
}

/* Classes that it makes sense to ask again after; the others fail each time. */
static bool asm__llm_is_passing(asm_str code) {
    static const char *const codes[] = {"rate_limit", "overloaded",   "server_error",   "timeout",
                                        "connection", "stream_ended", "provider_error", "protocol"};
    for (size_t i = 0; i < ASM__LLM_COUNT_OF(codes); i++)
        if (asm__llm_is(code, codes[i])) return true;
    return false;
}

static bool asm__llm_is_known(asm_str code) {
    static const char *const codes[] = {"authentication",   "billing",         "invalid_request",
                                        "context_too_long", "model_not_found", "limit"};
    for (size_t i = 0; i < ASM__LLM_COUNT_OF(codes); i++)
        if (asm__llm_is(code, codes[i])) return true;
    return asm__llm_is_passing(code);
}

static void asm__llm_set_code(asm__llm_exchange *exchange, const char *code) {
    exchange->code_size = strlen(code);
    memcpy(exchange->code, code, exchange->code_size);
}

/* Whether the text of a refusal says that the prompt was too long: most servers have no code for that. */
static bool asm__llm_tells_too_long(asm_str text) {
    static const char *const words[] = {"prompt is too long", "maximum context length",
                                        "context_length_exceeded", "exceeds the available context size",
                                        "context window"};
    for (size_t i = 0; i < ASM__LLM_COUNT_OF(words); i++)
        if (asm__llm_contains(text, asm_str_from(words[i]))) return true;
    return false;
}

/* Whether the code that an error's body has says more than its status. */
static bool asm__llm_code_counts(const asm__llm_exchange *exchange) {
    const asm_str code = asm__llm_code(exchange);
    if (!asm__llm_is_known(code) || asm__llm_is(code, "provider_error") || asm__llm_is(code, "stream_ended"))
        return false;
    return exchange->status >= 500 || !asm__llm_is_passing(code);
}

/* Gives an answer that failed one of the codes of the page. */
static void asm__llm_classify(asm__llm_exchange *exchange) {
    if (exchange->is_out_of_memory) return;
    if (asm__llm_is_error_status(exchange)) {
        if (!asm__llm_code_counts(exchange)) asm__llm_set_code(exchange, asm__llm_class_of(exchange->status));
    } else if (!asm__llm_is_known(asm__llm_code(exchange))) {
        asm__llm_set_code(exchange, "provider_error");
    }
    if (exchange->is_bill) asm__llm_set_code(exchange, "billing");
    if (asm__llm_is(asm__llm_code(exchange), "invalid_request") &&
        asm__llm_tells_too_long(asm_buffer_text(&exchange->message_text)))
        asm__llm_set_code(exchange, "context_too_long");
}

/* The error's text when the server gave none that is understood: the status, and how the answer begins. */
static void asm__llm_tell_beginning(asm__llm_exchange *exchange, const char *what) {
    asm_buffer *text = &exchange->message_text;
    asm_buffer_clear(text);
    if (exchange->status) {
        asm__llm_append(text, "HTTP ");
        asm__llm_append_number(text, (uint64_t)exchange->status);
        asm__llm_append(text, ": ");
    }
    asm__llm_append(text, what);
    if (!exchange->beginning_size) return;
    asm__llm_append(text, ", which begins with: ");
    asm_buffer_append_utf8(text, asm_str_make(exchange->beginning, exchange->beginning_size), NULL);
}

#define ASM__LLM_VAGUE "the provider gave an error" /* what the reader says of an error without words */

/* All bytes have been read: if nothing said that the answer is whole, it has failed. */
static void asm__llm_conclude(asm__llm_exchange *exchange) {
    asm_buffer error = exchange->message_text; /* of the connection */
    const bool has_error = error.size > 0 && exchange->outcome == ASM__LLM_OPEN;
    if (exchange->outcome != ASM__LLM_OPEN) return;
    asm_buffer_init_growing(&exchange->message_text);
    if (exchange->is_reading && asm_ingest_end(&exchange->ingest, 0) != ASM_OK)
        exchange->is_out_of_memory = true;
    const bool is_whole = exchange->outcome == ASM__LLM_WHOLE;
    const bool is_cut =
        exchange->outcome == ASM__LLM_OPEN || asm__llm_is(asm__llm_code(exchange), "stream_ended");
    if (asm__llm_is_error_status(exchange)) {
        const bool is_vague = asm__llm_is(asm_buffer_text(&exchange->message_text), ASM__LLM_VAGUE);
        if (is_cut || is_whole || is_vague) {
            exchange->outcome = ASM__LLM_FAILED;
            asm__llm_set_code(exchange, asm__llm_class_of(exchange->status));
            asm__llm_tell_beginning(exchange, "the server gave an answer that is not understood");
        }
    } else if (is_cut && has_error) {
        exchange->outcome = ASM__LLM_FAILED;
        asm__llm_set_code(exchange, "connection");
        asm_buffer_clear(&exchange->message_text);
        asm_buffer_append(&exchange->message_text, asm_buffer_text(&error));
    } else if (exchange->outcome == ASM__LLM_OPEN) {
        exchange->outcome = ASM__LLM_FAILED;
        asm__llm_set_code(exchange, exchange->beginning_size ? "protocol" : "stream_ended");
        asm__llm_tell_beginning(exchange, exchange->beginning_size ? "this is no answer of this API"
                                                                   : "the answer is empty");
    }
    asm_buffer_close(&error);
}

/* Reads on. Returns whether the answer is there, or has failed. */
static bool asm__llm_read(asm__llm_exchange *exchange) {
    if (exchange->outcome == ASM__LLM_OPEN) {
        const bool has_more = asm__llm_read_bytes(exchange);
        if (exchange->talk->is_dead) return false;
        if (exchange->is_out_of_memory)
            asm__llm_fail(exchange, ASM_STR("provider_error"), ASM_STR("out of memory"));
        if (!has_more && exchange->is_ended) asm__llm_conclude(exchange);
        if (exchange->outcome == ASM__LLM_WHOLE) exchange->whole_at = asm__llm_now(exchange->talk);
    }
    if (exchange->outcome != ASM__LLM_WHOLE) return exchange->outcome == ASM__LLM_FAILED;
    return exchange->is_ended || asm__llm_now(exchange->talk) - exchange->whole_at >= ASM__LLM_LINGER;
}

/* The error's text with the secrets of the options left out. */
static asm_str asm__llm_error_text(asm__llm_exchange *exchange) {
    const asm_str text = asm_buffer_text(&exchange->message_text);
    if (!exchange->options->secret_count) return text;
    asm_buffer_clear(&exchange->scratch);
    for (size_t i = 0; i < text.size;) {
        const size_t size =
            asm__llm_secret_size(exchange->options, asm_str_make(text.data + i, text.size - i));
        if (size) asm__llm_append(&exchange->scratch, "***");
        else asm_buffer_append_byte(&exchange->scratch, text.data[i]);
        i += size ? size : 1;
    }
    return exchange->scratch.result == ASM_OK ? asm_buffer_text(&exchange->scratch) : ASM_STR("***");
}

static uint64_t asm__llm_random(asm_llm *llm) {
    /* xorshift64*: Vigna, 2014 */
    uint64_t x = llm->random ? llm->random : 0x9e3779b97f4a7c15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    llm->random = x;
    return x * 0x2545f4914f6cdd1du;
}

/* How many milliseconds the server asks to wait; negative: nothing. */
static int64_t asm__llm_asked_delay(const asm__llm_exchange *exchange) {
    const asm_time now = exchange->date ? exchange->date : exchange->talk->execution.server->now;
    const asm_time at =
        exchange->retry_at || exchange->status != 429 ? exchange->retry_at : exchange->resets_at;
    if (exchange->retry_after >= 0) return exchange->retry_after;
    if (!at || !now) return -1;
    return at > now ? (at - now) / 1000 : 0;
}

static int64_t asm__llm_delay(asm__llm_talk *talk, const asm__llm_exchange *exchange) {
    const int64_t asked = asm__llm_asked_delay(exchange);
    const int64_t first = talk->llm->options.retry_ms > 0 ? talk->llm->options.retry_ms : 1000;
    int64_t delay = first;
    if (asked > 0) return asked;
    for (int i = 1; i < talk->attempts && delay < 60000; i++)
        delay *= 2;
    if (delay > 60000 && delay > first) delay = 60000;
    return delay - (int64_t)(asm__llm_random(talk->llm) % (uint64_t)(delay / 4 + 1));
}

/* Tells that the question will be asked again. */
static void asm__llm_tell_retry(asm__llm_talk *talk, asm__llm_exchange *exchange, int64_t delay, int most) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_CUSTOM;
    event.type_name = ASM_STR("llm.retry");
    event.notice.text = asm__llm_error_text(exchange);
    event.notice.level = ASM_STR("warning");
    event.notice.code = asm__llm_code(exchange);
    event.notice.attempt = ASM_INT64(talk->attempts);
    event.notice.max_attempts = ASM_INT64(most);
    event.notice.retry_in_ms = ASM_DOUBLE((double)delay);
    (void)asm_emit_event(talk->execution, &event);
}

static asm_outcome asm__llm_give_up(asm__llm_talk *talk, asm__llm_exchange *exchange, const char *why,
                                    uint64_t number) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, asm__llm_error_text(exchange));
    asm__llm_append(&text, why);
    if (number) asm__llm_append_number(&text, number);
    if (number) asm__llm_append(&text, ")");
    const asm_outcome outcome = asm_fail_as(talk->execution, asm__llm_code(exchange), asm_buffer_text(&text));
    asm_buffer_close(&text);
    return outcome;
}

static asm_outcome asm__llm_out_of_memory(asm_execution execution) {
    return asm_fail(execution, asm_str_from(asm_result_string(ASM_ERR_NO_MEMORY)));
}

/* An answer that failed: the question is asked again later, or the execution fails. */
static asm_outcome asm__llm_take_failure(asm__llm_talk *talk, asm__llm_exchange *exchange) {
    const int most = talk->llm->options.retries ? talk->llm->options.retries : 4;
    const int64_t wait_ms = asm__llm_choose(talk->llm->options.limits.wait_ms, 60000);
    if (exchange->is_out_of_memory) return asm__llm_out_of_memory(talk->execution);
    asm__llm_classify(exchange);
    bool is_passing = asm__llm_is_passing(asm__llm_code(exchange)) || exchange->status == 409;
    if (exchange->should_retry &&
        (asm__llm_is_error_status(exchange) || asm__llm_is(asm__llm_code(exchange), "connection")))
        is_passing = exchange->should_retry > 0;
    if (exchange->has_usage) asm__llm_tell_usage(talk, exchange->options->model, &exchange->usage);
    if (asm__llm_is(asm__llm_code(exchange), "context_too_long") && !talk->was_too_long &&
        asm__llm_goes_on(talk)) {
        talk->is_too_long = talk->was_too_long = true; /* middleware may make it shorter */
        return ASM_OUTCOME_CONTINUE;
    }
    if (!is_passing || most < 0) return asm__llm_give_up(talk, exchange, "", 0);
    if (talk->attempts >= most)
        return asm__llm_give_up(talk, exchange, " (attempts: ", (uint64_t)talk->attempts + 1);
    talk->attempts++;
    const int64_t delay = asm__llm_delay(talk, exchange);
    if (wait_ms >= 0 && delay > wait_ms)
        return asm__llm_give_up(
            talk, exchange,
            " (seconds that the server asks to wait, more than limits.wait_ms: ", (uint64_t)delay / 1000);
    if (exchange->has_streamed && asm__llm_goes_on(talk)) asm__llm_tell_retraction(talk, "retried");
    if (asm__llm_goes_on(talk)) asm__llm_tell_retry(talk, exchange, delay, most);
    talk->retry_at = asm__llm_after(asm__llm_now(talk), delay);
    talk->is_again = true;
    talk->llm->retries++;
    return ASM_OUTCOME_CONTINUE;
}

/* >>llm: asking */

/* What the run has used so far, in US dollars: as the provider tells it, else by the prices. */
static double asm__llm_cost(const asm_llm_options *options, const asm_usage_payload *usage) {
    const asm_llm_prices *prices = &options->prices;
    if (usage->cost_usd.is_set) return usage->cost_usd.value;
    const double read = (double)usage->cache_read_tokens.value,
                 created = (double)usage->cache_creation_tokens.value;
    const double plain = (double)usage->input_tokens.value - read - created;
    return (plain * prices->input + read * (prices->cache_read > 0 ? prices->cache_read : prices->input) +
            created * (prices->cache_creation > 0 ? prices->cache_creation : prices->input) +
            (double)usage->output_tokens.value * prices->output) /
           1e6;
}

/* NULL, or which limit keeps the model from being asked. */
static const char *asm__llm_reached(const asm__llm_talk *talk) {
    const asm_llm_limits *limits = &talk->llm->options.limits;
    asm_agent_info info;
    if (asm_agent_get_info(talk->execution.server, asm_execution_agent_id(talk->execution), &info) != ASM_OK)
        return NULL;
    const asm_usage_payload *usage = &info.run_usage;
    const int64_t steps = asm__llm_choose(limits->steps, 50);
    if (steps > 0 && info.run_steps >= steps) return "the model came to no end (limits.steps)";
    if (limits->tokens > 0 && usage->input_tokens.value >= limits->tokens - usage->output_tokens.value)
        return "the run has used all its tokens (limits.tokens)";
    if (limits->cost_usd > 0 && asm__llm_cost(&talk->llm->options, usage) >= limits->cost_usd)
        return "the run has used all its money (limits.cost_usd)";
    return NULL;
}

/* Tells what the request had to have made or left out. */
static void asm__llm_tell_repairs(asm__llm_talk *talk, const asm_llm_request *request) {
    asm_buffer json;
    if (!request->patched && !request->dropped) return;
    asm_buffer_init_growing(&json);
    asm__llm_append(&json, "{\"patched\":");
    asm__llm_append_number(&json, request->patched);
    asm__llm_append(&json, ",\"dropped\":");
    asm__llm_append_number(&json, request->dropped);
    asm__llm_append(&json, "}");
    asm__llm_tell_action(talk->execution, "patch_tool_calls", "dangling_tool_calls_patched", &json);
    asm_buffer_close(&json);
}

static asm_str asm__llm_agent_of(const asm__llm_talk *talk) {
    return asm_execution_agent_id(talk->execution);
}

/* Hands a request to the transport. */
static asm_result asm__llm_send(asm__llm_exchange *exchange, asm_llm_request *request) {
    request->exchange = asm__llm_handle(exchange);
    request->agent_id = asm__llm_agent_of(exchange->talk);
    exchange->heard_at = asm__llm_now(exchange->talk);
    exchange->is_started = true;
    exchange->llm->requests++;
    const asm_result result = exchange->transport.start(exchange->transport.user, request);
    if (result != ASM_OK && !exchange->is_ended)
        exchange->is_started = false; /* nothing is to be cancelled */
    return result;
}

/* Bytes of the conversation that a request has: to see whether it was made shorter. */
static size_t asm__llm_size_of(const asm_model_request *request) {
    size_t size = 0;
    for (size_t i = 0; i < request->turn_count; i++)
        size += request->turns[i].content.size + request->turns[i].tool_calls.size +
                request->turns[i].tool_results.size;
    return size;
}

static asm_outcome asm__llm_begin_question(asm__llm_talk *talk, const asm_model_request *model) {
    const asm_llm_options *options = &talk->llm->options;
    asm_llm_request request;
    asm_agent_state state;
    asm__llm_exchange *exchange = asm__llm_new_exchange(talk->llm, talk, options);
    if (!exchange) return asm__llm_out_of_memory(talk->execution);
    talk->asked = exchange;
    asm_llm_request_init(&request, options, model->turns, model->turn_count);
    if (options->tells_todos && asm_execution_state(talk->execution, &state) == ASM_OK) {
        request.todos = state.todos;
        request.todo_count = state.todo_count;
    }
    const asm_result result = asm__llm_send(exchange, &request);
    if (result == ASM_ERR_NO_MEMORY) exchange->is_out_of_memory = true;
    if (result != ASM_OK) {
        exchange->is_ended = true;
        asm__llm_fail(exchange, ASM_STR("connection"), asm_str_from(asm_result_string(result)));
    } else if (asm__llm_goes_on(talk)) {
        asm__llm_tell_repairs(talk, &request);
    }
    return ASM_OUTCOME_CONTINUE;
}

/* Asks the model, unless a limit has been reached or middleware is not ready. */
static asm_outcome asm__llm_ask(asm__llm_talk *talk) {
    asm_model_request request;
    const char *reached = talk->is_again || talk->is_too_long ? NULL : asm__llm_reached(talk);
    if (reached) return asm_fail_as(talk->execution, ASM_STR("limit"), asm_str_from(reached));
    const asm_result result = asm_execution_before_model(talk->execution, &request);
    if (!asm__llm_goes_on(talk)) return ASM_OUTCOME_CONTINUE;
    if (result != ASM_OK) return asm_fail(talk->execution, asm_str_from(asm_result_string(result)));
    if (request.is_held) return ASM_OUTCOME_WAIT;
    const size_t size = asm__llm_size_of(&request);
    if (talk->is_too_long && size >= talk->asked_size) {
        talk->is_too_long = false;
        return asm_fail_as(talk->execution, ASM_STR("context_too_long"),
                           ASM_STR("the conversation is too long for the model"));
    }
    talk->asked_size = size;
    talk->is_too_long = talk->is_again = false;
    return asm__llm_begin_question(talk, &request);
}

/* Writes what has to go back to the model with the turn: {"reasoning":{…}}; nothing if there is nothing. */
static void asm__llm_write_reasoning(asm__llm_exchange *exchange, asm_buffer *out) {
    const asm_llm_options *options = exchange->options;
    const asm_str blocks = asm__llm_list(exchange, &exchange->blocks);
    const asm_str details = asm__llm_list(exchange, &exchange->details);
    const bool has_thinking =
        options->api == ASM_LLM_OPENAI && options->returns_thinking && exchange->thinking.size;
    asm_json_writer writer;
    if (!blocks.data && !details.data && !has_thinking) return;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm__llm_begin(&writer, "reasoning", false);
    asm__llm_write_text(&writer, "api", asm_str_from(asm_llm_api_name(options->api)));
    asm__llm_write_text(&writer, "model", options->model);
    if (has_thinking) asm__llm_write_text(&writer, "thinking", asm_buffer_text(&exchange->thinking));
    if (details.data) asm__llm_write_raw(&writer, "details", details);
    if (blocks.data) asm__llm_write_raw(&writer, "blocks", blocks);
    asm_json_end_object(&writer);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) != ASM_OK) exchange->is_out_of_memory = true;
}

/* Puts the answer into the conversation. */
static asm_result asm__llm_emit_answer(asm__llm_talk *talk, asm__llm_exchange *exchange) {
    asm_turn turn;
    asm_buffer extra;
    asm_buffer_init_growing(&extra);
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("assistant");
    turn.content = asm_buffer_text(&exchange->text);
    turn.tool_calls = asm__llm_list(exchange, &exchange->calls);
    asm__llm_write_reasoning(exchange, &extra);
    if (extra.size) turn.extra = asm_buffer_text(&extra);
    asm_result result =
        exchange->is_out_of_memory ? ASM_ERR_NO_MEMORY : asm_emit_turn(talk->execution, &turn);
    asm_buffer_close(&extra);
    if (result == ASM_OK && talk->child && turn.content.size) {
        asm_message_payload message;
        memset(&message, 0, sizeof message);
        message.role = turn.role;
        message.content = turn.content;
        asm__llm_tell_up(talk, ASM_EVENT_MESSAGE_RECEIVED, &message);
    }
    talk->messages++;
    return result;
}

/* Tells which tools the model wants to have called. */
static void asm__llm_identify(asm__llm_talk *talk) {
    asm_action_request call;
    asm_tool_payload tool;
    size_t at = 0;
    while (asm__llm_goes_on(talk) && asm_execution_next_open_call(talk->execution, &at, &call)) {
        memset(&tool, 0, sizeof tool);
        tool.name = call.tool_name;
        tool.call_id = call.tool_call_id;
        tool.input = call.arguments;
        asm__llm_tell_tool(talk, ASM_EVENT_TOOL_CALL_IDENTIFIED, &tool);
    }
}

/* Answers the calls that were found wrong while the answer was read. */
static asm_result asm__llm_answer_refused(asm__llm_talk *talk, asm__llm_exchange *exchange) {
    const asm_str list = asm__llm_list(exchange, &exchange->refused);
    asm_json_reader reader = asm__llm_elements(list);
    asm_str element;
    asm_result result = ASM_OK;
    while (result == ASM_OK && asm__llm_goes_on(talk) && asm__llm_next(&reader, &element)) {
        asm_action_request call;
        asm_buffer_clear(&exchange->scratch);
        result = asm_buffer_reserve(&exchange->scratch, element.size + ASM_JSON_SCRATCH_SPARE);
        if (result != ASM_OK) break;
        memset(&call, 0, sizeof call);
        call.tool_call_id = asm__llm_string(asm__llm_find(element, "id"), &exchange->scratch);
        const asm_str why = asm__llm_string(asm__llm_find(element, "why"), &exchange->scratch);
        result = asm__llm_decline(talk, &call, "failed", why);
        if (result == ASM_ERR_INVALID_ARGUMENT)
            result = ASM_OK; /* it has an answer: it was wrong in two ways */
    }
    return result;
}

/* Takes a whole answer. */
static asm_outcome asm__llm_take_answer(asm__llm_talk *talk, asm__llm_exchange *exchange) {
    asm_agent_state state;
    const bool has_calls = exchange->call_count > 0;
    const asm_usage_payload usage = exchange->usage;
    asm_result result = asm__llm_emit_answer(talk, exchange);
    talk->attempts = 0;
    talk->was_too_long = false;
    talk->is_final = !has_calls;
    talk->stop_reason_size = exchange->stop_reason_size;
    memcpy(talk->stop_reason, exchange->stop_reason, exchange->stop_reason_size);
    if (result == ASM_OK && exchange->has_usage && asm__llm_goes_on(talk))
        asm__llm_tell_usage(talk, exchange->options->model, &usage);
    if (usage.input_tokens.is_set || usage.output_tokens.is_set) {
        talk->context = usage.input_tokens.value + usage.output_tokens.value;
        if (asm_execution_state(talk->execution, &state) == ASM_OK) talk->context_turns = state.turn_count;
    }
    if (result == ASM_OK && asm__llm_goes_on(talk)) result = asm_execution_after_model(talk->execution);
    if (result == ASM_OK) asm__llm_identify(talk);
    if (result == ASM_OK) result = asm__llm_answer_refused(talk, exchange);
    if (!asm__llm_goes_on(talk) || result == ASM_OK) return ASM_OUTCOME_CONTINUE;
    return asm_fail(talk->execution, asm_str_from(asm_result_string(result)));
}

/* When an exchange has been silent for too long. */
static uint64_t asm__llm_silence(const asm__llm_exchange *exchange) {
    const uint64_t silence =
        asm__llm_after(exchange->heard_at, asm__llm_choose(exchange->options->limits.silence_ms, 300000));
    if (exchange->outcome == ASM__LLM_WHOLE) return exchange->whole_at + ASM__LLM_LINGER;
    return silence;
}

/* Reads on, and gives up an answer that does not come. Returns whether it is over. */
static bool asm__llm_listen(asm__llm_exchange *exchange) {
    asm__llm_talk *talk = exchange->talk;
    bool is_over = asm__llm_read(exchange);
    if (!talk->is_dead && !is_over && exchange->outcome == ASM__LLM_OPEN &&
        exchange->read == exchange->bytes.size && asm__llm_now(talk) >= asm__llm_silence(exchange)) {
        asm__llm_fail(exchange, ASM_STR("timeout"),
                      ASM_STR("the model was silent for too long (limits.silence_ms)"));
        is_over = true;
    }
    return is_over;
}

/* >>llm: driver */

/* Ends what takes too long, and what a sub-agent has done. */
static asm_result asm__llm_look_after(asm__llm_talk *talk, asm__llm_run *run) {
    asm_tool_payload result;
    char memory[96];
    asm_buffer text;
    if (run->child && asm__llm_child_result(run->child, &result))
        return asm__llm_end_child(talk, run, &result);
    if (run->child) asm__llm_tell_waiting(talk, run);
    if (!asm__llm_goes_on(talk) || run->is_over || asm__llm_now(talk) < run->due) return ASM_OK;
    const asm_llm_call call = run->call;
    asm_buffer_init_fixed(&text, memory, sizeof memory);
    asm__llm_append(&text, "The call took too long and was stopped: limit ");
    asm__llm_append_number(
        &text, (uint64_t)asm__llm_choose(run->tool->time_limit_ms,
                                         asm__llm_choose(talk->llm->options.limits.tool_ms, 600000)));
    asm__llm_append(&text, " ms.");
    memset(&result, 0, sizeof result);
    result.status = ASM_STR("timeout");
    result.error_message = asm_buffer_text(&text);
    if (run->tool->cancel) run->tool->cancel(run->tool->user, &call);
    if (run->child) return asm__llm_end_child(talk, run, &result);
    return asm__llm_finish(talk, run, &result);
}

static asm_result asm__llm_look_after_all(asm__llm_talk *talk) {
    asm_result result = ASM_OK;
    asm__llm_run *run = talk->runs;
    while (result == ASM_OK && run && asm__llm_goes_on(talk)) {
        asm__llm_run *next = run->next;
        /* What ended stays readable while the talk is looked at, but leads nowhere: then it begins anew. */
        result = asm__llm_look_after(talk, run);
        bool is_there = false;
        for (asm__llm_run *other = talk->is_dead ? NULL : talk->runs; other; other = other->next)
            is_there = is_there || other == next;
        run = is_there ? next : NULL;
    }
    return result;
}

static bool asm__llm_is_running(const asm__llm_talk *talk, asm_str id) {
    const asm__llm_run *run = talk->runs;
    while (run && !asm_str_equal(run->call.call_id, id))
        run = run->next;
    return run != NULL;
}

static bool asm__llm_may_start(const asm__llm_talk *talk, const asm_llm_tool *tool) {
    for (const asm__llm_run *run = talk->runs; run; run = run->next)
        if (!tool->is_parallel || !run->tool->is_parallel) return false;
    return true;
}

/* Answers the open calls that cannot be run. */
static asm_result asm__llm_object_to_all(asm__llm_talk *talk) {
    asm_action_request call;
    asm_result result = ASM_OK;
    size_t at = 0;
    while (result == ASM_OK && asm__llm_goes_on(talk) &&
           asm_execution_next_open_call(talk->execution, &at, &call)) {
        asm_buffer why;
        if (asm__llm_is_running(talk, call.tool_call_id)) continue;
        asm_buffer_init_growing(&why);
        asm__llm_object(talk, asm__llm_find_tool(talk->llm, call.tool_name), call.tool_name, call.arguments,
                        &why);
        result = why.result;
        if (result == ASM_OK && why.size) {
            result = asm__llm_decline(talk, &call, "failed", asm_buffer_text(&why));
            at = 0;
        }
        asm_buffer_close(&why);
    }
    return result;
}

/* Interrupts the agent with all open calls that a person has to decide on and has not. */
static asm_outcome asm__llm_interrupt(asm__llm_talk *talk) {
    asm_action_request *requests = NULL, call;
    asm_decision decision;
    asm_buffer json;
    size_t count = 0, at = 0;
    while (asm_execution_next_open_call(talk->execution, &at, &call)) {
        const asm_llm_tool *tool = asm__llm_find_tool(talk->llm, call.tool_name);
        if (!tool || !asm__llm_needs_approval(talk, tool, &call) ||
            asm_execution_decision(talk->execution, &call, &decision))
            continue;
        if (!asm__array_reserve(&requests, sizeof *requests, count + 1)) {
            asm__array_release(&requests);
            return asm__llm_out_of_memory(talk->execution);
        }
        /* There is memory for it. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        requests[count++] = call;
    }
    const asm_outcome outcome = asm_interrupt(talk->execution, requests, count);
    asm_buffer_init_growing(&json);
    asm__llm_append(&json, "{\"requests\":");
    asm__llm_append_number(&json, count);
    asm__llm_append(&json, "}");
    asm__array_release(&requests);
    asm__llm_tell_action(talk->execution, "human_in_the_loop", "interrupt_triggered", &json);
    asm_buffer_close(&json);
    return outcome;
}

/* What to do with an open call: begin it, or leave it for later. */
typedef enum asm__llm_verdict {
    ASM__LLM_BEGAN,
    ASM__LLM_LATER,
    ASM__LLM_UNDECIDED,
    ASM__LLM_BROKE
} asm__llm_verdict;

static asm__llm_verdict asm__llm_begin_call(asm__llm_talk *talk, const asm_action_request *call,
                                            asm_result *result) {
    const asm_llm_tool *tool = asm__llm_find_tool(talk->llm, call->tool_name);
    asm_str edited = {NULL, 0};
    asm_decision decision;
    if (!tool || !asm__llm_may_start(talk, tool)) return ASM__LLM_LATER;
    memset(&decision, 0, sizeof decision);
    if (asm__llm_needs_approval(talk, tool, call) &&
        !asm_execution_decision(talk->execution, call, &decision))
        return ASM__LLM_UNDECIDED;
    if (!asm__llm_goes_on(talk)) return ASM__LLM_BROKE;
    if (decision.kind == ASM_DECISION_REJECT) {
        *result = asm__llm_decline(talk, call, "declined",
                                   decision.message.size ? decision.message
                                                         : ASM_STR("The user declined this call."));
    } else {
        asm_buffer why;
        asm_buffer_init_growing(&why);
        if (decision.kind == ASM_DECISION_EDIT) {
            edited = decision.arguments;
            asm__llm_object(talk, tool, call->tool_name, edited, &why);
        }
        *result = why.result;
        if (*result == ASM_OK && why.size)
            *result = asm__llm_decline(talk, call, "failed", asm_buffer_text(&why));
        else if (*result == ASM_OK) *result = asm__llm_start(talk, tool, call, edited);
        asm_buffer_close(&why);
    }
    return *result == ASM_OK && asm__llm_goes_on(talk) ? ASM__LLM_BEGAN : ASM__LLM_BROKE;
}

/* Begins the calls that may begin, in their order. */
static asm_outcome asm__llm_run_calls(asm__llm_talk *talk) {
    asm_action_request call;
    size_t at = 0;
    asm_result result = asm__llm_look_after_all(talk);
    if (result == ASM_OK && asm__llm_goes_on(talk)) result = asm__llm_object_to_all(talk);
    while (result == ASM_OK && asm__llm_goes_on(talk) &&
           asm_execution_next_open_call(talk->execution, &at, &call)) {
        if (asm__llm_is_running(talk, call.tool_call_id)) continue;
        const asm__llm_verdict verdict = asm__llm_begin_call(talk, &call, &result);
        if (verdict == ASM__LLM_BEGAN) at = 0;
        else if (verdict == ASM__LLM_UNDECIDED && !talk->runs && !talk->questions)
            return asm__llm_interrupt(talk);
        else if (verdict != ASM__LLM_BEGAN) break;
    }
    if (!asm__llm_goes_on(talk)) return ASM_OUTCOME_CONTINUE;
    if (result == ASM_ERR_NO_MEMORY) return asm__llm_out_of_memory(talk->execution);
    if (result != ASM_OK) return asm_fail(talk->execution, asm_str_from(asm_result_string(result)));
    return talk->runs || talk->questions ? ASM_OUTCOME_WAIT : ASM_OUTCOME_CONTINUE;
}

static void asm__llm_sooner(uint64_t *due, uint64_t other) {
    if (other < *due) *due = other;
}

/* Waits until somebody wakes the agent, or the first of its times is over. */
static asm_outcome asm__llm_wait(const asm__llm_talk *talk) {
    const uint64_t now = asm__llm_now(talk);
    uint64_t due = talk->retry_at;
    if (talk->llm->options.limits.time_ms > 0)
        asm__llm_sooner(&due, asm__llm_after(talk->began, talk->llm->options.limits.time_ms));
    if (talk->asked) asm__llm_sooner(&due, asm__llm_silence(talk->asked));
    for (const asm__llm_exchange *question = talk->questions; question; question = question->next)
        asm__llm_sooner(&due, asm__llm_silence(question));
    for (const asm__llm_run *run = talk->runs; run; run = run->next) {
        asm__llm_sooner(&due, run->due);
        if (run->child && run->child->is_waiting)
            asm__llm_sooner(&due, asm__llm_after(now, ASM__LLM_LOOK_MS));
    }
    if (due == ASM__LLM_NEVER) return asm_wait(talk->execution, -1);
    const uint64_t left = due > now ? (due - now + 999) / 1000 : 0;
    return asm_wait(talk->execution, left < (uint64_t)INT64_MAX ? (int64_t)left : INT64_MAX);
}

static void asm__llm_read_questions(asm__llm_talk *talk);

/* The answer to the question under way. */
static asm_outcome asm__llm_take(asm__llm_talk *talk) {
    asm__llm_exchange *exchange = talk->asked;
    if (!asm__llm_listen(exchange)) {
        if (talk->is_dead) return ASM_OUTCOME_CONTINUE;
        return exchange->read < exchange->bytes.size ? ASM_OUTCOME_CONTINUE : asm__llm_wait(talk);
    }
    const asm_outcome outcome = exchange->outcome == ASM__LLM_WHOLE ? asm__llm_take_answer(talk, exchange)
                                                                    : asm__llm_take_failure(talk, exchange);
    if (talk->asked != exchange) return outcome;
    talk->asked = NULL;
    asm__llm_drop_exchange(exchange);
    return outcome;
}

static asm_outcome asm__llm_step(asm__llm_talk *talk) {
    const int64_t time_ms = talk->llm->options.limits.time_ms;
    asm_action_request call;
    size_t at = 0;
    if (time_ms > 0 && asm__llm_now(talk) >= asm__llm_after(talk->began, time_ms))
        return asm_fail_as(talk->execution, ASM_STR("limit"),
                           ASM_STR("the execution took too long (limits.time_ms)"));
    asm__llm_read_questions(talk);
    if (!asm__llm_goes_on(talk)) return ASM_OUTCOME_CONTINUE;
    if (talk->asked) return asm__llm_take(talk);
    if (asm_execution_next_open_call(talk->execution, &at, &call)) {
        const asm_outcome outcome = asm__llm_run_calls(talk);
        return outcome == ASM_OUTCOME_WAIT && asm__llm_goes_on(talk) ? asm__llm_wait(talk) : outcome;
    }
    if (talk->is_final) {
        if (talk->questions) return asm__llm_wait(talk);
        return asm_complete(talk->execution, asm_str_make(talk->stop_reason, talk->stop_reason_size));
    }
    if (talk->retry_at != ASM__LLM_NEVER && asm__llm_now(talk) < talk->retry_at) return asm__llm_wait(talk);
    talk->retry_at = ASM__LLM_NEVER;
    const asm_outcome outcome = asm__llm_ask(talk);
    return outcome == ASM_OUTCOME_WAIT && asm__llm_goes_on(talk) ? asm__llm_wait(talk) : outcome;
}

static asm_outcome asm__llm_execute(void *user, asm_execution execution) {
    asm_llm *llm = (asm_llm *)user;
    asm__llm_talk *talk = asm__llm_find_talk(llm, execution);
    if (!talk) talk = asm__llm_begin_talk(llm, execution);
    if (!talk) return asm__llm_out_of_memory(execution);
    asm__llm_enter(talk);
    const asm_outcome outcome = asm__llm_step(talk);
    if (!talk->is_dead && outcome != ASM_OUTCOME_CONTINUE && outcome != ASM_OUTCOME_WAIT)
        asm__llm_end_talk(talk);
    asm__llm_leave(talk);
    return outcome;
}

static asm_outcome asm__llm_resume(void *user, asm_execution execution, const asm_resume *resume) {
    (void)resume; /* what was decided is asked for call by call */
    return asm__llm_execute(user, execution);
}

static void asm__llm_cancel(void *user, asm_execution execution) {
    asm__llm_talk *talk = asm__llm_find_talk((asm_llm *)user, execution);
    if (talk) asm__llm_end_talk(talk);
}

ASM_API asm_driver asm_llm_driver(asm_llm *llm) {
    asm_driver driver;
    driver.execute = asm__llm_execute;
    driver.resume = asm__llm_resume;
    driver.cancel = asm__llm_cancel;
    driver.user = llm;
    return driver;
}

static asm_result asm__llm_reject(asm_llm *llm, const char *first, const char *second) {
    asm_buffer text;
    asm_buffer_init_fixed(&text, llm->error, sizeof llm->error - 1);
    asm_buffer_append(&text, asm_utf8_prefix(asm_str_from(first), 70));
    asm_buffer_append(&text, asm_utf8_prefix(asm_str_from(second), 70));
    llm->error[text.size] = '\0';
    return ASM_ERR_INVALID_ARGUMENT;
}

static bool asm__llm_is_object(asm_str json) {
    return asm_json_type_of(json) == ASM_JSON_OBJECT && asm_json_check(json, NULL) == ASM_OK;
}

static asm_result asm__llm_check_tool(asm_llm *llm, size_t at) {
    const asm_llm_tool *tool = &llm->options.tools[at];
    const asm_str name = asm_str_from(tool->name);
    if (!name.size || name.size > ASM__LLM_NAME_MAX)
        return asm__llm_reject(llm, "a tool needs a name of 1 to 64 characters", "");
    for (size_t i = 0; i < name.size; i++)
        if (!asm__llm_is_name_byte(name.data[i]))
            return asm__llm_reject(llm, "a tool's name may have letters, digits, _ and - only: ", tool->name);
    for (size_t i = 0; i < at; i++)
        if (strcmp(llm->options.tools[i].name, tool->name) == 0)
            return asm__llm_reject(llm, "two tools have the name ", tool->name);
    if (!tool->run) return asm__llm_reject(llm, "a tool needs run(): ", tool->name);
    if (tool->schema && !asm__llm_is_object(asm_str_from(tool->schema)))
        return asm__llm_reject(llm, "the schema of a tool is no JSON object: ", tool->name);
    return ASM_OK;
}

ASM_API asm_result asm_llm_init(asm_llm *llm, const asm_llm_options *options) {
    asm_result result = ASM_OK;
    if (!llm) return ASM_ERR_INVALID_ARGUMENT;
    memset(llm, 0, sizeof *llm);
    if (!options) return asm__llm_reject(llm, "options are needed", "");
    llm->options = *options;
    llm->random = options->random;
    if ((unsigned)options->api >= ASM_LLM_API_COUNT) return asm__llm_reject(llm, "there is no such api", "");
    if (!options->model.size) return asm__llm_reject(llm, "the model's name is needed", "");
    if (!options->transport.start) return asm__llm_reject(llm, "transport.start() is needed", "");
    if (options->extra.data && !asm__llm_is_object(options->extra))
        return asm__llm_reject(llm, "extra is no JSON object", "");
    if (!asm__llm_has_lists(options)) return asm__llm_reject(llm, "a list of the options is missing", "");
    for (size_t i = 0; i < options->tool_count && result == ASM_OK; i++)
        result = asm__llm_check_tool(llm, i);
    return result;
}

ASM_API void asm_llm_close(asm_llm *llm) {
    size_t from = 0;
    if (!llm) return;
    for (asm__indexed *item; (item = asm__index_take(&llm->talks, &from)) != NULL;) {
        asm__llm_talk *talk = asm__container(item, asm__llm_talk, indexed);
        talk->is_listed = false;
        asm__llm_free_talk(talk);
    }
    asm__index_close(&llm->talks);
    asm__array_release(&llm->slots);
    llm->slot_count = 0;
    llm->free_slot = 0;
}

/* >>llm: questions */

/* Tells who asked, and drops the exchange, which is in no list any more. */
static void asm__llm_answer_question(asm__llm_talk *talk, asm__llm_exchange *exchange) {
    const asm_llm_question question = exchange->question;
    asm_llm_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.usage = exchange->usage;
    if (exchange->has_usage) asm__llm_tell_usage(talk, exchange->options->model, &exchange->usage);
    if (exchange->outcome == ASM__LLM_WHOLE) {
        answer.text = asm_buffer_text(&exchange->text);
        answer.stop_reason = asm_str_make(exchange->stop_reason, exchange->stop_reason_size);
    } else {
        asm__llm_classify(exchange);
        answer.error_code = asm__llm_code(exchange);
        answer.error = asm__llm_error_text(exchange);
    }
    if (asm__llm_goes_on(talk)) question.callback(question.user, talk->execution, &answer);
    asm__llm_drop_exchange(exchange);
}

static void asm__llm_read_questions(asm__llm_talk *talk) {
    asm__llm_exchange **place = &talk->questions;
    while (!talk->is_dead && *place) {
        asm__llm_exchange *exchange = *place;
        const bool is_over = asm__llm_listen(exchange);
        if (!is_over) {
            if (exchange->read < exchange->bytes.size) (void)asm_execution_wake(talk->execution);
            place = &exchange->next;
            continue;
        }
        *place = exchange->next;
        asm__llm_answer_question(talk, exchange);
        place = &talk->questions;
    }
}

ASM_API asm_result asm_llm_ask(asm_llm *llm, asm_execution execution, const asm_llm_question *question) {
    asm_llm_request request;
    asm__llm_talk *talk = asm__llm_find_talk(llm, execution);
    if (!llm || !question || !question->name || !question->callback ||
        (question->turn_count && !question->turns))
        return ASM_ERR_INVALID_ARGUMENT;
    if (!talk || !asm_execution_is_active(execution)) return ASM_ERR_NOT_FOUND;
    const asm_llm_options *options = question->options ? question->options : &llm->options;
    asm__llm_exchange *exchange = asm__llm_new_exchange(llm, talk, options);
    if (!exchange) return ASM_ERR_NO_MEMORY;
    exchange->is_question = true;
    exchange->question = *question;
    asm_llm_request_init(&request, options, question->turns, question->turn_count);
    request.system = question->system;
    request.max_tokens = question->max_tokens;
    request.tool_choice = ASM_STR("none");
    exchange->next = talk->questions;
    talk->questions = exchange;
    asm__llm_enter(talk);
    const asm_result result = asm__llm_send(exchange, &request);
    if (result != ASM_OK && !talk->is_dead) {
        asm__llm_exchange **place = &talk->questions;
        while (*place && *place != exchange)
            place = &(*place)->next;
        if (*place) *place = exchange->next;
        asm__llm_drop_exchange(exchange);
    }
    asm__llm_leave(talk);
    return result;
}

ASM_API bool asm_llm_is_asking(const asm_llm *llm, asm_execution execution, const char *name) {
    const asm__llm_talk *talk = asm__llm_find_talk(llm, execution);
    const asm__llm_exchange *question = talk && name ? talk->questions : NULL;
    while (question && strcmp(question->question.name, name) != 0)
        question = question->next;
    return question != NULL;
}

static size_t asm__llm_turn_size(const asm_turn *turn) {
    return turn->content.size + turn->tool_calls.size + turn->tool_results.size;
}

ASM_API int64_t asm_llm_context_tokens(const asm_llm *llm, asm_execution execution) {
    const asm__llm_talk *talk = asm__llm_find_talk(llm, execution);
    asm_agent_state state;
    size_t more = 0;
    if (!talk || !talk->context || asm_execution_state(execution, &state) != ASM_OK) return 0;
    for (size_t i = talk->context_turns; i < state.turn_count; i++)
        more += asm__llm_turn_size(&state.turns[i]) / 3;
    return talk->context + (int64_t)more;
}

ASM_API bool asm_llm_is_too_long(const asm_llm *llm, asm_execution execution) {
    const asm__llm_talk *talk = asm__llm_find_talk(llm, execution);
    return talk && talk->is_too_long;
}

/* >>llm: compaction */

#define ASM__LLM_SUMMARY "[Summary of the conversation so far]\n"

static const char asm__llm_compaction_id[] = "summarization";

/* What the middleware keeps with the conversation: {"tokens":N,"turns":N,"tried":N}. */
typedef struct asm__llm_kept {
    int64_t tokens; /* that the conversation had after the answer of its turn number `turns` */
    int64_t turns;
    /* So many turns it had after the last summary, or when that failed: not again at once; 0: none. */
    int64_t tried;
} asm__llm_kept;

static asm__llm_kept asm__llm_read_kept(const asm_agent_state *state) {
    const asm_str keys[] = {ASM_STR_INIT("tokens"), ASM_STR_INIT("turns"), ASM_STR_INIT("tried")};
    asm__llm_kept kept;
    asm_str values[3];
    memset(&kept, 0, sizeof kept);
    for (size_t i = 0; i < state->middleware_count; i++) {
        if (!asm__llm_is(state->middleware[i].middleware, asm__llm_compaction_id)) continue;
        (void)asm_json_find(state->middleware[i].state, keys, values, 3, NULL);
        (void)asm_json_to_int64(values[0], &kept.tokens);
        (void)asm_json_to_int64(values[1], &kept.turns);
        (void)asm_json_to_int64(values[2], &kept.tried);
    }
    return kept;
}

static asm_result asm__llm_keep(asm_execution execution, const asm__llm_kept *kept) {
    char memory[128];
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_fixed(&json, memory, sizeof memory);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("tokens"));
    asm_json_write_int64(&writer, kept->tokens);
    asm_json_write_key(&writer, ASM_STR("turns"));
    asm_json_write_int64(&writer, kept->turns);
    asm_json_write_key(&writer, ASM_STR("tried"));
    asm_json_write_int64(&writer, kept->tried);
    asm_json_end_object(&writer);
    return asm_agent_set_middleware_state(execution.server, asm_execution_agent_id(execution),
                                          asm_str_from(asm__llm_compaction_id), asm_buffer_text(&json));
}

/* How many tokens the conversation has, as far as that is known: what came after the last answer is estimated. */
static int64_t asm__llm_estimate(const asm_agent_state *state, const asm__llm_kept *kept) {
    int64_t tokens = kept->tokens;
    if (kept->turns < 0 || (uint64_t)kept->turns > state->turn_count) return 0;
    for (size_t i = (size_t)kept->turns; i < state->turn_count; i++)
        tokens += (int64_t)(asm__llm_turn_size(&state->turns[i]) / 3);
    return tokens;
}

/* The turns that a summary replaces: from `begin` to before the end that is returned. Those of the role system at the
 * beginning stay, and the last ones, with whatever belongs to them: they begin with one of the user's. */
static size_t asm__llm_old_turns(const asm_llm_compaction *compaction, const asm_agent_state *state,
                                 size_t *begin) {
    const size_t keep = compaction->keep_turns ? compaction->keep_turns : 6;
    size_t first = 0, end = state->turn_count > keep ? state->turn_count - keep : 0;
    while (first < state->turn_count && asm__llm_kind_of(&state->turns[first]) == ASM__LLM_SYSTEM)
        first++;
    *begin = first;
    while (end > first && asm__llm_kind_of(&state->turns[end]) != ASM__LLM_USER)
        end--;
    if (end > first) return end;
    /* One long turn of work: it is cut after a result, before the assistant goes on. */
    end = state->turn_count > keep ? state->turn_count - keep : 0;
    while (end > first + 1 && !(asm__llm_kind_of(&state->turns[end]) == ASM__LLM_ASSISTANT &&
                                asm__llm_kind_of(&state->turns[end - 1]) == ASM__LLM_RESULTS))
        end--;
    return end > first + 1 ? end : first;
}

static void asm__llm_tell_compaction(asm_execution execution, const char *action, const char *first,
                                     uint64_t a, const char *second, uint64_t b, asm_str error) {
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, asm_str_from(first));
    asm_json_write_uint64(&writer, a);
    asm_json_write_key(&writer, asm_str_from(second));
    asm_json_write_uint64(&writer, b);
    if (error.data) asm__llm_write_text(&writer, "error", error);
    asm_json_end_object(&writer);
    asm__llm_tell_action(execution, asm__llm_compaction_id, action, &json);
    asm_buffer_close(&json);
}

/* Puts the summary in place of the old turns: said by the user, as what was asked is part of it. */
static asm_result asm__llm_put_summary(const asm_llm_compaction *compaction, asm_execution execution,
                                       const asm_agent_state *state, asm_str summary) {
    asm_buffer text;
    asm_turn turns[2];
    size_t begin;
    const size_t end = asm__llm_old_turns(compaction, state, &begin);
    const bool user_follows =
        end < state->turn_count && asm__llm_kind_of(&state->turns[end]) == ASM__LLM_USER;
    if (end <= begin) return ASM_ERR_NOT_FOUND;
    asm_buffer_init_growing(&text);
    asm__llm_append(&text, ASM__LLM_SUMMARY);
    asm_result result = asm_buffer_append(&text, summary);
    memset(turns, 0, sizeof turns);
    turns[0].role = ASM_STR("user");
    turns[0].content = asm_buffer_text(&text);
    turns[1].role = ASM_STR("assistant");
    turns[1].content = ASM_STR("I know what was said, and go on from there.");
    if (result == ASM_OK)
        result = asm_execution_replace_turns(execution, begin, end - begin, turns, user_follows ? 2 : 1);
    asm_buffer_close(&text);
    return result;
}

static void asm__llm_take_summary(void *user, asm_execution execution, const asm_llm_answer *answer) {
    const asm_llm_compaction *compaction = (const asm_llm_compaction *)user;
    asm_agent_state state;
    asm__llm_kept kept;
    asm_str error = answer->error_code.data ? answer->error : asm__llm_absent();
    if (asm_execution_state(execution, &state) != ASM_OK) return;
    const size_t before = state.turn_count;
    asm_result result = error.data || !asm__llm_says(answer->text)
                            ? ASM_ERR_NOT_FOUND
                            : asm__llm_put_summary(compaction, execution, &state, answer->text);
    if (!asm_execution_is_active(execution)) return;
    if (result != ASM_OK && !error.data) error = ASM_STR("there is no summary");
    (void)asm_execution_state(execution, &state);
    memset(&kept, 0, sizeof kept);
    kept.turns = (int64_t)state.turn_count;
    kept.tried = (int64_t)state.turn_count;
    (void)asm__llm_keep(execution, &kept);
    asm__llm_tell_compaction(execution, "summarization_completed", "messages_before", before,
                             "messages_after", state.turn_count, error);
}

static asm_result asm__llm_summarize(asm_llm_compaction *compaction, asm_model_request *request,
                                     const asm_agent_state *state, size_t end, int64_t tokens) {
    const asm_str standard = ASM_STR("Summarize this conversation for the assistant who will go on with it "
                                     "and will see your summary in its place. "
                                     "Say what the user wants, what has been done and found out (files, "
                                     "names, decisions, errors), and what is to be done "
                                     "next. Be complete and brief. Answer with the summary only.");
    asm_llm_question question;
    asm_turn *turns = NULL;
    if (!asm__array_reserve(&turns, sizeof *turns, end + 1)) return ASM_ERR_NO_MEMORY;
    /* There are turns. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memcpy(turns, state->turns, end * sizeof *turns);
    memset(&turns[end], 0, sizeof *turns);
    turns[end].role = ASM_STR("user");
    turns[end].content = compaction->prompt.size ? compaction->prompt : standard;
    memset(&question, 0, sizeof question);
    question.name = asm__llm_compaction_id;
    question.options = compaction->options;
    question.turns = turns;
    question.turn_count = end + 1;
    question.callback = asm__llm_take_summary;
    question.user = compaction;
    asm__llm_tell_compaction(request->execution, "summarization_started", "tokens",
                             tokens > 0 ? (uint64_t)tokens : 0, "messages", state->turn_count,
                             asm__llm_absent());
    const asm_result result = asm_llm_ask(compaction->llm, request->execution, &question);
    asm__array_release(&turns);
    request->is_held = result == ASM_OK;
    return ASM_OK; /* without a summary the model is asked with all that there is */
}

static asm_result asm__llm_before_model(void *user, asm_model_request *request) {
    asm_llm_compaction *compaction = (asm_llm_compaction *)user;
    const asm_execution execution = request->execution;
    const int64_t percent = compaction->percent > 0 && compaction->percent <= 100 ? compaction->percent : 80;
    asm_agent_state state;
    size_t begin;
    if (asm_llm_is_asking(compaction->llm, execution, asm__llm_compaction_id)) {
        request->is_held = true;
        return ASM_OK;
    }
    if (asm_execution_state(execution, &state) != ASM_OK) return ASM_OK;
    const asm__llm_kept kept = asm__llm_read_kept(&state);
    const int64_t tokens = asm__llm_estimate(&state, &kept);
    const bool is_full =
        compaction->context_window > 0 && tokens / percent >= compaction->context_window / 100;
    if (!is_full && !asm_llm_is_too_long(compaction->llm, execution)) return ASM_OK;
    if (kept.tried == (int64_t)state.turn_count) return ASM_OK;
    const size_t end = asm__llm_old_turns(compaction, &state, &begin);
    return end > begin ? asm__llm_summarize(compaction, request, &state, end, tokens) : ASM_OK;
}

/* Notes how long the conversation has become. */
static asm_result asm__llm_after_model(void *user, asm_execution execution, const asm_turn *answer) {
    const asm_llm_compaction *compaction = (const asm_llm_compaction *)user;
    asm_agent_state state;
    asm__llm_kept kept;
    (void)answer;
    const int64_t tokens = asm_llm_context_tokens(compaction->llm, execution);
    if (tokens <= 0 || asm_execution_state(execution, &state) != ASM_OK) return ASM_OK;
    memset(&kept, 0, sizeof kept);
    kept.tokens = tokens;
    kept.turns = (int64_t)state.turn_count;
    return asm__llm_keep(execution, &kept);
}

ASM_API asm_middleware asm_llm_compaction_middleware(asm_llm_compaction *compaction) {
    asm_middleware middleware;
    memset(&middleware, 0, sizeof middleware);
    if (!compaction) return middleware;
    middleware.id = asm_str_from(asm__llm_compaction_id);
    middleware.before_model = asm__llm_before_model;
    middleware.after_model = asm__llm_after_model;
    middleware.user = compaction;
    return middleware;
}

/* >>llm: titles */

#define ASM__LLM_TITLE_MAX 80 /* characters */

static const char asm__llm_title_id[] = "conversation_title";

static bool asm__llm_has_title(const asm_agent_state *state) {
    return state->metadata.data && asm__llm_find(state->metadata, "title").data;
}

static void asm__llm_take_title(void *user, asm_execution execution, const asm_llm_answer *answer) {
    asm_str title = asm__llm_trim(answer->text);
    (void)user;
    const char *end = title.size ? (const char *)memchr(title.data, '\n', title.size) : NULL;
    if (end) title.size = (size_t)(end - title.data);
    title = asm__llm_trim(asm_utf8_prefix(title, ASM__LLM_TITLE_MAX));
    while (title.size > 1 && title.data[0] == '"' && title.data[title.size - 1] == '"')
        title = asm_str_make(title.data + 1, title.size - 2);
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    if (answer->error_code.data) asm__llm_write_text(&writer, "error", answer->error);
    else asm__llm_write_text(&writer, "title", title);
    asm_json_end_object(&writer);
    asm__llm_tell_action(execution, asm__llm_title_id, "title_generation_completed", &json);
    asm_buffer_close(&json);
    if (!answer->error_code.data && title.size && asm_execution_is_active(execution))
        (void)asm_agent_set_title(execution.server, asm_execution_agent_id(execution), title);
}

static asm_result asm__llm_ask_title(void *user, asm_execution execution, const asm_turn *answer) {
    const asm_str standard =
        ASM_STR("Give a conversation that begins with the message below a title of at most six words, in its "
                "language. Answer with the title only.");
    asm_llm_title *title = (asm_llm_title *)user;
    asm_agent_state state;
    asm_llm_question question;
    asm_turn first;
    size_t at = 0;
    if (!answer || asm_execution_state(execution, &state) != ASM_OK || asm__llm_has_title(&state) ||
        asm_llm_is_asking(title->llm, execution, asm__llm_title_id))
        return ASM_OK;
    while (at < state.turn_count &&
           (asm__llm_kind_of(&state.turns[at]) != ASM__LLM_USER || !asm__llm_says(state.turns[at].content)))
        at++;
    if (at == state.turn_count) return ASM_OK;
    memset(&first, 0, sizeof first);
    first.role = ASM_STR("user");
    first.content = asm_utf8_prefix(state.turns[at].content, 2000);
    memset(&question, 0, sizeof question);
    question.name = asm__llm_title_id;
    question.options = title->options;
    question.system = title->prompt.size ? title->prompt : standard;
    question.turns = &first;
    question.turn_count = 1;
    question.callback = asm__llm_take_title;
    question.user = title;
    asm__llm_tell_action(execution, asm__llm_title_id, "title_generation_started", NULL);
    if (asm_execution_is_active(execution)) (void)asm_llm_ask(title->llm, execution, &question);
    return ASM_OK;
}

ASM_API asm_middleware asm_llm_title_middleware(asm_llm_title *title) {
    asm_middleware middleware;
    memset(&middleware, 0, sizeof middleware);
    if (!title) return middleware;
    middleware.id = asm_str_from(asm__llm_title_id);
    middleware.after_model = asm__llm_ask_title;
    middleware.user = title;
    return middleware;
}

ASM__WARNINGS_BACK
#endif /* ASM_LLM_IMPLEMENTED */
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
