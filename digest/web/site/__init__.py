"""The readers' pages."""

from digest.web.site.atom import atom_pages
from digest.web.site.boxes import box_pages
from digest.web.site.confirm import confirm_pages
from digest.web.site.control import control_pages
from digest.web.site.follow import follow_pages
from digest.web.site.frames import frame_pages
from digest.web.site.issues import issue_pages
from digest.web.site.preferences import preferences_pages
from digest.web.site.sitemap import sitemap_pages
from digest.web.site.subscribe import subscribe_pages
from digest.web.site.terms import terms_pages
from digest.web.site.unsubscribe import unsubscribe_pages

site_pages = (
    subscribe_pages,
    terms_pages,
    confirm_pages,
    unsubscribe_pages,
    preferences_pages,
    control_pages,
    issue_pages,
    atom_pages,
    sitemap_pages,
    follow_pages,
    frame_pages,
    box_pages,
)
