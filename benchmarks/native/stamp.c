/* stamp FILE: append the task's id (a dash outside a task) and CLOCK_MONOTONIC in ns to a file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const char *id = getenv("AZ_BATCH_TASK_ID");
    char line[256];
    int file = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;
    int size = snprintf(line, sizeof line, "%.100s %lld\n", id ? id : "-",
                        (long long)t.tv_sec * 1000000000 + t.tv_nsec);
    return file < 0 || write(file, line, (size_t)size) != size;
}
