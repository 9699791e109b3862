"""The new part of a mail: without the mail it answers and without the signature.

Rules on lines, in the languages and mail programs people use; the original text is kept by whoever
calls this. Two promises: text between quoted lines (answers given point by point) stays with the
lines it answers, and a mail that is nothing but a quotation or a forward is left whole.
"""

import re
from dataclasses import dataclass

_DATE = r"(?:\d{1,4}[./-]\d{1,2}|\d{1,2}:\d{2}|\d{1,2}[.h]\d{2}|\d{4}|\b\d{1,2}\b)"
_ADDRESS = r"(?:[\w.+-]+@[\w.-]+|<[^<>]{0,200}>)"

# One line (after joining wrapped ones) that announces the quoted mail. Each must name a time or an
# address, so that a customer's own sentence is not taken for one.
_ANNOUNCEMENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^(?:-+ )?on\b.{{0,300}}{_DATE}.{{0,300}}\bwrote\s*(?::|-{{2,}})",
        rf"^(?:on)\b.{{0,300}}{_ADDRESS}.{{0,40}}\bwrote\s*:",
        rf"^.{{0,120}}{_ADDRESS}\s*wrote(?: on .{{0,60}}{_DATE}.{{0,60}})?\s*:$",
        rf"^(?:am|on|den)\b.{{0,300}}{_DATE}.{{0,300}}\bschrieb\b.{{0,200}}:$",
        rf"^.{{0,120}}\bschrieb am\b.{{0,200}}{_DATE}.{{0,200}}:$",
        rf"^(?:le|on)\b.{{0,300}}{_DATE}.{{0,300}}\ba écrit\s*:$",
        rf"^.{{0,200}}{_ADDRESS}.{{0,40}}\ba écrit\s*:$",
        rf"^(?:el|on)\b.{{0,300}}{_DATE}.{{0,300}}\bescribi(?:ó|o)\s*:$",
        rf"^(?:il|in data|on)\b.{{0,300}}{_DATE}.{{0,300}}\bha scritto\s*:$",
        rf"^.{{0,200}}{_ADDRESS}.{{0,40}}\bha scritto\s*:$",
        rf"^(?:em|no dia|a)\b.{{0,300}}{_DATE}.{{0,300}}\b(?:escreveu|escreveu o seguinte)\s*:$",
        rf"^op\b.{{0,300}}{_DATE}.{{0,300}}\b(?:schreef|geschreven)\b.{{0,200}}:$",
        rf"^.{{0,200}}{_DATE}.{{0,200}}\bnapisał(?:\(a\)|a|\(-a\))?\s*:$",
        rf"^(?:den|på|on)\b.{{0,300}}{_DATE}.{{0,300}}\bskrev\b.{{0,200}}:$",
        rf"^.{{0,200}}{_DATE}.{{0,200}}\bkirjoitti\s*:$",
        rf"^.{{0,200}}{_DATE}.{{0,200}}(?:написал(?:\(а\)|а)?|пише|пишет)\s*:$",
        rf"^.{{0,200}}{_DATE}.{{0,200}}\b(?:napsala?|napsal\(a\)|napísal)\s*:$",
        rf"^.{{0,200}}{_DATE}.{{0,200}}\b(?:írta|a scris|yazdı|έγραψε|написа)\b.{{0,80}}:$",
        rf"^.{{0,100}}{_DATE}.{{0,200}}(?:写道|寫道|のメッセージ|wrote|작성)\s*[::]$",
        # a date and an address, and nothing else: Gmail in languages without a verb, Yandex
        r"^\W{0,3}(?:\w{1,5}[,.]? )?\d{1,4}(?!\d).{0,120}\d.{0,120}<[^<>\s]+@[^<>\s]+>\s*:$",
        r"^\W{0,3}\d{1,4}/\d{1,2}/\d{1,4}.{0,120}<[^<>\s]+@[^<>\s]+>:?$",
    )
)
# These may begin with any word, so a line of own text above could be taken for their beginning.
_LOOSE = frozenset(one for one in _ANNOUNCEMENTS if not one.pattern.startswith("^(?:"))
_SEPARATOR = re.compile(
    r"^\s*(?:[-_=*]{2,}\s*)(?:original message|original-nachricht|original appointment|"
    r"ursprüngliche nachricht|urspr\. nachricht|weitergeleitete nachricht|forwarded message|"
    r"message d'origine|message d’origine|message original|message transféré|mensaje original|"
    r"mensaje reenviado|messaggio originale|messaggio inoltrato|mensagem original|"
    r"mensagem encaminhada|oorspronkelijk bericht|doorgestuurd bericht|origineel bericht|"
    r"oryginalna wiadomość|wiadomość oryginalna|originalmeddelande|ursprungligt meddelande|"
    r"oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|původní zpráva|"
    r"пересылаемое сообщение|исходное сообщение|özgün ileti|reply message|forwarded by)\b.*$",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"forwarded|weitergeleitete|transféré|reenviado|inoltrato|encaminhada|doorgestuurd|"
    r"пересылаемое|vidarebefordrat",
    re.IGNORECASE,
)
_BEGIN_FORWARD = re.compile(
    r"^\W*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|"
    r"début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|"
    r"inizio messaggio inoltrato|begin doorgestuurd bericht)\s*:\s*$",
    re.IGNORECASE,
)
_HEADER_LINE = re.compile(
    r"^[\s*>]{0,8}(?P<name>from|sent|date|to|cc|subject|reply-to|von|gesendet|datum|an|kopie|betreff|"
    r"de|envoyé(?: le)?|date d'envoi|à|objet|enviado(?: el)?|fecha|para|asunto|da|inviato|data|a|"
    r"oggetto|enviada(?: em)?|assunto|van|verzonden|aan|onderwerp|från|skickat|till|ämne|fra|sendt|"
    r"til|emne|od|wysłano|do|temat|lähettäjä|lähetetty|vastaanottaja|aihe|от|отправлено|дата|кому|"
    r"тема|kimden|gönderilen|kime|konu|odesláno|komu|předmět|répondre à|antwort an)\s?\*{0,2}"
    r"\s?:\*{0,2}\s*(?P<value>.*)$",
    re.IGNORECASE,
)
_SENDER_NAMES = frozenset(
    "from von de da van från fra od lähettäjä от kimden".split()  # noqa: SIM905
)
_RULE = re.compile(r"^\s*[-_=─—–*]{10,}\s*$")
_SIGNATURE_MARK = re.compile(r"^(?:--|—|––|—{3,}|-{3,5}|_{3,9}|–{3,})\s*$")
_DEVICE = re.compile(
    r"^\W{0,3}(?:sent (?:from|via|with|using)|get outlook for|von meinem .{1,40} gesendet|"
    r"(?:diese nachricht wurde )?gesendet (?:von|mit|über|via)|"
    r"envoyé (?:de|depuis|à partir de|avec)|enviado (?:desde|do|de|con|a partir do)|"
    r"inviato (?:da|con|dal)|verzonden (?:vanaf|met|van|via)|verstuurd vanaf|"
    r"wysłan[eoy] z|skickat från|sendt fra|lähetetty|отправлено с|"
    r"hol dir outlook|obtenez outlook|obtener outlook|ottieni outlook|"
    r"outlook (?:for|für|pour|para|per) (?:ios|android))\b(?P<what>.{0,90})$",
    re.IGNORECASE,
)
# "Sent from my desk, is much easier than my phone" is a sentence; a device line names its device
_DEVICE_NAME = re.compile(
    r"(?:iphone|ipad|ipod|android|blackberry|samsung|galaxy|huawei|xiaomi|nokia|sony|htc|lg|pixel|"
    r"outlook|yahoo|gmx|web\.de|gmail|mail|thunderbird|sparrow|smartphone|handy|mobile|mobil|phone|"
    r"tablet|device|telefon|telefono|téléphone|móvil|celular|telefoon|gerät|proton ?mail|windows|"
    r"айфон|телефон|k-9|fairmail|airmail|spark|hey|superhuman|mac|nexus|motorola|oneplus)",
    re.IGNORECASE,
)


_SIGNATURE_LINES_MOST = 60  # with empty lines; written ones are counted in `_is_signature`
_ANNOUNCED_MOST = 5  # each costs a look at the whole rest


def reply_text(text: str) -> str:
    """What the sender wrote this time. Never empty unless `text` is blank.

    Linear in the length of `text`; every line longer than 2,000 characters counts as own text.
    """
    lines = [line.rstrip() for line in text.replace("\xa0", " ").split("\n")]
    end, is_forward = _end_of_own_text(lines)
    own = _without_signature(_without_trailing_quotes(lines[:end]))
    if not any(line.strip() for line in own):
        below = [] if is_forward else _below_quote(lines, end)
        if not below:
            return text.strip()
        own = below
    return "\n".join(own).strip("\n").strip() or text.strip()


@dataclass(frozen=True, slots=True)
class _Announcement:
    first: int
    after: int


def _end_of_own_text(lines: list[str]) -> tuple[int, bool]:
    """Index of the first line of the quoted mail, and whether that mail was forwarded."""
    announced = 0
    for index, line in enumerate(lines):
        if not line.strip() or len(line) > 2000:
            continue
        if _SEPARATOR.match(line) or _BEGIN_FORWARD.match(line):
            return index, bool(_FORWARD.search(line))
        if _opens_header_block(lines, index):
            return _rule_above(lines, index), False
        found = _announcement(lines, index)
        if found is None:
            continue
        announced += 1
        if announced > _ANNOUNCED_MOST or not _answers_below(lines, found.after):
            return index, False
    return len(lines), False


def _announcement(lines: list[str], index: int) -> _Announcement | None:
    """Is there "On … wrote:" at this line, perhaps wrapped over up to three?"""
    joined = ""
    for after in range(index, min(index + 3, len(lines))):
        piece = lines[after].lstrip("> ").strip()
        if not piece or len(piece) > 500:
            return None
        joined = f"{joined}{'' if joined.endswith('<') else ' '}{piece}" if joined else piece
        # all of them end like this, and nearly no other line does: the patterns are dear
        if not piece.endswith((":", ">", "--", "\uff1a")):
            continue
        found = next((p for p in _ANNOUNCEMENTS if p.search(joined)), None)
        if found is not None:
            later = _announcement(lines, index + 1) if after > index else None
            if later is not None and (found in _LOOSE or _is_strict(lines[index + 1])):
                return None  # own text, and the announcement after it
            return _Announcement(index, after + 1)
    return None


def _is_strict(line: str) -> bool:
    """Does an announcement that says so with its first word begin here?"""
    return bool(re.match(r"[>\s]*(?:on|am|le|el|il|em|op|den|w dniu|dnia)\b", line, re.IGNORECASE))


def _answers_below(lines: list[str], start: int) -> bool:
    """Own text after quoted lines that follow an announcement: answers point by point.

    Not if the quoted mail came without ">" marks: then nobody can tell the two apart.
    """
    following = [line for line in lines[start:] if line.strip()]
    if not following or not following[0].lstrip().startswith(">"):
        return False
    own = [line for line in _without_signature(following) if not line.lstrip().startswith(">")]
    wrapped = _wrapped_quote_lines(following)
    return len(own) > wrapped


def _wrapped_quote_lines(lines: list[str]) -> int:
    """Lines without ">" that directly go on a quoted one and are followed by one: wrapped text."""
    count = 0
    for before, line, after in zip(lines, lines[1:], [*lines[2:], ""], strict=False):
        marked = [one.lstrip().startswith(">") for one in (before, line, after)]
        if marked == [True, False, True] and len(before) > 60:
            count += 1
    return count


def _opens_header_block(lines: list[str], index: int) -> bool:
    """From, Sent, To, Subject in lines below each other: Outlook and its relatives."""
    first = _HEADER_LINE.match(lines[index])
    if first is None:
        return False
    names = {first["name"].lower()}
    for line in lines[index + 1 : index + 8]:
        if not line.strip():
            continue
        match = _HEADER_LINE.match(line)
        if match is None:
            break
        names.add(match["name"].lower())
    starts_with_sender = first["name"].lower() in _SENDER_NAMES
    return len(names) >= 3 and (starts_with_sender or bool(names & _SENDER_NAMES))


def _rule_above(lines: list[str], index: int) -> int:
    above = index
    while above and not lines[above - 1].strip():
        above -= 1
    return above - 1 if above and _RULE.match(lines[above - 1]) else index


def _without_trailing_quotes(lines: list[str]) -> list[str]:
    """Quoted lines at the end answer nothing, unless they are all there is."""
    kept = list(lines)
    while kept and (not kept[-1].strip() or kept[-1].lstrip().startswith(">")):
        kept.pop()
    if kept and kept != lines and _announcement_ends(kept):
        kept = kept[: _announcement_ends(kept)]
    return kept


def _announcement_ends(lines: list[str]) -> int:
    """Index of an announcement that is the last thing in `lines`; 0 if there is none."""
    for index in range(max(0, len(lines) - 3), len(lines)):
        found = _announcement(lines, index)
        if found is not None and found.after == len(lines):
            return index
    return 0


def _without_signature(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        if index and _is_device_line(line) and not _goes_on(lines, index + 1):
            return lines[:index]
        near_end = index and len(lines) - index <= _SIGNATURE_LINES_MOST
        if near_end and _SIGNATURE_MARK.match(line) and _is_signature(lines[index + 1 :]):
            return lines[:index]
        if near_end and _RULE.match(line) and _is_list_footer(lines[index + 1 :]):
            return lines[:index]
    return lines


def _is_device_line(line: str) -> bool:
    match = _DEVICE.match(line) if len(line) < 160 else None
    if match is None:
        return False
    what = re.sub(r"[<(\[]?https?://\S*", "", match["what"]).strip(" .!*_<>[]")
    named = _DEVICE_NAME.search(line)
    return bool(named) and "," not in what and len(what.split()) <= 7


def _goes_on(lines: list[str], start: int) -> bool:
    """Much text below "Sent from my iPhone" means that somebody answered under it."""
    below = lines[start : start + 200]
    return sum(len(line) for line in below if not line.lstrip().startswith(">")) > 400


def _is_signature(below: list[str]) -> bool:
    """Short lines, few of them; else the mark was a ruler within the text."""
    written = [line for line in below if line.strip() and not line.lstrip().startswith(">")]
    if len(written) > 15 or any(len(line) > 220 for line in written):
        return False
    return sum(1 for line in written if line.rstrip().endswith("?")) == 0


def _is_list_footer(below: list[str]) -> bool:
    written = [line.lower() for line in below if line.strip()]
    words = ("mailing list", "unsubscribe", "list-", "listinfo", "mailman", "abmelden")
    return len(written) <= 8 and any(word in line for line in written for word in words)


def _below_quote(lines: list[str], start: int) -> list[str]:
    """Text written under the quoted mail, when nothing stands above it."""
    last_quoted = -1
    for index in range(start, len(lines)):
        if lines[index].lstrip().startswith(">"):
            last_quoted = index
    if last_quoted < 0:
        return []
    below = _without_signature(["", *lines[last_quoted + 1 :]])
    return below if any(line.strip() for line in below) else []
