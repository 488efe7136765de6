# SPDX-License-Identifier: MIT
"""scripts/gdb/tables.py over made-up memory: what no machine in the boot tests has, above all
output addresses of more than 48 bits, blocks at every level, and damage."""
import pathlib
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts/gdb"))
import tables  # noqa: E402

TG1 = {12: 2, 14: 1, 16: 3}
TG0 = {12: 0, 14: 2, 16: 1}
MAIR = 0x04_00_44_F0_FF  # attribute 4 is Device-nGnRE, 3 Device-nGnRnE
PAGE, BLOCK, TABLE, AF, UXN, PXN = 3, 1, 3, 1 << 10, 1 << 54, 1 << 53
ROOT = 0x40000000


class Memory:
    """Physical memory: descriptors by address, 0 elsewhere."""

    def __init__(self):
        self.words = {}

    def read(self, address, size):
        return struct.pack(f"<{size // 8}Q",
                           *(self.words.get(address + i, 0) for i in range(0, size, 8)))


def tcr(shift, bits, ds=0, ips=5, upper=True):
    low = 64 - bits
    half = low << 16 | TG1[shift] << 30 | 3 << 28 if upper else low | TG0[shift] << 14 | 3 << 12
    return half | ips << 32 | ds << 59


def build(shift, bits, va, leaf, level, ds=0, ips=6):
    """Tables that lead from ROOT to @leaf at @level for @va, with each table at its own address."""
    memory = Memory()
    made = tables.Tables(tcr(shift, bits, ds, ips), ROOT, MAIR, True, memory.read)
    table = ROOT
    for step in range(made.root_level, level + 1):
        index = va >> made.shift(step) & (made.entries(step) - 1)
        following = ROOT + (step + 2 << 20)
        memory.words[table + 8 * index] = leaf if step == level else following | TABLE
        table = following
    return memory, made


@pytest.mark.parametrize("shift, bits, root", [
    (12, 52, -1), (12, 48, 0), (12, 39, 1), (14, 52, 0), (14, 47, 1), (14, 36, 2), (14, 48, 0),
    (16, 52, 1), (16, 48, 1), (16, 42, 2)])
def test_the_root_level_is_the_manuals(shift, bits, root):
    made = tables.Tables(tcr(shift, bits, ds=bits == 52), ROOT, MAIR, True, Memory().read)
    assert made.root_level == root
    assert made.start == (1 << 64) - (1 << bits) and made.end == 1 << 64


@pytest.mark.parametrize("shift, bits, level, ds, address, encoded", [
    (12, 52, 3, 1, 0xF_1234_5678_9000, 0x3_1234_5678_9300),
    (12, 52, 0, 1, 0xC_0000_0000_0000, 0x0_0000_0000_0300),
    (14, 52, 1, 1, 0x7_0010_0000_0000, 0x3_0010_0000_0100),
    (16, 52, 3, 0, 0xA_1234_5678_0000, 0x1234_5678_A000),
    (16, 52, 1, 0, 0x9_0400_0000_0000, 0x0400_0000_9000),
    (12, 48, 1, 0, 0x1234_4000_0000, 0x1234_4000_0300),
])
def test_output_addresses_are_put_together(shift, bits, level, ds, address, encoded):
    va = (1 << 64) - (1 << 47)
    leaf = encoded | AF | (PAGE if level == 3 else BLOCK)
    _, made = build(shift, bits, va, leaf, level, ds, 6 if bits == 52 else 5)
    (start, end, physical, entry), = made.runs()
    assert (start, end - start, physical) == (va, 1 << made.shift(level), address)
    assert entry.share == ("inner" if ds or encoded & 0x300 else "non")
    *_, last = made.walk(va + 5)
    assert (last.level, last.address, last.kind) == (
        level, address, "page" if level == 3 else "block")


def test_the_root_may_lie_above_48_bits():
    made = tables.Tables(tcr(16, 52, ips=6), 0x1234_5678_0000 | 0xD << 2, MAIR, True, Memory().read)
    assert made.root == 0xD_1234_5678_0000
    made = tables.Tables(tcr(16, 48, ips=5), 0x12_0000_4000_0001, MAIR, True, Memory().read)
    assert made.root == 0x4000_0000  # without ASID and CnP


@pytest.mark.parametrize("shift, level, ds, kind", [
    (12, 0, 1, "block"), (12, 0, 0, "reserved"), (12, 1, 0, "block"), (14, 1, 1, "block"),
    (14, 1, 0, "reserved"), (14, 2, 0, "block"), (16, 1, 0, "block"), (12, -1, 1, "reserved"),
    (14, 0, 1, "reserved")])
def test_blocks_stand_where_the_manual_allows_them(shift, level, ds, kind):
    bits = 52 if ds else 47
    _, made = build(shift, bits, (1 << 64) - (1 << 46), BLOCK | AF, level, ds)
    (*_, entry), = made.runs()
    assert entry.kind == kind


def test_permissions_follow_the_descriptor_and_the_tables_above_it():
    va = (1 << 64) - (1 << 40)
    memory, made = build(12, 48, va, PAGE | AF, 3)
    (*_, entry), = made.runs()
    assert (entry.write, entry.execute, entry.user) == (True, True, False)
    slot = next(slot for slot, bits in memory.words.items() if bits == PAGE | AF)
    root = next(slot for slot in memory.words if slot < ROOT + 4096)
    for bits, above, expected in (
            (1 << 7, 0, (False, True, False)), (PXN, 0, (True, False, False)),
            (1 << 6, 0, (True, False, True)), (0, 1 << 62, (False, True, False)),
            (0, 1 << 59, (True, False, False)), (1 << 6, 1 << 61, (True, True, False))):
        memory.words[slot] = PAGE | AF | bits
        memory.words[root] = memory.words[root] & (1 << 48) - 1 | above
        made = tables.Tables(tcr(12, 48), ROOT, MAIR, True, memory.read)
        (*_, entry), = made.runs()
        assert (entry.write, entry.execute, entry.user) == expected
        assert list(made.walk(va))[-1].flags == entry.flags


def test_runs_end_where_attributes_or_addresses_do():
    va = (1 << 64) - (1 << 40)
    memory, made = build(12, 48, va, PAGE | AF | 0x1000, 3)
    slot = next(slot for slot, bits in memory.words.items() if bits == PAGE | AF | 0x1000)
    for i, bits in enumerate((0x1000, 0x2000, 0x3000 | PXN, 0x4000 | PXN, 0x9000 | PXN)):
        memory.words[slot + 8 * i] = PAGE | AF | bits
    assert [(start - va, end - va, address) for start, end, address, _ in made.runs()] == [
        (0, 0x2000, 0x1000), (0x2000, 0x4000, 0x3000), (0x4000, 0x5000, 0x9000)]


SHARED = 0x50000000  # the page; behind it a table for each level, the last level's first


def share(memory, made, level, last):
    """Fill the tables below @level, which lead to @last wherever one goes. Returns what a link to
    the first is."""
    shared = [SHARED + (4 - at << made.granule_shift) for at in range(level + 1, 4)]
    for table, leads in zip(shared, [*(following | TABLE for following in shared[1:]), last]):
        memory.words.update({table + 8 * i: leads for i in range(1 << made.stride)})
    return shared[0] | TABLE


@pytest.mark.parametrize("shift, bits, ds", [(12, 52, 1), (12, 48, 0), (14, 47, 0), (16, 52, 0)])
def test_a_link_to_shared_tables_stands_for_all_that_is_below_it(shift, bits, ds):
    memory = Memory()
    made = tables.Tables(tcr(shift, bits, ds, 6 if bits == 52 else 5), ROOT, MAIR, True,
                         memory.read)
    last = SHARED | PAGE | AF | UXN | PXN | 1 << 7
    link = share(memory, made, made.root_level, last)
    memory.words.update({ROOT + 8 * index: link for index in (1, 2, 5)})
    span = 1 << made.shift(made.root_level)
    found = list(made.runs())
    assert [(start - made.start, end - made.start, address) for start, end, address, _ in found] \
        == [(span, 3 * span, SHARED), (5 * span, 6 * span, SHARED)]
    assert made.taken == made.entries(made.root_level)
    assert {entry.columns() for *_, entry in found} == {
        f"ro NX shared: table of level {made.root_level + 1} at 0x{link & ~3:016x}"}
    # A walk goes all the way.
    assert [entry.kind for entry in made.walk(made.start + span)] == \
        ["table"] * (3 - made.root_level) + ["page"]
    assert made.shared_page == SHARED
    assert "kasan" in [name for name, *_ in tables.layout(made)]


def test_a_page_of_the_shared_tables_alone_is_shared_and_one_that_is_written_is_not():
    va = (1 << 64) - (1 << 40)
    memory, made = build(12, 48, va, 0, 3)
    table = list(made.walk(va))[-2].address
    last = SHARED | PAGE | AF | UXN | PXN | 1 << 7
    memory.words[ROOT + 8] = share(memory, made, 0, last)
    for i, bits in enumerate((last, last, SHARED | PAGE | AF | UXN | PXN, last + 4096)):
        memory.words[table + 8 * i] = bits
    _, *found = made.runs()
    assert [(start - va, end - va, address, "shared: this page" in entry.columns())
            for start, end, address, entry in found] == [
        (0, 0x2000, SHARED, True), (0x2000, 0x3000, SHARED, False),
        (0x3000, 0x4000, SHARED + 4096, False)]


def test_tables_that_differ_in_one_place_are_not_shared():
    memory = Memory()
    made = tables.Tables(tcr(12, 39, ips=5), ROOT, MAIR, True, memory.read)
    memory.words[ROOT + 8] = share(memory, made, 1, SHARED | PAGE | AF | 1 << 7)
    memory.words[SHARED + 4096 + 8 * 7] = 0
    assert made.shared_page is None
    assert [(end - start) >> 12 for start, end, *_ in list(made.runs())[:2]] == [1, 1]


def test_types_come_from_mair_and_not_from_the_index():
    for index, name in ((0, "MEM/NORMAL"), (1, "MEM/NORMAL-TAGGED"), (2, "MEM/NORMAL-NC"),
                        (3, "DEVICE/nGnRnE"), (4, "DEVICE/nGnRE"), (5, "DEVICE/nGnRnE")):
        _, made = build(12, 48, (1 << 64) - 4096, PAGE | AF | index << 2, 3)
        (*_, entry), = made.runs()
        assert entry.type == name


@pytest.mark.parametrize("value", [tcr(12, 48) & ~(3 << 30), tcr(12, 52), tcr(12, 52) | 63 << 16])
def test_reserved_values_of_tcr_are_refused(value):
    with pytest.raises(tables.TableError, match="reserved"):
        tables.Tables(value, ROOT, MAIR, True, Memory().read)


def test_a_tree_that_never_ends_is_given_up(monkeypatch):
    class Loop(Memory):
        """Every descriptor but the first is a table, at the same place."""

        def read(self, address, size):
            return bytes(8) + struct.pack("<Q", ROOT | TABLE) * (size // 8 - 1)

    monkeypatch.setattr(tables, "DESCRIPTORS_MAX", 10000)
    made = tables.Tables(tcr(12, 52, ds=1), ROOT, MAIR, True, Loop().read)
    with pytest.raises(tables.TableError, match="more than 10000 descriptors"):
        for _ in made.runs():
            pass
