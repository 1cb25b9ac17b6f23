/* SPDX-License-Identifier: MIT OR Unlicense */
/* A file that is read, and followed as it grows, is cut, rewritten or replaced. */
#ifndef TOOLS_INPUT_H
#define TOOLS_INPUT_H

#include "remote.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { KEPT_BYTES = 4096 };

struct input {
    int fd; /* -1: not open */
    bool is_file;
    struct remote remote;         /* what gives the events of an address */
    bool is_followed;             /* looked at: a read that finds something else before its bytes has none */
    off_t position;               /* how much was read */
    size_t first, last;           /* bytes of the following */
    char first_bytes[KEPT_BYTES]; /* what the file began with */
    char last_bytes[KEPT_BYTES];  /* what was read last */
};

/* What became of a file since it was read to its end. */
enum input_news {
    INPUT_SAME,      /* nothing, or it grew: read on */
    INPUT_CUT,       /* it is shorter than what was read: what is read next is its beginning */
    INPUT_REWRITTEN, /* something else stands where it was read: what is read next is its beginning */
    INPUT_REPLACED   /* another file has its name now: read this one to its end, then call input_reopen() */
};

/* Opens `path`, "-" for standard input, or an address (remote.h), of which reads do not block; `follows`: with the
 * events to come. False, with errno. */
bool input_open(struct input *input, const char *path, bool follows);

/* As read(). Once input_look() was called, 0 as well when the file was rewritten since: the next look tells. */
ssize_t input_read(struct input *input, char *data, size_t size);

enum input_news input_look(struct input *input, const char *path);

/* Goes on with the file that has the name now; false, with errno, if it cannot be opened, and then nothing is changed. */
bool input_reopen(struct input *input, const char *path);

/* False if an address failed, which was said. */
bool input_close(struct input *input);

#endif
