"""What the numbers say, in words that need no statistics; each with what it does not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .results import Measured, Membership, Reconstruction, Shards

SIGNIFICANT = 0.025  # of each of two attacks: of both together 0.05
UNLIKELY = 0.05
UNSURE = 0.25  # an advantage that is uncertain by more says little
WHOLE, PART = 0.9, 0.5  # cosines of one guess in ten
ABOVE_CHANCE = 0.1  # a cosine that is more above chance's tells something
LOSS = 0.01  # of a score is worth a look


@dataclass(frozen=True, repr=False)  # what is told of rows stays out of logs
class Finding:
    """A question, the answer, and whether it asks for something to be done.

    Attributes:
        topic: in a word. question, answer: for people.
        mark: "good", "care", "open" where nothing can be said, or "fact" where there is nothing to judge.
    """

    topic: str
    question: str
    answer: str
    mark: str


def findings(found: Measured) -> tuple[Finding, ...]:
    """In the order of the page."""
    alone = () if found.shards is None else (_remembered_by(found, found.shards),)
    return (_retrained(found), _useful(found), _remembered(found), *alone, _nearer(found), _revealed(found))


def _retrained(found: Measured) -> Finding:
    question, own = "Is the new model what retraining gives?", found.distances
    if own.equal:
        which = "the model is" if found.shards is None else f"all {found.shards.count:,} models of shards is"
        answer = (
            f"Yes. The declared training was run again on the remaining rows, and every integer of {which} the same. "
            "(That it is the declared one is what the proof is for.)"
        )
        return Finding("retrained", question, answer, "good")
    if own.retrained is None:
        return Finding("retrained", question, "The declared training could not be run again here.", "open")
    if found.bound is not None:
        answer = (
            f"Not exactly, as declared: whoever is to tell it from a retrained one has an advantage of at most "
            f"{found.bound:.2f} (mu = {found.about.mu:.3g}). Its weights are {own.retrained:.3g} away from a "
            f"retraining; forgetting the rows moved them by {own.moved:.3g}."
        )
        return Finding("retrained", question, answer, "fact")
    answer = (
        f"Not exactly: its weights are {own.retrained:.3g} away from those of the declared training, run again here; "
        f"forgetting the rows moved them by {own.moved:.3g}."
    )
    return Finding("retrained", question, answer, "care")


def _useful(found: Measured) -> Finding:
    before, after, *_ = found.utility
    name, change = found.about.score, after.holdout.score - before.holdout.score
    kept = change > -LOSS
    answer = (
        f"On {found.about.holdout:,} rows that neither model saw, {name} was {before.holdout.score:.4f} before and is "
        f"{after.holdout.score:.4f} after."
    )
    return Finding("utility", "Is it still as good?", answer, "good" if kept else "care")


def sharpest(attacks: Sequence[Membership], model: str) -> Membership:
    """Of the attacks on one model, the one with the largest advantage over chance's."""
    own = [each for each in attacks if each.model == model]
    return max(own, key=lambda each: each.attack.advantage - each.attack.chance)


def _remembered(found: Measured) -> Finding:
    question = "Do the models treat the forgotten rows as rows that they know?"
    return _told(found, found.membership, "membership", question)


def _remembered_by(found: Measured, own: Shards) -> Finding:
    question = "Does the model of a shard by itself treat the forgotten rows of this shard so?"
    return _told(found, own.membership, "shards", question)


def _told(found: Measured, attacks: Sequence[Membership], topic: str, question: str) -> Finding:
    rows = found.about.forgotten
    before, after = sharpest(attacks, "before"), sharpest(attacks, "after")
    exact = found.about.standing_in or found.distances.equal  # a stand-in was trained without the rows, here
    told = [each.attack.p <= SIGNIFICANT for each in (before, after)]
    words = ["yes" if each else "no sign of it" for each in told]
    answer = (
        f"Before: {words[0]} (AUC {before.attack.auc:.2f}, where 0.5 is guessing). After: {words[1]} "
        f"(AUC {after.attack.auc:.2f})."
    )
    if found.uncertainty > UNSURE:
        few = "is one forgotten row" if rows == 1 else f"are only {rows:,} forgotten rows"
        answer += f" There {few}, so every advantage is uncertain by {found.uncertainty:.2f}: this says little."
    if told[1]:
        answer += (
            " Of a model that equals retraining this is no memory: the rows were unlike others before anybody trained "
            "on them, or it is chance."
            if exact
            else " That is what forgetting was to end; or the rows are unlike others in themselves."
        )
        return Finding(topic, question, answer, "open" if exact else "care")
    return Finding(topic, question, answer, "open" if found.uncertainty > UNSURE else "good")


def _nearer(found: Measured) -> Finding:
    question, own = "Did the forgotten rows make a difference?", found.distances
    what = "retrainings" if found.shards is None else "retrainings of the shards that they were in,"
    answer = (
        f"Of {own.differ} {what} without them and without a tenth of the other rows, {own.nearer} are nearer to "
        f"the model after than to the one before. Forgetting them moved the model further than {1 - own.rarity:.0%} of "
        "the times that as many other rows were forgotten."
    )
    stands_out = own.p <= UNLIKELY or own.rarity <= UNLIKELY
    return Finding("difference", question, f"{'Yes' if stands_out else 'None that stands out'}. {answer}", "fact")


def excess(tried: Reconstruction) -> float:
    """By how much one guess in ten is more like a forgotten row than like others."""
    return max(tried.stranger.tenth, tried.insider.tenth) - tried.chance.tenth


def recommended(batches: tuple[Reconstruction, ...]) -> int | None:
    """The smallest batch from which on guesses are like chance's; None if there is none among those tried."""
    hidden: int | None = None
    for each in reversed(batches):
        if excess(each) >= ABOVE_CHANCE:
            break
        hidden = each.batch
    return hidden


def _revealed(found: Measured) -> Finding:
    question = "What does somebody learn who holds both models?"
    if not found.batches:
        return Finding("reconstruction", question, "There are too few rows to try it.", "open")
    single, size = found.batches[0], recommended(found.batches)
    best = max(single.stranger.tenth, single.insider.tenth)
    if excess(single) < ABOVE_CHANCE:
        return Finding(
            "reconstruction",
            question,
            "Of people who are forgotten alone, this attack finds nothing beyond chance.",
            "good",
        )
    how = "nearly the whole row" if best >= WHOLE else "a good part of the row" if best >= PART else "something"
    answer = (
        f"Of people who are forgotten alone, one in ten is found with {how}: the cosine of guess and row is at least "
        f"{single.stranger.tenth:.2f} for a stranger who has similar rows, and {single.insider.tenth:.2f} for one who "
        f"has all other rows{'' if found.shards is None else ' of its shard'} (1 is the row itself; chance has "
        f"{single.chance.tenth:.2f})."
    )
    answer += (
        " No batch size that was tried hides everybody, as a row that the model got wrong stands out among many: give "
        "nobody both models."
        if size is None
        else f" Do not publish a model for each removal: of {size} rows together the attack found no more than chance."
    )
    return Finding("reconstruction", question, answer, "care")
