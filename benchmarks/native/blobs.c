/* Blob requests over kept connections with next to no work at this end, and a bare server to compare with.

   blobs send PORT CONNECTIONS FIRST COUNT VERB TARGET SIZE STATUS
       COUNT requests, one outstanding on each connection. A # in TARGET is the request's number, from
       FIRST on, in seven digits. A PUT carries SIZE bytes; an answer to GET has to have SIZE bytes, and
       those of a small one are compared. Every answer has to have STATUS. Prints the seconds taken.
   blobs list PORT TARGET
       Follows NextMarker to the end. Prints the seconds taken, the names, the requests and the bytes.
   blobs bare DIRECTORY
       Prints the port it listens on, then until its input ends: keeps what a PUT carries in a file of
       the connection, with fdatasync before the answer; answers a GET with the path's number of bytes.

   Everything is on 127.0.0.1. Ends with 1 and a line on stderr when an answer is not as it should be. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, PATTERN = 1 << 16, MOST_CONNECTIONS = 256 };
enum part { HEAD, BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

struct answer {
    enum part part;
    int status;
    int64_t left; /* of the body or of the chunk */
    int64_t got;  /* bytes of the body so far */
    int differs;
    char *kept;   /* the whole body, when it is wanted */
    size_t room;
};

struct connection {
    int socket;
    size_t from, have; /* what is in the buffer and not yet looked at */
    struct answer answer;
    char buffer[BUFFER];
};

static char pattern[PATTERN];

static void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void undelayed(int socket) {
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in local(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct connection *connected(int port) {
    struct connection *c = calloc(1, sizeof *c);
    struct sockaddr_in address = local(port);
    if (!c || (c->socket = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("no socket");
    if (connect(c->socket, (struct sockaddr *)&address, sizeof address)) fail("connect: %s", strerror(errno));
    undelayed(c->socket);
    return c;
}

/* Sends a head and SIZE bytes of the pattern; returns 0 when the other side is gone. */
static int send_all(int socket, const char *head, size_t head_size, int64_t size) {
    while (head_size || size) {
        struct iovec parts[17];
        int count = 0;
        int64_t rest = size;
        if (head_size) parts[count++] = (struct iovec){(void *)head, head_size};
        for (; rest > 0 && count < 17; count++) {
            size_t offset = (size_t)((size - rest) ? 0 : (PATTERN - size % PATTERN) % PATTERN);
            size_t length = PATTERN - offset;
            parts[count] = (struct iovec){pattern + offset, length};
            rest -= (int64_t)length;
        }
        ssize_t sent = writev(socket, parts, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return 0;
        size_t of_head = (size_t)sent < head_size ? (size_t)sent : head_size;
        head += of_head, head_size -= of_head;
        size -= sent - (ssize_t)of_head;
    }
    return 1;
}

/* The bytes of a body end where the pattern ends, as send_all makes them. */
static void compare(struct answer *a, const char *data, size_t size, int64_t whole) {
    if (whole > PATTERN || a->got + (int64_t)size > whole) return;
    a->differs |= memcmp(data, pattern + PATTERN - whole + a->got, size) != 0;
}

static void keep(struct answer *a, const char *data, size_t size) {
    if (!a->kept) return;
    if ((size_t)a->got + size + 1 > a->room) {
        a->room = 2 * ((size_t)a->got + size + 1);
        if (!(a->kept = realloc(a->kept, a->room))) fail("out of memory");
    }
    memcpy(a->kept + a->got, data, size);
    a->kept[(size_t)a->got + size] = 0;
}

static const char *header(const char *head, const char *name) {
    size_t size = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (!strncasecmp(line, name, size) && line[size] == ':') {
            for (line += size + 1; *line == ' '; line++) {}
            return line;
        }
    }
    return NULL;
}

static int read_head(struct answer *a, char *head, size_t size) {
    head[size - 1] = 0;
    if (sscanf(head, "HTTP/1.1 %d", &a->status) != 1) fail("not an answer: %.40s", head);
    const char *length = header(head, "content-length"), *coding = header(head, "transfer-encoding");
    a->got = 0;
    if (coding && !strncasecmp(coding, "chunked", 7)) {
        a->part = CHUNK_SIZE;
        return 0;
    }
    if (!length && a->status != 204 && a->status != 304) fail("%d without a length", a->status);
    a->left = length ? atoll(length) : 0;
    a->part = a->left ? BODY : HEAD;
    return !a->left;
}

/* Looks at what is in the buffer; returns 1 when an answer has come to its end, 0 when more is needed. */
static int advance(struct connection *c, int64_t whole) {
    struct answer *a = &c->answer;
    int done = 0;
    while (c->have && !done) {
        char *data = c->buffer + c->from;
        size_t used;
        if (a->part == BODY || a->part == CHUNK) {
            used = (int64_t)c->have < a->left ? c->have : (size_t)a->left;
            compare(a, data, used, whole);
            keep(a, data, used);
            a->got += (int64_t)used, a->left -= (int64_t)used;
            if (!a->left) done = a->part == BODY, a->part = done ? HEAD : CHUNK_END;
        } else {
            const char *mark = a->part == HEAD ? "\r\n\r\n" : "\r\n";
            char *end = memmem(data, c->have, mark, strlen(mark));
            if (!end) break;
            used = (size_t)(end - data) + strlen(mark);
            if (a->part == HEAD) done = read_head(a, data, used);
            else if (a->part == CHUNK_END) a->part = CHUNK_SIZE;
            else if (a->part == CHUNK_SIZE) a->left = strtoll(data, NULL, 16), a->part = a->left ? CHUNK : TRAILER;
            else if (used == 2) done = 1, a->part = HEAD;
        }
        c->from += used, c->have -= used;
    }
    memmove(c->buffer, c->buffer + c->from, c->have);
    c->from = 0;
    return done;
}

static void receive(struct connection *c) {
    size_t end = c->from + c->have;
    if (end == BUFFER) fail("a head that is too long");
    ssize_t got = recv(c->socket, c->buffer + end, BUFFER - end, 0);
    if (got < 0) fail("receive: %s", strerror(errno));
    if (!got) fail("the connection was closed");
    c->have += (size_t)got;
}

static void ask(struct connection *c, int port, const char *verb, const char *target, long number, int64_t size) {
    char head[4096], name[8];
    const char *place = strchr(target, '#');
    int before = place ? (int)(place - target) : (int)strlen(target), put = !strcmp(verb, "PUT");
    snprintf(name, sizeof name, "%07ld", number);
    int used = snprintf(head, sizeof head, "%s %.*s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-ms-version: 2023-11-03\r\n",
                        verb, before, target, place ? name : "", place ? place + 1 : "", port);
    if (put && used < (int)sizeof head)
        used += snprintf(head + used, sizeof head - (size_t)used,
                         "x-ms-blob-type: BlockBlob\r\nContent-Length: %lld\r\n", (long long)size);
    if (used + 2 >= (int)sizeof head) fail("a target that is too long");
    memcpy(head + used, "\r\n", 2);
    if (!send_all(c->socket, head, (size_t)used + 2, put ? size : 0)) fail("send: %s", strerror(errno));
}

static int send_many(char **argument) {
    int port = atoi(argument[0]), count = atoi(argument[1]), get = !strcmp(argument[4], "GET");
    long next = atol(argument[2]), left = atol(argument[3]), last = next + left;
    int64_t size = atoll(argument[6]);
    int status = atoi(argument[7]);
    struct connection *all[MOST_CONNECTIONS];
    struct pollfd ready[MOST_CONNECTIONS];
    if (count < 1 || count > MOST_CONNECTIONS || left < count) fail("1 to %d connections", MOST_CONNECTIONS);
    for (int i = 0; i < count; i++) {
        all[i] = connected(port);
        ready[i] = (struct pollfd){.fd = all[i]->socket, .events = POLLIN};
    }
    double began = now();
    for (int i = 0; i < count; i++) ask(all[i], port, argument[4], argument[5], next++, size);
    while (left) {
        if (poll(ready, (nfds_t)count, 60000) <= 0) fail("no answer in 60 s");
        for (int i = 0; i < count; i++) {
            if (!ready[i].revents) continue;
            receive(all[i]);
            if (!advance(all[i], get ? size : 0)) continue;
            const struct answer *a = &all[i]->answer;
            if (a->status != status) fail("%s %s: %d, not %d", argument[4], argument[5], a->status, status);
            if (get && (a->got != size || a->differs)) fail("not what was put: %lld bytes", (long long)a->got);
            left--;
            if (next < last) ask(all[i], port, argument[4], argument[5], next++, size);
        }
    }
    printf("%.9f\n", now() - began);
    return 0;
}

/* The target of the next page: the marker, unescaped from XML and escaped for an URL; 0 on the last. */
static int next_page(const char *body, const char *first, char *target, size_t room) {
    const char *from = strstr(body, "<NextMarker>"), *end = strstr(body, "</NextMarker>");
    if (!from || !end) return 0;
    size_t used = (size_t)snprintf(target, room, "%s&marker=", first), empty = used;
    for (from += strlen("<NextMarker>"); from < end; from++) {
        if (!strncmp(from, "&amp;", 5)) used += (size_t)snprintf(target + used, room - used, "%%26"), from += 4;
        else used += (size_t)snprintf(target + used, room - used, "%%%02X", (unsigned char)*from);
        if (used + 4 > room) fail("a marker that is too long");
    }
    return used > empty;
}

static int list(char **argument) {
    int port = atoi(argument[0]);
    struct connection *c = connected(port);
    struct answer *a = &c->answer;
    char target[4096];
    long names = 0, requests = 0, bytes = 0;
    a->room = 1 << 20;
    if (!(a->kept = malloc(a->room))) fail("out of memory");
    snprintf(target, sizeof target, "%s", argument[1]);
    double began = now();
    do {
        ask(c, port, "GET", target, 0, 0);
        do receive(c);
        while (!advance(c, 0));
        if (a->status != 200) fail("%s: %d", target, a->status);
        for (const char *at = a->kept; (at = strstr(at, "<Blob>")); at++) names++;
        requests++, bytes += a->got;
    } while (next_page(a->kept, argument[1], target, sizeof target));
    printf("%.9f %ld %ld %ld\n", now() - began, names, requests, bytes);
    return 0;
}

static const char *directory;

/* Writes a body over what the file has and syncs it. */
static void store(struct connection *c, int file, int64_t size) {
    if (lseek(file, 0, SEEK_SET)) fail("the file: %s", strerror(errno));
    while (size) {
        if (!c->have) c->from = 0, receive(c);
        size_t part = (int64_t)c->have < size ? c->have : (size_t)size;
        if (write(file, c->buffer + c->from, part) != (ssize_t)part) fail("the file: %s", strerror(errno));
        c->from += part, c->have -= part, size -= (int64_t)part;
    }
    if (fdatasync(file)) fail("the file: %s", strerror(errno));
}

static void *answer_one(void *given) {
    struct connection *c = given;
    char head[256], path[4096];
    snprintf(path, sizeof path, "%s/%d", directory, c->socket);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) fail("the file: %s", strerror(errno));
    for (;;) {
        char *end;
        while (!(end = memmem(c->buffer + c->from, c->have, "\r\n\r\n", 4))) {
            memmove(c->buffer, c->buffer + c->from, c->have);
            c->from = 0;
            ssize_t got = recv(c->socket, c->buffer + c->have, BUFFER - c->have, 0);
            if (got <= 0) return close(file), close(c->socket), free(c), NULL;
            c->have += (size_t)got;
        }
        char *data = c->buffer + c->from;
        size_t used = (size_t)(end - data) + 4;
        int put = !strncmp(data, "PUT", 3);
        int64_t size = 0;
        end[2] = 0;
        if (put) size = atoll(header(data, "content-length"));
        else sscanf(data, "GET /%ld", &size);
        c->from += used, c->have -= used;
        if (put) store(c, file, size);
        int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lld\r\n\r\n",
                              put ? "201 Created" : "200 OK", put ? 0LL : (long long)size);
        if (!send_all(c->socket, head, (size_t)length, put ? 0 : size)) return NULL;
    }
}

static _Noreturn void *accept_all(void *given) {
    int listening = *(int *)given;
    for (;;) {
        struct connection *c = calloc(1, sizeof *c);
        pthread_t thread;
        if (!c || (c->socket = accept(listening, NULL, NULL)) < 0) fail("accept: %s", strerror(errno));
        undelayed(c->socket);
        if (pthread_create(&thread, NULL, answer_one, c)) fail("no thread");
        pthread_detach(thread);
    }
}

static int bare(char **argument) {
    struct sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    directory = argument[0];
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, size) || listen(listening, 64) ||
        getsockname(listening, (struct sockaddr *)&address, &size))
        fail("listen: %s", strerror(errno));
    if (pthread_create(&thread, NULL, accept_all, &listening)) fail("no thread");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (getchar() != EOF) {}
    return 0;
}

int main(int count, char **argument) {
    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < PATTERN; i++) pattern[i] = (char)(i * 131 + (i >> 8));
    if (count == 10 && !strcmp(argument[1], "send")) return send_many(argument + 2);
    if (count == 4 && !strcmp(argument[1], "list")) return list(argument + 2);
    if (count == 3 && !strcmp(argument[1], "bare")) return bare(argument + 2);
    return 2;
}
