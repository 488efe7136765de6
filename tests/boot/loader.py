# SPDX-License-Identifier: MIT
"""A boot loader for the tests: memory as a test wants it, and a stub that jumps to the Image. And
device trees: QEMU's own, edited with dtc and fdtput, or broken by hand.
"""
import contextlib
import functools
import pathlib
import struct
import subprocess
import tempfile

from machine import IMAGE, Machine

GIB = 1 << 30
STUB_SIZE = 256
# QEMU itself puts a device tree at the start of RAM; a window above it is ours.
WINDOW_START = 0x40200000
WINDOW_SIZE = 24 << 20
# Leaves nothing but the FDT's address in the registers that the boot protocol gives a meaning.
STUB = """
	ldr	x0, fdt
	ldr	x16, image
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	br	x16
	.balign	8
fdt:	.quad	0
image:	.quad	0
"""

FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP, FDT_END = 1, 2, 3, 4, 9
SEED = 0x123456789ABCDEF0


@functools.lru_cache
def stub_code(before):
    """The stub's machine code, from the cross assembler. @before: instructions in front of it."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        path = pathlib.Path(directory)
        (path / "stub.S").write_text(before + STUB, encoding="ascii")
        subprocess.run(["aarch64-linux-gnu-gcc", "-c", "stub.S"], cwd=path, check=True)
        subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", "stub.o", "stub"], cwd=path,
                       check=True)
        return (path / "stub").read_bytes()


class Memory:
    """What stands in memory when the CPU starts, from @start on; elsewhere it is zero."""

    def __init__(self, fill=0, start=WINDOW_START, size=WINDOW_SIZE):
        self.start = start
        self.bytes = bytearray([fill]) * size

    def put(self, address, data):
        start = address - self.start
        assert 0 <= start and start + len(data) <= len(self.bytes)
        self.bytes[start:start + len(data)] = data


def load(memory, image, fdt, before="", extra=(), board=Machine, **machine):
    """A machine whose Image was put at @image by our loader, entered with @fdt in x0. @memory holds
    all the rest, the FDT for one. @before: what the loader executes first, in assembly language.
    @extra: more arguments for QEMU. @board: Machine or a subclass of it."""
    memory.put(image, IMAGE.read_bytes())
    return enter(memory, image, fdt, before, extra, board, **machine)


@contextlib.contextmanager
def enter(memory, image, fdt, before="", extra=(), board=Machine, **machine):
    """The same with an Image that is there already, in @memory or elsewhere."""
    code = bytearray(stub_code(before))
    struct.pack_into("<QQ", code, len(code) - 16, fdt, image)
    stub = WINDOW_START + WINDOW_SIZE - STUB_SIZE
    memory.put(stub, code)
    with tempfile.NamedTemporaryFile(prefix="pagoda-") as file:
        file.write(memory.bytes)
        file.flush()
        arguments = ["-device", f"loader,file={file.name},addr={WINDOW_START:#x},force-raw=on",
                     "-device", f"loader,addr={stub:#x},cpu-num=0", *extra]
        with board(kernel=None, arguments=arguments, **machine) as running:
            yield running


def dimm(address, size, file=None):
    """QEMU's arguments for a DIMM beside 512 MiB: device memory, which QEMU gives firmware only, so
    one that is never run stands for that. It holds what is in @file, or nothing."""
    # QEMU puts device memory, and 1 GiB for each slot, behind the first 2 GiB: it ends with the
    # DIMM, and for the PCIe windows that would come behind it there is no need.
    most = address + size - 3 * GIB + (512 << 20)
    backend = f"memory-backend-file,mem-path={file}" if file else "memory-backend-ram,reserve=off"
    return ["-bios", str(IMAGE), "-m", f"512M,slots=1,maxmem={most}", "-object",
            f"{backend},id=far,size={size}", "-device", f"pc-dimm,memdev=far,addr={address:#x}"]


def cells(*numbers):
    """64-bit numbers as fdtput wants them."""
    return [f"{word:x}" for number in numbers for word in (number >> 32, number & 0xFFFFFFFF)]


def memory_edit(*spans):
    """The edit of a device tree that makes memory of (start, size)."""
    return ["-t", "x", "FILE", "/memory@40000000", "reg", *cells(*(n for span in spans
                                                                   for n in span))]


@functools.lru_cache
def machine_tree(machine=""):
    """QEMU's device tree as source text."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        path = pathlib.Path(directory, "dtb")
        options = ",".join(["virt", f"dumpdtb={path}", *machine.split(",")]).rstrip(",")
        subprocess.run(["qemu-system-aarch64", "-M", options, "-cpu", "max", "-m", "512M", "-nic",
                        "none", "-display", "none"], check=True, stderr=subprocess.DEVNULL)
        return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", path], check=True,
                              capture_output=True, text=True).stdout


def compile_tree(source):
    """The blob of a device tree's source."""
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          check=True, capture_output=True).stdout


def edit_tree(blob, *edits):
    """@blob after fdtput was called with each of @edits, where FILE stands for the blob."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        path = pathlib.Path(directory, "dtb")
        path.write_bytes(blob)
        for edit in edits:
            subprocess.run(["fdtput", *(str(path) if word == "FILE" else word for word in edit)],
                           check=True)
        return path.read_bytes()


@functools.lru_cache
def device_tree(bootargs="", machine=""):
    """QEMU's device tree with a command line and a seed that is always the same."""
    return edit_tree(compile_tree(machine_tree(machine)),
                     ["-t", "s", "FILE", "/chosen", "bootargs", bootargs],
                     ["-t", "x", "FILE", "/chosen", "kaslr-seed", f"{SEED >> 32:x}",
                      f"{SEED & 0xffffffff:x}"])


def header_word(blob, index, value):
    """@blob with word @index of its header changed."""
    changed = bytearray(blob)
    struct.pack_into(">I", changed, index * 4, value)
    return bytes(changed)


def structure(blob):
    """The structure block, as a list of 32-bit words."""
    start, size = struct.unpack_from(">I", blob, 8)[0], struct.unpack_from(">I", blob, 36)[0]
    return list(struct.unpack_from(f">{size // 4}I", blob, start))


def with_structure(blob, words):
    """@blob with another structure block, which goes to the end."""
    blob += bytes(-len(blob) % 8)
    data = struct.pack(f">{len(words)}I", *words)
    changed = header_word(header_word(blob, 2, len(blob)), 9, len(data)) + data
    return header_word(changed, 1, len(changed))
