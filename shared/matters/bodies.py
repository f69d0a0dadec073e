"""Request bodies derived from a declaration: one model per step, with what that step asks for and nothing else."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, create_model

from shared.matters.requests import Request
from shared.mechanism.grammar import Form, Mechanism, Step

UnitCode = Annotated[str, Field(pattern=r"^[A-Z0-9-]{2,32}$", examples=["LY-GA-001"])]
DivisionCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["410329"])]
PaperIds = Annotated[
    list[UUID], Field(min_length=1, max_length=50, examples=[["6f1c2a34-9d7e-4a51-8a0e-2f6f0c9b7d11"]])
]


class LinkBody(Form):
    """A link to another matter."""

    rel: Literal["spawned_from", "escalated_from", "returned_from", "same_facts"]
    matter: UUID


class ActBody(Form):
    """What every step can be told: when the act was done, where that is not now."""

    acted_at: AwareDatetime | None = Field(
        None,
        description="When the act was done, e.g. the date on the service receipt; now, if not given.",
        examples=["2026-11-23T09:30:00+08:00"],
    )


class WordlessCorrectionBody(Form):
    """Which step was done when in truth, and the proof; where something is secret, that says why."""

    entry: int = Field(ge=1, le=10_000, description="Version of the history entry.", examples=[6])
    acted_at: AwareDatetime = Field(examples=["2026-11-20T09:30:00+08:00"])
    proof: PaperIds = Field(description="Papers that your unit has sent in.")


class CorrectionBody(WordlessCorrectionBody):
    """Which step was done when in truth, why it was recorded otherwise, and the proof."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        examples=["送达回证上的日期为11月20日。"]
    )


def correction_of(body: WordlessCorrectionBody, key: str) -> Request:
    """Return the correction as the commands take it."""
    given = body.model_dump(mode="json", include={"reason"})
    proof = [str(paper) for paper in body.proof]
    return Request(key=key, form=given, acted_at=body.acted_at, papers={"proof": proof})


def body_of(mechanism: Mechanism, step: Step) -> type[ActBody]:
    """Return the model of the step's request body, with an example."""
    name = camel(f"{mechanism.key}_{step.key}")
    fields: dict[str, Any] = {}
    if step.form.model_fields:
        fields["form"] = (step.form, _field_for(step.form, "What the step asks to be told."))
    if step.papers:
        papers = create_model(
            f"{name}Papers",
            __base__=Form,
            **cast(
                "dict[str, Any]",
                {
                    paper.key: (PaperIds, Field(description=paper.title))
                    if paper.required
                    else (PaperIds | None, Field(None, description=paper.title))
                    for paper in step.papers
                },
            ),
        )
        fields["papers"] = (papers, _field_for(papers, "Ids of papers that your unit has sent in."))
    if step.binds:
        parties = create_model(
            f"{name}Parties",
            __base__=Form,
            **cast(
                "dict[str, Any]",
                {party.key: (UnitCode, Field(description=party.title)) for party in step.binds},
            ),
        )
        fields["parties"] = (parties, Field(description="Codes of the units that this step names."))
    if step in mechanism.openings:
        fields["division"] = (
            DivisionCode | None,
            Field(
                None, description="Where the matter belongs (GB/T 2260); your unit's division, if not given."
            ),
        )
        fields["links"] = (list[LinkBody], Field([], max_length=20))
    model = create_model(f"{name}Body", __base__=ActBody, **fields)
    model.model_config["json_schema_extra"] = {"examples": [example(model)]}
    model.model_rebuild(force=True)
    return model


def request_of(body: ActBody, key: str) -> Request:
    """Return the body as the commands take it."""
    given = body.model_dump(mode="json", exclude={"acted_at"})
    acted_at: datetime | None = body.acted_at
    return Request(
        key=key,
        form=given.get("form", {}),
        acted_at=acted_at,
        papers={name: ids for name, ids in given.get("papers", {}).items() if ids},
        parties=given.get("parties", {}),
        division=given.get("division"),
        links=[(link["rel"], link["matter"]) for link in given.get("links", [])],
    )


def example(model: type[BaseModel]) -> dict[str, Any]:
    """Return an example made of the examples of the required fields."""
    made: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if not info.is_required():
            continue
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            made[name] = example(annotation)
        elif info.examples:
            made[name] = info.examples[0]
        else:
            raise LookupError(f"{model.__name__}.{name} is required and has no example")
    return made


def _field_for(model: type[BaseModel], description: str) -> Any:
    """Return a required field, or an optional one when everything inside has a default."""
    if any(info.is_required() for info in model.model_fields.values()):
        return Field(description=description)
    return Field(default_factory=model, description=description)


def camel(key: str) -> str:
    return "".join(word.capitalize() for word in key.split("_"))
