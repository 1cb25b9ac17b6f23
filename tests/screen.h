/* A terminal's screen with all that scrolled off it, for what our programs send: text, CR, LF, BEL, colours, cursor up,
 * erase to the end, and operating system commands, which are kept as text. Lines that are longer than the screen is wide go on in the next row, as terminals do it; when the width
 * changes, they are laid out anew. Widths of characters come from the C library. */
#ifndef TESTS_SCREEN_H
#define TESTS_SCREEN_H

#include <wchar.h>

#include "support.h"

enum { SCREEN_ROWS = 6000, SCREEN_BYTES = 1024 };

typedef struct screen_row {
    char text[SCREEN_BYTES];
    int size, columns;
    bool goes_on; /* in the next row */
} screen_row;

typedef struct screen {
    screen_row *rows;
    int count, row, column; /* the cursor stands in `row`, which is below `count` */
    int columns, height;
    char pending[512];
    int pending_size;
    char commands[2048]; /* BEL as "bell", OSC by their text, each ended by LF */
    const char *error;   /* what no terminal should be sent */
    bool wrapped;        /* a line was longer than the screen is wide */
} screen;

static inline void screen_init(screen *self, int columns, int height) {
    memset(self, 0, sizeof *self);
    self->rows = (screen_row *)calloc(SCREEN_ROWS, sizeof *self->rows);
    assert_non_null(self->rows);
    self->count = 1;
    self->columns = columns;
    self->height = height;
}

static inline void screen_close(screen *self) {
    free(self->rows);
}

static inline int screen_width(uint32_t c) {
    const int width = wcwidth((wchar_t)c);
    return width < 0 ? 1 : width;
}

static inline void screen_next_row(screen *self) {
    self->row++;
    self->column = 0;
    assert_true(self->row < SCREEN_ROWS);
    if (self->row == self->count) memset(&self->rows[self->count++], 0, sizeof *self->rows);
}

/* Text is only ever added at the end of a row, as our programs do it; they erase before they write elsewhere. */
static inline void screen_put(screen *self, const char *bytes, int size, int width) {
    if (self->column + width > self->columns) {
        self->rows[self->row].goes_on = self->wrapped = true;
        screen_next_row(self);
    }
    screen_row *row = &self->rows[self->row];
    if (row->columns != self->column) self->error = "text over other text";
    if (row->size + size >= SCREEN_BYTES) return;
    memcpy(row->text + row->size, bytes, (size_t)size);
    row->size += size;
    row->columns += width;
    self->column += width;
}

static inline void screen_sequence(screen *self, const char *text, int size) {
    const char last = text[size - 1];
    const int number = atoi(text + 2);
    if (last == 'm') return;
    if (last == 'A') {
        const int top = self->count > self->height ? self->count - self->height : 0;
        self->row -= number;
        if (self->row < top) self->row = top;
    } else if (last == 'J' && number == 0) {
        screen_row *row = &self->rows[self->row];
        if (self->column != 0 && self->column != row->columns) self->error = "erases from within a line";
        if (self->column == 0) row->size = row->columns = 0;
        row->goes_on = false;
        self->count = self->row + 1;
    } else self->error = "a sequence that is not ours";
}

/* A BEL, or the text of an operating system command. */
static inline void screen_command(screen *self, const char *text, int size) {
    const size_t used = strlen(self->commands);
    if (used + (size_t)size + 2 > sizeof self->commands) self->error = "more commands than expected";
    else snprintf(self->commands + used, sizeof self->commands - used, "%.*s\n", size, text);
}

/* What begins with an escape, with `byte` as its last so far; false while it goes on. */
static inline bool screen_escape(screen *self, unsigned char byte) {
    const int at = self->pending_size;
    if (at > 1 && self->pending[1] == ']') {
        if (at > 3 && byte == '\\' && self->pending[at - 2] == 0x1B) {
            screen_command(self, self->pending + 2, at - 4);
            return true;
        }
        if (at > 2 && byte < 0x20 && byte != 0x1B) self->error = "a control character in a command";
        return false;
    }
    if (at == 1 || (at == 2 && byte == '[') || (at > 2 && byte < 0x40)) return false;
    if (at == 2) self->error = "an escape that is not ours";
    else screen_sequence(self, self->pending, at);
    return true;
}

static inline void screen_control(screen *self, unsigned char byte) {
    if (byte == '\n') screen_next_row(self);
    else if (byte == '\r') self->column = 0;
    else if (byte == '\t') screen_put(self, "\t", 1, 8 - self->column % 8);
    else if (byte == '\a') screen_command(self, "bell", 4);
    else self->error = "a control character";
}

/* False while more of the character must come. */
static inline bool screen_character(screen *self) {
    uint32_t c;
    bool valid;
    const size_t length = reference_decode(self->pending, (size_t)self->pending_size, &c, &valid);
    if (!valid && self->pending_size < 4 && (unsigned char)self->pending[0] >= 0xC2) return false;
    if (!valid) self->error = "invalid UTF-8";
    screen_put(self, self->pending, (int)length, screen_width(c));
    return true;
}

/* Takes bytes, also parts of characters and sequences. */
static inline void screen_write(screen *self, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        const unsigned char byte = (unsigned char)data[i];
        bool is_whole = true;
        self->pending[self->pending_size++] = data[i];
        if (self->pending_size == (int)sizeof self->pending) self->error = "a sequence without an end";
        else if (self->pending[0] == 0x1B) is_whole = screen_escape(self, byte);
        else if (byte < 0x20 || byte == 0x7F) screen_control(self, byte);
        else is_whole = screen_character(self);
        if (is_whole) self->pending_size = 0;
    }
}

/* Lays out all lines anew, as terminals do that reflow. */
static inline void screen_resize(screen *self, int columns) {
    screen old = *self;
    screen_init(self, columns, old.height);
    for (int i = 0; i < old.count; i++) {
        const screen_row *row = &old.rows[i];
        for (int at = 0; at < row->size;) {
            uint32_t c;
            bool valid;
            const int length = (int)reference_decode(row->text + at, (size_t)(row->size - at), &c, &valid);
            screen_put(self, row->text + at, length, c == '\t' ? 8 - self->column % 8 : screen_width(c));
            at += length;
        }
        if (!row->goes_on && i + 1 < old.count) screen_next_row(self);
    }
    memcpy(self->commands, old.commands, sizeof self->commands);
    self->wrapped = old.wrapped;
    self->error = old.error;
    free(old.rows);
}

/* All lines, each ended by LF but the last; the caller frees them. Rows that go on are put together. */
static inline char *screen_text(const screen *self, bool visible_only) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    const int first = visible_only && self->count > self->height ? self->count - self->height : 0;
    for (int i = first; i < self->count; i++) {
        asm_buffer_append(&text, asm_str_make(self->rows[i].text, (size_t)self->rows[i].size));
        if (!self->rows[i].goes_on && i + 1 < self->count) asm_buffer_append_byte(&text, '\n');
    }
    asm_buffer_append_byte(&text, 0);
    char *copy = (char *)malloc(text.size);
    memcpy(copy, text.data, text.size);
    asm_buffer_close(&text);
    return copy;
}

#endif
