# SPDX-License-Identifier: MIT
"""For gdb, attached to a machine that is about to boot Pagoda: symbols where the code really is.

Before the flip the Image runs at its physical address; after it, at a virtual address that KASLR
chose. Symbols are loaded for the first at once, and moved to the second when the machine reaches
mmu_flip_jump, the last instruction before kernel_main. Environment: PAGODA_ELF.
"""
import os

import gdb

ELF = os.environ.get("PAGODA_ELF", "build/pagoda.elf")
BOOT_INSTRUCTIONS = 16  # of QEMU's loader stub, at most


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


def start():
    gdb.execute(f"symbol-file {ELF}", to_string=True)
    text, flip, kernel_main = map(link_address, ("_text", "mmu_flip_jump", "kernel_main"))
    image = find_image()
    load_symbols(image - text)
    follow_flip(flip - text + image, kernel_main)
    print(f"The Image is at {image:#x}, stopped at its first instruction, the MMU off.")
    print("Continue to stop at the flip.")


start()
