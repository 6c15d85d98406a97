"""Tables and the classes over them. No queries that belong to a verb."""

from digest.models.access import ApiToken, Scope
from digest.models.article import Article, PageCheck, Source, may_be_picked
from digest.models.breaker import Breaker, BreakerState, Wait
from digest.models.consent import Consent, ConsentDetail, ConsentKind, ConsentSeal
from digest.models.control import AddressChange, ReaderSession
from digest.models.delivery import (
    DID_NOT_GET_IT,
    MAY_HAVE_ARRIVED,
    OPEN,
    Attempt,
    Bounce,
    BounceKind,
    Delivery,
    DeliveryState,
    IssueTotal,
    Notice,
    NoticeKind,
    NoticeState,
)
from digest.models.farewell import Farewell, LeavingReason
from digest.models.home import Home, Restore
from digest.models.inbound import InboundDomain
from digest.models.issue import (
    AFTER_FREEZE,
    BEFORE_FREEZE,
    Issue,
    IssueState,
    LeftOut,
    Rendering,
    Story,
    StoryRole,
)
from digest.models.newsletter import Approval, InDoubtPolicy, Newsletter
from digest.models.publication import Heartbeat, Installation, Media, Publication
from digest.models.relay import Relay
from digest.models.subscriber import (
    EndedReason,
    SignUp,
    SignUpChoice,
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
    "OPEN",
    "AddressChange",
    "ApiToken",
    "Approval",
    "Article",
    "Attempt",
    "Bounce",
    "BounceKind",
    "Breaker",
    "BreakerState",
    "Consent",
    "ConsentDetail",
    "ConsentKind",
    "ConsentSeal",
    "Delivery",
    "DeliveryState",
    "EndedReason",
    "Farewell",
    "Heartbeat",
    "Home",
    "InDoubtPolicy",
    "InboundDomain",
    "Installation",
    "Issue",
    "IssueState",
    "IssueTotal",
    "LeavingReason",
    "LeftOut",
    "Media",
    "Newsletter",
    "Notice",
    "NoticeKind",
    "NoticeState",
    "PageCheck",
    "Publication",
    "ReaderSession",
    "Relay",
    "Rendering",
    "Restore",
    "Scope",
    "SignUp",
    "SignUpChoice",
    "Source",
    "Story",
    "StoryRole",
    "Subscriber",
    "Subscription",
    "Suppression",
    "SuppressionReason",
    "Terms",
    "Wait",
    "Wording",
    "blocks_mail",
    "may_be_picked",
    "reason_not_to_mail",
]
