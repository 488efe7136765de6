# SPDX-License-Identifier: MIT
"""What a device tree says of the console, its interrupt and memory, read over libfdt: written from
the Devicetree Specification and the bindings. It shares nothing with the Image but the list of
UARTs that have a driver, which it is given.
"""
import ctypes
import functools
import re
import struct

libfdt = ctypes.CDLL("libfdt.so.1")
libfdt.fdt_getprop.restype = ctypes.c_void_p
libfdt.fdt_get_name.restype = ctypes.c_char_p
libfdt.fdt_check_full.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
libfdt.fdt_node_offset_by_phandle.argtypes = [ctypes.c_char_p, ctypes.c_uint32]

KIN_OF_16550 = re.compile(r"(8250|16450|16550|16750|dw-apb-uart|mt6577-uart|am654-uart|"
                          r"omap\d-uart|am64-uart|tegra\d+-uart|bcm2835-aux-uart|mmp-uart|"
                          r"xscale-uart|bcm7271-uart)")
ARM = ("arm,pl011", "arm,sbsa-uart")
GICS = ("arm,gic-v3", "arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic",
        "arm,cortex-a7-gic", "arm,gic-v1", "arm,pl390", "arm,eb11mp-gic", "qcom,msm-qgic2",
        "qcom,msm-8660-qgic")
PASSING = re.compile(r"mediatek,mt\w+-sysirq|nvidia,tegra\d+-ictlr|fsl,imx8m\w-gpc")
# NXP's LPUARTs of i.MX have their version and parameters first (the i.MX reference manuals).
AFTER_ADDRESS = {"fsl,imx7ulp-lpuart": 0x10, "fsl,imx8ulp-lpuart": 0x10,
                 "fsl,imx8qxp-lpuart": 0x10, "fsl,imxrt1050-lpuart": 0x10}
SPI = 0  # the first cell of a GIC's interrupt
SPI_FIRST = 32


class Node:
    def __init__(self, tree, offset, name, parent):
        self.tree, self.offset, self.name, self.parent = tree, offset, name, parent
        self.children = []

    @functools.lru_cache(maxsize=None)
    def get(self, name):
        """The property's bytes; None where there is no such property."""
        size = ctypes.c_int()
        value = libfdt.fdt_getprop(self.tree.blob, self.offset, name.encode(), ctypes.byref(size))
        return ctypes.string_at(value, size.value) if value else None

    def cells(self, name):
        value = self.get(name) or b""
        return struct.unpack(f">{len(value) // 4}I", value[:len(value) // 4 * 4])

    def cell(self, name, default):
        value = self.cells(name)
        return value[0] if value else default

    def strings(self, name):
        value = self.get(name)
        return value.rstrip(b"\0").decode("latin-1").split("\0") if value else []

    @property
    def path(self):
        return self.parent.path.rstrip("/") + "/" + self.name if self.parent else "/"

    @property
    def usable(self):
        """Its status and that of all it stands in."""
        own = self.strings("status")
        return (not own or own[0] in ("ok", "okay")) and (not self.parent or self.parent.usable)

    def pairs(self, name="reg"):
        """[(address, size)], in cells as its parent counts them."""
        address = self.parent.cell("#address-cells", 2)
        size = self.parent.cell("#size-cells", 1)
        cells, found = self.cells(name), []
        while address + size and len(cells) >= address + size:
            found.append((number(cells[:address]), number(cells[address:address + size])))
            cells = cells[address + size:]
        return found

    def address(self):
        """Of its registers, as the CPU sees them; None where it has none, or cannot reach them."""
        pairs = self.pairs()
        if not pairs or self.parent.cell("#address-cells", 2) not in (1, 2):
            return None
        at, bus = pairs[0][0], self.parent
        while bus.parent is not None and at is not None:
            at, bus = bus.up(at), bus.parent
        return at

    def registers(self):
        """Where those begin that a UART's driver uses, as the CPU sees them."""
        at = self.address()
        if at is None:
            return None
        after = max((AFTER_ADDRESS.get(word, 0) for word in self.strings("compatible")), default=0)
        return at + after + (self.cell("reg-offset", 0) if is_16550(self) else 0)

    def up(self, at):
        """An address on this bus, on its parent's; None where it does not lead there."""
        ranges = self.get("ranges")
        if ranges is None:
            return None
        child, parent, size = (self.cell("#address-cells", 2),
                               self.parent.cell("#address-cells", 2), self.cell("#size-cells", 1))
        cells, entry = self.cells("ranges"), child + parent + size
        if not ranges:
            return at
        for i in range(0, len(cells) - entry + 1, entry):
            start = number(cells[i:i + child])
            if start <= at < start + number(cells[i + child + parent:i + entry]):
                return number(cells[i + child:i + child + parent]) + at - start
        return None


def number(cells):
    value = 0
    for cell in cells:
        value = value << 32 | cell
    return value


class Tree:
    """All nodes of the tree @blob, in its order."""

    def __init__(self, blob):
        self.blob, self.nodes = blob, []
        if libfdt.fdt_check_full(blob, len(blob)) != 0:
            raise ValueError("libfdt does not take it for a device tree")
        offset, depth, path = 0, ctypes.c_int(0), []
        while offset >= 0 and depth.value >= 0:
            at = depth.value
            name = libfdt.fdt_get_name(blob, offset, None).decode("latin-1")
            node = Node(self, offset, name, path[at - 1] if at else None)
            if at:
                node.parent.children.append(node)
            path[at:] = [node]
            self.nodes.append(node)
            offset = libfdt.fdt_next_node(blob, offset, ctypes.byref(depth))
        self.root = self.nodes[0]
        self.by_offset = {node.offset: node for node in self.nodes}

    def at(self, path):
        return self.by_offset.get(libfdt.fdt_path_offset(self.blob, path.encode("latin-1")))

    def by_phandle(self, phandle):
        return self.by_offset.get(libfdt.fdt_node_offset_by_phandle(self.blob, phandle))

    # ---- the console ----

    def stdout(self):
        """The node that stdout-path names."""
        chosen = self.at("/chosen")
        path = chosen.strings("stdout-path") if chosen else []
        return self.at(path[0].split(":")[0]) if path else None

    def serials(self):
        """Usable nodes that are called a UART, or are one by what they are compatible with."""
        return [node for node in self.nodes if node.parent and node.usable and node.get("reg")
                and (node.name.split("@")[0] in ("serial", "uart") or is_arm(node))]

    def named(self):
        """The UART that the tree names: stdout-path's, or else the first that the CPU can reach."""
        node = self.stdout()
        if node is None:
            node = next((node for node in self.serials() if node.address() is not None), None)
        return node if node and node.usable else None

    def console(self, drivers):
        """(node, address) of the UART that a kernel which drives @drivers can use."""
        def drives(node):
            return (node.usable and any(word in drivers for word in node.strings("compatible"))
                    and self.placed(node))

        node = self.stdout()
        if node is not None and drives(node):
            return node, node.registers()
        return next(((node, node.registers()) for node in self.serials() if drives(node)),
                    (None, None))

    @staticmethod
    def placed(node):
        at = node.registers()
        width = node.cell("reg-io-width", 1) if is_16550(node) else 4
        return at is not None and 0 < at < 1 << 52 and at % width == 0

    # ---- its interrupt ----

    def gic(self):
        return next((node for node in self.nodes if node.usable and is_gic(node)), None)

    def interrupt(self, node):
        """(number, flags) of the GIC's that @node has first; None where it has none of it."""
        extended = node.cells("interrupts-extended")
        if extended:
            parent = self.by_phandle(extended[0])
            cells = extended[1:]
        else:
            parent, cells = self.interrupt_parent(node), node.cells("interrupts")
        cells = cells[:parent.cell("#interrupt-cells", 0)] if parent else ()
        unit = node.cells("reg")
        for _ in range(8):
            if cells and is_passing(parent):
                parent = self.interrupt_parent(parent)
            elif not cells or parent.get("interrupt-controller") is not None:
                break
            else:
                parent, cells = self.mapped(parent, unit, cells)
        if not cells or not is_gic(parent) or len(cells) < 3 or cells[0] != SPI:
            return None
        return cells[1] + SPI_FIRST, cells[2]

    def interrupt_parent(self, node):
        """By its property, or that of the nearest node around it; or one of these itself."""
        while node is not None:
            if node.get("interrupt-parent"):
                return self.by_phandle(node.cell("interrupt-parent", 0))
            node = node.parent
            if node and (node.get("interrupt-controller") is not None or
                         node.get("interrupt-map") is not None):
                return node
        return None

    def mapped(self, nexus, unit, cells):
        """Through an interrupt-map: (its parent's node, cells there); (None, ()) where no entry is
        for them."""
        mine = nexus.cell("#address-cells", 0)
        key = (*unit[:mine], *cells)
        mask = nexus.cells("interrupt-map-mask") or (0xffffffff,) * len(key)
        table = nexus.cells("interrupt-map")
        while len(table) > len(key):
            parent = self.by_phandle(table[len(key)])
            if parent is None:
                break
            at = len(key) + 1 + parent.cell("#address-cells", 0)
            end = at + parent.cell("#interrupt-cells", 0)
            if all((a ^ b) & c == 0 for a, b, c in zip(key, table, mask)):
                return parent, table[at:end]
            table = table[end:]
        return None, ()

    # ---- memory ----

    def reservations(self):
        """The memory reservation block."""
        pairs = []
        for i in range(libfdt.fdt_num_mem_rsv(self.blob)):
            start, size = ctypes.c_uint64(), ctypes.c_uint64()
            libfdt.fdt_get_mem_rsv(self.blob, i, ctypes.byref(start), ctypes.byref(size))
            pairs.append((start.value, size.value))
        return pairs

    def memory(self):
        """{kind: [(start, end)]}, joined where they meet."""
        found = {"ram": [], "reserved": [], "no-map": []}
        for node in self.root.children:
            if "memory" in node.strings("device_type")[:1] and node.usable:
                found["ram"] += node.pairs()
        for node in self.at("/reserved-memory").children if self.at("/reserved-memory") else []:
            if node.usable:
                found["no-map" if node.get("no-map") is not None else "reserved"] += node.pairs()
        found["reserved"] += self.reservations()
        return {kind: joined([(at, at + size) for at, size in pairs])
                for kind, pairs in found.items()}


def joined(ranges):
    found = []
    for start, end in sorted(pair for pair in ranges if pair[0] < pair[1]):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def is_arm(node):
    return any(word in ARM for word in node.strings("compatible"))


def is_16550(node):
    return any(KIN_OF_16550.search(word) for word in node.strings("compatible"))


def is_passing(node):
    """A controller before the GIC whose interrupts are the GIC's, number by number."""
    return any(PASSING.fullmatch(word) for word in node.strings("compatible"))


def is_gic(node):
    return (node.get("interrupt-controller") is not None
            and any(word in GICS for word in node.strings("compatible")))
