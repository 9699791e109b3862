"""A browser on a page is known again, on this page and on no other."""

from answerable.contacts.page_session import PageSessions

SESSIONS = PageSessions(b"k" * 32)


def test_a_cookie_is_of_one_link() -> None:
    cookie = SESSIONS.open("token")
    assert SESSIONS.name_of("token", cookie) == SESSIONS.name_of("token", cookie) is not None
    assert SESSIONS.name_of("another", cookie) is None
    assert PageSessions(b"l" * 32).name_of("token", cookie) is None


def test_two_browsers_have_two_names_that_open_nothing() -> None:
    first, second = SESSIONS.open("token"), SESSIONS.open("token")
    names = {SESSIONS.name_of("token", first), SESSIONS.name_of("token", second)}
    assert len(names) == 2
    assert all(SESSIONS.name_of("token", str(name)) is None for name in names)


def test_a_forms_token_is_of_one_browser_on_one_page() -> None:
    cookie = SESSIONS.open("token")
    given = SESSIONS.form_token("token", cookie)
    assert SESSIONS.form_token_fits("token", cookie, given)
    assert not SESSIONS.form_token_fits("another", cookie, given)
    assert not SESSIONS.form_token_fits("token", SESSIONS.open("token"), given)
    for made_up in ("", "0" * 32, "ü", "\udcff"):
        assert not SESSIONS.form_token_fits("token", cookie, made_up)
        assert SESSIONS.name_of("token", made_up) is None
