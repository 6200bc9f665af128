"""How long a rater waits: to the first sound, and to all stimuli, beside the way in which webMUSHRA loads.

    python benchmarks/rater_page.py
    python benchmarks/rater_page.py --clips music_metal --mbits 5 --repeats 1 --json waits.json

Twelve stimuli of 10 s, 48 kHz stereo, at a throttled line in Chromium, cache empty. webMUSHRA asks for every file of
the page at once, as plain WAV, decodes them and then shows the page; its hidden reference is the reference's own file,
so that it fetches 12 files where we fetch 13. Both play as soon as they can: the time of the first sound is when the
sound output runs. Rows: ours; ours with plain WAV; webMUSHRA's way; and ours where the page before was rated for long
enough to fetch this one's sounds.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import shutil
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.stack import Stack  # noqa: E402

LATENCY = 20
"""Milliseconds that every answer waits on the throttled line."""
SPECS = ["reference", "lowpass@7000", "lowpass@3500", *(f"opus@{rate}" for rate in (6, 12, 24, 32, 64, 96))]
SPECS += [f"mp3@{rate}" for rate in (32, 64, 128)]

MAKE = """
import json
from pathlib import Path
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from listening import clips, rendering, sessions, studies
from listening.models import Clip, Rendering
owner = get_user_model().objects.create_user("bench")
study = studies.create_study(owner, "Waits", rate=48000, channels=2)
source = Path("listening/demo/clips/{clip}.flac")
for n in (0, 1):
    upload = SimpleUploadedFile(f"part{{n}}.flac", source.read_bytes() + bytes(n))
    clip = clips.add_clip(study, upload)
    clips.set_excerpt(clip, start=0.0, length=min(10.0, clip.original_seconds), name=clip.name, category="")
studies.set_conditions(study, {specs})
studies.start_rendering(study)
for row in studies.progress(study).rows:
    assert rendering.render(row.pk).error == ""
studies.open_study(study, owner)

def link():
    session = sessions.start(study, outside_ids={{}}, locale="en", browser="")
    for left in ("consent", "instructions"):
        sessions.advance(session, left)
    return session.rater.get_absolute_url()

clip = study.clips.first()
wav = [clip.reference.name] + [each.stimulus.name for each in clip.renderings.exclude(condition__spec="reference")]
print(json.dumps({{"links": [link() for _ in range({links})], "wav": wav, "seconds": clip.frames / 48000,
                  "sizes": [clip.packed.size, clip.reference.size]}}))
"""

# Presses the reference as soon as that is possible and notes, in ms since the page was asked for, when the sound
# output ran and when everything was there.
WATCH = """
window.waits = {};
const Context = window.AudioContext;
window.AudioContext = class extends Context {
  constructor(wishes) {
    super(wishes);
    const look = () => (this.currentTime > 0 ? (window.waits.first ??= performance.now()) : setTimeout(look, 2));
    if (wishes) look();
  }
};
addEventListener("DOMContentLoaded", () => {
  const look = () => {
    const reference = document.querySelector("[data-testid=play-reference]");
    if (!window.pressed && reference && !reference.disabled) (window.pressed = true) && reference.click();
    const loading = document.getElementById("loading");
    if (loading?.hidden || window.allDecoded) window.waits.all ??= performance.now();
    if (!(window.waits.first && window.waits.all)) setTimeout(look, 2);
  };
  look();
});
"""

PEER = """<!DOCTYPE html><title>All before the page</title><button data-testid="play-reference" disabled>Play</button>
<script type="module">
const decoder = new OfflineAudioContext(2, 1, 48000);
const one = async (name) => decoder.decodeAudioData(await (await fetch(name)).arrayBuffer());
const [reference] = await Promise.all(FILES.map(one));
window.allDecoded = true;
const button = document.querySelector("button");
button.onclick = () => {
  const output = new AudioContext({ sampleRate: 48000 });
  const source = new AudioBufferSourceNode(output, { buffer: reference });
  source.connect(output.destination);
  source.start();
};
button.disabled = false;
</script>"""


def main() -> None:
    """Measure and print the table."""
    options = _options()
    found: list[dict[str, object]] = []
    for clip in options.clips:
        with tempfile.TemporaryDirectory(prefix="rater-page-") as folder:
            found += _measure(Path(folder), clip, options.mbits, options.repeats)
    print(f"\n{'':<26}{'line':>10}{'first sound':>14}{'all ready':>12}   seconds, median of {options.repeats}")
    for mbits in options.mbits:
        for way in ("ours", "ours, plain WAV", "webMUSHRA's way", "ours, fetched ahead"):
            rows = [row for row in found if row["way"] == way and row["mbits"] == mbits]
            first, ready = (statistics.mean(float(str(row[name])) for row in rows) for name in ("first", "all"))
            print(f"{way:<26}{mbits:>4} Mbit/s{first:>14.2f}{ready:>12.2f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _measure(folder: Path, clip: str, lines: list[int], repeats: int) -> list[dict[str, object]]:
    stack = Stack(folder)
    made = stack.python(MAKE.format(clip=clip, specs=SPECS, links=3 * len(lines) * repeats + 1))
    packed, plain = made["sizes"]
    print(
        f"{clip}: {made['seconds']:.1f} s, a file {packed / 1e6:.2f} MB packed, {plain / 1e6:.2f} MB plain", flush=True
    )
    links = iter(made["links"])
    url = stack.start_web()
    media = folder / "var" / "media"
    (media / "peer.html").write_text(PEER.replace("FILES", json.dumps(made["wav"])))
    found = []
    try:
        with sync_playwright() as playwright, _files(media) as peer:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
            )
            _wait(browser, url + next(links), 1000)  # the server's first answer is slow
            for mbits in lines:
                for _ in range(repeats):
                    ahead = url + next(links)
                    found.append(("ours", mbits, _wait(browser, url + next(links), mbits)))
                    found.append(("webMUSHRA's way", mbits, _wait(browser, f"{peer}/peer.html", mbits)))
                    found.append(("ours, fetched ahead", mbits, _wait(browser, ahead, mbits, warm=True)))
            stack.python("from listening.models import Clip; print(Clip.objects.update(packed=''))")
            for mbits in lines:
                for _ in range(repeats):
                    found.append(("ours, plain WAV", mbits, _wait(browser, url + next(links), mbits)))
            browser.close()
    finally:
        stack.stop()
    rows = []
    for way, mbits in dict.fromkeys((way, mbits) for way, mbits, _ in found):
        waits = [each for one, line, each in found if (one, line) == (way, mbits)]
        first, ready = (statistics.median(each[name] for each in waits) / 1000 for name in ("first", "all"))
        rows.append({"clip": clip, "way": way, "mbits": mbits, "first": first, "all": ready})
        print(f"  {way:<24}{mbits:>4} Mbit/s{first:>10.2f} s{ready:>10.2f} s", flush=True)
    return rows


def _wait(browser: Browser, url: str, mbits: int, *, warm: bool = False) -> dict[str, float]:
    """Milliseconds from asking for a page to its first sound, and to all of them."""
    context = browser.new_context()
    try:
        if warm:  # what the page before does while it is rated
            page = context.new_page()
            page.goto(url)
            page.locator("#loading").wait_for(state="hidden", timeout=300_000)
            page.close()
        page = context.new_page()
        page.add_init_script(WATCH)
        line = context.new_cdp_session(page)
        line.send("Network.enable")
        rate = mbits * 1e6 / 8
        line.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": LATENCY, "downloadThroughput": rate, "uploadThroughput": rate},
        )
        page.goto(url, wait_until="commit", timeout=300_000)
        page.wait_for_function("window.waits.first && window.waits.all", timeout=300_000)
        return page.evaluate("window.waits")
    finally:
        context.close()


@contextmanager
def _files(folder: Path) -> Iterator[str]:
    """A plain web server of a folder; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    clips = ["music_metal", "music_electronic", "music_orchestral"]
    parser.add_argument(
        "--clips", nargs="+", default=clips, help="of the demo; default: three from hard to easy to pack"
    )
    parser.add_argument("--mbits", nargs="+", type=int, default=[5, 50], help="speeds of the line (default: 5 50)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
