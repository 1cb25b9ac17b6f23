/* SPDX-License-Identifier: MIT OR Unlicense */
#include "options.h"

#include "asm_json.h"
#include "messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LABEL_WIDTH = 28, LINE_WIDTH = 79, LONGEST_WORD = 24 };

/* ---- Reading ---- */

static bool is_option(const struct option *option) {
    return option->kind != OPTION_HEADING;
}

/* "a, b, c": the values that the option may have, or what --help calls them. */
static const char *allowed_values(const struct option *option, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    if (!option->choice) return option->value;
    const char *name = option->choice(0), *next;
    for (int i = 1; name && used < size; i++, name = next) {
        next = option->choice(i);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 1 ? "" : ", ", name);
    }
    return text;
}

/* How many letters to insert, delete or replace to make `b` of `a`; LONGEST_WORD for words that are no options. */
static size_t edit_distance(asm_str a, asm_str b) {
    size_t row[LONGEST_WORD];
    if (a.size >= LONGEST_WORD || b.size >= LONGEST_WORD) return LONGEST_WORD;
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            const size_t shorter = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b.size];
}

static const struct option *find_option(const struct command *command, asm_str name, char letter) {
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option *option = &command->options[i];
        if (!is_option(option)) continue;
        if (letter ? option->letter == letter : asm_str_equal(name, asm_str_from(option->name)))
            return option;
    }
    return NULL;
}

static const char *hint_for(const struct command *command, asm_str word) {
    for (const struct option_hint *hint = command->hints; hint && hint->word; hint++)
        if (asm_str_equal(word, asm_str_from(hint->word))) return hint->instead;
    return NULL;
}

static void die_of_unknown_option(const struct command *command, const char *dashes, asm_str name) {
    const struct option *nearest = NULL;
    const char *hint = hint_for(command, name);
    size_t least = name.size < 4 ? name.size : 3;
    if (hint) die("unknown option %s%.*s: write %s", dashes, (int)name.size, name.data, hint);
    for (size_t i = 0; i < command->option_count && dashes[1]; i++) {
        const struct option *option = &command->options[i];
        const size_t distance = is_option(option) ? edit_distance(name, asm_str_from(option->name)) : least;
        if (distance < least) {
            least = distance;
            nearest = option;
        }
    }
    if (nearest) die("unknown option --%.*s: did you mean --%s?", (int)name.size, name.data, nearest->name);
    die("unknown option %s%.*s: %s --help lists them", dashes, (int)name.size, name.data, command->name);
}

const char *shell_choice(int index) {
    static const char *const names[] = {"bash", "zsh", "fish", NULL};
    return names[index];
}

const char *when_choice(int index) {
    static const char *const names[] = {"auto", "always", "never", NULL};
    return names[index];
}

int option_read_choice(const struct option *option, const char *value) {
    char values[1024];
    const char *name, *nearest = NULL;
    for (int i = 0; value && (name = option->choice(i)) != NULL; i++) {
        if (strcmp(name, value) == 0) return i;
        if (strcasecmp(name, value) == 0) nearest = name;
    }
    if (nearest) die("--%s: '%s' is unknown: did you mean %s?", option->name, value, nearest);
    die("--%s: '%s' must be one of %s", option->name, value ? value : "",
        allowed_values(option, values, sizeof values));
    return 0;
}

int option_read_number(const struct option *option, const char *value) {
    char *end;
    errno = 0;
    if (!value) value = "";
    const long number = strtol(value, &end, 10);
    if (end == value || *end || errno || number < option->minimum || number > option->maximum)
        die("--%s: '%s' must be a number from %d to %d", option->name, value, option->minimum,
            option->maximum);
    return (int)number;
}

static int print_help(const struct command *command);
static int print_man_page(const struct command *command);
static int print_completions(const struct command *command, int shell);

static int print_version(const struct command *command) {
    printf("%s " ASM_VERSION "\n", command->name);
    return close_stdout();
}

static void set_option(const struct command *command, void *settings, const struct option *option,
                       const char *value) {
    void *member = (char *)settings + option->offset;
    switch (option->kind) {
    case OPTION_HEADING:
        break;
    case OPTION_FLAG:
        *(bool *)member = true;
        break;
    case OPTION_CHOICE:
        *(int *)member = option_read_choice(option, value);
        break;
    case OPTION_NUMBER:
        *(int *)member = option_read_number(option, value);
        break;
    case OPTION_TEXT:
        *(const char **)member = value;
        break;
    case OPTION_OTHER:
        option->take(settings, option, value);
        break;
    case OPTION_HELP:
        exit(print_help(command));
    case OPTION_VERSION:
        exit(print_version(command));
    case OPTION_MAN_PAGE:
        exit(print_man_page(command));
    case OPTION_COMPLETIONS:
        exit(print_completions(command, option_read_choice(option, value)));
    }
}

/* `value` stood in the same word, or is NULL; `next` is the next word. Returns whether that was the value. */
static bool take_option(const struct command *command, void *settings, const struct option *option,
                        const char *value, const char *next) {
    char values[1024];
    const bool takes_next = option->value && !value && !option->value_is_optional;
    if (!option->value && value) die("--%s takes no value", option->name);
    if (takes_next && next && strcmp(next, "--") != 0)
        value = next; /* it was forgotten: asm-tee --jsonl -- COMMAND */
    if (option->value && !option->value_is_optional && (!value || !*value))
        die("--%s needs a value: %s", option->name, allowed_values(option, values, sizeof values));
    set_option(command, settings, option, value);
    return takes_next;
}

static bool take_long_option(const struct command *command, void *settings, const char *word,
                             const char *next) {
    const char *equals = strchr(word, '=');
    const asm_str name = asm_str_make(word, equals ? (size_t)(equals - word) : strlen(word));
    const struct option *option = find_option(command, name, 0);
    if (!option) {
        die_of_unknown_option(command, "--", name);
        return false;
    }
    return take_option(command, settings, option, equals ? equals + 1 : NULL, next);
}

static bool take_short_options(const struct command *command, void *settings, const char *letters,
                               const char *next) {
    bool took_next = false;
    while (*letters) {
        const struct option *option = find_option(command, ASM_STR(""), *letters);
        if (!option) {
            die_of_unknown_option(command, "-", asm_str_make(letters, 1));
            return false;
        }
        letters++;
        if (*letters == '=')
            die("-%c%s: write %s%c%s%s", option->letter, letters, option->value ? "-" : "--",
                option->value ? option->letter : option->name[0], option->value ? " " : option->name + 1,
                option->value ? letters + 1 : "");
        const char *value = option->value && *letters ? letters : NULL;
        took_next = take_option(command, settings, option, value, next);
        if (option->value) break;
    }
    return took_next;
}

int options_read(const struct command *command, void *settings, int argc, char **argv) {
    int operands = 0, at = 1;
    while (at < argc) {
        char *word = argv[at++], *next = argv[at]; /* argv[argc] is NULL */
        bool took_next = false;
        if (strcmp(word, "--") == 0) break;
        if (strncmp(word, "--", 2) == 0) took_next = take_long_option(command, settings, word + 2, next);
        else if (word[0] == '-' && word[1]) took_next = take_short_options(command, settings, word + 1, next);
        else argv[operands++] = word;
        at += took_next;
    }
    while (at < argc)
        argv[operands++] = argv[at++];
    return operands;
}

/* ---- Help ---- */

int close_stdout(void) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return EXIT_SUCCESS;
    if (errno != EPIPE) complain("standard output: %s", strerror(errno));
    return EXIT_FAILED;
}

/* Prints words from column `indent` on, which is where the cursor is, and breaks lines before LINE_WIDTH. */
static void print_wrapped(const char *text, int indent) {
    int column = indent;
    while (*text) {
        const int size = (int)strcspn(text, " ");
        if (column > indent && column + 1 + size > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        if (column > indent) column += printf(" ");
        column += printf("%.*s", size, text);
        text += size;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_choices(const struct option *option) {
    char values[1024];
    printf("%*s", LABEL_WIDTH + 1, "");
    print_wrapped(allowed_values(option, values, sizeof values), LABEL_WIDTH + 1);
}

static void print_option(const struct option *option) {
    char label[80];
    if (!is_option(option)) {
        printf("\n%s:\n", option->help);
        return;
    }
    const int size = snprintf(label, sizeof label, "  %c%c%c --%s%s%s%s", option->letter ? '-' : ' ',
                              option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
                              !option->value              ? ""
                              : option->value_is_optional ? "[="
                                                          : "=",
                              option->value ? option->value : "", option->value_is_optional ? "]" : "");
    if (size > LABEL_WIDTH) printf("%s\n%*s", label, LABEL_WIDTH + 1, "");
    else printf("%-*s ", LABEL_WIDTH, label);
    print_wrapped(option->help, LABEL_WIDTH + 1);
    if (option->choice) print_choices(option);
}

static void print_paragraphs(const char *const *paragraphs) {
    for (; *paragraphs; paragraphs++) {
        putchar('\n');
        print_wrapped(*paragraphs, 0);
    }
}

/* A row of exit_statuses is the status, two blanks, and what it says. */
static int status_size(const char *row) {
    const char *end = strstr(row, "  ");
    return end ? (int)(end - row) : 0;
}

static int widest_status(const char *const *rows) {
    int widest = 0;
    for (; *rows; rows++)
        if (status_size(*rows) > widest) widest = status_size(*rows);
    return widest;
}

static int print_help(const struct command *command) {
    printf("Usage: %s %s\n", command->name, command->usage);
    print_paragraphs(command->description);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
    print_paragraphs(command->notes);
    puts("\nExamples:");
    for (const struct example *example = command->examples; example->command; example++)
        printf("  %s\n", example->command);
    puts("\nExit status:");
    const int width = widest_status(command->exit_statuses);
    for (const char *const *status = command->exit_statuses; *status; status++) {
        const int size = status_size(*status);
        printf("  %-*.*s  ", width, size, *status);
        print_wrapped(*status + size + 2, width + 4);
    }
    return close_stdout();
}

/* ---- Man page ---- */

/* Text as roff has it: nothing of it is a request or an escape sequence. */
static void print_roff(const char *text) {
    if (*text == '.' || *text == '\'') fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '-') fputs("\\-", stdout);
        else if (*text == '\\') fputs("\\e", stdout);
        else putchar(*text);
    }
}

static void print_roff_line(const char *before, const char *text) {
    fputs(before, stdout);
    print_roff(text);
    putchar('\n');
}

static void print_roff_option(const struct option *option) {
    char values[1024];
    if (!is_option(option)) {
        print_roff_line(".SS ", option->help);
        return;
    }
    puts(".TP");
    if (option->letter) printf("\\fB\\-%c\\fR, ", option->letter);
    print_roff_line("\\fB\\-\\-", option->name);
    if (option->value)
        printf("\\fR\\c\n%s\\fI%s\\fR%s\n", option->value_is_optional ? "[=" : "=", option->value,
               option->value_is_optional ? "]" : "");
    else puts("\\fR\\c\n");
    print_roff(option->help);
    puts(".");
    if (option->choice) {
        puts(".br");
        print_roff_line("One of ", allowed_values(option, values, sizeof values));
    }
}

static void print_roff_paragraphs(const char *const *paragraphs) {
    for (const char *before = ""; *paragraphs; paragraphs++, before = ".PP\n")
        print_roff_line(before, *paragraphs);
}

static int print_man_page(const struct command *command) {
    printf(".TH %s 1 \"\" \"%s %s\" \"User Commands\"\n", command->name, command->name, ASM_VERSION);
    print_roff_line(".SH NAME\n", command->name);
    print_roff_line("\\- ", command->purpose);
    printf(".SH SYNOPSIS\n.B %s\n", command->name);
    print_roff_line("", command->usage);
    puts(".SH DESCRIPTION");
    print_roff_paragraphs(command->description);
    puts(".SH OPTIONS");
    for (size_t i = 0; i < command->option_count; i++)
        print_roff_option(&command->options[i]);
    puts(".SH NOTES");
    print_roff_paragraphs(command->notes);
    puts(".SH EXAMPLES");
    for (const struct example *example = command->examples; example->command; example++) {
        print_roff_line(".TP\n", example->purpose);
        print_roff_line(".B ", example->command);
    }
    puts(".SH EXIT STATUS");
    for (const char *const *status = command->exit_statuses; *status; status++) {
        const int size = status_size(*status);
        printf(".TP\n.B %.*s\n", size, *status);
        print_roff(*status + size + 2);
        putchar('\n');
    }
    return close_stdout();
}

/* ---- Completions ---- */

/* A shell's function for the program: "_asm_cat". */
static void print_function_name(const struct command *command) {
    putchar('_');
    for (const char *p = command->name; *p; p++)
        putchar(*p == '-' ? '_' : *p);
}

static void print_words(const struct option *option) {
    const char *name;
    for (int i = 0; (name = option->choice(i)) != NULL; i++)
        printf("%s%s", i ? " " : "", name);
}

static void print_bash(const struct command *command) {
    print_function_name(command);
    puts("() {\n    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\" option\n"
         "    COMPREPLY=()\n    compopt -o filenames 2>/dev/null\n"
         "    if [[ $cur == '=' ]]; then cur=; option=$prev\n"
         "    elif [[ $prev == '=' ]]; then option=\"${COMP_WORDS[COMP_CWORD-2]}\"\n"
         "    else option=$prev; fi\n    case \"$option\" in");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option *option = &command->options[i];
        if (!is_option(option) || !option->choice) continue;
        if (option->letter) printf("    -%c|", option->letter);
        else printf("    ");
        printf("--%s) COMPREPLY=($(compgen -W '", option->name);
        print_words(option);
        puts("' -- \"$cur\")); return ;;");
    }
    puts("    esac\n    if [[ $cur == -* ]]; then\n        compopt +o filenames 2>/dev/null\n"
         "        COMPREPLY=($(compgen -W '");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option *option = &command->options[i];
        if (!is_option(option)) continue;
        printf("            --%s%s\n", option->name, option->value && !option->value_is_optional ? "=" : "");
    }
    puts(
        "            ' -- \"$cur\"))\n        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
        "    else\n        COMPREPLY=($(compgen -f -- \"$cur\"))\n    fi\n}");
    fputs("complete -F ", stdout);
    print_function_name(command);
    printf(" %s\n", command->name);
}

/* Text between single quotes; `also` are characters that get a backslash. */
static void print_quoted(const char *text, const char *also) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
            continue;
        }
        if (strchr(also, *text)) putchar('\\');
        putchar(*text);
    }
}

static void print_zsh(const struct command *command) {
    printf("#compdef %s\n", command->name);
    puts("_arguments -s -S \\");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option *option = &command->options[i];
        if (!is_option(option)) continue;
        for (int is_short = option->letter ? 1 : 0; is_short >= 0; is_short--) {
            if (is_short) printf("  '*-%c%s[", option->letter, option->value ? "+" : "");
            else
                printf("  '*--%s%s[", option->name,
                       !option->value              ? ""
                       : option->value_is_optional ? "=-"
                                                   : "=");
            print_quoted(option->help, "[]:\\");
            putchar(']');
            if (option->value) printf("%s%s:", option->value_is_optional ? "::" : ":", option->value);
            if (option->choice) {
                putchar('(');
                print_words(option);
                putchar(')');
            } else if (option->value_is_file) {
                fputs("_files", stdout);
            }
            puts("' \\");
        }
    }
    puts("  '*:file:_files'");
}

static void print_fish(const struct command *command) {
    for (size_t i = 0; i < command->option_count; i++) {
        const struct option *option = &command->options[i];
        if (!is_option(option)) continue;
        printf("complete -c %s", command->name);
        if (option->letter) printf(" -s %c", option->letter);
        printf(" -l %s", option->name);
        if (option->value && !option->value_is_optional) fputs(option->value_is_file ? " -r" : " -x", stdout);
        if (option->choice) {
            fputs(" -a '", stdout);
            print_words(option);
            putchar('\'');
        }
        fputs(" -d '", stdout);
        print_quoted(option->help, "\\");
        puts("'");
    }
}

static int print_completions(const struct command *command, int shell) {
    if (shell == 0) print_bash(command);
    if (shell == 1) print_zsh(command);
    if (shell == 2) print_fish(command);
    return close_stdout();
}
