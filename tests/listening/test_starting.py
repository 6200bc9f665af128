"""What each command loads before it does anything: each library costs every start."""

import subprocess
import sys


def test_models_and_addresses_load_without_what_only_reports_and_renderings_need():
    program = (
        "import sys, django; django.setup(); import evalapp.urls\n"
        "print([name for name in ('torch', 'matplotlib', 'scipy.stats', 'fpdf') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"DJANGO_SETTINGS_MODULE": "evalapp.settings", "SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[]", done.stderr
