"""Two dashboards behind nginx with TLS, by the configuration that is shipped: login, pages and downloads through it."""

import os
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from serving import PATIENCE, free_port, open_browser, serve, settle
from signing_in import SECRET, run_provider, sign_in, write_secrets
from stores import PROJECT, cut_store

from dashboard.texts import Texts

SHIPPED = PROJECT / "dashboard" / "serving" / "nginx.conf"
texts = Texts("en")


def configuration(folder: Path, ports: dict[str, int]) -> str:
    """The shipped configuration with the ports and the certificate of this test, in what Debian puts around it."""
    own = SHIPPED.read_text(encoding="utf-8")
    for shipped, used in ports.items():
        own, count = re.subn(rf"(listen |127\.0\.0\.1:){shipped}\b", rf"\g<1>{used}", own)
        assert count == 1, shipped
    own = own.replace("listen ", "listen 127.0.0.1:").replace("/etc/ssl/fathom", str(folder))
    own = own.replace("https://$host$request_uri", f"https://$host:{ports['443']}$request_uri")
    return f"""
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    {" ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))}
    {own}
}}
"""


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of the proxy, with and without TLS."""
    nginx, openssl = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("nginx", "openssl"))
    if nginx is None or openssl is None:
        raise RuntimeError("The proxy nginx was expected: run 'apt-get install nginx-light openssl'.")
    folder = tmp_path_factory.mktemp("proxy")
    cut_store(folder, "activation = 'linear' AND depth IN (1, 2) AND seed < 2")
    ports = {port: free_port() for port in ("80", "443", "8501", "8502")}
    secured = f"https://127.0.0.1:{ports['443']}"
    certificate = ["-out", str(folder / "fullchain.pem"), "-keyout", str(folder / "privkey.pem")]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", *certificate],
        check=True,
        capture_output=True,
    )
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, ports))
    with ExitStack() as running:
        secrets = write_secrets(folder, running.enter_context(run_provider()), secured, SECRET)
        for port in ("8501", "8502"):
            running.enter_context(serve(folder, "--secrets.files", str(secrets), port=ports[port]))
        command = [nginx, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(file)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as proxy:
            try:
                yield secured, f"http://127.0.0.1:{ports['80']}"
            finally:
                proxy.terminate()


def ask(address: str) -> tuple[int, str]:
    """Status and body."""
    trusting = ssl._create_unverified_context()  # noqa: S323  # the certificate is the test's own
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE, context=trusting) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_a_team_reads_through_the_proxy(proxied: tuple[str, str]) -> None:
    secured, plain = proxied
    with open_browser() as browser:
        context = browser.new_context(locale="en", ignore_https_errors=True)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        sign_in(page, secured, "ada")
        page.get_by_role("heading", name=texts("answer.title")).wait_for()
        page.goto(f"{plain}/sql?lang=en&sql=FROM run")  # a link without TLS, with a state
        settle(page)
        assert page.url.startswith(f"{secured}/sql")
        with page.expect_download() as download:
            page.get_by_role("button", name=texts("downloads.csv")).first.click()
        assert download.value.path().read_text(encoding="utf-8-sig").startswith("run_id,")
        context.close()
    assert ask(f"{secured}/_stcore/health") == (200, "ok")
    for closed in ("metrics", "agent/openapi.json", "agent/mcp"):
        assert ask(f"{secured}/_stcore/{closed}")[0] == 404
