# SPDX-License-Identifier: MIT
"""Faults in the kernel: a debugger makes the CPU do what it must not, and the report on the console
must tell what that was. With it goes the proof that what the tables forbid does not happen.
"""
import functools
import re
import struct

import pytest

from gdb import Gdb
from machine import IMAGE, PROMPT, Machine, lies_in, number, relocations, symbols

# Instructions as (mask, value), register fields left open (DDI 0487 C6.2).
STORE = (0xFFC00000, 0xF9000000)  # STR Xt, [Xn, #imm]
LOAD = (0xFFC00000, 0xF9400000)  # LDR Xt, [Xn, #imm]
BRANCH = (0xFFFFFC1F, 0xD61F0000)  # BR Xn
NOWHERE = 0xFFFFFFFFC0001000  # the gap after vmemmap
STOP_EXCEPTION = 12


def find_instruction(encoding, wanted=lambda word: True):
    """The offset in the image and the word of the first such instruction in text."""
    mask, value = encoding
    data = IMAGE.read_bytes()
    for offset in range(symbols()["_text_start"], symbols()["_text_end"], 4):
        word, = struct.unpack_from("<I", data, offset)
        if word & mask == value and wanted(word):
            return offset, word
    raise LookupError(f"no instruction like {value:#x}")


def find_access(encoding):
    """A load or store of one register through another that is not the stack pointer, offset 0."""
    return find_instruction(encoding, lambda word: word >> 10 & 0xFFF == 0 and (
        31 not in (word & 31, word >> 5 & 31) and word & 31 != word >> 5 & 31))


class Victim(Machine):
    """A machine at its prompt that is going to fault once."""

    def __init__(self, append="", cpu="max", exceptions=1, **options):
        super().__init__(cpu, append, exceptions=exceptions, **options)

    def start(self):
        super().start()
        self.expect(PROMPT)
        document = self.document("ptdump json")
        self.el = document["decision"]["el"]
        self.image = number(document["image"]["va"])
        self.kaslr = document["image"]["kaslr"]["offset"]
        self.physical = number(document["image"]["pa"])
        self.levels = document["regime"]["levels"]
        self.root_level = document["regime"]["root_level"]
        self.dumped = document

    @functools.cached_property
    def debugger(self):
        """From its first use on, the CPU stands still until it is told to go on."""
        return Gdb(self)

    def address(self, symbol):
        return self.image + symbols()[symbol]

    def run_at(self, pc, **registers):
        """Go on at @pc with @registers changed."""
        self.debugger.write(pc=pc, **registers)
        self.debugger.go_on()

    def access(self, encoding, address):
        """Load from or store to @address with an instruction of the kernel's own, which must fault.
        Returns its address."""
        offset, word = find_access(encoding)
        self.run_at(self.image + offset, **{f"x{word >> 5 & 31}": address})
        return self.image + offset

    def store(self, address, value):
        """Store to @address with an instruction of the kernel's own, which must succeed."""
        offset, word = find_access(STORE)
        self.debugger.write(pc=self.image + offset,
                            **{f"x{word >> 5 & 31}": address, f"x{word & 31}": value})
        self.debugger.step()

    def report(self):
        """The fault's report, from its first line to `stopped`."""
        self.expect("\r\npagoda: ")
        return "pagoda: " + self.expect("pagoda: stopped\r\n")


def esr(report):
    return number(re.search(r"^ESR (0x[0-9a-f]{16})$", report, re.MULTILINE).group(1))


def register(report, name):
    return number(re.search(rf"\b{name} +(0x[0-9a-f]{{16}})\b", report).group(1))


def walked_levels(report):
    return [int(level) for level in re.findall(r"^  level +(-?\d)  index", report, re.MULTILINE)]


def check_abort(report, victim, kind, status, far, elr):
    """@report is of an abort @kind with @status in words, and decodes all of it."""
    classes = {"instruction": 0x21, "data": 0x25}
    assert f"pagoda: synchronous exception from EL{victim.el}\n" in report
    assert esr(report) >> 26 == classes[kind]
    assert re.search(rf"^  ec   0x{classes[kind]:x}  {kind} abort at the current EL$", report,
                     re.MULTILINE)
    assert re.search(rf"^  fsc  0x[0-9a-f]{{1,2}}  {status}$", report, re.MULTILINE)
    assert register(report, "FAR") == far
    assert register(report, "ELR") == elr
    assert f"walk {far:#018x}: " in report
    assert walked_levels(report)[0] == (victim.root_level if far >> 63 else 0)


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_a_store_to_text_is_a_permission_fault(page_size):
    with Victim(f"arm64.pagesize={page_size}") as victim:
        target = victim.address("kernel_main") // 8 * 8
        elr = victim.access(STORE, target)
        report = victim.report()
        check_abort(report, victim, "data", "permission fault, level 3", target, elr)
        assert "\n  on a write\n" in report
        assert esr(report) & 0x7F == 0x4F, "WnR, permission fault at level 3"
        assert "  permissions    read-only, executable, guarded (BTI)" in report
        assert len(walked_levels(report)) == victim.levels


def test_a_store_to_read_only_data_is_a_permission_fault():
    with Victim() as victim:
        elr = victim.access(STORE, victim.image)
        report = victim.report()
        check_abort(report, victim, "data", "permission fault, level 3", victim.image, elr)
        assert "  permissions    read-only, no-execute" in report


def test_with_rodata_off_a_store_to_text_succeeds():
    with Victim("rodata=off", exceptions=0) as victim:
        offset = symbols()["kernel_main"] // 8 * 8
        victim.store(victim.image + offset, 0x123456789ABCDEF0)
        assert victim.memory(victim.physical + offset, 8) == struct.pack("<Q", 0x123456789ABCDEF0)


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_no_longer_can_a_command_write_to_a_page_table(page_size):
    with Victim(f"arm64.pagesize={page_size}", exceptions=0) as victim:
        document = victim.document("ptdump json")
        root = number(document["registers"]["TTBR1_EL1"]) & 0xFFFFFFFFFFC0
        va = (root + number(document["linear"]["offset"])) % (1 << 64)
        before = victim.command(f"read {va:#x} 64")
        for command in (f"write {va:#x} 0", f"write {va + 1:#x} 0 1", f"fault write {va:#x}"):
            assert "is memory for page tables; nothing was written" in victim.command(command)
        assert victim.command(f"read {va:#x} 64") == before


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
@pytest.mark.parametrize("where", ["_bss_start", "_guard_end"])
def test_a_jump_into_a_writable_page_is_a_permission_fault_at_the_current_el(page_size, where):
    with Victim(f"arm64.pagesize={page_size}") as victim:
        target = victim.address(where)
        victim.run_at(target)
        report = victim.report()
        check_abort(report, victim, "instruction", "permission fault, level 3", target, target)
        assert "  permissions    read-write, no-execute" in report


def test_a_jump_to_read_only_data_is_a_permission_fault():
    with Victim() as victim:
        target = victim.image + 64
        victim.run_at(target)
        check_abort(victim.report(), victim, "instruction", "permission fault, level 3", target,
                    target)


def test_without_wxn_a_jump_into_a_writable_page_still_faults():
    with Victim("arm64.nowxn") as victim:
        target = victim.address("_bss_start")
        victim.run_at(target)
        check_abort(victim.report(), victim, "instruction", "permission fault, level 3", target,
                    target)


# (command line, an address that is not mapped, the level at which its walk ends)
UNMAPPED = [
    ("nokaslr", 0xFFF8000000001000, -1),
    ("nokaslr", 0xFFFF700000001000, 0),
    ("", 0xFFFFFFFFFF000000, 2),
    ("nokaslr arm64.pagesize=16k", 0xFFF8000000001000, 0),
    ("nokaslr arm64.pagesize=64k", 0xFFF8000000001000, 1),
    ("nokaslr arm64.nolva", 0xFFFF700000001000, 0),
    ("nokaslr pagoda.va_bits=39", 0xFFFFFFB000001000, 1),
    ("nokaslr pagoda.va_bits=36 arm64.pagesize=16k", 0xFFFFFFF700001000, 2),
]


@pytest.mark.parametrize("append,address,level", UNMAPPED)
def test_a_read_of_what_is_not_mapped_is_a_translation_fault(append, address, level):
    with Victim(append) as victim:
        if lies_in(victim.dumped, "kasan", address):
            pytest.skip("KASAN's shadow is there: all of it is mapped")
        elr = victim.access(LOAD, address)
        report = victim.report()
        check_abort(report, victim, "data", f"translation fault, level {level}", address, elr)
        assert "\n  on a read\n" in report
        assert f"  not mapped: translation fault, level {level}\n" in report
        assert walked_levels(report)[-1] == level


def test_an_address_that_is_not_canonical_faults_and_is_called_so():
    with Victim() as victim:
        address = 0x0010000000000000
        elr = victim.access(LOAD, address)
        report = victim.report()
        assert register(report, "FAR") == address and register(report, "ELR") == elr
        assert "not canonical" in report


def test_the_identity_map_can_no_longer_be_read():
    with Victim() as victim:
        elr = victim.access(LOAD, victim.physical)
        report = victim.report()
        check_abort(report, victim, "data", "translation fault, level 0", victim.physical, elr)
        assert "no longer in TTBR0_EL1" in report


@pytest.mark.parametrize("where", ["_init_text_start", "_init_data_start"])
@pytest.mark.parametrize("page_size", ["4k", "64k"])
def test_what_only_the_early_runtime_needs_can_no_longer_be_read(page_size, where):
    with Victim(f"arm64.pagesize={page_size}") as victim:
        elr = victim.access(LOAD, victim.address(where))
        check_abort(victim.report(), victim, "data", "translation fault, level 3",
                    victim.address(where), elr)


def test_an_indirect_branch_to_what_is_no_landing_pad_traps():
    with Victim() as victim:
        offset, word = find_instruction(BRANCH)
        target = victim.image + find_access(LOAD)[0]
        victim.run_at(victim.image + offset, **{f"x{word >> 5 & 31}": target})
        report = victim.report()
        assert "  ec   0x0d  branch target exception\n" in report
        assert register(report, "ELR") == target
        assert "walk 0x" not in report, "FAR means nothing here"


def test_without_bti_the_same_branch_is_taken():
    with Victim("arm64.nobti", exceptions=0) as victim:
        offset, word = find_instruction(BRANCH)
        target = victim.image + find_access(LOAD)[0]
        load = find_access(LOAD)[1]
        victim.debugger.write(pc=victim.image + offset, **{f"x{word >> 5 & 31}": target})
        victim.debugger.step()
        victim.debugger.write(**{f"x{load >> 5 & 31}": victim.image})
        victim.debugger.step()
        assert victim.debugger.read("pc") == target + 4


def test_an_undefined_instruction_is_reported_without_a_walk():
    with Victim("rodata=off") as victim:
        target = victim.address("kernel_main") // 8 * 8
        victim.store(target, 0)
        victim.run_at(target)
        report = victim.report()
        assert "  ec   0x00  unknown reason\n" in report
        assert register(report, "ELR") == target
        assert "walk 0x" not in report


def test_a_report_shows_every_register_and_where_the_elf_file_has_the_instruction():
    with Victim() as victim:
        offset, word = find_access(LOAD)
        values = {f"x{i}": 0xABCD000000000000 + i for i in range(31)}
        values[f"x{word >> 5 & 31}"] = NOWHERE
        stack = victim.debugger.read("sp")
        victim.run_at(victim.image + offset, **values)
        report = victim.report()
        assert {name: register(report, name) for name in values} == values
        assert register(report, "SP") == stack
        link_address, _ = relocations()
        assert f"ELR is at {link_address + offset:#018x} in pagoda.elf\n" in report


@pytest.mark.parametrize("append,event", [("panic=reboot", "guest-reset"),
                                          ("panic=poweroff", "guest-shutdown"),
                                          ("panic=5", "guest-reset")])
@pytest.mark.parametrize("machine", ["", "virtualization=on"], ids=["EL1", "EL2"])
def test_a_fault_ends_as_panic_says(machine, append, event):
    with Victim(append, machine=machine) as victim:
        victim.access(LOAD, NOWHERE)
        assert victim.wait_end() == event
        assert "translation fault, level 2" in victim.text


@pytest.mark.parametrize("append", ["", "panic=halt", "panic=0"])
def test_a_fault_halts_unless_told_otherwise(append):
    with Victim(append) as victim:
        victim.access(LOAD, NOWHERE)
        victim.report()
        assert victim.wait_stop().code == 0


def test_a_bad_stack_pointer_is_reported_like_any_other_address():
    with Victim() as victim:
        victim.run_at(victim.address("kernel_main"), sp=NOWHERE)
        report = victim.report()
    assert register(report, "SP") == NOWHERE
    assert "translation fault" in report
    assert f"walk {register(report, 'FAR'):#018x}" in report


def test_a_report_that_itself_faults_ends_and_does_not_loop():
    """The report's own data is damaged: three exceptions, then the CPU stops with the last one's
    syndrome in registers."""
    with Victim(exceptions=3) as victim:
        victim.debugger.write_memory(victim.address("boot_cpu"),
                                     NOWHERE.to_bytes(8, "little"))
        victim.access(LOAD, NOWHERE)
        victim.expect("another exception while reporting one")
        stop = victim.wait_stop()
    assert stop.code == STOP_EXCEPTION


# (arguments of fault, kind of abort, its status, names in the backtrace)
FAULTS = [
    ("read {nowhere}", "data", r"translation fault, level \d", "memory_load"),
    ("write {text}", "data", "permission fault, level 3", "memory_store"),
    ("exec {nowhere}", "instruction", r"translation fault, level \d", "code_run"),
    ("exec {data}", "instruction", "permission fault, level 3", "code_run"),
    ("exec data", "instruction", "permission fault, level 3", "code_run"),
    ("stack", "data", "translation fault, level 3", "use_stack"),
]


def commanded(victim, arguments):
    """The report on what `fault` with @arguments does."""
    victim.send("fault " + arguments.format(text=hex(victim.address("kernel_main")),
                                            data=hex(victim.address("_bss_start")),
                                            nowhere=hex(NOWHERE)) + "\r")
    return victim.report()


def calls(report):
    """[name] of the functions in a report's backtrace, the latest first."""
    after = report.split("calls, the latest first:\n")[1]
    return re.findall(r"^  0x[0-9a-f]{16}  (\w+)\+0x[0-9a-f]+$", after, re.MULTILINE)


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
@pytest.mark.parametrize("arguments,kind,status,function", FAULTS,
                         ids=lambda value: value[:12].strip())
def test_a_fault_on_command_is_reported_with_its_calls(arguments, kind, status, function,
                                                       page_size):
    with Victim(f"arm64.pagesize={page_size}") as victim:
        report = commanded(victim, arguments)
        far = register(report, "FAR")
        check_abort(report, victim, kind, status, far, register(report, "ELR"))
        names = calls(report)
        assert names[-4:] == ["command_fault", "command_execute", "shell_run", "kernel_main"]
        assert function in names[:2]
        offset = number(re.search(r"KASLR offset (0x[0-9a-f]{16});", report).group(1))
        assert offset == number(victim.kaslr)
        assert ("STACK OVERFLOW" in report) == (arguments == "stack")
        if arguments == "exec data":
            assert far == victim.address("data_page")


@pytest.mark.parametrize("append", ["", "arm64.nopauth", "arm64.nobti", "arm64.nolva"])
def test_calls_have_their_names_whatever_signs_return_addresses(append):
    with Victim(append) as victim:
        report = commanded(victim, "read 0x123")
        assert calls(report) == ["memory_load", "command_fault", "command_execute", "shell_run",
                                 "kernel_main"]


@pytest.mark.parametrize("append,event", [("panic=reboot", "guest-reset"),
                                          ("panic=poweroff", "guest-shutdown")])
@pytest.mark.parametrize("arguments", ["exec data", "stack", "recursion"])
def test_a_fault_on_command_ends_as_panic_says(arguments, append, event):
    with Victim(append, exceptions=2 if arguments == "recursion" else 1) as victim:
        victim.send(f"fault {arguments}\r")
        assert victim.wait_end() == event


def test_a_fault_in_a_report_is_reported_too():
    with Victim(exceptions=2) as victim:
        report = commanded(victim, "recursion")
        first, second = report.split("pagoda: another exception while reporting one: ")
        for part in (first, second):
            assert "  ec   0x3c  BRK instruction\n" in part and "x30 0x" in part
        assert victim.wait_stop().code == 0


def test_memory_that_may_not_be_touched_is_refused_with_the_walk():
    with Machine() as machine:
        machine.expect(PROMPT)
        image = number(machine.document("report json")["image"]["va"])
        text, data = image + symbols()["kernel_main"] // 8 * 8, image + symbols()["data_page"]
        for line, reason in ((f"write {text:#x} 0", "is read-only"),
                             (f"write {NOWHERE:#x} 0", "is not mapped"),
                             (f"read {NOWHERE:#x}", "is not mapped"),
                             ("read 0x40200000", "is not an address of the kernel's")):
            answer = machine.command(line)
            assert reason in answer and "\nwalk 0x" in answer
        assert machine.command(f"write {data:#x} 0x1122334455667788") == ""
        assert machine.command(f"write {data + 2:#x} 0x41 1") == ""
        assert machine.command(f"read {data:#x} 8") == (
            f"{data:#018x}  88 77 41 55 44 33 22 11{' ' * 24}  .wAUD3\".\n")
