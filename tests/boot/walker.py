# SPDX-License-Identifier: MIT
"""The tests' own reader of translation tables: from register values and physical memory to runs as
`ptdump json` shows them. Written from the manual (Arm DDI 0487, chapter D8, VMSAv8-64) and from
docs/report.schema.json; it shares nothing with the Image.
"""
import struct
import typing

TG0_SHIFT = {0b00: 12, 0b01: 16, 0b10: 14}
TG1_SHIFT = {0b01: 14, 0b10: 12, 0b11: 16}
MEMORY_TYPES = {0xFF: "MEM/NORMAL", 0xF0: "MEM/NORMAL-TAGGED", 0x44: "MEM/NORMAL-NC",
                0x04: "DEVICE/nGnRE", 0x00: "DEVICE/nGnRnE"}
SHAREABILITY = {0b00: "non", 0b01: "reserved", 0b10: "outer", 0b11: "inner"}
IPS_52 = 0b110


def bits(value, high, low):
    """value<high:low>"""
    return value >> low & ((1 << (high - low + 1)) - 1)


class Leaf(typing.NamedTuple):
    """One page or block descriptor and how it was reached."""
    va: int
    size: int
    pa: int
    level: int
    descriptor: int
    table_attributes: int  # bits 62:59 of the table descriptors above, ORed
    shared: typing.Optional[int] = None  # the last descriptor, where that is KASAN's one page


class Walker:
    """The tables behind TTBR1_EL1 (upper) or TTBR0_EL1, as @tcr says. @read(address, size) gives
    physical memory."""

    def __init__(self, tcr, ttbr, mair, upper, read):
        self.mair, self.upper, self.read = mair, upper, read
        self.shift = TG1_SHIFT[bits(tcr, 31, 30)] if upper else TG0_SHIFT[bits(tcr, 15, 14)]
        self.va_bits = 64 - (bits(tcr, 21, 16) if upper else bits(tcr, 5, 0))
        self.ds = bits(tcr, 59, 59) == 1
        self.tcr_share = bits(tcr, 29, 28) if upper else bits(tcr, 13, 12)
        assert self.shift != 16 or not self.ds, "TCR_EL1.DS is RES0 with 64K pages"
        self.wide = self.ds or self.shift == 16
        ips = bits(tcr, 34, 32)
        assert ips != IPS_52 or self.wide, "IPS says 52 bits, the descriptors hold 48"
        stride = self.shift - 3
        levels = -(-(self.va_bits - self.shift) // stride)
        self.root_level = 4 - levels
        self.root_entries = 1 << (self.va_bits - self.level_shift(self.root_level))
        self.root = self._root(ttbr, ips)
        self.tables = set()  # where each is that was read
        self.uniform = {}  # of tables below the root: the one descriptor that it consists of, or 0
        self.shared_page = None

    def _root(self, ttbr, ips):
        size = self.root_entries * 8
        if ips == IPS_52:
            base = bits(ttbr, 47, 6) << 6 | bits(ttbr, 5, 2) << 48
            size = max(size, 64)
        else:
            base = bits(ttbr, 47, 1) << 1
        assert base % size == 0, "the root table is not aligned to its size"
        return base

    def level_shift(self, level):
        return self.shift + (3 - level) * (self.shift - 3)

    def _block_allowed(self, level):
        if self.shift == 12:
            return level in (1, 2) or level == 0 and self.ds
        return level == 2 or level == 1 and self.wide

    def _output(self, descriptor, low):
        """The output address, or with low = the granule's shift a next-level table's."""
        if self.ds:
            return bits(descriptor, 49, low) << low | bits(descriptor, 9, 8) << 50
        high = bits(descriptor, 15, 12) << 48 if self.shift == 16 else 0
        return bits(descriptor, 47, low) << low | high

    def _uniform(self, table):
        """The valid descriptor that all of @table is, read once; 0 where they differ."""
        if table not in self.uniform:
            data = self.read(table, 8 << (self.shift - 3))
            same = data == data[:8] * (len(data) // 8)
            self.uniform[table] = struct.unpack_from("<Q", data)[0] if same and data[0] & 1 else 0
        return self.uniform[table]

    def _shared(self, descriptor, level):
        """Of what @descriptor at @level leads to over tables that are the same throughout, the last
        descriptor; or None. Such tables are shared, so the tree is none: each is read once."""
        while level < 3:
            table = self._output(descriptor, self.shift)
            descriptor, level = self._uniform(table), level + 1
            if not descriptor or level < 3 and not descriptor & 2:
                return None
            self.tables.add(table)
        return descriptor

    def _find_shared(self, table, level, entries, seen):
        """The page that a table of the last level, the same throughout, leads to; None without."""
        seen.add(table)
        for descriptor in set(struct.unpack(f"<{entries}Q", self.read(table, entries * 8))):
            if descriptor & 3 != 3 or level == 3:
                continue
            below = self._output(descriptor, self.shift)
            if below in seen:
                continue
            if level == 2 and self._uniform(below):
                return self._output(self._uniform(below), self.shift)
            page = self._find_shared(below, level + 1, 1 << (self.shift - 3), seen)
            if page is not None:
                return page
        return None

    def leaves(self):
        """Every Leaf, by ascending address."""
        first = (1 << 64) - (1 << self.va_bits) if self.upper else 0
        self.shared_page = self._find_shared(self.root, self.root_level, self.root_entries, set())
        return self._table(self.root, self.root_level, self.root_entries, first, 0)

    def _table(self, table, level, entries, va, above):
        data = self.read(table, entries * 8)
        self.tables.add(table)
        for index, (descriptor,) in enumerate(struct.iter_unpack("<Q", data)):
            here = va + (index << self.level_shift(level))
            if not descriptor & 1:
                continue
            shared = self._shared(descriptor, level) if descriptor & 2 and level < 3 else None
            if shared is not None:
                yield Leaf(here, 1 << self.level_shift(level), self.shared_page, level, descriptor,
                           above | descriptor & 0xF << 59, shared)
                continue
            if descriptor & 2 and level < 3:
                yield from self._table(self._output(descriptor, self.shift), level + 1,
                                       1 << (self.shift - 3), here,
                                       above | descriptor & 0xF << 59)
                continue
            assert level == 3 and descriptor & 2 or self._block_allowed(level), \
                f"reserved descriptor {descriptor:#x} at level {level} for {here:#x}"
            low = self.level_shift(level)
            pa = self._output(descriptor, low)
            yield Leaf(here, 1 << low, pa, level, descriptor, above,
                       descriptor if pa == self.shared_page and descriptor & 1 << 7 else None)

    def _attributes(self, leaf):
        """What the dump shows of a leaf, but for addresses. WXN is left aside."""
        kind = "shared" if leaf.shared is not None else "page" if leaf.level == 3 else "block"
        level = leaf.level
        if leaf.shared is not None:
            leaf = leaf._replace(descriptor=leaf.shared)
        read_only = bits(leaf.descriptor, 7, 7) or bits(leaf.table_attributes, 62, 62)
        user = bits(leaf.descriptor, 6, 6) and not bits(leaf.table_attributes, 61, 61)
        never = bits(leaf.descriptor, 53, 53) or bits(leaf.table_attributes, 59, 59)
        share = self.tcr_share if self.ds else bits(leaf.descriptor, 9, 8)
        return {
            "level": level,
            "kind": kind,
            "contiguous": bool(bits(leaf.descriptor, 52, 52)),
            "read": True,
            "write": not read_only,
            # Memory that EL0 may write is never executable at EL1.
            "execute": not never and not (user and not read_only),
            "user": bool(user),
            "type": MEMORY_TYPES.get(bits(self.mair >> 8 * bits(leaf.descriptor, 4, 2), 7, 0),
                                     "unknown type"),
            "shareability": SHAREABILITY[share],
        }

    def _flags(self, leaf):
        """The descriptor without its output address."""
        address = ((1 << (50 if self.ds else 48)) - 1) & -(1 << self.level_shift(leaf.level))
        if self.ds:
            address |= 0x3 << 8
        elif self.shift == 16:
            address |= 0xF << 12
        return leaf.descriptor & ~address, leaf.table_attributes

    def runs(self):
        """What `entries` of one root in `ptdump json` must be."""
        found, last = [], None
        for leaf in self.leaves():
            if last and (last.shared is not None or leaf.shared is not None):
                same = (leaf.va == last.va + last.size and leaf.level == last.level
                        and leaf.descriptor == last.descriptor)
            else:
                same = (last and leaf.level == last.level
                        and self._flags(leaf) == self._flags(last)
                        and leaf.va == last.va + last.size and leaf.pa == last.pa + last.size)
            if same:
                found[-1]["size"] += leaf.size
            else:
                found.append({"start": leaf.va, "pa": leaf.pa, "size": leaf.size,
                              "raw": leaf.descriptor if leaf.shared is None else leaf.shared,
                              **self._attributes(leaf)})
            last = leaf
        for run in found:
            end = (run["start"] + run["size"]) % (1 << 64)
            run.update({key: f"0x{value:016x}" for key, value in
                        (("start", run["start"]), ("end", end), ("pa", run["pa"]),
                         ("raw", run["raw"]))})
        return found


def alone(tcr):
    """TCR_EL2, where EL2 has one half, or VTCR_EL2, laid out as TCR_EL1."""
    return tcr & 0xFFFF | bits(tcr, 18, 16) << 32 | bits(tcr, 32, 32) << 59


class El2Walker(Walker):
    """The tables behind TTBR0_EL2 where HCR_EL2.E2H is clear: of one privilege."""

    def __init__(self, tcr, ttbr, mair, read):
        super().__init__(alone(tcr), ttbr, mair, False, read)

    def _attributes(self, leaf):
        never = bits(leaf.descriptor, 54, 54) or bits(leaf.table_attributes, 60, 60)
        return {**super()._attributes(leaf), "execute": not never, "user": False}


class Stage2Walker(Walker):
    """The tables behind VTTBR_EL2: where they begin, SL0 and SL2 of @vtcr say."""
    TYPES = {0: "DEVICE/nGnRnE", 1: "DEVICE/nGnRE", 5: "MEM/NORMAL-NC", 15: "MEM/NORMAL"}

    def __init__(self, vtcr, vttbr, read):
        super().__init__(alone(vtcr), vttbr & (1 << 48) - 1, 0, False, read)
        code = bits(vtcr, 7, 6)
        self.root_level = 3 - code if self.shift != 12 else 3 if code == 3 else 2 - code
        if self.shift == 12 and bits(vtcr, 33, 33):
            self.root_level = -1
        self.root_entries = 1 << (self.va_bits - self.level_shift(self.root_level))

    def _attributes(self, leaf):
        return {**super()._attributes(leaf),
                "read": bool(bits(leaf.descriptor, 6, 6)),
                "write": bool(bits(leaf.descriptor, 7, 7)),
                "execute": bits(leaf.descriptor, 54, 53) in (0, 3),
                "user": False,
                "type": self.TYPES[bits(leaf.descriptor, 5, 2)]}
