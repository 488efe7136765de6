# SPDX-License-Identifier: MIT
"""What a set of mappings needs, by arithmetic alone: leaf descriptors and tables. Written from the
manual (Arm DDI 0487, D8.2); it shares nothing with the Image, and reads no table.
"""


def levels(granule_shift, va_bits):
    """The levels of a walk, from the root's number to 3."""
    return range(4 - -(-(va_bits - granule_shift) // (granule_shift - 3)), 4)


def level_shift(granule_shift, level):
    return granule_shift + (3 - level) * (granule_shift - 3)


def block_levels(granule_shift, wide):
    """Where a block may stand. @wide: descriptors for 52-bit addresses."""
    return {12: (0, 1, 2) if wide else (1, 2), 14: (1, 2) if wide else (2,),
            16: (1, 2) if wide else (2,)}[granule_shift]


def leaves(granule_shift, va_bits, wide, start, end, pa):
    """[(address, level)] of the fewest leaves that map [start, end) to @pa on."""
    allowed = [level for level in levels(granule_shift, va_bits)
               if level == 3 or level in block_levels(granule_shift, wide)]
    found = []
    while start < end:
        for level in allowed:
            size = 1 << level_shift(granule_shift, level)
            if (start | pa) % size == 0 and end - start >= size:
                break
        found.append((start, level))
        start, pa = start + size, pa + size
    return found


def tables(granule_shift, va_bits, mapped):
    """{level: how many tables} that hold @mapped, a list of (address, level of its leaf)."""
    root = levels(granule_shift, va_bits)[0]
    found = {(root, 0)}
    for address, leaf in mapped:
        address %= 1 << va_bits
        found |= {(level, address >> level_shift(granule_shift, level - 1))
                  for level in range(root + 1, leaf + 1)}
    return {level: sum(at == level for at, _ in found) for level in range(root, 4)}


def table_bytes(granule_shift, va_bits, counts):
    """Bytes of the descriptors in such tables; a root may be shorter than a page."""
    root = levels(granule_shift, va_bits)[0]
    full = 1 << granule_shift
    return sum(counts.values()) * full - full + (8 << (va_bits - level_shift(granule_shift, root)))
