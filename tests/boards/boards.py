#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Puts Pagoda before boards' device trees: what it reads there of the console, its interrupt and
memory, and whether that is what the tree says.

  boards.py FOLDER

FOLDER has .dtb files, at any depth; scripts/fetch-trees makes one. Needs O (default build) to hold
host/boards. Prints a row for each tree, what it has no driver for, and which shares have one; the
exit status is 1 where the oracle disagrees or a share is below what it should be.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys

import oracle

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("O", "build") / "host/boards"
LEAST = 95  # per cent, of either share


def run(*arguments, lines=()):
    text = "".join(f"{line}\n" for line in lines)
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True,
                          check=True).stdout.splitlines()


def drivers():
    """{word of `compatible`: name of the driver}."""
    return dict(line.split("\t") for line in run("drivers"))


def read(paths):
    """What Pagoda reads in each, as host/boards prints it."""
    return [json.loads(line) for line in run(lines=paths)]


class Board:
    """One tree, read by both."""

    def __init__(self, path, said, known):
        self.path, self.said = path, said
        self.tree = oracle.Tree(path.read_bytes())
        self.node, self.address = self.tree.console(known)
        self.named = self.tree.named()
        self.driven = self.named is not None and any(
            word in known for word in self.named.strings("compatible"))

    @property
    def gets_console(self):
        """Pagoda drives the UART that the tree names."""
        return (self.driven and self.said["console"] is not None
                and self.said["console"]["address"] == self.named.registers())

    @property
    def counts_for_interrupt(self):
        """It names a UART that has one line for what it receives, and has a GIC."""
        return (self.named is not None and self.tree.gic() is not None
                and (oracle.is_arm(self.named) or oracle.is_16550(self.named)))

    def console_words(self):
        console = self.said["console"]
        if console is not None:
            return f"{console['type']} at {console['address']:#x}, {console['source']}"
        if self.named is None:
            return "no: none is named"
        if not self.driven:
            return f"no: no driver for {(self.named.strings('compatible') or ['nothing'])[0]}"
        return f"no: {self.named.path} is not where the CPU can reach it"

    def memory_words(self):
        if self.said["stop"]:
            return self.said["words"]
        size = sum(end - start for start, end in memory(self.said)["ram"])
        return f"{size >> 20}M"

    def disagreements(self):
        console = self.said["console"]
        address = console["address"] if console else None
        if address != self.address:
            yield f"console at {hex_of(address)}, and the tree has it at {hex_of(self.address)}"
        elif self.said["interrupt"]:
            number = self.tree.interrupt(self.node)
            if number != tuple(self.said["interrupt"]):
                yield f"interrupt {self.said['interrupt']}, and the tree has {number}"
        mine, theirs = memory(self.said), self.tree.memory()
        for kind in mine:
            # A tree without memory ends the boot before its reservations are read.
            if mine[kind] != theirs[kind] and (not self.said["stop"] or kind == "ram"):
                yield f"{kind} {ranges(mine[kind])}, and the tree has {ranges(theirs[kind])}"


def hex_of(address):
    return "none" if address is None else f"{address:#x}"


def ranges(pairs):
    return " ".join(f"{start:#x}-{end:#x}" for start, end in pairs) or "none"


def memory(said):
    """{kind: [(start, end)]} of what Pagoda said, joined where they meet."""
    return {kind: oracle.joined([(start, end) for start, end, what in said["memory"]
                                 if what == kind]) for kind in ("ram", "reserved", "no-map")}


def share(have, all_of):
    return 100 * have / all_of if all_of else 100.0


def show(boards):
    """Prints the tables; returns what is wrong."""
    complaints = []
    for board in boards:
        interrupt = board.said["interrupt"]
        print(f"{board.path.parent.name}/{board.path.name}: console {board.console_words()}; "
              f"interrupt {interrupt[0] if interrupt else 'no: ' + board.said['polled']}; "
              f"memory {board.memory_words()}")
        complaints += [f"{board.path}: {text}" for text in board.disagreements()]
    named = [board for board in boards if board.named]
    show_missing(named)
    get = [board for board in named if board.gets_console]
    asked = [board for board in named if board.counts_for_interrupt]
    have = [board for board in asked if board.gets_console and board.said["interrupt"]]
    show_polled([board for board in asked if not board.said["interrupt"]])
    print(f"\n{len(boards)} trees, {len(named)} name a UART")
    for text, some, all_of in (("of these have it driven", get, named),
                               ("of those with a PL011, an SBSA UART or a kin of the 16550 and a "
                                "GIC have its interrupt", have, asked)):
        percent = share(len(some), len(all_of))
        print(f"{len(some)} {text}: {percent:.1f} % of {len(all_of)}")
        if percent < LEAST:
            complaints.append(f"{percent:.1f} % {text}, {LEAST} % is the least")
    return complaints


def show_missing(boards):
    words = collections.Counter((board.named.strings("compatible") or ["nothing"])[0]
                                for board in boards if not board.gets_console)
    print("\nNamed, and not driven:")
    for word, count in words.most_common():
        print(f"{count:6} {word}")


def show_polled(boards):
    print("\nPolled, though it could interrupt:")
    for word, count in collections.Counter(board.said["polled"] for board in boards).most_common():
        print(f"{count:6} {word}")


def main():
    if len(sys.argv) != 2 or not pathlib.Path(sys.argv[1]).is_dir():
        sys.exit("usage: boards.py FOLDER, of .dtb files: scripts/fetch-trees makes one")
    paths = sorted(pathlib.Path(sys.argv[1]).rglob("*.dtb"))
    if not paths:
        sys.exit(f"boards: there is no .dtb file in {sys.argv[1]}: scripts/fetch-trees gets them")
    known = drivers()
    complaints = show([Board(path, said, known) for path, said in zip(paths, read(paths))])
    if complaints:
        sys.exit("\n".join(["", "boards: not as it should be:",
                            *(f"  {text}" for text in complaints)]))


if __name__ == "__main__":
    main()
