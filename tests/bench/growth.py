# SPDX-License-Identifier: MIT
"""How the boot's cost grows with the machine: curves of instructions, as CSV and as SVG, and
whether each grows no faster than it should. Judged by ratios of counts, which are exact.
"""
import csv
import dataclasses
import functools
import math
import os
import pathlib
import struct
import subprocess

import boot_cost
from boot_cost import BUILD, QUIET, ROOT, Boot, CannotMeasure, measure, pagoda

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40

# Where a loaded device tree and what jumps to the Image are, in the 128 MiB that every tree here
# says there are first.
TREE_ADDRESS = 0x44000000
STUB_ADDRESS = 0x46000000
# ldr x0, 1f; ldr x16, 2f; br x16; nop; 1: the device tree's address; 2: the Image's
STUB = (0x58000080, 0x580000b0, 0xd61f0200, 0xd503201f)
IMAGE_LIMIT = 2 * MIB  # of memory; the linker script holds to that
BUDGET_PER_BYTE = 1.1  # instructions before the flip, a byte of structure block up to /chosen
PASS_PER_BYTE = 2.6  # and from kernel_main to the end of the kernel's own pass, a byte of all of it
JSON_PER_BYTE = 60  # instructions, for what `ptdump json` writes


@dataclasses.dataclass
class Curve:
    """@points: [(x, instructions)]. @order: "constant" or "linear" in x; @limit: by how much the
    dearest point may exceed the cheapest where constant, and the slope of the last step that of
    the first half where linear."""
    name: str
    title: str
    unit: str
    order: str
    limit: float
    points: list
    slope_limit: float = math.inf

    def slope(self, first, last):
        (x0, y0), (x1, y1) = self.points[first], self.points[last]
        return (y1 - y0) / (x1 - x0)

    @property
    def ratio(self):
        """How much worse than its order the curve is: 1 where it is exactly that."""
        counts = [count for _, count in self.points]
        if self.order == "constant":
            return max(counts) / min(counts)
        first = self.slope(0, len(self.points) // 2)
        last = self.slope(-2, -1)
        return last / first if first > 0 else math.inf if last > 0 else 1.0

    @property
    def steepness(self):
        """Instructions for one more of x, over all."""
        return self.slope(0, -1)

    def complaint(self):
        """What is wrong with it; None where nothing is."""
        if not self.ratio <= self.limit:
            return (f"{self.title}: should be {self.order} in {self.unit}, and is {self.ratio:.2f} "
                    f"times that (limit {self.limit})")
        if self.steepness > self.slope_limit:
            return (f"{self.title}: {self.steepness:.1f} instructions for each of {self.unit} "
                    f"(limit {self.slope_limit})")
        return None


# ---- machines --------------------------------------------------------------------------------


def loaded(folder, blob, **keywords):
    """A Boot with the device tree @blob, and nobody between it and the Image."""
    tree, stub = folder / "tree.dtb", folder / "stub.bin"
    tree.write_bytes(blob)
    stub.write_bytes(struct.pack("<4I2Q", *STUB, TREE_ADDRESS, boot_cost.IMAGE_ADDRESS))
    devices = [f"loader,file={tree},addr={TREE_ADDRESS:#x},force-raw=on",
               f"loader,file={BUILD}/Image,addr={boot_cost.IMAGE_ADDRESS:#x},force-raw=on",
               f"loader,file={stub},addr={STUB_ADDRESS:#x},cpu-num=0,force-raw=on"]
    arguments = [word for device in devices for word in ("-device", device)]
    return Boot(machine=QUIET, arguments=tuple(arguments), **keywords)


def memory_node(start, size):
    cells = f"{start >> 32:#x} {start & 0xffffffff:#x} {size >> 32:#x} {size & 0xffffffff:#x}"
    return f'memory@{start:x} {{ device_type = "memory"; reg = <{cells}>; }};'


def device_node(index):
    """One device, as QEMU writes those of its virt machine."""
    address = 0x10000000 + index * 0x200
    return (f'virtio_mmio@{address:x} {{ dma-coherent; interrupts = <0 {index & 0xff} 1>; '
            f'reg = <0 {address:#x} 0 0x200>; compatible = "virtio,mmio"; }};')


def tree(*nodes):
    """A device tree with a console, PSCI, and @nodes; /chosen comes last, as on many boards."""
    source = "\n".join([
        '/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; compatible = "linux,dummy-virt";',
        'psci { compatible = "arm,psci-1.0", "arm,psci"; method = "hvc"; };',
        'pl011@9000000 { compatible = "arm,pl011", "arm,primecell"; '
        'reg = <0 0x9000000 0 0x1000>; };', *nodes,
        'chosen { bootargs = "nokaslr"; stdout-path = "/pl011@9000000"; };', "};"])
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          check=True, capture_output=True).stdout


def structure_size(blob):
    return struct.unpack_from(">I", blob, 36)[0]


@functools.lru_cache
def tree_of(size):
    """A device tree whose structure block is as near to @size bytes as whole nodes make it."""
    memory = memory_node(0x40000000, 128 * MIB)
    base = structure_size(tree(memory))
    each = structure_size(tree(memory, device_node(0))) - base
    return tree(memory, *(device_node(i) for i in range(max(0, round((size - base) / each)))))


def banks(count):
    """One bank of 128 MiB, and others of 256 KiB with as much between them."""
    others = (0x48000000 + i * 512 * KIB for i in range(1, count))
    return tree(memory_node(0x40000000, 128 * MIB),
                *(memory_node(start, 256 * KIB) for start in others))


# ---- curves ----------------------------------------------------------------------------------


def prompt():
    return pagoda(end="shell_run")


def memory_boot(size, kernel):
    return Boot("nokaslr", machine=QUIET, memory=f"{size // MIB}M",
                arguments=boot_cost.backend(f"{size // MIB}M"), kernel=kernel)


def ram_curves(_):
    """RAM changes what is in the tree by one number, and the linear map by a few descriptors."""
    sizes = [32 * MIB << shift for shift in range(0, 20)]
    early = [(size // MIB, measure(memory_boot(size, pagoda())).total) for size in sizes]
    late = [(size // MIB, measure(memory_boot(size, prompt())).total) for size in sizes
            if size >= 512 * MIB]
    return [Curve("ram", "RAM, entry to kernel_main", "MiB", "constant", 1.02, early),
            Curve("ram-prompt", "RAM, entry to prompt", "MiB", "constant", 1.5, late)]


def fdt_curves(folder):
    blobs = [tree_of(size * KIB) for size in (4, 16, 64, 256, 512, 1024)]
    points = [(structure_size(blob), measure(loaded(folder, blob)).total) for blob in blobs]
    return [Curve("fdt", "Device tree, entry to kernel_main", "bytes of structure block", "linear",
                  1.1, points, BUDGET_PER_BYTE)]


def tree_pass():
    """What the kernel does up to the end of its pass over the tree."""
    return pagoda("kernel_main", "exception_init")


def pass_curves(folder):
    blobs = [tree_of(size * KIB) for size in (4, 16, 64, 256, 512, 1024)]
    points = [(structure_size(blob), measure(loaded(folder, blob, kernel=tree_pass())).total)
              for blob in blobs]
    return [Curve("fdt-pass", "Device tree, kernel_main to the end of the pass",
                  "bytes of structure block", "linear", 1.1, points, PASS_PER_BYTE)]


def bank_curves(folder):
    counts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 384, 512]
    early = [(count, measure(loaded(folder, banks(count))).total) for count in counts]
    late = [(count, measure(loaded(folder, banks(count), kernel=prompt())).total)
            for count in counts]
    return [Curve("banks", "Banks of memory, entry to kernel_main", "banks", "linear", 1.25, early),
            Curve("banks-prompt", "Banks of memory, entry to prompt", "banks", "linear", 1.25,
                  late)]


def padded(pool_size):
    """The build with a page-table pool of @pool_size bytes, which pads the image."""
    build = BUILD / "bench" / f"pool-{pool_size:x}"
    folder = os.path.relpath(build, ROOT)
    subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", f"O={folder}",
                    f"POOL_SIZE={pool_size:#x}", f"{folder}/Image"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    return pagoda(build=build)


def image_curves(_):
    """4K pages: with larger ones there are too few for a curve, and the pool is too small."""
    symbols = pagoda().symbols
    rest = symbols["_end"] - (symbols["_pool_end"] - symbols["_pool_start"])
    smallest, largest = 256 * KIB, (IMAGE_LIMIT - rest) // (64 * KIB) * 64 * KIB
    step = (largest - smallest) // (4 * 64 * KIB) * 64 * KIB
    kernels = [padded(size) for size in range(smallest, largest + 1, step)]
    points = [(kernel.symbols["_end"] // KIB,
               measure(Boot("nokaslr", machine=QUIET, kernel=kernel)).total) for kernel in kernels]
    return [Curve("image", "Image, entry to kernel_main", "KiB of memory", "linear", 1.25, points)]


def vmalloc_boot(count):
    """A machine that maps @count pages in the vmalloc region, and then unmaps them."""
    return Boot(f'nokaslr pagoda.run="vmalloc test {count}"', machine=QUIET, memory="2G",
                kernel=pagoda("vmalloc_areas", "vmalloc_audit"))


def json_cost(page_size):
    """Instructions for each byte that `ptdump json` writes, its line's end and all."""
    boot = Boot(f'nokaslr arm64.pagesize={page_size} pagoda.run="ptdump json; poweroff"',
                machine=QUIET, kernel=pagoda("dump_json_filtered", "psci_poweroff"))
    console = subprocess.run([*boot.command(), "-serial", "stdio"], stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=120, check=True).stdout
    document = console[console.index(b"\n{\r\n") + 1:]
    return measure(boot).total / len(document[:document.index(b"\n}\r\n") + 4])


def vmalloc_curves(_):
    points = [(count, measure(vmalloc_boot(count)).total)
              for count in (1, 10, 100, 1000, 10_000, 100_000)]
    return [Curve("vmalloc", "vmalloc, mapping and unmapping", "mappings", "linear", 1.25, points)]


CURVES = [ram_curves, fdt_curves, pass_curves, image_curves, bank_curves, vmalloc_curves]


def measure_all(folder):
    """(curves, what stood in the way of others)."""
    curves, trouble = [], []
    for measure_some in CURVES:
        try:
            curves += measure_some(folder)
        except (CannotMeasure, subprocess.CalledProcessError) as error:
            trouble.append(f"{measure_some.__name__}: {error}")
    return curves, trouble


# ---- files -----------------------------------------------------------------------------------


def write_csv(curve, path):
    with open(path, "w", newline="", encoding="ascii") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([curve.unit, "instructions"])
        writer.writerows(curve.points)


def short(value):
    """@value with a suffix, in three digits or so."""
    for suffix, unit in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= unit:
            return f"{value / unit:.3g}{suffix}"
    return f"{value:.3g}"


def write_svg(curve, path):
    """A line in a frame: x logarithmic, y from 0."""
    left, top, width, height = 70, 40, 520, 240
    low, high = (math.log2(curve.points[end][0]) for end in (0, -1))
    most = max(count for _, count in curve.points) * 1.1

    def place(x, y):
        return (left + (math.log2(x) - low) / (high - low) * width,
                top + height - y / most * height)

    line = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in curve.points)
    marks = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
             for x, y in (place(*point) for point in curve.points)]
    ticks = []
    for step in range(5):
        y, value = top + height - step * height / 4, most * step / 4
        ticks.append(f'<path d="M{left} {y:.1f}h{width}" stroke="#ddd"/><text x="{left - 6}" '
                     f'y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for x, y in curve.points[::max(1, len(curve.points) // 7)]:
        ticks.append(f'<text x="{place(x, y)[0]:.1f}" y="{top + height + 18}" '
                     f'text-anchor="middle">{short(x)}</text>')
    pathlib.Path(path).write_text("\n".join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 330" font-family="sans-serif" '
        'font-size="12">', '<rect width="620" height="330" fill="#fff"/>',
        f'<text x="{left}" y="22" font-size="14">{curve.title}: instructions</text>', *ticks,
        f'<text x="{left + width / 2}" y="{top + height + 38}" text-anchor="middle">{curve.unit} '
        '(logarithmic)</text>',
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/>',
        f'<g fill="#06c">{"".join(marks)}</g>', "</svg>", ""]), encoding="ascii")


def write_files(curves, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for curve in curves:
        write_csv(curve, folder / f"{curve.name}.csv")
        write_svg(curve, folder / f"{curve.name}.svg")
