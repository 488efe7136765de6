# SPDX-License-Identifier: MIT
"""Consoles that real machines have, on devices as QEMU has them: a 16550 in PCI's I/O space, the
Raspberry Pi's mini UART, the SBSA's UART. Each is typed at. And boards other than virt.
"""
import contextlib
import re
import sys
import tempfile

import pytest

from loader import (WINDOW_START, Memory, compile_tree, device_tree, edit_tree, load,
                    machine_tree)
from machine import PROMPT, ROOT, Machine, number

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 8 * MIB

# QEMU's virt machine: PCI configuration and I/O space, and the place that a test gives the UART.
ECAM = 0x4010000000
PORTS = 0x3EFF0000
PORT = 0x1000
UART = PORTS + PORT
SLOT = 4

# What firmware does to a PCI device: a place in I/O space (base address register 0), and leave to
# answer there (bit 0 of the command register).
ASSIGN = f"""
	movz	x16, #{ECAM >> 32:#x}, lsl #32
	movk	x16, #{(ECAM | SLOT << 15) >> 16 & 0xFFFF:#x}, lsl #16
	mov	w17, #{PORT:#x}
	str	w17, [x16, #0x10]
	mov	w17, #1
	strh	w17, [x16, #4]
"""


class PciSerial(Machine):
    """The virt machine with a 16550 on its PCI bus, and nobody at the PL011."""
    serial = ("-serial", "null", "-chardev", "stdio,id=pci", "-device",
              f"pci-serial,chardev=pci,addr={SLOT}")


class Pi(Machine):
    """A Raspberry Pi 3B: no PSCI, RAM from address 0 on, the mini UART for a console."""
    board = "raspi3b"
    memory_size = "1G"
    serial = ("-serial", "null", "-serial", "stdio")
    mini_uart = 0x3F215040


# Boards with a display port have sound.
SILENT = ("-audio", "none") if ktap.qemu_version() >= (8, 2) else ("-audiodev", "none,id=none")
# What an SBSA UART's driver leaves alone firmware would have set: QEMU 10 says that nobody has.
LEFT_OFF = ["PL011 data written to disabled UART"]


class Sbsa(Machine):
    """QEMU's server: RAM from 2^40 on. The CPU is what the board has by default."""
    board = "sbsa-ref"
    memory_size = "1G"
    serial = ("-serial", "stdio", "-smp", "1", "-global", "VGA.romfile=", "-global",
              "bochs-display.romfile=")
    uart = 0x60000000


class Zynq(Machine):
    """AMD's ZCU102, a ZynqMP: a Cadence UART."""
    board = "xlnx-zcu102"
    memory_size = "1G"
    serial = ("-serial", "stdio", "-serial", "null", *SILENT)
    uart = 0xFF000000


class Versal(Machine):
    """AMD's Versal as QEMU puts it together: RAM from address 0 on, a PL011, a GICv3."""
    board = "xlnx-versal-virt"
    memory_size = "1G"
    serial = ("-serial", "stdio", *SILENT)
    uart = 0xFF000000


PI_TREE = """
/dts-v1/;
/memreserve/ 0x0 0x1000;
/ {
	#address-cells = <1>;
	#size-cells = <1>;
	compatible = "raspberrypi,3-model-b", "brcm,bcm2837";
	chosen { stdout-path = "serial1:115200n8"; };
	aliases { serial0 = "/soc/serial@7e201000"; serial1 = "/soc/serial@7e215040"; };
	memory@0 { device_type = "memory"; reg = <0 0x3c000000>; };
	soc {
		compatible = "simple-bus";
		#address-cells = <1>;
		#size-cells = <1>;
		ranges = <0x7e000000 0x3f000000 0x1000000>, <0x40000000 0x40000000 0x1000>;
		serial@7e201000 {
			compatible = "arm,pl011", "arm,primecell";
			reg = <0x7e201000 0x200>;
		};
		serial@7e215040 {
			compatible = "brcm,bcm2835-aux-uart";
			reg = <0x7e215040 0x40>;
		};
	};
};
"""

SBSA_TREE = """
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "linux,sbsa-ref";
	chosen { stdout-path = "/serial@60000000:115200"; };
	memory@10000000000 { device_type = "memory"; reg = <0x100 0 0 0x40000000>; };
	serial@60000000 {
		compatible = "arm,sbsa-uart";
		reg = <0 0x60000000 0 0x1000>;
		current-speed = <115200>;
	};
};
"""


# What QEMU logs of other devices when the board is reset.
RESET_NOISE = ["DPDMA client not attached", "/machine/soc/efuse-ctrl",
               "/machine/xlnx-versal/efuse-ctrl", "/machine/xlnx-versal/canfd", "PMC SLCR parity",
               "Selecting between enabling"]

ZYNQ_TREE = """
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	compatible = "xlnx,zynqmp-zcu102-rev1.0", "xlnx,zynqmp";
	interrupt-parent = <1>;
	chosen { stdout-path = "serial0:115200n8"; };
	aliases { serial0 = "/serial@ff000000"; };
	memory@0 { device_type = "memory"; reg = <0 0 0 0x40000000>; };
	psci { compatible = "arm,psci-0.2"; method = "smc"; };
	interrupt-controller@f9010000 {
		compatible = "arm,gic-400";
		#interrupt-cells = <3>;
		interrupt-controller;
		reg = <0 0xf9010000 0 0x10000>, <0 0xf9020000 0 0x20000>;
		phandle = <1>;
	};
	timer {
		compatible = "arm,armv8-timer";
		interrupts = <1 13 0xf08>, <1 14 0xf08>, <1 11 0xf08>, <1 10 0xf08>;
	};
	serial@ff000000 {
		compatible = "xlnx,zynqmp-uart", "cdns,uart-r1p12";
		reg = <0 0xff000000 0 0x1000>;
		interrupts = <0 21 4>;
	};
};
"""


# The same with a GICv3, and the UART that trees of it have.
VERSAL_TREE = ZYNQ_TREE.replace(
    '"xlnx,zynqmp-zcu102-rev1.0", "xlnx,zynqmp"', '"xlnx,versal"').replace(
    "@f9010000", "@f9000000").replace("arm,gic-400", "arm,gic-v3").replace(
    "<0 0xf9010000 0 0x10000>, <0 0xf9020000 0 0x20000>",
    "<0 0xf9000000 0 0x80000>, <0 0xf9080000 0 0x80000>").replace(
    '"xlnx,zynqmp-uart", "cdns,uart-r1p12"', '"arm,sbsa-uart", "arm,pl011"').replace(
    "interrupts = <0 21 4>", "interrupts = <0 18 4>")


@contextlib.contextmanager
def started(board, source, append="", **options):
    """@board with the device tree that @source is."""
    with tempfile.NamedTemporaryFile(prefix="pagoda-", suffix=".dtb") as file:
        file.write(compile_tree(source))
        file.flush()
        with board(append=append, arguments=["-dtb", file.name], **options) as machine:
            yield machine


NO_GIC = "no GICv2 or GICv3 is described"
NO_INTERRUPT = "no interrupt of the GIC's is described for it"
NO_NODE = "no UART that Pagoda drives is described at its address"


def start_pi(append="", source=PI_TREE, **options):
    return started(Pi, source, append, cpu="cortex-a53", **options)


def start_sbsa(append="", cpu="max", **options):
    return started(Sbsa, SBSA_TREE, append, cpu=cpu, excused=LEFT_OFF, **options)


def start_zynq(append="", source=ZYNQ_TREE, machine="virtualization=on", **options):
    return started(Zynq, source, append, machine=machine, cpu="cortex-a53",
                   excused=RESET_NOISE, **options)


def start_pci(bootargs, *edits, **options):
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree(bootargs), *edits))
    return load(memory, IMAGE, FDT, ASSIGN, board=PciSerial, **options)


def check_console(machine, kind, address, source, why_polled=NO_GIC, interrupt=33):
    """The report tells where the console is, and why it is polled (None: it is not); what is typed
    arrives, and an edited line is run as it is shown; the device is mapped once; Ctrl-C ends an
    output. Returns the report."""
    machine.expect(PROMPT)
    document = machine.document("report json")
    assert document["console"] == {
        "source": source, "type": kind, "pa": f"{address:#018x}",
        "input": "polled" if why_polled else "interrupt"}
    how = f"polled: {why_polled}" if why_polled else f"by interrupt {interrupt}"
    assert (f"  console      {kind} at {address:#018x} ({source})\n  input        {how}\n"
            in machine.command("report"))
    machine.send("verrides\x01o\r")
    assert "\n  overrides    " in machine.expect(PROMPT)
    assert re.search("^  0xf.*read-write, no-execute, DEVICE/nGnRE$",
                     machine.command(f"find {address:#x}"), re.MULTILINE)
    image = number(document["image"]["va"])
    machine.send(f"read {image:#x} 1000000\r")
    machine.expect(f"{image + 64:#018x} ")
    machine.send("\x03")
    assert machine.expect(PROMPT).endswith("^C\n")
    return document


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_a_16550_on_the_pci_bus_is_the_console_where_earlycon_says_so(page_size):
    with start_pci(f"earlycon=uart8250,mmio,{UART:#x},115200n8 "
                   f"arm64.pagesize={page_size}") as machine:
        check_console(machine, "16550", UART, "earlycon", NO_NODE)


UART_NODE = f"/U6_16550A@{UART:x}"  # as kvmtool and crosvm call theirs
UART_EDITS = [
    ["-c", "FILE", UART_NODE],
    ["-t", "s", "FILE", UART_NODE, "compatible", "ns16550a"],
    ["-t", "x", "FILE", UART_NODE, "reg", "0", f"{UART:x}", "0", "8"],
    ["-t", "s", "FILE", "/chosen", "stdout-path", f"{UART_NODE}:115200n8"],
]


def test_a_16550_is_the_console_where_the_device_tree_says_so():
    with start_pci("", *UART_EDITS) as machine:
        check_console(machine, "16550", UART, "stdout-path", NO_INTERRUPT)


def test_a_16550_says_why_a_boot_cannot_go_on():
    with start_pci("pagoda.va_bits=36", *UART_EDITS) as machine:
        reason, stop = machine.wait_cannot_boot()
        assert "pagoda.va_bits=36" in reason and stop.value == 36


def test_the_mini_uart_of_a_raspberry_pi_is_a_console():
    with start_pi() as machine:
        document = check_console(machine, "16550", Pi.mini_uart, "stdout-path")
        assert document["psci"] == "none" and document["image"]["entry_el"] == 2
        assert number(document["image"]["pa"]) < 1 << 30
        assert machine.command("poweroff") == "poweroff: the FDT names no PSCI\n"


# A 16550 as others describe one: what `compatible` says counts, and not the name; and registers
# that begin behind the node's address.
KVMTOOL_UART = """U6_16550A@7e215040 { compatible = "ns16550a"; reg = <0x7e215040 0x40>;
    reg-shift = <2>; reg-io-width = <4>; };"""
XILINX_UART = """serial@7e215000 { compatible = "xlnx,xps-uart16550-2.00.a", "ns16550a";
    reg = <0x7e215000 0x1000>; reg-offset = <0x40>; reg-shift = <2>; reg-io-width = <4>; };"""


@pytest.mark.parametrize("uart", [KVMTOOL_UART, XILINX_UART], ids=["kvmtool", "reg-offset"])
def test_the_mini_uart_is_a_console_however_a_16550_is_described(uart):
    path = f"/soc/{uart.split()[0]}"
    source = re.sub(r"serial@7e215040 \{.*?\};", uart, PI_TREE, flags=re.DOTALL).replace(
        "/soc/serial@7e215040", path)
    with start_pi(source=source) as machine:
        check_console(machine, "16550", Pi.mini_uart, "stdout-path")


def test_the_mini_uart_is_a_console_by_earlycon_too():
    source = PI_TREE.replace("brcm,bcm2835-aux-uart", "vendor,uart")
    with start_pi(f"earlycon=uart8250,mmio32,{Pi.mini_uart:#x}", source) as machine:
        check_console(machine, "16550", Pi.mini_uart, "earlycon")


def test_a_raspberry_pi_says_why_it_cannot_boot():
    with start_pi("arm64.pagesize=16k") as machine:
        reason, _ = machine.wait_cannot_boot()
        assert reason == "arm64.pagesize=16k asked for, but the CPU has: 4K 64K"


def test_a_fault_on_a_raspberry_pi_is_reported_to_the_end():
    with start_pi("panic=poweroff", exceptions=1) as machine:
        machine.expect(PROMPT)
        machine.send("fault exec data\r")
        machine.expect("permission fault, level 3")
        machine.expect("kernel_main+")
        machine.expect("pagoda: stopped\r\n")
        assert machine.wait_stop().code == 0


@pytest.mark.parametrize("page_size", ["4k", "64k"])
def test_the_memory_of_a_raspberry_pi_is_what_its_tree_says(page_size):
    with start_pi(f"arm64.pagesize={page_size}") as machine:
        machine.expect(PROMPT)
        for command in ("memory test", "vmalloc test", "change test"):
            results = ktap.parse(machine.command(command))
            assert results.tests and results.count("fail") == 0
        reserved = [entry for entry in machine.document("report json")["memory"]
                    if entry["kind"] == "reserved"]
        assert number(reserved[0]["start"]) == 0


def test_the_uart_of_a_server_is_a_console_and_its_ram_above_2_to_the_40():
    with start_sbsa() as machine:
        document = check_console(machine, "SBSA UART", Sbsa.uart, "stdout-path")
        assert number(document["image"]["pa"]) > 1 << 40
        assert document["regime"]["va_bits"] == 52


NO_DRIVER = "the driver of this UART has no interrupts"


@pytest.mark.parametrize("machine,page_size", [("", "64k"), ("virtualization=on", "4k")],
                         ids=["EL1-64k", "EL2-4k"])
def test_the_uart_of_a_zynq_is_a_console(machine, page_size):
    with start_zynq(f"arm64.pagesize={page_size}", machine=machine) as running:
        document = check_console(running, "Cadence", Zynq.uart, "stdout-path", NO_DRIVER)
        assert document["image"]["entry_el"] == (2 if machine else 1)
        # Transmitter and receiver are on, neither is off; no interrupt is.
        assert [running.monitor(f"xp/1wx {Zynq.uart + register:#x}").split()[-1]
                for register in (0x00, 0x10)] == ["0x00000114", "0x00000000"]


def test_the_uart_of_a_zynq_is_a_console_by_earlycon_too():
    source = ZYNQ_TREE.replace("cdns,uart-r1p12", "vendor,uart")
    with start_zynq(f"earlycon=cdns,mmio32,{Zynq.uart:#x},115200n8", source) as machine:
        check_console(machine, "Cadence", Zynq.uart, "earlycon", NO_DRIVER)


def test_a_zynq_says_why_it_cannot_boot():
    with start_zynq("arm64.pagesize=16k") as machine:
        reason, _ = machine.wait_cannot_boot()
        assert reason == "arm64.pagesize=16k asked for, but the CPU has: 4K 64K"


def test_a_fault_on_a_zynq_is_reported_to_the_end():
    with start_zynq("panic=halt", exceptions=1) as machine:
        machine.expect(PROMPT)
        machine.send("fault exec data\r")
        machine.expect("permission fault, level 3")
        machine.expect("pagoda: stopped\r\n")
        machine.wait_stop()


def test_what_is_an_sbsa_uart_before_it_is_a_pl011_is_driven_as_one():
    """As trees of the Versal have it: the first name counts."""
    with started(Versal, VERSAL_TREE, cpu="cortex-a72",
                 excused=RESET_NOISE + LEFT_OFF) as machine:
        check_console(machine, "SBSA UART", Versal.uart, "stdout-path", None, interrupt=50)


def sbsa_tree(bootargs=""):
    """QEMU's own tree of the virt machine, its UART said to be the SBSA's."""
    source = machine_tree().replace("pl011@9000000", "serial@9000000").replace(
        '"arm,pl011\\0arm,primecell"', '"arm,sbsa-uart"')
    assert "arm,sbsa-uart" in source
    return edit_tree(compile_tree(source), ["-t", "s", "FILE", "/chosen", "bootargs", bootargs])


@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_an_sbsa_uart_is_a_console_and_its_settings_are_left_alone(page_size):
    """On QEMU it is a PL011, which firmware would have turned on: nobody has, nor does Pagoda."""
    memory = Memory()
    memory.put(FDT, sbsa_tree(f"arm64.pagesize={page_size}"))
    with load(memory, IMAGE, FDT, excused=LEFT_OFF) as machine:
        check_console(machine, "SBSA UART", 0x9000000, "stdout-path", None)
        line_control, control = 0x2c, 0x30
        for register, reset in ((line_control, 0), (control, 0x300)):
            assert machine.monitor(f"xp/1wx {0x9000000 + register:#x}").split()[-1] == (
                f"{reset:#010x}")


# ---- what is no console ----

NOWHERE = 0x3000000000  # in the virt machine: a bus error
NOBODY = PORTS + 0x2000  # PCI I/O space without a device: ones
IN_RAM = 0x48000000
FDT_CONSOLE = {"source": "stdout-path", "type": "PL011", "pa": "0x0000000009000000",
               "input": "interrupt"}

# Each is one line in the report, and no more: the console is the device tree's.
NONSENSE = ["nonsense", "pl011", "pl011,", "pl011,0x", "pl011,9000000z", "pl011,0x9000001",
            "pl011,0x10000000000000", "pl011,0xffffffffffffffffff", "pl011,mmio32", "pl011,,",
            "uart8250", "uart8250,io,0x3f8", "uart8250,mmio64,0x9000000",
            "uart8250,mmio32,0x9000002", ",,,,", "uart8250," + "x" * 300]


@pytest.mark.parametrize("option", ["earlycon", "console"])
def test_nonsense_for_a_console_is_one_line_each_and_the_device_tree_names_it(option):
    with Machine(append=" ".join(f"{option}={value}" for value in NONSENSE)) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert document["console"] == FDT_CONSOLE and document["warnings"] == []
        assert [entry["status"] for entry in document["overrides"]].count("applied") == 0
        assert len(document["overrides"]) == len(NONSENSE)
        answer = machine.command("overrides")
        assert answer.count("\n") == len(NONSENSE)
        assert all(len(line) < 160 for line in answer.splitlines())


@pytest.mark.parametrize("machine", ["", "virtualization=on"], ids=["EL1", "EL2"])
@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
@pytest.mark.parametrize("value,address,reason,exceptions", [
    ("pl011,{}", NOWHERE, "does not answer", 1),
    ("uart8250,mmio,{}", NOWHERE, "does not answer", 1),
    ("uart8250,mmio32,{}", NOBODY, "does not answer", 0),
    ("uart8250,mmio,{}", IN_RAM, "is memory", 0),
    ("pl011,{}", 1 << 51, "does not answer", 1),
], ids=["error", "error8", "ones", "ram", "far"])
def test_a_console_that_is_not_there_is_given_up_for_the_device_trees(
        value, address, reason, exceptions, page_size, machine):
    append = f"earlycon={value.format(hex(address))} arm64.pagesize={page_size}"
    with Machine(append=append, machine=machine, exceptions=exceptions,
                 excused=["Invalid read at addr"]) as running:
        running.expect(PROMPT)
        document = running.document("report json")
        assert document["console"] == FDT_CONSOLE
        assert document["warnings"] == [
            f"the console at {address:#x} (earlycon) {reason}: the FDT's is used"]
        assert f"  WARNING      {document['warnings'][0]}\n" in running.command("report")
        assert running.command(f"find {address:#x}").count("DEVICE") == (
            address == NOBODY), "of those only PCI's I/O space is mapped"


def test_a_console_beyond_the_page_tables_is_given_up():
    with Machine("cortex-a57", f"earlycon=pl011,{1 << 50:#x}") as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert document["console"] == FDT_CONSOLE
        assert document["warnings"] == [f"the console at {1 << 50:#x} (earlycon) is beyond what "
                                        "the page tables reach: the FDT's is used"]


def test_after_a_console_was_given_up_a_fault_is_reported_in_full():
    """The exception that told that nobody is there has left nothing behind."""
    with Machine(append=f"earlycon=pl011,{NOWHERE:#x}", exceptions=3,
                 excused=["Invalid read at addr"]) as machine:
        machine.expect(PROMPT)
        machine.send("fault recursion\r")
        machine.expect("another exception while reporting one")
        machine.expect("pagoda: stopped\r\n")
        assert machine.wait_stop().code == 0


@pytest.mark.parametrize("value,exceptions", [(f"pl011,{NOWHERE:#x}", 1),
                                              (f"uart8250,mmio,{NOBODY:#x}", 0)])
def test_a_boot_that_cannot_go_on_says_so_on_the_next_console(value, exceptions):
    with Machine("cortex-a57", f"earlycon={value} arm64.pagesize=16k", exceptions=exceptions,
                 excused=["Invalid read at addr", "Invalid write at addr"]) as machine:
        reason, stop = machine.wait_cannot_boot()
        assert reason == "arm64.pagesize=16k asked for, but the CPU has: 4K 64K"
        assert (stop.code, stop.value) == (6, 14)


def test_a_uart_without_registers_is_passed_over():
    with start_pci("", *UART_EDITS[:-1], ["-d", "FILE", "/pl011@9000000", "reg"]) as machine:
        document = check_console(machine, "16550", UART, "first-uart", NO_INTERRUPT)
        assert document["warnings"] == ["stdout-path names no UART that can be used: this is the "
                                        "FDT's first one"]


def test_where_no_console_is_left_the_boot_goes_on_without():
    memory = Memory()
    memory.put(FDT, edit_tree(device_tree("panic=poweroff pagoda.run=poweroff"),
                              ["-d", "FILE", "/pl011@9000000", "reg"]))
    with load(memory, IMAGE, FDT) as machine:
        assert machine.wait_end() == "guest-shutdown"
        assert machine.text == ""
