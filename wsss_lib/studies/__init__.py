"""The studies: one question per file, with its settings, its tables and its plots.

A further question is a further file: copy `sample_count`, give its `Study` a name of its own, and
`STUDIES`, ``wsss study`` and the notebooks have it.
"""

from pkgutil import iter_modules

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[module.name for module in iter_modules(__path__)],
    submod_attrs={
        "catalogue": ["STUDIES", "find_study", "run_study"],
        "study": ["Study"],
    },
)
