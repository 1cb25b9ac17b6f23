#include "corpus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        fputs("bench: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

/* ---- Random numbers: xorshift64*, from a fixed seed ---- */

static uint64_t random_bits(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static size_t random_below(uint64_t *state, size_t limit) {
    return (size_t)(((random_bits(state) >> 32) * (uint64_t)limit) >> 32);
}

static bool random_chance(uint64_t *state, double probability) {
    return (double)(random_bits(state) >> 11) < probability * 9007199254740992.0;
}

/* ---- Text that is put together, and kept in large blocks ---- */

typedef struct text_builder {
    char *data;
    size_t size, capacity;
} text_builder;

static void add_bytes(text_builder *text, const char *bytes, size_t size) {
    if (text->capacity - text->size < size) {
        text->capacity = 2 * text->capacity + size;
        char *grown = (char *)allocate(text->capacity);
        if (text->size > 0) memcpy(grown, text->data, text->size);
        free(text->data);
        text->data = grown;
    }
    memcpy(text->data + text->size, bytes, size);
    text->size += size;
}

static void add(text_builder *text, const char *string) {
    add_bytes(text, string, strlen(string));
}

typedef struct text_store {
    char *block;
    size_t used, capacity;
} text_store;

/* Keeps a copy that is never freed: the corpus lives as long as the program. */
static corpus_text keep(text_store *store, const char *data, size_t size) {
    if (store->capacity - store->used < size + 1 + CORPUS_PADDING) {
        store->capacity = (size + 1 > (1u << 22) ? size + 1 : 1u << 22) + CORPUS_PADDING;
        store->block = (char *)memset(allocate(store->capacity), 0, store->capacity);
        store->used = 0;
    }
    corpus_text kept = {store->block + store->used, size};
    memcpy(store->block + store->used, data, size);
    store->block[store->used + size] = '\0';
    store->used += size + 1;
    return kept;
}

/* Keeps what was put together, and empties the builder. */
static corpus_text keep_text(text_store *store, text_builder *text) {
    corpus_text kept = keep(store, text->data, text->size);
    text->size = 0;
    return kept;
}

/* ---- Words ---- */

static const char *const words[] = {
    "the",    "a",     "to",      "and",    "file",  "function", "buffer", "returns", "reads",  "test",
    "agent",  "error", "because", "which",  "line",  "parse",    "token",  "build",   "stream", "is",
    "not",    "of",    "in",      "on",     "with",  "compiler", "let",    "me",      "check",  "value",
    "string", "write", "pointer", "change", "run",   "session",  "now",    "first",   "then",   "memory",
    "should", "type",  "size",    "number", "again", "I",        "tool"};
static const char *const german[] = {
    "die",     "der",   "Datei",   "für",    "und",  "prüft",   "Größe",    "liest", "schließt", "Test",
    "während", "nicht", "Puffer",  "zurück", "wird", "Fehler",  "gelöscht", "über",  "Zeile",    "Länge",
    "ändern",  "Wert",  "Sitzung", "läuft",  "neu",  "möglich", "Speicher", "eine",  "hat",      "danach"};
static const char *const russian[] = {
    "файл",  "строка", "и",     "не",    "функция", "память", "ошибка",  "читает", "тест",    "это",
    "потом", "размер", "сеанс", "буфер", "чтобы",   "запись", "значит",  "новый",  "теперь",  "вывод",
    "поток", "список", "снова", "число", "прежде",  "токен",  "который", "агент",  "проверь", "готово"};
static const char *const chinese[] = {"文件", "读取", "函数", "返回", "错误", "内存", "测试", "会话", "然后",
                                      "检查", "长度", "我们", "不是", "现在", "输出", "修改", "，",   "。"};
static const char *const japanese[] = {"ファイル", "を",     "読み込み", "関数", "は",   "エラー",
                                       "メモリ",   "テスト", "です",     "次に", "確認", "しました",
                                       "長さ",     "出力",   "変更",     "の",   "、",   "。"};
static const char *const code[] = {
    "if (",  "return ", "size_t ", "buffer->",  "->data[", "] = ",  "0;\n    ",           ") {\n        ",
    "}\n",   "&&",      "NULL",    "\"%s\\n\"", "i++",     "for (", "static const char ", "/* ",
    " */\n", "count",   "sizeof ", "'\\0'",     "+= "};
static const char *const foreign_words[] = {"straße", "café", "naïve", "“so”", "日本語", "über", "→", "да"};
static const char *const emoji[] = {"🚀", "✅", "🎉"};
static const char *const extensions[] = {".c", ".h", ".py", ".md"};
static const char *const tools[] = {"Bash", "Read", "Edit", "Grep", "Glob", "Write", "WebFetch"};
static const char *const models[] = {"claude-sonnet-4-5-20250929", "claude-opus-4-1", "gpt-5.2-codex"};
static const char *const stop_reasons[] = {"end_turn", "tool_use", "max_tokens"};
#define PICK(state, list) ((list)[random_below(state, COUNT_OF(list))])

static void add_word(text_builder *text, uint64_t *state) {
    size_t hundredth = random_below(state, 100);
    if (hundredth < 4) add(text, PICK(state, foreign_words));
    else if (hundredth < 5) add(text, PICK(state, emoji));
    else if (hundredth < 9) {
        add(text, "\"");
        add(text, PICK(state, words));
        add(text, "\"");
    } else add(text, PICK(state, words));
}

/* The words of a topic and what stands between them; those of English are add_word()'s. */
static const struct topic_words {
    const char *const *words;
    size_t count;
    const char *between;
} topics[CORPUS_TOPIC_COUNT] = {
    [CORPUS_GERMAN] = {german, COUNT_OF(german), " "},
    [CORPUS_RUSSIAN] = {russian, COUNT_OF(russian), " "},
    [CORPUS_CHINESE] = {chinese, COUNT_OF(chinese), ""},
    [CORPUS_JAPANESE] = {japanese, COUNT_OF(japanese), ""},
    [CORPUS_CODE] = {code, COUNT_OF(code), ""},
};

static void add_topic_word(text_builder *text, uint64_t *state, corpus_topic topic) {
    const struct topic_words *of = &topics[topic];
    if (of->words == NULL) add_word(text, state);
    else add(text, of->words[random_below(state, of->count)]);
}

/* Words up to about `size` bytes. */
static void add_prose(text_builder *text, uint64_t *state, corpus_topic topic, size_t size) {
    size_t end = text->size + size;
    const char *between = topics[topic].words == NULL ? " " : topics[topic].between;
    do {
        add_topic_word(text, state, topic);
        add(text, random_chance(state, 0.04) ? "\n" : between);
    } while (text->size < end);
}

static void add_path(text_builder *text, uint64_t *state) {
    add(text, "/home/user/project");
    for (size_t part = 1 + random_below(state, 4); part > 0; part--) {
        add(text, "/");
        add(text, PICK(state, words));
    }
    add(text, PICK(state, extensions));
}

/* One line as compilers and searches print them. */
static void add_output_line(text_builder *text, uint64_t *state) {
    char place[32];
    snprintf(place, sizeof place, ":%u:\t", (unsigned)random_below(state, 2000));
    if (random_chance(state, 0.1)) {
        add(text, "\x1B[0;32m");
        add_path(text, state);
        add(text, "\x1B[0m");
    } else add_path(text, state);
    add(text, place);
    for (size_t count = 2 + random_below(state, 8); count > 0; count--) {
        add_word(text, state);
        add(text, count > 1 ? " " : "\n");
    }
}

static void add_colored(text_builder *text, uint64_t *state) {
    static const char *const colors[] = {"\x1B[0;32m", "\x1B[1;31m", "\x1B[38;5;244m", "\x1B[2K\r",
                                         "\x1B[33m"};
    for (size_t count = 2 + random_below(state, 5); count > 0; count--) {
        add(text, PICK(state, colors));
        add(text, PICK(state, words));
        add(text, "\x1B[0m ");
    }
    add(text, "\n");
}

static void add_changed_line(text_builder *text, uint64_t *state) {
    static const char *const marks[] = {" ", " ", "+", "-"};
    if (random_chance(state, 0.05)) {
        add(text, "@@ -120,7 +121,9 @@ ");
        add_path(text, state);
    } else {
        add(text, PICK(state, marks));
        add(text, "    ");
        add_prose(text, state, CORPUS_CODE, 20 + random_below(state, 40));
    }
    add(text, "\n");
}

/* A line of JSON Lines. */
static void add_nested_json(text_builder *text, uint64_t *state) {
    add(text, "{\"name\":\"");
    add(text, PICK(state, words));
    add(text, "\",\"path\":\"");
    add_path(text, state);
    add(text, "\",\"ok\":true,\"message\":\"the \\\"");
    add(text, PICK(state, words));
    add(text, "\\\" is new\\n\",\"lines\":[12,340]}\n");
}

/* Something of that topic, a line as a rule. */
static void add_output(text_builder *text, uint64_t *state, corpus_topic topic) {
    switch (topic) {
    case CORPUS_ENGLISH:
        add_output_line(text, state);
        break;
    case CORPUS_ANSI:
        add_colored(text, state);
        break;
    case CORPUS_DIFF:
        add_changed_line(text, state);
        break;
    case CORPUS_NESTED_JSON:
        add_nested_json(text, state);
        break;
    default:
        add_prose(text, state, topic, 60);
        add(text, "\n");
    }
}

/* ---- Time: by tables and one look at the date of the day before, as fast as is usual in a hot path ---- */

static void put_digits(char *out, int64_t value, int digits) {
    while (digits > 0) {
        out[--digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static int64_t get_digits(const char *text, int digits) {
    int64_t value = 0;
    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* Days from 1970-01-01 to the civil date and back, by eras of 400 years that begin in March. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t year_day = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t era_year = year % 400;
    return year / 400 * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + year_day - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day) {
    days += 719468;
    int64_t era_day = days % 146097;
    int64_t era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    int64_t year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
    int64_t march_month = (5 * year_day + 2) / 153;
    *day = year_day - (153 * march_month + 2) / 5 + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = era_year + days / 146097 * 400 + (*month <= 2);
}

/* Two digits at a time; 0 to 99. */
static void put_two(char *out, int64_t value) {
    static const char digits[] =
        "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
        "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
        "8081828384858687888990919293949596979899";
    memcpy(out, digits + 2 * value, 2);
}

static void put_date(char out[CORPUS_TIME_SIZE + 1], int64_t days) {
    int64_t year, month, day;
    date_from_days(days, &year, &month, &day);
    put_digits(out, year, 4);
    put_two(out + 5, month);
    put_two(out + 8, day);
}

void corpus_time_format(int64_t time, char out[CORPUS_TIME_SIZE + 1]) {
    static int64_t known_day = -1;
    static char known[CORPUS_TIME_SIZE + 1] = "0000-00-00T00:00:00.000000Z";
    int64_t seconds = time / 1000000, micros = time % 1000000, days = seconds / 86400,
            second = seconds % 86400;
    if (days != known_day) {
        put_date(known, days);
        known_day = days;
    }
    memcpy(out, known, CORPUS_TIME_SIZE + 1);
    put_two(out + 11, second / 3600);
    put_two(out + 14, second / 60 % 60);
    put_two(out + 17, second % 60);
    put_two(out + 20, micros / 10000);
    put_two(out + 22, micros / 100 % 100);
    put_two(out + 24, micros % 100);
}

corpus_text corpus_time_text(int64_t time) {
    static char text[CORPUS_TIME_SIZE + 1];
    corpus_time_format(time, text);
    return (corpus_text){text, CORPUS_TIME_SIZE};
}

int64_t corpus_time_parse(corpus_text text) {
    static int64_t known_days;
    static char known[10];
    const char *digits = text.data;
    if (text.size != CORPUS_TIME_SIZE) return 0;
    if (memcmp(known, digits, sizeof known) != 0) {
        known_days =
            days_from_date(get_digits(digits, 4), get_digits(digits + 5, 2), get_digits(digits + 8, 2));
        memcpy(known, digits, sizeof known);
    }
    int64_t minutes = get_digits(digits + 11, 2) * 60 + get_digits(digits + 14, 2);
    int64_t seconds = known_days * 86400 + minutes * 60 + get_digits(digits + 17, 2);
    return seconds * 1000000 + get_digits(digits + 20, 6);
}

/* ---- Members by name ---- */

const corpus_text corpus_kind_names[CORPUS_KIND_COUNT] = {
#define CORPUS_X(name, text) {text, sizeof(text) - 1},
    CORPUS_KINDS(CORPUS_X)
#undef CORPUS_X
};

corpus_kind corpus_kind_from_name(const char *name, size_t size) {
    int kind = 0;
    while (kind < CORPUS_KIND_COUNT &&
           (corpus_kind_names[kind].size != size || memcmp(corpus_kind_names[kind].data, name, size) != 0))
        kind++;
    return (corpus_kind)kind;
}

#define IS(literal) (memcmp(key, literal, sizeof(literal) - 1) == 0)

corpus_text *corpus_text_member(corpus_event *event, const char *key, size_t size) {
    switch (size) {
    case 2:
        return IS("ts") ? &event->ts : NULL;
    case 3:
        return IS("cwd") ? &event->cwd : NULL;
    case 4:
        return IS("path") ? &event->path : NULL;
    case 5:
        return IS("delta") ? &event->delta : IS("model") ? &event->model : NULL;
    case 6:
        return IS("run_id") ? &event->run_id : NULL;
    case 7:
        return IS("command") ? &event->command : NULL;
    case 8:
        return IS("provider") ? &event->provider : NULL;
    case 9:
        return IS("tool_name") ? &event->tool_name : NULL;
    case 10:
        return IS("session_id") ? &event->session_id : NULL;
    case 11:
        return IS("tool_output")   ? &event->tool_output
               : IS("description") ? &event->description
               : IS("stop_reason") ? &event->stop_reason
                                   : NULL;
    case 12:
        return IS("tool_call_id") ? &event->tool_call_id : NULL;
    default:
        return NULL;
    }
}

int64_t *corpus_number_member(corpus_event *event, const char *key, size_t size) {
    switch (size) {
    case 5:
        return IS("limit") ? &event->limit : NULL;
    case 7:
        return IS("timeout") ? &event->timeout : NULL;
    case 9:
        return IS("num_turns") ? &event->num_turns : NULL;
    case 12:
        return IS("input_tokens") ? &event->input_tokens : NULL;
    case 13:
        return IS("output_tokens") ? &event->output_tokens : NULL;
    default:
        return NULL;
    }
}

/* ---- Checksums ---- */

static uint64_t stir(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

#define FULL_TIME(key, time, ts) hash = stir(hash, (uint64_t)(time))
#define FULL_KIND(key, kind)     hash = stir(hash, (uint64_t)(kind))
#define FULL_BEGIN(key)          (void)0
#define FULL_END()               (void)0
#define FULL_NUMBER(key, value)  hash = stir(hash, (uint64_t)(value))
#define FULL_FLAG(key, value)    hash = stir(hash, (value) ? 1 : 0)
#define FULL_TEXT(key, text)                                                                                 \
    do {                                                                                                     \
        hash = stir(hash, (text).size);                                                                      \
        for (size_t i = 0; i < (text).size; i++)                                                             \
            hash = stir(hash, (unsigned char)(text).data[i]);                                                \
    } while (0)

uint64_t corpus_digest_full(const corpus_event *event) {
    uint64_t hash = 0;
    CORPUS_EVENT(FULL, event);
    return hash;
}

static uint64_t ends_of(corpus_text text) {
    return text.size == 0
               ? 0
               : ((uint64_t)(unsigned char)text.data[0] << 8) + (unsigned char)text.data[text.size - 1];
}

#define QUICK_TIME(key, time, ts) sum += (uint64_t)(time)
#define QUICK_KIND(key, kind)     sum += (uint64_t)(kind)
#define QUICK_BEGIN(key)          (void)0
#define QUICK_END()               (void)0
#define QUICK_NUMBER(key, value)  sum += (uint64_t)(value)
#define QUICK_FLAG(key, value)    sum += (value) ? 1 : 0
#define QUICK_TEXT(key, text)     sum += ((text).size << 16) + ends_of(text)

uint64_t corpus_digest_quick(const corpus_event *event) {
    uint64_t sum = 0;
    CORPUS_EVENT(QUICK, event);
    return sum;
}

/* ---- The JSON of the corpus, as simply as it can be written ---- */

static void add_quoted(text_builder *line, corpus_text text) {
    add(line, "\"");
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        char code[8];
        switch (byte) {
        case '"':
            add(line, "\\\"");
            break;
        case '\\':
            add(line, "\\\\");
            break;
        case '\n':
            add(line, "\\n");
            break;
        case '\t':
            add(line, "\\t");
            break;
        default:
            if (byte < 0x20) {
                snprintf(code, sizeof code, "\\u%04x", byte);
                add(line, code);
            } else add_bytes(line, text.data + i, 1);
        }
    }
    add(line, "\"");
}

/* The members of an object that is being written: they are put together at its end, as some forms change their order. */
#define MAX_MEMBERS 16
#define MAX_LEVELS  4
typedef struct line_level {
    const char *key; /* of the object itself */
    size_t count;
    struct line_member {
        const char *key;
        text_builder value;
    } members[MAX_MEMBERS];
} line_level;

typedef struct line_builder {
    corpus_form form;
    size_t depth;
    line_level levels[MAX_LEVELS];
} line_builder;

static text_builder *add_member(line_builder *line, const char *key) {
    line_level *level = &line->levels[line->depth];
    struct line_member *member = &level->members[level->count++];
    member->key = key;
    member->value.size = 0;
    return &member->value;
}

static void begin_level(line_builder *line, const char *key) {
    line->depth++;
    line->levels[line->depth].key = key;
    line->levels[line->depth].count = 0;
}

static int compare_members(const void *first, const void *second) {
    return strcmp(((const struct line_member *)first)->key, ((const struct line_member *)second)->key);
}

/* The object of the level as text. */
static void join_level(text_builder *out, line_level *level, corpus_form form) {
    if (form == CORPUS_SORTED) qsort(level->members, level->count, sizeof level->members[0], compare_members);
    add(out, "{");
    for (size_t i = 0; i < level->count; i++) {
        if (i > 0) add(out, form == CORPUS_SPACED ? ", " : ",");
        add(out, "\"");
        add(out, level->members[i].key);
        add(out, form == CORPUS_SPACED ? "\": " : "\":");
        add_bytes(out, level->members[i].value.data, level->members[i].value.size);
    }
    add(out, "}");
}

static void end_level(line_builder *line) {
    line_level *level = &line->levels[line->depth--];
    join_level(add_member(line, level->key), level, line->form);
}

static void add_number(text_builder *value, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    add(value, digits);
}

#define PRINT_TIME(key, time, ts) add_quoted(add_member(line, key), ts)
#define PRINT_KIND(key, kind)     add_quoted(add_member(line, key), corpus_kind_names[kind])
#define PRINT_BEGIN(key)          begin_level(line, key)
#define PRINT_END()               end_level(line)
#define PRINT_NUMBER(key, value)  add_number(add_member(line, key), value)
#define PRINT_FLAG(key, value)    add(add_member(line, key), (value) ? "true" : "false")
#define PRINT_TEXT(key, text)     add_quoted(add_member(line, key), text)

static void add_event(text_builder *out, line_builder *line, const corpus_event *event) {
    line->depth = 0;
    line->levels[0].count = 0;
    CORPUS_EVENT(PRINT, event);
    if (line->form == CORPUS_UNKNOWN) {
        add(add_member(line, "host"), "\"build-7\"");
        add(add_member(line, "pid"), "47110");
        add(add_member(line, "trace"), "{\"id\":\"4bf92f3577b34da6\",\"sampled\":true}");
    }
    join_level(out, &line->levels[0], line->form);
}

/* ---- The corpus ---- */

typedef struct generator {
    uint64_t random;
    text_store texts, lines;
    text_builder text;
    line_builder *line;
    corpus_choice choice;
    corpus_text session_id, run_id, provider;
    int64_t time;
} generator;

static corpus_text keep_id(generator *make, const char *prefix, unsigned length) {
    static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
    add(&make->text, prefix);
    for (; length > 0; length--)
        add_bytes(&make->text, &letters[random_below(&make->random, sizeof letters - 1)], 1);
    return keep_text(&make->texts, &make->text);
}

static corpus_text keep_prose(generator *make, corpus_topic topic, size_t least, size_t most) {
    add_prose(&make->text, &make->random, topic, least + random_below(&make->random, most - least + 1));
    return keep_text(&make->texts, &make->text);
}

static corpus_text keep_choice(generator *make, const char *const *list, size_t count) {
    const char *choice = list[random_below(&make->random, count)];
    return keep(&make->texts, choice, strlen(choice));
}

static void make_run(generator *make, corpus_event *event) {
    if (make->session_id.data == NULL || random_chance(&make->random, 0.2)) {
        make->session_id = keep_id(make, "ses_", 8);
        make->provider = keep(&make->texts, "claude", 6);
    }
    make->run_id = keep_id(make, "run_", 8);
    event->model = keep_choice(make, models, COUNT_OF(models));
    add_path(&make->text, &make->random);
    event->cwd = keep_text(&make->texts, &make->text);
}

static void make_tool_call(generator *make, corpus_event *event) {
    event->tool_name = keep_choice(make, tools, COUNT_OF(tools));
    event->tool_call_id = keep_id(make, "toolu_", 20);
}

static size_t random_size(generator *make) {
    double share = (double)random_below(&make->random, 1000000) / 1e6;
    double smallest = (double)make->choice.smallest, largest = (double)make->choice.largest;
    return (size_t)(smallest * pow(largest / smallest, share));
}

static corpus_text keep_command(generator *make) {
    if (make->choice.kind != CORPUS_TOOL_CALL_STARTED) return keep_prose(make, CORPUS_ENGLISH, 20, 140);
    size_t size = random_size(make);
    return keep_prose(make, CORPUS_CODE, size, size);
}

static void make_tool_input(generator *make, corpus_event *event) {
    event->command = keep_command(make);
    event->description = keep_prose(make, CORPUS_ENGLISH, 10, 60);
    event->timeout = (int64_t)random_below(&make->random, 600000);
    event->limit = (int64_t)random_below(&make->random, 2000);
    event->recursive = random_chance(&make->random, 0.5);
    add_path(&make->text, &make->random);
    event->path = keep_text(&make->texts, &make->text);
}

static void make_tool_output(generator *make, corpus_event *event) {
    size_t size = random_size(make);
    while (make->text.size < size)
        add_output(&make->text, &make->random, make->choice.topic);
    event->tool_output = keep_text(&make->texts, &make->text);
}

static corpus_kind pick_kind(uint64_t *random) {
    size_t thousandth = random_below(random, 1000);
    return thousandth < 13    ? CORPUS_RUN_STARTED
           : thousandth < 26  ? CORPUS_TOKEN_USAGE_UPDATED
           : thousandth < 39  ? CORPUS_RUN_COMPLETED
           : thousandth < 119 ? CORPUS_TOOL_CALL_STARTED
           : thousandth < 200 ? CORPUS_TOOL_CALL_COMPLETED
                              : CORPUS_MESSAGE_STREAMED;
}

static void make_data(generator *make, corpus_event *event) {
    switch (event->kind) {
    case CORPUS_MESSAGE_STREAMED:
        event->delta = keep_prose(make, make->choice.topic, 1, 32);
        break;
    case CORPUS_TOOL_CALL_STARTED:
        make_tool_call(make, event);
        make_tool_input(make, event);
        break;
    case CORPUS_TOOL_CALL_COMPLETED:
        make_tool_call(make, event);
        make_tool_output(make, event);
        break;
    case CORPUS_RUN_STARTED:
        make_run(make, event);
        break;
    case CORPUS_TOKEN_USAGE_UPDATED:
        event->input_tokens = (int64_t)random_below(&make->random, 200000);
        event->output_tokens = (int64_t)random_below(&make->random, 9000);
        break;
    case CORPUS_RUN_COMPLETED:
        event->stop_reason = keep_choice(make, stop_reasons, COUNT_OF(stop_reasons));
        event->num_turns = (int64_t)random_below(&make->random, 40);
        break;
    case CORPUS_KIND_COUNT:
        break;
    }
}

static void make_envelope(generator *make, corpus_event *event) {
    char ts[CORPUS_TIME_SIZE + 1];
    make->time += 1000 + (int64_t)random_below(&make->random, 400000);
    corpus_time_format(make->time, ts);
    event->time = make->time;
    event->ts = keep(&make->texts, ts, CORPUS_TIME_SIZE);
    event->session_id = make->session_id;
    event->run_id = make->run_id;
    event->provider = make->provider;
}

static generator new_generator(const corpus_choice *choice) {
    generator make = {.choice = *choice};
    make.line = (line_builder *)memset(allocate(sizeof *make.line), 0, sizeof *make.line);
    make.line->form = choice->form;
    if (choice->largest == 0) {
        make.choice.smallest = 200;
        make.choice.largest = 8000;
    }
    corpus_event first;
    make.random = UINT64_C(0x5DEECE66D1CE4E5B);
    make.time = INT64_C(1770638400123456); /* 2026-02-09T12:00:00.123456Z */
    make_run(&make, &first);               /* for the ids */
    return make;
}

corpus corpus_create(size_t count, const corpus_choice *choice) {
    generator make = new_generator(choice);
    corpus made = {(corpus_event *)allocate((count + 1) * sizeof(corpus_event)), count};
    for (size_t i = 0; i < count; i++) {
        corpus_event *event = &made.events[i];
        memset(event, 0, sizeof *event);
        event->kind = choice->kind == CORPUS_MIX ? pick_kind(&make.random) : choice->kind;
        make_data(&make, event);
        make_envelope(&make, event);
        add_event(&make.text, make.line, event);
        event->line = keep_text(&make.lines, &make.text);
    }
    free(make.text.data);
    return made;
}

corpus_text corpus_long_line(size_t size) {
    const corpus_choice choice = {.kind = CORPUS_TOOL_CALL_COMPLETED};
    generator make = new_generator(&choice);
    corpus_event event = {.kind = CORPUS_TOOL_CALL_COMPLETED};
    make_envelope(&make, &event);
    make_tool_call(&make, &event);
    while (make.text.size < size)
        add_output_line(&make.text, &make.random);
    make.text.size = size;
    event.tool_output = keep_text(&make.texts, &make.text);
    add_event(&make.text, make.line, &event);
    corpus_text line = keep_text(&make.lines, &make.text);
    free(make.text.data);
    return line;
}

corpus_text corpus_string(size_t size, corpus_script script, double escape_rate) {
    static const char escaped[] = "\"\\\n\t";
    uint64_t random = UINT64_C(0x2545F4914F6CDD1D);
    text_builder text = {0};
    text_store store = {0};
    while (text.size < size) {
        char letter = (char)('a' + random_below(&random, 26));
        if (random_chance(&random, escape_rate))
            add_bytes(&text, &escaped[random_below(&random, sizeof escaped - 1)], 1);
        else if (script == CORPUS_CJK) {
            char character[3] = {'\xE5', (char)(0x80 + random_below(&random, 64)),
                                 (char)(0x80 + random_below(&random, 64))};
            add_bytes(&text, character, 3);
        } else if (script == CORPUS_ACCENTS && random_chance(&random, 0.125)) {
            char character[2] = {'\xC3', (char)(0xA0 + random_below(&random, 32))};
            add_bytes(&text, character, 2);
        } else if (script == CORPUS_PROSE) add_prose(&text, &random, CORPUS_ENGLISH, 1);
        else add_bytes(&text, &letter, 1);
    }
    corpus_text kept = keep_text(&store, &text);
    free(text.data);
    return kept;
}

corpus_text corpus_quote(corpus_text text) {
    text_builder quoted = {0};
    text_store store = {0};
    add_quoted(&quoted, text);
    corpus_text kept = keep_text(&store, &quoted);
    free(quoted.data);
    return kept;
}
