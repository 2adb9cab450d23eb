"""What an input set may hold: collections of the processor's features, each of a kind.

What a kind makes of them is in `pipeline/stream/kinds/<kind>.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.sections import Count, Name, Positive, Section


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


Channel = Literal["pt", "charged_pt", "neutral_pt", "multiplicity", "charged_multiplicity", "neutral_multiplicity"]
Step = Literal["centre", "balance", "rotate", "flip"]
# In the order in which they are done.
STEPS: tuple[Step, ...] = get_args(Step)
# Pixels are numbered in 16 bits.
MOST_PIXELS = 180


class Image(Shaped):
    """The constituents of a jet as a picture: (n_jets, pixels, pixels, n_channels)."""

    kind: Literal["image"]
    pixels: int = Field(ge=2, le=MOST_PIXELS, description="on each side")
    half_width: Positive = Field(description="from the centre to the sides, in eta and phi; what lies outside is not on it")
    channels: tuple[Channel, ...] = Field(("pt",), min_length=1, description="what is added up in each pixel; pt in GeV")
    steps: tuple[Step, ...] = Field(
        ("centre", "rotate", "flip"),
        description="done before, always in this order; none leaves the jet's axis at the centre",
    )
    prong_radius: Positive = Field(0.3, description="of what `centre` moves to the origin and `rotate` turns down")
    normalise: Literal["none", "sum", "l2"] = Field("none", description="what is 1 for the momentum channels of each jet")
    max_pixels: Count = Field(100, description="kept of a jet, of those that are not empty; a jet with more is an error")

    @model_validator(mode="after")
    def _no_step_twice(self) -> Image:
        for what, names in (("steps", self.steps), ("channels", self.channels)):
            if len(set(names)) < len(names):
                raise ValueError(f"{what} holds a name twice; once is enough")
        return self


NodeFeature = Literal["p", "eta", "phi", "energy", "energy_fraction", "pt", "theta", "log_pt", "log_energy", "mass"]


class Tree(Shaped):
    """The constituents of a jet, merged two by two: (n_jets, 2 max_leaves - 1, n_features), and the order of the merges."""

    kind: Literal["tree"]
    algorithm: Literal["kt", "cambridge_aachen", "anti_kt", "pt", "random"] = Field(
        description="which two are merged next; pt is a chain from the hardest one on"
    )
    max_leaves: int = Field(
        ge=2, le=500, description="the hardest constituents; further ones are added to the nearest of these"
    )
    features: tuple[NodeFeature, ...] = Field(
        ("p", "eta", "phi", "energy", "energy_fraction", "pt", "theta"), min_length=1, description="of every node"
    )
    frame: Literal["jet", "detector"] = Field(
        "jet", description="where features are measured: jet has the jet at eta = phi = 0"
    )


# What the YAML calls each kind. A plain list of features is `flat`: one number an event each.
KINDS: dict[str, type[Shaped]] = {"padded": Sequence, "image": Image, "tree": Tree}


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
    Annotated[tuple[Name, ...], Field(min_length=1), Tag("flat")]
    | Annotated[Sequence, Tag("padded")]
    | Annotated[Image, Tag("image")]
    | Annotated[Tree, Tag("tree")],
    Discriminator(kind_of),
]
