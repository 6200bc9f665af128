"""The supervisor of `run` and `demo`, with small real children."""

import os
import signal
import subprocess
import sys
import time

import pytest

from listening import processes
from listening.processes import Processes
from tests.stack import ROOT, wait_for

SLEEPS = ("timeit", "-n1", "-r1", "-s", "import time", "time.sleep(60)")
ENDS = ("platform",)


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "logs"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(processes, "FIRST_DELAY", 0.05)
    monkeypatch.setattr(processes, "LONGEST_DELAY", 0.4)


def runs(pid):
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def start(children, name, *command):
    children.start(name, *command)
    children._children[name].delay = processes.FIRST_DELAY
    return children.pid(name)


def test_a_child_that_is_killed_starts_again_and_the_others_go_on(logs, quick, caplog):
    with Processes(logs) as children:
        helper, web = start(children, "worker", *SLEEPS), start(children, "web", *SLEEPS)
        os.kill(helper, signal.SIGKILL)

        def again():
            children.look_after()
            return children.pid("worker") not in (None, helper) and children.pid("worker")

        successor = wait_for(again, 10, "the second start")
        assert runs(successor)
        assert children.pid("web") == web
        assert runs(web)
    assert "The worker process ended with code -9. It starts again in 0.05 s" in caplog.text
    assert not runs(successor)
    assert not runs(web)


def test_a_child_that_keeps_ending_waits_twice_as_long_each_time(logs, quick, caplog):
    with Processes(logs) as children:
        start(children, "beat", *ENDS)

        def ended_five_times():
            children.look_after()
            return caplog.text.count("beat process ended") == 5

        wait_for(ended_five_times, 20, "five ends")
    delays = [record.args[2] for record in caplog.records if record.name == "listening.processes"]
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.4]


def test_a_child_that_lived_long_starts_again_after_the_first_delay(logs, quick, monkeypatch, caplog):
    monkeypatch.setattr(processes, "STEADY", 0.0)
    with Processes(logs) as children:
        start(children, "beat", *ENDS)
        wait_for(lambda: children.look_after() or caplog.text.count("process ended") == 3, 20, "three ends")
    assert {record.args[2] for record in caplog.records if record.name == "listening.processes"} == {0.05}


def test_a_log_that_cannot_be_written_keeps_no_child_from_starting(logs, caplog):
    logs.write_text("no folder")
    with Processes(logs) as children:
        assert runs(start(children, "worker", *SLEEPS))
    assert "worker.log cannot be written" in caplog.text


def test_a_web_server_that_cannot_start_is_an_error_with_the_end_of_its_log(logs):
    with Processes(logs) as children:
        start(children, "web", "nowhere")
        with pytest.raises(RuntimeError, match="No module named nowhere"):
            children.wait_for("web", lambda: False, 20)


PARENT = """
import sys
from pathlib import Path
from listening.processes import Processes
with Processes(Path(sys.argv[1])) as children:
    children.start("worker", "timeit", "-n1", "-r1", "-s", "import time", "time.sleep(60)")
    print(children.pid("worker"), flush=True)
    children.wait()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_end_when_their_parent_is_killed(logs, number):
    with subprocess.Popen([sys.executable, "-c", PARENT, logs], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        assert runs(child)
        begun = time.monotonic()
        parent.send_signal(number)
        wait_for(lambda: not runs(child), 5, "the child's end")
        assert time.monotonic() - begun < 5
