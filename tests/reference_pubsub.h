/* References for topics and patterns, written without regard to speed. Include it after asm_pubsub.h. */
#ifndef TESTS_REFERENCE_PUBSUB_H
#define TESTS_REFERENCE_PUBSUB_H

#include <stdio.h>
#include <string.h>

/* Builds the topic of `parts` again. */
static inline size_t rebuild_topic(char *out, size_t size, const asm_topic_parts *parts) {
    switch (parts->kind) {
    case ASM_TOPIC_SESSION:
        return asm_topic_session(out, size, parts->prefix, parts->session_id);
    case ASM_TOPIC_RUN:
        return asm_topic_run(out, size, parts->prefix, parts->session_id, parts->run_id);
    case ASM_TOPIC_TYPE:
        return asm_topic_type(out, size, parts->prefix, parts->session_id, parts->event_type);
    case ASM_TOPIC_AGENT:
        return asm_topic_agent(out, size, parts->agent_id);
    case ASM_TOPIC_AGENT_DEBUG:
        return asm_topic_agent_debug(out, size, parts->agent_id);
    case ASM_TOPIC_CHANNEL:
        return asm_topic_channel(out, size, parts->session_id);
    default:
        return (size_t)snprintf(out, size, "%s", ASM_TOPIC_AGENT_PRESENCE);
    }
}

/* Where the segment at `text` ends. */
static inline size_t segment_size(const char *text) {
    return strcspn(text, ":");
}

static inline bool reference_is_pattern(const char *pattern) {
    size_t segments = 1;
    if (!pattern[0]) return false;
    for (const char *at = pattern;; segments++) {
        const size_t size = segment_size(at);
        const bool is_rest = size == 2 && memcmp(at, "**", 2) == 0, is_last = at[size] == 0;
        if (memchr(at, '*', size) && size != 1 && !(is_rest && is_last)) return false;
        if (is_last) return segments <= ASM_PATTERN_MAX_SEGMENTS;
        at += size + 1;
    }
}

/* Segment by segment; NULL after the last one. */
static inline bool reference_matches(const char *pattern, const char *topic) {
    if (!reference_is_pattern(pattern) || !topic[0]) return false;
    for (;;) {
        if (pattern && strcmp(pattern, "**") == 0) return true;
        if (!pattern || !topic) return !pattern && !topic;
        const size_t size = segment_size(pattern), topic_size = segment_size(topic);
        const bool is_any = size == 1 && pattern[0] == '*';
        if (!is_any && (size != topic_size || memcmp(pattern, topic, size) != 0)) return false;
        pattern = pattern[size] ? pattern + size + 1 : NULL;
        topic = topic[topic_size] ? topic + topic_size + 1 : NULL;
    }
}

#endif
