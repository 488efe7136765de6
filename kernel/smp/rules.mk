# SPDX-License-Identifier: MIT
#
# More CPUs: how they come, or why not, and what they do then.

$(eval $(call room,kernel/smp,kernel))
# Other CPUs are waited for, and a boot pays for the size of text.
$(call compiled_with,-Os,$(wildcard kernel/smp/*.c))
