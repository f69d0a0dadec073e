"""Finds and checks the mechanisms of a service: every file of its folder declares one."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping

from shared.mechanism.check import check
from shared.mechanism.grammar import Mechanism

Mechanisms = Mapping[tuple[str, str], Mechanism]


def load(package: str, path: Iterable[str]) -> Mechanisms:
    """Return the mechanisms by key and edition of the law; a matter stays with the edition it was opened under.

    Raises `Faulty` for a declaration with a hole, TypeError for a file without one, ValueError for two that clash.
    """
    found: dict[tuple[str, str], Mechanism] = {}
    for module in pkgutil.iter_modules(path):
        declared = getattr(importlib.import_module(f"{package}.{module.name}"), "MECHANISM", None)
        if not isinstance(declared, Mechanism):
            raise TypeError(f"{package}.{module.name} declares no MECHANISM")
        if any(declared.path == other.path for other in found.values()):
            raise ValueError(
                f"two files declare the path {declared.path}: a new edition has a path of its own"
            )
        found[declared.key, declared.edition] = check(declared)
    return found
