"""Whom the pages must serve: weak eyes, those who listen, those without a mouse."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from support import page_documents
from support.browser import Browser

from trueserve.transforms.publish.page.index import render_index

# What is written on what: the least contrast of text that is seen, by WCAG 2.2's formula (1.4.3).
CONTRAST = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = parse(getComputedStyle(node).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const worst = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(parse(element.closest("svg") ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) worst.push([ratio, walk.currentNode.textContent.slice(0, 40)]);
  }
  return worst;
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_is_readable_by_weak_eyes(report: Browser, *, dark: bool) -> None:
    report.look(dark=dark)
    report.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
    report.drawn()
    assert report.evaluate(CONTRAST) == []
    report.evaluate("document.querySelector('h1').style.color = document.querySelector('.pill') && '#888'")
    assert report.evaluate(CONTRAST)


NAMED = {"image", "button", "link", "textbox", "searchbox", "combobox", "region", "search"}


@pytest.mark.parametrize("name", ["report", "index"])
def test_whoever_listens_is_told_what_everything_is(browser: Browser, tmp_path: Path, name: str) -> None:
    runs = [page_documents.past_run(day, [page_documents.make_entry("fare", 0.02)]) for day in (1, 2, 3)]
    html = page_documents.rendered(runs) if name == "report" else render_index(runs)
    browser.show(tmp_path, html)
    nodes = browser.accessible()
    nameless = [node for node in nodes if role(node) in NAMED and not name_of(node)]
    assert nameless == []
    assert [role(node) for node in nodes].count("image") >= 1
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(e => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert browser.evaluate(
        "(ids => ids.length === new Set(ids).size)([...document.querySelectorAll('[id]')].map(e => e.id))"
    )
    # What scrolls sideways is reached by keyboard.
    assert browser.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0)")
    assert browser.evaluate("document.documentElement.lang") == "en"


def role(node: Any) -> str:
    return str(node.get("role", {}).get("value"))


def name_of(node: Any) -> str:
    return str(node.get("name", {}).get("value") or "").strip()
