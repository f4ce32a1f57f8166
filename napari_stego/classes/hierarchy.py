"""Which class is under which."""

from __future__ import annotations

from dataclasses import dataclass, field

from rpds import HashTrieMap


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The parents of classes; a persistent value without cycles."""

    _parents: HashTrieMap[int, int] = field(default_factory=HashTrieMap)

    def parent(self, class_id: int) -> int | None:
        """Return the class above a class, None at the top."""
        return self._parents.get(class_id)

    def above(self, class_id: int) -> list[int]:
        """Return all classes above a class, nearest first."""
        above = []
        parent = self._parents.get(class_id)
        while parent is not None:
            above.append(parent)
            parent = self._parents.get(parent)
        return above

    def place(self, class_id: int, parent: int | None) -> Hierarchy:
        """Put a class under another that is not under it, or at the top."""
        if parent is None:
            return Hierarchy(self._parents.discard(class_id))
        return Hierarchy(self._parents.insert(class_id, parent))

    def retire(self, gone: set[int], heir: int | None) -> Hierarchy:
        """Take classes out.

        Parameters
        ----------
        gone : set of int
            The classes.
        heir : int, optional
            The class that their children come under, unless they are above
            it; None moves the children up to the next class that stays.

        Returns
        -------
        Hierarchy
            Without the classes, and still without cycles.
        """
        parents = self._parents
        climbing = {heir, *self.above(heir)} if heir is not None else None
        for child, parent in self._parents.items():
            if child in gone:
                parents = parents.discard(child)
            elif parent in gone:
                new = heir
                if climbing is None or child in climbing:
                    new = next((each for each in self.above(child) if each not in gone), None)
                parents = parents.discard(child) if new is None else parents.insert(child, new)
        return Hierarchy(parents)
