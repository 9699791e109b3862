"""The sentences of a mail that carry what its writer wants, without greeting and farewell."""

import re
import unicodedata

from answerable.understanding.prepare import has_letters
from answerable.understanding.topics.stop_words import STOP_WORDS

MOST_WORDS = 45  # of a request; what an encoder reads in five milliseconds
MOST_CHARACTERS = 320
_MOST_READ = 6_000  # characters of a mail
_LATE = 14  # lines from the end, within which a farewell is one

_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings|to whom|"
    r"hallo|guten (?:tag|morgen|abend)|moin|servus|grüezi|sehr geehrte|liebe[rs]?|werte|"
    r"bonjour|bonsoir|cher|chère|madame|monsieur|hola|buen[oa]s|estimad[oa]s?|"
    r"buongiorno|buonasera|salve|gentil[ei]|egregi|spett|goede|geachte|beste|dag|"
    r"olá|bom dia|boa (?:tarde|noite)|prezad[oa]s?|car[oa]s?)\b"
    r"(?:(?:,? \S{1,30}){0,3}[,.!:]?|(?:,? \S{1,30}){4,7}[,!:])$",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"^\W*(?:(?:many |with )?(?:kind|best|warm|kindest|warmest)(?:est)? (?:regards|wishes)|regards|"
    r"best|cheers|yours (?:sincerely|faithfully|truly)|sincerely|many thanks|"
    r"thanks(?: again| a lot|"
    r" in advance| so much| very much)?|thank you(?: very much| in advance| so much)?|"
    r"(?:mit )?(?:freundlichen?|besten?|vielen|herzlichen?|lieben?|"
    r"schönen?) (?:grüßen?|gruß|grüssen?|"
    r"gruss|dank)|viele grüße|liebe grüße|mfg|lg|vg|danke(?: schön| im voraus)?|gruß|"
    r"(?:bien )?cordialement|(?:meilleures )?salutations|bien à vous|"
    r"merci(?: d['’]avance| beaucoup)?|"
    r"(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|(?:muchas )?gracias|"
    r"(?:cordiali|distinti) saluti|saluti|(?:molte )?grazie|"
    r"(?:met )?vriendelijke groet(?:en)?|groet(?:en|jes)?|"
    r"(?:bij voorbaat )?dank|(?:com os melhores )?cumprimentos|atenciosamente|"
    r"(?:muito )?obrigad[oa])\b"
    r"[^?]{0,50}$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_ASKS = re.compile(
    r"\?|\b(?:please|can you|could you|would you|can i|how|when|where|what|why|which|i need|i want|"
    r"i(?: woul|['’])d like|i wish|help|bitte|können sie|könnten sie|kann ich|wie|"
    r"wann|wo|warum|wieso|"
    r"welche[rs]?|ich (?:möchte|brauche|will|bitte)|veuillez|pouvez|pourriez|puis-je|comment|quand|"
    r"pourquoi|je (?:voudrais|souhaite|veux)|puede|podría|cómo|cuándo|dónde|quiero|"
    r"quisiera|necesito|"
    r"potete|potrebbe|come|quando|vorrei|ho bisogno|kunt u|kan ik|hoe|wanneer|waarom|ik wil|graag|"
    r"pode|poderia|gostaria|preciso|quero)\b",
    re.IGNORECASE,
)
_ANSWER_MARK = re.compile(
    r"^\s*(?:re|aw|fw|fwd|wg|sv|tr|rv|r|i|vs|antw|enc)\s*(?:\[\d+\])?\s*:\s*", re.I
)
_TAG = re.compile(r"\[[^\]]{0,40}\]|\(?#\s?\d[\w-]*\)?")
# What a subject may consist of without saying anything, beside stop words.
_SAYS_NOTHING = """request inquiry enquiry query questions urgent important message contact info
information subject none form website nachricht wichtig dringend betreff kontakt kontaktformular
formular demande aide objet consulta asunto mensaje contacto richiesta oggetto messaggio contatto
onderwerp bericht assunto mensagem contato"""
_NO_SUBJECT = STOP_WORDS | frozenset(_SAYS_NOTHING.split())


def bare_subject(subject: str) -> str:
    """Without marks of answering and forwarding, and without other systems' numbers."""
    bare = subject
    while (shorter := _ANSWER_MARK.sub("", bare, count=1)) != bare:
        bare = shorter
    return " ".join(_TAG.sub(" ", bare).split())


def is_answer(subject: str) -> bool:
    return _ANSWER_MARK.match(subject) is not None


def body_sentences(text: str) -> list[str]:
    """What is written between greeting and farewell, sentence by sentence."""
    lines = [" ".join(line.split()) for line in text[:_MOST_READ].split("\n")]
    lines = [line for line in lines if line and not line.startswith(">")]
    while len(lines) > 1 and _GREETING.match(lines[0]):
        del lines[0]
    for at in range(max(1, len(lines) - _LATE), len(lines)):
        if _FAREWELL.match(lines[at]):
            del lines[at:]
            break
    joined = _joined_lines(lines)
    return [part.strip() for part in _SENTENCE_END.split(joined) if has_letters(part)]


def request_of(subject: str, text: str) -> str:
    """The subject, if it says something, and the sentences that ask; one line, not long.

    Empty if the mail says nothing. subject, text: masked.
    """
    sentences = body_sentences(text)
    bare = bare_subject(subject)
    words = [word for word in re.findall(r"\w+", folded(bare)) if word not in _NO_SUBJECT]
    told = set(re.findall(r"\w+", folded(" ".join(sentences))))
    if any(has_letters(word) and word not in told for word in words):
        sentences = [bare if bare[-1] in ".!?" else f"{bare}.", *sentences]
    return _shortened(" ".join(_asking(sentences)))


def folded(text: str) -> str:
    """In lower case and without accents."""
    spread = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(one for one in spread if not unicodedata.combining(one))


def _joined_lines(lines: list[str]) -> str:
    """A line that was wrapped goes on; a short one ends a thought."""
    out: list[str] = []
    for line in lines:
        if out and len(out[-1]) >= 50 and out[-1][-1] not in ".!?:":
            out[-1] = f"{out[-1]} {line}"
        else:
            out.append(line)
    return "\n".join(out)


def _asking(sentences: list[str]) -> list[str]:
    """The sentences that ask most, in their own order, until there are words enough."""
    lengths = [len(one.split()) for one in sentences]
    if sum(lengths) <= MOST_WORDS:
        return sentences
    scores = [
        2.0 * bool(_ASKS.search(one)) + 1.5 * (at == 0) + 0.5 * (at == 1) - 2.0 * (length < 3)
        for at, (one, length) in enumerate(zip(sentences, lengths, strict=True))
    ]
    chosen: list[int] = []
    room = MOST_WORDS
    for at in sorted(range(len(sentences)), key=lambda at: (-scores[at], at)):
        if not chosen or lengths[at] <= room:
            chosen.append(at)
            room -= lengths[at]
    return [sentences[at] for at in sorted(chosen)]


def _shortened(text: str) -> str:
    words = text.split()
    if len(words) > 2 * MOST_WORDS:
        text = f"{' '.join(words[: 2 * MOST_WORDS])} …"
    if len(text) <= MOST_CHARACTERS:
        return text
    # Not within a handle: `<name:1` would be no handle any more.
    kept = text[:MOST_CHARACTERS]
    if kept.rfind("<") > kept.rfind(">"):
        kept = kept[: kept.rfind("<")]
    return f"{kept.rstrip()} …"
