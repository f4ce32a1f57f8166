from __future__ import annotations

from napari_stego.export.fonts import font_for


def test_a_font_is_found_only_if_it_has_all_letters():
    assert font_for("coral  12 %", 14) is not None
    # Not a character: no font has it.
    assert font_for("coral \uffff", 14) is None


def test_a_font_that_is_found_draws_no_box():
    font = font_for("Größe", 14)
    if font is not None:
        box = bytes(font.getmask("\U0010ffff"))
        assert all(bytes(font.getmask(letter)) != box for letter in "Größe")
