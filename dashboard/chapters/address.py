"""The state of a page in its address, so that a copied link shows a teammate the same view.

Streamlit's own binding of widgets to the address writes the words on the screen, which differ between languages and
ways of counting. Here the address holds the options themselves.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import streamlit as st

Value = TypeVar("Value")
KEPT = "kept"  # in the session: what each key was last, also on pages that do not show it
VIEW = "view"  # in the session: the same as an address would hold it
EVERYWHERE = ("lang",)  # drawn before the page is known, and the same widget on all
SHOWN = "shown"  # in the session: the page that was shown last


def remember(
    key: str,
    default: Value,
    parse: Callable[[str], Value],
    draw: Callable[[], Value | None],
    write: Callable[[Value], str] = str,
    always: bool = False,
) -> Value:
    """The value of the widget `key`: from the address, or else what it was on the page before, or else `default`.

    Args:
        parse: turns the text in the address into a value; raises ValueError where the text names none.
        draw: draws the widget with this key, and no default of its own.
        write: turns a value into the text in the address.
        always: whether the address names the value even where it is the default.
    """
    kept: dict[str, Any] = st.session_state.setdefault(KEPT, {})
    text = st.query_params.get(key)
    arrived = text is not None and (key not in kept or text != write(kept[key]))
    if arrived or key not in st.session_state:
        st.session_state[key] = _first_valid(parse, write, [text, kept.get(key)], default)
    drawn = draw()
    value = default if drawn is None else drawn
    kept[key] = value
    if value != default or always:
        st.query_params[key] = view()[key] = write(value)
    else:
        view().pop(key, None)
        if key in st.query_params:
            del st.query_params[key]
    return value


def enter(page: str) -> None:
    """Says which page is drawn next. On a page of its own a widget is another, even with the same key, and would start
    from its first option; forgotten, it starts from what was kept."""
    if st.session_state.get(SHOWN) != page:
        st.session_state[SHOWN] = page
        for key in st.session_state.get(KEPT, ()):
            if key not in EVERYWHERE and key in st.session_state:
                del st.session_state[key]


def view() -> dict[str, str]:
    """What the address of every page that this session has shown holds, together; it goes on changing with them."""
    together: dict[str, str] = st.session_state.setdefault(VIEW, {})
    return together


def one_of(options: Iterable[Value]) -> Callable[[str], Value]:
    """Parses the text of one of the options."""
    by_text = {str(option): option for option in options}

    def parse(text: str) -> Value:
        if text not in by_text:
            raise ValueError(f"expected one of {', '.join(by_text)}, got {text}")
        return by_text[text]

    return parse


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Parses a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        if low <= (number := int(text)) <= high:
            return number
        raise ValueError(f"expected {low} to {high}, got {text}")

    return parse


def link(chapter: str, label: str, icon: str = ":material/arrow_forward:", **state: str) -> None:
    """A link into a chapter at a state; the language and the way of counting stay as they are."""
    kept = {key: st.query_params[key] for key in ("lang", "layers") if key in st.query_params}
    st.page_link(f"chapters/{chapter}.py", label=label, icon=icon, query_params=kept | state)


def _first_valid(
    parse: Callable[[str], Value], write: Callable[[Value], str], candidates: list[Any], default: Value
) -> Value:
    """The first candidate that is an option here. What was kept from another page need not be one."""
    for candidate in candidates:
        if candidate is not None:
            try:
                return parse(candidate if isinstance(candidate, str) else write(candidate))
            except ValueError:
                continue
    return default
