"""Who is let in by which settings."""

from typing import Any

import pytest

from dashboard.access import Access, AccessError

NOW = 1_800_000_000.0
LISTED = {"email": "ada@team.example", "email_verified": True, "iat": NOW - 60}


def access(**section: Any) -> Access:
    return Access.read(section)


@pytest.mark.parametrize(
    "section", [{"emails": ["ada@team.example"]}, {"domains": ["team.example"]}, {"emails": [" ADA@Team.Example "]}]
)
def test_an_address_on_the_list_or_in_a_domain_on_it_is_let_in(section: dict[str, Any]) -> None:
    assert Access.read(section).refusal(LISTED, NOW) is None


@pytest.mark.parametrize(
    "email",
    [
        "eve@elsewhere.example",
        "eve@sub.team.example",
        "eve@nottream.example",
        "eve@team.example.org",
        "eve@elsewhere.example@team.example",
        "team.example",
        "@",
        "",
        None,
        7,
    ],
)
def test_any_other_address_is_refused(email: object) -> None:
    rules = access(domains=["team.example"], emails=["bob@elsewhere.example"])
    assert rules.refusal(LISTED | {"email": email}, NOW) == "unlisted"


def test_without_a_list_nobody_is_let_in() -> None:
    assert access().refusal(LISTED, NOW) == "unlisted"


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_counts_only_if_the_provider_vouches_for_it_or_the_operator_says_so(verified: object) -> None:
    claims = LISTED | {"email_verified": verified}
    assert access(domains=["team.example"]).refusal(claims, NOW) == "unverified"
    assert access(domains=["team.example"], unverified=True).refusal(claims, NOW) is None


@pytest.mark.parametrize("issued", [NOW - 3601, None, "now"])
def test_a_login_runs_out(issued: object) -> None:
    assert access(domains=["team.example"], hours=1).refusal(LISTED | {"iat": issued}, NOW) == "expired"
    assert access(domains=["team.example"], hours=1).refusal(LISTED | {"iat": NOW - 3599}, NOW) is None


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({"email": ["ada@team.example"]}, "holds 'email'"),
        ({"emails": "ada@team.example"}, "should be a list"),
        ({"emails": ["team.example"]}, "should hold emails"),
        ({"domains": ["@team.example"]}, "should hold domains"),
        ({"domains": [""]}, "should be a list"),
        ({"hours": 0}, "above 0"),
        ({"hours": True}, "above 0"),
        ({"unverified": "yes"}, "true or false"),
    ],
)
def test_a_mistake_in_the_settings_is_told_and_lets_nobody_in(section: dict[str, Any], told: str) -> None:
    with pytest.raises(AccessError, match=told):
        Access.read(section)
