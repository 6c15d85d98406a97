"""The inbox's pages: what came, and each mail as HTML, text, headers and source."""

from flask import Blueprint, Response, abort, make_response, render_template, request

from digest.settings.values import origin_of
from digest.web.framing import with_links_in_new_tabs
from digest.web.inbox.mailbox import InboxMail, Mailbox
from digest.web.inbox.reading import linked
from digest.web.loopback import refuse_strangers

VIEWS = ("html", "text", "headers", "source")
WIDTHS = ("desktop", "phone")

# The mail's frame cannot run scripts, send forms or reach out; its links open beside the inbox.
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data: {origin}; "
    f"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; form-action 'self' {origin}; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def inbox_pages(mailbox: Mailbox, public_url: str) -> Blueprint:
    """Return the pages at `/inbox` for an app that is served on loopback only.

    `public_url` is where the links and pictures in the mails lead.
    """
    pages = Blueprint("inbox", __name__, url_prefix="/inbox")
    page_policy = PAGE_POLICY.format(origin=origin_of(public_url))
    mail_policy = MAIL_POLICY.format(origin=origin_of(public_url))

    pages.before_request(refuse_strangers)

    @pages.after_request
    def seal(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", page_policy)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @pages.get("", strict_slashes=False)
    def show_list() -> str:
        return render_template("inbox/list.html", mails=mailbox.messages()[::-1])

    @pages.get("/<int:mail_id>")
    def show_mail(mail_id: int) -> str:
        mail = _found(mailbox, mail_id)
        read = mail.read
        view = request.args.get("view", "")
        if view not in VIEWS:
            view = "html" if read.html is not None else "text"
        width = request.args.get("width", "")
        return render_template(
            "inbox/mail.html",
            mail=mail,
            view=view,
            width=width if width in WIDTHS else "desktop",
            sandbox=SANDBOX,
            text=linked(read.text or ""),
            one_click_url=read.one_click_url
            if (read.one_click_url or "").startswith(f"{public_url}/")
            else None,
        )

    @pages.get("/<int:mail_id>/html")
    def show_html(mail_id: int) -> Response:
        html = _found(mailbox, mail_id).read.html
        if html is None:
            abort(404)
        response = make_response(with_links_in_new_tabs(html))
        response.headers["Content-Security-Policy"] = mail_policy
        # Said by `frame-ancestors` too; this stands for older browsers, and instead of DENY.
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        return response

    @pages.get("/<int:mail_id>/mail.eml")
    def download(mail_id: int) -> Response:
        mail = _found(mailbox, mail_id)
        response = Response(mail.content, content_type="message/rfc822")
        response.headers["Content-Disposition"] = f'attachment; filename="mail-{mail.id}.eml"'
        return response

    return pages


def _found(mailbox: Mailbox, mail_id: int) -> InboxMail:
    mail = mailbox.find(mail_id)
    if mail is None:
        abort(404)
    return mail
