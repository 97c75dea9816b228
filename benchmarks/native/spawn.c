/* spawn COUNT PROGRAM [ARGUMENT...]: run the program COUNT times, one after the other.
   Prints CLOCK_MONOTONIC in ns before every start, and once at the end. */
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    long count = atol(argv[1]);
    int64_t *times = malloc((size_t)(count + 1) * sizeof *times);
    if (!times) return 2;
    for (long i = 0; i < count; i++) {
        pid_t child;
        int status;
        times[i] = now();
        if (posix_spawn(&child, argv[2], NULL, NULL, argv + 2, environ)) return 1;
        if (waitpid(child, &status, 0) < 0 || status) return 1;
    }
    times[count] = now();
    for (long i = 0; i <= count; i++) printf("%lld\n", (long long)times[i]);
    return 0;
}
