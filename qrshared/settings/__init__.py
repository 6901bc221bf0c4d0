"""Every setting of the daemon in one table, and the four places a value comes from.

Defaults → `config.toml` in the data folder → environment (`QRSHARED_*`, and `PORT`) → flags; the later one wins.

Invariants: a value is checked where it is read, and a bad one is a sentence that names file and line, variable or
flag; `config.toml` is not read if somebody else could have written it; `Settings` never changes after it was built.
Absent on purpose: what a change means while the daemon runs (`daemon/settings_live.py`), settings per room (only `cli`
and `daemon` import this package: every other room gets plain arguments), and anything secret.
"""

from qrshared.settings.computer import computer_name
from qrshared.settings.folder import UnsafeDataFolder, is_own_data_dir, make_data_dir
from qrshared.settings.hours import Hours
from qrshared.settings.sources import (
    CONFIG_NAME,
    BadSetting,
    BrokenConfig,
    Loaded,
    UnknownSetting,
    UnsafeConfig,
    load_settings,
)
from qrshared.settings.table import READ_AT_START, Setting, Settings, all_settings, read_setting
from qrshared.settings.values import Accept, Expected, Wall
from qrshared.settings.writing import CannotEdit, mend_setting, shown_value, toml_value, with_setting, write_setting

__all__ = [
    "CONFIG_NAME",
    "READ_AT_START",
    "Accept",
    "BadSetting",
    "BrokenConfig",
    "CannotEdit",
    "Expected",
    "Hours",
    "Loaded",
    "Setting",
    "Settings",
    "UnknownSetting",
    "UnsafeConfig",
    "UnsafeDataFolder",
    "Wall",
    "all_settings",
    "computer_name",
    "is_own_data_dir",
    "load_settings",
    "make_data_dir",
    "mend_setting",
    "read_setting",
    "shown_value",
    "toml_value",
    "with_setting",
    "write_setting",
]
