/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

static bool is_owned_by(live_session *session, const void *source) {
    const struct tracked *tracked = session ? live_tracked(session) : NULL;
    return tracked && tracked->source == source;
}

live_session *source_session(struct live *live, void *source, const char *where, asm_str id, bool *is_new) {
    live_server *server = live_server_of(live);
    live_session *session = live_server_find(server, id);
    asm_buffer name;
    if (is_owned_by(session, source)) return session;
    asm_buffer_init_growing(&name);
    if (session) {
        asm_buffer_append(&name, id);
        asm_buffer_append(&name, ASM_STR(" in "));
        asm_buffer_append(&name, asm_str_from(where));
        session = live_server_find(server, asm_buffer_text(&name));
    }
    const bool is_found = is_owned_by(session, source);
    if (!is_found)
        session = !is_new ? NULL : live_server_add(server, name.size > 0 ? asm_buffer_text(&name) : id);
    asm_buffer_close(&name);
    struct tracked *tracked = session ? live_tracked(session) : NULL;
    if (!is_found && tracked) {
        tracked->source = source;
        tracked->where = where;
        *is_new = true;
    }
    return tracked ? session : NULL;
}
