# SPDX-License-Identifier: MIT
"""Consoles of machines without a UART: by semihosting, and a buffer in memory. The tree names no
UART, so that nothing else could be printed on."""
import re
import sys
import time

import pytest

from loader import cells, device_tree, edit_tree
from machine import CANNOT_BOOT, PROMPT, ROOT, TIMEOUT, Machine, documents, regions
from patience import Patience, processor_time

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

EL2 = "virtualization=on"
NO_CONSOLE, PAGE_SIZE = 16, 6
SILENT = 4  # enum console_fault
BUFFER, SIZE = 0x50010000, 0x10000  # in RAM, of which QEMU has 512 MiB from 0x40000000 on
ASKED = f"earlycon=buffer,{BUFFER:#x},64K"


class Semihosted(Machine):
    """QEMU serves semihosting, and has no serial port that leads anywhere."""

    serial = ("-serial", "none", "-chardev", "stdio,id=host", "-semihosting-config",
              "enable=on,target=native,chardev=host")


class Unserved(Machine):
    """Nobody does."""

    serial = ("-serial", "none")


def without_uart(tmp_path, append, *edits):
    """QEMU's arguments for a tree whose PL011 nobody knows."""
    blob = tmp_path / "machine.dtb"
    blob.write_bytes(edit_tree(device_tree(append).replace(b"arm,pl011", b"arm,xxxxx"), *edits))
    return ("-dtb", str(blob))


def set_aside(start=BUFFER, size=SIZE):
    """Edits of a tree that keep the kernel from memory."""
    node = "/reserved-memory"
    return (["-c", "FILE", node], ["-t", "x", "FILE", node, "#address-cells", "2"],
            ["-t", "x", "FILE", node, "#size-cells", "2"], ["FILE", node, "ranges"],
            ["-c", "FILE", f"{node}/text"],
            ["-t", "x", "FILE", f"{node}/text", "reg", *cells(start, size)],
            ["FILE", f"{node}/text", "no-map"])


def text_in(memory):
    """What a buffer holds, as docs/cmdline.md describes it; None: it is none yet."""
    if memory[:8] != b"-pag-tx-":
        return None
    following, laps = (int.from_bytes(memory[at:at + 4], "little") for at in (8, 12))
    text = memory[16:]
    return (text[following:] if laps else b"").decode("latin-1") + text[:following].decode(
        "latin-1")


def read_until(machine, end, start=BUFFER, size=SIZE):
    """What the buffer holds once the expression @end is its end. A prompt stands before each
    command of pagoda.run=, too: what comes before the last one belongs to @end."""
    patience = Patience(machine.pid, TIMEOUT)
    while True:
        text = text_in(machine.memory(start, size))
        if text is not None and re.search(f"{end}\\Z", text):
            return text
        assert not (why := patience.over()), f"{why}; the buffer has {text!r}"


# ---- semihosting ----


@pytest.mark.parametrize("page_size,machine", [("4k", ""), ("16k", EL2), ("64k", "")])
def test_a_boot_without_a_uart_prints_by_semihosting(page_size, machine, tmp_path):
    append = (f'earlycon=semihost arm64.pagesize={page_size} '
              'pagoda.run="report json; selftest walk; poweroff"')
    with Semihosted(append=append, machine=machine, arguments=without_uart(tmp_path, append),
                    exceptions=None) as running:
        assert running.wait_end() == "guest-shutdown"
    document = documents(running.text)[0]
    assert document["console"] == {"source": "earlycon", "type": "semihosting",
                                   "pa": "0x0000000000000000", "input": "none"}
    assert document["warnings"] == []
    assert ktap.parse(running.text).count("pass") >= 4
    assert re.search(r"^  console      semihosting \(earlycon\)$", running.text, re.MULTILINE)
    assert "  input        none: this console is for output only\n" in running.text


@pytest.mark.parametrize("machine", ["", EL2, "secure=on"])
def test_a_boot_that_cannot_go_on_says_why_by_semihosting_with_the_mmu_off(machine, tmp_path):
    append = "earlycon=smh arm64.pagesize=16k"
    with Semihosted("cortex-a57", append, machine,
                    arguments=without_uart(tmp_path, append)) as running:
        running.expect(CANNOT_BOOT + "arm64.pagesize=16k asked for, but the CPU has: 4K 64K\n")
        assert running.wait_stop().code == PAGE_SIZE


def test_a_fault_is_reported_by_semihosting(tmp_path):
    append = 'quiet panic=poweroff earlycon=semihost pagoda.run="fault read 0x1234"'
    with Semihosted(append=append, arguments=without_uart(tmp_path, append),
                    exceptions=None) as running:
        assert running.wait_end() == "guest-shutdown"
    assert "0x0000000000001234" in running.text


def test_where_nobody_serves_semihosting_the_trees_console_is_used():
    with Machine(append="earlycon=semihost", exceptions=1) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
    assert document["console"]["type"] == "PL011"
    assert document["warnings"] == ["nobody serves semihosting (earlycon): the FDT's is used"]


def test_where_nobody_serves_semihosting_the_tree_says_on_what_a_boot_that_fails_is_told():
    with Machine("cortex-a57", "earlycon=semihost arm64.pagesize=16k", exceptions=1) as machine:
        reason, stop = machine.wait_cannot_boot()
    assert "but the CPU has: 4K 64K" in reason and stop.code == PAGE_SIZE


@pytest.mark.parametrize("cpu,code", [("max", NO_CONSOLE), ("cortex-a57", PAGE_SIZE)])
def test_where_nobody_serves_it_and_there_is_no_other_the_registers_say_so(cpu, code, tmp_path):
    append = "earlycon=semihost arm64.pagesize=16k"
    with Unserved(cpu, append, arguments=without_uart(tmp_path, append), exceptions=1) as machine:
        stop = machine.wait_stop()
    assert stop.code == code
    assert code != NO_CONSOLE or (stop.value, stop.limit) == (0, SILENT)


# ---- a buffer ----


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_a_boot_without_a_uart_prints_into_memory_that_the_tree_sets_aside(page_size, tmp_path):
    append = f'{ASKED} arm64.pagesize={page_size} pagoda.run="report json; selftest walk,audit"'
    with Unserved(append=append, arguments=without_uart(tmp_path, append, *set_aside()),
                  exceptions=None) as machine:
        text = read_until(machine, f"\n# Totals: .*\n{PROMPT}")
        # Nothing but the console writes there.
        assert machine.memory(BUFFER + SIZE, 4096) == bytes(4096)
    document = documents(text)[0]
    assert document["console"] == {"source": "earlycon", "type": "text buffer",
                                   "pa": f"{BUFFER:#018x}", "input": "none"}
    assert document["warnings"] == []
    assert text.startswith("Pagoda 0.1.0\n")
    assert ktap.parse(text).count("pass") >= 12


def test_a_buffer_that_is_full_has_the_last_of_the_text(tmp_path):
    append = f'quiet earlycon=buffer,{BUFFER:#x},4K pagoda.run="help; selftest list; layout"'
    with Unserved(append=append, arguments=without_uart(tmp_path, append, *set_aside()),
                  exceptions=None) as machine:
        text = read_until(machine, f" {regions()[-2]}\n{PROMPT}", size=4096)
        assert len(text) == 4096 - 16
        assert machine.memory(BUFFER + 4096, 4096) == bytes(4096)


def test_a_boot_that_cannot_go_on_says_why_in_memory_with_the_mmu_off(tmp_path):
    append = f"{ASKED} arm64.pagesize=16k"
    with Unserved("cortex-a57", append,
                  arguments=without_uart(tmp_path, append, *set_aside())) as machine:
        assert machine.wait_stop().code == PAGE_SIZE
        text = text_in(machine.memory(BUFFER, SIZE))
    assert text == f"{CANNOT_BOOT}arm64.pagesize=16k asked for, but the CPU has: 4K 64K\n"


def test_at_the_prompt_of_a_console_that_is_for_output_the_cpu_sleeps(tmp_path):
    append = f"quiet {ASKED}"
    with Unserved(append=append, arguments=without_uart(tmp_path, append, *set_aside()),
                  exceptions=None) as machine:
        read_until(machine, PROMPT)
        before = processor_time(machine.pid)
        time.sleep(1)
        assert processor_time(machine.pid) - before < 0.3


def test_memory_that_is_the_kernels_is_no_buffer():
    with Machine(append=ASKED) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert machine.memory(BUFFER, SIZE) == bytes(SIZE)
    assert document["console"]["type"] == "PL011"
    assert document["warnings"] == [
        f"the console at {BUFFER:#x} (earlycon) is memory: the FDT's is used"]
