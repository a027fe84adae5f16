"""What a careful eye would find wrong on a page: cut or overlapping text, sideways scrolling, unnamed pictures."""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page
from serving import settle

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
AXE_OPTIONS: dict[str, Any] = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
SEVERE = ("serious", "critical")

DRAWN = """
() => [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(chart => {
  const drawn = chart.querySelector('.main-svg');
  return drawn && Math.abs(drawn.getBoundingClientRect().width - chart.getBoundingClientRect().width) < 2;
})
"""

LOOK = """
() => {
  const found = [];
  const main = document.querySelector('[data-testid=stMain]');
  const say = (problem, ...elements) =>
    found.push(problem + ': ' + elements.map(e => JSON.stringify(e.textContent.trim().slice(0, 60))).join(' and '));

  const sideways = main.scrollWidth - main.clientWidth;
  if (sideways > 0) found.push(`scrolls ${sideways} pixels sideways`);

  // Text that is written on the page itself: every element with words of its own that can be seen.
  const seen = e => {
    const box = e.getBoundingClientRect();
    return box.width > 2 && box.height > 2 && e.checkVisibility({visibilityProperty: true, opacityProperty: true}) &&
      !e.closest('details:not([open]) > :not(summary)') &&
      !e.closest('[aria-hidden=true], .katex, [data-testid=stDataFrame], .js-plotly-plot');
  };
  const own = e => [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
  const written = [...main.querySelectorAll('*')].filter(e => own(e) && seen(e));
  for (const e of written) {
    const style = getComputedStyle(e);
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth && style.display !== 'inline' &&
        ['hidden', 'clip'].includes(style.overflowX)) say('cut', e);
  }
  // The lines of an element's own words, as far as they are not scrolled or folded away.
  const lines = e => {
    const window_ = {left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity};
    for (let p = e; p !== main; p = p.parentElement) {
      const style = getComputedStyle(p), box = p.getBoundingClientRect();
      if (style.overflowX !== 'visible' || style.overflowY !== 'visible') {
        window_.left = Math.max(window_.left, box.left); window_.right = Math.min(window_.right, box.right);
        window_.top = Math.max(window_.top, box.top); window_.bottom = Math.min(window_.bottom, box.bottom);
      }
    }
    const range = document.createRange(), found = [];
    for (const n of e.childNodes) {
      if (n.nodeType !== Node.TEXT_NODE) continue;
      range.selectNodeContents(n);
      found.push(...[...range.getClientRects()].filter(r =>
        r.left < window_.right && r.right > window_.left && r.top < window_.bottom && r.bottom > window_.top));
    }
    return found;
  };
  const cross = (a, b, by) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > by &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > by;
  const placed = written.map(e => [e, lines(e)]);
  placed.forEach(([e, mine], i) => {
    for (const [other, theirs] of placed.slice(i + 1)) {
      if (e.contains(other) || other.contains(e)) continue;
      if (mine.some(a => theirs.some(b => cross(a, b, 4)))) say('overlapping', e, other);
    }
  });

  // Text within pictures, and the words around them.
  for (const chart of main.querySelectorAll('[data-testid=stPlotlyChart]')) {
    const name = chart.getAttribute('aria-label');
    if (!name || name.length < 30) found.push(`a picture without a text alternative: ${name}`);
    const before = chart.closest('[data-testid=stElementContainer]').previousElementSibling;
    if (!before || !before.querySelector('h1, h2, h3, h4')) found.push(`a picture without a title: ${name}`);
    for (const axis of ['x', 'y']) {
      const titles = [...chart.querySelectorAll('.infolayer text')].filter(t =>
        new RegExp(`(^|[^a-z])${axis}[0-9]*title`).test(t.getAttribute('class') || ''));
      if (!titles.some(t => t.textContent.trim())) found.push(`a picture whose ${axis} axis has no name: ${name}`);
    }
    const frame = chart.getBoundingClientRect();
    const words = [...chart.querySelectorAll('.main-svg text')].filter(t => {
      const box = t.getBoundingClientRect();
      const shown = box.width && t.textContent.trim() && getComputedStyle(t).opacity !== '0';
      return shown && !t.closest('.modebar, .hoverlayer');
    });
    const boxes = words.map(t => t.getBoundingClientRect());
    words.forEach((t, i) => {
      const box = boxes[i];
      const across = box.left < frame.left - 3 || box.right > frame.right + 3;
      if (across || box.top < frame.top - 3 || box.bottom > frame.bottom + 3)
        say(`cut at the edge of "${name.slice(0, 50)}"`, t);
      for (let j = i + 1; j < words.length; j++)
        if (cross(box, boxes[j], 3)) say(`overlapping in "${name.slice(0, 50)}"`, t, words[j]);
    });
  }
  return found;
}
"""


def drawn(page: Page) -> None:
    """Waits until the page has run, and every picture is as wide as its place."""
    settle(page)
    page.wait_for_function(DRAWN)


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it is shown now, in words."""
    found: list[str] = page.evaluate(LOOK)
    return found


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, as far as it is serious or critical."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    result = page.evaluate("options => axe.run(document, options)", AXE_OPTIONS)
    return [
        f"{violation['impact']}: {violation['help']}: {[node['html'][:200] for node in violation['nodes'][:3]]}"
        for violation in result["violations"]
        if violation["impact"] in SEVERE
    ]
