"""Questions in the terminal: one at a time, answered by what was typed after it was read, and never by accident."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from qrshared.cli.prompt import LINE_BYTES_MAX, Prompt, asked_words, yes_or_no
from qrshared.daemon import Asked
from qrshared.protocol import AskingFacts, Item, NetworkFacts, PeerKind
from tests.waiting import until

FILES = AskingFacts(
    "8" * 32, "7" * 32, "Eve's \x1b[2Jphone", PeerKind.PHONE, 214, 1_200_000_000,
    (Item("a.jpg", 2_000_000), Item("b\n.jpg", 5)), 0,
)  # fmt: skip
CAFE = NetworkFacts("Café", known=False)


@dataclass
class Question:
    """One question, and what was answered."""

    about: AskingFacts | NetworkFacts = FILES
    answers: list[bool] = field(default_factory=list)
    is_open: bool = True

    def asked(self) -> Asked:
        return Asked(self.about, self.answers.append, lambda: self.is_open)


@dataclass
class Terminal:
    """A real pseudo-terminal with somebody who types."""

    keys: int
    prompt: Prompt
    changes: list[None]

    def type(self, text: str) -> None:
        os.write(self.keys, text.encode())

    async def heard(self, holds: Callable[[], bool]) -> None:
        await until(holds)


@pytest.fixture
async def terminal() -> AsyncIterator[Terminal]:
    keys, descriptor = os.openpty()
    changes: list[None] = []
    prompt = Prompt(lambda: changes.append(None), descriptor=descriptor)
    yield Terminal(keys, prompt, changes)
    prompt.close()
    os.close(keys)
    os.close(descriptor)


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("Yes\n", True), ("n\n", False), (" NO \n", False)])
async def test_a_typed_word_is_the_answer(terminal: Terminal, typed: str, answer: bool) -> None:
    question = Question()
    terminal.prompt.put(question.asked())
    assert terminal.prompt.current() is not None
    assert terminal.prompt.can_hear
    terminal.type(typed)
    await until(lambda: bool(terminal.changes))
    assert question.answers == [answer]
    assert terminal.prompt.current() is None
    assert not terminal.prompt.can_hear  # what is typed now is the shell's


@pytest.mark.parametrize("typed", ["\n", "perhaps\n", "yn\n", "y" * LINE_BYTES_MAX + "\n"])
async def test_anything_else_is_no_answer_and_the_question_stays(terminal: Terminal, typed: str) -> None:
    question = Question()
    terminal.prompt.put(question.asked())
    asked = terminal.prompt.current()
    terminal.type(typed)
    await until(lambda: bool(terminal.changes))
    assert question.answers == []
    assert terminal.prompt.current() is asked


async def test_what_was_typed_before_the_question_is_no_answer_to_it(terminal: Terminal) -> None:
    terminal.type("y\n")
    question = Question()
    terminal.prompt.put(question.asked())
    terminal.prompt.current()
    terminal.type("n\n")
    await until(lambda: bool(terminal.changes))
    assert question.answers == [False]


async def test_questions_come_one_after_the_other_and_those_answered_elsewhere_not_at_all(terminal: Terminal) -> None:
    first, gone, last = Question(), Question(), Question(CAFE)
    for one in (first, gone, last):
        terminal.prompt.put(one.asked())
    assert terminal.prompt.current() is not None
    terminal.type("y\n")
    await until(lambda: first.answers == [True])
    gone.is_open = False
    current = terminal.prompt.current()
    assert current is not None
    assert current.about == CAFE
    terminal.type("y\n")
    await until(lambda: last.answers == [True])
    assert gone.answers == []


async def test_a_yes_to_a_question_that_is_gone_is_not_a_yes_to_the_next(terminal: Terminal) -> None:
    first, second = Question(), Question()
    terminal.prompt.put(first.asked())
    terminal.prompt.put(second.asked())
    terminal.prompt.current()
    first.is_open = False  # it took too long, just as the person typed
    terminal.type("y\n")
    await until(lambda: bool(terminal.changes))
    assert (first.answers, second.answers) == ([], [])
    assert terminal.prompt.current() is not None


async def test_a_terminal_that_closes_is_no_answer() -> None:
    keys, descriptor = os.openpty()
    changes: list[None] = []
    prompt = Prompt(lambda: changes.append(None), descriptor=descriptor)
    question = Question()
    prompt.put(question.asked())
    prompt.current()
    os.close(keys)
    await until(lambda: not prompt.can_hear)
    assert question.answers == []
    os.close(descriptor)


async def test_without_a_terminal_the_question_is_shown_and_answered_elsewhere() -> None:
    prompt = Prompt(lambda: None)  # standard input of tests is no terminal
    prompt.put(Question().asked())
    assert prompt.current() is not None
    assert not prompt.can_hear
    prompt.close()


def test_a_question_says_who_what_and_how_much_and_a_log_gets_no_names() -> None:
    question = Question().asked()
    assert asked_words(question, with_names=True) == (
        "A guest (Eve's \ufffd[2Jphone) wants to send 214 files (1.2 GB): "
        "a.jpg (2.0 MB), b\ufffd.jpg (5 B) and 212 more"
    )
    assert asked_words(question, with_names=False) == "A guest (Eve's \ufffd[2Jphone) wants to send 214 files (1.2 GB)"
    assert "Café" in asked_words(Question(CAFE).asked(), with_names=False)
    assert yes_or_no(question) != yes_or_no(Question(CAFE).asked())
