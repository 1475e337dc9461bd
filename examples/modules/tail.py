#!/usr/bin/env python3
"""A module for spreadlogd: writes every line, with its sender and group, to a file.

    ModuleDir = /usr/lib/spreadlogd
    LoadModule tail.py /var/log/tail.log
"""

import struct
import sys


def field(payload):
    (length,) = struct.unpack_from(">H", payload)
    return payload[2 : 2 + length], payload[2 + length :]


def frames(stream):
    while len(head := stream.read(4)) == 4:
        frame = stream.read(struct.unpack(">I", head)[0])
        yield frame[0], frame[1:]


def main(path):
    out = open(path, "ab")
    for kind, payload in frames(sys.stdin.buffer):
        if kind == 1 and payload != b"\0\1":
            raise SystemExit("made for version 1")
        if kind == 2:
            sender, payload = field(payload)
            group, body = field(payload)
            for line in body.splitlines():
                out.write(b"%s %s: %s\n" % (sender, group, line))
            out.flush()
        if kind == 3:
            # The file may have been moved away: go on in a new one.
            out.write(b"(hup)\n")
            out.close()
            out = open(path, "ab")
        if kind == 4:
            break
        # Other kinds are for other readers, or of a later version that says so in its hello.


main(sys.argv[1])
