# SPDX-License-Identifier: MIT
"""What real boards' device trees cost the boot: instructions from the Image's first to
kernel_main's first, with KASLR on, for trees of every size.

A folder has them as .dtb files, at any depth; scripts/fetch-trees makes one. QEMU's virt machine
boots with each as a boot loader would: it puts its memory, a command line and seeds into the tree.
The devices that a tree speaks of are not there; nobody before kernel_main touches one.
"""
import pathlib
import statistics
import struct
import subprocess
import tempfile

from boot_cost import Boot, CannotMeasure, measure
from growth import PASS_PER_BYTE, tree_pass

SAMPLE = 25  # odd: the median is one of them
MEDIAN_MOST = 65_000
MACHINE = "virt,acpi=off"
BEGIN_NODE, END_NODE, PROP, NOP = 1, 2, 3, 4


def header(blob, word):
    return struct.unpack_from(">I", blob, word * 4)[0]


def structure_size(blob):
    return header(blob, 9)


def chosen_end(blob):
    """Bytes of structure block to the end of /chosen, which QEMU puts there if need be."""
    start = header(blob, 2)
    at, depth, inside = start, 0, False
    while True:
        token = struct.unpack_from(">I", blob, at)[0]
        at += 4
        if token == BEGIN_NODE:
            end = blob.index(b"\0", at)
            inside |= depth == 1 and blob[at:end] == b"chosen"
            at, depth = (end + 4) & ~3, depth + 1
        elif token == END_NODE:
            depth -= 1
            if inside and depth == 1:
                return at - start
        elif token == PROP:
            at += 8 + (struct.unpack_from(">I", blob, at)[0] + 3 & ~3)
        elif token != NOP:
            raise CannotMeasure("a tree without /chosen")


def sample(folder):
    """(SAMPLE trees, from the smallest structure block to the largest, with as many others between
    any two; how many there are that differ)."""
    trees = {}
    for path in sorted(folder.rglob("*.dtb")):
        blob = path.read_bytes()
        if len(blob) >= 40 and header(blob, 0) == 0xd00dfeed:
            trees[blob] = path
    ordered = sorted(trees, key=lambda blob: (structure_size(blob), trees[blob]))
    if len(ordered) < SAMPLE:
        raise CannotMeasure(f"{folder} has {len(ordered)} different .dtb files, and the sample "
                            f"takes {SAMPLE}: scripts/fetch-trees gets those of Debian's kernels")
    picks = [round(i * (len(ordered) - 1) / (SAMPLE - 1)) for i in range(SAMPLE)]
    return [trees[ordered[pick]] for pick in picks], len(ordered)


def handed_over(path):
    """The tree at @path as the Image gets it."""
    with tempfile.NamedTemporaryFile(suffix=".dtb") as file:
        command = Boot(machine=f"{MACHINE},dumpdtb={file.name}",
                       arguments=("-dtb", str(path))).command()
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        except subprocess.CalledProcessError as error:
            raise CannotMeasure(f"{path}: {error.stderr.strip()}") from None
        return pathlib.Path(file.name).read_bytes()


def cost(path, **keywords):
    return measure(Boot(machine=MACHINE, arguments=("-dtb", str(path)), **keywords))


def show(report, folder, is_fdt_work):
    """@report: of bench.py. @is_fdt_work: whether a function of that name reads trees."""
    report.title("Device trees of real boards")
    paths, count = sample(folder)
    rows, totals, passes = [], [], []
    for path in paths:
        blob = handed_over(path)
        found = cost(path)
        work = sum(number for name, number in found.by_function.items() if is_fdt_work(name))
        before = chosen_end(blob)
        rows.append([f"`{path.parent.name}/{path.name}`", structure_size(blob), before,
                     found.total, work, f"{work / before:.2f}"])
        totals.append(found.total)
        passes.append(cost(path, kernel=tree_pass()).total / structure_size(blob))
        rows[-1].append(f"{passes[-1]:.2f}")
    median = statistics.median_low(totals)
    report.say(f"{SAMPLE} of {count} different trees, by size, entered at EL1 with KASLR on. Bytes "
               "are of the structure", "block, and of it to the end of /chosen. Instructions are "
               "from the Image's first to", "kernel_main's first: all, and those that read the "
               f"tree. Median: {median:,} instructions,", f"{MEDIAN_MOST:,} are the limit.", "")
    each = statistics.median_low(passes)
    report.say("Pass: from kernel_main to the end of the kernel's own pass, for each byte of the "
               "structure", f"block. Median: {each:.2f}, {PASS_PER_BYTE} are the limit.", "")
    report.table(["tree", "bytes", "to /chosen", "instructions", "tree's", "each byte to /chosen",
                  "pass"], rows)
    report.check(each <= PASS_PER_BYTE, f"the median of {SAMPLE} real trees is {each:.2f} "
                 f"instructions a byte in the kernel, {PASS_PER_BYTE} are the limit")
    report.check(median <= MEDIAN_MOST, f"the median of {SAMPLE} real trees is {median:,} "
                 f"instructions to kernel_main, {MEDIAN_MOST:,} are the limit")
