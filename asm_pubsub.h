/* asm_pubsub.h - v0.1.0 - who hears of an agent session: topics, dispatcher, presence, mailbox, UI envelopes
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_pubsub.h"
 *   ASM_PUBSUB_IMPLEMENTATION builds this header only (asm_json.h, asm_events.h and asm_render.h, which it includes,
 *   must then be built elsewhere); ASM_STATIC makes everything static. See asm_json.h.
 *   That file includes stb_ds.h if the compiler finds it as "stb_ds.h" or <stb/stb_ds.h>, and does without if not.
 *   Its arrays are used, none of its functions: whether and where your program defines STB_DS_IMPLEMENTATION does
 *   not matter. It is included without its short names (arrput, ...): a file that uses them includes it first.
 *
 * OPTIONS (beside those of asm_json.h; I: matters only to the file that holds the implementation)
 *   ASM_NO_STB_DS              I  do without stb_ds.h even if it is there
 *   ASM_ATOMIC_LOAD(p)         I  atomics of the mailbox, on a uint32_t: define both or none. Load acquires,
 *   ASM_ATOMIC_EXCHANGE(p, v)  I  exchange acquires and releases. default: the builtins of gcc and clang; other
 *                                 compilers have no mailbox without these
 *
 * OVERVIEW
 *   topics        names such as asm:session:ses_1, built and taken apart without allocation; patterns of them
 *   asm_pubsub    the dispatcher: calls the subscribers of a topic, in this thread, before publish returns
 *   sink          publishes every event of a pipeline; an event callback does the same without a pipeline
 *   presence      who is there: keys that join and leave a topic
 *   mailbox       a bounded queue to another thread, or to a slower consumer
 *   broadcaster   what a user interface wants to know of a session, as JSON over SSE, JSON Lines or a topic
 *
 * EXAMPLE
 *       static void audit(void *user, const asm_message *message) {
 *           const asm_str tool = message->event->tool.name;
 *           printf("%s: %.*s\n", message->topic, (int)tool.size, tool.data);
 *       }
 *
 *       asm_pubsub bus;
 *       asm_pubsub_init(&bus, NULL);
 *       asm_pubsub_subscribe_pattern(&bus, "asm:session:*:type:tool_call_started", audit, NULL, NULL);
 *
 *       asm_studio studio;
 *       asm_tty_sink tty;
 *       asm_pubsub_sink fanout;
 *       asm_sink sinks[] = {
 *           asm_tty_sink_init(&tty, NULL),
 *           asm_pubsub_sink_init(&fanout, &(asm_pubsub_sink_options){ .pubsub = &bus,
 *                                                                     .scope = ASM_SCOPE_TYPE }),
 *       };
 *       asm_pipeline pipeline;
 *       asm_pipeline_init(&pipeline, &(asm_pipeline_options){
 *           .renderer = asm_studio_init(&studio, NULL), .sinks = sinks, .sink_count = 2 });
 *
 *       asm_pipeline_event(&pipeline, &event);               for each event
 *
 *       asm_result result = asm_pipeline_close(&pipeline);   the first thing that went wrong, if any
 *       asm_pubsub_close(&bus);
 *
 * CALLS FROM INSIDE A SUBSCRIBER
 *   Everything is allowed there, with these rules:
 *
 *       subscribe            the new subscription gets its first message from the next publish
 *       unsubscribe          whoever it was is not called any more, even if it stood later in the same round
 *       unsubscribe itself   allowed; the call that is under way goes on
 *       publish              the rounds under way are brought to their end first, then the new message goes
 *                            out. So every subscriber receives all messages in the order in which they were
 *                            published, and when publish returns, all have been called
 *       publish, nested past asm_pubsub_options.max_depth (32)
 *                            refused: ASM_ERR_DEPTH, counted in `dropped`
 *       asm_topic_release    allowed, also for the topic that is being published
 *       asm_pubsub_close     refused: ASM_ERR_MISUSE
 *
 *   A subscriber returns nothing: it cannot stop the delivery to the others. The message and all it points to
 *   are valid during the call only.
 *
 *   The other callbacks may call everything, too. What they were given stays as it is during the call. Closing
 *   the object that calls them is refused (ASM_ERR_MISUSE); it must exist until its call returns.
 *
 * MEMORY
 *   Topics, publishing and mailboxes allocate nothing. Subscriptions, topic handles and presence entries are
 *   kept in memory from ASM_REALLOC; when that runs out, the call returns ASM_ERR_NO_MEMORY and everything is as
 *   before. A topic or pattern that nobody subscribes to and nobody holds a handle of is freed. Presence diffs,
 *   envelopes and transports use buffers that grow to the longest.
 *
 * THREADS
 *   As everywhere: one object, one thread at a time. Only the mailbox connects two threads.
 */
#ifndef ASM_PUBSUB_H
#define ASM_PUBSUB_H

#include "asm_render.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

/* =========================================================================================================
 * Topics
 *
 *       {prefix}:session:{session_id}
 *       {prefix}:session:{session_id}:run:{run_id}
 *       {prefix}:session:{session_id}:type:{event_type}
 *       agent_server:{agent_id}                  what an agent server tells
 *       agent_server:debug:{agent_id}
 *       agent_server:presence                    which agents there are
 *       agent.{session_id}                       UI envelopes
 *
 * A topic is a NUL-terminated string that is not empty. The builders below write one to `out`, which has room for
 * `size` bytes, and never a part of one. A `:`, `%`, `*` or control byte in a prefix or id is written as %XX, so
 * that no id can name a topic of another session; all else is copied as it is.
 *
 * Each returns the topic's length. If that is not below `size`, `out` was too small and holds an empty string (or
 * nothing if size is 0; `out` may then be NULL): a second call with a byte more than the length will do. 0 is an
 * error: an id is missing. An empty topic is refused wherever topics are taken, so that errors need no check here.
 * They allocate nothing.
 */

#define ASM_TOPIC_SIZE   512   /* enough for what sinks, helpers and the broadcaster build */
#define ASM_TOPIC_PREFIX "asm" /* the default prefix, used when `prefix` is absent or empty */

/* A session's topic: everything that happens in it. */
ASM_API size_t asm_topic_session(char *out, size_t size, asm_str prefix, asm_str session_id);

/* One run of a session. */
ASM_API size_t asm_topic_run(char *out, size_t size, asm_str prefix, asm_str session_id, asm_str run_id);

/* Events of one type in a session; `event_type` as asm_event_name() gives it. */
ASM_API size_t asm_topic_type(char *out, size_t size, asm_str prefix, asm_str session_id, asm_str event_type);

/* What the agent server tells of an agent. 0 for the id `presence`, which would be another topic. */
ASM_API size_t asm_topic_agent(char *out, size_t size, asm_str agent_id);

/* Its debug events. */
ASM_API size_t asm_topic_agent_debug(char *out, size_t size, asm_str agent_id);

/* Where the agent server tells which agents there are. */
#define ASM_TOPIC_AGENT_PRESENCE "agent_server:presence"

/* Where the broadcaster sends a session's envelopes. */
ASM_API size_t asm_topic_channel(char *out, size_t size, asm_str session_id);

/* How much of what happens shares a topic. Whoever publishes chooses one scope or more, and only subscribers to
 * topics of these hear of it:
 *
 *       subscribed to                 hears, of a session s, what is published by
 *       asm:session:s                 ASM_SCOPE_SESSION: everything
 *       asm:session:s:run:r           ASM_SCOPE_RUN: the events of run r
 *       asm:session:s:type:t          ASM_SCOPE_TYPE: the events of type t
 *       asm:session:*:type:t          ASM_SCOPE_TYPE: the events of type t of all sessions (a pattern)
 *       asm:session:s:**              any scope (a pattern); with several, each event once for each */
typedef enum asm_scope { ASM_SCOPE_SESSION = 1, ASM_SCOPE_RUN = 2, ASM_SCOPE_TYPE = 4 } asm_scope;

/* The topic of `event` in a scope. 0 for an unknown scope and if the event lacks an id. */
ASM_API size_t asm_topic_of_event(char *out, size_t size, asm_str prefix, asm_scope scope,
                                  const asm_event *event);

/* Which of the forms above a topic has. */
typedef enum asm_topic_kind {
    ASM_TOPIC_CUSTOM, /* none of them */
    ASM_TOPIC_SESSION,
    ASM_TOPIC_RUN,
    ASM_TOPIC_TYPE,
    ASM_TOPIC_AGENT,
    ASM_TOPIC_AGENT_DEBUG,
    ASM_TOPIC_PRESENCE,
    ASM_TOPIC_CHANNEL
} asm_topic_kind;

/* A topic taken apart: what its form has no place for is absent. */
typedef struct asm_topic_parts {
    asm_topic_kind kind; /* which of the parts there are */
    asm_str prefix;      /* session, run, type */
    asm_str session_id;  /* session, run, type, channel */
    asm_str run_id;      /* run */
    asm_str event_type;  /* type */
    asm_str agent_id;    /* agent, agent debug */
} asm_topic_parts;

/* Takes `topic` apart. The parts are views of it; those with %XX are unescaped into `memory`, where as many
 * bytes as the topic has always suffice; else ASM_ERR_NO_SPACE (`memory` may be NULL with size 0). A topic
 * that no builder gives is ASM_TOPIC_CUSTOM and has no parts; building a topic from the parts of any other
 * gives the same topic again. ASM_ERR_INVALID_ARGUMENT for an empty topic. */
ASM_API asm_result asm_topic_parse(const char *topic, asm_topic_parts *parts, char *memory, size_t size);

/* Patterns. The segments of a topic are what stands between its colons. In a pattern the segment `*` stands
 * for any one segment, a final `**` for all the rest, also none: `asm:session:*:type:error_occurred`,
 * `asm:**`. No topic has such a segment: where a topic is asked for, one is ASM_ERR_PATTERN. */
#define ASM_PATTERN_MAX_SEGMENTS 32

/* ASM_ERR_INVALID_ARGUMENT if `pattern` is none: empty, more than ASM_PATTERN_MAX_SEGMENTS, a `*` beside
 * other bytes of a segment, `**` not at the end. */
ASM_API asm_result asm_pattern_check(const char *pattern);

/* Whether `topic` is among those that `pattern` stands for; false if it is no pattern. */
ASM_API bool asm_pattern_matches(const char *pattern, const char *topic);

/* =========================================================================================================
 * Dispatcher
 *
 * Any number of topics, in one value. Everything happens in the caller's thread, during publish.
 */

typedef struct asm_pubsub asm_pubsub;

/* A handle of a subscription. One that is zero, has ended or is another dispatcher's is ASM_ERR_NOT_FOUND: the
 * numbers have 64 bits, and none is given twice (if they ever were all given, there is ASM_ERR_NO_MEMORY). */
typedef struct asm_subscription {
    const asm_pubsub *pubsub; /* private, all */
    uint64_t number;
} asm_subscription;

/* A handle of a topic that was looked up once, to publish to it without looking it up again. One that is zero, was
 * released or is another dispatcher's is ASM_ERR_NOT_FOUND. */
typedef struct asm_topic_handle {
    const asm_pubsub *pubsub; /* private, all */
    uint64_t number;
} asm_topic_handle;

/* What subscribers get. Publishers set what they know of the members up to `text`; the event alone may do. */
typedef struct asm_message {
    asm_str wrapper;               /* tells kinds of messages apart; absent: ASM_MESSAGE_WRAPPER */
    asm_str session_id;            /* absent: the event's */
    const asm_event *event;        /* may be NULL */
    asm_str text;                  /* the rendered text, if the publisher adds it */
    const char *topic;             /* set by the dispatcher: where it was published */
    asm_subscription subscription; /* set by the dispatcher: the one that is being called */
} asm_message;

#define ASM_MESSAGE_WRAPPER "asm_event" /* the wrapper of messages that carry an event */

/* A subscriber: called with each message, which is valid during the call only. See CALLS FROM INSIDE A
 * SUBSCRIBER. */
typedef void (*asm_message_callback)(void *user, const asm_message *message);

#define ASM_PUBSUB_MAX_DEPTH 1024 /* the maximum of asm_pubsub_options.max_depth */

/* Options of asm_pubsub_init(). Zero means the default. */
typedef struct asm_pubsub_options {
    unsigned max_depth;  /* how deep publishes may nest; 0: 32, at most ASM_PUBSUB_MAX_DEPTH */
    unsigned max_shapes; /* how many shapes patterns may have: see asm_pubsub_subscribe_pattern(); 0: 256 */
} asm_pubsub_options;

/* A dispatcher. It must not be moved or copied once it is set up. */
struct asm_pubsub {
    asm_pubsub_options options; /* read only */
    uint64_t published;         /* read only: messages that went out, to any number of subscribers */
    uint64_t delivered;         /* read only: calls of subscribers */
    uint64_t dropped;           /* read only: publishes refused because they were nested too deeply */
    size_t topics;              /* read only: topics with a subscriber or a handle */
    size_t patterns;            /* read only: patterns with a subscriber */
    size_t subscriptions;       /* read only: how many there are */
    asm__index index;           /* private, all below: topics and the literals of patterns */
    struct asm__shape *shapes;
    struct asm__handle *handles;
    uint32_t free_handle; /* 1 + the first of those that are free */
    uint32_t handles_used;
    uint64_t number;         /* of the last handle */
    uint32_t handle_slots;   /* of `handles`, free ones included: 0 or a power of two */
    uint32_t direct_epoch;   /* changes when what a topic's handle remembers may be wrong */
    uint64_t pattern_epoch;  /* changes when a topic may match other patterns than before */
    struct asm__node *dirty; /* nodes from which subscriptions were removed */
    struct asm__cursor *cursors;
    size_t cursors_used;
    struct asm__round *innermost; /* of the rounds under way */
    unsigned depth;               /* how many are around it */
};

/* An empty dispatcher. `options` may be NULL. Allocates nothing. It must not be moved or copied from then on. */
ASM_API void asm_pubsub_init(asm_pubsub *pubsub, const asm_pubsub_options *options);

/* Ends all subscriptions and frees everything; it is then as after asm_pubsub_init(). `pubsub` may be NULL.
 * ASM_ERR_MISUSE from inside a subscriber. */
ASM_API asm_result asm_pubsub_close(asm_pubsub *pubsub);

/* Has `callback` called with `user` for every message on `topic`, after those who subscribed before. The
 * topic is copied. Subscribing twice delivers twice. `subscription` may be NULL. ASM_ERR_PATTERN for a topic
 * with a segment `*` or `**`: call asm_pubsub_subscribe_pattern(). ASM_ERR_NO_MEMORY,
 * ASM_ERR_INVALID_ARGUMENT. */
ASM_API asm_result asm_pubsub_subscribe(asm_pubsub *pubsub, const char *topic, asm_message_callback callback,
                                        void *user, asm_subscription *subscription);

/* Has `callback` called with `user` for every message on a topic that matches `pattern`, which is copied.
 * Whoever subscribes to a topic and to patterns that match it is called once for each subscription.
 *
 * The shape of a pattern is how many segments it has and which of them are `*` or `**`. A publish to a topic
 * that nobody subscribed to by name takes one look-up for each shape there is, however many patterns have it;
 * so their number is bounded: with a new one more than asm_pubsub_options.max_shapes the result is
 * ASM_ERR_LIMIT. The default leaves room for all shapes of topics with up to six segments.
 * ASM_ERR_NO_MEMORY, ASM_ERR_INVALID_ARGUMENT: see asm_pattern_check(). */
ASM_API asm_result asm_pubsub_subscribe_pattern(asm_pubsub *pubsub, const char *pattern,
                                                asm_message_callback callback, void *user,
                                                asm_subscription *subscription);

/* Ends a subscription. ASM_ERR_NOT_FOUND. */
ASM_API asm_result asm_pubsub_unsubscribe(asm_pubsub *pubsub, asm_subscription subscription);

/* Ends all subscriptions of `topic` that have this callback and user. ASM_ERR_NOT_FOUND if none has;
 * ASM_ERR_INVALID_ARGUMENT. */
ASM_API asm_result asm_pubsub_unsubscribe_all(asm_pubsub *pubsub, const char *topic,
                                              asm_message_callback callback, void *user);

/* Ends all subscriptions of `pattern` that have this callback and user. ASM_ERR_NOT_FOUND if none has;
 * ASM_ERR_INVALID_ARGUMENT. */
ASM_API asm_result asm_pubsub_unsubscribe_all_pattern(asm_pubsub *pubsub, const char *pattern,
                                                      asm_message_callback callback, void *user);

/* Ends all subscriptions whose user is `user`, to topics and to patterns: those of a connection that has gone, say. OK
 * also if there are none. Looks at each subscription that there is. */
ASM_API asm_result asm_pubsub_unsubscribe_owner(asm_pubsub *pubsub, const void *user);

/* Whether a publish would go out now: not from inside subscribers that are nested as deeply as
 * asm_pubsub_options.max_depth allows. For those who must publish all of something or nothing. */
ASM_API bool asm_pubsub_can_publish(const asm_pubsub *pubsub);

/* How many subscriptions a message on `topic` would reach now, patterns included. */
ASM_API size_t asm_pubsub_subscriber_count(asm_pubsub *pubsub, const char *topic);

/* Calls every subscriber of `topic` with `message`, in the order of their subscription, whether they
 * subscribed to it or to a pattern. The cost depends on how many there are, on the length of the topic and on
 * the number of shapes of patterns, not on how many topics and patterns there are, nor on what somebody chose
 * for their names. `delivered`, here and below, may be NULL: how many were called. ASM_ERR_INVALID_ARGUMENT,
 * ASM_ERR_PATTERN, ASM_ERR_DEPTH: then none. */
ASM_API asm_result asm_pubsub_publish(asm_pubsub *pubsub, const char *topic, const asm_message *message,
                                      size_t *delivered);

/* Publishes as asm_pubsub_publish() does, but not to subscriptions whose user is `sender` (NULL: to all). */
ASM_API asm_result asm_pubsub_publish_from(asm_pubsub *pubsub, const void *sender, const char *topic,
                                           const asm_message *message, size_t *delivered);

/* Publishes to each of `count` topics, one after the other; `delivered` is the sum. Stops at the first error; an
 * argument that is wrong is found before anything is published. */
ASM_API asm_result asm_pubsub_publish_all(asm_pubsub *pubsub, const char *const *topics, size_t count,
                                          const asm_message *message, size_t *delivered);

/* Gives a handle of `topic`, for asm_topic_publish() and the others below, which spare the look-up. The topic is
 * copied, and kept until asm_topic_release(), also without subscribers. ASM_ERR_PATTERN, ASM_ERR_NO_MEMORY,
 * ASM_ERR_INVALID_ARGUMENT. */
ASM_API asm_result asm_topic_resolve(asm_pubsub *pubsub, const char *topic, asm_topic_handle *resolved);

/* Ends a topic's handle. ASM_ERR_NOT_FOUND. */
ASM_API asm_result asm_topic_release(asm_pubsub *pubsub, asm_topic_handle topic);

/* asm_pubsub_publish() by handle; also ASM_ERR_NOT_FOUND. */
ASM_API asm_result asm_topic_publish(asm_pubsub *pubsub, asm_topic_handle topic, const asm_message *message,
                                     size_t *delivered);

/* asm_pubsub_publish_from() by handle; also ASM_ERR_NOT_FOUND. */
ASM_API asm_result asm_topic_publish_from(asm_pubsub *pubsub, const void *sender, asm_topic_handle topic,
                                          const asm_message *message, size_t *delivered);

/* asm_pubsub_publish_all() by handles; also ASM_ERR_NOT_FOUND, before anything is published. */
ASM_API asm_result asm_topic_publish_all(asm_pubsub *pubsub, const asm_topic_handle *topics, size_t count,
                                         const asm_message *message, size_t *delivered);

/* Which events to subscribe to: a session's, one run's of it, those of one type, or an explicit topic (and
 * nothing else). Zero what does not matter. */
typedef struct asm_event_filter {
    asm_str prefix;     /* default: ASM_TOPIC_PREFIX */
    asm_str session_id; /* required unless `topic` is given */
    asm_str run_id;     /* of one run only */
    asm_str event_type; /* as asm_event_name() gives it */
    const char *topic;  /* explicit */
} asm_event_filter;

/* Subscribes to the topic that `filter` names: it hears of what is published by the scope of that topic (see
 * asm_scope). ASM_ERR_INVALID_ARGUMENT without a session id and topic, with both a run id and a type, with a topic
 * and anything else, and for a topic of ASM_TOPIC_SIZE bytes or more; ASM_ERR_PATTERN, ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_pubsub_subscribe_events(asm_pubsub *pubsub, const asm_event_filter *filter,
                                               asm_message_callback callback, void *user,
                                               asm_subscription *subscription);

/* =========================================================================================================
 * Publishing events: sink and callback
 */

/* Publishes a message; what asm_pubsub_publish() is to a dispatcher. Bridges to a broker have one of their
 * own. */
typedef asm_result (*asm_publish_function)(void *user, const char *topic, const asm_message *message);

#define ASM_SINK_MAX_TOPICS 16 /* topics of one event that an asm_topic_function may name */

/* Names the topics of an event: sets topics[0] to topics[n - 1] and returns n, at most ASM_SINK_MAX_TOPICS.
 * 0: it is not published. The strings must stay until the event was published to all of them (events that a
 * subscriber gives to the same sink come in between); they are not escaped: see the builders above. */
typedef size_t (*asm_topic_function)(void *user, const asm_event *event, const char **topics);

/* Where and what to publish. One of topic, choose_topics, or prefix and scope. */
typedef struct asm_pubsub_sink_options {
    asm_pubsub *pubsub;               /* required unless `publish` is given */
    const char *topic;                /* everything goes to this one; must outlive the sink */
    asm_topic_function choose_topics; /* or a function says where */
    void *topics_user;                /* its user */
    asm_str prefix;                   /* default: ASM_TOPIC_PREFIX; must outlive the sink */
    unsigned scope;               /* ASM_SCOPE_SESSION (the default), _RUN, _TYPE, or several joined by |: an
                                         event then goes to those for which it has the ids */
    asm_str wrapper;              /* default: ASM_MESSAGE_WRAPPER; must outlive the sink */
    bool include_text;            /* messages carry the rendered text */
    asm_publish_function publish; /* used in place of the dispatcher, for tests and bridges */
    void *publish_user;           /* its user */
} asm_pubsub_sink_options;

/* A sink, or a callback, that publishes. */
typedef struct asm_pubsub_sink {
    asm_pubsub_sink_options options; /* read only */
    uint64_t published;              /* read only: publishes that succeeded, one for each topic */
    uint64_t errors;                 /* read only: publishes that failed; they stop nothing */
    asm_result result;               /* read only: what the init found */
    asm_result last_error;           /* read only: of the last publish that failed */
} asm_pubsub_sink;

/* A sink that publishes each event. Text that belongs to no event is ignored. A publish that fails is counted, and
 * no error of the sink. `result` of the sink is ASM_ERR_INVALID_ARGUMENT without a pubsub or publish function, with
 * two of topic, choose_topics, and prefix or scope, for an unknown scope and for an empty topic. Allocates nothing. */
ASM_API asm_sink asm_pubsub_sink_init(asm_pubsub_sink *sink, const asm_pubsub_sink_options *options);

/* An event callback and its user, as a pair. */
typedef struct asm_event_handler {
    asm_event_callback callback; /* called for each event; valid during the call only */
    void *user;                  /* its first argument */
} asm_event_handler;

/* An event callback that publishes each event, for use without a pipeline. sink->result says what is wrong with the
 * options, as above; each event is then counted as an error. Allocates nothing. */
ASM_API asm_event_handler asm_pubsub_callback_init(asm_pubsub_sink *sink,
                                                   const asm_pubsub_sink_options *options);

/* Several callbacks as one, which calls them in order. */
typedef struct asm_event_chain {
    const asm_event_handler *handlers; /* private */
    size_t count;                      /* private */
} asm_event_chain;

/* An event callback that calls those of `count` handlers, in order. `handlers` stays the caller's and must outlive
 * the chain; one without a callback is passed over. Allocates nothing. */
ASM_API asm_event_handler asm_event_chain_init(asm_event_chain *chain, const asm_event_handler *handlers,
                                               size_t count);

/* =========================================================================================================
 * Presence
 *
 * Who is there. An entry is one appearance of a key (a user, an agent) on a topic: two browser tabs are two
 * entries of one key. Every change publishes one message on the topic, if that has subscribers at that moment:
 * wrapper and event type name ASM_PRESENCE_DIFF, and in event->extra
 *       {"joins":{"user_1":{"count":2,"metas":[{"ref":"9","ref_prev":"4","meta":{…}}]}},"leaves":{…}}
 * `metas` are the entries that came or went; `count` is how many the key has now: it has just joined if that
 * is the length of its metas in `joins`, and has left if it is 0 in `leaves`. An update gives the old entry
 * in `leaves`, the new one in `joins`, with the old one's reference as `ref_prev`.
 */

#define ASM_PRESENCE_DIFF "presence_diff" /* wrapper and event type name of a change */

/* Options of asm_presence_init(). */
typedef struct asm_presence_options {
    asm_pubsub *pubsub; /* where changes are published; NULL: nowhere */
} asm_presence_options;

/* Private: a list of records. */
typedef struct asm__list {
    struct asm__links *first, *last;
} asm__list;

/* Who is where. */
typedef struct asm_presence {
    asm_presence_options options;                /* read only */
    asm__index topics, keys, references, owners; /* private, all below */
    asm__list entries;
    uint64_t last_reference;
} asm_presence;

/* An entry as it is given out: views that are valid until the next change. */
typedef struct asm_presence_entry {
    uint64_t reference; /* its number, never 0 */
    const void *owner;  /* as it was given */
    const char *topic;  /* that it was tracked on */
    asm_str key;        /* whose appearance it is: a user, an agent */
    asm_str meta;       /* JSON */
} asm_presence_entry;

/* Nobody is there. `options` may be NULL. Allocates nothing. */
ASM_API void asm_presence_init(asm_presence *presence, const asm_presence_options *options);

/* Forgets everybody, without publishing, and frees everything; it is then as after asm_presence_init(). `presence`
 * may be NULL. */
ASM_API void asm_presence_close(asm_presence *presence);

/* Adds an entry. `owner` is whose it is (any address, a connection's; may be NULL); topic, key and meta are
 * copied. `meta` is a JSON value, absent is {}. `reference` may be NULL: names the entry, never 0.
 * ASM_ERR_INVALID_ARGUMENT if topic or key are empty, ASM_ERR_PATTERN, ASM_ERR_SYNTAX and such for the meta,
 * ASM_ERR_NO_MEMORY, ASM_ERR_DEPTH in subscribers that are nested too deeply for the diff to go out: then
 * nothing has changed. The cost of this and of the next two does not depend on how many entries there are. */
ASM_API asm_result asm_presence_track(asm_presence *presence, const void *owner, const char *topic,
                                      asm_str key, asm_str meta, uint64_t *reference);

/* Gives an entry another meta, and with it another reference, which replaces `*reference`. ASM_ERR_NOT_FOUND,
 * ASM_ERR_SYNTAX and such, ASM_ERR_NO_MEMORY, ASM_ERR_DEPTH: then nothing has changed. */
ASM_API asm_result asm_presence_update(asm_presence *presence, uint64_t *reference, asm_str meta);

/* Removes an entry. ASM_ERR_NOT_FOUND, ASM_ERR_NO_MEMORY, ASM_ERR_DEPTH: then nothing has changed. */
ASM_API asm_result asm_presence_untrack(asm_presence *presence, uint64_t reference);

/* Removes all entries of `owner`, with one diff for each topic. OK also if there are none. ASM_ERR_NO_MEMORY,
 * ASM_ERR_DEPTH: then nothing has changed. */
ASM_API asm_result asm_presence_remove_owner(asm_presence *presence, const void *owner);

/* How many keys are on `topic`; on all of them, each for itself, if it is NULL. */
ASM_API size_t asm_presence_count(const asm_presence *presence, const char *topic);

/* Goes through the entries of `topic` (all topics if it is NULL) in the order in which they came: `entry` is zero at
 * first, and then is the one before. False at the end, and when the one before has gone. */
ASM_API bool asm_presence_next(const asm_presence *presence, const char *topic, asm_presence_entry *entry);

/* Appends who is on `topic` as JSON: {"user_1":{"metas":[{"ref":"9","meta":{…}}]}}. Returns the buffer's result. */
ASM_API asm_result asm_presence_write_json(const asm_presence *presence, const char *topic, asm_buffer *out);

/* =========================================================================================================
 * Mailbox
 *
 * A bounded queue of whole copies of messages between one producer and one consumer, in memory of the caller's.
 * They are two threads, or one thread and an interrupt, or two parts of one program; where several threads produce,
 * each has a mailbox, and one consumer goes through all. Both sides are wait-free: neither ever waits for the other.
 *
 * Half of the memory is for the messages that wait, each with the room that it needs, the other half for those
 * that the consumer has taken: it takes all that wait at once, and hands them out one by one.
 */

/* What becomes of a message for which there is no room, or which is one too many. */
typedef enum asm_overflow {
    ASM_OVERFLOW_REFUSE,     /* a new message is refused: ASM_ERR_NO_SPACE */
    ASM_OVERFLOW_DROP_OLDEST /* the oldest message makes room; with a capacity of 1: latest only */
} asm_overflow;

/* What must outlive the mailbox: `memory` and the users. */
typedef struct asm_mailbox_options {
    void *memory;          /* required; any alignment */
    size_t size;           /* of it, in bytes: see asm_mailbox_size() */
    unsigned capacity;     /* how many messages can wait; 0: ASM_MAILBOX_DEFAULT_CAPACITY */
    asm_overflow overflow; /* default: ASM_OVERFLOW_REFUSE */

    /* A streamed piece of text is added to the one that was posted just before it, if that still waits, is of the
     * same message, there is room, and the two differ in nothing but delta, time and sequence number; the time is
     * then that of the first, the number that of the last. */
    bool merge_text;

    /* Called by the producer at the end of a post, if nothing waited before it or the consumer looked in vain while
     * it was going on: writes to an eventfd or pipe, posts a semaphore, sets a flag. May post. NULL: the consumer
     * looks now and then. */
    void (*wake)(void *user);
    void *wake_user; /* its user */
} asm_mailbox_options;

#define ASM_MAILBOX_DEFAULT_CAPACITY 64 /* messages */

/* Private: half of a mailbox's memory, with the offsets of messages in it. */
typedef struct asm__half {
    unsigned char *memory;
    size_t size, oldest, newest, end, count;
} asm__half;

/* A queue between two threads. It must not be moved or copied once it is set up. */
typedef struct asm_mailbox {
    asm_mailbox_options options; /* read only */
    size_t max_message;          /* read only: the bytes that one message and all it points to may take */
    asm__half halves[2];         /* private, all below */
    uint32_t box;                /* atomic */
    struct {
        uint64_t number, posted, refused, dropped, merged;
        uint32_t token;
        bool can_merge;
    } producer;
    struct {
        uint64_t expected, received, missed;
        size_t at, remaining;
        uint32_t token;
        bool is_draining;
    } consumer;
} asm_mailbox;

/* What a message takes: the bytes of all it points to, copied. SIZE_MAX if that is too much. */
ASM_API size_t asm_message_size(const asm_message *message);

/* How many bytes of memory a mailbox needs in which `capacity` messages (0: the default) of `message_size` bytes
 * can wait; asm_message_size() tells what a message takes. For messages of different sizes add up: 256 small ones
 * and a large one need asm_mailbox_size(256, 500) + asm_mailbox_size(1, 1 << 20), and a capacity of 257. 0 if that is
 * too much. */
ASM_API size_t asm_mailbox_size(unsigned capacity, size_t message_size);

/* An empty mailbox. `options` is copied. ASM_ERR_INVALID_ARGUMENT without memory and for an unknown policy,
 * ASM_ERR_NO_SPACE if the memory is not enough for one event, ASM_ERR_UNSUPPORTED without atomics. It must not be
 * moved or copied from now on. Allocates nothing; there is nothing to close. */
ASM_API asm_result asm_mailbox_init(asm_mailbox *mailbox, const asm_mailbox_options *options);

/* Producer: puts a copy of `message` in the mailbox. ASM_ERR_NO_SPACE if it is refused, or is larger than
 * max_message. With ASM_OVERFLOW_DROP_OLDEST any other is accepted. */
ASM_API asm_result asm_mailbox_post(asm_mailbox *mailbox, const asm_message *message);

/* Producer: posts, as a subscriber: asm_pubsub_subscribe(&bus, topic, asm_mailbox_on_message, &mailbox, NULL). */
ASM_API void asm_mailbox_on_message(void *mailbox, const asm_message *message);

/* Consumer: gives the next message, or NULL if there is none. It is valid until the next call. `missed` may be
 * NULL: how many messages were lost just before this one. `subscription` of the message is the one that it was
 * posted by, if any. Whoever waits to be woken goes on until there is none. NULL from inside a drain. */
ASM_API const asm_message *asm_mailbox_receive(asm_mailbox *mailbox, uint64_t *missed);

/* Consumer: calls `callback` with each message that is there, at most `max` of them (0: all, but not those that are
 * posted meanwhile), and returns how many. Before a message that follows a gap it is called with one more: wrapper
 * ASM_MAILBOX_GAP, an event of that type name, and in its extra {"missed":N}; the count leaves these out. Whoever
 * waits to be woken does so after a drain of all, or one that gave less than `max`. From inside `callback` nothing
 * more can be taken: 0. */
ASM_API size_t asm_mailbox_drain(asm_mailbox *mailbox, asm_message_callback callback, void *user, size_t max);

#define ASM_MAILBOX_GAP "asm_gap" /* wrapper and type name of what a drain tells of lost messages */

/* Counters, each for the side that calls. */
typedef struct asm_mailbox_counters {
    uint64_t posted;   /* producer: messages that were accepted, merged ones among them */
    uint64_t refused;  /* producer: messages that were not accepted */
    uint64_t dropped;  /* producer: accepted messages that made room before anybody took them */
    uint64_t merged;   /* producer: messages that were added to the one before */
    uint64_t received; /* consumer: messages that were taken */
    uint64_t missed;   /* consumer: messages that were lost before the last one taken */
} asm_mailbox_counters;

/* Producer: its counters; the others are 0. */
ASM_API asm_mailbox_counters asm_mailbox_producer_counters(const asm_mailbox *mailbox);

/* Consumer: its counters; the others are 0. */
ASM_API asm_mailbox_counters asm_mailbox_consumer_counters(const asm_mailbox *mailbox);

/* =========================================================================================================
 * Broadcaster
 *
 * Watches the events of a session and tells a user interface what it wants to know, as JSON envelopes on the
 * channel agent.{session_id}:
 *       {"type":T,"session_id":S,"execution_id":X,"timestamp":"2026-02-09T12:00:00.123Z","payload":{…}}
 * execution_id is the run id, timestamp the event's time, in milliseconds. The types and their payloads:
 *
 *       agent.status               status, previous_status; with an explicit change and a failed run also
 *                                  error_message, last_response
 *       agent.step.started         step_number, message_count, available_tools
 *       agent.step.completed       step_number, has_tool_calls, errors, finish_reason, usage, duration_ms
 *       agent.tool.started         tool_name, tool_call_id, args_summary or args
 *       agent.tool.completed       tool_name, tool_call_id, success, error, duration_ms, result_summary
 *       agent.stream.chunk         content, is_complete (always false), chunk_index (from 0 in each execution)
 *       agent.continuation         step_number, should_stop, stop_reason, resolved_by
 *       agent.approval.requested   request_id, interrupt, kind, tool_call_id, tool_name, args, options, reason
 *       agent.approval.resolved    request_id, interrupt, tool_call_id, decision, reason
 *       agent.message              role, content, message_id, incomplete, synthetic
 *       agent.message.retracted    message_id, reason, replaced_by
 *       agent.todos                todos
 *       agent.usage                input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,
 *                                  reasoning_tokens, cost_usd, cumulative
 *
 * What an event does not tell is null. Chunks and messages are what the user and the agent say to each other:
 * neither reasoning nor what sub-agents say.
 *
 * A person decides by agent.approval.requested: its args are whole, never cut. Elsewhere what is cut says so.
 * args_summary is the first three arguments as `key: value, key: value`, then `, ...` if there are more: strings in
 * single quotes, others as JSON; a value of more than 30 bytes becomes its first 27 and `...`. A string or key that
 * could be taken for more than one argument is written as a JSON string. result_summary is the beginning of the
 * output, cut so, too. Nothing is cut inside a UTF-8 sequence. Arguments that are no object stand for themselves,
 * those that are not valid JSON as a string.
 */

/* Takes an envelope. `channel` and `envelope` (one line of JSON) are valid during the call only. An error is counted, and
 * returned by the call that sent the envelope; the next ones are sent all the same. May call back with another event: its
 * envelopes go out first. */
typedef asm_result (*asm_broadcast_function)(void *user, const char *channel, asm_str envelope);

/* Which envelopes, and what is in them. */
typedef struct asm_broadcast_settings {
    bool stream_chunks; /* agent.stream.chunk */
    bool conversation;  /* agent.message, .message.retracted, .todos, .usage; approvals always are sent */
    bool continuation_trace; /* agent.continuation */
    bool tool_args;          /* the arguments of tools (args); else the first three in short (args_summary) */
    unsigned longest_arg;    /* in args: bytes of a string, or of any other value's JSON, that are shown; then
                                `...` */
    bool manual_status;      /* agent.status only by asm_broadcaster_set_status() and status_changed events */
    bool trust_should_stop;  /* a continuation_evaluated with should_stop false does not end the execution;
                                see asm_broadcaster_event() */
} asm_broadcast_settings;

/* Status, steps, tools and approvals; longest_arg 100. */
ASM_API asm_broadcast_settings asm_broadcast_minimal(void);

/* What asm_broadcast_minimal() has, stream chunks and the conversation. The default. */
ASM_API asm_broadcast_settings asm_broadcast_standard(void);

/* Everything; arguments up to 500 bytes. */
ASM_API asm_broadcast_settings asm_broadcast_debug(void);

/* Options of asm_broadcaster_init(). */
typedef struct asm_broadcaster_options {
    asm_broadcast_function broadcast;       /* required: where envelopes go */
    void *user;                             /* its user */
    const asm_broadcast_settings *settings; /* NULL: asm_broadcast_standard(); copied */
    asm_str session_id; /* watch only this session; also taken for events without a session id. Default: any,
                           and it starts anew when the session changes. Must outlive the broadcaster */
    asm_str execution_id;                /* for events without a run id; must outlive the broadcaster */
    asm_time (*clock)(void *clock_user); /* for events without a time; NULL: their timestamp is null */
    void *clock_user;                    /* its user */

    /* Memory: half of it for an envelope, half for the arguments of a tool, read and cut; what does not fit is
     * ASM_ERR_NO_SPACE, and so is what `broadcast` calls back with. NULL: memory that grows to the longest. */
    char *buffer;
    size_t buffer_size; /* in bytes */
} asm_broadcaster_options;

#define ASM_STATUS_SIZE 32 /* a status and its NUL */

/* What is known of the session that is watched. */
typedef struct asm_broadcaster {
    asm_broadcaster_options options;  /* read only */
    asm_broadcast_settings settings;  /* read only */
    char status[ASM_STATUS_SIZE];     /* read only: "idle", "processing", "completed", "failed", "cancelled",
                                        "stopped" or yours */
    uint64_t published;               /* read only: envelopes that went out */
    uint64_t errors;                  /* read only: envelopes that did not */
    uint64_t next_chunk;              /* private */
    unsigned sends;                   /* private: calls of the broadcast function under way */
    bool has_session;                 /* private: there was an event */
    uint64_t session_hash;            /* private: of the session of the last one */
    asm_buffer envelope;              /* private */
    asm_buffer scratch, text, quoted; /* private */
} asm_broadcaster;

/* Sets up a broadcaster, whose status is idle. `options` is copied. Allocates nothing. ASM_ERR_INVALID_ARGUMENT
 * without a broadcast function. */
ASM_API asm_result asm_broadcaster_init(asm_broadcaster *broadcaster, const asm_broadcaster_options *options);

/* Frees the broadcaster's memory. `broadcaster` may be NULL. ASM_ERR_MISUSE from inside its broadcast function. */
ASM_API asm_result asm_broadcaster_close(asm_broadcaster *broadcaster);

/* Looks at an event and sends what follows from it. Returns the error of the first envelope that could not be
 * sent; the others are sent all the same. Events of another session than that of the options are passed over.
 * What changes the status:
 *
 *       step_started, run_started   processing
 *       continuation_evaluated      by its stop reason: completed, or none: completed; error: failed;
 *                                   user_requested: cancelled; any other: stopped
 *       run_completed               completed
 *       run_failed                  failed, with its message
 *       run_cancelled               cancelled
 *       run_timeout                 stopped
 *       status_changed              an explicit change, as by asm_broadcaster_set_status()
 *
 * The envelopes' consumers take every continuation_evaluated for the end of the execution, should_stop false
 * or not, and so does this; trust_should_stop is for event sources that tell each evaluation. */
ASM_API asm_result asm_broadcaster_event(asm_broadcaster *broadcaster, const asm_event *event);

/* asm_broadcaster_event() as an event callback; errors are counted. */
ASM_API void asm_broadcaster_on_event(void *broadcaster, const asm_event *event);

/* asm_broadcaster_event() as a subscriber; errors are counted. */
ASM_API void asm_broadcaster_on_message(void *broadcaster, const asm_message *message);

/* An explicit change of status, at `time` (0: the clock's). The session is that of the options, required
 * here. `error_message` and `last_response` may be absent. Does nothing if the status is that already.
 * ASM_ERR_INVALID_ARGUMENT for an empty status and one of ASM_STATUS_SIZE bytes or more. */
ASM_API asm_result asm_broadcaster_set_status(asm_broadcaster *broadcaster, asm_str status,
                                              asm_str error_message, asm_str last_response, asm_time time);

/* Starts the next execution of the session: the status is idle, chunks are counted from 0 again, and
 * `execution_id`, which must outlive the broadcaster, is that of events without a run id. Sends nothing. */
ASM_API void asm_broadcaster_reset(asm_broadcaster *broadcaster, asm_str execution_id);

/* ---- Transports ---- */

/* Appends one server-sent event: `id` and `event` may be absent; data is split into lines.
 * ASM_ERR_INVALID_ARGUMENT, and nothing appended, if id or event hold CR, LF or NUL. */
ASM_API asm_result asm_sse_write(asm_buffer *out, asm_str id, asm_str event, asm_str data);

/* Server-sent events with a history, for text/event-stream. Ids are `epoch.number`, numbers from 1. */
typedef struct asm_sse_options {
    asm_write_function write; /* gets each event, whole; send it to every connection. May be NULL */
    void *user;               /* its user */
    uint64_t epoch; /* tells this history from an earlier one: the time of the program's start, say. 0: ids
                       are the number alone */
    char *memory;   /* for the history: the latest events that fit; must outlive it. NULL: no history */
    size_t size;    /* of it, in bytes */
} asm_sse_options;

/* Server-sent events with their history. */
typedef struct asm_sse {
    asm_sse_options options; /* read only */
    uint64_t last;           /* read only: the number of the last event; 0: there was none */
    uint64_t first;    /* read only: the number of the first one in the history; last + 1 if that is empty */
    size_t head, used; /* private: where the history begins in memory, and its bytes */
    unsigned writes;   /* private: calls of a write function under way */
    asm_buffer frame;  /* private */
} asm_sse;

/* Nothing was sent yet. `options` may be NULL. Allocates nothing. */
ASM_API void asm_sse_init(asm_sse *sse, const asm_sse_options *options);

/* Frees what is not the caller's. `sse` may be NULL. ASM_ERR_MISUSE from inside a write function that it was given. */
ASM_API asm_result asm_sse_close(asm_sse *sse);

/* An asm_broadcast_function: user is the asm_sse, the event's name is the envelope's type. The text of one
 * event is put together in memory that grows to the longest. ASM_ERR_INVALID_ARGUMENT for a type that would inject a
 * line, ASM_ERR_NO_MEMORY, or what `write` returned; the history then has it all the same. */
ASM_API asm_result asm_sse_broadcast(void *user, const char *channel, asm_str envelope);

/* Sends to `write` what follows the event that the client had last, one whole event with each call:
 * `last_event_id` is the value of its Last-Event-ID header, or absent for everything in the history. Events that
 * are broadcast from inside `write` are not sent here. `complete` may be NULL: false if events are missing before
 * the first one sent or, as newer ones took their place meanwhile, between two; also if the id is not of this
 * epoch (then the whole history is sent): the client should load its state anew. Returns what `write` did when it
 * failed; ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_sse_resume(asm_sse *sse, asm_str last_event_id, asm_write_function write, void *user,
                                  bool *complete);

/* Envelopes as JSON Lines, one write for each, put together in memory that grows to the longest. */
typedef struct asm_envelope_lines {
    asm_write_function write; /* private, all */
    void *user;
    unsigned writes;
    asm_buffer line;
} asm_envelope_lines;

/* Lines go to `write`. Allocates nothing. */
ASM_API void asm_envelope_lines_init(asm_envelope_lines *lines, asm_write_function write, void *user);

/* Frees its memory. `lines` may be NULL. ASM_ERR_MISUSE from inside `write`. */
ASM_API asm_result asm_envelope_lines_close(asm_envelope_lines *lines);

/* An asm_broadcast_function: user is the asm_envelope_lines. ASM_ERR_NO_MEMORY, or what `write` returned. */
ASM_API asm_result asm_envelope_lines_broadcast(void *user, const char *channel, asm_str envelope);

#define ASM_ENVELOPE_WRAPPER "asm_envelope" /* the wrapper of messages that carry an envelope */

/* An asm_broadcast_function whose user is an asm_pubsub: publishes the envelope on the topic that is its channel, as
 * the text of a message with the wrapper ASM_ENVELOPE_WRAPPER. Results as of asm_pubsub_publish(). */
ASM_API asm_result asm_pubsub_broadcast(void *pubsub, const char *channel, asm_str envelope);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_PUBSUB_H */

/* =========================================================================================================
 * Shared: what the implementations of this header and of those above use. See asm_json.h.
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_PUBSUB_IMPLEMENTATION) || defined(ASM_STATIC) ||              \
    defined(ASM__SHARED)
#ifndef ASM__PUBSUB_SHARED_INCLUDED

ASM__WARNINGS_OFF
#define ASM__PUBSUB_SHARED_INCLUDED

#define ASM__SHARED
#include "asm_json.h"

/* >>shared: arrays
 * stb_ds arrays, grown here: stb_ds's own growth does not survive a failed allocation. */

#if !defined(INCLUDE_STB_DS_H) && !defined(ASM_NO_STB_DS) && defined(__has_include)
#ifndef STBDS_NO_SHORT_NAMES
#define STBDS_NO_SHORT_NAMES
#endif
#if __has_include("stb_ds.h")
#include "stb_ds.h"
#elif __has_include(<stb/stb_ds.h>)
#include <stb/stb_ds.h>
#endif
#endif

#if defined(INCLUDE_STB_DS_H) && !defined(ASM_NO_STB_DS)
#define asm__array_header(array)     stbds_header(array)
#define asm__count(array)            stbds_arrlenu(array)
#define asm__array_remove(array, at) ((void)stbds_arrdeln(array, at, 1))
typedef stbds_array_header asm__array_head;
#else
/* The layout of stb_ds.h: files built with and without it may be linked together. */
typedef struct asm__array_head {
    size_t length, capacity;
    void *hash_table;
    ptrdiff_t temp;
} asm__array_head;
#define asm__array_header(array) ((asm__array_head *)(array)-1)
#define asm__count(array)        ((array) ? asm__array_header(array)->length : 0)
#define asm__array_remove(array, at)                                                                         \
    memmove((array) + (at), (array) + (at) + 1, (--asm__array_header(array)->length - (at)) * sizeof *(array))
#endif

/* Makes room for `count` elements in all; false if there is no memory, and the array is as before. */
#define asm__reserve(array, count) asm__array_reserve(&(array), sizeof *(array), (count))

/* Only after asm__reserve(). */
#define asm__push(array, value) ((array)[asm__array_header(array)->length++] = (value))

/* Frees the array and sets the pointer to NULL. */
#define asm__array_free(array) asm__array_release(&(array))

#ifdef __cplusplus
extern "C" {
#endif

/* `place` is where the pointer to the array is kept. */
ASM__PRIVATE bool asm__array_reserve(void *place, size_t element_size, size_t count);
ASM__PRIVATE void asm__array_release(void *place);

/* asm_presence_track() and asm_presence_update() with arguments and a meta that are known to be valid. */
ASM__PRIVATE asm_result asm__presence_join(asm_presence *presence, const void *owner, const char *topic,
                                           asm_str key, asm_str meta, uint64_t *reference);
ASM__PRIVATE asm_result asm__presence_replace(asm_presence *presence, uint64_t *reference, asm_str meta);

#ifdef __cplusplus
}
#endif

ASM__WARNINGS_BACK

#endif /* ASM__PUBSUB_SHARED_INCLUDED */
#endif /* shared */

/* =========================================================================================================
 * Implementation
 *
 *   >>shared: arrays              above: stb_ds arrays, or our own
 *   >>topics: builders, parser, patterns
 *   >>dispatcher: nodes           topics and patterns are records in one index
 *   >>dispatcher: patterns        by shape
 *   >>dispatcher: topics, subscriptions
 *   >>dispatcher: publish         rounds, that can be nested
 *   >>sinks: topics and callbacks
 *   >>presence: lists, records, diffs, changes, listing
 *   >>mailbox: blocks             tokens, halves, blocks
 *   >>mailbox: producer, consumer
 *   >>broadcaster: envelopes, tools, status, events, conversation
 *   >>transports: server-sent events, others
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_PUBSUB_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_PUBSUB_IMPLEMENTED
#define ASM_PUBSUB_IMPLEMENTED

ASM__WARNINGS_OFF

#include <string.h>

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>shared: arrays, grown */

/* `place` is where the pointer to the array is kept; memcpy, as its type is not known here. */
ASM__PRIVATE bool asm__array_reserve(void *place, size_t element_size, size_t count) {
    void *array;
    memcpy(&array, place, sizeof array);
    asm__array_head *header = array ? asm__array_header(array) : NULL;
    const size_t capacity = header ? header->capacity : 0;
    if (count <= capacity) return true;
    const size_t most = (SIZE_MAX / 2 - sizeof *header) / element_size;
    if (count > most) return false;
    count = count < 4 ? 4 : count;
    if (count < capacity * 2 && capacity * 2 <= most) count = capacity * 2;
    asm__array_head *grown = (asm__array_head *)ASM_REALLOC(header, sizeof *header + element_size * count);
    if (!grown) return false;
    if (!header) memset(grown, 0, sizeof *grown);
    grown->capacity = count;
    array = grown + 1;
    memcpy(place, &array, sizeof array);
    return true;
}

ASM__PRIVATE void asm__array_release(void *place) {
    void *array;
    memcpy(&array, place, sizeof array);
    if (array) ASM_FREE(asm__array_header(array));
    array = NULL;
    memcpy(place, &array, sizeof array);
}

/* >>topics: builders */

typedef struct asm__topic_writer {
    char *out;
    size_t size;
    size_t length; /* also past `size`: what the whole topic takes */
    bool failed;
} asm__topic_writer;

static bool asm__topic_must_escape(unsigned char byte) {
    return byte < 0x20 || byte == 0x7f || byte == ':' || byte == '%' || byte == '*';
}

/* Eight bytes at once: a byte's high bit is set in the result where asm__topic_must_escape() may hold for it.
 * It also is for all bytes below `+`, for most that are not ASCII, and after a byte for which it holds. */
static inline uint64_t asm__topic_suspicious(uint64_t word) {
    const uint64_t each = UINT64_MAX / 255;
    return (word - each * '+') | (word + each) | ((word ^ each * ':') - each);
}

#define ASM__HIGH_BITS (UINT64_MAX / 255 * 0x80)

static inline void asm__topic_begin(asm__topic_writer *writer, char *out, size_t size) {
    writer->out = out;
    writer->size = out ? size : 0;
    writer->length = 0;
    writer->failed = false;
}

/* memcpy for the few bytes that literals and ids have: pieces of fixed sizes, the last one overlapping,
 * without a call. Returns what is not 0 if one of the bytes may have to be escaped. */
static inline uint64_t asm__topic_copy(char *out, const char *bytes, size_t size) {
    uint64_t word, found = 0;
    if (size >= 8) {
        for (size_t at = 0; at < size - 8; at += 8) {
            memcpy(&word, bytes + at, 8);
            memcpy(out + at, &word, 8);
            found |= asm__topic_suspicious(word);
        }
        memcpy(&word, bytes + size - 8, 8);
        memcpy(out + size - 8, &word, 8);
        return (found | asm__topic_suspicious(word)) & ASM__HIGH_BITS;
    }
    word = UINT64_MAX / 255 * '0';
    if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + size - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + size - 4, &last, 4);
        word = (uint64_t)first << 32 | last;
    } else {
        for (size_t at = 0; at < size; at++) {
            word = word << 8 | (unsigned char)bytes[at];
            out[at] = bytes[at];
        }
    }
    return asm__topic_suspicious(word) & ASM__HIGH_BITS;
}

static inline bool asm__topic_fits(const asm__topic_writer *writer, size_t size) {
    return writer->length < writer->size && size < writer->size - writer->length;
}

static inline void asm__topic_add(asm__topic_writer *writer, const char *bytes, size_t size) {
    if (asm__topic_fits(writer, size)) (void)asm__topic_copy(writer->out + writer->length, bytes, size);
    writer->length = size > SIZE_MAX - writer->length ? SIZE_MAX : writer->length + size;
}

/* The new length. Numbers, so that the writer can stay in registers where nothing is to be escaped. */
static size_t asm__topic_add_escaped(char *out, size_t size, size_t length, asm_str id) {
    static const char hex[] = "0123456789ABCDEF";
    asm__topic_writer writer;
    asm__topic_begin(&writer, out, size);
    writer.length = length;
    for (size_t i = 0; i < id.size; i++) {
        const unsigned char byte = (unsigned char)id.data[i];
        const char escaped[3] = {'%', hex[byte >> 4], hex[byte & 15]};
        if (asm__topic_must_escape(byte)) asm__topic_add(&writer, escaped, sizeof escaped);
        else asm__topic_add(&writer, id.data + i, 1);
    }
    return writer.length;
}

static inline void asm__topic_add_id(asm__topic_writer *writer, asm_str id) {
    if (!id.data || !id.size) writer->failed = true;
    else if (asm__topic_fits(writer, id.size) &&
             !asm__topic_copy(writer->out + writer->length, id.data, id.size))
        writer->length += id.size;
    else writer->length = asm__topic_add_escaped(writer->out, writer->size, writer->length, id);
}

static inline size_t asm__topic_end(const asm__topic_writer *writer) {
    const bool written = !writer->failed && writer->length < writer->size;
    if (writer->size) writer->out[written ? writer->length : 0] = '\0';
    return writer->failed ? 0 : writer->length;
}

#define ASM__TOPIC_ADD_LITERAL(writer, literal) asm__topic_add((writer), "" literal, sizeof("" literal) - 1)

static inline void asm__topic_begin_session(asm__topic_writer *writer, char *out, size_t size, asm_str prefix,
                                            asm_str session_id) {
    asm__topic_begin(writer, out, size);
    if (prefix.data && prefix.size) asm__topic_add_id(writer, prefix);
    else ASM__TOPIC_ADD_LITERAL(writer, ASM_TOPIC_PREFIX);
    ASM__TOPIC_ADD_LITERAL(writer, ":session:");
    asm__topic_add_id(writer, session_id);
}

ASM_API size_t asm_topic_session(char *out, size_t size, asm_str prefix, asm_str session_id) {
    asm__topic_writer writer;
    asm__topic_begin_session(&writer, out, size, prefix, session_id);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_run(char *out, size_t size, asm_str prefix, asm_str session_id, asm_str run_id) {
    asm__topic_writer writer;
    asm__topic_begin_session(&writer, out, size, prefix, session_id);
    ASM__TOPIC_ADD_LITERAL(&writer, ":run:");
    asm__topic_add_id(&writer, run_id);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_type(char *out, size_t size, asm_str prefix, asm_str session_id,
                              asm_str event_type) {
    asm__topic_writer writer;
    asm__topic_begin_session(&writer, out, size, prefix, session_id);
    ASM__TOPIC_ADD_LITERAL(&writer, ":type:");
    asm__topic_add_id(&writer, event_type);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_agent(char *out, size_t size, asm_str agent_id) {
    asm__topic_writer writer;
    asm__topic_begin(&writer, out, size);
    ASM__TOPIC_ADD_LITERAL(&writer, "agent_server:");
    asm__topic_add_id(&writer, agent_id);
    writer.failed = writer.failed || (agent_id.size == 8 && memcmp(agent_id.data, "presence", 8) == 0);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_agent_debug(char *out, size_t size, asm_str agent_id) {
    asm__topic_writer writer;
    asm__topic_begin(&writer, out, size);
    ASM__TOPIC_ADD_LITERAL(&writer, "agent_server:debug:");
    asm__topic_add_id(&writer, agent_id);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_channel(char *out, size_t size, asm_str session_id) {
    asm__topic_writer writer;
    asm__topic_begin(&writer, out, size);
    ASM__TOPIC_ADD_LITERAL(&writer, "agent.");
    asm__topic_add_id(&writer, session_id);
    return asm__topic_end(&writer);
}

ASM_API size_t asm_topic_of_event(char *out, size_t size, asm_str prefix, asm_scope scope,
                                  const asm_event *event) {
    if (out && size) out[0] = '\0';
    if (!event) return 0;
    switch (scope) {
    case ASM_SCOPE_SESSION:
        return asm_topic_session(out, size, prefix, event->session_id);
    case ASM_SCOPE_RUN:
        return asm_topic_run(out, size, prefix, event->session_id, event->run_id);
    case ASM_SCOPE_TYPE:
        return asm_topic_type(out, size, prefix, event->session_id, asm_event_name(event));
    default:
        return 0;
    }
}

/* >>topics: parser */

/* The segment at `*at`, and `*at` moved past its colon; to size + 1 after the last one. */
static asm_str asm__topic_segment(asm_str topic, size_t *at) {
    asm_str segment;
    segment.data = topic.data + *at;
    const char *colon = (const char *)memchr(segment.data, ':', topic.size - *at);
    segment.size = colon ? (size_t)(colon - segment.data) : topic.size - *at;
    *at += segment.size + 1;
    return segment;
}

static int asm__topic_hex_digit(char digit) {
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Undoes asm__topic_add_id() over itself. False for text that it does not give. */
static bool asm__topic_unescape(char *text, size_t *size) {
    size_t length = 0;
    for (size_t i = 0; i < *size; i++) {
        if (text[i] != '%') {
            text[length++] = text[i];
            continue;
        }
        const int high = *size - i > 2 ? asm__topic_hex_digit(text[i + 1]) : -1;
        const int low = high < 0 ? -1 : asm__topic_hex_digit(text[i + 2]);
        if (low < 0 || !asm__topic_must_escape((unsigned char)(high * 16 + low))) return false;
        text[length++] = (char)(high * 16 + low);
        i += 2;
    }
    *size = length;
    return true;
}

/* An id out of `segment`; false if it cannot be one. ASM_ERR_NO_SPACE goes to `result`. */
static bool asm__topic_read_id(asm_str segment, asm_str *id, asm_buffer *memory, asm_result *result) {
    bool has_escape = false;
    for (size_t i = 0; i < segment.size; i++) {
        const unsigned char byte = (unsigned char)segment.data[i];
        has_escape = has_escape || byte == '%';
        if (byte != '%' && asm__topic_must_escape(byte)) return false;
    }
    if (!has_escape) {
        *id = segment;
        return segment.size > 0;
    }
    if (segment.size > memory->capacity - memory->size) {
        *result = ASM_ERR_NO_SPACE;
        return false;
    }
    char *copy = memory->data + memory->size;
    memcpy(copy, segment.data, segment.size);
    if (!asm__topic_unescape(copy, &segment.size)) return false;
    memory->size += segment.size;
    *id = asm_str_make(copy, segment.size);
    return true;
}

/* The kind of a topic with these segments, and which of the parts its last segment is. */
static asm_topic_kind asm__topic_classify(const asm_str *segments, size_t count, asm_topic_parts *parts,
                                          asm_str **last) {
    const bool is_session = count >= 3 && asm_str_equal(segments[1], ASM_STR("session"));
    const bool is_agent = asm_str_equal(segments[0], ASM_STR("agent_server"));
    if (is_session && count == 3) {
        *last = &parts->session_id;
        return ASM_TOPIC_SESSION;
    }
    if (is_session && count == 5 && asm_str_equal(segments[3], ASM_STR("run"))) {
        *last = &parts->run_id;
        return ASM_TOPIC_RUN;
    }
    if (is_session && count == 5 && asm_str_equal(segments[3], ASM_STR("type"))) {
        *last = &parts->event_type;
        return ASM_TOPIC_TYPE;
    }
    *last = &parts->agent_id;
    if (is_agent && count == 2)
        return asm_str_equal(segments[1], ASM_STR("presence")) ? ASM_TOPIC_PRESENCE : ASM_TOPIC_AGENT;
    if (is_agent && count == 3 && asm_str_equal(segments[1], ASM_STR("debug"))) return ASM_TOPIC_AGENT_DEBUG;
    if (count == 1 && segments[0].size > 6 && memcmp(segments[0].data, "agent.", 6) == 0) {
        *last = &parts->session_id;
        return ASM_TOPIC_CHANNEL;
    }
    return ASM_TOPIC_CUSTOM;
}

ASM_API asm_result asm_topic_parse(const char *topic, asm_topic_parts *parts, char *memory, size_t size) {
    if (!topic || !*topic || !parts) return ASM_ERR_INVALID_ARGUMENT;
    const asm_str whole = asm_str_from(topic);
    asm_topic_parts found;
    memset(&found, 0, sizeof found);
    asm_str segments[6];
    size_t count = 0;
    for (size_t at = 0; at <= whole.size && count < 6; count++)
        segments[count] = asm__topic_segment(whole, &at);
    asm_str *last = NULL;
    found.kind = asm__topic_classify(segments, count, &found, &last);

    asm_buffer unescaped;
    asm_buffer_init_fixed(&unescaped, memory, memory ? size : 0);
    asm_result result = ASM_OK;
    bool valid = found.kind != ASM_TOPIC_CUSTOM;
    const bool is_session = found.kind >= ASM_TOPIC_SESSION && found.kind <= ASM_TOPIC_TYPE;
    if (valid && is_session) valid = asm__topic_read_id(segments[0], &found.prefix, &unescaped, &result);
    if (valid && is_session && count == 5)
        valid = asm__topic_read_id(segments[2], &found.session_id, &unescaped, &result);
    if (valid && found.kind != ASM_TOPIC_PRESENCE) {
        asm_str id = segments[count - 1];
        if (found.kind == ASM_TOPIC_CHANNEL) id = asm_str_make(id.data + 6, id.size - 6);
        valid = asm__topic_read_id(id, last, &unescaped, &result);
    }
    if (result != ASM_OK) return result;
    if (!valid) memset(&found, 0, sizeof found);
    *parts = found;
    return ASM_OK;
}

/* >>topics: patterns */

static bool asm__pattern_is_any(asm_str segment) {
    return segment.size == 1 && segment.data[0] == '*';
}

static bool asm__pattern_is_rest(asm_str segment) {
    return segment.size == 2 && memcmp(segment.data, "**", 2) == 0;
}

ASM_API asm_result asm_pattern_check(const char *pattern) {
    if (!pattern || !*pattern) return ASM_ERR_INVALID_ARGUMENT;
    const asm_str whole = asm_str_from(pattern);
    size_t count = 0;
    for (size_t at = 0; at <= whole.size; count++) {
        const asm_str segment = asm__topic_segment(whole, &at);
        const bool has_star = segment.size && memchr(segment.data, '*', segment.size);
        const bool is_wildcard =
            asm__pattern_is_any(segment) || (asm__pattern_is_rest(segment) && at > whole.size);
        if (count == ASM_PATTERN_MAX_SEGMENTS || (has_star && !is_wildcard)) return ASM_ERR_INVALID_ARGUMENT;
    }
    return ASM_OK;
}

ASM_API bool asm_pattern_matches(const char *pattern, const char *topic) {
    if (!pattern || asm_pattern_check(pattern) != ASM_OK || !topic || !*topic) return false;
    const asm_str wanted = asm_str_from(pattern), given = asm_str_from(topic);
    size_t at = 0;
    for (size_t pattern_at = 0; pattern_at <= wanted.size;) {
        const asm_str segment = asm__topic_segment(wanted, &pattern_at);
        if (asm__pattern_is_rest(segment)) return true;
        if (at > given.size) return false;
        const asm_str other = asm__topic_segment(given, &at);
        if (!asm__pattern_is_any(segment) && !asm_str_equal(segment, other)) return false;
    }
    return at > given.size;
}

/* >>dispatcher: nodes
 * A node is a topic, a pattern, or the beginning of patterns; see below. It is one block of memory, with its
 * text after it. */

#define ASM__CACHED_MATCHES 4

typedef struct asm__subscriber {
    asm_message_callback callback; /* NULL: ended, kept until no round is under way */
    void *user;
    uint64_t number; /* its handle's; a node's subscribers are sorted by it, as it grows */
} asm__subscriber;

/* What a publish looks at stands together, and next to the text. */
typedef struct asm__node {
    struct asm__node
        *matches[ASM__CACHED_MATCHES]; /* topics: the patterns that match, if there are no more */
    struct asm__node *next_dirty;
    uint64_t match_epoch;  /* topics: when `matches` was found */
    uint32_t direct_epoch; /* topics: when a handle last remembered the only subscriber */
    uint32_t references;   /* handles of a topic, children of a beginning */
    uint8_t match_count;
    bool is_topic;
    bool is_dirty;                /* in the dirty list */
    asm__subscriber *subscribers; /* `only` if there is no more than one, else an array */
    uint32_t count;               /* of subscribers */
    uint32_t live;                /* of those that have not ended */
    uint64_t plain_epoch;         /* topics: when no pattern was found to match */
    asm__subscriber only;         /* most topics have one */
    asm__indexed key;             /* scope: the node that this one continues, if it is not a topic's */
} asm__node;

typedef struct asm__handle {
    asm__subscriber direct; /* a topic's: whom alone a publish reaches; a subscription's: its user */
    asm__node *node;        /* NULL: free */
    uint64_t number;
    uint32_t next_free;    /* a free one's, as asm_pubsub.free_handle */
    uint32_t direct_epoch; /* a topic's: when `direct` was right; a subscription's: 0 */
} asm__handle;

#define ASM__FIRST_EPOCH 2 /* of direct_epoch, so that one before it is not 0 */

static asm__node *asm__node_of(asm__indexed *key) {
    return key ? asm__container(key, asm__node, key) : NULL;
}

/* The node that `node` continues, or NULL. Its scope is const, as a key's is; the node is not. */
static asm__node *asm__node_parent(const asm__node *node) {
    asm__node *parent;
    memcpy(&parent, &node->key.scope, sizeof node->key.scope);
    return parent;
}

static const char *asm__node_text(const asm__node *node) {
    return (const char *)(node + 1);
}

static asm__node *asm__node_find(const asm_pubsub *pubsub, const asm__node *parent, asm_str text) {
    const uint64_t hash = asm__hash(text.data, text.size, parent ? parent->key.hash : 0);
    return asm__node_of(asm__index_find(&pubsub->index, parent, text, hash));
}

static asm__node *asm__node_create(asm_pubsub *pubsub, asm__node *parent, asm_str text) {
    if (text.size > SIZE_MAX / 2) return NULL;
    asm__node *node = (asm__node *)ASM_REALLOC(NULL, sizeof *node + text.size + 1);
    if (!node) return NULL;
    memset(node, 0, sizeof *node);
    char *copy = (char *)(node + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    node->match_epoch = UINT64_MAX;
    node->plain_epoch = UINT64_MAX;
    node->key.scope = parent;
    node->key.text = asm_str_make(copy, text.size);
    node->key.hash = asm__hash(copy, text.size, parent ? parent->key.hash : 0);
    asm__index_insert(&pubsub->index, &node->key);
    if (parent) parent->references++;
    return node;
}

/* Room for one subscriber more. */
static bool asm__subscribers_reserve(asm__node *node) {
    if (!node->subscribers) node->subscribers = &node->only;
    if (node->count == UINT32_MAX) return false;
    if (node->subscribers != &node->only) return asm__reserve(node->subscribers, (size_t)node->count + 1);
    asm__subscriber *subscribers = NULL;
    if (!node->count) return true;
    if (!asm__reserve(subscribers, 2)) return false;
    subscribers[0] = node->only; /* NOLINT(clang-analyzer-core.NullDereference): it was just reserved */
    node->subscribers = subscribers;
    return true;
}

static void asm__subscribers_free(asm__node *node) {
    if (node->subscribers != &node->only) asm__array_free(node->subscribers);
    node->subscribers = NULL;
    node->count = 0;
}

static void asm__node_free(asm__node *node) {
    asm__subscribers_free(node);
    ASM_FREE(node);
}

/* >>dispatcher: patterns
 * The shape of a pattern is how many segments it has and which of them are literals: a topic matches at most one
 * pattern of each shape. So a publish looks once for each shape, whatever patterns there are, and the number of
 * shapes is bounded. Literals that stand side by side are looked for together, as one run: the first run below
 * the shape's root, the next below the node of the first, and so on. */

typedef struct asm__shape {
    asm__node *root;
    uint32_t literals; /* bit i: segment i is one */
    unsigned segments; /* how many there are, without a `**` */
    bool has_rest;     /* ends with `**` */
} asm__shape;

typedef struct asm__cursor {
    asm__node *node;
    uint32_t at;
    uint32_t end;
} asm__cursor;

/* A text taken apart: segment i goes from begin[i] to the colon before begin[i + 1]. */
typedef struct asm__segments {
    asm_str text;
    size_t begin[ASM_PATTERN_MAX_SEGMENTS + 2];
    unsigned count; /* ASM_PATTERN_MAX_SEGMENTS + 1: that many or more */
} asm__segments;

static void asm__segments_find(asm__segments *segments, asm_str text) {
    size_t at = 0;
    segments->text = text;
    segments->count = 0;
    segments->begin[0] = 0;
    while (at <= text.size && segments->count <= ASM_PATTERN_MAX_SEGMENTS) {
        (void)asm__topic_segment(text, &at);
        segments->begin[++segments->count] = at;
    }
}

/* Segments `first` up to `end`, with the colons between them. */
/* NOLINTBEGIN(clang-analyzer-core.*): `end` is at most their count, and up to that begin[] is set */
static asm_str asm__segments_text(const asm__segments *segments, unsigned first, unsigned end) {
    const size_t begin = segments->begin[first];
    return asm_str_make(segments->text.data + begin, segments->begin[end] - 1 - begin);
}
/* NOLINTEND(clang-analyzer-core.*) */

static asm__shape asm__shape_of(const asm__segments *pattern) {
    asm__shape shape;
    memset(&shape, 0, sizeof shape);
    shape.has_rest = asm__pattern_is_rest(asm__segments_text(pattern, pattern->count - 1, pattern->count));
    shape.segments = pattern->count - shape.has_rest;
    for (unsigned i = 0; i < shape.segments; i++)
        if (!asm__pattern_is_any(asm__segments_text(pattern, i, i + 1))) shape.literals |= UINT32_C(1) << i;
    return shape;
}

static asm__shape *asm__shape_find(const asm_pubsub *pubsub, const asm__shape *wanted) {
    for (size_t i = 0; i < asm__count(pubsub->shapes); i++) {
        asm__shape *shape = &pubsub->shapes[i];
        if (shape->literals == wanted->literals && shape->segments == wanted->segments &&
            shape->has_rest == wanted->has_rest)
            return shape;
    }
    return NULL;
}

/* The next run of literals from segment *end on: it goes from *first to *end. False if there is none. */
static bool asm__shape_next_run(const asm__shape *shape, unsigned *first, unsigned *end) {
    unsigned at = *end;
    while (at < shape->segments && !(shape->literals >> at & 1))
        at++;
    *first = at;
    while (at < shape->segments && shape->literals >> at & 1)
        at++;
    *end = at;
    return *first < at;
}

/* The pattern of a shape that has these literals, or NULL. */
static asm__node *asm__shape_match(const asm_pubsub *pubsub, const asm__shape *shape,
                                   const asm__segments *segments) {
    asm__node *node = shape->root;
    for (unsigned first, end = 0; node && asm__shape_next_run(shape, &first, &end);)
        node = asm__node_find(pubsub, node, asm__segments_text(segments, first, end));
    return node;
}

/* Sets cursors[0], cursors[1], … to the patterns with subscribers that match `topic`; returns how many. */
static size_t asm__patterns_match(const asm_pubsub *pubsub, asm_str topic, asm__cursor *cursors) {
    asm__segments segments;
    size_t count = 0;
    asm__segments_find(&segments, topic);
    for (size_t i = 0; i < asm__count(pubsub->shapes); i++) {
        const asm__shape *shape = &pubsub->shapes[i];
        if (shape->segments != segments.count && !(shape->has_rest && shape->segments < segments.count))
            continue;
        asm__node *node = asm__shape_match(pubsub, shape, &segments);
        if (node && node->live) cursors[count++].node = node;
    }
    return count;
}

static asm__node *asm__pattern_find(const asm_pubsub *pubsub, asm_str pattern) {
    asm__segments segments;
    asm__segments_find(&segments, pattern);
    const asm__shape wanted = asm__shape_of(&segments);
    const asm__shape *shape = asm__shape_find(pubsub, &wanted);
    return shape ? asm__shape_match(pubsub, shape, &segments) : NULL;
}

static void asm__shape_remove(asm_pubsub *pubsub, const asm__node *root) {
    size_t at = 0;
    while (pubsub->shapes[at].root != root)
        at++;
    pubsub->shapes[at] = pubsub->shapes[asm__count(pubsub->shapes) - 1];
    asm__array_header(pubsub->shapes)->length--;
}

/* Frees a node that nothing refers to any more, and what it alone referred to. A dirty one may be in use by a
 * round. */
static void asm__node_prune(asm_pubsub *pubsub, asm__node *node) {
    while (node && !node->live && !node->references && !node->is_dirty) {
        asm__node *parent = asm__node_parent(node);
        if (parent) parent->references--;
        if (node->is_topic || parent) asm__index_remove(&pubsub->index, &node->key);
        else asm__shape_remove(pubsub, node);
        asm__node_free(node);
        node = parent;
    }
    if (asm__count(pubsub->shapes)) return;
    asm__array_free(pubsub->shapes);
    asm__array_free(pubsub->cursors);
}

/* Adds a shape that is not there; its root is known by its place in the list, not by a key. There are cursors for
 * each round that may be under way and for counting, as many each as there are shapes, and one for the topic. */
static asm_result asm__shape_add(asm_pubsub *pubsub, asm__shape *shape) {
    const size_t count = asm__count(pubsub->shapes) + 1;
    if (count > pubsub->options.max_shapes) return ASM_ERR_LIMIT;
    if (!asm__reserve(pubsub->shapes, count) ||
        !asm__reserve(pubsub->cursors, ((size_t)pubsub->options.max_depth + 1) * (count + 1)))
        return ASM_ERR_NO_MEMORY;
    asm__node *root = (asm__node *)ASM_REALLOC(NULL, sizeof *root);
    if (!root) return ASM_ERR_NO_MEMORY;
    memset(root, 0, sizeof *root);
    root->key.hash = asm__hash_mix(shape->literals + UINT64_C(0x9e3779b97f4a7c15),
                                   shape->segments * 2 + shape->has_rest + UINT64_C(0xe7037ed1a0b428db));
    shape->root = root;
    asm__push(pubsub->shapes, *shape);
    return ASM_OK;
}

static asm_result asm__pattern_find_or_create(asm_pubsub *pubsub, asm_str pattern, asm__node **found) {
    asm__segments segments;
    asm__segments_find(&segments, pattern);
    asm__shape shape = asm__shape_of(&segments);
    const asm__shape *known = asm__shape_find(pubsub, &shape);
    const asm_result result = known ? ASM_OK : asm__shape_add(pubsub, &shape);
    if (result != ASM_OK) {
        asm__node_prune(pubsub, NULL);
        return result;
    }
    asm__node *node = known ? known->root : shape.root;
    for (unsigned first, end = 0; asm__shape_next_run(&shape, &first, &end);) {
        const asm_str run = asm__segments_text(&segments, first, end);
        asm__node *child = asm__node_find(pubsub, node, run);
        if (!child) child = asm__node_create(pubsub, node, run);
        if (!child) {
            asm__node_prune(pubsub, node);
            return ASM_ERR_NO_MEMORY;
        }
        node = child;
    }
    *found = node;
    return ASM_OK;
}

/* >>dispatcher: topics */

static asm__node *asm__topic_find(const asm_pubsub *pubsub, asm_str topic) {
    return asm__node_find(pubsub, NULL, topic);
}

/* Whether a topic has a segment `*` or `**`, which only patterns can have. */
static bool asm__topic_has_wildcard(asm_str topic) {
    if (!memchr(topic.data, '*', topic.size)) return false;
    for (size_t at = 0; at <= topic.size;) {
        const asm_str segment = asm__topic_segment(topic, &at);
        if (asm__pattern_is_any(segment) || asm__pattern_is_rest(segment)) return true;
    }
    return false;
}

static asm_result asm__topic_find_or_create(asm_pubsub *pubsub, asm_str topic, asm__node **found) {
    asm__node *node = asm__topic_find(pubsub, topic);
    if (!node) {
        if (asm__topic_has_wildcard(topic)) return ASM_ERR_PATTERN;
        node = asm__node_create(pubsub, NULL, topic);
        if (!node) return ASM_ERR_NO_MEMORY;
        node->is_topic = true;
    }
    *found = node;
    return ASM_OK;
}

/* >>dispatcher: subscriptions */

/* The handle with a number stands in the slot that the number's lower bits tell, as many as there are slots. Numbers grow,
 * and none is given twice: with a million handles, a million new ones a second would last half a year, a thousand 500
 * years. */

#define ASM__MAX_HANDLES (UINT32_C(1) << 31)

static void asm__handle_put_free(asm_pubsub *pubsub, uint32_t slot) {
    asm__handle *handle = &pubsub->handles[slot];
    handle->node = NULL;
    handle->number = slot + UINT64_C(1); /* another slot's: nobody finds it */
    handle->next_free = pubsub->free_handle;
    pubsub->free_handle = slot + 1;
}

/* Doubles the slots, all of which are taken. */
static bool asm__handles_grow(asm_pubsub *pubsub) {
    const uint32_t slots = pubsub->handle_slots, more = slots ? slots : 2;
    if (slots >= ASM__MAX_HANDLES || !asm__reserve(pubsub->handles, (size_t)slots + more)) return false;
    pubsub->handle_slots = slots + more;
    for (uint32_t slot = more; slot-- > 0;) {
        const bool moves = slots && pubsub->handles[slot].number & slots;
        if (moves) pubsub->handles[slots + slot] = pubsub->handles[slot];
        asm__handle_put_free(pubsub, moves ? slot : slots + slot);
    }
    return true;
}

static bool asm__handle_reserve(asm_pubsub *pubsub) {
    if (pubsub->number >= UINT64_MAX - ASM__MAX_HANDLES) return false;
    return pubsub->free_handle || asm__handles_grow(pubsub);
}

/* Takes the next number that stands in a free slot. */
static asm__handle *asm__handle_create(asm_pubsub *pubsub, asm__node *node, bool is_topic) {
    const uint32_t slot = pubsub->free_handle - 1;
    const uint64_t next = pubsub->number + 1;
    asm__handle *handle = &pubsub->handles[slot];
    pubsub->free_handle = handle->next_free;
    memset(handle, 0, sizeof *handle);
    handle->node = node;
    handle->direct_epoch = is_topic ? pubsub->direct_epoch - 1 : 0;
    handle->number = pubsub->number = next + ((slot - next) & (pubsub->handle_slots - 1));
    pubsub->handles_used++;
    return handle;
}

static void asm__handle_free(asm_pubsub *pubsub, uint64_t number) {
    asm__handle_put_free(pubsub, (uint32_t)number & (pubsub->handle_slots - 1));
    if (--pubsub->handles_used == 0) {
        asm__array_free(pubsub->handles);
        pubsub->handle_slots = pubsub->free_handle = 0;
    }
}

/* The handle with this number, or NULL. */
static inline asm__handle *asm__handle_find(const asm_pubsub *pubsub, const asm_pubsub *owner,
                                            uint64_t number) {
    if (!pubsub || owner != pubsub || !pubsub->handle_slots) return NULL;
    asm__handle *handle = &pubsub->handles[(uint32_t)number & (pubsub->handle_slots - 1)];
    return handle->number == number ? handle : NULL;
}

static asm__handle *asm__handle_find_topic(const asm_pubsub *pubsub, asm_topic_handle topic) {
    asm__handle *handle = asm__handle_find(pubsub, topic.pubsub, topic.number);
    return handle && handle->direct_epoch ? handle : NULL;
}

static bool asm__node_in_use(const asm__node *node) {
    return node->live || (node->is_topic && node->references);
}

/* Keeps the counters and the epoch right after a node came into use or out of it. */
static void asm__node_counted(asm_pubsub *pubsub, const asm__node *node, bool was_in_use) {
    const bool is_in_use = asm__node_in_use(node);
    size_t *counter = node->is_topic ? &pubsub->topics : &pubsub->patterns;
    if (is_in_use && !was_in_use) ++*counter;
    else if (!is_in_use && was_in_use) --*counter;
    if (!node->is_topic && is_in_use != was_in_use) pubsub->pattern_epoch++;
}

/* Has handles forget what they remember, if the subscriptions of `node` have to do with it. */
static void asm__direct_forget(asm_pubsub *pubsub, const asm__node *node) {
    if (node->is_topic && node->direct_epoch != pubsub->direct_epoch) return;
    if (pubsub->direct_epoch++ < UINT32_MAX) return;
    pubsub->direct_epoch = ASM__FIRST_EPOCH; /* from the start again: nothing may remember it */
    for (uint32_t i = 0; i < pubsub->handle_slots; i++)
        if (pubsub->handles[i].direct_epoch) pubsub->handles[i].direct_epoch = ASM__FIRST_EPOCH - 1;
}

/* Cleans up the dirty nodes: removes ended subscribers once they are as many as the others, and nodes that
 * nothing refers to. */
ASM__RARE void asm__sweep(asm_pubsub *pubsub) {
    while (pubsub->dirty) {
        asm__node *node = pubsub->dirty;
        pubsub->dirty = node->next_dirty;
        node->is_dirty = false;
        if (!node->live) {
            asm__subscribers_free(node);
        } else if (node->count / 2 >= node->live) {
            uint32_t kept = 0;
            for (uint32_t i = 0; i < node->count; i++)
                if (node->subscribers[i].callback) node->subscribers[kept++] = node->subscribers[i];
            node->count = kept;
            if (kept == 1) {
                node->only = node->subscribers[0];
                asm__array_free(node->subscribers);
                node->subscribers = &node->only;
            }
        }
        asm__node_prune(pubsub, node);
    }
}

static void asm__node_mark_dirty(asm_pubsub *pubsub, asm__node *node) {
    if (!node->is_dirty) {
        node->is_dirty = true;
        node->next_dirty = pubsub->dirty;
        pubsub->dirty = node;
    }
    if (!pubsub->innermost) asm__sweep(pubsub);
}

static asm_result asm__subscribe(asm_pubsub *pubsub, asm__node *node, asm_message_callback callback,
                                 void *user, asm_subscription *subscription) {
    if (!asm__handle_reserve(pubsub) || !asm__subscribers_reserve(node)) {
        asm__node_prune(pubsub, node);
        return ASM_ERR_NO_MEMORY;
    }
    asm__subscriber subscriber;
    subscriber.callback = callback;
    subscriber.user = user;
    asm__handle *handle = asm__handle_create(pubsub, node, false);
    subscriber.number = handle->number;
    handle->direct = subscriber;
    const bool was_in_use = asm__node_in_use(node);
    node->subscribers[node->count++] = subscriber;
    node->live++;
    pubsub->subscriptions++;
    asm__node_counted(pubsub, node, was_in_use);
    asm__direct_forget(pubsub, node);
    if (subscription) {
        subscription->pubsub = pubsub;
        subscription->number = subscriber.number;
    }
    return ASM_OK;
}

/* The subscriber of `node` with this number, which it has. */
static asm__subscriber *asm__subscriber_find(const asm__node *node, uint64_t number) {
    size_t low = 0, high = node->count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (node->subscribers[middle].number <= number) low = middle;
        else high = middle;
    }
    return &node->subscribers[low];
}

static void asm__unsubscribe(asm_pubsub *pubsub, asm__node *node, asm__subscriber *subscriber) {
    asm__handle_free(pubsub, subscriber->number);
    subscriber->callback = NULL;
    node->live--;
    pubsub->subscriptions--;
    asm__node_counted(pubsub, node, true);
    asm__direct_forget(pubsub, node);
}

static asm_result asm__unsubscribe_all(asm_pubsub *pubsub, asm__node *node, asm_message_callback callback,
                                       const void *user) {
    bool found = false;
    for (size_t i = 0; node && i < node->count; i++) {
        asm__subscriber *subscriber = &node->subscribers[i];
        if (subscriber->callback == callback && subscriber->user == user) {
            asm__unsubscribe(pubsub, node, subscriber);
            found = true;
        }
    }
    if (found) asm__node_mark_dirty(pubsub, node);
    return found ? ASM_OK : ASM_ERR_NOT_FOUND;
}

ASM_API void asm_pubsub_init(asm_pubsub *pubsub, const asm_pubsub_options *options) {
    if (!pubsub) return;
    memset(pubsub, 0, sizeof *pubsub);
    pubsub->direct_epoch = ASM__FIRST_EPOCH;
    if (options) pubsub->options = *options;
    if (!pubsub->options.max_shapes) pubsub->options.max_shapes = 256;
    if (!pubsub->options.max_depth) pubsub->options.max_depth = 32;
    else if (pubsub->options.max_depth > ASM_PUBSUB_MAX_DEPTH)
        pubsub->options.max_depth = ASM_PUBSUB_MAX_DEPTH;
}

ASM_API asm_result asm_pubsub_close(asm_pubsub *pubsub) {
    if (!pubsub) return ASM_OK;
    if (pubsub->innermost) return ASM_ERR_MISUSE;
    size_t at = 0;
    for (asm__indexed *key; (key = asm__index_take(&pubsub->index, &at)) != NULL;)
        asm__node_free(asm__node_of(key));
    for (size_t i = 0; i < asm__count(pubsub->shapes); i++)
        asm__node_free(pubsub->shapes[i].root);
    asm__index_close(&pubsub->index);
    asm__array_free(pubsub->shapes);
    asm__array_free(pubsub->handles);
    asm__array_free(pubsub->cursors);
    const asm_pubsub_options options = pubsub->options;
    const uint64_t number = pubsub->number; /* so that handles of before stay stale */
    asm_pubsub_init(pubsub, &options);
    pubsub->number = number;
    return ASM_OK;
}

ASM_API asm_result asm_pubsub_subscribe(asm_pubsub *pubsub, const char *topic, asm_message_callback callback,
                                        void *user, asm_subscription *subscription) {
    if (!pubsub || !topic || !*topic || !callback) return ASM_ERR_INVALID_ARGUMENT;
    asm__node *node;
    const asm_result result = asm__topic_find_or_create(pubsub, asm_str_from(topic), &node);
    return result == ASM_OK ? asm__subscribe(pubsub, node, callback, user, subscription) : result;
}

ASM_API asm_result asm_pubsub_subscribe_pattern(asm_pubsub *pubsub, const char *pattern,
                                                asm_message_callback callback, void *user,
                                                asm_subscription *subscription) {
    if (!pubsub || !pattern || !callback || asm_pattern_check(pattern) != ASM_OK)
        return ASM_ERR_INVALID_ARGUMENT;
    asm__node *node;
    const asm_result result = asm__pattern_find_or_create(pubsub, asm_str_from(pattern), &node);
    return result == ASM_OK ? asm__subscribe(pubsub, node, callback, user, subscription) : result;
}

ASM_API asm_result asm_pubsub_unsubscribe(asm_pubsub *pubsub, asm_subscription subscription) {
    if (!pubsub) return ASM_ERR_INVALID_ARGUMENT;
    const asm__handle *handle = asm__handle_find(pubsub, subscription.pubsub, subscription.number);
    if (!handle || handle->direct_epoch) return ASM_ERR_NOT_FOUND;
    asm__node *node = handle->node;
    asm__unsubscribe(pubsub, node, asm__subscriber_find(node, handle->number));
    asm__node_mark_dirty(pubsub, node);
    return ASM_OK;
}

ASM_API asm_result asm_pubsub_unsubscribe_all(asm_pubsub *pubsub, const char *topic,
                                              asm_message_callback callback, void *user) {
    if (!pubsub || !topic || !*topic || !callback) return ASM_ERR_INVALID_ARGUMENT;
    return asm__unsubscribe_all(pubsub, asm__topic_find(pubsub, asm_str_from(topic)), callback, user);
}

ASM_API asm_result asm_pubsub_unsubscribe_all_pattern(asm_pubsub *pubsub, const char *pattern,
                                                      asm_message_callback callback, void *user) {
    if (!pubsub || !pattern || !callback || asm_pattern_check(pattern) != ASM_OK)
        return ASM_ERR_INVALID_ARGUMENT;
    return asm__unsubscribe_all(pubsub, asm__pattern_find(pubsub, asm_str_from(pattern)), callback, user);
}

ASM_API asm_result asm_pubsub_unsubscribe_owner(asm_pubsub *pubsub, const void *user) {
    if (!pubsub) return ASM_ERR_INVALID_ARGUMENT;
    for (uint32_t slot = 0; slot < pubsub->handle_slots; slot++) { /* they may all go on the way */
        const asm__handle *handle = &pubsub->handles[slot];
        if (!handle->node || handle->direct_epoch || handle->direct.user != user) continue;
        asm__node *node = handle->node;
        asm__unsubscribe(pubsub, node, asm__subscriber_find(node, handle->number));
        asm__node_mark_dirty(pubsub, node);
    }
    return ASM_OK;
}

ASM_API asm_result asm_topic_resolve(asm_pubsub *pubsub, const char *topic, asm_topic_handle *resolved) {
    if (!pubsub || !topic || !*topic || !resolved) return ASM_ERR_INVALID_ARGUMENT;
    asm__node *node;
    const asm_result result = asm__topic_find_or_create(pubsub, asm_str_from(topic), &node);
    if (result != ASM_OK) return result;
    if (!asm__handle_reserve(pubsub)) {
        asm__node_prune(pubsub, node);
        return ASM_ERR_NO_MEMORY;
    }
    const bool was_in_use = asm__node_in_use(node);
    node->references++;
    asm__node_counted(pubsub, node, was_in_use);
    resolved->pubsub = pubsub;
    resolved->number = asm__handle_create(pubsub, node, true)->number;
    return ASM_OK;
}

ASM_API asm_result asm_topic_release(asm_pubsub *pubsub, asm_topic_handle topic) {
    if (!pubsub) return ASM_ERR_INVALID_ARGUMENT;
    const asm__handle *handle = asm__handle_find_topic(pubsub, topic);
    if (!handle) return ASM_ERR_NOT_FOUND;
    asm__node *node = handle->node;
    asm__handle_free(pubsub, topic.number);
    node->references--;
    asm__node_counted(pubsub, node, true);
    asm__node_mark_dirty(pubsub, node);
    return ASM_OK;
}

/* >>dispatcher: publish
 * A round brings one message to its subscribers. It goes through one list of entries, or through several at
 * once, merged by serial with a heap of cursors. Its state is such that a nested publish can bring it to its
 * end. */

typedef struct asm__round {
    asm_message message;
    const void *passed_over; /* the sender, or what nobody has for a user */
    asm__node *node;         /* the only list, or NULL: several */
    uint32_t at, end;
    size_t cursors, cursor_count; /* several: where they are in pubsub->cursors */
    size_t delivered;
    struct asm__round *outer; /* the round that this one was published during */
    struct asm__round *inner; /* set by asm__rounds_finish() */
} asm__round;

static uint64_t asm__cursor_number(const asm__cursor *cursor) {
    return cursor->node->subscribers[cursor->at].number;
}

static void asm__heap_sift_down(asm__cursor *heap, size_t count, size_t at) {
    for (size_t child = at * 2 + 1; child < count; at = child, child = at * 2 + 1) {
        if (child + 1 < count && asm__cursor_number(&heap[child + 1]) < asm__cursor_number(&heap[child]))
            child++;
        if (asm__cursor_number(&heap[at]) <= asm__cursor_number(&heap[child])) return;
        const asm__cursor lower = heap[at];
        heap[at] = heap[child];
        heap[child] = lower;
    }
}

/* The subscriber of several lists that comes next. */
static const asm__subscriber *asm__round_pop(const asm_pubsub *pubsub, asm__round *round) {
    asm__cursor *heap = pubsub->cursors + round->cursors;
    const asm__subscriber *subscriber = &heap->node->subscribers[heap->at];
    if (++heap->at == heap->end) *heap = heap[--round->cursor_count];
    asm__heap_sift_down(heap, round->cursor_count, 0);
    return subscriber;
}

static inline void asm__round_call(asm__round *round, const asm__subscriber *subscriber) {
    if (!subscriber->callback || subscriber->user == round->passed_over) return;
    round->delivered++;
    round->message.subscription.number = subscriber->number;
    subscriber->callback(subscriber->user, &round->message);
}

ASM__RARE void asm__round_run_several(const asm_pubsub *pubsub, asm__round *round) {
    while (round->cursor_count)
        asm__round_call(round, asm__round_pop(pubsub, round));
}

/* During a call the entries may move and the round may come to its end, but nothing is swept. */
static inline void asm__round_run(const asm_pubsub *pubsub, asm__round *round) {
    const asm__node *node = round->node;
    const uint32_t end = round->end;
    while (round->at < end)
        asm__round_call(round, &node->subscribers[round->at++]);
    if (!node) asm__round_run_several(pubsub, round);
}

/* Brings the rounds to their end that were under way before `last`, the outermost first. */
ASM__RARE void asm__rounds_finish(const asm_pubsub *pubsub, asm__round *last) {
    asm__round *round = last;
    for (; round->outer; round = round->outer)
        round->outer->inner = round;
    for (; round != last; round = round->inner) {
        /* A subscriber that waits for a nested publish will still look at the message. */
        const asm_subscription calling = round->message.subscription;
        asm__round_run(pubsub, round);
        round->message.subscription = calling;
    }
}

/* The lists of entries of a topic that has `node` or none: sets cursors[0] to [n - 1] and returns n. */
static size_t asm__round_lists(const asm_pubsub *pubsub, asm__node *node, asm_str topic,
                               asm__cursor *cursors) {
    size_t count = 0;
    if (node && node->match_epoch == pubsub->pattern_epoch) {
        for (; count < node->match_count; count++)
            cursors[count].node = node->matches[count];
    } else {
        count = asm__patterns_match(pubsub, topic, cursors);
        if (node && count <= ASM__CACHED_MATCHES) {
            for (size_t i = 0; i < count; i++)
                node->matches[i] = cursors[i].node;
            node->match_count = (uint8_t)count;
            node->match_epoch = pubsub->pattern_epoch;
            if (!count) node->plain_epoch = pubsub->pattern_epoch;
        }
    }
    if (node && node->live) cursors[count++].node = node;
    return count;
}

/* Finds out whom `round` is for where patterns may match; false if there is nobody. */
ASM__RARE bool asm__round_match(asm_pubsub *pubsub, asm__round *round, asm__node *node, asm_str topic) {
    if (!pubsub->patterns) {
        if (node) node->plain_epoch = pubsub->pattern_epoch;
        return node != NULL;
    }
    asm__cursor *cursors = pubsub->cursors + pubsub->cursors_used;
    const size_t count = asm__round_lists(pubsub, node, topic, cursors);
    if (count == 1) round->node = cursors->node;
    if (count < 2) return count == 1;
    round->node = NULL;
    round->cursors = pubsub->cursors_used;
    round->cursor_count = count;
    pubsub->cursors_used += count;
    for (size_t i = 0; i < count; i++) {
        cursors[i].at = 0;
        cursors[i].end = cursors[i].node->count;
    }
    for (size_t i = count / 2; i-- > 0;)
        asm__heap_sift_down(cursors, count, i);
    return true;
}

/* Whether no publish may be nested in those under way. */
static inline bool asm__is_deepest(const asm_pubsub *pubsub) {
    return pubsub->innermost && pubsub->depth + 1 >= pubsub->options.max_depth;
}

ASM_API bool asm_pubsub_can_publish(const asm_pubsub *pubsub) {
    return pubsub && !asm__is_deepest(pubsub);
}

/* Sets up a round and puts it innermost; `number` is that of the first subscriber to call, as far as that is known. */
static inline void asm__round_begin(asm_pubsub *pubsub, asm__round *round, const char *topic,
                                    const asm_message *message, uint64_t number) {
    round->outer = pubsub->innermost;
    round->at = 0;
    round->delivered = 0;
    round->message = *message;
    round->message.topic = topic;
    round->message.subscription.pubsub = pubsub;
    round->message.subscription.number = number;
    if (!message->wrapper.data) round->message.wrapper = ASM_STR(ASM_MESSAGE_WRAPPER);
    if (!message->session_id.data && message->event) round->message.session_id = message->event->session_id;
    pubsub->published++;
    pubsub->innermost = round; /* cppcheck-suppress autoVariables ; reset by asm__round_end() */
}

static inline void asm__round_end(asm_pubsub *pubsub, asm__round *outer, size_t called, size_t *delivered) {
    pubsub->innermost = outer;
    pubsub->delivered += called;
    if (delivered) *delivered += called;
    if (pubsub->dirty && !outer) asm__sweep(pubsub);
}

/* Publishes to the topic that has `node`, or has none as nobody subscribed to it by name. */
ASM__RARE asm_result asm__publish(asm_pubsub *pubsub, const void *sender, asm__node *node, asm_str topic,
                                  const asm_message *message, size_t *delivered) {
    asm__round round;
    if (!node && asm__topic_has_wildcard(topic)) return ASM_ERR_PATTERN;
    if (asm__is_deepest(pubsub)) {
        pubsub->dropped++;
        return ASM_ERR_DEPTH;
    }
    round.node = node;
    const bool is_plain = node && node->plain_epoch == pubsub->pattern_epoch;
    if (!is_plain && !asm__round_match(pubsub, &round, node, topic)) {
        pubsub->published++;
        return ASM_OK;
    }
    asm__round_begin(pubsub, &round, topic.data, message, 0);
    round.end = round.node ? round.node->count : 0;
    round.passed_over = sender ? sender : &round;
    if (round.outer) {
        pubsub->depth++;
        asm__rounds_finish(pubsub, &round);
    }
    asm__round_run(pubsub, &round);
    if (round.outer) pubsub->depth--;
    if (!round.node) pubsub->cursors_used = round.cursors;
    asm__round_end(pubsub, round.outer, round.delivered, delivered);
    return ASM_OK;
}

/* Publishes where no round is under way and `node` has one subscriber. Whom to call is read first, so that a
 * processor that guessed somebody else sees it early. */
static inline asm_result asm__publish_direct(asm_pubsub *pubsub, asm__node *node, asm__subscriber called,
                                             const asm_message *message, size_t *delivered) {
    asm__round round;
    asm__round_begin(pubsub, &round, asm__node_text(node), message, called.number);
    round.node = node;
    round.end = 0;
    called.callback(called.user, &round.message);
    if (delivered) *delivered = 0;
    asm__round_end(pubsub, NULL, 1, delivered);
    return ASM_OK;
}

ASM_API asm_result asm_pubsub_publish_from(asm_pubsub *pubsub, const void *sender, const char *topic,
                                           const asm_message *message, size_t *delivered) {
    if (delivered) *delivered = 0;
    if (!pubsub || !topic || !*topic || !message) return ASM_ERR_INVALID_ARGUMENT;
    const asm_str text = asm_str_from(topic);
    return asm__publish(pubsub, sender, asm__topic_find(pubsub, text), text, message, delivered);
}

ASM_API asm_result asm_pubsub_publish(asm_pubsub *pubsub, const char *topic, const asm_message *message,
                                      size_t *delivered) {
    if (delivered) *delivered = 0;
    if (!pubsub || !topic || !*topic || !message) return ASM_ERR_INVALID_ARGUMENT;
    const asm_str text = asm_str_from(topic);
    asm__node *node = asm__topic_find(pubsub, text);
    if (!ASM__SMALL && node && node->count == 1 && node->plain_epoch == pubsub->pattern_epoch &&
        !pubsub->innermost)
        return asm__publish_direct(pubsub, node, node->only, message, delivered);
    return asm__publish(pubsub, NULL, node, text, message, delivered);
}

ASM_API asm_result asm_pubsub_publish_all(asm_pubsub *pubsub, const char *const *topics, size_t count,
                                          const asm_message *message, size_t *delivered) {
    if (delivered) *delivered = 0;
    if (!pubsub || !message || (!topics && count)) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result = ASM_OK;
    for (size_t i = 0; result == ASM_OK && i < count; i++) {
        if (!topics[i] || !*topics[i]) result = ASM_ERR_INVALID_ARGUMENT;
        else if (asm__topic_has_wildcard(asm_str_from(topics[i]))) result = ASM_ERR_PATTERN;
    }
    for (size_t i = 0; result == ASM_OK && i < count; i++) {
        const asm_str text = asm_str_from(topics[i]);
        result = asm__publish(pubsub, NULL, asm__topic_find(pubsub, text), text, message, delivered);
    }
    return result;
}

/* Has the handle remember the only subscriber of its topic, if there is no more than that. */
static void asm__direct_remember(const asm_pubsub *pubsub, asm__handle *handle) {
    asm__node *node = handle->node;
    if (node->count != 1 || !node->live || node->plain_epoch != pubsub->pattern_epoch) return;
    handle->direct = node->only;
    handle->direct_epoch = node->direct_epoch = pubsub->direct_epoch;
}

ASM__RARE asm_result asm__publish_by_handle(asm_pubsub *pubsub, const void *sender, asm_topic_handle topic,
                                            const asm_message *message, size_t *delivered) {
    if (delivered) *delivered = 0;
    if (!pubsub || !message) return ASM_ERR_INVALID_ARGUMENT;
    asm__handle *handle = asm__handle_find_topic(pubsub, topic);
    if (!handle) return ASM_ERR_NOT_FOUND;
    asm__direct_remember(pubsub, handle);
    const asm_str text = handle->node->key.text;
    return asm__publish(pubsub, sender, handle->node, text, message, delivered);
}

ASM_API asm_result asm_topic_publish_from(asm_pubsub *pubsub, const void *sender, asm_topic_handle topic,
                                          const asm_message *message, size_t *delivered) {
    return asm__publish_by_handle(pubsub, sender, topic, message, delivered);
}

ASM_API asm_result asm_topic_publish(asm_pubsub *pubsub, asm_topic_handle topic, const asm_message *message,
                                     size_t *delivered) {
    const asm__handle *handle = asm__handle_find(pubsub, topic.pubsub, topic.number);
    if (handle && handle->direct_epoch == pubsub->direct_epoch && !pubsub->innermost && message)
        return asm__publish_direct(pubsub, handle->node, handle->direct, message, delivered);
    return asm__publish_by_handle(pubsub, NULL, topic, message, delivered);
}

ASM_API asm_result asm_topic_publish_all(asm_pubsub *pubsub, const asm_topic_handle *topics, size_t count,
                                         const asm_message *message, size_t *delivered) {
    size_t sum = 0;
    asm_result result = pubsub && message && (topics || !count) ? ASM_OK : ASM_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; result == ASM_OK && i < count; i++)
        if (!asm__handle_find_topic(pubsub, topics[i])) result = ASM_ERR_NOT_FOUND;
    for (size_t i = 0; result == ASM_OK && i < count; i++) {
        size_t called = 0;
        result = asm_topic_publish(pubsub, topics[i], message, &called);
        sum += called;
    }
    if (delivered) *delivered = sum;
    return result;
}

ASM_API size_t asm_pubsub_subscriber_count(asm_pubsub *pubsub, const char *topic) {
    if (!pubsub || !topic || !*topic) return 0;
    const asm_str text = asm_str_from(topic);
    const asm__node *node = asm__topic_find(pubsub, text);
    size_t count = node ? node->live : 0;
    if (pubsub->patterns) {
        asm__cursor *cursors = pubsub->cursors + pubsub->cursors_used;
        for (size_t left = asm__patterns_match(pubsub, text, cursors); left > 0; left--)
            count += cursors[left - 1].node->live;
    }
    return count;
}

/* >>sinks: topics and callbacks */

ASM_API asm_result asm_pubsub_subscribe_events(asm_pubsub *pubsub, const asm_event_filter *filter,
                                               asm_message_callback callback, void *user,
                                               asm_subscription *subscription) {
    if (!filter) return ASM_ERR_INVALID_ARGUMENT;
    const bool by_run = filter->run_id.data != NULL, by_type = filter->event_type.data != NULL;
    const bool by_ids = filter->prefix.data || filter->session_id.data || by_run || by_type;
    if ((by_run && by_type) || (filter->topic && by_ids)) return ASM_ERR_INVALID_ARGUMENT;
    if (filter->topic) return asm_pubsub_subscribe(pubsub, filter->topic, callback, user, subscription);
    char topic[ASM_TOPIC_SIZE]; /* left empty if an id is missing or it does not fit: then refused */
    if (by_run) asm_topic_run(topic, sizeof topic, filter->prefix, filter->session_id, filter->run_id);
    else if (by_type)
        asm_topic_type(topic, sizeof topic, filter->prefix, filter->session_id, filter->event_type);
    else asm_topic_session(topic, sizeof topic, filter->prefix, filter->session_id);
    return asm_pubsub_subscribe(pubsub, topic, callback, user, subscription);
}

static void asm__sink_publish(asm_pubsub_sink *sink, const char *topic, const asm_message *message) {
    const asm_pubsub_sink_options *options = &sink->options;
    asm_result result = ASM_ERR_INVALID_ARGUMENT;
    if (topic && *topic) {
        result = options->publish ? options->publish(options->publish_user, topic, message)
                                  : asm_pubsub_publish(options->pubsub, topic, message, NULL);
    }
    if (result == ASM_OK) {
        sink->published++;
    } else {
        sink->errors++;
        sink->last_error = result;
    }
}

/* Publishes to the topic of each scope that the event has the ids for; counts an error if that is none. */
static void asm__sink_publish_scopes(asm_pubsub_sink *sink, const asm_message *message) {
    const unsigned scopes = sink->options.scope ? sink->options.scope : (unsigned)ASM_SCOPE_SESSION;
    char topic[ASM_TOPIC_SIZE];
    bool has_topic = false;
    for (unsigned scope = ASM_SCOPE_SESSION; scope <= ASM_SCOPE_TYPE; scope *= 2) {
        if (!(scopes & scope)) continue;
        const size_t size =
            asm_topic_of_event(topic, sizeof topic, sink->options.prefix, (asm_scope)scope, message->event);
        if (size) asm__sink_publish(sink, topic, message); /* empty, and an error, if it does not fit */
        has_topic = has_topic || size;
    }
    if (!has_topic) asm__sink_publish(sink, NULL, message);
}

static void asm__sink_event(asm_pubsub_sink *sink, const asm_event *event, asm_str text) {
    const asm_pubsub_sink_options *options = &sink->options;
    asm_message message;
    memset(&message, 0, sizeof message);
    if (!event) return;
    message.wrapper = options->wrapper;
    message.session_id = event->session_id;
    message.event = event;
    if (options->include_text) message.text = text;
    if (sink->result != ASM_OK) {
        asm__sink_publish(sink, NULL, &message); /* counted */
    } else if (options->choose_topics) {
        const char *topics[ASM_SINK_MAX_TOPICS] = {NULL};
        const size_t count = options->choose_topics(options->topics_user, event, topics);
        for (size_t i = 0; i < count && i < ASM_SINK_MAX_TOPICS; i++)
            asm__sink_publish(sink, topics[i], &message);
    } else if (options->topic) {
        asm__sink_publish(sink, options->topic, &message);
    } else {
        asm__sink_publish_scopes(sink, &message);
    }
}

static asm_result asm__sink_write_event(void *self, const asm_event *event, asm_str text) {
    asm__sink_event((asm_pubsub_sink *)self, event, text);
    return ASM_OK;
}

static void asm__sink_on_event(void *self, const asm_event *event) {
    asm__sink_event((asm_pubsub_sink *)self, event, asm_str_make(NULL, 0));
}

static asm_result asm__sink_check(const asm_pubsub_sink_options *options) {
    const bool by_topic = options->topic != NULL, by_function = options->choose_topics != NULL;
    const bool by_scope = options->prefix.data || options->scope;
    const bool known_scope =
        !(options->scope & ~(unsigned)(ASM_SCOPE_SESSION | ASM_SCOPE_RUN | ASM_SCOPE_TYPE));
    if ((!options->pubsub && !options->publish) || !known_scope || (by_topic && !*options->topic) ||
        by_topic + by_function + by_scope > 1)
        return ASM_ERR_INVALID_ARGUMENT;
    return ASM_OK;
}

static void asm__sink_init(asm_pubsub_sink *sink, const asm_pubsub_sink_options *options) {
    memset(sink, 0, sizeof *sink);
    if (options) {
        sink->options = *options;
        if (!sink->options.wrapper.data) sink->options.wrapper = ASM_STR(ASM_MESSAGE_WRAPPER);
    }
    sink->result = asm__sink_check(&sink->options);
}

ASM_API asm_event_handler asm_pubsub_callback_init(asm_pubsub_sink *sink,
                                                   const asm_pubsub_sink_options *options) {
    asm_event_handler handler;
    if (sink) asm__sink_init(sink, options);
    handler.callback = sink ? asm__sink_on_event : NULL;
    handler.user = sink;
    return handler;
}

ASM_API asm_sink asm_pubsub_sink_init(asm_pubsub_sink *sink, const asm_pubsub_sink_options *options) {
    asm_sink table;
    memset(&table, 0, sizeof table);
    if (sink) asm__sink_init(sink, options);
    table.self = sink;
    table.name = "pubsub";
    table.write_event = sink ? asm__sink_write_event : NULL;
    table.result = sink ? sink->result : ASM_ERR_INVALID_ARGUMENT;
    return table;
}

static void asm__chain_on_event(void *self, const asm_event *event) {
    const asm_event_chain *chain = (const asm_event_chain *)self;
    for (size_t i = 0; i < chain->count; i++)
        if (chain->handlers[i].callback) chain->handlers[i].callback(chain->handlers[i].user, event);
}

ASM_API asm_event_handler asm_event_chain_init(asm_event_chain *chain, const asm_event_handler *handlers,
                                               size_t count) {
    asm_event_handler handler;
    if (chain) {
        chain->handlers = handlers;
        chain->count = handlers ? count : 0;
    }
    handler.callback = chain ? asm__chain_on_event : NULL;
    handler.user = chain;
    return handler;
}

/* >>presence: lists
 * Topics, keys, entries and owners are records that refer to each other by lists, and are found through an index
 * each: no call looks at more than it is about. Lists are in the order in which entries came. */

typedef struct asm__links {
    struct asm__links *next, *previous; /* NULL at the ends */
} asm__links;

static void asm__list_append(asm__list *list, asm__links *links) {
    links->next = NULL;
    links->previous = list->last;
    if (list->last) list->last->next = links;
    else list->first = links;
    list->last = links;
}

static void asm__list_remove(asm__list *list, asm__links *links) {
    if (links->next) links->next->previous = links->previous;
    else list->last = links->previous;
    if (links->previous) links->previous->next = links->next;
    else list->first = links->next;
}

/* A topic where somebody is; its text stands after it. */
typedef struct asm__presence_topic {
    asm__indexed key;
    asm__list entries;
    size_t key_count;
    struct asm__presence_topic *next_left; /* in a change: another one that entries leave */
    struct asm__presence_key *left;        /* in a change: the keys of which entries leave it */
    struct asm__presence_key *last_left;
} asm__presence_topic;

/* A key on a topic; its text stands after it. */
typedef struct asm__presence_key {
    asm__indexed key; /* scope: the topic */
    asm__list entries;
    size_t count; /* of entries */
    asm__presence_topic *topic;
    struct asm__presence_key *next_left; /* in a change: another one on the topic */
    struct asm__presence_entry *left;    /* in a change: the entries that leave */
    struct asm__presence_entry *last_left;
    size_t left_count;
} asm__presence_key;

/* Whose entries are to go together. */
typedef struct asm__presence_owner {
    asm__indexed key; /* scope: the owner; no text */
    asm__list entries;
} asm__presence_owner;

typedef struct asm__presence_entry {
    asm__indexed key;   /* the bytes of `reference` */
    uint64_t reference; /* in its index: the entry does not move */
    asm__presence_key *of;
    asm__presence_owner *owner;
    asm__links in_all, in_topic, in_key, in_owner;
    struct asm__presence_entry *next_left; /* in a change: another one of the key */
    char *meta;                            /* a block of its own: it changes */
    size_t meta_size, meta_room;
} asm__presence_entry;

#define asm__entry_of(links, list) asm__container(links, asm__presence_entry, list)

/* >>presence: records */

static uint64_t asm__presence_hash(const void *scope, asm_str text) {
    return asm__hash(text.data, text.size, (uint64_t)(uintptr_t)scope);
}

static asm__indexed *asm__presence_find(const asm__index *index, const void *scope, asm_str text) {
    return asm__index_find(index, scope, text, asm__presence_hash(scope, text));
}

/* A record of `size` bytes, all zero but for its first member, an asm__indexed; the text is copied after it. */
static void *asm__presence_create(asm__index *index, size_t size, const void *scope, asm_str text) {
    if (text.size > SIZE_MAX / 2) return NULL;
    char *record = (char *)ASM_REALLOC(NULL, size + text.size + 1);
    if (!record) return NULL;
    memset(record, 0, size);
    if (text.size) memcpy(record + size, text.data, text.size);
    record[size + text.size] = '\0';
    asm__indexed *key = (asm__indexed *)(void *)record;
    key->scope = scope;
    key->text = asm_str_make(record + size, text.size);
    key->hash = asm__presence_hash(scope, text);
    asm__index_insert(index, key);
    return record;
}

static void *asm__presence_find_or_create(asm__index *index, size_t size, const void *scope, asm_str text) {
    asm__indexed *found = asm__presence_find(index, scope, text);
    return found ? (void *)found : asm__presence_create(index, size, scope, text);
}

static asm__presence_topic *asm__presence_find_topic(const asm_presence *presence, const char *topic) {
    return (asm__presence_topic *)(void *)asm__presence_find(&presence->topics, NULL, asm_str_from(topic));
}

static asm_str asm__presence_reference_text(const uint64_t *reference) {
    return asm_str_make((const char *)reference, sizeof *reference);
}

static asm__presence_entry *asm__presence_find_entry(const asm_presence *presence, uint64_t reference) {
    return (asm__presence_entry *)(void *)asm__presence_find(&presence->references, NULL,
                                                             asm__presence_reference_text(&reference));
}

static void asm__presence_set_reference(asm_presence *presence, asm__presence_entry *entry,
                                        uint64_t reference) {
    entry->reference = reference;
    entry->key.text = asm__presence_reference_text(&entry->reference);
    entry->key.hash = asm__presence_hash(NULL, entry->key.text);
    asm__index_insert(&presence->references, &entry->key);
}

/* Frees those of the three in which there is nothing. */
static void asm__presence_prune(asm_presence *presence, asm__presence_topic *topic, asm__presence_key *key,
                                asm__presence_owner *owner) {
    if (owner && !owner->entries.first) {
        asm__index_remove(&presence->owners, &owner->key);
        ASM_FREE(owner);
    }
    if (key && !key->entries.first) {
        asm__index_remove(&presence->keys, &key->key);
        ASM_FREE(key);
    }
    if (topic && !topic->entries.first) {
        asm__index_remove(&presence->topics, &topic->key);
        ASM_FREE(topic);
    }
}

/* Makes sure that a meta of `size` bytes has room: a block in `*fresh`, or NULL there if the old one is enough. False without
 * memory, and then the meta is as it was. */
static bool asm__presence_make_room(const asm__presence_entry *entry, size_t size, char **fresh) {
    const bool is_enough = size < entry->meta_room;
    *fresh = is_enough ? NULL : (char *)ASM_REALLOC(NULL, size + 1);
    return is_enough || *fresh;
}

/* Puts `meta`, which may be the old one, into that room. */
static void asm__presence_set_meta(asm__presence_entry *entry, char *fresh, asm_str meta) {
    char *room = fresh ? fresh : entry->meta;
    memmove(room, meta.data, meta.size);
    room[meta.size] = '\0';
    if (fresh) {
        ASM_FREE(entry->meta);
        entry->meta = fresh;
        entry->meta_room = meta.size + 1;
    }
    entry->meta_size = meta.size;
}

/* An entry that is in no list yet, with the records that it is to be in; NULL, and nothing has changed, if there is
 * no memory. */
static asm__presence_entry *asm__presence_prepare(asm_presence *presence, const void *owner,
                                                  const char *topic_text, asm_str key_text, asm_str meta) {
    asm__presence_key *key = NULL;
    asm__presence_owner *whose = NULL;
    asm__presence_topic *topic = (asm__presence_topic *)asm__presence_find_or_create(
        &presence->topics, sizeof *topic, NULL, asm_str_from(topic_text));
    if (topic)
        key =
            (asm__presence_key *)asm__presence_find_or_create(&presence->keys, sizeof *key, topic, key_text);
    if (key) {
        key->topic = topic;
        whose = (asm__presence_owner *)asm__presence_find_or_create(&presence->owners, sizeof *whose, owner,
                                                                    ASM_STR(""));
    }
    asm__presence_entry *entry = whose ? (asm__presence_entry *)ASM_REALLOC(NULL, sizeof *entry) : NULL;
    char *fresh = NULL;
    if (entry) memset(entry, 0, sizeof *entry);
    if (!entry || !asm__presence_make_room(entry, meta.size, &fresh)) {
        ASM_FREE(entry);
        asm__presence_prune(presence, topic, key, whose);
        return NULL;
    }
    asm__presence_set_meta(entry, fresh, meta);
    entry->of = key;
    entry->owner = whose;
    return entry;
}

static void asm__presence_link(asm_presence *presence, asm__presence_entry *entry) {
    asm__presence_key *key = entry->of;
    asm__list_append(&presence->entries, &entry->in_all);
    asm__list_append(&key->topic->entries, &entry->in_topic);
    asm__list_append(&key->entries, &entry->in_key);
    asm__list_append(&entry->owner->entries, &entry->in_owner);
    key->topic->key_count += key->count++ == 0;
}

static void asm__presence_free_entry(asm_presence *presence, asm__presence_entry *entry) {
    asm__presence_key *key = entry->of;
    asm__index_remove(&presence->references, &entry->key);
    asm__list_remove(&presence->entries, &entry->in_all);
    asm__list_remove(&key->topic->entries, &entry->in_topic);
    asm__list_remove(&key->entries, &entry->in_key);
    asm__list_remove(&entry->owner->entries, &entry->in_owner);
    key->topic->key_count -= --key->count == 0;
    asm__presence_prune(presence, key->topic, key, entry->owner);
    ASM_FREE(entry->meta);
    ASM_FREE(entry);
}

/* >>presence: diffs */

/* What becomes of the entries of a topic: one may join, and those that it lists as `left` leave. */
typedef struct asm__presence_change {
    asm__presence_topic *topic;
    const asm__presence_key *joins; /* the key of the one that joins; NULL: none does */
    uint64_t reference;             /* its own, and that of the one it replaces; 0: it replaces none */
    uint64_t replaced;
    asm_str meta;
} asm__presence_change;

static void asm__presence_write_reference(asm_json_writer *writer, asm_str name, uint64_t reference) {
    char digits[20];
    asm_json_write_key(writer, name);
    asm_json_write_string(writer, asm_str_make(digits, asm__format_uint64(reference, digits)));
}

static void asm__presence_write_meta(asm_json_writer *writer, uint64_t reference, uint64_t replaced,
                                     asm_str meta) {
    asm_json_begin_object(writer);
    asm__presence_write_reference(writer, ASM_STR("ref"), reference);
    if (replaced) asm__presence_write_reference(writer, ASM_STR("ref_prev"), replaced);
    asm_json_write_key(writer, ASM_STR("meta"));
    asm_json_write_raw(writer, meta);
    asm_json_end_object(writer);
}

static void asm__presence_write_entry(asm_json_writer *writer, const asm__presence_entry *entry) {
    asm__presence_write_meta(writer, entry->reference, 0, asm_str_make(entry->meta, entry->meta_size));
}

/* Begins {key:{"count":N,"metas":[…]}}, where N may be left out. */
static void asm__presence_begin_key(asm_json_writer *writer, const asm__presence_key *key,
                                    const size_t *count) {
    asm_json_write_key(writer, key->key.text);
    asm_json_begin_object(writer);
    if (count) {
        asm_json_write_key(writer, ASM_STR("count"));
        asm_json_write_uint64(writer, *count);
    }
    asm_json_write_key(writer, ASM_STR("metas"));
    asm_json_begin_array(writer);
}

static void asm__presence_end_key(asm_json_writer *writer) {
    asm_json_end_array(writer);
    asm_json_end_object(writer);
}

/* How many entries a key has after the change. */
static size_t asm__presence_count_after(const asm__presence_change *change, const asm__presence_key *key) {
    return key->count + (change->joins == key) - key->left_count;
}

/* Appends the topic and the diff, each with a NUL after it. */
static asm_result asm__presence_write_diff(const asm__presence_change *change, asm_buffer *out) {
    asm_json_writer writer;
    const asm_str topic = change->topic->key.text;
    asm_buffer_append(out, asm_str_make(topic.data, topic.size + 1));
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("joins"));
    asm_json_begin_object(&writer);
    if (change->joins) {
        const size_t count = asm__presence_count_after(change, change->joins);
        asm__presence_begin_key(&writer, change->joins, &count);
        asm__presence_write_meta(&writer, change->reference, change->replaced, change->meta);
        asm__presence_end_key(&writer);
    }
    asm_json_end_object(&writer);
    asm_json_write_key(&writer, ASM_STR("leaves"));
    asm_json_begin_object(&writer);
    for (const asm__presence_key *key = change->topic->left; key; key = key->next_left) {
        const size_t count = asm__presence_count_after(change, key);
        asm__presence_begin_key(&writer, key, &count);
        for (const asm__presence_entry *entry = key->left; entry; entry = entry->next_left)
            asm__presence_write_entry(&writer, entry);
        asm__presence_end_key(&writer);
    }
    asm_json_end_object(&writer);
    asm_json_end_object(&writer);
    asm_buffer_append_byte(out, '\0');
    const asm_result result = asm_json_writer_finish(&writer);
    return result != ASM_OK ? result : out->result;
}

/* Lists an entry as leaving. `topics` is the first topic that entries leave, or NULL, and `last` the last one. */
static void asm__presence_mark(asm__presence_entry *entry, asm__presence_topic **topics,
                               asm__presence_topic **last) {
    asm__presence_key *key = entry->of;
    asm__presence_topic *topic = key->topic;
    if (!topic->left) {
        topic->next_left = NULL;
        if (*topics) (*last)->next_left = topic;
        else *topics = topic;
        *last = topic;
    }
    if (!key->left) {
        if (topic->left) topic->last_left->next_left = key;
        else topic->left = key;
        topic->last_left = key;
        key->next_left = NULL;
    }
    if (key->left) key->last_left->next_left = entry;
    else key->left = entry;
    key->last_left = entry;
    key->left_count++;
    entry->next_left = NULL;
}

static void asm__presence_unmark(asm__presence_topic *topics) {
    for (asm__presence_topic *topic = topics; topic; topic = topic->next_left) {
        for (asm__presence_key *key = topic->left; key; key = key->next_left) {
            key->left = NULL;
            key->left_count = 0;
        }
        topic->left = NULL;
    }
}

/* Whether a diff can go out now; what it is written to is set up. */
static asm_result asm__presence_begin(const asm_presence *presence, asm_buffer *diffs) {
    const asm_pubsub *pubsub = presence->options.pubsub;
    asm_buffer_init_growing(diffs);
    return pubsub && asm__is_deepest(pubsub) ? ASM_ERR_DEPTH : ASM_OK;
}

/* Writes the diff if anybody hears it: to count who does costs less than to write it. */
static asm_result asm__presence_tell(const asm_presence *presence, const asm__presence_change *change,
                                     asm_buffer *diffs) {
    asm_pubsub *pubsub = presence->options.pubsub;
    const bool is_heard = asm_pubsub_subscriber_count(pubsub, change->topic->key.text.data) > 0;
    return is_heard ? asm__presence_write_diff(change, diffs) : ASM_OK;
}

/* Publishes what was told. The presence may change meanwhile, so it is not looked at. */
static void asm__presence_publish(asm_pubsub *pubsub, asm_buffer *diffs) {
    for (size_t at = 0; at < diffs->size;) {
        const char *topic = diffs->data + at;
        const char *diff = topic + strlen(topic) + 1;
        asm_event event;
        asm_message message;
        memset(&event, 0, sizeof event);
        memset(&message, 0, sizeof message);
        event.type_name = ASM_STR(ASM_PRESENCE_DIFF);
        event.extra = asm_str_from(diff);
        message.wrapper = event.type_name;
        message.event = &event;
        (void)asm_pubsub_publish(pubsub, topic, &message, NULL);
        at = (size_t)(diff - diffs->data) + event.extra.size + 1;
    }
    asm_buffer_close(diffs);
}

/* >>presence: changes */

ASM_API void asm_presence_init(asm_presence *presence, const asm_presence_options *options) {
    if (!presence) return;
    memset(presence, 0, sizeof *presence);
    if (options) presence->options = *options;
}

ASM_API void asm_presence_close(asm_presence *presence) {
    if (!presence) return;
    while (presence->entries.first)
        asm__presence_free_entry(presence, asm__entry_of(presence->entries.first, in_all));
}

ASM__PRIVATE asm_result asm__presence_join(asm_presence *presence, const void *owner, const char *topic,
                                           asm_str key, asm_str meta, uint64_t *reference) {
    asm__presence_entry *entry = asm__presence_prepare(presence, owner, topic, key, meta);
    if (!entry) return ASM_ERR_NO_MEMORY;
    asm__presence_change change;
    memset(&change, 0, sizeof change);
    change.topic = entry->of->topic;
    change.joins = entry->of;
    change.reference = presence->last_reference + 1;
    change.meta = meta;
    asm_buffer diffs;
    asm_result result = asm__presence_begin(presence, &diffs);
    if (result == ASM_OK) result = asm__presence_tell(presence, &change, &diffs);
    if (result != ASM_OK) {
        asm_buffer_close(&diffs);
        asm__presence_prune(presence, entry->of->topic, entry->of, entry->owner);
        ASM_FREE(entry->meta);
        ASM_FREE(entry);
        return result;
    }
    asm__presence_set_reference(presence, entry, ++presence->last_reference);
    asm__presence_link(presence, entry);
    if (reference) *reference = entry->reference;
    asm__presence_publish(presence->options.pubsub, &diffs);
    return ASM_OK;
}

ASM_API asm_result asm_presence_track(asm_presence *presence, const void *owner, const char *topic,
                                      asm_str key, asm_str meta, uint64_t *reference) {
    if (!presence || !topic || !*topic || !key.data || !key.size) return ASM_ERR_INVALID_ARGUMENT;
    if (asm__topic_has_wildcard(asm_str_from(topic))) return ASM_ERR_PATTERN;
    meta = meta.data ? meta : ASM_STR("{}");
    const asm_result result = asm_json_check(meta, NULL);
    return result == ASM_OK ? asm__presence_join(presence, owner, topic, key, meta, reference) : result;
}

ASM__PRIVATE asm_result asm__presence_replace(asm_presence *presence, uint64_t *reference, asm_str meta) {
    asm__presence_entry *entry = asm__presence_find_entry(presence, *reference);
    if (!entry) return ASM_ERR_NOT_FOUND;
    char *fresh;
    if (!asm__presence_make_room(entry, meta.size, &fresh)) return ASM_ERR_NO_MEMORY;
    asm__presence_topic *topics = NULL, *last = NULL;
    asm__presence_change change;
    memset(&change, 0, sizeof change);
    change.topic = entry->of->topic;
    change.joins = entry->of;
    change.reference = presence->last_reference + 1;
    change.replaced = entry->reference;
    change.meta = meta;
    asm_buffer diffs;
    asm__presence_mark(entry, &topics, &last);
    asm_result result = asm__presence_begin(presence, &diffs);
    if (result == ASM_OK) result = asm__presence_tell(presence, &change, &diffs);
    asm__presence_unmark(topics);
    if (result != ASM_OK) {
        asm_buffer_close(&diffs);
        ASM_FREE(fresh);
        return result;
    }
    asm__presence_set_meta(entry, fresh, meta);
    asm__index_remove(&presence->references, &entry->key);
    asm__presence_set_reference(presence, entry, ++presence->last_reference);
    *reference = entry->reference;
    asm__presence_publish(presence->options.pubsub, &diffs);
    return ASM_OK;
}

ASM_API asm_result asm_presence_update(asm_presence *presence, uint64_t *reference, asm_str meta) {
    if (!presence || !reference) return ASM_ERR_INVALID_ARGUMENT;
    if (!asm__presence_find_entry(presence, *reference)) return ASM_ERR_NOT_FOUND;
    meta = meta.data ? meta : ASM_STR("{}");
    const asm_result result = asm_json_check(meta, NULL);
    return result == ASM_OK ? asm__presence_replace(presence, reference, meta) : result;
}

/* Tells of the entries that were marked, and removes them; on an error none. */
static asm_result asm__presence_remove(asm_presence *presence, asm__presence_topic *topics) {
    asm_pubsub *pubsub = presence->options.pubsub;
    asm_buffer diffs;
    asm_result result = asm__presence_begin(presence, &diffs);
    for (asm__presence_topic *topic = topics; topic && result == ASM_OK; topic = topic->next_left) {
        asm__presence_change change;
        memset(&change, 0, sizeof change);
        change.topic = topic;
        result = asm__presence_tell(presence, &change, &diffs);
    }
    if (result != ASM_OK) {
        asm__presence_unmark(topics);
        asm_buffer_close(&diffs);
        return result;
    }
    while (topics) { /* each is freed with its last entry, as its keys are */
        asm__presence_topic *topic = topics;
        asm__presence_key *key = topic->left;
        topics = topic->next_left;
        topic->left = NULL;
        while (key) {
            asm__presence_entry *entry = key->left;
            asm__presence_key *next_key = key->next_left;
            key->left = NULL;
            key->left_count = 0;
            while (entry) {
                asm__presence_entry *next = entry->next_left;
                asm__presence_free_entry(presence, entry);
                entry = next;
            }
            key = next_key;
        }
    }
    asm__presence_publish(pubsub, &diffs);
    return ASM_OK;
}

ASM_API asm_result asm_presence_untrack(asm_presence *presence, uint64_t reference) {
    if (!presence) return ASM_ERR_INVALID_ARGUMENT;
    asm__presence_entry *entry = asm__presence_find_entry(presence, reference);
    asm__presence_topic *topics = NULL, *last = NULL;
    if (!entry) return ASM_ERR_NOT_FOUND;
    asm__presence_mark(entry, &topics, &last);
    return asm__presence_remove(presence, topics);
}

ASM_API asm_result asm_presence_remove_owner(asm_presence *presence, const void *owner) {
    if (!presence) return ASM_ERR_INVALID_ARGUMENT;
    asm__presence_topic *topics = NULL, *last = NULL;
    const asm__presence_owner *whose =
        (asm__presence_owner *)(void *)asm__presence_find(&presence->owners, owner, ASM_STR(""));
    for (asm__links *links = whose ? whose->entries.first : NULL; links; links = links->next)
        asm__presence_mark(asm__entry_of(links, in_owner), &topics, &last);
    return asm__presence_remove(presence, topics);
}

/* >>presence: listing */

ASM_API size_t asm_presence_count(const asm_presence *presence, const char *topic) {
    if (!presence) return 0;
    if (!topic) return presence->keys.count;
    const asm__presence_topic *found = asm__presence_find_topic(presence, topic);
    return found ? found->key_count : 0;
}

ASM_API bool asm_presence_next(const asm_presence *presence, const char *topic, asm_presence_entry *entry) {
    if (!presence || !entry) return false;
    const asm__presence_topic *found = topic ? asm__presence_find_topic(presence, topic) : NULL;
    const asm__presence_entry *last =
        entry->reference ? asm__presence_find_entry(presence, entry->reference) : NULL;
    asm__links *links;
    if ((topic && !found) || (entry->reference && (!last || (topic && last->of->topic != found))))
        return false;
    if (topic) links = last ? last->in_topic.next : found->entries.first;
    else links = last ? last->in_all.next : presence->entries.first;
    if (!links) return false;
    const asm__presence_entry *next = topic ? asm__entry_of(links, in_topic) : asm__entry_of(links, in_all);
    entry->reference = next->reference;
    entry->owner = next->owner->key.scope;
    entry->topic = next->of->topic->key.text.data;
    entry->key = next->of->key.text;
    entry->meta = asm_str_make(next->meta, next->meta_size);
    return true;
}

ASM_API asm_result asm_presence_write_json(const asm_presence *presence, const char *topic, asm_buffer *out) {
    if (!presence || !topic || !out) return ASM_ERR_INVALID_ARGUMENT;
    const asm__presence_topic *found = asm__presence_find_topic(presence, topic);
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    for (asm__links *links = found ? found->entries.first : NULL; links; links = links->next) {
        const asm__presence_entry *entry = asm__entry_of(links, in_topic);
        const asm__presence_key *key = entry->of;
        if (key->entries.first != &entry->in_key) continue; /* written with the first one of its key */
        asm__presence_begin_key(&writer, key, NULL);
        for (asm__links *more = key->entries.first; more; more = more->next)
            asm__presence_write_entry(&writer, asm__entry_of(more, in_key));
        asm__presence_end_key(&writer);
    }
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

/* >>mailbox: blocks
 * Messages wait in a half of the memory. There are three tokens: one for each half, and one that stands for none.
 * The producer and the consumer always hold one each, and the box holds the third; they change hands by exchange
 * only, so that nobody ever waits, and whoever holds a half has it to itself. A post takes the half out of the box
 * (leaving its own token there), adds to it and puts it back; a receive that has come to the end of its half gives
 * that away for the one in the box. There is no position or counter that both sides look at, so none that could
 * come round. */

#if !defined(ASM_ATOMIC_LOAD) && !defined(ASM_ATOMIC_EXCHANGE)
#if defined(__GNUC__) || defined(__clang__)
#define ASM_ATOMIC_LOAD(place)            __atomic_load_n((place), __ATOMIC_ACQUIRE)
#define ASM_ATOMIC_EXCHANGE(place, value) __atomic_exchange_n((place), (value), __ATOMIC_ACQ_REL)
#define ASM__HAS_ATOMICS                  true
#else
#define ASM_ATOMIC_LOAD(place)            (*(place))
#define ASM_ATOMIC_EXCHANGE(place, value) (*(place) = (value))
#define ASM__HAS_ATOMICS                  false /* asm_mailbox_init() refuses: nothing uses these */
#endif
#elif !defined(ASM_ATOMIC_LOAD) || !defined(ASM_ATOMIC_EXCHANGE)
#error "define both ASM_ATOMIC_LOAD and ASM_ATOMIC_EXCHANGE, or none"
#else
#define ASM__HAS_ATOMICS true
#endif

/* The word of the box: a token, and what is so about it. */
enum {
    ASM__BOX_NONE = 2,  /* the token that is no half; the others are the numbers of the halves */
    ASM__BOX_TOKEN = 3, /* mask */
    ASM__BOX_FULL = 4,  /* messages wait in it */
    ASM__BOX_BUSY = 8   /* in place of a half with messages, to which the producer is adding */
};

#define ASM__BLOCK_ALIGNMENT 16

/* A message and all it points to, in a half. The blocks of a half are in the order of their messages; the memory
 * is used as a ring, but no block goes around its end. */
typedef struct asm__block {
    uint64_t number; /* counts the messages that were posted or refused, so that gaps show */
    asm_message message;
    asm_event *event; /* the copy, or NULL */
    size_t used;      /* bytes of the data after this struct */
    size_t next;      /* where the next block begins, if there is one */
} asm__block;

static size_t asm__block_round_up(size_t size) {
    return (size + ASM__BLOCK_ALIGNMENT - 1) / ASM__BLOCK_ALIGNMENT * ASM__BLOCK_ALIGNMENT;
}

#define ASM__BLOCK_HEAD asm__block_round_up(sizeof(asm__block))

static asm__block *asm__block_at(const asm__half *half, size_t at) {
    return (asm__block *)(void *)(half->memory + at);
}

static char *asm__block_data(asm__block *block) {
    return (char *)block + ASM__BLOCK_HEAD;
}

ASM_API size_t asm_message_size(const asm_message *message) {
    if (!message) return 0;
    const size_t sizes[] = {message->event ? asm_event_copy_size(message->event) : 0,
                            message->topic ? strlen(message->topic) + 1 : 0, message->wrapper.size,
                            message->session_id.size, message->text.size};
    size_t sum = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        sum = sizes[i] > SIZE_MAX - sum ? SIZE_MAX : sum + sizes[i];
    return sum;
}

ASM_API size_t asm_mailbox_size(unsigned capacity, size_t message_size) {
    const size_t count = capacity ? capacity : ASM_MAILBOX_DEFAULT_CAPACITY;
    if (message_size > SIZE_MAX / 8 - ASM__BLOCK_HEAD - ASM__BLOCK_ALIGNMENT) return 0;
    const size_t block = ASM__BLOCK_HEAD + asm__block_round_up(message_size);
    return count > SIZE_MAX / 8 / block ? 0 : ASM__BLOCK_ALIGNMENT + 2 * count * block;
}

ASM_API asm_result asm_mailbox_init(asm_mailbox *mailbox, const asm_mailbox_options *options) {
    if (!mailbox) return ASM_ERR_INVALID_ARGUMENT;
    memset(mailbox, 0, sizeof *mailbox);
    if (!options) return ASM_ERR_INVALID_ARGUMENT;
    if (!ASM__HAS_ATOMICS) return ASM_ERR_UNSUPPORTED;
    mailbox->options = *options;
    if (!mailbox->options.capacity) mailbox->options.capacity = ASM_MAILBOX_DEFAULT_CAPACITY;
    const bool known_policy =
        options->overflow == ASM_OVERFLOW_REFUSE || options->overflow == ASM_OVERFLOW_DROP_OLDEST;
    if (!options->memory || !known_policy) return ASM_ERR_INVALID_ARGUMENT;
    if (options->size < asm_mailbox_size(1, sizeof(asm_event))) return ASM_ERR_NO_SPACE;
    unsigned char *memory = (unsigned char *)options->memory;
    const size_t odd = (size_t)((uintptr_t)memory % ASM__BLOCK_ALIGNMENT);
    memory += odd ? ASM__BLOCK_ALIGNMENT - odd : 0;
    const size_t half =
        (options->size - ASM__BLOCK_ALIGNMENT) / 2 / ASM__BLOCK_ALIGNMENT * ASM__BLOCK_ALIGNMENT;
    for (size_t i = 0; i < 2; i++) {
        mailbox->halves[i].memory = memory + i * half;
        mailbox->halves[i].size = half;
    }
    mailbox->max_message = half - ASM__BLOCK_HEAD;
    mailbox->box = ASM__BOX_NONE;
    mailbox->producer.token = 0;
    mailbox->consumer.token = 1;
    return ASM_OK;
}

/* >>mailbox: producer */

static asm_str asm__block_add(asm__block *block, asm_str text) {
    char *copy = asm__block_data(block) + block->used;
    if (!text.data) return text;
    if (text.size) memcpy(copy, text.data, text.size);
    block->used += text.size;
    return asm_str_make(copy, text.size);
}

/* Fills a block that has room for it. */
static void asm__block_write(asm__block *block, const asm_message *message) {
    block->event = NULL;
    block->used = message->event ? asm_event_copy_size(message->event) : 0;
    if (message->event) block->event = asm_event_copy(message->event, asm__block_data(block), block->used);
    block->message = *message;
    block->message.event = block->event;
    if (message->topic) {
        const asm_str topic = asm_str_make(message->topic, strlen(message->topic) + 1);
        block->message.topic = asm__block_add(block, topic).data;
    }
    block->message.wrapper = asm__block_add(block, message->wrapper);
    block->message.session_id = asm__block_add(block, message->session_id);
    block->message.text = asm__block_add(block, message->text);
}

/* Whether it is a piece of text, and nothing else that another delta would make untrue. */
static bool asm__message_can_merge(const asm_message *message) {
    const asm_event *event = message->event;
    return event && event->type == ASM_EVENT_MESSAGE_STREAMED && event->message.delta.size &&
           !event->message.content.data && !message->text.data;
}

/* Whether they differ in nothing but what each piece has for itself. */
static bool asm__event_same_stream(const asm_event *a, const asm_event *b) {
    asm_event other = *b;
    other.time = a->time;
    other.time_precision = a->time_precision;
    other.sequence_number = a->sequence_number;
    other.message.delta = a->message.delta;
    return asm_event_equal(a, &other);
}

static bool asm__message_same_stream(const asm_message *a, const asm_message *b) {
    const bool same_topic = a->topic == b->topic || (a->topic && b->topic && strcmp(a->topic, b->topic) == 0);
    return same_topic && asm_str_equal(a->wrapper, b->wrapper) &&
           asm_str_equal(a->session_id, b->session_id) && asm__event_same_stream(a->event, b->event);
}

/* Where the free bytes after the newest block end. */
static size_t asm__half_free_end(const asm__half *half) {
    return half->newest >= half->oldest ? half->size : half->oldest;
}

/* Adds the delta of `message` to the newest block. */
static bool asm__half_merge(asm__half *half, const asm_message *message) {
    asm__block *block = asm__block_at(half, half->newest);
    const asm_str added = message->event->message.delta;
    asm_str *delta = &block->event->message.delta;
    const char *end = asm__block_data(block) + block->used;
    const size_t room = asm__half_free_end(half) - half->newest - ASM__BLOCK_HEAD - block->used;
    const size_t moved = delta->data + delta->size == end ? 0 : delta->size; /* only what is last can grow */
    if (moved > room || added.size > room - moved || !asm__message_same_stream(&block->message, message))
        return false;
    if (moved) *delta = asm__block_add(block, *delta);
    delta->size += asm__block_add(block, added).size;
    block->event->sequence_number = message->event->sequence_number;
    half->end = half->newest + ASM__BLOCK_HEAD + asm__block_round_up(block->used);
    return true;
}

/* Where a block of `size` bytes has room, or SIZE_MAX. */
static size_t asm__half_place(const asm__half *half, size_t size) {
    if (!half->count) return 0;
    if (asm__half_free_end(half) - half->end >= size) return half->end;
    return half->newest >= half->oldest && half->oldest >= size ? 0 : SIZE_MAX;
}

/* Makes room for a block of `size` bytes by the policy; SIZE_MAX if it is refused. */
static size_t asm__mailbox_make_room(asm_mailbox *mailbox, asm__half *half, size_t size) {
    for (;;) {
        const size_t at = half->count < mailbox->options.capacity ? asm__half_place(half, size) : SIZE_MAX;
        if (at != SIZE_MAX || mailbox->options.overflow == ASM_OVERFLOW_REFUSE) return at;
        half->oldest = asm__block_at(half, half->oldest)->next;
        half->count--;
        mailbox->producer.dropped++;
    }
}

/* Adds a copy of `message` to a half that the producer holds. */
static asm_result asm__mailbox_add(asm_mailbox *mailbox, asm__half *half, const asm_message *message) {
    const size_t size = asm_message_size(message);
    const bool can_merge = mailbox->options.merge_text && asm__message_can_merge(message);
    if (can_merge && mailbox->producer.can_merge && half->count && asm__half_merge(half, message)) {
        mailbox->producer.merged++;
        mailbox->producer.posted++;
        return ASM_OK;
    }
    const uint64_t number = mailbox->producer.number++;
    size_t at = SIZE_MAX;
    if (size <= mailbox->max_message)
        at = asm__mailbox_make_room(mailbox, half, ASM__BLOCK_HEAD + asm__block_round_up(size));
    mailbox->producer.can_merge =
        can_merge && at != SIZE_MAX; /* what follows a gap is not added to what was before */
    if (at == SIZE_MAX) {
        mailbox->producer.refused++;
        return ASM_ERR_NO_SPACE;
    }
    asm__block *block = asm__block_at(half, at);
    if (half->count) asm__block_at(half, half->newest)->next = at;
    else half->oldest = at;
    half->newest = at;
    half->count++;
    asm__block_write(block, message);
    block->number = number;
    half->end = at + ASM__BLOCK_HEAD + asm__block_round_up(block->used);
    mailbox->producer.posted++;
    return ASM_OK;
}

ASM_API asm_result asm_mailbox_post(asm_mailbox *mailbox, const asm_message *message) {
    if (!mailbox || !mailbox->halves[0].memory || !message) return ASM_ERR_INVALID_ARGUMENT;
    uint32_t token = mailbox->producer.token, left = ASM__BOX_NONE;
    bool has_waiting = false;
    /* Messages that wait are added to. Without a half of its own the producer finds one in the box. */
    if (token == ASM__BOX_NONE || ASM_ATOMIC_LOAD(&mailbox->box) & ASM__BOX_FULL) {
        left = token | ASM__BOX_BUSY;
        const uint32_t found = ASM_ATOMIC_EXCHANGE(&mailbox->box, left);
        has_waiting = (found & ASM__BOX_FULL) != 0;
        token = found & ASM__BOX_TOKEN;
        if (token == ASM__BOX_NONE) { /* the consumer came first, and left what it has for none */
            token = ASM_ATOMIC_EXCHANGE(&mailbox->box, ASM__BOX_NONE) & ASM__BOX_TOKEN;
            left = ASM__BOX_NONE;
        }
    }
    asm__half *half = &mailbox->halves[token];
    if (!has_waiting) half->count = 0; /* the consumer is through with them */
    const asm_result result = asm__mailbox_add(mailbox, half, message);
    const uint32_t word = half->count ? token | ASM__BOX_FULL : token;
    const uint32_t found = ASM_ATOMIC_EXCHANGE(&mailbox->box, word);
    mailbox->producer.token = found & ASM__BOX_TOKEN;
    const bool has_looked = has_waiting && found != left; /* in vain, while its messages were here */
    if (half->count && (!has_waiting || has_looked) && mailbox->options.wake)
        mailbox->options.wake(mailbox->options.wake_user);
    return result;
}

ASM_API void asm_mailbox_on_message(void *mailbox, const asm_message *message) {
    (void)asm_mailbox_post((asm_mailbox *)mailbox, message);
}

/* >>mailbox: consumer */

/* The next message, or NULL. A half that it has come to the end of is the producer's again, once there may be
 * something in the box. */
static const asm_message *asm__mailbox_take(asm_mailbox *mailbox, uint64_t *missed) {
    size_t at;
    if (mailbox->consumer.remaining) {
        at = asm__block_at(&mailbox->halves[mailbox->consumer.token], mailbox->consumer.at)->next;
    } else {
        if (!(ASM_ATOMIC_LOAD(&mailbox->box) & (ASM__BOX_FULL | ASM__BOX_BUSY))) return NULL;
        const uint32_t found = ASM_ATOMIC_EXCHANGE(&mailbox->box, mailbox->consumer.token);
        mailbox->consumer.token = found & ASM__BOX_TOKEN;
        if (!(found & ASM__BOX_FULL))
            return NULL; /* the producer is just adding; it sees that it must wake */
        at = mailbox->halves[mailbox->consumer.token].oldest;
        mailbox->consumer.remaining = mailbox->halves[mailbox->consumer.token].count;
    }
    mailbox->consumer.at = at;
    mailbox->consumer.remaining--;
    const asm__block *block = asm__block_at(&mailbox->halves[mailbox->consumer.token], at);
    *missed = block->number - mailbox->consumer.expected;
    mailbox->consumer.expected = block->number + 1;
    mailbox->consumer.missed += *missed;
    mailbox->consumer.received++;
    return &block->message;
}

ASM_API const asm_message *asm_mailbox_receive(asm_mailbox *mailbox, uint64_t *missed) {
    uint64_t gap = 0;
    const bool is_open = mailbox && mailbox->halves[0].memory && !mailbox->consumer.is_draining;
    const asm_message *message = is_open ? asm__mailbox_take(mailbox, &gap) : NULL;
    if (missed) *missed = gap;
    return message;
}

static void asm__mailbox_tell_gap(asm_message_callback callback, void *user, uint64_t missed) {
    char memory[64];
    asm_buffer extra;
    asm_json_writer writer;
    asm_buffer_init_fixed(&extra, memory, sizeof memory);
    asm_json_writer_init(&writer, &extra);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("missed"));
    asm_json_write_uint64(&writer, missed);
    asm_json_end_object(&writer);
    asm_event event;
    asm_message message;
    memset(&event, 0, sizeof event);
    memset(&message, 0, sizeof message);
    event.type_name = ASM_STR(ASM_MAILBOX_GAP);
    event.extra = asm_buffer_text(&extra);
    message.wrapper = event.type_name;
    message.event = &event;
    callback(user, &message);
}

ASM_API size_t asm_mailbox_drain(asm_mailbox *mailbox, asm_message_callback callback, void *user,
                                 size_t max) {
    if (!mailbox || !mailbox->halves[0].memory || !callback || mailbox->consumer.is_draining) return 0;
    size_t count = 0;
    bool has_taken = false; /* what was in the box */
    mailbox->consumer.is_draining = true;
    while (max ? count < max : mailbox->consumer.remaining || !has_taken) {
        uint64_t missed;
        has_taken = has_taken || !mailbox->consumer.remaining;
        const asm_message *message = asm__mailbox_take(mailbox, &missed);
        if (!message) break;
        if (missed) asm__mailbox_tell_gap(callback, user, missed);
        callback(user, message);
        count++;
    }
    mailbox->consumer.is_draining = false;
    return count;
}

ASM_API asm_mailbox_counters asm_mailbox_producer_counters(const asm_mailbox *mailbox) {
    asm_mailbox_counters counters;
    memset(&counters, 0, sizeof counters);
    if (!mailbox) return counters;
    counters.posted = mailbox->producer.posted;
    counters.refused = mailbox->producer.refused;
    counters.dropped = mailbox->producer.dropped;
    counters.merged = mailbox->producer.merged;
    return counters;
}

ASM_API asm_mailbox_counters asm_mailbox_consumer_counters(const asm_mailbox *mailbox) {
    asm_mailbox_counters counters;
    memset(&counters, 0, sizeof counters);
    if (!mailbox) return counters;
    counters.received = mailbox->consumer.received;
    counters.missed = mailbox->consumer.missed;
    return counters;
}

/* >>broadcaster: envelopes */

#define ASM__SUMMARY_ARGS    3
#define ASM__SUMMARY_LONGEST 30 /* bytes; a longer value shows three less, and `...` */

/* What is handed to a function that may come back with more: its memory is taken out of `buffer`, which is left
 * empty, and without memory of its own if it is a fixed one. */
static asm_buffer asm__buffer_detach(asm_buffer *buffer) {
    const asm_buffer taken = *buffer;
    if (taken.growing) asm_buffer_init_growing(buffer);
    else asm_buffer_init_fixed(buffer, NULL, 0);
    return taken;
}

static void asm__buffer_attach(asm_buffer *buffer, const asm_buffer *taken) {
    asm_buffer_close(buffer);
    *buffer = *taken;
}

/* What the envelopes about one event have in common. */
typedef struct asm__envelope_head {
    asm_str session_id;
    asm_str execution_id;
    asm_time time;
} asm__envelope_head;

/* The first `size` bytes of `text`, or up to three less so as not to cut a UTF-8 sequence. */
static asm_str asm__cut(asm_str text, size_t size) {
    size_t end = size < text.size ? size : text.size;
    size_t back = 0;
    while (end < text.size && back < 3 && back < end && ((unsigned char)text.data[end - back] & 0xc0) == 0x80)
        back++;
    const bool at_start = end < text.size && ((unsigned char)text.data[end - back] & 0xc0) == 0xc0;
    return asm_str_make(text.data, at_start ? end - back : end);
}

ASM_API asm_broadcast_settings asm_broadcast_minimal(void) {
    asm_broadcast_settings settings;
    memset(&settings, 0, sizeof settings);
    settings.longest_arg = 100;
    return settings;
}

ASM_API asm_broadcast_settings asm_broadcast_standard(void) {
    asm_broadcast_settings settings = asm_broadcast_minimal();
    settings.stream_chunks = true;
    settings.conversation = true;
    return settings;
}

ASM_API asm_broadcast_settings asm_broadcast_debug(void) {
    asm_broadcast_settings settings = asm_broadcast_standard();
    settings.continuation_trace = true;
    settings.tool_args = true;
    settings.longest_arg = 500;
    return settings;
}

ASM_API asm_result asm_broadcaster_init(asm_broadcaster *broadcaster,
                                        const asm_broadcaster_options *options) {
    if (!broadcaster) return ASM_ERR_INVALID_ARGUMENT;
    memset(broadcaster, 0, sizeof *broadcaster);
    if (options) broadcaster->options = *options;
    const bool has_settings = options && options->settings;
    broadcaster->settings = has_settings ? *options->settings : asm_broadcast_standard();
    broadcaster->options.settings = NULL;
    if (broadcaster->options.buffer) {
        char *memory = broadcaster->options.buffer;
        const size_t eighth = broadcaster->options.buffer_size / 8;
        asm_buffer_init_fixed(&broadcaster->envelope, memory, eighth * 4);
        asm_buffer_init_fixed(&broadcaster->scratch, memory + eighth * 4, eighth);
        asm_buffer_init_fixed(&broadcaster->quoted, memory + eighth * 5, eighth);
        asm_buffer_init_fixed(&broadcaster->text, memory + eighth * 6, eighth * 2);
    } else {
        asm_buffer_init_growing(&broadcaster->envelope);
        asm_buffer_init_growing(&broadcaster->scratch);
        asm_buffer_init_growing(&broadcaster->text);
        asm_buffer_init_growing(&broadcaster->quoted);
    }
    asm_broadcaster_reset(broadcaster, broadcaster->options.execution_id);
    return broadcaster->options.broadcast ? ASM_OK : ASM_ERR_INVALID_ARGUMENT;
}

ASM_API asm_result asm_broadcaster_close(asm_broadcaster *broadcaster) {
    if (!broadcaster) return ASM_OK;
    if (broadcaster->sends) return ASM_ERR_MISUSE;
    asm_buffer_close(&broadcaster->envelope);
    asm_buffer_close(&broadcaster->scratch);
    asm_buffer_close(&broadcaster->text);
    asm_buffer_close(&broadcaster->quoted);
    return ASM_OK;
}

ASM_API void asm_broadcaster_reset(asm_broadcaster *broadcaster, asm_str execution_id) {
    if (!broadcaster) return;
    memcpy(broadcaster->status, "idle", sizeof "idle");
    broadcaster->next_chunk = 0;
    broadcaster->options.execution_id = execution_id;
}

static void asm__write_member(asm_json_writer *writer, asm_str key, asm_str text) {
    asm_json_write_key(writer, key);
    asm_json_write_string(writer, text);
}

static void asm__write_int64_member(asm_json_writer *writer, asm_str key, asm_optional_int64 number) {
    asm_json_write_key(writer, key);
    if (number.is_set) asm_json_write_int64(writer, number.value);
    else asm_json_write_null(writer);
}

static void asm__write_double_member(asm_json_writer *writer, asm_str key, asm_optional_double number) {
    asm_json_write_key(writer, key);
    if (number.is_set) asm_json_write_double(writer, number.value);
    else asm_json_write_null(writer);
}

static void asm__write_bool_member(asm_json_writer *writer, asm_str key, asm_optional_bool truth) {
    asm_json_write_key(writer, key);
    if (truth.is_set) asm_json_write_bool(writer, truth.value);
    else asm_json_write_null(writer);
}

/* Valid JSON as it is; else all of it as a string, so that it can be read in any case. */
static void asm__write_json_member(asm_json_writer *writer, asm_str key, asm_str json) {
    asm_json_write_key(writer, key);
    if (json.data && asm_json_check(json, NULL) == ASM_OK) asm_json_write_raw(writer, json);
    else asm_json_write_string(writer, json);
}

static void asm__envelope_begin(asm_broadcaster *broadcaster, asm_json_writer *writer, asm_str type,
                                const asm__envelope_head *head) {
    char time[ASM_TIME_TEXT_SIZE];
    const size_t size = head->time ? asm_time_format(head->time, ASM_TIME_PRECISION_MILLISECONDS, time) : 0;
    asm_buffer_clear(&broadcaster->envelope);
    asm_json_writer_init(writer, &broadcaster->envelope);
    asm_json_begin_object(writer);
    asm__write_member(writer, ASM_STR("type"), type);
    asm__write_member(writer, ASM_STR("session_id"), head->session_id);
    asm__write_member(writer, ASM_STR("execution_id"), head->execution_id);
    asm__write_member(writer, ASM_STR("timestamp"), asm_str_make(size ? time : NULL, size));
    asm_json_write_key(writer, ASM_STR("payload"));
    asm_json_begin_object(writer);
}

static asm_result asm__envelope_send(asm_broadcaster *broadcaster, asm_json_writer *writer,
                                     const asm__envelope_head *head) {
    asm_json_end_object(writer);
    asm_json_end_object(writer);
    asm_result result = asm_json_writer_finish(writer);
    char channel[ASM_TOPIC_SIZE];
    const size_t size = asm_topic_channel(channel, sizeof channel, head->session_id);
    if (result == ASM_OK && (!size || size >= sizeof channel))
        result = size ? ASM_ERR_NO_SPACE : ASM_ERR_INVALID_ARGUMENT;
    if (result == ASM_OK) {
        asm_buffer sending = asm__buffer_detach(&broadcaster->envelope);
        broadcaster->sends++;
        result =
            broadcaster->options.broadcast(broadcaster->options.user, channel, asm_buffer_text(&sending));
        broadcaster->sends--;
        asm__buffer_attach(&broadcaster->envelope, &sending);
    }
    if (result == ASM_OK) broadcaster->published++;
    else broadcaster->errors++;
    return result;
}

/* >>broadcaster: tools */

/* Cuts what was appended to `out` from `begin` on, if it is more than `longest` bytes, to the first `shown`
 * and `...`. */
static bool asm__cut_appended(asm_buffer *out, size_t begin, size_t longest, size_t shown) {
    const asm_str value = asm_str_make(asm_buffer_text(out).data + begin, out->size - begin);
    if (value.size <= longest) return false;
    out->size = begin + asm__cut(value, shown).size;
    asm_buffer_append(out, ASM_STR("..."));
    return true;
}

static void asm__append_json_string(asm_buffer *out, asm_str text) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_write_string(&writer, text);
}

static bool asm__text_has(asm_str text, asm_str part) {
    for (size_t i = 0; i + part.size <= text.size; i++)
        if (memcmp(text.data + i, part.data, part.size) == 0) return true;
    return false;
}

/* Appends a string of a summary in single quotes; as JSON if it could be taken for the end of a value and another
 * argument. */
static void asm__append_quoted(asm_buffer *out, asm_str text) {
    if (asm__text_has(text, ASM_STR("', ")) || asm__text_has(text, ASM_STR("..., "))) {
        asm__append_json_string(out, text);
        return;
    }
    asm_buffer_append_byte(out, '\'');
    asm_buffer_append(out, text);
    asm_buffer_append_byte(out, '\'');
}

static void asm__append_argument_name(asm_buffer *out, asm_str key) {
    if (asm__text_has(key, ASM_STR(": ")) || asm__text_has(key, ASM_STR(", ")))
        asm__append_json_string(out, key);
    else asm_buffer_append(out, key);
}

/* Appends the value that stands next: a string's text, in quotes if asked for; any other as compact JSON. */
static void asm__append_argument(asm_buffer *out, asm_json_reader *reader, bool is_quoted) {
    asm_str value = ASM_STR("");
    if (asm_json_peek(reader) == ASM_JSON_STRING) {
        asm_json_read_string(reader, &value);
        if (is_quoted) asm__append_quoted(out, value);
        else asm_buffer_append(out, value);
    } else if (asm_json_read_raw(reader, &value)) {
        asm_json_writer writer;
        asm_json_writer_init(&writer, out);
        asm_json_write_raw(&writer, value);
    }
}

/* Writes the value that stands next as JSON, cut to a string if it is long. */
static asm_result asm__write_arg(asm_broadcaster *broadcaster, asm_json_writer *writer,
                                 asm_json_reader *reader) {
    asm_buffer *text = &broadcaster->text;
    const size_t longest = broadcaster->settings.longest_arg;
    const bool is_string = asm_json_peek(reader) == ASM_JSON_STRING;
    asm_buffer_clear(text);
    asm__append_argument(text, reader, false);
    if (text->result != ASM_OK || reader->error.result != ASM_OK)
        return text->result != ASM_OK ? text->result : reader->error.result;
    if (asm__cut_appended(text, 0, longest, longest) || is_string)
        return asm_json_write_string(writer, asm_buffer_text(text));
    return asm_json_write_raw(writer, asm_buffer_text(text));
}

/* Writes {"key":value,…}, each value cut; [] without arguments, and the value itself if it is no object. */
static asm_result asm__write_args(asm_broadcaster *broadcaster, asm_json_writer *writer,
                                  asm_json_reader *reader) {
    asm_str key;
    asm_json_write_key(writer, ASM_STR("args"));
    if (asm_json_peek(reader) != ASM_JSON_OBJECT) return asm__write_arg(broadcaster, writer, reader);
    asm_result result = ASM_OK;
    if (!asm_json_enter_object(reader) || !asm_json_next_member(reader, &key)) {
        asm_json_begin_array(writer); /* as consumers know it */
        asm_json_end_array(writer);
        return reader->error.result;
    }
    asm_json_begin_object(writer);
    do {
        asm_json_write_key(writer, key);
        result = asm__write_arg(broadcaster, writer, reader);
    } while (result == ASM_OK && asm_json_next_member(reader, &key));
    asm_json_end_object(writer);
    return result != ASM_OK ? result : reader->error.result;
}

static asm_result asm__write_args_summary(asm_broadcaster *broadcaster, asm_json_writer *writer,
                                          asm_json_reader *reader) {
    asm_buffer *text = &broadcaster->text;
    asm_str key;
    asm_buffer_clear(text);
    if (asm_json_peek(reader) != ASM_JSON_OBJECT) {
        asm__append_argument(text, reader, true);
        asm__cut_appended(text, 0, ASM__SUMMARY_LONGEST, ASM__SUMMARY_LONGEST - 3);
    } else if (asm_json_enter_object(reader)) {
        for (int i = 0; asm_json_next_member(reader, &key); i++) {
            asm_buffer_append(text, i ? ASM_STR(", ") : ASM_STR(""));
            if (i == ASM__SUMMARY_ARGS) {
                asm_buffer_append(text, ASM_STR("..."));
                break;
            }
            asm__append_argument_name(text, key);
            asm_buffer_append(text, ASM_STR(": "));
            const size_t begin = text->size;
            asm__append_argument(text, reader, true);
            asm__cut_appended(text, begin, ASM__SUMMARY_LONGEST, ASM__SUMMARY_LONGEST - 3);
        }
    }
    asm__write_member(writer, ASM_STR("args_summary"), asm_buffer_text(text));
    return text->result != ASM_OK ? text->result : reader->error.result;
}

/* Sets a reader before the arguments: no object if there are none, a string if they are no JSON. */
static void asm__begin_arguments(asm_broadcaster *broadcaster, asm_json_reader *reader, asm_str input) {
    asm_buffer *quoted = &broadcaster->quoted;
    asm_buffer_clear(&broadcaster->scratch);
    asm_buffer_clear(quoted);
    if (!input.size) input = ASM_STR("{}");
    else if (asm_json_check(input, NULL) != ASM_OK) {
        asm__append_json_string(quoted, input);
        input = asm_buffer_text(quoted);
    }
    asm_json_reader_init(reader, input, &broadcaster->scratch);
}

static asm_result asm__broadcast_tool_started(asm_broadcaster *broadcaster, const asm_event *event,
                                              const asm__envelope_head *head) {
    asm_json_writer writer;
    asm_json_reader reader;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.tool.started"), head);
    asm__write_member(&writer, ASM_STR("tool_name"), event->tool.name);
    asm__write_member(&writer, ASM_STR("tool_call_id"), event->tool.call_id);
    asm__begin_arguments(broadcaster, &reader, event->tool.input);
    const asm_result result = broadcaster->settings.tool_args
                                  ? asm__write_args(broadcaster, &writer, &reader)
                                  : asm__write_args_summary(broadcaster, &writer, &reader);
    if (result != ASM_OK) {
        broadcaster->errors++;
        return result;
    }
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_tool_completed(asm_broadcaster *broadcaster, const asm_event *event,
                                                const asm__envelope_head *head) {
    asm_json_writer writer;
    const asm_tool_payload *tool = &event->tool;
    const asm_str output = tool->output.data ? tool->output : tool->output_json;
    char summary[ASM__SUMMARY_LONGEST];
    asm_buffer shown;
    asm_buffer_init_fixed(&shown, summary, sizeof summary);
    const bool is_long = output.size > ASM__SUMMARY_LONGEST;
    asm_buffer_append(&shown, is_long ? asm__cut(output, ASM__SUMMARY_LONGEST - 3) : output);
    asm_buffer_append(&shown, is_long ? ASM_STR("...") : ASM_STR(""));

    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.tool.completed"), head);
    asm__write_member(&writer, ASM_STR("tool_name"), tool->name);
    asm__write_member(&writer, ASM_STR("tool_call_id"), tool->call_id);
    asm_json_write_key(&writer, ASM_STR("success"));
    if (asm_str_equal(tool->status, ASM_STR("unknown"))) asm_json_write_null(&writer);
    else asm_json_write_bool(&writer, event->type == ASM_EVENT_TOOL_CALL_COMPLETED);
    asm__write_member(&writer, ASM_STR("error"), tool->error_message);
    asm__write_double_member(&writer, ASM_STR("duration_ms"), tool->duration_ms);
    asm__write_member(&writer, ASM_STR("result_summary"), output.data ? asm_buffer_text(&shown) : output);
    return asm__envelope_send(broadcaster, &writer, head);
}

/* >>broadcaster: status */

typedef struct asm__status_change {
    asm_str status;
    bool is_explicit;
    bool has_details; /* error_message and last_response are told */
    asm_str error_message;
    asm_str last_response;
} asm__status_change;

static asm__status_change asm__status_to(asm_str status) {
    asm__status_change change;
    memset(&change, 0, sizeof change);
    change.status = status;
    return change;
}

static bool asm__status_is_final(asm_str status) {
    return asm_str_equal(status, ASM_STR("completed")) || asm_str_equal(status, ASM_STR("failed")) ||
           asm_str_equal(status, ASM_STR("cancelled")) || asm_str_equal(status, ASM_STR("stopped"));
}

static asm_result asm__change_status(asm_broadcaster *broadcaster, const asm__status_change *change,
                                     const asm__envelope_head *head) {
    char before[ASM_STATUS_SIZE];
    memcpy(before, broadcaster->status, sizeof before);
    if (!change->status.size || change->status.size >= sizeof before) return ASM_ERR_INVALID_ARGUMENT;
    if (asm__status_is_final(change->status)) broadcaster->next_chunk = 0;
    const bool is_refused = broadcaster->settings.manual_status && !change->is_explicit;
    if (is_refused || asm_str_equal(change->status, asm_str_from(before))) return ASM_OK;
    memcpy(broadcaster->status, change->status.data, change->status.size);
    broadcaster->status[change->status.size] = '\0';

    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.status"), head);
    asm__write_member(&writer, ASM_STR("status"), asm_str_from(broadcaster->status));
    asm__write_member(&writer, ASM_STR("previous_status"), asm_str_from(before));
    if (change->has_details) {
        asm__write_member(&writer, ASM_STR("error_message"), change->error_message);
        asm__write_member(&writer, ASM_STR("last_response"), change->last_response);
    }
    return asm__envelope_send(broadcaster, &writer, head);
}

/* >>broadcaster: events */

static asm_result asm__broadcast_step_started(asm_broadcaster *broadcaster, const asm_event *event,
                                              const asm__envelope_head *head) {
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.step.started"), head);
    asm__write_int64_member(&writer, ASM_STR("step_number"), event->step.step_number);
    asm__write_int64_member(&writer, ASM_STR("message_count"), event->step.message_count);
    asm__write_int64_member(&writer, ASM_STR("available_tools"), event->step.available_tools);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_step_completed(asm_broadcaster *broadcaster, const asm_event *event,
                                                const asm__envelope_head *head) {
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.step.completed"), head);
    asm__write_int64_member(&writer, ASM_STR("step_number"), event->step.step_number);
    asm__write_bool_member(&writer, ASM_STR("has_tool_calls"), event->step.has_tool_calls);
    asm__write_int64_member(&writer, ASM_STR("errors"), event->step.errors);
    asm__write_member(&writer, ASM_STR("finish_reason"), event->step.finish_reason);
    asm_json_write_key(&writer, ASM_STR("usage"));
    if (event->step.usage.data) asm_json_write_raw(&writer, event->step.usage);
    else asm_json_write_null(&writer);
    asm__write_double_member(&writer, ASM_STR("duration_ms"), event->step.duration_ms);
    return asm__envelope_send(broadcaster, &writer, head);
}

/* Whether a text is not part of what the user and the agent say to each other: reasoning, and what sub-agents say. */
static bool asm__is_aside(const asm_message_payload *message) {
    return message->thinking.value || message->parent_tool_call_id.size;
}

static asm_result asm__broadcast_chunk(asm_broadcaster *broadcaster, const asm_event *event,
                                       const asm__envelope_head *head) {
    const asm_str content = asm_event_text(event);
    if (!broadcaster->settings.stream_chunks || !content.size || asm__is_aside(&event->message))
        return ASM_OK;
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.stream.chunk"), head);
    asm__write_member(&writer, ASM_STR("content"), content);
    asm_json_write_key(&writer, ASM_STR("is_complete"));
    asm_json_write_bool(&writer, false);
    asm_json_write_key(&writer, ASM_STR("chunk_index"));
    asm_json_write_uint64(&writer, broadcaster->next_chunk++);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_str asm__status_for_stop(asm_str reason) {
    return !reason.size || asm_str_equal(reason, ASM_STR("completed")) ? ASM_STR("completed")
           : asm_str_equal(reason, ASM_STR("error"))                   ? ASM_STR("failed")
           : asm_str_equal(reason, ASM_STR("user_requested"))          ? ASM_STR("cancelled")
                                                                       : ASM_STR("stopped");
}

static asm_result asm__broadcast_continuation(asm_broadcaster *broadcaster, const asm_event *event,
                                              const asm__envelope_head *head) {
    const asm_continuation_payload *continuation = &event->continuation;
    if (!broadcaster->settings.continuation_trace) return ASM_OK;
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.continuation"), head);
    asm__write_int64_member(&writer, ASM_STR("step_number"), continuation->step_number);
    asm_json_write_key(&writer, ASM_STR("should_stop"));
    asm_json_write_bool(&writer, !broadcaster->settings.trust_should_stop || continuation->should_stop.value);
    asm__write_member(&writer, ASM_STR("stop_reason"), continuation->stop_reason);
    asm__write_member(&writer, ASM_STR("resolved_by"),
                      continuation->resolved_by.data ? continuation->resolved_by : ASM_STR(""));
    return asm__envelope_send(broadcaster, &writer, head);
}

/* >>broadcaster: conversation */

static asm_result asm__broadcast_approval_requested(asm_broadcaster *broadcaster, const asm_event *event,
                                                    const asm__envelope_head *head) {
    const asm_approval_payload *approval = &event->approval;
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.approval.requested"), head);
    asm__write_member(&writer, ASM_STR("request_id"), approval->request_id);
    asm__write_int64_member(&writer, ASM_STR("interrupt"), approval->interrupt);
    asm__write_member(&writer, ASM_STR("kind"), approval->kind);
    asm__write_member(&writer, ASM_STR("tool_call_id"), approval->tool_call_id);
    asm__write_member(&writer, ASM_STR("tool_name"), approval->tool_name);
    asm__write_json_member(&writer, ASM_STR("args"), approval->tool_input);
    asm__write_json_member(&writer, ASM_STR("options"), approval->options);
    asm__write_member(&writer, ASM_STR("reason"), approval->reason);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_approval_resolved(asm_broadcaster *broadcaster, const asm_event *event,
                                                   const asm__envelope_head *head) {
    const asm_approval_payload *approval = &event->approval;
    const bool is_granted = event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED;
    const asm_str decision = approval->decision.size ? approval->decision
                             : is_granted            ? ASM_STR("approve")
                                                     : ASM_STR("reject");
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.approval.resolved"), head);
    asm__write_member(&writer, ASM_STR("request_id"), approval->request_id);
    asm__write_int64_member(&writer, ASM_STR("interrupt"), approval->interrupt);
    asm__write_member(&writer, ASM_STR("tool_call_id"), approval->tool_call_id);
    asm__write_member(&writer, ASM_STR("decision"), decision);
    asm__write_member(&writer, ASM_STR("reason"), approval->reason);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_message(asm_broadcaster *broadcaster, const asm_event *event,
                                         const asm__envelope_head *head) {
    const asm_message_payload *message = &event->message;
    const asm_str role = message->role.size                      ? message->role
                         : event->type == ASM_EVENT_MESSAGE_SENT ? ASM_STR("user")
                                                                 : ASM_STR("assistant");
    if (asm__is_aside(message)) return ASM_OK;
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.message"), head);
    asm__write_member(&writer, ASM_STR("role"), role);
    asm__write_member(&writer, ASM_STR("content"), message->content);
    asm__write_member(&writer, ASM_STR("message_id"), message->message_id);
    asm__write_bool_member(&writer, ASM_STR("incomplete"), message->incomplete);
    asm__write_bool_member(&writer, ASM_STR("synthetic"), message->synthetic);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_retracted(asm_broadcaster *broadcaster, const asm_event *event,
                                           const asm__envelope_head *head) {
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.message.retracted"), head);
    asm__write_member(&writer, ASM_STR("message_id"), event->message.message_id);
    asm__write_member(&writer, ASM_STR("reason"), event->message.reason);
    asm__write_member(&writer, ASM_STR("replaced_by"), event->message.replaced_by);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_todos(asm_broadcaster *broadcaster, const asm_event *event,
                                       const asm__envelope_head *head) {
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.todos"), head);
    asm__write_json_member(&writer, ASM_STR("todos"), event->todos.todos);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_usage(asm_broadcaster *broadcaster, const asm_event *event,
                                       const asm__envelope_head *head) {
    const asm_usage_payload *usage = &event->usage;
    asm_json_writer writer;
    asm__envelope_begin(broadcaster, &writer, ASM_STR("agent.usage"), head);
    asm__write_int64_member(&writer, ASM_STR("input_tokens"), usage->input_tokens);
    asm__write_int64_member(&writer, ASM_STR("output_tokens"), usage->output_tokens);
    asm__write_int64_member(&writer, ASM_STR("cache_read_tokens"), usage->cache_read_tokens);
    asm__write_int64_member(&writer, ASM_STR("cache_creation_tokens"), usage->cache_creation_tokens);
    asm__write_int64_member(&writer, ASM_STR("reasoning_tokens"), usage->reasoning_tokens);
    asm__write_double_member(&writer, ASM_STR("cost_usd"), usage->cost_usd);
    asm__write_bool_member(&writer, ASM_STR("cumulative"), usage->cumulative);
    return asm__envelope_send(broadcaster, &writer, head);
}

static asm_result asm__broadcast_conversation(asm_broadcaster *broadcaster, const asm_event *event,
                                              const asm__envelope_head *head) {
    switch (event->type) {
    case ASM_EVENT_MESSAGE_SENT:
    case ASM_EVENT_MESSAGE_RECEIVED:
        return asm__broadcast_message(broadcaster, event, head);
    case ASM_EVENT_MESSAGE_RETRACTED:
        return asm__broadcast_retracted(broadcaster, event, head);
    case ASM_EVENT_TODOS_UPDATED:
        return asm__broadcast_todos(broadcaster, event, head);
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        return asm__broadcast_usage(broadcaster, event, head);
    default:
        return ASM_OK;
    }
}

/* The change of status that an event means; an empty one if none. */
static asm__status_change asm__status_for_event(const asm_broadcaster *broadcaster, const asm_event *event) {
    asm__status_change change = asm__status_to(ASM_STR(""));
    switch (event->type) {
    case ASM_EVENT_STEP_STARTED:
    case ASM_EVENT_RUN_STARTED:
        return asm__status_to(ASM_STR("processing"));
    case ASM_EVENT_RUN_COMPLETED:
        return asm__status_to(ASM_STR("completed"));
    case ASM_EVENT_RUN_CANCELLED:
        return asm__status_to(ASM_STR("cancelled"));
    case ASM_EVENT_RUN_TIMEOUT:
        return asm__status_to(ASM_STR("stopped"));
    case ASM_EVENT_RUN_FAILED:
        change = asm__status_to(ASM_STR("failed"));
        change.has_details = true;
        change.error_message = event->run.error_message;
        return change;
    case ASM_EVENT_CONTINUATION_EVALUATED:
        if (broadcaster->settings.trust_should_stop && !event->continuation.should_stop.value) return change;
        return asm__status_to(asm__status_for_stop(event->continuation.stop_reason));
    case ASM_EVENT_STATUS_CHANGED:
        change = asm__status_to(event->status.status);
        change.is_explicit = change.has_details = true;
        change.error_message = event->status.error_message;
        change.last_response = event->status.last_response;
        return change;
    default:
        return change;
    }
}

static asm_result asm__broadcast_event(asm_broadcaster *broadcaster, const asm_event *event,
                                       const asm__envelope_head *head) {
    switch (event->type) {
    case ASM_EVENT_STEP_STARTED:
        return asm__broadcast_step_started(broadcaster, event, head);
    case ASM_EVENT_STEP_COMPLETED:
        return asm__broadcast_step_completed(broadcaster, event, head);
    case ASM_EVENT_TOOL_CALL_STARTED:
        return asm__broadcast_tool_started(broadcaster, event, head);
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return asm__broadcast_tool_completed(broadcaster, event, head);
    case ASM_EVENT_MESSAGE_STREAMED:
        return asm__broadcast_chunk(broadcaster, event, head);
    case ASM_EVENT_CONTINUATION_EVALUATED:
        return asm__broadcast_continuation(broadcaster, event, head);
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
        return asm__broadcast_approval_requested(broadcaster, event, head);
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        return asm__broadcast_approval_resolved(broadcaster, event, head);
    default:
        return broadcaster->settings.conversation ? asm__broadcast_conversation(broadcaster, event, head)
                                                  : ASM_OK;
    }
}

static asm_time asm__broadcaster_time(const asm_broadcaster *broadcaster, asm_time time) {
    const asm_broadcaster_options *options = &broadcaster->options;
    return time || !options->clock ? time : options->clock(options->clock_user);
}

/* Whether events of this session are watched; the first of another one starts anew if any are. */
static bool asm__broadcaster_watches(asm_broadcaster *broadcaster, asm_str session_id) {
    if (broadcaster->options.session_id.data)
        return asm_str_equal(session_id, broadcaster->options.session_id);
    const uint64_t hash = asm__hash(session_id.data, session_id.size, 0);
    if (broadcaster->has_session && broadcaster->session_hash != hash)
        asm_broadcaster_reset(broadcaster, broadcaster->options.execution_id);
    broadcaster->has_session = true;
    broadcaster->session_hash = hash;
    return true;
}

ASM_API asm_result asm_broadcaster_event(asm_broadcaster *broadcaster, const asm_event *event) {
    if (!broadcaster || !event || !broadcaster->options.broadcast) return ASM_ERR_INVALID_ARGUMENT;
    const asm_broadcaster_options *options = &broadcaster->options;
    asm__envelope_head head;
    head.session_id = event->session_id.data ? event->session_id : options->session_id;
    head.execution_id = event->run_id.data ? event->run_id : options->execution_id;
    if (!asm__broadcaster_watches(broadcaster, head.session_id)) return ASM_OK;
    head.time = asm__broadcaster_time(broadcaster, event->time);
    const asm__status_change change = asm__status_for_event(broadcaster, event);
    asm_result result = ASM_OK;
    if (change.status.size) result = asm__change_status(broadcaster, &change, &head);
    const asm_result sent = asm__broadcast_event(broadcaster, event, &head);
    return result != ASM_OK ? result : sent;
}

ASM_API void asm_broadcaster_on_event(void *broadcaster, const asm_event *event) {
    (void)asm_broadcaster_event((asm_broadcaster *)broadcaster, event);
}

ASM_API void asm_broadcaster_on_message(void *broadcaster, const asm_message *message) {
    (void)asm_broadcaster_event((asm_broadcaster *)broadcaster, message ? message->event : NULL);
}

ASM_API asm_result asm_broadcaster_set_status(asm_broadcaster *broadcaster, asm_str status,
                                              asm_str error_message, asm_str last_response, asm_time time) {
    if (!broadcaster || !broadcaster->options.session_id.size || !broadcaster->options.broadcast)
        return ASM_ERR_INVALID_ARGUMENT;
    const asm_broadcaster_options *options = &broadcaster->options;
    asm__envelope_head head;
    head.session_id = options->session_id;
    head.execution_id = options->execution_id;
    head.time = asm__broadcaster_time(broadcaster, time);
    asm__status_change change = asm__status_to(status);
    change.is_explicit = change.has_details = true;
    change.error_message = error_message;
    change.last_response = last_response;
    return asm__change_status(broadcaster, &change, &head);
}

/* >>transports: server-sent events */

static bool asm__sse_is_line(asm_str text) {
    return !text.size || (!memchr(text.data, '\r', text.size) && !memchr(text.data, '\n', text.size) &&
                          !memchr(text.data, '\0', text.size));
}

static void asm__sse_field(asm_buffer *out, asm_str name, asm_str value) {
    const size_t size = name.size + value.size + 1;
    if (out->write || asm_utf8_check(value) < value.size) { /* bit by bit, or with what is invalid replaced */
        asm_buffer_append(out, name);
        asm_buffer_append_utf8(out, value, NULL);
        asm_buffer_append_byte(out, '\n');
    } else if (asm_buffer_reserve(out, size) == ASM_OK) {
        char *begin = out->data + out->size;
        memcpy(begin, name.data, name.size);
        if (value.size) memcpy(begin + name.size, value.data, value.size);
        begin[size - 1] = '\n';
        out->size += size;
    }
}

/* The first CR or LF in a text, or its end. */
static const char *asm__sse_line_end(const char *begin, const char *end) {
    const size_t size = (size_t)(end - begin);
    const char *feed = size ? (const char *)memchr(begin, '\n', size) : NULL;
    const char *stop = feed ? feed : end;
    const char *carriage = stop > begin ? (const char *)memchr(begin, '\r', (size_t)(stop - begin)) : NULL;
    return carriage ? carriage : stop;
}

/* A line ends with CR LF, LF or CR; a CR within one would begin a field of the text's choice. */
static void asm__sse_data(asm_buffer *out, asm_str data) {
    const char *begin = data.data ? data.data : "", *end = begin + data.size;
    for (;;) {
        const char *stop = asm__sse_line_end(begin, end);
        asm__sse_field(out, ASM_STR("data: "), asm_str_make(begin, (size_t)(stop - begin)));
        if (stop == end) return;
        begin = stop + (*stop == '\r' && stop + 1 < end && stop[1] == '\n' ? 2 : 1);
    }
}

ASM_API asm_result asm_sse_write(asm_buffer *out, asm_str id, asm_str event, asm_str data) {
    if (!out || !asm__sse_is_line(id) || !asm__sse_is_line(event)) return ASM_ERR_INVALID_ARGUMENT;
    if (id.data) asm__sse_field(out, ASM_STR("id: "), id);
    if (event.data) asm__sse_field(out, ASM_STR("event: "), event);
    asm__sse_data(out, data);
    return asm_buffer_append_byte(out, '\n');
}

ASM_API void asm_sse_init(asm_sse *sse, const asm_sse_options *options) {
    if (!sse) return;
    memset(sse, 0, sizeof *sse);
    if (options) sse->options = *options;
    if (!sse->options.memory) sse->options.size = 0;
    sse->first = 1;
    asm_buffer_init_growing(&sse->frame);
}

ASM_API asm_result asm_sse_close(asm_sse *sse) {
    if (!sse) return ASM_OK;
    if (sse->writes) return ASM_ERR_MISUSE;
    asm_buffer_close(&sse->frame);
    return ASM_OK;
}

/* The history: for each event its length and its text, in a ring of bytes. */

/* A place in the ring, of one that may be up to the ring's size past its end. */
static size_t asm__sse_wrap(const asm_sse *sse, size_t at) {
    return at >= sse->options.size ? at - sse->options.size : at;
}

static void asm__sse_store(asm_sse *sse, const char *data, size_t size) {
    const size_t at = asm__sse_wrap(sse, sse->head + sse->used);
    const size_t before_end = sse->options.size - at;
    const size_t first = size < before_end ? size : before_end;
    memcpy(sse->options.memory + at, data, first);
    memcpy(sse->options.memory, data + first, size - first);
    sse->used += size;
}

/* The length of the event at `at`, which is then moved to its text. */
static size_t asm__sse_length(const asm_sse *sse, size_t *at) {
    size_t length;
    char bytes[sizeof length];
    const size_t before_end = sse->options.size - *at;
    const size_t first = sizeof bytes < before_end ? sizeof bytes : before_end;
    memcpy(bytes, sse->options.memory + *at, first);
    memcpy(bytes + first, sse->options.memory, sizeof bytes - first);
    memcpy(&length, bytes, sizeof length);
    *at = asm__sse_wrap(sse, *at + sizeof length);
    return length;
}

static void asm__sse_remember(asm_sse *sse, asm_str frame) {
    const size_t size = sse->options.size;
    const bool fits = size > sizeof frame.size && frame.size <= size - sizeof frame.size;
    while (sse->used && (!fits || size - sse->used < frame.size + sizeof frame.size)) {
        size_t at = sse->head;
        const size_t length = asm__sse_length(sse, &at);
        sse->head = asm__sse_wrap(sse, at + length);
        sse->used -= length + sizeof length;
        sse->first++;
    }
    if (fits) {
        char length[sizeof frame.size];
        memcpy(length, &frame.size, sizeof length);
        asm__sse_store(sse, length, sizeof length);
        asm__sse_store(sse, frame.data, frame.size);
    } else {
        sse->first = sse->last + 1;
    }
}

/* Has the frame written. The function may come back with another event: the frame is not touched meanwhile. */
static asm_result asm__sse_send(asm_sse *sse, asm_write_function write, void *user) {
    asm_buffer sending = asm__buffer_detach(&sse->frame);
    sse->writes++;
    const asm_result result = write(user, sending.data, sending.size);
    sse->writes--;
    asm__buffer_attach(&sse->frame, &sending);
    return result;
}

static void asm__append_number(asm_buffer *out, uint64_t number) {
    char digits[20];
    asm_buffer_append(out, asm_str_make(digits, asm__format_uint64(number, digits)));
}

/* The type that an envelope names; absent if it names none. Ours begin with it. */
static asm_str asm__envelope_type(asm_str envelope, asm_buffer *scratch) {
    static const char head[] = "{\"type\":\"";
    const size_t size = sizeof head - 1;
    if (envelope.size > size && memcmp(envelope.data, head, size) == 0) {
        const char *begin = envelope.data + size;
        const char *quote = (const char *)memchr(begin, '"', envelope.size - size);
        if (quote && !memchr(begin, '\\', (size_t)(quote - begin)))
            return asm_str_make(begin, (size_t)(quote - begin));
    }
    const asm_str key = ASM_STR("type");
    asm_str raw, type = asm_str_make(NULL, 0);
    if (asm_json_find(envelope, &key, &raw, 1, NULL) == ASM_OK && raw.data)
        (void)asm_json_to_string(raw, scratch, &type);
    return type;
}

ASM_API asm_result asm_sse_broadcast(void *user, const char *channel, asm_str envelope) {
    asm_sse *sse = (asm_sse *)user;
    (void)channel;
    if (!sse) return ASM_ERR_INVALID_ARGUMENT;
    char id_memory[48], type_memory[128];
    asm_buffer id, scratch;
    asm_buffer_init_fixed(&id, id_memory, sizeof id_memory);
    asm_buffer_init_fixed(&scratch, type_memory, sizeof type_memory);
    if (sse->options.epoch) {
        asm__append_number(&id, sse->options.epoch);
        asm_buffer_append_byte(&id, '.');
    }
    asm__append_number(&id, sse->last + 1);
    asm_buffer_clear(&sse->frame);
    const asm_str type = asm__envelope_type(envelope, &scratch);
    const asm_result result = asm_sse_write(&sse->frame, asm_buffer_text(&id), type, envelope);
    if (result != ASM_OK) return result;
    sse->last++;
    asm__sse_remember(sse, asm_buffer_text(&sse->frame));
    return sse->options.write ? asm__sse_send(sse, sse->options.write, sse->options.user) : ASM_OK;
}

/* A decimal number that is all of `text`. */
static bool asm__sse_number(asm_str text, uint64_t *number) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *number = value;
    return text.size > 0;
}

/* Whether `id` is one that this history gave, and which. */
static bool asm__sse_read_id(const asm_sse *sse, asm_str id, uint64_t *number) {
    if (sse->options.epoch) {
        const char *dot = id.size ? (const char *)memchr(id.data, '.', id.size) : NULL;
        const size_t size = dot ? (size_t)(dot - id.data) : 0;
        uint64_t epoch;
        if (!dot || !asm__sse_number(asm_str_make(id.data, size), &epoch) || epoch != sse->options.epoch)
            return false;
        id = asm_str_make(dot + 1, id.size - size - 1);
    }
    return asm__sse_number(id, number) && *number <= sse->last;
}

/* Puts the event of `size` bytes at `at` of the history into the frame. */
static asm_result asm__sse_load(asm_sse *sse, size_t at, size_t size) {
    const size_t before_end = sse->options.size - at;
    const size_t first = size < before_end ? size : before_end;
    asm_buffer_clear(&sse->frame);
    asm_buffer_append(&sse->frame, asm_str_make(sse->options.memory + at, first));
    return asm_buffer_append(&sse->frame, asm_str_make(sse->options.memory, size - first));
}

ASM_API asm_result asm_sse_resume(asm_sse *sse, asm_str last_event_id, asm_write_function write, void *user,
                                  bool *complete) {
    uint64_t last_seen = 0;
    if (!sse || !write) return ASM_ERR_INVALID_ARGUMENT;
    const bool is_known = !last_event_id.size || asm__sse_read_id(sse, last_event_id, &last_seen);
    bool is_complete = is_known && last_seen + 1 >= sse->first;
    if (!is_known) last_seen = 0;
    asm_result result = ASM_OK;
    size_t at = sse->head;
    const uint64_t last = sse->last; /* those that come meanwhile are not sent again */
    for (uint64_t number = sse->first; number <= last && result == ASM_OK; number++) {
        if (number < sse->first) { /* events that came meanwhile took its place */
            is_complete = false;
            number = sse->first;
            at = sse->head;
            if (number > last) break;
        }
        const size_t size = asm__sse_length(sse, &at);
        if (number > last_seen) result = asm__sse_load(sse, at, size);
        at = asm__sse_wrap(sse, at + size);
        if (number > last_seen && result == ASM_OK) result = asm__sse_send(sse, write, user);
    }
    if (complete) *complete = is_complete;
    return result;
}

/* >>transports: others */

ASM_API void asm_envelope_lines_init(asm_envelope_lines *lines, asm_write_function write, void *user) {
    if (!lines) return;
    lines->write = write;
    lines->user = user;
    lines->writes = 0;
    asm_buffer_init_growing(&lines->line);
}

ASM_API asm_result asm_envelope_lines_close(asm_envelope_lines *lines) {
    if (!lines) return ASM_OK;
    if (lines->writes) return ASM_ERR_MISUSE;
    asm_buffer_close(&lines->line);
    return ASM_OK;
}

ASM_API asm_result asm_envelope_lines_broadcast(void *user, const char *channel, asm_str envelope) {
    asm_envelope_lines *lines = (asm_envelope_lines *)user;
    (void)channel;
    if (!lines || !lines->write) return ASM_ERR_INVALID_ARGUMENT;
    asm_buffer_clear(&lines->line);
    asm_buffer_append(&lines->line, envelope);
    asm_result result = asm_buffer_append_byte(&lines->line, '\n');
    if (result != ASM_OK) return result;
    asm_buffer sending = asm__buffer_detach(&lines->line);
    lines->writes++;
    result = lines->write(lines->user, sending.data, sending.size);
    lines->writes--;
    asm__buffer_attach(&lines->line, &sending);
    return result;
}

ASM_API asm_result asm_pubsub_broadcast(void *pubsub, const char *channel, asm_str envelope) {
    char memory[ASM_TOPIC_SIZE];
    asm_topic_parts parts;
    asm_message message;
    memset(&message, 0, sizeof message);
    message.wrapper = ASM_STR(ASM_ENVELOPE_WRAPPER);
    message.text = envelope;
    if (asm_topic_parse(channel, &parts, memory, sizeof memory) == ASM_OK)
        message.session_id = parts.session_id;
    return asm_pubsub_publish((asm_pubsub *)pubsub, channel, &message, NULL);
}

ASM__WARNINGS_BACK
#endif /* ASM_PUBSUB_IMPLEMENTED */
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
