# SPDX-License-Identifier: MIT
"""Just enough of an ELF reader for the build's checks: 64-bit, little-endian, AArch64.

The build runs those, on a machine where only Python itself can be counted on, so this uses nothing
beyond its standard library. Source: System V ABI, chapters 4 and 5; ELF for the Arm 64-bit
Architecture (AAELF64).
"""
import collections
import struct

EM_AARCH64 = 183
SHT_SYMTAB, SHT_RELA, SHT_DYNAMIC, SHT_NOBITS, SHT_RELR = 2, 4, 6, 8, 19
SHF_WRITE, SHF_ALLOC = 1, 2
SHN_UNDEF, SHN_ABS, SHN_COMMON = 0, 0xfff1, 0xfff2
STT_FUNC, STT_SECTION, STT_FILE = 2, 3, 4
STB_LOCAL, STB_WEAK = 0, 2
PT_LOAD, PT_INTERP = 1, 3
DT_NEEDED = 1
PF_X, PF_W = 1, 2

Section = collections.namedtuple(
    "Section", "index name type flags address offset size link info entry_size")
Segment = collections.namedtuple(
    "Segment", "type flags offset address physical file_size memory_size align")
Symbol = collections.namedtuple("Symbol", "name type binding section value size")
Relocation = collections.namedtuple("Relocation", "offset type symbol addend")


class BadElf(Exception):
    """The file is not what this reader reads."""


class Elf:
    """The parts of one file: sections, segments and symbols are lists in the file's order."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        try:
            if self.data[:6] != b"\x7fELF\x02\x01":
                raise BadElf(f"{path}: not a 64-bit little-endian ELF file")
            header = struct.unpack_from("<16xHHIQQQIHHHHHH", self.data)
            if header[1] != EM_AARCH64:
                raise BadElf(f"{path}: not for AArch64")
            self.segments = self._segments(header)
            self.sections = self._sections(header)
            self.symbols = self._symbols()
        except (struct.error, IndexError, ValueError) as error:
            raise BadElf(f"{path}: damaged: {error}") from error

    def _rows(self, layout, offset, size):
        return struct.iter_unpack(layout, self.data[offset:offset + size])

    def _segments(self, header):
        offset, count = header[4], header[9]
        return [Segment(*row) for row in self._rows("<IIQQQQQQ", offset, count * 56)]

    def _sections(self, header):
        offset, count, names = header[5], header[11], header[12]
        rows = list(self._rows("<IIQQQQII8xQ", offset, count * 64))
        strings = rows[names][4] if rows else 0
        return [Section(index, self._string(strings + row[0]), *row[1:])
                for index, row in enumerate(rows)]

    def _symbols(self):
        symbols = []
        for table in self.sections:
            if table.type != SHT_SYMTAB:
                continue
            strings = self.sections[table.link].offset
            for name, info, _, section, value, size in self._rows(
                    "<IBBHQQ", table.offset, table.size):
                symbols.append(Symbol(self._string(strings + name), info & 0xf, info >> 4,
                                      section, value, size))
        return symbols

    def _string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii", "replace")

    def relocations(self, table):
        """What the SHT_RELA section `table` holds; its symbols are those of self.symbols."""
        for offset, info, addend in self._rows("<QQq", table.offset, table.size):
            yield Relocation(offset, info & 0xffffffff, info >> 32, addend)

    def needed(self):
        """Names of the shared libraries that this file asks for."""
        return [self._string(self.sections[table.link].offset + value)
                for table in self.sections if table.type == SHT_DYNAMIC
                for tag, value in self._rows("<QQ", table.offset, table.size) if tag == DT_NEEDED]

    def address_of(self, name):
        """The value of a defined symbol, or None."""
        for symbol in self.symbols:
            if symbol.name == name and symbol.section != SHN_UNDEF:
                return symbol.value
        return None

    def name_at(self, section, offset):
        """What has a name and lies at `offset` of `section`; failing that, the section's name."""
        for symbol in self.symbols:
            if (symbol.section == section.index and symbol.type not in (STT_SECTION, STT_FILE)
                    and symbol.value <= offset < symbol.value + symbol.size):
                return symbol.name
        return section.name

    def uses(self):
        """Every (what uses, the symbol it uses) in code and data, each once, as in the file."""
        seen = {}
        for table in self.sections:
            if table.type != SHT_RELA:
                continue
            section = self.sections[table.info]
            if not section.flags & SHF_ALLOC:
                continue
            for relocation in self.relocations(table):
                symbol = self.symbols[relocation.symbol]
                if symbol.binding != STB_LOCAL:
                    seen[self.name_at(section, relocation.offset), symbol.name] = True
        return list(seen)


def definitions(objects):
    """{symbol: the object that defines it for others}; a weak definition gives way."""
    defined, weak = {}, {}
    for path, obj in objects.items():
        for symbol in obj.symbols:
            if symbol.section != SHN_UNDEF and symbol.binding != STB_LOCAL:
                (weak if symbol.binding == STB_WEAK else defined)[symbol.name] = path
    return {**weak, **defined}
