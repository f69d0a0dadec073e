"""The rules of a vice-principal's post, asked before each of its steps is kept."""

from services.minors.domain import posts
from services.minors.domain.posts import Policy
from services.minors.domain.register import SERVING, day_of, post_of
from services.minors.mechanisms.vice_principal import MECHANISM
from services.minors.store.register import Register
from shared import divisions
from shared.directory import Directory
from shared.matters.commands import Clock
from shared.matters.requests import Actor, Request
from shared.matters.store import Matters
from shared.mechanism.grammar import Mechanism, Step
from shared.mechanism.matter import Matter
from shared.mechanism.permit import Refused


class Rules:
    """Refuses what the declaration cannot say; other procedures pass."""

    def __init__(
        self, policy: Policy, register: Register, matters: Matters, directory: Directory, clock: Clock
    ) -> None:
        self._policy = policy
        self._register = register
        self._matters = matters
        self._directory = directory
        self._clock = clock

    async def __call__(
        self, mechanism: Mechanism, step: Step, matter: Matter | None, actor: Actor, request: Request
    ) -> None:
        """Raise `Refused` with the field at fault."""
        if mechanism.key != MECHANISM.key:
            return
        if matter is None:
            await self._place(actor, request)
        on = day_of(request.acted_at or self._clock.now())
        if step.key in ("recommend", "take_over"):
            posts.check_person(request.form, self._policy, on)
        if step.key in ("recommend", "appoint", "take_over"):
            await self._first_term(matter, request)
        if step.key in ("appoint", "take_over"):
            await self._seats(matter, request)
        if matter is None:
            return
        if step.key == "appoint":
            posts.check_appointment(matter, request.form)
        if step.key == "replace":
            successor = await self._matters.find_own(request.form["successor"][0])
            posts.check_successor(matter, successor)
        if matter.state in SERVING:
            post = post_of(matter, self._policy.year_kind)
            if post is not None:
                posts.check_step(step.key, matter, post, request.form, self._policy, on)

    async def _place(self, actor: Actor, request: Request) -> None:
        """A post belongs where its school is, and to an authority of that place or above it."""
        school = await self._directory.find(str(request.parties["school"]))
        authority = await self._directory.find(actor.unit)
        if school is None or authority is None:
            return  # refused already
        if authority.division not in (school.division, *divisions.ancestors(school.division)):
            detail = "the school is not in the division of this authority"
            raise Refused("school-elsewhere", detail, fields=["parties.school"])
        if (request.division or authority.division) != school.division:
            raise Refused(
                "division-not-the-schools", "the school is in another division", fields=["division"]
            )

    async def _first_term(self, matter: Matter | None, request: Request) -> None:
        answers = {**(matter.fields() if matter else {}), **request.form}
        before = 0
        if answers.get("retired"):
            before = await self._register.held_before(answers["person_id"], matter.id if matter else None)
        posts.check_first_term(answers, before)

    async def _seats(self, matter: Matter | None, request: Request) -> None:
        person = request.form.get("person_id") or (matter.fields()["person_id"] if matter else None)
        school = matter.parties["school"] if matter else request.parties["school"]
        taken = await self._register.seats(str(person))
        posts.check_seats(taken, str(school), second=request.form["second_school"])
