"""The words in which a mechanism is declared: parties, states, steps, clocks and papers as frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.clocks.counting import Length, Unit


class Mark(StrEnum):
    """How a citation or number was checked; shown wherever the number is shown."""

    READ = "read"  # the article's own text was read
    SECOND_HAND = "second_hand"  # another text quotes it
    TO_CONFIRM = "to_be_confirmed"  # waits for a lawyer
    LOCAL = "local_policy"  # no national rule; the deployment's own choice
    DESIGN = "design"  # this suite's own arrangement, not law


@dataclass(frozen=True, slots=True)
class Cite:
    law: "Law"
    article: str
    mark: Mark

    def __str__(self) -> str:
        return f"《{self.law.title}》({self.law.edition}) {self.article}"


@dataclass(frozen=True, slots=True)
class Law:
    """One edition of one instrument; called with an article it gives the citation."""

    title: str
    number: str
    edition: str

    def __call__(self, article: str, mark: Mark = Mark.READ) -> Cite:
        return Cite(self, article, mark)


Cites = Cite | tuple[Cite, ...]


def cites_of(cite: Cites) -> tuple[Cite, ...]:
    return cite if isinstance(cite, tuple) else (cite,)


class Form(BaseModel):
    """What a step asks to be told. Texts are stripped; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


@dataclass(frozen=True, slots=True)
class KindsBy:
    """Which kinds of unit fit, by the value of a form field."""

    field: str
    kinds: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Near:
    """The unit must belong to the division of the matter, unless this yes-or-no form field says yes."""

    unless: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Party:
    """A role in a mechanism.

    It is filled by a unit of one of `kinds`: by the unit that opens, by a step that binds it, or (`by_division`) by the
    unit of that kind for the matter's division. `fits` narrows the kinds by what a form says, `near` the place. Once
    bound, it is bound to another unit by a step of its own only. A person who is no unit has no kinds and
    `recorded_by` names the party that enters the person's acts. Which unit it is stays hidden from whoever is not one
    of the parties in `shown_to`, by their keys, or the unit itself (None: from nobody).
    """

    key: str
    title: str
    kinds: tuple[str, ...] = ()
    by_division: bool = False
    recorded_by: str | None = None
    fits: KindsBy | None = None
    near: Near | None = None
    shown_to: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class State:
    key: str
    title: str
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    key: str
    title: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A form field, as last given, has one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """This step was taken before (`since_entry`: since the matter came into its present state)."""

    step: str
    since_entry: bool = False


@dataclass(frozen=True, slots=True)
class NotTaken:
    step: str
    since_entry: bool = False


@dataclass(frozen=True, slots=True)
class Past:
    """The time of this clock is over and it was not met."""

    clock: str


@dataclass(frozen=True, slots=True)
class Each:
    """Every item of the list in the form field `items` was last dealt with by one of `done`, and not by `undone`.

    Steps name the item they deal with by its number, from 1, in the form field `item`. A list that is given anew
    begins anew: what was done about the items of the old one counts no more.
    """

    items: str
    item: str
    done: tuple[str, ...]
    undone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemLast:
    """The last step, of those in `among`, about the item that this step names was one of `steps` (none: never any)."""

    items: str
    item: str
    among: tuple[str, ...]
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    conditions: tuple["Condition", ...]


Condition = FieldIs | Taken | NotTaken | Past | Each | ItemLast | AnyOf

ANY_OPEN_STATE = ("*",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What may lawfully follow a missed duty or a refusal: an instrument of a party, never issued by itself."""

    instrument: str
    title: str
    by: Party
    cite: Cites


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One act that a party takes, from one of `source` to the state `to` (None: the state stays).

    `said` is the past participle of the event; `post` is who inside the unit the law reserves it to; `binds` are the
    parties named with it; `tells` are the parties told of it (None: every bound party); `opens` are the mechanisms that
    are asked to open a side matter; `proposes` is what may follow. `shown_to` are the parties that may read what it
    records (None: all). The form fields `copies` and `links` name further units that are told and may read, and other
    matters that this one takes up. With a step that `erases`, every secret of the matter is destroyed.
    """

    key: str
    title: str
    by: Party | tuple[Party, ...]
    source: tuple[str, ...] = ()
    to: str | None = None
    said: str
    cite: Cites
    form: type[Form] = Form
    papers: tuple[Paper, ...] = ()
    binds: tuple[Party, ...] = ()
    when: tuple[Condition, ...] = ()
    post: str | None = None
    tells: tuple[Party, ...] | None = None
    opens: tuple[str, ...] = ()
    proposes: tuple[Proposal, ...] = ()
    shown_to: tuple[Party, ...] | None = None
    copies: str | None = None
    links: str | None = None
    erases: bool = False

    @property
    def parties(self) -> tuple[Party, ...]:
        return self.by if isinstance(self.by, tuple) else (self.by,)


class Basis(StrEnum):
    """On what personal information is handled (个人信息保护法 13)."""

    STATUTORY_DUTY = "statutory_duty"  # 履行法定职责或者法定义务所必需
    EMERGENCY = "emergency"  # 紧急情况下为保护自然人的生命健康和财产安全所必需
    CONSENT = "consent"  # 取得个人的同意


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a secret may be read for, and on what that rests."""

    key: str
    title: str
    basis: Basis
    cite: Cites


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """What is told of a person in the form field `key`, kept sealed under a key of the matter's own.

    In the form its place is taken by a label: `prefix` and random characters. `readers` are the parties that may read
    each field, in this matter and for one of `purposes`; `papers` those that may read the matter's papers under this
    heading. Whoever else must read it has the glass broken, which is told to the `owners`. What is of a child under
    fourteen, going by the date in the field `born`, or of unknown age, takes a reader with the post `guarded_by`. Of
    the field `found_by` a keyed hash is kept, by which matters are found. The glass is broken by two: who asks, and
    an officer of the same unit with the post `released_by`.
    """

    key: str
    title: str
    prefix: str
    form: type[Form]
    readers: Mapping[str, tuple[Party, ...]]
    owners: tuple[Party, ...]
    purposes: tuple[Purpose, ...]
    cite: Cites
    papers: tuple[Party, ...] = ()
    found_by: str | None = None
    born: str | None = None
    guarded_by: str | None = None
    released_by: str = "department_head"


@dataclass(frozen=True, kw_only=True, slots=True)
class Follow:
    """What a reporter is told who follows a matter with a token and sees nothing else of it.

    `states` are words for every state, `steps` for those steps that are told with their day; of `clocks` it is told
    until when they run. While one of the clocks in `marks` is over, the matter bears its mark.
    """

    states: Mapping[str, str]
    steps: Mapping[str, str]
    clocks: tuple[str, ...]
    marks: Mapping[str, str]
    cite: Cites


class Kind(StrEnum):
    """What it means that a clock's time is over."""

    DUTY = "duty"  # goes overdue; the act is still owed
    RIGHT = "right"  # lapses; the steps it closes are closed
    MINIMUM = "minimum"  # the steps it opens are open only afterwards
    VALIDITY = "validity"  # what was granted has expired
    SOFT = "soft"  # a policy value, never shown as statutory
    CYCLE = "cycle"  # a duty that comes again


@dataclass(frozen=True, slots=True)
class FromForm:
    """The length is written in the paper itself, as a whole number in a form field; else it is `otherwise`."""

    field: str
    unit: Unit
    otherwise: Length | None = None


@dataclass(frozen=True, slots=True)
class FromSetting:
    """The length is a local setting. Without a default there is no date until the deployment sets one (立即, 及时)."""

    setting: str
    default: Length | None = None


@dataclass(frozen=True, slots=True)
class ByChoice:
    """The length depends on a choice made in a form."""

    field: str
    lengths: Mapping[str, Length | FromForm | FromSetting]


LengthSource = Length | ByChoice | FromForm | FromSetting


def minutes(amount: int) -> Length:
    return Length(amount, Unit.MINUTES)


def hours(amount: int) -> Length:
    return Length(amount, Unit.HOURS)


def days(amount: int) -> Length:
    return Length(amount, Unit.DAYS)


def workdays(amount: int) -> Length:
    return Length(amount, Unit.WORKDAYS)


def half_months(amount: int) -> Length:
    return Length(amount, Unit.HALF_MONTHS)


def months(amount: int) -> Length:
    return Length(amount, Unit.MONTHS)


def years(amount: int) -> Length:
    return Length(amount, Unit.YEARS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """A step that gives a clock more time: a new length from the start, or (`added`) on top of the old limit."""

    step: str
    length: LengthSource
    cite: Cites
    added: bool = False
    at_most: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Reminder:
    """Say it so long before (or `after`) the time is over, to these parties; "superior" is the debtor's superior.

    `merges`: not said where, after an outage, something later is to be said of the same clock as well.
    """

    offset: Length
    after: bool = False
    to: tuple[str, ...] = ()
    merges: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Clock:
    """A time limit on a party.

    It runs `during` states; or it is started by the steps in `after`, or by the end of the clock it `follows`, and then
    ends with a step in `met_by` (done) or `dropped_by` (no longer owed). It counts from the day of the act, or from the
    date in the form field `counts_from` (the service receipt); `backward`, to the event on that date. It stands still
    `paused_during` states. A last day off is moved (`roll`), but not where `unrolled_when` holds (a person in custody);
    it is over at 24:00 or, with `closes_at`, at the office's hour. `proposes` is what may follow when it is missed.
    With `item` it runs for each item of a list by itself, by the number in that form field; a step without the field
    concerns them all.
    """

    key: str
    title: str
    on: Party
    length: LengthSource
    cite: Cites
    kind: Kind = Kind.DUTY
    during: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    follows: str | None = None
    met_by: tuple[str, ...] = ()
    dropped_by: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    item: str | None = None
    counts_from: str | None = None
    backward: bool = False
    roll: bool = True
    unrolled_when: tuple[Condition, ...] = ()
    closes_at: time | None = None
    paused_during: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    extensions: tuple[Extension, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    proposes: tuple[Proposal, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OnlyOne:
    """During these states there is one matter only with the same parties and the same answers in these form fields."""

    parties: tuple[Party, ...]
    fields: tuple[str, ...]
    during: tuple[str, ...]
    cite: Cites


@dataclass(frozen=True, kw_only=True)
class Mechanism:
    """One legal procedure in one edition. `overseers` read every matter of their division.

    `entrances` are further ways in, beside the opening. With `secrets` no form holds free text outside of them.
    """

    key: str
    path: str
    title: str
    title_en: str
    basis: Law
    edition: str
    parties: tuple[Party, ...]
    states: tuple[State, ...]
    opening: Step
    steps: tuple[Step, ...]
    clocks: tuple[Clock, ...]
    overseers: tuple[Party, ...] = ()
    only_one: OnlyOne | None = None
    entrances: tuple[Step, ...] = ()
    secrets: tuple[Secret, ...] = ()
    follow: Follow | None = None
    step_by_key: Mapping[str, Step] = field(init=False, repr=False, compare=False)
    clock_by_key: Mapping[str, Clock] = field(init=False, repr=False, compare=False)
    state_by_key: Mapping[str, State] = field(init=False, repr=False, compare=False)
    party_by_key: Mapping[str, Party] = field(init=False, repr=False, compare=False)
    secret_by_key: Mapping[str, Secret] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "step_by_key", {step.key: step for step in self.every_step})
        object.__setattr__(self, "clock_by_key", {clock.key: clock for clock in self.clocks})
        object.__setattr__(self, "state_by_key", {state.key: state for state in self.states})
        object.__setattr__(self, "party_by_key", {party.key: party for party in self.parties})
        object.__setattr__(self, "secret_by_key", {secret.key: secret for secret in self.secrets})

    @property
    def openings(self) -> tuple[Step, ...]:
        """Return every step that opens a matter, the usual one first."""
        return (self.opening, *self.entrances)

    @property
    def every_step(self) -> tuple[Step, ...]:
        return (*self.openings, *self.steps)

    def sources_of(self, step: Step) -> tuple[str, ...]:
        """Return the states in which the step is open; the declaration may say "any that has not ended"."""
        if step.source == ANY_OPEN_STATE:
            return tuple(state.key for state in self.states if not state.ends)
        return step.source
