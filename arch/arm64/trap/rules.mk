# SPDX-License-Identifier: MIT
#
# The vectors.

$(eval $(call room,arch/arm64/trap,machine))
