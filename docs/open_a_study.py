"""From a folder of recordings to an open study, over evalapp's JSON API. Needs Python 3.11, nothing else.

export EVALAPP_URL=https://listening.example.org EVALAPP_TOKEN=evalapp_...
python open_a_study.py recordings/ --title "Speech at low rates" --preset encodec-speech
python open_a_study.py recordings/ --title "Speech at low rates" --spec opus@12 --spec lyra@6
"""

import argparse
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ANCHORED = ["reference", "lowpass@7000", "lowpass@3500"]  # hidden reference and both anchors, after BS.1534-3


def call(method, path, body=None, file=None):
    """One request; what it answers, or the end of the program with the server's own words."""
    data, kind = None, "application/json"
    if file is not None:
        limit = secrets.token_hex(16)
        head = f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
        data = head.encode() + file.read_bytes() + f"\r\n--{limit}--\r\n".encode()
        kind = f"multipart/form-data; boundary={limit}"
    elif body is not None:
        data = json.dumps(body).encode()
    request = urllib.request.Request(f"{os.environ['EVALAPP_URL'].rstrip('/')}/api/v1/{path}", data, method=method)
    request.add_header("Authorization", f"Bearer {os.environ['EVALAPP_TOKEN']}")
    request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"{method} {path}: {json.load(error)['error']}")


options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
options.add_argument("folder", type=Path)
options.add_argument("--title", required=True)
options.add_argument("--preset")
options.add_argument("--spec", action="append", default=[])
given = options.parse_args()

study = call("POST", "studies", {"title": given.title})
here = f"studies/{study['slug']}"
for path in sorted(given.folder.glob("*.wav")):
    clip = call("POST", f"{here}/clips", file=path)
    print(f"{clip['name']}: {clip['length']:.1f} s.", *clip["warnings"])

chosen = {"preset": given.preset} if given.preset else {"specs": ANCHORED + given.spec}
conditions = call("PUT", f"{here}/conditions", chosen)
print("Compared:", ", ".join(each["title"] for each in conditions["conditions"]))
for spec, why in conditions["left_out"].items():
    print(f"Left out: {spec}. {why}")
for each in conditions["conditions"]:
    if each["stands_for"]:
        print(f"{each['title']} stands for {each['stands_for']}.")

progress = call("POST", f"{here}/rendering")
while progress["study_state"] == "rendering":
    time.sleep(0.2)
    progress = call("GET", f"{here}/rendering")
for each in progress["stimuli"]:
    if each["state"] == "failed":
        print(f"{each['clip']} through {each['condition']}: {each['error']}")
if progress["failed"]:
    sys.exit(f"{progress['failed']} of {progress['total']} stimuli failed. When mended: POST {here}/rendering/retry")

checks = call("GET", f"{here}/checks")
for caution in checks["cautions"]:
    print(f"Caution: {caution}")
for finding in checks["material"]:
    print(f"{finding['grade'].capitalize()}: {finding['about']}: {finding['text']}")
study = call("POST", f"{here}/open")
print(f"Open. Raters' link: {study['invite_link']}")
