"""The Celery application: `celery -A evalapp worker`."""

import gc
import os

from celery import Celery
from celery.signals import task_postrun, task_prerun, worker_init, worker_process_init, worker_ready
from django.db import close_old_connections, connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.settings")

TRANSPORT_ALIASES |= {
    "filesystem": "evalapp.file_queue:Transport",
    "redis": "evalapp.redis_queue:Transport",
    "rediss": "evalapp.redis_queue:Transport",
}

app = Celery("evalapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
@task_postrun.connect
def look_after_connections(**_: object) -> None:
    """Go on with the database connection of the last task if it still works, as a request does with the last one's.

    Celery itself would open one for each task.
    """
    from listening import heartbeats

    close_old_connections()
    heartbeats.note("worker")


@worker_ready.connect
def note_the_start(**_: object) -> None:
    """A worker that starts lives, before its first task. Later forks must not inherit its connection."""
    from listening import heartbeats

    heartbeats.note("worker")
    connections.close_all()


@worker_init.connect
def load_once(**_: object) -> None:
    """Load what every rendering needs before the fork: worker processes share it, and a new one is there at once.

    Nothing of it is ever garbage: it is not looked through again and again, which would also end the sharing.
    """
    import scipy.signal
    import torch

    assert scipy.signal
    assert torch
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def share_the_cores(**_: object) -> None:
    """Give each worker process its part of the cores; after the fork, which torch's threads do not survive."""
    import threadpoolctl
    import torch

    from audiocodecs.memory import keep_freed_memory

    processes = int(os.environ.get("WORKER_PROCESSES", os.cpu_count() or 1))
    threads = max(1, (os.cpu_count() or 1) // processes)
    torch.set_num_threads(threads)
    threadpoolctl.threadpool_limits(threads)  # numpy's, which would wait for each other on cores that others use
    keep_freed_memory()
