"""The secrets of a step, sealed before anything is kept: in the form a label stands in their place."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from shared.clocks.calendar import SHANGHAI
from shared.matters.requests import Request
from shared.mechanism.core import Act
from shared.mechanism.grammar import Mechanism, Secret
from shared.mongo import Document
from shared.vault import Vault

UNDER_14: Final = "under_14"
MINOR: Final = "from_14"
ADULT: Final = "adult"
_YEARS_OF: Final = ((14, UNDER_14), (18, MINOR))
_LABEL_BYTES: Final = 5


@dataclass(frozen=True, slots=True)
class Sealed:
    """What goes into the matter's document beside the step: sealed values by label, and hashes to find it by."""

    values: Mapping[str, Document] = field(default_factory=dict)
    found_by: tuple[str, ...] = ()
    erases: bool = False


NOTHING: Final = Sealed()


class Sealing:
    """Seals what the declaration calls secret, under a key of the matter's own."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def careful(self, request: Request) -> Request:
        """Return the request under a key from which nothing can be guessed, whatever its caller wrote into it."""
        return replace(request, key=self._vault.masked("request", request.key))

    def digest(self, mechanism: Mechanism, request: Request, step: str) -> str:
        """Return what tells one request from another; keyed, where a guess could be tried on it."""
        plain = request.digest(step)
        return self._vault.masked("content", plain) if mechanism.secrets else plain

    async def seal(self, mechanism: Mechanism, matter: str, act: Act) -> tuple[Act, Sealed]:
        """Return the act with labels for its secrets, and these sealed. Raises Away or Unavailable."""
        given = [(secret, act.form[secret.key]) for secret in mechanism.secrets if act.form.get(secret.key)]
        if not given:
            return act, NOTHING
        form, values, found_by = dict(act.form), dict[str, Document](), list[str]()
        for secret, told in given:
            fields = {name: value for name, value in told.items() if value not in (None, "", [])}
            sealed = await self._vault.seal(matter, fields)
            label = f"{secret.prefix}-{_random()}"
            # The chain covers what was sealed; that stays provable after the key is gone.
            proof = hashlib.sha256(b"".join(sealed[name] for name in sorted(sealed))).hexdigest()
            form[secret.key] = {"label": label, "sha256": proof}
            values[label] = {
                "secret": secret.key,
                "basis": secret.purposes[0].basis.value,  # what it is first taken down for
                "age": _age(secret, told, act),
                "fields": sealed,
            }
            if secret.found_by is not None and told.get(secret.found_by):
                found_by.append(self.found(mechanism, secret, told[secret.found_by]))
        return replace(act, form=form), Sealed(values, tuple(found_by))

    def found(self, mechanism: Mechanism, secret: Secret, value: str) -> str:
        """Return the keyed hash by which matters with this value are found."""
        return self._vault.masked(f"{mechanism.key}.{secret.key}", value.strip().upper())


def _random() -> str:
    return base64.b32encode(secrets.token_bytes(_LABEL_BYTES)).decode()


def _age(secret: Secret, told: Mapping[str, Any], act: Act) -> str | None:
    """Return the class of age of whom this is about; who is of unknown age counts as a child under fourteen."""
    if secret.born is None and secret.guarded_by is None:
        return None
    if secret.born is None or not told.get(secret.born):
        return UNDER_14
    born = date.fromisoformat(told[secret.born])
    today = act.recorded_at.astimezone(SHANGHAI).date()
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return next((name for below, name in _YEARS_OF if years < below), ADULT)
