"""What the page of an issue says of its approval: who gave it, and who may."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from digest.models import Approval, Issue, IssueState, Role
from digest.newsroom.issues.approving import approval_of, has_written
from digest.web.desk.signed_in import desk
from digest.web.desk.standing import counted, moment


@dataclass(frozen=True)
class ApprovalShown:
    """`words`: the approval that stands, or why whoever asks cannot give it; `may`: they can."""

    words: str = ""
    may: bool = False


def approval_shown(session: Session, issue: Issue, *, stories: int | None = None) -> ApprovalShown:
    """Gather what to say of an issue's approval to whoever asks; `stories` as for `standing_of`."""
    told = approval_of(session, issue)
    if told is not None:
        at = moment(told.at, issue.newsletter)
        return ApprovalShown(f"{told.words} By {told.by}, {at} ({issue.newsletter.zone}).")
    if issue.state is not IssueState.DRAFT or not counted(issue, stories):
        return ApprovalShown()
    if not desk().may(Role.EDITOR, issue.newsletter_id):
        return ApprovalShown()
    second = issue.newsletter.approval is Approval.SECOND_PERSON
    if second and has_written(session, issue, desk().user.id):
        return ApprovalShown("You have written in it, so somebody else has to approve it.")
    return ApprovalShown(may=True)
