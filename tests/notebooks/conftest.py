"""Fixtures shared by the tests that run notebooks."""

import pytest

pytest.register_assert_rewrite(f"{__package__}.checks")  # so that a failure shows its values


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One cache for all notebooks: each finds the toy set and the networks of those before."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def folders(cache, tmp_path_factory):
    """The cache, and an empty place for what notebooks show."""
    place = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(cache))
        patch.setenv("WSSS_OUTPUT", str(place))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield place
