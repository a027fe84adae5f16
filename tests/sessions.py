"""A browser's side of one session without the browser: it asks a running dashboard for pages, and times the answers."""

import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE = 60  # seconds
FINISHED = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass
class Reaction:
    """What came back: how long it took until the page was complete, and how much was sent."""

    seconds: float = 0.0
    chart_bytes: int = 0  # the figures alone, as JSON
    charts: int = 0
    words: list[str] = field(default_factory=list)  # all that is written in Markdown
    exceptions: list[str] = field(default_factory=list)


class Session:
    """One open page. Use it as a context; a session must not be shared between threads."""

    def __init__(self, address: str) -> None:
        """`address` is the dashboard's, like http://127.0.0.1:8501."""
        self._socket = connect(
            f"{address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,
            compression=None,
            open_timeout=PATIENCE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def visit(self, chapter: str, **state: object) -> Reaction:
        """Goes to a chapter at a state of its address, which acts like a change of the controls that it names."""
        message = BackMsg()
        message.rerun_script.query_string = urlencode(state)
        message.rerun_script.page_name = "" if chapter == "answer" else chapter
        message.rerun_script.context_info.timezone = "UTC"
        message.rerun_script.context_info.locale = "en"
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        reaction = Reaction()
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(self._socket.recv(timeout=PATIENCE))
            kind = answer.WhichOneof("type")
            if kind == "delta" and answer.delta.WhichOneof("type") == "new_element":
                _note(reaction, answer.delta.new_element)
            if kind == "script_finished" and answer.script_finished in FINISHED:
                reaction.seconds = time.perf_counter() - started
                return reaction


def _note(reaction: Reaction, element: object) -> None:
    kind = element.WhichOneof("type")
    if kind == "plotly_chart":
        reaction.charts += 1
        reaction.chart_bytes += len(element.plotly_chart.spec)
    elif kind == "markdown":
        reaction.words.append(element.markdown.body)
    elif kind == "exception":
        reaction.exceptions.append(element.exception.message)
