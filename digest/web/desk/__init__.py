"""The editors' pages, behind a sign-in: one module per page of the desk."""

from digest.web.desk.account import account_pages
from digest.web.desk.adding import adding_pages
from digest.web.desk.api_tokens import token_pages
from digest.web.desk.as_reader import as_reader_pages
from digest.web.desk.audit_log import audit_pages
from digest.web.desk.calendar import calendar_pages
from digest.web.desk.compose import compose_pages
from digest.web.desk.conflict import conflict_pages
from digest.web.desk.correct import correct_pages
from digest.web.desk.demo_door import DemoDoor, demo_door_pages
from digest.web.desk.doctor import doctor_pages
from digest.web.desk.domains import domain_pages
from digest.web.desk.forms import form_pages
from digest.web.desk.issue import desk_issue_pages
from digest.web.desk.newsletters import newsletter_pages
from digest.web.desk.paper import paper_pages
from digest.web.desk.passkeys import passkey_pages
from digest.web.desk.password import password_pages
from digest.web.desk.pinning import pinning_pages
from digest.web.desk.preflight import preflight_pages
from digest.web.desk.preview import preview_pages
from digest.web.desk.readers import reader_pages
from digest.web.desk.reports import report_pages
from digest.web.desk.sending import sending_pages
from digest.web.desk.settings import settings_pages
from digest.web.desk.sign_in import again_pages, sign_in_pages
from digest.web.desk.sources import source_pages
from digest.web.desk.story_picture import story_picture_pages
from digest.web.desk.terms import terms_pages
from digest.web.desk.this_week import this_week_pages
from digest.web.desk.trying import trying_pages
from digest.web.desk.uploads import upload_pages
from digest.web.desk.users import user_pages

desk_pages = (
    sign_in_pages,
    again_pages,
    passkey_pages,
    password_pages,
    this_week_pages,
    desk_issue_pages,
    compose_pages,
    conflict_pages,
    adding_pages,
    story_picture_pages,
    sending_pages,
    correct_pages,
    preflight_pages,
    report_pages,
    calendar_pages,
    pinning_pages,
    preview_pages,
    as_reader_pages,
    trying_pages,
    account_pages,
    user_pages,
    settings_pages,
    reader_pages,
    newsletter_pages,
    paper_pages,
    upload_pages,
    source_pages,
    terms_pages,
    form_pages,
    audit_pages,
    token_pages,
    doctor_pages,
    domain_pages,
)

__all__ = ["DemoDoor", "demo_door_pages", "desk_pages"]
