"""The door, with a real OpenID provider and a real browser: who is let in, and what anybody else gets."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import hostile
import pytest
from itsdangerous import URLSafeTimedSerializer
from playwright.sync_api import Browser, Page
from serving import PATIENCE, serve, settle
from sessions import Session
from signing_in import SECRET, run_provider, sign_in, write_secrets
from stores import cut_store

from dashboard.chapters import CHAPTERS
from dashboard.texts import Texts

USER_COOKIE = "_streamlit_user"
texts = Texts("en")


@dataclass(frozen=True)
class Guarded:
    """A dashboard behind a login, and what of its results must not be seen from outside."""

    address: str
    snapshot: str


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_provider() as address:
        yield address


@pytest.fixture(scope="module")
def guarded(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("data")
    snapshot = cut_store(folder, "activation = 'linear' AND depth IN (1, 2) AND seed < 2")
    secrets = write_secrets(folder, provider, "http://127.0.0.1:{port}", SECRET)
    with serve(folder, "--secrets.files", str(secrets)) as address:
        yield Guarded(address, snapshot.name)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser that has never been here."""
    context = browser.new_context(locale="en")
    context.set_default_timeout(PATIENCE * 1000)
    yield context.new_page()
    context.close()


def assert_nothing_is_shown(page: Page, reason: str) -> None:
    page.get_by_text(texts(f"login.{reason}")).wait_for()
    assert page.locator(".js-plotly-plot").count() == 0
    assert page.get_by_text("stored runs").count() == 0
    assert page.get_by_test_id("stSidebarNavLink").count() == 0


def test_who_is_on_the_list_is_let_in_and_out_again(page: Page, guarded: Guarded) -> None:
    page.goto(f"{guarded.address}/depth?lang=en")
    settle(page)
    assert_nothing_is_shown(page, "needed")
    sign_in(page, guarded.address, "ada")
    page.get_by_role("heading", name=texts("answer.title")).wait_for()
    page.wait_for_selector(".js-plotly-plot")
    page.get_by_role("button", name=texts("login.sign_out")).click()
    page.get_by_role("button", name="End session").click()  # the provider asks, too
    page.get_by_text(texts("login.needed")).wait_for()
    assert not [cookie for cookie in page.context.cookies() if cookie["name"].startswith(USER_COOKIE)]
    page.goto(f"{guarded.address}/gradients")
    settle(page)
    assert_nothing_is_shown(page, "needed")


@pytest.mark.parametrize(("account", "reason"), [("stranger", "unlisted"), ("unchecked", "unverified")])
def test_a_stranger_who_signs_in_is_refused(page: Page, guarded: Guarded, account: str, reason: str) -> None:
    sign_in(page, guarded.address, account)
    assert_nothing_is_shown(page, reason)
    for chapter in ("depth", "sql"):
        page.goto(f"{guarded.address}/{chapter}?lang=en&sql=FROM run")
        settle(page)
        assert_nothing_is_shown(page, reason)


def cookie_of(guarded: Guarded, secret: str, signed_days_ago: float = 0, issued_hours_ago: float = 0) -> str:
    """The cookie of someone on the list, as Streamlit signs it."""

    class Earlier(URLSafeTimedSerializer):
        def make_signer(self, salt: str | bytes | None = None):  # type: ignore[no-untyped-def]
            signer = super().make_signer(salt)
            signer.get_timestamp = lambda: int(time.time() - signed_days_ago * 86400)
            return signer

    claims = {
        "email": "ada@team.example",
        "email_verified": True,
        "iat": int(time.time() - issued_hours_ago * 3600),
        "is_logged_in": True,
        "provider": "default",
        "origin": guarded.address,
    }
    return str(Earlier(secret, salt=USER_COOKIE).dumps(json.dumps(claims)))


@pytest.mark.parametrize(
    ("cookie", "reason"),
    [
        ("valid", None),
        ("forged", "needed"),
        ("changed", "needed"),
        ("unsigned", "needed"),
        ("old", "needed"),
        ("run out", "expired"),
    ],
)
def test_only_a_cookie_of_this_server_that_is_not_old_opens(
    page: Page, guarded: Guarded, cookie: str, reason: str | None
) -> None:
    value = {
        "valid": lambda: cookie_of(guarded, SECRET),
        "forged": lambda: cookie_of(guarded, "another secret, of some length"),
        "changed": lambda: "A" + cookie_of(guarded, SECRET)[1:],
        "unsigned": lambda: b'{"is_logged_in": true, "email": "ada@team.example"}'.hex(),
        "old": lambda: cookie_of(guarded, SECRET, signed_days_ago=32),
        "run out": lambda: cookie_of(guarded, SECRET, issued_hours_ago=13),
    }[cookie]()
    page.context.add_cookies([{"name": USER_COOKIE, "value": value, "url": guarded.address}])
    page.goto(f"{guarded.address}/?lang=en")
    settle(page)
    if reason:
        assert_nothing_is_shown(page, reason)
    else:
        page.get_by_role("heading", name=texts("answer.title")).wait_for()


def test_no_address_gives_anything_away_before_login(guarded: Guarded) -> None:
    """Pages, files, media, components, and everything else that the server answers to."""
    secret = [guarded.snapshot.encode(), b"plotly_chart", b"epoch_metric", SECRET.encode(), hostile.CANARY.encode()]
    addresses = [*hostile.SERVED, *(f"/{chapter}" for chapter in CHAPTERS), *hostile.paths()[::9]]
    for address in addresses:
        url = guarded.address + address.replace("\x00", "%00").replace(" ", "%20")
        for method in ("GET", "POST") if address in hostile.SERVED else ("GET",):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=PATIENCE) as answer:
                    content = answer.read()
            except urllib.error.HTTPError as error:
                content = error.read()
            if b"<title>Streamlit</title>" in content:  # the empty page, which asks for its content by the websocket
                continue
            assert not [word for word in secret if word in content], address


def test_no_page_draws_anything_before_login_whatever_is_asked(guarded: Guarded) -> None:
    async def ask() -> None:
        session = await Session.open(guarded.address)
        await session.visit("", "lang=en")
        for chapter in CHAPTERS:
            reaction = await session.visit(chapter, "lang=en&sql=FROM run&activation=linear")
            assert not reaction.problems
            assert texts("login.needed") in session.words()
            kinds = {type(shown.proto).__name__ for shown in session.elements.values()}
            assert kinds <= {"ButtonGroup", "Heading", "Markdown", "Button"}, chapter
        await session.close()

    with ThreadPoolExecutor(1) as thread:  # Playwright's event loop runs in this one
        thread.submit(asyncio.run, ask()).result()
