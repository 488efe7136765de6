# SPDX-License-Identifier: MIT
"""One boot under QEMU whose instructions are judged: the machine, the Image as it is to boot, the
stream of what is executed into the judge, and what that says of it. For scripts/discipline.
"""
import bisect
import dataclasses
import functools
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

import elf
import firmware_entry

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("O", "build"))
QEMU = os.environ.get("QEMU", "qemu-system-aarch64")
RAM_ADDRESS = 0x40000000  # of QEMU's virt machine
PI_RAM = 0, 0x3c000000
IMAGE_OFFSET = 0x200000  # in RAM, where QEMU puts it
FIRMWARE = {"uefi": "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
            "uboot": "/usr/lib/u-boot/qemu_arm64/u-boot.bin"}
# Where firmware's own instructions end, and what it promises there.
ENTRY = {"uefi": ("efi_main", "efi"), "uboot": ("primary_entry", "linux")}
# Time goes by instructions, 8 ns each: logged, they take so long that a timer would leave no time
# for anything else.
BY_INSTRUCTIONS = ("-icount", "shift=3,sleep=off")
# CPUs execute by turns: until one pauses, or a timer ends that does nothing else: this one's, of a
# network that nobody is in.
BY_TURNS = ("-netdev", "hubport,id=nobody,hubid=0", "-object")
TIMEOUT = 1800  # seconds for one machine
# What firmware leaves in these is what the stub begins with. The debugger's names, where they are
# not the manual's.
PRESET = {f"{name}_el{level}": f"{name}_el{level}" for level in (1, 2)
          for name in ("sctlr", "tcr", "ttbr0", "ttbr1", "mair", "vbar")}
PRESET |= {"sctlr": "sctlr_el1", "vbar": "vbar_el1", "hcr_el2": "hcr_el2"}
MRS_CTR, MRS_MASK = 0xd53b0020, 0xffffffe0
MOVZ_HIGH = 0xd2a00000
CTR_HIGH = 0x8440  # RES1; ERG and CWG of 64 bytes; neither IDC nor DIC

# On return from these no TLB has anything that was taken away or narrowed before it.
PROMISES = ("pt_unmap", "pt_withdraw", "pt_clear", "pt_protect", "pt_split", "pt_merge",
            "idmap_disable", "lower_half_set", "ttbr1_replace", "window_close", "vhe_unmap",
            "memory_init", "memory_release_init", "memory_close_pool", "cpu_guard_stack")


class NotChecked(Exception):
    """Why a stream could not be judged."""


@dataclasses.dataclass(frozen=True)
class Boot:
    """A machine, and what is done on it."""
    name: str = ""
    cpu: str = "max"
    machine: str = "virt"
    memory: int = 512
    append: str = ""
    run: str = ""
    line: int = 0
    firmware: str = ""  # uefi or uboot
    casemate: str = ""
    cpus: int = 1
    tree: str = ""  # the file with its source, where QEMU has none: of a Raspberry Pi 3
    end: str = ""  # the function with which it ends, where it cannot be turned off
    slice: int = 2  # microseconds that a CPU has, where several run

    def words(self):
        commands = "; ".join(filter(None, [self.run, "poweroff"]))
        return f'{self.append} pagoda.run="{commands}"'.strip()


@dataclasses.dataclass
class Violation:
    rule: str
    times: int
    first: int  # how many instructions had been executed
    place: str
    address: str
    cause: str
    words: str


@dataclasses.dataclass
class Result:
    boot: Boot
    violations: list = dataclasses.field(default_factory=list)
    looked: dict = dataclasses.field(default_factory=dict)
    executed: int = 0
    not_checked: str = ""

    @property
    def status(self):
        return 2 if self.not_checked else 1 if self.violations else 0


class Image:
    """The Image, its ELF file, and what both say of a place in it."""

    def __init__(self, build):
        self.path = build / "Image"
        try:
            self._elf = elf.Elf(build / "pagoda.elf")
            self.data = self.path.read_bytes()
        except (OSError, elf.BadElf) as error:
            raise NotChecked(str(error)) from None
        self.base = self._elf.address_of("_text")
        self.size = self._elf.address_of("_end") - self.base
        self._file = build / "pagoda.elf"

    @functools.cached_property
    def _symbols(self):
        return sorted((symbol.value - self.base, symbol.name) for symbol in self._elf.symbols
                      if symbol.section not in (elf.SHN_UNDEF, elf.SHN_ABS) and symbol.name
                      and not symbol.name.startswith(("$", ".L")))

    def offset(self, name):
        return self._elf.address_of(name) - self.base

    def word(self, name):
        """The first instruction of a function."""
        return self.data[self.offset(name):self.offset(name) + 4]

    def promises(self):
        """[(offset, name)] of the functions that promise."""
        return [(offset, name) for offset, name in self._symbols if name in PROMISES]

    @functools.lru_cache
    def line(self, offset):
        """FILE:LINE of an instruction, or nothing."""
        tool = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-") + "addr2line"
        try:
            said = subprocess.run([tool, "-e", self._file, f"{self.base + offset:#x}"],
                                  capture_output=True, text=True, check=True).stdout.split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            return ""
        return "" if said.startswith("?") else said.removeprefix(f"{ROOT}/")

    def place(self, word):
        """What the judge calls a place, in words."""
        if word == "-":
            return "the machine before the Image"
        if word.startswith("="):
            return f"0x{word[1:]}, outside the Image"
        offset = int(word, 16)
        index = bisect.bisect_right(self._symbols, (offset, "\uffff")) - 1
        start, name = self._symbols[index]
        line = self.line(offset)
        return f"{name}+{offset - start:#x}" + (f" ({line})" if line else "")

    def with_lines(self, size, path):
        """A copy at @path that is told of data cache lines of @size bytes, and its CTR_EL0."""
        data = bytearray(self.data)
        ctr = CTR_HIGH | (size // 4).bit_length() - 1
        for segment in self._elf.segments:
            if segment.type != elf.PT_LOAD or not segment.flags & elf.PF_X:
                continue
            start = segment.address - self.base
            for at in range(start, start + segment.file_size, 4):
                word, = struct.unpack_from("<I", data, at)
                if word & MRS_MASK == MRS_CTR:
                    struct.pack_into("<I", data, at, MOVZ_HIGH | ctr << 5 | word & 31)
        path.write_bytes(data)
        return ctr << 16


@functools.lru_cache
def one_at_a_time():
    """QEMU's arguments for one instruction a block."""
    if shutil.which(QEMU) is None:
        raise NotChecked(f"{QEMU} is not there: scripts/setup run installs it")
    said = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    if version is None:
        raise NotChecked(f"{QEMU} does not say which version it is")
    if (int(version[1]), int(version[2])) >= (8, 1):
        return "-accel", "tcg,one-insn-per-tb=on"
    return ("-singlestep",)


def firmware_arguments(boot, folder):
    """From firmware's first instruction on, as fast as ever."""
    bios = FIRMWARE[boot.firmware]
    if not pathlib.Path(bios).exists():
        raise NotChecked(f"{bios} is not there: scripts/setup firmware installs it")
    return ["-bios", bios,
            "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
            "-gdb", f"unix:{folder}/debugger,server=on,wait=off"]


def make_disk(boot, image):
    """A disk beside @image that U-Boot boots from."""
    disk = image.parent / "disk.img"
    made = subprocess.run([ROOT / "scripts/make-disk", image, disk],
                          env={**os.environ, "APPEND": boot.words()}, capture_output=True,
                          text=True, check=False)
    if made.returncode:
        raise NotChecked(f"no disk for U-Boot: {made.stderr.strip()}")
    return disk


def make_tree(boot, folder):
    tree = folder / "tree.dtb"
    made = subprocess.run(["dtc", "-q", "-o", tree, ROOT / boot.tree], capture_output=True,
                          text=True, check=False)
    if made.returncode:
        raise NotChecked(f"no device tree: {made.stderr.strip()}")
    return tree


def log_items(boot):
    """What QEMU logs; of several CPUs, which one executes, too."""
    return firmware_entry.LOG + (",exec" if boot.cpus > 1 else "")


def qemu_command(boot, image, log):
    how = ["-kernel", str(image), "-append", boot.words()]
    if boot.firmware == "uboot":
        how = ["-drive", f"if=virtio,format=raw,file={make_disk(boot, image)}"]
    if boot.firmware:
        how += firmware_arguments(boot, image.parent)
    else:
        how += [*one_at_a_time(), "-d", log_items(boot)]
    if boot.tree:
        how += ["-dtb", str(make_tree(boot, image.parent))]
    if boot.cpus > 1:
        how += ["-smp", str(boot.cpus), *BY_TURNS,
                f"filter-buffer,id=turns,netdev=nobody,interval={boot.slice}"]
    return [QEMU, *how, "-M", boot.machine, "-cpu", boot.cpu, "-m", f"{boot.memory}M",
            "-nic", "none", "-display", "none", "-monitor", "none", "-serial", "null", "-no-reboot",
            *BY_INSTRUCTIONS, "-D", f"/dev/fd/{log}"]


def judge_command(boot, image, path, ctr):
    ram, size = PI_RAM if boot.tree else (RAM_ADDRESS, boot.memory << 20)
    at, more = ram + IMAGE_OFFSET, []
    if boot.firmware:
        entry, protocol = ENTRY[boot.firmware]
        try:
            at, snapshot, registers = firmware_entry.take_over(
                path.parent, (image.offset(entry), image.word(entry)),
                (ram, size), log_items(boot),
                "-singlestep" in one_at_a_time())
        except (firmware_entry.NotReached, OSError) as error:
            raise NotChecked(str(error)) from None
        more = ["--protocol", protocol, "--memory", f"{ram:#x}={snapshot}"]
        for name, value in registers.items():
            if name in PRESET and protocol == "efi":
                more += ["--register", f"{PRESET[name]}={value:#x}"]
    command = [str(BUILD / "host/discipline"), "--image", str(path), "--at", hex(at),
               "--size", hex(image.size), "--ram", f"{ram:#x},{size:#x}"]
    command += more
    for offset, name in image.promises():
        command += ["--promise", f"{offset:#x}={name}"]
    command += ["--stop", hex(image.offset("cpu_halt"))]
    if ctr:
        command += ["--ctr", hex(ctr)]
    if boot.end:
        command += ["--end", hex(image.offset(boot.end))]
    if boot.casemate:
        command += ["--casemate", boot.casemate]
    return command


def read_result(result, image, said):
    """What the judge printed: see tests/discipline/report.c."""
    for line in said.splitlines():
        word, _, rest = line.partition(" ")
        if word == "violation":
            found = re.fullmatch(r"(\w+) (\d+) (\d+) \{(.*?)\} (\w+) \{(.*?)\} (.*)", rest)
            rule, times, first, place, address, cause, words = found.groups()
            result.violations.append(Violation(rule, int(times), int(first), image.place(place),
                                               address, image.place(cause), words))
        elif word == "looked":
            rule, times = rest.split()
            result.looked[rule] = int(times)
        elif word == "judged":
            result.executed = int(rest)
        elif word == "not":
            _, executed, words = rest.split(" ", 2)
            result.executed = int(executed)
            result.not_checked = re.sub(r"\{(.*?)\}", lambda found: image.place(found[1]), words)


def run_judge(boot, image, path, ctr):
    """(what the judge said, its status, QEMU's status)."""
    reading, writing = os.pipe()
    try:
        with subprocess.Popen(qemu_command(boot, path, writing), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              pass_fds=[writing]) as qemu:
            os.close(writing)
            writing = -1
            try:
                judged = subprocess.run(judge_command(boot, image, path, ctr), stdin=reading,
                                        capture_output=True, text=True, check=False,
                                        timeout=TIMEOUT)
            finally:
                qemu.kill()
            complaint = qemu.stderr.read().decode(errors="replace").strip()
    except FileNotFoundError as error:
        raise NotChecked(f"{error.filename} is not there: make discipline builds it") from None
    except subprocess.TimeoutExpired:
        raise NotChecked(f"the machine did not end within {TIMEOUT} seconds") from None
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    return judged, complaint


def judge(boot):
    """The Result of @boot."""
    result = Result(boot)
    try:
        image = Image(BUILD)
        with tempfile.TemporaryDirectory() as folder:
            path, ctr = image.path, 0
            if boot.line or boot.firmware or boot.tree:
                path = pathlib.Path(folder) / "Image"
                path.write_bytes(image.data)
            if boot.line:
                ctr = image.with_lines(boot.line, path)
            if boot.firmware:
                offset = image.offset(ENTRY[boot.firmware][0])
                path.write_bytes(firmware_entry.with_loop(path.read_bytes(), offset))
            judged, complaint = run_judge(boot, image, path, ctr)
        read_result(result, image, judged.stdout)
        if judged.returncode not in (0, 1, 2) or (not result.executed and not result.not_checked):
            result.not_checked = f"the judge ended with {judged.returncode}: {judged.stderr}"
        if result.not_checked and complaint:
            result.not_checked += f" (QEMU: {complaint})"
    except NotChecked as error:
        result.not_checked = str(error)
    return result
