import fcntl
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows import feature_cache
from wsss_lib.evaluate.rows.feature_cache import FeatureCache, feature_reader
from wsss_lib.features import STAGES, extract

NETWORK = BackboneSpec("resnet18", "random").load()
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 32, 40, 3), np.uint8)
#: Bytes of one image's F5: 512 x 2 x 3 float32, header and checksum.
ONE = 512 * 2 * 3 * 4 + 128 + 4


@pytest.fixture
def extracted(monkeypatch):
    """The layers that really came from the network, call by call."""
    calls = []

    def counted(image, layers, *args):
        calls.append([layer for layer in layers if layer in STAGES])
        return extract(image, layers, *args)

    monkeypatch.setattr(feature_cache, "extract", counted)
    return calls


def files(folder):
    return sorted(path for path in folder.iterdir() if path.suffix == ".npy")


def size(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def same(found, expected):
    return list(found) == list(expected) and all(
        torch.equal(found[layer].values, expected[layer].values)
        and (found[layer].image_size, found[layer].name)
        == (expected[layer].image_size, expected[layer].name)
        for layer in expected
    )


def test_what_is_kept_is_what_was_extracted(tmp_path, extracted):
    layers = ["F5", "img", "F1", "xy"]
    expected = extract(IMAGES[0], layers, NETWORK)
    for _ in range(2):
        assert same(FeatureCache(tmp_path, 10**9)(IMAGES[0], layers, NETWORK), expected)
    assert extracted == [["F5", "F1"], []]
    assert len(files(tmp_path)) == 2  # neither img nor xy


def test_only_what_is_missing_is_extracted(tmp_path, extracted):
    cache = FeatureCache(tmp_path, 10**9)
    cache(IMAGES[0], ["F1"], NETWORK)
    found = cache(IMAGES[0], ["F1", "F2"], NETWORK)
    assert same(found, extract(IMAGES[0], ["F1", "F2"], NETWORK))
    assert extracted == [["F1"], ["F2"]]


def test_without_a_network_nothing_is_kept(tmp_path):
    assert list(FeatureCache(tmp_path / "f", 10**9)(IMAGES[0], ["img"])) == ["img"]
    with pytest.raises(ParameterError, match="comes from a network"):
        FeatureCache(tmp_path / "f", 10**9)(IMAGES[0], ["F1"])
    assert not (tmp_path / "f").exists()


def test_image_network_layer_and_zscore_tell_files_apart(tmp_path):
    cache = FeatureCache(tmp_path, 10**9)
    other = BackboneSpec("resnet18", "random", seed=1).load()
    wide = IMAGES[0].reshape(40, 32, 3)  # the same bytes
    for image, layer, network, zscore in (
        (IMAGES[0], "F4", NETWORK, True),
        (IMAGES[1], "F4", NETWORK, True),
        (wide, "F4", NETWORK, True),
        (IMAGES[0], "F5", NETWORK, True),
        (IMAGES[0], "F4", other, True),
        (IMAGES[0], "F4", NETWORK, False),
    ):
        for _ in range(2):
            found = cache(image, [layer], network, zscore)
            assert same(found, extract(image, [layer], network, zscore))
    assert len(files(tmp_path)) == 6


def cut(path, other):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path, other):
    path.write_bytes(b"")


def flip(path, other):
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)


def displace(path, other):
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("damage", [cut, empty, flip, displace])
def test_a_damaged_or_displaced_file_is_made_again(tmp_path, extracted, damage):
    cache = FeatureCache(tmp_path, 10**9)
    cache(IMAGES[0], ["F5"], NETWORK)
    (first,) = files(tmp_path)
    cache(IMAGES[1], ["F5"], NETWORK)
    (second,) = set(files(tmp_path)) - {first}
    damage(first, second)
    for _ in range(2):
        assert same(cache(IMAGES[0], ["F5"], NETWORK), extract(IMAGES[0], ["F5"], NETWORK))
    assert extracted[2:] == [["F5"], []]


def test_a_pass_over_more_than_there_is_room_for_finds_the_same_part_again(tmp_path, extracted):
    for _ in range(3):
        cache = FeatureCache(tmp_path, 2 * ONE)
        extracted.clear()
        for image in IMAGES:
            cache(image, ["F5"], NETWORK)
            assert size(tmp_path) <= 2 * ONE
    assert extracted == [[], [], ["F5"], ["F5"]]


@pytest.mark.parametrize("oldest", [0, 1, 2])
def test_older_files_make_room_the_longest_unused_first(tmp_path, extracted, oldest):
    def use(image):
        FeatureCache(tmp_path, 3 * ONE)(image, ["F5"], NETWORK)

    for image in IMAGES[:3]:
        use(image)
    for image in np.delete(IMAGES[:3], oldest, axis=0):
        use(image)
    use(IMAGES[3])  # in place of the oldest
    assert size(tmp_path) == 3 * ONE
    extracted.clear()
    for image in np.delete(IMAGES, oldest, axis=0):
        use(image)
    assert extracted == [[], [], []]


def test_nothing_is_given_up_in_vain(tmp_path):
    FeatureCache(tmp_path, 2 * ONE)(IMAGES[0], ["F5"], NETWORK)
    FeatureCache(tmp_path, 2 * ONE)(IMAGES[0], ["F1"], NETWORK)  # larger than all
    assert size(tmp_path) == ONE


def test_a_lower_limit_is_kept_at_once(tmp_path):
    cache = FeatureCache(tmp_path, 10 * ONE)
    for image in IMAGES:
        cache(image, ["F5"], NETWORK)
    FeatureCache(tmp_path, 3 * ONE - 1).trim()
    assert size(tmp_path) == 2 * ONE


def test_the_folder_may_be_deleted_or_be_no_folder(tmp_path):
    cache = FeatureCache(tmp_path / "f", 10**9)
    for _ in range(2):
        cache(IMAGES[0], ["F5"], NETWORK)
        for path in (tmp_path / "f").iterdir():
            path.unlink()
        (tmp_path / "f").rmdir()
    (tmp_path / "f").write_text("in the way")
    assert same(cache(IMAGES[0], ["F5"], NETWORK), extract(IMAGES[0], ["F5"], NETWORK))


PASS = """
import sys
import numpy as np
from pathlib import Path
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.evaluate.rows.feature_cache import FeatureCache
from wsss_lib.features import extract
network = BackboneSpec("resnet18", "random").load()
cache = FeatureCache(Path(sys.argv[1]), int(sys.argv[2]))
for image in np.random.default_rng(0).integers(0, 256, (6, 32, 40, 3), np.uint8):
    found = cache(image, ["F4", "F5"], network)
    assert found["F5"].values.equal(extract(image, ["F5"], network)["F5"].values)
"""


def test_two_processes_keep_the_limit_together(tmp_path):
    limit = 6 * ONE
    command = [sys.executable, "-c", PASS, str(tmp_path), str(limit)]
    running = [subprocess.Popen(command) for _ in range(2)]
    while any(process.poll() is None for process in running):
        assert sum(path_size(path) for path in tmp_path.iterdir()) <= limit
        time.sleep(0.005)
    assert [process.returncode for process in running] == [0, 0]
    assert size(tmp_path) > limit - 2 * ONE


def test_one_process_writes_at_a_time(tmp_path):
    cache = FeatureCache(tmp_path, 10**9)
    writer = threading.Thread(target=cache, args=(IMAGES[0], ["F5"], NETWORK))
    with open(tmp_path / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        writer.start()
        writer.join(0.5)
        assert files(tmp_path) == []
    writer.join()
    assert len(files(tmp_path)) == 1


def path_size(path):
    try:
        return os.stat(path).st_size
    except FileNotFoundError:  # a temporary file, moved meanwhile
        return 0


def test_the_reader_without_room_is_extract_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path))
    assert feature_reader(0) is extract
    cache = feature_reader(0.5)
    assert (cache.folder, cache.limit_bytes) == (tmp_path / "features", 2**29)
    with pytest.raises(ParameterError, match="cache_gb=-1"):
        feature_reader(-1)
