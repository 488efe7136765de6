# SPDX-License-Identifier: MIT
"""Device trees broken in every way that a fixed seed brings about: each made from QEMU's own."""
import functools
import random
import struct

from loader import (FDT_BEGIN_NODE, FDT_END, FDT_END_NODE, FDT_PROP, device_tree, header_word,
                    structure, with_structure)

COUNT = 200
SEED = 20
WORDS = [0, 1, 2, 3, 4, 8, 9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF]
SIZE_MAX = 2 << 20  # of a device tree, by the boot protocol


def flip_bits(blob, rng):
    changed = bytearray(blob)
    for _ in range(rng.choice([1, 4, 16, 64])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def replace_bytes(blob, rng):
    start = rng.randrange(len(blob))
    size = rng.randrange(1, 65)
    return (blob[:start] + rng.randbytes(size) + blob[start + size:])[:len(blob)]


def cut(blob, rng):
    """The end is missing; totalsize knows that, or not."""
    short = blob[:rng.randrange(40, len(blob))]
    return header_word(short, 1, len(short)) if rng.randrange(2) else short


def change_header(blob, rng):
    for _ in range(rng.choice([1, 1, 3])):
        value = rng.choice([*WORDS, len(blob), len(blob) - 4, rng.randrange(len(blob))])
        blob = header_word(blob, rng.randrange(10), value)
    return blob


def change_words(blob, rng):
    words = structure(blob)
    for _ in range(rng.choice([1, 4, 16])):
        words[rng.randrange(len(words))] = rng.choice(WORDS)
    return with_structure(blob, words)


def change_sizes(blob, rng):
    """What seems to be a property has another size."""
    words = structure(blob)
    places = [at for at, word in enumerate(words[:-1]) if word == FDT_PROP]
    for at in rng.sample(places, rng.choice([1, 3])):
        words[at + 1] = rng.choice([*WORDS, rng.randrange(64), rng.randrange(1 << 20)])
    return with_structure(blob, words)


def nest(blob, rng):
    """Nodes in nodes, ended or not, some of them with a name that is long."""
    depth = rng.choice([31, 32, 33, 100, 1000, 20000])
    name = [0x61616161] * rng.choice([0, 0, 10]) + [0]
    inside = [FDT_BEGIN_NODE, *name] * depth + [FDT_END_NODE] * rng.choice([depth, 0, depth + 1])
    return with_structure(blob, [*structure(blob)[:-2], *inside, FDT_END_NODE, FDT_END])


def grow(blob, rng):
    """A property that is as large as fits, or larger, or all properties are the same one."""
    size = rng.choice([1 << 12, 1 << 16, SIZE_MAX - len(blob) - 20000, SIZE_MAX])
    value = [rng.choice([0, 0x41414141, 0x20202020])] * (size // 4)
    name = rng.randrange(300)
    words = structure(blob)
    after = 2 if rng.randrange(2) else len(words) - 2  # the root's BEGIN_NODE is two words
    return with_structure(blob, [*words[:after], FDT_PROP, size, name, *value, *words[after:]])


BREAKERS = [flip_bits, replace_bytes, cut, change_header, change_words, change_sizes, nest, grow]
NAMES = [f"{i}-{BREAKERS[i % len(BREAKERS)].__name__}" for i in range(COUNT)]


@functools.lru_cache(maxsize=1)
def intact():
    return device_tree()


def broken(index):
    """Number @index of the corpus; the same whichever others are made."""
    blob = BREAKERS[index % len(BREAKERS)](intact(), random.Random(f"{SEED} {index}"))
    struct.unpack_from(">10I", blob)  # the header is there, whatever it says
    return blob
