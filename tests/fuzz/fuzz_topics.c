/* Topics and patterns: what was built comes apart again, different ids give different topics, and patterns match what
 * a naive matcher says. An input: prefix, session, run and another session between LF, then a pattern and a topic. */
#include "fuzz.h"

#include "asm_pubsub.h"

#include "../reference_pubsub.h"

typedef struct built {
    char *text;
    size_t size;
} built;

/* Builds a topic of `kind` from `parts` twice: once to learn its size, once into as much memory. */
static built build(const asm_topic_parts *parts) {
    built topic;
    topic.size = rebuild_topic(NULL, 0, parts);
    topic.text = exact_block(topic.size + 1);
    if (topic.size != 0) memset(topic.text, 'x', topic.size + 1);
    expect(rebuild_topic(topic.text, topic.size + 1, parts) == topic.size, "kind %d", parts->kind);
    expect(topic.size == 0 || strlen(topic.text) == topic.size, "kind %d: %s", parts->kind, topic.text);
    return topic;
}

static bool same_parts(const asm_topic_parts *a, const asm_topic_parts *b) {
    return a->kind == b->kind && asm_str_equal(a->prefix, b->prefix) &&
           asm_str_equal(a->session_id, b->session_id) && asm_str_equal(a->run_id, b->run_id) &&
           asm_str_equal(a->event_type, b->event_type) && asm_str_equal(a->agent_id, b->agent_id);
}

/* The topic taken apart; what it is made of lives in `memory`, which the caller frees. */
static asm_topic_parts take_apart(const char *topic, char **memory) {
    asm_topic_parts parts;
    const size_t size = strlen(topic);
    *memory = (char *)malloc(size + 1);
    assert_non_null(*memory);
    char *block = exact_block(size);
    const asm_result result = asm_topic_parse(topic, &parts, block, size);
    free_block(block, size);
    expect(result == (size ? ASM_OK : ASM_ERR_INVALID_ARGUMENT), "%s: %s", topic, asm_result_string(result));
    if (size == 0 || asm_topic_parse(topic, &parts, *memory, size) != ASM_OK) memset(&parts, 0, sizeof parts);
    return parts;
}

static void check_anything(const char *topic) {
    char *memory;
    const asm_topic_parts parts = take_apart(topic, &memory);
    if (parts.kind != ASM_TOPIC_CUSTOM) {
        const built again = build(&parts);
        expect(again.size != 0 && strcmp(again.text, topic) == 0, "%s became %s", topic, again.text);
        free_block(again.text, again.size + 1);
    }
    free(memory);
}

/* `parts` with absent ids where its kind has no place for them, and the default prefix spelled out. */
static asm_topic_parts parts_of(asm_topic_kind kind, asm_str prefix, asm_str id, asm_str more) {
    asm_topic_parts parts;
    memset(&parts, 0, sizeof parts);
    parts.kind = kind;
    if (kind == ASM_TOPIC_AGENT || kind == ASM_TOPIC_AGENT_DEBUG) {
        parts.agent_id = id;
        return parts;
    }
    parts.session_id = id;
    if (kind == ASM_TOPIC_CHANNEL) return parts;
    parts.prefix = prefix.size ? prefix : ASM_STR(ASM_TOPIC_PREFIX);
    if (kind == ASM_TOPIC_RUN) parts.run_id = more;
    if (kind == ASM_TOPIC_TYPE) parts.event_type = more;
    return parts;
}

static const asm_topic_kind kinds[] = {ASM_TOPIC_SESSION, ASM_TOPIC_RUN,         ASM_TOPIC_TYPE,
                                       ASM_TOPIC_AGENT,   ASM_TOPIC_AGENT_DEBUG, ASM_TOPIC_CHANNEL};

static void check_round_trips(asm_str prefix, asm_str session_id, asm_str more) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const asm_topic_parts parts = parts_of(kinds[i], prefix, session_id, more);
        const built topic = build(&parts);
        const bool lacks_id = session_id.size == 0 || (more.size == 0 && (i == 1 || i == 2)) ||
                              (i == 3 && asm_str_equal(session_id, ASM_STR("presence")));
        expect((topic.size == 0) == lacks_id, "kind %d: %s", (int)i, topic.text);
        if (topic.size != 0) {
            char *memory;
            const asm_topic_parts again = take_apart(topic.text, &memory);
            expect(same_parts(&again, &parts), "kind %d: %s", (int)i, topic.text);
            free(memory);
        }
        free_block(topic.text, topic.size + 1);
    }
}

/* No two ways to name one topic: of any kind, with any two of the ids. */
static void check_injective(asm_str prefix, asm_str one, asm_str other, asm_str more) {
    for (size_t i = 0; i < COUNT(kinds); i++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            const asm_topic_parts a = parts_of(kinds[i], prefix, one, more),
                                  b = parts_of(kinds[k], prefix, other, more);
            const built a_topic = build(&a), b_topic = build(&b);
            if (a_topic.size != 0 && b_topic.size != 0)
                expect((strcmp(a_topic.text, b_topic.text) == 0) == same_parts(&a, &b), "%s and %s",
                       a_topic.text, b_topic.text);
            free_block(a_topic.text, a_topic.size + 1);
            free_block(b_topic.text, b_topic.size + 1);
        }
    }
}

static void check_pattern(const char *pattern, const char *topic) {
    expect((asm_pattern_check(pattern) == ASM_OK) == reference_is_pattern(pattern), "%s", pattern);
    expect(asm_pattern_matches(pattern, topic) == reference_matches(pattern, topic), "%s on %s", pattern,
           topic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input input = fuzz_begin(data, size < 1024 ? size : 1024);
    const asm_str prefix = fuzz_text(&input, '\n'), session_id = fuzz_text(&input, '\n'),
                  more = fuzz_text(&input, '\n'), other = fuzz_text(&input, '\n');
    char *pattern = fuzz_string(fuzz_text(&input, '\n')), *topic = fuzz_string(fuzz_text(&input, '\n'));
    check_round_trips(prefix, session_id, more);
    check_injective(prefix, session_id, other, more);
    check_anything(topic);
    check_anything(pattern);
    check_pattern(pattern, topic);
    check_pattern(topic, topic);
    free(pattern);
    free(topic);
    end_of_cases();
    return 0;
}
