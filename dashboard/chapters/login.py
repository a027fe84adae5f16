"""The door: Streamlit's OpenID Connect login, on where the secrets hold a section `[auth]`, and off by default."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from dashboard.access import Access, AccessError
from dashboard.texts import Texts


def let_in(texts: Texts) -> bool:
    """Whether the reader may see the results; draws the page to sign in, or the refusal, where they may not."""
    try:
        providers = _providers()
        if providers is None:
            return True
        access = Access.read(_section("access") or {})
    except AccessError as error:
        logging.getLogger(__name__).error("%s", error)  # for the operator: a reader is told no detail
        _show(texts, "misconfigured")
        return False
    if not st.user.get("is_logged_in"):
        _show(texts, "needed")
        for provider in providers:
            label = texts("login.sign_in", provider=provider) if provider else texts("login.sign_in_here")
            st.button(
                label, on_click=st.login, args=(provider,) if provider else (), type="primary", key=f"in{provider}"
            )
        return False
    refusal = access.refusal(st.user.to_dict(), time.time())
    if refusal is not None:
        _show(texts, refusal, email=str(st.user.get("email", "–")))
        st.button(texts("login.sign_out"), on_click=st.logout, key="out")
        return False
    return True


def offer_to_leave(texts: Texts) -> None:
    """Who is signed in, and a button to sign out; nothing where the login is off."""
    if st.user.get("is_logged_in"):
        st.caption(texts("login.signed_in"))
        st.text(str(st.user.get("email", "")))
        st.button(texts("login.sign_out"), on_click=st.logout, key="out", width="stretch")


def _providers() -> list[str] | None:
    """The names of the providers to sign in with, "" for the one without a name; None where the login is off."""
    auth = _section("auth")
    if auth is None:
        return None
    return [name for name, value in auth.items() if isinstance(value, Mapping) and name != "client_kwargs"] or [""]


def _section(name: str) -> Mapping[str, Any] | None:
    """A section of the secrets; None where there are no secrets, or none of that name.

    Raises:
        AccessError: there are secrets, but they cannot be read. That must never open the door.
    """
    try:
        section = st.secrets.get(name)
    except StreamlitSecretNotFoundError as error:
        files = [Path(file) for file in st.get_option("secrets.files")]
        if any(file.exists() for file in files):
            raise AccessError(f"the secrets cannot be read: {error}") from error
        return None
    except OSError as error:
        raise AccessError(f"the secrets cannot be read: {error}") from error
    if section is not None and not isinstance(section, Mapping):
        raise AccessError(f"[{name}] should be a section of the secrets, but it is {type(section).__name__}")
    return section


def _show(texts: Texts, key: str, **values: object) -> None:
    st.title("Fathom")
    st.markdown(texts(f"login.{key}", **values))
