"""The networks of a pipeline, in words that fit on a command line."""

from pathlib import Path

from wsss_lib.classify.spec import choose_classifier
from wsss_lib.evaluate.pseudo.view import Networks
from wsss_lib.expand.localise import BACKGROUND_WEIGHT, THRESHOLD, Localiser
from wsss_lib.refine.irn.train import trained_edges


def choose_networks(
    dataset: str,
    weights: str = "sipe",
    backbone: str | None = None,
    *,
    edges: bool = True,
    irn_weights: Path | None = None,
    threshold: float | None = None,
    background_weight: float | None = None,
    root: str | Path | None = None,
    device: str = "cpu",
    workers: int = 1,
) -> Networks:
    """The classification network and IRN's edge network; what is not there is trained now.

    Parameters
    ----------
    dataset : {"toy", "voc"}
    weights, backbone, root, device
        See `wsss_lib.classify.spec.choose_classifier`.
    edges : bool
        Whether an edge network is needed.
    irn_weights : Path, optional
        The checkpoint of one; trained when left out.
    threshold : float, optional
        The constant background of plain CAMs.
    background_weight : float, optional
        Of SIPE's background; by default the data set's in `BACKGROUND_WEIGHT`.
    workers : int
        Processes that make the labels of the edge network.

    Raises
    ------
    DataError
        If a network is to be trained and the data set is not there.
    WeightsError
        If a checkpoint or the first weights are not there.
    """
    weight = BACKGROUND_WEIGHT[dataset] if background_weight is None else background_weight
    localiser = Localiser(
        choose_classifier(dataset, weights, backbone, root=root, device=device),
        threshold=THRESHOLD if threshold is None else threshold,
        background_weight=weight,
        device=device,
    )
    if edges and irn_weights is None:
        irn_weights = trained_edges(dataset, localiser, root=root, device=device, workers=workers)
    return Networks(localiser, irn_weights)
