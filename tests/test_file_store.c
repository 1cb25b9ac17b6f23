/* examples/file_store.h: what it keeps, and what happens to files when something goes wrong. */
#include "support.h"

#include "asm_agent.h"
#include "examples/file_store.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define STATE                                                                                                \
    "{\"version\":1,\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{}},\"serialized_at\":null}"
#define OTHER_STATE                                                                                          \
    "{\"version\":1,\"state\":{\"messages\":[],\"todos\":[],\"metadata\":{\"n\":2}},\"serialized_at\":null}"

/* ---- A directory for each test ---- */

typedef struct place {
    char directory[64];
    file_store files;
    asm_state_store store;
} place;

static int make_place(void **state) {
    place *self = (place *)calloc(1, sizeof *self);
    *state = self;
    if (!self) return -1;
    strcpy(self->directory, "/tmp/test_file_store.XXXXXX");
    if (!mkdtemp(self->directory)) return -1;
    self->store = file_store_init(&self->files, self->directory);
    return 0;
}

static const char *path_of(const place *self, const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", self->directory, name);
    return path;
}

/* Calls `visit` for each name in the directory; returns how many there are. */
static size_t each_file(const place *self, void (*visit)(const place *, const char *)) {
    DIR *directory = opendir(self->directory);
    struct dirent *entry;
    size_t count = 0;
    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        count++;
        if (visit) visit(self, entry->d_name);
    }
    closedir(directory);
    return count;
}

static void remove_name(const place *self, const char *name) {
    assert_int_equal(remove(path_of(self, name)), 0);
}

static int remove_place(void **state) {
    place *self = (place *)*state;
    file_store_close(&self->files);
    each_file(self, remove_name);
    rmdir(self->directory);
    free(self);
    return 0;
}

static void write_file(const place *self, const char *name, const char *text, size_t size) {
    FILE *file = fopen(path_of(self, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void expect_file(const place *self, const char *name, const char *text) {
    static char content[1 << 20];
    FILE *file = fopen(path_of(self, name), "rb");
    expect(file != NULL, "%s is missing", name);
    if (!file) return;
    const size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    expect_text(asm_str_make(content, size), asm_str_from(text));
}

static asm_result save_as(place *self, asm_str conversation_id, const char *state, const char *changes,
                          asm_save_reason reason) {
    const asm_snapshot snapshot = {reason, asm_str_from(state), asm_str_from(changes)};
    return self->store.save(self->store.user, ASM_STR("agent"), conversation_id, &snapshot);
}

static asm_result save(place *self, asm_str conversation_id, const char *text) {
    return save_as(self, conversation_id, text, NULL, ASM_SAVE_ON_COMPLETION);
}

static asm_result append(place *self, asm_str conversation_id, const char *text) {
    return self->store.append(self->store.user, ASM_STR("agent"), conversation_id, asm_str_from(text));
}

/* Loads into `text`, as a string. */
static asm_result load(place *self, asm_str agent_id, asm_str conversation_id, char *text, size_t size) {
    asm_buffer state;
    asm_buffer_init_growing(&state);
    const asm_result result = self->store.load(self->store.user, agent_id, conversation_id, &state);
    snprintf(text, size, "%.*s", result == ASM_OK ? (int)state.size : 0, result == ASM_OK ? state.data : "");
    asm_buffer_close(&state);
    return result;
}

#define HEAD "{\"conversation_id\":\"c\"}\n"
#define TURN "{\"turn\":{\"role\":\"user\",\"content\":\"Hi\"}}"
#define CHANGES                                                                                              \
    "{\"version\":1,\"status\":\"idle\",\"state\":{\"todos\":[],\"metadata\":{\"n\":3}},\"serialized_at\":"  \
    "null}"
#define C ASM_STR("c")

/* ---- Tests ---- */

static void what_was_kept_is_loaded(void **state) {
    place *self = (place *)*state;
    char text[2048];
    struct stat status;
    assert_int_equal(load(self, ASM_STR("agent"), C, text, sizeof text), ASM_ERR_NOT_FOUND);
    assert_int_equal(each_file(self, NULL), 0);
    assert_int_equal(save(self, C, STATE), ASM_OK);
    assert_int_equal(append(self, C, TURN), ASM_OK);
    assert_int_equal(load(self, ASM_STR("any"), C, text, sizeof text), ASM_OK);
    assert_string_equal(text, STATE "\n" TURN "\n");
    assert_int_equal(save_as(self, C, OTHER_STATE, CHANGES, ASM_SAVE_ON_COMPLETION), ASM_OK);
    assert_int_equal(save(self, C, OTHER_STATE), ASM_OK);
    assert_int_equal(append(self, C, TURN), ASM_OK);
    assert_int_equal(load(self, ASM_STR("any"), C, text, sizeof text), ASM_OK);
    assert_string_equal(text, OTHER_STATE "\n" TURN "\n"); /* the last state, and what came after it */
    assert_int_equal(each_file(self, NULL), 1);
    expect_file(self, "conversation-c.jsonl",
                HEAD STATE "\n" TURN "\n" CHANGES "\n" OTHER_STATE "\n" TURN "\n"); /* all of it stays */
    assert_int_equal(stat(path_of(self, "conversation-c.jsonl"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    end_of_cases();
}

static void a_state_is_written_now_and_then(void **state) {
    place *self = (place *)*state;
    static char turn[4096], text[1 << 18];
    struct stat status;
    size_t states = 0, said = 0;
    memset(turn, 'x', sizeof turn);
    memcpy(turn, "{\"turn\":\"", 9);
    memcpy(turn + 1000, "\"}", 3);
    assert_int_equal(save(self, C, STATE), ASM_OK);
    for (int i = 0; i < 600; i++) {
        /* A conversation's state is as large as all that was said. */
        const size_t size = (size_t)snprintf(text, sizeof text, "{\"version\":1,\"state\":{\"messages\":[\"");
        memset(text + size, 'y', said / 4);
        memcpy(text + size + said / 4, "\"]}}", 5);
        assert_int_equal(append(self, C, turn), ASM_OK);
        said += 1003;
        if (i % 5 == 4) assert_int_equal(save_as(self, C, text, CHANGES, ASM_SAVE_ON_COMPLETION), ASM_OK);
        states += self->files.files->changes_at == self->files.files->size;
    }
    assert_int_equal(stat(path_of(self, "conversation-c.jsonl"), &status), 0);
    expect(states > 2 && states < 12, "%zu states", states);
    expect((size_t)status.st_size < 2 * said + 100000, "%ld for %zu", (long)status.st_size, said);
    end_of_cases();
}

static void no_id_leaves_the_directory_or_meets_another(void **state) {
    static const asm_str ids[] = {
        TEXT(""),      TEXT("."),     TEXT(".."),       TEXT("../x"),       TEXT("/etc/passwd"), TEXT("a/b"),
        TEXT("a%2fb"), TEXT("a%2Fb"), TEXT("A"),        TEXT("a"),          TEXT("a\0b"),        TEXT("a\0c"),
        TEXT("a b"),   TEXT("a\nb"),  TEXT("\xC3\xA9"), TEXT("a.jsonl"),    TEXT("a\\b"),        TEXT("CON"),
        TEXT("con:"),  TEXT("~"),     TEXT("~0123"),    TEXT("a.json.new"), TEXT("-rf"),
    };
    place *self = (place *)*state;
    char text[512], own[512];
    for (size_t i = 0; i < COUNT(ids); i++) {
        snprintf(own, sizeof own, "{\"version\":1,\"state\":{\"messages\":[]},\"n\":%d}", (int)i);
        expect(save(self, ids[i], own) == ASM_OK, "%s: %s", shown(ids[i]), self->files.error);
    }
    for (size_t i = 0; i < COUNT(ids); i++) {
        snprintf(own, sizeof own, "{\"version\":1,\"state\":{\"messages\":[]},\"n\":%d}\n", (int)i);
        expect(load(self, ASM_STR("x"), ids[i], text, sizeof text) == ASM_OK, "%s: %s", shown(ids[i]),
               self->files.error);
        expect(strcmp(text, own) == 0, "%s: %s", shown(ids[i]), text);
    }
    expect(each_file(self, NULL) == COUNT(ids), "%zu files", each_file(self, NULL));
    /* An agent without a conversation has a file of its own. */
    assert_int_equal(save(self, asm_str_make(NULL, 0), STATE), ASM_OK);
    expect_file(self, "agent-agent.jsonl", "{\"agent_id\":\"agent\"}\n" STATE "\n");
    assert_int_equal(load(self, ASM_STR("agent"), ASM_STR("agent"), text, sizeof text), ASM_ERR_NOT_FOUND);
    end_of_cases();
}

static void ids_of_any_length(void **state) {
    place *self = (place *)*state;
    static char id[5000];
    char text[512];
    memset(id, 'x', sizeof id);
    for (size_t size = FILE_STORE_MAX_ID - 2; size < FILE_STORE_MAX_ID + 3; size++)
        assert_int_equal(save(self, asm_str_make(id, size), STATE), ASM_OK);
    assert_int_equal(save(self, asm_str_make(id, sizeof id), STATE), ASM_OK);
    id[4999] = 'y';
    assert_int_equal(load(self, ASM_STR("a"), asm_str_make(id, sizeof id), text, sizeof text),
                     ASM_ERR_NOT_FOUND);
    assert_int_equal(save(self, asm_str_make(id, sizeof id), OTHER_STATE), ASM_OK);
    assert_int_equal(each_file(self, NULL), 7);
    /* A file for another id, as two with the same hash would have, is nobody's else. */
    char name[FILE_STORE_NAME_SIZE];
    const file_store_key key = {asm_str_make(id, 3000), true};
    file_store_write_name(key, name);
    write_file(self, name, HEAD STATE "\n", sizeof(HEAD STATE "\n") - 1);
    assert_int_equal(load(self, ASM_STR("a"), key.id, text, sizeof text), ASM_ERR_SYNTAX);
    assert_int_equal(each_file(self, NULL), 8);
    end_of_cases();
}

static void what_was_torn_is_left_out_and_kept(void **state) {
    place *self = (place *)*state;
    static const char whole[] = HEAD STATE "\n" TURN "\n" OTHER_STATE "\n" TURN "\n";
    static const char *const torn_name = "conversation-c.jsonl.torn-1";
    char text[2048];
    for (size_t size = 1; size <= sizeof whole - 1; size++) {
        size_t lines = 0, rest = size;
        while (rest > 0 && whole[rest - 1] != '\n')
            rest--;
        for (size_t i = 0; i < rest; i++)
            lines += whole[i] == '\n';
        write_file(self, "conversation-c.jsonl", whole, size);
        const asm_result result = load(self, ASM_STR("a"), C, text, sizeof text);
        expect(result == (lines < 2 ? ASM_ERR_NOT_FOUND : ASM_OK), "%zu bytes: %d", size, result);
        const asm_result appended = append(self, C, TURN);
        expect(appended == ASM_OK, "%zu bytes: %s", size, self->files.error);
        char expected[4096];
        snprintf(expected, sizeof expected, "%.*s%s" TURN "\n", (int)rest, whole, rest ? "" : HEAD);
        expect_file(self, "conversation-c.jsonl", expected);
        snprintf(expected, sizeof expected, "%.*s", (int)(size - rest), whole + rest);
        if (size > rest) {
            expect_file(self, torn_name, expected);
            remove_name(self, torn_name);
        }
        file_store_close(&self->files);
        assert_int_equal(each_file(self, NULL), 1);
    }
    assert_true(self->files.moved > 100);
    end_of_cases();
}

static void a_damaged_file_is_reported_and_kept(void **state) {
    static const char *const contents[] = {
        "hello\n",         HEAD "{\"version\":1,\"state\":{\"mess\n" TURN "\n",
        HEAD "[]\n",       STATE "\n",
        HEAD STATE "\n\n", "x",
        HEAD "\xFF\n"};
    place *self = (place *)*state;
    char text[512], kept[64];
    for (size_t i = 0; i < COUNT(contents); i++) {
        write_file(self, "conversation-c.jsonl", contents[i], strlen(contents[i]));
        expect(load(self, ASM_STR("a"), C, text, sizeof text) == ASM_ERR_SYNTAX, "case %zu", i);
        expect(strstr(self->files.error, "conversation-c.jsonl is damaged") != NULL, "%s", self->files.error);
        expect_file(self, "conversation-c.jsonl", contents[i]);
        expect(save(self, C, STATE) == ASM_OK, "%s", self->files.error);
        snprintf(kept, sizeof kept, "conversation-c.jsonl.damaged-%d", (int)i + 1);
        expect_file(self, kept, contents[i]);
        expect_file(self, "conversation-c.jsonl", HEAD STATE "\n");
        expect(self->files.moved == i + 1, "%lu", self->files.moved);
        file_store_close(&self->files);
    }
    end_of_cases();
}

static void another_process_is_kept_out(void **state) {
    place *self = (place *)*state;
    file_store second;
    const asm_state_store other = file_store_init(&second, self->directory);
    asm_buffer out;
    int status;
    assert_int_equal(save(self, C, STATE), ASM_OK);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        file_store own;
        const asm_state_store mine = file_store_init(&own, self->directory);
        asm_buffer text;
        asm_buffer_init_growing(&text);
        const asm_result result = mine.load(mine.user, ASM_STR("a"), C, &text);
        _exit(result == ASM_ERR_OPEN &&
                      strcmp(own.error, "conversation-c.jsonl is used by another process") == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    asm_buffer_init_growing(&out);
    assert_int_equal(other.load(other.user, ASM_STR("a"), C, &out), ASM_ERR_OPEN); /* nor another store */
    /* When the agent has ended the file is free. */
    assert_int_equal(save_as(self, C, OTHER_STATE, CHANGES, ASM_SAVE_ON_SHUTDOWN), ASM_OK);
    assert_int_equal(other.load(other.user, ASM_STR("a"), C, &out), ASM_OK);
    asm_buffer_close(&out);
    file_store_close(&second);
    end_of_cases();
}

static void what_is_no_file_is_left_alone(void **state) {
    place *self = (place *)*state;
    char text[64];
    assert_int_equal(mkfifo(path_of(self, "conversation-fifo.jsonl"), 0600), 0);
    assert_int_equal(symlink("elsewhere", path_of(self, "conversation-link.jsonl")), 0);
    write_file(self, "elsewhere", "kept", 4);
    const asm_str ids[] = {ASM_STR("fifo"), ASM_STR("link")};
    for (size_t i = 0; i < COUNT(ids); i++) { /* and nobody waits for who might write to the FIFO */
        expect(load(self, ASM_STR("a"), ids[i], text, sizeof text) == ASM_ERR_OPEN, "%s", shown(ids[i]));
        expect(save(self, ids[i], STATE) == ASM_ERR_OPEN, "%s", shown(ids[i]));
        expect(append(self, ids[i], TURN) == ASM_ERR_OPEN, "%s", shown(ids[i]));
    }
    expect_file(self, "elsewhere", "kept");
    file_store missing;
    const asm_state_store store = file_store_init(&missing, "/nowhere/at/all");
    const asm_snapshot snapshot = {ASM_SAVE_ON_ERROR, asm_str_from(STATE), {NULL, 0}};
    assert_int_equal(store.save(store.user, ASM_STR("a"), C, &snapshot), ASM_ERR_OPEN);
    assert_non_null(strstr(missing.error, "opening /nowhere/at/all: "));
    end_of_cases();
}

static void a_full_disk_changes_nothing(void **state) {
    place *self = (place *)*state;
    char text[2048];
    struct rlimit old, limit;
    assert_int_equal(save(self, C, STATE), ASM_OK);
    const off_t size = self->files.files->size;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    for (rlim_t room = 0; room < sizeof OTHER_STATE; room += 7) {
        limit = old;
        limit.rlim_cur = (rlim_t)size + room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        const asm_result result = save(self, C, OTHER_STATE);
        const asm_result appended = append(self, C, OTHER_STATE);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        expect(result == ASM_ERR_WRITE && appended == ASM_ERR_WRITE, "%d %d", result, appended);
        expect(strstr(self->files.error, "writing conversation-c.jsonl: ") != NULL, "%s", self->files.error);
        expect_file(self, "conversation-c.jsonl", HEAD STATE "\n");
    }
    assert_int_equal(append(self, C, TURN), ASM_OK); /* there is room again */
    assert_int_equal(load(self, ASM_STR("a"), C, text, sizeof text), ASM_OK);
    assert_string_equal(text, STATE "\n" TURN "\n");
    end_of_cases();
}

static void without_memory_nothing_is_lost(void **state) {
    place *self = (place *)*state;
    char text[512];
    assert_int_equal(save(self, C, STATE), ASM_OK);
    fail_allocations_from(1);
    const asm_result saved = save(self, C, OTHER_STATE), appended = append(self, C, TURN);
    const asm_result loaded = load(self, ASM_STR("a"), C, text, sizeof text);
    fail_allocations_from(0);
    assert_int_equal(saved, ASM_ERR_NO_MEMORY);
    assert_int_equal(appended, ASM_ERR_NO_MEMORY);
    assert_int_equal(loaded, ASM_ERR_NO_MEMORY);
    expect_file(self, "conversation-c.jsonl", HEAD STATE "\n");
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static asm_result list_one(void *user, const asm_conversation *conversation) {
    char *out = (char *)user + strlen((char *)user);
    sprintf(out, "%.*s%s%.*s|%.*s|%.*s|%ld\n", (int)conversation->conversation_id.size,
            conversation->conversation_id.data ? conversation->conversation_id.data : "",
            conversation->conversation_id.data ? "" : "agent ", (int)conversation->agent_id.size,
            conversation->agent_id.data ? conversation->agent_id.data : "", (int)conversation->title.size,
            conversation->title.data ? conversation->title.data : "", (int)conversation->status.size,
            conversation->status.data ? conversation->status.data : "",
            (long)(conversation->saved_at / 1000000));
    return ASM_OK;
}

static void conversations_are_listed(void **state) {
    place *self = (place *)*state;
    char list[1024] = "";
    assert_int_equal(save(self, C, STATE), ASM_OK);
    assert_int_equal(
        save_as(
            self, C, STATE,
            "{\"version\":1,\"status\":\"interrupted\",\"state\":{\"metadata\":{\"title\":\"A \\\"t\\\"\"}},"
            "\"serialized_at\":\"2026-02-09T12:00:00Z\"}",
            ASM_SAVE_ON_INTERRUPT),
        ASM_OK);
    assert_int_equal(append(self, C, TURN), ASM_OK);
    write_file(self, "conversation-bad.jsonl", "?\n", 2);
    write_file(self, "notes.txt", "x", 1);
    assert_int_equal(self->store.list(self->store.user, list_one, list), ASM_OK);
    assert_string_equal(list, "c|A \"t\"|interrupted|1770638400\n");
    assert_string_equal(self->files.error, "conversation-bad.jsonl is damaged");
    list[0] = 0;
    remove_name(self, "conversation-bad.jsonl");
    assert_int_equal(save(self, asm_str_make(NULL, 0), STATE), ASM_OK);
    assert_int_equal(self->store.list(self->store.user, list_one, list), ASM_OK);
    expect(strstr(list, "agent agent|||0\n") != NULL, "%s", list);
    end_of_cases();
}

/* ---- With agents ---- */

static asm_outcome finish(void *user, asm_execution execution) {
    (void)user, (void)execution;
    return ASM_OUTCOME_COMPLETED;
}

static asm_result start_agent(asm_agent_server *server, const place *self) {
    asm_agent_options options;
    memset(&options, 0, sizeof options);
    options.id = ASM_STR("a");
    options.config.driver.execute = finish;
    options.state_store = &self->store;
    return asm_agent_start(server, &options);
}

static void an_agent_goes_on_where_it_was_but_not_from_a_damaged_file(void **state) {
    place *self = (place *)*state;
    asm_agent_server server;
    asm_turn message;
    asm_agent_info info;
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("user");
    message.content = ASM_STR("hello");
    asm_agent_server_init(&server, NULL);
    assert_int_equal(start_agent(&server, self), ASM_OK);
    assert_int_equal(asm_agent_add_turn(&server, ASM_STR("a"), &message), ASM_OK);
    assert_int_equal(asm_agent_stop(&server, ASM_STR("a")), ASM_OK);
    assert_int_equal(start_agent(&server, self), ASM_OK);
    assert_int_equal(asm_agent_get_info(&server, ASM_STR("a"), &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 1);
    expect_text(info.state.turns[0].content, ASM_STR("hello"));
    assert_int_equal(asm_agent_stop(&server, ASM_STR("a")), ASM_OK);

    write_file(self, "agent-a.jsonl", "{\"version\":1,}\n", 15);
    assert_int_equal(start_agent(&server, self), ASM_ERR_SYNTAX);
    assert_false(asm_agent_exists(&server, ASM_STR("a")));
    expect_file(self, "agent-a.jsonl", "{\"version\":1,}\n");
    asm_agent_server_close(&server);
    end_of_cases();
}

/* What the process that is killed tells the one that kills. */
typedef struct shared {
    volatile int turns; /* so many turns of the user are known to be kept */
    volatile int failed;
} shared;

static asm_outcome call_and_wait(void *user, asm_execution execution) {
    const shared *told = (const shared *)user;
    char calls[128];
    asm_turn turn;
    asm_tool_payload tool;
    asm_action_request call;
    size_t at = 0;
    if (execution.slice % 3 == 0) {
        memset(&turn, 0, sizeof turn);
        turn.role = ASM_STR("assistant");
        snprintf(calls, sizeof calls, "[{\"id\":\"c%d\",\"name\":\"run\"},{\"id\":\"d%d\",\"name\":\"run\"}]",
                 told->turns, told->turns);
        turn.tool_calls = asm_str_from(calls);
        (void)asm_emit_turn(execution, &turn);
    } else if (asm_execution_next_open_call(execution, &at, &call)) {
        memset(&tool, 0, sizeof tool);
        tool.call_id = call.tool_call_id;
        tool.output = ASM_STR("done");
        (void)asm_emit_result(execution, &tool, asm_str_make(NULL, 0));
    }
    if (execution.slice < 4) return ASM_OUTCOME_CONTINUE;
    (void)asm_execution_next_open_call(execution, &at, &call);
    return execution.slice % 2 ? asm_interrupt(execution, &call, 1) : ASM_OUTCOME_COMPLETED;
}

/* Talks without end, until it is killed. */
static void talk(const place *place_of, shared *told, int turns) {
    asm_agent_server server;
    asm_agent_options options;
    asm_turn turn;
    char text[32];
    memset(&options, 0, sizeof options);
    options.id = ASM_STR("a");
    options.config.driver.execute = call_and_wait;
    options.config.driver.user = told;
    options.state_store = &place_of->store;
    asm_agent_server_init(&server, NULL);
    told->failed = asm_agent_start(&server, &options) != ASM_OK;
    for (int i = turns; !told->failed; i++) {
        memset(&turn, 0, sizeof turn);
        turn.role = ASM_STR("user");
        snprintf(text, sizeof text, "turn %d", i);
        turn.content = asm_str_from(text);
        told->failed = asm_agent_add_turn(&server, ASM_STR("a"), &turn) != ASM_OK || server.failures > 0;
        told->turns = i + 1;
        if (asm_agent_execute(&server, ASM_STR("a")) != ASM_OK) told->failed = 1;
        for (int slice = 0; slice < 8; slice++)
            (void)asm_agent_server_poll(&server, 1, slice);
    }
}

/* Whether each call has its result before anything else follows, and every turn that was told is there. */
static void check_conversation(const asm_agent_state *state, int turns) {
    size_t open = 0;
    int said = 0;
    for (size_t i = 0; i < state->turn_count; i++) {
        const asm_turn *turn = &state->turns[i];
        if (turn->tool_results.data) {
            expect(open > 0, "a result that nobody waits for, turn %zu", i);
            open--;
            continue;
        }
        expect(open == 0, "a call without a result, turn %zu", i);
        if (turn->tool_calls.data) open = 2;
        char text[32];
        snprintf(text, sizeof text, "turn %d", said);
        if (asm_str_equal(turn->role, ASM_STR("user"))) {
            expect_text(turn->content, asm_str_from(text));
            said++;
        }
    }
    expect(open == 0, "a call without a result at the end");
    expect(said >= turns, "%d of %d turns", said, turns);
}

/* Memory that two processes share. */
static shared *share(const place *self) {
    const int fd = open(path_of(self, "shared"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof(shared)), 0);
    void *memory = mmap(NULL, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    close(fd);
    remove_name(self, "shared");
    return (shared *)memory;
}

static void what_was_told_survives_a_kill(void **state) {
    enum { KILLS = 100 };
    place *self = (place *)*state;
    uint64_t chance = 7;
    shared *told = share(self);
    told->turns = 0;
    for (int kills = 0; kills < KILLS; kills++) {
        const int before = told->turns;
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            talk(self, told, before);
            _exit(1);
        }
        struct timespec time = {0, (long)(next_random(&chance) % 3000000)};
        while (told->turns < before + 1 && !told->failed)
            nanosleep(&(struct timespec){0, 100000}, NULL);
        nanosleep(&time, NULL);
        int status;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        expect(WIFSIGNALED(status) && !told->failed, "kill %d: %s", kills, self->files.error);
        asm_agent_server server;
        asm_agent_info info;
        asm_agent_server_init(&server, NULL);
        const asm_result started = start_agent(&server, self);
        expect(started == ASM_OK, "kill %d: %s; %s", kills, server.error, self->files.error);
        if (started == ASM_OK) {
            assert_int_equal(asm_agent_get_info(&server, ASM_STR("a"), &info), ASM_OK);
            check_conversation(&info.state, told->turns);
            int said = 0; /* one more may have been kept than was told */
            for (size_t i = 0; i < info.state.turn_count; i++)
                said += asm_str_equal(info.state.turns[i].role, ASM_STR("user"));
            told->turns = said;
        }
        asm_agent_server_close(&server);
        file_store_close(&self->files);
        end_of_cases();
    }
    assert_true(told->turns >= KILLS); /* one before each kill, more where the machine is quick */
    munmap(told, sizeof *told);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_kept_is_loaded),
        TEST(a_state_is_written_now_and_then),
        TEST(no_id_leaves_the_directory_or_meets_another),
        TEST(ids_of_any_length),
        TEST(what_was_torn_is_left_out_and_kept),
        TEST(a_damaged_file_is_reported_and_kept),
        TEST(another_process_is_kept_out),
        TEST(what_is_no_file_is_left_alone),
        TEST(a_full_disk_changes_nothing),
        TEST(without_memory_nothing_is_lost),
        TEST(conversations_are_listed),
        TEST(an_agent_goes_on_where_it_was_but_not_from_a_damaged_file),
        TEST(what_was_told_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
