// SPDX-License-Identifier: MIT
/*
 * Self tests: permissions by index (FEAT_S1PIE). Each index that a leaf can have is given each of
 * the permissions that there are, but for the two that the kernel itself lives by.
 * Runs in the kernel, MMU on.
 */
#include <pagoda/kernel/selftest/scratch.h>

SELFTEST_SUBJECT(62, index);

/* PIR_EL1's words for what is allowed (DDI 0487, "PIR_EL1"), without overlays. */
#define PIR_NONE 0
#define PIR_READ 1
#define PIR_EXECUTE 2
#define PIR_READ_EXECUTE 3
#define PIR_READ_WRITE 5
#define PIR_ALL 7

/* What the kernel's leaves have: UXN, and with PXN. Its read-only data is writable for a while. */
#define PIR_AT(index, word) ((u64)(word) << 4 * (index))
#define KERNEL_TEXT 8
#define KERNEL_DATA 12
#define KERNEL_PIR (PIR_AT(KERNEL_TEXT, PIR_READ_EXECUTE) | PIR_AT(KERNEL_DATA, PIR_READ_WRITE))

static const u8 words[] = { PIR_NONE,	      PIR_READ,	      PIR_EXECUTE,
			    PIR_READ_EXECUTE, PIR_READ_WRITE, PIR_ALL };

#define INDEX(name, what, touch) SELFTEST_CASE(index, name, "D8.4 S1PIE", what, index_check, touch)

/* Of enum touch. WXN stays on: it must not count. */
INDEX(load, "loads of EL1, by PIR", 0);
INDEX(store, "stores of EL1, by PIR", 1);
INDEX(fetch, "fetches of EL1, by PIR, WXN without effect", 4);
INDEX(ldtr, "LDTR, by PIRE0", 6);
INDEX(sttr, "STTR, by PIRE0", 7);

static bool allows(u8 word, enum touch what)
{
	if (what == TOUCH_STORE || what == TOUCH_USER_STORE)
		return word == PIR_READ_WRITE || word == PIR_ALL;
	if (what == TOUCH_RUN)
		return word == PIR_EXECUTE || word == PIR_READ_EXECUTE || word == PIR_ALL;
	return word != PIR_NONE && word != PIR_EXECUTE;
}

/* UXN, PXN, DBM and AP[1]. */
static u64 index_bits(unsigned index)
{
	return (index & 8 ? LEAF_UXN : 0) | (index & 4 ? LEAF_PXN : 0) |
	       (index & 2 ? LEAF_DBM : 0) | (index & 1 ? LEAF_USER : 0);
}

static void check_word(struct selftest *test, unsigned index, u8 word)
{
	enum touch what = (enum touch)test->number;
	bool user = what == TOUCH_USER_LOAD || what == TOUCH_USER_STORE;
	u64 nibble = PIR_AT(index, word);

	permission_indices_set(true, user ? KERNEL_PIR : KERNEL_PIR | nibble, user ? nibble : 0);
	if (allows(word, what))
		test_works(test, what, vaddr(0));
	else
		test_faults(test, what, vaddr(0), fault_status(FAULT_PERMISSION, LEVEL_PAGE));
	permission_indices_set(false, 0, 0);
}

static bool has_indices(struct selftest *test)
{
	const struct kernel *kernel = test->kernel;

	return test_needs(test, test_feature(test, ID_AA64MMFR3_EL1, S1PIE) != 0,
			  "no FEAT_S1PIE") &&
	       test_needs(test, SYSREG_GET(ID_AA64MMFR3_EL1_TCRX, kernel->forbidden) == 0,
			  "a higher level forbids TCR2");
}

static void index_check(struct selftest *test)
{
	struct scratch scratch;

	if (!has_indices(test) || !scratch_begin(&scratch, test, 48))
		return;
	for (unsigned index = 0; index < 16; index++) {
		if (index == KERNEL_TEXT || index == KERNEL_DATA)
			continue;
		scratch_code(&scratch, 0, CODE_BTI,
			     LEAF_UXN | LEAF_PXN | LEAF_DBM | LEAF_USER | LEAF_READ_ONLY,
			     index_bits(index));
		for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
			/* A store writes over the code. */
			scratch_off(&scratch);
			*scratch_word(&scratch, 0) = (u64)CODE_RET << 32 | CODE_BTI;
			scratch_publish(&scratch);
			scratch_control(&scratch, 0, 0);
			check_word(test, index, words[i]);
		}
	}
	scratch_end(&scratch);
}
