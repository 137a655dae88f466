"""``python -m wsss_lib`` is ``wsss``."""

from wsss_lib.cli import main

main(prog_name="wsss")
