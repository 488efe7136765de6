# SPDX-License-Identifier: MIT
#
# The Image's headers and its first instructions.

$(eval $(call room,arch/arm64/head,machine))
