# SPDX-License-Identifier: MIT
"""A reader of translation tables for the debugger: from the values of TTBR, TCR and MAIR and from
physical memory, and from nothing that the kernel says. Written from the manual (Arm DDI 0487,
chapter D8, VMSAv8-64); shares no code with the Image or its tests, so that it means something where
they agree. Knows nothing of gdb. Trusts no table: depth and number of descriptors are bounded.
"""
import functools
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
    shared = None  # the Entry of the page that all of it is, where tables are shared: KASAN's

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
        return self.kind in ("page", "block") or self.shared is not None

    @property
    def physical(self):
        """What it maps begins here."""
        return (self.shared or self).address

    @property
    def address(self):
        """A table's, or where what it maps begins."""
        low = self.tables.granule_shift if self.kind == "table" else self.tables.shift(self.level)
        return self.tables.output(self.bits, low)

    @property
    def flags(self):
        """All of the descriptor but the address, and what it inherits."""
        return self.bits & ~self.tables.output_mask(self.tables.shift(self.level)), self.inherited

    @property
    def likeness(self):
        """What is the same for all of a run: with shared tables that is the address, too."""
        return self.level, (self.bits, self.inherited) if self.shared else self.flags, \
            self.shared is None

    @property
    def handed_down(self):
        """What the descriptors in a table inherit."""
        return self.inherited | self.bits & 0xF << 59

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
        leaf = self.shared or self
        access = f"{'RW' if leaf.write else 'ro'} {'x ' if leaf.execute else 'NX'}"
        if self.shared:
            return f"{access} shared: " + ("this page" if self is leaf else (
                f"table of level {self.level + 1} at 0x{self.address:016x}"))
        shared = not self.tables.ds and self.share == "inner"
        words = (access, "SHD" if shared else "   ", "AF" if self.has(10) else "  ",
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
    """The tables of one half: @upper, or the lower. @read(address, size) gives physical memory,
    which stays as it is: each table is read once."""
    entry = Entry

    def __init__(self, tcr, ttbr, mair, upper, read):
        self.mair, self.upper, self.read_memory, self.taken = mair, upper, read, 0
        self.read_already = {}
        self.alike = {}  # of tables below the root: the descriptor that all of it is, or 0
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

    def contents(self, table, count):
        """All of a table; who reads all of the tables looks at each more than once."""
        if (table, count) not in self.read_already:
            self.read_already[table, count] = self.load(table, 0, count)
        return self.read_already[table, count]

    def walk(self, va):
        """The Entry at each level, until one that is no table."""
        table, inherited = self.root, 0
        for level in range(self.root_level, 4):
            index = va >> self.shift(level) & (self.entries(level) - 1)
            entry = self.entry(self, level, index, *self.load(table, index, 1), inherited)
            yield entry
            if entry.kind != "table":
                return
            table, inherited = entry.address, entry.handed_down

    def below(self, entry):
        """The Entry at the next level that all of @entry's table is; None: it is not all alike."""
        if entry.address not in self.alike:
            first, *more = set(self.contents(entry.address, 1 << self.stride))
            self.alike[entry.address] = 0 if more else first
        bits = self.alike[entry.address]
        return self.entry(self, entry.level + 1, 0, bits, entry.handed_down) if bits & 1 else None

    def end_of(self, entry):
        """The page that a table's Entry leads to over nothing but tables that are the same from
        end to end; None: it does not. Such tables are shared: each link to one stands for all that
        is below it, and to read that once for each link would take years."""
        while entry and entry.kind == "table":
            entry = self.below(entry)
        return entry if entry and entry.kind == "page" else None

    @functools.cached_property
    def shared_page(self):
        """The physical address of the page that shared tables lead to; None: there are none. What
        cannot be read is left for who needs it."""
        seen, waiting = {self.root}, [(self.root, self.root_level)]
        while waiting:
            table, level = waiting.pop()
            try:
                for bits in set(self.contents(table, self.entries(level))):
                    entry = self.entry(self, level, 0, bits, 0)
                    if entry.kind != "table" or entry.address in seen:
                        continue
                    seen.add(entry.address)
                    end = self.end_of(entry)
                    if end:
                        return end.address
                    waiting.append((entry.address, level + 1))
            except TableError:
                continue
        return None

    def share(self, entry):
        """See whether @entry is all of one page: a link to shared tables, or the page itself where
        it may not be written."""
        if entry.kind == "table":
            entry.shared = self.end_of(entry)
        elif entry.kind == "page" and not entry.write and entry.address == self.shared_page:
            entry.shared = entry
        return entry

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
            if self.share(entry).kind == "table" and not entry.shared:
                stack.append(iter(self.table(entry.address, entry.level + 1, va,
                                             entry.handed_down)))
            elif entry.kind != "invalid":
                yield va, entry

    def table(self, table, level, va, inherited):
        self.taken += self.entries(level)
        if self.taken > DESCRIPTORS_MAX:
            raise TableError(f"more than {DESCRIPTORS_MAX} descriptors: the tree is damaged")
        for index, bits in enumerate(self.contents(table, self.entries(level))):
            if bits & 1:
                yield (va + (index << self.shift(level)),
                       self.entry(self, level, index, bits, inherited))

    def runs(self):
        """(start, end, physical address, first Entry): maximal runs of entries equal in level and
        attributes and contiguous in physical address, or all of them one page."""
        run = None
        for va, entry in self.leaves():
            size = 1 << self.shift(entry.level)
            goes_on = run and run[1] == va and run[3].likeness == entry.likeness
            if goes_on and (entry.shared or run[2] + va - run[0] == entry.address):
                run[1] += size
                continue
            if run:
                yield tuple(run)
            run = [va, va + size, entry.physical, entry]
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
    modules = TOP - (1 << bits - 1)
    pages = (modules - tables.start) >> tables.granule_shift
    vmemmap_end = TOP - gib
    vmemmap = vmemmap_end - 64 * pages
    # Nothing but KASAN's shadow shares tables.
    shadow = 0 if tables.shared_page is None else 1 << tables.va_bits - 3
    kasan = [("kasan", modules - shadow, modules)] if shadow else []
    return [("linear", tables.start, modules - shadow), *kasan,
            ("modules", modules, modules + 2 * gib),
            ("vmalloc", modules + 2 * gib, vmemmap - 8 * mib),
            ("vmemmap", vmemmap, vmemmap_end),
            ("pci_io", vmemmap_end + 8 * mib, vmemmap_end + 24 * mib),
            ("fixmap", TOP - 14 * mib, TOP - 8 * mib)]
