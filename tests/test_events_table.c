/* Tests of the table in asm_events.h: that it has a row for every member of an event, and that a row is all that a
 * member needs to be written, read, checked, copied and compared. Members that are added are tested by that alone. */
#define ASM_EVENTS_IMPLEMENTATION
#include "support.h"

/* ============================================================================================
 * Every member has a row
 */

/* Fails to compile if a payload has more members than its list has rows. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"
#endif
#define MEMBER(P, name, member, kind) {0, 0},
#define PAYLOAD(P)                    static const asm_##P##_payload every_member_of_##P = {ASM__ROWS_##P(MEMBER, )};
ASM__PAYLOADS(PAYLOAD)
#undef PAYLOAD
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

static size_t size_of_kind(unsigned kind) {
    switch (kind) {
    case ASM__INT64:
        return sizeof(asm_optional_int64);
    case ASM__DOUBLE:
        return sizeof(asm_optional_double);
    case ASM__BOOL:
    case ASM__TRUE:
        return sizeof(asm_optional_bool);
    case ASM__TIME:
    case ASM__SEQUENCE:
        return sizeof(int64_t);
    default:
        return sizeof(asm_str);
    }
}

/* Expects each byte to belong to one member, or to stand between two because of their alignment. */
static void expect_covered(const unsigned char *covered, size_t size, const char *name) {
    size_t hole = 0;
    for (size_t i = 0; i < size; i++) {
        hole = covered[i] != 0 ? 0 : hole + 1;
        expect(covered[i] <= 1, "%s: byte %u belongs to two rows", name, (unsigned)i);
        expect(hole < sizeof(int64_t), "%s: byte %u belongs to no row", name, (unsigned)i);
    }
}

static void cover(unsigned char *covered, size_t offset, size_t size) {
    for (size_t i = 0; i < size; i++)
        covered[offset + i]++;
}

static void cover_rows(unsigned char *covered, const asm__fields *fields) {
    for (size_t i = 0; i < fields->count; i++)
        cover(covered, fields->list[i].offset, size_of_kind(fields->list[i].kind));
}

static void test_every_member_has_a_row(void **state) {
    unsigned char covered[sizeof(asm_event)];
    (void)state;
#define PAYLOAD(P)                                                                                           \
    (void)&every_member_of_##P;                                                                              \
    memset(covered, 0, sizeof covered);                                                                      \
    cover_rows(covered, &asm__##P##_rows);                                                                   \
    expect_covered(covered, sizeof every_member_of_##P, #P);
    ASM__PAYLOADS(PAYLOAD)
#undef PAYLOAD
    /* Of the event, some have no row: they go along with one, or have no name in JSON. */
    memset(covered, 0, sizeof covered);
    cover_rows(covered, &asm__envelope_rows);
    cover(covered, offsetof(asm_event, type), sizeof(asm_event_type));
    cover(covered, offsetof(asm_event, time_precision), sizeof(int));
    cover(covered, offsetof(asm_event, extension), sizeof(asm_str));
    cover(covered, ASM__PAYLOAD_OFFSET, sizeof(asm_event) - ASM__PAYLOAD_OFFSET);
    expect_covered(covered, sizeof covered, "the event");
    end_of_cases();
}

/* ============================================================================================
 * A row is all that a member needs
 */

/* A value that fits a member, as JSON. */
static const char *value_of_kind(unsigned kind) {
    static const char *const values[ASM__KINDS] = {
        "\"t\\\"\\n\"",                    /* TEXT */
        "\"u\"",                           /* TEXT_OR_JSON */
        NULL,                              /* TYPE */
        "7",                               /* JSON */
        "{\"a\":1}",                       /* JSON_OBJECT */
        "[1,\"b\"]",                       /* JSON_ARRAY */
        NULL,                              /* DATA */
        "-9007199254740993",               /* INT64 */
        "0.1",                             /* DOUBLE */
        "false",                           /* BOOL */
        "true",                            /* TRUE */
        "\"2026-02-09T12:00:17.968111Z\"", /* TIME */
        "42",                              /* SEQUENCE */
    };
    return values[kind];
}

static void write_event(asm_buffer *out, const asm_event *event) {
    asm_buffer_init_growing(out);
    expect(asm_event_write_json(event, out) == ASM_OK, "cannot be written");
}

/* An event is the same as itself, and not as one in which the member's value is another one or is missing. */
static void check_compared(const asm_event *event, const asm__field *field, bool in_data) {
    asm_event other = *event;
    char *member = (char *)&other + (in_data ? ASM__PAYLOAD_OFFSET : 0) + field->offset;
    expect(asm_event_equal(event, &other), "%s: not the same as itself", field->key);
    if (field->kind <= ASM__DATA) ((asm_str *)(void *)member)->size--;
    else member[0] ^= 1;
    expect(!asm_event_equal(event, &other), "%s: another value is not seen", field->key);
    memset(member, 0, size_of_kind(field->kind));
    expect(!asm_event_equal(event, &other) && !asm_event_equal(&other, event), "%s: not missed", field->key);
}

/* Reads, writes, copies and compares a line with one member, and expects its field to be the only one that is set. */
static void check_member(const char *line, const asm__fields *fields, const asm__field *field, uint32_t set,
                         bool in_data) {
    char *text = exact_copy(line, strlen(line));
    asm_buffer scratch, written, copied;
    asm_event event;
    asm_buffer_init_growing(&scratch);
    expect(asm_event_read_json(&event, asm_str_make(text, strlen(line)), &scratch, NULL) == ASM_OK, "%s",
           line);
    expect(fields->set((const char *)&event + (in_data ? ASM__PAYLOAD_OFFSET : 0)) == set, "%s: %x", line,
           (unsigned)fields->set((const char *)&event + (in_data ? ASM__PAYLOAD_OFFSET : 0)));
    expect(event.extra.data == NULL && event.extension.data == NULL, "%s", line);
    write_event(&written, &event);
    expect_text(asm_buffer_text(&written), asm_str_from(line));
    const size_t size = asm_event_copy_size(&event);
    void *block = malloc(size);
    assert_non_null(block);
    const asm_event *copy = asm_event_copy(&event, block, size);
    expect(asm_event_equal(&event, copy), "%s: the copy is another one", line);
    check_compared(copy, field, in_data);
    memset(text, '#', strlen(line)); /* the copy does not depend on what was read */
    if (scratch.size > 0) memset(scratch.data, '#', scratch.size);
    write_event(&copied, copy);
    expect_text(asm_buffer_text(&copied), asm_str_from(line));
    free(block);
    free_block(text, strlen(line));
    asm_buffer_close(&scratch);
    asm_buffer_close(&written);
    asm_buffer_close(&copied);
}

/* JSON that is not valid, or of another type than it must be, is refused. */
static void check_raw_member(int type, const asm__field *field, bool in_data) {
    static const struct {
        const char *json;
        asm_result json_result, object_result, array_result;
    } cases[] = {
        {"{\"a\":", ASM_ERR_SYNTAX, ASM_ERR_SYNTAX, ASM_ERR_SYNTAX},
        {"{}", ASM_OK, ASM_OK, ASM_ERR_TYPE},
        {"[]", ASM_OK, ASM_ERR_TYPE, ASM_OK},
        {"1", ASM_OK, ASM_ERR_TYPE, ASM_ERR_TYPE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_buffer out;
        asm_event event;
        memset(&event, 0, sizeof event);
        event.type = (asm_event_type)type;
        const asm_str json = asm_str_from(cases[i].json);
        memcpy((char *)&event + (in_data ? ASM__PAYLOAD_OFFSET : 0) + field->offset, &json, sizeof json);
        const asm_result result = field->kind == ASM__JSON          ? cases[i].json_result
                                  : field->kind == ASM__JSON_OBJECT ? cases[i].object_result
                                                                    : cases[i].array_result;
        asm_buffer_init_growing(&out);
        expect(asm_event_write_json(&event, &out) == result, "%s: %s", field->key, cases[i].json);
        asm_buffer_close(&out);
    }
}

/* Names that differ in one character belong to no field. */
static void check_other_member(int type, const asm__field *field, bool in_data) {
    char line[256], other[32];
    asm_event event;
    asm_buffer scratch;
    const char *name = asm_event_type_name((asm_event_type)type).data;
    const int name_size = (int)asm_event_type_name((asm_event_type)type).size;
    for (int i = 1; i < field->key_size - 2; i++) {
        memcpy(other, field->key, field->key_size);
        other[field->key_size] = '\0';
        other[i] = other[i] == 'Z' ? 'Y' : 'Z';
        sprintf(line, in_data ? "{\"type\":\"%.*s\",\"data\":{%s1}}" : "{\"type\":\"%.*s\",%s1}", name_size,
                name, other);
        asm_buffer_init_growing(&scratch);
        expect(asm_event_read_json(&event, asm_str_from(line), &scratch, NULL) == ASM_OK, "%s", line);
        expect((in_data ? event.extra : event.extension).data != NULL, "%s", line);
        asm_buffer_close(&scratch);
    }
}

static void check_row(int type, const asm__fields *fields, const asm__field *field, bool in_data) {
    char line[256];
    const char *value = value_of_kind(field->kind);
    const asm_str name = asm_event_type_name((asm_event_type)type);
    uint32_t set = UINT32_C(1) << field->row;
    if (value == NULL) return; /* the type and the data are in every line */
    char member[128], *first = line + sprintf(line, "{");
    sprintf(member, "%.*s%s", (int)field->key_size, field->key, value);
    if (field->kind == ASM__TIME) first += sprintf(first, "%s,", member);
    first +=
        sprintf(first, "\"type\":\"%.*s\",\"data\":{%s}", (int)name.size, name.data, in_data ? member : "");
    sprintf(first, !in_data && field->kind != ASM__TIME ? ",%s}" : "}", member);
    if (!in_data) set |= UINT32_C(1) << ASM__ROW_envelope_type_name | UINT32_C(1) << ASM__ROW_envelope_extra;
    check_member(line, fields, field, set, in_data);
    if (ASM__IS_RAW(field->kind)) check_raw_member(type, field, in_data);
    check_other_member(type, field, in_data);
}

static void test_a_row_is_all_that_a_member_needs(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        const asm__fields *fields = asm__types[type].fields;
        for (size_t i = 0; i < fields->count; i++)
            check_row(type, fields, &fields->list[i], true);
        for (size_t i = 0; i < asm__envelope_rows.count; i++)
            check_row(type, &asm__envelope_rows, &asm__envelope_rows.list[i], false);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_has_a_row),
        cmocka_unit_test(test_a_row_is_all_that_a_member_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
