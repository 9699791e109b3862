"""What strangers write is shown as text, wherever it is shown, and does nothing else.

`windows` holds the other half: no request may leave for another host, no dialog may open.
"""

import smtplib
from email.message import EmailMessage

from playwright.sync_api import Page, expect

from tests.support.browser import ADMIN, AGENT, Chat, Console, DemoBank, Windows

CANARY = "http://canary.invalid/"
ALARM = "window.ran=1"
PAYLOADS = (
    f"<script>{ALARM}</script>",
    f"<script src={CANARY}s.js></script>",
    f"<ScRiPt>{ALARM}</sCrIpT>",
    f"<img src=x onerror={ALARM}>",
    f"<img src={CANARY}i.png>",
    f'"><img src=x onerror="{ALARM}">',
    f"'-{ALARM}-'",
    f"<svg onload={ALARM}>",
    f"<svg><script>{ALARM}</script></svg>",
    f'<svg><image href="{CANARY}v.svg"/></svg>',
    f"<body onload={ALARM}>",
    f"<iframe src=javascript:{ALARM}></iframe>",
    f"<iframe srcdoc='<script>parent.{ALARM}</script>'></iframe>",
    f"<a href=javascript:{ALARM}>press here</a>",
    f"[press here](javascript:{ALARM})",
    f"![picture]({CANARY}m.png)",
    f"![picture][r] [r]: {CANARY}r.png",
    f"<link rel=stylesheet href={CANARY}c.css>",
    f"<style>@import '{CANARY}c.css';*{{background:url({CANARY}b.png)}}</style>",
    f"<div style=background:url({CANARY}b.png)>styled</div>",
    f"<meta http-equiv=refresh content='0;url={CANARY}'>",
    f"<base href={CANARY}>",
    f"<form action={CANARY}><button>send</button></form>",
    f"<video autoplay src={CANARY}v.mp4 onerror={ALARM}></video>",
    f"<object data={CANARY}o></object><embed src={CANARY}e>",
    f"<details open ontoggle={ALARM}>x</details>",
    f"<math><mtext><img src=x onerror={ALARM}></mtext></math>",
    "{{constructor.constructor('" + ALARM + "')()}}",
    f"${{{ALARM}}} #{{{ALARM}}} <%= {ALARM} %>",
    f"<noscript><p title='</noscript><img src=x onerror={ALARM}>'>",
)
FOREIGN = "script[src^='http'], img, iframe, object, embed, video, base, meta[http-equiv], form"


def test_the_payloads_are_as_many_as_promised() -> None:
    assert len(set(PAYLOADS)) == 30


def nothing_ran(page: Page, within: str) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator(f"{within} :is({FOREIGN})").count() == 0
    schemes = page.eval_on_selector_all(
        f"{within} a[href]", "links => links.map((link) => link.protocol)"
    )
    assert set(schemes) <= {"http:", "https:"}


def test_in_the_chat(windows: Windows, bank: DemoBank) -> None:
    chat = Chat(windows.open(), bank).visit("C-1001").opens()
    said = ["\n".join(PAYLOADS[first : first + 6]) for first in range(0, len(PAYLOADS), 6)]
    for text in said:
        chat.says(text)
    chat.says("I want to talk to a person")
    expect(chat.bubbles("contact")).to_have_count(len(said) + 1)
    shown = chat.page.locator("answerable-chat .bubble.contact .text").all_inner_texts()
    assert shown[: len(said)] == said
    nothing_ran(chat.page, "answerable-chat .log")

    console = Console(windows.open(), bank).signs_in(AGENT).visit("all")
    console.opens("Anna Schmidt")
    expect(console.page.locator(".message.contact")).to_have_count(len(said) + 1)
    shown = console.page.locator(".message.contact .message-text").all_inner_texts()
    assert shown[: len(said)] == said
    nothing_ran(console.page, ".messages")


def test_in_mails(windows: Windows, bank: DemoBank) -> None:
    with smtplib.SMTP("127.0.0.1", bank.ports.mail_in, "customers.example.com") as server:
        for number, payload in enumerate(PAYLOADS):
            server.send_message(hostile_mail(number, payload))
    console = Console(windows.open(), bank).signs_in(AGENT).visit("all")
    page = console.page
    subjects = page.locator(".item-subject")
    expect(subjects).to_have_count(30)
    expect(page.get_by_text("Load more")).to_be_visible()
    nothing_ran(page, ".items")
    # By address: while mails are still being read, the list puts the latest change first.
    listed = console.items.evaluate_all(
        "items => items.map(it => [it.getAttribute('href'),"
        " it.querySelector('.item-subject').innerText])"
    )
    assert {subject for _, subject in listed} == set(PAYLOADS)
    for address, subject in listed:
        page.locator(f'.item[href="{address}"]').click()
        expect(page.locator(".detail-names h1")).to_have_text(subject)
        expect(page.locator(".message.contact").first).to_contain_text("before")
        nothing_ran(page, ".detail-names")
        nothing_ran(page, ".messages")
    console.tab("Timeline").click()
    expect(page.locator(".timeline li").first).to_be_visible()
    nothing_ran(page, ".timeline")


def hostile_mail(number: int, payload: str) -> EmailMessage:
    """The payload as subject, as markup of the HTML part, and as an attachment's name."""
    mail = EmailMessage()
    mail["From"] = f"stranger-{number}@example.net"
    mail["To"] = "support@northwind.example"
    mail["Subject"] = payload
    mail["Message-ID"] = f"<hostile-{number}@example.net>"
    # A customer's matter around it: alone, some of these are set aside as spam, and not listed.
    matter = "My card was stolen yesterday, and somebody has paid with it. Please call me."
    mail.set_content(f"<p>before</p><p>{matter}</p>{payload}<p>after</p>", subtype="html")
    mail.add_attachment(b"nothing", maintype="image", subtype="svg+xml", filename=payload)
    return mail


def test_in_the_name_of_an_agent(windows: Windows, bank: DemoBank) -> None:
    name, email = "<img src=x onerror=window.ran=1>", "mallory@northwind.example"
    admin = Console(windows.open(), bank).signs_in(ADMIN).visit("people")
    admin.button("Add agent").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_label("First password").fill("a long enough password")
    dialog.get_by_role("button", name="Add agent").click()
    expect(admin.page.get_by_role("rowheader").filter(has_text=name)).to_be_visible()

    chat = Chat(windows.open(), bank).visit("C-1002").opens()
    chat.says("I want to talk to a person")
    mallory = Console(windows.open(), bank).signs_in(email, "a long enough password")
    mallory.opens("Ben Okafor")
    mallory.button("Take over").click()
    mallory.answers("Good morning.")
    chat.hears("agent", "Good morning.")
    expect(chat.bubbles("agent")).to_contain_text(name)
    expect(admin.page.locator(".presence")).to_contain_text(name)
    for page, within in (
        (admin.page, "#root"), (mallory.page, ".messages"), (chat.page, "answerable-chat .log"),
    ):  # fmt: skip
        nothing_ran(page, within)
