/* SPDX-License-Identifier: MIT OR Unlicense */
#include "state.h"

#include "messages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST = 2048 };

static void make_directory(char *path, bool is_last) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST && is_last) die("%s: %s", path, strerror(errno));
}

char *state_directory(const char *program, const char *name) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = (char *)malloc(LONGEST);
    int size;
    if (!path) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    if (state && *state) size = snprintf(path, LONGEST, "%s/%s", state, program);
    else if (home && *home) size = snprintf(path, LONGEST, "%s/.local/state/%s", home, program);
    else die("neither XDG_STATE_HOME nor HOME says where to keep what %s has", program);
    if (name && size > 0 && size < LONGEST)
        size += snprintf(path + size, (size_t)(LONGEST - size), "/%s", name);
    if (size < 0 || size >= LONGEST) die("the name of the directory for what %s keeps is too long", program);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        make_directory(path, false);
        *slash = '/';
    }
    make_directory(path, true);
    return path;
}
