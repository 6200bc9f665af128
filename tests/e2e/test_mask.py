"""The page takes off what the server puts on: the same arithmetic in two languages."""

import base64

import pytest

from listening import masking

pytestmark = pytest.mark.e2e

UNMASK = """async ([module, text, key]) => {
  const { unmask } = await import(module);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  unmask(bytes, key);
  let back = "";
  for (const byte of new Uint8Array(bytes)) back += String.fromCharCode(byte);
  return btoa(back);
}"""


def unmasked(page, content: bytes, key: str) -> bytes:
    found = page.evaluate(UNMASK, ["/static/listening/mask.js", base64.b64encode(content).decode(), key])
    return base64.b64decode(found)


def test_the_page_takes_off_the_mask_that_the_server_puts_on(page, live_server):
    page.goto(f"{live_server.url}/login/")
    for key in ("0" * 32, "f" * 32, "8000000000000000fffffffe7fffffff", "0123456789abcdef" * 2):
        for length in (0, 1, 2, 3, 4, 5, 1000, 300_003):
            content = (bytes(range(256)) * (length // 256 + 1))[:length]
            assert unmasked(page, masking.mask(content, key), key) == content
