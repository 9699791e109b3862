"""A trained model: loads from a folder, understands texts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.encoder import load_encoder
from answerable.understanding.intent_reader import IntentReader, intent_arrays, intents_from
from answerable.understanding.kernel import largest, spans_of
from answerable.understanding.language import LanguageReader
from answerable.understanding.model_file import read_model, write_model
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.outcomes import Lines, lines_of
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import (
    has_letters,
    prepared,
    units,
    whole_share,
)
from answerable.understanding.scope import scope_features
from answerable.understanding.sketch import sketch
from answerable.understanding.spelling import Spelling
from answerable.understanding.telling import MOST_READ, most_telling
from answerable.understanding.tones import (
    Tones,
    likeliest,
    load_tones,
    most_urgent,
    sentiment,
    sounds,
)
from answerable.understanding.understanding import URGENCIES, IntentScore, Understanding

IN_SCOPE = 0.5
MENTIONED = 0.02  # intents less likely than this are left out, except the best
MOST_INTENTS = 5
DECIMALS = 4
TOGETHER = 64  # units, or as many more as the last text has


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cut:
    """A text in its plain form, and the units of it that are read; the first is the whole."""

    plain: str
    parts: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Units:
    """What was found about each unit; one row a unit in each of them.

    likely: how sure that it is in scope. scores, applies: (units, intents).
    """

    vectors: Matrix
    scores: Matrix
    cosines: Matrix
    applies: NDArray[np.bool_]
    likely: NDArray[np.float64]
    tones: Mapping[str, Matrix]

    def of(self, span: slice) -> "_Units":
        return _Units(
            vectors=self.vectors[span],
            scores=self.scores[span],
            cosines=self.cosines[span],
            applies=self.applies[span],
            likely=self.likely[span],
            tones={name: rows[span] for name, rows in self.tones.items()},
        )


@dataclass(frozen=True, kw_only=True)
class Model:
    """Understands messages; immutable, to be shared by threads.

    manifest: name, data hash, metrics and what else `train` wrote about it.
    drawn: thresholds that are known already, by precision.
    evaluation: what training showed, to be stored beside the model; not there in a loaded one.
    """

    manifest: Mapping[str, Any]
    intents: IntentReader
    tones: Tones
    languages: LanguageReader
    spelling: Spelling
    encoder: Encoder
    drawn: dict[float, NDArray[np.float64]] = field(default_factory=dict, repr=False, compare=False)
    drawn_lines: dict[float, Lines] = field(default_factory=dict, repr=False, compare=False)
    evaluation: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def precision(self) -> float:
        """The precision asked for where a call names none."""
        return float(self.manifest["precision"])

    @staticmethod
    def load(folder: Path, encoder: Encoder | None = None) -> "Model":
        """Read what `save` wrote.

        Raises InvalidInput for a damaged or foreign model, or one of another encoder than the
        given (default: the shipped) one.
        """
        manifest, arrays = read_model(folder)
        encoder = encoder or load_encoder()
        if manifest.get("encoder") != encoder.name:
            raise InvalidInput(
                "foreign_model",
                f"{folder} was trained with the encoder {manifest.get('encoder')!r}, here is"
                f" {encoder.name!r}: train again",
            )
        tones = load_tones(encoder)
        if manifest.get("tones") != tones.name:
            raise InvalidInput(
                "foreign_model",
                f"{folder} was trained beside the tones {manifest.get('tones')!r}, here are"
                f" {tones.name!r}: train again",
            )
        try:
            labels = tuple(str(label) for label in manifest["labels"])
            languages = [str(language) for language in manifest["languages"]]
            str(manifest["name"])
            drawn = {float(manifest["precision"]): arrays["intents.thresholds"]}
            intents = intents_from(arrays, labels)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidInput("damaged_model", f"{folder} lacks {error}: train again") from error
        return Model(
            manifest=manifest,
            intents=intents,
            tones=tones,
            languages=LanguageReader(languages),
            spelling=Spelling.from_arrays(arrays, "spelling", encoder.knows),
            encoder=encoder,
            drawn=drawn,
        )

    def save(self, folder: Path) -> None:
        arrays = {
            **intent_arrays(self.intents),
            **self.spelling.arrays("spelling"),
            # Drawing them takes half a second, which would be every start's.
            "intents.thresholds": self.thresholds(self.precision),
        }
        write_model(folder, self.manifest, arrays, self.evaluation)

    def understand(
        self,
        texts: Sequence[str],
        precision: float | None = None,
        *,
        scope: float = IN_SCOPE,
    ) -> list[Understanding]:
        """What each text means; a result depends on its own text only.

        precision: asked of automatic answers, 0..1. scope: from which one is in scope, 0..1.
        """
        asked = self.precision if precision is None else precision
        if not 0 < asked < 1:
            raise InvalidInput("invalid_precision", "precision must be between 0 and 1")
        found: list[Understanding] = []
        for group in _groups(map(self._cut, texts)):
            found += self._together(group, asked, scope)
        return found

    def thresholds(self, precision: float) -> NDArray[np.float64]:
        """(intents,): confidence from which each is automatic; above 1: never."""
        found = self.drawn.get(precision)
        if found is None:
            found = self.intents.held_out.thresholds(precision, len(self.intents.labels))
            self.drawn[precision] = found
        return found

    def lines(self, precision: float) -> Lines:
        """What an automatic answer must reach, by its intent and by its language."""
        found = self.drawn_lines.get(precision)
        if found is None:
            thresholds = self.thresholds(precision)
            found = lines_of(self.intents.held_out, thresholds, precision, self.languages.languages)
            self.drawn_lines[precision] = found
        return found

    @cached_property
    def _ngrams(self) -> Ngrams:
        return Ngrams(self.encoder.as_read)

    def _cut(self, text: str) -> _Cut:
        plain = prepared(text)
        return _Cut(plain=plain, parts=[self._mended(part) for part in units(plain)])

    def _mended(self, part: str) -> str:
        """As it was probably meant; the words of another language are not misspelt English."""
        return self.spelling.mended(part) if self.encoder.as_read(part) == part else part

    def _together(
        self, cuts: Sequence[_Cut], precision: float, scope: float
    ) -> Iterator[Understanding]:
        """Each step is taken for all texts before the next one: what it needs stays in the
        processor's cache, and what it costs beside its work is paid once."""
        cuts, said, toned = self._chosen(cuts)
        vectors = self._encoded([part for cut in cuts for part in cut.parts])
        intents = self.intents
        scores, cosines = intents.head.scores(vectors, said)
        units = _Units(
            vectors=vectors,
            scores=scores,
            cosines=cosines,
            applies=intents.confidence.of(scores) >= intents.confidence.applies_from,
            likely=self._likely(scores, cosines),
            tones=self.tones.probabilities(vectors, toned),
        )
        spans = spans_of([len(cut.parts) for cut in cuts])
        together = np.concatenate(
            [_of_whole(cut, scores[span]) for cut, span in zip(cuts, spans, strict=True)]
        )
        confidences = intents.confidence.of(together)
        for number, (cut, span) in enumerate(zip(cuts, spans, strict=True)):
            best = int(together[number].argmax()) if len(intents.labels) else -1
            yield self._said(cut, units.of(span), best, confidences[number], precision, scope)

    def _chosen(self, cuts: Sequence[_Cut]) -> tuple[list[_Cut], Matrix, Matrix]:
        """The units that are read, and what their spelling says: (units, intents), and of tones
        (units, labels)."""
        counts = [self._ngrams.counts(part) for cut in cuts for part in cut.parts]
        said = self.intents.head.gram_scores(counts)
        toned = self.tones.head.gram_scores(counts)
        if all(len(cut.parts) <= MOST_READ for cut in cuts):
            return list(cuts), said, toned
        about, sounds = self.intents.head.telling(counts, said), self.tones.telling(toned)
        chosen: list[_Cut] = []
        rows: list[int] = []
        for cut, span in zip(cuts, spans_of([len(cut.parts) for cut in cuts]), strict=True):
            kept = most_telling(about[span], sounds[span])
            chosen.append(_Cut(plain=cut.plain, parts=[cut.parts[row] for row in kept]))
            rows += [span.start + row for row in kept]
        return chosen, said[rows], toned[rows]

    def _encoded(self, parts: Sequence[str]) -> Matrix:
        """What is said twice is read once."""
        distinct = {part: row for row, part in enumerate(dict.fromkeys(parts))}
        return self.encoder.encode(list(distinct))[[distinct[part] for part in parts]]

    def _said(
        self,
        cut: _Cut,
        units: _Units,
        best: int,
        confidence: NDArray[np.float64],
        precision: float,
        scope: float,
    ) -> Understanding:
        readable, toned = has_letters(cut.plain), sounds(cut.plain, self.encoder)
        # Of the unit that is surest: greetings and a second matter take nothing away.
        likely = float(units.likely.max()) if readable and self.intents.labels else 0.0
        in_scope = likely >= scope
        tones = units.tones
        language = self.languages.language(cut.plain)
        return Understanding(
            intents=self._scored(
                confidence, np.asarray(units.applies.any(axis=0) & in_scope), best
            ),
            scope=_rounded(likely),
            in_scope=in_scope,
            automatic=in_scope
            and best >= 0
            and self.lines(precision).reached(best, float(confidence[best]), language),
            language=language,
            sentiment=_rounded(sentiment(tones["sentiment"])) if toned else 0.0,
            urgency=URGENCIES[most_urgent(tones["urgency"])] if toned else "normal",
            spam=_rounded(tones["spam"][0, 1]) if toned else 0.0,
            churn=_rounded(likeliest(tones["churn"])) if toned else 0.0,
            abuse=_rounded(likeliest(tones["abuse"])) if toned else 0.0,
            model=self.name,
            near=self.intents.learnt.nearest(_telling_cosines(units, best), self.intents.labels),
            sketch=sketch(units.vectors[0]) if readable else "",
        )

    def _likely(self, scores: Matrix, cosines: Matrix) -> NDArray[np.float64]:
        inside = self.intents.inside
        near, strange = largest(cosines[:, inside], 3), largest(cosines[:, ~inside], 1)
        features = scope_features(scores, near, strange)
        return self.intents.judge.scope(features)

    def _scored(
        self, confidence: NDArray[np.float64], apply: NDArray[np.bool_], best: int
    ) -> tuple[IntentScore, ...]:
        order = np.argsort(-confidence, kind="stable")[: MOST_INTENTS + 1].tolist()
        if best >= 0:  # equal after rounding or clipping, the score decides
            order = [best, *(number for number in order if number != best)]
        return tuple(
            IntentScore(
                name=self.intents.labels[number],
                confidence=_rounded(confidence[number]),
                applies=bool(apply[number]),
            )
            for number in order[:MOST_INTENTS]
            if number == best or apply[number] or confidence[number] >= MENTIONED
        )


def _groups(cuts: Iterable[_Cut]) -> Iterator[list[_Cut]]:
    """Of so many units that their cosines take a few megabytes."""
    group: list[_Cut] = []
    for cut in cuts:
        group.append(cut)
        if sum(len(one.parts) for one in group) >= TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _of_whole(cut: _Cut, scores: Matrix) -> Matrix:
    """(1, intents) of a text, from those of its units."""
    share = whole_share(cut.parts[0])
    return np.asarray(share * scores[:1] + (1 - share) * scores.max(axis=0, keepdims=True))


def _telling_cosines(units: _Units, best: int) -> Matrix:
    """(units, examples) of those units that explain the best intent: the whole and the one that
    speaks most for it. "Thanks" is like nothing so much as other thanks, and explains nothing."""
    if best < 0:
        return units.cosines
    rows = sorted({0, int(units.scores[:, best].argmax())})
    return np.asarray(units.cosines[rows])


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
