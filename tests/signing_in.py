"""A real OpenID provider on this machine, and how a reader signs in with it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page
from serving import PATIENCE, free_port, settle, wait_for

from dashboard.texts import Texts

SECRET = "a-long-secret-that-only-the-servers-of-these-tests-know"  # noqa: S105  # as it says
ACCOUNTS = {
    "ada": {"email": "Ada@Team.example", "email_verified": True},
    "stranger": {"email": "eve@not-team.example", "email_verified": True},
    "unchecked": {"email": "ada@team.example", "email_verified": False},
}


@contextmanager
def run_provider() -> Iterator[str]:
    """An OpenID provider with the ACCOUNTS; gives its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"{address}/.well-known/openid-configuration")
            for account, claims in ACCOUNTS.items():
                headers = {"Content-Type": "application/json"}
                body = json.dumps(claims).encode()
                request = urllib.request.Request(f"{address}/users/{account}", body, headers, method="PUT")
                urllib.request.urlopen(request, timeout=PATIENCE).close()
            yield address
        finally:
            process.terminate()


def write_secrets(folder: Path, provider: str, origin: str, secret: str) -> Path:
    """The secrets of a dashboard that lets the team in."""
    file = folder / "secrets.toml"
    file.write_text(
        f"""
[auth]
redirect_uri = "{origin}/oauth2callback"
cookie_secret = "{secret}"
client_id = "fathom"
client_secret = "of the client"
server_metadata_url = "{provider}/.well-known/openid-configuration"

[access]
domains = ["team.example"]
"""
    )
    return file


def sign_in(page: Page, address: str, account: str) -> None:
    page.goto(f"{address}/?lang=en")
    settle(page)
    page.get_by_role("button", name=Texts("en")("login.sign_in_here")).click()
    page.get_by_placeholder("sub").fill(account)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{address}/**")
    settle(page)
