#!/usr/bin/env python3
"""Makes weights/tokenizers/entities.c: the names of HTML's character references, from Python's own table of them.

    python3 tests/make_entities.py > weights/tokenizers/entities.c
"""
from html.entities import html5

HEADER = """/* entities.c: the names of HTML's character references, as the HTML standard lists them.
 *
 * Made by tests/make_entities.py from the table of Python's html.entities. */
#include "weights/tokenizers/entities.h"

const struct vit_entity vit_entities[VIT_N_ENTITIES] = {"""


def rows():
    for name in sorted(key[:-1] for key in html5 if key.endswith(";")):
        chars = ", ".join(hex(ord(c)) for c in html5[name + ";"])
        yield '{"%s", {%s}, %s},' % (name, chars, "true" if name in html5 else "false")


print(HEADER)
line = "   "
for row in rows():
    if len(line) + 1 + len(row) > 120:
        print(line)
        line = "   "
    line += " " + row
print(line)
print("};")
