# SPDX-License-Identifier: MIT
"""Machines without a UART: the report on a virtio console, on a frame buffer that the device tree
names, and on the one that UEFI firmware leaves. Nothing can be typed there, so what the kernel is
to do is in pagoda.run=; what a screen shows is read with the font as it is drawn.
"""
import pathlib
import re
import tempfile

import pytest

from loader import (WINDOW_START, Memory, compile_tree, device_tree, edit_tree, load, machine_tree,
                    memory_edit)
from machine import PROMPT, ROOT, TIMEOUT, Machine, Patience, documents
from test_uefi import FIRMWARE, Firmware

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 8 * MIB
PL011 = "/pl011@9000000"
NO_UART = [["-t", "s", "FILE", PL011, "status", "disabled"],
           ["-d", "FILE", "/chosen", "stdout-path"]]
VIRTIO = 0xA003E00  # the first place that QEMU fills

RAM = 0x40000000
PIXELS = 0x58000000  # in the upper half of QEMU's RAM, which the device tree leaves out
RAM_LEFT = memory_edit((RAM, 256 * MIB))
WIDTH, HEIGHT = 800, 600
FORMATS = {"x8r8g8b8": 4, "r5g6b5": 2, "r8g8b8": 3}


class VirtioConsole(Machine):
    """The virt machine with a virtio console, and nobody at the PL011."""
    serial = ("-serial", "null", "-chardev", "stdio,id=console", "-device", "virtio-serial-device",
              "-device", "virtconsole,chardev=console")


class VirtioAndUart(Machine):
    """The virt machine with a virtio console that nobody reads."""
    serial = ("-serial", "stdio", "-device", "virtio-serial-device", "-chardev",
              "null,id=console", "-device", "virtconsole,chardev=console")


class NoConsole(Machine):
    """The virt machine with nobody at the PL011."""
    serial = ("-serial", "null")


def start(board, bootargs, *edits, **options):
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree(bootargs), *edits))
    return load(memory, IMAGE, FDT, board=board, **options)


def screen_node(address=PIXELS, form="x8r8g8b8"):
    """The edits that make a frame buffer of WIDTH by HEIGHT."""
    node, stride = f"/framebuffer@{address:x}", WIDTH * FORMATS[form] + 12
    return [["-c", "FILE", node],
            ["-t", "s", "FILE", node, "compatible", "simple-framebuffer"],
            ["-t", "x", "FILE", node, "reg", "0", f"{address:x}", "0", f"{stride * HEIGHT:x}"],
            ["-t", "i", "FILE", node, "width", str(WIDTH)],
            ["-t", "i", "FILE", node, "height", str(HEIGHT)],
            ["-t", "i", "FILE", node, "stride", str(stride)],
            ["-t", "s", "FILE", node, "format", form]]


def read_font():
    """{5 by 8 dots as a tuple of strings: character}, as lib/font.txt draws them."""
    lines = (ROOT / "lib/font.txt").read_text(encoding="ascii").splitlines()
    return {tuple(row[column:column + 5] for row in lines[number + 1:number + 9]): line[column + 1]
            for number, line in enumerate(lines) if line.startswith("'")
            for column in range(0, len(line), 6)}


FONT = read_font()


def read_screen(lit, width, height):
    """The rows of text on a screen of cells of 6 by 10 dots; @lit(x, y): what is there, True for
    white, False for black, anything else is neither."""
    rows = []
    for top in range(0, height - 9, 10):
        text = ""
        for left in range(0, width - 5, 6):
            dots = [[lit(left + x, top + y) for x in range(6)] for y in range(10)]
            assert all(dot is True or dot is False for row in dots for dot in row)
            assert not any(row[5] for row in dots) and not any(dots[8] + dots[9])
            text += FONT[tuple("".join(".#"[dot] for dot in row[:5]) for row in dots[:8])]
        rows.append(text.rstrip())
    return rows


def read_memory(machine, form):
    """What the frame buffer in memory shows."""
    size, stride = FORMATS[form], WIDTH * FORMATS[form] + 12
    pixels = machine.memory(PIXELS, stride * HEIGHT)
    colours = {b"\xff" * size: True, bytes(size): False}

    def lit(x, y):
        at = y * stride + x * size
        return colours.get(pixels[at:at + size])
    return read_screen(lit, WIDTH, HEIGHT)


def read_dump(machine):
    """What the screen shows, by QEMU's own dump of it."""
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        path = pathlib.Path(directory, "screen")
        machine.qmp("screendump", filename=str(path))
        data = path.read_bytes()
    head = re.match(rb"P6\s(\d+)\s(\d+)\s255\s", data)
    width, height = int(head[1]), int(head[2])
    pixels = data[head.end():]
    colours = {b"\xff\xff\xff": True, b"\0\0\0": False}
    return read_screen(lambda x, y: colours.get(pixels[3 * (y * width + x):][:3]), width, height)


def wait_screen(machine, read, text):
    """The rows of the screen, once @text is in one of them: there is no console to wait on."""
    patience, why = Patience(machine.pid, TIMEOUT), ""
    while not why:
        try:
            rows = read()
        except (AssertionError, KeyError):
            rows = []  # firmware's picture, or a row being drawn
        if any(text in row for row in rows):
            return rows
        why = patience.over()
    raise AssertionError(f"waited for {text!r} on the screen: {why}\n" + "\n".join(rows))


def check_virtio(machine, source):
    """The report is there from its first line on, and says that nothing can be typed."""
    machine.expect(PROMPT)
    machine.expect(PROMPT)
    assert machine.text.startswith("\rPagoda ")
    assert (f"  console      virtio console at {VIRTIO:#018x} ({source})\r\n"
            "  input        none: this console is for output only\r\n") in machine.text
    document, = documents(machine.text)
    assert document["console"] == {"source": source, "type": "virtio console",
                                   "pa": f"{VIRTIO:#018x}", "input": "none"}


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
@pytest.mark.parametrize("version", [1, 2])
def test_a_virtio_console_shows_the_report_where_there_is_no_uart(version, page_size):
    legacy = "on" if version == 1 else "off"
    bootargs = f'arm64.pagesize={page_size} pagoda.run="report json"'
    with start(VirtioConsole, bootargs, *NO_UART,
               extra=["-global", f"virtio-mmio.force-legacy={legacy}"]) as machine:
        check_virtio(machine, "no-uart")


@pytest.mark.parametrize("path,alias", [("/virtio_mmio@a003e00", None),
                                        ("hvc0:1", "/virtio_mmio@a003e00")],
                         ids=["path", "alias"])
def test_a_virtio_console_that_stdout_path_names_goes_before_a_uart(path, alias):
    edits = [["-t", "s", "FILE", "/chosen", "stdout-path", path]]
    if alias:
        edits += [["-p", "-t", "s", "FILE", "/aliases", "hvc0", alias]]
    with start(VirtioConsole, 'pagoda.run="report json"', *edits) as machine:
        check_virtio(machine, "stdout-path")


@pytest.mark.parametrize("path,source", [(PL011, "stdout-path"), ("/nobody", "first-uart")])
def test_a_uart_that_works_goes_before_what_nobody_names(path, source):
    edits = [RAM_LEFT, ["-t", "s", "FILE", "/chosen", "stdout-path", path]]
    with start(Machine, "", *edits, *screen_node()) as machine:
        machine.expect(PROMPT)
        console = machine.document("report json")["console"]
        assert (console["type"], console["source"]) == ("PL011", source)
        assert not any(machine.memory(PIXELS, 4096))


NOWHERE = 0x3000000000  # a bus error
SILENT = f"/serial@{NOWHERE:x}"
SILENT_UART = [["-c", "FILE", SILENT],
               ["-t", "s", "FILE", SILENT, "compatible", "arm,pl011"],
               ["-t", "x", "FILE", SILENT, "reg", "30", "0", "0", "1000"],
               ["-t", "s", "FILE", "/chosen", "stdout-path", SILENT]]


def start_silent(board, *edits):
    """@board, whose tree names a UART that is not there."""
    return start(board, 'pagoda.run="report json"', *SILENT_UART, *edits, exceptions=1,
                 excused=["Invalid read at addr"])


def test_where_the_uart_that_is_named_is_silent_a_virtio_console_shows_the_report():
    with start_silent(VirtioConsole, *NO_UART[:1]) as machine:
        check_virtio(machine, "no-uart")
        assert documents(machine.text)[0]["warnings"] == [
            f"the console at {NOWHERE:#x} (stdout-path) does not answer: there is no other UART"]


def test_where_the_uart_that_is_named_is_silent_another_goes_before_a_virtio_console():
    with start_silent(VirtioAndUart) as machine:
        machine.expect(PROMPT)
        machine.expect(PROMPT)
        document, = documents(machine.text)
        assert document["console"] == {"source": "first-uart", "type": "PL011",
                                       "pa": "0x0000000009000000", "input": "polled"}
        assert document["warnings"] == [
            f"the console at {NOWHERE:#x} (stdout-path) does not answer: the FDT's is used",
            "stdout-path names no UART that can be used: this is the FDT's first one"]


def test_where_the_virtio_console_that_is_named_is_none_a_uart_is_used_and_that_is_said():
    edits = [["-t", "s", "FILE", "/chosen", "stdout-path", "/virtio_mmio@a003e00"]]
    with start(Machine, 'pagoda.run="report json"', *edits) as machine:
        machine.expect(PROMPT)
        assert machine.text.startswith(
            f"pagoda: no console on the virtio console at {VIRTIO:#x}: is not there\r\nPagoda ")
        machine.expect(PROMPT)
        assert documents(machine.text)[0]["console"]["source"] == "first-uart"


def test_a_fault_is_reported_to_the_end_on_a_virtio_console():
    with start(VirtioConsole, 'panic=halt pagoda.run="fault exec data"', *NO_UART,
               exceptions=1) as machine:
        machine.expect("permission fault, level 3")
        machine.expect("kernel_main+")
        machine.expect("pagoda: stopped\r\n")
        assert machine.wait_stop().code == 0


@pytest.mark.parametrize("form", FORMATS)
def test_a_frame_buffer_in_the_device_tree_shows_the_report(form):
    with start(NoConsole, "", *NO_UART, RAM_LEFT, *screen_node(form=form)) as machine:
        rows = wait_screen(machine, lambda: read_memory(machine, form), PROMPT.rstrip())
        assert rows[0].startswith("Pagoda ")
        assert f"  console      frame buffer at {PIXELS:#018x} (no-uart)" in rows
        assert "  input        none: this console is for output only" in rows
        stride = WIDTH * FORMATS[form] + 12
        assert not any(machine.memory(PIXELS + stride * HEIGHT, 4096))


def test_a_frame_buffer_in_memory_that_no_map_hides_shows_the_report():
    hole = ["/reserved-memory", f"/reserved-memory/screen@{PIXELS:x}"]
    edits = [["-c", "FILE", hole[0]],
             ["-t", "x", "FILE", hole[0], "#address-cells", "2"],
             ["-t", "x", "FILE", hole[0], "#size-cells", "2"],
             ["-t", "x", "FILE", hole[0], "ranges"],
             ["-c", "FILE", hole[1]],
             ["-t", "x", "FILE", hole[1], "no-map"],
             ["-t", "x", "FILE", hole[1], "reg", "0", f"{PIXELS:x}", "0", f"{2 * MIB:x}"]]
    with start(NoConsole, "", *NO_UART, *screen_node(), *edits) as machine:
        rows = wait_screen(machine, lambda: read_memory(machine, "x8r8g8b8"), PROMPT.rstrip())
        assert f"  console      frame buffer at {PIXELS:#018x} (no-uart)" in rows


def test_a_frame_buffer_in_ram_is_given_up_with_a_line_on_the_next_console():
    with start(VirtioConsole, 'pagoda.run="report json"', *NO_UART, *screen_node()) as machine:
        assert machine.expect("\r\n") == (
            f"\rpagoda: no console on the frame buffer at {PIXELS:#x}: is RAM, not a device")
        machine.expect(PROMPT)


@pytest.mark.parametrize("run", ["", "help"])
def test_the_screen_that_firmware_leaves_shows_the_report_to_its_end(run):
    source = re.sub(r"\t\tstdout-path = .*\n", "", machine_tree("acpi=off"))
    source = source.replace("\tpl011@9000000 {", '\tpl011@9000000 {\n\t\tstatus = "disabled";')
    with tempfile.NamedTemporaryFile(prefix="pagoda-", suffix=".dtb") as file:
        file.write(compile_tree(source))
        file.flush()
        with Firmware("acpi=off", f"nokaslr pagoda.run={run}", arguments=[
                "-bios", FIRMWARE, "-dtb", file.name, "-device", "ramfb"]) as machine:
            rows = wait_screen(machine, lambda: read_dump(machine),
                               "reboot     start" if run else PROMPT.rstrip())
            assert any(re.fullmatch(r"  console      frame buffer at 0x\w{16} \(no-uart\)", row)
                       for row in rows)
