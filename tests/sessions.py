"""Readers without a browser: they speak Streamlit's websocket protocol, so that fifty fit on a small machine."""

import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

Path = tuple[int, ...]


@dataclass
class Reaction:
    """What one message to the server led to."""

    milliseconds: float
    bytes: int
    problems: list[str]


@dataclass(frozen=True)
class Shown:
    """One element on the page: its protocol buffer, the fragment and the script (by its hash) that drew it."""

    proto: Any
    fragment: str
    script: str


@dataclass
class Session:
    """One reader: a connection, the elements on the page, and the state of its widgets as a browser keeps it."""

    connection: ClientConnection
    elements: dict[Path, Shown] = field(default_factory=dict)  # by place
    states: dict[str, WidgetState] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # hash by the page's part of the address
    page: str = ""  # hash
    entry: str = ""  # hash of the script that all pages share
    query: str = ""
    timers: dict[str, float] = field(default_factory=dict)  # seconds by fragment, where one is played

    @classmethod
    async def open(cls, address: str, cookie: str | None = None) -> "Session":
        headers = {"Cookie": cookie} if cookie else {}
        return cls(
            await connect(
                f"{address.replace('http', 'ws', 1)}/_stcore/stream",
                subprotocols=["streamlit"],  # type: ignore[list-item]
                origin=address,  # type: ignore[arg-type]
                additional_headers=headers,
                max_size=None,
                open_timeout=60,
                ping_timeout=60,
            )
        )

    async def close(self) -> None:
        await self.connection.close()

    async def visit(self, chapter: str, query: str = "") -> Reaction:
        """Opens a page by its part of the address; the pages are known after the first answer."""
        self.page, self.query = self.pages.get(chapter, ""), query
        self.timers.clear()
        # The controls of the page before are gone; those of the side bar stay.
        self.elements = {place: shown for place, shown in self.elements.items() if shown.script == self.entry}
        return await self._send(page_name="" if chapter in self.pages else chapter)

    async def set(self, widget: WidgetState, fragment: str = "") -> Reaction:
        """Moves one control; a button is pressed for this once."""
        if widget.WhichOneof("value") != "trigger_value":
            self.states[widget.id] = widget
            return await self._send(fragment=fragment)
        return await self._send(fragment=fragment, pressed=widget)

    async def tick(self, fragment: str) -> Reaction:
        """What a browser does by itself while something is played."""
        return await self._send(fragment=fragment, automatic=True)

    async def _send(
        self, fragment: str = "", page_name: str = "", pressed: WidgetState | None = None, automatic: bool = False
    ) -> Reaction:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.page_script_hash, rerun.page_name = self.query, self.page, page_name
        rerun.fragment_id, rerun.is_auto_rerun = fragment, automatic
        rerun.context_info.locale, rerun.context_info.timezone = "en-US", "UTC"
        shown = {proto.id for proto in self.widgets()}
        rerun.widget_states.widgets.extend(state for id_, state in self.states.items() if id_ in shown)
        if pressed is not None:
            rerun.widget_states.widgets.append(pressed)
        started = time.monotonic()
        await self.connection.send(message.SerializeToString())
        size, problems = 0, []
        while True:
            raw = await self.connection.recv()
            size += len(raw)
            answer = ForwardMsg.FromString(raw)  # type: ignore[arg-type]
            problems += self._take(answer)
            if answer.WhichOneof("type") == "script_finished" and answer.script_finished != (
                ForwardMsg.FINISHED_EARLY_FOR_RERUN
            ):
                return Reaction((time.monotonic() - started) * 1000, size, problems)

    def _take(self, answer: ForwardMsg) -> Iterable[str]:
        kind = answer.WhichOneof("type")
        if kind == "new_session":
            self.page, self.entry = answer.new_session.page_script_hash, answer.new_session.main_script_hash
            if not answer.metadata.run.fragment_ids:  # the whole page
                self.elements.clear()
                self.timers.clear()
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in answer.navigation.app_pages}
            self.pages[""] = next(page.page_script_hash for page in answer.navigation.app_pages if page.is_default)
            self.page = answer.navigation.page_script_hash or self.page
        elif kind == "page_info_changed":
            self.query = answer.page_info_changed.query_string
        elif kind == "auto_rerun":
            self.timers[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
        elif kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
            element = answer.delta.new_element
            name = element.WhichOneof("type")
            proto = getattr(element, name)
            place = tuple(answer.metadata.delta_path)
            self.elements[place] = Shown(proto, answer.delta.fragment_id, answer.metadata.active_script_hash)
            if name in WRITERS and (proto.id not in self.states or getattr(proto, "set_value", False)):
                state = WRITERS[name](proto)
                if state is not None:
                    self.states[proto.id] = state
            if name == "exception":
                return [f"{proto.type}: {proto.message}"]
        return []

    def of_kind(self, kind: str) -> list[Any]:
        """The elements on the page of one kind, by the name of their protocol buffer."""
        return [shown.proto for shown in self.elements.values() if type(shown.proto).__name__ == kind]

    def widgets(self) -> list[Any]:
        return [shown.proto for shown in self.elements.values() if getattr(shown.proto, "id", "")]

    def words(self) -> str:
        """All that is written on the page."""
        kinds = {"Markdown": "body", "Heading": "body", "Alert": "body", "Text": "body", "Code": "code_text"}
        return "\n".join(
            getattr(shown.proto, kinds[type(shown.proto).__name__])
            for shown in self.elements.values()
            if type(shown.proto).__name__ in kinds
        )

    async def act(self, chance: random.Random) -> Reaction:
        """Does what a curious reader might: opens another page, or uses one of the controls that are there."""
        if chance.random() < 0.2:
            return await self.visit(chance.choice(sorted(self.pages)))
        choices = [
            shown
            for shown in self.elements.values()
            if type(shown.proto).__name__ in CHOOSERS and not shown.proto.disabled and not shown.proto.form_id
        ]
        shown = chance.choice(choices)
        return await self.set(CHOOSERS[type(shown.proto).__name__](shown.proto, chance), shown.fragment)


def _state(proto: Any, **value: Any) -> WidgetState:
    state = WidgetState(id=proto.id)
    for name, content in value.items():
        if name.endswith("array_value"):
            getattr(state, name).data.extend(content)
        else:
            setattr(state, name, content)
    return state


def _group(proto: Any) -> WidgetState:
    chosen = list(proto.raw_values) if proto.set_value else [proto.options[index].content for index in proto.default]
    return _state(proto, string_array_value=chosen)


def _slider(proto: Any) -> WidgetState:
    if proto.options:
        chosen = list(proto.raw_value) if proto.set_value else [proto.options[int(index)] for index in proto.default]
        return _state(proto, string_array_value=chosen)
    return _state(proto, double_array_value=proto.value if proto.set_value else proto.default)


def _selectbox(proto: Any) -> WidgetState | None:
    if proto.set_value:
        return _state(proto, string_value=proto.raw_value)
    return _state(proto, string_value=proto.options[proto.default]) if proto.HasField("default") else None


def _multiselect(proto: Any) -> WidgetState:
    chosen = list(proto.raw_values) if proto.set_value else [proto.options[index] for index in proto.default]
    return _state(proto, string_array_value=chosen)


# What a browser keeps for a widget when it arrives.
WRITERS: dict[str, Any] = {
    "button_group": _group,
    "slider": _slider,
    "selectbox": _selectbox,
    "multiselect": _multiselect,
    "checkbox": lambda proto: _state(proto, bool_value=proto.value if proto.set_value else proto.default),
    "number_input": lambda proto: _state(proto, double_value=proto.value if proto.set_value else proto.default),
    "text_area": lambda proto: _state(proto, string_value=proto.value if proto.set_value else proto.default),
    "text_input": lambda proto: _state(proto, string_value=proto.value if proto.set_value else proto.default),
}


def _move_slider(proto: Any, chance: random.Random) -> WidgetState:
    if proto.options:
        return _state(proto, string_array_value=[chance.choice(proto.options)])
    return _state(proto, double_array_value=[float(chance.randint(int(proto.min), int(proto.max)))])


# What a reader may do with a widget.
CHOOSERS: dict[str, Any] = {
    "ButtonGroup": lambda proto, chance: _state(
        proto, string_array_value=[chance.choice([option.content for option in proto.options])]
    ),
    "Slider": _move_slider,
    "Selectbox": lambda proto, chance: _state(proto, string_value=chance.choice(proto.options)),
    "Checkbox": lambda proto, chance: _state(proto, bool_value=chance.random() < 0.5),
    "NumberInput": lambda proto, chance: _state(proto, double_value=float(chance.randint(int(proto.min), 99))),
    "Button": lambda proto, _: _state(proto, trigger_value=True),
}


def query(**state: str) -> str:
    return "&".join(f"{key}={quote(value)}" for key, value in state.items())
