"""All the words of the dashboard, as data: one TOML file a language, the same keys in each."""

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

LANGUAGES = {"ja": "日本語", "en": "English"}
FOLDER = Path(__file__).parent / "text"


class Texts:
    """The texts of one language. `texts("depth.title")` looks a text up; keyword arguments fill its placeholders."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = read(language)

    def __call__(self, key: str, **values: object) -> str:
        """Raises KeyError where there is no such text, or a placeholder has no value."""
        text = self._texts[key]
        return text.format(**values) if values else text


@lru_cache(maxsize=4)
def read(language: str) -> dict[str, str]:
    """Every text of a language by its dotted key."""
    content = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return dict(_flatten("", content))


def _flatten(prefix: str, content: dict[str, Any]) -> list[tuple[str, str]]:
    texts: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, dict):
            texts += _flatten(f"{prefix}{key}.", value)
        else:
            texts.append((prefix + key, str(value)))
    return texts


def language_for(locale: str | None) -> str:
    """The language for a browser's locale: Japanese where it is Japanese, English anywhere else."""
    return "ja" if (locale or "").lower().startswith("ja") else "en"
