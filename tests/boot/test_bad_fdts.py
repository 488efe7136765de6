# SPDX-License-Identifier: MIT
"""Two hundred device trees that are not what they should be: each boot ends in a report, or says
why it cannot boot, or, where the tree does not even lead to a console, stops with a code in
registers. Within seconds, and without a mistake that QEMU would notice."""
import contextlib
import pathlib
import random
import struct
import tempfile

import pexpect
import pytest

from bad_fdts import COUNT, NAMES, broken, intact
from loader import stub_code
from machine import CANNOT_BOOT, IMAGE, PROMPT, STOP_MAGIC, Machine
from patience import Patience

IMAGE_AT = 0x40200000
STUB_AT = 0x40800000
FDT_AT = 0x41000000
SECONDS = 5  # of a processor
# Stop codes: the FDT refused, overlapping the Image, without memory; an exception, where it has the
# console at an address that has nothing.
REASONS = [3, 4, 5]
EXCEPTION, NO_CONSOLE = 12, 16
CONSOLE_WORDS = [b"arm,pl011\0", b"compatible\0", b"\0reg\0", b"#address-cells\0"]


class Watched(Machine):
    """A machine that may end in several ways."""

    def outcome(self):
        """"report", "cannot boot", or the code with which the CPU stopped without a word."""
        ends = [PROMPT, CANNOT_BOOT, pexpect.TIMEOUT]
        patience, why = Patience(self.pid, SECONDS), ""
        while not why:
            found = self._console.expect_exact(ends, timeout=0.02)
            if found == 2 and self.registers()["X00"] >> 16 == STOP_MAGIC:
                # The last words may have come in between.
                found = self._console.expect_exact(ends, timeout=0.02)
                if found == 2:
                    return self.wait_stop().code
            if found < 2:
                self._text.append(self._console.before + self._console.after)
                return "cannot boot" if found else "report"
            why = patience.over()
        raise AssertionError(self._describe(f"waited for the end of a boot: {why}"))


@contextlib.contextmanager
def load_tree(blob):
    """A machine with @blob and the Image, each loaded where our stub expects it."""
    stub = bytearray(stub_code(""))
    struct.pack_into("<QQ", stub, len(stub) - 16, FDT_AT, IMAGE_AT)
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        arguments = ["-device", f"loader,addr={STUB_AT:#x},cpu-num=0"]
        for name, address, data in [("stub", STUB_AT, stub), ("fdt", FDT_AT, blob),
                                    ("image", IMAGE_AT, IMAGE.read_bytes())]:
            path = pathlib.Path(directory, name)
            path.write_bytes(data)
            arguments += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
        with Watched(kernel=None, arguments=arguments) as machine:
            yield machine


@pytest.mark.parametrize("index", range(COUNT), ids=NAMES)
def test_a_boot_with_a_broken_device_tree_ends_in_time_and_says_how(index):
    blob = broken(index)
    with load_tree(blob) as machine:
        outcome = machine.outcome()
        if outcome == "cannot boot":
            machine.expect("\n")
            outcome = machine.wait_stop().code
        machine.exceptions = int(outcome == EXCEPTION)
        # A tree that is good, but for a word that leads to the console, leaves nothing to print on.
        assert outcome in ["report", EXCEPTION, *REASONS] or (
            outcome == NO_CONSOLE and not all(word in blob for word in CONSOLE_WORDS))


def flipped(blob, seed):
    """@blob with up to 32 of its bits wrong, all in what is in use of it."""
    rng = random.Random(seed)
    changed = bytearray(blob)
    struct_at, strings_at, _ = struct.unpack_from(">3I", blob, 8)
    strings_size, struct_size = struct.unpack_from(">2I", blob, 32)
    end = max(struct_at + struct_size, strings_at + strings_size)
    for _ in range(1 + seed % 32):
        changed[rng.randrange(end)] ^= 1 << rng.randrange(8)
    return bytes(changed)


FLIPPED = range(3, 27)  # seeds
FLIPPED_SPEAK = 18  # of these, at least


@pytest.mark.parametrize("seeds", [FLIPPED[::2], FLIPPED[1::2]], ids=["even", "odd"])
def test_trees_with_flipped_bits_are_refused_on_the_screen_and_nothing_else_is_touched(seeds):
    """Any exception, and any access to what is not there, would fail it."""
    spoke = []
    for seed in seeds:
        with load_tree(flipped(intact(), seed)) as machine:
            if machine.outcome() in ("report", "cannot boot"):
                spoke.append(seed)
    assert len(spoke) >= FLIPPED_SPEAK / 2, f"of {list(seeds)} only {spoke}"
