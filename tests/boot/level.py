# SPDX-License-Identifier: MIT
"""What of a report the exception level decides, and what it must not."""

CONTROL = ("MAIR", "TCR", "SCTLR", "TTBR0", "TTBR1")


def without_level(report):
    """@report without what depends on the level of the entry and of the kernel. The values of
    control registers stay, by names that are the same at each level."""
    names = {f"{name}_EL{report['decision']['el']}": name for name in CONTROL}
    # That there is an EL2 at all stands in ID_AA64PFR0_EL1.
    registers = {names.get(name, name): value for name, value in report["registers"].items()
                 if name not in ("HCR_EL2", "ID_AA64PFR0_EL1")}
    assert {"MAIR", "TCR", "SCTLR"} <= set(registers)
    return {**{key: value for key, value in report.items() if key != "psci"},
            "registers": registers,
            "image": {key: value for key, value in report["image"].items()
                      if key not in ("entry_el", "entry")},
            "decision": {key: value for key, value in report["decision"].items()
                         if key not in ("el", "el_reason")}}
