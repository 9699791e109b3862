"""Training: from labelled examples to a model that knows how far it can be trusted."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.understanding.calibration import (
    HeldOut,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    softmax,
)
from answerable.understanding.confidence import (
    NO_INTENTS,
    fit_confidence,
    has_several,
    independent,
)
from answerable.understanding.encoder import load_encoder
from answerable.understanding.evaluation_file import evaluation_data
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.fitting import Fit, Material, Tuning, fit
from answerable.understanding.intent_reader import IntentReader
from answerable.understanding.kernel import KernelHead
from answerable.understanding.language import LanguageReader
from answerable.understanding.model import Model
from answerable.understanding.nearest import LearntExamples
from answerable.understanding.ngrams import Ngrams, Rarity
from answerable.understanding.outcomes import (
    Lines,
    Outcomes,
    held_out_outcomes,
    line_digest,
    lines_of,
)
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import as_one_line, has_letters
from answerable.understanding.recipe import PRECISION, RECIPE
from answerable.understanding.scope import UNFITTED, ScopeJudge, fit_scope, scope_features
from answerable.understanding.spelling import Spelling, words_of
from answerable.understanding.tones import load_tones
from answerable.understanding.version_report import version_report

MOST_EXAMPLES = 16_000  # memory grows with their square: a process takes 1.5 GB at this number
TUNED_ON = 1_500  # examples; enough to choose among so few settings (benchmarks/understanding.py)
FEW_EACH = 20  # examples an intent below which n-grams say little and held-out loss is mostly luck
MANY_TEXTS = 2_000
FEW_TUNING = Tuning(sharpness=3.0, shares=(0.05, 0.05), ridge=0.1)
# Where one message may have several intents, its score is a sum of what its words say, so the
# kernel is nearly a straight line.
FEW_SEVERAL_TUNING = Tuning(sharpness=0.5, shares=(0.05, 0.05), ridge=0.02)
_SHARES = (0.05, 0.1, 0.25)
_BESIDE = (1.0, 4.0)
_TUNINGS = tuple(
    Tuning(sharpness=sharpness, shares=(share, share), ridge=0.2, beside=beside)
    for sharpness in (2.0, 3.0)
    for share in _SHARES
    for beside in _BESIDE
)
_SEVERAL_TUNINGS = tuple(
    Tuning(sharpness=1.0, shares=(share, share), ridge=0.05, beside=beside)
    for share in _SHARES
    for beside in _BESIDE
)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Distinct texts in the order of first appearance; targets (texts, labels) share out what
    contradicting copies of one text say. described: not a customer's own words. taught: the encoder
    was tuned on them."""

    texts: list[str]
    labels: tuple[str, ...]
    targets: Matrix
    described: NDArray[np.bool_]
    taught: NDArray[np.bool_]
    contradictions: int

    @property
    def telling(self) -> NDArray[np.bool_]:
        """(texts,): how well it is read while held out says how well others are."""
        return ~(self.described | self.taught)


def train(
    examples: Sequence[Example],
    *,
    languages: Sequence[str] = (),
    precision: float = PRECISION,
    encoder: Encoder | None = None,
    seed: int = 0,
    definition: str | None = None,
) -> Model:
    """A model of all intents named in `examples`; the same input gives the same model.

    languages: ISO 639-1, the default first; none: whatever language a text is in.
    definition: `data_hash` of those examples that a definition has, for the manifest.

    Without an example that names an intent nothing is in scope, and everything is for people.
    """
    encoder = encoder or load_encoder()
    rows = distinct_rows([*sampled(examples, seed), *named_intents(examples)], encoder.learnt)
    ngrams = Ngrams(encoder.as_read)
    material = Material(
        vectors=encoder.encode(rows.texts),
        counts=[ngrams.counts(text) for text in rows.texts],
        targets=rows.targets,
        parts=encoder.parts,
    )
    tuning = chosen_tuning(material, rows, seed) if rows.labels else FEW_TUNING
    reader = LanguageReader(languages)
    intents = _no_intents(encoder)
    if rows.labels:
        intents = _intents(fit(material, tuning), rows, reader.numbers(rows.texts))
    tones = load_tones(encoder)
    made_with = {"encoder": encoder.name, "tones": tones.name}
    shown, lines, answered = _held_out(rows, intents, precision, reader.languages)
    report = version_report(shown, lines, precision, answered=answered)
    manifest = _manifest(examples, rows, tuning, languages, precision, made_with) | {
        "definition_data_sha256": definition,
        "metrics": held_out_metrics(shown, lines, answered),
    }
    return Model(
        manifest=manifest,
        intents=intents,
        tones=tones,
        languages=reader,
        spelling=_spelling(rows.texts, encoder),
        encoder=encoder,
        drawn={precision: lines.intents},
        evaluation=evaluation_data(shown, report),
    )


def _spelling(texts: Sequence[str], encoder: Encoder) -> Spelling:
    # In a large set what only one text has may be misspelt itself.
    least = 2 if len(texts) >= MANY_TEXTS else 1
    return Spelling(words=words_of(texts, least=least), is_known=encoder.knows)


def named_intents(examples: Sequence[Example]) -> list[Example]:
    """The names, as words, of intents that have few examples and nothing that describes them."""
    said = Counter(name for example in examples for name in example.intents)
    described = {name for example in examples if example.described for name in example.intents}
    return [
        Example(text=text, intents=(name,), described=True)
        for name, number in sorted(said.items())
        if number < FEW_EACH
        and name not in described
        and has_letters(text := name.replace("-", " ").replace("_", " "))
    ]


def sampled(examples: Sequence[Example], seed: int) -> Sequence[Example]:
    """All of them, or as many as a fit has memory for, by chance."""
    if len(examples) <= MOST_EXAMPLES:
        return examples
    chosen = np.random.default_rng(seed).choice(len(examples), MOST_EXAMPLES, replace=False)
    return [examples[place] for place in np.sort(chosen).tolist()]


def distinct_rows(examples: Sequence[Example], taught: Collection[str] = frozenset()) -> Rows:
    """What is learnt from: each text once, as one line. taught: digests."""
    labels = tuple(sorted({name for example in examples for name in example.intents}))
    number = {name: place for place, name in enumerate(labels)}
    said: dict[str, list[Example]] = {}
    for example in examples:
        text = as_one_line(example.text)
        if text:
            said.setdefault(text, []).append(example)
    targets = np.zeros((len(said), len(labels)), dtype=np.float32)
    for row, copies in enumerate(said.values()):
        for example in copies:
            for name in example.intents:
                targets[row, number[name]] += np.float32(1 / len(copies))
    return Rows(
        texts=list(said),
        labels=labels,
        targets=targets,
        described=np.array(
            [all(one.described for one in copies) for copies in said.values()], dtype=np.bool_
        ),
        taught=np.array([line_digest(text) in taught for text in said], dtype=np.bool_),
        contradictions=sum(len({one.intents for one in copies}) > 1 for copies in said.values()),
    )


def chosen_tuning(material: Material, rows: Rows, seed: int) -> Tuning:
    """The setting with the least log loss on held-out messages; the plain one if too few."""
    usable = np.flatnonzero(rows.telling)
    several = has_several(rows.targets[usable])
    if len(usable) < FEW_EACH * len(rows.labels):
        return FEW_SEVERAL_TUNING if several else FEW_TUNING
    if len(usable) > TUNED_ON:
        chosen = np.random.default_rng(seed).choice(usable, TUNED_ON, replace=False)
        material = material.part(np.sort(chosen))
    tunings = _SEVERAL_TUNINGS if several else _TUNINGS
    loss = _loss_of_several if several else _loss_of_one
    losses = [loss(fit(material, tuning).held_out, material.targets) for tuning in tunings]
    return tunings[int(np.argmin(losses))]


def _loss_of_one(held_out: Matrix, targets: Matrix) -> float:
    labelled = targets.sum(axis=1) > 0
    truth = targets[labelled] / targets[labelled].sum(axis=1, keepdims=True)
    scores = held_out[labelled]
    return log_loss(softmax(scores, fit_temperature(scores, truth)), truth)


def _loss_of_several(held_out: Matrix, targets: Matrix) -> float:
    likely = independent(held_out, targets).of(held_out).astype(np.float32)
    return log_loss(likely, targets) + log_loss(1 - likely, 1 - targets)


def _intents(fitted: Fit, rows: Rows, languages: NDArray[np.int8]) -> IntentReader:
    """languages: (texts,), number of each."""
    inside = rows.targets.sum(axis=1) > 0
    spoken = rows.telling
    confidence = fit_confidence(fitted.held_out[spoken], rows.targets[spoken])
    judge = _scope_judge(fitted, inside, spoken, ~rows.taught)
    probabilities = confidence.of(fitted.held_out[spoken])
    best = fitted.held_out[spoken].argmax(axis=1)
    place = np.arange(len(best))
    in_scope = judge.scope(_features(fitted)[spoken])
    # What would not count as in scope is not answered automatically, so it proves nothing.
    sure = np.where(in_scope >= 0.5, probabilities[place, best], 0.0)
    return IntentReader(
        labels=rows.labels,
        head=fitted.head,
        confidence=confidence,
        judge=judge,
        inside=inside,
        held_out=HeldOut(
            confidence=sure,
            best=best,
            correct=rows.targets[spoken][place, best] >= 0.5,
            language=languages[spoken],
        ),
        learnt=LearntExamples.of(rows.texts, rows.targets),
    )


def _no_intents(encoder: Encoder) -> IntentReader:
    """What is known of none."""
    no_numbers = np.zeros(0, dtype=np.int32)
    head = KernelHead(
        sharpness=FEW_TUNING.sharpness,
        shares=FEW_TUNING.shares,
        emphasis=np.ones(encoder.dimensions, dtype=np.float32),
        centres=np.zeros((0, encoder.dimensions), dtype=np.float32),
        pull=np.zeros((0, 0), dtype=np.float32),
        rarity=Rarity(buckets=no_numbers, weights=np.zeros(0, dtype=np.float32)),
        gram_buckets=no_numbers,
        gram_pull=np.zeros((0, 0), dtype=np.float16),
    )
    return IntentReader(
        labels=(),
        head=head,
        confidence=NO_INTENTS,
        judge=UNFITTED,
        inside=np.zeros(0, dtype=np.bool_),
        held_out=HeldOut(
            confidence=np.zeros(0), best=no_numbers.astype(np.int64), correct=np.zeros(0, np.bool_)
        ),
        learnt=LearntExamples.of([], np.zeros((0, 0), dtype=np.float32)),
    )


def _scope_judge(
    fitted: Fit,
    inside: NDArray[np.bool_],
    spoken: NDArray[np.bool_],
    fresh: NDArray[np.bool_],
) -> ScopeJudge:
    said = _features(fitted)
    known, strange = said[spoken & inside], said[spoken & ~inside]
    unknown = []
    if fitted.targets.shape[1] > 1:
        neighbours = fitted.neighbours
        for number in range(fitted.targets.shape[1]):
            mine, scores = fitted.without_intent(number)
            # A message with a second intent would still be in scope without this one.
            only = np.flatnonzero(((fitted.targets[mine] > 0).sum(axis=1) == 1) & fresh[mine])
            near, far = neighbours.apart[mine[only]], neighbours.strange[mine[only]]
            unknown.append(scope_features(scores[only], near, far))
    return fit_scope(known, np.concatenate(unknown) if unknown else known[:0], strange)


def _features(fitted: Fit) -> NDArray[np.float64]:
    """Of each example held out."""
    neighbours = fitted.neighbours
    return scope_features(fitted.held_out, neighbours.known, neighbours.strange)


def _manifest(
    examples: Sequence[Example],
    rows: Rows,
    tuning: Tuning,
    languages: Sequence[str],
    precision: float,
    made_with: Mapping[str, str],
) -> dict[str, Any]:
    learnt = data_hash(examples)
    identity = canonical_json([RECIPE, learnt, dict(made_with), list(languages), precision])
    return {
        "name": f"m{RECIPE}-{sha256_hex(identity)[:12]}",
        "recipe": RECIPE,
        "data_sha256": learnt,
        **made_with,
        "languages": list(languages),
        "precision": precision,
        "labels": list(rows.labels),
        "examples": len(examples),
        "contradictions": rows.contradictions,
        "tuning": {
            "sharpness": tuning.sharpness,
            "shares": list(tuning.shares),
            "ridge": tuning.ridge,
            "beside": tuning.beside,
        },
    }


def _held_out(
    rows: Rows, intents: IntentReader, precision: float, languages: Sequence[str]
) -> tuple[Outcomes, Lines, NDArray[np.bool_]]:
    """What the training data itself shows, each message judged as if not learnt from; and which
    messages are automatic, by lines drawn without them."""
    spoken = np.flatnonzero(rows.telling) if rows.labels else np.zeros(0, dtype=np.int64)
    texts = [rows.texts[row] for row in spoken.tolist()]
    held_out = intents.held_out
    shown = held_out_outcomes(rows.labels, held_out, rows.targets[spoken], texts, languages)
    # A line drawn with a message would pass between it and its intent's other mistakes.
    thresholds, without = held_out.shown(precision, len(rows.labels))
    lines = lines_of(held_out, thresholds, precision, languages)
    return shown, lines, without & shown.reach_language(lines)


def held_out_metrics(
    shown: Outcomes, lines: Lines, answered: NDArray[np.bool_]
) -> dict[str, float | int]:
    """Figures of `shown` where the `answered` messages are automatic."""
    if not len(shown.best):
        return {"messages": 0}
    right = int((shown.correct & answered).sum())
    return {
        "messages": len(shown.best),
        "accuracy": round(float(shown.correct.mean()), 4),
        "ece": round(expected_calibration_error(shown.confidence, shown.correct), 4),
        "coverage": round(float(answered.mean()), 4),
        "precision": round(right / max(int(answered.sum()), 1), 4),
        "intents_automatic": int((lines.intents <= 1).sum()),
    }
