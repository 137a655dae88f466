"""Which network is chosen."""

from wsss_lib.classify import spec


def test_the_seed_is_of_random_weights_and_not_of_the_training(tiny, tmp_path, monkeypatch):
    asked = []

    def train(_images: object, **arguments: object) -> str:
        asked.append(arguments)
        return "random"

    monkeypatch.setattr(spec, "load_dataset", lambda *_, **__: tiny)
    monkeypatch.setattr(spec, "train_classifier", train)
    for seed in (0, 5):
        chosen = spec.choose_backbone("toy", seed=seed)
        assert chosen == spec.BackboneSpec("resnet18", "random", seed)
    assert asked[0] == asked[1] == {"device": "cpu", "backbone": "resnet18"}
