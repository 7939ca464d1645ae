"""Models with parameters of their own for each language (X-MOD): what they call their languages, and how a batch chooses.

X-MOD (Pfeiffer et al. 2022) has a small module for each language in every layer. What is learned in one language is used
in another by exchanging the module, so that every row of a batch says its language.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.models.image_tower import thaw_tower
from harness.models.prompt import prompt_of
from harness.types.languages import LANGUAGE, language_number, languages, numbered_language

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_SCRIPTS = {"Hans": ("CN", "SG"), "Hant": ("TW", "HK", "MO")}
"""Regions that tell a script, where a model has a language twice (X-MOD: zh_CN and zh_TW)."""


def model_languages(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The model's own codes ("en_XX") of the languages that it has modules for, by its config.json.

    () for a model that is the same in all languages.
    """
    return tuple(config.get("languages") or ("en_XX",)) if config.get("model_type") == "xmod" else ()


def languages_of(model: Any) -> tuple[str, ...]:
    """The same of a model that is loaded."""
    config = getattr(model, "config", None)
    known = {name: getattr(config, name, None) for name in ("model_type", "languages")}
    return model_languages(known)


def check_adaptable(config: Mapping[str, Any]) -> None:
    """ModelError for a model that has modules for languages and so takes no adapters for them, by its config.json."""
    if model_languages(config):
        raise ModelError(
            f"language adapters: a model of type {config['model_type']!r} has modules for its languages",
            hint="use it without --language-adapters: its modules are swapped in the same way",
        )


def language_in_model(code: str, known: Sequence[str]) -> str:
    """The model's own code for a language of ours: "sw_KE" for "sw". ModelError where the model lacks the language.

    Of several the one of the language's region or script counts, or else the first.
    """
    spelled = code.replace("_", "-").lower()
    language, *more = spelled.split("-")
    entry = languages().get(code)
    found = [other for other in known if other.replace("_", "-").lower().split("-")[0] == language]
    regions = {part.upper() for part in more}
    for part in [*more, entry.script if entry else ""]:
        regions.update(_SCRIPTS.get(part.title(), ()))
    if not found:
        name = f"{entry.name} ({code})" if entry else repr(code)
        raise ModelError(
            f"the model has no module for {name}; it has {', '.join(known)}",
            hint="leave the language out, or choose a model that has it",
        )
    return next((other for other in found if set(other.upper().replace("-", "_").split("_")[1:]) & regions), found[0])


def any_language(model: PreTrainedModel) -> int | None:
    """The number of a language that the model has, English if it can be; None for a model that is the same in all."""
    known = [code.replace("_", "-").split("-")[0] for code in languages_of(model)]
    return language_number("en" if "en" in known else known[0]) if known else None


def language_inputs(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Inputs of the model's forward that choose the languages of the rows; none for a model that is the same in all.

    A row without a language is in the configuration's ``default_language``; ModelError where it names none.
    """
    import torch

    known = languages_of(model)
    if not known:
        return {}
    ids = batch["input_ids"]
    numbers = batch[LANGUAGE] if LANGUAGE in batch else torch.full((len(ids),), language_number(""), device=ids.device)
    places = numbers.new_zeros(int(numbers.max()) + 1 if len(numbers) else 0)
    for number in set(numbers.tolist()):
        code = numbered_language(number)
        places[number] = known.index(language_in_model(code, known) if code else _default(model, known))
    return {"lang_ids": places[numbers]}


def _default(model: PreTrainedModel, known: Sequence[str]) -> str:
    named: str | None = model.config.default_language
    if named is None or named not in known:
        raise ModelError(
            "the model has a module for each language, and these texts do not say theirs",
            hint='set "default_language" in its config.json: one of ' + ", ".join(known),
        )
    return named


def freeze_languages(model: PreTrainedModel, trained: Collection[str] | None = None) -> None:
    """Keeps modules of languages as they are; a model that is the same in all languages is left alone.

    By default the embeddings and all modules, as X-MOD's authors fine-tune it (``freeze_embeddings_and_language_adapters``
    in transformers), so that modules can be exchanged. With ``trained``, languages of plain text, only the modules of
    others: they have no gradients there, and weight decay would shrink them.
    """
    known = languages_of(model)
    if not known:
        return
    body, kept = model.base_model, {language_in_model(code, known) for code in trained or () if code}
    if trained is None:
        body.embeddings.requires_grad_(False)
        if (vectors := prompt_of(model)) is not None:  # is no word of any language
            vectors.requires_grad_(True)
        thaw_tower(model)  # nor are the vectors of pictures
    for layer in body.encoder.layer:
        if trained is None and layer.output.adapter_layer_norm is not None:
            layer.output.adapter_layer_norm.requires_grad_(False)
        for code, module in layer.output.adapter_modules.items():
            if code not in kept:
                module.requires_grad_(False)


def language_modules(model: PreTrainedModel) -> list[torch.nn.Module]:
    """The modules of single languages; none in a model that is the same in all."""
    layers = model.base_model.encoder.layer if languages_of(model) else ()
    return [module for layer in layers for module in layer.output.adapter_modules.values()]


def mend_half_precision(model: PreTrainedModel) -> None:
    """Makes X-MOD's modules give the type of numbers that they were given: under autocast transformers cannot join them."""
    for module in language_modules(model):
        module.register_forward_hook(_in_the_type_given)


def _in_the_type_given(module: torch.nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
    return output.to(given[0].dtype)
