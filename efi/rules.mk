# SPDX-License-Identifier: MIT
#
# The EFI stub, and what only it needs: the reader of ACPI tables, the writer of FDTs.

$(eval $(call room,efi,stub))
$(call machine_only,efi/start.c)
