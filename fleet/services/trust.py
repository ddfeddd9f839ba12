"""The trust document in force, as the database has it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services.errors import Conflict
from fleet.store.firmware import TrustVersion
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.trust.verify import Trust
from fleet.wire.envelope import Envelope
from fleet.wire.firmware import TrustChain
from fleet.wire.messages import PROTOCOL_VERSION


def chain_of(session: Session) -> list[Envelope]:
    """Every version, oldest first; empty while trust is not switched on."""
    rows = session.scalars(select(TrustVersion.envelope).order_by(TrustVersion.version))
    return [read_envelope(text) for text in rows]


def trust_in_force(session: Session) -> Trust | None:
    """Verified link by link, so that a row that nobody has signed is found out.

    Raises Conflict where they do not hold together.
    """
    chain = chain_of(session)
    if not chain:
        return None
    try:
        trust = Trust.anchored(chain[0])
        for envelope in chain[1:]:
            trust = trust.followed_by(envelope)
    except Refused as refusal:
        raise Conflict(f"the trust documents in the database do not hold: {refusal}") from refusal
    return trust


def required_trust(session: Session) -> Trust:
    """Raises Conflict where there is none."""
    trust = trust_in_force(session)
    if trust is None:
        raise Conflict("there is no trust document yet: see fleet keys")
    return trust


def chain_message(session: Session) -> TrustChain:
    return TrustChain(PROTOCOL_VERSION, chain_of(session))
