"""How well rendering uses the cores: a study of many clips and conditions, and a second one of the same.

    python benchmarks/rendering.py
    python benchmarks/rendering.py --clips 10 --seconds 3 --json rendering.json

Real workers on an installation of its own (SQLite, Celery's file-system broker, a folder that is deleted). The clips
are cut from the demo's speech. Useful is the processor time inside encode and decode; everything else of the workers'
time is reading, aligning, measuring, storing and packing. The second study must render nothing. Beside it a plain
loop: as many processes that read each file, call the same codecs and write what comes back, and do nothing else.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLIPS = ROOT / "listening" / "demo" / "clips"
CONDITIONS = (
    *("reference", "lowpass@7000", "lowpass@3500"),
    *("neural@1.5", "neural@3", "neural@6", "neural@12"),
    *("opus@6", "opus@12", "lyra@3.2", "lyra@6", "lyra@9.2"),
)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each clip (default %(default)g)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rendering-") as folder:
        os.environ |= {"VAR_DIR": folder, "MEASURE_STIMULI": "0", "DJANGO_SETTINGS_MODULE": "evalapp.settings"}
        for name in ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT"):
            os.environ.pop(name, None)
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        rows = run(arguments.clips, arguments.seconds, arguments.workers, Path(folder))
        rows.append(loop(arguments.workers, Path(folder)))
    show(rows, arguments.workers)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))
    return 0


def run(clips: int, seconds: float, workers: int, folder: Path) -> list[dict[str, float | str]]:
    """Render both studies; a row each."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from listening.processes import Processes, start_worker

    call_command("migrate", interactive=False, verbosity=0)
    owner = get_user_model().objects.create_user("bench")
    studies = [prepare(owner, name, clips, seconds) for name in ("first", "second")]
    with Processes(folder / "logs") as processes:
        start_worker(processes, workers)
        wait_for_workers(folder, processes, workers)
        return [timed(processes, study) for study in studies]


def prepare(owner, name: str, count: int, seconds: float):  # noqa: ANN001, ANN201
    """A study of clips cut from the demo's speech, each at another place."""
    import soundfile
    from django.core.files.uploadedfile import SimpleUploadedFile

    from listening import clips, studies

    study = studies.create_study(owner, name)
    sources = [soundfile.read(path, always_2d=True) for path in sorted(CLIPS.glob("speech_*.flac"))]
    for number in range(count):
        data, rate = sources[number % len(sources)]
        room = len(data) - int(seconds * rate)
        start = room * (number // len(sources)) // max(1, (count - 1) // len(sources))
        buffer = io.BytesIO()
        soundfile.write(buffer, data[max(0, start) :][: int(seconds * rate)], rate, format="WAV", subtype="PCM_16")
        clips.add_clip(study, SimpleUploadedFile(f"clip{number:03d}.wav", buffer.getvalue()), "speech")
    studies.set_conditions(study, list(CONDITIONS))
    return study


def wait_for_workers(folder: Path, processes, workers: int) -> None:  # noqa: ANN001
    """Until every process of the worker has loaded its libraries: that is no rendering."""
    log = folder / "logs" / "worker.log"
    while "ready." not in (log.read_text() if log.exists() else ""):
        processes.look_after()
        time.sleep(0.2)
    time.sleep(2)


def timed(processes, study) -> dict[str, float | str]:  # noqa: ANN001
    """Render a study; what it took."""
    from django.db.models import Sum

    from listening import studies
    from listening.models import Rendering, Study

    files = Rendering.objects.exclude(stimulus="").values("stimulus").distinct().count()
    begun, before = time.perf_counter(), workers_seconds()
    studies.start_rendering(study)
    while study.state == Study.State.RENDERING:
        processes.look_after()
        time.sleep(0.25)
        study.refresh_from_db()
    wall = time.perf_counter() - begun
    rows = Rendering.objects.filter(clip__study=study)
    if failed := rows.filter(state=Rendering.State.FAILED).first():
        raise SystemExit(f"{failed}: {failed.error}")
    made = Rendering.objects.exclude(stimulus="").values("stimulus").distinct().count() - files
    return {
        "study": study.slug,
        "stimuli": rows.count(),
        "new files": made,
        "wall": wall,
        "codecs": float(rows.aggregate(total=Sum("cpu_seconds"))["total"] or 0) if made else 0.0,
        "workers": workers_seconds() - before,
    }


def loop(workers: int, folder: Path) -> dict[str, float | str]:
    """The same references through the same codecs in a plain loop; what it took."""
    from listening.models import Rendering

    of = Rendering.objects.filter(clip__study__slug="first").values_list("clip__reference", "condition__spec")
    tasks = [(str(folder / "media" / name), spec, str(folder / f"{at}.wav")) for at, (name, spec) in enumerate(of)]
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=one_thread, initargs=(workers,)) as pool:
        list(pool.map(coded, tasks[:workers]))  # libraries and models loaded
        begun = time.perf_counter()
        spent = list(pool.map(coded, tasks))
        wall = time.perf_counter() - begun
    codecs, used = (sum(column) for column in zip(*spent, strict=True))
    return {
        "study": "plain loop",
        "stimuli": len(tasks),
        "new files": len(tasks),
        "wall": wall,
        "codecs": codecs,
        "workers": used,
    }


def one_thread(workers: int) -> None:
    """Give a process of the loop its part of the cores, as a worker's process has it."""
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))


def coded(task: tuple[str, str, str]) -> tuple[float, float]:
    """Read, encode, decode, write; processor seconds of the codec, and of all."""
    from audiocodecs import audio
    from audiocodecs.registry import get_codec

    source, spec, target = task
    begun = time.process_time()
    found, codec = audio.read(Path(source)), get_codec(spec)
    before = time.process_time()
    samples, rate = codec.decode(codec.encode(found.samples, found.rate))
    between = time.process_time()
    audio.write_wav(Path(target), samples, rate)
    return between - before, time.process_time() - begun


def workers_seconds() -> float:
    """Processor time of all Celery processes below this one so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if (
                b"celery" not in command
                or f"VAR_DIR={os.environ['VAR_DIR']}\0".encode() not in (entry / "environ").read_bytes()
            ):
                continue
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total


def show(rows: list[dict[str, float | str]], workers: int) -> None:
    """Print the table."""
    print(f"\n{workers} worker processes, {os.cpu_count()} cores\n")
    names = ("study", "stimuli", "new files", "wall, s", "codecs' CPU, s", "workers' CPU, s")
    print(f"| {' | '.join(names)} | codecs of the workers | of the cores |")
    print("|---" * (len(names) + 2) + "|")
    for row in rows:
        wall, codecs, used = (float(row[name]) for name in ("wall", "codecs", "workers"))
        shares = [f"{codecs / used:.0%}", f"{codecs / (workers * wall):.0%}"] if codecs else ["–", "–"]
        counts = [str(row[name]) for name in ("study", "stimuli", "new files")]
        print(f"| {' | '.join([*counts, f'{wall:.1f}', f'{codecs:.1f}', f'{used:.1f}', *shares])} |")


if __name__ == "__main__":
    sys.exit(main())
