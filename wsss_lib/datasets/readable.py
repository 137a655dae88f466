"""Bad files of a data set, told before the first step and not hours into a training."""

from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import DataError, ImageError


def check_readable(*datasets: DevkitDataset, masks: bool = False) -> None:
    """Read every image once, with its mask if asked for.

    Raises
    ------
    ImageError
        Naming all photographs that are bad.
    DataError
        The same, where masks are read, too.
    """
    what = "images with their masks" if masks else "images"
    images = [(dataset, id_) for dataset in datasets for id_ in dataset.ids]
    problems = {}
    for dataset, id_ in tqdm(images, desc=f"checking {what}", unit="image"):
        try:
            dataset.sample(id_) if masks else dataset.image(id_)
        except DataError as error:
            problems[id_] = str(error)
    if problems:
        raise (DataError if masks else ImageError)(
            f"{len(problems)} of {len(images)} {what} cannot be read: {', '.join(problems)}. "
            f"The first: {next(iter(problems.values()))}"
        )
