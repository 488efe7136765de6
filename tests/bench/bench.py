#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the boot costs, in instructions executed under QEMU: exact, and the same on every machine.

  bench.py [--trees FOLDER] [--peer linux|xen...] [--only] [--out FOLDER]

Prints tables, and puts them and the growth curves into BUILD/bench; with --peer linux, which also
builds and measures a Linux, into docs/performance.md and docs/performance/. --trees boots with real
boards' device trees, too; --only these and the peers are measured, and nothing is written. Fails
where a curve grows faster than it should, or a limit is passed; what cannot be measured it says,
and goes on.
"""
import argparse
import contextlib
import functools
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import boot_cost
import growth
import needs
import peer_linux
import peer_xen
import trees
from boot_cost import (ACCESSES_MOST, BUDGET, BUILD, EL2_MORE, NOKASLR_MORE, PATCHING_ACCESSES_MOST,
                       PATCHING_MOST, QUIET, ROOT, Boot, CannotMeasure, Kernel, measure, pagoda,
                       patching)
from boot_report import early_report

FACTOR = 6  # by how much a boot and a full dump are faster than the peer's, on the clock
PAGE_SIZES = ("4k", "16k", "64k")
# Where the boot reads the counter, up to kernel_main: a function, and two places in the flip.
STAGE_MARKS = ("counter_read", "mmu_flip_published", "mmu_flip_jump")
EL2 = "virtualization=on"
RUNS = 5
WARM_UP = 2
NAP = 0.0001  # seconds between two looks at a console
TIMEOUT = 120  # seconds, for a boot


class Report:
    """Markdown, printed as it comes and kept for a file; and what was wrong."""

    def __init__(self):
        self.lines, self.complaints = [], []

    def say(self, *lines):
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def title(self, text):
        self.say("", f"## {text}", "")

    def table(self, head, rows):
        rows = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
                for row in rows]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

        def line(row):
            return "| " + " | ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths))) + " |"

        rule = [("-" * width) if i == 0 else "-" * (width - 1) + ":"
                for i, width in enumerate(widths)]
        self.say(line(head), line(rule), *map(line, rows))

    def check(self, good, complaint):
        if not good:
            self.complaints.append(complaint)
            self.say("", f"**{complaint}**")

    def attempt(self, step, *arguments):
        """Run @step; what it cannot measure is a complaint, and not the end."""
        try:
            return step(self, *arguments)
        except (CannotMeasure, peer_linux.Missing, peer_xen.CannotFetch) as error:
            self.check(False, f"{step.__name__.removeprefix('show_').replace('_', ' ')}: {error}.")
        except (OSError, subprocess.SubprocessError) as error:
            self.check(False, f"{step.__name__}: {error}")
        return None


def version(*command):
    """The first version number that a program says."""
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d+[\w.+~-]*", text)
    return found.group(0) if found else "unknown"


def show_versions(report):
    report.say("# What a boot costs", "", "Made by `make bench PEER=\"linux xen\" "
               "TREES=build/trees`. Instructions executed under QEMU's TCG with",
               "`-cpu max`, from the Image's first on; exact, whatever machine QEMU runs on. "
               "Times are of", "the machine that this ran on.", "",
               f"Pagoda {early_report('4k')['pagoda']}, QEMU "
               f"{version(boot_cost.QEMU, '--version')}, GCC "
               f"{version('aarch64-linux-gnu-gcc', '-dumpfullversion')}.")


# ---- the early boot --------------------------------------------------------------------------


def early_configurations():
    for level, machine in (("EL1", "virt"), ("EL2", f"virt,{EL2}")):
        for kaslr, append in (("on", ""), ("off", "nokaslr")):
            for page_size in PAGE_SIZES:
                yield page_size, kaslr, level, Boot(f"arm64.pagesize={page_size} {append}".strip(),
                                                    machine=machine)


def stage_names(document):
    """The stages of a report's timeline, up to kernel_main."""
    names = [row["stage"] for row in document["timeline"]]
    return names[1:names.index("kernel_main") + 1]


def stages(cost):
    """Instructions in each stage up to kernel_main: between its mark and the one before."""
    ends = [*cost.marks, cost.total]
    names = stage_names(early_report("4k"))
    if len(ends) != len(names):
        raise CannotMeasure(f"{len(ends)} marks for the stages {names}: see STAGE_MARKS")
    return [end - start for start, end in zip([0, *cost.marks], ends)]


def show_early(report):
    """Returns the costs without KASLR at EL1, by page size."""
    report.title("Entry to kernel_main")
    names = stage_names(early_report("4k"))
    rows, kept = [], {}
    for page_size, kaslr, level, boot in early_configurations():
        cost = measure(boot, STAGE_MARKS)
        rows.append([f"{page_size.upper()}, {level}, KASLR {kaslr}", cost.total, *stages(cost)])
        budget = (BUDGET[page_size] + EL2_MORE * (level == "EL2") +
                  NOKASLR_MORE * (kaslr == "off"))
        report.check(cost.total <= budget, f"{boot.append}, {level}: {cost.total} instructions "
                     f"from entry to kernel_main, {budget} are the limit")
        if (level, kaslr) == ("EL1", "off"):
            kept[page_size] = cost
    report.say("In all, and until each stage of the timeline is reached.", "")
    report.table(["page size, level", "total", *names], rows)
    return kept


def show_accesses(report):
    report.title("Data before the flip")
    report.say("With the MMU off each load and store is an access to Device memory, a pair two;",
               "lines are the different 64 bytes that they touch. Entered at EL1, KASLR on.", "")
    rows = []
    for page_size, (most, most_lines) in ACCESSES_MOST.items():
        found = measure(Boot(f"arm64.pagesize={page_size}"), accesses=True).accesses
        total = found["loads"] + found["stores"]
        rows.append([page_size.upper(), found["loads"], found["stores"], total, most,
                     found["lines"], most_lines])
        report.check(total <= most and found["lines"] <= most_lines, f"{page_size}: {total} loads "
                     f"and stores of {found['lines']} lines, {most} and {most_lines} are the limit")
    report.table(["page size", "loads", "stores", "both", "at most", "lines", "at most"], rows)


def show_patching(report):
    report.title("Shadow call stacks")
    symbols = Boot().kernel.symbols
    report.say("Where the CPU cannot sign return addresses, between `tables` and `relocated`: "
               f"{symbols['_frames_end'] - symbols['_frames_start']:,} bytes of unwind",
               "tables are read. Afterwards a push and a pop stand where signing and checking "
               "stood. Where it can:", "nothing.", "")
    rows = []
    for cpu, append in (("cortex-a57", ""), ("max", "arm64.nopauth")):
        functions = early_report("4k", append, cpu=cpu)["scs"]["patched"]
        instructions, accesses = patching(cpu, append)
        rows.append([f"{cpu} {append}".strip(), functions, instructions, accesses,
                     round(instructions / functions), PATCHING_MOST,
                     round(accesses / functions), PATCHING_ACCESSES_MOST])
        report.check(instructions <= PATCHING_MOST * functions and
                     accesses <= PATCHING_ACCESSES_MOST * functions,
                     f"{cpu}: {instructions} instructions and {accesses} loads and stores to patch "
                     f"{functions} functions")
    report.table(["CPU", "functions", "instructions", "loads and stores", "instructions a function",
                  "at most", "loads and stores a function", "at most"], rows)


def show_functions(report, costs):
    report.title("By function")
    report.say("Entered at EL1, without KASLR. What a function calls is not counted with it.", "")
    totals = [cost.by_function for cost in costs.values()]
    names = {name for total in totals for name in total}
    names = sorted(names, key=lambda name: -max(total.get(name, 0) for total in totals))[:20]
    report.table(["function", *(size.upper() for size in costs)],
                 [[f"`{name}`", *(total.get(name, 0) for total in totals)] for name in names])


# ---- tables ----------------------------------------------------------------------------------


def pool_range():
    symbols = pagoda().symbols
    return symbols["_pool_start"], symbols["_pool_end"]


def table_needs(page_size):
    """(leaves, tables, bytes of tables) that the early runtime's two maps need, by arithmetic."""
    document, symbols = early_report(page_size, "nokaslr"), pagoda().symbols
    image = {key: int(document["image"][key], 16) for key in ("va", "pa")}
    leaves, tables, size = 0, 0, 0
    for regime, base in (("regime", image["va"]), ("idmap", image["pa"])):
        shift = document["regime"]["granule"].bit_length() - 1
        bits = document[regime]["va_bits"]
        wide = document["regime"]["pa_bits"] == 52
        # The kernel's map has all of the image, the identity map whole pages of the entry code.
        segments = ("entry",) if regime == "idmap" else (
            "rodata", "text", "init_text", "init_data", "data")
        mapped = [leaf for segment in segments
                  for leaf in needs.leaves(shift, bits, wide, base + symbols[f"_{segment}_start"],
                                           base + -(-symbols[f"_{segment}_end"] >> shift << shift),
                                           image["pa"] + symbols[f"_{segment}_start"])]
        counts = needs.tables(shift, bits, mapped)
        leaves, tables = leaves + len(mapped), tables + sum(counts.values())
        size += needs.table_bytes(shift, bits, counts)
    return leaves, tables, size


def table_writes(page_size):
    """The Cost of the same boot; and (leaves, tables, bytes of tables) that it wrote. Every store
    into the pool but memset()'s is a descriptor; two of the tables have none leading to them."""
    cost = measure(Boot(f"arm64.pagesize={page_size} nokaslr", machine=QUIET), pool=pool_range())
    stores = dict(cost.stores_by_function)
    cleared = stores.pop("memset")[1]
    written = sum(count for count, _ in stores.values())
    granule = int(page_size[:-1]) * 1024
    # Two tables are roots, which may be shorter than a page; all others are whole.
    tables = 2 + (cleared - root_bytes(page_size)) // granule
    return cost, (written - (tables - 2), tables, cleared)


def root_bytes(page_size):
    document = early_report(page_size, "nokaslr")
    shift = document["regime"]["granule"].bit_length() - 1
    return sum(needs.table_bytes(shift, document[regime]["va_bits"],
                                 {needs.levels(shift, document[regime]["va_bits"])[0]: 1})
               for regime in ("regime", "idmap"))


def show_tables(report):
    report.title("Tables of the early runtime")
    report.say("Written: counted as it is stored. Needed: by arithmetic on the image's segments.",
               "")
    rows = []
    for page_size in PAGE_SIZES:
        needed = table_needs(page_size)
        _, written = table_writes(page_size)
        ratios = [f"{have / want:.2f}" for have, want in zip(written, needed)]
        report.check(written == needed, f"{page_size}: leaves, tables, table bytes written "
                     f"{written}, needed {needed}")
        rows.append([page_size.upper(), written[0], needed[0], ratios[0], written[1], needed[1],
                     ratios[1]])
    report.table(["page size", "leaves written", "needed", "ratio", "tables used", "needed",
                  "ratio"], rows)


def leaf_costs():
    """Instructions for each leaf: a page, one of a contiguous run, a block, by page size."""
    elf = BUILD / "leaf_cost.elf"
    program = Kernel(elf, elf, jump=None, begin="_start", end="leaf_end")
    marks = measure(Boot(kernel=program), ["leaf_mark"]).marks
    runs = [end - start for start, end in zip(marks[::2], marks[1::2])]
    # Two runs of each kind, of 512 and of 1024 leaves: the difference is 512 leaves.
    return [(long - short) / 512 for short, long in zip(runs[::2], runs[1::2])]


def show_units(report, costs):
    report.title("For each")
    leaf = [f"{each:.1f}" for each in leaf_costs()]
    report.table(["instructions", *(size.upper() for size in costs)], [
        ["page descriptor", *leaf[0::3]], ["descriptor of a contiguous run", *leaf[1::3]],
        ["block descriptor", *leaf[2::3]],
        ["relocation", *(f"{per_relocation(cost):.1f}" for cost in costs.values())],
        ["byte of QEMU's FDT, before the flip",
         *(f"{per_fdt_byte(cost):.2f}" for cost in costs.values())],
        ["byte of it, kernel_main to the end of the pass",
         *(f"{per_pass_byte(page_size):.2f}" for page_size in costs)],
        ["byte of `ptdump json`",
         *(f"{growth.json_cost(page_size):.1f}" for page_size in costs)]])
    report.say("", "The window through which the pass reads the tree has tables of its own, which "
               "it clears and makes:", "a tree as small as QEMU's pays for that. A byte more costs "
               "what \"Growth\" says.")


def per_relocation(cost):
    symbols = cost.kernel.symbols
    return cost.by_function["relocate_image"] * 24 / (symbols["_rela_end"] - symbols["_rela_start"])


@functools.lru_cache
def machine_tree_size():
    """Bytes of structure block in the device tree that QEMU's virt machine comes with."""
    with tempfile.NamedTemporaryFile(suffix=".dtb") as file:
        subprocess.run([boot_cost.QEMU, "-M", f"{QUIET},dumpdtb={file.name}", "-cpu", "max", "-m",
                        "512M", "-display", "none", "-nic", "none"], check=True,
                       capture_output=True)
        return growth.structure_size(pathlib.Path(file.name).read_bytes())


# What reads the tree before the flip, and the kernel's names in Linux.
FDT_FUNCTIONS = ("fdt_", "skim", "facts_read_chosen", "__pi_fdt")


def is_fdt_work(name):
    return name.startswith(FDT_FUNCTIONS)


def fdt_work(cost):
    return sum(count for name, count in cost.by_function.items() if is_fdt_work(name))


def per_fdt_byte(cost):
    return fdt_work(cost) / machine_tree_size()


def per_pass_byte(page_size):
    boot = Boot(f"nokaslr arm64.pagesize={page_size}", machine=QUIET, kernel=growth.tree_pass())
    return measure(boot).total / machine_tree_size()


def show_calls(report):
    report.title("An empty system call")
    report.say("From EL0 to the answer that there is no such call, and back: instructions of the "
               "kernel's.", "")
    report.table(["pages", "EL1", "EL2", "EL1 with KPTI", "EL2 with KPTI"], [
        [page_size.upper(), *(boot_cost.call_cost(f"arm64.pagesize={page_size} {kpti}", machine)
                              for kpti in ("", "kpti=on") for machine in ("virt", f"virt,{EL2}"))]
        for page_size in PAGE_SIZES])


def show_cpus(report):
    report.title("A further CPU")
    report.say("From its start to where it waits for work: instructions of its own and of the CPU "
               "that boots, waiting included: with 64K pages most of it, and so it varies.", "")
    report.table(["pages", "4 to 8", "8 to 16"], [
        [page_size.upper(), *(boot_cost.further_cpu_cost(few, many, f"arm64.pagesize={page_size}")
                              for few, many in ((4, 8), (8, 16)))]
        for page_size in PAGE_SIZES])


def show_sizes(report):
    report.title("Sizes, and boot to prompt")
    rows = []
    for page_size in PAGE_SIZES:
        used = early_report(page_size, "nokaslr")["pool"][0]
        cost = measure(Boot(f"arm64.pagesize={page_size} nokaslr", machine=QUIET,
                            kernel=growth.prompt()))
        rows.append([page_size.upper(), f"{used['used']} of {used['total']}", cost.total])
    report.table(["page size", "pool pages at the prompt", "instructions to the prompt"], rows)
    report.say("", f"Image {os.path.getsize(BUILD / 'Image'):,} bytes, "
               f"{pagoda().symbols['_end']:,} bytes of memory with .bss, tables and stacks.")


def show_stages(report):
    """What can be said without a plugin: the timeline, where the clock counts instructions."""
    report.title("By the boot's own timeline, under -icount shift=0")
    rows = []
    for page_size in PAGE_SIZES:
        document = early_report(page_size, "nokaslr", icount=True)
        # A tick of QEMU's clock is so many nanoseconds, and each instruction one.
        tick = 1_000_000_000 // document["counter_hz"]
        ticks = {row["stage"]: row["ticks"] * tick for row in document["timeline"]}
        rows.append([page_size.upper(), ticks["kernel_main"], ticks["prompt"]])
    report.table(["page size", "to kernel_main", "to the prompt"], rows)


# ---- growth ----------------------------------------------------------------------------------


def show_growth(report, folder):
    report.title("Growth")
    with tempfile.TemporaryDirectory(prefix="pagoda-") as scratch:
        curves, trouble = growth.measure_all(pathlib.Path(scratch))
    for problem in trouble:
        report.check(False, problem)
    growth.write_files(curves, folder)
    rows = []
    for curve in curves:
        rows.append([curve.title, f"{curve.points[0][0]:,} to {curve.points[-1][0]:,} {curve.unit}",
                     curve.points[0][1], curve.points[-1][1], curve.order,
                     f"{curve.ratio:.2f} of {curve.limit}",
                     f"{curve.steepness:.2f}"])
    report.say("Ratio: dearest to cheapest point where the order is constant; where it is linear,",
               "the slope of the last step to that of the first half. Slope: instructions for one",
               "more of x.", "")
    report.table(["curve", "x", "first", "last", "should be", "ratio", "slope"], rows)
    for curve in curves:
        report.check(curve.complaint() is None, curve.complaint())
    report.say("", *(f"![{curve.title}](performance/{curve.name}.svg)" for curve in curves))


# ---- device trees of real boards -------------------------------------------------------------


def show_trees(report, folder):
    trees.show(report, folder, is_fdt_work)


# ---- beside Linux ----------------------------------------------------------------------------


def wall_seconds(command, end):
    """Seconds from the start of a QEMU until @end is on its console. QEMU writes every character by
    itself: who waited for each would be woken thousands of times, and measure mostly that."""
    begin = time.monotonic()
    text = b""
    # Without close_fds a process starts in one step; there is nothing open that it must not have.
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          close_fds=False) as process:
        try:
            while end.encode() not in text:
                time.sleep(NAP)
                piece = process.stdout.read1(65536)
                if not piece or time.monotonic() - begin > TIMEOUT:
                    raise CannotMeasure(f"no '{end}' on the console of {' '.join(command)}")
                text += piece
            return time.monotonic() - begin
        finally:
            process.kill()


DUMP_WORDS = ("quiet", "")
END_OF_DUMP = "none is writable and executable"

# An Image that does nothing but to say so on the console, and loops: what QEMU takes by itself.
NOTHING = struct.pack("<2I3Q3Q2I5I", 0x14000010, 0, 0, 4096, 8, 0, 0, 0, 0x644d5241, 0,
                      0xd2a12000,  # mov x0, #0x9000000: QEMU's PL011
                      0x528007c1,  # mov w1, #'>'
                      0x39000001,  # strb w1, [x0]
                      0x14000000, 0)


@contextlib.contextmanager
def priority():
    """Keeps the machine's other work out of the times, where we may: gives whether we may."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def wall_times(boots):
    """The median time of each of @boots, [(Boot, text that ends its dump)], taken in turns. A
    machine that was idle, or did something else, is slower at first: those turns do not count."""
    times = [[] for _ in boots]
    for _ in range(WARM_UP + RUNS):
        for seconds, (boot, end) in zip(times, boots):
            seconds.append(wall_seconds([*boot.command(), "-serial", "stdio"], end))
    return [statistics.median(seconds[WARM_UP:]) for seconds in times]


def dump_times(linux, folder):
    """Median seconds to the end of a dump: {first words of the command line: (Pagoda's, Linux's)};
    and those that QEMU takes by itself."""
    # Neither kernel is given QEMU's ACPI tables: they are for firmware.
    bare = functools.partial(Boot, machine="virt,acpi=off")
    (folder / "nothing").write_bytes(NOTHING)
    boots = [(bare(kernel=Kernel(folder / "nothing", None)), ">")]
    for words in DUMP_WORDS:
        boots += [(bare(f'{words} pagoda.run="ptdump; poweroff"'), END_OF_DUMP),
                  (bare(f"{words} console=ttyAMA0", kernel=linux), peer_linux.END_OF_DUMP)]
    alone, *seconds = wall_times(boots)
    return dict(zip(DUMP_WORDS, zip(seconds[::2], seconds[1::2]))), alone


def linux_pool(symbols):
    return symbols["init_idmap_pg_dir"], symbols["init_pg_end"]


def linux_descriptors(cost):
    """Descriptors that Linux's early mapper wrote, tables' included."""
    return cost.stores_by_function["__pi_map_range"][0]


def show_peer(report):
    report.title("Beside Linux")
    folder = pathlib.Path(os.environ.get("PEER_DIR") or BUILD / "peer-linux")
    folder.mkdir(parents=True, exist_ok=True)
    out = peer_linux.build(folder)
    linux = Kernel(out / "arch/arm64/boot/Image", out / "vmlinux", jump="__primary_switched",
                   end="start_kernel")
    append = "console=ttyAMA0"
    theirs = measure(Boot(append, kernel=linux), pool=linux_pool(linux.symbols))
    ours = measure(Boot(), pool=pool_range())
    ours_written = sum(count for name, (count, _) in ours.stores_by_function.items()
                       if name != "memset")
    with priority() as first:
        seconds, alone = dump_times(linux, folder)
    relocation = [ours.by_function["relocate_image"], theirs.by_function["__pi_relocate_kernel"]]
    release = (out / "include/config/kernel.release").read_text(encoding="ascii").strip()
    report.say(f"Linux {release} from {peer_linux.SOURCE.name}: tinyconfig with 4K pages, 52-bit "
               "addresses,", "KASLR, a PL011 console, and debugfs for its page tables. Entry to "
               "`start_kernel` beside", "entry to `kernel_main`: in both, the MMU is on and the "
               "kernel runs where it will stay.", "")
    mapped = [sum(ours.by_function.get(name, 0) for name in MAPPERS),
              theirs.by_function["__pi_map_range"]]
    rows = [["instructions", ours.total, theirs.total],
            ["  without relocation", *(cost.total - cost_of for cost, cost_of in
                                       zip((ours, theirs), relocation))],
            ["  relocation", *relocation],
            ["  FDT", fdt_work(ours), fdt_work(theirs)],
            ["  descriptors", *mapped],
            ["descriptors written", ours_written, linux_descriptors(theirs)],
            ["seconds, start of QEMU to end of dump", *(f"{s:.3f}" for s in seconds["quiet"])],
            ["  with messages of the boot", *(f"{s:.3f}" for s in seconds[""])]]
    report.table(["4K pages", "Pagoda", "Linux", "Linux / Pagoda"],
                 [[*row, f"{ratio(row[2], row[1]):.1f}"] for row in rows])
    ours, theirs = seconds["quiet"]
    report.say("", f"Times: medians of {RUNS} runs, in turns after {WARM_UP} that do not count, of "
               "`-M virt,acpi=off -cpu max -m 512M`,",
               "both kernels with `quiet` on their command lines, then both without; "
               f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
               f"{', these runs first' if first else ''}.",
               f"QEMU by itself takes {alone:.3f} s to an Image's first character; without that, "
               f"Linux takes {(theirs - alone) / (ours - alone):.1f}", "times as long.")
    report.check(theirs >= FACTOR * ours, f"the dump takes {ours:.3f} s, Linux's {theirs:.3f} s: "
                 f"less than {FACTOR} times as long")


def show_xen(report):
    report.title("Beside Xen")
    xen, release = peer_xen.fetch(BUILD / "peer-xen")
    machine = f"{QUIET},{EL2}"
    theirs = measure(Boot("console=dtuart", machine=machine, kernel=xen))
    ours = measure(Boot("nokaslr", machine=machine))
    report.say(f"Xen {release} as Debian has it:", "entry to `start_xen` beside entry to "
               "`kernel_main`, both entered at EL2, and Pagoda without KASLR,",
               "which Xen has not. In both, the MMU is on and C runs where it will stay. "
               "Xen has not read the", "device tree by then. littlekernel is not among Debian's "
               "packages, and not here.", "")
    clear = [ours.by_function["memset"], theirs.by_function["zero_bss"]]
    report.table(["4K pages", "Pagoda", "Xen", "Xen / Pagoda"],
                 [[*row, f"{ratio(row[2], row[1]):.1f}"] for row in [
                     ["instructions", ours.total, theirs.total],
                     ["  of these to clear memory", *clear],
                     ["  of these on the device tree", fdt_work(ours), 0]]])


def ratio(theirs, ours):
    return float(theirs) / float(ours)


# What writes descriptors in the early runtime, but for clearing tables.
MAPPERS = ("map_range", "stretch_map", "table_create", "pt_space_create", "pte_leaf",
           "pte_contiguous", "pte_table", "regime_contiguous")


# ---- all of it -------------------------------------------------------------------------------


def show_boot(report, docs):
    report.attempt(show_versions)
    report.attempt(show_stages)
    costs = report.attempt(show_early)
    if costs:
        report.attempt(show_accesses)
        report.attempt(show_patching)
        report.attempt(show_functions, costs)
        report.attempt(show_units, costs)
        report.attempt(show_tables)
        report.attempt(show_sizes)
        report.attempt(show_calls)
        report.attempt(show_cpus)
        report.attempt(show_growth, docs / "performance")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", choices=["linux", "xen"], nargs="+", default=[])
    parser.add_argument("--trees", type=pathlib.Path, help="a folder of .dtb files")
    parser.add_argument("--only", action="store_true", help="trees and peers, and nothing else")
    parser.add_argument("--out", type=pathlib.Path, help="where performance.md goes")
    options = parser.parse_args()
    docs = options.out or (ROOT / "docs" if "linux" in options.peer else BUILD / "bench")
    report = Report()
    if not options.only:
        show_boot(report, docs)
    if options.trees:
        report.attempt(show_trees, options.trees)
    if "xen" in options.peer:
        report.attempt(show_xen)
    if "linux" in options.peer:
        report.attempt(show_peer)
    if not options.only:
        docs.mkdir(parents=True, exist_ok=True)
        (docs / "performance.md").write_text("\n".join([*report.lines, ""]), encoding="ascii")
        print(f"\nWritten to {docs}/performance.md.")
    if report.complaints:
        sys.exit("\n".join(["", "bench: not as it should be:",
                            *(f"  {text}" for text in report.complaints)]))


if __name__ == "__main__":
    main()
