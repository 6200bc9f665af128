"""The trial page: what its scripts and its rater find in it."""

import re


def test_every_slot_has_a_button_and_a_slider_with_the_names_that_others_rely_on(walker):
    walker.to_training()
    ids = re.findall(r'data-testid="([^"]+)"', walker.text)
    slots = [name for slot in range(1, 5) for name in (f"play-slot-{slot}", f"score-slot-{slot}")]
    assert sorted(ids) == sorted(["play-reference", "stop", "loop", "next", *slots])


def test_sliders_are_unset_whole_numbers_from_0_to_100_and_say_so(walker):
    walker.to_training()
    sliders = re.findall(r"<input type=\"range\"[^>]*>", walker.text)
    assert len(sliders) == 4
    for slider in sliders:
        assert 'min="0"' in slider
        assert 'max="100"' in slider
        assert 'step="1"' in slider
        assert 'aria-valuetext="not rated"' in slider
        assert 'class="score unset"' in slider


def test_the_training_says_that_it_is_not_counted_and_trials_say_how_many_there_are(walker):
    walker.to_training()
    assert "not counted" in walker.text
    walker.rate_all().leave()
    assert "not counted" not in walker.text
    assert re.search(r"Page 1 <span[^>]*>of 2</span>", walker.text)
    walker.rate_all().leave()
    assert re.search(r"Page 2 <span[^>]*>of 2</span>", walker.text)


def test_next_is_disabled_before_the_scripts_run_and_there_is_a_word_for_those_without(walker):
    walker.to_training()
    assert re.search(r'<button[^>]*data-testid="next"[^>]*disabled', walker.text)
    assert "needs JavaScript" in walker.text


def test_no_script_or_style_is_written_into_the_page(walker):
    walker.to_trials()
    for answer in walker.seen:
        text = answer.content.decode(errors="replace")
        assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_nothing_is_fetched_from_elsewhere(walker):
    walker.to_end()
    for answer in walker.seen:
        assert b"http://" not in answer.content.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in answer.content
