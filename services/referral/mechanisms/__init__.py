"""The procedures of 行刑衔接, one file each; every file in this folder is loaded."""

from shared.mechanism.load import load

MECHANISMS = load(__name__, __path__)
