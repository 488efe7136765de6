# SPDX-License-Identifier: MIT
"""The judge of the discipline on streams written by hand: of each rule one that keeps it, and ones
that do not, by one step less or one in the wrong place. And what it cannot judge."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
JUDGE = ROOT / os.environ.get("O", "build") / "host/discipline"

BASE, SIZE = 0x40200000, 0x200000
RAM, RAM_SIZE = 0x40000000, 0x1000000
CPUMASK = (1 << 64) - 1

LEAF = 0x701  # a block: AF, inner shareable
NAMES = {
    "FDT": 0x40800000,  # not in the Image
    "TABLES": 0x40300000, "ROOT": 0x40300000, "ROOT2": 0x40301000, "TABLE": 0x40302000,
    "LOCK": 0x40311000, "DATA": 0x40310000, "CODE": 0x40320000,
    "BLOCK": 0x40000000 | LEAF, "READONLY": 0x40000000 | LEAF | 0x80,
    "UNCACHED": 0x40000000 | LEAF | 0x80 | 4, "OTHER": 0x400000000 | LEAF,
    "CONT0": 0x400000000 | LEAF | 1 << 52, "CONT1": 0x440000000 | LEAF | 1 << 52,
    "NOCONT1": 0x440000000 | LEAF, "LINK": 0x40302003,
    "TCR": 25 | 1 << 8 | 1 << 10 | 3 << 12 | 25 << 16 | 1 << 23 | 2 << 30 | 2 << 32,
    "TCR_OUTER": 25 | 1 << 8 | 1 << 10 | 2 << 12 | 25 << 16 | 1 << 23 | 2 << 30 | 2 << 32,
    "MAIR": 0x44ff, "ON": 0x1005, "OFF": 0, "ICACHE": 0x1000, "CTR": 0x84448004,
    "CODE_WORDS": 0xd61f03c0 << 32 | 0xd503201f,  # nop; br x30
    "OTHER_READONLY": 0x400000000 | LEAF | 0x80,
    "VA2": 0x80000000, "VA3": 0xc0000000, "VA4": 0x100000,
    "HINT1": 0x5 << 44 | 0x80000, "HINT3": 0x7 << 44 | 0x80000, "NOHINT": 0x80000,
    "WRONGTG": 0x9 << 44 | 0x80000,
    # Stage 2: a root for 39 bits with SL0 of 1; blocks, one of them elsewhere; VM, RW, and DC.
    "ROOT_S2": 0x40304000, "VTCR": 25 | 1 << 6 | 1 << 8 | 1 << 10 | 3 << 12 | 2 << 16 | 1 << 31,
    "S2": 0x40000000 | LEAF | 0xfc, "IPA2": 0x80000, "VM": 1 << 31 | 1 | 1 << 12,
    "VM_NO_DC": 1 << 31 | 1, "RW": 1 << 31,
}

# Each with the register that it takes in bits 4:0, if it takes one.
WORDS = {
    "dc ivac": 0xd5087620, "dc cvac": 0xd50b7a20, "dc cvau": 0xd50b7b20, "dc civac": 0xd50b7e20,
    "dsb sy": 0xd5033f9f, "dsb ish": 0xd5033b9f, "dsb ishst": 0xd5033a9f, "dsb nsh": 0xd503379f,
    "dmb sy": 0xd5033fbf, "isb": 0xd5033fdf, "ic iallu": 0xd508751f, "nop": 0xd503201f,
    "tlbi vmalle1": 0xd508871f, "tlbi vmalle1is": 0xd508831f, "tlbi vaae1is": 0xd5088360,
    "tlbi vaale1is": 0xd50883e0, "at": 0xd5087800,
    "msr sctlr": 0xd5181000, "msr tcr": 0xd5182040, "msr ttbr0": 0xd5182000,
    "msr ttbr1": 0xd5182020, "msr mair": 0xd518a200, "msr vbar": 0xd518c000,
    "sev": 0xd503209f, "tlbi vaae1": 0xd5088760,
    "msr hcr": 0xd51c1100, "msr vtcr": 0xd51c2140, "msr vttbr": 0xd51c2100,
    "msr cptr": 0xd51c1140, "msr mdcr": 0xd51c1120, "msr hstr": 0xd51c1160,
    "msr vpidr": 0xd51c0000, "msr vmpidr": 0xd51c00a0, "msr cnthctl": 0xd51ce100,
    "msr cntvoff": 0xd51ce060, "tlbi alle1": 0xd50c879f, "tlbi vmalls12e1": 0xd50c87df,
    "tlbi ipas2e1is": 0xd50c8020,
}
# Addresses and operands are in x3, what is stored in x2, what is read goes to x1.
LDR, STR, STLR, BR, HVC = 0xf9400061, 0xf9000062, 0xc89ffc62, 0xd61f0060, 0xd4000002
ERET = 0xd69f03e0
LDADDAL, LDAR, LDAXR, STLR_HALF = 0xb8e20061, 0x88dffc61, 0x885ffc61, 0x889ffc62
MRS_CTR, MRS_PAR = 0xd53b0021, 0xd5387401

TABLE_STEPS = "str ROOT+8 BLOCK; dmb sy; dc ivac ROOT; dsb sy; "
REGISTERS = "msr mair MAIR; msr tcr TCR; msr ttbr0 ROOT; msr vbar 0; "
ENTER = "isb; tlbi vmalle1; ic iallu; dsb nsh; isb; msr sctlr ON; isb; "
MMU = TABLE_STEPS + REGISTERS + ENTER
SECOND = "str ROOT+16 READONLY; dsb ishst; isb; "
BREAK = "str ROOT+16 0; dsb ishst; tlbi vaae1is NOHINT; dsb ish; isb; "

# The rule, what keeps it, and steps of that without any one of which, or with one changed to
# another, it is broken.
CASES = [
    ("C1", "dc cvac FDT; dsb sy; ldr FDT", ["dc cvac FDT", "dsb sy"]),
    ("C2", MMU, ["dc ivac ROOT"]),
    ("C2", "str DATA 1; dmb sy; dc ivac DATA; dsb sy; " + MMU + "ldr DATA", ["dc ivac DATA"]),
    ("C3", "str DATA 1; dmb sy; dc ivac DATA; dsb sy; " + MMU + "ldr DATA", ["dmb sy"]),
    ("C3", MMU + "ldr DATA", [("str ROOT+8", "dc ivac DATA; dsb sy; str DATA 1; str ROOT+8")]),
    ("C4", "dc cvac FDT; dsb sy; dc ivac FDT; dsb sy", ["dc cvac FDT"]),
    ("C5", MMU + "str DATA 1; dc cvac DATA; dsb sy; msr sctlr OFF; isb; ldr DATA",
     ["dc cvac DATA"]),
    ("C6", MMU + "str ROOT+16 UNCACHED; dsb ishst; isb; str DATA 1; dc civac DATA; dsb sy; "
     "ldr DATA+0x40000000", ["dc civac DATA"]),
    ("C7", "dc cvac DATA; dsb sy", ["mrs ctr"]),
    ("I1", MMU + "str CODE CODE_WORDS; dc cvau CODE; dsb ish; ic iallu; dsb ish; isb; run CODE",
     ["dc cvau CODE", ("dc cvau CODE; dsb ish", "dc cvau CODE"),
      ("dsb ish; ic iallu; dsb ish", "dsb ish; dsb ish"),
      ("ic iallu; dsb ish; isb", "ic iallu; isb"), ("dsb ish; isb; run", "dsb ish; run")]),
    ("I2", "ic iallu; dsb nsh; isb; msr sctlr ICACHE; isb", ["ic iallu", "dsb nsh"]),
    ("S1", MMU + "ldr DATA", [("msr sctlr ON; isb; ldr", "msr sctlr ON; ldr")]),
    ("S1", MMU + "at DATA; isb; mrs par", [("at DATA; isb", "at DATA")]),
    ("S2", MMU, ["tlbi vmalle1", "dsb nsh", ("dsb nsh; isb", "dsb nsh"),
                 ("vbar 0; isb; tlbi", "vbar 0; tlbi")]),
    ("S3", MMU + "msr tcr TCR; isb", [("msr tcr TCR; isb", "msr tcr TCR_OUTER; isb")]),
    ("S4", MMU + "str ROOT2+8 BLOCK; dsb sy; msr sctlr OFF; isb; tlbi vmalle1; dsb nsh; isb; "
     "msr ttbr0 ROOT2; isb; tlbi vmalle1; dsb nsh; isb; msr sctlr ON; isb",
     [("msr sctlr OFF; isb; tlbi vmalle1; dsb nsh; isb; msr ttbr0", "msr ttbr0")]),
    ("S5", MMU, ["msr mair MAIR", "msr vbar 0"]),
    ("T1", MMU + SECOND + BREAK + "str ROOT+16 OTHER; dsb ishst; isb", [(BREAK, "")]),
    ("T2", MMU + "str ROOT+128 CONT0; str ROOT+136 CONT1; dsb ishst; isb",
     [("CONT1", "NOCONT1")]),
    ("T3", MMU + SECOND + BREAK + "str ROOT+16 OTHER; dsb ishst; isb",
     [("tlbi vaae1is NOHINT; ", ""), ("dsb ishst; tlbi", "tlbi"), ("dsb ish; isb; str", "str")]),
    ("T3", MMU + SECOND + BREAK, [("tlbi vaae1is NOHINT; ", "")]),
    ("T4", MMU + "str TABLE BLOCK; dmb sy; str ROOT+24 LINK; dsb ishst; isb",
     [("BLOCK; dmb sy; str ROOT+24", "BLOCK; str ROOT+24")]),
    ("T4", MMU + "str TABLE BLOCK; stlr ROOT+24 LINK; dsb ishst; isb", [("stlr", "str")]),
    ("T5", MMU + SECOND + "ldr DATA+0x40000000",
     [("dsb ishst; isb; ldr", "isb; ldr"), ("dsb ishst; isb; ldr", "dsb ishst; ldr")]),
    ("T6", MMU + SECOND + BREAK.replace("vaae1is NOHINT", "vaale1is HINT1"),
     [("HINT1", "HINT3"), ("HINT1", "WRONGTG")]),
    ("T9", MMU + SECOND, [("READONLY", "BLOCK")]),
    ("T11", MMU + "str TABLE READONLY; dmb sy; str ROOT+24 LINK; dsb ishst; isb",
     [("str ROOT+24 LINK;", "str ROOT+24 LINK; str ROOT+32 LINK;")]),
]


# The same with two CPUs: steps after "cpu 1" are that one's. It starts at the same instruction, and
# its MMU goes on with the tables of the first.
SHARED = MMU + SECOND + "cpu 1; " + REGISTERS + ENTER + "cpu 0; "
CPU_CASES = [
    ("C2", "cpu 1; str DATA 1; dmb sy; str DATA+64 1; cpu 0; " + MMU +
     "dc ivac DATA; dc ivac DATA+64; dsb sy; ldr DATA+64; ldr DATA", ["dc ivac DATA"]),
    ("C3", MMU + "dc ivac DATA; dsb sy; ldr DATA; dc ivac DATA; dsb sy; cpu 1; str DATA 1; cpu 0; "
     "ldr DATA; dc ivac DATA; dsb sy; ldr DATA",
     [("ldr DATA; dc ivac DATA; dsb sy; cpu 1", "ldr DATA; cpu 1")]),
    ("C5", MMU + "str DATA 1; dc cvac DATA; dsb sy; cpu 1; ldr DATA",
     [("dc cvac DATA", "str DATA+256 1; dc cvac DATA+256; dsb sy; cpu 1; ldr DATA+256; cpu 0")]),
    ("C5", MMU + "str DATA 1; cpu 1; ldr DATA; cpu 0; dc cvac DATA; dsb sy; idle 300",
     ["dc cvac DATA"]),
    ("T10", SHARED + "lock; " + BREAK + "unlock", ["lock", ("lock; str", "lock; unlock; str")]),
    ("T10", SHARED + "lock; cpu 1; lock; cpu 0; unlock; cpu 1; wait; " + BREAK + "unlock; cpu 0",
     ["wait", ("cpu 0; unlock; cpu 1; wait", "cpu 1; wait")]),
    ("T7", SHARED + "lock; " + BREAK + "unlock",
     [("vaae1is", "vaae1"), ("NOHINT; dsb ish", "NOHINT; dsb nsh")]),
    ("M1", MMU + "cpu 1; nop; cpu 0; str DATA 1; dsb ishst; sev", ["dsb ishst"]),
    ("M1", MMU + "cpu 1; nop; cpu 0; str DATA 1; dc cvac DATA; dsb sy; sev",
     [("dc cvac DATA; dsb sy", "dc cvac DATA; dsb ishst")]),
    ("S2", SHARED, [("cpu 1; " + REGISTERS + "isb; tlbi vmalle1; ", "cpu 1; " + REGISTERS +
                     "isb; ")]),
    ("S5", SHARED, [("cpu 1; msr mair MAIR; ", "cpu 1; ")]),
]


# The same with somebody at EL2, where the machine begins. Its guest has no tables; its host has.
EL2 = ("msr cptr 0; msr mdcr 0; msr hstr 0; msr vpidr 0; msr vmpidr 0; msr cnthctl 0; "
       "msr cntvoff 0; msr vttbr 0; msr sctlr OFF; ")
TABLES_S2 = "str ROOT_S2+8 S2; str ROOT_S2+16 S2; dmb sy; dc ivac ROOT_S2; dsb sy; "
GUEST = EL2 + TABLES_S2 + (
    "msr vtcr VTCR; msr vttbr ROOT_S2; isb; msr hcr VM; isb; tlbi alle1; ic iallu; dsb nsh; isb; ")
GONE_S2 = "str ROOT_S2+16 0; dmb sy; dc ivac ROOT_S2; dsb sy; "
CHANGE_S2 = GONE_S2 + "tlbi ipas2e1is IPA2; dsb ish; tlbi vmalle1is; dsb ish; isb; "
HOST = EL2 + "msr hcr RW; isb; eret; str ROOT2+8 BLOCK; " + MMU + "dc ivac ROOT2; dsb sy; hvc; "
OTHER_REGISTERS = "msr sctlr OFF; msr tcr 0; msr ttbr0 0; msr ttbr1 0; isb; "
HOST_REGISTERS = "msr sctlr ON; msr tcr TCR; msr ttbr0 ROOT; isb; "
EL2_CASES = [
    # A guest's loads are cached with DC, and go where stage 2 says.
    ("C2", GUEST + "str DATA 1; dmb sy; dc ivac DATA; dsb sy; eret; ldr DATA+0x40000000; hvc",
     ["dc ivac DATA"]),
    ("C5", GUEST + "eret; str DATA 1; dc cvac DATA+0x40000000; dsb sy; hvc; ldr DATA",
     ["dc cvac DATA+0x40000000"]),
    ("C6", GUEST + "eret; str DATA 1; dc cvac DATA; dsb sy; hvc; msr hcr VM_NO_DC; isb; eret; "
     "ldr DATA; hvc", ["dc cvac DATA"]),
    ("T8", GUEST + "eret; nop; hvc; " + CHANGE_S2 + "eret; nop; hvc",
     ["tlbi ipas2e1is IPA2", "tlbi vmalle1is", ("IPA2; dsb ish; tlbi", "IPA2; tlbi"),
      ("is; dsb ish; isb; eret", "is; isb; eret")]),
    ("T8", GUEST + "eret; nop; hvc; " + GONE_S2 + "tlbi vmalls12e1; dsb nsh; isb; eret; nop; hvc",
     ["tlbi vmalls12e1", ("vmalls12e1; dsb nsh", "vmalls12e1")]),
    ("S5", GUEST + "eret; nop; hvc", ["msr vpidr 0", "msr hstr 0"]),
    # What EL2 has in EL1's registers meanwhile is nothing to anybody; what it leaves there is.
    ("S4", HOST + OTHER_REGISTERS + HOST_REGISTERS + "eret; nop; hvc",
     [("TCR; msr ttbr0 ROOT; isb; eret", "TCR; msr ttbr0 ROOT2; isb; eret")]),
]


def number(text):
    """A name, a number, or a name and a number."""
    name, _, more = text.partition("+")
    return (NAMES[name] if name in NAMES else int(name, 0)) + (int(more, 0) if more else 0)


class Stream:
    """What QEMU would log of a machine that executes some steps; and the Image they are in."""

    def __init__(self, steps, end=True, level=1):
        self.pc, self.x, self.log, self.level = BASE, [0] * 31, [], level
        self.cpu, self.others = 0, {}
        self.image = bytearray(SIZE)
        self.memory = {}
        for step in filter(None, (step.strip() for step in steps.split(";"))):
            self.step(step)
        self.select(0)
        if end:
            self.x[0] = 0x84000008
            self.emit(HVC)

    def emit(self, word):
        if self.pc - BASE < 0x100000:
            self.image[self.pc - BASE:self.pc - BASE + 4] = word.to_bytes(4, "little")
        values = [f"X{i:02}={value:016x}" for i, value in enumerate(self.x)] + [" SP=0"]
        self.log += ["----------------", "IN: ", f"0x{self.pc:08x}:  {word:08x}  ...", ""]
        self.log += [f"Trace {self.cpu}: 0x7f0000000000 [0/0/0/0] "]
        self.log += [f" PC={self.pc:016x} " + " ".join(values[:2])]
        self.log += [" ".join(values[i:i + 3]) for i in range(2, 32, 3)]
        self.log += [f"PSTATE=400003c{self.level * 4 + 1:x} -Z-- EL{self.level}h  BTYPE=0"]
        self.pc += 4

    def select(self, cpu):
        """Another CPU's turn. Each executes its own part of the Image."""
        self.others[self.cpu] = self.pc, self.x
        self.cpu = cpu
        self.pc, self.x = self.others.get(cpu, (BASE + 0x10000 * cpu, [0] * 31))

    def store(self, word, address, value):
        self.x[3], self.x[2] = address, value
        self.memory[address % 0x40000000] = value
        self.emit(word)

    def load(self, address):
        self.x[3] = address
        self.emit(LDR)
        self.x[1] = self.memory.get(address % 0x40000000, 0)

    def lock(self):
        """Draw a number, and see that it is served."""
        number = self.memory.get(NAMES["LOCK"] % 0x40000000, 0)
        self.x[2], self.x[3] = 1, NAMES["LOCK"]
        self.emit(LDADDAL)
        self.memory[NAMES["LOCK"] % 0x40000000] = number + 1
        self.x[1] = number
        self.look(LDAR)

    def look(self, word):
        """Whose number is served, into x1."""
        self.x[3] = NAMES["LOCK"] + 4
        self.emit(word)
        self.x[1] = self.memory.get(self.x[3] % 0x40000000, 0)

    def wait(self):
        self.look(LDAXR)

    def unlock(self):
        served = self.memory.get((NAMES["LOCK"] + 4) % 0x40000000, 0) + 1
        self.x[2], self.x[3] = served, NAMES["LOCK"] + 4
        self.emit(STLR_HALF)
        self.memory[self.x[3] % 0x40000000] = served

    def run(self, address):
        back = self.pc + 4
        self.x[3], self.x[30] = address, back
        self.emit(BR)
        self.pc = address
        self.emit(WORDS["nop"])
        self.emit(0xd61f03c0)
        self.pc = back

    def step(self, step):
        words = step.split()
        if words[0] in ("str", "stlr"):
            self.store(STR if words[0] == "str" else STLR, number(words[1]), number(words[2]))
        elif step in ("lock", "wait", "unlock"):
            getattr(self, step)()
        elif words[0] == "cpu":
            self.select(int(words[1]))
        elif words[0] == "idle":
            for _ in range(int(words[1])):
                self.emit(WORDS["nop"])
        elif step == "eret":
            self.emit(ERET)
            self.level = 1
            self.log += [f"Exception return from AArch64 EL2 to AArch64 EL1 PC 0x{self.pc:x}"]
        elif step == "hvc":
            self.emit(HVC)
            self.level = 2
            self.log += ["Taking exception 11 [Hypervisor Call] on CPU 0", "...from EL1 to EL2",
                         f"...with ELR 0x{self.pc:x}", f"...to EL2 PC 0x{self.pc:x} PSTATE 0x3c9"]
        elif words[0] == "ldr":
            self.load(number(words[1]))
        elif words[0] == "run":
            self.run(number(words[1]))
        elif step in ("mrs ctr", "mrs par"):
            self.emit(MRS_CTR if step == "mrs ctr" else MRS_PAR)
            self.x[1] = NAMES["CTR"] if step == "mrs ctr" else 0
        elif words[0] == "word":
            self.emit(int(words[1], 16))
        elif step in WORDS:
            self.emit(WORDS[step])
        else:
            *name, operand = words
            self.x[3] = number(operand)
            self.emit(WORDS[" ".join(name)] | 3)


def judge(path, stream, cut=None):
    """(exit status, {rule: what was said of it}, all that was said)."""
    (path / "Image").write_bytes(stream.image)
    log = "\n".join(stream.log) + "\n"
    result = subprocess.run([JUDGE, "--image", path / "Image", "--at", hex(BASE), "--size",
                             hex(SIZE), "--ram", f"{RAM:#x},{RAM_SIZE:#x}"],
                            input=log[:cut], capture_output=True, text=True, check=False)
    broken = dict(re.findall(r"^violation (\w+) (.*)$", result.stdout, re.MULTILINE))
    return result.returncode, broken, result.stdout + result.stderr


def without(steps, what):
    """@steps with one thing left out, or changed: always the first, or of a pair the first with the
    second."""
    old, new = what if isinstance(what, tuple) else (what + "; ", "")
    assert old in steps + "; ", f"{old} in {steps}"
    return (steps + "; ").replace(old, new, 1)


def kept(cases):
    return pytest.mark.parametrize("rule, steps", [
        pytest.param(rule, steps, id=f"{rule}-{i}") for i, (rule, steps, _) in enumerate(cases)])


def broken_by(cases):
    return pytest.mark.parametrize("rule, steps, what", [
        pytest.param(rule, steps, what, id=f"{rule}-{i}-{j}")
        for i, (rule, steps, every) in enumerate(cases) for j, what in enumerate(every)])


def passes(path, steps, level=1):
    """What was said of it."""
    status, broken, said = judge(path, Stream("mrs ctr; " + steps, level=level))
    assert (status, broken) == (0, {}), said
    return said


def has_looked(rule, said):
    return re.search(rf"^looked {rule} [1-9]", said, re.MULTILINE)


def breaks(path, rule, steps, level=1):
    status, broken, said = judge(path, Stream(steps, level=level))
    assert status == 1, said
    assert rule in broken, said


@kept(CASES)
def test_a_stream_that_keeps_a_rule_passes(tmp_path, rule, steps):
    said = passes(tmp_path, steps)
    assert rule in ("S4", "T11") or has_looked(rule, said), said


@broken_by(CASES)
def test_a_stream_that_breaks_it_does_not(tmp_path, rule, steps, what):
    breaks(tmp_path, rule, without("mrs ctr; " + steps, what))


# A table that says the same throughout, at two addresses.
UNIFORM = MMU + "; ".join(f"str TABLE+{8 * i} OTHER" for i in range(512)) + (
    "; dmb sy; str ROOT+24 LINK; str ROOT+32 LINK; dsb ishst; isb; ")
FORGET = "dsb ishst; tlbi vmalle1is; dsb ish; isb; "


@pytest.mark.parametrize("change", ["", "str TABLE+8 OTHER_READONLY; ", "str ROOT+32 0; ",
                                    "str ROOT+32 0; " + FORGET + "str ROOT+32 READONLY; "])
def test_a_table_whose_entries_are_all_alike_may_stand_at_many_places(tmp_path, change):
    said = passes(tmp_path, UNIFORM + change + FORGET)
    assert has_looked("T11", said), said


@pytest.mark.parametrize("change", ["str TABLE+8 OTHER_READONLY; ", "str ROOT+32 0; "])
@pytest.mark.parametrize("forget", ["", FORGET.replace("vmalle1is", "vaae1is VA4")])
def test_and_a_change_of_it_goes_from_all_of_them(tmp_path, change, forget):
    breaks(tmp_path, "T6" if forget else "T3", "mrs ctr; " + UNIFORM + change + forget)


def test_with_one_entry_that_is_not_alike_it_may_not(tmp_path):
    what = "TABLE+4088 OTHER", "TABLE+4088 OTHER_READONLY"
    breaks(tmp_path, "T11", without("mrs ctr; " + UNIFORM, what))


@kept(CPU_CASES)
def test_a_stream_of_two_cpus_that_keeps_a_rule_passes(tmp_path, rule, steps):
    said = passes(tmp_path, steps)
    assert has_looked(rule, said), said


@broken_by(CPU_CASES)
def test_a_stream_of_two_cpus_that_breaks_it_does_not(tmp_path, rule, steps, what):
    breaks(tmp_path, rule, without("mrs ctr; " + steps, what))


@kept(EL2_CASES)
def test_a_stream_with_el2_that_keeps_a_rule_passes(tmp_path, rule, steps):
    said = passes(tmp_path, steps, level=2)
    assert has_looked(rule, said), said


@broken_by(EL2_CASES)
def test_a_stream_with_el2_that_breaks_it_does_not(tmp_path, rule, steps, what):
    breaks(tmp_path, rule, without("mrs ctr; " + steps, what), level=2)


def test_an_instruction_that_is_not_known_is_not_judged(tmp_path):
    status, _, said = judge(tmp_path, Stream("word 00000000"))
    assert status == 2
    assert "not judged" in said and "not known: 0x00000000" in said


def test_a_stream_that_breaks_off_is_not_judged(tmp_path):
    status, _, said = judge(tmp_path, Stream("mrs ctr; nop; nop", end=False))
    assert status == 2
    assert "breaks off" in said


def test_a_stream_cut_within_registers_is_not_judged(tmp_path):
    status, _, said = judge(tmp_path, Stream("mrs ctr; nop; nop", end=False), cut=-200)
    assert status == 2, said


def test_a_stream_without_the_image_is_not_judged(tmp_path):
    stream = Stream("")
    stream.log = []
    status, _, said = judge(tmp_path, stream)
    assert status == 2
    assert "first instruction is not in the stream" in said


def test_a_step_that_is_missing_is_noticed(tmp_path):
    stream = Stream("mrs ctr; nop; nop; nop")
    blocks = "\n".join(stream.log).split("----------------\n")
    stream.log = "----------------\n".join(blocks[:2] + blocks[3:]).split("\n")
    status, _, said = judge(tmp_path, stream)
    assert status == 2
    assert "missing" in said


def test_a_load_that_gives_what_was_not_stored_is_noticed(tmp_path):
    stream = Stream("mrs ctr; str DATA 1", end=False)
    stream.memory[NAMES["DATA"] % 0x40000000] = 2
    stream.step("ldr DATA")
    stream.step("nop")
    status, _, said = judge(tmp_path, stream)
    assert status == 2
    assert "what was stored there is 0x1" in said
