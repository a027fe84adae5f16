"""Who may look at the dashboard, once its login is on: the list of the operator, held against what a provider says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Refusal = Literal["unlisted", "unverified", "expired"]
USUAL_HOURS = 12.0
KEYS = ("emails", "domains", "hours", "unverified")


class AccessError(Exception):
    """The operator's settings cannot be used. The text says what was expected and what came."""


@dataclass(frozen=True)
class Access:
    """The section `[access]` of the secrets.

    Attributes:
        emails: addresses that are let in.
        domains: everybody with an address in one of these is let in; not in those below them.
        hours: how long a login lasts.
        unverified: whether an address counts that the provider does not vouch for.
    """

    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    hours: float = USUAL_HOURS
    unverified: bool = False

    @classmethod
    def read(cls, section: Mapping[str, Any]) -> "Access":
        """Raises AccessError where the section holds something else than is known here: a misspelt key must not let
        anybody in, or keep the right people out without a word."""
        unknown = sorted(set(section) - set(KEYS))
        if unknown:
            raise AccessError(f"[access] may hold {', '.join(KEYS)}, but it holds '{unknown[0]}'")
        hours = section.get("hours", USUAL_HOURS)
        if isinstance(hours, bool) or not isinstance(hours, (int, float)) or not hours > 0:
            raise AccessError(f"hours in [access] should be a number above 0, but it is {hours!r}")
        unverified = section.get("unverified", False)
        if not isinstance(unverified, bool):
            raise AccessError(f"unverified in [access] should be true or false, but it is {unverified!r}")
        return cls(_names(section, "emails"), _names(section, "domains"), float(hours), unverified)

    def refusal(self, claims: Mapping[str, Any], now: float) -> Refusal | None:
        """Why someone who has signed in is not let in; None where they are.

        Args:
            claims: the claims of the provider's ID token (OpenID Connect Core 1.0, sections 2 and 5.1).
            now: seconds since 1970.
        """
        issued = claims.get("iat")
        if not isinstance(issued, (int, float)) or now - issued > self.hours * 3600:
            return "expired"
        email = claims.get("email")
        if not isinstance(email, str) or email.count("@") != 1:
            return "unlisted"
        name = email.strip().casefold()
        if name not in self.emails and name.split("@")[1] not in self.domains:
            return "unlisted"
        # An address that nobody has checked may be anybody's: some providers let people type what they like.
        if claims.get("email_verified") is not True and not self.unverified:
            return "unverified"
        return None


def _names(section: Mapping[str, Any], key: str) -> frozenset[str]:
    names = section.get(key, [])
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name.strip() for name in names):
        raise AccessError(f'{key} in [access] should be a list of texts, as in ["a@example.org"], but it is {names!r}')
    found = frozenset(name.strip().casefold() for name in names)
    wrong = sorted(name for name in found if ("@" in name) != (key == "emails"))
    if wrong:
        raise AccessError(f"{key} in [access] should hold {key}, but it holds '{wrong[0]}'")
    return found
