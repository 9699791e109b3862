"""Training of the heads beside the intents, from our own lists: once a process, not a tenant."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from answerable.understanding.calibration import fit_temperature
from answerable.understanding.fitting import Material, Tuning, fit
from answerable.understanding.label_head import HAM_OR_SPAM, MOODS, LabelHead
from answerable.understanding.lexicon_file import read_lexicon, read_vectors
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import as_one_line
from answerable.understanding.understanding import URGENCIES

MOST_HAM = 200  # of the tenant's own: a spam head is each tenant's, 1.6 kB of memory an example
# Chosen over sharpness 1-8, shares .1-1 and ridge .05-1; all lie close (benchmarks/heads.py).
TUNING = Tuning(sharpness=3.0, shares=(0.25, 0.25), ridge=0.1)
# Spam betrays itself by its words more than by its subject, which it shares with customers.
SPAM_TUNING = Tuning(sharpness=3.0, shares=(0.6, 0.6), ridge=0.1)


@lru_cache(maxsize=16)  # the lists are shipped: a process with many tenants fits them once
def label_head(lexicon: str, labels: tuple[str, ...], encoder: Encoder) -> LabelHead:
    """A head for the sentences of one of our lists, the same for all tenants."""
    return fitted_head(_lexicon(lexicon, labels, encoder), labels)


def fitted_head(material: Material, labels: tuple[str, ...], tuning: Tuning = TUNING) -> LabelHead:
    """A head for examples whose targets are (examples, labels), one of them 1."""
    fitted = fit(material, tuning)
    temperature = fit_temperature(fitted.held_out, material.targets)
    return LabelHead(labels=labels, temperature=temperature, head=fitted.head)


def spam_head(messages: Material, encoder: Encoder) -> LabelHead:
    """What customers write about, and how they feel about it, is not spam.

    messages: the tenant's own examples; those of an intent are ham, whatever words they share
    with spam.
    """
    step = max(1, -(-len(messages.targets) // MOST_HAM))
    rows = np.flatnonzero(messages.targets.sum(axis=1) > 0)[::step]
    ham = _as_ham(messages.part(rows))
    for name, labels in (("sentiment", MOODS), ("urgency", URGENCIES)):
        ham = joined(ham, _as_ham(_lexicon(name, labels, encoder)))
    return fitted_head(joined(own_spam(encoder), ham), HAM_OR_SPAM, SPAM_TUNING)


def own_spam(encoder: Encoder) -> Material:
    """Our own list of spam, and of customers' mails that look like it."""
    return _lexicon("spam", HAM_OR_SPAM, encoder)


def joined(one: Material, two: Material) -> Material:
    return Material(
        vectors=np.concatenate([one.vectors, two.vectors]),
        counts=[*one.counts, *two.counts],
        targets=np.concatenate([one.targets, two.targets]),
    )


@lru_cache(maxsize=16)
def _lexicon(name: str, labels: tuple[str, ...], encoder: Encoder) -> Material:
    pairs = read_lexicon(name)
    texts = [as_one_line(text) for _, text in pairs]
    ngrams = Ngrams()
    targets = np.zeros((len(pairs), len(labels)), dtype=np.float32)
    for row, (label, _) in enumerate(pairs):
        targets[row, labels.index(label)] = 1
    return Material(
        vectors=_vectors(name, texts, encoder),
        counts=[ngrams.counts(text) for text in texts],
        targets=targets,
    )


def _vectors(name: str, texts: list[str], encoder: Encoder) -> Matrix:
    found = read_vectors(name, encoder.name)
    if found is None or len(found) != len(texts):
        found = encoder.encode(texts)
    # As they are shipped: a model is the same whether they were at hand or not.
    return found.astype(np.float16).astype(np.float32)


def _as_ham(material: Material) -> Material:
    ham = np.tile(np.array([1, 0], dtype=np.float32), (len(material.counts), 1))
    return replace(material, targets=ham)
