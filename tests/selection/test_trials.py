from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from napari_stego.selection import variations
from napari_stego.stego import RoleValues, StegoSettings

FIXED = RoleValues(random=0.4, knn=0.1, self=0.2)


@given(count=st.integers(1, 12), seed=st.integers(0, 99), dim=st.sampled_from([12, 24, 70]))
def test_all_differ_and_the_first_is_what_was_asked_for(count, seed, dim):
    settings = StegoSettings(seed=seed, dim=dim)
    varied = variations(settings, count)
    assert len(varied) == count == len(set(map(repr, varied)))
    assert varied[0] == settings


def test_seed_and_dim_vary():
    varied = variations(StegoSettings(), 4)
    assert len({s.seed for s in varied}) == 2
    assert len({s.dim for s in varied}) == 2


def test_with_fixed_shifts_only_the_seed_varies():
    varied = variations(StegoSettings(shifts=FIXED), 3)
    assert [s.seed for s in varied] == [0, 1, 2]
    assert {s.model_copy(update={"seed": 0}) for s in varied} == {StegoSettings(shifts=FIXED)}
