/* mock_llm.h over HTTP, for tests of programs:
 *
 *     build/mock_llm [--port N] [--script FILE] [--key LINE] [--log FILE] [--delay MS]
 *
 * Prints its address, http://127.0.0.1:PORT, and answers until it is killed. --key is a header line that requests must
 * have, such as "x-api-key: secret". --log gets one JSON line per request: {"path","status","complaint","body"}; the key
 * of requests stands nowhere. --delay is the time before the first byte of all answers. */
#include "mock_llm.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

static mock_llm mock;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *log_file;
static int delay_ms;

/* A request that arrives, then its answer. */
typedef struct exchange {
    asm_buffer body, headers;
    mock_answer answer;
    size_t end;
    bool is_answered;
} exchange;

static void sleep_ms(int milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (milliseconds > 0) nanosleep(&time, NULL);
}

static enum MHD_Result add_header(void *user, enum MHD_ValueKind kind, const char *name, const char *value) {
    exchange *made = user;
    (void)kind;
    asm_buffer_append(&made->headers, asm_str_from(name));
    asm_buffer_append(&made->headers, ASM_STR(": "));
    asm_buffer_append(&made->headers, asm_str_from(value ? value : ""));
    asm_buffer_append(&made->headers, ASM_STR("\r\n"));
    return MHD_YES;
}

static ssize_t read_answer(void *user, uint64_t at, char *out, size_t size) {
    exchange *made = user;
    const size_t left = made->end - (size_t)at, piece = made->answer.piece_ms > 0 && size > 64 ? 64 : size;
    if (left == 0)
        return made->answer.aborts ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    sleep_ms(at == 0 ? made->answer.delay_ms + delay_ms : made->answer.piece_ms);
    size = left < piece ? left : piece;
    memcpy(out, made->answer.body.data + at, size);
    return (ssize_t)size;
}

static void write_log(const char *path, const exchange *made) {
    asm_json_writer writer;
    asm_buffer line;
    if (!log_file) return;
    asm_buffer_init_growing(&line);
    asm_json_writer_init(&writer, &line);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("path"));
    asm_json_write_string(&writer, asm_str_from(path));
    asm_json_write_key(&writer, ASM_STR("status"));
    asm_json_write_int64(&writer, made->answer.status);
    asm_json_write_key(&writer, ASM_STR("complaint"));
    asm_json_write_string(&writer, asm_str_from(mock.complaint));
    asm_json_write_key(&writer, ASM_STR("body"));
    if (asm_json_check(asm_buffer_text(&made->body), NULL) == ASM_OK)
        asm_json_write_raw(&writer, asm_buffer_text(&made->body));
    else asm_json_write_string(&writer, asm_buffer_text(&made->body));
    asm_json_end_object(&writer);
    fprintf(log_file, "%.*s\n", (int)line.size, line.data);
    fflush(log_file);
    asm_buffer_close(&line);
}

/* Adds the header lines of the answer. */
static void add_lines(struct MHD_Response *response, exchange *made) {
    asm_buffer_append_byte(&made->answer.headers, '\0');
    for (char *at = made->answer.headers.data; *at;) {
        char *end = strstr(at, "\r\n"), *colon = strchr(at, ':');
        if (!end || !colon || colon > end) break;
        *end = *colon = '\0';
        MHD_add_response_header(response, at, colon + 2);
        at = end + 2;
    }
    MHD_add_response_header(response, "content-type", made->answer.content_type);
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *path, exchange *made) {
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, made);
    asm_buffer_append_byte(&made->headers, '\0');
    pthread_mutex_lock(&lock);
    mock_ask(&mock, path, made->headers.data, asm_buffer_text(&made->body), &made->answer);
    write_log(path, made);
    pthread_mutex_unlock(&lock);
    made->is_answered = true;
    made->end = made->answer.cut < made->answer.body.size ? made->answer.cut : made->answer.body.size;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_answer, made, NULL);
    add_lines(response, made);
    const enum MHD_Result result = MHD_queue_response(connection, (unsigned)made->answer.status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **place) {
    exchange *made = *place;
    (void)user, (void)method, (void)version;
    if (!made) {
        made = calloc(1, sizeof *made);
        if (!made) return MHD_NO;
        asm_buffer_init_growing(&made->body);
        asm_buffer_init_growing(&made->headers);
        *place = made;
        return MHD_YES;
    }
    if (*size) {
        asm_buffer_append(&made->body, asm_str_make(data, *size));
        *size = 0;
        return MHD_YES;
    }
    return answer(connection, path, made);
}

static void on_end(void *user, struct MHD_Connection *connection, void **place,
                   enum MHD_RequestTerminationCode why) {
    exchange *made = *place;
    (void)user, (void)connection, (void)why;
    if (!made) return;
    asm_buffer_close(&made->body);
    asm_buffer_close(&made->headers);
    if (made->is_answered) mock_answer_close(&made->answer);
    free(made);
}

static char *read_file(const char *name) {
    FILE *file = fopen(name, "rb");
    asm_buffer text;
    char bytes[4096];
    size_t size;
    if (!file) {
        perror(name);
        exit(1);
    }
    asm_buffer_init_growing(&text);
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        asm_buffer_append(&text, asm_str_make(bytes, size));
    asm_buffer_append_byte(&text, '\0');
    fclose(file);
    return text.data;
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char *script = NULL;
    const char *key = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--port") == 0) address.sin_port = htons((uint16_t)atoi(argv[i + 1]));
        else if (strcmp(argv[i], "--script") == 0) script = read_file(argv[i + 1]);
        else if (strcmp(argv[i], "--key") == 0) key = argv[i + 1];
        else if (strcmp(argv[i], "--log") == 0) log_file = fopen(argv[i + 1], "w");
        else if (strcmp(argv[i], "--delay") == 0) delay_ms = atoi(argv[i + 1]);
        else
            return fprintf(stderr, "usage: mock_llm [--port N] [--script FILE] [--key LINE] [--log FILE] "
                                   "[--delay MS]\n"),
                   2;
    }
    mock_init(&mock, script);
    mock.key = key;
    signal(SIGPIPE, SIG_IGN);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL,
                         on_request, NULL, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
                         MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
    if (!daemon) return fprintf(stderr, "mock_llm: no socket\n"), 1;
    printf("http://127.0.0.1:%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    for (;;)
        pause();
}
