"""What is said of the features of actions."""

from __future__ import annotations

from features.catalogue.sentences.amounts import count, less_likely, percent, points
from features.catalogue.sentences.families import FIFTIETH, flag, mean_rarity, population, rarest_so_far, rarity, ratio
from features.catalogue.sentences.wording import Wording

ACTION = {
    "action_is_new": flag("The action is one this identity has done before.", "the action is new to this identity"),
    "action_rarity": rarity("The action is one this identity mostly does.", "this identity does the action", FIFTIETH),
    "action_population_rarity": population("The action is one that many identities of this type do.", "do the action"),
    "category_rarity": rarity(
        "This kind of action is one this identity mostly does.", "this identity does this kind of action"
    ),
    "category_population_rarity": population(
        "This kind of action is one that many identities of this type do.", "do this kind of action"
    ),
    "step_rarity": rarity(
        "This action mostly follows the one before it in this identity's sessions.",
        "this action follows the one before it in this identity's sessions",
        FIFTIETH,
    ),
    "action_mix_drift": Wording(
        "The session does the kinds of things this identity usually does.",
        "how unlike the usual mix of this identity's actions the session's is",
        percent,
        0.3,
        0.1,
    ),
    "action_outside_intent": flag(
        "The action is one this identity has done before under the task it declares.",
        "the action is new to this identity under the task it declares",
    ),
    "first_write_after_reads": Wording(
        "This is not a session's first change after requests that only looked.",
        "how many requests only looked before the session's first change",
        count("request", "requests"),
    ),
    "write_share_above_usual": Wording(
        "The session changes no more than this identity usually does.",
        "how the share of changes in the session compares with this identity's usual share",
        points,
        0.1,
    ),
    "resource_is_new": flag(
        "The resource is one this identity has touched before.", "the resource is new to this identity"
    ),
    "resource_rarity": rarity(
        "The resource is one this identity mostly touches.", "this identity touches the resource", FIFTIETH
    ),
    "resources_above_usual": ratio(
        "The session has gone through no more different resources than this identity's sessions usually do.",
        "how many different resources the session has gone through, compared with this identity's usual sessions",
    ),
    "requests_above_usual": ratio(
        "The session has made no more requests than this identity's sessions usually do.",
        "how many requests the session has made, compared with this identity's usual sessions",
    ),
    "action_rarity_in_session": Wording(
        "", "how likely the session's actions so far are, taken together, by this identity's habits", less_likely
    ),
    "mean_action_rarity_in_session": mean_rarity(
        "The session's actions so far are mostly ones this identity does often.",
        "this identity does what the session has done so far",
    ),
    "highest_action_rarity_in_session": rarest_so_far(
        "The session has so far done nothing this identity seldom does.",
        "the session's actions were so far",
        FIFTIETH,
    ),
    "step_rarity_in_session": Wording(
        "", "how likely the order of the session's actions so far is, by this identity's habits", less_likely
    ),
    "mean_step_rarity_in_session": mean_rarity(
        "The session's actions so far mostly follow each other as they mostly do for this identity.",
        "the session's actions so far follow each other in this identity's sessions",
    ),
    "new_actions_in_session": Wording(
        "", "how many of the session's actions so far were new to this identity", count("action", "actions")
    ),
    "new_actions_share_in_session": Wording(
        "Little of what the session has done so far was new to this identity.",
        "how much of what the session has done so far was new to this identity",
        percent,
        0.5,
        0.1,
        usual_amount=True,
    ),
    "new_resources_in_session": Wording(
        "", "how many resources of the session so far were new to this identity", count("resource", "resources")
    ),
    "new_resources_share_in_session": Wording(
        "Little of what the session has gone through so far was new to this identity.",
        "how much of what the session has gone through so far was new to this identity",
        percent,
        0.5,
        0.1,
        usual_amount=True,
    ),
}
