"""How alike two sentences are in meaning, as the shipped encoder sees it."""

from answerable.understanding.encoder import NgramsOnly, load_encoder


def likeness(one: str, two: str) -> float:
    """Cosine, -1..1; 0 where the encoder is not built: n-grams see spelling, not meaning."""
    encoder = load_encoder()
    if isinstance(encoder, NgramsOnly):
        return 0.0
    vectors = encoder.encode([one, two])
    return float(vectors[0] @ vectors[1])
