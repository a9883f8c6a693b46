"""Catheter targets and confirmed trees in files, messages and hashes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from planner.base.errors import InputRefused, InvalidValue
from planner.io.plan_file import decode_plan, encode_plan, plan_document
from planner.io.tree_file import tree_bytes, tree_of_bytes
from planner.model.case import Case
from planner.model.catheter import Agent, AgentType, CatheterTarget
from planner.model.plan import Plan
from planner.model.roles import Role
from planner.model.vessel_tree import Branch, VesselTree
from planner.plugin.hashing import plan_hash, trees_hash
from planner.plugin.message import plan_message, plan_of_message

TIP = CatheterTarget(
    "c1", "Hepatic artery", (-41.0, -20.5, 58.25), Agent(AgentType.Y90_GLASS, 1.6), name="right anterior"
)
SEEN = CatheterTarget("c2", "", (0.0, 0.0, 0.0), Agent(AgentType.TACE, notes="DEB 100-300"), "perfused 1")
PLAN = Plan("A", "c", (TIP, SEEN))


def test_plan_files_and_messages_give_back_what_they_took() -> None:
    assert decode_plan(encode_plan(PLAN), "here") == PLAN
    assert plan_of_message(json.loads(json.dumps(plan_message(PLAN)))) == PLAN
    assert PLAN.catheter_targets == (TIP, SEEN)
    assert PLAN.with_structure_renamed("perfused 1", "lobe").catheter_targets[1].perfused_structure == "lobe"


def test_the_form_of_the_design() -> None:
    """The row the design gives, with its optional fields left out."""
    row = {
        "id": "c1", "kind": "catheter_target", "tree": "artery", "position_lps_mm": [1, 2, 3],
        "agent": {"type": "y90_glass", "activity_gbq": 1.6},
    }  # fmt: skip
    document = {**plan_document(PLAN), "instruments": [row]}
    (found,) = decode_plan(json.dumps(document), "here").catheter_targets
    assert found == CatheterTarget("c1", "artery", (1.0, 2.0, 3.0), Agent(AgentType.Y90_GLASS, 1.6))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"agent": {"type": "y90_glass", "activity_gbq": 1600}}, "1.6 GBq, if 1600 MBq"),
        ({"agent": {"type": "y90_glass", "activity_gbq": 0}}, "positive"),
        ({"agent": {"type": "y90_glass", "activity_gbq": "1.6"}}, "number of GBq"),
        ({"agent": {"type": "tace", "activity_gbq": 1.0}}, "Only Y-90"),
        ({"agent": {"type": "radium"}}, "no such agent"),
        ({"agent": {"type": "tace", "dose": 3}}, "dose"),
        ({"agent": {}}, "no type"),
        ({"tree": ""}, "names what is perfused"),
        ({"position_lps_mm": [1, 2]}, "position_lps_mm"),
        ({"id": ""}, "needs an id"),
    ],
)
def test_a_wrong_target_is_refused_naming_what_is_wrong(change: dict[str, object], words: str) -> None:
    document = plan_document(PLAN)
    document["instruments"] = [{**document["instruments"][0], **change}]
    with pytest.raises(InputRefused) as error:
        decode_plan(json.dumps(document), "here")
    told = f"{error.value.what} {error.value.thing} {error.value.todo}"
    assert words in told


def test_not_finite_is_refused() -> None:
    with pytest.raises(InvalidValue, match="positive"):
        Agent(AgentType.Y90_RESIN, float("nan"))
    with pytest.raises(InvalidValue):
        replace(TIP, position_lps_mm=(0.0, 0.0, float("inf")))


def test_the_hash_tells_what_is_given_and_where_but_no_name() -> None:
    told = plan_hash(PLAN)
    assert plan_hash(PLAN.with_instrument(replace(TIP, name="x"))) == told
    for other in (
        replace(TIP, agent=Agent(AgentType.Y90_RESIN, 1.6)),
        replace(TIP, agent=Agent(AgentType.Y90_GLASS, 1.7)),
        replace(TIP, position_lps_mm=(-41.0, -20.5, 59.0)),
        replace(TIP, perfused_structure="x"),
    ):
        assert plan_hash(PLAN.with_instrument(other)) != told


def test_a_confirmed_tree_says_so_until_it_is_changed() -> None:
    branch = Branch(0, None, np.array([[0.0, 0, 0], [0, 0, 5]]), np.ones(2))
    tree = VesselTree("Hepatic artery", Role.HEPATIC_ARTERY, (branch,))
    assert b'is_confirmed":true' not in tree_bytes(tree), "as versions before wrote it"
    confirmed = replace(tree, is_confirmed=True)
    assert tree_of_bytes(tree_bytes(confirmed), "here").is_confirmed
    assert not tree_of_bytes(tree_bytes(tree), "here").is_confirmed
    assert not confirmed.with_branch(replace(branch, name="right")).is_confirmed
    hashes = [trees_hash(Case("c", "c", vessel_trees=(t,))) for t in (tree, confirmed)]
    assert hashes[0] != hashes[1]
