#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What six boots cost, and whether that is still what baseline.json says, to 2 %.

  baseline.py [--update]

`make test` compares; only `make bench-baseline` updates. A boot that has become cheaper is news,
too: what was gained would otherwise be lost again unseen.
"""
import argparse
import json
import pathlib
import subprocess
import sys

from boot_cost import QEMU, QUIET, Boot, CannotMeasure, measure, relocation

PATH = pathlib.Path(__file__).with_name("baseline.json")
TOLERANCE = 0.02

# Without KASLR and without seeds: the same boot every time.
CONFIGURATIONS = {
    "4K": Boot("nokaslr", machine=QUIET),
    "16K": Boot("nokaslr arm64.pagesize=16k", machine=QUIET),
    "64K": Boot("nokaslr arm64.pagesize=64k", machine=QUIET),
    "4K without LPA2": Boot("nokaslr arm64.nolva", machine=QUIET),
    "4K on cortex-a57": Boot("nokaslr", cpu="cortex-a57", machine=QUIET),
    "64K entered at EL2": Boot("nokaslr arm64.pagesize=64k", machine=f"{QUIET},virtualization=on"),
}

# Counted without relocation and what else is done then: functions are patched, and what that takes
# grows with the kernel. boot_cost.py has a limit for each of them.
PATCHED = ("4K on cortex-a57",)


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[0]


def tools():
    """What decides about the counts besides the sources."""
    return {"gcc": first_line("aarch64-linux-gnu-gcc", "--version"),
            "qemu": first_line(QEMU, "--version")}


def counts():
    costs = {name: measure(boot, ("counter_read",)) for name, boot in CONFIGURATIONS.items()}
    return {name: cost.total - (relocation(cost) if name in PATCHED else 0)
            for name, cost in costs.items()}


def changes(baseline, now):
    """What is out of tolerance, one line each."""
    lines = []
    for name in sorted(baseline.keys() | now.keys()):
        was, is_now = baseline.get(name), now.get(name)
        if was is None or is_now is None:
            lines.append(f"{name}: only in one of them ({was}, {is_now})")
        elif abs(is_now - was) > TOLERANCE * was:
            lines.append(f"{name}: {was} instructions in the baseline, {is_now} now "
                         f"({100 * (is_now - was) / was:+.1f} %)")
    return lines


def advice(baseline):
    """What to do about changes."""
    if baseline["tools"] != tools():
        return (f"The baseline is of {baseline['tools']}, this is {tools()}: other tools, other "
                "counts. See what a build before your change costs.")
    return ("`make bench-boot` shows which functions it goes to. If it has to be so, "
            "`make bench-baseline` takes it over.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    try:
        now = counts()
    except CannotMeasure as error:
        sys.exit(f"baseline: {error}.")
    for name, count in now.items():
        print(f"{count:8}  {name}")
    if options.update:
        document = {"tools": tools(), "instructions": now}
        PATH.write_text(json.dumps(document, indent=2) + "\n", encoding="ascii")
        return
    baseline = json.loads(PATH.read_text(encoding="ascii"))
    changed = changes(baseline["instructions"], now)
    if changed:
        sys.exit("\n".join([*changed, advice(baseline)]))


if __name__ == "__main__":
    main()
