# SPDX-License-Identifier: MIT
"""What is sealed after boot, tried by storing to it: text and read-only data fault at every address
that the kernel has for them, and what only the early runtime needed is no part of the image."""
import pytest

from machine import PROMPT, Machine, number, symbols
from test_faults import STORE, Victim, check_abort

PAGE_SIZES = ["4k", "16k", "64k"]


class Sealed(Victim):
    """A machine at its prompt, at whose image somebody is going to store."""

    def start(self):
        super().start()
        self.offset = number(self.document("report json")["linear"]["offset"])

    def linear(self, symbol):
        """The address of @symbol in the linear map."""
        return (self.physical + symbols()[symbol] + self.offset) % (1 << 64)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("symbol,permissions", [
    ("_text", "read-only, no-execute"), ("_rodata_end", "read-only, no-execute"),
    ("_text_start", "read-only, executable"), ("_text_end", "read-only, executable")])
@pytest.mark.parametrize("alias", ["image", "linear"])
def test_the_first_and_last_words_of_text_and_rodata_take_no_store(page_size, symbol, permissions,
                                                                   alias):
    with Sealed(f"arm64.pagesize={page_size}") as machine:
        target = machine.address(symbol) if alias == "image" else machine.linear(symbol)
        if symbol.endswith("_end"):
            target -= 8
        physical = machine.translate(target)
        elr = machine.access(STORE, target)
        report = machine.report()
        check_abort(report, machine, "data", "permission fault, level 3", target, elr)
        assert "\n  on a write\n" in report
        if alias == "linear":
            permissions = "read-only, no-execute"
        assert f"  permissions    {permissions}" in report
        assert physical == machine.physical + target - (
            machine.image if alias == "image" else machine.linear("_text"))


@pytest.mark.parametrize("page_size", PAGE_SIZES)
@pytest.mark.parametrize("symbol", ["_init_text_start", "_init_data_start"])
def test_the_early_part_takes_no_store_at_its_old_address_and_is_data_in_the_linear_map(page_size,
                                                                                        symbol):
    with Sealed(f"arm64.pagesize={page_size}") as machine:
        machine.store(machine.linear(symbol), 0x0123456789ABCDEF)
        target = machine.physical + symbols()[symbol]
        assert machine.memory(target, 8) == bytes.fromhex("efcdab8967452301")
        elr = machine.access(STORE, machine.address(symbol))
        check_abort(machine.report(), machine, "data", "translation fault, level 3",
                    machine.address(symbol), elr)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_text_does_not_run_in_the_linear_map(page_size):
    with Sealed(f"arm64.pagesize={page_size}") as machine:
        target = machine.linear("kernel_main")
        machine.run_at(target)
        check_abort(machine.report(), machine, "instruction", "permission fault, level 3", target,
                    target)


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_what_another_cpu_needs_until_its_mmu_is_on_stays_executable_in_the_identity_map(page_size):
    with Machine(append=f"arm64.pagesize={page_size}") as machine:
        machine.expect(PROMPT)
        document = machine.document("ptdump json")
    physical = number(document["image"]["pa"])
    idmap, = (table["entries"] for table in document["tables"] if table["root"] == "idmap")

    def executable(symbol):
        address = physical + symbols()[symbol]
        return [(entry["execute"], entry["write"]) for entry in idmap
                if number(entry["start"]) <= address < number(entry["end"])]

    for symbol in ("early_vectors", "early_fault", "el2_reset", "el2_enter_vhe", "el2_drop",
                   "el2_devices", "el2_vectors", "mmu_flip", "ttbr1_swap"):
        assert executable(symbol) == [(True, False)], symbol
        assert symbols()["_entry_start"] <= symbols()[symbol] < symbols()["_entry_end"], symbol
    for symbol in ("primary_entry", "early_main", "boot_prepare", "efi_leave", "_text",
                   "_init_text_start", "_data_start", "_pool_start", "_stack_end"):
        assert executable(symbol) == [], symbol
    assert executable("kernel_main") == [], "in text, and in no page of the entry code"
