"""The studies: one question per file, with its settings, its tables and its plots."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["combining", "errors", "label_noise", "sample_count", "specific_or_global"],
    submod_attrs={
        "study": ["STUDIES", "Study", "find_study", "run_study"],
    },
)
