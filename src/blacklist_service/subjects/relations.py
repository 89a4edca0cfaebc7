"""How a subject is related to a listing."""

from enum import StrEnum


class Relation(StrEnum):
    """Only the debtor is *listed*; the other four are an organisation's people, covered by some measures
    (法释〔2015〕17号 Art. 3) and never listed themselves (法发〔2019〕35号 item 16).
    """

    DEBTOR = "debtor"
    LEGAL_REPRESENTATIVE = "legal_representative"
    PRINCIPAL = "principal"
    DIRECTLY_RESPONSIBLE = "directly_responsible"
    ACTUAL_CONTROLLER = "actual_controller"


STORED_RELATIONS = tuple(Relation)
"""A relation is stored as its index here: append, never reorder. The debtor comes first, and is fetched first."""

RELATION_NUMBERS = {relation: number for number, relation in enumerate(STORED_RELATIONS)}
