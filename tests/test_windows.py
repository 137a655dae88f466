"""What Windows lacks: no module of ours may need it."""

import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages

import wsss_lib

POSIX = ("fcntl", "grp", "posix", "pwd", "resource", "termios")
#: Imports other packages first, which find what they need here, then every module of ours.
PROGRAM = """
import sys
from importlib import import_module

ours, posix = {ours!r}, {posix!r}
for name in ours:
    import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] == "wsss_lib"]:
    del sys.modules[name]
sys.modules.update(dict.fromkeys(posix))  # None: an import of it fails
for name in ours:
    import_module(name)
"""


def test_every_module_can_be_imported_without_what_posix_alone_has():
    found = walk_packages(wsss_lib.__path__, "wsss_lib.")
    ours = [module.name for module in found if not module.name.endswith(".__main__")]
    program = PROGRAM.format(ours=ours, posix=POSIX)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_file_of_ours_calls_what_posix_alone_has():
    calls = ("os.fork", "os.getuid", "os.geteuid", "os.killpg", "os.sysconf", "signal.SIGKILL")
    for path in Path(wsss_lib.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not [call for call in calls if call in text], path
