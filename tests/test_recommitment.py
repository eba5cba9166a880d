"""A commitment whose openings run out is replaced, and the chain of statements goes on."""

from dataclasses import replace

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.dataset import DATASET
from zkunlearn.circuits.relations.growth import NEW_DATASET
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.verifier.shapes import new_transcript, shape_of

from .cheating import CheatingProver

SPEC = zu.TrainingSpec(model="logistic", epochs=2, learning_rate=0.5)


@pytest.fixture(scope="module")
def chain():
    random = np.random.default_rng(3)
    old = zu.commit(random.normal(size=(11, 2)), np.arange(11) % 2, openings=3)
    first = zu.prove(old, SPEC, forget=["4"])
    new, link = zu.recommit(old, openings=5)
    second = zu.prove(new, SPEC, forget=["4", "9"], previous=first.proof)
    return old, first.proof, new, link, second.proof


def test_the_chain_goes_on_over_a_recommitment(chain):
    old, first, new, link, second = chain
    assert zu.verify_link(zu.LinkProof.from_bytes(link.to_bytes())) >= 100
    report = zu.verify(second, new.commitment, previous=first, links=[link])
    assert report.pinned == ("previous",)


def test_without_the_link_the_data_sets_are_different(chain):
    _, first, new, _, second = chain
    with pytest.raises(zu.StatementMismatch, match="the previous proof is about another data set"):
        zu.verify(second, new.commitment, previous=first)


def test_a_link_of_other_data_sets_is_not_the_one_that_is_needed(chain):
    old, first, new, link, second = chain
    back = replace(link, statement=LinkStatement(new.statement, old.statement))
    with pytest.raises(zu.StatementMismatch, match="do not lead from the data set of the previous proof to this one"):
        zu.verify(second, new.commitment, previous=first, links=[back])


def test_both_commitments_pay_for_the_link(chain):
    old, _, new, _, _ = chain
    assert (old.spent, new.spent) == (3, 3)  # validity, training, link; validity, link, training
    with pytest.raises(zu.BudgetExceeded):
        zu.recommit(old)


def test_a_link_between_other_records_is_rejected(chain):
    old, _, new, link, _ = chain
    lying = replace(link, statement=replace(link.statement, new=replace(new.statement, record_root=bytes(32))))
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify_link(lying)
    assert failure.value.check == "record consistency"


def test_a_recommitment_that_changes_one_label_is_rejected(chain):
    old, _, _, _, _ = chain
    labels = old.rows.labels.copy()
    labels[5] = 1 - labels[5]
    changed = commit_rows(replace(old.rows, labels=labels), old.statement.encoding, 4, old.statement.segments, None)
    own = changed.statement
    statement = LinkStatement(old.statement, old.statement.continued(own.root, own.openings))  # of the old records
    columns = {**old.columns, **{Address(NEW_DATASET, c.name): cells for c, cells in changed.columns.items()}}
    prover = CheatingProver(
        shape_of(statement),
        new_transcript(statement),
        {DATASET: old.matrix, NEW_DATASET: changed.matrix},
        columns,
    )
    lying = zu.LinkProof(statement, prover.prove())
    with pytest.raises(zu.InvalidProof) as failure:
        zu.verify_link(lying)
    assert failure.value.check == "constraints"
    assert prover.lies == {"recommitment of labels"}
