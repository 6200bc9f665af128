"""What gunicorn is told beside its command line."""

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from listening.processes import die_with


def post_fork(server: Arbiter, worker: Worker) -> None:
    """A process of a killed web server must neither live on nor hold its port."""
    die_with(server.pid)
