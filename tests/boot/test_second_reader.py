# SPDX-License-Identifier: MIT
"""Every value of `report json` and `ptdump json` beside one that comes from elsewhere: the CPU's
registers, QEMU's monitor, memory, the symbols, what the test asked for, or, where nothing else
knows, the text that other code prints. A key of docs/report.schema.json without such a reader
fails here, and so does a value that a document has and its machine's readers have not.
"""
import contextlib
import dataclasses
import functools
import itertools
import re
import struct

import pytest

from gdb import Gdb
from machine import PROMPT, ROOT, SCHEMA, Machine, image_size, number, regions, symbols
from scs import functions
from test_el2 import CACHES_ON, MMU_ON, MMU_WARNING, TABLE_AT, start
from test_regimes import Row, expected_layout
from test_uefi import FIRMWARE, Firmware
from walker import El2Walker, Stage2Walker, Walker, bits

MIB, TOP = 1 << 20, 1 << 64
RAM, RAM_SIZE = 0x40000000, 512 * MIB
IMAGE_AT = 0x40200000  # where QEMU puts it
UART = 0x9000000
FDT_MAGIC = 0xD00DFEED
SYSTEM_TABLE, RSDP = b"IBI SYST", b"RSD PTR "
STAGES = ["entry", "facts", "plan", "tables", "relocated", "published", "flip", "kernel_main",
          "tree", "memory", "prompt"]
EFI_TYPES = ["reserved", "loader code", "loader data", "boot services code", "boot services data",
             "runtime services code", "runtime services data", "conventional", "unusable",
             "ACPI reclaim", "ACPI NVS", "memory-mapped I/O", "memory-mapped I/O ports", "PAL code",
             "persistent", "unaccepted"]

# Op0, op1, CRn, CRm, op2 (DDI 0487, D19.2). With HCR_EL2.E2H what is named EL1 is EL2's.
ENCODINGS = {
    "MIDR_EL1": (3, 0, 0, 0, 0), "MPIDR_EL1": (3, 0, 0, 0, 5), "REVIDR_EL1": (3, 0, 0, 0, 6),
    "CTR_EL0": (3, 3, 0, 0, 1), "DCZID_EL0": (3, 3, 0, 0, 7), "CNTFRQ_EL0": (3, 3, 14, 0, 0),
    "ID_AA64PFR0_EL1": (3, 0, 0, 4, 0), "ID_AA64PFR1_EL1": (3, 0, 0, 4, 1),
    "ID_AA64PFR2_EL1": (3, 0, 0, 4, 2), "ID_AA64ZFR0_EL1": (3, 0, 0, 4, 4),
    "ID_AA64SMFR0_EL1": (3, 0, 0, 4, 5), "ID_AA64DFR0_EL1": (3, 0, 0, 5, 0),
    "ID_AA64DFR1_EL1": (3, 0, 0, 5, 1), "ID_AA64AFR0_EL1": (3, 0, 0, 5, 4),
    "ID_AA64ISAR0_EL1": (3, 0, 0, 6, 0), "ID_AA64ISAR1_EL1": (3, 0, 0, 6, 1),
    "ID_AA64ISAR2_EL1": (3, 0, 0, 6, 2), "ID_AA64ISAR3_EL1": (3, 0, 0, 6, 3),
    "ID_AA64MMFR0_EL1": (3, 0, 0, 7, 0), "ID_AA64MMFR1_EL1": (3, 0, 0, 7, 1),
    "ID_AA64MMFR2_EL1": (3, 0, 0, 7, 2), "ID_AA64MMFR3_EL1": (3, 0, 0, 7, 3),
    "ID_AA64MMFR4_EL1": (3, 0, 0, 7, 4), "SCTLR_EL1": (3, 0, 1, 0, 0),
    "TTBR0_EL1": (3, 0, 2, 0, 0), "TTBR1_EL1": (3, 0, 2, 0, 1), "TCR_EL1": (3, 0, 2, 0, 2),
    "MAIR_EL1": (3, 0, 10, 2, 0), "HCR_EL2": (3, 4, 1, 1, 0),
}
OUTPUT_SIZES = [32, 36, 40, 42, 44, 48, 52]  # by IPS
GRANULES = {0b01: 16384, 0b10: 4096, 0b11: 65536}  # by TG1


@dataclasses.dataclass
class Case:
    """A machine, and what nobody but whoever chose it can know of its report."""
    name: str
    open: object  # a context that gives the machine
    el: int = 1
    entry_el: int = 1
    append: str = ""
    cpu: tuple = ("QEMU", "max")
    entry: tuple = (False, False, False, False)  # MMU, data cache, instruction cache, E2H stuck
    kaslr: str = "fdt"
    page_size: str = "smallest"
    va_reason: str = "the CPU has FEAT_LPA2 for this page size"
    el_reason: str = "entered there"
    panic: str = "halt"
    overrides: tuple = ()  # (option, field, value, status, reason)
    warnings: tuple = ()
    image: int = IMAGE_AT  # 0: where firmware put it
    fdt: bool = True  # QEMU put it into memory
    cpus: tuple = (("running", ""),)  # (state, reason)
    hyp: str = ""  # the mode of what runs at EL2

    def __str__(self):
        return self.name


OVERRIDES = (
    ("nokaslr", "arm64_sw.nokaslr", "1", "applied", ""),
    ("rodata", "arm64_sw.rodataoff", "1", "applied", ""),
    ("id_aa64mmfr1.pan", "id_aa64mmfr1.pan", "0", "applied", ""),
    ("id_aa64pfr1.bt", "id_aa64pfr1.bt", "3", "refused",
     "above what the CPU has; overrides only lower"),
    ("id_aa64mmfr1.vh", "id_aa64mmfr1.vh", "9x", "malformed", "the value is not one hex digit"),
    ("arm64.foo", "arm64.foo", "1", "malformed", "no such option"),
)
OLD = ("arm64.pagesize=64k nokaslr panic=reboot rodata=off id_aa64mmfr1.pan=0 id_aa64pfr1.bt=3 "
       "id_aa64mmfr1.vh=9x arm64.foo=1")
PROTECTED = "kvm-arm.mode=protected pagoda.stage2=full"
MMU_LEFT_ON = MMU_ON.format(el=1, table_high=TABLE_AT >> 16, tcr_high=0x80, tlbi="vmalle1")
LOADED_AT = start.__globals__["IMAGE_AT"]

CASES = [
    Case("EL2", lambda: Machine("max", "panic=poweroff", "virtualization=on"), el=2, entry_el=2,
         append="panic=poweroff", panic="poweroff", el_reason="the CPU has FEAT_VHE"),
    Case("old", lambda: Machine("cortex-a57", OLD), append=OLD, cpu=("Arm", "Cortex-A57"),
         kaslr="off: nokaslr", page_size="asked for", va_reason="the CPU lacks FEAT_LVA",
         panic="reboot", overrides=OVERRIDES, warnings=(
             "W^X is NOT enforced: rodata=off makes text writable, which needs WXN off",)),
    Case("two", lambda: Machine("max", "maxcpus=1", arguments=("-smp", "2")), append="maxcpus=1",
         cpus=(("running", ""), ("off", "left out: maxcpus= or nosmp"))),
    # So that no two of its protections are alike on all machines.
    Case("a76", lambda: Machine("cortex-a76"), cpu=("Arm", "Cortex-A76"),
         va_reason="the CPU lacks FEAT_LPA2 for this page size"),
    Case("caches", lambda: start(CACHES_ON.format(el=1), "arm64.pagesize=16k arm64.nobti"),
         append="arm64.pagesize=16k arm64.nobti", page_size="asked for",
         entry=(False, True, True, False), image=LOADED_AT, fdt=False,
         overrides=(("arm64.nobti", "id_aa64pfr1.bt", "0", "applied", ""),)),
    Case("mmu", lambda: start(MMU_LEFT_ON), entry=(True, True, False, False),
         warnings=(MMU_WARNING,), image=LOADED_AT, fdt=False),
    Case("hypervisor", lambda: Machine("max", PROTECTED, "virtualization=on", exceptions=None),
         entry_el=2, append=PROTECTED, el_reason="VHE was turned off (id_aa64mmfr1.vh=0)",
         overrides=(("kvm-arm.mode", "id_aa64mmfr1.vh", "0", "applied", ""),), hyp="protected"),
    Case("uefi", lambda: Firmware("acpi=off", "arm64.pagesize=64k"), append="arm64.pagesize=64k",
         page_size="asked for", va_reason="the CPU has FEAT_LVA", image=0, fdt=False,
         entry=None),
    Case("acpi", lambda: Firmware("", "", arguments=["-bios", FIRMWARE, "-device",
                                                     "virtio-rng-pci"]),
         kaslr="efi", image=0, fdt=False, entry=None),
]


class Look:
    """A machine at its prompt, and what is to be known of it without its documents."""

    def __init__(self, case, machine):
        self.case, self.machine = case, machine
        machine.expect(PROMPT)
        self.documents = {name: machine.document(f"{name} json") for name in ("report", "ptdump")}
        self.text = machine.command("report")
        self.timeline_text = machine.command("timeline")
        self.states = machine.registers()
        self._registers = self._read_registers()
        names = ("MAIR_EL1", "TCR_EL1", "SCTLR_EL1")
        self.mair, self.tcr, self.sctlr = (self._registers[name] for name in names)
        self.walkers = [Walker(self.tcr, self._registers[f"TTBR{1 - i}_EL1"], self.mair, i == 0,
                               machine.memory) for i in range(2)]
        self.runs = [walker.runs() for walker in self.walkers]
        self.dumped = dict(zip(("kernel", "idmap"), self.runs))
        self.audited = dict(self.dumped)
        self.granule = GRANULES[bits(self.tcr, 31, 30)]
        self.va_bits = 64 - bits(self.tcr, 21, 16)
        layout = expected_layout(Row("", "", self.granule, self.va_bits, 0, 0, 0))
        self.va = self._registers["VBAR_EL1"] - symbols()["exception_vectors"]
        layout["fixmap"] = (0xFFFFFFFFFF200000, 0xFFFFFFFFFF800000)
        layout["image"] = (self.va, self.va + image_size())
        self.layout = layout
        self.pa = machine.translate(self.va)
        if bits(self.tcr, 22, 22):
            self.dumped["el0"] = Walker(self.tcr, self._el0_root(), self.mair, True,
                                        machine.memory).runs()
        if case.hyp:
            self._look_at_el2()

    def _look_at_el2(self):
        """The maps that EL2's registers lead to. A guest has no page yet."""
        self.hyp = El2Walker(self.el2["TCR"], self.el2["TTBR0"], self.el2["MAIR"],
                             self.machine.memory)
        self.stage2 = Stage2Walker(self.el2["VTCR"], self.el2["VTTBR"], self.machine.memory)
        self.dumped.update(hyp=self.hyp.runs(), host2=self.stage2.runs(), guest2=[])
        self.audited.update(hyp=self.dumped["hyp"], guest2=[])

    def hyp_base(self):
        """Its text is mapped twice, once at its physical address."""
        identity, text, *_ = self.dumped["hyp"]
        assert identity["start"] == identity["pa"] == text["pa"]
        return number(text["start"])

    def hyp_memory(self):
        """(start, size): what stage 2 leaves out of RAM, where all else of it is mapped."""
        mapped = [run for run in self.dumped["host2"] if run["type"] == "MEM/NORMAL"]
        assert number(mapped[0]["start"]) == RAM
        (end, start), = ((number(run["end"]), number(then["start"]))
                         for run, then in itertools.pairwise(mapped) if run["end"] != then["start"])
        return end, start - end

    def _el0_root(self):
        """KPTI: the other of the two that the code has which changes between them, by three MOVKs;
        it is the one page to execute in the fixmap."""
        first, end = self.layout["fixmap"]
        page, = (run for run in self.runs[0]
                 if first <= number(run["start"]) < end and run["execute"])
        code = self.machine.memory(number(page["pa"]), self.granule)
        words = struct.unpack(f"<{len(code) // 4}I", code)
        roots = set()
        for i in range(len(words) - 2):
            moves = words[i:i + 3]
            if [word >> 21 for word in moves] == [0x794, 0x795, 0x796]:
                roots.add(sum(bits(word, 20, 5) << 16 * part for part, word in enumerate(moves)))
        root, = roots - {bits(self._registers["TTBR1_EL1"], 47, 0)}
        return root

    def _read_registers(self):
        """{name: value}, by MRS, executed by the CPU itself. EL2's it cannot ask for at EL1."""
        debugger, encodings = Gdb(self.machine), {**ENCODINGS, "VBAR_EL1": (3, 0, 12, 0, 0)}
        if self.case.hyp:
            self.el2 = {name: debugger.read_system(f"{name}_EL2") for name in (
                "TCR", "SCTLR", "VTCR", "VTTBR", "TTBR0", "MAIR")}
        return {name: debugger.mrs(*encoding) for name, encoding in encodings.items()
                if name != "HCR_EL2" or self.case.el == 2}

    def registers(self):
        """By the names that they have at the kernel's level."""
        control = ("SCTLR", "TTBR0", "TTBR1", "TCR", "MAIR")
        names = {f"{name}_EL1": f"{name}_EL{self.case.el}" for name in control}
        return {names.get(name, name): value for name, value in self._registers.items()
                if name not in ("VBAR_EL1", "CNTFRQ_EL0")}

    def register(self, name):
        return self._registers[name]

    def said(self, pattern):
        """What the report's text has there."""
        found = re.findall(pattern, self.text, re.MULTILINE)
        assert found, f"{pattern} in {self.text}"
        return found

    @functools.cached_property
    def memory(self):
        """[(start, end, kind)], which the text has; and of some it is known."""
        rows = [(number(first), number(end), kind) for first, end, kind in self.said(
            r"^(?:  memory  | {10}) +(0x\w+)-(0x\w+) .{6}  "
            r"(ram|reserved|fdt|initrd|tables|shadow|no-map|image)$")]
        edges = [(self.pa, self.pa + symbols()["_init_text_start"], "image"),
                 (self.pa + symbols()["_init_data_end"], self.pa + image_size(), "image")]
        assert [row for row in rows if row[2] == "image"] == edges
        if self.case.image:
            assert rows[0] == (RAM, RAM + RAM_SIZE, "ram")
        for first, end, _ in [row for row in rows if row[2] == "fdt" and self.case.fdt]:
            magic, size = struct.unpack(">II", self.machine.memory(first, 8))
            assert magic == FDT_MAGIC and end == first + -(-size // 4096) * 4096
        return rows

    @functools.cached_property
    def offset(self):
        """Of the linear map, by the first run in its region."""
        first, end = self.layout["linear"]
        run = next(run for run in self.runs[0] if first <= number(run["start"]) < end)
        return (number(run["start"]) - number(run["pa"])) % TOP

    def kaslr_offset(self):
        place = self.va - self.pa % (2 * MIB) - self.layout["vmalloc"][0]
        assert (place == 0) == (self.case.kaslr == "off: nokaslr")
        return place

    def ticks(self):
        """When each stage was reached, by how long each took."""
        spans = re.findall(r"^  (\w+) +(\d+) +\d+\.\d{3} ", self.timeline_text, re.MULTILINE)
        assert [name for name, _ in spans] == [*STAGES[1:], "all"]
        return [sum(int(ticks) for _, ticks in spans[:i]) for i in range(len(STAGES))]

    @functools.cached_property
    def efi_map(self):
        """(where, bytes, [(type, start, pages, attributes)] by address)."""
        (at, size), = self.said(r"memory map (0x\w+), (\d+) bytes")
        data = self.machine.memory(number(at), int(size))
        rows = [struct.unpack_from("<I4xQ8xQQ", data, place)
                for place in range(0, int(size), 48)]
        return number(at), int(size), sorted(rows, key=lambda row: row[1])

    def efi_place(self, name, signature):
        """The address of what has @signature; 0 where the report says that there is none."""
        (found,) = self.said(rf"\b{name} (0x\w+|none)")
        assert found != "none" or self.case.name == "uefi"
        if found == "none":
            return 0
        assert self.machine.memory(number(found), 8) == signature
        return number(found)


def span(look, index):
    """Starts or ends of the regions, in the document's order."""
    return [look.layout[name][index] for name in regions()]


def segment(look, index):
    names = ["_rodata_start", "_text_start", "_init_text_start", "_init_data_start", "_data_start",
             "_end"]
    return [look.va + symbols()[name] for name in names[index:index + 5]]


def entry(index):
    """What was on at entry: asked for, or what firmware had and the text says."""
    words = (r"MMU (\w+)", r"\bdata cache (\w+)", r"instruction cache (\w+)")

    def read(look):
        if look.case.entry is not None:
            return [look.case.entry[index]]
        return [look.said(words[index])[0] == "on" if index < 3 else "E2H" in look.text]
    return read


# Cores without CSV3 that keep EL0 out, of those that are booted here: Cortex-A53, A57, A72.
SAFE = {0x410fd030, 0x410fd070, 0x410fd080}


def kpti_reason(look):
    core = look.register("MIDR_EL1") & 0xff0ffff0
    if not bits(look.register("ID_AA64PFR0_EL1"), 63, 60) and core not in SAFE:
        return "no CSV3"
    hidden = bits(look.tcr, 56, 56) or look.case.kaslr.startswith("off")
    return "not needed" if hidden else "KASLR, and no E0PD"


def override(index):
    return lambda look: [row[index] for row in look.case.overrides]


def run_of(key):
    return lambda look: [run[key] for runs in look.dumped.values() for run in runs]


def audits(value):
    return lambda look: [value(runs) for runs in look.audited.values()]


def hyp(value):
    return lambda look: [value(look)] if look.case.hyp else []


def constant(*values):
    return lambda look: list(values)


def version(look):
    del look
    text = (ROOT / "include/pagoda/kernel/kernel.h").read_text(encoding="utf-8")
    return [re.search(r'PAGODA_VERSION "(.*)"', text)[1]]


def levels(look):
    index_bits = look.va_bits - (look.granule.bit_length() - 1)
    return -(-index_bits // (look.granule.bit_length() - 4))


def cores(look):
    """Their affinities, as long as all are of one cluster."""
    return sorted(cpu["props"]["core-id"] for cpu in look.machine.qmp("query-cpus-fast"))


def pool(look):
    return [int(number) for number in look.said(r"page tables +(\d+) of (\d+) pages used")[0]]


# By the path of a value: what it must be wherever that path is, in the order of the document.
# Numbers stand for hexadecimal strings, too.
READERS = {
    "pagoda": version,
    "cpu.implementer": lambda look: [look.case.cpu[0]],
    "cpu.part": lambda look: [look.case.cpu[1]],
    "cpu.variant": lambda look: [bits(look.register("MIDR_EL1"), 23, 20)],
    "cpu.revision": lambda look: [bits(look.register("MIDR_EL1"), 3, 0)],
    "cpus[].cpu": lambda look: list(range(len(look.case.cpus))),
    "cpus[].mpidr": cores,
    "cpus[].state": lambda look: [state for state, _ in look.case.cpus],
    "cpus[].reason": lambda look: [reason for _, reason in look.case.cpus],
    "image.pa": lambda look: [look.case.image or look.pa],
    "image.va": lambda look: [look.va],
    "image.size": lambda look: [image_size()],
    "image.entry_el": lambda look: [look.case.entry_el],
    "image.entry.mmu": entry(0),
    "image.entry.data_cache": entry(1),
    "image.entry.instruction_cache": entry(2),
    "image.entry.e2h_stuck": entry(3),
    "image.kaslr.offset": lambda look: [look.kaslr_offset()],
    "image.kaslr.source": lambda look: [look.case.kaslr],
    "image.segments[].name": constant("rodata", "text", "init_text", "init_data", "data"),
    "image.segments[].start": lambda look: segment(look, 0),
    "image.segments[].end": lambda look: segment(look, 1),
    "regime.granule": lambda look: [look.granule],
    "regime.va_bits": lambda look: [look.va_bits],
    "regime.pa_bits": lambda look: [OUTPUT_SIZES[bits(look.tcr, 34, 32)]],
    "regime.levels": lambda look: [levels(look)],
    "regime.root_level": lambda look: [4 - levels(look)],
    "regime.lpa2": lambda look: [bool(bits(look.tcr, 59, 59))],
    "regime.wxn": lambda look: [bool(bits(look.sctlr, 19, 19))],
    "idmap.va_bits": lambda look: [64 - bits(look.tcr, 5, 0)],
    "idmap.root_level": lambda look: [look.walkers[1].root_level],
    "decision.page_size": lambda look: [look.case.page_size],
    "decision.va_bits": lambda look: [look.case.va_reason],
    "decision.el": lambda look: [bits(look.states["PSTATE"], 3, 2)],
    "decision.el_reason": lambda look: [look.case.el_reason],
    "decision.bti": lambda look: [bool(bits(look.sctlr, 36, 36))],
    "decision.pac": lambda look: [bool(bits(look.sctlr, 31, 31))],
    "decision.pac_secret": lambda look: [bool(bits(look.sctlr, 31, 31))
                                         and "a key that is no secret" not in look.text],
    "decision.pan": lambda look: [bool(bits(look.states["PSTATE"], 22, 22))],
    "decision.e0pd": lambda look: [bool(bits(look.tcr, 56, 56))],
    "decision.panic": lambda look: [look.case.panic],
    "return_addresses": lambda look: ["signed" if bits(look.sctlr, 31, 31) else "shadow"],
    "scs.patched": lambda look: [] if bits(look.sctlr, 31, 31) else [len(functions())],
    "scs.left": lambda look: [] if bits(look.sctlr, 31, 31) else [0],
    "registers.*": lambda look: sorted(look.registers().items()),
    "command_line": lambda look: [look.case.append],
    "overrides[].option": override(0),
    "overrides[].field": override(1),
    "overrides[].value": override(2),
    "overrides[].status": override(3),
    "overrides[].reason": override(4),
    "layout[].name": lambda look: regions(),
    "layout[].start": lambda look: span(look, 0),
    "layout[].end": lambda look: span(look, 1),
    "memory[].start": lambda look: [row[0] for row in look.memory],
    "memory[].end": lambda look: [row[1] for row in look.memory],
    "memory[].kind": lambda look: [row[2] for row in look.memory],
    "linear.offset": lambda look: [look.offset],
    "linear.random": lambda look: [(look.offset + RAM - look.layout["linear"][0]) % TOP],
    "linear.start": lambda look: [RAM],
    "linear.end": lambda look: [(look.layout["linear"][1] - look.offset) % TOP],
    "console.source": constant("stdout-path"),
    "console.type": constant("PL011"),
    "console.pa": constant(UART),
    "console.input": constant("interrupt"),
    "asid_bits": lambda look: [16 if bits(look.register("ID_AA64MMFR0_EL1"), 7, 4) else 8],
    "kpti.on": lambda look: [bool(bits(look.tcr, 22, 22))],
    "kpti.reason": lambda look: [kpti_reason(look)],
    "policy.write_execute": lambda look: ["refused" if bits(look.sctlr, 19, 19) else "granted"],
    "psci": lambda look: ["smc" if look.case.entry_el == 2 else "hvc"],
    "hyp.mode": hyp(lambda look: look.case.hyp),
    "hyp.state": hyp(lambda look: "running"),
    "hyp.va": hyp(Look.hyp_base),
    "hyp.va_bits": hyp(lambda look: look.hyp.va_bits),
    "hyp.root_level": hyp(lambda look: look.hyp.root_level),
    "hyp.tcr": hyp(lambda look: look.el2["TCR"]),
    "hyp.sctlr": hyp(lambda look: look.el2["SCTLR"]),
    "hyp.vtcr": hyp(lambda look: look.el2["VTCR"]),
    "hyp.memory_start": hyp(lambda look: look.hyp_memory()[0]),
    "hyp.memory_size": hyp(lambda look: look.hyp_memory()[1]),
    "hyp.cpus": hyp(lambda look: len(look.case.cpus)),
    "hyp.stage2.ipa_bits": hyp(lambda look: look.stage2.va_bits),
    "hyp.stage2.root_level": hyp(lambda look: look.stage2.root_level),
    "hyp.stage2.root_tables": hyp(lambda look: 8 * look.stage2.root_entries // look.granule),
    "hyp.stage2.lpa2": hyp(lambda look: look.stage2.ds),
    "efi.system_table": lambda look: [look.efi_place("system table", SYSTEM_TABLE)],
    "efi.rsdp": lambda look: [look.efi_place("RSDP", RSDP)],
    "efi.map_start": lambda look: [look.efi_map[0]],
    "efi.map_size": lambda look: [look.efi_map[1]],
    "efi.descriptor_size": constant(48),
    "efi.descriptor_version": constant(1),
    "efi.memory_map[].start": lambda look: [row[1] for row in look.efi_map[2]],
    "efi.memory_map[].end": lambda look: [row[1] + row[2] * 4096 for row in look.efi_map[2]],
    "efi.memory_map[].number": lambda look: [row[0] for row in look.efi_map[2]],
    "efi.memory_map[].type": lambda look: [EFI_TYPES[row[0]] for row in look.efi_map[2]],
    "efi.memory_map[].attributes": lambda look: [row[3] for row in look.efi_map[2]],
    "pool[].name": constant("early"),
    "pool[].used": lambda look: [pool(look)[0]],
    "pool[].total": lambda look: [pool(look)[1]],
    "audit[].root": lambda look: list(look.audited),
    "audit[].runs": audits(len),
    "audit[].mapped": audits(lambda runs: sum(
        run["size"] for run in runs if run["kind"] != "shared" or run["level"] == 3)),
    "audit[].writable_executable": audits(
        lambda runs: sum(run["write"] and run["execute"] for run in runs)),
    "counter_hz": lambda look: [look.register("CNTFRQ_EL0")],
    "timeline[].stage": constant(*STAGES),
    "timeline[].ticks": lambda look: look.ticks(),
    "warnings[]": lambda look: list(look.case.warnings),
    "tables[].root": lambda look: list(look.dumped),
    **{f"tables[].entries[].{key}": run_of(key) for key in (
        "start", "end", "pa", "size", "level", "kind", "contiguous", "read", "write", "execute",
        "user", "type", "shareability", "raw")},
}


def paths_of(schema, path=""):
    """The paths of all values that a document of @schema can have."""
    if "$ref" in schema:
        schema = {**schema, **SCHEMA.schema["$defs"][schema["$ref"].rpartition("/")[2]]}
    dot = "." if path else ""
    if schema.get("type") == "array":
        yield from paths_of(schema["items"], path + "[]")
    elif schema.get("type") == "object":
        for name, below in schema.get("properties", {}).items():
            yield from paths_of(below, f"{path}{dot}{name}")
        for below in schema.get("patternProperties", {}).values():
            yield from paths_of(below, f"{path}{dot}*")
    else:
        yield path


def values_of(value, path=""):
    """(path, value) of everything in a document."""
    if path == "registers":
        yield "registers.*", sorted((name, number(text)) for name, text in value.items())
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from values_of(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for below in value:
            yield from values_of(below, path + "[]")
    else:
        yield path, value


def plain(value):
    """A number for a hexadecimal string."""
    is_hex = isinstance(value, str) and re.fullmatch(r"0x[0-9a-f]{16}", value)
    return number(value) if is_hex else value


def test_every_key_of_the_schema_has_a_reader_and_every_reader_a_key():
    assert set(paths_of(SCHEMA.schema)) == {"document", *READERS}


@functools.lru_cache(maxsize=None)
def look_at(name):
    case = next(case for case in CASES if case.name == name)
    with contextlib.ExitStack() as stack:
        look = Look(case, stack.enter_context(case.open()))
        wanted = {path: [plain(value) for value in reader(look)] for path, reader in READERS.items()
                  if not path.startswith("efi.") or "efi" in look.documents["report"]}
        return look.documents, wanted


@pytest.mark.parametrize("document", ["report", "ptdump"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_value_is_what_its_second_reader_finds(case, document):
    documents, wanted = look_at(case.name)
    found = {}
    for path, value in values_of(documents[document]):
        found.setdefault(path, []).append(plain(value))
    found["registers.*"] = found["registers.*"][0]
    assert found.pop("document") == [document]
    assert ("efi" in documents[document]) == (case.name in ("uefi", "acpi"))
    for path, values in wanted.items():
        if path.startswith("tables[]") and document == "report":
            continue
        assert found.pop(path, []) == values, path
    assert not found
