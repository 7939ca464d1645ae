"""Base class of the values of plugins: the name of the kind, the hook, and a check of the fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from harness.types.checks import NAME, check_reference, check_text, require


class PluginValue:
    """Base of the frozen values that collector hooks yield; a class derived from it is a kind of value.

    ``kind`` is the word for it in messages ("target task"), ``hook`` the collector that yields it, ``named_by`` the field
    that tells one from another, ``references`` the fields that name an object to import ("module:name"). The registry stamps
    ``provider`` ("distribution:plugin") on each.
    """

    kind: ClassVar[str]
    hook: ClassVar[str]
    named_by: ClassVar[str] = "name"
    references: ClassVar[tuple[str, ...]] = ()
    provider: str

    @property
    def key(self) -> str:
        """The name under which the registry has it."""
        return str(getattr(self, self.named_by))

    @property
    def where(self) -> str:
        """Its kind and name, as messages begin: "recipe 'mine'"."""
        return f"{self.kind} {self.key!r}"

    def check_key(self) -> None:
        """PluginError where its name cannot be one."""
        name = getattr(self, self.named_by)
        require(isinstance(name, str), f"the {self.named_by} of a {self.kind} must be a string", name)
        require(
            NAME.fullmatch(name) is not None,
            f"{self.where}: a name is made of lower-case letters, digits, '_', '.' and '-', and starts with a letter or digit",
        )

    def check_references(self) -> None:
        """PluginError where a reference is not of the form "module:name"; one that is "" by default may be left out."""
        for field in self.references:
            reference = getattr(self, field)
            if reference != "" or getattr(type(self), field, None) != "":
                check_reference(self.where, field, reference)

    def check(self) -> None:
        """PluginError where a field cannot be used; derived classes check more than the summary."""
        check_text(self.where, "summary", getattr(self, "summary", ""), needed=False)

    def language_codes(self) -> Iterable[str]:
        """The codes of all languages that it mentions; the registry refuses unknown ones."""
        return ()
