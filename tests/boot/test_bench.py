# SPDX-License-Identifier: MIT
"""What a boot costs, against its baseline and against what it must not exceed; and that the
measurements notice when it does. All in instructions, so the load of the machine does not matter.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

BENCH = pathlib.Path(__file__).parents[1] / "bench"
sys.path.insert(0, str(BENCH))
import baseline  # noqa: E402
import bench  # noqa: E402
import boot_cost  # noqa: E402
import growth  # noqa: E402
import peer_linux  # noqa: E402
import trees  # noqa: E402
from boot_cost import QUIET, Boot  # noqa: E402
from boot_report import early_report  # noqa: E402


def test_six_boots_cost_what_the_baseline_says():
    expected = json.loads(baseline.PATH.read_text(encoding="ascii"))
    assert len(expected["instructions"]) == 6
    changed = baseline.changes(expected["instructions"], baseline.counts())
    assert not changed, "\n".join([*changed, baseline.advice(expected)])


@pytest.mark.parametrize("now, lines", [(1000, 0), (1020, 0), (980, 0), (1021, 1), (979, 1)])
def test_the_gate_closes_beyond_two_percent_in_either_direction(now, lines):
    assert len(baseline.changes({"a": 1000}, {"a": now})) == lines


def test_a_configuration_that_is_not_in_the_baseline_is_a_change():
    assert baseline.changes({"a": 1}, {"a": 1, "b": 2})
    assert baseline.changes({"a": 1, "b": 2}, {"a": 1})


# ---- tables ----


@pytest.mark.parametrize("page_size", bench.PAGE_SIZES)
def test_each_descriptor_is_written_once_and_no_table_is_cleared_that_is_not_needed(page_size):
    _, written = bench.table_writes(page_size)
    assert written == bench.table_needs(page_size)


def test_a_leaf_of_each_kind_costs_a_few_instructions():
    each = bench.leaf_costs()
    assert len(each) == 9
    assert all(1 < cost < 6 for cost in each), each


# ---- growth ----


def test_sixteen_tebibytes_cost_at_most_half_more_than_512_mebibytes():
    few, many = (boot_cost.measure(growth.memory_boot(size, growth.prompt())).total
                 for size in (512 * growth.MIB, 16 * growth.TIB))
    assert few > 100_000
    assert many <= 1.5 * few


def test_a_byte_of_device_tree_before_chosen_costs_no_more_than_its_budget(tmp_path):
    blobs = [growth.tree_of(size * growth.KIB) for size in (16, 64)]
    points = [(growth.structure_size(blob), boot_cost.measure(growth.loaded(tmp_path, blob)).total)
              for blob in blobs]
    curve = growth.Curve("fdt", "", "", "linear", 1.1, points)
    assert 0.5 < curve.steepness <= growth.BUDGET_PER_BYTE


def test_512_banks_of_memory_cost_no_more_than_their_number_times_one(tmp_path):
    counts = [1, 64, 256, 512]
    points = [(count, boot_cost.measure(growth.loaded(tmp_path, growth.banks(count))).total)
              for count in counts]
    assert growth.Curve("banks", "", "", "linear", 1.25, points).complaint() is None


def test_a_thousand_mappings_cost_a_thousand_times_as_much_as_one_and_no_more():
    points = [(count, boot_cost.measure(growth.vmalloc_boot(count)).total)
              for count in (1, 100, 1000, 2000)]
    curve = growth.Curve("vmalloc", "", "", "linear", 1.25, points)
    assert curve.complaint() is None and curve.steepness > 500


@pytest.mark.parametrize("order, points, good", [
    ("constant", [(1, 100), (2, 101), (4, 100)], True),
    ("constant", [(1, 100), (2, 101), (4, 104)], False),
    ("linear", [(1, 110), (2, 120), (4, 140), (8, 180)], True),
    ("linear", [(1, 110), (2, 120), (4, 140), (8, 150)], True),  # less than linear
    ("linear", [(1, 101), (2, 104), (4, 116), (8, 164)], False),  # quadratic
    ("linear", [(1, 100), (2, 100), (4, 100), (8, 120)], False),
])
def test_a_curve_that_grows_faster_than_it_should_is_complained_about(order, points, good):
    limit = {"constant": 1.02, "linear": 1.25}[order]
    complaint = growth.Curve("name", "Title", "units", order, limit, points).complaint()
    assert (complaint is None) == good
    assert good or "Title" in complaint


def test_a_linear_curve_may_still_be_too_steep():
    curve = growth.Curve("name", "Title", "bytes", "linear", 1.25, [(1, 13), (2, 26), (3, 39)], 12)
    assert "13.0 instructions" in curve.complaint()


def test_a_curve_is_written_as_csv_and_svg(tmp_path):
    curve = growth.Curve("c", "A curve", "MiB", "linear", 1, [(1, 10), (1024, 1000)])
    growth.write_files([curve], tmp_path)
    assert (tmp_path / "c.csv").read_text() == "MiB,instructions\n1,10\n1024,1000\n"
    svg = (tmp_path / "c.svg").read_text()
    assert svg.startswith("<svg") and svg.count("<circle") == 2


# ---- the plugin ----

TWICE = """
	.globl _start, there, end
_start:	ldr x0, =there
	br x0
there:	nop
end:	b end
"""


def test_an_image_that_moves_in_the_lower_half_is_counted_on(tmp_path):
    """As Xen does, which knows no other half: here without an MMU, in a copy at another place."""
    elf, image = tmp_path / "twice.elf", tmp_path / "twice"
    subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-Ttext=0x40400000",
                    "-Wl,--build-id=none", "-x", "assembler", "-", "-o", elf],
                   input=TWICE.encode(), check=True)
    subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", elf, image], check=True)
    devices = [f"loader,file={image},addr={boot_cost.IMAGE_ADDRESS:#x},cpu-num=0,force-raw=on",
               f"loader,file={image},addr=0x40400000,force-raw=on"]
    kernel = boot_cost.Kernel(image, elf, jump=None, begin="_start", end="end", text="_start")
    boot = Boot(arguments=tuple(word for device in devices for word in ("-device", device)),
                kernel=kernel)
    cost = boot_cost.measure(boot)
    assert cost.total == 3 and cost.by_function == {"_start": 2, "there": 1}


# ---- real boards' trees ----


def a_tree(*nodes):
    source = "/dts-v1/; / { #address-cells = <2>; #size-cells = <2>; " + " ".join(nodes) + " };"
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          check=True, capture_output=True).stdout


def test_the_end_of_chosen_is_where_its_end_stands():
    first = trees.chosen_end(a_tree("chosen { };", "soc { chosen { }; };"))
    late = a_tree("soc { chosen { }; };", "chosen { };")
    assert 0 < first < 100
    # The root's own end, and the end of the block, are all that follows.
    assert trees.chosen_end(late) == trees.structure_size(late) - 8
    with pytest.raises(boot_cost.CannotMeasure, match="without /chosen"):
        trees.chosen_end(a_tree("soc { chosen { }; };"))


def test_a_sample_goes_from_the_smallest_tree_to_the_largest(tmp_path):
    nodes = [growth.device_node(i) for i in range(2 * trees.SAMPLE)]
    for count in range(2 * trees.SAMPLE):
        (tmp_path / f"{count:03}.dtb").write_bytes(a_tree(*nodes[:count]))
    (tmp_path / "copy.dtb").write_bytes(a_tree())
    paths, count = trees.sample(tmp_path)
    names = [path.name for path in paths]
    assert count == 2 * trees.SAMPLE and len(names) == trees.SAMPLE
    assert names[0] in ("000.dtb", "copy.dtb") and names[-1] == f"{count - 1:03}.dtb"
    assert names[1:] == sorted(names[1:])


def test_a_folder_with_few_trees_names_what_gets_them(tmp_path):
    result = run_bench(tmp_path, "--only", "--trees", str(tmp_path))
    assert result.returncode != 0 and "Traceback" not in result.stderr
    assert "has 0 different .dtb files" in result.stderr and "fetch-trees" in result.stderr


def test_a_boot_with_a_board_s_tree_is_measured(tmp_path):
    tree = tmp_path / "board.dtb"
    tree.write_bytes(a_tree(*(growth.device_node(i) for i in range(64))))
    blob = trees.handed_over(tree)
    assert trees.chosen_end(blob) <= trees.structure_size(blob)
    assert trees.structure_size(blob) > trees.structure_size(tree.read_bytes())
    assert trees.cost(tree).total > 10_000


# ---- the timeline ----


def test_under_icount_the_timeline_counts_the_instructions_that_the_plugin_counts():
    """With -icount shift=0 an instruction takes a nanosecond, and a tick of the counter is 16, or
    from QEMU 9 on 1."""
    document = early_report("4k", "nokaslr", icount=True)
    tick = 1_000_000_000 // document["counter_hz"]
    assert tick in (1, 16)
    clock = [row["ticks"] * tick for row in document["timeline"]]
    names = bench.stage_names(document)
    append = 'arm64.pagesize=4k nokaslr pagoda.run="report json; poweroff"'
    cost = boot_cost.measure(Boot(append, machine=QUIET), bench.STAGE_MARKS)
    counted = [*cost.marks, cost.total]
    assert len(counted) == len(names)
    # The counter is first read a dozen instructions after the first one, and later a few after
    # each mark; and it is read in whole ticks.
    for name, count, time in zip(names, counted, clock[1:]):
        assert abs(time - count) <= 64, name


# ---- what is not there ----


def a_qemu_without_plugins(folder):
    real = shutil.which(boot_cost.QEMU)
    script = folder / boot_cost.QEMU
    script.write_text(f'#!/bin/sh\ncase $* in\n-help) {real} -help | grep -v plugin ;;\n'
                      f'*) exec {real} "$@" ;;\nesac\n')
    script.chmod(0o755)


def run_bench(folder, *arguments, **environment):
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **environment}
    return subprocess.run([BENCH / "bench.py", "--out", folder, *arguments], env=environment,
                          capture_output=True, text=True, timeout=120, check=False)


def test_without_plugins_it_says_so_and_prints_what_the_timeline_knows(tmp_path):
    a_qemu_without_plugins(tmp_path)
    result = run_bench(tmp_path)
    assert result.returncode != 0
    assert "--enable-plugins" in result.stderr
    assert "timeline, under -icount" in result.stdout
    assert "| 64K " in result.stdout
    assert "Traceback" not in result.stderr


def test_without_the_source_of_linux_it_names_the_package_and_prints_the_rest(tmp_path):
    a_qemu_without_plugins(tmp_path)
    result = run_bench(tmp_path, "--peer", "linux", PEER_SOURCE="/nowhere/linux.tar.xz",
                       PEER_DIR=str(tmp_path / "peer"))
    assert result.returncode != 0
    assert "/nowhere/linux.tar.xz is not there" in result.stderr
    assert "linux-source-6.12" in result.stderr
    assert "timeline, under -icount" in result.stdout


def test_a_full_disk_and_missing_tools_stop_the_build_of_linux_before_it_begins(tmp_path,
                                                                               monkeypatch):
    monkeypatch.setattr(peer_linux, "SOURCE", pathlib.Path(__file__))
    monkeypatch.setattr(peer_linux, "DISK_NEEDED", 1 << 60)
    monkeypatch.setattr(peer_linux, "TOOLS", ())
    with pytest.raises(peer_linux.Missing, match="make room, or name another folder"):
        peer_linux.check(tmp_path)
    monkeypatch.setattr(peer_linux, "TOOLS", ("no-such-tool",))
    with pytest.raises(peer_linux.Missing, match="no-such-tool; `scripts/setup peer`"):
        peer_linux.check(tmp_path)
