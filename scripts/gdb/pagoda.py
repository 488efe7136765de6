# SPDX-License-Identifier: MIT
"""For gdb, attached to a machine that runs Pagoda or is about to boot it.

Symbols where the code really is: before the flip the Image runs at its physical address; after it,
at a virtual address that KASLR chose. Symbols are loaded for the first at once, and moved to the
second when the machine reaches mmu_flip_jump, the last instruction before kernel_main.

Commands that show the page tables of the stopped machine, whatever state it is in: pagoda-layout,
pagoda-walk, pagoda-ptdump. They read registers and physical memory and ask the kernel nothing; see
tables.py. Physical memory comes from QEMU's gdbstub, from OpenOCD by its `mdd phys`, or from a dump
of the machine's memory in ELF (`core-file`). A dump has no system registers: there they are what
the early runtime handed to the kernel, which is looked up in the dump. A system register that the
target does not show can be given by hand, too: `set $TCR_EL1 = 0x...`.

Environment: PAGODA_ELF.
"""
import functools
import mmap
import os
import re
import struct
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tables  # noqa: E402

ELF = os.environ.get("PAGODA_ELF", "build/pagoda.elf")
BOOT_INSTRUCTIONS = 16  # of QEMU's loader stub, at most
IMAGE_STEP = 1 << 16  # an Image begins at a multiple of it
# Where in struct boot_handoff the registers are that translate, by their names without a level.
HANDED = {"TTBR0": "ttbr0", "TTBR1": "ttbr1", "TCR": "plan.registers.tcr",
          "MAIR": "plan.registers.mair", "SCTLR": "plan.registers.sctlr"}


def load_symbols(offset):
    """Forget the symbols there are and load them, moved by offset (modulo 2^64)."""
    gdb.execute("symbol-file")
    gdb.execute(f"symbol-file {ELF} -o {offset & (1 << 64) - 1:#x}", to_string=True)


def link_address(symbol):
    """Where the linker put a symbol; symbols are loaded without an offset."""
    return int(gdb.parse_and_eval(f"(unsigned long)&{symbol}"))


def find_image():
    """The physical address the Image was loaded at: where QEMU's stub jumps to."""
    for _ in range(BOOT_INSTRUCTIONS):
        code = gdb.selected_inferior().read_memory(int(gdb.parse_and_eval("$pc")) + 56, 4)
        if bytes(code) == b"ARM\x64":
            return int(gdb.parse_and_eval("$pc"))
        gdb.execute("stepi", to_string=True)
    raise gdb.GdbError("no Image header where the machine starts; load symbols by hand")


def follow_flip(flip, kernel_main):
    """Stop at the flip; there x16 holds kernel_main's virtual address: move the symbols to it."""
    breakpoint = gdb.Breakpoint(f"*{flip:#x}", type=gdb.BP_HARDWARE_BREAKPOINT, internal=True)

    def stopped(_):
        if int(gdb.parse_and_eval("(unsigned long)$pc")) != flip:
            return
        gdb.events.stop.disconnect(stopped)
        breakpoint.delete()
        target = int(gdb.parse_and_eval("(unsigned long)$x16"))
        load_symbols(target - kernel_main)
        gdb.execute(f"tbreak *{target:#x}", to_string=True)
        print(f"The flip: the MMU is on, symbols moved by {target - kernel_main:+#x}.")
        print("Continue to stop at kernel_main.")

    gdb.events.stop.connect(stopped)


# ---- reading the machine -----------------------------------------------------------------------

def evaluate(name):
    """The value of a register or convenience variable; None: there is none."""
    try:
        return int(gdb.parse_and_eval(f"${name}")) & (1 << 64) - 1
    except gdb.error:
        return None


def system_register(name, level):
    """The value of a control register of an exception level. QEMU calls SCTLR_EL1 just SCTLR."""
    full = f"{name}_EL{level}"
    for spelling in (full, name) if level == 1 else (full,):
        value = evaluate(spelling)
        if value is not None:
            return value
    reason = ""
    if core_file():
        try:
            return handed_over(core_file())[name]
        except gdb.GdbError as error:
            reason = f" ({error})"
    raise gdb.GdbError(f"the target does not show {full}; give its value: set ${full} = 0x..."
                       + reason)


def translation_level():
    """The exception level whose registers translate what runs now: EL2 with VHE, otherwise EL1."""
    if core_file() and evaluate("HCR_EL2") is None:
        try:
            return handed_over(core_file())["EL"]
        except gdb.GdbError:
            pass
    current = (evaluate("cpsr") or 0) >> 2 & 3
    e2h_tge = (evaluate("HCR_EL2") or 0) >> 27 & 0x81
    if current == 3 or current == 2 and not e2h_tge & 0x80:
        raise gdb.GdbError(f"the CPU is at EL{current}, which these tables do not translate for")
    return 2 if current == 2 or current == 0 and e2h_tge == 0x81 else 1


def core_file():
    """The name of the dump that stands for a machine; None: there is a machine."""
    said = gdb.execute("info files", to_string=True)
    match = re.search(r"Local core dump file:\n\t`(.*?)', file type ", said, re.DOTALL)
    return match and match.group(1)


def segments(file):
    """[(physical address, offset, bytes)] of a dump's memory: ELF-64, little-endian."""
    header = file.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        raise gdb.GdbError("the dump is no 64-bit little-endian ELF file")
    (offset,), (size, count) = struct.unpack_from("<Q", header, 32), struct.unpack_from(
        "<HH", header, 54)
    found = []
    for index in range(count):
        file.seek(offset + index * size)
        kind, _, at, _, physical, length = struct.unpack("<IIQQQQ", file.read(40))
        if kind == 1:  # PT_LOAD
            found.append((physical, at, length))
    return found


def read_core(name, address, size):
    """Physical memory in a dump, where p_paddr says it is. gdb itself goes by p_vaddr."""
    try:
        with open(name, "rb") as file:
            for start, offset, length in segments(file):
                if start <= address and address + size <= start + length:
                    file.seek(offset + address - start)
                    data = file.read(size)
                    if len(data) == size:
                        return data
    except (OSError, struct.error) as error:
        raise gdb.GdbError(f"the dump {name} cannot be read: {error}") from None
    raise gdb.GdbError(f"no memory at physical address {address:#018x} in the dump")


def images(name):
    """The physical addresses where an Image's header is in a dump."""
    with open(name, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start, offset, length in segments(file):
            for at in range(-start % IMAGE_STEP, min(length, len(data) - offset), IMAGE_STEP):
                if data[offset + at + 56:offset + at + 60] == b"ARM\x64":
                    yield start + at


def field_offset(field):
    """How many bytes it is from the beginning of struct boot_handoff to a field."""
    return int(gdb.parse_and_eval(f"(unsigned long)&((struct boot_handoff *)0)->{field}"))


@functools.lru_cache(maxsize=1)
def handed_over(name):
    """What the early runtime has handed to the kernel whose Image is in the dump @name: registers
    by HANDED's names, EL, image (its physical address) and image_va. Loads the Image's symbols."""
    try:
        gdb.execute(f"symbol-file {ELF}", to_string=True)
        text, handoff, pool, pool_end = map(
            link_address, ("_text", "boot_handoff", "_pool_start", "_pool_end"))
        offsets = {key: field_offset(field) for key, field in HANDED.items()}
        image_va, root, level = map(field_offset, ("plan.image_va", "kernel_root", "plan.el"))
        for image in images(name):
            def word(offset, size=8, start=image + handoff - text):
                return int.from_bytes(read_core(name, start + offset, size), "little")

            if image <= word(root) - (pool - text) < image + pool_end - pool:
                load_symbols(word(image_va) - text)
                return {"image": image, "image_va": word(image_va), "EL": word(level, 1),
                        **{key: word(offset) for key, offset in offsets.items()}}
    except (OSError, ValueError, struct.error, gdb.error) as error:
        raise gdb.GdbError(f"{ELF}: {error}".splitlines()[0]) from None
    raise gdb.GdbError(f"the dump holds no Image of {ELF} that has booted")


def packet(text):
    """What the stub answers to a packet of QEMU's; empty: it knows it not."""
    answer = gdb.execute(f"maintenance packet {text}", to_string=True)
    return re.search(r'received: "(.*)"', answer).group(1)


def read_openocd(address, size):
    """OpenOCD's lines are `0xADDRESS: WORD WORD ...`."""
    try:
        said = gdb.execute(f"monitor mdd phys {address:#x} {size // 8}", to_string=True)
    except gdb.error as error:
        raise gdb.GdbError(f"this target gives no physical memory: {error}") from None
    words = [word for line in said.splitlines() for word in line.partition(":")[2].split()]
    if len(words) != size // 8:
        raise gdb.GdbError(f"this target gives no physical memory at {address:#x}")
    return struct.pack(f"<{len(words)}Q", *(int(word, 16) for word in words))


def read_physical(address, size):
    """Physical memory. QEMU's stub has a mode for it, which is left as it was found."""
    core = core_file()
    if core:
        return read_core(core, address, size)
    before = packet("qqemu.PhyMemMode")
    if before not in ("0", "1"):
        return read_openocd(address, size)
    packet("Qqemu.PhyMemMode:1")
    try:
        # What gdb remembers of an address may have been read through the MMU.
        gdb.execute("maintenance flush dcache", to_string=True)
        return bytes(gdb.selected_inferior().read_memory(address, size))
    except gdb.MemoryError:
        raise gdb.GdbError(f"no memory at physical address {address:#018x}") from None
    finally:
        packet(f"Qqemu.PhyMemMode:{before}")
        gdb.execute("maintenance flush dcache", to_string=True)


def mmu_is_on():
    return bool(system_register("SCTLR", translation_level()) & 1)


def live_tables(upper):
    """The tables in TTBR1 (@upper) or TTBR0."""
    level = translation_level()
    if not mmu_is_on():
        raise gdb.GdbError("the MMU is off: nothing is translated; continue beyond the flip")
    registers = [system_register(name, level)
                 for name in ("TCR", "TTBR1" if upper else "TTBR0", "MAIR")]
    try:
        return tables.Tables(*registers, upper, read_physical)
    except tables.TableError as error:
        raise gdb.GdbError(str(error)) from None


def el2_register(name):
    """The value of a register of EL2's that says nothing of the kernel's own tables."""
    value = evaluate(f"{name}_EL2")
    if value is None:
        raise gdb.GdbError(f"the target does not show {name}_EL2; give its value: "
                           f"set ${name}_EL2 = 0x...")
    return value


def hypervisor_tables():
    """The tables that EL2 without VHE translates with."""
    if el2_register("HCR") >> 34 & 1:
        raise gdb.GdbError("EL2 has E2H set: its tables are the kernel's")
    if not el2_register("SCTLR") & 1:
        raise gdb.GdbError("EL2's MMU is off: no hypervisor runs")
    return tables.El2Tables(*map(el2_register, ("TCR", "TTBR0", "MAIR")), read_physical)


def stage2_tables():
    """The tables of stage 2 in VTTBR_EL2: the kernel's, or while one runs a guest's."""
    if not el2_register("HCR") & 1:
        raise gdb.GdbError("stage 2 is off")
    return tables.Stage2Tables(*map(el2_register, ("VTCR", "VTTBR")), read_physical)


# ---- commands ----------------------------------------------------------------------------------

def show_layout():
    kernel = live_tables(True)
    print(kernel.describe())
    regions = tables.layout(kernel)
    image = find_running_image(kernel, regions)
    for name, start, end in regions + image:
        size = tables.size_text(end - start)
        print(f"0x{start:016x}-0x{end % tables.TOP:016x} {size:>8}  {name}")
    if not image:
        print("No Image header is mapped in vmalloc.")


def find_running_image(kernel, regions):
    """[("image", start, end)]: the run in vmalloc that begins with an Image header, whose field at
    offset 16 is the size."""
    (low, high), = ((start, end) for name, start, end in regions if name == "vmalloc")
    for start, _, address, _ in kernel.runs():
        if low <= start < high:
            header = read_physical(address, 64)
            if header[56:60] == b"ARM\x64":
                return [("image", start, start + struct.unpack_from("<Q", header, 16)[0])]
    return []


def show_walk(va):
    upper = bool(va >> 55 & 1)
    found = live_tables(upper)
    name = f"TTBR{int(upper)}_EL{translation_level()}"
    if not found.contains(va):
        raise gdb.GdbError(f"{va:#018x} is not canonical: {name} translates from "
                           f"{found.start:#018x}, {found.va_bits} bits")
    off = ", which TCR turns off (EPD)" if found.off else ""
    print(f"walk 0x{va:016x}: {'upper' if upper else 'lower'} half, {name}{off}")
    entry = None
    for entry in found.walk(va):
        what = entry.kind
        if entry.kind == "table":
            what = f"table at 0x{entry.address:016x}"
        elif entry.mapped:
            what = (f"{tables.size_text(1 << found.shift(entry.level))} {entry.kind} at "
                    f"0x{entry.address:016x}")
        print(f"  level {entry.level:2}  index {entry.index:4}  0x{entry.bits:016x}  {what}")
    if not entry.mapped:
        print(f"  not mapped: translation fault, level {entry.level}")
        return
    offset = va & (1 << found.shift(entry.level)) - 1
    print(f"  translates to  0x{entry.address + offset:016x}")
    print(f"  attributes     {entry.columns()}")
    print(f"  shareability   {entry.share}{' (from TCR)' if found.ds else ''}")


def show_dump(found, source):
    print(found.describe())
    if found.off:
        print("walks of it are turned off (TCR EPD)")
    count = 0
    for start, end, address, entry in found.runs():
        count += 1
        size = tables.size_text(end - start)
        print(f"0x{start:016x}-0x{end % tables.TOP:016x} {size:>8} L{entry.level}"
              f"{'' if entry.level < 0 else ' '} " + (
                  f"0x{address:016x} {entry.columns()}" if entry.mapped else
                  f"reserved descriptor 0x{entry.bits:016x}"))
    print(f"{count} runs, read from {source}")


class Command(gdb.Command):
    """A command of gdb whose errors are one line. @run takes the argument's words."""

    def __init__(self, name, run, usage):
        self.__doc__ = usage
        super().__init__(name, gdb.COMMAND_DATA)
        self.run = run

    def invoke(self, argument, from_tty):
        del from_tty
        try:
            self.run(gdb.string_to_argv(argument))
        except (tables.TableError, gdb.error) as error:
            raise gdb.GdbError(str(error)) from None


def layout_command(words):
    if words:
        raise gdb.GdbError("usage: pagoda-layout")
    show_layout()


def walk_command(words):
    if len(words) != 1:
        raise gdb.GdbError("usage: pagoda-walk ADDR, such as pagoda-walk $pc")
    show_walk(int(gdb.parse_and_eval(words[0])) & (1 << 64) - 1)


def dump_command(words):
    root = words[0] if words else "kernel"
    if len(words) > 1 or root not in ("kernel", "idmap", "hyp", "stage2"):
        raise gdb.GdbError("usage: pagoda-ptdump [kernel|idmap|hyp|stage2]")
    if root == "hyp":
        show_dump(hypervisor_tables(), "TTBR0_EL2")
    elif root == "stage2":
        show_dump(stage2_tables(), "VTTBR_EL2")
    else:
        upper = root == "kernel"
        show_dump(live_tables(upper), f"TTBR{int(upper)}_EL{translation_level()}")


def add_commands():
    Command("pagoda-layout", layout_command,
            "Show the regions of the upper half, and where in it the Image is.")
    Command("pagoda-walk", walk_command,
            "pagoda-walk ADDR: how an address translates, level by level.")
    Command("pagoda-ptdump", dump_command,
            "pagoda-ptdump [kernel|idmap|hyp|stage2]: everything that is mapped, in ptdump's "
            "columns.")


# ---- symbols, from the first instruction on ----------------------------------------------------

def start():
    gdb.execute(f"symbol-file {ELF}", to_string=True)
    text, flip, kernel_main = map(link_address, ("_text", "mmu_flip_jump", "kernel_main"))
    image = find_image()
    load_symbols(image - text)
    follow_flip(flip - text + image, kernel_main)
    print(f"The Image is at {image:#x}, stopped at its first instruction, the MMU off.")
    print("Continue to stop at the flip.")


def has_booted():
    """The MMU is on. Where the target does not say, the machine is taken to be at its start."""
    try:
        return mmu_is_on()
    except gdb.GdbError:
        return False


def look_into_dump(name):
    try:
        found = handed_over(name)
    except gdb.GdbError as error:
        print(f"Registers have to be given by hand: {error}.")
        return
    print(f"The dump's Image is at {found['image']:#x}, mapped at {found['image_va']:#x}; the "
          "registers are those that it booted with.")


add_commands()
if core_file():
    look_into_dump(core_file())
    print("pagoda-layout, pagoda-walk and pagoda-ptdump show the tables in the dump.")
elif gdb.selected_thread() is None:
    print("No machine yet: `target remote HOST:PORT`, or `core-file DUMP`, and source this again.")
elif has_booted():
    print("The machine has booted: pagoda-layout, pagoda-walk and pagoda-ptdump show its tables.")
else:
    start()
