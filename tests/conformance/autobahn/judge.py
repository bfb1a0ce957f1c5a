"""Judges what the suite reported. The suite itself ends with exit code 0 whatever happened.

Only OK passes, and INFORMATIONAL in the three cases whose result the RFC leaves open. A case that was planned and not run, or
is reported twice, or was not planned, is a fault like one that failed. Nothing is excluded.
"""

import dataclasses
import json

INFORMATIONAL_CASES = ("7.1.6", "7.13.1", "7.13.2")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A case as the suite's index has it: verdicts on what arrived and on how the connection ended, and its page."""

    case: str
    behavior: str
    behavior_close: str
    milliseconds: int = 0
    page: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Our judgement of one case: an empty fault is a pass. `behavior` is what the suite said, or `missing`."""

    case: str
    behavior: str
    fault: str = ""
    milliseconds: int = 0


def read_index(path, agent):
    """The outcomes in an index.json, doubles included; none if the suite left no index."""
    if not path.is_file():
        return []
    agents = json.loads(path.read_text(), object_pairs_hook=list)  # pairs: a dict would hide a case that is there twice
    outcomes = []
    for case, pairs in (pair for name, cases in agents if name == agent for pair in cases):
        fields = dict(pairs)
        page = path.parent / fields.get("reportfile", "").replace(".json", ".html")
        outcomes.append(Outcome(case, fields["behavior"], fields["behaviorClose"], fields.get("duration", 0), str(page)))
    return outcomes


def fault_of(outcome):
    """Why this outcome does not pass, or an empty text."""
    allowed = ("OK", "INFORMATIONAL") if outcome.case in INFORMATIONAL_CASES else ("OK",)
    faults = []
    if outcome.behavior not in allowed:
        faults.append(f"behavior {outcome.behavior}")
    if outcome.behavior_close not in allowed:
        faults.append(f"closing {outcome.behavior_close}")
    return f"{', '.join(faults)}; see {outcome.page}" if faults else ""


def judge(planned, outcomes):
    """One verdict for each planned case, in order, and one for each case that came unplanned."""
    found = {}
    for outcome in outcomes:
        found.setdefault(outcome.case, []).append(outcome)
    verdicts = []
    for case in [*planned, *(case for case in found if case not in planned)]:
        results = found.get(case, [])
        if not results:
            verdicts.append(Verdict(case, "missing", "was planned and did not run"))
            continue
        fault = fault_of(results[0])
        if case not in planned:
            fault = "ran and was not planned"
        elif len(results) > 1:
            fault = f"is reported {len(results)} times"
        verdicts.append(Verdict(case, results[0].behavior, fault, results[0].milliseconds))
    return verdicts


def compare_plan(planned, announced):
    """Faults of the list that the suite printed before it began, against our own."""
    faults = [f"the suite does not know case {case}" for case in planned if case not in announced]
    faults += [f"the suite has case {case}, which cases.txt lacks" for case in announced if case not in planned]
    faults += [f"the suite announced case {case} twice" for case in dict.fromkeys(announced) if announced.count(case) > 1]
    return faults
