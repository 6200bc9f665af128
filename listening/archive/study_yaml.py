"""The rows of a study, its conditions and clips as study.yaml: what is set stands first, what was found under `made`.

It is the form that `create_study` reads from a file written by hand.
"""

from __future__ import annotations

from typing import Any

from listening import yaml_files
from listening.archive.tables import BY_NAME, Fault, Row

FORMAT = 1
"""Raised when an older version could not read what is written."""

RENAMED = {"study": {"raters_way": "protocol"}, "clips": {"original": "file"}}
"""Fields that have another name in the YAML."""

_OTHER = "Get the file again from where it was made."


def written(rows: dict[str, list[Row]]) -> str:
    """Rows of the tables that are in study.yaml, as its text."""
    clips = {row["id"]: row["name"] for row in rows["clips"]}
    found: dict[str, Any] = {"format": FORMAT, **_nested("study", rows["study"][0])}
    found["conditions"] = [_nested("conditions", row) for row in rows["conditions"]]
    for row in rows["supplied"]:
        files = found["conditions"][row["condition"] - 1].setdefault("files", {})
        files[clips[row["clip"]]] = {name: row[name] for name in ("file", "name", "sha256")}
    for row in rows["primary_claim"]:
        specs = {name: rows["conditions"][row[name] - 1]["spec"] for name in ("system", "against")}
        found["primary_claim"] = {"system": specs["system"], "statement": row["statement"], "against": specs["against"]}
    found["clips"] = [_nested("clips", row) for row in rows["clips"]]
    return yaml_files.written(found)


def read(text: str) -> dict[str, list[Row]]:
    """The rows of a study.yaml that was written by `written`.

    Raises
    ------
    Fault
    """
    try:
        found = yaml_files.read(text)
    except yaml_files.WrongYaml as error:
        raise Fault(f"study.yaml: {error} {_OTHER}") from error
    found = _mapping(found, "study.yaml")
    version = found.pop("format", None)
    if version != FORMAT:
        raise Fault(
            f"study.yaml: its form is {version!r}, this version of evalapp reads {FORMAT}. Update evalapp, or make a "
            "study of a file written by hand with `create_study`."
        )
    conditions, clips = (_list(found.pop(name, None), name) for name in ("conditions", "clips"))
    claim = found.pop("primary_claim", None)
    rows: dict[str, list[Row]] = {"study": [_flat("study", found, 1)], "conditions": [], "clips": [], "supplied": []}
    rows["clips"] = [_flat("clips", _mapping(each, f"clip {i}"), i) for i, each in enumerate(clips, start=1)]
    numbers = {row.get("name"): row["id"] for row in rows["clips"]}
    for i, each in enumerate(conditions, start=1):
        condition = _mapping(each, f"condition {i}")
        for name, file in _mapping(condition.pop("files", {}), f"condition {i}, files").items():
            if name not in numbers:
                raise Fault(f"study.yaml, condition {i}: there is no clip {name!r:.80}. {_OTHER}")
            number = {"id": len(rows["supplied"]) + 1, "clip": numbers[name], "condition": i}
            rows["supplied"].append({**_mapping(file, f"condition {i}, files"), **number})
        rows["conditions"].append(_flat("conditions", condition, i))
    rows["primary_claim"] = [] if claim is None else [_claim(_mapping(claim, "primary_claim"), rows["conditions"])]
    return rows


def _claim(claim: Row, conditions: list[Row]) -> Row:
    """The row of a claim, which names its conditions by their specs."""
    numbers = {row.get("spec"): row["id"] for row in conditions if not row.get("repeat")}
    for name in ("system", "against"):
        if claim.get(name) not in numbers:
            raise Fault(f"study.yaml, primary_claim: there is no condition {claim.get(name)!r:.80}. {_OTHER}")
    return {"id": 1, **claim, "system": numbers[claim["system"]], "against": numbers[claim["against"]]}


def _nested(table: str, row: Row) -> Row:
    named = {RENAMED.get(table, {}).get(name, name): value for name, value in row.items() if name != "id"}
    made = BY_NAME[table].made
    found = {name: value for name, value in named.items() if name not in made}
    return {**found, "made": {name: value for name, value in named.items() if name in made}} if made else found


def _flat(table: str, found: Row, number: int) -> Row:
    made = BY_NAME[table].made
    under = _mapping(found.pop("made", {}), "made") if made else {}
    if wrong := sorted(set(map(str, under)) - made | set(map(str, found)) & made):
        raise Fault(f"study.yaml: {', '.join(wrong)} stands where it can't. {_OTHER}")
    names = {shown: name for name, shown in RENAMED.get(table, {}).items()}
    return {"id": number, **{names.get(str(name), str(name)): value for name, value in {**found, **under}.items()}}


def _mapping(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise Fault(f"study.yaml, {where}: names with values belong there, not {value!r:.60}. {_OTHER}")
    return dict(value)


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise Fault(f"study.yaml: {where} is a list, not {value!r:.60}. {_OTHER}")
    return value
