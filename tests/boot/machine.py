# SPDX-License-Identifier: MIT
"""One QEMU for one test: started, talked to over its console and QMP, and ended. Every wait has its
limit, which is in what QEMU does and not in what the clock says: see patience.py. The log of what
QEMU objects to is checked wherever a machine is used.

Needs O (default build) to hold Image and pagoda.elf. Nothing here reads the project's headers: what
is known about the Image comes from its ELF symbols and the documented interfaces.
"""
import dataclasses
import fcntl
import functools
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

import jsonschema
import pexpect
import pexpect.fdpexpect
from elftools.elf.elffile import ELFFile

from walker import Walker

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from patience import HARD, TICK, Patience, wait_readable  # noqa: E402

BUILD = ROOT / os.environ.get("O", "build")
IMAGE = BUILD / "Image"
# Seconds that a machine may compute, or do nothing, before something that is waited for; a boot
# takes a tenth of one.
TIMEOUT = 60
PROMPT = "pagoda> "
CANNOT_BOOT = "pagoda: cannot boot: "
STOP_MAGIC = 0x5061676F6461  # above the code in x0 of a CPU that has stopped
CONSOLE_BUFFER = 1 << 20  # QEMU stalls when nobody reads and this is full

# QEMU ends when the test does, however that ends; and a kernel that faults for ever does not fill
# the disk with the log of it.
LEASH = ("prlimit", "--fsize=1073741824", "setpriv", "--pdeathsig", "KILL")

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8")))


@functools.lru_cache
def symbols():
    """{name: offset from _text} of pagoda.elf."""
    with open(BUILD / "pagoda.elf", "rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        values = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
    return {name: value - values["_text"] for name, value in values.items()}


def is_kasan():
    """The Image is one that `make KASAN=1` has built."""
    return "kasan_offset" in symbols()


def regions():
    """The layout's names, in the report's order."""
    names = ["linear", "modules", "vmalloc", "vmemmap", "pci_io", "fixmap"]
    return [*names, *(["kasan"] if is_kasan() else []), "image"]


@functools.lru_cache
def relocations():
    """(what the image is linked at, [(offset from there, addend)]) of pagoda.elf."""
    with open(BUILD / "pagoda.elf", "rb") as file:
        elf = ELFFile(file)
        base = elf.get_section_by_name(".symtab").get_symbol_by_name("_text")[0]["st_value"]
        entries = list(elf.get_section_by_name(".rela.dyn").iter_relocations())
    assert entries and {entry["r_info_type"] for entry in entries} == {1027}  # AARCH64_RELATIVE
    return base, [(entry["r_offset"] - base, entry["r_addend"]) for entry in entries]


def image_size():
    """Bytes of memory that the Image takes, by its header."""
    return struct.unpack_from("<Q", IMAGE.read_bytes(), 16)[0]


def number(text):
    """The number in one of the report's hexadecimal strings."""
    return int(text, 16)


def lies_in(document, name, address):
    """Whether @address is in the region @name, where the layout has it."""
    return any(number(region["start"]) <= address < number(region["end"])
               for region in document["layout"] if region["name"] == name)


def follows_firmware(document, entry):
    """Whether an entry of `tables` is there for what firmware left or told: RAM in the linear map,
    and its shadow; the FDT in its window; PCI I/O and the GIC, which the FDT made from ACPI's
    tables leaves out.
    """
    start = number(entry["start"])
    return any(lies_in(document, name, start) for name in ("linear", "kasan", "pci_io")) or (
        lies_in(document, "fixmap", start) and entry["pa"] != document["console"]["pa"])


def bytes_in_use(text):
    """Of what `buddy` says: that somebody has, but for KASAN's shadow, which stays."""
    used, shadow = (re.search(rf"^  {name} +(\d+)([KMG]?)\b", text, re.MULTILINE)
                    for name in ("used", "of it shadow"))
    sizes = [int(match[1]) << 10 * " KMG".index(match[2] or " ") for match in (used, shadow)
             if match]
    return sizes[0] - sum(sizes[1:])


def documents(text):
    """Every JSON document on a console: from `{` alone on its line to `}` alone on its line."""
    found = re.findall(r"^\{$.*?^\}$", text.replace("\r", ""), re.MULTILINE | re.DOTALL)
    return [validate(json.loads(document)) for document in found]


def validate(document):
    errors = [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(document)]
    assert not errors, "\n".join(errors)
    return document


@dataclasses.dataclass
class Stop:
    """A CPU that has stopped for good, and what it left in x0 to x3."""
    code: int
    value: int
    limit: int
    extra: int


class Machine:
    """A QEMU virt machine with 512 MiB, or the board and memory of a subclass. Use it in a `with`
    statement: leaving that without an exception checks that QEMU logged nothing against the kernel
    but lines that begin as @excused, and that the CPU took as many exceptions, calls to firmware
    and to QEMU and interrupts aside, as @exceptions says; None is any number. An interrupt that
    nobody waits for ends in a fault report, which no test would pass over."""

    board = "virt"
    memory_size = "512M"
    serial = ("-serial", "stdio")  # whatever is the console has QEMU's stdin and stdout

    def __init__(self, cpu="max", append="", machine="", kernel=IMAGE, arguments=(), exceptions=0,
                 excused=()):
        self.exceptions = exceptions
        self.excused = excused
        self.events = []
        self._directory = tempfile.TemporaryDirectory(prefix="pagoda-")
        self._log = pathlib.Path(self._directory.name, "log")
        self._errors = pathlib.Path(self._directory.name, "errors")
        self._qmp, qmp = socket.socketpair()
        self._gdb, gdb = socket.socketpair()
        self.command_line = [
            "qemu-system-aarch64", "-M", f"{self.board},{machine}" if machine else self.board,
            "-cpu", cpu, "-m", self.memory_size, "-nic", "none", "-display", "none", "-monitor",
            "none", "-no-reboot", *self.serial, "-d", "guest_errors,unimp,int", "-D",
            str(self._log),
            "-chardev", f"socket,id=qmp,fd={qmp.fileno()}", "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=stub,fd={gdb.fileno()}", "-gdb", "chardev:stub",
            *(["-kernel", str(kernel), "-append", append] if kernel else []), *arguments]
        with open(self._errors, "wb") as errors:
            self._process = subprocess.Popen(
                [*LEASH, *self.command_line], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                pass_fds=[qmp.fileno(), gdb.fileno()])
        qmp.close()
        gdb.close()
        fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, CONSOLE_BUFFER)
        self._text = []
        self._console = pexpect.fdpexpect.fdspawn(self._process.stdout, timeout=TIMEOUT,
                                                  encoding="latin-1")
        self._received = b""

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        """What must have happened before the machine is used."""
        assert "QMP" in self._reply("the greeting"), self._describe("no greeting over QMP")
        self.qmp("qmp_capabilities")

    def __exit__(self, kind, *_):
        try:
            self._process.kill()
            self._process.wait(HARD)
            self._read_rest()
            if kind is None:
                self._check_log()
        finally:
            for file in (self._process.stdin, self._process.stdout, self._qmp, self._gdb):
                file.close()
            self._directory.cleanup()

    # ---- the console ----

    @property
    def text(self):
        """All that was on the console and has been waited for."""
        return "".join(self._text)

    def expect(self, text):
        """Wait for @text. Returns what came before it."""
        self._await(text, repr(text))
        self._text.append(self._console.before + text)
        return self._console.before.replace("\r\n", "\n")

    def _await(self, pattern, what):
        """Wait for @pattern on the console, as long as the machine gets on; @what is its name."""
        patience, why = Patience(self.pid, self._console.timeout), ""
        while not why:
            try:
                if self._console.expect_exact([pattern, pexpect.TIMEOUT], timeout=TICK) == 0:
                    return
                why = patience.over(len(self._console.before))
            except pexpect.EOF:
                why = "the machine has ended"
        self._text.append(self._console.before)
        raise AssertionError(self._describe(f"waited for {what} on the console: {why}"))

    def send(self, text):
        """Type @text."""
        self._process.stdin.write(text.encode("latin-1"))

    def command(self, line):
        """Run one command, with the prompt before and after. Returns what it printed."""
        self.send(line + "\r")
        self.expect(line + "\r\n")
        return self.expect(PROMPT)

    def document(self, line):
        """The JSON document that a command prints."""
        found = documents(self.command(line))
        assert len(found) == 1, self._describe(f"{len(found)} documents from {line!r}")
        return found[0]

    def _read_rest(self):
        try:
            self._console.expect_exact(pexpect.EOF)
            self._text.append(self._console.before)
        except pexpect.TIMEOUT:
            pass

    # ---- how it ends ----

    def wait_end(self):
        """Wait until the machine has ended by itself. Returns why: "guest-shutdown" after PSCI's
        SYSTEM_OFF, "guest-reset" after SYSTEM_RESET."""
        self.expect_end()
        assert self._process.wait(HARD) == 0, self._describe("QEMU failed")
        while reply := self._reply("the end of QMP"):
            self.events.append(reply)
        reasons = [event["data"]["reason"] for event in self.events
                   if event["event"] == "SHUTDOWN"]
        assert len(reasons) == 1, self._describe(f"events: {self.events}")
        return reasons[0]

    def expect_end(self):
        """Wait until nothing more can come from the console."""
        self._await(pexpect.EOF, "its end")
        self._text.append(self._console.before)

    def wait_cannot_boot(self):
        """The reason why it cannot boot, on the console; and the same in registers, as a Stop."""
        self.expect(CANNOT_BOOT)
        reason = self.expect("\n").rstrip("\r\n")
        return reason, self.wait_stop()

    def wait_stop(self):
        """Wait for the CPU to stop. It stays in cpu_halt() then, whatever wakes it."""
        patience = Patience(self.pid, TIMEOUT)
        registers = self.registers()
        while registers["X00"] >> 16 != STOP_MAGIC:
            why = patience.over()
            assert not why, self._describe(f"waited for the CPU to stop: {why}")
            registers = self.registers()
        # The registers are loaded a few instructions before the loop that the CPU stays in.
        time.sleep(0.02)
        registers = self.registers()
        time.sleep(0.02)
        again = self.registers()
        assert all(again[x] == registers[x] for x in ("X00", "X01", "X02", "X03"))
        assert abs(again["PC"] - registers["PC"]) <= 16, self._describe("the CPU went on")
        return Stop(registers["X00"] & 0xFFFF, registers["X01"], registers["X02"],
                    registers["X03"])

    # ---- behind its back ----

    def qmp(self, name, **arguments):
        request = {"execute": name, "arguments": arguments}
        self._qmp.sendall(json.dumps(request).encode())
        while True:
            reply = self._reply(f"an answer to {name}")
            if "event" not in reply:
                assert "return" in reply, self._describe(f"QMP, {name}: {reply or 'it is closed'}")
                return reply["return"]
            self.events.append(reply)

    def _reply(self, what):
        """What comes next over QMP, where @what is waited for; {} at its end."""
        while b"\n" not in self._received:
            why = wait_readable(self._qmp, self.pid, TIMEOUT)
            assert not why, self._describe(f"waited for {what} over QMP: {why}")
            try:
                more = self._qmp.recv(1 << 16)
            except ConnectionResetError:
                more = b""
            if not more:
                return {}
            self._received += more
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    def monitor(self, line):
        """A command of QEMU's human monitor."""
        return self.qmp("human-monitor-command", **{"command-line": line}).strip()

    def registers(self):
        """{name: value} of the CPU: X00 to X30, SP, PC, PSTATE."""
        text = self.monitor("info registers")
        return {name: number(value) for name, value in
                re.findall(r"\b(X\d\d|SP|PC|PSTATE)=([0-9a-f]+)", text)}

    def translate(self, address):
        """The physical address that QEMU's own walk of the live tables gives; None: unmapped."""
        match = re.fullmatch(r"gpa: (0x[0-9a-f]+)", self.monitor(f"gva2gpa {address:#x}"))
        return number(match.group(1)) if match else None

    def memory(self, start, size):
        """@size bytes of physical memory."""
        path = pathlib.Path(self._directory.name, "memory")
        self.qmp("pmemsave", val=start, size=size, filename=str(path))
        return path.read_bytes()

    @property
    def pid(self):
        """QEMU's process."""
        return self._process.pid

    @property
    def gdb(self):
        """The socket that QEMU's gdbstub listens on."""
        return self._gdb

    # ---- what QEMU says about it ----

    def _check_log(self):
        """QEMU logs an exception as one line "Taking exception ..." and some that begin with dots;
        other lines are complaints about the kernel."""
        lines = self._log.read_text(encoding="latin-1").splitlines()
        complaints = [line for line in lines if not line.startswith((
            "Taking exception", "...", "Exception return", *self.excused))]
        assert not complaints, self._describe("QEMU objects to the kernel")
        calls = sum("handled as PSCI call" in line for line in lines)
        taken = sum(line.startswith("Taking exception") and "[IRQ]" not in line
                    and "[Semihosting call]" not in line for line in lines) - calls
        assert self.exceptions in (taken, None), self._describe(f"{taken} exceptions taken")

    def _describe(self, what):
        """@what, with all that helps to find out why."""
        log = self._log.read_text(encoding="latin-1") if self._log.exists() else ""
        return "\n".join([
            what, "$ " + " ".join(self.command_line), "--- console", self.text, "--- QEMU",
            self._errors.read_text(encoding="latin-1"), "--- log", log[:4000]])


@dataclasses.dataclass
class Boot:
    """What one boot to the prompt left behind."""
    text: str  # the console up to the prompt
    document: dict  # `ptdump json`
    memory: bytes  # of the image, from image.pa on
    registers: dict  # the CPU's, at the prompt
    emulator: dict  # {address: physical address or None}, by QEMU's own walk
    walkers: dict  # {root: Walker}, which has read all its tables
    walks: dict  # {root: what Walker.runs() found}

    def tables(self, root):
        return next(table["entries"] for table in self.document["tables"] if table["root"] == root)

    def control(self, name):
        """The value of a control register of the level at which the kernel runs."""
        return number(self.document["registers"][f"{name}_EL{self.document['decision']['el']}"])


def capture(machine):
    """Wait for the prompt of @machine, then look at everything."""
    text = machine.expect(PROMPT)
    document = machine.document("ptdump json")
    image = document["image"]
    edges = [edge for table in document["tables"] for entry in table["entries"]
             for edge in (number(entry["start"]), number(entry["start"]) + entry["size"] - 1)]
    level = document["decision"]["el"]
    tcr, mair, *roots = [number(document["registers"][f"{name}_EL{level}"])
                         for name in ("TCR", "MAIR", "TTBR1", "TTBR0")]
    walkers = {root: Walker(tcr, ttbr, mair, root == "kernel", machine.memory)
               for root, ttbr in zip(("kernel", "idmap"), roots)}
    return Boot(text, document, machine.memory(number(image["pa"]), image["size"]),
                machine.registers(), {edge: machine.translate(edge) for edge in edges},
                walkers, {root: walker.runs() for root, walker in walkers.items()})


@functools.lru_cache(maxsize=None)
def boot(cpu="max", append="", machine=""):
    """The Boot of a machine as QEMU loads it. Boots once for the same arguments."""
    with Machine(cpu, append, machine) as running:
        return capture(running)
