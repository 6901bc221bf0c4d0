"""Settings while the daemon runs: what the owner changes, on the page or in `config.toml`, counts at once."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from qrshared.errors import QrsharedError
from qrshared.protocol import Facts, Reason, SettingFacts, SettingsFacts
from qrshared.sessions import DeskRefusal
from qrshared.settings import (
    CONFIG_NAME,
    Accept,
    Expected,
    Loaded,
    Settings,
    Wall,
    all_settings,
    make_data_dir,
    mend_setting,
    read_setting,
    shown_value,
    toml_value,
    write_setting,
)

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0
"""How often `config.toml` is looked at: one `stat`; a watch on its folder would wake for every line of the journal."""

NOT_SHOWN: Final = frozenset({"data_dir"})
"""It says where `config.toml` is, so it cannot stand in it."""

_CHOICES: Final[dict[str, tuple[str, ...]]] = {"wall": tuple(Wall), "accept": tuple(Accept)}
_SWITCH: Final = ("true", "false")

Apply = Callable[[Settings], Awaitable[None]]

WhyNot = Callable[[Settings, Settings], str | None]
"""Of the settings now and as wanted: what to tell the owner of a wish that a page may not have; called in a thread."""


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that take effect together; `apply` raises `QrsharedError` for values that cannot be used here."""

    names: frozenset[str]
    apply: Apply


class LiveSettings:
    """The settings that count now. Parts ask `now`, or are told by a group's `apply`."""

    def __init__(self, settings: Settings, reload: Callable[[], Loaded] | None = None) -> None:
        """`reload` reads all sources anew; without it nothing can be changed here."""
        self._reload = reload
        self._path = settings.data_dir / CONFIG_NAME
        self._loaded = reload() if reload is not None else Loaded(settings, {})
        self._groups: list[Group] = []
        self._why_not: dict[str, WhyNot] = {}
        self._one_at_a_time = asyncio.Lock()
        self._seen = _fingerprint(self._path)
        self.now = settings
        """What counts at present."""
        self.say_problem: Callable[[str | None], None] = lambda _sentence: None
        """Called with what is wrong with `config.toml`, or None; the daemon sets it."""
        self.changed: Callable[[], None] = lambda: None
        """Called after something counts that did not before; the daemon sets it."""

    def on_change(self, names: Collection[str], apply: Apply) -> None:
        """A change of any of these is carried out by `apply`, which gets all settings as they would be."""
        self._groups.append(Group(frozenset(names), apply))

    def on_choice(self, name: str, why_not: WhyNot) -> None:
        """On the owner page this setting takes fewer values than in the file."""
        self._why_not[name] = why_not

    # --- the owner page

    def facts(self) -> Facts:
        """Every setting, in the order of the table."""
        loaded = Loaded(self.now, self._loaded.sources)
        return SettingsFacts(
            tuple(
                SettingFacts(
                    name=one.name,
                    value=shown_value(loaded, one.name),
                    default=one.default_text,
                    text=one.text,
                    source=self._loaded.sources.get(one.name, "default"),
                    choices=_SWITCH if one.is_switch else _CHOICES.get(one.name, ()),
                    is_fixed=self._why_fixed(one.name) is not None,
                    needs_restart=not self._is_live(one.name),
                )
                for one in all_settings()
                if one.name not in NOT_SHOWN
            )
        )

    async def change(self, name: str, value: str | None) -> Facts:
        """Use it from now on and write it down, or neither; raises `DeskRefusal` with the sentence for the owner.

        None: what counts where nobody says anything, and its line leaves the file.
        """
        if name in NOT_SHOWN or name not in {one.name for one in all_settings()}:
            raise DeskRefusal(Reason.NOT_FOUND, "There is no such setting.")
        async with self._one_at_a_time:
            why = self._why_fixed(name)
            if why is not None:
                raise DeskRefusal(Reason.NOT_ALLOWED, why)
            read = getattr(Settings(), name) if value is None else _read(name, value)
            before = self.now
            if value is not None and name in self._why_not:
                why = await asyncio.to_thread(self._why_not[name], before, _with(before, name, read))
                if why is not None:
                    raise DeskRefusal(Reason.BAD_SETTING, why)
            try:
                await self._apply(_with(before, name, read))
                text = None if value is None else toml_value(read, name, value.strip())
                await asyncio.to_thread(self._write, name, text)
            except (QrsharedError, OSError) as fault:
                await self._go_back(before)
                reason = Reason.DISK_ERROR if isinstance(fault, OSError) else Reason.BAD_SETTING
                raise DeskRefusal(reason, _sentence(fault)) from fault
            self._read_again()
            self.changed()
            log.info("%s was changed on the owner page", name)
        return self.facts()

    def _write(self, name: str, text: str | None) -> None:
        make_data_dir(self._path.parent)
        if text is None:
            mend_setting(self._path, name, None)
        else:
            write_setting(self._path, name, text)
        self._seen = _fingerprint(self._path)

    def _why_fixed(self, name: str) -> str | None:
        """What stands in the way of changing it here."""
        source = self._loaded.sources.get(name, "default")
        if self._reload is None:
            return "This qrshared was started without settings that can be changed."
        if not self._is_live(name):
            return f"This one is set in {self._path} and counts when qrshared next starts."
        if source != "default" and not source.startswith(str(self._path)):
            return f"{source} was given when qrshared was started, and is stronger than this page."
        return None

    def _is_live(self, name: str) -> bool:
        return any(name in group.names for group in self._groups)

    # --- the file

    async def follow(self) -> None:
        """A job: notice what was changed in `config.toml` by hand or by a command."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            seen = await asyncio.to_thread(_fingerprint, self._path)
            if seen != self._seen:
                self._seen = seen
                await self.reread()

    async def reread(self) -> None:
        """Use what the file says now; what cannot be used stays as it was, and the owner is told."""
        if self._reload is None:
            return
        async with self._one_at_a_time:
            try:
                loaded = await asyncio.to_thread(self._reload)
            except QrsharedError as wrong:
                self.say_problem(f"{wrong.sentence} Until then everything stays as it was.")
                return
            self._loaded = loaded
            wrong_here = [sentence for group in self._groups if (sentence := await self._try(group, loaded.settings))]
            waiting = sorted(
                one.name for one in all_settings() if not self._is_live(one.name) and self._differs(one.name, loaded)
            )
            if waiting:
                wrong_here.append(f"{' and '.join(waiting)} in {self._path}: counts when qrshared next starts.")
            self.say_problem(" ".join(wrong_here) or None)
            self.changed()

    def _differs(self, name: str, loaded: Loaded) -> bool:
        # Only what the file says: the daemon itself may have chosen the value of one that was left open.
        is_ours = loaded.sources.get(name, "default") != "default"
        return is_ours and getattr(loaded.settings, name) != getattr(self.now, name)

    def _read_again(self) -> None:
        """Where each value comes from now; a file that became unreadable in other lines is told by `follow`."""
        try:
            self._loaded = self._reload() if self._reload is not None else self._loaded
        except QrsharedError as wrong:
            self.say_problem(wrong.sentence)

    # --- taking effect

    async def _try(self, group: Group, wanted: Settings) -> str | None:
        """One group of what the file says; the sentence of what is wrong with it."""
        if not _changes(group, self.now, wanted):
            return None
        try:
            await group.apply(_taking(group, self.now, wanted))
        except (QrsharedError, OSError) as fault:
            return _sentence(fault)
        self.now = _taking(group, self.now, wanted)
        return None

    async def _apply(self, wanted: Settings) -> None:
        for group in self._groups:
            if _changes(group, self.now, wanted):
                await group.apply(wanted)
        self.now = wanted

    async def _go_back(self, before: Settings) -> None:
        if self.now == before:
            return  # it was refused before anything changed
        try:
            await self._apply(before)
        except (QrsharedError, OSError):
            log.exception("a setting could be neither written nor undone")


def _read(name: str, value: str) -> object:
    try:
        read = read_setting(name, value)
        # A page has no folder that it stands in, and nobody knows in which one the daemon was started.
        if isinstance(read, Path) and not Path(value).expanduser().is_absolute():
            raise Expected(
                "a path that begins with ~/ or /" if sys.platform != "win32" else "a whole path such as C:\\…"
            )
    except Expected as expected:
        if value.strip():
            sentence = f"“{value[:80]}” cannot be used: it must be {expected}."
        else:
            sentence = "A name is needed." if name == "name" else f"Something is needed here: {expected}."
        raise DeskRefusal(Reason.BAD_SETTING, sentence) from None
    return read


def _changes(group: Group, now: Settings, wanted: Settings) -> bool:
    return any(getattr(now, name) != getattr(wanted, name) for name in group.names)


def _taking(group: Group, now: Settings, wanted: Settings) -> Settings:
    taken = now
    for name in group.names:
        taken = _with(taken, name, getattr(wanted, name))
    return taken


def _with(settings: Settings, name: str, value: object) -> Settings:
    return replace(settings, **cast("dict[str, Any]", {name: value}))


def _sentence(fault: QrsharedError | OSError) -> str:
    return fault.sentence if isinstance(fault, QrsharedError) else f"It could not be written: {fault.strerror}."


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
