"""From tokens at a mask to classes: a class is the tokens nearest to its name (NPPrompt, Zhao et al. 2023).

Nearness is the cosine in the model's table of input embeddings, where a multilingual model has words of many languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.core.errors import DataError
from harness.inference.tokenization import backend_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class NameTokens:
    """The tokens of the names of all classes in one language, one row a name, the name's own token first.

    ``tokens`` and ``weights`` have the shape (names, k), and the weights of a name sum to 1; ``owner`` is the number of
    each name's class, ascending.
    """

    tokens: torch.Tensor
    weights: torch.Tensor
    owner: torch.Tensor
    classes: int

    def class_scores(self, of_tokens: torch.Tensor) -> torch.Tensor:
        """The scores of the classes, shape (rows, classes), from numbers of all tokens, shape (rows, vocabulary).

        A name's is the weighted sum over its tokens, a class's the maximum over its names.
        """
        names = self.name_scores(of_tokens)
        owner = self.owner.expand(len(names), -1)
        empty = names.new_full((len(names), self.classes), float("-inf"))
        return empty.scatter_reduce(1, owner, names, "amax")

    def name_scores(self, of_tokens: torch.Tensor) -> torch.Tensor:
        """The weighted sum over the tokens of every name, shape (rows, names)."""
        return (of_tokens[:, self.tokens] * self.weights).sum(-1)

    def expected(self, of_tokens: torch.Tensor) -> torch.Tensor:
        """The mean over the names of each class of their weighted sums, shape (rows, classes)."""
        names = self.name_scores(of_tokens)
        zeros = names.new_zeros(len(names), self.classes)
        sums = zeros.index_add(1, self.owner, names)
        return sums / self.owner.bincount(minlength=self.classes)

    def tokens_of(self, classes: torch.Tensor) -> torch.Tensor:
        """The distinct tokens of the names of some classes, which ``classes`` says with a boolean for each."""
        import torch

        found: torch.Tensor = torch.unique(self.tokens[classes[self.owner]])
        return found


@dataclass
class Verbaliser:
    """The tokens of class names with one model: those of each language are looked up when they are first needed.

    ``first`` has by language, for each class in order, the first token of each of its names; ``excluded`` are tokens that
    stand for nothing. ``empty_row`` and ``empty_mask`` are the row of an empty text, and the place of its mask.
    """

    first: Mapping[str, Sequence[Sequence[int]]]
    neighbours: int
    excluded: Sequence[int]
    vocabulary: int
    empty_row: Sequence[int]
    empty_mask: int
    _found: dict[str, NameTokens] = field(default_factory=dict, repr=False)

    def names(self, code: str, table: torch.Tensor) -> NameTokens:
        """The tokens of the names in a language, else of the English ones, by a table of input embeddings (tokens, d)."""
        code = code if code in self.first else "en"
        if code not in self._found:
            self._found[code] = self._look_up(self.first[code], table)
        return self._found[code]

    def _look_up(self, first: Sequence[Sequence[int]], table: torch.Tensor) -> NameTokens:
        import torch

        own = torch.tensor([token for names in first for token in names], device=table.device)
        owner = torch.tensor([place for place, names in enumerate(first) for _ in names], device=table.device)
        with torch.no_grad(), torch.autocast(table.device.type, enabled=False):
            table = table.detach()[: self.vocabulary].float()
            norms = table.norm(dim=1).clamp(min=1e-12)
            cosines = (table[own] @ table.T) / norms / norms[own][:, None]
            # A rounded cosine with itself could lie below that of an equal row.
            order = cosines.clone()
            order[:, list(self.excluded)] = -2.0
            order[torch.arange(len(own)), own] = 2.0
            tokens = order.topk(min(self.neighbours, len(table)), dim=1).indices
            weights = cosines.gather(1, tokens).softmax(dim=1)
        return NameTokens(tokens, weights, owner, len(first))


def first_tokens(tokenizer: PreTrainedTokenizerBase, names: Mapping[str, Sequence[str]]) -> list[list[int]]:
    """For each class, the first token of each of its names, as it is written after a space.

    A mark for the space alone does not count as a token. DataError for a name that has none.
    """
    return [[_first(tokenizer, label, name) for name in of_label] for label, of_label in names.items()]


def _first(tokenizer: PreTrainedTokenizerBase, label: str, name: str) -> int:
    found = backend_of(tokenizer).encode(f"a {name}", add_special_tokens=False)
    for token, (_, end) in zip(found.ids, found.offsets, strict=True):
        if end > 2 and token != tokenizer.unk_token_id:
            return int(token)
    raise DataError(
        f"the name {name!r} of the class {label!r} has no token with {tokenizer.name_or_path}",
        hint="choose another name: --set 'names=LABEL=NAME', or a file of names",
    )
