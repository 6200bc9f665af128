"""Programs that try to name what lies behind slots, and what they may get right by chance.

A question is a condition: which slot of this page is it? A program learns on the pages of some raters and answers for
those of the others (cross-validation by session). It knows that each condition is on a page once. One more question is
asked: how many slots are named rightly when all of a page are named at once.

Chance is what the study's own draw gives: the order of slots is drawn anew for each page, so every order is as likely
as any. The whole of learning and answering is repeated with orders drawn again, and the best of all questions and
programs is compared with the best of them there. That takes account of how many questions were asked, and of what
cross-validation makes of a page's answers being not quite independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom
from sklearn.ensemble import ExtraTreesClassifier

FOLDS = 5
RIDGE = 30.0
ALL = "all at once"


@dataclass
class Seen:
    """Pages of a crawl.

    Attributes
    ----------
    traits : ndarray of float, shape (pages, slots, traits)
    conditions : ndarray of int, shape (pages, slots)
        Which condition lies behind each slot: each once on a page.
    sessions : ndarray of int, shape (pages,)
    names : list of str
        Of the conditions.
    traits_called : list of str
    """

    traits: np.ndarray
    conditions: np.ndarray
    sessions: np.ndarray
    names: list[str]
    traits_called: list[str]


@dataclass
class Finding:
    """What came of the questions.

    Attributes
    ----------
    hits : dict of str to dict of str to int
        Program, question -> pages (or slots, when all are named at once) named rightly.
    pages, slots : int
    chance : float
        Probability that the best of all questions and programs comes as far by chance.
    telling : list of str
        Traits that the trees used most.
    """

    hits: dict[str, dict[str, int]]
    pages: int
    slots: int
    chance: float
    telling: list[str]

    def band(self, question: str) -> tuple[int, int]:
        """The 99% band of one question by itself: binomial; for all at once, of fixed points of permutations."""
        if question == ALL:
            half = 2.576 * np.sqrt(self.pages)
            return round(self.pages - half), round(self.pages + half)
        least, most = binom.interval(0.99, self.pages, 1 / self.slots)
        return int(least), int(most)

    def table(self) -> str:
        """Every question and program, with what chance gives."""
        programs = list(self.hits)
        lines = [f"{'named':<22}{'chance':>8}{'99% band':>12}" + "".join(f"{each:>10}" for each in programs)]
        for question in self.hits[programs[0]]:
            low, high = self.band(question)
            expected = self.pages if question == ALL else self.pages / self.slots
            counts = "".join(f"{self.hits[each][question]:>10}" for each in programs)
            lines.append(f"{question:<22}{expected:>8.1f}{f'{low}-{high}':>12}{counts}")
        lines.append(f"{self.pages} pages of {self.slots} slots")
        return "\n".join(lines)


def name(seen: Seen, draws: int, trees: int = 0, seed: int = 0) -> Finding:
    """Ask every question of every program.

    Parameters
    ----------
    seen : Seen
    draws : int
        Orders drawn again, for what chance gives.
    trees : int
        Of the forest, the second program; 0 for none.
    seed : int
    """
    draw = np.random.default_rng(seed)
    pages, slots = seen.conditions.shape
    flat = _scaled(seen.traits.reshape(pages * slots, -1))
    fold = _folds(seen.sessions, draw)
    smoother = _ridge(flat, np.repeat(fold, slots))
    labels = [seen.conditions]
    labels += [np.array([draw.permutation(slots) for _ in range(pages)]) for _ in range(draws)]
    best, hits, telling = [], {}, []
    for at, conditions in enumerate(labels):
        counts = {"linear": _count(_linear(smoother, conditions), conditions, draw)}
        if trees:
            scores, weights = _forest(flat, conditions, fold, trees, seed + at)
            counts["trees"] = _count(scores, conditions, draw)
            telling = telling or [seen.traits_called[each] for each in np.argsort(weights)[::-1][:3]]
        best.append(max(_distance(each, pages, slots) for each in counts.values()))
        hits = hits or {
            program: dict(zip([*seen.names, ALL], map(int, each), strict=True)) for program, each in counts.items()
        }
    chance = float(np.mean(np.array(best) >= best[0]))
    return Finding(hits, pages, slots, chance, telling)


def _scaled(flat: np.ndarray) -> np.ndarray:
    spread = flat.std(axis=0)
    kept = np.where(spread > 1e-12, spread, 1.0)
    return np.clip((flat - flat.mean(axis=0)) / kept, -8, 8)


def _folds(sessions: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Fold of each page: all pages of a session in one."""
    places = {session: at % FOLDS for at, session in enumerate(draw.permutation(np.unique(sessions)))}
    return np.array([places[session] for session in sessions])


def _ridge(flat: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Matrix that makes scores of labels: ridge regression, each row from the other folds alone."""
    smoother = np.zeros((len(flat), len(flat)))
    for each in range(FOLDS):
        test, learn = np.flatnonzero(fold == each), np.flatnonzero(fold != each)
        known = flat[learn]
        inner = known.T @ known + RIDGE * np.eye(flat.shape[1])
        smoother[np.ix_(test, learn)] = flat[test] @ np.linalg.solve(inner, known.T)
    return smoother


def _linear(smoother: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    slots = conditions.shape[1]
    wanted = np.eye(slots)[conditions.ravel()] - 1 / slots
    return (smoother @ wanted).reshape(*conditions.shape, slots)


def _forest(
    flat: np.ndarray, conditions: np.ndarray, fold: np.ndarray, trees: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    pages, slots = conditions.shape
    fold, wanted = np.repeat(fold, slots), conditions.ravel()
    scores, weights = np.zeros((pages * slots, slots)), np.zeros(flat.shape[1])
    for each in range(FOLDS):
        forest = ExtraTreesClassifier(trees, min_samples_leaf=3, max_features=0.1, n_jobs=2, random_state=seed)
        forest.fit(flat[fold != each], wanted[fold != each])
        scores[fold == each] = forest.predict_proba(flat[fold == each])
        weights += forest.feature_importances_
    return scores.reshape(pages, slots, slots), weights


def _count(scores: np.ndarray, conditions: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Right answers to each question: for each condition the slot that scores highest; then all slots at once."""
    pages, slots = conditions.shape
    scores = scores + 1e-9 * draw.random(scores.shape)  # ties fall by lot
    named = scores.argmax(axis=1)  # (pages, conditions)
    behind = np.take_along_axis(conditions, named, axis=1)
    hits = (behind == np.arange(slots)).sum(axis=0)
    together = 0
    for page in range(pages):
        rows, columns = linear_sum_assignment(-scores[page])
        together += int((conditions[page][rows] == columns).sum())
    return np.append(hits, together)


def _distance(counts: np.ndarray, pages: int, slots: int) -> float:
    """How far above chance the best question is, in standard deviations."""
    single = (counts[:-1] - pages / slots) / np.sqrt(pages / slots * (1 - 1 / slots))
    return float(max(single.max(), (counts[-1] - pages) / np.sqrt(pages)))
