/* spawn COUNT AT_ONCE PROGRAM [ARGUMENT...]: run the program COUNT times, AT_ONCE of them at a time.
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

static int ended_well(void) {
    int status;
    return waitpid(-1, &status, 0) > 0 && status == 0;
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    long count = atol(argv[1]), at_once = atol(argv[2]), running = 0;
    int64_t *times = malloc((size_t)(count + 1) * sizeof *times);
    if (!times || at_once < 1) return 2;
    for (long i = 0; i < count; i++) {
        pid_t child;
        if (running == at_once) {
            if (!ended_well()) return 1;
            running--;
        }
        times[i] = now();
        if (posix_spawn(&child, argv[3], NULL, NULL, argv + 3, environ)) return 1;
        running++;
    }
    for (; running; running--)
        if (!ended_well()) return 1;
    times[count] = now();
    for (long i = 0; i <= count; i++) printf("%lld\n", (long long)times[i]);
    return 0;
}
