"""The subject of a reply: by it people, and their mail programs, see what it answers.

The e-mail channel sees to it that one "Re:" is enough.
"""

# Where the first message has none, as from a chat or a mail without one.
_NONE = {
    "cs": "Vaše zpráva",
    "da": "Din besked",
    "de": "Ihre Nachricht",
    "el": "Το μήνυμά σας",
    "en": "Your message",
    "es": "Su mensaje",
    "fi": "Viestisi",
    "fr": "Votre message",
    "hu": "Üzenete",
    "it": "Il suo messaggio",
    "ja": "お問い合わせの件",
    "ko": "문의하신 내용",
    "nl": "Uw bericht",
    "nb": "Din melding",
    "no": "Din melding",
    "pl": "Twoja wiadomość",
    "pt": "A sua mensagem",
    "ro": "Mesajul dumneavoastră",
    "ru": "Ваше сообщение",
    "sv": "Ditt meddelande",
    "tr": "Mesajınız",
    "uk": "Ваше повідомлення",
    "zh": "您的留言",
}


def reply_subject(subject: str | None, language: str) -> str:
    """subject: of the first message. language: tag of the one that the reply is in."""
    if not subject:
        return _NONE.get(language[:2].lower(), _NONE["en"])
    return subject if subject[:3].lower() in ("re:", "aw:") else f"Re: {subject}"
