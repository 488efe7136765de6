# SPDX-License-Identifier: MIT
#
# Checks of the map against the CPU.

$(call kasan_only,kernel/selftest/kasan.c)
$(eval $(call room,kernel/selftest,kernel))
# Tests are in no hurry, and a boot pays for the size of text.
$(call compiled_with,-Os,$(wildcard kernel/selftest/*.c))
# The harness is built for the host, and the tests are not.
$(call machine_only,$(filter-out $(patsubst %,kernel/selftest/%.c,change_model commands record \
	rights_model selftest walk_model),\
	$(wildcard kernel/selftest/*.c)))
