# Calls the functions that PythonLog names; started by spreadlogd with `python3 -c`.
#
# Frames on standard input (docs/modules.md) are read exactly one at a time: what has not been
# read is given to the next interpreter when a function raises. The trace of it goes to standard
# error, and from there to the log of spreadlogd.

import sys

# `-c` looks for modules in the working directory first; PythonLib says where they are.
sys.path[:] = [place for place in sys.path if place]

import importlib
import os
import struct


def take(frames, length):
    parts = []
    while length > 0:
        part = os.read(frames, length)
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def fields(payload, count):
    found = []
    for _ in range(count):
        (length,) = struct.unpack_from(">H", payload)
        found.append(text(payload[2 : 2 + length]))
        payload = payload[2 + length :]
    return found + [text(payload)]


# Any bytes are a str; `.encode("utf-8", "surrogateescape")` gives exactly them back.
def text(value):
    return value.decode("utf-8", "surrogateescape")


# `module.f`, or `f` of the first imported module that has one.
def find(name, modules):
    place, _, function = name.rpartition(".")
    if place:
        return getattr(importlib.import_module(place), function)
    for module in modules:
        if hasattr(module, name):
            return getattr(module, name)
    raise NameError("no function %r in the modules of PythonImport" % name)


def run(arguments):
    # Functions may read standard input: it is empty.
    frames = os.dup(0)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    pairs = list(zip(arguments[::2], arguments[1::2]))
    sys.path[:0] = [value for option, value in pairs if option == "--lib"]
    # As the original's `import a.b` would: the module itself, not its package.
    modules = [importlib.import_module(value) for option, value in pairs if option == "--import"]
    functions = {}
    while True:
        length = take(frames, 4)
        frame = length and take(frames, struct.unpack(">I", length)[0])
        if not frame or frame[0] == 4:
            return
        if frame[0] == 1:
            (version,) = struct.unpack(">H", frame[1:])
            if version != 1:
                raise SystemExit("spreadlogd speaks version %d, this is for 1" % version)
        elif frame[0] == 5:
            name, sender, group, line = fields(frame[1:], 3)
            if name not in functions:
                functions[name] = find(name, modules)
            functions[name](sender, group, line)


arguments = sys.argv[1:]
del sys.argv[1:]
run(arguments)
