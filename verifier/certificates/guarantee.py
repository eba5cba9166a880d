"""What a proved unlearning is worth, in words that can be quoted: the guarantee, what it assumes, and what voids it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...circuits.statements.training import TrainingStatement
from ...errors import ParameterError
from ...models.methods import Optimum, Sisa
from ...models.spec import TrainingSpec
from ...shown import Shown
from ..noise import Indistinguishability, indistinguishability

EXACT = "the published model is the same as if the forgotten rows had never been there"
RETRAINED = "the published model is what the declared algorithm outputs on the rows that are left, integer for integer"
SHARDS = "the published models are what the declared algorithm outputs, shard by shard, on the rows that are left"
COINS = "the owner's coins were random and secret, and its nonce came after them"
BUT_FOR = "but for the bounds of columns, taken from the data, "

CHOSEN = "bounds, columns and the algorithm were chosen without the forgotten rows"
CHOSEN_OPTIMUM = "bounds, columns, l2, grid and distances were chosen without the forgotten rows"
CHOSEN_NOISE = "bounds, columns, l2, grid, distance, epsilon and delta were chosen without the forgotten rows"
PRECEDENCE = "the commitment came before the nonce, there was one for it, and the owner chose no nonce"
NOT_ADAPTIVE = "requests did not depend on models that were published before"
HELD_OUT = "which rows are held out was drawn from all records, those of the forgotten rows among them"
VOID_RETRAINED = "if the owner chose any of these after seeing the forgotten rows"
VOID_OPTIMUM = "if the weights before rounding are shown, or the owner chose any of these after seeing such rows"
VOID_NOISE = "if the weights before noise, or coins, are shown or kept, or how far the optimum was is published"


@dataclass(frozen=True, repr=False)
class Guarantee(Shown):
    """What a statement of training promises about the rows that it forgets.

    Attributes:
        kind: "exact retraining", "exact retraining of shards", "exact: certified optimum" or "(epsilon, delta)".
        words: a sentence to be quoted.
        assumes: what it takes for granted.
        voided: what would make it worth nothing.
        hidden: of a model with noise, mu, epsilon and delta; None of others.
    """

    kind: str
    words: str
    assumes: tuple[str, ...]
    voided: tuple[str, ...]
    hidden: Indistinguishability | None = None

    shows = "kind", "words"


def guarantee(statement: TrainingStatement) -> Guarantee:
    """That of a statement. Raises ParameterError for one with noise that cannot be proved."""
    method, but, all_records = statement.spec.method, but_for(statement), drawn_from_all(statement)
    if statement.noise is not None or method.noised:
        hidden = indistinguishability(statement)
        if hidden is None:
            raise ParameterError(f"method = {method.kind!r}: it has no noise")
        words = f"{but}{hidden}-indistinguishable from the same without the forgotten rows"
        taken = (COINS, PRECEDENCE, CHOSEN_NOISE, NOT_ADAPTIVE, *all_records)
        return Guarantee("(epsilon, delta)", words, taken, (VOID_NOISE,), hidden)
    if isinstance(method, Optimum):
        assumes = (CHOSEN_OPTIMUM, *all_records)
        return Guarantee("exact: certified optimum", f"exact: {but}{EXACT}", assumes, (VOID_OPTIMUM,))
    if isinstance(method, Sisa):
        assumes = (CHOSEN, NOT_ADAPTIVE)
        return Guarantee("exact retraining of shards", f"exact: {but}{SHARDS}", assumes, (VOID_RETRAINED,))
    return Guarantee("exact retraining", f"exact: {but}{RETRAINED}", (CHOSEN,), (VOID_RETRAINED,))


def but_for(statement: TrainingStatement) -> str:
    """What begins the words of every guarantee if the bounds of columns were not declared; else empty."""
    return "" if statement.dataset.encoding.bounds_declared else BUT_FOR


def drawn_from_all(statement: TrainingStatement) -> tuple[str, ...]:
    """What follows from all records, not only from those of rows that are left: none without a hold-out."""
    return (HELD_OUT,) if statement.spec.holdout else ()


def algorithm_words(spec: TrainingSpec, listed: Callable[[Sequence[str]], str] = ", ".join) -> str:
    """The declared algorithm in a sentence.

    Args:
        listed: how names of features are told, which a data set brought along.
    """
    fixed, left_out, held_out = spec.fixed_point, "", ""
    if spec.holdout:
        rows = f"{spec.holdout:,} row{'' if spec.holdout == 1 else 's'}"
        held_out = f"; the first {rows} held out, not used in training"
    if spec.without:
        left_out = f", without {'the feature ' if len(spec.without) == 1 else 'the features '}{listed(spec.without)}"
    return (
        f"{spec.family.title} {'with' if spec.method.bias else 'without'} bias{left_out}, by {spec.method.describe()}; "
        f"scales 2^{fixed.x_bits} (features), 2^{fixed.w_bits} (weights), 2^{fixed.p_bits} (predictions){held_out}"
    )
