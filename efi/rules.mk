# SPDX-License-Identifier: MIT
#
# The EFI stub.

$(eval $(call room,efi,stub))
$(call machine_only,efi/start.c)
