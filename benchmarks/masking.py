"""What the mask over sounds costs: milliseconds for a megabyte, on the server and in browsers.

    python benchmarks/masking.py
    python benchmarks/masking.py --repeats 50 --json masking.json

Medians. The server's row is beside reading the same file from the disk's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from django.conf import settings  # noqa: E402

settings.configure(SECRET_KEY="benchmark")

from listening import masking  # noqa: E402
from tests.robot import FIREFOX_CONTEXT, chromium, firefox, missing_chromium, missing_firefox  # noqa: E402

SIZE = 1_000_000

UNMASK = """async ([code, size, key, repeats]) => {
  const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const bytes = new ArrayBuffer(size);
  const took = [];
  for (let i = 0; i < repeats; i++) {
    const before = performance.now();
    for (let j = 0; j < 10; j++) module.unmask(bytes, key); // browsers round their clocks to a millisecond
    took.push((performance.now() - before) / 10);
  }
  return took;
}"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    content, key = os.urandom(SIZE), masking.key_of("token")
    found: dict[str, list[float]] = {}
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        found["server: read"] = _timed(Path(file.name).read_bytes, options.repeats)
    found["server: mask"] = _timed(lambda: masking.mask(content, key), options.repeats)
    for name, missing, launch, context in (
        ("Chromium: unmask", missing_chromium, chromium, {}),
        ("Firefox: unmask", missing_firefox, firefox, FIREFOX_CONTEXT),
    ):
        if reason := missing():
            print(f"{name}: {reason}")
            continue
        code = (ROOT / "listening" / "static" / "listening" / "mask.js").read_text()
        with launch() as browser:
            page = browser.new_context(**context).new_page()
            found[name] = page.evaluate(UNMASK, [code, SIZE, key, options.repeats])
    print(f"{'1 MB':<20}{'median':>10}{'first':>10}   ms")
    for name, took in found.items():
        print(f"{name:<20}{statistics.median(took):>10.2f}{took[0]:>10.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _timed(work: Callable[[], object], repeats: int) -> list[float]:
    took = []
    for _ in range(repeats):
        before = time.perf_counter()
        work()
        took.append(1000 * (time.perf_counter() - before))
    return took


if __name__ == "__main__":
    main()
