# SPDX-License-Identifier: MIT
"""The report of a boot as a document: what `report json` prints, without the plugin."""
import functools
import json
import re
import subprocess

from boot_cost import QUIET, Boot, CannotMeasure


@functools.lru_cache
def early_report(page_size, append="", icount=False, machine=QUIET, cpu="max"):
    """`report json` of one boot. @icount: the clock counts instructions, one a nanosecond."""
    words = f'arm64.pagesize={page_size} {append} pagoda.run="report json; poweroff"'
    extra = ("-icount", "shift=0") if icount else ()
    command = Boot(words, cpu, machine, arguments=("-serial", "stdio", *extra)).command()
    try:
        text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                              check=True).stdout.decode("latin-1").replace("\r", "")
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotMeasure(f"no report of a boot with {page_size} pages: {error}") from None
    found = re.search(r"^\{$.*?^\}$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise CannotMeasure(f"no JSON document on the console of {' '.join(command)}")
    return json.loads(found.group(0))
