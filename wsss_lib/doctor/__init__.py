"""The check of the machine: versions, memory, device, data and weights, and what to do next."""

from tqdm.auto import tqdm

from wsss_lib.doctor import machine, software, study
from wsss_lib.doctor.checks import Check, look
from wsss_lib.doctor.report import as_json, as_table, as_text

__all__ = ["Check", "as_json", "as_table", "as_text", "examine"]


def examine() -> list[Check]:
    """Look at the machine; takes a few seconds (torch is imported) and changes nothing.

    Where something would have to be downloaded, one address is asked whether there is a network.
    """
    looks = {**software.LOOKS, **machine.LOOKS, **study.LOOKS}
    # disable=None: only on a terminal, so that nothing stands beside what a script reads
    bar = tqdm(looks.items(), desc="looking", unit="check", delay=2, leave=False, disable=None)
    return [*(look(name, check) for name, check in bar), *software.packages()]
