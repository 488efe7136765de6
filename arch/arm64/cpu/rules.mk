# SPDX-License-Identifier: MIT
#
# Instructions that C has no word for: registers, caches, TLB, firmware calls.

$(eval $(call room,arch/arm64/cpu,machine))
