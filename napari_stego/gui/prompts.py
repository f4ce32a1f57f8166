"""The prompts: what the user points at, and the way back to those before."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QObject, Signal

from napari_stego.correspondence import Prompt

_STEPS_KEPT = 100

_State = tuple[tuple[Prompt, ...], bool]


class PromptSet(QObject):
    """What is looked for: a pixel that was clicked, or prompts that were put together.

    A click starts anew; other prompts are added to what there is. Only what
    was put together is kept in the project and marked in the viewer: a click
    is a look. Signals: ``changed``.

    Parameters
    ----------
    parent : QObject
        Owner.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._state: _State = ((), False)
        self._before: list[_State] = []

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts, in the order in which they were made."""
        return self._state[0]

    @property
    def kept(self) -> bool:
        """Whether they were put together; False for a mere look, and for none."""
        return self._state[1]

    @property
    def can_undo(self) -> bool:
        """Whether there were others before."""
        return bool(self._before)

    def look(self, prompt: Prompt) -> None:
        """Look for one thing alone.

        Parameters
        ----------
        prompt : Prompt
            Takes the place of all others.
        """
        if not self.kept:  # going from look to look is nothing to go back on
            self._change(((prompt,), False), remember=False)
        else:
            self._change(((prompt,), False))

    def add(self, prompt: Prompt) -> None:
        """Look for something as well, or for what is unlike it.

        Parameters
        ----------
        prompt : Prompt
            One more.
        """
        self.replace((*self.prompts, prompt))

    def replace(self, prompts: Iterable[Prompt]) -> None:
        """Look for other things.

        Parameters
        ----------
        prompts : iterable of Prompt
            Take the place of those there are.
        """
        given = tuple(dict.fromkeys(prompts))
        if (given, bool(given)) != self._state:
            self._change((given, bool(given)))

    def clear(self) -> None:
        """Look for nothing."""
        self.replace(())

    def undo(self) -> None:
        """Go back to what was looked for before."""
        if self._before:
            self._change(self._before.pop(), remember=False)

    def begin(self, prompts: Iterable[Prompt]) -> None:
        """Begin with the prompts of a project: there is no way back to those of another.

        Parameters
        ----------
        prompts : iterable of Prompt
            Those that were kept.
        """
        self._before = []
        given = tuple(prompts)
        if (given, bool(given)) != self._state:
            self._change((given, bool(given)), remember=False)

    def _change(self, state: _State, *, remember: bool = True) -> None:
        if remember:
            self._before = [*self._before, self._state][-_STEPS_KEPT:]
        self._state = state
        self.changed.emit()
