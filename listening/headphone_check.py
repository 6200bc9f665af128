"""A rater's attempts at the headphone tests: what they get, what they answered, whether they passed.

An attempt is six trials, drawn from the session's seed, with random tokens for their sounds. The first answer to a
trial counts. Which answer is right never leaves the server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from django.utils.translation import gettext as _

from listening import headphones
from listening.models import Session
from listening.models.rating import new_token

PLAYS = 1
"""How often each trial is played, as in both published tests; their pass rates are for that."""
_TWO_EARS = 3.01  # dB: BS.1770 adds the power of both channels
_EXAMPLE = headphones.TRIALS  # place of its noise in the seed: after those of the trials


class WrongAnswer(Exception):
    """What is no answer to the trial at hand; the text tells the rater what to do."""


@dataclass
class Attempt:
    """One attempt at one test.

    Attributes
    ----------
    test : str
        "antiphase" or "huggins".
    number : int
        From 1 for each test.
    trials : sequence of sequence of str
        What is in the three intervals, as `headphones.draw` gives it.
    tokens : list of str
        Of the trials' sounds.
    example : str
        Token of the example; "" where the test has none.
    answers : list of int
        Intervals that were named so far, from 1.
    """

    test: str
    number: int
    trials: Sequence[Sequence[str]]
    tokens: list[str]
    example: str
    answers: list[int] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether every trial was answered."""
        return len(self.answers) == len(self.trials)

    @property
    def right(self) -> int:
        """Number of right answers so far."""
        return sum(given == expected for given, expected in zip(self.answers, self.right_answers, strict=False))

    @property
    def right_answers(self) -> list[int]:
        """The intervals that were asked for."""
        return [headphones.right_answer(trial) for trial in self.trials]


def attempts(session: Session, test: str | None = None) -> list[Attempt]:
    """Attempts of a session, first to last; of one test alone where it is named."""
    return [Attempt(**kept) for kept in session.headphones if test in (None, kept["test"])]


def current(session: Session) -> Attempt | None:
    """The attempt that the rater is at; None on every other page."""
    if session.state != Session.State.HEADPHONES:
        return None
    return attempts(session, session.way[session.at][1])[-1]


def begin(session: Session, test: str) -> None:
    """Add an attempt; the session is not yet saved."""
    number = len(attempts(session, test)) + 1
    trials = headphones.draw(test, session.seed, number)
    example = new_token() if test == "huggins" else ""
    attempt = Attempt(test, number, trials, [new_token() for _ in trials], example)
    session.headphones = [*session.headphones, asdict(attempt)]


def answer(session: Session, number: int, trial: int, choice: int) -> None:
    """Take an answer; a trial that has one keeps it. The session is not yet saved.

    Where the attempt is over, not passed, and another one is allowed, that begins.

    Parameters
    ----------
    session : Session
        At a headphone test.
    number : int
        Of the attempt.
    trial : int
        From 0.
    choice : int
        1 to 3.

    Raises
    ------
    WrongAnswer
    """
    attempt = current(session)
    if attempt is None or number != attempt.number or trial < len(attempt.answers):
        return
    if trial != len(attempt.answers) or not 1 <= choice <= len(attempt.trials[trial]):
        raise WrongAnswer(_("This answer does not belong to the question where you are. Reload the page."))
    attempt.answers.append(choice)
    at = max(i for i, kept in enumerate(session.headphones) if kept["test"] == attempt.test)
    session.headphones = [*session.headphones[:at], asdict(attempt), *session.headphones[at + 1 :]]
    if attempt.over and not passed(session, attempt) and number < session.study.protocol.headphones.attempts:
        begin(session, attempt.test)


def passed(session: Session, attempt: Attempt) -> bool:
    """Whether an attempt has as many right answers as the study wants."""
    return attempt.right >= session.study.protocol.headphones.passes_with(attempt.test)


def failed(session: Session) -> bool:
    """Whether a test's last attempt is over and was not passed."""
    last = {attempt.test: attempt for attempt in attempts(session)}
    return any(attempt.over and not passed(session, attempt) for attempt in last.values())


def outcome(session: Session) -> str:
    """ "passed" all tests, "failed" one, or "" while neither is decided."""
    if failed(session):
        return "failed"
    done = {attempt.test for attempt in attempts(session) if attempt.over and passed(session, attempt)}
    wanted = session.study.protocol.headphones.tests
    return "passed" if wanted and done >= set(wanted) else ""


def last_right(session: Session, test: str) -> int | None:
    """Right answers of the last attempt at a test that is over; None where there is none."""
    done = [attempt.right for attempt in attempts(session, test) if attempt.over]
    return done[-1] if done else None


def record(session: Session) -> list[dict[str, object]]:
    """What was answered and what would have been right, attempt by attempt."""
    return [
        {
            "test": attempt.test,
            "attempt": attempt.number,
            "answers": attempt.answers,
            "right_answers": attempt.right_answers,
        }
        for attempt in attempts(session)
    ]


def sound(session: Session, token: str) -> bytes | None:
    """WAV behind a token of the trial at hand, the next one or the example; None for any other token."""
    attempt = current(session)
    if attempt is None or not token:
        return None
    at = len(attempt.answers)
    ahead: dict[str, tuple[int, Sequence[str]]] = {
        attempt.tokens[i]: (i, attempt.trials[i]) for i in range(at, min(at + 2, len(attempt.trials)))
    }
    ahead[attempt.example] = (_EXAMPLE, headphones.EXAMPLE)
    if token not in ahead:
        return None
    place, trial = ahead[token]
    study = session.study
    # As loud at each ear as the study's clips: a mono clip goes to both.
    loudness = study.loudness - (_TWO_EARS if study.channels == 2 else 0)
    samples = headphones.sound(trial, study.rate, loudness, [session.seed, attempt.number, place])
    return headphones.wav(samples, study.rate)
