"""What can go wrong, said in a sentence: what was found, what was expected, the next command."""


class WsssError(Exception):
    """Base of every error that the kit raises on purpose; its text is meant for the reader."""


class DataError(WsssError):
    """A data set is missing, half unpacked, or its lists do not fit."""


class ImageError(DataError):
    """A photograph cannot be read."""


class MaskError(DataError):
    """A mask is missing, has another size than its image, or holds a value that is not a class."""


class DownloadError(DataError):
    """A file could not be fetched, or what came is not what was asked for."""


class ParameterError(WsssError, ValueError):
    """A parameter is outside its range, or names something unknown."""


class DivergedError(ParameterError):
    """A network's training diverged: its loss, its weights or what it gives is not finite."""


class WeightsError(WsssError):
    """A weights file is missing or does not fit the network."""


class DamagedError(WeightsError):
    """A weights file is cut off, or holds what no weights file holds."""


class StoreError(WsssError):
    """Results could not be stored."""


class NotebookError(WsssError):
    """A notebook failed, or lacks what the papermill contract asks for."""


class WorkerError(WsssError):
    """Worker processes cannot be had, lack something, or died."""
