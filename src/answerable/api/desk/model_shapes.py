"""What the console is told of the live model."""

from answerable.api.desk.shapes import Shape


class Share(Shape):
    """Of messages answered automatically, how many rightly: with its ends, each 95 % sure."""

    precision: float | None
    low: float
    high: float


class PartStanding(Share):
    """What training showed of one intent or language, each message judged as if not learnt.

    labelled: messages of it. coverage: how many of them are answered automatically and rightly.
    wanted: about how many more labels before it can be automatic; None: its errors must fall first.
    """

    name: str
    title: str | None
    labelled: int
    automatic: bool
    coverage: float | None
    wanted: int | None


class ModelStanding(Share):
    """asked: the precision asked of automatic answers. coverage: of `messages`, how many.

    trained_with, in_force: the intents and examples of the definition, by hash, as the model learnt
    them and as they are now. Where they differ the figures are of other intents. trained_with is
    None where it was trained without a definition. languages: those that are told apart.
    """

    model: str
    messages: int
    asked: float
    coverage: float
    trained_with: str | None
    in_force: str
    intents: list[PartStanding]
    languages: list[PartStanding]


class ModelPage(Shape):
    """standing: None before a process has loaded the model, or if it has no evaluation."""

    standing: ModelStanding | None
