/* SPDX-License-Identifier: MIT OR Unlicense */
/* The options of a program as one table: how they are read, and the --help, man page and completions made from it. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* What becomes of an option: which kind of member of the program's settings gets its value, if any. */
enum option_kind {
    OPTION_HEADING, /* no option: the title, in `help`, of those that follow */
    OPTION_FLAG,    /* bool: true */
    OPTION_CHOICE,  /* int: which of the choices, from 0 */
    OPTION_NUMBER,  /* int: minimum to maximum */
    OPTION_TEXT,    /* const char * */
    OPTION_OTHER,   /* whatever `take` does with it */
    OPTION_HELP,    /* these four print something, and end the program */
    OPTION_VERSION,
    OPTION_MAN_PAGE,
    OPTION_COMPLETIONS
};

struct option {
    enum option_kind kind;
    char letter; /* of the short form; 0: none */
    const char *name;
    const char *value;                /* what --help calls its value; NULL: it takes none */
    const char *help;                 /* some words, without a full stop */
    size_t offset;                    /* of the member in the settings */
    const char *(*choice)(int index); /* the values that there are, NULL after the last; else NULL */
    int minimum, maximum;
    bool value_is_optional; /* the value stands after =, or not at all: then `value` of take() is NULL */
    bool value_is_file;     /* for completions */
    void (*take)(void *settings, const struct option *option, const char *value);
};

/* Rows of a table: a letter or 0, the name, what --help calls the value, what it says, and where the value goes: `at` is
 * OPTION_AT() of a member. */
#define OPTION_AT(settings, member) offsetof(struct settings, member)
#define HEADING(title)                                                                                       \
    { .kind = OPTION_HEADING, .help = (title) }
#define FLAG(character, word, text, at)                                                                      \
    { .kind = OPTION_FLAG, .letter = (character), .name = (word), .help = (text), .offset = (at) }
#define CHOICE(character, word, what, text, at, choices)                                                     \
    {                                                                                                        \
        .kind = OPTION_CHOICE, .letter = (character), .name = (word), .value = (what), .help = (text),       \
        .offset = (at), .choice = (choices)                                                                  \
    }
#define NUMBER(character, word, what, text, at, least, most)                                                 \
    {                                                                                                        \
        .kind = OPTION_NUMBER, .letter = (character), .name = (word), .value = (what), .help = (text),       \
        .offset = (at), .minimum = (least), .maximum = (most)                                                \
    }
#define TEXT(character, word, what, text, at)                                                                \
    {                                                                                                        \
        .kind = OPTION_TEXT, .letter = (character), .name = (word), .value = (what), .help = (text),         \
        .offset = (at)                                                                                       \
    }
#define OTHER(character, word, what, text, at, function)                                                     \
    {                                                                                                        \
        .kind = OPTION_OTHER, .letter = (character), .name = (word), .value = (what), .help = (text),        \
        .offset = (at), .take = (function)                                                                   \
    }
#define OUTPUT_FILE(word, text, at, function)                                                                \
    {                                                                                                        \
        .kind = OPTION_OTHER, .name = (word), .value = "PATH", .help = (text), .offset = (at),               \
        .value_is_file = true, .take = (function)                                                            \
    }
#define MAYBE(character, word, what, text, at, choices, function)                                            \
    {                                                                                                        \
        .kind = OPTION_OTHER, .letter = (character), .name = (word), .value = (what), .help = (text),        \
        .offset = (at), .choice = (choices), .value_is_optional = true, .take = (function)                   \
    }

/* What every program tells of itself: the last rows of its table. */
#define PROGRAM_OPTIONS                                                                                      \
    HEADING("This program"), {.kind = OPTION_HELP, .letter = 'h', .name = "help", .help = "this text"},      \
        {.kind = OPTION_VERSION, .letter = 'V', .name = "version", .help = "the version"},                   \
        {.kind = OPTION_MAN_PAGE, .name = "man", .help = "the manual page, for man -l -"}, {                 \
        .kind = OPTION_COMPLETIONS, .name = "completions", .value = "SHELL", .choice = shell_choice,         \
        .help = "what a shell needs to complete options"                                                     \
    }

/* A word that people try, without its dashes, and what to write instead. */
struct option_hint {
    const char *word, *instead;
};

struct example {
    const char *command, *purpose;
};

struct command {
    const char *name, *purpose;     /* "asm-cat", "shows …": a line of the man page */
    const char *usage;              /* what stands after the name */
    const char *const *description; /* paragraphs; NULL after the last, as in all lists here */
    const struct option *options;
    size_t option_count;
    const struct option_hint *hints;  /* word NULL after the last */
    const struct example *examples;   /* command NULL after the last */
    const char *const *exit_statuses; /* "0  all was read": two blanks after the number */
    const char *const *notes;         /* paragraphs */
};

/* The tables of a command under the names that they have in every program. */
#define PROGRAM_TABLES                                                                                       \
    .description = description, .options = options, .option_count = sizeof options / sizeof *options,        \
    .examples = examples, .exit_statuses = exit_statuses, .notes = notes

/* Reads the arguments into `settings`; ends the program with a message if one is wrong. Returns the number of operands,
 * which are then the first words of argv. */
int options_read(const struct command *command, void *settings, int argc, char **argv);

/* Returns which choice `value` is; ends the program with a message if it is none. */
int option_read_choice(const struct option *option, const char *value);

/* Returns the number that `value` is; ends the program if it is none from minimum to maximum. */
int option_read_number(const struct option *option, const char *value);

/* Values of options: of --completions, and those that asm_setting has. */
const char *shell_choice(int index);
const char *when_choice(int index);

/* Flushes standard output: the exit status, with a message if it could not be written. */
int close_stdout(void);

#endif
