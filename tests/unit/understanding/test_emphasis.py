"""How much the encoder's middle layers count, and what is learnt where intents come together."""

import numpy as np
import pytest

from answerable.understanding.examples import Example
from answerable.understanding.fitting import Material, Tuning, fit
from answerable.understanding.kernel import KernelHead, emphasis_of, emphasised
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.train import chosen_tuning, distinct_rows, train

WHO, DOES = ("the bakery", "the harbour", "my sister"), ("opens late", "is noisy", "moves away")


def both(*, times: int) -> list[Example]:
    """Sentences that are each about somebody and about something."""
    starts = ("so", "well", "today", "hear this", "again", "as ever", "oh", "now", "listen")
    return [
        Example(text=f"{starts[n]} {who} {does}", intents=(who, does))
        for n in range(times)
        for who in WHO
        for does in DOES
    ]


def material_of(examples: list[Example], encoder: Encoder) -> Material:
    rows, ngrams = distinct_rows(examples), Ngrams()
    return Material(
        vectors=encoder.encode(rows.texts),
        counts=[ngrams.counts(text) for text in rows.texts],
        targets=rows.targets,
        parts=encoder.parts,
    )


def test_an_encoder_says_what_it_is_made_of(encoder: Encoder) -> None:
    assert sum(encoder.parts) == encoder.dimensions


def test_what_stands_beside_counts_as_many_times_as_asked() -> None:
    # Two texts, alike in the first part and not in the second, which by itself counts a third.
    second = np.eye(2) * 0.25**0.5
    texts = np.stack([np.concatenate([[0.75**0.5, 0], part]) for part in second])

    def cosine(beside: float) -> float:
        rows = emphasised(texts.astype(np.float32), emphasis_of((2, 2), beside))
        assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1])
        return float(rows[0] @ rows[1])

    assert cosine(1.0) == pytest.approx(0.75)
    assert cosine(6.0) == pytest.approx(0.75 / (0.75 + 6 * 0.25))


def test_a_head_compares_as_it_was_fitted_also_when_stored(encoder: Encoder) -> None:
    material = material_of(both(times=2), encoder)
    fitted = fit(material, Tuning(beside=4.0, ridge=1e-3))

    back = KernelHead.from_arrays(fitted.head.arrays("intents"), "intents")
    asked = material.vectors[:3], fitted.head.gram_scores(material.counts[:3])
    (scores, cosines), (again, _) = fitted.head.scores(*asked), back.scores(*asked)

    np.testing.assert_allclose(cosines.diagonal(), 1, atol=1e-3)
    np.testing.assert_allclose(scores, material.targets[:3], atol=0.05)
    assert scores.tobytes() == again.tobytes()


def test_a_head_of_an_earlier_recipe_compares_texts_as_the_encoder_gives_them(
    encoder: Encoder,
) -> None:
    material = material_of(both(times=2), encoder)
    head = fit(material, Tuning()).head
    earlier = head.arrays("intents")
    del earlier["intents.emphasis"]

    def scores(one: KernelHead) -> Matrix:
        return one.scores(material.vectors, one.gram_scores(material.counts))[0]

    assert scores(KernelHead.from_arrays(earlier, "intents")).tobytes() == scores(head).tobytes()


def test_intents_that_come_together_are_learnt_with_a_straighter_kernel(encoder: Encoder) -> None:
    def sharpness(examples: list[Example]) -> float:
        return chosen_tuning(material_of(examples, encoder), distinct_rows(examples), 0).sharpness

    few, many = both(times=1), both(times=9) * 2
    alone = [Example(text=one.text, intents=one.intents[:1]) for one in few]
    assert sharpness(few) < sharpness(alone)
    assert sharpness(many) < sharpness(alone)


def test_of_a_pair_that_was_never_seen_together_both_are_found(encoder: Encoder) -> None:
    taught = [row for row in both(times=9) if row.intents != (WHO[0], DOES[0])]
    model = train(taught, languages=["en"], encoder=encoder)

    (found,) = model.understand([f"{WHO[0]} {DOES[0]}"])

    assert {one.name for one in found.intents if one.confidence > 0.9} == {WHO[0], DOES[0]}
