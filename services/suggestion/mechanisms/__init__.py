"""The procedures of 检察建议 and what leads to them, one file each; every file in this folder is loaded."""

from shared.mechanism.load import load

MECHANISMS = load(__name__, __path__)
