# SPDX-License-Identifier: MIT
#
# Between exception levels and from MMU off to MMU on: kept after boot, but for the way
# out of EFI.

$(eval $(call room,arch/arm64/entry,machine))
