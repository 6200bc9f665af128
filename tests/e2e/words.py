"""What a page says to eyes and screen readers, and a catalogue that shows which of it was translated."""

from __future__ import annotations

import re
from pathlib import Path

import polib
from playwright.sync_api import Page

LOCALE = Path(__file__).parents[2] / "listening" / "locale"
OPEN, CLOSE = "⟦⟧"

SAID = """() => {
  const said = [["title", document.title]];
  const told = ["aria-label", "aria-valuetext", "aria-description", "aria-roledescription"];
  told.push("title", "placeholder", "alt", "label");
  const look = (root, place) => {
    const nodes = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = nodes.currentNode; node; node = nodes.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) {
        const holder = node.parentElement;
        if (!holder || holder.closest("script, style, noscript, template")) continue;
        said.push([`${place}${holder.tagName.toLowerCase()}#${holder.id}.${holder.className}`, node.data]);
        continue;
      }
      if (node.nodeType !== Node.ELEMENT_NODE) continue;
      for (const name of told) if (node.hasAttribute(name)) said.push([place + name, node.getAttribute(name)]);
      if (node.matches("input[type=submit], input[type=button]")) said.push([place + "value", node.value]);
      for (const pseudo of node.isConnected ? ["::before", "::after"] : []) {
        const drawn = getComputedStyle(node, pseudo).content.match(/^"(.+)"$/);
        if (drawn) said.push([place + pseudo, drawn[1]]);
      }
      if (!node.matches("noscript")) continue;
      look(new DOMParser().parseFromString(node.textContent, "text/html").body, "noscript ");
    }
  };
  look(document.body, "");
  return said;
}"""
"""Every text of the page, hidden ones too: a script may show them. Pairs of place and text."""

WITHOUT_LANGUAGE = [
    r"[\d\s.,:;!?·×+()<>/|–—…−-]+",  # numbers and signs
    r"[↑↓←→]",  # names of keys
    r"[a-z]",  # and letters of keys
]
"""What is the same in every language, and so not translated."""


def pseudo_catalogue(folder: Path, language: str, without: str = "") -> None:
    """Write catalogues of a language in which each message is itself, in brackets.

    Parameters
    ----------
    folder : Path
        For `LOCALE_PATHS`.
    language : str
    without : str, optional
        A message that is left out, as one that is not marked would be.
    """
    target = folder / language / "LC_MESSAGES"
    target.mkdir(parents=True)
    for domain in ("django", "djangojs"):
        source = polib.pofile(str(LOCALE / language / "LC_MESSAGES" / f"{domain}.po"))
        for entry in source:
            if entry.msgid_plural:
                entry.msgstr_plural = {form: _bracketed(entry.msgid_plural) for form in entry.msgstr_plural}
            else:
                entry.msgstr = _bracketed(entry.msgid)
        source[:] = [entry for entry in source if entry.msgid != without]
        source.save_as_mofile(str(target / f"{domain}.mo"))


def _bracketed(message: str) -> str:
    """Each piece between marks of HTML in brackets, as each becomes a text of its own."""
    pieces = re.split(r"(<[^>]+>)", message)
    return "".join(f"{OPEN}{each}{CLOSE}" if each and not each.startswith("<") else each for each in pieces)


def untranslated(page: Page, names: set[str]) -> list[tuple[str, str]]:
    """Texts of a page, or parts of them, that are neither in brackets nor names of the study; with their places."""
    found = []
    for place, text in page.evaluate(SAID):
        left = outside_brackets(text)
        if left and left not in names and not any(re.fullmatch(each, left) for each in WITHOUT_LANGUAGE):
            found.append((place, left))
    return found


def outside_brackets(text: str) -> str:
    """What of a text was not translated.

    >>> outside_brackets("⟦Page 1 of ⟦3⟧⟧ – own")
    'own'
    """
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
        text = inner
    return text.strip(" \n–:")
