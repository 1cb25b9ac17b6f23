/* Prints the corpus as JSON Lines.
 *
 *     print_corpus events COUNT            that many events, once
 *     print_corpus stream COUNT BYTES      the same over and over, until BYTES are reached
 *     print_corpus line BYTES              one event whose tool output has BYTES */
#include "corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Returns how many bytes there were. */
static size_t print_line(corpus_text line) {
    if (fwrite(line.data, 1, line.size, stdout) < line.size || putchar('\n') == EOF) {
        perror("print_corpus");
        exit(1);
    }
    return line.size + 1;
}

static size_t print_events(const corpus *events) {
    size_t bytes = 0;
    for (size_t i = 0; i < events->count; i++)
        bytes += print_line(events->events[i].line);
    return bytes;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    size_t number = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
    size_t bytes = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 0;
    if (strcmp(what, "line") == 0 && number > 0) print_line(corpus_long_line(number));
    else if ((strcmp(what, "events") == 0 || strcmp(what, "stream") == 0) && number > 0) {
        corpus events = corpus_create(number, &(corpus_choice){.kind = CORPUS_MIX});
        for (size_t done = print_events(&events); done < bytes;)
            done += print_events(&events);
    } else {
        fputs("usage: print_corpus events COUNT | stream COUNT BYTES | line BYTES\n", stderr);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
