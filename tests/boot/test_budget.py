# SPDX-License-Identifier: MIT
"""What a boot costs, in instructions executed from the Image's first to kernel_main's first."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bench"))
import boot_cost  # noqa: E402
import growth  # noqa: E402
import trees  # noqa: E402
from boot_report import early_report  # noqa: E402

# Linux 6.12 takes 683,383 with 4K pages, 549,866 with 16K, 527,879 with 64K.
# Without the seeds in QEMU's FDT the CPU's own random numbers are used: KASLR is on either way.
CASES = [
    ("", "virt"),
    ("arm64.pagesize=16k", "virt"),
    ("arm64.pagesize=64k", "virt"),
    ("", "virt,virtualization=on"),
    ("arm64.pagesize=16k", "virt,virtualization=on"),
    ("arm64.pagesize=64k", "virt,virtualization=on"),
    ("", "virt,dtb-randomness=off"),
    ("nokaslr", "virt,virtualization=on"),  # a word more to record
    ("nokaslr arm64.pagesize=64k", "virt,virtualization=on"),
]


@pytest.mark.parametrize("append,machine", CASES)
def test_entry_to_kernel_main_stays_within_its_budget(append, machine):
    total = boot_cost.measure(boot_cost.Boot(append, machine=machine)).total
    print(f"{total} instructions: -M {machine} -cpu max, '{append}'")
    size = next((size for size in boot_cost.BUDGET if f"={size}" in append), "4k")
    more = boot_cost.EL2_MORE if "virtualization" in machine else 0
    assert total <= boot_cost.BUDGET[size] + more
    assert total > 10_000, "the plugin missed most of the boot"


@pytest.mark.parametrize("page_size", boot_cost.ACCESSES_MOST)
def test_data_accesses_before_the_flip_stay_within_their_budget(page_size):
    boot = boot_cost.Boot(f"nokaslr arm64.pagesize={page_size}", machine=boot_cost.QUIET)
    found = boot_cost.measure(boot, accesses=True).accesses
    most, most_lines = boot_cost.ACCESSES_MOST[page_size]
    print(f"{page_size}: {found}")
    assert found["loads"] + found["stores"] <= most
    assert found["lines"] <= most_lines
    # A budget that is far from what is measured holds nothing.
    assert found["loads"] + found["stores"] > 0.95 * most and found["lines"] > 0.95 * most_lines


@pytest.mark.parametrize("cpu,append", [("cortex-a57", ""), ("max", "arm64.nopauth")])
def test_patching_a_function_stays_within_its_budget(cpu, append):
    functions = early_report("4k", append, cpu=cpu)["scs"]["patched"]
    instructions, accesses = boot_cost.patching(cpu, append)
    print(f"{functions} functions: {instructions} instructions, {accesses} loads and stores")
    assert 0.8 < instructions / functions / boot_cost.PATCHING_MOST <= 1
    assert 0.8 < accesses / functions / boot_cost.PATCHING_ACCESSES_MOST <= 1


def test_what_signs_pays_nothing_for_what_cannot():
    cost = boot_cost.measure(boot_cost.Boot(machine=boot_cost.QUIET), ("counter_read",))
    assert not {"scs_apply", "scs_patch", "walk_function", "shadow_begin"} & set(cost.by_function)
    assert boot_cost.relocation(cost) < 400


@pytest.mark.parametrize("page_size", boot_cost.ACCESSES_MOST)
def test_the_stores_before_the_flip_are_those_into_the_image(page_size):
    """Counted twice: all of them, and by the instruction, those whose address is in the Image."""
    boot = boot_cost.Boot(f"nokaslr arm64.pagesize={page_size}", machine=boot_cost.QUIET)
    symbols = boot.kernel.symbols
    cost = boot_cost.measure(boot, pool=(0, symbols["_end"]), accesses=True)
    assert cost.accesses["stores"] == sum(count for count, _ in cost.stores.values())
    stored = sum(size for _, size in cost.stores.values())
    assert stored > symbols["_bss_end"] - symbols["_bss_start"]
    assert stored / 64 < 2 * cost.accesses["lines"]


# Instructions, at most: from entry to the prompt, by page size; for one bank of memory more on that
# way; and for mapping one page in the vmalloc region and unmapping it.
PROMPT_MOST = {"4k": 262_000, "64k": 480_000}
BANK_MOST = 6_000
MAPPING_MOST = 3_300
# Bytes of structure block of the middle one of 1,599 different trees of Debian's kernels.
MEDIAN_BOARD = 45_148


@pytest.mark.parametrize("page_size", PROMPT_MOST)
def test_entry_to_the_prompt_stays_within_its_budget(page_size):
    boot = boot_cost.Boot(f"arm64.pagesize={page_size}", kernel=growth.prompt())
    total = boot_cost.measure(boot).total
    print(f"{page_size}: {total}")
    assert 100_000 < total <= PROMPT_MOST[page_size]


def test_a_bank_of_memory_stays_within_its_budget(tmp_path):
    few, many = (boot_cost.measure(growth.loaded(tmp_path, growth.banks(count),
                                                 kernel=growth.prompt())).total
                 for count in (1, 512))
    each = (many - few) / 511
    print(f"{each:.0f} instructions a bank")
    assert 500 < each <= BANK_MOST


def test_a_mapping_stays_within_its_budget():
    few, many = (boot_cost.measure(growth.vmalloc_boot(count)).total for count in (1000, 2000))
    each = (many - few) / 1000
    print(f"{each:.0f} instructions a mapping")
    assert 500 < each <= MAPPING_MOST


def test_a_byte_of_device_tree_after_the_flip_costs_no_more_than_its_budget(tmp_path):
    points = []
    for size in (16, 64):
        blob = growth.tree_of(size * growth.KIB)
        boot = growth.loaded(tmp_path, blob, kernel=growth.tree_pass())
        points.append((growth.structure_size(blob), boot_cost.measure(boot).total))
    curve = growth.Curve("pass", "", "", "linear", 1.1, points)
    print(f"{curve.steepness:.2f} instructions a byte")
    assert 0.5 < curve.steepness <= growth.PASS_PER_BYTE


def test_a_tree_as_large_as_the_median_board_s_stays_within_the_budget_for_boards(tmp_path):
    """The dearest of that size: with /chosen at its end. Boards' own are fetched: bench-trees."""
    blob = growth.tree_of(MEDIAN_BOARD)
    total = boot_cost.measure(growth.loaded(tmp_path, blob)).total
    print(f"{growth.structure_size(blob)} bytes: {total}")
    assert growth.structure_size(blob) > 0.99 * MEDIAN_BOARD
    assert 10_000 < total <= trees.MEDIAN_MOST


def test_a_byte_of_json_stays_within_its_budget():
    each = growth.json_cost("4k")
    print(f"{each:.1f} instructions a byte")
    assert 10 < each <= growth.JSON_PER_BYTE


@pytest.mark.parametrize("append", ["nokaslr", "nokaslr quiet"])
def test_a_boot_looks_at_each_map_once_for_its_report(append):
    boot = boot_cost.Boot(append, machine=boot_cost.QUIET, kernel=growth.prompt())
    assert boot_cost.measure(boot).counts[boot.kernel.symbols["pt_audit_space"]] == 2


def test_the_count_is_the_same_from_one_boot_to_the_next_but_for_the_seed():
    """A figure that can be quoted: nothing in it is timing."""
    nokaslr = [boot_cost.measure(boot_cost.Boot("nokaslr", machine=boot_cost.QUIET)).counts
               for _ in range(2)]
    assert nokaslr[0] == nokaslr[1]


@pytest.mark.parametrize("append,machine", [
    ("", "virt"), ("arm64.pagesize=64k", "virt,virtualization=on")])
def test_an_empty_system_call_stays_within_its_budget(append, machine):
    cost = boot_cost.call_cost(append, machine)
    print(f"{cost} instructions: -M {machine} -cpu max, '{append}'")
    assert 0.85 * boot_cost.CALL_MOST < cost <= boot_cost.CALL_MOST
