"""The Celery application: `celery -A evalapp worker`."""

import os

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalapp.settings")

app = Celery("evalapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def share_the_cores(**_: object) -> None:
    """Give each worker process its part of the cores; after the fork, which torch's threads do not survive."""
    import torch

    processes = int(os.environ.get("WORKER_PROCESSES", os.cpu_count() or 1))
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // processes))
