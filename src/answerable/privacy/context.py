"""What the words beside a number say about it: "my passport no. is", "order", "Handy:"."""

import re

# Distance in words from the number to the nearest word of each meaning; absent means not near.
Labels = dict[str, int]

PHONE, BIRTH, ACCOUNT, PASSPORT, NATIONAL, TAX = (
    "phone",
    "birth",
    "account",
    "passport",
    "national",
    "tax",
)
CARD = "card"
OTHER = "other"  # names something that is no personal number: an order, a parcel, an amount

_WORDS = {
    PHONE: """phone telephone tel mobile mobil handy cell cellphone fax call calling ring reach
        whatsapp telefon telefonnummer handynummer mobilnummer rufnummer festnetz mobiltelefon
        telephone téléphone portable móvil movil teléfono telefono cellulare celular numer komórka
        telefoon telefoonnummer gsm office answering phonenumber callback rückruf anrufen
        telefonu telefone telemóvel puhelin puhelinnumero mobilnummer telefonnumret voicemail
        hotline durchwahl extension erreichen erreichbar""",
    BIRTH: """born birth birthday birthdate dob geboren geb geburtsdatum geburtstag naissance né née
        nacimiento nacido nacida nato nata nascita urodzenia urodzony urodzona född födelsedatum
        geboortedatum nascimento nascido nascida syntynyt født fødselsdato""",
    ACCOUNT: """account acct acc accountnumber konto kontonummer kontonr kto ktonr compte cuenta
        conto rekening rekeningnummer rachunek rachunku routing aba blz bankleitzahl sortcode
        iban bban clabe girokonto sparkonto depotnummer depot""",
    PASSPORT: """passport reisepass reisepassnummer passnummer passeport pasaporte passaporto
        paspoort paszport paszportu pass passaporte license licence licenses führerschein
        führerscheinnummer permis ausweis ausweisnummer ausweisnr personalausweis
        personalausweisnummer passportnumber driver's drivers
        identité identità identidad""",
    NATIONAL: """ssn nino dni nie nif pesel bsn burgerservicenummer sofinummer personnummer cpr
        hetu henkilötunnus fiscale nir sécu sécurité insee rijksregisternummer svnr svnummer
        sozialversicherungsnummer versicherungsnummer rentenversicherungsnummer rvnr ahv avs cnp
        egn nhs nas aadhaar cpf curp fødselsnummer fodselsnummer ppsn pps isikukood oib jmbg
        sozialversicherung rodné""",
    TAX: """steuernummer steuerid steueridentifikationsnummer identifikationsnummer idnr tin ein
        itin vat ustid ust ustidnr umsatzsteuer utr tax taxid steuer tva iva btw siren siret nip
        partita fiscal fiscales mwst uid""",
    CARD: """card cards karte kreditkarte kreditkartennummer kartennummer carte tarjeta carta
        cartão kaart karta visa mastercard maestro amex american express debit credit cc pan
        credit-card cardnumber girocard bankkarte karty kartou kort""",
    OTHER: """order orders bestellung bestellnummer bestellnr auftrag auftragsnummer commande pedido
        ordine tracking parcel shipment sendung sendungsnummer sendungsverfolgung invoice rechnung
        rechnungsnummer facture factura fattura reference ref referenz referenznummer case ticket
        vorgang vorgangsnummer aktenzeichen amount betrag euro euros eur usd dollars gbp paid pay
        charged price preis summe sum montant total version article artikel artikelnummer sku ean
        isbn serial seriennummer imei item product model transaction transaktion booking buchung
        buchungsnummer reservation code zip plz postcode policy contract vertrag vertragsnummer
        kundennummer customer-number confirmation delivery paketnummer waybill kwota zamówienie
        bestelling""",
}
_MEANING = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
# Words that mean nothing alone or something else in company.
_PAIRS = {
    ("sort", "code"): ACCOUNT,
    ("routing", "code"): ACCOUNT,
    ("account", "code"): ACCOUNT,
    ("phone", "code"): PHONE,
    ("customer", "number"): OTHER,
    ("numer", "konta"): ACCOUNT,
    ("numer", "pesel"): NATIONAL,
    ("personal", "id"): NATIONAL,
    ("social", "security"): NATIONAL,
    ("social", "insurance"): NATIONAL,
    ("national", "insurance"): NATIONAL,
    ("national", "identity"): NATIONAL,
    ("national", "id"): NATIONAL,
    ("ni", "number"): NATIONAL,
    ("my", "sin"): NATIONAL,  # alone it is Spanish for "without"
    ("sin", "is"): NATIONAL,
    ("sin", "number"): NATIONAL,
    ("id", "card"): PASSPORT,
    ("identity", "card"): PASSPORT,
    ("identity", "number"): NATIONAL,
    ("id", "number"): NATIONAL,
    ("tax", "number"): TAX,
    ("numéro", "fiscal"): TAX,
    ("codice", "fiscale"): NATIONAL,
    ("c", "f"): NATIONAL,
    ("driver's", "license"): PASSPORT,
    ("a", "c"): ACCOUNT,
}
_WORD = re.compile(r"[^\W\d_]+(?:'s)?")
_BEFORE = 56
_AFTER = 24


def _meanings(words: list[str]) -> Labels:
    labels: Labels = {}
    for distance, word in enumerate(words):
        further = words[distance + 1] if distance + 1 < len(words) else ""
        meaning = _PAIRS.get((further, word)) or _MEANING.get(word)
        if meaning is not None and meaning not in labels:
            labels[meaning] = distance
        if meaning is not None and (further, word) in _PAIRS:
            break  # "sort code": do not read "code" or "sort" again on their own
    return labels


def labels_before(lower: str, start: int) -> Labels:
    """Meanings of the words up to 56 characters before `start`; 0 is the nearest word."""
    words = _WORD.findall(lower[max(0, start - _BEFORE) : start])
    words.reverse()
    return _meanings(words)


def labels_after(lower: str, end: int) -> Labels:
    """Meanings of the words up to 24 characters after `end`, on the same line."""
    window = lower[end : end + _AFTER]
    return {
        meaning: distance
        for distance, word in reversed(list(enumerate(_WORD.findall(window.partition("\n")[0]))))
        if (meaning := _MEANING.get(word)) is not None
    }


def nearest(labels: Labels, *, within: int = 99) -> str | None:
    """The meaning of the nearest word that has one, if it is at most `within` words away."""
    if not labels:
        return None
    meaning = min(labels, key=lambda name: labels[name])
    return meaning if labels[meaning] <= within else None
