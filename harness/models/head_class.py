"""The class that gives an architecture a head of some kind: its own in transformers, or what stands in for it.

A span needs two outputs a token, and a choice one output a text, so that token and sequence classification stand in for
question answering and multiple choice. Where an architecture lacks token classification, too, it is the encoder with one
linear layer, as transformers itself gives it to most decoders. All of these are saved as ordinary checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_STANDS_IN = {"QuestionAnswering": "TokenClassification", "MultipleChoice": "SequenceClassification"}
_GENERIC = {
    "TokenClassification": "one linear layer over its tokens",
    "SequenceClassification": "one linear layer over its last token",
}
_UNFIT = {("MultipleChoice", "xmod")}
"""Classes of transformers that cannot be used: X-MOD's gives the rows of a batch each other's languages."""
_WITH = {"QuestionAnswering": "with outputs for start and end", "MultipleChoice": "with one output an option"}


@dataclass(frozen=True)
class HeadClass:
    """A class of models, and what loads it; ``instead`` says what stands in for the architecture's own, "" where it has one."""

    model: Any
    loader: Any
    kind: str
    instead: str = ""


def head_class(kind: str, config: PreTrainedConfig) -> HeadClass:
    """The class for a head of this kind ("QuestionAnswering", ...); ModelError where the architecture can have none."""
    import transformers

    architecture: Any = type(config)
    auto = getattr(transformers, f"AutoModelFor{kind}")
    if type(config) in auto._model_mapping and (kind, config.model_type) not in _UNFIT:
        return HeadClass(auto._model_mapping[type(config)], auto, kind)
    if _generic(kind, config):
        bare = transformers.AutoModel._model_mapping[architecture]
        made = _with_linear_layer(kind, bare, architecture, config.is_encoder_decoder)
        return HeadClass(made, made, kind, _GENERIC[kind])
    if kind not in _STANDS_IN:
        raise ModelError(
            f"{config.name_or_path}: transformers has no {kind} head for models of type {config.model_type!r}",
            hint="use an encoder such as XLM-R or mBERT",
        )
    other = head_class(_STANDS_IN[kind], config)
    name = {"TokenClassification": "token classification", "SequenceClassification": "sequence classification"}
    how = other.instead or name[other.kind]
    return HeadClass(other.model, other.loader, other.kind, f"{how} {_WITH[kind]}")


def _generic(kind: str, config: PreTrainedConfig) -> bool:
    """Tells whether transformers' generic head of this kind does for the architecture.

    That for texts reads their last token, which only in a decoder has seen the others. Of an encoder-decoder it reads the
    states of the decoder, place by place, as transformers' own class for question answering does where there is one.
    """
    import transformers

    def has(auto: Any) -> bool:
        return type(config) in auto._model_mapping

    causal, masked = has(transformers.AutoModelForCausalLM), has(transformers.AutoModelForMaskedLM)
    if not (causal or masked):  # it reads no text
        return False
    if config.is_encoder_decoder:
        return kind == "TokenClassification" and has(transformers.AutoModelForQuestionAnswering)
    decoder = causal and not masked
    return kind == "TokenClassification" or (kind == "SequenceClassification" and decoder)


@cache
def _with_linear_layer(kind: str, bare: Any, config: Any, two_stacks: bool) -> Any:
    """A class made of the bare model and transformers' own generic head.

    It has the name that transformers would give it and the architecture's names of weights, so that its checkpoints can
    be read by ``AutoModel``, and by a transformers that has this class one day.
    """
    from transformers import modeling_layers

    family = next(base for base in bare.__mro__ if base.__name__.endswith("PreTrainedModel"))
    body = {
        "base_model_prefix": family.base_model_prefix or "model",
        "config_class": config,
        "__module__": __name__,
        "__doc__": f"{bare.__name__} with one linear layer.",
    }
    if two_stacks:
        body["forward"] = _over_decoder
    bases = (getattr(modeling_layers, f"GenericFor{kind}"), family)
    return type(f"{bare.__name__.removesuffix('Model')}For{kind}", bases, body)


def _over_decoder(self: Any, input_ids: Any = None, attention_mask: Any = None, **more: Any) -> Any:
    """The forward of a linear layer over the states of a decoder, whose outputs transformers' own does not expect."""
    from transformers.modeling_outputs import TokenClassifierOutput

    states = self.base_model(input_ids, attention_mask=attention_mask, **more).last_hidden_state
    return TokenClassifierOutput(logits=self.score(self.dropout(states)))
