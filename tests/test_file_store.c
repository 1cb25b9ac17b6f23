/* examples/file_store.h: what it keeps, and what happens to files when something goes wrong. */
#include "support.h"

#include "asm_agent.h"
#include "examples/file_store.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

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
    char content[4096];
    FILE *file = fopen(path_of(self, name), "rb");
    expect(file != NULL, "%s is missing", name);
    if (!file) return;
    const size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    expect_text(asm_str_make(content, size), asm_str_from(text));
}

static asm_result save(place *self, asm_str conversation_id, const char *text) {
    const asm_snapshot snapshot = {ASM_SAVE_ON_COMPLETION, asm_str_from(text), {NULL, 0}};
    return self->store.save(self->store.user, ASM_STR("agent"), conversation_id, &snapshot);
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

/* ---- Tests ---- */

static void what_was_saved_is_loaded(void **state) {
    place *self = (place *)*state;
    char text[512];
    assert_int_equal(load(self, ASM_STR("agent"), ASM_STR("c"), text, sizeof text), ASM_ERR_NOT_FOUND);
    assert_int_equal(save(self, ASM_STR("c"), STATE), ASM_OK);
    assert_int_equal(save(self, ASM_STR("c"), OTHER_STATE), ASM_OK);
    assert_int_equal(load(self, ASM_STR("any"), ASM_STR("c"), text, sizeof text), ASM_OK);
    assert_string_equal(text, OTHER_STATE "\n");
    assert_int_equal(each_file(self, NULL), 1);
    expect_file(self, "conversation-c.json", OTHER_STATE "\n");
    end_of_cases();
}

static void an_agent_without_a_conversation_has_a_file_of_its_own(void **state) {
    place *self = (place *)*state;
    char text[512];
    assert_int_equal(save(self, asm_str_make(NULL, 0), STATE), ASM_OK);
    expect_file(self, "agent-agent.json", STATE "\n");
    assert_int_equal(load(self, ASM_STR("other"), ASM_STR("agent"), text, sizeof text), ASM_ERR_NOT_FOUND);
    assert_int_equal(load(self, ASM_STR("agent"), asm_str_make(NULL, 0), text, sizeof text), ASM_OK);
    end_of_cases();
}

static void no_id_leaves_the_directory_or_meets_another(void **state) {
    static const asm_str ids[] = {
        TEXT(""),      TEXT("."),     TEXT(".."),       TEXT("../x"),       TEXT("/etc/passwd"), TEXT("a/b"),
        TEXT("a%2fb"), TEXT("a%2Fb"), TEXT("A"),        TEXT("a"),          TEXT("a\0b"),        TEXT("a\0c"),
        TEXT("a b"),   TEXT("a\nb"),  TEXT("\xC3\xA9"), TEXT("\xC3"),       TEXT("a.json"),      TEXT("a\\b"),
        TEXT("CON"),   TEXT("con:"),  TEXT("~"),        TEXT("a.json.new"), TEXT("-rf"),
    };
    place *self = (place *)*state;
    char text[512], own[512];
    for (size_t i = 0; i < COUNT(ids); i++) {
        snprintf(own, sizeof own, "{\"version\":1,\"state\":{},\"n\":%d}", (int)i);
        expect(save(self, ids[i], own) == ASM_OK, "%s: %s", shown(ids[i]), self->files.error);
    }
    assert_int_equal(each_file(self, NULL), COUNT(ids));
    for (size_t i = 0; i < COUNT(ids); i++) {
        snprintf(own, sizeof own, "{\"version\":1,\"state\":{},\"n\":%d}\n", (int)i);
        expect(load(self, ASM_STR("x"), ids[i], text, sizeof text) == ASM_OK, "%s", shown(ids[i]));
        expect_text(asm_str_from(text), asm_str_from(own));
    }
    expect_file(self, "conversation-%2e%2e%2fx.json", "{\"version\":1,\"state\":{},\"n\":3}\n");
    /* Not even where upper and lower case are the same. */
    expect_file(self, "conversation-%41.json", "{\"version\":1,\"state\":{},\"n\":8}\n");
    expect_file(self, "conversation-a%252%46b.json", "{\"version\":1,\"state\":{},\"n\":7}\n");
    end_of_cases();
}

static void names_are_not_cut(void **state) {
    place *self = (place *)*state;
    char id[FILE_STORE_MAX_ID + 1], text[512];
    memset(id, 'a', sizeof id);
    const asm_str longest = asm_str_make(id, FILE_STORE_MAX_ID), too_long = asm_str_make(id, sizeof id);
    assert_int_equal(save(self, too_long, STATE), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(load(self, ASM_STR("x"), too_long, text, sizeof text), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(each_file(self, NULL), 0);
    assert_int_equal(save(self, longest, STATE), ASM_OK);
    memset(id, '/', sizeof id);
    assert_int_equal(save(self, asm_str_make(id, FILE_STORE_MAX_ID / 3), STATE), ASM_OK);
    assert_int_equal(save(self, asm_str_make(id, FILE_STORE_MAX_ID / 3 + 1), STATE),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(each_file(self, NULL), 2);
}

static void a_damaged_file_is_reported_and_kept(void **state) {
    place *self = (place *)*state;
    char text[512], kept[64];
    int damaged = 0;
    /* Every beginning of a state, some of which are valid JSON no more than a text file is. */
    for (size_t size = 0; size < sizeof STATE - 1; size += 7) {
        write_file(self, "conversation-c.json", STATE, size);
        expect(load(self, ASM_STR("x"), ASM_STR("c"), text, sizeof text) == ASM_ERR_SYNTAX, "%d bytes",
               (int)size);
        expect(strstr(self->files.error, "conversation-c.json is damaged") != NULL, "%s", self->files.error);
        expect(save(self, ASM_STR("c"), OTHER_STATE) == ASM_OK, "%s", self->files.error);
        expect_file(self, "conversation-c.json", OTHER_STATE "\n");
        snprintf(kept, sizeof kept, "conversation-c.json.damaged-%d", ++damaged);
        snprintf(text, sizeof text, "%.*s", (int)size, STATE);
        expect_file(self, kept, text);
        expect(strstr(self->files.error, kept) != NULL, "%s", self->files.error);
    }
    assert_int_equal(self->files.moved, damaged);
    assert_int_equal(each_file(self, NULL), damaged + 1);
    end_of_cases();
}

static void what_is_no_state_is_damaged(void **state) {
    static const asm_str contents[] = {
        TEXT("[]"),
        TEXT("{}"),
        TEXT("{\"state\":{}}"),
        TEXT("{\"version\":1}"),
        TEXT("{\"version\":1,\"state\":[]}"),
        TEXT(STATE STATE),
        TEXT(STATE "\0"),
        TEXT("{\"version\":1,\"state\":{\"a\":\"\xFF\"}}"),
    };
    place *self = (place *)*state;
    char text[512];
    for (size_t i = 0; i < COUNT(contents); i++) {
        write_file(self, "agent-a.json", contents[i].data, contents[i].size);
        expect(load(self, ASM_STR("a"), asm_str_make(NULL, 0), text, sizeof text) == ASM_ERR_SYNTAX, "%s",
               shown(contents[i]));
    }
    end_of_cases();
}

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

    write_file(self, "agent-a.json", "{\"version\":1,", 13);
    assert_int_equal(start_agent(&server, self), ASM_ERR_SYNTAX);
    assert_false(asm_agent_exists(&server, ASM_STR("a")));
    expect_file(self, "agent-a.json", "{\"version\":1,");
    asm_agent_server_close(&server);
    end_of_cases();
}

static void a_directory_that_cannot_be_used_is_an_error(void **state) {
    place *self = (place *)*state;
    char text[512];
    self->files.directory = path_of(self, "missing");
    assert_int_equal(load(self, ASM_STR("a"), ASM_STR("c"), text, sizeof text), ASM_ERR_OPEN);
    assert_int_equal(save(self, ASM_STR("c"), STATE), ASM_ERR_OPEN);
    assert_non_null(strstr(self->files.error, "missing"));

    self->files.directory = self->directory;
    assert_int_equal(chmod(self->directory, 0555), 0);
    const uid_t user = geteuid();
    if (user == 0 && seteuid(65534) != 0) skip(); /* the superuser may write everywhere */
    const asm_result result = save(self, ASM_STR("c"), STATE);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(self->directory, 0700), 0);
    assert_int_equal(result, ASM_ERR_OPEN);
    assert_int_equal(each_file(self, NULL), 0);
}

static void a_temporary_file_left_behind_does_no_harm(void **state) {
    place *self = (place *)*state;
    char text[512];
    char half[4000]; /* longer than what takes its place */
    memset(half, 'x', sizeof half);
    write_file(self, "conversation-c.json.new", half, sizeof half);
    assert_int_equal(load(self, ASM_STR("a"), ASM_STR("c"), text, sizeof text), ASM_ERR_NOT_FOUND);
    assert_int_equal(save(self, ASM_STR("c"), STATE), ASM_OK);
    expect_file(self, "conversation-c.json", STATE "\n");
    assert_int_equal(each_file(self, NULL), 1);
    end_of_cases();
}

static void a_full_disk_changes_nothing(void **state) {
    place *self = (place *)*state;
    struct rlimit before, limit;
    assert_int_equal(save(self, ASM_STR("c"), STATE), ASM_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 40; /* stands for a disk with room for half of it */
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const asm_result result = save(self, ASM_STR("c"), OTHER_STATE);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, ASM_ERR_WRITE);
    assert_non_null(strstr(self->files.error, "writing conversation-c.json.new"));
    expect_file(self, "conversation-c.json", STATE "\n");
    assert_int_equal(each_file(self, NULL), 1);
    end_of_cases();
}

static void what_is_no_file_is_left_alone(void **state) {
    place *self = (place *)*state;
    char text[512];
    assert_int_equal(mkdir(path_of(self, "conversation-d.json"), 0700), 0);
    assert_int_equal(mkfifo(path_of(self, "conversation-f.json"), 0600), 0);
    write_file(self, "elsewhere", "kept", 4);
    assert_int_equal(symlink("elsewhere", path_of(self, "conversation-s.json")), 0);
    assert_int_equal(symlink("elsewhere", path_of(self, "conversation-t.json.new")), 0);
    static const asm_str ids[] = {TEXT("d"), TEXT("f"), TEXT("s")};
    for (size_t i = 0; i < COUNT(ids); i++) {
        expect(load(self, ASM_STR("a"), ids[i], text, sizeof text) == ASM_ERR_OPEN, "%s", shown(ids[i]));
        expect(save(self, ids[i], STATE) == ASM_ERR_OPEN, "%s", shown(ids[i]));
    }
    expect(save(self, ASM_STR("t"), STATE) == ASM_ERR_OPEN, "a link in place of the temporary file");
    expect_file(self, "elsewhere", "kept");
    end_of_cases();
}

static void without_memory_nothing_is_lost(void **state) {
    place *self = (place *)*state;
    char text[512];
    assert_int_equal(save(self, ASM_STR("c"), STATE), ASM_OK);
    fail_allocations_from(1);
    const asm_result loaded = load(self, ASM_STR("a"), ASM_STR("c"), text, sizeof text);
    const asm_result saved = save(self, ASM_STR("c"), OTHER_STATE);
    fail_allocations_from(0);
    assert_int_equal(loaded, ASM_ERR_NO_MEMORY);
    assert_int_equal(saved, ASM_ERR_NO_MEMORY); /* it could not look at what it would replace */
    expect_file(self, "conversation-c.json", STATE "\n");
    assert_int_equal(each_file(self, NULL), 1);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_place, remove_place)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_loaded),
        TEST(an_agent_without_a_conversation_has_a_file_of_its_own),
        TEST(no_id_leaves_the_directory_or_meets_another),
        TEST(names_are_not_cut),
        TEST(a_damaged_file_is_reported_and_kept),
        TEST(what_is_no_state_is_damaged),
        TEST(an_agent_goes_on_where_it_was_but_not_from_a_damaged_file),
        TEST(a_directory_that_cannot_be_used_is_an_error),
        TEST(a_temporary_file_left_behind_does_no_harm),
        TEST(a_full_disk_changes_nothing),
        TEST(what_is_no_file_is_left_alone),
        TEST(without_memory_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
