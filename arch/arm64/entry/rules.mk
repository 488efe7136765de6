# SPDX-License-Identifier: MIT
#
# Between exception levels and from MMU off to MMU on.

$(eval $(call room,arch/arm64/entry,machine))
