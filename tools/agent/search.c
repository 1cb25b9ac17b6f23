/* SPDX-License-Identifier: MIT OR Unlicense */
#include "search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#ifdef __TINYC__ /* does not take the array of a length that an argument tells, which glibc has there */
#define __STDC_NO_VLA__ 1
#endif
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_LEVELS = 32,
    MOST_FOUND = 1000,           /* lines that are printed */
    LINE_SHOWN = 400,            /* bytes of a line that was found */
    FILE_LIMIT = 4 * 1024 * 1024 /* larger files are not searched */
};

/* ---- Going through directories, by name ---- */

struct level {
    int fd;
    char **names;
    size_t count, at;
    size_t path_size; /* of the directory's path */
};

struct walker {
    struct level levels[MAX_LEVELS];
    size_t depth;
    char path[PATH_MAX]; /* of the entry */
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_names(struct level *level) {
    DIR *entries = fdopendir(dup(level->fd));
    const struct dirent *entry;
    size_t room = 0;
    while (entries && (entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (level->count == room) {
            char **more = (char **)realloc(level->names, (2 * room + 64) * sizeof *more);
            if (!more) break;
            level->names = more;
            room = 2 * room + 64;
        }
        char *name = strdup(entry->d_name);
        if (!name) break;
        level->names[level->count++] = name;
    }
    if (entries) closedir(entries);
    if (level->count) qsort(level->names, level->count, sizeof *level->names, compare_names);
}

/* Goes into a directory, whose path stands in `path`. */
static void enter_directory(struct walker *walker, int fd) {
    struct level *level = &walker->levels[walker->depth++];
    memset(level, 0, sizeof *level);
    level->fd = fd;
    level->path_size = strlen(walker->path);
    read_names(level);
}

static void leave_directory(struct walker *walker) {
    struct level *level = &walker->levels[--walker->depth];
    for (size_t i = 0; i < level->count; i++)
        free(level->names[i]);
    free(level->names);
    close(level->fd);
}

/* Gives the next entry: its path stands in `path`, its name and directory in `place`. False at the end. */
static bool next_entry(struct walker *walker, struct place *place, struct stat *status) {
    while (walker->depth > 0) {
        struct level *level = &walker->levels[walker->depth - 1];
        if (level->at == level->count) {
            leave_directory(walker);
            continue;
        }
        const char *name = level->names[level->at++];
        const char *slash = level->path_size ? "/" : "";
        if (level->path_size + strlen(name) + 2 > sizeof walker->path || strlen(name) > NAME_MAX) continue;
        sprintf(walker->path + level->path_size, "%s%s", slash, name);
        if (fstatat(level->fd, name, status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        snprintf(place->name, sizeof place->name, "%s", name);
        place->directory = level->fd;
        return true;
    }
    return false;
}

static void enter_entry(struct walker *walker, const struct place *place) {
    if (walker->depth == MAX_LEVELS || strcmp(place->name, ".git") == 0) return;
    const int fd = openat(place->directory, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) enter_directory(walker, fd);
}

/* ---- Looking into files ---- */

struct finder {
    const struct search *search;
    FILE *out;
    regex_t expression;
    size_t found;
};

static bool is_full(const struct finder *finder) {
    return finder->found >= MOST_FOUND;
}

/* The whole file with a NUL after it; NULL for what is large, binary or no file. */
static char *read_searched(const struct place *place, size_t *size) {
    struct stat status;
    char *text = NULL;
    const int fd = openat(place->directory, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_LIMIT)
        text = (char *)malloc((size_t)status.st_size + 1);
    ssize_t got = text ? read(fd, text, (size_t)status.st_size) : 0;
    close(fd);
    if (!text || got < 0 || memchr(text, '\0', (size_t)got)) {
        free(text);
        return NULL;
    }
    text[got] = '\0';
    *size = (size_t)got;
    return text;
}

static void look_into(struct finder *finder, const struct place *place, const char *path) {
    size_t size;
    char *text = read_searched(place, &size);
    char *line = text;
    for (unsigned long number = 1; line && line < text + size && !is_full(finder); number++) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        if (regexec(&finder->expression, line, 0, NULL, 0) == 0) {
            fprintf(finder->out, "%s:%lu:%.*s%s\n", path, number, (int)LINE_SHOWN, line,
                    strlen(line) > LINE_SHOWN ? " [...]" : "");
            finder->found++;
        }
        line = end ? end + 1 : NULL;
    }
    free(text);
}

/* ---- All together ---- */

static bool is_wanted(const struct search *search, const char *name, const char *path) {
    return !search->glob || fnmatch(search->glob, name, 0) == 0 || fnmatch(search->glob, path, 0) == 0;
}

static void take_entry(struct finder *finder, struct walker *walker, const struct place *place,
                       const struct stat *status) {
    const struct search *search = finder->search;
    const bool is_directory = S_ISDIR(status->st_mode), is_file = S_ISREG(status->st_mode);
    if (is_wanted(search, place->name, walker->path)) {
        if (search->pattern && is_file) look_into(finder, place, walker->path);
        if (!search->pattern) {
            fprintf(finder->out, "%s%s\n", walker->path,
                    is_directory               ? "/"
                    : S_ISLNK(status->st_mode) ? "@"
                    : is_file                  ? ""
                                               : "|");
            finder->found++;
        }
    }
    if (is_directory && (search->pattern || search->is_deep)) enter_entry(walker, place);
}

static void search_all(struct finder *finder) {
    struct walker walker;
    struct place place;
    struct stat status;
    const struct search *search = finder->search;
    walker.depth = 0;
    snprintf(walker.path, sizeof walker.path, "%s", search->path);
    const int fd =
        openat(search->place.directory, search->place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) enter_directory(&walker, fd);
    else if (search->pattern) look_into(finder, &search->place, search->path);
    while (!is_full(finder) && next_entry(&walker, &place, &status))
        take_entry(finder, &walker, &place, &status);
    while (walker.depth > 0)
        leave_directory(&walker);
}

int search_run(void *user, int out) {
    struct finder finder = {(const struct search *)user, fdopen(out, "w"), {0}, 0};
    const struct search *search = finder.search;
    char why[256];
    if (!finder.out) return 2;
    if (search->pattern) {
        const int flags = REG_EXTENDED | REG_NOSUB | (search->ignores_case ? REG_ICASE : 0);
        const int error = regcomp(&finder.expression, search->pattern, flags);
        if (error != 0) {
            regerror(error, &finder.expression, why, sizeof why);
            fprintf(finder.out, "pattern: %s\n", why);
            return fflush(finder.out) == 0 ? 2 : 3;
        }
    }
    search_all(&finder);
    if (is_full(&finder)) fprintf(finder.out, "[the first %d only: narrow it down]\n", (int)MOST_FOUND);
    if (search->pattern) regfree(&finder.expression);
    return fclose(finder.out) == 0 && finder.found > 0 ? 0 : 1;
}
