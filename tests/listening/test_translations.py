"""Every message is translated into every language and compiled, and no catalogue is behind the sources."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from listening.languages import NAMES

ROOT = Path(__file__).parents[2]
LOCALE = ROOT / "listening" / "locale"
STATIC = ROOT / "listening" / "static" / "listening"
LANGUAGES = sorted(set(NAMES) - {"en"})
DOMAINS = ("django", "djangojs")
CATALOGUES = [(language, domain) for language in LANGUAGES for domain in DOMAINS]

SAME_AS_ENGLISH = {
    ", ": "written alike",
    "%(seconds)s s": "the sign of the second",
    "%(rate)s kHz": "the sign of the kilohertz",
    "%(level)s dB": "the sign of the decibel",
    ("fr", "Excellent"): "the same word, also in the French Recommendations",
    ("fr", "Questions"): "the same word",
    ("es", "No"): "the same word",
}
"""Messages, or a language with a message, that may read as in English, and why."""


def catalogue(language: str, domain: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / f"{domain}.po"))


def texts(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def reads_as_in_english(entry: polib.POEntry) -> bool:
    """Whether some form of it does; a place where a long word may be broken changes nothing."""
    return entry.msgid in [text.replace("\u00ad", "") for text in texts(entry)]


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s|</?\w+>", text))


SCALE = ("Excellent", "Good", "Fair", "Poor", "Bad")
ITU_SCALE = {
    "de": ("Ausgezeichnet", "Gut", "Ordentlich", "Dürftig", "Schlecht"),  # as in German editions of ITU-T P.800
    "es": ("Excelente", "Buena", "Aceptable", "Mediocre", "Mala"),  # Rec. UIT-R BS.562-3, table 1
    "fr": ("Excellent", "Bon", "Assez bon", "Médiocre", "Mauvais"),  # Rec. UIT-R BS.562-3, table 1
    "ja": ("非常に良い", "良い", "普通", "悪い", "非常に悪い"),  # as Japanese tests after ITU-R BS.1284 print it
}
"""The words of the quality scale; the ITU's Arabic words could not be looked up, so none are held here."""


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", sorted(ITU_SCALE))
def test_the_scale_has_the_words_of_the_itu(language, domain):
    words = {entry.msgid: entry.msgstr.replace("\u00ad", "") for entry in catalogue(language, domain)}
    assert tuple(words[word] for word in SCALE) == ITU_SCALE[language]


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_every_message_is_translated_and_none_is_a_guess(language, domain):
    for entry in catalogue(language, domain):
        assert not entry.obsolete, entry.msgid
        assert not entry.fuzzy, entry.msgid
        assert all(text.strip() for text in texts(entry)), f"{language}: {entry.msgid!r} is not translated"
        for text in texts(entry):
            assert text[0].isspace() == entry.msgid[0].isspace(), entry.msgid
            assert text.strip() == text or entry.msgid.strip() != entry.msgid, entry.msgid
            assert text.count('"') == entry.msgid.count('"'), f"{text!r} would end an attribute"


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_a_message_with_a_number_has_every_form_of_its_language(language, domain):
    found = catalogue(language, domain)
    forms = int(re.search(r"nplurals=(\d)", found.metadata["Plural-Forms"])[1])
    assert forms == {"fr": 2, "de": 2, "es": 3, "ja": 1, "ar": 6}[language]
    for entry in found:
        if entry.msgid_plural:
            assert sorted(entry.msgstr_plural) == list(range(forms)), entry.msgid


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_what_is_filled_in_is_filled_in_in_every_language(language, domain):
    """A form for one number alone, as Arabic's for one and two, may say that number in words."""
    for entry in catalogue(language, domain):
        wanted = placeholders(entry.msgid)
        for form, text in enumerate(texts(entry)):
            in_words = bool(entry.msgid_plural) and language == "ar" and form < 3
            found = placeholders(text)
            assert found <= wanted if in_words else found == wanted, f"{language}: {text!r} of {entry.msgid!r}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_reads_as_in_english_but_for_a_few_with_reasons(language):
    alike = {entry.msgid for domain in DOMAINS for entry in catalogue(language, domain) if reads_as_in_english(entry)}
    assert {each for each in alike if not {each, (language, each)} & set(SAME_AS_ENGLISH)} == set()


def test_every_reason_for_a_message_as_in_english_is_needed():
    alike = set()
    for language, domain in CATALOGUES:
        for entry in catalogue(language, domain):
            if reads_as_in_english(entry):
                alike |= {entry.msgid, (language, entry.msgid)}
    assert set(SAME_AS_ENGLISH) <= alike


@pytest.mark.parametrize(("language", "domain"), CATALOGUES)
def test_what_is_compiled_is_what_is_written(language, domain):
    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / f"{domain}.mo"))
    written = {(each.msgctxt, each.msgid): texts(each) for each in catalogue(language, domain)}
    assert {(each.msgctxt, each.msgid): texts(each) for each in compiled} == written, "run `make messages`"


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs the gettext tools")
@pytest.mark.parametrize("domain", DOMAINS)
def test_no_catalogue_is_behind_the_sources(tmp_path, domain):
    """In a copy: `makemessages` writes beside what it reads."""
    copy = tmp_path / "listening"
    shutil.copytree(ROOT / "listening", copy, ignore=shutil.ignore_patterns("locale", "clips", "__pycache__"))
    (copy / "locale").mkdir()
    command = [sys.executable, ROOT / "manage.py", "makemessages", "--domain", domain, "--locale", "fr"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    wanted = {(each.msgid, each.msgid_plural) for each in polib.pofile(copy / "locale/fr/LC_MESSAGES" / f"{domain}.po")}
    for language in LANGUAGES:
        here = {(each.msgid, each.msgid_plural) for each in catalogue(language, domain)}
        assert here == wanted, "run `make messages` and fill in what is empty"


WORDS = re.compile(r"""(["`'])((?:(?!\1)[^\\\n]|\\.)*)\1""")
MARKED = re.compile(r"(?:gettext|Error|NoSound)\(\s*$|ngettext\(\s*\S.*,\s*$")
WRITTEN = re.compile(
    r"(?:textContent|innerText|title|placeholder|alt|ariaLabel|\"aria-(?:label|valuetext|description)\",)\s*=?\s*$"
)


def unmarked(script: str) -> list[str]:
    """Strings of a script that are for people and not marked: sentences, and words written into the page.

    Texts of errors count as marked: they are for programmers, or came from the server.
    """
    code = re.sub(r"/\*.*?\*/|(?<![:\w])//[^\n]*", "", script, flags=re.S)
    found = []
    for literal in WORDS.finditer(code):
        before, text = code[: literal.start()], literal[2]
        sentence = re.match(r"[A-Z][a-z']* (?=.*[a-z])", text)
        written = WRITTEN.search(before) and re.search(r"[A-Za-z]{2}", re.sub(r"\$\{[^}]*\}", "", text))
        if (sentence or written) and not MARKED.search(before[-300:]):
            found.append(text)
    return found


def scripts_of_raters() -> dict[str, str]:
    """The scripts that raters' pages load, and those that they import."""
    pages = (ROOT / "listening" / "templates" / "listening" / "rater").glob("*.html")
    names = {name for page in pages for name in re.findall(r"listening/([\w-]+\.js)", page.read_text())}
    found: dict[str, str] = {}
    while names:
        name = names.pop()
        found[name] = (STATIC / name).read_text()
        names |= set(re.findall(r'"\./([\w-]+\.js)"', found[name])) - set(found)
    return found


def test_scripts_say_nothing_that_is_not_marked():
    scripts = scripts_of_raters()
    assert {"trial.js", "i18n.js", "mixer-worklet.js"} < set(scripts)
    assert {name: found for name, text in scripts.items() if (found := unmarked(text))} == {}


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ('notify("The line is down.");', "The line is down."),
        ('button.textContent = "Copied";', "Copied"),
        ("button.title = `Sound ${n}`;", "Sound ${n}"),
        ('slider.setAttribute("aria-label", "start");', "start"),
        ('tell(ready ? "All is there" : gettext("Wait a moment"));', "All is there"),
    ],
)
def test_an_unmarked_text_of_a_script_is_found(script, text):
    assert unmarked(script) == [text]


@pytest.mark.parametrize(
    "script",
    [
        'notify(gettext("The line is down."));',
        'throw new Error("A sound came only in part.");',
        'tell(ngettext("One sound is left.", "Some sounds are left.", n));',
        "// It's the rater's \"Own words\"\n",
        'element.textContent = "";',
        "element.textContent = `${number(3)}`;",
    ],
)
def test_a_marked_text_of_a_script_is_not_reported(script):
    assert unmarked(script) == []


def unmarked_refusals(module: str) -> list[str]:
    """Plain texts with which a module answers a rater."""
    found = []
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Refused", "_no_sound"):
            status = [
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, int)
            ]
            if status not in ([400], [404]):
                found += [
                    each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
                found += [ast.unparse(each) for each in node.args if isinstance(each, ast.JoinedStr)]
    return found


def test_the_server_refuses_nothing_in_unmarked_words():
    """But for 400 and 404: they answer writes that no page of ours makes."""
    for module in ("sessions", "ratings", "views/rater"):
        assert unmarked_refusals((ROOT / "listening" / f"{module}.py").read_text()) == [], module
    assert unmarked_refusals('raise Refused(409, "You are late.")') == ["You are late."]
