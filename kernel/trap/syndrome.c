// SPDX-License-Identifier: MIT
/*
 * What ESR says of an exception, in words.
 * Runs in the kernel, MMU on, in exception handlers; also on the host.
 */
#include <pagoda/kernel/console/console.h>
#include <pagoda/kernel/trap/exception.h>

static void print_field(enum sysreg_field_index index, u64 esr)
{
	const struct sysreg_field *field = &sysreg_fields[index];
	const char *text = sysreg_value_text(field, esr);

	print("  %-4s 0x%02x  %s\n", field->name, sysreg_field_get(field, esr),
	      text != NULL ? text : "not a code Pagoda knows");
}

static bool is_data_abort(u64 esr)
{
	u64 class = SYSREG_GET(ESR_EL1_EC, esr);

	return class == ESR_EL1_EC_DABT_LOW || class == ESR_EL1_EC_DABT_CUR;
}

bool syndrome_is_abort(u64 esr)
{
	u64 class = SYSREG_GET(ESR_EL1_EC, esr);

	return is_data_abort(esr) || class == ESR_EL1_EC_IABT_LOW || class == ESR_EL1_EC_IABT_CUR;
}

void syndrome_print(u64 esr)
{
	print("ESR 0x%016lx\n", esr);
	print_field(ESR_EL1_EC_INDEX, esr);
	if (!syndrome_is_abort(esr)) {
		print("  iss  %#lx\n", SYSREG_GET(ESR_EL1_ISS, esr));
		if (SYSREG_GET(ESR_EL1_EC, esr) == ESR_EL1_EC_SERROR)
			print("  %s\n", serror_str(esr));
		return;
	}
	print_field(ESR_EL1_FSC_INDEX, esr);
	if (is_data_abort(esr))
		print("  on a %s\n", SYSREG_GET(ESR_EL1_WNR, esr) ? "write" : "read");
	if (SYSREG_GET(ESR_EL1_FNV, esr))
		print("  FAR is not valid\n");
}
