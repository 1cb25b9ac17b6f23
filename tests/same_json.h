/* Compares JSON for tests: by what it says, whatever the order of members, the blanks and the way numbers are written. */
#ifndef SAME_JSON_H
#define SAME_JSON_H

#include "asm_json.h"

static inline bool same_json(asm_str a, asm_str b) {
    char memory[2][8192];
    asm_buffer scratch[2];
    asm_str text[2];
    double number[2];
    for (int i = 0; i < 2; i++)
        asm_buffer_init_fixed(&scratch[i], memory[i], sizeof memory[i]);
    if (asm_json_type_of(a) != asm_json_type_of(b)) return false;
    asm_json_reader in_a, in_b;
    asm_str key;
    size_t members[2] = {0, 0};
    asm_json_reader_init(&in_a, a, &scratch[0]);
    asm_json_reader_init(&in_b, b, &scratch[1]);
    switch (asm_json_type_of(a)) {
    case ASM_JSON_STRING:
        return asm_json_to_string(a, &scratch[0], &text[0]) && asm_json_to_string(b, &scratch[1], &text[1]) &&
               asm_str_equal(text[0], text[1]);
    case ASM_JSON_NUMBER:
        return asm_json_to_double(a, &number[0]) && asm_json_to_double(b, &number[1]) &&
               !(number[0] < number[1]) && !(number[0] > number[1]);
    case ASM_JSON_ARRAY:
        asm_json_enter_array(&in_a);
        asm_json_enter_array(&in_b);
        for (;;) {
            const bool more = asm_json_next_element(&in_a);
            if (more != asm_json_next_element(&in_b)) return false;
            if (!more) return true;
            if (!asm_json_read_raw(&in_a, &text[0]) || !asm_json_read_raw(&in_b, &text[1]) ||
                !same_json(text[0], text[1]))
                return false;
        }
    case ASM_JSON_OBJECT:
        asm_json_enter_object(&in_a);
        while (asm_json_next_member(&in_a, &key)) {
            members[0]++;
            if (!asm_json_read_raw(&in_a, &text[0]) || asm_json_find(b, &key, &text[1], 1, NULL) != ASM_OK ||
                !text[1].data || !same_json(text[0], text[1]))
                return false;
        }
        asm_json_enter_object(&in_b);
        while (asm_json_next_member(&in_b, &key))
            members[1]++;
        return members[0] == members[1];
    default:
        return asm_str_equal(a, b);
    }
}

#endif
