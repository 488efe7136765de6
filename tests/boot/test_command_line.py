# SPDX-License-Identifier: MIT
"""What the command line changes, and that nothing on it is lost in silence."""
import pytest

from image_map import check_walk
from machine import PROMPT, Machine, boot, number, symbols
from walker import bits

MIB = 1 << 20
COMMAND_LINE_MAX = 4095
RAISES = "above what the CPU has; overrides only lower"
NOT_A_DIGIT = "the value is not one hex digit"
TOO_WIDE = "the digit does not fit the field"
NO_OPTION = "no such option"
NO_FIELD = "no such field in this register"
NO_VALUE = "no value given"
NO_CHOICE = "not one of the values this option has"


def overrides(cpu, append):
    return boot(cpu, append).document["overrides"]


def record(option, field, value, reason="", status=None):
    return {"option": option, "field": field, "value": value, "reason": reason,
            "status": status or ("malformed" if reason else "applied")}


def kernel_base(result):
    vmalloc = next(region for region in result.document["layout"] if region["name"] == "vmalloc")
    return number(vmalloc["start"])


# ---- overrides and their fate ----

APPLIED = {
    "arm64.nolva": ("id_aa64mmfr2.varange", "0"),
    "arm64.nobti": ("id_aa64pfr1.bt", "0"),
    "arm64.nopauth": ("id_aa64isar1.gpi", "0"),
    "arm64.nomte": ("id_aa64pfr1.mte", "0"),
    "arm64.nosve": ("id_aa64pfr0.sve", "0"),
    "arm64.nosme": ("id_aa64pfr1.sme", "0"),
    "arm64.noctl2": ("id_aa64mmfr3.tcrx", "0"),
    "arm64.nowxn": ("arm64_sw.nowxn", "1"),
    "nokaslr": ("arm64_sw.nokaslr", "1"),
}


def test_every_short_name_is_applied_and_listed_with_what_it_stands_for():
    assert overrides("max", " ".join(APPLIED)) == [
        record(option, field, value) for option, (field, value) in APPLIED.items()]


def test_every_short_name_is_applied_on_a_cpu_that_has_none_of_it():
    assert [entry["status"] for entry in overrides("cortex-a57", " ".join(APPLIED))] == [
        "applied"] * len(APPLIED)


WORDS = [
    ("id_aa64mmfr2.varange=0", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "0")),
    ("id-aa64mmfr2.varange=0x0", record("id-aa64mmfr2.varange", "id_aa64mmfr2.varange", "0x0")),
    ("id_aa64mmfr2.varange=00", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "00",
                                       NOT_A_DIGIT)),
    ("id_aa64mmfr2.varange=10", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "10",
                                       NOT_A_DIGIT)),
    ("id_aa64mmfr2.varange=g", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "g",
                                      NOT_A_DIGIT)),
    ("id_aa64mmfr2.varange=", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "",
                                     NO_VALUE)),
    ("id_aa64mmfr2.varange", record("id_aa64mmfr2.varange", "id_aa64mmfr2.varange", "", NO_VALUE)),
    ("id_aa64mmfr2.bogus=0", record("id_aa64mmfr2.bogus", "id_aa64mmfr2.bogus", "0", NO_FIELD)),
    ("id_aa64bogus.varange=0", record("id_aa64bogus.varange", "id_aa64bogus.varange", "0",
                                      NO_OPTION)),
    ("id_aa64pfr1.bt=2", record("id_aa64pfr1.bt", "id_aa64pfr1.bt", "2", RAISES, "refused")),
    ("id_aa64mmfr0.parange=f", record("id_aa64mmfr0.parange", "id_aa64mmfr0.parange", "f", RAISES,
                                      "refused")),
    ("arm64_sw.nokaslr=2", record("arm64_sw.nokaslr", "arm64_sw.nokaslr", "2", NO_CHOICE)),
    ("arm64.bogus", record("arm64.bogus", "arm64.bogus", "", NO_OPTION)),
    ("arm64.nolva=1", record("arm64.nolva", "arm64.nolva", "1", NO_CHOICE)),
    ("arm64.pagesize=8k", record("arm64.pagesize", "arm64.pagesize", "8k", NO_CHOICE)),
    ("pagoda.va_bits=47k", record("pagoda.va_bits", "pagoda.va_bits", "47k", NO_CHOICE)),
    ("pagoda.bogus=1", record("pagoda.bogus", "pagoda.bogus", "1", NO_OPTION)),
    ("panic=sometimes", record("panic", "panic", "sometimes", NO_CHOICE)),
    ("rodata=perhaps", record("rodata", "rodata", "perhaps", NO_CHOICE)),
    ("mem=lots", record("mem", "mem", "lots", "not a number this option can take")),
    ("console=tty0", record("console", "console", "tty0", "no such console", "refused")),
]


def test_every_word_is_listed_with_its_fate_and_the_boot_goes_on():
    result = boot("max", " ".join(word for word, _ in WORDS))
    assert result.document["overrides"] == [entry for _, entry in WORDS]
    assert f"malformed  arm64.bogus: {NO_OPTION}" in result.text
    assert f"refused    id_aa64pfr1.bt=2: {RAISES}" in result.text


def test_raising_what_the_cpu_lacks_is_refused():
    result = boot("cortex-a57", "id_aa64mmfr2.varange=1 id_aa64mmfr0.tgran16=1 id_aa64pfr1.bt=1")
    assert [(entry["status"], entry["reason"]) for entry in result.document["overrides"]] == [
        ("refused", RAISES)] * 3
    assert result.document["regime"]["va_bits"] == 48
    assert result.document["decision"]["bti"] is False


def test_the_last_word_counts_and_is_held_against_what_the_cpu_has():
    result = boot("max", "arm64.nolva id_aa64mmfr2.varange=1 id_aa64mmfr0.parange=2 "
                         "id_aa64mmfr0.parange=5 rodata=off rodata=on")
    assert [entry["status"] for entry in result.document["overrides"]] == ["applied"] * 5
    regime = result.document["regime"]
    assert (regime["va_bits"], regime["pa_bits"], regime["lpa2"]) == (52, 48, True)
    assert regime["wxn"] is True and result.document["warnings"] == []


def test_words_of_others_are_not_listed():
    append = "root=/dev/vda quiet loglevel=7 idle=poll earlycon console=ttyAMA0 -- arm64.nolva"
    result = boot("max", append)
    assert result.document["overrides"] == []
    assert result.document["regime"]["va_bits"] == 52
    assert result.document["command_line"] == append


def test_nothing_counts_after_two_dashes():
    result = boot("max", "arm64.pagesize=16k -- nokaslr arm64.pagesize=64k arm64.nolva")
    assert result.document["overrides"] == []
    assert result.document["regime"]["granule"] == 16384
    assert result.document["image"]["kaslr"]["source"] == "fdt"


def test_an_empty_command_line_is_no_error():
    result = boot("max", "")
    assert result.document["command_line"] == "" and result.document["overrides"] == []
    assert "command line empty" in result.text


def test_a_token_of_300_characters_is_skipped_whole():
    token = "arm64." + "x" * 242 + "arm64.nolva=nokaslr=" + "y" * 32
    assert len(token) == 300
    result = boot("max", f"{token} arm64.nobti")
    assert result.document["overrides"] == [
        record(token.split("=", maxsplit=1)[0][:39], token.split("=", maxsplit=1)[0][:31],
               token.split("=", maxsplit=1)[1][:23], "the word is too long, and was skipped"),
        record("arm64.nobti", "id_aa64pfr1.bt", "0")]
    assert result.document["regime"]["va_bits"] == 52
    assert result.document["image"]["kaslr"]["source"] == "fdt"


def padded(length, last):
    """A command line of @length characters that ends in @last."""
    words = "x=1 " * (length // 4)
    return words[:length - len(last) - 1].ljust(length - len(last) - 1, "z") + " " + last


def test_a_command_line_of_4_kib_is_read_to_its_end():
    append = padded(COMMAND_LINE_MAX, "arm64.nolva")
    result = boot("max", append)
    assert len(append) == COMMAND_LINE_MAX
    assert result.document["command_line"] == append
    assert result.document["overrides"] == [record("arm64.nolva", "id_aa64mmfr2.varange", "0")]
    assert result.document["warnings"] == []


def test_a_longer_command_line_is_cut_and_that_is_said():
    append = "arm64.nobti " + padded(2 * COMMAND_LINE_MAX, "arm64.nolva")
    result = boot("max", append)
    warning = f"the command line was cut after {COMMAND_LINE_MAX} characters"
    assert result.document["command_line"] == append[:COMMAND_LINE_MAX]
    assert result.document["warnings"] == [warning]
    assert f"WARNING      {warning}" in result.text
    assert [entry["option"] for entry in result.document["overrides"]] == ["arm64.nobti"]


def test_more_overrides_than_can_be_listed_are_counted():
    result = boot("max", "arm64.bogus " * 40 + "arm64.nolva")
    assert len(result.document["overrides"]) == 32
    assert result.document["warnings"] == ["9 more overrides than can be listed"]
    assert result.document["regime"]["va_bits"] == 48


def test_bytes_that_no_terminal_should_see_are_not_shown():
    result = boot("max", "arm64.\x1b[2Jboo\x7f quiet\x07")
    assert "\x1b" not in result.text and "\x07" not in result.text and "\x7f" not in result.text
    assert result.document["overrides"][0]["status"] == "malformed"


@pytest.mark.parametrize("append,said", [
    ("quiet", []),
    ("quiet nokaslr arm64.pagesize=16k", []),
    ("quiet arm64.pagesize=7k", ["overrides    malformed  arm64.pagesize=7k"]),
    ("quiet mem=256M", ["WARNING      256M of RAM left out"]),
])
def test_a_quiet_boot_says_only_what_is_wrong(append, said):
    with Machine("max", append) as machine:
        text = machine.expect(PROMPT).strip()
        report = machine.command("report")
    head, *rest = text.splitlines()
    assert head.startswith("Pagoda ")
    assert len([line for line in rest if line != PROMPT.strip()]) == len(said)
    for line in said:
        assert line in text
    assert "page sizes" in report


@pytest.mark.parametrize("size", ["256M", "0X10000000", "02000000000", "1G mem=262144k"])
def test_ram_beyond_mem_is_left_out_and_that_is_said(size):
    result = boot("max", f"mem={size}")
    ram = [entry for entry in result.document["memory"] if entry["kind"] == "ram"]
    assert [number(entry["end"]) - number(entry["start"]) for entry in ram] == [256 * MIB]
    assert "WARNING      256M of RAM left out" in result.text


# ---- where the image goes ----

@pytest.mark.parametrize("option", ["nokaslr", "arm64_sw.nokaslr=1", "arm64-sw.nokaslr=0x1",
                                    "quiet nokaslr splash"])
@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_without_kaslr_the_image_is_at_the_kernels_base_plus_its_offset_in_2_mib(option, page_size):
    result = boot("max", f"{option} arm64.pagesize={page_size}")
    image = result.document["image"]
    assert image["kaslr"] == {"offset": "0x0000000000000000", "source": "off: nokaslr"}
    assert number(image["va"]) == kernel_base(result) + number(image["pa"]) % (2 * MIB)
    assert result.document["warnings"] == []


def place(cpu="max", append="", machine=""):
    """The image of a boot that is not shared."""
    with Machine(cpu, append, machine) as running:
        running.expect(PROMPT)
        return running.document("report json")["image"]


def test_two_boots_differ_and_the_fdt_gave_the_seed():
    first, second = place(), place()
    assert first["kaslr"]["source"] == second["kaslr"]["source"] == "fdt"
    assert first["va"] != second["va"]


def test_without_a_seed_the_cpu_gives_one():
    first, second = (place(machine="dtb-randomness=off") for _ in range(2))
    assert first["kaslr"]["source"] == second["kaslr"]["source"] == "rndr"
    assert first["va"] != second["va"]


@pytest.mark.parametrize("cpu,append", [("cortex-a57", ""), ("max", "id_aa64isar0.rndr=0")])
def test_without_entropy_there_is_no_kaslr_and_that_is_said(cpu, append):
    result = boot(cpu, append, "dtb-randomness=off")
    image = result.document["image"]
    assert image["kaslr"] == {"offset": "0x0000000000000000", "source": "off: no entropy"}
    assert number(image["va"]) == kernel_base(result) + number(image["pa"]) % (2 * MIB)
    assert "WARNING      KASLR off: no entropy" in result.text
    assert len(result.document["warnings"]) == 1


# ---- protections ----

def writable_executable(result):
    return [entry for entry in result.tables("kernel") if entry["write"] and entry["execute"]]


@pytest.mark.parametrize("option", ["arm64.nowxn", "arm64_sw.nowxn=1"])
def test_nowxn_clears_the_bit_changes_no_mapping_and_says_so(option):
    result = boot("max", option)
    assert bits(result.control("SCTLR"), 19, 19) == 0
    assert result.document["regime"]["wxn"] is False
    assert writable_executable(result) == []
    warning = "W^X is NOT enforced by the CPU: WXN is off (arm64.nowxn)"
    assert result.document["warnings"] == [warning]
    assert f"WARNING      {warning}" in result.text
    assert "W^X          NOT ENFORCED: WXN is off (arm64.nowxn)" in result.text


@pytest.mark.parametrize("option", ["rodata=off", "arm64_sw.rodataoff=1"])
@pytest.mark.parametrize("page_size", ["4k", "16k", "64k"])
def test_rodata_off_makes_text_writable_and_says_so(option, page_size):
    result = boot("max", f"{option} arm64.pagesize={page_size}")
    base = number(result.document["image"]["va"])
    assert [(number(entry["start"]) - base, number(entry["end"]) - base)
            for entry in writable_executable(result)] == [
                (symbols()["_text_start"], symbols()["_text_end"])]
    assert not [entry for entry in result.tables("idmap") if entry["write"] and entry["execute"]]
    assert bits(result.control("SCTLR"), 19, 19) == 0
    assert result.document["regime"]["wxn"] is False
    assert result.document["audit"][0]["writable_executable"] == 1
    assert result.document["warnings"] == [
        "W^X is NOT enforced: rodata=off makes text writable, which needs WXN off"]
    assert "W^X          NOT ENFORCED: WXN is off (rodata=off)" in result.text
    check_walk(result)


def guarded(result):
    return {bits(number(entry["raw"]), 50, 50) for entry in result.tables("kernel")
            if entry["execute"]}


@pytest.mark.parametrize("append", ["arm64.nobti", "id_aa64pfr1.bt=0"])
def test_nobti_leaves_text_unguarded(append):
    result = boot("max", append)
    assert guarded(result) == {0} != guarded(boot("max"))
    assert result.document["decision"]["bti"] is False
    assert bits(result.control("SCTLR"), 36, 36) == 0


def test_nopauth_leaves_return_addresses_unsigned():
    result = boot("max", "arm64.nopauth")
    assert result.document["decision"]["pac"] is False
    assert bits(result.control("SCTLR"), 31, 31) == 0
    assert bits(boot("max").control("SCTLR"), 31, 31) == 1


def test_the_id_registers_are_reported_as_the_cpu_has_them_whatever_was_overridden():
    names = [name for name in boot("max").document["registers"] if name.startswith("ID_")]
    plain = boot("max").document["registers"]
    overridden = boot("max", "arm64.nolva arm64.nobti arm64.nopauth arm64.nosve").document
    assert names and {name: plain[name] for name in names} == {
        name: overridden["registers"][name] for name in names}
