# SPDX-License-Identifier: MIT
"""Pagoda before a hundred boards' device trees, as their skeletons have them: what it reads there
is what the oracle finds over libfdt, and what the skeletons say that the whole trees say.
"""
import copy
import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import boards  # noqa: E402
import oracle  # noqa: E402
import skeleton  # noqa: E402

SKELETONS = skeleton.read((HERE / "data/skeletons.txt").read_text(encoding="ascii"))
NAMES = [name for name, _, _ in SKELETONS]
# At least so many of the hundred, as it is now: a change that reads fewer takes something away.
CONSOLES_LEAST = 97
INTERRUPTS_LEAST = 96


@pytest.fixture(scope="session")
def known():
    return boards.drivers()


@pytest.fixture(scope="session")
def read(tmp_path_factory, known):
    """{name: Board}."""
    folder = tmp_path_factory.mktemp("trees")
    paths = [folder / f"{name.replace('/', '+')}.dtb" for name in NAMES]
    for path, (_, _, lines) in zip(paths, SKELETONS):
        path.write_bytes(skeleton.compile_tree(lines))
    return {name: boards.Board(path, said, known)
            for name, path, said in zip(NAMES, paths, boards.read(paths))}


def test_there_are_a_hundred_and_no_two_alike():
    assert len(SKELETONS) == skeleton.BOARDS == len(set(NAMES))
    assert len({skeleton.source(lines) for _, _, lines in SKELETONS}) == skeleton.BOARDS


@pytest.mark.parametrize("name, summary, lines", SKELETONS, ids=NAMES)
def test_a_skeleton_names_what_the_whole_tree_does(read, name, summary, lines):
    assert skeleton.summary(read[name].tree) == summary
    assert skeleton.reduce(read[name].tree) == lines


@pytest.mark.parametrize("name", NAMES)
def test_console_interrupt_and_memory_are_what_the_tree_says(read, name):
    assert not list(read[name].disagreements())


@pytest.mark.parametrize("name", NAMES)
def test_a_uart_that_has_a_driver_becomes_the_console(read, name):
    board = read[name]
    assert board.gets_console or not board.driven


def test_no_fewer_boards_get_a_console_and_its_interrupt(read):
    consoles = [name for name, board in read.items() if board.gets_console]
    interrupts = [name for name in consoles if read[name].said["interrupt"]]
    print(f"{len(consoles)} consoles, {len(interrupts)} interrupts")
    assert len(consoles) >= CONSOLES_LEAST and len(interrupts) >= INTERRUPTS_LEAST


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_trees_with_flipped_bits_consoles_are_found_and_hardly_an_address_that_is_none(read,
                                                                                          seed):
    """A skeleton has a hundred words or so, and up to 32 of its bits are wrong. What no reader can
    tell, as where the bus around a UART is lost without a trace, is one in a hundred."""
    paths = [board.path for board in read.values()]
    rows = [json.loads(row) for row in boards.run("damaged", str(seed), lines=paths)]
    trees = sum(row["trees"] for row in rows if row["consoles"])
    found, wrong = (sum(row[key] for row in rows) for key in ("found", "wrong"))
    print(f"{trees} trees, {found} with a console, {wrong} addresses that are none")
    assert found > 0.3 * trees and wrong < 0.01 * trees


# ---- the oracle, and what is made of it ----


def compiled(text):
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), check=True,
                          capture_output=True).stdout


NEXUS = """/dts-v1/;
/memreserve/ 0x1000 0x100;
/ { #address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
    gic: interrupt-controller@8000000 { compatible = "arm,gic-400"; #interrupt-cells = <3>;
        #address-cells = <0>; interrupt-controller; reg = <0 0x8000000 0 0x1000>; };
    memory@40000000 { device_type = "memory";
        reg = <0 0x40000000 0 0x1000 0 0x40001000 0 0x1000>; };
    reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        a@40000000 { reg = <0 0x40000000 0 0x10>; no-map; };
        b@40000800 { reg = <0 0x40000800 0 0x10>; };
        c@40000900 { reg = <0 0x40000900 0 0x10>; status = "disabled"; }; };
    chosen { stdout-path = "console:115200n8"; };
    aliases { console = "/bus@9000000/serial@100"; };
    bus@9000000 { #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0x9000000 0x1000>;
        #interrupt-cells = <1>; interrupt-map-mask = <0 7>;
        interrupt-map = <0 4 &gic 0 33 4>, <0 5 &gic 0 34 1>;
        serial@0 { compatible = "arm,pl011"; reg = <0 0x100>; interrupts = <4>; };
        serial@100 { compatible = "arm,pl011"; reg = <0x100 0x100>; interrupts = <5>; };
        serial@200 { compatible = "arm,pl011"; reg = <0x200 0x100>; interrupts = <4>;
            status = "disabled"; };
        serial@4000 { compatible = "arm,pl011"; reg = <0x4000 0x100>; interrupts = <4>; }; }; };
"""


def test_the_oracle_follows_aliases_ranges_and_interrupt_maps():
    tree = oracle.Tree(compiled(NEXUS))
    node, address = tree.console({"arm,pl011": "PL011"})
    assert (node.path, address) == ("/bus@9000000/serial@100", 0x9000100)
    assert tree.interrupt(node) == (34 + 32, 1)
    assert [node.name for node in tree.serials()] == ["serial@0", "serial@100", "serial@4000"]
    assert tree.at("/bus@9000000/serial@4000").address() is None


def test_the_oracle_joins_memory_and_leaves_out_what_is_disabled():
    memory = oracle.Tree(compiled(NEXUS)).memory()
    assert memory == {"ram": [(0x40000000, 0x40002000)], "no-map": [(0x40000000, 0x40000010)],
                      "reserved": [(0x1000, 0x1100), (0x40000800, 0x40000810)]}


@pytest.fixture
def nexus(tmp_path, known):
    path = tmp_path / "acme/nexus.dtb"
    path.parent.mkdir()
    path.write_bytes(compiled(NEXUS))
    return boards.Board(path, boards.read([path])[0], known)


def test_where_both_agree_nothing_is_said(nexus):
    assert nexus.gets_console and nexus.counts_for_interrupt
    assert not list(nexus.disagreements())


@pytest.mark.parametrize("change, words", [
    ({"console": None}, "console at none, and the tree has it at 0x9000100"),
    ({"interrupt": [65, 4]}, "interrupt [65, 4], and the tree has (66, 1)"),
    ({"memory": [[0x40000000, 0x40001000, "ram"]]}, "ram 0x40000000-0x40001000, and the tree has"),
    ({"memory": [[0x40000000, 0x40002000, "ram"]]}, "no-map none"),
])
def test_what_differs_is_said(nexus, change, words):
    other = copy.copy(nexus)
    other.said = {**nexus.said, **change}
    assert any(words in text for text in other.disagreements())


def test_a_folder_is_read_row_by_row_with_the_shares_last(nexus):
    result = subprocess.run([HERE / "boards.py", nexus.path.parents[1]], capture_output=True,
                            text=True, check=False)
    assert "acme/nexus.dtb: console PL011 at 0x9000100, stdout-path; " in result.stdout
    assert "1 of these have it driven: 100.0 % of 1" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_folder_without_trees_names_what_gets_them(tmp_path, make):
    make(tmp_path / "trees")
    result = subprocess.run([HERE / "boards.py", tmp_path / "trees"], capture_output=True,
                            text=True, check=False)
    assert result.returncode != 0 and "fetch-trees" in result.stderr
