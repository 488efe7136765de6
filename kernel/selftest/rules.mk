# SPDX-License-Identifier: MIT
#
# Checks of the map against the CPU.

$(eval $(call room,kernel/selftest,kernel))
# Tests are in no hurry, and a boot pays for the size of text.
$(call compiled_with,-Os,$(wildcard kernel/selftest/*.c))
$(call machine_only,$(filter-out \
	$(addprefix kernel/selftest/,change_model.c commands.c),$(wildcard kernel/selftest/*.c)))
