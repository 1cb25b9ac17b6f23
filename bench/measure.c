/* Runs a command and says what it cost: measure RESULT-FILE COMMAND [ARGUMENT]...
 *
 * Appends `WALL USER SYSTEM PEAK` to RESULT-FILE: three times in seconds and the most memory that was ever in
 * use at once, in bytes. Its exit status is the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
    int status;
    struct rusage usage;
    if (argc < 3) {
        fputs("usage: measure RESULT-FILE COMMAND [ARGUMENT]...\n", stderr);
        return 2;
    }
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("measure");
        return 2;
    }
    double wall = now() - start;
    getrusage(RUSAGE_CHILDREN, &usage);
    FILE *result = fopen(argv[1], "a");
    if (result == NULL) {
        perror(argv[1]);
        return 2;
    }
    fprintf(result, "%.4f %.4f %.4f %.0f\n", wall, seconds(usage.ru_utime), seconds(usage.ru_stime),
            (double)usage.ru_maxrss * 1024);
    fclose(result);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
