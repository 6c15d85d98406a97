"""Tables and the classes over them. No queries that belong to a verb.

A module of them is loaded when a name of it is first asked for: to map all of them takes longer
than most commands do. Whoever writes by way of a session, or serves, has them all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from digest.models.access import ApiToken, Scope
    from digest.models.article import Article, Source, may_be_picked
    from digest.models.audit import AuditDetail, AuditEvent, AuditPart, AuditSeal
    from digest.models.breaker import Breaker, BreakerState, Wait
    from digest.models.consent import Consent, ConsentDetail, ConsentKind, ConsentSeal
    from digest.models.control import AddressChange, ReaderSession
    from digest.models.counted import AcceptedMinute, Counted, DayCount, StoryClicks
    from digest.models.delivery import (
        DID_NOT_GET_IT,
        MAY_HAVE_ARRIVED,
        ONCE_ACCEPTED,
        OPEN,
        Attempt,
        Bounce,
        BounceKind,
        BounceReason,
        Delivery,
        DeliveryState,
        IssueTotal,
        Notice,
        NoticeKind,
        NoticeState,
    )
    from digest.models.desk import (
        DeskSession,
        Grant,
        Passkey,
        RecoveryCode,
        Role,
        SpentChallenge,
        User,
        UserLink,
    )
    from digest.models.dkim import DkimAlgorithm, DkimKey, DkimState
    from digest.models.farewell import Farewell, LeavingReason
    from digest.models.fetching import PageCheck, SourceFetch
    from digest.models.home import Home
    from digest.models.inbound import InboundDomain
    from digest.models.installation import Installation
    from digest.models.issue import (
        AFTER_FREEZE,
        BEFORE_FREEZE,
        UNDER_WAY,
        Issue,
        IssueState,
        LeftOut,
        Story,
        StoryRole,
    )
    from digest.models.issue_change import (
        STORYS_MEDIA,
        STORYS_OWN,
        ChangedField,
        Correction,
        IssueChange,
        IssuePresence,
        WaitingCorrection,
    )
    from digest.models.newsletter import Approval, InDoubtPolicy, Newsletter
    from digest.models.preflight import AcceptedFinding, LinkAnswer, LinkCheck, PreflightReport
    from digest.models.publication import Heartbeat, Media, Publication
    from digest.models.relay import Relay
    from digest.models.rendering import Rendering
    from digest.models.restore import Restore
    from digest.models.sign_up import SignUp, SignUpChoice
    from digest.models.subscriber import (
        EndedReason,
        Subscriber,
        Subscription,
        Suppression,
        SuppressionReason,
        blocks_mail,
        reason_not_to_mail,
    )
    from digest.models.terms import Terms, Wording

__all__ = [
    "AFTER_FREEZE",
    "BEFORE_FREEZE",
    "DID_NOT_GET_IT",
    "MAY_HAVE_ARRIVED",
    "ONCE_ACCEPTED",
    "OPEN",
    "STORYS_MEDIA",
    "STORYS_OWN",
    "UNDER_WAY",
    "AcceptedFinding",
    "AcceptedMinute",
    "AddressChange",
    "ApiToken",
    "Approval",
    "Article",
    "Attempt",
    "AuditDetail",
    "AuditEvent",
    "AuditPart",
    "AuditSeal",
    "Bounce",
    "BounceKind",
    "BounceReason",
    "Breaker",
    "BreakerState",
    "ChangedField",
    "Consent",
    "ConsentDetail",
    "ConsentKind",
    "ConsentSeal",
    "Correction",
    "Counted",
    "DayCount",
    "Delivery",
    "DeliveryState",
    "DeskSession",
    "DkimAlgorithm",
    "DkimKey",
    "DkimState",
    "EndedReason",
    "Farewell",
    "Grant",
    "Heartbeat",
    "Home",
    "InDoubtPolicy",
    "InboundDomain",
    "Installation",
    "Issue",
    "IssueChange",
    "IssuePresence",
    "IssueState",
    "IssueTotal",
    "LeavingReason",
    "LeftOut",
    "LinkAnswer",
    "LinkCheck",
    "Media",
    "Newsletter",
    "Notice",
    "NoticeKind",
    "NoticeState",
    "PageCheck",
    "Passkey",
    "PreflightReport",
    "Publication",
    "ReaderSession",
    "RecoveryCode",
    "Relay",
    "Rendering",
    "Restore",
    "Role",
    "Scope",
    "SignUp",
    "SignUpChoice",
    "Source",
    "SourceFetch",
    "SpentChallenge",
    "Story",
    "StoryClicks",
    "StoryRole",
    "Subscriber",
    "Subscription",
    "Suppression",
    "SuppressionReason",
    "Terms",
    "User",
    "UserLink",
    "Wait",
    "WaitingCorrection",
    "Wording",
    "blocks_mail",
    "may_be_picked",
    "reason_not_to_mail",
]

# The same names once more, by the module that has them: what is above is never run.
_NAMES = {
    "access": "ApiToken Scope",
    "article": "Article Source may_be_picked",
    "audit": "AuditDetail AuditEvent AuditPart AuditSeal",
    "breaker": "Breaker BreakerState Wait",
    "consent": "Consent ConsentDetail ConsentKind ConsentSeal",
    "control": "AddressChange ReaderSession",
    "counted": "AcceptedMinute Counted DayCount StoryClicks",
    "delivery": (
        "DID_NOT_GET_IT MAY_HAVE_ARRIVED ONCE_ACCEPTED OPEN Attempt Bounce BounceKind "
        "BounceReason Delivery DeliveryState IssueTotal Notice NoticeKind NoticeState"
    ),
    "desk": "DeskSession Grant Passkey RecoveryCode Role SpentChallenge User UserLink",
    "dkim": "DkimAlgorithm DkimKey DkimState",
    "farewell": "Farewell LeavingReason",
    "fetching": "PageCheck SourceFetch",
    "home": "Home",
    "inbound": "InboundDomain",
    "installation": "Installation",
    "issue": "AFTER_FREEZE BEFORE_FREEZE UNDER_WAY Issue IssueState LeftOut Story StoryRole",
    "issue_change": (
        "STORYS_MEDIA STORYS_OWN ChangedField Correction IssueChange IssuePresence "
        "WaitingCorrection"
    ),
    "newsletter": "Approval InDoubtPolicy Newsletter",
    "preflight": "AcceptedFinding LinkAnswer LinkCheck PreflightReport",
    "publication": "Heartbeat Media Publication",
    "relay": "Relay",
    "rendering": "Rendering",
    "restore": "Restore",
    "sign_up": "SignUp SignUpChoice",
    "subscriber": (
        "EndedReason Subscriber Subscription Suppression SuppressionReason blocks_mail "
        "reason_not_to_mail"
    ),
    "terms": "Terms Wording",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    # Asked for once.
    globals()[name] = value
    return value


def load_all() -> None:
    """Load every module, so that the metadata holds all tables."""
    for module in _NAMES:
        import_module(f"{__name__}.{module}")


# A flush puts tables into the order of their foreign keys, which have to lead somewhere.
event.listen(Session, "before_flush", lambda *_: load_all(), once=True)
