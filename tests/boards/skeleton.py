#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Skeletons of device trees: what of a board's tree decides which console, interrupt and memory a
kernel finds, and nothing else. `make test` has those of a hundred boards, as facts in a form of our
own; here is what makes them of trees, and trees of them.

  skeleton.py FOLDER >skeletons.txt

takes the hundred that differ most from the .dtb files in FOLDER. A board is a line with its name
and what its UART is called, where it is, and its interrupt; and a line for each node: as many dots
as it is deep, its name, its properties. Cells are in hex, with a comma between two; phandles are
counted anew.
"""
import itertools
import pathlib
import re
import subprocess
import sys

import oracle

BOARDS = 100
SERIALS_MOST = 3  # usable UARTs kept beside the one that is named
RESERVED_MOST = 4  # ranges of /reserved-memory kept
TIMER, ECAM, PSCI = "arm,armv8-timer", "pci-host-ecam-generic", "arm,psci"

# name in a skeleton: (name in a tree, what it is)
PROPERTIES = {
    "a": ("#address-cells", "cells"), "s": ("#size-cells", "cells"),
    "n": ("#interrupt-cells", "cells"), "reg": ("reg", "cells"), "ranges": ("ranges", "cells"),
    "is": ("compatible", "strings"), "status": ("status", "strings"),
    "type": ("device_type", "strings"), "method": ("method", "strings"),
    "stdout": ("stdout-path", "strings"), "irq": ("interrupts", "cells"),
    "irqs": ("interrupts-extended", "first"), "to": ("interrupt-parent", "phandle"),
    "gic": ("interrupt-controller", "flag"), "map": ("interrupt-map", "map"),
    "mask": ("interrupt-map-mask", "cells"), "nomap": ("no-map", "flag"), "size": ("size", "cells"),
    "shift": ("reg-shift", "cells"), "width": ("reg-io-width", "cells"),
    "offset": ("reg-offset", "cells"), "be": ("big-endian", "flag"),
    "regions": ("#redistributor-regions", "cells"), "stride": ("redistributor-stride", "cells"),
}


# ---- from a tree -----------------------------------------------------------------------------


def compatible(node, *words):
    return any(word in words for word in node.strings("compatible"))


def wanted(tree):
    """The nodes that matter, with all that they stand in."""
    serials = tree.serials()
    kept = [*serials[:SERIALS_MOST], tree.named(), tree.stdout(), tree.gic()]
    kept += [node for node in tree.nodes if compatible(node, TIMER, ECAM, PSCI, "arm,psci-0.2",
                                                       "arm,psci-1.0")]
    kept += [node for node in tree.nodes if "memory" in node.strings("device_type")]
    kept += [tree.at("/chosen"), tree.at("/aliases")]
    reserved = tree.at("/reserved-memory")
    if reserved:
        kept += [node for node in reserved.children if node.get("reg")][:RESERVED_MOST]
    kept += [node for node in tree.nodes if is_passing(node)]
    found = set()
    for node in kept:
        while node is not None and node not in found:
            found.add(node)
            node = node.parent
    return [node for node in tree.nodes if node in found]


def is_passing(node):
    return node.get("interrupt-controller") is not None and oracle.is_passing(node)


class Phandles:
    """Numbers from 1 on for those that are asked for."""

    def __init__(self, tree, nodes):
        self.tree, self.nodes, self.numbers = tree, set(nodes), {}

    def number(self, phandle):
        """None where the node is not kept."""
        node = self.tree.by_phandle(phandle)
        return self.numbers.setdefault(node, len(self.numbers) + 1) if node in self.nodes else None


def first_extended(node, phandles):
    cells = node.cells("interrupts-extended")
    parent = node.tree.by_phandle(cells[0])
    number = phandles.number(cells[0])
    return [number, *cells[1:1 + parent.cell("#interrupt-cells", 0)]] if number else None


def kept_map(node, phandles):
    """The entries of an interrupt-map that lead to a node that is kept."""
    table, found = node.cells("interrupt-map"), []
    key = node.cell("#address-cells", 0) + node.cell("#interrupt-cells", 0)
    while len(table) > key:
        parent = node.tree.by_phandle(table[key])
        if parent is None:
            break
        end = (key + 1 + parent.cell("#address-cells", 0) + parent.cell("#interrupt-cells", 0))
        number = phandles.number(table[key])
        if number:
            found += [*table[:key], number, *table[key + 1:end]]
        table = table[end:]
    return found


def value_of(node, name, kind, phandles):
    """What stands behind the = in a skeleton; None where the property is not kept."""
    if node.get(name) is None:
        return None
    if kind == "flag":
        return ""
    if kind == "strings":
        return ";".join(node.strings(name))
    if kind == "phandle":
        cells = [phandles.number(node.cell(name, 0))]
    elif kind == "first":
        cells = first_extended(node, phandles)
    elif kind == "map":
        cells = kept_map(node, phandles)
    else:
        cells = node.cells(name)
    return None if cells is None or None in cells else ",".join(f"{cell:x}" for cell in cells)


def properties(node, phandles):
    if node.path == "/aliases":
        path = node.tree.at("/chosen").strings("stdout-path") if node.tree.at("/chosen") else []
        alias = re.match(r"[^/:]*", path[0]).group(0) if path else ""
        return {alias: node.strings(alias)[0]} if alias and node.get(alias) else {}
    found = {}
    is_bus = bool(phandles.nodes & set(node.children))
    for short, (name, kind) in PROPERTIES.items():
        # A bus's registers say nothing of what is on it, and a map nothing where nobody is.
        if name == ("reg" if is_bus else "interrupt-map") or (short == "is" and not node.parent):
            continue
        value = value_of(node, name, kind, phandles)
        if value is not None:
            found[short] = value
    return found


def reduce(tree):
    """[(depth, name, {property: value})]."""
    nodes = wanted(tree)
    phandles = Phandles(tree, nodes)
    found = {node: properties(node, phandles) for node in nodes}
    for node, number in phandles.numbers.items():
        found[node]["ph"] = f"{number:x}"
    return [(node.path.count("/") if node.parent else 0, node.name or "/", found[node])
            for node in nodes if found[node] or node.children]


def write(name, tree, lines):
    text = [f"= {name} {summary(tree)}"]
    for depth, node, found in lines:
        words = [key + ("=" + value if value else "") for key, value in found.items()]
        text.append(" ".join(["." * depth + node, *words]))
    return "\n".join(text)


def summary(tree):
    """What a skeleton says of its board, to be found again in the tree that is made of it."""
    node = tree.named()
    if node is None:
        return "none"
    address, interrupt = node.address(), tree.interrupt(node)
    return (f"{(node.strings('compatible') or ['-'])[0]} "
            f"{'-' if address is None else f'{address:x}'} "
            f"{interrupt[0] if interrupt else '-'}")


# ---- to a tree -------------------------------------------------------------------------------


def read(text):
    """[(name, summary, lines)] of the boards in a file of skeletons."""
    boards = []
    for line in text.splitlines():
        if line.startswith("= "):
            _, name, rest = line.split(" ", 2)
            boards.append((name, rest, []))
        elif line and not line.startswith("#"):
            node, *words = line.split(" ")
            depth = len(node) - len(node.lstrip("."))
            found = dict(word.split("=", 1) if "=" in word else (word, "") for word in words)
            boards[-1][2].append((depth, node[depth:], found))
    return boards


def source_of(short, value, aliases):
    """A property as dtc reads it."""
    if aliases:
        return f'{short} = "{value}";'
    name, kind = PROPERTIES.get(short, ("phandle", "cells"))
    if value == "":
        return f"{name};"
    if kind == "strings":
        words = ", ".join(f'"{word}"' for word in value.split(";"))
        return f"{name} = {words};"
    cells = " ".join(f"0x{cell}" for cell in value.split(","))
    return f"{name} = <{cells}>;"


def source(lines):
    """The source of a skeleton's tree."""
    text, open_nodes = ["/dts-v1/;"], 0
    for depth, name, found in lines:
        text += ["};"] * (open_nodes - depth)
        text.append(f"{name} {{")
        text += [source_of(short, value, name == "aliases") for short, value in found.items()]
        open_nodes = depth + 1
    return "\n".join([*text, *["};"] * open_nodes])


def compile_tree(lines):
    return subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], check=True,
                          input=source(lines).encode("latin-1"), capture_output=True).stdout


# ---- which -----------------------------------------------------------------------------------


def features(lines):
    """What a skeleton has, without its numbers: each node's place, kind and properties."""
    found, path = set(), []
    for depth, name, properties_of in lines:
        path[depth:] = [name.split("@")[0]]
        short = tuple(sorted(properties_of))
        words = properties_of.get("is", "").split(";")[0]
        found |= {(len(path), words, short), (words, properties_of.get("status")),
                  *((key, properties_of.get(key)) for key in ("a", "s", "n", "shift", "width")),
                  *((key, value.count(",")) for key, value in properties_of.items())}
    return found


def choose(skeletons):
    """The keys of BOARDS of @skeletons, {key: lines}: each time the one that has most that none
    before it has, where what is rare counts most."""
    sets = {key: features(lines) for key, lines in skeletons.items()}
    rarity = {}
    for feature in itertools.chain.from_iterable(sets.values()):
        rarity[feature] = rarity.get(feature, 0) + 1
    chosen, seen = [], set()
    while sets and len(chosen) < BOARDS:
        best = max(sorted(sets), key=lambda key: sum(1 / rarity[f] for f in sets[key] - seen))
        chosen.append(best)
        seen |= sets.pop(best)
    return sorted(chosen)


def main():
    skeletons, trees, texts = {}, {}, set()
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.dtb")):
        tree = oracle.Tree(path.read_bytes())
        lines = reduce(tree)
        key = f"{path.parent.name}/{path.stem}"
        if str(lines) not in texts and key not in skeletons:
            texts.add(str(lines))
            skeletons[key], trees[key] = lines, tree
            again = oracle.Tree(compile_tree(lines))
            if summary(again) != summary(tree):
                sys.exit(f"{path}: {summary(tree)}, and its skeleton {summary(again)}")
    print("# What boards' trees say of consoles, interrupts and memory: made by skeleton.py.")
    for key in choose(skeletons):
        print(write(key, trees[key], skeletons[key]))


if __name__ == "__main__":
    main()
