/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURN_MS 10
#define BATCH 256

static int epoll_fd = -1;

void die(const char *what)
{
    fprintf(stderr, "pointsman-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

void loop_init(void)
{
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1");
}

static void control(int op, struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};

    if (epoll_ctl(epoll_fd, op, w->fd, &e) < 0)
        die("epoll_ctl");
}

void loop_add(struct watch *w, uint32_t events)
{
    control(EPOLL_CTL_ADD, w, events);
}

void loop_change(struct watch *w, uint32_t events)
{
    control(EPOLL_CTL_MOD, w, events);
}

void loop_close(struct watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

void loop_turn(void)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(epoll_fd, events, BATCH, TURN_MS);

    if (n < 0 && errno != EINTR)
        die("epoll_wait");
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;

        if (w->fd >= 0)
            w->ready(w, events[i].events);
    }
}

static void without_delay(int fd)
{
    int on = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        die("TCP_NODELAY");
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

int loop_connect(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        die("socket");
    without_delay(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

int loop_listen(uint16_t *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t n = sizeof(address);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (struct sockaddr *)&address, n) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) < 0)
        die("listen");
    *port = ntohs(address.sin_port);
    return fd;
}

int loop_accept(int fd)
{
    int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (peer >= 0)
        without_delay(peer);
    return peer;
}
