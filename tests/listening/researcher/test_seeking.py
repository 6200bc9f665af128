"""A browser asks for the part of a sound that it seeks to."""

import pytest
from django.urls import reverse

from listening.clips import prepare


@pytest.fixture
def sound(page, draft):
    clip = draft.clips.first()
    prepare(clip)
    whole = clip.reference.read()

    def part(header=None):
        headers = {"Range": header} if header else {}
        response = page.get(reverse("reference", args=[draft.slug, clip.pk]), headers=headers)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return response, body

    return whole, part


def test_without_a_range_all_of_it_comes(sound):
    whole, part = sound
    response, body = part()
    assert (response.status_code, body == whole) == (200, True)
    assert response["Accept-Ranges"] == "bytes"
    assert int(response["Content-Length"]) == len(whole)


@pytest.mark.parametrize(
    ("header", "cut"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=5000-", slice(5000, None)),
        ("bytes=-300", slice(-300, None)),
        ("bytes=100-99999999", slice(100, None)),
        ("bytes=0-0", slice(0, 1)),
    ],
)
def test_a_part_is_sent_exactly(sound, header, cut):
    whole, part = sound
    response, body = part(header)
    assert response.status_code == 206
    assert body == whole[cut]
    first = cut.indices(len(whole))[0]
    assert response["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"
    assert int(response["Content-Length"]) == len(body)


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=200-100", "bytes=-0"])
def test_a_part_that_is_not_there_is_refused(sound, header):
    whole, part = sound
    response, body = part(header)
    assert (response.status_code, body) == (416, b"")
    assert response["Content-Range"] == f"bytes */{len(whole)}"


@pytest.mark.parametrize("header", ["bytes=0-1,5-6", "seconds=1-2", "bytes=-", "nonsense"])
def test_what_is_no_single_range_gets_all_of_it(sound, header):
    whole, part = sound
    response, body = part(header)
    assert (response.status_code, body == whole) == (200, True)
