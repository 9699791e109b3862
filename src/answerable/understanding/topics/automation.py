"""How much of a topic looks as if software could do it, and why. An estimate from how people did
it: whoever reads it knows what the letters do not tell."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.topics.answers import most_given
from answerable.understanding.topics.matter import Estimate, Matter, Share
from answerable.understanding.topics.request import folded

_OFTEN = 0.25  # part of the first replies, from which an answer is worth showing
FEWEST_ANSWERS = 3  # of a topic, before anything is said about a template
_DATA = (
    r"address|anschrift|adresse|direccion|domicilio|indirizzo|residenza|adres|morada|endereco|"
    r"wohnort|phone|mobile|telefon\w*|handy\w*|rufnummer|telephone|portable|numero|"
    r"telefono|movil|cellulare|"
    r"telefoon\w*|telefone|telemovel|e-?mail|surname|last name|family name|"
    r"maiden name|nachname\w*|namen?|"
    r"nom|apellidos?|cognome|achternaam|naam|apelido|bank details|account details|bankverbindung|"
    r"kontoverbindung|iban|coordonnees|rib|datos bancarios|coordinate bancarie|rekeningnummer|"
    r"date of birth|geburtsdatum|contact details|personal (?:data|details)|kontaktdaten|daten|"
    r"marketing|newsletter|consent|einwilligung|pin"
)
_CHANGING = (
    r"chang\w*|updat\w*|correct\w*|amend\w*|modif\w*|edit|replac\w*|new|moved|moving|"
    r"ander\w*|geandert\w*|aktualisier\w*|korrigier\w*|berichtig\w*|umgezogen|"
    r"umzug\w*|ziehe um|neue[nrs]?|"
    r"mettre a jour|mis a jour|demenag\w*|nouve\w*|corriger|rectifi\w*|"
    r"cambi\w*|actualiz\w*|mudad\w*|mudanza|nuev[oa]|corregir|"
    r"aggiorn\w*|traslocat\w*|trasferit\w*|nuov[oa]|correggere|"
    r"wijzig\w*|verander\w*|aanpassen|verhuis\w*|nieuwe?|"
    r"alterar|alteracao|mudar|mudei|mudanca|atualizar|nov[oa]|corrigir"
)
# Both within one thought: "I have a new address", not "new card … to my address".
_DATA_CHANGE = re.compile(
    rf"\b(?:{_CHANGING})\b(?:\W+\w+){{0,4}}?\W+(?:{_DATA})\b|"
    rf"\b(?:{_DATA})\b(?:\W+\w+){{0,4}}?\W+(?:{_CHANGING})\b|"
    r"\b(?:i(?: have| am|'ve|'m)? (?:just )?(?:moved|moving)|umgezogen|ziehe um|demenage|"
    r"me he mudado|mi sono trasferit\w|ben verhuisd|mudei de casa|got married|geheiratet)\b"
)
_FACT = re.compile(
    r"\?|\b(?:how|when|where|what|which|who|is it|are there|do you|does|can i|wie|"
    r"wann|wo|welche[rs]?|wer|"
    r"gibt es|kann ich|comment|quand|ou|quel(?:le)?s?|combien|est-ce|como|cuando|donde|cual|cuanto|"
    r"come|quando|dove|quale|quanto|hoe|wanneer|waar|welke|hoeveel|onde|qual)\b"
)
_SENSITIVE = {
    "fraud": r"fraud\w*|betrug\w*|betruger\w*|fraude\w*|frode|oplichting|stolen|"
    r"gestohlen|vole[es]?|"
    r"robad[oa]|rubat[oa]|gestolen|roubad[oa]|phishing|hacked|gehackt|scam\w*|unauthori[sz]ed|"
    r"nicht autorisiert\w*|did not make|don t recogni[sz]e",
    "complaint": r"complain\w*|beschwer\w*|reklamation|reclamation|plainte|queja|reclamo|reclami|"
    r"klacht\w*|reclamac\w*|unacceptable|inakzeptabel|inacceptable|ombuds\w*|lawyer|anwalt|avocat",
    "account-closure": r"(?:close|closing|cancel|delete|terminate)\W+(?:\w+\W+){0,3}account|"
    r"konto\w*\W+(?:\w+\W+){0,3}(?:schliess\w*|auflos\w*|kundig\w*|losch\w*)|"
    r"(?:kundig\w*|auflosung)\W+(?:\w+\W+){0,3}konto\w*|(?:cloturer|"
    r"fermer)\W+(?:\w+\W+){0,3}compte|"
    r"cerrar\W+(?:\w+\W+){0,3}cuenta|chiudere\W+(?:\w+\W+){0,3}conto|"
    r"rekening\W+(?:\w+\W+){0,3}(?:opzeggen|opheffen)|(?:fechar|encerrar)\W+(?:\w+\W+){0,3}conta",
}
_SENSITIVE_WORDS = {name: re.compile(rf"\b(?:{words})\b") for name, words in _SENSITIVE.items()}
_SENSITIVE_FROM = 0.1  # part of a topic's threads; one in ten is enough to be careful


def asks_for_change(text: str) -> bool:
    """Whether personal data is to be changed, as far as words tell."""
    return _DATA_CHANGE.search(folded(text)) is not None


def sensitive_word(matters: Sequence[Matter]) -> str | None:
    """What people must look at, if a tenth of the threads speak of it: most spoken of."""
    found: Counter[str] = Counter()
    for matter in matters:
        plain = folded(matter.text)
        found.update(name for name, words in _SENSITIVE_WORDS.items() if words.search(plain))
    most = found.most_common(1)
    enough = most and most[0][1] >= max(1, _SENSITIVE_FROM * len(matters))
    return most[0][0] if enough else None


def estimated(matters: Sequence[Matter], *, sensitive: bool) -> tuple[Estimate, int | None]:
    """What a topic looks like, and which of its matters had the answer that is given most.

    matters: at least one. sensitive: people must answer, however alike their answers were.
    """
    all_, answered = len(matters), [one for one in matters if one.replies]
    fits, best = _fitting(matters)
    change = np.array([asks_for_change(one.text) for one in matters])
    short = np.array([one.replies == 1 and one.later_mails <= 1 for one in matters])
    plain = np.array([not one.has_attachment for one in matters])
    template = fits & short & plain & ~change
    counts = {"template": int(template.sum()), "form": int(change.sum())}
    if sensitive:
        counts = dict.fromkeys(counts, 0)
    counts["person"] = all_ - sum(counts.values())
    parts = {name: count / all_ for name, count in counts.items()}
    of_answered = max(1, len(answered))
    reasons = (
        Share(name="answered", part=len(answered) / all_),
        Share(name="same-answer", part=int(fits.sum()) / of_answered),
        Share(name="one-exchange", part=int(short.sum()) / of_answered),
        Share(name="change-of-data", part=int(change.sum()) / all_),
        Share(name="question-of-fact", part=_facts(matters) / all_),
        Share(name="attachment", part=int((~plain).sum()) / all_),
    )
    kind = max(("person", "form", "template"), key=lambda name: counts[name])
    often = best is not None and fits.sum() >= _OFTEN * of_answered
    return Estimate(**parts, kind=kind, reasons=reasons), best if often else None


def _facts(matters: Sequence[Matter]) -> int:
    return sum(_FACT.search(folded(one.text)) is not None for one in matters)


def _fitting(matters: Sequence[Matter]) -> tuple[NDArray[np.bool_], int | None]:
    """(matters,): whose first reply is the one given most; nothing of few answers is shown."""
    fits = np.zeros(len(matters), dtype=np.bool_)
    rows = [row for row, one in enumerate(matters) if one.answer is not None]
    if len(rows) < FEWEST_ANSWERS:
        return fits, None
    signatures = np.stack([one.answer for one in matters if one.answer is not None])
    best, like = most_given(signatures)
    if like.sum() < FEWEST_ANSWERS:
        return fits, None
    fits[np.array(rows)[like]] = True
    return fits, rows[best]
