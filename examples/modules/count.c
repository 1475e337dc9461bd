/*
 * A module for spreadlogd: counts lines, and writes how many there were so far
 * to a file at every HUP and at the end.
 *
 *     cc -o /usr/lib/spreadlogd/count count.c
 *
 *     ModuleDir = /usr/lib/spreadlogd
 *     LoadModule count /var/log/lines
 */

#include <stdio.h>
#include <stdlib.h>

enum kind { HELLO = 1, MESSAGE = 2, HUP = 3, STOP = 4 };

/* Frames are small; a message is 128 KiB at most. */
#define FRAME_MAX (1 << 20)

static unsigned char frame[FRAME_MAX];

/* Reads a frame; returns its length, or 0 at the end. */
static size_t read_frame(void)
{
    unsigned char head[4];
    size_t len;

    if (fread(head, 1, sizeof head, stdin) != sizeof head)
        return 0;
    len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (len == 0 || len > sizeof frame || fread(frame, 1, len, stdin) != len)
        return 0;
    return len;
}

/* Where the field after the one at `at` begins: a length of two bytes, and so many bytes. */
static size_t after_field(size_t at)
{
    return at + 2 + ((size_t)frame[at] << 8 | frame[at + 1]);
}

static unsigned long lines_of(size_t at, size_t end)
{
    unsigned long lines = 0;

    if (at < end && frame[end - 1] != '\n')
        lines++; /* the last one, which has no newline */
    for (; at < end; at++)
        lines += frame[at] == '\n';
    return lines;
}

static void report(const char *path, unsigned long lines)
{
    FILE *out = fopen(path, "a");

    if (out == NULL) {
        perror(path); /* standard error goes to spreadlogd's own log */
        exit(1);
    }
    fprintf(out, "%lu lines\n", lines);
    fclose(out);
}

int main(int argc, char **argv)
{
    unsigned long lines = 0;
    size_t len;

    if (argc != 2) {
        fprintf(stderr, "usage: LoadModule count FILE\n");
        return 1;
    }
    while ((len = read_frame()) > 0 && frame[0] != STOP) {
        if (frame[0] == HELLO && (frame[1] != 0 || frame[2] != 1)) {
            fprintf(stderr, "made for version 1\n");
            return 1;
        }
        if (frame[0] == MESSAGE)
            lines += lines_of(after_field(after_field(1)), len); /* sender, group */
        if (frame[0] == HUP)
            report(argv[1], lines);
    }
    report(argv[1], lines);
    return 0;
}
