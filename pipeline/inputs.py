"""What an input set may hold: collections of the processor's features, each of a kind.

What a kind makes of them is in `pipeline/stream/kinds/<kind>.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from pipeline.sections import Count, Name, Section


class Shaped(Section):
    """A collection that says what becomes of it."""

    kind: str
    of: Name | None = Field(None, description="collection of the processor that is read; None: the one of the same name")


class Sequence(Shaped):
    """A jagged collection as a padded tensor with a mask: (n_events, max_objects, n_features)."""

    kind: Literal["padded"] = "padded"
    features: tuple[Name, ...] = Field(min_length=1)
    max_objects: Count
    order_by: Name | None = Field(None, description="descending in this feature; None keeps the processor's order")


# What the YAML calls each kind. A plain list of features is `flat`: one number an event each.
KINDS: dict[str, type[Shaped]] = {"padded": Sequence}


def kind_of(collection: Any) -> str:
    """The kind of a collection as the YAML has it, or as it was read."""
    if isinstance(collection, dict):
        return str(collection.get("kind", "padded"))
    return str(collection.kind) if isinstance(collection, Shaped) else "flat"


def source_of(name: str, collection: Any) -> str:
    """The collection of the processor that the one called *name* reads."""
    return (collection.of if isinstance(collection, Shaped) else None) or name


# Told apart by their kind, so that an error speaks of one of them only.
Collection = Annotated[
    Annotated[tuple[Name, ...], Field(min_length=1), Tag("flat")] | Annotated[Sequence, Tag("padded")],
    Discriminator(kind_of),
]
