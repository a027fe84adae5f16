"""From what a chapter drew, element by element, to HTML."""

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd
from markdown_it import MarkdownIt

MOST_ROWS = 50  # of a table: a report is read, not searched
COLOURED = re.compile(
    r":(red|orange|yellow|green|blue|violet|gray|grey|primary|small)(?:-background|-badge)?\[([^\]]*)\]"
)
ICON = re.compile(r":material/\w+:\s?")
# Ends and beginnings of a coloured text while the Markdown around it is read; no text holds these characters.
START, MIDDLE, END = "\ue000", "\ue001", "\ue002"
CONTROLS = ("button", "download_button", "link_button", "text_input", "menu_button", "pagination")
SETTINGS = (
    *("button_group", "slider", "select_slider", "selectbox", "toggle", "checkbox", "number_input", "radio"),
    "multiselect",
)


class Renderer:
    """Writes elements as HTML, and keeps what the document needs beside it.

    Attributes:
        figures: Plotly's JSON of each picture, in the order of the pictures.
        left_out: the kinds of element that it met and cannot write.
    """

    def __init__(self, chapters: list[str], yes: str, no: str, rows_left: Callable[[int], str]) -> None:
        """Args:
        chapters: the names of the chapters that are in the report, to link to them.
        yes, no: how a switch that is on or off is written.
        rows_left: says how many rows of a table are not shown.
        """
        self.figures: list[str] = []
        self.left_out: set[str] = set()
        self._chapters = chapters
        self._yes, self._no = yes, no
        self._rows_left = rows_left
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        self._writers: dict[str, Callable[[Any], str]] = {
            "title": lambda node: f"<h2>{self._inline(node.value)}</h2>",
            "header": lambda node: f"<h3>{self._inline(node.value)}</h3>",
            "subheader": lambda node: f"<h3>{self._inline(node.value)}</h3>",
            "markdown": lambda node: self._text(node.value),
            "caption": lambda node: f'<div class="caption">{self._text(node.value)}</div>',
            "divider": lambda _: "<hr>",
            "text": lambda node: f"<p>{escape(node.value)}</p>",
            "latex": lambda node: f"<p><code>{escape(node.value)}</code></p>",
            "text_area": lambda node: f"<pre><code>{escape(node.value or '')}</code></pre>" if node.value else "",
            "code": lambda node: f"<pre><code>{escape(node.value)}</code></pre>",
            "html": lambda node: str(node.value),
            "plotly_chart": self._picture,
            "dataframe": self._table,
            "table": self._table,
            "metric": self._metric,
            "page_link": self._page_link,
            **dict.fromkeys(SETTINGS, self._setting),
            **dict.fromkeys(("info", "warning", "error", "success"), self._alert),
            **dict.fromkeys((*CONTROLS, "space", "empty", "unknown"), lambda _: ""),
        }

    def render(self, node: Any) -> str:
        """One element, or a block with all that is in it; nothing where nothing of it can be shown."""
        if hasattr(node, "children"):
            return self._block(node)
        if node.type not in self._writers:
            self.left_out.add(node.type)
            return ""
        return self._writers[node.type](node)

    def _block(self, block: Any) -> str:
        parts = [part for _, child in sorted(block.children.items()) if (part := self.render(child))]
        if not parts:
            return ""
        content = "\n".join(parts)
        proto = block.proto
        if block.type in ("expander", "expandable", "status", "tab"):
            return _folded(self._inline(block.label), content, getattr(proto, "expanded", True))
        if block.type == "popover":
            return _folded(self._inline(proto.popover.label), content, False)
        if block.type == "flex_container":
            container = proto.flex_container
            if container.direction == container.Direction.Value("HORIZONTAL") and len(parts) > 1:
                return f'<div class="columns">\n{content}\n</div>'
            if container.border:
                return f'<section class="box">\n{content}\n</section>'
        if block.type in ("column", "grid_container"):
            return f"<div>\n{content}\n</div>"
        return content

    def _text(self, markdown: str) -> str:
        """Streamlit's Markdown as HTML; its headings are one level down, since the chapter's own is the second."""
        html: str = self._markdown.render(self._prepared(markdown))
        return _coloured(re.sub(r"<(/?)h([3-6])>", lambda found: f"<{found[1]}h{max(3, int(found[2]) - 2)}>", html))

    def _inline(self, markdown: str) -> str:
        return _coloured(self._markdown.renderInline(self._prepared(markdown)))

    def _prepared(self, markdown: str) -> str:
        return COLOURED.sub(rf"{START}\1{MIDDLE}\2{END}", ICON.sub("", markdown))

    def _alert(self, node: Any) -> str:
        return f'<div class="alert {node.type}" role="note">{self._text(node.value)}</div>'

    def _setting(self, node: Any) -> str:
        """What a control was set to; nothing for one that was left empty."""
        chosen = self._chosen(node)
        return f'<p class="setting">{self._inline(node.label)}: <strong>{escape(chosen)}</strong></p>' if chosen else ""

    def _chosen(self, node: Any) -> str:
        if node.type in ("toggle", "checkbox"):
            return self._yes if node.value else self._no
        value = node.value
        values = value if isinstance(value, (list, tuple)) else [value]
        write = getattr(node, "format_func", "{:,}".format)
        return ", ".join(str(write(one)) for one in values if one is not None)

    def _picture(self, node: Any) -> str:
        self.figures.append(node.proto.spec)
        alt = escape(node.proto.alt, quote=True)
        number = len(self.figures) - 1
        return f'<figure class="picture" id="picture-{number}" role="img" aria-label="{alt}"></figure>'

    def _table(self, node: Any) -> str:
        frame: pd.DataFrame = node.value
        settings = json.loads(getattr(node.proto, "columns", "") or "{}")
        hidden = {name for name, setting in settings.items() if setting.get("hidden")}
        if "_index" not in hidden and not isinstance(frame.index, pd.RangeIndex):
            frame = frame.reset_index()
        shown = [column for column in frame.columns if column not in hidden]
        labels = [settings.get(str(column), {}).get("label") or str(column) for column in shown]
        formats = [settings.get(str(column), {}).get("type_config", {}).get("format") for column in shown]
        missing = getattr(node.proto, "placeholder", "") or "–"
        head = "".join(f"<th>{escape(label)}</th>" for label in labels)
        rows = "\n".join(
            "<tr>" + "".join(_cell(value, form, missing) for value, form in zip(row, formats, strict=True)) + "</tr>"
            for row in frame[shown].head(MOST_ROWS).itertuples(index=False)
        )
        more = len(frame) - MOST_ROWS
        note = f'<p class="caption">{escape(self._rows_left(more))}</p>' if more > 0 else ""
        alt = escape(getattr(node.proto, "alt", ""), quote=True)
        table = f'<table aria-label="{alt}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        return f'<div class="table">{table}</div>{note}'

    def _metric(self, node: Any) -> str:
        delta = f" <small>{escape(str(node.delta))}</small>" if node.delta else ""
        label = self._inline(node.label)
        return f'<p class="metric"><span>{label}</span><strong>{escape(str(node.value))}</strong>{delta}</p>'

    def _page_link(self, node: Any) -> str:
        """A link to another chapter of the report. The state that the link would set is not the report's."""
        name = node.proto.page
        return f'<p><a href="#{name}">{self._inline(node.proto.label)}</a></p>' if name in self._chapters else ""


def _folded(label: str, content: str, is_open: bool) -> str:
    return f"<details{' open' if is_open else ''}><summary>{label}</summary>\n{content}\n</details>"


def _coloured(html: str) -> str:
    return html.replace(START, '<span class="').replace(MIDDLE, '">').replace(END, "</span>")


def _cell(value: Any, form: str | None, missing: str) -> str:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return f"<td>{escape(missing)}</td>"
    if isinstance(value, bool):
        return f"<td>{'✓' if value else '–'}</td>"
    if pd.api.types.is_number(value):
        return f'<td class="number">{escape(_number(value, form))}</td>'
    return f"<td>{escape(str(value))}</td>"


def _number(value: Any, form: str | None) -> str:
    """A figure as the dashboard's table writes it: by its printf format, or else with what decimals it has."""
    if form and "%" in form:
        return str(form % value)
    return f"{value:.5g}" if isinstance(value, float) else f"{value}"
