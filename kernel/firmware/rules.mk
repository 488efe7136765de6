# SPDX-License-Identifier: MIT
#
# What firmware's tables say: the reader of ACPI, the writer of FDTs. For the EFI stub, and for the
# kernel's first steps where another kernel has left it no device tree.

$(eval $(call room,kernel/firmware,stub))
# The kernel executes it at its virtual address, where indirect branches need landing pads.
$(call compiled_with,$(branch_protection),$(call sources_in,kernel/firmware))
