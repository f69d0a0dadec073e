"""The procedures that protect minors, one file each; every file in this folder is loaded."""

from shared.mechanism.load import load

MECHANISMS = load(__name__, __path__)
