# SPDX-License-Identifier: MIT
#
# The pass over the FDT, for the kernel's first steps, and with the MMU off where a boot cannot get
# that far.

$(eval $(call built,kernel,kernel/tree/fallback.c))
# It goes with the rest of its room, and so must what would register its globals.
$(call unchecked,kernel/tree/fallback.c)
$(eval $(call room,kernel/tree,early))
# The kernel executes it at its virtual address, where indirect branches need landing pads.
$(call compiled_with,$(branch_protection),$(call sources_in,kernel/tree))
