# SPDX-License-Identifier: MIT
"""A self test that hangs, or faults where it does not expect it, ends and is named; others run."""
import re
import sys

from machine import PROMPT, ROOT, Machine
from test_build import fixture_tree, make  # noqa: F401 pylint: disable=unused-import

sys.path.insert(0, str(ROOT / "scripts"))
import ktap  # noqa: E402

BAD = """// SPDX-License-Identifier: MIT
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(5, bad);

SELFTEST(bad, fault, "touches what is not there, in tables of its own");

static void bad_fault(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	memory_types_set(0x444444440444ffff);
	test_faults(test, TOUCH_LOAD, vaddr(0), fault_status(FAULT_TRANSLATION, 0));
	memory_load(vaddr(0x1238), 8);
}

SELFTEST(bad, good, "after that all is as before");

static void bad_good(struct selftest *test)
{
	struct scratch scratch;

	if (!scratch_begin(&scratch, test, 48))
		return;
	scratch_page(&scratch, 0);
	test_works(test, TOUCH_LOAD, vaddr(0));
	scratch_end(&scratch);
}

SELFTEST(bad, hang, "does not end");

static void hang_on(void *context)
{
	volatile u64 *turns = context;

	for (;;)
		++*turns;
}

static void bad_hang(struct selftest *test)
{
	static u64 turns;
	struct fault fault;

	test_check(test, fault_catch(hang_on, &turns, &fault), "it came back", turns);
}

SELFTEST(bad, last, "and is not the last");

static void bad_last(struct selftest *test)
{
	test_check(test, pan_get() != 0, "PAN", 0);
}
"""


def test_a_check_that_hangs_or_faults_ends_and_is_named(tree):
    (tree / "kernel/selftest/selftest_bad.c").write_text(BAD, encoding="utf-8")
    calls = tree / "scripts/stack-calls.txt"
    calls.write_text(re.sub(r"^(calls catch_call start_gic.*)$", r"\1 hang_on",
                            calls.read_text(), flags=re.MULTILINE))
    result = make(tree)
    assert result.returncode == 0, result.stderr
    # An instruction takes a microsecond, so that the seconds until the timer gives up pass quickly,
    # and the clock is that of the CPU alone.
    with Machine(append="arm64.pagesize=4k", kernel=tree / "build/Image",
                 arguments=("-icount", "shift=10,sleep=off"), exceptions=None) as machine:
        machine.expect(PROMPT)
        mair = machine.document("report json")["registers"]["MAIR_EL1"]
        results = ktap.parse(machine.command("selftest bad"))
        assert machine.document("report json")["registers"]["MAIR_EL1"] == mair
        again = ktap.parse(machine.command("selftest walk,permission,tlb"))
    assert [test.status for test in results.tests] == ["fail", "pass", "fail", "pass"]
    fault, hang = results.tests[0].diagnostics, results.tests[2].diagnostics
    assert "a fault that was not expected: ESR: 0x0000000096000004" in fault
    assert "and FAR: 0x0000000000001238" in fault
    assert len(hang) == 1 and hang[0].startswith("stopped by the timer at: 0xffff")
    assert again.tests and again.count("fail") == 0
