# SPDX-License-Identifier: MIT
"""Device trees of the shapes that boards have, on QEMU's virt machine: where the console and the
GIC stand below buses, how interrupts are counted, what is memory and whose, what PSCI can do. Each
tree is written here as far as it matters, and put into memory as it is.
"""
import pytest

from loader import WINDOW_START, Memory, compile_tree, load
from machine import PROMPT, number

MIB = 1 << 20
IMAGE = WINDOW_START + MIB
FDT = WINDOW_START + 16 * MIB
RAM = 0x40000000
RAM_SIZE = 512 * MIB

MEMORY = f'memory@40000000 {{ device_type = "memory"; reg = <0 {RAM:#x} 0 {RAM_SIZE:#x}>; }};'
PSCI = 'psci { compatible = "arm,psci-1.0"; method = "hvc"; };'
TIMER = """timer { compatible = "arm,armv8-timer";
    interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>; };"""
GIC_V2 = """interrupt-controller@8000000 { phandle = <1>; compatible = "arm,gic-400";
    reg = <0 0x8000000 0 0x10000>, <0 0x8010000 0 0x10000>; #interrupt-cells = <3>;
    interrupt-controller; };"""
GIC_V3 = """interrupt-controller@8000000 { phandle = <1>; compatible = "arm,gic-v3";
    reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>; #interrupt-cells = <3>;
    interrupt-controller; };"""
UART = """serial@9000000 { compatible = "arm,pl011"; reg = <0 0x9000000 0 0x1000>;
    interrupts = <0 1 4>; };"""
ALL = "/serial@9000000"


def tree(*nodes, stdout=ALL, chosen="", memory=MEMORY, psci=PSCI):
    return f"""/dts-v1/; / {{ #address-cells = <2>; #size-cells = <2>; interrupt-parent = <1>;
        chosen {{ bootargs = "nokaslr"; stdout-path = "{stdout}"; {chosen} }};
        {memory} {psci} {" ".join(nodes)} }};"""


def on_bus(*nodes, extra=""):
    """Below a bus with addresses of its own, 0x8000000 less than the CPU's."""
    return f"""soc {{ compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>;
        ranges = <0 0 0x8000000 0x8000000>; {extra} {" ".join(nodes)} }};"""


BUS_UART = """serial@1000000 { compatible = "arm,pl011"; reg = <0x1000000 0x1000>;
    interrupts = <0 1 4>; };"""
BUS_GIC = """interrupt-controller@0 { phandle = <1>; compatible = "arm,gic-v3";
    reg = <0 0x10000>, <0xa0000 0xf60000>; #interrupt-cells = <3>; interrupt-controller; };"""
MAPPED_UART = """serial@1000000 { compatible = "arm,pl011"; reg = <0x1000000 0x1000>;
    interrupts = <5>; };"""
MAP = "#interrupt-cells = <1>; interrupt-map-mask = <0 7>; interrupt-map = <0 5 1 0 1 4>;"


def four_cells(text):
    """Each interrupt with a fourth cell."""
    for three in ("1 13 4", "1 14 4", "1 11 4", "1 10 4", "0 1 4"):
        text = text.replace(f"<{three}>", f"<{three} 0>")
    return text.replace("#interrupt-cells = <3>", "#interrupt-cells = <4>")


def started(source, machine="", **options):
    memory = Memory()
    memory.put(FDT, compile_tree(source))
    return load(memory, IMAGE, FDT, extra=("-smp", "2"), machine=machine, **options)


def check_input(source, why_polled=None, machine="", **options):
    """The report says how the console receives, and what is typed arrives."""
    with started(source, machine, **options) as running:
        running.expect(PROMPT)
        report = running.command("report")
        how = f"polled: {why_polled}" if why_polled else "by interrupt 33"
        assert f"  input        {how}\n" in report


@pytest.mark.parametrize("source, machine", [
    (tree(GIC_V3, TIMER, UART), "gic-version=3"),
    (four_cells(tree(GIC_V3, TIMER, UART)), "gic-version=3"),
    (tree(GIC_V3, TIMER, on_bus(BUS_UART), stdout="/soc/serial@1000000"), "gic-version=3"),
    (tree(TIMER, on_bus(BUS_GIC, BUS_UART), stdout="/soc/serial@1000000"), "gic-version=3"),
    (tree(on_bus(TIMER, BUS_UART), GIC_V2, stdout="/soc/serial@1000000"), ""),
    (tree(GIC_V2, TIMER, on_bus(MAPPED_UART, extra=MAP), stdout="/soc/serial@1000000"), ""),
    (tree(GIC_V2, TIMER.replace("interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>",
                                'interrupt-names = "phys", "virt"; '
                                "interrupts-extended = <1 1 14 4>, <1 1 11 4>"),
          UART.replace("interrupts = <0 1 4>", "interrupts-extended = <1 0 1 4>")), ""),
    # Of two CPUs: the first's redistributor in the second row.
    (tree(GIC_V3.replace("<0 0x80a0000 0 0xf60000>", "<0 0x80c0000 0 0x20000>, "
                         "<0 0x80a0000 0 0x20000>; #redistributor-regions = <2>; "
                         "redistributor-stride = <0 0x20000>"), TIMER, UART), "gic-version=3"),
], ids=["three cells", "four cells", "uart below a bus", "all below a bus", "timer below a bus",
        "interrupt-map", "interrupts-extended", "redistributor regions"])
def test_input_comes_by_interrupt_whatever_way_the_tree_says_so(source, machine):
    check_input(source, machine=machine)


EARLYCON = '"nokaslr earlycon=pl011,0x9000000"'


@pytest.mark.parametrize("uart, why", [
    (UART, None),
    (UART.replace("arm,pl011", "vendor,uart"),
     "no UART that Pagoda drives is described at its address"),
    (UART.replace("arm,pl011", "vendor,gpio").replace("9000000", "9040000"),
     "no UART that Pagoda drives is described at its address"),
], ids=["described", "no driver", "elsewhere"])
def test_the_console_of_the_command_line_has_the_interrupt_of_its_node(uart, why):
    source = tree(GIC_V2, TIMER, uart).replace('"nokaslr"', EARLYCON)
    check_input(source, why)


NOT_ONE = "what is at the GIC's address is no GIC of its version"


@pytest.mark.parametrize("described", [
    # A version 2's CPU interface would be where a redistributor is; a distributor, in flash.
    GIC_V2.replace("0x8010000", "0x80a0000"),
    GIC_V3.replace("<0 0x8000000 0 0x10000>", "<0 0x4000000 0 0x10000>"),
], ids=["version 3", "flash"])
def test_what_does_not_say_that_it_is_the_gic_is_not_used(described):
    check_input(tree(described, TIMER, UART), NOT_ONE, "gic-version=3",
                excused=["gicv3_dist_read: invalid guest read",
                         "gicv3_redist_read: invalid guest read"])


@pytest.mark.parametrize("source, why, machine", [
    (tree(GIC_V2, UART), "no timer of the GIC's is described for this exception level", ""),
    (tree(GIC_V2, TIMER.replace(", <1 10 4>", ""), UART),
     "no timer of the GIC's is described for this exception level", "virtualization=on"),
    # Of two CPUs, the other's redistributor alone.
    (tree(GIC_V3.replace("<0 0x80a0000 0 0xf60000>", "<0 0x80c0000 0 0x20000>"), TIMER, UART),
     "the GICv3 has no registers for this CPU, or none that it may use", "gic-version=3"),
], ids=["no timer", "no timer for EL2", "another CPU's"])
def test_what_is_missing_for_interrupts_is_the_reason_for_polling(source, why, machine):
    check_input(source, why, machine)


def memory_of(document, kind):
    return [(number(entry["start"]), number(entry["end"])) for entry in document["memory"]
            if entry["kind"] == kind]


RESERVED = """bus@0 { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x10000000 0x100000>;
    sram@0 { device_type = "memory"; reg = <0 0x10000>; }; };
    reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
    secure@50000000 { device_type = "memory"; no-map; reg = <0 0x50000000 0 0x100000>; }; };"""


def test_what_is_called_memory_below_another_node_is_not_ram():
    with started(tree(UART, RESERVED)) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert memory_of(document, "ram") == [(RAM, RAM + RAM_SIZE)]
        assert memory_of(document, "no-map") == [(0x50000000, 0x50100000)]
        assert "fail:0 " in machine.command("memory test")


LEFT = "256M of RAM left to others, as /chosen/linux,usable-memory-range has it"


@pytest.mark.parametrize("source, end, warnings", [
    (tree(UART, memory=MEMORY.replace(
        "};", "linux,usable-memory = <0 0x40000000 0 0x10000000>; };")), 0x50000000, []),
    (tree(UART, chosen="linux,usable-memory-range = <0 0x40000000 0 0x10000000>; "
          "linux,elfcorehdr = <0 0x4f000000 0 0x1000>;"), 0x50000000, [LEFT]),
], ids=["of a bank", "of all"])
def test_ram_that_others_need_is_not_used(source, end, warnings):
    with started(source) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert memory_of(document, "ram") == [(RAM, end)]
        assert document["warnings"] == warnings
        assert memory_of(document, "reserved") == (
            [(0x4F000000, 0x4F001000)] if warnings else [])
        assert "fail:0 " in machine.command("memory test")


def test_a_reservation_that_cannot_be_read_is_said():
    source = tree(UART, """reserved-memory { ranges;
        fw@50000000 { reg = <0 0x50000000 0 0x100000>; no-map; }; };""")
    with started(source) as machine:
        machine.expect(PROMPT)
        assert machine.document("report json")["warnings"] == [
            "1 memory ranges of the FDT were not taken in, or not whole"]


def test_a_bank_or_a_uart_with_a_status_of_reserved_is_not_used():
    source = tree("""memory@50000000 { device_type = "memory"; status = "reserved";
            reg = <0 0x50000000 0 0x10000000>; };""",
                  UART.replace("serial@9000000", "serial@9040000").replace(
                      "0x9000000", "0x9040000").replace("interrupts", 'status = "reserved"; i'
                                                        "nterrupts"), UART,
                  memory=MEMORY.replace(f"{RAM_SIZE:#x}", "0x10000000"))
    with started(source) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert memory_of(document, "ram") == [(RAM, 0x50000000)]
        assert number(document["console"]["pa"]) == 0x9000000


def test_a_seed_of_zeroes_is_no_entropy_and_the_reason_says_so():
    source = tree(UART, chosen="kaslr-seed = <0 0>;").replace('"nokaslr"', '"panic=halt"')
    with started(source, cpu="cortex-a57") as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert document["image"]["kaslr"]["source"] == "off: no entropy"
        assert document["warnings"] == [
            "KASLR off: no entropy: the FDT's kaslr-seed is zero, the CPU no RNDR"]


@pytest.mark.parametrize("stdout", ["soc/serial@1000000", "soc/serial@1000000:115200n8",
                                    "soc/serial"])
def test_an_alias_may_begin_the_path_to_the_console(stdout):
    source = tree("aliases { soc = \"/soc\"; };", UART.replace("9000000", "9040000"),
                  GIC_V2, TIMER, on_bus(BUS_UART), stdout=stdout)
    with started(source) as machine:
        machine.expect(PROMPT)
        console = machine.document("report json")["console"]
        assert (number(console["pa"]), console["source"]) == (0x9000000, "stdout-path")


def test_psci_of_version_0_1_is_not_asked_for_what_it_does_not_have():
    psci = 'psci { compatible = "arm,psci"; method = "hvc"; cpu_on = <0x95c1ba60>; };'
    with started(tree(UART, psci=psci)) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        assert document["psci"] == "0.1"
        assert document["warnings"] == ["PSCI is of version 0.1, without calls for it: poweroff "
                                        "and reboot will not work"]
        assert machine.command("poweroff") == "poweroff: PSCI 0.1 has no call for it\n"
        assert machine.command("reboot") == "reboot: PSCI 0.1 has no call for it\n"


def test_psci_below_firmware_turns_the_machine_off():
    with started(tree(UART, psci=f"firmware {{ {PSCI} }};")) as machine:
        machine.expect(PROMPT)
        machine.send("poweroff\r")
        assert machine.wait_end() == "guest-shutdown"


def bridge(ports):
    """A host bridge below a bus, with its ports at @ports."""
    return f"""smb {{ compatible = "simple-bus"; #address-cells = <2>; #size-cells = <2>; ranges;
        pcie@4010000000 {{ compatible = "pci-host-ecam-generic"; device_type = "pci";
        #address-cells = <3>; #size-cells = <2>; reg = <0x40 0x10000000 0 0x10000000>;
        ranges = <0x01000000 0 0 {ports >> 32:#x} {ports & 0xFFFFFFFF:#x} 0 0x10000>; }}; }};"""


def test_pcis_ports_are_shown_where_a_bridge_below_a_bus_has_them():
    with started(tree(UART, bridge(0x3EFF0000))) as machine:
        machine.expect(PROMPT)
        document = machine.document("report json")
        start = next(number(region["start"]) for region in document["layout"]
                     if region["name"] == "pci_io")
        assert machine.translate(start) == 0x3EFF0000


def test_pcis_ports_over_the_image_are_refused_in_a_line():
    with started(tree(UART, bridge(IMAGE))) as machine:
        machine.expect(PROMPT)
        assert f"physical {IMAGE:#018x}: there is RAM\n" in machine.command("vmalloc")
