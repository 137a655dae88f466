"""Fixtures shared by the tests that run notebooks."""

import pytest

pytest.register_assert_rewrite(f"{__package__}.checks")  # so that a failure shows its values


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One cache for all notebooks, and an empty place for what they show."""
    place = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(place / "cache"))
        patch.setenv("WSSS_OUTPUT", str(place))
        patch.setenv("OMP_NUM_THREADS", "2")
        yield place
