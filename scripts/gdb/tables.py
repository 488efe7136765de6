# SPDX-License-Identifier: MIT
"""A reader of translation tables for the debugger: from the values of TTBR, TCR and MAIR and from
physical memory, and from nothing that the kernel says. Written from the manual (Arm DDI 0487,
chapter D8, VMSAv8-64); shares no code with the Image or its tests, so that it means something where
they agree. Knows nothing of gdb. Trusts no table: depth and number of descriptors are bounded.
"""
import struct

DESCRIPTORS_MAX = 1 << 22
TYPES = {0xFF: "MEM/NORMAL", 0xF0: "MEM/NORMAL-TAGGED", 0x44: "MEM/NORMAL-NC",
         0x04: "DEVICE/nGnRE", 0x00: "DEVICE/nGnRnE"}
SHARE = ("non", "reserved", "outer", "inner")
TOP = 1 << 64


class TableError(Exception):
    """The registers or tables cannot be understood; the text says what is wrong."""


def cut(value, high, low):
    """The bits high..low of a value."""
    return value >> low & ~(~0 << (high - low + 1))


def size_text(size):
    """As the console has it: exact, in the largest unit that it is a multiple of."""
    unit = 0
    while unit < 6 and size and size % 1024 == 0 and size >= 1024:
        size //= 1024
        unit += 1
    return f"{size}{'BKMGTPE'[unit]}"


class Entry:
    """A descriptor and where a walk met it."""

    def __init__(self, tables, level, index, bits, inherited):
        self.tables, self.level, self.index, self.bits = tables, level, index, bits
        self.inherited = inherited  # bits 62:59 of the tables above, ORed

    @property
    def kind(self):
        if not self.bits & 1:
            return "invalid"
        if self.level == 3:
            return "page" if self.bits & 2 else "reserved"
        if self.bits & 2:
            return "table"
        return "block" if self.tables.block_at(self.level) else "reserved"

    @property
    def mapped(self):
        return self.kind in ("page", "block")

    @property
    def address(self):
        low = self.tables.granule_shift if self.kind == "table" else self.tables.shift(self.level)
        return self.tables.output(self.bits, low)

    @property
    def flags(self):
        """All of the descriptor but the address, and what it inherits."""
        return self.bits & ~self.tables.output_mask(self.tables.shift(self.level)), self.inherited

    def has(self, bit):
        return bool(self.bits >> bit & 1)

    def inherits(self, bit):
        return bool(self.inherited >> bit & 1)

    @property
    def write(self):
        return not self.has(7) and not self.inherits(62)

    @property
    def user(self):
        return self.has(6) and not self.inherits(61)

    @property
    def execute(self):
        # What EL0 can write is never executable at a higher level.
        return not self.has(53) and not self.inherits(59) and not (self.user and self.write)

    @property
    def no_user_execute(self):
        return self.has(54) or self.inherits(60)

    @property
    def type(self):
        return TYPES.get(cut(self.tables.mair, 8 * cut(self.bits, 4, 2) + 7,
                             8 * cut(self.bits, 4, 2)), "unknown type")

    @property
    def share(self):
        return SHARE[self.tables.tcr_share if self.tables.ds else cut(self.bits, 9, 8)]

    def columns(self):
        """The attributes in the columns of the console's ptdump."""
        shared = not self.tables.ds and self.share == "inner"
        words = ("RW" if self.write else "ro", "x " if self.execute else "NX",
                 "SHD" if shared else "   ", "AF" if self.has(10) else "  ",
                 "NG" if self.has(11) else "  ", "CON" if self.has(52) else "   ",
                 "BLK" if self.kind == "block" else "   ",
                 "UXN" if self.no_user_execute else "   ",
                 "GP" if self.has(50) else "  ", self.type)
        return " ".join(words) + (" USR" if self.user else "")


class El2Entry(Entry):
    """EL2 without E2H translates for itself alone: nothing of it is EL0's, and bit 54 is XN."""

    @property
    def user(self):
        return False

    @property
    def execute(self):
        return not self.has(54) and not self.inherits(60)

    @property
    def no_user_execute(self):
        return False


class Stage2Entry(Entry):
    """S2AP in bits 7:6, XN[1:0] in 54:53, the memory type itself in 5:2; nothing is inherited."""
    TYPES = {0xF: "MEM/NORMAL", 0x5: "MEM/NORMAL-NC", 1: "DEVICE/nGnRE", 0: "DEVICE/nGnRnE"}

    @property
    def write(self):
        return self.has(7)

    @property
    def user(self):
        return False

    @property
    def execute(self):
        return cut(self.bits, 54, 53) in (0, 3)

    @property
    def type(self):
        return self.TYPES.get(cut(self.bits, 5, 2), "unknown type")


class Tables:
    """The tables of one half: @upper, or the lower. @read(address, size) gives physical memory."""
    entry = Entry

    def __init__(self, tcr, ttbr, mair, upper, read):
        self.mair, self.upper, self.read_memory, self.taken = mair, upper, read, 0
        encoding = cut(tcr, 31, 30) if upper else cut(tcr, 15, 14)
        # TG0 and TG1 encode the page sizes differently: DDI 0487, TCR_EL1.
        granules = {1: 14, 2: 12, 3: 16} if upper else {0: 12, 1: 16, 2: 14}
        if encoding not in granules:
            raise TableError(f"TCR has the reserved page size {encoding}: {tcr:#018x}")
        self.granule_shift = granules[encoding]
        self.va_bits = 64 - (cut(tcr, 21, 16) if upper else cut(tcr, 5, 0))
        self.ds = bool(cut(tcr, 59, 59)) and self.granule_shift != 16
        self.tcr_share = cut(tcr, 29, 28) if upper else cut(tcr, 13, 12)
        self.off = bool(cut(tcr, 23, 23) if upper else cut(tcr, 7, 7))
        if not 25 <= self.va_bits <= (52 if self.ds or self.granule_shift == 16 else 48):
            raise TableError(f"TCR has a reserved size of {self.va_bits} bits: {tcr:#018x}")
        self.name = "kernel map" if upper else "identity map"
        self.stride = self.granule_shift - 3
        self.root_level = 4 - -(-(self.va_bits - self.granule_shift) // self.stride)
        self.start = TOP - (1 << self.va_bits) if upper else 0
        self.end = self.start + (1 << self.va_bits)
        wide = cut(tcr, 34, 32) == 6
        self.root = (cut(ttbr, 47, 6) << 6 | cut(ttbr, 5, 2) << 48) if wide else \
            cut(ttbr, 47, 1) << 1

    def shift(self, level):
        return self.granule_shift + (3 - level) * self.stride

    def block_at(self, level):
        if self.granule_shift == 12:
            return level in ((0, 1, 2) if self.ds else (1, 2))
        return level == 2 or level == 1 and (self.ds or self.granule_shift == 16)

    def entries(self, level):
        bits = self.va_bits - self.shift(level) if level == self.root_level else self.stride
        return 1 << bits

    def output_mask(self, low):
        if self.ds:
            return (1 << 50) - (1 << low) | 3 << 8
        return (1 << 48) - (1 << low) | (0xF << 12 if self.granule_shift == 16 else 0)

    def output(self, bits, low):
        if self.ds:
            return cut(bits, 49, low) << low | cut(bits, 9, 8) << 50
        high = cut(bits, 15, 12) << 48 if self.granule_shift == 16 else 0
        return cut(bits, 47, low) << low | high

    def contains(self, va):
        return self.start <= va < self.end

    def describe(self):
        """The head line of a dump, in the console's words."""
        return (f"{self.name}: {1 << self.granule_shift - 10}K pages, {self.va_bits}-bit "
                f"addresses, {4 - self.root_level} levels from level {self.root_level}"
                + (f", LPA2: {SHARE[self.tcr_share]} shareable (from TCR)" if self.ds else ""))

    def load(self, table, first, count):
        found = struct.unpack(f"<{count}Q", self.read_memory(table + 8 * first, 8 * count))
        # QEMU answers so where nothing is; no descriptor has all bits set.
        if all(bits == TOP - 1 for bits in found):
            raise TableError(f"no memory at physical address {table:#018x}, for a table")
        return found

    def walk(self, va):
        """The Entry at each level, until one that is no table."""
        table, inherited = self.root, 0
        for level in range(self.root_level, 4):
            index = va >> self.shift(level) & (self.entries(level) - 1)
            entry = self.entry(self, level, index, *self.load(table, index, 1), inherited)
            yield entry
            if entry.kind != "table":
                return
            table, inherited = entry.address, inherited | entry.bits & 0xF << 59

    def leaves(self):
        """(address, Entry) of everything mapped or reserved, by address."""
        self.taken = 0
        stack = [iter(self.table(self.root, self.root_level, self.start, 0))]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                continue
            va, entry = found
            if entry.kind == "table":
                stack.append(iter(self.table(entry.address, entry.level + 1, va,
                                             entry.inherited | entry.bits & 0xF << 59)))
            elif entry.kind != "invalid":
                yield va, entry

    def table(self, table, level, va, inherited):
        self.taken += self.entries(level)
        if self.taken > DESCRIPTORS_MAX:
            raise TableError(f"more than {DESCRIPTORS_MAX} descriptors: the tree is damaged")
        for index, bits in enumerate(self.load(table, 0, self.entries(level))):
            if bits & 1:
                yield (va + (index << self.shift(level)),
                       self.entry(self, level, index, bits, inherited))

    def runs(self):
        """(start, end, physical address, first Entry): maximal runs of entries equal in level and
        attributes and contiguous in physical address."""
        run = None
        for va, entry in self.leaves():
            size = 1 << self.shift(entry.level)
            if run and (run[1], run[2] + run[1] - run[0]) == (va, entry.address) and (
                    run[3].level, run[3].flags) == (entry.level, entry.flags):
                run[1] += size
                continue
            if run:
                yield tuple(run)
            run = [va, va + size, entry.address, entry]
        if run:
            yield tuple(run)


def as_el1(tcr):
    """TCR_EL2 without E2H, or VTCR_EL2: one half, PS in 18:16 and DS at bit 32, as TCR_EL1 has
    what both have."""
    return tcr & 0xFF3F | cut(tcr, 18, 16) << 32 | cut(tcr, 32, 32) << 59


class El2Tables(Tables):
    """What EL2 without E2H translates for itself."""
    entry = El2Entry

    def __init__(self, tcr, ttbr, mair, read):
        super().__init__(as_el1(tcr), ttbr, mair, False, read)
        self.name = "hypervisor's map"


class Stage2Tables(Tables):
    """What EL1's physical addresses are to EL2. The level that a walk begins at is said, and the
    root may be several tables side by side."""
    entry = Stage2Entry
    STARTS = {12: (2, 1, 0, 3), 14: (3, 2, 1, 0), 16: (3, 2, 1)}

    def __init__(self, vtcr, vttbr, read):
        super().__init__(as_el1(vtcr), cut(vttbr, 47, 0), 0, False, read)
        self.name = "stage 2"
        starts, code = self.STARTS[self.granule_shift], cut(vtcr, 7, 6)
        if code >= len(starts):
            raise TableError(f"VTCR_EL2 has a reserved start level: {vtcr:#018x}")
        self.root_level = -1 if self.ds and cut(vtcr, 33, 33) else starts[code]


def layout(tables):
    """[(name, start, end)] of the upper half, by the formulas in docs/design.md."""
    gib, mib = 1 << 30, 1 << 20
    bits = min(tables.va_bits, 47 if tables.granule_shift == 14 else 48)
    linear_end = TOP - (1 << bits - 1)
    pages = (linear_end - tables.start) >> tables.granule_shift
    vmemmap_end = TOP - gib
    vmemmap = vmemmap_end - 64 * pages
    return [("linear", tables.start, linear_end),
            ("modules", linear_end, linear_end + 2 * gib),
            ("vmalloc", linear_end + 2 * gib, vmemmap - 8 * mib),
            ("vmemmap", vmemmap, vmemmap_end),
            ("pci_io", vmemmap_end + 8 * mib, vmemmap_end + 24 * mib),
            ("fixmap", TOP - 14 * mib, TOP - 8 * mib)]
