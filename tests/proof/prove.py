#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves, for all values and not for samples, what docs/proof.md says of descriptors and of
map_range(): the Image's own C code, as clang compiles it, executed symbolically by ir.py. What it
should do is written down here once more, from the manual (DDI 0487 D8.3), and shares no formula
with the code.

    tests/proof/prove.py [WORD]    all, or those with WORD in their name

Then the same for a few of the defects in tests/mutants/mutants.txt: each must be disproved.
"""
import importlib.machinery
import importlib.util
import itertools
import multiprocessing
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import typing

import z3

from ir import Disproved, Machine, Module, Pointer, State, Unknown, load, store

ROOT = pathlib.Path(__file__).parents[2]
SOURCES = ["mm/pt/descriptor.c", "mm/pt/regime.c", "mm/pt/map.c", "mm/pt/stage2.c"]
# Without `static`, since the compiler adapts functions that it knows all callers of.
COMPILE = ["clang-14", "-Dstatic=", "-fgnu89-inline", "-Wno-missing-prototypes", "-S", "-emit-llvm",
           "-o", "-", "-std=gnu11", "-O1", "-g0", "-ffreestanding", "-fno-inline",
           "-fno-jump-tables", "-fno-discard-value-names", "-fno-unroll-loops", "-fno-vectorize",
           "-fno-slp-vectorize", "-fvisibility=hidden", "--target=aarch64-none-elf",
           "-fsanitize=shift,signed-integer-overflow,unsigned-integer-overflow",
           "-fsanitize-trap=all", "-mgeneral-regs-only"]

DESC_48, DESC_64K_LPA, DESC_LPA2 = range(3)
KERNEL, KERNEL_LOW, USER, HYPERVISOR, GUEST = range(5)
READ_ONLY, READ_EXECUTE, READ_WRITE = range(3)
INVALID, TABLE, BLOCK, PAGE, RESERVED = range(5)
TYPES = 5
MAP_OK, MAP_BAD_RANGE, MAP_UNREACHABLE = 0, 2, 3
PA_BITS = [32, 36, 40, 42, 44, 48, 52]
VA_BITS = [36, 39, 42, 47, 48, 52]


def number(value, bits=64):
    return z3.BitVecVal(value, bits)


def fresh(name, bits=64):
    return z3.FreshConst(z3.BitVecSort(bits), name)


def aligned(value, bits):
    return z3.Extract(bits - 1, 0, value) == 0 if bits else z3.BoolVal(True)


# ---- what the manual says ------------------------------------------------------------------------

class Regime(typing.NamedTuple):
    """A stage 1 regime, with the levels and formats that DDI 0487 D8.2 gives it."""

    granule: int  # bits of the page offset
    va_bits: int
    pa_bits: int
    wide: bool

    def __str__(self):
        size = 1 << (self.granule - 10)
        return f"{size}K, {self.va_bits} to {self.pa_bits} bits{', wide' if self.wide else ''}"

    @property
    def form(self):
        if not self.wide:
            return DESC_48
        return DESC_64K_LPA if self.granule == 16 else DESC_LPA2

    def shift(self, level):
        return {12: 39, 14: 47, 16: 55}[self.granule] - level * (self.granule - 3) \
            if level >= 0 else 48

    @property
    def root(self):
        return next(level for level in range(3, -2, -1)
                    if self.shift(level) + self.granule - 3 >= self.va_bits)

    @property
    def block(self):
        return {12: 1, 14: 2, 16: 2}[self.granule] - self.wide

    def leaves(self):
        return range(max(self.block, self.root), 4)

    def entries(self, level):
        bits = self.va_bits - self.shift(level) if level == self.root else self.granule - 3
        return 1 << bits

    def run(self, level):
        """Descriptors in a contiguous run, where the table has as many."""
        count = {(12, 3): 16, (12, 2): 16, (14, 3): 128, (14, 2): 32,
                 (16, 3): 32, (16, 2): 32}.get((self.granule, level), 0)
        return count if count <= self.entries(level) else 0


class Stage2(Regime):
    """A stage 2 regime: D8.2.4. The fewest lookups there can be, from a root of up to 16 tables."""

    @property
    def root(self):
        return next(level for level in range(3, -2, -1)
                    if self.shift(level) + self.granule - 3 + 4 >= self.va_bits)

    @property
    def tables(self):
        return max(1, self.entries(self.root) >> self.granule - 3)

    @property
    def start(self):
        """SL0 in VTCR_EL2, or 4 where it is SL2: D19.2.162."""
        if self.root < 0:
            return 4
        return {12: (2, 1, 0, 3), 14: (3, 2, 1, 0), 16: (None, 2, 1, 0)}[self.granule][self.root]


def stages():
    """Stage 2 for every input size from 32 bits up, whatever PARange can name."""
    for granule, wide in itertools.product((12, 14, 16), (False, True)):
        for bits in range(32, 53 if wide else 49):
            yield Stage2(granule, bits, 52 if wide else 48, wide)


def regimes():
    """Every regime that regime_make() promises to know."""
    for granule, wide in itertools.product((12, 14, 16), (False, True)):
        last = 52 if wide or granule == 16 else 48
        for va_bits, pa_bits in itertools.product(range(25, last + 1), PA_BITS):
            if wide or pa_bits <= 48:
                yield Regime(granule, va_bits, pa_bits, wide)


def planned():
    """Those with an address size that pi/plan.c can choose."""
    return [regime for regime in regimes() if regime.va_bits in VA_BITS]


def largest(some):
    """
    Of @some, those with the largest output size: it only bounds addresses, so what holds for those
    below it holds with a smaller one.
    """
    return [regime for regime in some if regime.pa_bits == (52 if regime.wide else 48)]


def formats():
    """The regimes that differ in descriptors: address sizes of either kind at their largest."""
    for granule, wide in itertools.product((12, 14, 16), (False, True)):
        for bits in PA_BITS if wide else PA_BITS[:-1]:
            yield Regime(granule, 52 if wide or granule == 16 else 48, bits, wide)


def manual_address(form, pte, low):
    """The output address of a descriptor whose lowest address bit is @low; D8.3.1."""
    field = z3.Concat(z3.Extract(47, low, pte), z3.BitVecVal(0, low))
    zero = z3.BitVecVal(0, 12)
    if form == DESC_48:
        return z3.Concat(z3.BitVecVal(0, 16), field)
    if form == DESC_64K_LPA:
        return z3.Concat(zero, z3.Extract(15, 12, pte), field)
    return z3.Concat(zero, z3.Extract(9, 8, pte), z3.Extract(49, 48, pte), field)


def manual_bit(pte, bit):
    return z3.Extract(bit, bit, pte) == 1


def manual_kind(regime, pte, level):
    if level == 3:
        valid = z3.If(manual_bit(pte, 1), number(PAGE, 32), number(RESERVED, 32))
    else:
        leaf = BLOCK if level >= regime.block else RESERVED
        valid = z3.If(manual_bit(pte, 1), number(TABLE, 32), number(leaf, 32))
    return z3.If(manual_bit(pte, 0), valid, number(INVALID, 32))


# ---- putting values into the code's structures ---------------------------------------------------

class Bench:
    """A machine, and the structures that its functions take."""

    def __init__(self, module, **options):
        self.machine = Machine(module, **options)
        self.types = module.types

    def member(self, pointer, struct, index):
        return pointer.plus(self.types.offset(struct, index))

    def fill_regime(self, pointer, regime, whose=KERNEL):
        values = [(regime.granule, 8), (regime.va_bits, 8), (regime.pa_bits, 8), (regime.root, 8),
                  (regime.block, 8), (regime.form, 32), (whose, 32)]
        for index, (value, bits) in enumerate(values):
            store(self.member(pointer, "%struct.regime", index), number(value, bits))
        return pointer

    def regime(self, state, regime, whose=KERNEL):
        return self.fill_regime(state.new(self.types.size("%struct.regime")), regime, whose)

    def fill_policy(self, pointer, guarded, writable, not_global):
        for index, value in enumerate((guarded, writable, not_global)):
            store(pointer.plus(index), value)
        return pointer

    def space(self, state, regime, upper):
        space = state.new(self.types.size("%struct.space"))
        self.fill_regime(space, regime, KERNEL if upper else KERNEL_LOW)
        self.fill_policy(self.member(space, "%struct.space", 1), z3.FreshBool("guarded"),
                         z3.FreshBool("text_writable"), z3.FreshBool("not_global"))
        return space

    def struct(self, state, name, values):
        pointer = state.new(self.types.size(name))
        for index, value in enumerate(values):
            store(self.member(pointer, name, index), value)
        return pointer

    def get(self, pointer, struct, index):
        kind = self.types.members(struct)[index]
        return load(self.member(pointer, struct, index), self.types.size(kind))

    def paths(self, state, name, *arguments):
        yield from self.machine.call(state, name, list(arguments))

    def one(self, state, name, *arguments):
        """The result of a function as one value, whatever path leads to it."""
        result = None
        for after, value in self.paths(state, name, *arguments):
            path = z3.And(*after.assumed[len(state.assumed):])
            result = value if result is None else z3.If(path, value, result)
        return result


# ---- regimes -------------------------------------------------------------------------------------

def prove_regime(module, regime):
    """Levels, spans, table sizes, runs: as the manual has them, at every level."""
    bench = Bench(module)
    state = State()
    pointer = bench.regime(state, regime)
    shift, wide = number(regime.granule, 32), z3.BoolVal(regime.wide)
    claims = [("root level", bench.one(state, "root_level", shift,
                                       number(regime.va_bits, 32)), regime.root),
              ("block level", bench.one(state, "block_level", shift, wide), regime.block),
              ("format", bench.one(state, "format", shift, wide), regime.form)]
    for level in range(regime.root, 4):
        at = number(level, 32)
        claims += [
            ("shift", bench.one(state, "regime_shift", pointer, at), regime.shift(level)),
            ("entries", bench.one(state, "regime_entries", pointer, at), regime.entries(level)),
            ("run", bench.one(state, "regime_contiguous", pointer, at), regime.run(level))]
        va = fresh("va")
        index = bench.one(state, "regime_index", pointer, at, va)
        bits = regime.entries(level).bit_length() - 1
        low = regime.shift(level)
        exact = z3.Extract(min(low + bits, 64) - 1, low, va) if bits else number(0, 1)
        bench.machine.prove(state, index == z3.ZeroExt(32 - exact.size(), exact),
                            f"{regime}: index at level {level}")
    for what, value, expected in claims:
        bench.machine.prove(state, value == number(expected, 32), f"{regime}: {what}")
    return bench.machine.checks


def prove_stage2(module, regime):
    """Where a walk of stage 2 begins, in how many tables, and what an address finds there."""
    bench = Bench(module)
    state = State()
    pointer, root = bench.regime(state, regime, GUEST), number(regime.root, 32)
    prove, va = bench.machine.prove, fresh("ipa")
    low, width = regime.shift(regime.root), regime.va_bits - regime.shift(regime.root)
    prove(state, bench.one(state, "root_level", number(regime.granule, 32),
                           number(regime.va_bits - 4, 32)) == root, f"{regime}: start level")
    prove(state, bench.one(state, "regime_root_tables", pointer) == number(regime.tables, 32),
          f"{regime}: tables side by side")
    prove(state, bench.one(state, "regime_start_code", pointer) == number(regime.start, 32),
          f"{regime}: SL0 and SL2")
    index = bench.one(state, "regime_index", pointer, root, va)
    exact = z3.Extract(low + width - 1, low, va) if width else number(0, 1)
    prove(state, index == z3.ZeroExt(32 - exact.size(), exact), f"{regime}: index in the root")
    return bench.machine.checks


# ---- descriptors ---------------------------------------------------------------------------------

def leaf_inputs(regime, level):
    """A state with any physical address that a leaf can have; and that."""
    pa = fresh("pa")
    state = State([aligned(pa, regime.shift(level)),
                   z3.ULT(pa, number(1 << regime.pa_bits))])
    return state, pa


def any_attribute(state):
    """struct map_attr as it is passed, two words in one register; and those words."""
    attr = fresh("attr")
    prot, kind = z3.Extract(31, 0, attr), z3.Extract(63, 32, attr)
    state.assumed += [z3.ULE(prot, READ_WRITE), z3.ULT(kind, TYPES)]
    return attr, prot, kind


class Wanted(typing.NamedTuple):
    """What a leaf is asked for."""

    pa: z3.BitVecRef
    prot: z3.BitVecRef
    kind: z3.BitVecRef
    guarded: z3.BoolRef
    writable: z3.BoolRef  # rodata=off
    not_global: z3.BoolRef
    whose: int

    @property
    def execute(self):
        return self.prot == READ_EXECUTE

    @property
    def write(self):
        return z3.Or(self.prot == READ_WRITE, self.writable)


def manual_permissions(whose, pte, wanted):
    """What bits 7:2, 11, 50, 53 and 54 are for a leaf; D8.3.1.2 and D8.4, stage 2: D8.3.1.3."""
    bit = {number: manual_bit(pte, number) for number in (5, 6, 7, 11, 50, 53, 54)}
    no_execute = z3.Not(wanted.execute)
    if whose == GUEST:
        types = z3.Extract(5, 2, pte)
        memory = z3.If(z3.ULE(wanted.kind, 1), number(15, 4), z3.If(
            wanted.kind == 2, number(5, 4), z3.If(wanted.kind == 3, number(1, 4), number(0, 4))))
        return {"MemAttr": types == memory, "S2AP": z3.And(bit[6], bit[7] == wanted.write),
                "XN": z3.And(bit[54] == no_execute, z3.Not(bit[53])),
                "neither FnXS nor GP": z3.Not(z3.Or(bit[11], bit[50]))}
    claims = {"AttrIndx": z3.ZeroExt(29, z3.Extract(4, 2, pte)) == wanted.kind,
              "NS": z3.Not(bit[5]), "AP[2]": bit[7] == z3.Not(wanted.write),
              "GP": bit[50] == z3.And(wanted.guarded, wanted.execute)}
    if whose == HYPERVISOR:
        claims |= {"AP[1]": bit[6], "XN": bit[54] == no_execute,
                   "neither nG nor PXN": z3.Not(z3.Or(bit[11], bit[53]))}
    elif whose == USER:
        claims |= {"AP[1], nG, PXN": z3.And(bit[6], bit[11], bit[53]),
                   "UXN": bit[54] == no_execute}
    else:
        claims |= {"AP[1]": z3.Not(bit[6]), "UXN": bit[54], "PXN": bit[53] == no_execute,
                   "nG": bit[11] == wanted.not_global}
    return claims


def check_leaf(bench, regime, level, whose):
    state, pa = leaf_inputs(regime, level)
    attr, prot, kind = any_attribute(state)
    wanted = Wanted(pa, prot, kind, z3.Bool("guarded"), z3.Bool("text_writable"),
                    z3.Bool("not_global"), whose)
    pointer = bench.regime(state, regime, whose)
    policy = bench.fill_policy(state.new(3), wanted.guarded, wanted.writable, wanted.not_global)
    where, what = number(level, 32), f"{regime}: whose {whose}, level {level}"
    prove = bench.machine.prove
    pte = bench.one(state, "pte_leaf", pointer, policy, attr, pa, where)
    low = regime.shift(level)

    prove(state, manual_address(regime.form, pte, low) == pa, f"{what}: the manual's address")
    prove(state, manual_kind(regime, pte, level) == (PAGE if level == 3 else BLOCK),
          f"{what}: a leaf")
    prove(state, z3.And(manual_bit(pte, 10), z3.Not(manual_bit(pte, 51)),
                        z3.Not(manual_bit(pte, 52)), z3.Extract(63, 55, pte) == 0),
          f"{what}: AF, and neither DBM, Contiguous, nor ignored bits")
    for claim, holds in manual_permissions(whose, pte, wanted).items():
        prove(state, holds, f"{what}: {claim}")
    if regime.form != DESC_LPA2:
        prove(state, z3.Extract(9, 8, pte) == 3, f"{what}: SH")
    # What lies below the address and is nobody's must be 0: RES0, or nT in a block.
    if level < 3:
        lowest = 16 if regime.form == DESC_64K_LPA else 12
        prove(state, z3.Extract(low - 1, lowest, pte) == 0, f"{what}: below the address")

    prove(state, bench.one(state, "pte_address", pointer, pte, where) == pa, f"{what}: read back")
    check_decode(bench, state, (pointer, pte, where), wanted, what)


def check_decode(bench, state, arguments, wanted, what):
    """pte_decode() of a leaf without and with the contiguous hint says what was asked for."""
    name = "%struct.pte_info"
    yes, no = z3.BoolVal(True), z3.BoolVal(False)
    whose, el0 = wanted.whose, wanted.whose <= USER
    kind = wanted.kind
    if whose == GUEST:  # tagged memory is stage 1's business
        kind = z3.If(kind == 1, number(0, 32), kind)
    for contiguous in (False, True):
        pointer, pte, where = arguments
        if contiguous:
            pte = bench.one(state, "pte_contiguous", pte)
        start = len(state.objects)
        info = state.new(bench.types.size(name))
        for after, _ in bench.paths(state, "pte_decode", info, pointer, pte, where, number(0)):
            out = Pointer(after.objects[start], number(0))
            read = [z3.Extract(0, 0, bench.get(out, name, index)) == 1 for index in range(1, 10)]
            expected = [yes, wanted.write,
                        no if whose == USER else wanted.execute,
                        z3.BoolVal(whose == USER), z3.BoolVal(contiguous),
                        no if whose == GUEST else z3.And(wanted.guarded, wanted.execute), yes,
                        no if whose == USER else z3.Not(wanted.not_global) if el0 else yes,
                        no if whose == HYPERVISOR else yes if whose <= KERNEL_LOW
                        else z3.Not(wanted.execute)]
            bench.machine.prove(after, z3.And(
                *(a == b for a, b in zip(read, expected)), bench.get(out, name, 0) == wanted.pa,
                bench.get(out, name, 10) == kind, bench.get(out, name, 11) == 3),
                f"{what}: decoded, {'with' if contiguous else 'without'} the hint")


def check_inverse(bench, regime, level):
    """Any 64 bits that are a leaf: address and attributes hold all of them, and none twice."""
    pte, what = fresh("pte"), f"{regime}: any leaf at level {level}"
    state = State([manual_kind(regime, pte, level) == (PAGE if level == 3 else BLOCK)])
    pointer, where = bench.regime(state, regime), number(level, 32)
    prove = bench.machine.prove
    address = bench.one(state, "pte_address", pointer, pte, where)
    attributes = bench.one(state, "pte_attributes", pointer, pte, where)
    encoded = bench.one(state, "oa_encode", number(regime.form, 32), address)
    prove(state, address == manual_address(regime.form, pte, regime.shift(level)),
          f"{what}: the manual's address")
    prove(state, encoded | attributes == pte, f"{what}: nothing is lost")
    prove(state, encoded & attributes == 0, f"{what}: nothing is in both")
    prove(state, bench.one(state, "pte_kind", pointer, pte, where) ==
          manual_kind(regime, pte, level), f"{what}: kind")


def check_kinds(bench, regime):
    """pte_kind() of any 64 bits; table descriptors and back."""
    for level in range(regime.root, 4):
        pte, state = fresh("pte"), State()
        pointer, where = bench.regime(state, regime), number(level, 32)
        bench.machine.prove(state, bench.one(state, "pte_kind", pointer, pte, where) ==
                            manual_kind(regime, pte, level), f"{regime}: kind at level {level}")
        if level == 3:
            continue
        table = fresh("table")
        state.assumed += [aligned(table, regime.granule), z3.ULT(table, 1 << regime.pa_bits)]
        for whose, bits in ((KERNEL, 2), (KERNEL_LOW, 2), (USER, 1), (HYPERVISOR, 0), (GUEST, 0)):
            pte = bench.one(state, "pte_table", bench.regime(state, regime, whose), table)
            what = f"{regime}: whose {whose}, table at level {level}"
            bench.machine.prove(state, bench.one(state, "pte_address", pointer, pte, where) ==
                                table, f"{what}: read back")
            bench.machine.prove(state, z3.And(
                manual_address(regime.form, pte, regime.granule) == table,
                manual_kind(regime, pte, level) == TABLE,
                z3.Extract(63, 59, pte) == bits),
                f"{what}: the manual's address, UXNTable or PXNTable alone")


def check_ttbr(bench, regime):
    """BADDR: D19.2.152. Bits 5:2 are PA[51:48] where addresses have 52 bits."""
    root = fresh("root")
    state = State([aligned(root, 6 if regime.wide else 5), z3.ULT(root, 1 << regime.pa_bits)])
    ttbr = bench.one(state, "ttbr_encode", bench.regime(state, regime), root)
    high = z3.Extract(5, 2, ttbr) if regime.wide else number(0, 4)
    low = 6 if regime.wide else 5
    address = z3.Concat(number(0, 12), high, z3.Extract(47, low, ttbr), number(0, low))
    bench.machine.prove(state, z3.And(address == root, z3.Extract(63, 48, ttbr) == 0,
                                      z3.Extract(1, 0, ttbr) == 0), f"{regime}: TTBR")


def prove_descriptor(module, regime):
    """Encode and decode are each other's inverse, and both the manual's."""
    bench = Bench(module)
    for level in regime.leaves():
        check_inverse(bench, regime, level)
        for whose in range(KERNEL, GUEST + 1) if largest([regime]) else [KERNEL]:
            check_leaf(bench, regime, level, whose)
    check_kinds(bench, regime)
    check_ttbr(bench, regime)
    return bench.machine.checks


# ---- map_range(): what it takes ------------------------------------------------------------------

class Request(typing.NamedTuple):
    start: z3.BitVecRef
    end: z3.BitVecRef
    pa: z3.BitVecRef
    attr: z3.BitVecRef

    @property
    def size(self):
        return self.end - self.start


def any_request(bench, state):
    request = Request(*(fresh(name) for name in Request._fields))
    pointer = bench.struct(state, "%struct.map_request", request[:3])
    store(bench.member(pointer, "%struct.map_request", 3), request.attr)
    return request, pointer


def exact(value):
    """As a number that does not wrap."""
    return z3.ZeroExt(8, value)


def good_range(regime, upper, request):
    """All of [start, end) is whole pages of the space, by numbers that do not wrap."""
    top, size = 1 << 64, 1 << regime.va_bits
    first, last = (top - size, top) if upper else (0, size)
    start = exact(request.start)
    end = z3.If(request.end == 0, number(top, 72), exact(request.end))
    return z3.And(aligned(request.start, regime.granule), aligned(request.end, regime.granule),
                  z3.UGE(start, first), z3.ULT(start, end), z3.ULE(end, last))


def good_request(regime, upper, request):
    reach = z3.ULE(exact(request.pa) + exact(request.size), 1 << regime.pa_bits)
    return z3.And(good_range(regime, upper, request), aligned(request.pa, regime.granule), reach)


def prove_request(module, regime):
    """What map_range() refuses is exactly what it should, whatever the 192 bits of a request."""
    bench = Bench(module, wraps=True)
    for upper in (False, True):
        state = State()
        request, pointer = any_request(bench, state)
        result = bench.one(state, "request_check", bench.space(state, regime, upper), pointer)
        page = aligned(request.pa, regime.granule)
        expected = z3.If(z3.And(good_range(regime, upper, request), page),
                         z3.If(good_request(regime, upper, request), number(MAP_OK, 32),
                               number(MAP_UNREACHABLE, 32)), number(MAP_BAD_RANGE, 32))
        bench.machine.prove(state, result == expected, f"{regime}: requests")
    return bench.machine.checks


# ---- map_range(): its loop -----------------------------------------------------------------------

class Stretch(typing.NamedTuple):
    va: z3.BitVecRef
    pa: z3.BitVecRef
    count: z3.BitVecRef
    level: int


def good_stretch(regime, stretch, left):
    """What stretch_map() may be asked for: named claims. @left: bytes still to be mapped."""
    va, pa, count, level = stretch
    shift = regime.shift(level)
    size = z3.ZeroExt(40, count) << shift
    bits = regime.entries(level).bit_length() - 1
    index = z3.Extract(shift + bits - 1, shift, va) if bits else number(0, 1)
    inside = z3.ZeroExt(72 - index.size(), index) + z3.ZeroExt(40, count)
    larger = [z3.And(aligned(va | pa, regime.shift(at)), z3.UGE(left, 1 << regime.shift(at)))
              for at in regime.leaves() if at < level]
    return {
        "addresses are multiples of the leaf's size": aligned(va | pa, shift),
        "there is something to map": count != 0,
        "no more than is left": z3.ULE(size, exact(left)),
        "it stays in its table": z3.ULE(inside, regime.entries(level)),
        "physical addresses do not pass a multiple of 2^48":
            z3.Extract(71, 48, exact(pa) + size - 1) == z3.Extract(71, 48, exact(pa)),
        "no larger leaf fits here": z3.Not(z3.Or(*larger)) if larger else z3.BoolVal(True),
    }


class MapLoop:
    """map_range(), with the loop cut at its head: any round, from what holds before each."""

    def __init__(self, module, regime, upper, wraps):
        self.regime, self.upper = regime, upper
        self.bench = Bench(module, wraps=wraps, cuts={("map_until", "while.cond"): self.cut},
                           models={"table_reach": self.table_reach,
                                   "untouched_take": lambda *_: z3.FreshBool("untouched"),
                                   "stretch_map": self.stretch_map})
        self.rounds = self.stretches = 0
        self.at = self.stretch = None
        self.what = f"{regime}, {'upper' if upper else 'lower'} half"

    def holds(self, va, pa, left):
        """Before each round: named claims."""
        request = self.request
        return {
            "whole pages": aligned(va | pa | left, self.regime.granule),
            "the range's end stays where it is": va + left == request.end,
            "no more left than there was": z3.ULE(left, request.size),
            "as far in both address spaces": va - request.start == pa - request.pa,
            "the output size is not passed":
                z3.ULE(exact(pa) + exact(left), 1 << self.regime.pa_bits),
        }

    def cut(self, state, values, first):
        names = {name[1:].split(".")[0]: name for name in values}
        va, pa, left = (values[names[name]] for name in ("va", "pa", "left"))
        result = values[names["result"]]
        prove = self.bench.machine.prove
        for claim, holds in self.holds(va, pa, left).items():
            prove(state, z3.Implies(result == MAP_OK, holds), f"{self.what}: {claim}")
        if not first:
            self.rounds += 1
            done = z3.ZeroExt(32, self.stretch.count) << self.regime.shift(self.stretch.level)
            prove(state, z3.And(va == self.at[0] + done, left == self.at[2] - done,
                                z3.ULT(left, self.at[2])), f"{self.what}: progress")
            return None
        self.at = va, pa, left = tuple(fresh(name) for name in ("va", "pa", "left"))
        # Where the request was refused there is no round, and nothing holds.
        state.assumed.append(z3.Implies(result == MAP_OK, z3.And(
            *self.holds(va, pa, left).values())))
        return {names["va"]: va, names["pa"]: pa, names["left"]: left, names["result"]: result}

    def table_reach(self, state, arguments):
        """Any outcome: the table's address, or that there is none."""
        result = fresh("reached", 32)
        level = self.bench.get(arguments[1], "%struct.stretch", 4)
        if not z3.is_bv_value(level):
            raise Unknown("a level that the path does not decide")
        store(arguments[1], Pointer(None, fresh("table")))
        return result

    def stretch_map(self, state, arguments):
        self.stretches += 1
        va, pa, count, level = (self.bench.get(arguments[1], "%struct.stretch", index)
                                for index in range(1, 5))
        level = level.as_signed_long()
        if level not in self.regime.leaves():
            raise Disproved(f"{self.what}: a leaf at level {level}")
        self.stretch = Stretch(va, pa, count, level)
        prove = self.bench.machine.prove
        prove(state, z3.And(va == self.at[0], pa == self.at[1]), f"{self.what}: no step aside")
        for claim, holds in good_stretch(self.regime, self.stretch, self.at[2]).items():
            prove(state, holds, f"{self.what}: level {level}: {claim}")
        return fresh("mapped", 32)

    def check(self, end_is_top):
        state = State()
        space = self.bench.space(state, self.regime, self.upper)
        self.request, pointer = any_request(self.bench, state)
        state.assumed.append(good_request(self.regime, self.upper, self.request))
        state.assumed.append((self.request.end == 0) == z3.BoolVal(end_is_top))
        out, reached = len(state.objects), state.new(8)
        for after, result in self.bench.paths(state, "map_until", space, pointer, reached):
            self.bench.machine.prove(after, z3.Implies(result == MAP_OK, self.at[2] == 0),
                                     f"{self.what}: all of it is mapped")
            at = load(Pointer(after.objects[out], number(0)), 8)
            self.bench.machine.prove(after, at == self.at[0],
                                     f"{self.what}: it says where what is mapped ends")
        levels = len(self.regime.leaves())
        if self.rounds == 0 or self.stretches < levels:
            raise Unknown(f"{self.what}: {self.stretches} kinds of stretch, {self.rounds} rounds")
        return self.bench.machine.checks


def prove_map(module, regime):
    """
    map_range()'s loop, for both halves, any request and any round. Nothing wraps, but where a range
    ends at 2^64: there the same claims hold, by numbers modulo 2^64.
    """
    return (MapLoop(module, regime, False, wraps=False).check(end_is_top=False) +
            MapLoop(module, regime, True, wraps=False).check(end_is_top=False) +
            MapLoop(module, regime, True, wraps=True).check(end_is_top=True))


# ---- stretch_map(): descriptors side by side -----------------------------------------------------

class Leaves(typing.NamedTuple):
    """One level of a regime."""

    granule: int
    va_bits: int
    pa_bits: int
    wide: bool
    level: int


class FillLoop:
    """stretch_map(): any piece, as slots_fill() is asked to write it."""

    def __init__(self, module, regime, level):
        self.regime, self.level = regime, level
        self.bench = Bench(module, wraps=True, cuts={("stretch_map", "while.body"): self.cut},
                           models={"slots_used": lambda *_: z3.BoolVal(False),
                                   "slots_fill": self.slots_fill})
        self.attr, self.end = fresh("attr"), None
        self.pieces = 0
        self.what = f"{regime}: pieces at level {level}"

    def read(self, stretch):
        return [self.bench.get(stretch, "%struct.stretch", index) for index in range(4)]

    def holds(self, slot, va, pa, count):
        """Before each piece: as much is left, at the same distances."""
        shift = self.regime.shift(self.level)
        left = z3.ZeroExt(32, count) << shift
        return z3.And(va + left == self.end["va"], exact(pa) + exact(left) == exact(self.end["pa"]),
                      slot.offset + z3.ZeroExt(32, count) * 8 == self.end["slot"],
                      aligned(va | pa, shift), count != 0, z3.ULE(count, self.end["count"]))

    def cut(self, state, values, first):
        if values:
            raise Unknown("stretch_map() keeps values outside of the stretch")
        stretch = Pointer(state.objects[self.stretch], number(0))
        slot, va, pa, count = self.read(stretch)
        self.bench.machine.prove(state, self.holds(slot, va, pa, count), f"{self.what}: kept")
        if not first:
            self.bench.machine.prove(state, z3.ULT(count, self.now[3]), f"{self.what}: progress")
            return None
        self.now = (Pointer(None, fresh("slot")), fresh("va"), fresh("pa"), fresh("count", 32))
        for index, value in enumerate(self.now):
            store(self.bench.member(stretch, "%struct.stretch", index), value)
        state.assumed.append(self.holds(*self.now))
        return {}

    def slots_fill(self, state, arguments):
        """Each descriptor is the leaf for its own address; runs are whole, and all that can be."""
        slot, piece, pte, span = arguments
        _, va, pa, count = self.now
        shift, prove = self.regime.shift(self.level), self.bench.machine.prove
        self.pieces += 1
        index = fresh("index", 32)
        state = State([*state.assumed, z3.ULT(index, piece)])
        prove(state, z3.And(span == 1 << shift, z3.ULE(piece, count),
                            slot.offset == self.now[0].offset), f"{self.what}: the piece")
        further = z3.ZeroExt(32, index) << shift
        hint = manual_bit(pte, 52)
        written = pte + z3.ZeroExt(32, index) * span
        prove(state, z3.And(manual_address(self.regime.form, written, shift) == pa + further,
                            self.rest(written) == self.rest(pte)),
              f"{self.what}: each is the first, further on")
        run = self.regime.run(self.level)
        if run == 0:
            prove(state, z3.Not(hint), f"{self.what}: no hint where there is none")
            return None
        bits = shift + run.bit_length() - 1
        whole = z3.And(aligned(va | pa, bits), aligned(piece, run.bit_length() - 1))
        prove(state, z3.Implies(hint, whole), f"{self.what}: only whole, aligned runs")
        first = (va + ((1 << bits) - 1)) & ~number((1 << bits) - 1)
        room = (z3.ZeroExt(32, piece) << shift) - (first - va)
        has_run = z3.And(z3.ULE(first - va, z3.ZeroExt(32, piece) << shift),
                         z3.UGE(room, 1 << bits))
        prove(state, z3.Implies(z3.And(z3.Not(hint), aligned(va - pa, bits)), z3.Not(has_run)),
              f"{self.what}: every whole, aligned run")
        return None

    def rest(self, pte):
        """What of a descriptor is not its address."""
        fields = {DESC_48: [(63, 48), (11, 0)], DESC_64K_LPA: [(63, 48), (11, 0)],
                  DESC_LPA2: [(63, 50), (11, 10), (7, 0)]}[self.regime.form]
        return z3.Concat(*(z3.Extract(high, low, pte) for high, low in fields))

    def check(self):
        regime, state = self.regime, State()
        space = self.bench.space(state, regime, True)
        va, pa, left = fresh("va"), fresh("pa"), fresh("left")
        count, slot = fresh("count", 32), fresh("slot")
        shift = regime.shift(self.level)
        size = z3.ZeroExt(32, count) << shift
        asked = Stretch(va, pa, count, self.level)
        state.assumed += [*good_stretch(regime, asked, left).values(),
                          z3.ULE(exact(pa) + exact(left), 1 << regime.pa_bits),
                          z3.ULT(z3.Extract(31, 0, self.attr), 3),
                          z3.ULT(z3.Extract(63, 32, self.attr), TYPES)]
        self.end = {"va": va + size, "pa": pa + size, "count": count,
                    "slot": slot + z3.ZeroExt(32, count) * 8}
        self.stretch = len(state.objects)
        stretch = self.bench.struct(state, "%struct.stretch",
                                    [Pointer(None, slot), va, pa, count, number(self.level, 32)])
        for after, result in self.bench.paths(state, "stretch_map", space, stretch, self.attr):
            last = Pointer(after.objects[self.stretch], number(0))
            left = self.bench.get(last, "%struct.stretch", 3)
            self.bench.machine.prove(after, z3.And(result == MAP_OK, left == 0),
                                     f"{self.what}: all of it")
        if self.pieces == 0:
            raise Unknown(f"{self.what}: no piece")
        return self.bench.machine.checks


def stretches():
    """Every leaf level of the largest regimes; those with tables alike once."""
    cases = {}
    for regime in largest(planned()):
        for level in regime.leaves():
            cases[regime.granule, regime.wide, level, regime.entries(level)] = Leaves(
                *regime, level)
    return list(cases.values())


def prove_stretch(module, leaves):
    """What stretch_map() writes at one level of one regime."""
    return FillLoop(module, Regime(*leaves[:4]), leaves.level).check()


# ---- all of it -----------------------------------------------------------------------------------

PROOFS = {"regime": (prove_regime, regimes), "stage2": (prove_stage2, stages),
          "descriptor": (prove_descriptor, formats),
          "request": (prove_request, planned), "map": (prove_map, lambda: largest(planned())),
          "stretch": (prove_stretch, stretches)}

# Of tests/mutants/mutants.txt, and the proof that must fail with it.
DEFECTS = {
    "SH is written under DS": "descriptor",
    "PA bits 51:50 are lost in LPA2 descriptors": "descriptor",
    "PA bits 51:48 are lost in 64K descriptors": "descriptor",
    "the root's bits 51:48 are not moved in TTBR": "descriptor",
    "stage 2 begins one level up": "stage2",
    "a root of stage 2 is one table": "stage2",
    "the root is a level too low": "regime",
    "the root has an entry too many": "regime",
    "the hint is set on a partial group": "stretch",
    "the hint ignores physical alignment": "stretch",
    "blocks ignore physical alignment": "map",
    "a run carries over bit 48 of the physical address": "map",
    "an end above the space is not refused": "request",
    "a user's leaves are global": "descriptor",
    "EL2's tables have UXNTable": "descriptor",
    "stage 2 has no XN": "descriptor",
}


def compile_module(root):
    module = Module()
    for source in SOURCES:
        module.read(subprocess.run([*COMPILE, "-Iinclude", source], cwd=root, check=True,
                                   capture_output=True, text=True).stdout)
    return module


def run_case(arguments):
    """(claims proven, None), or what is wrong."""
    module, name, regime = arguments
    try:
        return PROOFS[name][0](module, regime), None
    except (Disproved, Unknown) as error:
        return 0, f"{type(error).__name__.upper()}: {error}"


def run_proof(module, name, some):
    """The same for the regimes in @some. Ends at the first that fails."""
    claims = 0
    with multiprocessing.Pool() as pool:
        cases = [(module, name, regime) for regime in some]
        for count, wrong in pool.imap_unordered(run_case, cases):
            if wrong:
                return 0, wrong
            claims += count
    return claims, f"{claims} claims proven in {len(cases)} cases"


def read_defects():
    loader = importlib.machinery.SourceFileLoader("mutants", str(ROOT / "scripts/mutants"))
    mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", loader))
    loader.exec_module(mutants)
    return {mutant.name: mutant for mutant in mutants.read_mutants()}, mutants.pattern


def disprove(defect, pattern, name):
    """Whether the proof @name fails on the sources with @defect in them."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        for part in ("mm", "include"):
            shutil.copytree(ROOT / part, pathlib.Path(directory, part))
        path = pathlib.Path(directory, defect.file)
        text, count = pattern(defect.old).subn(lambda _: defect.new, path.read_text("utf-8"))
        if count != 1:
            return False, f"{defect.file} has it {count} times"
        path.write_text(text, "utf-8")
        some = largest(PROOFS[name][1]())
        claims, text = run_proof(compile_module(directory), name, some)
    return claims == 0 and text.startswith("DISPROVED"), text


def main():
    word, failed = " ".join(sys.argv[1:]), False
    module = compile_module(ROOT)
    for name in (name for name in PROOFS if word in name):
        start = time.monotonic()
        claims, text = run_proof(module, name, PROOFS[name][1]())
        failed |= claims == 0
        print(f"  PROOF   {name:11} {time.monotonic() - start:5.0f} s  {text}", flush=True)
    defects, pattern = read_defects()
    for defect, name in DEFECTS.items():
        if word not in name:
            continue
        good, text = disprove(defects[defect], pattern, name)
        failed |= not good
        print(f"  DEFECT  {name:11} {defect}: {'disproved' if good else 'NOT DISPROVED: ' + text}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
