"""Which encoder turns texts into vectors: the shipped one, a folder's, or one behind HTTP."""

from pathlib import Path

from answerable.kit.errors import InvalidInput
from answerable.processes.settings import PREFIX, Settings
from answerable.understanding.encoder import load_encoder
from answerable.understanding.endpoint_encoder import EndpointEncoder
from answerable.understanding.ports import Encoder

_known: dict[tuple[str, str, str], Encoder] = {}


def encoder_of(settings: Settings) -> Encoder:
    """One for all that this process does with the same settings.

    Raises InvalidInput for a folder without an encoder, or an endpoint without a model's name;
    ConnectorUnavailable or ConnectorRefused if the endpoint does not answer.
    """
    place = settings.get("ENCODER")
    if place is None:
        return load_encoder()
    if not place.startswith(("http://", "https://")):
        if not (Path(place) / "encoder.onnx").is_file():
            raise InvalidInput(
                "no_encoder",
                f"{PREFIX}ENCODER: {place} holds no encoder.onnx "
                "(docs/how-to/use-another-encoder.md)",
            )
        return load_encoder(Path(place))
    model, key = settings.get("ENCODER_MODEL"), settings.get("ENCODER_KEY")
    if model is None:
        raise InvalidInput("no_encoder", f"{PREFIX}ENCODER_MODEL must name the endpoint's model")
    chosen = (place, model, key or "")
    if chosen not in _known:
        _known[chosen] = EndpointEncoder(place, model=model, key=key)
    return _known[chosen]
